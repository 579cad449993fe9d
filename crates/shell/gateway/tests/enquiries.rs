//! Queries as messages: how settlement accounts and payments stand, for their own agents and nobody else.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::view::{AccountReportView, PaymentQueryView, PaymentReportView, QueryStatus, TransactionStatus};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    let draft = Draft::xml(world.bank(bic), body);
    let reply = world.connect(bic).await.send(&draft).await;
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    reply
}

/// A payment of 100.00 from the Harbour to the Pearl, with the Pearl's word if it has one.
async fn pay(world: &World, says: Option<(TransactionStatus, Option<&str>)>) -> [u8; 16] {
    let payment = transfer(HARBOUR, PEARL);
    assert_eq!(send(world, HARBOUR, &pacs008(&payment)).await.status, 202);
    if let Some((status, reason)) = says {
        let body = pacs002(PEARL, payment.uetr, status, reason);
        assert_eq!(world.connect(PEARL).await.send(&Draft::xml(world.bank(PEARL), &body)).await.status, 200);
    }
    payment.uetr
}

#[tokio::test]
async fn an_agent_asks_how_its_settlement_accounts_stand() {
    let world = World::start().await;
    pay(&world, None).await;
    let reply = send(&world, HARBOUR, &camt003(HARBOUR, &[])).await;
    let all = AccountReportView::of(&parse(&reply.body).document).unwrap();
    assert_eq!(reply.status, 200);
    assert!(all.accounts.len() > 1 && all.accounts.iter().all(|account| account.owner == HARBOUR), "{all:?}");
    let reply = send(&world, HARBOUR, &camt003(HARBOUR, &["HKD"])).await;
    let told = AccountReportView::of(&parse(&reply.body).document).unwrap();
    let [account] = told.accounts.as_slice() else { panic!("{told:?}") };
    let minor = |decimal: &str| decimal.replace('.', "").parse::<i128>().unwrap();
    assert_eq!(minor(&account.booked), world.log.balance(HARBOUR, HKD), "held money is booked still");
    assert_eq!((minor(&account.held), account.currency.as_str()), (10_000, "HKD"));
    assert_eq!(minor(&account.available), minor(&account.booked) + minor(&account.cap) - 10_000);
    // A currency it does not settle in: no account, said as an error of the message.
    let reply = send(&world, HARBOUR, &camt003(HARBOUR, &["JPY"])).await;
    let none = AccountReportView::of(&parse(&reply.body).document).unwrap();
    assert!(reply.status == 200 && none.accounts.is_empty() && reply.text().contains("X050"), "{}", reply.text());
}

#[tokio::test]
async fn an_agent_asks_how_its_payments_stand() {
    let world = World::start().await;
    let held = pay(&world, None).await;
    let settled = pay(&world, Some((TransactionStatus::InProcess, None))).await;
    let rejected = pay(&world, Some((TransactionStatus::Rejected, Some("AC04")))).await;
    let asked = async |bic: &str, asked: PaymentQueryView| {
        let (body, query) = camt005(bic, asked);
        let reply = send(&world, bic, &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let told = PaymentReportView::of(&parse(&reply.body).document).unwrap();
        assert_eq!(told.query, query);
        told
    };
    let all = asked(HARBOUR, PaymentQueryView::default()).await;
    let told: Vec<_> = all.payments.iter().map(|payment| (payment.uetr, payment.status, payment.reason.as_deref())).collect();
    let expected = [
        (rejected, QueryStatus::Rejected, Some("AC04")),
        (settled, QueryStatus::Settled, None),
        (held, QueryStatus::Pending, None),
    ];
    assert!(all.is_all);
    assert_eq!(told, expected, "the newest first");
    assert!(all.payments.iter().all(|payment| !payment.is_credit && payment.amount == ("HKD".into(), "100.00".into())));
    let status = |status| PaymentQueryView { status: Some(status), ..PaymentQueryView::default() };
    let only = asked(PEARL, status(QueryStatus::Settled)).await;
    assert_eq!(only.payments.iter().map(|payment| (payment.uetr, payment.is_credit)).collect::<Vec<_>>(), [(settled, true)]);
    let later = PaymentQueryView { from: Some(now_ns() + 1_000_000_000), ..PaymentQueryView::default() };
    assert!(asked(HARBOUR, later).await.payments.is_empty());
    // By name: what is not the asker's is unknown to it, whoever's it is.
    let stranger = fresh_uetr();
    let named = PaymentQueryView { uetrs: vec![settled, stranger], ..PaymentQueryView::default() };
    let found = asked(HARBOUR, named.clone()).await;
    assert_eq!((found.payments.len(), found.payments[0].uetr, found.unknown), (1, settled, vec![stranger]));
    let nothing = asked(OTHER, named).await;
    assert!(nothing.payments.is_empty() && nothing.unknown == [settled, stranger]);
}

#[tokio::test]
async fn a_criterion_that_is_not_read_and_too_many_names_are_refused_by_name() {
    let world = World::start().await;
    let (body, _) = camt005(HARBOUR, PaymentQueryView { messages: vec!["M".into()], ..PaymentQueryView::default() });
    let body = String::from_utf8(body).unwrap().replace("<MsgId>M</MsgId>", "<EndToEndId>M</EndToEndId>");
    let reply = send(&world, HARBOUR, body.as_bytes()).await;
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.text().contains("PmtSch/EndToEndId"), "{}", reply.text());
    let (body, _) = camt005(HARBOUR, PaymentQueryView { uetrs: vec![fresh_uetr(); 51], ..PaymentQueryView::default() });
    let reply = world.connect(HARBOUR).await.send(&Draft::xml(world.bank(HARBOUR), &body)).await;
    assert_eq!((reply.status, reply.code().as_str()), (400, "GW-1014"));
}
