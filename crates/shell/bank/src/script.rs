//! A script: what the bank does with single payments it is asked to credit, so that somebody else's software can be watched
//! coping with just that.
//!
//! As TOML, the first rule that fits decides:
//!
//! ```toml
//! [[payment]]
//! account = "388100200302"   # to this account; any when left out
//! amount = "12.34"           # of exactly this, in its currency's decimals; any when left out
//! sequence = 3               # the third payment read since the start; any when left out
//! does = { fault = "refusing", reason = "AC06" }
//! ```

use crate::fault::Fault;
use iso20022::view::CreditTransferView;
use serde::Deserialize;

/// Most rules of a script.
pub const SCRIPT_RULES_MAX: usize = 1_000;

/// Rules in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The rules.
    #[serde(default, rename = "payment")]
    pub rules: Vec<ScriptRule>,
}

/// What is done with which payments.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptRule {
    /// Account to credit, as named in the message.
    pub account: Option<String>,
    /// Amount as decimal text.
    pub amount: Option<String>,
    /// Place among the payments this bank was asked to credit since it started, from 1.
    pub sequence: Option<u64>,
    /// How it misbehaves.
    pub does: Fault,
}

/// Why a script is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptFault {
    /// More rules than [`SCRIPT_RULES_MAX`].
    #[error("{0} rules, at most {SCRIPT_RULES_MAX} are taken")]
    TooMany(usize),
    /// A number or code that cannot be.
    #[error("rule {0}: a delay is at most 600000 ms, a reason four capitals or digits")]
    BadValue(usize),
    /// A bank is offline for all payments or none.
    #[error("rule {0}: a single payment cannot be `offline`; use `drop_connection`")]
    Offline(usize),
}

impl Script {
    /// Whether every rule can be followed; rules are counted from 1.
    pub fn check(&self) -> Result<(), ScriptFault> {
        if self.rules.len() > SCRIPT_RULES_MAX {
            return Err(ScriptFault::TooMany(self.rules.len()));
        }
        for (at, rule) in (1..).zip(&self.rules) {
            if rule.does == Fault::Offline {
                return Err(ScriptFault::Offline(at));
            }
            if !rule.does.is_valid() {
                return Err(ScriptFault::BadValue(at));
            }
        }
        Ok(())
    }

    /// What the first rule that fits says of the `sequence`th payment.
    pub(crate) fn fault_for(&self, payment: &CreditTransferView, sequence: u64) -> Fault {
        let account = payment.creditor_account.as_ref().map(|account| account.number.as_str());
        let amount = payment.interbank_settlement_amount.to_string();
        self.first(account.unwrap_or_default(), &amount, sequence)
    }

    fn first(&self, account: &str, amount: &str, sequence: u64) -> Fault {
        let fits = |rule: &&ScriptRule| {
            rule.account.as_deref().is_none_or(|wanted| wanted == account)
                && rule.amount.as_deref().is_none_or(|wanted| wanted == amount)
                && rule.sequence.is_none_or(|wanted| wanted == sequence)
        };
        self.rules.iter().find(fits).map_or(Fault::None, |rule| rule.does.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(account: Option<&str>, amount: Option<&str>, sequence: Option<u64>, does: Fault) -> ScriptRule {
        ScriptRule { account: account.map(str::to_owned), amount: amount.map(str::to_owned), sequence, does }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let script = Script {
            rules: vec![
                rule(Some("1"), Some("2.00"), None, Fault::Silent),
                rule(None, None, Some(3), Fault::CreditTwice),
                rule(Some("1"), None, None, Fault::AnswerLate),
            ],
        };
        for (account, amount, sequence, does) in [
            ("1", "2.00", 3, Fault::Silent),
            ("1", "2.01", 3, Fault::CreditTwice),
            ("1", "2.01", 4, Fault::AnswerLate),
            ("2", "2.00", 1, Fault::None),
        ] {
            assert_eq!(script.first(account, amount, sequence), does, "{account} {amount} {sequence}");
        }
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let check = |does| Script { rules: vec![rule(None, None, None, Fault::None), rule(None, None, None, does)] }.check();
        assert_eq!(check(Fault::WrongSignature), Ok(()));
        assert_eq!(check(Fault::Offline), Err(ScriptFault::Offline(2)));
        assert_eq!(check(Fault::DropConnection { ms: u64::MAX }), Err(ScriptFault::BadValue(2)));
        let many = vec![rule(None, None, None, Fault::None); SCRIPT_RULES_MAX + 1];
        assert_eq!(Script { rules: many }.check(), Err(ScriptFault::TooMany(SCRIPT_RULES_MAX + 1)));
    }
}
