//! The hub: where those who wait at the door meet the blocks that answer them.
//!
//! A request submits a command with a ticket and waits; [`Hub::durable`] runs on the journal's own thread after the block
//! is on disk and after the read model knows it, hands each ticket its outcome, each final payment to who waits for its
//! end, and wakes the inboxes concerned. Nothing is told before it is durable (ORD-01).
//!
//! # Not here
//! What an answer looks like (`answer.rs`), what an inbox item looks like (`items.rs`).

use crate::elsewhere::OtherDoors;
use crate::limits::Limits;
use crate::registry::Registry;
use chain::Finality;
use clearing::{Clearing, Command, Event, EventKind, Outcome, ParticipantId, PaymentState, PaymentView, RecallState, Uetr};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use directory::Directory;
use ordering::{Attachment, DurableBlock, OrderedLog, Submission, SubmitRefusal};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::oneshot;

/// Where requests wait for blocks, and what the door knows of participants. One a gateway; made before the journal opens.
#[derive(Debug)]
pub struct Hub {
    pub(crate) registry: Registry,
    waiters: Mutex<Waiters>,
    next_ticket: AtomicU64,
    stopped: AtomicBool,
    finality: OnceLock<FinalityOf>,
    other_doors: OnceLock<Arc<dyn OtherDoors>>,
    directory: OnceLock<Arc<Directory>>,
}

/// Tells the quorum behind the block of some height, where several operators agree on blocks.
#[derive(Clone)]
pub struct FinalityOf(pub Arc<dyn Fn(u64) -> Option<Finality> + Send + Sync>);

impl core::fmt::Debug for FinalityOf {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("FinalityOf")
    }
}

#[derive(Debug, Default)]
struct Waiters {
    by_ticket: HashMap<u64, Waiter>,
    /// Those who wait for a payment's end.
    by_payment: HashMap<Uetr, Vec<oneshot::Sender<PaymentView>>>,
}

#[derive(Debug)]
struct Waiter {
    outcome: oneshot::Sender<Outcome>,
    end: Option<oneshot::Sender<PaymentView>>,
}

/// A command under way.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Its outcome, once durable. An error: the journal stopped, the command is in doubt.
    pub(crate) outcome: oneshot::Receiver<Outcome>,
    /// The end of the payment it is about, if that was asked for and is still to come.
    pub(crate) end: Option<oneshot::Receiver<PaymentView>>,
}

impl Hub {
    /// A hub for a gateway with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            registry: Registry::new(limits),
            waiters: Mutex::default(),
            next_ticket: AtomicU64::new(1),
            stopped: AtomicBool::new(false),
            finality: OnceLock::new(),
            other_doors: OnceLock::new(),
            directory: OnceLock::new(),
        }
    }

    /// Receipts carry what `finality` tells from now on. The first call counts.
    pub fn prove_with(&self, finality: FinalityOf) {
        let _ = self.finality.set(finality);
    }

    /// Payee checks go to these doors as well, and theirs come here. Call before the gateway starts; the first call counts.
    pub fn join(&self, other_doors: Arc<dyn OtherDoors>) {
        let _ = self.other_doors.set(other_doors);
    }

    pub(crate) fn other_doors(&self) -> Option<Arc<dyn OtherDoors>> {
        self.other_doors.get().cloned()
    }

    /// Aliases are looked up there. Call before the gateway starts; the first call counts.
    pub fn look_up_in(&self, directory: Arc<Directory>) {
        let _ = self.directory.set(directory);
    }

    pub(crate) fn directory(&self) -> Option<Arc<Directory>> {
        self.directory.get().cloned()
    }

    /// Whether other operators check what comes in here.
    pub(crate) fn has_peers(&self) -> bool {
        self.finality.get().is_some()
    }

    pub(crate) fn finality_of(&self, height: u64) -> Option<Finality> {
        self.finality.get().and_then(|finality| (finality.0)(height))
    }

    /// Takes over what a recovered centre knows. Call once, before the first block.
    pub fn load(&self, clearing: &Clearing) {
        self.registry.load(clearing);
    }

    /// A block is durable and the read model knows it.
    pub fn durable(&self, block: &DurableBlock) {
        self.registry.note(&block.applied.events);
        self.answer(block);
        self.wake(&block.applied.events);
    }

    /// A command that came in again, perhaps at another operator's door, has its outcome.
    pub fn answered(&self, ticket: u64, outcome: &Outcome) {
        let Some(waiter) = self.lock().by_ticket.remove(&ticket) else { return };
        if let (Outcome::Payment { payment, .. }, Some(end)) = (outcome, waiter.end)
            && payment.state == PaymentState::Held
        {
            self.lock().by_payment.entry(payment.uetr).or_default().push(end);
        }
        let _ = waiter.outcome.send(outcome.clone());
    }

    /// The journal stopped: whoever still waits learns that the answer is in doubt.
    pub fn stopped(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        *self.lock() = Waiters::default();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Submits a command. With `wait_for_end`, also waits for the end of the payment it is about.
    pub(crate) fn submit(
        &self,
        log: &dyn OrderedLog,
        command: Command,
        attachment: Option<Attachment>,
        wait_for_end: bool,
    ) -> Result<Pending, SubmitRefusal> {
        let ticket = self.next_ticket.fetch_add(1, Ordering::Relaxed);
        let (outcome, outcome_receiver) = oneshot::channel();
        let (end, end_receiver) = match wait_for_end {
            true => {
                let (sender, receiver) = oneshot::channel();
                (Some(sender), Some(receiver))
            }
            false => (None, None),
        };
        self.lock().by_ticket.insert(ticket, Waiter { outcome, end });
        // The waiter stands before the command does: the block may be durable before `submit` returns.
        if let Err(refusal) = log.submit(Submission { ticket, command, attachment }) {
            self.lock().by_ticket.remove(&ticket);
            return Err(refusal);
        }
        Ok(Pending { outcome: outcome_receiver, end: end_receiver })
    }

    /// Forgets waiters of a payment who have gone away.
    pub(crate) fn forget(&self, uetr: Uetr) {
        let mut waiters = self.lock();
        if let Some(waiting) = waiters.by_payment.get_mut(&uetr) {
            waiting.retain(|sender| !sender.is_closed());
            if waiting.is_empty() {
                waiters.by_payment.remove(&uetr);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Outcomes first, then ends: who is told that a payment is held waits before its end can come.
    fn answer(&self, block: &DurableBlock) {
        let mut waiters = self.lock();
        for (outcome, ticket) in block.applied.outcomes.iter().zip(&block.tickets) {
            let Some(waiter) = waiters.by_ticket.remove(ticket) else { continue };
            if let (Outcome::Payment { payment, .. }, Some(end)) = (outcome, waiter.end) {
                match payment.state {
                    PaymentState::Held => waiters.by_payment.entry(payment.uetr).or_default().push(end),
                    PaymentState::Settled | PaymentState::Rejected => drop(end),
                }
            }
            // The request may have gone away; the outcome stands all the same.
            let _ = waiter.outcome.send(outcome.clone());
        }
        for event in &block.applied.events {
            if let EventKind::PaymentSettled(payment) | EventKind::PaymentRejected(payment) = &event.kind {
                for end in waiters.by_payment.remove(&payment.uetr).unwrap_or_default() {
                    let _ = end.send(*payment);
                }
            }
        }
    }

    /// Wakes each inbox concerned once.
    fn wake(&self, events: &[Event]) {
        let mut concerned: Vec<ParticipantId> = Vec::new();
        for event in events {
            for id in addressees(&event.kind).into_iter().flatten() {
                if !concerned.contains(&id) {
                    concerned.push(id);
                }
            }
        }
        for id in concerned {
            if let Some(participant) = self.registry.by_id(id) {
                participant.lane.wake();
            }
        }
    }
}

/// Whose inbox an event goes to.
pub(crate) fn addressees(kind: &EventKind) -> [Option<ParticipantId>; 2] {
    match kind {
        EventKind::PaymentHeld(payment) => [Some(payment.creditor_agent), None],
        EventKind::PaymentSettled(payment) | EventKind::PaymentReturned(payment) => {
            [Some(payment.debtor_agent), Some(payment.creditor_agent)]
        }
        EventKind::Recall(recall) => match recall.state {
            RecallState::Asked => [Some(recall.payment.creditor_agent), None],
            RecallState::Answered(_) => [Some(recall.payment.debtor_agent), None],
            RecallState::Overdue => [None, None],
        },
        EventKind::PaymentRejected(payment) => {
            // A payment refused at once was never put to the creditor agent, so it is not told of its end either.
            [Some(payment.debtor_agent), payment.forwarded_position.map(|_| payment.creditor_agent)]
        }
        EventKind::PaymentCredited(payment) => [Some(payment.debtor_agent), None],
        EventKind::Settlement(note) => [Some(note.participant), note.agent],
        EventKind::Funded { participant, .. } => [Some(*participant), None],
        EventKind::PaymentReviewed(payment) => [Some(payment.debtor_agent), Some(payment.creditor_agent)],
        // Whoever is not told of this step finds nothing new.
        EventKind::Matter(matter) => matter.agents().map(Some),
        EventKind::LedgerOpened(_)
        | EventKind::Sponsorship(_)
        | EventKind::Day(_)
        | EventKind::ParticipantRegistered { .. }
        | EventKind::StatusChanged { .. }
        | EventKind::RatePublished { .. }
        | EventKind::QuoteIssued(_)
        | EventKind::OrderCarriedOut { .. }
        | EventKind::OfficersAppointed(_)
        | EventKind::NodesSet(_)
        // Its debtor agent was answered, and its creditor agent is not concerned yet.
        | EventKind::PaymentWaiting(_)
        | EventKind::RulebookSet { .. }
        | EventKind::SchemeTermsSet(_)
        | EventKind::Arranged(_) => [None, None],
        EventKind::Letter(letter) => [Some(letter.to), None],
    }
}
