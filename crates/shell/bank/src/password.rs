//! Customers' passwords: salted PBKDF2 with HMAC-SHA-256.

use aws_lc_rs::pbkdf2;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Rounds for new passwords (OWASP's advice of 2023 for PBKDF2-HMAC-SHA256).
const ROUNDS: u32 = 600_000;
/// Longest password looked at, in bytes.
pub(crate) const PASSWORD_BYTES_MAX: usize = 128;

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    rounds: u32,
    salt: [u8; 16],
    hash: [u8; 32],
}

impl PasswordHash {
    /// Takes about a tenth of a second on purpose.
    pub fn of(password: &str) -> Self {
        let mut salt = [0; 16];
        SystemRandom::new().fill(&mut salt).expect("the system has randomness");
        let mut hash = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds(ROUNDS), &salt, password.as_bytes(), &mut hash);
        Self { rounds: ROUNDS, salt, hash }
    }

    /// What nobody's password fits, though finding out takes as long.
    pub fn of_nobody() -> Self {
        Self { rounds: ROUNDS, salt: [0; 16], hash: [0; 32] }
    }

    /// Whether this is the password; takes as long.
    pub fn fits(&self, password: &str) -> bool {
        password.len() <= PASSWORD_BYTES_MAX
            && pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, rounds(self.rounds), &self.salt, password.as_bytes(), &self.hash)
                .is_ok()
    }
}

fn rounds(rounds: u32) -> NonZeroU32 {
    NonZeroU32::new(rounds).unwrap_or(NonZeroU32::MIN)
}

impl core::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_password_fits() {
        let hash = PasswordHash::of("羅湖 crossing");
        assert!(hash.fits("羅湖 crossing"));
        assert!(!hash.fits("罗湖 crossing"));
        assert!(!hash.fits(""));
        assert_ne!(hash, PasswordHash::of("羅湖 crossing"), "salted");
    }
}
