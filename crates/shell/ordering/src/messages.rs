//! Messages read back for a check: every one that a block refers to, against the hash that lies beside it.
//!
//! Places come in the order of the blocks, which is nearly that of the vault's files, so a window of one file is read at a
//! time. What is wrong is told by file: a file that is gone is one finding, not one a message. Messages that were erased are
//! counted: each must have its record, and each record its gap (VLT-02).

use crate::disk::{Disk, DiskFile};
use crate::erase::Log;
use crate::vault::{self, Entry, VaultPlace};
use chain::Hash;
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
    erasures: Erasures,
    checked: Checked,
    /// By file and law: what was found first, and how many messages it is.
    broken: BTreeMap<(u32, &'static str), (String, u64)>,
}

/// What the log of erasures names.
#[derive(Default)]
struct Erasures {
    /// By file and offset: length, hash, and whether the erasure was the last one.
    named: BTreeMap<(u32, u32), (u32, Hash, bool)>,
    damage: Option<String>,
}

/// What a check came to.
#[derive(Default)]
pub(crate) struct Checked {
    /// Messages that are whole.
    pub(crate) whole: u64,
    /// Messages that were erased.
    pub(crate) erased: u64,
    /// Messages that are still there, wholly or in part, and that the next start erases.
    pub(crate) to_erase: u64,
    /// What is neither, a line a file, with its law.
    pub(crate) broken: Vec<(&'static str, String)>,
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
        Self { disk, open: None, erasures: Erasures::read(disk), checked: Checked::default(), broken: BTreeMap::new() }
    }

    /// Checks what comes until no more does.
    pub(crate) fn run(mut self, told: impl IntoIterator<Item = BlockPlaces>) -> Checked {
        for (height, places) in told {
            for (command, place) in places {
                if let Err((law, why)) = self.check(place) {
                    self.note(height, command, place, law, &why);
                }
            }
        }
        let line = |((file, law), (first, count)): ((u32, &'static str), (String, u64))| {
            (law, format!("{}: {count} messages are not whole; the first is {first}", vault::file_name(file)))
        };
        let mut checked = self.checked;
        checked.broken.extend(self.erasures.damage.map(|damage| ("VLT-02", damage)));
        checked.broken.extend(self.broken.into_iter().map(line));
        // What is left was named and no block has a message there.
        if let Some(((file, offset), _)) = self.erasures.named.first_key_value() {
            let (count, file) = (self.erasures.named.len(), vault::file_name(*file));
            checked
                .broken
                .push(("VLT-02", format!("{count} erasures of messages no block has; the first in {file}, byte {offset}")));
        }
        checked
    }

    fn note(&mut self, height: u64, command: u32, place: VaultPlace, law: &'static str, why: &str) {
        let first = || (format!("of command {command} in block {height}, at byte {}: {why}", place.offset), 0);
        self.broken.entry((place.file, law)).or_insert_with(first).1 += 1;
    }

    /// The law a message breaks, and why.
    fn check(&mut self, place: VaultPlace) -> Result<(), (&'static str, String)> {
        let damaged = |error: io::Error| ("VLT-01", error.to_string());
        let (found, hash) = self.look(place).map_err(damaged)?;
        let named = self.erasures.named.remove(&(place.file, place.offset));
        let named = named.filter(|(bytes, named, _)| (*bytes, *named) == (place.bytes, hash)).map(|(_, _, last)| last);
        let tally = match (named, found) {
            (None, Ok(Entry::Whole)) => &mut self.checked.whole,
            (Some(_), Ok(Entry::Erased)) => &mut self.checked.erased,
            // Broken off, or a copy of the vault was put back that is older than the erasure.
            (Some(_), Ok(Entry::Whole)) | (Some(true), Ok(Entry::HalfErased) | Err(_)) => &mut self.checked.to_erase,
            (Some(false), Ok(Entry::HalfErased)) => return Err(("VLT-02", "bytes of an erased message are left".to_owned())),
            (None, Ok(Entry::Erased | Entry::HalfErased)) => {
                return Err(("VLT-02", "it was erased, and no record says by whose order".to_owned()));
            }
            (None | Some(false), Err(error)) => return Err(damaged(error)),
        };
        *tally += 1;
        Ok(())
    }

    /// What lies at a place, and the hash in its head. The outer error: it cannot be read.
    fn look(&mut self, place: VaultPlace) -> io::Result<(io::Result<Entry>, Hash)> {
        if self.open.as_ref().is_none_or(|open| open.number != place.file) {
            self.open = None;
            let file = self.disk.open(&vault::file_name(place.file))?;
            let length = file.length()?;
            self.open = Some(OpenVault { number: place.file, file, length, window_at: 0, window: Vec::new() });
        }
        let open = self.open.as_mut().expect("opened above");
        let entry = open.entry(place)?;
        Ok((vault::judge_entry(entry, place.bytes), vault::hash_in_head(entry)))
    }
}

impl Erasures {
    fn read(disk: &dyn Disk) -> Self {
        let log = match Log::read(disk) {
            Ok(log) => log,
            Err(error) => return Self { damage: Some(error.to_string()), ..Self::default() },
        };
        let mut named = BTreeMap::new();
        for (at, batch) in log.batches.iter().enumerate() {
            let last = at + 1 == log.batches.len();
            named.extend(batch.messages.iter().map(|it| ((it.place.file, it.place.offset), (it.place.bytes, it.hash, last))));
        }
        Self { named, damage: None }
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
