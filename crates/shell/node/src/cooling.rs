//! What cools off, as people write it, in TOML.

use crate::rulebook::{Reader, RulebookFault, value};
use clearing::{Code, CoolingOff, CoolingRule};
use money::{Amount, Currency};
use serde::Deserialize;

/// Terms to change and order. In a new chain nothing cools off until its officers order it.
pub const EXAMPLE: &str = include_str!("cooling.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    risk_review_wait_s: u32,
    #[serde(default)]
    rule: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    corridor: Option<String>,
    from: (String, String),
    wait_s: u32,
}

/// Reads terms for a scheme with these currencies.
///
/// # Errors
/// The first thing that is wrong.
pub fn read(text: &str, currencies: &[Currency]) -> Result<CoolingOff, RulebookFault> {
    let text: Text = toml::from_str(text).map_err(|error| RulebookFault::Toml(error.to_string()))?;
    let reader = Reader { currencies };
    let rules = text.rule.iter().map(|rule| read_rule(&reader, rule)).collect::<Result<_, _>>()?;
    Ok(CoolingOff { rules, review_wait_ns: wait_ns("risk_review_wait_s", text.risk_review_wait_s)? })
}

fn read_rule(reader: &Reader<'_>, text: &RuleText) -> Result<CoolingRule, RulebookFault> {
    const NAME: &str = "name of 1 to 8 capitals, digits or hyphens";
    let corridor = text.corridor.as_deref().map(|name| value("rule corridor", name, NAME, Code::parse(name))).transpose()?;
    let (amount, code) = (&text.from.0, &text.from.1);
    let currency = reader.currency("rule from", code)?;
    let from = value("rule from", amount, "amount of its currency", Amount::parse(amount, currency).ok())?.minor;
    Ok(CoolingRule { corridor, currency, from, wait_ns: wait_ns("rule wait_s", text.wait_s)? })
}

fn wait_ns(place: &str, seconds: u32) -> Result<u64, RulebookFault> {
    let nanos = u64::from(seconds) * 1_000_000_000;
    value(place, &seconds.to_string(), "number of seconds in seven days", (nanos <= CoolingOff::WAIT_NS_MAX).then_some(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Vec<Currency> {
        ["HKD", "CNY"].map(|code| Currency::new(code.parse().unwrap(), 2).unwrap()).to_vec()
    }

    #[test]
    fn the_example_is_read() {
        let terms = read(EXAMPLE, &scheme()).unwrap();
        assert_eq!((terms.rules.len(), terms.review_wait_ns), (2, 7_200_000_000_000));
        assert_eq!((terms.rules[0].from.0, terms.rules[0].wait_ns), (500_000, 7_200_000_000_000));
        assert!(terms.is_valid(&scheme()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("nope = 1", "unknown field `nope`"),
            ("risk_review_wait_s = 604801", "risk_review_wait_s: `604801` is no number of seconds in seven days"),
            ("rule = [{ from = [\"1\", \"JPY\"], wait_s = 1 }]", "rule from: `JPY` is no currency of the scheme"),
            ("rule = [{ from = [\"x\", \"HKD\"], wait_s = 1 }]", "rule from: `x` is no amount of its currency"),
            ("rule = [{ corridor = \"a\", from = [\"1\", \"HKD\"], wait_s = 1 }]", "rule corridor: `a` is no name"),
        ] {
            let fault = read(text, &scheme()).unwrap_err().to_string();
            assert!(fault.contains(words), "{text}\n{fault}");
        }
    }
}
