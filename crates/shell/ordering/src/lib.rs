//! Ordering knows how commands become durable blocks; it does not know what they mean.
//!
//! An [`OrderedLog`] takes commands and hands back blocks. Nobody sees a block's effects before the block is durable
//! (ORD-01), and replaying the blocks rebuilds every balance and every byte of the state root (ORD-02). This crate holds
//! the embedded engine, [`Journal`]: append-only segment files of hash-chained blocks on one machine.
//!
//! ```text
//!  submit ─▶ queue ─▶ sequencer: time, apply, seal ─▶ writer: pwrite + fdatasync ─▶ Sink::durable
//! ```
//! Two threads, so that applying overlaps syncing. A lone command waits for nothing; under load the blocks grow by
//! themselves, because they are sealed when the writer is ready for them.
//!
//! # Files of a data folder
//! - `journal-<height>.log`: blocks from that height on, pre-written with zeros ([`frame`](self) layout in `frame.rs`).
//! - `vault-<number>.log`: signed messages as received. Personal data lives here and never in the chain.
//! - `snapshot-<height>.bin`: the state behind a block, so that a start need not replay everything.
//! - `archive-<number>.log`: the payments the centre has forgotten, for readers that are rebuilt; `letters-<number>.log`: what was sent to
//!   inboxes beside the ends of payments.
//! - `erasures.log`: which messages were erased when, by whose order; only where there were any.
//! - `lock`: held while a process has the folder open.
//!
//! Where several operators agree on the blocks, a [`Follower`] keeps the same files: whoever orders, the chain is one.
//!
//! # Not here
//! How operators agree (`consortium`). Meaning of commands (`clearing`), encoding of headers (`chain`), who waits for what (`gateway`).
//!
//! # Start reading at
//! [`Journal::open`], then `sequencer.rs`.

mod archive;
mod certificates;
mod clock;
mod disk;
mod erase;
mod follower;
mod frame;
mod fsck;
mod journal;
mod maker;
mod messages;
mod pack;
mod queue;
mod reader;
mod recovery;
mod segments;
mod sequencer;
mod snapshot;
mod stepped;
mod sweep;
mod vault;
mod writer;

pub use archive::{Forgotten, KeptLetter, KeptRows};
pub use certificates::{CertificateLog, CertificateReport, audit_certificates, has_certificates};
pub use clock::{Clock, SystemClock};
pub use disk::{Disk, DiskFile, RealDisk};
pub use erase::{ERASED_AT_ONCE_MAX, ERASURE_WORDS_MAX, EraseError, Erased, ErasureBatch, ErasureOrder, erase, erasures};
pub use follower::{Admission, FollowError, FollowedBlock, Follower};
pub use fsck::{FsckReport, LAWS_JUDGED, fsck};
pub use journal::{Journal, JournalConfig, OrderedLog, Recovered};
pub use maker::Making;
pub use queue::{Submission, SubmitRefusal};
pub use reader::{look, read_blocks, read_messages};
pub use recovery::OpenError;
pub use sequencer::{BLOCK_COMMANDS_MAX, decode_body, encode_body, header_of};
pub use snapshot::{ArchiveKnown, letters_of};
pub use stepped::{SteppedLog, Stepper};
pub use sweep::sweep;
pub use vault::{Attachment, MessageErased, VaultPlace, VaultReader};
pub use writer::{DurableBlock, Sink, StopReason};
