//! Power loss at any moment: everything told is there, nothing half-done is; damage is refused with its block.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use clearing::{IndexSeed, Time};
use common::{MemDisk, Memory, Seeded, StepClock, answer, check_told, genesis, pay, submission};
use ordering::{
    ArchiveKnown, Clock, Disk, DurableBlock, Journal, JournalConfig, OpenError, OrderedLog, Sink, StopReason, SubmitRefusal, fsck,
};
use std::sync::Arc;
use std::time::Duration;

const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 16 << 10,
    vault_bytes: 16 << 10,
    queue_commands_max: 1 << 16,
    free_bytes_min: 0,
    snapshot_after_commands: 40,
    full_retry: Duration::from_millis(2),
    archive_known: ArchiveKnown { forgotten: 0, letters: 0 },
};

fn open(disk: &MemDisk, memory: &Memory) -> Result<Journal, OpenError> {
    let sink = memory.clone();
    Journal::open(Arc::new(disk.clone()), CONFIG, StepClock::default(), IndexSeed(5), move |_| Ok(sink))
}

/// Runs payments until the fuse burns or `payments` are done; returns what was told.
fn run(disk: &MemDisk, payments: std::ops::Range<u64>, seed: &mut Seeded) -> Memory {
    let memory = Memory::default();
    let Ok(journal) = open(disk, &memory) else { return memory };
    let message: Arc<[u8]> = vec![0x5A; 700].into();
    for (at, command) in genesis().into_iter().enumerate() {
        let _ = journal.submit(submission(1_000_000 + at as u64, command));
    }
    for n in payments {
        let mut first = submission(n * 2 + 1, pay(n, 100 + n));
        first.attachment = Some(message.clone());
        let second = submission(n * 2 + 2, answer(n, seed.below(4) != 0));
        if journal.submit(first).is_err() || (seed.below(8) == 0 && !memory.wait(n * 2 + 1)) || journal.submit(second).is_err() {
            break;
        }
    }
    if seed.below(2) == 0 {
        let _ = journal.close();
    }
    drop(journal);
    memory
}

#[test]
fn nothing_told_is_lost_when_the_power_goes() {
    let mut reopened = 0;
    for seed in 0..400 {
        let mut seeded = Seeded(seed);
        let mut disk = MemDisk::new();
        let mut told = Vec::new();
        for life in 0..3 {
            disk.lose_power_after(5 + seeded.below(60));
            let memory = run(&disk, life * 100..life * 100 + 60, &mut seeded);
            told.push(memory);
            disk = disk.after_power_loss(&mut seeded);
            let sink = Memory::default();
            let journal = Journal::open(Arc::new(disk.clone()), CONFIG, StepClock::default(), IndexSeed(9), |recovered| {
                for memory in &told {
                    let told = memory.0.0.lock().unwrap();
                    check_told(&told, recovered.clearing);
                    let height = recovered.last.map_or(0, |last| last.height);
                    assert!(height >= told.height, "seed {seed}: told of block {}, recovered {height}", told.height);
                    if height == told.height && height > 0 {
                        assert_eq!(told.state_root, Some(recovered.clearing.state_root()));
                    }
                }
                Ok(sink.clone())
            });
            let journal = journal.unwrap_or_else(|error| panic!("seed {seed}, life {life}: {error}"));
            reopened += 1;
            drop(journal);
            let report = fsck(Arc::new(disk.clone()), true).unwrap();
            assert_eq!(report.broken, [], "seed {seed}");
        }
    }
    assert_eq!(reopened, 1200);
}

/// A journal of several segments, closed, without its snapshots.
fn finished() -> MemDisk {
    let disk = MemDisk::new();
    let memory = Memory::default();
    let journal = open(&disk, &memory).unwrap();
    for command in genesis() {
        journal.submit(submission(0, command)).unwrap();
    }
    for n in 0..160 {
        journal.submit_many(vec![submission(n * 2 + 1, pay(n, 5)), submission(n * 2 + 2, answer(n, true))]).unwrap();
        assert!(memory.wait(n * 2 + 2));
    }
    journal.close().unwrap();
    drop(journal);
    for name in disk.list().unwrap() {
        if name.starts_with("snapshot") {
            disk.remove(&name).unwrap();
        }
    }
    disk
}

fn segments(disk: &MemDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| name.starts_with("journal-")).collect()
}

#[test]
fn a_flipped_bit_is_refused_with_its_block() {
    let disk = finished();
    let segments = segments(&disk);
    assert!(segments.len() >= 3, "{segments:?}");
    let mut seeded = Seeded(3);
    for round in 0..300 {
        let damaged = disk.copy();
        let name = &segments[seeded.below(segments.len() as u64) as usize];
        let mut used = 0;
        damaged.edit(name, |bytes| {
            used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
            bytes[seeded.below(used as u64) as usize] ^= 1 << seeded.below(8);
        });
        match open(&damaged, &Memory::default()) {
            Err(OpenError::Damaged { height, file, .. }) => {
                assert_eq!(&file, name);
                assert!((1..=200).contains(&height));
            }
            Err(other) => panic!("round {round}: {other}"),
            Ok(_) => panic!("round {round}: opened with a flipped bit in {name}"),
        }
        assert_eq!(fsck(Arc::new(damaged), false).unwrap().broken[0].0, "CHN-01");
    }
}

/// A forger can seal a frame that claims four thousand million commands; it gets no memory for them.
#[test]
fn a_forged_number_of_commands_is_refused_before_it_takes_memory() {
    let disk = finished();
    let first = segments(&disk).remove(0);
    disk.edit(&first, |bytes| {
        let end = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        bytes[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        let seal = chain::sha256(&bytes[..end - 8]);
        bytes[end - 8..end - 1].copy_from_slice(&seal.0[..7]);
    });
    match open(&disk, &Memory::default()) {
        Err(OpenError::Damaged { height: 1, why, .. }) => assert!(why.contains("number of commands"), "{why}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened with a forged block"),
    }
}

#[test]
fn a_tail_cut_at_any_byte_recovers_to_the_last_whole_block() {
    let disk = finished();
    let last = segments(&disk).pop().unwrap();
    let mut used = 0;
    disk.edit(&last, |bytes| used = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1);
    let mut whole = 0;
    for cut in (used.saturating_sub(1500)..=used).rev() {
        let torn = disk.copy();
        torn.edit(&last, |bytes| bytes[cut..].fill(0));
        let mut height = 0;
        let memory = Memory::default();
        let journal = Journal::open(Arc::new(torn), CONFIG, StepClock::default(), IndexSeed(5), |recovered| {
            height = recovered.last.unwrap().height;
            Ok(memory)
        });
        journal.unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        if cut == used {
            whole = height;
        } else {
            assert!(height < whole && height + 5 > whole, "cut at {cut}: {height} of {whole}");
        }
    }
}

/// Breaks when told of the block at a height.
struct Breaks(Memory, u64);

impl Sink for Breaks {
    fn durable(&mut self, block: DurableBlock) {
        assert!(block.header.height < self.1, "scripted");
        self.0.durable(block);
    }
    fn stopped(&mut self, why: StopReason) {
        self.0.stopped(why);
    }
}

/// Breaks when asked for the time once too often.
struct BreaksClock(std::sync::atomic::AtomicU64);

impl Clock for BreaksClock {
    fn now(&self) -> Time {
        let asked = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        assert!(asked < 20, "scripted");
        Time(1_000_000 + asked)
    }
}

/// Submits until refused; the last refusal.
fn until_refused(journal: &Journal) -> SubmitRefusal {
    for n in 0..100_000 {
        if let Err(refusal) = journal.submit(submission(0, pay(n, 100))) {
            return refusal;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("never refused")
}

#[test]
fn a_broken_invariant_stops_for_good_and_nobody_waits() {
    let memory = Memory::default();
    let sink = Breaks(memory.clone(), 3);
    let disk = Arc::new(MemDisk::new());
    let writer = Journal::open(disk, CONFIG, StepClock::default(), IndexSeed(5), move |_| Ok(sink)).unwrap();
    assert_eq!(until_refused(&writer), SubmitRefusal::Stopped);
    assert!(!memory.wait(u64::MAX));
    assert_eq!(memory.0.0.lock().unwrap().stopped, Some(StopReason::InvariantBroken));
    assert_eq!(writer.close(), Err(StopReason::InvariantBroken));

    let memory = Memory::default();
    let sink = memory.clone();
    let disk = Arc::new(MemDisk::new());
    let clock = BreaksClock(0.into());
    let sequencer = Journal::open(disk, CONFIG, clock, IndexSeed(5), move |_| Ok(sink)).unwrap();
    assert_eq!(until_refused(&sequencer), SubmitRefusal::Stopped);
    assert!(!memory.wait(u64::MAX));
    assert_eq!(memory.0.0.lock().unwrap().stopped, Some(StopReason::InvariantBroken));
    assert_eq!(sequencer.close(), Err(StopReason::InvariantBroken));
}

#[test]
fn a_block_larger_than_a_segment_makes_it_longer() {
    let disk = MemDisk::new();
    let memory = Memory::default();
    let journal = open(&disk, &memory).unwrap();
    journal.submit_many(genesis().into_iter().map(|command| submission(0, command)).collect()).unwrap();
    // 300 payments at once take twice what a segment has; more blocks follow.
    journal.submit_many((0..300).map(|n| submission(n + 1, pay(n, 100))).collect()).unwrap();
    assert!(memory.wait(300));
    for n in 300..310 {
        journal.submit(submission(n + 1, pay(n, 100))).unwrap();
        assert!(memory.wait(n + 1));
    }
    journal.close().unwrap();
    let report = fsck(Arc::new(disk), true).unwrap();
    assert_eq!((report.broken, report.payments), (Vec::new(), 310));
}

#[test]
fn a_missing_segment_is_refused() {
    let disk = finished();
    let names = segments(&disk);
    disk.remove(&names[1]).unwrap();
    assert!(matches!(open(&disk, &Memory::default()), Err(OpenError::Missing { .. })));
}

#[test]
fn a_damaged_snapshot_is_only_a_detour() {
    let disk = MemDisk::new();
    run(&disk, 0..50, &mut Seeded(0));
    let journal = open(&disk, &Memory::default()).unwrap();
    journal.close().unwrap();
    drop(journal);
    let snapshots: Vec<_> = disk.list().unwrap().into_iter().filter(|name| name.starts_with("snapshot")).collect();
    assert!(!snapshots.is_empty());
    let mut expected = None;
    let look = |disk: &MemDisk, expected: &mut Option<chain::Hash>, from_snapshot: bool| {
        Journal::open(Arc::new(disk.clone()), CONFIG, StepClock::default(), IndexSeed(5), |recovered| {
            assert_eq!(recovered.from_snapshot.is_some(), from_snapshot);
            assert_eq!(*expected.get_or_insert(recovered.clearing.state_root()), recovered.clearing.state_root());
            Ok(Memory::default())
        })
        .unwrap();
    };
    look(&disk.copy(), &mut expected, true);
    for name in &snapshots {
        disk.edit(name, |bytes| bytes[200] ^= 1);
    }
    look(&disk.copy(), &mut expected, false);
}

#[test]
fn a_failed_sync_stops_for_good() {
    let disk = MemDisk::new();
    let memory = Memory::default();
    let journal = open(&disk, &memory).unwrap();
    for command in genesis() {
        journal.submit(submission(0, command)).unwrap();
    }
    journal.submit(submission(1, pay(1, 5))).unwrap();
    assert!(memory.wait(1));
    disk.lose_power_after(0);
    journal.submit(submission(2, pay(2, 5))).unwrap();
    assert!(!memory.wait(2));
    assert!(matches!(memory.0.0.lock().unwrap().stopped, Some(StopReason::DiskFailed(_))));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(journal.submit(submission(3, pay(3, 5))).unwrap_err().code(), "ORD-1003");
    assert!(journal.close().is_err());
}

#[test]
fn a_full_disk_refuses_new_payments_ends_old_ones_and_recovers() {
    let disk = MemDisk::new();
    let memory = Memory::default();
    let journal = open(&disk, &memory).unwrap();
    for command in genesis() {
        journal.submit(submission(0, command)).unwrap();
    }
    journal.submit(submission(1, pay(1, 5))).unwrap();
    assert!(memory.wait(1));
    disk.set_free(100);
    let refused = (0..2000).find_map(|n| {
        std::thread::sleep(Duration::from_millis(1));
        journal.submit(submission(0, pay(100 + n, 5))).err()
    });
    assert_eq!(refused.map(|refusal| refusal.code()), Some("ORD-1002"));
    journal.submit(submission(2, answer(1, true))).unwrap();
    assert!(memory.wait(2), "what is under way ends on a full disk");
    disk.set_free(u64::MAX);
    let taken = (0..2000).any(|n| {
        std::thread::sleep(Duration::from_millis(1));
        journal.submit(submission(3, pay(10_000 + n, 5))).is_ok()
    });
    assert!(taken && memory.wait(3));
}
