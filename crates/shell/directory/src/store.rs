//! The file of aliases: redb, one transaction a message of changes, durable before it is answered.
//!
//! # Crash notes
//! A transaction that was not committed never happened: the bank was told nothing and sends its message again, which changes
//! nothing that is there already.

use crate::record::Record;
use crate::refusal::DirectoryError;
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use signing::HashKey;
use std::path::Path;

/// What an alias is known by here: half an HMAC-SHA-256.
pub(crate) type Key = [u8; 16];

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const ALIASES: TableDefinition<&Key, &[u8]> = TableDefinition::new("aliases");
/// Ports by the bank that has the default, and the alias.
const PORTS: TableDefinition<(&[u8; 11], &Key), &[u8]> = TableDefinition::new("ports");
/// Memory for a copy that is written once.
const COPY_CACHE_BYTES: usize = 64 << 20;
const FORMAT: &[u8] = b"luohu directory 1";

/// A port as it is told to the bank that has the default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PortRow {
    pub(crate) masked: String,
    pub(crate) account: String,
    pub(crate) to: String,
    pub(crate) until_ns: u64,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Store(Database);

impl Store {
    /// Opens the file, or begins it.
    pub(crate) fn open(path: &Path, cache_bytes: usize, key: &HashKey) -> Result<Self, DirectoryError> {
        let storage = |source: redb::Error| DirectoryError::Storage { path: path.to_owned(), source: Box::new(source) };
        let database = Builder::new().set_cache_size(cache_bytes).create(path).map_err(|error| storage(error.into()))?;
        let store = Self(database);
        let proof = key.hash(&["directory", "key"]);
        let foreign = store.prepare(&proof).map_err(storage)?;
        match foreign {
            None => Ok(store),
            Some(what) => Err(DirectoryError::Foreign { path: path.to_owned(), what }),
        }
    }

    /// Makes the tables; says why the file cannot be used.
    fn prepare(&self, proof: &Key) -> Result<Option<&'static str>, redb::Error> {
        let transaction = self.begin()?;
        let mut foreign = None;
        {
            transaction.open_table(ALIASES)?;
            transaction.open_table(PORTS)?;
            let mut meta = transaction.open_table(META)?;
            for (name, value, what) in
                [("format", FORMAT, "it was written by another version"), ("key", proof, "it was written with another key")]
            {
                let known = meta.get(name)?.map(|known| known.value() == value);
                match known {
                    None => drop(meta.insert(name, value)?),
                    Some(true) => {}
                    Some(false) => foreign = foreign.or(Some(what)),
                }
            }
        }
        transaction.commit()?;
        Ok(foreign)
    }

    fn begin(&self) -> Result<WriteTransaction, redb::Error> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        // With one sync for data and header, redb would take a page that does not read for a torn commit and go back behind it
        // without a word.
        transaction.set_two_phase_commit(true);
        Ok(transaction)
    }

    /// What is kept of an alias. A record that does not read is an error: nobody guesses whom it was for.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Record>, redb::Error> {
        let transaction: ReadTransaction = self.0.begin_read()?;
        let table = transaction.open_table(ALIASES)?;
        table.get(key)?.map(|bytes| read(bytes.value())).transpose()
    }

    /// Ports that this bank is to decide.
    pub(crate) fn ports_of(&self, bic: &[u8; 11], limit: usize) -> Result<Vec<(Key, PortRow)>, redb::Error> {
        let transaction = self.0.begin_read()?;
        let table = transaction.open_table(PORTS)?;
        let mut ports = Vec::new();
        for row in table.range((bic, &[0; 16])..=(bic, &[0xff; 16]))?.take(limit) {
            let (key, value) = row?;
            ports.push((*key.value().1, read_port(value.value())?));
        }
        Ok(ports)
    }

    /// Shows every alias, by key, until `each` answers with an error.
    pub(crate) fn each(&self, mut each: impl FnMut(&Key, Record) -> Result<(), redb::Error>) -> Result<(), redb::Error> {
        let transaction = self.0.begin_read()?;
        for row in transaction.open_table(ALIASES)?.iter()? {
            let (key, value) = row?;
            each(key.value(), read(value.value())?)?;
        }
        Ok(())
    }

    /// Writes everything that is kept into a new file: pages that were given up, and what they still hold, stay behind.
    pub(crate) fn copy_to(&self, path: &Path, key: &HashKey) -> Result<(), DirectoryError> {
        let storage = |source: redb::Error| DirectoryError::Storage { path: path.to_owned(), source: Box::new(source) };
        let fresh = Self::open(path, COPY_CACHE_BYTES, key)?;
        let copy = || {
            let from = self.0.begin_read()?;
            fresh.change(|writing| {
                self.each(|key, record| writing.put(key, &record))?;
                for row in from.open_table(PORTS)?.iter()? {
                    let (key, value) = row?;
                    writing.ports.insert(key.value(), value.value())?;
                }
                Ok(())
            })
        };
        copy().map_err(storage)
    }

    /// One transaction: everything `change` did, durable, or nothing.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Writing<'_>) -> Result<T, redb::Error>) -> Result<T, redb::Error> {
        let transaction = self.begin()?;
        let done = {
            let mut meta = transaction.open_table(META)?;
            let count = meta.get("aliases")?.and_then(|bytes| bytes.value().try_into().ok()).map_or(0, u64::from_le_bytes);
            let mut writing = Writing { aliases: transaction.open_table(ALIASES)?, ports: transaction.open_table(PORTS)?, count };
            let done = change(&mut writing)?;
            let count = writing.count.to_le_bytes();
            meta.insert("aliases", count.as_slice())?;
            done
        };
        transaction.commit()?;
        Ok(done)
    }
}

/// The tables within a transaction.
pub(crate) struct Writing<'t> {
    aliases: Table<'t, &'static Key, &'static [u8]>,
    ports: Table<'t, (&'static [u8; 11], &'static Key), &'static [u8]>,
    /// Aliases kept.
    pub(crate) count: u64,
}

impl Writing<'_> {
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Record>, redb::Error> {
        self.aliases.get(key)?.map(|bytes| read(bytes.value())).transpose()
    }

    /// Keeps a record; one without registrations goes.
    pub(crate) fn put(&mut self, key: &Key, record: &Record) -> Result<(), redb::Error> {
        if record.registrations.is_empty() {
            let there = self.aliases.remove(key)?.is_some();
            self.count -= u64::from(there);
        } else {
            let there = self.aliases.insert(key, record.to_bytes().as_slice())?.is_some();
            self.count += u64::from(!there);
        }
        Ok(())
    }

    /// Takes one bank's registration out of a record, and keeps what is left.
    pub(crate) fn take_out(&mut self, key: &Key, record: &mut Record, place: usize) -> Result<(), redb::Error> {
        if record.default == Some(place)
            && let Some(port) = record.porting.take()
        {
            // Who goes while another bank asks for the default has agreed.
            self.remove_port(&record.registrations[place].bic, key)?;
            record.default = Some(port.to);
        } else if record.porting.is_some_and(|port| port.to == place)
            && let Some(holder) = record.default
        {
            self.remove_port(&record.registrations[holder].bic, key)?;
        }
        record.remove(place);
        self.put(key, record)
    }

    pub(crate) fn put_port(&mut self, from: &[u8; 11], key: &Key, row: &PortRow) -> Result<(), redb::Error> {
        let bytes = serde_json::to_vec(row).expect("texts and a number are JSON");
        self.ports.insert((from, key), bytes.as_slice())?;
        Ok(())
    }

    pub(crate) fn remove_port(&mut self, from: &[u8; 11], key: &Key) -> Result<(), redb::Error> {
        self.ports.remove((from, key))?;
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Result<Record, redb::Error> {
    Record::read(bytes).ok_or_else(|| redb::Error::Corrupted("a record of an alias does not read".to_owned()))
}

fn read_port(bytes: &[u8]) -> Result<PortRow, redb::Error> {
    serde_json::from_slice(bytes).map_err(|_| redb::Error::Corrupted("a port does not read".to_owned()))
}
