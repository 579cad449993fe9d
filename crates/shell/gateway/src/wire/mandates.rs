//! Reading and writing of mandates and collections.

use super::Original;
use super::inbound::{Fault, bic, read_schema, reason};
use super::outbound::{envelope, header, stored_body, unreadable};
use super::reasons::status_reason;
use crate::door::Door;
use crate::mandates::{Amendment, Change};
use crate::recent::Recent;
use crate::refusal::{GatewayRefusal, Problem};
use bytes::Bytes;
use clearing::{
    Bic, CollectionState, ContentHash, IsoReason, MandateAnswer, MandatePeriod, MandateState, MandateTerms, MandateView,
    MatterTold, Position, Purpose, Refusal, Time, Uetr,
};
use iso20022::codes::{MandateReason, StatusReason};
use iso20022::view::{
    CollectionView, MandateAmendmentView, MandateAnswerView, MandateCancellationView, MandateCapsView, MandateChange,
    MandateFrequency, MandateRequestView, StatusReportView, TransactionStatus, business_message_of, forwarded_collection,
    forwarded_mandate,
};
use iso20022::{BusinessMessage, MessageType};
use std::sync::Arc;

/// Why a mandate that the clock has ended is over.
const EXPIRED: MandateReason = MandateReason::Md20;
/// What a creditor agent is told of a mandate that is suspended.
const SUSPENDED: &str = "SUSPENDED";

/// A `pain.009` with one mandate.
#[derive(Debug)]
pub(crate) struct MandateAsked {
    pub(crate) view: MandateRequestView,
    pub(crate) terms: MandateTerms,
    pub(crate) message: Arc<BusinessMessage>,
    pub(crate) debtor_agent: Bic,
    pub(crate) creditor_agent: Bic,
}

/// A `pain.011` or `pain.012`.
#[derive(Debug)]
pub(crate) struct MandateReply {
    pub(crate) message_id: String,
    pub(crate) sender: Bic,
    pub(crate) mandate: Uetr,
    pub(crate) word: MandateWord,
}

/// What it says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MandateWord {
    /// To the question at this place of the sender's inbox.
    Answer { asked: Position, says: MandateAnswer },
    /// It ends, for this reason.
    Cancel(IsoReason),
}

/// A `pacs.003` with one collection.
#[derive(Debug)]
pub(crate) struct PulledPayment {
    pub(crate) view: CollectionView,
    pub(crate) message: Arc<BusinessMessage>,
    pub(crate) debtor_agent: Bic,
    pub(crate) creditor_agent: Bic,
}

/// A `pacs.002` `RJCT` about a `pacs.003`.
#[derive(Debug)]
pub(crate) struct CollectionRefusal {
    pub(crate) message_id: String,
    pub(crate) collection: Uetr,
    pub(crate) reason: IsoReason,
}

/// Reads a `pain.009`.
pub(super) fn asked(id: &str, message: BusinessMessage) -> Result<MandateAsked, Fault> {
    let view = MandateRequestView::of(&message.document).map_err(|error| Fault::of_view(id, &error))?;
    let (debtor_agent, creditor_agent) = (bic(id, &view.debtor_agent)?, bic(id, &view.creditor_agent)?);
    let terms = terms(id, &view.caps)?;
    Ok(MandateAsked { view, terms, message: Arc::new(message), debtor_agent, creditor_agent })
}

/// Reads a `pain.010`.
pub(super) fn amendment(id: &str, message: BusinessMessage) -> Result<Amendment, Fault> {
    let view = MandateAmendmentView::of(&message.document).map_err(|error| Fault::of_view(id, &error))?;
    let change = match &view.change {
        MandateChange::Caps(caps) => Change::Terms(terms(id, caps)?),
        MandateChange::Suspend => Change::Suspended(true),
        MandateChange::Resume => Change::Suspended(false),
    };
    let sender = bic(id, &view.sender)?;
    Ok(Amendment { view, message: Arc::new(message), sender, change })
}

/// Reads a `pain.011`.
pub(super) fn cancellation(id: &str, view: MandateCancellationView) -> Result<MandateReply, Fault> {
    let (sender, reason) = (bic(id, &view.sender)?, reason(id, Some(&view.reason))?);
    Ok(MandateReply { message_id: view.message_id, sender, mandate: Uetr(view.mandate), word: MandateWord::Cancel(reason) })
}

/// Reads a `pain.012`.
pub(super) fn answer(id: &str, view: MandateAnswerView) -> Result<MandateReply, Fault> {
    let says = match view.accepted {
        true => MandateAnswer::Accepted,
        false => MandateAnswer::Refused(reason(id, view.reason.as_deref())?),
    };
    let sender = bic(id, &view.sender)?;
    let asked = asked_at(&view.original_message_id).ok_or_else(|| {
        let words = "OrgnlMsgInf/MsgId is that of the message in the inbox which asked";
        Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, words)
    })?;
    let word = MandateWord::Answer { asked, says };
    Ok(MandateReply { message_id: view.message_id, sender, mandate: Uetr(view.mandate), word })
}

/// The place in an inbox that a message identification of the centre names.
fn asked_at(message_id: &str) -> Option<Position> {
    let digits = message_id.strip_prefix("LH")?.get(..16)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok().map(Position))?
}

/// Reads a `pacs.003`.
pub(super) fn pulled(id: &str, message: BusinessMessage) -> Result<PulledPayment, Fault> {
    let view = CollectionView::of(&message.document).map_err(|error| Fault::of_view(id, &error))?;
    let (debtor_agent, creditor_agent) = (bic(id, &view.debtor_agent)?, bic(id, &view.creditor_agent)?);
    Ok(PulledPayment { view, message: Arc::new(message), debtor_agent, creditor_agent })
}

/// Reads a `pacs.002` about a `pacs.003`: a debtor agent that pays sends a `pacs.008` and says nothing else.
pub(super) fn collection_refusal(id: &str, view: &StatusReportView) -> Result<CollectionRefusal, Fault> {
    if view.status != TransactionStatus::Rejected {
        let words = format!("status {} is not an answer to a collection: pay it with pacs.008", view.status.code());
        return Err(Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, &words));
    }
    let reason = reason(id, view.reason.as_deref())?;
    Ok(CollectionRefusal { message_id: view.message_id.clone(), collection: Uetr(view.uetr), reason })
}

/// Caps as the centre understands them.
fn terms(id: &str, caps: &MandateCapsView) -> Result<MandateTerms, Fault> {
    let purpose = match caps.purpose.as_deref().map(Purpose::parse) {
        None => None,
        Some(Some(purpose)) => Some(purpose),
        Some(None) => return Err(Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, "a purpose has four characters")),
    };
    Ok(MandateTerms {
        currency: caps.each.currency.code,
        each: caps.each.minor,
        is_fixed: caps.is_fixed,
        period: match caps.frequency {
            MandateFrequency::Day => MandatePeriod::Day,
            MandateFrequency::Week => MandatePeriod::Week,
            MandateFrequency::Month => MandatePeriod::Month,
            MandateFrequency::Year => MandatePeriod::Year,
            MandateFrequency::Whole => MandatePeriod::Whole,
        },
        period_max: caps.period_max.minor,
        count_max: caps.count,
        purpose,
        first: Time(caps.first),
        last: Time(caps.last),
    })
}

impl From<&MandateRequestView> for Original {
    fn from(view: &MandateRequestView) -> Self {
        Self::plain(&view.message_id, &view.reference)
    }
}

impl From<&MandateAmendmentView> for Original {
    fn from(view: &MandateAmendmentView) -> Self {
        Self::plain(&view.message_id, "NOTPROVIDED")
    }
}

impl From<&CollectionView> for Original {
    fn from(view: &CollectionView) -> Self {
        Self::plain(&view.message_id, &view.end_to_end_id)
    }
}

impl Original {
    fn plain(message_id: &str, end_to_end_id: &str) -> Self {
        Self {
            message_id: message_id.to_owned(),
            instruction_id: None,
            end_to_end_id: end_to_end_id.to_owned(),
            transaction_id: None,
            accepted_at: None,
        }
    }
}

/// A matter's own message: from memory if it came lately, else from the vault.
fn recent(door: &Door, uetr: Uetr, content: ContentHash) -> Result<Recent, Problem> {
    if let Some(recent) = door.recent.get(content) {
        return Ok(recent);
    }
    let body = stored_body(uetr, door.past.matter_message(uetr))?;
    let (_, message) = read_schema(&body).map_err(|_| unreadable(uetr, &"it is no message"))?;
    let document = &message.document;
    let original = match document.message_type() {
        MessageType::Pain01000106 => MandateAmendmentView::of(document).map(|view| Original::from(&view)),
        MessageType::Pacs00300108 => CollectionView::of(document).map(|view| Original::from(&view)),
        _ => MandateRequestView::of(document).map(|view| Original::from(&view)),
    };
    let original = original.map_err(|error| unreadable(uetr, &error))?;
    let recent = Recent { message: Arc::new(message), original: Arc::new(original) };
    door.recent.put(content, recent.clone());
    Ok(recent)
}

/// What an inbox says of a mandate: the debtor agent is asked (`pain.009`, `pain.010`), or either is told how it stands (`pain.012`,
/// `pain.011`).
pub(super) fn mandate_message(
    door: &Door,
    reader: Bic,
    id: &str,
    told: &MatterTold,
    mandate: &MandateView,
) -> Result<(&'static str, Bytes), Problem> {
    let recent = recent(door, mandate.uetr, mandate.content)?;
    let at = mandate.ended_at.unwrap_or(mandate.received_at).0;
    if told.asks {
        let message = forwarded_mandate(&recent.message, &header(door, reader, id, at))
            .map_err(|error| unreadable(mandate.uetr, &error))?;
        return Ok((message.document.message_type().id(), business_message_of(&message).into()));
    }
    let reason = mandate.reason.map(|reason| reason.to_string());
    let result = |accepted, reason| (MessageType::Pain01200106.id(), answered(door, mandate, &recent, id, at, accepted, reason));
    let ended = |reason: String, by: Option<Bic>| {
        let view = MandateCancellationView {
            message_id: id.to_owned(),
            created_at: at,
            sender: by.map_or_else(|| door.centre.clone(), |bic| bic.to_string()),
            mandate: mandate.uetr.0,
            reason,
        };
        (MessageType::Pain01100106.id(), view.message())
    };
    let (kind, document) = match mandate.state {
        MandateState::Asked | MandateState::Amending | MandateState::Active => result(reason.is_none(), reason),
        MandateState::Refused => result(false, reason),
        MandateState::Suspended => result(false, Some(SUSPENDED.to_owned())),
        MandateState::Cancelled => {
            let by_creditor = mandate.cancelled_by == Some(mandate.creditor_agent);
            let by = if by_creditor { mandate.creditor_bic } else { mandate.debtor_bic };
            ended(reason.unwrap_or_else(|| MandateReason::Narr.to_string()), Some(by))
        }
        MandateState::Expired => ended(EXPIRED.to_string(), None),
    };
    Ok((kind, envelope(door, reader, id, at, &document).into()))
}

fn answered(
    door: &Door,
    mandate: &MandateView,
    recent: &Recent,
    id: &str,
    at: u64,
    accepted: bool,
    reason: Option<String>,
) -> Result<iso20022::Message, iso20022::view::ViewError> {
    MandateAnswerView {
        message_id: id.to_owned(),
        created_at: at,
        sender: door.centre.clone(),
        original_message_id: recent.original.message_id.clone(),
        original_message_name: recent.message.document.message_type().id().to_owned(),
        mandate: mandate.uetr.0,
        accepted,
        reason,
        information: None,
    }
    .message()
}

/// `pain.012` in answer to a mandate that was refused without a trace.
pub(crate) fn mandate_refusal(door: &Door, to: Bic, asked: &MandateRequestView, refusal: Refusal) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let view = MandateAnswerView {
        message_id: id.clone(),
        created_at: now,
        sender: door.centre.clone(),
        original_message_id: asked.message_id.clone(),
        original_message_name: MessageType::Pain00900106.id().to_owned(),
        mandate: asked.mandate,
        accepted: false,
        reason: Some(refusal.iso_reason().to_string()),
        information: Some(format!("{} {refusal}", refusal.code())),
    };
    envelope(door, to, &id, now, &view.message())
}

/// How a collection stands, as `pacs.002` says it.
#[derive(Debug, Clone)]
pub(crate) enum CollectionStanding {
    /// `RCVD`: the debtor agent is asked to pay.
    Received,
    /// `ACSC`.
    Paid,
    /// `RJCT`, with the reason.
    Rejected(IsoReason, Option<String>),
}

impl CollectionStanding {
    /// Of one that was taken in.
    pub(crate) fn of(collection: &clearing::CollectionView) -> Self {
        match collection.state {
            CollectionState::Asked | CollectionState::Paying => Self::Received,
            CollectionState::Paid => Self::Paid,
            CollectionState::Refused => Self::Rejected(collection.reason.unwrap_or(status_reason(StatusReason::Narr)), None),
            CollectionState::Expired => {
                let refusal = Refusal::CollectionEnded;
                Self::Rejected(refusal.iso_reason(), Some(format!("{} not paid in time", refusal.code())))
            }
        }
    }
}

/// `pacs.002` in answer to a collection.
pub(crate) fn collection_report(
    door: &Door,
    to: Bic,
    collection: Uetr,
    original: &Original,
    standing: CollectionStanding,
) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &report(&id, now, collection, original, standing, None).message())
}

fn report(
    id: &str,
    now: u64,
    collection: Uetr,
    original: &Original,
    standing: CollectionStanding,
    ended_at: Option<Time>,
) -> StatusReportView {
    let (status, reason, information) = match standing {
        CollectionStanding::Received => (TransactionStatus::Received, None, None),
        CollectionStanding::Paid => (TransactionStatus::Settled, None, None),
        CollectionStanding::Rejected(reason, words) => (TransactionStatus::Rejected, Some(reason.to_string()), words),
    };
    StatusReportView {
        original_message_id: Some(original.message_id.clone()),
        original_message_name: Some(MessageType::Pacs00300108.id().to_owned()),
        original_end_to_end_id: Some(original.end_to_end_id.clone()),
        reason,
        information,
        settled_at: ended_at.filter(|_| status == TransactionStatus::Settled).map(|at| at.0),
        ..StatusReportView::new(id, now, collection.0, status)
    }
}

/// What an inbox says of a collection: the debtor agent is asked to pay (`pacs.003`), or either is told how it ended (`pacs.002`).
pub(super) fn collection_message(
    door: &Door,
    reader: Bic,
    id: &str,
    told: &MatterTold,
    collection: &clearing::CollectionView,
) -> Result<(&'static str, Bytes), Problem> {
    let recent = recent(door, collection.uetr, collection.content)?;
    let at = collection.ended_at.unwrap_or(collection.received_at);
    if told.asks {
        let message = forwarded_collection(&recent.message, &header(door, reader, id, at.0))
            .map_err(|error| unreadable(collection.uetr, &error))?;
        return Ok((MessageType::Pacs00300108.id(), business_message_of(&message).into()));
    }
    let standing = CollectionStanding::of(collection);
    let report = report(id, at.0, collection.uetr, &recent.original, standing, collection.ended_at);
    Ok((MessageType::Pacs00200110.id(), envelope(door, reader, id, at.0, &report.message()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_named_by_its_place() {
        assert_eq!(asked_at("LH0000000000000123HARBHKHH"), Some(Position(123)));
        for other in ["", "LH12", "XX0000000000000123HARBHKHH", "LH00000000+0000123HARBHKHH", "LH日日日日日日日日日日"]
        {
            assert_eq!(asked_at(other), None, "{other}");
        }
    }
}
