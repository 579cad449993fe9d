//! History knows the past in the order a reader asks for it; it does not know how to decide anything.
//!
//! A [`ReadModel`] is fed with durable blocks, in order, by the journal's sink. Readers get payments by any identifier, a
//! participant's payments and its inbox from any position, balances, the tree of final payments for receipts, and a feed of
//! what happens now.
//!
//! ```text
//!  durable block ─▶ memory: open payments, the last ones, what is not indexed yet ─▶ indexing ─▶ Index: everything
//!                      ▲ asked first                                                               ▲ asked for the rest
//! ```
//! The [`Index`] is a function of durable blocks. It notes in the same transaction how far it is; a start goes on from there,
//! and one that is gone, damaged or of another chain is made again from the archive and the centre's record.
//!
//! # Not here
//! Anything that is not durable: a reader never sees what a crash could take back.
//!
//! # Units and limits
//! Memory does not grow with the past: it holds [`Tuning::recent_payments`] and what is open or waits for the index, which
//! [`ReadModel::is_behind`] lets the door keep small. [`Feed`] keeps the last [`Feed::EVENTS_MAX`] events and 120 seconds of
//! counts.
//!
//! # Start reading at
//! [`ReadModel::durable`], then [`Index`].

mod books;
mod catch_up;
mod embedded;
mod feed;
mod inbox;
mod laws;
mod matters;
mod model;
mod port;
mod postgres;
mod query;
mod recent;
mod rules;
mod sponsored;
mod statement;
mod tables;
mod thread;
mod tiles;
mod waiting;
mod writer;

pub use self::postgres::PostgresIndex;
pub use books::{AccountKey, Entry, EntryKind, Totals};
pub use catch_up::root_of;
pub use embedded::EmbeddedIndex;
pub use feed::{Feed, FeedEvent, Pulse};
pub use inbox::{About, InboxEntry, InboxItem, InboxKind, Tells};
pub use laws::{LAWS, LawStatus};
pub use model::{ReadModel, Tip, Tuning};
pub use port::{Arrival, Batch, Index, IndexError, Key, Mark, Order, Row, Span};
pub use query::{PaymentPage, PaymentQuery};
pub use statement::{AccountTotals, StatementPage, StatementQuery};
pub use thread::Indexing;
