//! A creditor agent's backlog: payments held for it that it has not answered yet.
//!
//! A payment taken in is not done: it waits for the creditor agent, and ends rejected when nobody answers in time. Taking in
//! more than an agent answers would turn all of them into rejects by deadline. So when the oldest waits too long, new ones
//! are refused at the door until it has caught up; the debtor agent may come back.

use clearing::PaymentIndex;
use std::collections::BTreeMap;

/// So many may wait however long the oldest does: a silent agent is told by the deadline of what it was asked, not by us.
const HELD_MIN: usize = 64;

/// How long answers are counted before they say how fast the agent is.
const COUNTED_NS: u64 = 250_000_000;
const SECOND_NS: u64 = 1_000_000_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// When each was taken in, nanoseconds since 1970; the first is the oldest.
    open: BTreeMap<PaymentIndex, u64>,
    /// Since when many have waited without a break, and how many ended since.
    busy: Option<(u64, u64)>,
    /// Ends a second while many waited; unknown at first, and after a break: who had little to do showed nothing.
    rate: Option<u64>,
}

impl Backlog {
    /// A payment was held for the agent.
    pub(crate) fn held(&mut self, payment: PaymentIndex, at_ns: u64) {
        self.open.insert(payment, at_ns);
        if self.busy.is_none() && self.open.len() >= HELD_MIN {
            self.busy = Some((at_ns, 0));
        }
    }

    /// A payment ended.
    pub(crate) fn ended(&mut self, payment: PaymentIndex, at_ns: u64) {
        if self.open.remove(&payment).is_none() {
            return;
        }
        if self.open.len() < HELD_MIN {
            (self.busy, self.rate) = (None, None);
        } else if let Some((since_ns, ends)) = &mut self.busy {
            *ends += 1;
            let spent_ns = at_ns.saturating_sub(*since_ns);
            if spent_ns >= COUNTED_NS {
                let rate = ends.saturating_mul(SECOND_NS) / spent_ns;
                self.rate = Some(self.rate.map_or(rate, |before| before.midpoint(rate)));
                self.busy = Some((at_ns, 0));
            }
        }
    }

    /// Whether the agent is behind: many wait, and the oldest has waited longer than `wait_max_ns`, or the newest will at the
    /// rate at which it answers.
    pub(crate) fn is_behind(&self, now_ns: u64, wait_max_ns: u64) -> bool {
        if self.open.len() < HELD_MIN {
            return false;
        }
        let oldest = self.open.first_key_value().map_or(u64::MAX, |(_, at_ns)| *at_ns);
        let held = u128::from(self.open.len() as u64) * u128::from(SECOND_NS);
        let too_many = self.rate.is_some_and(|rate| held > u128::from(rate) * u128::from(wait_max_ns));
        too_many || oldest.saturating_add(wait_max_ns) < now_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn an_agent_is_behind_when_many_wait_and_the_oldest_too_long() {
        let mut backlog = Backlog::default();
        (0..HELD_MIN as u64).for_each(|n| backlog.held(PaymentIndex(n), 1000 + n));
        assert!(!backlog.is_behind(1100, 100));
        assert!(backlog.is_behind(1101, 100));
        backlog.ended(PaymentIndex(0), 1101);
        assert!(!backlog.is_behind(5000, 100), "few may wait as long as they like");
        backlog.held(PaymentIndex(99), 1090);
        assert!(backlog.is_behind(1102, 100) && !backlog.is_behind(1101, 100), "the next one is the oldest now");
        backlog.ended(PaymentIndex(500), 1101);
        assert_eq!(backlog.open.len(), HELD_MIN, "an end of something else changes nothing");
    }

    /// Payments a millisecond, answers a millisecond: how many were answered, and the longest wait.
    fn flood(come: u64, answered: u64, wait_max_ms: u64) -> (u64, u64) {
        let (mut backlog, mut next, mut ends, mut longest) = (Backlog::default(), 0, 0, 0);
        for ms in 0..60_000u64 {
            for _ in 0..come {
                if !backlog.is_behind(ms * MS, wait_max_ms * MS) {
                    backlog.held(PaymentIndex(next), ms * MS);
                    next += 1;
                }
            }
            for _ in 0..answered {
                let Some((&first, &at)) = backlog.open.first_key_value() else { break };
                longest = longest.max(ms - at / MS);
                backlog.ended(first, ms * MS);
                ends += 1;
            }
        }
        (ends, longest)
    }

    #[test]
    fn under_a_flood_the_agent_answers_as_fast_as_it_can_and_the_wait_is_bounded() {
        for (come, answered) in [(5, 1), (50, 10), (2, 1), (20, 1)] {
            let (ends, longest) = flood(come, answered, 2000);
            assert_eq!(ends, 60_000 * answered, "{come} came, {answered} could be answered");
            // Twenty times as many have come in before the rate is known.
            assert!(longest <= if come > 5 * answered { 5_500 } else { 2_600 }, "{longest} ms with {come} to {answered}");
        }
    }

    #[test]
    fn who_keeps_up_is_never_behind() {
        let (ends, longest) = flood(5, 6, 2000);
        assert_eq!((ends, longest), (300_000, 0));
    }
}
