//! What payments are found by. Identifiers come in no order: put into a tree one batch after the other, each batch would write
//! most of the tree's pages anew.
//!
//! So they wait in memory, sorted, and beside that in the file as they came, packed. A batch brings the next slices of the
//! order into the tree, and no more than it must: many keys for each page, and few pages. When every slice has had its turn, the
//! packs from before that are removed.
//!
//! ```text
//! identifiers   identifier 16, kind 1, number of the payment 6, big endian     the tree
//! fresh         number of the pack → the same, one behind the other
//! ```
//!
//! # Invariants
//! - A key is in memory or in the tree, for every reader at any moment: it leaves memory after the tree has it.
//! - What is in memory and not in the tree is in a pack of the same transaction or an earlier one.

use crate::port::{Arrival, IndexError, Key};
use clearing::PaymentIndex;
use redb::{ReadTransaction, ReadableTable as _, ReadableTableMetadata as _, TableDefinition, WriteTransaction};
use std::collections::BTreeSet;

/// The tree.
pub(super) const IDENTIFIERS: TableDefinition<&[u8; KEY_BYTES], ()> = TableDefinition::new("identifiers");
/// What is not in the tree yet.
pub(super) const FRESH: TableDefinition<u64, &[u8]> = TableDefinition::new("fresh");

const NAME_BYTES: usize = 17;
const NUMBER_BYTES: usize = 6;
const KEY_BYTES: usize = NAME_BYTES + NUMBER_BYTES;
/// Keys in memory, unless somebody says otherwise: some 6 MB.
const FRESH_MAX: usize = 1 << 18;
type Entry = [u8; KEY_BYTES];

/// Slices of the order, each of the keys that begin with one byte.
const SLICES: usize = 256;

/// The keys that are in memory, and whose turn is next.
#[derive(Debug)]
pub(super) struct Fresh {
    slices: Vec<BTreeSet<Entry>>,
    turn: Turn,
    /// Keys in memory behind a batch, at most.
    most: usize,
}

/// Which slice comes into the tree next, and which packs are in the file.
#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    slice: u8,
    /// The first pack in the file, and the next one's number.
    first_pack: u64,
    next_pack: u64,
    /// Packs before this one were there when the turn began.
    turn_began: u64,
}

/// What a transaction does to the keys, for memory when it is committed.
pub(super) struct Planned {
    new: Vec<Entry>,
    done: Vec<u8>,
    turn: Turn,
}

impl Default for Fresh {
    fn default() -> Self {
        Self { slices: vec![BTreeSet::new(); SLICES], turn: Turn::default(), most: FRESH_MAX }
    }
}

impl Fresh {
    /// Reads the packs.
    pub(super) fn load(transaction: &ReadTransaction) -> Result<Self, IndexError> {
        let mut fresh = Self::default();
        let mut first = None;
        for pack in transaction.open_table(FRESH)?.iter()? {
            let (number, pack) = pack?;
            first = first.or(Some(number.value()));
            fresh.turn.next_pack = number.value() + 1;
            let (entries, rest) = pack.value().as_chunks::<KEY_BYTES>();
            if !rest.is_empty() {
                return Err(IndexError::Damaged("a pack of identifiers".to_owned()));
            }
            fresh.put(entries);
        }
        fresh.turn.first_pack = first.unwrap_or(0);
        fresh.turn.turn_began = fresh.turn.next_pack;
        Ok(fresh)
    }

    fn put(&mut self, entries: &[Entry]) {
        for entry in entries {
            self.slices[usize::from(entry[0])].insert(*entry);
        }
    }

    /// Writes the keys of payments that came in, and brings slices into the tree until few enough are left.
    pub(super) fn write(&self, transaction: &WriteTransaction, arrivals: &[Arrival]) -> Result<Planned, IndexError> {
        let mut new: Vec<Entry> = arrivals.iter().flat_map(entries_of).collect();
        new.sort_unstable();
        let mut turn = self.turn;
        let mut packs = transaction.open_table(FRESH)?;
        if !new.is_empty() {
            packs.insert(turn.next_pack, new.as_flattened())?;
            turn.next_pack += 1;
        }
        let mut tree = transaction.open_table(IDENTIFIERS)?;
        let mut left = self.slices.iter().map(BTreeSet::len).sum::<usize>() + new.len();
        let mut done = Vec::new();
        while left > self.most && done.len() < SLICES {
            let keys = self.slice_with(turn.slice, &new);
            for key in &keys {
                tree.insert(key, ())?;
            }
            left -= keys.len();
            done.push(turn.slice);
            turn.slice = turn.slice.wrapping_add(1);
            if turn.slice == 0 {
                for old in turn.first_pack..turn.turn_began {
                    packs.remove(old)?;
                }
                turn.first_pack = turn.first_pack.max(turn.turn_began);
                turn.turn_began = turn.next_pack;
            }
        }
        Ok(Planned { new, done, turn })
    }

    /// What a slice has in memory and of new keys, which are sorted; in order.
    fn slice_with(&self, slice: u8, new: &[Entry]) -> Vec<Entry> {
        let (from, to) = (new.partition_point(|key| key[0] < slice), new.partition_point(|key| key[0] <= slice));
        let mut keys: Vec<Entry> = self.slices[usize::from(slice)].iter().chain(&new[from..to]).copied().collect();
        keys.sort_unstable();
        keys
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self, planned: Planned) {
        let Planned { new, done, turn } = planned;
        self.put(&new);
        for slice in done {
            self.slices[usize::from(slice)].clear();
        }
        self.turn = turn;
    }

    /// The newest payment in memory with an identifier.
    pub(super) fn newest(&self, key: Key) -> Option<PaymentIndex> {
        let name = name_of(key);
        self.slices[usize::from(name[0])].range(entry(name, 0)..=entry(name, u64::MAX)).next_back().map(number_of)
    }

    /// Keys there are, in memory and in the tree.
    pub(super) fn count(&self, transaction: &ReadTransaction) -> Result<u64, IndexError> {
        let tree = transaction.open_table(IDENTIFIERS)?;
        let mut count = tree.len()?;
        for key in self.slices.iter().flatten() {
            count += u64::from(tree.get(key)?.is_none());
        }
        Ok(count)
    }
}

/// The newest payment in the tree with an identifier.
pub(super) fn newest_in_tree(transaction: &ReadTransaction, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
    let tree = transaction.open_table(IDENTIFIERS)?;
    let name = name_of(key);
    let (first, last) = (entry(name, 0), entry(name, u64::MAX));
    let found = tree.range::<&Entry>(&first..=&last)?.next_back().transpose()?;
    Ok(found.map(|(found, _)| number_of(found.value())))
}

fn entries_of(arrival: &Arrival) -> [Entry; 2] {
    [Key::Uetr(arrival.uetr), Key::Message(arrival.message_id)].map(|key| entry(name_of(key), arrival.payment.0))
}

/// Identifier and kind.
fn name_of(key: Key) -> [u8; NAME_BYTES] {
    let (kind, identifier) = match key {
        Key::Uetr(uetr) => (0, uetr.0),
        Key::Message(message) => (1, message.0),
    };
    let mut bytes = [kind; NAME_BYTES];
    bytes[..16].copy_from_slice(&identifier);
    bytes
}

/// Numbers of more than six bytes are as the greatest one: there are no such.
fn entry(name: [u8; NAME_BYTES], number: u64) -> Entry {
    let number = number.min((1 << (8 * NUMBER_BYTES)) - 1).to_be_bytes();
    let mut bytes = [0; KEY_BYTES];
    bytes[..NAME_BYTES].copy_from_slice(&name);
    bytes[NAME_BYTES..].copy_from_slice(&number[8 - NUMBER_BYTES..]);
    bytes
}

fn number_of(entry: &Entry) -> PaymentIndex {
    let mut number = [0; 8];
    number[8 - NUMBER_BYTES..].copy_from_slice(&entry[NAME_BYTES..]);
    PaymentIndex(u64::from_be_bytes(number))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on has failed

    use super::*;
    use chain::sha256;
    use clearing::{MessageIdHash, ParticipantId, Uetr};
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;
    use redb::{Builder, Database, ReadableDatabase as _};
    use std::collections::BTreeMap;

    fn arrival(payment: u64) -> Arrival {
        // Every seventh message identification is one that was there before.
        let named = |what: u8, number: u64| -> [u8; 16] {
            *sha256(&[[what].as_slice(), &number.to_le_bytes()].concat()).0.first_chunk().unwrap()
        };
        Arrival {
            payment: PaymentIndex(payment),
            uetr: Uetr(named(0, payment)),
            message_id: MessageIdHash(named(1, if payment % 7 == 6 { payment / 2 } else { payment })),
            debtor_agent: ParticipantId(0),
            creditor_agent: None,
        }
    }

    fn write(database: &Database, fresh: &mut Fresh, numbers: core::ops::Range<u64>, commit: bool) {
        let transaction = database.begin_write().unwrap();
        let planned = fresh.write(&transaction, &numbers.map(arrival).collect::<Vec<_>>()).unwrap();
        if commit {
            transaction.commit().unwrap();
            fresh.committed(planned);
        }
    }

    fn found(database: &Database, fresh: &Fresh, key: Key) -> Option<u64> {
        let here = fresh.newest(key);
        here.max(newest_in_tree(&database.begin_read().unwrap(), key).unwrap()).map(|payment| payment.0)
    }

    fn packs(database: &Database) -> u64 {
        database.begin_read().unwrap().open_table(FRESH).unwrap().len().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        /// Whatever the batches are, whichever is given up, and whenever it is opened again: every key is found, and little waits.
        #[test]
        fn every_key_is_found_wherever_it_is(batches in prop::collection::vec((0..90u64, 0..10u8), 1..40)) {
            let database = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
            let mut fresh = Fresh { most: 200, ..Fresh::default() };
            write(&database, &mut fresh, 0..0, true);
            let mut there = 0;
            for (size, what) in batches {
                match what {
                    0 => fresh = Fresh { most: 200, ..Fresh::load(&database.begin_read().unwrap()).unwrap() },
                    1 => write(&database, &mut fresh, there..there + size, false),
                    _ => {
                        write(&database, &mut fresh, there..there + size, true);
                        there += size;
                        prop_assert!(fresh.slices.iter().map(BTreeSet::len).sum::<usize>() <= 200);
                    }
                }
            }
            let mut newest: BTreeMap<MessageIdHash, u64> = BTreeMap::new();
            for payment in 0..there {
                let Arrival { uetr, message_id, .. } = arrival(payment);
                prop_assert_eq!(found(&database, &fresh, Key::Uetr(uetr)), Some(payment));
                newest.insert(message_id, payment);
            }
            for (message, payment) in newest {
                prop_assert_eq!(found(&database, &fresh, Key::Message(message)), Some(payment));
            }
            prop_assert_eq!(found(&database, &fresh, Key::Uetr(arrival(there).uetr)), None);
            prop_assert_eq!(fresh.count(&database.begin_read().unwrap()).unwrap(), 2 * there);
        }
    }

    #[test]
    fn packs_go_when_every_slice_has_had_its_turn() {
        let database = Builder::new().create_with_backend(InMemoryBackend::new()).unwrap();
        let mut fresh = Fresh { most: 2_000, ..Fresh::default() };
        let mut most = 0;
        for batch in 0..200 {
            write(&database, &mut fresh, batch * 100..batch * 100 + 100, true);
            most = most.max(packs(&database));
        }
        // A turn is ten batches or so; a pack waits for one turn, and for the end of the one it came in.
        assert!((10..=60).contains(&most), "{most} packs");
        let again = Fresh::load(&database.begin_read().unwrap()).unwrap();
        assert!(
            fresh.slices.iter().zip(&again.slices).all(|(here, there)| here.is_subset(there)),
            "a key would be lost at a start"
        );
    }

    #[test]
    fn keys_keep_the_order_of_name_and_number() {
        let (low, high) = (entry([7; NAME_BYTES], 5), entry([7; NAME_BYTES], 1 << 40));
        assert!(low < high && entry([8; NAME_BYTES], 0) > high);
        assert_eq!((number_of(&low).0, number_of(&high).0), (5, 1 << 40));
        assert_eq!(number_of(&entry([0; NAME_BYTES], u64::MAX)).0, (1 << 48) - 1);
    }
}
