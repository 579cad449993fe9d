//! What the inbox says of mandates, and collections that customers of this bank owe: paid at once if the mandate is active here and
//! there is the money, refused otherwise.
//!
//! Crash note: a mandate is booked before the inbox's cursor moves, and once. A collection that is not answered when the bank goes
//! down expires at the centre. The payment's UETR follows from the collection's, so that one collection never leads to two payments.

use super::requests::{book_and_send, payment_uetr};
use crate::books::mandates::{Collection, CollectionStanding, Mandate, MandateSide, MandateStanding};
use crate::books::records::{Account, Customer, NameCheck, Outgoing, Payee};
use crate::books::{Books, BooksError};
use crate::directory::name_forms;
use crate::engine::requests::send_until_taken;
use crate::fault::Fault;
use crate::inner::{Inner, Shared};
use crate::mandates::caps_of;
use iso20022::MessageType;
use iso20022::codes::{MandateReason, Purpose, StatusReason};
use iso20022::view::{
    CollectionView, MandateAmendmentView, MandateAnswerView, MandateCancellationView, MandateChange, MandateRequestView,
    StatusReportView, TransactionStatus, bic_11, uetr_text,
};
use std::sync::Arc;
use std::time::Duration;

/// A customer is asked for a mandate: booked for the customer to see. Of somebody who has no account here it is refused.
pub(super) fn asked(books: &Books, inner: &Shared, view: &MandateRequestView) -> Result<(), BooksError> {
    let number = view.debtor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default();
    let question = (view.message_id.clone(), MessageType::Pain00900106.id().to_owned());
    let refused = match books.find_payee(&number)? {
        None => MandateReason::Be06,
        Some((account, _)) if !account.open => MandateReason::Ac04,
        Some((account, _)) if account.pot(view.caps.each.currency).is_none() => MandateReason::Md15,
        Some((account, customer)) => match books.enter_mandate(&mandate(view, &account, &customer, &question, inner.now_ms())) {
            Ok(()) => return Ok(()),
            Err(BooksError::Refused(_)) => MandateReason::Md09,
            Err(error) => return Err(error),
        },
    };
    let xml = inner.scheme.mandate_answer(view.mandate, &question, Some(refused.as_str()), inner.now_ns());
    tell(inner, view.uetr_text(), xml.map_err(|error| error.to_string()));
    Ok(())
}

fn mandate(
    view: &MandateRequestView,
    account: &Account,
    customer: &Customer,
    question: &(String, String),
    now_ms: u64,
) -> Mandate {
    Mandate {
        uetr: view.uetr_text(),
        side: MandateSide::Debtor,
        sign_in: customer.sign_in.clone(),
        account: account.number.clone(),
        other_agent: view.creditor_agent.clone(),
        other_name: view.creditor.name.clone(),
        other_account: view.creditor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default(),
        reference: view.reference.clone(),
        caps: caps_of(&view.caps),
        proposed: None,
        standing: MandateStanding::Asked,
        question: Some(question.clone()),
        reason: None,
        collections: Vec::new(),
        changed_ms: now_ms,
    }
}

/// A creditor asks for other caps.
pub(super) fn amended(books: &Books, inner: &Inner, view: &MandateAmendmentView) -> Result<(), BooksError> {
    let MandateChange::Caps(caps) = &view.change else { return Ok(()) };
    let question = (view.message_id.clone(), MessageType::Pain01000106.id().to_owned());
    books.change_mandate(&uetr_text(&view.mandate), inner.now_ms(), |mandate| {
        mandate.proposed = Some(caps_of(caps));
        mandate.question = Some(question);
    })?;
    Ok(())
}

/// A mandate of a customer is over.
pub(super) fn ended(books: &Books, inner: &Inner, view: &MandateCancellationView) -> Result<(), BooksError> {
    let reason = view.reason.clone();
    books.change_mandate(&uetr_text(&view.mandate), inner.now_ms(), |mandate| {
        mandate.standing = MandateStanding::Ended;
        mandate.reason = Some(reason);
        (mandate.question, mandate.proposed) = (None, None);
    })?;
    Ok(())
}

/// What a debtor's side says to a mandate of a customer.
pub(super) fn answered(books: &Books, inner: &Inner, view: &MandateAnswerView) -> Result<(), BooksError> {
    let is_amendment = view.original_message_name == MessageType::Pain01000106.id();
    let is_suspended = view.reason.as_deref().is_some_and(|reason| reason.len() > 4);
    let (accepted, reason) = (view.accepted, view.reason.clone());
    books.change_mandate(&uetr_text(&view.mandate), inner.now_ms(), |mandate| {
        mandate.standing = match (accepted, is_suspended) {
            (true, _) => MandateStanding::Active,
            (false, true) => MandateStanding::Suspended,
            (false, false) if is_amendment => MandateStanding::Active,
            (false, false) => MandateStanding::Refused,
        };
        let proposed = mandate.proposed.take();
        if let (true, Some(caps)) = (accepted, proposed) {
            mandate.caps = caps;
        }
        mandate.reason = reason;
    })?;
    Ok(())
}

/// How a collection ended, for either side.
pub(super) fn told(books: &Books, status: &StatusReportView) -> Result<(), BooksError> {
    let standing = match status.status {
        TransactionStatus::Settled => CollectionStanding::Paid,
        TransactionStatus::Rejected => CollectionStanding::Refused,
        TransactionStatus::Received
        | TransactionStatus::TechnicallyAccepted
        | TransactionStatus::CustomerAccepted
        | TransactionStatus::InProcess
        | TransactionStatus::Credited
        | TransactionStatus::AcceptedWithoutPosting
        | TransactionStatus::Pending
        | TransactionStatus::Blocked => return Ok(()),
    };
    books.end_collection(&status.uetr_text(), standing, status.reason.as_deref())
}

/// Pays what is collected, in a task of its own: payments do not wait for it.
pub(super) fn spawn_pay(inner: &Shared, view: CollectionView, fault: Fault) {
    let world = Arc::clone(&inner.world);
    let inner = Shared::clone(inner);
    world.spawn(Box::pin(async move {
        let mut refused = None;
        match fault {
            Fault::Silent | Fault::Offline => return,
            Fault::Slow { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Fault::Refusing { reason } => refused = Some(reason),
            Fault::None
            | Fault::AnswerTwice
            | Fault::AnswerLate
            | Fault::WrongSignature
            | Fault::DropConnection { .. }
            | Fault::Reviewing
            | Fault::CreditTwice
            | Fault::ForgetCursor => {}
        }
        if let Err(reason) = pay(&inner, &view, refused).await {
            tracing::warn!(bank = inner.config.bic, uetr = view.uetr_text(), reason, "a collection was not answered");
        }
    }));
}

async fn pay(inner: &Shared, view: &CollectionView, refused: Option<String>) -> Result<(), String> {
    let asked = view.clone();
    let collection = Collection {
        uetr: view.uetr_text(),
        mandate: uetr_text(&view.mandate),
        amount: view.amount,
        note: view.remittance.clone().unwrap_or_default(),
        standing: CollectionStanding::Asked,
        reason: None,
        asked_ms: inner.now_ms(),
    };
    let judged = inner
        .books(move |books| {
            books.enter_collection(&collection)?;
            judge(books, &asked)
        })
        .await
        .map_err(|error| error.to_string())?;
    match refused.map_or(judged.map_err(|reason| reason.to_string()), Err) {
        Ok((account, customer)) => {
            let payment = outgoing(inner, view, &account, &customer);
            book_and_send(inner, payment, &customer, &view.end_to_end_id).await
        }
        Err(reason) => {
            let (key, why) = (view.uetr_text(), reason.clone());
            let end = inner.books(move |books| books.end_collection(&key, CollectionStanding::Refused, Some(&why)));
            end.await.map_err(|error| error.to_string())?;
            let xml = inner.scheme.collection_refusal(view, &reason, inner.now_ns()).map_err(|error| error.to_string())?;
            send_until_taken(inner, &xml).await
        }
    }
}

/// Whether the debtor agreed, and has the money; or why not.
fn judge(books: &Books, view: &CollectionView) -> Result<Result<(Account, Customer), StatusReason>, BooksError> {
    let Some(mandate) = books.mandate(&uetr_text(&view.mandate))? else { return Ok(Err(StatusReason::Md01)) };
    if mandate.side != MandateSide::Debtor || mandate.standing != MandateStanding::Active {
        return Ok(Err(StatusReason::Md01));
    }
    // The debtor agreed to one creditor with one account; the centre keeps no accounts and cannot look.
    let creditor_account = view.creditor_account.as_ref().map(|account| account.number.as_str());
    if bic_11(&view.creditor_agent) != bic_11(&mandate.other_agent) || creditor_account != Some(&*mandate.other_account) {
        return Ok(Err(StatusReason::Md02));
    }
    let Some((account, customer)) = books.find_payee(&mandate.account)? else { return Ok(Err(StatusReason::Ac02)) };
    if !account.open {
        return Ok(Err(StatusReason::Ac05));
    }
    Ok(match account.pot(view.amount.currency) {
        None => Err(StatusReason::Ac10),
        Some(pot) if pot.available() < view.amount.minor.0 => Err(StatusReason::Am04),
        Some(_) => Ok((account, customer)),
    })
}

fn outgoing(inner: &Inner, view: &CollectionView, account: &Account, customer: &Customer) -> Outgoing {
    Outgoing {
        collection: Some(view.uetr_text()),
        purpose: view.purpose.clone().unwrap_or_else(|| Purpose::Othr.to_string()),
        note: view.remittance.clone().unwrap_or_default(),
        ..Outgoing::draft(
            [payment_uetr(&view.uetr), customer.sign_in.clone(), account.number.clone()],
            [view.amount, view.amount],
            Payee {
                agent: view.creditor_agent.clone(),
                agent_name: name_forms(&view.creditor_agent, &view.creditor_agent).en,
                account: view.creditor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default(),
                mobile: None,
                name: view.creditor.name.clone(),
                // The creditor's own bank wrote name and account, and the debtor agreed to them.
                check: NameCheck::Match,
                masked_name: None,
                alias: None,
            },
            inner.now_ms(),
        )
    }
}

/// Sends in a task of its own.
fn tell(inner: &Shared, uetr: String, xml: Result<String, String>) {
    let world = Arc::clone(&inner.world);
    let inner = Shared::clone(inner);
    world.spawn(Box::pin(async move {
        let sent = match xml {
            Ok(xml) => send_until_taken(&inner, &xml).await,
            Err(reason) => Err(reason),
        };
        if let Err(reason) = sent {
            tracing::warn!(bank = inner.config.bic, uetr, reason, "a mandate was not answered");
        }
    }));
}
