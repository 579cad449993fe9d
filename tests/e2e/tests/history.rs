//! The index of history: asked over real processes, killed, taken away, damaged and made again, with the same answers.

#[path = "../../../crates/shell/history/tests/server/mod.rs"]
mod server;

use anyhow::{Context, Result, ensure};
use e2e::{Node, Participant, Payment, Request, answer};
use serde_json::Value;

/// Settles some payments and lets some be refused; the UETRs in order.
fn pay(debtor_agent: &mut Participant, creditor_agent: &mut Participant, count: usize) -> Result<Vec<String>> {
    let mut uetrs = Vec::new();
    for n in 0..count {
        let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "1.00", "HKD");
        let held = debtor_agent.post(&payment.xml(), 0)?;
        ensure!(held.status == 202, "{} {}", held.status, held.text());
        let said = if n % 5 == 4 { ("RJCT", Some("AC04")) } else { ("ACSP", None) };
        let answered = creditor_agent.post(&answer(&creditor_agent.bic, &payment.uetr, said.0, said.1), 0)?;
        ensure!(answered.status == 200, "{} {}", answered.status, answered.text());
        uetrs.push(payment.uetr);
    }
    Ok(uetrs)
}

fn get(bank: &mut Participant, path: &str) -> Result<Value> {
    let answer = bank.send(&Request::get(path))?;
    ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
    answer.json()
}

/// The UETRs of all pages of a list.
fn list(bank: &mut Participant, query: &str) -> Result<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get(bank, &format!("/v1/payments?limit=7{query}{cursor}"))?;
        for payment in page["payments"].as_array().context("a list")? {
            found.push(payment["uetr"].as_str().context("a UETR")?.to_owned());
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(found),
        }
    }
}

/// Every answer about the past, as text.
fn all_answers(bank: &mut Participant, uetrs: &[String]) -> Result<Vec<String>> {
    let mut said = vec![
        format!("{:?}", list(bank, "")?),
        format!("{:?}", list(bank, "&order=oldest")?),
        format!("{:?}", list(bank, "&state=rejected")?),
        get(bank, "/v1/inbox?after=0&limit=1000")?["next"].to_string(),
    ];
    for (number, uetr) in uetrs.iter().enumerate() {
        said.push(get(bank, &format!("/v1/payments/{uetr}"))?.to_string());
        said.push(get(bank, &format!("/v1/payments?receipt={number}"))?.to_string());
        let receipt = bank.send(&Request::get(&format!("/v1/payments/{uetr}/receipt")))?;
        ensure!(receipt.status == 200, "{}", receipt.text());
    }
    Ok(said)
}

#[test]
fn what_was_is_told_the_same_whatever_becomes_of_the_index() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let uetrs = pay(&mut debtor_agent, &mut creditor_agent, 40)?;
    let before = all_answers(&mut debtor_agent, &uetrs)?;
    let mut newest = uetrs.clone();
    newest.reverse();
    ensure!(before[0] == format!("{newest:?}") && before[1] == format!("{uetrs:?}"), "{} {}", before[0], before[1]);
    ensure!(list(&mut creditor_agent, "&state=rejected")?.len() == 8);
    let counterparty = format!("&counterparty={}", creditor_agent.bic);
    ensure!(list(&mut debtor_agent, &counterparty)?.len() == 40);
    // Nobody else is told of them.
    let all = node.participants()?;
    let mut other =
        all.iter().find(|bank| bank.bic != debtor_agent.bic && bank.bic != creditor_agent.bic).context("a third bank")?.clone();
    ensure!(list(&mut other, "")?.is_empty());
    ensure!(get(&mut other, &format!("/v1/payments?uetr={}", uetrs[0]))?["payments"] == serde_json::json!([]));
    let refused = debtor_agent.send(&Request::get("/v1/payments?cursor=7"))?;
    ensure!(refused.status == 400 && refused.json()?["field"] == "cursor", "{}", refused.text());

    let index = node.data.join("history.redb");
    let data = node.data.to_string_lossy().into_owned();
    for what in ["stopped", "killed", "without an index", "with a damaged one", "made again by hand"] {
        match what {
            "stopped" => node.stop()?,
            _ => node.kill()?,
        }
        match what {
            "without an index" => std::fs::remove_file(&index)?,
            "with a damaged one" => std::fs::write(&index, vec![0x5A; 100_000])?,
            "made again by hand" => {
                let made = node.command(&["history", "rebuild", "--data", &data])?;
                ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
                let checked = node.command(&["history", "check", "--data", &data])?;
                let said = String::from_utf8_lossy(&checked.stdout).into_owned();
                ensure!(checked.status.success() && said.contains("fits the chain") && said.contains("40 payments"), "{said}");
                ensure!(node.fsck()?.contains("history index     up to block"), "{}", node.fsck()?);
            }
            _ => {}
        }
        node.start().context(what)?;
        let now = all_answers(&mut debtor_agent, &uetrs).context(what)?;
        ensure!(now == before, "{what}: {now:?} instead of {before:?}");
    }
    // It goes on.
    let more = pay(&mut debtor_agent, &mut creditor_agent, 3)?;
    ensure!(list(&mut debtor_agent, "&order=oldest")? == [uetrs, more].concat());
    Ok(())
}

#[test]
fn a_line_of_configuration_moves_the_index_into_a_database() -> Result<()> {
    let mut database = server::Server::start();
    let url = database.new_database();
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let mut uetrs = pay(&mut debtor_agent, &mut creditor_agent, 20)?;
    let before = all_answers(&mut debtor_agent, &uetrs)?;
    node.configure(&format!("[history]\nindex = \"{url}\"\n"))?;
    std::fs::remove_file(node.data.join("history.redb"))?;
    let now = all_answers(&mut debtor_agent, &uetrs)?;
    ensure!(now == before, "{now:?} instead of {before:?}");
    let counted = |database: &server::Server| database.sql(&url, "SELECT count(*) FROM luohu.keys");
    ensure!(counted(&database) == "40", "{}", counted(&database));
    // It goes on through a crash of the node and one of the database.
    node.kill()?;
    node.start()?;
    uetrs.extend(pay(&mut debtor_agent, &mut creditor_agent, 5)?);
    database.kill();
    // Whether a payment was there before cannot be told: it is refused, to be sent again.
    let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "1.00", "HKD");
    let refused = debtor_agent.post(&payment.xml(), 0)?;
    ensure!(refused.status == 503 && refused.text().contains("GW-1020"), "{} {}", refused.status, refused.text());
    database.go_on();
    uetrs.extend(pay(&mut debtor_agent, &mut creditor_agent, 5)?);
    let data = node.data.to_string_lossy().into_owned();
    node.stop()?;
    for (what, said) in [("check", "fits the chain"), ("rebuild", "30 payments indexed"), ("check", "30 payments, 30 final")] {
        let done = node.command(&["--config", "luohu.toml", "history", what, "--data", &data])?;
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(done.status.success() && told.contains(said), "{what}: {told} {}", String::from_utf8_lossy(&done.stderr));
    }
    node.start()?;
    ensure!(list(&mut debtor_agent, "&order=oldest")? == uetrs);
    Ok(())
}
