//! Judging a file for a person or a script: what `luohu iso check` says.
//!
//! Schema and business rules are told apart: a message is valid if its schema holds; what the scheme's rules find in it
//! stands beside that verdict and does not change it.
//!
//! # Units and limits
//! The reader's [`Limits`], with a file of at most [`FILE_BYTES_MAX`].

use crate::envelope::{BusinessMessage, Judged, judge_all};
use crate::generated::Message;
use crate::rules::{self, Finding, RuleSettings};
use crate::violation::Violation;
use crate::xml::Limits;
use serde::Serialize;
use std::fmt::Write as _;

/// Largest file judged: a person's file may hold a batch.
pub const FILE_BYTES_MAX: usize = 64 << 20;

/// The verdict on a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every message in it satisfies its schema.
    Valid,
    /// A message does not, or the file is not well-formed.
    Invalid,
    /// Nothing in it, or not everything in it, is a message whose schema is built in.
    NotJudged,
}

impl Verdict {
    /// Exit status of a command that judged one file.
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::NotJudged => 2,
        }
    }
}

/// One message of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageReport {
    /// Its name, such as `pacs.008.001.08`.
    pub id: String,
    /// How it was judged.
    pub verdict: Verdict,
    /// The first violation of its schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violation: Option<Violation>,
}

/// Everything said about one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The file's name, as the caller gave it.
    pub file: String,
    /// The verdict on all of it.
    pub verdict: Verdict,
    /// True or false as far as it could be judged, else nothing.
    pub valid: Option<bool>,
    /// The messages found, in order.
    pub messages: Vec<MessageReport>,
    /// The first violation in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub violation: Option<Violation>,
    /// Why it could not be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<String>,
    /// What the scheme's business rules say about valid messages; apart from the verdict.
    pub findings: Vec<Finding>,
}

/// Judges one file's bytes.
pub fn check_bytes(file: &str, source: &[u8]) -> FileReport {
    let limits = Limits { message_bytes_max: FILE_BYTES_MAX, ..Limits::DEFAULT };
    let (judged, broken) = match judge_all(source, limits) {
        Ok(judged) => (judged, None),
        Err((judged, violation)) => (judged, Some(violation)),
    };
    let findings = findings(source, &judged, broken.is_some());
    let messages: Vec<MessageReport> = judged.iter().map(message_report).collect();
    let violation = messages.iter().find_map(|message| message.violation.clone()).or(broken);
    let unsupported: Vec<&str> =
        messages.iter().filter(|message| message.verdict == Verdict::NotJudged).map(|message| message.id.as_str()).collect();
    let not_judged = match (messages.is_empty(), unsupported.is_empty()) {
        (true, _) => Some("no ISO 20022 message found".to_owned()),
        (false, false) => Some(format!("no schema built in for {}", unsupported.join(", "))),
        (false, true) => None,
    };
    let verdict = match (&violation, &not_judged) {
        (Some(_), _) => Verdict::Invalid,
        (None, Some(_)) => Verdict::NotJudged,
        (None, None) => Verdict::Valid,
    };
    let valid = match verdict {
        Verdict::Valid => Some(true),
        Verdict::Invalid => Some(false),
        Verdict::NotJudged => None,
    };
    let not_judged = if verdict == Verdict::NotJudged { not_judged } else { None };
    FileReport { file: file.to_owned(), verdict, valid, messages, violation, not_judged, findings }
}

/// A file that could not be read.
pub fn unreadable(file: &str, why: &str) -> FileReport {
    FileReport {
        file: file.to_owned(),
        verdict: Verdict::NotJudged,
        valid: None,
        messages: Vec::new(),
        violation: None,
        not_judged: Some(why.to_owned()),
        findings: Vec::new(),
    }
}

/// Exit status over several files: 1 if any is invalid, else 2 if any could not be judged, else 0.
pub fn exit_status(reports: &[FileReport]) -> u8 {
    let has = |verdict| reports.iter().any(|report| report.verdict == verdict);
    if has(Verdict::Invalid) {
        Verdict::Invalid.exit_status()
    } else if has(Verdict::NotJudged) {
        Verdict::NotJudged.exit_status()
    } else {
        Verdict::Valid.exit_status()
    }
}

fn message_report(judged: &Judged) -> MessageReport {
    match judged {
        Judged::Valid(message) => {
            MessageReport { id: message.message_type().id().to_owned(), verdict: Verdict::Valid, violation: None }
        }
        Judged::Invalid(kind, violation) => {
            MessageReport { id: kind.id().to_owned(), verdict: Verdict::Invalid, violation: Some(violation.clone()) }
        }
        Judged::Unsupported(id) => MessageReport { id: id.clone(), verdict: Verdict::NotJudged, violation: None },
    }
}

/// Business findings on the valid documents, each with the header before it.
fn findings(source: &[u8], judged: &[Judged], broken: bool) -> Vec<Finding> {
    let settings = RuleSettings::offline();
    let mut header = None;
    let mut all: Vec<Finding> = Vec::new();
    if broken {
        return all;
    }
    for one in judged {
        match one {
            Judged::Valid(Message::Head00100102(found)) => header = Some(found.clone()),
            Judged::Valid(document) => {
                let message = BusinessMessage { header: header.take(), document: document.clone() };
                for finding in rules::check(source, &message, &settings) {
                    if !all.contains(&finding) {
                        all.push(finding);
                    }
                }
            }
            Judged::Invalid(..) | Judged::Unsupported(_) => header = None,
        }
    }
    all
}

impl FileReport {
    /// One line of JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report is plain data")
    }

    /// Lines for a person.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let ids: Vec<&str> = self.messages.iter().map(|message| message.id.as_str()).collect();
        let found = if ids.is_empty() { String::new() } else { format!(" ({})", ids.join(", ")) };
        let verdict = match self.verdict {
            Verdict::Valid => "valid",
            Verdict::Invalid => "invalid",
            Verdict::NotJudged => "could not be judged",
        };
        let _ = write!(text, "{}: {verdict}{found}", self.file);
        if let Some(why) = &self.not_judged {
            let _ = write!(text, ": {why}");
        }
        if let Some(violation) = &self.violation {
            let Violation { rule, path, line, column, text: what } = violation;
            let _ = write!(text, "\n  {line}:{column} {rule} {path}\n    {what}");
        }
        if !self.findings.is_empty() {
            text.push_str("\n  business rules (apart from the schema):");
        }
        for finding in &self.findings {
            let _ = write!(text, "\n    {} {} {}: {}", finding.rule.id(), finding.iso_reason, finding.path, finding.text);
        }
        text.push('\n');
        text
    }
}
