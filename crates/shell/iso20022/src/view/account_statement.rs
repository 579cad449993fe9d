//! What happened on a settlement account: a report during the day (`camt.052`), the statement of a day (`camt.053`), a notice
//! of an entry (`camt.054`), and the request for one (`camt.060`).
//!
//! The account is named by its owner's BIC and its currency, `HARBHKHHXXX-HKD`. `NtryRef` is position and block, `AcctSvcrRef`
//! what the entry is known by: a payment's UETR without hyphens, or the settlement agent's reference. `RltdAgts` names whom an entry is
//! for, where the owner is its sponsor; the hash does not cover it, as the payment's own record says it. Span and hash stand in
//! `AddtlStmtInf` (`AddtlRptInf`, `AddtlNtfctnInf`), so that whoever has the message can compute the hash again.

use super::parts::{agent, agent_bic, amount, nanos, time, uuid_text};
use super::{Named, ViewError};
use crate::codes::{BalanceType, EntryStatus};
use crate::generated::*;
use crate::value::EpochNanos;
use chain::{Statement, StatementLine};
use money::{Amount, Currency, CurrencyCode, MinorUnits};

/// Which message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementForm {
    /// `camt.052`: up to now.
    Report,
    /// `camt.053`: a business date.
    Statement,
    /// `camt.054`: entries as they come.
    Notice,
}

impl StatementForm {
    /// The message's identifier.
    pub const fn message_name(self) -> &'static str {
        match self {
            Self::Report => MessageType::Camt05200108.id(),
            Self::Statement => MessageType::Camt05300108.id(),
            Self::Notice => MessageType::Camt05400108.id(),
        }
    }

    /// The form of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Report, Self::Statement, Self::Notice].into_iter().find(|form| form.message_name() == name)
    }
}

/// A statement as a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatementView {
    /// Which message.
    pub form: StatementForm,
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// Which page, from 1 on.
    pub page: u32,
    /// Whether nothing of the span follows.
    pub is_last: bool,
    /// The entries, with balances before and behind them.
    pub statement: Statement,
    /// Time of each entry's block; as many as there are lines.
    pub booked_at: Vec<EpochNanos>,
    /// For whom each entry is, by BIC, where the account's owner is its sponsor; as many as there are lines.
    pub on_behalf: Vec<Option<String>>,
    /// The business day it closes, if it comes at the end of one; a `camt.053` only.
    pub day: Option<StatementDayView>,
}

/// The business day that a statement closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementDayView {
    /// Its date, as `2026-03-02` (`Bal/Dt/Dt`).
    pub date: String,
    /// Which statement of the account, from 1 on (`ElctrncSeqNb`, `LglSeqNb`).
    pub sequence: u32,
}

const KINDS: [(u8, &str); 3] = [(0, "PAYMENT"), (1, "FUNDING"), (2, "CYCLE")];

impl AccountStatementView {
    /// The message.
    ///
    /// # Errors
    /// If a balance has more than eighteen digits.
    pub fn message(&self) -> Result<Message, ViewError> {
        let text = Max500Text::new(self.proof_text()).named("AddtlStmtInf")?;
        let header = GroupHeader81::new(Max35Text::new(&*self.message_id).named("MsgId")?, time(self.created_at));
        let id = Max35Text::new(&*self.message_id).named("Id")?;
        let (account, entries) = (self.account()?, self.entries()?);
        let page = Some(Box::new(Pagination1 {
            pg_nb: Max5NumericText::new(self.page.to_string()).named("PgNb")?,
            last_pg_ind: YesNoIndicator::new(if self.is_last { "true" } else { "false" }).named("LastPgInd")?,
        }));
        let made_at = Some(time(self.created_at));
        let totals = Some(Box::new(self.totals()?));
        Ok(match self.form {
            StatementForm::Report => {
                let report = AccountReport25 {
                    rpt_pgntn: page,
                    cre_dt_tm: made_at,
                    bal: self.balances()?,
                    txs_summry: totals,
                    ntry: entries,
                    addtl_rpt_inf: Some(text),
                    ..AccountReport25::new(id, account)
                };
                let report = BankToCustomerAccountReportV08 { rpt: vec![report], ..BankToCustomerAccountReportV08::new(header) };
                Message::Camt05200108(Box::new(Camt05200108Document { bk_to_cstmr_acct_rpt: report }))
            }
            StatementForm::Statement => {
                let sequence = self.day.as_ref().map(|day| number(u64::from(day.sequence))).transpose()?;
                let statement = AccountStatement9 {
                    stmt_pgntn: page,
                    elctrnc_seq_nb: sequence,
                    lgl_seq_nb: sequence,
                    cre_dt_tm: made_at,
                    bal: self.balances()?,
                    txs_summry: totals,
                    ntry: entries,
                    addtl_stmt_inf: Some(text),
                    ..AccountStatement9::new(id, account)
                };
                let statement = BankToCustomerStatementV08 { stmt: vec![statement], ..BankToCustomerStatementV08::new(header) };
                Message::Camt05300108(Box::new(Camt05300108Document { bk_to_cstmr_stmt: statement }))
            }
            StatementForm::Notice => {
                let notice = AccountNotification17 {
                    ntfctn_pgntn: page,
                    cre_dt_tm: made_at,
                    txs_summry: totals,
                    ntry: entries,
                    addtl_ntfctn_inf: Some(text),
                    ..AccountNotification17::new(id, account)
                };
                let notice = BankToCustomerDebitCreditNotificationV08 {
                    ntfctn: vec![notice],
                    ..BankToCustomerDebitCreditNotificationV08::new(header)
                };
                Message::Camt05400108(Box::new(Camt05400108Document { bk_to_cstmr_dbt_cdt_ntfctn: notice }))
            }
        })
    }

    /// Reads what [`Self::message`] wrote. Its hash is the one the message carries, or it is not read.
    ///
    /// # Errors
    /// If it is another message, or not one of this scheme's.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let (form, header, id_account, page, balances, entries, text) = match message {
            Message::Camt05200108(document) => {
                let body = &document.bk_to_cstmr_acct_rpt;
                let [it] = body.rpt.as_slice() else { return Err(ViewError::NotOne("Rpt")) };
                (StatementForm::Report, &body.grp_hdr, &it.acct, &it.rpt_pgntn, it.bal.as_slice(), &it.ntry, &it.addtl_rpt_inf)
            }
            Message::Camt05300108(document) => {
                let body = &document.bk_to_cstmr_stmt;
                let [it] = body.stmt.as_slice() else { return Err(ViewError::NotOne("Stmt")) };
                let bal = it.bal.as_slice();
                (StatementForm::Statement, &body.grp_hdr, &it.acct, &it.stmt_pgntn, bal, &it.ntry, &it.addtl_stmt_inf)
            }
            Message::Camt05400108(document) => {
                let body = &document.bk_to_cstmr_dbt_cdt_ntfctn;
                let [it] = body.ntfctn.as_slice() else { return Err(ViewError::NotOne("Ntfctn")) };
                (StatementForm::Notice, &body.grp_hdr, &it.acct, &it.ntfctn_pgntn, &[][..], &it.ntry, &it.addtl_ntfctn_inf)
            }
            other => {
                return Err(ViewError::OtherMessage {
                    expected: "camt.052, camt.053 or camt.054",
                    found: other.message_type().id(),
                });
            }
        };
        let proof = Proof::read(text.as_ref().ok_or(ViewError::Missing("AddtlStmtInf"))?.as_str())?;
        let owner = id_account.ownr.as_deref().and_then(owner_bic).ok_or(ViewError::Missing("Acct/Ownr"))?;
        let code = id_account.ccy.as_ref().ok_or(ViewError::Missing("Acct/Ccy"))?.as_str();
        let code: CurrencyCode = code.parse().map_err(|_| ViewError::Code { field: "Acct/Ccy", code: code.to_owned() })?;
        let (mut lines, mut booked_at, mut on_behalf) = (Vec::new(), Vec::new(), Vec::new());
        for entry in entries {
            let (line, at) = read_entry(entry)?;
            lines.push(line);
            booked_at.push(at);
            on_behalf.push(read_on_behalf(entry));
        }
        let bic: [u8; 11] = owner.as_bytes().try_into().map_err(|_| ViewError::Missing("Acct/Ownr"))?;
        let statement = Statement {
            bic,
            currency: code.bytes(),
            exponent: proof.exponent,
            after: proof.after,
            to: proof.to,
            height: proof.height,
            opening: if form == StatementForm::Notice { proof.opening } else { balance(balances, BalanceType::Opbd)? },
            closing: if form == StatementForm::Notice { proof.closing } else { balance(balances, BalanceType::Clbd)? },
            lines,
        };
        if statement.proof().to_string() != proof.hash {
            return Err(ViewError::Code { field: "AddtlStmtInf", code: proof.hash });
        }
        let page = page.as_deref().ok_or(ViewError::Missing("Pgntn"))?;
        Ok(Self {
            form,
            message_id: header.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &header.cre_dt_tm)?,
            page: page.pg_nb.as_str().parse().map_err(|_| ViewError::Missing("PgNb"))?,
            is_last: matches!(page.last_pg_ind.as_str(), "true" | "1"),
            statement,
            booked_at,
            on_behalf,
            day: day_of(message, balances)?,
        })
    }

    fn currency(&self) -> Result<Currency, ViewError> {
        let code = CurrencyCode::new(self.statement.currency);
        let currency = code.and_then(|code| Currency::new(code, self.statement.exponent));
        currency.map_err(|error| ViewError::Amount { field: "Acct/Ccy", text: error.to_string() })
    }

    fn owner(&self) -> String {
        String::from_utf8_lossy(&self.statement.bic).into_owned()
    }

    fn account(&self) -> Result<CashAccount39, ViewError> {
        let (owner, currency) = (self.owner(), self.currency()?);
        let id = super::parts::account_id(&format!("{owner}-{}", currency.code), false)?;
        let party = PartyIdentification135 {
            id: Some(Box::new(Party38Choice::OrgId(Box::new(OrganisationIdentification29 {
                any_bic: Some(AnyBICDec2014Identifier::new(owner).named("AnyBIC")?),
                ..Default::default()
            })))),
            ..Default::default()
        };
        Ok(CashAccount39 {
            ccy: Some(ActiveOrHistoricCurrencyCode::new(currency.code.as_str()).named("Ccy")?),
            ownr: Some(Box::new(party)),
            ..CashAccount39::new(id)
        })
    }

    fn proof_text(&self) -> String {
        let Statement { exponent, after, to, height, opening, closing, .. } = &self.statement;
        let hash = self.statement.proof();
        format!(
            "luohu statement 1: decimals {exponent} after {after} to {to} block {height} opening {opening} closing {closing} sha256 {hash}"
        )
    }

    fn balances(&self) -> Result<Vec<CashBalance8>, ViewError> {
        // Between the pages of one span a balance is an interim one.
        let closing = if self.is_last { BalanceType::Clbd } else { BalanceType::Itbd };
        let opening = if self.page == 1 { BalanceType::Opbd } else { BalanceType::Itbd };
        let both = [(opening, self.statement.opening), (closing, self.statement.closing)];
        both.into_iter().map(|(code, minor)| self.balance(code, minor)).collect()
    }

    fn balance(&self, kind: BalanceType, minor: i128) -> Result<CashBalance8, ViewError> {
        let kind = BalanceType13 { cd_or_prtry: BalanceType10Choice::Cd(kind.into()), sub_tp: None };
        let side = if minor < 0 { CreditDebitCode::Dbit } else { CreditDebitCode::Crdt };
        let at = match &self.day {
            Some(day) => DateAndDateTime2Choice::Dt(ISODate::new(&day.date).named("Bal/Dt/Dt")?),
            None => DateAndDateTime2Choice::DtTm(time(self.created_at)),
        };
        Ok(CashBalance8::new(kind, self.money("Bal/Amt", minor.unsigned_abs())?, side, at))
    }

    fn money(&self, field: &'static str, minor: u128) -> Result<ActiveOrHistoricCurrencyAndAmount, ViewError> {
        let currency = self.currency()?;
        let too_large = || ViewError::Amount { field, text: "more than fits".to_owned() };
        let minor = MinorUnits(u64::try_from(minor).map_err(|_| too_large())?);
        Ok(ActiveOrHistoricCurrencyAndAmount {
            ccy: ActiveOrHistoricCurrencyCode::new(currency.code.as_str()).named("Ccy")?,
            value: ActiveOrHistoricCurrencyAndAmountSimpleType::new(&Amount { minor, currency }.to_string()).named(field)?,
        })
    }

    fn totals(&self) -> Result<TotalTransactions6, ViewError> {
        let of = |is_credit: bool| {
            let lines = || self.statement.lines.iter().filter(|line| line.is_credit == is_credit);
            let sum: u128 = lines().map(|line| u128::from(line.amount_minor)).sum();
            let currency = self.currency()?;
            let minor = u64::try_from(sum).map_err(|_| ViewError::Amount { field: "Sum", text: "more than fits".to_owned() })?;
            let sum = Amount { minor: MinorUnits(minor), currency }.to_string();
            Ok::<_, ViewError>(Some(Box::new(NumberAndSumOfTransactions1 {
                nb_of_ntries: Some(Max15NumericText::new(lines().count().to_string()).named("NbOfNtries")?),
                sum: Some(DecimalNumber::new(&sum).named("Sum")?),
            })))
        };
        Ok(TotalTransactions6 { ttl_cdt_ntries: of(true)?, ttl_dbt_ntries: of(false)?, ..Default::default() })
    }

    fn entries(&self) -> Result<Vec<ReportEntry10>, ViewError> {
        let booked = self.booked_at.iter().chain(core::iter::repeat(&self.created_at));
        let on_behalf = self.on_behalf.iter().map(Option::as_deref).chain(core::iter::repeat(None));
        let lines = self.statement.lines.iter().zip(booked).zip(on_behalf);
        lines.map(|((line, at), on_behalf)| self.entry(line, *at, on_behalf)).collect()
    }

    fn entry(&self, line: &StatementLine, at: EpochNanos, on_behalf: Option<&str>) -> Result<ReportEntry10, ViewError> {
        let kind = KINDS.iter().find(|(number, _)| *number == line.kind).map_or("OTHER", |(_, name)| name);
        let code = BankTransactionCodeStructure4 {
            domn: None,
            prtry: Some(Box::new(ProprietaryBankTransactionCodeStructure1 {
                issr: Some(Max35Text::new("LUOHU").named("Issr")?),
                ..ProprietaryBankTransactionCodeStructure1::new(Max35Text::new(kind).named("BkTxCd/Prtry/Cd")?)
            })),
        };
        let uuid = uuid_text(&line.reference);
        let booked = EntryStatus1Choice::Cd(EntryStatus::Book.into());
        let side = if line.is_credit { CreditDebitCode::Crdt } else { CreditDebitCode::Dbit };
        let agents = on_behalf.map(|bic| related_agents(line.is_credit, bic)).transpose()?.map(Box::new);
        let details = UUIDv4Identifier::new(uuid.clone()).ok().map(|uetr| EntryDetails9 {
            tx_dtls: vec![EntryTransaction10 {
                refs: Some(Box::new(TransactionReferences6 { uetr: Some(uetr), ..Default::default() })),
                rltd_agts: agents,
                ..Default::default()
            }],
            ..Default::default()
        });
        Ok(ReportEntry10 {
            ntry_ref: Some(Max35Text::new(format!("{}-{}", line.position, line.height)).named("NtryRef")?),
            bookg_dt: Some(Box::new(DateAndDateTime2Choice::DtTm(time(at)))),
            acct_svcr_ref: Some(Max35Text::new(uuid.replace('-', "")).named("AcctSvcrRef")?),
            ntry_dtls: details.into_iter().collect(),
            ..ReportEntry10::new(self.money("Ntry/Amt", u128::from(line.amount_minor))?, side, booked, code)
        })
    }
}

/// Whom an entry is for: the payment's debtor agent where it is a debit, its creditor agent where it is a credit.
fn related_agents(is_credit: bool, bic: &str) -> Result<TransactionAgents5, ViewError> {
    Ok(match is_credit {
        true => TransactionAgents5 { cdtr_agt: Some(Box::new(agent("CdtrAgt", bic)?)), ..Default::default() },
        false => TransactionAgents5 { dbtr_agt: Some(Box::new(agent("DbtrAgt", bic)?)), ..Default::default() },
    })
}

fn read_on_behalf(entry: &ReportEntry10) -> Option<String> {
    let agents = entry.ntry_dtls.first()?.tx_dtls.first()?.rltd_agts.as_deref()?;
    agents.dbtr_agt.as_deref().or(agents.cdtr_agt.as_deref()).and_then(agent_bic)
}

/// What the text behind the entries says.
struct Proof {
    exponent: u8,
    after: u64,
    to: u64,
    height: u64,
    opening: i128,
    closing: i128,
    hash: String,
}

impl Proof {
    fn read(text: &str) -> Result<Self, ViewError> {
        let wrong = || ViewError::Code { field: "AddtlStmtInf", code: text.chars().take(40).collect() };
        let rest = text.strip_prefix("luohu statement 1: ").ok_or_else(wrong)?;
        let words: Vec<&str> = rest.split(' ').collect();
        let value = |at: usize, name: &str| words.get(at).filter(|word| **word == name).and_then(|_| words.get(at + 1)).copied();
        let number = |at, name: &str| value(at, name).and_then(|text| text.parse::<u64>().ok()).ok_or_else(wrong);
        let balance = |at, name: &str| value(at, name).and_then(|text| text.parse::<i128>().ok()).ok_or_else(wrong);
        Ok(Self {
            exponent: u8::try_from(number(0, "decimals")?).map_err(|_| wrong())?,
            after: number(2, "after")?,
            to: number(4, "to")?,
            height: number(6, "block")?,
            opening: balance(8, "opening")?,
            closing: balance(10, "closing")?,
            hash: value(12, "sha256").ok_or_else(wrong)?.to_owned(),
        })
    }
}

fn number(number: u64) -> Result<Number, ViewError> {
    Number::new(&number.to_string()).named("ElctrncSeqNb")
}

/// The business day that a statement says it closes.
fn day_of(message: &Message, balances: &[CashBalance8]) -> Result<Option<StatementDayView>, ViewError> {
    let Message::Camt05300108(document) = message else { return Ok(None) };
    let Some(number) = document.bk_to_cstmr_stmt.stmt.first().and_then(|statement| statement.elctrnc_seq_nb.as_ref()) else {
        return Ok(None);
    };
    let text = number.to_string();
    let sequence = text.parse().map_err(|_| ViewError::Code { field: "ElctrncSeqNb", code: text })?;
    let date = match balances.last().map(|balance| &balance.dt) {
        Some(DateAndDateTime2Choice::Dt(date)) => date.as_str().to_owned(),
        Some(DateAndDateTime2Choice::DtTm(_)) | None => return Err(ViewError::Missing("Bal/Dt/Dt")),
    };
    Ok(Some(StatementDayView { date, sequence }))
}

fn owner_bic(owner: &PartyIdentification135) -> Option<String> {
    match owner.id.as_deref()? {
        Party38Choice::OrgId(organisation) => organisation.any_bic.as_ref().map(|bic| bic.as_str().to_owned()),
        Party38Choice::PrvtId(_) => None,
    }
}

/// The first of two balances that is of this kind or an interim one for opening, the last for closing.
fn balance(balances: &[CashBalance8], kind: BalanceType) -> Result<i128, ViewError> {
    let is_it = |balance: &&CashBalance8| match &balance.tp.cd_or_prtry {
        BalanceType10Choice::Cd(found) => found.known().is_ok_and(|found| found == kind || found == BalanceType::Itbd),
        BalanceType10Choice::Prtry(_) => false,
    };
    let found = if kind == BalanceType::Opbd { balances.iter().find(is_it) } else { balances.iter().rev().find(is_it) };
    let found = found.ok_or(ViewError::Missing(kind.as_str()))?;
    let minor = i128::from(amount("Bal/Amt", found.amt.ccy.as_str(), &found.amt.value.to_string())?.minor.0);
    Ok(match found.cdt_dbt_ind {
        CreditDebitCode::Crdt => minor,
        CreditDebitCode::Dbit => -minor,
    })
}

fn read_entry(entry: &ReportEntry10) -> Result<(StatementLine, EpochNanos), ViewError> {
    let place = entry.ntry_ref.as_ref().ok_or(ViewError::Missing("NtryRef"))?.as_str();
    let (position, height) = place.split_once('-').ok_or(ViewError::Missing("NtryRef"))?;
    let number = |text: &str| text.parse().map_err(|_| ViewError::Code { field: "NtryRef", code: place.to_owned() });
    let reference = entry.acct_svcr_ref.as_ref().and_then(|text| hex(text.as_str())).ok_or(ViewError::Missing("AcctSvcrRef"))?;
    let code = entry.bk_tx_cd.prtry.as_deref().ok_or(ViewError::Missing("BkTxCd/Prtry"))?.cd.as_str();
    let kind = KINDS.iter().find(|(_, name)| *name == code).map(|(number, _)| *number);
    let at = match entry.bookg_dt.as_deref() {
        Some(DateAndDateTime2Choice::DtTm(at)) => nanos("BookgDt", at)?,
        Some(DateAndDateTime2Choice::Dt(_)) | None => return Err(ViewError::Missing("BookgDt/DtTm")),
    };
    let line = StatementLine {
        position: number(position)?,
        height: number(height)?,
        is_credit: entry.cdt_dbt_ind == CreditDebitCode::Crdt,
        kind: kind.ok_or_else(|| ViewError::Code { field: "BkTxCd/Prtry/Cd", code: code.to_owned() })?,
        amount_minor: amount("Ntry/Amt", entry.amt.ccy.as_str(), &entry.amt.value.to_string())?.minor.0,
        reference,
    };
    Ok((line, at))
}

fn hex(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

/// A request for a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementRequestView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `RptgReq/ReqdMsgNmId`: in which form.
    pub form: StatementForm,
    /// `RptgReq/AcctOwnr/Agt`.
    pub owner: String,
    /// `RptgReq/Acct/Ccy`.
    pub currency: String,
    /// `RptgReq/RptgSeq/FrToSeq`: behind this position, up to that one.
    pub span: Option<(u64, u64)>,
    /// `RptgReq/RptgPrd/FrToDt`: at the end of each business day from this date on, up to that one; dates as `2026-03-02`.
    pub days: Option<(String, Option<String>)>,
}

impl StatementRequestView {
    /// Reads a `camt.060` with one request.
    ///
    /// # Errors
    /// If it is another message, or asks for something else.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt06000105(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.060.001.05", found: message.message_type().id() });
        };
        let body = &document.acct_rptg_req;
        let [request] = body.rptg_req.as_slice() else { return Err(ViewError::NotOne("RptgReq")) };
        let name = request.reqd_msg_nm_id.as_str();
        let form = StatementForm::of_name(name).ok_or(ViewError::Code { field: "ReqdMsgNmId", code: name.to_owned() })?;
        let Party40Choice::Agt(owner) = &request.acct_ownr else { return Err(ViewError::Missing("AcctOwnr/Agt")) };
        let currency = request.acct.as_deref().and_then(|account| account.ccy.as_ref());
        let span = match request.rptg_seq.as_deref() {
            None => None,
            Some(SequenceRange1Choice::FrToSeq(spans)) => {
                let [span] = spans.as_slice() else { return Err(ViewError::NotOne("FrToSeq")) };
                let number = |text: &Max35Text| {
                    let code = || ViewError::Code { field: "RptgSeq/FrToSeq", code: text.as_str().to_owned() };
                    text.as_str().parse::<u64>().map_err(|_| code())
                };
                Some((number(&span.fr_seq)?, number(&span.to_seq)?))
            }
            Some(_) => return Err(ViewError::Missing("RptgSeq/FrToSeq")),
        };
        let days = request.rptg_prd.as_deref().map(|period| {
            let dates = &period.fr_to_dt;
            (dates.fr_dt.as_str().to_owned(), dates.to_dt.as_ref().map(|date| date.as_str().to_owned()))
        });
        if days.is_some() && span.is_some() {
            return Err(ViewError::NotOne("RptgPrd"));
        }
        Ok(Self {
            message_id: body.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &body.grp_hdr.cre_dt_tm)?,
            form,
            owner: agent_bic(owner).ok_or(ViewError::Missing("AcctOwnr/Agt/FinInstnId/BICFI"))?,
            currency: currency.ok_or(ViewError::Missing("Acct/Ccy"))?.as_str().to_owned(),
            span,
            days,
        })
    }

    /// The `camt.060` that asks it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = GroupHeader77 {
            msg_id: Max35Text::new(&*self.message_id).named("MsgId")?,
            cre_dt_tm: time(self.created_at),
            msg_sndr: None,
        };
        let owner = Party40Choice::Agt(Box::new(agent("AcctOwnr", &self.owner)?));
        let id = super::parts::account_id(&format!("{}-{}", super::bic_11(&self.owner), self.currency), false)?;
        let account = CashAccount38 {
            ccy: Some(ActiveOrHistoricCurrencyCode::new(&*self.currency).named("Ccy")?),
            ..CashAccount38::new(id)
        };
        let number = |number: u64| Max35Text::new(number.to_string()).named("FrToSeq");
        let span = match self.span {
            None => None,
            Some((after, to)) => {
                let span = SequenceRange1 { fr_seq: number(after)?, to_seq: number(to)? };
                Some(Box::new(SequenceRange1Choice::FrToSeq(vec![span])))
            }
        };
        let name = Max35Text::new(self.form.message_name()).named("ReqdMsgNmId")?;
        let date = |text: &str| ISODate::new(text).named("RptgPrd/FrToDt");
        let period = match &self.days {
            None => None,
            Some((from, until)) => {
                let to_dt = until.as_deref().map(date).transpose()?;
                let dates = DatePeriodDetails1 { to_dt, ..DatePeriodDetails1::new(date(from)?) };
                Some(Box::new(ReportingPeriod2::new(dates, QueryType3Code::Alll)))
            }
        };
        let request = ReportingRequest5 {
            acct: Some(Box::new(account)),
            rptg_prd: period,
            rptg_seq: span,
            ..ReportingRequest5::new(name, owner)
        };
        let body = AccountReportingRequestV05 { rptg_req: vec![request], ..AccountReportingRequestV05::new(header) };
        Ok(Message::Camt06000105(Box::new(Camt06000105Document { acct_rptg_req: body })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> AccountStatementView {
        let line = |position, is_credit, amount_minor, kind, version| {
            let mut reference = [0x8a; 16];
            reference[6] = version;
            StatementLine { position, height: 3, is_credit, kind, amount_minor, reference }
        };
        let statement = Statement {
            bic: *b"HARBHKHHXXX",
            currency: *b"HKD",
            exponent: 2,
            after: 10,
            to: 30,
            height: 4,
            opening: -5_000,
            closing: 2_000,
            lines: vec![line(11, true, 10_000, 1, 0x12), line(25, false, 3_000, 0, 0x48)],
        };
        AccountStatementView {
            form: StatementForm::Report,
            message_id: "S1".into(),
            created_at: 1_700_000_000_000_000_000,
            page: 1,
            is_last: true,
            statement,
            booked_at: vec![1_699_999_999_000_000_000, 1_699_999_999_500_000_000],
            on_behalf: vec![None, Some("WAYFHKHHXXX".into())],
            day: None,
        }
    }

    #[test]
    fn statements_read_back_in_every_form() {
        for form in [StatementForm::Report, StatementForm::Statement, StatementForm::Notice] {
            for (page, is_last) in [(1, true), (1, false), (2, false), (2, true)] {
                let view = AccountStatementView { form, page, is_last, ..statement() };
                let message = view.message().unwrap();
                let text = crate::view::business_message(
                    &crate::view::HeaderView::new("LUOHHKHHXXX", "HARBHKHHXXX", "S1", 1_700_000_000_000_000_000),
                    &message,
                );
                let read = crate::read_business_message(text.unwrap().as_bytes(), crate::Limits::DEFAULT).unwrap();
                assert_eq!(AccountStatementView::of(&read.document), Ok(view));
            }
        }
    }

    #[test]
    fn a_statement_of_a_day_has_its_date_and_its_number() {
        let day = Some(StatementDayView { date: "2026-03-02".into(), sequence: 41 });
        let view = AccountStatementView { form: StatementForm::Statement, day, ..statement() };
        let message = view.message().unwrap();
        assert_eq!(AccountStatementView::of(&message), Ok(view.clone()));
        let Message::Camt05300108(document) = &message else { panic!("a statement") };
        assert_eq!(document.bk_to_cstmr_stmt.stmt[0].lgl_seq_nb.as_ref().map(ToString::to_string), Some("41".to_owned()));
        let day = Some(StatementDayView { date: "2 March".into(), sequence: 41 });
        assert!(AccountStatementView { day, ..view }.message().is_err());
    }

    #[test]
    fn a_changed_entry_is_noticed() {
        let Message::Camt05200108(mut document) = statement().message().unwrap() else { panic!("a report") };
        document.bk_to_cstmr_acct_rpt.rpt[0].ntry[0].cdt_dbt_ind = CreditDebitCode::Dbit;
        let read = AccountStatementView::of(&Message::Camt05200108(document));
        assert!(matches!(read, Err(ViewError::Code { field: "AddtlStmtInf", .. })), "{read:?}");
    }

    #[test]
    fn requests_read_back() {
        let days = |until: Option<&str>| Some(("2026-03-02".to_owned(), until.map(str::to_owned)));
        for (span, days) in [(None, None), (Some((7, 99)), None), (None, days(None)), (None, days(Some("2026-03-31")))] {
            let request = StatementRequestView {
                message_id: "R1".into(),
                created_at: 1_700_000_000_000_000_000,
                form: StatementForm::Statement,
                owner: "HARBHKHHXXX".into(),
                currency: "HKD".into(),
                span,
                days,
            };
            assert_eq!(StatementRequestView::of(&request.message().unwrap()), Ok(request));
        }
    }
}
