//! A bank's own word on whether it is there, and what a suspended or departing bank finds at the door.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{Command, ParticipantId, ParticipantStatus};
use iso20022::view::PresenceNoticeView;
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, PEARL, World, now_ns};

const OFFLINE: PresenceNoticeView = PresenceNoticeView::Offline { from: None, until: None };

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

/// Standing and absence of a bank, as the door tells them.
async fn told(world: &World, bic: &str) -> (String, bool) {
    let all: Value = world.connect(HARBOUR).await.get("/v1/participants").await.json();
    let own = all.as_array().unwrap().iter().find(|row| row["bic"] == bic).unwrap();
    (own["status"].as_str().unwrap().to_owned(), own["away"].as_bool().unwrap())
}

#[tokio::test]
async fn a_bank_that_says_it_is_away_is_not_asked_until_it_is_back() {
    let world = World::start().await;
    assert_eq!(send(&world, PEARL, &admi004(PEARL, OFFLINE)).await.status, 200);
    assert_eq!(told(&world, PEARL).await, ("live".into(), true));
    let reply = send(&world, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (200, Some("AB08")));
    assert_eq!(send(&world, PEARL, &admi004(PEARL, PresenceNoticeView::Online)).await.status, 200);
    assert_eq!(told(&world, PEARL).await, ("live".into(), false));
    assert_eq!(send(&world, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await.status, 202);
    assert_eq!(world.log.balance(HARBOUR, HKD), 100_000_000);
    world.log.check_laws();
}

#[tokio::test]
async fn a_notice_is_its_senders_own_and_must_make_sense() {
    let world = World::start().await;
    let over = PresenceNoticeView::Offline { from: None, until: Some(now_ns() - 1_000_000_000) };
    let reply = send(&world, PEARL, &admi004(PEARL, over)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (422, "CLR-1103"));
    // In another bank's name: the message says that somebody else sent it.
    assert_eq!(send(&world, HARBOUR, &admi004(PEARL, OFFLINE)).await.status, 403);
    assert_eq!(told(&world, PEARL).await, ("live".into(), false));
}

#[tokio::test]
async fn who_only_receives_is_told_so() {
    let world = World::start().await;
    world.log.run(Command::SetStatus { participant: ParticipantId(0), status: ParticipantStatus::ReceiveOnly });
    assert_eq!(told(&world, HARBOUR).await, ("receive-only".into(), false));
    let reply = send(&world, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await;
    let report = status_of(&reply.body);
    assert_eq!((reply.status, report.reason.as_deref()), (200, Some("AG10")));
    assert_eq!(send(&world, PEARL, &pacs008(&transfer(PEARL, HARBOUR))).await.status, 202);
}
