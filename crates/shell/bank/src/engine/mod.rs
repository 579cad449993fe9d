//! The engine: what runs between the books and the centre.
//!
//! - `inbox` books what the centre tells and decides answers;
//! - `outbox` sends answers and reports until the centre took them;
//! - `payments` sends payments out, and asks when in doubt;
//! - `payee` answers whose account it is;
//! - `returns` answers recalls and sends money back;
//! - `requests` answers requests to pay, and pays them;
//! - `mandates` keeps mandates, and pays what is collected;
//! - `standing` makes the payments of standing orders that are due;
//! - `rates` publishes standing exchange rates.
//!
//! # Not here
//! Which state follows which (`books::state`), pages (`web`).

mod inbox;
mod mandates;
mod outbox;
mod payee;
mod payments;
mod rates;
mod requests;
mod returns;
mod standing;

use crate::aliases;
use crate::books::records::OutboxMessage;
use crate::bulk;
use crate::inner::Shared;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// First pause before something is tried again; doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Pauses that grow.
pub(crate) struct Pause(Duration);

impl Pause {
    pub(crate) const fn new() -> Self {
        Self(PAUSE_MIN)
    }

    /// Waits, at least as long as the centre asked for.
    pub(crate) async fn wait(&mut self, at_least_ms: Option<u64>) {
        let wait = self.0.max(Duration::from_millis(at_least_ms.unwrap_or(0)).min(PAUSE_MAX));
        self.0 = (self.0 * 2).min(PAUSE_MAX);
        tokio::time::sleep(wait).await;
    }
}

pub(crate) use payee::{PayeeAnswer, ask as ask_payee};
pub(crate) use payments::{follow, send};
pub(crate) use returns::{recall, send_back};

/// Starts every task of the engine, beginning with what a crash left: payments under way and messages not yet sent.
pub(crate) fn start(inner: &Shared, outbox: mpsc::UnboundedReceiver<(u64, OutboxMessage)>, tasks: &mut JoinSet<()>) {
    tasks.spawn(outbox::run(Shared::clone(inner), outbox));
    tasks.spawn(payments::resume_and_watch(Shared::clone(inner)));
    tasks.spawn(bulk::run(Shared::clone(inner)));
    tasks.spawn(standing::run(Shared::clone(inner)));
    if inner.config.registers_aliases {
        tasks.spawn(aliases::register_all(Shared::clone(inner)));
    }
    if !inner.config.rates.is_empty() {
        tasks.spawn(rates::run(Shared::clone(inner)));
    }
    let inner = Shared::clone(inner);
    tasks.spawn(async move { inner.link.run_inbox(&inbox::Inbox(Shared::clone(&inner))).await });
}
