//! Payments that were forgotten are there again after any stop: as they were told, in order, with their messages.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use clearing::{Command, IndexSeed, PaymentView, Settings, Time};
use common::{MemDisk, Seeded, answer, genesis, pay, submission};
use ordering::{
    Clock, Disk, DurableBlock, Forgotten, JournalConfig, OrderedLog, Recovered, Sink, Stepper, StopReason, VaultPlace, fsck,
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
    archive_known: 0,
};

#[derive(Debug, Clone)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::Relaxed))
    }
}

/// What was told of payments that left memory.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<PaymentView>>>);

impl Sink for Told {
    fn durable(&mut self, block: DurableBlock) {
        self.0.lock().unwrap().extend(block.applied.forgotten);
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

/// What a start finds, without the snapshot if there is one, is what it finds with it.
fn found(disk: &MemDisk, with_snapshots: bool) -> (Vec<Forgotten>, Vec<VaultPlace>, bool) {
    let disk = disk.copy();
    let snapshots = || disk.list().unwrap().into_iter().filter(|name| name.starts_with("snapshot-"));
    if !with_snapshots {
        snapshots().for_each(|name| disk.remove(&name).unwrap());
    }
    let mut seen: Option<(Vec<Forgotten>, Vec<VaultPlace>, bool)> = None;
    let look = |recovered: &Recovered<'_>| {
        assert_eq!(recovered.forgotten.count(), recovered.clearing.forgotten());
        let forgotten = recovered.forgotten.from(0).map(Result::unwrap).collect();
        seen = Some((forgotten, recovered.places.clone(), recovered.from_snapshot.is_some()));
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

/// Pays, answers most and lets time pass, until the power goes or all is done.
fn live(disk: &MemDisk, clock: &Hand, told: &Told, life: u64, seed: &mut Seeded) -> Option<()> {
    let mut stepper = open(disk, clock, told, |_| {})?;
    let log = stepper.log();
    let message: Arc<[u8]> = vec![0x5A; 300].into();
    if life == 0 {
        genesis().into_iter().for_each(|command| log.submit(submission(0, command)).unwrap());
        log.submit(submission(0, Command::Configure(settings()))).unwrap();
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
    let (mut from_snapshot, mut most) = (0, 0);
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
            assert!(shortcut.0 == replayed.0 && shortcut.1 == replayed.1, "seed {seed}, life {life}: replaying finds the same");
            let told = told.0.lock().unwrap();
            for payment in told.iter() {
                let found = shortcut.0.get(payment.index.0 as usize).map(|forgotten| forgotten.payment);
                assert_eq!(found, Some(*payment), "seed {seed}, life {life}: what was told is there");
            }
            drop(told);
            from_snapshot += u32::from(shortcut.2 && !shortcut.0.is_empty());
            most = most.max(shortcut.0.len());
            let report = fsck(Arc::new(disk.clone()), true).unwrap();
            assert_eq!(report.broken, [], "seed {seed}, life {life}");
        }
    }
    assert!(from_snapshot > 20 && most > 100, "{from_snapshot} starts from snapshots, at most {most} forgotten");
}

#[test]
fn a_damaged_archive_is_only_a_detour() {
    let (disk, clock, told) = (MemDisk::new(), Hand(Arc::new(AtomicU64::new(1_000_000 * SECOND))), Told::default());
    let mut seed = (0..).map(Seeded).find(|seed| live(&MemDisk::new(), &clock, &told, 0, &mut seed.clone()).is_some()).unwrap();
    live(&disk, &clock, &told, 0, &mut seed).unwrap();
    let whole = found(&disk, true);
    assert!(whole.2 && whole.0.len() > 10, "a snapshot and {} forgotten", whole.0.len());
    let damages: [fn(&mut Vec<u8>); 3] = [|bytes| bytes[300] ^= 1, |bytes| bytes.truncate(1000), |bytes| bytes[20..24].fill(0)];
    for damage in damages {
        let copy = disk.copy();
        copy.edit("archive-0000000000.log", damage);
        let detour = found(&copy, true);
        assert!(!detour.2, "the snapshot that relies on it is not used");
        assert!(detour.0 == whole.0 && detour.1 == whole.1, "replaying finds the same");
    }
}
