//! What would become of a payment, and what it would cost, as the centre's JSON has it.

use money::Amount;
use serde::Deserialize;
use serde_json::json;

/// A payment that is asked about before it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WhatIfQuestion<'a> {
    /// BIC of the creditor agent.
    pub creditor_agent: &'a str,
    /// What is paid.
    pub debit: Amount,
    /// What arrives before charges.
    pub credit: Amount,
    /// Whether the debtor is a company.
    pub by_company: bool,
    /// ISO purpose code.
    pub purpose: &'a str,
    /// The debtor's identity document: kind, issuer, number.
    pub document: Option<(&'a str, &'a str, &'a str)>,
}

/// What the centre says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WhatIf {
    /// Whether it would pass.
    pub allowed: bool,
    /// Why not.
    #[serde(default)]
    pub reason: Option<WhyNot>,
    /// When it would be executed, if not at once.
    #[serde(default)]
    pub waits_until: Option<String>,
    /// What it would cost; `None`: nothing.
    #[serde(default)]
    pub charges: Option<ToldCharges>,
    /// What is left of the debtor's quotas.
    pub quotas: Vec<QuotaLeft>,
}

/// Why a payment would be rejected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WhyNot {
    /// ISO reason.
    pub iso: String,
}

/// What both sides would bear.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldCharges {
    /// On top of the debit: this bank's part.
    pub debtor: ToldMoney,
    /// Out of the credit.
    pub creditor: ToldMoney,
    /// What arrives.
    pub credit_net: ToldMoney,
}

/// An amount as text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldMoney {
    /// Currency code.
    pub currency: String,
    /// Decimal text.
    pub amount: String,
}

impl ToldMoney {
    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.amount.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    }
}

/// How a quota stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct QuotaLeft {
    /// The limit's name.
    pub limit: String,
    /// `bank_day`, `bank_year`, `person_day` or `person_year`.
    pub per: String,
    /// Counted in this currency; payments if there is none.
    pub currency: Option<String>,
    /// What is left.
    pub remaining: String,
    /// Of this.
    pub most: String,
}

impl WhatIfQuestion<'_> {
    pub(crate) fn to_json(self) -> Vec<u8> {
        let money = |amount: Amount| json!({ "currency": amount.currency.code.as_str(), "amount": amount.to_string() });
        let mut question = json!({
            "creditor_agent": self.creditor_agent,
            "debit": money(self.debit),
            "credit": money(self.credit),
            "debtor": if self.by_company { "institution" } else { "person" },
            "purpose": self.purpose,
        });
        if let Some((scheme, issuer, number)) = self.document {
            question["document"] = json!({ "scheme": scheme, "issuer": issuer, "number": number });
        }
        serde_json::to_vec(&question).expect("texts are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_with_and_without_what_is_not_always_there() {
        let plain: WhatIf = serde_json::from_str(r#"{"corridor":null,"allowed":true,"quotas":[]}"#).unwrap();
        assert!(plain.allowed && plain.charges.is_none() && plain.reason.is_none());
        let full = r#"{"corridor":"NORTH","allowed":false,"reason":{"iso":"SL16","code":"PAY-2020","text":"x"},
            "waits_until":"2026-11-26T01:00:00Z",
            "charges":{"tariff":1,"line":"A","bearer":"SHAR","debtor":{"currency":"HKD","amount":"0.00"},
                "creditor":{"currency":"HKD","amount":"0.52"},"debit_total":{"currency":"HKD","amount":"100.00"},
                "credit_net":{"currency":"HKD","amount":"99.48"}},
            "quotas":[{"limit":"N-DAY","per":"bank_day","currency":"HKD","used":"1.00","remaining":"9.00","most":"10.00"}]}"#;
        let full: WhatIf = serde_json::from_str(full).unwrap();
        let charges = full.charges.unwrap();
        assert!(charges.debtor.is_zero() && !charges.creditor.is_zero());
        assert_eq!((full.quotas[0].remaining.as_str(), full.reason.unwrap().iso.as_str()), ("9.00", "SL16"));
    }
}
