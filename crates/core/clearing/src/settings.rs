//! The scheme's times.

use crate::codec::{DecodeError, put_u64, take_u64};
use crate::{Clearing, Outcome, Refusal};

const SECOND: u64 = 1_000_000_000;

/// The scheme's times, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a creditor agent has to answer a payment of high priority.
    pub answer_high_ns: u64,
    /// How long a creditor agent has to answer a payment of normal priority.
    pub answer_normal_ns: u64,
    /// How long a quote is firm.
    pub quote_validity_ns: u64,
    /// How old a debtor agent's acceptance may be when the payment arrives.
    pub acceptance_age_max_ns: u64,
    /// How long a payment stays in memory behind its end; [`Settings::KEPT`] for ever. At least twice
    /// `acceptance_age_max_ns`, and longer than both answer times.
    pub payment_retention_ns: u64,
}

impl Default for Settings {
    /// As before anything was said, but a payment is forgotten an hour after its end.
    fn default() -> Self {
        Self { payment_retention_ns: 3600 * SECOND, ..Self::unconfigured() }
    }
}

impl Settings {
    /// Retention of a centre that forgets no payment.
    pub const KEPT: u64 = u64::MAX;

    /// Tag of the command that says how long payments are kept. The older form, tag 0, does not say and means
    /// [`Settings::KEPT`]: chains from before that replay as they were.
    pub(crate) const TAG: u8 = 10;

    /// What holds until the first command says otherwise: 7 s (SCT Inst), 20 s (FedNow), 600 s (Nexus), 5 min, for ever.
    pub const fn unconfigured() -> Self {
        Self {
            answer_high_ns: 7 * SECOND,
            answer_normal_ns: 20 * SECOND,
            quote_validity_ns: 600 * SECOND,
            acceptance_age_max_ns: 300 * SECOND,
            payment_retention_ns: Self::KEPT,
        }
    }

    /// Whether payments are kept long enough to be asked about, answered and sent again.
    pub const fn retention_is_enough(&self) -> bool {
        self.payment_retention_ns >= self.acceptance_age_max_ns.saturating_mul(2)
            && (self.forgets_nothing()
                || self.payment_retention_ns > self.answer_high_ns && self.payment_retention_ns > self.answer_normal_ns)
    }

    pub(crate) const fn forgets_nothing(&self) -> bool {
        self.payment_retention_ns == Self::KEPT
    }

    pub(crate) fn tag(&self) -> u8 {
        if self.forgets_nothing() { 0 } else { Self::TAG }
    }

    /// Appends the canonical bytes behind [`Self::tag`].
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        for time in [self.answer_high_ns, self.answer_normal_ns, self.quote_validity_ns, self.acceptance_age_max_ns] {
            put_u64(out, time);
        }
        if !self.forgets_nothing() {
            put_u64(out, self.payment_retention_ns);
        }
    }

    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let settings = Self {
            answer_high_ns: take_u64(bytes)?,
            answer_normal_ns: take_u64(bytes)?,
            quote_validity_ns: take_u64(bytes)?,
            acceptance_age_max_ns: take_u64(bytes)?,
            payment_retention_ns: if tag == 0 { Self::KEPT } else { take_u64(bytes)? },
        };
        if settings.tag() == tag { Ok(settings) } else { Err(DecodeError::Unknown("retention")) }
    }
}

impl Clearing {
    pub(crate) fn configure(&mut self, settings: Settings) -> Result<Outcome, Refusal> {
        if !settings.retention_is_enough() {
            return Err(Refusal::RetentionTooShort);
        }
        self.settings = settings;
        self.delta.push(if settings.forgets_nothing() { 6 } else { Settings::TAG });
        settings.encode(&mut self.delta);
        Ok(Outcome::Done)
    }
}
