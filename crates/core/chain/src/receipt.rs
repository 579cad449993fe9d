//! Receipts: proof that a payment ended as its record says, in the tree a signed checkpoint commits to (CHN-03).
//!
//! Text form of C2SP `tlog-proof`:
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64 of the final record>
//! index 12
//! <base64 of each hash of the audit path>
//!
//! <signed checkpoint>
//! ```
//! A receipt of a consortium goes on with an empty line and a [`Finality`].

use crate::base64;
use crate::certificate::Validators;
use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, VerifierKey};
use crate::finality::{Finality, FinalityError};
use crate::hash::Hash;
use crate::record::FinalRecord;
use crate::tree::{ProofError, verify_inclusion};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Where the proof of finality begins: an empty line, then its first one.
const FINALITY: &str = "\nluohu-finality@v1\n";

/// A payment's end with everything needed to check it offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The record that is proved.
    pub record: FinalRecord,
    /// Its place in the tree.
    pub index: u64,
    /// Its audit path.
    pub proof: Vec<Hash>,
    /// The tree's root, signed.
    pub checkpoint: SignedCheckpoint,
    /// The quorum behind the checkpoint's block, where several operators agree on blocks.
    pub finality: Option<Finality>,
}

/// What a receipt proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// How the payment ended.
    pub record: FinalRecord,
    /// Its place in the tree.
    pub index: u64,
    /// The checkpoint that commits to it.
    pub checkpoint: Checkpoint,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not the text of a receipt.
    #[error("not a receipt")]
    Format,
    /// The checkpoint is not signed by a known key.
    #[error("checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The record is not in the tree.
    #[error("inclusion: {0}")]
    Inclusion(#[from] ProofError),
    /// The record says it is from a later block than the checkpoint.
    #[error("the record is of a later block than the checkpoint")]
    FromTheFuture,
    /// No quorum of the validators stands behind it.
    #[error("finality: {0}")]
    Finality(#[from] FinalityError),
}

impl Receipt {
    /// The longest audit path: a tree has fewer than 2^64 leaves.
    pub const PROOF_HASHES_MAX: usize = 64;

    /// The text form.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\nextra {}\nindex {}\n", base64::encode(&self.record.encode()), self.index);
        for hash in &self.proof {
            text.push_str(&base64::encode(&hash.0));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint.to_text());
        if let Some(finality) = &self.finality {
            text.push('\n');
            text.push_str(&finality.to_text());
        }
        text
    }

    /// Reads the text form. Nothing is verified yet.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(ReceiptError::Format)?;
        let parsed = Self::parse_proof(proof).ok_or(ReceiptError::Format)?;
        let (record, index, proof) = parsed;
        let (checkpoint, finality) = match checkpoint.split_once(FINALITY) {
            None => (checkpoint, None),
            Some((checkpoint, rest)) => (checkpoint, Some(Finality::parse(&format!("{}{rest}", &FINALITY[1..]))?)),
        };
        Ok(Self { record, index, proof, checkpoint: SignedCheckpoint::parse(checkpoint)?, finality })
    }

    fn parse_proof(text: &str) -> Option<(FinalRecord, u64, Vec<Hash>)> {
        let mut lines = text.split('\n');
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let record = base64::decode(lines.next()?.strip_prefix("extra ")?)?;
        let record = FinalRecord::decode(&record).ok()?;
        let digits = lines.next()?.strip_prefix("index ")?;
        // One text for each number: no sign, no zeros in front.
        let index = digits.parse().ok().filter(|index: &u64| index.to_string() == digits)?;
        let hash = |line| Some(Hash(base64::decode(line)?.try_into().ok()?));
        let proof = lines.map(hash).collect::<Option<Vec<_>>>()?;
        (proof.len() <= Self::PROOF_HASHES_MAX).then_some((record, index, proof))
    }

    /// Checks signature and inclusion with public keys alone.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<VerifiedReceipt, ReceiptError> {
        let checkpoint = self.checkpoint.verify(keys)?;
        verify_inclusion(self.index, checkpoint.size, &self.record.leaf(), &self.proof, &checkpoint.root)?;
        if self.record.height > checkpoint.height {
            return Err(ReceiptError::FromTheFuture);
        }
        Ok(VerifiedReceipt { record: self.record, index: self.index, checkpoint: checkpoint.clone() })
    }

    /// Checks also that a quorum of the validators made the checkpoint's block final.
    pub fn verify_final(&self, keys: &[VerifierKey], validators: &Validators) -> Result<VerifiedReceipt, ReceiptError> {
        let proved = self.verify(keys)?;
        let finality = self.finality.as_ref().ok_or(FinalityError::Missing)?;
        finality.verify(&proved.checkpoint, validators)?;
        Ok(proved)
    }
}
