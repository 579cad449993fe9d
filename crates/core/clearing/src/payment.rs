//! The life of a payment: held, then settled or rejected, each exactly once.
//!
//! Transitions: PAY-T1 received → held; PAY-T2 received → rejected at once; PAY-T3 held → settled; PAY-T4 held → rejected
//! by the creditor agent; PAY-T5 held → rejected by its deadline; PAY-T6 settled → credited (a report, not a state); PAY-T7
//! received → waiting, PAY-T8 waiting → held, PAY-T9 waiting → rejected (see `waiting.rs`).

use crate::codec::{put_u32, put_u64};
use crate::exchange::Quote;
use crate::fees::{Charged, Legs};
use crate::rules::{Code, Ruled, Uses};
use crate::sponsorship::Sides;
use crate::table::Payments;
use crate::{
    Answer, AnswerVerdict, Basis, Clearing, ContentHash, EventKind, Finality, IsoReason, MessageIdHash, Outcome, ParticipantId,
    Pay, PaymentIndex, PaymentState, PaymentView, Position, Posting, Priority, QuoteId, Refusal, Rejection, RiskDecision,
    RiskVerdict, Sponsors, Time, Uetr, WaitReason,
};
use chain::{FinalRecord, FinalState};
use ledger::{AccountId, HoldId, LedgerError, LedgerId, Leg};
use money::{Amount, MinorUnits};
use planted::{Bug, planted};

/// A payment on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payment {
    pub(crate) uetr: Uetr,
    pub(crate) content: ContentHash,
    pub(crate) message_id: MessageIdHash,
    pub(crate) debtor_agent: ParticipantId,
    pub(crate) creditor_agent: ParticipantId,
    pub(crate) debit: MinorUnits,
    pub(crate) credit: MinorUnits,
    pub(crate) debit_ledger: LedgerId,
    pub(crate) credit_ledger: LedgerId,
    pub(crate) charged: Charged,
    pub(crate) quote: Option<QuoteId>,
    pub(crate) priority: Priority,
    pub(crate) risk: RiskDecision,
    /// The event that reported the creditor credited.
    pub(crate) credited: Option<Position>,
    /// What became of it under review; the review itself is in `review`.
    pub(crate) posting: Posting,
    pub(crate) posting_position: Option<Position>,
    pub(crate) posting_reason: Option<IsoReason>,
    /// Whether it moves over a sponsor's account; how is in `sponsorship`.
    pub(crate) is_sponsored: bool,
    /// When the debtor agent accepted it: what decides whether it may be forgotten.
    pub(crate) accepted_at: Time,
    pub(crate) received_at: Time,
    pub(crate) deadline: Time,
    pub(crate) forwarded: Option<Position>,
    pub(crate) status: Status,
}

impl Payment {
    pub(crate) fn is_open(&self) -> bool {
        match self.status {
            Status::Held(_) => true,
            Status::Settled(_) | Status::Rejected(..) | Status::Returned(_) => false,
        }
    }
}

/// Where a payment is in its life, with what only that stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Held(HoldId),
    Settled(Finality),
    Rejected(Rejection, Finality),
    /// A return: final from its first moment.
    Returned(Finality),
}

impl Clearing {
    /// Most payments on record in memory.
    pub const PAYMENTS_MAX: usize = Payments::MAX;

    /// Takes a payment in (PAY-T1, PAY-T2), or answers again what was answered before (PAY-03).
    pub(crate) fn pay(&mut self, pay: &Pay) -> Result<Outcome, Refusal> {
        let is_newest = |known: &PaymentIndex| known.0 + 1 == self.payments.next().0;
        let known = self.find_payment(pay.uetr).filter(|known| !(planted(Bug::NewestPaymentForgotten) && is_newest(known)));
        if let Some(known) = known {
            let payment = &self.payments[known];
            return match payment.content == pay.content && payment.debtor_agent == pay.debtor_agent {
                true => Ok(Outcome::Payment { payment: self.view(known), repeated: true }),
                false => Err(Refusal::DuplicateUetr),
            };
        }
        if let Some(answer) = self.waits_already(pay) {
            return answer;
        }
        self.check_new_payment(pay)?;
        Ok(self.admit(pay, Arrival::Now))
    }

    /// Whether a payment that is not on record and does not wait can be recorded, be it with money or as rejected.
    pub(crate) fn check_new_payment(&self, pay: &Pay) -> Result<(), Refusal> {
        if self.is_matter(pay.uetr) || self.is_sent(pay.uetr) || self.waiting(pay.uetr).is_some() {
            return Err(Refusal::DuplicateUetr);
        }
        self.check_acceptance(pay.accepted_at)?;
        let known_agent = |agent: ParticipantId| (agent.0 as usize) < self.participants.len();
        if !known_agent(pay.debtor_agent) || !known_agent(pay.creditor_agent) {
            return Err(Refusal::UnknownParticipant);
        }
        if self.ledger_of(pay.debit_currency).is_none() {
            return Err(Refusal::UnknownCurrency);
        }
        if self.knows_message(pay.message_id) {
            return Err(Refusal::DuplicateMessageId);
        }
        if self.payments.len() >= Self::PAYMENTS_MAX { Err(Refusal::Full) } else { Ok(()) }
    }

    /// Holds a payment, rejects it or lets it wait. Its agents and currency are known.
    pub(crate) fn admit(&mut self, pay: &Pay, arrival: Arrival) -> Outcome {
        let index = match self.hold_for(pay, arrival) {
            Ok(Admitted::Held(held, uses, sides)) => {
                let index = self.record_held(pay, held, sides);
                self.note_pair(index, pay.terms.pair);
                self.reserve(index, &uses);
                self.begin_payment(index, pay.terms.basis);
                index
            }
            Ok(Admitted::Waits(until, reason)) => match self.let_wait(pay, until, reason, arrival.at(self.time)) {
                Ok(outcome) => return outcome,
                Err(rejection) => self.record_rejected(pay, rejection),
            },
            Err(rejection) => self.record_rejected(pay, rejection),
        };
        Outcome::Payment { payment: self.view(index), repeated: false }
    }

    /// Everything that must be true before money is held; the first thing that is not is the reason.
    fn hold_for(&mut self, pay: &Pay, arrival: Arrival) -> Result<Admitted, Rejection> {
        if pay.risk.verdict == RiskVerdict::Block {
            return Err(Rejection::RiskBlocked);
        }
        if arrival == Arrival::Now && pay.accepted_at.after(self.settings.acceptance_age_max_ns) < self.time {
            return Err(Rejection::TooOld);
        }
        if pay.debit.is_zero() {
            return Err(Rejection::ZeroAmount);
        }
        if pay.debtor_agent == pay.creditor_agent {
            return Err(Rejection::SameAgent);
        }
        self.check_standing(pay)?;
        if let Some(at) = pay.terms.execute_at.filter(|&at| at > self.time) {
            let corridor = self.corridor_of(pay)?;
            return Ok(self.wait_longer(pay, arrival, corridor, (at, WaitReason::AsAsked)));
        }
        let quote = pay.quote.map(|id| self.usable_quote(id, pay)).transpose()?;
        self.check_basis(pay, quote.as_ref())?;
        let (uses, corridor) = match self.rule(pay, quote.as_ref())? {
            Ruled::Now(uses, corridor) => (uses, corridor),
            Ruled::ClosedUntil(opens) => {
                let corridor = self.corridor_of(pay)?;
                return Ok(self.wait_longer(pay, arrival, corridor, (opens, WaitReason::CorridorClosed)));
            }
        };
        if arrival == Arrival::Now
            && let Some((until, reason)) = self.cools_off(pay, corridor)
        {
            return Ok(Admitted::Waits(until, reason));
        }
        let charged = self.charge(pay, corridor, quote.as_ref())?;
        let sides = self.check_sponsors(pay, &charged.charges)?;
        let held = match quote {
            None => self.hold_same_currency(pay, charged),
            Some(quote) => self.hold_exchanged(pay, &quote, charged),
        }?;
        Ok(Admitted::Held(held, uses, sides))
    }

    /// A payment that waits anyway cools off meanwhile, and waits on if that is not long enough.
    fn wait_longer(&self, pay: &Pay, arrival: Arrival, corridor: Option<Code>, asked: (Time, WaitReason)) -> Admitted {
        let cools_off = if arrival == Arrival::Now { self.cools_off(pay, corridor) } else { None };
        let (until, reason) = cools_off.filter(|(until, _)| *until > asked.0).unwrap_or(asked);
        Admitted::Waits(until, reason)
    }

    /// Whether what it is made on takes it.
    fn check_basis(&self, pay: &Pay, quote: Option<&Quote>) -> Result<(), Rejection> {
        let credit =
            quote.map_or((pay.debit, pay.debit_currency), |quote| (quote.terms.credit.minor, quote.terms.credit.currency.code));
        match pay.terms.basis {
            Basis::Plain => Ok(()),
            Basis::Request(request) => self.check_request(request, [pay.debtor_agent, pay.creditor_agent], credit),
            Basis::Collection(collection) => {
                self.check_collection(collection, [pay.debtor_agent, pay.creditor_agent], credit, pay.terms.purpose)
            }
        }
    }

    fn hold_same_currency(&mut self, pay: &Pay, charged: Charged) -> Result<Held, Rejection> {
        let ledger = self.ledger_of(pay.debit_currency).ok_or(Rejection::CurrencyNotServed)?;
        let account = |agent: ParticipantId| self.settling_set(agent, ledger).map(|set| set.settlement);
        let debit = account(pay.debtor_agent).ok_or(Rejection::CurrencyNotServed)?;
        let credit = account(pay.creditor_agent).ok_or(Rejection::CurrencyNotServed)?;
        let charges = &charged.charges;
        self.check_reserved(pay, charges, ledger)?;
        let amount = pay.debit.checked_sub(charges.creditor).ok_or(Rejection::ChargesExceedAmount)?;
        let mut legs = Legs::new();
        legs.push(Leg { debit, credit, amount });
        self.push_charges(charges, (debit, ledger), (debit, ledger), &mut legs);
        let hold = self.ledgers.place(legs.as_slice()).map_err(|error| hold_rejection(error, debit))?;
        Ok(Held { hold, credit: amount, credit_ledger: ledger, charged })
    }

    fn hold_exchanged(&mut self, pay: &Pay, quote: &Quote, charged: Charged) -> Result<Held, Rejection> {
        let charges = &charged.charges;
        let legs =
            self.exchange_legs(quote, pay.debtor_agent, pay.creditor_agent, charges).ok_or(Rejection::CurrencyNotServed)?;
        self.check_reserved(pay, charges, quote.debit_ledger)?;
        let debtor = legs.as_slice()[0].debit;
        let hold = self.ledgers.place(legs.as_slice()).map_err(|error| hold_rejection(error, debtor))?;
        self.quotes.get_mut(&quote.terms.quote).expect("it was just found").used = true;
        let credit = quote.terms.credit.minor.checked_sub(charges.creditor).ok_or(Rejection::ChargesExceedAmount)?;
        Ok(Held { hold, credit, credit_ledger: quote.credit_ledger, charged })
    }

    /// PAY-T1.
    fn record_held(&mut self, pay: &Pay, held: Held, sides: Sides) -> PaymentIndex {
        let (queue, timeout) = match pay.priority {
            Priority::High => (0, self.settings.answer_high_ns),
            Priority::Normal => (1, self.settings.answer_normal_ns),
        };
        let deadline = self.time.after(timeout);
        let index = self.record(pay, held.credit, held.credit_ledger, deadline, Status::Held(held.hold));
        self.deadlines[queue].push_back((deadline, index));
        self.payments[index].forwarded = Some(Position(self.next_position));
        self.payments[index].charged = held.charged;
        self.note_payment(index);
        self.note_charged(index);
        self.begin_sponsored(index, sides);
        let view = self.view(index);
        self.emit(EventKind::PaymentHeld(view));
        self.note_asked(pay.creditor_agent);
        index
    }

    /// PAY-T2. The credit shown is the quote's where it is known, else the debit itself.
    pub(crate) fn record_rejected(&mut self, pay: &Pay, rejection: Rejection) -> PaymentIndex {
        let quoted = pay.quote.and_then(|id| self.quotes.get(&id)).filter(|quote| quote.terms.debtor_agent == pay.debtor_agent);
        let (credit, credit_ledger) =
            quoted.map_or((pay.debit, self.debit_ledger(pay)), |quote| (quote.terms.credit.minor, quote.credit_ledger));
        let finality = self.next_finality();
        let status = Status::Rejected(rejection, finality);
        let index = self.record(pay, credit, credit_ledger, self.time, status);
        self.finish(index);
        index
    }

    pub(crate) fn record(
        &mut self,
        pay: &Pay,
        credit: MinorUnits,
        credit_ledger: LedgerId,
        deadline: Time,
        status: Status,
    ) -> PaymentIndex {
        let mark = Payments::mark(self.payments.next());
        self.by_uetr.insert(&pay.uetr.0, mark);
        self.by_message.insert(&pay.message_id.0, mark);
        self.payments.push(Payment {
            uetr: pay.uetr,
            content: pay.content,
            message_id: pay.message_id,
            debtor_agent: pay.debtor_agent,
            creditor_agent: pay.creditor_agent,
            debit: pay.debit,
            credit,
            debit_ledger: self.debit_ledger(pay),
            credit_ledger,
            charged: Charged::default(),
            quote: pay.quote,
            priority: pay.priority,
            risk: pay.risk,
            credited: None,
            posting: Posting::Unreported,
            posting_position: None,
            posting_reason: None,
            is_sponsored: false,
            accepted_at: pay.accepted_at,
            received_at: self.time,
            deadline,
            forwarded: None,
            status,
        })
    }

    /// The ledger of a payment that was taken in.
    fn debit_ledger(&self, pay: &Pay) -> LedgerId {
        self.ledger_of(pay.debit_currency).expect("payments in unknown currencies are refused")
    }

    /// The creditor agent's answer: PAY-T3 or PAY-T4. Late and repeated answers change nothing.
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<Outcome, Refusal> {
        let Some(index) = self.payment_of_creditor(answer.uetr, answer.creditor_agent)? else {
            return self.answer_behind_review(answer);
        };
        self.note_answered(answer.creditor_agent);
        let hold = match (self.payments[index].status, answer.verdict) {
            (Status::Held(hold), _) => hold,
            (Status::Settled(_), AnswerVerdict::WillCredit) => return Ok(self.repeated(index)),
            (Status::Rejected(Rejection::ByCreditorAgent(known), _), AnswerVerdict::Refuses(reason)) if known == reason => {
                return Ok(self.repeated(index));
            }
            (Status::Settled(_), AnswerVerdict::Refuses(reason)) => return self.reject_in_review(self.view(index), reason),
            (Status::Rejected(..) | Status::Returned(_), AnswerVerdict::WillCredit | AnswerVerdict::Refuses(_)) => {
                return Err(Refusal::AlreadyFinal);
            }
        };
        match answer.verdict {
            AnswerVerdict::WillCredit => self.settle(index, hold),
            AnswerVerdict::Refuses(reason) => self.reject_held(index, hold, Rejection::ByCreditorAgent(reason)),
        }
        Ok(Outcome::Payment { payment: self.view(index), repeated: false })
    }

    /// The same to a payment that was forgotten and whose review goes on.
    fn answer_behind_review(&mut self, answer: &Answer) -> Result<Outcome, Refusal> {
        let view = self.creditors_view(answer.uetr, answer.creditor_agent)?;
        match answer.verdict {
            AnswerVerdict::WillCredit => Ok(Outcome::Payment { payment: view, repeated: true }),
            AnswerVerdict::Refuses(reason) => self.reject_in_review(view, reason),
        }
    }

    /// PAY-T3. This posting, in a durable block, is finality.
    pub(crate) fn settle(&mut self, index: PaymentIndex, hold: HoldId) {
        self.ledgers.post(hold).expect("a held payment's hold is open (LED-03)");
        self.commit(index);
        self.learn_pair(index);
        if self.payments[index].is_sponsored {
            self.end_sponsored(index, true);
        }
        self.payments[index].status = Status::Settled(self.next_finality());
        self.finish(index);
    }

    /// PAY-T4 and PAY-T5.
    fn reject_held(&mut self, index: PaymentIndex, hold: HoldId, rejection: Rejection) {
        self.ledgers.void(hold).expect("a held payment's hold is open (LED-03)");
        self.release(index);
        self.forget_pair(index);
        if self.payments[index].is_sponsored {
            self.end_sponsored(index, false);
        }
        self.payments[index].status = Status::Rejected(rejection, self.next_finality());
        self.finish(index);
    }

    /// Rejects a payment that is still held; whether it was.
    pub(crate) fn reject_if_held(&mut self, index: PaymentIndex, rejection: Rejection) -> bool {
        match self.payments[index].status {
            Status::Held(hold) => {
                self.reject_held(index, hold, rejection);
                true
            }
            Status::Settled(_) | Status::Rejected(..) | Status::Returned(_) => false,
        }
    }

    /// PAY-T5 for every payment whose deadline is not after the block's time.
    pub(crate) fn expire_payments(&mut self) {
        for queue in 0..self.deadlines.len() {
            while let Some(&(deadline, index)) = self.deadlines[queue].front() {
                let deadline = if planted(Bug::DeadlineLate) { deadline.after(2_000_000_000) } else { deadline };
                match self.payments[index].status {
                    Status::Held(_) if deadline > self.time => break,
                    Status::Held(hold) => {
                        self.reject_held(index, hold, Rejection::TimedOut);
                        self.note_unanswered(self.payments[index].creditor_agent);
                    }
                    Status::Settled(_) | Status::Rejected(..) | Status::Returned(_) => {}
                }
                self.deadlines[queue].pop_front();
            }
        }
    }

    /// Forgets deadlines at the front of the queues whose payments have ended, so that each front is an open one.
    pub(crate) fn drop_met_deadlines(&mut self) {
        for queue in &mut self.deadlines {
            while let Some(&(_, index)) = queue.front() {
                match self.payments[index].status {
                    Status::Held(_) => break,
                    Status::Settled(_) | Status::Rejected(..) | Status::Returned(_) => queue.pop_front(),
                };
            }
        }
    }

    /// When the next open payment times out, the next waiting one is taken up, an answer to a recall is due, a review is overdue,
    /// the next matter expires or a business day goes a step on, if there is one.
    pub fn next_deadline(&self) -> Option<Time> {
        let answers = self.deadlines.iter().filter_map(|queue| queue.front()).map(|&(deadline, _)| deadline);
        let later = self
            .next_release()
            .into_iter()
            .chain(self.next_transfer())
            .chain(self.next_sent_end())
            .chain(self.aftermath.recalls.next_due());
        let later = later.chain(self.next_overdue()).chain(self.next_expiry());
        answers.chain(later).chain(self.next_day_step()).min()
    }

    /// PAY-T6.
    pub(crate) fn report_credited(&mut self, uetr: Uetr, creditor_agent: ParticipantId) -> Result<Outcome, Refusal> {
        let Some(index) = self.payment_of_creditor(uetr, creditor_agent)? else {
            let view = self.creditors_view(uetr, creditor_agent)?;
            return self.credit_in_review(view).unwrap_or(Err(Refusal::UnknownPayment));
        };
        if self.payments[index].posting != Posting::Unreported {
            let view = self.view(index);
            return self.credit_in_review(view).unwrap_or(Err(Refusal::NotSettled));
        }
        let position = Position(self.next_position);
        let payment = &mut self.payments[index];
        match payment.status {
            Status::Held(_) | Status::Rejected(..) => return Err(Refusal::NotSettled),
            // What a return gives back is the debtor agent's own customer's.
            Status::Returned(_) => return Err(Refusal::AlreadyFinal),
            Status::Settled(_) if payment.credited.is_some() => return Ok(self.repeated(index)),
            Status::Settled(_) => payment.credited = Some(position),
        }
        self.note_payment(index);
        let view = self.view(index);
        self.emit(EventKind::PaymentCredited(view));
        Ok(Outcome::Payment { payment: view, repeated: false })
    }

    pub(crate) fn repeated(&self, index: PaymentIndex) -> Outcome {
        Outcome::Payment { payment: self.view(index), repeated: true }
    }

    /// The payment it was asked about; `None` if it was forgotten and something of its review is kept.
    fn payment_of_creditor(&self, uetr: Uetr, creditor_agent: ParticipantId) -> Result<Option<PaymentIndex>, Refusal> {
        let Some(index) = self.find_payment(uetr) else {
            return if self.review(uetr).is_some() { Ok(None) } else { Err(Refusal::UnknownPayment) };
        };
        let payment = &self.payments[index];
        // Who captured was not asked, and may report all the same.
        if payment.creditor_agent != creditor_agent || payment.forwarded.is_none() && !self.is_capture(index) {
            return Err(Refusal::NotYourPayment);
        }
        Ok(Some(index))
    }

    /// The finality of a payment that ends with the next event.
    pub(crate) fn next_finality(&self) -> Finality {
        Finality { at: self.time, height: self.height, position: Position(self.next_position), leaf_index: self.finals.len() }
    }

    /// Enters the end in the tree of final payments and tells it.
    pub(crate) fn finish(&mut self, index: PaymentIndex) {
        let view = self.view(index);
        let record = view.final_record().expect("the payment is final");
        self.finals.push_leaf_hash(record.leaf());
        self.note_payment(index);
        self.emit(match view.state {
            PaymentState::Settled if view.returns.is_some() => EventKind::PaymentReturned(view),
            PaymentState::Settled => EventKind::PaymentSettled(view),
            PaymentState::Held | PaymentState::Rejected => EventKind::PaymentRejected(view),
        });
        self.end_payment(index);
        if self.payments[index].is_sponsored {
            self.close_sponsored(index);
        }
    }

    /// Enters the payment's state in the block's changes.
    fn note_payment(&mut self, index: PaymentIndex) {
        let payment = &self.payments[index];
        // Numbers of 32 bits are written as they were before there were longer ones.
        match u32::try_from(index.0) {
            Ok(number) => {
                self.delta.push(8);
                put_u32(&mut self.delta, number);
            }
            Err(_) => {
                self.delta.push(11);
                put_u64(&mut self.delta, index.0);
            }
        }
        match payment.status {
            Status::Held(hold) => {
                let (slot, generation) = hold.to_parts();
                self.delta.push(0);
                self.delta.extend_from_slice(&payment.uetr.0);
                self.delta.extend_from_slice(&payment.content.0);
                put_u64(&mut self.delta, payment.credit.0);
                put_u64(&mut self.delta, payment.deadline.0);
                put_u32(&mut self.delta, slot);
                put_u32(&mut self.delta, generation);
            }
            Status::Settled(finality) => {
                self.delta.extend_from_slice(&[1, u8::from(payment.credited.is_some())]);
                put_u64(&mut self.delta, finality.leaf_index);
            }
            Status::Rejected(rejection, finality) => {
                self.delta.extend_from_slice(&[2, rejection.number()]);
                self.delta.extend_from_slice(&rejection.iso_reason().0);
                self.delta.extend_from_slice(&payment.uetr.0);
                self.delta.extend_from_slice(&payment.content.0);
                put_u64(&mut self.delta, finality.leaf_index);
            }
            Status::Returned(finality) => {
                self.delta.push(3);
                self.delta.extend_from_slice(&payment.uetr.0);
                self.delta.extend_from_slice(&payment.content.0);
                put_u64(&mut self.delta, payment.debit.0);
                put_u64(&mut self.delta, payment.credit.0);
                put_u64(&mut self.delta, finality.leaf_index);
            }
        }
    }

    pub(crate) fn find_payment(&self, uetr: Uetr) -> Option<PaymentIndex> {
        let row = |mark| self.payments.marked(mark);
        self.by_uetr.find(&uetr.0, |mark| self.payments[row(mark)].uetr == uetr).map(row)
    }

    pub(crate) fn knows_message(&self, message: MessageIdHash) -> bool {
        let is_it = |mark| self.payments[self.payments.marked(mark)].message_id == message;
        let waits = || self.waiting.knows_message(message) || self.matters.knows_message(message);
        self.by_message.find(&message.0, is_it).is_some() || waits()
    }

    /// The payment as others see it.
    pub(crate) fn view(&self, index: PaymentIndex) -> PaymentView {
        let payment = &self.payments[index];
        let (state, rejection, finality) = match payment.status {
            Status::Held(_) => (PaymentState::Held, None, None),
            Status::Settled(finality) | Status::Returned(finality) => (PaymentState::Settled, None, Some(finality)),
            Status::Rejected(rejection, finality) => (PaymentState::Rejected, Some(rejection), Some(finality)),
        };
        let returns = match payment.status {
            Status::Returned(_) => self.aftermath.return_of(index),
            Status::Held(_) | Status::Settled(_) | Status::Rejected(..) => None,
        };
        let bic = |id: ParticipantId| self.participants[id.0 as usize].bic;
        let sponsors = if payment.is_sponsored { self.sponsors_of(index) } else { Sponsors::default() };
        PaymentView {
            index,
            uetr: payment.uetr,
            content: payment.content,
            message_id: payment.message_id,
            debtor_agent: payment.debtor_agent,
            debtor_bic: bic(payment.debtor_agent),
            creditor_agent: payment.creditor_agent,
            creditor_bic: bic(payment.creditor_agent),
            sponsors,
            debit: Amount { minor: payment.debit, currency: self.currency(payment.debit_ledger) },
            credit: Amount { minor: payment.credit, currency: self.currency(payment.credit_ledger) },
            charges: payment.charged.charges,
            quote: payment.quote,
            returns,
            captured_from: self.captured_from(index),
            state,
            rejection,
            credited: payment.credited.is_some(),
            credited_position: payment.credited,
            posting: if payment.credited.is_some() { Posting::Credited } else { payment.posting },
            posting_position: payment.posting_position,
            posting_reason: payment.posting_reason,
            risk: payment.risk,
            received_at: payment.received_at,
            deadline: payment.deadline,
            forwarded_position: payment.forwarded,
            finality,
        }
    }
}

/// How a payment came to be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It has just arrived.
    Now,
    /// It arrived then, and waited.
    Waited(Time),
}

impl Arrival {
    fn at(self, now: Time) -> Time {
        match self {
            Self::Now => now,
            Self::Waited(then) => then,
        }
    }
}

/// What becomes of a payment that is not rejected.
#[allow(clippy::large_enum_variant)] // it lives for one call
enum Admitted {
    Held(Held, Uses, Sides),
    Waits(Time, WaitReason),
}

/// A hold placed for a payment, and what it will credit.
struct Held {
    hold: HoldId,
    credit: MinorUnits,
    credit_ledger: LedgerId,
    charged: Charged,
}

/// What a ledger's no means for a payment whose debtor agent pays from `debtor`.
pub(crate) fn hold_rejection(error: LedgerError, debtor: AccountId) -> Rejection {
    match error {
        LedgerError::Insufficient { account, .. } if account != debtor => Rejection::ProviderShort,
        LedgerError::Insufficient { .. } | LedgerError::Full => Rejection::InsufficientLiquidity,
        LedgerError::TooLarge { .. } => Rejection::AmountTooLarge,
        LedgerError::BadChain => Rejection::SameAgent,
        LedgerError::UnknownAccount(_) | LedgerError::CrossesLedgers { .. } | LedgerError::NotOpen => {
            Rejection::CurrencyNotServed
        }
    }
}

impl PaymentView {
    /// What the chain keeps of a payment's end; `None` while it has none.
    pub fn final_record(&self) -> Option<FinalRecord> {
        let finality = self.finality?;
        Some(FinalRecord {
            uetr: self.uetr.0,
            content: self.content.0,
            debtor_agent: self.debtor_bic.bytes(),
            creditor_agent: self.creditor_bic.bytes(),
            debit_minor: self.debit.minor.0,
            debit_currency: self.debit.currency.code.bytes(),
            debit_exponent: self.debit.currency.exponent,
            credit_minor: self.credit.minor.0,
            credit_currency: self.credit.currency.code.bytes(),
            credit_exponent: self.credit.currency.exponent,
            state: match self.state {
                PaymentState::Settled => FinalState::Settled,
                PaymentState::Held | PaymentState::Rejected => FinalState::Rejected,
            },
            reason: self.reason_bytes(),
            time_ns: finality.at.0,
            height: finality.height,
            returns: self.returns.map(|of| of.original.0),
        })
    }
}

impl Rejection {
    /// Reads a rejection back from its number and ISO reason.
    pub(crate) fn decode(number: u8, reason: IsoReason) -> Option<Self> {
        Self::from_number(number, reason)
    }
}

/// Bytes of a payment on record and of its view, for benchmarks.
pub(crate) const SIZES: (usize, usize) = (size_of::<Payment>(), size_of::<PaymentView>());
