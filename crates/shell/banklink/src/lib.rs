//! Banklink knows how a participant talks to the centre's public door; it does not know the participant's books.
//!
//! A [`Link`] is one participant's way to the centre: mutual TLS over a few kept-alive connections, every request signed
//! (RFC 9421), every answer's signature verified before anybody sees it. Messages are bytes the caller has stored: sending
//! the same bytes again is always safe, the centre answers as it did. What the centre has to tell the participant comes
//! through the inbox, item by item in the chain's order, at least once: [`Link::run_inbox`] hands batches to an
//! [`InboxHandler`] that returns after it has committed them together with their cursor.
//!
//! # Not here
//! What a message says, which payments are open, what to do when in doubt: the participant's books know. Silence is never an
//! answer: an error for which [`LinkError::in_doubt`] holds says nothing about what became of a message, and the caller asks
//! (`pacs.028`) or sends the same bytes again.
//!
//! # Units and limits
//! At most [`CONNECTIONS_MAX`] connections and the inbox's own. Answers have at most [`ANSWER_BYTES_MAX`] bytes, inbox items
//! [`EVENT_BYTES_MAX`], batches [`BATCH_ITEMS_MAX`] items. A request ends [`ANSWER_GRACE_S`] seconds after the time it asked the
//! centre to wait. Times are seconds since 1970 UTC where signed, milliseconds elsewhere.
//!
//! # Start reading at
//! [`Link::send_message`], then [`Link::run_inbox`].

mod aliases;
mod answer;
mod client;
mod connector;
mod error;
mod inbox;
mod item;
mod link;
mod pool;
mod quotes;
mod sse;
mod trial;
mod what_if;

pub use aliases::{ALIAS_CHANGES_MAX, AliasChange, AliasFound, AliasOutcome, AliasPort, AliasProof};
pub use answer::{Answer, AnswerBody, Problem};
pub use client::ANSWER_BYTES_MAX;
pub use connector::{Connecting, Connection, Connector, TlsConnector};
pub use error::LinkError;
pub use inbox::{BATCH_ITEMS_MAX, HandlerFailed, InboxHandler, LinkState};
pub use item::InboxItem;
pub use link::{ANSWER_GRACE_S, AccountBalance, CentreKeys, Link, LinkConfig, ParticipantInfo, WAIT_S_MAX};
pub use pool::CONNECTIONS_MAX;
pub use quotes::{FixedSide, Quote, QuoteRequest, StandingRate};
pub use sse::EVENT_BYTES_MAX;
pub use what_if::{QuotaLeft, ToldCharges, ToldMoney, WhatIf, WhatIfQuestion, WhyNot};

/// Readers of what the centre sends by themselves, for harnesses that judge them on any bytes.
#[doc(hidden)]
pub mod hooks {
    use crate::sse::SseReader;
    use crate::{InboxItem, LinkError};
    use signing::Keys;

    /// Data of the events in a stream that arrives in these pieces; `None` when one is too long.
    pub fn events(pieces: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
        let (mut reader, mut events) = (SseReader::default(), Vec::new());
        pieces.iter().try_for_each(|piece| reader.push(piece, &mut events)).ok()?;
        Some(events)
    }

    /// The items of one event, verified.
    ///
    /// # Errors
    /// It is no batch of items, or not one the centre signed for this participant.
    pub fn items(event: &[u8], bic: &str, keys: &dyn Keys) -> Result<Vec<InboxItem>, LinkError> {
        InboxItem::read_batch(event, bic, keys)
    }
}
