//! How payments stand: `camt.005` asks, `camt.006` answers.
//!
//! A payment is named by its UETR: without hyphens in `PmtId/TxId`, as it is in `PmtId/PrtryId` or `PmtId/LngBizId/UETR`. A criterion
//! that is not read is refused by its name: an answer to another question would look like one.

use super::account_query::{not_found, original_query, plain, query_header, refused};
use super::parts::{agent, agent_bic, nanos, time, uuid_bytes, uuid_text};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;

/// Which end a question for payments is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryStatus {
    /// `PdgSts` `STLM`: held.
    Pending,
    /// `FnlSts` `STLD`.
    Settled,
    /// `FnlSts` `RJTD`.
    Rejected,
}

/// A question about the asker's own payments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaymentQueryView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `PmtSch/PmtId`: these payments and no list.
    pub uetrs: Vec<[u8; 16]>,
    /// `PmtSch/MsgId`: of messages the asker sent.
    pub messages: Vec<String>,
    /// `PmtSch/Sts/PmtInstrSts`.
    pub status: Option<QueryStatus>,
    /// `PmtSch/ReqdExctnDt/DtTmSch`: taken in at that time or later.
    pub from: Option<EpochNanos>,
    /// The same: before that time.
    pub to: Option<EpochNanos>,
}

impl PaymentQueryView {
    /// Reads a `camt.005`.
    ///
    /// # Errors
    /// If it is another message, or asks by something else.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt00500108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.005.001.08", found: message.message_type().id() });
        };
        let body = &document.get_tx;
        let mut view = Self { message_id: body.msg_hdr.msg_id.as_str().to_owned(), ..Self::default() };
        let Some(query) = body.tx_qry_def.as_deref() else { return Ok(view) };
        plain(query.qry_tp)?;
        let criteria = match query.tx_crit.as_deref() {
            None => return Ok(view),
            Some(TransactionCriteria5Choice::QryNm(name)) => {
                return Err(ViewError::Code { field: "TxCrit/QryNm", code: name.as_str().to_owned() });
            }
            Some(TransactionCriteria5Choice::NewCrit(criteria)) => criteria,
        };
        refused("NewCrit/NewQryNm", criteria.new_qry_nm.is_some())?;
        refused("NewCrit/RtrCrit", criteria.rtr_crit.is_some())?;
        refused("NewCrit/StmtRpt", criteria.stmt_rpt.is_some())?;
        let search = match criteria.sch_crit.as_slice() {
            [] => return Ok(view),
            [one] => one,
            _ => return Err(ViewError::NotOne("NewCrit/SchCrit")),
        };
        refused("SchCrit/PmtTo", !search.pmt_to.is_empty())?;
        refused("SchCrit/PmtFr", !search.pmt_fr.is_empty())?;
        refused("SchCrit/AcctNtrySch", search.acct_ntry_sch.is_some())?;
        if let Some(search) = search.pmt_sch.as_deref() {
            view.search(search)?;
        }
        Ok(view)
    }

    fn search(&mut self, search: &PaymentSearch8) -> Result<(), ViewError> {
        let others = [
            ("PmtSch/InstdAmt", !search.instd_amt.is_empty()),
            ("PmtSch/InstdAmtCcy", !search.instd_amt_ccy.is_empty()),
            ("PmtSch/CdtDbtInd", search.cdt_dbt_ind.is_some()),
            ("PmtSch/IntrBkSttlmAmt", !search.intr_bk_sttlm_amt.is_empty()),
            ("PmtSch/IntrBkSttlmAmtCcy", !search.intr_bk_sttlm_amt_ccy.is_empty()),
            ("PmtSch/PmtMtd", !search.pmt_mtd.is_empty()),
            ("PmtSch/PmtTp", !search.pmt_tp.is_empty()),
            ("PmtSch/Prty", !search.prty.is_empty()),
            ("PmtSch/PrcgVldtyTm", !search.prcg_vldty_tm.is_empty()),
            ("PmtSch/Instr", !search.instr.is_empty()),
            ("PmtSch/TxId", !search.tx_id.is_empty()),
            ("PmtSch/IntrBkSttlmDt", !search.intr_bk_sttlm_dt.is_empty()),
            ("PmtSch/EndToEndId", !search.end_to_end_id.is_empty()),
            ("PmtSch/Pties", search.pties.is_some()),
        ];
        others.into_iter().try_for_each(|(field, found)| refused(field, found))?;
        self.uetrs = search.pmt_id.iter().map(uetr_of).collect::<Result<_, _>>()?;
        self.messages = search.msg_id.iter().map(|id| id.as_str().to_owned()).collect();
        self.status = match search.sts.as_slice() {
            [] => None,
            [one] => status_of(one)?,
            _ => return Err(ViewError::NotOne("PmtSch/Sts")),
        };
        match search.reqd_exctn_dt.as_slice() {
            [] => Ok(()),
            [DateAndDateTimeSearch3Choice::DtTmSch(span)] => self.span(span),
            [DateAndDateTimeSearch3Choice::DtSch(_)] => Err(ViewError::Missing("PmtSch/ReqdExctnDt/DtTmSch")),
            _ => Err(ViewError::NotOne("PmtSch/ReqdExctnDt")),
        }
    }

    fn span(&mut self, span: &DateTimePeriod1Choice) -> Result<(), ViewError> {
        let (from, to) = match span {
            DateTimePeriod1Choice::FrDtTm(from) => (Some(from), None),
            DateTimePeriod1Choice::ToDtTm(to) => (None, Some(to)),
            DateTimePeriod1Choice::DtTmRg(range) => (Some(&range.fr_dt_tm), Some(&range.to_dt_tm)),
        };
        self.from = from.map(|time| nanos("PmtSch/ReqdExctnDt/DtTmSch", time)).transpose()?;
        self.to = to.map(|time| nanos("PmtSch/ReqdExctnDt/DtTmSch", time)).transpose()?;
        Ok(())
    }

    /// The `camt.005` that asks it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self, created_at: EpochNanos) -> Result<Message, ViewError> {
        let id = |uetr: &[u8; 16]| {
            let text = uuid_text(uetr).replace('-', "");
            Ok(PaymentIdentification6Choice::TxId(Max35Text::new(text).named("PmtId/TxId")?))
        };
        let status = self.status.map(|status| InstructionStatusSearch5 {
            pmt_instr_sts: Some(Box::new(match status {
                QueryStatus::Pending => PaymentStatusCodeSearch2Choice::PdgSts(PendingStatus4Code::Stlm),
                QueryStatus::Settled => PaymentStatusCodeSearch2Choice::FnlSts(FinalStatusCode::Stld),
                QueryStatus::Rejected => PaymentStatusCodeSearch2Choice::FnlSts(FinalStatusCode::Rjtd),
            })),
            ..Default::default()
        });
        let span = match (self.from, self.to) {
            (None, None) => None,
            (Some(from), None) => Some(DateTimePeriod1Choice::FrDtTm(time(from))),
            (None, Some(to)) => Some(DateTimePeriod1Choice::ToDtTm(time(to))),
            (Some(from), Some(to)) => {
                Some(DateTimePeriod1Choice::DtTmRg(Box::new(DateTimePeriod1 { fr_dt_tm: time(from), to_dt_tm: time(to) })))
            }
        };
        let search = PaymentSearch8 {
            pmt_id: self.uetrs.iter().map(id).collect::<Result<_, ViewError>>()?,
            msg_id: self.messages.iter().map(|id| Max35Text::new(&**id).named("PmtSch/MsgId")).collect::<Result<_, _>>()?,
            sts: status.into_iter().collect(),
            reqd_exctn_dt: span.map(|span| DateAndDateTimeSearch3Choice::DtTmSch(Box::new(span))).into_iter().collect(),
            ..Default::default()
        };
        let criterion = TransactionSearchCriteria8 { pmt_sch: Some(Box::new(search)), ..Default::default() };
        let criteria = TransactionCriteria8 { sch_crit: vec![criterion], ..Default::default() };
        let query = TransactionQuery5 {
            tx_crit: Some(Box::new(TransactionCriteria5Choice::NewCrit(Box::new(criteria)))),
            ..Default::default()
        };
        let body = GetTransactionV08 {
            tx_qry_def: Some(Box::new(query)),
            ..GetTransactionV08::new(query_header(&self.message_id, created_at)?)
        };
        Ok(Message::Camt00500108(Box::new(Camt00500108Document { get_tx: body })))
    }
}

fn uetr_of(id: &PaymentIdentification6Choice) -> Result<[u8; 16], ViewError> {
    let hyphens = |text: &str| match (text.len(), text.is_ascii()) {
        (32, true) => [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-"),
        _ => text.to_owned(),
    };
    let text = match id {
        PaymentIdentification6Choice::TxId(id) => hyphens(id.as_str()),
        PaymentIdentification6Choice::PrtryId(id) => id.as_str().to_owned(),
        PaymentIdentification6Choice::LngBizId(id) => {
            id.uetr.as_ref().ok_or(ViewError::Missing("PmtId/LngBizId/UETR"))?.as_str().to_owned()
        }
        PaymentIdentification6Choice::QId(_) => return Err(ViewError::Code { field: "PmtId", code: "QId".to_owned() }),
        PaymentIdentification6Choice::ShrtBizId(_) => {
            return Err(ViewError::Code { field: "PmtId", code: "ShrtBizId".to_owned() });
        }
    };
    uuid_bytes(&text).ok_or(ViewError::Code { field: "PmtId", code: text })
}

fn status_of(search: &InstructionStatusSearch5) -> Result<Option<QueryStatus>, ViewError> {
    refused("Sts/PmtInstrStsDtTm", search.pmt_instr_sts_dt_tm.is_some())?;
    refused("Sts/PrtryStsRsn", search.prtry_sts_rsn.is_some())?;
    let other = |code: &str| Err(ViewError::Code { field: "Sts/PmtInstrSts", code: code.to_owned() });
    match search.pmt_instr_sts.as_deref() {
        None => Ok(None),
        Some(PaymentStatusCodeSearch2Choice::PdgSts(PendingStatus4Code::Stlm))
        | Some(PaymentStatusCodeSearch2Choice::PdgAndFnlSts(CashPaymentStatus2Code::Pdng)) => Ok(Some(QueryStatus::Pending)),
        Some(PaymentStatusCodeSearch2Choice::FnlSts(FinalStatusCode::Stld)) => Ok(Some(QueryStatus::Settled)),
        Some(PaymentStatusCodeSearch2Choice::FnlSts(FinalStatusCode::Rjtd)) => Ok(Some(QueryStatus::Rejected)),
        Some(PaymentStatusCodeSearch2Choice::PdgSts(code)) => other(code.code()),
        Some(PaymentStatusCodeSearch2Choice::FnlSts(code)) => other(code.code()),
        Some(PaymentStatusCodeSearch2Choice::PdgAndFnlSts(code)) => other(code.code()),
    }
}

/// How one payment stands, for its agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentStandingView {
    /// `Pmt/TxId`, without hyphens.
    pub uetr: [u8; 16],
    /// `CdtDbtInd`: it credits the asker.
    pub is_credit: bool,
    /// `Pmt/Sts/Cd`.
    pub status: QueryStatus,
    /// `Pmt/Sts/DtTm`: when it ended, or was taken in.
    pub at: EpochNanos,
    /// `Pmt/Sts/Rsn/Prtry`: why it was rejected.
    pub reason: Option<String>,
    /// `Pmt/IntrBkSttlmAmt`: of the asker's side, currency and decimal.
    pub amount: (String, String),
    /// `Pmt/Pties/DbtrAgt`.
    pub debtor_agent: String,
    /// `Pmt/Pties/CdtrAgt`.
    pub creditor_agent: String,
}

/// The answer to [`PaymentQueryView`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReportView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `MsgHdr/OrgnlBizQry/MsgId`.
    pub query: String,
    /// Whether there are no more (`MsgPgntn/LastPgInd`).
    pub is_all: bool,
    /// Newest first.
    pub payments: Vec<PaymentStandingView>,
    /// Asked for by name, and not the asker's.
    pub unknown: Vec<[u8; 16]>,
}

impl PaymentReportView {
    /// The `camt.006` that says it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let page = Max5NumericText::new("1").named("MsgPgntn/PgNb")?;
        let last = YesNoIndicator::new(if self.is_all { "true" } else { "false" }).named("MsgPgntn/LastPgInd")?;
        let header = MessageHeader8 {
            cre_dt_tm: Some(time(self.created_at)),
            msg_pgntn: Some(Box::new(Pagination1 { pg_nb: page, last_pg_ind: last })),
            orgnl_biz_qry: Some(original_query(&self.query)?),
            ..MessageHeader8::new(Max35Text::new(&*self.message_id).named("MsgId")?)
        };
        let mut reports = self.payments.iter().map(PaymentStandingView::report).collect::<Result<Vec<_>, _>>()?;
        for uetr in &self.unknown {
            let told = TransactionOrError4Choice::BizErr(not_found("no payment of the asker's has this UETR")?);
            reports.push(TransactionReport5 { pmt_id: named(uetr)?, tx_or_err: told });
        }
        let told = match reports.is_empty() {
            true => TransactionReportOrError4Choice::OprlErr(not_found("no payment of the asker's is meant")?),
            false => TransactionReportOrError4Choice::BizRpt(Box::new(Transactions8 {
                tx_rpt: reports,
                pmt_cmon_inf: None,
                txs_summry: None,
            })),
        };
        let body = ReturnTransactionV08::new(header, told);
        Ok(Message::Camt00600108(Box::new(Camt00600108Document { rtr_tx: body })))
    }

    /// Reads a `camt.006`.
    ///
    /// # Errors
    /// If it is another message, or a payment in it is not as [`Self::message`] writes it.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt00600108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.006.001.08", found: message.message_type().id() });
        };
        let header = &document.rtr_tx.msg_hdr;
        let created = header.cre_dt_tm.as_ref().ok_or(ViewError::Missing("MsgHdr/CreDtTm"))?;
        let last = header.msg_pgntn.as_deref().is_none_or(|page| matches!(page.last_pg_ind.as_str(), "true" | "1"));
        let mut view = Self {
            message_id: header.msg_id.as_str().to_owned(),
            created_at: nanos("MsgHdr/CreDtTm", created)?,
            query: header.orgnl_biz_qry.as_ref().map(|query| query.msg_id.as_str().to_owned()).unwrap_or_default(),
            is_all: last,
            payments: Vec::new(),
            unknown: Vec::new(),
        };
        let reports = match &document.rtr_tx.rpt_or_err {
            TransactionReportOrError4Choice::OprlErr(_) => &[],
            TransactionReportOrError4Choice::BizRpt(report) => report.tx_rpt.as_slice(),
        };
        for report in reports {
            let uetr = uetr_of(&report.pmt_id)?;
            match &report.tx_or_err {
                TransactionOrError4Choice::BizErr(_) => view.unknown.push(uetr),
                TransactionOrError4Choice::Tx(told) => view.payments.push(PaymentStandingView::of(uetr, told)?),
            }
        }
        Ok(view)
    }
}

fn named(uetr: &[u8; 16]) -> Result<PaymentIdentification6Choice, ViewError> {
    Ok(PaymentIdentification6Choice::PrtryId(Max70Text::new(uuid_text(uetr)).named("PmtId/PrtryId")?))
}

impl PaymentStandingView {
    fn of(uetr: [u8; 16], told: &Transaction66) -> Result<Self, ViewError> {
        let payment = told.pmt.as_deref().ok_or(ViewError::Missing("Tx/Pmt"))?;
        let [status] = payment.sts.as_slice() else { return Err(ViewError::NotOne("Pmt/Sts")) };
        let code = match status.cd.as_deref() {
            Some(PaymentStatusCode6Choice::Pdg(_)) => QueryStatus::Pending,
            Some(PaymentStatusCode6Choice::Fnl(FinalStatus1Code::Stld)) => QueryStatus::Settled,
            Some(PaymentStatusCode6Choice::Fnl(FinalStatus1Code::Rjtd)) => QueryStatus::Rejected,
            Some(_) | None => return Err(ViewError::Missing("Sts/Cd")),
        };
        let Some(DateAndDateTime2Choice::DtTm(at)) = status.dt_tm.as_deref() else { return Err(ViewError::Missing("Sts/DtTm")) };
        let Some(Amount2Choice::AmtWthCcy(amount)) = payment.intr_bk_sttlm_amt.as_deref() else {
            return Err(ViewError::Missing("IntrBkSttlmAmt/AmtWthCcy"));
        };
        let parties = payment.pties.as_deref().ok_or(ViewError::Missing("Pmt/Pties"))?;
        let reason = status.rsn.iter().find_map(|reason| match reason {
            PaymentStatusReason1Choice::Prtry(reason) => Some(reason.as_str().to_owned()),
            PaymentStatusReason1Choice::Umtchd(_)
            | PaymentStatusReason1Choice::Canc(_)
            | PaymentStatusReason1Choice::Sspd(_)
            | PaymentStatusReason1Choice::PdgFlngSttlm(_)
            | PaymentStatusReason1Choice::PdgSttlm(_)
            | PaymentStatusReason1Choice::PrtryRjctn(_) => None,
        });
        Ok(Self {
            uetr,
            is_credit: told.cdt_dbt_ind == Some(CreditDebitCode::Crdt),
            status: code,
            at: nanos("Sts/DtTm", at)?,
            reason,
            amount: (amount.ccy.as_str().to_owned(), amount.value.to_string()),
            debtor_agent: parties.dbtr_agt.as_deref().and_then(agent_bic).ok_or(ViewError::Missing("Pties/DbtrAgt"))?,
            creditor_agent: parties.cdtr_agt.as_deref().and_then(agent_bic).ok_or(ViewError::Missing("Pties/CdtrAgt"))?,
        })
    }

    fn report(&self) -> Result<TransactionReport5, ViewError> {
        let code = match self.status {
            QueryStatus::Pending => PaymentStatusCode6Choice::Pdg(PendingStatus4Code::Stlm),
            QueryStatus::Settled => PaymentStatusCode6Choice::Fnl(FinalStatus1Code::Stld),
            QueryStatus::Rejected => PaymentStatusCode6Choice::Fnl(FinalStatus1Code::Rjtd),
        };
        let reason = self.reason.as_ref().map(|reason| Max35Text::new(&**reason).named("Sts/Rsn/Prtry")).transpose()?;
        let status = PaymentStatus6 {
            cd: Some(Box::new(code)),
            dt_tm: Some(Box::new(DateAndDateTime2Choice::DtTm(time(self.at)))),
            rsn: reason.map(PaymentStatusReason1Choice::Prtry).into_iter().collect(),
        };
        let amount = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(&*self.amount.0).named("IntrBkSttlmAmt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.amount.1).named("IntrBkSttlmAmt")?,
        };
        let parties = PaymentTransactionParty3 {
            dbtr_agt: Some(Box::new(agent("Pties/DbtrAgt", &self.debtor_agent)?)),
            cdtr_agt: Some(Box::new(agent("Pties/CdtrAgt", &self.creditor_agent)?)),
            ..Default::default()
        };
        let payment = PaymentInstruction32 {
            sts: vec![status],
            intr_bk_sttlm_amt: Some(Box::new(Amount2Choice::AmtWthCcy(amount))),
            tx_id: Some(Max35Text::new(uuid_text(&self.uetr).replace('-', "")).named("Pmt/TxId")?),
            pties: Some(Box::new(parties)),
            ..Default::default()
        };
        let transaction = Transaction66 {
            cdt_dbt_ind: Some(if self.is_credit { CreditDebitCode::Crdt } else { CreditDebitCode::Dbit }),
            pmt: Some(Box::new(payment)),
            ..Default::default()
        };
        Ok(TransactionReport5 { pmt_id: named(&self.uetr)?, tx_or_err: TransactionOrError4Choice::Tx(Box::new(transaction)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UETR: [u8; 16] = [0xc5, 0xe5, 0x6c, 0x88, 0xdd, 0x6f, 0x4b, 0x1c, 0x99, 0x38, 0xcc, 0x72, 0x54, 0x2d, 0x3f, 0x90];

    #[test]
    fn questions_and_answers_read_back_as_they_were_written() {
        let times =
            [(None, None), (Some(1_000_000_000), None), (None, Some(2_000_000_000)), (Some(1_000_000_000), Some(2_000_000_000))];
        let states = [None, Some(QueryStatus::Pending), Some(QueryStatus::Settled), Some(QueryStatus::Rejected)];
        for ((from, to), status) in times.into_iter().zip(states) {
            let messages = vec!["M-1".to_owned()];
            let asked = PaymentQueryView { message_id: "Q-1".into(), uetrs: vec![UETR], messages, status, from, to };
            assert_eq!(PaymentQueryView::of(&asked.message(3_000_000_000).unwrap()), Ok(asked));
        }
        let told = |status, reason| PaymentStandingView {
            uetr: UETR,
            is_credit: status == QueryStatus::Settled,
            status,
            at: 5_000_000_000,
            reason,
            amount: ("HKD".into(), "100.00".into()),
            debtor_agent: "HARBHKHHXXX".into(),
            creditor_agent: "PENGCNBSXXX".into(),
        };
        let (pending, settled) = (told(QueryStatus::Pending, None), told(QueryStatus::Settled, None));
        let payments = vec![pending, settled, told(QueryStatus::Rejected, Some("AC04".into()))];
        for (payments, unknown) in [(payments, vec![[0x8a; 16]]), (Vec::new(), Vec::new())] {
            let unknown: Vec<[u8; 16]> = unknown.into_iter().map(|_: [u8; 16]| UETR).collect();
            let (message_id, query) = ("A-1".to_owned(), "Q-1".to_owned());
            let answer = PaymentReportView {
                message_id,
                created_at: 6_000_000_000,
                query,
                is_all: payments.is_empty(),
                payments,
                unknown,
            };
            assert_eq!(PaymentReportView::of(&answer.message().unwrap()), Ok(answer));
        }
    }
}
