//! Inbox items: a message built for its reader, signed for its place in that inbox.

use crate::door::Door;
use crate::past::InboxEntry;
use crate::refusal::Problem;
use crate::wire;
use bytes::Bytes;
use clearing::{Bic, Position};
use signing::{SignatureHeaders, sign_item};
use std::io::Write;

/// One item as readers get it.
#[derive(Debug)]
pub(crate) struct Item {
    /// Zero: no place in the chain.
    cursor: Position,
    message_type: &'static str,
    headers: SignatureHeaders,
    message: Bytes,
}

/// Builds the message an inbox entry stands for and signs it.
pub(crate) fn build(door: &Door, reader: Bic, entry: &InboxEntry) -> Result<Item, Problem> {
    let (message_type, message) = wire::inbox_message(door, reader, entry)?;
    Ok(sign(door, reader, entry.position, message_type, message))
}

/// Signs a message for a place in an inbox.
pub(crate) fn sign(door: &Door, reader: Bic, cursor: Position, message_type: &'static str, message: Bytes) -> Item {
    let item = signing::Item { bic: reader.as_str(), cursor: cursor.0, body: &message };
    let headers = sign_item(&item, door.world.now_s(), &*door.signer);
    Item { cursor, message_type, headers, message }
}

impl Item {
    /// As one JSON object on one line.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        out.reserve(self.message.len() + self.message.len() / 8 + 512);
        let SignatureHeaders { content_digest, signature_input, signature } = &self.headers;
        // Digest and signature are base64 and need no escape; the rest is escaped by serde_json.
        write!(out, "{{\"cursor\":{},\"type\":\"{}\",\"digest\":\"{content_digest}\",", self.cursor.0, self.message_type)
            .expect("writing to a vector");
        out.extend_from_slice(b"\"signature_input\":");
        write_text(out, signature_input);
        write!(out, ",\"signature\":\"{signature}\",\"message\":").expect("writing to a vector");
        write_text(out, core::str::from_utf8(&self.message).expect("messages are UTF-8"));
        out.push(b'}');
    }

    /// As a server-sent event.
    pub(crate) fn write_event(&self, out: &mut Vec<u8>) {
        if self.cursor.0 > 0 {
            writeln!(out, "id: {}", self.cursor.0).expect("writing to a vector");
        }
        out.extend_from_slice(b"event: message\ndata: ");
        self.write_json(out);
        out.extend_from_slice(b"\n\n");
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text is JSON");
}
