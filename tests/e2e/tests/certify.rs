//! The conformance kit against a sample bank: as it is, misbehaving in one way at a time and in many, and in a process of its own.

use anyhow::{Context, Result, bail, ensure};
use e2e::binary;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How many scenarios there are.
const SCENARIOS: u64 = 32;
/// A rule of a script, the scenario that must find it, and its verdict.
const PLANTED: [(&str, &str, &str); 12] = [
    ("[[payment]]\namount = \"12.34\"\ndoes = { fault = \"credit_twice\" }\n", "credit-in", "failed"),
    ("[[payment]]\namount = \"11.11\"\ndoes = { fault = \"silent\" }\n", "credit-nobody", "failed"),
    ("[[payment]]\namount = \"23.45\"\ndoes = { fault = \"refusing\", reason = \"AC06\" }\n", "sent-again", "failed"),
    ("[[payment]]\namount = \"45.67\"\ndoes = { fault = \"slow\", ms = 4000 }\n", "items-again", "failed"),
    ("[[payment]]\namount = \"15.01\"\ndoes = { fault = \"answer_twice\" }\n", "asked-twice", "failed"),
    ("[[payment]]\namount = \"15.02\"\ndoes = { fault = \"answer_late\" }\n", "answer-again", "failed"),
    ("[[payment]]\namount = \"15.03\"\ndoes = { fault = \"wrong_signature\" }\n", "signed", "failed"),
    ("[[payment]]\namount = \"15.04\"\ndoes = { fault = \"drop_connection\", ms = 5000 }\n", "unknown-item", "failed"),
    ("[[payment]]\namount = \"15.05\"\ndoes = { fault = \"forget_cursor\" }\n", "cursor-kept", "failed"),
    ("[[name]]\nsequence = 1\ndoes = { fault = \"silent\" }\n", "name-fits", "failed"),
    ("[[recall]]\ndoes = { fault = \"silent\" }\n", "recall-asked", "not_supported"),
    ("[[request]]\namount = \"10.10\"\ndoes = { fault = \"silent\" }\n", "request-in", "not_supported"),
];

/// Runs the kit against a sample bank in the same process; exit status and report.
fn certify(arguments: &[&str]) -> Result<(Option<i32>, Value)> {
    let output =
        Command::new(binary()?).args(["certify", "--sample", "--json"]).args(arguments).output().context("luohu certify")?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {errors}"))?;
    Ok((output.status.code(), report))
}

/// The scenarios that did not pass, with their verdicts.
fn flaws(report: &Value) -> BTreeMap<String, String> {
    let rows = report["scenarios"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let flawed = rows.iter().filter(|row| row["verdict"] != "passed");
    flawed.map(|row| (text(row, "scenario"), text(row, "verdict"))).collect()
}

fn planted(rows: &[(&str, &str, &str)]) -> BTreeMap<String, String> {
    rows.iter().map(|(_, scenario, verdict)| ((*scenario).to_owned(), (*verdict).to_owned())).collect()
}

#[test]
fn a_sample_bank_passes_everything() -> Result<()> {
    let (status, report) = certify(&[])?;
    ensure!(status == Some(0) && flaws(&report).is_empty() && report["passed"] == SCENARIOS, "{report:#}");
    Ok(())
}

/// Everything is planted at once, each fault in what one scenario asks: those are found, and no other scenario is harmed.
#[test]
fn each_planted_fault_fails_its_scenario_and_no_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("faults.toml");
    std::fs::write(&script, PLANTED.map(|(rule, _, _)| rule).concat())?;
    let (status, report) = certify(&["--script", &script.to_string_lossy()])?;
    ensure!(status == Some(1) && flaws(&report) == planted(&PLANTED), "{report:#}");
    Ok(())
}

/// One fault at a time, and a scenario beside it.
#[test]
fn a_planted_fault_fails_its_scenario_alone() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("faults.toml");
    let beside = ["--only", "CERT-02"];
    for row in PLANTED {
        let (rule, scenario, verdict) = row;
        std::fs::write(&script, rule)?;
        let path = script.to_string_lossy();
        let (status, report) = certify(&[&["--script", &path, "--only", scenario], beside.as_slice()].concat())?;
        let exit = if verdict == "failed" { 1 } else { 3 };
        ensure!(status == Some(exit) && flaws(&report) == planted(&[row]), "{rule}: {report:#}");
    }
    Ok(())
}

#[test]
fn a_bank_that_was_cut_off_for_a_moment_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("faults.toml");
    std::fs::write(&script, "[[payment]]\ndoes = { fault = \"drop_connection\", ms = 500 }\n")?;
    let (status, report) = certify(&["--script", &script.to_string_lossy(), "--only", "credit-in", "--only", "sent-again"])?;
    ensure!(status == Some(0), "{report:#}");
    Ok(())
}

#[test]
fn a_script_that_can_never_be_followed_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("faults.toml");
    std::fs::write(&script, "[[recall]]\namount = \"1.00\"\ndoes = { fault = \"silent\" }\n")?;
    let arguments = ["certify", "--sample", "--script", &script.to_string_lossy()];
    let output = Command::new(binary()?).args(arguments).output().context("luohu certify")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success() && said.contains("recall rule 1"), "{said}");
    Ok(())
}

/// A process that is ended with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_addresses() -> Result<[SocketAddr; 2]> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([listeners[0].local_addr()?, listeners[1].local_addr()?])
}

fn luohu(data: &Path, gateway: SocketAddr, bank: SocketAddr) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(["--data", &data.to_string_lossy(), "--listen", &gateway.to_string()]);
    command.args(["--bank-port", &bank.port().to_string()]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

/// The kit and the bank are processes of their own, which meet at the gateway's address over TLS; the bank has the keys that the
/// kit made for it.
fn certify_process(script: &str, only: &[&str]) -> Result<(Option<i32>, Value)> {
    let folder = tempfile::tempdir()?;
    let (data, file) = (folder.path().join("data"), folder.path().join("faults.toml"));
    std::fs::write(&file, script)?;
    let [gateway, bank] = free_addresses()?;
    let mut kit = luohu(&data, gateway, bank)?;
    kit.args(["certify", &format!("http://{bank}"), "--json"]);
    for scenario in only {
        kit.args(["--only", scenario]);
    }
    let mut kit = Process(kit.spawn().context("the kit")?);
    let mut lines = BufReader::new(kit.0.stderr.take().context("piped")?).lines();
    // It says that it waits once the bank's keys are there.
    if !lines.by_ref().map_while(Result::ok).any(|line| line.contains("waiting for HARBHKHHXXX")) {
        bail!("the kit did not start");
    }
    let mut serve = luohu(&data, gateway, bank)?;
    serve.args(["bank", "serve", "HARBHKHHXXX", "--script", &file.to_string_lossy()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _bank = Process(serve.spawn().context("the bank")?);
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut kit.0.stdout.take().context("piped")?, &mut text)?;
    let status = kit.0.wait()?;
    Ok((status.code(), serde_json::from_str(&text).with_context(|| format!("no report: {text}"))?))
}

#[test]
fn a_bank_in_its_own_process_is_judged_over_real_connections() -> Result<()> {
    let (status, report) = certify_process("", &[])?;
    ensure!(status == Some(0) && flaws(&report).is_empty() && report["passed"] == SCENARIOS, "{report:#}");
    Ok(())
}

#[test]
fn a_faulty_bank_in_its_own_process_is_found() -> Result<()> {
    let only = ["credit-in", "asked-twice", "signed", "cursor-kept", "return-out", "recall-out", "request-out"];
    let rows = [PLANTED[4], PLANTED[6], PLANTED[8]];
    let (status, report) = certify_process(&rows.map(|(rule, _, _)| rule).concat(), &only)?;
    ensure!(status == Some(1) && flaws(&report) == planted(&rows), "{report:#}");
    Ok(())
}
