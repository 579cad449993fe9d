//! Bank knows customers, their accounts and their pages; it does not know the centre but through banklink.
//!
//! The reference participant: a small bank whose customers pay across and are paid. [`Bank::start`] opens its books, links
//! to the centre as any bank would (public door, own keys, own certificate), and serves a web bank.
//!
//! # Not here
//! How the centre is reached and believed (`banklink`), what messages look like on the wire (`iso20022`), who may take part
//! and when a payment is final (the centre).
//!
//! # Invariants
//! BNK-01 to BNK-04 in [`books`], checked by [`BankHandle::books_report`].
//!
//! # Units and limits
//! Amounts are minor units with their currency, never floats; times are milliseconds since 1970 UTC. Limits stand beside
//! what they limit: payments under way, entries shown, sessions, watchers, bodies, messages being sent.
//!
//! # Start reading at
//! [`books`] for what is kept, `engine` for what runs, `web` for what is seen.

mod aliases;
mod asking;
mod bank;
pub mod books;
pub mod bulk;
mod config;
mod directory;
mod engine;
mod fault;
mod hanzi;
mod inner;
mod mandates;
mod messages;
pub mod names;
pub mod order;
mod password;
mod sample;
mod script;
mod service;
mod session;
pub mod standing;
mod teller;
mod web;

pub use asking::{Asked, TypedRequest};
pub use bank::{Bank, BankHandle, StartError};
pub use config::{Accent, BankConfig, CURRENCIES, NameForms, RateCard};
pub use fault::{Fault, SLOW_MS_MAX};
pub use mandates::{MandateDecision, TypedCollection, TypedMandate};
pub use password::PasswordHash;
pub use sample::{SAMPLE_PASSWORD, SampleBank, SampleCustomer, sample_banks};
pub use script::{Question, SCRIPT_RULES_MAX, Script, ScriptFault, ScriptRule};
pub use service::ServiceError;
pub use teller::{Desk, Teller};
