//! Banks that are silent, slow, late, contradict themselves or answer for others: both sides learn the same end.

use anyhow::{Result, ensure};
use e2e::{Node, Participant, Payment, answer, status_of, status_request};
use std::time::Duration;

const AMOUNT: &str = "123.45";
/// The deadline of a payment of high priority is 7 s; some more for a busy machine.
const DEADLINE: Duration = Duration::from_secs(12);

struct Scene {
    _node: Node,
    debtor_agent: Participant,
    creditor_agent: Participant,
}

impl Scene {
    fn open() -> Result<Self> {
        let node = Node::without_banks()?;
        let (debtor_agent, creditor_agent) = node.two_banks()?;
        Ok(Self { _node: node, debtor_agent, creditor_agent })
    }

    fn payment(&self) -> Payment {
        let mut payment = Payment::new(&self.debtor_agent.bic, &self.creditor_agent.bic, AMOUNT, "HKD");
        payment.priority = "HIGH".into();
        payment
    }

    /// Sends a payment and waits until the creditor agent has been asked.
    fn ask(&mut self) -> Result<Payment> {
        let payment = self.payment();
        let answer = self.debtor_agent.post(&payment.xml(), 0)?;
        ensure!(answer.status == 202 && status_of(&answer.text()).0 == "ACSP", "{} {}", answer.status, answer.text());
        self.creditor_agent
            .wait_for(0, Duration::from_secs(5), |item| item.kind == "pacs.008.001.08" && item.message.contains(&payment.uetr))?;
        Ok(payment)
    }

    fn answer(&mut self, payment: &Payment, status: &str, reason: Option<&str>) -> Result<(u16, String)> {
        let xml = answer(&self.creditor_agent.bic, &payment.uetr, status, reason);
        let answer = self.creditor_agent.post(&xml, 0)?;
        Ok((answer.status, answer.header("luohu-payment-state").unwrap_or_default().to_owned()))
    }

    /// What both banks were told as the payment's end, which must be the same and told once to each.
    fn end(&mut self, payment: &Payment) -> Result<(String, Option<String>)> {
        let mut ends = Vec::new();
        for bank in [&mut self.debtor_agent, &mut self.creditor_agent] {
            bank.wait_for(0, DEADLINE, |item| is_end(item, &payment.uetr))?;
            let inbox = bank.whole_inbox(0)?;
            let told: Vec<_> =
                inbox.iter().filter(|item| is_end(item, &payment.uetr)).map(|item| status_of(&item.message)).collect();
            ensure!(told.len() == 1, "{} was told {told:?}", bank.bic);
            ends.extend(told);
        }
        ensure!(ends[0] == ends[1], "PAY-02: the banks were told {ends:?}");
        Ok(ends.remove(0))
    }

    fn available(&mut self) -> Result<(String, String)> {
        Ok((self.debtor_agent.available("settlement", "HKD")?, self.creditor_agent.available("settlement", "HKD")?))
    }
}

fn is_end(item: &e2e::Item, uetr: &str) -> bool {
    let ended = matches!(status_of(&item.message).0.as_str(), "ACSC" | "RJCT");
    item.kind == "pacs.002.001.10" && item.message.contains(uetr) && ended
}

fn rejected(reason: &str) -> (String, Option<String>) {
    ("RJCT".into(), Some(reason.into()))
}

fn settled() -> (String, Option<String>) {
    ("ACSC".into(), None)
}

#[test]
fn creditor_agent_is_silent_and_answers_after_the_deadline() -> Result<()> {
    let mut scene = Scene::open()?;
    let before = scene.available()?;
    let payment = scene.ask()?;
    ensure!(scene.available()? != before, "the hold shows");
    ensure!(scene.end(&payment)? == rejected("AB05"), "{:?}", scene.end(&payment)?);
    ensure!(scene.available()? == before, "the hold is voided");

    let (status, _) = scene.answer(&payment, "ACSP", None)?;
    ensure!(status == 409, "a late answer got {status}");
    ensure!(scene.end(&payment)? == rejected("AB05") && scene.available()? == before, "a late answer changed something");
    Ok(())
}

#[test]
fn creditor_agent_is_slow_but_in_time() -> Result<()> {
    let mut scene = Scene::open()?;
    let payment = scene.ask()?;
    std::thread::sleep(Duration::from_secs(4));
    ensure!(scene.answer(&payment, "ACSP", None)? == (200, "settled".into()));
    ensure!(scene.end(&payment)? == settled());
    Ok(())
}

#[test]
fn creditor_agent_answers_twice_and_then_otherwise() -> Result<()> {
    let mut scene = Scene::open()?;
    let payment = scene.ask()?;
    ensure!(scene.answer(&payment, "ACSP", None)? == (200, "settled".into()));
    let after = scene.available()?;
    let (again, _) = scene.answer(&payment, "ACSP", None)?;
    ensure!(again < 500 && scene.available()? == after, "the second answer got {again}");
    let (otherwise, _) = scene.answer(&payment, "RJCT", Some("AC04"))?;
    ensure!(otherwise == 409 && scene.available()? == after, "the contradiction got {otherwise}");
    ensure!(scene.end(&payment)? == settled());
    ensure!(scene.answer(&payment, "ACCC", None)?.0 == 200, "credited may be reported");
    Ok(())
}

#[test]
fn creditor_agent_refuses() -> Result<()> {
    let mut scene = Scene::open()?;
    let before = scene.available()?;
    let payment = scene.ask()?;
    ensure!(scene.answer(&payment, "RJCT", Some("AC04"))? == (200, "rejected".into()));
    ensure!(scene.end(&payment)? == rejected("AC04") && scene.available()? == before);
    Ok(())
}

#[test]
fn another_bank_answers() -> Result<()> {
    let mut scene = Scene::open()?;
    let payment = scene.ask()?;
    let xml = answer(&scene.debtor_agent.bic, &payment.uetr, "ACSP", None);
    let stranger = scene.debtor_agent.post(&xml, 0)?;
    ensure!(stranger.status == 403 || stranger.status == 404, "{} {}", stranger.status, stranger.text());
    ensure!(scene.answer(&payment, "ACSP", None)? == (200, "settled".into()));
    ensure!(scene.end(&payment)? == settled());
    Ok(())
}

#[test]
fn debtor_agent_sends_again_all_along() -> Result<()> {
    let mut scene = Scene::open()?;
    let before = scene.available()?;
    let payment = scene.ask()?;
    let held = scene.available()?;
    for _ in 0..5 {
        let again = scene.debtor_agent.post(&payment.xml(), 0)?;
        ensure!(again.status == 202 && status_of(&again.text()).0 == "ACSP" && scene.available()? == held);
    }
    // Eight connections at once send what is one payment.
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (mut bank, xml) = (scene.debtor_agent.clone(), payment.xml());
            std::thread::spawn(move || bank.post(&xml, 20).map(|answer| status_of(&answer.text()).0))
        })
        .collect();
    std::thread::sleep(Duration::from_millis(300));
    ensure!(scene.answer(&payment, "ACSP", None)? == (200, "settled".into()));
    for thread in threads {
        let told = thread.join().map_err(|_| anyhow::anyhow!("a sender died"))??;
        ensure!(told == "ACSC", "a waiting sender was told {told}");
    }
    let again = scene.debtor_agent.post(&payment.xml(), 0)?;
    ensure!(again.status == 200 && status_of(&again.text()).0 == "ACSC", "{} {}", again.status, again.text());
    let asked = scene.debtor_agent.clone().post(&status_request(&scene.debtor_agent.bic, &payment.uetr), 0)?;
    ensure!(asked.status == 200 && status_of(&asked.text()).0 == "ACSC");
    let inbox = scene.creditor_agent.whole_inbox(0)?;
    let asks = inbox.iter().filter(|item| item.kind == "pacs.008.001.08" && item.message.contains(&payment.uetr)).count();
    ensure!(asks == 1, "the creditor agent was asked {asks} times");
    ensure!(before != scene.available()? && scene.end(&payment)? == settled());
    Ok(())
}
