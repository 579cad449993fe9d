//! Offers: what a provider forgoes of its spread for large amounts and for banks it knows, and the debit that follows.
//!
//! ```text
//! spread of a debit D = base − tier(D) − relation(debtor agent)         millionths; tier: the last whose `from` ≤ D
//! fixed debit D:   as in `exchange`, with that spread
//! fixed credit C:  the smallest debit that brings at least C            (D where the band allows it, else the band's first)
//! ```
//! A larger debit never brings less: tiers only rise. So there is one smallest debit for a credit, and asking for what a
//! debit brought never costs more than that debit. Where the smallest debit is the first of its band, what it brings beyond
//! the principal is the provider's spread; rounding leaves nothing.
//!
//! # Limits
//! [`Improvements::TIERS_MAX`], [`Improvements::RELATIONS_MAX`] a provider and pair.

use crate::codec::{DecodeError, put_u32, put_u64, take, take_participant, take_u32, take_u64};
use crate::exchange::{Split, gross_up, split_at};
use crate::{Clearing, FixedSide, OfferRate, Outcome, ParticipantId, Refusal};
use ledger::LedgerId;
use money::{Currency, MinorUnits, Rate, Rounding};

/// From a debit on, so much of the spread is forgone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// First debit of the band, in minor units of the debit currency; not zero.
    pub from: MinorUnits,
    /// Millionths of the debit.
    pub improvement_ppm: u32,
}

/// For a debtor agent, so much of the spread is forgone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation {
    /// Whose payments.
    pub debtor_agent: ParticipantId,
    /// Millionths of the debit.
    pub improvement_ppm: u32,
}

/// What a provider forgoes of its spread for one pair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Improvements {
    /// Rising in both amount and improvement.
    pub tiers: Vec<Tier>,
    /// Each debtor agent once, in order.
    pub relations: Vec<Relation>,
}

impl Improvements {
    /// Most tiers.
    pub const TIERS_MAX: usize = 8;
    /// Most relations.
    pub const RELATIONS_MAX: usize = 255;

    /// Whether it rises as it should and never comes to more than the spread.
    fn is_valid(&self, spread_ppm: u32) -> bool {
        let rises =
            self.tiers.windows(2).all(|pair| pair[0].from < pair[1].from && pair[0].improvement_ppm < pair[1].improvement_ppm);
        let ordered = self.relations.windows(2).all(|pair| pair[0].debtor_agent < pair[1].debtor_agent);
        let most = |all: &mut dyn Iterator<Item = u32>| u64::from(all.max().unwrap_or(0));
        let forgone = most(&mut self.tiers.iter().map(|tier| tier.improvement_ppm))
            + most(&mut self.relations.iter().map(|relation| relation.improvement_ppm));
        self.tiers.len() <= Self::TIERS_MAX
            && self.relations.len() <= Self::RELATIONS_MAX
            && self.tiers.first().is_none_or(|tier| !tier.from.is_zero())
            && rises
            && ordered
            && forgone <= u64::from(spread_ppm)
    }

    fn relation(&self, debtor_agent: ParticipantId) -> u32 {
        let at = self.relations.binary_search_by_key(&debtor_agent, |relation| relation.debtor_agent);
        at.map_or(0, |at| self.relations[at].improvement_ppm)
    }

    /// Appends the canonical bytes; both lists are bounded below 256.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tiers.len() as u8);
        for tier in &self.tiers {
            put_u64(out, tier.from.0);
            put_u32(out, tier.improvement_ppm);
        }
        out.push(self.relations.len() as u8);
        for relation in &self.relations {
            put_u32(out, relation.debtor_agent.0);
            put_u32(out, relation.improvement_ppm);
        }
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let [tiers] = take(bytes)?;
        let tier = |bytes: &mut &[u8]| Ok(Tier { from: MinorUnits(take_u64(bytes)?), improvement_ppm: take_u32(bytes)? });
        let tiers = (0..tiers).map(|_| tier(bytes)).collect::<Result<_, DecodeError>>()?;
        let [relations] = take(bytes)?;
        let relation =
            |bytes: &mut &[u8]| Ok(Relation { debtor_agent: take_participant(bytes)?, improvement_ppm: take_u32(bytes)? });
        Ok(Self { tiers, relations: (0..relations).map(|_| relation(bytes)).collect::<Result<_, DecodeError>>()? })
    }
}

/// The bands of one offer to one debtor agent: from which debit on, which spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bands {
    rows: [(MinorUnits, u32); Improvements::TIERS_MAX + 1],
    count: usize,
}

impl Bands {
    /// Of an offer without improvements, or with them.
    pub(crate) fn new(spread_ppm: u32, improvements: Option<&Improvements>, debtor_agent: ParticipantId) -> Self {
        let base = spread_ppm - improvements.map_or(0, |found| found.relation(debtor_agent));
        let mut bands = Self { rows: [(MinorUnits::ZERO, base); Improvements::TIERS_MAX + 1], count: 1 };
        for tier in improvements.map_or(&[][..], |found| &found.tiers) {
            bands.rows[bands.count] = (tier.from, base - tier.improvement_ppm);
            bands.count += 1;
        }
        bands
    }

    fn rows(&self) -> &[(MinorUnits, u32)] {
        &self.rows[..self.count]
    }

    /// Splits as the module header says; `None` when a number does not fit or nothing would be exchanged.
    pub(crate) fn split(&self, fixed: FixedSide, rate: Rate, from: Currency, to: Currency) -> Option<Split> {
        match fixed {
            FixedSide::Debit(debit) => {
                let (_, ppm) = self.rows().iter().rev().find(|(first, _)| *first <= debit)?;
                split_at(fixed, rate, *ppm, from, to)
            }
            FixedSide::Credit(credit) => {
                let principal = rate.convert_back(credit, from, to, Rounding::Up).ok()?;
                let rows = self.rows();
                for (at, &(first, ppm)) in rows.iter().enumerate() {
                    let debit = gross_up(principal, ppm)?;
                    if rows.get(at + 1).is_some_and(|(next, _)| debit >= *next) {
                        continue;
                    }
                    if debit >= first {
                        return split_at(fixed, rate, ppm, from, to);
                    }
                    let spread = first.checked_sub(principal)?;
                    return (!principal.is_zero()).then_some(Split {
                        debit: first,
                        credit,
                        principal,
                        spread,
                        remainder: MinorUnits::ZERO,
                    });
                }
                None
            }
        }
    }
}

impl Clearing {
    /// A standing rate with improvements; replaces the provider's earlier one for the pair, with or without.
    pub(crate) fn offer_rate(&mut self, offer: &OfferRate) -> Result<Outcome, Refusal> {
        let known = |agent: ParticipantId| (agent.0 as usize) < self.participants.len();
        if !offer.improvements.relations.iter().all(|relation| known(relation.debtor_agent)) {
            return Err(Refusal::UnknownParticipant);
        }
        if !offer.improvements.is_valid(offer.rate.spread_ppm) {
            return Err(Refusal::ImprovementsNotValid);
        }
        let outcome = self.publish_rate(&offer.rate)?;
        let pair = self.pair(offer.rate.debit_currency, offer.rate.credit_currency)?;
        self.delta.push(93);
        offer.improvements.encode(&mut self.delta);
        self.improvements.insert((pair.0, pair.1, offer.rate.provider), offer.improvements.clone());
        Ok(outcome)
    }

    /// Appends the improvements of all standing rates to a snapshot.
    pub(crate) fn encode_improvements(&self, out: &mut Vec<u8>) {
        put_u32(out, self.improvements.len() as u32);
        for ((debit, credit, provider), improvements) in &self.improvements {
            put_u32(out, u32::from(debit.0) << 16 | u32::from(credit.0));
            put_u32(out, provider.0);
            improvements.encode(out);
        }
    }

    /// Reads what [`Self::encode_improvements`] wrote, into a state whose rates have been read.
    pub(crate) fn decode_improvements(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        for _ in 0..take_u32(bytes)? {
            let pair = take_u32(bytes)?;
            let (debit, credit) = (LedgerId((pair >> 16) as u16), LedgerId(pair as u16));
            let key = (debit, credit, take_participant(bytes)?);
            let improvements = Improvements::decode(bytes)?;
            let offers = self.rates.get(&(debit, credit)).map_or(&[][..], Vec::as_slice);
            let of_offer = offers.iter().find(|offer| offer.provider == key.2);
            let in_order = self.improvements.last_key_value().is_none_or(|(last, _)| *last < key);
            if !in_order || !of_offer.is_some_and(|offer| improvements.is_valid(offer.spread_ppm)) {
                return Err(DecodeError::Unknown("improvement of a rate"));
            }
            self.improvements.insert(key, improvements);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;
    use proptest::prelude::*;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

    fn bands(spread_ppm: u32, tiers: &[(u64, u32)]) -> Bands {
        let tiers = tiers.iter().map(|&(from, improvement_ppm)| Tier { from: MinorUnits(from), improvement_ppm }).collect();
        Bands::new(spread_ppm, Some(&Improvements { tiers, relations: vec![] }), ParticipantId(0))
    }

    #[test]
    fn an_accountant_can_follow_the_bands() {
        use FixedSide::{Credit, Debit};
        let bands = bands(10_000, &[(100_000, 5_000), (1_000_000, 9_000)]);
        let rate = Rate::parse("0.5").unwrap();
        // fixed side => debit, credit, principal, spread, remainder
        for (fixed, expected) in [
            (Debit(MinorUnits(99_999)), [99_999, 49_500, 99_000, 999, 0]),
            (Debit(MinorUnits(100_000)), [100_000, 49_750, 99_500, 500, 0]),
            (Debit(MinorUnits(1_000_000)), [1_000_000, 499_500, 999_000, 1_000, 0]),
            (Credit(MinorUnits(49_500)), [99_999, 49_500, 99_000, 999, 0]),
            // 99,200 grossed up by 1 % is 100,202, past the band; by 0.5 % it is 99,698, before the next: the band's first.
            (Credit(MinorUnits(49_600)), [100_000, 49_600, 99_200, 800, 0]),
            (Credit(MinorUnits(49_750)), [100_000, 49_750, 99_500, 500, 0]),
        ] {
            let split = bands.split(fixed, rate, HKD, CNY).unwrap();
            let parts = [split.debit, split.credit, split.principal, split.spread, split.remainder].map(|minor| minor.0);
            assert_eq!(parts, expected, "{fixed:?}");
        }
    }

    #[test]
    fn a_relation_comes_on_top_of_a_tier() {
        let known = Improvements {
            tiers: vec![Tier { from: MinorUnits(1_000), improvement_ppm: 3_000 }],
            relations: vec![Relation { debtor_agent: ParticipantId(7), improvement_ppm: 2_000 }],
        };
        let spread = |agent, debit| {
            let bands = Bands::new(5_000, Some(&known), ParticipantId(agent));
            bands.split(FixedSide::Debit(MinorUnits(debit)), Rate::parse("1").unwrap(), HKD, CNY).unwrap().spread.0
        };
        assert_eq!((spread(1, 900), spread(7, 900)), (4, 2));
        assert_eq!((spread(1, 100_000), spread(7, 100_000)), (200, 0));
        assert!(known.is_valid(5_000) && !known.is_valid(4_999), "nobody gives more than its spread");
    }

    prop_compose! {
        fn some_bands()(spread in 0u32..50_000, steps in prop::collection::vec((1u64..400_000, 1u32..9_000), 0..8)) -> Bands {
            let (mut from, mut improvement) = (0, 0);
            let tiers: Vec<(u64, u32)> = steps.into_iter().map(|(more, better)| {
                (from, improvement) = (from + more, improvement + better);
                (from, improvement)
            }).take_while(|(_, improvement)| *improvement <= spread).collect();
            bands(spread, &tiers)
        }
    }

    proptest! {
        #[test]
        fn debit_and_credit_are_consistent(bands in some_bands(), debit in 1u64..4_000_000, numerator in 1u64..2_000_000, decimals in 0u8..7) {
            let rate = Rate::new(numerator, decimals).unwrap();
            let split = |fixed| bands.split(fixed, rate, HKD, CNY);
            let Some(there) = split(FixedSide::Debit(MinorUnits(debit))) else { return Ok(()) };
            if there.credit.is_zero() { return Ok(()) }
            // Asking for what it brought never costs more, and brings it again.
            let back = split(FixedSide::Credit(there.credit)).unwrap();
            prop_assert!(back.debit <= there.debit, "{back:?} {there:?}");
            prop_assert_eq!(back.principal.0 + back.spread.0 + back.remainder.0, back.debit.0);
            let again = split(FixedSide::Debit(back.debit)).unwrap();
            prop_assert!(again.credit >= there.credit);
            // It is the smallest such debit.
            if let Some(less) = split(FixedSide::Debit(MinorUnits(back.debit.0 - 1))) {
                prop_assert!(less.credit < there.credit, "{less:?} {back:?}");
            }
            // A larger debit never brings less.
            if let Some(more) = split(FixedSide::Debit(MinorUnits(debit + 1))) {
                prop_assert!(more.credit >= there.credit);
            }
        }
    }
}
