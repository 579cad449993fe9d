//! Turns an `xs:pattern` into alternatives of runs, or refuses it.
//!
//! Understood: characters, classes of ASCII characters, counts, groups with a count of `{0,1}`, `|` at the top. A run of
//! variable length followed by a run it overlaps would need backtracking: refused.

use anyhow::{Context, Result, bail, ensure};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    pub class: u128,
    pub min: u16,
    pub max: u16,
}

pub fn parse(pattern: &str) -> Result<Vec<Vec<Piece>>> {
    ensure!(pattern.is_ascii(), "a pattern beyond ASCII: {pattern}");
    let alternatives = split_top(pattern);
    let mut all = Vec::new();
    for alternative in alternatives {
        all.extend(sequence(&mut Cursor { text: alternative.as_bytes(), at: 0 }).with_context(|| pattern.to_owned())?);
    }
    for pieces in &all {
        check_greedy(pieces).with_context(|| pattern.to_owned())?;
    }
    Ok(all)
}

/// Splits at `|` outside groups and classes.
fn split_top(pattern: &str) -> Vec<&str> {
    let mut parts = vec![];
    let (mut depth, mut start) = (0i32, 0);
    for (at, c) in pattern.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '|' if depth == 0 => {
                parts.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&pattern[start..]);
    parts
}

struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = self.text.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

/// A sequence up to `)` or the end. An optional group doubles the alternatives.
fn sequence(cursor: &mut Cursor<'_>) -> Result<Vec<Vec<Piece>>> {
    let mut all: Vec<Vec<Piece>> = vec![vec![]];
    while let Some(byte) = cursor.peek() {
        if byte == b')' {
            break;
        }
        cursor.at += 1;
        let class = match byte {
            b'(' => {
                let inner = sequence(cursor)?;
                ensure!(cursor.next() == Some(b')'), "a group without an end");
                all = group(all, &inner, count(cursor)?)?;
                continue;
            }
            b'[' => class(cursor)?,
            b'\\' => 1u128 << cursor.next().context("a lone backslash")?,
            b'*' | b'+' | b'?' | b'.' | b'|' | b'^' => bail!("`{}` is not understood", byte as char),
            literal => 1u128 << literal,
        };
        let (min, max) = count(cursor)?;
        all.iter_mut().for_each(|pieces| pieces.push(Piece { class, min, max }));
    }
    Ok(all)
}

fn group(before: Vec<Vec<Piece>>, inner: &[Vec<Piece>], count: (u16, u16)) -> Result<Vec<Vec<Piece>>> {
    let with = before.iter().flat_map(|head| inner.iter().map(move |tail| [head.as_slice(), tail].concat()));
    match count {
        (1, 1) => Ok(with.collect()),
        (0, 1) => Ok(with.chain(before.iter().cloned()).collect()),
        other => bail!("a group {other:?} times"),
    }
}

fn class(cursor: &mut Cursor<'_>) -> Result<u128> {
    let mut set = 0u128;
    let mut last: Option<u8> = None;
    loop {
        match cursor.next().context("a class without an end")? {
            b']' => return Ok(set),
            b'^' => bail!("a negated class"),
            b'-' if last.is_some() && cursor.peek() != Some(b']') => {
                let (from, to) = (last.take().expect("checked"), cursor.next().context("a range without an end")?);
                ensure!(from <= to && to != b'\\', "a range backwards");
                (from..=to).for_each(|byte| set |= 1 << byte);
            }
            b'\\' => {
                let byte = cursor.next().context("a lone backslash")?;
                set |= 1 << byte;
                last = None;
            }
            byte => {
                set |= 1 << byte;
                last = Some(byte);
            }
        }
    }
}

fn count(cursor: &mut Cursor<'_>) -> Result<(u16, u16)> {
    if cursor.peek() != Some(b'{') {
        return Ok((1, 1));
    }
    let rest = &cursor.text[cursor.at + 1..];
    let length = rest.iter().position(|byte| *byte == b'}').context("a count without an end")?;
    let text = std::str::from_utf8(&rest[..length])?;
    cursor.at += length + 2;
    match text.split_once(',') {
        Some((min, max)) => Ok((min.parse()?, max.parse()?)),
        None => Ok((text.parse()?, text.parse()?)),
    }
}

/// Greedy reading is exact if whatever follows a run of variable length cannot begin with one of its characters.
fn check_greedy(pieces: &[Piece]) -> Result<()> {
    for (index, piece) in pieces.iter().enumerate() {
        if piece.min == piece.max {
            continue;
        }
        for next in &pieces[index + 1..] {
            ensure!(piece.class & next.class == 0, "a run that overlaps what follows it");
            if next.min > 0 {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bic_has_two_lengths() {
        let all = parse("[A-Z]{6,6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3,3}){0,1}").unwrap();
        assert_eq!(all.iter().map(|pieces| pieces.iter().map(|piece| piece.max).sum::<u16>()).collect::<Vec<_>>(), [11, 8]);
        assert_eq!(all[0][2].class & (1 << b'O'), 0);
    }

    #[test]
    fn classes_hold_escapes_and_bare_hyphens() {
        let all = parse("\\+[0-9]{1,3}-[0-9()+\\-]{1,30}").unwrap();
        for byte in b"0()+-" {
            assert_ne!(all[0][3].class & (1 << byte), 0, "{}", *byte as char);
        }
        assert_eq!(parse("[BEOVW]{1,1}[0-9]{2,2}|DUM").unwrap().len(), 2);
    }

    #[test]
    fn what_needs_backtracking_is_refused() {
        assert!(parse("[0-9]{1,3}[0-9]").is_err());
        assert!(parse("a*").is_err());
        assert!(parse("[^a]").is_err());
    }
}
