//! Code sets published apart from the schemas, one closed enum for each that a message refers to: [`StatusReason`],
//! [`Purpose`], [`CancellationReason`] and so on, of the edition [`EDITION`].
//!
//! An enum is named after its set without `External` and `1Code`. A variant is named after its code as the codes of the
//! schemas are: `AM04` is `Am04`. Where that is no name, because the code begins with a digit or is the word `Self`, a `C`
//! stands before it: `04` is `C04`.
//!
//! A message keeps a code as its schema allows it, as checked text: a newer edition may know more, and whoever sends from
//! it is read and answered. [`known`](crate::generated::ExternalStatusReason1Code::known) takes the text for its enum, or
//! gives an [`UnknownCode`]. The other way nothing can fail: the text of a variant is made by `from`.
//!
//! # Not here
//! What the scheme does with a code: [`crate::rules`], and who uses the views.
//!
//! # Units and limits
//! No code allocates. Finding a code is a binary search of a sorted table. Seven sets have no codes in this edition: their
//! enums have no variants.

use std::fmt::{self, Write as _};

pub use crate::generated::codes::*;

/// One external code set, whatever its enum.
#[derive(Debug, Clone, Copy)]
pub struct CodeSet {
    name: &'static str,
    enumeration: &'static str,
    messages: &'static [&'static str],
    codes: &'static [(&'static str, &'static str)],
}

impl CodeSet {
    pub(crate) const fn new(
        name: &'static str,
        enumeration: &'static str,
        messages: &'static [&'static str],
        codes: &'static [(&'static str, &'static str)],
    ) -> Self {
        Self { name, enumeration, messages, codes }
    }

    /// Its name in ISO 20022, such as `ExternalPurpose1Code`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The name of its enum, such as `Purpose`.
    pub const fn enumeration(&self) -> &'static str {
        self.enumeration
    }

    /// The messages whose schemas refer to it, in the order of the register.
    pub const fn messages(&self) -> &'static [&'static str] {
        self.messages
    }

    /// Its codes in order, each with what [`ExternalCode::meaning`] says.
    pub const fn codes(&self) -> &'static [(&'static str, &'static str)] {
        self.codes
    }

    /// Whether the code is in the set.
    pub fn is_known(&self, code: &str) -> bool {
        self.place(code).is_some()
    }

    fn place(&self, code: &str) -> Option<usize> {
        self.codes.binary_search_by(|(known, _)| (*known).cmp(code)).ok()
    }
}

/// What the enums of all sets have in common; each has these methods without the trait, too.
pub trait ExternalCode: Copy + Ord + fmt::Debug + fmt::Display + 'static {
    /// Its set.
    const SET: &'static CodeSet;
    /// All codes in order.
    const ALL: &'static [Self];
    /// The type of the schemas whose text the codes are.
    type Wire: From<Self> + AsRef<str>;

    /// The code as written.
    fn as_str(self) -> &'static str;

    /// What the set says about the code: its first sentence, at most 100 characters of it.
    fn meaning(self) -> &'static str;

    /// The value a code stands for.
    ///
    /// # Errors
    /// If the set of this edition does not have it.
    fn read(code: &str) -> Result<Self, UnknownCode<'_>> {
        Self::SET.place(code).map(|at| Self::ALL[at]).ok_or(UnknownCode { set: Self::SET.name, code })
    }
}

/// A code that its set does not have in this edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` is not in {set}")]
pub struct UnknownCode<'a> {
    /// The set's name in ISO 20022.
    pub set: &'static str,
    /// The code as written.
    pub code: &'a str,
}

/// The enum of one set. `$wire` is the type of the schemas whose text the codes are; the codes come sorted, so that a
/// variant's number is its place in the table.
macro_rules! code_set {
    ($(#[$doc:meta])* $name:ident, $wire:ident, [$($message:literal)*],) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {}

        impl $name {
            /// The code as written.
            pub const fn as_str(self) -> &'static str {
                match self {}
            }

            /// What the set says about the code.
            pub const fn meaning(self) -> &'static str {
                match self {}
            }
        }

        $crate::codes::code_set! { @common $name, $wire, [$($message),*], [], [] }
    };
    ($(#[$doc:meta])* $name:ident, $wire:ident, [$($message:literal)*], $($variant:ident $code:literal $meaning:literal,)+) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum $name { $($variant),+ }

        impl $name {
            /// The code as written.
            pub const fn as_str(self) -> &'static str {
                Self::SET.codes()[self as usize].0
            }

            /// What the set says about the code: its first sentence, at most 100 characters of it.
            pub const fn meaning(self) -> &'static str {
                Self::SET.codes()[self as usize].1
            }
        }

        $crate::codes::code_set! { @common $name, $wire, [$($message),*], [$($variant),+], [$(($code, $meaning)),+] }
    };
    (@common $name:ident, $wire:ident, [$($message:literal),*], [$($variant:ident),*], [$($row:expr),*]) => {
        impl $name {
            /// Its set.
            pub const SET: &'static $crate::codes::CodeSet =
                &$crate::codes::CodeSet::new(stringify!($wire), stringify!($name), &[$($message),*], &[$($row),*]);
            /// All codes in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value a code stands for, if the set of this edition has it.
            pub fn parse(code: &str) -> Option<Self> {
                Self::read(code).ok()
            }

            /// The value a code stands for.
            ///
            /// # Errors
            /// If the set of this edition does not have it.
            pub fn read(code: &str) -> Result<Self, $crate::codes::UnknownCode<'_>> {
                <Self as $crate::codes::ExternalCode>::read(code)
            }
        }

        impl $crate::codes::ExternalCode for $name {
            const SET: &'static $crate::codes::CodeSet = Self::SET;
            const ALL: &'static [Self] = Self::ALL;
            type Wire = $crate::generated::$wire;

            fn as_str(self) -> &'static str {
                self.as_str()
            }

            fn meaning(self) -> &'static str {
                self.meaning()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::generated::$wire {
            /// The code's value.
            ///
            /// # Errors
            /// If the set of this edition does not have the code.
            pub fn known(&self) -> Result<$name, $crate::codes::UnknownCode<'_>> {
                $name::read(self.as_str())
            }
        }

        impl From<$name> for $crate::generated::$wire {
            fn from(code: $name) -> Self {
                Self::new(code.as_str()).expect("the generator took no code that its type does not allow")
            }
        }
    };
}

/// What is made of the list of all sets.
macro_rules! code_sets {
    ($($name:ident),+ $(,)?) => {
        /// All sets, by their names.
        pub static CODE_SETS: &[&$crate::codes::CodeSet] = &[$($name::SET),+];

        #[cfg(test)]
        mod tests {
            #[test]
            fn every_code_of_every_set_reads_back() {
                $($crate::codes::tests::reads_back::<super::$name>();)+
            }
        }
    };
}

pub(crate) use {code_set, code_sets};

/// `docs/reference/code-sets.md`.
pub fn reference_page() -> String {
    let mut page = format!(
        "# External code sets\n\nWritten by `iso20022::codes::reference_page` from the enums that `cargo xtask gen-iso` made of edition {EDITION}: every\n\
         set that the schemas of the messages refer to. A message keeps a code as text of its schema; whether the code is in\n\
         its set is asked where it matters ([business rules](business-rules.md) BR-21, BR-29 and BR-30). A set without codes\n\
         was published without any.\n\n| Set | Enum | Codes | Messages |\n|---|---|---|---|\n"
    );
    for set in CODE_SETS {
        let messages = messages_in_short(set.messages());
        let _ = writeln!(page, "| `{}` | `{}` | {} | {messages} |", set.name, set.enumeration, set.codes.len());
    }
    page
}

/// `camt.052.001.08`, `camt.053.001.08`, `pacs.008.001.08` → `camt.052, camt.053, pacs.008`: no message is here in two versions.
fn messages_in_short(messages: &[&str]) -> String {
    let short: Vec<&str> = messages.iter().map(|message| message.get(..8).unwrap_or(message)).collect();
    short.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// All that is said of an enum, for each of its codes.
    pub(crate) fn reads_back<C: ExternalCode>() {
        assert_eq!(C::ALL.len(), C::SET.codes.len(), "{}", C::SET.name);
        for (at, code) in C::ALL.iter().enumerate() {
            let text = code.as_str();
            assert_eq!((text, code.meaning()), C::SET.codes[at], "{}", C::SET.name);
            assert_eq!((C::read(text), code.to_string().as_str()), (Ok(*code), text), "{}", C::SET.name);
            assert_eq!(C::Wire::from(*code).as_ref(), text, "{}", C::SET.name);
            assert!(!code.meaning().is_empty() && code.meaning().chars().count() <= 101, "{text} of {}", C::SET.name);
        }
        assert!(C::SET.codes.windows(2).all(|two| two[0].0 < two[1].0), "{} is not sorted, or has a code twice", C::SET.name);
        for unknown in ["", "QQQQQ", "am04", "AM04 "] {
            assert_eq!(C::read(unknown), Err(UnknownCode { set: C::SET.name, code: unknown }));
        }
    }

    #[test]
    fn sets_are_sorted_and_named_once() {
        assert!(CODE_SETS.windows(2).all(|two| two[0].name < two[1].name));
        let enums: BTreeSet<_> = CODE_SETS.iter().map(|set| set.enumeration).collect();
        assert_eq!(enums.len(), CODE_SETS.len());
        assert!(CODE_SETS.iter().all(|set| !set.messages.is_empty()));
    }

    #[test]
    fn variants_are_named_after_their_codes() {
        assert_eq!(
            (StatusReason::Am04.as_str(), StatusReason::Am04.meaning()),
            ("AM04", "Amount of funds available to cover specified message amount is insufficient")
        );
        // A code that begins with a digit, and one that is a word of the language.
        assert_eq!((LocalInstrument::C04.as_str(), SystemBalanceType::CSelf.as_str()), ("04", "SELF"));
        // Every place takes a variant, also at the end of a long set.
        assert_eq!(Purpose::ALL.last().map(|code| code.as_str()), Purpose::SET.codes().last().map(|(code, _)| *code));
    }

    #[test]
    fn an_unknown_code_is_refused_by_name() {
        let text = crate::generated::ExternalPurpose1Code::new("QQQQ").unwrap();
        assert_eq!(text.known().map_err(|error| error.to_string()), Err("`QQQQ` is not in ExternalPurpose1Code".to_owned()));
        assert_eq!(crate::generated::ExternalPurpose1Code::from(Purpose::Rent).known(), Ok(Purpose::Rent));
        assert_eq!(BankTransactionDomain::parse("PMNT"), None, "a set without codes");
        assert_eq!(format!("{:?} {:>6}", StatusReason::Ac04, StatusReason::Ac04), "AC04   AC04");
    }
}
