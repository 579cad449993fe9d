//! How the log lies in its two files.
//!
//! ```text
//! file:    batch*                     each at a multiple of 512; behind the last one whatever an earlier round left
//! batch:   "LHB1" | u32 payload bytes | u64 round | u64 number | records | u32 CRC-32C over all before
//! record:  u8 kind | partition | name | …          strings and bytes with their length before them
//! ```
//! Little endian. Batches of a round are numbered from zero; number zero holds everything there is at that moment, so a
//! round needs nothing of the round before it, which lies in the other file.
//!
//! # Torn or damaged
//! A batch is written after the one before it is durable. So only the last one of the newest round can be unfinished, and
//! it was promised to nobody. A sound batch of that round or a later one behind a bad one proves that the bad one had been
//! durable: **damaged**, and votes may be lost with it.

use commonware_cryptography::Crc32;

const MAGIC: [u8; 4] = *b"LHB1";
const HEAD_BYTES: usize = 4 + 4 + 8 + 8;
const CHECK_BYTES: usize = 4;
/// Batches begin at multiples of this.
pub(super) const SECTOR_BYTES: usize = 512;

/// One change of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// A file is there, empty.
    Create { partition: &'a str, name: &'a [u8], version: u16 },
    /// Bytes at an offset; what lies between the end and the offset is zeros.
    Write { partition: &'a str, name: &'a [u8], offset: u64, bytes: &'a [u8] },
    /// A file has this length.
    Resize { partition: &'a str, name: &'a [u8], length: u64 },
    /// A file is gone.
    Remove { partition: &'a str, name: &'a [u8] },
    /// All files of a partition are gone.
    RemoveAll { partition: &'a str },
    /// The partition was taken over whole from a folder written before there was a log.
    Adopted { partition: &'a str },
}

impl<'a> Record<'a> {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match *self {
            Record::Create { partition, name, version } => {
                out.push(1);
                put_pair(out, partition, name);
                out.extend_from_slice(&version.to_le_bytes());
            }
            Record::Write { partition, name, offset, bytes } => {
                out.push(2);
                put_pair(out, partition, name);
                out.extend_from_slice(&offset.to_le_bytes());
                put(out, bytes);
            }
            Record::Resize { partition, name, length } => {
                out.push(3);
                put_pair(out, partition, name);
                out.extend_from_slice(&length.to_le_bytes());
            }
            Record::Remove { partition, name } => {
                out.push(4);
                put_pair(out, partition, name);
            }
            Record::RemoveAll { partition } => {
                out.push(5);
                put(out, partition.as_bytes());
            }
            Record::Adopted { partition } => {
                out.push(6);
                put(out, partition.as_bytes());
            }
        }
    }

    /// The record at the front of `rest`, which then begins behind it.
    pub(super) fn decode(rest: &mut &'a [u8]) -> Option<Self> {
        let kind = take_array::<1>(rest)?[0];
        let partition = core::str::from_utf8(take(rest)?).ok()?;
        Some(match kind {
            1 => Record::Create { partition, name: take(rest)?, version: u16::from_le_bytes(take_array(rest)?) },
            2 => Record::Write { partition, name: take(rest)?, offset: number(rest)?, bytes: take(rest)? },
            3 => Record::Resize { partition, name: take(rest)?, length: number(rest)? },
            4 => Record::Remove { partition, name: take(rest)? },
            5 => Record::RemoveAll { partition },
            6 => Record::Adopted { partition },
            _ => return None,
        })
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn put_pair(out: &mut Vec<u8>, partition: &str, name: &[u8]) {
    put(out, partition.as_bytes());
    put(out, name);
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (front, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*front)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take_array(rest).map(u64::from_le_bytes)
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(take_array(rest)?) as usize;
    let (front, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(front)
}

/// Where a batch stands: rounds follow each other in turn in the two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) round: u64,
    pub(super) number: u64,
}

/// A whole batch around records, zeros at its end up to a sector.
pub(super) fn seal(place: Place, records: &[u8]) -> Vec<u8> {
    let bytes = HEAD_BYTES + records.len() + CHECK_BYTES;
    let mut out = Vec::with_capacity(bytes.next_multiple_of(SECTOR_BYTES));
    out.extend_from_slice(&MAGIC);
    let length = u32::try_from(records.len()).expect("the engine keeps less than 4 GiB in small files");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&place.round.to_le_bytes());
    out.extend_from_slice(&place.number.to_le_bytes());
    out.extend_from_slice(records);
    let check = Crc32::checksum(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out.resize(bytes.next_multiple_of(SECTOR_BYTES), 0);
    out
}

struct Batch<'a> {
    place: Place,
    records: &'a [u8],
    bytes: usize,
}

/// The sound batch at an offset whose place is `wanted`.
fn batch_at(file: &[u8], offset: usize, wanted: impl Fn(Place) -> bool) -> Option<Batch<'_>> {
    let mut rest = file.get(offset..)?;
    if take_array(&mut rest)? != MAGIC {
        return None;
    }
    let length = u32::from_le_bytes(take_array(&mut rest)?) as usize;
    let place = Place { round: number(&mut rest)?, number: number(&mut rest)? };
    if !wanted(place) {
        return None;
    }
    let (records, mut behind) = rest.split_at_checked(length)?;
    let content = file.get(offset..offset + HEAD_BYTES + length)?;
    let check = u32::from_le_bytes(take_array(&mut behind)?);
    let bytes = (HEAD_BYTES + length + CHECK_BYTES).next_multiple_of(SECTOR_BYTES);
    (Crc32::checksum(content) == check).then_some(Batch { place, records, bytes })
}

/// The newest round of a log, from the contents of its two files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round<'a> {
    /// Which of the two files it is in.
    pub(super) file: usize,
    pub(super) round: u64,
    /// Records of its batches, in order.
    pub(super) batches: Vec<&'a [u8]>,
}

/// Something that had been durable cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

/// Finds the newest round. `None`: there never was one.
pub(super) fn newest_round<'a>(files: [&'a [u8]; 2]) -> Result<Option<Round<'a>>, Damaged> {
    let (ends, rounds): (Vec<_>, Vec<_>) = (0..2).map(|at| round_of(at, files[at])).unzip();
    let newest = rounds.into_iter().flatten().max_by_key(|round| round.round);
    let Some(newest) = newest else {
        // The first batch of all takes one sector, which a disk writes whole or not at all.
        let empty = files.iter().all(|file| file.iter().all(|byte| *byte == 0));
        return if empty { Ok(None) } else { Err(Damaged) };
    };
    let last = Place { round: newest.round, number: newest.batches.len() as u64 - 1 };
    for at in 0..2 {
        let from = if at == newest.file { ends[at] } else { 0 };
        let offsets = (from..files[at].len()).step_by(SECTOR_BYTES);
        if offsets.into_iter().any(|offset| batch_at(files[at], offset, |place| place > last).is_some()) {
            return Err(Damaged);
        }
    }
    Ok(Some(newest))
}

/// The sound batches a file begins with, and where they end.
fn round_of(file: usize, content: &[u8]) -> (usize, Option<Round<'_>>) {
    let Some(first) = batch_at(content, 0, |place| place.number == 0) else { return (0, None) };
    let mut offset = first.bytes;
    let mut round = Round { file, round: first.place.round, batches: vec![first.records] };
    let next = |round: &Round<'_>| Place { round: round.round, number: round.batches.len() as u64 };
    while let Some(batch) = batch_at(content, offset, |place| place == next(&round)) {
        offset += batch.bytes;
        round.batches.push(batch.records);
    }
    (offset, Some(round))
}
