//! Names: whether the name a payer gave is the account holder's.
//!
//! # Not here
//! Screening against lists, matching by sound or spelling, and how a name is shown without giving it away: that is `risk`'s.
//!
//! # Start reading at
//! [`compare`].

use crate::hanzi::simplified;
pub use risk::mask::{MaskRule, masked};
use std::collections::BTreeSet;

/// Longest name looked at, in characters (ISO `Max140Text`).
pub const NAME_CHARS_MAX: usize = 140;

/// How near a given name is to the holder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// Another name.
    No,
    /// Nearly: a part is missing or one letter differs.
    Close,
    /// The same but for case, blanks, punctuation, order of parts, and traditional or simplified characters.
    Same,
}

/// Compares a given name with one form of the holder's name.
pub fn compare(given: &str, holder: &str) -> Nearness {
    let (given, holder) = (parts(given), parts(holder));
    if given.is_empty() || holder.is_empty() {
        return Nearness::No;
    }
    let (given_joined, holder_joined) = (given.concat(), holder.concat());
    if given == holder || given_joined == holder_joined || sorted(&given) == sorted(&holder) {
        return Nearness::Same;
    }
    let near = |a: &str, b: &str| {
        let shorter = a.chars().count().min(b.chars().count());
        let allowed = if shorter >= 8 { 2 } else { usize::from(shorter >= 5) };
        edit_distance(a, b) <= allowed
    };
    let sorted_given = sorted(&given).concat();
    let sorted_holder = sorted(&holder).concat();
    if near(&given_joined, &holder_joined) || near(&sorted_given, &sorted_holder) || shares_most(&given, &holder) {
        return Nearness::Close;
    }
    Nearness::No
}

/// The best over several forms of the holder's name.
pub fn compare_any<'a>(given: &str, holder_forms: impl IntoIterator<Item = &'a str>) -> Nearness {
    holder_forms.into_iter().map(|form| compare(given, form)).max().unwrap_or(Nearness::No)
}

/// Lower-case parts without punctuation; Han characters in their simplified form.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut inside = false;
    for character in name.chars().take(NAME_CHARS_MAX) {
        let character = half_width(character);
        if character.is_alphanumeric() {
            if !inside {
                parts.push(String::new());
                inside = true;
            }
            let part = parts.last_mut().expect("pushed when a part begins");
            part.extend(simplified(character).to_lowercase());
        } else if character != '\'' && character != '’' {
            inside = false;
        }
    }
    parts.retain(|part| !matches!(part.as_str(), "mr" | "mrs" | "ms" | "miss" | "dr" | "先生" | "女士" | "小姐"));
    parts
}

/// Full-width Latin letters and digits as typed with Chinese keyboards.
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{3000}' => ' ',
        other => other,
    }
}

fn sorted(parts: &[String]) -> Vec<String> {
    let mut sorted = parts.to_vec();
    sorted.sort();
    sorted
}

/// Whether one name is the other with parts left out, two or more being shared.
fn shares_most(given: &[String], holder: &[String]) -> bool {
    let (given, holder): (BTreeSet<_>, BTreeSet<_>) = (given.iter().collect(), holder.iter().collect());
    let shared = given.intersection(&holder).count();
    shared >= 2 && shared == given.len().min(holder.len())
}

/// Insertions, deletions, substitutions and swaps of neighbours between two short words.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_people_would() {
        use Nearness::{Close, No, Same};
        for (given, holder, expected) in [
            ("CHAN Tai Man", "CHAN Tai Man", Same),
            ("chan  tai-man", "CHAN Tai Man", Same),
            ("Tai Man Chan", "CHAN Tai Man", Same),
            ("Chan, Taiman", "CHAN Tai Man", Same),
            ("Mr. CHAN Tai Man", "CHAN Tai Man", Same),
            ("ＣＨＡＮ　Tai Man", "CHAN Tai Man", Same),
            ("陳大文", "陳大文", Same),
            ("陈大文", "陳大文", Same),
            ("陳 大文", "陳大文", Same),
            ("O'Neil Sean", "ONeil Sean", Same),
            ("CHAN Tai Mna", "CHAN Tai Man", Close),
            ("CHAN Tai", "CHAN Tai Man", Close),
            ("Chan Tai Man Peter", "CHAN Tai Man", Close),
            ("Harbour Silk Trading Ltd", "Harbour Silk Trading Limited", No),
            ("Harbour Silk Trading", "Harbour Silk Trading Limited", Close),
            ("CHAN", "CHAN Tai Man", No),
            ("WONG Siu Ming", "CHAN Tai Man", No),
            ("陳小文", "陳大文", No),
            ("李娜", "李明", No),
            ("", "CHAN Tai Man", No),
            ("!!!", "CHAN Tai Man", No),
        ] {
            assert_eq!(compare(given, holder), expected, "{given:?} against {holder:?}");
        }
    }

    #[test]
    fn any_form_of_the_name_will_do() {
        assert_eq!(compare_any("陈大文", ["CHAN Tai Man", "陳大文"]), Nearness::Same);
        assert_eq!(compare_any("x", []), Nearness::No);
    }
}
