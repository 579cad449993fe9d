//! Letters, one by one, each with the place of its message.

use crate::port::{Batch, IndexError, decode_place, encode_place};
use clearing::Letter;
use ordering::KeptLetter;
use redb::{ReadTransaction, TableDefinition, WriteTransaction};

/// By number.
pub(super) const LETTERS: TableDefinition<u64, &[u8; LETTER_BYTES]> = TableDefinition::new("letters");

const LETTER_BYTES: usize = Letter::ROW_BYTES + 12;

/// Writes the next letters.
pub(super) fn write(transaction: &WriteTransaction, batch: &Batch) -> Result<(), IndexError> {
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

/// Letters by number; `None` where there is none.
pub(super) fn read(transaction: &ReadTransaction, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
    let letters = transaction.open_table(LETTERS)?;
    let letter = |number: &u64| match letters.get(*number)? {
        Some(bytes) => unpack(*number, bytes.value()).map(Some),
        None => Ok(None),
    };
    numbers.iter().map(letter).collect()
}

fn unpack(number: u64, bytes: &[u8; LETTER_BYTES]) -> Result<KeptLetter, IndexError> {
    let damaged = || IndexError::Damaged(format!("letter {number}"));
    let (letter, place) = bytes.split_at(Letter::ROW_BYTES);
    let letter = Letter::decode_row(number, letter).map_err(|_| damaged())?;
    Ok(KeptLetter { letter, place: decode_place(place).ok_or_else(damaged)? })
}
