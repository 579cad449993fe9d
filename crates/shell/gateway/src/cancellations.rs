//! `camt.056`: the debtor agent takes back a payment that still waits. The answer is `camt.029`, at once.
//!
//! What has settled is recalled: its creditor agent is asked ([`crate::recalls`]). What is under way is neither. An interbank transfer
//! that waits is taken back in the same way ([`crate::interbank`]).

use crate::admission::Permit;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::interbank;
use crate::messages::with_state;
use crate::recalls;
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire;
use clearing::{Command, Outcome, ParticipantId, Refusal, Uetr};
use iso20022::view::{CancellationOutcome, CancellationRequestView};
use std::sync::Arc;

/// Cancels and answers when it is durable.
pub(crate) async fn take(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &CancellationRequestView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if iso20022::view::bic_11(&asked.assigner) != sender.bic.as_str() {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("Assgnmt/Assgnr"));
    }
    let pending = door.submit(command(asked, sender.id), Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    let signed = |status, outcome, refusal| {
        let message = wire::cancellation_answer(door, &asked.assigner, asked.uetr, outcome, refusal);
        door.signed(status, XML, message, request.digest_field())
    };
    let outcome = match outcome {
        Outcome::Refused(refusal @ (Refusal::TooLateToCancel | Refusal::UnknownPayment)) => {
            match recalls::ask(door, request, asked).await? {
                None => {
                    permit.durable();
                    return Ok(signed(202, CancellationOutcome::Pending, None));
                }
                Some(Refusal::UnknownPayment | Refusal::NotSettled) => Outcome::Refused(refusal),
                Some(other) => Outcome::Refused(other),
            }
        }
        other => other,
    };
    let outcome = match outcome {
        Outcome::Refused(Refusal::UnknownPayment) => match interbank::take_back(door, request, asked).await? {
            Outcome::Refused(Refusal::UnknownTransfer) => Outcome::Refused(Refusal::UnknownPayment),
            other => other,
        },
        other => other,
    };
    permit.durable();
    match outcome {
        Outcome::Done => Ok(signed(200, CancellationOutcome::Cancelled, None)),
        Outcome::Payment { payment, .. } => Ok(with_state(signed(200, CancellationOutcome::Cancelled, None), &payment)),
        Outcome::Refused(refusal) => Ok(signed(refusal.http_status(), CancellationOutcome::Refused, Some(refusal))),
        other @ (Outcome::Registered(_) | Outcome::Quoted(_) | Outcome::Waiting { .. } | Outcome::Matter { .. }) => {
            unreachable!("a payment is cancelled or not, and not {other:?}")
        }
    }
}

/// The command it asks for: the same at the door and wherever another operator checks it.
pub(crate) fn command(asked: &CancellationRequestView, debtor_agent: ParticipantId) -> Command {
    Command::Cancel { uetr: Uetr(asked.uetr), debtor_agent }
}
