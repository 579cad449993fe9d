//! `GET /v1/inbox`: everything the chain has for a participant after its cursor, as a stream or as a long poll.
//!
//! The cursor is a position in the chain, so a bank that comes back after a week misses nothing. A stream holds at most
//! [`CHUNKS_AHEAD`] chunks for a slow reader; beyond that it waits and later reads on from the past, so a slow reader costs
//! nothing and loses nothing. Items without a place in the chain (payee checks) go to whoever reads first.

use crate::door::{Door, stopped};
use crate::http::{Answer, Body, JSON, reply};
use crate::items::{self, Item, Signed};
use crate::limits::Entered;
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use ::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use ::http::request::Parts;
use bytes::Bytes;
use clearing::{PaymentState, Position};
use history::{InboxItem, InboxKind, Tells};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Items of one chunk of a stream.
const CHUNK_ITEMS: usize = 32;
/// Bytes of messages after which a chunk or a page is full. One item more than fits may be in it.
const CHUNK_BYTES: usize = 96 << 10;
const POLL_BYTES: usize = 512 << 10;
/// Chunks a slow reader may be behind before the stream waits for it.
const CHUNKS_AHEAD: usize = 4;
/// Items of one poll, at most and unless asked otherwise.
const POLL_ITEMS_MAX: usize = 1000;
const POLL_ITEMS: usize = 100;

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Query {
    after: Position,
    wait: Duration,
    limit: usize,
    signed: Signed,
    /// A notice of each entry on a settlement account is wanted.
    entries: bool,
}

pub(crate) async fn serve(door: &Arc<Door>, caller: Arc<Participant>, parts: &Parts) -> Result<Answer, Problem> {
    let query = Query::parse(parts.uri.query().unwrap_or_default(), door.config.limits.wait_max)?;
    let place = caller.lane.readers.enter().ok_or(GatewayRefusal::TooManyReaders)?;
    caller.lane.note_read(door.world.now_ns());
    let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accept.split(',').any(|part| part.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")) {
        // A browser that lost its stream says where it was.
        let last = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
        let query = Query { after: last.map_or(query.after, Position), ..query };
        return Ok(stream(Arc::clone(door), caller, query, place));
    }
    poll(door, &caller, query).await
}

/// Server-sent events, until the reader or the gateway goes.
fn stream(door: Arc<Door>, caller: Arc<Participant>, query: Query, place: Entered) -> Answer {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let world = Arc::clone(&door.world);
    world.spawn(Box::pin(async move {
        feed(&door, &caller, query, &sender).await;
        drop(place);
    }));
    let mut answer = ::http::Response::new(Body::Stream(receiver));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

async fn feed(door: &Door, caller: &Participant, query: Query, sender: &mpsc::Sender<Bytes>) {
    let mut after = query.after;
    let mut stopping = door.stopping.clone();
    let mut ping = tokio::time::interval(door.config.limits.ping_every);
    loop {
        // Listening begins before looking, so that what comes in between is not missed.
        let mut news = pin!(caller.lane.news());
        news.as_mut().enable();
        let Ok((items, last)) = gather(door, caller, &Query { after, ..query }, CHUNK_ITEMS, CHUNK_BYTES) else {
            // The reader comes back with its cursor; until the past can be read there is nothing to tell.
            return;
        };
        after = last.unwrap_or(after);
        let mut chunk = Vec::new();
        items::write_events(door, caller.view.bic, &items, query.signed, after, &mut chunk);
        if !chunk.is_empty() {
            let sent = tokio::select! {
                biased;
                sent = sender.send(chunk.into()) => sent.is_ok(),
                () = stopped(&mut stopping) => false,
            };
            if !sent {
                return;
            }
        }
        if last.is_some() {
            continue;
        }
        tokio::select! {
            biased;
            () = news => {}
            _ = sender.closed() => return,
            () = stopped(&mut stopping) => return,
            _ = ping.tick() => {
                caller.lane.note_read(door.world.now_ns());
                // A reader too slow for pings is told nothing; it still has items to read.
                let _ = sender.try_send(Bytes::from_static(b": ping\n\n"));
            }
        }
    }
}

/// One answer as soon as there is anything, or empty when the wait is over.
async fn poll(door: &Door, caller: &Participant, mut query: Query) -> Result<Answer, Problem> {
    let mut stopping = door.stopping.clone();
    let until = Instant::now() + query.wait;
    loop {
        let mut news = pin!(caller.lane.news());
        news.as_mut().enable();
        let (items, last) = gather(door, caller, &query, query.limit, POLL_BYTES)?;
        if let (Some(last), true) = (last, items.is_empty()) {
            // All that was looked at is not to be told.
            query.after = last;
            continue;
        }
        let over = Instant::now() >= until || *stopping.borrow();
        if !items.is_empty() || over {
            let mut body = b"{".to_vec();
            items::write_members(door, caller.view.bic, &items, query.signed, &mut body);
            body.extend_from_slice(format!(",\"next\":{}}}", last.unwrap_or(query.after).0).as_bytes());
            return Ok(reply(200, JSON, body));
        }
        tokio::select! {
            biased;
            () = news => {}
            () = tokio::time::sleep_until(until) => {}
            () = stopped(&mut stopping) => {}
        }
    }
}

/// Builds what there is, up to `limit` entries or `bytes` of messages: live items first, then the chain's. With the last
/// position looked at.
fn gather(
    door: &Door,
    caller: &Participant,
    query: &Query,
    limit: usize,
    bytes: usize,
) -> Result<(Vec<Item>, Option<Position>), Problem> {
    let live = caller.lane.take_live(door.world.now_ns()).into_iter();
    let mut items: Vec<Item> =
        live.map(|live| Item { cursor: Position(0), message_type: live.message_type, message: live.message }).collect();
    let (mut gathered, mut last) = (0, None);
    for entry in door.past.inbox(caller.id(), query.after, limit)? {
        last = Some(entry.position);
        if let Some(notice) = query.entries.then(|| items::entry_notice(door, caller, &entry)).flatten() {
            // It has no cursor of its own: who comes back before the item behind it gets it again.
            gathered += notice.message.len();
            items.push(notice);
        }
        if is_to_be_told(&entry)
            && let Some(item) = items::build(door, caller.view.bic, &entry)?
        {
            gathered += item.message.len();
            items.push(item);
        }
        if gathered >= bytes {
            break;
        }
    }
    Ok((items, last))
}

/// A creditor agent is never asked to credit after a reject: it comes back too late to answer and learns of the end alone.
fn is_to_be_told(entry: &InboxItem) -> bool {
    match &entry.tells {
        Tells::Payment(InboxKind::Asked, payment) => match payment.state {
            PaymentState::Rejected => false,
            PaymentState::Held | PaymentState::Settled => true,
        },
        Tells::Payment(
            InboxKind::Ended | InboxKind::Credited | InboxKind::Returned | InboxKind::Recalled(_) | InboxKind::RecallAnswered(_),
            _,
        )
        | Tells::Letter(_)
        | Tells::Matter(..) => true,
        // A funding nobody asked for by message is an entry, and told as one to who wants to know.
        Tells::Note(note) => note.kind.entry().is_none() || note.agent.is_some(),
        Tells::Payment(InboxKind::Reviewed | InboxKind::Overdue | InboxKind::Blocked | InboxKind::Returning, _) => true,
    }
}

impl Query {
    fn parse(text: &str, wait_max: Duration) -> Result<Self, Problem> {
        let mut query =
            Self { after: Position(0), wait: Duration::ZERO, limit: POLL_ITEMS, signed: Signed::Apart, entries: false };
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let bad = || Problem::from(GatewayRefusal::Parameter).with_field(name);
            let number = || value.parse::<u64>().map_err(|_| bad());
            match name {
                "after" => query.after = Position(number()?),
                "wait" => query.wait = Some(Duration::from_secs(number()?)).filter(|wait| *wait <= wait_max).ok_or_else(bad)?,
                "limit" => {
                    let limit = Some(number()?).filter(|limit| (1..=POLL_ITEMS_MAX as u64).contains(limit));
                    query.limit = limit.ok_or_else(bad)? as usize;
                }
                "entries" => {
                    query.entries = match value {
                        "told" => true,
                        "not-told" => false,
                        _ => return Err(bad()),
                    }
                }
                "signed" => {
                    query.signed = match value {
                        "apart" => Signed::Apart,
                        "together" => Signed::Together,
                        _ => return Err(bad()),
                    }
                }
                _ => return Err(bad()),
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_read_strictly() {
        let minute = Duration::from_secs(60);
        let query = Query::parse("after=7&wait=60&limit=1000&signed=together&entries=told", minute).unwrap();
        assert_eq!(query, Query { after: Position(7), wait: minute, limit: 1000, signed: Signed::Together, entries: true });
        assert_eq!(Query::parse("", minute).unwrap().limit, POLL_ITEMS);
        for bad in [
            "after",
            "after=",
            "after=-1",
            "after=x",
            "wait=61",
            "limit=0",
            "limit=1001",
            "cursor=1",
            "signed=",
            "signed=no",
            "entries=yes",
            "after=99999999999999999999",
        ] {
            assert!(Query::parse(bad, minute).is_err(), "{bad}");
        }
    }
}
