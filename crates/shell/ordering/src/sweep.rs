//! Sweeping: bytes in the vault that no block refers to go.
//!
//! A message is written before its block. Where a crash came between the two, the message, or a piece of one, stays in a vault
//! file although nobody was told that it was taken in: the block is not there, and the sender sent it again. Nothing ever reads
//! these bytes, so nothing but this finds a person's data among them.
//!
//! # Crash notes
//! Zeros are written over what nothing refers to: whatever a crash leaves of that, the next sweep goes on.

use crate::disk::Disk;
use crate::reader::{look, read_messages};
use crate::recovery::OpenError;
use crate::vault::{entry_bytes, file_name, file_number};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Looked at in one piece.
const PIECE_BYTES: usize = 1 << 20;

/// Where entries lie in one file: offset and end, in order.
type Ranges = Vec<(u64, u64)>;

/// Writes zeros over everything in the vault that no block refers to, and returns how many bytes it was. Every block is
/// checked first. Nobody may have the folder open.
///
/// # Errors
/// If the blocks are damaged, or the folder cannot be read or written.
pub fn sweep(disk: &Arc<dyn Disk>) -> Result<u64, OpenError> {
    look(disk, |_| ())?;
    let mut referred: BTreeMap<u32, Ranges> = BTreeMap::new();
    read_messages(&**disk, 1, |_, _, places| {
        for (_, place) in places {
            let from = u64::from(place.offset);
            referred.entry(place.file).or_default().push((from, from + entry_bytes(place) as u64));
        }
        true
    })?;
    let mut swept = 0;
    for number in disk.list()?.iter().filter_map(|name| file_number(name)) {
        let mut ranges = referred.remove(&number).unwrap_or_default();
        ranges.sort_unstable();
        swept += sweep_file(&**disk, number, &ranges)?;
    }
    Ok(swept)
}

fn sweep_file(disk: &dyn Disk, number: u32, referred: &[(u64, u64)]) -> io::Result<u64> {
    let mut file = disk.open(&file_name(number))?;
    let (length, mut at, mut swept) = (file.length()?, 0, 0);
    let mut piece = vec![0; PIECE_BYTES];
    for (from, end) in referred.iter().copied().chain([(length, length)]) {
        while at < from.min(length) {
            let bytes = &mut piece[..(from.min(length) - at).min(PIECE_BYTES as u64) as usize];
            file.read_at(at, bytes)?;
            let left = bytes.iter().filter(|byte| **byte != 0).count() as u64;
            if left > 0 {
                bytes.fill(0);
                file.write_at(at, bytes)?;
                swept += left;
            }
            at += bytes.len() as u64;
        }
        at = at.max(end);
    }
    if swept > 0 {
        file.sync_data()?;
    }
    Ok(swept)
}
