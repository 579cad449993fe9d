//! Monitor knows how to show what happens and hands officers' orders on; it does not know what they change.
//!
//! ```text
//!  history::ReadModel ─▶ facts ─▶ pages, live fragments (server-sent events), metrics
//! ```
//! The operator's live board in English, 繁體中文 and 简体中文, a page for each payment, `/metrics` (OpenMetrics), `/healthz`
//! and `/checkpoint`, `/governance`, `/validators`; `POST /orders` goes to the centre as it comes. Everything is rendered here; the browser's script only puts fragments where they belong.
//!
//! # Not here
//! Sign-in and encryption: the board listens where the operator says, on loopback unless told otherwise. Anything that is
//! not durable: the board never shows what a crash could take back.
//!
//! # Units and limits
//! A viewer is brought up to date every [`LIVE_INTERVAL_MS`] ms with at most [`ROWS_MAX`] payments; at most
//! [`VIEWERS_MAX`] look at once.
//!
//! # Start reading at
//! [`Monitor::start`], then `board.rs`.

mod assets;
mod board;
mod facts;
mod format;
mod frame;
mod language;
mod live;
mod metrics;
mod payment;
mod server;
mod sparkline;
mod words;

pub use facts::{ClassCounts, ConsortiumFacts, ConsortiumRole, DoorCounts, ROWS_MAX};
pub use live::{LIVE_INTERVAL_MS, VIEWERS_MAX};
pub use metrics::{METRICS, Metric, metrics_page};
pub use server::{Monitor, MonitorConfig, MonitorDeps, MonitorHandle, Taken};
pub use words::Word;
