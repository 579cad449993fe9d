//! Payments both ways and their ends, and payee checks.

use super::{NO_ACCOUNT, at_rest, both, has_settled, is_settled, order, paid_in, rests_at, stands, status_text};
use crate::certify::Kit;
use crate::certify::counterparty;
use crate::certify::messages::Payee;
use crate::certify::report::{Seen, Verdict};
use anyhow::Result;
use clearing::ParticipantStatus;
use iso20022::view::{NameVerdict, TransactionStatus};
use uuid::Uuid;

/// Asks whose the customer's account is.
pub async fn name(kit: &Kit, name: &str, wanted: NameVerdict) -> Result<Seen> {
    let said = kit.other.ask_name(&Payee { bank: &kit.bank, account: &kit.door.account, name }).await?;
    Ok(Seen::of(said == wanted, format!("{said:?}")))
}

/// Asks whose an account is that nobody has. `NORR` is the centre's word for silence.
pub async fn name_nobody(kit: &Kit) -> Result<Seen> {
    let said = kit.other.ask_name(&Payee { bank: &kit.bank, account: NO_ACCOUNT, name: &kit.customer }).await?;
    let right = matches!(&said, NameVerdict::NotPossible(reason) if reason != "NORR");
    Ok(Seen::of(right, format!("{said:?}")))
}

/// A payment in.
pub async fn credit_in(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_234;
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, uetr).await?;
    let books = rests_at(kit, before, before + MINOR).await?;
    let reported = kit.other.was_told(uetr, "ACCC");
    let told = if reported { "ACCC reported" } else { "no ACCC reported" };
    let right = status.status == TransactionStatus::Settled && reported;
    Ok(both(right, &format!("{}, {told}", status_text(&status)), &books))
}

/// A payment to nobody.
pub async fn credit_nobody(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (_, status) = paid_in(kit, NO_ACCOUNT, 1_111, Uuid::new_v4()).await?;
    // The centre's own reasons for silence do not count as an answer.
    let answered = status.reason.as_deref().is_some_and(|reason| !reason.starts_with("AB"));
    let right = status.status == TransactionStatus::Rejected && answered;
    Ok(both(right, &status_text(&status), &rests_at(kit, before, before).await?))
}

/// The same payment in twice.
pub async fn sent_again(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 2_345;
    let before = at_rest(kit).await?;
    let (xml, first) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    let again = kit.other.send(&xml).await?;
    let right = is_settled(&first) && is_settled(&again);
    let said = format!("{}, again {}", status_text(&first), status_text(&again));
    Ok(both(right, &said, &rests_at(kit, before, before + MINOR).await?))
}

/// The customer pays `amount`; the end must be `wanted`, for that reason if one is named.
pub async fn pays_out(kit: &Kit, amount: &str, wanted: &str, reason: Option<&str>) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (_, payment, paid) = order(kit, amount, kit.currency.code.as_str()).await?;
    let state_is_right = if wanted == "settled" { has_settled(&payment) } else { payment["state"] == wanted };
    let reason_is_right = reason.is_none_or(|reason| payment["reason"] == reason);
    let after = if wanted == "settled" { before.saturating_sub(paid) } else { before };
    Ok(both(state_is_right && reason_is_right, &stands(&payment), &rests_at(kit, before, after).await?))
}

/// The customer pays in another currency.
pub async fn exchange(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (_, payment, paid) = order(kit, "100.00", kit.other_currency.code.as_str()).await?;
    let said = format!("{}, rate {}", stands(&payment), payment["rate"].as_str().unwrap_or("none"));
    let right = has_settled(&payment) && payment["rate"].is_string();
    Ok(both(right, &said, &rests_at(kit, before, before.saturating_sub(paid)).await?))
}

/// The customer pays to a bank that is suspended.
pub async fn suspended(kit: &Kit) -> Result<Seen> {
    kit.set_status(counterparty::BIC, ParticipantStatus::Suspended).await?;
    let seen = pays_out(kit, "10.07", "rejected", None).await;
    kit.set_status(counterparty::BIC, ParticipantStatus::Live).await?;
    seen
}

/// The customer pays while its own bank is suspended, and again when it is not.
pub async fn own_suspension(kit: &Kit) -> Result<Seen> {
    kit.set_status(&kit.bank, ParticipantStatus::Suspended).await?;
    let first = pays_out(kit, "10.12", "rejected", None).await;
    kit.set_status(&kit.bank, ParticipantStatus::Live).await?;
    let (first, second) = (first?, pays_out(kit, "10.13", "settled", None).await?);
    let text = format!("suspended: {}; live again: {}", first.text, second.text);
    Ok(Seen::of(first.verdict == Verdict::Passed && second.verdict == Verdict::Passed, text))
}
