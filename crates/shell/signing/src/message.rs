//! Signature bases (RFC 9421 section 2.5), and signing and verifying the three kinds of message.

use crate::input::{Component, SignatureInput, parse_signature};
use crate::{FieldValue, Fields, Keys, MessageSigner, SignatureRefusal, content_digest, verify_content_digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::fmt::Write;

/// How far `created` may be from the verifier's clock either way, in seconds.
pub const CREATED_SKEW_S: u64 = 300;

const REQUEST_COMPONENTS: &[Component<'static>] = &[own("@method"), own("@path"), own("content-digest")];
const ITEM_COMPONENTS: &[Component<'static>] = &[own("@method"), own("@path"), own("content-digest"), own("luohu-cursor")];
const RESPONSE_COMPONENTS: &[Component<'static>] =
    &[own("@status"), own("content-digest"), Component { name: "content-digest", from_request: true }];

const fn own(name: &'static str) -> Component<'static> {
    Component { name, from_request: false }
}

/// A request as a signature sees it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Method in capitals.
    pub method: &'a str,
    /// Path without query.
    pub path: &'a str,
    /// Host and port as the client named them, in lower case.
    pub authority: &'a str,
    /// Header fields.
    pub fields: &'a dyn Fields,
}

/// A response as a signature sees it, bound to the request it answers.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// Three-digit status.
    pub status: u16,
    /// Header fields.
    pub fields: &'a dyn Fields,
    /// `Content-Digest` of the request.
    pub request_digest: &'a str,
}

/// An inbox item, signed as if it were `POST /inbox/<BIC>`.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Whose inbox: eleven characters.
    pub bic: &'a str,
    /// Position in the chain; zero for items without one.
    pub cursor: u64,
    /// The message.
    pub body: &'a [u8],
}

/// The three fields a signed message carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// `Content-Digest`.
    pub content_digest: String,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// Proof that a message was signed by the holder of a known key. Only verification makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignatureValid<'a> {
    key_id: &'a str,
    created: u64,
    body_sha256: [u8; 32],
}

impl<'a> SignatureValid<'a> {
    /// The key that signed.
    pub fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// When the signer says it signed, in seconds since 1970 UTC.
    pub fn created(&self) -> u64 {
        self.created
    }

    /// SHA-256 of the body that was signed.
    pub fn body_sha256(&self) -> [u8; 32] {
        self.body_sha256
    }
}

/// Signs a request with a body.
pub fn sign_request<S: MessageSigner + ?Sized>(
    method: &str,
    path: &str,
    body: &[u8],
    created: u64,
    signer: &S,
) -> SignatureHeaders {
    let digest = content_digest(body);
    let values = [method, path, &digest];
    sign(REQUEST_COMPONENTS, &values, created, signer).with_digest(&digest)
}

/// Signs a response with a body; `request_digest` is the `Content-Digest` of the request it answers.
pub fn sign_response<S: MessageSigner + ?Sized>(
    status: u16,
    body: &[u8],
    request_digest: &str,
    created: u64,
    signer: &S,
) -> SignatureHeaders {
    let digest = content_digest(body);
    let status = status_text(status);
    let values = [status.as_str(), &digest, request_digest];
    sign(RESPONSE_COMPONENTS, &values, created, signer).with_digest(&digest)
}

/// Signs an inbox item.
pub fn sign_item<S: MessageSigner + ?Sized>(item: &Item<'_>, created: u64, signer: &S) -> SignatureHeaders {
    let digest = content_digest(item.body);
    let (path, cursor) = (item_path(item.bic), item.cursor.to_string());
    let values = ["POST", path.as_str(), &digest, cursor.as_str()];
    sign(ITEM_COMPONENTS, &values, created, signer).with_digest(&digest)
}

/// Verifies a request: its digest, what the signature covers, when it was made, by whom. `now` is in seconds since 1970 UTC.
pub fn verify_request<'a>(
    request: &Request<'a>,
    body: &[u8],
    now: u64,
    keys: &dyn Keys,
) -> Result<SignatureValid<'a>, SignatureRefusal> {
    let body_sha256 = check_digest(request.fields, body)?;
    verify(request.fields, body_sha256, REQUEST_COMPONENTS, Some(now), keys, |component| {
        if component.from_request {
            return Err(SignatureRefusal::ComponentUnknown);
        }
        match component.name {
            "@method" => Ok(request.method),
            "@path" => Ok(request.path),
            "@authority" => Ok(request.authority),
            name => field_value(request.fields, name),
        }
    })
}

/// Verifies a response against the request it answers.
pub fn verify_response<'a>(
    response: &Response<'a>,
    body: &[u8],
    now: u64,
    keys: &dyn Keys,
) -> Result<SignatureValid<'a>, SignatureRefusal> {
    let body_sha256 = check_digest(response.fields, body)?;
    let status = status_text(response.status);
    verify(response.fields, body_sha256, RESPONSE_COMPONENTS, Some(now), keys, |component| {
        match (component.name, component.from_request) {
            ("@status", false) => Ok(status.as_str()),
            ("content-digest", true) => Ok(response.request_digest),
            (_, true) => Err(SignatureRefusal::ComponentUnknown),
            (name, false) => field_value(response.fields, name),
        }
    })
}

/// Signs several items of one inbox at once, as a request `POST /inbox/<BIC>/batch` whose body is their list: a line
/// `<cursor> <Content-Digest of the message>` each, in order. Cursor and message of an item are as in [`Item`].
pub fn sign_batch<'a, S: MessageSigner + ?Sized>(
    bic: &str,
    items: impl Iterator<Item = (u64, &'a [u8])>,
    created: u64,
    signer: &S,
) -> SignatureHeaders {
    sign_request("POST", &batch_path(bic), batch_list(items).as_bytes(), created, signer)
}

/// Verifies items signed together. Like [`verify_item`] it does not judge their age.
pub fn verify_batch<'a>(
    bic: &str,
    items: impl Iterator<Item = (u64, &'a [u8])>,
    headers: &SignatureHeaders,
    keys: &dyn Keys,
) -> Result<(), SignatureRefusal> {
    let body_sha256 = verify_content_digest(&headers.content_digest, batch_list(items).as_bytes())?;
    let path = batch_path(bic);
    let fields: &[(&str, &str)] = &[("signature-input", &headers.signature_input), ("signature", &headers.signature)];
    verify(&fields, body_sha256, REQUEST_COMPONENTS, None, keys, |component| match (component.name, component.from_request) {
        ("@method", false) => Ok("POST"),
        ("@path", false) => Ok(path.as_str()),
        ("content-digest", false) => Ok(headers.content_digest.as_str()),
        (_, true | false) => Err(SignatureRefusal::ComponentUnknown),
    })?;
    Ok(())
}

fn batch_list<'a>(items: impl Iterator<Item = (u64, &'a [u8])>) -> String {
    let mut list = String::with_capacity(2048);
    for (cursor, message) in items {
        writeln!(list, "{cursor} {}", content_digest(message)).expect("writing to a string");
    }
    list
}

/// Verifies an inbox item. Its age is not judged: an item is as good a week later, and its cursor orders it.
pub fn verify_item(item: &Item<'_>, headers: &SignatureHeaders, keys: &dyn Keys) -> Result<(), SignatureRefusal> {
    let body_sha256 = verify_content_digest(&headers.content_digest, item.body)?;
    let (path, cursor) = (item_path(item.bic), item.cursor.to_string());
    let fields: &[(&str, &str)] = &[("signature-input", &headers.signature_input), ("signature", &headers.signature)];
    verify(&fields, body_sha256, ITEM_COMPONENTS, None, keys, |component| match (component.name, component.from_request) {
        ("@method", false) => Ok("POST"),
        ("@path", false) => Ok(path.as_str()),
        ("content-digest", false) => Ok(headers.content_digest.as_str()),
        ("luohu-cursor", false) => Ok(cursor.as_str()),
        (_, true | false) => Err(SignatureRefusal::ComponentUnknown),
    })?;
    Ok(())
}

fn item_path(bic: &str) -> String {
    format!("/inbox/{bic}")
}

fn batch_path(bic: &str) -> String {
    format!("/inbox/{bic}/batch")
}

fn status_text(status: u16) -> String {
    format!("{status:03}")
}

fn check_digest(fields: &dyn Fields, body: &[u8]) -> Result<[u8; 32], SignatureRefusal> {
    match fields.field("content-digest") {
        FieldValue::One(digest) => verify_content_digest(digest, body),
        FieldValue::Absent => Err(SignatureRefusal::DigestMissing),
        FieldValue::Repeated => Err(SignatureRefusal::DigestMalformed),
    }
}

/// The value of a covered header field. Derived components other than those the caller knows are refused.
fn field_value<'a>(fields: &'a dyn Fields, name: &str) -> Result<&'a str, SignatureRefusal> {
    let is_field_name = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !is_field_name {
        return Err(SignatureRefusal::ComponentUnknown);
    }
    match fields.field(name) {
        FieldValue::One(value) => Ok(value),
        FieldValue::Absent | FieldValue::Repeated => Err(SignatureRefusal::ComponentAbsent),
    }
}

/// Verifies the one signature in `fields` over components whose values `value_of` gives.
fn verify<'f, 'v>(
    fields: &'f dyn Fields,
    body_sha256: [u8; 32],
    required: &[Component<'_>],
    now: Option<u64>,
    keys: &dyn Keys,
    value_of: impl Fn(&Component<'_>) -> Result<&'v str, SignatureRefusal>,
) -> Result<SignatureValid<'f>, SignatureRefusal> {
    let FieldValue::One(input_text) = fields.field("signature-input") else { return Err(SignatureRefusal::Unsigned) };
    let FieldValue::One(signature_text) = fields.field("signature") else { return Err(SignatureRefusal::Unsigned) };
    let input = SignatureInput::parse(input_text)?;
    let signature = parse_signature(signature_text, input.label).ok_or(SignatureRefusal::Malformed)?;
    if !required.iter().all(|component| input.components.contains(component)) {
        return Err(SignatureRefusal::ComponentMissing);
    }
    let is_known = |algorithm| matches!(algorithm, "ed25519" | "ecdsa-p256-sha256");
    if !input.algorithm.is_none_or(is_known) {
        return Err(SignatureRefusal::Algorithm);
    }
    let created = input.created.ok_or(SignatureRefusal::CreatedMissing)?;
    if let Some(now) = now {
        check_time(created, input.expires, now)?;
    }
    let mut base = String::with_capacity(BASE_BYTES);
    for component in &input.components {
        writeln!(base, "{component}: {}", value_of(component)?).expect("writing to a string");
    }
    base.push_str("\"@signature-params\": ");
    base.push_str(&input.canonical);
    let key_id = input.key_id.ok_or(SignatureRefusal::UnknownKey)?;
    let key = keys.public_key(key_id).ok_or(SignatureRefusal::UnknownKey)?;
    // What the signer says must be what the key is for: a key is never tried with another algorithm (RFC 9421, 3.2).
    if input.algorithm.is_some_and(|algorithm| algorithm != key.algorithm()) {
        return Err(SignatureRefusal::Algorithm);
    }
    match key.verifies(base.as_bytes(), &signature) {
        true => Ok(SignatureValid { key_id, created, body_sha256 }),
        false => Err(SignatureRefusal::BadSignature),
    }
}

/// What a usual signature base takes.
const BASE_BYTES: usize = 384;

fn check_time(created: u64, expires: Option<u64>, now: u64) -> Result<(), SignatureRefusal> {
    if created.saturating_add(CREATED_SKEW_S) < now || expires.is_some_and(|expires| expires < now) {
        return Err(SignatureRefusal::Stale);
    }
    if created > now.saturating_add(CREATED_SKEW_S) {
        return Err(SignatureRefusal::Early);
    }
    Ok(())
}

/// `Signature-Input` and `Signature` without the digest.
struct Signed {
    signature_input: String,
    signature: String,
}

impl Signed {
    fn with_digest(self, digest: &str) -> SignatureHeaders {
        SignatureHeaders { content_digest: digest.to_owned(), signature_input: self.signature_input, signature: self.signature }
    }
}

/// Signs `components` with `values`, in the same order.
fn sign<S: MessageSigner + ?Sized>(components: &[Component<'_>], values: &[&str], created: u64, signer: &S) -> Signed {
    let mut base = String::with_capacity(BASE_BYTES);
    for (component, value) in components.iter().zip(values) {
        writeln!(base, "{component}: {value}").expect("writing to a string");
    }
    base.push_str("\"@signature-params\": ");
    let params_at = base.len();
    for (at, component) in components.iter().enumerate() {
        write!(base, "{}{component}", if at == 0 { "(" } else { " " }).expect("writing to a string");
    }
    let (key_id, algorithm) = (signer.name(), signer.verifying_key().algorithm());
    write!(base, ");created={created};keyid=\"{key_id}\";alg=\"{algorithm}\"").expect("writing to a string");
    let mut signature = String::with_capacity(96);
    signature.push_str("sig1=:");
    STANDARD.encode_string(signer.sign_message(base.as_bytes()), &mut signature);
    signature.push(':');
    Signed { signature_input: format!("sig1={}", &base[params_at..]), signature }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9421 appendix B.1.4, `test-key-ed25519`: the last 32 bytes of its SubjectPublicKeyInfo.
    fn rfc_key() -> [u8; 32] {
        let spki = STANDARD.decode("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=").unwrap();
        spki[12..].try_into().unwrap()
    }

    /// RFC 9421 appendix B.2.6.
    const RFC_FIELDS: [(&str, &str); 5] = [
        ("Date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("Content-Type", "application/json"),
        ("Content-Length", "18"),
        (
            "Signature-Input",
            "sig-b26=(\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
             ;created=1618884473;keyid=\"test-key-ed25519\"",
        ),
        ("Signature", "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:"),
    ];

    fn verify_rfc(fields: &[(&str, &str)], method: &str) -> Result<u64, SignatureRefusal> {
        let keys = |id: &str| (id == "test-key-ed25519").then(rfc_key);
        verify(&fields, [0; 32], &[own("date")], Some(1_618_884_475), &keys, |component| match component.name {
            "@method" => Ok(method),
            "@path" => Ok("/foo"),
            "@authority" => Ok("example.com"),
            name => field_value(&fields, name).map(|value| fields.iter().find(|(_, v)| *v == value).unwrap().1),
        })
        .map(|valid| valid.created())
    }

    #[test]
    fn rfc_9421_b_2_6() {
        assert_eq!(verify_rfc(&RFC_FIELDS, "POST"), Ok(1_618_884_473));
        assert_eq!(verify_rfc(&RFC_FIELDS, "PUT"), Err(SignatureRefusal::BadSignature));
        let mut changed = RFC_FIELDS;
        changed[0].1 = "Tue, 20 Apr 2021 02:07:56 GMT";
        assert_eq!(verify_rfc(&changed, "POST"), Err(SignatureRefusal::BadSignature));
    }
}
