//! Standing exchange rates, published at the start and again before they run out.

use crate::engine::Pause;
use crate::inner::Shared;
use banklink::StandingRate;
use money::Amount;
use std::time::Duration;

/// How often rates are published.
const PUBLISH_EVERY: Duration = Duration::from_secs(180);
/// How long a rate stands: three rounds, so that one that fails is no gap.
const VALID_FOR_S: u32 = 600;

/// Publishes for ever.
pub(super) async fn run(inner: Shared) {
    let mut pause = Pause::new();
    loop {
        if publish_all(&inner).await {
            pause = Pause::new();
            tokio::time::sleep(PUBLISH_EVERY).await;
        } else {
            pause.wait(None).await;
        }
    }
}

/// Whether the centre could be asked at all. A rate it refuses is not asked again before the next round.
async fn publish_all(inner: &Shared) -> bool {
    for card in &inner.config.rates {
        let rate = StandingRate {
            debit_currency: card.debit.code,
            credit_currency: card.credit.code,
            rate: card.rate,
            spread_ppm: card.spread_ppm,
            credit_max: Amount::from_minor(card.credit_max_minor, card.credit),
            valid_for_s: VALID_FOR_S,
        };
        match inner.link.publish_rate(&rate).await {
            Ok(()) => {}
            Err(error) if error.retry_later() => return false,
            Err(error) => {
                let pair = format!("{}/{}", card.debit.code, card.credit.code);
                tracing::warn!(bank = inner.config.bic, pair, %error, "rate not taken");
            }
        }
    }
    true
}
