//! What comes in order: payments of participants and their inboxes, a few hundred entries together.

use crate::inbox::{About, InboxEntry};
use crate::port::{Batch, IndexError};
use clearing::{ParticipantId, Position};
use redb::{ReadableTable as _, Table, TableDefinition, WriteTransaction};

type Packed = TableDefinition<'static, (u32, u64), &'static [u8]>;

/// Payments of a participant, by the first of some: 8 bytes each.
pub(super) const LISTS: Packed = TableDefinition::new("lists");
/// Inboxes, by the first position of some: position 8, kind 1, number of the payment or letter 8.
pub(super) const INBOXES: Packed = TableDefinition::new("inboxes");

/// Entries packed together: some kilobytes, less than a page of redb takes to copy.
const LIST_PACK: usize = 400;
const INBOX_PACK: usize = 200;
/// Bytes of an entry in a list.
pub(super) const LIST_BYTES: usize = 8;
/// Bytes of an entry in an inbox.
pub(super) const INBOX_BYTES: usize = 17;

/// Writes lists and inboxes.
pub(super) fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
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

/// An entry of an inbox.
pub(super) fn unpack_entry(bytes: &[u8]) -> Result<InboxEntry, IndexError> {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let about = About::of_numbers(bytes[8], number(9)).ok_or_else(|| IndexError::Damaged("an entry of an inbox".to_owned()))?;
    Ok(InboxEntry { position: Position(number(0)), about })
}

/// The payments of a list, or of a tile's leaves.
pub(super) fn unpack_payments(bytes: &[u8]) -> impl DoubleEndedIterator<Item = u64> + '_ {
    bytes.chunks_exact(LIST_BYTES).map(|bytes| u64::from_le_bytes(bytes.try_into().expect("eight bytes")))
}
