//! The part of a receipt that shows a quorum behind it: block headers up to one with a certificate.
//!
//! ```text
//! luohu-finality@v1
//! header <base64 of the header of the checkpoint's block>
//! header <base64 of the next one>
//! certificate <base64 of the certificate under the last one>
//! ```
//! Not every block has a certificate of its own: a later one covers it through the parents' hashes.

use crate::base64;
use crate::block::BlockHeader;
use crate::certificate::{Certificate, CertificateError, Validators};
use crate::checkpoint::Checkpoint;

pub(crate) const FIRST_LINE: &str = "luohu-finality@v1";

/// Headers from a checkpoint's block on, and the certificate under the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finality {
    /// One behind the other.
    pub headers: Vec<BlockHeader>,
    /// Under the last of them.
    pub certificate: Certificate,
}

/// Why it does not show that a quorum stands behind a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FinalityError {
    /// The receipt has no such part.
    #[error("the receipt carries no certificate")]
    Missing,
    /// Not its text.
    #[error("not a proof of finality")]
    Format,
    /// The first header is not of the checkpoint's block.
    #[error("the certificate is for another block than the checkpoint's")]
    OtherBlock,
    /// A header does not follow the one before it.
    #[error("the headers are not one chain")]
    Broken,
    /// The certificate.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
}

impl Finality {
    /// Most headers between a checkpoint and a certificate.
    pub const HEADERS_MAX: usize = 256;

    /// The text form.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        for header in &self.headers {
            text.push_str(&format!("header {}\n", base64::encode(&header.encode())));
        }
        text.push_str(&format!("certificate {}\n", base64::encode(&self.certificate.encode())));
        text
    }

    /// Reads the text form. Nothing is verified yet.
    pub fn parse(text: &str) -> Result<Self, FinalityError> {
        Self::read(text).filter(|finality| finality.to_text() == text).ok_or(FinalityError::Format)
    }

    fn read(text: &str) -> Option<Self> {
        let mut lines = text.split_terminator('\n');
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut headers = Vec::new();
        for line in lines {
            if let Some(header) = line.strip_prefix("header ") {
                headers.push(BlockHeader::decode(&base64::decode(header)?).ok()?);
                if headers.len() > Self::HEADERS_MAX {
                    return None;
                }
            } else {
                let certificate = Certificate::decode(&base64::decode(line.strip_prefix("certificate ")?)?).ok()?;
                return Some(Self { headers, certificate });
            }
        }
        None
    }

    /// Checks that a quorum made the checkpoint's block final.
    pub fn verify(&self, checkpoint: &Checkpoint, validators: &Validators) -> Result<(), FinalityError> {
        let first = self.headers.first().ok_or(FinalityError::Format)?;
        let same = (first.height, first.time_ns, first.tree_size, first.tree_root)
            == (checkpoint.height, checkpoint.time_ns, checkpoint.size, checkpoint.root);
        if !same {
            return Err(FinalityError::OtherBlock);
        }
        let chained = |pair: &[BlockHeader]| pair[1].parent == pair[0].hash() && pair[1].height == pair[0].height + 1;
        if !self.headers.windows(2).all(chained) {
            return Err(FinalityError::Broken);
        }
        let last = self.headers.last().ok_or(FinalityError::Format)?;
        if last.hash() != self.certificate.block {
            return Err(FinalityError::Broken);
        }
        Ok(self.certificate.verify(validators)?)
    }
}
