//! Entries of settlement accounts and settlement notes, in their tables.

use crate::books::{AccountKey, Entry};
use crate::port::{Batch, IndexError};
use clearing::{ParticipantId, Position, SettlementNote};
use money::CurrencyCode;
use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

/// Entries of a settlement account, by participant, currency and the first position of some.
pub(super) const ENTRIES: TableDefinition<EntryPlace, &[u8]> = TableDefinition::new("entries");
/// Settlement notes by number.
pub(super) const NOTES: TableDefinition<u64, &[u8]> = TableDefinition::new("notes");

type EntryPlace = (u32, u32, u64);

/// Entries packed together: some kilobytes, less than a page of redb takes to copy.
const ENTRY_PACK: usize = 64;

pub(super) fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
    let mut notes = transaction.open_table(NOTES)?;
    let mut row = Vec::with_capacity(SettlementNote::ROW_BYTES);
    for note in &batch.notes {
        row.clear();
        note.encode_row(&mut row);
        notes.insert(note.number, row.as_slice())?;
    }
    let mut sorted: Vec<&(AccountKey, Entry)> = batch.entries.iter().collect();
    sorted.sort_by_key(|(account, entry)| (*account, entry.position));
    let mut table = transaction.open_table(ENTRIES)?;
    for group in sorted.chunk_by(|a, b| a.0 == b.0) {
        let (first, last) = places(group[0].0);
        let open = table.range(first..=last)?.next_back().transpose()?;
        let mut open = open.map(|(key, value)| (key.value(), value.value().to_vec()));
        for (account, entry) in group {
            let full = open.take_if(|(_, pack)| pack.len() >= ENTRY_PACK * Entry::BYTES);
            if let Some((place, pack)) = full {
                table.insert(place, pack.as_slice())?;
            }
            let place = (places(*account).0.0, places(*account).0.1, entry.position.0);
            let (_, pack) = open.get_or_insert_with(|| (place, Vec::with_capacity(ENTRY_PACK * Entry::BYTES)));
            pack.extend_from_slice(&entry.encode());
        }
        if let Some((place, pack)) = open {
            table.insert(place, pack.as_slice())?;
        }
    }
    Ok(())
}

/// The first and the last place an entry of an account can have.
fn places(account: AccountKey) -> (EntryPlace, EntryPlace) {
    let [a, b, c] = account.currency.bytes();
    let (who, currency) = (account.participant.0, u32::from_be_bytes([0, a, b, c]));
    ((who, currency, 0), (who, currency, u64::MAX))
}

fn account_of(place: EntryPlace) -> Result<AccountKey, IndexError> {
    let [_, a, b, c] = place.1.to_be_bytes();
    let currency = CurrencyCode::new([a, b, c]).map_err(|_| IndexError::Damaged("the currency of an account".to_owned()))?;
    Ok(AccountKey { participant: ParticipantId(place.0), currency })
}

/// The last entry of a pack up to a position.
fn last_of(pack: &[u8], at: Position) -> Result<Option<Entry>, IndexError> {
    for entry in pack.chunks_exact(Entry::BYTES).rev() {
        let entry = Entry::decode(entry)?;
        if entry.position <= at {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Entries behind a position, oldest first.
pub(super) fn entries(
    transaction: &ReadTransaction,
    account: AccountKey,
    after: Position,
    limit: usize,
) -> Result<Vec<Entry>, IndexError> {
    let entries = transaction.open_table(ENTRIES)?;
    let (first, last) = places(account);
    // The pack before the first that begins behind `after` may go on behind it.
    let before = entries.range(first..=(first.0, first.1, after.0))?.next_back().transpose()?.map(|(key, _)| key.value());
    let mut found = Vec::new();
    for pack in entries.range(before.unwrap_or(first)..=last)? {
        for entry in pack?.1.value().chunks_exact(Entry::BYTES) {
            let entry = Entry::decode(entry)?;
            if found.len() >= limit {
                return Ok(found);
            }
            if entry.position > after {
                found.push(entry);
            }
        }
    }
    Ok(found)
}

/// The last entry up to a position.
pub(super) fn last_entry(transaction: &ReadTransaction, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
    let entries = transaction.open_table(ENTRIES)?;
    let (first, _) = places(account);
    let pack = entries.range(first..=(first.0, first.1, at.0))?.next_back().transpose()?;
    pack.map_or(Ok(None), |(_, pack)| last_of(pack.value(), at))
}

/// The last entry of every account.
pub(super) fn all(transaction: &ReadTransaction) -> Result<Vec<(AccountKey, Entry)>, IndexError> {
    let entries = transaction.open_table(ENTRIES)?;
    let (mut found, mut from) = (Vec::new(), (0, 0, 0));
    while let Some((place, _)) = entries.range(from..)?.next().transpose()? {
        let account = account_of(place.value())?;
        let (first, last) = places(account);
        if let Some((_, pack)) = entries.range(first..=last)?.next_back().transpose()? {
            let entry = last_of(pack.value(), Position(u64::MAX))?;
            found.push((account, entry.ok_or_else(|| IndexError::Damaged("an empty pack of entries".to_owned()))?));
        }
        from = (first.0, first.1 + 1, 0);
    }
    Ok(found)
}

/// Notes by number.
pub(super) fn notes(transaction: &ReadTransaction, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError> {
    let notes = transaction.open_table(NOTES)?;
    let note = |number: &u64| match notes.get(number)? {
        Some(row) => SettlementNote::decode_row(*number, row.value())
            .map(Some)
            .map_err(|_| IndexError::Damaged(format!("settlement note {number}"))),
        None => Ok(None),
    };
    numbers.iter().map(note).collect()
}
