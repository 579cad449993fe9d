//! `camt.056`: the debtor agent takes back a payment that still waits. The answer is `camt.029`, at once.
//!
//! What has been put to the creditor agent cannot be taken back like this.

use crate::admission::Permit;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::messages::with_state;
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire;
use clearing::{Command, Outcome, ParticipantId, Uetr};
use iso20022::view::CancellationRequestView;
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
    permit.durable();
    let signed = |status, refusal| {
        let message = wire::cancellation_answer(door, asked, refusal);
        door.signed(status, XML, message, request.digest_field())
    };
    match outcome {
        Outcome::Payment { payment, .. } => Ok(with_state(signed(200, None), &payment)),
        Outcome::Refused(refusal) => Ok(signed(refusal.http_status(), Some(refusal))),
        other @ (Outcome::Done | Outcome::Registered(_) | Outcome::Quoted(_) | Outcome::Waiting { .. }) => {
            unreachable!("a payment is cancelled or not, and not {other:?}")
        }
    }
}

/// The command it asks for: the same at the door and wherever another operator checks it.
pub(crate) fn command(asked: &CancellationRequestView, debtor_agent: ParticipantId) -> Command {
    Command::Cancel { uetr: Uetr(asked.uetr), debtor_agent }
}
