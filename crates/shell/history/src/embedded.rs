//! The index in one file of this machine, a redb database: nothing to install and nothing to run.
//!
//! What comes in order is packed: an entry of a table holds a few hundred inbox entries, payments or hashes, so that a payment
//! costs three or four insertions. Only identifiers come in no order, and are sorted within a batch.
//!
//! # Crash notes
//! A batch is one transaction. One that is not durable is lost in a crash with all behind the last durable one; the start
//! catches up. A file that redb cannot read is taken away and made again: the chain has everything.

use crate::inbox::{About, InboxEntry};
use crate::port::{Batch, Index, IndexError, Key, Mark, Order, Row, Span, decode_place, encode_place};
use crate::tiles::TILE;
use chain::Hash;
use clearing::{Letter, ParticipantId, PaymentIndex, PaymentState, Position};
use ordering::KeptLetter;
use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, TableError, WriteTransaction,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

type Packed = TableDefinition<'static, (u32, u64), &'static [u8]>;

/// How far it is, and of which format.
const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
/// Payments that have ended, by number.
const ROWS: TableDefinition<u64, &[u8; Row::BYTES]> = TableDefinition::new("rows");
/// Kind of identifier 1, identifier 16, number of the payment 8, big endian.
const KEYS: TableDefinition<&[u8; KEY_BYTES], ()> = TableDefinition::new("keys");
/// Payments of a participant, by the first of some: 8 bytes each.
const LISTS: Packed = TableDefinition::new("lists");
/// Rejected payments of a participant.
const REJECTED: TableDefinition<(u32, u64), ()> = TableDefinition::new("rejected");
/// Inboxes, by the first position of some: position 8, kind 1, payment 8.
const INBOXES: Packed = TableDefinition::new("inboxes");
/// Tiles of the tree by level and number, 32 bytes a hash.
const TILES: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("tiles");
/// The payments whose ends are the leaves of a tile, 8 bytes each.
const LEAVES: TableDefinition<u64, &[u8]> = TableDefinition::new("leaves");

/// Letters, by number, each with the place of its message.
const LETTERS: TableDefinition<u64, &[u8; LETTER_BYTES]> = TableDefinition::new("letters");

const FORMAT: &[u8] = b"luohu history 2";
const KEY_BYTES: usize = 25;
const LETTER_BYTES: usize = Letter::ROW_BYTES + 12;
/// Entries packed together: some kilobytes, less than a page of redb takes to copy.
const LIST_PACK: usize = 400;
const INBOX_PACK: usize = 200;
const LIST_BYTES: usize = 8;
const INBOX_BYTES: usize = 17;
/// Memory for pages.
const CACHE_BYTES: usize = 64 << 20;

/// See the module.
pub struct EmbeddedIndex {
    database: Database,
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
            let index = Self { database, path: Some(path.to_owned()) };
            index.begin()?;
            Ok(index)
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
        let index = Self { database, path: None };
        index.begin()?;
        Ok(index)
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

    fn write_in(&self, transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
        write_rows(transaction, batch)?;
        write_keys(transaction, batch)?;
        write_lists(transaction, batch)?;
        write_letters(transaction, batch)?;
        write_tree(transaction, batch)?;
        transaction.open_table(META)?.insert("mark", batch.mark.encode().as_slice())?;
        Ok(())
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
        transaction.open_table(KEYS)?;
        transaction.open_table(REJECTED)?;
        transaction.open_table(TILES)?;
        transaction.open_table(LEAVES)?;
        transaction.open_table(LETTERS)?;
        transaction.open_table(LISTS)?;
        transaction.open_table(INBOXES)?;
    }
    Ok(transaction.commit()?)
}

fn write_rows(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let (mut rows, mut rejected) = (transaction.open_table(ROWS)?, transaction.open_table(REJECTED)?);
    let mut bytes = Vec::with_capacity(Row::BYTES);
    for (number, row) in &batch.rows {
        bytes.clear();
        if row.encode(&mut bytes).is_none() {
            continue;
        }
        rows.insert(number.0, <&[u8; Row::BYTES]>::try_from(bytes.as_slice()).expect("rows have one length"))?;
        if row.payment.state == PaymentState::Rejected {
            for who in parties(row) {
                rejected.insert((who.0, number.0), ())?;
            }
        }
    }
    Ok(())
}

/// Whose payment it is: who sent it, and who was asked.
fn parties(row: &Row) -> impl Iterator<Item = ParticipantId> {
    let payment = &row.payment;
    let asked = payment.forwarded_position.is_some() && payment.creditor_agent != payment.debtor_agent;
    [Some(payment.debtor_agent), asked.then_some(payment.creditor_agent)].into_iter().flatten()
}

fn write_keys(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut keys = transaction.open_table(KEYS)?;
    let of =
        |arrival: &crate::Arrival| [Key::Uetr(arrival.uetr), Key::Message(arrival.message_id)].map(|key| (key, arrival.payment));
    let mut sorted: Vec<[u8; KEY_BYTES]> =
        batch.arrivals.iter().flat_map(of).map(|(key, payment)| key_bytes(key, payment)).collect();
    sorted.sort_unstable();
    for key in &sorted {
        keys.insert(key, ())?;
    }
    Ok(())
}

fn key_bytes(key: Key, payment: PaymentIndex) -> [u8; KEY_BYTES] {
    let (kind, identifier) = match key {
        Key::Uetr(uetr) => (0, uetr.0),
        Key::Message(message) => (1, message.0),
    };
    let mut bytes = [kind; KEY_BYTES];
    bytes[1..17].copy_from_slice(&identifier);
    bytes[17..].copy_from_slice(&payment.0.to_be_bytes());
    bytes
}

fn write_lists(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut of: Vec<(u32, u64)> = Vec::with_capacity(2 * batch.arrivals.len());
    for arrival in &batch.arrivals {
        of.extend(
            [Some(arrival.debtor_agent), arrival.creditor_agent].into_iter().flatten().map(|who| (who.0, arrival.payment.0)),
        );
    }
    of.sort_unstable();
    let mut lists = transaction.open_table(LISTS)?;
    for group in of.chunk_by(|a, b| a.0 == b.0) {
        append(
            &mut lists,
            group[0].0,
            LIST_BYTES,
            LIST_PACK,
            group.iter().map(|(_, payment)| (*payment, payment.to_le_bytes())),
        )?;
    }
    let mut entries: Vec<&(ParticipantId, InboxEntry)> = batch.inbox.iter().collect();
    entries.sort_by_key(|(who, entry)| (*who, entry.position));
    let mut inboxes = transaction.open_table(INBOXES)?;
    for group in entries.chunk_by(|a, b| a.0 == b.0) {
        let packed = group.iter().map(|(_, entry)| (entry.position.0, pack_entry(entry)));
        append(&mut inboxes, group[0].0.0, INBOX_BYTES, INBOX_PACK, packed)?;
    }
    Ok(())
}

/// Appends entries behind the last ones of a participant, `most` of them together.
fn append<const N: usize>(
    table: &mut Table<'_, (u32, u64), &'static [u8]>,
    who: u32,
    bytes: usize,
    most: usize,
    entries: impl Iterator<Item = (u64, [u8; N])>,
) -> Result<(), IndexError> {
    let last = table.range((who, 0)..=(who, u64::MAX))?.next_back().transpose()?;
    let mut open = last.map(|(key, value)| (key.value().1, value.value().to_vec())).filter(|(_, pack)| pack.len() < most * bytes);
    for (place, entry) in entries {
        let (_, pack) = open.get_or_insert_with(|| (place, Vec::with_capacity(most * bytes)));
        pack.extend_from_slice(&entry);
        if pack.len() >= most * bytes
            && let Some((first, pack)) = open.take()
        {
            table.insert((who, first), pack.as_slice())?;
        }
    }
    if let Some((first, pack)) = open {
        table.insert((who, first), pack.as_slice())?;
    }
    Ok(())
}

fn pack_entry(entry: &InboxEntry) -> [u8; INBOX_BYTES] {
    let mut bytes = [0; INBOX_BYTES];
    bytes[..8].copy_from_slice(&entry.position.0.to_le_bytes());
    let (kind, number) = entry.about.numbers();
    bytes[8] = kind;
    bytes[9..].copy_from_slice(&number.to_le_bytes());
    bytes
}

fn unpack_entry(bytes: &[u8]) -> Result<InboxEntry, IndexError> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let about = About::of_numbers(bytes[8], number(9)).ok_or_else(|| IndexError::Damaged("an entry of an inbox".to_owned()))?;
    Ok(InboxEntry { position: Position(number(0)), about })
}

fn unpack_payments(bytes: &[u8]) -> impl DoubleEndedIterator<Item = u64> + '_ {
    bytes.chunks_exact(LIST_BYTES).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}

fn write_letters(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    if batch.letters.is_empty() {
        return Ok(());
    }
    let mut letters = transaction.open_table(LETTERS)?;
    let mut bytes = Vec::with_capacity(LETTER_BYTES);
    for KeptLetter { letter, place } in &batch.letters {
        bytes.clear();
        letter.encode_row(&mut bytes);
        encode_place(*place, &mut bytes);
        letters.insert(letter.number, <&[u8; LETTER_BYTES]>::try_from(bytes.as_slice()).expect("rows have one length"))?;
    }
    Ok(())
}

fn unpack_letter(number: u64, bytes: &[u8; LETTER_BYTES]) -> Result<KeptLetter, IndexError> {
    let damaged = || IndexError::Damaged(format!("letter {number}"));
    let (letter, place) = bytes.split_at(Letter::ROW_BYTES);
    let letter = Letter::decode_row(number, letter).map_err(|_| damaged())?;
    Ok(KeptLetter { letter, place: decode_place(place).ok_or_else(damaged)? })
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
            self.write_in(&transaction, batch)?;
            Ok(transaction.commit()?)
        })
    }

    fn clear(&self) -> Result<(), IndexError> {
        guarded(|| {
            let transaction = self.database.begin_write()?;
            transaction.delete_table(META)?;
            transaction.delete_table(ROWS)?;
            transaction.delete_table(KEYS)?;
            transaction.delete_table(REJECTED)?;
            transaction.delete_table(TILES)?;
            transaction.delete_table(LEAVES)?;
            transaction.delete_table(LETTERS)?;
            transaction.delete_table(LISTS)?;
            transaction.delete_table(INBOXES)?;
            make_tables(transaction)
        })
    }

    fn rows(&self, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
        guarded(|| {
            let rows = self.read()?.open_table(ROWS)?;
            let row = |payment: &PaymentIndex| match rows.get(payment.0)? {
                Some(bytes) => Row::decode(*payment, bytes.value()).map(Some),
                None => Ok(None),
            };
            payments.iter().map(row).collect()
        })
    }

    fn find(&self, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
        guarded(|| {
            let keys = self.read()?.open_table(KEYS)?;
            let (first, last) = (key_bytes(key, PaymentIndex(0)), key_bytes(key, PaymentIndex(u64::MAX)));
            let Some((found, _)) = keys.range::<&[u8; KEY_BYTES]>(&first..=&last)?.next_back().transpose()? else {
                return Ok(None);
            };
            let number: [u8; 8] = found.value()[17..].try_into().expect("eight bytes");
            Ok(Some(PaymentIndex(u64::from_be_bytes(number))))
        })
    }

    fn letters(&self, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
        guarded(|| {
            let letters = self.read()?.open_table(LETTERS)?;
            let letter = |number: &u64| match letters.get(*number)? {
                Some(bytes) => unpack_letter(*number, bytes.value()).map(Some),
                None => Ok(None),
            };
            numbers.iter().map(letter).collect()
        })
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
            let rows = transaction.open_table(ROWS)?;
            for row in rows.iter()? {
                let (number, bytes) = row?;
                Row::decode(PaymentIndex(number.value()), bytes.value())?;
            }
            let (found, ended) = (rows.len()?, mark.settled + mark.rejected);
            if found < ended || found > mark.payments {
                return Ok(Some(format!("{found} payments have ended, not {ended}")));
            }
            let letters = transaction.open_table(LETTERS)?.len()?;
            if letters != mark.letters {
                return Ok(Some(format!("{letters} letters, not {}", mark.letters)));
            }
            let keys = transaction.open_table(KEYS)?.len()?;
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
