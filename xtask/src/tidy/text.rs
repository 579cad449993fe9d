//! Rust text without its comments and the insides of its literals, so that words are found in code alone.

/// The same text, line for line, with comments, strings and characters blanked out.
pub fn code_only(source: &str) -> String {
    let mut scanner = Scanner { rest: source, out: String::with_capacity(source.len()) };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    scanner.out
}

struct Scanner<'a> {
    rest: &'a str,
    out: String,
}

impl Scanner<'_> {
    fn step(&mut self) {
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            let end = block_comment_end(self.rest);
            self.blank(end);
        } else if let Some(end) = raw_string_end(self.rest).filter(|_| !self.in_word()) {
            self.blank(end);
        } else if self.rest.starts_with('"') {
            let end = quoted_end(self.rest, '"');
            self.blank(end);
        } else if let Some(end) = character_end(self.rest) {
            self.blank(end);
        } else {
            let first = self.rest.chars().next().expect("not empty");
            self.out.push(first);
            self.rest = &self.rest[first.len_utf8()..];
        }
    }

    /// Whether the last character kept belongs to a word, so that an `r` that follows does not begin a raw string.
    fn in_word(&self) -> bool {
        self.out.ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }

    fn blank(&mut self, bytes: usize) {
        let (gone, rest) = self.rest.split_at(bytes);
        self.out.extend(gone.chars().map(|character| if character == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

fn block_comment_end(text: &str) -> usize {
    let mut depth = 0;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    bytes.len()
}

fn raw_string_end(text: &str) -> Option<usize> {
    let after = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = after.bytes().take_while(|&byte| byte == b'#').count();
    let body = after[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(body.find(&closing).map_or(text.len(), |at| start + at + closing.len()))
}

fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The end of a character literal; `None` for lifetimes.
fn character_end(text: &str) -> Option<usize> {
    let after = text.strip_prefix('\'')?;
    let mut characters = after.chars();
    let first = characters.next()?;
    let is_literal = first == '\\' || characters.next() == Some('\'');
    is_literal.then(|| quoted_end(text, '\''))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_vanish() {
        let source = "let a = \"todo!()\"; // todo!()\n/* todo!() /* */ */ let b = 'x'; let c = r#\"todo!()\"#;\nlet d: &'a str = '\\'';\ncall();";
        let code = code_only(source);
        assert!(!code.contains("todo"), "{code}");
        assert!(
            code.contains("let b") && code.contains("let c") && code.contains("&'a str") && code.contains("call()"),
            "{code}"
        );
        assert_eq!(code.lines().count(), source.lines().count());
    }

    #[test]
    fn words_that_end_in_r_are_no_raw_strings() {
        assert_eq!(code_only("attr\"x\"y").trim(), "attr   y");
    }
}
