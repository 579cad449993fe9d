//! Money that participants pay each other for themselves, by message: at once, in a queue, taken back.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::view::{
    CancellationAnswerView, CancellationOutcome, InterbankTransferView, PaymentPriority, StatusReportView, TransactionStatus,
};
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

/// More than any test bank has.
const TOO_MUCH: u64 = 1_000_000_000_000;

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

/// Items of a kind in an inbox.
async fn items(world: &World, bic: &str, kind: &str) -> Vec<Vec<u8>> {
    let told: Value = world.connect(bic).await.get("/v1/inbox?limit=1000").await.json();
    let is_it = |item: &&Value| item["type"].as_str().unwrap().starts_with(kind);
    let items = told["items"].as_array().unwrap().iter().filter(is_it);
    items.map(|item| item["message"].as_str().unwrap().as_bytes().to_vec()).collect()
}

fn report_of(body: &[u8]) -> StatusReportView {
    StatusReportView::of(&parse(body).document).unwrap()
}

async fn reports(world: &World, bic: &str) -> Vec<(TransactionStatus, Option<String>)> {
    let items = items(world, bic, "pacs.002").await;
    items.iter().map(|item| report_of(item)).map(|report| (report.status, report.reason)).collect()
}

#[tokio::test]
async fn what_is_covered_settles_at_once_and_both_sides_are_told() {
    let world = World::start().await;
    let sent = interbank(HARBOUR, PEARL, 5_000);
    let (before, theirs) = (world.log.balance(HARBOUR, HKD), world.log.balance(PEARL, HKD));
    for _ in 0..2 {
        // Sent again it gets the same answer and moves nothing more.
        let reply = send(&world, HARBOUR, &pacs009(&sent)).await;
        let report = report_of(&reply.body);
        assert_eq!((reply.status, report.status, report.uetr), (202, TransactionStatus::Pending, sent.uetr));
        assert_eq!(report.original_message_name.as_deref(), Some("pacs.009.001.08"));
        assert_eq!(world.log.balance(HARBOUR, HKD), before - 5_000);
        assert_eq!(world.log.balance(PEARL, HKD), theirs + 5_000);
    }
    assert_eq!(reports(&world, HARBOUR).await, [(TransactionStatus::Settled, None)]);
    let paid = items(&world, PEARL, "pacs.009").await;
    let [paid] = paid.as_slice() else { panic!("{} items", paid.len()) };
    let paid = InterbankTransferView::of(&parse(paid).document).unwrap();
    assert_eq!((paid.uetr, paid.amount, &*paid.debtor, &*paid.creditor), (sent.uetr, sent.amount, HARBOUR, PEARL));
    let other = send(&world, HARBOUR, &pacs009(&InterbankTransferView { amount: hkd(5_001), ..sent })).await;
    assert_eq!((other.status, report_of(&other.body).reason.as_deref()), (409, Some("DUPL")));
    world.log.check_laws();
}

#[tokio::test]
async fn what_waits_settles_by_the_difference_or_is_taken_back() {
    let world = World::start().await;
    let ours = interbank(HARBOUR, PEARL, TOO_MUCH);
    assert_eq!(send(&world, HARBOUR, &pacs009(&ours)).await.status, 202);
    assert!(reports(&world, HARBOUR).await.is_empty(), "it waits");
    let before = world.log.balance(HARBOUR, HKD);
    // Nobody else takes it back, and nobody else's name is on it.
    let reply = send(&world, OTHER, &camt056(OTHER, ours.uetr)).await;
    assert_eq!((reply.status, cancellation_of(&reply).outcome), (404, CancellationOutcome::Refused));
    assert_eq!(send(&world, OTHER, &pacs009(&interbank(HARBOUR, PEARL, 1))).await.status, 403);
    let theirs = interbank(PEARL, HARBOUR, TOO_MUCH - 700);
    assert_eq!(send(&world, PEARL, &pacs009(&theirs)).await.status, 202);
    assert_eq!(world.log.balance(HARBOUR, HKD), before - 700);
    assert_eq!(reports(&world, HARBOUR).await, [(TransactionStatus::Settled, None)]);
    // What has settled is not taken back.
    let reply = send(&world, HARBOUR, &camt056(HARBOUR, ours.uetr)).await;
    assert_eq!((reply.status, cancellation_of(&reply).outcome), (409, CancellationOutcome::Refused));
    let again = interbank(HARBOUR, PEARL, TOO_MUCH);
    assert_eq!(send(&world, HARBOUR, &pacs009(&again)).await.status, 202);
    let reply = send(&world, HARBOUR, &camt056(HARBOUR, again.uetr)).await;
    assert_eq!((reply.status, cancellation_of(&reply).outcome), (200, CancellationOutcome::Cancelled));
    assert_eq!(reports(&world, HARBOUR).await.last(), Some(&(TransactionStatus::Rejected, Some("CUST".to_owned()))));
    world.log.check_laws();
}

#[tokio::test]
async fn wrong_transfers_are_refused_by_name() {
    let world = World::start().await;
    let good = || interbank(HARBOUR, PEARL, 1_000);
    let hour = 3_600_000_000_000;
    for (sent, http, reason, code) in [
        (InterbankTransferView { creditor: "NOBOHKHHXXX".into(), ..good() }, 404, "CNOR", "CLR-1003"),
        (InterbankTransferView { creditor: HARBOUR.into(), ..good() }, 422, "AG03", "CLR-1146"),
        (InterbankTransferView { until: Some(now_ns() - hour), ..good() }, 422, "DT01", "CLR-1147"),
        (InterbankTransferView { until: Some(now_ns() + 25 * hour), ..good() }, 422, "DT01", "CLR-1147"),
    ] {
        let reply = send(&world, HARBOUR, &pacs009(&sent)).await;
        let report = report_of(&reply.body);
        assert_eq!((reply.status, report.status), (http, TransactionStatus::Rejected), "{code}");
        assert_eq!(report.reason.as_deref(), Some(reason), "{code}");
        assert_eq!(report.information.unwrap().split(' ').next(), Some(code));
    }
    assert!(items(&world, PEARL, "pacs.009").await.is_empty());
    world.log.check_laws();
}

#[tokio::test]
async fn an_urgent_one_is_passed_by_no_other() {
    let world = World::start().await;
    let waiting = interbank(HARBOUR, PEARL, TOO_MUCH);
    assert_eq!(send(&world, HARBOUR, &pacs009(&waiting)).await.status, 202);
    let small = interbank(HARBOUR, PEARL, 1);
    assert_eq!(send(&world, HARBOUR, &pacs009(&small)).await.status, 202);
    assert_eq!(reports(&world, HARBOUR).await.len(), 1, "what fits passes by");
    let urgent = InterbankTransferView { priority: PaymentPriority::High, ..interbank(HARBOUR, PEARL, TOO_MUCH) };
    for sent in [&urgent, &interbank(HARBOUR, PEARL, 2)] {
        assert_eq!(send(&world, HARBOUR, &pacs009(sent)).await.status, 202);
    }
    assert_eq!(reports(&world, HARBOUR).await.len(), 1, "what is behind an urgent one waits");
    world.log.check_laws();
}

fn cancellation_of(reply: &Reply) -> CancellationAnswerView {
    CancellationAnswerView::of(&parse(&reply.body).document).unwrap()
}
