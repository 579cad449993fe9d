//! The rulebook: which payments the scheme takes, when, and how much of them, as data that two officers order.
//!
//! A [`Rulebook`] is a list of [`Corridor`]s. A payment travels through the first one that fits its agents' countries, its
//! parties' kinds and its purpose; that corridor says which currencies, hours and limits hold. Without a rulebook every
//! payment is taken, as in chains from before there was one.
//!
//! # Time
//! A rulebook holds from [`Rulebook::effective_from`] on; until then the one before it. Days and years of a corridor are those
//! of its own clock ([`Hours::utc_offset_minutes`]).
//!
//! # Limits
//! [`Rulebook::CORRIDORS_MAX`], [`Corridor::LIMITS_MAX`], [`Clearing::RULEBOOKS_MAX`]; quotas: see [`quota`].
//!
//! # Start reading at
//! [`Corridor`], then `check.rs`.

mod calendar;
mod check;
mod codec;
mod quota;

pub(crate) use calendar::month_of;
pub(crate) use check::Ruled;
pub use check::{Question, WhatIf};
pub(crate) use codec::{decode_hours, encode_hours};
pub(crate) use codec::{put_kind, put_list, put_name, put_purpose, take_iso_purpose, take_kind, take_list, take_optional_name};
pub use quota::{CounterKey, QuotaView};
pub(crate) use quota::{Quotas, Uses};

use crate::{Basis, Bic, Clearing, EventKind, Outcome, PairKey, Refusal, Time};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use std::collections::BTreeMap;

/// Name of a corridor or a limit: 1 to 8 capitals, digits or hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; 8]);

impl Code {
    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > 8 || !text.bytes().all(allowed) {
            return None;
        }
        let mut bytes = [b' '; 8];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Some(Self(bytes))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }

    /// Eight characters, filled up with blanks.
    pub const fn bytes(self) -> [u8; 8] {
        self.0
    }
}

impl core::fmt::Debug for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why somebody pays: four characters of ISO `ExternalPurpose1Code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purpose(pub [u8; 4]);

impl Purpose {
    /// Reads exactly four capitals or digits.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 4] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).then_some(Self(bytes))
    }

    /// The four characters.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Country of an agent, ISO 3166: characters five and six of its BIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Country(pub [u8; 2]);

impl Country {
    /// Reads two capitals.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 2] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii_uppercase).then_some(Self(bytes))
    }

    /// Where a bank is.
    pub fn of(bic: Bic) -> Self {
        let bytes = bic.bytes();
        Self([bytes[4], bytes[5]])
    }
}

/// What a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum PartyKind {
    /// A natural person, or nothing was said.
    #[default]
    Person,
    /// A company, school, authority …: it is identified as an organisation.
    Institution,
}

/// A person whose quota is counted: a keyed hash of the identity document. The key is the scheme's and not in the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub [u8; 16]);

/// What the rulebook asks about a payment, beside agents and amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Who pays.
    pub debtor: PartyKind,
    /// Who is paid.
    pub creditor: PartyKind,
    /// What for, if it was said.
    pub purpose: Option<Purpose>,
    /// Whose quota it counts against, if the debtor was identified.
    pub person: Option<PersonKey>,
    /// When the debtor wants it executed, if not at once. Until then it can be cancelled.
    pub execute_at: Option<Time>,
    /// Debtor and creditor account together, if both are given.
    pub pair: Option<PairKey>,
    /// Whether the bank says that the payee is new to the debtor.
    pub new_payee: bool,
    /// What it is made on. The rulebook does not ask.
    pub basis: Basis,
}

/// All rules from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// One more than the last one's: two changes drafted at once cannot undo each other.
    pub version: u32,
    /// First block time at which it holds; at once if that has passed.
    pub effective_from: Time,
    /// In order: the first that fits is a payment's.
    pub corridors: Vec<Corridor>,
    /// What an amount counts for in a limit's currency, where a payment has it on neither side.
    pub reference_rates: Vec<ReferenceRate>,
}

impl Rulebook {
    /// Most corridors.
    pub const CORRIDORS_MAX: usize = 32;
    /// Most reference rates.
    pub const REFERENCE_RATES_MAX: usize = 64;
}

/// What one unit of a currency counts for in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceRate {
    /// Of the payment's debit.
    pub from: CurrencyCode,
    /// Of the limit.
    pub to: CurrencyCode,
    /// `to` units for one `from`.
    pub rate: Rate,
}

/// One kind of payment, and what holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corridor {
    /// Its name.
    pub code: Code,
    /// Country of the debtor agent; any if not given.
    pub from: Option<Country>,
    /// Country of the creditor agent; any if not given.
    pub to: Option<Country>,
    /// Who pays; anybody if not given.
    pub debtor: Option<PartyKind>,
    /// Who is paid; anybody if not given.
    pub creditor: Option<PartyKind>,
    /// Allowed purposes, one of which must be said; if empty, any or none.
    pub purposes: Vec<Purpose>,
    /// Allowed currencies, debit and credit; any if empty.
    pub currencies: Vec<(CurrencyCode, CurrencyCode)>,
    /// When it is open.
    pub hours: Hours,
    /// What becomes of a payment while it is closed.
    pub outside_hours: OutsideHours,
    /// How much.
    pub limits: Vec<Limit>,
}

impl Corridor {
    /// Most limits.
    pub const LIMITS_MAX: usize = 8;
    /// Most of them that count over a day or a year.
    pub const QUOTAS_MAX: usize = 4;
    /// Most purposes, and most pairs of currencies.
    pub const LIST_MAX: usize = 64;
}

/// Opening hours by a clock of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// That clock's distance from UTC; within a day.
    pub utc_offset_minutes: i16,
    /// First minute of the day that is open.
    pub opens: u16,
    /// First minute that is closed again; 1440 is midnight. Later than `opens`.
    pub closes: u16,
    /// Bit n: open on weekday n; 0 is Monday. Not empty.
    pub weekdays: u8,
    /// Days on which it is closed, counted from 1970-01-01; ascending.
    pub closed_days: Vec<u32>,
}

impl Hours {
    /// Most closed days.
    pub const CLOSED_DAYS_MAX: usize = 256;
}

/// What becomes of a payment while its corridor is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutsideHours {
    /// Rejected (TM01).
    Reject,
    /// Waits until it opens.
    Queue,
}

/// How much may be paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name. Limits of one name in several corridors share one quota.
    pub code: Code,
    /// Over what it counts.
    pub scope: Scope,
    /// Up to this.
    pub most: Most,
    /// Purposes it does not count.
    pub exempt: Vec<Purpose>,
}

/// Over what a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// A payment by itself.
    Payment,
    /// A person's payments at one bank.
    PerBank(Period),
    /// A person's payments at all banks together.
    AcrossBanks(Period),
}

/// A stretch of the corridor's calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From 1 January to 31 December.
    Year,
}

/// The measure of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Most {
    /// This much in total.
    Amount {
        /// Counted in this currency.
        currency: Currency,
        /// In its minor units.
        minor: MinorUnits,
    },
    /// So many payments.
    Payments(u32),
}

impl Clearing {
    /// Most rulebooks at once: the one that holds and those that will.
    pub const RULEBOOKS_MAX: usize = 16;

    /// The rulebook that holds, if there is one.
    pub fn rulebook(&self) -> Option<&Rulebook> {
        self.rulebooks.first().filter(|book| book.effective_from <= self.time)
    }

    /// Version of the last rulebook entered; 0 before the first.
    pub fn rulebook_version(&self) -> u32 {
        self.rulebook_version
    }

    /// The rulebook that holds or will next, and all later ones.
    pub fn rulebooks(&self) -> &[Rulebook] {
        &self.rulebooks
    }

    /// Enters the next rulebook.
    pub(crate) fn set_rulebook(&mut self, book: &Rulebook) -> Result<Outcome, Refusal> {
        if book.version != self.rulebook_version + 1 {
            return Err(Refusal::RulebookChanged);
        }
        if self.rulebooks.len() >= Self::RULEBOOKS_MAX {
            return Err(Refusal::Full);
        }
        let in_order = self.rulebooks.last().is_none_or(|last| last.effective_from <= book.effective_from);
        if !in_order || !book.is_valid(&self.currencies) {
            return Err(Refusal::RulebookNotValid);
        }
        self.rulebook_version = book.version;
        self.rulebooks.push(book.clone());
        self.delta.push(50);
        book.encode(&mut self.delta);
        self.emit(EventKind::RulebookSet(book.clone()));
        self.turn_page();
        Ok(Outcome::Done)
    }

    /// Drops rulebooks that a later one has followed.
    pub(crate) fn turn_page(&mut self) {
        while self.rulebooks.get(1).is_some_and(|next| next.effective_from <= self.time) {
            self.rulebooks.remove(0);
        }
    }
}

impl Rulebook {
    /// Whether everything it says has a meaning, where these currencies have a ledger.
    pub fn is_valid(&self, currencies: &[Currency]) -> bool {
        let known = |code: CurrencyCode| currencies.iter().any(|currency| currency.code == code);
        let mut shared: BTreeMap<Code, (Scope, Option<Currency>)> = BTreeMap::new();
        let mut one_unit = |limit: &Limit| {
            let unit = (limit.scope, limit.most.currency());
            *shared.entry(limit.code).or_insert(unit) == unit
        };
        let rates = self.reference_rates.len() <= Self::REFERENCE_RATES_MAX
            && self.reference_rates.iter().all(|rate| known(rate.from) && known(rate.to));
        rates
            && self.corridors.len() <= Self::CORRIDORS_MAX
            && self.corridors.iter().all(|corridor| corridor.is_valid(currencies) && self.can_count(corridor))
            && self.corridors.iter().flat_map(|corridor| &corridor.limits).all(&mut one_unit)
    }

    /// Whether each of the corridor's limits can be counted for each of its pairs of currencies.
    fn can_count(&self, corridor: &Corridor) -> bool {
        let pairs = &corridor.currencies;
        corridor.limits.iter().filter_map(|limit| limit.most.currency()).all(|unit| {
            let counts = |&(debit, credit): &(CurrencyCode, CurrencyCode)| {
                debit == unit.code || credit == unit.code || self.reference_rate(debit, unit.code).is_some()
            };
            !pairs.is_empty() && pairs.iter().all(counts)
        })
    }

    pub(crate) fn reference_rate(&self, from: CurrencyCode, to: CurrencyCode) -> Option<Rate> {
        self.reference_rates.iter().find(|rate| rate.from == from && rate.to == to).map(|rate| rate.rate)
    }
}

impl Corridor {
    fn is_valid(&self, currencies: &[Currency]) -> bool {
        let known = |code: CurrencyCode| currencies.iter().any(|currency| currency.code == code);
        let quotas = self.limits.iter().filter(|limit| limit.scope != Scope::Payment).count();
        let own_name = |(at, limit): (usize, &Limit)| self.limits[..at].iter().all(|other| other.code != limit.code);
        let bounded = self.limits.len() <= Self::LIMITS_MAX
            && quotas <= Self::QUOTAS_MAX
            && self.purposes.len() <= Self::LIST_MAX
            && self.currencies.len() <= Self::LIST_MAX
            && self.limits.iter().all(|limit| limit.exempt.len() <= Self::LIST_MAX);
        bounded
            && self.limits.iter().enumerate().all(own_name)
            && self.hours.is_valid()
            && self.currencies.iter().all(|(debit, credit)| known(*debit) && known(*credit))
            && self.limits.iter().filter_map(|limit| limit.most.currency()).all(|unit| currencies.contains(&unit))
    }
}

impl Most {
    /// The currency it is counted in, if it is an amount.
    pub const fn currency(&self) -> Option<Currency> {
        match self {
            Self::Amount { currency, .. } => Some(*currency),
            Self::Payments(_) => None,
        }
    }

    /// The number that must not be exceeded: minor units, or payments.
    pub const fn ceiling(&self) -> u64 {
        match self {
            Self::Amount { minor, .. } => minor.0,
            Self::Payments(most) => *most as u64,
        }
    }
}
