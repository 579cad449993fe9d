//! Numbers and times as people read them. Both cities keep UTC+8 all year.

use money::{Amount, Currency};

const HOUR_NS: u64 = 3_600_000_000_000;
const ZONE_NS: u64 = 8 * HOUR_NS;

/// `14:03:09.250`, local time of both cities.
pub(crate) fn clock(time_ns: u64) -> String {
    let ms = time_ns.saturating_add(ZONE_NS) / 1_000_000;
    let (second, minute, hour) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000 % 24);
    format!("{hour:02}:{minute:02}:{second:02}.{:03}", ms % 1000)
}

/// `2026-11-24 14:03:09.250`.
pub(crate) fn date_clock(time_ns: u64) -> String {
    let (year, month, day) = civil(time_ns.saturating_add(ZONE_NS) / (24 * HOUR_NS));
    format!("{year:04}-{month:02}-{day:02} {}", clock(time_ns))
}

/// Gregorian date of a day since 1970-01-01: the year counted from March, so that the leap day is its last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// `820 µs`, `12.4 ms`, `1.25 s`.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..100_000 => format!("{}.{} ms", us / 1000, us / 100 % 10),
        100_000..1_000_000 => format!("{} ms", us / 1000),
        _ => format!("{}.{:02} s", us / 1_000_000, us / 10_000 % 100),
    }
}

/// `12,345,678`.
pub(crate) fn grouped(number: u64) -> String {
    grouped_digits(&number.to_string())
}

/// `1,234.50`, with exactly the currency's decimals.
pub(crate) fn amount(amount: Amount) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", grouped_digits(whole)),
        None => grouped_digits(&text),
    }
}

/// `−1,234.50`: a balance may be below zero.
pub(crate) fn balance(minor: i128, currency: Currency) -> String {
    let sign = if minor < 0 { "−" } else { "" };
    let magnitude = minor.unsigned_abs();
    let per_major = u128::from(currency.minor_per_major());
    let whole = grouped_digits(&(magnitude / per_major).to_string());
    match currency.exponent {
        0 => format!("{sign}{whole}"),
        exponent => format!("{sign}{whole}.{:0width$}", magnitude % per_major, width = usize::from(exponent)),
    }
}

fn grouped_digits(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `BIC` without the branch of a head office.
pub(crate) fn short_bic(bic: &str) -> &str {
    bic.strip_suffix("XXX").unwrap_or(bic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;

    #[test]
    fn times_are_local_to_both_cities() {
        for (seconds, expected) in [
            (0, "1970-01-01 08:00:00.000"),
            (951_782_400, "2000-02-29 08:00:00.000"),
            (1_767_196_800, "2026-01-01 00:00:00.000"),
            (1_795_532_589, "2026-11-24 23:03:09.000"),
            (4_107_542_400, "2100-03-01 08:00:00.000"),
        ] {
            assert_eq!(date_clock(seconds * 1_000_000_000), expected);
        }
        date_clock(u64::MAX);
    }

    #[test]
    fn numbers_are_grouped() {
        let hkd = Currency::new(CurrencyCode::HKD, 2).unwrap();
        let whole = Currency::new(CurrencyCode::USD, 0).unwrap();
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1000, 1_234_567].map(grouped).each_ref().map(String::as_str));
        assert_eq!(amount(Amount::from_minor(123_456_789, hkd)), "1,234,567.89");
        assert_eq!(balance(-123_405, hkd), "−1,234.05");
        assert_eq!((balance(-1000, whole), balance(i128::MIN, hkd).len() > 30), ("−1,000".into(), true));
        let spans = [0, 999, 1_000, 12_449, 100_000, 999_999, 1_250_000].map(duration);
        assert_eq!(spans, ["0 µs", "999 µs", "1.0 ms", "12.4 ms", "100 ms", "999 ms", "1.25 s"]);
    }
}
