//! Directory knows which account a mobile number, an address or a scheme identifier stands for; it does not know money or messages.
//!
//! ```text
//! a bank registers its customer's alias ─▶ [`Directory::change`] ─▶ durable ─▶ told so
//! another bank asks before a payment    ─▶ rate, warnings ─▶ [`Directory::look_up`] ─▶ audit ─▶ bank, account, masked name
//! ```
//! Personal data is not in the chain, and little of it is here: an alias is kept as a keyed hash, a name only as it is shown.
//! Whoever takes the file without the key has neither numbers nor names.
//!
//! # Not here
//! Who asks and whether a message is signed (`gateway`); whether a name is the account holder's (the payee's bank, `acmt.023`).
//!
//! # Invariants
//! - DIR-01: an alias has at most one registration a bank, at most [`REGISTRATIONS_MAX`], and at most one default.
//! - DIR-02: a default leaves a bank only with that bank's word, or by its silence where the settings say so.
//! - DIR-03: nothing is answered before it is durable, and no look-up before its line is on its way to the audit file.
//!
//! # Units and limits
//! Times are nanoseconds since 1970 UTC. Every limit is a constant beside what it limits, or in [`Settings`].
//!
//! # Start reading at
//! [`Alias`], then [`Directory::change`] and [`Directory::look_up`].

mod alias;
mod audit;
mod buckets;
mod directory;
mod persons;
mod record;
mod refusal;
mod settings;
mod store;
mod warnings;

pub use alias::{Alias, AliasFault, AliasKind};
pub use audit::AUDIT_QUEUE_MAX;
pub use directory::{Answer, Ask, CHANGES_MAX, Change, Changed, Directory, Port, Refused};
pub use persons::{AliasHeld, Kept};
pub use record::REGISTRATIONS_MAX;
pub use refusal::{DirectoryError, DirectoryRefusal};
pub use settings::{Rate, Settings, Silence};
pub use warnings::{Tier, WarningDocument, WarningFault};

/// Readers and writers by themselves, for benchmarks and harnesses that judge them on any bytes.
#[doc(hidden)]
pub mod hooks {
    use crate::record::Record;

    /// A record read and written again.
    pub fn record_again(bytes: &[u8]) -> Option<Vec<u8>> {
        Some(Record::read(bytes)?.to_bytes())
    }
}
