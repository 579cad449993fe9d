//! The tree against RFC 6962's definition and its well-known vectors; every proof against every change.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use chain::{Frontier, Hash, MerkleTree, leaf_hash, node_hash, sha256, verify_consistency, verify_inclusion};
use proptest::prelude::*;

/// The eight leaves used by every RFC 6962 implementation's tests.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

#[test]
fn well_known_roots() {
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    let mut roots = Vec::new();
    for leaf in LEAVES {
        frontier.push_leaf_hash(leaf_hash(leaf));
        roots.push(frontier.root().to_string());
    }
    assert_eq!(roots[0], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    assert_eq!(roots[7], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

/// MTH as the RFC writes it.
fn definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(b""),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&definition(&leaves[..split]), &definition(&leaves[split..]))
        }
    }
}

fn tree_of(size: u64) -> (Vec<Hash>, MerkleTree, Frontier) {
    let leaves: Vec<Hash> = (0..size).map(|n| leaf_hash(&n.to_le_bytes())).collect();
    let (mut tree, mut frontier) = (MerkleTree::new(), Frontier::new());
    for &leaf in &leaves {
        tree.push_leaf_hash(leaf);
        frontier.push_leaf_hash(leaf);
    }
    (leaves, tree, frontier)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn roots_follow_the_definition(size in 0u64..300) {
        let (leaves, tree, frontier) = tree_of(size);
        prop_assert_eq!(frontier.root(), definition(&leaves));
        for old in 0..=size {
            prop_assert_eq!(tree.root_at(old), Some(definition(&leaves[..old as usize])));
        }
        prop_assert_eq!(tree.root_at(size + 1), None);
        let mut bytes = Vec::new();
        frontier.encode(&mut bytes);
        prop_assert_eq!(Frontier::decode(&mut bytes.as_slice()), Ok(frontier));
    }

    #[test]
    fn proofs_verify_and_nothing_else_does(size in 1u64..200, at: u64, old: u64, bit in 0usize..256, which: usize) {
        let (leaves, tree, _) = tree_of(size);
        let (index, old) = (at % size, old % size + 1);
        let (root, old_root) = (tree.root_at(size).unwrap(), tree.root_at(old).unwrap());
        let leaf = leaves[index as usize];

        let path = tree.inclusion_proof(index, size).unwrap();
        prop_assert_eq!(verify_inclusion(index, size, &leaf, &path, &root), Ok(()));
        prop_assert!(verify_inclusion(index, size, &flip(leaf, bit), &path, &root).is_err());
        prop_assert!(verify_inclusion(index, size, &leaf, &path, &flip(root, bit)).is_err());
        prop_assert!(verify_inclusion(index + 1, size, &leaf, &path, &root).is_err());
        prop_assert!(verify_inclusion(index, size, &leaf, &[path.as_slice(), &[leaf]].concat(), &root).is_err());
        if !path.is_empty() {
            let mut changed = path.clone();
            let at = which % changed.len();
            changed[at] = flip(changed[at], bit);
            prop_assert!(verify_inclusion(index, size, &leaf, &changed, &root).is_err());
            prop_assert!(verify_inclusion(index, size, &leaf, &path[1..], &root).is_err());
        }

        // CHN-02: append-only.
        let proof = tree.consistency_proof(old, size).unwrap();
        prop_assert_eq!(verify_consistency(old, size, &old_root, &root, &proof), Ok(()));
        prop_assert!(verify_consistency(old, size, &flip(old_root, bit), &root, &proof).is_err());
        prop_assert!(verify_consistency(old, size, &old_root, &flip(root, bit), &proof).is_err());
        if !proof.is_empty() {
            let mut changed = proof.clone();
            let at = which % changed.len();
            changed[at] = flip(changed[at], bit);
            prop_assert!(verify_consistency(old, size, &old_root, &root, &changed).is_err());
        }
    }
}

fn flip(mut hash: Hash, bit: usize) -> Hash {
    hash.0[bit / 8] ^= 1 << (bit % 8);
    hash
}
