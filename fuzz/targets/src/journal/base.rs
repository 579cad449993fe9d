//! The journal that is damaged: a few segments, writes of several blocks, a snapshot half-way, signed messages.

use crate::memory::{Files, MemoryDisk};
use crate::scheme::{START, answer, day, genesis, pay, quote};
use chain::BlockHeader;
use clearing::{Command, IndexSeed, Time};
use ordering::{Clock, DurableBlock, JournalConfig, OrderedLog, Sink, Stepper, StopReason, Submission, VaultPlace};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

pub(crate) const CONFIG: JournalConfig = JournalConfig {
    segment_bytes: 4 << 10,
    vault_bytes: 2 << 10,
    queue_commands_max: 1 << 10,
    free_bytes_min: 0,
    snapshot_after_commands: 1 << 20,
    full_retry: Duration::ZERO,
    archive_known: ordering::ArchiveKnown { forgotten: 0, letters: 0 },
};

/// The journal as it was.
pub(crate) static BASE: LazyLock<Base> = LazyLock::new(Base::write);

pub(crate) struct Base {
    pub(crate) files: Files,
    /// Where each block lies; block 1 is the first.
    pub(crate) frames: Vec<FramePlace>,
    /// Block, place and text of every signed message.
    pub(crate) messages: Vec<(u64, VaultPlace, Vec<u8>)>,
}

/// Where a block lies.
#[derive(Debug, Clone)]
pub(crate) struct FramePlace {
    pub(crate) file: String,
    pub(crate) offset: usize,
    pub(crate) bytes: usize,
    /// Where the write began that it was part of.
    pub(crate) group_start: usize,
}

/// Time stands still: blocks are told apart by their height.
pub(crate) struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Time {
        Time(START)
    }
}

/// Told of blocks, and forgets.
pub(crate) struct Nobody;

impl Sink for Nobody {
    fn durable(&mut self, _: DurableBlock) {}
    fn stopped(&mut self, _: StopReason) {}
}

/// A block's header and where its messages lie.
type Told = (BlockHeader, Vec<VaultPlace>);

/// Remembers headers and places.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Told>>>);

impl Sink for Memory {
    fn durable(&mut self, block: DurableBlock) {
        let places = block.places.iter().map(|(_, place)| *place).collect();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((block.header, places));
    }
    fn stopped(&mut self, _: StopReason) {}
}

impl Base {
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    fn write() -> Self {
        let disk = MemoryDisk::default();
        let memory = Memory::default();
        let mut stepper = open(&disk, &memory);
        block(&mut stepper, genesis());
        commit(&mut stepper);
        block(&mut stepper, quote(7).to_vec());
        block(&mut stepper, day());
        commit(&mut stepper);
        (20..26).for_each(|n| payment(&mut stepper, n));
        stepper.close().expect("a disk in memory does not fail");
        let mut stepper = open(&disk, &memory);
        (26..34).for_each(|n| payment(&mut stepper, n));
        drop(stepper);
        Self::of(disk.files(), &memory)
    }

    /// Reads off where everything lies.
    fn of(files: Files, memory: &Memory) -> Self {
        let told = memory.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frames = Vec::new();
        for (name, content) in files.iter().filter(|(name, _)| name.starts_with("journal-")) {
            let mut offset = 0;
            let number = |at: usize| content.get(at..at + 4).map_or(0, |n| u32::from_le_bytes([n[0], n[1], n[2], n[3]]) as usize);
            while content.get(offset..offset + 4) == Some(b"LHJ1") {
                let (bytes, group_start) = (number(offset + 4), number(offset + 8));
                frames.push(FramePlace { file: name.clone(), offset, bytes, group_start });
                offset += bytes;
            }
        }
        assert_eq!(frames.len(), told.len(), "every block that was told lies somewhere");
        let places = told.iter().flat_map(|(header, places)| places.iter().map(move |place| (header.height, *place)));
        let messages = places.map(|(height, place)| (height, place, message())).collect();
        Self { files, frames, messages }
    }
}

/// Height of a snapshot by its file name.
pub(crate) fn snapshot_height(name: &str) -> Option<u64> {
    name.strip_prefix("snapshot-")?.strip_suffix(".bin")?.parse().ok()
}

fn open(disk: &MemoryDisk, memory: &Memory) -> Stepper<FixedClock, Memory> {
    let sink = memory.clone();
    Stepper::open(Arc::new(disk.clone()), CONFIG, FixedClock, IndexSeed(7), |_| Ok(sink)).expect("a sound journal opens")
}

fn message() -> Vec<u8> {
    b"signature: sig1=:AAAA:\n\n<Document/>".repeat(6)
}

/// Seals one block.
fn block(stepper: &mut Stepper<FixedClock, Memory>, commands: Vec<Command>) {
    for command in commands {
        let is_payment = matches!(command, Command::Pay(_));
        let attachment = is_payment.then(|| message().into());
        stepper.log().submit(Submission { ticket: 0, command, attachment }).expect("there is room");
    }
    assert!(stepper.seal().expect("a disk in memory does not fail"), "commands wait");
}

/// A payment and its answer: in two writes, in one, or in one block.
fn payment(stepper: &mut Stepper<FixedClock, Memory>, n: u8) {
    match n % 3 {
        0 => block(stepper, vec![pay(n, None), answer(n, n.is_multiple_of(2))]),
        together => {
            block(stepper, vec![pay(n, None)]);
            if together == 1 {
                commit(stepper);
            }
            block(stepper, vec![answer(n, n.is_multiple_of(2))]);
        }
    }
    commit(stepper);
}

fn commit(stepper: &mut Stepper<FixedClock, Memory>) {
    stepper.commit().expect("a disk in memory does not fail");
}
