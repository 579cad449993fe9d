//! The credit transfer (`pacs.008`): one payment from debtor to creditor.

use super::header::HeaderView;
use super::parts::{
    AccountView, PartyView, agent, agent_bic, amount, charge, charge_of, nanos, optional, text, time, uuid_bytes, uuid_text,
};
use super::{Named, ViewError};
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::value::{EpochNanos, local_date_and_time, local_moment};
use money::{Amount, Rate};

/// How a quote travels: `CdtTrfTxInf/InstrForNxtAgt/InstrInf` is this and the quote's id.
pub(crate) const QUOTE_PREFIX: &str = "/QUOT/";

/// How a bank says that the payee is new to the debtor: `CdtTrfTxInf/InstrForNxtAgt/InstrInf` is this.
pub(crate) const NEW_PAYEE: &str = "/NEWPAYEE/";
/// How the request to pay travels that a payment settles, in the same element.
const REQUEST_PREFIX: &str = "/RTP/";
/// How the collection travels that a payment settles, in the same element.
const COLLECTION_PREFIX: &str = "/DDCO/";
/// How the pre-authorisation travels whose money it reserves, in the same element.
const PREAUTH_PREFIX: &str = "/PREA/";

/// How urgent a payment is (`PmtTpInf/InstrPrty`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentPriority {
    /// `HIGH`.
    High,
    /// `NORM`, or nothing said.
    Normal,
}

/// One payment as its message tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransferView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `PmtId/InstrId`.
    pub instruction_id: Option<String>,
    /// `PmtId/EndToEndId`.
    pub end_to_end_id: String,
    /// `PmtId/TxId`.
    pub transaction_id: Option<String>,
    /// `PmtId/UETR`.
    pub uetr: [u8; 16],
    /// `PmtId/ClrSysRef`.
    pub clearing_system_reference: Option<String>,
    /// `PmtTpInf/InstrPrty`.
    pub priority: PaymentPriority,
    /// `PmtTpInf/CtgyPurp/Cd`.
    pub category_purpose: Option<String>,
    /// `IntrBkSttlmAmt`.
    pub interbank_settlement_amount: Amount,
    /// `IntrBkSttlmDt`, as `2026-11-24`.
    pub interbank_settlement_date: Option<String>,
    /// `AccptncDtTm`.
    pub accepted_at: Option<EpochNanos>,
    /// `SttlmTmReq/FrTm` on the day of `IntrBkSttlmDt`, by the clock of Hong Kong and Shenzhen: not to be executed before.
    pub execute_from: Option<EpochNanos>,
    /// `InstdAmt`.
    pub instructed_amount: Option<Amount>,
    /// `XchgRate`, as text.
    pub exchange_rate: Option<String>,
    /// The exchange quote it uses.
    pub quote: Option<[u8; 16]>,
    /// Whether the debtor agent says that the debtor never paid this payee before.
    pub new_payee: bool,
    /// The request to pay it settles: `InstrForNxtAgt/InstrInf` = `/RTP/` and the request's UETR.
    pub request: Option<[u8; 16]>,
    /// The collection it settles: `/DDCO/` and the collection's UETR, in the same element.
    pub collection: Option<[u8; 16]>,
    /// The pre-authorisation whose money it reserves: `/PREA/` and its UETR, in the same element.
    pub preauth: Option<[u8; 16]>,
    /// `ChrgBr`: `SLEV`, `SHAR` ….
    pub charge_bearer: String,
    /// `ChrgsInf`: how much, and the BIC of whose charge it is.
    pub charges: Vec<(Amount, String)>,
    /// `InstgAgt`, or the debtor agent where it is not given.
    pub instructing_agent: String,
    /// `InstdAgt`, or the creditor agent where it is not given.
    pub instructed_agent: String,
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
    /// `SttlmInf/ClrSys`: the clearing system's proprietary code.
    pub clearing_system: Option<String>,
}

impl CreditTransferView {
    /// Reads the one payment of a `pacs.008`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let transfer = transfer_of(message)?;
        let [tx] = transfer.cdt_trf_tx_inf.as_slice() else { return Err(ViewError::NotOne("CdtTrfTxInf")) };
        let bic = |agent, field| agent_bic(agent).ok_or(ViewError::Missing(field));
        let debtor_agent = bic(&tx.dbtr_agt, "DbtrAgt/FinInstnId/BICFI")?;
        let creditor_agent = bic(&tx.cdtr_agt, "CdtrAgt/FinInstnId/BICFI")?;
        let hop = |of_payment: &Option<Box<_>>, of_group: &Option<Box<_>>, fallback: &str| {
            let agent = of_payment.as_deref().or(of_group.as_deref());
            agent.and_then(agent_bic).unwrap_or_else(|| fallback.to_owned())
        };
        let type_information = tx.pmt_tp_inf.as_deref().or(transfer.grp_hdr.pmt_tp_inf.as_deref());
        let settled = &tx.intr_bk_sttlm_amt;
        Ok(Self {
            message_id: transfer.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &transfer.grp_hdr.cre_dt_tm)?,
            instruction_id: text(&tx.pmt_id.instr_id),
            end_to_end_id: tx.pmt_id.end_to_end_id.as_str().to_owned(),
            transaction_id: text(&tx.pmt_id.tx_id),
            uetr: tx.pmt_id.uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("UETR"))?,
            clearing_system_reference: text(&tx.pmt_id.clr_sys_ref),
            priority: priority_of(type_information),
            category_purpose: type_information.and_then(category_purpose_of),
            interbank_settlement_amount: amount("IntrBkSttlmAmt", settled.ccy.as_str(), &settled.value.to_string())?,
            interbank_settlement_date: text(&tx.intr_bk_sttlm_dt.as_ref().or(transfer.grp_hdr.intr_bk_sttlm_dt.as_ref())),
            accepted_at: tx.accptnc_dt_tm.as_ref().map(|time| nanos("AccptncDtTm", time)).transpose()?,
            execute_from: execute_from(tx, transfer),
            instructed_amount: tx.instd_amt.as_ref().map(instructed_of).transpose()?,
            exchange_rate: tx.xchg_rate.map(|rate| rate.to_string()),
            quote: quote_of(tx),
            new_payee: is_new_payee(tx),
            request: instructed_id(tx, REQUEST_PREFIX),
            collection: instructed_id(tx, COLLECTION_PREFIX),
            preauth: instructed_id(tx, PREAUTH_PREFIX),
            charge_bearer: tx.chrg_br.code().to_owned(),
            charges: tx.chrgs_inf.iter().map(charge_of).collect::<Result<_, _>>()?,
            instructing_agent: hop(&tx.instg_agt, &transfer.grp_hdr.instg_agt, &debtor_agent),
            instructed_agent: hop(&tx.instd_agt, &transfer.grp_hdr.instd_agt, &creditor_agent),
            debtor: PartyView::of(&tx.dbtr),
            debtor_account: tx.dbtr_acct.as_deref().map(AccountView::of),
            debtor_agent,
            creditor_agent,
            creditor: PartyView::of(&tx.cdtr),
            creditor_account: tx.cdtr_acct.as_deref().map(AccountView::of),
            purpose: tx.purp.as_deref().and_then(purpose_of),
            remittance: tx.rmt_inf.as_deref().and_then(remittance_of),
            clearing_system: transfer.grp_hdr.sttlm_inf.clr_sys.as_deref().map(clearing_system_of),
        })
    }

    /// The UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pacs.008` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let grp_hdr = GroupHeader93::new(
            Max35Text::new(&*self.message_id).named("MsgId")?,
            time(self.created_at),
            Max15NumericText::new("1").named("NbOfTxs")?,
            self.settlement()?,
        );
        let transfer =
            FIToFICustomerCreditTransferV08 { grp_hdr, cdt_trf_tx_inf: vec![self.transaction()?], splmtry_data: vec![] };
        Ok(Message::Pacs00800108(Box::new(Pacs00800108Document { fi_to_fi_cstmr_cdt_trf: transfer })))
    }

    fn settlement(&self) -> Result<SettlementInstruction7, ViewError> {
        let system = self.clearing_system.as_ref().map(|system| Max35Text::new(&**system).named("ClrSys/Prtry")).transpose()?;
        let mut settlement = SettlementInstruction7::new(SettlementMethod1Code::Clrg);
        settlement.clr_sys = system.map(|system| Box::new(ClearingSystemIdentification3Choice::Prtry(system)));
        Ok(settlement)
    }

    fn identification(&self) -> Result<PaymentIdentification7, ViewError> {
        Ok(PaymentIdentification7 {
            instr_id: optional(&self.instruction_id, Max35Text::new, "InstrId")?,
            end_to_end_id: Max35Text::new(&*self.end_to_end_id).named("EndToEndId")?,
            tx_id: optional(&self.transaction_id, Max35Text::new, "TxId")?,
            uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("UETR")?),
            clr_sys_ref: optional(&self.clearing_system_reference, Max35Text::new, "ClrSysRef")?,
        })
    }

    fn type_information(&self) -> Result<PaymentTypeInformation28, ViewError> {
        let category = optional(&self.category_purpose, ExternalCategoryPurpose1Code::new, "CtgyPurp")?;
        Ok(PaymentTypeInformation28 {
            instr_prty: Some(match self.priority {
                PaymentPriority::High => Priority2Code::High,
                PaymentPriority::Normal => Priority2Code::Norm,
            }),
            ctgy_purp: category.map(|code| Box::new(CategoryPurpose1Choice::Cd(code))),
            ..Default::default()
        })
    }

    fn transaction(&self) -> Result<CreditTransferTransaction39, ViewError> {
        let mut tx = CreditTransferTransaction39::new(
            self.identification()?,
            settlement_amount(self.interbank_settlement_amount)?,
            ChargeBearerType1Code::new(&self.charge_bearer).named("ChrgBr")?,
            self.debtor.build()?,
            agent("DbtrAgt", &self.debtor_agent)?,
            agent("CdtrAgt", &self.creditor_agent)?,
            self.creditor.build()?,
        );
        tx.pmt_tp_inf = Some(Box::new(self.type_information()?));
        tx.intr_bk_sttlm_dt =
            self.interbank_settlement_date.as_deref().map(|date| ISODate::new(date).named("IntrBkSttlmDt")).transpose()?;
        tx.accptnc_dt_tm = self.accepted_at.map(time);
        if let Some(at) = self.execute_from {
            let (date, time) = local_date_and_time(at);
            tx.intr_bk_sttlm_dt = Some(ISODate::new(&date).named("IntrBkSttlmDt")?);
            let from = ISOTime::new(&time).named("SttlmTmReq/FrTm")?;
            tx.sttlm_tm_req = Some(Box::new(SettlementTimeRequest2 { fr_tm: Some(from), ..Default::default() }));
        }
        tx.instd_amt = self.instructed_amount.map(instructed_amount).transpose()?;
        tx.xchg_rate = self.exchange_rate.as_deref().map(|rate| BaseOneRate::new(rate).named("XchgRate")).transpose()?;
        tx.chrgs_inf = self.charges.iter().map(|(amount, whose)| charge(*amount, whose)).collect::<Result<_, _>>()?;
        tx.instg_agt = Some(Box::new(agent("InstgAgt", &self.instructing_agent)?));
        tx.instd_agt = Some(Box::new(agent("InstdAgt", &self.instructed_agent)?));
        tx.dbtr_acct = self.debtor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        tx.cdtr_acct = self.creditor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        let quote = self.quote.iter().map(|id| (QUOTE_PREFIX, id));
        let request = self.request.iter().map(|id| (REQUEST_PREFIX, id));
        let collection = self.collection.iter().map(|id| (COLLECTION_PREFIX, id));
        let preauth = self.preauth.iter().map(|id| (PREAUTH_PREFIX, id));
        let named = quote.chain(request).chain(collection).chain(preauth);
        tx.instr_for_nxt_agt = named.map(id_instruction).collect::<Result<_, _>>()?;
        if self.new_payee {
            let words = Max140Text::new(NEW_PAYEE).named("InstrForNxtAgt")?;
            tx.instr_for_nxt_agt.push(InstructionForNextAgent1 { cd: None, instr_inf: Some(words) });
        }
        tx.purp = optional(&self.purpose, ExternalPurpose1Code::new, "Purp")?.map(|code| Box::new(Purpose2Choice::Cd(code)));
        tx.rmt_inf = self.remittance.as_deref().map(remittance).transpose()?.map(Box::new);
        Ok(tx)
    }
}

/// The message the centre sends on to the creditor agent: the debtor agent's data as it came, but the settlement amount is
/// what the creditor agent receives, and the header, message id and time are the centre's. With an exchange, the rate is
/// told, and the instructed amount is what the debtor agent pays. Charges that the creditor bears have been taken off, and are
/// told with whose they are.
pub fn forwarded(
    original: &BusinessMessage,
    header: &HeaderView,
    credit: Amount,
    rate: Option<Rate>,
    charges: Option<(Amount, &str)>,
) -> Result<BusinessMessage, ViewError> {
    let mut transfer = transfer_of(&original.document)?.clone();
    transfer.grp_hdr.msg_id = Max35Text::new(&*header.message_id).named("MsgId")?;
    transfer.grp_hdr.cre_dt_tm = time(header.created_at);
    let [tx] = transfer.cdt_trf_tx_inf.as_mut_slice() else { return Err(ViewError::NotOne("CdtTrfTxInf")) };
    let sent = &tx.intr_bk_sttlm_amt;
    let debit = amount("IntrBkSttlmAmt", sent.ccy.as_str(), &sent.value.to_string())?;
    if debit.currency != credit.currency || rate.is_some() || charges.is_some() {
        tx.instd_amt = Some(instructed_amount(debit)?);
        tx.xchg_rate = rate.map(|rate| BaseOneRate::new(&rate.to_string()).named("XchgRate")).transpose()?;
    }
    tx.intr_bk_sttlm_amt = settlement_amount(credit)?;
    if let Some((amount, whose)) = charges {
        tx.chrgs_inf.push(charge(amount, whose)?);
    }
    // A total would have to be converted too; with one payment it says nothing new.
    transfer.grp_hdr.ttl_intr_bk_sttlm_amt = None;
    transfer.grp_hdr.ctrl_sum = None;
    let document = Message::Pacs00800108(Box::new(Pacs00800108Document { fi_to_fi_cstmr_cdt_trf: transfer }));
    Ok(BusinessMessage { header: Some(Box::new(header.build(MessageType::Pacs00800108)?)), document })
}

/// The moment of the day of settlement, by the corridor's clock, from which on a payment may be executed.
fn execute_from(tx: &CreditTransferTransaction39, transfer: &FIToFICustomerCreditTransferV08) -> Option<EpochNanos> {
    let from = tx.sttlm_tm_req.as_deref()?.fr_tm.as_ref()?;
    let date = tx.intr_bk_sttlm_dt.as_ref().or(transfer.grp_hdr.intr_bk_sttlm_dt.as_ref())?;
    local_moment(date.as_str(), from.as_str())
}

fn transfer_of(message: &Message) -> Result<&FIToFICustomerCreditTransferV08, ViewError> {
    match message {
        Message::Pacs00800108(document) => Ok(&document.fi_to_fi_cstmr_cdt_trf),
        other => Err(ViewError::OtherMessage { expected: "pacs.008.001.08", found: other.message_type().id() }),
    }
}

fn instructed_of(instructed: &ActiveOrHistoricCurrencyAndAmount) -> Result<Amount, ViewError> {
    amount("InstdAmt", instructed.ccy.as_str(), &instructed.value.to_string())
}

fn settlement_amount(amount: Amount) -> Result<ActiveCurrencyAndAmount, ViewError> {
    Ok(ActiveCurrencyAndAmount {
        ccy: ActiveCurrencyCode::new(amount.currency.code.as_str()).named("IntrBkSttlmAmt/@Ccy")?,
        value: ActiveCurrencyAndAmountSimpleType::new(&amount.to_string()).named("IntrBkSttlmAmt")?,
    })
}

fn instructed_amount(amount: Amount) -> Result<ActiveOrHistoricCurrencyAndAmount, ViewError> {
    Ok(ActiveOrHistoricCurrencyAndAmount {
        ccy: ActiveOrHistoricCurrencyCode::new(amount.currency.code.as_str()).named("InstdAmt/@Ccy")?,
        value: ActiveOrHistoricCurrencyAndAmountSimpleType::new(&amount.to_string()).named("InstdAmt")?,
    })
}

fn priority_of(information: Option<&PaymentTypeInformation28>) -> PaymentPriority {
    match information.and_then(|information| information.instr_prty) {
        Some(Priority2Code::High) => PaymentPriority::High,
        Some(Priority2Code::Norm) | None => PaymentPriority::Normal,
    }
}

fn category_purpose_of(information: &PaymentTypeInformation28) -> Option<String> {
    match information.ctgy_purp.as_deref()? {
        CategoryPurpose1Choice::Cd(code) => Some(code.as_str().to_owned()),
        CategoryPurpose1Choice::Prtry(_) => None,
    }
}

pub(super) fn purpose_of(purpose: &Purpose2Choice) -> Option<String> {
    match purpose {
        Purpose2Choice::Cd(code) => Some(code.as_str().to_owned()),
        Purpose2Choice::Prtry(_) => None,
    }
}

pub(super) fn remittance_of(information: &RemittanceInformation16) -> Option<String> {
    let lines: Vec<&str> = information.ustrd.iter().map(Max140Text::as_str).collect();
    (!lines.is_empty()).then(|| lines.join(" "))
}

fn clearing_system_of(system: &ClearingSystemIdentification3Choice) -> String {
    match system {
        ClearingSystemIdentification3Choice::Cd(code) => code.as_str().to_owned(),
        ClearingSystemIdentification3Choice::Prtry(own) => own.as_str().to_owned(),
    }
}

/// The quote named in an instruction for the next agent.
pub(crate) fn quote_of(tx: &CreditTransferTransaction39) -> Option<[u8; 16]> {
    instructed_id(tx, QUOTE_PREFIX)
}

fn is_new_payee(tx: &CreditTransferTransaction39) -> bool {
    tx.instr_for_nxt_agt.iter().any(|it| it.instr_inf.as_ref().is_some_and(|words| words.as_str() == NEW_PAYEE))
}

/// An identifier behind a prefix in an instruction for the next agent.
fn instructed_id(tx: &CreditTransferTransaction39, prefix: &str) -> Option<[u8; 16]> {
    tx.instr_for_nxt_agt.iter().filter_map(|it| it.instr_inf.as_ref()?.as_str().strip_prefix(prefix)).find_map(uuid_bytes)
}

fn id_instruction((prefix, id): (&str, &[u8; 16])) -> Result<InstructionForNextAgent1, ViewError> {
    let text = format!("{prefix}{}", uuid_text(id));
    Ok(InstructionForNextAgent1 { cd: None, instr_inf: Some(Max140Text::new(text).named("InstrForNxtAgt")?) })
}

pub(super) fn remittance(text: &str) -> Result<RemittanceInformation16, ViewError> {
    Ok(RemittanceInformation16 { ustrd: vec![Max140Text::new(text).named("RmtInf/Ustrd")?], strd: vec![] })
}
