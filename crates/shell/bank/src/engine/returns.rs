//! Recalls answered from the books, and returns and recalls that somebody at the bank sends.

use crate::books::records::Account;
use crate::books::state::IncomingState;
use crate::books::{Books, BooksError, OutgoingReturn, RecallAnswer, ReturnState, Told};
use crate::fault::Fault;
use crate::inner::Shared;
use crate::messages::Scheme;
use crate::service::ServiceError;
use banklink::Answer;
use iso20022::codes::{PaymentCancellationRejection, ReturnReason};
use iso20022::view::{CancellationRequestView, PaymentReturnView, ViewError};
use money::{Amount, MinorUnits};

/// Why the bank sends back what was recalled.
const FOLLOWING_RECALL: ReturnReason = ReturnReason::Focr;

/// What the bank says to a recall, by its books and the fault in force; with the return if it accepts.
pub(super) fn recalled(
    books: &Books,
    scheme: &Scheme,
    fault: &Fault,
    recall: &CancellationRequestView,
) -> Result<Told, BooksError> {
    if *fault == Fault::Silent {
        return Ok(Told::Nothing);
    }
    let uetr = uuid_text(recall.uetr);
    let verdict = match fault {
        Fault::Refusing { .. } => Err(PaymentCancellationRejection::Cust),
        Fault::None
        | Fault::Silent
        | Fault::Slow { .. }
        | Fault::AnswerTwice
        | Fault::AnswerLate
        | Fault::WrongSignature
        | Fault::Offline
        | Fault::DropConnection { .. }
        | Fault::Reviewing
        | Fault::CreditTwice
        | Fault::ForgetCursor => judge(books, &uetr)?,
    };
    Ok(match written(scheme, recall.uetr, &uetr, verdict) {
        Ok(answer) => Told::Recalled(Box::new(answer)),
        Err(error) => {
            tracing::error!(%error, "an answer to a recall could not be written");
            Told::Nothing
        }
    })
}

/// How much can be sent back, or why nothing is.
fn judge(books: &Books, uetr: &str) -> Result<Result<Amount, PaymentCancellationRejection>, BooksError> {
    let Some(payment) = books.incoming(uetr)?.filter(|payment| payment.state == IncomingState::Credited) else {
        return Ok(Err(PaymentCancellationRejection::Noor));
    };
    let left = Amount { minor: MinorUnits(payment.left()), ..payment.amount };
    if left.minor.is_zero() {
        return Ok(Err(PaymentCancellationRejection::Ardt));
    }
    // An exchanged one needs a quote, which somebody at the bank has to ask for.
    if payment.exchanged {
        return Ok(Err(PaymentCancellationRejection::Narr));
    }
    let available = |account: &Account| account.pot(left.currency).map_or(0, crate::books::records::Pot::available);
    Ok(match books.account(&payment.account)? {
        None => Err(PaymentCancellationRejection::Ac04),
        Some(account) if !account.open => Err(PaymentCancellationRejection::Ac04),
        Some(account) if available(&account) < left.minor.0 => Err(PaymentCancellationRejection::Am04),
        Some(_) => Ok(left),
    })
}

fn written(
    scheme: &Scheme,
    original: [u8; 16],
    uetr: &str,
    verdict: Result<Amount, PaymentCancellationRejection>,
) -> Result<RecallAnswer, ViewError> {
    let answer = scheme.recall_answer(original, verdict.err().map(PaymentCancellationRejection::as_str), scheme.now_ns())?;
    let back = verdict.ok().map(|amount| draft(scheme, uetr, amount, FOLLOWING_RECALL.as_str())).transpose()?;
    Ok(RecallAnswer { uetr: uetr.to_owned(), answer, back })
}

fn draft(scheme: &Scheme, uetr: &str, amount: Amount, reason: &str) -> Result<(OutgoingReturn, String), ViewError> {
    let return_id = scheme.fresh_id();
    let xml = scheme.payment_return(&return_id, uetr, amount, reason, scheme.now_ns())?;
    let (uetr, reason) = (uetr.to_owned(), reason.to_owned());
    Ok((OutgoingReturn { return_id, uetr, amount, reason, state: ReturnState::Sent }, xml))
}

/// Sends back a payment this bank had credited, in part or, without an amount, what is left of it.
pub(crate) async fn send_back(
    inner: &Shared,
    uetr: &str,
    amount: Option<&str>,
    reason: &str,
) -> Result<OutgoingReturn, ServiceError> {
    let key = uetr.to_owned();
    let payment = inner.books(move |books| books.incoming(&key)).await?.ok_or(ServiceError::NotFound)?;
    let amount = match amount {
        Some(text) => Amount::parse(text, payment.amount.currency).map_err(|_| ServiceError::NotFound)?,
        None => Amount { minor: MinorUnits(payment.left()), ..payment.amount },
    };
    let (back, xml) = draft(&inner.scheme, uetr, amount, reason).map_err(|error| ServiceError::Internal(error.to_string()))?;
    let (sent, now_ms) = (back.clone(), inner.now_ms());
    let message = inner.books(move |books| books.send_return(&sent, &xml, now_ms)).await?;
    if let Some(message) = message {
        let _ = inner.outbox.send(message);
    }
    Ok(back)
}

/// Recalls a payment of this bank's; the centre's answer.
pub(crate) async fn recall(inner: &Shared, uetr: &str, reason: &str) -> Result<Answer, ServiceError> {
    let xml = inner.scheme.recall(uetr, reason, inner.now_ns()).map_err(|error| ServiceError::Internal(error.to_string()))?;
    inner.link.send_message(&xml, 0).await.map_err(ServiceError::Centre)
}

fn uuid_text(uuid: [u8; 16]) -> String {
    uuid::Uuid::from_bytes(uuid).to_string()
}

/// What a `pacs.004` of the centre means to the debtor side.
pub(super) fn returned(view: &PaymentReturnView) -> Told {
    Told::Returned { uetr: view.uetr_text(), amount: view.returned_amount, reason: view.reason.clone() }
}
