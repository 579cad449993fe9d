//! A chain somebody else orders: what is appended, what is refused and why, and what is on the disk afterwards.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod common;

use chain::{BlockHeader, Hash};
use clearing::{Clearing, Command, IndexSeed, Outcome, Time};
use common::{MemDisk, Memory, Seeded, answer, genesis, pay, uetr};
use ordering::{
    ArchiveKnown, Disk, DurableBlock, FollowError, FollowedBlock, Follower, JournalConfig, Making, Sink, StopReason, Submission,
    SubmitRefusal, encode_body, fsck, header_of,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 4 << 10,
    vault_bytes: 4 << 10,
    queue_commands_max: 1 << 16,
    free_bytes_min: 0,
    snapshot_after_commands: 40,
    full_retry: Duration::from_millis(2),
    archive_known: ArchiveKnown { forgotten: 0, letters: 0 },
};
const BOTH: [Making; 2] = [Making::Ahead, Making::Stepped];
const SECOND: u64 = 1_000_000_000;

fn open(disk: &MemDisk, making: Making, memory: &Memory) -> Follower<Memory> {
    Follower::open(Arc::new(disk.clone()), CONFIG, IndexSeed(3), making, |_| Ok(memory.clone())).unwrap()
}

/// Who orders: makes blocks one behind the other.
struct Orderer {
    clearing: Clearing,
    last: Option<BlockHeader>,
}

impl Orderer {
    fn new() -> Self {
        Self { clearing: Clearing::new(IndexSeed(0)), last: None }
    }

    fn block(&mut self, commands: Vec<Command>) -> FollowedBlock {
        let time = Time(1_000 * SECOND + self.clearing.height() * SECOND);
        let body = encode_body(&commands);
        let applied = self.clearing.apply_block(time, &commands);
        let parent = self.last.map_or(Hash::default(), |last| last.hash());
        let header = header_of(parent, self.clearing.height(), time, &body, commands.len(), &applied);
        self.last = Some(header);
        let tickets = vec![0; commands.len()];
        FollowedBlock { header, body, commands, tickets, further: vec![], attachments: vec![] }
    }

    /// The first block, and one with a payment and its answer.
    fn two(&mut self) -> Vec<FollowedBlock> {
        vec![self.block(genesis()), self.block(vec![pay(1, 100), answer(1, true)])]
    }
}

/// What is wrong with a block.
type Change = fn(&mut FollowedBlock);

#[test]
fn each_block_that_does_not_follow_is_refused_with_its_reason() {
    let none = |_: &mut FollowedBlock| {};
    let cases: [(&str, Change, &str); 11] = [
        ("as it is", none, "taken"),
        ("a height too far", |block| block.header.height += 1, "block 4 does not follow the last one"),
        ("the last height again", |block| block.header.height -= 1, "block 2 does not follow the last one"),
        ("another parent", |block| block.header.parent = Hash([1; 32]), "block 3 does not follow the last one"),
        ("before its parent", |block| block.header.time_ns -= 2 * SECOND, "block 3 does not follow the last one"),
        ("another state", |block| block.header.state_root = Hash([1; 32]), "block 3 does not apply: state root differs"),
        (
            "another tree",
            |block| block.header.tree_root = Hash([1; 32]),
            "block 3 does not apply: tree of final payments differs",
        ),
        ("another size of it", |block| block.header.tree_size += 1, "block 3 does not apply: tree of final payments differs"),
        ("another position", |block| block.header.first_position += 1, "block 3 does not apply: header differs"),
        ("another body", |block| block.body.push(0), "block 3 does not apply: header differs"),
        ("a command less", |block| drop(block.commands.pop()), "block 3 does not apply: number of commands differs"),
    ];
    for (what, change, expected) in cases {
        let (disk, memory) = (MemDisk::new(), Memory::default());
        let mut orderer = Orderer::new();
        let mut follower = open(&disk, Making::Stepped, &memory);
        follower.append(orderer.two()).unwrap();
        let mut third = orderer.block(vec![pay(2, 100), pay(3, 100)]);
        change(&mut third);
        let said = follower.append(vec![third]).map_or_else(|error| error.to_string(), |()| "taken".to_owned());
        assert_eq!(said, expected, "{what}");
        drop(follower);
        // What was refused was neither told nor kept.
        let height = if said == "taken" { 3 } else { 2 };
        assert_eq!(memory.0.0.lock().unwrap().height, height, "{what}");
        assert_eq!(open(&disk, Making::Stepped, &Memory::default()).clearing().height(), height, "{what}");
    }
}

#[test]
fn a_bad_block_takes_its_group_with_it() {
    let (disk, memory) = (MemDisk::new(), Memory::default());
    let mut orderer = Orderer::new();
    let mut group = orderer.two();
    group.push(orderer.block(vec![pay(2, 100)]));
    group[2].header.state_root = Hash([1; 32]);
    let mut follower = open(&disk, Making::Stepped, &memory);
    let refused = follower.append(group);
    assert!(matches!(refused, Err(FollowError::Diverged { height: 3, what: "state root" })), "{refused:?}");
    assert_eq!(memory.0.0.lock().unwrap().height, 0, "a block was told that is not on the disk");
    drop(follower);
    assert_eq!(open(&disk, Making::Stepped, &memory).last(), None);
}

/// Remembers the order in which it was told what.
#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<String>>>);

impl Sink for Listener {
    fn durable(&mut self, block: DurableBlock) {
        let places = block.places.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        self.0.lock().unwrap().push(format!("block {} tickets {:?} messages {places:?}", block.header.height, block.tickets));
    }
    fn answered(&mut self, ticket: u64, outcome: &Outcome) {
        let paid = matches!(outcome, Outcome::Payment { .. });
        self.0.lock().unwrap().push(format!("ticket {ticket} payment {paid}"));
    }
    fn stopped(&mut self, why: StopReason) {
        self.0.lock().unwrap().push(format!("stopped {why}"));
    }
}

#[test]
fn everybody_who_waits_is_told_once_and_messages_are_kept_that_matter() {
    let (disk, listener) = (MemDisk::new(), Listener::default());
    let sink = listener.clone();
    let mut follower = Follower::open(Arc::new(disk), CONFIG, IndexSeed(1), Making::Stepped, |_| Ok(sink)).unwrap();
    let mut orderer = Orderer::new();
    let first = orderer.block(genesis());
    // The last one repeats the first: it changes nothing, and its message is not kept again.
    let mut second = orderer.block(vec![pay(1, 100), answer(1, true), pay(1, 100)]);
    second.tickets = vec![11, 0, 13];
    second.further = vec![(0, 21), (0, 22), (7, 99)];
    let message = |text: &str| text.as_bytes().into();
    second.attachments = vec![(0, message("paid")), (1, message("answered")), (2, message("again")), (9, message("nobody's"))];
    follower.append(vec![first, second]).unwrap();
    assert_eq!(follower.message_of(uetr(1)).as_deref(), Some(&b"paid"[..]));
    assert_eq!(follower.message_of(uetr(2)), None);
    follower.close().unwrap();
    let told = listener.0.lock().unwrap().clone();
    let expected = [
        "block 1 tickets [0, 0, 0, 0, 0] messages []",
        "block 2 tickets [11, 0, 13] messages [0, 1]",
        "ticket 21 payment true",
        "ticket 22 payment true",
        "stopped closed",
    ];
    assert_eq!(told.iter().map(|line| line.to_lowercase()).collect::<Vec<_>>(), expected);
}

/// So many blocks that files are changed and snapshots written.
fn many(orderer: &mut Orderer) -> Vec<FollowedBlock> {
    let mut blocks = vec![orderer.block(genesis())];
    for n in 1..120 {
        let mut block = orderer.block(vec![pay(n, 100), answer(n, n % 3 != 0)]);
        block.attachments = vec![(0, vec![n as u8; 300].into())];
        blocks.push(block);
    }
    blocks
}

#[test]
fn files_made_ahead_and_files_made_when_needed_hold_the_same_chain() {
    let mut states = Vec::new();
    for making in BOTH {
        let (disk, memory) = (MemDisk::new(), Memory::default());
        let mut orderer = Orderer::new();
        let mut follower = open(&disk, making, &memory);
        for block in many(&mut orderer) {
            follower.append(vec![block]).unwrap();
        }
        let tip = follower.tip();
        assert_eq!(Some(tip), orderer.last.map(|last| last.hash()));
        follower.close().unwrap();
        let files: Vec<String> = disk.list().unwrap();
        assert!(files.iter().filter(|name| name.starts_with("journal-")).count() > 3, "{files:?}");
        assert!(!files.iter().any(|name| name.contains("spare")), "{making:?} left {files:?}");
        let report = fsck(Arc::new(disk.copy()), true).unwrap();
        assert_eq!((report.blocks, report.broken), (120, vec![]), "{making:?}");
        // Either way of making goes on with the other's files.
        for next in BOTH {
            let mut again = open(&disk.copy(), next, &Memory::default());
            assert_eq!((again.tip(), again.clearing().state_root()), (tip, orderer.clearing.state_root()));
            assert_eq!(again.message_of(uetr(119)).as_deref(), Some(&[119; 300][..]));
            let mut orderer = Orderer { clearing: again.clearing().clone(), last: again.last() };
            again.append(vec![orderer.block(vec![pay(500, 1)])]).unwrap();
        }
        states.push((tip, orderer.clearing.state_root()));
    }
    assert_eq!(states[0], states[1]);
}

#[test]
fn what_was_told_is_there_whenever_the_power_goes() {
    let mut cut = 0;
    for seed in 0..60 {
        let mut seeded = Seeded(seed);
        let (disk, memory) = (MemDisk::new(), Memory::default());
        let blocks = many(&mut Orderer::new());
        disk.lose_power_after(5 + seeded.below(400));
        let opened = Follower::open(Arc::new(disk.clone()), CONFIG, IndexSeed(3), Making::Stepped, |_| Ok(memory.clone()));
        if let Ok(mut follower) = opened {
            let failed = blocks.into_iter().find_map(|block| follower.append(vec![block]).err());
            assert!(failed.as_ref().is_none_or(|error| matches!(error, FollowError::Disk(_))), "seed {seed}: {failed:?}");
            cut += u32::from(failed.is_some());
        }
        let left = disk.after_power_loss(&mut seeded);
        let again = open(&left, Making::Stepped, &Memory::default());
        let told = memory.0.0.lock().unwrap().height;
        assert!(again.clearing().height() >= told, "seed {seed}: {told} blocks were told");
    }
    assert!(cut > 20, "{cut}");
}

#[test]
fn a_full_disk_takes_no_payment_and_still_ends_them() {
    let disk = MemDisk::new();
    let config = JournalConfig { free_bytes_min: 1 << 20, ..CONFIG };
    let follower =
        Follower::open(Arc::new(disk.clone()), config, IndexSeed(3), Making::Ahead, |_| Ok(Memory::default())).unwrap();
    let admission = follower.admission();
    let of = |command| Submission { ticket: 0, command, attachment: None };
    assert_eq!(admission.check(&of(pay(1, 1))), Ok(()));
    disk.set_free(1 << 10);
    let refused = wait_for(|| admission.check(&of(pay(1, 1))).err());
    assert_eq!(refused, SubmitRefusal::DiskFull);
    assert_eq!(admission.check(&of(answer(1, true))), Ok(()));
    disk.set_free(1 << 30);
    wait_for(|| admission.check(&of(pay(1, 1))).ok());
    admission.stop();
    assert_eq!(admission.check(&of(answer(1, true))), Err(SubmitRefusal::Stopped));
}

/// Looks again until there is something: the room on the disk is looked at by a thread.
fn wait_for<T>(look: impl Fn() -> Option<T>) -> T {
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
