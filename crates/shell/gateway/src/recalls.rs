//! Recalls: a settled payment is asked back by `camt.056`, and its creditor agent answers by `camt.029`.
//!
//! The door tells the debtor agent at once that its recall is pending (`PDCR`); the creditor agent's answer comes to its
//! inbox. What the creditor agent accepts it sends back by a `pacs.004` of its own.

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, empty};
use crate::refusal::{GatewayRefusal, Problem};
use crate::returns::facts_of;
use crate::wire::{self, Fault};
use clearing::{
    AnswerRecall, Command, ContentHash, Facts, IsoReason, Outcome, ParticipantId, Recall, RecallVerdict, Refusal, Uetr,
};
use iso20022::codes::StatusReason;
use iso20022::view::{CancellationAnswerView, CancellationOutcome, CancellationRequestView, bic_11};
use std::sync::Arc;

/// Stands for no reason, or for words of one's own: the centre takes neither.
const NO_REASON: IsoReason = wire::status_reason(StatusReason::Narr);

/// The command a `camt.056` asks for, when its payment has settled.
pub(crate) fn command(
    asked: &CancellationRequestView,
    debtor_agent: ParticipantId,
    content: ContentHash,
    facts: Option<Facts>,
) -> Recall {
    let reason = asked.reason.as_deref().and_then(IsoReason::parse).unwrap_or(NO_REASON);
    Recall { original: Uetr(asked.uetr), debtor_agent, reason, content, facts }
}

/// The command a `camt.029` asks for; `None` if it is no answer.
pub(crate) fn answer_command(view: &CancellationAnswerView, creditor_agent: ParticipantId) -> Option<AnswerRecall> {
    let verdict = match view.outcome {
        CancellationOutcome::Cancelled => RecallVerdict::Accepts,
        CancellationOutcome::Refused => {
            RecallVerdict::Rejects(view.reason.as_deref().and_then(IsoReason::parse).unwrap_or(NO_REASON))
        }
        CancellationOutcome::Pending => return None,
    };
    Some(AnswerRecall { original: Uetr(view.uetr), creditor_agent, verdict })
}

/// Asks the creditor agent. `Ok(None)`: it is asked; otherwise why not.
pub(crate) async fn ask(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &CancellationRequestView,
) -> Result<Option<Refusal>, Problem> {
    let sender = request.sender().id();
    let mut outcome = submit(door, request, command(asked, sender, request.content(), None)).await?;
    if outcome == Outcome::Refused(Refusal::UnknownPayment)
        && let Some(facts) = facts_of(&*door.past, &door.persons, Uetr(asked.uetr))?
    {
        outcome = submit(door, request, command(asked, sender, request.content(), Some(facts))).await?;
    }
    match outcome {
        Outcome::Done => Ok(None),
        Outcome::Refused(refusal) => Ok(Some(refusal)),
        other @ (Outcome::Payment { .. }
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a recall is taken or refused, and not {other:?}")
        }
    }
}

async fn submit(door: &Arc<Door>, request: &Authenticated, recall: Recall) -> Result<Outcome, Problem> {
    let pending = door.submit(Command::Recall(recall), Some(request.to_vault()), false)?;
    Ok(pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?)
}

/// `camt.029` from the creditor agent.
pub(crate) async fn answer(
    door: &Arc<Door>,
    request: &Authenticated,
    view: &CancellationAnswerView,
    permit: Permit,
) -> Result<Answer, Problem> {
    if bic_11(&view.assigner) != request.sender().view.bic.as_str() {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("Assgnmt/Assgnr"));
    }
    let Some(said) = answer_command(view, request.sender().id()) else {
        return Err(Problem::from(GatewayRefusal::MessageNotTaken).with_field("Sts/Conf"));
    };
    let pending = door.submit(Command::AnswerRecall(said), Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Done => Ok(empty(200)),
        Outcome::Refused(refusal) => answer::fault(door, request, &Fault::of_code(&view.message_id, refusal)),
        other @ (Outcome::Payment { .. }
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("an answer to a recall is taken or refused, and not {other:?}")
        }
    }
}
