//! Every no at the participants' door that is the door's own: code, HTTP status, retry advice, words.
//!
//! Faults of a signature are [`signing::SignatureRefusal`], of a message `iso20022`'s findings, of an instruction
//! [`clearing::Refusal`]; a full journal is [`ordering::SubmitRefusal`]. All of them leave as a [`Problem`] or as a message.

use crate::wire::SIGNATURE_INVALID;
use clearing::{IsoReason, Retry};
use core::fmt;
use history::IndexError;
use ordering::SubmitRefusal;
use serde::Serialize;
use signing::SignatureRefusal;
use std::borrow::Cow;

/// Why the door refused. Wire-stable: append only, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GatewayRefusal {
    /// No such path.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body has more bytes than a message may have.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body ended early or was not framed as HTTP says.
    BodyCut,
    /// Not the media type the path takes.
    MediaType,
    /// The certificate is for nobody who participates.
    UnknownParticipant,
    /// The participant is suspended.
    Suspended,
    /// The signature's key is not the certificate holder's.
    KeyNotCaller,
    /// The message says that somebody else sent it.
    NotSender,
    /// More requests than the participant's rate.
    RateLimited,
    /// More requests of the participant under way than allowed.
    TooManyInFlight,
    /// More requests under way than the gateway takes.
    Overloaded,
    /// A query parameter or `Prefer` that cannot be read.
    Parameter,
    /// A JSON body that is not what the path takes.
    Json,
    /// No such payment, or none of the caller's.
    UnknownPayment,
    /// The payment has not ended.
    NotFinal,
    /// A message the gateway does not take.
    MessageNotTaken,
    /// The centre stopped before it answered; what was sent is in doubt until asked for by `pacs.028`.
    InDoubt,
    /// The past cannot be read now.
    HistoryUnavailable,
    /// An answer to a payee check nobody waits for.
    UnknownCheck,
    /// More inbox streams of the participant than allowed.
    TooManyReaders,
    /// The message cannot be read as any message; nothing in it can be answered.
    NotAMessage,
    /// The document is no order signed by two.
    NotAnOrder,
    /// Too many payments wait for the creditor agent's answer.
    CreditorAgentBehind,
    /// The operator keeps no directory of aliases.
    NoDirectory,
    /// The signed message was erased at a person's request.
    MessageErased,
    /// What was kept is no message of its kind any more.
    MessageUnreadable,
    /// Records of this age are kept by law.
    WithinRetention,
    /// What the message is about has not ended.
    StillOpen,
    /// The message of the payment that is to be returned or recalled was erased.
    OriginalErased,
}

impl GatewayRefusal {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 31] = [
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::BodyCut,
        Self::MediaType,
        Self::UnknownParticipant,
        Self::Suspended,
        Self::KeyNotCaller,
        Self::NotSender,
        Self::RateLimited,
        Self::TooManyInFlight,
        Self::Overloaded,
        Self::Parameter,
        Self::Json,
        Self::UnknownPayment,
        Self::NotFinal,
        Self::MessageNotTaken,
        Self::InDoubt,
        Self::HistoryUnavailable,
        Self::UnknownCheck,
        Self::TooManyReaders,
        Self::NotAMessage,
        Self::NotAnOrder,
        Self::CreditorAgentBehind,
        Self::NoDirectory,
        Self::MessageErased,
        Self::MessageUnreadable,
        Self::WithinRetention,
        Self::StillOpen,
        Self::OriginalErased,
    ];

    /// Code, HTTP status, retry advice, words.
    const fn row(self) -> (&'static str, u16, Retry, &'static str) {
        use Retry::{Later, Never, WithChange};
        match self {
            Self::NotFound => ("GW-1001", 404, Never, "there is nothing at this path"),
            Self::MethodNotAllowed => ("GW-1002", 405, Never, "the path does not take this method"),
            Self::BodyTooLarge => ("GW-1003", 413, WithChange, "the body is larger than a message may be"),
            Self::BodyTooSlow => ("GW-1004", 408, Later, "the body did not arrive in time"),
            Self::BodyCut => ("GW-1005", 400, Later, "the body ended early or is badly framed"),
            Self::MediaType => ("GW-1006", 415, WithChange, "the path does not take this Content-Type"),
            Self::UnknownParticipant => ("GW-1007", 403, Never, "the certificate is for nobody who participates"),
            Self::Suspended => ("GW-1008", 403, Later, "the participant is suspended"),
            Self::KeyNotCaller => ("GW-1009", 403, WithChange, "the signature's keyid is not the certificate holder's"),
            Self::NotSender => ("GW-1010", 403, WithChange, "the message says that somebody else sent it"),
            Self::RateLimited => ("GW-1011", 429, Later, "more requests than the participant's rate"),
            Self::TooManyInFlight => ("GW-1012", 429, Later, "too many requests of the participant are under way"),
            Self::Overloaded => ("GW-1013", 503, Later, "the gateway is at its limit"),
            Self::Parameter => ("GW-1014", 400, WithChange, "a parameter cannot be read"),
            Self::Json => ("GW-1015", 400, WithChange, "the JSON body is not what the path takes"),
            Self::UnknownPayment => ("GW-1016", 404, Never, "no payment of the caller has this UETR"),
            Self::NotFinal => ("GW-1017", 409, Later, "the payment has not ended"),
            Self::MessageNotTaken => ("GW-1018", 422, WithChange, "the gateway does not take this message"),
            Self::InDoubt => ("GW-1019", 504, Later, "the centre stopped before it answered; ask with pacs.028"),
            Self::HistoryUnavailable => ("GW-1020", 503, Later, "the past cannot be read now"),
            Self::UnknownCheck => ("GW-1021", 404, Never, "nobody waits for this answer"),
            Self::TooManyReaders => ("GW-1022", 429, Later, "too many inbox readers of the participant"),
            Self::NotAMessage => ("GW-1023", 400, WithChange, "the body is not a message"),
            Self::NotAnOrder => ("GW-1024", 400, WithChange, "the document is no order signed by two officers"),
            Self::CreditorAgentBehind => ("GW-1025", 503, Later, "too many payments wait for the creditor agent's answer"),
            Self::NoDirectory => ("GW-1030", 404, Never, "this operator keeps no directory of aliases"),
            Self::MessageErased => ("GW-1040", 410, Never, "the signed message was erased at a person's request"),
            Self::MessageUnreadable => ("GW-1044", 500, Never, "the signed message cannot be read as what it is kept as"),
            Self::WithinRetention => ("GW-1041", 409, Later, "records of this age are kept by law"),
            Self::StillOpen => ("GW-1042", 409, Later, "what the message is about has not ended"),
            Self::OriginalErased => {
                ("GW-1043", 410, Never, "the payment's message was erased; settle what is left of it between the two banks")
            }
        }
    }

    /// Stable code.
    pub const fn code(self) -> &'static str {
        self.row().0
    }
    /// HTTP status.
    pub const fn http_status(self) -> u16 {
        self.row().1
    }
    /// Retry advice.
    pub const fn retry(self) -> Retry {
        self.row().2
    }
    /// Words for people.
    pub const fn words(self) -> &'static str {
        self.row().3
    }
}

impl fmt::Display for GatewayRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A no on its way out, as `application/problem+json` (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) title: Cow<'static, str>,
    pub(crate) iso_reason: Option<IsoReason>,
    pub(crate) retry: Retry,
    /// Seconds, for `Retry-After`.
    pub(crate) retry_after: Option<u32>,
    pub(crate) detail: Option<String>,
    pub(crate) field: Option<String>,
}

impl Problem {
    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The body. Under overload this is most of what a refusal costs beside its connection, so nothing is gathered first.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let body = ProblemBody {
            code: self.code,
            detail: self.detail.as_deref(),
            field: self.field.as_deref(),
            iso_reason: self.iso_reason.as_ref().map(IsoReason::as_str),
            retry: retry_word(self.retry),
            retry_after: self.retry_after,
            status: self.status,
            title: &self.title,
            kind: format_args!("https://luohu.example/refusals#{}", self.code),
        };
        let mut json = Vec::with_capacity(256);
        serde_json::to_writer(&mut json, &body).expect("text and numbers are JSON");
        json
    }
}

/// A problem's members, in the order of their names.
#[derive(Serialize)]
struct ProblemBody<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iso_reason: Option<&'a str>,
    retry: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    status: u16,
    title: &'a str,
    #[serde(rename = "type")]
    kind: fmt::Arguments<'a>,
}

impl From<GatewayRefusal> for Problem {
    fn from(refusal: GatewayRefusal) -> Self {
        let (code, status, retry, title) = refusal.row();
        let retry_after = matches!(status, 429 | 503).then_some(1);
        Self { status, code, title: title.into(), iso_reason: None, retry, retry_after, detail: None, field: None }
    }
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Self {
        tracing::error!(%error, "the past cannot be read");
        GatewayRefusal::HistoryUnavailable.into()
    }
}

impl From<SignatureRefusal> for Problem {
    fn from(refusal: SignatureRefusal) -> Self {
        Self {
            status: refusal.http_status(),
            code: refusal.code(),
            title: refusal.words().into(),
            iso_reason: Some(SIGNATURE_INVALID),
            retry: Retry::WithChange,
            retry_after: None,
            detail: None,
            field: None,
        }
    }
}

impl From<SubmitRefusal> for Problem {
    fn from(refusal: SubmitRefusal) -> Self {
        let retry_after = refusal.retry_after_s();
        Self {
            status: refusal.http_status(),
            code: refusal.code(),
            title: match refusal {
                SubmitRefusal::QueueFull => "too many instructions are waiting",
                SubmitRefusal::DiskFull => "the journal's disk is full; reading goes on",
                SubmitRefusal::Stopped => "the centre has stopped",
                SubmitRefusal::TooLarge => "the signed message is too large",
            }
            .into(),
            iso_reason: refusal.iso_reason().as_bytes().try_into().ok().map(IsoReason),
            retry: if retry_after.is_some() { Retry::Later } else { Retry::WithChange },
            retry_after,
            detail: None,
            field: None,
        }
    }
}

impl From<clearing::Refusal> for Problem {
    fn from(refusal: clearing::Refusal) -> Self {
        Self {
            status: refusal.http_status(),
            code: refusal.code(),
            title: refusal.to_string().into(),
            iso_reason: Some(refusal.iso_reason()),
            retry: refusal.retry(),
            retry_after: (refusal.http_status() == 503).then_some(30),
            detail: None,
            field: None,
        }
    }
}

/// The word for advice, on the wire and in documents.
pub(crate) fn retry_word(retry: Retry) -> &'static str {
    match retry {
        Retry::Never => "never",
        Retry::Later => "later",
        Retry::WithChange => "with_change",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_advice_fits_the_status() {
        let codes: BTreeSet<_> = GatewayRefusal::ALL.iter().map(|refusal| refusal.code()).collect();
        assert_eq!(codes.len(), GatewayRefusal::ALL.len());
        for refusal in GatewayRefusal::ALL {
            let later = matches!(refusal.http_status(), 408 | 429 | 503);
            assert!(!later || refusal.retry() == Retry::Later, "{refusal:?}");
        }
    }
}
