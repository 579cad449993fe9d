//! Inbox items: JSON around messages, signed together by the centre for their places in this participant's inbox.

use crate::LinkError;
use serde::Deserialize;
use signing::{Keys, SignatureHeaders, verify_batch};

/// Something the centre tells this participant; its signature was verified.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InboxItem {
    /// Position in the chain; zero for items without one, such as a payee check.
    pub cursor: u64,
    /// ISO message name such as `pacs.008.001.08`, as the centre labels it.
    #[serde(rename = "type")]
    pub message_name: String,
    /// The BusinessMessage.
    pub message: String,
}

#[derive(Deserialize)]
struct BatchJson {
    items: Vec<InboxItem>,
    digest: String,
    signature_input: String,
    signature: String,
}

impl InboxItem {
    /// Reads a batch and verifies that the centre signed these items for `bic` at these places.
    pub(crate) fn read_batch(json: &[u8], bic: &str, keys: &dyn Keys) -> Result<Vec<Self>, LinkError> {
        let batch: BatchJson = serde_json::from_slice(json).map_err(|_| LinkError::Unreadable("not a batch of inbox items"))?;
        let headers =
            SignatureHeaders { content_digest: batch.digest, signature_input: batch.signature_input, signature: batch.signature };
        let items = batch.items.iter().map(|item| (item.cursor, item.message.as_bytes()));
        verify_batch(bic, items, &headers, keys).map_err(LinkError::NotTheCentre)?;
        Ok(batch.items)
    }
}
