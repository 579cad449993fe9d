//! Aliases as the centre's JSON has them: whom one stands for, and what a bank registers.

use crate::LinkError;
use chain::sha256;
use serde::{Deserialize, Serialize};

/// Changes of one message at most, as the centre takes them.
pub const ALIAS_CHANGES_MAX: usize = 256;

/// Whom an alias stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasFound {
    /// BIC of the payee's bank.
    pub agent: String,
    /// The account there.
    pub account: String,
    /// The alias in its one form.
    pub alias: String,
    /// `mobile`, `email` or `scheme_id`.
    pub kind: String,
    /// The name as shown, in Latin letters.
    pub masked_name: String,
    /// In Han characters, if there is one.
    pub masked_name_han: Option<String>,
    /// `warn` or `cool_off`, if the payee is on the warning list.
    pub warning: Option<String>,
    /// How long to wait before paying a payee of the tier `cool_off`, in hours.
    pub cool_off_hours: u32,
    /// What the centre signed, to be kept with the payment.
    pub proof: AliasProof,
}

/// A statement of the centre about an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasProof {
    /// Its text, JSON.
    pub statement: String,
    /// SHA-256 of the text, hexadecimal.
    pub sha256: String,
    /// The key that signed `luohu alias`, a line feed and the text.
    pub key_id: String,
    /// The signature, base64.
    pub signature: String,
}

#[derive(Deserialize)]
struct StatementJson {
    alias: String,
    kind: String,
    agent: String,
    account: String,
    masked_name: String,
    masked_name_han: Option<String>,
    warning: Option<String>,
    #[serde(default)]
    cool_off_hours: u32,
}

/// What a bank registers or takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum AliasChange {
    /// The alias stands for an account here.
    Register {
        /// Which; `None` has the directory draw a scheme identifier.
        #[serde(skip_serializing_if = "Option::is_none")]
        alias: Option<String>,
        /// The account.
        account: String,
        /// The holder's name in Latin letters.
        name: String,
        /// In Han characters.
        #[serde(skip_serializing_if = "Option::is_none")]
        name_han: Option<String>,
        /// Whether it is a company's.
        company: bool,
        /// Whether payments without a bank shall come here.
        default: bool,
    },
    /// It does not any more.
    Revoke {
        /// Which.
        alias: String,
    },
    /// Payments without a bank shall come here.
    MakeDefault {
        /// Which.
        alias: String,
    },
    /// Lets a default go to another bank, or not.
    AnswerPort {
        /// As the centre told it.
        port: String,
        /// Whether the customer wants it.
        agrees: bool,
    },
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasOutcome {
    /// `default`, `registered`, `port_pending`, `revoked`, `moved`, `stayed` or `refused`.
    pub status: String,
    /// The alias, where one was registered: also one that was drawn.
    #[serde(default)]
    pub alias: Option<String>,
    /// The centre's code of a refusal.
    #[serde(default)]
    pub code: Option<String>,
}

/// A default another bank asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AliasPort {
    /// What it is answered by.
    pub port: String,
    /// The alias, masked.
    pub alias: String,
    /// The account it stands for here.
    pub account: String,
    /// BIC of the bank that asks.
    pub to: String,
    /// Until when, RFC 3339.
    pub until: String,
}

#[derive(Serialize)]
struct LookupJson<'a> {
    alias: &'a str,
    payer: &'a str,
}

#[derive(Deserialize)]
struct OutcomesJson {
    results: Vec<AliasOutcome>,
}

/// The body of a look-up.
pub(crate) fn lookup_body(alias: &str, payer: &str) -> Vec<u8> {
    serde_json::to_vec(&LookupJson { alias, payer }).expect("strings are JSON")
}

/// The body of changes.
pub(crate) fn changes_body(changes: &[AliasChange]) -> Vec<u8> {
    serde_json::to_vec(&serde_json::json!({ "changes": changes })).expect("strings are JSON")
}

/// The outcomes of so many changes.
pub(crate) fn read_outcomes(body: &[u8], count: usize) -> Result<Vec<AliasOutcome>, LinkError> {
    let read: OutcomesJson = serde_json::from_slice(body).map_err(|_| LinkError::Unreadable("not outcomes of changes"))?;
    if read.results.len() == count { Ok(read.results) } else { Err(LinkError::Unreadable("not an outcome for each change")) }
}

/// Reads an answer whose signature was verified.
pub(crate) fn read_found(body: &[u8]) -> Result<AliasFound, LinkError> {
    let unreadable = |_| LinkError::Unreadable("not an answer about an alias");
    let proof: AliasProof = serde_json::from_slice(body).map_err(unreadable)?;
    if sha256(proof.statement.as_bytes()).to_string() != proof.sha256 {
        return Err(LinkError::Unreadable("the statement about an alias has another hash"));
    }
    let said: StatementJson = serde_json::from_str(&proof.statement).map_err(unreadable)?;
    let StatementJson { alias, kind, agent, account, masked_name, masked_name_han, warning, cool_off_hours } = said;
    Ok(AliasFound { agent, account, alias, kind, masked_name, masked_name_han, warning, cool_off_hours, proof })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_changed_statement_is_not() {
        let statement = r#"{"alias":"+85261234567","kind":"mobile","agent":"HARBHKHHXXX","account":"1","masked_name":"CHAN T**","masked_name_han":null,"warning":"warn"}"#;
        let sha256 = sha256(statement.as_bytes()).to_string();
        let body = |statement: &str| {
            serde_json::to_vec(
                &serde_json::json!({"statement": statement, "sha256": sha256, "key_id": "LUOHU#1", "signature": ""}),
            )
            .unwrap()
        };
        let found = read_found(&body(statement)).unwrap();
        assert_eq!((found.agent.as_str(), found.warning.as_deref(), found.cool_off_hours), ("HARBHKHHXXX", Some("warn"), 0));
        assert!(matches!(read_found(&body(&statement.replace("HARB", "LION"))), Err(LinkError::Unreadable(_))));
    }

    #[test]
    fn every_change_has_its_outcome() {
        let change = AliasChange::Revoke { alias: "a@b.example".into() };
        assert_eq!(changes_body(&[change]), br#"{"changes":[{"action":"revoke","alias":"a@b.example"}]}"#);
        let body = br#"{"results":[{"status":"refused","code":"DIR-1005","title":"x","field":"alias"}]}"#;
        assert_eq!(read_outcomes(body, 1).unwrap()[0].code.as_deref(), Some("DIR-1005"));
        assert!(read_outcomes(body, 2).is_err());
    }
}
