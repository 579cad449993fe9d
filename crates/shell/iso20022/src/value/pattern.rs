//! Patterns as byte checks: runs of a class of ASCII characters, each so many times.
//!
//! The generator turns each `xs:pattern` into alternatives of such runs, and refuses patterns for which reading greedily
//! from left to right could miss a match.

/// A set of ASCII characters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Class(pub u128);

impl Class {
    #[inline(always)]
    fn has(self, byte: u8) -> bool {
        byte < 128 && self.0 >> byte & 1 == 1
    }
}

/// A run: characters of a class, at least and at most so many.
pub(crate) type Piece = (Class, u16, u16);

/// Whether the whole text is one of the alternatives.
pub(crate) fn matches_any(text: &str, alternatives: &[&[Piece]]) -> bool {
    alternatives.iter().any(|pieces| matches(text.as_bytes(), pieces))
}

#[inline]
fn matches(mut rest: &[u8], pieces: &[Piece]) -> bool {
    for (class, min, max) in pieces {
        let run = rest.iter().take(*max as usize).take_while(|byte| class.has(**byte)).count();
        if run < *min as usize {
            return false;
        }
        rest = &rest[run..];
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGIT: Class = Class(0x3FF << b'0');
    const PLUS: Class = Class(1 << b'+');

    #[test]
    fn runs_are_greedy_and_anchored() {
        let pattern: &[&[Piece]] = &[&[(PLUS, 0, 1), (DIGIT, 1, 3)]];
        for (text, verdict) in
            [("1", true), ("+12", true), ("123", true), ("1234", false), ("+", false), ("", false), ("1é", false)]
        {
            assert_eq!(matches_any(text, pattern), verdict, "{text}");
        }
    }
}
