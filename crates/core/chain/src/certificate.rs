//! Finality certificates: signatures of a quorum of validators under one block.
//!
//! Bytes, little endian: `"LHC1"`, `u64` epoch, `u64` view, `u64` parent view, block hash 32, `u16` validators, one bit for
//! each validator that signed (first validator: lowest bit of the first byte), then their signatures, 64 bytes each, in order.
//!
//! What is signed is what the voting engine signs when it votes a block final (Commonware simplex, ed25519):
//! `varint(n) || namespace || "_FINALIZE" || varint(epoch) || varint(view) || varint(parent view) || hash`, where `n` is the
//! length of namespace and suffix, and a varint has seven bits a byte, lowest first. Validators are counted in the order of
//! their keys. Signatures are checked strictly (RFC 8032), which is narrower than the engine does.

use crate::hash::Hash;
use core::fmt;
use core::str::FromStr;
use ed25519_dalek::{Signature, VerifyingKey};

const MAGIC: [u8; 4] = *b"LHC1";
const SUFFIX: &[u8] = b"_FINALIZE";
const FIRST_LINE: &str = "luohu-validators@v1";

/// Signatures under one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// In which epoch the vote was.
    pub epoch: u64,
    /// In which view of it.
    pub view: u64,
    /// View of the parent.
    pub parent_view: u64,
    /// The block.
    pub block: Hash,
    /// Validators of the epoch.
    pub validators: u16,
    /// Who signed, by place in the order of keys, and how; in order.
    pub signatures: Vec<(u16, [u8; 64])>,
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not the bytes of a certificate.
    #[error("not a certificate")]
    Format,
    /// Nobody told who the validators of that epoch are.
    #[error("the validators of epoch {0} are not known")]
    UnknownEpoch(u64),
    /// It counts another number of validators than the epoch has.
    #[error("the certificate counts other validators")]
    OtherValidators,
    /// Too few signed.
    #[error("{signed} signatures are no quorum of {of}")]
    NoQuorum {
        /// Signatures.
        signed: usize,
        /// Validators.
        of: usize,
    },
    /// A signature does not verify.
    #[error("the signature of validator {0} does not verify")]
    BadSignature(u16),
}

impl Certificate {
    /// Most validators.
    pub const VALIDATORS_MAX: u16 = 1024;

    /// The canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for number in [self.epoch, self.view, self.parent_view] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.block.0);
        out.extend_from_slice(&self.validators.to_le_bytes());
        let mut bits = vec![0; usize::from(self.validators).div_ceil(8)];
        for (signer, _) in &self.signatures {
            if let Some(byte) = bits.get_mut(usize::from(signer / 8)) {
                *byte |= 1 << (signer % 8);
            }
        }
        out.extend_from_slice(&bits);
        self.signatures.iter().for_each(|(_, signature)| out.extend_from_slice(signature));
        out
    }

    /// Reads the canonical bytes; anything else is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateError> {
        let mut rest = bytes;
        if take::<4>(&mut rest)? != MAGIC {
            return Err(CertificateError::Format);
        }
        let mut number = || take::<8>(&mut rest).map(u64::from_le_bytes);
        let (epoch, view, parent_view) = (number()?, number()?, number()?);
        let block = Hash(take(&mut rest)?);
        let validators = u16::from_le_bytes(take(&mut rest)?);
        if validators > Self::VALIDATORS_MAX {
            return Err(CertificateError::Format);
        }
        let (bits, mut rest) = rest.split_at_checked(usize::from(validators).div_ceil(8)).ok_or(CertificateError::Format)?;
        let mut signatures = Vec::new();
        for signer in (0..validators).filter(|signer| bits[usize::from(signer / 8)] >> (signer % 8) & 1 == 1) {
            signatures.push((signer, take(&mut rest)?));
        }
        let certificate = Self { epoch, view, parent_view, block, validators, signatures };
        if certificate.encode() == bytes { Ok(certificate) } else { Err(CertificateError::Format) }
    }

    /// Checks that a quorum of the epoch's validators signed.
    pub fn verify(&self, validators: &Validators) -> Result<(), CertificateError> {
        let keys = validators.at(self.epoch).ok_or(CertificateError::UnknownEpoch(self.epoch))?;
        if keys.len() != usize::from(self.validators) {
            return Err(CertificateError::OtherValidators);
        }
        let in_order = self.signatures.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if !in_order || self.signatures.len() < quorum(keys.len()) {
            return Err(CertificateError::NoQuorum { signed: self.signatures.len(), of: keys.len() });
        }
        let message = self.signed(validators.namespace.as_bytes());
        for (signer, signature) in &self.signatures {
            let bad = CertificateError::BadSignature(*signer);
            let key = keys.get(usize::from(*signer)).ok_or(bad)?;
            let key = VerifyingKey::from_bytes(key).map_err(|_| bad)?;
            key.verify_strict(&message, &Signature::from_bytes(signature)).map_err(|_| bad)?;
        }
        Ok(())
    }

    /// The bytes each of them signed.
    fn signed(&self, namespace: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(namespace.len() + 96);
        put_varint(&mut out, (namespace.len() + SUFFIX.len()) as u64);
        out.extend_from_slice(namespace);
        out.extend_from_slice(SUFFIX);
        [self.epoch, self.view, self.parent_view].into_iter().for_each(|number| put_varint(&mut out, number));
        out.extend_from_slice(&self.block.0);
        out
    }
}

/// How many of `n` must sign: all but the most that may be faulty, of which there are fewer than a third.
pub const fn quorum(n: usize) -> usize {
    n - n.saturating_sub(1) / 3
}

pub(crate) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], CertificateError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(CertificateError::Format)?;
    *bytes = tail;
    Ok(*head)
}

/// Who validates, epoch by epoch: what a regulator must know beforehand.
///
/// ```text
/// luohu-validators@v1
/// namespace luohu.example/settlement
/// epoch 0
/// <64 hexadecimal digits of a public key> <name>
/// epoch 12
/// …
/// ```
/// An `epoch` line begins the set that holds from that epoch on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    namespace: String,
    /// First epoch and keys in order, both ascending.
    sets: Vec<(u64, Vec<[u8; 32]>)>,
}

/// Not the text of a list of validators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {0} is not one of a list of validators")]
pub struct ValidatorsError(pub usize);

impl Validators {
    /// Validators from the first epoch on.
    pub fn new(namespace: &str, keys: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut validators = Self { namespace: namespace.to_owned(), sets: Vec::new() };
        validators.set_from(0, keys);
        validators
    }

    /// Other validators from `epoch` on, which must be later than every set before.
    pub fn set_from(&mut self, epoch: u64, keys: impl IntoIterator<Item = [u8; 32]>) {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        self.sets.retain(|(from, _)| *from < epoch);
        self.sets.push((epoch, keys));
    }

    /// Name of the chain.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The keys of an epoch's validators, in order.
    pub fn at(&self, epoch: u64) -> Option<&[[u8; 32]]> {
        self.sets.iter().rev().find(|(from, _)| *from <= epoch).map(|(_, keys)| keys.as_slice())
    }
}

impl fmt::Display for Validators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FIRST_LINE}\nnamespace {}\n", self.namespace)?;
        for (epoch, keys) in &self.sets {
            writeln!(f, "epoch {epoch}")?;
            for key in keys {
                writeln!(f, "{}", Hash(*key))?;
            }
        }
        Ok(())
    }
}

impl FromStr for Validators {
    type Err = ValidatorsError;

    fn from_str(text: &str) -> Result<Self, ValidatorsError> {
        let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim())).filter(|(_, line)| !line.is_empty());
        let mut next = |from: usize| lines.next().ok_or(ValidatorsError(from));
        if next(1)?.1 != FIRST_LINE {
            return Err(ValidatorsError(1));
        }
        let (at, line) = next(2)?;
        let namespace = line.strip_prefix("namespace ").ok_or(ValidatorsError(at))?.to_owned();
        let mut sets: Vec<(u64, Vec<[u8; 32]>)> = Vec::new();
        for (at, line) in lines {
            let bad = ValidatorsError(at);
            if let Some(epoch) = line.strip_prefix("epoch ") {
                let epoch = epoch.parse().map_err(|_| bad)?;
                if sets.last().is_some_and(|(before, _)| *before >= epoch) {
                    return Err(bad);
                }
                sets.push((epoch, Vec::new()));
            } else {
                let key = line.split_whitespace().next().and_then(key_of_hex).ok_or(bad)?;
                sets.last_mut().ok_or(bad)?.1.push(key);
            }
        }
        let mut validators = Self { namespace, sets: Vec::new() };
        sets.into_iter().for_each(|(epoch, keys)| validators.set_from(epoch, keys));
        if validators.sets.iter().all(|(_, keys)| !keys.is_empty()) && !validators.sets.is_empty() {
            Ok(validators)
        } else {
            Err(ValidatorsError(text.lines().count()))
        }
    }
}

/// Reads a key of 64 hexadecimal digits.
pub fn key_of_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| (pair[at] as char).to_digit(16);
        *byte = (digit(0)? * 16 + digit(1)?) as u8;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorums() {
        let expected = [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (64, 43)];
        for (n, signed) in expected {
            assert_eq!(quorum(n), signed, "{n}");
        }
    }

    #[test]
    fn lists_of_validators_round_trip() {
        let mut validators = Validators::new("some/chain", [[2; 32], [1; 32]]);
        validators.set_from(3, [[4; 32]]);
        let text = validators.to_string();
        assert_eq!(text.parse::<Validators>().unwrap(), validators);
        assert_eq!(validators.at(2).unwrap(), [[1; 32], [2; 32]]);
        assert_eq!(validators.at(9).unwrap(), [[4; 32]]);
        for bad in
            ["", "luohu-validators@v1\n", "luohu-validators@v1\nnamespace x\n", "luohu-validators@v1\nnamespace x\nepoch 0\n"]
        {
            assert!(bad.parse::<Validators>().is_err(), "{bad:?}");
        }
        assert!(text.replace("epoch 3", "epoch 0").parse::<Validators>().is_err());
    }
}
