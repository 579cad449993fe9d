//! Public keys, and whether a signature is by who holds the secret half.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use core::cell::RefCell;
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use std::collections::HashMap;

/// A public key and the algorithm it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// Ed25519 (RFC 8032), `ed25519` in RFC 9421.
    Ed25519([u8; 32]),
    /// ECDSA over P-256 with SHA-256, `ecdsa-p256-sha256` in RFC 9421: the compressed point (SEC 1, 2.3.3). Signatures are
    /// r and s, 32 bytes each.
    P256([u8; 33]),
}

impl PublicKey {
    /// Its name in RFC 9421.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::P256(_) => "ecdsa-p256-sha256",
        }
    }

    /// The Ed25519 key, if it is one.
    pub const fn ed25519(self) -> Option<[u8; 32]> {
        match self {
            Self::Ed25519(key) => Some(key),
            Self::P256(_) => None,
        }
    }

    /// Whether anybody can hold its secret half: it is a point of its curve, and of no small order.
    pub fn is_sound(&self) -> bool {
        match self {
            Self::Ed25519(key) => ed25519_point(key).is_some(),
            Self::P256(key) => p256_point(key).is_some(),
        }
    }

    /// Whether `signature` over `message` is by its holder.
    ///
    /// Of two signatures of P-256 that differ in the sign of s, both are taken: nothing here tells messages apart by their
    /// signatures.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            Self::Ed25519(key) => verify_ed25519(key, message, signature),
            Self::P256(key) => p256_point(key).is_some_and(|key| key.verify_sig(message, signature).is_ok()),
        }
    }
}

impl From<[u8; 32]> for PublicKey {
    fn from(key: [u8; 32]) -> Self {
        Self::Ed25519(key)
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
            let Some(key) = ed25519_point(public_key) else { return false };
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

fn ed25519_point(key: &[u8; 32]) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak())
}

fn p256_point(key: &[u8; 33]) -> Option<ParsedPublicKey> {
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileSigner, MessageSigner, P256Signer};

    #[test]
    fn a_signature_fits_its_key_and_message_alone() {
        let (ed, p256) = (FileSigner::ephemeral("x"), P256Signer::ephemeral("x"));
        for signer in [&ed as &dyn MessageSigner, &p256] {
            let (key, signature) = (signer.verifying_key(), signer.sign_message(b"message"));
            assert!(key.is_sound() && key.verifies(b"message", &signature), "{key:?}");
            assert!(!key.verifies(b"massage", &signature));
            for other in [FileSigner::ephemeral("x").verifying_key(), P256Signer::ephemeral("x").verifying_key()] {
                assert!(!other.verifies(b"message", &signature), "{other:?}");
            }
            for bit in 0..512 {
                let mut changed = signature;
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(!key.verifies(b"message", &changed), "{key:?} bit {bit}");
            }
            assert!(!key.verifies(b"message", &[0; 64]));
        }
    }

    #[test]
    fn what_is_no_point_or_of_small_order_is_no_key() {
        let mut off_the_curve = [0x02; 33];
        off_the_curve[1..].fill(0xff);
        let mut neutral = [0; 32];
        neutral[0] = 1;
        for key in [PublicKey::P256(off_the_curve), PublicKey::P256([0; 33]), PublicKey::Ed25519(neutral)] {
            assert!(!key.is_sound() && !key.verifies(b"message", &[1; 64]), "{key:?}");
        }
    }
}
