//! A map from 16-byte keys to marks of table rows which cannot be iterated, so that no order leaks into the state.
//!
//! Open addressing in 256 shards; each shard doubles or halves by itself, so that this never stalls a block for long. A
//! slot is eight bytes: 32 bits of hash and the mark; the key itself stays in the table indexed. The hash is keyed with a seed which is
//! not part of the replicated state: participants choose the keys and must not be able to make them collide.

/// Secret of the hash function: any number, different on each machine and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSeed(pub u64);

/// Key to mark. Holds no keys.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    seed: IndexSeed,
    shards: Vec<Shard>,
}

const SHARDS: usize = 256;
const SHARD_SLOTS_MIN: usize = 16;
const EMPTY: u64 = 0;
/// Set in every slot that is not empty; the mark is below it.
const TAKEN: u64 = 1 << 31;

#[derive(Debug, Clone)]
struct Shard {
    /// `hash32 << 32 | TAKEN | mark`; zero is empty. The length is a power of two.
    slots: Vec<u64>,
    used: usize,
}

impl Index {
    pub(crate) fn new(seed: IndexSeed) -> Self {
        let shard = Shard { slots: vec![EMPTY; SHARD_SLOTS_MIN], used: 0 };
        Self { seed, shards: vec![shard; SHARDS] }
    }

    /// The mark of `key`, where `is_key` tells whether the row with a mark has it.
    pub(crate) fn find(&self, key: &[u8; 16], is_key: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let shard = &self.shards[shard_of(hash)];
        let mut at = shard.home(hash as u32);
        loop {
            let slot = shard.slots[at];
            if slot == EMPTY {
                return None;
            }
            let mark = (slot & (TAKEN - 1)) as u32;
            if (slot >> 32) as u32 == hash as u32 && is_key(mark) {
                return Some(mark);
            }
            at = (at + 1) & (shard.slots.len() - 1);
        }
    }

    /// Enters a key that is not there yet. `mark` is below 2^31.
    pub(crate) fn insert(&mut self, key: &[u8; 16], mark: u32) {
        let hash = self.hash(key);
        let shard = &mut self.shards[shard_of(hash)];
        if (shard.used + 1) * 8 > shard.slots.len() * 7 {
            shard.resize(shard.slots.len() * 2);
        }
        shard.enter(slot_of(hash, mark));
    }

    /// Removes a key that was entered with this mark.
    pub(crate) fn remove(&mut self, key: &[u8; 16], mark: u32) {
        let hash = self.hash(key);
        let shard = &mut self.shards[shard_of(hash)];
        shard.leave(hash as u32, slot_of(hash, mark));
        let slots = shard.slots.len();
        if slots > SHARD_SLOTS_MIN && shard.used * 4 < slots {
            shard.resize(slots / 2);
        }
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

    /// Empties a slot and closes the gap: whatever was pushed past it by others moves up, so that nothing behind is lost.
    fn leave(&mut self, hash: u32, slot: u64) {
        let mask = self.slots.len() - 1;
        let mut gap = self.home(hash);
        while self.slots[gap] != slot {
            assert_ne!(self.slots[gap], EMPTY, "only what was entered is removed");
            gap = (gap + 1) & mask;
        }
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let next = self.slots[at];
            if next == EMPTY {
                break;
            }
            let home = self.home((next >> 32) as u32);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.slots[gap] = next;
                gap = at;
            }
        }
        self.slots[gap] = EMPTY;
        self.used -= 1;
    }

    fn resize(&mut self, slots: usize) {
        let old = core::mem::replace(&mut self.slots, vec![EMPTY; slots]);
        self.used = 0;
        old.into_iter().filter(|&slot| slot != EMPTY).for_each(|slot| self.enter(slot));
    }
}

fn slot_of(hash: u64, mark: u32) -> u64 {
    u64::from(hash as u32) << 32 | TAKEN | u64::from(mark)
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

    #[test]
    fn what_is_removed_is_gone_and_nothing_else() {
        for window in [1, 100, 5_000] {
            let mut index = Index::new(IndexSeed(3));
            for n in 0..20_000 {
                index.insert(&key(n), n);
                if n >= window {
                    index.remove(&key(n - window), n - window);
                    assert_eq!(index.find(&key(n - window), |at| at == n - window), None);
                }
                let oldest = n.saturating_sub(window - 1);
                for kept in [oldest, oldest + (n - oldest) / 2, n] {
                    assert_eq!(index.find(&key(kept), |at| at == kept), Some(kept), "{kept} of {n} in a window of {window}");
                }
            }
            let slots: usize = index.shards.iter().map(|shard| shard.slots.len()).sum();
            assert!(slots <= SHARDS * SHARD_SLOTS_MIN || slots < 8 * window as usize, "{slots} slots for {window} keys");
        }
    }

    #[test]
    fn it_shrinks_when_keys_leave() {
        let mut index = Index::new(IndexSeed(3));
        (0..100_000).for_each(|n| index.insert(&key(n), n));
        (0..100_000).for_each(|n| index.remove(&key(n), n));
        assert!(index.shards.iter().all(|shard| shard.used == 0 && shard.slots == [EMPTY; SHARD_SLOTS_MIN]));
    }

    #[test]
    fn a_gap_is_closed_across_the_end_of_a_shard() {
        // Four of one home near the end: they wrap; removing the first leaves the others in reach.
        let hash = u32::MAX;
        let slot = |mark: u64| u64::from(hash) << 32 | TAKEN | mark;
        for removed in 0..4 {
            let mut shard = Shard { slots: vec![EMPTY; SHARD_SLOTS_MIN], used: 0 };
            (0..4).for_each(|mark| shard.enter(slot(mark)));
            shard.leave(hash, slot(removed));
            let kept: Vec<u64> = (0..4).filter(|mark| *mark != removed).map(slot).collect();
            assert_eq!([shard.slots[15], shard.slots[0], shard.slots[1], shard.slots[2]], [kept[0], kept[1], kept[2], EMPTY]);
        }
    }
}
