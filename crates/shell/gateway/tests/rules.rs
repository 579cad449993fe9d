//! The rulebook at the door: corridors, quotas, waiting, and asking before paying, over real TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::{
    Code, Command, Corridor, Country, Hours, Limit, Most, OutsideHours, PartyKind, Period, Purpose, Rulebook, Scope, Time,
};
use iso20022::view::{
    CancellationAnswerView, CancellationOutcome, CreditTransferView, IdentityView, StatusReportView, TransactionStatus,
};
use money::MinorUnits;
use serde_json::{Value, json};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, PEARL, World, now_ns};

const DAY_NS: u64 = 86_400_000_000_000;

fn document(number: &str) -> IdentityView {
    IdentityView { is_organisation: false, scheme: Some("NIDN".into()), issuer: Some("HK".into()), number: number.into() }
}

/// Northbound between persons, HKD 150.00 a day at each bank, gifts and goods; closed today if so wished.
async fn with_rules(closed_today: bool) -> World {
    let world = World::start().await;
    let today = (now_ns() / DAY_NS) as u32;
    let north = Corridor {
        code: Code::parse("NORTH").unwrap(),
        from: Country::parse("HK"),
        to: Country::parse("CN"),
        debtor: Some(PartyKind::Person),
        creditor: None,
        purposes: ["GIFT", "GDDS"].map(|code| Purpose::parse(code).unwrap()).to_vec(),
        currencies: vec![(HKD.code, HKD.code)],
        hours: Hours { closed_days: if closed_today { vec![today] } else { Vec::new() }, ..Hours::always() },
        outside_hours: OutsideHours::Queue,
        limits: vec![Limit {
            code: Code::parse("N-DAY").unwrap(),
            scope: Scope::PerBank(Period::Day),
            most: Most::Amount { currency: HKD, minor: MinorUnits(15_000) },
            exempt: Vec::new(),
        }],
    };
    let book = Rulebook { version: 1, effective_from: Time(0), corridors: vec![north], reference_rates: Vec::new() };
    world.log.run(Command::SetRulebook(book));
    world
}

async fn send(world: &World, view: &CreditTransferView) -> (Reply, StatusReportView) {
    send_body(world, &pacs008(view)).await
}

async fn send_body(world: &World, body: &[u8]) -> (Reply, StatusReportView) {
    let draft = Draft::xml(world.bank(HARBOUR), body);
    let reply = world.connect(HARBOUR).await.send(&draft).await;
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    let status = status_of(&reply.body);
    (reply, status)
}

async fn ask(world: &World, question: &Value) -> Reply {
    let draft = Draft::json(world.bank(HARBOUR), "/v1/what-if", question);
    world.connect(HARBOUR).await.send(&draft).await
}

fn question(amount: &str, number: &str) -> Value {
    json!({
        "creditor_agent": PEARL,
        "debit": { "currency": "HKD", "amount": amount },
        "purpose": "GIFT",
        "document": { "scheme": "NIDN", "issuer": "HK", "number": number },
    })
}

#[tokio::test]
async fn a_persons_quota_is_counted_however_the_document_is_written() {
    let world = with_rules(false).await;
    let mut first = transfer(HARBOUR, PEARL);
    first.debtor.identity = Some(document("A123456(3)"));
    assert_eq!(send(&world, &first).await.1.status, TransactionStatus::InProcess);

    let answer = ask(&world, &question("50.01", "a1234563")).await.json();
    assert_eq!(answer["allowed"], false);
    assert_eq!((&answer["reason"]["iso"], &answer["reason"]["code"]), (&json!("SL16"), &json!("PAY-2020")));
    let quota = &answer["quotas"][0];
    assert_eq!(
        *quota,
        json!({ "limit": "N-DAY", "per": "bank_day", "currency": "HKD", "used": "100.00", "remaining": "50.00", "most": "150.00" })
    );
    let answer = ask(&world, &question("50.00", "a1234563")).await.json();
    assert_eq!((&answer["corridor"], &answer["allowed"]), (&json!("NORTH"), &json!(true)));
    assert_eq!(ask(&world, &question("100.00", "B1")).await.json()["quotas"][0]["used"], "0.00");

    let mut second = transfer(HARBOUR, PEARL);
    second.debtor.identity = Some(document("A 1234563"));
    let (reply, status) = send(&world, &second).await;
    assert_eq!((reply.status, status.status, status.reason.as_deref()), (200, TransactionStatus::Rejected, Some("SL16")));
}

#[tokio::test]
async fn what_the_corridor_asks_for_is_named() {
    let world = with_rules(false).await;
    for (change, reason) in [
        (Box::new(|_: &mut CreditTransferView| {}) as Box<dyn Fn(&mut CreditTransferView)>, "RR01"),
        (Box::new(|view| view.purpose = Some("INVS".into())), "FF07"),
        (Box::new(|view| view.purpose = None), "FF07"),
        (Box::new(|view| view.debtor.identity = Some(IdentityView { is_organisation: true, ..document("C1") })), "AG03"),
    ] {
        let mut view = transfer(HARBOUR, PEARL);
        change(&mut view);
        let (_, status) = send(&world, &view).await;
        assert_eq!(status.reason.as_deref(), Some(reason), "{:?}", status.information);
    }
}

#[tokio::test]
async fn a_closed_corridor_lets_wait_and_says_until_when() {
    let world = with_rules(true).await;
    let mut view = transfer(HARBOUR, PEARL);
    view.debtor.identity = Some(document("A1"));
    let body = pacs008(&view);
    let (reply, status) = send_body(&world, &body).await;
    assert_eq!((reply.status, reply.header("luohu-payment-state")), (202, Some("waiting")), "{}", reply.text());
    assert_eq!(status.status, TransactionStatus::Pending);
    assert!(status.information.unwrap().starts_with("the corridor opens at 20"));
    // Sent again, asked about, read: the same answer.
    assert_eq!(send_body(&world, &body).await.1.status, TransactionStatus::Pending);
    let body = pacs028(HARBOUR, view.uetr);
    let reply = world.connect(HARBOUR).await.send(&Draft::xml(world.bank(HARBOUR), &body)).await;
    assert_eq!((reply.status, status_of(&reply.body).status), (200, TransactionStatus::Pending));
    let path = format!("/v1/payments/{}", view.uetr_text());
    let read = world.connect(HARBOUR).await.get(&path).await.json();
    assert_eq!((&read["state"], &read["waits_for"]), (&json!("waiting"), &json!("corridor_opening")));
    // The creditor agent does not know of it.
    assert_eq!(world.connect(PEARL).await.get(&path).await.status, 404);
    assert_eq!(world.connect(PEARL).await.get("/v1/inbox?after=0").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_payment_that_is_wanted_later_is_taken_up_then() {
    let world = World::start().await;
    let mut view = transfer(HARBOUR, PEARL);
    let at = (now_ns() / 1_000_000_000 + 3600) * 1_000_000_000;
    view.execute_from = Some(at);
    let (reply, _) = send(&world, &view).await;
    assert_eq!((reply.status, reply.header("luohu-payment-state")), (202, Some("waiting")), "{}", reply.text());
    let read = world.connect(HARBOUR).await.get(&format!("/v1/payments/{}", view.uetr_text())).await.json();
    assert_eq!(read["waits_for"], "execution_time");
    assert_eq!(read["until"], gateway::rfc3339(Time(at)));
}

async fn take_back(world: &World, bic: &'static str, uetr: [u8; 16]) -> (u16, CancellationAnswerView) {
    let body = camt056(bic, uetr);
    let draft = Draft::xml(world.bank(bic), &body);
    let reply = world.connect(bic).await.send(&draft).await;
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    (reply.status, CancellationAnswerView::of(&parse(&reply.body).document).unwrap())
}

#[tokio::test]
async fn what_waits_can_be_taken_back_and_nothing_else() {
    let world = World::start().await;
    let mut view = transfer(HARBOUR, PEARL);
    view.execute_from = Some((now_ns() / 1_000_000_000 + 3600) * 1_000_000_000);
    let body = pacs008(&view);
    send_body(&world, &body).await;
    let (status, answer) = take_back(&world, PEARL, view.uetr).await;
    assert_eq!((status, answer.outcome, answer.reason.as_deref()), (403, CancellationOutcome::Refused, Some("AGNT")));
    for _ in 0..2 {
        let (status, answer) = take_back(&world, HARBOUR, view.uetr).await;
        assert_eq!((status, answer.outcome, answer.uetr), (200, CancellationOutcome::Cancelled, view.uetr));
    }
    // It has ended, and the same message again gets that end.
    let (_, status) = send_body(&world, &body).await;
    assert_eq!((status.status, status.reason.as_deref()), (TransactionStatus::Rejected, Some("CUST")));

    let held = transfer(HARBOUR, PEARL);
    send(&world, &held).await;
    let (status, answer) = take_back(&world, HARBOUR, held.uetr).await;
    assert_eq!((status, answer.outcome, answer.reason.as_deref()), (409, CancellationOutcome::Refused, Some("PTNA")));
    let (status, answer) = take_back(&world, HARBOUR, fresh_uetr()).await;
    assert_eq!((status, answer.reason.as_deref()), (404, Some("NOOR")));
    world.log.check_laws();
}

#[tokio::test]
async fn bad_questions_name_their_field_and_the_rulebook_is_readable() {
    let world = with_rules(false).await;
    for (key, value, field, code) in [
        ("creditor_agent", json!("NOBODYHKXXX"), "creditor_agent", "CLR-1003"),
        ("purpose", json!("gift"), "purpose", "GW-1015"),
        ("debit", json!({ "currency": "JPY", "amount": "1" }), "debit", "CLR-1008"),
        ("debit", json!({ "currency": "HKD", "amount": "1.001" }), "debit", "GW-1015"),
    ] {
        let mut asked = question("1.00", "A1");
        asked[key] = value;
        let reply = ask(&world, &asked).await;
        assert_eq!((reply.code().as_str(), reply.json()["field"].as_str()), (code, Some(field)), "{}", reply.text());
    }
    let book = world.connect(HARBOUR).await.get("/v1/rulebook").await.json();
    assert_eq!((&book["version"], &book["corridors"][0]["code"]), (&json!(1), &json!("NORTH")));
    assert_eq!(book["corridors"][0]["limits"][0]["most"], json!({ "currency": "HKD", "amount": "150.00" }));
    assert_eq!(World::start().await.connect(HARBOUR).await.get("/v1/rulebook").await.json(), Value::Null);
}
