//! A bank started and stopped.

use crate::books::{Books, BooksError, BooksReport, Folder};
use crate::config::BankConfig;
use crate::fault::Fault;
use crate::inner::Shared;
use crate::sample::seed_of;
use crate::teller::{Desk, Teller};
use crate::web;
use banklink::LinkState;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use world::SharedWorld;

/// How long open requests may take at the end.
const SHUTDOWN_GRACE: Duration = Duration::from_millis(500);

/// The reference participant.
pub struct Bank;

/// A running bank. Dropped without [`BankHandle::shutdown`] it stops as if it had crashed, which its books stand.
pub struct BankHandle {
    teller: Teller,
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
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
        let teller = Teller::start(config, books);
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let app = web::router(Shared::clone(&teller.inner)).into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move {
            let until = async move {
                let _ = stopped.wait_for(|stop| *stop).await;
            };
            axum::serve(listener, app).with_graceful_shutdown(until).await
        });
        Ok(BankHandle { teller, addr, stop, server })
    }
}

async fn open_books(config: &BankConfig) -> Result<Books, StartError> {
    let folder = config.data_dir.clone();
    let (customers, currencies) = (config.customers.clone(), config.currencies.clone());
    let world = SharedWorld::clone(&config.link.world);
    let seeded_ms = world.now_ms();
    let opened = world.blocking(move || {
        std::fs::create_dir_all(&folder).map_err(|source| StartError::Folder { path: folder.clone(), source })?;
        let books = Books::open(&Folder(folder))?;
        if !books.is_seeded()? {
            books.seed(&seed_of(&customers, &currencies), seeded_ms)?;
        }
        Ok(books)
    });
    opened.await.unwrap_or(Err(StartError::Books(BooksError::Stopping)))
}

impl BankHandle {
    /// Where the pages are.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where customers are served without pages.
    pub fn desk(&self) -> Desk {
        self.teller.desk()
    }

    /// The bank's BIC.
    pub fn bic(&self) -> &str {
        &self.teller.inner.config.bic
    }

    /// Whether the inbox stream stands, now and as it changes.
    pub fn link_state(&self) -> watch::Receiver<LinkState> {
        self.teller.inner.link.state()
    }

    /// Puts a fault in force, or ends it with [`Fault::None`].
    pub fn set_fault(&self, fault: Fault) {
        self.teller.inner.set_fault(fault);
    }

    /// The fault in force.
    pub fn fault(&self) -> Fault {
        self.teller.inner.fault()
    }

    /// Reads all books and checks every law over them.
    pub async fn books_report(&self) -> Result<BooksReport, BooksError> {
        self.teller.desk().books_report().await
    }

    /// Stops: no new requests, what is open gets a moment, tasks end. Payments under way go on at the next start.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, &mut self.server).await;
        self.server.abort();
        self.teller.shutdown().await;
    }
}
