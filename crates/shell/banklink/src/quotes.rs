//! Quotes and standing rates as the centre's JSON has them, with amounts and rates as exact types.

use crate::LinkError;
use money::{Amount, Currency, CurrencyCode, Rate};
use serde::{Deserialize, Serialize};

/// Which side of an exchange the customer fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FixedSide {
    /// Exactly this is paid.
    Debit,
    /// Exactly this is received.
    Credit,
}

impl FixedSide {
    /// As the centre writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }
}

/// What a quote is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoteRequest {
    /// Currency paid.
    pub debit_currency: Currency,
    /// Currency received.
    pub credit_currency: Currency,
    /// Which side `amount` is.
    pub fixed: FixedSide,
    /// The exact amount on that side, in that side's currency.
    pub amount: Amount,
}

/// A firm quote: exact amounts until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Its identifier: a UUID.
    pub quote_id: String,
    /// BIC of who gives the credit currency.
    pub provider: String,
    /// Exactly what is paid.
    pub debit: Amount,
    /// Exactly what is received.
    pub credit: Amount,
    /// The provider's rate before spread.
    pub rate: Rate,
    /// What the provider earns, in the debit currency.
    pub spread: Amount,
    /// Milliseconds it is honoured from when it was read.
    pub expires_in_ms: u64,
}

/// A provider's standing rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingRate {
    /// Currency taken.
    pub debit_currency: CurrencyCode,
    /// Currency given.
    pub credit_currency: CurrencyCode,
    /// Credit units for one debit unit.
    pub rate: Rate,
    /// Earned, in millionths of the debit amount.
    pub spread_ppm: u32,
    /// Most given in one payment.
    pub credit_max: Amount,
    /// How long it stands, in seconds.
    pub valid_for_s: u32,
}

#[derive(Serialize)]
struct QuoteRequestJson<'a> {
    debit_currency: &'a str,
    credit_currency: &'a str,
    fixed: &'static str,
    amount: String,
}

#[derive(Deserialize)]
struct AmountJson {
    currency: String,
    amount: String,
}

#[derive(Deserialize)]
struct QuoteJson {
    quote_id: String,
    provider: String,
    debit: AmountJson,
    credit: AmountJson,
    rate: String,
    spread: String,
    expires_in_ms: u64,
}

#[derive(Serialize)]
struct RateJson<'a> {
    debit_currency: &'a str,
    credit_currency: &'a str,
    rate: String,
    spread_ppm: u32,
    credit_max: String,
    valid_for_s: u32,
}

impl QuoteRequest {
    pub(crate) fn to_json(self) -> Vec<u8> {
        let json = QuoteRequestJson {
            debit_currency: self.debit_currency.code.as_str(),
            credit_currency: self.credit_currency.code.as_str(),
            fixed: self.fixed.as_str(),
            amount: self.amount.to_string(),
        };
        serde_json::to_vec(&json).expect("strings and numbers are JSON")
    }

    /// Reads the answer to this request; a quote for anything else is refused.
    pub(crate) fn read_quote(&self, body: &[u8]) -> Result<Quote, LinkError> {
        let unreadable = || LinkError::Unreadable("not a quote");
        let json: QuoteJson = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let amount = |json: &AmountJson, currency: Currency| {
            let same = json.currency == currency.code.as_str();
            same.then(|| Amount::parse(&json.amount, currency).ok()).flatten().ok_or_else(unreadable)
        };
        let quote = Quote {
            debit: amount(&json.debit, self.debit_currency)?,
            credit: amount(&json.credit, self.credit_currency)?,
            rate: Rate::parse(&json.rate).map_err(|_| unreadable())?,
            spread: Amount::parse(&json.spread, self.debit_currency).map_err(|_| unreadable())?,
            quote_id: json.quote_id,
            provider: json.provider,
            expires_in_ms: json.expires_in_ms,
        };
        let kept = match self.fixed {
            FixedSide::Debit => quote.debit == self.amount,
            FixedSide::Credit => quote.credit == self.amount,
        };
        if kept { Ok(quote) } else { Err(LinkError::Unreadable("a quote for another amount")) }
    }
}

impl StandingRate {
    pub(crate) fn to_json(self) -> Vec<u8> {
        let json = RateJson {
            debit_currency: self.debit_currency.as_str(),
            credit_currency: self.credit_currency.as_str(),
            rate: self.rate.to_string(),
            spread_ppm: self.spread_ppm,
            credit_max: self.credit_max.to_string(),
            valid_for_s: self.valid_for_s,
        };
        serde_json::to_vec(&json).expect("strings and numbers are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
    const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

    fn request() -> QuoteRequest {
        let amount = Amount::from_minor(10_000, HKD);
        QuoteRequest { debit_currency: HKD, credit_currency: CNY, fixed: FixedSide::Debit, amount }
    }

    fn body(debit: &str, credit_currency: &str) -> Vec<u8> {
        format!(
            r#"{{"quote_id":"8a562c67-ca16-48ba-b074-65581be6f001","provider":"HARBHKHHXXX",
               "debit":{{"currency":"HKD","amount":"{debit}"}},"credit":{{"currency":"{credit_currency}","amount":"92.02"}},
               "rate":"0.9216","principal":"99.85","spread":"0.15","remainder":"0.00","fees":[],"expires_in_ms":60000}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_quote_must_be_for_what_was_asked() {
        let quote = request().read_quote(&body("100.00", "CNY")).unwrap();
        assert_eq!((quote.debit.minor.0, quote.credit.minor.0, quote.spread.minor.0), (10_000, 9_202, 15));
        for wrong in [body("100.01", "CNY"), body("100.00", "USD"), body("1e2", "CNY"), b"{}".to_vec()] {
            assert!(matches!(request().read_quote(&wrong), Err(LinkError::Unreadable(_))));
        }
    }

    #[test]
    fn a_request_is_written_with_decimals_as_text() {
        let text = String::from_utf8(request().to_json()).unwrap();
        assert_eq!(text, r#"{"debit_currency":"HKD","credit_currency":"CNY","fixed":"debit","amount":"100.00"}"#);
    }
}
