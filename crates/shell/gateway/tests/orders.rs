//! Officers' orders through the operator's window: what is done, what is refused, and with which code.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{
    Arrangement, Broadcast, Command, IsoReason, LiquidityTerms, NetDebitCap, Officer, OfficerRole, OrderId, ParticipantId,
    ParticipantStatus, Roles, SetLiquidity, Time,
};
use gateway::OrderDocument;
use money::{CurrencyCode, MinorUnits};
use serde_json::{Value, json};
use signing::{FileSigner, Signer};
use support::World;

const CHAIN: &str = "luohu.example/settlement";

fn officers() -> [FileSigner; 3] {
    [1, 2, 3].map(|seed| FileSigner::from_seed("officer", &[seed; 32]))
}

/// The first two are officers.
async fn scheme() -> World {
    let world = World::start().await;
    let appointed = officers()[..2]
        .iter()
        .map(|signer| Officer { key: signer.public_key(), name: "officer".into(), roles: Roles::SIGNING })
        .collect();
    world.log.run(Command::AppointOfficers(appointed));
    world
}

fn order(id: u8, status: ParticipantStatus, signers: &[&FileSigner]) -> String {
    signed(id, &Command::SetStatus { participant: ParticipantId(1), status }, signers)
}

fn signed(id: u8, does: &Command, signers: &[&FileSigner]) -> String {
    let valid_until = Time(support::now_ns()).after(3_600_000_000_000);
    let mut document = OrderDocument::draft(CHAIN, OrderId([id; 16]), valid_until, does).unwrap();
    signers.iter().for_each(|signer| document.sign(*signer).unwrap());
    document.to_text()
}

async fn submit(world: &World, document: &str) -> (u16, String) {
    let (status, body) = world.gateway.window.order(document.as_bytes()).await;
    let value: Value = serde_json::from_slice(&body).unwrap();
    let told = value.get("code").or(value.get("status")).and_then(Value::as_str).unwrap().to_owned();
    (status, told)
}

#[tokio::test]
async fn two_officers_suspend_a_participant_once() {
    let world = scheme().await;
    let [one, two, stranger] = officers();
    let stop = order(1, ParticipantStatus::Suspended, &[&one, &two]);
    assert_eq!(submit(&world, &stop).await, (200, "done".into()));
    assert_eq!(submit(&world, &order(2, ParticipantStatus::Live, &[&two, &one])).await, (200, "done".into()));
    // Brought again, the first order changes nothing: the participant stays live.
    assert_eq!(submit(&world, &stop).await, (200, "done".into()));
    let governance: Value = serde_json::from_slice(&world.gateway.window.governance()).unwrap();
    assert_eq!(governance["chain"], CHAIN);
    assert_eq!(governance["officers"].as_array().unwrap().len(), 2);
    assert_eq!(governance["currencies"]["HKD"], 2);
    assert_eq!(governance["nodes_version"], 0);

    for (document, refused) in [
        (order(3, ParticipantStatus::Suspended, &[&one]), (400, "GW-1024")),
        (order(3, ParticipantStatus::Suspended, &[&one, &stranger]), (403, "CLR-1030")),
        (order(2, ParticipantStatus::Suspended, &[&one, &two]), (409, "CLR-1033")),
        ("{}".to_owned(), (400, "GW-1024")),
        (stop.replace(CHAIN, "elsewhere"), (400, "GW-1024")),
        (" ".repeat(65_537), (400, "GW-1024")),
    ] {
        assert_eq!(submit(&world, &document).await, (refused.0, refused.1.into()), "{document:.60}");
    }
}

#[tokio::test]
async fn a_cap_is_ordered_and_its_owner_sees_it() {
    let world = scheme().await;
    let [one, two, _] = officers();
    let cap = |cap, target| {
        let [floor, target] = [200_000_000, target].map(MinorUnits);
        let terms = LiquidityTerms { cap: NetDebitCap::Fixed(MinorUnits(cap)), floor, target, reserved: MinorUnits::ZERO };
        let (participant, currency) = (ParticipantId(0), CurrencyCode::HKD);
        Command::Arrange(Arrangement::SetLiquidity(SetLiquidity { participant, currency, terms, from: Time(0) }))
    };
    // 1,000,000.00 HKD prefunded, a cap of 12.34, and less room than the floor of 2,000,000.00.
    assert_eq!(submit(&world, &signed(1, &cap(1_234, 200_000_000), &[&one, &two])).await, (200, "done".into()));
    let accounts = world.connect(support::HARBOUR).await.get("/v1/accounts").await.json();
    let is_it = |row: &&Value| row["purpose"] == "settlement" && row["currency"] == "HKD";
    let account = accounts.as_array().unwrap().iter().find(is_it).unwrap();
    assert_eq!((&account["posted"], &account["available"]), (&json!("1000000.00"), &json!("1000012.34")));
    assert_eq!((&account["cap"], &account["low"]), (&json!("12.34"), &json!(true)));
    assert_eq!(submit(&world, &signed(2, &cap(1_234, 1), &[&one, &two])).await, (422, "CLR-1104".into()));
    world.log.check_laws();
}

#[tokio::test]
async fn what_operators_tell_everybody_is_in_each_inbox_for_good() {
    let world = scheme().await;
    let [one, two, _] = officers();
    let text = "羅湖 <closes> at 23:00";
    let broadcast = Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: text.to_owned() });
    assert_eq!(submit(&world, &signed(4, &broadcast, &[&one, &two])).await, (200, "done".into()));
    for bic in [support::HARBOUR, support::PEARL] {
        let poll = async || world.connect(bic).await.get("/v1/inbox?after=0").await.json();
        let page = poll().await;
        assert_eq!(page["items"][0]["message"], poll().await["items"][0]["message"], "the same whenever it is read");
        assert_eq!(page["items"].as_array().map(Vec::len), Some(1), "{page}");
        assert_eq!(page["items"][0]["type"], "admi.004.001.02");
        let message = page["items"][0]["message"].as_str().unwrap();
        let read = iso20022::read_business_message(message.as_bytes(), iso20022::Limits::DEFAULT).unwrap();
        let told = iso20022::view::SystemEventView::of(&read.document).unwrap();
        assert_eq!((told.event.as_str(), told.text.as_str()), ("CUTO", text));
    }
    let long = Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: "\u{7}".to_owned() });
    assert_eq!(submit(&world, &signed(5, &long, &[&one, &two])).await, (422, "CLR-1043".into()));
}

/// The body of an answer.
async fn told(world: &World, document: &str) -> Value {
    let (_, body) = world.gateway.window.order(document.as_bytes()).await;
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn an_order_takes_two_with_its_role_and_a_refusal_says_who_lacks_it() {
    let world = World::start().await;
    let [one, two, three] = officers();
    let officer = |signer: &FileSigner, name: &str, roles| Officer { key: signer.public_key(), name: name.into(), roles };
    let audits = Roles::of(&[OfficerRole::Auditor]);
    let all = || vec![officer(&one, "Chan", Roles::SIGNING), officer(&two, "Li", Roles::SIGNING)];
    let with_auditor = || [all(), vec![officer(&three, "Wong", audits)]].concat();
    world.log.run(Command::AppointOfficers(with_auditor()));
    let refused = told(&world, &order(1, ParticipantStatus::Suspended, &[&one, &three])).await;
    assert_eq!((&refused["code"], &refused["field"]), (&json!("CLR-1170"), &json!("signatures")));
    assert_eq!(refused["detail"], "needs the role membership: Wong holds auditor");
    // Of three who signed, the two count who may, whatever their keys.
    let three_signed = order(1, ParticipantStatus::Suspended, &[&three, &one, &two]);
    assert_eq!(submit(&world, &three_signed).await, (200, "done".into()));

    let too_few = vec![officer(&one, "Chan", Roles::SIGNING), officer(&two, "Li", Roles::of(&[OfficerRole::Security]))];
    let refused = told(&world, &signed(2, &Command::AppointOfficers(too_few), &[&one, &two])).await;
    assert_eq!((&refused["code"], &refused["field"]), (&json!("CLR-1171"), &json!("officers")));
    assert_eq!(refused["detail"], "fewer than two officers for membership, money, rules, communications");
    let mixed = [all(), vec![officer(&three, "Wong", Roles::of(&[OfficerRole::Auditor, OfficerRole::Money]))]].concat();
    let refused = told(&world, &signed(2, &Command::AppointOfficers(mixed), &[&one, &two])).await;
    assert_eq!((&refused["code"], &refused["detail"]), (&json!("CLR-1172"), &json!("Wong (money auditor)")));

    let governance: Value = serde_json::from_slice(&world.gateway.window.governance()).unwrap();
    assert_eq!(governance["officers"][2]["roles"], json!(["auditor"]));
    assert_eq!(governance["officers"][0]["roles"].as_array().map(Vec::len), Some(5));
}
