//! The rejection of a message as such (`admi.002`): it could not be read, so there is no payment to report on.

use super::parts::{nanos, optional, text, time};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;
use crate::violation::Violation;

/// Longest text of `ErrLctn` and `RsnDesc`, in characters.
const TEXT_MAX: usize = 350;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionView {
    /// `RltdRef/Ref`: the message's id, as far as it could be read.
    pub related_reference: String,
    /// `RjctgPtyRsn`: our code, such as `XSD-PATTERN`.
    pub reason: String,
    /// `RjctnDtTm`.
    pub rejected_at: Option<EpochNanos>,
    /// `ErrLctn`: the path of the fault.
    pub location: Option<String>,
    /// `RsnDesc`.
    pub description: Option<String>,
}

impl RejectionView {
    /// What a violation is to the sender.
    pub fn of_violation(violation: &Violation, related_reference: &str, rejected_at: EpochNanos) -> Self {
        let place = format!("line {}, column {}: {}", violation.line, violation.column, violation.text);
        Self {
            related_reference: if related_reference.is_empty() { "NOTPROVIDED".to_owned() } else { cut(related_reference, 35) },
            reason: violation.rule.code().to_owned(),
            rejected_at: Some(rejected_at),
            location: Some(cut(&violation.path, TEXT_MAX)),
            description: Some(cut(&place, TEXT_MAX)),
        }
    }

    /// Reads an `admi.002`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Admi00200101(document) = message else {
            return Err(ViewError::OtherMessage { expected: "admi.002.001.01", found: message.message_type().id() });
        };
        let rejection = &document.admi_002_001_01;
        Ok(Self {
            related_reference: rejection.rltd_ref.ref_.as_str().to_owned(),
            reason: rejection.rsn.rjctg_pty_rsn.as_str().to_owned(),
            rejected_at: rejection.rsn.rjctn_dt_tm.as_ref().map(|time| nanos("RjctnDtTm", time)).transpose()?,
            location: text(&rejection.rsn.err_lctn),
            description: text(&rejection.rsn.rsn_desc),
        })
    }

    /// The `admi.002` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let mut reason = RejectionReason2::new(Max35Text::new(&*self.reason).named("RjctgPtyRsn")?);
        reason.rjctn_dt_tm = self.rejected_at.map(time);
        reason.err_lctn = optional(&self.location, Max350Text::new, "ErrLctn")?;
        reason.rsn_desc = optional(&self.description, Max350Text::new, "RsnDesc")?;
        let reference = MessageReference { ref_: Max35Text::new(&*self.related_reference).named("RltdRef/Ref")? };
        let rejection = Admi00200101 { rltd_ref: reference, rsn: reason };
        Ok(Message::Admi00200101(Box::new(Admi00200101Document { admi_002_001_01: rejection })))
    }
}

/// The first so many characters, the last of them `…` if more follow.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}
