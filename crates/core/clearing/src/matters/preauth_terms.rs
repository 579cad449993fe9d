//! Terms of pre-authorisations: how long money may be reserved, how much of it, and how often it is captured. Two officers order
//! them; they hold for what is asked for from then on.

use super::preauths::AskPreauth;
use crate::codec::{put_u16, put_u64, take_currency, take_u16, take_u64};
use crate::rules::{put_list, take_list};
use crate::{Clearing, DecodeError, Refusal, Time};
use money::{Currency, MinorUnits};

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// What holds for pre-authorisations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreauthTerms {
    /// Most days between asking and expiry: 1 to [`Self::DAYS_MAX`].
    pub days_max: u16,
    /// Most captures of one: 1 to [`Self::CAPTURES_MAX`].
    pub captures_max: u16,
    /// Most that one may reserve, by currency; where there is no row, the limits of the rulebook alone hold.
    pub amounts: Vec<(Currency, MinorUnits)>,
}

impl Default for PreauthTerms {
    /// Thirty days, as card schemes allow hotels and car hire; sixteen captures; no amounts.
    fn default() -> Self {
        Self { days_max: 30, captures_max: 16, amounts: Vec::new() }
    }
}

impl PreauthTerms {
    /// Longest that an order can allow: less than tariffs are kept.
    pub const DAYS_MAX: u16 = 90;
    /// Most captures that an order can allow: each is a leaf of the tree of final payments.
    pub const CAPTURES_MAX: u16 = 256;
    /// Most rows.
    pub const AMOUNTS_MAX: usize = 32;

    /// Whether everything it says has a meaning, where these currencies have a ledger.
    pub fn is_valid(&self, currencies: &[Currency]) -> bool {
        let rises = self.amounts.windows(2).all(|pair| pair[0].0.code < pair[1].0.code);
        (1..=Self::DAYS_MAX).contains(&self.days_max)
            && (1..=Self::CAPTURES_MAX).contains(&self.captures_max)
            && self.amounts.len() <= Self::AMOUNTS_MAX
            && rises
            && self.amounts.iter().all(|(currency, most)| currencies.contains(currency) && !most.is_zero())
    }

    /// Whether they let a pre-authorisation be asked for.
    pub(super) fn check(&self, ask: &AskPreauth, now: Time) -> Result<(), Refusal> {
        if ask.expires_at <= now || ask.expires_at > now.after(u64::from(self.days_max) * DAY_NS) {
            return Err(Refusal::ExpiryNotValid);
        }
        let most = self.amounts.iter().find(|(currency, _)| currency.code == ask.currency).map(|(_, most)| *most);
        if most.is_some_and(|most| ask.amount > most) { Err(Refusal::AbovePreauthMaximum) } else { Ok(()) }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.days_max);
        put_u16(out, self.captures_max);
        put_list(out, &self.amounts, |out, (currency, most)| {
            out.extend_from_slice(&currency.code.bytes());
            out.push(currency.exponent);
            put_u64(out, most.0);
        });
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            days_max: take_u16(bytes)?,
            captures_max: take_u16(bytes)?,
            amounts: take_list(bytes, |bytes| Ok((take_currency(bytes)?, MinorUnits(take_u64(bytes)?))))?,
        })
    }
}

impl Clearing {
    pub(crate) fn set_preauth_terms(&mut self, terms: &PreauthTerms) -> Result<(), Refusal> {
        if !terms.is_valid(&self.currencies) {
            return Err(Refusal::PreauthTermsNotValid);
        }
        self.matters.preauth_terms = terms.clone();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

    #[test]
    fn terms_that_mean_nothing_are_not_taken() {
        let terms = |days_max, captures_max, amounts| PreauthTerms { days_max, captures_max, amounts };
        for (terms, valid) in [
            (PreauthTerms::default(), true),
            (terms(1, 1, vec![(CNY, MinorUnits(1)), (HKD, MinorUnits(1))]), true),
            (terms(0, 1, vec![]), false),
            (terms(91, 1, vec![]), false),
            (terms(1, 0, vec![]), false),
            (terms(1, 257, vec![]), false),
            (terms(1, 1, vec![(HKD, MinorUnits(0))]), false),
            (terms(1, 1, vec![(HKD, MinorUnits(1)), (HKD, MinorUnits(2))]), false),
            (terms(1, 1, vec![(Currency { exponent: 3, ..HKD }, MinorUnits(1))]), false),
        ] {
            assert_eq!(terms.is_valid(&[HKD, CNY]), valid, "{terms:?}");
        }
        assert!(!terms(1, 1, vec![(CNY, MinorUnits(1))]).is_valid(&[HKD]));
    }
}
