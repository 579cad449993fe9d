//! How one block lies in a segment, and how a broken one is judged.
//!
//! ```text
//! "LHJ1" | u32 frame bytes | u32 group start | u32 places | header 208 | body | places × 16 | seal 7 | 0xA5
//! ```
//! Little endian. The *group start* is the segment offset where the write began that this frame was part of. A *place* says
//! where the signed message of a command lies in the vault: `u32` command, `u32` file, `u32` offset, `u32` length. The seal
//! is the beginning of SHA-256 over everything before it.
//!
//! # Torn or broken
//! Segments are pre-written with zeros, and disks write sectors of 512 bytes whole. So where a write was cut off, the frame
//! ends early: its last byte is zero, or one of its sectors is all zero. No sound frame looks so: its last byte is `0xA5`,
//! and commands are never 512 zeros long. Such a frame may be dropped, and only then:
//! - A frame which is complete but whose seal differs was changed after it was written: **broken**.
//! - A sound frame further on whose group began behind the bad one proves that the bad one had been synced: **broken**.
//!
//! What this cannot tell: a last block lost as a whole sector by the disk after it was synced looks like a write that never
//! finished. Receipts handed out for it, or another copy, would show it.

use crate::vault::VaultPlace;
use chain::{BLOCK_HEADER_BYTES, BlockHeader, sha256};

const MAGIC: [u8; 4] = *b"LHJ1";
const PREFIX_BYTES: usize = 16;
const PLACE_BYTES: usize = 16;
const SEAL_BYTES: usize = 8;
const END: u8 = 0xA5;
const SECTOR_BYTES: usize = 512;
/// Where a header says how long its body is.
const BODY_BYTES_AT: usize = 168;

/// Largest frame: bounds what a reader allocates and what a torn write can span.
pub(crate) const FRAME_BYTES_MAX: usize = 16 << 20;

/// Bytes a block with this body and this many places takes.
pub(crate) fn frame_bytes(body: usize, places: usize) -> usize {
    PREFIX_BYTES + BLOCK_HEADER_BYTES + body + places * PLACE_BYTES + SEAL_BYTES
}

/// Appends a frame.
pub(crate) fn write_frame(out: &mut Vec<u8>, group_start: u32, header: &BlockHeader, body: &[u8], places: &[(u32, VaultPlace)]) {
    let start = out.len();
    let bytes = frame_bytes(body.len(), places.len()) as u32;
    out.extend_from_slice(&MAGIC);
    for number in [bytes, group_start, places.len() as u32] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&header.encode());
    out.extend_from_slice(body);
    for (command, place) in places {
        for number in [*command, place.file, place.offset, place.bytes] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }
    let seal = sha256(&out[start..]);
    out.extend_from_slice(&seal.0[..SEAL_BYTES - 1]);
    out.push(END);
}

/// A sound frame, still in its segment's bytes.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: BlockHeader,
    pub(crate) body: &'a [u8],
    pub(crate) places: Vec<(u32, VaultPlace)>,
    pub(crate) group_start: u32,
    pub(crate) bytes: usize,
}

/// What lies at an offset of a segment.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // made once a block, kept nowhere
pub(crate) enum Found<'a> {
    /// A sound frame.
    Frame(Frame<'a>),
    /// Zeros to the end of the segment.
    End,
    /// A frame that was never finished; it may be dropped if nothing sound follows it.
    Torn,
    /// A frame that was changed after it was written.
    Broken(&'static str),
}

/// Judges what lies at `offset`.
pub(crate) fn read_frame(segment: &[u8], offset: usize) -> Found<'_> {
    let rest = &segment[offset.min(segment.len())..];
    if rest.iter().all(|&byte| byte == 0) {
        return Found::End;
    }
    match parse(rest) {
        Ok(frame) => Found::Frame(frame),
        Err(why) if looks_torn(segment, offset) => {
            tracing::debug!(offset, why, "unfinished frame");
            Found::Torn
        }
        Err(why) => Found::Broken(why),
    }
}

fn parse(rest: &[u8]) -> Result<Frame<'_>, &'static str> {
    let prefix = rest.get(..PREFIX_BYTES).ok_or("prefix cut off")?;
    let number = |at: usize| u32::from_le_bytes(prefix[at..at + 4].try_into().expect("four bytes"));
    if prefix[..4] != MAGIC {
        return Err("no frame begins here");
    }
    let (bytes, group_start, place_count) = (number(4) as usize, number(8), number(12) as usize);
    let frame = rest.get(..bytes).filter(|_| bytes <= FRAME_BYTES_MAX).ok_or("frame length out of range")?;
    let content_end = bytes.checked_sub(SEAL_BYTES).ok_or("frame too short")?;
    let (content, seal) = frame.split_at(content_end);
    if seal[SEAL_BYTES - 1] != END || seal[..SEAL_BYTES - 1] != sha256(content).0[..SEAL_BYTES - 1] {
        return Err("seal differs");
    }
    let header = content.get(PREFIX_BYTES..PREFIX_BYTES + BLOCK_HEADER_BYTES).ok_or("frame too short")?;
    let header = BlockHeader::decode(header).map_err(|_| "header damaged")?;
    let body_end = PREFIX_BYTES + BLOCK_HEADER_BYTES + header.body_bytes as usize;
    let body = content.get(PREFIX_BYTES + BLOCK_HEADER_BYTES..body_end).ok_or("body length differs")?;
    if sha256(body) != header.body || content.len() - body_end != place_count * PLACE_BYTES {
        return Err("body differs from its hash");
    }
    let places = content[body_end..].chunks_exact(PLACE_BYTES).map(parse_place).collect();
    Ok(Frame { header, body, places, group_start, bytes })
}

fn parse_place(bytes: &[u8]) -> (u32, VaultPlace) {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    (number(0), VaultPlace { file: number(4), offset: number(8), bytes: number(12) })
}

/// Whether the frame at `offset` ends in zeros or has a sector of zeros, by every length it may have had: the one in its
/// prefix and the one in its header. A changed length field makes the two differ, and the true one finds the frame whole.
fn looks_torn(segment: &[u8], offset: usize) -> bool {
    let number =
        |at: usize| segment.get(at..at + 4).map_or(0, |n| u32::from_le_bytes(n.try_into().expect("four bytes")) as usize);
    let smallest = frame_bytes(0, 0);
    let claimed = number(offset + 4);
    if segment.get(offset..offset + 4) != Some(&MAGIC) || !(smallest..=FRAME_BYTES_MAX).contains(&claimed) {
        return prefix_unfinished(segment, offset);
    }
    let body = number(offset + PREFIX_BYTES + BODY_BYTES_AT).min(FRAME_BYTES_MAX);
    let counted = frame_bytes(body, number(offset + 12).min(FRAME_BYTES_MAX / PLACE_BYTES));
    unfinished(segment, offset, offset + claimed) && unfinished(segment, offset, offset + counted)
}

fn unfinished(segment: &[u8], offset: usize, end: usize) -> bool {
    if end > segment.len() || segment[end - 1] == 0 {
        return true;
    }
    let first_sector = offset.next_multiple_of(SECTOR_BYTES);
    (first_sector..end.saturating_sub(SECTOR_BYTES - 1))
        .step_by(SECTOR_BYTES)
        .any(|at| segment[at..at + SECTOR_BYTES].iter().all(|&byte| byte == 0))
}

/// Whether the write was cut off in the prefix: the sector it begins in never came, or all is zero from some byte of it
/// to the end of the sector it ends in.
fn prefix_unfinished(segment: &[u8], offset: usize) -> bool {
    let zero = |from: usize, to: usize| segment[from.min(segment.len())..to.min(segment.len())].iter().all(|&byte| byte == 0);
    let end = offset + PREFIX_BYTES;
    let sector_end = |at: usize| (at + 1).next_multiple_of(SECTOR_BYTES);
    end > segment.len() || zero(offset, sector_end(offset)) || zero(end - 1, sector_end(end - 1))
}

/// Whether a sound frame behind `offset` proves that what lies at `offset` had been synced.
pub(crate) fn synced_behind(segment: &[u8], offset: usize) -> bool {
    let mut at = offset + 1;
    while let Some(found) = find(&segment[at.min(segment.len())..], &MAGIC) {
        at += found;
        if let Ok(frame) = parse(&segment[at..])
            && frame.group_start as usize > offset
        {
            return true;
        }
        at += 1;
    }
    false
}

fn find(haystack: &[u8], needle: &[u8; 4]) -> Option<usize> {
    haystack.windows(4).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain::Hash;

    fn frame() -> Vec<u8> {
        let body: Vec<u8> = (0..1500u32).map(|n| (n % 255) as u8 + 1).collect();
        let header = BlockHeader {
            height: 1,
            time_ns: 2,
            parent: Hash::default(),
            body: sha256(&body),
            state_root: Hash::default(),
            tree_size: 0,
            tree_root: Hash::default(),
            first_position: 1,
            command_count: 0,
            body_bytes: body.len() as u32,
        };
        let mut out = Vec::new();
        write_frame(&mut out, 0, &header, &body, &[(0, VaultPlace { file: 1, offset: 2, bytes: 3 })]);
        out
    }

    #[test]
    fn cut_at_any_byte_is_torn() {
        let whole = frame();
        for kept in 0..whole.len() {
            let mut segment = whole.clone();
            segment[kept..].fill(0);
            segment.resize(8192, 0);
            assert!(matches!(read_frame(&segment, 0), Found::Torn | Found::End), "cut at {kept}");
            assert!(matches!(read_frame(&whole[..kept], 0), Found::Torn | Found::End), "file ends at {kept}");
        }
    }

    #[test]
    fn any_flipped_bit_is_broken() {
        let mut segment = frame();
        let bytes = segment.len();
        segment.resize(8192, 0);
        assert!(matches!(read_frame(&segment, 0), Found::Frame(_)));
        for bit in 0..bytes * 8 {
            segment[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(read_frame(&segment, 0), Found::Broken(_)), "bit {bit}");
            segment[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
