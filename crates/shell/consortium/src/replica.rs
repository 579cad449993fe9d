//! The replica: what a block would do, known before anybody votes for it. Pure: no clock, no disk, no network.
//!
//! It holds one state, at the tip of the branch the engine works on. A proposal on that tip is applied directly; one on
//! another branch needs a [`Replica::rebase`] to the last final state, which costs a copy of it. That happens after a
//! proposal failed, not from block to block.
//!
//! # Invariants
//! A block passes [`Replica::verify`] only if applying it here gives exactly its header (ORD-02), breaks no law that can be
//! judged by the block (LED-01, LIQ-01), and repeats no command (PAY-03).
//!
//! # Not here
//! Whether anybody asked for a command (`authorise.rs`), where blocks come from (`app.rs`).

use crate::block::Block;
use crate::command_id::CommandId;
use crate::seen::Seen;
use chain::{BlockHeader, Hash};
use clearing::{Applied, Clearing, Command, Outcome, Time, laws};
use ordering::{encode_body, header_of};
use std::collections::HashSet;

/// How far a block's time may be from a validator's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeBounds {
    /// Ahead of it, in nanoseconds; 2 s by default.
    pub ahead_ns: u64,
    /// Behind it, in nanoseconds; 30 s by default.
    pub behind_ns: u64,
}

impl Default for TimeBounds {
    fn default() -> Self {
        Self { ahead_ns: 2_000_000_000, behind_ns: 30_000_000_000 }
    }
}

/// Why a validator does not vote for a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// Its height is not the parent's plus one.
    #[error("its height does not follow the parent's")]
    Height,
    /// Its time is before the parent's.
    #[error("its time is before the parent's")]
    TimeGoesBack,
    /// Its time is too far ahead of our clock.
    #[error("its time is too far ahead")]
    TimeAhead,
    /// Its time is too far behind our clock.
    #[error("its time is too far behind")]
    TimeBehind,
    /// It holds a command that was applied already.
    #[error("it holds a command already applied")]
    AlreadyApplied,
    /// It holds a command nobody proved to have asked for.
    #[error("it holds a command nobody signed")]
    Unauthorised,
    /// Applying it gives another state root.
    #[error("its state root is wrong")]
    StateRoot,
    /// Applying it gives another tree of final payments, other positions or counts.
    #[error("its header is wrong")]
    Header,
    /// A law is broken behind it.
    #[error("it breaks {0}")]
    Law(&'static str),
}

impl Refusal {
    /// Stable name, for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Height => "height",
            Self::TimeGoesBack => "time_goes_back",
            Self::TimeAhead => "time_ahead",
            Self::TimeBehind => "time_behind",
            Self::AlreadyApplied => "already_applied",
            Self::Unauthorised => "unauthorised",
            Self::StateRoot => "state_root",
            Self::Header => "header",
            Self::Law(_) => "law",
        }
    }
}

/// A state and the block it is behind.
#[derive(Debug, Clone)]
pub struct State {
    /// What the blocks up to the tip made.
    pub clearing: Clearing,
    /// Hash of the tip.
    pub tip: Hash,
    /// Commands of the last blocks.
    pub seen: Seen,
}

impl State {
    /// The state behind `last`, without memory of commands before it.
    pub fn new(clearing: Clearing, tip: Hash) -> Self {
        Self { clearing, tip, seen: Seen::default() }
    }

    /// Applies commands as a block on the tip; the header is what it would have to be.
    fn apply(&mut self, time: Time, commands: &[Command], body: &[u8]) -> (BlockHeader, Applied) {
        let applied = self.clearing.apply_block(time, commands);
        let header = header_of(self.tip, self.clearing.height(), time, body, commands.len(), &applied);
        (header, applied)
    }
}

/// A command that waits for a block.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its identifier.
    pub id: CommandId,
    /// It.
    pub command: Command,
}

/// A block made here.
#[derive(Debug, Clone)]
pub struct Built {
    /// The block.
    pub block: Block,
    /// Candidates left out because the state has them already: they are answered from it.
    pub repeated: Vec<CommandId>,
}

/// Where a branch meets the replica's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The replica is at the parent now.
    There,
    /// The ancestors given do not lead to the replica's tip.
    NotConnected,
}

/// The state at the tip of the branch under work.
#[derive(Debug)]
pub struct Replica {
    /// `None` after a block that did not apply as it said: only a rebase helps.
    state: Option<State>,
    base_height: u64,
    bounds: TimeBounds,
}

impl Replica {
    /// A replica at the last final block.
    pub fn new(state: State, base_height: u64, bounds: TimeBounds) -> Self {
        Self { state: Some(state), base_height, bounds }
    }

    /// Goes back to a final state.
    pub fn rebase(&mut self, state: State) {
        self.state = Some(state);
    }

    /// The tip, if the state is good.
    pub fn tip(&self) -> Option<Hash> {
        self.state.as_ref().map(|state| state.tip)
    }

    /// Height of the tip, if the state is good.
    pub fn height(&self) -> Option<u64> {
        self.state.as_ref().map(|state| state.clearing.height())
    }

    /// When the next payment times out.
    pub fn next_deadline(&self) -> Option<Time> {
        self.state.as_ref()?.clearing.next_deadline()
    }

    /// The state at the tip.
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Moves to `parent` through its `ancestors`: `parent` itself first, then each one's parent.
    ///
    /// # Errors
    /// If an ancestor, for which a quorum has voted, does not apply here.
    pub fn reach(&mut self, parent: Hash, ancestors: &[Block]) -> Result<Reach, Refusal> {
        let Some(tip) = self.tip() else { return Ok(Reach::NotConnected) };
        if tip == parent {
            return Ok(Reach::There);
        }
        let Some(from) = ancestors.iter().position(|block| block.header().parent == tip) else {
            return Ok(Reach::NotConnected);
        };
        for block in ancestors[..=from].iter().rev() {
            self.apply(block)?;
        }
        Ok(Reach::There)
    }

    /// Makes the next block of the candidates, in order, leaving out what would only repeat. The time is `now`, or the
    /// parent's if that is later. `None`: the state is not good.
    pub fn propose(&mut self, now: Time, candidates: Vec<Candidate>) -> Option<Built> {
        let base = self.base_height;
        let state = self.state.as_mut()?;
        let time = now.max(state.clearing.time());
        let mut repeated = Vec::new();
        let mut once = HashSet::with_capacity(candidates.len());
        let fresh = candidates.into_iter().filter(|candidate| {
            let fresh = !state.seen.contains(&candidate.id) && once.insert(candidate.id);
            if !fresh {
                repeated.push(candidate.id);
            }
            fresh
        });
        let (mut ids, mut commands): (Vec<_>, Vec<_>) = fresh.map(|candidate| (candidate.id, candidate.command)).unzip();
        let mut applied = state.clearing.apply_block(time, &commands);
        // A repetition changed nothing, so the block without it leads to the same state.
        let mut kept = applied.outcomes.iter().map(|outcome| !is_repeated(outcome)).collect::<Vec<_>>().into_iter();
        if applied.outcomes.iter().any(is_repeated) {
            let mut keep = kept.clone();
            commands.retain(|_| keep.next().unwrap_or(true));
            ids.retain(|id| {
                let keep = kept.next().unwrap_or(true);
                if !keep {
                    repeated.push(*id);
                }
                keep
            });
            applied.outcomes.retain(|outcome| !is_repeated(outcome));
        }
        let body = encode_body(&commands);
        let header = header_of(state.tip, state.clearing.height(), time, &body, commands.len(), &applied);
        let block = Block::assemble(header, body, commands, ids, base);
        state.tip = block.hash();
        state.seen.note(&block);
        Some(Built { block, repeated })
    }

    /// Judges a block on the tip, and moves to it if it is right. `now` is our own clock.
    ///
    /// # Errors
    /// Why there must be no vote for it.
    pub fn verify(&mut self, block: &Block, now: Time) -> Result<(), Refusal> {
        let Some(state) = &self.state else { return Err(Refusal::Height) };
        let header = block.header();
        if header.height != state.clearing.height() + 1 || header.parent != state.tip {
            return Err(Refusal::Height);
        }
        if header.time_ns < state.clearing.time().0 {
            return Err(Refusal::TimeGoesBack);
        }
        if header.time_ns > now.0.saturating_add(self.bounds.ahead_ns) {
            return Err(Refusal::TimeAhead);
        }
        // A clock that was ahead yesterday may hold all of today's blocks at its own last time.
        let held = header.time_ns == state.clearing.time().0;
        if header.time_ns.saturating_add(self.bounds.behind_ns) < now.0 && !held {
            return Err(Refusal::TimeBehind);
        }
        let mut once = HashSet::with_capacity(block.ids().len());
        if block.ids().iter().any(|id| state.seen.contains(id) || !once.insert(*id)) {
            return Err(Refusal::AlreadyApplied);
        }
        self.apply(block)
    }

    /// Applies a block on the tip and compares.
    fn apply(&mut self, block: &Block) -> Result<(), Refusal> {
        let Some(mut state) = self.state.take() else { return Err(Refusal::Height) };
        let header = block.header();
        if header.height != state.clearing.height() + 1 || header.time_ns < state.clearing.time().0 {
            self.state = Some(state);
            return Err(Refusal::Height);
        }
        let (again, applied) = state.apply(Time(header.time_ns), block.commands(), block.body());
        if again.state_root != header.state_root {
            return Err(Refusal::StateRoot);
        }
        if again != *header {
            return Err(Refusal::Header);
        }
        if applied.outcomes.iter().any(is_repeated) {
            return Err(Refusal::AlreadyApplied);
        }
        judge(&state.clearing, &applied)?;
        state.tip = block.hash();
        state.seen.note(block);
        self.state = Some(state);
        Ok(())
    }
}

fn is_repeated(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Payment { repeated, .. } | Outcome::Waiting { repeated, .. } => *repeated,
        Outcome::Done | Outcome::Registered(_) | Outcome::Quoted(_) | Outcome::Refused(_) => false,
    }
}

/// The laws that cost little: sums of ledgers, and floors of the accounts touched.
fn judge(clearing: &Clearing, applied: &Applied) -> Result<(), Refusal> {
    laws::led_01_ledgers_sum_to_zero(clearing.ledgers()).map_err(|broken| Refusal::Law(broken.law))?;
    let below = applied.balances.iter().any(|account| account.participant.is_some() && account.available < 0);
    if below { Err(Refusal::Law("LIQ-01")) } else { Ok(()) }
}
