//! The index in one file of this machine, a redb database: nothing to install and nothing to run.
//!
//! What comes in order is packed: an entry of a table holds some rows, or a few hundred inbox entries, payments or hashes, so that
//! a payment costs little more than its two identifiers, which come in no order and wait for their turn (`keys.rs`).
//!
//! # Crash notes
//! A batch is one transaction. One that is not durable is lost in a crash with all behind the last durable one; the start
//! catches up. A file that redb cannot read is taken away and made again: the chain has everything.

mod books;
mod keys;
mod letters;
mod packs;
mod rows;

use crate::books::{AccountKey, Entry};
use crate::inbox::InboxEntry;
use crate::port::{Batch, Index, IndexError, Key, Mark, Order, Row, Span};
use crate::tiles::TILE;
use chain::Hash;
use clearing::{ParticipantId, PaymentIndex, PaymentState, Position, SettlementNote};
use keys::{FRESH, Fresh, IDENTIFIERS, Planned};
use letters::LETTERS;
use ordering::KeptLetter;
use packs::{INBOX_BYTES, INBOXES, LIST_BYTES, LISTS, unpack_entry, unpack_payments};
use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    TableDefinition, TableError, WriteTransaction,
};
use rows::ROWS;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How far it is, and of which format.
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Rejected payments of a participant.
const REJECTED: TableDefinition<(u32, u64), ()> = TableDefinition::new("rejected");
/// Tiles of the tree by level and number, 32 bytes a hash.
const TILES: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("tiles");
/// The payments whose ends are the leaves of a tile, 8 bytes each.
const LEAVES: TableDefinition<u64, &[u8]> = TableDefinition::new("leaves");

const FORMAT: &[u8] = b"luohu history 6";
/// Memory for pages.
const CACHE_BYTES: usize = 64 << 20;

/// See the module.
pub struct EmbeddedIndex {
    database: Database,
    fresh: RwLock<Fresh>,
    path: Option<PathBuf>,
}

impl EmbeddedIndex {
    /// Opens the file, or begins it. One that cannot be read is taken away: the read model fills a new one.
    ///
    /// # Errors
    /// If another process has it open, or the disk says so.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        match Self::open_sound(path) {
            Err(IndexError::Damaged(why)) => {
                tracing::warn!(%why, file = %path.display(), "the index cannot be read and is made again");
                std::fs::remove_file(path).map_err(|error| IndexError::Unavailable(format!("{}: {error}", path.display())))?;
                Self::open_sound(path)
            }
            opened => opened,
        }
    }

    /// The same, but a file that cannot be read is left alone.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn open_as_it_is(path: &Path) -> Result<Self, IndexError> {
        if !path.is_file() {
            return Err(IndexError::Unavailable(format!("there is no {}", path.display())));
        }
        Self::open_sound(path)
    }

    fn open_sound(path: &Path) -> Result<Self, IndexError> {
        guarded(|| {
            let database = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => IndexError::Unavailable("another process has it open".to_owned()),
                other => IndexError::Damaged(other.to_string()),
            })?;
            Self::over(database, Some(path.to_owned()))
        })
    }

    /// How far the index in a file is; the file stays as it is.
    ///
    /// # Errors
    /// If it cannot be read, or a process has it open.
    pub fn peek(path: &Path) -> Result<Mark, IndexError> {
        guarded(|| {
            let database = Builder::new().set_cache_size(CACHE_BYTES).open_read_only(path)?;
            read_mark(&database.begin_read()?)
        })
    }

    /// An index without a file.
    ///
    /// # Errors
    /// If memory runs out.
    pub fn in_memory() -> Result<Self, IndexError> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(InMemoryBackend::new())?;
        Self::over(database, None)
    }

    fn over(database: Database, path: Option<PathBuf>) -> Result<Self, IndexError> {
        let index = Self { database, fresh: RwLock::default(), path };
        index.begin()?;
        *index.fresh_mut() = Fresh::load(&index.read()?)?;
        Ok(index)
    }

    fn fresh(&self) -> RwLockReadGuard<'_, Fresh> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn fresh_mut(&self) -> RwLockWriteGuard<'_, Fresh> {
        self.fresh.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the tables of a new file; one of another format is emptied.
    fn begin(&self) -> Result<(), IndexError> {
        let known = match self.read()?.open_table(META) {
            Ok(meta) => meta.get("format")?.map(|format| format.value() == FORMAT),
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        match known {
            Some(true) => Ok(()),
            Some(false) => self.clear(),
            None => make_tables(self.database.begin_write()?),
        }
    }

    fn read(&self) -> Result<ReadTransaction, IndexError> {
        Ok(self.database.begin_read()?)
    }

    fn write_in(&self, transaction: &WriteTransaction, batch: &Batch) -> Result<Planned, IndexError> {
        rows::write(transaction, batch)?;
        write_rejected(transaction, batch)?;
        packs::write(transaction, batch)?;
        letters::write(transaction, batch)?;
        write_tree(transaction, batch)?;
        books::write(transaction, batch)?;
        transaction.open_table(META)?.insert("mark", batch.mark.encode().as_slice())?;
        self.fresh().write(transaction, &batch.arrivals)
    }
}

fn read_mark(transaction: &ReadTransaction) -> Result<Mark, IndexError> {
    let mark = transaction.open_table(META)?.get("mark")?.and_then(|mark| Mark::decode(mark.value()));
    mark.ok_or_else(|| IndexError::Damaged("it does not say how far it is".to_owned()))
}

fn make_tables(transaction: WriteTransaction) -> Result<(), IndexError> {
    {
        let mut meta = transaction.open_table(META)?;
        meta.insert("format", FORMAT)?;
        meta.insert("mark", Mark::default().encode().as_slice())?;
        transaction.open_table(ROWS)?;
        transaction.open_table(IDENTIFIERS)?;
        transaction.open_table(FRESH)?;
        transaction.open_table(REJECTED)?;
        transaction.open_table(TILES)?;
        transaction.open_table(LEAVES)?;
        transaction.open_table(LETTERS)?;
        transaction.open_table(LISTS)?;
        transaction.open_table(INBOXES)?;
        transaction.open_table(books::ENTRIES)?;
        transaction.open_table(books::NOTES)?;
    }
    Ok(transaction.commit()?)
}

fn write_rejected(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut rejected = transaction.open_table(REJECTED)?;
    for (number, row) in batch.rows.iter().filter(|(_, row)| row.payment.state == PaymentState::Rejected) {
        for who in row.parties() {
            rejected.insert((who.0, number.0), ())?;
        }
    }
    Ok(())
}

fn write_tree(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut tiles = transaction.open_table(TILES)?;
    for (place, hashes) in &batch.tiles {
        tiles.insert(place, hashes.iter().flat_map(|hash| hash.0).collect::<Vec<u8>>().as_slice())?;
    }
    let mut leaves = transaction.open_table(LEAVES)?;
    let (mut at, mut rest) = (batch.first_leaf, batch.leaves.as_slice());
    while !rest.is_empty() {
        let (number, before) = (at / TILE, (at % TILE) as usize);
        let (these, behind) = rest.split_at(rest.len().min(TILE as usize - before));
        let mut pack = leaves.get(number)?.map(|pack| pack.value().to_vec()).unwrap_or_default();
        pack.truncate(before * LIST_BYTES);
        these.iter().for_each(|payment| pack.extend_from_slice(&payment.0.to_le_bytes()));
        leaves.insert(number, pack.as_slice())?;
        (at, rest) = (at + these.len() as u64, behind);
    }
    Ok(())
}

impl Index for EmbeddedIndex {
    fn mark(&self) -> Result<Mark, IndexError> {
        guarded(|| read_mark(&self.read()?))
    }

    fn write(&self, batch: &Batch, durable: bool) -> Result<(), IndexError> {
        guarded(|| {
            let mut transaction = self.database.begin_write()?;
            let durability = if durable { Durability::Immediate } else { Durability::None };
            transaction.set_durability(durability).map_err(|error| IndexError::Unavailable(error.to_string()))?;
            // Otherwise opening it after a crash would read all of it.
            transaction.set_quick_repair(durable);
            let planned = self.write_in(&transaction, batch)?;
            transaction.commit()?;
            self.fresh_mut().committed(planned);
            Ok(())
        })
    }

    fn clear(&self) -> Result<(), IndexError> {
        guarded(|| {
            let transaction = self.database.begin_write()?;
            // Those of other formats too.
            let tables: Vec<_> = transaction.list_tables()?.collect();
            for table in tables {
                transaction.delete_table(table)?;
            }
            make_tables(transaction)?;
            *self.fresh_mut() = Fresh::default();
            Ok(())
        })
    }

    fn rows(&self, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
        guarded(|| rows::read(&self.read()?, payments))
    }

    fn find(&self, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
        guarded(|| {
            // Memory first: a key that leaves it meanwhile is in the tree before it does.
            let here = self.fresh().newest(key);
            Ok(here.max(keys::newest_in_tree(&self.read()?, key)?))
        })
    }

    fn letters(&self, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
        guarded(|| letters::read(&self.read()?, numbers))
    }

    fn leaf(&self, leaf_index: u64) -> Result<Option<PaymentIndex>, IndexError> {
        guarded(|| {
            let leaves = self.read()?.open_table(LEAVES)?;
            let pack = leaves.get(leaf_index / TILE)?;
            Ok(pack.and_then(|pack| unpack_payments(pack.value()).nth((leaf_index % TILE) as usize)).map(PaymentIndex))
        })
    }

    fn inbox(&self, who: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxEntry>, IndexError> {
        guarded(|| {
            let inboxes = self.read()?.open_table(INBOXES)?;
            // The pack before the first that begins behind `after` may go on behind it.
            let before = inboxes.range((who.0, 0)..=(who.0, after.0))?.next_back().transpose()?.map(|(key, _)| key.value());
            let mut found = Vec::new();
            for pack in inboxes.range(before.unwrap_or((who.0, 0))..=(who.0, u64::MAX))? {
                let (_, pack) = pack?;
                for entry in pack.value().chunks_exact(INBOX_BYTES) {
                    let entry = unpack_entry(entry)?;
                    if entry.position > after {
                        found.push(entry);
                    }
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
            }
            Ok(found)
        })
    }

    fn payments_of(&self, span: &Span) -> Result<Vec<PaymentIndex>, IndexError> {
        guarded(|| {
            let Span { who, numbers, rejected_only, order, limit } = span;
            let transaction = self.read()?;
            if *rejected_only {
                let rejected = transaction.open_table(REJECTED)?;
                let found = rejected.range((who.0, numbers.start)..(who.0, numbers.end))?;
                let number =
                    |row: Result<(redb::AccessGuard<'_, (u32, u64)>, _), redb::StorageError>| Ok(PaymentIndex(row?.0.value().1));
                return match order {
                    Order::Oldest => found.take(*limit).map(number).collect(),
                    Order::Newest => found.rev().take(*limit).map(number).collect(),
                };
            }
            let lists = transaction.open_table(LISTS)?;
            let before = lists.range((who.0, 0)..=(who.0, numbers.start))?.next_back().transpose()?.map(|(key, _)| key.value());
            let packs = lists.range(before.unwrap_or((who.0, 0))..(who.0, numbers.end))?;
            let mut found = Vec::new();
            let mut take = |payment: u64| {
                if numbers.contains(&payment) && found.len() < *limit {
                    found.push(PaymentIndex(payment));
                }
                found.len() < *limit
            };
            match order {
                Order::Oldest => {
                    for pack in packs {
                        if !unpack_payments(pack?.1.value()).all(&mut take) {
                            break;
                        }
                    }
                }
                Order::Newest => {
                    for pack in packs.rev() {
                        if !unpack_payments(pack?.1.value()).rev().all(&mut take) {
                            break;
                        }
                    }
                }
            }
            Ok(found)
        })
    }

    fn entries(&self, account: AccountKey, after: Position, limit: usize) -> Result<Vec<Entry>, IndexError> {
        guarded(|| books::entries(&self.read()?, account, after, limit))
    }

    fn last_entry(&self, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
        guarded(|| books::last_entry(&self.read()?, account, at))
    }

    fn books(&self) -> Result<Vec<(AccountKey, Entry)>, IndexError> {
        guarded(|| books::all(&self.read()?))
    }

    fn notes(&self, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError> {
        guarded(|| books::notes(&self.read()?, numbers))
    }

    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        guarded(|| {
            let tiles = self.read()?.open_table(TILES)?;
            let hashes = |tile: &[u8]| tile.chunks_exact(32).map(|hash| Hash(hash.try_into().expect("32 bytes"))).collect();
            Ok(tiles.get((level, number))?.map(|tile| hashes(tile.value())))
        })
    }

    fn check(&self) -> Result<Option<String>, IndexError> {
        guarded(|| {
            let mark = self.mark()?;
            let transaction = self.read()?;
            let (found, ended) = (rows::check(&transaction)?, mark.settled + mark.rejected);
            if found < ended || found > mark.payments {
                return Ok(Some(format!("{found} payments have ended, not {ended}")));
            }
            let letters = transaction.open_table(LETTERS)?.len()?;
            if letters != mark.letters {
                return Ok(Some(format!("{letters} letters, not {}", mark.letters)));
            }
            let keys = self.fresh().count(&transaction)?;
            Ok((keys != 2 * mark.payments).then(|| format!("{keys} identifiers of {} payments", mark.payments)))
        })
    }

    fn bytes(&self) -> Result<u64, IndexError> {
        let length = |path: &PathBuf| std::fs::metadata(path).map(|found| found.len());
        self.path.as_ref().map_or(Ok(0), length).map_err(|error| IndexError::Unavailable(error.to_string()))
    }
}

/// redb answers some damage with an error and some by stopping.
fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(IndexError::Damaged("redb stopped; the log says why".to_owned())))
}

impl From<redb::StorageError> for IndexError {
    fn from(error: redb::StorageError) -> Self {
        match error {
            redb::StorageError::Corrupted(why) => Self::Damaged(why),
            other => Self::Unavailable(other.to_string()),
        }
    }
}

macro_rules! unavailable {
    ($($kind:ident),+) => {
        $(impl From<redb::$kind> for IndexError {
            fn from(error: redb::$kind) -> Self {
                match error {
                    redb::$kind::Storage(error) => error.into(),
                    other => Self::Unavailable(other.to_string()),
                }
            }
        })+
    };
}

unavailable!(TransactionError, TableError, CommitError, DatabaseError);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on has failed

    use super::*;
    use redb::TableHandle as _;

    #[test]
    fn an_index_of_another_format_is_emptied_with_all_its_tables() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("index.redb");
        let before = Database::create(&file).unwrap();
        let transaction = before.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("format", b"luohu history 1".as_slice()).unwrap();
        let old = TableDefinition::<&[u8; 25], ()>::new("keys");
        transaction.open_table(old).unwrap().insert(&[1; 25], ()).unwrap();
        transaction.open_table(TableDefinition::<u64, &[u8; Row::BYTES]>::new("rows")).unwrap();
        transaction.commit().unwrap();
        drop(before);
        let index = EmbeddedIndex::open(&file).unwrap();
        assert_eq!(index.mark().unwrap(), Mark::default());
        assert_eq!(index.check().unwrap(), None);
        let names: Vec<String> = index.read().unwrap().list_tables().unwrap().map(|table| table.name().to_owned()).collect();
        assert!(!names.contains(&"keys".to_owned()) && names.contains(&"identifiers".to_owned()), "{names:?}");
    }
}
