//! Pre-authorisation over real HTTP: asked for, reserved, captured in parts, let go; and what is told of it.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::view::{
    CollectionView, CreditTransferView, PaymentRequestView, RequestReportView, RequestStatus, StatusReportView, TransactionStatus,
};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, PEARL, World, now_ns};

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    let draft = Draft::xml(world.bank(bic), body);
    let reply = world.connect(bic).await.send(&draft).await;
    if !reply.body.is_empty() && reply.header("signature").is_some() {
        reply.verify(draft.header("Content-Digest"), world.centre_key);
    }
    reply
}

/// Type and message of everything in a bank's inbox behind a cursor, and the next cursor.
async fn inbox(world: &World, bic: &str, after: u64) -> (Vec<(String, String)>, u64) {
    let page = world.connect(bic).await.get(&format!("/v1/inbox?after={after}")).await.json();
    let text = |item: &serde_json::Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = page["items"].as_array().unwrap().iter().map(|item| (text(item, "type"), text(item, "message")));
    (items.collect(), page["next"].as_u64().unwrap())
}

/// A hotel in Shenzhen wants 1,000.00 HKD of a guest from Hong Kong guaranteed.
fn preauth() -> PaymentRequestView {
    PaymentRequestView { guaranteed: true, amount: hkd(100_000), ..request(PEARL, HARBOUR) }
}

fn reserving(preauth: &PaymentRequestView) -> CreditTransferView {
    CreditTransferView { preauth: Some(preauth.uetr), interbank_settlement_amount: preauth.amount, ..transfer(HARBOUR, PEARL) }
}

fn capture(preauth: &PaymentRequestView, minor: u64, is_last: bool) -> CollectionView {
    CollectionView {
        message_id: id(),
        created_at: now_ns() / 1_000_000 * 1_000_000,
        uetr: fresh_uetr(),
        end_to_end_id: "ROOM-7".into(),
        mandate: preauth.uetr,
        is_last,
        amount: hkd(minor),
        creditor: preauth.creditor.clone(),
        creditor_account: preauth.creditor_account.clone(),
        creditor_agent: PEARL.into(),
        debtor: preauth.debtor.clone(),
        debtor_account: preauth.debtor_account.clone().unwrap(),
        debtor_agent: HARBOUR.into(),
        purpose: None,
        remittance: Some("two nights".into()),
        clearing_system: Some("LUOHU".into()),
    }
}

fn pacs003(view: &CollectionView) -> Vec<u8> {
    enveloped(&view.creditor_agent, &view.message_id, &view.message().unwrap())
}

/// One that is reserved.
async fn reserved(world: &World) -> PaymentRequestView {
    let preauth = preauth();
    assert_eq!(send(world, PEARL, &pain013(&preauth)).await.status, 202);
    let reply = send(world, HARBOUR, &pacs008(&reserving(&preauth))).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (202, Some("reserved")));
    preauth
}

fn told(items: &[(String, String)]) -> Vec<RequestReportView> {
    let of_kind = items.iter().filter(|(kind, _)| kind == "pain.014.001.07");
    of_kind.map(|(_, message)| request_report_of(message.as_bytes())).collect()
}

fn reports(items: &[(String, String)]) -> Vec<StatusReportView> {
    let of_kind = items.iter().filter(|(kind, _)| kind == "pacs.002.001.10");
    of_kind.map(|(_, message)| status_of(message.as_bytes())).collect()
}

#[tokio::test]
async fn money_is_reserved_and_captured_in_parts() {
    let world = World::start().await;
    let preauth = preauth();
    let asked = pain013(&preauth);
    let reply = send(&world, PEARL, &asked).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (202, Some("asked")));
    assert_eq!(request_report_of(&reply.body).status, RequestStatus::Received);
    let early = send(&world, PEARL, &pacs003(&capture(&preauth, 100, false))).await;
    assert_eq!((early.status, status_of(&early.body).status), (409, TransactionStatus::Rejected), "nobody has reserved");

    // The debtor agent finds what the creditor agent wrote, with the wish for a guarantee.
    let (items, _) = inbox(&world, HARBOUR, 0).await;
    let [(kind, message)] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(kind, "pain.013.001.07");
    let found = PaymentRequestView::of(&parse(message.as_bytes()).document).unwrap();
    assert!(found.guaranteed && found.uetr == preauth.uetr);
    let word = send(&world, HARBOUR, &pain014(&preauth, RequestStatus::Accepted, None)).await;
    assert_eq!(word.status, 422, "who reserves says so by a payment");

    let less = CreditTransferView { interbank_settlement_amount: hkd(99_999), ..reserving(&preauth) };
    let reply = send(&world, HARBOUR, &pacs008(&less)).await;
    assert_eq!(status_of(&reply.body).reason.as_deref(), Some("AM09"));
    let payment = reserving(&preauth);
    let sent = pacs008(&payment);
    let reply = send(&world, HARBOUR, &sent).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (202, Some("reserved")));
    let status = status_of(&reply.body);
    assert_eq!((status.status, status.uetr), (TransactionStatus::CustomerAccepted, payment.uetr));
    let again = send(&world, HARBOUR, &sent).await;
    assert_eq!((again.status, status_of(&again.body).status), (202, TransactionStatus::CustomerAccepted), "sent again");
    assert_eq!(world.log.balance(PEARL, HKD), 100_000_000, "nothing has moved");
    let (items, cursor) = inbox(&world, PEARL, 0).await;
    let [report] = told(&items)[..].to_vec().try_into().unwrap();
    assert_eq!((report.status, report.uetr), (RequestStatus::Accepted, preauth.uetr));
    let no = send(&world, HARBOUR, &pain014(&preauth, RequestStatus::Rejected, Some("AC04"))).await;
    assert_eq!((no.status, rejection_of(&no.body).reason.as_str()), (409, "CLR-1203"), "whoever reserved pays");

    // Two nights, then the minibar; the rest is free again.
    let (_, cursor_of_harbour) = inbox(&world, HARBOUR, 0).await;
    let first = capture(&preauth, 60_000, false);
    let body = pacs003(&first);
    let reply = send(&world, PEARL, &body).await;
    let status = status_of(&reply.body);
    assert_eq!((reply.status, status.status, status.uetr), (200, TransactionStatus::Settled, first.uetr));
    assert_eq!(status.original_message_name.as_deref(), Some("pacs.003.001.08"));
    assert_eq!(send(&world, PEARL, &body).await.status, 200, "sent again: as it stands");
    let over = send(&world, PEARL, &pacs003(&capture(&preauth, 40_001, false))).await;
    assert_eq!((over.status, status_of(&over.body).reason.as_deref()), (422, Some("AM14")));
    let last = capture(&preauth, 5_000, true);
    assert_eq!(send(&world, PEARL, &pacs003(&last)).await.status, 200);
    assert_eq!(world.log.balance(PEARL, HKD), 100_065_000);
    let late = send(&world, PEARL, &pacs003(&capture(&preauth, 1, false))).await;
    assert_eq!((late.status, status_of(&late.body).reason.as_deref()), (409, Some("AB05")));

    // Both are told of each capture and of the end, each capture by its own UETR.
    for (bic, after) in [(HARBOUR, cursor_of_harbour), (PEARL, cursor)] {
        let (items, _) = inbox(&world, bic, after).await;
        let settled: Vec<[u8; 16]> = reports(&items).iter().map(|report| report.uetr).collect();
        assert_eq!(settled, [first.uetr, last.uetr], "{bic}: {items:?}");
        assert!(reports(&items).iter().all(|report| report.original_message_name.as_deref() == Some("pacs.003.001.08")));
        let ends = told(&items);
        let [end] = ends.as_slice() else { panic!("{bic}: {ends:?}") };
        assert_eq!((end.status, end.information.as_deref()), (RequestStatus::Paid, Some("HKD 650.00 captured")), "{bic}");
    }
    let credited = send(&world, PEARL, &pacs002(PEARL, first.uetr, TransactionStatus::Credited, None)).await;
    assert_eq!(credited.status, 200);
    let asked = send(&world, HARBOUR, &pacs028(HARBOUR, first.uetr)).await;
    assert_eq!(status_of(&asked.body).status, TransactionStatus::Credited);
    world.log.check_laws();
}

#[tokio::test]
async fn a_capture_has_a_receipt_and_says_what_it_was_captured_from() {
    let world = World::start().await;
    let preauth = reserved(&world).await;
    let taken = capture(&preauth, 60_000, true);
    assert_eq!(send(&world, PEARL, &pacs003(&taken)).await.status, 200);
    let uetr = uuid::Uuid::from_bytes(taken.uetr).to_string();
    for bic in [HARBOUR, PEARL] {
        let payment = world.connect(bic).await.get(&format!("/v1/payments/{uetr}")).await.json();
        assert_eq!(payment["state"], "settled", "{payment}");
        assert_eq!(payment["captured_from"], uuid::Uuid::from_bytes(preauth.uetr).to_string());
        let receipt = world.connect(bic).await.get(&format!("/v1/payments/{uetr}/receipt")).await;
        assert_eq!(receipt.status, 200, "{bic}");
    }
    // The merchant gives a part back, as of any payment.
    let back = iso20022::view::PaymentReturnView {
        message_id: id(),
        created_at: now_ns(),
        return_id: "REFUND-1".into(),
        uetr: taken.uetr,
        original_end_to_end_id: None,
        original_transaction_id: None,
        original_amount: None,
        returned_amount: hkd(1_000),
        returned_instructed_amount: None,
        quote: None,
        reason: "CUST".into(),
        information: None,
        clearing_system_reference: None,
        instructing_agent: None,
        instructed_agent: None,
    };
    assert_eq!(send(&world, PEARL, &pacs004(PEARL, &back)).await.status, 200);
    assert_eq!(world.log.balance(PEARL, HKD), 100_059_000);
    world.log.check_laws();
}

#[tokio::test]
async fn it_is_let_go_refused_or_withdrawn() {
    let world = World::start().await;
    let preauth = reserved(&world).await;
    assert_eq!(send(&world, PEARL, &pacs003(&capture(&preauth, 60_000, false))).await.status, 200);
    let (_, cursor) = inbox(&world, HARBOUR, 0).await;
    let foreign = send(&world, HARBOUR, &camt055(HARBOUR, preauth.uetr)).await;
    assert_eq!(foreign.status, 403, "not the debtor agent's to say");
    let reply = send(&world, PEARL, &camt055(PEARL, preauth.uetr)).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (200, Some("released")));
    let (items, _) = inbox(&world, HARBOUR, cursor).await;
    let ends = told(&items);
    assert_eq!((ends[0].status, ends[0].information.as_deref()), (RequestStatus::Withdrawn, Some("HKD 600.00 captured")));

    let other = preauth_of(2_000);
    assert_eq!(send(&world, PEARL, &pain013(&other)).await.status, 202);
    let reply = send(&world, HARBOUR, &pain014(&other, RequestStatus::Rejected, Some("AM04"))).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (200, Some("refused")));
    let late = send(&world, HARBOUR, &pacs008(&reserving(&other))).await;
    assert_eq!(status_of(&late.body).reason.as_deref(), Some("AG09"));

    let third = preauth_of(2_000);
    let asked = pain013(&third);
    assert_eq!(send(&world, PEARL, &asked).await.status, 202);
    let reply = send(&world, PEARL, &camt055(PEARL, third.uetr)).await;
    assert_eq!((reply.status, reply.header("luohu-preauth-state")), (200, Some("withdrawn")));
    let gone = send(&world, PEARL, &asked).await;
    assert_eq!(request_report_of(&gone.body).status, RequestStatus::Withdrawn, "sent again: as it stands");
    world.log.check_laws();
}

#[tokio::test]
async fn what_is_wrong_is_told_by_a_message() {
    let world = World::start().await;
    let long = PaymentRequestView { expires_at: now_ns() + 31 * 86_400_000_000_000, ..preauth() };
    let reply = send(&world, PEARL, &pain013(&long)).await;
    let told = request_report_of(&reply.body);
    assert_eq!((reply.status, told.status, told.reason.as_deref()), (422, RequestStatus::Rejected, Some("DT01")));
    let unknown = send(&world, HARBOUR, &pacs008(&reserving(&preauth()))).await;
    assert_eq!((unknown.status, status_of(&unknown.body).reason.as_deref()), (200, Some("AG09")));
    let preauth = reserved(&world).await;
    let foreign = CollectionView { creditor_agent: HARBOUR.into(), ..capture(&preauth, 1, false) };
    let body = enveloped(PEARL, &foreign.message_id, &foreign.message().unwrap());
    assert_eq!(send(&world, PEARL, &body).await.status, 403);
    // A payment that names it must reserve it; a request to pay is none of it.
    let plain = request(PEARL, HARBOUR);
    assert_eq!(send(&world, PEARL, &pain013(&plain)).await.header("luohu-request-state"), Some("asked"));
    let reply = send(&world, HARBOUR, &pacs008(&reserving(&plain))).await;
    assert_eq!(status_of(&reply.body).reason.as_deref(), Some("AG09"));
    world.log.check_laws();
}

fn preauth_of(minor: u64) -> PaymentRequestView {
    PaymentRequestView { amount: hkd(minor), ..preauth() }
}
