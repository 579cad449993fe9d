//! Payments through the door, over real TLS, with both banks' sides played by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use chain::{Receipt, VerifierKey};
use clearing::{Command, RiskDecision, RiskVerdict, Settings};
use gateway::Limits;

use iso20022::view::{
    AddressView, CreditTransferView, HeaderView, IdentificationReportView, IdentificationRequestView, NameVerdict,
    TransactionStatus,
};
use serde_json::{Value, json};
use signing::{Item, SignatureHeaders, verify_batch, verify_item};
use std::time::Duration;
use support::client::{Client, Draft, Reply};
use support::messages::*;
use support::{CNY, HARBOUR, HKD, OTHER, PEARL, World};
use tokio::time::timeout;

async fn send(world: &World, client: &mut Client, bic: &str, body: &[u8]) -> Reply {
    client.send(&Draft::xml(world.bank(bic), body)).await
}

async fn send_waiting(world: &World, bic: &str, body: &[u8], wait: u32) -> Reply {
    let mut client = world.connect(bic).await;
    let draft = Draft::xml(world.bank(bic), body).set("Prefer", &format!("wait={wait}"));
    let reply = client.send(&draft).await;
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    reply
}

/// Items of a poll, each with its signature checked.
async fn poll(world: &World, bic: &str, query: &str) -> (Vec<Value>, u64) {
    let reply = world.connect(bic).await.get(&format!("/v1/inbox?{query}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let page = reply.json();
    let items = page["items"].as_array().unwrap().clone();
    items.iter().for_each(|item| check_item(world, bic, item));
    (items, page["next"].as_u64().unwrap())
}

fn signature_of(signed: &Value) -> SignatureHeaders {
    let text = |name: &str| signed[name].as_str().unwrap().to_owned();
    SignatureHeaders { content_digest: text("digest"), signature_input: text("signature_input"), signature: text("signature") }
}

/// Items under one signature, checked; each has none of its own.
fn check_batch(world: &World, bic: &str, batch: &Value) -> Vec<(u64, String)> {
    let items: Vec<(u64, String)> = batch["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["cursor"].as_u64().unwrap(), item["message"].as_str().unwrap().to_owned()))
        .collect();
    assert!(batch["items"].as_array().unwrap().iter().all(|item| item.get("signature").is_none()));
    let key = world.centre_key;
    let parts = items.iter().map(|(cursor, message)| (*cursor, message.as_bytes()));
    verify_batch(bic, parts, &signature_of(batch), &move |id: &str| (id == "LUOHU#1").then_some(key)).unwrap();
    items
}

fn check_item(world: &World, bic: &str, item: &Value) {
    let text = |name: &str| item[name].as_str().unwrap().to_owned();
    let headers = signature_of(item);
    let message = text("message");
    let signed = Item { bic, cursor: item["cursor"].as_u64().unwrap(), body: message.as_bytes() };
    let key = world.centre_key;
    verify_item(&signed, &headers, &move |id: &str| (id == "LUOHU#1").then_some(key)).unwrap();
    let parsed = parse(message.as_bytes());
    let header = HeaderView::of(parsed.header.as_ref().unwrap()).unwrap();
    assert_eq!((header.from.as_str(), header.to.as_str()), (CENTRE, bic));
    assert_eq!(parsed.document.message_type().id(), text("type"));
}

fn message_of(item: &Value) -> Vec<u8> {
    item["message"].as_str().unwrap().as_bytes().to_vec()
}

#[tokio::test]
async fn a_payment_is_held_asked_settled_and_proved() {
    let world = World::start().await;
    let transfer = transfer(HARBOUR, PEARL);
    let body = pacs008(&transfer);
    let mut harbour = world.connect(HARBOUR).await;
    let reply = send(&world, &mut harbour, HARBOUR, &body).await;
    assert_eq!((reply.status, reply.header("luohu-payment-state")), (202, Some("held")), "{}", reply.text());
    let status = status_of(&reply.body);
    assert_eq!((status.status, status.uetr), (TransactionStatus::InProcess, transfer.uetr));
    assert_eq!(status.original_message_id.as_deref(), Some(transfer.message_id.as_str()));
    assert_eq!(status.original_end_to_end_id.as_deref(), Some("E2E-1"));

    // The creditor agent is asked, with the debtor agent's data.
    let (items, next) = poll(&world, PEARL, "after=0").await;
    assert_eq!((items.len(), items[0]["type"].as_str()), (1, Some("pacs.008.001.08")));
    assert_eq!(items[0]["cursor"].as_u64(), Some(next));
    let asked = CreditTransferView::of(&parse(&message_of(&items[0])).document).unwrap();
    assert_eq!((asked.uetr, asked.interbank_settlement_amount), (transfer.uetr, hkd(10_000)));
    assert_eq!((&asked.debtor, &asked.creditor_account), (&transfer.debtor, &transfer.creditor_account));
    // The same item has the same bytes whenever it is read.
    assert_eq!(poll(&world, PEARL, "after=0").await.0[0]["digest"], items[0]["digest"]);

    // Not final yet: no receipt.
    let uetr = transfer.uetr_text();
    let reply = harbour.get(&format!("/v1/payments/{uetr}/receipt")).await;
    assert_eq!((reply.status, reply.code().as_str()), (409, "GW-1017"));

    let mut pearl = world.connect(PEARL).await;
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::InProcess, None)).await;
    assert_eq!((reply.status, reply.header("luohu-payment-state")), (200, Some("settled")), "{}", reply.text());
    assert!(reply.body.is_empty());

    // Both learn the same end.
    for (bic, after) in [(PEARL, next), (HARBOUR, 0)] {
        let (items, _) = poll(&world, bic, &format!("after={after}")).await;
        assert_eq!(items.len(), 1, "{bic}");
        let status = status_of(&message_of(&items[0]));
        assert_eq!((status.status, status.uetr), (TransactionStatus::Settled, transfer.uetr));
        assert!(status.settled_at.is_some());
    }
    // The same message again gets how it stands now.
    let again = send(&world, &mut harbour, HARBOUR, &body).await;
    assert_eq!((again.status, status_of(&again.body).status), (200, TransactionStatus::Settled));

    // Credited: the debtor agent hears of it.
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::Credited, None)).await;
    assert_eq!(reply.status, 200);
    let (items, _) = poll(&world, HARBOUR, "after=0").await;
    let told: Vec<_> = items.iter().map(|item| status_of(&message_of(item)).status).collect();
    assert_eq!(told, [TransactionStatus::Settled, TransactionStatus::Credited]);

    // The receipt verifies with the published key alone.
    let receipt = harbour.get(&format!("/v1/payments/{uetr}/receipt")).await;
    let key: VerifierKey = harbour.get("/v1/keys").await.text().trim().parse().unwrap();
    let verified = Receipt::parse(receipt.text()).unwrap().verify(&[key]).unwrap();
    assert_eq!(verified.record.uetr, transfer.uetr);
    assert_eq!(world.log.balance(HARBOUR, HKD), 100_000_000 - 10_000);
    assert_eq!(world.log.balance(PEARL, HKD), 100_000_000 + 10_000);
    world.log.check_laws();
}

#[tokio::test]
async fn a_payment_across_uses_its_quote() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    let body = json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "credit", "amount": "500.00" });
    let quote = harbour.send(&Draft::json(world.bank(HARBOUR), "/v1/quotes", &body)).await.json();
    let debit = quote["debit"]["amount"].as_str().unwrap().replace('.', "").parse().unwrap();
    let quote_id = uuid::Uuid::parse_str(quote["quote_id"].as_str().unwrap()).unwrap();
    let mut transfer = transfer(HARBOUR, PEARL);
    transfer.interbank_settlement_amount = hkd(debit);
    transfer.quote = Some(quote_id.into_bytes());
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await;
    assert_eq!(reply.status, 202, "{}", reply.text());
    let (items, _) = poll(&world, PEARL, "after=0").await;
    let asked = CreditTransferView::of(&parse(&message_of(&items[0])).document).unwrap();
    assert_eq!(
        (asked.interbank_settlement_amount.to_string(), asked.interbank_settlement_amount.currency),
        ("500.00".into(), CNY)
    );
    assert_eq!(asked.instructed_amount, Some(hkd(debit)));
    assert!(asked.exchange_rate.is_some());
    let mut pearl = world.connect(PEARL).await;
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::CustomerAccepted, None)).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.log.balance(PEARL, CNY), 100_000_000 + 50_000);
    assert_eq!(world.log.balance(HARBOUR, HKD), 100_000_000 - i128::from(debit));
    // A quote is used once.
    transfer.uetr = fresh_uetr();
    transfer.message_id = "SECOND".into();
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await;
    let status = status_of(&reply.body);
    assert_eq!((reply.status, status.status, status.reason.as_deref()), (200, TransactionStatus::Rejected, Some("AB04")));
    world.log.check_laws();
}

#[tokio::test]
async fn waiting_brings_the_end_in_the_same_answer() {
    let world = World::start().await;
    let transfer = transfer(HARBOUR, PEARL);
    let body = pacs008(&transfer);
    let waiting = send_waiting(&world, HARBOUR, &body, 10);
    let answering = async {
        let (items, _) = poll(&world, PEARL, "after=0&wait=10").await;
        assert_eq!(items.len(), 1);
        let mut pearl = world.connect(PEARL).await;
        send(&world, &mut pearl, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::Rejected, Some("AC04"))).await
    };
    let (reply, answer) = tokio::join!(waiting, answering);
    assert_eq!((answer.status, answer.header("luohu-payment-state")), (200, Some("rejected")));
    let status = status_of(&reply.body);
    assert_eq!((reply.status, status.status, status.reason.as_deref()), (200, TransactionStatus::Rejected, Some("AC04")));
    // A wait that is too short ends with how it stands.
    let slow = support::messages::transfer(HARBOUR, PEARL);
    let reply = send_waiting(&world, HARBOUR, &pacs008(&slow), 1).await;
    assert_eq!((reply.status, status_of(&reply.body).status), (202, TransactionStatus::InProcess));
    world.log.check_laws();
}

#[tokio::test]
async fn the_same_uetr_with_another_amount_is_a_duplicate() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    let first = transfer(HARBOUR, PEARL);
    assert_eq!(send(&world, &mut harbour, HARBOUR, &pacs008(&first)).await.status, 202);
    let mut other = first.clone();
    other.interbank_settlement_amount = hkd(99_999);
    other.message_id = "OTHER".into();
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&other)).await;
    let status = status_of(&reply.body);
    assert_eq!((reply.status, status.status, status.reason.as_deref()), (409, TransactionStatus::Rejected, Some("DUPL")));
    // The first one's message is still what is forwarded.
    let (items, _) = poll(&world, PEARL, "after=0").await;
    let asked = CreditTransferView::of(&parse(&message_of(&items[0])).document).unwrap();
    assert_eq!((items.len(), asked.interbank_settlement_amount), (1, hkd(10_000)));
    // The same message identification for another payment.
    let mut again = transfer(HARBOUR, PEARL);
    again.message_id = first.message_id.clone();
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&again)).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (409, Some("DU01")));
    assert_eq!(world.log.payments().len(), 1);
}

#[tokio::test]
async fn a_payment_the_centre_has_forgotten_is_answered_from_the_past() {
    let world = World::start().await;
    const SECOND: u64 = 1_000_000_000;
    let brief = Settings { acceptance_age_max_ns: 60 * SECOND, payment_retention_ns: 120 * SECOND, ..Settings::default() };
    world.log.run(Command::Configure(brief));
    let (mut harbour, mut pearl) = (world.connect(HARBOUR).await, world.connect(PEARL).await);
    let [first, never_seen] = [transfer(HARBOUR, PEARL), transfer(HARBOUR, PEARL)];
    let will_credit = pacs002(PEARL, first.uetr, TransactionStatus::InProcess, None);
    let message = pacs008(&first);
    assert_eq!(send(&world, &mut harbour, HARBOUR, &message).await.status, 202);
    assert_eq!(send(&world, &mut pearl, PEARL, &will_credit).await.status, 200);
    world.log.tick_at(support::now_ns() + 121 * SECOND);
    assert_eq!(world.log.payments(), []);

    // PAY-03: the same message gets the same answer.
    let reply = send(&world, &mut harbour, HARBOUR, &message).await;
    assert_eq!((reply.status, status_of(&reply.body).status), (200, TransactionStatus::Settled));
    assert_eq!(send(&world, &mut pearl, PEARL, &will_credit).await.status, 200);
    // The same UETR for another payment is refused here; the centre could not tell.
    let mut other = first.clone();
    (other.interbank_settlement_amount, other.message_id) = (hkd(99_999), "OTHER".into());
    let before = world.log.commands();
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&other)).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (409, Some("DUPL")));
    assert_eq!(world.log.commands(), before, "it never reached the centre");
    // What would be news comes too late.
    for (status, reason) in [(TransactionStatus::Rejected, Some("AC04")), (TransactionStatus::Credited, None)] {
        let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, first.uetr, status, reason)).await;
        assert_eq!(reply.status, 409, "{}", reply.text());
    }
    // And a payment that may have been forgotten, and was not, is refused without a record.
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&never_seen)).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (422, Some("TM01")));
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, never_seen.uetr, TransactionStatus::InProcess, None)).await;
    assert_eq!((reply.status, world.log.payments().len()), (404, 0));
    world.log.check_laws();
}

#[tokio::test]
async fn silence_ends_in_a_reject_and_a_late_answer_changes_nothing() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    let transfer = transfer(HARBOUR, PEARL);
    send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await;
    world.log.tick_at(support::now_ns() + 30_000_000_000);
    let (items, _) = poll(&world, HARBOUR, "after=0").await;
    let status = status_of(&message_of(&items[0]));
    assert_eq!((status.status, status.reason.as_deref()), (TransactionStatus::Rejected, Some("AB05")));
    // The creditor agent that was away is told the end, and not asked any more.
    let (items, _) = poll(&world, PEARL, "after=0").await;
    assert_eq!(items.iter().map(|item| item["type"].as_str().unwrap()).collect::<Vec<_>>(), ["pacs.002.001.10"]);
    let mut pearl = world.connect(PEARL).await;
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, transfer.uetr, TransactionStatus::InProcess, None)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (409, "CLR-1007"));
    assert_eq!(world.log.balance(HARBOUR, HKD), 100_000_000);
    // Asked by pacs.028, both are told the same; a stranger is told nothing.
    for (bic, code) in [(HARBOUR, 200), (PEARL, 200), (OTHER, 404)] {
        let mut client = world.connect(bic).await;
        let reply = send(&world, &mut client, bic, &pacs028(bic, transfer.uetr)).await;
        assert_eq!(reply.status, code, "{bic}: {}", reply.text());
        if code == 200 {
            assert_eq!(status_of(&reply.body).reason.as_deref(), Some("AB05"));
        }
    }
    world.log.check_laws();
}

#[tokio::test]
async fn answers_are_the_creditor_agents_alone_and_count_once() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    let transfer = transfer(HARBOUR, PEARL);
    send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await;
    let yes = |bic| pacs002(bic, transfer.uetr, TransactionStatus::InProcess, None);
    for bic in [HARBOUR, OTHER] {
        let mut client = world.connect(bic).await;
        let reply = send(&world, &mut client, bic, &yes(bic)).await;
        assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (403, "CLR-1006"), "{bic}");
    }
    let mut pearl = world.connect(PEARL).await;
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, fresh_uetr(), TransactionStatus::InProcess, None)).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (404, "CLR-1005"));
    for _ in 0..2 {
        assert_eq!(send(&world, &mut pearl, PEARL, &yes(PEARL)).await.status, 200);
    }
    let no = pacs002(PEARL, transfer.uetr, TransactionStatus::Rejected, Some("AC04"));
    let reply = send(&world, &mut pearl, PEARL, &no).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (409, "CLR-1007"));
    assert_eq!(world.log.balance(PEARL, HKD), 100_000_000 + 10_000);
    assert_eq!(poll(&world, HARBOUR, "after=0").await.0.len(), 1);
}

#[tokio::test]
async fn bad_messages_are_refused_with_their_reason_and_book_nothing() {
    let world = World::start().await;
    let before = world.log.commands();
    let mut harbour = world.connect(HARBOUR).await;
    let good = String::from_utf8(pacs008(&transfer(HARBOUR, PEARL))).unwrap();
    let without_uetr = {
        let (head, rest) = good.split_once("<UETR>").unwrap();
        format!("{head}{}", rest.split_once("</UETR>").unwrap().1)
    };
    let bare = format!("<Document{}", good.split_once("<Document").unwrap().1.replace("</BusinessMessage>", ""));
    let faults: Vec<(&str, String, u16, &str)> = vec![
        ("empty", String::new(), 400, "XML-SYNTAX"),
        ("not XML", "hello".into(), 400, "XML-SYNTAX"),
        ("cut", good[..good.len() - 40].into(), 400, "XML-TAG"),
        ("a document type", format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{good}"), 400, "XML-DTD"),
        ("an unknown element", good.replace("<ChrgBr>", "<X/><ChrgBr>"), 400, "XSD-UNKNOWN"),
        ("no document", "<BusinessMessage xmlns=\"urn:luohu:xsd:envelope.001\"/>".into(), 400, "XSD-ROOT"),
        ("no header", bare, 400, "GW-1023"),
        ("no UETR", without_uetr, 422, "BR-12"),
        ("another definition", good.replace("<MsgDefIdr>pacs.008.001.08", "<MsgDefIdr>pacs.009.001.08"), 400, "GW-1023"),
    ];
    for (what, body, status, reason) in faults {
        let draft = Draft::xml(world.bank(HARBOUR), body.as_bytes());
        let reply = harbour.send(&draft).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        reply.verify(draft.header("Content-Digest"), world.centre_key);
        assert_eq!(rejection_of(&reply.body).reason, reason, "{what}: {}", reply.text());
    }
    // A message of another bank, signed by us.
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&transfer(PEARL, HARBOUR))).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "GW-1010"));
    assert_eq!(world.log.commands(), before);
}

fn lines_alone() -> AddressView {
    AddressView { lines: vec!["1 Nathan Road, Hong Kong".into()], ..AddressView::default() }
}

#[tokio::test]
async fn business_rules_are_told_by_iso_reason_and_book_nothing() {
    let world = World::start().await;
    let before = world.log.commands();
    let mut harbour = world.connect(HARBOUR).await;
    let changed = |change: fn(&mut CreditTransferView)| {
        let mut view = transfer(HARBOUR, PEARL);
        change(&mut view);
        pacs008(&view)
    };
    for (what, body, reason, rule) in [
        ("purpose", changed(|view| view.purpose = Some("ZZZZ".into())), "FF07", "BR-21"),
        ("charges", changed(|view| view.charge_bearer = "DEBT".into()), "BE19", "BR-08"),
        ("accepted long ago", changed(|view| view.accepted_at = Some(support::now_ns() - 3_600_000_000_000)), "TM01", "BR-23"),
        ("value date", changed(|view| view.interbank_settlement_date = Some("2020-01-01".into())), "DT01", "BR-22"),
        ("address", changed(|view| view.debtor.address = Some(lines_alone())), "BE07", "BR-15"),
    ] {
        let reply = send(&world, &mut harbour, HARBOUR, &body).await;
        let told = status_of(&reply.body);
        assert_eq!(
            (reply.status, told.status, told.reason.as_deref()),
            (422, TransactionStatus::Rejected, Some(reason)),
            "{what}"
        );
        assert!(told.information.unwrap().starts_with(rule), "{what}");
    }
    // Rules of other messages are told by admi.002.
    let mut pearl = world.connect(PEARL).await;
    let reply = send(&world, &mut pearl, PEARL, &pacs002(PEARL, fresh_uetr(), TransactionStatus::Rejected, Some("ZZZZ"))).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (422, "BR-29"), "{}", reply.text());
    assert_eq!(world.log.commands(), before);
}

/// PAY-03: told no, its sender would give back the money of a payment that goes on.
#[tokio::test]
async fn a_payment_on_record_is_told_as_it_stands_however_late_it_comes_again() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    let mut view = transfer(HARBOUR, PEARL);
    view.accepted_at = Some(support::now_ns() - 298_500_000_000);
    let body = pacs008(&view);
    assert_eq!(send(&world, &mut harbour, HARBOUR, &body).await.status, 202);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let again = send(&world, &mut harbour, HARBOUR, &body).await;
    assert_eq!((again.status, status_of(&again.body).status), (202, TransactionStatus::InProcess), "{}", again.text());
    // Another one, as late, is too late.
    view.message_id = "OTHER".into();
    view.uetr = fresh_uetr();
    let other = send(&world, &mut harbour, HARBOUR, &pacs008(&view)).await;
    assert_eq!((other.status, status_of(&other.body).reason.as_deref()), (422, Some("TM01")));
}

#[tokio::test]
async fn the_centre_rejects_with_iso_reasons() {
    let blocked = |facts: &gateway::PaymentFacts<'_>| {
        let verdict = if facts.creditor_name == "BLOCKED PERSON" { RiskVerdict::Block } else { RiskVerdict::Pass };
        RiskDecision { verdict, ..RiskDecision::PASS }
    };
    let world = World::with(Limits::default(), blocked).await;
    let mut harbour = world.connect(HARBOUR).await;
    let changed = |change: fn(&mut CreditTransferView)| {
        let mut view = transfer(HARBOUR, PEARL);
        change(&mut view);
        pacs008(&view)
    };
    for (what, body, status, reason) in [
        ("risk", changed(|view| view.creditor.name = "BLOCKED PERSON".into()), 200, "RR04"),
        ("liquidity", changed(|view| view.interbank_settlement_amount = hkd(100_000_001)), 200, "AM04"),
        ("unknown agent", changed(|view| view.creditor_agent = "NOBOHKHHXXX".into()), 404, "CNOR"),
    ] {
        let reply = send(&world, &mut harbour, HARBOUR, &body).await;
        let told = status_of(&reply.body);
        assert_eq!(
            (reply.status, told.status, told.reason.as_deref()),
            (status, TransactionStatus::Rejected, Some(reason)),
            "{what}"
        );
    }
    world.suspend(PEARL);
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await;
    assert_eq!(status_of(&reply.body).reason.as_deref(), Some("AG11"));
    world.suspend(HARBOUR);
    let reply = send(&world, &mut harbour, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (200, Some("AG10")));
    assert_eq!(world.log.balance(HARBOUR, HKD), 100_000_000);
    world.log.check_laws();
}

#[tokio::test]
async fn a_stream_brings_each_item_once_and_resumes_at_its_cursor() {
    let limits = Limits { ping_every: Duration::from_millis(50), ..Limits::default() };
    let world = World::with(limits, |_| RiskDecision::PASS).await;
    let mut harbour = world.connect(HARBOUR).await;
    let mut sent = Vec::new();
    let mut stream = open_stream(&world, PEARL, 0).await;
    let mut cursors = Vec::new();
    for round in 0..3 {
        for _ in 0..40 {
            let transfer = transfer(HARBOUR, PEARL);
            sent.push(transfer.uetr);
            assert_eq!(send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await.status, 202);
        }
        if round == 1 {
            // The reader goes in the middle and comes back.
            stream = open_stream(&world, PEARL, *cursors.last().unwrap()).await;
        }
        while cursors.len() < sent.len() {
            let event = timeout(Duration::from_secs(5), stream.event()).await.unwrap().unwrap();
            let item = item_of(&event);
            check_item(&world, PEARL, &item);
            let asked = CreditTransferView::of(&parse(&message_of(&item)).document).unwrap();
            assert_eq!(asked.uetr, sent[cursors.len()]);
            cursors.push(item["cursor"].as_u64().unwrap());
        }
    }
    assert!(cursors.is_sorted_by(|a, b| a < b));
    // Nobody reads HARBOUR's inbox; PEARL's is read.
    let participants = harbour.get("/v1/participants").await.json();
    let online: Vec<_> = participants.as_array().unwrap().iter().map(|bank| bank["online"].as_bool().unwrap()).collect();
    assert_eq!(online, [false, true, false]);
}

async fn open_stream(world: &World, bic: &str, after: u64) -> Client {
    open_stream_at(world, bic, &format!("after={after}")).await
}

async fn open_stream_at(world: &World, bic: &str, query: &str) -> Client {
    let mut client = world.connect(bic).await;
    let draft = Draft::get(&format!("/v1/inbox?{query}")).set("Accept", "text/event-stream");
    client.write(&draft.head()).await.unwrap();
    assert_eq!(client.reply_head().await.unwrap().0, 200);
    client
}

fn item_of(event: &[(String, String)]) -> Value {
    let field = |name: &str| event.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let item: Value = serde_json::from_str(field("data").unwrap()).unwrap();
    let cursor = item["cursor"].as_u64().unwrap();
    assert_eq!(field("id"), (cursor > 0).then(|| cursor.to_string()).as_deref());
    item
}

#[tokio::test]
async fn items_signed_together_are_the_items_signed_apart() {
    let world = World::start().await;
    let mut harbour = world.connect(HARBOUR).await;
    for _ in 0..70 {
        assert_eq!(send(&world, &mut harbour, HARBOUR, &pacs008(&transfer(HARBOUR, PEARL))).await.status, 202);
    }
    let (apart, next) = poll(&world, PEARL, "after=0&limit=1000").await;
    let apart: Vec<_> =
        apart.iter().map(|item| (item["cursor"].as_u64().unwrap(), item["message"].as_str().unwrap().to_owned())).collect();
    assert_eq!(apart.len(), 70);
    let page = world.connect(PEARL).await.get("/v1/inbox?after=0&limit=1000&signed=together").await.json();
    assert_eq!((check_batch(&world, PEARL, &page), page["next"].as_u64().unwrap()), (apart.clone(), next));
    // Nothing to sign: an empty page.
    let page = world.connect(PEARL).await.get(&format!("/v1/inbox?after={next}&signed=together")).await.json();
    assert_eq!(page, json!({"items": [], "next": next}));
    // As a stream, in batches; each event's id is the cursor behind it.
    let mut stream = open_stream_at(&world, PEARL, "after=0&signed=together").await;
    let mut streamed = Vec::new();
    while streamed.len() < apart.len() {
        let event = timeout(Duration::from_secs(5), stream.event()).await.unwrap().unwrap();
        let field = |name: &str| event.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap();
        assert_eq!(field("event"), "batch");
        let items = check_batch(&world, PEARL, &serde_json::from_str(field("data")).unwrap());
        assert!(items.len() <= 32);
        assert_eq!(field("id"), items.last().unwrap().0.to_string());
        streamed.extend(items);
    }
    assert_eq!(streamed, apart);
}

#[tokio::test]
async fn a_reader_that_stops_reading_loses_nothing() {
    // The agent answers nothing here, and is asked more than would be taken for it.
    let limits = gateway::Limits { answer_delay_max: Duration::from_secs(600), ..gateway::Limits::default() };
    let world = World::with(limits, |_| clearing::RiskDecision::PASS).await;
    let mut harbour = world.connect(HARBOUR).await;
    let mut stream = open_stream(&world, PEARL, 0).await;
    // Far more than sockets and buffers hold.
    const PAYMENTS: usize = 2500;
    for _ in 0..PAYMENTS {
        let mut transfer = transfer(HARBOUR, PEARL);
        transfer.interbank_settlement_amount = hkd(1);
        assert_eq!(send(&world, &mut harbour, HARBOUR, &pacs008(&transfer)).await.status, 202);
    }
    let mut last = 0;
    for _ in 0..PAYMENTS {
        let event = timeout(Duration::from_secs(10), stream.event()).await.unwrap().unwrap();
        let cursor = item_of(&event)["cursor"].as_u64().unwrap();
        assert!(cursor > last);
        last = cursor;
    }
}

#[tokio::test]
async fn a_payee_check_goes_through_the_centre() {
    let limits = Limits { payee_check_timeout: Duration::from_millis(700), ..Limits::default() };
    let world = World::with(limits, |_| RiskDecision::PASS).await;
    let question = acmt023(HARBOUR, PEARL, "LI XIAO MING");
    let verdict = |reply: &Reply| IdentificationReportView::of(&parse(&reply.body).document).unwrap();
    // Nobody there: told at once.
    let mut harbour = world.connect(HARBOUR).await;
    let reply = send(&world, &mut harbour, HARBOUR, &question).await;
    assert_eq!((reply.status, verdict(&reply).verdict), (200, NameVerdict::NotPossible("NORR".into())));
    // There and answering.
    let mut stream = open_stream(&world, PEARL, 0).await;
    let asking = async { send(&world, &mut harbour, HARBOUR, &question).await };
    let answering = async {
        let item = item_of(&stream.event().await.unwrap());
        check_item(&world, PEARL, &item);
        assert_eq!((item["cursor"].as_u64(), item["type"].as_str()), (Some(0), Some("acmt.023.001.02")));
        let asked = IdentificationRequestView::of(&parse(&message_of(&item)).document).unwrap();
        assert_eq!(asked.name.as_deref(), Some("LI XIAO MING"));
        let body = acmt024(PEARL, &asked, NameVerdict::CloseMatch);
        let mut pearl = world.connect(PEARL).await;
        let first = send(&world, &mut pearl, PEARL, &body).await;
        (first, send(&world, &mut pearl, PEARL, &body).await)
    };
    let (reply, (first, second)) = tokio::join!(asking, answering);
    let report = verdict(&reply);
    assert_eq!((reply.status, &report.verdict), (200, &NameVerdict::CloseMatch));
    assert_eq!((report.verification_id.as_str(), report.masked_name.as_deref()), ("V-1", Some("L* X**O M**G")));
    assert_eq!(first.status, 202);
    assert_eq!((second.status, second.code().as_str()), (404, "GW-1021"));
    // There and silent.
    let reply = send(&world, &mut harbour, HARBOUR, &question).await;
    assert_eq!((reply.status, verdict(&reply).verdict), (200, NameVerdict::NotPossible("NORR".into())));
    // Nothing of it is in the chain.
    assert_eq!(poll(&world, PEARL, "after=0").await.0.len(), 0);
}

#[tokio::test]
async fn shutting_down_ends_streams_and_lets_requests_end() {
    let world = World::start().await;
    let mut stream = open_stream(&world, PEARL, 0).await;
    let mut idle = world.connect(HARBOUR).await;
    assert_eq!(idle.get("/healthz").await.status, 200);
    let body = pacs008(&transfer(HARBOUR, PEARL));
    let mut harbour = world.connect(HARBOUR).await;
    let draft = Draft::xml(world.bank(HARBOUR), &body).set("Prefer", "wait=1");
    harbour.write(&[draft.head(), draft.body.clone()].concat()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stopping = world.gateway.shutdown();
    let (_, reply) = tokio::join!(stopping, harbour.reply());
    assert_eq!(reply.unwrap().status, 202);
    while stream.event().await.is_ok() {}
    assert!(idle.reply().await.is_err());
}
