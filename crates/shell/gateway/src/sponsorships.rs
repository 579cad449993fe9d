//! Sponsorships at the door: who has a part in one reads how it stands, and the sponsor squares it.
//!
//! ```text
//!  GET /v1/sponsorships ─▶ position, room and limits of each the caller has a part in
//!  camt.050             ─▶ the sponsor says that it and its participant have settled outside; answered with camt.025
//! ```
//! A `camt.050` that names the account of somebody its sender sponsors moves no money in the scheme: `CdtrAcct` says that the
//! participant has paid its sponsor, `DbtrAcct` that the sponsor has paid it.

use crate::admission::Permit;
use crate::auth::Authenticated;
use crate::door::Door;
use crate::http::{Answer, XML};
use crate::proof::Acquaintance;
use crate::reads::{decimal, json_reply};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use crate::transfers::enter;
use crate::wire;
use clearing::{Bic, Command, ParticipantId, SponsorshipCommand, SponsorshipView, Square, SquarePayer};
use iso20022::view::{LiquidityTransferView, ReceiptStatus};
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET /v1/sponsorships`.
pub(crate) fn list(door: &Door, caller: &Participant) -> Answer {
    let all: Vec<Value> = door.past.sponsorships(caller.id()).iter().map(|view| told(door, view)).collect();
    json_reply(200, &json!({ "sponsorships": all }))
}

fn told(door: &Door, view: &SponsorshipView) -> Value {
    let bic = |id| door.hub.registry.by_id(id).map(|known| known.view.bic.to_string());
    let amount = |minor| decimal(minor, view.currency);
    json!({
        "participant": bic(view.participant),
        "sponsor": bic(view.sponsor),
        "currency": view.currency.code.as_str(),
        "state": view.state.name(),
        "position": amount(view.position),
        "held": amount(i128::try_from(view.held).unwrap_or(i128::MAX)),
        "room": amount(view.room()),
        "net_debit_limit": amount(i128::from(view.limits.net_debit.0)),
        "payment_max": amount(i128::from(view.limits.payment_max.0)),
        "under_way": view.under_way,
    })
}

/// Whether the account a transfer names is one that the sender sponsors.
pub(crate) fn is_square(door: &Door, sender: ParticipantId, asked: &LiquidityTransferView) -> bool {
    let named = Bic::parse(&asked.participant).and_then(|bic| door.hub.registry.by_bic(bic)).map(|known| known.id());
    let is_it = |view: &SponsorshipView| {
        view.sponsor == sender && named == Some(view.participant) && view.currency.code == asked.amount.currency.code
    };
    named.is_some() && door.past.sponsorships(sender).iter().any(is_it)
}

/// `camt.050` of a sponsor: squares, and answers when it is durable.
pub(crate) async fn square(
    door: &Arc<Door>,
    request: &Authenticated,
    asked: &LiquidityTransferView,
    permit: Permit,
) -> Result<Answer, Problem> {
    let sender = &request.sender().view;
    let named = Bic::parse(&asked.participant).and_then(|bic| door.hub.registry.by_bic(bic));
    let participant = named.ok_or(GatewayRefusal::NotSender)?.id();
    let outcome = enter(door, request, command(asked, sender.id, participant), permit).await?;
    let (status, says) = match outcome {
        None => (200, ReceiptStatus::Done),
        Some(refusal) => (refusal.http_status(), ReceiptStatus::Refused(refusal.iso_reason().to_string())),
    };
    let words = outcome.map(|refusal| format!("{} {refusal}", refusal.code()));
    let message = wire::receipt(door, sender.bic, asked.uetr, says, words);
    Ok(door.signed(status, XML, message, request.digest_field()))
}

/// The square a signed message asks for, as another operator reads it.
pub(crate) fn square_of(
    asked: &LiquidityTransferView,
    sponsor: ParticipantId,
    known: &dyn Acquaintance,
) -> Result<Command, &'static str> {
    let participant = Bic::parse(&asked.participant).and_then(|bic| known.by_bic(bic));
    Ok(command(asked, sponsor, participant.ok_or("the account is of nobody who is known")?.id))
}

fn command(asked: &LiquidityTransferView, sponsor: ParticipantId, participant: ParticipantId) -> Command {
    Command::Sponsorship(SponsorshipCommand::Square(Square {
        reference: asked.uetr,
        participant,
        currency: asked.amount.currency.code,
        by: Some(sponsor),
        paid_by: if asked.is_top_up { SquarePayer::Participant } else { SquarePayer::Sponsor },
        amount: asked.amount.minor,
    }))
}
