//! Views: what a payment system wants to know of a message, flat and in ISO 20022's full nouns, and messages made from it.
//!
//! Outside this crate nobody sees tags. Reading: [`crate::read_business_message`], then the view of the message, such as
//! [`CreditTransferView::of`]. Writing: fill a view, add a [`HeaderView`], call its `message`, then [`business_message`].
//!
//! # Not here
//! Whether a payment is allowed: [`crate::rules`].
//!
//! # Invariants
//! What a view builds satisfies its schema; a text that does not fit is a [`ViewError`], never cut silently.
//!
//! # Units and limits
//! Amounts are minor units of their currency, times are nanoseconds since 1970 in UTC, BICs have eleven characters when read.

mod account_query;
mod account_statement;
mod cancellation;
mod collection;
mod credit_transfer;
mod header;
mod identification;
mod interbank;
mod liquidity;
mod mandate;
mod parts;
mod payment_query;
mod payment_return;
mod presence;
mod rejection;
mod request;
mod status;
mod system_event;

pub use account_query::{AccountQueryView, AccountReportView, AccountStandingView};
pub use account_statement::{AccountStatementView, StatementDayView, StatementForm, StatementRequestView};
pub use cancellation::{CancellationAnswerView, CancellationOutcome, CancellationRequestView};
pub use collection::{CollectionView, forwarded_collection};
pub(crate) use credit_transfer::quote_of;
pub use credit_transfer::{CreditTransferView, PaymentPriority, forwarded};
pub(crate) use header::end_bic;
pub use header::{HeaderView, business_message, business_message_of};
pub use identification::{AccountReference, IdentificationReportView, IdentificationRequestView, NameVerdict};
pub use interbank::InterbankTransferView;
pub use liquidity::{LiquidityTransferView, ReceiptStatus, ReceiptView};
pub use mandate::{
    MandateAmendmentView, MandateAnswerView, MandateCancellationView, MandateCapsView, MandateChange, MandateFrequency,
    MandateRequestView, forwarded_mandate,
};
pub use parts::{AccountView, AddressView, IdentityView, PartyView, bic_11};
pub use payment_query::{PaymentQueryView, PaymentReportView, PaymentStandingView, QueryStatus};
pub use payment_return::PaymentReturnView;
pub use presence::PresenceNoticeView;
pub use rejection::RejectionView;
pub use request::{PaymentRequestView, RequestReportView, RequestStatus, RequestWithdrawalView, forwarded_request};
pub use status::{StatusReportView, StatusRequestView, TransactionStatus};
pub use system_event::SystemEventView;

use crate::codes::StatusReason;
use crate::value::Broken;

/// Sixteen bytes of a UETR as text: `8a562c67-ca16-48ba-b074-65581be6f001`.
pub fn uetr_text(uetr: &[u8; 16]) -> String {
    parts::uuid_text(uetr)
}

/// Why a message has no such view, or a view cannot become a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The message is another one.
    #[error("a {expected} message is expected, not {found}")]
    OtherMessage {
        /// Wanted.
        expected: &'static str,
        /// Given.
        found: &'static str,
    },
    /// Something optional in the schema that the view needs.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// More than one where the scheme has one.
    #[error("`{0}` must occur once")]
    NotOne(&'static str),
    /// An amount that is no amount of its currency, or of no currency known.
    #[error("`{field}`: {text}")]
    Amount {
        /// The element.
        field: &'static str,
        /// What is wrong.
        text: String,
    },
    /// A code the scheme does not use.
    #[error("`{field}` is `{code}`, which this scheme does not use")]
    Code {
        /// The element.
        field: &'static str,
        /// The code.
        code: String,
    },
    /// A text that its type does not allow.
    #[error("`{field}` {}", broken.text)]
    Value {
        /// The element.
        field: &'static str,
        /// Why.
        broken: Broken,
    },
}

impl ViewError {
    /// The status reason that says it best.
    pub const fn iso_reason(&self) -> StatusReason {
        match self {
            Self::OtherMessage { .. } | Self::NotOne(_) | Self::Value { .. } => StatusReason::Ff01,
            Self::Missing(_) => StatusReason::Ch21,
            Self::Amount { .. } => StatusReason::Am09,
            Self::Code { .. } => StatusReason::Ch16,
        }
    }
}

/// Names the element a value was for.
trait Named<T> {
    fn named(self, field: &'static str) -> Result<T, ViewError>;
}

impl<T> Named<T> for Result<T, Broken> {
    fn named(self, field: &'static str) -> Result<T, ViewError> {
        self.map_err(|broken| ViewError::Value { field, broken })
    }
}
