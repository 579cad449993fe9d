//! The gateway's clock: wall time for signatures, dates in messages and rate limits. It decides nothing about money.

use clearing::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// Nanoseconds since 1970 UTC.
pub(crate) fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970 UTC.
pub(crate) fn now_s() -> u64 {
    now_ns() / 1_000_000_000
}

/// The same as the centre's type.
pub(crate) fn now() -> Time {
    Time(now_ns())
}

/// RFC 3339 in UTC with milliseconds.
pub(crate) fn rfc3339(time: Time) -> String {
    let nanos = i128::from(time.0);
    match jiff::Timestamp::from_nanosecond(nanos) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        // Beyond the year 9999, which no block time is.
        Err(_) => "9999-12-31T23:59:59.999Z".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_print_in_utc() {
        assert_eq!(rfc3339(Time(1_764_000_000_123_000_000)), "2025-11-24T16:00:00.123Z");
        assert_eq!(rfc3339(Time(0)), "1970-01-01T00:00:00.000Z");
    }
}
