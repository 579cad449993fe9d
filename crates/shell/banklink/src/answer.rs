//! What the centre answers to a message: an ISO message, nothing, or a problem.

use serde::Deserialize;
use std::fmt;

/// The centre's answer to a message, its signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What it says.
    pub body: AnswerBody,
    /// Position in the chain of the event reported (`Luohu-Cursor`).
    pub cursor: Option<u64>,
    /// How the payment stands after an answer of the creditor agent (`Luohu-Payment-State`).
    pub payment_state: Option<String>,
}

/// The answer's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// Taken; there is nothing more to say.
    Empty,
    /// A BusinessMessage: `pacs.002`, `admi.002` or `acmt.024`.
    Message(String),
}

impl Answer {
    /// Whether the centre took the message (2xx).
    pub fn taken(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The message, if there is one.
    pub fn message(&self) -> Option<&str> {
        match &self.body {
            AnswerBody::Empty => None,
            AnswerBody::Message(xml) => Some(xml),
        }
    }
}

/// A fault in transport: `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// The centre's stable code.
    pub code: String,
    /// ISO reason, if there is one.
    pub iso_reason: Option<String>,
    /// What is wrong, for people.
    pub detail: String,
    /// Which field, if one.
    pub field: Option<String>,
    /// When to try again, in seconds.
    pub retry_after_s: Option<u64>,
}

/// Longest text kept of a problem, in characters.
const TEXT_MAX: usize = 512;

#[derive(Deserialize, Default)]
#[serde(default)]
struct ProblemJson {
    code: String,
    title: String,
    detail: Option<String>,
    iso_reason: Option<String>,
    field: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    /// Reads a problem body; whatever cannot be read leaves the status alone.
    pub(crate) fn read(status: u16, body: &[u8], retry_after: Option<u64>) -> Self {
        let json: ProblemJson = serde_json::from_slice(body).unwrap_or_default();
        let short = |text: String| text.chars().take(TEXT_MAX).collect::<String>();
        let code = if json.code.is_empty() { format!("HTTP-{status}") } else { short(json.code) };
        let detail = json.detail.filter(|detail| !detail.is_empty()).unwrap_or(json.title);
        Self {
            status,
            code,
            iso_reason: json.iso_reason.map(short),
            detail: short(detail),
            field: json.field.map(short),
            retry_after_s: retry_after.or(json.retry_after),
        }
    }

    /// Whether the same request may be taken later: the clock, the rate, the load, or the centre's own fault.
    pub fn retry_later(&self) -> bool {
        matches!(self.status, 401 | 408 | 425 | 429) || self.status >= 500
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_read_and_an_unreadable_one_keeps_its_status() {
        let body = br#"{"code":"GW-1011","title":"slow down","detail":"too many","retry_after":2,"field":null,"more":[1]}"#;
        let problem = Problem::read(429, body, None);
        assert_eq!((problem.code.as_str(), problem.detail.as_str(), problem.retry_after_s), ("GW-1011", "too many", Some(2)));
        assert!(problem.retry_later());
        let problem = Problem::read(400, b"<html>", Some(1));
        assert_eq!((problem.code.as_str(), problem.retry_after_s, problem.retry_later()), ("HTTP-400", Some(1), false));
        assert_eq!(Problem::read(500, &b"x".repeat(4000), None).detail.len(), 0);
    }
}
