//! Messages read back for a check: every one that a block refers to, against the hash that lies beside it.
//!
//! Places come in the order of the blocks, which is nearly that of the vault's files, so a window of one file is read at a
//! time. What is wrong is told by file: a file that is gone is one finding, not one a message.

use crate::disk::{Disk, DiskFile};
use crate::vault::{self, VaultPlace};
use std::collections::BTreeMap;
use std::io;

/// Read at once: some two hundred messages.
const WINDOW_BYTES: usize = 1 << 20;

/// The messages of one block: its height, then command number and place.
pub(crate) type BlockPlaces = (u64, Vec<(u32, VaultPlace)>);

/// A check under way.
pub(crate) struct MessageCheck<'a> {
    disk: &'a dyn Disk,
    open: Option<OpenVault>,
    whole: u64,
    /// By file: what was found first, and how many messages are not whole.
    broken: BTreeMap<u32, (String, u64)>,
}

/// What a check came to.
pub(crate) struct Checked {
    /// Messages that are whole.
    pub(crate) whole: u64,
    /// What is not, a line a file.
    pub(crate) broken: Vec<String>,
}

struct OpenVault {
    number: u32,
    file: Box<dyn DiskFile>,
    length: u64,
    window_at: u64,
    window: Vec<u8>,
}

impl<'a> MessageCheck<'a> {
    pub(crate) fn new(disk: &'a dyn Disk) -> Self {
        Self { disk, open: None, whole: 0, broken: BTreeMap::new() }
    }

    /// Checks what comes until no more does.
    pub(crate) fn run(mut self, told: impl IntoIterator<Item = BlockPlaces>) -> Checked {
        for (height, places) in told {
            for (command, place) in places {
                match self.check(place) {
                    Ok(()) => self.whole += 1,
                    Err(error) => self.note(height, command, place, &error),
                }
            }
        }
        let line = |(file, (first, count)): (u32, (String, u64))| {
            format!("{}: {count} messages are not whole; the first is {first}", vault::file_name(file))
        };
        Checked { whole: self.whole, broken: self.broken.into_iter().map(line).collect() }
    }

    fn note(&mut self, height: u64, command: u32, place: VaultPlace, error: &io::Error) {
        let first = || (format!("of command {command} in block {height}, at byte {}: {error}", place.offset), 0);
        self.broken.entry(place.file).or_insert_with(first).1 += 1;
    }

    fn check(&mut self, place: VaultPlace) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.number != place.file) {
            self.open = None;
            let file = self.disk.open(&vault::file_name(place.file))?;
            let length = file.length()?;
            self.open = Some(OpenVault { number: place.file, file, length, window_at: 0, window: Vec::new() });
        }
        let open = self.open.as_mut().expect("opened above");
        vault::check_entry(open.entry(place)?, place.bytes)
    }
}

impl OpenVault {
    /// The bytes of one entry, out of the window or after moving it.
    fn entry(&mut self, place: VaultPlace) -> io::Result<&[u8]> {
        let (begin, bytes) = (u64::from(place.offset), vault::entry_bytes(place));
        // A place that was forged may claim more than any file has; memory is for what is there.
        if begin + bytes as u64 > self.length {
            return Err(vault::cut_off());
        }
        if begin < self.window_at || begin + bytes as u64 > self.window_at + self.window.len() as u64 {
            let left = usize::try_from(self.length - begin).map_err(io::Error::other)?;
            self.window.resize(bytes.max(WINDOW_BYTES).min(left), 0);
            self.window_at = begin;
            if let Err(error) = self.file.read_at(begin, &mut self.window) {
                self.window.clear();
                return Err(error);
            }
        }
        let at = usize::try_from(begin - self.window_at).map_err(io::Error::other)?;
        Ok(&self.window[at..at + bytes])
    }
}
