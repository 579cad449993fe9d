//! Rules about source files: what may not be in them, how long they are, how a crate introduces itself.

use super::Finding;
use super::text::code_only;
use crate::workspace::{self, Member};

/// Longest file that is not generated, in lines.
const LINES_MAX: usize = 700;

/// What code never contains, and why.
const FORBIDDEN: &[(&str, &str)] = &[
    ("todo!", "unfinished work is an issue, not a panic"),
    ("unimplemented!", "unfinished work is an issue, not a panic"),
    ("dbg!", "left over from debugging"),
    ("unsafe", "the whole system is safe Rust"),
    ("#[ignore", "a test that does not run protects nothing"),
    ("allow(clippy::disallowed", "purity is not switched off in place"),
    ("allow(warnings", "lints are answered, not silenced"),
];

/// What the core never contains outside tests: it has no way to reach the world.
const FORBIDDEN_IN_CORE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::io",
    "std::time",
    "tokio",
    "async fn",
    ".await",
    "println!",
    "eprintln!",
    "HashMap",
    "HashSet",
    "f32",
    "f64",
    "Instant",
    "SystemTime",
    "static mut",
    "thread_local!",
    "rand::",
];

/// Checks one file.
pub fn check(path: &str, source: &str) -> Vec<Finding> {
    let finding = |rule, line, detail| Finding { rule, path: path.to_owned(), line, detail };
    let mut found = Vec::new();
    let code = code_only(source);
    let core_lines = if is_core(path) { lines_before_tests(&code) } else { 0 };
    for (index, line) in code.lines().enumerate() {
        for (word, reason) in FORBIDDEN.iter().filter(|(word, _)| contains_word(line, word)) {
            found.push(finding("forbidden", index + 1, format!("`{word}`: {reason}")));
        }
        for word in FORBIDDEN_IN_CORE.iter().filter(|word| index < core_lines && contains_word(line, word)) {
            found.push(finding("purity", index + 1, format!("`{word}` in the core: the world enters as data")));
        }
    }
    let lines = source.lines().count();
    if lines > LINES_MAX && !is_generated(path, source) {
        found.push(finding("length", 0, format!("{lines} lines; more than {LINES_MAX} are two files")));
    }
    if has_private_key(source) {
        found.push(finding("secret", 0, "a private key".to_owned()));
    }
    found
}

/// A PEM header with at least a line of key behind it; code that reads and writes such headers has none.
fn has_private_key(source: &str) -> bool {
    let mut lines = source.lines();
    lines.any(|line| line.contains("-----BEGIN ") && line.contains("PRIVATE KEY-----"))
        && lines.next().is_some_and(|key| key.trim().len() >= 40 && !key.contains(' '))
}

fn is_core(path: &str) -> bool {
    path.starts_with("crates/core/") && path.contains("/src/")
}

fn is_generated(path: &str, source: &str) -> bool {
    path.contains("/generated/") || source.lines().take(3).any(|line| line.contains("@generated"))
}

/// Unit tests come last in a file; they may read golden files.
fn lines_before_tests(code: &str) -> usize {
    code.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX)
}

fn contains_word(line: &str, word: &str) -> bool {
    let joins = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts_as_word = word.starts_with(|c: char| c.is_alphanumeric());
        let ends_as_word = word.ends_with(|c: char| c.is_alphanumeric());
        let is_part = (starts_as_word && joins(before)) || (ends_as_word && joins(after));
        !is_part
    })
}

/// A crate's first line is its sentence: what it knows and what it does not know.
pub fn check_header(member: &Member) -> Vec<Finding> {
    let candidates = ["src/lib.rs", "src/main.rs"];
    let found = candidates.iter().find_map(|file| {
        let path = format!("{}/{file}", member.folder);
        workspace::read(&path).ok().map(|source| (path, source))
    });
    let finding = |path, detail| vec![Finding { rule: "header", path, line: 1, detail }];
    match found {
        None => finding(member.folder.clone(), "neither src/lib.rs nor src/main.rs".to_owned()),
        Some((_, source)) if is_sentence(&source) => Vec::new(),
        Some((path, _)) => finding(path, "the first line is a sentence: `//! X knows …; it does not know …`".to_owned()),
    }
}

fn is_sentence(source: &str) -> bool {
    let first = source.lines().next().unwrap_or_default();
    first.starts_with("//! ") && first.contains("know") && first.contains("not know")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(path: &str, source: &str) -> Vec<&'static str> {
        check(path, source).iter().map(|finding| finding.rule).collect()
    }

    #[test]
    fn forbidden_words_are_found_in_code_alone() {
        for bad in ["fn a() { todo!() }", "fn a() { dbg!(1); }", "unsafe { }", "#[ignore = \"slow\"]", "unimplemented!()"] {
            assert_eq!(rules("crates/shell/x/src/lib.rs", bad), ["forbidden"], "{bad}");
        }
        for good in ["// todo!()", "let text = \"unsafe\";", "#![forbid(unsafe_code)]", "let ignored = 1;"] {
            assert_eq!(rules("crates/shell/x/src/lib.rs", good), [""; 0], "{good}");
        }
    }

    #[test]
    fn the_core_reaches_no_world() {
        for bad in [
            "use std::fs;",
            "let x: f64 = 1.0;",
            "use std::collections::HashMap;",
            "async fn a() {}",
            "std::time::Instant::now()",
        ] {
            assert!(rules("crates/core/x/src/lib.rs", bad).contains(&"purity"), "{bad}");
            assert!(!rules("crates/shell/x/src/lib.rs", bad).contains(&"purity"), "{bad}");
        }
        assert_eq!(rules("crates/core/x/src/lib.rs", "#[cfg(test)]\nmod tests { use std::fs; }"), [""; 0]);
        assert_eq!(rules("crates/core/x/tests/golden.rs", "use std::fs;"), [""; 0]);
    }

    #[test]
    fn long_files_are_found_unless_generated() {
        let long = "fn a() {}\n".repeat(LINES_MAX + 1);
        assert_eq!(rules("crates/shell/x/src/lib.rs", &long), ["length"]);
        assert_eq!(rules("crates/shell/x/src/generated/lib.rs", &long), [""; 0]);
        assert_eq!(rules("crates/shell/x/src/lib.rs", &format!("// @generated\n{long}")), [""; 0]);
    }

    #[test]
    fn private_keys_are_found() {
        let header = concat!("-----BEGIN ", "PRIVATE KEY-----");
        assert_eq!(rules("crates/shell/x/src/lib.rs", &format!("{header}\n{}\n", "A".repeat(64))), ["secret"]);
        assert_eq!(rules("crates/shell/x/src/lib.rs", &format!("const HEADER: &str = \"{header}\";\nfn next() {{}}\n")), [""; 0]);
    }

    #[test]
    fn a_crate_says_what_it_knows_not() {
        assert!(is_sentence("//! Ledger knows accounts; it does not know time.\n"));
        assert!(!is_sentence("//! Ledger: accounts.\n"));
        assert!(!is_sentence("mod a;\n"));
    }
}
