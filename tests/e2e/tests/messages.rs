//! The messages that these tests write are valid themselves; else a refusal would prove nothing.

use anyhow::{Context, Result, ensure};
use e2e::{Payment, answer, in_ci, shared, status_request};
use std::process::Command;

/// Judges one part of a business message against its official schema.
fn check_valid(xml: &str, root: &str, schema: &str) -> Result<()> {
    let Some(shared) = shared() else {
        ensure!(!in_ci(), "official schemas are absent in continuous integration");
        eprintln!("!!! official schemas are absent: {schema} was not compared with them");
        return Ok(());
    };
    let start = xml.find(&format!("<{root} ")).context("has the root")?;
    let end = xml.find(&format!("</{root}>")).context("has the root's end")? + root.len() + 3;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("message.xml");
    std::fs::write(&file, &xml[start..end])?;
    let schema = shared.join(format!("iso20022/xsd/{schema}.xsd"));
    let output = Command::new("xmllint").arg("--noout").arg("--schema").arg(schema).arg(&file).output()?;
    ensure!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), &xml[start..end]);
    Ok(())
}

#[test]
fn messages_written_by_hand_are_valid() -> Result<()> {
    let bank = "HARBHKHHXXX";
    let payment = Payment::new(bank, "PENGCNBSXXX", "100.00", "HKD");
    for xml in [payment.xml(), payment.clone().with_quote("8a562c67-ca16-48ba-b074-65581be6f001").xml()] {
        check_valid(&xml, "AppHdr", "head.001.001.02")?;
        check_valid(&xml, "Document", "pacs.008.001.08")?;
    }
    check_valid(&answer(bank, &payment.uetr, "ACSP", None), "Document", "pacs.002.001.10")?;
    check_valid(&answer(bank, &payment.uetr, "RJCT", Some("AC04")), "Document", "pacs.002.001.10")?;
    check_valid(&status_request(bank, &payment.uetr), "Document", "pacs.028.001.03")?;
    Ok(())
}
