//! Signed checkpoints of the tree: C2SP `tlog-checkpoint` inside a C2SP `signed-note`, Ed25519.
//!
//! ```text
//! luohu.example/settlement          origin
//! 42                                tree size
//! <base64 of the root>
//! height 17                         extension lines
//! time_ns 1764000000000000000
//!
//! — LUOHU <base64 of key id and signature>
//! ```

use crate::base64;
use crate::hash::{Hash, sha256};
use core::fmt;
use core::str::FromStr;
use ed25519_dalek::{Signature, VerifyingKey};

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a name without line breaks.
    pub origin: String,
    /// Final payments in the tree.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
    /// Block behind which the tree is so.
    pub height: u64,
    /// Time of that block.
    pub time_ns: u64,
}

/// A checkpoint with its signature lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What it says.
    pub checkpoint: Checkpoint,
    signatures: Vec<NoteSignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    signature: [u8; 64],
}

/// A signer's public key: `name+key id+base64(0x01 || Ed25519 key)`, as C2SP notes write it.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; 32],
}

/// What is wrong with a checkpoint or a verifier key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note with the lines a checkpoint has.
    #[error("not a signed checkpoint")]
    Format,
    /// Not a verifier key.
    #[error("not a verifier key (name+id+base64)")]
    Key,
    /// No signature by any of the keys given.
    #[error("no signature by a known key")]
    Unsigned,
    /// A signature by a known key that does not verify.
    #[error("the signature does not verify")]
    BadSignature,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn body(&self) -> String {
        let root = base64::encode(&self.root.0);
        format!("{}\n{}\n{root}\nheight {}\ntime_ns {}\n", self.origin, self.size, self.height, self.time_ns)
    }

    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.split_terminator('\n');
        let checkpoint = Self {
            origin: lines.next()?.to_owned(),
            size: lines.next()?.parse().ok()?,
            root: Hash(base64::decode(lines.next()?)?.try_into().ok()?),
            height: lines.next()?.strip_prefix("height ")?.parse().ok()?,
            time_ns: lines.next()?.strip_prefix("time_ns ")?.parse().ok()?,
        };
        (!checkpoint.origin.is_empty() && checkpoint.body() == body).then_some(checkpoint)
    }
}

impl SignedCheckpoint {
    /// Most signature lines read.
    pub const SIGNATURES_MAX: usize = 16;

    /// Adds the first signature, made over [`Checkpoint::body`] by the holder of `key`.
    pub fn assemble(checkpoint: Checkpoint, key: &VerifierKey, signature: [u8; 64]) -> Self {
        let signature = NoteSignature { name: key.name.clone(), key_id: key.id(), signature };
        Self { checkpoint, signatures: vec![signature] }
    }

    /// The note.
    pub fn to_text(&self) -> String {
        let mut text = self.checkpoint.body();
        text.push('\n');
        for line in &self.signatures {
            let mut bytes = line.key_id.to_vec();
            bytes.extend_from_slice(&line.signature);
            text.push_str(&format!("\u{2014} {} {}\n", line.name, base64::encode(&bytes)));
        }
        text
    }

    /// Reads a note. Nothing is verified yet.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let (body, signatures) = text.split_once("\n\n").ok_or(CheckpointError::Format)?;
        let checkpoint = Checkpoint::parse(&format!("{body}\n")).ok_or(CheckpointError::Format)?;
        let lines = signatures.strip_suffix('\n').ok_or(CheckpointError::Format)?;
        let signatures = lines.split('\n').map(parse_signature).collect::<Option<Vec<_>>>().ok_or(CheckpointError::Format)?;
        if signatures.len() > Self::SIGNATURES_MAX {
            return Err(CheckpointError::Format);
        }
        Ok(Self { checkpoint, signatures })
    }

    /// Checks that one of `keys` signed it, and that no signature by any of them is false.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<&Checkpoint, CheckpointError> {
        let body = self.checkpoint.body();
        let mut verified = false;
        for line in &self.signatures {
            let known = keys.iter().filter(|key| key.name == line.name && key.id() == line.key_id);
            for key in known {
                key.verify(body.as_bytes(), &line.signature)?;
                verified = true;
            }
        }
        if verified { Ok(&self.checkpoint) } else { Err(CheckpointError::Unsigned) }
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = base64::decode(encoded)?;
    let (key_id, signature) = bytes.split_first_chunk::<4>()?;
    Some(NoteSignature { name: name.to_owned(), key_id: *key_id, signature: signature.try_into().ok()? })
}

impl VerifierKey {
    /// A key by its owner's name (no spaces, no plus sign) and its 32 bytes.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, CheckpointError> {
        let fits = !name.is_empty() && !name.contains(['+', ' ', '\n', '\r', '\t']);
        if fits { Ok(Self { name: name.to_owned(), key }) } else { Err(CheckpointError::Key) }
    }

    /// The owner's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The raw key.
    pub fn key(&self) -> [u8; 32] {
        self.key
    }

    /// First four bytes of SHA-256 over name, line feed, algorithm and key.
    fn id(&self) -> [u8; 4] {
        let mut bytes = self.name.clone().into_bytes();
        bytes.extend_from_slice(b"\n\x01");
        bytes.extend_from_slice(&self.key);
        let [a, b, c, d, ..] = sha256(&bytes).0;
        [a, b, c, d]
    }

    /// Checks an Ed25519 signature (strict: no small-order keys, canonical encodings only).
    fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), CheckpointError> {
        let key = VerifyingKey::from_bytes(&self.key).map_err(|_| CheckpointError::Key)?;
        key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| CheckpointError::BadSignature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&self.key);
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, base64::encode(&bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(_id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(CheckpointError::Key);
        };
        let bytes = base64::decode(encoded).ok_or(CheckpointError::Key)?;
        let key: [u8; 32] = match bytes.as_slice() {
            [1, key @ ..] => key.try_into().map_err(|_| CheckpointError::Key)?,
            [] | [..] => return Err(CheckpointError::Key),
        };
        let parsed = Self::new(name, key)?;
        if parsed.to_string() == text.trim() { Ok(parsed) } else { Err(CheckpointError::Key) }
    }
}
