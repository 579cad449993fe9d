//! A map that keeps at most so many rows and forgets the one not touched for longest.

use crate::keys::Key;
use std::collections::HashMap;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Slot<V> {
    key: Key,
    value: V,
    newer: u32,
    older: u32,
}

/// Rows in a list from newest to oldest, found through a map.
#[derive(Debug)]
pub(crate) struct Lru<V> {
    places: HashMap<Key, u32>,
    slots: Vec<Slot<V>>,
    newest: u32,
    oldest: u32,
    most: usize,
}

impl<V: Default> Lru<V> {
    /// Keeps at most `most` rows, at least one.
    pub(crate) fn new(most: usize) -> Self {
        let most = most.clamp(1, NONE as usize - 1);
        Self { places: HashMap::new(), slots: Vec::new(), newest: NONE, oldest: NONE, most }
    }

    /// A row, without touching it.
    pub(crate) fn get(&self, key: Key) -> Option<&V> {
        self.places.get(&key).map(|&at| &self.slots[at as usize].value)
    }

    /// A row, touched, made if it is not there; the oldest goes when there are too many.
    pub(crate) fn touch(&mut self, key: Key) -> &mut V {
        let at = match self.places.get(&key) {
            Some(&at) => {
                self.unlink(at);
                at
            }
            None => self.place(key),
        };
        self.link_newest(at);
        &mut self.slots[at as usize].value
    }

    /// Rows kept.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    fn place(&mut self, key: Key) -> u32 {
        let fresh = Slot { key, value: V::default(), newer: NONE, older: NONE };
        let at = if self.slots.len() < self.most {
            self.slots.push(fresh);
            (self.slots.len() - 1) as u32
        } else {
            let at = self.oldest;
            self.unlink(at);
            self.places.remove(&self.slots[at as usize].key);
            self.slots[at as usize] = fresh;
            at
        };
        self.places.insert(key, at);
        at
    }

    fn unlink(&mut self, at: u32) {
        let (newer, older) = (self.slots[at as usize].newer, self.slots[at as usize].older);
        match newer {
            NONE => self.newest = older,
            _ => self.slots[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            _ => self.slots[older as usize].newer = newer,
        }
    }

    fn link_newest(&mut self, at: u32) {
        let before = self.newest;
        let slot = &mut self.slots[at as usize];
        (slot.newer, slot.older) = (NONE, before);
        match before {
            NONE => self.oldest = at,
            _ => self.slots[before as usize].newer = at,
        }
        self.newest = at;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_not_touched_for_longest_goes() {
        let mut rows: Lru<u32> = Lru::new(3);
        for key in 1..=3 {
            *rows.touch(key) = key as u32;
        }
        rows.touch(1);
        rows.touch(4);
        assert_eq!((rows.get(1), rows.get(2), rows.get(3), rows.get(4)), (Some(&1), None, Some(&3), Some(&0)));
        rows.touch(2);
        assert_eq!((rows.get(3), rows.get(1), rows.len()), (None, Some(&1), 3));
    }

    #[test]
    fn it_agrees_with_a_plain_list() {
        let (mut rows, mut plain): (Lru<u32>, Vec<Key>) = (Lru::new(5), Vec::new());
        let mut random = 1u64;
        for _ in 0..5000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = Key::from(random >> 60);
            plain.retain(|&other| other != key);
            plain.push(key);
            plain.drain(..plain.len().saturating_sub(5));
            rows.touch(key);
            assert!((0..16).all(|key| rows.get(key).is_some() == plain.contains(&key)));
        }
        let mut one: Lru<u32> = Lru::new(0);
        one.touch(1);
        one.touch(2);
        assert_eq!((one.len(), one.get(1)), (1, None));
    }
}
