//! Text with facets, enumerations, and the small types the generated code is made of.

use super::pattern::{Piece, matches_any};
use crate::violation::Rule;

/// Which facet a value breaks, and how to go on after "`Field` ...".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: the value {text}")]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// What is wrong, as the end of a sentence.
    pub text: String,
}

impl Broken {
    pub(crate) fn new(rule: Rule, text: impl Into<String>) -> Self {
        Self { rule, text: text.into() }
    }
}

/// Length in characters and form of a text type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFacets {
    pub min: usize,
    pub max: usize,
    pub pattern: &'static [&'static [Piece]],
}

impl TextFacets {
    #[inline]
    pub(crate) fn check(&self, text: &str) -> Result<(), Broken> {
        if !self.pattern.is_empty() && !matches_any(text, self.pattern) {
            return Err(Broken::new(Rule::Pattern, "does not have the form its type demands"));
        }
        // Characters are at most as many as bytes, so counting is needed only near a limit.
        if text.len() > self.max && text.chars().count() > self.max {
            return Err(Broken::new(
                Rule::Length,
                format!("has {} characters, at most {} are allowed", text.chars().count(), self.max),
            ));
        }
        if text.len() < self.min * 4 && text.chars().count() < self.min {
            return Err(Broken::new(Rule::Length, if text.is_empty() { "is empty" } else { "is too short" }));
        }
        Ok(())
    }
}

/// `xs:boolean`, blanks cut already.
pub(crate) fn is_boolean(text: &str) -> bool {
    matches!(text, "true" | "false" | "1" | "0")
}

/// `xs:base64Binary` of at least one byte.
pub(crate) fn is_base64_of_something(text: &str) -> bool {
    !text.is_empty() && is_base64(text)
}

/// `xs:base64Binary`: groups of four, blanks between them.
pub(crate) fn is_base64(text: &str) -> bool {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).collect();
    let body = digits.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')).count();
    let padding = &digits[body..];
    let last_fits = match (padding, body.checked_sub(1).map(|at| digits[at])) {
        ([], _) => true,
        ([b'='], Some(last)) => b"AEIMQUYcgkosw048".contains(&last),
        ([b'=', b'='], Some(last)) => b"AQgw".contains(&last),
        _ => false,
    };
    digits.len().is_multiple_of(4) && last_fits
}

/// Which characters text may have beyond the schema's own rules; used by [`crate::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// Printable ASCII: the characters that every participant of a Latin-script scheme can show.
    Latin,
    /// Any character XML allows, Chinese names among them.
    Any,
}

/// A type of text with length and form.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $iso:literal, $min:literal, $max:expr, $pattern:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            const FACETS: $crate::value::TextFacets = $crate::value::TextFacets { min: $min, max: $max, pattern: $pattern };

            /// Takes text that satisfies the type's facets.
            pub fn new(text: impl Into<String>) -> Result<Self, $crate::value::Broken> {
                let text = text.into();
                Self::FACETS.check(&text).map(|()| Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl $crate::xml::Element for $name {
            const TYPE: &'static str = $iso;

            fn read(reader: &mut $crate::xml::Reader<'_>) -> Result<Self, Box<$crate::violation::Stop>> {
                reader.faceted_text(Self::TYPE, &Self::FACETS).map(Self)
            }

            fn write(&self, writer: &mut $crate::xml::Writer, name: &'static str) {
                writer.leaf(name, &self.0);
            }
        }
    };
}

/// A type whose text is judged without the blanks around it: dates, times, booleans.
macro_rules! trimmed_type {
    ($(#[$doc:meta])* $name:ident, $iso:literal, $check:path, $rule:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Takes text of the right form; blanks around it are cut.
            pub fn new(text: &str) -> Result<Self, $crate::value::Broken> {
                let text = $crate::xml::trim(text);
                if $check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::value::Broken::new($crate::violation::Rule::$rule, concat!("is not ", $what)))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl $crate::xml::Element for $name {
            const TYPE: &'static str = $iso;

            fn read(reader: &mut $crate::xml::Reader<'_>) -> Result<Self, Box<$crate::violation::Stop>> {
                reader.value(Self::TYPE, Self::new)
            }

            fn write(&self, writer: &mut $crate::xml::Writer, name: &'static str) {
                writer.leaf(name, &self.0);
            }
        }
    };
}

/// A decimal with facets.
macro_rules! decimal_type {
    ($(#[$doc:meta])* $name:ident, $iso:literal, $total:literal, $fraction:literal, $min:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name($crate::value::Decimal);

        impl $name {
            const FACETS: $crate::value::DecimalFacets =
                $crate::value::DecimalFacets { total_digits: $total, fraction_digits: $fraction, min_inclusive: $min };

            /// Reads decimal text.
            pub fn new(text: &str) -> Result<Self, $crate::value::Broken> {
                $crate::value::Decimal::parse(text, &Self::FACETS).map(Self)
            }

            /// The number.
            pub fn get(self) -> $crate::value::Decimal {
                self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $crate::xml::Element for $name {
            const TYPE: &'static str = $iso;

            fn read(reader: &mut $crate::xml::Reader<'_>) -> Result<Self, Box<$crate::violation::Stop>> {
                reader.value(Self::TYPE, Self::new)
            }

            fn write(&self, writer: &mut $crate::xml::Writer, name: &'static str) {
                writer.leaf(name, &self.0.to_string());
            }
        }
    };
}

/// An enumeration of codes.
macro_rules! code_type {
    ($(#[$doc:meta])* $name:ident, $iso:literal, $($variant:ident = $code:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The code as written.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The value a code stands for.
            pub fn new(code: &str) -> Result<Self, $crate::value::Broken> {
                match code {
                    $($code => Ok(Self::$variant),)+
                    _ => Err($crate::value::Broken::new(
                        $crate::violation::Rule::Enumeration,
                        concat!("is none of", $(" ", $code),+),
                    )),
                }
            }
        }

        impl $crate::xml::Element for $name {
            const TYPE: &'static str = $iso;

            fn read(reader: &mut $crate::xml::Reader<'_>) -> Result<Self, Box<$crate::violation::Stop>> {
                reader.value(Self::TYPE, Self::new)
            }

            fn write(&self, writer: &mut $crate::xml::Writer, name: &'static str) {
                writer.leaf(name, self.code());
            }
        }
    };
}

pub(crate) use {code_type, decimal_type, text_type, trimmed_type};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_characters() {
        let facets = TextFacets { min: 1, max: 3, pattern: &[] };
        assert!(facets.check("港元x").is_ok());
        assert!(facets.check("𠮷𠮷𠮷").is_ok());
        assert_eq!(facets.check("abcd").unwrap_err().rule, Rule::Length);
        assert_eq!(facets.check("").unwrap_err().rule, Rule::Length);
        let four = TextFacets { min: 2, max: 4, pattern: &[] };
        assert_eq!(four.check("港").unwrap_err().rule, Rule::Length);
    }

    #[test]
    fn base64_has_whole_groups() {
        for text in ["", "QQ==", "QUI=", "QUJD", "QU JD\nQQ==", "AAAA"] {
            assert!(is_base64(text), "{text}");
        }
        for text in ["Q", "QQ=", "QR==", "QUI", "====", "QQ==QQ==", "Q*=="] {
            assert!(!is_base64(text), "{text}");
        }
        assert!(is_base64_of_something("QQ==") && !is_base64_of_something("") && !is_base64_of_something("Q"));
    }
}
