//! Ledger knows accounts, transfers and holds; it does not know payments, participants or time.
//!
//! A [`Ledgers`] holds the accounts of all currencies. Money moves by a [`Leg`]: one debit and one credit of the same
//! amount between two accounts of one ledger, or on both sides of one. Legs come as a *linked chain*: all happen or none. A chain is either
//! posted at once ([`Ledgers::transfer`]) or held first: [`Ledgers::place`], then exactly once [`Ledgers::post`] or
//! [`Ledgers::void`]; a hold of one leg may be drawn on before, part by part: [`Ledgers::draw`]. What several accounts owe each other settles by its differences: [`Ledgers::transfer_together`].
//!
//! # Invariants
//! - LED-01: on every ledger debits equal credits, posted and held alike; a leg never crosses ledgers.
//! - LED-02: an account that has a floor never owes and holds more than it has posted and the floor allows.
//! - LED-03: a hold resolves exactly once; its slot may be used again under another generation.
//! - LED-04: the open holds of an account add up to what it shows as held.
//!
//! # Units and limits
//! Amounts are minor units of the account's currency. Posted and held together never pass 2^64-1 on either side of an
//! account; [`LedgerError::TooLarge`] is answered before anything moves. At most [`LEGS_MAX`] legs make a chain.
//!
//! # Start reading at
//! [`Ledgers::place`].

mod account;
mod draw;
mod hold;
pub mod laws;
mod ledgers;
mod snapshot;
mod together;

pub use account::{Account, AccountId, Floor, LedgerId};
pub use hold::{Hold, HoldId, LEGS_MAX, Leg};
pub use ledgers::{LedgerError, Ledgers};
pub use snapshot::SnapshotError;
