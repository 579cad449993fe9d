//! Signing keys: the trait every holder of one implements, and the file kept beside the data.

use crate::PublicKey;
use aws_lc_rs::encoding::{AsBigEndian, EcPublicKeyCompressedBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
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

/// Signs messages with a key of whatever kind; every [`Signer`] does.
pub trait MessageSigner: Send + Sync {
    /// What verifiers know the key by, such as `HARBHKHHXXX#1`.
    fn name(&self) -> &str;
    /// The public half.
    fn verifying_key(&self) -> PublicKey;
    /// Signs a message by the algorithm of its key.
    fn sign_message(&self, message: &[u8]) -> [u8; 64];
}

impl<S: Signer + ?Sized> MessageSigner for S {
    fn name(&self) -> &str {
        self.key_id()
    }

    fn verifying_key(&self) -> PublicKey {
        PublicKey::Ed25519(self.public_key())
    }

    fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.sign(message)
    }
}

/// Whose public key goes by a key identifier.
pub trait Keys {
    /// The key known by `key_id`.
    fn public_key(&self, key_id: &str) -> Option<PublicKey>;
}

impl<F: Fn(&str) -> Option<K>, K: Into<PublicKey>> Keys for F {
    fn public_key(&self, key_id: &str) -> Option<PublicKey> {
        self(key_id).map(Into::into)
    }
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

/// An ECDSA key over P-256, for participants whose hardware has no Ed25519.
pub struct P256Signer {
    key_id: String,
    pair: EcdsaKeyPair,
}

impl P256Signer {
    /// Reads a PKCS#8 PEM file.
    ///
    /// # Errors
    /// If it cannot be read, or has no such key.
    pub fn open(path: &Path, key_id: &str) -> Result<Self, KeyFileError> {
        let pem = std::fs::read(path).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
        let malformed = || KeyFileError::Malformed { path: path.to_owned() };
        let der = PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|_| malformed())?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
        Ok(Self { key_id: key_id.to_owned(), pair: pair.map_err(|_| malformed())? })
    }

    /// A key in memory that ends with the process.
    pub fn ephemeral(key_id: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("the system has randomness");
        Self { key_id: key_id.to_owned(), pair }
    }
}

impl MessageSigner for P256Signer {
    fn name(&self) -> &str {
        &self.key_id
    }

    fn verifying_key(&self) -> PublicKey {
        let point: EcPublicKeyCompressedBin<'_> = self.pair.public_key().as_be_bytes().expect("a point has a compressed form");
        PublicKey::P256(point.as_ref().try_into().expect("a compressed point of P-256 has 33 bytes"))
    }

    fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(&SystemRandom::new(), message).expect("the system has randomness");
        signature.as_ref().try_into().expect("r and s have 32 bytes each")
    }
}

impl core::fmt::Debug for P256Signer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("P256Signer").field("key_id", &self.key_id).finish_non_exhaustive()
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
    /// The file is not a key of this kind in PKCS#8 PEM.
    #[error("key file {} is no private key of this kind in PKCS#8 PEM", path.display())]
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
    use crate::verify_ed25519;
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
