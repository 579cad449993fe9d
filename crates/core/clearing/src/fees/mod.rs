//! Fees: what the scheme charges for a payment, by tables that two officers order.
//!
//! A [`Tariff`] is a list of [`TariffLine`]s. A payment is charged by the first line that fits its corridor, its parties'
//! kinds and its purpose; without a line, or before the first tariff, it is free. The tariff is the one in force when the
//! debtor agent accepted the payment, or when it was held if its clock is ahead: what was shown then is what is charged, also
//! if the payment waits for a year.
//!
//! ```text
//! price of an amount A in its currency:  min ≤ flat + ⌊A × ppm / 10^6⌋ ≤ max          (Rounding::Down)
//! debtor bears    the price of the debit, on top of it: debit + price leave the debtor agent
//! creditor bears  the price of the credit, out of it:   credit − price reach the creditor agent
//! shared          ⌈half⌉ of the price of the debit on top, ⌊half⌋ of the price of the credit out of it
//! ```
//! So the creditor agent needs no cover for what it bears, and an exchange needs no rate for a fee. Each fee is a leg of its
//! own to the scheme's fee account of that ledger, in the payment's chain: held, posted or voided with it. What an exchange
//! provider earns is not a fee; it stays apart.
//!
//! # Invariant
//! FEE-01: what is charged equals the tariff at acceptance, and the fee accounts hold just that.
//!
//! # Limits
//! [`Tariff::LINES_MAX`], [`TariffLine::PRICES_MAX`], [`Clearing::TARIFFS_MAX`].
//!
//! # Start reading at
//! [`Price::of`], then `charges.rs`.

mod charges;
mod codec;

pub use charges::Charges;
pub(crate) use charges::{Books, Charged, Legs};

use crate::rules::{Code, PartyKind, Purpose, Terms};
use crate::{Clearing, Refusal, Time};
use money::{Amount, Currency, MinorUnits};

/// One million: a share is counted in millionths of the amount.
const PPM: u64 = 1_000_000;

/// All prices from a time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// One more than the last one's: two changes drafted at once cannot undo each other.
    pub version: u32,
    /// First acceptance time it is for. If that has passed, the centre enters the first instant behind its block: nothing that
    /// was accepted before is charged otherwise than was shown.
    pub effective_from: Time,
    /// In order: the first that fits is a payment's.
    pub lines: Vec<TariffLine>,
}

impl Tariff {
    /// Most lines.
    pub const LINES_MAX: usize = 64;
}

/// One kind of payment and its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffLine {
    /// Its name, as it is shown beside a fee.
    pub code: Code,
    /// Corridor of the rulebook; any, or none, if not given.
    pub corridor: Option<Code>,
    /// Who pays; anybody if not given.
    pub debtor: Option<PartyKind>,
    /// Who is paid; anybody if not given.
    pub creditor: Option<PartyKind>,
    /// Purposes, one of which must be said; any or none if empty.
    pub purposes: Vec<Purpose>,
    /// Who bears it.
    pub bearer: ChargeBearer,
    /// One a currency; a side whose currency is not among them bears nothing.
    pub prices: Vec<Price>,
}

impl TariffLine {
    /// Most prices.
    pub const PRICES_MAX: usize = 16;
    /// Most purposes.
    pub const PURPOSES_MAX: usize = 64;
}

/// Who bears charges (ISO `ChargeBearerType1Code`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargeBearer {
    /// `DEBT`: on top of the debit.
    Debtor,
    /// `CRED`: out of the credit.
    Creditor,
    /// `SHAR`: half and half.
    Shared,
}

impl ChargeBearer {
    /// The ISO code.
    pub const fn iso(self) -> &'static str {
        match self {
            Self::Debtor => "DEBT",
            Self::Creditor => "CRED",
            Self::Shared => "SHAR",
        }
    }
}

/// What an amount of a currency costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Of which currency.
    pub currency: Currency,
    /// In any case, in minor units.
    pub flat: MinorUnits,
    /// Of the amount, in millionths; at most one million.
    pub ppm: u32,
    /// At least this.
    pub min: MinorUnits,
    /// At most this; not below `min`.
    pub max: MinorUnits,
}

impl Price {
    /// `flat + ⌊amount × ppm / 10^6⌋`, not below `min` nor above `max`.
    pub fn of(&self, amount: MinorUnits) -> MinorUnits {
        let share = u128::from(amount.0) * u128::from(self.ppm) / u128::from(PPM);
        let raised = (share + u128::from(self.flat.0)).max(u128::from(self.min.0)).min(u128::from(self.max.0));
        MinorUnits(u64::try_from(raised).expect("the highest price is a 64-bit number"))
    }
}

/// What a payment costs, and by which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// The tariff's version.
    pub tariff: u32,
    /// The line's place in it.
    pub line: u8,
    /// The line's name.
    pub code: Code,
    /// Who bears it.
    pub bearer: ChargeBearer,
    /// How much.
    pub charges: Charges,
}

impl Tariff {
    /// What a payment costs; `None` if no line is for it. `credit` is what arrives before charges.
    pub fn price(&self, corridor: Option<Code>, terms: &Terms, debit: Amount, credit: Amount) -> Option<Priced> {
        let at = self.lines.iter().position(|line| line.fits(corridor, terms))?;
        let line = &self.lines[at];
        let charges = line.charges(debit, credit);
        Some(Priced { tariff: self.version, line: at as u8, code: line.code, bearer: line.bearer, charges })
    }

    /// Whether everything it says has a meaning, where these currencies have a ledger.
    pub fn is_valid(&self, currencies: &[Currency]) -> bool {
        let own_name = |(at, line): (usize, &TariffLine)| self.lines[..at].iter().all(|other| other.code != line.code);
        self.lines.len() <= Self::LINES_MAX
            && self.lines.iter().enumerate().all(own_name)
            && self.lines.iter().all(|line| line.is_valid(currencies))
    }
}

impl TariffLine {
    fn fits(&self, corridor: Option<Code>, terms: &Terms) -> bool {
        self.corridor.is_none_or(|wanted| corridor == Some(wanted))
            && self.debtor.is_none_or(|kind| kind == terms.debtor)
            && self.creditor.is_none_or(|kind| kind == terms.creditor)
            && (self.purposes.is_empty() || terms.purpose.is_some_and(|purpose| self.purposes.contains(&purpose)))
    }

    /// What each side bears of a payment.
    pub(crate) fn charges(&self, debit: Amount, credit: Amount) -> Charges {
        let price = |side: Amount| {
            let price = self.prices.iter().find(|price| price.currency == side.currency);
            price.map_or(0, |price| price.of(side.minor).0)
        };
        let (debtor, creditor) = match self.bearer {
            ChargeBearer::Debtor => (price(debit), 0),
            ChargeBearer::Creditor => (0, price(credit)),
            ChargeBearer::Shared => (price(debit).div_ceil(2), price(credit) / 2),
        };
        Charges { debtor: MinorUnits(debtor), creditor: MinorUnits(creditor) }
    }

    fn is_valid(&self, currencies: &[Currency]) -> bool {
        let own = |(at, price): (usize, &Price)| self.prices[..at].iter().all(|other| other.currency.code != price.currency.code);
        let sound = |price: &Price| currencies.contains(&price.currency) && u64::from(price.ppm) <= PPM && price.min <= price.max;
        self.prices.len() <= Self::PRICES_MAX
            && self.purposes.len() <= Self::PURPOSES_MAX
            && self.prices.iter().enumerate().all(own)
            && self.prices.iter().all(sound)
    }
}

impl Clearing {
    /// Most tariffs kept: those that hold or will, and earlier ones for payments that were accepted under them.
    pub const TARIFFS_MAX: usize = 64;

    /// The tariffs kept, in order of time.
    pub fn tariffs(&self) -> &[Tariff] {
        &self.fees.tariffs
    }

    /// Version of the last tariff entered; 0 before the first.
    pub fn tariff_version(&self) -> u32 {
        self.fees.version
    }

    /// The tariff for what is accepted at a time.
    pub fn tariff_at(&self, accepted_at: Time) -> Option<&Tariff> {
        self.fees.tariffs.iter().rev().find(|tariff| tariff.effective_from <= accepted_at)
    }

    /// Judges the next tariff, and says from when on it holds.
    pub(crate) fn check_tariff(&self, tariff: &Tariff) -> Result<Time, Refusal> {
        if tariff.version != self.fees.version + 1 {
            return Err(Refusal::TariffChanged);
        }
        if self.fees.tariffs.len() >= Self::TARIFFS_MAX {
            return Err(Refusal::Full);
        }
        let from = tariff.effective_from.max(self.time.after(1));
        let in_order = self.fees.tariffs.last().is_none_or(|last| last.effective_from <= from);
        if in_order && tariff.is_valid(&self.currencies) { Ok(from) } else { Err(Refusal::TariffNotValid) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };

    #[test]
    fn an_accountant_can_follow_a_price() {
        let price = Price { currency: HKD, flat: MinorUnits(100), ppm: 500, min: MinorUnits(250), max: MinorUnits(5_000) };
        // amount => flat 1.00 + 0.05 %, from 2.50 to 50.00
        for (amount, expected) in
            [(0, 250), (299_999, 250), (300_000, 250), (301_999, 250), (302_000, 251), (9_800_000, 5_000), (u64::MAX, 5_000)]
        {
            assert_eq!(price.of(MinorUnits(amount)).0, expected, "{amount}");
        }
    }

    #[test]
    fn halves_add_up_to_the_price() {
        for full in [0, 1, 2, 3, 999] {
            let price = Price { currency: HKD, flat: MinorUnits(full), ppm: 0, min: MinorUnits(0), max: MinorUnits(u64::MAX) };
            let line = TariffLine {
                code: Code::parse("A").unwrap(),
                corridor: None,
                debtor: None,
                creditor: None,
                purposes: vec![],
                bearer: ChargeBearer::Shared,
                prices: vec![price],
            };
            let side = Amount { minor: MinorUnits(100_000), currency: HKD };
            let charges = line.charges(side, side);
            assert_eq!(charges.debtor.0 + charges.creditor.0, full);
            assert!(charges.debtor >= charges.creditor, "the odd unit is the debtor's");
        }
    }
}
