//! Gateway knows the participants' door: authenticate, verify, parse, check, answer; it does not know balances.
//!
//! ```text
//! TLS 1.3, mutual ─▶ who (certificate) ─▶ rate, in flight ─▶ body ≤ 64 KiB ─▶ admission ─▶ signature ─▶ schema
//!      ─▶ sender ─▶ rules ─▶ risk ─▶ command ─▶ journal ─▶ block durable ─▶ [`Hub`] ─▶ the answer, signed; the inboxes, woken
//! ```
//! Every check leaves a proof the next step takes as an argument (`Peer`, `Authenticated`); every no is a value with a
//! code ([`GatewayRefusal`], [`signing::SignatureRefusal`], [`clearing::Refusal`], [`ordering::SubmitRefusal`]).
//!
//! # How the application starts it
//! 1. [`Hub::new`]; 2. open the journal with a sink that feeds the read model and then [`Hub::durable`] with each block and
//!    [`Hub::stopped`] at the end, calling [`Hub::load`] with the recovered centre; 3. [`Gateway::start`].
//!
//! # Not here
//! Balances and decisions (`clearing`), durability (`ordering`), tags and schemas (`iso20022`), the past (`history`).
//!
//! # Units and limits
//! See [`Limits`]: nothing here is without one.
//!
//! # Start reading at
//! [`Gateway::start`], then `routes.rs`, then `messages.rs`; the other way out is `hub.rs` and `inbox.rs`.

mod admission;
mod aliases;
mod answer;
mod assess;
mod auth;
mod cancellations;
mod clock;
mod days;
mod door;
mod doorway;
mod elsewhere;
mod enquiries;
mod forgotten;
mod gathered;
mod http;
mod hub;
mod inbox;
mod interbank;
mod items;
mod limits;
mod lists;
mod mandates;
mod messages;
mod notices;
mod openapi;
mod orders;
mod past;
mod payee;
pub mod persons;
mod preauths;
pub mod proof;
mod quotes;
mod reads;
mod recalls;
mod recent;
mod reference;
mod refusal;
mod registry;
mod requests;
mod returns;
mod routes;
mod rules;
mod server;
mod sponsorships;
mod statements;
mod terms;
mod transfers;
mod window;
mod wire;

pub use admission::AdmissionCounts;
pub use assess::{Assessor, PaymentFacts};
pub use clock::rfc3339;
pub use door::{Gateway, GatewayConfig, GatewayDeps, GatewayHandle};
pub use doorway::Doorway;
pub use elsewhere::{AskedHere, OtherDoors, SignedMessage};
pub use history::{InboxItem, InboxKind, IndexError, Key, PaymentPage, PaymentQuery, Tells};
pub use hub::{FinalityOf, Hub};
pub use limits::Limits;
pub use orders::{DOCUMENT_BYTES_MAX, Fitness, OrderDocument, OrderFault};
pub use past::{LatePast, Past, RecordedPast, Tip};
pub use reference::refusals_page;
pub use refusal::GatewayRefusal;
pub use window::GatewayWindow;

/// Readers of bodies by themselves, for harnesses that judge them on any bytes.
#[doc(hidden)]
pub mod hooks {
    pub use crate::quotes::{QuoteAsked, RateOffered};
    use money::{Currency, CurrencyCode};

    /// The body of a quote request.
    pub fn quote(body: &[u8], known: &dyn Fn(CurrencyCode) -> Option<Currency>) -> Option<QuoteAsked> {
        crate::quotes::read_quote(body, known).ok()
    }

    /// The body of a standing rate.
    pub fn rate(body: &[u8], known: &dyn Fn(CurrencyCode) -> Option<Currency>) -> Option<RateOffered> {
        crate::quotes::read_rate(body, known).ok()
    }
}
