//! Erasure: gone is gone whenever the power goes, what is not erased is whole, and a gap without a record is found.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use clearing::{IndexSeed, Time};
use common::{MemDisk, Memory, Seeded, StepClock, answer, genesis, pay, submission};
use ordering::{
    ArchiveKnown, Disk, EraseError, ErasureOrder, Journal, JournalConfig, MessageErased, OrderedLog, VaultPlace, VaultReader,
    erase, erasures, fsck, read_messages, sweep,
};
use std::sync::Arc;
use std::time::Duration;

const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 16 << 10,
    vault_bytes: 8 << 10,
    queue_commands_max: 1 << 16,
    free_bytes_min: 0,
    snapshot_after_commands: 40,
    full_retry: Duration::from_millis(2),
    archive_known: ArchiveKnown { forgotten: 0, letters: 0 },
};
const PAYMENTS: u64 = 20;

fn order() -> ErasureOrder {
    ErasureOrder { at: Time(7), by: "case desk".into(), why: "DSR-2026-17".into() }
}

/// Sixteen letters that stand in one message alone, as they are even when it is packed.
fn name(n: u64) -> String {
    format!("CHAN-TAI-MAN-{n:03}")
}

fn message(n: u64) -> Arc<[u8]> {
    // Figures without a pattern: packing makes them no shorter, so that there are several vault files.
    let digest = |line| chain::sha256(&[n as u8, line as u8]).0.map(|byte| format!("{byte:02x}")).concat();
    let lines: Vec<String> = (0..12 + n).map(digest).collect();
    format!("{}{}", name(n), lines.concat()).into_bytes().into()
}

/// Payments settled over several vault files, closed with a snapshot.
fn journal() -> MemDisk {
    let disk = MemDisk::new();
    start_and_pay(&disk, 0..PAYMENTS);
    disk
}

fn start_and_pay(disk: &MemDisk, payments: std::ops::Range<u64>) {
    let memory = Memory::default();
    let sink = memory.clone();
    let journal = Journal::open(Arc::new(disk.clone()), CONFIG, StepClock::default(), IndexSeed(5), |_| Ok(sink)).unwrap();
    if payments.start == 0 {
        genesis().into_iter().for_each(|command| journal.submit(submission(0, command)).unwrap());
    }
    for n in payments {
        let mut first = submission(n * 2 + 1, pay(n, 5));
        first.attachment = Some(message(n));
        journal.submit_many(vec![first, submission(n * 2 + 2, answer(n, true))]).unwrap();
        assert!(memory.wait(n * 2 + 2));
    }
    journal.close().unwrap();
}

/// Where the messages lie, in order of the payments.
fn places(disk: &MemDisk) -> Vec<VaultPlace> {
    let mut found = Vec::new();
    read_messages(disk, 1, |_, _, places| {
        found.extend(places.into_iter().map(|(_, place)| place));
        true
    })
    .unwrap();
    found
}

/// Files that have these letters in them.
fn files_with(disk: &MemDisk, letters: &str) -> Vec<String> {
    let has = |name: &String| {
        let bytes = disk.open(name).unwrap().read_all().unwrap();
        bytes.windows(letters.len()).any(|window| window == letters.as_bytes())
    };
    disk.list().unwrap().into_iter().filter(has).collect()
}

fn deep(disk: &MemDisk) -> ordering::FsckReport {
    fsck(Arc::new(disk.clone()), true).unwrap()
}

fn laws_broken(disk: &MemDisk) -> Vec<String> {
    deep(disk).broken.into_iter().map(|(law, _)| law).collect()
}

#[test]
fn what_is_erased_is_gone_and_the_rest_is_whole() {
    let disk = journal();
    let places = places(&disk);
    assert!(places.len() == PAYMENTS as usize && places.last().unwrap().file >= 3, "{places:?}");
    let gone = [places[3], places[4], places[17]];
    assert_eq!(files_with(&disk, &name(3)).len(), 1, "it is there before");
    assert_eq!(erase(&disk, &order(), &gone).unwrap(), 3);
    for n in [3, 4, 17] {
        assert_eq!(files_with(&disk, &name(n)), [""; 0], "VLT-02");
    }
    let reader = VaultReader::new(Arc::new(disk.clone()));
    for (n, place) in places.iter().enumerate() {
        match reader.read(*place) {
            Ok(bytes) => assert_eq!(bytes, *message(n as u64), "message {n}"),
            Err(error) => assert!([3, 4, 17].contains(&n) && MessageErased::is(&error), "message {n}: {error}"),
        }
    }
    let report = deep(&disk);
    assert_eq!((report.broken.as_slice(), report.erased, report.messages), (&[][..], 3, PAYMENTS - 3));
    let log = erasures(&disk).unwrap();
    assert_eq!((log.len(), &log[0].order, log[0].messages.len()), (1, &order(), 3));
    assert_eq!(log[0].messages[0].hash, chain::sha256(&message(3)));
    // Once more it changes nothing; and the journal goes on.
    assert_eq!(erase(&disk, &order(), &gone).unwrap(), 0);
    assert_eq!(erasures(&disk).unwrap().len(), 1);
    start_and_pay(&disk, PAYMENTS..PAYMENTS + 3);
    assert_eq!((deep(&disk).broken, deep(&disk).erased), (vec![], 3));
}

/// The power goes behind every single write and sync of an erasure, several times each with other sectors on the disk.
#[test]
fn an_erasure_broken_off_anywhere_is_finished_or_never_began() {
    let before = journal();
    let places = places(&before);
    // A first erasure lies behind, so that the log has an end to find.
    erase(&before, &order(), &[places[0]]).unwrap();
    let (mut done, mut undone, mut finished, mut half) = (0, 0, 0, 0);
    for operations in 0.. {
        let mut over = false;
        for seed in 0..24 {
            let disk = before.copy();
            disk.lose_power_after(operations);
            let result = erase(&disk, &order(), &[places[3], places[4], places[17]]);
            over = result.is_ok();
            let disk = if over { disk.copy() } else { disk.after_power_loss(&mut Seeded(seed * 1000 + operations)) };
            let found = deep(&disk);
            assert_eq!(found.broken, [], "power lost behind {operations}, seed {seed}");
            half += u64::from(found.to_erase > 0);
            let was_there = (3..=3).all(|n| !files_with(&disk, &name(n)).is_empty());
            start_and_pay(&disk, PAYMENTS..PAYMENTS + 1);
            let report = deep(&disk);
            assert_eq!((report.broken.as_slice(), report.to_erase), (&[][..], 0), "behind {operations}, seed {seed}");
            let left = [3, 4, 17].iter().filter(|n| !files_with(&disk, &name(**n)).is_empty()).count();
            match (report.erased, left) {
                (1, 3) => undone += 1,
                (4, 0) if over => done += 1,
                (4, 0) => finished += u64::from(was_there),
                other => panic!("behind {operations}, seed {seed}: {other:?}"),
            }
            assert!(!over || left == 0, "it said that it was done");
            assert_eq!(report.messages + report.erased, PAYMENTS + 1, "the rest is whole");
        }
        if over {
            break;
        }
    }
    assert!(done > 0 && undone > 0 && finished > 0 && half > 0, "{done} done, {undone} undone, {finished} finished, {half} half");
}

#[test]
fn an_older_copy_of_the_vault_is_erased_again() {
    let disk = journal();
    let places = places(&disk);
    let older = disk.copy();
    erase(&disk, &order(), &[places[3]]).unwrap();
    erase(&disk, &order(), &[places[9]]).unwrap();
    for name in older.list().unwrap().iter().filter(|name| name.starts_with("vault-")) {
        let bytes = older.open(name).unwrap().read_all().unwrap();
        disk.edit(name, |now| *now = bytes);
    }
    assert_eq!((deep(&disk).to_erase, deep(&disk).broken), (2, vec![]));
    start_and_pay(&disk, PAYMENTS..PAYMENTS + 1);
    assert_eq!((files_with(&disk, &name(3)), files_with(&disk, &name(9))), (vec![], vec![]));
    assert_eq!((deep(&disk).to_erase, deep(&disk).erased), (0, 2));
}

#[test]
fn a_gap_without_a_record_is_no_erasure() {
    let disk = journal();
    let places = places(&disk);
    erase(&disk, &order(), &[places[3]]).unwrap();
    let vault = format!("vault-{:010}.log", places[3].file);
    // Somebody wipes a message and marks it as erased by himself.
    let forged = disk.copy();
    let at = places[5].offset as usize;
    forged.edit(&format!("vault-{:010}.log", places[5].file), |bytes| {
        bytes[at..at + 4].copy_from_slice(b"LHE1");
        bytes[at + 40..at + 40 + places[5].bytes as usize].fill(0);
    });
    assert_eq!(laws_broken(&forged), ["VLT-02"]);
    // The records are taken away.
    let unrecorded = disk.copy();
    unrecorded.remove("erasures.log").unwrap();
    assert_eq!(laws_broken(&unrecorded), ["VLT-02"]);
    // A record is changed, with another behind it.
    erase(&disk, &order(), &[places[9]]).unwrap();
    let damaged = disk.copy();
    damaged.edit("erasures.log", |bytes| bytes[20] ^= 1);
    assert!(laws_broken(&damaged).contains(&"VLT-02".to_owned()));
    assert!(matches!(erase(&damaged, &order(), &[places[1]]), Err(EraseError::LogDamaged(0))));
    assert!(!files_with(&damaged, &name(1)).is_empty(), "nothing was erased");
    start_and_pay(&damaged, PAYMENTS..PAYMENTS + 1);
    // Bytes come back into a gap of an erasure before the last.
    let left = disk.copy();
    left.edit(&vault, |bytes| bytes[places[3].offset as usize + 50] = b'C');
    assert_eq!(laws_broken(&left), ["VLT-02"]);
    // Without any of that all laws hold.
    assert_eq!(laws_broken(&disk), [""; 0]);
}

#[test]
fn nothing_goes_without_a_word_and_nothing_damaged_goes_at_all() {
    let disk = journal();
    let places = places(&disk);
    for (by, why) in [("", "DSR-1"), ("desk", ""), ("desk", "two\nlines"), ("desk", &"x".repeat(201))] {
        let order = ErasureOrder { at: Time(1), by: by.into(), why: why.into() };
        assert!(matches!(erase(&disk, &order, &places), Err(EraseError::Words)), "{by:?} {why:?}");
    }
    disk.edit(&format!("vault-{:010}.log", places[2].file), |bytes| bytes[places[2].offset as usize + 60] ^= 1);
    let refused = erase(&disk, &order(), &places[..4]);
    assert!(matches!(refused, Err(EraseError::Damaged { offset, .. }) if offset == places[2].offset), "{refused:?}");
    assert!(!files_with(&disk, &name(0)).is_empty() && !disk.list().unwrap().contains(&"erasures.log".to_owned()));
}

#[test]
fn a_message_no_block_has_is_swept() {
    let disk = journal();
    // A crash between a message and its block: the entry is whole, or torn, and nothing refers to it.
    let last = disk.list().unwrap().into_iter().rfind(|name| name.starts_with("vault-")).unwrap();
    let mut end = 0;
    disk.edit(&last, |bytes| {
        end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        bytes[end..end + 16].copy_from_slice(name(77).as_bytes());
    });
    assert_eq!(files_with(&disk, &name(77)), [last]);
    assert_eq!(sweep(&(Arc::new(disk.clone()) as Arc<dyn Disk>)).unwrap(), 16);
    assert_eq!(files_with(&disk, &name(77)), [""; 0]);
    assert_eq!((laws_broken(&disk), deep(&disk).messages), (vec![], PAYMENTS));
    assert_eq!(sweep(&(Arc::new(disk.clone()) as Arc<dyn Disk>)).unwrap(), 0);
}
