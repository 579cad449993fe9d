//! A script: what the bank does with single things it is asked, so that somebody else's software can be watched coping with just
//! that.
//!
//! As TOML, the first rule that fits decides:
//!
//! ```toml
//! [[payment]]                # it is asked to credit a payment
//! account = "388100200302"   # to this account; any when left out
//! amount = "12.34"           # of exactly this, in its currency's decimals; any when left out
//! sequence = 3               # the third payment read since the start; any when left out
//! does = { fault = "refusing", reason = "AC06" }
//!
//! [[name]]                   # it is asked whose account that is
//! sequence = 1
//! does = { fault = "silent" }
//! ```
//!
//! # Limits
//! At most [`SCRIPT_RULES_MAX`] rules in all.

use crate::fault::Fault;
use serde::Deserialize;

/// Most rules of a script.
pub const SCRIPT_RULES_MAX: usize = 1_000;

/// What a bank is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// To credit a payment (`pacs.008`).
    Payment,
    /// Whose account it is (`acmt.023`).
    Name,
    /// To pay, for a customer (`pain.013`).
    Request,
    /// To pay what is collected of a customer (`pacs.003`).
    Collection,
    /// To send a payment back (`camt.056`).
    Recall,
}

impl Question {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Payment, Self::Name, Self::Request, Self::Collection, Self::Recall];

    /// As a script names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Name => "name",
            Self::Request => "request",
            Self::Collection => "collection",
            Self::Recall => "recall",
        }
    }

    /// Whether a bank can misbehave like this when it is asked that.
    pub const fn can(self, fault: &Fault) -> bool {
        match (self, fault) {
            (_, Fault::Offline) => false,
            (Self::Payment, _) | (_, Fault::None | Fault::Silent) => true,
            (Self::Request | Self::Collection, Fault::Slow { .. } | Fault::Refusing { .. })
            | (Self::Name, Fault::Slow { .. })
            | (Self::Recall, Fault::Refusing { .. }) => true,
            (
                Self::Name | Self::Request | Self::Collection | Self::Recall,
                Fault::Slow { .. }
                | Fault::Refusing { .. }
                | Fault::AnswerTwice
                | Fault::AnswerLate
                | Fault::WrongSignature
                | Fault::DropConnection { .. }
                | Fault::Reviewing
                | Fault::CreditTwice
                | Fault::ForgetCursor,
            ) => false,
        }
    }
}

/// Rules in order, by what the bank is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// When it is asked to credit a payment.
    #[serde(default, rename = "payment")]
    pub payments: Vec<ScriptRule>,
    /// When it is asked whose account it is.
    #[serde(default, rename = "name")]
    pub names: Vec<ScriptRule>,
    /// When a customer is asked to pay.
    #[serde(default, rename = "request")]
    pub requests: Vec<ScriptRule>,
    /// When something is collected of a customer.
    #[serde(default, rename = "collection")]
    pub collections: Vec<ScriptRule>,
    /// When a payment is asked back.
    #[serde(default, rename = "recall")]
    pub recalls: Vec<ScriptRule>,
}

/// What is done with which.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptRule {
    /// The customer's account, as named in the message. Neither a recall nor a collection names one.
    pub account: Option<String>,
    /// Amount as decimal text. Neither a recall nor a question whose account it is has one.
    pub amount: Option<String>,
    /// Place among what this bank was asked of the kind since it started, from 1.
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
    #[error("{0} rule {1}: a delay is at most 600000 ms, a reason four capitals or digits")]
    BadValue(&'static str, usize),
    /// A bank is offline for everything or nothing.
    #[error("{0} rule {1}: a bank is offline for everything or nothing; use `drop_connection` with a payment")]
    Offline(&'static str, usize),
    /// A way to misbehave that only payments have, or a condition that is never met.
    #[error("{0} rule {1}: a {0} has no such fault, account or amount")]
    NotOfThese(&'static str, usize),
}

impl Script {
    /// The rules for what a bank is asked.
    pub fn rules(&self, asked: Question) -> &[ScriptRule] {
        match asked {
            Question::Payment => &self.payments,
            Question::Name => &self.names,
            Question::Request => &self.requests,
            Question::Collection => &self.collections,
            Question::Recall => &self.recalls,
        }
    }

    /// Whether every rule can be followed; rules are counted from 1, each kind for itself.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self) -> Result<(), ScriptFault> {
        let rules: usize = Question::ALL.into_iter().map(|asked| self.rules(asked).len()).sum();
        if rules > SCRIPT_RULES_MAX {
            return Err(ScriptFault::TooMany(rules));
        }
        let all =
            Question::ALL.into_iter().flat_map(|asked| (1..).zip(self.rules(asked)).map(move |(at, rule)| (asked, at, rule)));
        all.into_iter().try_for_each(|(asked, at, rule)| rule.check(asked, at))
    }

    /// What the first rule that fits says of the `sequence`th thing asked of this kind.
    pub fn fault_for(&self, asked: Question, account: &str, amount: &str, sequence: u64) -> Fault {
        let fits = |rule: &&ScriptRule| {
            rule.account.as_deref().is_none_or(|wanted| wanted == account)
                && rule.amount.as_deref().is_none_or(|wanted| wanted == amount)
                && rule.sequence.is_none_or(|wanted| wanted == sequence)
        };
        self.rules(asked).iter().find(fits).map_or(Fault::None, |rule| rule.does.clone())
    }
}

impl ScriptRule {
    fn check(&self, asked: Question, at: usize) -> Result<(), ScriptFault> {
        let (names_account, names_amount) = match asked {
            Question::Payment | Question::Request => (true, true),
            Question::Name => (true, false),
            Question::Collection => (false, true),
            Question::Recall => (false, false),
        };
        let never = (self.account.is_some() && !names_account) || (self.amount.is_some() && !names_amount);
        match &self.does {
            Fault::Offline => Err(ScriptFault::Offline(asked.name(), at)),
            does if !does.is_valid() => Err(ScriptFault::BadValue(asked.name(), at)),
            does if never || !asked.can(does) => Err(ScriptFault::NotOfThese(asked.name(), at)),
            Fault::None
            | Fault::Slow { .. }
            | Fault::Silent
            | Fault::Refusing { .. }
            | Fault::AnswerTwice
            | Fault::AnswerLate
            | Fault::WrongSignature
            | Fault::DropConnection { .. }
            | Fault::Reviewing
            | Fault::CreditTwice
            | Fault::ForgetCursor => Ok(()),
        }
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
            payments: vec![
                rule(Some("1"), Some("2.00"), None, Fault::Silent),
                rule(None, None, Some(3), Fault::CreditTwice),
                rule(Some("1"), None, None, Fault::AnswerLate),
            ],
            names: vec![rule(Some("1"), None, None, Fault::Silent)],
            ..Script::default()
        };
        for (asked, account, amount, sequence, does) in [
            (Question::Payment, "1", "2.00", 3, Fault::Silent),
            (Question::Payment, "1", "2.01", 3, Fault::CreditTwice),
            (Question::Payment, "1", "2.01", 4, Fault::AnswerLate),
            (Question::Payment, "2", "2.00", 1, Fault::None),
            (Question::Name, "1", "", 1, Fault::Silent),
            (Question::Name, "2", "", 1, Fault::None),
            (Question::Recall, "", "", 3, Fault::None),
        ] {
            assert_eq!(script.fault_for(asked, account, amount, sequence), does, "{asked:?} {account} {amount} {sequence}");
        }
    }

    #[test]
    fn a_script_is_read() {
        let text = r#"{"payment":[{"amount":"1.00","does":{"fault":"forget_cursor"}}],
                       "recall":[{"does":{"fault":"refusing","reason":"CUST"}}]}"#;
        let script: Script = serde_json::from_str(text).unwrap();
        assert_eq!(script.check(), Ok(()));
        assert_eq!(script.payments, [rule(None, Some("1.00"), None, Fault::ForgetCursor)]);
        assert_eq!(script.recalls, [rule(None, None, None, Fault::Refusing { reason: "CUST".to_owned() })]);
        assert!(serde_json::from_str::<Script>(r#"{"mandate":[]}"#).is_err());
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let check = |does| {
            Script { payments: vec![rule(None, None, None, Fault::None), rule(None, None, None, does)], ..Script::default() }
                .check()
        };
        assert_eq!(check(Fault::WrongSignature), Ok(()));
        assert_eq!(check(Fault::Offline), Err(ScriptFault::Offline("payment", 2)));
        assert_eq!(check(Fault::DropConnection { ms: u64::MAX }), Err(ScriptFault::BadValue("payment", 2)));
        let half = vec![rule(None, None, None, Fault::None); SCRIPT_RULES_MAX / 2];
        let script = Script { payments: half.clone(), names: half, ..Script::default() };
        assert_eq!(script.check(), Ok(()));
        let one = vec![rule(None, None, None, Fault::None)];
        assert_eq!(Script { recalls: one, ..script }.check(), Err(ScriptFault::TooMany(SCRIPT_RULES_MAX + 1)));
    }

    #[test]
    fn what_only_payments_have_is_refused_elsewhere() {
        let (slow, refusing) = (|| Fault::Slow { ms: 1 }, || Fault::Refusing { reason: "CUST".to_owned() });
        for (asked, rule, taken) in [
            (Question::Name, rule(Some("1"), None, None, slow()), true),
            (Question::Name, rule(None, Some("1.00"), None, slow()), false),
            (Question::Name, rule(None, None, None, refusing()), false),
            (Question::Request, rule(Some("1"), Some("1.00"), None, refusing()), true),
            (Question::Request, rule(None, None, None, Fault::AnswerTwice), false),
            (Question::Collection, rule(None, Some("1.00"), Some(2), slow()), true),
            (Question::Recall, rule(None, None, Some(1), refusing()), true),
            (Question::Recall, rule(None, None, Some(1), slow()), false),
            (Question::Recall, rule(Some("1"), None, None, Fault::Silent), false),
            (Question::Recall, rule(None, None, None, Fault::ForgetCursor), false),
        ] {
            assert_eq!(rule.check(asked, 1).is_ok(), taken, "{asked:?} {rule:?}");
        }
    }
}
