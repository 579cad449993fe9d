//! Pre-authorisations: `pain.013` that wants the payment guaranteed, `pacs.008` that reserves, `pacs.003` that captures, `camt.055` that
//! lets go.
//!
//! A pre-authorisation is answered as a request to pay is ([`crate::requests`] takes both in). Who reserves is told so by `pacs.002`
//! `ACCP`: the money is held, nothing has moved. A capture is a payment that has settled when it is answered: `pacs.002` `ACSC`.

use crate::admission::Permit;
use crate::answer::Standing;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::messages::{message_id_hash, with_state};
use crate::refusal::{GatewayRefusal, Problem};
use crate::requests::RequestReply;
use crate::wire::{self, CollectionStanding, Original, PaymentRequest, PulledPayment};
use ::http::HeaderValue;
use clearing::{
    AskPreauth, Bic, Capture, Command, ContentHash, IsoReason, MatterStep, MatterView, Outcome, ParticipantId, Pay, PaymentView,
    PreauthState, PreauthStep, PreauthView, Refusal, RequestAnswer, Time, Uetr,
};
use iso20022::view::RequestWithdrawalView;
use std::sync::Arc;

/// Whether a matter that messages are about is a pre-authorisation, as far as this door knows.
pub(crate) fn is_preauth(door: &Door, uetr: Uetr) -> bool {
    matches!(door.past.matter(uetr), Some(MatterView::Preauth(_)))
}

const fn command(step: PreauthStep) -> Command {
    Command::Matter(MatterStep::Preauth(step))
}

/// The command a `pain.013` asks for that wants the payment guaranteed: the same at the door and wherever another operator checks
/// it.
pub(crate) fn ask_command(
    asked: &PaymentRequest,
    creditor_agent: ParticipantId,
    debtor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    command(PreauthStep::Ask(AskPreauth {
        preauth: Uetr(asked.view.uetr),
        content,
        creditor_agent,
        debtor_agent,
        amount: asked.view.amount.minor,
        currency: asked.view.amount.currency.code,
        expires_at: Time(asked.view.expires_at),
    }))
}

/// The command a `pacs.008` asks for that reserves.
pub(crate) fn reserve_command(preauth: [u8; 16], pay: Pay) -> Command {
    command(PreauthStep::Reserve { preauth: Uetr(preauth), pay: Box::new(pay) })
}

/// The command a `pain.014` about a pre-authorisation asks for; who reserves says so with a `pacs.008` and nothing else.
pub(crate) fn reply_command(reply: &RequestReply, debtor_agent: ParticipantId) -> Option<Command> {
    match reply.says {
        RequestAnswer::Refused(reason) => Some(command(PreauthStep::Refuse { preauth: reply.request, debtor_agent, reason })),
        RequestAnswer::Presented | RequestAnswer::Accepted => None,
    }
}

/// The command a `camt.055` about a pre-authorisation asks for.
pub(crate) fn release_command(withdrawal: &RequestWithdrawalView, creditor_agent: ParticipantId) -> Command {
    command(PreauthStep::Release { preauth: Uetr(withdrawal.uetr), creditor_agent })
}

/// The command a `pacs.003` asks for that captures.
pub(crate) fn capture_command(
    pulled: &PulledPayment,
    (creditor_agent, bic): (ParticipantId, Bic),
    debtor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    let view = &pulled.view;
    command(PreauthStep::Capture(Capture {
        capture: Uetr(view.uetr),
        preauth: Uetr(view.mandate),
        content,
        message_id: message_id_hash(bic, &view.message_id),
        creditor_agent,
        debtor_agent,
        amount: view.amount.minor,
        currency: view.amount.currency.code,
        is_last: view.is_last,
        created_at: Time(view.created_at),
    }))
}

/// `pacs.003` about a pre-authorisation: captures, and tells the payment that it made.
pub(crate) async fn capture(
    door: &Arc<Door>,
    request: &Authenticated,
    pulled: &PulledPayment,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if pulled.creditor_agent != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("DrctDbtTxInf/CdtrAgt"));
    }
    let (content, original) = (request.content(), Original::from(&pulled.view));
    let refused = |refusal: Refusal| {
        let words = Some(format!("{} {refusal}", refusal.code()));
        let standing = CollectionStanding::Rejected(refusal.iso_reason(), words);
        let message = wire::collection_report(door, sender.bic, Uetr(pulled.view.uetr), &original, standing);
        door.signed(refusal.http_status(), XML, message, request.digest_field())
    };
    // What was captured and forgotten since is told as it stands.
    if let Some(known) = captured_before(door, pulled, content, sender.id)? {
        return Ok(captured(door, request, &original, &known));
    }
    let Some(debtor_agent) = door.hub.registry.by_bic(pulled.debtor_agent) else {
        return Ok(refused(Refusal::UnknownParticipant));
    };
    let command = capture_command(pulled, (sender.id, sender.bic), debtor_agent.id(), content);
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Payment { payment, .. } => Ok(captured(door, request, &original, &payment)),
        Outcome::Refused(refusal) => Ok(refused(refusal)),
        other @ (Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => unreachable!("a capture settles or is refused, and not {other:?}"),
    }
}

/// Whether this very message captured before.
pub(crate) fn captured_before(
    door: &Door,
    pulled: &PulledPayment,
    content: ContentHash,
    sender: ParticipantId,
) -> Result<Option<PaymentView>, Problem> {
    let known = door.past.payment(Uetr(pulled.view.uetr))?;
    Ok(known.filter(|known| known.captured_from.is_some() && known.content == content && known.creditor_agent == sender))
}

/// How a capture stands.
fn captured(door: &Door, request: &Authenticated, original: &Original, payment: &PaymentView) -> Answer {
    let to = request.sender().view.bic;
    let message = wire::capture_report(door, to, payment, original, &Standing::of(payment));
    with_state(door.signed(200, XML, message, request.digest_field()), payment)
}

/// Adds how a pre-authorisation stands, for clients that do not read the body.
pub(crate) fn with_preauth(mut answer: Answer, preauth: &PreauthView) -> Answer {
    answer.headers_mut().insert("luohu-preauth-state", HeaderValue::from_static(state_name(preauth.state)));
    answer.headers_mut().insert("luohu-cursor", HeaderValue::from(preauth.changed.0));
    answer
}

/// A state as headers name it.
pub(crate) const fn state_name(state: PreauthState) -> &'static str {
    match state {
        PreauthState::Asked => "asked",
        PreauthState::Reserved => "reserved",
        PreauthState::Captured => "captured",
        PreauthState::Released => "released",
        PreauthState::Refused => "refused",
        PreauthState::Withdrawn => "withdrawn",
        PreauthState::Expired => "expired",
    }
}

/// The ISO reason beside a state, if it has one, and what was captured.
pub(crate) fn reason_of(preauth: &PreauthView) -> (Option<IsoReason>, Option<String>) {
    let captured = (preauth.captures > 0).then(|| {
        let amount = money::Amount { minor: preauth.captured, ..preauth.amount };
        format!("{} {amount} captured", amount.currency.code)
    });
    match preauth.state {
        PreauthState::Refused => (preauth.reason, None),
        PreauthState::Expired if preauth.reserved.is_none() => {
            let refusal = Refusal::PreauthEnded;
            (Some(refusal.iso_reason()), Some(format!("{} not reserved in time", refusal.code())))
        }
        PreauthState::Expired => (None, Some(captured.unwrap_or_else(|| "its time is over, nothing was captured".to_owned()))),
        PreauthState::Asked
        | PreauthState::Reserved
        | PreauthState::Captured
        | PreauthState::Released
        | PreauthState::Withdrawn => (None, captured),
    }
}
