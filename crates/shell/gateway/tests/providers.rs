//! Exchange providers are blind to each other: whatever one of them asks the door, over real TLS, nothing of another's rate,
//! quote or earnings is in the answer.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::{AccountPurpose, Bic, Command, Fund, FundDirection, ParticipantId, RegisterParticipant, Uetr};
use iso20022::view::{CreditTransferView, TransactionStatus};
use money::{Currency, MinorUnits};
use serde_json::{Value, json};
use signing::{FileSigner, Signer};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{Bank, CNY, HARBOUR, HKD, OTHER, PEARL, World};

/// The second provider.
const RIVAL: &str = "RIVAHKHHXXX";

/// What each publishes: rate, spread and most, in digits that nothing else has. The rival's is the better one.
const PUBLISHED: [(&str, &str, u32, &str); 2] = [(OTHER, "0.92178", 1_379, "71234.56"), (RIVAL, "0.93469", 1_283, "81357.91")];

async fn two_providers() -> World {
    let mut world = World::start().await;
    let signer = FileSigner::ephemeral(&format!("{RIVAL}#1"));
    world.log.run(Command::RegisterParticipant(RegisterParticipant {
        bic: Bic::parse(RIVAL).unwrap(),
        name: "Rival Bank".into(),
        key: signer.public_key(),
        provides_exchange: true,
        currencies: vec![HKD.code, CNY.code],
    }));
    let fund = |currency: Currency, purpose, reference| {
        let (participant, direction, amount) = (ParticipantId(3), FundDirection::In, MinorUnits(100_000_000));
        Command::Fund(Fund { participant, currency: currency.code, purpose, direction, amount, reference: [reference; 16] })
    };
    for (at, currency) in [HKD, CNY].into_iter().enumerate() {
        world.log.run(fund(currency, AccountPurpose::Settlement, 100 + at as u8));
        world.log.run(fund(currency, AccountPurpose::Exchange, 110 + at as u8));
    }
    let identity = world.authority.issue_client(RIVAL).unwrap();
    world.banks.push(Bank { bic: RIVAL, signer, identity });
    world
}

async fn json_post(world: &World, from: &str, path: &str, body: &Value) -> Reply {
    world.connect(from).await.send(&Draft::json(world.bank(from), path, body)).await
}

async fn publish(world: &World, (by, rate, spread_ppm, credit_max): (&str, &str, u32, &str)) {
    let body = json!({
        "debit_currency": "HKD", "credit_currency": "CNY", "rate": rate, "spread_ppm": spread_ppm, "credit_max": credit_max,
        "valid_for_s": 600, "relations": [{ "debtor_agent": HARBOUR, "improvement_ppm": 77 }],
    });
    let reply = json_post(world, by, "/v1/rates", &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "status": "published" })), "not even its own is repeated");
}

fn quote_of(amount: &str) -> Value {
    json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "debit", "amount": amount })
}

/// Everything a participant can read, as one text.
async fn everything(world: &World, bic: &str, payment: Uetr) -> String {
    let mut client = world.connect(bic).await;
    let paths = [
        "/v1/inbox?after=0&entries=told&limit=1000",
        "/v1/inbox?after=0&signed=together&limit=1000",
        "/v1/participants",
        "/v1/accounts",
        "/v1/payments",
        "/v1/statement?currency=HKD",
        "/v1/statement?currency=CNY",
        "/v1/reconciliation?currency=CNY",
        "/v1/rulebook",
        "/v1/tariff",
        "/v1/checkpoint",
        "/healthz",
    ];
    let mut text = String::new();
    for path in paths {
        text.push_str(client.get(path).await.text());
    }
    for of in ["", "/receipt", "/message"] {
        text.push_str(client.get(&format!("/v1/payments/{payment}{of}")).await.text());
    }
    // What POST tells.
    for (path, body) in [
        ("/v1/rates", json!({ "debit_currency": "HKD", "credit_currency": "CNY", "rate": "x" })),
        ("/v1/what-if", json!({ "creditor_agent": PEARL, "debit": { "currency": "HKD", "amount": "1.00" } })),
    ] {
        text.push_str(json_post(world, bic, path, &body).await.text());
    }
    let status = Draft::xml(world.bank(bic), &pacs028(bic, payment.0));
    text.push_str(client.send(&status).await.text());
    text
}

#[tokio::test]
async fn no_provider_sees_anothers_rate_or_quote() {
    let world = two_providers().await;
    publish(&world, PUBLISHED[0]).await;
    let alone = json_post(&world, HARBOUR, "/v1/quotes", &quote_of("100.00")).await.json();
    assert_eq!(alone["provider"], OTHER);
    publish(&world, PUBLISHED[1]).await;
    let best = json_post(&world, HARBOUR, "/v1/quotes", &quote_of("100.00")).await;
    let told = best.json();
    assert_eq!((&told["provider"], told["rate"].as_str()), (&json!(RIVAL), Some("0.93469")), "the better one");
    // Who asked is told the best offer, and nothing of the other.
    for digits in [OTHER, "0.92178", "1379", "71234.56"] {
        assert!(!best.text().contains(digits), "{digits} in {}", best.text());
    }

    // It is paid on, so that there is something to be seen.
    let quote = uuid::Uuid::parse_str(told["quote_id"].as_str().unwrap()).unwrap();
    let view = CreditTransferView { quote: Some(quote.into_bytes()), ..transfer(HARBOUR, PEARL) };
    let mut client = world.connect(HARBOUR).await;
    assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&view))).await.status, 202);
    let answer = Draft::xml(world.bank(PEARL), &pacs002(PEARL, view.uetr, TransactionStatus::InProcess, None));
    assert_eq!(world.connect(PEARL).await.send(&answer).await.header("luohu-payment-state"), Some("settled"));

    let quote_id = told["quote_id"].as_str().unwrap();
    let credit = told["credit"]["amount"].as_str().unwrap();
    let (loser, winner) = (everything(&world, OTHER, Uetr(view.uetr)).await, everything(&world, RIVAL, Uetr(view.uetr)).await);
    for secret in [quote_id, "0.93469", "1283", "81357.91", credit, "improvement"] {
        assert!(!loser.contains(secret), "the loser sees {secret} of the other");
    }
    for secret in [alone["quote_id"].as_str().unwrap(), "0.92178", "1379", "71234.56", "improvement"] {
        assert!(!winner.contains(secret), "the winner sees {secret} of the other");
    }
    world.log.check_laws();
}

#[tokio::test]
async fn a_rate_published_changes_nothing_anybody_else_can_read() {
    let world = two_providers().await;
    publish(&world, PUBLISHED[0]).await;
    let nobody = Uetr(fresh_uetr());
    let still = |text: String| {
        // Heights, times and signatures go on by themselves.
        let digits: Vec<&str> = PUBLISHED.iter().flat_map(|(_, rate, _, most)| [*rate, *most]).collect();
        digits.iter().filter(|digits| text.contains(*digits)).count()
    };
    let before = world.connect(OTHER).await.get("/v1/accounts").await.json();
    publish(&world, PUBLISHED[1]).await;
    json_post(&world, HARBOUR, "/v1/quotes", &quote_of("100.00")).await;
    assert_eq!(world.connect(OTHER).await.get("/v1/accounts").await.json(), before, "a quote that was lost moves nothing");
    for bic in [OTHER, RIVAL, HARBOUR, PEARL] {
        assert_eq!(still(everything(&world, bic, nobody).await), 0, "{bic}");
    }
    // There is no reading what was published, not even one's own.
    assert_eq!(world.connect(RIVAL).await.get("/v1/rates").await.code(), "GW-1002");
    assert_eq!(world.connect(RIVAL).await.get("/v1/quotes").await.code(), "GW-1002");
}
