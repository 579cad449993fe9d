//! Quotas against an independent model: a plain list of payments, added up anew for every question (QUO-01).
//!
//! Persons pay at two banks over days and years, are answered, refused and timed out. After every payment the model says
//! whether the quota allowed it, and after every block what each person has used; a centre read back from its snapshot or
//! replayed goes on the same.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Bic, Clearing, Code, Command, ContentHash, Corridor, Country, Fund, FundDirection,
    Hours, IndexSeed, IsoReason, Limit, MessageIdHash, Most, Outcome, OutsideHours, ParticipantId, Pay, PaymentState, Period,
    PersonKey, Priority, RegisterParticipant, Rejection, RiskDecision, Rulebook, Scope, Terms, Time, Uetr, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};
use proptest::prelude::*;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
/// 1 January 2026 00:00 in Hong Kong is 16:00 UTC of the day before.
const NEW_YEAR_2026: u64 = 20_454 * 24 * HOUR - 8 * HOUR;
const DAY_AT_BANK: u64 = 1_000;
const YEAR_AT_BANK: u64 = 3_000;
const DAY_EVERYWHERE: u64 = 1_500;
const PAYMENTS_A_DAY: usize = 5;

#[derive(Debug, Clone)]
struct Paid {
    person: u8,
    bank: u32,
    minor: u64,
    at: u64,
    deadline: u64,
    /// Refused or timed out: counts no more.
    gone: bool,
    open: bool,
}

impl Paid {
    /// Day in Hong Kong.
    fn day(&self) -> u64 {
        day(self.at)
    }
}

fn day(at: u64) -> u64 {
    (at + 8 * HOUR) / (24 * HOUR)
}

/// 2025, 2026 or 2027: the runs reach no further.
fn year(at: u64) -> u64 {
    [NEW_YEAR_2026, NEW_YEAR_2026 + 365 * 24 * HOUR].iter().filter(|begin| at >= **begin).count() as u64
}

#[derive(Debug, Default)]
struct Model(Vec<Paid>);

impl Model {
    fn used(&self, person: u8, counts: impl Fn(&Paid) -> bool) -> impl Iterator<Item = &Paid> {
        self.0.iter().filter(move |paid| paid.person == person && !paid.gone && counts(paid))
    }

    fn sums(&self, person: u8, bank: u32, now: u64) -> [u64; 4] {
        let sum = |paid: Vec<&Paid>| paid.iter().map(|paid| paid.minor).sum::<u64>();
        let today: Vec<&Paid> = self.used(person, |paid| paid.day() == day(now)).collect();
        let at_bank = |paid: &&&Paid| paid.bank == bank;
        [
            sum(today.iter().filter(at_bank).copied().collect()),
            sum(self.used(person, |paid| paid.bank == bank && year(paid.at) == year(now)).collect()),
            sum(today.clone()),
            today.len() as u64,
        ]
    }

    fn refusal(&self, person: u8, bank: u32, minor: u64, now: u64) -> Option<Rejection> {
        let [day_at_bank, year_at_bank, day_everywhere, payments] = self.sums(person, bank, now);
        let over = [(day_at_bank, DAY_AT_BANK), (year_at_bank, YEAR_AT_BANK), (day_everywhere, DAY_EVERYWHERE)];
        if over.into_iter().any(|(used, most)| used + minor > most) {
            return Some(Rejection::QuotaUsedUp);
        }
        (payments as usize >= PAYMENTS_A_DAY).then_some(Rejection::TooManyPayments)
    }

    fn expire(&mut self, now: u64) {
        for paid in self.0.iter_mut().filter(|paid| paid.open && paid.deadline <= now) {
            (paid.open, paid.gone) = (false, true);
        }
    }
}

fn genesis() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(HKD)];
    for (at, bic) in ["HARBHKHH", "LIONHKHH", "PENGCNBS"].into_iter().enumerate() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [0; 32],
            provides_exchange: false,
            currencies: vec![HKD.code],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at as u32),
            currency: HKD.code,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1 << 40),
            reference: [at as u8; 16],
        }));
    }
    let limit = |code: &str, scope, most| Limit { code: Code::parse(code).unwrap(), scope, most, exempt: Vec::new() };
    let amount = |minor| Most::Amount { currency: HKD, minor: MinorUnits(minor) };
    commands.push(Command::SetRulebook(Rulebook {
        version: 1,
        effective_from: Time(0),
        corridors: vec![Corridor {
            code: Code::parse("NORTH").unwrap(),
            from: Country::parse("HK"),
            to: Country::parse("CN"),
            debtor: None,
            creditor: None,
            purposes: Vec::new(),
            currencies: vec![(HKD.code, HKD.code)],
            hours: Hours { utc_offset_minutes: 480, ..Hours::always() },
            outside_hours: OutsideHours::Reject,
            limits: vec![
                limit("BANK-DAY", Scope::PerBank(Period::Day), amount(DAY_AT_BANK)),
                limit("BANK-YR", Scope::PerBank(Period::Year), amount(YEAR_AT_BANK)),
                limit("ALL-DAY", Scope::AcrossBanks(Period::Day), amount(DAY_EVERYWHERE)),
                limit("ALL-NUM", Scope::AcrossBanks(Period::Day), Most::Payments(PAYMENTS_A_DAY as u32)),
            ],
        }],
        reference_rates: Vec::new(),
    }));
    commands
}

#[derive(Debug, Clone)]
enum Step {
    Pay { person: u8, bank: u32, minor: u64 },
    Answer { which: usize, accepts: bool },
    Wait { ns: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..3, 0u32..2, 1u64..700).prop_map(|(person, bank, minor)| Step::Pay { person, bank, minor }),
        4 => (0usize..64, prop::bool::weighted(0.7)).prop_map(|(which, accepts)| Step::Answer { which, accepts }),
        3 => prop_oneof![Just(SECOND), Just(21 * SECOND), Just(7 * HOUR), Just(30 * HOUR)].prop_map(|ns| Step::Wait { ns }),
    ]
}

fn pay(n: usize, person: u8, bank: u32, minor: u64, now: u64) -> Command {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(n as u64 + 1).to_le_bytes());
    Command::Pay(Pay {
        uetr: Uetr(id),
        content: ContentHash([1; 32]),
        message_id: MessageIdHash(id),
        debtor_agent: ParticipantId(bank),
        creditor_agent: ParticipantId(2),
        debit: MinorUnits(minor),
        debit_currency: HKD.code,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(now),
        risk: RiskDecision::PASS,
        terms: Terms { person: Some(PersonKey([person; 16])), ..Terms::default() },
    })
}

fn answer(n: usize, accepts: bool) -> Command {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(n as u64 + 1).to_le_bytes());
    let verdict = if accepts { AnswerVerdict::WillCredit } else { AnswerVerdict::Refuses(IsoReason(*b"AC04")) };
    Command::Answer(Answer { uetr: Uetr(id), creditor_agent: ParticipantId(2), verdict, content: ContentHash([2; 32]) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_person_exceeds_a_quota_and_none_is_denied_one(steps in prop::collection::vec(step(), 1..120)) {
        let mut now = NEW_YEAR_2026 - 30 * HOUR;
        let mut clearing = Clearing::new(IndexSeed(1));
        clearing.apply_block(Time(now), &genesis());
        let (mut model, mut numbers) = (Model::default(), Vec::new());
        for (n, step) in steps.into_iter().enumerate() {
            let command = match step {
                Step::Pay { person, bank, minor } => Some(pay(n, person, bank, minor, now)),
                Step::Answer { which, accepts } => numbers.get(which % numbers.len().max(1)).map(|n| answer(*n, accepts)),
                Step::Wait { ns } => {
                    now += ns;
                    None
                }
            };
            model.expire(now);
            let applied = clearing.apply_block(Time(now), command.as_slice());
            match (step, applied.outcomes.first()) {
                (Step::Pay { person, bank, minor }, Some(Outcome::Payment { payment, .. })) => {
                    prop_assert_eq!(payment.rejection, model.refusal(person, bank, minor, now));
                    if payment.state == PaymentState::Held {
                        let deadline = now + 20 * SECOND;
                        model.0.push(Paid { person, bank, minor, at: now, deadline, gone: false, open: true });
                        numbers.push(n);
                    }
                }
                (Step::Answer { which, accepts }, Some(Outcome::Payment { repeated: false, .. })) => {
                    let paid = &mut model.0[which % numbers.len()];
                    (paid.open, paid.gone) = (false, !accepts);
                }
                _ => {}
            }
            prop_assert_eq!(laws::check_all(&clearing), Vec::new());
            for (person, bank) in [(0, 0), (1, 1), (2, 0)] {
                let Command::Pay(question) = pay(usize::MAX - 1, person, bank, 1, now) else { unreachable!() };
                let found = clearing.what_if(&question).unwrap().unwrap();
                let used: Vec<u64> = found.quotas.iter().map(|quota| quota.used).collect();
                prop_assert_eq!(used, model.sums(person, bank, now).to_vec());
            }
            let mut bytes = Vec::new();
            clearing.encode_snapshot(&mut bytes);
            let read = Clearing::decode_snapshot(&bytes, IndexSeed(now)).unwrap();
            prop_assert_eq!(read.state_root(), clearing.state_root());
            clearing = read;
        }
    }
}
