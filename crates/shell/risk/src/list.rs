//! The watch-list: versioned names from a text file.
//!
//! ```text
//! # comment
//! version: 2026-11-01
//! LST-0001 | Viktor Grausam | 格勞沙姆 | V. Grausam
//! ```
//! One entry a line: an identifier, a name, and other spellings of it, between bars.

use crate::names::{NAME_CHARS_MAX, Normalised, normalise};
use std::collections::HashSet;

/// The list built in: invented names, so that a fresh system has something to find.
pub const SAMPLE_LIST: &str = include_str!("../lists/sample.txt");

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The list's own identifier of it; what findings name.
    pub id: String,
    /// Every spelling, normalised.
    pub(crate) names: Vec<Normalised>,
}

/// A list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WatchList {
    /// Its version, as the file says.
    pub version: String,
    /// Its entries, in order of the file.
    pub entries: Vec<Listed>,
}

impl WatchList {
    /// Most entries.
    pub const ENTRIES_MAX: usize = 100_000;
    /// Most spellings of one entry.
    pub const SPELLINGS_MAX: usize = 32;

    /// The built-in list.
    pub fn sample() -> Self {
        Self::parse(SAMPLE_LIST).expect("the built-in list is tested")
    }

    /// Reads a list.
    ///
    /// # Errors
    /// The first line that is not as it must be. A list is taken whole or not at all: an entry left out silently would be a
    /// name not screened.
    pub fn parse(text: &str) -> Result<Self, WatchListError> {
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
        let mut lines = lines.map(|(at, line)| (at + 1, line)).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let version = lines.next().and_then(|(_, line)| line.strip_prefix("version:")).map(str::trim).unwrap_or_default();
        if version.is_empty() {
            return Err(WatchListError::NoVersion);
        }
        let (mut entries, mut known) = (Vec::new(), HashSet::new());
        for (line, text) in lines {
            if entries.len() == Self::ENTRIES_MAX {
                return Err(WatchListError::TooLong { line });
            }
            let entry = read_entry(line, text)?;
            if !known.insert(entry.id.clone()) {
                return Err(WatchListError::Duplicate { line });
            }
            entries.push(entry);
        }
        Ok(Self { version: version.to_owned(), entries })
    }
}

fn read_entry(line: usize, text: &str) -> Result<Listed, WatchListError> {
    let mut parts = text.split('|').map(str::trim);
    let id = parts.next().unwrap_or_default();
    let spellings: Vec<&str> = parts.collect();
    if id.is_empty() || spellings.is_empty() || spellings.len() > WatchList::SPELLINGS_MAX {
        return Err(WatchListError::NotAnEntry { line });
    }
    let mut names = Vec::with_capacity(spellings.len());
    for spelling in spellings {
        let name = normalise(spelling);
        if name.is_empty() || spelling.chars().count() > NAME_CHARS_MAX {
            return Err(WatchListError::NotAName { line });
        }
        names.push(name);
    }
    Ok(Listed { id: id.to_owned(), names })
}

/// Why a list is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchListError {
    /// It does not begin with its version.
    #[error("the list begins with a line `version: …`")]
    NoVersion,
    /// A line is not an identifier and at least one name.
    #[error("line {line}: an entry is `id | name | other spelling …`")]
    NotAnEntry {
        /// Which, from 1.
        line: usize,
    },
    /// A name has no letters or is too long.
    #[error("line {line}: a name has letters and at most {max} characters", max = NAME_CHARS_MAX)]
    NotAName {
        /// Which, from 1.
        line: usize,
    },
    /// An identifier stands twice.
    #[error("line {line}: this identifier was used before")]
    Duplicate {
        /// Which, from 1.
        line: usize,
    },
    /// More entries than allowed.
    #[error("line {line}: the list has more than {max} entries", max = WatchList::ENTRIES_MAX)]
    TooLong {
        /// Which, from 1.
        line: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_whole_or_refused() {
        use WatchListError::{Duplicate, NoVersion, NotAName, NotAnEntry};
        let long = format!("version: 1\nA | {}", "x".repeat(141));
        for (text, error) in [
            ("", NoVersion),
            ("A | Name", NoVersion),
            ("version:\nA | Name", NoVersion),
            ("version: 1\n\n# c\nA", NotAnEntry { line: 4 }),
            ("version: 1\n | Name", NotAnEntry { line: 2 }),
            ("version: 1\nA | ", NotAName { line: 2 }),
            ("version: 1\nA | Name | !!", NotAName { line: 2 }),
            (long.as_str(), NotAName { line: 2 }),
            ("version: 1\nA | One\nA | Two", Duplicate { line: 3 }),
        ] {
            assert_eq!(WatchList::parse(text), Err(error), "{text:?}");
        }
        let many: String = (0..=WatchList::ENTRIES_MAX).map(|n| format!("{n} | Some Name\n")).collect();
        assert_eq!(WatchList::parse(&format!("version: 1\n{many}")), Err(WatchListError::TooLong { line: 100_002 }));
    }

    #[test]
    fn the_sample_reads() {
        let sample = WatchList::sample();
        assert!(sample.entries.len() >= 10 && sample.version.starts_with("sample-"));
        assert_eq!(WatchList::parse("\u{feff}version: x\r\nA | Name One\r\n").unwrap().entries.len(), 1);
    }
}
