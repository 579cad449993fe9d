//! The scenarios: what the centre and the other bank do, and what the bank under test must have done afterwards.

use super::Kit;
use super::counterparty::{self, Manner};
use super::door::Ordered;
use super::messages::Payee;
use super::report::Seen;
use super::wire::Upset;
use anyhow::{Context, Result, ensure};
use clearing::ParticipantStatus;
use iso20022::view::{NameVerdict, StatusReportView, TransactionStatus};
use money::Amount;
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// How long a customer's balance may take to become what it must be.
const BOOKING: Duration = Duration::from_secs(5);
/// How long it is watched afterwards, for a second booking.
const AFTERWARDS: Duration = Duration::from_millis(1500);
/// How long a payment out may take: the deadline, the bank's own doubts, and some.
const ENDING: Duration = Duration::from_secs(40);
/// An account no bank has.
const NO_ACCOUNT: &str = "000000000000";

macro_rules! scenarios {
    ($($name:ident = $id:literal, $title:literal, $expected:literal;)*) => {
        /// A scenario. Ids are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Scenario { $(#[doc = $title] $name,)* }

        impl Scenario {
            /// In the order they are played.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its stable name.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What happens.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the bank must do.
            pub const fn expected(self) -> &'static str {
                match self { $(Self::$name => $expected,)* }
            }
        }
    };
}

scenarios! {
    NameFits = "name-fits", "the other bank asks whether the customer's name fits the account", "acmt.024: a match";
    NameDiffers = "name-differs", "it asks with somebody else's name", "acmt.024: no match";
    CreditIn = "credit-in", "a payment to the customer", "the answer is yes in time, the customer is credited once, pacs.002 ACCC follows";
    CreditNobody = "credit-nobody", "a payment to an account the bank does not have", "refused with an ISO reason in time, nobody is credited";
    SentAgain = "sent-again", "the other bank sends a payment that has settled again, the same bytes", "settled once, credited once";
    ForgedItem = "forged-item", "an inbox item arrives with another amount than the centre signed", "it is not believed: credited is what settled, nothing else";
    ItemsAgain = "items-again", "the line is cut and the inbox comes again from its beginning", "what was booked is not booked again";
    DebitOut = "debit-out", "the customer pays, the other bank credits", "settled, the customer is debited once";
    Refused = "refused", "the customer pays, the other bank refuses with AC04", "rejected with AC04, the customer has the money again";
    OddReason = "odd-reason", "it refuses with a reason seldom used, NARR", "rejected with NARR, the customer has the money again";
    Silent = "silent", "it says nothing", "rejected after the deadline, the customer has the money again";
    Late = "late", "it says yes after the deadline", "rejected all the same, the customer has the money again";
    LostAnswer = "lost-answer", "the centre takes the customer's payment, its answer is lost", "the bank asks or sends the same bytes again: settled, debited once";
    Exchange = "exchange", "the customer pays in another currency, with a quote", "settled, debited is exactly what the quote said";
    Suspended = "suspended", "the other bank is suspended", "rejected, the customer has the money again";
}

impl Scenario {
    /// Plays it.
    pub async fn play(self, kit: &Kit) -> Result<Seen> {
        kit.other.set_manner(self.manner());
        match self {
            Self::NameFits => name(kit, &kit.customer, NameVerdict::Match).await,
            Self::NameDiffers => name(kit, "Somebody Else Entirely", NameVerdict::NoMatch).await,
            Self::CreditIn => credit_in(kit).await,
            Self::CreditNobody => credit_nobody(kit).await,
            Self::SentAgain => sent_again(kit).await,
            Self::ForgedItem => forged_item(kit).await,
            Self::ItemsAgain => items_again(kit).await,
            Self::DebitOut => pays_out(kit, "10.01", "settled", None).await,
            Self::Refused => pays_out(kit, "10.02", "rejected", Some("AC04")).await,
            Self::OddReason => pays_out(kit, "10.03", "rejected", Some("NARR")).await,
            Self::Silent => pays_out(kit, "10.04", "rejected", None).await,
            Self::Late => pays_out(kit, "10.05", "rejected", None).await,
            Self::LostAnswer => lost_answer(kit).await,
            Self::Exchange => exchange(kit).await,
            Self::Suspended => suspended(kit).await,
        }
    }

    /// What the other bank does meanwhile.
    const fn manner(self) -> Manner {
        match self {
            Self::Refused => Manner::Refuses("AC04"),
            Self::OddReason => Manner::Refuses("NARR"),
            Self::Silent => Manner::Silent,
            Self::Late => Manner::Late,
            Self::NameFits
            | Self::NameDiffers
            | Self::CreditIn
            | Self::CreditNobody
            | Self::SentAgain
            | Self::ForgedItem
            | Self::ItemsAgain
            | Self::DebitOut
            | Self::LostAnswer
            | Self::Exchange
            | Self::Suspended => Manner::Accepts,
        }
    }
}

async fn name(kit: &Kit, name: &str, wanted: NameVerdict) -> Result<Seen> {
    let said = kit.other.ask_name(&Payee { bank: &kit.bank, account: &kit.door.account, name }).await?;
    Ok(Seen { passed: said == wanted, text: format!("{said:?}") })
}

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
    Ok(Seen {
        passed: (available, held) == (wanted, 0),
        text: format!("the customer's balance changed by {change} minor units, {held} held"),
    })
}

async fn paid_in(kit: &Kit, account: &str, minor: u64, uetr: Uuid) -> Result<(String, StatusReportView)> {
    let payee = Payee { bank: &kit.bank, account, name: &kit.customer };
    kit.other.pay(&payee, uetr, Amount::from_minor(minor, kit.currency)).await
}

fn status_text(report: &StatusReportView) -> String {
    format!("{} {}", report.status.code(), report.reason.as_deref().unwrap_or_default()).trim_end().to_owned()
}

/// Joins what was seen of the message and of the books.
fn both(message_is_right: bool, message: &str, books: Seen) -> Seen {
    Seen { passed: message_is_right && books.passed, text: format!("{message}; {}", books.text) }
}

async fn credit_in(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 1_234;
    let (before, uetr) = (at_rest(kit).await?, Uuid::new_v4());
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, uetr).await?;
    let books = rests_at(kit, before, before + MINOR).await?;
    let reported = kit.other.was_told(uetr, "ACCC");
    let told = if reported { "ACCC reported" } else { "no ACCC reported" };
    let right = status.status == TransactionStatus::Settled && reported;
    Ok(both(right, &format!("{}, {told}", status_text(&status)), books))
}

async fn credit_nobody(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (_, status) = paid_in(kit, NO_ACCOUNT, 1_111, Uuid::new_v4()).await?;
    // The centre's own reasons for silence do not count as an answer.
    let answered = status.reason.as_deref().is_some_and(|reason| !reason.starts_with("AB"));
    let right = status.status == TransactionStatus::Rejected && answered;
    Ok(both(right, &status_text(&status), rests_at(kit, before, before).await?))
}

async fn sent_again(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 2_345;
    let before = at_rest(kit).await?;
    let (xml, first) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    let again = kit.other.send(&xml).await?;
    let is_settled =
        |report: &StatusReportView| matches!(report.status, TransactionStatus::Settled | TransactionStatus::Credited);
    let right = is_settled(&first) && is_settled(&again);
    let said = format!("{}, again {}", status_text(&first), status_text(&again));
    Ok(both(right, &said, rests_at(kit, before, before + MINOR).await?))
}

/// The bank may take the true item when it reads again, or let the payment run out: credited must be what settled.
async fn forged_item(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 3_456;
    let before = at_rest(kit).await?;
    kit.wire.upset(Upset::Forge(b">34.56<".to_vec(), b">94.56<".to_vec()));
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    let forged = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    ensure!(forged, "the payment was not read from the inbox");
    let credited = if status.status == TransactionStatus::Settled { MINOR } else { 0 };
    Ok(both(true, &status_text(&status), rests_at(kit, before, before + credited).await?))
}

async fn items_again(kit: &Kit) -> Result<Seen> {
    const MINOR: u64 = 4_567;
    let before = at_rest(kit).await?;
    let (_, status) = paid_in(kit, &kit.door.account, MINOR, Uuid::new_v4()).await?;
    kit.door.balance_becomes(before + MINOR, BOOKING).await?;
    kit.wire.upset(Upset::FromTheBeginning);
    kit.wire.cut();
    kit.until(BOOKING * 4, || kit.wire.is_done()).await.context("the inbox was not opened again")?;
    let books = rests_at(kit, before, before + MINOR).await?;
    Ok(both(status.status == TransactionStatus::Settled, &status_text(&status), books))
}

/// The customer pays to the other bank; how it ended, and what was paid in minor units.
async fn order(kit: &Kit, amount: &str, credit_currency: &str) -> Result<(Value, u64)> {
    let order =
        Ordered { amount, agent: counterparty::BIC, payee: counterparty::ACCOUNT, name: counterparty::CUSTOMER, credit_currency };
    let sent = kit.door.pay(&order).await?;
    let uetr = sent["uetr"].as_str().context("the bank's answer has no uetr")?;
    let ended = kit.door.ended(uetr, ENDING).await?;
    let paid = Amount::parse(amount, kit.currency).with_context(|| amount.to_owned())?.minor.0;
    Ok((ended, paid))
}

/// How a payment out stands, in words.
fn stands(payment: &Value) -> String {
    let text = |key: &str| payment[key].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("state"), text("reason")).trim_end().to_owned()
}

async fn pays_out(kit: &Kit, amount: &str, wanted: &str, reason: Option<&str>) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (payment, paid) = order(kit, amount, kit.currency.code.as_str()).await?;
    let is_settled = matches!(payment["state"].as_str(), Some("settled" | "credited"));
    let state_is_right = if wanted == "settled" { is_settled } else { payment["state"] == wanted };
    let reason_is_right = reason.is_none_or(|reason| payment["reason"] == reason);
    let after = if wanted == "settled" { before - paid } else { before };
    Ok(both(state_is_right && reason_is_right, &stands(&payment), rests_at(kit, before, after).await?))
}

async fn lost_answer(kit: &Kit) -> Result<Seen> {
    kit.wire.upset(Upset::LoseAnswer);
    let seen = pays_out(kit, "10.06", "settled", None).await;
    let lost = kit.wire.is_done();
    kit.wire.upset(Upset::None);
    ensure!(lost, "no payment was sent");
    seen
}

async fn exchange(kit: &Kit) -> Result<Seen> {
    let before = at_rest(kit).await?;
    let (payment, paid) = order(kit, "100.00", kit.other_currency.code.as_str()).await?;
    let is_settled = matches!(payment["state"].as_str(), Some("settled" | "credited"));
    let said = format!("{}, rate {}", stands(&payment), payment["rate"].as_str().unwrap_or("none"));
    let right = is_settled && payment["rate"].is_string();
    Ok(both(right, &said, rests_at(kit, before, before - paid).await?))
}

async fn suspended(kit: &Kit) -> Result<Seen> {
    kit.set_status(ParticipantStatus::Suspended).await?;
    let seen = pays_out(kit, "10.07", "rejected", None).await;
    kit.set_status(ParticipantStatus::Live).await?;
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_on_the_page() {
        let page = include_str!("../../../../docs/howto/certify.md");
        let mut ids: Vec<&str> = Scenario::ALL.iter().map(|scenario| scenario.id()).collect();
        for id in &ids {
            assert!(page.contains(&format!("| `{id}` |")), "docs/howto/certify.md does not name {id}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Scenario::ALL.len());
    }
}
