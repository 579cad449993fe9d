//! A currency's business days, as people write them, in TOML.

use crate::rulebook::{Reader, RulebookFault, minute, value, weekday};
use clearing::{BusinessDate, DayCalendar};
use money::Currency;
use serde::Deserialize;

/// A calendar to change and order. In a new chain no currency has business days until its officers order them.
pub const EXAMPLE: &str = include_str!("calendar.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    currency: String,
    from: String,
    utc_offset_minutes: i16,
    cut_off: String,
    closes: String,
    days: Vec<String>,
    #[serde(default)]
    holidays: Vec<String>,
}

/// Reads a calendar for a scheme with these currencies.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str, currencies: &[Currency]) -> Result<DayCalendar, RulebookFault> {
    let text: Text = toml::from_str(text).map_err(|error| RulebookFault::Toml(error.to_string()))?;
    let weekdays = text.days.iter().try_fold(0, |days, day| weekday("days", day).map(|at| days | 1 << at))?;
    let mut holidays = text.holidays.iter().map(|day| date("holidays", day)).collect::<Result<Vec<_>, _>>()?;
    holidays.sort_unstable();
    holidays.dedup();
    let calendar = DayCalendar {
        currency: Reader { currencies }.currency("currency", &text.currency)?.code,
        effective_from: date("from", &text.from)?,
        utc_offset_minutes: text.utc_offset_minutes,
        cut_off: minute("cut_off", &text.cut_off)?,
        closes: minute("closes", &text.closes)?,
        weekdays,
        holidays,
    };
    const SOUND: &str =
        "calendar: cut off before it closes, one day of the week at least, 512 holidays at most, a day's distance to UTC";
    value("calendar", &text.currency, SOUND, calendar.is_valid().then_some(calendar))
}

fn date(place: &str, text: &str) -> Result<BusinessDate, RulebookFault> {
    value(place, text, "day like `2027-02-17`", BusinessDate::parse(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Vec<Currency> {
        vec![Currency::new("HKD".parse().unwrap(), 2).unwrap()]
    }

    #[test]
    fn the_example_is_read() {
        let calendar = read(EXAMPLE, &scheme()).unwrap();
        assert_eq!((calendar.cut_off, calendar.closes, calendar.weekdays, calendar.utc_offset_minutes), (1050, 1080, 0x1f, 480));
        assert_eq!(calendar.effective_from.to_string(), "2026-01-01");
        assert_eq!(calendar.holidays.len(), 14);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (old, new, words) in [
            ("currency = \"HKD\"", "currency = \"JPY\"", "currency: `JPY` is no currency of the scheme"),
            ("from = \"2026-01-01\"", "from = \"1.1.2026\"", "from: `1.1.2026` is no day like `2027-02-17`"),
            ("\"2026-02-17\"", "\"2026-02-30\"", "holidays: `2026-02-30` is no day like `2027-02-17`"),
            ("\"mon\"", "\"monday\"", "days: `monday` is no weekday"),
            ("\"17:30\"", "\"5:30\"", "cut_off: `5:30` is no time like `07:00`"),
            ("\"17:30\"", "\"18:00\"", "calendar: `HKD` is no calendar: cut off before it closes"),
            ("closes =", "ends =", "unknown field `ends`"),
        ] {
            let fault = read(&EXAMPLE.replacen(old, new, 1), &scheme()).unwrap_err().to_string();
            assert!(fault.contains(words), "{new}\n{fault}");
        }
    }
}
