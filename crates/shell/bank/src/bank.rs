//! A bank started and stopped.

use crate::books::{Books, BooksError, BooksReport};
use crate::clock::now_ms;
use crate::config::BankConfig;
use crate::engine;
use crate::fault::Fault;
use crate::inner::{Inner, Shared};
use crate::sample::seed_of;
use crate::web;
use banklink::{Link, LinkState};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How long open requests may take at the end.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// The reference participant.
pub struct Bank;

/// A running bank. Dropped without [`BankHandle::shutdown`] it stops as if it had crashed, which its books stand.
pub struct BankHandle {
    inner: Shared,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
    tasks: JoinSet<()>,
}

/// Why a bank did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder.
    #[error("data folder {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The books.
    #[error("books: {0}")]
    Books(#[from] BooksError),
    /// The address for the pages.
    #[error("address {addr}: {source}")]
    Listen {
        /// Which.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl Bank {
    /// Opens the books (seeding them on first start), takes up what a crash left, connects to the centre when it can be
    /// reached, and serves the pages.
    pub async fn start(config: BankConfig) -> Result<BankHandle, StartError> {
        let books = open_books(&config).await?;
        let addr = config.listen;
        let listener = TcpListener::bind(addr).await.map_err(|source| StartError::Listen { addr, source })?;
        let addr = listener.local_addr().map_err(|source| StartError::Listen { addr, source })?;
        let link = Link::new(config.link.clone());
        let fault = config.fault.clone();
        let (outbox_sender, outbox) = mpsc::unbounded_channel();
        let inner = Inner::new(config, books, link, outbox_sender);
        if fault != Fault::None {
            inner.set_fault(fault);
        }
        let mut tasks = JoinSet::new();
        engine::start(&inner, outbox, &mut tasks);
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let app = web::router(Shared::clone(&inner)).into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            let until = async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            axum::serve(listener, app).with_graceful_shutdown(until).await
        });
        Ok(BankHandle { inner, addr, stop, server, tasks })
    }
}

async fn open_books(config: &BankConfig) -> Result<Books, StartError> {
    let folder = config.data_dir.clone();
    let (customers, currencies) = (config.customers.clone(), config.currencies.clone());
    let opened = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&folder).map_err(|source| StartError::Folder { path: folder.clone(), source })?;
        let books = Books::open(&folder.join("books.redb"))?;
        if !books.is_seeded()? {
            books.seed(&seed_of(&customers, &currencies), now_ms())?;
        }
        Ok(books)
    });
    match opened.await {
        Ok(books) => books,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}

impl BankHandle {
    /// Where the pages are.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The bank's BIC.
    pub fn bic(&self) -> &str {
        &self.inner.config.bic
    }

    /// Whether the inbox stream stands, now and as it changes.
    pub fn link_state(&self) -> watch::Receiver<LinkState> {
        self.inner.link.state()
    }

    /// Puts a fault in force, or ends it with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.inner.set_fault(fault);
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        self.inner.fault()
    }

    /// Reads all books and checks every law over them.
    pub async fn books_report(&self) -> Result<BooksReport, BooksError> {
        self.inner.books(Books::report).await
    }

    /// Stops: no new requests, what is open gets a moment, tasks end. Payments under way go on at the next start.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, &mut self.server).await;
        self.server.abort();
        self.tasks.shutdown().await;
    }
}
