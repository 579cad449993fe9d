//! Reading: each call one statement, or a few in one transaction that sees one mark.

use super::write::kind_and_identifier;
use super::{bound, number, unsigned};
use crate::books::{AccountKey, Entry};
use crate::inbox::{About, InboxEntry};
use crate::port::{IndexError, Key, Mark, Order, Row, Span, decode_place};
use chain::Hash;
use clearing::{Letter, ParticipantId, PaymentIndex, Position, SettlementNote};
use ordering::KeptLetter;
use postgres::{Client, GenericClient, IsolationLevel};
use std::collections::HashMap;

pub(super) fn mark(client: &mut Client) -> Result<Mark, IndexError> {
    mark_of(client)
}

fn mark_of(client: &mut impl GenericClient) -> Result<Mark, IndexError> {
    let row = client.query_opt("SELECT mark FROM luohu.meta", &[])?;
    let mark = row.and_then(|row| Mark::decode(row.get(0)));
    mark.ok_or_else(|| IndexError::Damaged("it does not say how far it is".to_owned()))
}

pub(super) fn rows(client: &mut Client, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
    let numbers = payments.iter().map(|payment| number(payment.0)).collect::<Result<Vec<i64>, _>>()?;
    let mut found: HashMap<i64, Row> = HashMap::with_capacity(numbers.len());
    for row in client.query("SELECT number, entry FROM luohu.payments WHERE number = ANY($1)", &[&numbers])? {
        let at: i64 = row.get(0);
        found.insert(at, Row::decode(PaymentIndex(unsigned(at)?), row.get(1))?);
    }
    Ok(numbers.iter().map(|number| found.get(number).copied()).collect())
}

pub(super) fn find(client: &mut Client, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
    let (kind, identifier) = kind_and_identifier(key);
    let identifier = uuid::Uuid::from_bytes(identifier);
    let sql = "SELECT payment FROM luohu.keys WHERE kind = $1 AND identifier = $2 ORDER BY payment DESC LIMIT 1";
    let row = client.query_opt(sql, &[&kind, &identifier])?;
    row.map(|row| unsigned(row.get(0)).map(PaymentIndex)).transpose()
}

pub(super) fn leaf(client: &mut Client, leaf_index: u64) -> Result<Option<PaymentIndex>, IndexError> {
    let row = client.query_opt("SELECT payment FROM luohu.leaves WHERE leaf = $1", &[&number(leaf_index)?])?;
    row.map(|row| unsigned(row.get(0)).map(PaymentIndex)).transpose()
}

pub(super) fn letters(client: &mut Client, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
    let numbers = numbers.iter().map(|at| number(*at)).collect::<Result<Vec<i64>, _>>()?;
    let mut found: HashMap<i64, KeptLetter> = HashMap::with_capacity(numbers.len());
    for row in client.query("SELECT number, entry FROM luohu.letters WHERE number = ANY($1)", &[&numbers])? {
        let (at, bytes): (i64, &[u8]) = (row.get(0), row.get(1));
        let damaged = || IndexError::Damaged(format!("letter {at}"));
        let (letter, place) = bytes.split_at_checked(Letter::ROW_BYTES).ok_or_else(damaged)?;
        let letter = Letter::decode_row(unsigned(at)?, letter).map_err(|_| damaged())?;
        found.insert(at, KeptLetter { letter, place: decode_place(place).ok_or_else(damaged)? });
    }
    Ok(numbers.iter().map(|number| found.get(number).copied()).collect())
}

pub(super) fn inbox(
    client: &mut Client,
    who: ParticipantId,
    after: Position,
    limit: usize,
) -> Result<Vec<InboxEntry>, IndexError> {
    let sql =
        "SELECT position, kind, number FROM luohu.inboxes WHERE participant = $1 AND position > $2 ORDER BY position LIMIT $3";
    let rows = client.query(sql, &[&i64::from(who.0), &bound(after), &limit_of(limit)])?;
    let entry = |row: postgres::Row| {
        let (kind, about): (i16, i64) = (row.get(1), row.get(2));
        let about = u8::try_from(kind).ok().and_then(|kind| About::of_numbers(kind, u64::try_from(about).ok()?));
        let about = about.ok_or_else(|| IndexError::Damaged("an entry of an inbox".to_owned()))?;
        Ok(InboxEntry { position: Position(unsigned(row.get(0))?), about })
    };
    rows.into_iter().map(entry).collect()
}

pub(super) fn payments_of(client: &mut Client, span: &Span) -> Result<Vec<PaymentIndex>, IndexError> {
    let table = if span.rejected_only { "rejected" } else { "lists" };
    let order = match span.order {
        Order::Oldest => "ASC",
        Order::Newest => "DESC",
    };
    let sql = format!(
        "SELECT payment FROM luohu.{table} WHERE participant = $1 AND payment >= $2 AND payment < $3 ORDER BY payment {order} LIMIT $4"
    );
    let (from, to) = (number(span.numbers.start)?, number(span.numbers.end)?);
    let rows = client.query(&sql, &[&i64::from(span.who.0), &from, &to, &limit_of(span.limit)])?;
    rows.into_iter().map(|row| unsigned(row.get(0)).map(PaymentIndex)).collect()
}

pub(super) fn entries(client: &mut Client, account: AccountKey, after: Position, limit: usize) -> Result<Vec<Entry>, IndexError> {
    let sql = "SELECT entry FROM luohu.entries WHERE participant = $1 AND currency = $2 AND position > $3 ORDER BY position, side LIMIT $4";
    let (who, currency) = (i64::from(account.participant.0), account.currency.as_str());
    let rows = client.query(sql, &[&who, &currency, &bound(after), &limit_of(limit)])?;
    rows.iter().map(|row| Entry::decode(row.get(0))).collect()
}

pub(super) fn last_entry(client: &mut Client, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
    let sql = "SELECT entry FROM luohu.entries
        WHERE participant = $1 AND currency = $2 AND position <= $3 ORDER BY position DESC, side DESC LIMIT 1";
    let (who, currency) = (i64::from(account.participant.0), account.currency.as_str());
    let row = client.query_opt(sql, &[&who, &currency, &bound(at)])?;
    row.map(|row| Entry::decode(row.get(0))).transpose()
}

pub(super) fn books(client: &mut Client) -> Result<Vec<(AccountKey, Entry)>, IndexError> {
    let sql = "SELECT DISTINCT ON (participant, currency) participant, currency, entry FROM luohu.entries
        ORDER BY participant, currency, position DESC, side DESC";
    let damaged = || IndexError::Damaged("an account of the entries".to_owned());
    let last = |row: postgres::Row| {
        let participant = u32::try_from(row.get::<_, i64>(0)).map_err(|_| damaged())?;
        let currency = row.get::<_, &str>(1).parse().map_err(|_| damaged())?;
        Ok((AccountKey { participant: ParticipantId(participant), currency }, Entry::decode(row.get(2))?))
    };
    client.query(sql, &[])?.into_iter().map(last).collect()
}

pub(super) fn notes(client: &mut Client, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError> {
    let numbers = numbers.iter().map(|at| number(*at)).collect::<Result<Vec<i64>, _>>()?;
    let mut found: HashMap<i64, SettlementNote> = HashMap::with_capacity(numbers.len());
    for row in client.query("SELECT number, entry FROM luohu.notes WHERE number = ANY($1)", &[&numbers])? {
        let at: i64 = row.get(0);
        let note = SettlementNote::decode_row(unsigned(at)?, row.get(1));
        found.insert(at, note.map_err(|_| IndexError::Damaged(format!("settlement note {at}")))?);
    }
    Ok(numbers.iter().map(|number| found.get(number).copied()).collect())
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn tile(client: &mut Client, level: u8, tile: u64) -> Result<Option<Vec<Hash>>, IndexError> {
    let sql = "SELECT hashes FROM luohu.tiles WHERE level = $1 AND number = $2";
    let row = client.query_opt(sql, &[&i16::from(level), &number(tile)?])?;
    let hashes = |row: postgres::Row| {
        let bytes: &[u8] = row.get(0);
        bytes.chunks_exact(32).map(|hash| Hash(hash.try_into().expect("32 bytes"))).collect()
    };
    Ok(row.map(hashes))
}

pub(super) fn check(client: &mut Client) -> Result<Option<String>, IndexError> {
    let mut transaction = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start()?;
    let mark = mark_of(&mut transaction)?;
    let mut count = |table: &str| {
        let row = transaction.query_one(&format!("SELECT count(*) FROM luohu.{table}"), &[])?;
        unsigned(row.get(0))
    };
    let (payments, letters, keys, leaves) = (count("payments")?, count("letters")?, count("keys")?, count("leaves")?);
    let ended = mark.settled + mark.rejected;
    if payments < ended || payments > mark.payments {
        return Ok(Some(format!("{payments} payments have ended, not {ended}")));
    }
    for (found, expected, what) in
        [(letters, mark.letters, "letters"), (keys, 2 * mark.payments, "identifiers"), (leaves, mark.leaves, "leaves")]
    {
        if found != expected {
            return Ok(Some(format!("{found} {what}, not {expected}")));
        }
    }
    for row in transaction.query("SELECT number, entry FROM luohu.payments", &[])? {
        Row::decode(PaymentIndex(unsigned(row.get(0))?), row.get(1))?;
    }
    Ok(None)
}

pub(super) fn bytes(client: &mut Client) -> Result<u64, IndexError> {
    let sql = "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'luohu' AND c.relkind = 'r'";
    unsigned(client.query_one(sql, &[])?.get(0))
}
