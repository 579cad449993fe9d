//! Amounts: minor units, and minor units with their currency; decimal text in and out.

use crate::Currency;
use core::fmt;

/// A count of a currency's smallest unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MinorUnits(pub u64);

impl MinorUnits {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Sum, or `None` when it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Difference, or `None` when it would be negative.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// Whether this is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Debug for MinorUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}m", self.0)
    }
}

/// Minor units of one currency.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub minor: MinorUnits,
    /// Of what.
    pub currency: Currency,
}

impl Amount {
    /// An amount from its count of minor units.
    pub const fn from_minor(minor: u64, currency: Currency) -> Self {
        Self { minor: MinorUnits(minor), currency }
    }

    /// Reads plain decimal text such as `1234.5`: digits, at most one point, no sign, no exponent, no separators.
    ///
    /// Zeros behind the currency's last decimal say nothing and are taken: `1.50` and `1.500` HKD are the same amount.
    /// Anything else there is [`AmountError::TooManyDecimals`] (ISO reason CH20): `1.505` HKD.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits_only = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits_only(whole) || !digits_only(fraction) {
            return Err(AmountError::NotDecimal);
        }
        let fraction = fraction.trim_end_matches('0');
        let exponent = usize::from(currency.exponent);
        if fraction.len() > exponent {
            return Err(AmountError::TooManyDecimals { currency, decimals: fraction.len() });
        }
        let padding = exponent - fraction.len();
        let digits = whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat_n(b'0', padding));
        let mut minor: u64 = 0;
        for digit in digits {
            minor = minor.checked_mul(10).and_then(|m| m.checked_add(u64::from(digit - b'0'))).ok_or(AmountError::TooLarge)?;
        }
        Ok(Self::from_minor(minor, currency))
    }
}

impl fmt::Display for Amount {
    /// Decimal text with exactly the currency's decimals and no currency code: `1234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_major = self.currency.minor_per_major();
        let whole = self.minor.0 / per_major;
        match self.currency.exponent {
            0 => write!(f, "{whole}"),
            exponent => write!(f, "{whole}.{:0width$}", self.minor.0 % per_major, width = usize::from(exponent)),
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency.code, self)
    }
}

/// Why decimal text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Something other than digits and one point.
    #[error("an amount is digits with at most one decimal point")]
    NotDecimal,
    /// More decimals than the currency has (ISO reason CH20).
    #[error("{} has {} decimals, the amount has {decimals}", currency.code, currency.exponent)]
    TooManyDecimals {
        /// The currency asked for.
        currency: Currency,
        /// Decimals that are not trailing zeros.
        decimals: usize,
    },
    /// Does not fit 64 bits of minor units.
    #[error("the amount is too large")]
    TooLarge,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CurrencyCode;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const JPY: Currency = Currency { code: CurrencyCode::USD, exponent: 0 };

    #[test]
    fn decimal_text_reads_and_prints() {
        for (text, minor, printed) in [
            ("0", 0, "0.00"),
            ("1", 100, "1.00"),
            ("1.5", 150, "1.50"),
            ("1.50", 150, "1.50"),
            ("1.5000", 150, "1.50"),
            (".05", 5, "0.05"),
            ("7.", 700, "7.00"),
            ("0001.25", 125, "1.25"),
            ("184467440737095516.15", u64::MAX, "184467440737095516.15"),
        ] {
            let amount = Amount::parse(text, HKD).unwrap();
            assert_eq!(amount.minor.0, minor, "{text}");
            assert_eq!(amount.to_string(), printed);
        }
        assert_eq!(Amount::parse("12", JPY).unwrap().to_string(), "12");
    }

    #[test]
    fn bad_text_is_refused() {
        for text in ["", ".", "-1", "+1", "1,5", "1e3", " 1", "1.2.3", "NaN", "１"] {
            assert_eq!(Amount::parse(text, HKD), Err(AmountError::NotDecimal), "{text:?}");
        }
        assert_eq!(Amount::parse("1.005", HKD), Err(AmountError::TooManyDecimals { currency: HKD, decimals: 3 }));
        assert_eq!(Amount::parse("0.5", JPY), Err(AmountError::TooManyDecimals { currency: JPY, decimals: 1 }));
        assert_eq!(Amount::parse("184467440737095516.16", HKD), Err(AmountError::TooLarge));
    }
}
