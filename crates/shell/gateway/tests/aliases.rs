//! Aliases at the door, over real TLS: registered by one bank, looked up by another, signed by the centre, and at the door of
//! another operator.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clearing::RiskDecision;
use directory::{Directory, Rate, Settings};
use gateway::{AskedHere, Limits, OtherDoors, SignedMessage};
use serde_json::{Value, json};
use signing::{HashKey, verify_ed25519};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use support::client::{Draft, Reply};
use support::{HARBOUR, OTHER, PEARL, World};
use tokio::sync::{Mutex, mpsc, oneshot};

const MOBILE: &str = "+85261234567";

fn directory(folder: &tempfile::TempDir, settings: Settings) -> Arc<Directory> {
    Arc::new(Directory::open(folder.path(), settings, HashKey::new(&[7; 32])).unwrap())
}

async fn world(settings: Settings) -> (World, tempfile::TempDir) {
    let (world, folder) = (World::start().await, tempfile::tempdir().unwrap());
    world.hub.look_up_in(directory(&folder, settings));
    (world, folder)
}

async fn post(world: &World, bic: &str, path: &str, body: &Value) -> Reply {
    let draft = Draft::json(world.bank(bic), path, body);
    let reply = world.connect(bic).await.send(&draft).await;
    if reply.status == 200 {
        reply.verify(draft.header("Content-Digest"), world.centre_key);
    }
    reply
}

fn registering(alias: &str, default: bool) -> Value {
    json!({ "action": "register", "alias": alias, "account": "388100200301", "name": "CHAN Tai Man", "name_han": "陳大文", "default": default })
}

async fn change(world: &World, bic: &str, change: Value) -> Value {
    let reply = post(world, bic, "/v1/aliases", &json!({ "changes": [change] })).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["results"][0].clone()
}

async fn look_up(world: &World, bic: &str, alias: &str) -> Reply {
    post(world, bic, "/v1/aliases/lookup", &json!({ "alias": alias, "payer": "customer-1" })).await
}

#[tokio::test]
async fn a_bank_registers_and_another_finds_with_a_statement_that_stands_alone() {
    let (world, _folder) = world(Settings::default()).await;
    let commands = world.log.commands();
    assert_eq!(
        change(&world, HARBOUR, registering("+852 6123 4567", false)).await,
        json!({ "status": "default", "alias": MOBILE })
    );
    let reply = look_up(&world, PEARL, "+852-6123-4567").await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer = reply.json();
    let text = answer["statement"].as_str().unwrap();
    let signature: [u8; 64] = STANDARD.decode(answer["signature"].as_str().unwrap()).unwrap().try_into().unwrap();
    assert!(verify_ed25519(&world.centre_key, format!("luohu alias\n{text}").as_bytes(), &signature));
    assert_eq!(answer["sha256"], chain::sha256(text.as_bytes()).to_string());
    let said: Value = serde_json::from_str(text).unwrap();
    for (member, value) in [
        ("asked_by", PEARL),
        ("alias", MOBILE),
        ("kind", "mobile"),
        ("agent", HARBOUR),
        ("account", "388100200301"),
        ("masked_name", "CHAN T** M**"),
        ("masked_name_han", "陳*文"),
    ] {
        assert_eq!(said[member], value, "{member}");
    }
    assert_eq!(world.log.commands(), commands, "an alias reached the chain");
}

#[tokio::test]
async fn a_default_moves_with_the_word_of_the_bank_that_has_it() {
    let (world, _folder) = world(Settings::default()).await;
    change(&world, HARBOUR, registering(MOBILE, false)).await;
    assert_eq!(change(&world, PEARL, registering(MOBILE, true)).await["status"], "port_pending");
    let ports = world.connect(HARBOUR).await.get("/v1/aliases/ports").await.json();
    assert_eq!((ports[0]["alias"].as_str(), ports[0]["to"].as_str()), (Some("+852****4567"), Some(PEARL)));
    let port = ports[0]["port"].as_str().unwrap();
    let foreign = change(&world, OTHER, json!({ "action": "answer_port", "port": port, "agrees": true })).await;
    assert_eq!((foreign["status"].as_str(), foreign["code"].as_str()), (Some("refused"), Some("DIR-1009")));
    assert_eq!(
        change(&world, HARBOUR, json!({ "action": "answer_port", "port": port, "agrees": true })).await["status"],
        "moved"
    );
    let said: Value = serde_json::from_str(look_up(&world, OTHER, MOBILE).await.json()["statement"].as_str().unwrap()).unwrap();
    assert_eq!(said["agent"], PEARL);
    assert_eq!(change(&world, PEARL, json!({ "action": "revoke", "alias": MOBILE })).await["status"], "revoked");
    assert_eq!(look_up(&world, OTHER, MOBILE).await.code(), "DIR-1001");
    assert_eq!(change(&world, HARBOUR, json!({ "action": "make_default", "alias": MOBILE })).await["status"], "default");
}

#[tokio::test]
async fn who_counts_through_numbers_is_told_to_wait() {
    let payer = Rate { per_hour: 60, burst: 10 };
    let (world, _folder) = world(Settings { payer, ..Settings::default() }).await;
    let mut last = None;
    for n in 0..4 {
        last = Some(look_up(&world, PEARL, &format!("+8526000000{n}")).await);
    }
    let refused = last.unwrap();
    assert_eq!((refused.status, refused.code().as_str()), (429, "DIR-1011"));
    // Two misses count for ten, which is the burst; a minute pays for one more.
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((50..=60).contains(&wait), "{wait} s");
    assert_eq!(refused.json()["field"], "payer");
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_field() {
    let (world, _folder) = world(Settings::default()).await;
    let cases = [
        ("/v1/aliases/lookup", json!({ "alias": "61234567", "payer": "p" }), 422, "DIR-1002", "alias"),
        ("/v1/aliases/lookup", json!({ "alias": MOBILE, "payer": "" }), 422, "DIR-1015", "payer"),
        ("/v1/aliases/lookup", json!({ "alias": MOBILE, "payer": "p", "agent": "x" }), 400, "GW-1015", "agent"),
        ("/v1/aliases", json!({ "changes": [] }), 422, "DIR-1017", "changes"),
        ("/v1/aliases", json!({ "changes": [{ "action": "revoke", "alias": "x" }] }), 422, "DIR-1002", "changes/0/alias"),
    ];
    for (path, body, status, code, field) in cases {
        let reply = post(&world, PEARL, path, &body).await;
        assert_eq!((reply.status, reply.code().as_str(), reply.json()["field"].as_str()), (status, code, Some(field)), "{body}");
    }
    let unknown =
        post(&world, PEARL, "/v1/aliases", &json!({ "changes": [{ "action": "revoke", "alias": MOBILE, "x": 1 }] })).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (400, "GW-1015"));
    world.suspend(PEARL);
    assert_eq!(look_up(&world, PEARL, MOBILE).await.code(), "GW-1008");
    let without = World::start().await;
    assert_eq!(
        (look_up(&without, PEARL, MOBILE).await.status, look_up(&without, PEARL, MOBILE).await.code().as_str()),
        (404, "GW-1030")
    );
}

/// A network of two operators: what one door asks is put to the other.
#[derive(Debug)]
struct Network {
    to_other: mpsc::UnboundedSender<AskedHere>,
    asked: Mutex<mpsc::UnboundedReceiver<AskedHere>>,
    /// Changes what comes back, as a liar in between would.
    forge: fn(SignedMessage) -> SignedMessage,
}

impl OtherDoors for Network {
    fn ask(&self, question: SignedMessage) -> Option<mpsc::Receiver<SignedMessage>> {
        let (answers, receiver) = mpsc::channel(1);
        let (answer, answered) = oneshot::channel();
        self.to_other.send(AskedHere { question, answer }).unwrap();
        let forge = self.forge;
        tokio::spawn(async move {
            if let Ok(answer) = answered.await {
                let _ = answers.send(forge(answer)).await;
            }
        });
        Some(receiver)
    }

    fn asked(&self) -> Pin<Box<dyn Future<Output = Option<AskedHere>> + Send + '_>> {
        Box::pin(async { self.asked.lock().await.recv().await })
    }
}

async fn two_operators(
    forge: fn(SignedMessage) -> SignedMessage,
) -> (World, [gateway::GatewayHandle; 2], [tempfile::TempDir; 2]) {
    let world = World::with(Limits::default(), |_| RiskDecision::PASS).await;
    let ((to_here, here_asked), (to_there, there_asked)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let network = |to_other, asked| Arc::new(Network { to_other, asked: Mutex::new(asked), forge });
    let here = world.another_door_with(network(to_there, here_asked), directory(&folders[0], Settings::default())).await;
    let there = world.another_door_with(network(to_here, there_asked), directory(&folders[1], Settings::default())).await;
    (world, [here, there], folders)
}

async fn post_at(world: &World, door: &gateway::GatewayHandle, bic: &str, path: &str, body: &Value) -> Reply {
    let draft = Draft::json(world.bank(bic), path, body);
    world.connect_at(door.addr, &world.bank(bic).identity).await.unwrap().send(&draft).await
}

#[tokio::test]
async fn an_alias_registered_with_another_operator_is_found_through_its_door() {
    let (world, [here, there], _folders) = two_operators(|answer| answer).await;
    let registered = post_at(&world, &there, PEARL, "/v1/aliases", &json!({ "changes": [registering(MOBILE, false)] })).await;
    assert_eq!(registered.json()["results"][0]["status"], "default");
    let asked = json!({ "alias": MOBILE, "payer": "customer-1" });
    let found = post_at(&world, &here, HARBOUR, "/v1/aliases/lookup", &asked).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let said: Value = serde_json::from_str(found.json()["statement"].as_str().unwrap()).unwrap();
    assert_eq!((said["agent"].as_str(), said["asked_by"].as_str()), (Some(PEARL), Some(HARBOUR)));
    let nobody = json!({ "alias": "+85261234568", "payer": "customer-1" });
    assert_eq!(post_at(&world, &here, HARBOUR, "/v1/aliases/lookup", &nobody).await.code(), "DIR-1001");
}

#[tokio::test]
async fn what_is_forged_between_doors_is_no_answer() {
    let forge =
        |answer: SignedMessage| String::from_utf8_lossy(&answer).replace("388100200301", "388100200666").into_bytes().into();
    let (world, [here, there], _folders) = two_operators(forge).await;
    post_at(&world, &there, PEARL, "/v1/aliases", &json!({ "changes": [registering(MOBILE, false)] })).await;
    let asked = json!({ "alias": MOBILE, "payer": "customer-1" });
    assert_eq!(post_at(&world, &here, HARBOUR, "/v1/aliases/lookup", &asked).await.code(), "DIR-1001");
}
