//! What disks do: a torn tail is cut off, a flipped bit is refused by its height, a full disk is said and not died of.

use anyhow::{Context, Result, ensure};
use e2e::{Node, Participant, Payment, SmallDisk, answer, status_of, written};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::Duration;

/// Settles so many payments, one after the other.
fn settle(debtor_agent: &mut Participant, creditor_agent: &mut Participant, count: usize) -> Result<()> {
    for _ in 0..count {
        let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "1.00", "HKD");
        let held = debtor_agent.post(&payment.xml(), 0)?;
        ensure!(held.status == 202, "{} {}", held.status, held.text());
        let answered = creditor_agent.post(&answer(&creditor_agent.bic, &payment.uetr, "ACSP", None), 0)?;
        ensure!(answered.status == 200, "{} {}", answered.status, answered.text());
    }
    Ok(())
}

/// The last segment in which anything was written.
fn last_segment(node: &Node) -> Result<(PathBuf, u64)> {
    let files = node.files("journal-")?;
    for file in files.iter().rev() {
        let end = written(file)?;
        if end > 0 {
            return Ok((file.clone(), end));
        }
    }
    anyhow::bail!("no segment has anything in {files:?}")
}

fn without_snapshots(node: &Node) -> Result<()> {
    for folder in [node.data.clone(), node.data.join("centre")] {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot-")) {
                std::fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

#[test]
fn a_flipped_bit_is_refused_by_its_height() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    settle(&mut debtor_agent, &mut creditor_agent, 30)?;
    node.kill()?;
    without_snapshots(&node)?;
    let (segment, end) = last_segment(&node)?;
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&segment)?;
    // In the middle: whole blocks lie before and behind it.
    let mut byte = [0];
    let at = (end / 2..end).find(|&at| file.read_exact_at(&mut byte, at).is_ok() && byte[0] != 0).context("nothing written")?;
    file.write_all_at(&[byte[0] ^ 0x10], at)?;
    file.sync_all()?;

    let refused = node.refuses_to_start()?;
    let names_height = refused.contains("block") || refused.contains("height");
    ensure!(names_height && refused.chars().any(|c| c.is_ascii_digit()), "does not name the height: {refused}");
    let checked = node.command(&["fsck", "--data", &node.data.to_string_lossy()])?;
    let said = format!("{}{}", String::from_utf8_lossy(&checked.stdout), String::from_utf8_lossy(&checked.stderr));
    ensure!(!checked.status.success() && (said.contains("block") || said.contains("height")), "fsck: {said}");

    file.write_all_at(&byte, at)?;
    node.start().context("with the bit put right")?;
    Ok(())
}

#[test]
fn a_torn_tail_is_cut_off() -> Result<()> {
    let mut node = Node::without_banks()?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    settle(&mut debtor_agent, &mut creditor_agent, 10)?;
    let before = debtor_agent.available("settlement", "HKD")?;
    node.kill()?;
    without_snapshots(&node)?;
    let (segment, end) = last_segment(&node)?;
    // A write that was cut off: the beginning of a block, then zeros as the segment had them.
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&segment)?;
    let mut beginning = vec![0; 100];
    file.read_exact_at(&mut beginning, 0)?;
    file.write_all_at(&beginning, end)?;
    file.sync_all()?;
    node.start().context("a torn tail was not cut off")?;
    ensure!(debtor_agent.available("settlement", "HKD")? == before, "cutting the tail changed a balance");
    settle(&mut debtor_agent, &mut creditor_agent, 3)?;
    node.stop()?;
    node.fsck()?;
    Ok(())
}

#[test]
fn a_full_disk_refuses_new_payments_and_keeps_serving_reads() -> Result<()> {
    let disk = SmallDisk::mount(96)?;
    let mut node = Node::without_banks_in(Some(disk.data()))?;
    let (mut debtor_agent, mut creditor_agent) = node.two_banks()?;
    settle(&mut debtor_agent, &mut creditor_agent, 3)?;
    let before = debtor_agent.available("settlement", "HKD")?;

    disk.fill()?;
    // What was written in advance may still take some; then it is refused.
    let mut refused = None;
    for _ in 0..20_000 {
        let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "1.00", "HKD");
        let answer = debtor_agent.post(&payment.xml(), 0)?;
        if answer.status != 202 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.context("a full disk refused nothing")?;
    ensure!(refused.status == 503, "{} {}", refused.status, refused.text());
    ensure!(refused.header("retry-after").is_some(), "says when to try again");
    ensure!(
        refused.text().to_lowercase().contains("disk") || refused.text().contains("full"),
        "gives the reason: {}",
        refused.text()
    );
    ensure!(node.is_running(), "it goes on running");
    ensure!(debtor_agent.get("/v1/accounts")?.status == 200, "reads go on");
    ensure!(!debtor_agent.whole_inbox(0)?.is_empty(), "inboxes go on");

    disk.relieve()?;
    let recovered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        let payment = Payment::new(&debtor_agent.bic, &creditor_agent.bic, "1.00", "HKD");
        debtor_agent.post(&payment.xml(), 0).is_ok_and(|answer| answer.status == 202 && status_of(&answer.text()).0 == "ACSP")
    });
    ensure!(recovered, "with room again, payments are taken again");
    ensure!(debtor_agent.available("settlement", "HKD")? != before);
    node.stop()?;
    node.fsck()?;
    Ok(())
}
