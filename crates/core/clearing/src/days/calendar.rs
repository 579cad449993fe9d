//! The calendar of a currency's business days: which dates are some, when they are cut off and when they close.
//!
//! The scheme never sleeps, so every moment belongs to a business day: a day closes at its time, and the next one begins there.
//! What happens on a Friday night, a weekend or a holiday is of the next business day.
//!
//! ```text
//!  Friday                       Monday, with Saturday and Sunday
//!  ───────── cut-off ── closes ┬────────────────────────── cut-off ── closes ┬──
//!                              opens                                         opens
//! ```
//! All of it is a pure function of a time: no clock is asked. Minutes are of the day by the calendar's own clock, which keeps one
//! distance to UTC all the year, as those of Hong Kong and Shenzhen do.

use crate::Time;
use crate::codec::{DecodeError, put_u16, put_u32, take, take_code, take_u16, take_u32};
use money::CurrencyCode;

const MINUTE_NS: u64 = 60 * 1_000_000_000;
const DAY_MINUTES: i64 = 1440;

/// A date that business is done for: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDate(pub u32);

impl BusinessDate {
    /// 9999-12-31: what is ordered does not lie behind it.
    pub const LAST: Self = Self(2_932_896);

    /// Year, month and day of the Gregorian calendar.
    pub const fn civil(self) -> (u32, u32, u32) {
        // Years are shifted to begin in March, so that the leap day comes last.
        let days = self.0 as u64 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        ((era * 400 + year_of_era + carry) as u32, month as u32, day as u32)
    }

    /// The date of a year, month and day; `None` if there is none, or it lies before 1970 or behind 9999.
    pub fn of_civil(year: u32, month: u32, day: u32) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
            return None;
        }
        let shifted = if month > 2 { year } else { year - 1 };
        let (era, year_of_era) = (shifted / 400, shifted % 400);
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let date = Self(days.checked_sub(719_468)?);
        (date.civil() == (year, month, day)).then_some(date)
    }

    /// Reads `2026-03-02`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let number = |part: &[u8]| {
            part.iter().try_fold(0u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
        };
        Self::of_civil(number(&bytes[..4])?, number(&bytes[5..7])?, number(&bytes[8..])?)
    }
}

impl core::fmt::Display for BusinessDate {
    /// As `2026-03-02`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A currency's business days from some date on. Two officers order it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCalendar {
    /// Whose days.
    pub currency: CurrencyCode,
    /// First business date it holds for; if that has begun already, the day that is open ends as this says.
    pub effective_from: BusinessDate,
    /// How far its clock is ahead of UTC, in minutes; less than a day.
    pub utc_offset_minutes: i16,
    /// Minute of the day at which a business day is cut off; before it closes.
    pub cut_off: u16,
    /// Minute of the day at which it closes and the next one opens; 1440 at most.
    pub closes: u16,
    /// Days of the week with business: bit 0 is Monday. At least one.
    pub weekdays: u8,
    /// Dates without, in order; at most [`DayCalendar::HOLIDAYS_MAX`].
    pub holidays: Vec<BusinessDate>,
}

impl DayCalendar {
    /// Most holidays: twenty years of both sides of the border.
    pub const HOLIDAYS_MAX: usize = 512;
    /// Longest a calendar can go without a business day: each holiday may fall on its one weekday.
    pub(crate) const GAP_MAX: u32 = (Self::HOLIDAYS_MAX as u32 + 1) * 7;

    /// Whether everything it says has a meaning.
    pub fn is_valid(&self) -> bool {
        self.effective_from <= BusinessDate::LAST
            && i64::from(self.utc_offset_minutes).abs() < DAY_MINUTES
            && self.cut_off < self.closes
            && i64::from(self.closes) <= DAY_MINUTES
            && (1..=0x7f).contains(&self.weekdays)
            && self.holidays.len() <= Self::HOLIDAYS_MAX
            && self.holidays.is_sorted_by(|a, b| a < b)
    }

    /// Whether business is done for a date.
    pub fn is_business_day(&self, date: BusinessDate) -> bool {
        // 1970-01-01 was a Thursday, which is 3.
        let weekday = (u64::from(date.0) + 3) % 7;
        self.weekdays >> weekday & 1 == 1 && self.holidays.binary_search(&date).is_err()
    }

    /// When a date is cut off; `None`: behind the end of time.
    pub fn cut_off(&self, date: BusinessDate) -> Option<Time> {
        self.moment(date, self.cut_off)
    }

    /// When it closes.
    pub fn closes(&self, date: BusinessDate) -> Option<Time> {
        self.moment(date, self.closes)
    }

    /// A minute of a date by the calendar's clock; what lies before 1970 is 1970.
    pub fn moment(&self, date: BusinessDate, minute: u16) -> Option<Time> {
        let minutes = i64::from(date.0) * DAY_MINUTES + i64::from(minute) - i64::from(self.utc_offset_minutes);
        u64::try_from(minutes.max(0)).ok()?.checked_mul(MINUTE_NS).map(Time)
    }

    /// The business date a time belongs to: the first one that closes behind it.
    pub fn business_date(&self, time: Time) -> BusinessDate {
        let minutes = (time.0 / MINUTE_NS) as i64 + i64::from(self.utc_offset_minutes);
        // The end of time lies 213,503 days behind 1970.
        let today = BusinessDate(minutes.div_euclid(DAY_MINUTES).max(0) as u32);
        let is_over = self.closes(today).is_some_and(|closes| closes <= time);
        self.first_from(if is_over { BusinessDate(today.0 + 1) } else { today })
    }

    /// The first business date from a date on.
    pub(crate) fn first_from(&self, date: BusinessDate) -> BusinessDate {
        let dates = (date.0..date.0.saturating_add(Self::GAP_MAX)).map(BusinessDate);
        let mut business = dates.filter(|date| self.is_business_day(*date));
        business.next().expect("a valid calendar has a business day in so many days")
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.currency.bytes());
        put_u32(out, self.effective_from.0);
        out.extend_from_slice(&self.utc_offset_minutes.to_le_bytes());
        put_u16(out, self.cut_off);
        put_u16(out, self.closes);
        out.push(self.weekdays);
        put_u16(out, self.holidays.len() as u16);
        self.holidays.iter().for_each(|date| put_u32(out, date.0));
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            currency: take_code(bytes)?,
            effective_from: BusinessDate(take_u32(bytes)?),
            utc_offset_minutes: i16::from_le_bytes(take(bytes)?),
            cut_off: take_u16(bytes)?,
            closes: take_u16(bytes)?,
            weekdays: {
                let [weekdays] = take(bytes)?;
                weekdays
            },
            holidays: (0..take_u16(bytes)?).map(|_| take_u32(bytes).map(BusinessDate)).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    /// Monday to Friday, cut off at 17:30 and closed at 18:00 in Hong Kong; the Lunar New Year of 2026 is free.
    fn hong_kong() -> DayCalendar {
        DayCalendar {
            currency: CurrencyCode::HKD,
            effective_from: BusinessDate(0),
            utc_offset_minutes: 480,
            cut_off: 17 * 60 + 30,
            closes: 18 * 60,
            weekdays: 0b001_1111,
            holidays: ["2026-02-17", "2026-02-18", "2026-02-19"].map(date).to_vec(),
        }
    }

    /// A moment by the clock of Hong Kong.
    fn at(day: &str, hour: u16, minute: u16) -> Time {
        hong_kong().moment(date(day), hour * 60 + minute).unwrap()
    }

    #[test]
    fn dates_read_back() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1972-02-29", 789),
            ("2000-03-01", 11_017),
            ("2026-03-02", 20_514),
            ("2100-02-28", 47_540),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(BusinessDate::parse(text), Some(BusinessDate(days)), "{text}");
            assert_eq!(BusinessDate(days).to_string(), text);
        }
        for day in (0..2_932_896).step_by(17) {
            assert_eq!(BusinessDate::parse(&BusinessDate(day).to_string()), Some(BusinessDate(day)));
        }
        for wrong in ["2026-02-29", "2100-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "1969-12-31", "2026-1-01", "２026-01"]
        {
            assert_eq!(BusinessDate::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn each_moment_has_its_business_date() {
        // By the clock of Hong Kong. 2026-02-13 is a Friday; 17 to 19 February are free.
        for (day, hour, minute, business) in [
            ("2026-02-13", 0, 0, "2026-02-13"),
            ("2026-02-13", 17, 59, "2026-02-13"),
            ("2026-02-13", 18, 0, "2026-02-16"),
            ("2026-02-14", 12, 0, "2026-02-16"),
            ("2026-02-16", 17, 59, "2026-02-16"),
            ("2026-02-16", 18, 0, "2026-02-20"),
            ("2026-02-18", 9, 0, "2026-02-20"),
            ("2026-02-20", 18, 0, "2026-02-23"),
        ] {
            assert_eq!(hong_kong().business_date(at(day, hour, minute)).to_string(), business, "{day} {hour}:{minute}");
        }
        // 17:30 in Hong Kong is 09:30 UTC.
        let cut_off = hong_kong().cut_off(date("2026-03-02")).unwrap();
        assert_eq!(cut_off.0, (20_514 * 1440 + 9 * 60 + 30) * MINUTE_NS);
        // A day that closes at midnight closes where the next date begins.
        let midnight = DayCalendar { closes: 1440, ..hong_kong() };
        assert_eq!(midnight.business_date(at("2026-02-13", 23, 59)).to_string(), "2026-02-13");
        assert_eq!(midnight.business_date(at("2026-02-14", 0, 0)).to_string(), "2026-02-16");
    }

    #[test]
    fn a_calendar_without_a_meaning_is_none() {
        let calendar = hong_kong();
        assert!(calendar.is_valid());
        for wrong in [
            DayCalendar { cut_off: 1080, ..calendar.clone() },
            DayCalendar { closes: 1441, ..calendar.clone() },
            DayCalendar { effective_from: BusinessDate(2_932_897), ..calendar.clone() },
            DayCalendar { weekdays: 0, ..calendar.clone() },
            DayCalendar { weekdays: 0x80, ..calendar.clone() },
            DayCalendar { utc_offset_minutes: -1440, ..calendar.clone() },
            DayCalendar { holidays: vec![date("2026-02-17"); 2], ..calendar.clone() },
            DayCalendar { holidays: (0..513).map(BusinessDate).collect(), ..calendar.clone() },
        ] {
            assert!(!wrong.is_valid(), "{wrong:?}");
        }
        // Business on Thursdays alone, and all of them free for ten years: the next one is found.
        let rare =
            DayCalendar { weekdays: 0b000_1000, holidays: (0..512).map(|week| BusinessDate(week * 7)).collect(), ..calendar };
        assert!(rare.is_valid());
        assert_eq!(rare.business_date(Time(0)), BusinessDate(512 * 7));
    }

    #[test]
    fn bytes_read_back() {
        let mut bytes = Vec::new();
        hong_kong().encode(&mut bytes);
        assert_eq!(DayCalendar::decode(&mut bytes.as_slice()), Ok(hong_kong()));
    }
}
