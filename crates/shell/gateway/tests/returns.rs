//! What follows settlement, through the door: money sent back, and asked back.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use chain::{Receipt, VerifierKey};
use clearing::{Command, Settings};
use iso20022::view::{
    CancellationAnswerView, CancellationOutcome, CancellationRequestView, CreditTransferView, PaymentReturnView, RequestStatus,
    StatusReportView, TransactionStatus,
};
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

async fn send(world: &World, bic: &'static str, body: &[u8]) -> Reply {
    let draft = Draft::xml(world.bank(bic), body);
    let reply = world.connect(bic).await.send(&draft).await;
    if !reply.body.is_empty() {
        reply.verify(draft.header("Content-Digest"), world.centre_key);
    }
    reply
}

/// Types and messages of an inbox behind a cursor.
async fn inbox(world: &World, bic: &'static str, after: u64) -> (Vec<(String, Vec<u8>)>, u64) {
    let page = world.connect(bic).await.get(&format!("/v1/inbox?after={after}")).await.json();
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap();
    let found = items.iter().map(|item| (text(item, "type"), text(item, "message").into_bytes())).collect();
    (found, page["next"].as_u64().unwrap())
}

/// A payment of 100.00 HKD from Harbour to Pearl, settled; and where both inboxes are then.
async fn settled(world: &World) -> ([u8; 16], [u64; 2]) {
    let transfer = transfer(HARBOUR, PEARL);
    assert_eq!(send(world, HARBOUR, &pacs008(&transfer)).await.status, 202);
    let reply = send(world, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::InProcess, None)).await;
    assert_eq!(reply.header("luohu-payment-state"), Some("settled"), "{}", reply.text());
    (transfer.uetr, [inbox(world, HARBOUR, 0).await.1, inbox(world, PEARL, 0).await.1])
}

/// The same, made on a request to pay.
async fn settled_on_request(world: &World) -> [u8; 16] {
    let request = request(PEARL, HARBOUR);
    assert_eq!(send(world, PEARL, &pain013(&request)).await.status, 202);
    let accepted = Draft::xml(world.bank(HARBOUR), &pain014(&request, RequestStatus::Accepted, None));
    assert_eq!(world.connect(HARBOUR).await.send(&accepted).await.status, 200);
    let transfer = CreditTransferView { request: Some(request.uetr), ..transfer(HARBOUR, PEARL) };
    assert_eq!(send(world, HARBOUR, &pacs008(&transfer)).await.status, 202);
    let answer = Draft::xml(world.bank(PEARL), &pacs002(PEARL, transfer.uetr, TransactionStatus::InProcess, None));
    assert_eq!(world.connect(PEARL).await.send(&answer).await.header("luohu-payment-state"), Some("settled"));
    transfer.uetr
}

fn back(uetr: [u8; 16], return_id: &str, minor: u64) -> PaymentReturnView {
    PaymentReturnView {
        message_id: format!("MSG-{return_id}"),
        created_at: now_ns() / 1_000_000 * 1_000_000,
        return_id: return_id.to_owned(),
        uetr,
        original_end_to_end_id: Some("E2E-1".into()),
        original_transaction_id: None,
        original_amount: Some(hkd(10_000)),
        returned_amount: hkd(minor),
        returned_instructed_amount: None,
        quote: None,
        reason: "AC04".into(),
        information: Some("the account was closed".into()),
        clearing_system_reference: None,
        instructing_agent: Some(PEARL.into()),
        instructed_agent: None,
    }
}

#[tokio::test]
async fn a_return_settles_at_once_and_both_agents_learn_of_it() {
    let world = World::start().await;
    let (uetr, [harbour, pearl]) = settled(&world).await;
    let before = [world.log.balance(HARBOUR, HKD), world.log.balance(PEARL, HKD)];
    let view = back(uetr, "R1", 4_000);
    let body = pacs004(PEARL, &view);
    for _ in 0..2 {
        // The same message again has the same answer, and moves nothing.
        let reply = send(&world, PEARL, &body).await;
        assert_eq!((reply.status, reply.header("luohu-payment-state")), (200, Some("settled")), "{}", reply.text());
        let status = status_of(&reply.body);
        assert_eq!((status.status, status.uetr), (TransactionStatus::Settled, uetr));
        assert_eq!(status.original_message_name.as_deref(), Some("pacs.004.001.09"));
        assert_eq!(status.original_transaction_id.as_deref(), Some("R1"));
        assert_eq!([world.log.balance(HARBOUR, HKD), world.log.balance(PEARL, HKD)], [before[0] + 4_000, before[1] - 4_000]);
    }

    // The debtor agent gets it in the returner's words; the returner a status.
    let (items, _) = inbox(&world, HARBOUR, harbour).await;
    let [(kind, message)] = items.as_slice() else { panic!("{} items", items.len()) };
    assert_eq!(kind, "pacs.004.001.09");
    let told = PaymentReturnView::of(&parse(message).document).unwrap();
    assert_eq!((told.uetr, told.returned_amount, told.return_id.as_str()), (uetr, hkd(4_000), "R1"));
    assert_eq!((told.reason.as_str(), told.information.as_deref()), ("AC04", Some("the account was closed")));
    let (items, _) = inbox(&world, PEARL, pearl).await;
    assert_eq!(StatusReportView::of(&parse(&items[0].1).document).unwrap().original_transaction_id.as_deref(), Some("R1"));

    // It has a receipt of its own, which names the payment.
    let reference = told.clearing_system_reference.unwrap();
    let id = uuid::Uuid::parse_str(&reference).unwrap().to_string();
    let mut client = world.connect(HARBOUR).await;
    let read = client.get(&format!("/v1/payments/{id}")).await.json();
    assert_eq!(read["returns"]["reason"], "AC04");
    assert_eq!(read["returns"]["uetr"], uuid::Uuid::from_bytes(uetr).to_string());
    let receipt = client.get(&format!("/v1/payments/{id}/receipt")).await;
    let keys: Vec<VerifierKey> = client.get("/v1/keys").await.text().lines().map(|key| key.parse().unwrap()).collect();
    let proved = Receipt::parse(receipt.text()).unwrap().verify(&keys).unwrap();
    assert_eq!((proved.record.returns, proved.record.reason, proved.record.debit_minor), (Some(uetr), *b"AC04", 4_000));
    // And its status can be asked for.
    let asked = send(&world, PEARL, &pacs028(PEARL, uuid::Uuid::parse_str(&id).unwrap().into_bytes())).await;
    assert_eq!((asked.status, status_of(&asked.body).status), (200, TransactionStatus::Settled), "{}", asked.text());
    world.log.check_laws();
}

#[tokio::test]
async fn a_return_that_does_not_fit_says_why() {
    let world = World::start().await;
    let (uetr, _) = settled(&world).await;
    let other = fresh_uetr();
    let mut wrong = back(uetr, "R2", 100);
    wrong.reason = "ZZZZ".into();
    for (bic, view, status, reason, code) in [
        (PEARL, back(uetr, "R2", 10_001), 422, "AM09", "CLR-1113"),
        (OTHER, back(uetr, "R2", 100), 403, "AGNT", "CLR-1006"),
        (PEARL, back(other, "R2", 100), 404, "AG09", "CLR-1005"),
        (PEARL, wrong, 422, "CH16", "CLR-1115"),
    ] {
        let reply = send(&world, bic, &pacs004(bic, &view)).await;
        let told = status_of(&reply.body);
        assert_eq!((reply.status, told.status, told.reason.as_deref()), (status, TransactionStatus::Rejected, Some(reason)));
        assert!(told.information.unwrap().starts_with(code));
    }
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &back(uetr, "R2", 100))).await.status, 200);
    // Another return under the same identification.
    let mut again = back(uetr, "R2", 200);
    again.message_id = "ANOTHER".into();
    let reply = send(&world, PEARL, &pacs004(PEARL, &again)).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (409, Some("DUPL")));
    world.log.check_laws();
}

#[tokio::test]
async fn a_forgotten_payment_is_returned_with_what_the_past_has_of_it() {
    let world = World::start().await;
    let (uetr, _) = settled(&world).await;
    let asked_for = settled_on_request(&world).await;
    let first = pacs004(PEARL, &back(uetr, "R1", 1_000));
    assert_eq!(send(&world, PEARL, &first).await.status, 200);
    let second = 1_000_000_000;
    world.log.run(Command::Configure(Settings { payment_retention_ns: 601 * second, ..Settings::default() }));
    world.log.tick_at(now_ns() + 2_000 * second);
    world.log.tick_at(now_ns() + 2_001 * second);
    assert!(world.log.payments().is_empty(), "the centre has forgotten all of them");
    let later = |id: &str, minor| PaymentReturnView {
        created_at: (now_ns() + 2_001 * second) / second * second,
        ..back(uetr, id, minor)
    };
    let reply = send(&world, PEARL, &pacs004(PEARL, &later("R2", 9_001))).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (422, Some("AM09")), "{}", reply.text());
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &later("R2", 9_000))).await.status, 200);
    let of_request = PaymentReturnView { uetr: asked_for, ..later("R4", 1_000) };
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &of_request)).await.status, 200, "what it was made on is no matter");
    // A return that was forgotten, sent again: its answer comes from the past.
    assert_eq!(send(&world, PEARL, &first).await.header("luohu-payment-state"), Some("settled"));
    // Another one under its identification is seen for what it is.
    assert_eq!(status_of(&send(&world, PEARL, &pacs004(PEARL, &later("R1", 1))).await.body).reason.as_deref(), Some("DUPL"));
    // And it can be recalled.
    let reply = send(&world, HARBOUR, &camt056(HARBOUR, uetr)).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    world.log.check_laws();
}

#[tokio::test]
async fn a_recall_is_put_to_the_creditor_agent_and_its_answer_comes_back() {
    let world = World::start().await;
    let (uetr, [harbour, pearl]) = settled(&world).await;
    let body = camt056(HARBOUR, uetr);
    for _ in 0..2 {
        let reply = send(&world, HARBOUR, &body).await;
        let answer = CancellationAnswerView::of(&parse(&reply.body).document).unwrap();
        assert_eq!((reply.status, answer.outcome, answer.uetr), (202, CancellationOutcome::Pending, uetr));
    }
    let reply = send(&world, HARBOUR, &camt056(HARBOUR, uetr)).await;
    assert_eq!(reply.status, 409, "one at a time: {}", reply.text());
    let (items, _) = inbox(&world, PEARL, pearl).await;
    let [(kind, message)] = items.as_slice() else { panic!("{} items", items.len()) };
    assert_eq!(kind, "camt.056.001.08");
    let asked = CancellationRequestView::of(&parse(message).document).unwrap();
    assert_eq!((asked.uetr, asked.reason.as_deref(), asked.assigner.as_str()), (uetr, Some("CUST"), CENTRE));

    // Only who was asked answers, and once.
    let no = camt029(PEARL, uetr, CancellationOutcome::Refused, Some("CUST"));
    assert_eq!(send(&world, OTHER, &camt029(OTHER, uetr, CancellationOutcome::Cancelled, None)).await.status, 403);
    let pending = camt029(PEARL, uetr, CancellationOutcome::Pending, None);
    let reply = world.connect(PEARL).await.send(&Draft::xml(world.bank(PEARL), &pending)).await;
    assert_eq!((reply.status, reply.code().as_str()), (422, "GW-1018"));
    assert_eq!(send(&world, PEARL, &no).await.status, 200);
    assert_eq!(send(&world, PEARL, &no).await.status, 200);
    let yes = camt029(PEARL, uetr, CancellationOutcome::Cancelled, None);
    assert_eq!(send(&world, PEARL, &yes).await.status, 409);
    let (items, harbour) = inbox(&world, HARBOUR, harbour).await;
    let told = CancellationAnswerView::of(&parse(&items[0].1).document).unwrap();
    assert_eq!((told.outcome, told.reason.as_deref()), (CancellationOutcome::Refused, Some("CUST")));

    // Asked anew, and accepted: the return follows as the creditor agent's own message.
    assert_eq!(send(&world, HARBOUR, &camt056(HARBOUR, uetr)).await.status, 202);
    assert_eq!(send(&world, PEARL, &yes).await.status, 200);
    let returned = PaymentReturnView { reason: "FOCR".into(), ..back(uetr, "R1", 10_000) };
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &returned)).await.status, 200);
    let kinds: Vec<String> = inbox(&world, HARBOUR, harbour).await.0.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["camt.029.001.09", "pacs.004.001.09"]);
    world.log.check_laws();
}
