//! Requests to pay: `pain.013` of the creditor agent, `pain.014` of the debtor agent, `camt.055` of the creditor agent again.
//!
//! A request is answered with `pain.014`, at once: how it stands. What becomes of it later is in both inboxes. The payment that
//! settles it is a `pacs.008` that names it (`InstrForNxtAgt`, see the how-to). A request that wants the payment guaranteed is a
//! pre-authorisation ([`crate::preauths`]), and goes the same way.

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML, empty};
use crate::preauths::{self, with_preauth};
use crate::recent::Recent;
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire::{self, Fault, Original, PaymentRequest};
use ::http::HeaderValue;
use clearing::{
    AskToPay, Bic, Command, ContentHash, IsoReason, MatterStep, MatterView, Outcome, ParticipantId, Refusal, RequestAnswer,
    RequestState, RequestStep, RequestView, Time, Uetr,
};
use iso20022::view::{CancellationOutcome, RequestWithdrawalView, bic_11};
use std::sync::Arc;

/// `pain.013`: takes a request in.
pub(crate) async fn ask(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &PaymentRequest,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if asked.creditor_agent != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("PmtInf/CdtTrfTx/CdtrAgt"));
    }
    let Some(debtor_agent) = door.hub.registry.by_bic(asked.debtor_agent) else {
        return Ok(refused(door, request, asked, Refusal::UnknownParticipant));
    };
    let content = request.content();
    // Before the command: its block may wake the debtor agent's stream before this task goes on.
    let original = Arc::new(Original::from(&asked.view));
    door.recent.put(content, Recent { message: Arc::clone(&asked.message), original });
    let command = ask_command(asked, sender.id, debtor_agent.id(), content);
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Matter { matter: MatterView::Request(view), .. } => {
            let message = wire::request_report(door, sender.bic, &view, &Original::from(&asked.view));
            let status = if view.state.is_final() { 200 } else { 202 };
            Ok(with_state(door.signed(status, XML, message, request.digest_field()), &view))
        }
        Outcome::Matter { matter: MatterView::Preauth(view), .. } => {
            let message = wire::preauth_report(door, sender.bic, &view, &Original::from(&asked.view));
            let status = if view.state.is_final() { 200 } else { 202 };
            Ok(with_preauth(door.signed(status, XML, message, request.digest_field()), &view))
        }
        Outcome::Refused(refusal) => Ok(refused(door, request, asked, refusal)),
        other => unexpected(&other),
    }
}

/// A request that left no trace is told so by `pain.014`, since it can be named.
fn refused(door: &Door, request: &Authenticated, asked: &PaymentRequest, refusal: Refusal) -> Answer {
    let message = wire::request_refusal(door, request.sender().view.bic, &asked.view, refusal);
    door.signed(refusal.http_status(), XML, message, request.digest_field())
}

/// The command a `pain.013` asks for: the same at the door and wherever another operator checks it.
pub(crate) fn ask_command(
    asked: &PaymentRequest,
    creditor_agent: ParticipantId,
    debtor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    if asked.view.guaranteed {
        return preauths::ask_command(asked, creditor_agent, debtor_agent, content);
    }
    Command::Matter(MatterStep::Request(RequestStep::Ask(AskToPay {
        request: Uetr(asked.view.uetr),
        content,
        creditor_agent,
        debtor_agent,
        amount: asked.view.amount.minor,
        currency: asked.view.amount.currency.code,
        less_allowed: asked.view.less_allowed,
        expires_at: Time(asked.view.expires_at),
    })))
}

/// A `pain.014` as the centre understands it.
#[derive(Debug)]
pub(crate) struct RequestReply {
    pub(crate) message_id: String,
    pub(crate) request: Uetr,
    pub(crate) debtor_agent: Bic,
    pub(crate) says: RequestAnswer,
}

/// `pain.014`: the debtor agent's answer.
pub(crate) async fn reply(
    door: &Arc<Door>,
    request: &Authenticated,
    reply: &RequestReply,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if reply.debtor_agent != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("GrpHdr/DbtrAgt"));
    }
    let command = match preauths::is_preauth(door, reply.request) {
        false => reply_command(reply, sender.id),
        true => match preauths::reply_command(reply, sender.id) {
            Some(command) => command,
            None => {
                let words = "who reserves says so with a pacs.008 that names the pre-authorisation";
                return answer::fault(
                    door,
                    request,
                    &Fault::of_gateway(&reply.message_id, GatewayRefusal::MessageNotTaken, words),
                );
            }
        },
    };
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Matter { matter: MatterView::Request(view), .. } => Ok(with_state(empty(200), &view)),
        Outcome::Matter { matter: MatterView::Preauth(view), .. } => Ok(with_preauth(empty(200), &view)),
        Outcome::Refused(refusal) => answer::fault(door, request, &Fault::of_code(&reply.message_id, refusal)),
        other => unexpected(&other),
    }
}

/// The command a `pain.014` asks for.
pub(crate) fn reply_command(reply: &RequestReply, debtor_agent: ParticipantId) -> Command {
    Command::Matter(MatterStep::Request(RequestStep::Answer { request: reply.request, debtor_agent, says: reply.says }))
}

/// `camt.055`: the creditor agent does not ask any more. The answer is `camt.029`, at once.
pub(crate) async fn withdraw(
    door: &Arc<Door>,
    request: &Authenticated,
    withdrawal: &RequestWithdrawalView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if bic_11(&withdrawal.assigner) != sender.bic.as_str() {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("Assgnmt/Assgnr"));
    }
    let command = match preauths::is_preauth(door, Uetr(withdrawal.uetr)) {
        true => preauths::release_command(withdrawal, sender.id),
        false => withdraw_command(withdrawal, sender.id),
    };
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    let signed = |status, outcome, refusal| {
        let message = wire::cancellation_answer(door, &withdrawal.assigner, withdrawal.uetr, outcome, refusal);
        door.signed(status, XML, message, request.digest_field())
    };
    match outcome {
        Outcome::Matter { matter: MatterView::Request(view), .. } => {
            Ok(with_state(signed(200, CancellationOutcome::Cancelled, None), &view))
        }
        Outcome::Matter { matter: MatterView::Preauth(view), .. } => {
            Ok(with_preauth(signed(200, CancellationOutcome::Cancelled, None), &view))
        }
        Outcome::Refused(refusal) => Ok(signed(refusal.http_status(), CancellationOutcome::Refused, Some(refusal))),
        other => unexpected(&other),
    }
}

/// The command a `camt.055` asks for.
pub(crate) fn withdraw_command(withdrawal: &RequestWithdrawalView, creditor_agent: ParticipantId) -> Command {
    Command::Matter(MatterStep::Request(RequestStep::Withdraw { request: Uetr(withdrawal.uetr), creditor_agent }))
}

fn unexpected(outcome: &Outcome) -> ! {
    unreachable!("a step of a request is taken or refused, and not {outcome:?}")
}

/// Adds how the request stands, for clients that do not read the body.
fn with_state(mut answer: Answer, request: &RequestView) -> Answer {
    answer.headers_mut().insert("luohu-request-state", HeaderValue::from_static(state_name(request.state)));
    answer.headers_mut().insert("luohu-cursor", HeaderValue::from(request.changed.0));
    answer
}

/// A state as headers and JSON name it.
pub(crate) const fn state_name(state: RequestState) -> &'static str {
    match state {
        RequestState::Asked => "asked",
        RequestState::Presented => "presented",
        RequestState::Accepted => "accepted",
        RequestState::Paying => "paying",
        RequestState::Paid => "paid",
        RequestState::Refused => "refused",
        RequestState::Withdrawn => "withdrawn",
        RequestState::Expired => "expired",
    }
}

/// The ISO reason beside a state, if it has one.
pub(crate) fn reason_of(request: &RequestView) -> Option<(IsoReason, Option<String>)> {
    match request.state {
        RequestState::Refused => request.reason.map(|reason| (reason, None)),
        RequestState::Expired => {
            let refusal = Refusal::RequestExpired;
            Some((refusal.iso_reason(), Some(format!("{} {refusal}", refusal.code()))))
        }
        RequestState::Asked
        | RequestState::Presented
        | RequestState::Accepted
        | RequestState::Paying
        | RequestState::Paid
        | RequestState::Withdrawn => None,
    }
}
