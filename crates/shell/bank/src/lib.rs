//! Bank knows customers, their accounts and their pages; it reaches the centre only through banklink.
pub mod books;
mod clock;
mod config;
mod directory;
mod engine;
mod fault;
mod hanzi;
mod inner;
mod messages;
pub mod names;
pub mod order;
mod password;
mod sample;
mod service;
mod session;

pub use config::{Accent, BankConfig, CURRENCIES, NameForms, RateCard};
pub use fault::{Fault, SLOW_MS_MAX};
pub use password::PasswordHash;
pub use sample::{SAMPLE_PASSWORD, SampleBank, SampleCustomer, sample_banks};
