//! What is wrong with a message, and where: one closed list of rules with stable codes.
//!
//! A [`Violation`] is a value made from the first thing that breaks a rule of XML, of the message's schema, or of our
//! limits. The scheme's business rules are another matter: see [`crate::rules`].

use serde::Serialize;
use std::fmt;

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The rule a message breaks. The code is stable: append only, never renamed, never reused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $($(#[$doc])* $name,)* }

        impl Rule {
            /// Every rule, in the order of the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

rules! {
    /// The message is longer than the limit.
    Size = "LIMIT-SIZE",
    /// Elements are nested deeper than the limit.
    Depth = "LIMIT-DEPTH",
    /// An element carries more attributes, or more namespaces are in scope, than the limit.
    Attributes = "LIMIT-ATTRIBUTES",
    /// Not UTF-8, or declared as something else.
    Encoding = "XML-ENCODING",
    /// A character XML does not allow.
    Character = "XML-CHAR",
    /// Not well-formed.
    Syntax = "XML-SYNTAX",
    /// An end tag does not match its start tag.
    TagMismatch = "XML-TAG",
    /// A document type declaration; they are refused.
    Dtd = "XML-DTD",
    /// An entity other than the five XML has by itself.
    Entity = "XML-ENTITY",
    /// A prefix without a namespace, or a forbidden namespace declaration.
    Prefix = "XML-PREFIX",
    /// The same attribute twice.
    AttributeTwice = "XML-ATTR-TWICE",
    /// The root element is not one of a message.
    Root = "XSD-ROOT",
    /// The element has the right name in the wrong namespace.
    Namespace = "XSD-NAMESPACE",
    /// The element is not part of the type it stands in.
    Unknown = "XSD-UNKNOWN",
    /// The element stands in the wrong place.
    Order = "XSD-ORDER",
    /// A required element is missing.
    Missing = "XSD-MISSING",
    /// The element occurs more often than allowed.
    Repeated = "XSD-REPEATED",
    /// A second alternative of a choice.
    Choice = "XSD-CHOICE",
    /// Text between elements.
    Text = "XSD-TEXT",
    /// Elements where only text may be.
    Child = "XSD-CHILD",
    /// An attribute the element does not have.
    AttributeUnknown = "XSD-ATTR-UNKNOWN",
    /// A required attribute is missing.
    AttributeMissing = "XSD-ATTR-MISSING",
    /// `xsi:type` names another type than the schema's.
    Type = "XSD-TYPE",
    /// `xsi:nil` on an element that cannot be nil.
    Nil = "XSD-NIL",
    /// The text is too short or too long.
    Length = "XSD-LENGTH",
    /// The text does not have the form its type demands.
    Pattern = "XSD-PATTERN",
    /// The code is not one of the enumeration.
    Enumeration = "XSD-ENUM",
    /// Not a decimal number.
    Decimal = "XSD-DECIMAL",
    /// Too many digits, or too many after the point.
    Digits = "XSD-DIGITS",
    /// The number is below its minimum.
    Range = "XSD-RANGE",
    /// Not a date or time that exists.
    Date = "XSD-DATE",
    /// Not a boolean.
    Boolean = "XSD-BOOLEAN",
    /// Not base64.
    Base64 = "XSD-BASE64",
}

impl Rule {
    /// Whether reading cannot go on after this: XML itself is broken, or a limit is reached.
    pub fn is_fatal(self) -> bool {
        let code = self.code();
        code.starts_with("XML-") || code.starts_with("LIMIT-")
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// The first thing wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}:{line}:{column} {rule}: {text}")]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// Where: `/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/PmtId/UETR`. Elements that may repeat carry their place, from 1.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Says it to a person, in English.
    pub text: String,
}

/// A violation on its way up: each level adds its step of the path, so that valid messages pay nothing for it.
#[derive(Debug)]
pub struct Stop {
    pub(crate) rule: Rule,
    pub(crate) offset: usize,
    pub(crate) text: String,
    steps: Vec<(String, u32)>,
}

impl Stop {
    pub(crate) fn boxed(rule: Rule, offset: usize, text: String) -> Box<Self> {
        Box::new(Self { rule, offset, text, steps: Vec::new() })
    }

    /// Adds the step above. `place` counts from 1; 0 means that the element cannot repeat.
    #[cold]
    pub(crate) fn within(mut self: Box<Self>, name: &str, place: u32) -> Box<Self> {
        self.steps.push((name.to_owned(), place));
        self
    }

    /// The finished violation, placed in `source`.
    pub(crate) fn locate(&self, source: &[u8]) -> Violation {
        let mut path = String::new();
        for (name, place) in self.steps.iter().rev() {
            path.push('/');
            path.push_str(name);
            if *place > 0 {
                path.push_str(&format!("[{place}]"));
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        let (line, column) = line_and_column(source, self.offset);
        Violation { rule: self.rule, path, line, column, text: self.text.clone() }
    }
}

/// Line and column (in characters), both from 1, of a byte offset.
fn line_and_column(source: &[u8], offset: usize) -> (u32, u32) {
    let before = &source[..offset.min(source.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let is_character = |byte: &&u8| (**byte & 0xC0) != 0x80;
    let column = before[line_start..].iter().filter(is_character).count() + 1;
    (line as u32, column as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Rule::ALL.len());
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(line_and_column("a\n港元x".as_bytes(), 8), (2, 3));
        assert_eq!(line_and_column(b"", 0), (1, 1));
    }
}
