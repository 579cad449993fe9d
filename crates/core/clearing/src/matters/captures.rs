//! Captures: the creditor agent takes a part of what is reserved. Each is a payment that settles at once, out of the hold.
//!
//! A capture lies among the payments, with its own UETR, leaf and receipt, and is forgotten like one. Either it settles or it is
//! refused and leaves no trace; it is never held apart and never rejected: the debtor agent has given its word, and the money is
//! there. It is charged by the tariff like any payment; what the debtor agent bears comes out of the room that the hold has
//! for it, and where that is not enough (several captures, a new tariff), out of what the account has free.

use super::preauths::{Capture, PreauthEvent, PreauthState, PreauthView};
use crate::codec::put_u64;
use crate::fees::{Charged, Legs};
use crate::payment::Status;
use crate::{Clearing, MatterView, Outcome, Pay, PaymentIndex, Refusal, Uetr};
use ledger::{LedgerError, LedgerId, Leg};
use money::MinorUnits;

/// What a capture moves.
struct Drawn {
    ledger: LedgerId,
    credit: MinorUnits,
    charged: Charged,
}

impl Clearing {
    /// PRE-T4, PRE-T5, or the answer again that was given before.
    pub(super) fn capture(&mut self, capture: &Capture) -> Result<Outcome, Refusal> {
        if let Some(known) = self.find_payment(capture.capture) {
            let payment = &self.payments[known];
            let same = payment.content == capture.content && payment.creditor_agent == capture.creditor_agent;
            let is_capture = self.captured_from(known) == Some(capture.preauth);
            return if same && is_capture { Ok(self.repeated(known)) } else { Err(Refusal::DuplicateUetr) };
        }
        if self.is_matter(capture.capture) || self.is_sent(capture.capture) || self.waiting(capture.capture).is_some() {
            return Err(Refusal::DuplicateUetr);
        }
        self.check_acceptance(capture.created_at)?;
        if self.knows_message(capture.message_id) {
            return Err(Refusal::DuplicateMessageId);
        }
        let preauth = self.check_capture(capture)?;
        if self.payments.len() >= Self::PAYMENTS_MAX {
            return Err(Refusal::Full);
        }
        let left = MinorUnits(preauth.left().0 - capture.amount.0);
        let captures = preauth.captures + 1;
        // What nobody can capture any more is not held any longer.
        let is_last = capture.is_last || left.is_zero() || captures == preauth.captures_max;
        let event = if is_last { PreauthEvent::CapturedLast } else { PreauthEvent::CapturedPart };
        let state = self.next_of_preauth(&preauth, event)?;
        let pay = self.payment_of(capture);
        let drawn = self.draw(&pay, &preauth, if is_last { None } else { Some(left) })?;
        let charge_room = preauth.charge_room.checked_sub(drawn.charged.charges.debtor).unwrap_or(MinorUnits::ZERO);
        let index = self.record_capture(&pay, preauth.uetr, &drawn);
        self.capture_for_days(preauth.uetr, index, capture.amount);
        self.note_pair(index, pay.terms.pair);
        self.learn_pair(index);
        self.finish(index);
        let captured = MinorUnits(preauth.captured.0 + capture.amount.0);
        let changed = if is_last { self.next_position() } else { preauth.changed };
        let charge_room = if is_last { MinorUnits::ZERO } else { charge_room };
        self.put_preauth(PreauthView { state, captured, captures, charge_room, changed, ..preauth });
        if is_last {
            self.matters.reservations.remove(&preauth.uetr);
            self.release_for_days(preauth.uetr);
        }
        Ok(Outcome::Payment { payment: self.view(index), repeated: false })
    }

    /// The pre-authorisation that a capture may draw on.
    fn check_capture(&self, capture: &Capture) -> Result<PreauthView, Refusal> {
        let preauth = self.preauth(capture.preauth)?;
        if preauth.creditor_agent != capture.creditor_agent || preauth.debtor_agent != capture.debtor_agent {
            return Err(Refusal::NotYourMatter);
        }
        if preauth.state == PreauthState::Asked {
            return Err(Refusal::NothingReserved);
        }
        self.next_of_preauth(&preauth, PreauthEvent::CapturedPart)?;
        // Who has reserved pays, whatever became of its standing; who captures must be one that may be paid.
        if !self.participants[capture.creditor_agent.0 as usize].status.receives() {
            return Err(Refusal::StandingForbids);
        }
        if capture.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let fits = capture.currency == preauth.amount.currency.code && capture.amount <= preauth.left();
        if fits { Ok(preauth) } else { Err(Refusal::MoreThanReserved) }
    }

    /// The payment that a capture is: what the debtor agent said when it reserved, with the capture's own identifiers.
    fn payment_of(&self, capture: &Capture) -> Pay {
        let reserved = &*self.matters.reservations[&capture.preauth].pay;
        Pay {
            uetr: capture.capture,
            content: capture.content,
            message_id: capture.message_id,
            debit: capture.amount,
            accepted_at: capture.created_at,
            ..reserved.clone()
        }
    }

    /// Moves the money out of the hold, all legs or none; `left` stays held, with what is left of the room for charges.
    fn draw(&mut self, pay: &Pay, preauth: &PreauthView, left: Option<MinorUnits>) -> Result<Drawn, Refusal> {
        let reservation = &self.matters.reservations[&preauth.uetr];
        let (hold, corridor) = (reservation.hold, reservation.corridor);
        let charged = self.charge(pay, corridor, None).map_err(|_| Refusal::ChargesExceedCapture)?;
        let charges = &charged.charges;
        let credit = pay.debit.checked_sub(charges.creditor).ok_or(Refusal::ChargesExceedCapture)?;
        let ledger = self.ledger_of(pay.debit_currency).ok_or(Refusal::UnknownCurrency)?;
        let (debit, to, _) = self.hold_of(preauth.uetr).ok_or(Refusal::NothingReserved)?;
        let mut legs = Legs::new();
        legs.push(Leg { debit, credit: to, amount: credit });
        self.push_charges(charges, (debit, ledger), (debit, ledger), &mut legs);
        let room = preauth.charge_room.checked_sub(charges.debtor).unwrap_or(MinorUnits::ZERO);
        let keep = left.map_or(MinorUnits::ZERO, |left| MinorUnits(left.0 + room.0));
        self.ledgers.draw(hold, keep, legs.as_slice()).map_err(|error| match error {
            LedgerError::TooLarge { .. } => Refusal::AmountTooLarge,
            LedgerError::Insufficient { .. }
            | LedgerError::UnknownAccount(_)
            | LedgerError::CrossesLedgers { .. }
            | LedgerError::BadChain
            | LedgerError::NotOpen
            | LedgerError::Full => Refusal::ChargesNotCovered,
        })?;
        Ok(Drawn { ledger, credit, charged })
    }

    /// Enters it as a payment that has settled.
    fn record_capture(&mut self, pay: &Pay, preauth: Uetr, drawn: &Drawn) -> PaymentIndex {
        let status = Status::Settled(self.next_finality());
        let index = self.record(pay, drawn.credit, drawn.ledger, self.time, status);
        self.payments[index].charged = drawn.charged;
        self.note_charged(index);
        self.matters.captures.insert(index, preauth);
        self.delta.push(79);
        put_u64(&mut self.delta, index.0);
        self.delta.extend_from_slice(&preauth.0);
        self.delta.extend_from_slice(&pay.uetr.0);
        self.delta.extend_from_slice(&pay.content.0);
        put_u64(&mut self.delta, drawn.credit.0);
        index
    }

    /// Whether a payment on record is a capture.
    pub(crate) fn is_capture(&self, index: PaymentIndex) -> bool {
        self.captured_from(index).is_some()
    }

    /// How a pre-authorisation stands that a payment with this UETR reserved.
    pub fn reserved_with(&self, payment: Uetr) -> Option<MatterView> {
        self.matter(self.reserved_by(payment)?)
    }
}
