//! ISO 20022 knows the messages, their schemas and the scheme's business rules; it does not know the ledger.
//!
//! The types in [`generated`] are made from the official schemas by `cargo xtask gen-iso`. Reading one is parsing and
//! full schema validation in a single pass: whatever exists as a value of such a type satisfies its schema, and whatever
//! is written from one validates. The only place for tags like `IntrBkSttlmAmt` is here.
//!
//! # Not here
//! Signatures (`signing`), and what a payment does (`clearing`).
//!
//! # Units and limits
//! [`Limits`]: 1 MiB, 64 levels, 32 attributes; UTF-8 without document type declarations or custom entities.
//!
//! # Start reading at
//! [`read_message`] and [`Violation`]; the reader is `xml/content.rs`.

pub mod bulk;
pub mod check;
pub mod codes;
mod envelope;
#[rustfmt::skip]
pub mod generated;
pub mod currencies;
mod named;
pub mod rules;
mod scheme;
pub mod value;
pub mod view;
mod violation;
mod xml;

pub use envelope::{BusinessMessage, Judged, judge_all, read_business_message, read_message, split};
pub use generated::{Message, MessageType};
pub use named::{Named, NamedDocument, NamedField, PersonalData, Side, named};
pub use scheme::Carried;
pub use violation::{Rule, Stop, Violation};
pub use xml::{Element, Limits, RawXml, Reader, Writer};
