//! The vault: signed messages as they were received, beside the chain and never in it.
//!
//! Messages carry personal data; the chain carries their hashes. The vault is written and synced before the block that
//! refers to it, so a durable block's messages are there. Entries: `mark | u32 bytes | SHA-256 of the message | bytes`. The mark
//! says what the bytes are: `"LHV2"` the message packed (`pack.rs`), `"LHV1"` the message itself, which packing would not have
//! made shorter, `"LHE1"` zeros, because it was erased (`erase.rs`).

use crate::disk::{Disk, DiskFile};
use crate::maker::Files;
use crate::pack::{pack, unpack};
use chain::{Hash, sha256};
use planted::{Bug, planted};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

const PLAIN: [u8; 4] = *b"LHV1";
const PACKED: [u8; 4] = *b"LHV2";
/// Instead of it once the message has been erased; length and hash stay, the bytes are zeros.
const ERASED: [u8; 4] = *b"LHE1";
pub(crate) const ENTRY_HEAD_BYTES: usize = 40;
/// Files kept open for reading: the newest are asked for most, and a process may only have so many.
const OPEN_FILES_MAX: usize = 64;

/// A signed message with the headers that sign it, as the gateway received it.
pub type Attachment = Arc<[u8]>;

/// Where a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VaultPlace {
    /// Number of the vault file.
    pub file: u32,
    /// Offset of the entry in it.
    pub offset: u32,
    /// Bytes it takes there, packed or not; zero: there is none.
    pub bytes: u32,
}

/// Reads messages back, from any thread.
#[derive(Clone)]
pub struct VaultReader {
    disk: Arc<dyn Disk>,
    files: Arc<Mutex<BTreeMap<u32, Box<dyn DiskFile>>>>,
}

impl VaultReader {
    /// Over a folder that may be open elsewhere.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, files: Arc::default() }
    }

    /// The message at a place, checked against its hash. One that was erased is an error [`MessageErased::is`] knows.
    pub fn read(&self, place: VaultPlace) -> io::Result<Vec<u8>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() >= OPEN_FILES_MAX && !files.contains_key(&place.file) {
            files.pop_first();
        }
        let file = match files.entry(place.file) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(slot) => slot.insert(self.disk.open(&file_name(place.file))?),
        };
        // A place that was forged may claim more than any file has; memory is for what is there.
        if u64::from(place.offset) + entry_bytes(place) as u64 > file.length()? {
            return Err(cut_off());
        }
        let mut entry = vec![0; entry_bytes(place)];
        file.read_at(u64::from(place.offset), &mut entry)?;
        drop(files);
        match open_entry(&entry, place.bytes)? {
            (Entry::Whole, message) => Ok(message.into_owned()),
            (Entry::Erased | Entry::HalfErased, _) => Err(MessageErased::error()),
        }
    }
}

/// Writes entries, one file after the other.
pub(crate) struct VaultWriter {
    files: Files,
    file: Option<(u32, Box<dyn DiskFile>)>,
    next_file: u32,
    offset: u64,
    file_bytes: u64,
    buffer: Vec<u8>,
}

impl VaultWriter {
    /// Starts behind what is there: with a fresh file, so that nothing a crash left is ever written over.
    pub(crate) fn open(disk: &dyn Disk, files: Files, file_bytes: u64) -> io::Result<Self> {
        let numbers = disk.list()?.into_iter().filter_map(|name| file_number(&name));
        let next_file = numbers.max().map_or(1, |last| last + 1);
        Ok(Self { files, file: None, next_file, offset: 0, file_bytes, buffer: Vec::new() })
    }

    /// Whether a next file could be had at once.
    pub(crate) fn ready(&mut self) -> io::Result<bool> {
        self.files.ready()
    }

    /// Gathers an entry and says where it will be. The file must have been chosen by [`Self::begin_group`].
    pub(crate) fn add(&mut self, message: &[u8]) -> VaultPlace {
        let (number, _) = self.file.as_ref().expect("begin_group opened a file");
        let packed = pack(message);
        let (mark, bytes) = packed.as_deref().map_or((PLAIN, message), |packed| (PACKED, packed));
        let place =
            VaultPlace { file: *number, offset: (self.offset + self.buffer.len() as u64) as u32, bytes: bytes.len() as u32 };
        self.buffer.extend_from_slice(&mark);
        self.buffer.extend_from_slice(&place.bytes.to_le_bytes());
        self.buffer.extend_from_slice(&sha256(message).0);
        self.buffer.extend_from_slice(bytes);
        place
    }

    /// Makes sure that a group of messages fits the open file, or goes on to the next. A group larger than a file makes the
    /// file longer: rare, and only slower.
    pub(crate) fn begin_group(&mut self, messages: usize, bytes: usize) -> io::Result<()> {
        let needed = (messages * ENTRY_HEAD_BYTES + bytes) as u64;
        if self.file.is_some() && self.offset + needed <= self.file_bytes {
            return Ok(());
        }
        let number = self.next_file;
        let file = self.files.next(&file_name(number))?;
        self.next_file += 1;
        self.offset = 0;
        self.file = Some((number, file));
        Ok(())
    }

    /// Writes and syncs what was gathered.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let (_, file) = self.file.as_mut().expect("entries were added to an open file");
        file.write_at(self.offset, &self.buffer)?;
        if !planted(Bug::ForgottenVaultSync) {
            file.sync_data()?;
        }
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Bytes that the entry at a place takes.
pub(crate) fn entry_bytes(place: VaultPlace) -> usize {
    ENTRY_HEAD_BYTES + place.bytes as usize
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// What was written for a message.
    Whole,
    /// The message was erased.
    Erased,
    /// It is marked as erased, and bytes of it are left.
    HalfErased,
}

/// What an entry that takes so many bytes is; the error: nothing that was ever written for one.
pub(crate) fn judge_entry(entry: &[u8], bytes: u32) -> io::Result<Entry> {
    open_entry(entry, bytes).map(|(entry, _)| entry)
}

/// What an entry is, and the message of a whole one.
fn open_entry(entry: &[u8], bytes: u32) -> io::Result<(Entry, Cow<'_, [u8]>)> {
    let (head, stored) = entry.split_at(ENTRY_HEAD_BYTES);
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the message in the vault is damaged");
    let (mark, length) = (&head[..4], &head[4..8]);
    if *length != bytes.to_le_bytes() {
        return Err(damaged());
    }
    if *mark == ERASED {
        let gone = stored.iter().all(|byte| *byte == 0);
        return Ok((if gone { Entry::Erased } else { Entry::HalfErased }, Cow::default()));
    }
    let message = match () {
        () if *mark == PACKED => unpack(stored).map(Cow::Owned),
        () if *mark == PLAIN => Some(Cow::Borrowed(stored)),
        () => None,
    };
    let message = message.filter(|message| head[8..] == sha256(message).0).ok_or_else(damaged)?;
    Ok((Entry::Whole, message))
}

/// An erased message's entry.
pub(crate) fn erased_entry(bytes: u32, hash: Hash) -> Vec<u8> {
    let mut entry = vec![0; ENTRY_HEAD_BYTES + bytes as usize];
    entry[..4].copy_from_slice(&ERASED);
    entry[4..8].copy_from_slice(&bytes.to_le_bytes());
    entry[8..ENTRY_HEAD_BYTES].copy_from_slice(&hash.0);
    entry
}

/// The hash an entry's head has.
pub(crate) fn hash_in_head(entry: &[u8]) -> Hash {
    Hash(entry[8..ENTRY_HEAD_BYTES].try_into().expect("32 bytes"))
}

/// Whether a head is this message's, erased or not erased.
pub(crate) fn is_head_of(head: &[u8; ENTRY_HEAD_BYTES], bytes: u32, hash: Hash, erased: bool) -> bool {
    let marks: &[_] = if erased { &[ERASED] } else { &[PLAIN, PACKED] };
    marks.iter().any(|mark| head[..4] == *mark) && head[4..8] == bytes.to_le_bytes() && head[8..] == hash.0
}

/// Why a message cannot be read back although nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message was erased")]
pub struct MessageErased;

impl MessageErased {
    /// As who reads gets it.
    pub fn error() -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, Self)
    }

    /// Whether an error of reading says this.
    pub fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// A place points behind its file's end.
pub(crate) fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the message in the vault is cut off")
}

pub(crate) fn file_name(number: u32) -> String {
    format!("vault-{number:010}.log")
}

pub(crate) fn file_number(name: &str) -> Option<u32> {
    name.strip_prefix("vault-")?.strip_suffix(".log")?.parse().ok()
}
