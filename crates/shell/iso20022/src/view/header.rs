//! The business application header (`head.001`), and the envelope that holds header and document.

use super::parts::{agent, agent_bic, nanos, optional, time};
use super::{Named, ViewError};
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::value::EpochNanos;
use crate::xml::Writer;

/// Namespace of the envelope.
const ENVELOPE: &str = "urn:luohu:xsd:envelope.001";

/// Who says what to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderView {
    /// `Fr`: BIC of the sender.
    pub from: String,
    /// `To`: BIC of the receiver.
    pub to: String,
    /// `BizMsgIdr`; the document carries the same as its message id.
    pub message_id: String,
    /// `MsgDefIdr`, such as `pacs.008.001.08`. Builders set it from the document.
    pub definition: String,
    /// `BizSvc`.
    pub business_service: Option<String>,
    /// `CreDt`.
    pub created_at: EpochNanos,
    /// `PssblDplct`: the sender may have sent it before.
    pub possible_duplicate: bool,
}

impl HeaderView {
    /// A header to fill a message with; `definition` follows from the document.
    pub fn new(from: &str, to: &str, message_id: &str, created_at: EpochNanos) -> Self {
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            message_id: message_id.to_owned(),
            definition: String::new(),
            business_service: None,
            created_at,
            possible_duplicate: false,
        }
    }

    /// Reads a header. Both ends must be named by their BIC.
    pub fn of(header: &BusinessApplicationHeaderV02) -> Result<Self, ViewError> {
        Ok(Self {
            from: end_bic(&header.fr).ok_or(ViewError::Missing("Fr/FIId/FinInstnId/BICFI"))?,
            to: end_bic(&header.to).ok_or(ViewError::Missing("To/FIId/FinInstnId/BICFI"))?,
            message_id: header.biz_msg_idr.as_str().to_owned(),
            definition: header.msg_def_idr.as_str().to_owned(),
            business_service: super::parts::text(&header.biz_svc),
            created_at: nanos("CreDt", &header.cre_dt)?,
            possible_duplicate: header.pssbl_dplct.as_ref().is_some_and(|flag| matches!(flag.as_str(), "true" | "1")),
        })
    }

    /// The header of a message of type `definition`.
    pub fn build(&self, definition: MessageType) -> Result<BusinessApplicationHeaderV02, ViewError> {
        let mut header = BusinessApplicationHeaderV02::new(
            Party44Choice::FIId(Box::new(agent("Fr", &self.from)?)),
            Party44Choice::FIId(Box::new(agent("To", &self.to)?)),
            Max35Text::new(&*self.message_id).named("BizMsgIdr")?,
            Max35Text::new(definition.id()).named("MsgDefIdr")?,
            time(self.created_at),
        );
        header.biz_svc = optional(&self.business_service, Max35Text::new, "BizSvc")?;
        if self.possible_duplicate {
            header.pssbl_dplct = Some(YesNoIndicator::new("true").named("PssblDplct")?);
        }
        Ok(header)
    }
}

/// BIC of one end of a header.
pub(crate) fn end_bic(end: &Party44Choice) -> Option<String> {
    match end {
        Party44Choice::FIId(agent) => agent_bic(agent),
        Party44Choice::OrgId(_) => None,
    }
}

/// Header and document in the envelope, on one line.
pub fn business_message(header: &HeaderView, document: &Message) -> Result<String, ViewError> {
    let header = Message::Head00100102(Box::new(header.build(document.message_type())?));
    let mut writer = Writer::new();
    writer.start_with("BusinessMessage", "xmlns", ENVELOPE);
    header.write_into(&mut writer);
    document.write_into(&mut writer);
    writer.end("BusinessMessage");
    Ok(writer.into_string())
}

/// The same from a business message as it was read. Without a header it is the bare document.
pub fn business_message_of(message: &BusinessMessage) -> String {
    match &message.header {
        None => message.document.to_xml(),
        Some(header) => {
            let mut writer = Writer::new();
            writer.start_with("BusinessMessage", "xmlns", ENVELOPE);
            Message::Head00100102(header.clone()).write_into(&mut writer);
            message.document.write_into(&mut writer);
            writer.end("BusinessMessage");
            writer.into_string()
        }
    }
}
