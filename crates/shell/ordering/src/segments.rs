//! Segment files: named by the height of their first block, filled one after the other.

use crate::disk::{Disk, DiskFile};
use std::io;

pub(crate) fn segment_name(first_height: u64) -> String {
    format!("journal-{first_height:020}.log")
}

/// First height of a segment by its file name.
pub(crate) fn segment_height(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.strip_suffix(".log")?.parse().ok()
}

/// Heights of all segments, in order.
pub(crate) fn segment_heights(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut heights: Vec<u64> = disk.list()?.iter().filter_map(|name| segment_height(name)).collect();
    heights.sort_unstable();
    Ok(heights)
}

/// The segment being written.
pub(crate) struct OpenSegment {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl OpenSegment {
    /// What is left of it; a block larger than a whole segment has made it longer and leaves nothing.
    pub(crate) fn room(&self) -> u64 {
        self.bytes.saturating_sub(self.offset)
    }
}
