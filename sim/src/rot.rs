//! Rot in the centre's files: one bit of a copy of its disk turns. Either that is found, with file and place, or it was in
//! nothing that matters: then the same is read as without it (CHN-01).

use crate::disk::Flipped;
use crate::machine::Machine;
use crate::rng::Rng;
use crate::stage::SharedStage;
use ordering::{FsckReport, fsck};
use std::sync::Arc;

/// Turns a bit and judges what a check says. `draw` chooses the bit.
pub fn judge(stage: &SharedStage, machine: &Machine, draw: u64) {
    let copy = machine.platters.copy();
    let before = fsck(Arc::new(copy.open_alone()), true);
    let rotten = copy.copy();
    let Some(flipped) = rotten.flip_bit(&mut Rng::new(draw, "rot")) else { return };
    let after = fsck(Arc::new(rotten.open_alone()), true);
    stage.count("bits flipped");
    let (before, after) = match (before, after) {
        (Ok(before), Ok(after)) if before.broken.is_empty() => (before, after),
        // A folder of which a crash has left too little to be read has nothing that could be gone.
        (Ok(_) | Err(_), Ok(_) | Err(_)) => {
            return stage.say("plan", format_args!("{flipped} flips, in files that are no chain"));
        }
    };
    stage.say("plan", format_args!("{flipped} flips: {}", found(&after).unwrap_or("nothing is found")));
    match found(&after) {
        Some(text) => {
            stage.count("rotten bits found");
            let whole = copy.content(&flipped.file).unwrap_or_default();
            if !names_place(text, &flipped, &whole) {
                stage.broke("CHN-01", format_args!("{flipped} flips, and what is found names another place: {text}"));
            }
        }
        None if read(&before) != read(&after) => {
            stage.broke("CHN-01", format_args!("{flipped} was flipped, and something is gone without a word"));
        }
        None => {}
    }
}

/// What there is, by number.
fn read(report: &FsckReport) -> (u64, u64, u64, u64) {
    (report.blocks, report.payments, report.finals, report.messages)
}

/// The first thing a check says.
fn found(report: &FsckReport) -> Option<&str> {
    report.broken.first().map(|(_, detail)| detail).or(report.passed_over.first()).map(String::as_str)
}

/// Whether it names the file, and a byte at or before the flipped one with the piece that this is part of: a block, a message,
/// a row, a snapshot. `whole` is the file without the flip.
fn names_place(text: &str, flipped: &Flipped, whole: &[u8]) -> bool {
    let Some(at) = byte_named(text).filter(|at| text.contains(&flipped.file) && *at <= flipped.byte) else { return false };
    let piece = if flipped.file.starts_with("journal-") {
        // A block says behind its first four bytes how long it is.
        whole.get(at + 4..at + 8).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize)
    } else {
        whole.len()
    };
    flipped.byte < at + piece
}

/// The number behind the word.
fn byte_named(text: &str) -> Option<usize> {
    let (_, behind) = text.split_once("byte ")?;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_named_when_file_and_piece_are_right() {
        let mut whole = vec![0; 400];
        whole[104] = 200;
        let flipped = |byte| Flipped { file: "journal-1.log".to_owned(), byte, bit: 0 };
        let said = "block 2 in journal-1.log, which begins at byte 100, is damaged: seal differs";
        for (byte, named) in [(99, false), (100, true), (299, true), (300, false)] {
            assert_eq!(names_place(said, &flipped(byte), &whole), named, "{byte}");
        }
        assert!(!names_place(&said.replace("journal-1", "journal-2"), &flipped(150), &whole), "another file");
        assert!(!names_place("journal-1.log is damaged", &flipped(150), &whole), "no place");
    }
}
