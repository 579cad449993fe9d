//! The monitor's server: routes, headers, start and stop. Every route reads but the one that hands officers' orders on.

use crate::facts::{ConsortiumFacts, DoorCounts, Facts, newest_payments};
use crate::frame::notice;
use crate::language::{self, FIELD, tag};
use crate::live::{self, Viewer};
use crate::payment::PaymentPage;
use crate::words::Word;
use crate::{assets, board, metrics};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chain::Contradiction;
use clearing::{ParticipantId, PaymentView, Uetr};
use history::{IndexError, ReadModel};
use maud::Markup;
use risk::Language;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Bytes of an order's document at most.
const ORDER_BYTES_MAX: usize = 64 << 10;
/// How long open answers may take to end at a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// Only what the page brings itself, no inline script or style, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Where it listens.
#[derive(Debug, Clone, Copy)]
pub struct MonitorConfig {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
}

/// HTTP status and JSON body of what became of an order.
pub type Taken = Pin<Box<dyn Future<Output = (u16, Vec<u8>)> + Send>>;

/// What it looks at, and the one thing it hands on.
#[derive(Clone)]
pub struct MonitorDeps {
    /// The past.
    pub model: Arc<ReadModel>,
    /// Whether a participant is connected now.
    pub online: Arc<dyn Fn(ParticipantId) -> bool + Send + Sync>,
    /// The newest signed checkpoint.
    pub checkpoint: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// A final payment's receipt.
    pub receipt: Arc<dyn Fn(Uetr) -> Option<String> + Send + Sync>,
    /// Now, nanoseconds since 1970.
    pub now_ns: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// What the participants' door took in and refused.
    pub door: Arc<dyn Fn() -> DoorCounts + Send + Sync>,
    /// Who governs the chain and what it calls things, as JSON.
    pub governance: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
    /// The validators by epoch, where several operators agree; `None` for a single one.
    pub validators: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// Takes an order's document to the centre.
    pub order: Arc<dyn Fn(Bytes) -> Taken + Send + Sync>,
    /// Whether the journal stopped for good.
    pub stopped: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Proofs that a validator contradicted itself, checked.
    pub evidence: Arc<dyn Fn() -> Vec<Contradiction> + Send + Sync>,
    /// What this node knows of the other operators; `None` for a single node.
    pub consortium: Arc<dyn Fn() -> Option<ConsortiumFacts> + Send + Sync>,
}

/// The operator's live board.
#[derive(Debug)]
pub struct Monitor;

/// A monitor that runs.
#[derive(Debug)]
pub struct MonitorHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

pub(crate) struct Shared {
    pub(crate) deps: MonitorDeps,
    pub(crate) stop: watch::Sender<bool>,
    viewers: Arc<AtomicUsize>,
}

impl Monitor {
    /// Starts to listen.
    ///
    /// # Errors
    /// The address cannot be had.
    pub async fn start(config: MonitorConfig, deps: MonitorDeps) -> io::Result<MonitorHandle> {
        let listener = TcpListener::bind(config.listen).await?;
        let addr = listener.local_addr()?;
        let (stop, mut stopped) = watch::channel(false);
        let shared = Arc::new(Shared { deps, stop: stop.clone(), viewers: Arc::default() });
        let server = axum::serve(listener, router(shared)).with_graceful_shutdown(async move {
            // An error means that nobody can tell it to stop any more: then it stops.
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        let task = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "monitor stopped");
            }
        });
        Ok(MonitorHandle { addr, stop, task })
    }
}

impl MonitorHandle {
    /// Ends every stream, waits for open answers, then lets go of the address.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(STOP_PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let asset = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], text) })
    };
    Router::new()
        .route("/", get(board_page))
        .route("/payments/{uetr}", get(payment_page))
        .route("/payments/{uetr}/receipt", get(receipt))
        .route("/live", get(live_stream))
        .route("/metrics", get(metrics_text))
        .route("/healthz", get(health))
        .route("/checkpoint", get(checkpoint))
        .route("/governance", get(governance))
        .route("/validators", get(validators))
        .route("/orders", post(order).layer(DefaultBodyLimit::max(ORDER_BYTES_MAX)))
        .route("/assets/board.css", asset("text/css; charset=utf-8", assets::STYLE))
        .route("/assets/board.js", asset("text/javascript; charset=utf-8", assets::SCRIPT))
        .route("/assets/icon.svg", asset("image/svg+xml", assets::ICON))
        .fallback(missing)
        .layer(from_fn(guarded))
        .with_state(shared)
}

/// Headers of every answer.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[derive(Debug, Default, Deserialize)]
struct Wish {
    lang: Option<String>,
    after: Option<u64>,
}

impl Wish {
    fn language(&self, headers: &HeaderMap) -> Language {
        language::chosen(self.lang.as_deref(), headers)
    }
}

/// A page; a language asked for is remembered.
fn page(status: StatusCode, wish: &Wish, language: Language, markup: Markup) -> Response {
    let mut response = (status, markup).into_response();
    if wish.lang.is_some() {
        let cookie = format!("{FIELD}={}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly", tag(language));
        let value = HeaderValue::from_str(&cookie).expect("tags are ASCII");
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

async fn board_page(State(shared): State<Arc<Shared>>, Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    let language = wish.language(&headers);
    let (payments, position) = newest_payments(&shared.deps);
    let facts = Facts::gather(&shared.deps);
    page(StatusCode::OK, &wish, language, board::page(language, &facts, &payments, position))
}

async fn payment_page(
    State(shared): State<Arc<Shared>>,
    Path(uetr): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Response {
    let language = wish.language(&headers);
    let deps = &shared.deps;
    let payment = match find(deps, &uetr) {
        Ok(Some(payment)) => payment,
        Ok(None) => return page(StatusCode::NOT_FOUND, &wish, language, notice(language, Word::NoSuchPayment)),
        Err(_) => return page(StatusCode::SERVICE_UNAVAILABLE, &wish, language, notice(language, Word::NoPast)),
    };
    let participants = deps.model.participants();
    let receipt = payment.finality.and_then(|_| (deps.receipt)(payment.uetr));
    let rendered = PaymentPage { language, payment: &payment, participants: &participants, receipt }.render();
    page(StatusCode::OK, &wish, language, rendered)
}

/// A payment by the text of its UETR.
fn find(deps: &MonitorDeps, uetr: &str) -> Result<Option<PaymentView>, IndexError> {
    let found = Uetr::parse(uetr).map_or(Ok(None), |uetr| deps.model.payment(uetr));
    found.inspect_err(|error| tracing::error!(%error, "the past cannot be read"))
}

/// The receipt alone, as `luohu verify` reads it.
async fn receipt(State(shared): State<Arc<Shared>>, Path(uetr): Path<String>) -> Response {
    let payment = match find(&shared.deps, &uetr) {
        Ok(payment) => payment,
        Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "the past cannot be read now\n").into_response(),
    };
    match payment.filter(|payment| payment.finality.is_some()).and_then(|payment| (shared.deps.receipt)(payment.uetr)) {
        Some(text) => text.into_response(),
        None => (StatusCode::NOT_FOUND, "no receipt: no such payment, or it is not final yet\n").into_response(),
    }
}

async fn live_stream(State(shared): State<Arc<Shared>>, Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    let language = wish.language(&headers);
    let Some(viewer) = Viewer::enter(&shared.viewers) else {
        let retry = [(header::RETRY_AFTER, "10")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, Word::Busy.text(language)).into_response();
    };
    // A browser that comes back says where it was.
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let position = resumed.or(wish.after).unwrap_or(0);
    Sse::new(live::stream(shared, language, position, viewer)).keep_alive(KeepAlive::default()).into_response()
}

async fn metrics_text(State(shared): State<Arc<Shared>>) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")];
    (kind, metrics::render(&Facts::gather(&shared.deps))).into_response()
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    match (shared.deps.stopped)() {
        false => "ok\n".into_response(),
        true => (StatusCode::SERVICE_UNAVAILABLE, "stopped\n").into_response(),
    }
}

async fn checkpoint(State(shared): State<Arc<Shared>>) -> Response {
    match (shared.deps.checkpoint)() {
        Some(note) => note.into_response(),
        None => (StatusCode::NOT_FOUND, "no checkpoint yet\n").into_response(),
    }
}

async fn governance(State(shared): State<Arc<Shared>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], (shared.deps.governance)()).into_response()
}

async fn validators(State(shared): State<Arc<Shared>>) -> Response {
    match (shared.deps.validators)() {
        Some(list) => list.into_response(),
        None => (StatusCode::NOT_FOUND, "a single operator has no validators\n").into_response(),
    }
}

/// What two officers signed needs no sign-in; who brings it does not matter.
async fn order(State(shared): State<Arc<Shared>>, document: Bytes) -> Response {
    let (status, body) = (shared.deps.order)(document).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

async fn missing(Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    let language = wish.language(&headers);
    page(StatusCode::NOT_FOUND, &wish, language, notice(language, Word::NotFound))
}
