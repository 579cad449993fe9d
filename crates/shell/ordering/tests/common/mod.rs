//! A disk that can lose power, a sink that remembers what it was told, and a small scheme to pay with.

#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::new_without_default, clippy::should_implement_trait)]

use clearing::{
    Answer, AnswerVerdict, Bic, Clearing, Command, ContentHash, EventKind, Fund, FundDirection, IsoReason, MessageIdHash,
    ParticipantId, Pay, PaymentState, Priority, RegisterParticipant, RiskDecision, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits};
use ordering::{Clock, Disk, DiskFile, DurableBlock, Sink, StopReason, Submission};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

pub const SECTOR: usize = 512;

/// A small deterministic generator (splitmix64).
#[derive(Debug, Clone)]
pub struct Seeded(pub u64);

impl Seeded {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next_file: u64,
    /// Writes and syncs until the power goes; `None`: it stays.
    fuse: Option<u64>,
    dead: bool,
    free: u64,
}

/// A folder in memory. Power loss keeps what was synced, and any subset of the sectors that were not.
#[derive(Debug, Clone)]
pub struct MemDisk(Arc<Mutex<State>>);

struct MemFile(Arc<Mutex<State>>, u64);

fn gone() -> io::Error {
    io::Error::other("power lost")
}

impl MemDisk {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { free: u64::MAX, ..State::default() })))
    }

    pub fn lose_power_after(&self, operations: u64) {
        self.0.lock().unwrap().fuse = Some(operations);
    }

    pub fn set_free(&self, bytes: u64) {
        self.0.lock().unwrap().free = bytes;
    }

    /// What is on the disk when the power comes back.
    pub fn after_power_loss(&self, seed: &mut Seeded) -> Self {
        let state = self.0.lock().unwrap();
        let names = if seed.below(2) == 0 { state.names.clone() } else { state.durable_names.clone() };
        let mut files = BTreeMap::new();
        for (id, content) in &state.files {
            let mut kept = content.durable.clone();
            for &sector in &content.dirty {
                if seed.below(2) == 0 {
                    let (from, to) = (sector * SECTOR, content.now.len().min((sector + 1) * SECTOR));
                    if kept.len() < to {
                        kept.resize(to, 0);
                    }
                    kept[from..to].copy_from_slice(&content.now[from..to]);
                }
            }
            files.insert(*id, Content { now: kept.clone(), durable: kept, dirty: BTreeSet::new() });
        }
        let durable_names = names.clone();
        let state = State { files, names, durable_names, next_file: state.next_file, fuse: None, dead: false, free: u64::MAX };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Bytes of a file, to be changed by a test.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock().unwrap();
        let id = state.names[name];
        let content = state.files.get_mut(&id).unwrap();
        change(&mut content.now);
        content.durable = content.now.clone();
        content.dirty.clear();
    }

    pub fn copy(&self) -> Self {
        let state = self.0.lock().unwrap();
        let copied = State {
            files: state.files.clone(),
            names: state.names.clone(),
            durable_names: state.names.clone(),
            next_file: state.next_file,
            fuse: None,
            dead: false,
            free: state.free,
        };
        Self(Arc::new(Mutex::new(copied)))
    }
}

impl State {
    fn burn(&mut self) -> io::Result<()> {
        if let Some(fuse) = &mut self.fuse {
            if *fuse == 0 {
                self.dead = true;
            }
            *fuse = fuse.saturating_sub(1);
        }
        if self.dead { Err(gone()) } else { Ok(()) }
    }
}

impl Disk for MemDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().names.keys().cloned().collect())
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let state = self.0.lock().unwrap();
        let id = *state.names.get(name).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, name.to_owned()))?;
        Ok(Box::new(MemFile(self.0.clone(), id)))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.0.lock().unwrap();
        state.burn()?;
        if state.free == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let id = state.next_file;
        state.next_file += 1;
        state.files.insert(id, Content::default());
        state.names.insert(name.to_owned(), id);
        Ok(Box::new(MemFile(self.0.clone(), id)))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.burn()?;
        let id = state.names.remove(from).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, from.to_owned()))?;
        state.names.insert(to.to_owned(), id);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.burn()?;
        state.names.remove(name);
        Ok(())
    }
    fn sync_folder(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.burn()?;
        state.durable_names = state.names.clone();
        Ok(())
    }
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().free)
    }
}

impl DiskFile for MemFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let dead = state.burn().is_err();
        // Losing power in the middle of a write leaves its beginning, not yet synced.
        let bytes = if dead { &bytes[..bytes.len() / 2] } else { bytes };
        let is_full = state.free == 0;
        let content = state.files.get_mut(&self.1).unwrap();
        let (from, to) = (offset as usize, offset as usize + bytes.len());
        if content.now.len() < to {
            if is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.now.resize(to, 0);
        }
        content.now[from..to].copy_from_slice(bytes);
        content.dirty.extend(from / SECTOR..to.div_ceil(SECTOR));
        if dead { Err(gone()) } else { Ok(()) }
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let from = offset as usize;
        let content = &state.files[&self.1].now;
        let found = content.get(from..from + bytes.len()).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        bytes.copy_from_slice(found);
        Ok(())
    }
    fn sync_data(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.burn()?;
        let content = state.files.get_mut(&self.1).unwrap();
        content.durable = content.now.clone();
        content.dirty.clear();
        Ok(())
    }
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().files[&self.1].now.len() as u64)
    }
}

/// A clock that advances a millisecond a look.
#[derive(Debug, Clone, Default)]
pub struct StepClock(pub Arc<AtomicU64>);

impl Clock for StepClock {
    fn now(&self) -> Time {
        Time(1_000_000_000_000 + self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }
}

/// Everything a sink was told.
#[derive(Debug, Default)]
pub struct Told {
    pub height: u64,
    pub state_root: Option<chain::Hash>,
    pub payments: BTreeMap<Uetr, (PaymentState, bool)>,
    pub tickets: BTreeSet<u64>,
    pub stopped: Option<StopReason>,
}

#[derive(Debug, Clone, Default)]
pub struct Memory(pub Arc<(Mutex<Told>, Condvar)>);

impl Sink for Memory {
    fn durable(&mut self, block: DurableBlock) {
        let mut told = self.0.0.lock().unwrap();
        assert_eq!(block.commands.len(), block.applied.outcomes.len());
        told.height = block.header.height;
        told.state_root = Some(block.header.state_root);
        told.tickets.extend(block.tickets.iter().filter(|&&ticket| ticket != 0));
        for event in &block.applied.events {
            if let EventKind::PaymentHeld(view)
            | EventKind::PaymentSettled(view)
            | EventKind::PaymentRejected(view)
            | EventKind::PaymentReturned(view)
            | EventKind::PaymentCredited(view) = &event.kind
            {
                told.payments.insert(view.uetr, (view.state, view.credited));
            }
        }
        self.0.1.notify_all();
    }
    fn stopped(&mut self, why: StopReason) {
        self.0.0.lock().unwrap().stopped = Some(why);
        self.0.1.notify_all();
    }
}

impl Memory {
    /// Waits until a ticket came back or the journal stopped; whether it came back.
    pub fn wait(&self, ticket: u64) -> bool {
        let mut told = self.0.0.lock().unwrap();
        while !told.tickets.contains(&ticket) && told.stopped.is_none() {
            told = self.0.1.wait(told).unwrap();
        }
        told.tickets.contains(&ticket)
    }
}

pub const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };

/// Two banks with money.
pub fn genesis() -> Vec<Command> {
    let register = |bic: &str| {
        Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [1; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        })
    };
    let fund = |participant, reference| {
        Command::Fund(Fund {
            participant: ParticipantId(participant),
            currency: CurrencyCode::HKD,
            purpose: clearing::AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1_000_000_000_000),
            reference: [reference; 16],
        })
    };
    vec![Command::OpenLedger(HKD), register("HARBHKHH"), register("PENGCNBS"), fund(0, 1), fund(1, 2)]
}

pub fn uetr(n: u64) -> Uetr {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    id[8..].copy_from_slice(&n.to_le_bytes());
    Uetr(id)
}

pub fn pay(n: u64, amount: u64) -> Command {
    let id = uetr(n);
    Command::Pay(Pay {
        uetr: id,
        content: ContentHash([7; 32]),
        message_id: MessageIdHash(id.0),
        debtor_agent: ParticipantId((n % 2) as u32),
        creditor_agent: ParticipantId(((n + 1) % 2) as u32),
        debit: MinorUnits(amount),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(u64::MAX / 2),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

pub fn answer(n: u64, accept: bool) -> Command {
    let verdict = if accept { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) };
    Command::Answer(Answer {
        uetr: uetr(n),
        creditor_agent: ParticipantId(((n + 1) % 2) as u32),
        verdict,
        content: ContentHash([8; 32]),
    })
}

pub fn submission(ticket: u64, command: Command) -> Submission {
    Submission { ticket, command, attachment: None }
}

/// Everything told is in the state.
pub fn check_told(told: &Told, clearing: &Clearing) {
    for (uetr, (state, credited)) in &told.payments {
        let view = clearing.payment(*uetr).unwrap_or_else(|| panic!("payment {uetr} was told and is lost"));
        if *state != PaymentState::Held {
            assert_eq!(view.state, *state, "payment {uetr} ended otherwise");
        }
        assert!(view.credited || !credited);
    }
    assert_eq!(clearing::laws::check_all(clearing), []);
}
