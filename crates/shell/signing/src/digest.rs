//! RFC 9530 `Content-Digest`, SHA-256 only.

use crate::SignatureRefusal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Longest `Content-Digest` read, in bytes: sha-256 and sha-512 together take 150.
const BYTES_MAX: usize = 512;

/// The field value for a body: `sha-256=:…:`.
pub fn content_digest(body: &[u8]) -> String {
    let mut out = String::with_capacity(54);
    out.push_str("sha-256=:");
    STANDARD.encode_string(digest(&SHA256, body), &mut out);
    out.push(':');
    out
}

/// Checks that `field` names this body by SHA-256, and returns that. Other algorithms beside it are not looked at.
pub fn verify_content_digest(field: &str, body: &[u8]) -> Result<[u8; 32], SignatureRefusal> {
    let named = sha256_of(field).ok_or(SignatureRefusal::DigestMalformed)?;
    if digest(&SHA256, body).as_ref() == named { Ok(named) } else { Err(SignatureRefusal::DigestMismatch) }
}

/// The one `sha-256` member of the dictionary.
fn sha256_of(field: &str) -> Option<[u8; 32]> {
    if field.len() > BYTES_MAX {
        return None;
    }
    let mut found = None;
    for member in field.split(',') {
        let (name, value) = member.trim_matches([' ', '\t']).split_once('=')?;
        let encoded = value.strip_prefix(':')?.strip_suffix(':')?;
        if name == "sha-256" && found.replace(encoded).is_some() {
            return None;
        }
    }
    let mut bytes = [0; 33];
    let length = STANDARD.decode_slice(found?, &mut bytes).ok()?;
    bytes[..length].try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530 appendix B.2 bodies and digests.
    #[test]
    fn rfc_9530_example() {
        let body = b"{\"hello\": \"world\"}\n";
        let value = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(content_digest(body), value);
        assert!(verify_content_digest(value, body).is_ok());
        let both = format!("sha-512=:AAAA:, {value}");
        assert!(verify_content_digest(&both, body).is_ok());
        assert_eq!(verify_content_digest(value, b"{}"), Err(SignatureRefusal::DigestMismatch));
    }

    #[test]
    fn what_is_not_a_digest_is_refused() {
        let good = content_digest(b"");
        for bad in [
            "",
            "sha-256",
            "sha-256=",
            "sha-256=::",
            "sha-256=:AAAA:",
            "sha-512=:AAAA:",
            &format!("{good},{good}"),
            &"x".repeat(600),
        ] {
            assert_eq!(verify_content_digest(bad, b""), Err(SignatureRefusal::DigestMalformed), "{bad}");
        }
    }
}
