//! What the door says of payments whose signed messages were erased: how they ended to everybody, and of the message itself 410.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use chain::{Receipt, VerifierKey};
use clearing::{Command, Settings, Uetr};
use iso20022::view::{CreditTransferView, PaymentReturnView, StatusReportView, TransactionStatus};
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

async fn send(world: &World, bic: &'static str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

async fn inbox(world: &World, bic: &'static str) -> Vec<(String, Vec<u8>)> {
    let page = world.connect(bic).await.get("/v1/inbox?after=0").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let page = page.json();
    page["items"].as_array().unwrap().iter().map(|item| (text(item, "type"), text(item, "message").into_bytes())).collect()
}

/// A payment of 100.00 HKD from Harbour to Pearl, settled.
async fn settled(world: &World) -> CreditTransferView {
    let view = transfer(HARBOUR, PEARL);
    assert_eq!(send(world, HARBOUR, &pacs008(&view)).await.status, 202);
    let reply = send(world, PEARL, &pacs002(PEARL, view.uetr, TransactionStatus::InProcess, None)).await;
    assert_eq!(reply.header("luohu-payment-state"), Some("settled"), "{}", reply.text());
    view
}

fn back(uetr: [u8; 16], created_at: u64) -> PaymentReturnView {
    PaymentReturnView {
        message_id: format!("MSG-{created_at}"),
        created_at,
        return_id: format!("R-{created_at}"),
        uetr,
        original_end_to_end_id: Some("E2E-1".into()),
        original_transaction_id: None,
        original_amount: Some(hkd(10_000)),
        returned_amount: hkd(4_000),
        returned_instructed_amount: None,
        quote: None,
        reason: "AC04".into(),
        information: Some("account of LI XIAO MING was closed".into()),
        clearing_system_reference: None,
        instructing_agent: Some(PEARL.into()),
        instructed_agent: None,
    }
}

#[tokio::test]
async fn who_sent_a_message_may_read_it_as_it_was_received() {
    let world = World::start().await;
    let view = settled(&world).await;
    let path = format!("/v1/payments/{}/message", Uetr(view.uetr));
    let told = world.connect(HARBOUR).await.get(&path).await.json();
    assert_eq!(parse(told["message"].as_str().unwrap().as_bytes()).document, view.message().unwrap());
    for part in ["digest", "signature_input", "signature"] {
        assert!(told[part].as_str().is_some_and(|text| !text.is_empty()), "{part}");
    }
    for bic in [PEARL, OTHER] {
        let reply = world.connect(bic).await.get(&path).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "GW-1016"), "{bic}");
    }
}

#[tokio::test]
async fn an_erased_payment_is_told_by_its_end_alone() {
    let world = World::start().await;
    let view = settled(&world).await;
    let given_back = back(view.uetr, now_ns() / 1_000_000 * 1_000_000);
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &given_back)).await.status, 200);
    world.log.erase_messages();
    // What the gateway has in memory is over with its process.
    let world = world.restart().await;

    let path = format!("/v1/payments/{}", Uetr(view.uetr));
    let mut client = world.connect(HARBOUR).await;
    let gone = client.get(&format!("{path}/message")).await;
    assert_eq!((gone.status, gone.code().as_str()), (410, "GW-1040"));
    assert_eq!(gone.json()["retry"], "never");
    assert_eq!(client.get(&path).await.json()["state"], "settled");
    let receipt = client.get(&format!("{path}/receipt")).await;
    let keys: Vec<VerifierKey> = client.get("/v1/keys").await.text().lines().map(|key| key.parse().unwrap()).collect();
    let proved = Receipt::parse(receipt.text()).unwrap().verify(&keys).unwrap();
    assert_eq!(proved.record.debit_minor, 10_000, "the receipt stands");

    let asked = send(&world, HARBOUR, &pacs028(HARBOUR, view.uetr)).await;
    let status = status_of(&asked.body);
    assert_eq!((asked.status, status.status, status.uetr), (200, TransactionStatus::Settled, view.uetr));
    assert_eq!(status.original_message_id.as_deref(), Some("NOTPROVIDED"));

    // Who reads its inbox anew: the end of the payment and what came back, and no word of persons (PAY-02).
    let debtors = inbox(&world, HARBOUR).await;
    let kinds: Vec<&str> = debtors.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["pacs.002.001.10", "pacs.004.001.09"]);
    let status = StatusReportView::of(&parse(&debtors[0].1).document).unwrap();
    assert_eq!((status.status, status.uetr), (TransactionStatus::Settled, view.uetr));
    let told = PaymentReturnView::of(&parse(&debtors[1].1).document).unwrap();
    assert_eq!((told.uetr, told.returned_amount, told.reason.as_str()), (view.uetr, hkd(4_000), "AC04"));
    assert_eq!((told.information, told.clearing_system_reference), (None, Some(told.return_id)));
    let creditors = inbox(&world, PEARL).await;
    let kinds: Vec<&str> = creditors.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["pacs.002.001.10", "pacs.002.001.10"], "it is not asked again for what it has answered");
    for (_, message) in debtors.iter().chain(&creditors) {
        let text = String::from_utf8_lossy(message);
        assert!(!text.contains("CHAN") && !text.contains("LI XIAO") && !text.contains("012-345678"), "{text}");
    }
    world.log.check_laws();
}

/// An item that cannot be made from what was kept ends no stream: what comes behind it is told all the same.
#[tokio::test]
async fn a_message_that_cannot_be_read_any_more_holds_nobody_up() {
    let world = World::start().await;
    let view = settled(&world).await;
    let open = transfer(HARBOUR, PEARL);
    assert_eq!(send(&world, HARBOUR, &pacs008(&open)).await.status, 202);
    world.log.spoil_messages();
    let world = world.restart().await;
    let reply = world.connect(HARBOUR).await.get(&format!("/v1/payments/{}/message", Uetr(view.uetr))).await;
    assert_eq!((reply.status, reply.code().as_str()), (500, "GW-1044"));
    let behind = settled(&world).await;
    let debtors = inbox(&world, HARBOUR).await;
    let status = StatusReportView::of(&parse(&debtors[0].1).document).unwrap();
    assert_eq!((status.status, status.uetr), (TransactionStatus::Settled, view.uetr));
    assert_eq!(status.original_message_id.as_deref(), Some("NOTPROVIDED"));
    let creditors = inbox(&world, PEARL).await;
    let is_named = |uetr: [u8; 16]| {
        let name = Uetr(uetr).to_string();
        creditors.iter().any(|(_, message)| String::from_utf8_lossy(message).contains(&name))
    };
    assert!(is_named(behind.uetr), "what came behind is told");
    assert!(!is_named(open.uetr), "nobody can be asked to credit a payment that is not known");
    world.log.check_laws();
}

#[tokio::test]
async fn an_erased_payment_the_centre_has_forgotten_is_not_returned_or_recalled() {
    let world = World::start().await;
    let view = settled(&world).await;
    let before = world.log.balance(PEARL, HKD);
    let second = 1_000_000_000;
    world.log.run(Command::Configure(Settings { payment_retention_ns: 601 * second, ..Settings::default() }));
    world.log.tick_at(now_ns() + 2_000 * second);
    world.log.tick_at(now_ns() + 2_001 * second);
    world.log.erase_messages();
    let later = back(view.uetr, (now_ns() + 2_001 * second) / second * second);
    let reply = send(&world, PEARL, &pacs004(PEARL, &later)).await;
    assert_eq!((reply.status, reply.code().as_str()), (410, "GW-1043"), "{}", reply.text());
    let reply = send(&world, HARBOUR, &camt056(HARBOUR, view.uetr)).await;
    assert_eq!((reply.status, reply.code().as_str()), (410, "GW-1043"), "{}", reply.text());
    assert_eq!(world.log.balance(PEARL, HKD), before);
    world.log.check_laws();
}
