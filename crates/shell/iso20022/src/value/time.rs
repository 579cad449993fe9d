//! Dates and times by the lexical rules of XML Schema, and their place on the clock.

/// Nanoseconds since 1970-01-01T00:00:00Z.
pub type EpochNanos = u64;

const SECONDS_PER_DAY: i64 = 86_400;
/// Widest zone offset, in minutes.
const ZONE_MINUTES_MAX: i64 = 14 * 60;

/// A cursor over text.
struct Scan<'a>(&'a [u8]);

impl Scan<'_> {
    fn number(&mut self, digits: usize) -> Option<i64> {
        let part = self.0.get(..digits)?;
        let number = part.iter().try_fold(0i64, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))?;
        self.0 = &self.0[digits..];
        Some(number)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// Year: four digits or more (no leading zero then), not zero, perhaps negative.
    fn year(&mut self) -> Option<i64> {
        let negative = self.take(b'-').is_some();
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(4..=9).contains(&digits) || (digits > 4 && self.0[0] == b'0') {
            return None;
        }
        let year = self.number(digits)?;
        (year != 0).then_some(if negative { -year } else { year })
    }

    /// Month after `-`.
    fn month(&mut self) -> Option<i64> {
        self.take(b'-')?;
        self.number(2).filter(|month| (1..=12).contains(month))
    }

    /// A date as days since 1970-01-01.
    fn date(&mut self) -> Option<i64> {
        let year = self.year()?;
        let month = self.month()?;
        self.take(b'-')?;
        let day = self.number(2).filter(|day| (1..=days_in_month(year, month)).contains(day))?;
        Some(days_from_civil(year, month, day))
    }

    /// A time of day as seconds and nanoseconds; 24:00:00 is the end of the day. Digits beyond nanoseconds are cut.
    fn time(&mut self) -> Option<(i64, i64)> {
        let hour = self.number(2)?;
        self.take(b':')?;
        let minute = self.number(2).filter(|minute| *minute < 60)?;
        self.take(b':')?;
        let second = self.number(2).filter(|second| *second < 60)?;
        let mut nanos = 0;
        if self.take(b'.').is_some() {
            let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for place in 0..9 {
                nanos = nanos * 10 + if place < digits { i64::from(self.0[place] - b'0') } else { 0 };
            }
            if hour == 24 && self.0[..digits].iter().any(|byte| *byte != b'0') {
                return None;
            }
            self.0 = &self.0[digits..];
        }
        let end_of_day = hour == 24 && minute == 0 && second == 0;
        (hour < 24 || end_of_day).then_some((hour * 3600 + minute * 60 + second, nanos))
    }

    /// Minutes east of UTC; `None` inside if there is no zone.
    fn zone(&mut self) -> Option<Option<i64>> {
        match self.0 {
            [] => Some(None),
            [b'Z'] => {
                self.0 = &[];
                Some(Some(0))
            }
            [sign @ (b'+' | b'-'), ..] => {
                let negative = *sign == b'-';
                self.0 = &self.0[1..];
                let hour = self.number(2)?;
                self.take(b':')?;
                let minute = self.number(2).filter(|minute| *minute < 60)?;
                let minutes = hour * 60 + minute;
                let fits = self.0.is_empty() && minutes <= ZONE_MINUTES_MAX;
                fits.then_some(Some(if negative { -minutes } else { minutes }))
            }
            _ => None,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// `xs:date`.
pub(crate) fn is_date(text: &str) -> bool {
    let mut scan = Scan(text.as_bytes());
    scan.date().is_some() && scan.zone().is_some()
}

/// `xs:time`.
pub(crate) fn is_time(text: &str) -> bool {
    let mut scan = Scan(text.as_bytes());
    scan.time().is_some() && scan.zone().is_some()
}

/// `xs:dateTime`.
pub(crate) fn is_date_time(text: &str) -> bool {
    date_time(text).is_some()
}

/// `xs:gYearMonth`.
#[allow(dead_code, reason = "types of messages not generated yet need it")]
pub(crate) fn is_year_month(text: &str) -> bool {
    let mut scan = Scan(text.as_bytes());
    scan.year().is_some() && scan.month().is_some() && scan.zone().is_some()
}

/// Seconds, nanoseconds and zone of a date and time.
fn date_time(text: &str) -> Option<(i64, i64, Option<i64>)> {
    let mut scan = Scan(text.as_bytes());
    let days = scan.date()?;
    scan.take(b'T')?;
    let (seconds, nanos) = scan.time()?;
    let zone = scan.zone()?;
    Some((days * SECONDS_PER_DAY + seconds, nanos, zone))
}

/// When a date and time is. Without a zone it is taken as UTC. `None` if it is no date and time, or outside 1970–2554.
pub fn date_time_to_nanos(text: &str) -> Option<EpochNanos> {
    let (seconds, nanos, zone) = date_time(crate::xml::trim(text))?;
    let seconds = seconds - zone.unwrap_or(0) * 60;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanos as u64)
}

/// Days since 1970-01-01 of a date; its zone, if any, is left aside.
pub(crate) fn date_to_days(text: &str) -> Option<i64> {
    Scan(crate::xml::trim(text).as_bytes()).date()
}

/// Seconds after midnight UTC of a time of day. Without a zone it is taken as UTC.
pub(crate) fn time_to_seconds(text: &str) -> Option<u64> {
    let mut scan = Scan(crate::xml::trim(text).as_bytes());
    let (seconds, _) = scan.time()?;
    let minutes = scan.zone()?.unwrap_or(0);
    Some((seconds - minutes * 60).rem_euclid(SECONDS_PER_DAY) as u64)
}

/// A moment in UTC with milliseconds, cut: `2026-11-24T09:00:00.123Z`.
pub fn date_time_from_nanos(nanos: EpochNanos) -> String {
    let seconds = (nanos / 1_000_000_000) as i64;
    let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
    let of_day = seconds.rem_euclid(SECONDS_PER_DAY);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let millis = nanos / 1_000_000 % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Hong Kong and Shenzhen share one clock, eight hours east of UTC.
const LOCAL_S: i64 = 8 * 3600;

/// The moment at which the corridor's clock shows a date and a time of day. A time without a zone is UTC.
pub(crate) fn local_moment(date: &str, time: &str) -> Option<EpochNanos> {
    let of_day = (time_to_seconds(time)? as i64 + LOCAL_S).rem_euclid(SECONDS_PER_DAY);
    let seconds = date_to_days(date)?.checked_mul(SECONDS_PER_DAY)? + of_day - LOCAL_S;
    u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)
}

/// Date and time of day, whole seconds, by the corridor's clock: what [`local_moment`] reads.
pub(crate) fn local_date_and_time(nanos: EpochNanos) -> (String, String) {
    let local = date_time_from_nanos(nanos.saturating_add(LOCAL_S as u64 * 1_000_000_000));
    (local[..10].to_owned(), format!("{}+08:00", &local[11..19]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_exist() {
        for text in
            ["2024-02-29", "2000-02-29", "2026-11-24Z", "2026-11-24+08:00", "-0001-01-01", "12026-01-01", "2026-01-01-14:00"]
        {
            assert!(is_date(text), "{text}");
        }
        for text in [
            "2021-02-30",
            "1900-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "26-01-01",
            "02026-01-01",
            "0000-01-01",
            "2026-1-1",
            "2026-01-01T",
            "2026-01-01+14:01",
            "2026-01-01+8:00",
            "2026-01-01z",
            "",
            "+2026-01-01",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn times_that_exist() {
        for text in
            ["2021-04-09T09:00:00+01:00", "2021-04-09T24:00:00", "2021-04-09T23:59:59.123456789012Z", "2021-04-09T24:00:00.000"]
        {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2021-04-09 09:00",
            "2021-04-09T09:00",
            "2021-04-09T24:00:01",
            "2021-04-09T09:00:60",
            "2021-04-09T09:60:00",
            "2021-04-09T25:00:00",
            "2021-04-09T09:00:00.",
            "2021-04-09T09:00:00Z ",
            "2021-04-09t09:00:00",
            "2021-04-09T24:00:00.1",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
        assert!(is_time("23:59:59Z") && !is_time("23:59"));
        assert!(is_year_month("2026-12") && !is_year_month("2026-13"));
    }

    #[test]
    fn the_corridors_clock() {
        // 23:30 UTC is 07:30 of the next day in Hong Kong.
        let moment = date_time_to_nanos("2026-11-25T23:30:00Z");
        assert_eq!(local_moment("2026-11-26", "07:30:00+08:00"), moment);
        assert_eq!(local_moment("2026-11-26", "23:30:00Z"), moment);
        assert_eq!(local_moment("2026-11-26", "23:30:00"), moment);
        assert_eq!(local_date_and_time(moment.unwrap()), ("2026-11-26".into(), "07:30:00+08:00".into()));
        assert_eq!(local_moment("2026-11-26", "7:30"), None);
    }

    #[test]
    fn the_clock_goes_round() {
        assert_eq!(date_time_to_nanos("1970-01-01T00:00:00.000000001Z"), Some(1));
        assert_eq!(date_time_to_nanos("1970-01-01T08:00:00+08:00"), Some(0));
        assert_eq!(date_time_to_nanos("1969-12-31T23:59:59Z"), None);
        for nanos in [0, 951_782_400_000_000_000, 1_709_164_799_999_000_000, 1_795_510_923_456_000_000] {
            assert_eq!(date_time_to_nanos(&date_time_from_nanos(nanos)), Some(nanos));
        }
        assert_eq!(date_time_from_nanos(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
    }
}
