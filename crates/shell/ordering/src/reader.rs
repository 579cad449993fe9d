//! Reads blocks back out of a folder, from some height on, without applying anything.

use crate::disk::Disk;
use crate::frame::{Found, read_frame};
use crate::segments::{segment_heights, segment_name};
use crate::sequencer::decode_body;
use chain::BlockHeader;
use clearing::Command;
use std::io;

/// Shows `each` every sound block from height `from` on, in order, until it answers `false` or the blocks end.
///
/// # Errors
/// If a file cannot be read. A damaged block ends the reading like the last one: recovery is who judges damage.
pub fn read_blocks(disk: &dyn Disk, from: u64, mut each: impl FnMut(BlockHeader, Vec<Command>) -> bool) -> io::Result<()> {
    let heights = segment_heights(disk)?;
    let first = heights.iter().rposition(|&height| height <= from).unwrap_or(0);
    for &height in heights.iter().skip(first) {
        let bytes = disk.open(&segment_name(height))?.read_all()?;
        let mut offset = 0;
        while let Found::Frame(frame) = read_frame(&bytes, offset) {
            offset += frame.bytes;
            if frame.header.height < from {
                continue;
            }
            let Some(commands) = decode_body(frame.body) else { return Ok(()) };
            if !each(frame.header, commands) {
                return Ok(());
            }
        }
    }
    Ok(())
}
