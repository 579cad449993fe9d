//! Who calls: the certificate of the connection, then the signature of the message. Each leaves a proof.

use crate::doorway::Doorway;
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::{Participant, Registry};
use bytes::Bytes;
use clearing::{Bic, ContentHash, ParticipantView, Time, VerifyingKey};
use http::request::Parts;
use rustls::ServerConnection;
use signing::{PublicKey, Request, peer_bic, verify_request};
use std::io;
use std::sync::Arc;

/// The BIC in the certificate of the client at the other end; `None` if it names none.
pub(crate) fn peer_of(connection: &ServerConnection) -> Option<Bic> {
    let certificate = connection.peer_certificates()?.first()?;
    let bic = peer_bic(certificate)?;
    Bic::parse(core::str::from_utf8(&bic).ok()?)
}

/// Proof that the connection's client is the participant of this BIC. Only a [`Doorway`]'s greeting makes one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    bic: Bic,
}

impl Peer {
    /// Takes a connection from where its other end is found out.
    pub(crate) async fn greet<D: Doorway>(doorway: &D, raw: D::Raw) -> io::Result<(D::Stream, Self)> {
        let (stream, bic) = doorway.greet(raw).await?;
        Ok((stream, Self { bic }))
    }

    pub(crate) fn bic(self) -> Bic {
        self.bic
    }

    /// The participant of that BIC.
    pub(crate) fn participant(self, registry: &Registry) -> Result<Arc<Participant>, GatewayRefusal> {
        registry.by_bic(self.bic).ok_or(GatewayRefusal::UnknownParticipant)
    }
}

/// A request whose body was signed by the participant at the other end. Only [`authenticate`] makes one.
#[derive(Debug)]
pub(crate) struct Authenticated {
    sender: Arc<Participant>,
    body: Bytes,
    content: ContentHash,
    digest_field: String,
    evidence: Evidence,
}

/// The fields that sign a message, kept with it.
#[derive(Debug)]
struct Evidence {
    signature_input: String,
    signature: String,
}

impl Authenticated {
    /// Who signed.
    pub(crate) fn sender(&self) -> &Arc<Participant> {
        &self.sender
    }

    pub(crate) fn body(&self) -> &Bytes {
        &self.body
    }

    /// SHA-256 of the body.
    pub(crate) fn content(&self) -> ContentHash {
        self.content
    }

    /// The request's `Content-Digest`: what the answer is bound to.
    pub(crate) fn digest_field(&self) -> &str {
        &self.digest_field
    }

    /// The message as the vault keeps it: the fields that sign it, an empty line, the body.
    pub(crate) fn to_vault(&self) -> Arc<[u8]> {
        let head = format!(
            "Content-Digest: {}\r\nSignature-Input: {}\r\nSignature: {}\r\n\r\n",
            self.digest_field, self.evidence.signature_input, self.evidence.signature
        );
        let mut bytes = Vec::with_capacity(head.len() + self.body.len());
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(&self.body);
        bytes.into()
    }
}

/// Where the body begins in what [`Authenticated::to_vault`] made.
pub(crate) fn body_of_vault(message: &[u8]) -> Option<usize> {
    message.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// Verifies that `sender`, known by its certificate, signed this request with a key of its own that holds now.
pub(crate) fn authenticate(
    sender: Arc<Participant>,
    parts: &Parts,
    body: Bytes,
    now: Time,
    registry: &Registry,
) -> Result<Authenticated, Problem> {
    let authority = parts.headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let request = Request { method: parts.method.as_str(), path: parts.uri.path(), authority, fields: &parts.headers };
    let own = sender.view.bic;
    let keys = |key_id: &str| match key_owner(key_id)? {
        (owner, number) if owner == own => key_of(&sender.view, number, now),
        (other, number) => key_of(&registry.by_bic(other)?.view, number, now),
    };
    let valid = verify_request(&request, &body, now.0 / 1_000_000_000, &keys)?;
    if key_owner(valid.key_id()).is_none_or(|(owner, _)| owner != own) {
        return Err(Problem::from(GatewayRefusal::KeyNotCaller).with_field("Signature-Input"));
    }
    let field = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let content = ContentHash(valid.body_sha256());
    let evidence = Evidence { signature_input: field("signature-input"), signature: field("signature") };
    Ok(Authenticated { sender: Arc::clone(&sender), body, content, digest_field: field("content-digest"), evidence })
}

/// The BIC and the number of `HARBHKHHXXX#1`.
pub(crate) fn key_owner(key_id: &str) -> Option<(Bic, u16)> {
    let (bic, number) = key_id.split_once('#')?;
    let is_canonical = !number.starts_with(['0', '+']);
    Some((Bic::parse(bic)?, number.parse().ok().filter(|_| is_canonical)?))
}

/// A participant's key of that number, if it holds at that time.
pub(crate) fn key_of(participant: &ParticipantView, number: u16, at: Time) -> Option<PublicKey> {
    Some(match participant.key_at(number, at)? {
        VerifyingKey::Ed25519(key) => PublicKey::Ed25519(key),
        VerifyingKey::P256(key) => PublicKey::P256(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_identifiers_name_a_bic_and_a_number() {
        let bic = Bic::parse("HARBHKHHXXX").unwrap();
        assert_eq!(key_owner("HARBHKHHXXX#1"), Some((bic, 1)));
        assert_eq!(key_owner("HARBHKHHXXX#65535"), Some((bic, 65_535)));
        for bad in ["", "#1", "HARBHKHHXXX", "HARBHKHHXXX#", "HARBHKHHXXX#0", "HARBHKHHXXX#01", "HARBHKHHXXX#+1", "harbhkhhxxx#1"]
        {
            assert_eq!(key_owner(bad), None, "{bad}");
        }
        assert_eq!((key_owner("HARBHKHHXXX#65536"), key_owner("HARBHKHHXXX#1#1")), (None, None));
    }
}
