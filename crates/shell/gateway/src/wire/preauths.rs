//! Writing what inboxes and answers say of pre-authorisations and captures.

use super::Original;
use super::inbound::{read_request, read_schema};
use super::outbound::{envelope, header, report, stored_body, unless_lost, unreadable};
use crate::answer::Standing;
use crate::door::Door;
use crate::preauths::reason_of;
use crate::recent::Recent;
use crate::refusal::Problem;
use bytes::Bytes;
use clearing::{Bic, MatterTold, PaymentView, PreauthState, PreauthView};
use iso20022::MessageType;
use iso20022::view::{
    CollectionView, RequestReportView, RequestStatus, StatusReportView, business_message_of, forwarded_request,
};

/// A pre-authorisation's own message: from memory if it came lately, else from the vault.
fn recent_preauth(door: &Door, preauth: &PreauthView) -> Result<Recent, Problem> {
    if let Some(recent) = door.recent.get(preauth.content) {
        return Ok(recent);
    }
    let body = stored_body(preauth.uetr, door.past.matter_message(preauth.uetr))?;
    let read = read_request(&body).map_err(|_| unreadable(preauth.uetr, &"it is no request"))?;
    let recent = Recent { original: Original::from(&read.view).into(), message: read.message };
    door.recent.put(preauth.content, recent.clone());
    Ok(recent)
}

/// What an inbox says of a pre-authorisation: the debtor agent is asked (`pain.013`), or either is told how it stands (`pain.014`).
pub(super) fn preauth_message(
    door: &Door,
    reader: Bic,
    id: &str,
    told: &MatterTold,
    preauth: &PreauthView,
) -> Result<(&'static str, Bytes), Problem> {
    let at = preauth.ended_at.unwrap_or(preauth.received_at).0;
    if told.asks {
        let recent = recent_preauth(door, preauth)?;
        let message = forwarded_request(&recent.message, &header(door, reader, id, at))
            .map_err(|error| unreadable(preauth.uetr, &error))?;
        return Ok((MessageType::Pain01300107.id(), business_message_of(&message).into()));
    }
    let recent = unless_lost(recent_preauth(door, preauth))?;
    let original = recent.map_or_else(|| Original::erased().into(), |recent| recent.original);
    let report = standing(preauth, &original, id, at);
    Ok((MessageType::Pain01400107.id(), envelope(door, reader, id, at, &report.message()).into()))
}

/// `pain.014` in answer to a pre-authorisation that was taken in.
pub(crate) fn preauth_report(door: &Door, to: Bic, preauth: &PreauthView, original: &Original) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &standing(preauth, original, &id, now).message())
}

fn standing(preauth: &PreauthView, original: &Original, id: &str, now: u64) -> RequestReportView {
    let (reason, information) = reason_of(preauth);
    RequestReportView {
        message_id: id.to_owned(),
        created_at: now,
        debtor_agent: preauth.debtor_bic.to_string(),
        creditor_agent: preauth.creditor_bic.to_string(),
        original_message_id: Some(original.message_id.clone()),
        original_payment_information_id: original.instruction_id.clone(),
        original_end_to_end_id: Some(original.end_to_end_id.clone()),
        uetr: preauth.uetr.0,
        status: match preauth.state {
            PreauthState::Asked => RequestStatus::Received,
            PreauthState::Reserved => RequestStatus::Accepted,
            PreauthState::Captured => RequestStatus::Paid,
            PreauthState::Refused => RequestStatus::Rejected,
            PreauthState::Expired if preauth.reserved.is_none() => RequestStatus::Rejected,
            PreauthState::Released | PreauthState::Withdrawn | PreauthState::Expired => RequestStatus::Withdrawn,
        },
        reason: reason.map(|reason| reason.to_string()),
        information,
    }
}

/// `pacs.002` about a capture, in answer to it.
pub(crate) fn capture_report(door: &Door, to: Bic, payment: &PaymentView, original: &Original, standing: &Standing) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &about_capture(door, to, payment, original, standing, &id, now).message())
}

/// `pacs.002` about a capture: it names the creditor agent's `pacs.003`. What the debtor agent pays on top is its own affair.
pub(super) fn about_capture(
    door: &Door,
    to: Bic,
    payment: &PaymentView,
    original: &Original,
    standing: &Standing,
    id: &str,
    now: u64,
) -> StatusReportView {
    let mut standing = standing.clone();
    standing.charges = standing.charges.filter(|_| to == payment.debtor_bic);
    let named = Some(MessageType::Pacs00300108.id().to_owned());
    StatusReportView { original_message_name: named, ..report(&door.centre, payment.uetr, original, &standing, id, now) }
}

/// A capture's own message, from the vault.
pub(super) fn read_capture(door: &Door, payment: &PaymentView) -> Result<Recent, Problem> {
    let body = stored_body(payment.uetr, door.past.message(payment))?;
    let (_, message) = read_schema(&body).map_err(|_| unreadable(payment.uetr, &"it is no message"))?;
    let view = CollectionView::of(&message.document).map_err(|error| unreadable(payment.uetr, &error))?;
    let recent = Recent { original: Original::from(&view).into(), message: message.into() };
    door.recent.put(payment.content, recent.clone());
    Ok(recent)
}
