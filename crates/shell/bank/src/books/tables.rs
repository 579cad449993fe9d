//! Tables of the books' file and how records go in and out of them.

use crate::books::BooksError;
use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::borrow::Borrow;
use std::ops::RangeBounds;

/// A table of JSON records.
pub(crate) type Records<K> = TableDefinition<'static, K, &'static [u8]>;
/// A table of numbers.
pub(crate) type Numbers = TableDefinition<'static, &'static str, u64>;

/// Layout, cursor, counters.
pub(crate) const META: Numbers = TableDefinition::new("meta");
/// By sign-in name.
pub(crate) const CUSTOMERS: Records<&str> = TableDefinition::new("customers");
/// By number.
pub(crate) const ACCOUNTS: Records<&str> = TableDefinition::new("accounts");
/// Account number by mobile number.
pub(crate) const MOBILES: Records<&str> = TableDefinition::new("mobiles");
/// By `number/currency` and transfer.
pub(crate) const ENTRIES: Records<(&str, u64)> = TableDefinition::new("entries");
/// By UETR.
pub(crate) const OUTGOING: Records<&str> = TableDefinition::new("outgoing");
/// UETRs of payments out under way.
pub(crate) const OUTGOING_OPEN: Numbers = TableDefinition::new("outgoing_open");
/// UETRs of a customer's payments out, by sign-in name and time of confirmation.
pub(crate) const OUTGOING_OF: Records<(&str, u64, &str)> = TableDefinition::new("outgoing_of");
/// By UETR.
pub(crate) const INCOMING: Records<&str> = TableDefinition::new("incoming");
/// Messages to be sent, by number.
pub(crate) const OUTBOX: Records<u64> = TableDefinition::new("outbox");
/// Returns that went out, by their own identification.
pub(crate) const RETURNS: Records<&str> = TableDefinition::new("returns");
/// Files of payments, by number.
pub(crate) const BULK_FILES: Records<u64> = TableDefinition::new("bulk_files");
/// Their lines, by file and line.
pub(crate) const BULK_LINES: Records<(u64, u64)> = TableDefinition::new("bulk_lines");
/// Numbers of accepted files, by customer and the customer's identification.
pub(crate) const BULK_IDS: TableDefinition<'static, (&str, &str), u64> = TableDefinition::new("bulk_ids");
/// Mandates, by UETR.
pub(crate) const MANDATES: Records<&str> = TableDefinition::new("mandates");
/// UETRs of a customer's mandates, by sign-in name.
pub(crate) const MANDATES_OF: Records<(&str, &str)> = TableDefinition::new("mandates_of");
/// Collections under mandates, by UETR.
pub(crate) const COLLECTIONS: Records<&str> = TableDefinition::new("collections");
/// Standing orders, by identifier.
pub(crate) const STANDING: Records<&str> = TableDefinition::new("standing");
/// Identifiers of a customer's standing orders, by sign-in name.
pub(crate) const STANDING_OF: Records<(&str, &str)> = TableDefinition::new("standing_of");
/// Standing orders in force, by when they are due next.
pub(crate) const STANDING_DUE: Records<(u64, &str)> = TableDefinition::new("standing_due");
/// What became of their due dates, by order and number.
pub(crate) const STANDING_RUNS: Records<(&str, u64)> = TableDefinition::new("standing_runs");
/// What contradicted the books, in words, by number.
pub(crate) const BREAKS: Records<u64> = TableDefinition::new("breaks");

/// Reads records in a transaction, of either kind.
pub(crate) struct Reader<T>(pub(crate) T);
/// Reads and writes records.
pub(crate) type Writer = Reader<WriteTransaction>;

/// A transaction whose tables can be read.
pub(crate) trait Readable {
    fn get<K: Key + 'static, V: Value + 'static, T>(
        &self,
        table: TableDefinition<'static, K, V>,
        key: K::SelfType<'_>,
        read: impl FnOnce(V::SelfType<'_>) -> Result<T, BooksError>,
    ) -> Result<Option<T>, BooksError>;

    fn each<'k, K: Key + 'static, V: Value + 'static, R>(
        &self,
        table: TableDefinition<'static, K, V>,
        range: impl RangeBounds<R> + 'k,
        newest_first: bool,
        visit: impl FnMut(K::SelfType<'_>, V::SelfType<'_>) -> Result<bool, BooksError>,
    ) -> Result<(), BooksError>
    where
        R: Borrow<K::SelfType<'k>> + 'k;
}

fn visit_range<'k, K: Key + 'static, V: Value + 'static, R: Borrow<K::SelfType<'k>> + 'k>(
    table: &impl ReadableTable<K, V>,
    range: impl RangeBounds<R> + 'k,
    newest_first: bool,
    mut visit: impl FnMut(K::SelfType<'_>, V::SelfType<'_>) -> Result<bool, BooksError>,
) -> Result<(), BooksError> {
    let mut rows = table.range(range)?;
    while let Some(row) = if newest_first { rows.next_back() } else { rows.next() } {
        let (key, value) = row?;
        if !visit(key.value(), value.value())? {
            break;
        }
    }
    Ok(())
}

macro_rules! readable {
    ($transaction:ty) => {
        impl Readable for Reader<$transaction> {
            fn get<K: Key + 'static, V: Value + 'static, T>(
                &self,
                table: TableDefinition<'static, K, V>,
                key: K::SelfType<'_>,
                read: impl FnOnce(V::SelfType<'_>) -> Result<T, BooksError>,
            ) -> Result<Option<T>, BooksError> {
                let table = self.0.open_table(table)?;
                let Some(value) = table.get(key)? else { return Ok(None) };
                read(value.value()).map(Some)
            }

            fn each<'k, K: Key + 'static, V: Value + 'static, R>(
                &self,
                table: TableDefinition<'static, K, V>,
                range: impl RangeBounds<R> + 'k,
                newest_first: bool,
                visit: impl FnMut(K::SelfType<'_>, V::SelfType<'_>) -> Result<bool, BooksError>,
            ) -> Result<(), BooksError>
            where
                R: Borrow<K::SelfType<'k>> + 'k,
            {
                visit_range(&self.0.open_table(table)?, range, newest_first, visit)
            }
        }

        impl Reader<$transaction> {
            /// A record.
            pub(crate) fn record<K: Key + 'static, T: DeserializeOwned>(
                &self,
                table: Records<K>,
                key: K::SelfType<'_>,
            ) -> Result<Option<T>, BooksError> {
                self.get(table, key, |bytes| Ok(serde_json::from_slice(bytes)?))
            }

            /// A number.
            pub(crate) fn number(&self, table: Numbers, key: &str) -> Result<Option<u64>, BooksError> {
                self.get(table, key, Ok)
            }
        }
    };
}
readable!(ReadTransaction);
readable!(WriteTransaction);

impl Writer {
    pub(crate) fn create_tables(&self) -> Result<(), BooksError> {
        for table in [META, OUTGOING_OPEN] {
            self.0.open_table(table)?;
        }
        for table in [CUSTOMERS, ACCOUNTS, MOBILES, OUTGOING, INCOMING, RETURNS, MANDATES, COLLECTIONS, STANDING] {
            self.0.open_table(table)?;
        }
        for table in [OUTBOX, BREAKS, BULK_FILES] {
            self.0.open_table(table)?;
        }
        self.0.open_table(ENTRIES)?;
        self.0.open_table(OUTGOING_OF)?;
        self.0.open_table(MANDATES_OF)?;
        self.0.open_table(STANDING_OF)?;
        self.0.open_table(STANDING_DUE)?;
        self.0.open_table(STANDING_RUNS)?;
        self.0.open_table(BULK_LINES)?;
        self.0.open_table(BULK_IDS)?;
        Ok(())
    }

    pub(crate) fn put<K: Key + 'static>(
        &self,
        table: Records<K>,
        key: K::SelfType<'_>,
        record: &impl Serialize,
    ) -> Result<(), BooksError> {
        let bytes = serde_json::to_vec(record)?;
        self.0.open_table(table)?.insert(key, bytes.as_slice())?;
        Ok(())
    }

    /// Puts many records in, with the table opened once.
    pub(crate) fn put_all<'r, K: Key + 'static, R: Serialize + 'r>(
        &self,
        table: Records<K>,
        records: impl Iterator<Item = (K::SelfType<'r>, &'r R)>,
    ) -> Result<(), BooksError> {
        let mut table = self.0.open_table(table)?;
        for (key, record) in records {
            table.insert(key, serde_json::to_vec(record)?.as_slice())?;
        }
        Ok(())
    }

    pub(crate) fn set_bulk_id(&self, key: (&str, &str), number: u64) -> Result<(), BooksError> {
        self.0.open_table(BULK_IDS)?.insert(key, number)?;
        Ok(())
    }

    pub(crate) fn remove<K: Key + 'static, V: Value + 'static>(
        &self,
        table: TableDefinition<'static, K, V>,
        key: K::SelfType<'_>,
    ) -> Result<(), BooksError> {
        self.0.open_table(table)?.remove(key)?;
        Ok(())
    }

    pub(crate) fn set_number(&self, table: Numbers, key: &str, number: u64) -> Result<(), BooksError> {
        self.0.open_table(table)?.insert(key, number)?;
        Ok(())
    }

    /// The next number of a counter, from 1.
    pub(crate) fn next(&self, counter: &str) -> Result<u64, BooksError> {
        let next = self.number(META, counter)?.unwrap_or(0) + 1;
        self.set_number(META, counter, next)?;
        Ok(next)
    }
}
