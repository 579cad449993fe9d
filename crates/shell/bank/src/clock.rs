//! The wall clock.

/// Milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Nanoseconds since 1970 UTC, whole milliseconds as messages carry them.
pub(crate) fn now_ns() -> u64 {
    now_ms().saturating_mul(1_000_000)
}
