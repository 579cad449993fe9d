//! Certificates of the last blocks, in the chain's own encoding, for receipts.

use crate::block::hash_of;
use chain::{BlockHeader, Certificate, Finality};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::Finalization;
use commonware_cryptography::sha256::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks remembered: a receipt is made under the newest checkpoint, which is among them.
const REMEMBERED: usize = 1024;

/// Re-encodes what the engine made, so that checking it needs nothing of the engine. `None`: a signature cannot be read,
/// which the engine would not have accepted.
pub fn certificate_of(finalization: &Finalization<Scheme, Digest>) -> Option<Certificate> {
    let proposal = &finalization.proposal;
    let certificate = &finalization.certificate;
    let mut signatures = Vec::with_capacity(certificate.signatures.len());
    for (signer, signature) in certificate.signers.iter().zip(&certificate.signatures) {
        let bytes: &[u8] = signature.get()?.as_ref();
        signatures.push((u16::try_from(signer.get()).ok()?, bytes.try_into().ok()?));
    }
    Some(Certificate {
        epoch: proposal.round.epoch().get(),
        view: proposal.round.view().get(),
        parent_view: proposal.parent.get(),
        block: hash_of(proposal.payload),
        validators: u16::try_from(certificate.signers.len()).ok()?,
        signatures,
    })
}

/// A block with the certificate under it, if it has one of its own.
type Certified = (BlockHeader, Option<Certificate>);

/// Headers and certificates of the last blocks.
#[derive(Debug, Clone, Default)]
pub struct Certificates(Arc<Mutex<BTreeMap<u64, Certified>>>);

impl Certificates {
    pub(crate) fn put(&self, header: BlockHeader, certificate: Option<Certificate>) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = certificate.filter(|certificate| certificate.block == header.hash());
        blocks.insert(header.height, (header, certificate));
        while blocks.len() > REMEMBERED {
            blocks.pop_first();
        }
    }

    /// The quorum behind the block of this height: the headers from it to the first one with a certificate. `None`: the block
    /// is too long ago, or the certificate is still to come.
    pub fn finality(&self, height: u64) -> Option<Finality> {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut headers = Vec::new();
        for (at, (header, certificate)) in blocks.range(height..).take(Finality::HEADERS_MAX) {
            if *at != height + headers.len() as u64 {
                return None;
            }
            headers.push(*header);
            if let Some(certificate) = certificate {
                return Some(Finality { headers, certificate: certificate.clone() });
            }
        }
        None
    }
}
