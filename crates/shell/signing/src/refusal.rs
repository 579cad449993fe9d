//! Why a signature was refused: every no with its code, HTTP status and words.

use core::fmt;

/// Why a signed message is not accepted as its sender's. Wire-stable: append only, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignatureRefusal {
    /// No `Content-Digest`.
    DigestMissing,
    /// `Content-Digest` is not a dictionary with `sha-256` in it.
    DigestMalformed,
    /// The body is not what `Content-Digest` says.
    DigestMismatch,
    /// No `Signature-Input` or no `Signature`.
    Unsigned,
    /// `Signature-Input` or `Signature` does not read as RFC 9421 says, or is beyond a limit.
    Malformed,
    /// A component that must be covered is not.
    ComponentMissing,
    /// A covered component is of a kind not known here.
    ComponentUnknown,
    /// A covered field is absent or stands more than once in the message.
    ComponentAbsent,
    /// An algorithm that is not taken, or not the key's.
    Algorithm,
    /// `created` is missing.
    CreatedMissing,
    /// `created` is too long ago, or `expires` has passed.
    Stale,
    /// `created` is too far ahead.
    Early,
    /// `keyid` is missing or nobody's.
    UnknownKey,
    /// The signature does not verify.
    BadSignature,
}

impl SignatureRefusal {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 14] = [
        Self::DigestMissing,
        Self::DigestMalformed,
        Self::DigestMismatch,
        Self::Unsigned,
        Self::Malformed,
        Self::ComponentMissing,
        Self::ComponentUnknown,
        Self::ComponentAbsent,
        Self::Algorithm,
        Self::CreatedMissing,
        Self::Stale,
        Self::Early,
        Self::UnknownKey,
        Self::BadSignature,
    ];

    /// Code and words.
    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::DigestMissing => ("SIG-1001", "the message has no Content-Digest"),
            Self::DigestMalformed => ("SIG-1002", "Content-Digest is not sha-256=:base64:"),
            Self::DigestMismatch => ("SIG-1003", "the body is not the one whose digest was sent"),
            Self::Unsigned => ("SIG-1004", "the message has no Signature-Input or no Signature"),
            Self::Malformed => ("SIG-1005", "Signature-Input or Signature cannot be read"),
            Self::ComponentMissing => ("SIG-1006", "the signature leaves out a component it must cover"),
            Self::ComponentUnknown => ("SIG-1007", "the signature covers a component that is not known here"),
            Self::ComponentAbsent => ("SIG-1008", "the signature covers a field that is absent or repeated"),
            Self::Algorithm => ("SIG-1009", "the signature algorithm is neither ed25519 nor ecdsa-p256-sha256, or not the key's"),
            Self::CreatedMissing => ("SIG-1010", "the signature does not say when it was created"),
            Self::Stale => ("SIG-1011", "the signature is too old"),
            Self::Early => ("SIG-1012", "the signature was created in the future; check the clock"),
            Self::UnknownKey => ("SIG-1013", "the signature's keyid is unknown"),
            Self::BadSignature => ("SIG-1014", "the signature does not verify"),
        }
    }

    /// Stable code.
    pub const fn code(self) -> &'static str {
        self.row().0
    }

    /// Words for people.
    pub const fn words(self) -> &'static str {
        self.row().1
    }

    /// HTTP status: what cannot be read is 400, what proves nothing is 401.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::DigestMalformed | Self::Malformed | Self::ComponentUnknown | Self::ComponentAbsent => 400,
            Self::DigestMissing
            | Self::DigestMismatch
            | Self::Unsigned
            | Self::ComponentMissing
            | Self::Algorithm
            | Self::CreatedMissing
            | Self::Stale
            | Self::Early
            | Self::UnknownKey
            | Self::BadSignature => 401,
        }
    }
}

impl fmt::Display for SignatureRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.row().1)
    }
}

impl core::error::Error for SignatureRefusal {}
