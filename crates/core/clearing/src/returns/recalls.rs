//! Recalls: the debtor agent asks for a settled payment back, and the creditor agent answers.
//!
//! ```text
//!  asked (camt.056) ──▶ accepted: the creditor agent will send a return with reason FOCR, in part or whole
//!     │        └──────▶ rejected, with a reason of ExternalPaymentCancellationRejection1Code
//!     └─ due passes ──▶ overdue, told once; can still be answered
//! ```
//! A payment has one recall at a time: a new one can be asked when the last was answered, some times. Nothing moves by a recall: an answer
//! is a promise, and the return that follows is the creditor agent's own message.
//!
//! # Limits
//! [`Clearing::RECALLS_MAX`]; one leaves when its payment can no longer be returned, or a later one takes its place.

use super::Facts;
use crate::codec::{put_u32, put_u64};
use crate::{Clearing, ContentHash, EventKind, IsoReason, Outcome, ParticipantId, PaymentView, Position, Refusal, Time, Uetr};
use std::collections::{BTreeMap, BTreeSet};

/// Codes of `ExternalCancellationReason1Code` that this scheme takes for a recall. Append only: indices keep their places.
const REASONS: [&[u8; 4]; 10] = [b"AC03", b"AGNT", b"AM09", b"CURR", b"CUST", b"DUPL", b"FRAD", b"SVNR", b"TECH", b"UPAY"];
/// The one of them whose recall may come late.
const FRAUD: IsoReason = IsoReason(*b"FRAD");
/// Codes of `ExternalPaymentCancellationRejection1Code` that this scheme takes for an answer. Append only.
const ANSWERS: [&[u8; 4]; 10] = [b"AC04", b"AGNT", b"AM04", b"ARDT", b"CUST", b"LEGL", b"NARR", b"NOAS", b"NOOR", b"RR04"];

/// A settled payment is asked back (`camt.056`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The payment.
    pub original: Uetr,
    /// Who asks, as authenticated.
    pub debtor_agent: ParticipantId,
    /// Why (`ExternalCancellationReason1Code`).
    pub reason: IsoReason,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// What the payment was, if the centre has forgotten it.
    pub facts: Option<Facts>,
}

/// The creditor agent's answer to a recall (`camt.029`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRecall {
    /// The payment.
    pub original: Uetr,
    /// Who answers, as authenticated.
    pub creditor_agent: ParticipantId,
    /// What it says.
    pub verdict: RecallVerdict,
}

/// Will it send the money back?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallVerdict {
    /// It will.
    Accepts,
    /// It will not, for this reason (`ExternalPaymentCancellationRejection1Code`).
    Rejects(IsoReason),
}

/// How a recall stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallState {
    /// Waits for the answer.
    Asked,
    /// Still waits, and the answer is overdue.
    Overdue,
    /// Answered.
    Answered(RecallVerdict),
}

/// A recall as both agents see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecallView {
    /// The payment, as it stood when this was told.
    pub payment: PaymentView,
    /// Why.
    pub reason: IsoReason,
    /// When it was asked.
    pub asked_at: Time,
    /// When the answer is due.
    pub due: Time,
    /// How it stands.
    pub state: RecallState,
}

/// A payment's recalls: the last one, and all that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Of the last one's message.
    pub(super) content: ContentHash,
    pub(super) settled_at: Time,
    /// In order; never empty.
    pub(super) told: Vec<(Position, RecallView)>,
}

impl Kept {
    /// How the last one stands.
    pub(super) fn last(&self) -> &RecallView {
        &self.told.last().expect("it begins with the first recall").1
    }
}

/// All recalls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recalls {
    pub(super) by_original: BTreeMap<Uetr, Kept>,
    by_due: BTreeSet<(Time, Uetr)>,
    by_settlement: BTreeSet<(Time, Uetr)>,
}

impl Recalls {
    pub(super) fn enter(&mut self, content: ContentHash, settled_at: Time, position: Position, view: RecallView) {
        let uetr = view.payment.uetr;
        let kept = self.by_original.entry(uetr).or_insert_with(|| Kept { content, settled_at, told: Vec::new() });
        if let Some((_, last)) = kept.told.last() {
            self.by_due.remove(&(last.due, uetr));
        }
        kept.content = content;
        kept.told.push((position, view));
        match view.state {
            RecallState::Asked => {
                self.by_due.insert((view.due, uetr));
            }
            RecallState::Overdue | RecallState::Answered(_) => {}
        }
        self.by_settlement.insert((settled_at, uetr));
    }

    /// A payment leaves the record: what is told later says how it stood at last.
    pub(super) fn forget(&mut self, payment: &PaymentView) {
        if let Some((_, last)) = self.by_original.get_mut(&payment.uetr).and_then(|kept| kept.told.last_mut()) {
            last.payment = *payment;
        }
    }

    /// When the next answer is due.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.by_due.first().map(|&(due, _)| due)
    }
}

/// All reasons for a recall.
pub fn recall_reasons() -> impl Iterator<Item = IsoReason> {
    REASONS.iter().map(|code| IsoReason(**code))
}

/// All reasons for rejecting a recall.
pub fn recall_answers() -> impl Iterator<Item = IsoReason> {
    ANSWERS.iter().map(|code| IsoReason(**code))
}

impl RecallVerdict {
    /// Whether the scheme uses it.
    pub(super) fn is_used(self) -> bool {
        match self {
            Self::Accepts => true,
            Self::Rejects(reason) => ANSWERS.contains(&&reason.0),
        }
    }
}

impl Clearing {
    /// Most payments with recalls on record.
    pub const RECALLS_MAX: usize = 1_000_000;
    /// Most that is told of one payment's recalls: eight that are asked, overdue and answered.
    pub const RECALL_TOLD_MAX: usize = 24;

    /// The last recall of a payment.
    pub fn recall(&self, original: Uetr) -> Option<RecallView> {
        self.aftermath.recalls.by_original.get(&original).map(|kept| *kept.last())
    }

    /// All that was told of recalls on record, by payment and then in order.
    pub fn recalls_told(&self) -> impl Iterator<Item = (Position, RecallView)> + '_ {
        self.aftermath.recalls.by_original.values().flat_map(|kept| kept.told.iter().copied())
    }

    /// Asks for a settled payment back.
    pub(crate) fn take_recall(&mut self, recall: &Recall) -> Result<Outcome, Refusal> {
        let known = self.aftermath.recalls.by_original.get(&recall.original);
        let repeated =
            known.filter(|known| known.content == recall.content && known.last().payment.debtor_agent == recall.debtor_agent);
        if repeated.is_some() {
            return Ok(Outcome::Done);
        }
        let is_new = known.is_none();
        let is_open = known.is_some_and(|known| match known.last().state {
            RecallState::Asked | RecallState::Overdue => true,
            RecallState::Answered(_) => false,
        });
        let told = known.map_or(0, |known| known.told.len());
        let original = self.original(recall.original, recall.facts.as_ref())?;
        if original.payment.debtor_agent != recall.debtor_agent {
            return Err(Refusal::NotYourPayment);
        }
        if !REASONS.contains(&&recall.reason.0) {
            return Err(Refusal::ReasonNotUsed);
        }
        let terms = self.aftermath.terms;
        let within = if recall.reason == FRAUD { terms.recall_fraud_within_ns } else { terms.recall_within_ns };
        if original.settled_at.after(within) < self.time || original.settled_at < self.aftermath.close {
            return Err(Refusal::TooLateAfterSettlement);
        }
        if is_open {
            return Err(Refusal::AlreadyOpen);
        }
        let is_full = is_new && self.aftermath.recalls.by_original.len() >= Self::RECALLS_MAX;
        if is_full || told + 3 > Self::RECALL_TOLD_MAX {
            return Err(Refusal::Full);
        }
        let view = RecallView {
            payment: original.payment,
            reason: recall.reason,
            asked_at: self.time,
            due: self.time.after(terms.recall_answer_ns),
            state: RecallState::Asked,
        };
        self.tell_recall(recall.content, original.settled_at, view);
        Ok(Outcome::Done)
    }

    /// The creditor agent answers. The same answer again changes nothing.
    pub(crate) fn answer_recall(&mut self, answer: &AnswerRecall) -> Result<Outcome, Refusal> {
        let known = self.aftermath.recalls.by_original.get(&answer.original).ok_or(Refusal::NothingOpen)?;
        let (content, settled_at, last) = (known.content, known.settled_at, *known.last());
        if last.payment.creditor_agent != answer.creditor_agent {
            return Err(Refusal::NotYourPayment);
        }
        if !answer.verdict.is_used() {
            return Err(Refusal::ReasonNotUsed);
        }
        match last.state {
            RecallState::Answered(verdict) if verdict == answer.verdict => return Ok(Outcome::Done),
            RecallState::Answered(_) => return Err(Refusal::AlreadyFinal),
            RecallState::Asked | RecallState::Overdue => {}
        }
        self.tell_recall(content, settled_at, RecallView { state: RecallState::Answered(answer.verdict), ..last });
        Ok(Outcome::Done)
    }

    /// Tells what is overdue, and lets go of recalls whose payments can no longer be returned.
    pub(super) fn begin_recalls(&mut self) {
        for _ in 0..Self::CLOSED_MAX {
            let Some(&(due, uetr)) = self.aftermath.recalls.by_due.first() else { break };
            if due > self.time {
                break;
            }
            let Some(known) = self.aftermath.recalls.by_original.get(&uetr) else { break };
            let (content, settled_at, last) = (known.content, known.settled_at, *known.last());
            self.tell_recall(content, settled_at, RecallView { state: RecallState::Overdue, ..last });
        }
        let close = self.aftermath.close;
        let recalls = &mut self.aftermath.recalls;
        for _ in 0..Self::CLOSED_MAX {
            let Some(&(settled_at, uetr)) = recalls.by_settlement.first() else { break };
            if settled_at >= close {
                break;
            }
            recalls.by_settlement.pop_first();
            if let Some(kept) = recalls.by_original.remove(&uetr) {
                recalls.by_due.remove(&(kept.last().due, uetr));
            }
        }
    }

    fn tell_recall(&mut self, content: ContentHash, settled_at: Time, told: RecallView) {
        let view = RecallView { payment: self.payment(told.payment.uetr).unwrap_or(told.payment), ..told };
        self.delta.push(61);
        self.delta.extend_from_slice(&view.payment.uetr.0);
        put_u64(&mut self.delta, view.payment.index.0);
        put_u32(&mut self.delta, view.payment.creditor_agent.0);
        self.delta.extend_from_slice(&view.reason.0);
        put_u64(&mut self.delta, view.due.0);
        view.state.encode(&mut self.delta);
        self.aftermath.recalls.enter(content, settled_at, Position(self.next_position), view);
        self.emit(EventKind::Recall(Box::new(view)));
    }
}
