//! Payments by UETR: eight bytes a slot, in shards that double one at a time, so that no block waits while a whole table is
//! hashed again.
//!
//! A slot is 32 bits of hash and the payment's index; the UETR itself stays with the payment. The hash is keyed, and shards
//! are chosen by it too: participants choose UETRs and must not be able to fill one shard.

use clearing::{PaymentIndex, Uetr};
use std::hash::{BuildHasher, RandomState};

const SHARDS: usize = 1024;
const SHARD_SLOTS_MIN: usize = 16;
const EMPTY: u64 = 0;

/// UETR to payment.
#[derive(Debug)]
pub(crate) struct Uetrs {
    hasher: RandomState,
    shards: Vec<Shard>,
}

#[derive(Debug, Clone)]
struct Shard {
    /// `hash32 << 32 | index + 1`; zero is empty. The length is a power of two, three quarters of it used at most.
    slots: Vec<u64>,
    used: usize,
}

impl Uetrs {
    /// With room for so many, evenly spread.
    pub(crate) fn with_capacity(payments: usize) -> Self {
        let slots = (payments / SHARDS * 3 / 2).next_power_of_two().max(SHARD_SLOTS_MIN);
        let shard = Shard { slots: vec![EMPTY; slots], used: 0 };
        Self { hasher: RandomState::new(), shards: vec![shard; SHARDS] }
    }

    /// A payment's index, where `is_it` tells whether the payment at an index has that UETR.
    pub(crate) fn find(&self, uetr: Uetr, is_it: impl Fn(PaymentIndex) -> bool) -> Option<PaymentIndex> {
        let hash = self.hasher.hash_one(uetr);
        let shard = &self.shards[shard_of(hash)];
        shard.find(hash as u32, is_it).map(|at| index_of(shard.slots[at]))
    }

    /// Enters a payment, in the place of another one with its UETR if `is_it` finds one.
    ///
    /// # Panics
    /// Behind 2^32 − 2 payments, which is more than any memory holds.
    pub(crate) fn put(&mut self, uetr: Uetr, index: PaymentIndex, is_it: impl Fn(PaymentIndex) -> bool) {
        let hash = self.hasher.hash_one(uetr);
        let shard = &mut self.shards[shard_of(hash)];
        if (shard.used + 1) * 4 > shard.slots.len() * 3 {
            shard.double();
        }
        let number = u32::try_from(index.0 + 1).expect("fewer payments than that are in memory");
        let slot = u64::from(hash as u32) << 32 | u64::from(number);
        match shard.find(hash as u32, is_it) {
            Some(at) => shard.slots[at] = slot,
            None => shard.enter(slot),
        }
    }
}

/// What a slot that is not empty says.
const fn index_of(slot: u64) -> PaymentIndex {
    PaymentIndex((slot as u32 - 1) as u64)
}

/// By the half of the hash that the slots do not keep.
const fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

impl Shard {
    /// First slot to look at.
    const fn home(&self, hash: u32) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Where the payment is that has the hash and passes `is_it`.
    fn find(&self, hash: u32, is_it: impl Fn(PaymentIndex) -> bool) -> Option<usize> {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot == EMPTY {
                return None;
            }
            if (slot >> 32) as u32 == hash && is_it(index_of(slot)) {
                return Some(at);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
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
        let slots = vec![EMPTY; self.slots.len() * 2];
        let old = core::mem::replace(self, Self { slots, used: 0 });
        old.slots.into_iter().filter(|slot| *slot != EMPTY).for_each(|slot| self.enter(slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_entered_is_found_and_nothing_else() {
        let uetr = |n: u32| Uetr(u128::from(n).to_le_bytes());
        let mut uetrs = Uetrs::with_capacity(10);
        let index = |n: u32| PaymentIndex(u64::from(n));
        (0..20_000).for_each(|n| uetrs.put(uetr(n), index(n), |known| known == index(n)));
        let find = |n: u32| uetrs.find(uetr(n), |known| known == index(n));
        assert!((0..20_000).all(|n| find(n) == Some(index(n))));
        assert!((20_000..21_000).all(|n| find(n).is_none()));
        // UETRs that differ in few bits are spread like any others.
        let fullest = uetrs.shards.iter().map(|shard| shard.used).max();
        assert!(fullest < Some(100), "{fullest:?}");
    }

    #[test]
    fn a_uetr_used_again_finds_the_newer_payment() {
        let mut uetrs = Uetrs::with_capacity(10);
        let (uetr, older, newer) = (Uetr([7; 16]), PaymentIndex(3), PaymentIndex(9));
        uetrs.put(uetr, older, |_| true);
        uetrs.put(uetr, newer, |known| known == older);
        assert_eq!(uetrs.find(uetr, |_| true), Some(newer));
        assert_eq!(uetrs.find(uetr, |known| known == older), None);
    }

    #[test]
    fn payments_of_one_slot_are_told_apart() {
        let mut shard = Shard { slots: vec![EMPTY; SHARD_SLOTS_MIN], used: 0 };
        let same = |index: u64| 15 << 32 | index;
        (1..=3).for_each(|index| shard.enter(same(index)));
        assert_eq!((shard.slots[15], shard.slots[0], shard.slots[1], shard.used), (same(1), same(2), same(3), 3));
        shard.double();
        let mut moved = shard.slots[15..18].to_vec();
        moved.sort_unstable();
        assert_eq!((moved, shard.used), ((1..=3).map(same).collect(), 3));
    }
}
