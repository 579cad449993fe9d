//! Consortium knows how several operators agree on one chain of blocks; it does not know what payments mean.
//!
//! [`OrderedLog`](ordering::OrderedLog) over Commonware's simplex and marshal: no operator alone decides what is in a block,
//! and each final block carries signatures of a quorum. The only crate that knows that library.
//!
//! ```text
//!  our door ──▶ pool ◀──▶ gossip ◀──▶ other operators         commands, with the signed messages behind them
//!                 │
//!                 ▼
//!  engine ──▶ app ──▶ judge (replica)                        propose, verify: what a block does, before anybody votes
//!     │
//!     ├── final blocks ──▶ keeper ──▶ chain's files ──▶ Sink   durable, in order; then acknowledged
//!     └── its own files ──▶ recent ──▶ bundle                  votes, certificates, last blocks: one log, one sync
//!
//!  our door ◀──▶ enquiries ◀──▶ other operators              questions and answers that nobody keeps
//! ```
//!
//! # Invariants
//! - Nothing is told before it is durable on this node (ORD-01) and final in the consortium.
//! - A validator votes for a block only if every command in it was signed by who may ask for it, none was applied before,
//!   its time is near its own clock, and applying it gives exactly the block's header (ORD-02).
//! - The files are those of a single node: the same recovery, `fsck`, receipts.
//!
//! # Not here
//! What a signed message says ([`Authorise`], implemented by `gateway`), files (`ordering`), certificates' text (`chain`).
//!
//! # Start reading at
//! `engine.rs`, then `app.rs`, `replica.rs`, `keeper.rs`.

mod app;
mod authorise;
mod block;
mod bundle;
mod certificates;
mod command_id;
#[cfg(feature = "simulation")]
mod ear;
mod engine;
mod enquiries;
mod epochs;
mod evidence;
#[cfg(feature = "simulation")]
mod field;
mod gossip;
#[cfg(feature = "simulation")]
mod host;
mod judge;
mod keeper;
#[cfg(feature = "simulation")]
mod liar;
mod mark;
mod node;
mod oath;
mod pool;
mod recent;
mod replica;
mod rosters;
mod seen;
mod settings;
#[cfg(test)]
mod simulation;
mod status;

pub use app::{Pace, Refusals};
pub use authorise::{Authorise, Known, TakeAtItsWord, Unauthorised};
pub use block::{BODY_BYTES_MAX, Block, BlockCodec};
pub use bundle::BundleError;
pub use certificates::{Certificates, certificate_of};
pub use command_id::CommandId;
#[cfg(feature = "simulation")]
pub use ear::{Ears, Owed};
pub use enquiries::{A_SECOND, ASKED_MAX, ENQUIRY_BYTES_MAX, Enquiries, Enquiry, WAITING_MAX};
pub use evidence::Witness;
#[cfg(feature = "simulation")]
pub use field::{Field, Seat, Weather};
#[cfg(feature = "simulation")]
pub use host::{Host, HostFile};
pub use keeper::{Progress, SharedProgress};
#[cfg(feature = "simulation")]
pub use liar::{Lie, Mouth};
pub use mark::MarkFiles;
pub use node::{Beginning, Consortium, NodeConfig, Peer, StartError, public_key};
pub use oath::Oath;
pub use replica::{Built, Candidate, Reach, Refusal, Replica, State, TimeBounds};
pub use rosters::{Assembly, Calendar, Roster, Rosters};
pub use seen::Seen;
pub use settings::{Settings, Timeouts};
pub use status::{HEARD_VIEWS, Role, SharedStatus, Status};
