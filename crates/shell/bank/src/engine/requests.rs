//! Requests to pay that customers of this bank get: accepted and paid at once if there is the money, since these customers trust
//! whoever asks them.
//!
//! Crash note: what is not answered when the bank goes down is not answered any more, and expires at the centre. The payment's
//! UETR follows from the request's, so that one request never leads to two payments of this bank.

use crate::books::records::{Account, Customer, NameCheck, Outgoing, Payee};
use crate::directory::name_forms;
use crate::engine::{self, Pause};
use crate::fault::Fault;
use crate::inner::{Inner, Shared};
use iso20022::codes::{Purpose, StatusReason};
use iso20022::view::{PaymentRequestView, RequestStatus};
use money::Amount;
use std::sync::Arc;
use std::time::Duration;

/// Attempts to have an answer taken before the request is left to expire.
const ATTEMPTS_MAX: u32 = 8;

/// Answers in a task of its own: payments do not wait for it.
pub(super) fn spawn_answer(inner: &Shared, request: PaymentRequestView, fault: Fault) {
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
        if let Err(reason) = answer(&inner, &request, refused).await {
            tracing::warn!(bank = inner.config.bic, uetr = request.uetr_text(), reason, "a request to pay was not answered");
        }
    }));
}

async fn answer(inner: &Shared, request: &PaymentRequestView, refused: Option<String>) -> Result<(), String> {
    // These banks reserve nothing for their customers.
    let refused = refused.or_else(|| request.guaranteed.then(|| StatusReason::Ag01.to_string()));
    let number = request.debtor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default();
    let found = inner.books(move |books| books.find_payee(&number)).await.map_err(|error| error.to_string())?;
    match refused.map_or_else(|| judge(request, found).map_err(|reason| reason.to_string()), Err) {
        Err(reason) => tell(inner, request, RequestStatus::Rejected, Some(&reason)).await,
        Ok((account, customer)) => {
            tell(inner, request, RequestStatus::Accepted, None).await?;
            pay(inner, request, account, customer).await
        }
    }
}

/// Whether the debtor has the account and the money, or why not.
fn judge(request: &PaymentRequestView, found: Option<(Account, Customer)>) -> Result<(Account, Customer), StatusReason> {
    let (account, customer) = found.ok_or(StatusReason::Ac02)?;
    if !account.open {
        return Err(StatusReason::Ac05);
    }
    let pot = account.pot(request.amount.currency).ok_or(StatusReason::Ac10)?;
    if pot.available() < request.amount.minor.0 {
        return Err(StatusReason::Am04);
    }
    Ok((account, customer))
}

async fn tell(inner: &Inner, request: &PaymentRequestView, status: RequestStatus, reason: Option<&str>) -> Result<(), String> {
    let xml = inner.scheme.request_answer(request, status, reason, inner.now_ns()).map_err(|error| error.to_string())?;
    send_until_taken(inner, &xml).await
}

/// Sends the same bytes until the centre took or refused them.
pub(super) async fn send_until_taken(inner: &Inner, xml: &str) -> Result<(), String> {
    let mut pause = Pause::new();
    for _ in 0..ATTEMPTS_MAX {
        match inner.link.send_message(xml, 0).await {
            Ok(answer) if answer.taken() => return Ok(()),
            Ok(answer) if answer.status >= 500 => pause.wait(None).await,
            Ok(answer) => return Err(format!("the centre answered {}", answer.status)),
            Err(error) if error.retry_later() => pause.wait(error.retry_after_ms()).await,
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("the centre does not answer".to_owned())
}

async fn pay(inner: &Shared, request: &PaymentRequestView, account: Account, customer: Customer) -> Result<(), String> {
    let payment = outgoing(inner, request, &account, &customer);
    book_and_send(inner, payment, &customer, &request.end_to_end_id).await
}

/// Reserves the money and sends, once for one UETR.
pub(super) async fn book_and_send(
    inner: &Shared,
    payment: Outgoing,
    customer: &Customer,
    end_to_end_id: &str,
) -> Result<(), String> {
    let uetr = payment.uetr.clone();
    let message =
        inner.scheme.payment(&payment, customer, Some(end_to_end_id), inner.now_ns()).map_err(|error| error.to_string())?;
    let (key, now_ms) = (uetr.clone(), inner.now_ms());
    let confirmed = inner.books(move |books| {
        if books.outgoing(&key)?.is_none() {
            books.save_draft(&payment)?;
        }
        Ok(books.reserve(&key, &message, now_ms)?.1)
    });
    if confirmed.await.map_err(|error| error.to_string())? {
        engine::send(inner, uetr.clone());
        inner.changed(&uetr);
    }
    Ok(())
}

fn outgoing(inner: &Inner, request: &PaymentRequestView, account: &Account, customer: &Customer) -> Outgoing {
    let creditor = request.creditor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default();
    let amount: Amount = request.amount;
    Outgoing {
        request: Some(request.uetr_text()),
        purpose: request.purpose.clone().unwrap_or_else(|| Purpose::Othr.to_string()),
        note: request.remittance.clone().unwrap_or_default(),
        ..Outgoing::draft(
            [payment_uetr(&request.uetr), customer.sign_in.clone(), account.number.clone()],
            [amount, amount],
            Payee {
                agent: request.creditor_agent.clone(),
                agent_name: name_forms(&request.creditor_agent, &request.creditor_agent).en,
                account: creditor,
                mobile: None,
                name: request.creditor.name.clone(),
                // The creditor's own bank wrote name and account.
                check: NameCheck::Match,
                masked_name: None,
                alias: None,
            },
            inner.now_ms(),
        )
    }
}

/// A UETR that follows from the request's and is not it: every bit but those that say that it is one of version 4 is turned.
pub(super) fn payment_uetr(request: &[u8; 16]) -> String {
    let turned = request.map(|byte| !byte);
    let mut uetr = turned;
    uetr[6] = 0x40 | turned[6] & 0x0f;
    uetr[8] = 0x80 | turned[8] & 0x3f;
    iso20022::view::uetr_text(&uetr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payments_uetr_follows_from_its_requests() {
        let request = *b"\x0b\x6b\xa2\x8f\x5e\x5c\x4d\x1c\x9d\x2e\x3f\x6a\x3a\x1f\x9c\x01";
        assert_eq!(payment_uetr(&request), "f4945d70-a1a3-42e3-a2d1-c095c5e063fe");
    }
}
