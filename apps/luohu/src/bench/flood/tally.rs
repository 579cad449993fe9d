//! What a stretch of time came to.

use super::wire::Reply;
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Counts and times of one worker, or of all.
pub struct Tally {
    pub seconds: f64,
    pub payments: u64,
    pub polls: u64,
    /// Arrivals that found every connection busy for too long, or came when the stretch was over: not sent.
    pub missed: u64,
    /// Answered that they are held or have ended.
    pub accepted: u64,
    /// Accepted while the stretch went on.
    pub accepted_in_time: u64,
    pub payments_refused: u64,
    pub polls_refused: u64,
    pub without_retry_after: u64,
    pub in_doubt: u64,
    pub fault: Option<String>,
    /// Refusals by class and status.
    refusals: BTreeMap<(&'static str, u16), u64>,
    /// From when a payment was due until it was durably held.
    pub accepted_us: Histogram<u64>,
    /// From when a payment was due until its end, of those that asked to wait for it.
    pub ended_us: Histogram<u64>,
    /// From when a refused request was sent until it was refused.
    pub refusal_us: Histogram<u64>,
    /// How late arrivals were sent.
    pub late_us: Histogram<u64>,
}

impl Tally {
    pub fn new() -> Result<Self> {
        let histogram = || Histogram::<u64>::new_with_bounds(1, 120_000_000, 3).context("histogram");
        Ok(Self {
            seconds: 0.0,
            payments: 0,
            polls: 0,
            missed: 0,
            accepted: 0,
            accepted_in_time: 0,
            payments_refused: 0,
            polls_refused: 0,
            without_retry_after: 0,
            in_doubt: 0,
            fault: None,
            refusals: BTreeMap::new(),
            accepted_us: histogram()?,
            ended_us: histogram()?,
            refusal_us: histogram()?,
            late_us: histogram()?,
        })
    }

    /// A request of this class was refused.
    pub fn refused(&mut self, class: &'static str, reply: &Reply, took: Duration) {
        *self.refusals.entry((class, reply.status)).or_default() += 1;
        self.without_retry_after += u64::from(!reply.has_retry_after);
        self.refusal_us.saturating_record(micros(took));
    }

    pub fn add(&mut self, other: Self) -> Result<()> {
        self.payments += other.payments;
        self.polls += other.polls;
        self.missed += other.missed;
        self.accepted += other.accepted;
        self.accepted_in_time += other.accepted_in_time;
        self.payments_refused += other.payments_refused;
        self.polls_refused += other.polls_refused;
        self.without_retry_after += other.without_retry_after;
        self.in_doubt += other.in_doubt;
        self.fault = self.fault.take().or(other.fault);
        for (key, count) in other.refusals {
            *self.refusals.entry(key).or_default() += count;
        }
        self.accepted_us.add(other.accepted_us)?;
        self.ended_us.add(other.ended_us)?;
        self.refusal_us.add(other.refusal_us)?;
        self.late_us.add(other.late_us)?;
        Ok(())
    }

    pub fn json(&self) -> Value {
        let quantiles = |histogram: &Histogram<u64>| {
            let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
            json!({ "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "p999": at(0.999), "max": at(1.0) })
        };
        let refusals = self.refusals.iter().map(|((class, status), count)| (format!("{class} {status}"), (*count).into()));
        json!({
            "seconds": self.seconds, "payments_sent": self.payments, "polls_sent": self.polls, "arrivals_missed": self.missed,
            "sent_per_second": (self.payments + self.polls) as f64 / self.seconds, "accepted": self.accepted,
            "accepted_per_second": self.accepted_in_time as f64 / self.seconds,
            "payments_refused": self.payments_refused, "polls_refused": self.polls_refused,
            "refusals": refusals.collect::<serde_json::Map<_, _>>(),
            "refused_without_retry_after": self.without_retry_after, "in_doubt": self.in_doubt, "fault": self.fault,
            "accepted_ms": quantiles(&self.accepted_us), "ended_ms": quantiles(&self.ended_us),
            "refusal_ms": quantiles(&self.refusal_us), "late_ms": quantiles(&self.late_us),
        })
    }
}

pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
