//! Writing a batch: COPY, as text, a table after the other.

use super::number;
use crate::port::{Batch, IndexError, Key, Row, encode_place};
use clearing::{ParticipantId, PaymentState};
use core::fmt::Write as _;
use postgres::{Client, Transaction};
use std::io::Write as _;

/// One transaction.
pub(super) fn batch(client: &mut Client, batch: &Batch, durable: bool) -> Result<(), IndexError> {
    let mut transaction = client.transaction()?;
    if !durable {
        transaction.batch_execute("SET LOCAL synchronous_commit TO off")?;
    }
    rows(&mut transaction, batch)?;
    keys_and_lists(&mut transaction, batch)?;
    inboxes(&mut transaction, batch)?;
    books(&mut transaction, batch)?;
    tree(&mut transaction, batch)?;
    transaction.execute("UPDATE luohu.meta SET mark = $1", &[&batch.mark.encode().as_slice()])?;
    Ok(transaction.commit()?)
}

/// Lines of a COPY.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// Adds a line of fields that need no escape: numbers, hexadecimal digits, codes.
    fn add(&mut self, fields: core::fmt::Arguments<'_>) {
        self.0.write_fmt(fields).expect("writing to a text");
        self.0.push('\n');
    }

    fn copy(&self, transaction: &mut Transaction<'_>, into: &str) -> Result<(), IndexError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut writer = transaction.copy_in(&format!("COPY {into} FROM STDIN"))?;
        writer.write_all(self.0.as_bytes()).map_err(|error| IndexError::Unavailable(error.to_string()))?;
        writer.finish()?;
        Ok(())
    }
}

/// As COPY reads bytes.
struct Hex<'a>(&'a [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("\\\\x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A payment may come again, when its creditor was credited behind its end.
fn rows(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), IndexError> {
    let (mut lines, mut rejected, mut bytes) = (Lines::default(), Lines::default(), Vec::with_capacity(Row::BYTES));
    for (index, row) in &batch.rows {
        bytes.clear();
        let (Some(()), Some(finality)) = (row.encode(&mut bytes), row.payment.finality) else { continue };
        let payment = &row.payment;
        let state = match payment.state {
            PaymentState::Settled => "settled",
            PaymentState::Held | PaymentState::Rejected => "rejected",
        };
        let reason = payment.rejection.map_or("\\N", |rejection| rejection.code());
        lines.add(format_args!(
            "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{state}\t{reason}\t{}\t{}\t{}\t{}",
            number(index.0)?,
            payment.uetr,
            payment.debtor_bic,
            payment.creditor_bic,
            payment.debit.minor.0,
            payment.debit.currency.code,
            payment.credit.minor.0,
            payment.credit.currency.code,
            number(payment.received_at.0)?,
            number(finality.at.0)?,
            number(finality.leaf_index)?,
            Hex(&bytes),
        ));
        if payment.state == PaymentState::Rejected {
            row.parties().for_each(|who| rejected.add(format_args!("{}\t{}", who.0, index.0)));
        }
    }
    if lines.0.is_empty() {
        return Ok(());
    }
    transaction.batch_execute(
        "CREATE TEMPORARY TABLE IF NOT EXISTS coming (LIKE luohu.payments) ON COMMIT DELETE ROWS;
         CREATE TEMPORARY TABLE IF NOT EXISTS coming_rejected (LIKE luohu.rejected) ON COMMIT DELETE ROWS",
    )?;
    lines.copy(transaction, "coming")?;
    rejected.copy(transaction, "coming_rejected")?;
    transaction.batch_execute(
        "INSERT INTO luohu.payments SELECT * FROM coming ON CONFLICT (number) DO UPDATE SET entry = excluded.entry;
         INSERT INTO luohu.rejected SELECT * FROM coming_rejected ON CONFLICT DO NOTHING",
    )?;
    Ok(())
}

fn keys_and_lists(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), IndexError> {
    let (mut keys, mut lists) = (Lines::default(), Lines::default());
    for arrival in &batch.arrivals {
        let payment = number(arrival.payment.0)?;
        for key in [Key::Uetr(arrival.uetr), Key::Message(arrival.message_id)] {
            let (kind, identifier) = kind_and_identifier(key);
            keys.add(format_args!("{kind}\t{:032x}\t{payment}", u128::from_be_bytes(identifier)));
        }
        let whose: [Option<ParticipantId>; 2] = [Some(arrival.debtor_agent), arrival.creditor_agent];
        whose.into_iter().flatten().for_each(|who| lists.add(format_args!("{}\t{payment}", who.0)));
    }
    keys.copy(transaction, "luohu.keys")?;
    lists.copy(transaction, "luohu.lists")
}

/// As the table of keys has it.
pub(super) fn kind_and_identifier(key: Key) -> (i16, [u8; 16]) {
    match key {
        Key::Uetr(uetr) => (0, uetr.0),
        Key::Message(message) => (1, message.0),
    }
}

fn inboxes(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), IndexError> {
    let (mut inboxes, mut letters, mut bytes) = (Lines::default(), Lines::default(), Vec::new());
    for (who, entry) in &batch.inbox {
        let (kind, about) = entry.about.numbers();
        inboxes.add(format_args!("{}\t{}\t{kind}\t{}", who.0, number(entry.position.0)?, number(about)?));
    }
    for kept in &batch.letters {
        bytes.clear();
        kept.letter.encode_row(&mut bytes);
        encode_place(kept.place, &mut bytes);
        letters.add(format_args!("{}\t{}", number(kept.letter.number)?, Hex(&bytes)));
    }
    inboxes.copy(transaction, "luohu.inboxes")?;
    letters.copy(transaction, "luohu.letters")
}

fn books(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), IndexError> {
    let (mut entries, mut notes, mut bytes) = (Lines::default(), Lines::default(), Vec::new());
    for (account, entry) in &batch.entries {
        let place = (account.participant.0, account.currency, number(entry.position.0)?);
        let side = entry.side_number();
        entries.add(format_args!("{}\t{}\t{}\t{}\t{side}", place.0, place.1, place.2, Hex(&entry.encode())));
    }
    for note in &batch.notes {
        bytes.clear();
        note.encode_row(&mut bytes);
        notes.add(format_args!("{}\t{}", number(note.number)?, Hex(&bytes)));
    }
    entries.copy(transaction, "luohu.entries")?;
    notes.copy(transaction, "luohu.notes")
}

fn tree(transaction: &mut Transaction<'_>, batch: &Batch) -> Result<(), IndexError> {
    let mut leaves = Lines::default();
    for (leaf, payment) in (batch.first_leaf..).zip(&batch.leaves) {
        leaves.add(format_args!("{}\t{}", number(leaf)?, number(payment.0)?));
    }
    leaves.copy(transaction, "luohu.leaves")?;
    let statement = transaction.prepare(
        "INSERT INTO luohu.tiles VALUES ($1, $2, $3) ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
    )?;
    for ((level, tile), hashes) in &batch.tiles {
        let hashes: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        transaction.execute(&statement, &[&i16::from(*level), &number(*tile)?, &hashes])?;
    }
    Ok(())
}
