//! The other bank: a participant that does as each scenario says, and remembers what it was told.

use super::messages;
use crate::keys::MemberKeys;
use anyhow::{Context, Result, anyhow, bail, ensure};
use banklink::{HandlerFailed, InboxHandler, InboxItem, Link, LinkConfig, LinkError, StandingRate, TlsConnector};
use iso20022::view::{
    CancellationAnswerView, CancellationRequestView, CreditTransferView, IdentificationReportView, IdentificationRequestView,
    NameVerdict, PaymentRequestView, PaymentReturnView, RequestReportView, StatusReportView, TransactionStatus,
};
use iso20022::{Carried, Limits, read_business_message};
use money::Amount;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use uuid::Uuid;
use world::Machine;

/// Its BIC.
pub const BIC: &str = "KITXHKHHXXX";
/// Its only account.
pub const ACCOUNT: &str = "900100200300";
/// Whose account that is.
pub const CUSTOMER: &str = "Certification Creditor";

/// What it does when it is asked to credit a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Will credit.
    Accepts,
    /// Refuses with this ISO reason.
    Refuses(&'static str),
    /// Says nothing.
    Silent,
    /// Will credit, said after the payment was rejected for its silence.
    Late,
}

/// The bank at work.
pub struct Counterparty {
    link: Arc<Link>,
    desk: Arc<Desk>,
    inbox: JoinHandle<()>,
}

/// What it was told, and what it is to do.
#[derive(Debug)]
struct Desk {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cursor: u64,
    manner: Manner,
    asked: BTreeMap<[u8; 16], CreditTransferView>,
    /// Status codes told of each payment, in order.
    told: BTreeMap<[u8; 16], Vec<&'static str>>,
    heard: Heard,
}

/// What the bank under test said of other things than payments, oldest first. A run has a few of each.
#[derive(Debug, Default)]
pub struct Heard {
    /// `pacs.004`: it sent money back.
    pub returns: Vec<PaymentReturnView>,
    /// `camt.056`: it asked for money back.
    pub recalls: Vec<CancellationRequestView>,
    /// `camt.029`: it answered when it was asked for money back.
    pub recall_answers: Vec<CancellationAnswerView>,
    /// `pain.013`: its customer asks the kit's to pay.
    pub requests: Vec<PaymentRequestView>,
    /// `pain.014`: how a request stands.
    pub reports: Vec<RequestReportView>,
}

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Counterparty {
    /// Connects and starts answering.
    pub fn start(gateway: SocketAddr, name: &str, keys: MemberKeys, centre_key: [u8; 32]) -> Result<Self> {
        let link = Arc::new(Link::new(LinkConfig {
            bic: BIC.to_owned(),
            connector: Arc::new(TlsConnector::new(gateway, name, keys.tls).context("the kit's link")?),
            signer: keys.signer,
            centre_keys: Arc::new(move |key_id: &str| (key_id == "LUOHU#1").then_some(centre_key)),
            world: Machine::shared(),
        }));
        let state =
            State { cursor: 0, manner: Manner::Accepts, asked: BTreeMap::new(), told: BTreeMap::new(), heard: Heard::default() };
        let desk = Arc::new(Desk { state: Mutex::new(state) });
        let handler = Handler { link: Arc::clone(&link), desk: Arc::clone(&desk) };
        let reader = Arc::clone(&link);
        let inbox = tokio::spawn(async move { reader.run_inbox(&handler).await });
        Ok(Self { link, desk, inbox })
    }

    /// From now on it does this.
    pub fn set_manner(&self, manner: Manner) {
        self.desk.with(|state| state.manner = manner);
    }

    /// Whether the bank under test was reported to have credited its customer (`pacs.002` ACCC).
    pub fn was_told(&self, uetr: Uuid, status: &str) -> bool {
        self.desk.with(|state| state.told.get(uetr.as_bytes()).is_some_and(|told| told.contains(&status)))
    }

    /// Publishes its exchange rate.
    pub async fn publish(&self, rate: &StandingRate) -> Result<()> {
        self.link.publish_rate(rate).await.map_err(|error| anyhow!("the kit's rate: {error}"))
    }

    /// Waits until `find` finds something in what was heard; `None` after `patience`.
    pub async fn hears<T>(&self, patience: Duration, find: impl Fn(&Heard) -> Option<T>) -> Option<T> {
        let begun = Instant::now();
        loop {
            let found = self.desk.with(|state| find(&state.heard));
            if found.is_some() || begun.elapsed() > patience {
                return found;
            }
            tokio::time::sleep(super::LOOK_EVERY).await;
        }
    }

    /// The payments that name a request to pay.
    pub fn paid_for(&self, request: Uuid) -> usize {
        let names = |asked: &&CreditTransferView| asked.request == Some(request.into_bytes());
        self.desk.with(|state| state.asked.values().filter(names).count())
    }

    /// Sends a payment and waits up to 20 s for how it stands.
    pub async fn pay(
        &self,
        payee: &messages::Payee<'_>,
        uetr: Uuid,
        amount: Amount,
        asked: Option<&PaymentRequestView>,
    ) -> Result<(String, StatusReportView)> {
        let xml = messages::payment(BIC, payee, uetr, amount, asked)?;
        let status = self.send(&xml).await?;
        Ok((xml, status))
    }

    /// Sends back what it was paid.
    pub async fn send_back(&self, uetr: [u8; 16], amount: Amount, reason: &str) -> Result<()> {
        let report = self.send(&messages::payment_back(BIC, uetr, amount, reason)?).await?;
        let settled = report.status == TransactionStatus::Settled;
        ensure!(settled, "the return was not taken: {} {}", report.status.code(), report.reason.unwrap_or_default());
        Ok(())
    }

    /// Sends a message of which only matters that the centre takes it.
    pub async fn tell(&self, xml: &str) -> Result<()> {
        let answer = self.link.send_message(xml, 0).await.map_err(|error| anyhow!("the centre: {error}"))?;
        ensure!(answer.taken(), "the centre answered HTTP {}: {}", answer.status, answer.message().unwrap_or_default());
        Ok(())
    }

    /// Sends the bytes of a payment or a return.
    pub async fn send(&self, xml: &str) -> Result<StatusReportView> {
        let answer = self.link.send_message(xml, 20).await.map_err(|error| anyhow!("the centre: {error}"))?;
        let text = answer.message().context("the centre answered nothing")?;
        let message = read_business_message(text.as_bytes(), Limits::default())?;
        StatusReportView::of(&message.document).map_err(|fault| anyhow!("the centre's answer: {fault}"))
    }

    /// Asks whose account it is.
    pub async fn ask_name(&self, payee: &messages::Payee<'_>) -> Result<NameVerdict> {
        let xml = messages::name_question(BIC, payee)?;
        let answer = self.link.payee_check(&xml).await.map_err(|error| anyhow!("the centre: {error}"))?;
        let text = answer.message().context("no acmt.024")?;
        let message = read_business_message(text.as_bytes(), Limits::default())?;
        Ok(IdentificationReportView::of(&message.document).map_err(|fault| anyhow!("acmt.024: {fault}"))?.verdict)
    }

    /// Ends its tasks.
    pub fn stop(&self) {
        self.inbox.abort();
    }
}

struct Handler {
    link: Arc<Link>,
    desk: Arc<Desk>,
}

impl InboxHandler for Handler {
    async fn cursor(&self) -> Result<u64, HandlerFailed> {
        Ok(self.desk.with(|state| state.cursor))
    }

    async fn deliver(&self, items: Vec<InboxItem>) -> Result<(), HandlerFailed> {
        for item in items {
            for xml in self.answers(&item.message).map_err(|fault| HandlerFailed(format!("{fault:#}")))? {
                let link = Arc::clone(&self.link);
                tokio::spawn(async move {
                    // A late answer is refused, as it should be.
                    if let Err(error) = link.send_message(&xml, 0).await
                        && !matches!(error, LinkError::Refused(_))
                    {
                        tracing::warn!(%error, "the kit's answer was not taken");
                    }
                });
            }
            self.desk.with(|state| state.cursor = state.cursor.max(item.cursor));
        }
        Ok(())
    }
}

impl Handler {
    /// What an item is answered with.
    fn answers(&self, xml: &str) -> Result<Vec<String>> {
        let message = read_business_message(xml.as_bytes(), Limits::default())?;
        let document = &message.document;
        Ok(match document.carried() {
            Carried::CreditTransfer(_) => self.asked(CreditTransferView::of(document)?)?.into_iter().collect(),
            Carried::StatusReport(_) => self.told(&StatusReportView::of(document)?)?.into_iter().collect(),
            Carried::NameQuestion(_) => vec![messages::name_answer(BIC, &IdentificationRequestView::of(document)?)?],
            Carried::Return(_) => self.hear(PaymentReturnView::of(document)?, |heard| &mut heard.returns),
            Carried::CancellationRequest(_) => self.hear(CancellationRequestView::of(document)?, |heard| &mut heard.recalls),
            Carried::CancellationAnswer(_) => self.hear(CancellationAnswerView::of(document)?, |heard| &mut heard.recall_answers),
            Carried::PaymentRequest(_) => self.hear(PaymentRequestView::of(document)?, |heard| &mut heard.requests),
            Carried::RequestReport(_) => self.hear(RequestReportView::of(document)?, |heard| &mut heard.reports),
            // The operators' word to everybody.
            Carried::Presence(_) => Vec::new(),
            Carried::StatusRequest(_)
            | Carried::NameAnswer(_)
            | Carried::Rejection(_)
            | Carried::LiquidityTransfer(_)
            | Carried::InterbankTransfer(_)
            | Carried::Receipt(_)
            | Carried::StatementRequest(_)
            | Carried::AccountQuery(_)
            | Carried::PaymentQuery(_)
            | Carried::QueryAnswer(_)
            | Carried::Statement(_)
            | Carried::RequestWithdrawal(_)
            | Carried::MandateRequest(_)
            | Carried::MandateAmendment(_)
            | Carried::MandateCancellation(_)
            | Carried::MandateAnswer(_)
            | Carried::DirectDebit(_)
            | Carried::Header(_)
            | Carried::Elsewhere(_) => bail!("the centre sent a {}", document.message_type().id()),
        })
    }

    /// Remembers it; there is nothing to say.
    fn hear<T>(&self, said: T, place: impl Fn(&mut Heard) -> &mut Vec<T>) -> Vec<String> {
        self.desk.with(|state| place(&mut state.heard).push(said));
        Vec::new()
    }

    fn asked(&self, payment: CreditTransferView) -> Result<Option<String>> {
        let manner = self.desk.with(|state| state.manner);
        let said = match manner {
            Manner::Accepts => Some(messages::answer(BIC, &payment, None)?),
            Manner::Refuses(reason) => Some(messages::answer(BIC, &payment, Some(reason))?),
            Manner::Silent | Manner::Late => None,
        };
        self.desk.with(|state| state.asked.insert(payment.uetr, payment));
        Ok(said)
    }

    fn told(&self, report: &StatusReportView) -> Result<Option<String>> {
        let (manner, asked) = self.desk.with(|state| {
            state.told.entry(report.uetr).or_default().push(report.status.code());
            (state.manner, state.asked.get(&report.uetr).cloned())
        });
        match (manner, asked) {
            (Manner::Late, Some(payment)) => messages::answer(BIC, &payment, None).map(Some),
            (Manner::Accepts | Manner::Refuses(_) | Manner::Silent | Manner::Late, _) => Ok(None),
        }
    }
}
