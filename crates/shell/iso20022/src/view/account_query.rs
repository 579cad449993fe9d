//! How settlement accounts stand: `camt.003` asks, `camt.004` answers.
//!
//! A settlement account is named by its owner's BIC and currency: `HARBHKHHXXX-HKD`. A criterion that is not read is refused by
//! its name: an answer to another question would look like one.

use super::parts::{account_id, nanos, time};
use super::{Named, ViewError, bic_11};
use crate::codes::{SystemBalanceType, SystemErrorHandling};
use crate::generated::*;
use crate::value::EpochNanos;

/// A question about the asker's own settlement accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountQueryView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `AcctId/EQ/Othr/Id` of each criterion.
    pub accounts: Vec<String>,
    /// `Ccy` of each criterion. With neither, all accounts are meant.
    pub currencies: Vec<String>,
}

pub(super) fn refused(field: &'static str, found: bool) -> Result<(), ViewError> {
    if found { Err(ViewError::Code { field, code: "given".to_owned() }) } else { Ok(()) }
}

pub(super) fn plain(kind: Option<QueryType2Code>) -> Result<(), ViewError> {
    match kind {
        None | Some(QueryType2Code::Alll) => Ok(()),
        Some(other) => Err(ViewError::Code { field: "QryTp", code: other.code().to_owned() }),
    }
}

impl AccountQueryView {
    /// Reads a `camt.003`.
    ///
    /// # Errors
    /// If it is another message, or asks by something else than account and currency.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt00300107(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.003.001.07", found: message.message_type().id() });
        };
        let body = &document.get_acct;
        let mut view = Self { message_id: body.msg_hdr.msg_id.as_str().to_owned(), accounts: Vec::new(), currencies: Vec::new() };
        let Some(query) = body.acct_qry_def.as_deref() else { return Ok(view) };
        plain(query.qry_tp)?;
        let criteria = match query.acct_crit.as_deref() {
            None => return Ok(view),
            Some(AccountCriteria3Choice::QryNm(name)) => {
                return Err(ViewError::Code { field: "AcctCrit/QryNm", code: name.as_str().to_owned() });
            }
            Some(AccountCriteria3Choice::NewCrit(criteria)) => criteria,
        };
        refused("NewCrit/NewQryNm", criteria.new_qry_nm.is_some())?;
        refused("NewCrit/RtrCrit", criteria.rtr_crit.is_some())?;
        for criterion in &criteria.sch_crit {
            refused("SchCrit/Tp", !criterion.tp.is_empty())?;
            refused("SchCrit/Bal", !criterion.bal.is_empty())?;
            refused("SchCrit/AcctOwnr", criterion.acct_ownr.is_some())?;
            refused("SchCrit/AcctSvcr", criterion.acct_svcr.is_some())?;
            for id in &criterion.acct_id {
                view.accounts.push(account_number(id)?);
            }
            view.currencies.extend(criterion.ccy.iter().map(|code| code.as_str().to_owned()));
        }
        Ok(view)
    }

    /// The `camt.003` that asks it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self, created_at: EpochNanos) -> Result<Message, ViewError> {
        let id = |number: &String| Ok(AccountIdentificationSearchCriteria2Choice::EQ(Box::new(account_id(number, false)?)));
        let code = |code: &String| ActiveOrHistoricCurrencyCode::new(&**code).named("Ccy");
        let criterion = CashAccountSearchCriteria7 {
            acct_id: self.accounts.iter().map(id).collect::<Result<_, ViewError>>()?,
            ccy: self.currencies.iter().map(code).collect::<Result<_, ViewError>>()?,
            ..Default::default()
        };
        let asks = !self.accounts.is_empty() || !self.currencies.is_empty();
        let criteria = AccountCriteria7 { sch_crit: vec![criterion], ..Default::default() };
        let query = AccountQuery3 {
            acct_crit: Some(Box::new(AccountCriteria3Choice::NewCrit(Box::new(criteria)))),
            ..Default::default()
        };
        let body = GetAccountV07 {
            acct_qry_def: asks.then(|| Box::new(query)),
            ..GetAccountV07::new(query_header(&self.message_id, created_at)?)
        };
        Ok(Message::Camt00300107(Box::new(Camt00300107Document { get_acct: body })))
    }
}

fn account_number(id: &AccountIdentificationSearchCriteria2Choice) -> Result<String, ViewError> {
    let field = "SchCrit/AcctId/EQ/Othr/Id";
    match id {
        AccountIdentificationSearchCriteria2Choice::EQ(id) => match &**id {
            AccountIdentification4Choice::Othr(other) => Ok(other.id.as_str().to_owned()),
            AccountIdentification4Choice::IBAN(_) => Err(ViewError::Missing(field)),
        },
        AccountIdentificationSearchCriteria2Choice::CTTxt(_) | AccountIdentificationSearchCriteria2Choice::NCTTxt(_) => {
            Err(ViewError::Missing(field))
        }
    }
}

pub(super) fn query_header(message_id: &str, created_at: EpochNanos) -> Result<MessageHeader9, ViewError> {
    let id = Max35Text::new(message_id).named("MsgId")?;
    Ok(MessageHeader9 { cre_dt_tm: Some(time(created_at)), ..MessageHeader9::new(id) })
}

pub(super) fn original_query(message_id: &str) -> Result<Box<OriginalBusinessQuery1>, ViewError> {
    Ok(Box::new(OriginalBusinessQuery1::new(Max35Text::new(message_id).named("OrgnlBizQry/MsgId")?)))
}

/// `X050`: the data requested have not been found.
pub(super) fn not_found(words: &str) -> Result<Vec<ErrorHandling5>, ViewError> {
    let code = SystemErrorHandling::X050.into();
    let desc = Some(Max140Text::new(words).named("Err/Desc")?);
    Ok(vec![ErrorHandling5 { desc, ..ErrorHandling5::new(ErrorHandling3Choice::Cd(code)) }])
}

/// How a settlement account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStandingView {
    /// Owner's BIC.
    pub owner: String,
    /// Currency code.
    pub currency: String,
    /// `BOOK`, a decimal with a sign when it is owed.
    pub booked: String,
    /// `DPBL`: debits of open holds, a decimal.
    pub held: String,
    /// `AVLB`, the net debit cap with it, a decimal with a sign.
    pub available: String,
    /// `CurMulLmt`: how far it may fall below zero, a decimal.
    pub cap: String,
}

/// The answer to [`AccountQueryView`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountReportView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `MsgHdr/OrgnlBizQry/MsgId`.
    pub query: String,
    /// In order of opening; none is told as an error.
    pub accounts: Vec<AccountStandingView>,
}

impl AccountReportView {
    /// The `camt.004` that says it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = MessageHeader7 {
            cre_dt_tm: Some(time(self.created_at)),
            orgnl_biz_qry: Some(original_query(&self.query)?),
            ..MessageHeader7::new(Max35Text::new(&*self.message_id).named("MsgId")?)
        };
        let told = match self.accounts.is_empty() {
            true => AccountOrOperationalError4Choice::OprlErr(not_found("no settlement account of the asker's is meant")?),
            false => AccountOrOperationalError4Choice::AcctRpt(
                self.accounts.iter().map(AccountStandingView::report).collect::<Result<_, _>>()?,
            ),
        };
        let body = ReturnAccountV08::new(header, told);
        Ok(Message::Camt00400108(Box::new(Camt00400108Document { rtr_acct: body })))
    }

    /// Reads a `camt.004`.
    ///
    /// # Errors
    /// If it is another message, or an account in it is not as [`Self::message`] writes it.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt00400108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.004.001.08", found: message.message_type().id() });
        };
        let (header, told) = (&document.rtr_acct.msg_hdr, &document.rtr_acct.rpt_or_err);
        let accounts = match told {
            AccountOrOperationalError4Choice::OprlErr(_) => Vec::new(),
            AccountOrOperationalError4Choice::AcctRpt(reports) => {
                reports.iter().map(AccountStandingView::of).collect::<Result<_, _>>()?
            }
        };
        let created = header.cre_dt_tm.as_ref().ok_or(ViewError::Missing("MsgHdr/CreDtTm"))?;
        Ok(Self {
            message_id: header.msg_id.as_str().to_owned(),
            created_at: nanos("MsgHdr/CreDtTm", created)?,
            query: header.orgnl_biz_qry.as_ref().map(|query| query.msg_id.as_str().to_owned()).unwrap_or_default(),
            accounts,
        })
    }
}

impl AccountStandingView {
    fn report(&self) -> Result<AccountReport24, ViewError> {
        let code = |code: &str| ActiveOrHistoricCurrencyCode::new(code).named("Ccy");
        let limit = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(&*self.currency).named("CurMulLmt/Amt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.cap).named("CurMulLmt/Amt")?,
        };
        let account = CashAccount37 {
            ccy: Some(code(&self.currency)?),
            cur_mul_lmt: Some(Box::new(Limit5 { amt: Amount2Choice::AmtWthCcy(limit), cdt_dbt_ind: CreditDebitCode::Dbit })),
            mul_bal: vec![
                balance(SystemBalanceType::Book, &self.booked)?,
                balance(SystemBalanceType::Dpbl, &format!("-{}", self.held))?,
                balance(SystemBalanceType::Avlb, &self.available)?,
            ],
            ..Default::default()
        };
        let id = account_id(&format!("{}-{}", bic_11(&self.owner), self.currency), false)?;
        Ok(AccountReport24 { acct_id: id, acct_or_err: AccountOrBusinessError4Choice::Acct(Box::new(account)) })
    }

    fn of(report: &AccountReport24) -> Result<Self, ViewError> {
        let AccountIdentification4Choice::Othr(id) = &report.acct_id else { return Err(ViewError::Missing("AcctId/Othr/Id")) };
        let (owner, currency) = id.id.as_str().rsplit_once('-').ok_or(ViewError::Missing("AcctId/Othr/Id"))?;
        let AccountOrBusinessError4Choice::Acct(account) = &report.acct_or_err else {
            return Err(ViewError::Missing("AcctOrErr/Acct"));
        };
        let found = |wanted: SystemBalanceType| {
            let is = |kind: &BalanceType11Choice| matches!(kind, BalanceType11Choice::Cd(code) if code.known() == Ok(wanted));
            let balance = account.mul_bal.iter().find(|balance| balance.tp.as_deref().is_some_and(is));
            balance.map(signed).ok_or(ViewError::Missing(wanted.as_str()))
        };
        let cap = match account.cur_mul_lmt.as_deref().map(|limit| &limit.amt) {
            Some(Amount2Choice::AmtWthCcy(amount)) => amount.value.to_string(),
            Some(Amount2Choice::AmtWthtCcy(_)) | None => return Err(ViewError::Missing("CurMulLmt/Amt/AmtWthCcy")),
        };
        Ok(Self {
            owner: owner.to_owned(),
            currency: currency.to_owned(),
            booked: found(SystemBalanceType::Book)?,
            held: found(SystemBalanceType::Dpbl)?.trim_start_matches('-').to_owned(),
            available: found(SystemBalanceType::Avlb)?,
            cap,
        })
    }
}

fn balance(kind: SystemBalanceType, decimal: &str) -> Result<CashBalance13, ViewError> {
    let (side, amount) = match decimal.strip_prefix('-') {
        Some(owed) => (CreditDebitCode::Dbit, owed),
        None => (CreditDebitCode::Crdt, decimal),
    };
    let amount = ImpliedCurrencyAndAmount::new(amount).named("MulBal/Amt")?;
    let kind = Some(Box::new(BalanceType11Choice::Cd(kind.into())));
    Ok(CashBalance13 { tp: kind, ..CashBalance13::new(amount, side) })
}

fn signed(balance: &CashBalance13) -> String {
    match balance.cdt_dbt_ind {
        CreditDebitCode::Crdt => balance.amt.to_string(),
        CreditDebitCode::Dbit => format!("-{}", balance.amt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_read_back_as_they_were_written() {
        let (account, currency) = (vec!["HARBHKHHXXX-HKD".to_owned()], vec!["CNY".to_owned()]);
        for (accounts, currencies) in [(Vec::new(), Vec::new()), (account, Vec::new()), (Vec::new(), currency)] {
            let asked = AccountQueryView { message_id: "Q-1".into(), accounts, currencies };
            assert_eq!(AccountQueryView::of(&asked.message(1_000_000_000).unwrap()), Ok(asked));
        }
        let account = AccountStandingView {
            owner: "HARBHKHHXXX".into(),
            currency: "HKD".into(),
            booked: "-12.50".into(),
            held: "0.00".into(),
            available: "987.50".into(),
            cap: "1000.00".into(),
        };
        for accounts in [vec![account], Vec::new()] {
            let (message_id, query) = ("A-1".to_owned(), "Q-1".to_owned());
            let answer = AccountReportView { message_id, created_at: 2_000_000_000, query, accounts };
            assert_eq!(AccountReportView::of(&answer.message().unwrap()), Ok(answer));
        }
    }
}
