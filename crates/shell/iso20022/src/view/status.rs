//! The status report (`pacs.002`) and the question for one (`pacs.028`).

use super::parts::{agent, agent_bic, charge, charge_of, nanos, optional, text, time, uuid_bytes, uuid_text};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;
use money::Amount;

/// An enum of the codes of a set that this scheme uses, under the names it uses for them.
macro_rules! statuses {
    ($(#[$doc:meta])* $set:ident as $used:ident: $($(#[$about:meta])* $name:ident = $code:ident,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $used { $($(#[$about])* $name,)* }

        impl $used {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code of the set.
            pub const fn iso(self) -> $crate::codes::$set {
                match self { $(Self::$name => $crate::codes::$set::$code,)* }
            }

            /// The ISO code.
            pub const fn code(self) -> &'static str {
                self.iso().as_str()
            }

            /// The status with this ISO code, if the scheme uses it.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|status| status.code() == code)
            }
        }
    };
}
pub(super) use statuses;

statuses! {
    /// How a payment stands: the codes of `ExternalPaymentTransactionStatus1Code` that this scheme uses.
    PaymentTransactionStatus as TransactionStatus:
    /// Received, not looked at yet.
    Received = Rcvd,
    /// Checked as a message.
    TechnicallyAccepted = Actc,
    /// Checked against the customer's profile.
    CustomerAccepted = Accp,
    /// Everything is checked; on its way to settlement. From a creditor agent: it will credit.
    InProcess = Acsp,
    /// Settled: irrevocable.
    Settled = Acsc,
    /// The creditor has the money.
    Credited = Accc,
    /// Taken without posting to the creditor yet.
    AcceptedWithoutPosting = Acwp,
    /// No answer yet: in doubt.
    Pending = Pdng,
    /// Refused, with a reason.
    Rejected = Rjct,
    /// Frozen by law.
    Blocked = Blck,
}

/// The status of one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReportView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `OrgnlGrpInf/OrgnlMsgId`.
    pub original_message_id: Option<String>,
    /// `OrgnlGrpInf/OrgnlMsgNmId`, such as `pacs.008.001.08`.
    pub original_message_name: Option<String>,
    /// `OrgnlInstrId`.
    pub original_instruction_id: Option<String>,
    /// `OrgnlEndToEndId`.
    pub original_end_to_end_id: Option<String>,
    /// `OrgnlTxId`.
    pub original_transaction_id: Option<String>,
    /// `OrgnlUETR`.
    pub uetr: [u8; 16],
    /// `TxSts`.
    pub status: TransactionStatus,
    /// `StsRsnInf/Rsn/Cd`.
    pub reason: Option<String>,
    /// `StsRsnInf/AddtlInf`, joined by blanks; at most 105 characters when written.
    pub information: Option<String>,
    /// `AccptncDtTm`.
    pub accepted_at: Option<EpochNanos>,
    /// `FctvIntrBkSttlmDt/DtTm`: when it settled.
    pub settled_at: Option<EpochNanos>,
    /// `ClrSysRef`.
    pub clearing_system_reference: Option<String>,
    /// `InstgAgt`: who reports.
    pub instructing_agent: Option<String>,
    /// `InstdAgt`: to whom.
    pub instructed_agent: Option<String>,
    /// `ChrgsInf`: how much, and the BIC of whose charge it is.
    pub charges: Vec<(Amount, String)>,
}

impl StatusReportView {
    /// A report with what every report has.
    pub fn new(message_id: &str, created_at: EpochNanos, uetr: [u8; 16], status: TransactionStatus) -> Self {
        Self {
            message_id: message_id.to_owned(),
            created_at,
            original_message_id: None,
            original_message_name: None,
            original_instruction_id: None,
            original_end_to_end_id: None,
            original_transaction_id: None,
            uetr,
            status,
            reason: None,
            information: None,
            accepted_at: None,
            settled_at: None,
            clearing_system_reference: None,
            instructing_agent: None,
            instructed_agent: None,
            charges: Vec::new(),
        }
    }

    /// Reads the one status of a `pacs.002`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pacs00200110(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pacs.002.001.10", found: message.message_type().id() });
        };
        let report = &document.fi_to_fi_pmt_sts_rpt;
        let [tx] = report.tx_inf_and_sts.as_slice() else { return Err(ViewError::NotOne("TxInfAndSts")) };
        let group = tx.orgnl_grp_inf.as_deref();
        let of_group = report.orgnl_grp_inf_and_sts.first();
        let code = tx.tx_sts.as_ref().ok_or(ViewError::Missing("TxSts"))?.as_str();
        Ok(Self {
            message_id: report.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &report.grp_hdr.cre_dt_tm)?,
            original_message_id: text(&group.map(|it| &it.orgnl_msg_id).or(of_group.map(|it| &it.orgnl_msg_id))),
            original_message_name: text(&group.map(|it| &it.orgnl_msg_nm_id).or(of_group.map(|it| &it.orgnl_msg_nm_id))),
            original_instruction_id: text(&tx.orgnl_instr_id),
            original_end_to_end_id: text(&tx.orgnl_end_to_end_id),
            original_transaction_id: text(&tx.orgnl_tx_id),
            uetr: tx.orgnl_uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("OrgnlUETR"))?,
            status: TransactionStatus::from_code(code)
                .ok_or_else(|| ViewError::Code { field: "TxSts", code: code.to_owned() })?,
            reason: tx.sts_rsn_inf.iter().find_map(reason_of),
            information: information_of(tx),
            accepted_at: tx.accptnc_dt_tm.as_ref().map(|time| nanos("AccptncDtTm", time)).transpose()?,
            settled_at: tx.fctv_intr_bk_sttlm_dt.as_deref().and_then(settled_at_of),
            clearing_system_reference: text(&tx.clr_sys_ref),
            instructing_agent: agent_of(&tx.instg_agt, &report.grp_hdr.instg_agt),
            instructed_agent: agent_of(&tx.instd_agt, &report.grp_hdr.instd_agt),
            charges: tx.chrgs_inf.iter().map(charge_of).collect::<Result<_, _>>()?,
        })
    }

    /// The UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pacs.002` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let grp_hdr = GroupHeader91::new(Max35Text::new(&*self.message_id).named("MsgId")?, time(self.created_at));
        let report = FIToFIPaymentStatusReportV10 {
            grp_hdr,
            orgnl_grp_inf_and_sts: vec![],
            tx_inf_and_sts: vec![self.transaction()?],
            splmtry_data: vec![],
        };
        Ok(Message::Pacs00200110(Box::new(Pacs00200110Document { fi_to_fi_pmt_sts_rpt: report })))
    }

    fn transaction(&self) -> Result<PaymentTransaction110, ViewError> {
        Ok(PaymentTransaction110 {
            orgnl_grp_inf: original_group(&self.original_message_id, &self.original_message_name)?,
            orgnl_instr_id: optional(&self.original_instruction_id, Max35Text::new, "OrgnlInstrId")?,
            orgnl_end_to_end_id: optional(&self.original_end_to_end_id, Max35Text::new, "OrgnlEndToEndId")?,
            orgnl_tx_id: optional(&self.original_transaction_id, Max35Text::new, "OrgnlTxId")?,
            orgnl_uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("OrgnlUETR")?),
            tx_sts: Some(self.status.iso().into()),
            sts_rsn_inf: status_reason(&self.reason, &self.information)?.into_iter().collect(),
            chrgs_inf: self.charges.iter().map(|(amount, whose)| charge(*amount, whose)).collect::<Result<_, _>>()?,
            accptnc_dt_tm: self.accepted_at.map(time),
            fctv_intr_bk_sttlm_dt: self.settled_at.map(|at| Box::new(DateAndDateTime2Choice::DtTm(time(at)))),
            clr_sys_ref: optional(&self.clearing_system_reference, Max35Text::new, "ClrSysRef")?,
            instg_agt: self.instructing_agent.as_deref().map(|bic| agent("InstgAgt", bic).map(Box::new)).transpose()?,
            instd_agt: self.instructed_agent.as_deref().map(|bic| agent("InstdAgt", bic).map(Box::new)).transpose()?,
            ..Default::default()
        })
    }
}

/// `StsRsnInf` with a reason, words, or both.
pub(super) fn status_reason(
    reason: &Option<String>,
    information: &Option<String>,
) -> Result<Option<StatusReasonInformation12>, ViewError> {
    if reason.is_none() && information.is_none() {
        return Ok(None);
    }
    let reason = optional(reason, ExternalStatusReason1Code::new, "StsRsnInf/Rsn/Cd")?;
    let information = information.as_deref().map(|it| super::rejection::cut(it, 105));
    Ok(Some(StatusReasonInformation12 {
        orgtr: None,
        rsn: reason.map(|code| Box::new(StatusReason6Choice::Cd(code))),
        addtl_inf: information.map(|it| Max105Text::new(it).named("AddtlInf")).transpose()?.into_iter().collect(),
    }))
}

pub(super) fn reason_of(information: &StatusReasonInformation12) -> Option<String> {
    match information.rsn.as_deref()? {
        StatusReason6Choice::Cd(code) => Some(code.as_str().to_owned()),
        StatusReason6Choice::Prtry(own) => Some(own.as_str().to_owned()),
    }
}

fn information_of(tx: &PaymentTransaction110) -> Option<String> {
    let lines: Vec<&str> = tx.sts_rsn_inf.iter().flat_map(|it| &it.addtl_inf).map(Max105Text::as_str).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn settled_at_of(date: &DateAndDateTime2Choice) -> Option<EpochNanos> {
    match date {
        DateAndDateTime2Choice::DtTm(at) => nanos("FctvIntrBkSttlmDt/DtTm", at).ok(),
        DateAndDateTime2Choice::Dt(_) => None,
    }
}

type Agent = Option<Box<BranchAndFinancialInstitutionIdentification6>>;

/// An agent named at the payment, or else at the group.
fn agent_of(of_payment: &Agent, of_group: &Agent) -> Option<String> {
    of_payment.as_deref().or(of_group.as_deref()).and_then(agent_bic)
}

/// `OrgnlGrpInf` needs both names.
fn original_group(
    message_id: &Option<String>,
    message_name: &Option<String>,
) -> Result<Option<Box<OriginalGroupInformation29>>, ViewError> {
    let (Some(id), Some(name)) = (message_id, message_name) else { return Ok(None) };
    let id = Max35Text::new(&**id).named("OrgnlMsgId")?;
    Ok(Some(Box::new(OriginalGroupInformation29::new(id, Max35Text::new(&**name).named("OrgnlMsgNmId")?))))
}

/// The question how a payment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRequestView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `OrgnlGrpInf/OrgnlMsgId`.
    pub original_message_id: Option<String>,
    /// `OrgnlGrpInf/OrgnlMsgNmId`.
    pub original_message_name: Option<String>,
    /// `OrgnlEndToEndId`.
    pub original_end_to_end_id: Option<String>,
    /// `OrgnlUETR`.
    pub uetr: [u8; 16],
    /// `InstgAgt`: who asks.
    pub instructing_agent: Option<String>,
    /// `InstdAgt`: whom.
    pub instructed_agent: Option<String>,
}

impl StatusRequestView {
    /// Reads the one question of a `pacs.028`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pacs02800103(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pacs.028.001.03", found: message.message_type().id() });
        };
        let request = &document.fi_to_fi_pmt_sts_req;
        let [tx] = request.tx_inf.as_slice() else { return Err(ViewError::NotOne("TxInf")) };
        let group = tx.orgnl_grp_inf.as_deref();
        let of_group = request.orgnl_grp_inf.first();
        Ok(Self {
            message_id: request.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.grp_hdr.cre_dt_tm)?,
            original_message_id: text(&group.map(|it| &it.orgnl_msg_id).or(of_group.map(|it| &it.orgnl_msg_id))),
            original_message_name: text(&group.map(|it| &it.orgnl_msg_nm_id).or(of_group.map(|it| &it.orgnl_msg_nm_id))),
            original_end_to_end_id: text(&tx.orgnl_end_to_end_id),
            uetr: tx.orgnl_uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("OrgnlUETR"))?,
            instructing_agent: agent_of(&tx.instg_agt, &request.grp_hdr.instg_agt),
            instructed_agent: agent_of(&tx.instd_agt, &request.grp_hdr.instd_agt),
        })
    }

    /// The `pacs.028` that asks it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let tx = PaymentTransaction113 {
            orgnl_grp_inf: original_group(&self.original_message_id, &self.original_message_name)?,
            orgnl_end_to_end_id: optional(&self.original_end_to_end_id, Max35Text::new, "OrgnlEndToEndId")?,
            orgnl_uetr: Some(UUIDv4Identifier::new(uuid_text(&self.uetr)).named("OrgnlUETR")?),
            instg_agt: self.instructing_agent.as_deref().map(|bic| agent("InstgAgt", bic).map(Box::new)).transpose()?,
            instd_agt: self.instructed_agent.as_deref().map(|bic| agent("InstdAgt", bic).map(Box::new)).transpose()?,
            ..Default::default()
        };
        let grp_hdr = GroupHeader91::new(Max35Text::new(&*self.message_id).named("MsgId")?, time(self.created_at));
        let request = FIToFIPaymentStatusRequestV03 { grp_hdr, orgnl_grp_inf: vec![], tx_inf: vec![tx], splmtry_data: vec![] };
        Ok(Message::Pacs02800103(Box::new(Pacs02800103Document { fi_to_fi_pmt_sts_req: request })))
    }
}
