//! The sequencer: takes commands, asks the clock once, applies, seals. One thread over plain memory.
//!
//! When to seal: at once if the writer is idle, so that a lone command waits for nothing; a few together wait a moment.
//! While the writer syncs, commands gather; when many have gathered they are applied and sealed early, so that applying
//! overlaps syncing.

use crate::clock::Clock;
use crate::queue::{Queue, Submission};
use crate::writer::{Handover, SealedBlock};
use chain::{BlockHeader, Hash, sha256};
use clearing::{Clearing, Command, Outcome, Time};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most commands of one block: bounds its frame and how long applying takes.
pub const BLOCK_COMMANDS_MAX: usize = 8192;
/// Enough commands to apply and seal while the writer is still busy.
const SEAL_EARLY_COMMANDS: usize = 512;
/// So few commands in a block mean that each sync serves almost nobody: wait a little for more. One alone waits for nobody.
const FEW_COMMANDS: usize = 16;
/// How long few wait: a sync costs the processor as much as verifying two signatures, and shared by six it is nothing.
const GATHER_FEW: Duration = Duration::from_millis(1);
/// Otherwise wait so long for as many to come as came last time; half of what a sync takes.
const GATHER: Duration = Duration::from_micros(50);
/// Pause between two looks at the queue while gathering.
const LOOK: Duration = Duration::from_micros(10);
/// How late the kernel may end such a pause, in nanoseconds; its usual 50,000 would be most of the wait.
const TIMER_SLACK_NS: u64 = 1_000;
/// How long to sleep when nothing happens.
const PATIENCE: Duration = Duration::from_millis(100);

/// Gives commands a time, applies them and seals the block. Whoever drives it says when.
pub(crate) struct Sealer<C> {
    pub(crate) clearing: Clearing,
    pub(crate) parent: Hash,
    pub(crate) clock: C,
}

pub(crate) struct Sequencer<C> {
    pub(crate) sealer: Sealer<C>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) handover: Arc<Handover>,
    /// Commands of the last block.
    pub(crate) last_commands: usize,
}

impl<C: Clock> Sequencer<C> {
    /// Runs until the queue is closed and empty or the writer fails; hands the state back.
    ///
    /// # Panics
    /// When an invariant is broken; the writer and the queue know before.
    pub(crate) fn run(self) -> (Clearing, Hash) {
        let (queue, handover) = (self.queue.clone(), self.handover.clone());
        catch_unwind(AssertUnwindSafe(|| self.seal_all())).unwrap_or_else(|panic| {
            queue.stop();
            handover.break_off();
            resume_unwind(panic)
        })
    }

    fn seal_all(mut self) -> (Clearing, Hash) {
        // Without it gathering takes longer, nothing else.
        let _ = rustix::thread::set_current_timer_slack(core::num::NonZeroU64::new(TIMER_SLACK_NS));
        let mut taken = Vec::new();
        loop {
            let closing = self.gather(&mut taken);
            if taken.is_empty() && !self.sealer.is_due() {
                if closing {
                    break;
                }
                continue;
            }
            let block = self.sealer.seal(&mut taken);
            if !self.handover.give(block) {
                self.queue.stop();
                break;
            }
        }
        (self.sealer.clearing, self.sealer.parent)
    }

    /// Waits for commands or the next deadline, then for the writer. Returns whether the journal is closing.
    fn gather(&mut self, taken: &mut Vec<Submission>) -> bool {
        let closing = self.queue.take(taken, BLOCK_COMMANDS_MAX, self.patience());
        if taken.is_empty() {
            return closing;
        }
        let enough = || self.queue.len() + taken.len() >= SEAL_EARLY_COMMANDS;
        self.handover.wait_for_writer(enough);
        let (wanted, patience) = match self.last_commands {
            0 | 1 => (1, Duration::ZERO),
            2..=FEW_COMMANDS => (FEW_COMMANDS + 1, GATHER_FEW),
            many => (many.min(SEAL_EARLY_COMMANDS), GATHER),
        };
        if !closing {
            let until = Instant::now() + patience;
            while self.queue.len() + taken.len() < wanted && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
        }
        let room = BLOCK_COMMANDS_MAX - taken.len();
        let closing = if room > 0 { self.queue.take(taken, room, Duration::ZERO) } else { closing };
        self.last_commands = taken.len();
        closing
    }

    fn patience(&self) -> Duration {
        match self.sealer.clearing.next_deadline() {
            None => PATIENCE,
            Some(deadline) => {
                PATIENCE.min(Duration::from_nanos(deadline.0.saturating_sub(self.sealer.now().0)) + Duration::from_micros(100))
            }
        }
    }
}

impl<C: Clock> Sealer<C> {
    /// Whether time alone asks for a block: a deadline has passed.
    pub(crate) fn is_due(&self) -> bool {
        self.clearing.next_deadline().is_some_and(|deadline| deadline <= self.now())
    }

    /// The time of the next block: never before the last one's, whatever the clock says.
    pub(crate) fn now(&self) -> Time {
        self.clock.now().max(self.clearing.time())
    }

    pub(crate) fn seal(&mut self, taken: &mut Vec<Submission>) -> SealedBlock {
        let mut commands = Vec::with_capacity(taken.len());
        let mut tickets = Vec::with_capacity(taken.len());
        let mut attachments = Vec::new();
        for (at, submission) in taken.drain(..).enumerate() {
            tickets.push(submission.ticket);
            commands.push(submission.command);
            attachments.extend(submission.attachment.map(|message| (at as u32, message)));
        }
        let time = self.now();
        let applied = self.clearing.apply_block(time, &commands);
        // A message is kept for what changed something; a repetition's is there already.
        attachments.retain(|(at, _)| matters(&applied.outcomes[*at as usize]));
        let body = encode_body(&commands);
        let header = header_of(self.parent, self.clearing.height(), time, &body, commands.len(), &applied);
        self.parent = header.hash();
        SealedBlock { header, hash: self.parent, body, commands, tickets, attachments, applied }
    }
}

pub(crate) fn matters(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Payment { repeated, .. } | Outcome::Waiting { repeated, .. } | Outcome::Matter { repeated, .. } => !repeated,
        Outcome::Done | Outcome::Registered(_) | Outcome::Quoted(_) => true,
        Outcome::Refused(_) => false,
    }
}

/// The body of a block: the canonical bytes of its commands, one behind the other.
pub fn encode_body(commands: &[Command]) -> Vec<u8> {
    let mut body = Vec::with_capacity(commands.len() * 112);
    commands.iter().for_each(|command| command.encode(&mut body));
    body
}

/// Reads a body back; `None` unless it is exactly what [`encode_body`] writes.
pub fn decode_body(mut body: &[u8]) -> Option<Vec<Command>> {
    let whole = body;
    let mut commands = Vec::with_capacity(body.len() / 64);
    while !body.is_empty() {
        commands.push(Command::decode(&mut body).ok()?);
    }
    (encode_body(&commands) == whole).then_some(commands)
}

/// The header of a block, the same from sequencer and from replay.
pub fn header_of(
    parent: Hash,
    height: u64,
    time: Time,
    body: &[u8],
    command_count: usize,
    applied: &clearing::Applied,
) -> BlockHeader {
    BlockHeader {
        height,
        time_ns: time.0,
        parent,
        body: sha256(body),
        state_root: applied.state_root,
        tree_size: applied.tree_size,
        tree_root: applied.tree_root,
        first_position: applied.first_position,
        command_count: command_count as u32,
        body_bytes: body.len() as u32,
    }
}
