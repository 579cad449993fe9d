//! Waiting: payments that are to be executed later, because the debtor wants it so, their corridor is closed, or they cool off.
//!
//! A waiting payment is an instruction with a time. It has no number, no hold and no quota yet, and can be cancelled by its
//! debtor agent free of charge. When its time has come it is taken in as if it had just arrived; whether it is covered is
//! decided then. Every instruction gets one end: as a payment, or as a rejection with reason CUST if it was cancelled.
//!
//! A quote is firm for minutes: a payment with one waits only as long as that.
//!
//! # Limits
//! [`Clearing::WAITING_MAX`] instructions, [`Clearing::WAIT_MAX_NS`] ahead. A block takes in at most
//! [`Clearing::RELEASED_MAX`] of them; the next one goes on.

use crate::codec::{put_u32, put_u64, take, take_u32, take_u64};
use crate::payment::Arrival;
use crate::{
    Bic, Clearing, Command, ContentHash, DecodeError, EventKind, MessageIdHash, Outcome, ParticipantId, Pay, Position, Refusal,
    Rejection, Time, Uetr,
};
use money::Amount;
use planted::{Bug, planted};
use std::collections::{BTreeMap, BTreeSet};

/// Why a payment waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WaitReason {
    /// The debtor wants it later.
    AsAsked,
    /// Its corridor is closed.
    CorridorClosed,
    /// It is the first to this payee, and large enough to cool off.
    FirstPayment = 90,
    /// The risk rules would review it.
    RiskReview = 91,
}

/// A waiting payment, as its agents see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingView {
    /// Its UETR.
    pub uetr: Uetr,
    /// Hash of the debtor agent's signed message.
    pub content: ContentHash,
    /// Sender.
    pub debtor_agent: ParticipantId,
    /// Sender's BIC.
    pub debtor_bic: Bic,
    /// Receiver.
    pub creditor_agent: ParticipantId,
    /// Receiver's BIC.
    pub creditor_bic: Bic,
    /// What the debtor agent will pay.
    pub debit: Amount,
    /// When it is taken up, unless it is cancelled before.
    pub until: Time,
    /// Why not now.
    pub reason: WaitReason,
    /// When it arrived.
    pub received_at: Time,
    /// The event that says so.
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    pay: Pay,
    until: Time,
    reason: WaitReason,
    received_at: Time,
    position: Position,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WaitingRoom {
    by_uetr: BTreeMap<Uetr, Waiting>,
    by_message: BTreeMap<MessageIdHash, Uetr>,
    by_time: BTreeSet<(Time, Uetr)>,
}

impl WaitingRoom {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_uetr.is_empty()
    }

    pub(crate) fn knows_message(&self, message: MessageIdHash) -> bool {
        !self.is_empty() && self.by_message.contains_key(&message)
    }

    fn enter(&mut self, waiting: Waiting) {
        self.by_time.insert((waiting.until, waiting.pay.uetr));
        self.by_message.insert(waiting.pay.message_id, waiting.pay.uetr);
        self.by_uetr.insert(waiting.pay.uetr, waiting);
    }

    fn leave(&mut self, uetr: Uetr) -> Option<Waiting> {
        let waiting = self.by_uetr.remove(&uetr)?;
        self.by_time.remove(&(waiting.until, uetr));
        self.by_message.remove(&waiting.pay.message_id);
        Some(waiting)
    }
}

impl Clearing {
    /// Most instructions that wait.
    pub const WAITING_MAX: usize = 1_000_000;
    /// Furthest ahead: 366 days.
    pub const WAIT_MAX_NS: u64 = 366 * 86_400 * 1_000_000_000;
    /// Most waiting instructions that one block takes in.
    pub const RELEASED_MAX: usize = 4096;

    /// A waiting payment.
    pub fn waiting(&self, uetr: Uetr) -> Option<WaitingView> {
        self.waiting.by_uetr.get(&uetr).map(|waiting| self.waiting_view(waiting))
    }

    /// All waiting payments by UETR.
    pub fn all_waiting(&self) -> impl Iterator<Item = WaitingView> + '_ {
        self.waiting.by_uetr.values().map(|waiting| self.waiting_view(waiting))
    }

    /// When the next one is taken up.
    pub(crate) fn next_release(&self) -> Option<Time> {
        self.waiting.by_time.first().map(|&(until, _)| until)
    }

    /// The answer to a waiting payment that is sent again.
    pub(crate) fn waits_already(&self, pay: &Pay) -> Option<Result<Outcome, Refusal>> {
        if self.waiting.is_empty() {
            return None;
        }
        let waiting = self.waiting.by_uetr.get(&pay.uetr)?;
        let same = waiting.pay.content == pay.content && waiting.pay.debtor_agent == pay.debtor_agent;
        Some(if same { Ok(self.waiting_outcome(waiting, true)) } else { Err(Refusal::DuplicateUetr) })
    }

    /// Lets a payment wait.
    pub(crate) fn let_wait(
        &mut self,
        pay: &Pay,
        until: Time,
        reason: WaitReason,
        received_at: Time,
    ) -> Result<Outcome, Rejection> {
        if until > self.time.after(Self::WAIT_MAX_NS) {
            return Err(Rejection::TooFarAhead);
        }
        if self.waiting.by_uetr.len() >= Self::WAITING_MAX {
            return Err(Rejection::TablesFull);
        }
        if let Some(id) = pay.quote {
            let quote = self.usable_quote(id, pay)?;
            if quote.terms.expires_at <= until {
                return Err(match reason {
                    WaitReason::AsAsked | WaitReason::CorridorClosed => Rejection::QuoteNotValid,
                    WaitReason::FirstPayment | WaitReason::RiskReview => Rejection::CoolsOffLongerThanQuote,
                });
            }
        }
        let waiting = Waiting { pay: pay.clone(), until, reason, received_at, position: Position(self.next_position) };
        self.delta.push(52);
        self.delta.extend_from_slice(&pay.uetr.0);
        self.delta.extend_from_slice(&pay.content.0);
        put_u64(&mut self.delta, until.0);
        let outcome = self.waiting_outcome(&waiting, false);
        let view = self.waiting_view(&waiting);
        self.waiting.enter(waiting);
        self.emit(EventKind::PaymentWaiting(view));
        Ok(outcome)
    }

    /// Takes up what has waited long enough.
    pub(crate) fn release_waiting(&mut self) {
        for _ in 0..Self::RELEASED_MAX {
            let Some(&(until, uetr)) = self.waiting.by_time.first() else { return };
            if until > self.time || self.payments.len() >= Self::PAYMENTS_MAX {
                return;
            }
            let Some(waiting) = self.waiting.leave(uetr) else { return };
            self.admit(&waiting.pay, Arrival::Waited(waiting.received_at));
            if planted(Bug::WaitingTakenUpTwice) {
                self.admit(&waiting.pay, Arrival::Waited(waiting.received_at));
            }
        }
    }

    /// The debtor agent does not want it any more.
    pub(crate) fn cancel(&mut self, uetr: Uetr, debtor_agent: ParticipantId) -> Result<Outcome, Refusal> {
        let Some(waiting) = self.waiting.by_uetr.get(&uetr) else { return self.cancelled_before(uetr, debtor_agent) };
        if waiting.pay.debtor_agent != debtor_agent {
            return Err(Refusal::NotYourPayment);
        }
        let waiting = self.waiting.leave(uetr).expect("it was just found");
        let index = self.record_rejected(&waiting.pay, Rejection::CancelledByDebtor);
        Ok(Outcome::Payment { payment: self.view(index), repeated: false })
    }

    fn cancelled_before(&mut self, uetr: Uetr, debtor_agent: ParticipantId) -> Result<Outcome, Refusal> {
        let payment = self.payment(uetr).ok_or(Refusal::UnknownPayment)?;
        if payment.debtor_agent != debtor_agent {
            return Err(Refusal::NotYourPayment);
        }
        if planted(Bug::CancelledWhileHeld) && self.reject_if_held(payment.index, Rejection::CancelledByDebtor) {
            return Ok(Outcome::Payment { payment: self.view(payment.index), repeated: false });
        }
        match payment.rejection {
            Some(Rejection::CancelledByDebtor) => Ok(Outcome::Payment { payment, repeated: true }),
            Some(_) | None => Err(Refusal::TooLateToCancel),
        }
    }

    fn waiting_outcome(&self, waiting: &Waiting, repeated: bool) -> Outcome {
        Outcome::Waiting { payment: self.waiting_view(waiting), repeated }
    }

    fn waiting_view(&self, waiting: &Waiting) -> WaitingView {
        let pay = &waiting.pay;
        let bic = |id: ParticipantId| self.participants[id.0 as usize].bic;
        let ledger = self.ledger_of(pay.debit_currency).expect("a payment in an unknown currency does not wait");
        WaitingView {
            uetr: pay.uetr,
            content: pay.content,
            debtor_agent: pay.debtor_agent,
            debtor_bic: bic(pay.debtor_agent),
            creditor_agent: pay.creditor_agent,
            creditor_bic: bic(pay.creditor_agent),
            debit: Amount { minor: pay.debit, currency: self.currency(ledger) },
            until: waiting.until,
            reason: waiting.reason,
            received_at: waiting.received_at,
            position: waiting.position,
        }
    }
}

impl WaitingRoom {
    /// Appends the canonical bytes for a snapshot.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.by_uetr.len() as u32);
        for waiting in self.by_uetr.values() {
            Command::Pay(waiting.pay.clone()).encode(out);
            put_u64(out, waiting.until.0);
            out.push(waiting.reason as u8);
            put_u64(out, waiting.received_at.0);
            put_u64(out, waiting.position.0);
        }
    }

    /// Reads what [`Self::encode`] wrote; `known` tells whether the centre has agents and currency of a payment.
    pub(crate) fn decode(bytes: &mut &[u8], known: impl Fn(&Pay) -> bool) -> Result<Self, DecodeError> {
        let mut room = Self::default();
        for _ in 0..take_u32(bytes)? {
            let Command::Pay(pay) = Command::decode(bytes)? else { return Err(DecodeError::Unknown("waiting payment")) };
            let until = Time(take_u64(bytes)?);
            let reason = match take(bytes)? {
                [0] => WaitReason::AsAsked,
                [1] => WaitReason::CorridorClosed,
                [90] => WaitReason::FirstPayment,
                [91] => WaitReason::RiskReview,
                [2..=89 | 92..=255] => return Err(DecodeError::Unknown("reason to wait")),
            };
            let in_order = room.by_uetr.last_key_value().is_none_or(|(last, _)| *last < pay.uetr);
            if !in_order || !known(&pay) || room.by_message.contains_key(&pay.message_id) {
                return Err(DecodeError::Unknown("waiting payment"));
            }
            room.enter(Waiting { pay, until, reason, received_at: Time(take_u64(bytes)?), position: Position(take_u64(bytes)?) });
        }
        Ok(room)
    }
}
