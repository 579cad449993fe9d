//! The reader's lexical layer's inner half: names, values, references, comments, sections, declarations.

use super::chars::{self, is};
use super::reader::{Read, Reader};
use crate::violation::Rule;
use std::borrow::Cow;

impl<'a> Reader<'a> {
    /// A name, and where its colon is.
    #[inline]
    pub(super) fn name(&mut self) -> Read<(&'a str, Option<usize>)> {
        let start = self.at;
        let mut at = start;
        let mut high = 0u8;
        while let Some(byte) = self.bytes.get(at) {
            if !is(*byte, chars::NAME) {
                break;
            }
            high |= *byte;
            at += 1;
        }
        if self.bytes.get(at) == Some(&b':') || high >= 0x80 || at == start || !is(self.bytes[start], chars::NAME_START) {
            return self.unusual_name();
        }
        self.at = at;
        Ok((&self.source[start..at], None))
    }

    /// A name with a prefix or with letters beyond ASCII, or no name at all.
    fn unusual_name(&mut self) -> Read<(&'a str, Option<usize>)> {
        let start = self.at;
        let length = self.bytes[start..].iter().take_while(|byte| is(**byte, chars::NAME) || **byte == b':').count();
        let name = &self.source[start..start + length];
        let colon = name.find(':');
        let well_formed = match colon {
            None => chars::is_ncname(name),
            Some(colon) => chars::is_ncname(&name[..colon]) && chars::is_ncname(&name[colon + 1..]),
        };
        if !well_formed {
            return Err(self.stop(Rule::Syntax, start, "a name is expected here"));
        }
        self.at = start + length;
        Ok((name, colon))
    }

    /// A quoted attribute value, blanks and references resolved.
    pub(super) fn attribute_value(&mut self) -> Read<Cow<'a, str>> {
        let quote = match self.bytes.get(self.at) {
            Some(quote @ (b'"' | b'\'')) => *quote,
            _ => return Err(self.stop(Rule::Syntax, self.at, "an attribute's value stands in quotes")),
        };
        self.at += 1;
        let start = self.at;
        loop {
            match self.bytes.get(self.at) {
                None => return Err(self.unfinished()),
                Some(b'<') => return Err(self.stop(Rule::Syntax, self.at, "`<` inside an attribute's value")),
                Some(b'&' | b'\t' | b'\n' | b'\r') => return self.attribute_value_slow(start, quote),
                Some(byte) if *byte == quote => break,
                Some(_) => self.at += 1,
            }
        }
        let value = &self.source[start..self.at];
        self.at += 1;
        Ok(Cow::Borrowed(value))
    }

    fn attribute_value_slow(&mut self, start: usize, quote: u8) -> Read<Cow<'a, str>> {
        let mut value = self.source[start..self.at].to_owned();
        loop {
            match self.bytes.get(self.at) {
                None => return Err(self.unfinished()),
                Some(b'<') => return Err(self.stop(Rule::Syntax, self.at, "`<` inside an attribute's value")),
                Some(b'&') => value.push(self.reference()?),
                Some(b'\r') => {
                    self.at += if self.bytes.get(self.at + 1) == Some(&b'\n') { 2 } else { 1 };
                    value.push(' ');
                }
                Some(b'\t' | b'\n') => {
                    self.at += 1;
                    value.push(' ');
                }
                Some(byte) if *byte == quote => {
                    self.at += 1;
                    return Ok(Cow::Owned(value));
                }
                Some(_) => {
                    let c = self.source[self.at..].chars().next().expect("a byte is there");
                    value.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    /// `&…;`: one of the five entities, or a character by number.
    pub(super) fn reference(&mut self) -> Read<char> {
        let start = self.at;
        let rest = &self.source[start + 1..];
        let name = match rest.as_bytes().iter().take(24).position(|byte| *byte == b';') {
            Some(end) => &rest[..end],
            None => return Err(self.stop(Rule::Entity, start, "`&` does not begin a reference XML knows")),
        };
        let c = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => numeric_reference(name),
        };
        match c {
            Some(c) => {
                self.at = start + 2 + name.len();
                Ok(c)
            }
            None => Err(self.stop(Rule::Entity, start, format!("`&{name};` is not a reference XML knows by itself"))),
        }
    }

    /// `<![CDATA[…]]>`; the reader stands at its `<`.
    pub(super) fn cdata(&mut self) -> Read<&'a str> {
        let start = self.at + 9;
        match self.source[start..].find("]]>") {
            Some(length) => {
                self.at = start + length + 3;
                Ok(&self.source[start..start + length])
            }
            None => Err(self.stop(Rule::Syntax, self.at, "the character section does not end")),
        }
    }

    /// A comment or a processing instruction; the reader stands at its `<`.
    pub(super) fn misc(&mut self) -> Read<()> {
        let rest = &self.source[self.at..];
        if rest.starts_with("<!--") {
            self.comment()
        } else if rest.starts_with("<?") {
            self.instruction()
        } else if rest.starts_with("<!DOCTYPE") {
            Err(self.stop(Rule::Dtd, self.at, "document type declarations are not taken"))
        } else {
            Err(self.stop(Rule::Syntax, self.at, "`<!` begins neither a comment nor a character section"))
        }
    }

    fn comment(&mut self) -> Read<()> {
        let body = self.at + 4;
        match self.source[body..].find("--") {
            Some(length) if self.bytes.get(body + length + 2) == Some(&b'>') => {
                self.at = body + length + 3;
                Ok(())
            }
            Some(length) => Err(self.stop(Rule::Syntax, body + length, "`--` inside a comment")),
            None => Err(self.stop(Rule::Syntax, self.at, "the comment does not end")),
        }
    }

    fn instruction(&mut self) -> Read<()> {
        let start = self.at;
        self.at += 2;
        let (target, colon) = self.name()?;
        if target.eq_ignore_ascii_case("xml") || colon.is_some() {
            return Err(self.stop(Rule::Syntax, start, "an instruction with a name XML keeps for itself"));
        }
        let separated = self.bytes.get(self.at).is_some_and(|byte| is(*byte, chars::SPACE));
        match self.source[self.at..].find("?>") {
            Some(0) => self.at += 2,
            Some(length) if separated => self.at += length + 2,
            _ => return Err(self.stop(Rule::Syntax, start, "the instruction does not end")),
        }
        Ok(())
    }

    /// `<?xml version="1.0" encoding="UTF-8" standalone="…"?>`.
    pub(super) fn declaration(&mut self) -> Read<()> {
        let start = self.at;
        self.at += 5;
        let mut pairs = Vec::new();
        loop {
            let blank_at = self.at;
            self.skip_blanks();
            if self.source[self.at..].starts_with("?>") {
                self.at += 2;
                break;
            }
            if blank_at == self.at || pairs.len() == 3 {
                return Err(self.stop(Rule::Syntax, self.at, "the XML declaration is malformed"));
            }
            let (name, _) = self.name()?;
            self.skip_blanks();
            if self.bytes.get(self.at) != Some(&b'=') {
                return Err(self.stop(Rule::Syntax, self.at, "the XML declaration is malformed"));
            }
            self.at += 1;
            self.skip_blanks();
            pairs.push((name, self.attribute_value()?));
        }
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let (version, rest) = match pairs.split_first() {
            Some((("version", version), rest)) => (*version, rest),
            _ => return Err(self.stop(Rule::Syntax, start, "the XML declaration names no version")),
        };
        if !version.strip_prefix("1.").is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit())) {
            return Err(self.stop(Rule::Syntax, start, "only XML 1.0 is read"));
        }
        let standalone = match rest {
            [("encoding", encoding), rest @ ..] if encoding.eq_ignore_ascii_case("utf-8") => rest,
            [("encoding", encoding), ..] => {
                return Err(self.stop(
                    Rule::Encoding,
                    start,
                    format!("only UTF-8 is read, the message is declared as `{encoding}`"),
                ));
            }
            rest => rest,
        };
        match standalone {
            [] | [("standalone", "yes" | "no")] => Ok(()),
            _ => Err(self.stop(Rule::Syntax, start, "the XML declaration is malformed")),
        }
    }

    /// The text of an element that holds only text, up to and over its end tag.
    #[inline]
    pub(super) fn text(&mut self) -> Read<Cow<'a, str>> {
        if self.head.empty {
            self.pop();
            return Ok(Cow::Borrowed(""));
        }
        let start = self.at;
        let mut at = start;
        while let Some(byte) = self.bytes.get(at) {
            if is(*byte, chars::TEXT_STOP) {
                break;
            }
            at += 1;
        }
        self.at = at;
        if self.bytes.get(at) == Some(&b'<') && self.bytes.get(at + 1) == Some(&b'/') {
            self.end_tag()?;
            return Ok(Cow::Borrowed(&self.source[start..at]));
        }
        self.text_slow(start).map(Cow::Owned)
    }

    fn text_slow(&mut self, start: usize) -> Read<String> {
        let mut text = self.source[start..self.at].to_owned();
        loop {
            let rest = &self.bytes[self.at..];
            match rest.first() {
                None => return Err(self.unfinished()),
                Some(b'&') => text.push(self.reference()?),
                Some(b'\r') => {
                    self.at += if rest.get(1) == Some(&b'\n') { 2 } else { 1 };
                    text.push('\n');
                }
                Some(b'<') if rest.get(1) == Some(&b'/') => {
                    self.end_tag()?;
                    return Ok(text);
                }
                Some(b'<') if rest.starts_with(b"<![CDATA[") => push_lines(&mut text, self.cdata()?),
                Some(b'<') if matches!(rest.get(1), Some(b'!' | b'?')) => self.misc()?,
                Some(b'<') => {
                    let text = format!("an element inside `{}`, which holds only text", self.open_name());
                    return Err(self.stop(Rule::Child, self.at, text));
                }
                Some(b']') if rest.starts_with(b"]]>") => return Err(self.stop(Rule::Syntax, self.at, "`]]>` in text")),
                Some(_) => {
                    let length = 1 + rest[1..].iter().take_while(|byte| !is(**byte, chars::TEXT_STOP)).count();
                    text.push_str(&self.source[self.at..self.at + length]);
                    self.at += length;
                }
            }
        }
    }

    /// Passes over text that nobody reads (inside a wildcard) up to the next `<`.
    pub(super) fn skip_text(&mut self) -> Read<()> {
        loop {
            match self.bytes.get(self.at) {
                None | Some(b'<') => return Ok(()),
                Some(b'&') => {
                    self.reference()?;
                }
                Some(b']') if self.source[self.at..].starts_with("]]>") => {
                    return Err(self.stop(Rule::Syntax, self.at, "`]]>` in text"));
                }
                Some(_) => self.at += 1,
            }
        }
    }
}

/// Appends a character section's text with line ends made `\n`.
fn push_lines(text: &mut String, section: &str) {
    if section.contains('\r') {
        text.push_str(&section.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        text.push_str(section);
    }
}

/// `#8364` or `#x20AC`.
fn numeric_reference(name: &str) -> Option<char> {
    let digits = name.strip_prefix('#')?;
    let (digits, radix) = match digits.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (digits, 10),
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| (byte as char).is_digit(radix));
    let number = if all_digits { u32::from_str_radix(digits, radix).ok()? } else { return None };
    char::from_u32(number).filter(|c| chars::is_xml_char(*c))
}
