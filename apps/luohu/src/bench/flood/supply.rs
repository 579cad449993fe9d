//! Signed payments, made before they are needed: the load's own signing must not be what is measured.
//!
//! A message is a template in which its identifiers are written over, one template for each of a thousand pairs of accounts,
//! so that the risk rules see as many customers as ever. What is kept of a payment made ahead is the head of its request; the body is
//! made again from the template when it is sent.

use super::super::bank::pacs008;
use super::super::{CREDITOR_BANK, DEBTOR_BANK};
use crate::keys::MemberKeys;
use anyhow::{Context, Result, ensure};
use signing::sign_request;
use std::collections::VecDeque;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Pairs of accounts.
const TEMPLATES: u64 = 1000;
/// Numbers of payments have as many digits as this one, so that they fit the templates.
const FIRST_NUMBER: u64 = 10_000_000;
/// Most payments made ahead: half a kilobyte each.
const AHEAD_MAX: u64 = 2_000_000;

/// Payments with their signatures, and templates to make more.
pub struct Supply {
    templates: Vec<Template>,
    authority: String,
    keys: MemberKeys,
    ready: VecDeque<Message>,
    made: u64,
}

/// A payment that can be sent, again and again.
pub struct Message {
    pub id: Uuid,
    number: u64,
    head: Box<[u8]>,
}

struct Template {
    body: Vec<u8>,
    /// Where its UETR stands, as text; where the same without hyphens begins a message identification; where its number.
    uetrs: Vec<usize>,
    names: Vec<usize>,
    numbers: Vec<usize>,
}

/// Of a message identification so much comes from the UETR.
const NAME_CHARS: usize = 30;

impl Supply {
    pub fn new(authority: &str, keys: MemberKeys) -> Result<Self> {
        let templates = (0..TEMPLATES).map(|at| Template::new(FIRST_NUMBER + at)).collect::<Result<_>>()?;
        Ok(Self { templates, authority: authority.to_owned(), keys, ready: VecDeque::new(), made: 0 })
    }

    /// Makes so many ahead.
    pub fn prepare(&mut self, count: u64) -> Result<()> {
        while (self.ready.len() as u64) < count.min(AHEAD_MAX) {
            let message = self.make()?;
            self.ready.push_back(message);
        }
        Ok(())
    }

    /// The next payment, signed now if none is left.
    pub fn next(&mut self) -> Result<Message> {
        match self.ready.pop_front() {
            Some(message) => Ok(message),
            None => self.make(),
        }
    }

    /// A payment that was refused waits to be offered again.
    pub fn put_back(&mut self, message: Message) {
        self.ready.push_back(message);
    }

    fn make(&mut self) -> Result<Message> {
        let number = FIRST_NUMBER + self.made;
        self.made += 1;
        ensure!(number < FIRST_NUMBER * 10, "too many payments for one load");
        let id = Uuid::new_v4();
        Ok(Message { id, number, head: self.head(id, number) })
    }

    /// The same payment signed anew.
    pub fn renew(&self, message: &Message) -> Message {
        Message { head: self.head(message.id, message.number), ..*message }
    }

    /// The request's head but for the empty line that ends it.
    fn head(&self, id: Uuid, number: u64) -> Box<[u8]> {
        let body = self.template(number).body_of(id, number);
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let signed = sign_request("POST", "/v1/messages", &body, now_s, &*self.keys.signer);
        let head = format!(
            "POST /v1/messages HTTP/1.1\r\nhost: {}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\
             content-digest: {}\r\nsignature-input: {}\r\nsignature: {}\r\n",
            self.authority,
            body.len(),
            signed.content_digest,
            signed.signature_input,
            signed.signature
        );
        head.into_bytes().into()
    }

    fn template(&self, number: u64) -> &Template {
        &self.templates[(number % TEMPLATES) as usize]
    }

    /// Appends the whole request, perhaps asking to wait for the payment's end.
    pub fn write(&self, message: &Message, waits: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(&message.head);
        out.extend_from_slice(if waits { b"prefer: wait=30\r\n\r\n" } else { b"\r\n" });
        let begin = out.len();
        let template = self.template(message.number);
        out.extend_from_slice(&template.body);
        template.fill(&mut out[begin..], message.id, message.number);
    }
}

impl Template {
    fn new(number: u64) -> Result<Self> {
        let id = Uuid::new_v4();
        let body = pacs008(id, DEBTOR_BANK, CREDITOR_BANK, number)?.into_bytes();
        let places = |text: &str| -> Vec<usize> {
            let found = body.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
            found.map(|(at, _)| at).collect()
        };
        let name = id.simple().to_string();
        let (uetrs, names) = (places(&id.to_string()), places(name.get(..NAME_CHARS).context("32 digits")?));
        let numbers = places(&number.to_string());
        ensure!(!uetrs.is_empty() && !names.is_empty() && !numbers.is_empty(), "a payment names its identifiers");
        Ok(Self { body, uetrs, names, numbers })
    }

    fn body_of(&self, id: Uuid, number: u64) -> Vec<u8> {
        let mut body = self.body.clone();
        self.fill(&mut body, id, number);
        body
    }

    fn fill(&self, body: &mut [u8], id: Uuid, number: u64) {
        let mut text = String::with_capacity(80);
        let _ = write!(text, "{id}{}{number}", id.simple());
        let text = text.as_bytes();
        for (places, from, length) in [(&self.uetrs, 0, 36), (&self.names, 36, NAME_CHARS), (&self.numbers, 68, 8)] {
            for &at in places {
                body[at..at + length].copy_from_slice(&text[from..from + length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_template_is_the_message_itself() {
        let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
        let template = Template::new(FIRST_NUMBER + 7).unwrap();
        let body = template.body_of(first, FIRST_NUMBER + 1007);
        let text = String::from_utf8(body.clone()).unwrap();
        assert!(text.contains(&first.to_string()) && text.contains("E2E-10001007") && text.contains("100-000007"));
        let read = iso20022::read_business_message(text.as_bytes(), iso20022::Limits::default());
        assert!(read.is_ok());
        assert_ne!(template.body_of(second, FIRST_NUMBER + 1007), body);
    }
}
