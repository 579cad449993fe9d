//! The reader's state and its lexical layer's outer half: tags, namespaces, and what may stand between elements.

use super::chars::{self, is};
use crate::violation::{Rule, Stop};
use std::borrow::Cow;

/// What a reader accepts at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a message.
    pub message_bytes_max: usize,
    /// Elements open at once.
    pub depth_max: usize,
    /// Attributes of one element, and namespace declarations in scope.
    pub attributes_max: usize,
}

impl Limits {
    /// 1 MiB, 64 levels (the deepest message has 19), 32 attributes.
    pub const DEFAULT: Self = Self { message_bytes_max: 1 << 20, depth_max: 64, attributes_max: 32 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The start tag just read; `key` 0 when it was an end tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    /// [`key`] of the local name if the element is in the target namespace, else 0.
    pub key: u64,
    /// Local name.
    pub local: &'a str,
    /// Prefix, empty if none.
    pub prefix: &'a str,
    /// `<a/>`.
    pub empty: bool,
    /// A start tag (true) or an end tag.
    pub start: bool,
    /// Where its `<` is.
    pub at: usize,
}

#[derive(Debug)]
pub(super) struct Binding<'a> {
    pub prefix: &'a str,
    pub uri: Cow<'a, str>,
    pub is_target: bool,
    pub depth: usize,
}

#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub name: &'a str,
    pub value: Cow<'a, str>,
    pub at: usize,
}

impl<'a> Attribute<'a> {
    /// Prefix (empty if none) and local name.
    pub fn split(&self) -> (&'a str, &'a str) {
        self.name.split_once(':').unwrap_or(("", self.name))
    }
}

/// A pull reader over one message. Generated types call it; what they call is in `content.rs`.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) source: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) head: Head<'a>,
    pub(super) open: Vec<&'a str>,
    pub(super) bindings: Vec<Binding<'a>>,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) default_is_target: bool,
    pub(super) target: &'static str,
    /// Parses the message's root element again: a wildcard must judge it where it knows it (`processContents="lax"`).
    pub(super) root: Root,
    limits: Limits,
}

/// The root element of the message being read.
#[derive(Clone, Copy)]
pub(super) struct Root {
    pub name: &'static str,
    pub judge: fn(&mut Reader<'_>) -> Result<(), Box<Stop>>,
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// A position to come back to; see [`Reader::skip_from`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark<'a> {
    head: Head<'a>,
    open: usize,
}

/// First eight bytes of a name as a number, zero-padded. Names have no zero bytes, so below eight bytes it is the name.
#[inline(always)]
pub(super) const fn key(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut key = 0u64;
    let mut at = 0;
    while at < bytes.len() && at < 8 {
        key |= (bytes[at] as u64) << (8 * at);
        at += 1;
    }
    key
}

pub(super) type Read<T> = Result<T, Box<Stop>>;

impl<'a> Reader<'a> {
    /// Starts reading: checks size, encoding and characters, and reads up to the root element's start tag.
    pub(crate) fn new(source: &'a [u8], limits: Limits) -> Read<Self> {
        if source.len() > limits.message_bytes_max {
            let text = format!("the message has {} bytes, at most {} are taken", source.len(), limits.message_bytes_max);
            return Err(Stop::boxed(Rule::Size, 0, text));
        }
        let text = std::str::from_utf8(source)
            .map_err(|error| Stop::boxed(Rule::Encoding, error.valid_up_to(), "the message is not UTF-8".into()))?;
        if let Some(at) = chars::first_forbidden(text) {
            return Err(Stop::boxed(Rule::Character, at, "a character that XML does not allow".into()));
        }
        let mut reader = Self {
            source: text,
            bytes: source,
            at: 0,
            head: Head { key: 0, local: "", prefix: "", empty: false, start: false, at: 0 },
            open: Vec::with_capacity(24),
            bindings: Vec::with_capacity(4),
            attributes: Vec::with_capacity(4),
            default_is_target: false,
            target: "",
            root: Root { name: "", judge: |_| Ok(()) },
            limits,
        };
        reader.prologue()?;
        Ok(reader)
    }

    /// Byte order mark, XML declaration, then the root's start tag.
    fn prologue(&mut self) -> Read<()> {
        if self.source.starts_with('\u{FEFF}') {
            self.at = 3;
        }
        if self.source[self.at..].starts_with("<?xml") && self.bytes.get(self.at + 5).is_some_and(|b| is(*b, chars::SPACE)) {
            self.declaration()?;
        }
        self.advance()
    }

    /// Sets the namespace whose elements are known from now on, and its root element.
    pub(crate) fn set_target(
        &mut self,
        namespace: &'static str,
        name: &'static str,
        judge: fn(&mut Reader<'_>) -> Result<(), Box<Stop>>,
    ) {
        self.target = namespace;
        self.root = Root { name, judge };
        for binding in &mut self.bindings {
            binding.is_target = binding.uri == namespace;
        }
        self.default_is_target = self.binding("").is_some_and(|binding| binding.is_target);
        self.head.key = if self.head.start && self.head_namespace() == namespace { key(self.head.local) } else { 0 };
    }

    /// Namespace of the element whose start tag was just read; empty if none.
    pub(crate) fn head_namespace(&self) -> &str {
        self.binding(self.head.prefix).map_or("", |binding| &binding.uri)
    }

    /// Local name of the element whose start tag was just read.
    pub(crate) fn head_local(&self) -> &'a str {
        self.head.local
    }

    pub(super) fn binding(&self, prefix: &str) -> Option<&Binding<'a>> {
        self.bindings.iter().rev().find(|binding| binding.prefix == prefix)
    }

    #[cold]
    pub(super) fn stop(&self, rule: Rule, at: usize, text: impl Into<String>) -> Box<Stop> {
        Stop::boxed(rule, at, text.into())
    }

    /// Reads on to the next tag, which becomes the head. Between elements only blanks, comments and instructions may be.
    pub(super) fn advance(&mut self) -> Read<()> {
        loop {
            while let Some(byte) = self.bytes.get(self.at) {
                if !is(*byte, chars::SPACE) {
                    break;
                }
                self.at += 1;
            }
            match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(b'<'), Some(b'/')) => return self.end_tag(),
                (Some(b'<'), Some(b'!' | b'?')) => self.between_elements()?,
                (Some(b'<'), _) => return self.start_tag(),
                (None, _) => return Err(self.unfinished()),
                (Some(_), _) => self.stray_text()?,
            }
        }
    }

    /// A comment, an instruction or a character section between elements.
    #[cold]
    fn between_elements(&mut self) -> Read<()> {
        if !self.source[self.at..].starts_with("<![CDATA[") || self.open.is_empty() {
            return self.misc();
        }
        // Even a blank section is text between elements; libxml2 judges the same.
        Err(self.stop(
            Rule::Text,
            self.at,
            format!("a character section inside `{}`, which holds only elements", self.open_name()),
        ))
    }

    /// Text where only elements may be: an error unless it is a blank written as a character reference.
    #[cold]
    fn stray_text(&mut self) -> Read<()> {
        let start = self.at;
        if self.open.is_empty() {
            return Err(self.stop(Rule::Syntax, start, "text outside the root element"));
        }
        if self.bytes[start] == b'&' {
            let c = self.reference()?;
            if matches!(c, ' ' | '\t' | '\n' | '\r') {
                return Ok(());
            }
        }
        Err(self.stop(Rule::Text, start, format!("text inside `{}`, which holds only elements", self.open_name())))
    }

    /// Qualified name of the innermost open element.
    pub(super) fn open_name(&self) -> &'a str {
        self.open.last().copied().unwrap_or("")
    }

    #[cold]
    pub(super) fn unfinished(&self) -> Box<Stop> {
        match self.open.last() {
            Some(name) => self.stop(Rule::Syntax, self.bytes.len(), format!("the message ends inside `{name}`")),
            None => self.stop(Rule::Syntax, self.bytes.len(), "the message has no root element"),
        }
    }

    /// After the root element: nothing but blanks, comments and instructions.
    pub(crate) fn finish(&mut self) -> Read<()> {
        loop {
            while self.bytes.get(self.at).is_some_and(|byte| is(*byte, chars::SPACE)) {
                self.at += 1;
            }
            match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (None, _) => return Ok(()),
                (Some(b'<'), Some(b'!' | b'?')) => self.misc()?,
                (Some(_), _) => return Err(self.stop(Rule::Syntax, self.at, "something follows the root element")),
            }
        }
    }

    /// `</name>`: must close the innermost element.
    #[inline]
    pub(super) fn end_tag(&mut self) -> Read<()> {
        let start = self.at;
        let Some(name) = self.open.last() else {
            return Err(self.stop(Rule::TagMismatch, start, "an end tag without a start tag"));
        };
        let after = start + 2 + name.len();
        if self.bytes.get(start + 2..after) != Some(name.as_bytes()) {
            return Err(self.mismatch());
        }
        self.at = after;
        if self.bytes.get(after) == Some(&b'>') {
            self.at += 1;
        } else {
            self.end_tag_blanks()?;
        }
        self.pop();
        self.head.start = false;
        self.head.key = 0;
        self.head.at = start;
        Ok(())
    }

    #[cold]
    fn end_tag_blanks(&mut self) -> Read<()> {
        while self.bytes.get(self.at).is_some_and(|byte| is(*byte, chars::SPACE)) {
            self.at += 1;
        }
        if self.bytes.get(self.at) != Some(&b'>') {
            return Err(self.mismatch());
        }
        self.at += 1;
        Ok(())
    }

    #[cold]
    fn mismatch(&self) -> Box<Stop> {
        let text = format!("the end tag does not match the start tag `{}`", self.open_name());
        self.stop(Rule::TagMismatch, self.at, text)
    }

    /// Leaves the innermost element.
    #[inline]
    pub(super) fn pop(&mut self) {
        self.open.pop();
        if self.bindings.last().is_some_and(|binding| binding.depth > self.open.len()) {
            self.pop_bindings();
        }
    }

    fn pop_bindings(&mut self) {
        while self.bindings.last().is_some_and(|binding| binding.depth > self.open.len()) {
            self.bindings.pop();
        }
        self.default_is_target = self.binding("").is_some_and(|binding| binding.is_target);
    }

    /// `<name …>`: becomes the head, its element the innermost open one.
    fn start_tag(&mut self) -> Read<()> {
        let at = self.at;
        if self.open.len() >= self.limits.depth_max {
            return Err(self.stop(Rule::Depth, at, format!("more than {} elements inside each other", self.limits.depth_max)));
        }
        self.at += 1;
        let (name, colon) = self.name()?;
        self.attributes.clear();
        let bindings_before = self.bindings.len();
        self.open.push(name);
        let empty = match self.bytes.get(self.at) {
            Some(b'>') => {
                self.at += 1;
                false
            }
            _ => self.attribute_list()?,
        };
        if self.bindings.len() != bindings_before {
            self.default_is_target = self.binding("").is_some_and(|binding| binding.is_target);
        }
        let (prefix, local, is_target) = match colon {
            None => ("", name, self.default_is_target),
            Some(colon) => self.split_name(name, colon, at)?,
        };
        if self.attributes.len() > 1 {
            self.check_attributes_differ()?;
        }
        self.head = Head { key: if is_target { key(local) } else { 0 }, local, prefix, empty, start: true, at };
        Ok(())
    }

    fn split_name(&self, name: &'a str, colon: usize, at: usize) -> Read<(&'a str, &'a str, bool)> {
        let (prefix, local) = (&name[..colon], &name[colon + 1..]);
        match self.binding(prefix) {
            Some(binding) => Ok((prefix, local, binding.is_target)),
            None if prefix == "xml" => Ok((prefix, local, false)),
            None => Err(self.stop(Rule::Prefix, at, format!("the prefix `{prefix}` stands for no namespace"))),
        }
    }

    /// No attribute twice, not even under two prefixes; every prefix known.
    fn check_attributes_differ(&self) -> Read<()> {
        for (index, one) in self.attributes.iter().enumerate() {
            let (prefix, local) = one.split();
            let namespace = |p: &str| if p.is_empty() { None } else { self.binding(p).map(|b| b.uri.as_ref()) };
            let same = |other: &&Attribute<'_>| {
                let (other_prefix, other_local) = other.split();
                other_local == local
                    && (other_prefix == prefix || (namespace(prefix).is_some() && namespace(other_prefix) == namespace(prefix)))
            };
            if let Some(other) = self.attributes[index + 1..].iter().find(same) {
                return Err(self.stop(
                    Rule::AttributeTwice,
                    other.at,
                    format!("the attribute `{}` stands here twice", other.name),
                ));
            }
        }
        Ok(())
    }

    /// Attributes up to `>` (false) or `/>` (true); namespace declarations become bindings.
    fn attribute_list(&mut self) -> Read<bool> {
        loop {
            let blank_at = self.at;
            while self.bytes.get(self.at).is_some_and(|byte| is(*byte, chars::SPACE)) {
                self.at += 1;
            }
            match self.bytes.get(self.at) {
                Some(b'>') => {
                    self.at += 1;
                    return self.check_attribute_prefixes().map(|()| false);
                }
                Some(b'/') if self.bytes.get(self.at + 1) == Some(&b'>') => {
                    self.at += 2;
                    return self.check_attribute_prefixes().map(|()| true);
                }
                None => return Err(self.unfinished()),
                Some(_) if blank_at == self.at => return Err(self.stop(Rule::Syntax, self.at, "a blank is missing in the tag")),
                Some(_) => self.attribute()?,
            }
        }
    }

    fn check_attribute_prefixes(&self) -> Read<()> {
        for attribute in &self.attributes {
            let (prefix, _) = attribute.split();
            if !prefix.is_empty() && prefix != "xml" && self.binding(prefix).is_none() {
                return Err(self.stop(Rule::Prefix, attribute.at, format!("the prefix `{prefix}` stands for no namespace")));
            }
        }
        Ok(())
    }

    fn attribute(&mut self) -> Read<()> {
        let at = self.at;
        let (name, colon) = self.name()?;
        self.skip_blanks();
        if self.bytes.get(self.at) != Some(&b'=') {
            return Err(self.stop(Rule::Syntax, self.at, format!("the attribute `{name}` has no value")));
        }
        self.at += 1;
        self.skip_blanks();
        let value = self.attribute_value()?;
        if self.attributes.len() + self.bindings.len() >= self.limits.attributes_max {
            let text = format!("more than {} attributes", self.limits.attributes_max);
            return Err(self.stop(Rule::Attributes, at, text));
        }
        match colon {
            None if name == "xmlns" => self.bind("", value, at),
            Some(5) if name.starts_with("xmlns") => self.bind(&name[6..], value, at),
            _ => {
                self.attributes.push(Attribute { name, value, at });
                Ok(())
            }
        }
    }

    fn bind(&mut self, prefix: &'a str, uri: Cow<'a, str>, at: usize) -> Read<()> {
        const XML: &str = "http://www.w3.org/XML/1998/namespace";
        const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
        let forbidden =
            prefix == "xmlns" || uri == XMLNS || (prefix == "xml") != (uri == XML) || (uri.is_empty() && !prefix.is_empty());
        if forbidden {
            return Err(self.stop(Rule::Prefix, at, "a namespace declaration that XML does not allow"));
        }
        let depth = self.open.len();
        if self.bindings.iter().rev().take_while(|binding| binding.depth == depth).any(|binding| binding.prefix == prefix) {
            return Err(self.stop(Rule::AttributeTwice, at, "the same namespace declaration stands here twice"));
        }
        let is_target = !self.target.is_empty() && uri == self.target;
        self.bindings.push(Binding { prefix, uri, is_target, depth });
        Ok(())
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| is(*byte, chars::SPACE)) {
            self.at += 1;
        }
    }

    /// Remembers the element whose start tag was just read.
    pub(crate) fn mark(&self) -> Mark<'a> {
        Mark { head: self.head, open: self.open.len() }
    }

    /// Goes back to a marked element (after a violation of its schema) and passes over it, checking only that it is
    /// well-formed. Afterwards the head is its end tag.
    pub(crate) fn skip_from(&mut self, mark: Mark<'a>) -> Read<()> {
        self.open.truncate(mark.open - 1);
        self.pop_bindings();
        self.at = mark.head.at;
        self.target = "";
        self.advance()?;
        self.skip()
    }
}
