//! The log of erasures as bytes: at a start only what a sealed batch names goes from the vault, and all of it.

use crate::Target;
use crate::journal::base::{BASE, CONFIG, FixedClock, Nobody};
use crate::memory::{Files, MemoryDisk};
use clearing::{IndexSeed, Time};
use ordering::{ErasureBatch, ErasureOrder, Stepper, erase, erasures, fsck};
use std::sync::Arc;

const LOG: &str = "erasures.log";

pub(crate) const TARGET: Target = Target {
    name: "erasures",
    about: "a start erases what whole batches name and nothing else; fsck tells a log that names what is not there",
    run,
    seeds,
    words: &["LHX1", "\0\0\0\0", "\u{1}\0\0\0", "case desk", "\u{7f}\u{7f}\u{7f}\u{7f}"],
};

fn run(input: &[u8]) -> bool {
    let mut files = BASE.files.clone();
    files.insert(LOG.to_owned(), input.to_vec());
    let disk = MemoryDisk::of(&files);
    let read = erasures(&disk);
    let opened = Stepper::open(Arc::new(disk.clone()), CONFIG, FixedClock, IndexSeed(7), |_| Ok(Nobody));
    drop(opened.expect("payments go on whatever the log says"));
    let named: &[ErasureBatch] = read.as_deref().unwrap_or_default();
    let after = disk.files();
    for (_, place, message) in &BASE.messages {
        let is_named =
            named.iter().flat_map(|batch| &batch.messages).any(|it| it.place == *place && it.hash == chain::sha256(message));
        let (from, bytes) = (place.offset as usize + 40, place.bytes as usize);
        let name = format!("vault-{:010}.log", place.file);
        let [there, before] = [&after, BASE.files()].map(|files| &files[&name][from..from + bytes]);
        match is_named {
            true => assert!(there.iter().all(|byte| *byte == 0), "{place:?} was named and is there"),
            false => assert_eq!(there, before, "{place:?} was not named and is changed"),
        }
    }
    let report = fsck(Arc::new(disk), true).expect("the folder can be read");
    assert_eq!(report.to_erase, 0, "the start has done it");
    assert!(report.broken.iter().all(|(law, _)| law == "VLT-02"), "{:?}", report.broken);
    !named.is_empty()
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let disk = MemoryDisk::of(&BASE.files);
    let seed = |name: &str, messages: std::ops::Range<usize>| {
        let order = ErasureOrder { at: Time(7), by: "case desk".into(), why: format!("DSR-{name}") };
        let places: Vec<_> = BASE.messages[messages].iter().map(|(_, place, _)| *place).collect();
        erase(&disk, &order, &places).expect("messages of the base are whole");
        let files: Files = disk.files();
        (name.to_owned(), files[LOG].clone())
    };
    vec![seed("one", 0..1), seed("more", 1..4)]
}
