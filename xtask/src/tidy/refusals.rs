//! Every refusal code has a test that names it. The list of those without one only shrinks.

use super::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Codes that no test names yet, and why. A code that gets its test leaves the list, or tidy fails.
const WITHOUT_TEST: &[(&str, &str)] =
    &[("CLR-1013", "needs amounts near 2^64"), ("ORD-1004", "needs a journal that stops between two instants")];

/// Families judged. Rejections (`PAY-2…`) are named by their ISO reason in the tables, and what a client library says to
/// its own program is judged by its own tests.
const FAMILIES: &[&str] = &["CLR", "GW", "ORD", "SIG"];

/// Judges files given as path and text: codes stand in string literals of code, tests are `tests` folders and what
/// follows `#[cfg(test)]`.
pub fn check<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Finding> {
    judge(files, WITHOUT_TEST)
}

fn judge<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>, without_test: &[(&str, &str)]) -> Vec<Finding> {
    let mut defined: BTreeMap<String, String> = BTreeMap::new();
    let mut tested = BTreeSet::new();
    for (path, text) in files {
        let in_tests = path.contains("/tests/");
        let (code, tests) = if in_tests { ("", text) } else { text.split_once("#[cfg(test)]").unwrap_or((text, "")) };
        for found in codes(code, true).into_iter().filter(|code| FAMILIES.iter().any(|family| code.starts_with(family))) {
            defined.entry(found).or_insert_with(|| path.to_owned());
        }
        tested.extend(codes(tests, false));
    }
    let finding = |path: &str, detail| Finding { rule: "refusals", path: path.to_owned(), line: 0, detail };
    let excused = |code: &str| without_test.iter().any(|(listed, _)| *listed == code);
    let mut found = Vec::new();
    for (code, path) in &defined {
        if !tested.contains(code) && !excused(code) {
            found.push(finding(path, format!("no test names `{code}`")));
        }
    }
    for (code, _) in without_test.iter().filter(|(code, _)| tested.contains(*code) || !defined.contains_key(*code)) {
        found.push(finding("xtask/src/tidy/refusals.rs", format!("`{code}` has a test or is gone: take it off the list")));
    }
    found
}

/// Codes such as `CLR-1001`: capitals, a hyphen, four digits; with quotes around them where only literals count.
fn codes(text: &str, quoted: bool) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices('-') {
        let capitals = text[..at].bytes().rev().take_while(u8::is_ascii_uppercase).count();
        let digits = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
        let before = text[..at - capitals].bytes().next_back();
        let after = text[at + 1 + digits..].bytes().next();
        let alone =
            before.is_none_or(|byte| !byte.is_ascii_alphanumeric()) && after.is_none_or(|byte| !byte.is_ascii_alphanumeric());
        let fits = (2..=4).contains(&capitals) && digits == 4 && alone;
        if fits && (!quoted || (before, after) == (Some(b'"'), Some(b'"'))) {
            found.insert(text[at - capitals..at + 1 + digits].to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(files: &[(&str, &str)], without: &[(&str, &str)]) -> usize {
        judge(files.iter().copied(), without).len()
    }

    #[test]
    fn a_code_needs_a_test() {
        let code = ("crates/shell/x/src/a.rs", "fn code() { \"GW-9001\" }");
        assert_eq!(count(&[code], &[]), 1);
        assert_eq!(count(&[code, ("crates/shell/x/tests/a.txt", "=> GW-9001")], &[]), 0);
        assert_eq!(count(&[("crates/shell/x/src/a.rs", "\"GW-9001\"\n#[cfg(test)]\nmod tests { \"GW-9001\" }")], &[]), 0);
        assert_eq!(count(&[code], &[("GW-9001", "hard")]), 0);
    }

    #[test]
    fn the_list_only_shrinks() {
        let code = ("crates/shell/x/src/a.rs", "\"GW-9001\"");
        let test = ("crates/shell/x/tests/a.rs", "GW-9001");
        assert_eq!(count(&[code, test], &[("GW-9001", "hard")]), 1);
        assert_eq!(count(&[], &[("GW-9001", "gone")]), 1);
    }

    #[test]
    fn only_codes_are_codes() {
        assert_eq!(codes("GW-9001 x-1001 XX-100 GW-90012 RFC-9421x \"AB-0001\"", false).len(), 2);
        assert_eq!(codes("GW-9001 \"AB-0001\"", true).len(), 1);
    }
}
