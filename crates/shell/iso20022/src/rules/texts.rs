//! Rules about characters and identifiers.

use super::{BusinessRule as R, Finding, RuleSettings};
use crate::value::Charset;

/// An identifier that banks' older systems can carry.
pub(super) fn identifier(path: &str, id: &str, findings: &mut Vec<Finding>) {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/-?:().,'+ ".contains(&byte);
    if let Some(bad) = id.chars().find(|c| !c.is_ascii() || !allowed(*c as u8)) {
        findings.push(Finding::new(R::Identifiers, path, format!("the identifier `{id}` holds `{bad}`")));
    } else if id.starts_with('/') || id.ends_with('/') || id.contains("//") {
        findings.push(Finding::new(R::Identifiers, path, format!("the identifier `{id}` begins or ends with `/` or holds `//`")));
    }
}

/// Looks at every text of the message. Messages in plain ASCII without character references need no second look.
pub(super) fn characters(source: &[u8], settings: &RuleSettings, findings: &mut Vec<Finding>) {
    let suspicious = |source: &[u8]| !source.is_ascii() || source.windows(2).any(|pair| pair == b"&#");
    if !suspicious(source) {
        return;
    }
    let Ok(text) = std::str::from_utf8(source) else { return };
    each_text(text, |path, value| {
        let name = path.last().copied().unwrap_or_default();
        if name == "Nm" && settings.name_charset == Charset::Any {
            return;
        }
        if let Some(bad) = value.chars().find(|c| !matches!(c, ' '..='~' | '\n' | '\r' | '\t')) {
            let path = format!("/{}", path.join("/"));
            findings.push(Finding::new(R::Characters, path, format!("`{name}` holds the character `{bad}`")));
        }
    });
}

/// Calls `visit` with the path and text of every element in a well-formed document, from `AppHdr` and `Document` down;
/// wildcards and wrappers excepted.
fn each_text(source: &str, mut visit: impl FnMut(&[&str], &str)) {
    let mut path: Vec<&str> = Vec::new();
    let mut rest = source;
    let mut text = String::new();
    while let Some(at) = rest.find('<') {
        text.push_str(&unescape(&rest[..at]));
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("<![CDATA[") {
            let end = after.find("]]>").unwrap_or(after.len());
            text.push_str(&after[..end]);
            rest = after.get(end + 3..).unwrap_or("");
            continue;
        }
        let (end, skip) = match rest {
            _ if rest.starts_with("<!--") => (rest.find("-->").map(|at| at + 3), true),
            _ if rest.starts_with("<?") => (rest.find("?>").map(|at| at + 2), true),
            _ => (tag_end(rest), false),
        };
        let Some(end) = end else { return };
        let tag = &rest[..end];
        rest = &rest[end..];
        if skip {
            continue;
        }
        if tag.starts_with("</") {
            if let Some(start) = path.iter().rposition(|name| matches!(*name, "AppHdr" | "Document"))
                && !path.contains(&"Envlp")
                && !path.contains(&"Sgntr")
            {
                visit(&path[start..], &text);
            }
            path.pop();
        } else if !tag.ends_with("/>") {
            let name = tag[1..].split(|c: char| c.is_ascii_whitespace() || c == '>').next().unwrap_or("");
            path.push(name.rsplit(':').next().unwrap_or(name));
        }
        text.clear();
    }
}

/// End of a tag; `>` may stand inside quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            (None | Some(_), _) => {}
        }
    }
    None
}

/// Character references made characters; other references stay, they are ASCII.
fn unescape(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let (digits, rest) = part.split_once(';').unwrap_or((part, ""));
        let number = match digits.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => digits.parse(),
        };
        out.extend(number.ok().and_then(char::from_u32));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_with_their_paths() {
        let source =
            "<w>é<Document a='>'><!-- é --><A><Nm>x&#233;<![CDATA[é]]></Nm><B/></A><Envlp><C>é</C></Envlp></Document></w>";
        let mut found = vec![];
        each_text(source, |path, text| {
            if !text.is_ascii() {
                found.push((path.join("/"), text.to_owned()));
            }
        });
        assert_eq!(found, [("Document/A/Nm".to_owned(), "xéé".to_owned())]);
    }
}
