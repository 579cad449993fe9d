//! What the gateway asks of the risk rules.

use clearing::{RiskDecision, RiskVerdict, Time, Uetr};
use money::Amount;
use risk::{RiskEngine, RiskInput};

/// What the risk rules look at.
#[derive(Debug, Clone, Copy)]
pub struct PaymentFacts<'a> {
    /// Which payment, for the log.
    pub uetr: Uetr,
    /// Debtor agent's BIC.
    pub debtor_agent: &'a str,
    /// Creditor agent's BIC.
    pub creditor_agent: &'a str,
    /// The debtor's account at its bank.
    pub debtor_account: &'a str,
    /// The debtor's name.
    pub debtor_name: &'a str,
    /// The creditor's account at its bank.
    pub creditor_account: &'a str,
    /// The creditor's name.
    pub creditor_name: &'a str,
    /// What the debtor agent pays.
    pub debit: Amount,
    /// Now.
    pub now: Time,
}

/// Screening and risk rules.
pub trait Assessor: Send + Sync {
    /// Judges one payment. The decision goes into the chain without personal data.
    fn assess(&self, facts: &PaymentFacts<'_>) -> RiskDecision;
}

impl<F: Fn(&PaymentFacts<'_>) -> RiskDecision + Send + Sync> Assessor for F {
    fn assess(&self, facts: &PaymentFacts<'_>) -> RiskDecision {
        self(facts)
    }
}

impl Assessor for RiskEngine {
    /// Accounts are told apart by their bank and number. Why a payment was noticed goes to the log, without names.
    fn assess(&self, facts: &PaymentFacts<'_>) -> RiskDecision {
        let assessment = self.assess(&RiskInput {
            debtor_account: &format!("{}/{}", facts.debtor_agent, facts.debtor_account),
            creditor_account: &format!("{}/{}", facts.creditor_agent, facts.creditor_account),
            debtor_name: facts.debtor_name,
            creditor_name: facts.creditor_name,
            amount: facts.debit,
            now_ns: facts.now.0,
        });
        if assessment.decision.verdict != RiskVerdict::Pass {
            for finding in &assessment.findings {
                tracing::info!(uetr = %facts.uetr, rule = ?finding.rule, reason = %finding.reason, "noticed");
            }
        }
        assessment.decision
    }
}
