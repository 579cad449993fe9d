//! Money knows minor units, currencies and exchange rates as exact ratios; it does not know accounts or who pays whom.
//!
//! # Units and limits
//! Amounts are [`MinorUnits`]: a `u64` count of the currency's smallest unit. An ISO 20022 amount has at most 18 digits
//! (`ActiveCurrencyAndAmount`, totalDigits 18), so every amount a message can carry fits. Arithmetic is checked.
//!
//! # Start reading at
//! [`Amount`], then [`Rate`].

mod amount;
mod currency;
mod rate;

pub use amount::{Amount, AmountError, MinorUnits};
pub use currency::{Currency, CurrencyCode, CurrencyError};
pub use rate::{Rate, RateError, Rounding};
