//! Money in from and out to the settlement agent by message, and statements of what that and payments booked.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{AgentTerms, Command, Hours, OutsideHours, SetAgent, SettlementCommand};
use iso20022::view::{AccountStatementView, LiquidityTransferView, ReceiptStatus, ReceiptView, StatementForm, TransactionStatus};
use money::CurrencyCode;
use serde_json::Value;
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

async fn send(world: &World, bic: &str, body: &[u8]) -> Reply {
    world.connect(bic).await.send(&Draft::xml(world.bank(bic), body)).await
}

/// The Pearl settles Hong Kong dollars, day and night or never.
fn name_agent(world: &World, hours: Hours) {
    let agent = world.log.participant(PEARL);
    let terms = AgentTerms { agent, hours, outside: OutsideHours::Reject };
    world.log.run(Command::Settle(SettlementCommand::SetAgent(SetAgent { currency: CurrencyCode::HKD, terms })));
}

/// Items of a kind in an inbox, with the cursor behind all.
async fn items(world: &World, bic: &str, kind: &str, query: &str) -> Vec<Vec<u8>> {
    let told: Value = world.connect(bic).await.get(&format!("/v1/inbox?limit=1000{query}")).await.json();
    let is_it = |item: &&Value| item["type"].as_str().unwrap().starts_with(kind);
    let items = told["items"].as_array().unwrap().iter().filter(is_it);
    items.map(|item| item["message"].as_str().unwrap().as_bytes().to_vec()).collect()
}

fn receipt_of(body: &[u8]) -> ReceiptView {
    ReceiptView::of(&parse(body).document).unwrap()
}

fn statement_of(body: &[u8]) -> AccountStatementView {
    AccountStatementView::of(&parse(body).document).unwrap()
}

/// A payment of 100.00 from the Harbour to the Pearl, settled.
async fn pay(world: &World) -> [u8; 16] {
    let payment = transfer(HARBOUR, PEARL);
    assert_eq!(send(world, HARBOUR, &pacs008(&payment)).await.status, 202);
    assert_eq!(send(world, PEARL, &pacs002(PEARL, payment.uetr, TransactionStatus::InProcess, None)).await.status, 200);
    payment.uetr
}

#[tokio::test]
async fn a_top_up_goes_to_the_agent_and_is_money_when_it_says_so() {
    let world = World::start().await;
    let uetr = fresh_uetr();
    let reply = send(&world, HARBOUR, &camt050(HARBOUR, uetr, true, hkd(5_000))).await;
    let receipt = receipt_of(&reply.body);
    assert_eq!((reply.status, receipt.status), (422, ReceiptStatus::Refused("AB07".into())));
    assert_eq!(receipt.words.unwrap().split(' ').next(), Some("CLR-1144"), "nobody settles HKD yet");
    name_agent(&world, Hours::always());
    let before = world.log.balance(HARBOUR, HKD);
    let reply = send(&world, HARBOUR, &camt050(HARBOUR, uetr, true, hkd(5_000))).await;
    assert_eq!((reply.status, receipt_of(&reply.body).status), (200, ReceiptStatus::Pending));
    // The agent finds the wish in its inbox.
    let asked = items(&world, PEARL, "camt.050", "").await;
    let asked = LiquidityTransferView::of(&parse(&asked[0]).document).unwrap();
    assert_eq!((asked.uetr, asked.is_top_up, asked.amount, &*asked.participant), (uetr, true, hkd(5_000), HARBOUR));
    // Nobody else answers it.
    let reply = send(&world, OTHER, &camt025(OTHER, uetr, ReceiptStatus::Done)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (403, "CLR-1142"));
    assert_eq!(send(&world, PEARL, &camt025(PEARL, uetr, ReceiptStatus::Done)).await.status, 200);
    assert_eq!(world.log.balance(HARBOUR, HKD), before + 5_000);
    let told = items(&world, HARBOUR, "camt.025", "").await;
    assert_eq!(
        told.iter().map(|item| receipt_of(item).uetr).collect::<Vec<_>>(),
        [uetr],
        "prefunding nobody asked for is not told"
    );
    assert_eq!(receipt_of(&told[0]).status, ReceiptStatus::Done);
    world.log.check_laws();
}

#[tokio::test]
async fn a_withdrawal_is_held_and_given_back_when_it_is_refused() {
    let world = World::start().await;
    name_agent(&world, Hours::always());
    let (uetr, before) = (fresh_uetr(), world.log.balance(HARBOUR, HKD));
    assert_eq!(send(&world, HARBOUR, &camt050(HARBOUR, uetr, false, hkd(7_000))).await.status, 200);
    let refusal = ReceiptStatus::Refused("AC06".into());
    assert_eq!(send(&world, PEARL, &camt025(PEARL, uetr, refusal.clone())).await.status, 200);
    assert_eq!(world.log.balance(HARBOUR, HKD), before);
    assert_eq!(receipt_of(&items(&world, HARBOUR, "camt.025", "").await[0]).status, refusal);
    let reply = send(&world, PEARL, &camt025(PEARL, uetr, ReceiptStatus::Done)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (409, "CLR-1143"));
    // A receipt that says nothing yet is none for the centre, and nobody asks in another's name.
    assert_eq!(send(&world, PEARL, &camt025(PEARL, fresh_uetr(), ReceiptStatus::Pending)).await.code(), "GW-1018");
    assert_eq!(send(&world, PEARL, &camt025(PEARL, fresh_uetr(), ReceiptStatus::Done)).await.status, 404);
    world.log.check_laws();
}

#[tokio::test]
async fn outside_its_hours_the_agent_is_not_asked() {
    let world = World::start().await;
    let minute = (now_ns() / 60_000_000_000 % 1440) as u16;
    let (opens, closes) = if minute < 720 { (1380, 1440) } else { (0, 60) };
    name_agent(&world, Hours { opens, closes, ..Hours::always() });
    let reply = send(&world, HARBOUR, &camt050(HARBOUR, fresh_uetr(), true, hkd(1))).await;
    assert_eq!((reply.status, receipt_of(&reply.body).status), (409, ReceiptStatus::Refused("TM01".into())));
    assert!(items(&world, PEARL, "camt.050", "").await.is_empty());
}

#[tokio::test]
async fn statements_open_and_close_with_the_chains_balances() {
    let world = World::start().await;
    let uetrs = [pay(&world).await, pay(&world).await, pay(&world).await];
    let totals: Value = world.connect(HARBOUR).await.get("/v1/reconciliation?currency=HKD").await.json();
    let account = &totals["accounts"][0];
    assert_eq!((&account["credits"]["count"], &account["debits"]["count"]), (&1.into(), &3.into()));
    assert_eq!(account["debits"]["sum"], "300.00");
    let whole = world.connect(HARBOUR).await.get("/v1/statement?currency=HKD&form=camt.053.001.08").await;
    let whole = statement_of(&whole.body);
    assert_eq!((whole.form, whole.is_last, whole.statement.lines.len()), (StatementForm::Statement, true, 4));
    assert_eq!(whole.statement.check(), Ok(()));
    assert_eq!((whole.statement.opening, whole.statement.closing), (0, world.log.balance(HARBOUR, HKD)));
    let references: Vec<_> = whole.statement.lines[1..].iter().map(|line| line.reference).collect();
    assert_eq!(references, uetrs);
    // Page by page: each closes where the next one opens.
    let (mut after, mut lines, mut balance) = (0, Vec::new(), 0);
    loop {
        let reply = world.connect(HARBOUR).await.get(&format!("/v1/statement?currency=HKD&limit=3&after={after}")).await;
        let page = statement_of(&reply.body).statement;
        assert_eq!((page.opening, page.check()), (balance, Ok(())));
        (after, balance) = (page.to, page.closing);
        lines.extend(page.lines);
        if reply.header("luohu-statement-more") == Some("false") {
            break;
        }
    }
    assert_eq!(lines, whole.statement.lines);
    for (query, code) in [("", "GW-1014"), ("?currency=EUR", "GW-1014"), ("?currency=HKD&after=9&to=3", "GW-1014")] {
        assert_eq!(world.connect(HARBOUR).await.get(&format!("/v1/statement{query}")).await.code(), code, "{query}");
    }
}

#[tokio::test]
async fn a_signed_request_is_answered_in_the_inbox_and_entries_are_told_to_who_wants_to_know() {
    let world = World::start().await;
    let uetr = pay(&world).await;
    let reply = send(&world, HARBOUR, &camt060(HARBOUR, StatementForm::Report, None)).await;
    assert_eq!(reply.status, 202);
    let told = items(&world, HARBOUR, "camt.052", "").await;
    assert_eq!(statement_of(&told[0]).statement.closing, world.log.balance(HARBOUR, HKD));
    assert_eq!(send(&world, HARBOUR, &camt060(PEARL, StatementForm::Report, None)).await.status, 403);
    assert_eq!(send(&world, HARBOUR, &camt060(HARBOUR, StatementForm::Notice, Some((9, 3)))).await.code(), "GW-1014");
    for (bic, is_credit) in [(HARBOUR, false), (PEARL, true)] {
        let notices = items(&world, bic, "camt.054", "&entries=told").await;
        let last = statement_of(notices.last().unwrap()).statement;
        assert_eq!((last.lines.len(), last.lines[0].reference, last.lines[0].is_credit), (1, uetr, is_credit));
        assert_eq!(last.closing, world.log.balance(bic, HKD));
    }
    assert!(items(&world, HARBOUR, "camt.054", "").await.is_empty());
}
