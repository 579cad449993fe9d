//! Payments all the way through public interfaces: held, answered, settled, proved, still there after a restart.

use anyhow::{Context, Result, ensure};
use e2e::{Node, Participant, Payment, answer, element, status_of};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// A firm quote and the payment that uses it, sent; returns the payment and what it credits.
fn pay_with_quote(debtor_agent: &mut Participant, to: &str, debit: &str, credit: &str) -> Result<(Payment, String)> {
    let quote = debtor_agent.quote(debit, credit, "debit", "1000.00")?;
    ensure!(quote.status == 200, "{} {}", quote.status, quote.text());
    let quote = quote.json()?;
    ensure!(quote["debit"]["amount"] == "1000.00" && quote["debit"]["currency"] == debit, "{quote}");
    let credited = quote["credit"]["amount"].as_str().context("a credit amount")?.to_owned();
    let payment = Payment::new(&debtor_agent.bic, to, "1000.00", debit).with_quote(quote["quote_id"].as_str().context("an id")?);
    let held = debtor_agent.post(&payment.xml(), 0)?;
    ensure!(held.status == 202 && status_of(&held.text()).0 == "ACSP", "{} {}", held.status, held.text());
    Ok((payment, credited))
}

/// The creditor agent finds what it is asked, with the amount it will get, and says it will credit.
fn will_credit(creditor_agent: &mut Participant, payment: &Payment, credited: &str) -> Result<()> {
    let asked =
        creditor_agent.wait_for(0, PATIENCE, |item| item.kind == "pacs.008.001.08" && item.message.contains(&payment.uetr))?;
    ensure!(element(&asked.message, "IntrBkSttlmAmt") == Some(credited), "asked for another amount: {}", asked.message);
    ensure!(asked.message.contains("Chan Tai Man") && asked.message.contains("Li Na"), "the debtor agent's data is passed on");
    let answered = creditor_agent.post(&answer(&creditor_agent.bic, &payment.uetr, "ACSP", None), 0)?;
    ensure!(
        answered.status == 200 && answered.header("luohu-payment-state") == Some("settled"),
        "{} {}",
        answered.status,
        answered.text()
    );
    Ok(())
}

/// Both are told that it settled, at the same place in the chain.
fn both_are_told(banks: [&mut Participant; 2], payment: &Payment) -> Result<()> {
    let mut told = Vec::new();
    for bank in banks {
        let end = bank.wait_for(0, PATIENCE, |item| {
            item.kind == "pacs.002.001.10" && item.message.contains(&payment.uetr) && status_of(&item.message).0 == "ACSC"
        })?;
        told.push(end.cursor);
    }
    ensure!(told[0] == told[1], "the end stands at {told:?}");
    Ok(())
}

#[test]
fn hkd_to_cny_and_back_with_firm_quotes() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut hong_kong, mut shenzhen) = node.two_banks()?;
    let mut ends = Vec::new();
    for (debit, credit, eastward) in [("HKD", "CNY", false), ("CNY", "HKD", true)] {
        let (from, to) = if eastward { (&mut shenzhen, &mut hong_kong) } else { (&mut hong_kong, &mut shenzhen) };
        let before = (from.available("settlement", debit)?, to.available("settlement", credit)?);
        let (payment, credited) = pay_with_quote(from, &to.bic, debit, credit)?;
        will_credit(to, &payment, &credited)?;
        both_are_told([from, to], &payment)?;
        ensure!(from.available("settlement", debit)? == less(&before.0, "1000.00")?, "{debit} at the debtor agent");
        ensure!(less(&to.available("settlement", credit)?, &credited)? == before.1, "{credit} at the creditor agent");
        ends.push(payment);
    }
    receipts_verify(&node, &mut hong_kong, &ends)?;
    survives_restarts(&mut node, &mut hong_kong, &mut shenzhen)
}

/// `luohu verify` accepts the receipt, with the key given or with the folder's, and refuses a changed one.
fn receipts_verify(node: &Node, bank: &mut Participant, payments: &[Payment]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let keys = folder.path().join("keys.txt");
    std::fs::write(&keys, bank.get_ok("/v1/keys")?.text())?;
    for payment in payments {
        let receipt = bank.get_ok(&format!("/v1/payments/{}/receipt", payment.uetr))?.text();
        let file = folder.path().join("receipt.txt");
        std::fs::write(&file, &receipt)?;
        let arguments = ["verify", &file.to_string_lossy(), "--key", &keys.to_string_lossy()].map(str::to_owned);
        let verify = || node.command(&arguments.each_ref().map(String::as_str));
        let verified = verify()?;
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        ensure!(verified.status.success() && said.contains(&payment.uetr) && said.contains("1000.00"), "{said}");
        let changed = receipt.replacen("index ", "index 1", 1);
        std::fs::write(&file, changed)?;
        ensure!(!verify()?.status.success(), "a changed receipt verifies");
    }
    Ok(())
}

fn survives_restarts(node: &mut Node, hong_kong: &mut Participant, shenzhen: &mut Participant) -> Result<()> {
    let mut accounts =
        || -> Result<String> { Ok(hong_kong.get_ok("/v1/accounts")?.text() + &shenzhen.get_ok("/v1/accounts")?.text()) };
    let before = accounts()?;
    node.stop()?;
    node.start()?;
    ensure!(accounts()? == before, "balances changed over an orderly restart");
    node.kill()?;
    node.start()?;
    ensure!(accounts()? == before, "balances changed over a kill");
    node.stop()?;
    node.fsck().map(drop)
}

#[test]
fn waiting_returns_the_end_in_the_same_answer() -> Result<()> {
    let node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "10.00", "HKD");
    let waiting = {
        let (mut bank, xml) = (debtor_agent.clone(), payment.xml());
        std::thread::spawn(move || bank.post(&xml, 30))
    };
    will_credit(&mut creditor_agent, &payment, "10.00")?;
    let answer = waiting.join().map_err(|_| anyhow::anyhow!("the sender died"))??;
    ensure!(answer.status == 200 && status_of(&answer.text()).0 == "ACSC", "{} {}", answer.status, answer.text());
    ensure!(answer.header("luohu-cursor").is_some());
    both_are_told([&mut debtor_agent, &mut creditor_agent], &payment)
}

#[test]
fn a_quote_serves_its_bank_once() -> Result<()> {
    let node = Node::without_banks()?;
    let (mut hong_kong, mut shenzhen) = node.two_banks()?;
    let (payment, credited) = pay_with_quote(&mut hong_kong, &shenzhen.bic, "HKD", "CNY")?;
    will_credit(&mut shenzhen, &payment, &credited)?;
    let mut again = Payment::new(&hong_kong.bic, &shenzhen.bic, "1000.00", "HKD");
    again.quote = payment.quote.clone();
    let answer = hong_kong.post(&again.xml(), 0)?;
    ensure!(status_of(&answer.text()).0 == "RJCT", "a quote was used twice: {} {}", answer.status, answer.text());

    let theirs = hong_kong.quote("CNY", "HKD", "credit", "500.00")?.json()?;
    ensure!(theirs["credit"]["amount"] == "500.00", "{theirs}");
    let debit = theirs["debit"]["amount"].as_str().context("an amount")?;
    let stolen =
        Payment::new(&shenzhen.bic, &hong_kong.bic, debit, "CNY").with_quote(theirs["quote_id"].as_str().context("an id")?);
    let answer = shenzhen.post(&stolen.xml(), 0)?;
    ensure!(status_of(&answer.text()).0 == "RJCT", "another bank's quote was used: {} {}", answer.status, answer.text());
    Ok(())
}

/// The difference of two amounts with two decimals.
fn less(one: &str, other: &str) -> Result<String> {
    let minor = |text: &str| text.replace('.', "").parse::<i64>();
    let difference = minor(one)? - minor(other)?;
    Ok(format!("{}.{:02}", difference / 100, difference % 100))
}
