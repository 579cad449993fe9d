//! Rulebooks as people write them, in TOML, and the one a scheme begins with.

use clearing::{
    Code, Corridor, Country, Hours, Limit, Most, OutsideHours, PartyKind, Period, Purpose, ReferenceRate, Rulebook, Scope, Time,
};
use money::{Amount, Currency, CurrencyCode, Rate};
use serde::Deserialize;

/// The figures of the live link between Hong Kong and the mainland.
pub const CORRIDOR: &str = include_str!("corridor.toml");

/// What is wrong with a rulebook's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulebookFault {
    /// It is not TOML, or has a key nobody knows.
    #[error("{0}")]
    Toml(String),
    /// A value that means nothing.
    #[error("{place}: `{value}` is no {expected}")]
    Value {
        /// Which corridor and key.
        place: String,
        /// What is there.
        value: String,
        /// What should be.
        expected: &'static str,
    },
    /// Each value means something, but not together.
    #[error(
        "the rulebook contradicts itself: a limit whose currency some pair cannot be counted in, one name for two different \
         quotas, more than four quotas in a corridor, or hours that never open"
    )]
    Contradiction,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    corridor: Vec<CorridorText>,
    #[serde(default)]
    reference_rate: Vec<RateText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CorridorText {
    code: String,
    from: Option<String>,
    to: Option<String>,
    debtor: Option<KindText>,
    creditor: Option<KindText>,
    #[serde(default)]
    purposes: Vec<String>,
    #[serde(default)]
    currencies: Vec<String>,
    #[serde(default)]
    hours: HoursText,
    #[serde(default)]
    outside_hours: OutsideText,
    #[serde(default)]
    limit: Vec<LimitText>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KindText {
    Person,
    Institution,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
enum OutsideText {
    #[default]
    Reject,
    Queue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HoursText {
    utc_offset_minutes: i16,
    opens: String,
    closes: String,
    days: Vec<String>,
    closed: Vec<String>,
}

impl Default for HoursText {
    fn default() -> Self {
        Self {
            utc_offset_minutes: 480,
            opens: "00:00".into(),
            closes: "24:00".into(),
            days: DAYS.map(str::to_owned).to_vec(),
            closed: Vec::new(),
        }
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitText {
    code: String,
    per: PerText,
    amount: Option<(String, String)>,
    payments: Option<u32>,
    #[serde(default)]
    exempt: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum PerText {
    Payment,
    BankDay,
    BankYear,
    PersonDay,
    PersonYear,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateText {
    from: String,
    to: String,
    rate: String,
}

/// Reads a rulebook for a scheme with these currencies.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str, version: u32, effective_from: Time, currencies: &[Currency]) -> Result<Rulebook, RulebookFault> {
    let text: Text = toml::from_str(text).map_err(|error| RulebookFault::Toml(error.to_string()))?;
    let reader = Reader { currencies };
    let book = Rulebook {
        version,
        effective_from,
        corridors: text.corridor.iter().map(|corridor| reader.corridor(corridor)).collect::<Result<_, _>>()?,
        reference_rates: text.reference_rate.iter().map(|rate| reader.rate(rate)).collect::<Result<_, _>>()?,
    };
    if book.is_valid(currencies) { Ok(book) } else { Err(RulebookFault::Contradiction) }
}

pub(crate) struct Reader<'a> {
    pub(crate) currencies: &'a [Currency],
}

impl Reader<'_> {
    fn corridor(&self, text: &CorridorText) -> Result<Corridor, RulebookFault> {
        let at = |key: &str| format!("corridor {} {key}", text.code);
        let country = |key: &str, text: &Option<String>| {
            text.as_deref().map(|text| value(&at(key), text, "country of two capitals", Country::parse(text))).transpose()
        };
        Ok(Corridor {
            code: value("corridor code", &text.code, "name of 1 to 8 capitals, digits or hyphens", Code::parse(&text.code))?,
            from: country("from", &text.from)?,
            to: country("to", &text.to)?,
            debtor: text.debtor.map(KindText::kind),
            creditor: text.creditor.map(KindText::kind),
            purposes: purposes(&at("purposes"), &text.purposes)?,
            currencies: text.currencies.iter().map(|pair| self.pair(&at("currencies"), pair)).collect::<Result<_, _>>()?,
            hours: hours(&at("hours"), &text.hours)?,
            outside_hours: match text.outside_hours {
                OutsideText::Reject => OutsideHours::Reject,
                OutsideText::Queue => OutsideHours::Queue,
            },
            limits: text.limit.iter().map(|limit| self.limit(&at("limit"), limit)).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn currency(&self, place: &str, text: &str) -> Result<Currency, RulebookFault> {
        let code: Option<CurrencyCode> = text.parse().ok();
        let known = code.and_then(|code| self.currencies.iter().copied().find(|currency| currency.code == code));
        value(place, text, "currency of the scheme", known)
    }

    fn pair(&self, place: &str, text: &str) -> Result<(CurrencyCode, CurrencyCode), RulebookFault> {
        let (debit, credit) = value(place, text, "pair of currencies like `HKD/CNY`", text.split_once('/'))?;
        Ok((self.currency(place, debit)?.code, self.currency(place, credit)?.code))
    }

    fn limit(&self, place: &str, text: &LimitText) -> Result<Limit, RulebookFault> {
        let place = format!("{place} {}", text.code);
        let most = match (&text.amount, text.payments) {
            (Some((amount, code)), None) => {
                let currency = self.currency(&place, code)?;
                let minor = value(&place, amount, "amount of its currency", Amount::parse(amount, currency).ok())?.minor;
                Most::Amount { currency, minor }
            }
            (None, Some(payments)) => Most::Payments(payments),
            (Some(_), Some(_)) | (None, None) => {
                return Err(RulebookFault::Value {
                    place,
                    value: text.code.clone(),
                    expected: "limit with `amount` or `payments`",
                });
            }
        };
        let code = value(&place, &text.code, "name of 1 to 8 capitals, digits or hyphens", Code::parse(&text.code))?;
        Ok(Limit { code, scope: text.per.scope(), most, exempt: purposes(&place, &text.exempt)? })
    }

    fn rate(&self, text: &RateText) -> Result<ReferenceRate, RulebookFault> {
        let place = format!("reference_rate {}/{}", text.from, text.to);
        Ok(ReferenceRate {
            from: self.currency(&place, &text.from)?.code,
            to: self.currency(&place, &text.to)?.code,
            rate: value(&place, &text.rate, "rate", Rate::parse(&text.rate).ok())?,
        })
    }
}

impl KindText {
    pub(crate) const fn kind(self) -> PartyKind {
        match self {
            Self::Person => PartyKind::Person,
            Self::Institution => PartyKind::Institution,
        }
    }
}

impl PerText {
    const fn scope(self) -> Scope {
        match self {
            Self::Payment => Scope::Payment,
            Self::BankDay => Scope::PerBank(Period::Day),
            Self::BankYear => Scope::PerBank(Period::Year),
            Self::PersonDay => Scope::AcrossBanks(Period::Day),
            Self::PersonYear => Scope::AcrossBanks(Period::Year),
        }
    }
}

fn hours(place: &str, text: &HoursText) -> Result<Hours, RulebookFault> {
    let weekdays = text.days.iter().try_fold(0, |days, day| weekday(place, day).map(|at| days | 1 << at))?;
    let mut closed_days: Vec<u32> =
        text.closed.iter().map(|day| value(place, day, "day like `2027-02-17`", day_of(day))).collect::<Result<_, _>>()?;
    closed_days.sort_unstable();
    closed_days.dedup();
    let (opens, closes) = (minute(place, &text.opens)?, minute(place, &text.closes)?);
    Ok(Hours { utc_offset_minutes: text.utc_offset_minutes, opens, closes, weekdays, closed_days })
}

/// Which day of the week it is: Monday is 0.
pub(crate) fn weekday(place: &str, day: &str) -> Result<usize, RulebookFault> {
    value(place, day, "weekday: mon, tue, wed, thu, fri, sat, sun", DAYS.iter().position(|known| *known == day))
}

/// A minute of the day.
pub(crate) fn minute(place: &str, text: &str) -> Result<u16, RulebookFault> {
    value(place, text, "time like `07:00`", minute_of(text))
}

fn minute_of(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':').filter(|(hour, minute)| hour.len() == 2 && minute.len() == 2)?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= 1440).then_some(hour * 60 + minute)
}

/// Days since 1970-01-01.
fn day_of(text: &str) -> Option<u32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    let since = jiff::civil::date(1970, 1, 1).until(date).ok()?;
    u32::try_from(since.get_days()).ok()
}

pub(crate) fn purposes(place: &str, all: &[String]) -> Result<Vec<Purpose>, RulebookFault> {
    all.iter().map(|text| value(place, text, "purpose of four capitals", Purpose::parse(text))).collect()
}

pub(crate) fn value<T>(place: &str, text: &str, expected: &'static str, found: Option<T>) -> Result<T, RulebookFault> {
    found.ok_or_else(|| RulebookFault::Value { place: place.to_owned(), value: text.to_owned(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Vec<Currency> {
        ["HKD", "CNY", "CNH", "USD", "EUR"].map(|code| Currency::new(code.parse().unwrap(), 2).unwrap()).to_vec()
    }

    #[test]
    fn the_rulebook_a_scheme_begins_with() {
        let book = read(CORRIDOR, 1, Time(0), &scheme()).unwrap();
        let names: Vec<&str> = book.corridors.iter().map(|corridor| corridor.code.as_str()).collect();
        assert_eq!(names, ["NORTH", "N-PAY", "SOUTH", "S-PAY", "CORP", "HOME-HK", "HOME-CN"]);
        let limits = |at: usize| -> Vec<u64> { book.corridors[at].limits.iter().map(|limit| limit.most.ceiling()).collect() };
        assert_eq!(limits(0), [1_000_000, 20_000_000], "HKD 10,000 a day and 200,000 a year at each bank");
        assert_eq!(limits(2), [1_000_000, 5_000_000], "CNY 10,000 a payment, USD 50,000 a year at all banks");
        let south = &book.corridors[2].hours;
        assert_eq!((south.utc_offset_minutes, south.opens, south.closes, south.weekdays), (480, 420, 1380, 0x7f));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let corridor = |more: &str| format!("[[corridor]]\ncode = \"A\"\n{more}");
        for (text, words) in [
            (corridor("nope = 1"), "unknown field `nope`"),
            (corridor("from = \"hk\""), "corridor A from: `hk` is no country of two capitals"),
            (corridor("currencies = [\"HKD\"]"), "corridor A currencies: `HKD` is no pair of currencies like `HKD/CNY`"),
            (corridor("currencies = [\"HKD/JPY\"]"), "corridor A currencies: `JPY` is no currency of the scheme"),
            (corridor("hours.opens = \"7:00\""), "corridor A hours: `7:00` is no time like `07:00`"),
            (corridor("hours.days = [\"friday\"]"), "corridor A hours: `friday` is no weekday"),
            (corridor("hours.closed = [\"2027-02-30\"]"), "corridor A hours: `2027-02-30` is no day like `2027-02-17`"),
            (corridor("purposes = [\"GIFTS\"]"), "corridor A purposes: `GIFTS` is no purpose of four capitals"),
            (corridor("[[corridor.limit]]\ncode = \"L\"\nper = \"payment\""), "`L` is no limit with `amount` or `payments`"),
            (
                corridor("[[corridor.limit]]\ncode = \"L\"\nper = \"payment\"\namount = [\"1.005\", \"HKD\"]"),
                "corridor A limit L: `1.005` is no amount of its currency",
            ),
            (
                corridor(
                    "currencies = [\"CNY/CNY\"]\n[[corridor.limit]]\ncode = \"L\"\nper = \"payment\"\namount = [\"1\", \"USD\"]",
                ),
                "contradicts itself",
            ),
            (corridor("hours.opens = \"09:00\"\nhours.closes = \"09:00\""), "contradicts itself"),
        ] {
            let fault = read(&text, 1, Time(0), &scheme()).unwrap_err().to_string();
            assert!(fault.contains(words), "{text}\n{fault}\n{words}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!((day_of("1970-01-01"), day_of("1970-01-02"), day_of("2026-11-25")), (Some(0), Some(1), Some(20_782)));
        assert_eq!((day_of("1969-12-31"), minute_of("24:00"), minute_of("24:01")), (None, Some(1440), None));
    }
}
