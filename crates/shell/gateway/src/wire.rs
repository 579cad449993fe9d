//! Between messages and the centre's words: the only file of the gateway that knows `iso20022`.

use crate::answer::Standing;
use crate::auth::body_of_vault;
use crate::door::Door;
use crate::past::InboxEntry;
use crate::refusal::{GatewayRefusal, Problem};
use bytes::Bytes;
use clearing::{AnswerVerdict, Bic, IsoReason, PaymentView, Priority, QuoteId, Refusal, Time, Uetr};
use money::Amount;

/// Message name of a relayed payee check.
pub(crate) const PAYEE_QUESTION: &str = "acmt.023.001.02";

/// Who sent a message, by its own account.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) from: Bic,
}

/// A message the gateway takes.
#[derive(Debug)]
pub(crate) enum Message {
    Payment(Box<Payment>),
    Report(Report),
    StatusRequest(Uetr),
    PayeeCheck(PayeeCheck),
    PayeeAnswer(PayeeReply),
}

/// A `pacs.008` with one transaction.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) message_id: String,
    pub(crate) uetr: Uetr,
    pub(crate) debtor_agent: Bic,
    pub(crate) creditor_agent: Bic,
    pub(crate) debit: Amount,
    pub(crate) quote: Option<QuoteId>,
    pub(crate) priority: Priority,
    pub(crate) accepted_at: Time,
    pub(crate) debtor_name: String,
    pub(crate) debtor_account: String,
    pub(crate) creditor_name: String,
    pub(crate) creditor_account: String,
    /// The first business rule it breaks.
    pub(crate) finding: Option<Finding>,
}

/// A business rule that was broken.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) words: String,
    pub(crate) reason: IsoReason,
}

/// A `pacs.002` of a creditor agent.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) message_id: String,
    pub(crate) uetr: Uetr,
    pub(crate) verdict: Verdict,
}

/// What a report says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    Answer(AnswerVerdict),
    Credited,
}

/// An `acmt.023` with one verification.
#[derive(Debug)]
pub(crate) struct PayeeCheck {
    pub(crate) asked: Bic,
}

/// An `acmt.024`.
#[derive(Debug)]
pub(crate) struct PayeeReply {
    pub(crate) original_id: String,
}

/// References of a payment's own message, which every report on it repeats.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub(crate) message_id: String,
}

/// What is wrong with a message as a whole.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) http_status: u16,
    pub(crate) message_id: String,
    pub(crate) code: String,
    pub(crate) location: Option<String>,
    pub(crate) words: String,
}

impl Fault {
    /// A report the centre refused.
    pub(crate) fn of_refusal(report: &Report, refusal: Refusal) -> Self {
        Self {
            http_status: refusal.http_status(),
            message_id: report.message_id.clone(),
            code: refusal.code().to_owned(),
            location: None,
            words: refusal.to_string(),
        }
    }
}

impl Payment {
    pub(crate) fn original(&self) -> Original {
        Original { message_id: self.message_id.clone() }
    }
}

/// Reads a body: schema, then what the gateway needs of it.
pub(crate) fn read(_body: &[u8]) -> Result<(Head, Message), Fault> {
    Err(Fault {
        http_status: 400,
        message_id: "NOTPROVIDED".to_owned(),
        code: GatewayRefusal::NotAMessage.code().to_owned(),
        location: None,
        words: GatewayRefusal::NotAMessage.words().to_owned(),
    })
}

/// The debtor agent's message of a payment on record.
pub(crate) fn original_message(door: &Door, payment: &PaymentView) -> Result<Bytes, Problem> {
    if let Some(message) = door.recent.get(payment.content) {
        return Ok(message);
    }
    let stored = door.past.message(payment).map_err(|error| {
        tracing::error!(%error, uetr = %payment.uetr, "a signed message cannot be read back");
        GatewayRefusal::HistoryUnavailable
    })?;
    let stored = stored.ok_or(GatewayRefusal::HistoryUnavailable)?;
    let at = body_of_vault(&stored).ok_or(GatewayRefusal::HistoryUnavailable)?;
    let message = Bytes::from(stored).slice(at..);
    door.recent.put(payment.content, message.clone());
    Ok(message)
}

/// The references of a payment on record.
pub(crate) fn original(door: &Door, payment: &PaymentView) -> Result<Original, Problem> {
    match read(&original_message(door, payment)?) {
        Ok((_, Message::Payment(payment))) => Ok(payment.original()),
        Ok(_) | Err(_) => Err(GatewayRefusal::HistoryUnavailable.into()),
    }
}

/// The message an inbox entry stands for.
pub(crate) fn inbox_message(door: &Door, reader: Bic, entry: &InboxEntry) -> Result<(&'static str, Bytes), Problem> {
    let original = original(door, &entry.payment)?;
    Ok(("pacs.002.001.10", status_report(door, reader, &original, &Standing::of(&entry.payment)).into()))
}

/// `pacs.002`.
pub(crate) fn status_report(_door: &Door, _to: Bic, original: &Original, standing: &Standing) -> Vec<u8> {
    format!("{} {}", original.message_id, standing.status.code()).into_bytes()
}

/// `admi.002`.
pub(crate) fn message_reject(_door: &Door, _to: Bic, fault: &Fault) -> Vec<u8> {
    format!("{} {} {:?} {}", fault.message_id, fault.code, fault.location, fault.words).into_bytes()
}

/// `acmt.023` as the asked bank gets it.
pub(crate) fn payee_question(_door: &Door, _asker: Bic, _asked: Bic, id: &str, _check: &PayeeCheck) -> Vec<u8> {
    id.as_bytes().to_vec()
}

/// `acmt.024` as the asker gets it; no reply: not verified, nobody answered.
pub(crate) fn payee_answer(_door: &Door, _asker: Bic, _check: &PayeeCheck, _reply: Option<&PayeeReply>) -> Vec<u8> {
    Vec::new()
}
