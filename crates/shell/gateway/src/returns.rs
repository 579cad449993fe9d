//! `pacs.004`: a creditor agent sends money back. It settles at once; the answer is `pacs.002`, and the debtor agent finds the
//! `pacs.004` in its inbox.
//!
//! A payment that the centre has forgotten can be returned still: the door then adds what the past has of it
//! ([`facts_of`]), and whoever else votes on the command adds it from its own past and compares ([`crate::proof`]).

use crate::admission::Permit;
use crate::answer::{Standing, Status};
use crate::auth::{Authenticated, body_of_vault};
use crate::door::Door;
use crate::forgotten;
use crate::http::{Answer, XML};
use crate::messages::{message_id_hash, with_state};
use crate::past::Past;
use crate::refusal::{GatewayRefusal, Problem};
use crate::terms::terms_of;
use crate::wire;
use clearing::{
    Basis, Bic, Command, ContentHash, Facts, IsoReason, Outcome, ParticipantId, PaymentState, PaymentView, QuoteId, Refusal,
    Return, Terms, Time, Uetr,
};
use iso20022::view::PaymentReturnView;
use ordering::MessageErased;
use signing::HashKey;
use std::sync::Arc;

/// Stands for a reason that is not one of four characters: the centre uses none of these.
const NO_REASON: IsoReason = IsoReason(*b"    ");

/// The identification of a return in the chain: made from its sender and its `RtrId`, in the shape of a UETR.
pub(crate) fn return_id(sender: Bic, return_id: &str) -> Uetr {
    let mut hasher = chain::Hasher::new();
    hasher.update(b"return");
    hasher.update(&sender.bytes());
    hasher.update(return_id.as_bytes());
    let mut id: [u8; 16] = *hasher.finish().0.first_chunk().expect("16 of 32 bytes");
    // Version 4 and its variant: the only shape that ISO 20022 lets a UETR have.
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    Uetr(id)
}

/// The command a `pacs.004` asks for: the same at the door and wherever another operator checks it.
pub(crate) fn command(
    view: &PaymentReturnView,
    (returner, bic): (ParticipantId, Bic),
    content: ContentHash,
    facts: Option<Facts>,
) -> Return {
    Return {
        id: return_id(bic, &view.return_id),
        content,
        message_id: message_id_hash(bic, &view.message_id),
        returner,
        original: Uetr(view.uetr),
        amount: view.returned_amount.minor,
        portion: view.returned_instructed_amount.unwrap_or(view.returned_amount).minor,
        currency: view.returned_amount.currency.code,
        quote: view.quote.map(QuoteId),
        reason: IsoReason::parse(&view.reason).unwrap_or(NO_REASON),
        created_at: Time(view.created_at),
        facts,
    }
}

/// What the past has of a settled payment, for a centre that has forgotten it.
///
/// # Errors
/// If the past cannot be read, or the payment's message was erased.
pub(crate) fn facts_of(past: &dyn Past, persons: &HashKey, uetr: Uetr) -> Result<Option<Facts>, GatewayRefusal> {
    let payment = past.payment(uetr).map_err(|_| GatewayRefusal::HistoryUnavailable)?;
    let Some(payment) = payment.filter(|payment| payment.state == PaymentState::Settled && payment.returns.is_none()) else {
        return Ok(None);
    };
    // A capture's message says nothing of whose quota it counts against: what it counted is not given back any more.
    if payment.captured_from.is_some() {
        return Ok(Some(Facts::of(payment, Terms::default())));
    }
    let stored = match past.message(&payment) {
        Err(error) if MessageErased::is(&error) => return Err(GatewayRefusal::OriginalErased),
        stored => stored.ok().flatten().ok_or(GatewayRefusal::HistoryUnavailable)?,
    };
    let at = body_of_vault(&stored).ok_or(GatewayRefusal::HistoryUnavailable)?;
    let message = wire::read_payment(&stored[at..]).map_err(|_| GatewayRefusal::HistoryUnavailable)?;
    // Whom it was to, and what it was made on, are over and no facts that a return's bytes carry.
    let terms = Terms { basis: Basis::Plain, pair: None, new_payee: false, ..terms_of(&message, persons) };
    Ok(Some(Facts::of(payment, terms)))
}

/// Takes one return.
pub(crate) async fn take(
    door: &Arc<Door>,
    request: &Authenticated,
    view: &PaymentReturnView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let (sender, content) = ((request.sender().id(), request.sender().view.bic), request.content());
    let id = return_id(sender.1, &view.return_id);
    if door.past.is_behind() {
        return Err(GatewayRefusal::Overloaded.into());
    }
    let known = door.past.payment(id)?;
    if known.is_some_and(|known| !forgotten::is_repeated(&known, content, sender.0)) {
        return Ok(refused(door, request, view, Refusal::DuplicateReturn));
    }
    let mut outcome = submit(door, request, command(view, sender, content, None)).await?;
    if outcome == Outcome::Refused(Refusal::UnknownPayment)
        && let Some(facts) = facts_of(&*door.past, &door.persons, Uetr(view.uetr))?
    {
        outcome = submit(door, request, command(view, sender, content, Some(facts))).await?;
    }
    permit.durable();
    match outcome {
        Outcome::Payment { payment, .. } => Ok(settled(door, request, view, &payment)),
        Outcome::Refused(refusal) => match forgotten::payment(&*door.past, id, content, sender.0, refusal)? {
            Ok(payment) => Ok(settled(door, request, view, &payment)),
            Err(refusal) => Ok(refused(door, request, view, refusal)),
        },
        other @ (Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. }) => {
            unreachable!("a return settles or is refused, and not {other:?}")
        }
    }
}

async fn submit(door: &Arc<Door>, request: &Authenticated, back: Return) -> Result<Outcome, Problem> {
    let pending = door.submit(Command::Return(back), Some(request.to_vault()), false)?;
    Ok(pending.outcome.await.map_err(|_| GatewayRefusal::InDoubt)?)
}

fn settled(door: &Door, request: &Authenticated, view: &PaymentReturnView, payment: &PaymentView) -> Answer {
    let message = wire::return_status(door, request.sender().view.bic, view, &Standing::of(payment));
    with_state(door.signed(200, XML, message, request.digest_field()), payment)
}

/// A return that left no trace.
fn refused(door: &Door, request: &Authenticated, view: &PaymentReturnView, refusal: Refusal) -> Answer {
    let standing = Standing {
        status: Status::Rejected,
        reason: Some(refusal.iso_reason()),
        detail: Some(format!("{} {refusal}", refusal.code())),
        at: None,
        charges: None,
    };
    let message = wire::return_status(door, request.sender().view.bic, view, &standing);
    door.signed(refusal.http_status(), XML, message, request.digest_field())
}
