//! Rates and quotes, by the formulas of the rulebook.

use super::{Expected, Model};
use clearing::{AccountPurpose, FixedSide, PublishRate, RequestQuote};
use money::CurrencyCode;

const MILLION: i128 = 1_000_000;

/// A provider's offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Credit minor units for so many debit minor units.
    numerator: i128,
    denominator: i128,
    ppm: i128,
    credit_max: i128,
    valid_until_ns: u64,
}

/// A firm quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quoted {
    pub(crate) debtor: u32,
    pub(crate) provider: u32,
    pub(crate) debit_currency: CurrencyCode,
    pub(crate) credit_currency: CurrencyCode,
    pub(crate) debit: i128,
    pub(crate) credit: i128,
    pub(crate) principal: i128,
    pub(crate) spread: i128,
    pub(crate) remainder: i128,
    pub(crate) expires_ns: u64,
    pub(crate) used: bool,
}

impl Offer {
    /// What a debit brings: `⌊(debit − spread) × rate⌋`.
    fn brings(&self, debit: i128) -> i128 {
        (debit - self.spread(debit)) * self.numerator / self.denominator
    }

    /// What a credit costs before spread: `⌈credit / rate⌉`.
    fn principal(&self, credit: i128) -> i128 {
        (credit * self.denominator + self.numerator - 1) / self.numerator
    }

    /// `⌊debit × ppm / 10^6⌋`.
    fn spread(&self, debit: i128) -> i128 {
        debit * self.ppm / MILLION
    }

    /// The smallest debit whose spread leaves the principal, found by halving.
    fn debit_for(&self, principal: i128) -> i128 {
        let (mut low, mut high) = (principal, principal * MILLION / (MILLION - self.ppm) + 2);
        while low < high {
            let middle = (low + high) / 2;
            if middle - self.spread(middle) >= principal { high = middle } else { low = middle + 1 }
        }
        low
    }
}

impl Model {
    pub(super) fn publish(&mut self, publish: &PublishRate) -> Result<Expected, &'static str> {
        let provides = self.live(publish.provider.0)?.provides;
        if !provides {
            return Err("CLR-1014");
        }
        if i128::from(publish.spread_ppm) >= MILLION {
            return Err("CLR-1016");
        }
        let (debit, credit) = (publish.debit_currency, publish.credit_currency);
        let (from, to) = self.pair(debit, credit)?;
        if !self.serves(publish.provider.0, debit) || !self.serves(publish.provider.0, credit) {
            return Err("CLR-1010");
        }
        let offer = Offer {
            numerator: i128::from(publish.rate.numerator()) * 10i128.pow(u32::from(to)),
            denominator: 10i128.pow(u32::from(publish.rate.decimals())) * 10i128.pow(u32::from(from)),
            ppm: i128::from(publish.spread_ppm),
            credit_max: i128::from(publish.credit_max.0),
            valid_until_ns: publish.valid_until.0,
        };
        self.offers.entry((debit, credit)).or_default().insert(publish.provider.0, offer);
        Ok(Expected::Done)
    }

    pub(super) fn quote(&mut self, request: &RequestQuote) -> Result<Expected, &'static str> {
        self.live(request.debtor_agent.0)?;
        if self.quotes.contains_key(&request.quote.0) {
            return Err("CLR-1018");
        }
        let (FixedSide::Debit(fixed) | FixedSide::Credit(fixed)) = request.fixed;
        if fixed.is_zero() {
            return Err("CLR-1011");
        }
        self.pair(request.debit_currency, request.credit_currency)?;
        let offers = self.offers.get(&(request.debit_currency, request.credit_currency)).cloned().unwrap_or_default();
        let mut best: Option<Quoted> = None;
        for (provider, offer) in offers {
            let Some(quoted) = self.terms(request, provider, &offer) else { continue };
            let better = best.is_none_or(|best| match request.fixed {
                FixedSide::Debit(_) => quoted.credit > best.credit,
                FixedSide::Credit(_) => quoted.debit < best.debit,
            });
            if better {
                best = Some(quoted);
            }
        }
        let best = best.ok_or("CLR-1017")?;
        self.quotes.insert(request.quote.0, best);
        Ok(Expected::Quoted(best))
    }

    fn terms(&self, request: &RequestQuote, provider: u32, offer: &Offer) -> Option<Quoted> {
        self.live(provider).ok()?;
        let (debit, credit) = match request.fixed {
            FixedSide::Debit(debit) => (i128::from(debit.0), offer.brings(i128::from(debit.0))),
            FixedSide::Credit(credit) => (offer.debit_for(offer.principal(i128::from(credit.0))), i128::from(credit.0)),
        };
        let (principal, spread) = (offer.principal(credit), offer.spread(debit));
        let pool = self.available((Some(provider), AccountPurpose::Exchange, request.credit_currency));
        let given = credit > 0 && principal > 0 && credit <= pool && credit <= offer.credit_max;
        (given && offer.valid_until_ns > self.time_ns).then(|| Quoted {
            debtor: request.debtor_agent.0,
            provider,
            debit_currency: request.debit_currency,
            credit_currency: request.credit_currency,
            debit,
            credit,
            principal,
            spread,
            remainder: debit - spread - principal,
            expires_ns: self.time_ns + self.settings().quote_validity_ns,
            used: false,
        })
    }

    /// Decimals of both.
    fn pair(&self, debit: CurrencyCode, credit: CurrencyCode) -> Result<(u8, u8), &'static str> {
        if debit == credit {
            return Err("CLR-1015");
        }
        let decimals = |code| self.decimals.get(&code).copied().ok_or("CLR-1008");
        Ok((decimals(debit)?, decimals(credit)?))
    }
}
