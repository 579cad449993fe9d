//! Inbox items: JSON around a message, signed one by one by the centre.

use crate::LinkError;
use serde::Deserialize;
use signing::{Item, Keys, SignatureHeaders, verify_item};

/// Something the centre tells this participant; its signature was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxItem {
    /// Position in the chain; zero for items without one, such as a payee check.
    pub cursor: u64,
    /// ISO message name such as `pacs.008.001.08`, as the centre labels it.
    pub message_name: String,
    /// The BusinessMessage.
    pub message: String,
}

#[derive(Deserialize)]
struct ItemJson {
    cursor: u64,
    #[serde(rename = "type")]
    message_name: String,
    digest: String,
    signature_input: String,
    signature: String,
    message: String,
}

impl InboxItem {
    /// Reads one item and verifies that the centre signed it for `bic` at this place.
    pub(crate) fn read(json: &[u8], bic: &str, keys: &dyn Keys) -> Result<Self, LinkError> {
        let json: ItemJson = serde_json::from_slice(json).map_err(|_| LinkError::Unreadable("not an inbox item"))?;
        let headers =
            SignatureHeaders { content_digest: json.digest, signature_input: json.signature_input, signature: json.signature };
        let item = Item { bic, cursor: json.cursor, body: json.message.as_bytes() };
        verify_item(&item, &headers, keys).map_err(LinkError::NotTheCentre)?;
        Ok(Self { cursor: json.cursor, message_name: json.message_name, message: json.message })
    }
}
