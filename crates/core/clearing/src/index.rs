//! A map from 16-byte keys to table indices which cannot be iterated, so that no order leaks into the state.
//!
//! Open addressing in 256 shards; each shard doubles by itself, so growth never stalls a block for long. A slot is eight
//! bytes: 32 bits of hash and the index; the key itself stays in the table indexed. The hash is keyed with a seed which is
//! not part of the replicated state: participants choose the keys and must not be able to make them collide.

/// Secret of the hash function: any number, different on each machine and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSeed(pub u64);

/// Key to index. Holds no keys.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    seed: IndexSeed,
    shards: Vec<Shard>,
}

const SHARDS: usize = 256;
const SHARD_SLOTS_MIN: usize = 16;
const EMPTY: u64 = 0;

#[derive(Debug, Clone)]
struct Shard {
    /// `hash32 << 32 | index + 1`; zero is empty. The length is a power of two.
    slots: Vec<u64>,
    used: usize,
}

impl Index {
    pub(crate) fn new(seed: IndexSeed) -> Self {
        let shard = Shard { slots: vec![EMPTY; SHARD_SLOTS_MIN], used: 0 };
        Self { seed, shards: vec![shard; SHARDS] }
    }

    /// The index of `key`, where `is_key` tells whether the entry at an index has it.
    pub(crate) fn find(&self, key: &[u8; 16], is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let shard = &self.shards[shard_of(hash)];
        let mut at = shard.home(hash as u32);
        loop {
            let slot = shard.slots[at];
            if slot == EMPTY {
                return None;
            }
            let index = slot as u32 - 1;
            if (slot >> 32) as u32 == hash as u32 && is_key(index) {
                return Some(index);
            }
            at = (at + 1) & (shard.slots.len() - 1);
        }
    }

    /// Enters a key that is not there yet. `index` is below `u32::MAX`.
    pub(crate) fn insert(&mut self, key: &[u8; 16], index: u32) {
        let hash = self.hash(key);
        let shard = &mut self.shards[shard_of(hash)];
        if (shard.used + 1) * 8 > shard.slots.len() * 7 {
            shard.double();
        }
        shard.enter(u64::from(hash as u32) << 32 | u64::from(index + 1));
    }

    /// Reads the key's first slot so that it is in the cache when [`Self::find`] comes. The answer means nothing.
    pub(crate) fn warm(&self, key: &[u8; 16]) -> u64 {
        let hash = self.hash(key);
        let shard = &self.shards[shard_of(hash)];
        shard.slots[shard.home(hash as u32)]
    }

    fn hash(&self, key: &[u8; 16]) -> u64 {
        let (low, high) = key.split_at(8);
        let low = u64::from_le_bytes(low.try_into().expect("eight bytes"));
        let high = u64::from_le_bytes(high.try_into().expect("eight bytes"));
        let first = fold(low ^ self.seed.0, high ^ 0x9e37_79b9_7f4a_7c15 ^ self.seed.0.rotate_left(32));
        fold(first ^ 0xa076_1d64_78bd_642f, self.seed.0 ^ 0xe703_7ed1_a0b4_28db)
    }
}

impl Shard {
    /// First slot to look at: the hash scaled to the length.
    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.slots.len() as u64) >> 32) as usize
    }

    fn enter(&mut self, slot: u64) {
        let mut at = self.home((slot >> 32) as u32);
        while self.slots[at] != EMPTY {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
        self.used += 1;
    }

    fn double(&mut self) {
        let larger = vec![EMPTY; self.slots.len() * 2];
        let slots = core::mem::replace(&mut self.slots, larger);
        self.used = 0;
        slots.into_iter().filter(|&slot| slot != EMPTY).for_each(|slot| self.enter(slot));
    }
}

fn shard_of(hash: u64) -> usize {
    (hash >> 56) as usize
}

/// Multiplies to 128 bits and folds the halves.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> [u8; 16] {
        let mut key = [0; 16];
        key[..4].copy_from_slice(&n.to_le_bytes());
        key
    }

    #[test]
    fn finds_what_was_entered_and_nothing_else() {
        for seed in [0, 1, u64::MAX] {
            let mut index = Index::new(IndexSeed(seed));
            for n in 0..50_000 {
                assert_eq!(index.find(&key(n), |at| at == n), None);
                index.insert(&key(n), n);
            }
            for n in 0..50_000 {
                assert_eq!(index.find(&key(n), |at| at == n), Some(n));
            }
            assert_eq!(index.find(&key(50_000), |at| at == 50_000), None);
        }
    }

    #[test]
    fn equal_hashes_are_told_apart_by_the_key() {
        let mut index = Index::new(IndexSeed(7));
        index.insert(&key(1), 10);
        index.insert(&key(1), 11);
        assert_eq!(index.find(&key(1), |at| at == 11), Some(11));
        assert_eq!(index.find(&key(1), |at| at == 12), None);
    }
}
