//! Between messages and the centre's words: the only folder of the gateway that knows `iso20022`.
//!
//! Reading turns a body into a [`Taken`] or a [`Fault`]; writing makes every message the centre sends. What is read holds
//! what the gateway decides by and the message itself, since what is forwarded is the debtor agent's data as it came.

mod inbound;
mod letters;
mod mandates;
mod matters;
mod outbound;
mod preauths;
mod reasons;
mod settlement;

pub(crate) use inbound::{
    Fault, Finding, Interbank, PayeeCheck, PayeeReply, Payment, PaymentRequest, Report, Taken, Unposted, Verdict, read,
    read_payment,
};
pub(crate) use mandates::{
    CollectionRefusal, CollectionStanding, MandateAsked, MandateReply, MandateWord, PulledPayment, collection_report,
    mandate_refusal,
};
pub(crate) use matters::{request_refusal, request_report};
pub(crate) use outbound::{
    Original, PAYEE_QUESTION, cancellation_answer, envelope, inbox_message, message_reject, original, payee_answer,
    payee_question, return_on_record, return_status, status_report, stored, waiting_original,
};
pub(crate) use preauths::{capture_report, preauth_report};
pub(crate) use reasons::{SIGNATURE_INVALID, status_reason};
pub(crate) use settlement::{booked_currency, interbank_report, receipt, statement};
