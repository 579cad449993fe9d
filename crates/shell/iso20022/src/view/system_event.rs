//! `admi.004` from the centre: what operators tell all participants, and the steps of business days.
//!
//! `EvtCd` is one of this scheme's or of ISO's four characters, `EvtDesc` says it in words, `EvtTm` is when it was said; of a business
//! day, `EvtParam` is its currency and its date, and `EvtTm` when the step was due.

use super::parts::{nanos, time};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;

/// Something that concerns everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemEventView {
    /// What (`EvtCd`), four letters or digits.
    pub event: String,
    /// In words (`EvtDesc`), at most 1,000 characters.
    pub text: String,
    /// What it is about (`EvtParam`), each at most 35 characters.
    pub about: Vec<String>,
    /// When it was said, or when it was due (`EvtTm`).
    pub at: Option<EpochNanos>,
}

impl SystemEventView {
    /// Reads an `admi.004`.
    ///
    /// # Errors
    /// If it is another message.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Admi00400102(document) = message else {
            return Err(ViewError::OtherMessage { expected: "admi.004.001.02", found: message.message_type().id() });
        };
        let event = &document.sys_evt_ntfctn.evt_inf;
        Ok(Self {
            event: event.evt_cd.as_str().to_owned(),
            text: event.evt_desc.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default(),
            about: event.evt_param.iter().map(|about| about.as_str().to_owned()).collect(),
            at: event.evt_tm.as_ref().map(|time| nanos("EvtTm", time)).transpose()?,
        })
    }

    /// The `admi.004` that says it.
    ///
    /// # Errors
    /// If a text does not fit its element.
    pub fn message(&self) -> Result<Message, ViewError> {
        let about = self.about.iter().map(|about| Max35Text::new(about).named("EvtParam"));
        let event = Event2 {
            evt_param: about.collect::<Result<_, _>>()?,
            evt_desc: Some(Max1000Text::new(&self.text).named("EvtDesc")?),
            evt_tm: self.at.map(time),
            ..Event2::new(Max4AlphaNumericText::new(&self.event).named("EvtCd")?)
        };
        let notice = SystemEventNotificationV02 { evt_inf: event };
        Ok(Message::Admi00400102(Box::new(Admi00400102Document { sys_evt_ntfctn: notice })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let view = SystemEventView {
            event: "CUTO".to_owned(),
            text: "羅湖 closes at 23:00 <today>".to_owned(),
            about: vec!["HKD".to_owned(), "2026-03-02".to_owned()],
            at: Some(9_000_000_000),
        };
        assert_eq!(SystemEventView::of(&view.message().unwrap()), Ok(view.clone()));
        assert!(SystemEventView { event: "TOO-LONG".to_owned(), ..view.clone() }.message().is_err());
        assert!(SystemEventView { text: "x".repeat(1001), ..view }.message().is_err());
    }
}
