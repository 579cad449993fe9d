//! The stage a run plays on: simulated time, the trace, what was counted, and the first law that broke.

use crate::reached::Marks;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// When every run begins: 2026-11-25 00:00 UTC.
pub const BEGINNING_NS: u64 = 1_795_564_800_000_000_000;

/// A law that broke, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Its id, such as `LED-01`, or who noticed.
    pub law: String,
    /// What was found.
    pub detail: String,
    /// When, in milliseconds of simulated time.
    pub at_ms: u64,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}.{:03} s: {}", self.law, self.at_ms / 1000, self.at_ms % 1000, self.detail)
    }
}

#[derive(Debug, Default)]
struct Record {
    lines: Option<Vec<String>>,
    hash: u64,
    counts: BTreeMap<&'static str, u64>,
    broken: Option<Broken>,
    reached: Marks,
}

/// Shared by everything in one run.
pub type SharedStage = Arc<Stage>;

/// The stage.
#[derive(Debug)]
pub struct Stage {
    /// The run's seed.
    pub seed: u64,
    begun: Instant,
    record: Mutex<Record>,
    over: Notify,
}

impl Stage {
    /// A stage on which nothing has happened. With `traced` every line is kept, otherwise only a hash over all.
    pub fn new(seed: u64, traced: bool) -> SharedStage {
        let record = Record { lines: traced.then(Vec::new), hash: 0xcbf2_9ce4_8422_2325, ..Record::default() };
        Arc::new(Self { seed, begun: Instant::now(), record: Mutex::new(record), over: Notify::new() })
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nanoseconds since the run began.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Milliseconds since the run began.
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ns() / 1_000_000
    }

    /// The instant so many milliseconds after the beginning.
    pub fn at_ms(&self, ms: u64) -> Instant {
        self.begun + std::time::Duration::from_millis(ms)
    }

    /// Writes a line into the trace.
    pub fn say(&self, who: &str, what: impl fmt::Display) {
        let ms = self.elapsed_ms();
        let line = format!("{:>4}.{:03} {who:<6} {what}", ms / 1000, ms % 1000);
        let mut record = self.record();
        for byte in line.bytes() {
            record.hash = (record.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        if let Some(lines) = &mut record.lines {
            lines.push(line);
        }
    }

    /// Counts something.
    pub fn count(&self, what: &'static str) {
        *self.record().counts.entry(what).or_default() += 1;
    }

    /// An event, rejection or refusal was reached.
    pub fn reach(&self, what: &'static str) {
        self.record().reached.insert(what);
    }

    /// What was reached.
    pub fn reached(&self) -> Marks {
        self.record().reached.clone()
    }

    /// A law broke. The first one stands; the run ends.
    pub fn broke(&self, law: &str, detail: impl fmt::Display) {
        let broken = Broken { law: law.to_owned(), detail: detail.to_string(), at_ms: self.elapsed_ms() };
        self.say("LAW", format_args!("{} is broken: {}", broken.law, broken.detail));
        self.record().broken.get_or_insert(broken);
        self.over.notify_waiters();
    }

    /// The first law that broke.
    pub fn broken(&self) -> Option<Broken> {
        self.record().broken.clone()
    }

    /// Waits until a law breaks.
    pub async fn until_broken(&self) {
        loop {
            let mut over = std::pin::pin!(self.over.notified());
            over.as_mut().enable();
            if self.record().broken.is_some() {
                return;
            }
            over.await;
        }
    }

    /// What was counted.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.record().counts.clone()
    }

    /// Hash over every line of the trace: the same for the same seed, always.
    pub fn hash(&self) -> u64 {
        self.record().hash
    }

    /// The lines, if they were kept.
    pub fn take_lines(&self) -> Vec<String> {
        self.record().lines.take().unwrap_or_default()
    }
}
