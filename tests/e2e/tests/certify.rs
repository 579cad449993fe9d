//! The conformance kit against a sample bank: as it is, and misbehaving in one way at a time.

use anyhow::{Context, Result, ensure};
use e2e::binary;
use serde_json::Value;
use std::process::Command;

/// Runs the kit against a sample bank in the same process; exit status and report.
fn certify(arguments: &[&str]) -> Result<(bool, Value)> {
    let output =
        Command::new(binary()?).args(["certify", "--sample", "--json"]).args(arguments).output().context("luohu certify")?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {errors}"))?;
    Ok((output.status.success(), report))
}

/// The scenarios that failed.
fn failed(report: &Value) -> Vec<&str> {
    let rows = report["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().filter(|row| row["passed"] == false).filter_map(|row| row["scenario"].as_str()).collect()
}

#[test]
fn a_sample_bank_passes_everything() -> Result<()> {
    let (succeeded, report) = certify(&[])?;
    ensure!(succeeded && failed(&report).is_empty() && report["passed"] == 15, "{report:#}");
    Ok(())
}

/// Each fault is planted in one payment, known by its amount; the kit names the scenario of that payment and no other.
#[test]
fn a_planted_fault_fails_its_scenario_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("faults.toml");
    let all = ["--only", "credit-in", "--only", "credit-nobody", "--only", "sent-again"];
    for (amount, does, scenario) in
        [("12.34", "fault = \"credit_twice\"", "credit-in"), ("11.11", "fault = \"silent\"", "credit-nobody")]
    {
        std::fs::write(&script, format!("[[payment]]\namount = \"{amount}\"\ndoes = {{ {does} }}\n"))?;
        let path = script.to_string_lossy();
        let (succeeded, report) = certify(&[&["--script", &path], all.as_slice()].concat())?;
        ensure!(!succeeded && failed(&report) == [scenario], "{does}: {report:#}");
    }
    // Cut off for a moment, the bank answers when it is back: nothing is lost.
    std::fs::write(&script, "[[payment]]\ndoes = { fault = \"drop_connection\", ms = 500 }\n")?;
    let (succeeded, report) = certify(&["--script", &script.to_string_lossy(), "--only", "credit-in", "--only", "sent-again"])?;
    ensure!(succeeded, "{report:#}");
    Ok(())
}
