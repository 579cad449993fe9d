//! What follows payments, and what comes before them: returns, recalls, requests to pay.

use super::{BOOKING, NO_ACCOUNT, at_rest, both, credited, has_settled, is_settled, order, rests_at, stands, status_text};
use crate::certify::Kit;
use crate::certify::counterparty;
use crate::certify::messages::{self, Payee};
use crate::certify::report::Seen;
use anyhow::{Context, Result, ensure};
use iso20022::view::{CancellationOutcome, PaymentReturnView, RequestReportView, RequestStatus};
use money::Amount;
use serde_json::json;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// How long a bank may think about a recall here; the scheme gives it days.
const RECALL: Duration = Duration::from_secs(20);
/// How long a request to pay stands, in seconds.
const REQUEST_S: u64 = 15;
/// How long its end may take to be told.
const REQUEST: Duration = Duration::from_secs(REQUEST_S + 10);
/// The centre's reason for a request that nobody answered.
const EXPIRED: &str = "AEXR";
/// What is said of a bank whose test door has not what it takes.
const NO_DOOR: &str = "the test door has no such request";

/// The customer's payment comes back.
pub async fn return_in(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (uetr, payment, paid) = order(kit, "10.09", kit.currency.code.as_str()).await?;
    ensure!(has_settled(&payment), "the payment to send back is {}", stands(&payment));
    kit.door.balance_becomes(before.saturating_sub(paid), BOOKING).await?;
    kit.other.send_back(uetr.into_bytes(), Amount::from_minor(paid, kit.currency), "AC04").await?;
    Ok(both(true, "sent back", &rests_at(kit, before, before).await?))
}

/// A payment to the customer is asked back.
pub async fn recall_asked(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_601;
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let (settled, said, _) = credited(kit, before, MINOR, uetr).await?;
    ensure!(settled, "the payment to recall is {said}");
    kit.other.tell(&messages::recall(counterparty::BIC, uetr)?).await?;
    let about = |bytes: &[u8; 16]| bytes == uetr.as_bytes();
    let answer = kit.other.hears(RECALL, |heard| heard.recall_answers.iter().find(|said| about(&said.uetr)).cloned()).await;
    let Some(answer) = answer else {
        return Ok(Seen::not_supported("no answer within twenty seconds; the scheme gives days"));
    };
    let text = format!("camt.029 {} {}", answer.outcome.code(), answer.reason.as_deref().unwrap_or_default());
    if answer.outcome != CancellationOutcome::Cancelled {
        let books = rests_at(kit, before, before + MINOR).await?;
        return Ok(both(answer.outcome == CancellationOutcome::Refused && answer.reason.is_some(), text.trim_end(), &books));
    }
    let back = returned(kit, uetr).await;
    let minor = back.as_ref().map_or(0, |back| back.returned_amount.minor.0);
    let books = rests_at(kit, before, (before + MINOR).saturating_sub(minor)).await?;
    Ok(both(minor > 0 && minor <= MINOR, &format!("{}, {minor} minor units came back", text.trim_end()), &books))
}

async fn returned(kit: &Kit, uetr: Uuid) -> Option<PaymentReturnView> {
    kit.other.hears(BOOKING, |heard| heard.returns.iter().find(|back| back.uetr == *uetr.as_bytes()).cloned()).await
}

/// The customer is asked to pay.
pub async fn request_in(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_010;
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let end = request_ends(kit, &kit.door.account, uetr, MINOR).await?;
    let accepted = kit.other.hears(Duration::ZERO, |heard| {
        heard.reports.iter().find(|said| said.uetr == *uetr.as_bytes() && said.status == RequestStatus::Accepted).map(drop)
    });
    let accepted = accepted.await.is_some();
    if is_expired(&end) && !accepted {
        return Ok(Seen::not_supported("the request was not answered while it stood"));
    }
    let paid = kit.other.paid_for(uetr);
    let (right, moved) = match end.status {
        RequestStatus::Paid => (accepted && paid == 1, MINOR),
        RequestStatus::Rejected => (!is_expired(&end) && end.reason.is_some() && paid == 0, 0),
        RequestStatus::Received | RequestStatus::Presented | RequestStatus::Accepted | RequestStatus::Withdrawn => (false, 0),
    };
    let books = rests_at(kit, before, before.saturating_sub(moved)).await?;
    Ok(both(right, &format!("{}, named by payments: {paid}", report_text(&end)), &books))
}

/// Nobody is asked to pay.
pub async fn request_nobody(kit: &Kit) -> Result<Seen> {
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let end = request_ends(kit, NO_ACCOUNT, uetr, 1_011).await?;
    if is_expired(&end) {
        return Ok(Seen::not_supported("the request was not answered while it stood"));
    }
    let right = end.status == RequestStatus::Rejected && end.reason.is_some() && kit.other.paid_for(uetr) == 0;
    Ok(both(right, &report_text(&end), &rests_at(kit, before, before).await?))
}

/// Asks an account of the bank under test to pay, and waits for the end of it.
async fn request_ends(kit: &Kit, account: &str, uetr: Uuid, minor: u64) -> Result<RequestReportView> {
    let debtor = Payee { bank: &kit.bank, account, name: &kit.customer };
    let amount = Amount::from_minor(minor, kit.currency);
    kit.other.tell(&messages::request(counterparty::BIC, &debtor, uetr, amount, REQUEST_S)?).await?;
    let is_end = |said: &&RequestReportView| {
        said.uetr == *uetr.as_bytes() && matches!(said.status, RequestStatus::Paid | RequestStatus::Rejected)
    };
    let end = kit.other.hears(REQUEST, |heard| heard.reports.iter().find(is_end).cloned()).await;
    end.context("the request has no end")
}

fn is_expired(report: &RequestReportView) -> bool {
    report.status == RequestStatus::Rejected && report.reason.as_deref() == Some(EXPIRED)
}

fn report_text(report: &RequestReportView) -> String {
    format!("pain.014 {} {}", report.status.code(), report.reason.as_deref().unwrap_or_default()).trim_end().to_owned()
}

/// The bank sends a payment back.
pub async fn return_out(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_602;
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let (settled, said, _) = credited(kit, before, MINOR, uetr).await?;
    ensure!(settled, "the payment to send back is {said}");
    let asked = kit.door.wants("/admin/returns", &json!({ "uetr": uetr.to_string(), "reason": "MD06" })).await?;
    if asked.is_none() {
        return Ok(Seen::not_supported(NO_DOOR));
    }
    let back = returned(kit, uetr).await;
    let minor = back.as_ref().map_or(0, |back| back.returned_amount.minor.0);
    let books = rests_at(kit, before, before).await?;
    Ok(both(minor == MINOR, &format!("{minor} minor units came back"), &books))
}

/// The bank asks for the customer's payment back.
pub async fn recall_out(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (uetr, payment, paid) = order(kit, "10.11", kit.currency.code.as_str()).await?;
    ensure!(has_settled(&payment), "the payment to recall is {}", stands(&payment));
    kit.door.balance_becomes(before.saturating_sub(paid), BOOKING).await?;
    let asked = kit.door.wants("/admin/recalls", &json!({ "uetr": uetr.to_string(), "reason": "CUST" })).await?;
    if asked.is_none() {
        return Ok(Seen::not_supported(NO_DOOR));
    }
    let recall = kit.other.hears(BOOKING, |heard| heard.recalls.iter().find(|it| it.uetr == *uetr.as_bytes()).cloned()).await;
    let Some(recall) = recall else { return Ok(Seen::of(false, "no camt.056 arrived")) };
    kit.other.tell(&messages::recall_answer(counterparty::BIC, &recall)?).await?;
    kit.other.send_back(recall.uetr, Amount::from_minor(paid, kit.currency), "FOCR").await?;
    Ok(both(true, "camt.056 arrived, sent back", &rests_at(kit, before, before).await?))
}

/// The customer asks to be paid.
pub async fn request_out(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_603;
    let before = at_rest(kit).await?;
    let amount = Amount::from_minor(MINOR, kit.currency);
    let wish = json!({
        "agent": counterparty::BIC, "debtor": counterparty::ACCOUNT, "name": counterparty::CUSTOMER,
        "amount": amount.to_string(), "currency": kit.currency.code.as_str(), "life_s": 60,
    });
    let Some(asked) = kit.door.wants("/api/v1/requests", &wish).await? else { return Ok(Seen::not_supported(NO_DOOR)) };
    let text = asked["uetr"].as_str().context("the bank's answer has no uetr")?;
    let uetr = Uuid::parse_str(text).with_context(|| format!("{text} is no UETR"))?;
    let request = kit.other.hears(BOOKING, |heard| heard.requests.iter().find(|it| it.uetr == *uetr.as_bytes()).cloned()).await;
    let Some(request) = request else { return Ok(Seen::of(false, "no pain.013 arrived")) };
    kit.other.tell(&messages::request_answer(counterparty::BIC, &request)?).await?;
    let account = request.creditor_account.as_ref().map(|account| account.number.clone()).unwrap_or_default();
    let payee = Payee { bank: &kit.bank, account: &account, name: &request.creditor.name };
    let (_, status) = kit.other.pay(&payee, Uuid::new_v4(), request.amount, Some(&request)).await?;
    let state = request_state(kit, uetr).await?;
    let books = rests_at(kit, before, before + MINOR).await?;
    let right = is_settled(&status) && request.amount == amount && state == "paid";
    Ok(both(right, &format!("{}, the request is {state}", status_text(&status)), &books))
}

/// How a request of the customer stands, once it is paid or after a while.
async fn request_state(kit: &Kit, uetr: Uuid) -> Result<String> {
    let begun = Instant::now();
    loop {
        let state = kit.door.request_state(&uetr.to_string()).await?;
        if state == "paid" || begun.elapsed() > BOOKING {
            return Ok(state);
        }
        tokio::time::sleep(crate::certify::LOOK_EVERY).await;
    }
}
