//! Signing the log's checkpoints.

use crate::Signer;
use chain::{Checkpoint, CheckpointError, SignedCheckpoint, VerifierKey};

/// Signs a checkpoint as a C2SP note under `name`.
///
/// # Errors
/// If `name` cannot be a note signer's name.
pub fn sign_checkpoint(checkpoint: Checkpoint, signer: &dyn Signer, name: &str) -> Result<SignedCheckpoint, CheckpointError> {
    let key = VerifierKey::new(name, signer.public_key())?;
    let signature = signer.sign(checkpoint.body().as_bytes());
    Ok(SignedCheckpoint::assemble(checkpoint, &key, signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileSigner;
    use chain::Hash;

    #[test]
    fn the_chain_verifies_what_is_signed_here() {
        let signer = FileSigner::ephemeral("LUOHU#1");
        let checkpoint =
            Checkpoint { origin: "luohu.example/settlement".into(), size: 3, root: Hash([7; 32]), height: 2, time_ns: 1 };
        let signed = sign_checkpoint(checkpoint.clone(), &signer, "LUOHU").unwrap();
        let key = VerifierKey::new("LUOHU", signer.public_key()).unwrap();
        let read = SignedCheckpoint::parse(&signed.to_text()).unwrap();
        assert_eq!(read.verify(&[key]), Ok(&checkpoint));
        let other = VerifierKey::new("LUOHU", FileSigner::ephemeral("x").public_key()).unwrap();
        assert!(read.verify(&[other]).is_err());
    }
}
