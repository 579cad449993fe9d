//! Quotes and rates as JSON: what the gateway takes is what is written, to the last minor unit.

use crate::Target;
use clearing::FixedSide;
use gateway::hooks::{QuoteAsked, RateOffered};
use money::{Amount, Currency, CurrencyCode, MinorUnits, Rate, Rounding};
use serde_json::{Value, json};

pub(crate) const TARGET: Target = Target {
    name: "gateway_json",
    about: "a body that is taken, written plainly, is taken as the same; rates round as told and never gain",
    run,
    seeds,
    words: &[
        "\"debit_currency\":",
        "\"credit_currency\":",
        "\"fixed\":",
        "\"amount\":",
        "\"rate\":",
        "\"spread_ppm\":",
        "\"credit_max\":",
        "\"valid_for_s\":",
        "\"HKD\"",
        "\"JPY\"",
        "\"CNY\"",
        "\"credit\"",
        "\"debit\"",
        "4294967296",
        "86400",
        "86401",
        "-1",
        "1e3",
        "null",
        "{}",
        "[",
        "\\u0030",
        "0.00000000001",
        "99999999999",
        "18446744073709551615",
        ".5",
        "0",
        "\"",
    ],
};

fn known(code: CurrencyCode) -> Option<Currency> {
    match code.as_str() {
        "HKD" | "CNY" | "USD" | "EUR" => Some(Currency { code, exponent: 2 }),
        "JPY" => Some(Currency { code, exponent: 0 }),
        "KWD" => Some(Currency { code, exponent: 3 }),
        _ => None,
    }
}

fn run(input: &[u8]) -> bool {
    let quote = gateway::hooks::quote(input, &known);
    let rate = gateway::hooks::rate(input, &known);
    assert!(quote.is_none() || rate.is_none(), "a body is a quote or a rate");
    if let Some(asked) = quote {
        quote_holds(input, &asked);
    }
    if let Some(offered) = rate {
        rate_holds(input, &offered);
    }
    if let Ok(text) = core::str::from_utf8(input)
        && let Ok(rate) = Rate::parse(text)
    {
        converts(rate, u64::from(input[0]), known(CurrencyCode::HKD), known(CurrencyCode::CNY));
    }
    quote.is_some() || rate.is_some()
}

fn quote_holds(input: &[u8], asked: &QuoteAsked) {
    let (side, minor, currency) = match asked.fixed {
        FixedSide::Debit(minor) => ("debit", minor, asked.debit),
        FixedSide::Credit(minor) => ("credit", minor, asked.credit),
    };
    let amount = Amount { minor, currency };
    let plain = json!({
        "debit_currency": asked.debit.code.as_str(),
        "credit_currency": asked.credit.code.as_str(),
        "fixed": side,
        "amount": amount.to_string(),
    });
    assert_eq!(gateway::hooks::quote(plain.to_string().as_bytes(), &known).as_ref(), Some(asked));
    has_members(input, &plain);
}

fn rate_holds(input: &[u8], offered: &RateOffered) {
    let plain = json!({
        "debit_currency": offered.debit.code.as_str(),
        "credit_currency": offered.credit.code.as_str(),
        "rate": offered.rate.to_string(),
        "spread_ppm": offered.spread_ppm,
        "credit_max": offered.credit_max.to_string(),
        "valid_for_s": offered.valid_for_s,
    });
    assert_eq!(gateway::hooks::rate(plain.to_string().as_bytes(), &known).as_ref(), Some(offered));
    assert!((1..=86_400).contains(&offered.valid_for_s));
    has_members(input, &plain);
    converts(offered.rate, offered.credit_max.minor.0, Some(offered.debit), Some(offered.credit));
}

/// The input is JSON with these members and no others, and the words in it are the same.
fn has_members(input: &[u8], plain: &Value) {
    let body: Value = serde_json::from_slice(input).expect("taken, so JSON");
    let (body, plain) = (body.as_object(), plain.as_object());
    // A sequence of the values in the struct's order is taken as well.
    let (Some(body), Some(plain)) = (body, plain) else { panic!("a body is an object") };
    assert_eq!(body.len(), plain.len(), "{body:?}");
    for (name, value) in plain {
        let given = body.get(name).unwrap_or_else(|| panic!("no {name} in {body:?}"));
        let is_decimal = matches!(name.as_str(), "amount" | "rate" | "credit_max");
        assert!(is_decimal && given.is_string() || given == value, "{name}: {given} was taken for {value}");
    }
}

/// Down and up enclose the exact value; there and back never gains.
fn converts(rate: Rate, minor: u64, from: Option<Currency>, to: Option<Currency>) {
    assert_eq!(Rate::parse(&rate.to_string()), Ok(rate), "a rate prints as it reads");
    let (Some(from), Some(to)) = (from, to) else { return };
    let convert = |rounding| rate.convert(MinorUnits(minor), from, to, rounding);
    let (Ok(down), Ok(up)) = (convert(Rounding::Down), convert(Rounding::Up)) else { return };
    assert!(down <= up && up.0 - down.0 <= 1, "{down:?} to {up:?}");
    let back = rate.convert_back(down, from, to, Rounding::Up).expect("no more than there was");
    assert!(back.0 <= minor, "{minor} became {back:?}");
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let quote = json!({ "debit_currency": "HKD", "credit_currency": "CNY", "fixed": "credit", "amount": "500.00" });
    let yen = json!({ "debit_currency": "JPY", "credit_currency": "KWD", "fixed": "debit", "amount": "12000" });
    let rate = json!({
        "debit_currency": "HKD", "credit_currency": "CNY", "rate": "0.9216", "spread_ppm": 1500,
        "credit_max": "10000.00", "valid_for_s": 600,
    });
    [("quote", quote.to_string()), ("quote-yen", yen.to_string()), ("rate", rate.to_string()), ("bare-rate", "7.8012".into())]
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .into()
}
