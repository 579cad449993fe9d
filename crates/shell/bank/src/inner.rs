//! What all parts of a running bank share.

use crate::asking::RequestBook;
use crate::books::records::OutboxMessage;
use crate::books::{Books, BooksError};
use crate::bulk::UPLOADS_MAX;
use crate::config::BankConfig;
use crate::directory::Directory;
use crate::fault::Fault;
use crate::messages::Scheme;
use crate::script::Question;
use crate::session::Sessions;
use crate::web::WATCHERS_MAX;
use banklink::Link;
use iso20022::view::CreditTransferView;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, watch};
use world::SharedWorld;

/// Changes remembered for a page that is slow to read them; it reads the books again when it missed some.
const CHANGES_KEPT: usize = 1024;

/// A running bank.
pub(crate) struct Inner {
    pub(crate) config: BankConfig,
    pub(crate) scheme: Scheme,
    pub(crate) books: Arc<Books>,
    pub(crate) link: Link,
    pub(crate) world: SharedWorld,
    pub(crate) fault: watch::Sender<Fault>,
    /// How often this bank was asked each thing since it started.
    asked: [AtomicU64; Question::ALL.len()],
    /// For how long to be disconnected once what was read is booked, in milliseconds; 0 for not at all.
    drop_ms: AtomicU64,
    /// The inbox is opened at its beginning next time.
    forget: AtomicBool,
    /// UETRs of payments out that changed.
    pub(crate) changes: broadcast::Sender<String>,
    /// Messages to send. Bounded by the books: everything in it is in the outbox too.
    pub(crate) outbox: mpsc::UnboundedSender<(u64, OutboxMessage)>,
    pub(crate) directory: Directory,
    /// What customers asked others to pay.
    pub(crate) requests: RequestBook,
    pub(crate) sessions: Sessions,
    /// Turns for pages that watch progress.
    pub(crate) watchers: Arc<Semaphore>,
    /// Turns for files of payments that arrive.
    pub(crate) uploads: Arc<Semaphore>,
    /// No standing order is due before this time; 0 until the books were read.
    pub(crate) standing_next_ms: AtomicU64,
    /// Told when a file of payments was accepted.
    pub(crate) bulk_files: Notify,
}

/// Shared by every task and page.
pub(crate) type Shared = Arc<Inner>;

impl Inner {
    pub(crate) fn new(
        config: BankConfig,
        books: Books,
        link: Link,
        outbox: mpsc::UnboundedSender<(u64, OutboxMessage)>,
    ) -> Shared {
        let world = Arc::clone(&config.link.world);
        let scheme = Scheme {
            world: Arc::clone(&world),
            own: config.bic.clone(),
            centre: config.centre_bic.clone(),
            clearing_system: config.clearing_system.clone(),
        };
        Arc::new(Self {
            scheme,
            books: Arc::new(books),
            link,
            fault: watch::Sender::new(Fault::None),
            asked: Default::default(),
            drop_ms: AtomicU64::new(0),
            forget: AtomicBool::new(false),
            changes: broadcast::Sender::new(CHANGES_KEPT),
            outbox,
            directory: Directory::default(),
            requests: RequestBook::default(),
            sessions: Sessions::new(Arc::clone(&world)),
            world,
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            standing_next_ms: AtomicU64::new(0),
            bulk_files: Notify::new(),
            config,
        })
    }

    /// Works with the books on a thread that may wait for the disk.
    pub(crate) async fn books<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Books) -> Result<T, BooksError> + Send + 'static,
    ) -> Result<T, BooksError> {
        let books = Arc::clone(&self.books);
        self.world.blocking(move || act(&books)).await.unwrap_or(Err(BooksError::Stopping))
    }

    /// Milliseconds since 1970 UTC.
    pub(crate) fn now_ms(&self) -> u64 {
        self.world.now_ms()
    }

    /// Nanoseconds since 1970 UTC, whole milliseconds as messages carry them.
    pub(crate) fn now_ns(&self) -> u64 {
        self.scheme.now_ns()
    }

    /// The fault in force.
    pub(crate) fn fault(&self) -> Fault {
        self.fault.borrow().clone()
    }

    /// How something this bank is asked is treated: by the fault in force, otherwise by the script.
    pub(crate) fn fault_for(&self, asked: Question, account: &str, amount: &str) -> Fault {
        let sequence = self.asked[asked as usize].fetch_add(1, Ordering::Relaxed) + 1;
        match self.fault() {
            Fault::None => self.config.script.fault_for(asked, account, amount, sequence),
            fault => fault,
        }
    }

    /// The same of a payment it is asked to credit. One that is `known` was read before: what it does to the line it has done.
    pub(crate) fn fault_for_payment(&self, payment: &CreditTransferView, known: bool) -> Fault {
        let account = payment.creditor_account.as_ref().map_or("", |account| &account.number);
        let fault = self.fault_for(Question::Payment, account, &payment.interbank_settlement_amount.to_string());
        match fault {
            Fault::DropConnection { ms } => self.drop_ms.store(ms, Ordering::Relaxed),
            Fault::ForgetCursor if !known => self.forget.store(true, Ordering::Relaxed),
            Fault::None
            | Fault::Slow { .. }
            | Fault::Silent
            | Fault::Refusing { .. }
            | Fault::Offline
            | Fault::AnswerTwice
            | Fault::AnswerLate
            | Fault::WrongSignature
            | Fault::Reviewing
            | Fault::CreditTwice
            | Fault::ForgetCursor => {}
        }
        fault
    }

    /// Whether the inbox is to be opened at its beginning now; asked once for each time.
    pub(crate) fn forgets_cursor(&self) -> bool {
        self.forget.swap(false, Ordering::Relaxed)
    }

    /// Cuts the connections if a payment just booked says so, and lets them be made again after its time.
    pub(crate) fn reconnect_if_dropped(self: &Arc<Self>) {
        let ms = self.drop_ms.swap(0, Ordering::Relaxed);
        if ms == 0 {
            return;
        }
        self.link.set_offline(true);
        let inner = Arc::clone(self);
        self.world.spawn(Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            inner.link.set_offline(inner.fault() == Fault::Offline);
        }));
    }

    /// Puts a fault in force, or ends it.
    pub(crate) fn set_fault(&self, fault: Fault) {
        tracing::info!(bank = self.config.bic, ?fault, "fault set");
        self.link.set_offline(fault == Fault::Offline);
        self.fault.send_replace(fault);
    }

    /// Tells pages that a payment out changed. Nobody may be watching.
    pub(crate) fn changed(&self, uetr: &str) {
        let _ = self.changes.send(uetr.to_owned());
    }
}
