//! The line between the bank under test and the gateway, on which things go wrong as a scenario says: an item is forged, an
//! answer is lost, the inbox is read again from its beginning.
//!
//! It ends the bank's TLS and goes on to the gateway under the bank's own certificate, which the kit has issued; what the
//! bank signs passes as it is.
//!
//! # Limits
//! [`CONNECTIONS_MAX`] connections at a time. An upset is looked for in pieces as they are read, at most [`PIECE_BYTES`] long.

use anyhow::{Context, Result};
use banklink::{Connection, Connector, TlsConnector};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Connections of one bank: far more than its link opens.
const CONNECTIONS_MAX: usize = 256;
/// Bytes carried at once: an inbox event and more.
const PIECE_BYTES: usize = 64 << 10;
/// Stands in every `pacs.008` and in nothing else a debtor agent sends.
const PAYMENT_MARK: &[u8] = b"<FIToFICstmrCdtTrf>";

/// What goes wrong next, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upset {
    /// Nothing.
    None,
    /// In an inbox item these bytes become others of the same length, so that its signature no longer fits.
    Forge(Vec<u8>, Vec<u8>),
    /// The gateway takes the next payment, its answer never arrives.
    LoseAnswer,
    /// The next inbox stream begins at cursor 0.
    FromTheBeginning,
}

/// The line.
pub struct Wire {
    /// Where the bank connects.
    pub addr: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

struct Shared {
    upset: Mutex<Upset>,
    cut: watch::Sender<u64>,
    acceptor: TlsAcceptor,
    gateway: TlsConnector,
}

impl Wire {
    /// Listens at `addr` and carries to `gateway`.
    pub async fn start(addr: SocketAddr, server: Arc<rustls::ServerConfig>, gateway: TlsConnector) -> Result<Self> {
        let listener = TcpListener::bind(addr).await.with_context(|| format!("listening on {addr}"))?;
        let addr = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(server);
        let shared = Arc::new(Shared { upset: Mutex::new(Upset::None), cut: watch::Sender::new(0), acceptor, gateway });
        let listener = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, listener })
    }

    /// Has something go wrong, once.
    pub fn upset(&self, upset: Upset) {
        *self.shared.lock() = upset;
    }

    /// Whether what was to go wrong did.
    pub fn is_done(&self) -> bool {
        *self.shared.lock() == Upset::None
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|times| *times += 1);
    }

    /// No more connections.
    pub fn stop(&self) {
        self.listener.abort();
        self.cut();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Upset> {
        self.upset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What leaves the bank; true if the answer to it shall be lost.
    fn outward(&self, piece: &mut Vec<u8>) -> bool {
        let mut upset = self.lock();
        match &*upset {
            Upset::LoseAnswer if find(piece, PAYMENT_MARK).is_some() => {
                *upset = Upset::None;
                true
            }
            Upset::FromTheBeginning if from_the_beginning(piece) => {
                *upset = Upset::None;
                false
            }
            Upset::None | Upset::Forge(..) | Upset::LoseAnswer | Upset::FromTheBeginning => false,
        }
    }

    /// What arrives at the bank.
    fn inward(&self, piece: &mut [u8]) {
        let mut upset = self.lock();
        if let Upset::Forge(from, to) = &*upset
            && let Some(at) = find(piece, from)
        {
            piece[at..at + from.len()].copy_from_slice(to);
            *upset = Upset::None;
        }
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(turn) = Arc::clone(&turns).acquire_owned().await {
        let Ok((socket, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            if let Err(error) = carry(socket, &shared).await {
                tracing::info!(%error, "a connection of the bank under test ended");
            }
            drop(turn);
        });
    }
}

async fn carry(socket: TcpStream, shared: &Shared) -> Result<()> {
    let mut cut = shared.cut.subscribe();
    cut.mark_unchanged();
    let bank = shared.acceptor.accept(socket).await.context("greeting")?;
    let gateway: Box<dyn Connection> = shared.gateway.connect().await?;
    let (mut from_bank, mut to_bank) = tokio::io::split(bank);
    let (mut from_gateway, mut to_gateway) = tokio::io::split(gateway);
    let loses = watch::Sender::new(false);
    let outward = async {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        loop {
            piece.clear();
            if from_bank.read_buf(&mut piece).await? == 0 {
                return to_gateway.shutdown().await;
            }
            if shared.outward(&mut piece) {
                loses.send_replace(true);
            }
            to_gateway.write_all(&piece).await?;
            to_gateway.flush().await?;
        }
    };
    let inward = async {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let length = from_gateway.read(&mut piece).await?;
            if length == 0 || *loses.borrow() {
                return std::io::Result::Ok(());
            }
            shared.inward(&mut piece[..length]);
            to_bank.write_all(&piece[..length]).await?;
            to_bank.flush().await?;
        }
    };
    tokio::select! {
        ended = inward => ended?,
        ended = async { outward.await?; std::future::pending::<std::io::Result<()>>().await } => ended?,
        _ = cut.changed() => {}
    }
    Ok(())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Sets the cursor of an inbox request to 0; false if the piece is none.
fn from_the_beginning(piece: &mut Vec<u8>) -> bool {
    if !piece.starts_with(b"GET /v1/inbox") {
        return false;
    }
    let Some(at) = find(piece, b"after=").map(|at| at + b"after=".len()) else { return false };
    let digits = piece[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    piece.splice(at..at + digits, *b"0");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_set_back() {
        let set_back = |text: &str| {
            let mut piece = text.as_bytes().to_vec();
            from_the_beginning(&mut piece).then(|| String::from_utf8(piece).unwrap())
        };
        let head = "GET /v1/inbox?after=1234&signed=together HTTP/1.1\r\n";
        assert_eq!(set_back(head).unwrap(), "GET /v1/inbox?after=0&signed=together HTTP/1.1\r\n");
        assert_eq!(set_back("GET /v1/accounts?after=1234 HTTP/1.1\r\n"), None);
        assert_eq!(set_back("GET /v1/inbox HTTP/1.1\r\n"), None);
    }
}
