//! A participant whose software is the simulator's own: it sends what the sample banks never would.
//!
//! It pays later than now, takes payments back, pays for persons without a document and for purposes nobody allows. It sends the
//! same bytes until it has an answer, follows its inbox, and keeps its own account of what it was told: at rest that must be what
//! the centre says (PAY-02, AGREE). It does not crash, and nobody pays it.

use crate::agreement::is_behind;
use crate::life::{Life, MachineClock};
use crate::net::{Hall, NetLink};
use crate::observer::Observer;
use crate::participant::{bank_signer, link_config_of};
use crate::stage::SharedStage;
use bank::{CURRENCIES, SampleBank};
use banklink::{Answer, HandlerFailed, InboxHandler, InboxItem, Link, LinkError};
use clearing::{Bic, ParticipantId, PaymentState, Uetr};
use history::ReadModel;
use iso20022::view::{
    AccountView, AddressView, CancellationRequestView, CreditTransferView, HeaderView, IdentityView, PartyView, PaymentPriority,
    PaymentReturnView, StatusReportView, TransactionStatus, business_message,
};
use iso20022::{Carried, Message, read_business_message};
use money::{Amount, CurrencyCode};
use node::genesis::Member;
use serde::{Deserialize, Serialize};
use signing::Signer;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// Its BIC: a bank in Shenzhen.
pub const BIC: &str = "ODDLCNBSXXX";
/// Its place among the participants, behind the sample banks.
pub const ID: ParticipantId = ParticipantId(4);
/// Its settlement currencies.
pub const CODES: [CurrencyCode; 2] = [CurrencyCode::CNY, CurrencyCode::HKD];
/// The day of every run, by the clock of Hong Kong and Shenzhen: runs begin at eight in the morning and last minutes.
const TODAY: &str = "2026-11-25";
/// How long it waits before it sends again.
const PAUSE: Duration = Duration::from_millis(1_500);

/// A payment it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddOrder {
    /// The creditor's bank, from zero.
    pub to_bank: usize,
    /// Which of its customers.
    pub to_customer: usize,
    /// In minor units.
    pub minor: u64,
    /// In which currency.
    pub currency: String,
    /// Whose document is shown; without one whose quota it is cannot be told.
    pub person: Option<u8>,
    /// Whether the debtor is an institution.
    pub institution: bool,
    /// What for.
    pub purpose: Option<String>,
    /// To be executed so many milliseconds later.
    pub later_ms: Option<u64>,
    /// Accepted so many milliseconds ago.
    pub accepted_ago_ms: u64,
    /// Taken back so many milliseconds after it was sent.
    pub taken_back_ms: Option<u64>,
    /// Whether the message has the identification of the one before it.
    pub repeats_id: bool,
}

#[derive(Debug, Clone)]
struct Sent {
    debit: Amount,
    /// Whether the centre took it.
    taken: bool,
    /// Whether it is known if it did.
    answered: bool,
    end: Option<PaymentState>,
}

#[derive(Debug, Default)]
struct Memory {
    /// What came back, by currency.
    returned: BTreeMap<CurrencyCode, i128>,
    cursor: u64,
    last_id: Option<String>,
    sent: BTreeMap<[u8; 16], Sent>,
}

/// The participant.
pub struct Outsider {
    link: Arc<Link>,
    life: Arc<Life>,
    stage: SharedStage,
    banks: Vec<SampleBank>,
    memory: Mutex<Memory>,
}

/// As the centre registers it.
pub fn member() -> Member {
    Member {
        bic: Bic::parse(BIC).expect("eleven characters"),
        name: "Oddland Bank".to_owned(),
        key: bank_signer(ID.0 as usize, BIC).public_key(),
        provides_exchange: false,
        currencies: CODES.to_vec(),
    }
}

/// The document of a person who has accounts at several banks.
pub fn document(person: u8) -> String {
    format!("SHARED{person}")
}

impl Outsider {
    /// It works from now on.
    pub fn start(
        stage: &SharedStage,
        observer: &Arc<Observer>,
        hall: &Arc<Hall>,
        latency_ms: u64,
        banks: &[SampleBank],
    ) -> Arc<Self> {
        let life = Life::new("oddl", 1, Arc::clone(stage), Arc::new(MachineClock::default()), Arc::new(AtomicI64::new(0)));
        let watching = Arc::clone(observer);
        let tap = Box::new(move |bytes: &[u8]| watching.bank_reads(bytes));
        let way = NetLink::new(member().bic, "oddl", latency_ms, Arc::clone(hall), Arc::clone(stage), tap);
        let link = Link::new(link_config_of(ID.0 as usize, BIC, way.connector(&life), life.world()));
        let outsider = Arc::new(Self {
            link: Arc::new(link),
            life,
            stage: Arc::clone(stage),
            banks: banks.to_vec(),
            memory: Mutex::default(),
        });
        let reading = Arc::clone(&outsider);
        outsider.life.spawn(Box::pin(async move { reading.link.run_inbox(&*reading).await }));
        outsider
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Pays, and takes it back when that was ordered.
    pub fn pay(self: &Arc<Self>, order: &OddOrder) {
        let (outsider, order) = (Arc::clone(self), order.clone());
        self.life.spawn(Box::pin(async move {
            let uetr = outsider.life.world().uuid().into_bytes();
            let Some(message) = outsider.message(uetr, &order) else { return };
            let back = async {
                let Some(after_ms) = order.taken_back_ms else { return };
                sleep(Duration::from_millis(after_ms)).await;
                outsider.take_back(uetr).await;
            };
            tokio::join!(outsider.send(uetr, &message), back);
        }));
    }

    async fn send(&self, uetr: [u8; 16], message: &str) {
        let answer = self.until_answered(message).await;
        let state = answer.as_ref().and_then(|answer| answer.payment_state.clone());
        let said = match (&state, &answer) {
            (Some(state), _) => state.clone(),
            (None, Some(answer)) => format!("refused with {}: {}", answer.status, reason_in(answer)),
            (None, None) => "refused".to_owned(),
        };
        self.stage.say("oddl", format_args!("{} is {said}", Uetr(uetr)));
        let mut memory = self.memory();
        let Some(sent) = memory.sent.get_mut(&uetr) else { return };
        sent.answered = true;
        sent.taken |= state.is_some();
        drop(memory);
        match state.as_deref() {
            Some("settled") => self.note_end(uetr, PaymentState::Settled),
            Some("rejected") => self.note_end(uetr, PaymentState::Rejected),
            Some(_) | None => {}
        }
    }

    /// The same bytes until somebody says something to them; `None` if they will never be taken.
    async fn until_answered(&self, message: &str) -> Option<Answer> {
        loop {
            match self.link.send_message(message, 0).await {
                Ok(answer) if answer.status < 500 && answer.status != 429 => return Some(answer),
                Err(error) if !error.in_doubt() && !error.retry_later() => return None,
                Ok(_) | Err(LinkError::Refused(_)) | Err(_) => sleep(PAUSE).await,
            }
        }
    }

    async fn take_back(&self, uetr: [u8; 16]) {
        self.stage.count("cancellations");
        let world = self.life.world();
        let Some(message) = cancellation(BIC, uetr, &world.uuid().simple().to_string(), world.now_ms() * 1_000_000) else {
            return;
        };
        let status = self.until_answered(&message).await.map(|answer| answer.status);
        self.stage.say("oddl", format_args!("takes {} back: {status:?}", Uetr(uetr)));
    }

    /// Writes the payment's message and remembers that it leaves.
    fn message(&self, uetr: [u8; 16], order: &OddOrder) -> Option<String> {
        let world = self.life.world();
        let now = world.now_ms() * 1_000_000;
        let currency = CURRENCIES.iter().find(|currency| currency.code.as_str() == order.currency)?;
        let debit = Amount::from_minor(order.minor, *currency);
        let fresh = world.uuid().simple().to_string();
        let mut memory = self.memory();
        let id = memory.last_id.take().filter(|_| order.repeats_id).unwrap_or(fresh);
        memory.last_id = Some(id.clone());
        memory.sent.insert(uetr, Sent { debit, taken: false, answered: false, end: None });
        drop(memory);
        self.stage.count("odd payments");
        let view = self.view(uetr, order, &id, debit, now)?;
        business_message(&HeaderView::new(BIC, gateway::GatewayConfig::CENTRE_BIC, &id, now), &view.message().ok()?).ok()
    }

    fn view(&self, uetr: [u8; 16], order: &OddOrder, id: &str, debit: Amount, now: u64) -> Option<CreditTransferView> {
        let bank = self.banks.get(order.to_bank)?;
        let creditor = bank.customers.get(order.to_customer)?;
        let identity = match (order.institution, order.person) {
            (true, _) => Some(("CINC", "ODD-1".to_owned())),
            (false, person) => person.map(|person| ("NIDN", document(person))),
        };
        let account = |number: &str| AccountView { number: number.to_owned(), ..AccountView::default() };
        Some(CreditTransferView {
            message_id: id.to_owned(),
            created_at: now,
            instruction_id: Some(id.to_owned()),
            end_to_end_id: Uetr(uetr).to_string().replace('-', ""),
            transaction_id: None,
            uetr,
            clearing_system_reference: None,
            priority: PaymentPriority::Normal,
            category_purpose: None,
            interbank_settlement_amount: debit,
            interbank_settlement_date: Some(TODAY.to_owned()),
            accepted_at: Some(now.saturating_sub(order.accepted_ago_ms * 1_000_000)),
            execute_from: order.later_ms.map(|later_ms| now + later_ms * 1_000_000),
            instructed_amount: None,
            exchange_rate: None,
            quote: None,
            request: None,
            collection: None,
            preauth: None,
            charge_bearer: "SLEV".to_owned(),
            charges: vec![],
            new_payee: false,
            instructing_agent: BIC.to_owned(),
            instructed_agent: bank.bic.to_owned(),
            debtor: PartyView {
                name: "ODD One".to_owned(),
                address: Some(AddressView {
                    town: Some("Shenzhen".to_owned()),
                    country: Some("CN".to_owned()),
                    ..AddressView::default()
                }),
                identity: identity.map(|(scheme, number)| IdentityView {
                    is_organisation: order.institution,
                    scheme: Some(scheme.to_owned()),
                    issuer: Some("CN".to_owned()),
                    number,
                }),
                ..PartyView::default()
            },
            debtor_account: Some(account("9000000001")),
            debtor_agent: BIC.to_owned(),
            creditor_agent: bank.bic.to_owned(),
            creditor: PartyView { name: creditor.name.to_owned(), ..PartyView::default() },
            creditor_account: Some(account(creditor.account)),
            purpose: order.purpose.clone(),
            remittance: None,
            clearing_system: Some("LUOHU".to_owned()),
        })
    }

    fn note_end(&self, uetr: [u8; 16], end: PaymentState) {
        let mut memory = self.memory();
        let Some(sent) = memory.sent.get_mut(&uetr) else {
            drop(memory);
            return self.stage.broke("PAY-02", format_args!("oddl is told the end of {}, which it never sent", Uetr(uetr)));
        };
        sent.taken = true;
        let before = sent.end.replace(end);
        drop(memory);
        if before.is_some_and(|before| before != end) {
            self.stage.broke("PAY-02", format_args!("oddl is told two ends of {}: {before:?} and {end:?}", Uetr(uetr)));
        }
    }

    /// Why it is not at rest, if it is not.
    pub fn unrest(&self, model: &ReadModel) -> Option<String> {
        let memory = self.memory();
        if is_behind(model, ID, memory.cursor) {
            return Some(format!("oddl has not read its inbox behind {}", memory.cursor));
        }
        let open = memory.sent.iter().find(|(_, sent)| !sent.answered || sent.taken && sent.end.is_none());
        open.map(|(uetr, sent)| format!("oddl has no end of {}: {sent:?}", Uetr(*uetr)))
    }

    /// At rest: each end it was told is the centre's, and its account says what they add up to.
    pub fn settle_up(&self, observer: &Observer, model: &ReadModel) {
        let memory = self.memory();
        let (all, _, _) = model.counts();
        let own = (0..all).filter_map(|at| model.payment_at(clearing::PaymentIndex(at)).expect("an index in memory answers"));
        let mut charged: BTreeMap<CurrencyCode, i128> = BTreeMap::new();
        for view in own.filter(|view| view.debtor_agent == ID) {
            if view.state == PaymentState::Settled {
                // That it is the tariff's is FEE-01's to judge.
                *charged.entry(view.debit.currency.code).or_default() += i128::from(view.charges.debtor.0);
            }
            let told = memory.sent.get(&view.uetr.0).and_then(|sent| sent.end);
            if told != Some(view.state) {
                self.stage.broke("PAY-02", format_args!("oddl was told {told:?} of {}, which is {:?}", view.uetr, view.state));
            }
        }
        for code in CODES {
            let (settled, own) = observer.ask(|model| (model.settled(ID.0, code), model.own_money(ID.0, code)));
            let paid = memory.sent.values().filter(|sent| sent.debit.currency.code == code);
            let paid = paid.filter(|sent| sent.end == Some(PaymentState::Settled));
            let paid: i128 = paid.map(|sent| i128::from(sent.debit.minor.0)).sum();
            let paid = paid + charged.get(&code).copied().unwrap_or(0);
            let expected = own - paid + memory.returned.get(&code).copied().unwrap_or(0);
            if settled != expected {
                let text = format!("oddl: the centre has {settled} {code}, what it was told says {expected}");
                self.stage.broke("AGREE", text);
            }
        }
    }
}

impl InboxHandler for Outsider {
    async fn cursor(&self) -> Result<u64, HandlerFailed> {
        Ok(self.memory().cursor)
    }

    async fn deliver(&self, items: Vec<InboxItem>) -> Result<(), HandlerFailed> {
        for item in items {
            let read = read_business_message(item.message.as_bytes(), iso20022::Limits::default());
            let read = read.map_err(|violation| HandlerFailed(violation.text.to_string()))?;
            if let Some((uetr, end)) = end_in(&read.document) {
                self.note_end(uetr, end);
            }
            let mut memory = self.memory();
            // What is delivered again came back once.
            if let (Some(back), true) = (returned_in(&read.document), item.cursor > memory.cursor) {
                *memory.returned.entry(back.currency.code).or_default() += i128::from(back.minor.0);
            }
            memory.cursor = memory.cursor.max(item.cursor);
        }
        Ok(())
    }
}

/// The words of an answer that says why not.
fn reason_in(answer: &Answer) -> String {
    let document = answer.message().and_then(|xml| read_business_message(xml.as_bytes(), iso20022::Limits::default()).ok());
    let report = document.and_then(|message| StatusReportView::of(&message.document).ok());
    report.and_then(|report| report.information).unwrap_or_default()
}

/// Whose end a message tells, and which.
fn end_in(document: &Message) -> Option<([u8; 16], PaymentState)> {
    let Carried::StatusReport(_) = document.carried() else { return None };
    let report = StatusReportView::of(document).ok()?;
    let end = match report.status {
        TransactionStatus::Settled | TransactionStatus::Credited => PaymentState::Settled,
        TransactionStatus::Rejected => PaymentState::Rejected,
        TransactionStatus::Received
        | TransactionStatus::TechnicallyAccepted
        | TransactionStatus::CustomerAccepted
        | TransactionStatus::InProcess
        | TransactionStatus::AcceptedWithoutPosting
        | TransactionStatus::Pending
        | TransactionStatus::Blocked => return None,
    };
    Some((report.uetr, end))
}

/// What a message sends back.
fn returned_in(document: &Message) -> Option<Amount> {
    let Carried::Return(_) = document.carried() else { return None };
    PaymentReturnView::of(document).ok().map(|view| view.returned_amount)
}

/// A `camt.056` by which a debtor agent takes a payment back.
pub fn cancellation(own: &str, uetr: [u8; 16], id: &str, now: u64) -> Option<String> {
    let centre = gateway::GatewayConfig::CENTRE_BIC;
    let view = CancellationRequestView {
        message_id: id.to_owned(),
        created_at: now,
        assigner: own.to_owned(),
        assignee: centre.to_owned(),
        uetr,
        reason: Some("CUST".to_owned()),
    };
    business_message(&HeaderView::new(own, centre, id, now), &view.message().ok()?).ok()
}
