//! Searching a watch-list quickly: Han names by hash, names in letters by the trigrams they share.
//!
//! A spelling is compared only if it shares two fifths of the trigrams of the shorter of the two names. That is fewer than any
//! pair that [`compare_normalised`] calls close shares in practice; the table test says so for the kinds of slips people make.

use crate::list::WatchList;
use crate::names::{NameMatch, Normalised, compare_normalised};
use std::collections::HashMap;

/// Spellings compared at most in one search: bounds the time a crafted name can take.
const COMPARED_MAX: usize = 64;

#[derive(Debug)]
struct Spelling {
    entry: u32,
    trigrams: u16,
    name: Normalised,
}

/// A list with its index.
#[derive(Debug)]
pub(crate) struct Screen {
    version: String,
    ids: Vec<String>,
    spellings: Vec<Spelling>,
    by_han: HashMap<String, Vec<u32>>,
    by_trigram: HashMap<u64, Vec<u32>>,
}

/// Room for counting, used again from search to search.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    counts: Vec<u16>,
    touched: Vec<u32>,
    trigrams: Vec<u64>,
}

/// The nearest entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit<'a> {
    pub(crate) nearness: NameMatch,
    pub(crate) id: &'a str,
}

impl Screen {
    pub(crate) fn new(list: WatchList) -> Self {
        let mut screen = Self {
            version: list.version,
            ids: Vec::with_capacity(list.entries.len()),
            spellings: Vec::new(),
            by_han: HashMap::new(),
            by_trigram: HashMap::new(),
        };
        let mut trigrams = Vec::new();
        for (entry, listed) in list.entries.into_iter().enumerate() {
            screen.ids.push(listed.id);
            for name in listed.names {
                screen.add(entry as u32, name, &mut trigrams);
            }
        }
        screen
    }

    fn add(&mut self, entry: u32, name: Normalised, trigrams: &mut Vec<u64>) {
        let at = self.spellings.len() as u32;
        if !name.han.is_empty() {
            self.by_han.entry(name.han.clone()).or_default().push(at);
        }
        trigrams_of(&name, trigrams);
        for &trigram in trigrams.iter() {
            self.by_trigram.entry(trigram).or_default().push(at);
        }
        self.spellings.push(Spelling { entry, trigrams: trigrams.len() as u16, name });
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The nearest entry, the earliest of equals; `None` if none is near.
    pub(crate) fn find(&self, name: &Normalised, scratch: &mut Scratch) -> Option<Hit<'_>> {
        let mut best: Option<(NameMatch, u32)> = None;
        let mut look = |spelling: &Spelling| {
            let nearness = compare_normalised(name, &spelling.name);
            let better = best.is_none_or(|(known, entry)| nearness > known || (nearness == known && spelling.entry < entry));
            if nearness > NameMatch::No && better {
                best = Some((nearness, spelling.entry));
            }
        };
        for &at in self.by_han.get(&name.han).into_iter().flatten() {
            look(&self.spellings[at as usize]);
        }
        self.candidates(name, scratch).iter().for_each(|&at| look(&self.spellings[at as usize]));
        best.map(|(nearness, entry)| Hit { nearness, id: &self.ids[entry as usize] })
    }

    /// Spellings that share enough, those that share most first.
    fn candidates<'a>(&self, name: &Normalised, scratch: &'a mut Scratch) -> &'a [u32] {
        let Scratch { counts, touched, trigrams } = scratch;
        counts.resize(self.spellings.len(), 0);
        touched.clear();
        trigrams_of(name, trigrams);
        for &at in trigrams.iter().filter_map(|trigram| self.by_trigram.get(trigram)).flatten() {
            if counts[at as usize] == 0 {
                touched.push(at);
            }
            counts[at as usize] += 1;
        }
        let asked = trigrams.len() as u16;
        let shared = |at: u32| counts[at as usize];
        let enough = |at: &u32| 5 * shared(*at) >= 2 * asked.min(self.spellings[*at as usize].trigrams);
        let mut found: Vec<u32> = touched.iter().copied().filter(enough).collect();
        found.sort_unstable_by_key(|&at| (core::cmp::Reverse(shared(at)), at));
        found.truncate(COMPARED_MAX);
        for &at in touched.iter() {
            counts[at as usize] = 0;
        }
        *touched = found;
        touched
    }
}

/// Distinct trigrams of each word with its ends marked: `$chan$` has four. Each fits 63 bits, 21 a character.
fn trigrams_of(name: &Normalised, out: &mut Vec<u64>) {
    out.clear();
    for word in &name.words {
        let mut last = (0, u64::from('$'));
        for character in word.iter().copied().chain(['$']) {
            let character = u64::from(character);
            if last.0 != 0 {
                out.push(last.0 << 42 | last.1 << 21 | character);
            }
            last = (last.1, character);
        }
    }
    out.sort_unstable();
    out.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::normalise;

    fn found<'a>(screen: &'a Screen, name: &str) -> Option<(NameMatch, &'a str)> {
        screen.find(&normalise(name), &mut Scratch::default()).map(|hit| (hit.nearness, hit.id))
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
