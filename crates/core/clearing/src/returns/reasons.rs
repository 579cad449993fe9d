//! Why money is sent back, and whose mistake that says it was.

use crate::IsoReason;

/// Who erred: it bears what the rate has changed meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Erred {
    /// The creditor or its agent: the original rate holds for the debtor's side.
    CreditorSide,
    /// The debtor or its agent, or nobody: the rate of the day holds.
    DebtorSide,
}

/// Codes of `ExternalReturnReason1Code` that this scheme uses.
const REASONS: [(&[u8; 4], Erred); 25] = [
    (b"AC01", Erred::DebtorSide),   // incorrect account number
    (b"AC03", Erred::DebtorSide),   // invalid creditor account number
    (b"AC04", Erred::CreditorSide), // closed account
    (b"AC06", Erred::CreditorSide), // blocked account
    (b"AM05", Erred::DebtorSide),   // duplicate
    (b"AM09", Erred::DebtorSide),   // wrong amount
    (b"BE01", Erred::DebtorSide),   // name and account differ
    (b"BE04", Erred::DebtorSide),   // missing creditor address
    (b"CNOR", Erred::CreditorSide), // creditor agent is not registered
    (b"CUST", Erred::DebtorSide),   // requested by the customer
    (b"DUPL", Erred::DebtorSide),   // duplicate payment
    (b"ED05", Erred::CreditorSide), // settlement failed behind the creditor agent
    (b"FOCR", Erred::DebtorSide),   // following a recall
    (b"FR01", Erred::DebtorSide),   // fraud
    (b"MD06", Erred::DebtorSide),   // refund requested by the end customer
    (b"MD07", Erred::CreditorSide), // end customer deceased
    (b"MS02", Erred::CreditorSide), // reason not given, customer
    (b"MS03", Erred::CreditorSide), // reason not given, agent
    (b"NARR", Erred::CreditorSide), // in the words beside it
    (b"NOAS", Erred::DebtorSide),   // no answer from the customer
    (b"RR04", Erred::CreditorSide), // regulatory
    (b"RUTA", Erred::CreditorSide), // unable to apply
    (b"SVNR", Erred::CreditorSide), // service not rendered
    (b"TM01", Erred::CreditorSide), // after its cut-off
    (b"UPAY", Erred::DebtorSide),   // undue payment
];

/// Whose mistake a reason says it was; `None` for reasons the scheme does not use.
pub fn erred(reason: IsoReason) -> Option<Erred> {
    REASONS.iter().find(|(code, _)| **code == reason.0).map(|(_, erred)| *erred)
}

/// All reasons for a return, with whose mistake they say it was.
pub fn return_reasons() -> impl Iterator<Item = (IsoReason, Erred)> {
    REASONS.iter().map(|(code, erred)| (IsoReason(**code), *erred))
}
