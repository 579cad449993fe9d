//! The warning list: payees that payers have reported, in tiers, known by keyed hashes alone.
//!
//! A list is a document that two officers signed. It holds from the moment it is read until one with a higher version is;
//! nobody can take a list back to an older one. The hashes are made with the directory's key, so that the document names nobody.
//! ```text
//! {"chain": "luohu.example/settlement", "version": 7, "payees": [["32 hex digits", "warn"], …], "signatures": [{…}, {…}]}
//! signed: "luohu warnings\n" chain "\n" version "\n" and for each payee: hash " " tier "\n"
//! ```

use chain::{Hash, key_of_hex};
use serde::{Deserialize, Serialize};
use signing::{Signer, verify_ed25519};
use std::collections::HashMap;

/// Payees on a list: forty megabytes of memory, and more than any police publishes.
const PAYEES_MAX: usize = 1_000_000;
/// Bytes of a document.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 64 << 20;
/// Signatures looked at.
const SIGNATURES_MAX: usize = 16;

/// What a payer is told of a payee, from mild to hard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The payer is warned and decides.
    Warn,
    /// The payer is warned and waits before it may pay.
    CoolOff,
    /// The payee is not looked up at all.
    Block,
}

impl Tier {
    /// As text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::CoolOff => "cool_off",
            Self::Block => "block",
        }
    }
}

/// Why a document is no list that holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarningFault {
    /// Not the JSON of a document.
    #[error("not a warning list: {0}")]
    NotADocument(String),
    /// For another chain.
    #[error("chain: the list is for {0}")]
    OtherChain(String),
    /// Not newer than the one that holds.
    #[error("version: {0} holds already")]
    Old(u64),
    /// Too many payees.
    #[error("payees: more than {PAYEES_MAX}")]
    TooMany,
    /// Fewer than two good signatures of different officers.
    #[error("signatures: {0} of 2 officers' verify")]
    NotSigned(usize),
    /// A hash that is none.
    #[error("payees: {0} is not 32 hexadecimal digits")]
    BadHash(String),
}

/// A list on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarningDocument {
    /// The chain it is for.
    pub chain: String,
    /// Grows with every list.
    pub version: u64,
    /// Keyed hashes and tiers.
    pub payees: Vec<(String, Tier)>,
    #[serde(default)]
    signatures: Vec<SignatureLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureLine {
    officer: String,
    signature: String,
}

impl WarningDocument {
    /// A list nobody has signed yet.
    pub fn draft(chain: &str, version: u64, payees: Vec<(String, Tier)>) -> Self {
        Self { chain: chain.to_owned(), version, payees, signatures: Vec::new() }
    }

    /// Reads a document.
    ///
    /// # Errors
    /// If it is none.
    pub fn read(document: &[u8]) -> Result<Self, WarningFault> {
        let read: Self = serde_json::from_slice(document).map_err(|error| WarningFault::NotADocument(error.to_string()))?;
        if read.payees.len() > PAYEES_MAX { Err(WarningFault::TooMany) } else { Ok(read) }
    }

    /// The document's text.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).expect("text is JSON") + "\n"
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut signed = format!("luohu warnings\n{}\n{}\n", self.chain, self.version);
        for (hash, tier) in &self.payees {
            signed.extend([hash, " ", tier.name(), "\n"]);
        }
        signed.into_bytes()
    }

    /// Adds an officer's signature, in place of an earlier one by the same key.
    pub fn sign(&mut self, officer: &dyn Signer) {
        let signature = hex(&officer.sign(&self.signed_bytes()));
        let key = Hash(officer.public_key()).to_string();
        self.signatures.retain(|line| line.officer != key);
        self.signatures.push(SignatureLine { officer: key, signature });
    }

    /// The list, if it is for this chain and two of the officers signed it.
    pub(crate) fn proved(&self, chain: &str, officers: &[[u8; 32]]) -> Result<Warnings, WarningFault> {
        if self.chain != chain {
            return Err(WarningFault::OtherChain(self.chain.clone()));
        }
        let signed = self.signed_bytes();
        let good = |line: &SignatureLine| {
            let key = key_of_hex(&line.officer).filter(|key| officers.contains(key))?;
            let signature = unhex::<64>(&line.signature)?;
            verify_ed25519(&key, &signed, &signature).then_some(key)
        };
        let mut keys: Vec<_> = self.signatures.iter().take(SIGNATURES_MAX).filter_map(good).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < 2 {
            return Err(WarningFault::NotSigned(keys.len()));
        }
        let mut tiers = HashMap::with_capacity(self.payees.len());
        for (hash, tier) in &self.payees {
            let key = unhex(hash).ok_or_else(|| WarningFault::BadHash(hash.clone()))?;
            let known = tiers.entry(key).or_insert(*tier);
            *known = (*known).max(*tier);
        }
        Ok(Warnings { version: self.version, tiers })
    }
}

/// The list that holds.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    pub(crate) version: u64,
    tiers: HashMap<[u8; 16], Tier>,
}

impl Warnings {
    /// The hardest tier of any of these.
    pub(crate) fn tier(&self, keys: &[[u8; 16]]) -> Option<Tier> {
        keys.iter().filter_map(|key| self.tiers.get(key)).max().copied()
    }
}

/// Bytes as small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// So many bytes from hexadecimal digits.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> =
        text.bytes().map(|digit| (digit as char).to_digit(16).map(|value| value as u8)).collect::<Option<_>>()?;
    let pairs: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    (digits.len() == 2 * N).then(|| pairs.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use signing::FileSigner;

    fn officers() -> [FileSigner; 3] {
        [1, 2, 3].map(|seed| FileSigner::from_seed("officer", &[seed; 32]))
    }

    fn draft() -> WarningDocument {
        let payees = vec![("0a".repeat(16), Tier::Warn), ("0a".repeat(16), Tier::CoolOff), ("0b".repeat(16), Tier::Block)];
        WarningDocument::draft("here", 7, payees)
    }

    #[test]
    fn two_officers_make_a_list() {
        let [one, two, stranger] = officers();
        let keys = [one.public_key(), two.public_key()];
        let mut document = draft();
        assert_eq!(document.proved("here", &keys).unwrap_err(), WarningFault::NotSigned(0));
        document.sign(&one);
        document.sign(&one);
        document.sign(&stranger);
        assert_eq!(document.proved("here", &keys).unwrap_err(), WarningFault::NotSigned(1));
        document.sign(&two);
        let list = WarningDocument::read(document.to_text().as_bytes()).unwrap().proved("here", &keys).unwrap();
        assert_eq!(list.tier(&[[0x0a; 16]]), Some(Tier::CoolOff));
        assert_eq!(list.tier(&[[0x0a; 16], [0x0b; 16]]), Some(Tier::Block));
        assert_eq!(list.tier(&[[0x0c; 16]]), None);
        assert_eq!(document.proved("there", &keys).unwrap_err(), WarningFault::OtherChain("here".into()));
        document.payees[0].1 = Tier::Block;
        assert_eq!(document.proved("here", &keys).unwrap_err(), WarningFault::NotSigned(0));
    }

    #[test]
    fn what_is_no_list_is_said() {
        assert!(matches!(WarningDocument::read(b"{}"), Err(WarningFault::NotADocument(_))));
        let [one, two, _] = officers();
        let mut document = WarningDocument::draft("here", 1, vec![("zz".into(), Tier::Warn)]);
        document.sign(&one);
        document.sign(&two);
        let said = document.proved("here", &[one.public_key(), two.public_key()]).unwrap_err();
        assert_eq!(said, WarningFault::BadHash("zz".into()));
    }
}
