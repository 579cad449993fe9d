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
        Outcome::Payment { repeated, .. } | Outcome::Waiting { repeated, .. } | Outcome::Matter { repeated, .. } => *repeated,
        Outcome::Done | Outcome::Registered(_) | Outcome::Quoted(_) | Outcome::Refused(_) => false,
    }
}

/// The laws that cost little: sums of ledgers, and floors of the accounts touched.
fn judge(clearing: &Clearing, applied: &Applied) -> Result<(), Refusal> {
    laws::led_01_ledgers_sum_to_zero(clearing.ledgers()).map_err(|broken| Refusal::Law(broken.law))?;
    let below = applied.balances.iter().any(|account| account.participant.is_some() && account.available < 0);
    if below { Err(Refusal::Law("LIQ-01")) } else { Ok(()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on has failed
mod tests {
    use super::*;
    use crate::simulation::common::{answer, genesis, pay};
    use clearing::IndexSeed;
    use std::collections::BTreeSet;

    const SECOND: u64 = 1_000_000_000;
    /// Time of the base.
    const BEGINNING: u64 = 1_000 * SECOND;
    const BASE: u64 = 1;
    /// Our clock: a little behind the block under test.
    const NOW: Time = Time(BEGINNING + 9 * SECOND);
    /// The block's time.
    const THEN: Time = Time(BEGINNING + 10 * SECOND);

    fn made(on: &State, time: Time, commands: Vec<Command>) -> Block {
        let body = encode_body(&commands);
        let (header, _) = on.clone().apply(time, &commands, &body);
        let ids = CommandId::of_body(&commands);
        Block::assemble(header, body, commands, ids, BASE)
    }

    fn after(on: &State, block: &Block) -> State {
        let mut state = on.clone();
        state.apply(Time(block.header().time_ns), block.commands(), block.body());
        state.tip = block.hash();
        state.seen.note(block);
        state
    }

    fn changed(block: &Block, change: impl FnOnce(&mut BlockHeader)) -> Block {
        let mut header = *block.header();
        change(&mut header);
        Block::assemble(header, block.body().to_vec(), block.commands().to_vec(), block.ids().to_vec(), BASE)
    }

    /// A chain of two: the base, and a block with a payment that is settled.
    fn chain() -> State {
        let empty = State::new(Clearing::new(IndexSeed(1)), Hash::default());
        let base = after(&empty, &made(&empty, Time(BEGINNING), genesis()));
        let first = made(&base, Time(BEGINNING + 5 * SECOND), vec![pay(1, 100), answer(1, true), pay(2, 100)]);
        after(&base, &first)
    }

    fn replica(state: &State) -> Replica {
        Replica::new(state.clone(), BASE, TimeBounds::default())
    }

    fn name(result: Result<(), Refusal>) -> &'static str {
        result.map_or_else(Refusal::name, |()| "voted for")
    }

    /// What follows a refusal: whether the replica still stands where it stood.
    #[derive(Debug, PartialEq)]
    enum Left {
        Standing,
        Lost,
    }

    #[test]
    fn each_wrong_block_is_refused_by_its_name() {
        use Left::{Lost, Standing};
        let on = chain();
        let commands = || vec![answer(2, false), pay(3, 100)];
        let good = made(&on, THEN, commands());
        let header = |change: fn(&mut BlockHeader)| changed(&good, change);
        let ahead = TimeBounds::default().ahead_ns;
        let behind = TimeBounds::default().behind_ns;
        // One that forgot the commands of the last blocks, but not what they did.
        let forgetful = State { seen: Seen::default(), ..on.clone() };
        let cases = [
            ("as it is", good.clone(), NOW, "voted for", Standing),
            ("empty", made(&on, THEN, vec![]), NOW, "voted for", Standing),
            ("a height too far", header(|it| it.height += 1), NOW, "height", Standing),
            ("the last height again", header(|it| it.height -= 1), NOW, "height", Standing),
            ("another parent", header(|it| it.parent = Hash([1; 32])), NOW, "height", Standing),
            ("before its parent", header(|it| it.time_ns = BEGINNING), NOW, "time_goes_back", Standing),
            ("just ahead enough", good.clone(), Time(THEN.0 - ahead), "voted for", Standing),
            ("too far ahead", good.clone(), Time(THEN.0 - ahead - 1), "time_ahead", Standing),
            ("just behind enough", good.clone(), Time(THEN.0 + behind), "voted for", Standing),
            ("too far behind", good.clone(), Time(THEN.0 + behind + 1), "time_behind", Standing),
            ("held at its parent's time", made(&on, on.clearing.time(), commands()), Time(u64::MAX), "voted for", Standing),
            ("one of the last blocks' commands", made(&on, THEN, vec![pay(1, 100)]), NOW, "already_applied", Standing),
            ("one command twice", made(&on, THEN, vec![pay(3, 100), pay(3, 100)]), NOW, "already_applied", Standing),
            ("another state", header(|it| it.state_root = Hash([1; 32])), NOW, "state_root", Lost),
            ("another tree", header(|it| it.tree_root = Hash([1; 32])), NOW, "header", Lost),
            ("another size of it", header(|it| it.tree_size += 1), NOW, "header", Lost),
            ("another position", header(|it| it.first_position += 1), NOW, "header", Lost),
            ("another body", header(|it| it.body = Hash([1; 32])), NOW, "header", Lost),
            ("another number of bytes", header(|it| it.body_bytes += 1), NOW, "header", Lost),
            ("another number of commands", header(|it| it.command_count += 1), NOW, "header", Lost),
        ];
        let mut names = BTreeSet::new();
        for (what, block, now, expected, left) in cases {
            let mut replica = replica(&on);
            assert_eq!(name(replica.verify(&block, now)), expected, "{what}");
            names.insert(expected);
            let tip = if expected == "voted for" { block.hash() } else { on.tip };
            assert_eq!(replica.tip(), (left == Standing).then_some(tip), "{what}");
            if left == Lost {
                assert_eq!(name(replica.verify(&good, NOW)), "height", "{what}");
                replica.rebase(on.clone());
            }
            if replica.tip() == Some(on.tip) {
                assert_eq!(name(replica.verify(&good, NOW)), "voted for", "after {what}");
            }
        }
        let mut replica = replica(&forgetful);
        assert_eq!(name(replica.verify(&made(&forgetful, THEN, vec![pay(1, 100)]), NOW)), "already_applied", "told by the state");
        assert_eq!(replica.tip(), None);
        let judged_here = ["already_applied", "header", "height", "state_root", "time_ahead", "time_behind", "time_goes_back"];
        names.remove("voted for");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), judged_here);
    }

    /// No block can do it while the centre is right, so what it did is made up.
    #[test]
    fn a_broken_law_is_named() {
        let on = chain();
        let mut clearing = on.clearing.clone();
        let mut applied = clearing.apply_block(THEN, &[pay(3, 100)]);
        assert_eq!(judge(&clearing, &applied), Ok(()));
        let floor = applied.balances.iter_mut().find(|account| account.participant.is_some()).unwrap();
        floor.available = -1;
        let broken = judge(&clearing, &applied).unwrap_err();
        assert_eq!((broken, broken.name()), (Refusal::Law("LIQ-01"), "law"));
        assert_eq!(broken.to_string(), "it breaks LIQ-01");
    }

    #[test]
    fn what_is_proposed_here_is_voted_for_elsewhere_and_repeats_nothing() {
        let on = chain();
        let candidate = |command: Command| Candidate { id: CommandId::of(&command), command };
        let mut proposer = replica(&on);
        let candidates = [pay(1, 100), pay(3, 100), pay(3, 100), answer(2, true)].map(candidate).to_vec();
        let repeated: Vec<_> = [pay(1, 100), pay(3, 100)].iter().map(CommandId::of).collect();
        let built = proposer.propose(THEN, candidates.clone()).unwrap();
        assert_eq!(built.repeated, repeated);
        assert_eq!(built.block.commands(), [pay(3, 100), answer(2, true)]);
        assert_eq!(name(replica(&on).verify(&built.block, NOW)), "voted for");
        // Without memory of the last blocks the state tells what is repeated.
        let mut proposer = replica(&State { seen: Seen::default(), ..on.clone() });
        let built = proposer.propose(Time(0), candidates).unwrap();
        assert_eq!(built.repeated, [repeated[1], repeated[0]]);
        assert_eq!(built.block.header().time_ns, on.clearing.time().0, "never before the parent");
        assert_eq!(name(replica(&on).verify(&built.block, NOW)), "voted for");
    }

    #[test]
    fn a_branch_is_reached_through_its_blocks_or_not_at_all() {
        let on = chain();
        let first = made(&on, THEN, vec![pay(3, 100)]);
        let second = made(&after(&on, &first), THEN, vec![pay(4, 100)]);
        let ancestors = [second.clone(), first.clone()];
        let mut here = replica(&on);
        assert_eq!(here.reach(on.tip, &[]), Ok(Reach::There));
        assert_eq!(here.reach(second.hash(), &ancestors[..1]), Ok(Reach::NotConnected));
        assert_eq!(here.reach(second.hash(), &ancestors), Ok(Reach::There));
        assert_eq!((here.tip(), here.height()), (Some(second.hash()), Some(4)));
        assert_eq!(here.reach(on.tip, &[]), Ok(Reach::NotConnected), "there is no way back");
        let wrong = changed(&first, |header| header.state_root = Hash([1; 32]));
        let mut here = replica(&on);
        assert_eq!(here.reach(wrong.hash(), &[wrong]), Err(Refusal::StateRoot));
        assert_eq!(here.reach(on.tip, &[]), Ok(Reach::NotConnected), "nothing is left to stand on");
    }
}
