//! Every rule, as a table: payments before, the payment under judgement, and what must be found.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::RiskVerdict::{self, Block, Pass, Review};
use money::{Amount, Currency, CurrencyCode};
use risk::{Assessment, RULES, RiskEngine, RiskInput, RiskSettings, WatchList, reference_page};

const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_000 * HOUR;

fn engine(settings: RiskSettings) -> RiskEngine {
    RiskEngine::new(settings, WatchList::sample(), [7; 32]).unwrap()
}

fn pay<'a>(names: (&'a str, &'a str), accounts: (&'a str, &'a str), amount: &str, now_ns: u64) -> RiskInput<'a> {
    let currency = Currency::new(CurrencyCode::HKD, 2).unwrap();
    RiskInput {
        debtor_account: accounts.0,
        creditor_account: accounts.1,
        debtor_name: names.0,
        creditor_name: names.1,
        amount: Amount::parse(amount, currency).unwrap(),
        now_ns,
    }
}

const PEOPLE: (&str, &str) = ("CHAN Tai Man", "LI Na");
const ACCOUNTS: (&str, &str) = ("HARB:1", "PENG:2");

fn codes(assessment: &Assessment) -> Vec<&'static str> {
    let mut codes: Vec<_> = assessment.findings.iter().map(|finding| finding.rule.rule().code).collect();
    codes.dedup();
    codes
}

/// Name, payments before (how many, amount, minutes between), names, amount, rules, score, verdict.
type Row<'a> = (&'a str, (u64, &'a str, u64), (&'a str, &'a str), &'a str, &'a [&'a str], u16, RiskVerdict);

const ROWS: &[Row<'_>] = &[
    ("nothing before", (0, "0", 0), PEOPLE, "500.00", &["RSK-03"], 100, Pass),
    ("known creditor", (1, "500.00", 60), PEOPLE, "500.00", &[], 0, Pass),
    ("ten in ten minutes", (9, "50.00", 1), PEOPLE, "50.00", &[], 0, Pass),
    ("eleven in ten minutes", (15, "50.00", 0), PEOPLE, "50.00", &["RSK-01"], 250, Pass),
    ("a million in a day", (3, "250000.00", 60), PEOPLE, "250000.00", &[], 0, Pass),
    ("a cent more", (3, "250000.00", 60), PEOPLE, "250000.01", &["RSK-02"], 200, Pass),
    ("a million in a week", (8, "250000.00", 1440), PEOPLE, "250000.00", &[], 0, Pass),
    ("three times the usual", (6, "100.00", 60), PEOPLE, "300.00", &["RSK-04"], 250, Pass),
    ("twice the usual", (6, "100.00", 60), PEOPLE, "200.00", &[], 0, Pass),
    ("unusual, little history", (4, "100.00", 60), PEOPLE, "5000.00", &[], 0, Pass),
    ("two below the limit", (1, "7900.00", 60), PEOPLE, "7900.00", &[], 0, Pass),
    ("three below the limit", (2, "7900.00", 60), PEOPLE, "7900.00", &["RSK-07"], 300, Pass),
    ("three at the limit", (2, "8000.00", 60), PEOPLE, "8000.00", &[], 0, Pass),
    ("far below the limit", (2, "7900.00", 60), PEOPLE, "100.00", &[], 0, Pass),
    ("below the limit over days", (5, "7900.00", 1000), PEOPLE, "7900.00", &[], 0, Pass),
    ("creditor listed", (1, "10.00", 60), ("CHAN Tai Man", "grausam viktor"), "10.00", &["RSK-05"], 1000, Block),
    ("debtor listed", (1, "10.00", 60), ("朱无忧", "LI Na"), "10.00", &["RSK-05"], 1000, Block),
    ("creditor nearly listed", (1, "10.00", 60), ("CHAN Tai Man", "Victor Grausam"), "10.00", &["RSK-06"], 450, Review),
    ("both nearly listed", (1, "10.00", 60), ("Dmitriy Samovarov", "Victor Grausam"), "10.00", &["RSK-06"], 450, Review),
    ("listed, and first", (0, "0", 0), ("CHAN Tai Man", "尹无痕"), "10.00", &["RSK-03", "RSK-05"], 1000, Block),
    ("no name", (1, "10.00", 60), ("CHAN Tai Man", ""), "10.00", &["RSK-08"], 400, Review),
    ("no letters", (1, "10.00", 60), ("???", "LI Na"), "10.00", &["RSK-08"], 400, Review),
    ("quick and just below", (15, "7900.00", 0), PEOPLE, "7900.00", &["RSK-01", "RSK-07"], 550, Review),
    (
        "behaviour alone is never stopped",
        (60, "7500.00", 0),
        ("CHAN Tai Man", "Victor Grausam"),
        "7200.00",
        &["RSK-01", "RSK-06", "RSK-07"],
        750,
        Review,
    ),
];

/// As [`ROWS`], but the payments before went the other way.
const RETURNED: &[Row<'_>] = &[
    ("back after an hour", (1, "500.00", 60), PEOPLE, "500.00", &["RSK-03", "RSK-09"], 250, Pass),
    ("back within the day", (3, "1.00", 1439), PEOPLE, "500.00", &["RSK-03", "RSK-09"], 250, Pass),
    ("back a day later", (3, "1.00", 1440), PEOPLE, "500.00", &["RSK-03"], 100, Pass),
];

#[test]
fn every_row_is_judged_as_written() {
    let mut seen: Vec<&str> = Vec::new();
    let rows = ROWS.iter().map(|row| (ACCOUNTS, row));
    let returned = RETURNED.iter().map(|row| ((ACCOUNTS.1, ACCOUNTS.0), row));
    for (before, (name, (count, amount, minutes), names, under, rules, score, verdict)) in rows.chain(returned) {
        let engine = engine(RiskSettings::default());
        for n in 0..*count {
            engine.observe(&pay(PEOPLE, before, amount, START + n * minutes * MINUTE));
        }
        let input = pay(*names, ACCOUNTS, under, START + count * minutes * MINUTE);
        let found = engine.judge(&input);
        assert_eq!(
            (codes(&found).as_slice(), found.decision.score, found.decision.verdict),
            (*rules, *score, *verdict),
            "{name}"
        );
        assert_eq!(engine.judge(&input), found, "{name}: judging changes nothing");
        seen.extend(*rules);
    }
    for rule in &RULES {
        assert!(seen.contains(&rule.code), "{} has no row", rule.code);
    }
}

#[test]
fn accounts_currencies_and_creditors_are_kept_apart() {
    let engine = engine(RiskSettings::default());
    for _ in 0..20 {
        engine.assess(&pay(PEOPLE, ACCOUNTS, "10.00", START));
    }
    assert_eq!(codes(&engine.judge(&pay(PEOPLE, ACCOUNTS, "10.00", START))), ["RSK-01"]);
    assert_eq!(codes(&engine.judge(&pay(PEOPLE, ("HARB:3", "PENG:2"), "10.00", START))), ["RSK-03"]);
    assert_eq!(codes(&engine.judge(&pay(PEOPLE, ("HARB:1", "PENG:4"), "10.00", START))), ["RSK-01", "RSK-03"]);
    let mut other = pay(PEOPLE, ACCOUNTS, "10.00", START);
    other.amount.currency = Currency::new(CurrencyCode::USD, 2).unwrap();
    assert_eq!(codes(&engine.judge(&other)), Vec::<&str>::new());
}

#[test]
fn a_blocked_payment_is_not_remembered() {
    let engine = engine(RiskSettings::default());
    let listed = pay(("CHAN Tai Man", "Viktor Grausam"), ACCOUNTS, "10.00", START);
    assert_eq!(engine.assess(&listed).decision.verdict, Block);
    assert_eq!(engine.remembered(), (0, 0));
    engine.assess(&pay(PEOPLE, ACCOUNTS, "10.00", START));
    assert_eq!(engine.remembered(), (1, 1));
}

#[test]
fn memory_is_bounded_and_the_oldest_is_forgotten() {
    let engine = engine(RiskSettings { accounts_max: 10, pairs_max: 20, ..RiskSettings::default() });
    let accounts: Vec<String> = (0..100).map(|n| format!("A{n}")).collect();
    for account in &accounts {
        engine.assess(&pay(PEOPLE, (account, "B"), "10.00", START));
    }
    assert_eq!(engine.remembered(), (10, 20));
    assert_eq!(codes(&engine.judge(&pay(PEOPLE, ("A0", "B"), "10.00", START))), ["RSK-03"]);
    assert_eq!(codes(&engine.judge(&pay(PEOPLE, ("A99", "B"), "10.00", START))), Vec::<&str>::new());
}

#[test]
fn thresholds_decide() {
    for (review_at, block_at, verdict) in [(400, 800, Pass), (100, 800, Review), (50, 100, Block), (101, 101, Pass)] {
        let engine = engine(RiskSettings { review_at, block_at, ..RiskSettings::default() });
        assert_eq!(engine.assess(&pay(PEOPLE, ACCOUNTS, "10.00", START)).decision.verdict, verdict);
    }
}

#[test]
fn reasons_hold_no_personal_data() {
    let engine = engine(RiskSettings::default());
    let input = pay(("Dmitriy Samovarov", "Viktor Grausam"), ACCOUNTS, "10.00", START);
    let shown = format!("{:?} {input:?} {engine:?}", engine.assess(&input));
    for private in ["Dmitriy", "HARB:1", "PENG:2"] {
        assert!(!shown.contains(private), "{private} in {shown}");
    }
}

#[test]
fn the_committed_page_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/reference/risk-rules.md");
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(path, reference_page()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == reference_page(), "docs/reference/risk-rules.md differs: LUOHU_BLESS=1 cargo test -p risk");
}
