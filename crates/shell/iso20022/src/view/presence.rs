//! A participant's word on whether it is there (`admi.004`).
//!
//! `EvtCd` is `OFLN` or `ONLN`, codes of this scheme. Of an absence `EvtTm` is the beginning, now if it is not given, and the
//! first `EvtParam` the end as a date and time, not known if it is not given.

use super::parts::{nanos, time};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::{EpochNanos, date_time_from_nanos};

/// Whether a participant is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresenceNoticeView {
    /// It is not, or will not be.
    Offline {
        /// From when on; `None`: now.
        from: Option<EpochNanos>,
        /// Until when; `None`: nobody knows.
        until: Option<EpochNanos>,
    },
    /// It is there again.
    Online,
}

impl PresenceNoticeView {
    /// Reads an `admi.004`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Admi00400102(document) = message else {
            return Err(ViewError::OtherMessage { expected: "admi.004.001.02", found: message.message_type().id() });
        };
        let event = &document.sys_evt_ntfctn.evt_inf;
        match event.evt_cd.as_str() {
            "OFLN" => Ok(Self::Offline {
                from: event.evt_tm.as_ref().map(|time| nanos("EvtTm", time)).transpose()?,
                until: match event.evt_param.as_slice() {
                    [] => None,
                    [end] => Some(nanos("EvtParam", &ISODateTime::new(end.as_str()).named("EvtParam")?)?),
                    [_, _, ..] => return Err(ViewError::NotOne("EvtParam")),
                },
            }),
            "ONLN" => Ok(Self::Online),
            other => Err(ViewError::Code { field: "EvtCd", code: other.to_owned() }),
        }
    }

    /// The `admi.004` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let event = match self {
            Self::Offline { from, until } => Event2 {
                evt_param: until
                    .map(|until| Max35Text::new(date_time_from_nanos(until)).named("EvtParam"))
                    .transpose()?
                    .into_iter()
                    .collect(),
                evt_tm: from.map(time),
                ..Event2::new(Max4AlphaNumericText::new("OFLN").named("EvtCd")?)
            },
            Self::Online => Event2::new(Max4AlphaNumericText::new("ONLN").named("EvtCd")?),
        };
        let notice = SystemEventNotificationV02 { evt_inf: event };
        Ok(Message::Admi00400102(Box::new(Admi00400102Document { sys_evt_ntfctn: notice })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, read_business_message};

    fn read(event: &str) -> Result<PresenceNoticeView, String> {
        let xml = format!(
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:admi.004.001.02\"><SysEvtNtfctn><EvtInf>{event}</EvtInf></SysEvtNtfctn></Document>"
        );
        let message = read_business_message(xml.as_bytes(), Limits::DEFAULT).map_err(|violation| violation.text)?;
        PresenceNoticeView::of(&message.document).map_err(|error| error.iso_reason().to_string())
    }

    #[test]
    fn what_is_written_is_read() {
        let second = 1_000_000_000;
        for (from, until) in
            [(None, None), (Some(7 * second), None), (None, Some(9 * second)), (Some(7 * second), Some(9 * second))]
        {
            let view = PresenceNoticeView::Offline { from, until };
            assert_eq!(PresenceNoticeView::of(&view.message().unwrap()), Ok(view));
        }
        let message = PresenceNoticeView::Online.message().unwrap();
        assert_eq!(PresenceNoticeView::of(&message), Ok(PresenceNoticeView::Online));
    }

    #[test]
    fn what_says_nothing_of_it_is_refused() {
        assert_eq!(read("<EvtCd>ONLN</EvtCd>"), Ok(PresenceNoticeView::Online));
        assert_eq!(read("<EvtCd>PING</EvtCd>"), Err("CH16".into()));
        assert_eq!(read("<EvtCd>OFLN</EvtCd><EvtParam>soon</EvtParam>"), Err("FF01".into()));
        let twice = "<EvtParam>2026-11-25T02:00:00Z</EvtParam>".repeat(2);
        assert_eq!(read(&format!("<EvtCd>OFLN</EvtCd>{twice}")), Err("FF01".into()));
    }
}
