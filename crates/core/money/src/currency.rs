//! Currencies as data: a code and the number of decimals of its minor unit.

use core::fmt;
use core::str::FromStr;

/// Three capital letters naming a ledger's currency: an ISO 4217 code, or the market label `CNH` for offshore renminbi.
///
/// `CNH` is not in ISO 4217; on the wire it is `CNY`, and the ledger it settles on is chosen by the corridor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CurrencyCode([u8; 3]);

impl CurrencyCode {
    /// Hong Kong dollar.
    pub const HKD: Self = Self(*b"HKD");
    /// Renminbi, onshore.
    pub const CNY: Self = Self(*b"CNY");
    /// Renminbi, offshore label.
    pub const CNH: Self = Self(*b"CNH");
    /// United States dollar.
    pub const USD: Self = Self(*b"USD");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");

    /// Takes three bytes `A`–`Z`.
    pub const fn new(letters: [u8; 3]) -> Result<Self, CurrencyError> {
        let mut at = 0;
        while at < 3 {
            if !letters[at].is_ascii_uppercase() {
                return Err(CurrencyError::NotThreeCapitals);
            }
            at += 1;
        }
        Ok(Self(letters))
    }

    /// The three letters.
    pub const fn bytes(self) -> [u8; 3] {
        self.0
    }

    /// The three letters as text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("three ASCII capitals")
    }
}

impl fmt::Display for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CurrencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CurrencyCode {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| CurrencyError::NotThreeCapitals)?;
        Self::new(letters)
    }
}

/// A currency as the operator configured it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Currency {
    /// Its code.
    pub code: CurrencyCode,
    /// Decimals of the minor unit (ISO 4217 exponent), 0 to 5.
    pub exponent: u8,
}

impl Currency {
    /// The largest exponent: ISO 20022 amounts carry at most five decimals.
    pub const EXPONENT_MAX: u8 = 5;

    /// A currency with its ISO 4217 exponent.
    pub const fn new(code: CurrencyCode, exponent: u8) -> Result<Self, CurrencyError> {
        if exponent > Self::EXPONENT_MAX {
            return Err(CurrencyError::ExponentTooLarge(exponent));
        }
        Ok(Self { code, exponent })
    }

    /// Minor units in one major unit: 10 to the exponent.
    pub const fn minor_per_major(self) -> u64 {
        10u64.pow(self.exponent as u32)
    }
}

/// Why a currency was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CurrencyError {
    /// The code is not three capital letters.
    #[error("a currency code is three capital letters")]
    NotThreeCapitals,
    /// The exponent is above [`Currency::EXPONENT_MAX`].
    #[error("a currency has at most 5 decimals, not {0}")]
    ExponentTooLarge(u8),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_capitals() {
        assert_eq!("HKD".parse(), Ok(CurrencyCode::HKD));
        for bad in ["", "HK", "HKDX", "hkd", "H D", "港元"] {
            assert_eq!(bad.parse::<CurrencyCode>(), Err(CurrencyError::NotThreeCapitals), "{bad}");
        }
    }

    #[test]
    fn exponent_is_bounded() {
        assert_eq!(Currency::new(CurrencyCode::HKD, 2).map(Currency::minor_per_major), Ok(100));
        assert_eq!(Currency::new(CurrencyCode::HKD, 6), Err(CurrencyError::ExponentTooLarge(6)));
    }
}
