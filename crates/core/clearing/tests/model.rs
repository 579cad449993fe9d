//! The centre against an independent model of it: plain maps, signed balances, no holds table, no indices.
//!
//! Random schemes live random lives; after every block outcomes, balances and ends must agree, every law must hold, and a
//! centre read back from its snapshot or replayed with another index seed must be the same to the byte (ORD-02).

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Arrangement, Bic, ChargeBearer, Clearing, Code, Command, ContentHash, Event,
    FixedSide, Fund, FundDirection, IndexSeed, IsoReason, LiquidityTerms, MessageIdHash, NetDebitCap, Outcome, ParticipantId,
    PartyKind, Pay, PaymentState, Posting, PostingReport, PostingWord, Price, Priority, PublishRate, QuoteId, QuoteTerms,
    RegisterParticipant, RequestQuote, ReviewTerms, RiskDecision, SchemeTerms, SetLiquidity, Tariff, TariffLine, Terms, Time,
    Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;
const BANKS: u32 = 4;
const CURRENCIES: [CurrencyCode; 2] = [CurrencyCode::HKD, CurrencyCode::CNY];

/// Whose, what for, which currency. The scheme's own are under `None`.
type Account = (Option<u32>, AccountPurpose, CurrencyCode);

#[derive(Debug, Clone)]
struct ModelPayment {
    content: ContentHash,
    debtor: u32,
    creditor: u32,
    /// From, to, how much; moved when settled.
    legs: Vec<(Account, Account, i128)>,
    state: PaymentState,
    reason: Option<IsoReason>,
    deadline: u64,
    posting: Posting,
    overdue_at: u64,
    case: [u8; 16],
    returned_for: Option<IsoReason>,
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    balances: BTreeMap<Account, i128>,
    payments: BTreeMap<Uetr, ModelPayment>,
    messages: BTreeMap<MessageIdHash, Uetr>,
    quotes: BTreeMap<QuoteId, (QuoteTerms, bool)>,
    fundings: BTreeMap<[u8; 16], Fund>,
    terms: BTreeMap<Account, LiquidityTerms>,
    ahead: BTreeMap<(Time, u32, CurrencyCode), LiquidityTerms>,
    /// How far each account may fall below zero.
    limits: BTreeMap<Account, i128>,
    low: BTreeSet<Account>,
    /// From when on, and what it says.
    tariffs: Vec<(u64, Tariff)>,
    review_ns: u64,
}

impl Model {
    fn held(&self, account: Account) -> i128 {
        let open = self.payments.values().filter(|payment| payment.state == PaymentState::Held);
        open.flat_map(|payment| &payment.legs).filter(|leg| leg.0 == account).map(|leg| leg.2).sum()
    }

    fn available(&self, account: Account) -> i128 {
        self.balances.get(&account).copied().unwrap_or(0) - self.held(account)
    }

    fn room(&self, account: Account) -> i128 {
        self.available(account) + self.limits.get(&account).copied().unwrap_or(0)
    }

    /// What the settlement agent told of this account, in less out.
    fn funded(&self, account: Account) -> i128 {
        let own = self.fundings.values().filter(|fund| (Some(fund.participant.0), fund.purpose, fund.currency) == account);
        own.map(|fund| if fund.direction == FundDirection::In { 1 } else { -1 } * i128::from(fund.amount.0)).sum()
    }

    /// Every limit is the cap, or what was used beyond it.
    fn limit(&mut self) {
        for (account, terms) in self.terms.clone() {
            let cap = match terms.cap {
                NetDebitCap::Fixed(cap) => i128::from(cap.0),
                NetDebitCap::ShareOfFunding { ppm } => self.funded(account).max(0) * i128::from(ppm) / 1_000_000,
            };
            self.limits.insert(account, cap.max(-self.available(account)));
        }
    }

    /// Behind a block: who is low stays so until its target.
    fn judge_levels(&mut self) {
        for (account, terms) in self.terms.clone() {
            let room = self.room(account);
            let until = if self.low.contains(&account) { terms.target } else { terms.floor };
            let _ = match room < i128::from(until.0) && terms.floor.0 > 0 {
                true => self.low.insert(account),
                false => self.low.remove(&account),
            };
        }
    }

    fn fund(&mut self, fund: &Fund) -> Result<(), &'static str> {
        let account = (Some(fund.participant.0), fund.purpose, fund.currency);
        match self.fundings.get(&fund.reference) {
            Some(known) if known == fund => return Ok(()),
            Some(_) => return Err("CLR-1021"),
            None => {}
        }
        if fund.purpose != AccountPurpose::Settlement && fund.participant.0 < 2 {
            return Err("CLR-1010"); // the first two provide no exchange
        }
        let (mirror, amount) = ((None, AccountPurpose::Settlement, fund.currency), i128::from(fund.amount.0));
        match fund.direction {
            FundDirection::In => self.move_money(mirror, account, amount),
            FundDirection::Out if self.available(account) < amount => return Err("CLR-1012"),
            FundDirection::Out => self.move_money(account, mirror, amount),
        }
        self.fundings.insert(fund.reference, fund.clone());
        self.limit();
        Ok(())
    }

    fn move_money(&mut self, from: Account, to: Account, amount: i128) {
        *self.balances.entry(from).or_default() -= amount;
        *self.balances.entry(to).or_default() += amount;
    }

    fn begin(&mut self, now: u64) {
        self.now = now;
        for payment in self.payments.values_mut() {
            if payment.state == PaymentState::Held && payment.deadline <= now {
                payment.state = PaymentState::Rejected;
                payment.reason = Some(IsoReason(*b"AB05"));
            }
            if payment.posting == Posting::UnderReview && payment.overdue_at <= now {
                payment.posting = Posting::Overdue;
            }
        }
        let due = self.ahead.extract_if(.., |(from, ..), _| from.0 <= now).collect::<Vec<_>>();
        for ((_, bank, currency), terms) in due {
            self.terms.insert((Some(bank), AccountPurpose::Settlement, currency), terms);
        }
        self.limit();
    }

    /// What the outcome of a payment must be: refusal code, or state and reason and whether it is a repetition.
    fn pay(&mut self, pay: &Pay) -> Standing {
        if let Some(known) = self.payments.get(&pay.uetr) {
            let same = known.content == pay.content && known.debtor == pay.debtor_agent.0;
            return if same { Ok((known.state, known.reason, known.posting, true)) } else { Err("CLR-1001") };
        }
        if self.messages.contains_key(&pay.message_id) {
            return Err("CLR-1002");
        }
        let legs = self.legs(pay);
        let (state, reason, legs) = match legs {
            Ok(legs) => (PaymentState::Held, None, legs),
            Err(reason) => (PaymentState::Rejected, Some(IsoReason(*reason)), Vec::new()),
        };
        let deadline = self.now + if pay.priority == Priority::High { 7 } else { 20 } * SECOND;
        if let (PaymentState::Held, Some(quote)) = (state, pay.quote) {
            self.quotes.get_mut(&quote).unwrap().1 = true;
        }
        let payment = ModelPayment {
            content: pay.content,
            debtor: pay.debtor_agent.0,
            creditor: pay.creditor_agent.0,
            legs,
            state,
            reason,
            deadline,
            posting: Posting::Unreported,
            overdue_at: 0,
            case: [0; 16],
            returned_for: None,
        };
        self.payments.insert(pay.uetr, payment);
        self.messages.insert(pay.message_id, pay.uetr);
        Ok((state, reason, Posting::Unreported, false))
    }

    /// What the debtor pays more and the creditor gets less, by the first line that is not for companies.
    fn fees(&self, accepted_at: u64, debit: (CurrencyCode, u64), credit: (CurrencyCode, u64)) -> (i128, i128) {
        let Some((_, tariff)) = self.tariffs.iter().rev().find(|(from, _)| *from <= accepted_at.min(self.now)) else {
            return (0, 0);
        };
        let Some(line) = tariff.lines.iter().find(|line| line.debtor != Some(PartyKind::Institution)) else { return (0, 0) };
        let price = |(code, amount): (CurrencyCode, u64)| {
            let Some(price) = line.prices.iter().find(|price| price.currency.code == code) else { return 0 };
            let full = i128::from(price.flat.0) + i128::from(amount) * i128::from(price.ppm) / 1_000_000;
            full.clamp(i128::from(price.min.0), i128::from(price.max.0))
        };
        match line.bearer {
            ChargeBearer::Debtor => (price(debit), 0),
            ChargeBearer::Creditor => (0, price(credit)),
            ChargeBearer::Shared => ((price(debit) + 1) / 2, price(credit) / 2),
        }
    }

    fn legs(&self, pay: &Pay) -> Result<Vec<(Account, Account, i128)>, &'static [u8; 4]> {
        if pay.debit.is_zero() {
            return Err(b"AM01");
        }
        if pay.debtor_agent == pay.creditor_agent {
            return Err(b"AGNT");
        }
        let own = |bank: u32, currency| (Some(bank), AccountPurpose::Settlement, currency);
        let (debtor, creditor) = (pay.debtor_agent.0, pay.creditor_agent.0);
        let fees = |currency| (None, AccountPurpose::Fees, currency);
        let mut legs = match pay.quote {
            None => {
                let side = (pay.debit_currency, pay.debit.0);
                let (more, less) = self.fees(pay.accepted_at.0, side, side);
                let amount = i128::from(pay.debit.0) - less;
                if less > 0 && amount <= 0 {
                    return Err(b"AM06");
                }
                let from = own(debtor, pay.debit_currency);
                vec![(from, own(creditor, pay.debit_currency), amount), (from, fees(pay.debit_currency), more + less)]
            }
            Some(quote) => {
                let (terms, used) = self.quotes.get(&quote).ok_or(b"AB04")?;
                if *used || terms.debtor_agent != pay.debtor_agent || terms.expires_at.0 <= self.now {
                    return Err(b"AB04");
                }
                if (terms.debit.minor, terms.debit.currency.code) != (pay.debit, pay.debit_currency) {
                    return Err(b"AM09");
                }
                let (from, to) = (terms.debit.currency.code, terms.credit.currency.code);
                let sides = ((from, terms.debit.minor.0), (to, terms.credit.minor.0));
                let (more, less) = self.fees(pay.accepted_at.0, sides.0, sides.1);
                if less >= i128::from(terms.credit.minor.0) {
                    return Err(b"AM06");
                }
                let pool = |currency| (Some(terms.provider.0), AccountPurpose::Exchange, currency);
                let spread = (Some(terms.provider.0), AccountPurpose::Spread, from);
                let all = [
                    (own(debtor, from), pool(from), i128::from(terms.principal.minor.0)),
                    (pool(to), own(creditor, to), i128::from(terms.credit.minor.0) - less),
                    (own(debtor, from), spread, i128::from(terms.spread.minor.0)),
                    (own(debtor, from), (None, AccountPurpose::Spread, from), i128::from(terms.remainder.minor.0)),
                    (own(debtor, from), fees(from), more),
                    (pool(to), fees(to), less),
                ];
                all.to_vec()
            }
        };
        legs.retain(|leg| leg.2 > 0);
        let mut needs: BTreeMap<Account, i128> = BTreeMap::new();
        for leg in &legs {
            *needs.entry(leg.0).or_default() += leg.2;
        }
        let own_account = own(debtor, pay.debit_currency);
        let kept = match pay.priority {
            Priority::High => 0,
            Priority::Normal => self.terms.get(&own_account).map_or(0, |terms| i128::from(terms.reserved.0)),
        };
        let covers = |account, needed| self.room(account) - if account == own_account { kept } else { 0 } >= needed;
        if needs.into_iter().all(|(account, needed)| covers(account, needed)) { Ok(legs) } else { Err(b"AM04") }
    }

    fn answer(&mut self, answer: &Answer) -> Standing {
        let payment = self.payments.get_mut(&answer.uetr).ok_or("CLR-1005")?;
        let asked = payment.creditor == answer.creditor_agent.0 && !payment.legs.is_empty();
        if !asked {
            return Err("CLR-1006");
        }
        let wanted = match answer.verdict {
            AnswerVerdict::WillCredit => (PaymentState::Settled, None),
            AnswerVerdict::Refuses(reason) => (PaymentState::Rejected, Some(reason)),
        };
        let timed_out = payment.reason == Some(IsoReason(*b"AB05"));
        match payment.state {
            PaymentState::Held => {}
            PaymentState::Settled if wanted.1.is_some() => {
                return match payment.posting {
                    Posting::UnderReview | Posting::Overdue | Posting::Blocked => {
                        (payment.posting, payment.returned_for) = (Posting::ToBeReturned, wanted.1);
                        Ok((payment.state, None, payment.posting, false))
                    }
                    Posting::ToBeReturned if payment.returned_for == wanted.1 => Ok((payment.state, None, payment.posting, true)),
                    _ => Err("CLR-1007"),
                };
            }
            _ if (payment.state, payment.reason) == wanted && !timed_out => {
                return Ok((wanted.0, wanted.1, payment.posting, true));
            }
            _ => return Err("CLR-1007"),
        }
        (payment.state, payment.reason) = wanted;
        if wanted.0 == PaymentState::Settled {
            self.move_legs(answer.uetr);
        }
        Ok((wanted.0, wanted.1, Posting::Unreported, false))
    }

    fn move_legs(&mut self, uetr: Uetr) {
        for (from, to, amount) in self.payments[&uetr].legs.clone() {
            self.move_money(from, to, amount);
        }
    }

    fn review(&mut self, report: &PostingReport) -> Standing {
        use Posting::{Blocked, Overdue, UnderReview, Unreported};
        let until = self.now + self.review_ns;
        let payment = self.payments.get_mut(&report.uetr).ok_or("CLR-1005")?;
        if payment.creditor != report.creditor_agent.0 || payment.legs.is_empty() {
            return Err("CLR-1006");
        }
        let (state, posting) = (payment.state, payment.posting);
        match (state, posting, report.says) {
            (PaymentState::Rejected, ..) => return Err("CLR-1007"),
            (PaymentState::Held, _, PostingWord::Blocked { .. }) | (_, Unreported, PostingWord::Blocked { .. }) => {
                return Err("CLR-1160");
            }
            (PaymentState::Held, _, PostingWord::UnderReview) | (_, Unreported, PostingWord::UnderReview) => {
                (payment.state, payment.posting, payment.overdue_at) = (PaymentState::Settled, UnderReview, until);
                if state == PaymentState::Held {
                    self.move_legs(report.uetr);
                }
                return Ok((PaymentState::Settled, None, UnderReview, false));
            }
            (_, UnderReview | Overdue, PostingWord::UnderReview) => {}
            (_, UnderReview | Overdue, PostingWord::Blocked { case }) => {
                (payment.posting, payment.case) = (Blocked, case);
                return Ok((state, None, Blocked, false));
            }
            (_, Blocked, PostingWord::Blocked { case }) if case == payment.case => {}
            _ => return Err("CLR-1161"),
        }
        Ok((state, None, posting, true))
    }

    fn credited(&mut self, uetr: Uetr, creditor: ParticipantId) -> Standing {
        let payment = self.payments.get_mut(&uetr).ok_or("CLR-1005")?;
        if payment.creditor != creditor.0 || payment.legs.is_empty() {
            return Err("CLR-1006");
        }
        match (payment.state, payment.posting) {
            (PaymentState::Held | PaymentState::Rejected, _) => Err("CLR-1022"),
            (PaymentState::Settled, Posting::ToBeReturned) => Err("CLR-1161"),
            (PaymentState::Settled, before) => {
                payment.posting = Posting::Credited;
                Ok((payment.state, None, Posting::Credited, before == Posting::Credited))
            }
        }
    }

    fn scheme_terms(&mut self, terms: &SchemeTerms) -> Result<(), &'static str> {
        match terms {
            SchemeTerms::CoolingOff(_) | SchemeTerms::Preauths(_) => {}
            SchemeTerms::Reviews(terms) => self.review_ns = terms.review_ns,
            SchemeTerms::Tariff(tariff) => {
                let from = tariff.effective_from.0.max(self.now + 1);
                if tariff.version != self.tariffs.len() as u32 + 1 {
                    return Err("CLR-1163");
                }
                if self.tariffs.last().is_some_and(|(last, _)| *last > from) {
                    return Err("CLR-1164");
                }
                self.tariffs.push((from, tariff.clone()));
            }
        }
        Ok(())
    }

    fn check(&mut self, command: &Command, outcome: &Outcome) -> Result<(), TestCaseError> {
        match command {
            Command::Pay(pay) => compare(self.pay(pay), outcome),
            Command::Answer(answer) => compare(self.answer(answer), outcome),
            Command::ReportPosting(report) => compare(self.review(report), outcome),
            Command::ReportCredited { uetr, creditor_agent } => compare(self.credited(*uetr, *creditor_agent), outcome),
            Command::SchemeTerms(terms) => {
                let found = if let Outcome::Refused(refusal) = outcome { Err(refusal.code()) } else { Ok(()) };
                prop_assert_eq!(self.scheme_terms(terms), found);
                Ok(())
            }
            Command::RequestQuote(_) => {
                if let Outcome::Quoted(terms) = outcome {
                    prop_assert_eq!(
                        terms.principal.minor.0 + terms.spread.minor.0 + terms.remainder.minor.0,
                        terms.debit.minor.0
                    );
                    self.quotes.insert(terms.quote, (*terms, false));
                }
                Ok(())
            }
            Command::Fund(fund) => {
                let expected = self.fund(fund);
                let found = if let Outcome::Refused(refusal) = outcome { Err(refusal.code()) } else { Ok(()) };
                prop_assert_eq!(expected, found);
                Ok(())
            }
            Command::Arrange(Arrangement::SetLiquidity(set)) => {
                prop_assert_eq!(outcome, &Outcome::Done);
                if set.from.0 > self.now {
                    self.ahead.insert((set.from, set.participant.0, set.currency), set.terms);
                } else {
                    self.terms.insert((Some(set.participant.0), AccountPurpose::Settlement, set.currency), set.terms);
                    self.limit();
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn compare_balances(&self, clearing: &Clearing) -> Result<(), TestCaseError> {
        for account in clearing.accounts() {
            let key = (account.participant.map(|id| id.0), account.purpose, account.currency.code);
            prop_assert_eq!(account.posted, self.balances.get(&key).copied().unwrap_or(0), "{:?}", account);
            prop_assert_eq!(i128::from(account.held_debit), self.held(key), "{:?}", account);
            if account.participant.is_some() {
                prop_assert_eq!(account.available, self.room(key), "{:?}", account);
            }
            prop_assert_eq!(account.is_low, self.low.contains(&key), "{:?}", account);
        }
        Ok(())
    }
}

/// State, reason and what was said of its posting, and whether it is a repetition; or a refusal's code.
type Standing = Result<(PaymentState, Option<IsoReason>, Posting, bool), &'static str>;

fn compare(expected: Standing, found: &Outcome) -> Result<(), TestCaseError> {
    let found = match found {
        Outcome::Payment { payment, repeated } => Ok((payment.state, payment.iso_reason(), payment.posting, *repeated)),
        Outcome::Refused(refusal) => Err(refusal.code()),
        other => return Err(TestCaseError::fail(format!("unexpected {other:?}"))),
    };
    prop_assert_eq!(expected, found);
    Ok(())
}

fn genesis() -> Vec<Command> {
    let mut commands: Vec<Command> =
        CURRENCIES.iter().map(|&code| Command::OpenLedger(Currency::new(code, 2).unwrap())).collect();
    for (at, bic) in ["HARBHKHH", "PENGCNBS", "LIONHKHH", "BAYSCNBS"].into_iter().enumerate() {
        let provides_exchange = at >= 2;
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [0; 32],
            provides_exchange,
            currencies: CURRENCIES.to_vec(),
        }));
        for (n, &currency) in CURRENCIES.iter().enumerate() {
            for purpose in [AccountPurpose::Settlement, AccountPurpose::Exchange] {
                commands.push(Command::Fund(Fund {
                    participant: ParticipantId(at as u32),
                    currency,
                    purpose,
                    direction: FundDirection::In,
                    amount: MinorUnits(5_000),
                    reference: [at as u8 * 8 + n as u8 * 2 + purpose as u8; 16],
                }));
            }
        }
        if provides_exchange {
            for (debit_currency, credit_currency, rate) in
                [(CURRENCIES[0], CURRENCIES[1], "0.9216"), (CURRENCIES[1], CURRENCIES[0], "1.0837")]
            {
                commands.push(Command::PublishRate(PublishRate {
                    provider: ParticipantId(at as u32),
                    debit_currency,
                    credit_currency,
                    rate: Rate::parse(rate).unwrap(),
                    spread_ppm: 700 * at as u32,
                    credit_max: MinorUnits(3_000),
                    valid_until: Time(u64::MAX),
                }));
            }
        }
    }
    commands
}

fn command() -> impl Strategy<Value = Command> {
    let id = |n: u8| [n; 16];
    let bank = || (0..BANKS).prop_map(ParticipantId);
    let pay = (
        0u8..24,
        0u8..26,
        bank(),
        bank(),
        0u64..2_500,
        0usize..2,
        prop::option::weighted(0.4, 0u8..8),
        any::<bool>(),
        1u8..3,
        0u64..280,
    );
    prop_oneof![
        4 => pay.prop_map(move |(n, message, debtor_agent, creditor_agent, amount, currency, quote, high, content, accepted)| Command::Pay(Pay {
            uetr: Uetr(id(n)),
            content: ContentHash([content; 32]),
            message_id: MessageIdHash(id(if message < 24 { n } else { message })),
            debtor_agent,
            creditor_agent,
            debit: MinorUnits(amount),
            debit_currency: CURRENCIES[currency],
            quote: quote.map(|quote| QuoteId(id(quote))),
            priority: if high { Priority::High } else { Priority::Normal },
            accepted_at: Time(accepted * SECOND),
            risk: RiskDecision::PASS,
            terms: Terms::default(),
        })),
        4 => (0u8..24, bank(), prop_oneof![3 => Just(None), 1 => Just(Some(*b"AC04"))]).prop_map(move |(n, creditor_agent, refuses)| Command::Answer(Answer {
            uetr: Uetr(id(n)),
            creditor_agent,
            verdict: refuses.map_or(AnswerVerdict::WillCredit, |reason| AnswerVerdict::Refuses(IsoReason(reason))),
            content: ContentHash([9; 32]),
        })),
        1 => (0u8..24, bank(), 0usize..2, any::<bool>(), 1u64..3_000).prop_map(|(n, participant, currency, out, amount)| Command::Fund(Fund {
            participant,
            currency: CURRENCIES[currency],
            purpose: AccountPurpose::Settlement,
            direction: if out { FundDirection::Out } else { FundDirection::In },
            amount: MinorUnits(amount),
            reference: [100 + n; 16],
        })),
        1 => (bank(), 0usize..2, prop_oneof![(0u64..4_000).prop_map(|cap| NetDebitCap::Fixed(MinorUnits(cap))), (0u32..1_000_001).prop_map(|ppm| NetDebitCap::ShareOfFunding { ppm })], 0u64..3_000, 0u64..3_000, 0u64..1_500, 0u64..200)
            .prop_map(|(participant, currency, cap, floor, above, reserved, from)| Command::Arrange(Arrangement::SetLiquidity(SetLiquidity {
                participant,
                currency: CURRENCIES[currency],
                terms: LiquidityTerms { cap, floor: MinorUnits(floor), target: MinorUnits(floor + above), reserved: MinorUnits(reserved) },
                from: Time(from * SECOND),
            }))),
        2 => (0u8..24, bank(), prop_oneof![2 => Just(PostingWord::UnderReview), 1 => (0u8..2).prop_map(|case| PostingWord::Blocked { case: [case; 16] })])
            .prop_map(move |(n, creditor_agent, says)| Command::ReportPosting(PostingReport { uetr: Uetr(id(n)), creditor_agent, says })),
        1 => (0u8..24, bank()).prop_map(move |(n, creditor_agent)| Command::ReportCredited { uetr: Uetr(id(n)), creditor_agent }),
        1 => tariff().prop_map(|tariff| Command::SchemeTerms(SchemeTerms::Tariff(tariff))),
        1 => (1u64..60).prop_map(|seconds| Command::SchemeTerms(SchemeTerms::Reviews(ReviewTerms { review_ns: seconds * SECOND }))),
        2 => (0u8..8, bank(), any::<bool>(), any::<bool>(), 0u64..2_500).prop_map(move |(n, debtor_agent, north, debit, amount)| Command::RequestQuote(RequestQuote {
            quote: QuoteId(id(n)),
            debtor_agent,
            debit_currency: CURRENCIES[usize::from(!north)],
            credit_currency: CURRENCIES[usize::from(north)],
            cover: None,
            fixed: if debit { FixedSide::Debit(MinorUnits(amount)) } else { FixedSide::Credit(MinorUnits(amount)) },
        })),
    ]
}

/// Now and then a line that is for companies stands first; nobody here is one.
fn tariff() -> impl Strategy<Value = Tariff> {
    let price = || (0u64..20, 0u32..40_000, 0u64..10, 0u64..40);
    let bearer = prop_oneof![Just(ChargeBearer::Debtor), Just(ChargeBearer::Creditor), Just(ChargeBearer::Shared)];
    (1u32..5, 0u64..280, any::<bool>(), bearer, [price(), price()]).prop_map(|(version, from, companies, bearer, prices)| {
        let price = |(at, (flat, ppm, min, above)): (usize, (u64, u32, u64, u64))| Price {
            currency: Currency::new(CURRENCIES[at], 2).unwrap(),
            flat: MinorUnits(flat),
            ppm,
            min: MinorUnits(min),
            max: MinorUnits(min + above),
        };
        let line = |name, debtor, bearer| TariffLine {
            code: Code::parse(name).unwrap(),
            corridor: None,
            debtor,
            creditor: None,
            purposes: vec![],
            bearer,
            prices: prices.into_iter().enumerate().map(price).collect(),
        };
        let mut lines = vec![line("ALL", None, bearer)];
        if companies {
            lines.insert(0, line("CORP", Some(PartyKind::Institution), ChargeBearer::Debtor));
        }
        Tariff { version, effective_from: Time(from * SECOND), lines }
    })
}

/// The next tariff has the next number more often than chance would have it.
fn number_tariffs(commands: &mut [Command], model: &Model) {
    for command in commands {
        if let Command::SchemeTerms(SchemeTerms::Tariff(tariff)) = command
            && tariff.version > 1
        {
            tariff.version = model.tariffs.len() as u32 + 1;
        }
    }
}

/// Payments that use a quote use it rightly more often than chance would have it.
fn use_quotes(commands: &mut [Command], model: &Model) {
    for command in commands {
        let Command::Pay(pay) = command else { continue };
        let Some((terms, _)) = pay.quote.and_then(|id| model.quotes.get(&id)) else { continue };
        if pay.content == ContentHash([1; 32]) {
            pay.debtor_agent = terms.debtor_agent;
            pay.debit = terms.debit.minor;
            pay.debit_currency = terms.debit.currency.code;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_centre_and_the_model_agree(blocks in prop::collection::vec((prop::collection::vec(command(), 0..8), 0u64..8), 1..40)) {
        let mut model = Model { review_ns: 86_400 * SECOND, ..Model::default() };
        let (mut clearing, mut replayed) = (Clearing::new(IndexSeed(1)), Clearing::new(IndexSeed(u64::MAX)));
        let mut events: Vec<Event> = Vec::new();
        let mut now = SECOND;
        let blocks = core::iter::once((genesis(), 0)).chain(blocks);
        for (mut commands, seconds) in blocks {
            now += seconds * SECOND;
            model.begin(now);
            use_quotes(&mut commands, &model);
            number_tariffs(&mut commands, &model);
            let applied = clearing.apply_block(Time(now), &commands);
            for (command, outcome) in commands.iter().zip(&applied.outcomes) {
                model.check(command, outcome)?;
            }
            model.judge_levels();
            model.compare_balances(&clearing)?;
            prop_assert_eq!(laws::check_all(&clearing), Vec::new());

            let decoded = recode(&commands);
            prop_assert_eq!(&replayed.apply_block(Time(now), &decoded), &applied);
            let mut bytes = Vec::new();
            clearing.encode_snapshot(&mut bytes);
            replayed = Clearing::decode_snapshot(&bytes, IndexSeed(now)).unwrap();
            let mut again = Vec::new();
            replayed.encode_snapshot(&mut again);
            prop_assert!(bytes == again, "a snapshot reads back to itself");
            events.extend(applied.events);
        }
        prop_assert!(laws::pay_02_both_told_the_same(&clearing, &events).is_ok());
        let positions = events.iter().map(|event| event.position.0);
        prop_assert!(positions.eq(1..=events.len() as u64), "events are numbered without gaps");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Command::decode(&mut bytes.as_slice());
        let _ = Clearing::decode_snapshot(&bytes, IndexSeed(0));
    }
}

/// Commands as they come out of a block.
fn recode(commands: &[Command]) -> Vec<Command> {
    let mut bytes = Vec::new();
    commands.iter().for_each(|command| command.encode(&mut bytes));
    let mut bytes = bytes.as_slice();
    let mut decoded = Vec::new();
    while !bytes.is_empty() {
        decoded.push(Command::decode(&mut bytes).unwrap());
    }
    assert_eq!(decoded, commands);
    decoded
}
