//! Evidence: two votes of one validator that exclude each other, signed by it.

use crate::rosters::Rosters;
use commonware_actor::Feedback;
use commonware_codec::Encode;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Activity, Attributable};
use commonware_consensus::types::{Epoch, View};
use commonware_consensus::{Epochable, Reporter, Viewable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Sequential;
use rand_core::CryptoRng;
use std::sync::{Arc, Mutex, PoisonError};

/// How a validator contradicted itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contradiction {
    /// It voted for two blocks in one view.
    TwoBlocks,
    /// It voted two blocks of one view final.
    TwoFinal,
    /// It voted a block final and its view void.
    VoidAndFinal,
}

impl Contradiction {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoBlocks => "two-blocks",
            Self::TwoFinal => "two-final",
            Self::VoidAndFinal => "void-and-final",
        }
    }
}

/// One proof of misbehaviour: anybody can check it with the validator's public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What it did.
    pub kind: Contradiction,
    /// In which epoch.
    pub epoch: u64,
    /// In which view.
    pub view: u64,
    /// Who: its public key.
    pub validator: PublicKey,
    /// Both votes with their signatures, as the engine encodes them.
    pub votes: Vec<u8>,
}

/// Where evidence goes.
pub trait Witness: Send + Sync + 'static {
    /// Keeps one proof. It is verified already.
    fn note(&self, evidence: Evidence);
}

/// Listens to the engine's activity and keeps what convicts somebody.
pub(crate) struct EvidenceReporter<E> {
    /// Randomness for checking signatures together.
    pub(crate) context: Arc<Mutex<E>>,
    pub(crate) rosters: Rosters,
    pub(crate) witness: Arc<dyn Witness>,
}

impl<E> Clone for EvidenceReporter<E> {
    fn clone(&self) -> Self {
        Self { context: self.context.clone(), rosters: self.rosters.clone(), witness: self.witness.clone() }
    }
}

impl<E: CryptoRng + Send + 'static> Reporter for EvidenceReporter<E> {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        let (kind, epoch, view, signer): (_, Epoch, View, _) = match &activity {
            Activity::ConflictingNotarize(votes) => (Contradiction::TwoBlocks, votes.epoch(), votes.view(), votes.signer()),
            Activity::ConflictingFinalize(votes) => (Contradiction::TwoFinal, votes.epoch(), votes.view(), votes.signer()),
            Activity::NullifyFinalize(votes) => (Contradiction::VoidAndFinal, votes.epoch(), votes.view(), votes.signer()),
            Activity::Notarize(_)
            | Activity::Notarization(_)
            | Activity::Certification(_)
            | Activity::Nullify(_)
            | Activity::Nullification(_)
            | Activity::Finalize(_)
            | Activity::Finalization(_) => return Feedback::Ok,
        };
        let (Some(scheme), Some(assembly)) = (self.rosters.scheme_at(epoch.get()), self.rosters.at(epoch.get())) else {
            return Feedback::Ok;
        };
        // Activity is reported before it is verified: what does not verify convicts nobody.
        let mut random = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        if !activity.verify(&mut *random, &*scheme, &Sequential) {
            return Feedback::Ok;
        }
        drop(random);
        if let Some(validator) = assembly.roster.get(signer.get() as usize) {
            tracing::error!(kind = kind.name(), %epoch, %view, ?validator, "a validator contradicted itself");
            let votes = activity.encode().to_vec();
            self.witness.note(Evidence { kind, epoch: epoch.get(), view: view.get(), validator: validator.clone(), votes });
        }
        Feedback::Ok
    }
}
