//! Payee checks: the question (`acmt.023`) whose account this is, and the answer (`acmt.024`).
//!
//! An alias travels as an account of its own scheme: `Acct/Othr/Id` is the alias, `SchmeNm/Prtry` its kind (`MBNO` mobile
//! number, `EMAL` e-mail address, as in `ExternalProxyAccountType1Code`). A close match is `Vrfctn` false with reason
//! `PN02`, no match is `PN01`; the name that may be shown comes back in `UpdtdPtyAndAcctId/Pty/Nm`.

use super::parts::{account_id, bic_11, nanos, optional, text, time};
use super::{Named, ViewError};
use crate::codes::{ProxyAccountType, VerificationReason};
use crate::generated::*;
use crate::value::EpochNanos;

/// What an account is looked up by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AccountReference {
    /// An IBAN.
    Iban(String),
    /// The bank's own account number.
    Number(String),
    /// A mobile number such as `+852-91234567`.
    Mobile(String),
    /// An e-mail address (at most 34 characters).
    Email(String),
}

impl AccountReference {
    /// The text a customer would type.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Iban(text) | Self::Number(text) | Self::Mobile(text) | Self::Email(text) => text,
        }
    }

    fn of(account: &AccountIdentification4Choice) -> Self {
        match account {
            AccountIdentification4Choice::IBAN(iban) => Self::Iban(iban.as_str().to_owned()),
            AccountIdentification4Choice::Othr(other) => {
                let id = other.id.as_str().to_owned();
                let kind = match other.schme_nm.as_deref() {
                    Some(AccountSchemeName1Choice::Prtry(kind)) => ProxyAccountType::parse(kind.as_str()),
                    Some(AccountSchemeName1Choice::Cd(_)) | None => None,
                };
                match kind {
                    Some(ProxyAccountType::Mbno) => Self::Mobile(id),
                    Some(ProxyAccountType::Emal) => Self::Email(id),
                    Some(_) | None => Self::Number(id),
                }
            }
        }
    }

    fn build(&self) -> Result<AccountIdentification4Choice, ViewError> {
        match self {
            Self::Iban(iban) => account_id(iban, true),
            Self::Number(number) => account_id(number, false),
            Self::Mobile(alias) => alias_account(alias, ProxyAccountType::Mbno),
            Self::Email(alias) => alias_account(alias, ProxyAccountType::Emal),
        }
    }
}

fn alias_account(alias: &str, kind: ProxyAccountType) -> Result<AccountIdentification4Choice, ViewError> {
    let scheme = AccountSchemeName1Choice::Prtry(Max35Text::new(kind.as_str()).named("SchmeNm/Prtry")?);
    let mut other = GenericAccountIdentification1::new(Max34Text::new(alias).named("Acct/Othr/Id")?);
    other.schme_nm = Some(Box::new(scheme));
    Ok(AccountIdentification4Choice::Othr(Box::new(other)))
}

/// The question: does this name belong to this account?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentificationRequestView {
    /// `Assgnmt/MsgId`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub created_at: EpochNanos,
    /// `Assgnmt/Assgnr`: BIC of who asks.
    pub assigner: String,
    /// `Assgnmt/Assgne`: BIC of who is asked.
    pub assignee: String,
    /// `Vrfctn/Id`.
    pub verification_id: String,
    /// `PtyAndAcctId/Pty/Nm`: the name to compare, if any.
    pub name: Option<String>,
    /// `PtyAndAcctId/Acct`.
    pub account: AccountReference,
    /// `PtyAndAcctId/Agt`: BIC of the account's bank, if known.
    pub agent: Option<String>,
}

impl IdentificationRequestView {
    /// Reads the one question of an `acmt.023`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Acmt02300102(document) = message else {
            return Err(ViewError::OtherMessage { expected: "acmt.023.001.02", found: message.message_type().id() });
        };
        let request = &document.id_vrfctn_req;
        let [verification] = request.vrfctn.as_slice() else { return Err(ViewError::NotOne("Vrfctn")) };
        let asked = &verification.pty_and_acct_id;
        Ok(Self {
            message_id: request.assgnmt.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.assgnmt.cre_dt_tm)?,
            assigner: end_bic(&request.assgnmt.assgnr).ok_or(ViewError::Missing("Assgnr/Agt/FinInstnId/BICFI"))?,
            assignee: end_bic(&request.assgnmt.assgne).ok_or(ViewError::Missing("Assgne/Agt/FinInstnId/BICFI"))?,
            verification_id: verification.id.as_str().to_owned(),
            name: asked.pty.as_deref().and_then(|party| text(&party.nm)),
            account: asked.acct.as_deref().map(AccountReference::of).ok_or(ViewError::Missing("PtyAndAcctId/Acct"))?,
            agent: asked.agt.as_deref().and_then(agent_bic),
        })
    }

    /// The `acmt.023` that asks it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let asked = IdentificationInformation2 {
            pty: party(&self.name)?,
            acct: Some(Box::new(self.account.build()?)),
            agt: self.agent.as_deref().map(|bic| agent("Agt", bic).map(Box::new)).transpose()?,
        };
        let verification = IdentificationVerification2 {
            id: Max35Text::new(&*self.verification_id).named("Vrfctn/Id")?,
            pty_and_acct_id: asked,
        };
        let request = IdentificationVerificationRequestV02 {
            assgnmt: assignment(&self.message_id, self.created_at, &self.assigner, &self.assignee)?,
            vrfctn: vec![verification],
            splmtry_data: vec![],
        };
        Ok(Message::Acmt02300102(Box::new(Acmt02300102Document { id_vrfctn_req: request })))
    }
}

/// Whether the name belongs to the account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NameVerdict {
    /// It does.
    Match,
    /// Nearly: the name as the bank knows it comes back (`PN02`).
    CloseMatch,
    /// It does not (`PN01`).
    NoMatch,
    /// It could not be told, for this reason of `ExternalVerificationReason1Code` (`NORR` no answer, `AC01` no such account).
    NotPossible(String),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentificationReportView {
    /// `Assgnmt/MsgId`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub created_at: EpochNanos,
    /// `Assgnmt/Assgnr`: BIC of who answers.
    pub assigner: String,
    /// `Assgnmt/Assgne`: BIC of who asked.
    pub assignee: String,
    /// `OrgnlAssgnmt/MsgId`.
    pub original_message_id: Option<String>,
    /// `Rpt/OrgnlId`: the question's verification id.
    pub verification_id: String,
    /// `Rpt/Vrfctn` and `Rpt/Rsn`.
    pub verdict: NameVerdict,
    /// `Rpt/UpdtdPtyAndAcctId/Pty/Nm`: the name to show, masked as the bank sees fit.
    pub masked_name: Option<String>,
    /// `Rpt/UpdtdPtyAndAcctId/Acct`: the account an alias stands for.
    pub account: Option<AccountReference>,
    /// `Rpt/UpdtdPtyAndAcctId/Agt`: BIC of the account's bank.
    pub agent: Option<String>,
}

impl IdentificationReportView {
    /// Reads the one answer of an `acmt.024`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Acmt02400102(document) = message else {
            return Err(ViewError::OtherMessage { expected: "acmt.024.001.02", found: message.message_type().id() });
        };
        let answer = &document.id_vrfctn_rpt;
        let [report] = answer.rpt.as_slice() else { return Err(ViewError::NotOne("Rpt")) };
        let updated = report.updtd_pty_and_acct_id.as_deref();
        Ok(Self {
            message_id: answer.assgnmt.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &answer.assgnmt.cre_dt_tm)?,
            assigner: end_bic(&answer.assgnmt.assgnr).ok_or(ViewError::Missing("Assgnr/Agt/FinInstnId/BICFI"))?,
            assignee: end_bic(&answer.assgnmt.assgne).ok_or(ViewError::Missing("Assgne/Agt/FinInstnId/BICFI"))?,
            original_message_id: answer.orgnl_assgnmt.as_deref().and_then(|original| text(&original.msg_id)),
            verification_id: report.orgnl_id.as_str().to_owned(),
            verdict: verdict_of(report),
            masked_name: updated.and_then(|it| it.pty.as_deref()).and_then(|party| text(&party.nm)),
            account: updated.and_then(|it| it.acct.as_deref()).map(AccountReference::of),
            agent: updated.and_then(|it| it.agt.as_deref()).and_then(agent_bic),
        })
    }

    /// The `acmt.024` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let (matches, reason) = match &self.verdict {
            NameVerdict::Match => ("true", None),
            NameVerdict::CloseMatch => ("false", Some(VerificationReason::Pn02.into())),
            NameVerdict::NoMatch => ("false", Some(VerificationReason::Pn01.into())),
            NameVerdict::NotPossible(reason) => {
                ("false", Some(ExternalVerificationReason1Code::new(reason.as_str()).named("Rsn/Cd")?))
            }
        };
        let mut report = VerificationReport2::new(
            Max35Text::new(&*self.verification_id).named("OrgnlId")?,
            IdentificationVerificationIndicator::new(matches).named("Vrfctn")?,
        );
        report.rsn = reason.map(|code| Box::new(VerificationReason1Choice::Cd(code)));
        report.updtd_pty_and_acct_id = self.updated()?.map(Box::new);
        let original = optional(&self.original_message_id, Max35Text::new, "OrgnlAssgnmt/MsgId")?;
        let answer = IdentificationVerificationReportV02 {
            assgnmt: assignment(&self.message_id, self.created_at, &self.assigner, &self.assignee)?,
            orgnl_assgnmt: original.map(|id| Box::new(MessageIdentification5 { msg_id: Some(id), ..Default::default() })),
            rpt: vec![report],
            splmtry_data: vec![],
        };
        Ok(Message::Acmt02400102(Box::new(Acmt02400102Document { id_vrfctn_rpt: answer })))
    }

    fn updated(&self) -> Result<Option<IdentificationInformation2>, ViewError> {
        if self.masked_name.is_none() && self.account.is_none() && self.agent.is_none() {
            return Ok(None);
        }
        Ok(Some(IdentificationInformation2 {
            pty: party(&self.masked_name)?,
            acct: self.account.as_ref().map(|account| account.build().map(Box::new)).transpose()?,
            agt: self.agent.as_deref().map(|bic| agent("Agt", bic).map(Box::new)).transpose()?,
        }))
    }
}

fn verdict_of(report: &VerificationReport2) -> NameVerdict {
    if matches!(report.vrfctn.as_str(), "true" | "1") {
        return NameVerdict::Match;
    }
    let reason = match report.rsn.as_deref() {
        Some(VerificationReason1Choice::Cd(code)) => code.as_str(),
        Some(VerificationReason1Choice::Prtry(own)) => own.as_str(),
        None => return NameVerdict::NoMatch,
    };
    match VerificationReason::parse(reason) {
        Some(VerificationReason::Pn02) => NameVerdict::CloseMatch,
        Some(VerificationReason::Pn01) => NameVerdict::NoMatch,
        Some(_) | None => NameVerdict::NotPossible(reason.to_owned()),
    }
}

fn party(name: &Option<String>) -> Result<Option<Box<PartyIdentification43>>, ViewError> {
    let name = optional(name, Max140Text::new, "Pty/Nm")?;
    Ok(name.map(|nm| Box::new(PartyIdentification43 { nm: Some(nm), ..Default::default() })))
}

fn agent(field: &'static str, bic: &str) -> Result<BranchAndFinancialInstitutionIdentification5, ViewError> {
    let bicfi = Some(BICFIIdentifier::new(bic).named(field)?);
    let id = FinancialInstitutionIdentification8 { bicfi, ..Default::default() };
    Ok(BranchAndFinancialInstitutionIdentification5::new(id))
}

fn agent_bic(agent: &BranchAndFinancialInstitutionIdentification5) -> Option<String> {
    agent.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str()))
}

fn end_bic(end: &Party12Choice) -> Option<String> {
    match end {
        Party12Choice::Agt(agent) => agent_bic(agent),
        Party12Choice::Pty(_) => None,
    }
}

fn assignment(message_id: &str, created_at: EpochNanos, from: &str, to: &str) -> Result<IdentificationAssignment2, ViewError> {
    Ok(IdentificationAssignment2::new(
        Max35Text::new(message_id).named("MsgId")?,
        time(created_at),
        Party12Choice::Agt(Box::new(agent("Assgnr", from)?)),
        Party12Choice::Agt(Box::new(agent("Assgne", to)?)),
    ))
}
