//! The reference model: what the centre should have answered and what every account should show.
//!
//! Written a second time from the rules and without a line of `ledger` or `clearing`: maps instead of indexed tables, sums
//! instead of running totals kept in two places, legs as a plain list. Slow and plain, so that one can see that it is right. The
//! types of commands and outcomes are the product's, since that is what is compared.

mod affairs;
mod days;
mod exchange;
mod fees;
mod interbank;
mod mandates;
mod orders;
mod payments;
mod preauths;
mod requests;
mod returns;
mod rules;
mod settlement;
mod sponsorships;

use clearing::{
    AccountPurpose, AccountView, AnswerVerdict, Bic, Capture, Clearing, CollectionState, Command, Fund, FundDirection,
    MandateState, MatterStep, MatterView, Outcome, PaymentState, PreauthState, PreauthTerms, Priority, RegisterParticipant,
    RequestState, Settings, Tariff, WaitReason,
};
use exchange::{Offer, Quoted};
use money::CurrencyCode;
use payments::Payment;
use requests::Request;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is forgotten in less time is not spoken of any more: words may take that long to arrive.
const FORGOTTEN_SOON_NS: u64 = 5_000_000_000;

/// Whose account, what for, in which currency. `None`: the scheme's own.
pub(crate) type Place = (Option<u32>, AccountPurpose, CurrencyCode);

/// What an account shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) posted: i128,
    pub(crate) held: i128,
}

/// One step of money from one place to another.
pub(crate) type Leg = (Place, Place, i128);

#[derive(Debug, Clone, Default)]
struct Member {
    bic: Option<Bic>,
    conduct: affairs::Conduct,
    provides: bool,
    currencies: BTreeSet<CurrencyCode>,
}

/// What should follow from a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    Done,
    Registered(u32),
    Quoted(Quoted),
    Payment { state: PaymentState, reason: Option<&'static str>, repeated: bool },
    Waiting { until_ns: u64, reason: WaitReason, repeated: bool },
    Request { state: RequestState, repeated: bool },
    Mandate { state: MandateState, repeated: bool },
    Collection { state: CollectionState, repeated: bool },
    Preauth { state: PreauthState, repeated: bool },
    Refused(&'static str),
}

/// The model.
#[derive(Debug, Clone, Default)]
pub struct Model {
    settings: Option<Settings>,
    time_ns: u64,
    decimals: BTreeMap<CurrencyCode, u8>,
    members: Vec<Member>,
    balances: BTreeMap<Place, Balance>,
    /// Payments in a row that must go unanswered, and how long the rest is.
    breaker: (u32, u64),
    agreed: affairs::Agreed,
    /// From when on, and what it says.
    tariffs: Vec<(u64, Tariff)>,
    /// How long a review may last, once it was set.
    review_ns: Option<u64>,
    fundings: BTreeMap<[u8; 16], Fund>,
    offers: BTreeMap<(CurrencyCode, CurrencyCode), BTreeMap<u32, Offer>>,
    quotes: BTreeMap<[u8; 16], Quoted>,
    /// Those that have not been forgotten.
    payments: BTreeMap<[u8; 16], Payment>,
    /// Those that have been, while their reviews went on.
    reviewed: BTreeMap<[u8; 16], Payment>,
    messages: BTreeSet<[u8; 16]>,
    /// Payments not forgotten, as they came.
    arrived: VecDeque<[u8; 16]>,
    forgotten: u64,
    orders: orders::Orders,
    rules: rules::Rules,
    aftermath: returns::Aftermath,
    requests: BTreeMap<[u8; 16], Request>,
    mandates: BTreeMap<[u8; 16], mandates::Mandate>,
    collections: BTreeMap<[u8; 16], mandates::Collection>,
    preauths: BTreeMap<[u8; 16], preauths::Preauth>,
    /// What holds for them, once it was set.
    preauth_terms: Option<PreauthTerms>,
    captures: BTreeMap<[u8; 16], Capture>,
    settlement: settlement::Settlement,
    interbank: interbank::Interbank,
    sponsorships: sponsorships::Sponsorships,
    days: days::Days,
    /// What was accepted before it may have been forgotten.
    horizon_ns: u64,
}

impl Model {
    /// Follows one block and says what the centre did otherwise.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn follow(
        &mut self,
        time_ns: u64,
        commands: &[Command],
        outcomes: &[Outcome],
        shown: &[AccountView],
    ) -> Result<(), String> {
        if time_ns < self.time_ns {
            return Err(format!("block time goes back from {} to {time_ns}", self.time_ns));
        }
        self.time_ns = time_ns;
        self.expire();
        for (command, outcome) in commands.iter().zip(outcomes) {
            let expected = self.apply(command).unwrap_or_else(Expected::Refused);
            let found = found(outcome);
            if expected != found {
                return Err(format!("{command:?} should give {expected:?} and gave {found:?}"));
            }
        }
        self.settle_waiting();
        shown.iter().try_for_each(|view| self.compare(view))
    }

    /// Compares every account and every payment of the centre.
    ///
    /// # Errors
    /// What differs, in words.
    pub fn compare_all(&self, clearing: &Clearing) -> Result<(), String> {
        clearing.accounts().try_for_each(|view| self.compare(&view))?;
        let found = (clearing.payments().len(), clearing.forgotten());
        if found != (self.payments.len(), self.forgotten) {
            let expected = (self.payments.len(), self.forgotten);
            return Err(format!("payments on record and forgotten are {found:?}, and should be {expected:?}"));
        }
        self.compare_rules(clearing)?;
        self.compare_sponsorships(clearing)?;
        self.compare_days(clearing)?;
        for view in clearing.payments() {
            let known = self.payments.get(&view.uetr.0).ok_or_else(|| format!("payment {} should not be", view.uetr))?;
            let reason = view.rejection.map(|rejection| rejection.code());
            if (known.state, known.reason, known.posting) != (view.state, reason, view.posting) {
                return Err(format!(
                    "payment {} is {:?} {reason:?} and should be {:?} {:?}",
                    view.uetr, view.state, known.state, known.reason
                ));
            }
        }
        Ok(())
    }

    fn compare(&self, view: &AccountView) -> Result<(), String> {
        let place = (view.participant.map(|id| id.0), view.purpose, view.currency.code);
        let expected = self.balances.get(&place).copied().unwrap_or_default();
        let found = Balance { posted: view.posted, held: i128::from(view.held_debit) };
        if expected != found {
            return Err(format!("account {place:?} shows {found:?}, should be {expected:?}"));
        }
        let room = self.room(place);
        if place.0.is_none() || room == view.available {
            return Ok(());
        }
        Err(format!("account {place:?} has {} to give, should have {room}", view.available))
    }

    /// What a participant's settlement account should show as posted.
    pub fn settled(&self, participant: u32, currency: CurrencyCode) -> i128 {
        self.balance((Some(participant), AccountPurpose::Settlement, currency)).posted
    }

    /// What was paid in for a participant's settlement account, less what was taken out.
    pub fn funded(&self, participant: u32, currency: CurrencyCode) -> i128 {
        let own = self.fundings.values().filter(|fund| {
            fund.participant.0 == participant && fund.currency == currency && fund.purpose == AccountPurpose::Settlement
        });
        own.map(|fund| match fund.direction {
            FundDirection::In => i128::from(fund.amount.0),
            FundDirection::Out => -i128::from(fund.amount.0),
        })
        .sum()
    }

    /// The index the next participant will have.
    pub fn next_participant(&self) -> u32 {
        self.members.len() as u32
    }

    /// A payment that was put to its creditor agent and ended so, with that agent, and that is on record for some seconds more.
    pub fn ended(&self, state: PaymentState, now: clearing::Time) -> Option<([u8; 16], u32)> {
        let settings = self.settings();
        let soon = u128::from(now.0) + u128::from(settings.acceptance_age_max_ns) + u128::from(FORGOTTEN_SOON_NS);
        let stays = |accepted_ns: u64| u128::from(accepted_ns) + u128::from(settings.payment_retention_ns) > soon;
        let mut ended = self.payments.iter().filter(|(_, payment)| payment.state == state && payment.asked && !payment.is_return);
        ended.find(|(_, payment)| stays(payment.accepted_ns)).map(|(uetr, payment)| (*uetr, payment.creditor))
    }

    /// A return that is on record, with who got the money back.
    pub fn some_return(&self) -> Option<([u8; 16], u32)> {
        let (id, payment) = self.payments.iter().find(|(_, payment)| payment.is_return)?;
        Some((*id, payment.creditor))
    }

    pub(crate) fn balance(&self, place: Place) -> Balance {
        self.balances.get(&place).copied().unwrap_or_default()
    }

    fn settings(&self) -> Settings {
        self.settings.unwrap_or(Settings::unconfigured())
    }

    fn expire(&mut self) {
        self.begin_days();
        let now = self.time_ns;
        let late: Vec<[u8; 16]> = self
            .payments
            .iter()
            .filter(|(_, payment)| payment.state == PaymentState::Held && payment.deadline_ns <= now)
            .map(|(uetr, _)| *uetr)
            .collect();
        for uetr in late {
            self.end(uetr, Some("PAY-2002"));
            self.not_heard(self.payments[&uetr].creditor);
        }
        self.overdue();
        self.expire_transfers();
        self.quotes.retain(|_, quote| quote.expires_ns > now);
        self.expire_requests();
        self.expire_pulled();
        self.expire_preauths();
        self.turn_page();
        self.take_up();
        self.begin_agreed();
        self.forget();
    }

    fn apply(&mut self, command: &Command) -> Result<Expected, &'static str> {
        match command {
            Command::Configure(settings) => {
                let kept = settings.payment_retention_ns;
                let answer = settings.answer_high_ns.max(settings.answer_normal_ns);
                if kept < settings.acceptance_age_max_ns.saturating_mul(2) || kept <= answer && kept != u64::MAX {
                    return Err("CLR-1025");
                }
                self.settings = Some(*settings);
                Ok(Expected::Done)
            }
            Command::OpenLedger(currency) => match self.decimals.get(&currency.code) {
                Some(decimals) if *decimals != currency.exponent => Err("CLR-1009"),
                Some(_) | None => {
                    self.decimals.insert(currency.code, currency.exponent);
                    Ok(Expected::Done)
                }
            },
            Command::RegisterParticipant(register) => self.register(register),
            Command::Fund(fund) => self.fund(fund),
            Command::SetStatus { participant, status } => self.set_status(participant.0, *status),
            Command::PublishRate(publish) => self.publish(publish),
            Command::RequestQuote(request) => self.quote(request),
            Command::Pay(pay) => self.pay(pay),
            Command::Answer(answer) => match answer.verdict {
                AnswerVerdict::WillCredit => self.answer(answer.uetr.0, answer.creditor_agent.0, None),
                AnswerVerdict::Refuses(reason) => self.answer(answer.uetr.0, answer.creditor_agent.0, Some(reason)),
            },
            Command::ReportCredited { uetr, creditor_agent } => self.report_credited(uetr.0, creditor_agent.0),
            Command::Cancel { uetr, debtor_agent } => self.cancel(*uetr, debtor_agent.0),
            Command::SetRulebook(book) => self.set_rulebook(book),
            Command::Settle(command) => self.settle_with_agents(command),
            Command::Order(order) => self.order(order),
            Command::AppointOfficers(officers) => self.appoint_first(officers),
            Command::SetNodes(_) => Err("CLR-1034"),
            Command::Arrange(arrangement) => self.arrange(arrangement),
            Command::Notice(notice) => self.notice(notice),
            Command::Broadcast(_) => Err("CLR-1034"),
            Command::Return(back) => self.send_back(back),
            Command::Recall(recall) => self.recall(recall),
            Command::AnswerRecall(answer) => self.answer_recall(answer),
            Command::SetReturnTerms(terms) => self.set_return_terms(*terms),
            Command::SchemeTerms(terms) => self.set_terms(terms),
            Command::ReportPosting(report) => self.report_posting(report),
            Command::OfferRate(_) => Err("no rate has improvements in these stories"),
            Command::Matter(MatterStep::Request(step)) => self.request(step),
            Command::Sponsorship(command) => self.sponsorship(command),
            Command::Day(command) => self.day(command),
            Command::Matter(MatterStep::Mandate(step)) => self.mandate(step),
            Command::Matter(MatterStep::Collection(step)) => self.collection(step),
            Command::Matter(MatterStep::Preauth(step)) => self.preauth(step),
        }
    }

    fn register(&mut self, register: &RegisterParticipant) -> Result<Expected, &'static str> {
        if register.name.len() > 140 {
            return Err("CLR-1019");
        }
        if register.currencies.iter().any(|code| !self.decimals.contains_key(code)) {
            return Err("CLR-1008");
        }
        let at = match self.members.iter().position(|member| member.bic == Some(register.bic)) {
            Some(at) if self.is_sponsored_in(at as u32, &register.currencies) => return Err("CLR-1185"),
            Some(at) => at,
            None => {
                self.members.push(Member { bic: Some(register.bic), ..Member::default() });
                self.members.len() - 1
            }
        };
        let member = &mut self.members[at];
        member.provides |= register.provides_exchange;
        member.currencies.extend(&register.currencies);
        Ok(Expected::Registered(at as u32))
    }

    fn fund(&mut self, fund: &Fund) -> Result<Expected, &'static str> {
        match self.fundings.get(&fund.reference) {
            Some(known) if known == fund => return Ok(Expected::Done),
            Some(_) => return Err("CLR-1021"),
            None => {}
        }
        if !self.decimals.contains_key(&fund.currency) {
            return Err("CLR-1008");
        }
        let member = self.members.get(fund.participant.0 as usize).ok_or("CLR-1003")?;
        if fund.direction == FundDirection::In && !member.conduct.brings_money() {
            return Err("CLR-1101");
        }
        let serves = member.currencies.contains(&fund.currency);
        if !serves || fund.purpose != AccountPurpose::Settlement && !member.provides {
            return Err("CLR-1010");
        }
        if fund.amount.is_zero() {
            return Err("CLR-1011");
        }
        let same = self.fundings.values().filter(|known| (known.currency, known.direction) == (fund.currency, fund.direction));
        let sum: u128 = same.map(|known| u128::from(known.amount.0)).sum();
        if fund.direction == FundDirection::In && sum + u128::from(fund.amount.0) > u128::from(u64::MAX) {
            return Err("CLR-1013");
        }
        let account = (Some(fund.participant.0), fund.purpose, fund.currency);
        let mirror = (None, AccountPurpose::Settlement, fund.currency);
        let amount = i128::from(fund.amount.0);
        let (from, to) = match fund.direction {
            FundDirection::In => (mirror, account),
            FundDirection::Out => (account, mirror),
        };
        if from == account && self.available(account) < amount {
            return Err("CLR-1012");
        }
        self.book((from, to, amount));
        self.fundings.insert(fund.reference, fund.clone());
        self.limit();
        Ok(Expected::Done)
    }

    fn live(&self, participant: u32) -> Result<&Member, &'static str> {
        let member = self.members.get(participant as usize).ok_or("CLR-1003")?;
        member.conduct.acts().map(|()| member)
    }

    fn serves(&self, participant: u32, currency: CurrencyCode) -> bool {
        self.members.get(participant as usize).is_some_and(|member| member.currencies.contains(&currency))
    }

    fn available(&self, place: Place) -> i128 {
        let balance = self.balance(place);
        balance.posted - balance.held
    }

    fn book(&mut self, (from, to, amount): Leg) {
        self.balances.entry(from).or_default().posted -= amount;
        self.balances.entry(to).or_default().posted += amount;
    }

    fn hold(&mut self, (from, _, amount): Leg) {
        self.balances.entry(from).or_default().held += amount;
    }

    fn timeout_ns(&self, priority: Priority) -> u64 {
        match priority {
            Priority::High => self.settings().answer_high_ns,
            Priority::Normal => self.settings().answer_normal_ns,
        }
    }
}

fn found(outcome: &Outcome) -> Expected {
    match outcome {
        Outcome::Done => Expected::Done,
        Outcome::Registered(id) => Expected::Registered(id.0),
        Outcome::Quoted(terms) => Expected::Quoted(Quoted {
            debtor: terms.debtor_agent.0,
            provider: terms.provider.0,
            debit_currency: terms.debit.currency.code,
            credit_currency: terms.credit.currency.code,
            debit: i128::from(terms.debit.minor.0),
            credit: i128::from(terms.credit.minor.0),
            principal: i128::from(terms.principal.minor.0),
            spread: i128::from(terms.spread.minor.0),
            remainder: i128::from(terms.remainder.minor.0),
            expires_ns: terms.expires_at.0,
            used: false,
        }),
        Outcome::Payment { payment, repeated } => Expected::Payment {
            state: payment.state,
            reason: payment.rejection.map(|rejection| rejection.code()),
            repeated: *repeated,
        },
        Outcome::Waiting { payment, repeated } => {
            Expected::Waiting { until_ns: payment.until.0, reason: payment.reason, repeated: *repeated }
        }
        Outcome::Matter { matter: MatterView::Request(request), repeated } => {
            Expected::Request { state: request.state, repeated: *repeated }
        }
        Outcome::Matter { matter: MatterView::Mandate(mandate), repeated } => {
            Expected::Mandate { state: mandate.state, repeated: *repeated }
        }
        Outcome::Matter { matter: MatterView::Collection(collection), repeated } => {
            Expected::Collection { state: collection.state, repeated: *repeated }
        }
        Outcome::Matter { matter: MatterView::Preauth(preauth), repeated } => {
            Expected::Preauth { state: preauth.state, repeated: *repeated }
        }
        Outcome::Refused(refusal) => Expected::Refused(refusal.code()),
    }
}
