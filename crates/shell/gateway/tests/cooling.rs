//! First payments cool off at the door as the how-to says, over real TLS: told with reason and time, without a hold, taken back
//! free of charge, asked of the creditor agent when their time has come, and never again for a pair that is known.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::{Command, CoolingOff, CoolingRule, RiskDecision, RiskVerdict, SchemeTerms, Uetr};
use gateway::Limits;
use iso20022::view::{CancellationAnswerView, CancellationOutcome, CreditTransferView, TransactionStatus};
use money::MinorUnits;
use serde_json::{Value, json};
use std::time::Duration;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, PEARL, World};

const SECOND: u64 = 1_000_000_000;

/// First payments of 50.00 HKD and more wait so long; what risk would review waits so long.
fn cooling(world: &World, first_s: u64, review_s: u64) {
    let rule = CoolingRule { corridor: None, currency: HKD, from: MinorUnits(5_000), wait_ns: first_s * SECOND };
    let terms = CoolingOff { rules: vec![rule], review_wait_ns: review_s * SECOND };
    world.log.run(Command::SchemeTerms(SchemeTerms::CoolingOff(terms)));
}

async fn post(world: &World, from: &str, body: &[u8]) -> Reply {
    let draft = Draft::xml(world.bank(from), body);
    let reply = world.connect(from).await.send(&draft).await;
    if !reply.body.is_empty() {
        reply.verify(draft.header("Content-Digest"), world.centre_key);
    }
    reply
}

async fn payment(world: &World, uetr: [u8; 16]) -> Value {
    world.connect(HARBOUR).await.get(&format!("/v1/payments/{}", Uetr(uetr))).await.json()
}

async fn inbox_kinds(world: &World, of: &str) -> Vec<String> {
    let page = world.connect(of).await.get("/v1/inbox?after=0").await.json();
    page["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap().to_owned()).collect()
}

fn of(minor: u64) -> CreditTransferView {
    CreditTransferView { interbank_settlement_amount: hkd(minor), ..transfer(HARBOUR, PEARL) }
}

/// Whether a payment was told to wait, and for what.
async fn waits_for(world: &World, view: &CreditTransferView) -> Option<String> {
    sent(world, view, &pacs008(view)).await
}

/// The same for a message that is there already.
async fn sent(world: &World, view: &CreditTransferView, message: &[u8]) -> Option<String> {
    let reply = post(world, HARBOUR, message).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let status = status_of(&reply.body);
    let told = payment(world, view.uetr).await;
    match status.status {
        TransactionStatus::Pending => {
            assert!(status.information.is_some(), "the reason is told");
            Some(told["waits_for"].as_str().unwrap().to_owned())
        }
        TransactionStatus::InProcess => {
            assert_eq!(told["state"], "held");
            None
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_first_payment_waits_without_a_hold_and_is_taken_back_free_of_charge() {
    let world = World::start().await;
    assert_eq!(waits_for(&world, &of(10_000)).await, None, "in a new chain nothing cools off");
    let world = World::start().await;
    cooling(&world, 7_200, 0);
    let before = world.connect(HARBOUR).await.get("/v1/accounts").await.json();
    let view = of(10_000);
    let (message, now) = (pacs008(&view), jiff::Timestamp::now());
    assert_eq!(sent(&world, &view, &message).await.as_deref(), Some("first_payment"));
    let told = payment(&world, view.uetr).await;
    assert_eq!((&told["state"], &told["debit"]["amount"]), (&json!("waiting"), &json!("100.00")));
    let until: jiff::Timestamp = told["until"].as_str().unwrap().parse().unwrap();
    let waits = until.as_second() - now.as_second();
    assert!((7_199..=7_260).contains(&waits), "two hours, not {waits} s");

    // The message sent again has the same answer; the creditor agent knows of nothing, and no money is held.
    assert_eq!(sent(&world, &view, &message).await.as_deref(), Some("first_payment"));
    assert_eq!(inbox_kinds(&world, PEARL).await, [""; 0]);
    assert_eq!(world.connect(PEARL).await.get(&format!("/v1/payments/{}", Uetr(view.uetr))).await.code(), "GW-1016");
    assert_eq!(world.connect(HARBOUR).await.get("/v1/accounts").await.json(), before);

    let reply = post(&world, HARBOUR, &camt056(HARBOUR, view.uetr)).await;
    let answer = CancellationAnswerView::of(&parse(&reply.body).document).unwrap();
    assert_eq!((reply.status, answer.outcome), (200, CancellationOutcome::Cancelled), "{}", reply.text());
    assert_eq!(payment(&world, view.uetr).await["state"], "rejected");
    assert_eq!(world.connect(HARBOUR).await.get("/v1/accounts").await.json(), before, "free of charge");
    assert_eq!(inbox_kinds(&world, PEARL).await, [""; 0]);
    world.log.check_laws();
}

#[tokio::test]
async fn when_its_time_has_come_it_is_paid_and_the_pair_is_known() {
    let world = World::start().await;
    cooling(&world, 2, 0);
    let first = of(10_000);
    assert_eq!(waits_for(&world, &first).await.as_deref(), Some("first_payment"));
    world.log.tick();
    assert_eq!(payment(&world, first.uetr).await["state"], "waiting", "not before");
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    world.log.tick();
    assert_eq!(payment(&world, first.uetr).await["state"], "held");
    assert_eq!(inbox_kinds(&world, PEARL).await, ["pacs.008.001.08"]);
    // As long as it has not settled the pair is not known.
    assert_eq!(waits_for(&world, &of(5_000)).await.as_deref(), Some("first_payment"));
    let answer = pacs002(PEARL, first.uetr, TransactionStatus::InProcess, None);
    assert_eq!(post(&world, PEARL, &answer).await.header("luohu-payment-state"), Some("settled"));
    assert_eq!(waits_for(&world, &of(1_000_000)).await, None, "now it is");
    // Another account of the same creditor is another payee; and the bank may know better than the centre.
    let mut elsewhere = of(10_000);
    elsewhere.creditor_account.as_mut().unwrap().number = "6222000011119999".into();
    assert_eq!(waits_for(&world, &elsewhere).await.as_deref(), Some("first_payment"));
    let said_new = CreditTransferView { new_payee: true, ..of(10_000) };
    assert_eq!(waits_for(&world, &said_new).await.as_deref(), Some("first_payment"));
    world.log.check_laws();
}

#[tokio::test]
async fn amounts_below_the_rule_do_not_wait() {
    let world = World::start().await;
    cooling(&world, 7_200, 0);
    assert_eq!(waits_for(&world, &of(4_999)).await, None);
    assert_eq!(waits_for(&world, &of(5_000)).await.as_deref(), Some("first_payment"));
    world.log.check_laws();
}

#[tokio::test]
async fn what_risk_would_review_waits_as_well() {
    let review = RiskDecision { verdict: RiskVerdict::Review, ..RiskDecision::PASS };
    let world = World::with(Limits::default(), move |_| review).await;
    cooling(&world, 60, 7_200);
    assert_eq!(waits_for(&world, &of(100)).await.as_deref(), Some("risk_review"), "no first payment by its amount");
    assert_eq!(waits_for(&world, &of(10_000)).await.as_deref(), Some("risk_review"), "the longer one");
    cooling(&world, 60, 0);
    assert_eq!(waits_for(&world, &of(100)).await, None, "zero: it goes on");
    world.log.check_laws();
}

#[tokio::test]
async fn a_payment_cannot_wait_longer_than_its_quote_is_firm() {
    let world = World::start().await;
    cooling(&world, 7_200, 0);
    let asked = json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "debit", "amount": "100.00" });
    let quote = world.connect(HARBOUR).await.send(&Draft::json(world.bank(HARBOUR), "/v1/quotes", &asked)).await.json();
    let quote = uuid::Uuid::parse_str(quote["quote_id"].as_str().unwrap()).unwrap();
    let reply = post(&world, HARBOUR, &pacs008(&CreditTransferView { quote: Some(quote.into_bytes()), ..of(10_000) })).await;
    let status = status_of(&reply.body);
    assert_eq!((status.status, status.reason.as_deref()), (TransactionStatus::Rejected, Some("TM01")), "{}", reply.text());
    assert!(status.information.unwrap().starts_with("PAY-2081"));
    world.log.check_laws();
}
