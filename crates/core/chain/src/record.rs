//! The end of one payment, as a leaf of the tree.
//!
//! 120 bytes, little endian: `"LHF1"`, UETR 16, content 32, debtor agent 11, creditor agent 11, debit `u64` + currency 3 +
//! decimals 1, credit the same, state 1, reason 4, time `u64`, height `u64`, then one byte kept at zero.
//! The end of a return is 136 bytes: the same under `"LHF2"`, with the UETR of the payment it returns behind it; its own
//! identification stands where the UETR does, and its agents change places with the payment's.
//! No personal data: ids, agents, amounts, a reason and a hash.

use crate::hash::Hash;
use crate::tree::leaf_hash;

/// Bytes of an encoded record.
pub const FINAL_RECORD_BYTES: usize = 120;
/// Bytes of the record of a return.
pub const RETURN_RECORD_BYTES: usize = FINAL_RECORD_BYTES + 16;

const MAGIC: [u8; 4] = *b"LHF1";
const RETURN_MAGIC: [u8; 4] = *b"LHF2";

/// How a payment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FinalState {
    /// The money moved (ACSC).
    Settled,
    /// It did not (RJCT).
    Rejected,
}

/// What the chain keeps of a payment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalRecord {
    /// UETR.
    pub uetr: [u8; 16],
    /// SHA-256 of the debtor agent's signed message body.
    pub content: [u8; 32],
    /// BIC of the debtor agent.
    pub debtor_agent: [u8; 11],
    /// BIC of the creditor agent.
    pub creditor_agent: [u8; 11],
    /// What the debtor agent paid, in minor units.
    pub debit_minor: u64,
    /// Its currency.
    pub debit_currency: [u8; 3],
    /// Decimals of that currency.
    pub debit_exponent: u8,
    /// What the creditor agent received, in minor units.
    pub credit_minor: u64,
    /// Its currency.
    pub credit_currency: [u8; 3],
    /// Decimals of that currency.
    pub credit_exponent: u8,
    /// How it ended.
    pub state: FinalState,
    /// ISO reason of a rejection or of a return, four spaces otherwise.
    pub reason: [u8; 4],
    /// Block time.
    pub time_ns: u64,
    /// Block height.
    pub height: u64,
    /// UETR of the payment that is sent back, if this is a return.
    pub returns: Option<[u8; 16]>,
}

/// The bytes are not a final record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a final record")]
pub struct RecordError;

impl FinalRecord {
    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let (bytes, count) = self.bytes();
        bytes[..count].to_vec()
    }

    /// The canonical bytes, and how many they are.
    fn bytes(&self) -> ([u8; RETURN_RECORD_BYTES], usize) {
        let mut out = [0; RETURN_RECORD_BYTES];
        let mut rest = out.as_mut_slice();
        let mut put = |bytes: &[u8]| {
            let (head, tail) = core::mem::take(&mut rest).split_at_mut(bytes.len());
            head.copy_from_slice(bytes);
            rest = tail;
        };
        put(if self.returns.is_some() { &RETURN_MAGIC } else { &MAGIC });
        put(&self.uetr);
        put(&self.content);
        put(&self.debtor_agent);
        put(&self.creditor_agent);
        put(&self.debit_minor.to_le_bytes());
        put(&self.debit_currency);
        put(&[self.debit_exponent]);
        put(&self.credit_minor.to_le_bytes());
        put(&self.credit_currency);
        put(&[self.credit_exponent]);
        put(&[match self.state {
            FinalState::Settled => 1,
            FinalState::Rejected => 2,
        }]);
        put(&self.reason);
        put(&self.time_ns.to_le_bytes());
        put(&self.height.to_le_bytes());
        put(&[0]);
        match self.returns {
            None => (out, FINAL_RECORD_BYTES),
            Some(returned) => {
                put(&returned);
                (out, RETURN_RECORD_BYTES)
            }
        }
    }

    /// Reads the canonical bytes; anything else is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut rest = bytes;
        let is_return = match (take::<4>(&mut rest)?, bytes.len()) {
            (MAGIC, FINAL_RECORD_BYTES) => false,
            (RETURN_MAGIC, RETURN_RECORD_BYTES) => true,
            _ => return Err(RecordError),
        };
        let record = Self {
            uetr: take(&mut rest)?,
            content: take(&mut rest)?,
            debtor_agent: take(&mut rest)?,
            creditor_agent: take(&mut rest)?,
            debit_minor: u64::from_le_bytes(take(&mut rest)?),
            debit_currency: take(&mut rest)?,
            debit_exponent: take::<1>(&mut rest)?[0],
            credit_minor: u64::from_le_bytes(take(&mut rest)?),
            credit_currency: take(&mut rest)?,
            credit_exponent: take::<1>(&mut rest)?[0],
            state: match take(&mut rest)? {
                [1] => FinalState::Settled,
                [2] => FinalState::Rejected,
                [0 | 3..=255] => return Err(RecordError),
            },
            reason: take(&mut rest)?,
            time_ns: u64::from_le_bytes(take(&mut rest)?),
            height: u64::from_le_bytes(take(&mut rest)?),
            returns: match take(&mut rest)? {
                [0] if is_return => Some(take(&mut rest)?),
                [_] => None,
            },
        };
        if record.encode() == bytes { Ok(record) } else { Err(RecordError) }
    }

    /// Its leaf hash.
    pub fn leaf(&self) -> Hash {
        let (bytes, count) = self.bytes();
        leaf_hash(&bytes[..count])
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], RecordError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(RecordError)?;
    *bytes = tail;
    Ok(*head)
}
