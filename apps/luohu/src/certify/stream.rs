//! An inbox on its way to the bank, cut into its events, so that one of them can be forged, repeated or joined by another.

use banklink::EVENT_BYTES_MAX;
use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame};
use serde::Deserialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// What ends an event.
const END: &[u8] = b"\n\n";

/// Cuts a stream of server-sent events after each blank line.
#[derive(Debug, Default)]
pub struct Events(Vec<u8>);

impl Events {
    /// The events that are complete with this piece, each with its blank line; `None` if one is longer than any bank takes.
    pub fn push(&mut self, piece: &[u8]) -> Option<Vec<Vec<u8>>> {
        self.0.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(at) = find(&self.0, END) {
            let rest = self.0.split_off(at + END.len());
            events.push(core::mem::replace(&mut self.0, rest));
        }
        (self.0.len() <= EVENT_BYTES_MAX).then_some(events)
    }
}

/// A body that is told piece by piece.
#[derive(Debug)]
pub struct Carried(pub mpsc::Receiver<Bytes>);

impl Body for Carried {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// What the bank gets: a whole body, or a stream.
pub type Answered = http_body_util::Either<Full<Bytes>, Carried>;

/// An item's place and kind, as the inbox labels it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Position in the chain; zero for what is never kept.
    pub cursor: u64,
    /// Message name, such as `pacs.008.001.08`.
    #[serde(rename = "type")]
    pub name: String,
}

#[derive(Deserialize)]
struct Many {
    items: Vec<Label>,
}

/// The items of an event's data, of a page of a poll, or none.
pub fn labels(text: &[u8]) -> Vec<Label> {
    let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data:"));
    let json = line.unwrap_or(text);
    let many = serde_json::from_slice::<Many>(json).map(|many| many.items);
    many.or_else(|_| serde_json::from_slice(json).map(|one| vec![one])).unwrap_or_default()
}

/// Where `part` begins in `text`.
pub fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_cut_wherever_the_pieces_end() {
        let mut events = Events::default();
        assert_eq!(events.push(b"id: 1\ndata: a\n").unwrap(), Vec::<Vec<u8>>::new());
        assert_eq!(events.push(b"\n: ping\n\nid: 2").unwrap(), [b"id: 1\ndata: a\n\n".to_vec(), b": ping\n\n".to_vec()]);
        assert_eq!(events.push(b"\n\n").unwrap(), [b"id: 2\n\n".to_vec()]);
        assert_eq!(events.push(&vec![b'x'; EVENT_BYTES_MAX + 1]), None);
    }

    #[test]
    fn items_are_seen_in_every_form_an_inbox_has() {
        let label = |cursor, name: &str| Label { cursor, name: name.to_owned() };
        let one = br#"{"cursor":7,"type":"pacs.008.001.08","message":"<x/>"}"#;
        let event = [b"id: 7\nevent: message\ndata: ".as_slice(), one, END].concat();
        assert_eq!(labels(&event), [label(7, "pacs.008.001.08")]);
        let batch = br#"{"items":[{"cursor":7,"type":"a"},{"cursor":9,"type":"b"}],"next":9}"#;
        assert_eq!(labels(batch), [label(7, "a"), label(9, "b")]);
        assert_eq!(labels(b": ping\n\n"), []);
    }
}
