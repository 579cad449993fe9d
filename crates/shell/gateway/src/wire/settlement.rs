//! Writing what settlement notes tell, statements and receipts.

use super::outbound::{envelope, inbox_id};
use super::reasons::status_reason;
use crate::door::Door;
use crate::refusal::{GatewayRefusal, Problem};
use crate::statements;
use bytes::Bytes;
use clearing::{Bic, NoteKind, ParticipantId, PaymentState, Refusal, SettlementNote};
use history::{InboxItem, InboxKind, StatementPage, Tells};
use iso20022::MessageType;
use iso20022::codes::StatusReason;
use iso20022::view::{
    AccountStatementView, InterbankTransferView, LiquidityTransferView, PaymentPriority, ReceiptStatus, ReceiptView,
    StatementDayView, StatementForm, StatusReportView, TransactionStatus,
};
use money::{Amount, Currency};

/// Stands for an identification that the centre does not keep.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// What a settlement note tells its reader: the agent is asked (`camt.050`), the account's owner learns what came of it
/// (`camt.025`).
pub(super) fn message(door: &Door, reader: Bic, note: &SettlementNote) -> Result<(&'static str, Bytes), Problem> {
    let (id, at) = (&*inbox_id(reader, note.position), note.at.0);
    let status = match note.kind {
        NoteKind::TopUpAsked | NoteKind::WithdrawalAsked => {
            let owner = door.hub.registry.by_id(note.participant).ok_or(GatewayRefusal::HistoryUnavailable)?;
            let asked = LiquidityTransferView {
                message_id: id.to_owned(),
                created_at: at,
                uetr: note.reference,
                is_top_up: note.kind == NoteKind::TopUpAsked,
                participant: owner.view.bic.to_string(),
                amount: Amount { minor: note.amount, currency: note.currency },
            };
            return Ok((MessageType::Camt05000105.id(), envelope(door, reader, id, at, &asked.message()).into()));
        }
        NoteKind::SentOut | NoteKind::CameIn | NoteKind::SentNotSettled => return interbank(door, reader, note),
        NoteKind::FundedIn | NoteKind::FundedOut => ReceiptStatus::Done,
        NoteKind::WithdrawalQueued => ReceiptStatus::Pending,
        NoteKind::TransferRefused => ReceiptStatus::Refused(note.reason.unwrap_or(status_reason(StatusReason::Narr)).to_string()),
    };
    let receipt = ReceiptView { message_id: id.to_owned(), created_at: at, uetr: note.reference, status, words: None };
    Ok((MessageType::Camt02500105.id(), envelope(door, reader, id, at, &receipt.message()).into()))
}

/// What became of an interbank transfer, told to who sent it (`pacs.002`) and to who is paid (`pacs.009`).
fn interbank(door: &Door, reader: Bic, note: &SettlementNote) -> Result<(&'static str, Bytes), Problem> {
    let (id, at) = (inbox_id(reader, note.position), note.at.0);
    let other = note.agent.and_then(|other| door.hub.registry.by_id(other)).ok_or(GatewayRefusal::HistoryUnavailable)?;
    if note.kind == NoteKind::CameIn {
        let paid = InterbankTransferView {
            message_id: id.clone(),
            created_at: at,
            end_to_end_id: NOT_PROVIDED.to_owned(),
            uetr: note.reference,
            amount: Amount { minor: note.amount, currency: note.currency },
            priority: PaymentPriority::Normal,
            until: None,
            debtor: other.view.bic.to_string(),
            creditor: reader.to_string(),
        };
        return Ok((MessageType::Pacs00900108.id(), envelope(door, reader, &id, at, &paid.message()).into()));
    }
    let is_settled = note.kind == NoteKind::SentOut;
    let status = if is_settled { TransactionStatus::Settled } else { TransactionStatus::Rejected };
    let report = StatusReportView {
        original_message_name: Some(MessageType::Pacs00900108.id().to_owned()),
        original_message_id: Some(NOT_PROVIDED.to_owned()),
        reason: note.reason.map(|reason| reason.to_string()),
        settled_at: is_settled.then_some(at),
        ..StatusReportView::new(&id, at, note.reference, status)
    };
    Ok((MessageType::Pacs00200110.id(), envelope(door, reader, &id, at, &report.message()).into()))
}

/// `pacs.002` in answer to a `pacs.009`.
pub(crate) fn interbank_report(
    door: &Door,
    to: Bic,
    sent: &InterbankTransferView,
    status: TransactionStatus,
    refusal: Option<Refusal>,
) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let report = StatusReportView {
        original_message_name: Some(MessageType::Pacs00900108.id().to_owned()),
        original_message_id: Some(sent.message_id.clone()),
        original_end_to_end_id: Some(sent.end_to_end_id.clone()),
        reason: refusal.map(|refusal| refusal.iso_reason().to_string()),
        information: refusal.map(|refusal| format!("{} {refusal}", refusal.code())),
        ..StatusReportView::new(&id, now, sent.uetr, status)
    };
    envelope(door, to, &id, now, &report.message())
}

/// The currency of what an inbox entry booked on the reader's settlement account.
pub(crate) fn booked_currency(reader: ParticipantId, entry: &InboxItem) -> Option<Currency> {
    match &entry.tells {
        Tells::Note(note) => note.kind.entry().filter(|_| note.participant == reader).map(|_| note.currency),
        Tells::Payment(InboxKind::Ended | InboxKind::Returned, payment) if payment.state == PaymentState::Settled => {
            let (mine, sponsor) = match payment.debtor_agent == reader {
                true => (payment.debit, payment.sponsors.debtor),
                false => (payment.credit, payment.sponsors.creditor),
            };
            // Over a sponsor's account nothing is booked on the reader's own.
            sponsor.is_none().then_some(mine.currency)
        }
        Tells::Payment(
            InboxKind::Asked
            | InboxKind::Ended
            | InboxKind::Credited
            | InboxKind::Returned
            | InboxKind::Recalled(_)
            | InboxKind::RecallAnswered(_)
            | InboxKind::Reviewed
            | InboxKind::Overdue
            | InboxKind::Blocked
            | InboxKind::Returning,
            _,
        )
        | Tells::Letter(_)
        | Tells::Matter(..) => None,
    }
}

/// `camt.052`, `camt.053` or `camt.054`. Made from the same page it has the same identification.
pub(crate) fn statement(
    door: &Door,
    to: Bic,
    currency: Currency,
    form: StatementForm,
    page: &StatementPage,
    number: u32,
    day: Option<StatementDayView>,
) -> Vec<u8> {
    let canonical = statements::canonical(to, currency, page);
    let proof = canonical.proof().to_string();
    let (id, at) = (format!("LHS{}", &proof[..32]), page.at.0);
    let bic = |who| door.hub.registry.by_id(who).map(|known| known.view.bic.to_string());
    let view = AccountStatementView {
        form,
        message_id: id.clone(),
        created_at: at,
        page: number,
        is_last: !page.is_cut,
        statement: canonical,
        booked_at: page.entries.iter().map(|entry| entry.at.0).collect(),
        on_behalf: page.entries.iter().map(|entry| entry.on_behalf.and_then(bic)).collect(),
        day,
    };
    envelope(door, to, &id, at, &view.message())
}

/// `camt.025` in answer to a request.
pub(crate) fn receipt(door: &Door, to: Bic, uetr: [u8; 16], status: ReceiptStatus, words: Option<String>) -> Vec<u8> {
    let (id, now) = (door.next_message_id(), door.world.now_ns());
    let receipt = ReceiptView { message_id: id.clone(), created_at: now, uetr, status, words };
    envelope(door, to, &id, now, &receipt.message())
}
