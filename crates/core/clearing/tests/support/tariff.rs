//! Tariffs as tables write them:
//!
//! ```text
//! tariff 1 [from 86400]
//! line N-STD DEBT [corridor NORTH] [debtor person] [creditor institution] [purposes GDDS,SCVE]      # DEBT | CRED | SHAR
//! price HKD flat 1.00 ppm 500 [min 2.50] [max 50.00]
//! enter-tariff                                            => done | CLR-1164
//! charges HARB PENG 100.00 HKD [terms of a payment]       => 1 N-STD DEBT 2.50 + 0.00
//! ```
//! All amounts have two decimals. Charges: version, line and bearer, on top of the debit and out of the credit.

use clearing::{ChargeBearer, Clearing, Code, PartyKind, Pay, Price, Purpose, Tariff, TariffLine, Time};
use money::{Amount, Currency, MinorUnits};

const SECOND: u64 = 1_000_000_000;

pub fn line(draft: &mut Option<Tariff>, words: &[&str]) -> Result<String, String> {
    if let ["tariff", version, rest @ ..] = words {
        *draft = Some(Tariff {
            version: version.parse().map_err(|_| "version")?,
            effective_from: Time(option(rest, "from").map_or(0, |seconds| seconds.parse::<u64>().unwrap() * SECOND)),
            lines: Vec::new(),
        });
        return Ok("done".into());
    }
    let tariff = draft.as_mut().ok_or("no tariff")?;
    match *words {
        ["line", code, bearer, ref rest @ ..] => tariff.lines.push(TariffLine {
            code: Code::parse(code).ok_or("name of a line")?,
            corridor: option(rest, "corridor").map(|code| Code::parse(code).unwrap()),
            debtor: option(rest, "debtor").map(party),
            creditor: option(rest, "creditor").map(party),
            purposes: option(rest, "purposes").unwrap_or_default().split(',').filter_map(Purpose::parse).collect(),
            bearer: match bearer {
                "DEBT" => ChargeBearer::Debtor,
                "CRED" => ChargeBearer::Creditor,
                "SHAR" => ChargeBearer::Shared,
                _ => return Err("bearer".into()),
            },
            prices: Vec::new(),
        }),
        ["price", code, ref rest @ ..] => {
            let currency = Currency::new(code.parse().map_err(|_| "currency")?, 2).unwrap();
            let amount = |word, default| {
                option(rest, word).map_or(MinorUnits(default), |text| Amount::parse(text, currency).unwrap().minor)
            };
            tariff.lines.last_mut().ok_or("no line")?.prices.push(Price {
                currency,
                flat: amount("flat", 0),
                ppm: option(rest, "ppm").map_or(0, |ppm| ppm.parse().unwrap()),
                min: amount("min", 0),
                max: amount("max", u64::MAX),
            });
        }
        _ => return Err("no such line of a tariff".into()),
    }
    Ok("done".into())
}

/// What a payment that is accepted now would be charged.
pub fn charges(clearing: &Clearing, pay: &Pay) -> String {
    let corridor = match clearing.what_if(pay) {
        None => None,
        Some(Ok(found)) => Some(found.corridor),
        Some(Err(rejection)) => return rejection.iso_reason().to_string(),
    };
    let currency = *clearing.currencies().iter().find(|currency| currency.code == pay.debit_currency).unwrap();
    let side = Amount { minor: pay.debit, currency };
    let priced = clearing.tariff_at(pay.accepted_at).and_then(|tariff| tariff.price(corridor, &pay.terms, side, side));
    priced.map_or("free".into(), |priced| {
        let text = |minor| Amount { minor, currency }.to_string();
        let (debtor, creditor) = (text(priced.charges.debtor), text(priced.charges.creditor));
        format!("{} {} {} {debtor} + {creditor}", priced.tariff, priced.code, priced.bearer.iso())
    })
}

fn party(text: &str) -> PartyKind {
    if text == "institution" { PartyKind::Institution } else { PartyKind::Person }
}

fn option<'a>(rest: &[&'a str], word: &str) -> Option<&'a str> {
    rest.iter().position(|&found| found == word).map(|at| rest[at + 1])
}
