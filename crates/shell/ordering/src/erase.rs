//! Erasure: a person's signed messages go from the vault for good, and what proves the payments stays.
//!
//! Blocks never hold a message; they hold hashes, and a place of the vault. An erased message leaves its entry behind with
//! length and hash, its bytes zeros, its mark `"LHE1"`: every place stays where it is, and nothing else of the
//! folder changes. `erasures.log` says what was erased when, by whom and why; it names nobody.
//!
//! # The log
//! Batches, one behind the other, then zeros:
//! `"LHX1" | u32 bytes | u64 time ns | by | why | u32 count | count × (u32 file, u32 offset, u32 bytes, hash 32) | seal 32`.
//! Texts are `u16 length | UTF-8`. The seal is SHA-256 over the seal before it and the batch. The layout is for ever.
//!
//! # Crash notes
//! The batch is synced before the first byte of a message is written over. A crash before that leaves a torn batch, which
//! counts as none: the erasure never began. A crash after it leaves some messages, or parts of them: the next start, or the
//! next erasure, writes over what the log names and the vault still has, as often as it takes. Writing an entry over changes
//! its mark and its bytes but not its length and hash, so however sectors were mixed, the head tells which message it was.
//! A copy of the vault that is older than the log is treated the same when it is put back: the log's word holds.
//!
//! # Invariants
//! - VLT-02: what is erased is gone from every file of the folder, what is not is whole, and every gap has its record.
//!
//! # Not here
//! Whose a message is and whether it may go (`gateway`): only places come here.

use crate::disk::{Disk, DiskFile};
use crate::vault::{self, Entry, VaultPlace};
use chain::{Hash, Hasher};
use clearing::Time;
use std::collections::BTreeMap;
use std::io;

/// The log's file.
pub(crate) const LOG: &str = "erasures.log";
const MAGIC: [u8; 4] = *b"LHX1";
const ROW_BYTES: usize = 12 + 32;
/// Magic, length, time, two empty texts, count, seal.
const BATCH_BYTES_MIN: usize = 4 + 4 + 8 + 2 + 2 + 4 + 32;
/// Messages of one batch: 180 KB of log. More are several batches.
pub const ERASED_AT_ONCE_MAX: usize = 4096;
/// Longest text of who and why, in bytes.
pub const ERASURE_WORDS_MAX: usize = 200;
const BATCH_BYTES_MAX: usize = BATCH_BYTES_MIN + 2 * ERASURE_WORDS_MAX + ERASED_AT_ONCE_MAX * ROW_BYTES;

/// Under whose order messages go. Neither text names the person: the log outlasts the data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureOrder {
    /// When.
    pub at: Time,
    /// Who orders it: an officer, a case worker.
    pub by: String,
    /// Under which request, by its number.
    pub why: String,
}

/// One message that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Where it lay.
    pub place: VaultPlace,
    /// SHA-256 of it.
    pub hash: Hash,
}

/// What was erased under one order at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureBatch {
    /// The order.
    pub order: ErasureOrder,
    /// The messages.
    pub messages: Vec<Erased>,
}

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The disk; what was begun is finished by the next start.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A text is empty, too long or of several lines.
    #[error("who orders and why: one line each, 1 to {ERASURE_WORDS_MAX} bytes")]
    Words,
    /// A message is not what the vault once took in. Nothing was erased.
    #[error("{file}, byte {offset}: the message is damaged; restore the file first")]
    Damaged {
        /// The vault file.
        file: String,
        /// Where in it.
        offset: u32,
    },
    /// The log is damaged. Nothing was erased.
    #[error("{LOG}, byte {0}: a record is damaged; restore the file first")]
    LogDamaged(u64),
}

/// Erases the messages at these places and returns how many it were; those that are gone already are passed over. When it
/// returns, they are gone from the disk. Nobody may write to the folder meanwhile; readers may read.
///
/// # Errors
/// [`EraseError`]. After one of the disk the erasure is finished by the next start.
pub fn erase(disk: &dyn Disk, order: &ErasureOrder, places: &[VaultPlace]) -> Result<usize, EraseError> {
    let sound = |text: &str| (1..=ERASURE_WORDS_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if !sound(&order.by) || !sound(&order.why) {
        return Err(EraseError::Words);
    }
    let mut log = finish_log(disk)?;
    log.clear_remains(disk)?;
    let mut messages = Vec::with_capacity(places.len());
    let places: BTreeMap<_, _> = places.iter().map(|place| ((place.file, place.offset), place)).collect();
    for place in places.into_values().filter(|place| place.bytes > 0) {
        match read_entry(disk, *place)? {
            (Some(Entry::Whole), hash) => messages.push(Erased { place: *place, hash }),
            (Some(Entry::Erased), _) => {}
            (Some(Entry::HalfErased) | None, _) => {
                return Err(EraseError::Damaged { file: vault::file_name(place.file), offset: place.offset });
            }
        }
    }
    for piece in messages.chunks(ERASED_AT_ONCE_MAX) {
        log.append(disk, &ErasureBatch { order: order.clone(), messages: piece.to_vec() })?;
        write_over(disk, piece)?;
    }
    Ok(messages.len())
}

/// Everything that was erased, oldest first.
///
/// # Errors
/// If the log cannot be read, or is damaged.
pub fn erasures(disk: &dyn Disk) -> Result<Vec<ErasureBatch>, EraseError> {
    Ok(Log::read(disk)?.batches)
}

/// Finishes what a crash broke off, and what an older copy of the vault brought back.
pub(crate) fn finish(disk: &dyn Disk) -> Result<(), EraseError> {
    finish_log(disk).map(drop)
}

fn finish_log(disk: &dyn Disk) -> Result<Log, EraseError> {
    let log = Log::read(disk)?;
    let Some((last, earlier)) = log.batches.split_last() else { return Ok(log) };
    // An earlier batch was over and synced before the next began: only a copy that was put back has its messages whole.
    let mut left = Vec::new();
    for message in earlier.iter().flat_map(|batch| &batch.messages) {
        if is_there(disk, message)? {
            left.push(*message);
        }
    }
    for message in &last.messages {
        if head_fits(disk, message)? && !matches!(read_entry(disk, message.place)?, (Some(Entry::Erased), _)) {
            left.push(*message);
        }
    }
    if !left.is_empty() {
        tracing::info!(messages = left.len(), "an erasure that was broken off is finished");
        write_over(disk, &left)?;
    }
    Ok(log)
}

/// Writes entries over, file by file, and syncs each.
fn write_over(disk: &dyn Disk, messages: &[Erased]) -> io::Result<()> {
    let mut by_file: BTreeMap<u32, Vec<&Erased>> = BTreeMap::new();
    messages.iter().for_each(|message| by_file.entry(message.place.file).or_default().push(message));
    for (number, messages) in by_file {
        let mut file = disk.open(&vault::file_name(number))?;
        for message in messages {
            file.write_at(u64::from(message.place.offset), &vault::erased_entry(message.place.bytes, message.hash))?;
        }
        file.sync_data()?;
    }
    Ok(())
}

/// What the entry at a place is, and the hash in its head; `None`: nothing the vault ever wrote.
fn read_entry(disk: &dyn Disk, place: VaultPlace) -> io::Result<(Option<Entry>, Hash)> {
    let Some(file) = open_if_there(disk, place, vault::entry_bytes(place))? else { return Ok((None, Hash::default())) };
    let mut entry = vec![0; vault::entry_bytes(place)];
    file.read_at(u64::from(place.offset), &mut entry)?;
    Ok((vault::judge_entry(&entry, place.bytes).ok(), vault::hash_in_head(&entry)))
}

/// Whether the message lies there unerased, by its head alone.
fn is_there(disk: &dyn Disk, message: &Erased) -> io::Result<bool> {
    Ok(read_head(disk, message.place)?.is_some_and(|head| vault::is_head_of(&head, message.place.bytes, message.hash, false)))
}

/// Whether the entry is this message's, erased or not.
fn head_fits(disk: &dyn Disk, message: &Erased) -> io::Result<bool> {
    let fits = |head: &[u8; vault::ENTRY_HEAD_BYTES]| {
        [false, true].iter().any(|erased| vault::is_head_of(head, message.place.bytes, message.hash, *erased))
    };
    Ok(read_head(disk, message.place)?.as_ref().is_some_and(fits))
}

fn read_head(disk: &dyn Disk, place: VaultPlace) -> io::Result<Option<[u8; vault::ENTRY_HEAD_BYTES]>> {
    let Some(file) = open_if_there(disk, place, vault::entry_bytes(place))? else { return Ok(None) };
    let mut head = [0; vault::ENTRY_HEAD_BYTES];
    file.read_at(u64::from(place.offset), &mut head)?;
    Ok(Some(head))
}

/// The vault file, if it is there and long enough.
fn open_if_there(disk: &dyn Disk, place: VaultPlace, bytes: usize) -> io::Result<Option<Box<dyn DiskFile>>> {
    match disk.open(&vault::file_name(place.file)) {
        Ok(file) => Ok((u64::from(place.offset) + bytes as u64 <= file.length()?).then_some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The log, read.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) batches: Vec<ErasureBatch>,
    /// Where the next batch goes.
    end: usize,
    /// Where the file ends.
    length: usize,
    seal: Hash,
}

impl Log {
    /// Reads it all; a torn batch at its end is not in it.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Self, EraseError> {
        let file = match disk.open(LOG) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        Self::parse(&file.read_all()?)
    }

    fn parse(bytes: &[u8]) -> Result<Self, EraseError> {
        let mut log = Self { length: bytes.len(), ..Self::default() };
        while let Some((batch, end, seal)) = read_batch(&bytes[log.end..], log.seal) {
            log.batches.push(batch);
            log.end += end;
            log.seal = seal;
        }
        // A batch that is whole behind one that does not read proves that this one had been. It is sealed over the seal before
        // it: the one that is there, or, if that is what was changed, the one that should be.
        let claimed = bytes.get(log.end + 4..log.end + 8).map_or(0, |it| u32::from_le_bytes(it.try_into().expect("four bytes")));
        let content = (claimed as usize).checked_sub(32).and_then(|length| bytes.get(log.end..log.end + length));
        let due = content.map(|content| seal(log.seal, content));
        let is_whole = |at: usize| {
            let there = bytes.get(at - 32..at).and_then(|seal| Some(Hash(seal.try_into().ok()?)));
            let mut before = [there, due].into_iter().flatten();
            bytes[at..].starts_with(&MAGIC) && before.any(|before| read_batch(&bytes[at..], before).is_some())
        };
        if (log.end + 32..bytes.len()).any(is_whole) {
            return Err(EraseError::LogDamaged(log.end as u64));
        }
        Ok(log)
    }

    /// Zeros over a torn batch, so that the next does not lie among its remains.
    fn clear_remains(&self, disk: &dyn Disk) -> io::Result<()> {
        if self.end == self.length {
            return Ok(());
        }
        let mut file = disk.open(LOG)?;
        let mut rest = vec![0; self.length - self.end];
        file.read_at(self.end as u64, &mut rest)?;
        if rest.iter().any(|byte| *byte != 0) {
            rest.fill(0);
            file.write_at(self.end as u64, &rest)?;
            file.sync_data()?;
        }
        Ok(())
    }

    fn append(&mut self, disk: &dyn Disk, batch: &ErasureBatch) -> io::Result<()> {
        let (bytes, seal) = write_batch(batch, self.seal);
        let mut file = if self.length == 0 { disk.create(LOG)? } else { disk.open(LOG)? };
        file.write_at(self.end as u64, &bytes)?;
        file.sync_data()?;
        if self.length == 0 {
            disk.sync_folder()?;
        }
        self.end += bytes.len();
        self.length = self.length.max(self.end);
        self.seal = seal;
        self.batches.push(batch.clone());
        Ok(())
    }
}

fn write_batch(batch: &ErasureBatch, before: Hash) -> (Vec<u8>, Hash) {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([0; 4]);
    bytes.extend(batch.order.at.0.to_le_bytes());
    for text in [&batch.order.by, &batch.order.why] {
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend((batch.messages.len() as u32).to_le_bytes());
    for Erased { place, hash } in &batch.messages {
        place.encode(&mut bytes);
        bytes.extend(hash.0);
    }
    let whole = (bytes.len() + 32) as u32;
    bytes[4..8].copy_from_slice(&whole.to_le_bytes());
    let seal = seal(before, &bytes);
    bytes.extend(seal.0);
    (bytes, seal)
}

fn seal(before: Hash, batch: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&before.0);
    hasher.update(batch);
    hasher.finish()
}

/// The batch these bytes begin with, how long it is, and its seal.
fn read_batch(bytes: &[u8], before: Hash) -> Option<(ErasureBatch, usize, Hash)> {
    let length = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    if bytes[..4] != MAGIC || !(BATCH_BYTES_MIN..=BATCH_BYTES_MAX).contains(&length) {
        return None;
    }
    let (content, sealed) = bytes.get(..length)?.split_at(length - 32);
    let seal = seal(before, content);
    if seal.0 != sealed {
        return None;
    }
    let mut rest = &content[8..];
    let at = Time(u64::from_le_bytes(take(&mut rest)?));
    let (by, why) = (text(&mut rest)?, text(&mut rest)?);
    let count = u32::from_le_bytes(take(&mut rest)?) as usize;
    if rest.len() != count * ROW_BYTES {
        return None;
    }
    let row =
        |row: &[u8]| Some(Erased { place: VaultPlace::decode(row.get(..12)?), hash: Hash(row.get(12..)?.try_into().ok()?) });
    let messages = rest.chunks_exact(ROW_BYTES).map(row).collect::<Option<_>>()?;
    Some((ErasureBatch { order: ErasureOrder { at, by, why }, messages }, length, seal))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*first)
}

fn text(rest: &mut &[u8]) -> Option<String> {
    let length = usize::from(u16::from_le_bytes(take(rest)?));
    let (text, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(n: u32) -> ErasureBatch {
        let order = ErasureOrder { at: Time(7), by: "case desk".into(), why: format!("DSR-{n}") };
        let place = VaultPlace { file: 1, offset: 40 * n, bytes: 9 };
        ErasureBatch { order, messages: vec![Erased { place, hash: Hash([n as u8; 32]) }] }
    }

    fn two() -> (Vec<u8>, usize) {
        let (mut bytes, seal) = write_batch(&batch(1), Hash::default());
        let first = bytes.len();
        bytes.extend(write_batch(&batch(2), seal).0);
        (bytes, first)
    }

    /// Bytes on disk are for ever: this text does not move without a new version.
    #[test]
    fn the_layout_is_golden() {
        let (bytes, _) = write_batch(&batch(1), Hash::default());
        let hex: String = bytes[..bytes.len() - 32].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "4c485831 72000000 0700000000000000 0900 63617365206465736b 0500 4453522d31 01000000 01000000 28000000 09000000"
                .replace(' ', "")
                + &"01".repeat(32)
        );
        assert_eq!(Log::parse(&bytes).unwrap().batches, [batch(1)]);
    }

    #[test]
    fn a_log_cut_anywhere_has_the_batches_before_the_cut() {
        let (bytes, first) = two();
        for cut in 0..=bytes.len() {
            let mut torn = bytes[..cut].to_vec();
            let whole = usize::from(cut >= first) + usize::from(cut == bytes.len());
            assert_eq!(Log::parse(&torn).unwrap().batches.len(), whole, "cut at {cut}");
            torn.resize(bytes.len(), 0);
            assert_eq!(Log::parse(&torn).unwrap().batches.len(), whole, "zeros from {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_before_another_batch_is_damage() {
        let (bytes, first) = two();
        for bit in 0..first * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(Log::parse(&flipped), Err(EraseError::LogDamaged(0))), "bit {bit}");
        }
    }
}
