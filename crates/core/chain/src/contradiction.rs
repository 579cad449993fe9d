//! Contradictions: two votes of one validator that exclude each other, each signed by it. Whoever has its public key can
//! check them; nobody else can have made them.
//!
//! What a vote signs is what the voting engine signs (Commonware simplex, ed25519), with a varint as in a [certificate]:
//! ```text
//! for a block, or for it as final:  varint(n) || namespace || suffix || varint(epoch) || varint(view) || varint(parent view) || hash
//! for a view as void:               varint(n) || namespace || suffix || varint(epoch) || varint(view)
//! ```
//! The suffix is `_NOTARIZE`, `_FINALIZE` or `_NULLIFY`; `n` is the length of namespace and suffix.
//!
//! [certificate]: crate::Certificate

use crate::certificate::put_varint;
use crate::hash::Hash;
use ed25519_dalek::{Signature, VerifyingKey};

/// What a validator voted for in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// This block.
    Block(Proposed),
    /// This block as final.
    Final(Proposed),
    /// No block: the view as void.
    Void,
}

/// A block, on the block of an earlier view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposed {
    /// View of the parent.
    pub parent_view: u64,
    /// The block.
    pub block: Hash,
}

/// A choice with its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedChoice {
    /// What was chosen.
    pub choice: Choice,
    /// Ed25519, over the bytes that the module describes.
    pub signature: [u8; 64],
}

/// Two choices of one validator in one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Name of the chain, under which votes are signed.
    pub namespace: String,
    /// In which epoch.
    pub epoch: u64,
    /// In which view of it.
    pub view: u64,
    /// Whose: its public key.
    pub validator: [u8; 32],
    /// Both choices.
    pub choices: [SignedChoice; 2],
}

/// How a validator contradicted itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContradictionKind {
    /// It voted for two blocks in one view.
    TwoBlocks,
    /// It voted two blocks of one view final.
    TwoFinal,
    /// It voted a block final and its view void.
    VoidAndFinal,
}

impl ContradictionKind {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoBlocks => "two-blocks",
            Self::TwoFinal => "two-final",
            Self::VoidAndFinal => "void-and-final",
        }
    }
}

/// Why something proves no contradiction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContradictionError {
    /// An honest validator may choose both.
    #[error("the two votes do not exclude each other")]
    NoConflict,
    /// The key is not one.
    #[error("the validator's key is no Ed25519 key")]
    BadKey,
    /// A signature does not verify: the first or the second.
    #[error("the signature of vote {0} does not verify")]
    BadSignature(u8),
}

impl Choice {
    const fn suffix(self) -> &'static [u8] {
        match self {
            Self::Block(_) => b"_NOTARIZE",
            Self::Final(_) => b"_FINALIZE",
            Self::Void => b"_NULLIFY",
        }
    }

    const fn proposed(self) -> Option<Proposed> {
        match self {
            Self::Block(proposed) | Self::Final(proposed) => Some(proposed),
            Self::Void => None,
        }
    }

    /// The bytes that are signed for it.
    fn signed(self, namespace: &str, epoch: u64, view: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(namespace.len() + 96);
        put_varint(&mut out, (namespace.len() + self.suffix().len()) as u64);
        out.extend_from_slice(namespace.as_bytes());
        out.extend_from_slice(self.suffix());
        put_varint(&mut out, epoch);
        put_varint(&mut out, view);
        if let Some(Proposed { parent_view, block }) = self.proposed() {
            put_varint(&mut out, parent_view);
            out.extend_from_slice(&block.0);
        }
        out
    }
}

impl Contradiction {
    /// Checks that the two choices exclude each other and that the validator signed both; says how it contradicted itself.
    ///
    /// # Errors
    /// Why it convicts nobody.
    pub fn verify(&self) -> Result<ContradictionKind, ContradictionError> {
        let kind = self.kind().ok_or(ContradictionError::NoConflict)?;
        let key = VerifyingKey::from_bytes(&self.validator).map_err(|_| ContradictionError::BadKey)?;
        for (number, SignedChoice { choice, signature }) in (1..).zip(&self.choices) {
            let message = choice.signed(&self.namespace, self.epoch, self.view);
            key.verify_strict(&message, &Signature::from_bytes(signature))
                .map_err(|_| ContradictionError::BadSignature(number))?;
        }
        Ok(kind)
    }

    /// How the two choices exclude each other, by what they say; `None`: they do not.
    pub fn kind(&self) -> Option<ContradictionKind> {
        let [first, second] = self.choices.map(|signed| signed.choice);
        match (first, second) {
            (Choice::Block(first), Choice::Block(second)) => (first != second).then_some(ContradictionKind::TwoBlocks),
            (Choice::Final(first), Choice::Final(second)) => (first != second).then_some(ContradictionKind::TwoFinal),
            (Choice::Void, Choice::Final(_)) | (Choice::Final(_), Choice::Void) => Some(ContradictionKind::VoidAndFinal),
            // A block may be voted for and its view voided later: nobody is bound before the vote that makes it final.
            (Choice::Block(_), Choice::Final(_) | Choice::Void)
            | (Choice::Final(_) | Choice::Void, Choice::Block(_))
            | (Choice::Void, Choice::Void) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    fn proposed(block: u8) -> Proposed {
        Proposed { parent_view: 8, block: Hash([block; 32]) }
    }

    fn made(choices: [Choice; 2]) -> Contradiction {
        let key = SigningKey::from_bytes(&[3; 32]);
        let sign = |choice: Choice| SignedChoice { choice, signature: key.sign(&choice.signed("some/chain", 2, 300)).to_bytes() };
        Contradiction {
            namespace: "some/chain".to_owned(),
            epoch: 2,
            view: 300,
            validator: key.verifying_key().to_bytes(),
            choices: choices.map(sign),
        }
    }

    #[test]
    fn what_excludes_each_other_and_what_does_not() {
        use Choice::{Block, Final, Void};
        let (one, other) = (proposed(1), proposed(2));
        let table = [
            ([Block(one), Block(other)], Some(ContradictionKind::TwoBlocks)),
            ([Final(one), Final(other)], Some(ContradictionKind::TwoFinal)),
            ([Void, Final(one)], Some(ContradictionKind::VoidAndFinal)),
            ([Final(one), Void], Some(ContradictionKind::VoidAndFinal)),
            ([Block(one), Block(one)], None),
            ([Final(one), Final(one)], None),
            ([Block(one), Final(one)], None),
            ([Block(one), Void], None),
            ([Void, Void], None),
        ];
        for (choices, expected) in table {
            assert_eq!(made(choices).verify(), expected.ok_or(ContradictionError::NoConflict), "{choices:?}");
        }
    }

    #[test]
    fn whatever_is_changed_convicts_nobody() {
        let good = made([Choice::Void, Choice::Final(proposed(1))]);
        assert_eq!(good.verify(), Ok(ContradictionKind::VoidAndFinal));
        let change = |change: &dyn Fn(&mut Contradiction)| {
            let mut bad = good.clone();
            change(&mut bad);
            bad.verify()
        };
        assert_eq!(change(&|bad| bad.epoch = 3), Err(ContradictionError::BadSignature(1)));
        assert_eq!(change(&|bad| bad.view = 301), Err(ContradictionError::BadSignature(1)));
        assert_eq!(change(&|bad| bad.namespace.push('x')), Err(ContradictionError::BadSignature(1)));
        assert_eq!(change(&|bad| bad.choices[1].signature[9] ^= 1), Err(ContradictionError::BadSignature(2)));
        assert_eq!(change(&|bad| bad.choices[1].choice = Choice::Final(proposed(2))), Err(ContradictionError::BadSignature(2)));
        assert!(change(&|bad| bad.validator[0] ^= 1).is_err());
    }
}
