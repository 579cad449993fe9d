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
//! The ppm are those of the offer's band, see `offers`.
//!
//! Where a request allows it, a quote that nobody covers in full is *capped*: it is for as much as a provider gives in one
//! payment, has in its pool, or the rulebook lets pass, and says so.

use crate::codec::{put_rate, put_u32, put_u64};
use crate::fees::Legs;
use crate::offers::Bands;
use crate::rules::Question;
use crate::{
    Charges, Clearing, Country, EventKind, FixedSide, Outcome, ParticipantId, PublishRate, QuoteCap, QuoteId, QuoteTerms,
    Refusal, Rejection, RequestQuote, Time,
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
        self.improvements.remove(&(pair.0, pair.1, publish.provider));
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
        if let Some(cap) = terms.capped {
            self.delta.extend_from_slice(&[94, cap as u8]);
        }
        self.emit(EventKind::QuoteIssued(terms));
        Ok(Outcome::Quoted(terms))
    }

    /// Most credit for a fixed debit, least debit for a fixed credit; among equals the provider registered first. A capped one
    /// only where nobody covers it all: the one that covers most.
    fn best_offer(&self, request: &RequestQuote, pair: (LedgerId, LedgerId)) -> Option<QuoteTerms> {
        let offers = self.rates.get(&pair)?;
        let mut best: Option<QuoteTerms> = None;
        for offer in offers {
            let Some(terms) = self.offer_terms(request, pair, offer) else { continue };
            let better = best.is_none_or(|best| match (best.capped, terms.capped, request.fixed) {
                (None, Some(_), _) => false,
                (Some(_), None, _) => true,
                (Some(_), Some(_), _) => (terms.credit.minor, best.debit.minor) > (best.credit.minor, terms.debit.minor),
                (None, None, FixedSide::Debit(_)) => terms.credit.minor > best.credit.minor,
                (None, None, FixedSide::Credit(_)) => terms.debit.minor < best.debit.minor,
            });
            if better {
                best = Some(terms);
            }
        }
        best
    }

    /// What one provider offers, if its rate is valid, its cap, its pool and the rulebook allow it or part of it where the request
    /// takes part, and both sides come to at least one unit.
    fn offer_terms(&self, request: &RequestQuote, pair: (LedgerId, LedgerId), offer: &StandingRate) -> Option<QuoteTerms> {
        let provider = self.live(offer.provider).ok()?;
        let pool = self.ledgers.account(provider.exchange(pair.1)?.pool)?;
        if offer.valid_until <= self.time {
            return None;
        }
        let (from, to) = (self.currency(pair.0), self.currency(pair.1));
        let improvements = self.improvements.get(&(pair.0, pair.1, offer.provider));
        let bands = Bands::new(offer.spread_ppm, improvements, request.debtor_agent);
        let given = u64::try_from(pool.available()).unwrap_or(if pool.available() < 0 { 0 } else { u64::MAX });
        let most = MinorUnits(given.min(offer.credit_max.0));
        let mut split = bands.split(request.fixed, offer.rate, from, to)?;
        let mut capped = None;
        if split.credit > most {
            request.cover.as_ref()?;
            split = bands.split(FixedSide::Credit(most), offer.rate, from, to)?;
            capped = Some(QuoteCap::Provider);
        }
        let allowed = |split: &Split| self.is_allowed(request, split, from, to);
        if !allowed(&split) {
            split =
                self.most_allowed(split.debit, |debit| bands.split(FixedSide::Debit(debit), offer.rate, from, to), allowed)?;
            capped = Some(QuoteCap::Rulebook);
        }
        let debit_side = |minor| Amount { minor, currency: from };
        (!split.credit.is_zero()).then(|| QuoteTerms {
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
            capped,
        })
    }

    /// Whether the rulebook's limits let a payment of this size pass, where the request says which payment it is for. Other
    /// reasons against it are for the payment itself to learn.
    fn is_allowed(&self, request: &RequestQuote, split: &Split, from: Currency, to: Currency) -> bool {
        let Some(cover) = &request.cover else { return true };
        let creditor = cover.creditor_agent.and_then(|agent| self.participants.get(agent.0 as usize));
        let (Some(creditor), Some(book)) = (creditor, self.rulebook()) else { return true };
        let question = Question {
            from: Country::of(self.participants[request.debtor_agent.0 as usize].bic),
            to: Country::of(creditor.bic),
            bank: request.debtor_agent,
            debit: Amount { minor: split.debit, currency: from },
            credit: Amount { minor: split.credit, currency: to },
            terms: cover.terms,
            time: self.time,
        };
        let ruled = book.rule(&question, &|key| self.quotas.used(key), usize::MAX);
        !matches!(ruled, Err(Rejection::AboveLimit | Rejection::QuotaUsedUp))
    }

    /// The largest debit that is allowed, found by halving: what is worth more is never allowed where less is not.
    fn most_allowed(
        &self,
        refused: MinorUnits,
        split: impl Fn(MinorUnits) -> Option<Split>,
        allowed: impl Fn(&Split) -> bool,
    ) -> Option<Split> {
        let (mut low, mut high) = (0, refused.0);
        while high - low > 1 {
            let middle = low.midpoint(high);
            // What is too small to be exchanged is not too much.
            if split(MinorUnits(middle)).is_none_or(|found| allowed(&found)) { low = middle } else { high = middle }
        }
        split(MinorUnits(low)).filter(|found| allowed(found))
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

    /// The legs of an exchanged payment: all or none (PAY-04).
    pub(crate) fn exchange_legs(
        &self,
        quote: &Quote,
        debtor: ParticipantId,
        creditor: ParticipantId,
        charges: &Charges,
    ) -> Option<Legs> {
        let provider = &self.participants[quote.terms.provider.0 as usize];
        let payer = self.settling_set(debtor, quote.debit_ledger)?.settlement;
        let payee = self.settling_set(creditor, quote.credit_ledger)?.settlement;
        let taken = provider.exchange(quote.debit_ledger)?;
        let given = provider.exchange(quote.credit_ledger)?;
        let rounding = self.system_accounts[usize::from(quote.debit_ledger.0)].rounding;
        let terms = &quote.terms;
        let all = [
            (payer, taken.pool, terms.principal),
            (given.pool, payee, Amount { minor: terms.credit.minor.checked_sub(charges.creditor)?, ..terms.credit }),
            (payer, taken.spread, terms.spread),
            (payer, rounding, terms.remainder),
        ];
        let legs_taken = if planted(Bug::RoundingLegLost) { 3 } else { all.len() };
        let mut legs = Legs::new();
        for (debit, credit, amount) in all.into_iter().take(legs_taken).filter(|(_, _, amount)| !amount.minor.is_zero()) {
            legs.push(Leg { debit, credit, amount: amount.minor });
        }
        self.push_charges(charges, (payer, quote.debit_ledger), (given.pool, quote.credit_ledger), &mut legs);
        Some(legs)
    }
}

/// The whole-unit parts of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) debit: MinorUnits,
    pub(crate) credit: MinorUnits,
    pub(crate) principal: MinorUnits,
    pub(crate) spread: MinorUnits,
    pub(crate) remainder: MinorUnits,
}

/// Splits as the module header says; `None` when a number does not fit or nothing would be exchanged.
pub(crate) fn split_at(fixed: FixedSide, rate: Rate, ppm: u32, from: Currency, to: Currency) -> Option<Split> {
    let (debit, credit, principal) = match fixed {
        FixedSide::Debit(debit) => {
            let exchanged = debit.checked_sub(spread_of(debit, ppm))?;
            let rounding = if planted(Bug::CreditRoundedUp) { Rounding::Up } else { Rounding::Down };
            let credit = rate.convert(exchanged, from, to, rounding).ok()?;
            let principal = rate.convert_back(credit, from, to, Rounding::Up).ok()?;
            (debit, credit, principal)
        }
        FixedSide::Credit(credit) => {
            let principal = rate.convert_back(credit, from, to, Rounding::Up).ok()?;
            (gross_up(principal, ppm)?, credit, principal)
        }
    };
    let spread = spread_of(debit, ppm);
    let remainder = debit.checked_sub(spread)?.checked_sub(principal)?;
    (!principal.is_zero()).then_some(Split { debit, credit, principal, spread, remainder })
}

/// `⌊debit × ppm / 10^6⌋`.
pub(crate) fn spread_of(debit: MinorUnits, ppm: u32) -> MinorUnits {
    let spread = u128::from(debit.0) * u128::from(ppm) / u128::from(PPM);
    MinorUnits(u64::try_from(spread).expect("ppm is below one million"))
}

/// Smallest debit which leaves `net` after the spread: `⌈net × 10^6 / (10^6 − ppm)⌉`, one less if rounding allows.
pub(crate) fn gross_up(net: MinorUnits, ppm: u32) -> Option<MinorUnits> {
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
            let split = split_at(fixed, Rate::parse(rate).unwrap(), ppm, HKD, CNY).unwrap();
            let parts = [split.debit, split.credit, split.principal, split.spread, split.remainder].map(|m| m.0);
            assert_eq!(parts, expected, "{fixed:?} at {rate} less {ppm} ppm");
        }
        assert_eq!(split_at(FixedSide::Debit(MinorUnits(1)), Rate::parse("0.1").unwrap(), 0, HKD, CNY), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_in_a_split(amount in 1u64..1 << 50, numerator in 1u64..1_000_000, decimals in 0u8..7, ppm in 0u32..999_999, debit_fixed: bool) {
            let fixed = if debit_fixed { FixedSide::Debit(MinorUnits(amount)) } else { FixedSide::Credit(MinorUnits(amount)) };
            let rate = Rate::new(numerator, decimals).unwrap();
            if let Some(split) = split_at(fixed, rate, ppm, HKD, CNY) {
                proptest::prop_assert_eq!(split.principal.0 + split.spread.0 + split.remainder.0, split.debit.0);
                // The provider never gives more than the principal is worth at its rate.
                let worth = rate.convert(split.principal, HKD, CNY, Rounding::Down).unwrap();
                proptest::prop_assert!(worth.0 >= split.credit.0);
                match fixed {
                    FixedSide::Debit(debit) => proptest::prop_assert_eq!(split.debit, debit),
                    FixedSide::Credit(credit) => proptest::prop_assert_eq!(split.credit, credit),
                }
            }
        }
    }
}
