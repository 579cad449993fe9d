//! Canonical bytes of rulebooks and terms, kept for ever in blocks.

use super::{
    Code, Corridor, Country, Hours, Limit, Most, OutsideHours, PartyKind, Period, PersonKey, Purpose, ReferenceRate, Rulebook,
    Scope, Terms,
};
use crate::codec::{
    put_rate, put_u16, put_u32, put_u64, take, take_code, take_currency, take_rate, take_u16, take_u32, take_u64,
};
use crate::{Basis, DecodeError, PairKey, Time};
use money::MinorUnits;

impl Rulebook {
    /// Appends the canonical bytes. Lists are bounded below 256, or below 65,536 for closed days.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.version);
        put_u64(out, self.effective_from.0);
        put_list(out, &self.corridors, encode_corridor);
        put_list(out, &self.reference_rates, |out, rate| {
            out.extend_from_slice(&rate.from.bytes());
            out.extend_from_slice(&rate.to.bytes());
            put_rate(out, rate.rate);
        });
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            version: take_u32(bytes)?,
            effective_from: Time(take_u64(bytes)?),
            corridors: take_list(bytes, decode_corridor)?,
            reference_rates: take_list(bytes, |bytes| {
                Ok(ReferenceRate { from: take_code(bytes)?, to: take_code(bytes)?, rate: take_rate(bytes)? })
            })?,
        })
    }
}

fn encode_corridor(out: &mut Vec<u8>, corridor: &Corridor) {
    out.extend_from_slice(&corridor.code.0);
    for country in [corridor.from, corridor.to] {
        out.extend_from_slice(&country.map_or([0; 2], |country| country.0));
    }
    for kind in [corridor.debtor, corridor.creditor] {
        put_kind(out, kind);
    }
    put_list(out, &corridor.purposes, put_purpose);
    put_list(out, &corridor.currencies, |out, (debit, credit)| {
        out.extend_from_slice(&debit.bytes());
        out.extend_from_slice(&credit.bytes());
    });
    encode_hours(out, &corridor.hours);
    out.push(corridor.outside_hours as u8);
    put_list(out, &corridor.limits, encode_limit);
}

fn decode_corridor(bytes: &mut &[u8]) -> Result<Corridor, DecodeError> {
    Ok(Corridor {
        code: take_name(bytes)?,
        from: take_country(bytes)?,
        to: take_country(bytes)?,
        debtor: take_kind(bytes)?,
        creditor: take_kind(bytes)?,
        purposes: take_list(bytes, take_iso_purpose)?,
        currencies: take_list(bytes, |bytes| Ok((take_code(bytes)?, take_code(bytes)?)))?,
        hours: decode_hours(bytes)?,
        outside_hours: match take(bytes)? {
            [0] => OutsideHours::Reject,
            [1] => OutsideHours::Queue,
            [2..=255] => return Err(DecodeError::Unknown("rule outside hours")),
        },
        limits: take_list(bytes, decode_limit)?,
    })
}

pub(crate) fn encode_hours(out: &mut Vec<u8>, hours: &Hours) {
    out.extend_from_slice(&hours.utc_offset_minutes.to_le_bytes());
    put_u16(out, hours.opens);
    put_u16(out, hours.closes);
    out.push(hours.weekdays);
    put_u16(out, hours.closed_days.len() as u16);
    hours.closed_days.iter().for_each(|day| put_u32(out, *day));
}

pub(crate) fn decode_hours(bytes: &mut &[u8]) -> Result<Hours, DecodeError> {
    let utc_offset_minutes = i16::from_le_bytes(take(bytes)?);
    let (opens, closes) = (take_u16(bytes)?, take_u16(bytes)?);
    let [weekdays] = take(bytes)?;
    let days = take_u16(bytes)?;
    let closed_days = (0..days).map(|_| take_u32(bytes)).collect::<Result<_, _>>()?;
    Ok(Hours { utc_offset_minutes, opens, closes, weekdays, closed_days })
}

fn encode_limit(out: &mut Vec<u8>, limit: &Limit) {
    out.extend_from_slice(&limit.code.0);
    out.push(match limit.scope {
        Scope::Payment => 0,
        Scope::PerBank(Period::Day) => 1,
        Scope::PerBank(Period::Year) => 2,
        Scope::AcrossBanks(Period::Day) => 3,
        Scope::AcrossBanks(Period::Year) => 4,
    });
    match limit.most {
        Most::Amount { currency, minor } => {
            out.push(0);
            out.extend_from_slice(&currency.code.bytes());
            out.push(currency.exponent);
            put_u64(out, minor.0);
        }
        Most::Payments(most) => {
            out.push(1);
            put_u32(out, most);
        }
    }
    put_list(out, &limit.exempt, put_purpose);
}

fn decode_limit(bytes: &mut &[u8]) -> Result<Limit, DecodeError> {
    Ok(Limit {
        code: take_name(bytes)?,
        scope: match take(bytes)? {
            [0] => Scope::Payment,
            [1] => Scope::PerBank(Period::Day),
            [2] => Scope::PerBank(Period::Year),
            [3] => Scope::AcrossBanks(Period::Day),
            [4] => Scope::AcrossBanks(Period::Year),
            [5..=255] => return Err(DecodeError::Unknown("scope of a limit")),
        },
        most: match take(bytes)? {
            [0] => Most::Amount { currency: take_currency(bytes)?, minor: MinorUnits(take_u64(bytes)?) },
            [1] => Most::Payments(take_u32(bytes)?),
            [2..=255] => return Err(DecodeError::Unknown("measure of a limit")),
        },
        exempt: take_list(bytes, take_iso_purpose)?,
    })
}

impl Terms {
    /// Appends the canonical bytes of all but the basis, which has its place behind them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.debtor as u8);
        out.push(self.creditor as u8);
        put_optional(out, self.purpose, put_purpose);
        put_optional(out, self.person, |out, person: &PersonKey| out.extend_from_slice(&person.0));
        put_optional(out, self.execute_at, |out, at: &Time| put_u64(out, at.0));
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let kind = |bytes: &mut &[u8]| take_kind_number(bytes, 0);
        Ok(Self {
            debtor: kind(bytes)?,
            creditor: kind(bytes)?,
            purpose: take_optional(bytes, take_iso_purpose)?,
            person: take_optional(bytes, |bytes| take(bytes).map(PersonKey))?,
            execute_at: take_optional(bytes, |bytes| take_u64(bytes).map(Time))?,
            pair: None,
            new_payee: false,
            basis: Basis::Plain,
        })
    }

    /// Whether it says something of the payee, which terms of old could not.
    pub(crate) fn says_payee(&self) -> bool {
        self.pair.is_some() || self.new_payee
    }

    /// Appends what it says of the payee, behind [`Self::encode`].
    pub(crate) fn encode_payee(&self, out: &mut Vec<u8>) {
        put_optional(out, self.pair, |out, pair: &PairKey| out.extend_from_slice(&pair.0));
        out.push(u8::from(self.new_payee));
    }

    /// Reads what both wrote.
    pub(crate) fn decode_with_payee(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let terms = Self::decode(bytes)?;
        let pair = take_optional(bytes, |bytes| take(bytes).map(PairKey))?;
        let terms = Self { pair, new_payee: crate::codec::take_bool(bytes)?, ..terms };
        if terms.says_payee() { Ok(terms) } else { Err(DecodeError::Unknown("payee")) }
    }
}

pub(crate) fn put_list<T>(out: &mut Vec<u8>, rows: &[T], encode: impl Fn(&mut Vec<u8>, &T)) {
    out.push(rows.len() as u8);
    rows.iter().for_each(|row| encode(out, row));
}

pub(crate) fn take_list<T>(
    bytes: &mut &[u8],
    decode: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let [count] = take(bytes)?;
    (0..count).map(|_| decode(bytes)).collect()
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, encode: impl Fn(&mut Vec<u8>, &T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        encode(out, &value);
    }
}

fn take_optional<T>(bytes: &mut &[u8], decode: impl Fn(&mut &[u8]) -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
    match crate::codec::take_bool(bytes)? {
        true => decode(bytes).map(Some),
        false => Ok(None),
    }
}

pub(crate) fn put_purpose(out: &mut Vec<u8>, purpose: &Purpose) {
    out.extend_from_slice(&purpose.0);
}

pub(crate) fn take_iso_purpose(bytes: &mut &[u8]) -> Result<Purpose, DecodeError> {
    take_text::<4, _>(bytes, Purpose::parse, "purpose")
}

/// A name, or eight zeros for none.
pub(crate) fn put_name(out: &mut Vec<u8>, name: Option<Code>) {
    out.extend_from_slice(&name.map_or([0; 8], Code::bytes));
}

pub(crate) fn take_optional_name(bytes: &mut &[u8]) -> Result<Option<Code>, DecodeError> {
    if bytes.starts_with(&[0; 8]) {
        let [_, _, _, _, _, _, _, _] = take(bytes)?;
        return Ok(None);
    }
    take_name(bytes).map(Some)
}

pub(super) fn take_name(bytes: &mut &[u8]) -> Result<Code, DecodeError> {
    take_text::<8, _>(bytes, |text| Code::parse(text.trim_end()), "name of a rule")
}

fn take_country(bytes: &mut &[u8]) -> Result<Option<Country>, DecodeError> {
    if bytes.starts_with(&[0; 2]) {
        let [_, _] = take(bytes)?;
        return Ok(None);
    }
    take_text::<2, _>(bytes, Country::parse, "country").map(Some)
}

fn take_text<const N: usize, T>(
    bytes: &mut &[u8],
    parse: impl Fn(&str) -> Option<T>,
    what: &'static str,
) -> Result<T, DecodeError> {
    let raw: [u8; N] = take(bytes)?;
    core::str::from_utf8(&raw).ok().and_then(parse).ok_or(DecodeError::Unknown(what))
}

pub(crate) fn put_kind(out: &mut Vec<u8>, kind: Option<PartyKind>) {
    out.push(kind.map_or(0, |kind| kind as u8 + 1));
}

pub(crate) fn take_kind(bytes: &mut &[u8]) -> Result<Option<PartyKind>, DecodeError> {
    if bytes.first() == Some(&0) {
        let [_] = take(bytes)?;
        return Ok(None);
    }
    take_kind_number(bytes, 1).map(Some)
}

/// Reads a kind that was written with `base` added.
fn take_kind_number(bytes: &mut &[u8], base: u8) -> Result<PartyKind, DecodeError> {
    let [number] = take(bytes)?;
    match number.checked_sub(base) {
        Some(0) => Ok(PartyKind::Person),
        Some(1) => Ok(PartyKind::Institution),
        Some(2..) | None => Err(DecodeError::Unknown("kind of a party")),
    }
}
