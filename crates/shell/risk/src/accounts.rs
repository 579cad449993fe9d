//! What is remembered of an account in one currency: its last payments, and the running mean of their amounts.
//!
//! # Units and limits
//! The last [`RiskSettings::RECENT_MAX`] payments of the long window. Mean and deviation are kept in 1/256 of a minor unit
//! and move by an eighth of the difference with every payment, rounded towards zero.

use crate::settings::RiskSettings;
use std::collections::VecDeque;

const SCALE: u128 = 256;
const SHARE: u128 = 8;

#[derive(Debug, Clone, Copy)]
struct Past {
    at_ns: u64,
    minor: u64,
}

/// One account in one currency.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    recent: VecDeque<Past>,
    payments: u32,
    mean: u128,
    deviation: u128,
}

/// Payments in a window, with the one under judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) count: u32,
    pub(crate) sum: u128,
}

impl Account {
    /// Payments behind `now - window` and this one.
    pub(crate) fn window(&self, now_ns: u64, window_ns: u64, minor: u64) -> Window {
        self.window_of(now_ns, window_ns, minor, |_| true)
    }

    /// As [`Account::window`], counting only amounts that meet a condition.
    pub(crate) fn window_of(&self, now_ns: u64, window_ns: u64, minor: u64, meets: impl Fn(u64) -> bool) -> Window {
        let inside = |past: &&Past| past.at_ns.saturating_add(window_ns) > now_ns;
        let earlier = self.recent.iter().filter(inside).map(|past| past.minor);
        let start = Window { count: 0, sum: 0 };
        earlier
            .chain([minor])
            .filter(|minor| meets(*minor))
            .fold(start, |window, minor| Window { count: window.count + 1, sum: window.sum + u128::from(minor) })
    }

    /// The running mean in minor units, if an amount is far above it.
    pub(crate) fn mean_far_below(&self, minor: u64, history_min: u32) -> Option<u64> {
        let scaled = u128::from(minor) * SCALE;
        let far = scaled >= 3 * self.mean && scaled > self.mean + 4 * self.deviation;
        (self.payments >= history_min && far).then_some((self.mean / SCALE) as u64)
    }

    /// Takes in a payment.
    pub(crate) fn note(&mut self, now_ns: u64, minor: u64, settings: &RiskSettings) {
        while self.recent.front().is_some_and(|past| past.at_ns.saturating_add(settings.long_window_ns) <= now_ns) {
            self.recent.pop_front();
        }
        if self.recent.len() == RiskSettings::RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Past { at_ns: now_ns, minor });
        let scaled = u128::from(minor) * SCALE;
        if self.payments == 0 {
            self.mean = scaled;
        } else {
            self.deviation = moved(self.deviation, self.mean.abs_diff(scaled));
            self.mean = moved(self.mean, scaled);
        }
        self.payments = self.payments.saturating_add(1);
    }
}

/// A value moved by an eighth of the way.
fn moved(from: u128, to: u128) -> u128 {
    if to >= from { from + (to - from) / SHARE } else { from - (from - to) / SHARE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_slide() {
        let (mut account, settings) = (Account::default(), RiskSettings { long_window_ns: 100, ..RiskSettings::default() });
        for at in [0, 10, 20] {
            account.note(at, 5, &settings);
        }
        for (now, window, count, sum) in [(20, 100, 4, 22), (20, 10, 2, 12), (20, 11, 3, 17), (109, 100, 3, 17), (500, 100, 1, 7)]
        {
            assert_eq!(account.window(now, window, 7), Window { count, sum }, "at {now} over {window}");
        }
        for at in 0..1000 {
            account.note(at, 5, &settings);
        }
        assert_eq!(account.window(1000, 100, 5).count as usize, RiskSettings::RECENT_MAX + 1);
    }

    #[test]
    fn amounts_are_judged_by_history() {
        let (mut account, settings) = (Account::default(), RiskSettings::default());
        for at in 0..4 {
            account.note(at, 10_000, &settings);
        }
        assert_eq!(account.mean_far_below(1_000_000, 5), None, "too little history");
        account.note(4, 10_000, &settings);
        assert_eq!(account.mean_far_below(1_000_000, 5), Some(10_000));
        assert_eq!(account.mean_far_below(29_999, 5), None);
        assert_eq!(account.mean_far_below(30_000, 5), Some(10_000));
        // An account with widely varying amounts is given more room.
        for at in 5..30 {
            account.note(at, if at % 2 == 0 { 1_000 } else { 50_000 }, &settings);
        }
        assert_eq!(account.mean_far_below(90_000, 5), None);
        assert!(account.mean_far_below(200_000, 5).is_some());
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let (mut account, settings) = (Account::default(), RiskSettings::default());
        for at in 0..100 {
            account.note(at, u64::MAX * (at % 2), &settings);
            account.window(at, u64::MAX, u64::MAX);
            account.mean_far_below(u64::MAX, 0);
        }
    }
}
