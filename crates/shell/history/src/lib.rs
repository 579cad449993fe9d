//! History knows the past in the order a reader asks for it; it does not know how to decide anything.
//!
//! A [`ReadModel`] is fed with durable blocks, in order, by the journal's sink, and rebuilt at a start from the recovered
//! state. Readers get payments by UETR, a participant's inbox from any position, balances, the tree of final payments
//! for receipts, and a feed of what happens now.
//!
//! # Not here
//! Anything that is not durable: a reader never sees what a crash could take back.
//!
//! # Units and limits
//! About 350 bytes of memory a payment, in tables that grow piece by piece: a block never waits while one is copied.
//! [`Feed`] keeps the last [`Feed::EVENTS_MAX`] events and 120 seconds of counts.
//!
//! # Start reading at
//! [`ReadModel::durable`].

mod feed;
mod inbox;
mod laws;
mod model;
mod rows;
mod rules;
mod uetrs;
mod waiting;

pub use feed::{Feed, FeedEvent, Pulse};
pub use inbox::{InboxEntry, InboxKind};
pub use laws::{LAWS, LawStatus};
pub use model::{ReadModel, Tip};
