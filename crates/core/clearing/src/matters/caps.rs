//! Caps of a mandate: how much and how often its creditor may collect, and from when until when.
//!
//! Days, weeks, months and years are those of Hong Kong and Shenzhen (UTC+8, no daylight saving); a week begins on Monday.
//!
//! # Units and limits
//! Amounts are minor units of the mandate's currency. [`MandateTerms::LIFE_MAX_NS`] between the first and the last instant.

use crate::codec::{put_u16, put_u32, put_u64, take, take_bool, take_code, take_u16, take_u32, take_u64};
use crate::rules::{month_of, put_purpose, take_iso_purpose};
use crate::{DecodeError, Purpose, Refusal, Time};
use money::{CurrencyCode, MinorUnits};

const DAY_NS: u64 = 86_400 * 1_000_000_000;
/// How far the clocks of the two cities are ahead of UTC.
const LOCAL_AHEAD_NS: u64 = 8 * 3_600 * 1_000_000_000;

/// What a debtor allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MandateTerms {
    /// Of all its amounts.
    pub currency: CurrencyCode,
    /// The most of one collection (`MaxAmt`), or exactly what each collects (`ColltnAmt`); not zero.
    pub each: MinorUnits,
    /// Whether each collects exactly this.
    pub is_fixed: bool,
    /// What the two caps below hold for (`Frqcy/Prd/Tp`).
    pub period: MandatePeriod,
    /// The most of all collections of one period; not below `each`.
    pub period_max: MinorUnits,
    /// The most collections in one period (`Frqcy/Prd/CntPerPrd`); not zero.
    pub count_max: u16,
    /// What each collection is for (`Rsn`): payments with another purpose are none of this mandate's.
    pub purpose: Option<Purpose>,
    /// First instant at which something may be collected.
    pub first: Time,
    /// First instant at which nothing may any more: the mandate ends.
    pub last: Time,
}

/// How long a period of a mandate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MandatePeriod {
    /// A day (`DAIL`).
    Day,
    /// A week (`WEEK`).
    Week,
    /// A month (`MNTH`).
    Month,
    /// A year (`YEAR`).
    Year,
    /// The mandate's whole life (`ADHO`).
    Whole,
}

/// One period: which kind, and its number since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeriodKey {
    /// Which kind.
    pub period: MandatePeriod,
    /// Its number.
    pub number: u32,
}

/// What was collected in one period, collections that are under way with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MandateUse {
    /// Which period.
    pub key: PeriodKey,
    /// How much.
    pub total: MinorUnits,
    /// How often.
    pub count: u16,
}

impl MandatePeriod {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Year, Self::Whole];

    /// The period that a time lies in.
    pub fn key(self, time: Time) -> PeriodKey {
        let day = u32::try_from(time.after(LOCAL_AHEAD_NS).0 / DAY_NS).unwrap_or(u32::MAX);
        let number = match self {
            Self::Day => day,
            // 1970-01-01 was a Thursday.
            Self::Week => day.saturating_add(3) / 7,
            Self::Month => month_of(day),
            Self::Year => month_of(day) / 12,
            Self::Whole => 0,
        };
        PeriodKey { period: self, number }
    }
}

impl MandateTerms {
    /// Longest time from the first to the last instant: ten years of 366 days.
    pub const LIFE_MAX_NS: u64 = 10 * 366 * DAY_NS;

    /// Whether they mean something for a mandate that is asked for now.
    pub(super) fn check(&self, now: Time) -> Result<(), Refusal> {
        if self.each.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let in_order = self.first < self.last && self.last > now && self.last <= self.first.after(Self::LIFE_MAX_NS);
        let is_near = self.first <= now.after(Self::LIFE_MAX_NS);
        if !in_order || !is_near || self.period_max < self.each || self.count_max == 0 {
            return Err(Refusal::MandateTermsNotValid);
        }
        Ok(())
    }

    /// Nothing collected yet, as of a time.
    pub(super) fn unused(&self, now: Time) -> MandateUse {
        MandateUse { key: self.period.key(now), total: MinorUnits::ZERO, count: 0 }
    }

    /// Whether a use is within the caps.
    pub const fn cover(&self, used: &MandateUse) -> bool {
        used.total.0 <= self.period_max.0 && used.count <= self.count_max
    }

    /// The use with one collection more, if the caps allow it.
    pub(super) fn with(&self, used: MandateUse, amount: MinorUnits, now: Time) -> Result<MandateUse, Refusal> {
        if now < self.first || now >= self.last {
            return Err(Refusal::OutsideMandateDates);
        }
        let fits = if self.is_fixed { amount == self.each } else { amount <= self.each };
        if amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        if !fits {
            return Err(Refusal::AboveMandateCap);
        }
        let used = if used.key == self.period.key(now) { used } else { self.unused(now) };
        let total = used.total.checked_add(amount).unwrap_or(MinorUnits(u64::MAX));
        let more = MandateUse { total, count: used.count.saturating_add(1), ..used };
        if self.cover(&more) { Ok(more) } else { Err(Refusal::MandatePeriodUsedUp) }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.currency.bytes());
        put_u64(out, self.each.0);
        out.extend_from_slice(&[u8::from(self.is_fixed), self.period as u8]);
        put_u64(out, self.period_max.0);
        put_u16(out, self.count_max);
        out.push(u8::from(self.purpose.is_some()));
        self.purpose.inspect(|purpose| put_purpose(out, purpose));
        put_u64(out, self.first.0);
        put_u64(out, self.last.0);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            currency: take_code(bytes)?,
            each: MinorUnits(take_u64(bytes)?),
            is_fixed: take_bool(bytes)?,
            period: take_period(bytes)?,
            period_max: MinorUnits(take_u64(bytes)?),
            count_max: take_u16(bytes)?,
            purpose: if take_bool(bytes)? { Some(take_iso_purpose(bytes)?) } else { None },
            first: Time(take_u64(bytes)?),
            last: Time(take_u64(bytes)?),
        })
    }
}

fn take_period(bytes: &mut &[u8]) -> Result<MandatePeriod, DecodeError> {
    let [number] = take(bytes)?;
    MandatePeriod::ALL.get(usize::from(number)).copied().ok_or(DecodeError::Unknown("period of a mandate"))
}

impl PeriodKey {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.period as u8);
        put_u32(out, self.number);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { period: take_period(bytes)?, number: take_u32(bytes)? })
    }
}

impl MandateUse {
    /// Less one collection that came to nothing, if it was counted here: what was counted in an earlier period is past.
    pub(super) fn without(self, key: PeriodKey, amount: MinorUnits) -> Self {
        if key != self.key {
            return self;
        }
        let total = self.total.checked_sub(amount).unwrap_or(MinorUnits::ZERO);
        Self { total, count: self.count.saturating_sub(1), ..self }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        self.key.encode(out);
        put_u64(out, self.total.0);
        put_u16(out, self.count);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { key: PeriodKey::decode(bytes)?, total: MinorUnits(take_u64(bytes)?), count: take_u16(bytes)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_NS: u64 = 3_600 * 1_000_000_000;

    /// Day since 1970-01-01 and hour, by UTC.
    fn at(day: u64, hour: u64) -> Time {
        Time(day * DAY_NS + hour * HOUR_NS)
    }

    fn terms() -> MandateTerms {
        MandateTerms {
            currency: CurrencyCode::HKD,
            each: MinorUnits(100),
            is_fixed: false,
            period: MandatePeriod::Day,
            period_max: MinorUnits(250),
            count_max: 3,
            purpose: None,
            first: at(10, 0),
            last: at(100, 0),
        }
    }

    #[test]
    fn periods_turn_at_midnight_in_hong_kong() {
        // 2026-02-28 is day 20,512 and a Saturday; 2026-12-31 is day 20,818.
        for (period, before, behind, turns) in [
            (MandatePeriod::Day, at(20_512, 15), at(20_512, 16), true),
            (MandatePeriod::Day, at(20_512, 16), at(20_513, 15), false),
            (MandatePeriod::Week, at(20_513, 15), at(20_513, 16), true),
            (MandatePeriod::Week, at(20_512, 15), at(20_512, 16), false),
            (MandatePeriod::Month, at(20_512, 15), at(20_512, 16), true),
            (MandatePeriod::Month, at(20_511, 15), at(20_511, 16), false),
            (MandatePeriod::Year, at(20_818, 15), at(20_818, 16), true),
            (MandatePeriod::Year, at(20_512, 15), at(20_512, 16), false),
            (MandatePeriod::Whole, at(0, 0), at(20_818, 16), false),
        ] {
            assert_eq!(period.key(before) != period.key(behind), turns, "{period:?} {before:?}");
        }
    }

    #[test]
    fn a_collection_is_held_against_each_cap() {
        let (terms, now) = (terms(), at(20, 0));
        let unused = terms.unused(now);
        let used = |total, count| MandateUse { total: MinorUnits(total), count, ..unused };
        for (before, amount, when, expected) in [
            (unused, 100, now, Ok(used(100, 1))),
            (unused, 101, now, Err(Refusal::AboveMandateCap)),
            (unused, 0, now, Err(Refusal::ZeroAmount)),
            (unused, 1, at(9, 23), Err(Refusal::OutsideMandateDates)),
            (unused, 1, at(100, 0), Err(Refusal::OutsideMandateDates)),
            (used(150, 2), 100, now, Ok(used(250, 3))),
            (used(151, 2), 100, now, Err(Refusal::MandatePeriodUsedUp)),
            (used(3, 3), 1, now, Err(Refusal::MandatePeriodUsedUp)),
        ] {
            assert_eq!(terms.with(before, MinorUnits(amount), when), expected, "{before:?} and {amount} at {when:?}");
        }
        let tomorrow = terms.with(used(250, 3), MinorUnits(7), at(21, 0)).unwrap();
        assert_eq!((tomorrow.total, tomorrow.count), (MinorUnits(7), 1));
        let fixed = MandateTerms { is_fixed: true, ..terms };
        assert_eq!(fixed.with(unused, MinorUnits(99), now), Err(Refusal::AboveMandateCap));
    }

    #[test]
    fn what_came_to_nothing_is_given_back_in_its_own_period_only() {
        let used = MandateUse { total: MinorUnits(100), count: 1, ..terms().unused(at(20, 0)) };
        assert_eq!(used.without(used.key, MinorUnits(100)), terms().unused(at(20, 0)));
        let yesterday = MandatePeriod::Day.key(at(19, 0));
        assert_eq!(used.without(yesterday, MinorUnits(100)), used);
    }
}
