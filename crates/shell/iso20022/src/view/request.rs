//! The request to pay: asked (`pain.013`), answered (`pain.014`), taken back (`camt.055`).

use super::cancellation::{assignment, party_bic, uetr_of};
use super::cancellation::{cancellation_information, cancellation_reason};
use super::parts::{AccountView, PartyView, agent, agent_bic, amount, nanos, optional, text, time, uuid_bytes, uuid_text};
use super::{HeaderView, Named, ViewError};
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::value::EpochNanos;
use money::Amount;

/// Stands where the schema wants an identification and nobody gave one.
const NOT_PROVIDED: &str = "NOTPROVIDED";

/// One request to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequestView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `PmtInf/PmtInfId`.
    pub payment_information_id: Option<String>,
    /// `CdtTrfTx/PmtId/UETR`: the request's own.
    pub uetr: [u8; 16],
    /// `CdtTrfTx/PmtId/EndToEndId`: the creditor's reference, which the payment repeats.
    pub end_to_end_id: String,
    /// `CdtTrfTx/Amt/InstdAmt`: what the creditor is to receive.
    pub amount: Amount,
    /// `PmtCond/AmtModAllwd`: less may be paid.
    pub less_allowed: bool,
    /// `PmtCond/GrntedPmtReqd`: the payment is to be guaranteed, so it asks for a pre-authorisation.
    pub guaranteed: bool,
    /// `PmtInf/XpryDt/DtTm`.
    pub expires_at: EpochNanos,
    /// `Dbtr`.
    pub debtor: PartyView,
    /// `DbtrAcct`.
    pub debtor_account: Option<AccountView>,
    /// `DbtrAgt`.
    pub debtor_agent: String,
    /// `CdtrAgt`.
    pub creditor_agent: String,
    /// `Cdtr`.
    pub creditor: PartyView,
    /// `CdtrAcct`.
    pub creditor_account: Option<AccountView>,
    /// `Purp/Cd`.
    pub purpose: Option<String>,
    /// `RmtInf/Ustrd`, joined by blanks.
    pub remittance: Option<String>,
}

impl PaymentRequestView {
    /// Reads the one request of a `pain.013`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let request = request_of(message)?;
        let [instruction] = request.pmt_inf.as_slice() else { return Err(ViewError::NotOne("PmtInf")) };
        let [tx] = instruction.cdt_trf_tx.as_slice() else { return Err(ViewError::NotOne("CdtTrfTx")) };
        let AmountType4Choice::InstdAmt(asked) = &tx.amt else { return Err(ViewError::Missing("Amt/InstdAmt")) };
        let Some(DateAndDateTime2Choice::DtTm(expires_at)) = instruction.xpry_dt.as_deref() else {
            return Err(ViewError::Missing("XpryDt/DtTm"));
        };
        let condition = tx.pmt_cond.as_deref().or(instruction.pmt_cond.as_deref());
        let bic = |agent, field| agent_bic(agent).ok_or(ViewError::Missing(field));
        Ok(Self {
            message_id: request.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.grp_hdr.cre_dt_tm)?,
            payment_information_id: text(&instruction.pmt_inf_id),
            uetr: tx.pmt_id.uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("UETR"))?,
            end_to_end_id: tx.pmt_id.end_to_end_id.as_str().to_owned(),
            amount: amount("InstdAmt", asked.ccy.as_str(), &asked.value.to_string())?,
            less_allowed: condition.is_some_and(|condition| matches!(condition.amt_mod_allwd.as_str(), "true" | "1")),
            guaranteed: condition.is_some_and(|condition| matches!(condition.grnted_pmt_reqd.as_str(), "true" | "1")),
            expires_at: nanos("XpryDt/DtTm", expires_at)?,
            debtor: PartyView::of(&instruction.dbtr),
            debtor_account: instruction.dbtr_acct.as_deref().map(AccountView::of),
            debtor_agent: bic(&instruction.dbtr_agt, "DbtrAgt/FinInstnId/BICFI")?,
            creditor_agent: bic(&tx.cdtr_agt, "CdtrAgt/FinInstnId/BICFI")?,
            creditor: PartyView::of(&tx.cdtr),
            creditor_account: tx.cdtr_acct.as_deref().map(AccountView::of),
            purpose: tx.purp.as_deref().and_then(super::credit_transfer::purpose_of),
            remittance: tx.rmt_inf.as_deref().and_then(super::credit_transfer::remittance_of),
        })
    }

    /// The UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pain.013` that asks it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = GroupHeader78::new(
            Max35Text::new(&*self.message_id).named("MsgId")?,
            time(self.created_at),
            Max15NumericText::new("1").named("NbOfTxs")?,
            self.creditor.build()?,
        );
        let asked = ActiveOrHistoricCurrencyAndAmount {
            ccy: ActiveOrHistoricCurrencyCode::new(self.amount.currency.code.as_str()).named("InstdAmt/@Ccy")?,
            value: ActiveOrHistoricCurrencyAndAmountSimpleType::new(&self.amount.to_string()).named("InstdAmt")?,
        };
        let id = PaymentIdentification6 {
            instr_id: None,
            end_to_end_id: Max35Text::new(&*self.end_to_end_id).named("EndToEndId")?,
            uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("UETR")?),
        };
        let mut tx = CreditTransferTransaction35::new(
            id,
            AmountType4Choice::InstdAmt(asked),
            ChargeBearerType1Code::new("SLEV").named("ChrgBr")?,
            agent("CdtrAgt", &self.creditor_agent)?,
            self.creditor.build()?,
        );
        tx.cdtr_acct = self.creditor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        tx.purp = optional(&self.purpose, ExternalPurpose1Code::new, "Purp")?.map(|code| Box::new(Purpose2Choice::Cd(code)));
        tx.rmt_inf = self.remittance.as_deref().map(super::credit_transfer::remittance).transpose()?.map(Box::new);
        let mut instruction = PaymentInstruction31::new(
            PaymentMethod7Code::Trf,
            DateAndDateTime2Choice::DtTm(time(self.created_at)),
            self.debtor.build()?,
            agent("DbtrAgt", &self.debtor_agent)?,
        );
        instruction.pmt_inf_id = optional(&self.payment_information_id, Max35Text::new, "PmtInfId")?;
        instruction.xpry_dt = Some(Box::new(DateAndDateTime2Choice::DtTm(time(self.expires_at))));
        instruction.pmt_cond = Some(Box::new(condition(self.less_allowed, self.guaranteed)?));
        instruction.dbtr_acct = self.debtor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        instruction.cdt_trf_tx = vec![tx];
        let request = CreditorPaymentActivationRequestV07 { grp_hdr: header, pmt_inf: vec![instruction], splmtry_data: vec![] };
        Ok(Message::Pain01300107(Box::new(Pain01300107Document { cdtr_pmt_actvtn_req: request })))
    }
}

fn condition(less_allowed: bool, guaranteed: bool) -> Result<PaymentCondition1, ViewError> {
    let flag = |value: bool, field| TrueFalseIndicator::new(if value { "true" } else { "false" }).named(field);
    Ok(PaymentCondition1 {
        amt_mod_allwd: flag(less_allowed, "AmtModAllwd")?,
        early_pmt_allwd: flag(true, "EarlyPmtAllwd")?,
        dely_pnlty: None,
        imdt_pmt_rbt: None,
        grnted_pmt_reqd: flag(guaranteed, "GrntedPmtReqd")?,
    })
}

fn request_of(message: &Message) -> Result<&CreditorPaymentActivationRequestV07, ViewError> {
    match message {
        Message::Pain01300107(document) => Ok(&document.cdtr_pmt_actvtn_req),
        other => Err(ViewError::OtherMessage { expected: "pain.013.001.07", found: other.message_type().id() }),
    }
}

/// The request the centre sends on to the debtor agent: the creditor agent's data as it came under the centre's header, message
/// id and time.
pub fn forwarded_request(original: &BusinessMessage, header: &HeaderView) -> Result<BusinessMessage, ViewError> {
    let mut request = request_of(&original.document)?.clone();
    request.grp_hdr.msg_id = Max35Text::new(&*header.message_id).named("MsgId")?;
    request.grp_hdr.cre_dt_tm = time(header.created_at);
    let document = Message::Pain01300107(Box::new(Pain01300107Document { cdtr_pmt_actvtn_req: request }));
    Ok(BusinessMessage { header: Some(Box::new(header.build(MessageType::Pain01300107)?)), document })
}

super::status::statuses! {
    /// How a request stands: the codes of `ExternalPaymentTransactionStatus1Code` that this scheme uses for it.
    PaymentTransactionStatus as RequestStatus:
    /// The centre has it; the debtor agent is asked.
    Received = Rcvd,
    /// The debtor has been shown it.
    Presented = Pres,
    /// The debtor will pay.
    Accepted = Accp,
    /// Paid: irrevocable.
    Paid = Acsc,
    /// Refused or expired, with a reason.
    Rejected = Rjct,
    /// Taken back by the creditor's side.
    Withdrawn = Canc,
}

/// How one request to pay stands, or what a debtor agent says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestReportView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `GrpHdr/DbtrAgt`.
    pub debtor_agent: String,
    /// `GrpHdr/CdtrAgt`.
    pub creditor_agent: String,
    /// `OrgnlGrpInfAndSts/OrgnlMsgId`.
    pub original_message_id: Option<String>,
    /// `OrgnlPmtInfId`.
    pub original_payment_information_id: Option<String>,
    /// `TxInfAndSts/OrgnlEndToEndId`.
    pub original_end_to_end_id: Option<String>,
    /// `TxInfAndSts/OrgnlUETR`: the request's.
    pub uetr: [u8; 16],
    /// `TxSts`.
    pub status: RequestStatus,
    /// `StsRsnInf/Rsn/Cd`.
    pub reason: Option<String>,
    /// `StsRsnInf/AddtlInf`, at most 105 characters when written.
    pub information: Option<String>,
}

impl RequestReportView {
    /// Reads the one status of a `pain.014`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pain01400107(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pain.014.001.07", found: message.message_type().id() });
        };
        let report = &document.cdtr_pmt_actvtn_req_sts_rpt;
        let [instruction] = report.orgnl_pmt_inf_and_sts.as_slice() else { return Err(ViewError::NotOne("OrgnlPmtInfAndSts")) };
        let [tx] = instruction.tx_inf_and_sts.as_slice() else { return Err(ViewError::NotOne("TxInfAndSts")) };
        let code = tx.tx_sts.as_ref().ok_or(ViewError::Missing("TxSts"))?.as_str();
        let end = |agent: &Option<Box<_>>, field| agent.as_deref().and_then(agent_bic).ok_or(ViewError::Missing(field));
        let lines: Vec<&str> = tx.sts_rsn_inf.iter().flat_map(|it| &it.addtl_inf).map(Max105Text::as_str).collect();
        Ok(Self {
            message_id: report.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &report.grp_hdr.cre_dt_tm)?,
            debtor_agent: end(&report.grp_hdr.dbtr_agt, "GrpHdr/DbtrAgt/FinInstnId/BICFI")?,
            creditor_agent: end(&report.grp_hdr.cdtr_agt, "GrpHdr/CdtrAgt/FinInstnId/BICFI")?,
            original_message_id: provided(report.orgnl_grp_inf_and_sts.orgnl_msg_id.as_str()),
            original_payment_information_id: provided(instruction.orgnl_pmt_inf_id.as_str()),
            original_end_to_end_id: text(&tx.orgnl_end_to_end_id),
            uetr: uetr_of(tx.orgnl_uetr.as_ref())?,
            status: RequestStatus::from_code(code).ok_or_else(|| ViewError::Code { field: "TxSts", code: code.to_owned() })?,
            reason: tx.sts_rsn_inf.iter().find_map(super::status::reason_of),
            information: (!lines.is_empty()).then(|| lines.join(" ")),
        })
    }

    /// The UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pain.014` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let given = |text: &Option<String>| text.clone().unwrap_or_else(|| NOT_PROVIDED.to_owned());
        let mut header = GroupHeader87::new(
            Max35Text::new(&*self.message_id).named("MsgId")?,
            time(self.created_at),
            PartyIdentification135::default(),
        );
        header.dbtr_agt = Some(Box::new(agent("GrpHdr/DbtrAgt", &self.debtor_agent)?));
        header.cdtr_agt = Some(Box::new(agent("GrpHdr/CdtrAgt", &self.creditor_agent)?));
        let group = OriginalGroupInformation30::new(
            Max35Text::new(given(&self.original_message_id)).named("OrgnlMsgId")?,
            Max35Text::new(MessageType::Pain01300107.id()).named("OrgnlMsgNmId")?,
        );
        let tx = PaymentTransaction104 {
            orgnl_end_to_end_id: optional(&self.original_end_to_end_id, Max35Text::new, "OrgnlEndToEndId")?,
            orgnl_uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("OrgnlUETR")?),
            tx_sts: Some(self.status.iso().into()),
            sts_rsn_inf: super::status::status_reason(&self.reason, &self.information)?.into_iter().collect(),
            ..Default::default()
        };
        let instruction = OriginalPaymentInstruction31 {
            tx_inf_and_sts: vec![tx],
            ..OriginalPaymentInstruction31::new(
                Max35Text::new(given(&self.original_payment_information_id)).named("OrgnlPmtInfId")?,
            )
        };
        let report = CreditorPaymentActivationRequestStatusReportV07 {
            orgnl_pmt_inf_and_sts: vec![instruction],
            ..CreditorPaymentActivationRequestStatusReportV07::new(header, group)
        };
        Ok(Message::Pain01400107(Box::new(Pain01400107Document { cdtr_pmt_actvtn_req_sts_rpt: report })))
    }
}

fn provided(text: &str) -> Option<String> {
    (text != NOT_PROVIDED).then(|| text.to_owned())
}

/// The creditor's side takes a request back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestWithdrawalView {
    /// `Assgnmt/Id`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub created_at: EpochNanos,
    /// `Assgnmt/Assgnr/Agt`: the creditor agent.
    pub assigner: String,
    /// `Assgnmt/Assgne/Agt`: the centre.
    pub assignee: String,
    /// `TxInf/OrgnlUETR`: the request's.
    pub uetr: [u8; 16],
    /// `CxlRsnInf/Rsn/Cd`: why, of `ExternalCancellationReason1Code`.
    pub reason: Option<String>,
}

impl RequestWithdrawalView {
    /// Reads the one request of a `camt.055`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt05500108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.055.001.08", found: message.message_type().id() });
        };
        let request = &document.cstmr_pmt_cxl_req;
        let [underlying] = request.undrlyg.as_slice() else { return Err(ViewError::NotOne("Undrlyg")) };
        let [instruction] = underlying.orgnl_pmt_inf_and_cxl.as_slice() else {
            return Err(ViewError::NotOne("OrgnlPmtInfAndCxl"));
        };
        let [tx] = instruction.tx_inf.as_slice() else { return Err(ViewError::NotOne("TxInf")) };
        Ok(Self {
            message_id: request.assgnmt.id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.assgnmt.cre_dt_tm)?,
            assigner: party_bic(&request.assgnmt.assgnr).ok_or(ViewError::Missing("Assgnr/Agt/FinInstnId/BICFI"))?,
            assignee: party_bic(&request.assgnmt.assgne).ok_or(ViewError::Missing("Assgne/Agt/FinInstnId/BICFI"))?,
            uetr: uetr_of(tx.orgnl_uetr.as_ref())?,
            reason: cancellation_reason(&tx.cxl_rsn_inf),
        })
    }

    /// The `camt.055` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let tx = PaymentTransaction109 {
            orgnl_uetr: Some(UUIDv4Identifier::new(uuid_text(&self.uetr)).named("OrgnlUETR")?),
            cxl_rsn_inf: cancellation_information(&self.reason)?,
            ..Default::default()
        };
        let instruction = OriginalPaymentInstruction34 {
            tx_inf: vec![tx],
            ..OriginalPaymentInstruction34::new(Max35Text::new(NOT_PROVIDED).named("OrgnlPmtInfId")?)
        };
        let underlying = UnderlyingTransaction24 { orgnl_pmt_inf_and_cxl: vec![instruction], ..Default::default() };
        let assignment = assignment(&self.message_id, self.created_at, &self.assigner, &self.assignee)?;
        let request = CustomerPaymentCancellationRequestV08 {
            undrlyg: vec![underlying],
            ..CustomerPaymentCancellationRequestV08::new(assignment)
        };
        Ok(Message::Camt05500108(Box::new(Camt05500108Document { cstmr_pmt_cxl_req: request })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode};

    const UETR: [u8; 16] = [0x8a, 0x56, 0x2c, 0x67, 0xca, 0x16, 0x48, 0xba, 0xb0, 0x74, 0x65, 0x58, 0x1b, 0xe6, 0xf0, 0x01];
    const AT: EpochNanos = 1_700_000_000_000_000_000;

    fn request(less_allowed: bool) -> PaymentRequestView {
        PaymentRequestView {
            message_id: "R1".into(),
            created_at: AT,
            payment_information_id: Some("P1".into()),
            uetr: UETR,
            end_to_end_id: "INVOICE 7".into(),
            amount: Amount::from_minor(12_345, Currency::new(CurrencyCode::HKD, 2).unwrap()),
            less_allowed,
            guaranteed: false,
            expires_at: AT + 3_600_000_000_000,
            debtor: PartyView { name: "CHAN Tai Man".into(), ..PartyView::default() },
            debtor_account: Some(AccountView { number: "123".into(), ..AccountView::default() }),
            debtor_agent: "HARBHKHHXXX".into(),
            creditor_agent: "PENGCNBSXXX".into(),
            creditor: PartyView { name: "PENG Books".into(), ..PartyView::default() },
            creditor_account: Some(AccountView { number: "456".into(), ..AccountView::default() }),
            purpose: Some("GDDS".into()),
            remittance: Some("invoice 7".into()),
        }
    }

    #[test]
    fn a_request_reads_back() {
        for less_allowed in [false, true] {
            let request = request(less_allowed);
            assert_eq!(PaymentRequestView::of(&request.message().unwrap()), Ok(request));
        }
    }

    #[test]
    fn answers_read_back_with_and_without_a_reason() {
        for (status, reason, information) in
            [(RequestStatus::Presented, None, None), (RequestStatus::Rejected, Some("AEXR"), Some("CLR-1128 expired"))]
        {
            let report = RequestReportView {
                message_id: "A1".into(),
                created_at: AT,
                debtor_agent: "HARBHKHHXXX".into(),
                creditor_agent: "PENGCNBSXXX".into(),
                original_message_id: Some("R1".into()),
                original_payment_information_id: None,
                original_end_to_end_id: Some("INVOICE 7".into()),
                uetr: UETR,
                status,
                reason: reason.map(str::to_owned),
                information: information.map(str::to_owned),
            };
            assert_eq!(RequestReportView::of(&report.message().unwrap()), Ok(report));
        }
    }

    #[test]
    fn a_withdrawal_reads_back() {
        let withdrawal = RequestWithdrawalView {
            message_id: "W1".into(),
            created_at: AT,
            assigner: "PENGCNBSXXX".into(),
            assignee: "LUOHHKHHXXX".into(),
            uetr: UETR,
            reason: Some("CUST".into()),
        };
        assert_eq!(RequestWithdrawalView::of(&withdrawal.message().unwrap()), Ok(withdrawal));
    }
}
