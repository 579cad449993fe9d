//! Names: what is left of one when case, punctuation, titles and script are taken away, and how near two are.
//!
//! # Not here
//! Lists (`list.rs`) and how one is searched quickly (`screen.rs`).
//!
//! # Units and limits
//! The first [`NAME_CHARS_MAX`] characters count, in at most [`TOKENS_MAX`] parts. Similarity in thousandths.

use crate::hanzi::{is_han, simplified};
use crate::similarity::jaro_winkler;

/// Longest name looked at, in characters (ISO `Max140Text`).
pub const NAME_CHARS_MAX: usize = 140;
/// Most parts of a name looked at.
pub const TOKENS_MAX: usize = 16;
/// Two words less alike than this are different words: *Ming* is no misspelt *Man*.
pub(crate) const WORD_SIMILARITY_MIN: u16 = 850;
/// Names from here on are close.
pub(crate) const CLOSE_MIN: u16 = 880;
/// Names of the very same letters, written together, are close from here on: finds letters swapped in short words.
const SAME_LETTERS_CLOSE_MIN: u16 = 900;

/// How near two names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NameMatch {
    /// Other names.
    No,
    /// Nearly the same: letters differ, or a part is missing.
    Close,
    /// The same but for case, punctuation, titles, order of parts, and traditional or simplified characters.
    Match,
}

/// A name as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Normalised {
    /// Parts in letters, sorted.
    pub(crate) words: Vec<Vec<char>>,
    /// The parts in letters written together.
    pub(crate) joined: Vec<char>,
    /// Their letters, sorted.
    pub(crate) letters: Vec<char>,
    /// All Han characters, simplified, in the order written.
    pub(crate) han: String,
}

impl Normalised {
    /// Nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty() && self.han.is_empty()
    }

    /// The parts as text: words sorted, then the Han name.
    pub fn tokens(&self) -> Vec<String> {
        let mut tokens: Vec<String> = self.words.iter().map(|word| word.iter().collect()).collect();
        if !self.han.is_empty() {
            tokens.push(self.han.clone());
        }
        tokens
    }

    /// A name long enough to be somebody's whole name: two words, or two Han characters.
    fn is_whole(&self) -> bool {
        self.words.len() >= 2 || self.han.chars().nth(1).is_some()
    }
}

/// Takes away what does not tell people apart.
pub fn normalise(name: &str) -> Normalised {
    let mut found = Normalised::default();
    let mut inside = false;
    for character in name.chars().take(NAME_CHARS_MAX).map(half_width) {
        if is_han(character) {
            found.han.push(simplified(character));
            inside = false;
        } else if character.is_alphanumeric() {
            if !inside && found.words.len() == TOKENS_MAX {
                break;
            }
            if !inside {
                found.words.push(Vec::new());
                inside = true;
            }
            let word = found.words.last_mut().expect("begun above");
            folded(character, word);
        } else if !is_joining(character) {
            inside = false;
        }
    }
    found.words.iter_mut().for_each(shorten_form);
    found.words.retain(|word| !is_title(word));
    found.words.sort();
    found.joined = found.words.concat();
    found.letters.clone_from(&found.joined);
    found.letters.sort_unstable();
    strip_title(&mut found.han);
    found
}

/// Compares two names.
pub fn compare(a: &str, b: &str) -> NameMatch {
    compare_normalised(&normalise(a), &normalise(b))
}

/// Compares two names already normalised.
pub fn compare_normalised(a: &Normalised, b: &Normalised) -> NameMatch {
    let in_han = !a.han.is_empty() && a.han == b.han;
    let same_words = !a.words.is_empty() && a.joined == b.joined;
    if (in_han && a.han.chars().count() >= 2) || (same_words && (a.is_whole() || b.is_whole())) {
        return NameMatch::Match;
    }
    let swapped = || a.letters == b.letters && jaro_winkler(&a.joined, &b.joined) >= SAME_LETTERS_CLOSE_MIN;
    if in_han || same_words || words_similarity(a, b) >= CLOSE_MIN || swapped() {
        return NameMatch::Close;
    }
    NameMatch::No
}

/// Mean similarity of the best partners, weighted by letters, over the name with fewer parts; two parts must be shared
/// unless both names have one.
fn words_similarity(a: &Normalised, b: &Normalised) -> u16 {
    let (few, many) = if a.words.len() <= b.words.len() { (&a.words, &b.words) } else { (&b.words, &a.words) };
    if few.len() < 2 && few.len() != many.len() {
        return 0;
    }
    let (mut used, mut sum, mut letters) = (0u32, 0u64, 0u64);
    for word in few {
        let partners = many.iter().enumerate().filter(|(at, _)| used & (1 << at) == 0);
        let best = partners.map(|(at, other)| (jaro_winkler(word, other), at)).max();
        letters += word.len() as u64;
        if let Some((score, at)) = best.filter(|(score, _)| *score >= WORD_SIMILARITY_MIN) {
            used |= 1 << at;
            sum += u64::from(score) * word.len() as u64;
        }
    }
    sum.checked_div(letters).unwrap_or(0) as u16
}

/// Full-width letters and digits as typed with Chinese keyboards.
fn half_width(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        '\u{3000}' => ' ',
        other => other,
    }
}

/// Marks inside a word: apostrophes and hyphens between syllables.
fn is_joining(character: char) -> bool {
    matches!(character, '\'' | '’' | '`' | '\u{300}'..='\u{36f}')
}

/// Lower case without accents.
fn folded(character: char, out: &mut Vec<char>) {
    for lower in character.to_lowercase() {
        match lower {
            'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => out.push('a'),
            'ç' | 'ć' | 'č' => out.push('c'),
            'è'..='ë' | 'ē' | 'ę' | 'ě' => out.push('e'),
            'ì'..='ï' | 'ī' | 'ı' | 'ǐ' => out.push('i'),
            'ñ' | 'ń' | 'ň' => out.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' | 'ǒ' => out.push('o'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ǔ' | 'ǖ' | 'ǘ' | 'ǚ' | 'ǜ' => out.push('u'),
            'ý' | 'ÿ' => out.push('y'),
            'š' | 'ś' => out.push('s'),
            'ž' | 'ź' | 'ż' => out.push('z'),
            'ł' => out.push('l'),
            'đ' => out.push('d'),
            'ß' => out.extend(['s', 's']),
            'æ' => out.extend(['a', 'e']),
            '\u{300}'..='\u{36f}' => {}
            other => out.push(other),
        }
    }
}

fn is(word: &[char], text: &str) -> bool {
    word.iter().copied().eq(text.chars())
}

fn is_title(word: &[char]) -> bool {
    ["mr", "mrs", "ms", "miss", "dr", "prof"].iter().any(|title| is(word, title))
}

/// Legal forms in their short spelling.
fn shorten_form(word: &mut Vec<char>) {
    let forms = [("limited", "ltd"), ("company", "co"), ("corporation", "corp"), ("incorporated", "inc")];
    if let Some((_, short)) = forms.iter().find(|(long, _)| is(word, long)) {
        *word = short.chars().collect();
    }
}

fn strip_title(han: &mut String) {
    for title in ["先生", "女士", "小姐", "太太"] {
        if let Some(name) = han.strip_suffix(title).filter(|name| !name.is_empty()) {
            han.truncate(name.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_people_would() {
        use NameMatch::{Close, Match, No};
        for (a, b, expected) in [
            ("CHAN Tai Man", "CHAN Tai Man", Match),
            ("chan  tai-man", "CHAN Tai Man", Match),
            ("Tai Man Chan", "CHAN Tai Man", Match),
            ("Chan, Taiman", "CHAN Tai Man", Close),
            ("Mr. CHAN Tai Man", "CHAN Tai Man", Match),
            ("ＣＨＡＮ　Tai Man", "CHAN Tai Man", Match),
            ("José Núñez", "Jose Nunez", Match),
            ("Strauß Jürgen", "STRAUSS Jurgen", Match),
            ("O'Neil Sean", "ONeil Sean", Match),
            ("陳大文", "陳大文", Match),
            ("陈大文", "陳大文", Match),
            ("陳 大 文 先生", "陳大文", Match),
            ("陳大文 CHAN Tai Man", "CHAN Tai Man", Match),
            ("Harbour Silk Trading Ltd", "Harbour Silk Trading Limited", Match),
            ("CHAN Tai Mna", "CHAN Tai Man", Close),
            ("CHAN Tai", "CHAN Tai Man", Close),
            ("Mohamed Alawi", "Mohammed Alawi", Close),
            ("Iwan Petrow", "Ivan Petrov", Close),
            ("Orlov", "Orlov", Close),
            ("CHAN", "CHAN Tai Man", No),
            ("WONG Siu Ming", "WONG Siu Man", No),
            ("WONG Siu Ming", "CHAN Tai Man", No),
            ("陳小文", "陳大文", No),
            ("陳大", "陳大文", No),
            ("李娜", "李明", No),
            ("", "CHAN Tai Man", No),
            ("!!!", "???", No),
        ] {
            assert_eq!(compare(a, b), expected, "{a:?} against {b:?}");
            assert_eq!(compare(b, a), expected, "{b:?} against {a:?}");
        }
    }

    #[test]
    fn long_and_odd_names_end() {
        for name in ["a ".repeat(10_000), "é".repeat(10_000), "陳".repeat(10_000), "\u{301}".repeat(500)] {
            let found = normalise(&name);
            assert!(found.words.len() <= TOKENS_MAX && found.han.chars().count() <= NAME_CHARS_MAX);
            compare(&name, &name);
        }
    }
}
