//! Mandates and what is collected under them: `pain.009` to `pain.012`, `pacs.003`, and the `pacs.002` that refuses a collection.
//!
//! A mandate that is taken in is answered with 202 and nothing more: the debtor's side speaks in the creditor agent's inbox. A
//! collection is answered with `pacs.002` `RCVD`. The payment that settles it is a `pacs.008` of the debtor agent that names it
//! (`InstrForNxtAgt`, see the how-to).

use crate::admission::Permit;
use crate::answer;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML, empty};
use crate::recent::Recent;
use crate::refusal::{GatewayRefusal, Problem};
use crate::wire::{self, CollectionRefusal, Fault, MandateAsked, MandateReply, Original, PulledPayment};
use ::http::HeaderValue;
use clearing::{
    AskMandate, Bic, Clearing, Collect, CollectionState, CollectionStep, Command, ContentHash, IsoReason, MandateState,
    MandateStep, MandateTerms, MatterStep, MatterView, Outcome, ParticipantId, Refusal, Time, Uetr,
};
use iso20022::view::MandateAmendmentView;
use std::sync::Arc;

/// `pain.009`: takes a mandate in, for the debtor agent to be asked.
pub(crate) async fn ask(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &MandateAsked,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if asked.creditor_agent != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("Mndt/CdtrAgt"));
    }
    let Some(debtor_agent) = door.hub.registry.by_bic(asked.debtor_agent) else {
        return Ok(refused(door, request, asked, Refusal::UnknownParticipant));
    };
    let content = request.content();
    // Before the command: its block may wake the debtor agent's stream before this task goes on.
    door.recent.put(content, Recent { message: Arc::clone(&asked.message), original: Arc::new(Original::from(&asked.view)) });
    match submit(door, request, ask_command(asked, sender.id, debtor_agent.id(), content), permit).await? {
        Ok(matter) => Ok(with_state(empty(if is_open(&matter) { 202 } else { 200 }), &matter)),
        Err(refusal) => Ok(refused(door, request, asked, refusal)),
    }
}

/// A mandate that left no trace is told so by `pain.012`, since it can be named.
fn refused(door: &Door, request: &Authenticated, asked: &MandateAsked, refusal: Refusal) -> Answer {
    let message = wire::mandate_refusal(door, request.sender().view.bic, &asked.view, refusal);
    door.signed(refusal.http_status(), XML, message, request.digest_field())
}

/// The command a `pain.009` asks for: the same at the door and wherever another operator checks it.
pub(crate) fn ask_command(
    asked: &MandateAsked,
    creditor_agent: ParticipantId,
    debtor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    Command::Matter(MatterStep::Mandate(MandateStep::Ask(AskMandate {
        mandate: Uetr(asked.view.mandate),
        content,
        creditor_agent,
        debtor_agent,
        terms: asked.terms,
    })))
}

/// A `pain.010` as the centre understands it.
#[derive(Debug)]
pub(crate) struct Amendment {
    pub(crate) view: MandateAmendmentView,
    pub(crate) message: Arc<iso20022::BusinessMessage>,
    pub(crate) sender: Bic,
    pub(crate) change: Change,
}

/// What shall be otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// The creditor agent asks for other caps.
    Terms(MandateTerms),
    /// The debtor agent lets nothing be collected, or lets it again.
    Suspended(bool),
}

/// `pain.010`: the creditor agent asks for other caps, or the debtor agent suspends the mandate or resumes it.
pub(crate) async fn amend(
    door: &Arc<Door>,
    request: &Authenticated,
    amendment: &Amendment,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if amendment.sender != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("GrpHdr/InstgAgt"));
    }
    let content = request.content();
    let status = match amendment.change {
        Change::Terms(_) => {
            let original = Arc::new(Original::from(&amendment.view));
            door.recent.put(content, Recent { message: Arc::clone(&amendment.message), original });
            202
        }
        Change::Suspended(_) => 200,
    };
    match submit(door, request, amend_command(amendment, sender.id, content), permit).await? {
        Ok(matter) => Ok(with_state(empty(status), &matter)),
        Err(refusal) => answer::fault(door, request, &Fault::of_code(&amendment.view.message_id, refusal)),
    }
}

/// The command a `pain.010` asks for.
pub(crate) fn amend_command(amendment: &Amendment, sender: ParticipantId, content: ContentHash) -> Command {
    let mandate = Uetr(amendment.view.mandate);
    Command::Matter(MatterStep::Mandate(match amendment.change {
        Change::Terms(terms) => MandateStep::Amend { mandate, content, creditor_agent: sender, terms },
        Change::Suspended(suspended) => MandateStep::Suspend { mandate, debtor_agent: sender, suspended },
    }))
}

/// `pain.011` and `pain.012`: a mandate is ended, or the debtor's side answers.
pub(crate) async fn reply(
    door: &Arc<Door>,
    request: &Authenticated,
    reply: &MandateReply,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if reply.sender != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("GrpHdr/InstgAgt"));
    }
    match submit(door, request, reply_command(reply, sender.id), permit).await? {
        Ok(matter) => Ok(with_state(empty(200), &matter)),
        Err(refusal) => answer::fault(door, request, &Fault::of_code(&reply.message_id, refusal)),
    }
}

/// The command a `pain.011` or `pain.012` asks for.
pub(crate) fn reply_command(reply: &MandateReply, sender: ParticipantId) -> Command {
    let mandate = reply.mandate;
    Command::Matter(MatterStep::Mandate(match reply.word {
        wire::MandateWord::Answer { asked, says } => MandateStep::Answer { mandate, debtor_agent: sender, asked, says },
        wire::MandateWord::Cancel(reason) => MandateStep::Cancel { mandate, agent: sender, reason },
    }))
}

/// `pacs.003`: takes a collection in, for the debtor agent to pay.
pub(crate) async fn collect(
    door: &Arc<Door>,
    request: &Authenticated,
    pulled: &PulledPayment,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    if pulled.creditor_agent != sender.bic {
        return Err(Problem::from(GatewayRefusal::NotSender).with_field("DrctDbtTxInf/CdtrAgt"));
    }
    let content = request.content();
    let original = Original::from(&pulled.view);
    let answered = |status, standing: wire::CollectionStanding| {
        let message = wire::collection_report(door, sender.bic, Uetr(pulled.view.uetr), &original, standing);
        door.signed(status, XML, message, request.digest_field())
    };
    let refused = |refusal: Refusal| {
        let words = Some(format!("{} {refusal}", refusal.code()));
        answered(refusal.http_status(), wire::CollectionStanding::Rejected(refusal.iso_reason(), words))
    };
    let Some(debtor_agent) = door.hub.registry.by_bic(pulled.debtor_agent) else {
        return Ok(refused(Refusal::UnknownParticipant));
    };
    // One that was collected and forgotten since would be collected once more.
    let is_old = Time(pulled.view.created_at).after(COLLECTION_AGE_MAX_NS) < door.now();
    if is_old && door.past.matter(Uetr(pulled.view.uetr)).is_none() {
        return Ok(refused(Refusal::TooOldToKnow));
    }
    door.recent.put(content, Recent { message: Arc::clone(&pulled.message), original: Arc::new(original.clone()) });
    match submit(door, request, collect_command(pulled, sender.id, debtor_agent.id(), content), permit).await? {
        Ok(matter) => {
            let MatterView::Collection(view) = matter else { unexpected(&matter) };
            let status = if view.state.is_final() { 200 } else { 202 };
            Ok(with_state(answered(status, wire::CollectionStanding::of(&view)), &matter))
        }
        Err(refusal) => Ok(refused(refusal)),
    }
}

/// How old a `pacs.003` (`CreDtTm`) may be that nobody knows: less than a collection is remembered behind its end.
const COLLECTION_AGE_MAX_NS: u64 = Clearing::MATTER_KEPT_NS - 86_400 * 1_000_000_000;

/// The command a `pacs.003` asks for.
pub(crate) fn collect_command(
    pulled: &PulledPayment,
    creditor_agent: ParticipantId,
    debtor_agent: ParticipantId,
    content: ContentHash,
) -> Command {
    Command::Matter(MatterStep::Collection(CollectionStep::Collect(Collect {
        collection: Uetr(pulled.view.uetr),
        mandate: Uetr(pulled.view.mandate),
        content,
        creditor_agent,
        debtor_agent,
        amount: pulled.view.amount.minor,
        currency: pulled.view.amount.currency.code,
    })))
}

/// `pacs.002` `RJCT` about a `pacs.003`: the debtor agent does not pay.
pub(crate) async fn refuse(
    door: &Arc<Door>,
    request: &Authenticated,
    refusal: &CollectionRefusal,
    permit: Permit,
) -> Result<Answer, Problem> {
    match submit(door, request, refuse_command(refusal, request.sender().view.id), permit).await? {
        Ok(matter) => Ok(with_state(empty(200), &matter)),
        Err(code) => answer::fault(door, request, &Fault::of_code(&refusal.message_id, code)),
    }
}

/// The command such a `pacs.002` asks for.
pub(crate) fn refuse_command(refusal: &CollectionRefusal, debtor_agent: ParticipantId) -> Command {
    let (collection, reason): (Uetr, IsoReason) = (refusal.collection, refusal.reason);
    Command::Matter(MatterStep::Collection(CollectionStep::Refuse { collection, debtor_agent, reason }))
}

/// Puts a step into a block, and tells what came of it.
async fn submit(
    door: &Arc<Door>,
    request: &Authenticated,
    command: Command,
    permit: Permit,
) -> Result<Result<MatterView, Refusal>, Problem> {
    let pending = door.submit(command, Some(request.to_vault()), false)?;
    let outcome = pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?;
    permit.durable();
    match outcome {
        Outcome::Matter { matter, .. } => Ok(Ok(matter)),
        Outcome::Refused(refusal) => Ok(Err(refusal)),
        other @ (Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }) => unreachable!("a step of a matter is taken or refused, and not {other:?}"),
    }
}

fn unexpected(matter: &MatterView) -> ! {
    unreachable!("what is asked of a collection is told of it, and not {matter:?}")
}

fn is_open(matter: &MatterView) -> bool {
    matter.ended_at().is_none()
}

/// Adds how it stands, for clients that do not read the body.
fn with_state(mut answer: Answer, matter: &MatterView) -> Answer {
    let (header, state, cursor) = match matter {
        MatterView::Mandate(mandate) => ("luohu-mandate-state", mandate_state(mandate.state), mandate.changed.max(mandate.asked)),
        MatterView::Collection(collection) => ("luohu-collection-state", collection_state(collection.state), collection.changed),
        MatterView::Request(_) | MatterView::Preauth(_) => unexpected(matter),
    };
    answer.headers_mut().insert(header, HeaderValue::from_static(state));
    answer.headers_mut().insert("luohu-cursor", HeaderValue::from(cursor.0));
    answer
}

/// A state as headers name it.
const fn mandate_state(state: MandateState) -> &'static str {
    match state {
        MandateState::Asked => "asked",
        MandateState::Active => "active",
        MandateState::Amending => "amending",
        MandateState::Suspended => "suspended",
        MandateState::Refused => "refused",
        MandateState::Cancelled => "cancelled",
        MandateState::Expired => "expired",
    }
}

/// A state as headers name it.
const fn collection_state(state: CollectionState) -> &'static str {
    match state {
        CollectionState::Asked => "asked",
        CollectionState::Paying => "paying",
        CollectionState::Paid => "paid",
        CollectionState::Refused => "refused",
        CollectionState::Expired => "expired",
    }
}
