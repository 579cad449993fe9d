//! Mandates: asked for (`pain.009`), changed (`pain.010`), ended (`pain.011`), answered (`pain.012`).
//!
//! `MndtId` is the mandate's UETR in 32 hexadecimal digits: with dashes it does not fit. The most of a period travels as
//! `Tp/LclInstrm/Prtry` = `/PRDMAX/` and the amount, the purpose as `Rsn/Prtry` = `/PURP/` and its code, since no element of the
//! messages means either. Dates are days of Hong Kong and Shenzhen, the last one included.

use super::parts::{AccountView, PartyView, agent, agent_bic, amount, nanos, time, uuid_bytes, uuid_text};
use super::{HeaderView, Named, ViewError};
use crate::codes::MandateReason;
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::value::{EpochNanos, local_date_and_time, local_moment};
use money::{Amount, MinorUnits};

const PERIOD_MAX: &str = "/PRDMAX/";
const PURPOSE: &str = "/PURP/";
/// `AmdmntRsn/Rsn/Prtry` of a debtor agent.
const SUSPEND: &str = "SUSPEND";
const RESUME: &str = "RESUME";
const MIDNIGHT: &str = "00:00:00+08:00";
const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// How long a period is (`Frqcy/Prd/Tp`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateFrequency {
    /// `DAIL`.
    Day,
    /// `WEEK`.
    Week,
    /// `MNTH`.
    Month,
    /// `YEAR`.
    Year,
    /// `ADHO`: the whole life of the mandate.
    Whole,
}

/// What a debtor allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateCapsView {
    /// `ColltnAmt`, what each collects; or `MaxAmt`, the most each may collect.
    pub each: Amount,
    /// Whether it is the former.
    pub is_fixed: bool,
    /// `Frqcy/Prd/Tp`.
    pub frequency: MandateFrequency,
    /// The most of all collections of a period; without a word on it, `each` times `count`.
    pub period_max: Amount,
    /// `Frqcy/Prd/CntPerPrd`.
    pub count: u16,
    /// What each collection is for: a code of `ExternalPurpose1Code`.
    pub purpose: Option<String>,
    /// `FrstColltnDt`: its first instant.
    pub first: EpochNanos,
    /// `FnlColltnDt`: the first instant of the day behind it.
    pub last: EpochNanos,
}

/// A mandate that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateRequestView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `MndtId`.
    pub mandate: [u8; 16],
    /// `MndtReqId`: the creditor's own reference, such as a contract's number.
    pub reference: String,
    /// The caps.
    pub caps: MandateCapsView,
    /// `Cdtr`.
    pub creditor: PartyView,
    /// `CdtrAcct`.
    pub creditor_account: Option<AccountView>,
    /// `CdtrAgt`.
    pub creditor_agent: String,
    /// `Dbtr`.
    pub debtor: PartyView,
    /// `DbtrAcct`.
    pub debtor_account: Option<AccountView>,
    /// `DbtrAgt`.
    pub debtor_agent: String,
}

impl MandateRequestView {
    /// Reads the one mandate of a `pain.009`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let request = initiation_of(message)?;
        let [mandate] = request.mndt.as_slice() else { return Err(ViewError::NotOne("Mndt")) };
        let [id] = mandate.mndt_id.as_slice() else { return Err(ViewError::NotOne("MndtId")) };
        let creditor_agent = mandate.cdtr_agt.as_deref().and_then(agent_bic);
        Ok(Self {
            message_id: request.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.grp_hdr.cre_dt_tm)?,
            mandate: mandate_id(id)?,
            reference: mandate.mndt_req_id.as_str().to_owned(),
            caps: CapsParts {
                kind: mandate.tp.as_deref(),
                occurrences: mandate.ocrncs.as_deref(),
                each: mandate.colltn_amt.as_ref(),
                most: mandate.max_amt.as_ref(),
                reason: mandate.rsn.as_deref(),
            }
            .read()?,
            creditor: PartyView::of(&mandate.cdtr),
            creditor_account: mandate.cdtr_acct.as_deref().map(AccountView::of),
            creditor_agent: creditor_agent.ok_or(ViewError::Missing("CdtrAgt/FinInstnId/BICFI"))?,
            debtor: PartyView::of(&mandate.dbtr),
            debtor_account: mandate.dbtr_acct.as_deref().map(AccountView::of),
            debtor_agent: agent_bic(&mandate.dbtr_agt).ok_or(ViewError::Missing("DbtrAgt/FinInstnId/BICFI"))?,
        })
    }

    /// The mandate's UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.mandate)
    }

    /// The `pain.009` that asks for it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let mut mandate = Mandate13::new(
            Max35Text::new(&*self.reference).named("MndtReqId")?,
            tracking()?,
            self.creditor.build()?,
            self.debtor.build()?,
            agent("DbtrAgt", &self.debtor_agent)?,
        );
        mandate.mndt_id = vec![id_of(&self.mandate)?];
        let (each, most) = self.caps.amounts()?;
        (mandate.colltn_amt, mandate.max_amt) = (each, most);
        mandate.tp = Some(Box::new(self.caps.kind()?));
        mandate.ocrncs = Some(Box::new(self.caps.occurrences()?));
        mandate.rsn = self.caps.reason()?.map(Box::new);
        mandate.cdtr_acct = self.creditor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        mandate.cdtr_agt = Some(Box::new(agent("CdtrAgt", &self.creditor_agent)?));
        mandate.dbtr_acct = self.debtor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        let request = MandateInitiationRequestV06 {
            mndt: vec![mandate],
            ..MandateInitiationRequestV06::new(group(&self.message_id, self.created_at, &self.creditor_agent)?)
        };
        Ok(Message::Pain00900106(Box::new(Pain00900106Document { mndt_initn_req: request })))
    }
}

/// What shall be otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MandateChange {
    /// The creditor agent asks for these caps.
    Caps(MandateCapsView),
    /// The debtor agent lets nothing be collected for now (`AmdmntRsn/Rsn/Prtry` = `SUSPEND`).
    Suspend,
    /// The debtor agent lets it again (`RESUME`).
    Resume,
}

/// A mandate that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateAmendmentView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `GrpHdr/InstgAgt`: who says so.
    pub sender: String,
    /// `OrgnlMndt/OrgnlMndtId`.
    pub mandate: [u8; 16],
    /// What shall be otherwise.
    pub change: MandateChange,
}

impl MandateAmendmentView {
    /// Reads the one amendment of a `pain.010`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let request = amendment_of(message)?;
        let [details] = request.undrlyg_amdmnt_dtls.as_slice() else { return Err(ViewError::NotOne("UndrlygAmdmntDtls")) };
        let mandate = &details.mndt;
        let change = match reason_text(&details.amdmnt_rsn.rsn) {
            SUSPEND => MandateChange::Suspend,
            RESUME => MandateChange::Resume,
            _ => MandateChange::Caps(
                CapsParts {
                    kind: mandate.tp.as_deref(),
                    occurrences: mandate.ocrncs.as_deref(),
                    each: mandate.colltn_amt.as_ref(),
                    most: mandate.max_amt.as_ref(),
                    reason: mandate.rsn.as_deref(),
                }
                .read()?,
            ),
        };
        let OriginalMandate6Choice::OrgnlMndtId(id) = &details.orgnl_mndt else {
            return Err(ViewError::Missing("OrgnlMndt/OrgnlMndtId"));
        };
        Ok(Self {
            message_id: request.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.grp_hdr.cre_dt_tm)?,
            sender: sender_of(&request.grp_hdr)?,
            mandate: mandate_id(id)?,
            change,
        })
    }

    /// The `pain.010` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let id = id_of(&self.mandate)?;
        let mut mandate = Mandate14::new(id.clone(), tracking()?);
        let reason = match &self.change {
            MandateChange::Suspend => MandateReason1Choice::Prtry(Max35Text::new(SUSPEND).named("AmdmntRsn")?),
            MandateChange::Resume => MandateReason1Choice::Prtry(Max35Text::new(RESUME).named("AmdmntRsn")?),
            MandateChange::Caps(caps) => {
                (mandate.colltn_amt, mandate.max_amt) = caps.amounts()?;
                mandate.tp = Some(Box::new(caps.kind()?));
                mandate.ocrncs = Some(Box::new(caps.occurrences()?));
                mandate.rsn = caps.reason()?.map(Box::new);
                MandateReason1Choice::Cd(MandateReason::Md17.into())
            }
        };
        let details =
            MandateAmendment6::new(MandateAmendmentReason2::new(reason), mandate, OriginalMandate6Choice::OrgnlMndtId(id));
        let request = MandateAmendmentRequestV06 {
            undrlyg_amdmnt_dtls: vec![details],
            ..MandateAmendmentRequestV06::new(group(&self.message_id, self.created_at, &self.sender)?)
        };
        Ok(Message::Pain01000106(Box::new(Pain01000106Document { mndt_amdmnt_req: request })))
    }
}

/// A mandate that is ended by one of the two agents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateCancellationView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `GrpHdr/InstgAgt`: who says so.
    pub sender: String,
    /// `OrgnlMndt/OrgnlMndtId`.
    pub mandate: [u8; 16],
    /// `CxlRsn/Rsn/Cd`.
    pub reason: String,
}

impl MandateCancellationView {
    /// Reads the one cancellation of a `pain.011`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pain01100106(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pain.011.001.06", found: message.message_type().id() });
        };
        let request = &document.mndt_cxl_req;
        let [details] = request.undrlyg_cxl_dtls.as_slice() else { return Err(ViewError::NotOne("UndrlygCxlDtls")) };
        let OriginalMandate6Choice::OrgnlMndtId(id) = &details.orgnl_mndt else {
            return Err(ViewError::Missing("OrgnlMndt/OrgnlMndtId"));
        };
        Ok(Self {
            message_id: request.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.grp_hdr.cre_dt_tm)?,
            sender: sender_of(&request.grp_hdr)?,
            mandate: mandate_id(id)?,
            reason: reason_text(&details.cxl_rsn.rsn).to_owned(),
        })
    }

    /// The `pain.011` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let reason = MandateReason1Choice::Cd(ExternalMandateReason1Code::new(&*self.reason).named("CxlRsn/Rsn/Cd")?);
        let details = MandateCancellation6::new(
            MandateCancellationReason1::new(reason),
            OriginalMandate6Choice::OrgnlMndtId(id_of(&self.mandate)?),
        );
        let request = MandateCancellationRequestV06 {
            undrlyg_cxl_dtls: vec![details],
            ..MandateCancellationRequestV06::new(group(&self.message_id, self.created_at, &self.sender)?)
        };
        Ok(Message::Pain01100106(Box::new(Pain01100106Document { mndt_cxl_req: request })))
    }
}

/// Whether a mandate, or other caps of one, were agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateAnswerView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `GrpHdr/InstgAgt`: who says so.
    pub sender: String,
    /// `OrgnlMsgInf/MsgId`: of the message that asked, as its receiver found it.
    pub original_message_id: String,
    /// `OrgnlMsgInf/MsgNmId`: `pain.009.001.06`, `pain.010.001.06`.
    pub original_message_name: String,
    /// `OrgnlMndt/OrgnlMndtId`.
    pub mandate: [u8; 16],
    /// `AccptncRslt/Accptd`.
    pub accepted: bool,
    /// `AccptncRslt/RjctRsn`: a code of four characters, or `SUSPENDED` in a message of the centre.
    pub reason: Option<String>,
    /// `AccptncRslt/AddtlRjctRsnInf`, at most 105 characters when written.
    pub information: Option<String>,
}

impl MandateAnswerView {
    /// Reads the one answer of a `pain.012`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pain01200106(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pain.012.001.06", found: message.message_type().id() });
        };
        let report = &document.mndt_accptnc_rpt;
        let [details] = report.undrlyg_accptnc_dtls.as_slice() else { return Err(ViewError::NotOne("UndrlygAccptncDtls")) };
        let Some(OriginalMandate7Choice::OrgnlMndtId(id)) = details.orgnl_mndt.as_deref() else {
            return Err(ViewError::Missing("OrgnlMndt/OrgnlMndtId"));
        };
        let original = details.orgnl_msg_inf.as_deref().ok_or(ViewError::Missing("OrgnlMsgInf"))?;
        let result = &details.accptnc_rslt;
        let lines: Vec<&str> = result.addtl_rjct_rsn_inf.iter().map(Max105Text::as_str).collect();
        Ok(Self {
            message_id: report.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &report.grp_hdr.cre_dt_tm)?,
            sender: sender_of(&report.grp_hdr)?,
            original_message_id: original.msg_id.as_str().to_owned(),
            original_message_name: original.msg_nm_id.as_str().to_owned(),
            mandate: mandate_id(id)?,
            accepted: matches!(result.accptd.as_str(), "true" | "1"),
            reason: result.rjct_rsn.as_deref().map(|reason| reason_text(reason).to_owned()),
            information: (!lines.is_empty()).then(|| lines.join(" ")),
        })
    }

    /// The mandate's UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.mandate)
    }

    /// The `pain.012` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let accepted = if self.accepted { "true" } else { "false" };
        let mut result = AcceptanceResult6::new(YesNoIndicator::new(accepted).named("Accptd")?);
        result.rjct_rsn = self.reason.as_deref().map(reason_choice).transpose()?.map(Box::new);
        let information = self.information.as_deref().map(|words| super::rejection::cut(words, 105));
        result.addtl_rjct_rsn_inf =
            information.map(|words| Max105Text::new(words).named("AddtlRjctRsnInf")).transpose()?.into_iter().collect();
        let mut details = MandateAcceptance6::new(result);
        details.orgnl_msg_inf = Some(Box::new(OriginalMessageInformation1 {
            msg_id: Max35Text::new(&*self.original_message_id).named("OrgnlMsgInf/MsgId")?,
            msg_nm_id: Max35Text::new(&*self.original_message_name).named("OrgnlMsgInf/MsgNmId")?,
            cre_dt_tm: None,
        }));
        details.orgnl_mndt = Some(Box::new(OriginalMandate7Choice::OrgnlMndtId(id_of(&self.mandate)?)));
        let report = MandateAcceptanceReportV06 {
            undrlyg_accptnc_dtls: vec![details],
            ..MandateAcceptanceReportV06::new(group(&self.message_id, self.created_at, &self.sender)?)
        };
        Ok(Message::Pain01200106(Box::new(Pain01200106Document { mndt_accptnc_rpt: report })))
    }
}

/// The message the centre sends on to the debtor agent: the creditor agent's data as it came under the centre's header, message id
/// and time.
pub fn forwarded_mandate(original: &BusinessMessage, header: &HeaderView) -> Result<BusinessMessage, ViewError> {
    let relabel = |group: &mut GroupHeader80| -> Result<(), ViewError> {
        group.msg_id = Max35Text::new(&*header.message_id).named("MsgId")?;
        group.cre_dt_tm = time(header.created_at);
        Ok(())
    };
    let document = match &original.document {
        Message::Pain01000106(_) => {
            let mut request = amendment_of(&original.document)?.clone();
            relabel(&mut request.grp_hdr)?;
            Message::Pain01000106(Box::new(Pain01000106Document { mndt_amdmnt_req: request }))
        }
        other => {
            let mut request = initiation_of(other)?.clone();
            relabel(&mut request.grp_hdr)?;
            Message::Pain00900106(Box::new(Pain00900106Document { mndt_initn_req: request }))
        }
    };
    Ok(BusinessMessage { header: Some(Box::new(header.build(document.message_type())?)), document })
}

fn initiation_of(message: &Message) -> Result<&MandateInitiationRequestV06, ViewError> {
    match message {
        Message::Pain00900106(document) => Ok(&document.mndt_initn_req),
        other => Err(ViewError::OtherMessage { expected: "pain.009.001.06", found: other.message_type().id() }),
    }
}

fn amendment_of(message: &Message) -> Result<&MandateAmendmentRequestV06, ViewError> {
    match message {
        Message::Pain01000106(document) => Ok(&document.mndt_amdmnt_req),
        other => Err(ViewError::OtherMessage { expected: "pain.010.001.06", found: other.message_type().id() }),
    }
}

/// Where a message has the caps.
struct CapsParts<'a> {
    kind: Option<&'a MandateTypeInformation2>,
    occurrences: Option<&'a MandateOccurrences4>,
    each: Option<&'a ActiveCurrencyAndAmount>,
    most: Option<&'a ActiveCurrencyAndAmount>,
    reason: Option<&'a MandateSetupReason1Choice>,
}

impl CapsParts<'_> {
    fn read(&self) -> Result<MandateCapsView, ViewError> {
        let read = |field, it: &ActiveCurrencyAndAmount| amount(field, it.ccy.as_str(), &it.value.to_string());
        let (each, is_fixed) = match (self.each, self.most) {
            (Some(fixed), None) => (read("ColltnAmt", fixed)?, true),
            (None, Some(most)) => (read("MaxAmt", most)?, false),
            (Some(_), Some(_)) => return Err(ViewError::NotOne("ColltnAmt, MaxAmt")),
            (None, None) => return Err(ViewError::Missing("MaxAmt")),
        };
        let occurrences = self.occurrences.ok_or(ViewError::Missing("Ocrncs"))?;
        let Some(Frequency36Choice::Prd(period)) = occurrences.frqcy.as_deref() else {
            return Err(ViewError::Missing("Ocrncs/Frqcy/Prd"));
        };
        let count = period
            .cnt_per_prd
            .to_string()
            .parse()
            .map_err(|_| ViewError::Code { field: "CntPerPrd", code: period.cnt_per_prd.to_string() })?;
        let day = |date: &Option<ISODate>, field| {
            let moment = date.as_ref().and_then(|date| local_moment(date.as_str(), MIDNIGHT));
            moment.ok_or(ViewError::Missing(field))
        };
        Ok(MandateCapsView {
            each,
            is_fixed,
            frequency: frequency_of(&period.tp)?,
            period_max: self.period_max(each, count)?,
            count,
            purpose: self.reason.and_then(purpose_of),
            first: day(&occurrences.frst_colltn_dt, "Ocrncs/FrstColltnDt")?,
            last: day(&occurrences.fnl_colltn_dt, "Ocrncs/FnlColltnDt")?.saturating_add(DAY_NS),
        })
    }

    fn period_max(&self, each: Amount, count: u16) -> Result<Amount, ViewError> {
        let said = match self.kind.and_then(|kind| kind.lcl_instrm.as_deref()) {
            Some(LocalInstrument2Choice::Prtry(words)) => words.as_str().strip_prefix(PERIOD_MAX),
            Some(LocalInstrument2Choice::Cd(_)) | None => None,
        };
        match said {
            Some(digits) => amount("LclInstrm/Prtry", each.currency.code.as_str(), digits),
            None => Ok(Amount { minor: MinorUnits(each.minor.0.saturating_mul(u64::from(count))), ..each }),
        }
    }
}

impl MandateCapsView {
    /// `ColltnAmt` and `MaxAmt`, one of them.
    #[allow(clippy::type_complexity)] // a pair of what the schema has
    fn amounts(&self) -> Result<(Option<ActiveCurrencyAndAmount>, Option<ActiveCurrencyAndAmount>), ViewError> {
        let each = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(self.each.currency.code.as_str()).named("MaxAmt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.each.to_string()).named("MaxAmt")?,
        };
        Ok(if self.is_fixed { (Some(each), None) } else { (None, Some(each)) })
    }

    fn kind(&self) -> Result<MandateTypeInformation2, ViewError> {
        let most = Max35Text::new(format!("{PERIOD_MAX}{}", self.period_max)).named("LclInstrm/Prtry")?;
        Ok(MandateTypeInformation2 { lcl_instrm: Some(Box::new(LocalInstrument2Choice::Prtry(most))), ..Default::default() })
    }

    fn occurrences(&self) -> Result<MandateOccurrences4, ViewError> {
        let period = FrequencyPeriod1 {
            tp: match self.frequency {
                MandateFrequency::Day => Frequency6Code::Dail,
                MandateFrequency::Week => Frequency6Code::Week,
                MandateFrequency::Month => Frequency6Code::Mnth,
                MandateFrequency::Year => Frequency6Code::Year,
                MandateFrequency::Whole => Frequency6Code::Adho,
            },
            cnt_per_prd: DecimalNumber::new(&self.count.to_string()).named("CntPerPrd")?,
        };
        let date = |at, field| ISODate::new(&local_date_and_time(at).0).named(field);
        let mut occurrences = MandateOccurrences4::new(SequenceType2Code::Rcur);
        occurrences.frqcy = Some(Box::new(Frequency36Choice::Prd(Box::new(period))));
        occurrences.frst_colltn_dt = Some(date(self.first, "FrstColltnDt")?);
        occurrences.fnl_colltn_dt = Some(date(self.last.saturating_sub(1), "FnlColltnDt")?);
        Ok(occurrences)
    }

    fn reason(&self) -> Result<Option<MandateSetupReason1Choice>, ViewError> {
        let own = |purpose: &String| Max70Text::new(format!("{PURPOSE}{purpose}")).named("Rsn/Prtry");
        Ok(self.purpose.as_ref().map(own).transpose()?.map(MandateSetupReason1Choice::Prtry))
    }
}

fn purpose_of(reason: &MandateSetupReason1Choice) -> Option<String> {
    match reason {
        MandateSetupReason1Choice::Prtry(words) => words.as_str().strip_prefix(PURPOSE).map(str::to_owned),
        MandateSetupReason1Choice::Cd(_) => None,
    }
}

fn frequency_of(code: &Frequency6Code) -> Result<MandateFrequency, ViewError> {
    Ok(match code {
        Frequency6Code::Dail => MandateFrequency::Day,
        Frequency6Code::Week => MandateFrequency::Week,
        Frequency6Code::Mnth => MandateFrequency::Month,
        Frequency6Code::Year => MandateFrequency::Year,
        Frequency6Code::Adho => MandateFrequency::Whole,
        Frequency6Code::Qurt | Frequency6Code::Mian | Frequency6Code::Inda | Frequency6Code::Frtn => {
            return Err(ViewError::Code { field: "Frqcy/Prd/Tp", code: code.code().to_owned() });
        }
    })
}

fn reason_text(reason: &MandateReason1Choice) -> &str {
    match reason {
        MandateReason1Choice::Cd(code) => code.as_str(),
        MandateReason1Choice::Prtry(own) => own.as_str(),
    }
}

fn reason_choice(text: &str) -> Result<MandateReason1Choice, ViewError> {
    Ok(if text.len() <= 4 {
        MandateReason1Choice::Cd(ExternalMandateReason1Code::new(text).named("RjctRsn/Cd")?)
    } else {
        MandateReason1Choice::Prtry(Max35Text::new(text).named("RjctRsn/Prtry")?)
    })
}

fn group(message_id: &str, created_at: EpochNanos, sender: &str) -> Result<GroupHeader80, ViewError> {
    let mut header = GroupHeader80::new(Max35Text::new(message_id).named("MsgId")?, time(created_at));
    header.instg_agt = Some(Box::new(agent("GrpHdr/InstgAgt", sender)?));
    Ok(header)
}

fn sender_of(header: &GroupHeader80) -> Result<String, ViewError> {
    header.instg_agt.as_deref().and_then(agent_bic).ok_or(ViewError::Missing("GrpHdr/InstgAgt/FinInstnId/BICFI"))
}

fn tracking() -> Result<TrueFalseIndicator, ViewError> {
    TrueFalseIndicator::new("false").named("TrckgInd")
}

/// Reads 32 hexadecimal digits.
pub(super) fn mandate_id(id: &Max35Text) -> Result<[u8; 16], ViewError> {
    let digits = id.as_str();
    let bad = || ViewError::Code { field: "MndtId", code: digits.to_owned() };
    if digits.len() != 32 || !digits.is_ascii() {
        return Err(bad());
    }
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    uuid_bytes(&parts.join("-")).ok_or_else(bad)
}

/// Writes them.
pub(super) fn id_of(mandate: &[u8; 16]) -> Result<Max35Text, ViewError> {
    Max35Text::new(uuid_text(mandate).replace('-', "")).named("MndtId")
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode};

    const AT: EpochNanos = 1_700_000_000_000_000_000;
    const ID: [u8; 16] = *b"\x8a\x56\x2c\x67\xca\x16\x48\xba\xb0\x74\x65\x58\x1b\xe6\xf0\x01";

    fn hkd(minor: u64) -> Amount {
        Amount::from_minor(minor, Currency::new(CurrencyCode::HKD, 2).unwrap())
    }

    fn caps(is_fixed: bool, frequency: MandateFrequency) -> MandateCapsView {
        let first = local_moment("2026-11-26", MIDNIGHT).unwrap();
        MandateCapsView {
            each: hkd(10_000),
            is_fixed,
            frequency,
            period_max: hkd(25_000),
            count: 3,
            purpose: is_fixed.then(|| "RENT".to_owned()),
            first,
            last: first + 365 * DAY_NS,
        }
    }

    fn request() -> MandateRequestView {
        MandateRequestView {
            message_id: "M1".into(),
            created_at: AT,
            mandate: ID,
            reference: "CONTRACT 7".into(),
            caps: caps(false, MandateFrequency::Month),
            creditor: PartyView { name: "PENG Homes".into(), ..PartyView::default() },
            creditor_account: Some(AccountView { number: "456".into(), ..AccountView::default() }),
            creditor_agent: "PENGCNBSXXX".into(),
            debtor: PartyView { name: "CHAN Tai Man".into(), ..PartyView::default() },
            debtor_account: Some(AccountView { number: "123".into(), ..AccountView::default() }),
            debtor_agent: "HARBHKHHXXX".into(),
        }
    }

    #[test]
    fn a_mandate_reads_back_with_every_period() {
        use MandateFrequency as F;
        for frequency in [F::Day, F::Week, F::Month, F::Year, F::Whole] {
            for is_fixed in [false, true] {
                let view = MandateRequestView { caps: caps(is_fixed, frequency), ..request() };
                assert_eq!(MandateRequestView::of(&view.message().unwrap()), Ok(view));
            }
        }
    }

    #[test]
    fn without_a_word_a_period_takes_as_many_as_it_counts() {
        let Message::Pain00900106(mut document) = request().message().unwrap() else { panic!() };
        document.mndt_initn_req.mndt[0].tp = None;
        let read = MandateRequestView::of(&Message::Pain00900106(document)).unwrap();
        assert_eq!(read.caps.period_max, hkd(30_000));
    }

    #[test]
    fn a_mandate_is_named_by_32_digits() {
        for wrong in
            ["", "8a562c67ca1648bab07465581be6f00", "8a562c67ca1648bab07465581be6f00g", "8a562c67-ca16-48ba-b074-65581be6f00"]
        {
            let Message::Pain00900106(mut document) = request().message().unwrap() else { panic!() };
            document.mndt_initn_req.mndt[0].mndt_id = Max35Text::new(wrong).into_iter().collect();
            assert!(MandateRequestView::of(&Message::Pain00900106(document)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn changes_read_back() {
        let caps = MandateChange::Caps(caps(true, MandateFrequency::Week));
        for change in [caps, MandateChange::Suspend, MandateChange::Resume] {
            let view = MandateAmendmentView {
                message_id: "A1".into(),
                created_at: AT,
                sender: "HARBHKHHXXX".into(),
                mandate: ID,
                change,
            };
            assert_eq!(MandateAmendmentView::of(&view.message().unwrap()), Ok(view));
        }
        let view = MandateCancellationView {
            message_id: "E1".into(),
            created_at: AT,
            sender: "PENGCNBSXXX".into(),
            mandate: ID,
            reason: "MD17".into(),
        };
        assert_eq!(MandateCancellationView::of(&view.message().unwrap()), Ok(view));
    }

    #[test]
    fn answers_read_back() {
        for (accepted, reason, information) in
            [(true, None, None), (false, Some("MS02"), Some("CLR-1190 caps")), (false, Some("SUSPENDED"), None)]
        {
            let view = MandateAnswerView {
                message_id: "A1".into(),
                created_at: AT,
                sender: "HARBHKHHXXX".into(),
                original_message_id: "LH0000000000000123HARBHKHH".into(),
                original_message_name: "pain.009.001.06".into(),
                mandate: ID,
                accepted,
                reason: reason.map(str::to_owned),
                information: information.map(str::to_owned),
            };
            assert_eq!(MandateAnswerView::of(&view.message().unwrap()), Ok(view));
        }
    }
}
