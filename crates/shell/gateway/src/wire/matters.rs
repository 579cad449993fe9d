//! Writing what inboxes and answers say of matters between two agents.

use super::Original;
use super::inbound::read_request;
use super::outbound::{envelope, header, stored_body, unless_lost, unreadable};
use crate::door::Door;
use crate::recent::Recent;
use crate::refusal::Problem;
use crate::requests::reason_of;
use bytes::Bytes;
use clearing::{Bic, MatterTold, Refusal, RequestState, RequestView};
use iso20022::MessageType;
use iso20022::view::{PaymentRequestView, RequestReportView, RequestStatus, business_message_of, forwarded_request};

/// A request's own message: from memory if it came lately, else from the vault.
fn recent_request(door: &Door, request: &RequestView) -> Result<Recent, Problem> {
    if let Some(recent) = door.recent.get(request.content) {
        return Ok(recent);
    }
    let body = stored_body(request.uetr, door.past.matter_message(request.uetr))?;
    let read = read_request(&body).map_err(|_| unreadable(request.uetr, &"it is no request"))?;
    let recent = Recent { original: Original::from(&read.view).into(), message: read.message };
    door.recent.put(request.content, recent.clone());
    Ok(recent)
}

/// What an inbox says of a request: the debtor agent is asked (`pain.013`), or either is told how it stands (`pain.014`).
pub(super) fn request_message(
    door: &Door,
    reader: Bic,
    id: &str,
    told: &MatterTold,
    request: &RequestView,
) -> Result<(&'static str, Bytes), Problem> {
    let at = request.ended_at.unwrap_or(request.received_at).0;
    if told.asks {
        let recent = recent_request(door, request)?;
        let message = forwarded_request(&recent.message, &header(door, reader, id, at))
            .map_err(|error| unreadable(request.uetr, &error))?;
        return Ok((MessageType::Pain01300107.id(), business_message_of(&message).into()));
    }
    let recent = unless_lost(recent_request(door, request))?;
    let original = recent.map_or_else(|| Original::erased().into(), |recent| recent.original);
    let report = report(request, &original, id, at);
    Ok((MessageType::Pain01400107.id(), envelope(door, reader, id, at, &report.message()).into()))
}

/// `pain.014` in answer to a request that was taken in.
pub(crate) fn request_report(door: &Door, to: Bic, request: &RequestView, original: &Original) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &report(request, original, &id, now).message())
}

/// `pain.014` in answer to a request that was refused without a trace.
pub(crate) fn request_refusal(door: &Door, to: Bic, asked: &PaymentRequestView, refusal: Refusal) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let report = RequestReportView {
        message_id: id.clone(),
        created_at: now,
        debtor_agent: asked.debtor_agent.clone(),
        creditor_agent: asked.creditor_agent.clone(),
        original_message_id: Some(asked.message_id.clone()),
        original_payment_information_id: asked.payment_information_id.clone(),
        original_end_to_end_id: Some(asked.end_to_end_id.clone()),
        uetr: asked.uetr,
        status: RequestStatus::Rejected,
        reason: Some(refusal.iso_reason().to_string()),
        information: Some(format!("{} {refusal}", refusal.code())),
    };
    envelope(door, to, &id, now, &report.message())
}

fn report(request: &RequestView, original: &Original, id: &str, now: u64) -> RequestReportView {
    let (reason, information) = reason_of(request).map_or((None, None), |(reason, words)| (Some(reason.to_string()), words));
    RequestReportView {
        message_id: id.to_owned(),
        created_at: now,
        debtor_agent: request.debtor_bic.to_string(),
        creditor_agent: request.creditor_bic.to_string(),
        original_message_id: Some(original.message_id.clone()),
        original_payment_information_id: original.instruction_id.clone(),
        original_end_to_end_id: Some(original.end_to_end_id.clone()),
        uetr: request.uetr.0,
        status: match request.state {
            RequestState::Asked => RequestStatus::Received,
            RequestState::Presented => RequestStatus::Presented,
            // Whether it is being paid is the payment's to tell.
            RequestState::Accepted | RequestState::Paying => RequestStatus::Accepted,
            RequestState::Paid => RequestStatus::Paid,
            RequestState::Refused | RequestState::Expired => RequestStatus::Rejected,
            RequestState::Withdrawn => RequestStatus::Withdrawn,
        },
        reason,
        information,
    }
}
