//! Limits: how much, how fast, how many at once; and the small counters that keep them.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

/// Every limit of the door. The defaults are for one machine and a dozen participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest body. A pacs.008 with every element of the profile is below 16 KiB; 64 KiB leaves room for none to complain.
    pub body_bytes_max: usize,
    /// Time to send request line and header fields; also how long an idle connection is kept.
    pub head_timeout: Duration,
    /// Time to send a body.
    pub body_timeout: Duration,
    /// Time for the TLS handshake.
    pub handshake_timeout: Duration,
    /// Connections open at once; more wait in the listen queue.
    pub connections_max: usize,
    /// Requests of one participant per second, sustained.
    pub requests_per_second: u32,
    /// Requests of one participant above the sustained rate at one moment.
    pub burst: u32,
    /// Status enquiries (`pacs.028`) of one participant per second, sustained; ends come by inbox, and nobody need ask for them.
    pub enquiries_per_second: u32,
    /// Status enquiries of one participant above the sustained rate at one moment: all payments of a burst whose answers were lost.
    pub enquiry_burst: u32,
    /// Requests of one participant under way at once.
    pub in_flight_max: u32,
    /// Requests of all participants under way at once.
    pub in_flight_total_max: u32,
    /// How long what was taken in should wait until it is durable; beyond that less is taken in (`admission`).
    pub delay_target: Duration,
    /// How long a payment should wait for a creditor agent that many wait for; beyond that further ones are refused.
    pub answer_delay_max: Duration,
    /// Longest that a refused client is told to stay away, in seconds; each is told a time up to it.
    pub retry_after_s_max: u32,
    /// Inbox streams and polls of one participant at once.
    pub readers_max: u32,
    /// Longest time a request may ask to wait.
    pub wait_max: Duration,
    /// Time a bank has to answer a payee check.
    pub payee_check_timeout: Duration,
    /// Payee checks that wait for one bank.
    pub payee_checks_max: usize,
    /// Time between comments on a quiet stream.
    pub ping_every: Duration,
    /// Time in which requests under way may end when the gateway shuts down.
    pub drain_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: 64 << 10,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            connections_max: 1024,
            requests_per_second: 20_000,
            burst: 20_000,
            enquiries_per_second: 200,
            enquiry_burst: 2_000,
            in_flight_max: 4096,
            in_flight_total_max: 16_384,
            delay_target: Duration::from_millis(50),
            answer_delay_max: Duration::from_secs(2),
            retry_after_s_max: 4,
            readers_max: 16,
            wait_max: Duration::from_secs(60),
            payee_check_timeout: Duration::from_secs(5),
            payee_checks_max: 256,
            ping_every: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(5),
        }
    }
}

/// A rate limit without a lock: the generic cell rate algorithm, one word of state.
///
/// The word is the time at which the bucket will be full again, in nanoseconds of the caller's clock.
#[derive(Debug)]
pub(crate) struct RateLimit {
    full_at_ns: AtomicU64,
    request_ns: u64,
    burst_ns: u64,
}

impl RateLimit {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let request_ns = 1_000_000_000 / u64::from(per_second.max(1));
        Self { full_at_ns: AtomicU64::new(0), request_ns, burst_ns: request_ns * u64::from(burst.max(1)) }
    }

    /// Takes one request at `now_ns`, or says in how many nanoseconds one will pass.
    pub(crate) fn take(&self, now_ns: u64) -> Result<(), u64> {
        let mut wait = 0;
        let taken = self.full_at_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            let full_at = full_at.max(now_ns) + self.request_ns;
            wait = full_at.saturating_sub(now_ns + self.burst_ns);
            (wait == 0).then_some(full_at)
        });
        taken.map(|_| ()).map_err(|_| wait)
    }
}

/// Counts what is under way, up to a limit.
#[derive(Debug)]
pub(crate) struct Gauge {
    count: AtomicU32,
    max: u32,
}

impl Gauge {
    pub(crate) fn new(max: u32) -> Arc<Self> {
        Arc::new(Self { count: AtomicU32::new(0), max })
    }

    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// One more, until the guard is dropped; `None` at the limit.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Entered> {
        let entered =
            self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < self.max).then_some(count + 1));
        entered.ok().map(|_| Entered(Arc::clone(self)))
    }
}

/// One of a [`Gauge`]'s count.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Gauge>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limit = RateLimit::new(10, 5);
        assert_eq!((0..6).filter(|_| limit.take(SECOND).is_ok()).count(), 5);
        assert_eq!(limit.take(SECOND), Err(SECOND / 10));
        assert_eq!(limit.take(SECOND + SECOND / 10), Ok(()));
        assert!(limit.take(SECOND + SECOND / 10).is_err());
        assert_eq!((0..6).filter(|_| limit.take(100 * SECOND).is_ok()).count(), 5);
    }

    #[test]
    fn a_gauge_is_left_as_often_as_entered() {
        let gauge = Gauge::new(2);
        let (first, second) = (gauge.enter(), gauge.enter());
        assert!(first.is_some() && second.is_some() && gauge.enter().is_none());
        drop(first);
        assert_eq!(gauge.count(), 1);
        assert!(gauge.enter().is_some());
    }
}
