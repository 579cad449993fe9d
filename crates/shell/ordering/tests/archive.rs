//! Payments that were forgotten and letters are there again after any stop: as they were told, in order, with their messages.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use clearing::{Broadcast, Command, IndexSeed, IsoReason, Officer, Order, OrderId, PaymentView, Roles, Settings, Time};
use common::{MemDisk, Seeded, answer, genesis, pay, submission};
use ordering::{
    ArchiveKnown, Clock, Disk, DurableBlock, Forgotten, JournalConfig, KeptLetter, OrderedLog, Recovered, Sink, Stepper,
    StopReason, VaultPlace, fsck, letters_of,
};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: u64 = 1_000_000_000;
const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 8 << 10,
    vault_bytes: 8 << 10,
    queue_commands_max: 1 << 10,
    free_bytes_min: 0,
    snapshot_after_commands: 30,
    full_retry: Duration::from_millis(2),
    archive_known: ArchiveKnown { forgotten: 0, letters: 0 },
};

#[derive(Debug, Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// What was told of payments that left memory, and letters.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<(Vec<PaymentView>, Vec<KeptLetter>)>>);

impl Sink for Told {
    fn durable(&mut self, block: DurableBlock) {
        let mut told = self.0.lock().unwrap();
        told.1.extend(letters_of(&block.applied, &block.places));
        told.0.extend(block.applied.forgotten);
    }
    fn stopped(&mut self, _: StopReason) {}
}

fn open(disk: &MemDisk, clock: &Hand, told: &Told, look: impl FnOnce(&Recovered<'_>)) -> Option<Stepper<Hand, Told>> {
    let rebuild = |recovered: Recovered<'_>| {
        look(&recovered);
        Ok(told.clone())
    };
    Stepper::open(Arc::new(disk.clone()), CONFIG, clock.clone(), IndexSeed(3), rebuild).ok()
}

/// What a start finds.
#[derive(Debug, PartialEq)]
struct Found {
    forgotten: Vec<Forgotten>,
    places: Vec<VaultPlace>,
    letters: Vec<KeptLetter>,
}

/// What a start finds, without the snapshot if there is one, is what it finds with it; and whether it began there.
fn found(disk: &MemDisk, with_snapshots: bool) -> (Found, bool) {
    let disk = disk.copy();
    let snapshots = || disk.list().unwrap().into_iter().filter(|name| name.starts_with("snapshot-"));
    if !with_snapshots {
        snapshots().for_each(|name| disk.remove(&name).unwrap());
    }
    let mut seen: Option<(Found, bool)> = None;
    let look = |recovered: &Recovered<'_>| {
        assert_eq!(recovered.forgotten.count(), recovered.clearing.forgotten());
        assert_eq!(recovered.letters.count(), recovered.clearing.letters());
        let forgotten = recovered.forgotten.from(0).map(Result::unwrap).collect();
        let letters = recovered.letters.from(0).map(Result::unwrap).collect();
        let found = Found { forgotten, places: recovered.places.clone(), letters };
        seen = Some((found, recovered.from_snapshot.is_some()));
    };
    open(&disk, &Hand(Arc::default()), &Told::default(), look).unwrap();
    seen.unwrap()
}

fn settings() -> Settings {
    Settings {
        answer_high_ns: 2 * SECOND,
        answer_normal_ns: 3 * SECOND,
        quote_validity_ns: SECOND,
        acceptance_age_max_ns: 4 * SECOND,
        payment_retention_ns: 8 * SECOND,
    }
}

/// Officers' word to all banks: a letter to each.
fn broadcast(n: u64, now: u64) -> Command {
    let does = Box::new(Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: format!("word {n}") }));
    let id = OrderId(u128::from(n).to_le_bytes());
    Command::Order(Order { id, valid_until: Time(now + 3600 * SECOND), officers: [[1; 32], [2; 32]], does })
}

/// Pays, answers most and lets time pass, until the power goes or all is done.
fn live(disk: &MemDisk, clock: &Hand, told: &Told, life: u64, seed: &mut Seeded) -> Option<()> {
    let mut stepper = open(disk, clock, told, |_| {})?;
    let log = stepper.log();
    let message: Arc<[u8]> = vec![0x5A; 300].into();
    if life == 0 {
        genesis().into_iter().for_each(|command| log.submit(submission(0, command)).unwrap());
        log.submit(submission(0, Command::Configure(settings()))).unwrap();
        let officers = [1, 2].map(|n| Officer { key: [n; 32], name: format!("officer {n}"), roles: Roles::SIGNING });
        log.submit(submission(0, Command::AppointOfficers(officers.to_vec()))).unwrap();
    }
    for n in life * 1000..life * 1000 + 60 {
        let now = clock.0.fetch_add(seed.below(SECOND), Ordering::Relaxed);
        let Command::Pay(payment) = pay(n, 5) else { unreachable!("a payment") };
        let mut first = submission(0, Command::Pay(clearing::Pay { accepted_at: Time(now), ..payment }));
        first.attachment = (seed.below(4) != 0).then(|| message.clone());
        log.submit(first).ok()?;
        if seed.below(5) != 0 {
            log.submit(submission(0, answer(n, seed.below(4) != 0))).ok()?;
        }
        if seed.below(6) == 0 {
            let mut word = submission(0, broadcast(n, now));
            word.attachment = (seed.below(4) != 0).then(|| message.clone());
            log.submit(word).ok()?;
        }
        stepper.seal().ok()?;
        if seed.below(2) == 0 {
            stepper.commit().ok()?;
        }
    }
    stepper.commit().ok()?;
    if seed.below(2) == 0 { stepper.close().ok() } else { None }
}

#[test]
fn what_was_forgotten_is_there_after_any_stop() {
    let (mut from_snapshot, mut most, mut letters) = (0, 0, 0);
    for seed in 0..50 {
        let mut seeded = Seeded(seed);
        let (mut disk, clock, told) = (MemDisk::new(), Hand(Arc::new(AtomicU64::new(1_000_000 * SECOND))), Told::default());
        for life in 0..4 {
            if seeded.below(3) > 0 {
                disk.lose_power_after(20 + seeded.below(200));
            }
            let _ = live(&disk, &clock, &told, life, &mut seeded);
            disk = disk.after_power_loss(&mut seeded);
            let (shortcut, replayed) = (found(&disk, true), found(&disk, false));
            assert!(shortcut.0 == replayed.0, "seed {seed}, life {life}: replaying finds the same");
            let (shortcut, began_there) = shortcut;
            let told = told.0.lock().unwrap();
            for payment in &told.0 {
                let found = shortcut.forgotten.get(payment.index.0 as usize).map(|forgotten| forgotten.payment);
                assert_eq!(found, Some(*payment), "seed {seed}, life {life}: what was told is there");
            }
            for kept in &told.1 {
                let found = shortcut.letters.get(kept.letter.number as usize);
                assert_eq!(found, Some(kept), "seed {seed}, life {life}: the letter is there with its message");
            }
            drop(told);
            letters = letters.max(shortcut.letters.len());
            from_snapshot += u32::from(began_there && !shortcut.forgotten.is_empty());
            most = most.max(shortcut.forgotten.len());
            let report = fsck(Arc::new(disk.clone()), true).unwrap();
            assert_eq!(report.broken, [], "seed {seed}, life {life}");
        }
    }
    assert!(from_snapshot > 20 && most > 100, "{from_snapshot} starts from snapshots, at most {most} forgotten");
    assert!(letters > 30, "at most {letters} letters");
}

#[test]
fn a_damaged_archive_is_only_a_detour() {
    let (disk, clock, told) = (MemDisk::new(), Hand(Arc::new(AtomicU64::new(1_000_000 * SECOND))), Told::default());
    let mut seed = (0..).map(Seeded).find(|seed| live(&MemDisk::new(), &clock, &told, 0, &mut seed.clone()).is_some()).unwrap();
    live(&disk, &clock, &told, 0, &mut seed).unwrap();
    let whole = found(&disk, true);
    assert!(whole.1 && whole.0.forgotten.len() > 10, "a snapshot and {} forgotten", whole.0.forgotten.len());
    assert!(whole.0.letters.len() > 10, "{} letters", whole.0.letters.len());
    let damages: [fn(&mut Vec<u8>); 3] = [|bytes| bytes[300] ^= 1, |bytes| bytes.truncate(500), |bytes| bytes[20..24].fill(9)];
    for (damage, file) in damages.into_iter().flat_map(|damage| ["archive", "letters"].map(|file| (damage, file))) {
        let copy = disk.copy();
        copy.edit(&format!("{file}-0000000000.log"), damage);
        let detour = found(&copy, true);
        assert!(!detour.1, "the snapshot that relies on {file} is not used");
        assert!(detour.0 == whole.0, "replaying finds the same");
    }
}

/// What the disk has no room for is in memory when readers ask, however much of the archive there was.
#[test]
fn a_node_starts_on_a_full_disk() {
    let (disk, clock, told) = (MemDisk::new(), Hand(Arc::new(AtomicU64::new(1_000_000 * SECOND))), Told::default());
    let mut seed = (0..).map(Seeded).find(|seed| live(&MemDisk::new(), &clock, &told, 0, &mut seed.clone()).is_some()).unwrap();
    live(&disk, &clock, &told, 0, &mut seed).unwrap();
    let whole = found(&disk, true).0;
    for left in [0, 1, 500] {
        let copy = disk.copy();
        for file in ["archive", "letters"] {
            copy.edit(&format!("{file}-0000000000.log"), |bytes| bytes.truncate(left));
        }
        // Spare files are there; the archive does not grow.
        copy.set_free(0);
        let (full, began_there) = found(&copy, true);
        assert!(!began_there && full == whole, "{left} bytes of the archive were left");
    }
}
