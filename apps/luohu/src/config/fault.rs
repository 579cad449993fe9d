//! A fault of a configuration file, told so that it can be mended: line, column, key, what was expected, the default.

use super::EXAMPLE;
use std::fmt;
use std::ops::Range;
use toml::de::DeTable;

/// What is wrong, and where.
#[derive(Debug, PartialEq)]
pub struct Fault {
    /// Line and column from 1, and the line's text; absent when the file does not hold the setting at fault.
    place: Option<Place>,
    detail: String,
    /// The setting as the example has it.
    default: Option<String>,
}

#[derive(Debug, PartialEq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
}

impl Fault {
    /// What the parser or the types refused.
    pub fn of_error(text: &str, error: &toml::de::Error) -> Self {
        let span = error.span();
        let place = span.clone().map(|span| Place::at(text, span.start));
        let key = span.and_then(|span| key_at(text, span.start));
        let Some(key) = key else {
            return Self { place, detail: error.message().trim().to_owned(), default: None };
        };
        let detail = match error.message().split_once(", expected one of ") {
            Some((unknown, known)) if unknown.starts_with("unknown field") => {
                format!("{key} is no setting; here are {}", known.replace('`', ""))
            }
            Some(_) | None => format!("{key}: {}", in_plain_words(error.message())),
        };
        Self { place, detail, default: default_of(&key) }
    }

    /// A value that its type takes and the system does not.
    pub fn of_value(text: &str, key: &str, expected: String) -> Self {
        let place = span_of(text, key).map(|span| Place::at(text, span.start));
        Self { place, detail: format!("{key}: {expected}"), default: default_of(key) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => {
                writeln!(f, ", line {}, column {}: {}", place.line, place.column, self.detail)?;
                writeln!(f, "  | {}", place.text)?;
                write!(f, "  | {}^", " ".repeat(place.column - 1))?;
            }
            None => write!(f, ": {}", self.detail)?,
        }
        self.default.iter().try_for_each(|default| write!(f, "\n  default: {default}"))
    }
}

impl Place {
    fn at(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or_default();
        Self {
            line: before.matches('\n').count() + 1,
            column: before[start..].chars().count() + 1,
            text: line.replace('\t', " "),
        }
    }
}

/// Serde's words for types, in words of people who do not write Rust.
fn in_plain_words(message: &str) -> String {
    let said = message.trim().replace("invalid type: ", "").replace("invalid value: ", "");
    let Some((found, expected)) = said.rsplit_once(", expected ") else {
        return match said.as_str() {
            "invalid socket address syntax" => "expected an address and port such as \"127.0.0.1:8443\"".to_owned(),
            other => other.to_owned(),
        };
    };
    let expected = match expected {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number in range",
        "a boolean" => "true or false",
        "a string" | "path string" => "text in quotes",
        "socket address" => "an address and port such as \"127.0.0.1:8443\"",
        "a sequence" => "a list in brackets",
        other => other,
    };
    format!("expected {expected}, found {found}")
}

/// The setting whose key or value holds this byte.
fn key_at(text: &str, offset: usize) -> Option<String> {
    innermost(DeTable::parse(text).ok()?.get_ref(), offset)
}

/// Looks into every table, since the span of `[section]` does not cover what is in it.
fn innermost(table: &DeTable<'_>, offset: usize) -> Option<String> {
    table.iter().find_map(|(key, value)| {
        let inside = value.get_ref().as_table().and_then(|inner| innermost(inner, offset));
        match inside {
            Some(rest) => Some(format!("{}.{rest}", key.get_ref())),
            None => (key.span().contains(&offset) || value.span().contains(&offset)).then(|| key.get_ref().to_string()),
        }
    })
}

/// Where a setting's value stands.
fn span_of(text: &str, key: &str) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut parts = key.split('.');
    let mut value = document.get_ref().get(parts.next()?)?;
    for part in parts {
        value = value.get_ref().as_table()?.get(part)?;
    }
    Some(value.span())
}

fn default_of(key: &str) -> Option<String> {
    let value = EXAMPLE.get(span_of(EXAMPLE, key)?)?;
    let name = key.rsplit('.').next()?;
    // A section has no default of its own.
    (!value.contains('\n') && !value.starts_with('[') || value.starts_with("[\"") || value.starts_with("[["))
        .then(|| format!("{name} = {value}"))
}
