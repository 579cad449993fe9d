//! Rulebooks of simulated runs: limits so small that they are reached, a day that ends and hours that close within minutes.
//!
//! Corridors are those of Hong Kong and Shenzhen in small. Their clock is set so that midnight comes while the story goes on:
//! around it the corridors may be closed.

use crate::stage::BEGINNING_NS;
use bank::CURRENCIES;
use clearing::{
    Code, Corridor, Country, Hours, Limit, Most, OutsideHours, PartyKind, Period, Purpose, ReferenceRate, Rulebook, Scope, Time,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use serde::{Deserialize, Serialize};

const MINUTE_NS: u64 = 60_000_000_000;
const DAY_MINUTES: u64 = 1440;

/// What a rulebook says, as far as runs differ in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTerms {
    /// So many minutes after the run's beginning a day of the corridors ends.
    pub midnight_min: u16,
    /// For so many minutes before that they are closed.
    pub closed_before_min: u16,
    /// For so many minutes behind it they are still.
    pub closed_after_min: u16,
    /// Whether payments wait meanwhile, or are rejected.
    pub queue: bool,
    /// Most of one payment, in minor units of HKD.
    pub payment_minor: u64,
    /// Most a person pays at one bank in a day.
    pub bank_day_minor: u64,
    /// Most a person pays at all banks in a day.
    pub day_minor: u64,
    /// Most payments of a person at all banks in a year.
    pub year_payments: u32,
    /// Whether it contradicts itself: the centre must refuse it.
    pub is_senseless: bool,
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("capitals and hyphens")
}

fn country(text: &str) -> Option<Country> {
    Country::parse(text)
}

fn hkd() -> Currency {
    *CURRENCIES.iter().find(|currency| currency.code == CurrencyCode::HKD).expect("a currency of the sample banks")
}

impl BookTerms {
    /// The rulebook that says it.
    pub fn book(&self, version: u32, effective_from: Time) -> Rulebook {
        let across = [("NORTH", "HK", "CN"), ("SOUTH", "CN", "HK")].map(|(name, from, to)| Corridor {
            from: country(from),
            to: country(to),
            debtor: Some(PartyKind::Person),
            purposes: [*b"GDDS", *b"SUPP"].map(Purpose).to_vec(),
            currencies: pairs(),
            hours: self.hours(),
            outside_hours: if self.queue { OutsideHours::Queue } else { OutsideHours::Reject },
            limits: self.limits(),
            ..open(name)
        });
        let mut corridors = across.to_vec();
        corridors.push(Corridor { debtor: Some(PartyKind::Institution), ..open("CORP") });
        corridors.push(Corridor { from: country("HK"), to: country("HK"), ..open("HOME") });
        Rulebook { version, effective_from, corridors, reference_rates: reference_rates() }
    }

    /// From behind the closed minutes of one midnight to before those of the next.
    fn hours(&self) -> Hours {
        let began = BEGINNING_NS / MINUTE_NS % DAY_MINUTES;
        let midnight = u64::from(self.midnight_min);
        // That clock has to show midnight then.
        let behind = (began + midnight) % DAY_MINUTES;
        let closes = if self.is_senseless { self.closed_after_min } else { 1440 - self.closed_before_min };
        Hours { utc_offset_minutes: -(behind as i16), opens: self.closed_after_min, closes, ..Hours::always() }
    }

    fn limits(&self) -> Vec<Limit> {
        let amount = |minor| Most::Amount { currency: hkd(), minor: MinorUnits(minor) };
        let limit = |name, scope, most| Limit { code: code(name), scope, most, exempt: Vec::new() };
        vec![
            limit("TX", Scope::Payment, amount(self.payment_minor)),
            limit("BANK-DAY", Scope::PerBank(Period::Day), amount(self.bank_day_minor)),
            limit("ALL-DAY", Scope::AcrossBanks(Period::Day), amount(self.day_minor)),
            limit("ALL-YEAR", Scope::AcrossBanks(Period::Year), Most::Payments(self.year_payments)),
        ]
    }
}

/// A corridor for everything, always.
fn open(name: &str) -> Corridor {
    Corridor {
        code: code(name),
        from: None,
        to: None,
        debtor: None,
        creditor: None,
        purposes: Vec::new(),
        currencies: Vec::new(),
        hours: Hours::always(),
        outside_hours: OutsideHours::Reject,
        limits: Vec::new(),
    }
}

/// Everything but from CNY to USD, which some customers will ask for.
fn pairs() -> Vec<(CurrencyCode, CurrencyCode)> {
    let codes = CURRENCIES.map(|currency| currency.code);
    let all = codes.iter().flat_map(|from| codes.iter().map(move |to| (*from, *to)));
    all.filter(|pair| *pair != (CurrencyCode::CNY, CurrencyCode::USD)).collect()
}

fn reference_rates() -> Vec<ReferenceRate> {
    let rate = |(from, text): (CurrencyCode, &str)| ReferenceRate {
        from,
        to: CurrencyCode::HKD,
        rate: Rate::parse(text).expect("digits with a point"),
    };
    let of = |currency: &Currency| (currency.code != CurrencyCode::HKD).then_some((currency.code, "1.0900"));
    CURRENCIES.iter().filter_map(of).map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> BookTerms {
        BookTerms {
            midnight_min: 1,
            closed_before_min: 0,
            closed_after_min: 1,
            queue: true,
            payment_minor: 1,
            bank_day_minor: 1,
            day_minor: 1,
            year_payments: 1,
            is_senseless: false,
        }
    }

    #[test]
    fn a_day_ends_and_the_corridor_closes_within_the_story() {
        let at = |seconds: u64| Time(BEGINNING_NS + seconds * 1_000_000_000);
        let hours = terms().hours();
        for (seconds, open) in [(0, true), (59, true), (60, false), (119, false), (120, true)] {
            assert_eq!(hours.is_open(at(seconds)), open, "{seconds}");
        }
        assert_eq!(hours.next_opening(at(61)), Some(at(120)));
    }

    #[test]
    fn a_rulebook_has_a_meaning_or_not_as_said() {
        let book = |is_senseless| BookTerms { is_senseless, ..terms() }.book(1, Time(0));
        assert!(book(false).is_valid(&CURRENCIES));
        assert!(!book(true).is_valid(&CURRENCIES));
    }
}
