//! The RFC 6962 Merkle tree over final payments: roots in constant memory, proofs from all hashes.
//!
//! `MTH({}) = SHA-256()`, a leaf is `SHA-256(0x00 || bytes)`, a node `SHA-256(0x01 || left || right)`, and a tree of n
//! leaves splits at the largest power of two below n (RFC 6962 section 2.1).

use crate::hash::{Hash, Hasher, sha256};
use core::convert::Infallible;

/// Hash of a leaf.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    let mut hasher = Hasher::new();
    hasher.update(&[0]);
    hasher.update(bytes);
    hasher.finish()
}

/// Hash of an inner node.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    sha256(&bytes)
}

/// The roots of the perfect subtrees a tree is made of, largest first: enough to append and to tell the root.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    len: u64,
    /// One for each bit set in `len`, highest bit first.
    peaks: Vec<Hash>,
}

/// The bytes are not a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the frontier of the tree is damaged")]
pub struct FrontierError;

impl Frontier {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a leaf.
    pub fn push_leaf_hash(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.len.trailing_ones() {
            let left = self.peaks.pop().expect("one peak for each bit set");
            node = node_hash(&left, &node);
        }
        self.peaks.push(node);
        self.len += 1;
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(&last) = peaks.next() else { return sha256(b"") };
        peaks.fold(last, |right, left| node_hash(left, &right))
    }

    /// Appends `u64 length` and the peaks, little endian.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.len.to_le_bytes());
        self.peaks.iter().for_each(|peak| out.extend_from_slice(&peak.0));
    }

    /// Reads what [`Self::encode`] wrote and moves `bytes` behind it.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, FrontierError> {
        let (len, mut rest) = bytes.split_first_chunk::<8>().ok_or(FrontierError)?;
        let len = u64::from_le_bytes(*len);
        let mut peaks = Vec::with_capacity(len.count_ones() as usize);
        for _ in 0..len.count_ones() {
            let (peak, behind) = rest.split_first_chunk::<32>().ok_or(FrontierError)?;
            peaks.push(Hash(*peak));
            rest = behind;
        }
        *bytes = rest;
        Ok(Self { len, peaks })
    }
}

/// Where the hashes of a tree are kept.
pub trait TreeNodes {
    /// Why one cannot be had.
    type Error;

    /// The root over leaves `index * 2^height .. (index + 1) * 2^height`, all of which are in the tree.
    fn node(&self, height: u32, index: u64) -> Result<Hash, Self::Error>;

    /// The root as it was with `size` leaves, of which the tree must have so many.
    fn root_of(&self, size: u64) -> Result<Hash, Self::Error> {
        if size == 0 { Ok(sha256(b"")) } else { self.subtree(0, size) }
    }

    /// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1), where `index < size`.
    fn inclusion_path(&self, index: u64, size: u64) -> Result<Vec<Hash>, Self::Error> {
        let (mut from, mut to) = (0, size);
        let mut path = Vec::new();
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.subtree(middle, to)?);
                to = middle;
            } else {
                path.push(self.subtree(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the tree of `old` leaves is the beginning of the tree of `new` ones (RFC 6962 section 2.1.2), where
    /// `0 < old <= new`.
    fn consistency_path(&self, old: u64, new: u64) -> Result<Vec<Hash>, Self::Error> {
        let (mut from, mut to) = (0, new);
        let mut path = Vec::new();
        while old < to {
            let middle = from + split(to - from);
            if old <= middle {
                path.push(self.subtree(middle, to)?);
                to = middle;
            } else {
                path.push(self.subtree(from, middle)?);
                from = middle;
            }
        }
        if from != 0 {
            path.push(self.subtree(from, to)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The root over leaves `from..to`, where `from` is a multiple of the smallest power of two that holds the range.
    #[doc(hidden)]
    fn subtree(&self, from: u64, to: u64) -> Result<Hash, Self::Error> {
        let size = to - from;
        if size.is_power_of_two() {
            let height = size.trailing_zeros();
            return self.node(height, from >> height);
        }
        let middle = from + split(size);
        Ok(node_hash(&self.subtree(from, middle)?, &self.subtree(middle, to)?))
    }
}

/// All hashes of the tree, for proofs: 64 bytes a leaf.
#[derive(Debug, Clone, Default)]
pub struct MerkleTree {
    /// `levels[0]` are leaves, `levels[h]` the roots of perfect subtrees of 2^h leaves.
    levels: Vec<Vec<Hash>>,
}

impl MerkleTree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Whether there is no leaf.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a leaf.
    pub fn push_leaf_hash(&mut self, leaf: Hash) {
        let mut node = leaf;
        let mut height = 0;
        loop {
            if self.levels.len() == height {
                self.levels.push(Vec::new());
            }
            let level = &mut self.levels[height];
            level.push(node);
            let [.., left, right] = level.as_slice() else { return };
            if !level.len().is_multiple_of(2) {
                return;
            }
            node = node_hash(left, right);
            height += 1;
        }
    }

    /// The root as it was with `size` leaves; `None` if there never were so many.
    pub fn root_at(&self, size: u64) -> Option<Hash> {
        let Ok(root) = (size <= self.len()).then(|| self.root_of(size))?;
        Some(root)
    }

    /// The audit path of leaf `index` in the tree of `size` leaves (RFC 6962 section 2.1.1).
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Option<Vec<Hash>> {
        let Ok(path) = (index < size && size <= self.len()).then(|| self.inclusion_path(index, size))?;
        Some(path)
    }

    /// The proof that the tree of `old` leaves is the beginning of the tree of `new` ones (RFC 6962 section 2.1.2).
    pub fn consistency_proof(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        let Ok(path) = (0 < old && old <= new && new <= self.len()).then(|| self.consistency_path(old, new))?;
        Some(path)
    }
}

impl TreeNodes for MerkleTree {
    type Error = Infallible;

    fn node(&self, height: u32, index: u64) -> Result<Hash, Infallible> {
        Ok(self.levels[height as usize][index as usize])
    }
}

/// The largest power of two below `size`; `size` is at least two.
fn split(size: u64) -> u64 {
    1 << (63 - (size - 1).leading_zeros())
}

/// A proof that proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size, or the sizes are in the wrong order.
    #[error("the proof's index or size is out of range")]
    OutOfRange,
    /// Too few or too many hashes.
    #[error("the proof has the wrong length")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    OtherRoot,
}

/// Checks an audit path (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut index, mut last) = (index, size - 1);
    let mut node = *leaf;
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if index % 2 == 1 || index == last {
            node = node_hash(sibling, &node);
            while index.is_multiple_of(2) && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    match (last, node == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::OtherRoot),
        (_, _) => Err(ProofError::Length),
    }
}

/// Checks that the tree of `old` leaves is the beginning of that of `new` (RFC 9162 section 2.1.4.2; CHN-02).
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> Result<(), ProofError> {
    if old == 0 || old > new {
        return Err(ProofError::OutOfRange);
    }
    if old == new {
        let same = proof.is_empty() && old_root == new_root;
        return if same { Ok(()) } else { Err(ProofError::OtherRoot) };
    }
    let (first, rest) = match (old.is_power_of_two(), proof) {
        (true, all) => (*old_root, all),
        (false, [first, rest @ ..]) => (*first, rest),
        (false, []) => return Err(ProofError::Length),
    };
    let mut at = old - 1;
    let mut last = new - 1;
    while at % 2 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_node, mut new_node) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if at % 2 == 1 || at == last {
            old_node = node_hash(sibling, &old_node);
            new_node = node_hash(sibling, &new_node);
            while at.is_multiple_of(2) && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_node = node_hash(&new_node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    match (last, old_node == *old_root && new_node == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::OtherRoot),
        (_, _) => Err(ProofError::Length),
    }
}
