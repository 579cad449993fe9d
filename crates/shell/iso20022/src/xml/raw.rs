//! Wildcards: content the schema leaves open, kept as it came.

use super::reader::{Read, Reader, key};
use crate::violation::{Rule, Stop};
use std::fmt::Write as _;

/// One well-formed element of any kind, as text. It carries the declarations of all prefixes it was given in scope, so
/// that it means the same wherever it is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawXml(String);

impl RawXml {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Namespaces a wildcard takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnyNamespace {
    /// `##any`.
    Any,
    /// One.
    Only(&'static str),
}

impl<'a> Reader<'a> {
    /// The one element a wildcard stands for. With `lax`, elements the schema knows at its root are judged by it.
    pub(crate) fn any(&mut self, namespace: AnyNamespace, lax: bool) -> Read<RawXml> {
        if !self.head.start {
            return Err(self.stop(Rule::Missing, self.head.at, "an element is missing here"));
        }
        let allowed = match namespace {
            AnyNamespace::Any => true,
            AnyNamespace::Only(only) => self.head_namespace() == only,
        };
        if !allowed {
            let text = format!("an element in the namespace `{}` may not stand here", self.head_namespace());
            return Err(self.stop(Rule::Namespace, self.head.at, text).within(self.head.local, 0));
        }
        let raw = self.capture_judging(lax)?;
        self.advance()?;
        Ok(raw)
    }

    /// The element that is the head, whatever it is; afterwards the head is its end tag.
    pub(crate) fn capture(&mut self) -> Read<RawXml> {
        self.capture_judging(false)
    }

    fn capture_judging(&mut self, lax: bool) -> Read<RawXml> {
        let start = self.head.at;
        let declarations = self.missing_declarations();
        let name_end = start + 1 + self.open_name().len();
        self.skip_judging(lax)?;
        let mut text = String::with_capacity(self.at - start + declarations.len());
        text.push_str(&self.source[start..name_end]);
        text.push_str(&declarations);
        text.push_str(&self.source[name_end..self.at]);
        Ok(RawXml(text))
    }

    /// Declarations in scope that the head's own tag does not make.
    fn missing_declarations(&self) -> String {
        let own_depth = self.open.len();
        let mut done: Vec<&str> = Vec::new();
        let mut text = String::new();
        for binding in self.bindings.iter().rev() {
            if done.contains(&binding.prefix) {
                continue;
            }
            done.push(binding.prefix);
            if binding.depth < own_depth {
                let uri = binding.uri.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
                let _ = match binding.prefix {
                    "" => write!(text, " xmlns=\"{uri}\""),
                    prefix => write!(text, " xmlns:{prefix}=\"{uri}\""),
                };
            }
        }
        text
    }

    /// Passes over the element that is the head; afterwards the head is its end tag.
    pub(crate) fn skip(&mut self) -> Read<()> {
        self.skip_judging(false)
    }

    fn skip_judging(&mut self, lax: bool) -> Read<()> {
        let outside = self.open.len() - 1;
        loop {
            // The head is a start tag here.
            if lax && self.head.key == key(self.root.name) && self.head.local == self.root.name {
                let root = self.root;
                (root.judge)(self).map_err(|stop| stop.within(root.name, 0))?;
            } else if self.head.empty {
                self.pop();
            }
            loop {
                if self.open.len() == outside {
                    self.head.start = false;
                    self.head.key = 0;
                    return Ok(());
                }
                if self.next_tag_in_mixed()? {
                    break;
                }
            }
        }
    }

    /// Reads on to the next tag over any text; true if it starts an element.
    fn next_tag_in_mixed(&mut self) -> Read<bool> {
        loop {
            self.skip_text()?;
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"<![CDATA[") {
                self.cdata()?;
            } else if rest.starts_with(b"<!") || rest.starts_with(b"<?") {
                self.misc()?;
            } else {
                self.advance()?;
                return Ok(self.head.start);
            }
        }
    }

    /// Enters the element that is the head without judging it; then [`Self::next_element`] walks its children.
    pub(crate) fn walk_in(&mut self) -> Read<bool> {
        if self.head.empty {
            self.pop();
            self.head.start = false;
            return Ok(false);
        }
        self.next_tag_in_mixed()
    }

    /// The next tag, whatever stands before it; true if it starts an element.
    pub(crate) fn walk_on(&mut self) -> Read<bool> {
        self.next_tag_in_mixed()
    }

    /// The text up to the next tag, and whether that tag starts an element. The head must be a start tag that is not empty, or
    /// an end tag.
    pub(crate) fn text_on(&mut self) -> Read<(String, bool)> {
        let mut text = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            match rest.first() {
                None => return Err(self.unfinished()),
                Some(b'&') => text.push(self.reference()?),
                Some(b'<') if rest.starts_with(b"<![CDATA[") => text.push_str(self.cdata()?),
                Some(b'<') if matches!(rest.get(1), Some(b'!' | b'?')) => self.misc()?,
                Some(b'<') => {
                    self.advance()?;
                    return Ok((text, self.head.start));
                }
                Some(_) => {
                    let length = rest.iter().take_while(|byte| !matches!(byte, b'<' | b'&')).count();
                    text.push_str(&self.source[self.at..self.at + length]);
                    self.at += length;
                }
            }
        }
    }

    /// Whether the tag just read is `<a/>`.
    pub(crate) fn head_is_empty(&self) -> bool {
        self.head.empty
    }

    /// Elements open now.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// A violation at the tag just read.
    pub(crate) fn stop_here(&self, rule: Rule, text: String) -> Box<Stop> {
        self.stop(rule, self.head.at, text)
    }
}
