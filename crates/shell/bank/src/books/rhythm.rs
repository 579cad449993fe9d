//! When a standing order is due: pure arithmetic over dates of Hong Kong and Shenzhen (UTC+8, without summer time).
//!
//! A date is counted from the first one, never from the one before: an order of the 31st falls on 28 February, and on 31 March
//! again.
//!
//! # Units and limits
//! Due dates are numbered from 0. There are at most [`DUE_DATES_MAX`] of them, the last at most [`YEARS_MAX`] years behind the
//! first, whatever was ordered.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// Most due dates of one order: each day for two years and a half.
pub const DUE_DATES_MAX: u32 = 1_000;
/// Longest life of an order, in years from its first date.
pub const YEARS_MAX: i16 = 10;
/// Furthest ahead of a first date, in days.
pub const FIRST_DAYS_AHEAD_MAX: i32 = 365;
/// Most weeks from one date to the next.
pub const WEEKS_MAX: u8 = 52;
/// Most months from one date to the next.
pub const MONTHS_MAX: u8 = 24;
/// Hour of the day at which orders are executed, there: before shops and offices open, so that the payee has the money in the
/// morning, and after people were up who could still cancel.
pub const EXECUTION_HOUR: i8 = 8;
/// Hong Kong and Shenzhen.
const THERE: Offset = Offset::constant(8);

/// Dates on disk: `2026-12-31`.
pub(crate) mod stored_date {
    use jiff::civil::Date;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(date: &Date, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(date)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rhythm {
    /// On the first date alone: a payment on a chosen date.
    Once,
    /// Each day.
    Daily,
    /// Each so many weeks, on the weekday of the first date; 1 to [`WEEKS_MAX`].
    Weekly(u8),
    /// Each so many months, on the day of the first date, or on the last day of a month that is shorter; 1 to [`MONTHS_MAX`].
    Monthly(u8),
}

/// Until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// After so many due dates, paid or not; 1 to [`DUE_DATES_MAX`].
    Times(u32),
    /// No due date behind this one.
    Until(#[serde(with = "stored_date")] Date),
    /// Until it is cancelled; in any case after [`DUE_DATES_MAX`] dates or [`YEARS_MAX`] years.
    Open,
}

/// Why a plan cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// Weeks or months between two dates.
    #[error("the weeks or months from one date to the next are out of range")]
    Every,
    /// How many times.
    #[error("so many times are too many, or none")]
    Times,
    /// The last date is before the first.
    #[error("the last date is before the first")]
    UntilBeforeFirst,
    /// The last date is too far.
    #[error("the last date is more than {YEARS_MAX} years behind the first")]
    UntilTooFar,
}

/// First date, rhythm and end: every due date follows from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    #[serde(with = "stored_date")]
    first: Date,
    rhythm: Rhythm,
    end: End,
}

impl Plan {
    /// A plan whose limits hold. What is once ends after one time, whatever `end` says.
    ///
    /// # Errors
    /// If a number or a date is out of its range.
    pub fn new(first: Date, rhythm: Rhythm, end: End) -> Result<Self, PlanFault> {
        let in_range = match rhythm {
            Rhythm::Once | Rhythm::Daily => true,
            Rhythm::Weekly(weeks) => (1..=WEEKS_MAX).contains(&weeks),
            Rhythm::Monthly(months) => (1..=MONTHS_MAX).contains(&months),
        };
        if !in_range {
            return Err(PlanFault::Every);
        }
        let plan = Self { first, rhythm, end: if rhythm == Rhythm::Once { End::Times(1) } else { end } };
        match plan.end {
            End::Open => Ok(plan),
            End::Times(0) => Err(PlanFault::Times),
            // A count that the limits would cut short is refused rather than cut.
            End::Times(times) if plan.date(times - 1).is_none() => Err(PlanFault::Times),
            End::Times(_) => Ok(plan),
            End::Until(last) if last < first => Err(PlanFault::UntilBeforeFirst),
            End::Until(last) if Some(last) > plan.last_allowed() => Err(PlanFault::UntilTooFar),
            End::Until(_) => Ok(plan),
        }
    }

    /// The first date.
    pub const fn first(&self) -> Date {
        self.first
    }

    /// How often.
    pub const fn rhythm(&self) -> Rhythm {
        self.rhythm
    }

    /// Until when.
    pub const fn end(&self) -> End {
        self.end
    }

    /// The due date of a number; `None` behind the end.
    pub fn date(&self, number: u32) -> Option<Date> {
        let ended = match self.end {
            End::Times(times) => number >= times,
            End::Until(_) | End::Open => number >= DUE_DATES_MAX,
        };
        if ended || number >= DUE_DATES_MAX {
            return None;
        }
        let date = self.first.checked_add(self.span(number)?).ok()?;
        let last = match self.end {
            End::Until(last) => last,
            End::Times(_) | End::Open => self.last_allowed()?,
        };
        (date <= last).then_some(date)
    }

    /// From the first date to the one of a number.
    fn span(&self, number: u32) -> Option<Span> {
        let number = i64::from(number);
        match self.rhythm {
            Rhythm::Once | Rhythm::Daily => Span::new().try_days(number).ok(),
            Rhythm::Weekly(weeks) => Span::new().try_weeks(number * i64::from(weeks)).ok(),
            Rhythm::Monthly(months) => Span::new().try_months(number * i64::from(months)).ok(),
        }
    }

    fn last_allowed(&self) -> Option<Date> {
        self.first.checked_add(Span::new().try_years(YEARS_MAX).ok()?).ok()
    }

    /// Due dates with their numbers, from a number on.
    pub fn dates(&self, from: u32) -> impl Iterator<Item = (u32, Date)> + '_ {
        (from..DUE_DATES_MAX).map_while(|number| Some((number, self.date(number)?)))
    }

    /// The last due date.
    pub fn last(&self) -> Option<Date> {
        self.dates(0).last().map(|(_, date)| date)
    }

    /// The latest number from a number on whose time has come.
    pub fn latest_due(&self, from: u32, now_ms: u64) -> Option<u32> {
        self.dates(from).take_while(|(_, date)| execution_ms(*date) <= now_ms).last().map(|(number, _)| number)
    }

    /// The first number from a number on whose time is still to come.
    pub fn first_ahead(&self, from: u32, now_ms: u64) -> Option<u32> {
        self.dates(from).find(|(_, date)| execution_ms(*date) > now_ms).map(|(number, _)| number)
    }
}

/// When a due date's payment is made: at [`EXECUTION_HOUR`] there, in milliseconds since 1970 UTC.
pub fn execution_ms(date: Date) -> u64 {
    let at = THERE.to_timestamp(date.at(EXECUTION_HOUR, 0, 0, 0));
    // Dates before 1970 are long past.
    at.ok().and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or(0)
}

/// The date there at a time, in milliseconds since 1970 UTC.
pub fn local_date(ms: u64) -> Date {
    let at = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    at.map_or(Date::MAX, |at| THERE.to_datetime(at).date())
}

/// A date as forms and JSON have it, `2026-12-31`, and in no other way of writing one.
pub fn read_date(typed: &str) -> Option<Date> {
    let well_formed = typed.len() == 10
        && typed.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    typed.parse().ok().filter(|_| well_formed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        read_date(text).unwrap()
    }

    fn plan(first: &str, rhythm: Rhythm, end: End) -> Plan {
        Plan::new(date(first), rhythm, end).unwrap()
    }

    /// First date, rhythm, end, and the dates an accountant would write down.
    #[test]
    fn due_dates_as_an_accountant_writes_them() {
        use End::{Open, Times, Until};
        use Rhythm::{Daily, Monthly, Once, Weekly};
        let until = |text| Until(date(text));
        let cases: &[(&str, Rhythm, End, &[&str])] = &[
            // The 31st is the last day of shorter months, and the 31st again where there is one.
            ("2026-12-31", Monthly(1), Open, &["2026-12-31", "2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
            ("2027-01-31", Monthly(1), Open, &["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]),
            // The 30th and the 29th are moved in February only; a leap year's February has a 29th.
            ("2027-01-30", Monthly(1), Times(3), &["2027-01-30", "2027-02-28", "2027-03-30"]),
            ("2028-01-31", Monthly(1), Times(3), &["2028-01-31", "2028-02-29", "2028-03-31"]),
            ("2028-01-29", Monthly(1), Times(3), &["2028-01-29", "2028-02-29", "2028-03-29"]),
            // Each year, quarter and half year.
            ("2028-02-29", Monthly(12), Times(5), &["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
            ("2026-11-30", Monthly(3), Times(4), &["2026-11-30", "2027-02-28", "2027-05-30", "2027-08-30"]),
            ("2026-08-31", Monthly(6), Times(3), &["2026-08-31", "2027-02-28", "2027-08-31"]),
            // 2100 is no leap year.
            ("2096-02-29", Monthly(24), Times(4), &["2096-02-29", "2098-02-28", "2100-02-28", "2102-02-28"]),
            // Wednesdays stay Wednesdays, over a new year and over 29 February.
            ("2026-12-23", Weekly(1), Times(3), &["2026-12-23", "2026-12-30", "2027-01-06"]),
            ("2028-02-23", Weekly(1), Times(3), &["2028-02-23", "2028-03-01", "2028-03-08"]),
            ("2028-02-15", Weekly(2), Times(3), &["2028-02-15", "2028-02-29", "2028-03-14"]),
            // Each day, over the end of February in both kinds of year.
            ("2027-02-27", Daily, Times(3), &["2027-02-27", "2027-02-28", "2027-03-01"]),
            ("2028-02-27", Daily, Times(4), &["2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"]),
            // The last date counts; a date behind it does not, even one that was moved forward to a month's end.
            ("2026-12-01", Monthly(1), until("2027-02-01"), &["2026-12-01", "2027-01-01", "2027-02-01"]),
            ("2026-12-01", Monthly(1), until("2027-01-31"), &["2026-12-01", "2027-01-01"]),
            ("2027-01-31", Monthly(1), until("2027-02-27"), &["2027-01-31"]),
            ("2027-01-31", Monthly(1), until("2027-02-28"), &["2027-01-31", "2027-02-28"]),
            ("2026-12-01", Monthly(1), until("2026-12-01"), &["2026-12-01"]),
            // Once.
            ("2026-12-24", Once, Open, &["2026-12-24"]),
            ("2026-12-24", Once, Times(7), &["2026-12-24"]),
        ];
        for (first, rhythm, end, expected) in cases {
            let plan = plan(first, *rhythm, *end);
            let dates: Vec<String> = plan.dates(0).take(5).map(|(_, date)| date.to_string()).collect();
            assert_eq!(dates, *expected, "{first} {rhythm:?} {end:?}");
        }
    }

    #[test]
    fn an_order_without_an_end_ends_all_the_same() {
        let daily = plan("2026-12-01", Rhythm::Daily, End::Open);
        assert_eq!((daily.dates(0).count(), daily.last()), (1_000, Some(date("2029-08-26"))));
        let monthly = plan("2026-12-01", Rhythm::Monthly(1), End::Open);
        assert_eq!((monthly.dates(0).count(), monthly.last()), (121, Some(date("2036-12-01"))));
        let far = plan("9999-12-01", Rhythm::Daily, End::Open);
        assert_eq!(far.dates(0).count(), 0, "nothing is due behind the calendar's end");
    }

    #[test]
    fn numbers_and_dates_out_of_range_are_refused() {
        use PlanFault as F;
        let refused = |rhythm, end| Plan::new(date("2026-12-01"), rhythm, end).unwrap_err();
        for (rhythm, end, fault) in [
            (Rhythm::Weekly(0), End::Open, F::Every),
            (Rhythm::Weekly(53), End::Open, F::Every),
            (Rhythm::Monthly(0), End::Open, F::Every),
            (Rhythm::Monthly(25), End::Open, F::Every),
            (Rhythm::Daily, End::Times(0), F::Times),
            (Rhythm::Daily, End::Times(1_001), F::Times),
            (Rhythm::Monthly(1), End::Times(122), F::Times),
            (Rhythm::Monthly(1), End::Until(date("2026-11-30")), F::UntilBeforeFirst),
            (Rhythm::Monthly(1), End::Until(date("2036-12-02")), F::UntilTooFar),
        ] {
            assert_eq!(refused(rhythm, end), fault, "{rhythm:?} {end:?}");
        }
        assert!(Plan::new(date("2026-12-01"), Rhythm::Monthly(1), End::Times(121)).is_ok());
    }

    #[test]
    fn eight_in_the_morning_there_is_midnight_utc() {
        let eight = execution_ms(date("2026-12-01"));
        assert_eq!(eight, 1_796_083_200_000);
        assert_eq!(local_date(eight), date("2026-12-01"));
        // The date turns at 16:00 UTC.
        assert_eq!(local_date(eight + 16 * 3_600_000 - 1), date("2026-12-01"));
        assert_eq!(local_date(eight + 16 * 3_600_000), date("2026-12-02"));
        for wrong in ["", "2026-12-1", "20261201", "2026-12-32", "2027-02-29", "2026-12-01T00:00", "+26-12-001", "二〇二六"] {
            assert_eq!(read_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_was_missed_and_what_is_ahead() {
        let plan = plan("2027-01-31", Rhythm::Monthly(1), End::Times(3));
        let at = |text: &str| execution_ms(date(text));
        assert_eq!(plan.latest_due(0, at("2027-01-31") - 1), None);
        assert_eq!(plan.latest_due(0, at("2027-01-31")), Some(0));
        assert_eq!(plan.latest_due(0, at("2027-03-30")), Some(1));
        assert_eq!(plan.latest_due(0, at("2030-01-01")), Some(2));
        assert_eq!(plan.latest_due(3, at("2030-01-01")), None);
        assert_eq!(plan.first_ahead(0, at("2027-01-31")), Some(1));
        assert_eq!(plan.first_ahead(0, at("2027-03-31")), None);
    }
}
