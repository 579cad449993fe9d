//! What a participant may send by mistake or on purpose: refused with the right status and code, never a 5xx, nothing booked.

use anyhow::{Context, Result, bail, ensure};
use e2e::{Answer, Node, Participant, Payment, Request, element, now_s, read_answer, status_of};
use signing::FileSigner;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

const AMOUNT: &str = "123.45";

/// One node for all cases of this file, with two banks of ours.
struct Scene {
    node: Node,
    debtor_agent: Participant,
    creditor_agent: Participant,
    before: String,
}

impl Scene {
    fn open() -> Result<Self> {
        let node = Node::without_banks()?;
        let (debtor_agent, creditor_agent) = node.two_banks()?;
        let mut scene = Self { node, debtor_agent, creditor_agent, before: String::new() };
        scene.before = scene.balances()?;
        Ok(scene)
    }

    fn balances(&mut self) -> Result<String> {
        Ok(format!(
            "{}\n{}",
            self.debtor_agent.get_ok("/v1/accounts")?.text(),
            self.creditor_agent.get_ok("/v1/accounts")?.text()
        ))
    }

    fn payment(&self) -> Payment {
        Payment::new(&self.debtor_agent.bic, &self.creditor_agent.bic, AMOUNT, "HKD")
    }

    fn signed(&self, xml: &str) -> Request {
        self.debtor_agent.signed("/v1/messages", "application/xml", xml.as_bytes(), now_s())
    }

    /// Sends a request on a connection of its own and expects this status and, in the body, this text.
    fn refused(&mut self, what: &str, request: &Request, status: u16, says: &str) -> Result<Answer> {
        let answer = self.debtor_agent.clone().send(request).with_context(|| what.to_owned())?;
        self.judge(what, answer, status, says)
    }

    fn judge(&mut self, what: &str, answer: Answer, status: u16, says: &str) -> Result<Answer> {
        ensure!(answer.status == status, "{what}: {} instead of {status}: {}", answer.status, answer.text());
        ensure!(answer.text().contains(says), "{what}: does not say `{says}`: {}", answer.text());
        let after = self.balances()?;
        ensure!(after == self.before, "{what}: something was booked:\n{}\n{after}", self.before);
        Ok(answer)
    }
}

#[test]
fn signatures() -> Result<()> {
    let mut scene = Scene::open()?;
    let xml = scene.payment().xml();
    let signed = scene.signed(&xml);
    let unsigned = Request::post("/v1/messages", "application/xml", xml.as_bytes());
    scene.refused("unsigned", &unsigned, 401, "SIG-1001")?;
    scene.refused("no digest", &signed.clone().replace("Content-Digest", ""), 401, "SIG-1001")?;
    scene.refused("no signature", &signed.clone().replace("Signature", ""), 401, "SIG-1004")?;

    let mut other_body = signed.clone();
    other_body.body = xml.replace(AMOUNT, "999.99").into_bytes();
    scene.refused("another body than was signed", &other_body, 401, "SIG-1003")?;

    let bic = scene.debtor_agent.bic.clone();
    let thief = scene.debtor_agent.with_signer(Arc::new(FileSigner::ephemeral(&format!("{bic}#1"))));
    let forged = thief.signed("/v1/messages", "application/xml", xml.as_bytes(), now_s());
    scene.refused("signed with another key", &forged, 401, "SIG-1014")?;

    for (what, created, code) in [("an hour ago", now_s() - 3600, "SIG-1011"), ("in an hour", now_s() + 3600, "SIG-1012")] {
        let stale = scene.debtor_agent.signed("/v1/messages", "application/xml", xml.as_bytes(), created);
        scene.refused(what, &stale, 401, code)?;
    }
    let elsewhere = scene.debtor_agent.signed("/v1/rates", "application/xml", xml.as_bytes(), now_s());
    let moved = Request { path: "/v1/messages".into(), ..elsewhere };
    scene.refused("signed for another path", &moved, 401, "SIG-1014")?;

    let by_other = scene.creditor_agent.signed("/v1/messages", "application/xml", xml.as_bytes(), now_s());
    scene.refused("signed by another bank than the certificate's", &by_other, 403, "GW-1009")?;
    let others = Payment::new(&scene.creditor_agent.bic, &bic, AMOUNT, "HKD").xml();
    let others = scene.signed(&others);
    scene.refused("another bank's message", &others, 403, "GW-1010")?;
    Ok(())
}

#[test]
fn messages() -> Result<()> {
    let mut scene = Scene::open()?;
    let xml = scene.payment().xml();
    let cases = [
        ("not XML", "hello".to_owned(), 400),
        ("cut off", xml[..xml.len() / 2].to_owned(), 400),
        ("empty", String::new(), 400),
        ("unknown element", xml.replace("<ChrgBr>", "<Foo/><ChrgBr>"), 400),
        ("amount as words", xml.replace(AMOUNT, "lots"), 400),
        ("negative amount", xml.replace(AMOUNT, "-1.00"), 400),
        ("scientific amount", xml.replace(AMOUNT, "1E5"), 400),
        ("no UETR", xml.replace("<UETR>", "<X>").replace("</UETR>", "</X>"), 400),
        ("entities", xml.replacen("<BusinessMessage>", "<!DOCTYPE x [<!ENTITY a \"b\">]><BusinessMessage>", 1), 400),
        ("another message's namespace", xml.replace("pacs.008.001.08\">", "pain.001.001.09\">"), 400),
        ("deep nesting", format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000)), 400),
        ("two payments announced", xml.replace("<NbOfTxs>1<", "<NbOfTxs>2<"), 422),
        ("three decimals of dollars", xml.replace(AMOUNT, "1.234"), 422),
        (
            "address in lines alone",
            xml.replacen(
                "<StrtNm>Nathan Road</StrtNm><TwnNm>Hong Kong</TwnNm><Ctry>HK</Ctry>",
                "<AdrLine>Nathan Road, Hong Kong</AdrLine>",
                1,
            ),
            422,
        ),
        ("unknown purpose", xml.replace("<Cd>GDDS</Cd>", "<Cd>ZZZZ</Cd>"), 422),
        ("unknown bank", xml.replace(&scene.creditor_agent.bic, "NOBOHKHHXXX"), 404),
    ];
    for (what, body, status) in cases {
        let request = scene.signed(&body);
        let answer = scene.refused(what, &request, status, "")?;
        let explains = ["admi.002", "pacs.002", "\"code\""].iter().any(|word| answer.text().contains(word));
        ensure!(explains, "{what}: no reason: {}", answer.text());
    }
    let unknown = scene.signed(&xml.replace("<ChrgBr>", "<Foo/><ChrgBr>"));
    let answer = scene.refused("unknown element", &unknown, 400, "XSD-")?;
    ensure!(answer.text().contains("/Document/FIToFICstmrCdtTrf/CdtTrfTxInf"), "no path of the error: {}", answer.text());
    Ok(())
}

#[test]
fn transport() -> Result<()> {
    let mut scene = Scene::open()?;
    let xml = scene.payment().xml();
    let padded = xml.replacen("<BusinessMessage>", &format!("<BusinessMessage><!--{}-->", "x".repeat(70 << 10)), 1);
    let oversized = scene.signed(&padded);
    scene.refused("oversized", &oversized, 413, "GW-1003")?;
    let as_text = scene.debtor_agent.signed("/v1/messages", "text/plain", xml.as_bytes(), now_s());
    scene.refused("another media type", &as_text, 415, "GW-1006")?;
    scene.refused("no such path", &Request::get("/v1/nothing"), 404, "GW-1001")?;
    let deleted = Request { method: "DELETE".into(), path: "/v1/messages".into(), ..Request::default() };
    scene.refused("no such method", &deleted, 405, "GW-1002")?;
    let impatient = scene.signed(&xml).header("Prefer", "wait=forever");
    scene.refused("a wait that is no number", &impatient, 400, "GW-1014")?;
    Ok(())
}

#[test]
fn slow_drip() -> Result<()> {
    let mut scene = Scene::open()?;
    let request = scene.signed(&scene.payment().xml());
    let mut connection = scene.debtor_agent.connect()?;
    connection.write_all(&request.head())?;
    let started = Instant::now();
    // One byte a second would take an hour; the gateway's patience ends long before.
    connection.sock.set_read_timeout(Some(Duration::from_millis(900)))?;
    let mut first = [0u8; 1];
    for byte in &request.body {
        ensure!(started.elapsed() < Duration::from_secs(40), "the gateway let the body drip for {:?}", started.elapsed());
        if connection.write_all(core::slice::from_ref(byte)).and_then(|()| connection.flush()).is_err() {
            break;
        }
        match connection.read(&mut first) {
            Ok(0) => bail!("closed without an answer"),
            Ok(_) => break,
            Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).context("reading the refusal"),
        }
    }
    connection.sock.set_read_timeout(Some(Duration::from_secs(10)))?;
    let answer = read_answer(&mut BufReader::new(first.chain(connection)), false)?;
    scene.judge("slow drip", answer, 408, "GW-1004")?;
    let mut others = scene.creditor_agent.clone();
    ensure!(others.get("/v1/accounts")?.status == 200, "others are served meanwhile");
    Ok(())
}

#[test]
fn floods() -> Result<()> {
    let mut scene = Scene::open()?;
    scene.node.configure("[gateway]\nrequests_per_second = 5\n")?;
    let mut bank = scene.debtor_agent.clone();
    let answers: Vec<_> = (0..30).map(|_| bank.get("/v1/participants")).collect::<Result<_>>()?;
    let refused = answers
        .iter()
        .find(|answer| answer.status != 200)
        .context("thirty requests at once were let through at five a second")?;
    ensure!(refused.status == 429 && refused.text().contains("GW-1011"), "{} {}", refused.status, refused.text());
    let pause: u64 = refused.header("retry-after").context("says when to try again")?.parse()?;
    ensure!(scene.creditor_agent.clone().get("/v1/participants")?.status == 200, "others are served meanwhile");
    std::thread::sleep(Duration::from_secs(pause));
    ensure!(bank.get("/v1/participants")?.status == 200, "after the pause it is served again");
    Ok(())
}

/// Valid messages with bytes changed at random: whatever they are now, the fault is never ours.
#[test]
fn mutations() -> Result<()> {
    let scene = Scene::open()?;
    let mut bank = scene.debtor_agent.clone();
    let mut state: u64 = 0x1005_e5ee_d5ee_d001;
    let mut below = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit as u64).unwrap_or(0)
    };
    let mut statuses = std::collections::BTreeMap::new();
    for number in 0..400 {
        let mut body = scene.payment().xml().into_bytes();
        for _ in 0..=below(3) {
            let at = below(body.len());
            match below(4) {
                0 => body[at] = u8::try_from(below(256))?,
                1 => drop(body.remove(at)),
                2 => body.insert(at, b"<>&\"/= \0"[below(8)]),
                _ => body.truncate(at.max(1)),
            }
        }
        let request = bank.signed("/v1/messages", "application/xml", &body, now_s());
        let answer = bank.send(&request).with_context(|| format!("mutation {number}: {}", String::from_utf8_lossy(&body)))?;
        ensure!(
            answer.status < 500,
            "mutation {number}: {} {}\n{}",
            answer.status,
            answer.text(),
            String::from_utf8_lossy(&body)
        );
        *statuses.entry(answer.status).or_insert(0) += 1;
    }
    println!("statuses of 400 mutations: {statuses:?}");
    ensure!(statuses.keys().any(|status| *status == 400));
    Ok(())
}

#[test]
fn strangers() -> Result<()> {
    let mut scene = Scene::open()?;
    let mut plain = TcpStream::connect(scene.node.gateway)?;
    plain.set_read_timeout(Some(Duration::from_secs(15)))?;
    plain.write_all(b"GET /v1/accounts HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut said = Vec::new();
    // A TLS alert or a closed connection; anything but an answer.
    drop(plain.read_to_end(&mut said));
    ensure!(!String::from_utf8_lossy(&said).contains("HTTP/1.1 200"), "served without TLS");

    let stranger = scene.node.stranger()?;
    ensure!(stranger.clone().get("/v1/accounts").is_err(), "served with a certificate of another authority");
    let anonymous = scene.node.anonymous()?;
    ensure!(anonymous.clone().get("/v1/accounts").is_err(), "served without a certificate");
    let after = scene.balances()?;
    ensure!(after == scene.before);
    Ok(())
}

#[test]
fn repeated_and_changed() -> Result<()> {
    let mut scene = Scene::open()?;
    let mut payment = scene.payment();
    payment.priority = "HIGH".into();
    let request = scene.signed(&payment.xml());
    let first = scene.debtor_agent.send(&request)?;
    ensure!(first.status == 202, "{} {}", first.status, first.text());
    let held = scene.balances()?;
    ensure!(held != scene.before, "a hold shows");
    scene.before = held;

    // Word for word, as someone on the line would replay it; and signed anew.
    for again in [request, scene.signed(&payment.xml())] {
        let answer = scene.refused("the same message again", &again, 202, "")?;
        ensure!(status_of(&answer.text()) == status_of(&first.text()), "another answer: {}", answer.text());
    }
    let mut changed = payment.clone();
    changed.amount = "543.21".into();
    let request = scene.signed(&changed.xml());
    let answer = scene.refused("same UETR, other amount", &request, 409, "DUPL")?;
    ensure!(element(&answer.text(), "OrgnlUETR") == Some(payment.uetr.as_str()));
    let mut same_id = scene.payment();
    same_id.message_id.clone_from(&payment.message_id);
    let request = scene.signed(&same_id.xml());
    scene.refused("same message identification, other payment", &request, 409, "")?;
    Ok(())
}
