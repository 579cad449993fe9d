//! The load of an overload, in a process of its own: payments and status polls that arrive by the clock, carried or not.
//!
//! Arrivals have due times; a worker that is free takes all that are due, up to a batch, and writes them at once. Latencies of
//! accepted payments count from the due time, so that a load which falls behind cannot hide it. A refused payment is offered
//! again, the same bytes, by a later arrival: that is what a bank does. Who gets no answer in time gives up and closes the
//! connection; what is in doubt is asked for afterwards.
//!
//! Payments are signed before they are needed (`supply.rs`) and the client does next to nothing (`wire.rs`): five times of what
//! a machine can carry has to come from the same machine.

mod supply;
mod tally;
mod wire;

use super::bank::Bank;
use super::{DEBTOR_BANK, member, wait_for};
use crate::cli::{FloodArgs, SettingsArgs};
use crate::config::Config;
use crate::run;
use anyhow::{Context, Result, anyhow, ensure};
use banklink::{Connector, TlsConnector};
use serde_json::json;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use supply::{Message, Supply};
use tally::{Tally, micros};
use wire::{Reply, State, Wire};

/// Of so many arrivals one is a status poll.
const ONE_POLL_IN: u64 = 10;
/// Of so many payments one waits for its end in its answer, alone on its connection.
const ONE_WAITS_IN: u64 = 64;
/// An arrival that is later than this was not offered.
const LATE_MAX: Duration = Duration::from_secs(1);
/// An answer that takes longer leaves its payment in doubt.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// The same for who asked to wait for the end.
const END_MAX: Duration = Duration::from_secs(32);
/// How long what is in doubt may take to end afterwards.
const CLEARING_UP: Duration = Duration::from_secs(60);
/// Payments signed for the flood, as a part of what the peak would carry.
const AHEAD: f64 = 1.1;

/// Measures the peak, floods, and writes a line of JSON at each turn: what the other process looks at itself then.
pub fn flood(settings: &SettingsArgs, args: &FloodArgs) -> Result<ExitCode> {
    let mut config = Config::load(settings)?;
    config.sample_banks.enabled = false;
    let keys = run::open_keys(&config)?;
    let (own, _) = member(&config, &keys, DEBTOR_BANK)?;
    let (again, _) = member(&config, &keys, DEBTOR_BANK)?;
    let centre_key = keys.signer.public_key();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let connector = TlsConnector::new(args.gateway, "localhost", own.tls.clone()).map_err(|error| anyhow!("{error}"))?;
        let supply = Supply::new(connector.authority(), own)?;
        let load = Arc::new(Load::new(connector, supply));
        let warm = load.clone().warm_up().await?;
        println!("{}", json!({ "turn": "peak" }));
        let one = Pace { workers: args.in_flight, batch: 1, rate: None, seconds: args.peak_seconds };
        let peak = load.clone().stretch(one).await?;
        let peak_rate = peak.accepted_in_time as f64 / peak.seconds;
        println!("{}", json!({ "turn": "peak over", "peak": peak.json() }));
        ensure!(peak.accepted_in_time > 0, "nothing was taken in {} s: {:?}", args.peak_seconds, peak.fault);
        lock(&load.supply).prepare((peak_rate * f64::from(args.seconds) * AHEAD) as u64)?;
        let rate = peak_rate * f64::from(args.times) * ONE_POLL_IN as f64 / (ONE_POLL_IN - 1) as f64;
        let pace = Pace { workers: args.connections, batch: args.batch, rate: Some(rate), seconds: args.seconds };
        println!("{}", json!({ "turn": "flood" }));
        let flood = load.clone().stretch(pace).await?;
        println!("{}", json!({ "turn": "flood over", "flood": flood.json() }));
        let cleared = load.clear_up().await?;
        let accepted = warm.accepted + peak.accepted + flood.accepted + cleared.accepted;
        // The debtor agent reads its inbox only now: every end it was owed must be in there.
        let debtor = Bank::start(DEBTOR_BANK, args.gateway, again, centre_key, true, true)?;
        let books = debtor.books.clone();
        wait_for(CLEARING_UP * 2, || books.ended() + books.rejected() >= accepted).await;
        debtor.stop();
        println!(
            "{}",
            json!({
                "turn": "end", "accepted": accepted, "in_doubt_left": cleared.in_doubt, "settled": books.ended(),
                "rejected": books.rejected(), "settled_minor": books.settled_minor(),
            })
        );
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(ExitCode::SUCCESS)
}

/// How many connections, how many requests at once on each, how fast and how long.
#[derive(Debug, Clone, Copy)]
struct Pace {
    workers: usize,
    batch: usize,
    /// Arrivals a second; without, each worker's next follows its last.
    rate: Option<f64>,
    seconds: u32,
}

struct Load {
    connector: TlsConnector,
    supply: Mutex<Supply>,
    in_doubt: Mutex<Vec<Message>>,
    known: Mutex<Option<uuid::Uuid>>,
    arrivals: AtomicU64,
    stop: AtomicBool,
}

/// One request under way.
enum Asked {
    /// A payment that was due then; whether it asks to wait for its end.
    Payment(Message, Instant, bool),
    Poll,
}

impl Load {
    fn new(connector: TlsConnector, supply: Supply) -> Self {
        Self {
            connector,
            supply: Mutex::new(supply),
            in_doubt: Mutex::default(),
            known: Mutex::default(),
            arrivals: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// Pays until something is taken: a fresh journal writes its first file before, which takes a while on a busy disk.
    async fn warm_up(self: Arc<Self>) -> Result<Tally> {
        let pace = Pace { workers: 1, batch: 1, rate: None, seconds: 1 };
        let (mut all, until) = (Tally::new()?, Instant::now() + CLEARING_UP);
        while all.accepted_in_time == 0 && Instant::now() < until {
            all.add(self.clone().stretch(pace).await?)?;
        }
        Ok(all)
    }

    async fn stretch(self: Arc<Self>, pace: Pace) -> Result<Tally> {
        self.stop.store(false, Ordering::Relaxed);
        self.arrivals.store(0, Ordering::Relaxed);
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..pace.workers {
            let load = self.clone();
            tasks.spawn(async move { load.work(pace, begun).await });
        }
        tokio::time::sleep(Duration::from_secs(pace.seconds.into())).await;
        self.stop.store(true, Ordering::Relaxed);
        let seconds = begun.elapsed().as_secs_f64();
        let mut all = Tally::new()?;
        while let Some(done) = tasks.join_next().await {
            all.add(done.context("worker")??)?;
        }
        // Arrivals that were due and that nobody came to take.
        let due = pace.rate.map_or(0, |rate| (rate * seconds) as u64);
        all.missed += due.saturating_sub(self.arrivals.load(Ordering::Relaxed));
        all.seconds = seconds;
        Ok(all)
    }

    /// One connection's part.
    async fn work(&self, pace: Pace, begun: Instant) -> Result<Tally> {
        let (mut tally, mut wire, mut requests) = (Tally::new()?, None, Vec::new());
        while !self.stopped() {
            let asked = self.take(pace, begun, &mut tally).await?;
            if !asked.is_empty() {
                requests.clear();
                asked.iter().for_each(|asked| self.write(asked, &mut requests));
                self.exchange(&mut wire, &requests, asked, &mut tally).await;
            }
        }
        Ok(tally)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits for the next arrival and takes with it what else is due, up to a batch. Who asks to wait for the end is alone.
    async fn take(&self, pace: Pace, begun: Instant, tally: &mut Tally) -> Result<Vec<Asked>> {
        let mut asked = Vec::with_capacity(pace.batch);
        while asked.len() < pace.batch {
            let now = begun.elapsed().as_secs_f64();
            if pace.rate.is_some_and(|rate| !asked.is_empty() && self.arrivals.load(Ordering::Relaxed) as f64 / rate > now) {
                break;
            }
            let n = self.arrivals.fetch_add(1, Ordering::Relaxed);
            let mut due = Instant::now();
            if let Some(rate) = pace.rate {
                due = begun + Duration::from_secs_f64(n as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                if self.stopped() || due.elapsed() > LATE_MAX {
                    tally.missed += 1;
                    break;
                }
            }
            tally.late_us.saturating_record(micros(due.elapsed()));
            if pace.rate.is_some() && n.is_multiple_of(ONE_POLL_IN) {
                tally.polls += 1;
                asked.push(Asked::Poll);
                continue;
            }
            tally.payments += 1;
            let message = lock(&self.supply).next()?;
            let waits = asked.is_empty() && n % ONE_WAITS_IN == 1;
            asked.push(Asked::Payment(message, due, waits));
            if waits {
                break;
            }
        }
        Ok(asked)
    }

    fn write(&self, asked: &Asked, out: &mut Vec<u8>) {
        match asked {
            Asked::Payment(message, _, waits) => lock(&self.supply).write(message, *waits, out),
            Asked::Poll => {
                let path = lock(&self.known).map_or("/v1/accounts".to_owned(), |id| format!("/v1/payments/{id}"));
                out.extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.connector.authority()).as_bytes());
            }
        }
    }

    /// Sends a batch on the kept connection or a new one, and books each answer as it comes.
    async fn exchange(&self, wire: &mut Option<Wire>, requests: &[u8], asked: Vec<Asked>, tally: &mut Tally) {
        let patience = if asked.iter().any(|asked| matches!(asked, Asked::Payment(_, _, true))) { END_MAX } else { ANSWER_MAX };
        let mut asked = asked.into_iter();
        let sent = Instant::now();
        let outcome = tokio::time::timeout(patience, async {
            let mut open = match wire.take() {
                Some(kept) => kept,
                None => Wire::open(&self.connector).await?,
            };
            open.send(requests).await?;
            while asked.len() > 0 {
                let reply = open.reply().await?;
                if let Some(asked) = asked.next() {
                    self.book(asked, &reply, sent, tally);
                }
            }
            *wire = Some(open);
            Ok::<_, anyhow::Error>(())
        });
        let why = match outcome.await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no answer in time".to_owned(),
        };
        tally.fault.get_or_insert(why);
        for asked in asked {
            if let Asked::Payment(message, _, _) = asked {
                tally.in_doubt += 1;
                lock(&self.in_doubt).push(message);
            }
        }
    }

    fn book(&self, asked: Asked, reply: &Reply, sent: Instant, tally: &mut Tally) {
        let took = reply.at.duration_since(sent);
        match asked {
            Asked::Poll if reply.is_refusal() => {
                tally.polls_refused += 1;
                tally.refused("poll", reply, took);
            }
            Asked::Poll => {}
            Asked::Payment(message, _, _) if reply.is_refusal() => {
                tally.payments_refused += 1;
                tally.refused("payment", reply, took);
                lock(&self.supply).put_back(message);
            }
            Asked::Payment(message, due, _) => match reply.state {
                State::Held | State::Settled | State::Rejected => {
                    tally.accepted += 1;
                    tally.accepted_in_time += u64::from(!self.stopped());
                    let took = micros(reply.at.duration_since(due));
                    let times = if reply.state == State::Held { &mut tally.accepted_us } else { &mut tally.ended_us };
                    times.saturating_record(took);
                    *lock(&self.known) = Some(message.id);
                }
                State::Untold => {
                    tally.in_doubt += 1;
                    tally.fault.get_or_insert(format!("a payment was answered {}", reply.status));
                    lock(&self.in_doubt).push(message);
                }
            },
        }
    }

    /// Asks for the end of everything in doubt by sending it again.
    async fn clear_up(&self) -> Result<Cleared> {
        let mut waiting = core::mem::take(&mut *lock(&self.in_doubt));
        let (mut cleared, mut wire, mut tally) = (Cleared::default(), None, Tally::new()?);
        let until = Instant::now() + CLEARING_UP;
        while let Some(message) = waiting.pop() {
            if Instant::now() > until {
                cleared.in_doubt += 1;
                continue;
            }
            let (mut request, before) = (Vec::new(), tally.accepted);
            let asked = Asked::Payment(lock(&self.supply).renew(&message), Instant::now(), true);
            self.write(&asked, &mut request);
            self.exchange(&mut wire, &request, vec![asked], &mut tally).await;
            if tally.accepted == before {
                // Refused or in doubt again: both are asked once more, after a moment.
                tokio::time::sleep(Duration::from_millis(200)).await;
                lock(&self.in_doubt).clear();
                waiting.insert(0, message);
            }
        }
        cleared.accepted = tally.accepted;
        Ok(cleared)
    }
}

#[derive(Default)]
struct Cleared {
    accepted: u64,
    in_doubt: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
