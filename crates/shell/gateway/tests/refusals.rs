//! Everything a caller can do wrong before its message is read: each has its status and code, none is a fault of ours, and
//! nothing reaches the centre.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use gateway::Limits;
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use support::client::{Client, Draft};
use support::{Bank, HARBOUR, OTHER, PEARL, World, now_s};

const QUOTES: &str = "/v1/quotes";

fn quote_body() -> serde_json::Value {
    json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "debit", "amount": "100.00" })
}

fn quote(bank: &Bank) -> Draft {
    Draft::json(bank, QUOTES, &quote_body())
}

/// Every wrong request with what it is answered.
fn wrong_requests(world: &World) -> Vec<(&'static str, Draft, u16, &'static str)> {
    let bank = world.bank(HARBOUR);
    let good = quote(bank);
    let now = now_s();
    let at = |created| Draft::post_at(bank, QUOTES, "application/json", quote_body().to_string().as_bytes(), created);
    let input = |from: &str, to: &str| good.clone().set("Signature-Input", &good.header("Signature-Input").replace(from, to));
    let mut other_body = good.clone();
    other_body.body = quote_body().to_string().replace("100.00", "900.00").into_bytes();
    let mut resigned_elsewhere = quote(world.bank(PEARL));
    resigned_elsewhere.body.clone_from(&good.body);
    let mut forged = good.clone().set("Signature", quote(world.bank(PEARL)).header("Signature"));
    forged.body.clone_from(&good.body);
    vec![
        ("no such path", Draft::get("/v1/nothing"), 404, "GW-1001"),
        ("no such path below payments", Draft::get("/v1/payments/a/b"), 404, "GW-1001"),
        ("GET where POST is", Draft::get(QUOTES), 405, "GW-1002"),
        ("POST where GET is", Draft { target: "/v1/accounts".into(), ..good.clone() }, 405, "GW-1002"),
        ("DELETE", Draft { method: "DELETE".into(), ..good.clone() }, 405, "GW-1002"),
        ("no media type", good.clone().without("Content-Type"), 415, "GW-1006"),
        ("wrong media type", good.clone().set("Content-Type", "application/xml"), 415, "GW-1006"),
        ("JSON to messages", Draft::post(bank, "/v1/messages", "application/json", b"{}"), 415, "GW-1006"),
        ("a query on a signed request", Draft { target: format!("{QUOTES}?a=1"), ..good.clone() }, 400, "GW-1014"),
        ("no digest", good.clone().without("Content-Digest"), 401, "SIG-1001"),
        ("a digest that is none", good.clone().set("Content-Digest", "sha-256=x"), 400, "SIG-1002"),
        ("another body", other_body, 401, "SIG-1003"),
        ("unsigned", good.clone().without("Signature").without("Signature-Input"), 401, "SIG-1004"),
        ("no signature", good.clone().without("Signature"), 401, "SIG-1004"),
        ("an unreadable signature", good.clone().set("Signature", "sig1=:AAAA:"), 400, "SIG-1005"),
        ("an unreadable input", good.clone().set("Signature-Input", "sig1=()"), 401, "SIG-1006"),
        ("the path not covered", input(" \"@path\"", ""), 401, "SIG-1006"),
        ("something unknown covered", input("\"@path\"", "\"@path\" \"@query-param\""), 400, "SIG-1007"),
        ("an absent field covered", input("\"@path\"", "\"@path\" \"x-absent\""), 400, "SIG-1008"),
        ("another algorithm", input("ed25519", "rsa-pss-sha512"), 401, "SIG-1009"),
        ("no created", input(&format!(";created={now}"), ""), 401, "SIG-1010"),
        ("an hour old", at(now - 3600), 401, "SIG-1011"),
        ("an hour ahead", at(now + 3600), 401, "SIG-1012"),
        ("a stranger's key", input("HARBHKHHXXX#1", "NOBOHKHHXXX#1"), 401, "SIG-1013"),
        ("a second key", input("HARBHKHHXXX#1", "HARBHKHHXXX#2"), 401, "SIG-1013"),
        ("another bank's signature under our name", forged, 401, "SIG-1014"),
        ("another bank's signature under its name", resigned_elsewhere, 403, "GW-1009"),
        ("not JSON", Draft::post(bank, QUOTES, "application/json", b"{"), 400, "GW-1015"),
        ("an empty body", Draft::post(bank, QUOTES, "application/json", b""), 400, "GW-1015"),
        ("an unknown member", Draft::json(bank, QUOTES, &json!({ "debit_currency": "HKD", "x": 1 })), 400, "GW-1015"),
        ("a currency that is none", changed_quote(bank, "debit_currency", "hkd"), 400, "GW-1015"),
        ("a currency of no ledger", changed_quote(bank, "debit_currency", "USD"), 422, "CLR-1008"),
        ("an amount that is none", changed_quote(bank, "amount", "1,000"), 400, "GW-1015"),
        ("too many decimals", changed_quote(bank, "amount", "1.005"), 400, "GW-1015"),
        ("a side that is none", changed_quote(bank, "fixed", "both"), 400, "GW-1015"),
        ("a negative cursor", Draft::get("/v1/inbox?after=-1"), 400, "GW-1014"),
        ("a wait too long", Draft::get("/v1/inbox?wait=61"), 400, "GW-1014"),
        ("no such payment", Draft::get("/v1/payments/8a562c67-ca16-48ba-b074-65581be6f001"), 404, "GW-1016"),
        ("a receipt of no payment", Draft::get("/v1/payments/8a562c67/receipt"), 404, "GW-1016"),
        ("a wait that is none", Draft::xml(bank, b"<x/>").set("Prefer", "wait=soon"), 400, "GW-1014"),
    ]
}

fn changed_quote(bank: &Bank, member: &str, value: &str) -> Draft {
    let mut body = quote_body();
    body[member] = value.into();
    Draft::json(bank, QUOTES, &body)
}

#[tokio::test]
async fn each_wrong_request_has_its_answer() {
    let world = World::start().await;
    let before = world.log.commands();
    let mut client = world.connect(HARBOUR).await;
    for (what, draft, status, code) in wrong_requests(&world) {
        let reply = client.send(&draft).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{what}: {}", reply.text());
        assert!(reply.header("content-type").unwrap().starts_with("application/problem+json"), "{what}");
        assert_eq!(reply.json()["status"], status, "{what}");
    }
    assert_eq!(world.log.commands(), before, "something reached the centre");
    // The connection still serves.
    assert_eq!(client.send(&quote(world.bank(HARBOUR))).await.status, 200);
}

#[tokio::test]
async fn a_strange_certificate_is_nobody() {
    let world = World::start().await;
    let unknown = world.authority.issue_client("NOBOHKHHXXX").unwrap();
    let mut client = world.connect_with(&unknown).await.unwrap();
    let reply = client.send(&quote(world.bank(HARBOUR))).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "GW-1007"));
    let unnamed = world.authority.issue_server(&["somebody"]).unwrap();
    if let Ok(mut client) = world.connect_with(&unnamed).await {
        let _ = client.write(&Draft::get("/healthz").head()).await;
        assert!(client.reply().await.is_err(), "a certificate without a BIC was served");
    }
    let other = signing::DevCa::open_or_create(&world.folder.path().join("other")).unwrap();
    let forged = other.issue_client(HARBOUR).unwrap();
    if let Ok(mut client) = world.connect_with(&forged).await {
        let _ = client.write(&Draft::get("/healthz").head()).await;
        assert!(client.reply().await.is_err(), "a certificate of another authority was served");
    }
}

#[tokio::test]
async fn a_body_too_large_is_refused_whole_or_in_chunks() {
    let world = World::start().await;
    let before = world.log.commands();
    let bank = world.bank(HARBOUR);
    let reply = world.connect(HARBOUR).await.send(&Draft::xml(bank, &vec![b'x'; 65_537])).await;
    assert_eq!((reply.status, reply.code().as_str()), (413, "GW-1003"));

    let draft = Draft::xml(bank, b"").without("Content-Length").set("Transfer-Encoding", "chunked");
    let mut client = world.connect(HARBOUR).await;
    let mut bytes = draft.head();
    for _ in 0..17 {
        bytes.extend_from_slice(format!("1000\r\n{}\r\n", "x".repeat(4096)).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    client.write(&bytes).await.unwrap();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (413, "GW-1003"));
    assert_eq!(world.log.commands(), before);
}

#[tokio::test]
async fn slow_clients_lose_their_connection_and_nothing_else() {
    let limits = Limits {
        body_timeout: Duration::from_millis(200),
        head_timeout: Duration::from_millis(300),
        handshake_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let world = World::with(limits, |_| clearing::RiskDecision::PASS).await;
    // A body that drips.
    let draft = quote(world.bank(HARBOUR));
    let mut client = world.connect(HARBOUR).await;
    client.write(&draft.head()).await.unwrap();
    let dripped = drip(&mut client, &draft.body).await;
    assert_eq!((dripped.status, dripped.code().as_str()), (408, "GW-1004"));
    // A head that drips.
    let mut client = world.connect(HARBOUR).await;
    client.write(b"POST /v1/quotes HTTP/1.1\r\nHost: ").await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(5), client.reply()).await.unwrap().is_err());
    // A handshake that never comes.
    let mut socket = tokio::net::TcpStream::connect(world.gateway.addr).await.unwrap();
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_secs(5), tokio::io::AsyncReadExt::read(&mut socket, &mut byte)).await;
    assert_eq!(read.unwrap().unwrap_or(0), 0);
    // Others are served meanwhile.
    assert_eq!(world.connect(HARBOUR).await.send(&draft).await.status, 200);
}

async fn drip(client: &mut Client, body: &[u8]) -> support::client::Reply {
    for byte in &body[..4] {
        client.write(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(80)).await;
    }
    client.reply().await.unwrap()
}

#[tokio::test]
async fn a_body_cut_short_is_nothing() {
    let world = World::start().await;
    let before = world.log.commands();
    let draft = quote(world.bank(HARBOUR));
    let mut client = world.connect(HARBOUR).await;
    client.write(&draft.head()).await.unwrap();
    client.write(&draft.body[..10]).await.unwrap();
    drop(client);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.log.commands(), before);
    // Chunks that are none.
    let mut client = world.connect(HARBOUR).await;
    let chunked = draft.without("Content-Length").set("Transfer-Encoding", "chunked");
    client.write(&chunked.head()).await.unwrap();
    client.write(b"zz\r\n").await.unwrap();
    let reply = client.reply().await.unwrap();
    assert_eq!((reply.status, reply.code().as_str()), (400, "GW-1005"));
}

#[tokio::test]
async fn rate_and_readers_are_limited_per_participant() {
    let limits = Limits { requests_per_second: 1, burst: 3, readers_max: 1, ..Limits::default() };
    let world = World::with(limits, |_| clearing::RiskDecision::PASS).await;
    let mut client = world.connect(HARBOUR).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(client.send(&quote(world.bank(HARBOUR))).await);
    }
    assert!(codes[..3].iter().all(|reply| reply.status == 200));
    assert_eq!((codes[3].status, codes[3].code().as_str()), (429, "GW-1011"));
    assert_eq!(codes[3].header("retry-after"), Some("1"));
    // Another participant is not held up by it.
    let mut other = world.connect(PEARL).await;
    assert_eq!(other.send(&quote(world.bank(PEARL))).await.status, 200);
    let mut stream = world.connect(PEARL).await;
    stream.write(&Draft::get("/v1/inbox").set("Accept", "text/event-stream").head()).await.unwrap();
    assert_eq!(stream.reply_head().await.unwrap().0, 200);
    let reply = other.get("/v1/inbox").await;
    assert_eq!((reply.status, reply.code().as_str()), (429, "GW-1022"));
}

#[tokio::test]
async fn a_journal_that_takes_nothing_is_said_so() {
    use ordering::SubmitRefusal::{DiskFull, QueueFull, Stopped};
    let world = World::start().await;
    let mut client = world.connect(HARBOUR).await;
    for (refusal, code) in [(QueueFull, "ORD-1001"), (DiskFull, "ORD-1002"), (Stopped, "ORD-1003")] {
        *world.log.refuses.lock().unwrap() = Some(refusal);
        let reply = client.send(&quote(world.bank(HARBOUR))).await;
        assert_eq!((reply.status, reply.code().as_str()), (503, code));
        assert!(reply.header("retry-after").is_some());
        // Reading goes on.
        assert_eq!(client.get("/v1/accounts").await.status, 200);
    }
}

#[tokio::test]
async fn rates_are_for_providers() {
    let world = World::start().await;
    let body = json!({
        "debit_currency": "HKD", "credit_currency": "CNY", "rate": "0.95", "spread_ppm": 1000,
        "credit_max": "1000.00", "valid_for_s": 60,
    });
    let mut client = world.connect(HARBOUR).await;
    let reply = client.send(&Draft::json(world.bank(HARBOUR), "/v1/rates", &body)).await;
    assert_eq!((reply.status, reply.code().as_str()), (403, "CLR-1014"));
    let mut provider = world.connect(OTHER).await;
    let draft = Draft::json(world.bank(OTHER), "/v1/rates", &body);
    let reply = provider.send(&draft).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    for (member, value) in
        [("rate", json!("x")), ("valid_for_s", json!(0)), ("valid_for_s", json!(86_401)), ("credit_max", json!("-1"))]
    {
        let mut bad = body.clone();
        bad[member] = value;
        let reply = provider.send(&Draft::json(world.bank(OTHER), "/v1/rates", &bad)).await;
        assert_eq!((reply.status, reply.code().as_str()), (400, "GW-1015"), "{member}");
        assert_eq!(reply.json()["field"], member);
    }
}

#[tokio::test]
async fn a_quote_is_exact_and_signed() {
    let world = World::start().await;
    let mut client = world.connect(HARBOUR).await;
    let draft = quote(world.bank(HARBOUR));
    let reply = client.send(&draft).await;
    reply.verify(draft.header("Content-Digest"), world.centre_key);
    let quote = reply.json();
    assert_eq!(quote["debit"], json!({ "currency": "HKD", "amount": "100.00" }));
    assert_eq!(quote["credit"]["currency"], "CNY");
    assert_eq!((&quote["rate"], &quote["provider"]), (&json!("0.9216"), &json!(OTHER)));
    let part = |name: &str| quote[name].as_str().unwrap().replace('.', "").parse::<u64>().unwrap();
    assert_eq!(part("principal") + part("spread") + part("remainder"), 10_000);
    assert!(quote["expires_in_ms"].as_u64().unwrap() > 500_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Any one byte of a signed request changed: refused, or the connection ends; never taken.
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), byte in 0x21u8..0x7f) {
        let runtime = runtime();
        runtime.block_on(async {
            let world = shared_world().await;
            let draft = quote(world.bank(HARBOUR));
            let mut bytes = draft.head();
            bytes.extend_from_slice(&draft.body);
            let at = at.index(bytes.len());
            // The request line's version, and names and values that are not signed, may change without harm.
            let covered = changes_what_is_signed(&bytes, at, byte);
            let before = world.log.commands();
            bytes[at] = byte;
            let mut client = world.connect(HARBOUR).await;
            client.write(&bytes).await.unwrap();
            let reply = tokio::time::timeout(Duration::from_millis(500), client.reply()).await;
            if let Ok(Ok(reply)) = reply {
                prop_assert!(reply.status < 500, "{}", reply.text());
                prop_assert!(!covered || reply.status >= 400, "taken although byte {at} was changed: {}", reply.text());
            }
            prop_assert!(!covered || world.log.commands() == before);
            Ok(())
        })?;
    }
}

/// Whether the byte is in the method, the path, the body, or a field the signature needs, and is not the same in other letters.
fn changes_what_is_signed(bytes: &[u8], at: usize, byte: u8) -> bool {
    let head_end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    if bytes[at].eq_ignore_ascii_case(&byte) {
        return false;
    }
    if at >= head_end {
        return true;
    }
    let line_start = bytes[..at].iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    let line = &bytes[line_start..];
    match line_start {
        0 => at < bytes.windows(5).position(|window| window == b"HTTP/").unwrap() - 1,
        _ => line.starts_with(b"Content-Digest: ") || line.starts_with(b"Signature"),
    }
}

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: std::sync::OnceLock<tokio::runtime::Runtime> = std::sync::OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap())
}

async fn shared_world() -> &'static World {
    static WORLD: tokio::sync::OnceCell<World> = tokio::sync::OnceCell::const_new();
    WORLD.get_or_init(World::start).await
}
