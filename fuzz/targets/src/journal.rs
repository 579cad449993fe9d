//! Recovery over a disk that lies: a beginning of the true chain with everything that is known to have been synced, or a
//! refusal that names the block.
//!
//! An input is a list of edits to the files of a small journal: one byte says which, others where. Damage is judged against
//! the journal as it was; a frame sealed anew by a forger is only required not to bring anything down.

pub(crate) mod base;
mod edit;

use crate::Target;
use crate::memory::{Files, MemoryDisk};
use base::{BASE, Base, CONFIG, FixedClock, Nobody};
use clearing::{IndexSeed, laws};
use ordering::{OpenError, Recovered, Stepper, fsck};
use std::sync::Arc;

pub(crate) const TARGET: Target = Target {
    name: "journal",
    about: "recovery gives a beginning of the true chain with all that was synced, or names the damaged block; twice the same",
    run,
    seeds: edit::seeds,
    words: &["\0", "\u{1}", "\u{2}", "\u{3}", "\u{4}", "\u{5}", "\u{6}", "\u{7}", "\u{8}", "\t\0\0", "\t\u{1}\0", "\u{7f}"],
};

fn run(input: &[u8]) -> bool {
    let edited = edit::apply(input, &BASE.files);
    let disk = MemoryDisk::of(&edited.files);
    let checked = fsck(Arc::new(disk.clone()), false);
    let deep = fsck(Arc::new(disk.clone()), true);
    assert_eq!(disk.files(), edited.files, "a check changes nothing");
    let opened = open(&disk);
    if let (Ok(report), false) = (&checked, edited.forged) {
        let height = opened.as_ref().ok().copied();
        assert_eq!(height, report.broken.is_empty().then_some(report.blocks), "the check says {report:?}, opening {opened:?}");
    }
    if edited.forged {
        return opened.is_ok();
    }
    match &opened {
        Ok(height) => {
            is_all_that_was_synced(&BASE, &edited.files, *height);
            assert_eq!(open(&disk).ok(), Some(*height), "opened twice");
            if deep.is_ok_and(|report| report.broken.is_empty()) {
                messages_are_whole(&BASE, &edited.files, *height);
            }
        }
        Err(error) => names_a_damage(&BASE, &edited.files, error),
    }
    opened.is_ok()
}

/// Opens the journal; the height it recovers to, after comparing what is there with the true chain.
fn open(disk: &MemoryDisk) -> Result<u64, OpenError> {
    let mut height = 0;
    let judge = |recovered: Recovered<'_>| {
        height = recovered.last.map_or(0, |last| last.height);
        assert_eq!(recovered.clearing.height(), height);
        assert_eq!(laws::check_all(recovered.clearing), []);
        if let Some(last) = recovered.last {
            assert_eq!(recovered.clearing.state_root(), last.state_root);
            assert_eq!(recovered.clearing.tree(), (last.tree_size, last.tree_root));
        }
        Ok(Nobody)
    };
    Stepper::open(Arc::new(disk.clone()), CONFIG, FixedClock, IndexSeed(7), judge)?;
    Ok(height)
}

/// Nothing that lies sound on the disk shows that a block which was left out had been synced.
fn is_all_that_was_synced(base: &Base, files: &Files, height: u64) {
    let intact = |frame: &base::FramePlace| {
        let there = files.get(&frame.file).and_then(|file| file.get(frame.offset..frame.offset + frame.bytes));
        there.is_some_and(|there| there == &base.files[&frame.file][frame.offset..frame.offset + frame.bytes])
    };
    assert!(height <= base.frames.len() as u64, "more blocks than there were");
    let Some(lost) = base.frames.get(height as usize) else { return };
    assert!(!intact(lost), "block {} lies there whole and was left out", height + 1);
    for later in &base.frames[height as usize + 1..] {
        let same_file = later.file == lost.file;
        assert!(
            !(same_file && later.group_start > lost.offset && intact(later)),
            "block {} was synced before {later:?}",
            height + 1
        );
        assert!(same_file || !files.contains_key(&later.file), "{} shows that block {} was synced", later.file, height + 1);
    }
    for (name, content) in &base.files {
        let newer = base::snapshot_height(name).is_some_and(|snapshot| snapshot > height);
        assert!(!newer || files.get(name) != Some(content), "{name} shows that block {} was synced", height + 1);
    }
}

/// A journal whose segments are as they were opens, whatever became of the rest; a refusal names a block there was.
fn names_a_damage(base: &Base, files: &Files, error: &OpenError) {
    let segments = |files: &Files| -> Files {
        files.iter().filter(|(name, _)| name.starts_with("journal-")).map(|(name, file)| (name.clone(), file.clone())).collect()
    };
    assert_ne!(segments(base.files()), segments(files), "the segments are sound, yet: {error}");
    let there_was = 1..=base.frames.len() as u64 + 1;
    match error {
        OpenError::Damaged { height, .. } | OpenError::Diverged { height, .. } => {
            assert!(there_was.contains(height), "{error}");
        }
        OpenError::Missing { from, to } => assert!(there_was.contains(from) && from <= to, "{error}"),
        OpenError::Io(error) => panic!("a disk that reads and writes: {error}"),
        OpenError::Readers(why) => panic!("nobody reads: {why}"),
    }
}

/// What a deep check found whole is whole.
fn messages_are_whole(base: &Base, files: &Files, height: u64) {
    for (block, place, _) in &base.messages {
        if *block <= height {
            let name = format!("vault-{:010}.log", place.file);
            let (from, bytes) = (place.offset as usize + 40, place.bytes as usize);
            let stored = |files: &Files| files.get(&name).and_then(|file| file.get(from..from + bytes)).map(<[u8]>::to_vec);
            assert_eq!(stored(files), stored(base.files()), "a message of block {block} differs and was found whole");
        }
    }
}
