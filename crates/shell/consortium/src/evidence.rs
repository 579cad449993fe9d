//! Evidence: two votes of one validator that exclude each other, signed by it, in the chain's own form.

use crate::block::hash_of;
use crate::rosters::{Rosters, key_bytes};
use crate::status::SharedStatus;
use chain::{Choice, Contradiction, ContradictionKind, Hash, Proposed, SignedChoice};
use commonware_actor::Feedback;
use commonware_codec::{Copying, Encode, ReadExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Activity, Attributable, Finalize, Notarize, Nullify, Proposal};
use commonware_consensus::types::{Epoch, View};
use commonware_consensus::{Epochable, Reporter, Viewable};
use commonware_cryptography::certificate::Attestation;
use commonware_cryptography::sha256::Digest;
use std::sync::Arc;

/// Where evidence goes.
pub trait Witness: Send + Sync + 'static {
    /// Keeps one proof. It is verified already; the same one may come again.
    fn note(&self, kind: ContradictionKind, proof: Contradiction);
}

/// Listens to the engine's activity and keeps what convicts somebody.
#[derive(Clone)]
pub(crate) struct EvidenceReporter {
    pub(crate) rosters: Rosters,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) status: SharedStatus,
}

impl Reporter for EvidenceReporter {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        self.note_voices(&activity);
        // What the engine keeps of a contradiction is private to it: its bytes, two votes one behind the other, are not.
        let (epoch, view, signer, choices): (Epoch, View, _, _) = match &activity {
            Activity::ConflictingNotarize(votes) => (votes.epoch(), votes.view(), votes.signer(), two_blocks(&votes.encode())),
            Activity::ConflictingFinalize(votes) => (votes.epoch(), votes.view(), votes.signer(), two_final(&votes.encode())),
            Activity::NullifyFinalize(votes) => (votes.epoch(), votes.view(), votes.signer(), void_and_final(&votes.encode())),
            Activity::Notarize(_)
            | Activity::Notarization(_)
            | Activity::Certification(_)
            | Activity::Nullify(_)
            | Activity::Nullification(_)
            | Activity::Finalize(_)
            | Activity::Finalization(_) => return Feedback::Ok,
        };
        let assembly = self.rosters.at(epoch.get());
        let validator = assembly.as_ref().and_then(|assembly| assembly.roster.get(signer.get() as usize));
        let (Some(choices), Some(validator)) = (choices, validator.map(key_bytes)) else { return Feedback::Ok };
        let namespace = self.rosters.namespace();
        let proof = Contradiction { namespace, epoch: epoch.get(), view: view.get(), validator, choices };
        // Activity is reported before it is verified: what does not verify convicts nobody.
        if let Ok(kind) = proof.verify() {
            tracing::error!(kind = kind.name(), %epoch, %view, validator = %Hash(validator), "a validator contradicted itself");
            self.witness.note(kind, proof);
        }
        Feedback::Ok
    }
}

impl EvidenceReporter {
    /// Whose voice this is. Of votes the batcher has seen that they come from who signs them.
    fn note_voices(&self, activity: &Activity<Scheme, Digest>) {
        let (epoch, view, signers): (Epoch, View, Vec<_>) = match activity {
            Activity::Notarize(vote) => (vote.epoch(), vote.view(), vec![vote.signer()]),
            Activity::Nullify(vote) => (vote.epoch(), vote.view(), vec![vote.signer()]),
            Activity::Finalize(vote) => (vote.epoch(), vote.view(), vec![vote.signer()]),
            Activity::Finalization(all) => (all.epoch(), all.view(), all.certificate.signers.iter().collect()),
            Activity::Notarization(all) => (all.epoch(), all.view(), all.certificate.signers.iter().collect()),
            Activity::Nullification(all) => (all.epoch(), all.view(), all.certificate.signers.iter().collect()),
            Activity::Certification(_)
            | Activity::ConflictingNotarize(_)
            | Activity::ConflictingFinalize(_)
            | Activity::NullifyFinalize(_) => return,
        };
        if let Some(assembly) = self.rosters.at(epoch.get()) {
            let keys = signers.iter().filter_map(|signer| assembly.roster.get(signer.get() as usize));
            self.status.heard(epoch.get(), view.get(), keys);
        }
    }
}

type Choices = Option<[SignedChoice; 2]>;

fn two_blocks(bytes: &[u8]) -> Choices {
    let mut rest = Copying(bytes);
    let mut vote = || {
        let vote = Notarize::<Scheme, Digest>::read(&mut rest).ok()?;
        signed(Choice::Block(proposed(&vote.proposal)), &vote.attestation)
    };
    Some([vote()?, vote()?])
}

fn two_final(bytes: &[u8]) -> Choices {
    let mut rest = Copying(bytes);
    Some([final_vote(&mut rest)?, final_vote(&mut rest)?])
}

fn void_and_final(bytes: &[u8]) -> Choices {
    let mut rest = Copying(bytes);
    let void = Nullify::<Scheme>::read(&mut rest).ok()?;
    Some([signed(Choice::Void, &void.attestation)?, final_vote(&mut rest)?])
}

fn final_vote(rest: &mut Copying<'_>) -> Option<SignedChoice> {
    let vote = Finalize::<Scheme, Digest>::read(rest).ok()?;
    signed(Choice::Final(proposed(&vote.proposal)), &vote.attestation)
}

fn proposed(proposal: &Proposal<Digest>) -> Proposed {
    Proposed { parent_view: proposal.parent.get(), block: hash_of(proposal.payload) }
}

fn signed(choice: Choice, attestation: &Attestation<Scheme>) -> Option<SignedChoice> {
    let signature: &[u8] = attestation.signature.get()?.as_ref();
    Some(SignedChoice { choice, signature: signature.try_into().ok()? })
}
