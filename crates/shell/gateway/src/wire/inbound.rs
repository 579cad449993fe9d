//! Reading: schema and header first, then what the gateway needs of each message.

use super::Original;
use super::mandates::{self, CollectionRefusal, MandateAsked, MandateReply, PulledPayment};
use super::reasons::status_reason;
use crate::mandates::Amendment;
use crate::refusal::GatewayRefusal;
use crate::requests::RequestReply;
use clearing::{AnswerVerdict, Bic, IsoReason, Priority, QuoteId, Refusal, RequestAnswer, Time, Uetr};
use iso20022::rules::{self, RuleSettings};
use iso20022::view::{
    AccountQueryView, AccountView, CancellationAnswerView, CancellationRequestView, CreditTransferView, HeaderView,
    IdentificationReportView, IdentificationRequestView, InterbankTransferView, LiquidityTransferView, MandateAnswerView,
    MandateCancellationView, PaymentPriority, PaymentQueryView, PaymentRequestView, PaymentReturnView, PresenceNoticeView,
    ReceiptView, RejectionView, RequestReportView, RequestStatus, RequestWithdrawalView, StatementRequestView, StatusReportView,
    StatusRequestView, TransactionStatus, ViewError,
};
use iso20022::{BusinessMessage, Carried, Limits, MessageType, read_business_message};
use money::Amount;
use std::sync::Arc;

/// Stands for a message identification that could not be read.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// Longest `RsnDesc`.
const DESCRIPTION_CHARS_MAX: usize = 350;

/// A message the gateway takes, and who says it is from whom.
#[derive(Debug)]
pub(crate) enum Taken {
    /// `pacs.008`
    Payment(Box<Payment>),
    /// `pacs.002`
    Report(Report),
    /// `pacs.028`
    StatusRequest(Uetr),
    /// `acmt.023`
    PayeeCheck(Box<PayeeCheck>),
    /// `admi.004`, with the header's message identification
    Presence(String, PresenceNoticeView),
    /// `pacs.004`
    Return(Box<PaymentReturnView>),
    /// `camt.056`
    Cancellation(CancellationRequestView),
    /// `camt.050`
    Transfer(LiquidityTransferView),
    /// `pacs.009`
    Interbank(Box<Interbank>),
    /// `camt.025`
    Receipt(ReceiptView),
    /// `camt.060`
    StatementRequest(StatementRequestView),
    /// `camt.003`
    AccountQuery(AccountQueryView),
    /// `camt.005`
    PaymentQuery(Box<PaymentQueryView>),
    /// `camt.029`
    CancellationAnswer(Box<CancellationAnswerView>),
    /// `acmt.024`
    PayeeAnswer(Box<PayeeReply>),
    /// `pain.013`
    Request(Box<PaymentRequest>),
    /// `pain.014`
    RequestReply(RequestReply),
    /// `camt.055`
    RequestWithdrawal(RequestWithdrawalView),
    /// `pain.009`
    Mandate(Box<MandateAsked>),
    /// `pain.010`
    MandateAmendment(Box<Amendment>),
    /// `pain.011`, `pain.012`
    MandateReply(MandateReply),
    /// `pacs.003`
    Pulled(Box<PulledPayment>),
    /// `pacs.002` about a `pacs.003`
    CollectionRefusal(CollectionRefusal),
}

/// A `pain.013` with one request.
#[derive(Debug)]
pub(crate) struct PaymentRequest {
    pub(crate) view: PaymentRequestView,
    pub(crate) message: Arc<BusinessMessage>,
    pub(crate) debtor_agent: Bic,
    pub(crate) creditor_agent: Bic,
}

/// A `pacs.009` with one transfer.
#[derive(Debug)]
pub(crate) struct Interbank {
    pub(crate) view: InterbankTransferView,
    pub(crate) creditor: Bic,
}

/// A `pacs.008` with one payment.
#[derive(Debug)]
pub(crate) struct Payment {
    pub(crate) view: CreditTransferView,
    pub(crate) message: Arc<BusinessMessage>,
    pub(crate) debtor_agent: Bic,
    pub(crate) creditor_agent: Bic,
    /// The first business rule it breaks.
    pub(crate) finding: Option<Finding>,
}

impl Payment {
    pub(crate) fn uetr(&self) -> Uetr {
        Uetr(self.view.uetr)
    }

    pub(crate) fn debit(&self) -> Amount {
        self.view.interbank_settlement_amount
    }

    pub(crate) fn quote(&self) -> Option<QuoteId> {
        self.view.quote.map(QuoteId)
    }

    pub(crate) fn priority(&self) -> Priority {
        match self.view.priority {
            PaymentPriority::High => Priority::High,
            PaymentPriority::Normal => Priority::Normal,
        }
    }

    /// When the debtor agent accepted it; without a word on that, when it made the message.
    pub(crate) fn accepted_at(&self) -> Time {
        Time(self.view.accepted_at.unwrap_or(self.view.created_at))
    }

    pub(crate) fn debtor_account(&self) -> &str {
        account_number(self.view.debtor_account.as_ref())
    }

    pub(crate) fn creditor_account(&self) -> &str {
        account_number(self.view.creditor_account.as_ref())
    }
}

fn account_number(account: Option<&AccountView>) -> &str {
    account.map_or("", |account| &account.number)
}

/// A business rule that was broken.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static str,
    pub(crate) words: String,
    pub(crate) reason: IsoReason,
}

impl Finding {
    fn of(finding: rules::Finding) -> Self {
        Self { rule: finding.rule.id(), words: finding.text, reason: status_reason(finding.iso_reason) }
    }
}

/// A `pacs.002` of a creditor agent.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) message_id: String,
    pub(crate) uetr: Uetr,
    pub(crate) verdict: Verdict,
    /// What names the case of a block; the chain gets a hash of it.
    pub(crate) case: Option<String>,
}

/// What a report says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    /// Whether it will credit.
    Answer(AnswerVerdict),
    /// That it has.
    Credited,
    /// That it does not post it, or not yet.
    Posting(Unposted),
}

/// Why a creditor agent does not post what it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unposted {
    /// `ACWP`
    Review,
    /// `BLCK`
    Blocked,
}

/// How a case travels: `StsRsnInf/AddtlInf` begins with this and goes on with what names the case, 35 characters at most.
const CASE_PREFIX: &str = "/CASE/";
const CASE_CHARS_MAX: usize = 35;

/// An `acmt.023` with one verification.
#[derive(Debug)]
pub(crate) struct PayeeCheck {
    pub(crate) asked: Bic,
    pub(crate) view: IdentificationRequestView,
}

/// An `acmt.024`.
#[derive(Debug, Clone)]
pub(crate) struct PayeeReply {
    pub(crate) view: IdentificationReportView,
}

/// What is wrong with a message as a whole.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) http_status: u16,
    pub(crate) rejection: RejectionView,
}

impl Fault {
    fn new(http_status: u16, message_id: &str, reason: &str, location: Option<String>, words: String) -> Self {
        let rejection = RejectionView {
            related_reference: message_id.to_owned(),
            reason: reason.to_owned(),
            rejected_at: None,
            location,
            description: Some(words.chars().take(DESCRIPTION_CHARS_MAX).collect()),
        };
        Self { http_status, rejection }
    }

    /// A report the centre refused.
    pub(crate) fn of_refusal(report: &Report, refusal: Refusal) -> Self {
        Self::of_code(&report.message_id, refusal)
    }

    /// Any other message the centre refused.
    pub(crate) fn of_code(message_id: &str, refusal: Refusal) -> Self {
        Self::new(refusal.http_status(), message_id, refusal.code(), None, refusal.to_string())
    }

    /// A message other than a payment that breaks a business rule.
    fn of_finding(message_id: &str, finding: &rules::Finding) -> Self {
        Self::new(422, message_id, finding.rule.id(), Some(finding.path.clone()), finding.text.clone())
    }

    /// A message of the right schema that the scheme does not use like this.
    pub(super) fn of_view(message_id: &str, error: &ViewError) -> Self {
        Self::new(422, message_id, error.iso_reason().as_str(), None, error.to_string())
    }

    pub(crate) fn of_gateway(message_id: &str, refusal: GatewayRefusal, words: &str) -> Self {
        Self::new(refusal.http_status(), message_id, refusal.code(), None, format!("{refusal}: {words}"))
    }
}

/// A body in the limits the gateway has already applied.
const LIMITS: Limits = Limits { message_bytes_max: 64 << 10, ..Limits::DEFAULT };

/// Reads a body: schema, header, business rules, then the message. Also returns who the header says it is from.
pub(crate) fn read(body: &[u8], settings: &RuleSettings) -> Result<(Bic, Taken), Fault> {
    let (header, message) = read_schema(body)?;
    let from = bic(&header.message_id, &header.from)?;
    // What another bank sent is refused for that alone: its rules are its own business.
    let findings = match settings.signer.as_deref() == Some(from.as_str()) {
        true => rules::check(body, &message, settings),
        false => Vec::new(),
    };
    let taken = taken(&header.message_id, message, findings.into_iter().next())?;
    Ok((from, taken))
}

/// Reads a payment that was taken in before: its rules were looked at then.
pub(crate) fn read_payment(body: &[u8]) -> Result<Payment, Fault> {
    let (header, message) = read_schema(body)?;
    payment(&header.message_id, message, None)
}

/// Reads a return that was taken in before.
pub(crate) fn read_back_return(body: &[u8]) -> Option<PaymentReturnView> {
    let (_, message) = read_schema(body).ok()?;
    PaymentReturnView::of(&message.document).ok()
}

pub(super) fn read_schema(body: &[u8]) -> Result<(HeaderView, BusinessMessage), Fault> {
    // When it was refused is said by whoever writes the refusal.
    let message = read_business_message(body, LIMITS)
        .map_err(|violation| Fault { http_status: 400, rejection: RejectionView::of_violation(&violation, NOT_PROVIDED, 0) })?;
    let Some(header) = &message.header else {
        return Err(Fault::of_gateway(NOT_PROVIDED, GatewayRefusal::NotAMessage, "a business application header is missing"));
    };
    let header = HeaderView::of(header).map_err(|error| Fault::of_view(NOT_PROVIDED, &error))?;
    if header.definition != message.document.message_type().id() {
        let words = "the header names another message than follows";
        return Err(Fault::of_gateway(&header.message_id, GatewayRefusal::NotAMessage, words));
    }
    Ok((header, message))
}

fn taken(id: &str, message: BusinessMessage, finding: Option<rules::Finding>) -> Result<Taken, Fault> {
    let document = &message.document;
    if let (Some(finding), false) = (&finding, matches!(document.carried(), Carried::CreditTransfer(_))) {
        return Err(Fault::of_finding(id, finding));
    }
    let view_error = |error: ViewError| Fault::of_view(id, &error);
    match document.carried() {
        Carried::CreditTransfer(_) => payment(id, message, finding).map(|payment| Taken::Payment(Box::new(payment))),
        Carried::StatusReport(_) => {
            let view = StatusReportView::of(document).map_err(view_error)?;
            match view.original_message_name.as_deref() == Some(MessageType::Pacs00300108.id()) {
                true => mandates::collection_refusal(id, &view).map(Taken::CollectionRefusal),
                false => report(id, view).map(Taken::Report),
            }
        }
        Carried::StatusRequest(_) => {
            let view = StatusRequestView::of(document).map_err(view_error)?;
            Ok(Taken::StatusRequest(Uetr(view.uetr)))
        }
        Carried::NameQuestion(_) => {
            let view = IdentificationRequestView::of(document).map_err(view_error)?;
            let asked = bic(id, view.agent.as_deref().unwrap_or(&view.assignee))?;
            Ok(Taken::PayeeCheck(Box::new(PayeeCheck { asked, view })))
        }
        Carried::NameAnswer(_) => {
            let view = IdentificationReportView::of(document).map_err(view_error)?;
            Ok(Taken::PayeeAnswer(Box::new(PayeeReply { view })))
        }
        Carried::Presence(_) => {
            let view = PresenceNoticeView::of(document).map_err(view_error)?;
            Ok(Taken::Presence(id.to_owned(), view))
        }
        Carried::CancellationRequest(_) => CancellationRequestView::of(document).map(Taken::Cancellation).map_err(view_error),
        Carried::Return(_) => {
            let view = PaymentReturnView::of(document).map_err(view_error)?;
            Ok(Taken::Return(Box::new(view)))
        }
        Carried::CancellationAnswer(_) => {
            let view = CancellationAnswerView::of(document).map_err(view_error)?;
            Ok(Taken::CancellationAnswer(Box::new(view)))
        }
        Carried::LiquidityTransfer(_) => LiquidityTransferView::of(document).map(Taken::Transfer).map_err(view_error),
        Carried::InterbankTransfer(_) => {
            let view = InterbankTransferView::of(document).map_err(view_error)?;
            let creditor = bic(id, &view.creditor)?;
            Ok(Taken::Interbank(Box::new(Interbank { view, creditor })))
        }
        Carried::Receipt(_) => ReceiptView::of(document).map(Taken::Receipt).map_err(view_error),
        Carried::StatementRequest(_) => StatementRequestView::of(document).map(Taken::StatementRequest).map_err(view_error),
        Carried::AccountQuery(_) => AccountQueryView::of(document).map(Taken::AccountQuery).map_err(view_error),
        Carried::PaymentQuery(_) => {
            let view = PaymentQueryView::of(document).map_err(view_error)?;
            Ok(Taken::PaymentQuery(Box::new(view)))
        }
        Carried::PaymentRequest(_) => request(id, message).map(|request| Taken::Request(Box::new(request))),
        Carried::RequestReport(_) => {
            request_reply(id, &RequestReportView::of(document).map_err(view_error)?).map(Taken::RequestReply)
        }
        Carried::RequestWithdrawal(_) => RequestWithdrawalView::of(document).map(Taken::RequestWithdrawal).map_err(view_error),
        Carried::MandateRequest(_) => mandates::asked(id, message).map(|asked| Taken::Mandate(Box::new(asked))),
        Carried::MandateAmendment(_) => mandates::amendment(id, message).map(|it| Taken::MandateAmendment(Box::new(it))),
        Carried::MandateCancellation(_) => {
            let view = MandateCancellationView::of(document).map_err(view_error)?;
            mandates::cancellation(id, view).map(Taken::MandateReply)
        }
        Carried::MandateAnswer(_) => {
            let view = MandateAnswerView::of(document).map_err(view_error)?;
            mandates::answer(id, view).map(Taken::MandateReply)
        }
        Carried::DirectDebit(_) => mandates::pulled(id, message).map(|pulled| Taken::Pulled(Box::new(pulled))),
        Carried::Rejection(_) | Carried::Statement(_) | Carried::QueryAnswer(_) | Carried::Header(_) | Carried::Elsewhere(_) => {
            Err(Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, document.message_type().id()))
        }
    }
}

/// A payment that breaks a rule is told so by `pacs.002`, if it has what that needs.
fn payment(id: &str, message: BusinessMessage, finding: Option<rules::Finding>) -> Result<Payment, Fault> {
    let view = CreditTransferView::of(&message.document).map_err(|error| match &finding {
        Some(finding) => Fault::of_finding(id, finding),
        None => Fault::of_view(id, &error),
    })?;
    let debtor_agent = bic(id, &view.debtor_agent)?;
    let creditor_agent = bic(id, &view.creditor_agent)?;
    Ok(Payment { view, message: Arc::new(message), debtor_agent, creditor_agent, finding: finding.map(Finding::of) })
}

fn request(id: &str, message: BusinessMessage) -> Result<PaymentRequest, Fault> {
    let view = PaymentRequestView::of(&message.document).map_err(|error| Fault::of_view(id, &error))?;
    let (debtor_agent, creditor_agent) = (bic(id, &view.debtor_agent)?, bic(id, &view.creditor_agent)?);
    Ok(PaymentRequest { view, message: Arc::new(message), debtor_agent, creditor_agent })
}

/// Reads a request that was taken in before.
pub(crate) fn read_request(body: &[u8]) -> Result<PaymentRequest, Fault> {
    let (header, message) = read_schema(body)?;
    request(&header.message_id, message)
}

fn request_reply(id: &str, view: &RequestReportView) -> Result<RequestReply, Fault> {
    let says = match view.status {
        RequestStatus::Presented => RequestAnswer::Presented,
        RequestStatus::Accepted => RequestAnswer::Accepted,
        RequestStatus::Rejected => RequestAnswer::Refused(reason(id, view.reason.as_deref())?),
        RequestStatus::Received | RequestStatus::Paid | RequestStatus::Withdrawn => {
            let words = format!("status {} is not an answer to a request", view.status.code());
            return Err(Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, &words));
        }
    };
    let debtor_agent = bic(id, &view.debtor_agent)?;
    Ok(RequestReply { message_id: view.message_id.clone(), request: Uetr(view.uetr), debtor_agent, says })
}

impl From<&PaymentRequestView> for Original {
    fn from(view: &PaymentRequestView) -> Self {
        Self {
            message_id: view.message_id.clone(),
            instruction_id: view.payment_information_id.clone(),
            end_to_end_id: view.end_to_end_id.clone(),
            transaction_id: None,
            accepted_at: None,
        }
    }
}

fn report(id: &str, view: StatusReportView) -> Result<Report, Fault> {
    let mut case = None;
    let verdict = match view.status {
        TransactionStatus::InProcess | TransactionStatus::CustomerAccepted | TransactionStatus::TechnicallyAccepted => {
            Verdict::Answer(AnswerVerdict::WillCredit)
        }
        TransactionStatus::Credited => Verdict::Credited,
        TransactionStatus::Rejected => Verdict::Answer(AnswerVerdict::Refuses(reason(id, view.reason.as_deref())?)),
        TransactionStatus::AcceptedWithoutPosting => Verdict::Posting(Unposted::Review),
        TransactionStatus::Blocked => {
            case = Some(case_of(id, view.information.as_deref())?);
            Verdict::Posting(Unposted::Blocked)
        }
        TransactionStatus::Received | TransactionStatus::Settled | TransactionStatus::Pending => {
            let words = format!("status {} is not an answer to a payment", view.status.code());
            return Err(Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, &words));
        }
    };
    Ok(Report { message_id: view.message_id, uetr: Uetr(view.uetr), verdict, case })
}

/// What names the case of a block.
fn case_of(id: &str, information: Option<&str>) -> Result<String, Fault> {
    let case = information.and_then(|text| text.strip_prefix(CASE_PREFIX)).map(str::trim);
    let known = case.filter(|case| !case.is_empty() && case.chars().count() <= CASE_CHARS_MAX);
    let words = "BLCK needs StsRsnInf/AddtlInf with /CASE/ and what names the case";
    known.map(str::to_owned).ok_or_else(|| Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, words))
}

/// The four characters of a reject's reason. A reject without one is a reject by nobody's reason.
pub(super) fn reason(id: &str, code: Option<&str>) -> Result<IsoReason, Fault> {
    let bytes: Option<[u8; 4]> = code.and_then(|code| code.as_bytes().try_into().ok());
    let known = bytes.filter(|bytes| bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    known
        .map(IsoReason)
        .ok_or_else(|| Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, "a reject needs an ISO reason of four characters"))
}

pub(super) fn bic(id: &str, text: &str) -> Result<Bic, Fault> {
    Bic::parse(text).ok_or_else(|| Fault::of_gateway(id, GatewayRefusal::MessageNotTaken, "an agent is not named by its BIC"))
}

impl From<&CreditTransferView> for Original {
    fn from(view: &CreditTransferView) -> Self {
        Self {
            message_id: view.message_id.clone(),
            instruction_id: view.instruction_id.clone(),
            end_to_end_id: view.end_to_end_id.clone(),
            transaction_id: view.transaction_id.clone(),
            accepted_at: view.accepted_at,
        }
    }
}
