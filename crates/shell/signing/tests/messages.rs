//! Signed requests, responses and items: what is signed verifies, and nothing else does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use signing::{
    FileSigner, Item, Request, Response, SignatureHeaders, SignatureRefusal, Signer, sign_batch, sign_item, sign_request,
    sign_response, verify_batch, verify_item, verify_request, verify_response,
};

const NOW: u64 = 1_790_000_000;
const BODY: &[u8] = b"<BusinessMessage/>";
const KEY_ID: &str = "HARBHKHHXXX#1";

struct Sent {
    signer: FileSigner,
    method: String,
    path: String,
    body: Vec<u8>,
    headers: SignatureHeaders,
}

impl Sent {
    fn new() -> Self {
        let signer = FileSigner::ephemeral(KEY_ID);
        let headers = sign_request("POST", "/v1/messages", BODY, NOW, &signer);
        Self { signer, method: "POST".into(), path: "/v1/messages".into(), body: BODY.to_vec(), headers }
    }

    fn verify_at(&self, now: u64) -> Result<(), SignatureRefusal> {
        let fields: &[(&str, &str)] = &[
            ("Content-Digest", &self.headers.content_digest),
            ("Signature-Input", &self.headers.signature_input),
            ("Signature", &self.headers.signature),
        ];
        self.verify_fields(fields, now)
    }

    fn verify_fields(&self, fields: &[(&str, &str)], now: u64) -> Result<(), SignatureRefusal> {
        let key = self.signer.public_key();
        let keys = move |id: &str| (id == KEY_ID).then_some(key);
        let request = Request { method: &self.method, path: &self.path, authority: "localhost:8443", fields: &fields };
        let valid = verify_request(&request, &self.body, now, &keys)?;
        assert_eq!((valid.key_id(), valid.created()), (KEY_ID, NOW));
        Ok(())
    }
}

#[test]
fn a_signed_request_verifies_within_its_window() {
    let sent = Sent::new();
    for now in [NOW - 300, NOW, NOW + 300] {
        assert_eq!(sent.verify_at(now), Ok(()));
    }
    assert_eq!(sent.verify_at(NOW + 301), Err(SignatureRefusal::Stale));
    assert_eq!(sent.verify_at(NOW - 301), Err(SignatureRefusal::Early));
}

#[test]
fn every_component_is_bound() {
    use SignatureRefusal::{BadSignature, DigestMismatch};
    type Change = (fn(&mut Sent), SignatureRefusal);
    let changes: [Change; 5] = [
        (|sent| sent.method = "PUT".into(), BadSignature),
        (|sent| sent.path = "/v1/quotes".into(), BadSignature),
        (|sent| sent.body.push(b' '), DigestMismatch),
        (
            |sent| {
                sent.body.push(b' ');
                sent.headers.content_digest = signing::content_digest(&sent.body);
            },
            BadSignature,
        ),
        (|sent| sent.signer = FileSigner::ephemeral(KEY_ID), BadSignature),
    ];
    for (at, (change, refusal)) in changes.into_iter().enumerate() {
        let mut sent = Sent::new();
        change(&mut sent);
        assert_eq!(sent.verify_at(NOW), Err(refusal), "change {at}");
    }
}

#[test]
fn every_refusal_has_its_request() {
    use SignatureRefusal as R;
    let sent = Sent::new();
    let (digest, input, signature) = (&*sent.headers.content_digest, &*sent.headers.signature_input, &*sent.headers.signature);
    let with_input = |from: &str, to: &str| {
        assert!(input.contains(from), "{from}");
        input.replace(from, to)
    };
    let missing = with_input(" \"@path\"", "");
    let unknown = with_input("\"@path\"", "\"@path\" \"@nonsense\"");
    let absent = with_input("\"@path\"", "\"@path\" \"x-absent\"");
    let algorithm = with_input("ed25519", "hmac-sha256");
    let no_time = with_input(&format!(";created={NOW}"), "");
    let no_key = with_input(&format!(";keyid=\"{KEY_ID}\""), "");
    let other_key = with_input("HARB", "BARH");
    let expired = with_input(";keyid", &format!(";expires={};keyid", NOW - 1));
    let other_body = signing::content_digest(b"other");
    let cases: Vec<(R, Vec<(&str, &str)>)> = vec![
        (R::DigestMissing, vec![("signature-input", input), ("signature", signature)]),
        (R::DigestMalformed, vec![("content-digest", "sha-256=x"), ("signature-input", input), ("signature", signature)]),
        (R::DigestMismatch, vec![("content-digest", &other_body), ("signature-input", input), ("signature", signature)]),
        (R::Unsigned, vec![("content-digest", digest)]),
        (R::Unsigned, vec![("content-digest", digest), ("signature-input", input)]),
        (
            R::Unsigned,
            vec![("content-digest", digest), ("signature-input", input), ("signature-input", input), ("signature", signature)],
        ),
        (R::Malformed, vec![("content-digest", digest), ("signature-input", "sig1"), ("signature", signature)]),
        (R::Malformed, vec![("content-digest", digest), ("signature-input", input), ("signature", "sig2=:AAAA:")]),
        (R::ComponentMissing, vec![("content-digest", digest), ("signature-input", &missing), ("signature", signature)]),
        (R::ComponentUnknown, vec![("content-digest", digest), ("signature-input", &unknown), ("signature", signature)]),
        (R::ComponentAbsent, vec![("content-digest", digest), ("signature-input", &absent), ("signature", signature)]),
        (R::Algorithm, vec![("content-digest", digest), ("signature-input", &algorithm), ("signature", signature)]),
        (R::CreatedMissing, vec![("content-digest", digest), ("signature-input", &no_time), ("signature", signature)]),
        (R::Stale, vec![("content-digest", digest), ("signature-input", &expired), ("signature", signature)]),
        (R::UnknownKey, vec![("content-digest", digest), ("signature-input", &no_key), ("signature", signature)]),
        (R::UnknownKey, vec![("content-digest", digest), ("signature-input", &other_key), ("signature", signature)]),
    ];
    let mut met: Vec<R> = vec![R::BadSignature, R::Early];
    for (refusal, fields) in cases {
        assert_eq!(sent.verify_fields(&fields, NOW), Err(refusal), "{fields:?}");
        met.push(refusal);
    }
    for refusal in R::ALL {
        assert!(met.contains(&refusal), "{refusal:?} has no test");
        assert!(matches!(refusal.http_status(), 400 | 401));
    }
    let codes: std::collections::BTreeSet<_> = R::ALL.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(codes.len(), R::ALL.len());
}

#[test]
fn a_response_answers_one_request() {
    let centre = FileSigner::ephemeral("LUOHU#1");
    let (key, request_digest) = (centre.public_key(), signing::content_digest(BODY));
    let headers = sign_response(200, b"answer", &request_digest, NOW, &centre);
    let keys = move |id: &str| (id == "LUOHU#1").then_some(key);
    let fields: &[(&str, &str)] = &[
        ("content-digest", &headers.content_digest),
        ("signature-input", &headers.signature_input),
        ("signature", &headers.signature),
    ];
    let verify = |status, body: &[u8], request_digest: &str| {
        let response = Response { status, fields: &fields, request_digest };
        verify_response(&response, body, NOW, &keys).map(|_| ())
    };
    assert_eq!(verify(200, b"answer", &request_digest), Ok(()));
    assert_eq!(verify(202, b"answer", &request_digest), Err(SignatureRefusal::BadSignature));
    assert_eq!(verify(200, b"answer!", &request_digest), Err(SignatureRefusal::DigestMismatch));
    assert_eq!(verify(200, b"answer", &signing::content_digest(b"")), Err(SignatureRefusal::BadSignature));
}

#[test]
fn an_item_has_one_place_in_one_inbox() {
    let centre = FileSigner::ephemeral("LUOHU#1");
    let key = centre.public_key();
    let keys = move |id: &str| (id == "LUOHU#1").then_some(key);
    let item = Item { bic: KEY_ID.split_at(11).0, cursor: 17, body: BODY };
    let headers = sign_item(&item, NOW, &centre);
    assert_eq!(verify_item(&item, &headers, &keys), Ok(()));
    for changed in [Item { bic: "SZBKCNBSXXX", ..item }, Item { cursor: 18, ..item }] {
        assert_eq!(verify_item(&changed, &headers, &keys), Err(SignatureRefusal::BadSignature));
    }
    let changed = Item { body: b"other", ..item };
    assert_eq!(verify_item(&changed, &headers, &keys), Err(SignatureRefusal::DigestMismatch));
}

#[test]
fn a_batch_is_these_items_in_this_order_in_one_inbox() {
    let centre = FileSigner::ephemeral("LUOHU#1");
    let key = centre.public_key();
    let keys = move |id: &str| (id == "LUOHU#1").then_some(key);
    let items: [(u64, &[u8]); 3] = [(17, BODY), (0, b"<Check/>"), (21, BODY)];
    let headers = sign_batch("HARBHKHHXXX", items.into_iter(), NOW, &centre);
    let verify = |bic: &str, items: &[(u64, &[u8])]| verify_batch(bic, items.iter().copied(), &headers, &keys);
    assert_eq!(verify("HARBHKHHXXX", &items), Ok(()));
    assert_eq!(verify("SZBKCNBSXXX", &items), Err(SignatureRefusal::BadSignature));
    let [first, second, third] = items;
    for other in [
        &[first, second][..],
        &[second, first, third],
        &[first, second, third, third],
        &[(18, first.1), second, third],
        &[(17, b"other"), second, third],
        &[],
    ] {
        assert_eq!(verify("HARBHKHHXXX", other), Err(SignatureRefusal::DigestMismatch), "{other:?}");
    }
    // One item's own signature is not a batch of one, nor the other way round.
    let item = Item { bic: "HARBHKHHXXX", cursor: 17, body: BODY };
    let alone = sign_item(&item, NOW, &centre);
    assert!(verify_batch("HARBHKHHXXX", [(17, BODY)].into_iter(), &alone, &keys).is_err());
    let batch = sign_batch("HARBHKHHXXX", [(17, BODY)].into_iter(), NOW, &centre);
    assert!(verify_item(&item, &batch, &keys).is_err());
}

proptest! {
    /// Any one byte changed anywhere in the signature's own fields is refused, whatever it becomes.
    #[test]
    fn any_changed_byte_is_refused(which in 0..3usize, at in any::<prop::sample::Index>(), byte in 0x21u8..0x7f) {
        let mut sent = Sent::new();
        let field = match which {
            0 => &mut sent.headers.content_digest,
            1 => &mut sent.headers.signature_input,
            _ => &mut sent.headers.signature,
        };
        let mut bytes = field.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != byte);
        bytes[at] = byte;
        *field = String::from_utf8(bytes).unwrap();
        prop_assert!(sent.verify_at(NOW).is_err());
    }

    #[test]
    fn arbitrary_fields_never_panic(digest in "\\PC{0,80}", input in "\\PC{0,120}", signature in "\\PC{0,120}") {
        let mut sent = Sent::new();
        sent.headers = SignatureHeaders { content_digest: digest, signature_input: input, signature };
        prop_assert!(sent.verify_at(NOW).is_err());
    }
}
