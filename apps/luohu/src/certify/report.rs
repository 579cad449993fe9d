//! What came of each scenario, for a person and for a script.

use super::scenario::Scenario;
use serde::Serialize;
use std::fmt::Write as _;

/// One scenario played.
#[derive(Debug, Serialize)]
pub struct Row {
    pub scenario: &'static str,
    pub title: &'static str,
    pub passed: bool,
    pub expected: &'static str,
    pub seen: String,
}

impl Row {
    /// What was seen, or why the scenario could not be played, which counts as failed.
    pub fn new(scenario: Scenario, outcome: anyhow::Result<Seen>) -> Self {
        let Seen { passed, text } =
            outcome.unwrap_or_else(|fault| Seen { passed: false, text: format!("not played: {fault:#}") });
        Self { scenario: scenario.id(), title: scenario.title(), passed, expected: scenario.expected(), seen: text }
    }
}

/// What a scenario saw.
#[derive(Debug)]
pub struct Seen {
    pub passed: bool,
    pub text: String,
}

/// All of them.
#[derive(Debug, Serialize)]
pub struct Report {
    pub bank: String,
    pub passed: usize,
    pub failed: usize,
    pub scenarios: Vec<Row>,
}

impl Report {
    /// Counts.
    pub fn new(bank: &str, scenarios: Vec<Row>) -> Self {
        let passed = scenarios.iter().filter(|row| row.passed).count();
        Self { bank: bank.to_owned(), passed, failed: scenarios.len() - passed, scenarios }
    }

    /// One document of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data")
    }

    /// Lines for a person.
    pub fn to_text(&self) -> String {
        let mut text = format!("certification of {}\n\n", self.bank);
        for row in &self.scenarios {
            let mark = if row.passed { "pass" } else { "FAIL" };
            let _ = writeln!(text, "{mark}  {:<16} {}", row.scenario, row.title);
            if !row.passed {
                let _ = writeln!(text, "      expected  {}", row.expected);
            }
            let _ = writeln!(text, "      seen      {}", row.seen);
        }
        let _ = write!(text, "\n{} passed, {} failed", self.passed, self.failed);
        text
    }
}
