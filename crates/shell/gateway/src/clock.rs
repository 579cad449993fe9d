//! Times as text. The gateway's clock is its [`world::World`]'s: wall time for signatures, dates in messages and rate limits.
//! It decides nothing about money.

use clearing::Time;

/// RFC 3339 in UTC with milliseconds.
pub fn rfc3339(time: Time) -> String {
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
