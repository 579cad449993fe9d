//! The monitor over a read model fed by a real centre, asked over HTTP.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::RiskDecision;
use monitor::{ConsortiumFacts, ConsortiumRole, METRICS, Monitor, MonitorConfig, MonitorHandle, metrics_page};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use support::{HKD, World, review, uetr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NOW_NS: u64 = 1_795_532_589_000_000_000;
const NAMES: [&str; 4] = ["Harbour Bank", "<script>alert(1)</script>", "\"><img src=x onerror=a>&amp;", "莲花银行"];

async fn start(world: &World) -> MonitorHandle {
    Monitor::start(MonitorConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)) }, world.deps()).await.unwrap()
}

/// A whole answer: head and body.
async fn ask(addr: SocketAddr, method: &str, path: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn get(addr: SocketAddr, path: &str) -> (String, String) {
    ask(addr, "GET", path, "").await
}

fn scheme() -> World {
    let mut world = World::new(NOW_NS, NAMES);
    world.pay(1, 0, 2, (123_456, HKD), RiskDecision::PASS, None);
    world.later(12);
    world.answer(1, 2, None);
    world.pay_across(2, 1, 3, 50_000, review(0b0010_0101, 600));
    world.later(3);
    world.answer(2, 3, Some("AC04"));
    world.pay(3, 0, 3, (7_700, HKD), RiskDecision::PASS, None);
    world
}

#[tokio::test]
async fn the_board_shows_what_is_durable() {
    let world = scheme();
    let monitor = start(&world).await;
    let (head, page) = get(monitor.addr, "/").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for id in ["payments", "rate", "latency", "height", "checkpoint", "balances", "banks"] {
        assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
    }
    for lang in ["en", "zh-Hant", "zh-Hans"] {
        assert!(page.contains(&format!("data-lang=\"{lang}\"")), "{lang}");
    }
    for (n, state) in [(1, "settled"), (2, "rejected"), (3, "held")] {
        assert!(page.contains(&format!("data-uetr=\"{}\" data-state=\"{state}\"", uetr(n))), "{n} {page}");
    }
    for text in ["1,234.56", "AC04", "Refused by the creditor agent", "Review 600", "Name like one on the watch-list", "12.0 ms"]
    {
        assert!(page.contains(text), "{text}");
    }
    monitor.shutdown().await;
}

#[tokio::test]
async fn hostile_names_stay_text() {
    let world = scheme();
    let monitor = start(&world).await;
    for path in ["/", "/?lang=zh-Hant", &format!("/payments/{}", uetr(2)), "/live?after=0"] {
        let body = if path.starts_with("/live") { live(monitor.addr, path, "").await } else { get(monitor.addr, path).await.1 };
        assert!(!body.contains("<script>alert") && !body.contains("<img src=x"), "{path}");
        assert!(body.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{path} shows the name");
    }
    let (_, page) = get(monitor.addr, "/payments/%3Cscript%3E?lang=%22%3E%3Cb%3E").await;
    assert!(!page.contains("<b>") && !page.contains("<script>"), "{page}");
    monitor.shutdown().await;
}

#[tokio::test]
async fn every_answer_carries_the_policy_and_no_page_needs_more() {
    let world = scheme();
    let monitor = start(&world).await;
    for path in ["/", "/nowhere", "/metrics", "/assets/board.js", &format!("/payments/{}", uetr(1))] {
        let (head, body) = get(monitor.addr, path).await;
        assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{path} {head}");
        assert!(head.contains("x-content-type-options: nosniff") && !head.contains("unsafe-inline"), "{path}");
        assert!(!body.contains(" style=\"") && !body.contains("<style") && !body.contains(" onclick"), "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let (head, _) = ask(monitor.addr, method, "/", "Content-Length: 0\r\n").await;
        assert!(head.starts_with("HTTP/1.1 405"), "{method}: {head}");
    }
    monitor.shutdown().await;
}

#[tokio::test]
async fn the_language_is_the_viewers() {
    let world = scheme();
    let monitor = start(&world).await;
    for (path, headers, lang, word) in [
        ("/", "", "en", "Live board"),
        ("/", "Accept-Language: zh-HK\r\n", "zh-Hant", "即時看板"),
        ("/", "Accept-Language: zh-HK\r\nCookie: lang=zh-Hans\r\n", "zh-Hans", "实时看板"),
        ("/?lang=zh-Hant", "Cookie: lang=zh-Hans\r\n", "zh-Hant", "首次付款予此收款人"),
        ("/nowhere?lang=zh-Hans", "", "zh-Hans", "找不到此页"),
    ] {
        let (head, page) = ask(monitor.addr, "GET", path, headers).await;
        assert!(page.contains(&format!("<html lang=\"{lang}\">")) && page.contains(word), "{path} {headers} {page}");
        assert_eq!(head.contains(&format!("set-cookie: lang={lang};")), path.contains("lang="), "{head}");
    }
    monitor.shutdown().await;
}

#[tokio::test]
async fn a_payment_has_its_page() {
    let mut world = scheme();
    world.credited(1, 2);
    let monitor = start(&world).await;
    let (_, settled) = get(monitor.addr, &format!("/payments/{}", uetr(1))).await;
    for text in ["Settled: final", "Creditor credited", "12.0 ms", "c2sp.org/tlog-proof@v1", "1,234.56", "2026-11-24"] {
        assert!(settled.contains(text), "{text} in {settled}");
    }
    let (_, rejected) = get(monitor.addr, &format!("/payments/{}", uetr(2))).await;
    for text in ["Rejected: nothing moved", "AC04", "PAY-2001", "RSK-01", "RSK-03", "RSK-06", "600"] {
        assert!(rejected.contains(text), "{text} in {rejected}");
    }
    let (_, held) = get(monitor.addr, &format!("/payments/{}", uetr(3))).await;
    assert!(
        held.contains("Waiting for the creditor agent") && held.contains("A receipt exists once") && !held.contains("tlog-proof")
    );
    let (head, receipt) = get(monitor.addr, &format!("/payments/{}/receipt", uetr(1))).await;
    assert!(head.starts_with("HTTP/1.1 200") && receipt.contains("c2sp.org/tlog-proof@v1"), "{head}{receipt}");
    let held = format!("/payments/{}/receipt", uetr(3));
    for unknown in ["/payments/nonsense", &format!("/payments/{}", uetr(99)), "/payments/nonsense/receipt", &held] {
        assert!(get(monitor.addr, unknown).await.0.starts_with("HTTP/1.1 404"), "{unknown}");
    }
    monitor.shutdown().await;
}

#[tokio::test]
async fn a_validator_that_contradicted_itself_is_named_and_counted() {
    let mut world = scheme();
    let monitor = start(&world).await;
    let (_, page) = get(monitor.addr, "/").await;
    assert!(!page.contains("contradicted"), "nobody is accused without evidence");
    assert!(get(monitor.addr, "/metrics").await.1.contains("\nluohu_consortium_evidence 0\n"));
    monitor.shutdown().await;

    let signed = |choice| chain::SignedChoice { choice, signature: [0; 64] };
    let block = chain::Proposed { parent_view: 6, block: chain::Hash([5; 32]) };
    world.evidence.push(chain::Contradiction {
        namespace: "some/chain".into(),
        epoch: 3,
        view: 7,
        validator: [0xab; 32],
        choices: [signed(chain::Choice::Void), signed(chain::Choice::Final(block))],
    });
    let monitor = start(&world).await;
    let (_, page) = get(monitor.addr, "/").await;
    for text in ["Validators that contradicted themselves", "abababababababab", "void-and-final", "3/7"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    assert!(get(monitor.addr, "/metrics").await.1.contains("\nluohu_consortium_evidence 1\n"));
    monitor.shutdown().await;
}

#[tokio::test]
async fn a_node_of_several_operators_tells_what_it_knows_of_them() {
    let mut world = scheme();
    let monitor = start(&world).await;
    let (page, metrics) = (get(monitor.addr, "/").await.1, get(monitor.addr, "/metrics").await.1);
    assert!(!page.contains("Operators") && !metrics.contains("\nluohu_consortium_epoch "), "a single node has no others");
    monitor.shutdown().await;

    world.consortium = Some(ConsortiumFacts {
        epoch: 12,
        role: ConsortiumRole::Silent,
        validators: 4,
        heard: 3,
        certified_height: 1_234_567,
        refusals: vec![("state_root", 2), ("time_ahead", 1)],
    });
    let monitor = start(&world).await;
    let (_, page) = get(monitor.addr, "/").await;
    for text in
        ["Operators", "follows without a vote until", "3 / 4", "data-heard=\"3\"", "1,234,567", "data-refused=\"state_root\""]
    {
        assert!(page.contains(text), "{text} in {page}");
    }
    let (_, metrics) = get(monitor.addr, "/metrics").await;
    for line in [
        "luohu_consortium_epoch 12",
        "luohu_consortium_role{role=\"votes\"} 0",
        "luohu_consortium_role{role=\"silent\"} 1",
        "luohu_consortium_validators 4",
        "luohu_consortium_heard_validators 3",
        "luohu_consortium_certified_height_blocks 1234567",
        "luohu_consortium_refused_blocks_total{reason=\"state_root\"} 2",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} in {metrics}");
    }
    monitor.shutdown().await;
}

/// Reads a stream until its first message has come.
async fn live(addr: SocketAddr, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes()).await.unwrap();
    message(&mut stream).await
}

/// The next message; stops where one ends.
async fn message(stream: &mut TcpStream) -> String {
    let (mut text, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut chunk)).await.unwrap().unwrap();
        assert!(read > 0, "the stream ended: {}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&chunk[..read]);
        let shown = String::from_utf8_lossy(&text);
        if shown.contains("event: board") && shown.trim_end_matches("\r\n").ends_with("\n\n") {
            return shown.into_owned();
        }
    }
}

#[tokio::test]
async fn what_happens_streams_in() {
    let mut world = scheme();
    let monitor = start(&world).await;
    let mut stream = TcpStream::connect(monitor.addr).await.unwrap();
    let position = world.model.newest_events(1)[0].event.position.0;
    let request = format!("GET /live?after=0 HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {position}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let first = message(&mut stream).await;
    assert!(first.contains("text/event-stream") && first.contains("\"rows\":[]"), "nothing is told twice: {first}");
    world.later(5);
    world.answer(3, 3, None);
    let next = message(&mut stream).await;
    assert!(next.contains(&format!("\"uetr\":\"{}\"", uetr(3))) && next.contains("Settled"), "{next}");
    assert!(!next.contains("\"id\":\"banks\""), "only what changed: {next}");
    let everything = live(monitor.addr, "/live?after=0&lang=zh-Hans", "").await;
    assert!((1..=3).all(|n| everything.contains(&uetr(n).to_string())) && everything.contains("已结算"), "{everything}");
    tokio::time::timeout(Duration::from_secs(3), monitor.shutdown()).await.expect("open streams end at a stop");
}

#[tokio::test]
async fn viewers_are_counted() {
    let world = scheme();
    let monitor = start(&world).await;
    let mut open = Vec::new();
    for _ in 0..monitor::VIEWERS_MAX {
        let mut stream = TcpStream::connect(monitor.addr).await.unwrap();
        stream.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        message(&mut stream).await;
        open.push(stream);
    }
    let (head, _) = get(monitor.addr, "/live").await;
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after"), "{head}");
    monitor.shutdown().await;
}

#[tokio::test]
async fn laws_hold_while_exchanges_are_under_way() {
    let mut world = scheme();
    for n in 10..20 {
        world.pay_across(n, 1, 3, 10_000 + n, RiskDecision::PASS);
        let held = world.model.laws();
        assert!(held.iter().all(|status| status.holds), "payment {n} held: {held:?}");
    }
    for n in 10..18 {
        world.answer(n, 3, n.is_multiple_of(2).then_some("AC04"));
        let ended = world.model.laws();
        assert!(ended.iter().all(|status| status.holds), "payment {n} ended: {ended:?}");
    }
    let monitor = start(&world).await;
    let (_, page) = get(monitor.addr, "/").await;
    assert_eq!((page.matches("data-holds=\"true\"").count(), page.matches("data-holds=\"false\"").count()), (7, 0), "{page}");
    monitor.shutdown().await;
}

#[tokio::test]
async fn time_to_settle_is_that_of_the_last_minute() {
    let world = scheme();
    let monitor = start(&world).await;
    assert!(get(monitor.addr, "/").await.1.contains("12.0 ms"));
    world.later(120_000);
    let (_, page) = get(monitor.addr, "/").await;
    assert!(!page.split("id=\"latency\"").nth(1).unwrap().split("</div>").next().unwrap().contains("ms"), "{page}");
    monitor.shutdown().await;
}

#[tokio::test]
async fn metrics_health_and_checkpoint() {
    let mut world = scheme();
    world.consortium = Some(ConsortiumFacts { refusals: vec![("header", 1)], ..ConsortiumFacts::default() });
    let monitor = start(&world).await;
    let (head, text) = get(monitor.addr, "/metrics").await;
    assert!(head.contains("application/openmetrics-text") && text.ends_with("# EOF\n"), "{text}");
    for metric in &METRICS {
        assert!(text.contains(&format!("# TYPE {} {}\n", metric.name, metric.kind)), "{}", metric.name);
        let samples = text.lines().filter(|line| line.starts_with(metric.name) && !line.starts_with('#')).count();
        assert!(samples > 0, "{} has no sample", metric.name);
    }
    for line in [
        "luohu_payments_total 3",
        "luohu_payments_settled_total 1",
        "luohu_payments_held 1",
        "luohu_participant_online{participant=\"HARBHKHHXXX\"} 1",
        "luohu_participant_online{participant=\"LIONHKHHXXX\"} 0",
        "luohu_account_held_minor{participant=\"HARBHKHHXXX\",currency=\"HKD\",purpose=\"settlement\"} 7700",
        "luohu_settlement_duration_seconds{quantile=\"0.5\"} 0.012000",
        "luohu_up 1",
        "luohu_law_holds{law=\"LED-01\"} 1",
        "luohu_law_holds{law=\"CHN-02\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    assert!(get(monitor.addr, "/checkpoint").await.1.contains("example.org/log"));
    assert!(get(monitor.addr, "/healthz").await.0.starts_with("HTTP/1.1 200"));
    world.stopped.store(true, Ordering::Relaxed);
    assert!(get(monitor.addr, "/healthz").await.0.starts_with("HTTP/1.1 503"));
    assert!(get(monitor.addr, "/").await.1.contains("Stopped: no new payments"));
    monitor.shutdown().await;
}

#[test]
fn the_committed_page_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/metrics.md");
    if std::env::var_os("LUOHU_BLESS").is_some() {
        std::fs::write(path, metrics_page()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == metrics_page(), "docs/metrics.md differs: LUOHU_BLESS=1 cargo test -p monitor");
}

#[tokio::test]
async fn orders_are_handed_on_as_they_come_and_nothing_large_is() {
    let monitor = start(&scheme()).await;
    let post = async |body: &str| {
        let headers = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let (head, text) = ask(monitor.addr, "POST", "/orders", &headers).await;
        (head.split(' ').nth(1).unwrap().to_owned(), text.trim_end().to_owned())
    };
    // The scheme here answers 200 or 201 by the length, and the document itself.
    assert_eq!(post("{\"a\":1}").await, ("201".into(), "{\"a\":1}".into()));
    assert_eq!(post("{\"a\":12}").await, ("200".into(), "{\"a\":12}".into()));
    assert_eq!(post(&"x".repeat(65_537)).await.0, "413");
    assert!(get(monitor.addr, "/orders").await.0.starts_with("HTTP/1.1 405"));
    assert_eq!(get(monitor.addr, "/governance").await.1, "{\"chain\":\"here\"}");
    assert!(get(monitor.addr, "/validators").await.0.starts_with("HTTP/1.1 404"));
    monitor.shutdown().await;
}
