//! A bank reduced to its link: it pays, answers every request with a yes, and adds up what it is told.

use crate::keys::MemberKeys;
use anyhow::{Context, Result, anyhow, bail};
use banklink::{HandlerFailed, InboxHandler, InboxItem, Link, LinkConfig, LinkError, TlsConnector};
use iso20022::view::{
    AccountView, AddressView, CreditTransferView, HeaderView, PartyView, PaymentPriority, StatusReportView, TransactionStatus,
    business_message,
};
use iso20022::{Limits, read_business_message};
use money::Amount;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;
use world::Machine;

const CENTRE: &str = gateway::GatewayConfig::CENTRE_BIC;
/// What each payment moves: 1.23.
pub const AMOUNT_MINOR: u64 = 123;

/// A bank at work.
pub struct Bank {
    link: Arc<Link>,
    pub books: Arc<Books>,
    inbox: Option<JoinHandle<()>>,
}

/// What the bank was told.
#[derive(Debug, Default)]
pub struct Books {
    cursor: AtomicU64,
    ended: AtomicU64,
    rejected: AtomicU64,
    settled_minor: AtomicU64,
    answers_failed: AtomicU64,
}

impl Books {
    /// Payments that were told to be rejected, where that is no fault.
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }
    /// Payments that were told to be settled.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }
    fn settled(&self) {
        self.settled_minor.fetch_add(AMOUNT_MINOR, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
    /// Answers of the bank that the centre did not take at once.
    pub fn answers_failed(&self) -> u64 {
        self.answers_failed.load(Ordering::Relaxed)
    }
    /// What settled, as told.
    pub fn settled_minor(&self) -> u64 {
        self.settled_minor.load(Ordering::Relaxed)
    }
}

/// One payer of the bank.
pub struct Payer {
    link: Arc<Link>,
    creditor_bank: &'static str,
    /// Where an answered end is booked when no inbox tells it.
    books: Option<Arc<Books>>,
}

impl Bank {
    /// Connects and, with an inbox, starts answering. Without one, what the bank is answered is all it is told.
    pub fn start(
        bic: &'static str,
        gateway: SocketAddr,
        keys: MemberKeys,
        centre_key: [u8; 32],
        streams: bool,
        tolerates_rejects: bool,
    ) -> Result<Self> {
        let connector = TlsConnector::new(gateway, "localhost", keys.tls);
        let link = Link::new(LinkConfig {
            bic: bic.to_owned(),
            connector: Arc::new(connector.map_err(|error| anyhow!("link of {bic}: {error}"))?),
            signer: keys.signer,
            centre_keys: Arc::new(move |key_id: &str| (key_id == "LUOHU#1").then_some(centre_key)),
            world: Machine::shared(),
        });
        let (link, books) = (Arc::new(link), Arc::new(Books::default()));
        let handler = Handler { link: link.clone(), books: books.clone(), bic, tolerates_rejects };
        let reader = link.clone();
        let inbox = streams.then(|| tokio::spawn(async move { reader.run_inbox(&handler).await }));
        Ok(Self { link, books, inbox })
    }

    pub fn payer(&self, creditor_bank: &'static str) -> Payer {
        let books = self.inbox.is_none().then(|| self.books.clone());
        Payer { link: self.link.clone(), creditor_bank, books }
    }

    pub fn stop(&self) {
        self.inbox.iter().for_each(JoinHandle::abort);
    }
}

impl Payer {
    /// Sends one payment and waits for its end in the same answer.
    pub async fn pay(&self, n: u64) -> Result<()> {
        let xml = pacs008(uuid::Uuid::new_v4(), self.link.bic(), self.creditor_bank, n)?;
        let answer = loop {
            match self.link.send_message(&xml, 30).await {
                Ok(answer) => break answer,
                // Told to come back, it does, with the same bytes.
                Err(LinkError::Refused(problem)) if problem.retry_after_s.is_some() => {
                    tokio::time::sleep(Duration::from_secs(problem.retry_after_s.unwrap_or(1))).await;
                }
                Err(error) => bail!("payment {n}: {error}"),
            }
        };
        let status = answer.message().with_context(|| format!("payment {n}: no pacs.002"))?;
        let message =
            read_business_message(status.as_bytes(), Limits::default()).map_err(|fault| anyhow!("payment {n}: {fault}"))?;
        let view = StatusReportView::of(&message.document).map_err(|fault| anyhow!("payment {n}: {fault}"))?;
        match view.status {
            TransactionStatus::Settled => {
                self.books.iter().for_each(|books| books.settled());
                Ok(())
            }
            other => bail!("payment {n} ended {other:?} {:?} {:?}", view.reason, view.information),
        }
    }
}

struct Handler {
    link: Arc<Link>,
    books: Arc<Books>,
    bic: &'static str,
    /// Under overload a payment may miss its deadline, which is an end like another.
    tolerates_rejects: bool,
}

impl InboxHandler for Handler {
    async fn cursor(&self) -> Result<u64, HandlerFailed> {
        Ok(self.books.cursor.load(Ordering::Relaxed))
    }

    async fn deliver(&self, items: Vec<InboxItem>) -> Result<(), HandlerFailed> {
        for item in items {
            let message = read_business_message(item.message.as_bytes(), Limits::default())
                .map_err(|fault| HandlerFailed(fault.to_string()))?;
            match item.message_name.as_str() {
                "pacs.008.001.08" => {
                    let asked = CreditTransferView::of(&message.document).map_err(|fault| HandlerFailed(fault.to_string()))?;
                    let xml = pacs002(self.bic, &asked).map_err(|fault| HandlerFailed(format!("{fault:#}")))?;
                    let (link, books) = (self.link.clone(), self.books.clone());
                    tokio::spawn(async move {
                        if let Err(error) = link.send_message(&xml, 0).await {
                            books.answers_failed.fetch_add(1, Ordering::Relaxed);
                            tracing::warn!(%error, "answer was not taken");
                        }
                    });
                }
                _ => {
                    let told = StatusReportView::of(&message.document).map_err(|fault| HandlerFailed(fault.to_string()))?;
                    match told.status {
                        TransactionStatus::Settled => self.books.settled(),
                        TransactionStatus::Rejected if self.tolerates_rejects => {
                            self.books.rejected.fetch_add(1, Ordering::Relaxed);
                        }
                        other => return Err(HandlerFailed(format!("a payment ended {other:?}"))),
                    }
                }
            }
            self.books.cursor.fetch_max(item.cursor, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Hong Kong and Shenzhen share a date: UTC+8.
fn today() -> String {
    const AHEAD_NS: u64 = 8 * 3600 * 1_000_000_000;
    let text = iso20022::value::date_time_from_nanos(now_ns() + AHEAD_NS);
    text.get(..10).unwrap_or("2026-01-01").to_owned()
}

fn party(name: &str, town: &str, country: &str) -> PartyView {
    let address = AddressView { town: Some(town.to_owned()), country: Some(country.to_owned()), ..AddressView::default() };
    PartyView { name: name.to_owned(), address: Some(address), country_of_residence: None, identity: None }
}

fn account(number: String) -> Option<AccountView> {
    Some(AccountView { number, ..AccountView::default() })
}

/// A payment of 1.23 HKD from one of a thousand debtors to one of a thousand creditors.
pub fn pacs008(id: uuid::Uuid, from: &str, to: &str, n: u64) -> Result<String> {
    let message_id = format!("BENCH{}", id.simple()).chars().take(35).collect::<String>();
    let amount = Amount::from_minor(AMOUNT_MINOR, super::HKD);
    let now = now_ns();
    let view = CreditTransferView {
        message_id: message_id.clone(),
        created_at: now,
        instruction_id: Some(format!("I{n}")),
        end_to_end_id: format!("E2E-{n}"),
        transaction_id: Some(format!("T{n}")),
        uetr: id.into_bytes(),
        clearing_system_reference: None,
        priority: PaymentPriority::Normal,
        category_purpose: None,
        interbank_settlement_amount: amount,
        interbank_settlement_date: Some(today()),
        accepted_at: Some(now),
        execute_from: None,
        instructed_amount: Some(amount),
        exchange_rate: None,
        quote: None,
        request: None,
        collection: None,
        preauth: None,
        charge_bearer: "SLEV".to_owned(),
        charges: vec![],
        new_payee: false,
        instructing_agent: from.to_owned(),
        instructed_agent: to.to_owned(),
        debtor: party("Chan Siu Ming", "Hong Kong", "HK"),
        debtor_account: account(format!("100-{:06}", n % 1000)),
        debtor_agent: from.to_owned(),
        creditor_agent: to.to_owned(),
        creditor: party("Lin Xiaoyu", "Shenzhen", "CN"),
        creditor_account: account(format!("6222-{:06}", n % 1000)),
        purpose: Some("GDDS".to_owned()),
        remittance: Some(format!("Invoice {n}")),
        clearing_system: Some("LUOHU".to_owned()),
    };
    let header = HeaderView::new(from, CENTRE, &message_id, now);
    let document = view.message().map_err(|fault| anyhow!("pacs.008: {fault}"))?;
    business_message(&header, &document).map_err(|fault| anyhow!("pacs.008: {fault}"))
}

/// The answer: will credit.
fn pacs002(from: &str, asked: &CreditTransferView) -> Result<String> {
    let message_id = format!("A{}", uuid::Uuid::new_v4().simple());
    let now = now_ns();
    let mut view = StatusReportView::new(&message_id, now, asked.uetr, TransactionStatus::InProcess);
    view.original_message_id = Some(asked.message_id.clone());
    view.original_message_name = Some("pacs.008.001.08".to_owned());
    view.original_end_to_end_id = Some(asked.end_to_end_id.clone());
    view.instructing_agent = Some(from.to_owned());
    view.instructed_agent = Some(asked.instructing_agent.clone());
    let header = HeaderView::new(from, CENTRE, &message_id, now);
    let document = view.message().map_err(|fault| anyhow!("pacs.002: {fault}"))?;
    business_message(&header, &document).map_err(|fault| anyhow!("pacs.002: {fault}"))
}
