//! More than can be carried: what was accepted is kept to the cent, what was refused says when to come back, and nobody who
//! ends something is refused. Speed is measured by `luohu bench --overload`, not here.

use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

#[test]
fn under_five_times_its_capacity_nothing_accepted_is_lost_and_answers_are_taken() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let configuration = folder.path().join("luohu.toml");
    // A tight target, so that the machine's speed does not decide whether there is an overload.
    std::fs::write(&configuration, "[gateway]\ndelay_target_ms = 1\n[journal]\nsegment_mib = 4\nvault_mib = 4\n")?;
    let mut command = Command::new(e2e::binary()?);
    command.arg("--config").arg(&configuration).arg("--data").arg(folder.path().join("data"));
    command.args(["bench", "--overload", "--json", "--peak-seconds", "3", "--seconds", "10"]);
    let output = command.stdin(Stdio::null()).output().context("starting luohu")?;
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{said}\n{complained}");
    let result: serde_json::Value = serde_json::from_str(&said).with_context(|| format!("not JSON: {said}"))?;
    let flood = &result["flood"];
    let number = |value: &serde_json::Value| value.as_u64().with_context(|| format!("a number is missing in {said}"));

    ensure!(result["agrees"] == true, "banks and centre differ: {said}");
    ensure!(number(&result["end"]["in_doubt_left"])? == 0, "something was left in doubt: {said}");
    ensure!(number(&result["accepted_and_lost"])? == 0, "something accepted has no end: {said}");
    ensure!(number(&flood["accepted"])? > 0 && number(&result["end"]["settled"])? > 0, "nothing settled under overload: {said}");
    ensure!(number(&flood["payments_refused"])? > 0, "that was no overload: {said}");
    ensure!(number(&flood["refused_without_retry_after"])? == 0, "a refusal did not say when to come back: {said}");
    ensure!(number(&result["door"]["classes"]["answer"]["refused"])? == 0, "an answer was refused: {said}");
    ensure!(number(&result["answers_failed"])? == 0, "an answer was not taken: {said}");
    // Polls are given up before payments: of them, a smaller part gets through.
    let passed = |sent: &str, refused: &str| -> Result<f64> {
        let (sent, refused) = (number(&flood[sent])? as f64, number(&flood[refused])? as f64);
        Ok((sent - refused) / sent.max(1.0))
    };
    let (polls, payments) = (passed("polls_sent", "polls_refused")?, passed("payments_sent", "payments_refused")?);
    ensure!(number(&flood["polls_refused"])? > 0, "no status poll was refused: {said}");
    ensure!(polls <= payments, "{polls:.3} of the polls passed and {payments:.3} of the payments: {said}");
    println!("{said}");
    Ok(())
}
