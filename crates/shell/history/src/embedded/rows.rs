//! Payments that have ended, some together: an entry of the table is a page, and a page is written once for all of them.
//!
//! ```text
//! rows    number of the pack → u16 which are there, little endian; rows, up to the last that is there
//! ```

use crate::port::{Batch, IndexError, Row};
use clearing::PaymentIndex;
use redb::{ReadTransaction, ReadableTable as _, TableDefinition, WriteTransaction};

/// By payment's number divided by [`PACK_ROWS`].
pub(super) const ROWS: TableDefinition<u64, &[u8]> = TableDefinition::new("rows");

/// Rows of a pack: with the key as much as a page of 4 KiB takes.
const PACK_ROWS: u64 = 16;
const HEAD_BYTES: usize = 2;

/// Writes rows into their packs.
pub(super) fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut packs = transaction.open_table(ROWS)?;
    let mut open: Option<(u64, Vec<u8>)> = None;
    let mut bytes = Vec::with_capacity(Row::BYTES);
    for (payment, row) in &batch.rows {
        bytes.clear();
        if row.encode(&mut bytes).is_none() {
            continue;
        }
        let (number, place) = (payment.0 / PACK_ROWS, (payment.0 % PACK_ROWS) as usize);
        if let Some((done, pack)) = open.take_if(|(at, _)| *at != number) {
            packs.insert(done, pack.as_slice())?;
        }
        if open.is_none() {
            let known = packs.get(number)?.map(|pack| pack.value().to_vec());
            open = Some((number, known.unwrap_or_else(|| vec![0; HEAD_BYTES])));
        }
        if let Some((_, pack)) = &mut open {
            put(pack, place, &bytes);
        }
    }
    if let Some((number, pack)) = open {
        packs.insert(number, pack.as_slice())?;
    }
    Ok(())
}

fn put(pack: &mut Vec<u8>, place: usize, row: &[u8]) {
    let (from, to) = (HEAD_BYTES + place * Row::BYTES, HEAD_BYTES + (place + 1) * Row::BYTES);
    if pack.len() < to {
        pack.resize(to, 0);
    }
    pack[from..to].copy_from_slice(row);
    let there = u16::from_le_bytes([pack[0], pack[1]]) | 1 << place;
    pack[..HEAD_BYTES].copy_from_slice(&there.to_le_bytes());
}

/// The row at a place of a pack.
fn get(pack: &[u8], place: usize) -> Option<&[u8]> {
    let there = u16::from_le_bytes(*pack.first_chunk()?);
    if there >> place & 1 == 0 {
        return None;
    }
    pack.get(HEAD_BYTES + place * Row::BYTES..HEAD_BYTES + (place + 1) * Row::BYTES)
}

/// Rows by number; `None` where there is none.
pub(super) fn read(transaction: &ReadTransaction, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
    let packs = transaction.open_table(ROWS)?;
    let row = |payment: &PaymentIndex| match packs.get(payment.0 / PACK_ROWS)? {
        Some(pack) => get(pack.value(), (payment.0 % PACK_ROWS) as usize).map(|bytes| Row::decode(*payment, bytes)).transpose(),
        None => Ok(None),
    };
    payments.iter().map(row).collect()
}

/// Reads every row; tells how many there are.
pub(super) fn check(transaction: &ReadTransaction) -> Result<u64, IndexError> {
    let mut found = 0;
    for pack in transaction.open_table(ROWS)?.iter()? {
        let (number, pack) = pack?;
        let there = pack.value().first_chunk().map(|head| u16::from_le_bytes(*head).count_ones());
        let rows = (0..PACK_ROWS).filter_map(|place| {
            let bytes = get(pack.value(), place as usize)?;
            Some(Row::decode(PaymentIndex(number.value() * PACK_ROWS + place), bytes))
        });
        let whole = rows.collect::<Result<Vec<_>, _>>()?.len();
        if there != u32::try_from(whole).ok() {
            return Err(IndexError::Damaged(format!("the pack of payments {}", number.value() * PACK_ROWS)));
        }
        found += whole as u64;
    }
    Ok(found)
}
