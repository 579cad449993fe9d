//! How the scenarios are played: ends of payments in [`payments`], things that go wrong on the line in [`mod@line`], what follows
//! payments or comes before them in [`affairs`].

pub mod affairs;
pub mod line;
pub mod payments;

use super::Kit;
use super::counterparty;
use super::door::Ordered;
use super::messages::Payee;
use super::report::{Seen, Verdict};
use anyhow::{Context, Result, ensure};
use iso20022::view::{StatusReportView, TransactionStatus};
use money::Amount;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// How long a customer's balance may take to become what it must be.
pub const BOOKING: Duration = Duration::from_secs(5);
/// How long it is watched afterwards, for a second booking.
const AFTERWARDS: Duration = Duration::from_millis(1500);
/// How long a payment out may take: the deadline, the bank's own doubts, and some.
const ENDING: Duration = Duration::from_secs(40);
/// An account no bank has.
pub const NO_ACCOUNT: &str = "000000000000";

/// Available to the customer, with nothing held: where every scenario begins.
async fn at_rest(kit: &Kit) -> Result<u64> {
    let (available, held) = kit.door.balance().await?;
    ensure!(held == 0, "the customer has money held before the scenario begins");
    Ok(available)
}

/// Whether the customer comes to have `wanted` and still has after a while; with the balance in words.
async fn rests_at(kit: &Kit, before: u64, wanted: u64) -> Result<Seen> {
    kit.door.balance_becomes(wanted, BOOKING).await?;
    tokio::time::sleep(AFTERWARDS).await;
    let (available, held) = kit.door.balance().await?;
    let change = i128::from(available) - i128::from(before);
    let text = format!("the customer's balance changed by {change} minor units, {held} held");
    Ok(Seen::of((available, held) == (wanted, 0), text))
}

/// Joins what was seen of the messages and of the books.
fn both(messages_are_right: bool, messages: &str, books: &Seen) -> Seen {
    Seen::of(messages_are_right && books.verdict == Verdict::Passed, format!("{messages}; {}", books.text))
}

/// The kit's bank pays into an account of the bank under test; the message, and how the payment ended.
async fn paid_in(kit: &Kit, account: &str, minor: u64, uetr: Uuid) -> Result<(String, StatusReportView)> {
    let payee = Payee { bank: &kit.bank, account, name: &kit.customer };
    kit.other.pay(&payee, uetr, Amount::from_minor(minor, kit.currency), None).await
}

/// A payment to the customer that is to settle and be credited: where `minor` goes, whatever happens on the line.
async fn credited(kit: &Kit, before: u64, minor: u64, uetr: Uuid) -> Result<(bool, String, Seen)> {
    let (_, status) = paid_in(kit, &kit.door.account, minor, uetr).await?;
    let books = rests_at(kit, before, before + minor).await?;
    Ok((is_settled(&status), status_text(&status), books))
}

fn is_settled(report: &StatusReportView) -> bool {
    matches!(report.status, TransactionStatus::Settled | TransactionStatus::Credited)
}

fn status_text(report: &StatusReportView) -> String {
    format!("{} {}", report.status.code(), report.reason.as_deref().unwrap_or_default()).trim_end().to_owned()
}

/// Has the customer pay to the other bank: the payment's UETR, and what is paid in minor units.
async fn ordered(kit: &Kit, amount: &str, credit_currency: &str) -> Result<(Uuid, u64)> {
    let order =
        Ordered { amount, agent: counterparty::BIC, payee: counterparty::ACCOUNT, name: counterparty::CUSTOMER, credit_currency };
    let sent = kit.door.pay(&order).await?;
    let uetr = sent["uetr"].as_str().context("the bank's answer has no uetr")?;
    let uetr = uuid::Uuid::parse_str(uetr).with_context(|| format!("{uetr} is no UETR"))?;
    let paid = Amount::parse(amount, kit.currency).with_context(|| amount.to_owned())?.minor.0;
    Ok((uetr, paid))
}

/// Has the customer pay to the other bank, and waits for the end: the payment, and what is paid in minor units.
async fn order(kit: &Kit, amount: &str, credit_currency: &str) -> Result<(Uuid, Value, u64)> {
    let (uetr, paid) = ordered(kit, amount, credit_currency).await?;
    Ok((uetr, kit.door.ended(&uetr.to_string(), ENDING).await?, paid))
}

/// How a payment out stands, in words.
fn stands(payment: &Value) -> String {
    let text = |key: &str| payment[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("state"), text("reason")).trim_end().to_owned()
}

fn has_settled(payment: &Value) -> bool {
    matches!(payment["state"].as_str(), Some("settled" | "credited"))
}
