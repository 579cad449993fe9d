//! A corridor's clock: days, years and opening hours out of nanoseconds since 1970.

use super::{Hours, Period};
use crate::Time;

const MINUTE_NS: u64 = 60 * 1_000_000_000;
const DAY_MINUTES: i64 = 1440;
/// How far ahead an opening is looked for.
const DAYS_AHEAD_MAX: i64 = 366;

impl Hours {
    /// Open all day, every day, by UTC.
    pub const fn always() -> Self {
        Self { utc_offset_minutes: 0, opens: 0, closes: 1440, weekdays: 0x7f, closed_days: Vec::new() }
    }

    pub(crate) fn is_valid(&self) -> bool {
        i64::from(self.utc_offset_minutes).abs() < DAY_MINUTES
            && self.opens < self.closes
            && i64::from(self.closes) <= DAY_MINUTES
            && (1..=0x7f).contains(&self.weekdays)
            && self.closed_days.len() <= Self::CLOSED_DAYS_MAX
            && self.closed_days.is_sorted_by(|a, b| a < b)
    }

    /// Minutes since 1970-01-01 00:00 by its own clock.
    fn minutes(&self, time: Time) -> i64 {
        (time.0 / MINUTE_NS) as i64 + i64::from(self.utc_offset_minutes)
    }

    /// Whether it is open then.
    pub fn is_open(&self, time: Time) -> bool {
        let minutes = self.minutes(time);
        let minute = minutes.rem_euclid(DAY_MINUTES);
        self.is_business_day(minutes.div_euclid(DAY_MINUTES)) && (i64::from(self.opens)..i64::from(self.closes)).contains(&minute)
    }

    /// When it next opens behind a time at which it is closed; `None` if not within a year.
    pub fn next_opening(&self, time: Time) -> Option<Time> {
        let minutes = self.minutes(time);
        let today = minutes.div_euclid(DAY_MINUTES);
        let opening = |day: i64| day * DAY_MINUTES + i64::from(self.opens);
        let day = (today..=today + DAYS_AHEAD_MAX).find(|&day| self.is_business_day(day) && opening(day) > minutes)?;
        let utc = opening(day) - i64::from(self.utc_offset_minutes);
        u64::try_from(utc).ok()?.checked_mul(MINUTE_NS).map(Time)
    }

    /// 1970-01-01 was a Thursday, which is 3.
    fn is_business_day(&self, day: i64) -> bool {
        let weekday = (day + 3).rem_euclid(7);
        let closed = u32::try_from(day).is_ok_and(|day| self.closed_days.binary_search(&day).is_ok());
        self.weekdays >> weekday & 1 == 1 && !closed
    }

    /// Number of the day or year, by its own clock, that a time lies in. Years carry [`YEAR`], so that the two never meet.
    pub(super) fn period(&self, period: Period, time: Time) -> u32 {
        let day = self.minutes(time).div_euclid(DAY_MINUTES).max(0) as u32;
        match period {
            Period::Day => day,
            Period::Year => YEAR | year_of(day),
        }
    }
}

/// Set in the number of a year.
pub(super) const YEAR: u32 = 1 << 31;

/// Gregorian year of a day counted from 1970-01-01.
pub(super) fn year_of(day: u32) -> u32 {
    month_of(day) / 12
}

/// Months since the year 0 of a day counted from 1970-01-01: shifted to years that begin in March, so that the leap day comes last.
pub(crate) fn month_of(day: u32) -> u32 {
    let days = u64::from(day) + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March is 0; the months from March on have 31, 30, 31, 30, 31 days, twice, and then 31 and the rest.
    let month = (5 * day_of_year + 2) / 153;
    ((era * 400 + year_of_era) * 12 + month + 2) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(day: u64, hour: u64, minute: u64) -> Time {
        Time(((day * 24 + hour) * 60 + minute) * MINUTE_NS)
    }

    #[test]
    fn years_begin_on_the_first_of_january() {
        // Days since 1970 of 1 January.
        for (year, day) in [(1970, 0), (1971, 365), (1972, 730), (1973, 1096), (2000, 10_957), (2001, 11_323), (2026, 20_454)] {
            assert_eq!(year_of(day), year);
            if day > 0 {
                assert_eq!(year_of(day - 1), year - 1);
            }
        }
    }

    #[test]
    fn months_begin_on_their_first() {
        // Days since 1970 of the first of a month: 2024 is a leap year.
        for (year, month, day) in [
            (1970, 1, 0),
            (1970, 2, 31),
            (1970, 3, 59),
            (2024, 2, 19_754),
            (2024, 3, 19_783),
            (2026, 1, 20_454),
            (2026, 3, 20_513),
            (2026, 12, 20_788),
        ] {
            assert_eq!(month_of(day), year * 12 + month - 1, "{year}-{month}");
            if day > 0 {
                assert_eq!(month_of(day - 1), year * 12 + month - 2, "the day before {year}-{month}");
            }
        }
    }

    #[test]
    fn a_southbound_day_by_the_clock_of_hong_kong() {
        let hours = Hours { utc_offset_minutes: 480, opens: 420, closes: 1380, weekdays: 0x7f, closed_days: vec![3] };
        assert!(hours.is_valid());
        // 23:00 in Hong Kong is 15:00 UTC; 07:00 is 23:00 of the day before.
        for (time, open) in [(hour(1, 14, 59), true), (hour(1, 15, 0), false), (hour(1, 22, 59), false), (hour(1, 23, 0), true)] {
            assert_eq!(hours.is_open(time), open, "{time:?}");
        }
        assert_eq!(hours.next_opening(hour(1, 15, 0)), Some(hour(1, 23, 0)));
        // Day 3 is closed: from the evening of day 2 it is the morning of day 4.
        assert_eq!(hours.next_opening(hour(2, 16, 0)), Some(hour(3, 23, 0)));
        assert!(!hours.is_open(hour(3, 5, 0)));
    }

    #[test]
    fn weekdays_and_periods() {
        let hours = Hours { weekdays: 0b001_1111, ..Hours::always() };
        assert!(hours.is_open(hour(0, 0, 0)) && hours.is_open(hour(1, 23, 59)), "Thursday and Friday");
        assert!(!hours.is_open(hour(2, 12, 0)), "Saturday");
        assert_eq!(hours.next_opening(hour(2, 12, 0)), Some(hour(4, 0, 0)), "Monday");
        let east = Hours { utc_offset_minutes: 480, ..Hours::always() };
        assert_eq!(east.period(Period::Day, hour(9, 15, 59)), 9);
        assert_eq!(east.period(Period::Day, hour(9, 16, 0)), 10);
        assert_eq!(east.period(Period::Year, hour(364, 16, 0)), YEAR | 1971);
    }

    #[test]
    fn hours_without_a_meaning_are_none() {
        let hours = Hours::always();
        for wrong in [
            Hours { opens: 600, closes: 600, ..hours.clone() },
            Hours { closes: 1441, ..hours.clone() },
            Hours { weekdays: 0, ..hours.clone() },
            Hours { weekdays: 0x80, ..hours.clone() },
            Hours { utc_offset_minutes: 1440, ..hours.clone() },
            Hours { closed_days: vec![4, 4], ..hours.clone() },
        ] {
            assert!(!wrong.is_valid(), "{wrong:?}");
        }
        let closed = Hours { closed_days: (0..256).collect(), ..hours };
        assert_eq!(closed.next_opening(hour(0, 0, 0)), Some(hour(256, 0, 0)));
    }
}
