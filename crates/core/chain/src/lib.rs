//! Chain knows how blocks, final records, receipts and checkpoints are encoded and verified; it does not know what a command means.
//!
//! - Blocks are chained: each header carries the hash of its parent, of its body, and the state root behind it (CHN-01).
//! - The ends of all payments are leaves of one append-only RFC 6962 tree whose size and root are in every header (CHN-02).
//! - A [`Receipt`] is a payment's final record, its inclusion proof and a signed checkpoint; it verifies with this crate and
//!   public keys alone (CHN-03).
//!
//! Between operators a receipt also carries a [`Finality`]: headers and a [`Certificate`] a quorum of validators signed. A [`Contradiction`]
//! convicts a validator that signed two votes of which it may give one only.
//!
//! # Not here
//! Signing (the shell holds keys), files, and what commands in a body mean.
//!
//! # Units and limits
//! Times are nanoseconds since 1970 UTC. Text forms follow C2SP `signed-note`, `tlog-checkpoint` and `tlog-proof`.
//!
//! # Start reading at
//! [`BlockHeader`], then [`Receipt`].

mod base64;
mod block;
mod certificate;
mod checkpoint;
mod contradiction;
mod finality;
mod hash;
mod receipt;
mod record;
mod statement;
mod tree;

pub use block::{BLOCK_HEADER_BYTES, BlockHeader, HeaderError};
pub use certificate::{Certificate, CertificateError, Validators, ValidatorsError, key_of_hex, quorum};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, VerifierKey};
pub use contradiction::{Choice, Contradiction, ContradictionError, ContradictionKind, Proposed, SignedChoice};
pub use finality::{Finality, FinalityError};
pub use hash::{Hash, Hasher, sha256};
pub use receipt::{Receipt, ReceiptError, VerifiedReceipt};
pub use record::{FINAL_RECORD_BYTES, FinalRecord, FinalState, RETURN_RECORD_BYTES, RecordError};
pub use statement::{Statement, StatementError, StatementLine};
pub use tree::{
    Frontier, FrontierError, MerkleTree, ProofError, TreeNodes, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
