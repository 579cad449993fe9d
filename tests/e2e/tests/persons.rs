//! One person's data over a real process: told, erased so that no byte of it is left in the data folder, and everything that
//! proves the payment still stands.

use anyhow::{Context, Result, ensure};
use e2e::{Node, Participant, Payment, answer};
use serde_json::Value;
use std::path::{Path, PathBuf};

const NAME: &str = "Zhukova Anna Qx77";
const ACCOUNT: &str = "6228480099887766";
const DOCUMENT: &str = "Z7654321(9)";

/// Files below a folder that have these bytes, in whatever case they are written.
fn files_with(folder: &Path, text: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_with(&path, text)?);
        } else if std::fs::read(&path)?.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes())) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A payment in the words of a bank: its debtor has an identity document.
fn xml(payment: &Payment) -> String {
    let document = format!(
        "</PstlAdr><Id><PrvtId><Othr><Id>{DOCUMENT}</Id><SchmeNm><Cd>NIDN</Cd></SchmeNm><Issr>HK</Issr></Othr></PrvtId></Id></Dbtr>"
    );
    payment.xml().replacen("</PstlAdr></Dbtr>", &document, 1)
}

fn settle(debtor_agent: &mut Participant, creditor_agent: &mut Participant, payment: &Payment, xml: &str) -> Result<()> {
    let held = debtor_agent.post(xml, 0)?;
    ensure!(held.status == 202, "{} {}", held.status, held.text());
    let answered = creditor_agent.post(&answer(&creditor_agent.bic, &payment.uetr, "ACSP", None), 0)?;
    ensure!(answered.status == 200, "{} {}", answered.status, answered.text());
    Ok(())
}

struct Desk<'a> {
    node: &'a Node,
    data: String,
}

impl<'a> Desk<'a> {
    fn at(node: &'a Node) -> Self {
        Self { node, data: node.data.to_string_lossy().into_owned() }
    }

    /// What `luohu person …` says, with the node's configuration.
    fn says(&self, arguments: &[&str]) -> Result<String> {
        let whole = [&["--config", "luohu.toml", "--data", &self.data, "person"], arguments].concat();
        let output = self.node.command(&whole)?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        Ok(said)
    }

    fn erase(&self, account: &str, further: &[&str]) -> Result<String> {
        self.says(&[&["erase", "--account", account, "--by", "case desk", "--why", "DSR-2026-17"], further].concat())
    }

    fn export(&self, by: &str, whom: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.says(&["export", by, whom])?)?)
    }
}

#[test]
fn a_person_is_told_and_erased_and_the_proof_stands() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    let mut payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "21.50", "HKD");
    (payment.creditor_name, payment.creditor_account) = (NAME.to_owned(), ACCOUNT.to_owned());
    settle(&mut debtor_agent, &mut creditor_agent, &payment, &xml(&payment))?;
    let other = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "3.00", "HKD");
    settle(&mut debtor_agent, &mut creditor_agent, &other, &other.xml())?;
    let message = format!("/v1/payments/{}/message", payment.uetr);
    ensure!(debtor_agent.get_ok(&message)?.text().contains(NAME));
    let receipt = debtor_agent.get_ok(&format!("/v1/payments/{}/receipt", payment.uetr))?.text();
    let inbox =
        |bank: &mut Participant| -> Result<Vec<String>> { Ok(bank.whole_inbox(0)?.into_iter().map(|item| item.kind).collect()) };
    let (before, asked) = (inbox(&mut debtor_agent)?, inbox(&mut creditor_agent)?);
    node.stop()?;

    let account = format!("{}/{ACCOUNT}", creditor_agent.bic);
    let desk = Desk::at(&node);
    let told = desk.export("--account", &account)?;
    let [own] = told["payments"].as_array().context("payments")?.as_slice() else { anyhow::bail!("{told}") };
    ensure!(own["uetr"] == payment.uetr.as_str() && own["payment"]["state"] == "settled", "{own}");
    let messages: Vec<&str> = own["messages"].as_array().into_iter().flatten().filter_map(|it| it["what"].as_str()).collect();
    ensure!(messages == ["pays", "answers"], "{messages:?}");
    let says = own["messages"][0]["says"].to_string();
    ensure!(says.contains(NAME) && says.contains(ACCOUNT) && says.contains("\"document\""), "{says}");
    let same = desk.export("--document", &format!("NIDN/HK/{DOCUMENT}"))?;
    ensure!(same["payments"] == told["payments"] && same["quotas"].is_array(), "{same}");
    ensure!(desk.export("--document", &format!("CCPT/HK/{DOCUMENT}"))?["payments"] == serde_json::json!([]), "another document");
    let elsewhere = format!("{}/{ACCOUNT}", debtor_agent.bic);
    ensure!(desk.export("--account", &elsewhere)?["payments"] == serde_json::json!([]), "another bank's account");

    // As long as the law wants records kept nothing goes, confirmed or not.
    let kept = desk.erase(&account, &["--confirm"])?;
    ensure!(kept.contains("GW-1041") && kept.contains("goes              0 messages"), "{kept}");
    ensure!(!files_with(&node.data, NAME)?.is_empty());
    let configuration = "[privacy]\nretention_days = 0\n";
    node.start()?;
    node.configure(configuration)?;
    node.stop()?;

    // Said first, done when confirmed.
    let desk = Desk::at(&node);
    let plan = desk.erase(&account, &[])?;
    ensure!(plan.contains("goes              2 messages of 1 payments") && plan.contains("nothing was erased"), "{plan}");
    ensure!(!files_with(&node.data, NAME)?.is_empty(), "a dry run");
    let done = desk.erase(&account, &["--confirm"])?;
    ensure!(done.contains("erased            2 messages"), "{done}");
    for gone in [NAME, ACCOUNT, DOCUMENT] {
        let left = files_with(&node.data, gone)?;
        ensure!(left.is_empty(), "VLT-02: {gone} is still in {left:?}");
    }
    ensure!(!files_with(&node.data, &other.creditor_name)?.is_empty(), "what is another's stays");

    // Every law holds, the gap is on record, and the receipt verifies as before.
    let checked = node.fsck()?;
    ensure!(checked.contains("messages erased   2 by request") && !checked.contains("BROKEN"), "{checked}");
    let log = desk.says(&["log"])?;
    ensure!(log.contains("2 messages") && log.contains("by case desk: DSR-2026-17") && !log.contains(ACCOUNT), "{log}");
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), &receipt)?;
    let verified = node.command(&["verify", &file.path().to_string_lossy(), "--data", &node.data.to_string_lossy()])?;
    ensure!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let again = desk.erase(&account, &["--confirm"])?;
    ensure!(again.contains("erased            0 messages"), "{again}");
    // The block still counts the person, as a keyed hash: who has the document finds the payment, and no word of hers.
    let left = desk.export("--document", &format!("NIDN/HK/{DOCUMENT}"))?;
    ensure!(left["payments"][0]["messages"][0]["erased"] == true && !left.to_string().contains(NAME), "{left}");

    node.start()?;
    let gone = debtor_agent.get(&message)?;
    ensure!(gone.status == 410 && gone.text().contains("GW-1040"), "{} {}", gone.status, gone.text());
    ensure!(debtor_agent.get_ok(&format!("/v1/payments/{}/message", other.uetr))?.text().contains(&other.creditor_name));
    ensure!(debtor_agent.get_ok(&format!("/v1/payments/{}", payment.uetr))?.json()?["state"] == "settled");
    debtor_agent.get_ok(&format!("/v1/payments/{}/receipt", payment.uetr))?;
    // Inboxes read anew tell how it ended; the creditor agent is not asked once more.
    ensure!(inbox(&mut debtor_agent)? == before, "{:?}", inbox(&mut debtor_agent)?);
    let now = inbox(&mut creditor_agent)?;
    ensure!(now.len() == asked.len() - 1, "{now:?} of {asked:?}");
    // And it goes on, through a crash as well.
    let next = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "4.00", "HKD");
    settle(&mut debtor_agent, &mut creditor_agent, &next, &next.xml())?;
    node.kill()?;
    ensure!(node.fsck()?.contains("messages erased   2 by request"));
    node.start()
}

#[test]
fn a_running_node_is_not_touched() -> Result<()> {
    let node = Node::without_banks()?;
    let refused = node.command(&["person", "log", "--data", &node.data.to_string_lossy()])?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    ensure!(!refused.status.success() && said.contains("stop the node first"), "{said}");
    Ok(())
}
