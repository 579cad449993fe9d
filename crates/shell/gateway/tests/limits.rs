//! What happens at the limits and when parts behind the door fail: a refusal with its code, and everything else goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use clearing::RiskDecision;
use gateway::Limits;
use iso20022::Message;
use iso20022::view::{HeaderView, RejectionView, TransactionStatus, business_message};
use serde_json::json;
use std::time::Duration;
use support::client::{Client, Draft};
use support::messages::*;
use support::{HARBOUR, OTHER, PEARL, World};

/// A payment that waits keeps its request under way.
async fn start_waiting(world: &World, bic: &str, to: &str) -> Client {
    let mut client = world.connect(bic).await;
    let draft = Draft::xml(world.bank(bic), &pacs008(&transfer(bic, to))).set("Prefer", "wait=30");
    client.write(&[draft.head(), draft.body.clone()].concat()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    client
}

fn any_quote(world: &World, bic: &str) -> Draft {
    let body = json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "debit", "amount": "1.00" });
    Draft::json(world.bank(bic), "/v1/quotes", &body)
}

#[tokio::test]
async fn requests_under_way_are_limited() {
    for (in_flight_max, in_flight_total_max, status, code) in [(1, 10, 429, "GW-1012"), (10, 1, 503, "GW-1013")] {
        let limits = Limits { in_flight_max, in_flight_total_max, ..Limits::default() };
        let world = World::with(limits, |_| RiskDecision::PASS).await;
        let waiting = start_waiting(&world, HARBOUR, PEARL).await;
        let mut client = world.connect(HARBOUR).await;
        let reply = client.send(&any_quote(&world, HARBOUR)).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        assert!(reply.header("retry-after").is_some());
        // The creditor agent can read its inbox all the same, and once the request is gone there is room again.
        assert_eq!(world.connect(PEARL).await.get("/v1/inbox").await.status, 200);
        drop(waiting);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(client.send(&any_quote(&world, HARBOUR)).await.status, 200);
    }
}

/// Thirteen payments that never become durable, of a limit of seventeen: three quarters and more are worked on.
async fn three_quarters_full() -> (World, Vec<Client>) {
    let world = World::with(Limits { in_flight_total_max: 17, ..Limits::default() }, |_| RiskDecision::PASS).await;
    world.log.lose.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut waiting = Vec::new();
    for _ in 0..13 {
        let mut client = world.connect(HARBOUR).await;
        let draft = Draft::xml(world.bank(HARBOUR), &pacs008(&transfer(HARBOUR, PEARL)));
        client.write(&[draft.head(), draft.body.clone()].concat()).await.unwrap();
        waiting.push(client);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.log.lose.store(false, std::sync::atomic::Ordering::Relaxed);
    (world, waiting)
}

#[tokio::test]
async fn what_can_wait_is_given_up_first_and_answers_never() {
    let (world, _waiting) = three_quarters_full().await;
    let mut client = world.connect(HARBOUR).await;
    let payment = transfer(HARBOUR, PEARL);
    let asked = Draft::xml(world.bank(HARBOUR), &pacs028(HARBOUR, payment.uetr));
    for reply in [
        client.get("/v1/accounts").await,
        client.get("/v1/participants").await,
        client.send(&asked).await,
        client.send(&any_quote(&world, HARBOUR)).await,
        client.send(&Draft::xml(world.bank(HARBOUR), &acmt023(HARBOUR, PEARL, "LI XIAO MING"))).await,
        client.send(&Draft::xml(world.bank(HARBOUR), b"no message at all")).await,
    ] {
        assert_eq!((reply.status, reply.code().as_str()), (503, "GW-1013"));
        let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=4).contains(&seconds), "{seconds}");
    }
    assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&payment))).await.status, 202);
    let mut other = world.connect(PEARL).await;
    assert_eq!(other.get("/v1/inbox").await.status, 200);
    assert_eq!(
        other
            .send(&Draft::xml(world.bank(PEARL), &pacs002(PEARL, payment.uetr, TransactionStatus::InProcess, None)))
            .await
            .status,
        200
    );
    let counts = world.gateway.window.admission();
    let refused = counts.classes.map(|(class, _, refused)| (class, refused));
    assert_eq!(refused, [("poll", 4), ("quote", 2), ("payment", 0), ("answer", 0)]);
    assert_eq!(counts.working, 13);
}

#[tokio::test]
async fn a_participant_that_does_not_flood_has_a_share() {
    let (world, _waiting) = three_quarters_full().await;
    assert_eq!(world.connect(PEARL).await.get("/v1/accounts").await.status, 200);
    assert_eq!(world.connect(HARBOUR).await.get("/v1/accounts").await.status, 503);
}

#[tokio::test]
async fn a_poll_dressed_as_an_answer_is_still_a_poll() {
    let (world, _waiting) = three_quarters_full().await;
    let mut client = world.connect(HARBOUR).await;
    let poll = String::from_utf8(pacs028(HARBOUR, transfer(HARBOUR, PEARL).uetr)).unwrap();
    let dressed = poll.replacen("<AppHdr", "<!-- urn:iso:std:iso:20022:tech:xsd:pacs.002 --><AppHdr", 1);
    assert_ne!(poll, dressed);
    let reply = client.send(&Draft::xml(world.bank(HARBOUR), dressed.as_bytes())).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "GW-1013"));
}

#[tokio::test]
async fn a_suspended_participant_asks_nothing() {
    let world = World::start().await;
    world.suspend(HARBOUR);
    let draft = Draft::xml(world.bank(HARBOUR), &acmt023(HARBOUR, PEARL, "LI XIAO MING"));
    let reply = world.connect(HARBOUR).await.send(&draft).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "GW-1008"));
}

#[tokio::test]
async fn a_message_that_is_no_banks_to_send_is_not_taken() {
    let world = World::start().await;
    let rejection =
        RejectionView { related_reference: "X".into(), reason: "Y".into(), rejected_at: None, location: None, description: None };
    let document: Message = rejection.message().unwrap();
    let header = HeaderView::new(HARBOUR, CENTRE, "ID-1", support::now_ns());
    let body = business_message(&header, &document).unwrap();
    let reply = world.connect(HARBOUR).await.send(&Draft::xml(world.bank(HARBOUR), body.as_bytes())).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (422, "GW-1018"), "{}", reply.text());
}

#[tokio::test]
async fn a_journal_that_stops_leaves_the_sender_in_doubt_and_says_so() {
    let world = World::start().await;
    let mut client = world.connect(HARBOUR).await;
    world.log.lose.store(true, std::sync::atomic::Ordering::Relaxed);
    let draft = Draft::xml(world.bank(HARBOUR), &pacs008(&transfer(HARBOUR, PEARL)));
    client.write(&[draft.head(), draft.body.clone()].concat()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.hub.stopped();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (504, "GW-1019"));
    let health = client.get("/healthz").await;
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("stopped")));
}

#[tokio::test]
async fn a_message_that_cannot_be_read_back_is_not_made_up() {
    let world = World::start().await;
    let mut client = world.connect(HARBOUR).await;
    let first = transfer(HARBOUR, PEARL);
    assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&first))).await.status, 202);
    world.log.forget_messages();
    // While it is remembered the vault is not asked.
    let asked = Draft::xml(world.bank(HARBOUR), &pacs028(HARBOUR, first.uetr));
    assert_eq!(client.send(&asked).await.status, 200);
    let world = world.restart().await;
    let mut client = world.connect(HARBOUR).await;
    let reply = client.send(&asked).await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "GW-1020"));
    let reply = world.connect(PEARL).await.get("/v1/inbox").await;
    assert_eq!((reply.status, reply.code().as_str()), (503, "GW-1020"));
}

#[tokio::test]
async fn messages_come_back_from_the_vault_after_a_restart() {
    let world = World::start().await;
    let sent = transfer(HARBOUR, PEARL);
    let mut client = world.connect(HARBOUR).await;
    assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&sent))).await.status, 202);
    let before = world.connect(PEARL).await.get("/v1/inbox").await.json();
    let world = world.restart().await;
    let after = world.connect(PEARL).await.get("/v1/inbox").await.json();
    assert_eq!(before["items"][0]["message"], after["items"][0]["message"]);
    assert_eq!(before["items"][0]["cursor"], after["items"][0]["cursor"]);
}

/// Sixty-four payments wait for an agent that answers nothing: the next one is refused, with the time to come back. Another
/// agent's are taken, and once the first has answered its own are again.
#[tokio::test]
async fn a_creditor_agent_that_is_behind_is_spared() {
    let limits = Limits { answer_delay_max: Duration::from_millis(50), ..Limits::default() };
    let world = World::with(limits, |_| RiskDecision::PASS).await;
    let mut client = world.connect(HARBOUR).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        let transfer = transfer(HARBOUR, PEARL);
        assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&transfer))).await.status, 202);
        held.push(transfer.uetr);
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&transfer(HARBOUR, PEARL)))).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "GW-1025"));
    assert!(refused.header("retry-after").is_some());
    let other = client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&transfer(HARBOUR, OTHER)))).await;
    assert_eq!(other.status, 202);

    let mut pearl = world.connect(PEARL).await;
    let answer = pacs002(PEARL, held[0], TransactionStatus::InProcess, None);
    assert_eq!(pearl.send(&Draft::xml(world.bank(PEARL), &answer)).await.status, 200);
    assert_eq!(client.send(&Draft::xml(world.bank(HARBOUR), &pacs008(&transfer(HARBOUR, PEARL)))).await.status, 202);
}
