//! What came of each scenario, for a person and for a script.

use super::scenario::Scenario;
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;

/// What is said of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Passed,
    /// Otherwise, or it could not be played.
    Failed,
    /// The bank has nothing that could be judged, and need not have it.
    NotSupported,
}

/// One scenario played.
#[derive(Debug, Serialize)]
pub struct Row {
    pub code: &'static str,
    pub scenario: &'static str,
    pub rule: &'static str,
    pub title: &'static str,
    pub verdict: Verdict,
    pub expected: &'static str,
    pub seen: String,
}

impl Row {
    /// What was seen, or why the scenario could not be played, which counts as failed.
    pub fn new(scenario: Scenario, outcome: anyhow::Result<Seen>) -> Self {
        let Seen { verdict, text } =
            outcome.unwrap_or_else(|fault| Seen { verdict: Verdict::Failed, text: format!("not played: {fault:#}") });
        Self {
            code: scenario.code(),
            scenario: scenario.id(),
            rule: scenario.rule(),
            title: scenario.title(),
            verdict,
            expected: scenario.expected(),
            seen: text,
        }
    }
}

/// What a scenario saw.
#[derive(Debug)]
pub struct Seen {
    pub verdict: Verdict,
    pub text: String,
}

impl Seen {
    /// It is right, or not.
    pub fn of(right: bool, text: impl Into<String>) -> Self {
        Self { verdict: if right { Verdict::Passed } else { Verdict::Failed }, text: text.into() }
    }

    /// There is nothing to judge.
    pub fn not_supported(text: impl Into<String>) -> Self {
        Self { verdict: Verdict::NotSupported, text: text.into() }
    }
}

/// All of them.
#[derive(Debug, Serialize)]
pub struct Report {
    pub bank: String,
    pub passed: usize,
    pub failed: usize,
    pub not_supported: usize,
    pub scenarios: Vec<Row>,
}

impl Report {
    /// Counts.
    pub fn new(bank: &str, scenarios: Vec<Row>) -> Self {
        let count = |verdict| scenarios.iter().filter(|row| row.verdict == verdict).count();
        let (passed, failed) = (count(Verdict::Passed), count(Verdict::Failed));
        Self { bank: bank.to_owned(), passed, failed, not_supported: count(Verdict::NotSupported), scenarios }
    }

    /// 0 if every scenario passed, 1 if one failed, 3 if none failed and not all could be judged.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match (self.failed, self.not_supported) {
            (0, 0) => 0,
            (0, _) => 3,
            (_, _) => 1,
        })
    }

    /// One document of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data")
    }

    /// Lines for a person.
    pub fn to_text(&self) -> String {
        let mut text = format!("certification of {}\n\n", self.bank);
        for row in &self.scenarios {
            let mark = match row.verdict {
                Verdict::Passed => "pass",
                Verdict::Failed => "FAIL",
                Verdict::NotSupported => "none",
            };
            let _ = writeln!(text, "{mark}  {}  {:<16} {}", row.code, row.scenario, row.title);
            if row.verdict != Verdict::Passed {
                let _ = writeln!(text, "      rule      {}", row.rule);
                let _ = writeln!(text, "      expected  {}", row.expected);
            }
            let _ = writeln!(text, "      seen      {}", row.seen);
        }
        let _ = write!(text, "\n{} passed, {} failed, {} not supported", self.passed, self.failed, self.not_supported);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn only_a_report_without_a_flaw_ends_well() {
        let ends = |outcomes: Vec<anyhow::Result<Seen>>| {
            let rows = outcomes.into_iter().map(|outcome| Row::new(Scenario::CreditIn, outcome)).collect();
            format!("{:?}", Report::new("HARBHKHHXXX", rows).exit_code())
        };
        let (good, bad, none) = (|| Ok(Seen::of(true, "")), || Ok(Seen::of(false, "")), || Ok(Seen::not_supported("")));
        let code = |code: u8| format!("{:?}", ExitCode::from(code));
        assert_eq!(ends(vec![good(), good()]), code(0));
        assert_eq!(ends(vec![good(), none()]), code(3));
        assert_eq!(ends(vec![good(), none(), bad()]), code(1));
        assert_eq!(ends(vec![Err(anyhow!("no answer"))]), code(1));
    }

    #[test]
    fn what_went_wrong_is_said_with_its_rule() {
        let rows = vec![Row::new(Scenario::Signed, Ok(Seen::of(false, "refused with 401")))];
        let text = Report::new("HARBHKHHXXX", rows).to_text();
        for part in ["FAIL  CERT-17  signed", Scenario::Signed.rule(), "refused with 401", "0 passed, 1 failed, 0 not supported"]
        {
            assert!(text.contains(part), "{text}");
        }
    }
}
