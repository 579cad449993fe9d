//! Quotes: the best of all providers is the best there is for the debtor, whatever their tiers and relations.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Bic, Clearing, Command, Cover, FixedSide, Fund, FundDirection, Improvements, IndexSeed, OfferRate, Outcome,
    ParticipantId, PublishRate, QuoteId, QuoteTerms, RegisterParticipant, Relation, RequestQuote, Terms, Tier, Time,
};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use proptest::prelude::*;

const DEBTOR: ParticipantId = ParticipantId(0);
const PROVIDERS: usize = 4;

/// One provider: rate of four decimals, spread, tiers as steps, relation, the most it gives, its pool.
#[derive(Debug, Clone)]
struct Offer {
    rate: u64,
    spread_ppm: u32,
    steps: Vec<(u64, u32)>,
    relation_ppm: u32,
    credit_max: u64,
    pool: u64,
}

impl Offer {
    fn command(&self, provider: ParticipantId) -> Command {
        let relation_ppm = self.relation_ppm.min(self.spread_ppm);
        let (mut from, mut improvement_ppm) = (0, 0);
        let tiers = self.steps.iter().map(|(more, better)| {
            (from, improvement_ppm) = (from + more, improvement_ppm + better);
            Tier { from: MinorUnits(from), improvement_ppm }
        });
        let tiers = tiers.take_while(|tier| tier.improvement_ppm + relation_ppm <= self.spread_ppm).collect();
        let relations = vec![Relation { debtor_agent: DEBTOR, improvement_ppm: relation_ppm }];
        let rate = PublishRate {
            provider,
            debit_currency: CurrencyCode::HKD,
            credit_currency: CurrencyCode::CNY,
            rate: Rate::new(self.rate, 4).unwrap(),
            spread_ppm: self.spread_ppm,
            credit_max: MinorUnits(self.credit_max),
            valid_until: Time(u64::MAX),
        };
        Command::OfferRate(OfferRate { rate, improvements: Improvements { tiers, relations } })
    }
}

fn offer() -> impl Strategy<Value = Offer> {
    let steps = prop::collection::vec((1u64..30_000, 1u32..4_000), 0..8);
    (8_000u64..12_000, 0u32..20_000, steps, 0u32..5_000, 1u64..200_000, 1u64..200_000).prop_map(
        |(rate, spread_ppm, steps, relation_ppm, credit_max, pool)| Offer {
            rate,
            spread_ppm,
            steps,
            relation_ppm,
            credit_max,
            pool,
        },
    )
}

/// A centre where these providers have published and nobody else has.
fn centre(offers: &[Offer], who: impl Fn(usize) -> bool) -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(1));
    let currencies = vec![CurrencyCode::HKD, CurrencyCode::CNY];
    let mut commands: Vec<Command> =
        currencies.iter().map(|&code| Command::OpenLedger(Currency::new(code, 2).unwrap())).collect();
    for at in 0..=offers.len() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(&format!("BNK{at}HKHH")).unwrap(),
            name: String::new(),
            key: [0; 32],
            provides_exchange: at > 0,
            currencies: currencies.clone(),
        }));
    }
    for (at, offer) in offers.iter().enumerate().filter(|(at, _)| who(*at)) {
        let provider = ParticipantId(at as u32 + 1);
        commands.push(Command::Fund(Fund {
            participant: provider,
            currency: CurrencyCode::CNY,
            purpose: AccountPurpose::Exchange,
            direction: FundDirection::In,
            amount: MinorUnits(offer.pool),
            reference: [at as u8; 16],
        }));
        commands.push(offer.command(provider));
    }
    let applied = clearing.apply_block(Time(1), &commands);
    assert!(!applied.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_))), "{:?}", applied.outcomes);
    clearing
}

fn quote(clearing: &mut Clearing, fixed: FixedSide, cover: bool) -> Option<QuoteTerms> {
    let cover = cover.then(|| Cover { creditor_agent: None, terms: Terms::default() });
    let (debit_currency, credit_currency) = (CurrencyCode::HKD, CurrencyCode::CNY);
    let request = RequestQuote { quote: QuoteId([1; 16]), debtor_agent: DEBTOR, debit_currency, credit_currency, fixed, cover };
    match &clearing.apply_block(Time(2), &[Command::RequestQuote(request)]).outcomes[0] {
        Outcome::Quoted(terms) => Some(*terms),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_best_of_all_is_the_best_there_is(
        offers in prop::collection::vec(offer(), 1..=PROVIDERS),
        amount in 1u64..150_000,
        debit: bool,
        cover: bool,
    ) {
        let fixed = if debit { FixedSide::Debit(MinorUnits(amount)) } else { FixedSide::Credit(MinorUnits(amount)) };
        let best = quote(&mut centre(&offers, |_| true), fixed, cover);
        let alone: Vec<_> = (0..offers.len()).filter_map(|only| quote(&mut centre(&offers, |at| at == only), fixed, cover)).collect();
        prop_assert_eq!(best.is_some(), !alone.is_empty());
        let Some(best) = best else { return Ok(()) };
        prop_assert!(alone.contains(&best), "{best:?} is what one of them offers alone");
        for other in alone {
            if best.capped.is_some() {
                prop_assert!(other.capped.is_some() && other.credit.minor <= best.credit.minor, "{other:?} covers more than {best:?}");
                continue;
            }
            match fixed {
                _ if other.capped.is_some() => {}
                FixedSide::Debit(_) => prop_assert!(other.credit.minor <= best.credit.minor, "{other:?} is better than {best:?}"),
                FixedSide::Credit(_) => prop_assert!(other.debit.minor >= best.debit.minor, "{other:?} is better than {best:?}"),
            }
        }
        // A capped quote never takes more than was offered, nor gives more than was asked.
        match fixed {
            FixedSide::Debit(asked) => prop_assert!(best.debit.minor <= asked),
            FixedSide::Credit(asked) => prop_assert!(best.credit.minor <= asked),
        }
    }
}
