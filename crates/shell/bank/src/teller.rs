//! A bank at work without pages: books, link and engine, and a desk where customers are served.

use crate::asking::{Asked, TypedRequest};
use crate::books::mandates::{Collection, Mandate};
use crate::books::records::Outgoing;
use crate::books::standing::{StandingDecision, StandingOrder, StandingRun};
use crate::books::{Books, BooksError, BooksReport, OutgoingReturn};
use crate::config::BankConfig;
use crate::engine;
use crate::fault::Fault;
use crate::inner::{Inner, Shared};
use crate::mandates::{MandateDecision, TypedCollection, TypedMandate};
use crate::order::TypedOrder;
use crate::service::ServiceError;
use crate::standing::TypedRepeat;
use banklink::{Link, LinkState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// A bank at work. Dropped without [`Teller::shutdown`] it stops as if it had crashed, which its books stand.
pub struct Teller {
    pub(crate) inner: Shared,
    tasks: JoinSet<()>,
}

/// Where customers are served. Cheap to clone; what it begins ends with the [`Teller`]'s world.
#[derive(Clone)]
pub struct Desk(Shared);

impl Teller {
    /// Takes up what a crash left in the books and connects to the centre when it can be reached. Runs on the caller's tokio
    /// runtime.
    pub fn start(config: BankConfig, books: Books) -> Self {
        let link = Link::new(config.link.clone());
        let fault = config.fault.clone();
        let (outbox_sender, outbox) = mpsc::unbounded_channel();
        let inner = Inner::new(config, books, link, outbox_sender);
        if fault != Fault::None {
            inner.set_fault(fault);
        }
        let mut tasks = JoinSet::new();
        engine::start(&inner, outbox, &mut tasks);
        Self { inner, tasks }
    }

    /// The desk.
    pub fn desk(&self) -> Desk {
        Desk(Shared::clone(&self.inner))
    }

    /// Ends the engine's tasks. Payments under way go on at the next start.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Desk {
    /// The bank's BIC.
    pub fn bic(&self) -> &str {
        &self.0.config.bic
    }

    /// Whether the inbox stream stands, now and as it changes.
    pub fn link_state(&self) -> watch::Receiver<LinkState> {
        self.0.link.state()
    }

    /// Puts a fault in force, or ends it with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.0.set_fault(fault);
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        self.0.fault()
    }

    /// Reads all books and checks every law over them.
    pub async fn books_report(&self) -> Result<BooksReport, BooksError> {
        self.0.books(Books::report).await
    }

    /// Reads an order, has the payee checked and a quote made, and keeps it as a draft for the customer to confirm.
    pub async fn draft(&self, sign_in: &str, typed: &TypedOrder) -> Result<Outgoing, ServiceError> {
        self.0.draft(sign_in, typed).await
    }

    /// Confirms a draft and sends it. Confirmed twice is sent once.
    pub async fn confirm(&self, sign_in: &str, uetr: &str, name_acknowledged: bool) -> Result<Outgoing, ServiceError> {
        self.0.confirm(sign_in, uetr, name_acknowledged).await
    }

    /// Recalls a payment of a customer's; the centre's HTTP status: 202 if the other bank is asked.
    pub async fn recall(&self, uetr: &str, reason: &str) -> Result<u16, ServiceError> {
        engine::recall(&self.0, uetr, reason).await.map(|answer| answer.status)
    }

    /// Sends back a payment this bank had credited: so much of it, or what is left.
    pub async fn send_back(&self, uetr: &str, amount: Option<&str>, reason: &str) -> Result<OutgoingReturn, ServiceError> {
        engine::send_back(&self.0, uetr, amount, reason).await
    }

    /// Asks somebody at another bank to pay a customer of this one.
    pub async fn ask_to_pay(&self, sign_in: &str, typed: &TypedRequest) -> Result<Asked, ServiceError> {
        self.0.ask_to_pay(sign_in, typed).await
    }

    /// Reads a standing order, has the payee checked, and keeps it as a draft for the customer to confirm.
    pub async fn draft_standing(
        &self,
        sign_in: &str,
        typed: &TypedOrder,
        repeat: &TypedRepeat,
    ) -> Result<StandingOrder, ServiceError> {
        self.0.draft_standing(sign_in, typed, repeat).await
    }

    /// Confirms a standing order. Confirmed twice is one order.
    pub async fn confirm_standing(
        &self,
        sign_in: &str,
        id: &str,
        name_acknowledged: bool,
    ) -> Result<StandingOrder, ServiceError> {
        self.0.confirm_standing(sign_in, id, name_acknowledged).await
    }

    /// What a customer decides about a standing order.
    pub async fn decide_standing(
        &self,
        sign_in: &str,
        id: &str,
        decision: StandingDecision,
    ) -> Result<StandingOrder, ServiceError> {
        self.0.decide_standing(sign_in, id, decision).await
    }

    /// A customer's standing order, and what became of its last due dates, the latest first.
    pub async fn standing_order(&self, sign_in: &str, id: &str) -> Result<(StandingOrder, Vec<StandingRun>), ServiceError> {
        let order = self.0.standing_order(sign_in, id).await?;
        let runs = self.0.standing_runs(&order).await?;
        Ok((order, runs))
    }

    /// Asks somebody at another bank for a mandate.
    pub async fn ask_mandate(&self, sign_in: &str, typed: &TypedMandate) -> Result<Mandate, ServiceError> {
        self.0.ask_mandate(sign_in, typed).await
    }

    /// What a customer decides about a mandate.
    pub async fn decide_mandate(&self, sign_in: &str, uetr: &str, decision: MandateDecision) -> Result<Mandate, ServiceError> {
        self.0.decide_mandate(sign_in, uetr, decision).await
    }

    /// A customer's mandate.
    pub async fn mandate(&self, sign_in: &str, uetr: &str) -> Result<Mandate, ServiceError> {
        self.0.mandate(sign_in, uetr).await
    }

    /// Collects under a mandate.
    pub async fn collect(&self, sign_in: &str, mandate: &str, typed: &TypedCollection) -> Result<Collection, ServiceError> {
        self.0.collect(sign_in, mandate, typed).await
    }

    /// A collection of a customer's mandate.
    pub async fn collection(&self, sign_in: &str, uetr: &str) -> Result<Collection, ServiceError> {
        self.0.collection(sign_in, uetr).await
    }

    /// A customer's payment out.
    pub async fn payment(&self, sign_in: &str, uetr: &str) -> Result<Outgoing, ServiceError> {
        self.0.payment(sign_in, uetr).await
    }

    /// The receipt of a final payment, from the books or from the centre.
    pub async fn receipt(&self, payment: &Outgoing) -> Result<String, ServiceError> {
        self.0.receipt(payment).await
    }
}
