//! Exchange rates as exact ratios of minor units, with named rounding.

use crate::{Currency, MinorUnits};
use core::fmt;

/// Which whole number a fraction becomes. There is no default: every use says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

/// How many credit-currency units one debit-currency unit buys, as the exact ratio `numerator / denominator` of *major* units.
///
/// Kept in decimal as quoted: the denominator is a power of ten, at most 10^10 (ISO `BaseOneRate`: 10 decimals).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    numerator: u64,
    decimals: u8,
}

impl Rate {
    /// Most decimals a rate can have (ISO `BaseOneRate`).
    pub const DECIMALS_MAX: u8 = 10;
    /// Most significant digits of a rate (ISO `BaseOneRate`, totalDigits).
    pub const DIGITS_MAX: u32 = 11;

    /// `numerator / 10^decimals`; positive, at most 11 digits.
    pub const fn new(numerator: u64, decimals: u8) -> Result<Self, RateError> {
        if numerator == 0 {
            return Err(RateError::Zero);
        }
        if decimals > Self::DECIMALS_MAX || numerator >= 10u64.pow(Self::DIGITS_MAX) {
            return Err(RateError::TooPrecise);
        }
        Ok(Self { numerator, decimals })
    }

    /// Reads decimal text such as `0.9216`.
    pub fn parse(text: &str) -> Result<Self, RateError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(RateError::NotDecimal);
        }
        if fraction.len() > usize::from(Self::DECIMALS_MAX) || whole.len() + fraction.len() > 19 {
            return Err(RateError::TooPrecise);
        }
        let numerator = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0u64, |n, digit| n.checked_mul(10)?.checked_add(u64::from(digit - b'0')))
            .ok_or(RateError::TooPrecise)?;
        Self::new(numerator, fraction.len() as u8)
    }

    /// Digits of the ratio without its point.
    pub const fn numerator(self) -> u64 {
        self.numerator
    }

    /// Decimals of [`Self::numerator`].
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// What `debit` of `from` is worth in `to`.
    pub fn convert(self, debit: MinorUnits, from: Currency, to: Currency, rounding: Rounding) -> Result<MinorUnits, RateError> {
        let (numerator, denominator) = self.minor_ratio(from, to);
        scale(debit, numerator, denominator, rounding)
    }

    /// What must be given in `from` so that it is worth `credit` in `to`.
    pub fn convert_back(
        self,
        credit: MinorUnits,
        from: Currency,
        to: Currency,
        rounding: Rounding,
    ) -> Result<MinorUnits, RateError> {
        let (numerator, denominator) = self.minor_ratio(from, to);
        scale(credit, denominator, numerator, rounding)
    }

    /// The ratio between minor units: to-minor per from-minor.
    fn minor_ratio(self, from: Currency, to: Currency) -> (u128, u128) {
        let numerator = u128::from(self.numerator) * u128::from(to.minor_per_major());
        let denominator = 10u128.pow(u32::from(self.decimals)) * u128::from(from.minor_per_major());
        (numerator, denominator)
    }
}

/// `amount × numerator / denominator`. Numerator and denominator are below 2^54 and the amount below 2^64: the product fits.
fn scale(amount: MinorUnits, numerator: u128, denominator: u128, rounding: Rounding) -> Result<MinorUnits, RateError> {
    let product = u128::from(amount.0).checked_mul(numerator).ok_or(RateError::TooLarge)?;
    let quotient = match rounding {
        Rounding::Down => product / denominator,
        Rounding::Up => product.div_ceil(denominator),
    };
    u64::try_from(quotient).map(MinorUnits).map_err(|_| RateError::TooLarge)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10u64.pow(u32::from(self.decimals));
        match self.decimals {
            0 => write!(f, "{}", self.numerator),
            decimals => write!(f, "{}.{:0width$}", self.numerator / scale, self.numerator % scale, width = usize::from(decimals)),
        }
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a rate or a conversion was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Something other than digits and one point.
    #[error("a rate is digits with at most one decimal point")]
    NotDecimal,
    /// A rate is positive.
    #[error("a rate is greater than zero")]
    Zero,
    /// More than 11 digits or 10 decimals.
    #[error("a rate has at most 11 digits and 10 decimals")]
    TooPrecise,
    /// The converted amount does not fit.
    #[error("the converted amount is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CurrencyCode;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };
    const YEN: Currency = Currency { code: CurrencyCode::USD, exponent: 0 };

    #[test]
    fn conversion_rounds_as_told() {
        let rate = Rate::parse("0.9216").unwrap();
        for (debit, to, down, up) in [(100, CNY, 92, 93), (10_000, CNY, 9_216, 9_216), (1, CNY, 0, 1), (10_000, YEN, 92, 93)] {
            assert_eq!(rate.convert(MinorUnits(debit), HKD, to, Rounding::Down), Ok(MinorUnits(down)));
            assert_eq!(rate.convert(MinorUnits(debit), HKD, to, Rounding::Up), Ok(MinorUnits(up)));
        }
        assert_eq!(rate.convert_back(MinorUnits(9_216), HKD, CNY, Rounding::Up), Ok(MinorUnits(10_000)));
        assert_eq!(rate.convert_back(MinorUnits(9_217), HKD, CNY, Rounding::Up), Ok(MinorUnits(10_002)));
    }

    #[test]
    fn text_reads_and_prints() {
        for text in ["0.9216", "7.8000000000", "1", "12345678901"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for (text, error) in [
            ("", RateError::NotDecimal),
            (".5", RateError::NotDecimal),
            ("1e2", RateError::NotDecimal),
            ("0.00", RateError::Zero),
            ("123456789012", RateError::TooPrecise),
            ("0.12345678901", RateError::TooPrecise),
        ] {
            assert_eq!(Rate::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn overflow_is_an_error_not_a_wrong_amount() {
        let rate = Rate::parse("99999999999").unwrap();
        assert_eq!(rate.convert(MinorUnits(u64::MAX), HKD, CNY, Rounding::Down), Err(RateError::TooLarge));
    }
}
