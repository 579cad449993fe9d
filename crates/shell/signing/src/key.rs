//! Signing keys: the trait every holder of one implements, and the file kept beside the data.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use core::cell::RefCell;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Holds an Ed25519 key and signs with it: a file, a hardware module, a remote service.
pub trait Signer: Send + Sync {
    /// What verifiers know the key by, such as `HARBHKHHXXX#1`.
    fn key_id(&self) -> &str;
    /// The public half.
    fn public_key(&self) -> [u8; 32];
    /// Signs a message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// Whose public key goes by a key identifier.
pub trait Keys {
    /// The Ed25519 key known by `key_id`.
    fn public_key(&self, key_id: &str) -> Option<[u8; 32]>;
}

impl<F: Fn(&str) -> Option<[u8; 32]>> Keys for F {
    fn public_key(&self, key_id: &str) -> Option<[u8; 32]> {
        self(key_id)
    }
}

/// Whether `signature` over `message` is by the holder of `public_key`.
///
/// The rule is RFC 8032's without cofactor, and keys of small order, under which one signature fits many messages, hold
/// nothing. Checked with `ed25519-dalek`, which takes half the time of `aws-lc-rs` where the processor has AVX-512.
pub fn verify_ed25519(public_key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    KNOWN_KEYS.with_borrow_mut(|known| match known.get(public_key) {
        Some(key) => key.verify(message, &signature).is_ok(),
        None => {
            let Some(key) = VerifyingKey::from_bytes(public_key).ok().filter(|key| !key.is_weak()) else { return false };
            if known.len() >= KNOWN_KEYS_MAX {
                known.clear();
            }
            known.insert(*public_key, key);
            key.verify(message, &signature).is_ok()
        }
    })
}

/// Keys whose curve point a thread remembers, some 300 bytes each: more than a scheme has participants.
const KNOWN_KEYS_MAX: usize = 4096;

thread_local! {
    /// Finding a key's point again costs a tenth of a verification.
    static KNOWN_KEYS: RefCell<HashMap<[u8; 32], VerifyingKey>> = RefCell::default();
}

/// A key in a PKCS#8 PEM file that only its owner can read.
pub struct FileSigner {
    key_id: String,
    pair: Ed25519KeyPair,
}

impl FileSigner {
    /// Reads the key at `path`, or makes one there if there is none.
    ///
    /// Crash note: the key is written whole and synced under another name before it gets its own, so a crash leaves either
    /// no key or the key, never half of one. The caller must have published nothing before this returns.
    pub fn open_or_create(path: &Path, key_id: &str) -> Result<Self, KeyFileError> {
        let fail = |source| KeyFileError::Io { path: path.to_owned(), source };
        let pem = match std::fs::read(path) {
            Ok(pem) => pem,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pair = Ed25519KeyPair::generate().expect("the system has randomness");
                let document = pair.to_pkcs8v1().expect("a fresh key has a PKCS#8 form");
                let pem = pem_text("PRIVATE KEY", document.as_ref()).into_bytes();
                write_private(path, &pem).map_err(fail)?;
                pem
            }
            Err(error) => return Err(fail(error)),
        };
        let malformed = || KeyFileError::Malformed { path: path.to_owned() };
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| malformed())?;
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| malformed())?;
        Ok(Self { key_id: key_id.to_owned(), pair })
    }

    /// The key made of a secret seed, always the same one.
    pub fn from_seed(key_id: &str, seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        Self { key_id: key_id.to_owned(), pair }
    }

    /// A key in memory that ends with the process.
    pub fn ephemeral(key_id: &str) -> Self {
        Self { key_id: key_id.to_owned(), pair: Ed25519KeyPair::generate().expect("the system has randomness") }
    }
}

impl Signer for FileSigner {
    fn key_id(&self) -> &str {
        &self.key_id
    }

    fn public_key(&self) -> [u8; 32] {
        self.pair.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }
}

impl core::fmt::Debug for FileSigner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("FileSigner").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("key file {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not 64 hexadecimal digits.
    #[error("key file {} is not 64 hexadecimal digits", path.display())]
    NotHex {
        /// Which file.
        path: PathBuf,
    },
    /// The file is not an Ed25519 key in PKCS#8 PEM.
    #[error("key file {} is not an Ed25519 private key in PKCS#8 PEM", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_whole(path, bytes, 0o600)
}

/// Writes a file, whole or not at all: durable under another name first, then renamed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()
}

/// PEM (RFC 7468).
pub(crate) fn pem_text(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(core::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/bank.pem");
        let first = FileSigner::open_or_create(&path, "HARBHKHHXXX#1").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = FileSigner::open_or_create(&path, "HARBHKHHXXX#1").unwrap();
        assert_eq!(first.public_key(), again.public_key());
        let signature = first.sign(b"message");
        assert!(verify_ed25519(&again.public_key(), b"message", &signature));
        assert!(!verify_ed25519(&again.public_key(), b"massage", &signature));
        assert!(!verify_ed25519(&FileSigner::ephemeral("x").public_key(), b"message", &signature));
    }

    #[test]
    fn what_is_no_signature_is_none_whatever_the_key() {
        let signer = FileSigner::ephemeral("x");
        let (key, signature) = (signer.public_key(), signer.sign(b"message"));
        assert!(verify_ed25519(&key, b"message", &signature));
        for bit in 0..512 {
            let mut changed = signature;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!verify_ed25519(&key, b"message", &changed), "bit {bit}");
        }
        // The group order added to s: the same equation, another signature (RFC 8032 section 5.1.7).
        let order = [
            0xed_u16, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let mut malleable = signature;
        let mut carry = 0u16;
        for (byte, more) in malleable[32..].iter_mut().zip(order) {
            carry += u16::from(*byte) + more;
            *byte = carry as u8;
            carry >>= 8;
        }
        assert!(!verify_ed25519(&key, b"message", &malleable));
        // The neutral element as key accepts its own encoding as R with s = 0 for every message, were it let in.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut forged = [0; 64];
        forged[..32].copy_from_slice(&neutral);
        assert!(!verify_ed25519(&neutral, b"anything", &forged));
        assert!(!verify_ed25519(&[0xff; 32], b"message", &signature), "not a point");
    }

    #[test]
    fn a_seed_makes_one_key() {
        let key = |byte| FileSigner::from_seed("x", &[byte; 32]).public_key();
        assert_eq!(key(1), key(1));
        assert_ne!(key(1), key(2));
    }

    #[test]
    fn half_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bank.pem");
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nMC4C\n").unwrap();
        assert!(matches!(FileSigner::open_or_create(&path, "x"), Err(KeyFileError::Malformed { .. })));
    }
}
