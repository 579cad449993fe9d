//! What this scheme does with each message whose schema is built in.
//!
//! Every schema of the register's payment messages is read, judged and written; the centre and its banks talk in few of
//! them. The one place that lists all is [`Message::carried`]: a message added to the generator stops the build here until
//! somebody decides.

use crate::generated::*;

/// A message as this scheme sees it.
#[derive(Debug, Clone, Copy)]
pub enum Carried<'a> {
    /// `pacs.008`: a payment.
    CreditTransfer(&'a FIToFICustomerCreditTransferV08),
    /// `pacs.002`: what became of a payment.
    StatusReport(&'a FIToFIPaymentStatusReportV10),
    /// `pacs.028`: asks what became of a payment.
    StatusRequest(&'a FIToFIPaymentStatusRequestV03),
    /// `acmt.023`: asks whose account it is.
    NameQuestion(&'a IdentificationVerificationRequestV02),
    /// `acmt.024`: answers that.
    NameAnswer(&'a IdentificationVerificationReportV02),
    /// `admi.002`: a message was not taken.
    Rejection(&'a Admi00200101),
    /// `admi.004`: whether a participant is there.
    Presence(&'a SystemEventNotificationV02),
    /// `pacs.004`: money sent back.
    Return(&'a PaymentReturnV09),
    /// `camt.056`: takes a payment back, or asks for it back.
    CancellationRequest(&'a FIToFIPaymentCancellationRequestV08),
    /// `camt.029`: what came of that.
    CancellationAnswer(&'a ResolutionOfInvestigationV09),
    /// `camt.050`: a participant wants money moved in or out.
    LiquidityTransfer(&'a LiquidityCreditTransferV05),
    /// `pacs.009`: a participant pays another for itself.
    InterbankTransfer(&'a FinancialInstitutionCreditTransferV08),
    /// `camt.025`: what became of a wish to move money in or out.
    Receipt(&'a ReceiptV05),
    /// `camt.060`: asks for a statement.
    StatementRequest(&'a AccountReportingRequestV05),
    /// `camt.003`: asks how settlement accounts stand.
    AccountQuery(&'a GetAccountV07),
    /// `camt.005`: asks how payments stand.
    PaymentQuery(&'a GetTransactionV08),
    /// `camt.004`, `camt.006`: answers to these.
    QueryAnswer(MessageType),
    /// `camt.052`, `camt.053`, `camt.054`: what happened on a settlement account.
    Statement(MessageType),
    /// `pain.013`: asks a debtor to pay.
    PaymentRequest(&'a CreditorPaymentActivationRequestV07),
    /// `pain.014`: what the debtor's side says to that.
    RequestReport(&'a CreditorPaymentActivationRequestStatusReportV07),
    /// `camt.055`: takes such a request back.
    RequestWithdrawal(&'a CustomerPaymentCancellationRequestV08),
    /// `pain.009`: asks for a mandate.
    MandateRequest(&'a MandateInitiationRequestV06),
    /// `pain.010`: changes one.
    MandateAmendment(&'a MandateAmendmentRequestV06),
    /// `pain.011`: ends one.
    MandateCancellation(&'a MandateCancellationRequestV06),
    /// `pain.012`: whether it was agreed to.
    MandateAnswer(&'a MandateAcceptanceReportV06),
    /// `pacs.003`: collects under one.
    DirectDebit(&'a FIToFICustomerDirectDebitV08),
    /// `head.001`: stands before a document.
    Header(&'a BusinessApplicationHeaderV02),
    /// A message of other schemes: judged as a file, not carried from bank to bank.
    Elsewhere(MessageType),
}

impl Message {
    /// What it is to this scheme.
    pub fn carried(&self) -> Carried<'_> {
        match self {
            Self::Acmt02300102(it) => Carried::NameQuestion(&it.id_vrfctn_req),
            Self::Acmt02400102(it) => Carried::NameAnswer(&it.id_vrfctn_rpt),
            Self::Admi00200101(it) => Carried::Rejection(&it.admi_002_001_01),
            Self::Head00100102(it) => Carried::Header(it),
            Self::Pacs00200110(it) => Carried::StatusReport(&it.fi_to_fi_pmt_sts_rpt),
            Self::Pacs00800108(it) => Carried::CreditTransfer(&it.fi_to_fi_cstmr_cdt_trf),
            Self::Pacs02800103(it) => Carried::StatusRequest(&it.fi_to_fi_pmt_sts_req),
            Self::Admi00400102(it) => Carried::Presence(&it.sys_evt_ntfctn),
            Self::Pacs00400109(it) => Carried::Return(&it.pmt_rtr),
            Self::Camt05600108(it) => Carried::CancellationRequest(&it.fi_to_fi_pmt_cxl_req),
            Self::Camt02900109(it) => Carried::CancellationAnswer(&it.rsltn_of_invstgtn),
            Self::Camt05000105(it) => Carried::LiquidityTransfer(&it.lqdty_cdt_trf),
            Self::Pacs00900108(it) => Carried::InterbankTransfer(&it.fi_cdt_trf),
            Self::Camt02500105(it) => Carried::Receipt(&it.rct),
            Self::Camt06000105(it) => Carried::StatementRequest(&it.acct_rptg_req),
            Self::Camt00300107(it) => Carried::AccountQuery(&it.get_acct),
            Self::Camt00500108(it) => Carried::PaymentQuery(&it.get_tx),
            Self::Camt00400108(_) | Self::Camt00600108(_) => Carried::QueryAnswer(self.message_type()),
            Self::Camt05200108(_) | Self::Camt05300108(_) | Self::Camt05400108(_) => Carried::Statement(self.message_type()),
            Self::Pain01300107(it) => Carried::PaymentRequest(&it.cdtr_pmt_actvtn_req),
            Self::Pain01400107(it) => Carried::RequestReport(&it.cdtr_pmt_actvtn_req_sts_rpt),
            Self::Camt05500108(it) => Carried::RequestWithdrawal(&it.cstmr_pmt_cxl_req),
            Self::Pain00900106(it) => Carried::MandateRequest(&it.mndt_initn_req),
            Self::Pain01000106(it) => Carried::MandateAmendment(&it.mndt_amdmnt_req),
            Self::Pain01100106(it) => Carried::MandateCancellation(&it.mndt_cxl_req),
            Self::Pain01200106(it) => Carried::MandateAnswer(&it.mndt_accptnc_rpt),
            Self::Pacs00300108(it) => Carried::DirectDebit(&it.fi_to_fi_cstmr_drct_dbt),
            Self::Admi00600101(_)
            | Self::Admi00700101(_)
            | Self::Admi01100101(_)
            | Self::Pacs01000103(_)
            | Self::Pain00100109(_)
            | Self::Pain00200110(_) => Carried::Elsewhere(self.message_type()),
        }
    }
}
