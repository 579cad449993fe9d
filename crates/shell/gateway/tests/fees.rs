//! Fees, reviews and quotes with tiers at the door: told before consent, taken with the payment, told to both sides, over real TLS.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::{ChargeBearer, Code, Command, Posting, Price, ReviewTerms, SchemeTerms, Tariff, TariffLine, Time, Uetr};
use iso20022::view::{CreditTransferView, StatusReportView, TransactionStatus};
use money::{Currency, MinorUnits};
use serde_json::{Value, json};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{CNY, HARBOUR, HKD, OTHER, PEARL, World};

/// 1.00 and 0.1 % of each side, half and half.
async fn with_tariff() -> World {
    let world = World::start().await;
    let price =
        |currency: Currency| Price { currency, flat: MinorUnits(100), ppm: 1_000, min: MinorUnits(0), max: MinorUnits(5_000) };
    let line = TariffLine {
        code: Code::parse("P2P").unwrap(),
        corridor: None,
        debtor: None,
        creditor: None,
        purposes: vec![],
        bearer: ChargeBearer::Shared,
        prices: vec![price(HKD), price(CNY)],
    };
    let tariff = Tariff { version: 1, effective_from: Time(0), lines: vec![line] };
    world.log.run(Command::SchemeTerms(SchemeTerms::Tariff(tariff)));
    world
}

async fn post(world: &World, from: &str, body: &[u8]) -> Reply {
    world.connect(from).await.send(&Draft::xml(world.bank(from), body)).await
}

async fn ask(world: &World, from: &str, path: &str, body: &Value) -> Value {
    world.connect(from).await.send(&Draft::json(world.bank(from), path, body)).await.json()
}

/// What is in an inbox: cursor, message type and message.
async fn inbox(world: &World, of: &str) -> Vec<(u64, String, String)> {
    let mut client = world.connect(of).await;
    let items = client.get("/v1/inbox?after=0").await.json()["items"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    items.iter().map(|item| (item["cursor"].as_u64().unwrap(), text(&item["type"]), text(&item["message"]))).collect()
}

fn statuses(inbox: &[(u64, String, String)]) -> Vec<StatusReportView> {
    let reports = inbox.iter().filter(|(_, kind, _)| kind.starts_with("pacs.002"));
    reports.map(|(_, _, message)| status_of(message.as_bytes())).collect()
}

#[tokio::test]
async fn what_is_told_before_is_taken_and_both_sides_see_their_part() {
    let world = with_tariff().await;
    let question = json!({ "creditor_agent": PEARL, "debit": { "currency": "HKD", "amount": "100.00" } });
    let told = ask(&world, HARBOUR, "/v1/what-if", &question).await;
    let money = |amount: &str| json!({ "currency": "HKD", "amount": amount });
    assert_eq!(
        told["charges"],
        json!({
            "tariff": 1, "line": "P2P", "bearer": "SHAR", "debtor": money("0.55"), "creditor": money("0.55"),
            "debit_total": money("100.55"), "credit_net": money("99.45"),
        })
    );

    let view = transfer(HARBOUR, PEARL);
    let reply = post(&world, HARBOUR, &pacs008(&view)).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let charge = |status: &StatusReportView| status.charges.iter().map(|(amount, _)| amount.to_string()).collect::<Vec<_>>();
    assert_eq!(charge(&status_of(&reply.body)), ["0.55"]);

    let asked = inbox(&world, PEARL).await;
    let forwarded = CreditTransferView::of(&parse(asked[0].2.as_bytes()).document).unwrap();
    let amounts = |view: &CreditTransferView| {
        (view.interbank_settlement_amount.to_string(), view.instructed_amount.map(|amount| amount.to_string()))
    };
    assert_eq!(amounts(&forwarded), ("99.45".to_owned(), Some("100.00".to_owned())));
    assert_eq!(forwarded.charges.iter().map(|(amount, _)| amount.to_string()).collect::<Vec<_>>(), ["0.55"]);

    assert_eq!(post(&world, PEARL, &pacs002(PEARL, view.uetr, TransactionStatus::InProcess, None)).await.status, 200);
    assert_eq!(charge(&statuses(&inbox(&world, HARBOUR).await)[0]), ["0.55"]);
    assert_eq!(
        charge(&statuses(&inbox(&world, PEARL).await)[0]),
        Vec::<String>::new(),
        "the debtor agent's part is its own affair"
    );
    let mut client = world.connect(HARBOUR).await;
    let payment = client.get(&format!("/v1/payments/{}", Uetr(view.uetr))).await.json();
    assert_eq!(payment["charges"], json!({ "bearer": "SHAR", "debtor": money("0.55"), "creditor": money("0.55") }));
    assert_eq!(payment["credit"]["amount"], "99.45");
    assert_eq!(client.get("/v1/tariff").await.json()["lines"][0]["code"], "P2P");
    world.log.check_laws();
}

#[tokio::test]
async fn a_quote_for_a_payment_tells_its_fees_and_its_cap() {
    let world = with_tariff().await;
    let rate = json!({
        "debit_currency": "HKD", "credit_currency": "CNY", "rate": "0.5", "spread_ppm": 10_000, "credit_max": "1000.00",
        "valid_for_s": 600, "tiers": [{ "from": "1000.00", "improvement_ppm": 5_000 }],
        "relations": [{ "debtor_agent": HARBOUR, "improvement_ppm": 1_000 }],
    });
    assert_eq!(ask(&world, OTHER, "/v1/rates", &rate).await["status"], "published");
    let quote = |amount: &str| {
        json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "debit", "amount": amount, "capped": true,
                "payment": { "creditor_agent": PEARL } })
    };
    let told = ask(&world, HARBOUR, "/v1/quotes", &quote("1000.00")).await;
    assert_eq!((&told["spread"], &told["credit"]["amount"], &told["capped"]), (&json!("4.00"), &json!("498.00"), &Value::Null));
    assert_eq!(told["fees"][0]["debit_total"]["amount"], "1001.00");
    assert_eq!(told["fees"][0]["credit_net"], json!({ "currency": "CNY", "amount": "497.26" }));
    let told = ask(&world, HARBOUR, "/v1/quotes", &quote("9000.00")).await;
    assert_eq!((&told["credit"]["amount"], &told["capped"]), (&json!("1000.00"), &json!("provider")));
    let wrong = json!({ "debit_currency": "HKD", "credit_currency": "CNY", "rate": "0.5", "spread_ppm": 1, "credit_max": "1.00",
                        "valid_for_s": 600, "tiers": [{ "from": "1000.00", "improvement_ppm": 2 }] });
    assert_eq!(ask(&world, OTHER, "/v1/rates", &wrong).await["code"], "CLR-1165");
}

#[tokio::test]
async fn a_review_is_told_to_both_until_it_ends() {
    let world = World::start().await;
    world.log.run(Command::SchemeTerms(SchemeTerms::Reviews(ReviewTerms { review_ns: 1_000_000_000 })));
    let view = transfer(HARBOUR, PEARL);
    post(&world, HARBOUR, &pacs008(&view)).await;
    let reply = post(&world, PEARL, &pacs002(PEARL, view.uetr, TransactionStatus::Blocked, None)).await;
    assert_eq!(reply.status, 422, "a block names its case: {}", reply.text());
    let block = |case: &str| pacs002_with(PEARL, view.uetr, TransactionStatus::Blocked, &format!("/CASE/{case}"));
    assert_eq!(post(&world, PEARL, &block("K-1")).await.status, 409, "nothing is reviewed yet");
    let reply = post(&world, PEARL, &pacs002(PEARL, view.uetr, TransactionStatus::AcceptedWithoutPosting, None)).await;
    assert_eq!((reply.status, reply.header("luohu-payment-state")), (200, Some("settled")), "{}", reply.text());
    assert_eq!(post(&world, PEARL, &block("K-1")).await.status, 200);
    assert_eq!(post(&world, PEARL, &block("K-1")).await.status, 200, "said again");
    assert_eq!(post(&world, PEARL, &block("K-2")).await.status, 409);

    for bank in [HARBOUR, PEARL] {
        let said: Vec<_> = statuses(&inbox(&world, bank).await).iter().map(|status| status.status).collect();
        let expected = [TransactionStatus::Settled, TransactionStatus::AcceptedWithoutPosting, TransactionStatus::Blocked];
        assert_eq!(said, expected, "{bank}");
    }
    let reply = post(&world, HARBOUR, &pacs028(HARBOUR, view.uetr)).await;
    assert_eq!(status_of(&reply.body).status, TransactionStatus::Blocked);
    assert_eq!(post(&world, PEARL, &pacs002(PEARL, view.uetr, TransactionStatus::Rejected, Some("RR04"))).await.status, 200);
    let last = statuses(&inbox(&world, HARBOUR).await).pop().unwrap();
    assert_eq!((last.status, last.reason.as_deref()), (TransactionStatus::AcceptedWithoutPosting, Some("RR04")));
    let payment = world.connect(PEARL).await.get(&format!("/v1/payments/{}", Uetr(view.uetr))).await.json();
    assert_eq!(payment["posting"], Posting::ToBeReturned.name());
    world.log.check_laws();
}
