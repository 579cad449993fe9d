//! Exchange: standing rates, competing firm quotes, and the legs of an exchanged payment.
//!
//! A debit splits into *principal* (exchanged at the provider's rate), *spread* (earned by the provider, posted apart) and
//! *remainder* (what rounding leaves, posted to the scheme's rounding account). All three are whole minor units:
//!
//! ```text
//! fixed debit D:   spread = ⌊D × ppm / 10^6⌋   credit = ⌊(D − spread) × rate⌋   principal = ⌈credit / rate⌉
//! fixed credit C:  principal = ⌈C / rate⌉      D = smallest with D − ⌊D × ppm / 10^6⌋ ≥ principal
//! remainder = D − spread − principal ≥ 0
//! ```

use crate::codec::{put_rate, put_u32, put_u64};
use crate::{
    Clearing, EventKind, FixedSide, Outcome, ParticipantId, PublishRate, QuoteId, QuoteTerms, Refusal, Rejection, RequestQuote,
    Time,
};
use ledger::{LedgerId, Leg};
use money::{Amount, Currency, CurrencyCode, MinorUnits, Rate, Rounding};
use planted::{Bug, planted};

/// One million: a spread is counted in millionths of the debit.
const PPM: u64 = 1_000_000;

/// A provider's offer for one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StandingRate {
    pub(crate) provider: ParticipantId,
    pub(crate) rate: Rate,
    pub(crate) spread_ppm: u32,
    pub(crate) credit_max: MinorUnits,
    pub(crate) valid_until: Time,
}

/// A firm quote and whether a payment has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quote {
    pub(crate) terms: QuoteTerms,
    pub(crate) debit_ledger: LedgerId,
    pub(crate) credit_ledger: LedgerId,
    pub(crate) used: bool,
}

impl Clearing {
    /// Most quotes that have not expired.
    pub const QUOTES_MAX: usize = 4_000_000;

    pub(crate) fn publish_rate(&mut self, publish: &PublishRate) -> Result<Outcome, Refusal> {
        let provider = self.live(publish.provider)?;
        if !provider.provides_exchange {
            return Err(Refusal::NotAProvider);
        }
        if u64::from(publish.spread_ppm) >= PPM {
            return Err(Refusal::SpreadTooLarge);
        }
        let pair = self.pair(publish.debit_currency, publish.credit_currency)?;
        if provider.exchange(pair.0).is_none() || provider.exchange(pair.1).is_none() {
            return Err(Refusal::NoSuchAccount);
        }
        let standing = StandingRate {
            provider: publish.provider,
            rate: publish.rate,
            spread_ppm: publish.spread_ppm,
            credit_max: publish.credit_max,
            valid_until: publish.valid_until,
        };
        let offers = self.rates.entry(pair).or_default();
        match offers.binary_search_by_key(&publish.provider, |offer| offer.provider) {
            Ok(at) => offers[at] = standing,
            Err(at) => offers.insert(at, standing),
        }
        self.note_rate(pair, &standing);
        Ok(Outcome::Done)
    }

    fn note_rate(&mut self, pair: (LedgerId, LedgerId), standing: &StandingRate) {
        self.delta.push(4);
        put_u32(&mut self.delta, standing.provider.0);
        put_u32(&mut self.delta, u32::from(pair.0.0) << 16 | u32::from(pair.1.0));
        put_rate(&mut self.delta, standing.rate);
        put_u32(&mut self.delta, standing.spread_ppm);
        put_u64(&mut self.delta, standing.credit_max.0);
        put_u64(&mut self.delta, standing.valid_until.0);
        self.emit(EventKind::RatePublished {
            provider: standing.provider,
            debit_currency: self.currency(pair.0).code,
            credit_currency: self.currency(pair.1).code,
            rate: standing.rate,
            spread_ppm: standing.spread_ppm,
        });
    }

    /// Takes the best of all providers' offers and makes it firm. Providers do not see each other's.
    pub(crate) fn request_quote(&mut self, request: &RequestQuote) -> Result<Outcome, Refusal> {
        self.live(request.debtor_agent)?;
        if self.quotes.contains_key(&request.quote) {
            return Err(Refusal::DuplicateQuote);
        }
        if self.quotes.len() >= Self::QUOTES_MAX {
            return Err(Refusal::Full);
        }
        let (FixedSide::Debit(fixed) | FixedSide::Credit(fixed)) = request.fixed;
        if fixed.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let pair = self.pair(request.debit_currency, request.credit_currency)?;
        let terms = self.best_offer(request, pair).ok_or(Refusal::NoQuote)?;
        self.quotes.insert(request.quote, Quote { terms, debit_ledger: pair.0, credit_ledger: pair.1, used: false });
        self.quote_expiries.push_back((terms.expires_at, request.quote));
        self.delta.push(5);
        self.delta.extend_from_slice(&request.quote.0);
        put_u32(&mut self.delta, terms.provider.0);
        for amount in [terms.debit, terms.credit, terms.principal, terms.spread] {
            put_u64(&mut self.delta, amount.minor.0);
        }
        self.emit(EventKind::QuoteIssued(terms));
        Ok(Outcome::Quoted(terms))
    }

    /// Most credit for a fixed debit, least debit for a fixed credit; among equals the provider registered first.
    fn best_offer(&self, request: &RequestQuote, pair: (LedgerId, LedgerId)) -> Option<QuoteTerms> {
        let offers = self.rates.get(&pair)?;
        let mut best: Option<QuoteTerms> = None;
        for offer in offers {
            let Some(terms) = self.offer_terms(request, pair, offer) else { continue };
            let better = best.is_none_or(|best| match request.fixed {
                FixedSide::Debit(_) => terms.credit.minor > best.credit.minor,
                FixedSide::Credit(_) => terms.debit.minor < best.debit.minor,
            });
            if better {
                best = Some(terms);
            }
        }
        best
    }

    /// What one provider offers, if its rate is valid, its cap and its pool allow it, and both sides come to at least one unit.
    fn offer_terms(&self, request: &RequestQuote, pair: (LedgerId, LedgerId), offer: &StandingRate) -> Option<QuoteTerms> {
        let provider = self.live(offer.provider).ok()?;
        let pool = self.ledgers.account(provider.exchange(pair.1)?.pool)?;
        let (from, to) = (self.currency(pair.0), self.currency(pair.1));
        let split = split(request.fixed, offer, from, to)?;
        let covered = i128::from(split.credit.0) <= pool.available() && split.credit <= offer.credit_max;
        if offer.valid_until <= self.time || !covered || split.credit.is_zero() {
            return None;
        }
        let debit_side = |minor| Amount { minor, currency: from };
        Some(QuoteTerms {
            quote: request.quote,
            debtor_agent: request.debtor_agent,
            provider: offer.provider,
            debit: debit_side(split.debit),
            credit: Amount { minor: split.credit, currency: to },
            rate: offer.rate,
            principal: debit_side(split.principal),
            spread: debit_side(split.spread),
            remainder: debit_side(split.remainder),
            expires_at: self.time.after(self.settings.quote_validity_ns),
        })
    }

    /// Forgets quotes whose time is over.
    pub(crate) fn expire_quotes(&mut self) {
        while let Some(&(expires_at, quote)) = self.quote_expiries.front() {
            if expires_at > self.time {
                break;
            }
            self.quotes.remove(&quote);
            self.quote_expiries.pop_front();
        }
    }

    /// The quote a payment names, if it may use it.
    pub(crate) fn usable_quote(&self, id: QuoteId, pay: &crate::Pay) -> Result<Quote, Rejection> {
        self.quote_for(id, pay.debtor_agent, (pay.debit, pay.debit_currency))
    }

    /// A quote, if who asked for it is who pays now, and just what it says.
    pub(crate) fn quote_for(
        &self,
        id: QuoteId,
        payer: ParticipantId,
        (debit, code): (MinorUnits, CurrencyCode),
    ) -> Result<Quote, Rejection> {
        let quote = *self.quotes.get(&id).ok_or(Rejection::QuoteNotValid)?;
        if quote.used || quote.terms.debtor_agent != payer || quote.terms.expires_at <= self.time {
            return Err(Rejection::QuoteNotValid);
        }
        let same = quote.terms.debit.minor == debit && quote.terms.debit.currency.code == code;
        if same { Ok(quote) } else { Err(Rejection::QuoteDiffers) }
    }

    /// The legs of an exchanged payment: all or none (PAY-04). Writes them to `legs` and returns how many.
    pub(crate) fn exchange_legs(
        &self,
        quote: &Quote,
        debtor: ParticipantId,
        creditor: ParticipantId,
        legs: &mut [Leg; 4],
    ) -> Option<usize> {
        let [debtor, creditor, provider] = [debtor, creditor, quote.terms.provider].map(|id| &self.participants[id.0 as usize]);
        let payer = debtor.settlement(quote.debit_ledger)?;
        let payee = creditor.settlement(quote.credit_ledger)?;
        let taken = provider.exchange(quote.debit_ledger)?;
        let given = provider.exchange(quote.credit_ledger)?;
        let rounding = self.system_accounts[usize::from(quote.debit_ledger.0)].rounding;
        let terms = &quote.terms;
        let all = [
            (payer, taken.pool, terms.principal),
            (given.pool, payee, terms.credit),
            (payer, taken.spread, terms.spread),
            (payer, rounding, terms.remainder),
        ];
        let legs_taken = if planted(Bug::RoundingLegLost) { 3 } else { all.len() };
        let mut count = 0;
        for (debit, credit, amount) in all.into_iter().take(legs_taken).filter(|(_, _, amount)| !amount.minor.is_zero()) {
            legs[count] = Leg { debit, credit, amount: amount.minor };
            count += 1;
        }
        Some(count)
    }
}

/// The whole-unit parts of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Split {
    debit: MinorUnits,
    credit: MinorUnits,
    principal: MinorUnits,
    spread: MinorUnits,
    remainder: MinorUnits,
}

/// Splits as the module header says; `None` when a number does not fit or nothing would be exchanged.
fn split(fixed: FixedSide, offer: &StandingRate, from: Currency, to: Currency) -> Option<Split> {
    let (debit, credit, principal) = match fixed {
        FixedSide::Debit(debit) => {
            let exchanged = debit.checked_sub(spread_of(debit, offer.spread_ppm))?;
            let rounding = if planted(Bug::CreditRoundedUp) { Rounding::Up } else { Rounding::Down };
            let credit = offer.rate.convert(exchanged, from, to, rounding).ok()?;
            let principal = offer.rate.convert_back(credit, from, to, Rounding::Up).ok()?;
            (debit, credit, principal)
        }
        FixedSide::Credit(credit) => {
            let principal = offer.rate.convert_back(credit, from, to, Rounding::Up).ok()?;
            (gross_up(principal, offer.spread_ppm)?, credit, principal)
        }
    };
    let spread = spread_of(debit, offer.spread_ppm);
    let remainder = debit.checked_sub(spread)?.checked_sub(principal)?;
    (!principal.is_zero()).then_some(Split { debit, credit, principal, spread, remainder })
}

/// `⌊debit × ppm / 10^6⌋`.
fn spread_of(debit: MinorUnits, ppm: u32) -> MinorUnits {
    let spread = u128::from(debit.0) * u128::from(ppm) / u128::from(PPM);
    MinorUnits(u64::try_from(spread).expect("ppm is below one million"))
}

/// Smallest debit which leaves `net` after the spread: `⌈net × 10^6 / (10^6 − ppm)⌉`, one less if rounding allows.
fn gross_up(net: MinorUnits, ppm: u32) -> Option<MinorUnits> {
    let kept = u128::from(PPM - u64::from(ppm));
    let upper = (u128::from(net.0) * u128::from(PPM)).div_ceil(kept);
    let upper = MinorUnits(u64::try_from(upper).ok()?);
    let leaves_net = |debit: MinorUnits| debit.0 - spread_of(debit, ppm).0 >= net.0;
    let mut debit = upper;
    while debit.0 > 0 && leaves_net(MinorUnits(debit.0 - 1)) {
        debit = MinorUnits(debit.0 - 1);
    }
    leaves_net(debit).then_some(debit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

    fn offer(rate: &str, spread_ppm: u32) -> StandingRate {
        StandingRate {
            provider: ParticipantId(0),
            rate: Rate::parse(rate).unwrap(),
            spread_ppm,
            credit_max: MinorUnits(u64::MAX),
            valid_until: Time(u64::MAX),
        }
    }

    #[test]
    fn an_accountant_can_follow_the_split() {
        use FixedSide::{Credit, Debit};
        // fixed side, rate, ppm => debit, credit, principal, spread, remainder
        for (fixed, rate, ppm, expected) in [
            (Debit(MinorUnits(100_000)), "0.9216", 0, [100_000, 92_160, 100_000, 0, 0]),
            (Debit(MinorUnits(100_000)), "0.9216", 1_500, [100_000, 92_021, 99_850, 150, 0]),
            (Debit(MinorUnits(100)), "0.9216", 1_500, [100, 92, 100, 0, 0]),
            (Debit(MinorUnits(333)), "0.5", 10_000, [333, 165, 330, 3, 0]),
            (Debit(MinorUnits(777)), "0.3", 0, [777, 233, 777, 0, 0]),
            (Debit(MinorUnits(779)), "0.3", 0, [779, 233, 777, 0, 2]),
            (Credit(MinorUnits(92_160)), "0.9216", 0, [100_000, 92_160, 100_000, 0, 0]),
            (Credit(MinorUnits(92_160)), "0.9216", 1_500, [100_150, 92_160, 100_000, 150, 0]),
            (Credit(MinorUnits(1)), "7.8", 0, [1, 1, 1, 0, 0]),
        ] {
            let split = split(fixed, &offer(rate, ppm), HKD, CNY).unwrap();
            let parts = [split.debit, split.credit, split.principal, split.spread, split.remainder].map(|m| m.0);
            assert_eq!(parts, expected, "{fixed:?} at {rate} less {ppm} ppm");
        }
        assert_eq!(split(FixedSide::Debit(MinorUnits(1)), &offer("0.1", 0), HKD, CNY), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_in_a_split(amount in 1u64..1 << 50, numerator in 1u64..1_000_000, decimals in 0u8..7, ppm in 0u32..999_999, debit_fixed: bool) {
            let fixed = if debit_fixed { FixedSide::Debit(MinorUnits(amount)) } else { FixedSide::Credit(MinorUnits(amount)) };
            let offer = StandingRate { rate: Rate::new(numerator, decimals).unwrap(), ..offer("1", ppm) };
            if let Some(split) = split(fixed, &offer, HKD, CNY) {
                proptest::prop_assert_eq!(split.principal.0 + split.spread.0 + split.remainder.0, split.debit.0);
                // The provider never gives more than the principal is worth at its rate.
                let worth = offer.rate.convert(split.principal, HKD, CNY, Rounding::Down).unwrap();
                proptest::prop_assert!(worth.0 >= split.credit.0);
                match fixed {
                    FixedSide::Debit(debit) => proptest::prop_assert_eq!(split.debit, debit),
                    FixedSide::Credit(credit) => proptest::prop_assert_eq!(split.credit, credit),
                }
            }
        }
    }
}
