//! The stream that keeps a board up to date: rendered fragments, and only those that changed.

use crate::board::{PANELS, panel, row};
use crate::facts::{Facts, payments_of};
use crate::server::Shared;
use axum::response::sse::Event;
use futures_util::stream::{Stream, unfold};
use risk::Language;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How often a board is brought up to date, milliseconds.
pub const LIVE_INTERVAL_MS: u64 = 250;
/// Boards open at once.
pub const VIEWERS_MAX: usize = 64;

/// What one message brings.
#[derive(Debug, Default, Serialize)]
struct Update {
    panels: Vec<Fragment>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Fragment {
    id: &'static str,
    html: String,
}

#[derive(Debug, Serialize)]
struct Row {
    uetr: String,
    html: String,
}

/// A place among the viewers, given back when the stream ends.
pub(crate) struct Viewer(Arc<AtomicUsize>);

impl Viewer {
    /// `None` when there are too many.
    pub(crate) fn enter(viewers: &Arc<AtomicUsize>) -> Option<Self> {
        let entered = viewers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now < VIEWERS_MAX).then_some(now + 1));
        entered.is_ok().then(|| Self(viewers.clone()))
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Watching {
    shared: Arc<Shared>,
    language: Language,
    position: u64,
    shown: [String; PANELS.len()],
    stop: watch::Receiver<bool>,
    started: bool,
    _viewer: Viewer,
}

/// Brings everything behind `position`, until the monitor stops.
pub(crate) fn stream(
    shared: Arc<Shared>,
    language: Language,
    position: u64,
    viewer: Viewer,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let stop = shared.stop.subscribe();
    let shown = Default::default();
    let watching = Watching { shared, language, position, shown, stop, started: false, _viewer: viewer };
    unfold(watching, |mut watching| async move {
        loop {
            if watching.paused().await {
                return None;
            }
            if let Some(event) = watching.update() {
                return Some((Ok(event), watching));
            }
        }
    })
}

impl Watching {
    /// Waits for the next moment, but not before the first; true when the monitor stops.
    async fn paused(&mut self) -> bool {
        if *self.stop.borrow() {
            return true;
        }
        if !core::mem::replace(&mut self.started, true) {
            return false;
        }
        tokio::time::timeout(Duration::from_millis(LIVE_INTERVAL_MS), self.stop.wait_for(|stop| *stop)).await.is_ok()
    }

    fn update(&mut self) -> Option<Event> {
        let facts = Facts::gather(&self.shared.deps);
        let events = self.shared.deps.model.events_after(self.position);
        self.position = events.last().map_or(self.position, |feed| feed.event.position.0);
        let language = self.language;
        let rows = payments_of(&events);
        let rows = rows.iter().map(|view| Row { uetr: view.uetr.to_string(), html: row(language, view).into_string() }).collect();
        let mut update = Update { panels: Vec::new(), rows };
        for (id, shown) in PANELS.into_iter().zip(&mut self.shown) {
            let html = panel(language, &facts, id).into_string();
            if html != *shown {
                shown.clone_from(&html);
                update.panels.push(Fragment { id, html });
            }
        }
        if update.rows.is_empty() && update.panels.is_empty() {
            return None;
        }
        let data = serde_json::to_string(&update).expect("text is always JSON");
        Some(Event::default().event("board").id(self.position.to_string()).data(data))
    }
}
