//! Quotas: what each person has used of each limit, at one bank or at all of them, in a day or a year.
//!
//! ```text
//!  held ──▶ reserved: counted in full    settled ──▶ committed: stays counted
//!                                        rejected ──▶ released: counted no more
//!                                        returned ──▶ given back by its portion, while its day or year lasts
//!  reserved for days ──▶ counted in full; each capture commits its portion, what is left in the end is released
//! ```
//!
//! A counter is one person, limit, bank (or all) and day (or year). Counters of days and years that are over leave memory by
//! and by: each block looks at a few.
//!
//! # Invariant
//! QUO-01: a counter never exceeds the limit it was last counted against, and covers what open payments reserved of it.
//!
//! # Limits
//! [`Clearing::COUNTERS_MAX`]; when it is reached, payments that would need a new one are rejected (ED06).

use super::calendar::{YEAR, year_of};
use super::codec::take_name;
use super::{Code, Corridor, Country, Limit, Most, Period, PersonKey, Question, Scope, Terms};
use crate::codec::{put_u32, put_u64, take, take_u32, take_u64};
use crate::index::Index;
use crate::laws::LawBroken;
use crate::returns::Original;
use crate::{Clearing, DecodeError, IndexSeed, ParticipantId, PaymentIndex, PaymentView, Rejection, Time, Uetr};
use money::{Currency, MinorUnits};
use planted::{Bug, planted};
use std::collections::BTreeMap;

/// Stands for all banks together.
const ALL_BANKS: u32 = u32::MAX;

/// Which counter: a person, a limit, a bank or all of them, a day or a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CounterKey {
    person: PersonKey,
    limit: Code,
    bank: u32,
    period: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    key: CounterKey,
    used: u64,
    /// The limit it was last counted against.
    ceiling: u64,
}

/// What one payment counts in one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Use {
    key: CounterKey,
    value: u64,
    ceiling: u64,
}

/// What one payment counts, in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Uses {
    rows: [Option<Use>; Corridor::QUOTAS_MAX],
}

impl Uses {
    fn iter(&self) -> impl Iterator<Item = &Use> {
        self.rows.iter().flatten()
    }

    fn is_empty(&self) -> bool {
        self.rows[0].is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }

    /// Adds one; a corridor has no more quotas than there are rows.
    pub(super) fn push(&mut self, key: CounterKey, value: u64, ceiling: u64) {
        if let Some(free) = self.rows.iter_mut().find(|row| row.is_none()) {
            *free = Some(Use { key, value, ceiling });
        }
    }
}

/// What a pre-authorisation counts: in full when the money is reserved, part by part as it is captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ForDays {
    uses: Uses,
    /// What was reserved, and what of it was captured.
    whole: u64,
    captured: u64,
}

impl ForDays {
    /// What of a use is not captured. Captured parts are rounded up, so that a count of payments is committed by the first.
    fn left(&self, row: &Use) -> u64 {
        row.value - part_up_of(row.value, self.captured, self.whole)
    }
}

/// All counters, and what open payments have reserved of them.
#[derive(Debug, Clone)]
pub(crate) struct Quotas {
    /// Rows without gaps: who leaves is replaced by the last.
    rows: Vec<Counter>,
    index: Index,
    /// Next row to look at for one that is over.
    sweep: u32,
    reserved: BTreeMap<PaymentIndex, Uses>,
    /// What settled payments counted, until they are forgotten: a return gives it back.
    committed: BTreeMap<PaymentIndex, Box<[Use]>>,
    /// What pre-authorisations have reserved.
    for_days: BTreeMap<Uetr, ForDays>,
}

/// How a quota stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaView {
    /// Its limit.
    pub limit: Code,
    /// Over what it counts.
    pub scope: Scope,
    /// In this currency; payments are counted if there is none.
    pub currency: Option<Currency>,
    /// Counted so far, open payments included: minor units, or payments.
    pub used: u64,
    /// Up to this.
    pub most: u64,
}

impl QuotaView {
    /// What is left.
    pub const fn remaining(&self) -> u64 {
        self.most.saturating_sub(self.used)
    }
}

impl Quotas {
    pub(crate) fn new(seed: IndexSeed) -> Self {
        Self {
            rows: Vec::new(),
            index: Index::new(seed),
            sweep: 0,
            reserved: BTreeMap::new(),
            committed: BTreeMap::new(),
            for_days: BTreeMap::new(),
        }
    }

    pub(crate) fn counters(&self) -> usize {
        self.rows.len()
    }

    fn find(&self, key: &CounterKey) -> Option<usize> {
        self.index.find(&key.folded(), |at| self.rows[at as usize].key == *key).map(|at| at as usize)
    }

    pub(crate) fn used(&self, key: &CounterKey) -> u64 {
        self.find(key).map_or(0, |at| self.rows[at].used)
    }

    /// Adds to a counter, and returns what it says then.
    fn add(&mut self, row: &Use) -> u64 {
        let at = self.find(&row.key).unwrap_or_else(|| {
            self.index.insert(&row.key.folded(), self.rows.len() as u32);
            self.rows.push(Counter { key: row.key, used: 0, ceiling: 0 });
            self.rows.len() - 1
        });
        let counter = &mut self.rows[at];
        counter.used += row.value;
        counter.ceiling = row.ceiling;
        counter.used
    }

    /// Takes off a counter, if its time has not passed, and returns what it says then.
    fn take_off(&mut self, row: &Use) -> Option<u64> {
        let at = self.find(&row.key)?;
        let counter = &mut self.rows[at];
        counter.used = counter.used.saturating_sub(row.value);
        Some(counter.used)
    }

    /// Takes a returned payment's part off a counter that is there, but never what open payments have reserved of it.
    fn give_back(&mut self, key: &CounterKey, value: u64) -> Option<u64> {
        let at = self.find(key)?;
        let of_open = self.spoken_for().filter(|(open, _)| open == key).map(|(_, value)| value).sum::<u64>();
        let counter = &mut self.rows[at];
        counter.used = counter.used.saturating_sub(value).max(of_open.min(counter.used));
        Some(counter.used)
    }

    /// What open payments and pre-authorisations have reserved, use by use.
    fn spoken_for(&self) -> impl Iterator<Item = (CounterKey, u64)> + '_ {
        let payments = self.reserved.values().flat_map(Uses::iter).map(|row| (row.key, row.value));
        payments.chain(self.for_days.values().flat_map(|it| it.uses.iter().map(move |row| (row.key, it.left(row)))))
    }

    /// What a forgotten payment counted cannot be told any more from here.
    pub(crate) fn forget(&mut self, payment: PaymentIndex) {
        self.committed.remove(&payment);
    }

    /// Looks at `count` rows and drops those whose day or year is over everywhere.
    fn sweep(&mut self, count: usize, now: Time) {
        for _ in 0..count.min(self.rows.len()) {
            let at = if (self.sweep as usize) < self.rows.len() { self.sweep as usize } else { 0 };
            if self.rows.get(at).is_some_and(|counter| counter.key.is_over(now)) {
                self.drop_row(at);
            } else {
                self.sweep = at as u32 + 1;
            }
        }
    }

    fn drop_row(&mut self, at: usize) {
        let gone = self.rows.swap_remove(at);
        self.index.remove(&gone.key.folded(), at as u32);
        if let Some(moved) = self.rows.get(at) {
            self.index.remove(&moved.key.folded(), self.rows.len() as u32);
            self.index.insert(&moved.key.folded(), at as u32);
        }
    }
}

impl CounterKey {
    fn folded(&self) -> [u8; 16] {
        let mut key = self.person.0;
        key[..8].iter_mut().zip(self.limit.0).for_each(|(byte, other)| *byte ^= other);
        key[8..12].iter_mut().zip(self.bank.to_le_bytes()).for_each(|(byte, other)| *byte ^= other);
        key[12..].iter_mut().zip(self.period.to_le_bytes()).for_each(|(byte, other)| *byte ^= other);
        key
    }

    pub(super) fn of(limit: &Limit, corridor: &Corridor, person: PersonKey, question: &Question) -> Option<Self> {
        let (bank, period) = match limit.scope {
            Scope::Payment => return None,
            Scope::PerBank(period) => (question.bank.0, period),
            Scope::AcrossBanks(period) => (ALL_BANKS, period),
        };
        let time = if planted(Bug::QuotaDayGoesOn) { Time(question.time.0 - 120_000_000_000) } else { question.time };
        Some(Self { person, limit: limit.code, bank, period: corridor.hours.period(period, time) })
    }

    /// Whose.
    pub const fn person(&self) -> PersonKey {
        self.person
    }

    /// Of which limit.
    pub const fn limit(&self) -> Code {
        self.limit
    }

    /// At which bank; `None`: at all of them.
    pub const fn bank(&self) -> Option<ParticipantId> {
        if self.bank == ALL_BANKS { None } else { Some(ParticipantId(self.bank)) }
    }

    /// In which day since 1970-01-01, or in which year.
    pub const fn period(&self) -> (Period, u32) {
        if self.period & YEAR == 0 { (Period::Day, self.period) } else { (Period::Year, self.period & !YEAR) }
    }

    /// Whether its day or year is over on every clock.
    pub fn is_over(&self, now: Time) -> bool {
        let today = (now.0 / 86_400_000_000_000) as u32;
        match self.period & YEAR {
            0 => self.period + 1 < today,
            _ => self.period < YEAR | year_of(today.saturating_sub(1)),
        }
    }
}

impl Clearing {
    /// Most counters of quotas.
    pub const COUNTERS_MAX: usize = 1 << 23;

    /// Counters a block without commands looks at.
    const SWEPT_MIN: usize = 64;

    /// Every counter and what it says, in no order that means anything.
    pub fn counters(&self) -> impl Iterator<Item = (CounterKey, u64)> + '_ {
        self.quotas.rows.iter().map(|counter| (counter.key, counter.used))
    }

    /// Counts an open payment in.
    pub(crate) fn reserve(&mut self, payment: PaymentIndex, uses: &Uses) {
        if uses.is_empty() {
            return;
        }
        for row in uses.iter() {
            let used = self.quotas.add(row);
            self.note_counter(&row.key, used);
        }
        self.quotas.reserved.insert(payment, *uses);
    }

    /// A settled payment stays counted.
    pub(crate) fn commit(&mut self, payment: PaymentIndex) {
        if let Some(uses) = self.quotas.reserved.remove(&payment) {
            self.quotas.committed.insert(payment, uses.iter().copied().collect());
        }
    }

    /// Counts no more what a return gives back: of each use the part that `after` is of the original's credit, less what
    /// `before` was. What a forgotten original counted is told by its terms and the rulebook that holds now.
    pub(crate) fn give_back_quota(&mut self, original: &Original, (before, after): (MinorUnits, MinorUnits)) {
        let payment = &original.payment;
        let uses = match original.terms {
            None => self.quotas.committed.get(&payment.index).map(|uses| uses.to_vec()).unwrap_or_default(),
            Some(terms) => self.uses_of(payment, terms),
        };
        let credit = payment.credit.minor.0;
        for row in &uses {
            if row.key.is_over(self.time) {
                continue;
            }
            let value = part_of(row.value, after.0, credit) - part_of(row.value, before.0, credit);
            if let Some(used) = self.quotas.give_back(&row.key, value) {
                self.note_counter(&row.key, used);
            }
        }
    }

    /// What a forgotten payment counts by the rulebook that holds now.
    fn uses_of(&self, payment: &PaymentView, terms: Terms) -> Vec<Use> {
        let Some(book) = self.rulebook() else { return Vec::new() };
        let question = Question {
            from: Country::of(payment.debtor_bic),
            to: Country::of(payment.creditor_bic),
            bank: payment.debtor_agent,
            debit: payment.debit,
            credit: payment.credit,
            terms,
            time: payment.received_at,
        };
        let uses = book.uses_of(&question).into_iter();
        uses.map(|(key, value)| Use { key, value, ceiling: 0 }).collect()
    }

    /// A rejected one is counted no more.
    pub(crate) fn release(&mut self, payment: PaymentIndex) {
        let Some(uses) = self.quotas.reserved.remove(&payment) else { return };
        if planted(Bug::QuotaKeptOnReject) {
            return;
        }
        for row in uses.iter() {
            if planted(Bug::QuotaReleasedTwice) {
                self.quotas.take_off(row);
            }
            if let Some(used) = self.quotas.take_off(row) {
                self.note_counter(&row.key, used);
            }
        }
    }

    /// Counts a pre-authorisation in, whose money is reserved from now on.
    pub(crate) fn reserve_for_days(&mut self, preauth: Uetr, uses: &Uses, whole: MinorUnits) {
        if uses.is_empty() {
            return;
        }
        for row in uses.iter() {
            let used = self.quotas.add(row);
            self.note_counter(&row.key, used);
        }
        self.quotas.for_days.insert(preauth, ForDays { uses: *uses, whole: whole.0, captured: 0 });
    }

    /// A part of it was captured by a payment and stays counted.
    pub(crate) fn capture_for_days(&mut self, preauth: Uetr, payment: PaymentIndex, amount: MinorUnits) {
        let Some(found) = self.quotas.for_days.get_mut(&preauth) else { return };
        let before = *found;
        found.captured = found.captured.saturating_add(amount.0).min(found.whole);
        let after = *found;
        let part = |row: &Use| Use { value: before.left(row) - after.left(row), ..*row };
        let parts = after.uses.iter().map(part).filter(|row| row.value > 0).collect();
        self.quotas.committed.insert(payment, parts);
    }

    /// It has ended: what was not captured is counted no more.
    pub(crate) fn release_for_days(&mut self, preauth: Uetr) {
        let Some(found) = self.quotas.for_days.remove(&preauth) else { return };
        for row in found.uses.iter() {
            let left = Use { value: found.left(row), ..*row };
            if let Some(used) = self.quotas.take_off(&left) {
                self.note_counter(&row.key, used);
            }
        }
    }

    /// Lets go of counters whose day or year is over.
    pub(crate) fn sweep_quotas(&mut self, commands: usize) {
        self.quotas.sweep(Self::SWEPT_MIN + 2 * commands, self.time);
    }

    fn note_counter(&mut self, key: &CounterKey, used: u64) {
        self.delta.push(51);
        put_key(&mut self.delta, key);
        put_u64(&mut self.delta, used);
        self.counted.push((*key, used));
    }
}

impl Limit {
    pub(super) const fn used_up(&self) -> Rejection {
        match self.most {
            Most::Amount { .. } => Rejection::QuotaUsedUp,
            Most::Payments(_) => Rejection::TooManyPayments,
        }
    }
}

/// `⌈value × part / whole⌉`.
fn part_up_of(value: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(value) * u128::from(part);
    if whole == 0 { 0 } else { u64::try_from(product.div_ceil(u128::from(whole))).unwrap_or(value).min(value) }
}

/// `⌊value × part / whole⌋`.
fn part_of(value: u64, part: u64, whole: u64) -> u64 {
    let part = u128::from(value) * u128::from(part);
    part.checked_div(u128::from(whole)).map_or(0, |part| u64::try_from(part).unwrap_or(value))
}

fn put_key(out: &mut Vec<u8>, key: &CounterKey) {
    out.extend_from_slice(&key.person.0);
    out.extend_from_slice(&key.limit.0);
    put_u32(out, key.bank);
    put_u32(out, key.period);
}

fn take_key(bytes: &mut &[u8]) -> Result<CounterKey, DecodeError> {
    Ok(CounterKey { person: PersonKey(take(bytes)?), limit: take_name(bytes)?, bank: take_u32(bytes)?, period: take_u32(bytes)? })
}

fn take_uses(bytes: &mut &[u8]) -> Result<Uses, DecodeError> {
    let [count] = take(bytes)?;
    let mut uses = Uses::default();
    let rows = uses.rows.get_mut(..usize::from(count)).filter(|rows| !rows.is_empty());
    for row in rows.ok_or(DecodeError::Unknown("uses"))? {
        *row = Some(Use { key: take_key(bytes)?, value: take_u64(bytes)?, ceiling: take_u64(bytes)? });
    }
    Ok(uses)
}

impl Quotas {
    /// Appends the canonical bytes for a snapshot.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.rows.len() as u32);
        for counter in &self.rows {
            put_key(out, &counter.key);
            put_u64(out, counter.used);
            put_u64(out, counter.ceiling);
        }
        put_u32(out, self.sweep);
        put_u32(out, self.reserved.len() as u32);
        for (payment, uses) in &self.reserved {
            put_u64(out, payment.0);
            out.push(uses.iter().count() as u8);
            for row in uses.iter() {
                put_key(out, &row.key);
                put_u64(out, row.value);
                put_u64(out, row.ceiling);
            }
        }
        put_u32(out, self.committed.len() as u32);
        for (payment, uses) in &self.committed {
            put_u64(out, payment.0);
            out.push(uses.len() as u8);
            for row in uses {
                put_key(out, &row.key);
                put_u64(out, row.value);
            }
        }
        self.encode_for_days(out);
    }

    fn encode_for_days(&self, out: &mut Vec<u8>) {
        put_u32(out, self.for_days.len() as u32);
        for (preauth, it) in &self.for_days {
            out.extend_from_slice(&preauth.0);
            put_u64(out, it.whole);
            put_u64(out, it.captured);
            out.push(it.uses.len() as u8);
            for row in it.uses.iter() {
                put_key(out, &row.key);
                put_u64(out, row.value);
                put_u64(out, row.ceiling);
            }
        }
    }

    fn decode_for_days(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            let (preauth, whole, captured) = (Uetr(take(bytes)?), take_u64(bytes)?, take_u64(bytes)?);
            let uses = take_uses(bytes)?;
            let in_order = self.for_days.last_key_value().is_none_or(|(last, _)| *last < preauth);
            if !in_order || captured > whole {
                return Err(DecodeError::Unknown("uses of a pre-authorisation"));
            }
            self.for_days.insert(preauth, ForDays { uses, whole, captured });
        }
        Ok(())
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(bytes: &mut &[u8], seed: IndexSeed) -> Result<Self, DecodeError> {
        let mut quotas = Self::new(seed);
        for at in 0..take_u32(bytes)? {
            let counter = Counter { key: take_key(bytes)?, used: take_u64(bytes)?, ceiling: take_u64(bytes)? };
            if at as usize >= Clearing::COUNTERS_MAX || quotas.find(&counter.key).is_some() {
                return Err(DecodeError::Unknown("counter"));
            }
            quotas.index.insert(&counter.key.folded(), at);
            quotas.rows.push(counter);
        }
        quotas.sweep = take_u32(bytes)?;
        for _ in 0..take_u32(bytes)? {
            let payment = PaymentIndex(take_u64(bytes)?);
            let uses = take_uses(bytes)?;
            if quotas.reserved.last_key_value().is_some_and(|(last, _)| *last >= payment) {
                return Err(DecodeError::Unknown("order of uses"));
            }
            quotas.reserved.insert(payment, uses);
        }
        for _ in 0..take_u32(bytes)? {
            let (payment, [count]) = (PaymentIndex(take_u64(bytes)?), take(bytes)?);
            if usize::from(count) > Corridor::QUOTAS_MAX {
                return Err(DecodeError::Unknown("uses"));
            }
            let row = |_| Ok(Use { key: take_key(bytes)?, value: take_u64(bytes)?, ceiling: 0 });
            let uses = (0..count).map(row).collect::<Result<_, DecodeError>>()?;
            if quotas.committed.last_key_value().is_some_and(|(last, _)| *last >= payment) {
                return Err(DecodeError::Unknown("order of uses"));
            }
            quotas.committed.insert(payment, uses);
        }
        quotas.decode_for_days(bytes)?;
        Ok(quotas)
    }

    /// The payments whose counted uses are kept, in order.
    pub(crate) fn committers(&self) -> impl Iterator<Item = PaymentIndex> {
        self.committed.keys().copied()
    }

    /// The pre-authorisations that have reserved something, in order.
    pub(crate) fn reserved_for_days(&self) -> impl Iterator<Item = Uetr> {
        self.for_days.keys().copied()
    }

    /// The payments that have reserved something, in order.
    pub(crate) fn reservers(&self) -> impl Iterator<Item = PaymentIndex> {
        self.reserved.keys().copied()
    }

    /// QUO-01.
    pub(crate) fn check(&self) -> Result<(), LawBroken> {
        let broken = |detail| Err(LawBroken { law: "QUO-01", detail });
        if let Some(over) = self.rows.iter().find(|counter| counter.used > counter.ceiling) {
            return broken(format!("{over:?}"));
        }
        let mut reserved: BTreeMap<CounterKey, u64> = BTreeMap::new();
        for (key, value) in self.spoken_for() {
            *reserved.entry(key).or_default() += value;
        }
        match reserved.into_iter().find(|(key, value)| self.find(key).is_some() && self.used(key) < *value) {
            None => Ok(()),
            Some((key, value)) => broken(format!("{value} are reserved of {key:?}, which counts {}", self.used(&key))),
        }
    }
}
