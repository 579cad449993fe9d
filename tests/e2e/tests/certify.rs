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
