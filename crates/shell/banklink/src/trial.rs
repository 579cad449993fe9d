//! For trials: a way to the centre whose signatures do not fit, so that the centre can be watched refusing them.

use crate::LinkConfig;
use signing::Signer;
use std::sync::Arc;

/// Signs with one wrong bit.
struct Wrong(Arc<dyn Signer>);

impl Signer for Wrong {
    fn key_id(&self) -> &str {
        self.0.key_id()
    }

    fn public_key(&self) -> [u8; 32] {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = self.0.sign(message);
        signature[0] ^= 1;
        signature
    }
}

impl LinkConfig {
    /// The same way to the centre, with signatures of which one bit is wrong.
    pub fn wrongly_signed(&self) -> Self {
        Self { signer: Arc::new(Wrong(Arc::clone(&self.signer))), ..self.clone() }
    }
}
