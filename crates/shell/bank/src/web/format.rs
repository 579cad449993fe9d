//! Amounts and times as people read them.

use money::Amount;

/// `1,234.50`.
pub(crate) fn grouped(amount: Amount) -> String {
    group(&amount.to_string())
}

/// `HKD 1,234.50`.
pub(crate) fn with_code(amount: Amount) -> String {
    format!("{} {}", amount.currency.code, grouped(amount))
}

/// `+1,234.50` or `−1,234.50`.
pub(crate) fn signed(minor: i64, exponent: u8) -> String {
    let sign = if minor < 0 { '\u{2212}' } else { '+' };
    format!("{sign}{}", group(&decimal(minor.unsigned_abs(), exponent)))
}

/// Minor units as decimal text with groups.
pub(crate) fn minor(minor: u64, exponent: u8) -> String {
    group(&decimal(minor, exponent))
}

fn decimal(minor: u64, exponent: u8) -> String {
    let scale = 10u64.pow(u32::from(exponent));
    match exponent {
        0 => minor.to_string(),
        _ => format!("{}.{:0width$}", minor / scale, minor % scale, width = usize::from(exponent)),
    }
}

fn group(decimal: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let mut grouped = String::with_capacity(decimal.len() + whole.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// `2026-11-24 16:30:05` in Hong Kong and Shenzhen (UTC+8).
pub(crate) fn local_time(ms: u64) -> String {
    const OFFSET_MS: i64 = 8 * 3_600 * 1_000;
    let local = i64::try_from(ms).unwrap_or(0).saturating_add(OFFSET_MS);
    let text = jiff::Timestamp::from_millisecond(local).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string();
    text.replace('T', " ").chars().take(19).collect()
}

/// `6217 0020 0001 0001`.
pub(crate) fn account(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    characters.chunks(4).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

/// Whole and tenth seconds: `0.4`.
pub(crate) fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1000, ms % 1000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CURRENCIES;

    #[test]
    fn amounts_are_grouped_exactly() {
        for (minor_units, expected) in [(0, "0.00"), (5, "0.05"), (123_456, "1,234.56"), (100_000_000, "1,000,000.00")] {
            assert_eq!(grouped(Amount::from_minor(minor_units, CURRENCIES[0])), expected);
        }
        assert_eq!(signed(-123_456, 2), "\u{2212}1,234.56");
        assert_eq!(signed(7, 0), "+7");
        assert_eq!(signed(i64::MIN, 2), "\u{2212}92,233,720,368,547,758.08");
    }

    #[test]
    fn times_are_local() {
        assert_eq!(local_time(1_795_537_800_123), "2026-11-25 00:30:00");
        assert_eq!(seconds(2_345), "2.3");
        assert_eq!(account("621700200001"), "6217 0020 0001");
    }
}
