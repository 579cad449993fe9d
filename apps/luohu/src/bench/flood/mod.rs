//! The load of an overload, in a process of its own: payments and status polls that arrive by the clock, carried or not.
//!
//! Arrivals have due times; a worker that is free takes the next. Latencies of accepted payments count from the due time, so
//! that a load which falls behind cannot hide it. A refused payment is offered again, the same bytes, by a later arrival: that is what a
//! bank does, and it keeps the load's own signing from being the bottleneck.

use super::bank::{AMOUNT_MINOR, pacs008};
use super::{CREDITOR_BANK, DEBTOR_BANK, member};
use crate::cli::{FloodArgs, SettingsArgs};
use crate::config::Config;
use crate::keys::MemberKeys;
use crate::run;
use anyhow::{Context, Result, anyhow, ensure};
use banklink::{Connector, TlsConnector};
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use signing::sign_request;
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Of so many arrivals one is a status poll.
const ONE_POLL_IN: u64 = 10;
/// An arrival that is later than this was not offered.
const LATE_MAX: Duration = Duration::from_secs(1);
/// How long what is in doubt may take to end afterwards.
const CLEARING_UP: Duration = Duration::from_secs(60);
/// An answer that takes longer leaves its payment in doubt.
const ANSWER_MAX: Duration = Duration::from_secs(45);

/// Measures the peak, writes it as the first line, floods, and writes the result as JSON.
pub fn flood(settings: &SettingsArgs, args: &FloodArgs) -> Result<ExitCode> {
    let mut config = Config::load(settings)?;
    config.sample_banks.enabled = false;
    let keys = run::open_keys(&config)?;
    let (own, _) = member(&config, &keys, DEBTOR_BANK)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        let load = Arc::new(Load::new(args, own)?);
        let peak = load.clone().stretch(args.in_flight, None, args.peak_seconds).await?;
        let peak_rate = peak.settled as f64 / peak.seconds;
        ensure!(peak.settled > 0, "nothing settled in {} s: {:?}", args.peak_seconds, peak.fault);
        println!("{peak_rate}");
        let rate = peak_rate * f64::from(args.times) * ONE_POLL_IN as f64 / (ONE_POLL_IN - 1) as f64;
        let flood = load.clone().stretch(args.connections, Some(rate), args.seconds).await?;
        let cleared = load.clear_up().await;
        let settled = peak.ended_well() + flood.ended_well() + cleared.settled;
        Ok::<_, anyhow::Error>(json!({
            "peak": peak.json(), "flood": flood.json(), "offered_times": args.times, "in_doubt_left": cleared.in_doubt,
            "settled_minor": settled * AMOUNT_MINOR, "settled": settled,
            "rejected": peak.rejected + flood.rejected + cleared.rejected,
        }))
    })?;
    println!("{result}");
    Ok(ExitCode::SUCCESS)
}

/// A payment's message, signed.
struct Message {
    id: uuid::Uuid,
    xml: Bytes,
    headers: Vec<(&'static str, String)>,
}

struct Load {
    connector: TlsConnector,
    keys: MemberKeys,
    refused: Mutex<VecDeque<Message>>,
    in_doubt: Mutex<Vec<Message>>,
    known: Mutex<Option<uuid::Uuid>>,
    made: AtomicU64,
    stop: AtomicBool,
}

/// What a stretch of time came to.
struct Tally {
    seconds: f64,
    payments: u64,
    polls: u64,
    missed: u64,
    settled: u64,
    settled_after: u64,
    rejected: u64,
    payments_refused: u64,
    polls_refused: u64,
    without_retry_after: u64,
    in_doubt: u64,
    fault: Option<String>,
    accepted_us: Histogram<u64>,
    refusal_us: Histogram<u64>,
    late_us: Histogram<u64>,
}

/// How a payment stands after it was sent.
enum Told {
    Settled,
    Rejected,
    /// Refused, and whether it said when to come back.
    Refused(bool),
    /// Taken or not: it must be asked for.
    InDoubt(String),
}

impl Load {
    fn new(args: &FloodArgs, keys: MemberKeys) -> Result<Self> {
        let connector = TlsConnector::new(args.gateway, "localhost", keys.tls.clone()).map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            connector,
            keys,
            refused: Mutex::default(),
            in_doubt: Mutex::default(),
            known: Mutex::default(),
            made: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        })
    }

    /// Runs for so long: with a rate, arrivals by the clock; without, each worker's next payment follows its last.
    async fn stretch(self: Arc<Self>, workers: usize, rate: Option<f64>, seconds: u32) -> Result<Tally> {
        self.stop.store(false, Ordering::Relaxed);
        let (arrivals, begun) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..workers {
            let (load, arrivals) = (self.clone(), arrivals.clone());
            tasks.spawn(async move { load.work(rate, &arrivals, begun).await });
        }
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        self.stop.store(true, Ordering::Relaxed);
        let seconds = begun.elapsed().as_secs_f64();
        let mut all = Tally::new(seconds)?;
        while let Some(done) = tasks.join_next().await {
            all.add(done.context("worker")??)?;
        }
        Ok(all)
    }

    /// One connection's part.
    async fn work(&self, rate: Option<f64>, arrivals: &AtomicU64, begun: Instant) -> Result<Tally> {
        let (mut tally, mut connection) = (Tally::new(0.0)?, None);
        while !self.stop.load(Ordering::Relaxed) {
            let n = arrivals.fetch_add(1, Ordering::Relaxed);
            let mut due = Instant::now();
            if let Some(rate) = rate {
                due = begun + Duration::from_secs_f64(n as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
                if due.elapsed() > LATE_MAX {
                    tally.missed += 1;
                    continue;
                }
            }
            tally.late_us.saturating_record(micros(due.elapsed()));
            if rate.is_some() && n.is_multiple_of(ONE_POLL_IN) {
                self.poll(&mut connection, &mut tally).await;
            } else {
                self.pay(&mut connection, due, &mut tally).await?;
            }
        }
        Ok(tally)
    }

    async fn pay(&self, connection: &mut Option<SendRequest<Full<Bytes>>>, due: Instant, tally: &mut Tally) -> Result<()> {
        let waiting = lock(&self.refused).pop_front();
        let message = match waiting {
            Some(message) => message,
            None => self.message()?,
        };
        tally.payments += 1;
        let sent = Instant::now();
        match self.send(connection, &message).await {
            Told::Settled => {
                tally.accepted_us.saturating_record(micros(due.elapsed()));
                // What ends after the stretch is no goodput of it.
                *(if self.stop.load(Ordering::Relaxed) { &mut tally.settled_after } else { &mut tally.settled }) += 1;
                *lock(&self.known) = Some(message.id);
            }
            Told::Rejected => tally.rejected += 1,
            Told::Refused(with_retry_after) => {
                tally.refusal_us.saturating_record(micros(sent.elapsed()));
                tally.payments_refused += 1;
                tally.without_retry_after += u64::from(!with_retry_after);
                lock(&self.refused).push_back(message);
            }
            Told::InDoubt(why) => {
                tally.in_doubt += 1;
                tally.fault.get_or_insert(why);
                lock(&self.in_doubt).push(message);
            }
        }
        Ok(())
    }

    async fn poll(&self, connection: &mut Option<SendRequest<Full<Bytes>>>, tally: &mut Tally) {
        let path = lock(&self.known).map_or("/v1/accounts".to_owned(), |id| format!("/v1/payments/{id}"));
        let request = Request::get(path).header("host", self.connector.authority()).body(Full::default());
        let Ok(request) = request else { return };
        let sent = Instant::now();
        tally.polls += 1;
        match self.exchange(connection, request).await {
            Ok(answer) if is_refusal(&answer) => {
                tally.refusal_us.saturating_record(micros(sent.elapsed()));
                tally.polls_refused += 1;
                tally.without_retry_after += u64::from(!answer.headers().contains_key("retry-after"));
            }
            Ok(_) => {}
            Err(error) => drop(tally.fault.get_or_insert(format!("poll: {error:#}"))),
        }
    }

    /// A new payment of 1.23.
    fn message(&self) -> Result<Message> {
        let id = uuid::Uuid::new_v4();
        let xml = pacs008(id, DEBTOR_BANK, CREDITOR_BANK, self.made.fetch_add(1, Ordering::Relaxed))?;
        let mut message = Message { id, xml: xml.into(), headers: Vec::new() };
        self.sign(&mut message);
        Ok(message)
    }

    fn sign(&self, message: &mut Message) {
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signed = sign_request("POST", "/v1/messages", &message.xml, now_s, &*self.keys.signer);
        message.headers = vec![
            ("content-digest", signed.content_digest),
            ("signature-input", signed.signature_input),
            ("signature", signed.signature),
        ];
    }

    /// Sends a payment and waits for its end.
    async fn send(&self, connection: &mut Option<SendRequest<Full<Bytes>>>, message: &Message) -> Told {
        let mut request = Request::post("/v1/messages").header("host", self.connector.authority());
        request = request.header("content-type", "application/xml").header("prefer", "wait=30");
        for (name, value) in &message.headers {
            request = request.header(*name, value);
        }
        let Ok(request) = request.body(Full::new(message.xml.clone())) else { return Told::InDoubt("not a request".into()) };
        match self.exchange(connection, request).await {
            Ok(answer) if is_refusal(&answer) => Told::Refused(answer.headers().contains_key("retry-after")),
            Ok(answer) => match answer.headers().get("luohu-payment-state").map(hyper::header::HeaderValue::as_bytes) {
                Some(b"settled") => Told::Settled,
                Some(b"rejected") => Told::Rejected,
                _ => Told::InDoubt(format!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()))),
            },
            Err(error) => Told::InDoubt(format!("{error:#}")),
        }
    }

    /// One request on the kept connection or a new one.
    async fn exchange(
        &self,
        connection: &mut Option<SendRequest<Full<Bytes>>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>> {
        let mut sender = match connection.take().filter(|kept| !kept.is_closed()) {
            Some(kept) => kept,
            None => {
                let stream = self.connector.connect().await.map_err(|error| anyhow!("{error}"))?;
                let (sender, driver) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(async move { drop(driver.await) });
                sender
            }
        };
        sender.ready().await?;
        let answer = tokio::time::timeout(ANSWER_MAX, async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>(Response::from_parts(parts, body.collect().await?.to_bytes()))
        });
        let answer = answer.await.context("no answer in time")??;
        *connection = Some(sender);
        Ok(answer)
    }

    /// Asks for the end of everything in doubt by sending it again.
    async fn clear_up(&self) -> Cleared {
        let mut waiting = core::mem::take(&mut *lock(&self.in_doubt));
        let (mut cleared, mut connection) = (Cleared::default(), None);
        let until = Instant::now() + CLEARING_UP;
        while let Some(mut message) = waiting.pop() {
            if Instant::now() > until {
                cleared.in_doubt += 1;
                continue;
            }
            self.sign(&mut message);
            match self.send(&mut connection, &message).await {
                Told::Settled => cleared.settled += 1,
                Told::Rejected => cleared.rejected += 1,
                Told::Refused(_) | Told::InDoubt(_) => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    waiting.insert(0, message);
                }
            }
        }
        cleared
    }
}

#[derive(Default)]
struct Cleared {
    settled: u64,
    rejected: u64,
    in_doubt: u64,
}

impl Tally {
    fn new(seconds: f64) -> Result<Self> {
        let histogram = || Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).context("histogram");
        Ok(Self {
            seconds,
            payments: 0,
            polls: 0,
            missed: 0,
            settled: 0,
            settled_after: 0,
            rejected: 0,
            payments_refused: 0,
            polls_refused: 0,
            without_retry_after: 0,
            in_doubt: 0,
            fault: None,
            accepted_us: histogram()?,
            refusal_us: histogram()?,
            late_us: histogram()?,
        })
    }

    fn add(&mut self, other: Self) -> Result<()> {
        self.payments += other.payments;
        self.polls += other.polls;
        self.missed += other.missed;
        self.settled += other.settled;
        self.settled_after += other.settled_after;
        self.rejected += other.rejected;
        self.payments_refused += other.payments_refused;
        self.polls_refused += other.polls_refused;
        self.without_retry_after += other.without_retry_after;
        self.in_doubt += other.in_doubt;
        self.fault = self.fault.take().or(other.fault);
        self.accepted_us.add(other.accepted_us)?;
        self.refusal_us.add(other.refusal_us)?;
        self.late_us.add(other.late_us)?;
        Ok(())
    }

    fn ended_well(&self) -> u64 {
        self.settled + self.settled_after
    }

    fn json(&self) -> Value {
        let quantiles = |histogram: &Histogram<u64>| {
            let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
            json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0) })
        };
        json!({
            "seconds": self.seconds, "payments_sent": self.payments, "polls_sent": self.polls, "arrivals_missed": self.missed,
            "settled": self.settled, "settled_per_second": self.settled as f64 / self.seconds, "rejected": self.rejected,
            "sent_per_second": (self.payments + self.polls) as f64 / self.seconds,
            "payments_refused": self.payments_refused, "polls_refused": self.polls_refused,
            "refused_without_retry_after": self.without_retry_after, "in_doubt": self.in_doubt, "fault": self.fault,
            "accepted_ms": quantiles(&self.accepted_us), "refusal_ms": quantiles(&self.refusal_us),
            "late_ms": quantiles(&self.late_us),
        })
    }
}

fn is_refusal(answer: &Response<Bytes>) -> bool {
    matches!(answer.status().as_u16(), 429 | 503)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
