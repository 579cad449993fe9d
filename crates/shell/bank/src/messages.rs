//! The bank's messages: what it writes and what it reads of what the centre says.

use crate::aliases;
use crate::books::records::{Customer, NameCheck, Outgoing};
use crate::order::PayeeNumber;
use iso20022::codes::{
    CancellationReason, CategoryPurpose, OrganisationIdentification, PersonIdentification, ProxyAccountType, Purpose,
};
use iso20022::value::EpochNanos;
use iso20022::view::{
    AccountReference, AccountView, AddressView, CancellationAnswerView, CancellationOutcome, CancellationRequestView,
    CollectionView, CreditTransferView, HeaderView, IdentificationReportView, IdentificationRequestView, IdentityView,
    MandateAmendmentView, MandateAnswerView, MandateCancellationView, MandateChange, MandateRequestView, NameVerdict, PartyView,
    PaymentPriority, PaymentRequestView, PaymentReturnView, RequestReportView, RequestStatus, StatusReportView,
    StatusRequestView, SystemEventView, TransactionStatus, ViewError, business_message,
};
use iso20022::{Carried, Limits, Message, MessageType, read_business_message};
use money::Amount;
use world::SharedWorld;

/// Who writes to whom.
#[derive(Clone)]
pub(crate) struct Scheme {
    /// This bank.
    pub(crate) own: String,
    /// The centre.
    pub(crate) centre: String,
    /// The clearing system's code.
    pub(crate) clearing_system: String,
    /// Clock and identifiers.
    pub(crate) world: SharedWorld,
}

/// A message of the centre, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// A payment this bank is asked to credit.
    Asked(Box<CreditTransferView>),
    /// How a payment stands.
    Status(Box<StatusReportView>),
    /// Whose account is this?
    PayeeQuestion(Box<IdentificationRequestView>),
    /// Whose account it is.
    PayeeAnswer(Box<IdentificationReportView>),
    /// Money that comes back.
    Returned(Box<PaymentReturnView>),
    /// A payment this bank credited is asked back.
    Recall(Box<CancellationRequestView>),
    /// What another bank says to a recall of ours.
    RecallAnswer(Box<CancellationAnswerView>),
    /// A message was refused as such: code and words.
    Rejection(String, String),
    /// What operators tell everybody.
    Broadcast(SystemEventView),
    /// A customer of this bank is asked to pay.
    Requested(Box<PaymentRequestView>),
    /// Money of the bank's own, which its treasurer moves and its customers never see: `pacs.009`, what became of one, and the
    /// statement of a day.
    OwnMoney,
    /// How a request stands.
    RequestStatus(Box<RequestReportView>),
    /// A customer of this bank is asked for a mandate.
    MandateAsked(Box<MandateRequestView>),
    /// Other caps are asked for.
    MandateAmended(Box<MandateAmendmentView>),
    /// A mandate is over.
    MandateEnded(MandateCancellationView),
    /// What the debtor's side says to a mandate.
    MandateAnswered(Box<MandateAnswerView>),
    /// A customer of this bank owes a collection.
    Pulled(Box<CollectionView>),
}

/// Why a message of the centre does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadFault {
    #[error("{0}")]
    Schema(String),
    #[error("{0}")]
    View(#[from] ViewError),
    #[error("a {0} is not for a bank")]
    Unexpected(&'static str),
}

/// Reads a message of the centre.
pub(crate) fn read(xml: &str) -> Result<Read, ReadFault> {
    let message = read_business_message(xml.as_bytes(), Limits::default())
        .map_err(|violation| ReadFault::Schema(format!("{}: {}", violation.path, violation.text)))?;
    let document = &message.document;
    Ok(match document.carried() {
        Carried::CreditTransfer(_) => Read::Asked(Box::new(CreditTransferView::of(document)?)),
        Carried::StatusReport(_) => match StatusReportView::of(document)? {
            report if is_of_own_money(&report) => Read::OwnMoney,
            report => Read::Status(Box::new(report)),
        },
        Carried::InterbankTransfer(_) | Carried::Statement(_) => Read::OwnMoney,
        Carried::NameQuestion(_) => Read::PayeeQuestion(Box::new(IdentificationRequestView::of(document)?)),
        Carried::NameAnswer(_) => Read::PayeeAnswer(Box::new(IdentificationReportView::of(document)?)),
        Carried::Rejection(_) => {
            let rejection = iso20022::view::RejectionView::of(document)?;
            Read::Rejection(rejection.reason, rejection.description.unwrap_or_default())
        }
        Carried::Presence(_) => Read::Broadcast(SystemEventView::of(document)?),
        Carried::Return(_) => Read::Returned(Box::new(PaymentReturnView::of(document)?)),
        Carried::CancellationRequest(_) => Read::Recall(Box::new(CancellationRequestView::of(document)?)),
        Carried::CancellationAnswer(_) => Read::RecallAnswer(Box::new(CancellationAnswerView::of(document)?)),
        Carried::PaymentRequest(_) => Read::Requested(Box::new(PaymentRequestView::of(document)?)),
        Carried::RequestReport(_) => Read::RequestStatus(Box::new(RequestReportView::of(document)?)),
        Carried::MandateRequest(_) => Read::MandateAsked(Box::new(MandateRequestView::of(document)?)),
        Carried::MandateAmendment(_) => Read::MandateAmended(Box::new(MandateAmendmentView::of(document)?)),
        Carried::MandateCancellation(_) => Read::MandateEnded(MandateCancellationView::of(document)?),
        Carried::MandateAnswer(_) => Read::MandateAnswered(Box::new(MandateAnswerView::of(document)?)),
        Carried::DirectDebit(_) => Read::Pulled(Box::new(CollectionView::of(document)?)),
        Carried::StatusRequest(_)
        | Carried::LiquidityTransfer(_)
        | Carried::Receipt(_)
        | Carried::StatementRequest(_)
        | Carried::AccountQuery(_)
        | Carried::PaymentQuery(_)
        | Carried::QueryAnswer(_)
        | Carried::RequestWithdrawal(_)
        | Carried::Header(_)
        | Carried::Elsewhere(_) => {
            return Err(ReadFault::Unexpected(document.message_type().id()));
        }
    })
}

fn is_of_own_money(report: &StatusReportView) -> bool {
    report.original_message_name.as_deref() == Some(iso20022::MessageType::Pacs00900108.id())
}

/// What a pacs.002 of the centre means to the debtor side.
pub(crate) fn outgoing_event(status: TransactionStatus) -> crate::books::state::OutgoingEvent {
    use crate::books::state::OutgoingEvent;
    match status {
        // Settlement is final, whatever the creditor agent does with the money.
        TransactionStatus::Settled
        | TransactionStatus::Credited
        | TransactionStatus::AcceptedWithoutPosting
        | TransactionStatus::Blocked => OutgoingEvent::CentreSettled,
        TransactionStatus::Rejected => OutgoingEvent::CentreRejected,
        TransactionStatus::Received
        | TransactionStatus::TechnicallyAccepted
        | TransactionStatus::CustomerAccepted
        | TransactionStatus::InProcess
        | TransactionStatus::Pending => OutgoingEvent::CentreHolds,
    }
}

impl Scheme {
    /// A fresh identifier of 32 characters.
    pub(crate) fn fresh_id(&self) -> String {
        self.world.uuid().simple().to_string()
    }

    /// Milliseconds since 1970 UTC.
    pub(crate) fn now_ms(&self) -> u64 {
        self.world.now_ms()
    }

    /// Nanoseconds since 1970 UTC, whole milliseconds as messages carry them.
    pub(crate) fn now_ns(&self) -> u64 {
        self.world.now_ms().saturating_mul(1_000_000)
    }

    fn envelope(&self, id: &str, now: EpochNanos, document: &Message) -> Result<String, ViewError> {
        business_message(&HeaderView::new(&self.own, &self.centre, id, now), document)
    }

    /// The payment (`pacs.008`), written once and stored.
    pub(crate) fn payment(
        &self,
        payment: &Outgoing,
        customer: &Customer,
        end_to_end_id: Option<&str>,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let account = |number: &str| AccountView { number: number.to_owned(), ..AccountView::default() };
        let mut creditor_account = account(&payment.payee.account);
        let mobile = payment.payee.mobile.clone().map(|mobile| (ProxyAccountType::Mbno.to_string(), mobile));
        creditor_account.alias = payment.payee.alias.as_ref().map(aliases::proxy).or(mobile);
        let note = payment.note.as_str();
        let view = CreditTransferView {
            message_id: id.clone(),
            created_at: now,
            instruction_id: Some(id.clone()),
            end_to_end_id: end_to_end_id.map_or_else(|| payment.uetr.replace('-', ""), str::to_owned),
            transaction_id: None,
            uetr: uuid_bytes(&payment.uetr),
            clearing_system_reference: None,
            // Nobody waits at a counter for a line of a file.
            priority: match payment.payee.check {
                NameCheck::NotAsked => PaymentPriority::Normal,
                NameCheck::Match
                | NameCheck::Close
                | NameCheck::NoMatch
                | NameCheck::UnknownAccount
                | NameCheck::Unavailable
                | NameCheck::Shown => PaymentPriority::High,
            },
            category_purpose: (payment.purpose == Purpose::Sala.as_str()).then(|| CategoryPurpose::Sala.to_string()),
            interbank_settlement_amount: payment.debit,
            interbank_settlement_date: Some(local_date(now)),
            accepted_at: Some(now),
            instructed_amount: None,
            exchange_rate: None,
            quote: payment.quote.as_ref().map(|quote| uuid_bytes(&quote.quote_id)),
            request: payment.request.as_deref().map(uuid_bytes),
            collection: payment.collection.as_deref().map(uuid_bytes),
            preauth: None,
            charge_bearer: "SLEV".to_owned(),
            charges: vec![],
            new_payee: false,
            instructing_agent: self.own.clone(),
            instructed_agent: payment.payee.agent.clone(),
            execute_from: payment.execute_at_ms.map(|ms| ms.saturating_mul(1_000_000)),
            debtor: PartyView {
                identity: customer.document.as_ref().map(|number| IdentityView {
                    is_organisation: customer.company,
                    // A national identity card, or a number in the register of companies.
                    scheme: Some(if customer.company {
                        OrganisationIdentification::Cinc.to_string()
                    } else {
                        PersonIdentification::Nidn.to_string()
                    }),
                    issuer: Some(customer.country.clone()),
                    number: number.clone(),
                }),
                name: customer.name.clone(),
                address: Some(AddressView {
                    town: Some(customer.town.clone()),
                    country: Some(customer.country.clone()),
                    ..AddressView::default()
                }),
                country_of_residence: None,
            },
            debtor_account: Some(account(&payment.account)),
            debtor_agent: self.own.clone(),
            creditor_agent: payment.payee.agent.clone(),
            creditor: PartyView { name: payment.payee.name.clone(), ..PartyView::default() },
            creditor_account: Some(creditor_account),
            purpose: Some(payment.purpose.clone()),
            remittance: (!note.is_empty()).then(|| note.to_owned()),
            clearing_system: Some(self.clearing_system.clone()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The answer to a payment (`pacs.002`): will credit, or why not.
    pub(crate) fn answer(&self, uetr: [u8; 16], refused: Option<&str>, now: EpochNanos) -> Result<String, ViewError> {
        let status = if refused.is_some() { TransactionStatus::Rejected } else { TransactionStatus::InProcess };
        self.status(uetr, status, refused, now)
    }

    /// The answer that it takes the money and reviews it before it posts it (`pacs.002` ACWP).
    pub(crate) fn reviewing(&self, uetr: [u8; 16], now: EpochNanos) -> Result<String, ViewError> {
        self.status(uetr, TransactionStatus::AcceptedWithoutPosting, None, now)
    }

    /// A payment that waits is taken back (`camt.056`).
    pub(crate) fn cancellation(&self, uetr: [u8; 16], now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = CancellationRequestView {
            message_id: id.clone(),
            created_at: now,
            assigner: self.own.clone(),
            assignee: self.centre.clone(),
            uetr,
            reason: Some(CancellationReason::Cust.to_string()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The report that the customer was credited (`pacs.002` ACCC).
    pub(crate) fn credited(&self, uetr: [u8; 16], now: EpochNanos) -> Result<String, ViewError> {
        self.status(uetr, TransactionStatus::Credited, None, now)
    }

    fn status(
        &self,
        uetr: [u8; 16],
        status: TransactionStatus,
        reason: Option<&str>,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let mut view = StatusReportView::new(&id, now, uetr, status);
        view.reason = reason.map(str::to_owned);
        view.instructing_agent = Some(self.own.clone());
        view.instructed_agent = Some(self.centre.clone());
        self.envelope(&id, now, &view.message()?)
    }

    /// A request to pay (`pain.013`).
    pub(crate) fn request(&self, view: &PaymentRequestView) -> Result<String, ViewError> {
        self.envelope(&view.message_id, view.created_at, &view.message()?)
    }

    /// The answer to a request to pay (`pain.014`).
    pub(crate) fn request_answer(
        &self,
        request: &PaymentRequestView,
        status: RequestStatus,
        reason: Option<&str>,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = RequestReportView {
            message_id: id.clone(),
            created_at: now,
            debtor_agent: self.own.clone(),
            creditor_agent: request.creditor_agent.clone(),
            original_message_id: Some(request.message_id.clone()),
            original_payment_information_id: request.payment_information_id.clone(),
            original_end_to_end_id: Some(request.end_to_end_id.clone()),
            uetr: request.uetr,
            status,
            reason: reason.map(str::to_owned),
            information: None,
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// A mandate that is asked for (`pain.009`).
    pub(crate) fn mandate(&self, view: &MandateRequestView) -> Result<String, ViewError> {
        self.envelope(&view.message_id, view.created_at, &view.message()?)
    }

    /// The debtor's word on a mandate (`pain.012`): yes, or an ISO reason. The question is named as it was found in the inbox.
    pub(crate) fn mandate_answer(
        &self,
        mandate: [u8; 16],
        question: &(String, String),
        refused: Option<&str>,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = MandateAnswerView {
            message_id: id.clone(),
            created_at: now,
            sender: self.own.clone(),
            original_message_id: question.0.clone(),
            original_message_name: question.1.clone(),
            mandate,
            accepted: refused.is_none(),
            reason: refused.map(str::to_owned),
            information: None,
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// What shall be otherwise in a mandate (`pain.010`).
    pub(crate) fn mandate_change(&self, mandate: [u8; 16], change: MandateChange, now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = MandateAmendmentView { message_id: id.clone(), created_at: now, sender: self.own.clone(), mandate, change };
        self.envelope(&id, now, &view.message()?)
    }

    /// The end of a mandate (`pain.011`).
    pub(crate) fn mandate_end(&self, mandate: [u8; 16], reason: &str, now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = MandateCancellationView {
            message_id: id.clone(),
            created_at: now,
            sender: self.own.clone(),
            mandate,
            reason: reason.to_owned(),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// A collection (`pacs.003`).
    pub(crate) fn collection(&self, view: &CollectionView) -> Result<String, ViewError> {
        self.envelope(&view.message_id, view.created_at, &view.message()?)
    }

    /// A collection that is not paid (`pacs.002` about a `pacs.003`).
    pub(crate) fn collection_refusal(
        &self,
        collection: &CollectionView,
        reason: &str,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = StatusReportView {
            original_message_id: Some(collection.message_id.clone()),
            original_message_name: Some(MessageType::Pacs00300108.id().to_owned()),
            original_end_to_end_id: Some(collection.end_to_end_id.clone()),
            reason: Some(reason.to_owned()),
            instructing_agent: Some(self.own.clone()),
            instructed_agent: Some(self.centre.clone()),
            ..StatusReportView::new(&id, now, collection.uetr, TransactionStatus::Rejected)
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The question how a payment stands (`pacs.028`).
    pub(crate) fn enquiry(&self, uetr: &str, now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = StatusRequestView {
            message_id: id.clone(),
            created_at: now,
            original_message_id: None,
            original_message_name: None,
            original_end_to_end_id: None,
            uetr: uuid_bytes(uetr),
            instructing_agent: Some(self.own.clone()),
            instructed_agent: Some(self.centre.clone()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// Money sent back (`pacs.004`), without exchange.
    pub(crate) fn payment_return(
        &self,
        return_id: &str,
        uetr: &str,
        amount: Amount,
        reason: &str,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = PaymentReturnView {
            message_id: id.clone(),
            created_at: now,
            return_id: return_id.to_owned(),
            uetr: uuid_bytes(uetr),
            original_end_to_end_id: None,
            original_transaction_id: None,
            original_amount: None,
            returned_amount: amount,
            returned_instructed_amount: None,
            quote: None,
            reason: reason.to_owned(),
            information: None,
            clearing_system_reference: None,
            instructing_agent: Some(self.own.clone()),
            instructed_agent: Some(self.centre.clone()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The recall of a payment (`camt.056`).
    pub(crate) fn recall(&self, uetr: &str, reason: &str, now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = CancellationRequestView {
            message_id: id.clone(),
            created_at: now,
            assigner: self.own.clone(),
            assignee: self.centre.clone(),
            uetr: uuid_bytes(uetr),
            reason: Some(reason.to_owned()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The answer to a recall (`camt.029`): the money will be sent back, or why not.
    pub(crate) fn recall_answer(&self, uetr: [u8; 16], refused: Option<&str>, now: EpochNanos) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = CancellationAnswerView {
            message_id: id.clone(),
            created_at: now,
            assigner: self.own.clone(),
            assignee: self.centre.clone(),
            uetr,
            outcome: if refused.is_some() { CancellationOutcome::Refused } else { CancellationOutcome::Cancelled },
            reason: refused.map(str::to_owned),
            information: None,
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The question whose account this is (`acmt.023`).
    pub(crate) fn payee_question(
        &self,
        agent: &str,
        payee: &PayeeNumber,
        name: &str,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = IdentificationRequestView {
            message_id: id.clone(),
            created_at: now,
            assigner: self.own.clone(),
            assignee: agent.to_owned(),
            verification_id: id.clone(),
            name: Some(name.to_owned()),
            account: match payee {
                PayeeNumber::Account(number) => AccountReference::Number(number.clone()),
                PayeeNumber::Mobile(number) => AccountReference::Mobile(number.clone()),
            },
            agent: Some(agent.to_owned()),
        };
        self.envelope(&id, now, &view.message()?)
    }

    /// The answer whose account it is (`acmt.024`).
    pub(crate) fn payee_answer(
        &self,
        question: &IdentificationRequestView,
        verdict: NameVerdict,
        masked_name: Option<String>,
        account: Option<String>,
        now: EpochNanos,
    ) -> Result<String, ViewError> {
        let id = self.fresh_id();
        let view = IdentificationReportView {
            message_id: id.clone(),
            created_at: now,
            assigner: self.own.clone(),
            assignee: question.assigner.clone(),
            original_message_id: Some(question.message_id.clone()),
            verification_id: question.verification_id.clone(),
            verdict,
            masked_name,
            account: account.map(AccountReference::Number),
            agent: Some(self.own.clone()),
        };
        self.envelope(&id, now, &view.message()?)
    }
}

/// The sixteen bytes of a UUID this bank made or read.
pub(crate) fn uuid_bytes(text: &str) -> [u8; 16] {
    uuid::Uuid::parse_str(text).map(uuid::Uuid::into_bytes).unwrap_or_default()
}

/// The date in Hong Kong and Shenzhen, both at UTC+8 without summer time.
fn local_date(now: EpochNanos) -> String {
    const OFFSET_NS: i128 = 8 * 3_600 * 1_000_000_000;
    let local = jiff::Timestamp::from_nanosecond(i128::from(now) + OFFSET_NS).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    local.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_the_local_one() {
        // 2026-11-24T16:30Z is the 25th at both ends.
        assert_eq!(local_date(1_795_537_800_000_000_000), "2026-11-25");
        assert_eq!(local_date(1_795_534_200_000_000_000), "2026-11-24");
    }
}
