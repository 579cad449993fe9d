//! A hash with a secret: names persons without telling who they are (HMAC-SHA-256, RFC 2104).

use crate::key::{KeyFileError, write_private};
use aws_lc_rs::hmac;
use std::io;
use std::path::Path;

/// The secret. Whoever has it can find out whose a hash is by trying all identity documents: it is kept like a signing key.
#[derive(Debug)]
pub struct HashKey(hmac::Key);

impl HashKey {
    /// The key made of 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Reads the key at `path`, 64 hexadecimal digits, or makes one there if there is none.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is anything else.
    pub fn open_or_create(path: &Path) -> Result<Self, KeyFileError> {
        let fail = |source| KeyFileError::Io { path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut secret = [0; 32];
                aws_lc_rs::rand::fill(&mut secret).expect("the system has randomness");
                let text = format!("{}\n", chain::Hash(secret));
                write_private(path, text.as_bytes()).map_err(fail)?;
                text
            }
            Err(error) => return Err(fail(error)),
        };
        let secret = chain::key_of_hex(text.trim()).ok_or_else(|| KeyFileError::NotHex { path: path.to_owned() })?;
        Ok(Self::new(&secret))
    }

    /// First half of the hash over texts, each told apart from the next.
    pub fn hash(&self, parts: &[&str]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(&(part.len() as u64).to_le_bytes());
            context.update(part.as_bytes());
        }
        *context.sign().as_ref().first_chunk().expect("SHA-256 has 32 bytes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_and_keys_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("persons.key");
        let key = HashKey::open_or_create(&path).unwrap();
        let again = HashKey::open_or_create(&path).unwrap();
        assert_eq!(key.hash(&["NIDN", "A1"]), again.hash(&["NIDN", "A1"]));
        assert_ne!(key.hash(&["NIDN", "A1"]), key.hash(&["NIDNA", "1"]));
        assert_ne!(key.hash(&["NIDN", "A1"]), HashKey::new(&[0; 32]).hash(&["NIDN", "A1"]));
        std::fs::write(&path, "12").unwrap();
        assert!(matches!(HashKey::open_or_create(&path), Err(KeyFileError::NotHex { .. })));
    }

    #[test]
    fn a_known_answer() {
        // HMAC-SHA-256 with a key of zeros over 03 00 00 00 00 00 00 00 "abc", computed with another library.
        let hash = HashKey::new(&[0; 32]).hash(&["abc"]);
        assert_eq!(hash, KNOWN);
    }

    const KNOWN: [u8; 16] = [0x46, 0x18, 0x7e, 0x58, 0x9e, 0x44, 0x7f, 0x02, 0xc5, 0xc0, 0xaa, 0x97, 0xe7, 0x33, 0x8a, 0x67];
}
