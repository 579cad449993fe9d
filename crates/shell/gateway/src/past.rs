//! What the gateway asks of the past, and of the risk rules: small traits, so that the door does not know their insides.

use chain::Hash;
use clearing::{AccountView, ParticipantId, PaymentView, Position, RiskDecision, Time, Uetr};
use money::Amount;
use std::io;

/// The read model behind the door. It knows a block before [`crate::Hub::durable`] is told of it.
pub trait Past: Send + Sync {
    /// What the chain has for a participant's inbox after a position, oldest first, at most `limit`.
    fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Vec<InboxEntry>;
    /// A payment as it stands.
    fn payment(&self, uetr: Uetr) -> Option<PaymentView>;
    /// The debtor agent's signed message, as given to the journal.
    fn message(&self, payment: &PaymentView) -> io::Result<Option<Vec<u8>>>;
    /// A participant's own accounts.
    fn accounts(&self, participant: ParticipantId) -> Vec<AccountView>;
    /// The tree of final payments as the last durable block left it.
    fn tip(&self) -> Tip;
    /// The audit path of a leaf in the tree of that size.
    fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Option<Vec<Hash>>;
}

/// One thing the chain has for an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its place: the cursor.
    pub position: Position,
    /// What it is.
    pub kind: InboxKind,
    /// The payment as the event left it.
    pub payment: PaymentView,
}

/// What an inbox entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxKind {
    /// The creditor agent is asked (`pacs.008`).
    Asked,
    /// The payment ended (`pacs.002` ACSC or RJCT).
    Ended,
    /// The creditor was credited (`pacs.002` ACCC).
    Credited,
}

/// The tree of final payments at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Leaves.
    pub size: u64,
    /// RFC 6962 root.
    pub root: Hash,
    /// Block.
    pub height: u64,
    /// Time of the block.
    pub time: Time,
}

/// What the risk rules look at.
#[derive(Debug, Clone, Copy)]
pub struct PaymentFacts<'a> {
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
