//! The life of a payment, by the rulebook.

use super::exchange::Quoted;
use super::rules::{CounterName, Let};
use super::sponsorships::Name;
use super::{Expected, Leg, Model, Place};
use clearing::{AccountPurpose, IsoReason, Pay, PaymentState, Posting, Return, RiskVerdict, WaitReason};

/// How a payment comes to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    /// It has just arrived.
    Now,
    /// It has waited.
    Waited,
}

/// What is to become of a payment that is not rejected.
enum Decided {
    Hold(Moves, Vec<CounterName>, Vec<u128>),
    Wait(u64, WaitReason),
}

/// What a payment moves.
#[derive(Default)]
struct Moves {
    legs: Vec<Leg>,
    payee: Option<Place>,
    sponsored: Vec<(Name, i128)>,
}

/// A payment.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    content: [u8; 32],
    pub(super) debtor: u32,
    pub(super) creditor: u32,
    pub(super) legs: Vec<Leg>,
    /// Where the creditor agent is credited.
    payee: Option<Place>,
    /// Positions of sponsorships it changes if it settles.
    sponsored: Vec<(Name, i128)>,
    message: [u8; 16],
    pub(super) accepted_ns: u64,
    ended_ns: u64,
    pub(crate) state: PaymentState,
    pub(crate) reason: Option<&'static str>,
    refused_for: Option<IsoReason>,
    /// Whether the creditor agent was asked.
    pub(super) asked: bool,
    /// Money that came back: nothing is answered to it, and nothing reviewed.
    pub(super) is_return: bool,
    pub(crate) posting: Posting,
    pub(super) overdue_ns: u64,
    pub(super) case: [u8; 16],
    pub(super) returned_for: Option<IsoReason>,
    pub(crate) deadline_ns: u64,
}

impl Moves {
    fn of(legs: &[Leg], payee: Place, sponsored: Vec<(Name, i128)>) -> Self {
        let legs = legs.iter().copied().filter(|(_, _, amount)| *amount > 0).collect();
        Self { legs, payee: Some(payee), sponsored }
    }
}

impl Payment {
    /// How it stands, if this is its message again.
    pub(super) fn again(&self, content: [u8; 32], sender: u32) -> Option<Expected> {
        (self.content == content && self.debtor == sender).then(|| self.standing(true))
    }

    /// Its review outlives it; one that has ended goes with it.
    fn is_in_review(&self) -> bool {
        match self.posting {
            Posting::UnderReview | Posting::Overdue | Posting::Blocked => true,
            Posting::Unreported | Posting::ToBeReturned | Posting::Credited => false,
        }
    }

    pub(super) fn standing(&self, repeated: bool) -> Expected {
        Expected::Payment { state: self.state, reason: self.reason, repeated }
    }
}

impl Model {
    pub(super) fn pay(&mut self, pay: &Pay) -> Result<Expected, &'static str> {
        if let Some(known) = self.payments.get(&pay.uetr.0) {
            let same = known.content == pay.content.0 && known.debtor == pay.debtor_agent.0;
            return if same { Ok(known.standing(true)) } else { Err("CLR-1001") };
        }
        if let Some(answer) = self.waits_already(pay) {
            return answer;
        }
        let is_matter = self.requests.contains_key(&pay.uetr.0) || self.is_pulled(pay.uetr.0) || self.is_reserved(pay.uetr.0);
        if is_matter || self.is_sent(&pay.uetr.0) {
            return Err("CLR-1001");
        }
        self.is_in_order(pay)?;
        Ok(self.admit(pay, Expectation::Now))
    }

    /// Whether something accepted then may be taken in.
    pub(super) fn is_of_this_time(&self, accepted_ns: u64) -> Result<(), &'static str> {
        if accepted_ns < self.horizon_ns {
            return Err("CLR-1023");
        }
        let ahead_ns = accepted_ns.saturating_sub(self.time_ns);
        let forgets = self.settings().payment_retention_ns != u64::MAX;
        if forgets && ahead_ns > self.settings().acceptance_age_max_ns { Err("CLR-1024") } else { Ok(()) }
    }

    /// Time, agents, currency and message of a payment whose UETR names nothing; its message is known from then on.
    pub(super) fn is_in_order(&mut self, pay: &Pay) -> Result<(), &'static str> {
        self.is_of_this_time(pay.accepted_at.0)?;
        let known_agent = |agent: u32| (agent as usize) < self.members.len();
        if !known_agent(pay.debtor_agent.0) || !known_agent(pay.creditor_agent.0) {
            return Err("CLR-1003");
        }
        if !self.decimals.contains_key(&pay.debit_currency) {
            return Err("CLR-1008");
        }
        if self.messages.insert(pay.message_id.0) { Ok(()) } else { Err("CLR-1002") }
    }

    /// A capture is on record like a payment that settled at once; its creditor agent, who asked for it, may speak of it.
    pub(super) fn enter_capture(&mut self, pay: &Pay, received: i128) -> Expected {
        let expected = self.enter(pay, PaymentState::Settled, None, Moves::default());
        self.payments.entry(pay.uetr.0).and_modify(|payment| payment.asked = true);
        let agents = (pay.debtor_agent.0, pay.creditor_agent.0);
        self.aftermath.settle(pay.uetr.0, agents, (pay.debit_currency, pay.debit_currency, received), self.time_ns);
        expected
    }

    /// Holds it, lets it wait or ends it at once. Its agents, currency and identifiers are in order.
    pub(super) fn admit(&mut self, pay: &Pay, arrival: Expectation) -> Expected {
        let decided = self.decide(pay, arrival).and_then(|decided| match decided {
            Decided::Hold(moves, names, values) => {
                self.hold_all(&moves.legs)?;
                self.count(pay.uetr.0, names, values);
                self.sponsored_begin(pay.uetr.0, &moves.sponsored);
                Ok(self.hold_payment(pay, moves))
            }
            Decided::Wait(until_ns, reason) => self.let_wait(pay, until_ns, reason),
        });
        decided.unwrap_or_else(|reason| self.end_at_once(pay, reason))
    }

    fn hold_payment(&mut self, pay: &Pay, moves: Moves) -> Expected {
        if let Some(quote) = pay.quote {
            self.quotes.entry(quote.0).and_modify(|quote| quote.used = true);
        }
        self.asked_of(pay.creditor_agent.0);
        self.request_being_paid(pay);
        self.collection_being_paid(pay);
        self.enter(pay, PaymentState::Held, None, moves)
    }

    pub(super) fn end_at_once(&mut self, pay: &Pay, reason: &'static str) -> Expected {
        self.enter(pay, PaymentState::Rejected, Some(reason), Moves::default())
    }

    fn enter(&mut self, pay: &Pay, state: PaymentState, reason: Option<&'static str>, moves: Moves) -> Expected {
        let Moves { legs, payee, sponsored } = moves;
        let payment = Payment {
            content: pay.content.0,
            debtor: pay.debtor_agent.0,
            creditor: pay.creditor_agent.0,
            legs,
            payee,
            sponsored,
            message: pay.message_id.0,
            accepted_ns: pay.accepted_at.0,
            ended_ns: self.time_ns,
            state,
            reason,
            refused_for: None,
            asked: state == PaymentState::Held,
            is_return: false,
            posting: Posting::Unreported,
            overdue_ns: 0,
            case: [0; 16],
            returned_for: None,
            deadline_ns: self.time_ns + self.timeout_ns(pay.priority),
        };
        let expected = payment.standing(false);
        self.payments.insert(pay.uetr.0, payment);
        self.arrived.push_back(pay.uetr.0);
        expected
    }

    /// What should become of it: what moves and counts, until when it waits, or why neither.
    fn decide(&self, pay: &Pay, arrival: Expectation) -> Result<Decided, &'static str> {
        if pay.risk.verdict == RiskVerdict::Block {
            return Err("PAY-2009");
        }
        let stale = pay.accepted_at.0.saturating_add(self.settings().acceptance_age_max_ns) < self.time_ns;
        if stale && arrival == Expectation::Now {
            return Err("PAY-2013");
        }
        if pay.debit.is_zero() {
            return Err("PAY-2012");
        }
        if pay.debtor_agent == pay.creditor_agent {
            return Err("PAY-2010");
        }
        self.may_pay(pay)?;
        if let Some(at) = pay.terms.execute_at.filter(|at| at.0 > self.time_ns) {
            self.some_corridor(pay)?;
            return Ok(Decided::Wait(at.0, WaitReason::AsAsked));
        }
        let quote = pay.quote.map(|id| self.quote_for(id.0, pay)).transpose()?;
        let debit = (u128::from(pay.debit.0), pay.debit_currency);
        let credit = quote.map_or(debit, |quote| (quote.credit.unsigned_abs(), quote.credit_currency));
        self.may_settle_request(pay, credit)?;
        self.may_settle_collection(pay, credit)?;
        match self.asked_of_rulebook(pay, [debit, credit])? {
            Let::Wait(until_ns, reason) => Ok(Decided::Wait(until_ns, reason)),
            Let::Pass(names, values) => Ok(Decided::Hold(self.moves(pay, quote)?, names, values)),
        }
    }

    /// The quote a payment names, if it may use it.
    pub(super) fn quote_for(&self, id: [u8; 16], pay: &Pay) -> Result<Quoted, &'static str> {
        let own = |quote: &&Quoted| !quote.used && quote.debtor == pay.debtor_agent.0;
        let quote = *self.quotes.get(&id).filter(own).ok_or("PAY-2007")?;
        let same = (quote.debit, quote.debit_currency) == (i128::from(pay.debit.0), pay.debit_currency);
        if same { Ok(quote) } else { Err("PAY-2008") }
    }

    /// What should move, or why nothing should.
    fn moves(&self, pay: &Pay, quote: Option<Quoted>) -> Result<Moves, &'static str> {
        let (debtor, creditor) = (pay.debtor_agent.0, pay.creditor_agent.0);
        let amount = i128::from(pay.debit.0);
        let Some(quote) = quote else {
            let currency = pay.debit_currency;
            let fees = self.fees(pay, (currency, amount), (currency, amount));
            let net = self.net(amount, fees.creditor)?;
            self.sponsors_allow(pay, amount + fees.debtor, currency)?;
            let own = self.settles_over(debtor, currency).ok_or("PAY-2006")?;
            let payee = self.settles_over(creditor, currency).ok_or("PAY-2006")?;
            self.leaves_reserved(own, amount + fees.debtor, pay.priority)?;
            let legs = [
                (own, payee, net),
                (own, (None, AccountPurpose::Fees, currency), fees.debtor),
                (own, (None, AccountPurpose::Fees, currency), fees.creditor),
            ];
            let sponsored = self.sponsored_sides([(debtor, currency, -(amount + fees.debtor)), (creditor, currency, net)]);
            return Ok(Moves::of(&legs, payee, sponsored));
        };
        let (from, to) = (quote.debit_currency, quote.credit_currency);
        let fees = self.fees(pay, (from, quote.debit), (to, quote.credit));
        let net = self.net(quote.credit, fees.creditor)?;
        self.sponsors_allow(pay, amount + fees.debtor, to)?;
        let own = self.settles_over(debtor, from).ok_or("PAY-2006")?;
        let payee = self.settles_over(creditor, to).ok_or("PAY-2006")?;
        self.leaves_reserved(own, amount + fees.debtor, pay.priority)?;
        let provider = Some(quote.provider);
        let legs = [
            (own, (provider, AccountPurpose::Exchange, from), quote.principal),
            ((provider, AccountPurpose::Exchange, to), payee, net),
            (own, (provider, AccountPurpose::Spread, from), quote.spread),
            (own, (None, AccountPurpose::Spread, from), quote.remainder),
            (own, (None, AccountPurpose::Fees, from), fees.debtor),
            ((provider, AccountPurpose::Exchange, to), (None, AccountPurpose::Fees, to), fees.creditor),
        ];
        let sponsored = self.sponsored_sides([(debtor, from, -(amount + fees.debtor)), (creditor, to, net)]);
        Ok(Moves::of(&legs, payee, sponsored))
    }

    /// Holds all legs or none.
    fn hold_all(&mut self, legs: &[Leg]) -> Result<(), &'static str> {
        let before = self.balances.clone();
        for leg in legs {
            if self.room(leg.0) < leg.2 {
                let own = leg.0.1 == AccountPurpose::Settlement;
                self.balances = before;
                return Err(if own { "PAY-2003" } else { "PAY-2004" });
            }
            self.hold(*leg);
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, uetr: [u8; 16], creditor: u32, refused: Option<IsoReason>) -> Result<Expected, &'static str> {
        self.asked(uetr, creditor)?;
        if self.payments.contains_key(&uetr) {
            self.heard(creditor);
        }
        let payment = self.asked(uetr, creditor)?;
        match (payment.state, refused) {
            _ if payment.is_return => return Err("CLR-1007"),
            (PaymentState::Held, None) => self.end(uetr, None),
            (PaymentState::Held, Some(reason)) => {
                self.end(uetr, Some("PAY-2001"));
                self.payments.entry(uetr).and_modify(|payment| payment.refused_for = Some(reason));
            }
            (PaymentState::Settled, None) => return Ok(payment.standing(true)),
            (PaymentState::Rejected, Some(reason)) if payment.refused_for == Some(reason) => return Ok(payment.standing(true)),
            (PaymentState::Settled, Some(reason)) => return self.rejected_in_review(uetr, reason),
            (PaymentState::Rejected, _) => return Err("CLR-1007"),
        }
        Ok(self.payments[&uetr].standing(false))
    }

    pub(super) fn report_credited(&mut self, uetr: [u8; 16], creditor: u32) -> Result<Expected, &'static str> {
        let payment = self.asked(uetr, creditor)?;
        if payment.is_return {
            return Err("CLR-1007");
        }
        if payment.state != PaymentState::Settled {
            return Err("CLR-1022");
        }
        if payment.posting == Posting::ToBeReturned {
            return Err("CLR-1161");
        }
        let expected = payment.standing(payment.posting == Posting::Credited);
        self.change(uetr, |payment| payment.posting = Posting::Credited);
        Ok(expected)
    }

    pub(super) fn asked(&self, uetr: [u8; 16], creditor: u32) -> Result<&Payment, &'static str> {
        let payment = self.payments.get(&uetr).or_else(|| self.reviewed.get(&uetr)).ok_or("CLR-1005")?;
        if payment.creditor == creditor && payment.asked { Ok(payment) } else { Err("CLR-1006") }
    }

    /// A return is on record like a payment that settled at once, its agents the other way round.
    pub(super) fn enter_return(&mut self, back: &Return, to: u32) -> Expected {
        let payment = Payment {
            content: back.content.0,
            debtor: back.returner.0,
            creditor: to,
            legs: Vec::new(),
            payee: None,
            sponsored: Vec::new(),
            message: back.message_id.0,
            accepted_ns: back.created_at.0,
            ended_ns: self.time_ns,
            state: PaymentState::Settled,
            reason: None,
            refused_for: None,
            asked: true,
            is_return: true,
            posting: Posting::Unreported,
            overdue_ns: 0,
            case: [0; 16],
            returned_for: None,
            deadline_ns: self.time_ns,
        };
        let expected = payment.standing(false);
        self.payments.insert(back.id.0, payment);
        self.arrived.push_back(back.id.0);
        expected
    }

    /// Forgets, in order of arrival, what ended long enough ago and could not be taken in again. No block of a story comes
    /// near the most that one may forget.
    pub(super) fn forget(&mut self) {
        let settings = self.settings();
        let limit = u128::from(self.time_ns) + u128::from(settings.acceptance_age_max_ns);
        let horizon = limit.saturating_sub(u128::from(settings.payment_retention_ns));
        self.horizon_ns = self.horizon_ns.max(u64::try_from(horizon).unwrap_or(u64::MAX));
        while let Some(payment) = self.arrived.front().and_then(|uetr| self.payments.get(uetr)) {
            let kept_until = u128::from(payment.ended_ns) + u128::from(settings.payment_retention_ns);
            if payment.state == PaymentState::Held
                || kept_until > u128::from(self.time_ns)
                || payment.accepted_ns >= self.horizon_ns
            {
                break;
            }
            let message = payment.message;
            self.messages.remove(&message);
            if let Some(uetr) = self.arrived.pop_front()
                && let Some(payment) = self.payments.remove(&uetr)
                && payment.is_in_review()
            {
                self.reviewed.insert(uetr, payment);
            }
            self.forgotten += 1;
        }
    }

    /// Ends a held payment: every leg moves, or none does.
    pub(super) fn end(&mut self, uetr: [u8; 16], rejected: Option<&'static str>) {
        let now = self.time_ns;
        let Some(payment) = self.payments.get_mut(&uetr) else { return };
        payment.ended_ns = now;
        payment.state = if rejected.is_some() { PaymentState::Rejected } else { PaymentState::Settled };
        payment.reason = rejected;
        let legs = payment.legs.clone();
        let to_creditor = |leg: &&Leg| Some(leg.1) == payment.payee;
        let (paid, received) = (legs.first().copied(), legs.iter().find(to_creditor).copied());
        let agents = (payment.debtor, payment.creditor);
        let sponsored = payment.sponsored.clone();
        if rejected.is_some() {
            self.give_back(uetr);
        } else if let (Some(paid), Some(received)) = (paid, received) {
            self.aftermath.settle(uetr, agents, (paid.0.2, received.1.2, received.2), now);
        }
        for leg in legs {
            self.hold((leg.0, leg.1, -leg.2));
            if rejected.is_none() {
                self.book(leg);
            }
        }
        self.sponsored_end(uetr, &sponsored, rejected.is_none());
        self.request_after(uetr, rejected.is_none());
        self.collection_after(uetr, rejected.is_none());
    }
}
