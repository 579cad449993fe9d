//! Searching a watch-list quickly: by whole names, and by the words they are made of.
//!
//! Every distinct word of the list is kept once. A name looked for is first compared word by word with those, which gives
//! each entry an upper bound of its similarity; only entries whose bound is high enough are compared in full. What is lost is
//! a likeness between words that differ in both their first and their last letter.

use crate::list::WatchList;
use crate::names::{CLOSE_MIN, NameMatch, Normalised, WORD_SIMILARITY_MIN, compare_normalised};
use crate::similarity::jaro_winkler;
use std::collections::HashMap;

/// Spellings compared in full at most in one search: bounds the time a crafted name can take.
const COMPARED_MAX: usize = 64;

#[derive(Debug)]
struct Spelling {
    entry: u32,
    name: Normalised,
}

/// A distinct word of the list.
#[derive(Debug)]
struct Word {
    letters: Vec<char>,
    /// Spellings it is in, once for each time.
    places: Vec<u32>,
}

/// What is read of every word in a bucket, side by side.
#[derive(Debug, Clone, Copy)]
struct Shape {
    mask: u64,
    number: u32,
    letters: u16,
    first: char,
}

/// A list with its index.
#[derive(Debug)]
pub(crate) struct Screen {
    version: String,
    ids: Vec<String>,
    spellings: Vec<Spelling>,
    /// Number of words and of letters of each spelling, apart because every search reads many.
    sizes: Vec<(u16, u16)>,
    words: Vec<Word>,
    by_han: HashMap<String, Vec<u32>>,
    by_letters: HashMap<Vec<char>, Vec<u32>>,
    by_first: HashMap<char, Vec<Shape>>,
    by_last: HashMap<char, Vec<Shape>>,
}

/// Room for bounds, used again from search to search.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    bounds: Vec<Bound>,
    touched: Vec<u32>,
}

/// Sums of similarity times letters: by the letters of the name looked for, and by those of the spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Bound {
    asked: u32,
    listed: u32,
}

/// The nearest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) nearness: NameMatch,
    pub(crate) entry: u32,
}

impl Screen {
    pub(crate) fn new(list: WatchList) -> Self {
        let mut screen = Self {
            version: list.version,
            ids: Vec::with_capacity(list.entries.len()),
            spellings: Vec::new(),
            sizes: Vec::new(),
            words: Vec::new(),
            by_han: HashMap::new(),
            by_letters: HashMap::new(),
            by_first: HashMap::new(),
            by_last: HashMap::new(),
        };
        let mut known = HashMap::new();
        for (entry, listed) in list.entries.into_iter().enumerate() {
            screen.ids.push(listed.id);
            for name in listed.names {
                screen.add(entry as u32, name, &mut known);
            }
        }
        screen
    }

    fn add(&mut self, entry: u32, name: Normalised, known: &mut HashMap<Vec<char>, usize>) {
        let at = self.spellings.len() as u32;
        if !name.han.is_empty() {
            self.by_han.entry(name.han.clone()).or_default().push(at);
        }
        if !name.letters.is_empty() {
            self.by_letters.entry(name.letters.clone()).or_default().push(at);
        }
        for word in &name.words {
            let number = *known.entry(word.clone()).or_insert_with(|| self.add_word(word));
            self.words[number].places.push(at);
        }
        self.sizes.push((name.words.len() as u16, name.joined.len() as u16));
        self.spellings.push(Spelling { entry, name });
    }

    fn add_word(&mut self, letters: &[char]) -> usize {
        let number = self.words.len();
        if let (Some(first), Some(last)) = (letters.first(), letters.last()) {
            let shape = Shape { mask: mask(letters), number: number as u32, letters: letters.len() as u16, first: *first };
            self.by_first.entry(*first).or_default().push(shape);
            self.by_last.entry(*last).or_default().push(shape);
        }
        self.words.push(Word { letters: letters.to_vec(), places: Vec::new() });
        number
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The list's own identifier of an entry.
    pub(crate) fn id(&self, entry: u32) -> &str {
        &self.ids[entry as usize]
    }

    /// The nearest entry, the earliest of equals; `None` if none is near.
    pub(crate) fn find(&self, name: &Normalised, scratch: &mut Scratch) -> Option<Hit> {
        let whole = self.by_han.get(&name.han).into_iter().chain(self.by_letters.get(&name.letters)).flatten();
        let best = self.best(name, whole.copied(), None);
        // No bound says more than a match.
        let best = match best {
            Some((NameMatch::Match, _)) => best,
            Some(_) | None => self.best(name, self.candidates(name, scratch).iter().copied(), best),
        };
        best.map(|(nearness, entry)| Hit { nearness, entry })
    }

    fn best(
        &self,
        name: &Normalised,
        places: impl Iterator<Item = u32>,
        known: Option<(NameMatch, u32)>,
    ) -> Option<(NameMatch, u32)> {
        places.take(COMPARED_MAX).fold(known, |best, at| {
            let Spelling { entry, name: listed } = &self.spellings[at as usize];
            let nearness = compare_normalised(name, listed);
            let better = best.is_none_or(|(known, earlier)| nearness > known || (nearness == known && *entry < earlier));
            if nearness > NameMatch::No && better { Some((nearness, *entry)) } else { best }
        })
    }

    /// Spellings whose bound reaches [`CLOSE_MIN`], the highest first.
    fn candidates<'a>(&self, name: &Normalised, scratch: &'a mut Scratch) -> &'a [u32] {
        let Scratch { bounds, touched } = scratch;
        bounds.resize(self.spellings.len(), Bound::default());
        touched.clear();
        for word in &name.words {
            self.for_similar(word, |similarity, listed| {
                let (asked, listed_part) = (similarity * word.len() as u32, similarity * listed.letters.len() as u32);
                for &at in &listed.places {
                    let bound = &mut bounds[at as usize];
                    if *bound == Bound::default() {
                        touched.push(at);
                    }
                    bound.asked += asked;
                    bound.listed += listed_part;
                }
            });
        }
        let (words, letters) = (name.words.len() as u16, name.joined.len() as u32);
        touched.retain(|&at| {
            let (listed_words, listed_letters) = self.sizes[at as usize];
            let bound = bounds[at as usize];
            let enough = match words <= listed_words {
                true => bound.asked >= u32::from(CLOSE_MIN) * letters,
                false => bound.listed >= u32::from(CLOSE_MIN) * u32::from(listed_letters),
            };
            let kept = enough && (words.min(listed_words) >= 2 || words == listed_words);
            if !kept {
                bounds[at as usize] = Bound::default();
            }
            kept
        });
        touched.sort_unstable_by_key(|&at| (core::cmp::Reverse(bounds[at as usize].asked), at));
        touched.iter().for_each(|&at| bounds[at as usize] = Bound::default());
        touched
    }

    /// Tells every word of the list that is similar, with its similarity.
    fn for_similar(&self, word: &[char], mut tell: impl FnMut(u32, &Word)) {
        let (Some(first), Some(last)) = (word.first(), word.last()) else { return };
        let own = mask(word);
        let mut look = |shape: &Shape| {
            if can_be_similar(word.len(), own, shape, shape.first == *first) {
                let listed = &self.words[shape.number as usize];
                let similarity = jaro_winkler(word, &listed.letters);
                if similarity >= WORD_SIMILARITY_MIN {
                    tell(u32::from(similarity), listed);
                }
            }
        };
        self.by_first.get(first).into_iter().flatten().for_each(&mut look);
        self.by_last.get(last).into_iter().flatten().filter(|shape| shape.first != *first).for_each(&mut look);
    }
}

/// Which letters a word has, one bit for the first and one for any further; rare ones share bits.
fn mask(word: &[char]) -> u64 {
    word.iter().fold(0, |mask, &letter| {
        let bit = match letter {
            'a'..='z' => letter as u32 - 'a' as u32,
            other => 26 + other as u32 % 6,
        };
        if mask & (1 << bit) == 0 { mask | 1 << bit } else { mask | 1 << (bit + 32) }
    })
}

/// Whether Jaro–Winkler can reach [`WORD_SIMILARITY_MIN`]: letters that the other word lacks have no partner. Without any
/// prefix in common Jaro itself must reach it, with the longest prefix three quarters do; rounding is allowed for.
fn can_be_similar(len: usize, own: u64, other: &Shape, same_first: bool) -> bool {
    let other_len = usize::from(other.letters);
    let partners = |len: usize, missing: u64| len.saturating_sub(missing.count_ones() as usize);
    let most = partners(len, own & !other.mask).min(partners(other_len, other.mask & !own));
    let least = if same_first { 12_470 } else { 15_480 };
    most * (len + other_len) * 10_000 >= least * len * other_len
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::normalise;

    fn found<'a>(screen: &'a Screen, name: &str) -> Option<(NameMatch, &'a str)> {
        screen.find(&normalise(name), &mut Scratch::default()).map(|hit| (hit.nearness, screen.id(hit.entry)))
    }

    #[test]
    fn slips_people_make_are_found() {
        use NameMatch::{Close, Match};
        let screen = Screen::new(WatchList::sample());
        for (name, expected) in [
            ("Viktor Grausam", Some((Match, "SMP-0001"))),
            ("GRAUSAM, VIKTOR", Some((Match, "SMP-0001"))),
            ("Mr Viktor Grausam", Some((Match, "SMP-0001"))),
            ("Victor Grausam", Some((Close, "SMP-0001"))),
            ("Viktor Grausem", Some((Close, "SMP-0001"))),
            ("Viktor Grasuam", Some((Close, "SMP-0001"))),
            ("Viktor Johann Grausam", Some((Close, "SMP-0001"))),
            ("Wiktor Grausam", Some((Close, "SMP-0001"))),
            ("朱無憂", Some((Match, "SMP-0002"))),
            ("朱无忧", Some((Match, "SMP-0002"))),
            ("朱无忧先生", Some((Match, "SMP-0002"))),
            ("Black Kite Shipping Ltd.", Some((Match, "SMP-0003"))),
            ("Black Kite Shipping", Some((Close, "SMP-0003"))),
            ("Ophelia Nightingale Crane", Some((Match, "SMP-0004"))),
            ("Dmitriy Samovarov", Some((Close, "SMP-0007"))),
            ("朱無", None),
            ("CHAN Tai Man", None),
            ("LI Na", None),
            ("Viktor Orange", None),
            ("Harbour Silk Trading Limited", None),
            ("", None),
        ] {
            assert_eq!(found(&screen, name), expected, "{name}");
        }
    }

    /// The prefilter loses nothing that comparing with everything would find.
    #[test]
    fn one_slip_in_a_name_is_never_lost() {
        let screen = Screen::new(WatchList::sample());
        let mut tried = 0;
        for entry in WatchList::sample().entries {
            for name in entry.names.iter().filter(|name| !name.words.is_empty()) {
                for slip in slips(&name.words) {
                    let slip = normalise(&slip);
                    let whole = screen.spellings.iter().map(|spelling| compare_normalised(&slip, &spelling.name)).max().unwrap();
                    let indexed = screen.find(&slip, &mut Scratch::default()).map_or(NameMatch::No, |hit| hit.nearness);
                    assert_eq!(indexed, whole, "{:?}", slip.tokens());
                    tried += 1;
                }
            }
        }
        assert!(tried > 1000, "only {tried} slips tried");
    }

    fn slips(words: &[Vec<char>]) -> Vec<String> {
        let mut slips = Vec::new();
        for (at, word) in words.iter().enumerate() {
            for place in 0..word.len() {
                let mut changed = [word.clone(), word.clone(), word.clone()];
                changed[0].remove(place);
                changed[1][place] = 'x';
                changed[2].swap(place, (place + 1).min(word.len() - 1));
                for word in changed {
                    let mut name = words.to_vec();
                    name[at] = word;
                    slips.push(name.iter().map(|word| word.iter().collect::<String>()).collect::<Vec<_>>().join(" "));
                }
            }
        }
        slips
    }
}
