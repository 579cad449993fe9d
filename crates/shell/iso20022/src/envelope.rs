//! Finds the messages in a document: a bare `Document` or `AppHdr`, or any number of them inside wrappers.
//!
//! An ISO 20022 message is an element `Document` or `AppHdr` in an ISO 20022 namespace. Whatever stands around it is only
//! required to be well-formed.

use crate::generated::{Message, MessageType};
use crate::violation::{Rule, Stop, Violation};
use crate::xml::{Limits, RawXml, Reader, Writer};

/// Beginning of every message's namespace.
const NAMESPACES: &str = "urn:iso:std:iso:20022:tech:xsd:";

/// What became of one message in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// It satisfies its schema.
    Valid(Message),
    /// It does not.
    Invalid(MessageType, Violation),
    /// Its schema is not built in; the name is as in its namespace.
    Unsupported(String),
}

/// A business message: a header and the document it heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessMessage {
    /// `AppHdr`, if there is one.
    pub header: Option<Box<crate::generated::BusinessApplicationHeaderV02>>,
    /// `Document`.
    pub document: Message,
}

impl MessageType {
    /// The message with this namespace.
    pub fn from_namespace(namespace: &str) -> Option<Self> {
        namespace.strip_prefix(NAMESPACES).and_then(Self::from_id)
    }

    /// The message with this name, such as `pacs.008.001.08`.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.id() == id)
    }
}

/// Reads one message that is the root of `source`.
pub fn read_message(source: &[u8], limits: Limits) -> Result<Message, Violation> {
    let read = || -> Result<Message, Box<Stop>> {
        let mut reader = Reader::new(source, limits)?;
        let message = match MessageType::from_namespace(reader.head_namespace()) {
            Some(kind) => read_at(kind, &mut reader)?,
            None => return Err(unknown_root(&reader)),
        };
        reader.finish()?;
        Ok(message)
    };
    read().map_err(|stop| stop.locate(source))
}

/// Reads a business message: a bare `Document`, or `AppHdr` and `Document` inside a wrapper. Everything found must be valid.
pub fn read_business_message(source: &[u8], limits: Limits) -> Result<BusinessMessage, Violation> {
    let read = || -> Result<BusinessMessage, Box<Stop>> {
        let (mut header, mut document) = (None, None);
        let mut reader = Reader::new(source, limits)?;
        walk(&mut reader, |kind, reader| {
            let twice = |reader: &Reader<'_>, what: &str| reader.stop_here(Rule::Repeated, format!("a second `{what}`"));
            match read_at(kind, reader)? {
                Message::Head00100102(_) if header.is_some() => Err(twice(reader, "AppHdr")),
                Message::Head00100102(found) => {
                    header = Some(found);
                    Ok(())
                }
                _ if document.is_some() => Err(twice(reader, "Document")),
                found => {
                    document = Some(found);
                    Ok(())
                }
            }
        })?;
        match document {
            Some(document) => Ok(BusinessMessage { header, document }),
            None => Err(reader.stop_here(Rule::Root, "no `Document` of a known message".to_owned())),
        }
    };
    read().map_err(|stop| stop.locate(source))
}

/// Judges every message in a document. The error is for documents that are not well-formed XML within the limits, or
/// whose root claims to be a message and is not.
pub fn judge_all(source: &[u8], limits: Limits) -> Result<Vec<Judged>, (Vec<Judged>, Violation)> {
    let mut all = Vec::new();
    match judge_into(source, limits, &mut all) {
        Ok(()) => Ok(all),
        Err(stop) => Err((all, stop.locate(source))),
    }
}

/// Cuts every message out of a document, with all namespaces it needs, in order: also those that break their schema.
pub fn split(source: &[u8], limits: Limits) -> Result<Vec<RawXml>, Violation> {
    let mut all = Vec::new();
    let mut cut = || -> Result<(), Box<Stop>> {
        let mut reader = Reader::new(source, limits)?;
        loop {
            match classify(&reader)? {
                Found::Supported(_) | Found::Unsupported(_) => all.push(reader.capture()?),
                Found::Wrapper => {
                    if reader.walk_in()? {
                        continue;
                    }
                }
            }
            if !to_next_element(&mut reader)? {
                return reader.finish();
            }
        }
    };
    match cut() {
        Ok(()) => Ok(all),
        Err(stop) => Err(stop.locate(source)),
    }
}

/// Walks on to the next element start; false at the end of the root.
fn to_next_element(reader: &mut Reader<'_>) -> Result<bool, Box<Stop>> {
    loop {
        if reader.depth() == 0 {
            return Ok(false);
        }
        if reader.walk_on()? {
            return Ok(true);
        }
    }
}

fn judge_into(source: &[u8], limits: Limits, all: &mut Vec<Judged>) -> Result<(), Box<Stop>> {
    let mut reader = Reader::new(source, limits)?;
    loop {
        let mark = reader.mark();
        let found = classify(&reader)?;
        match found {
            Found::Supported(kind) => match read_at(kind, &mut reader) {
                Ok(message) => all.push(Judged::Valid(message)),
                Err(stop) if stop.rule.is_fatal() => return Err(stop),
                Err(stop) => {
                    all.push(Judged::Invalid(kind, stop.locate(source)));
                    reader.skip_from(mark)?;
                }
            },
            Found::Unsupported(id) => {
                all.push(Judged::Unsupported(id));
                reader.skip()?;
            }
            Found::Wrapper => {
                if reader.walk_in()? {
                    continue;
                }
            }
        }
        if !to_next_element(&mut reader)? {
            return reader.finish();
        }
    }
}

/// Walks a document and hands each supported message to `take`. Unsupported messages are an error here.
fn walk<'a>(
    reader: &mut Reader<'a>,
    mut take: impl FnMut(MessageType, &mut Reader<'a>) -> Result<(), Box<Stop>>,
) -> Result<(), Box<Stop>> {
    loop {
        match classify(reader)? {
            Found::Supported(kind) => take(kind, reader)?,
            Found::Unsupported(_) => return Err(unknown_root(reader)),
            Found::Wrapper => {
                if reader.walk_in()? {
                    continue;
                }
            }
        }
        if !to_next_element(reader)? {
            return reader.finish();
        }
    }
}

enum Found {
    Supported(MessageType),
    Unsupported(String),
    Wrapper,
}

/// What the element at the reader's head is.
fn classify(reader: &Reader<'_>) -> Result<Found, Box<Stop>> {
    let local = reader.head_local();
    if local != "Document" && local != "AppHdr" {
        return Ok(Found::Wrapper);
    }
    let namespace = reader.head_namespace();
    match MessageType::from_namespace(namespace) {
        Some(kind) if kind.root() == local => Ok(Found::Supported(kind)),
        Some(_) => Err(unknown_root(reader)),
        None => match namespace.strip_prefix(NAMESPACES) {
            Some(id) => Ok(Found::Unsupported(id.to_owned())),
            None if reader.depth() == 1 => Err(unknown_root(reader)),
            None => Ok(Found::Wrapper),
        },
    }
}

fn unknown_root(reader: &Reader<'_>) -> Box<Stop> {
    let text = match reader.head_namespace() {
        "" => format!("`{}` has no namespace, so it is no ISO 20022 message", reader.head_local()),
        namespace => format!("`{}` in the namespace `{namespace}` is no message known here", reader.head_local()),
    };
    reader.stop_here(Rule::Root, text).within(reader.head_local(), 0)
}

/// Reads the message whose root is the reader's head.
fn read_at(kind: MessageType, reader: &mut Reader<'_>) -> Result<Message, Box<Stop>> {
    if reader.head_local() != kind.root() {
        return Err(unknown_root(reader));
    }
    reader.set_target(kind.namespace(), kind.root(), Message::judge(kind));
    Message::read(kind, reader).map_err(|stop| stop.within(kind.root(), 0))
}

impl Message {
    /// The message as a document of its own, on one line.
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::new();
        self.write_into(&mut writer);
        writer.into_string()
    }

    /// Writes the message with its namespace declared at its root.
    pub fn write_into(&self, writer: &mut Writer) {
        writer.declare_next(self.message_type().namespace());
        self.write(writer);
    }
}
