//! Mandates and direct debit over real HTTP: asked for, agreed to, collected under, changed, ended.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use iso20022::MessageType;
use iso20022::view::{
    CollectionView, CreditTransferView, MandateAmendmentView, MandateAnswerView, MandateCancellationView, MandateCapsView,
    MandateChange, MandateFrequency, MandateRequestView, StatusReportView, TransactionStatus,
};
use support::client::{Draft, Reply};
use support::messages::*;
use support::{HARBOUR, HKD, OTHER, PEARL, World, now_ns};

const DAY_NS: u64 = 86_400 * 1_000_000_000;

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

/// Up to 100.00 HKD each, 150.00 and twice a month, for a year.
fn caps() -> MandateCapsView {
    // Midnight in Hong Kong is 16:00 UTC.
    let midnight = (now_ns() + DAY_NS / 3) / DAY_NS * DAY_NS - DAY_NS / 3;
    MandateCapsView {
        each: hkd(10_000),
        is_fixed: false,
        frequency: MandateFrequency::Month,
        period_max: hkd(15_000),
        count: 2,
        purpose: None,
        first: midnight,
        last: midnight + 365 * DAY_NS,
    }
}

fn mandate() -> MandateRequestView {
    MandateRequestView {
        message_id: id(),
        created_at: now_ns() / 1_000_000 * 1_000_000,
        mandate: fresh_uetr(),
        reference: "RENT-7".into(),
        caps: caps(),
        creditor: party("LI XIAO MING", "Shenzhen", "CN"),
        creditor_account: Some(account("6222000011112222")),
        creditor_agent: PEARL.into(),
        debtor: party("CHAN TAI MAN", "Hong Kong", "HK"),
        debtor_account: Some(account("012-345678-001")),
        debtor_agent: HARBOUR.into(),
    }
}

fn pain009(view: &MandateRequestView) -> Vec<u8> {
    enveloped(&view.creditor_agent, &view.message_id, &view.message().unwrap())
}

fn pain010(from: &str, mandate: [u8; 16], change: MandateChange) -> Vec<u8> {
    let view = MandateAmendmentView { message_id: id(), created_at: now_ns(), sender: from.into(), mandate, change };
    enveloped(from, &view.message_id, &view.message().unwrap())
}

fn pain011(from: &str, mandate: [u8; 16], reason: &str) -> Vec<u8> {
    let view =
        MandateCancellationView { message_id: id(), created_at: now_ns(), sender: from.into(), mandate, reason: reason.into() };
    enveloped(from, &view.message_id, &view.message().unwrap())
}

/// The debtor agent's word on the question of this identification.
fn pain012(mandate: [u8; 16], question: &str, refused: Option<&str>) -> Vec<u8> {
    let view = MandateAnswerView {
        message_id: id(),
        created_at: now_ns(),
        sender: HARBOUR.into(),
        original_message_id: question.into(),
        original_message_name: MessageType::Pain00900106.id().into(),
        mandate,
        accepted: refused.is_none(),
        reason: refused.map(str::to_owned),
        information: None,
    };
    enveloped(HARBOUR, &view.message_id, &view.message().unwrap())
}

fn collection(mandate: &MandateRequestView, minor: u64) -> CollectionView {
    CollectionView {
        message_id: id(),
        created_at: now_ns() / 1_000_000 * 1_000_000,
        uetr: fresh_uetr(),
        end_to_end_id: "RENT-7".into(),
        mandate: mandate.mandate,
        is_last: false,
        amount: hkd(minor),
        creditor: mandate.creditor.clone(),
        creditor_account: mandate.creditor_account.clone(),
        creditor_agent: mandate.creditor_agent.clone(),
        debtor: mandate.debtor.clone(),
        debtor_account: mandate.debtor_account.clone().unwrap(),
        debtor_agent: mandate.debtor_agent.clone(),
        purpose: Some("RENT".into()),
        remittance: Some("November".into()),
        clearing_system: Some("LUOHU".into()),
    }
}

fn pacs003(view: &CollectionView) -> Vec<u8> {
    enveloped(&view.creditor_agent, &view.message_id, &view.message().unwrap())
}

/// The debtor agent does not pay.
fn pacs002_about(collection: &CollectionView, status: TransactionStatus, reason: Option<&str>) -> Vec<u8> {
    let view = StatusReportView {
        original_message_id: Some(collection.message_id.clone()),
        original_message_name: Some(MessageType::Pacs00300108.id().into()),
        reason: reason.map(str::to_owned),
        ..StatusReportView::new(&id(), now_ns(), collection.uetr, status)
    };
    enveloped(HARBOUR, &view.message_id, &view.message().unwrap())
}

fn payment_on(collection: &CollectionView) -> CreditTransferView {
    CreditTransferView {
        collection: Some(collection.uetr),
        interbank_settlement_amount: collection.amount,
        ..transfer(HARBOUR, PEARL)
    }
}

fn answer_of(message: &str) -> MandateAnswerView {
    MandateAnswerView::of(&parse(message.as_bytes()).document).unwrap()
}

/// A mandate that the debtor agreed to.
async fn agreed(world: &World) -> MandateRequestView {
    let mandate = mandate();
    assert_eq!(send(world, PEARL, &pain009(&mandate)).await.status, 202);
    let (items, _) = inbox(world, HARBOUR, 0).await;
    let question = MandateRequestView::of(&parse(items.last().unwrap().1.as_bytes()).document).unwrap();
    let reply = send(world, HARBOUR, &pain012(mandate.mandate, &question.message_id, None)).await;
    assert_eq!((reply.status, reply.header("luohu-mandate-state")), (200, Some("active")));
    mandate
}

#[tokio::test]
async fn a_mandate_is_asked_for_agreed_to_and_collected_under_once() {
    let world = World::start().await;
    let mandate = mandate();
    let asked = pain009(&mandate);
    let reply = send(&world, PEARL, &asked).await;
    assert_eq!((reply.status, reply.header("luohu-mandate-state")), (202, Some("asked")));
    let early = send(&world, PEARL, &pacs003(&collection(&mandate, 100))).await;
    assert_eq!((early.status, status_of(&early.body).reason.as_deref()), (409, Some("MD01")), "nobody has agreed yet");

    // The debtor agent finds what the creditor agent wrote, under the centre's identification.
    let (items, cursor) = inbox(&world, HARBOUR, 0).await;
    let [(kind, message)] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(kind, "pain.009.001.06");
    let found = MandateRequestView::of(&parse(message.as_bytes()).document).unwrap();
    let ours = MandateRequestView { message_id: found.message_id.clone(), created_at: found.created_at, ..mandate.clone() };
    assert_eq!(found, ours);
    assert_eq!(send(&world, HARBOUR, &pain012(mandate.mandate, "X", None)).await.status, 422, "which question?");
    let yes = pain012(mandate.mandate, &found.message_id, None);
    assert_eq!(send(&world, HARBOUR, &yes).await.status, 200);
    assert_eq!(send(&world, HARBOUR, &yes).await.status, 200, "sent again");
    let (items, cursor_of_pearl) = inbox(&world, PEARL, 0).await;
    let [(kind, message)] = items.as_slice() else { panic!("{items:?}") };
    let told = answer_of(message);
    assert_eq!((kind.as_str(), told.accepted, told.original_message_id), ("pain.012.001.06", true, mandate.message_id.clone()));

    let claimed = collection(&mandate, 10_000);
    let sent = pacs003(&claimed);
    let reply = send(&world, PEARL, &sent).await;
    assert_eq!((reply.status, reply.header("luohu-collection-state")), (202, Some("asked")));
    assert_eq!(status_of(&reply.body).status, TransactionStatus::Received);
    let over = send(&world, PEARL, &pacs003(&collection(&mandate, 5_001))).await;
    assert_eq!((over.status, status_of(&over.body).reason.as_deref()), (409, Some("SL14")), "150.01 in a month of 150.00");

    let (items, cursor) = inbox(&world, HARBOUR, cursor).await;
    let (kind, message) = items.last().unwrap();
    assert_eq!(kind, "pacs.003.001.08");
    let found = CollectionView::of(&parse(message.as_bytes()).document).unwrap();
    let ours = CollectionView { message_id: found.message_id.clone(), created_at: found.created_at, ..claimed.clone() };
    assert_eq!(found, ours);

    let less = CreditTransferView { interbank_settlement_amount: hkd(9_999), ..payment_on(&claimed) };
    assert_eq!(status_of(&send(&world, HARBOUR, &pacs008(&less)).await.body).reason.as_deref(), Some("AM09"));
    let payment = payment_on(&claimed);
    assert_eq!(send(&world, HARBOUR, &pacs008(&payment)).await.status, 202);
    let again = send(&world, HARBOUR, &pacs008(&payment_on(&claimed))).await;
    assert_eq!(status_of(&again.body).reason.as_deref(), Some("APAR"), "it is being paid");
    assert_eq!(send(&world, PEARL, &pacs002(PEARL, payment.uetr, TransactionStatus::InProcess, None)).await.status, 200);
    for (bic, after) in [(HARBOUR, cursor), (PEARL, cursor_of_pearl)] {
        let (items, _) = inbox(&world, bic, after).await;
        let reports =
            items.iter().filter(|(kind, _)| kind == "pacs.002.001.10").map(|(_, message)| status_of(message.as_bytes()));
        let ended: Vec<_> = reports.filter(|report| report.status == TransactionStatus::Settled).collect();
        let about = |uetr: [u8; 16]| ended.iter().find(|report| report.uetr == uetr).unwrap();
        assert_eq!(about(claimed.uetr).original_message_name.as_deref(), Some("pacs.003.001.08"), "{bic}");
        assert_eq!(about(payment.uetr).original_message_name.as_deref(), Some("pacs.008.001.08"), "{bic}");
    }
    assert_eq!(world.log.balance(PEARL, HKD), 100_010_000);
    let reply = send(&world, PEARL, &sent).await;
    assert_eq!((reply.status, status_of(&reply.body).status), (200, TransactionStatus::Settled), "sent again: as it stands");
    world.log.check_laws();
}

#[tokio::test]
async fn a_collection_is_refused_with_the_debtor_agents_reason() {
    let world = World::start().await;
    let mandate = agreed(&world).await;
    let (_, cursor) = inbox(&world, PEARL, 0).await;
    let claimed = collection(&mandate, 10_000);
    assert_eq!(send(&world, PEARL, &pacs003(&claimed)).await.status, 202);
    let yes = send(&world, HARBOUR, &pacs002_about(&claimed, TransactionStatus::InProcess, None)).await;
    assert_eq!(yes.status, 422, "who pays says so by paying");
    let no = pacs002_about(&claimed, TransactionStatus::Rejected, Some("AM04"));
    let reply = send(&world, HARBOUR, &no).await;
    assert_eq!((reply.status, reply.header("luohu-collection-state")), (200, Some("refused")));
    let (items, _) = inbox(&world, PEARL, cursor).await;
    let told = status_of(items[0].1.as_bytes());
    assert_eq!((told.status, told.reason.as_deref(), told.uetr), (TransactionStatus::Rejected, Some("AM04"), claimed.uetr));
    let late = send(&world, HARBOUR, &pacs002_about(&claimed, TransactionStatus::Rejected, Some("AC06"))).await;
    assert_eq!((late.status, rejection_of(&late.body).reason.as_str()), (409, "CLR-1198"));
    // What came to nothing does not count: twice more this month.
    for minor in [10_000, 5_000] {
        assert_eq!(send(&world, PEARL, &pacs003(&collection(&mandate, minor))).await.status, 202);
    }
    world.log.check_laws();
}

#[tokio::test]
async fn a_mandate_is_amended_suspended_and_ended() {
    let world = World::start().await;
    let mandate = agreed(&world).await;
    let (id, (_, cursor)) = (mandate.mandate, inbox(&world, PEARL, 0).await);
    let more = MandateCapsView { each: hkd(20_000), period_max: hkd(40_000), ..caps() };
    let reply = send(&world, PEARL, &pain010(PEARL, id, MandateChange::Caps(more.clone()))).await;
    assert_eq!((reply.status, reply.header("luohu-mandate-state")), (202, Some("amending")));
    let (items, _) = inbox(&world, HARBOUR, 0).await;
    let (kind, message) = items.last().unwrap();
    let asked = MandateAmendmentView::of(&parse(message.as_bytes()).document).unwrap();
    assert_eq!((kind.as_str(), &asked.change), ("pain.010.001.06", &MandateChange::Caps(more)));
    let early = send(&world, PEARL, &pacs003(&collection(&mandate, 20_000))).await;
    assert_eq!(status_of(&early.body).reason.as_deref(), Some("AM14"), "not agreed to yet");
    assert_eq!(send(&world, HARBOUR, &pain012(id, &asked.message_id, None)).await.status, 200);
    assert_eq!(send(&world, PEARL, &pacs003(&collection(&mandate, 20_000))).await.status, 202);

    let reply = send(&world, HARBOUR, &pain010(HARBOUR, id, MandateChange::Suspend)).await;
    assert_eq!((reply.status, reply.header("luohu-mandate-state")), (200, Some("suspended")));
    let told = answer_of(&inbox(&world, PEARL, cursor).await.0.last().unwrap().1);
    assert_eq!((told.accepted, told.reason.as_deref()), (false, Some("SUSPENDED")));
    assert_eq!(send(&world, PEARL, &pacs003(&collection(&mandate, 100))).await.status, 409);
    assert_eq!(send(&world, PEARL, &pain010(PEARL, id, MandateChange::Resume)).await.status, 403, "not the creditor's to say");
    assert_eq!(send(&world, HARBOUR, &pain010(HARBOUR, id, MandateChange::Resume)).await.status, 200);

    let reply = send(&world, PEARL, &pain011(PEARL, id, "MD17")).await;
    assert_eq!((reply.status, reply.header("luohu-mandate-state")), (200, Some("cancelled")));
    let (items, _) = inbox(&world, HARBOUR, 0).await;
    let (kind, message) = items.last().unwrap();
    let ended = MandateCancellationView::of(&parse(message.as_bytes()).document).unwrap();
    assert_eq!((kind.as_str(), ended.reason.as_str(), ended.sender.as_str()), ("pain.011.001.06", "MD17", PEARL));
    assert_eq!(send(&world, PEARL, &pacs003(&collection(&mandate, 100))).await.status, 409);
    world.log.check_laws();
}

#[tokio::test]
async fn what_is_wrong_is_told_by_a_message() {
    let world = World::start().await;
    let foreign = MandateRequestView { creditor_agent: OTHER.into(), ..mandate() };
    let body = enveloped(PEARL, &foreign.message_id, &foreign.message().unwrap());
    assert_eq!(send(&world, PEARL, &body).await.status, 403);
    let never = MandateRequestView { caps: MandateCapsView { count: 0, ..caps() }, ..mandate() };
    let reply = send(&world, PEARL, &pain009(&never)).await;
    let told = answer_of(std::str::from_utf8(&reply.body).unwrap());
    assert_eq!((reply.status, told.accepted, told.reason.as_deref()), (422, false, Some("MD02")));
    assert!(told.information.unwrap().starts_with("CLR-1190 "));
    let nobody = MandateRequestView { debtor_agent: "NOBKHKHHXXX".into(), ..mandate() };
    assert_eq!(send(&world, PEARL, &pain009(&nobody)).await.status, 404);
    let reply = send(&world, HARBOUR, &pain011(HARBOUR, fresh_uetr(), "MD16")).await;
    assert_eq!((reply.status, rejection_of(&reply.body).reason.as_str()), (404, "CLR-1120"));
    let reply = send(&world, PEARL, &pacs003(&collection(&mandate(), 100))).await;
    assert_eq!((reply.status, status_of(&reply.body).reason.as_deref()), (404, Some("AG09")));
}
