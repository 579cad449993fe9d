//! Forgetting: payments leave memory some time behind their end, so that it does not grow with history.
//!
//! A payment is forgotten when it is final, its end lies [`Settings::payment_retention_ns`] back, and it was accepted
//! before the *horizon*. Payments are forgotten in order of arrival, so that one under way keeps all behind it: for its
//! answer time at most. When is a function of blocks alone, and every replay forgets in the same places; the state root
//! does not change by it. What is forgotten is told once more ([`Applied::forgotten`](crate::Applied)) to whoever keeps
//! the past: history, receipts and inboxes are not the centre's.
//!
//! # Why no payment ends twice
//! The *horizon* is the latest value so far of *block time + acceptance age − retention*: it never goes back, whatever
//! becomes of the settings.
//!
//! 1. A payment that is forgotten was accepted before the horizon.
//! 2. A payment that is not on record and was accepted before the horizon is refused ([`Refusal::TooOldToKnow`]): the
//!    centre cannot know whether it was.
//! 3. A message that is sent again says the same acceptance time, since it is signed.
//!
//! So a message sent again finds its payment on record and gets the same answer (PAY-03), or is refused, and never gets a
//! second end (PAY-01).
//!
//! No payment that could still be accepted is refused by 2: retention is at least twice the acceptance age, so the
//! horizon is at least one acceptance age back. And nothing waits for 1 longer than for its retention: where payments are
//! forgotten, one accepted further ahead than the acceptance age is refused ([`Refusal::AcceptedAhead`]).
//!
//! # Not here
//! A *new* message with the UETR or message identification of a forgotten payment is the bank's mistake and not a
//! repetition. The centre cannot see it; the gateway looks into history before it submits.
//!
//! # Limits
//! A block forgets at most [`Clearing::FORGOTTEN_MIN`] payments and two for each of its commands: more than it can bring,
//! so that what has gathered is worked off and no block stalls.

use crate::payment::{Payment, Status};
use crate::table::Payments;
use crate::{Clearing, PaymentState, PaymentView, Refusal, Time};
use planted::{Bug, planted};

impl Clearing {
    /// Payments that a block without commands may forget.
    pub const FORGOTTEN_MIN: usize = 2048;

    /// Rows looked up together: their cache misses overlap.
    const WARM_PAYMENTS: usize = 64;

    /// Whether a payment accepted then may be one that was forgotten, if it is not on record.
    pub fn may_have_forgotten(&self, accepted_at: Time) -> bool {
        accepted_at < self.horizon
    }

    /// Whether a payment that is not on record may be taken in, by when it was accepted.
    pub(crate) fn check_acceptance(&self, accepted_at: Time) -> Result<(), Refusal> {
        if self.may_have_forgotten(accepted_at) {
            return Err(Refusal::TooOldToKnow);
        }
        let ahead = accepted_at > self.time.after(self.settings.acceptance_age_max_ns);
        if ahead && !self.settings.forgets_nothing() {
            return Err(Refusal::AcceptedAhead);
        }
        Ok(())
    }

    /// Takes off the record what may be forgotten, and returns it in order of arrival.
    pub(crate) fn forget_payments(&mut self, commands: usize) -> Vec<PaymentView> {
        let horizon = self.time.after(self.settings.acceptance_age_max_ns).0.saturating_sub(self.settings.payment_retention_ns);
        self.horizon = self.horizon.max(Time(horizon));
        let most = Self::FORGOTTEN_MIN + 2 * commands;
        let count = self.payments.iter().take(most).take_while(|payment| self.may_forget(payment)).count();
        let mut forgotten = Vec::with_capacity(count);
        while forgotten.len() < count {
            let batch = Self::WARM_PAYMENTS.min(count - forgotten.len());
            self.warm_front(batch);
            for _ in 0..batch {
                forgotten.push(self.forget_front());
            }
        }
        forgotten
    }

    fn may_forget(&self, payment: &Payment) -> bool {
        match payment.status {
            Status::Held(_) => false,
            Status::Settled(_) | Status::Rejected(..) | Status::Returned(_) if planted(Bug::ForgottenTooEarly) => {
                !self.settings.forgets_nothing()
            }
            Status::Settled(finality) | Status::Rejected(_, finality) | Status::Returned(finality) => {
                finality.at.after(self.settings.payment_retention_ns) <= self.time && payment.accepted_at < self.horizon
            }
        }
    }

    /// Reads what forgetting the oldest payments takes, in passes of their own.
    fn warm_front(&self, count: usize) {
        let mut seen = 0u64;
        for payment in self.payments.iter().take(count) {
            seen ^= self.by_uetr.warm(&payment.uetr.0) ^ self.by_message.warm(&payment.message_id.0);
            let bic = |agent: crate::ParticipantId| u64::from(self.participants[agent.0 as usize].bic.bytes()[0]);
            seen ^= bic(payment.debtor_agent) ^ bic(payment.creditor_agent);
        }
        core::hint::black_box(seen);
    }

    fn forget_front(&mut self) -> PaymentView {
        let index = crate::PaymentIndex(self.payments.first());
        let view = self.view(index);
        let payment = &self.payments[index];
        let mark = Payments::mark(index);
        self.by_uetr.remove(&payment.uetr.0, mark);
        self.by_message.remove(&payment.message_id.0, mark);
        if view.state == PaymentState::Settled {
            self.forget_charges(index);
            self.forget_review(&view);
        }
        let payment = &self.payments[index];
        if payment.debit_ledger != payment.credit_ledger && view.state == PaymentState::Settled {
            self.exchange_forgotten[usize::from(payment.debit_ledger.0)] += i128::from(payment.debit.0);
            let given = i128::from(payment.credit.0) + i128::from(payment.charged.charges.creditor.0);
            self.exchange_forgotten[usize::from(payment.credit_ledger.0)] -= given;
        }
        if self.payments[index].is_sponsored {
            self.forget_sponsored(&view);
        }
        self.forget_capture(index);
        self.aftermath.forget(&view);
        self.quotas.forget(index);
        self.payments.drop_front();
        view
    }
}
