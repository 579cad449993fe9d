//! Rulebooks as tables write them:
//!
//! ```text
//! rulebook 1 [from 86400]
//! corridor NORTH HK CN person person [purposes GDDS,SCVE] [currencies HKD/CNY] [hours +480 07:00-23:00] [days MTWTFss] [closed 3,4] [queue]
//! limit N-DAY per-bank day 10000.00 HKD [exempt SALA]      # payment | per-bank day | per-bank year | across day | across year
//! limit N-COUNT per-bank day 5                             # payments
//! reference CNY USD 0.14
//! enter                                                    => done | CLR-1040
//! ```
//! All amounts have two decimals. `*` stands for any country or party.

use clearing::{
    Basis, Clearing, Code, Corridor, Country, Hours, Limit, Most, OutsideHours, PairKey, PartyKind, Pay, Period, PersonKey,
    Purpose, ReferenceRate, Rulebook, Scope, Terms, Time, Uetr,
};
use money::{Amount, Currency, CurrencyCode, MinorUnits, Rate};

const SECOND: u64 = 1_000_000_000;

pub fn line(draft: &mut Option<Rulebook>, words: &[&str]) -> Result<String, String> {
    if let ["rulebook", version, rest @ ..] = words {
        *draft = Some(Rulebook {
            version: version.parse().map_err(|_| "version")?,
            effective_from: Time(option(rest, "from").map_or(0, |seconds| seconds.parse::<u64>().unwrap() * SECOND)),
            corridors: Vec::new(),
            reference_rates: Vec::new(),
        });
        return Ok("done".into());
    }
    let book = draft.as_mut().ok_or("no rulebook")?;
    match *words {
        ["corridor", code, from, to, debtor, creditor, ref rest @ ..] => {
            book.corridors.push(corridor(code, [from, to], [debtor, creditor], rest));
        }
        ["limit", code, ref rest @ ..] => {
            let limit = limit(code, rest)?;
            book.corridors.last_mut().ok_or("no corridor")?.limits.push(limit);
        }
        ["reference", from, to, rate] => {
            book.reference_rates.push(ReferenceRate { from: currency(from), to: currency(to), rate: Rate::parse(rate).unwrap() });
        }
        _ => return Err("no such line of a rulebook".into()),
    }
    Ok("done".into())
}

fn corridor(code: &str, [from, to]: [&str; 2], [debtor, creditor]: [&str; 2], rest: &[&str]) -> Corridor {
    let country = |text: &str| (text != "*").then(|| Country::parse(text).unwrap());
    let kind = |text: &str| (text != "*").then(|| party(text));
    let pairs = option(rest, "currencies").unwrap_or_default();
    Corridor {
        code: Code::parse(code).unwrap(),
        from: country(from),
        to: country(to),
        debtor: kind(debtor),
        creditor: kind(creditor),
        purposes: purposes(option(rest, "purposes")),
        currencies: list(pairs).map(|pair| pair.split_once('/').unwrap()).map(|(d, c)| (currency(d), currency(c))).collect(),
        hours: hours(rest),
        outside_hours: if rest.contains(&"queue") { OutsideHours::Queue } else { OutsideHours::Reject },
        limits: Vec::new(),
    }
}

fn hours(rest: &[&str]) -> Hours {
    let mut hours = Hours::always();
    if let Some(at) = rest.iter().position(|&word| word == "hours") {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':').unwrap();
            hour.parse::<u16>().unwrap() * 60 + minute.parse::<u16>().unwrap()
        };
        let (opens, closes) = rest[at + 2].split_once('-').unwrap();
        hours.utc_offset_minutes = rest[at + 1].parse().unwrap();
        (hours.opens, hours.closes) = (minute(opens), minute(closes));
    }
    if let Some(days) = option(rest, "days") {
        hours.weekdays = days.chars().enumerate().map(|(at, day)| u8::from(day.is_uppercase()) << at).sum();
    }
    hours.closed_days = list(option(rest, "closed").unwrap_or_default()).map(|day| day.parse().unwrap()).collect();
    hours
}

fn limit(code: &str, words: &[&str]) -> Result<Limit, String> {
    let (scope, rest) = match *words {
        ["payment", ref rest @ ..] => (Scope::Payment, rest),
        ["per-bank", period, ref rest @ ..] => (Scope::PerBank(self::period(period)?), rest),
        ["across", period, ref rest @ ..] => (Scope::AcrossBanks(self::period(period)?), rest),
        _ => return Err("scope of a limit".into()),
    };
    let most = match *rest {
        [amount, code, ..] if code.len() == 3 => {
            let unit = Currency::new(currency(code), 2).unwrap();
            Most::Amount { currency: unit, minor: Amount::parse(amount, unit).unwrap().minor }
        }
        [count, ..] => Most::Payments(count.parse().map_err(|_| "count")?),
        [] => return Err("measure of a limit".into()),
    };
    Ok(Limit { code: Code::parse(code).ok_or("name of a limit")?, scope, most, exempt: purposes(option(rest, "exempt")) })
}

fn period(text: &str) -> Result<Period, String> {
    match text {
        "day" => Ok(Period::Day),
        "year" => Ok(Period::Year),
        _ => Err("period".into()),
    }
}

fn uetr(name: &str) -> Uetr {
    let mut uetr = [0; 16];
    uetr[..name.len()].copy_from_slice(name.as_bytes());
    Uetr(uetr)
}

/// What a payment's line says to the rulebook.
pub fn terms(rest: &[&str]) -> Terms {
    let kind = |word| option(rest, word).map_or(PartyKind::Person, party);
    Terms {
        debtor: kind("debtor"),
        creditor: kind("creditor"),
        purpose: option(rest, "purpose").map(|text| Purpose::parse(text).unwrap()),
        person: option(rest, "person").map(|name| PersonKey(key(name))),
        execute_at: option(rest, "execute").map(|seconds| Time(seconds.parse::<u64>().unwrap() * SECOND)),
        pair: option(rest, "pair").map(|name| PairKey(key(name))),
        new_payee: rest.contains(&"new-payee"),
        basis: match (option(rest, "on"), option(rest, "for")) {
            (Some(request), _) => Basis::Request(uetr(request)),
            (None, Some(collection)) => Basis::Collection(uetr(collection)),
            (None, None) => Basis::Plain,
        },
    }
}

/// How a payment would fare, in words.
pub fn what_if(clearing: &Clearing, pay: &Pay) -> String {
    let found = match clearing.what_if(pay) {
        None => return "no rulebook".into(),
        Some(Err(rejection)) => return rejection.iso_reason().to_string(),
        Some(Ok(found)) => found,
    };
    let mut words = found.corridor.to_string();
    for quota in &found.quotas {
        let (used, most) = match quota.currency {
            None => (quota.used.to_string(), format!("{} payments", quota.most)),
            Some(unit) => {
                let text = |minor| Amount { minor: MinorUnits(minor), currency: unit };
                (text(quota.used).to_string(), format!("{} {}", text(quota.most), unit.code))
            }
        };
        words += &format!(" {} {used} of {most}", quota.limit);
    }
    if let Some(until) = found.waits_until {
        words += &format!(" waits until {}", until.0 / SECOND);
    }
    if let Some(rejection) = found.rejection {
        words += &format!(" {}", rejection.iso_reason());
    }
    words
}

fn key(name: &str) -> [u8; 16] {
    let mut key = [0; 16];
    key[..name.len()].copy_from_slice(name.as_bytes());
    key
}

fn party(text: &str) -> PartyKind {
    if text == "institution" { PartyKind::Institution } else { PartyKind::Person }
}

fn purposes(text: Option<&str>) -> Vec<Purpose> {
    list(text.unwrap_or_default()).map(|text| Purpose::parse(text).unwrap()).collect()
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|part| !part.is_empty())
}

fn option<'a>(rest: &[&'a str], word: &str) -> Option<&'a str> {
    rest.iter().position(|&found| found == word).map(|at| rest[at + 1])
}

fn currency(code: &str) -> CurrencyCode {
    code.parse().expect("a currency code")
}
