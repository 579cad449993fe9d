//! Reserving what a pre-authorisation asks for: judged like a payment, held for days, let go.
//!
//! The debtor agent reserves with a `pacs.008`, so that everything a payment is judged by is known and signed: whose quota it counts
//! against, what it is for, what the risk rules say. It becomes no payment: captures are made of it (see `captures.rs`).
//!
//! The quota is counted when the money is reserved, in full, so that no capture can fail by it; what is not captured is given back.

use super::preauths::{PreauthEvent, PreauthState, PreauthView, ReservedBy};
use super::{Basis, MatterView};
use crate::payment::hold_rejection;
use crate::rules::{Code, Ruled, Uses};
use crate::{Clearing, Outcome, ParticipantId, Pay, Refusal, Rejection, RiskVerdict, Uetr};
use ledger::{AccountId, HoldId, LedgerId, Leg};
use money::MinorUnits;

/// What is held for a pre-authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reservation {
    /// The debtor agent's payment; captures repeat what it says.
    pub(super) pay: Box<Pay>,
    pub(super) hold: HoldId,
    /// The corridor it took.
    pub(super) corridor: Option<Code>,
}

/// A hold that was placed, and what it counts.
struct Placed {
    view: PreauthView,
    reservation: Reservation,
    uses: Uses,
}

impl Clearing {
    /// PRE-T2, or a payment that is rejected, or the answer again that was given before (PAY-03).
    pub(super) fn reserve_preauth(&mut self, uetr: Uetr, pay: &Pay) -> Result<Outcome, Refusal> {
        if let Some(known) = self.find_payment(pay.uetr) {
            let payment = &self.payments[known];
            let same = payment.content == pay.content && payment.debtor_agent == pay.debtor_agent;
            return if same { Ok(self.repeated(known)) } else { Err(Refusal::DuplicateUetr) };
        }
        if let Some(matter @ MatterView::Preauth(known)) = self.matter(uetr)
            && known.reserved.is_some_and(|by| by.payment == pay.uetr && by.content == pay.content)
            && known.debtor_agent == pay.debtor_agent
        {
            return Ok(Outcome::Matter { matter, repeated: true });
        }
        self.check_new_payment(pay)?;
        match self.place_reservation(uetr, pay) {
            Ok(Placed { view, reservation, uses }) => {
                self.matters.reservations.insert(uetr, reservation);
                self.reserve_for_days(uetr, &uses, view.amount.minor);
                Ok(self.put_preauth(view))
            }
            Err(rejection) => {
                let index = self.record_rejected(pay, rejection);
                Ok(Outcome::Payment { payment: self.view(index), repeated: false })
            }
        }
    }

    /// Everything that must be true before money is reserved; the first thing that is not is the reason.
    fn place_reservation(&mut self, uetr: Uetr, pay: &Pay) -> Result<Placed, Rejection> {
        if pay.risk.verdict == RiskVerdict::Block {
            return Err(Rejection::RiskBlocked);
        }
        if pay.accepted_at.after(self.settings.acceptance_age_max_ns) < self.time {
            return Err(Rejection::TooOld);
        }
        if pay.debit.is_zero() {
            return Err(Rejection::ZeroAmount);
        }
        if pay.debtor_agent == pay.creditor_agent {
            return Err(Rejection::SameAgent);
        }
        self.check_standing(pay)?;
        let preauth = self.check_preauth(uetr, pay)?;
        if pay.terms.execute_at.is_some_and(|at| at > self.time) {
            return Err(Rejection::ReservationWaits);
        }
        let (uses, corridor) = match self.rule(pay, None)? {
            Ruled::Now(uses, corridor) => (uses, corridor),
            Ruled::ClosedUntil(_) => return Err(Rejection::ReservationWaits),
        };
        if self.cools_off(pay, corridor).is_some() {
            return Err(Rejection::ReservationWaits);
        }
        let charges = self.charge(pay, corridor, None)?.charges;
        let ledger = self.ledger_of(pay.debit_currency).ok_or(Rejection::CurrencyNotServed)?;
        let [debit, credit] = self.own_accounts([pay.debtor_agent, pay.creditor_agent], ledger)?;
        self.check_reserved(pay, &charges, ledger)?;
        let amount = pay.debit.checked_add(charges.debtor).ok_or(Rejection::AmountTooLarge)?;
        let hold = self.ledgers.place(&[Leg { debit, credit, amount }]).map_err(|error| hold_rejection(error, debit))?;
        let reserved = Some(ReservedBy { payment: pay.uetr, content: pay.content, message_id: pay.message_id });
        let (changed, charge_room) = (self.next_position(), charges.debtor);
        let view = PreauthView { state: PreauthState::Reserved, reserved, charge_room, changed, ..preauth };
        Ok(Placed { view, reservation: Reservation { pay: Box::new(pay.clone()), hold, corridor }, uses })
    }

    /// The pre-authorisation that a payment may reserve.
    fn check_preauth(&self, uetr: Uetr, pay: &Pay) -> Result<PreauthView, Rejection> {
        let preauth = self.preauth(uetr).map_err(|_| Rejection::PreauthNotOpen)?;
        if preauth.debtor_agent != pay.debtor_agent || preauth.creditor_agent != pay.creditor_agent {
            return Err(Rejection::PreauthDiffers);
        }
        if preauth.reserved.is_some() {
            return Err(Rejection::PreauthReserved);
        }
        self.next_of_preauth(&preauth, PreauthEvent::Reserved).map_err(|_| Rejection::PreauthNotOpen)?;
        if pay.quote.is_some() {
            return Err(Rejection::ReservationExchanged);
        }
        let asked = preauth.amount;
        let fits = asked.currency.code == pay.debit_currency && asked.minor == pay.debit && pay.terms.basis == Basis::Plain;
        if fits { Ok(preauth) } else { Err(Rejection::PreauthDiffers) }
    }

    /// The agents' own settlement accounts: a sponsor's limit is for payments of seconds, not for holds of days.
    fn own_accounts(&self, agents: [ParticipantId; 2], ledger: LedgerId) -> Result<[AccountId; 2], Rejection> {
        let own = |agent: ParticipantId| match self.participants[agent.0 as usize].account_set(ledger) {
            Some(set) => Ok(set.settlement),
            None if self.settling_set(agent, ledger).is_some() => Err(Rejection::ReservationOverSponsor),
            None => Err(Rejection::CurrencyNotServed),
        };
        Ok([own(agents[0])?, own(agents[1])?])
    }

    /// What is held for a pre-authorisation is free again, and its quota with it. Without a hold nothing happens.
    pub(super) fn let_go(&mut self, preauth: &PreauthView) {
        if let Some(reservation) = self.matters.reservations.remove(&preauth.uetr) {
            self.ledgers.void(reservation.hold).expect("what is reserved has an open hold (LED-03)");
            self.release_for_days(preauth.uetr);
        }
    }

    /// How many pre-authorisations have a hold: for the laws.
    pub(crate) fn reservations(&self) -> usize {
        self.matters.reservations.len()
    }

    /// What captures a settled payment, if it is one.
    pub(crate) fn captured_from(&self, index: crate::PaymentIndex) -> Option<Uetr> {
        if self.matters.captures.is_empty() { None } else { self.matters.captures.get(&index).copied() }
    }

    /// A capture leaves the record.
    pub(crate) fn forget_capture(&mut self, index: crate::PaymentIndex) {
        if !self.matters.captures.is_empty() {
            self.matters.captures.remove(&index);
        }
    }

    /// Whether a UETR is that of a payment that reserved something.
    pub(crate) fn reserved_by(&self, payment: Uetr) -> Option<Uetr> {
        if self.matters.by_reserving.is_empty() { None } else { self.matters.by_reserving.get(&payment).copied() }
    }

    /// What is left of a hold: for the laws.
    pub(super) fn hold_of(&self, uetr: Uetr) -> Option<(AccountId, AccountId, MinorUnits)> {
        let hold = self.ledgers.hold(self.matters.reservations.get(&uetr)?.hold).ok()?;
        let [leg] = hold.legs() else { return None };
        Some((leg.debit, leg.credit, leg.amount))
    }
}
