//! What customers type: orders, mobile numbers, names. QR codes are not part of the product, so nothing reads one here.
//!
//! An input is lines: the fields of an order in the order of the form, then names to compare with the payee's.

use crate::Target;
use crate::pieces::Pieces;
use bank::CURRENCIES;
use bank::names::{MaskRule, Nearness, compare, masked};
use bank::order::{Order, PURPOSES, PayeeNumber, TEXT_CHARS_MAX, TypedOrder, When, normal_mobile};
use banklink::FixedSide;
use iso20022::generated::{Max34Text, Max140Text};

pub(crate) const TARGET: Target = Target {
    name: "bank_input",
    about: "an order that is read means what was typed, and typed again is the same; masked names give nothing away",
    run,
    seeds,
    words: &[
        "388100200301/HKD",
        "PENGCNBSXXX",
        "+852 6123 4567",
        "+86-139 0001 0001",
        "+852",
        "(",
        "1,234.50",
        ",000",
        ".",
        "0",
        "１",
        "credit",
        "debit",
        "CNY",
        "HKD",
        "GDDS",
        "陳大文",
        "陈大文",
        "CHAN Tai Man",
        "Mr. ",
        "\u{3000}",
        "\u{200b}",
        "\u{301}",
        "ß",
        "İ",
        "’",
        "'",
        "\u{202e}",
        "<",
        "·",
        "𠮷",
        "li@na.example",
    ],
};

const OWN_BIC: &str = "HARBHKHHXXX";

fn run(input: &[u8]) -> bool {
    let mut pieces = Pieces(input);
    let mut line = || pieces.line().unwrap_or_default().to_owned();
    let typed = TypedOrder {
        from: line(),
        agent: line(),
        payee: line(),
        name: line(),
        amount: line(),
        fixed: line(),
        credit_currency: line(),
        purpose: line(),
        note: line(),
        when: line(),
        on: line(),
    };
    if let Some(mobile) = normal_mobile(&typed.payee) {
        is_mobile(&mobile);
    }
    let others: Vec<&str> = core::iter::from_fn(|| pieces.line()).take(8).collect();
    names_hold(&typed.name, &others);
    let Ok(order) = typed.read(OWN_BIC, &CURRENCIES) else { return false };
    order_holds(&typed, &order);
    true
}

fn order_holds(typed: &TypedOrder, order: &Order) {
    let again = TypedOrder {
        from: format!("{}/{}", order.account, order.debit_currency.code),
        agent: order.agent.clone(),
        payee: order.payee.as_str().to_owned(),
        name: order.name.clone(),
        amount: order.amount.to_string(),
        fixed: if order.fixed == FixedSide::Credit { "credit" } else { "debit" }.to_owned(),
        credit_currency: order.credit_currency.code.to_string(),
        purpose: order.purpose.clone(),
        note: order.note.clone(),
        when: match &order.when {
            When::AtOnce => "now",
            When::InTwoHours => "two_hours",
            When::NextDay => "next_day",
            When::On(_) => "date",
        }
        .to_owned(),
        on: if let When::On(day) = &order.when { day.clone() } else { String::new() },
    };
    assert_eq!(again.read(OWN_BIC, &CURRENCIES).as_ref(), Ok(order), "typed as {typed:?}");
    let side = if order.fixed == FixedSide::Credit { order.credit_currency } else { order.debit_currency };
    assert_eq!(order.amount.currency, side);
    assert_eq!(Some(u128::from(order.amount.minor.0)), meant(&typed.amount, side.exponent), "typed as {:?}", typed.amount);
    assert!(order.amount.minor.0 > 0 && PURPOSES.contains(&order.purpose.as_str()) && order.agent != OWN_BIC);
    match &order.payee {
        PayeeNumber::Mobile(number) => is_mobile(number),
        PayeeNumber::Account(number) => {
            assert!(number.bytes().all(|byte| byte.is_ascii_alphanumeric()) && Max34Text::new(number).is_ok(), "{number:?}");
        }
    }
    assert!(Max140Text::new(&order.name).is_ok(), "a message cannot carry the name {:?}", order.name);
    let note = order.note.chars().count();
    assert!(note <= TEXT_CHARS_MAX && (note == 0 || Max140Text::new(&order.note).is_ok()), "nor the note {:?}", order.note);
}

/// Minor units by another way than the product's: all digits with the point moved.
fn meant(typed: &str, exponent: u8) -> Option<u128> {
    let plain: String = typed.trim().chars().filter(|&character| character != ',').collect();
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let fraction = format!("{fraction:0<width$}", width = usize::from(exponent));
    let (kept, cut) = fraction.split_at_checked(usize::from(exponent))?;
    cut.bytes().all(|digit| digit == b'0').then(|| format!("{whole}{kept}").parse().ok())?
}

fn is_mobile(number: &str) {
    assert_eq!(normal_mobile(number).as_deref(), Some(number), "a normal mobile number stays as it is");
    let local = number.strip_prefix("+852-").filter(|local| local.len() == 8);
    let local = local.or_else(|| number.strip_prefix("+86-").filter(|local| local.len() == 11));
    assert!(local.is_some_and(|local| local.bytes().all(|digit| digit.is_ascii_digit())), "{number}");
}

fn names_hold(name: &str, others: &[&str]) {
    let same = compare(name, name);
    assert!(matches!(same, Nearness::Same | Nearness::No), "a name is near itself only: {name:?}");
    for other in others {
        assert_eq!(compare(name, other), compare(other, name), "{name:?} and {other:?}");
    }
    for name in others.iter().copied().chain([name]) {
        gives_little_away(name);
    }
}

/// Of every word but a family name, two characters show at most.
fn gives_little_away(name: &str) {
    let shown = masked(name, MaskRule::FamilyShown);
    let (words, shown): (Vec<&str>, Vec<&str>) = (name.split_whitespace().collect(), shown.split(' ').collect());
    let shown = if words.is_empty() { Vec::new() } else { shown };
    assert_eq!(words.len(), shown.len(), "{name:?} as {shown:?}");
    let hidden = if words.len() > 1 { 1 } else { 0 };
    for (word, shown) in words.iter().zip(shown).skip(hidden) {
        let plain = shown.chars().filter(|&character| character != '*').count();
        assert!(plain <= 2 && shown.contains('*'), "{word:?} shows as {shown:?}");
    }
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let account = [
        "388100200301/HKD",
        "PENGCNBSXXX",
        "6217 0020 0001 0001",
        " LI   Na ",
        "1,234.50",
        "debit",
        "CNY",
        "GDDS",
        "Tea, 2 boxes",
        "Li Na",
        "LI N.",
        "李娜",
        "",
    ];
    let mobile = [
        "388100200301/CNY",
        "PENGCNBSXXX",
        "+86 139-0001-0001",
        "陳大文",
        "8.00",
        "credit",
        "CNY",
        "GIFT",
        "",
        "陈大文",
        "CHAN Tai Man",
        "Chan, Taiman",
    ];
    let dollars = ["1/USD", "LIONHKHHXXX", "+852 (6123) 4567", "Sean O'Neil", "100", "credit", "EUR", "OTHR", "A·B"];
    [("account", account.join("\n")), ("mobile", mobile.join("\n")), ("dollars", dollars.join("\n"))]
        .map(|(name, text)| (name.to_owned(), text.into_bytes()))
        .into()
}
