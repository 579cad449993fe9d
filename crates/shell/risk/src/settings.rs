//! Settings of the rules, with the reasons for their defaults.

use money::{Amount, CurrencyCode};

const SECOND: u64 = 1_000_000_000;

/// Limits of one currency, in whole units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyLimits {
    /// Most one account pays in the long window before RSK-02.
    pub sum_max: u64,
    /// The limit people stay just below (RSK-07): where an authority wants to be told more.
    pub reporting_limit: u64,
}

/// Settings of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskSettings {
    /// Score from which a payment is shown for review.
    pub review_at: u16,
    /// Score from which a payment is stopped.
    pub block_at: u16,
    /// Short window (RSK-01), nanoseconds.
    pub short_window_ns: u64,
    /// Most payments of an account in the short window; below [`RiskSettings::RECENT_MAX`].
    pub count_max: u32,
    /// Long window (RSK-02, RSK-07, RSK-09), nanoseconds.
    pub long_window_ns: u64,
    /// Payments just below a limit in the long window from which RSK-07 fires.
    pub structuring_count: u32,
    /// Payments an account must have made before its history says anything (RSK-04).
    pub history_min: u32,
    /// Limits by currency.
    pub limits: Vec<(CurrencyCode, CurrencyLimits)>,
    /// Limits of every other currency.
    pub other_limits: CurrencyLimits,
    /// Accounts remembered, each in one currency: about 1 KB each at most.
    pub accounts_max: usize,
    /// Pairs of debtor and creditor account remembered: about 80 bytes each.
    pub pairs_max: usize,
    /// Names whose screening is remembered, by hash: about 80 bytes each.
    pub names_max: usize,
}

impl RiskSettings {
    /// Payments of one account kept for the windows.
    pub const RECENT_MAX: usize = 64;

    /// Limits of a currency.
    pub fn limits_of(&self, currency: CurrencyCode) -> CurrencyLimits {
        self.limits.iter().find(|(code, _)| *code == currency).map_or(self.other_limits, |(_, limits)| *limits)
    }

    /// Checks that the settings make sense together.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.review_at > self.block_at || self.block_at > 1000 || self.review_at == 0 {
            return Err(SettingsError::Thresholds);
        }
        if self.count_max as usize >= Self::RECENT_MAX || self.structuring_count as usize > Self::RECENT_MAX {
            return Err(SettingsError::TooMany);
        }
        if self.short_window_ns > self.long_window_ns {
            return Err(SettingsError::Windows);
        }
        Ok(())
    }
}

impl Default for RiskSettings {
    /// Ten payments in ten minutes, a day's sum of HKD 1,000,000 or its like, three payments in a day just below HKD 8,000
    /// (wire transfer rule), CNY 200,000 or USD 10,000 (large cross-border transfers), EUR 10,000 (declaration).
    fn default() -> Self {
        let limits = |sum_max, reporting_limit| CurrencyLimits { sum_max, reporting_limit };
        Self {
            review_at: 400,
            block_at: 800,
            short_window_ns: 600 * SECOND,
            count_max: 10,
            long_window_ns: 86_400 * SECOND,
            structuring_count: 3,
            history_min: 5,
            limits: vec![
                (CurrencyCode::HKD, limits(1_000_000, 8_000)),
                (CurrencyCode::CNY, limits(1_000_000, 200_000)),
                (CurrencyCode::CNH, limits(1_000_000, 200_000)),
                (CurrencyCode::USD, limits(130_000, 10_000)),
                (CurrencyCode::EUR, limits(120_000, 10_000)),
            ],
            other_limits: limits(100_000, 10_000),
            accounts_max: 100_000,
            pairs_max: 500_000,
            names_max: 200_000,
        }
    }
}

/// Why settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Thresholds out of order.
    #[error("1 ≤ review_at ≤ block_at ≤ 1000")]
    Thresholds,
    /// More payments than are kept.
    #[error("count_max is below {max} and structuring_count not above it", max = RiskSettings::RECENT_MAX)]
    TooMany,
    /// Windows out of order.
    #[error("the short window is not longer than the long one")]
    Windows,
}

/// Whole units in minor units of the amount's currency.
pub(crate) fn minor(whole: u64, amount: Amount) -> u128 {
    u128::from(whole) * u128::from(amount.currency.minor_per_major())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked() {
        let good = RiskSettings::default();
        assert_eq!(good.check(), Ok(()));
        for (bad, error) in [
            (RiskSettings { review_at: 900, ..good.clone() }, SettingsError::Thresholds),
            (RiskSettings { review_at: 0, ..good.clone() }, SettingsError::Thresholds),
            (RiskSettings { block_at: 1001, ..good.clone() }, SettingsError::Thresholds),
            (RiskSettings { count_max: 64, ..good.clone() }, SettingsError::TooMany),
            (RiskSettings { structuring_count: 65, ..good.clone() }, SettingsError::TooMany),
            (RiskSettings { short_window_ns: u64::MAX, ..good.clone() }, SettingsError::Windows),
        ] {
            assert_eq!(bad.check(), Err(error));
        }
    }
}
