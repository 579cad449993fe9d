//! Inbox items: messages built for their reader and signed for their places in that inbox, one by one or together.

use crate::door::Door;
use crate::refusal::Problem;
use crate::registry::Participant;
use crate::wire;
use bytes::Bytes;
use clearing::{Bic, Position};
use history::{AccountKey, InboxItem, StatementQuery};
use iso20022::view::StatementForm;
use signing::{SignatureHeaders, sign_batch, sign_item};
use std::io::Write;

/// One item before it is signed.
#[derive(Debug)]
pub(crate) struct Item {
    /// Zero: no place in the chain.
    pub(crate) cursor: Position,
    pub(crate) message_type: &'static str,
    pub(crate) message: Bytes,
}

/// How the items of one answer or chunk are signed, as the reader asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Each has a signature of its own.
    Apart,
    /// One signature over the list of all: a busy reader verifies once for many.
    Together,
}

/// Builds the message an inbox entry stands for; `None` when it was erased and there is nothing left to tell.
pub(crate) fn build(door: &Door, reader: Bic, entry: &InboxItem) -> Result<Option<Item>, Problem> {
    let built = wire::inbox_message(door, reader, entry)?;
    Ok(built.map(|(message_type, message)| Item { cursor: entry.position, message_type, message }))
}

/// The notice (`camt.054`) of what an inbox entry booked on the reader's account; `None` if it booked nothing there, or the past
/// cannot be read now.
pub(crate) fn entry_notice(door: &Door, reader: &Participant, entry: &InboxItem) -> Option<Item> {
    let currency = wire::booked_currency(reader.id(), entry)?;
    let account = AccountKey { participant: reader.id(), currency: currency.code };
    let after = Position(entry.position.0 - 1);
    let page = door.past.statement(&StatementQuery { account, after, to: entry.position, limit: 1 }).ok()?;
    if page.entries.is_empty() {
        return None;
    }
    let message = wire::statement(door, reader.view.bic, currency, StatementForm::Notice, &page, 1, None);
    Some(Item { cursor: Position(0), message_type: StatementForm::Notice.message_name(), message: message.into() })
}

/// Appends items as server-sent events; `last` is the cursor to come back with.
pub(crate) fn write_events(door: &Door, reader: Bic, items: &[Item], signed: Signed, last: Position, out: &mut Vec<u8>) {
    match signed {
        Signed::Apart => {
            for item in items {
                event_head(out, item.cursor, "message");
                item.write_signed(door, reader, out);
                out.extend_from_slice(b"\n\n");
            }
        }
        Signed::Together if items.is_empty() => {}
        Signed::Together => {
            event_head(out, last, "batch");
            out.push(b'{');
            write_together(door, reader, items, out);
            out.extend_from_slice(b"}\n\n");
        }
    }
}

/// Appends items as members of a JSON object: `"items":[…]`, and the signature over all of them when there is one.
pub(crate) fn write_members(door: &Door, reader: Bic, items: &[Item], signed: Signed, out: &mut Vec<u8>) {
    match signed {
        Signed::Together if !items.is_empty() => write_together(door, reader, items, out),
        Signed::Apart | Signed::Together => write_list(items, out, |item, out| item.write_signed(door, reader, out)),
    }
}

fn write_together(door: &Door, reader: Bic, items: &[Item], out: &mut Vec<u8>) {
    let parts = items.iter().map(|item| (item.cursor.0, &*item.message));
    let headers = sign_batch(reader.as_str(), parts, door.world.now_s(), &*door.signer);
    write_list(items, out, |item, out| {
        out.push(b'{');
        item.write_place(out);
        item.write_message(out);
    });
    out.push(b',');
    write_signature(&headers, out);
}

fn write_list(items: &[Item], out: &mut Vec<u8>, write: impl Fn(&Item, &mut Vec<u8>)) {
    out.extend_from_slice(b"\"items\":[");
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn event_head(out: &mut Vec<u8>, id: Position, event: &str) {
    if id.0 > 0 {
        writeln!(out, "id: {}", id.0).expect("writing to a vector");
    }
    write!(out, "event: {event}\ndata: ").expect("writing to a vector");
}

/// Digest and signature are base64 and need no escape; what says how it was signed is escaped by serde_json.
fn write_signature(headers: &SignatureHeaders, out: &mut Vec<u8>) {
    let SignatureHeaders { content_digest, signature_input, signature } = headers;
    write!(out, "\"digest\":\"{content_digest}\",\"signature_input\":").expect("writing to a vector");
    write_text(out, signature_input);
    write!(out, ",\"signature\":\"{signature}\"").expect("writing to a vector");
}

impl Item {
    /// As one JSON object with a signature of its own, on one line.
    fn write_signed(&self, door: &Door, reader: Bic, out: &mut Vec<u8>) {
        let item = signing::Item { bic: reader.as_str(), cursor: self.cursor.0, body: &self.message };
        let headers = sign_item(&item, door.world.now_s(), &*door.signer);
        out.push(b'{');
        self.write_place(out);
        write_signature(&headers, out);
        out.push(b',');
        self.write_message(out);
    }

    fn write_place(&self, out: &mut Vec<u8>) {
        out.reserve(self.message.len() + self.message.len() / 8 + 512);
        write!(out, "\"cursor\":{},\"type\":\"{}\",", self.cursor.0, self.message_type).expect("writing to a vector");
    }

    /// The last member, and the end of the object.
    fn write_message(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\"message\":");
        write_text(out, core::str::from_utf8(&self.message).expect("messages are UTF-8"));
        out.push(b'}');
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("text is JSON");
}
