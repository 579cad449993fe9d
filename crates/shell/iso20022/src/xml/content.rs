//! What generated types call: the next element by name and cardinality, text, attributes, and the end of a type.
//!
//! The head of the reader is the tag that comes next. Reading a type starts with its own start tag as the head and ends
//! with its end tag consumed. Only when something is wrong do names, paths and expectations get looked at.

use super::chars;
use super::reader::{Read, Reader, key};
use super::writer::Writer;
use crate::value::{Broken, TextFacets};
use crate::violation::{Rule, Stop};
use std::borrow::Cow;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// A type of the schemas: reads itself strictly and writes itself.
pub trait Element: Sized {
    /// The schema's name of the type.
    const TYPE: &'static str;

    /// Reads the element whose start tag is the reader's head, through its end tag.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Box<Stop>>;

    /// Writes itself as the element `name`.
    fn write(&self, writer: &mut Writer, name: &'static str);
}

impl<T: Element> Element for Box<T> {
    const TYPE: &'static str = T::TYPE;

    fn read(reader: &mut Reader<'_>) -> Result<Self, Box<Stop>> {
        T::read(reader).map(Box::new)
    }

    fn write(&self, writer: &mut Writer, name: &'static str) {
        T::write(self, writer, name);
    }
}

impl<'a> Reader<'a> {
    /// Whether the next tag starts the element `name` of the message's namespace.
    #[inline(always)]
    pub(crate) fn at(&self, name: &'static str) -> bool {
        self.head.key == key(name) && (name.len() < 8 || self.head.local == name)
    }

    /// Enters an element that holds elements: its attributes are checked, the head becomes its first child.
    #[inline]
    pub(crate) fn enter(&mut self, type_name: &'static str) -> Read<()> {
        if !self.attributes.is_empty() {
            self.check_attributes(type_name, "")?;
        }
        if self.head.empty {
            self.pop();
            self.head.start = false;
            self.head.key = 0;
            return Ok(());
        }
        self.advance()
    }

    /// The element must be over: another child is an error. `names` are the children its type knows.
    #[inline]
    pub(crate) fn leave(&mut self, type_name: &'static str, names: &'static [&'static str], choice: bool) -> Read<()> {
        if self.head.start { Err(self.unexpected(type_name, names, choice)) } else { Ok(()) }
    }

    /// Reads the element that is the head and moves on behind it.
    fn child<T: Element>(&mut self, name: &'static str, place: u32) -> Read<T> {
        match T::read(self) {
            Ok(value) => {
                self.advance()?;
                Ok(value)
            }
            Err(stop) => Err(stop.within(name, place)),
        }
    }

    /// An element that must be there.
    #[inline]
    pub(crate) fn required<T: Element>(&mut self, name: &'static str, names: &'static [&'static str]) -> Read<T> {
        if self.at(name) { self.child(name, 0) } else { Err(self.missing(name, names)) }
    }

    /// An element that may be there.
    #[inline]
    pub(crate) fn optional<T: Element>(&mut self, name: &'static str) -> Read<Option<T>> {
        if self.at(name) { self.child(name, 0).map(Some) } else { Ok(None) }
    }

    /// One alternative of a choice, known to be the head.
    #[inline]
    pub(crate) fn alternative<T: Element>(&mut self, name: &'static str) -> Read<T> {
        self.child(name, 0)
    }

    /// An element that may be there again and again.
    #[inline]
    pub(crate) fn repeated<T: Element>(
        &mut self,
        name: &'static str,
        min: usize,
        max: usize,
        names: &'static [&'static str],
    ) -> Read<Vec<T>> {
        let mut all = Vec::new();
        while self.at(name) {
            if all.len() == max {
                return Err(self.too_many(name, max));
            }
            all.push(self.child(name, all.len() as u32 + 1)?);
        }
        if all.len() < min { Err(self.missing(name, names)) } else { Ok(all) }
    }

    /// Text of an element without attributes of its own.
    #[inline]
    pub(crate) fn plain_text(&mut self, type_name: &'static str) -> Read<Cow<'a, str>> {
        if !self.attributes.is_empty() {
            self.check_attributes(type_name, "")?;
        }
        self.text()
    }

    /// The value of the one attribute an element has, which must be there. Call before [`Self::text`].
    pub(crate) fn required_attribute(&mut self, type_name: &'static str, name: &'static str) -> Read<Cow<'a, str>> {
        self.check_attributes(type_name, name)?;
        match self.attributes.iter_mut().find(|attribute| attribute.name == name) {
            Some(attribute) => Ok(std::mem::take(&mut attribute.value)),
            None => {
                let text = format!("`{}` must carry the attribute `{name}`", self.head.local);
                Err(self.stop(Rule::AttributeMissing, self.head.at, text))
            }
        }
    }

    /// Refuses attributes other than `allowed` and what XML Schema itself lets an instance carry.
    #[cold]
    fn check_attributes(&self, type_name: &'static str, allowed: &str) -> Read<()> {
        for attribute in &self.attributes {
            if attribute.name == allowed {
                continue;
            }
            let (prefix, local) = attribute.split();
            let is_xsi = !prefix.is_empty() && self.binding(prefix).is_some_and(|binding| binding.uri == XSI);
            match local {
                "schemaLocation" | "noNamespaceSchemaLocation" if is_xsi => {}
                "type" if is_xsi => self.check_xsi_type(type_name, &attribute.value, attribute.at)?,
                "nil" if is_xsi => {
                    return Err(self.stop(Rule::Nil, attribute.at, format!("`{}` cannot be nil", self.head.local)));
                }
                _ => {
                    let text = format!("`{}` has no attribute `{}`", self.head.local, attribute.name);
                    return Err(self.stop(Rule::AttributeUnknown, attribute.at, text));
                }
            }
        }
        Ok(())
    }

    /// `xsi:type` may only repeat what the schema says anyway: ISO 20022 derives no types from each other.
    fn check_xsi_type(&self, type_name: &str, value: &str, at: usize) -> Read<()> {
        let (prefix, local) = chars::trim(value).split_once(':').unwrap_or(("", chars::trim(value)));
        let in_target = self.binding(prefix).is_some_and(|binding| binding.is_target);
        if in_target && local == type_name {
            return Ok(());
        }
        Err(self.stop(Rule::Type, at, format!("`{}` is of type `{type_name}`, not `{value}`", self.head.local)))
    }

    /// No alternative of a choice is the head.
    #[cold]
    pub(crate) fn no_alternative(&self, names: &'static [&'static str]) -> Box<Stop> {
        let expected = alternatives(names);
        if !self.head.start {
            return self.stop(Rule::Missing, self.head.at, format!("one of {expected} is missing"));
        }
        let stop = self.misplaced(names, format!("`{}` stands where one of {expected} is expected", self.head.local));
        stop.within(self.head.local, 0)
    }

    /// `name` is required and is not the head.
    #[cold]
    fn missing(&self, name: &'static str, names: &'static [&'static str]) -> Box<Stop> {
        if !self.head.start {
            return self.stop(Rule::Missing, self.head.at, format!("`{name}` is missing"));
        }
        if self.head.key == 0 || !names.contains(&self.head.local) {
            return self.unexpected("", names, false);
        }
        if self.is_repeat() {
            let text = format!("`{}` may occur only once", self.head.local);
            return self.stop(Rule::Repeated, self.head.at, text).within(self.head.local, 0);
        }
        if self.follows(name) {
            let text = format!("`{}` stands before `{name}`, which must come first", self.head.local);
            return self.stop(Rule::Order, self.head.at, text).within(self.head.local, 0);
        }
        self.stop(Rule::Missing, self.head.at, format!("`{name}` is missing before `{}`", self.head.local))
    }

    /// Whether a sibling further on has this local name. Only for choosing between two ways to say the same thing.
    fn follows(&self, name: &str) -> bool {
        let Some(parent) = self.open.iter().rev().nth(1) else { return false };
        let rest = &self.source[self.at..];
        let until = rest.find(&format!("</{parent}")).unwrap_or(rest.len());
        [format!("<{name}>"), format!("<{name} "), format!(":{name}>"), format!("<{name}/")]
            .iter()
            .any(|tag| rest[..until].contains(tag.as_str()))
    }

    #[cold]
    fn too_many(&self, name: &'static str, max: usize) -> Box<Stop> {
        let text = format!("`{name}` may occur {max} times at most");
        self.stop(Rule::Repeated, self.head.at, text).within(name, max as u32 + 1)
    }

    /// The head is a child that cannot be here.
    #[cold]
    fn unexpected(&self, type_name: &'static str, names: &'static [&'static str], choice: bool) -> Box<Stop> {
        let local = self.head.local;
        let known = self.head.key != 0 && names.contains(&local);
        let stop = if known && choice {
            self.stop(Rule::Choice, self.head.at, format!("only one of {} may be given", alternatives(names)))
        } else if known && self.is_repeat() {
            self.stop(Rule::Repeated, self.head.at, format!("`{local}` may occur only once"))
        } else {
            let parent = self.open.iter().rev().nth(1).copied().unwrap_or("");
            let of_type = if type_name.is_empty() { String::new() } else { format!(" ({type_name})") };
            self.misplaced(names, format!("`{local}` is not expected here in `{parent}`{of_type}"))
        };
        stop.within(local, 0)
    }

    /// Whether an element of the head's name stands right before it.
    fn is_repeat(&self) -> bool {
        let before = chars::trim(&self.source[..self.head.at]);
        let name = self.open_name();
        before.ends_with(&format!("</{name}>")) || before.ends_with(&format!("<{name}/>"))
    }

    /// Right name in another namespace, right name in the wrong place, or a name the type does not know.
    fn misplaced(&self, names: &[&str], text: String) -> Box<Stop> {
        let at = self.head.at;
        match names.contains(&self.head.local) {
            true if self.head.key == 0 => {
                let text =
                    format!("`{}` is in the namespace `{}`, not `{}`", self.head.local, self.head_namespace(), self.target);
                self.stop(Rule::Namespace, at, text)
            }
            true => self.stop(Rule::Order, at, text),
            false => self.stop(Rule::Unknown, at, text),
        }
    }
}

fn alternatives(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// How much of a wrong value a violation repeats, in characters.
const QUOTE_MAX: usize = 40;

impl Reader<'_> {
    /// Text judged as a whole by `parse`: numbers, dates, codes.
    #[inline]
    pub(crate) fn value<T>(&mut self, type_name: &'static str, parse: fn(&str) -> Result<T, Broken>) -> Read<T> {
        let (name, at) = (self.head.local, self.head.at);
        let text = self.plain_text(type_name)?;
        parse(&text).map_err(|broken| self.broken(name, at, &text, broken))
    }

    /// Text with length and form.
    #[inline]
    pub(crate) fn faceted_text(&mut self, type_name: &'static str, facets: &TextFacets) -> Read<String> {
        let (name, at) = (self.head.local, self.head.at);
        let text = self.plain_text(type_name)?;
        match facets.check(&text) {
            Ok(()) => Ok(text.into_owned()),
            Err(broken) => Err(self.broken(name, at, &text, broken)),
        }
    }

    /// Text of the element with attributes checked already (simple content).
    pub(crate) fn content_value<T>(&mut self, parse: fn(&str) -> Result<T, Broken>) -> Read<T> {
        let (name, at) = (self.head.local, self.head.at);
        let text = self.text()?;
        parse(&text).map_err(|broken| self.broken(name, at, &text, broken))
    }

    /// An attribute's value that must satisfy its type.
    pub(crate) fn attribute_as<T>(
        &mut self,
        type_name: &'static str,
        attribute: &'static str,
        parse: fn(&str) -> Result<T, Broken>,
    ) -> Read<T> {
        let at = self.head.at;
        let value = self.required_attribute(type_name, attribute)?;
        parse(&value).map_err(|broken| self.broken(&format!("@{attribute}"), at, &value, broken))
    }

    #[cold]
    fn broken(&self, name: &str, at: usize, value: &str, broken: Broken) -> Box<Stop> {
        let mut quoted: String = value.chars().take(QUOTE_MAX).collect();
        if quoted.len() < value.len() {
            quoted.push('…');
        }
        self.stop(broken.rule, at, format!("`{name}` {}: `{quoted}`", broken.text))
    }
}
