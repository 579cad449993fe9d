//! The chain's own check of certificates and the engine's agree, on good ones and on every kind of bad one.

use crate::certificates::certificate_of;
use chain::{Certificate, Validators};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::{Finalization, Finalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::PrivateKey;
use commonware_cryptography::sha256::Digest;
use commonware_parallel::Sequential;
use commonware_utils::ordered::Set;
use commonware_utils::{non_empty, test_rng};
use proptest::prelude::*;

const NAMESPACE: &[u8] = b"luohu-certificates";

fn keys(n: u64) -> Vec<PrivateKey> {
    let mut keys: Vec<_> = (0..n).map(PrivateKey::from_seed).collect();
    keys.sort_by_key(|key| key.public_key());
    keys
}

/// A certificate of these signers over a block, and who verifies it.
fn made(
    n: u64,
    signers: &[usize],
    (epoch, view, parent): (u64, u64, u64),
    block: [u8; 32],
) -> (Finalization<Scheme, Digest>, Scheme) {
    let keys = keys(n);
    let set = Set::from_iter_dedup(keys.iter().map(PrivateKey::public_key));
    let proposal =
        Proposal { round: Round::new(Epoch::new(epoch), View::new(view)), parent: View::new(parent), payload: Digest(block) };
    let votes: Vec<_> = signers
        .iter()
        .map(|&at| {
            let scheme = Scheme::signer(NAMESPACE, set.clone(), keys[at].clone()).unwrap();
            Finalize::sign(&scheme, proposal.clone()).unwrap()
        })
        .collect();
    let verifier = Scheme::verifier(NAMESPACE, set);
    let finalization = Finalization::from_finalizes(&verifier, non_empty![@votes.iter()], &Sequential).unwrap();
    (finalization, verifier)
}

fn validators(n: u64) -> Validators {
    let raw = |key: PrivateKey| {
        let public = key.public_key();
        let bytes: &[u8] = public.as_ref();
        bytes.try_into().unwrap()
    };
    Validators::new("luohu-certificates", keys(n).into_iter().map(raw))
}

fn both(
    finalization: &Finalization<Scheme, Digest>,
    verifier: &Scheme,
    ours: &Certificate,
    validators: &Validators,
) -> (bool, bool) {
    (finalization.verify(&mut test_rng(), verifier, &Sequential), ours.verify(validators).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn good_certificates_pass_and_changed_ones_do_not(
        n in 4u64..11, epoch in 0u64..1 << 40, view in 1u64..1 << 40, parent in 0u64..1 << 20, block in any::<[u8; 32]>(), flip in any::<u16>(),
    ) {
        let most: Vec<usize> = (0..chain::quorum(n as usize)).collect();
        let (finalization, verifier) = made(n, &most, (epoch, view, parent), block);
        let validators = validators(n);
        let ours = certificate_of(&finalization).unwrap();
        prop_assert_eq!(both(&finalization, &verifier, &ours, &validators), (true, true));
        let bytes = ours.encode();
        prop_assert_eq!(Certificate::decode(&bytes).unwrap(), ours.clone());
        // Any changed bit is found.
        let mut changed = bytes.clone();
        let at = usize::from(flip) % (changed.len() * 8);
        changed[at / 8] ^= 1 << (at % 8);
        let found = Certificate::decode(&changed).ok().is_none_or(|changed| changed.verify(&validators).is_err());
        prop_assert!(found, "bit {} of {}", at, bytes.len());
    }
}

#[test]
fn each_kind_of_bad_certificate_is_refused_by_both() {
    let (good, verifier) = made(4, &[0, 1, 2], (0, 9, 8), [5; 32]);
    let list = validators(4);
    let change = |change: &dyn Fn(&mut Finalization<Scheme, Digest>)| {
        let mut bad = good.clone();
        change(&mut bad);
        let ours = certificate_of(&bad).unwrap();
        both(&bad, &verifier, &ours, &list)
    };
    assert_eq!(change(&|_| {}), (true, true));
    assert_eq!(change(&|bad| bad.proposal.payload = Digest([6; 32])), (false, false), "another block");
    assert_eq!(change(&|bad| bad.proposal.parent = View::new(7)), (false, false), "another parent");
    assert_eq!(change(&|bad| bad.proposal.round = Round::new(Epoch::zero(), View::new(10))), (false, false), "another view");
    assert_eq!(change(&|bad| bad.proposal.round = Round::new(Epoch::new(1), View::new(9))), (false, false), "another epoch");
    assert_eq!(change(&|bad| bad.certificate.signatures.swap(0, 1)), (false, false), "signatures of others");
    assert_eq!(change(&|bad| drop(bad.certificate.signatures.pop())), (false, false), "too few signatures");
    let ours = certificate_of(&good).unwrap();
    let (other, _) = made(5, &[0, 1, 2, 3], (0, 9, 8), [5; 32]);
    assert_eq!(both(&other, &verifier, &certificate_of(&other).unwrap(), &list), (false, false), "other validators");
    assert!(ours.verify(&Validators::new("another-chain", [])).is_err());
    let few = Certificate { signatures: ours.signatures[..2].to_vec(), ..ours.clone() };
    assert!(few.verify(&list).is_err(), "no quorum");
    let twice = Certificate { signatures: vec![ours.signatures[0]; 3], ..ours };
    assert!(twice.verify(&list).is_err(), "one validator three times");
}
