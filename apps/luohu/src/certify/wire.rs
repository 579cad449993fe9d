//! The line between the bank under test and the gateway: it remembers what passes, and things go wrong on it as a scenario
//! says: an item is forged, repeated or joined by another, an answer is lost, the inbox is read again from its beginning.
//!
//! It ends the bank's TLS and goes on to the gateway under the bank's own certificate, which the kit has issued; what the
//! bank signs passes as it is.
//!
//! # Limits
//! [`CONNECTIONS_MAX`] connections at a time, [`BODY_BYTES_MAX`] of a body that is no stream. What goes wrong with an item goes
//! wrong in a stream; to a bank that polls, items can be forged and no more.

use super::log::{Log, Passed};
use super::stream::{Answered, Carried, Events, find, labels};
use anyhow::{Context, Result};
use banklink::{Connection, Connector, TlsConnector};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Connections of one bank: far more than its link opens.
const CONNECTIONS_MAX: usize = 256;
/// Longest body carried: an answer, or a page of a thousand items.
const BODY_BYTES_MAX: usize = 8 << 20;
/// Pieces of a stream a slow bank may be behind.
const PIECES_AHEAD: usize = 64;
/// Stands in every `pacs.008` and in nothing else a debtor agent sends.
const PAYMENT_MARK: &[u8] = b"FIToFICstmrCdtTrf>";
/// Stands in every `pacs.002`.
const REPORT_MARK: &[u8] = b"FIToFIPmtStsRpt>";
/// Stands in every item that asks to credit.
const ASKED_MARK: &[u8] = b"\"type\":\"pacs.008.";
/// Stands before the text of an item's signature.
const SIGNATURE_MARK: &[u8] = b"\"signature\":\"sig1=:";

/// What goes wrong next, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upset {
    /// Nothing.
    None,
    /// In an inbox item these bytes become others of the same length, so that its signature no longer fits.
    Forge(Vec<u8>, Vec<u8>),
    /// The next payment arrives as it is, under a signature of which one letter is another.
    ForgeSignature,
    /// The next payment arrives twice in the same stream.
    Twice,
    /// Before the next payment something else arrives: signed apart, and together as a batch.
    Before(Vec<u8>, Vec<u8>),
    /// The gateway takes the next payment, its answer never arrives.
    LoseAnswer,
    /// The bank's next word on a payment never arrives.
    LoseReport,
    /// The next inbox begins at cursor 0.
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
    log: Mutex<Log>,
    inbox_closed: AtomicBool,
    cut: watch::Sender<u64>,
    acceptor: TlsAcceptor,
    gateway: TlsConnector,
}

/// A request or its answer is lost; the connection ends with it.
#[derive(Debug)]
struct Lost(&'static str);

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lost on the line: {}", self.0)
    }
}

impl std::error::Error for Lost {}

impl Wire {
    /// Listens at `addr` and carries to `gateway`.
    pub async fn start(addr: SocketAddr, server: Arc<rustls::ServerConfig>, gateway: TlsConnector) -> Result<Self> {
        let listener = TcpListener::bind(addr).await.with_context(|| format!("listening on {addr}"))?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upset: Mutex::new(Upset::None),
            log: Mutex::default(),
            inbox_closed: AtomicBool::new(false),
            cut: watch::Sender::new(0),
            acceptor: TlsAcceptor::from(server),
            gateway,
        });
        let listener = tokio::spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { addr, shared, listener })
    }

    /// Has something go wrong, once.
    pub fn upset(&self, upset: Upset) {
        *self.shared.upset() = upset;
    }

    /// Whether what was to go wrong did.
    pub fn is_done(&self) -> bool {
        *self.shared.upset() == Upset::None
    }

    /// Cuts every connection.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|times| *times += 1);
    }

    /// Cuts every connection and lets no inbox be opened, until it is opened again.
    pub fn close_inbox(&self, closed: bool) {
        self.shared.inbox_closed.store(closed, Ordering::SeqCst);
        if closed {
            self.cut();
        }
    }

    /// From here on: what [`Wire::since`] begins with.
    pub fn mark(&self) -> u64 {
        self.shared.log().next()
    }

    /// What passed since then.
    pub fn since(&self, mark: u64) -> Vec<Passed> {
        self.shared.log().since(mark)
    }

    /// No more connections.
    pub fn stop(&self) {
        self.listener.abort();
        self.cut();
    }
}

/// What becomes of something the bank sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Carried,
    Lost,
    AnswerLost,
}

impl Shared {
    fn upset(&self) -> MutexGuard<'_, Upset> {
        self.upset.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fate(&self, body: &[u8]) -> Fate {
        let mut upset = self.upset();
        let fate = match &*upset {
            Upset::LoseAnswer if find(body, PAYMENT_MARK).is_some() => Fate::AnswerLost,
            Upset::LoseReport if find(body, REPORT_MARK).is_some() => Fate::Lost,
            Upset::None
            | Upset::Forge(..)
            | Upset::ForgeSignature
            | Upset::Twice
            | Upset::Before(..)
            | Upset::LoseAnswer
            | Upset::LoseReport
            | Upset::FromTheBeginning => return Fate::Carried,
        };
        *upset = Upset::None;
        fate
    }

    /// An event or a page as it arrives at the bank: forged, if it is to be.
    fn forge(&self, text: &mut [u8]) {
        let mut upset = self.upset();
        let done = match &*upset {
            Upset::Forge(from, to) => find(text, from).map(|at| text[at..at + from.len()].copy_from_slice(to)).is_some(),
            Upset::ForgeSignature if find(text, ASKED_MARK).is_some() => spoil_signature(text),
            Upset::None
            | Upset::ForgeSignature
            | Upset::Twice
            | Upset::Before(..)
            | Upset::LoseAnswer
            | Upset::LoseReport
            | Upset::FromTheBeginning => false,
        };
        if done {
            *upset = Upset::None;
            self.log().push(Passed::Forged);
        }
    }

    /// What else arrives with an event: before it, and behind it.
    fn company(&self, event: &[u8], together: bool) -> (Vec<u8>, Vec<u8>) {
        let mut upset = self.upset();
        let company = match &*upset {
            Upset::Twice if find(event, ASKED_MARK).is_some() => (Vec::new(), event.to_vec()),
            Upset::Before(apart, batch) if find(event, ASKED_MARK).is_some() => {
                (if together { batch.clone() } else { apart.clone() }, Vec::new())
            }
            Upset::None
            | Upset::Forge(..)
            | Upset::ForgeSignature
            | Upset::Twice
            | Upset::Before(..)
            | Upset::LoseAnswer
            | Upset::LoseReport
            | Upset::FromTheBeginning => return (Vec::new(), Vec::new()),
        };
        *upset = Upset::None;
        company
    }

    /// Everything that arrives for an event of the gateway.
    fn arrives(&self, mut event: Vec<u8>, together: bool) -> Vec<u8> {
        let (mut before, behind) = self.company(&event, together);
        self.forge(&mut event);
        before.extend_from_slice(&event);
        before.extend_from_slice(&behind);
        self.note_items(&event);
        before
    }

    fn note_items(&self, text: &[u8]) {
        let mut log = self.log();
        for label in labels(text) {
            log.push(Passed::Item(label));
        }
    }

    /// Notes where the bank begins to read, and has it begin elsewhere if it is to.
    fn inbox_asked(&self, parts: &mut Parts) -> Result<(), Lost> {
        let last = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
        self.log().push(Passed::Inbox { after: last.unwrap_or_else(|| cursor_of(&parts.uri)) });
        if self.inbox_closed.load(Ordering::SeqCst) {
            return Err(Lost("the inbox is closed"));
        }
        let mut upset = self.upset();
        if *upset == Upset::FromTheBeginning {
            *upset = Upset::None;
            parts.headers.remove("last-event-id");
            parts.uri = from_the_beginning(&parts.uri).ok_or(Lost("an address that cannot be"))?;
        }
        Ok(())
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

type ToGateway = Arc<tokio::sync::Mutex<SendRequest<Full<Bytes>>>>;

/// Carries one connection of the bank over one of its own, request by request.
async fn carry(socket: TcpStream, shared: &Arc<Shared>) -> Result<()> {
    let mut cut = shared.cut.subscribe();
    cut.mark_unchanged();
    let bank = shared.acceptor.accept(socket).await.context("greeting")?;
    let gateway: Box<dyn Connection> = shared.gateway.connect().await?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(gateway)).await?;
    let mut gateway = tokio::spawn(connection);
    let sender: ToGateway = Arc::new(tokio::sync::Mutex::new(sender));
    let service = service_fn(|request| pass(Arc::clone(shared), Arc::clone(&sender), request));
    let bank = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(bank), service);
    let mut bank = pin!(bank);
    let ended = tokio::select! {
        ended = bank.as_mut() => Some(ended),
        _ = &mut gateway => None,
        _ = cut.changed() => Some(Ok(())),
    };
    if let Some(ended) = ended {
        gateway.abort();
        return ended.context("the bank's connection");
    }
    // The gateway is through with this connection: the bank gets what there is, and makes a new one.
    bank.as_mut().graceful_shutdown();
    tokio::select! {
        ended = bank => ended.context("the bank's connection"),
        _ = cut.changed() => Ok(()),
    }
}

/// One request and its answer.
async fn pass(shared: Arc<Shared>, gateway: ToGateway, request: Request<Incoming>) -> Result<Response<Answered>, Lost> {
    let (mut parts, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Lost("a body"))?.to_bytes();
    parts.headers.remove(TRANSFER_ENCODING);
    let reads_inbox = parts.method == Method::GET && parts.uri.path() == "/v1/inbox";
    let together = parts.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "signed=together"));
    if reads_inbox {
        shared.inbox_asked(&mut parts)?;
    }
    let number = (parts.method == Method::POST).then(|| shared.log().push(Passed::Sent { body: body.clone(), status: None }));
    let fate = if number.is_some() { shared.fate(&body) } else { Fate::Carried };
    if fate == Fate::Lost {
        return Err(Lost("a message"));
    }
    let mut sender = gateway.lock().await;
    sender.ready().await.map_err(|_| Lost("the gateway went away"))?;
    let answer = sender.send_request(Request::from_parts(parts, Full::new(body))).await.map_err(|_| Lost("no answer"))?;
    drop(sender);
    if let Some(number) = number {
        shared.log().answered(number, answer.status().as_u16());
    }
    if fate == Fate::AnswerLost {
        return Err(Lost("an answer"));
    }
    answered(&shared, answer, reads_inbox, together).await
}

async fn answered(
    shared: &Arc<Shared>,
    answer: Response<Incoming>,
    reads_inbox: bool,
    together: bool,
) -> Result<Response<Answered>, Lost> {
    let (mut parts, body) = answer.into_parts();
    parts.headers.remove(TRANSFER_ENCODING);
    let streams = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    if streams {
        parts.headers.remove(CONTENT_LENGTH);
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        tokio::spawn(feed(Arc::clone(shared), body, together, sender));
        return Ok(Response::from_parts(parts, Either::Right(Carried(pieces))));
    }
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|_| Lost("an answer's body"))?.to_bytes();
    let mut body = Vec::from(body);
    if reads_inbox {
        shared.forge(&mut body);
        shared.note_items(&body);
    }
    Ok(Response::from_parts(parts, Either::Left(Full::new(body.into()))))
}

/// Carries a stream, event by event, until either end goes away.
async fn feed(shared: Arc<Shared>, mut body: Incoming, together: bool, bank: mpsc::Sender<Bytes>) {
    let mut events = Events::default();
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = bank.closed() => return,
        };
        let Some(Ok(frame)) = frame else { return };
        let Some(complete) = frame.data_ref().and_then(|piece| events.push(piece)) else { return };
        for event in complete {
            if bank.send(shared.arrives(event, together).into()).await.is_err() {
                return;
            }
        }
    }
}

/// One letter of the signature becomes another.
fn spoil_signature(text: &mut [u8]) -> bool {
    let Some(letter) = find(text, SIGNATURE_MARK).and_then(|at| text.get_mut(at + SIGNATURE_MARK.len())) else { return false };
    *letter = if *letter == b'A' { b'B' } else { b'A' };
    true
}

/// Behind which cursor an inbox is asked for; 0 unless it says.
fn cursor_of(uri: &Uri) -> u64 {
    let mut pairs = uri.query().unwrap_or_default().split('&');
    pairs.find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0)
}

/// The same address, with the cursor 0.
fn from_the_beginning(uri: &Uri) -> Option<Uri> {
    let query = uri.query().unwrap_or_default();
    let pairs = query.split('&').map(|pair| if pair.starts_with("after=") { "after=0" } else { pair });
    let query = pairs.collect::<Vec<_>>().join("&");
    format!("{}?{query}", uri.path()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_and_set_back() {
        let uri: Uri = "/v1/inbox?after=1234&signed=together".parse().unwrap();
        assert_eq!(cursor_of(&uri), 1234);
        assert_eq!(from_the_beginning(&uri).unwrap().to_string(), "/v1/inbox?after=0&signed=together");
        assert_eq!(cursor_of(&"/v1/inbox".parse().unwrap()), 0);
    }

    #[test]
    fn a_spoiled_signature_differs_in_one_letter() {
        for (first, then) in [("Q", "A"), ("A", "B")] {
            let mut text = format!("{{\"signature\":\"sig1=:{first}xyz:\"}}").into_bytes();
            assert!(spoil_signature(&mut text));
            assert_eq!(text, format!("{{\"signature\":\"sig1=:{then}xyz:\"}}").into_bytes());
        }
        assert!(!spoil_signature(&mut b"{}".to_vec()));
    }
}
