//! Writing letters: what the chain has for a participant beside the ends of its payments.
//!
//! What a participant said to another goes on as it came, under the centre's header; the rest the centre says itself.

use super::outbound::{envelope, header, inbox_id};
use crate::auth::body_of_vault;
use crate::door::Door;
use crate::orders::OrderDocument;
use crate::refusal::{GatewayRefusal, Problem};
use crate::statements;
use bytes::Bytes;
use clearing::{
    Bic, Broadcast, Command, DayLetter, DayPhase, LetterKind, ParticipantId, SponsorshipLetter, SponsorshipStep, StatementDue,
};
use iso20022::view::{SystemEventView, business_message};
use iso20022::{Limits, MessageType, read_business_message};
use ordering::KeptLetter;

/// The message a letter stands for. It has the same identification and time whenever it is built.
pub(super) fn message(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    match kept.letter.kind {
        LetterKind::Broadcast => broadcast(door, reader, kept),
        LetterKind::Sponsorship => sponsorship(door, reader, kept),
        LetterKind::BusinessDay => business_day(door, reader, kept),
        LetterKind::Statement => statement(door, reader, kept),
    }
}

fn broadcast(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    let document = carried(door, kept)?;
    let said = OrderDocument::read(&document).and_then(|order| order.says());
    let Ok((_, _, Command::Broadcast(Broadcast { event, text }))) = said else { return Err(unreadable(kept)) };
    let view = SystemEventView { event: event.as_str().to_owned(), text, about: Vec::new(), at: Some(kept.letter.at.0) };
    let id = inbox_id(reader, kept.letter.position);
    let message = envelope(door, reader, &id, kept.letter.at.0, &view.message());
    Ok((MessageType::Admi00400102.id(), message.into()))
}

/// What became of a sponsorship, with its currency, who is sponsored, and by whom.
fn sponsorship(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    let said = SponsorshipLetter::of(&kept.letter).ok_or_else(|| unreadable(kept))?;
    let bic = |id: ParticipantId| Some(door.hub.registry.by_id(id)?.view.bic);
    let (Some(sponsor), Some(participant)) = (bic(said.sponsor), bic(said.participant)) else { return Err(unreadable(kept)) };
    let currency = said.currency;
    let text = match said.step {
        SponsorshipStep::Begun => format!("{sponsor} sponsors {participant} in {currency}"),
        SponsorshipStep::Changed => format!("{sponsor} sponsors {participant} in {currency} within other limits"),
        SponsorshipStep::Ending => {
            format!("{sponsor} is to sponsor {participant} in {currency} no longer; no new payments are taken")
        }
        SponsorshipStep::Ended => format!("{sponsor} no longer sponsors {participant} in {currency}"),
    };
    let view = SystemEventView {
        event: said.step.event_code().as_str().to_owned(),
        text,
        about: vec![currency.as_str().to_owned(), participant.to_string(), sponsor.to_string()],
        at: Some(kept.letter.at.0),
    };
    let id = inbox_id(reader, kept.letter.position);
    let message = envelope(door, reader, &id, kept.letter.at.0, &view.message());
    Ok((MessageType::Admi00400102.id(), message.into()))
}

/// A step of a business day, with its currency, its date and the time it was due at.
fn business_day(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    let day = DayLetter::of(&kept.letter).ok_or_else(|| unreadable(kept))?;
    let (currency, date) = (day.currency, day.date);
    let words = match day.phase {
        DayPhase::Opened => "has opened",
        DayPhase::CutOff => "is cut off",
        DayPhase::Closed => "has closed",
    };
    let view = SystemEventView {
        event: day.phase.event_code().as_str().to_owned(),
        text: format!("Business day {date} of {currency} {words}"),
        about: vec![currency.as_str().to_owned(), date.to_string()],
        at: Some(day.due.0),
    };
    let id = inbox_id(reader, kept.letter.position);
    let message = envelope(door, reader, &id, kept.letter.at.0, &view.message());
    Ok((MessageType::Admi00400102.id(), message.into()))
}

fn statement(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    let due = StatementDue::of(&kept.letter).ok_or_else(|| unreadable(kept))?;
    let message = statements::of_day(door, reader, &due, kept.letter.at)?;
    Ok((MessageType::Camt05300108.id(), message.into()))
}

/// A participant's message as it came, under the centre's header.
#[expect(dead_code, reason = "no rule forwards a message yet")]
fn forward(door: &Door, reader: Bic, kept: &KeptLetter) -> Result<(&'static str, Bytes), Problem> {
    let stored = carried(door, kept)?;
    let at = body_of_vault(&stored).ok_or_else(|| unreadable(kept))?;
    // It was read when it came; only a newer, stricter reader could say otherwise.
    let message = read_business_message(&stored[at..], Limits::DEFAULT).map_err(|_| unreadable(kept))?;
    let id = inbox_id(reader, kept.letter.position);
    let header = header(door, reader, &id, kept.letter.at.0);
    let written = business_message(&header, &message.document).map_err(|_| unreadable(kept))?;
    Ok((message.document.message_type().id(), written.into_bytes().into()))
}

/// The signed message a letter carries, as it was given to the journal.
fn carried(door: &Door, kept: &KeptLetter) -> Result<Vec<u8>, Problem> {
    let stored = door.past.carried(kept).map_err(|error| {
        tracing::error!(%error, letter = kept.letter.number, "a signed message cannot be read back");
        GatewayRefusal::HistoryUnavailable
    })?;
    stored.ok_or_else(|| unreadable(kept))
}

fn unreadable(kept: &KeptLetter) -> Problem {
    tracing::error!(letter = kept.letter.number, kind = ?kept.letter.kind, "a letter cannot be written");
    GatewayRefusal::MessageUnreadable.into()
}
