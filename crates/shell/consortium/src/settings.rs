//! What operators of one chain must agree on, and what each may choose.

use crate::app::Pace;
use crate::replica::TimeBounds;
use core::num::NonZeroU64;
use std::time::Duration;

/// How long the engine waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a leader's proposal; 300 ms by default. Well above the heartbeat, or idle views are void.
    pub leader: Duration,
    /// For a view to be certified; 600 ms by default.
    pub certification: Duration,
    /// Before a vote to void a view is sent again; 200 ms by default.
    pub retry: Duration,
    /// A leader not heard of for so long is passed over at once; 900 ms by default. Above certification and retry.
    pub skip: Duration,
    /// For a peer's answer to a request; 300 ms by default.
    pub fetch: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            leader: Duration::from_millis(300),
            certification: Duration::from_millis(600),
            retry: Duration::from_millis(200),
            skip: Duration::from_millis(900),
            fetch: Duration::from_millis(300),
        }
    }
}

/// One node's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Separates this chain's votes from every other's; the same for all operators, for ever.
    pub namespace: Vec<u8>,
    /// Blocks of an epoch; the same for all operators, for ever.
    pub epoch_blocks: NonZeroU64,
    /// Prefix of the engine's files.
    pub partition: String,
    /// When blocks are made.
    pub pace: Pace,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// How far a block's time may be from our clock.
    pub bounds: TimeBounds,
    /// Memory for pages of the engine's files, in pages of 4 KiB; 4096 by default: 16 MiB.
    pub cache_pages: usize,
    /// First size of the index of blocks, in entries: 2^16 by default. A power of two.
    pub index_entries: u32,
    /// How long a file of the engine's log grows before the other one takes its turn, in bytes; 32 MiB by default.
    pub log_bytes: u64,
}

impl Settings {
    /// Settings of a chain by its namespace, with everything else as usual.
    pub fn new(namespace: &[u8]) -> Self {
        Self {
            namespace: namespace.to_vec(),
            epoch_blocks: NonZeroU64::new(1 << 16).expect("a positive constant"),
            partition: "luohu".to_owned(),
            pace: Pace::default(),
            timeouts: Timeouts::default(),
            bounds: TimeBounds::default(),
            cache_pages: 4096,
            index_entries: 1 << 16,
            log_bytes: 32 << 20,
        }
    }
}
