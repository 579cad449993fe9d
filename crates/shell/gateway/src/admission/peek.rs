//! What a message is, seen from outside: its namespace is looked for and nothing is parsed.
//!
//! A sender can hide what a message is; the class it gets by that is taken back once the message has been read
//! (`messages.rs`).

use super::Class;
use clearing::Bic;
use memchr::memmem::find;

/// How far is looked: header and the document's first tag are below 2 KiB in any message of a sane writer.
const LOOK_BYTES_MAX: usize = 4 << 10;
const NAMESPACE: &[u8] = b"urn:iso:std:iso:20022:tech:xsd:";

/// The class of a body posted as a message; the lowest for what cannot be recognised.
pub(crate) fn class_of_message(body: &[u8]) -> Class {
    let mut rest = &body[..body.len().min(LOOK_BYTES_MAX)];
    while let Some(at) = find(rest, NAMESPACE) {
        rest = &rest[at + NAMESPACE.len()..];
        match rest.get(..8) {
            Some(b"head.001") => {}
            Some(b"pacs.008") => return Class::Payment,
            Some(b"pacs.002" | b"acmt.024" | b"admi.004" | b"camt.056" | b"camt.025" | b"camt.050") => return Class::Answer,
            Some(b"acmt.023") => return Class::Quote,
            Some(_) | None => return Class::Poll,
        }
    }
    Class::Poll
}

/// The BIC in the creditor agent's element of a payment, wherever it is; `None` where none can be seen.
pub(crate) fn creditor_agent_of(body: &[u8]) -> Option<Bic> {
    let agent = &body[find(body, b"CdtrAgt>")?..];
    let bic = &agent[find(agent, b"BICFI>")? + b"BICFI>".len()..];
    let end = bic.iter().take(12).position(|byte| *byte == b'<')?;
    Bic::parse(core::str::from_utf8(&bic[..end]).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: &str) -> String {
        format!(
            "<BusinessMessage><AppHdr xmlns=\"urn:iso:std:iso:20022:tech:xsd:head.001.001.02\"></AppHdr>\
             <d:Document xmlns:d='urn:iso:std:iso:20022:tech:xsd:{kind}'/></BusinessMessage>"
        )
    }

    #[test]
    fn the_creditor_agent_is_seen_with_and_without_a_prefix() {
        for body in ["<CdtrAgt><FinInstnId><BICFI>PENGCNBSXXX</BICFI>", "x<p:CdtrAgt>\n <p:BICFI>PENGCNBSXXX</p:BICFI>"] {
            assert_eq!(creditor_agent_of(body.as_bytes()), Bic::parse("PENGCNBSXXX"), "{body}");
        }
        for body in ["", "<CdtrAgt>", "<CdtrAgt><BICFI>PENGCNBSXXX", "<BICFI>PENGCNBSXXX</BICFI>", "<CdtrAgt><BICFI>no</BICFI>"] {
            assert_eq!(creditor_agent_of(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn classes_follow_from_the_documents_namespace() {
        for (kind, class) in [
            ("pacs.008.001.08", Class::Payment),
            ("pacs.002.001.10", Class::Answer),
            ("pacs.028.001.03", Class::Poll),
            ("acmt.023.001.02", Class::Quote),
            ("acmt.024.001.02", Class::Answer),
            ("admi.004.001.02", Class::Answer),
            ("camt.053.001.08", Class::Poll),
        ] {
            assert_eq!(class_of_message(message(kind).as_bytes()), class, "{kind}");
        }
    }

    #[test]
    fn what_cannot_be_recognised_is_given_up_first() {
        let far = format!("{}{}", " ".repeat(LOOK_BYTES_MAX), message("pacs.008.001.08"));
        for body in ["", "<", "urn:iso:std:iso:20022:tech:xsd:", "urn:iso:std:iso:20022:tech:xsd:pacs.00", &far] {
            assert_eq!(class_of_message(body.as_bytes()), Class::Poll);
        }
    }
}
