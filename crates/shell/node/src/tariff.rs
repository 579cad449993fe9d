//! Tariffs as people write them, in TOML, and one to begin with.

use crate::rulebook::{KindText, Reader, RulebookFault, purposes, value};
use clearing::{ChargeBearer, Code, Price, Tariff, TariffLine, Time};
use money::{Amount, Currency, MinorUnits};
use serde::Deserialize;

/// A tariff to change and order. A new chain charges nothing until its officers order one.
pub const EXAMPLE: &str = include_str!("tariff.toml");

/// What is wrong with a tariff's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TariffFault {
    /// It is not TOML, has a key nobody knows, or a value that means nothing.
    #[error(transparent)]
    Text(#[from] RulebookFault),
    /// Each value means something, but not together.
    #[error("the tariff contradicts itself: two lines of one name, two prices of one currency, or a least price above the most")]
    Contradiction,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    line: Vec<LineText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineText {
    code: String,
    corridor: Option<String>,
    debtor: Option<KindText>,
    creditor: Option<KindText>,
    #[serde(default)]
    purposes: Vec<String>,
    bears: String,
    #[serde(default)]
    price: Vec<PriceText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceText {
    currency: String,
    flat: Option<String>,
    #[serde(default)]
    ppm: u32,
    min: Option<String>,
    max: Option<String>,
}

/// Reads a tariff for a scheme with these currencies.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str, version: u32, effective_from: Time, currencies: &[Currency]) -> Result<Tariff, TariffFault> {
    let text: Text = toml::from_str(text).map_err(|error| RulebookFault::Toml(error.to_string()))?;
    let reader = Reader { currencies };
    let lines = text.line.iter().map(|line| read_line(&reader, line)).collect::<Result<_, _>>()?;
    let tariff = Tariff { version, effective_from, lines };
    if tariff.is_valid(currencies) { Ok(tariff) } else { Err(TariffFault::Contradiction) }
}

fn read_line(reader: &Reader<'_>, text: &LineText) -> Result<TariffLine, RulebookFault> {
    const NAME: &str = "name of 1 to 8 capitals, digits or hyphens";
    let at = |key: &str| format!("line {} {key}", text.code);
    let corridor = text.corridor.as_deref().map(|name| value(&at("corridor"), name, NAME, Code::parse(name))).transpose()?;
    Ok(TariffLine {
        code: value("line code", &text.code, NAME, Code::parse(&text.code))?,
        corridor,
        debtor: text.debtor.map(KindText::kind),
        creditor: text.creditor.map(KindText::kind),
        purposes: purposes(&at("purposes"), &text.purposes)?,
        bearer: value(&at("bears"), &text.bears, "bearer of charges: DEBT, CRED or SHAR", bearer(&text.bears))?,
        prices: text.price.iter().map(|price| read_price(reader, &at("price"), price)).collect::<Result<_, _>>()?,
    })
}

fn bearer(text: &str) -> Option<ChargeBearer> {
    [ChargeBearer::Debtor, ChargeBearer::Creditor, ChargeBearer::Shared].into_iter().find(|bearer| bearer.iso() == text)
}

fn read_price(reader: &Reader<'_>, place: &str, text: &PriceText) -> Result<Price, RulebookFault> {
    let currency = reader.currency(place, &text.currency)?;
    let amount = |text: &Option<String>, default| match text {
        None => Ok(MinorUnits(default)),
        Some(text) => value(place, text, "amount of its currency", Amount::parse(text, currency).ok()).map(|amount| amount.minor),
    };
    let ppm =
        value(place, &text.ppm.to_string(), "share of at most 1000000 millionths", (text.ppm <= 1_000_000).then_some(text.ppm))?;
    Ok(Price { currency, flat: amount(&text.flat, 0)?, ppm, min: amount(&text.min, 0)?, max: amount(&text.max, u64::MAX)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Vec<Currency> {
        ["HKD", "CNY", "CNH", "USD", "EUR"].map(|code| Currency::new(code.parse().unwrap(), 2).unwrap()).to_vec()
    }

    #[test]
    fn the_example_is_a_tariff() {
        let tariff = read(EXAMPLE, 1, Time(0), &scheme()).unwrap();
        let lines: Vec<(&str, &str)> = tariff.lines.iter().map(|line| (line.code.as_str(), line.bearer.iso())).collect();
        assert_eq!(lines, [("SALARY", "DEBT"), ("SHOP", "CRED"), ("PERSON", "DEBT"), ("CORP", "SHAR")]);
        let person = &tariff.lines[2].prices[0];
        assert_eq!((person.flat.0, person.ppm, person.min.0, person.max.0), (200, 500, 0, 5_000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let line = |more: &str| format!("[[line]]\ncode = \"A\"\nbears = \"DEBT\"\n{more}");
        for (text, words) in [
            (line("nope = 1"), "unknown field `nope`"),
            ("[[line]]\ncode = \"a\"\nbears = \"DEBT\"".to_owned(), "line code: `a` is no name of 1 to 8 capitals"),
            ("[[line]]\ncode = \"A\"\nbears = \"SLEV\"".to_owned(), "line A bears: `SLEV` is no bearer of charges"),
            (line("corridor = \"north\""), "line A corridor: `north` is no name"),
            (line("purposes = [\"GIFTS\"]"), "line A purposes: `GIFTS` is no purpose of four capitals"),
            (line("price = [{ currency = \"JPY\" }]"), "line A price: `JPY` is no currency of the scheme"),
            (line("price = [{ currency = \"HKD\", flat = \"1.005\" }]"), "line A price: `1.005` is no amount of its currency"),
            (line("price = [{ currency = \"HKD\", ppm = 1000001 }]"), "`1000001` is no share of at most 1000000 millionths"),
            (line("price = [{ currency = \"HKD\", min = \"2\", max = \"1\" }]"), "contradicts itself"),
            (format!("{}{}", line(""), line("")), "contradicts itself"),
        ] {
            let fault = read(&text, 1, Time(0), &scheme()).unwrap_err().to_string();
            assert!(fault.contains(words), "{text}\n{fault}\n{words}");
        }
    }
}
