//! What the centre tells: read, decided, booked in one commit with the cursor.

use crate::books::records::Incoming;
use crate::books::state::IncomingState;
use crate::books::{Answered, Books, BooksError, InboxEntry, Told};
use crate::engine::{mandates, payee, requests, returns};
use crate::fault::Fault;
use crate::inner::Shared;
use crate::messages::{Read, Scheme, read};
use crate::script::Question;
use banklink::{HandlerFailed, InboxHandler, InboxItem};
use iso20022::MessageType;
use iso20022::codes::StatusReason;
use iso20022::view::{CreditTransferView, StatusReportView, TransactionStatus, ViewError};

/// The books as the inbox's handler.
pub(super) struct Inbox(pub(super) Shared);

impl InboxHandler for Inbox {
    async fn cursor(&self) -> Result<u64, HandlerFailed> {
        let cursor = if self.0.forgets_cursor() { 0 } else { self.0.books(Books::cursor).await.map_err(failed)? };
        tracing::debug!(bank = self.0.config.bic, cursor, "the inbox is read from here");
        Ok(cursor)
    }

    async fn deliver(&self, items: Vec<InboxItem>) -> Result<(), HandlerFailed> {
        let inner = &self.0;
        let mut entries = Vec::with_capacity(items.len());
        for item in items {
            tracing::debug!(bank = inner.config.bic, cursor = item.cursor, message = item.message, "an item of the inbox");
            match read(&item.message) {
                Ok(Read::PayeeQuestion(question)) => {
                    let fault = inner.fault_for(Question::Name, question.account.as_str(), "");
                    payee::spawn_answer(inner, *question, fault);
                }
                Ok(Read::Requested(request)) => {
                    let account = request.debtor_account.as_ref().map_or("", |account| &account.number);
                    let fault = inner.fault_for(Question::Request, account, &request.amount.to_string());
                    requests::spawn_answer(inner, *request, fault);
                    entries.push((item.cursor, None));
                }
                Ok(Read::Pulled(collection)) => {
                    let fault = inner.fault_for(Question::Collection, "", &collection.amount.to_string());
                    mandates::spawn_pay(inner, *collection, fault);
                    entries.push((item.cursor, None));
                }
                Ok(message) => entries.push((item.cursor, Some(message))),
                Err(reason) => {
                    tracing::error!(bank = inner.config.bic, cursor = item.cursor, %reason, "a message of the centre does not read");
                    entries.push((item.cursor, None));
                }
            }
        }
        if entries.is_empty() {
            return Ok(());
        }
        let (scheme, now_ms) = (inner.scheme.clone(), inner.now_ms());
        let decider = Shared::clone(inner);
        let booked = inner
            .books(move |books| {
                let told = |(cursor, message)| Ok(InboxEntry { cursor, told: told(books, &scheme, &decider, message)? });
                let entries = entries.into_iter().map(told).collect::<Result<Vec<_>, BooksError>>()?;
                books.book_inbox(&entries, now_ms)
            })
            .await
            .map_err(failed)?;
        booked.outgoing.iter().for_each(|uetr| inner.changed(uetr));
        for message in booked.outbox {
            let _ = inner.outbox.send(message);
        }
        inner.reconnect_if_dropped();
        Ok(())
    }
}

fn failed(error: BooksError) -> HandlerFailed {
    HandlerFailed(error.to_string())
}

fn told(books: &Books, scheme: &Scheme, inner: &Shared, message: Option<Read>) -> Result<Told, BooksError> {
    Ok(match message {
        None => Told::Nothing,
        Some(Read::Asked(payment)) => {
            let known = books.incoming(&payment.uetr_text())?.is_some();
            asked(books, scheme, &inner.fault_for_payment(&payment, known), &payment)?
        }
        Some(Read::Status(status)) if status.original_message_name.as_deref() == Some(MessageType::Pacs00300108.id()) => {
            mandates::told(books, &status)?;
            Told::Nothing
        }
        Some(Read::Status(status)) => status_told(scheme, &status),
        Some(Read::Broadcast(said)) => {
            tracing::warn!(bank = inner.config.bic, event = said.event, text = said.text, "the operators say");
            Told::Nothing
        }
        // A late answer to a question nobody waits for any more, or something about a message as such.
        Some(
            Read::PayeeQuestion(_)
            | Read::PayeeAnswer(_)
            | Read::Rejection(..)
            | Read::RecallAnswer(_)
            | Read::Requested(_)
            | Read::OwnMoney
            | Read::Pulled(_),
        ) => Told::Nothing,
        Some(Read::Returned(view)) => returns::returned(&view),
        Some(Read::Recall(recall)) => returns::recalled(books, scheme, &inner.fault_for(Question::Recall, "", ""), &recall)?,
        // A mandate is booked before the cursor moves: told again, it changes nothing.
        Some(Read::MandateAsked(view)) => {
            mandates::asked(books, inner, &view)?;
            Told::Nothing
        }
        Some(Read::MandateAmended(view)) => {
            mandates::amended(books, inner, &view)?;
            Told::Nothing
        }
        Some(Read::MandateEnded(view)) => {
            mandates::ended(books, inner, &view)?;
            Told::Nothing
        }
        Some(Read::MandateAnswered(view)) => {
            mandates::answered(books, inner, &view)?;
            Told::Nothing
        }
        Some(Read::RequestStatus(report)) => {
            // The payment that settles a request is booked as every payment is.
            inner.requests.note(&report);
            Told::Nothing
        }
    })
}

fn status_told(scheme: &Scheme, status: &StatusReportView) -> Told {
    let uetr = status.uetr_text();
    if status.original_message_name.as_deref() == Some(MessageType::Pacs00400109.id()) {
        let return_id = status.original_transaction_id.clone().filter(|_| status.status == TransactionStatus::Settled);
        return return_id.map_or(Told::Nothing, |return_id| Told::ReturnSettled { return_id });
    }
    match status.status {
        TransactionStatus::Settled => match scheme.credited(status.uetr, scheme.now_ns()) {
            Ok(report) => Told::Settled { uetr, report, charge: status.charges.first().map(|(amount, _)| *amount) },
            Err(error) => unwritable(&error),
        },
        TransactionStatus::Rejected => {
            Told::Rejected { uetr, reason: status.reason.clone(), reason_text: status.information.clone() }
        }
        TransactionStatus::Credited => Told::Credited { uetr },
        TransactionStatus::Received
        | TransactionStatus::TechnicallyAccepted
        | TransactionStatus::CustomerAccepted
        | TransactionStatus::InProcess
        | TransactionStatus::AcceptedWithoutPosting
        | TransactionStatus::Pending
        | TransactionStatus::Blocked => Told::Nothing,
    }
}

fn unwritable(error: &ViewError) -> Told {
    tracing::error!(%error, "an answer could not be written");
    Told::Nothing
}

/// Whether this bank will credit a payment, and what it says, under the fault in force.
fn asked(books: &Books, scheme: &Scheme, fault: &Fault, payment: &CreditTransferView) -> Result<Told, BooksError> {
    let account = payment.creditor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default();
    let mut refused = refusal(books, &account, payment)?;
    if let Fault::Refusing { reason } = fault {
        refused = Some(reason.clone());
    }
    let mut incoming = Incoming {
        uetr: payment.uetr_text(),
        account,
        amount: payment.interbank_settlement_amount,
        debtor_name: payment.debtor.name.clone(),
        debtor_agent: payment.debtor_agent.clone(),
        note: payment.remittance.clone().unwrap_or_default(),
        state: if refused.is_some() { IncomingState::Declined } else { IncomingState::Accepted },
        declined_reason: refused.clone(),
        late_answer: None,
        credit_twice: *fault == Fault::CreditTwice,
        asked_ms: scheme.now_ms(),
        final_ms: None,
        exchanged: payment.exchange_rate.is_some(),
        returned_minor: 0,
    };
    let reviews = *fault == Fault::Reviewing;
    let answer = |refused: Option<&str>| match refused {
        None if reviews => scheme.reviewing(payment.uetr, scheme.now_ns()),
        refused => scheme.answer(payment.uetr, refused, scheme.now_ns()),
    };
    let answer_and_contradiction = answer(refused.as_deref()).and_then(|said| {
        let opposite = if refused.is_some() { None } else { Some(StatusReason::Ac06.as_str()) };
        Ok((said, answer(opposite)?))
    });
    let (said, contradiction) = match answer_and_contradiction {
        Ok(both) => both,
        Err(error) => return Ok(unwritable(&error)),
    };
    let mut answered = Answered::default();
    match fault {
        Fault::None
        | Fault::Refusing { .. }
        | Fault::Offline
        | Fault::DropConnection { .. }
        | Fault::CreditTwice
        | Fault::Reviewing
        | Fault::ForgetCursor => {
            answered.messages.push(said);
        }
        Fault::WrongSignature => {
            answered.messages.push(said);
            answered.wrong_signature = true;
        }
        Fault::Slow { ms } => {
            answered.messages.push(said);
            answered.not_before_ms = scheme.now_ms().saturating_add(*ms);
        }
        Fault::Silent => incoming.state = IncomingState::Asked,
        Fault::AnswerTwice => answered.messages.extend([said.clone(), said, contradiction]),
        Fault::AnswerLate => incoming.late_answer = Some(said),
    }
    Ok(Told::Asked(Box::new(incoming), answered))
}

/// Why a payment cannot be credited, if it cannot: an ISO reason.
fn refusal(books: &Books, account: &str, payment: &CreditTransferView) -> Result<Option<String>, BooksError> {
    let reason = match books.find_payee(account)? {
        None => Some(StatusReason::Ac01),
        Some((account, _)) if !account.open => Some(StatusReason::Ac04),
        Some((account, _)) if account.pot(payment.interbank_settlement_amount.currency).is_none() => Some(StatusReason::Am03),
        Some(_) => None,
    };
    Ok(reason.map(|reason| reason.to_string()))
}
