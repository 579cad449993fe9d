//! The tree of final payments in tiles of 256 hashes: level 0 are leaves, level 1 the roots over 256 leaves, and so on.
//!
//! Only what is not in whole, indexed tiles must be in memory: a few kilobytes. From it follows the root at any time, since
//! the roots of perfect subtrees at the right edge lie in tiles that are not whole.

use crate::port::IndexError;
use chain::{Hash, node_hash};

/// Hashes of a whole tile.
pub(crate) const TILE: u64 = 1 << TILE_HEIGHT;
const TILE_HEIGHT: u32 = 8;

/// The right edge of the tree, or more of it.
#[derive(Debug, Default)]
pub(crate) struct TileTree(Vec<Level>);

#[derive(Debug, Default)]
struct Level {
    /// Hashes that are not here any more: whole tiles.
    first: u64,
    hashes: Vec<Hash>,
}

impl Level {
    fn count(&self) -> u64 {
        self.first + self.hashes.len() as u64
    }
}

impl TileTree {
    /// Reads what the right edge of a tree with so many leaves takes.
    ///
    /// # Errors
    /// If `tile` says so, or a tile is not as long as it must be.
    pub(crate) fn load(leaves: u64, tile: impl Fn(u8, u64) -> Result<Option<Vec<Hash>>, IndexError>) -> Result<Self, IndexError> {
        let mut levels = Vec::new();
        let mut count = leaves;
        while count > 0 {
            let (level, number) = (levels.len() as u8, count / TILE);
            let wanted = (count % TILE) as usize;
            let hashes = if wanted == 0 { Vec::new() } else { tile(level, number)?.unwrap_or_default() };
            if hashes.len() != wanted {
                return Err(IndexError::Damaged(format!("tile {number} of level {level} has {} hashes", hashes.len())));
            }
            levels.push(Level { first: number * TILE, hashes });
            count /= TILE;
        }
        Ok(Self(levels))
    }

    /// Leaves so far.
    pub(crate) fn len(&self) -> u64 {
        self.0.first().map_or(0, Level::count)
    }

    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for level in 0.. {
            if self.0.len() == level {
                self.0.push(Level::default());
            }
            let level = &mut self.0[level];
            level.hashes.push(node);
            if !level.count().is_multiple_of(TILE) {
                return;
            }
            node = fold(&level.hashes[level.hashes.len() - TILE as usize..]);
        }
    }

    /// The tiles that changed since there were `leaves`, whole.
    pub(crate) fn changed_since(&self, leaves: u64) -> impl Iterator<Item = ((u8, u64), Vec<Hash>)> + '_ {
        self.0.iter().enumerate().flat_map(move |(at, level)| {
            let before = leaves.checked_shr(TILE_HEIGHT * at as u32).unwrap_or(0);
            let numbers = if before == level.count() { 0..0 } else { before / TILE..level.count().div_ceil(TILE) };
            numbers.map(move |number| {
                let from = (number * TILE - level.first) as usize;
                let to = level.hashes.len().min(from + TILE as usize);
                ((at as u8, number), level.hashes[from..to].to_vec())
            })
        })
    }

    /// Lets go of the tiles that are whole in the tree of so many leaves.
    pub(crate) fn forget(&mut self, leaves: u64) {
        for (at, level) in self.0.iter_mut().enumerate() {
            let whole = leaves.checked_shr(TILE_HEIGHT * at as u32).unwrap_or(0) / TILE * TILE;
            if whole > level.first {
                level.hashes.drain(..(whole - level.first) as usize);
                level.first = whole;
            }
        }
    }

    /// The hashes that a node is made of, if they are here.
    pub(crate) fn run(&self, run: Run) -> Option<&[Hash]> {
        let level = self.0.get(run.level as usize)?;
        let from = usize::try_from(run.from.checked_sub(level.first)?).ok()?;
        level.hashes.get(from..from + run.count)
    }
}

/// Hashes that lie side by side in one tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) level: u8,
    pub(crate) from: u64,
    pub(crate) count: usize,
}

impl Run {
    /// What the root of a perfect subtree is made of.
    pub(crate) fn of(height: u32, index: u64) -> Self {
        let inner = height % TILE_HEIGHT;
        Self { level: (height / TILE_HEIGHT) as u8, from: index << inner, count: 1 << inner }
    }

    /// The tile it lies in.
    pub(crate) fn tile(self) -> u64 {
        self.from / TILE
    }

    /// Itself out of its tile; `None`: the tile is too short.
    pub(crate) fn in_tile(self, tile: &[Hash]) -> Option<&[Hash]> {
        let from = (self.from % TILE) as usize;
        tile.get(from..from + self.count)
    }
}

/// The root over a power of two of hashes.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chain::{MerkleTree, TreeNodes, sha256};
    use std::collections::BTreeMap;

    /// A tree that keeps its whole tiles elsewhere.
    struct Kept(TileTree, BTreeMap<(u8, u64), Vec<Hash>>);

    impl TreeNodes for Kept {
        type Error = ();

        fn node(&self, height: u32, index: u64) -> Result<Hash, ()> {
            let run = Run::of(height, index);
            let tile = || run.in_tile(self.1.get(&(run.level, run.tile()))?);
            self.0.run(run).or_else(tile).map(fold).ok_or(())
        }
    }

    #[test]
    fn it_agrees_with_a_tree_in_one_piece() {
        let (mut plain, mut kept, mut indexed) = (MerkleTree::new(), Kept(TileTree::default(), BTreeMap::new()), 0);
        for n in 0..70_000u64 {
            let leaf = sha256(&n.to_le_bytes());
            plain.push_leaf_hash(leaf);
            kept.0.push(leaf);
            let size = n + 1;
            if n % 777 == 0 || n > 65_530 && n % 50 == 0 {
                kept.1.extend(kept.0.changed_since(indexed));
                kept.0.forget(size);
                indexed = size;
                assert!(kept.0.0.iter().all(|level| level.hashes.len() < TILE as usize), "only the edge is here");
                let tiles = &kept.1;
                kept.0 = TileTree::load(size, |level, number| Ok(tiles.get(&(level, number)).cloned())).unwrap();
                assert_eq!(kept.0.len(), size);
            }
            if n % 911 == 0 || n > 69_990 {
                assert_eq!(kept.root_of(size).ok(), plain.root_at(size), "root of {size}");
                let index = n * 7 % size;
                assert_eq!(kept.inclusion_path(index, size).ok(), plain.inclusion_proof(index, size), "leaf {index} of {size}");
                let old = 1 + n * 5 % size;
                assert_eq!(kept.consistency_path(old, size).ok(), plain.consistency_proof(old, size), "{old} to {size}");
            }
        }
    }

    #[test]
    fn a_tile_that_is_too_short_is_damage() {
        let load = TileTree::load(300, |_, _| Ok(Some(vec![Hash::default(); 3])));
        assert!(matches!(load, Err(IndexError::Damaged(_))), "{load:?}");
    }
}
