//! The clock blocks take their time from.

use clearing::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time of the next block. It may jump; the journal never lets block time go back.
pub trait Clock: Send + 'static {
    /// Nanoseconds since 1970 UTC.
    fn now(&self) -> Time;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}
