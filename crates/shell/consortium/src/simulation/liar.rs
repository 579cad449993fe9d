//! A peer that says that blocks are final which nobody voted for, with signatures of its own.

use super::cluster::Told;
use commonware_codec::Encode as _;
use commonware_codec::varint::UInt;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Certificate, Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::sha256::Digest;
use commonware_glue::simulate::engine::InitContext;
use commonware_p2p::{Recipients, Sender as _};
use commonware_parallel::Sequential;
use commonware_runtime::{Clock as _, Handle, Spawner as _};
use commonware_utils::non_empty;
use commonware_utils::ordered::Set;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The channel of certificates.
const CERTIFICATES: usize = 1;
/// The epoch it lies about.
const EPOCH: u64 = 0;

/// Says it again and again, and notes who shuts it out.
pub(super) fn start(init: InitContext<'_, PublicKey>, told: Arc<Mutex<Told>>) -> Handle<()> {
    let InitContext { context, oracle, mut channels, .. } = init;
    let oracle = oracle.clone();
    context.spawn(move |context| async move {
        // Ahead of the chain: what is behind it nobody looks at.
        let mut view = 100_000;
        loop {
            context.sleep(Duration::from_millis(200)).await;
            let _ = channels[CERTIFICATES].0.send(Recipients::All, forged(view), true);
            view += 1;
            let blocked = oracle.blocked().await.unwrap();
            told.lock().unwrap().blocked.extend(blocked);
        }
    })
}

/// As the engine would encode it: sub-channel of the epoch, then the certificate. Four other keys signed it, in the number and
/// the order of a quorum.
fn forged(view: u64) -> Vec<u8> {
    let mut keys: Vec<_> = (300..304).map(PrivateKey::from_seed).collect();
    keys.sort_by_key(|key| key.public_key());
    let set = Set::from_iter_dedup(keys.iter().map(PrivateKey::public_key));
    let round = Round::new(Epoch::new(EPOCH), View::new(view));
    let proposal = Proposal { round, parent: View::new(view - 1), payload: Digest([66; 32]) };
    let votes = keys.into_iter().take(3).map(|key| {
        let scheme = Scheme::signer(super::cluster::NAMESPACE.as_bytes(), set.clone(), key).unwrap();
        Finalize::sign(&scheme, proposal.clone()).unwrap()
    });
    let votes: Vec<_> = votes.collect();
    let verifier = Scheme::verifier(super::cluster::NAMESPACE.as_bytes(), set);
    let finalization = Finalization::from_finalizes(&verifier, non_empty![@votes.iter()], &Sequential).unwrap();
    let mut packet = UInt(EPOCH).encode().to_vec();
    packet.extend_from_slice(&Certificate::Finalization(finalization).encode());
    packet
}
