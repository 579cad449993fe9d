//! What is said about a payment or a message: `pacs.002` where a payment can be named, `admi.002` where only the message can.

use crate::auth::Authenticated;
use crate::clock::rfc3339;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::messages::{as_waiting, with_state};
use crate::preauths::with_preauth;
use crate::refusal::Problem;
use crate::wire::{self, Fault, Finding, Original, Payment, Report};
use clearing::{IsoReason, PaymentState, PaymentView, Posting, PreauthView, Refusal, Time, WaitReason, WaitingView};
use money::Amount;
use planted::{Bug, planted};
use std::sync::Arc;

/// How a payment stands, as a `pacs.002` says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: Status,
    /// Why, if it was rejected.
    pub(crate) reason: Option<IsoReason>,
    /// Our code and words beside the ISO reason.
    pub(crate) detail: Option<String>,
    /// When it ended.
    pub(crate) at: Option<Time>,
    /// What the debtor agent pays on top.
    pub(crate) charges: Option<Amount>,
}

/// ISO transaction status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// `PDNG`: to be executed later.
    Waiting,
    /// `ACCP`: reserved by a pre-authorisation, to be captured.
    Reserved,
    /// `ACSP`: held, the creditor agent is asked.
    Held,
    /// `ACSC`: settled.
    Settled,
    /// `ACWP`: settled, and the creditor agent has not posted it.
    Reviewed,
    /// `BLCK`: settled, and frozen at the creditor agent.
    Blocked,
    /// `ACCC`: settled, and the creditor has the money.
    Credited,
    /// `RJCT`: rejected.
    Rejected,
}

impl Standing {
    /// A payment on record.
    pub(crate) fn of(payment: &PaymentView) -> Self {
        let status = match payment.state {
            PaymentState::Held if planted(Bug::HeldToldAsSettled) => Status::Settled,
            PaymentState::Held => Status::Held,
            PaymentState::Settled => match payment.posting {
                Posting::Unreported => Status::Settled,
                Posting::UnderReview | Posting::Overdue | Posting::ToBeReturned => Status::Reviewed,
                Posting::Blocked => Status::Blocked,
                Posting::Credited => Status::Credited,
            },
            PaymentState::Rejected => Status::Rejected,
        };
        let review = match payment.posting {
            Posting::UnderReview => Some("the creditor agent reviews it before it credits"),
            Posting::Overdue => Some("the creditor agent's review lasts longer than it should"),
            Posting::Blocked => Some("frozen at the creditor agent"),
            Posting::ToBeReturned => Some("the creditor agent will return it"),
            Posting::Unreported | Posting::Credited => None,
        };
        let charged = payment.state != PaymentState::Rejected && !payment.charges.debtor.is_zero();
        let rejected = payment.rejection.map(|rejection| format!("{} {rejection}", rejection.code()));
        Self {
            status,
            reason: payment.iso_reason().or(payment.posting_reason),
            detail: rejected.or(review.map(str::to_owned)),
            at: payment.finality.map(|finality| finality.at),
            charges: charged.then_some(Amount { minor: payment.charges.debtor, ..payment.debit }),
        }
    }

    /// A payment that waits.
    pub(crate) fn of_waiting(payment: &WaitingView) -> Self {
        let why = match payment.reason {
            WaitReason::AsAsked => "to be executed at",
            WaitReason::CorridorClosed => "the corridor opens at",
            WaitReason::FirstPayment => "a first payment to this payee; it can be cancelled until",
            WaitReason::RiskReview => "delayed by the risk rules; it can be cancelled until",
        };
        let detail = format!("{why} {}", rfc3339(payment.until));
        Self { status: Status::Waiting, reason: None, detail: Some(detail), at: None, charges: None }
    }

    fn rejected(reason: IsoReason, detail: String) -> Self {
        Self { status: Status::Rejected, reason: Some(reason), detail: Some(detail), at: None, charges: None }
    }
}

/// A payment taken in: 200 when it has ended, 202 while it is held.
pub(crate) fn standing(door: &Door, request: &Authenticated, payment: &Payment, view: &PaymentView) -> Result<Answer, Problem> {
    let status = match view.state {
        PaymentState::Held => 202,
        PaymentState::Settled | PaymentState::Rejected => 200,
    };
    let message =
        wire::status_report(door, request.sender().view.bic, payment.uetr(), &Original::from(&payment.view), &Standing::of(view));
    Ok(with_state(door.signed(status, XML, message, request.digest_field()), view))
}

/// A payment that is to be executed later.
pub(crate) fn waiting(door: &Door, request: &Authenticated, payment: &Payment, view: &WaitingView) -> Result<Answer, Problem> {
    let standing = Standing::of_waiting(view);
    let message = wire::status_report(door, request.sender().view.bic, payment.uetr(), &Original::from(&payment.view), &standing);
    Ok(as_waiting(door.signed(202, XML, message, request.digest_field()), view))
}

/// A payment that has reserved what a pre-authorisation asks for.
pub(crate) fn reserved(door: &Door, request: &Authenticated, payment: &Payment, preauth: &PreauthView) -> Answer {
    let detail = format!("reserved until {}", rfc3339(preauth.expires_at));
    let standing = Standing { status: Status::Reserved, reason: None, detail: Some(detail), at: None, charges: None };
    let message = wire::status_report(door, request.sender().view.bic, payment.uetr(), &Original::from(&payment.view), &standing);
    with_preauth(door.signed(202, XML, message, request.digest_field()), preauth)
}

/// A payment the centre refused without record.
pub(crate) fn refused(door: &Door, request: &Authenticated, payment: &Payment, refusal: Refusal) -> Result<Answer, Problem> {
    let standing = Standing::rejected(refusal.iso_reason(), format!("{} {refusal}", refusal.code()));
    let message = wire::status_report(door, request.sender().view.bic, payment.uetr(), &Original::from(&payment.view), &standing);
    Ok(door.signed(refusal.http_status(), XML, message, request.digest_field()))
}

/// A payment against the scheme's rules.
pub(crate) fn rule(door: &Door, request: &Authenticated, payment: &Payment, finding: &Finding) -> Result<Answer, Problem> {
    let detail = format!("{} {}", finding.rule, finding.words);
    let standing = Standing::rejected(finding.reason, detail);
    let message = wire::status_report(door, request.sender().view.bic, payment.uetr(), &Original::from(&payment.view), &standing);
    Ok(door.signed(422, XML, message, request.digest_field()))
}

/// An answer to a payment that changes nothing.
pub(crate) fn refused_report(
    door: &Arc<Door>,
    request: &Authenticated,
    report: &Report,
    refusal: Refusal,
) -> Result<Answer, Problem> {
    let fault = Fault::of_refusal(report, refusal);
    let message = wire::message_reject(door, request.sender().view.bic, &fault);
    Ok(door.signed(refusal.http_status(), XML, message, request.digest_field()))
}

/// A message that cannot be taken as it is.
pub(crate) fn fault(door: &Door, request: &Authenticated, fault: &Fault) -> Result<Answer, Problem> {
    let message = wire::message_reject(door, request.sender().view.bic, fault);
    Ok(door.signed(fault.http_status, XML, message, request.digest_field()))
}
