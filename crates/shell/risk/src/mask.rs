//! How a name is shown to somebody who does not know it yet: enough to recognise the right payee, too little to learn a
//! stranger's name.
//!
//! # Start reading at
//! [`masked`].

use crate::hanzi::is_han;

/// Which part of a name stays readable. What is usual differs by the country of the payee's bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskRule {
    /// The family name and initials: `CHAN T** M**`, `陳*文`. Usual in Hong Kong.
    FamilyShown,
    /// The given name without the family name: `** Na`, `*娜`, `**文`. Usual on the mainland.
    FamilyHidden,
    /// All of it: companies, which are in a public register.
    Whole,
}

/// A name as strangers may see it.
///
/// Stars never tell the length of what they hide: at most four stand for Han characters and two for Latin letters.
pub fn masked(name: &str, rule: MaskRule) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let word = |(at, word): (usize, &&str)| match rule {
        MaskRule::FamilyShown => family_shown(word, at == 0 && words.len() > 1),
        MaskRule::FamilyHidden => family_hidden(word, at == 0),
        MaskRule::Whole => (*word).to_owned(),
    };
    words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// The first part in Latin letters (the family name, in capitals) stays; of every other part its first letter. Of a Han name the
/// first and, from three characters on, the last character stay.
fn family_shown(word: &str, family_name: bool) -> String {
    let letters: Vec<char> = word.chars().collect();
    let han = letters.first().copied().is_some_and(is_han);
    if family_name && !han {
        return word.to_owned();
    }
    let last_shown = han && letters.len() > 2;
    let hidden = letters.len().saturating_sub(1 + usize::from(last_shown));
    let stars = hidden.min(if han { 4 } else { 2 }).max(usize::from(letters.len() == 1));
    let mut text: String = letters.first().map(char::to_string).unwrap_or_default();
    text.extend(std::iter::repeat_n('*', stars));
    text.extend(letters.last().filter(|_| last_shown));
    text
}

/// Of a Han name the last character stays; of a name in Latin letters everything but its first part.
fn family_hidden(word: &str, first: bool) -> String {
    let letters: Vec<char> = word.chars().collect();
    match (letters.first(), letters.last()) {
        (Some(head), Some(last)) if is_han(*head) => {
            let mut text = "*".repeat((letters.len() - 1).clamp(1, 4));
            text.extend((letters.len() > 1).then_some(last));
            text
        }
        _ if first => "**".to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_hides_what_it_says() {
        for (name, shown, hidden) in [
            ("CHAN Tai Man", "CHAN T** M**", "** Tai Man"),
            ("陳大文", "陳*文", "**文"),
            ("李娜", "李*", "*娜"),
            ("LI Na", "LI N*", "** Na"),
            ("歐陽大文", "歐**文", "***文"),
            ("李", "李*", "*"),
            ("Cher", "C**", "**"),
            ("A", "A*", "**"),
            ("Harbour Silk Trading Limited", "Harbour S** T** L**", "** Silk Trading Limited"),
            ("", "", ""),
        ] {
            assert_eq!(masked(name, MaskRule::FamilyShown), shown, "{name:?}");
            assert_eq!(masked(name, MaskRule::FamilyHidden), hidden, "{name:?}");
            assert_eq!(masked(name, MaskRule::Whole), name);
        }
    }

    #[test]
    fn stars_do_not_tell_how_much_they_hide() {
        let long = "歐".to_owned() + &"陽".repeat(40);
        assert_eq!(masked(&long, MaskRule::FamilyShown).chars().count(), 6);
        assert_eq!(masked(&long, MaskRule::FamilyHidden).chars().count(), 5);
        assert_eq!(masked("WONG Bartholomew", MaskRule::FamilyShown), "WONG B**");
    }
}
