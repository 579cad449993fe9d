//! The inbox: a stream of server-sent events that is opened again, from the handler's own cursor, whenever it ends.
//!
//! Crash note: a batch is handed over at least once. The handler commits its bookings and the cursor together, so whatever
//! is delivered a second time is at or below the cursor it gives when the stream is opened again.

use crate::client::Call;
use crate::item::InboxItem;
use crate::link::Link;
use crate::sse::SseReader;
use crate::{ANSWER_BYTES_MAX, LinkError, Problem};
use futures_util::FutureExt;
use http_body_util::{BodyExt, Limited};
use hyper::Method;
use hyper::body::{Bytes, Incoming};
use planted::{Bug, planted};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Most items handed over at once: one commit of the participant's books.
pub const BATCH_ITEMS_MAX: usize = 256;

/// The centre sends a comment every ten seconds; a stream silent for longer than this is dead.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// First pause before the stream is opened again; doubled each time up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The participant's side of the inbox.
pub trait InboxHandler: Send + Sync {
    /// Position of the last item committed; zero before the first.
    fn cursor(&self) -> impl Future<Output = Result<u64, HandlerFailed>> + Send;

    /// Books a batch, in order; cursors rise strictly, items without a place have zero. Returns after everything and the
    /// last cursor are durable. On failure the stream is opened again and the batch comes again.
    fn deliver(&self, items: Vec<InboxItem>) -> impl Future<Output = Result<(), HandlerFailed>> + Send;
}

/// The handler could not commit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inbox could not be booked: {0}")]
pub struct HandlerFailed(pub String);

/// Whether the inbox stream stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// The centre's items arrive.
    Connected,
    /// Opened again after a pause.
    Waiting,
    /// Taken offline by the participant.
    Offline,
}

#[derive(Debug, thiserror::Error)]
enum StreamEnd {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("{0}")]
    Handler(#[from] HandlerFailed),
    #[error("the centre ended the stream")]
    Ended,
    #[error("the stream fell silent")]
    Silent,
    #[error("an item is too long")]
    TooLong,
}

impl Link {
    /// Keeps the inbox streaming into `handler`; never returns. Drop the future to stop.
    pub async fn run_inbox(&self, handler: &impl InboxHandler) {
        let mut pause = PAUSE_MIN;
        loop {
            if self.is_offline() {
                self.set_state(LinkState::Offline);
                self.until_online().await;
                pause = PAUSE_MIN;
            }
            let mut delivered = false;
            let end = tokio::select! {
                biased;
                () = self.until_offline() => continue,
                end = self.stream(handler, &mut delivered) => end,
            };
            self.set_state(LinkState::Waiting);
            pause = if delivered { PAUSE_MIN } else { (pause * 2).min(PAUSE_MAX) };
            match &end {
                StreamEnd::Link(LinkError::NotTheCentre(_)) | StreamEnd::Handler(_) | StreamEnd::TooLong => {
                    tracing::error!(participant = self.bic(), reason = %end, "inbox stopped");
                }
                StreamEnd::Link(_) | StreamEnd::Ended | StreamEnd::Silent => {
                    tracing::debug!(participant = self.bic(), reason = %end, "inbox interrupted");
                }
            }
            sleep(pause).await;
        }
    }

    /// One stream from the handler's cursor to its end. `delivered` tells whether it brought anything.
    async fn stream(&self, handler: &impl InboxHandler, delivered: &mut bool) -> StreamEnd {
        let mut after = match handler.cursor().await {
            Ok(cursor) => cursor,
            Err(failed) => return failed.into(),
        };
        let mut body = match self.open_stream(after).await {
            Ok(body) => body,
            Err(error) => return error.into(),
        };
        self.set_state(LinkState::Connected);
        let mut reader = SseReader::default();
        loop {
            let items = match self.next_batch(&mut body, &mut reader, &mut after).await {
                Ok(items) => items,
                Err(end) => return end,
            };
            *delivered = true;
            if items.is_empty() {
                continue;
            }
            if let Err(failed) = handler.deliver(items).await {
                return failed.into();
            }
        }
    }

    async fn open_stream(&self, after: u64) -> Result<Incoming, LinkError> {
        let path = format!("/v1/inbox?after={after}&signed=together");
        let call = Call {
            method: Method::GET,
            path_and_query: &path,
            headers: vec![("accept", "text/event-stream".to_owned())],
            body: Bytes::new(),
            time_limit: SILENCE_MAX,
        };
        let mut sender = self.pool().connect().await?;
        let response = timeout(call.time_limit, sender.send_request(call.request(self.authority())))
            .await
            .map_err(|_| LinkError::TimedOut)?
            .map_err(|error| LinkError::Broken(Arc::new(error)))?;
        let status = response.status().as_u16();
        if status != 200 {
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            return Err(LinkError::Refused(Box::new(Problem::read(status, &body, None))));
        }
        Ok(response.into_body())
    }

    /// Waits for bytes, then takes what else is there already. Items at or below `after` were delivered before.
    async fn next_batch(
        &self,
        body: &mut Incoming,
        reader: &mut SseReader,
        after: &mut u64,
    ) -> Result<Vec<InboxItem>, StreamEnd> {
        let mut events = Vec::new();
        let mut frame = Some(timeout(SILENCE_MAX, body.frame()).await.map_err(|_| StreamEnd::Silent)?);
        while let Some(arrived) = frame {
            let arrived = arrived.ok_or(StreamEnd::Ended)?.map_err(|error| LinkError::Broken(Arc::new(error)))?;
            if let Some(bytes) = arrived.data_ref() {
                reader.push(bytes, &mut events).map_err(|_| StreamEnd::TooLong)?;
            }
            frame = if events.len() < BATCH_ITEMS_MAX { body.frame().now_or_never() } else { None };
            if matches!(frame, Some(None | Some(Err(_)))) && !events.is_empty() {
                frame = None;
            }
        }
        let mut items = Vec::with_capacity(events.len());
        for event in events {
            for item in InboxItem::read_batch(&event, self.bic(), self.keys())? {
                if item.cursor == 0 || item.cursor > *after {
                    *after = item.cursor.max(*after);
                    items.push(item);
                }
            }
        }
        if planted(Bug::FirstOfBatchSkipped) && items.len() > 1 {
            items.remove(0);
        }
        Ok(items)
    }
}
