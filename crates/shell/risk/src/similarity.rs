//! Jaro–Winkler similarity of two words, in thousandths.
//!
//! Jaro (1989) with Winkler's prefix bonus: `p = 0.1`, up to four letters. Fractions are taken over a common denominator and
//! rounded to the nearest thousandth.

/// Longest word compared; what is behind it is not looked at.
pub const WORD_CHARS_MAX: usize = 64;

/// 0 (nothing in common) to 1000 (equal).
pub fn similarity(a: &str, b: &str) -> u16 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(WORD_CHARS_MAX).collect(), b.chars().take(WORD_CHARS_MAX).collect());
    jaro_winkler(&a, &b)
}

/// As [`similarity`], without allocating.
pub(crate) fn jaro_winkler(a: &[char], b: &[char]) -> u16 {
    let (a, b) = (&a[..a.len().min(WORD_CHARS_MAX)], &b[..b.len().min(WORD_CHARS_MAX)]);
    if a == b {
        return if a.is_empty() { 0 } else { 1000 };
    }
    let (from_a, from_b) = matched(a, b);
    let m = u64::from(from_a.count_ones());
    if m == 0 {
        return 0;
    }
    let half_swaps = u64::from(out_of_order(a, from_a, b, from_b));
    let (len_a, len_b) = (a.len() as u64, b.len() as u64);
    // (m/|a| + m/|b| + (m - t/2)/m) / 3 over the denominator 6·|a|·|b|·m, in millionths.
    let sum = 2 * m * m * (len_a + len_b) + (2 * m - half_swaps) * len_a * len_b;
    let jaro = 1_000_000 * sum / (6 * len_a * len_b * m);
    let prefix = a.iter().zip(b).take(4).take_while(|(x, y)| x == y).count() as u64;
    let score = jaro + (1_000_000 - jaro) * prefix / 10;
    ((score + 500) / 1000) as u16
}

/// Which letters of each word have a partner near enough in the other, as bit sets.
fn matched(a: &[char], b: &[char]) -> (u64, u64) {
    let window = (a.len().max(b.len()) / 2).saturating_sub(1);
    let (mut from_a, mut from_b) = (0u64, 0u64);
    for (i, letter) in a.iter().enumerate() {
        let end = (i + window + 1).min(b.len());
        let start = i.saturating_sub(window);
        let mut near = b.iter().enumerate().take(end).skip(start);
        if let Some((j, _)) = near.find(|(j, other)| from_b & (1 << j) == 0 && *other == letter) {
            from_a |= 1 << i;
            from_b |= 1 << j;
        }
    }
    (from_a, from_b)
}

/// Partners that are not in the same order; two make one transposition.
fn out_of_order(a: &[char], mut from_a: u64, b: &[char], mut from_b: u64) -> u32 {
    let mut differing = 0;
    while from_a != 0 && from_b != 0 {
        let (i, j) = (from_a.trailing_zeros() as usize, from_b.trailing_zeros() as usize);
        differing += u32::from(a[i] != b[j]);
        from_a &= from_a - 1;
        from_b &= from_b - 1;
    }
    differing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_are_met() {
        for (a, b, expected) in [
            ("martha", "marhta", 961),
            ("dixon", "dicksonx", 813),
            ("dwayne", "duane", 840),
            ("crate", "trace", 733),
            ("abc", "abc", 1000),
            ("abc", "xyz", 0),
            ("", "", 0),
            ("a", "", 0),
        ] {
            assert_eq!(similarity(a, b), expected, "{a} {b}");
            assert_eq!(similarity(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn long_words_are_cut_not_overrun() {
        let long = "x".repeat(500);
        assert_eq!(similarity(&long, &long), 1000);
        assert!(similarity(&long, "x") > 0);
    }
}
