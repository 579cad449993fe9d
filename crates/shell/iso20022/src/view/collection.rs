//! The direct debit (`pacs.003`): one collection under a mandate, or one capture from a pre-authorisation.

use super::credit_transfer::{purpose_of, remittance, remittance_of};
use super::mandate::{id_of, mandate_id};
use super::parts::{AccountView, PartyView, agent, agent_bic, amount, nanos, optional, time, uuid_bytes, uuid_text};
use super::{HeaderView, Named, ViewError};
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::value::EpochNanos;
use money::Amount;

/// One collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `PmtId/UETR`: the collection's own.
    pub uetr: [u8; 16],
    /// `PmtId/EndToEndId`: the creditor's reference, which the payment repeats.
    pub end_to_end_id: String,
    /// `DrctDbtTx/MndtRltdInf/MndtId`: the mandate, or the pre-authorisation.
    pub mandate: [u8; 16],
    /// `PmtTpInf/SeqTp` is `FNAL` or `OOFF`: nothing more will be captured. Of a collection it says nothing.
    pub is_last: bool,
    /// `IntrBkSttlmAmt`: what the creditor is to receive.
    pub amount: Amount,
    /// `Cdtr`.
    pub creditor: PartyView,
    /// `CdtrAcct`.
    pub creditor_account: Option<AccountView>,
    /// `CdtrAgt`.
    pub creditor_agent: String,
    /// `Dbtr`.
    pub debtor: PartyView,
    /// `DbtrAcct`.
    pub debtor_account: AccountView,
    /// `DbtrAgt`.
    pub debtor_agent: String,
    /// `Purp/Cd`.
    pub purpose: Option<String>,
    /// `RmtInf/Ustrd`, joined by blanks.
    pub remittance: Option<String>,
    /// `SttlmInf/ClrSys`: the clearing system's proprietary code.
    pub clearing_system: Option<String>,
}

impl CollectionView {
    /// Reads the one collection of a `pacs.003`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let debit = debit_of(message)?;
        let [tx] = debit.drct_dbt_tx_inf.as_slice() else { return Err(ViewError::NotOne("DrctDbtTxInf")) };
        let mandate = tx.drct_dbt_tx.as_deref().and_then(|it| it.mndt_rltd_inf.as_deref()).and_then(|it| it.mndt_id.as_ref());
        let bic = |agent, field| agent_bic(agent).ok_or(ViewError::Missing(field));
        let settled = &tx.intr_bk_sttlm_amt;
        Ok(Self {
            message_id: debit.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &debit.grp_hdr.cre_dt_tm)?,
            uetr: tx.pmt_id.uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("UETR"))?,
            end_to_end_id: tx.pmt_id.end_to_end_id.as_str().to_owned(),
            mandate: mandate_id(mandate.ok_or(ViewError::Missing("MndtRltdInf/MndtId"))?)?,
            is_last: is_last(tx.pmt_tp_inf.as_deref().or(debit.grp_hdr.pmt_tp_inf.as_deref())),
            amount: amount("IntrBkSttlmAmt", settled.ccy.as_str(), &settled.value.to_string())?,
            creditor: PartyView::of(&tx.cdtr),
            creditor_account: tx.cdtr_acct.as_deref().map(AccountView::of),
            creditor_agent: bic(&tx.cdtr_agt, "CdtrAgt/FinInstnId/BICFI")?,
            debtor: PartyView::of(&tx.dbtr),
            debtor_account: AccountView::of(&tx.dbtr_acct),
            debtor_agent: bic(&tx.dbtr_agt, "DbtrAgt/FinInstnId/BICFI")?,
            purpose: tx.purp.as_deref().and_then(purpose_of),
            remittance: tx.rmt_inf.as_deref().and_then(remittance_of),
            clearing_system: match debit.grp_hdr.sttlm_inf.clr_sys.as_deref() {
                Some(ClearingSystemIdentification3Choice::Prtry(own)) => Some(own.as_str().to_owned()),
                Some(ClearingSystemIdentification3Choice::Cd(code)) => Some(code.as_str().to_owned()),
                None => None,
            },
        })
    }

    /// The UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pacs.003` that says it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let system = self.clearing_system.as_ref().map(|system| Max35Text::new(&**system).named("ClrSys/Prtry")).transpose()?;
        let mut settlement = SettlementInstruction8::new(SettlementMethod2Code::Clrg);
        settlement.clr_sys = system.map(|system| Box::new(ClearingSystemIdentification3Choice::Prtry(system)));
        let header = GroupHeader94::new(
            Max35Text::new(&*self.message_id).named("MsgId")?,
            time(self.created_at),
            Max15NumericText::new("1").named("NbOfTxs")?,
            settlement,
        );
        let debit = FIToFICustomerDirectDebitV08 {
            drct_dbt_tx_inf: vec![self.transaction()?],
            ..FIToFICustomerDirectDebitV08::new(header)
        };
        Ok(Message::Pacs00300108(Box::new(Pacs00300108Document { fi_to_fi_cstmr_drct_dbt: debit })))
    }

    fn transaction(&self) -> Result<DirectDebitTransactionInformation24, ViewError> {
        let id = PaymentIdentification7 {
            instr_id: None,
            end_to_end_id: Max35Text::new(&*self.end_to_end_id).named("EndToEndId")?,
            tx_id: None,
            uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("UETR")?),
            clr_sys_ref: None,
        };
        let claimed = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(self.amount.currency.code.as_str()).named("IntrBkSttlmAmt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.amount.to_string()).named("IntrBkSttlmAmt")?,
        };
        let mut tx = DirectDebitTransactionInformation24::new(
            id,
            claimed,
            ChargeBearerType1Code::new("SLEV").named("ChrgBr")?,
            self.creditor.build()?,
            agent("CdtrAgt", &self.creditor_agent)?,
            self.debtor.build()?,
            self.debtor_account.build()?,
            agent("DbtrAgt", &self.debtor_agent)?,
        );
        let mandate = MandateRelatedInformation14 { mndt_id: Some(id_of(&self.mandate)?), ..Default::default() };
        tx.drct_dbt_tx =
            Some(Box::new(DirectDebitTransaction10 { mndt_rltd_inf: Some(Box::new(mandate)), ..Default::default() }));
        if self.is_last {
            let last = Some(SequenceType3Code::Fnal);
            tx.pmt_tp_inf = Some(Box::new(PaymentTypeInformation27 { seq_tp: last, ..Default::default() }));
        }
        tx.cdtr_acct = self.creditor_account.as_ref().map(AccountView::build).transpose()?.map(Box::new);
        tx.purp = optional(&self.purpose, ExternalPurpose1Code::new, "Purp")?.map(|code| Box::new(Purpose2Choice::Cd(code)));
        tx.rmt_inf = self.remittance.as_deref().map(remittance).transpose()?.map(Box::new);
        Ok(tx)
    }
}

fn is_last(kind: Option<&PaymentTypeInformation27>) -> bool {
    kind.and_then(|kind| kind.seq_tp).is_some_and(|kind| matches!(kind, SequenceType3Code::Fnal | SequenceType3Code::Ooff))
}

fn debit_of(message: &Message) -> Result<&FIToFICustomerDirectDebitV08, ViewError> {
    match message {
        Message::Pacs00300108(document) => Ok(&document.fi_to_fi_cstmr_drct_dbt),
        other => Err(ViewError::OtherMessage { expected: "pacs.003.001.08", found: other.message_type().id() }),
    }
}

/// The collection the centre sends on to the debtor agent: the creditor agent's data as it came under the centre's header, message
/// id and time.
pub fn forwarded_collection(original: &BusinessMessage, header: &HeaderView) -> Result<BusinessMessage, ViewError> {
    let mut debit = debit_of(&original.document)?.clone();
    debit.grp_hdr.msg_id = Max35Text::new(&*header.message_id).named("MsgId")?;
    debit.grp_hdr.cre_dt_tm = time(header.created_at);
    let document = Message::Pacs00300108(Box::new(Pacs00300108Document { fi_to_fi_cstmr_drct_dbt: debit }));
    Ok(BusinessMessage { header: Some(Box::new(header.build(MessageType::Pacs00300108)?)), document })
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode};

    #[test]
    fn a_collection_reads_back() {
        let view = CollectionView {
            message_id: "C1".into(),
            created_at: 1_700_000_000_000_000_000,
            uetr: *b"\x8a\x56\x2c\x67\xca\x16\x48\xba\xb0\x74\x65\x58\x1b\xe6\xf0\x01",
            end_to_end_id: "RENT 7".into(),
            is_last: true,
            mandate: *b"\x0b\x6b\xa2\x8f\x5e\x5c\x4d\x1c\x9d\x2e\x3f\x6a\x3a\x1f\x9c\x01",
            amount: Amount::from_minor(12_345, Currency::new(CurrencyCode::HKD, 2).unwrap()),
            creditor: PartyView { name: "PENG Homes".into(), ..PartyView::default() },
            creditor_account: Some(AccountView { number: "456".into(), ..AccountView::default() }),
            creditor_agent: "PENGCNBSXXX".into(),
            debtor: PartyView { name: "CHAN Tai Man".into(), ..PartyView::default() },
            debtor_account: AccountView { number: "123".into(), ..AccountView::default() },
            debtor_agent: "HARBHKHHXXX".into(),
            purpose: Some("RENT".into()),
            remittance: Some("November".into()),
            clearing_system: Some("LUOHU".into()),
        };
        assert_eq!(CollectionView::of(&view.message().unwrap()), Ok(view));
    }
}
