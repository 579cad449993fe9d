//! Writing: every message the centre sends, each in an envelope with its header.

use super::inbound::{Fault, PayeeCheck, PayeeReply, read_back_return, read_payment};
use super::reasons::cancellation_rejection;
use super::{letters, mandates, matters, preauths, settlement};
use crate::answer::{Standing, Status};
use crate::auth::body_of_vault;
use crate::door::Door;
use crate::recent::Recent;
use crate::refusal::{GatewayRefusal, Problem};
use bytes::Bytes;
use clearing::{Bic, ContentHash, MatterView, PaymentView, Position, Posting, RecallVerdict, Refusal, Uetr, WaitingView};
use history::{InboxItem, InboxKind, Tells};
use iso20022::codes::VerificationReason;
use iso20022::view::{
    CancellationAnswerView, CancellationOutcome, CancellationRequestView, HeaderView, IdentificationReportView,
    IdentificationRequestView, NameVerdict, PaymentReturnView, RejectionView, StatusReportView, TransactionStatus, bic_11,
    business_message, business_message_of, forwarded,
};
use iso20022::{Message, MessageType};
use money::{Amount, MinorUnits, Rate};
use ordering::MessageErased;
use std::io;

/// Message name of a relayed payee check.
pub(crate) const PAYEE_QUESTION: &str = MessageType::Acmt02300102.id();

/// References of a payment's own message, which every report on it repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) message_id: String,
    pub(crate) instruction_id: Option<String>,
    pub(crate) end_to_end_id: String,
    pub(crate) transaction_id: Option<String>,
    /// `AccptncDtTm`, nanoseconds since 1970.
    pub(crate) accepted_at: Option<u64>,
}

impl Original {
    /// Of a message that was erased: what the chain has names the payment by its UETR alone.
    pub(super) fn erased() -> Self {
        let unknown = || "NOTPROVIDED".to_owned();
        let (instruction_id, transaction_id) = (None, None);
        Self { message_id: unknown(), instruction_id, end_to_end_id: unknown(), transaction_id, accepted_at: None }
    }
}

/// `None`: the message it would be made from was erased, or is none that can be read. Neither gets better with time, and a
/// reader who waited for it would never be told what came after.
pub(super) fn unless_lost<T>(read: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match read {
        Err(problem)
            if [GatewayRefusal::MessageErased, GatewayRefusal::MessageUnreadable]
                .map(GatewayRefusal::code)
                .contains(&problem.code) =>
        {
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// What was taken in as a message of its kind and is read as none now, or cannot be passed on.
pub(super) fn unreadable(uetr: Uetr, why: &dyn core::fmt::Display) -> GatewayRefusal {
    tracing::error!(%uetr, %why, "a signed message is of no use any more");
    GatewayRefusal::MessageUnreadable
}

/// A payment's own message: from memory if it came lately, else from the vault.
fn recent(door: &Door, payment: &PaymentView) -> Result<Recent, Problem> {
    if let Some(recent) = door.recent.get(payment.content) {
        return Ok(recent);
    }
    if payment.captured_from.is_some() {
        return preauths::read_capture(door, payment);
    }
    read_back(door, payment.uetr, payment.content, door.past.message(payment))
}

/// A message as the vault gave it.
fn read_back(door: &Door, uetr: Uetr, content: ContentHash, stored: io::Result<Option<Vec<u8>>>) -> Result<Recent, Problem> {
    let body = stored_body(uetr, stored)?;
    // It was a payment when it was taken in; only a newer, stricter reader could say otherwise.
    let read = read_payment(&body).map_err(|_| unreadable(uetr, &"it is no payment"))?;
    let recent = Recent { original: Original::from(&read.view).into(), message: read.message };
    door.recent.put(content, recent.clone());
    Ok(recent)
}

/// A message as the vault gave it.
pub(crate) fn stored(uetr: Uetr, stored: io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, Problem> {
    Ok(stored.map_err(|error| unread(&error, uetr))?.ok_or(GatewayRefusal::HistoryUnavailable)?)
}

/// The body of it.
pub(super) fn stored_body(uetr: Uetr, message: io::Result<Option<Vec<u8>>>) -> Result<Vec<u8>, Problem> {
    let mut stored = stored(uetr, message)?;
    let at = body_of_vault(&stored).ok_or_else(|| unreadable(uetr, &"it has no body"))?;
    Ok(stored.split_off(at))
}

fn unread(error: &io::Error, uetr: Uetr) -> GatewayRefusal {
    if MessageErased::is(error) {
        return GatewayRefusal::MessageErased;
    }
    tracing::error!(%error, %uetr, "a signed message cannot be read back");
    GatewayRefusal::HistoryUnavailable
}

/// The references of a payment that waits.
pub(crate) fn waiting_original(door: &Door, payment: &WaitingView) -> Result<std::sync::Arc<Original>, Problem> {
    if let Some(recent) = door.recent.get(payment.content) {
        return Ok(recent.original);
    }
    read_back(door, payment.uetr, payment.content, door.past.waiting_message(payment.uetr)).map(|recent| recent.original)
}

/// The references of a payment on record.
pub(crate) fn original(door: &Door, payment: &PaymentView) -> Result<std::sync::Arc<Original>, Problem> {
    let recent = unless_lost(recent(door, payment))?;
    Ok(recent.map_or_else(|| Original::erased().into(), |recent| recent.original))
}

/// The message an inbox entry stands for. It has the same identification and time whenever it is built. `None`: it would repeat
/// a message that was erased. How a payment ended is told all the same (PAY-02).
pub(crate) fn inbox_message(door: &Door, reader: Bic, item: &InboxItem) -> Result<Option<(&'static str, Bytes)>, Problem> {
    unless_lost(match &item.tells {
        Tells::Payment(kind, payment) => payment_message(door, reader, item.position, *kind, payment),
        Tells::Letter(kept) => letters::message(door, reader, kept),
        Tells::Note(note) => settlement::message(door, reader, note),
        Tells::Matter(told, MatterView::Request(request)) => {
            matters::request_message(door, reader, &inbox_id(reader, item.position), told, request)
        }
        Tells::Matter(told, MatterView::Mandate(mandate)) => {
            mandates::mandate_message(door, reader, &inbox_id(reader, item.position), told, mandate)
        }
        Tells::Matter(told, MatterView::Collection(collection)) => {
            mandates::collection_message(door, reader, &inbox_id(reader, item.position), told, collection)
        }
        Tells::Matter(told, MatterView::Preauth(preauth)) => {
            preauths::preauth_message(door, reader, &inbox_id(reader, item.position), told, preauth)
        }
    })
}

/// The identification of a message in an inbox: the same whenever it is built.
pub(super) fn inbox_id(reader: Bic, position: Position) -> String {
    format!("LH{:016}{}", position.0, &reader.as_str()[..8])
}

fn payment_message(
    door: &Door,
    reader: Bic,
    position: Position,
    kind: InboxKind,
    payment: &PaymentView,
) -> Result<(&'static str, Bytes), Problem> {
    let id = inbox_id(reader, position);
    let at = match (kind, payment.finality) {
        (InboxKind::Asked, _) | (_, None) => payment.received_at,
        (_, Some(finality)) => finality.at,
    };
    match kind {
        InboxKind::Returned => returned(door, reader, payment, &id, at.0),
        InboxKind::Recalled(reason) => {
            // Its time is the payment's end, which is the same whenever it is built.
            let asked = CancellationRequestView {
                message_id: id.clone(),
                created_at: at.0,
                assigner: door.centre.clone(),
                assignee: reader.to_string(),
                uetr: payment.uetr.0,
                reason: Some(reason.to_string()),
            };
            Ok((MessageType::Camt05600108.id(), envelope(door, reader, &id, at.0, &asked.message()).into()))
        }
        InboxKind::RecallAnswered(verdict) => {
            let (outcome, reason) = match verdict {
                RecallVerdict::Accepts => (CancellationOutcome::Cancelled, None),
                RecallVerdict::Rejects(reason) => (CancellationOutcome::Refused, Some(reason.to_string())),
            };
            let answer = CancellationAnswerView {
                message_id: id.clone(),
                created_at: at.0,
                assigner: door.centre.clone(),
                assignee: reader.to_string(),
                uetr: payment.uetr.0,
                outcome,
                reason,
                information: None,
            };
            Ok((MessageType::Camt02900109.id(), envelope(door, reader, &id, at.0, &answer.message()).into()))
        }
        InboxKind::Asked => {
            let recent = recent(door, payment)?;
            let header = header(door, reader, &id, at.0);
            let rate =
                (payment.debit.currency != payment.credit.currency).then(|| rate_of(payment.debit, gross(payment))).flatten();
            let charges = Some(payment.charges.creditor).filter(|minor| !minor.is_zero());
            let charges = charges.map(|minor| (Amount { minor, ..payment.credit }, door.centre.as_str()));
            let message = forwarded(&recent.message, &header, payment.credit, rate, charges)
                .map_err(|error| unreadable(payment.uetr, &error))?;
            Ok((MessageType::Pacs00800108.id(), business_message_of(&message).into()))
        }
        InboxKind::Ended
        | InboxKind::Credited
        | InboxKind::Reviewed
        | InboxKind::Overdue
        | InboxKind::Blocked
        | InboxKind::Returning => {
            let original = original(door, payment)?;
            let mut standing = Standing::of(&as_told(payment, kind));
            if payment.captured_from.is_some() {
                let report = preauths::about_capture(door, reader, payment, &original, &standing, &id, at.0);
                return Ok((MessageType::Pacs00200110.id(), envelope(door, reader, &id, at.0, &report.message()).into()));
            }
            // What the debtor agent pays on top is its own affair.
            standing.charges = standing.charges.filter(|_| reader == payment.debtor_bic);
            let report = report(&door.centre, payment.uetr, &original, &standing, &id, at.0);
            Ok((MessageType::Pacs00200110.id(), envelope(door, reader, &id, at.0, &report.message()).into()))
        }
    }
}

/// A return: `pacs.002` to who sent it back, `pacs.004` to who gets it, with the returner's own words.
fn returned(door: &Door, reader: Bic, payment: &PaymentView, id: &str, at: u64) -> Result<(&'static str, Bytes), Problem> {
    let sent = read_return(door, payment)?;
    if reader == payment.debtor_bic {
        let report = return_report(&door.centre, &sent, &Standing::of(payment), id, at);
        return Ok((MessageType::Pacs00200110.id(), envelope(door, reader, id, at, &report.message()).into()));
    }
    let is_exchanged = payment.debit.currency != payment.credit.currency;
    let forwarded = PaymentReturnView {
        message_id: id.to_owned(),
        created_at: at,
        returned_amount: payment.credit,
        returned_instructed_amount: is_exchanged.then(|| sent.returned_instructed_amount.unwrap_or(payment.debit)),
        quote: None,
        clearing_system_reference: Some(clearing_reference(payment)),
        instructing_agent: Some(payment.debtor_bic.to_string()),
        instructed_agent: Some(reader.to_string()),
        ..sent
    };
    Ok((MessageType::Pacs00400109.id(), envelope(door, reader, id, at, &forwarded.message()).into()))
}

/// The identification of a return in the chain, without hyphens: what its receipt is asked for by.
fn clearing_reference(payment: &PaymentView) -> String {
    payment.uetr.to_string().replace('-', "")
}

/// The returner's message, from the vault.
fn read_return(door: &Door, payment: &PaymentView) -> Result<PaymentReturnView, Problem> {
    let stored = stored_body(payment.uetr, door.past.message(payment));
    let read = |body: Vec<u8>| read_back_return(&body).ok_or_else(|| unreadable(payment.uetr, &"it is no return").into());
    match unless_lost(stored.and_then(read))? {
        Some(sent) => Ok(sent),
        None => erased_return(payment).ok_or_else(|| GatewayRefusal::HistoryUnavailable.into()),
    }
}

/// What the chain has of a return whose message was erased: everything but the returner's own references and words.
fn erased_return(payment: &PaymentView) -> Option<PaymentReturnView> {
    let of = payment.returns?;
    Some(PaymentReturnView {
        message_id: "NOTPROVIDED".to_owned(),
        created_at: payment.received_at.0,
        return_id: clearing_reference(payment),
        uetr: of.original.0,
        original_end_to_end_id: None,
        original_transaction_id: None,
        original_amount: None,
        returned_amount: payment.debit,
        returned_instructed_amount: None,
        quote: payment.quote.map(|quote| quote.0),
        reason: of.reason.to_string(),
        information: None,
        clearing_system_reference: None,
        instructing_agent: Some(payment.debtor_bic.to_string()),
        instructed_agent: None,
    })
}

/// `pacs.002` on a return, in answer to it.
pub(crate) fn return_status(door: &Door, to: Bic, sent: &PaymentReturnView, standing: &Standing) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &return_report(&door.centre, sent, standing, &id, now).message())
}

/// The same on a return that is on record.
pub(crate) fn return_on_record(door: &Door, to: Bic, payment: &PaymentView) -> Result<Vec<u8>, Problem> {
    Ok(return_status(door, to, &read_return(door, payment)?, &Standing::of(payment)))
}

/// Names the payment by its UETR, and the return by its own identification and its message.
fn return_report(centre: &str, sent: &PaymentReturnView, standing: &Standing, id: &str, now: u64) -> StatusReportView {
    let original = Original {
        message_id: sent.message_id.clone(),
        instruction_id: None,
        end_to_end_id: sent.original_end_to_end_id.clone().unwrap_or_else(|| "NOTPROVIDED".to_owned()),
        transaction_id: Some(sent.return_id.clone()),
        accepted_at: None,
    };
    let named = Some(MessageType::Pacs00400109.id().to_owned());
    StatusReportView { original_message_name: named, ..report(centre, Uetr(sent.uetr), &original, standing, id, now) }
}

/// The payment as it stood when an inbox was told of it: what came later is another entry's.
fn as_told(payment: &PaymentView, kind: InboxKind) -> PaymentView {
    let posting = match kind {
        InboxKind::Asked | InboxKind::Ended | InboxKind::Returned | InboxKind::Recalled(_) | InboxKind::RecallAnswered(_) => {
            Posting::Unreported
        }
        InboxKind::Credited => Posting::Credited,
        InboxKind::Reviewed => Posting::UnderReview,
        InboxKind::Overdue => Posting::Overdue,
        InboxKind::Blocked => Posting::Blocked,
        InboxKind::Returning => Posting::ToBeReturned,
    };
    let posting_reason = payment.posting_reason.filter(|_| posting == Posting::ToBeReturned);
    PaymentView { credited: posting == Posting::Credited, posting, posting_reason, ..*payment }
}

/// What was exchanged: what the creditor agent receives and its charges.
fn gross(payment: &PaymentView) -> Amount {
    Amount { minor: MinorUnits(payment.credit.minor.0.saturating_add(payment.charges.creditor.0)), ..payment.credit }
}

/// `pacs.002` in answer to a request.
pub(crate) fn status_report(door: &Door, to: Bic, uetr: Uetr, original: &Original, standing: &Standing) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    envelope(door, to, &id, now, &report(&door.centre, uetr, original, standing, &id, now).message())
}

pub(super) fn report(centre: &str, uetr: Uetr, original: &Original, standing: &Standing, id: &str, now: u64) -> StatusReportView {
    let status = match standing.status {
        Status::Waiting => TransactionStatus::Pending,
        Status::Reserved => TransactionStatus::CustomerAccepted,
        Status::Held => TransactionStatus::InProcess,
        Status::Settled => TransactionStatus::Settled,
        Status::Reviewed => TransactionStatus::AcceptedWithoutPosting,
        Status::Blocked => TransactionStatus::Blocked,
        Status::Credited => TransactionStatus::Credited,
        Status::Rejected => TransactionStatus::Rejected,
    };
    StatusReportView {
        original_message_id: Some(original.message_id.clone()),
        original_message_name: Some(MessageType::Pacs00800108.id().to_owned()),
        original_instruction_id: original.instruction_id.clone(),
        original_end_to_end_id: Some(original.end_to_end_id.clone()),
        original_transaction_id: original.transaction_id.clone(),
        reason: standing.reason.map(|reason| reason.to_string()),
        information: standing.detail.clone(),
        accepted_at: original.accepted_at,
        settled_at: match standing.status {
            Status::Settled | Status::Reviewed | Status::Blocked | Status::Credited => standing.at.map(|at| at.0),
            Status::Waiting | Status::Reserved | Status::Held | Status::Rejected => None,
        },
        charges: standing.charges.map(|amount| (amount, centre.to_owned())).into_iter().collect(),
        ..StatusReportView::new(id, now, uetr.0, status)
    }
}

/// `camt.029` about a payment or a request to pay: cancelled, pending, or why not.
pub(crate) fn cancellation_answer(
    door: &Door,
    to: &str,
    uetr: [u8; 16],
    outcome: CancellationOutcome,
    refusal: Option<Refusal>,
) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let to = bic_11(to);
    let answer = CancellationAnswerView {
        message_id: id.clone(),
        created_at: now,
        assigner: door.centre.clone(),
        assignee: to.clone(),
        uetr,
        outcome,
        reason: refusal.map(|refusal| cancellation_rejection(refusal).to_string()),
        information: refusal.map(|refusal| format!("{} {refusal}", refusal.code())),
    };
    let to = Bic::parse(&to).expect("the sender's own");
    envelope(door, to, &id, now, &answer.message())
}

/// `admi.002`.
pub(crate) fn message_reject(door: &Door, to: Bic, fault: &Fault) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let rejection = RejectionView { rejected_at: Some(now), ..fault.rejection.clone() };
    envelope(door, to, &id, now, &rejection.message())
}

/// `acmt.023` as the asked bank gets it, under an identification of the centre's.
pub(crate) fn payee_question(door: &Door, asked: Bic, id: &str, check: &PayeeCheck) -> Vec<u8> {
    let now = door.world.now_ns();
    let question = IdentificationRequestView {
        message_id: id.to_owned(),
        created_at: now,
        assigner: door.centre.clone(),
        assignee: asked.to_string(),
        verification_id: id.to_owned(),
        ..check.view.clone()
    };
    envelope(door, asked, id, now, &question.message())
}

/// `acmt.024` as the asker gets it; no reply: it could not be told, nobody answered.
pub(crate) fn payee_answer(door: &Door, asker: Bic, check: &PayeeCheck, reply: Option<&PayeeReply>) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let answered = reply.map(|reply| reply.view.clone());
    let verdict = match answered.as_ref().map(|view| &view.verdict) {
        None => NameVerdict::NotPossible(VerificationReason::Norr.to_string()),
        // A bank's own words do not fit where a code goes: it could not tell, and gave no reason that is one.
        Some(NameVerdict::NotPossible(reason)) if reason.len() > 4 => {
            NameVerdict::NotPossible(VerificationReason::Nr01.to_string())
        }
        Some(verdict) => verdict.clone(),
    };
    let answer = IdentificationReportView {
        message_id: id.clone(),
        created_at: now,
        assigner: door.centre.clone(),
        assignee: asker.to_string(),
        original_message_id: Some(check.view.message_id.clone()),
        verification_id: check.view.verification_id.clone(),
        verdict,
        masked_name: answered.as_ref().and_then(|view| view.masked_name.clone()),
        account: answered.as_ref().and_then(|view| view.account.clone()),
        agent: Some(check.asked.to_string()),
    };
    envelope(door, asker, &id, now, &answer.message())
}

pub(super) fn header(door: &Door, to: Bic, id: &str, now: u64) -> HeaderView {
    HeaderView::new(&door.centre, to.as_str(), id, now)
}

/// Header and document. Everything in them was read from a valid message or made here, so it fits.
pub(crate) fn envelope(
    door: &Door,
    to: Bic,
    id: &str,
    now: u64,
    document: &Result<Message, iso20022::view::ViewError>,
) -> Vec<u8> {
    let document = document.as_ref().expect("texts come from valid messages or are made here");
    business_message(&header(door, to, id, now), document).expect("BICs and identifications made here fit").into_bytes()
}

/// What one unit paid was received as, to eleven digits, cut.
fn rate_of(debit: Amount, credit: Amount) -> Option<Rate> {
    let numerator = u128::from(credit.minor.0) * u128::from(debit.currency.minor_per_major());
    let denominator = u128::from(debit.minor.0) * u128::from(credit.currency.minor_per_major());
    (0..=Rate::DECIMALS_MAX).rev().find_map(|decimals| {
        let scaled = numerator.checked_mul(10u128.pow(u32::from(decimals)))?.checked_div(denominator)?;
        u64::try_from(scaled).ok().and_then(|scaled| Rate::new(scaled, decimals).ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode};

    #[test]
    fn rates_are_cut_to_what_fits() {
        let amount = |minor, code| Amount { minor: MinorUnits(minor), currency: Currency { code, exponent: 2 } };
        for (debit, credit, rate) in [(10_000, 9_202, "0.9202000000"), (3, 1, "0.3333333333"), (1, 12_345_678, "12345678.000")] {
            let rate_found = rate_of(amount(debit, CurrencyCode::HKD), amount(credit, CurrencyCode::CNY));
            assert_eq!(rate_found.unwrap().to_string(), rate);
        }
        assert_eq!(rate_of(amount(0, CurrencyCode::HKD), amount(1, CurrencyCode::CNY)), None);
    }
}
