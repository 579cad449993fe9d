//! Signed messages: nothing is taken for signed but what the holder of the key did sign.
//!
//! An input is lines: what it is (`request POST /v1/messages`, `response 200 DIGEST`, `item BIC CURSOR`, `batch BIC`), header
//! fields as `name: value`, an empty line, the body. The body of a batch is lines `CURSOR MESSAGE`.

use crate::Target;
use crate::pieces::Pieces;
use signing::{
    FileSigner, Item, Request, Response, SignatureHeaders, SignatureValid, Signer, content_digest, sign_batch, sign_item,
    sign_request, sign_response, verify_batch, verify_item, verify_request, verify_response,
};
use std::sync::LazyLock;

pub(crate) const TARGET: Target = Target {
    name: "signature_headers",
    about: "accepted means: this very message was signed with the test key, at the time the answer names",
    run,
    seeds,
    words: &[
        "sig1=(",
        ");created=",
        "created=1795510800",
        ";expires=1795510801",
        ";keyid=\"KEY#1\"",
        ";alg=\"ed25519\"",
        ";req",
        "\"@method\"",
        "\"@path\"",
        "\"@status\"",
        "\"@authority\"",
        "\"content-digest\"",
        "\"luohu-cursor\"",
        "sha-256=:",
        ":",
        "sha-512=:AAAA:,",
        "  ",
        "\t",
        "()",
        "luohu-cursor: 7\n",
        "content-digest: ",
        "POST",
        "/inbox/HARBHKHHXXX",
        "=",
    ],
};

const NOW: u64 = 1_795_510_800;
const BIC: &str = "HARBHKHHXXX";

static KEY: LazyLock<FileSigner> = LazyLock::new(|| FileSigner::from_seed("KEY#1", &[7; 32]));
static SIGNED: LazyLock<Vec<Signed>> = LazyLock::new(signed);

/// What a message says, as far as a signature covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// Method, path, body.
    Request(String, String, Vec<u8>),
    /// Status, request's digest, body.
    Response(u16, String, Vec<u8>),
}

/// Something that was signed, when, and the headers that show it.
struct Signed {
    said: Said,
    created: u64,
    input: Vec<u8>,
    name: &'static str,
}

fn signed() -> Vec<Signed> {
    let key = &*KEY;
    let body = b"<Document/>\n".to_vec();
    let digest = content_digest(b"question");
    let request = |name, path: &str, body: &[u8], created| Signed {
        said: Said::Request("POST".into(), path.into(), body.into()),
        created,
        input: input(&format!("request POST {path}"), &sign_request("POST", path, body, created, key), body),
        name,
    };
    let items = [(41, b"<a/>".as_slice()), (42, b"<b/>")];
    let batch = sign_batch(BIC, items.into_iter(), NOW, key);
    let list = batch_list(items.into_iter());
    vec![
        request("request", "/v1/messages", &body, NOW - 5),
        request("request-empty", "/v1/quotes", b"", NOW),
        request("request-stale", "/v1/messages", &body, NOW - 301),
        request("request-early", "/v1/messages", &body, NOW + 301),
        Signed {
            said: Said::Response(200, digest.clone(), body.clone()),
            created: NOW,
            input: input(&format!("response 200 {digest}"), &sign_response(200, &body, &digest, NOW, key), &body),
            name: "response",
        },
        Signed {
            said: Said::Request("POST".into(), format!("/inbox/{BIC}#7"), body.clone()),
            created: NOW,
            input: input(&format!("item {BIC} 7"), &sign_item(&Item { bic: BIC, cursor: 7, body: &body }, NOW, key), &body),
            name: "item",
        },
        Signed {
            said: Said::Request("POST".into(), format!("/inbox/{BIC}/batch"), list.into_bytes()),
            created: NOW,
            input: input(&format!("batch {BIC}"), &batch, b"41 <a/>\n42 <b/>"),
            name: "batch",
        },
    ]
}

fn input(first: &str, headers: &SignatureHeaders, body: &[u8]) -> Vec<u8> {
    let SignatureHeaders { content_digest, signature_input, signature } = headers;
    let head =
        format!("{first}\ncontent-digest: {content_digest}\nsignature-input: {signature_input}\nsignature: {signature}\n\n");
    [head.as_bytes(), body].concat()
}

/// The list a batch's signature is over, written here once more.
fn batch_list<'a>(items: impl Iterator<Item = (u64, &'a [u8])>) -> String {
    items.map(|(cursor, message)| format!("{cursor} {}\n", content_digest(message))).collect()
}

fn run(input: &[u8]) -> bool {
    let mut pieces = Pieces(input);
    let Some(first) = pieces.line() else { return false };
    let mut fields = Vec::new();
    loop {
        let Some(line) = pieces.line() else { return false };
        match line.split_once(": ") {
            Some(field) => fields.push(field),
            None if line.is_empty() => break,
            None => return false,
        }
    }
    let mut words = first.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    match word() {
        "request" => request(word(), word(), &fields, pieces.0),
        "response" => response(word(), word(), &fields, pieces.0),
        "item" => item(word(), word(), &fields, pieces.0),
        "batch" => batch(word(), &fields, pieces),
        _ => false,
    }
}

fn public_key(key_id: &str) -> Option<[u8; 32]> {
    (key_id == KEY.key_id()).then(|| KEY.public_key())
}

fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &[u8]) -> bool {
    let request = Request { method, path, authority: "localhost", fields: &fields };
    let Ok(valid) = verify_request(&request, body, NOW, &public_key) else { return false };
    // An item is signed as a request with a further field; who shows that field shows the item.
    let cursor = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("luohu-cursor")).map(|(_, cursor)| cursor.trim());
    let plain = Said::Request(method.into(), path.into(), body.into());
    let as_item = cursor.map(|cursor| Said::Request(method.into(), format!("{path}#{cursor}"), body.into()));
    was_signed_now(&[Some(plain), as_item].into_iter().flatten().collect::<Vec<_>>(), &valid);
    true
}

fn response(status: &str, request_digest: &str, fields: &[(&str, &str)], body: &[u8]) -> bool {
    let Ok(status) = status.parse() else { return false };
    let response = Response { status, fields: &fields, request_digest };
    let Ok(valid) = verify_response(&response, body, NOW, &public_key) else { return false };
    was_signed_now(&[Said::Response(status, request_digest.into(), body.into())], &valid);
    true
}

fn was_signed_now(said: &[Said], valid: &SignatureValid<'_>) {
    let found = SIGNED.iter().find(|signed| said.contains(&signed.said) && signed.created == valid.created());
    let found = found.unwrap_or_else(|| panic!("nobody signed this: {said:?}, {valid:?}"));
    assert_eq!(valid.key_id(), KEY.key_id());
    assert!(found.created.abs_diff(NOW) <= signing::CREATED_SKEW_S, "stale or early: {valid:?}");
}

fn item(bic: &str, cursor: &str, fields: &[(&str, &str)], body: &[u8]) -> bool {
    let Ok(cursor) = cursor.parse() else { return false };
    let Some(headers) = headers(fields) else { return false };
    if verify_item(&Item { bic, cursor, body }, &headers, &public_key).is_err() {
        return false;
    }
    was_signed(&Said::Request("POST".into(), format!("/inbox/{bic}#{cursor}"), body.into()));
    true
}

fn batch(bic: &str, fields: &[(&str, &str)], mut body: Pieces<'_>) -> bool {
    let mut items = Vec::new();
    while let Some(line) = body.line() {
        let Some((cursor, message)) = line.split_once(' ') else { return false };
        let Ok(cursor) = cursor.parse::<u64>() else { return false };
        items.push((cursor, message.as_bytes()));
    }
    let Some(headers) = headers(fields) else { return false };
    if verify_batch(bic, items.iter().copied(), &headers, &public_key).is_err() {
        return false;
    }
    was_signed(&Said::Request("POST".into(), format!("/inbox/{bic}/batch"), batch_list(items.into_iter()).into_bytes()));
    true
}

fn was_signed(said: &Said) {
    assert!(SIGNED.iter().any(|signed| signed.said == *said), "nobody signed this: {said:?}");
}

fn headers(fields: &[(&str, &str)]) -> Option<SignatureHeaders> {
    let field = |name| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Some(SignatureHeaders {
        content_digest: field("content-digest")?,
        signature_input: field("signature-input")?,
        signature: field("signature")?,
    })
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    SIGNED.iter().map(|signed| (signed.name.to_owned(), signed.input.clone())).collect()
}
