//! Requests to pay over real HTTP: asked by the creditor agent, found by the debtor agent, paid by a `pacs.008` that names them.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::view::{
    CancellationAnswerView, CancellationOutcome, CreditTransferView, PaymentRequestView, RequestStatus, TransactionStatus,
};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

/// Sends a message as a bank and checks the centre's signature on an answer with a body.
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

fn payment_on(request: &PaymentRequestView) -> CreditTransferView {
    CreditTransferView { request: Some(request.uetr), ..transfer(&request.debtor_agent, &request.creditor_agent) }
}

async fn ask(world: &World, request: &PaymentRequestView) -> Reply {
    send(world, &request.creditor_agent, &pain013(request)).await
}

#[tokio::test]
async fn a_request_is_asked_accepted_and_paid_once() {
    let world = World::start().await;
    let request = request(PEARL, HARBOUR);
    let asked = pain013(&request);
    let reply = send(&world, PEARL, &asked).await;
    assert_eq!((reply.status, reply.header("luohu-request-state")), (202, Some("asked")));
    let told = request_report_of(&reply.body);
    assert_eq!(
        (told.status, told.uetr, told.original_message_id),
        (RequestStatus::Received, request.uetr, Some(request.message_id.clone()))
    );

    // The debtor agent finds what the creditor agent wrote, under the centre's identification.
    let (items, cursor) = inbox(&world, HARBOUR, 0).await;
    let [(kind, message)] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(kind, "pain.013.001.07");
    let found = PaymentRequestView::of(&parse(message.as_bytes()).document).unwrap();
    let ours = PaymentRequestView { message_id: found.message_id.clone(), created_at: found.created_at, ..request.clone() };
    assert_eq!(found, ours);

    let reply = send(&world, HARBOUR, &pain014(&request, RequestStatus::Presented, None)).await;
    assert_eq!((reply.status, reply.header("luohu-request-state")), (200, Some("presented")));
    let reply = send(&world, HARBOUR, &pacs008(&payment_on(&request))).await;
    assert_eq!(status_of(&reply.body).reason.as_deref(), Some("AG09"), "nobody has accepted it yet");
    assert_eq!(send(&world, HARBOUR, &pain014(&request, RequestStatus::Accepted, None)).await.status, 200);
    let (items, cursor_of_pearl) = inbox(&world, PEARL, 0).await;
    let states: Vec<_> = items.iter().map(|(_, message)| request_report_of(message.as_bytes()).status).collect();
    assert_eq!(states, [RequestStatus::Accepted], "the newest word alone");

    let payment = payment_on(&request);
    assert_eq!(send(&world, HARBOUR, &pacs008(&payment)).await.status, 202);
    let reply = send(&world, HARBOUR, &pacs008(&payment_on(&request))).await;
    assert_eq!(status_of(&reply.body).reason.as_deref(), Some("APAR"), "it is being paid");
    assert_eq!(send(&world, PEARL, &pacs002(PEARL, payment.uetr, TransactionStatus::InProcess, None)).await.status, 200);
    for (bic, after) in [(HARBOUR, cursor), (PEARL, cursor_of_pearl)] {
        let (items, _) = inbox(&world, bic, after).await;
        let (kind, message) = items.last().unwrap();
        assert_eq!(kind, "pain.014.001.07", "{bic}");
        assert_eq!(request_report_of(message.as_bytes()).status, RequestStatus::Paid, "{bic}");
        assert!(items.iter().any(|(kind, _)| kind == "pacs.002.001.10"), "{bic} is told of the payment as of any other");
    }
    assert_eq!(world.log.balance(PEARL, HKD), 100_010_000);
    // Sent again, it is answered as it stands.
    let reply = send(&world, PEARL, &asked).await;
    assert_eq!((reply.status, request_report_of(&reply.body).status), (200, RequestStatus::Paid));
    world.log.check_laws();
}

#[tokio::test]
async fn a_request_is_refused_with_the_debtor_agents_reason() {
    let world = World::start().await;
    let request = request(PEARL, HARBOUR);
    ask(&world, &request).await;
    assert_eq!(send(&world, HARBOUR, &pain014(&request, RequestStatus::Rejected, Some("AC04"))).await.status, 200);
    let (items, _) = inbox(&world, PEARL, 0).await;
    let told = request_report_of(items[0].1.as_bytes());
    assert_eq!((told.status, told.reason.as_deref()), (RequestStatus::Rejected, Some("AC04")));
    // Who comes late is not asked any more.
    assert_eq!(inbox(&world, HARBOUR, 0).await.0, []);
    let reply = send(&world, HARBOUR, &pain014(&request, RequestStatus::Accepted, None)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (409, "CLR-1126"));
    // A refusal says why.
    let reply = send(&world, HARBOUR, &pain014(&request, RequestStatus::Rejected, None)).await;
    assert_eq!(reply.status, 422);
}

#[tokio::test]
async fn a_request_is_taken_back_before_it_is_accepted() {
    let world = World::start().await;
    let (open, accepted) = (request(PEARL, HARBOUR), request(PEARL, HARBOUR));
    ask(&world, &open).await;
    ask(&world, &accepted).await;
    send(&world, HARBOUR, &pain014(&accepted, RequestStatus::Accepted, None)).await;
    let answer = |reply: &Reply| CancellationAnswerView::of(&parse(&reply.body).document).unwrap();
    for (bic, uetr, status, outcome, reason) in [
        (HARBOUR, open.uetr, 403, CancellationOutcome::Refused, Some("AGNT")),
        (PEARL, open.uetr, 200, CancellationOutcome::Cancelled, None),
        (PEARL, open.uetr, 200, CancellationOutcome::Cancelled, None),
        (PEARL, accepted.uetr, 409, CancellationOutcome::Refused, Some("NARR")),
        (PEARL, fresh_uetr(), 404, CancellationOutcome::Refused, Some("NOOR")),
    ] {
        let reply = send(&world, bic, &camt055(bic, uetr)).await;
        let told = answer(&reply);
        assert_eq!((reply.status, told.outcome, told.reason.as_deref()), (status, outcome, reason));
    }
    let (items, _) = inbox(&world, HARBOUR, 0).await;
    let told: Vec<&str> = items.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(told, ["pain.013.001.07", "pain.014.001.07"]);
    assert_eq!(request_report_of(items[1].1.as_bytes()).status, RequestStatus::Withdrawn);
}

#[tokio::test]
async fn a_request_expires_and_both_are_told() {
    let world = World::start().await;
    let request = request(PEARL, HARBOUR);
    ask(&world, &request).await;
    world.log.tick_at(request.expires_at);
    for bic in [HARBOUR, PEARL] {
        let (items, _) = inbox(&world, bic, 0).await;
        let [(_, message)] = items.as_slice() else { panic!("{bic}: {items:?}") };
        let told = request_report_of(message.as_bytes());
        assert_eq!((told.status, told.reason.as_deref()), (RequestStatus::Rejected, Some("AEXR")), "{bic}");
    }
}

#[tokio::test]
async fn a_request_is_its_creditor_agents_and_must_make_sense() {
    let world = World::start().await;
    // In another bank's name.
    let foreign = PaymentRequestView { creditor_agent: OTHER.into(), ..request(PEARL, HARBOUR) };
    let body = send_as(PEARL, &foreign);
    let reply = send(&world, PEARL, &body).await;
    assert_eq!((reply.status, reply.json()["field"].as_str().map(str::to_owned)), (403, Some("PmtInf/CdtTrfTx/CdtrAgt".into())));
    let over =
        PaymentRequestView { expires_at: now_ns() / 1_000_000_000 * 1_000_000_000 - 1_000_000_000, ..request(PEARL, HARBOUR) };
    let reply = ask(&world, &over).await;
    let told = request_report_of(&reply.body);
    assert_eq!((reply.status, told.status, told.reason.as_deref()), (422, RequestStatus::Rejected, Some("DT01")));
    assert!(told.information.unwrap().starts_with("CLR-1123"));
    let nobody = PaymentRequestView { debtor_agent: "NOBKHKHHXXX".into(), ..request(PEARL, HARBOUR) };
    assert_eq!(ask(&world, &nobody).await.status, 404);
    let known = request(PEARL, HARBOUR);
    ask(&world, &known).await;
    let other = PaymentRequestView { amount: hkd(1), ..known };
    assert_eq!(ask(&world, &other).await.status, 409);
    world.log.check_laws();
}

#[tokio::test]
async fn a_request_is_still_forwarded_after_a_restart() {
    let world = World::start().await;
    let request = request(PEARL, HARBOUR);
    ask(&world, &request).await;
    let before = inbox(&world, HARBOUR, 0).await;
    let world = world.restart().await;
    assert_eq!(inbox(&world, HARBOUR, 0).await, before, "the same message, from the vault");
}
