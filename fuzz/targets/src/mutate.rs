//! Mutations from a seed: the same seed, number and corpus give the same input on every machine.

use crate::INPUT_BYTES_MAX;

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The generator of the `number`th input under a seed.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut random = Self(seed ^ number.wrapping_mul(0xD134_2543_DE82_EF95));
        random.next();
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`; zero when that is zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// Bytes at the edges of something.
const BYTES: &[u8] = &[0, 1, 0x7F, 0x80, 0xFF, b' ', b'\n', b'"', b'<', b'&', b'=', b'+', b'-', b'0', b'9', 0xA5];

/// An input made of one of the corpus by one to eight changes.
pub(crate) fn mutant(corpus: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = corpus.get(random.below(corpus.len())).cloned().unwrap_or_default();
    for _ in 0..=random.below(8).min(random.below(8)) {
        change(&mut input, corpus, words, random);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let span = random.below(random.clone().below(32) + 1).min(input.len() - at);
    match random.below(10) {
        0 | 1 => {
            let bit = 1 << random.below(8);
            input.get_mut(at).into_iter().for_each(|byte| *byte ^= bit);
        }
        2 => {
            let value = BYTES[random.below(BYTES.len())];
            input.get_mut(at).into_iter().for_each(|byte| *byte = value);
        }
        3 => drop(input.drain(at..at + span)),
        4 => {
            let copied = input[at..at + span].to_vec();
            let to = random.below(input.len() + 1);
            input.splice(to..to, copied);
        }
        5 | 6 => {
            let word = words.get(random.below(words.len())).copied().unwrap_or_default();
            input.splice(at..at + span * random.below(2), word.bytes());
        }
        7 => number(input, at, random),
        8 => {
            let other = corpus.get(random.below(corpus.len())).map(Vec::as_slice).unwrap_or_default();
            let from = random.below(other.len() + 1);
            let taken = random.below(other.len() - from + 1).min(512);
            input.splice(at..at + span, other[from..from + taken].iter().copied());
        }
        _ => {
            let bytes: Vec<u8> = (0..span).map(|_| random.next() as u8).collect();
            input.splice(at..at + span, bytes);
        }
    }
}

/// Changes the decimal number at or behind `at`, or else four bytes as a binary one.
fn number(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let start = input[at..].iter().position(u8::is_ascii_digit).map(|found| at + found);
    if let Some(start) = start.filter(|_| random.below(2) == 0) {
        let end = input[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(input.len(), |found| start + found);
        let old = core::str::from_utf8(&input[start..end]).ok().and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0);
        let new = match random.below(5) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => u64::MAX,
            3 => old.wrapping_mul(10),
            _ => 0,
        };
        let zero = if random.below(8) == 0 { "0" } else { "" };
        input.splice(start..end, format!("{zero}{new}").into_bytes());
    } else if let Some(bytes) = input.get_mut(at..at + 4) {
        let old = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let new = [old.wrapping_add(1), old.wrapping_sub(1), u32::MAX, i32::MAX as u32, 0][random.below(5)];
        bytes.copy_from_slice(&new.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs_and_they_differ() {
        let corpus = vec![b"created=1795510800;x".to_vec(), b"other".to_vec()];
        let inputs = |seed| -> Vec<_> { (0..500).map(|n| mutant(&corpus, &["word"], &mut Random::of(seed, n))).collect() };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let distinct: std::collections::BTreeSet<_> = inputs(1).into_iter().collect();
        assert!(distinct.len() > 400, "{} of 500", distinct.len());
    }

    #[test]
    fn an_empty_corpus_is_no_obstacle() {
        (0..500).for_each(|n| drop(mutant(&[], &[], &mut Random::of(3, n))));
    }
}
