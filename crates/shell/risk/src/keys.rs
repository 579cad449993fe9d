//! Keys of accounts: hashes with a secret, so that nothing kept names an account.

use sha2::{Digest, Sha256};

/// What an account is known by here.
pub(crate) type Key = u128;

/// Makes keys.
pub(crate) struct Keyring([u8; 32]);

impl Keyring {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The key of an account in a currency, or of a pair of accounts. Parts are told apart by their length.
    pub(crate) fn key(&self, parts: [&str; 2]) -> Key {
        let mut hash = Sha256::new_with_prefix(self.0);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let half: [u8; 16] = digest[..16].try_into().expect("half of 32");
        Key::from_le_bytes(half)
    }
}

impl core::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Keyring")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_secrets_are_told_apart() {
        let ring = Keyring::new([1; 32]);
        assert_eq!(ring.key(["ab", "c"]), ring.key(["ab", "c"]));
        assert_ne!(ring.key(["ab", "c"]), ring.key(["a", "bc"]));
        assert_ne!(ring.key(["ab", "c"]), Keyring::new([2; 32]).key(["ab", "c"]));
    }
}
