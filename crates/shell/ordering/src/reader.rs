//! Reads blocks back out of a folder, from some height on, without applying anything.

use crate::disk::Disk;
use crate::frame::{Found, Frame, read_frame};
use crate::journal::Recovered;
use crate::recovery::{Manner, OpenError, recover};
use crate::segments::{segment_heights, segment_name};
use crate::sequencer::decode_body;
use crate::snapshot::ArchiveKnown;
use crate::vault::VaultPlace;
use chain::BlockHeader;
use clearing::{Command, IndexSeed};
use std::io;
use std::sync::Arc;

/// Shows `each` every sound block from height `from` on, in order, until it answers `false` or the blocks end.
///
/// # Errors
/// If a file cannot be read. A damaged block ends the reading like the last one: recovery is who judges damage.
pub fn read_blocks(disk: &dyn Disk, from: u64, mut each: impl FnMut(BlockHeader, Vec<Command>) -> bool) -> io::Result<()> {
    read_frames(disk, from, |frame| decode_body(frame.body).is_some_and(|commands| each(frame.header, commands)))
}

/// The same, with where the signed messages of the block's commands lie, by command number.
///
/// # Errors
/// As [`read_blocks`].
pub fn read_messages(
    disk: &dyn Disk,
    from: u64,
    mut each: impl FnMut(BlockHeader, Vec<Command>, Vec<(u32, VaultPlace)>) -> bool,
) -> io::Result<()> {
    read_frames(disk, from, |frame| decode_body(frame.body).is_some_and(|commands| each(frame.header, commands, frame.places)))
}

fn read_frames(disk: &dyn Disk, from: u64, mut each: impl FnMut(Frame<'_>) -> bool) -> io::Result<()> {
    let heights = segment_heights(disk)?;
    let first = heights.iter().rposition(|&height| height <= from).unwrap_or(0);
    for &height in heights.iter().skip(first) {
        let bytes = disk.open(&segment_name(height))?.read_all()?;
        let mut offset = 0;
        while let Found::Frame(frame) = read_frame(&bytes, offset) {
            offset += frame.bytes;
            if frame.header.height >= from && !each(frame) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Shows what a folder holds and changes nothing in it. Every block is checked; nobody may have the folder open.
///
/// # Errors
/// If the blocks are damaged, or the folder cannot be read.
pub fn look<T>(disk: &Arc<dyn Disk>, show: impl FnOnce(Recovered<'_>) -> T) -> Result<T, OpenError> {
    let manner = Manner { use_snapshots: true, repair: false, known: ArchiveKnown::default() };
    let recovery = recover(disk, IndexSeed(0), manner)?;
    Ok(show(recovery.shown()))
}
