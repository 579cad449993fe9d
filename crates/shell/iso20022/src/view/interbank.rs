//! Money that one participant pays another for itself (`pacs.009`): one transfer a message.

use super::parts::{agent, agent_bic, amount, nanos, time, uuid_bytes, uuid_text};
use super::{Named, PaymentPriority, ViewError};
use crate::generated::*;
use crate::value::{EpochNanos, local_date_and_time, local_moment};
use money::Amount;

/// An interbank transfer as its message tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterbankTransferView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `PmtId/EndToEndId`.
    pub end_to_end_id: String,
    /// `PmtId/UETR`.
    pub uetr: [u8; 16],
    /// `IntrBkSttlmAmt`.
    pub amount: Amount,
    /// `SttlmPrty`: `URGT` and `HIGH` are urgent, `NORM` or nothing is not.
    pub priority: PaymentPriority,
    /// `SttlmTmReq/TillTm` on the day of `IntrBkSttlmDt`, by the clock of Hong Kong and Shenzhen: it waits no longer.
    pub until: Option<EpochNanos>,
    /// `Dbtr`, by its BIC.
    pub debtor: String,
    /// `Cdtr`, by its BIC.
    pub creditor: String,
}

impl InterbankTransferView {
    /// Reads the one transfer of a `pacs.009`.
    ///
    /// # Errors
    /// If it is another message, has more than one transfer, names a side without a BIC, or moves customers' money: a cover payment
    /// (`UndrlygCstmrCdtTrf`) is none of this scheme.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pacs00900108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pacs.009.001.08", found: message.message_type().id() });
        };
        let transfer = &document.fi_cdt_trf;
        let [tx] = transfer.cdt_trf_tx_inf.as_slice() else { return Err(ViewError::NotOne("CdtTrfTxInf")) };
        if tx.undrlyg_cstmr_cdt_trf.is_some() {
            return Err(ViewError::Code { field: "UndrlygCstmrCdtTrf", code: "cover".to_owned() });
        }
        let settled = &tx.intr_bk_sttlm_amt;
        let date = tx.intr_bk_sttlm_dt.as_ref().or(transfer.grp_hdr.intr_bk_sttlm_dt.as_ref());
        let till = tx.sttlm_tm_req.as_deref().and_then(|request| request.till_tm.as_ref());
        let created_at = nanos("CreDtTm", &transfer.grp_hdr.cre_dt_tm)?;
        let other_day = |date: &ISODate| ViewError::Code { field: "IntrBkSttlmDt", code: date.as_str().to_owned() };
        let until = match (date, till) {
            (Some(date), Some(till)) => Some(local_moment(date.as_str(), till.as_str()).ok_or_else(|| other_day(date))?),
            (None, Some(_)) => return Err(ViewError::Missing("IntrBkSttlmDt")),
            // What is for another day is not settled today.
            (Some(date), None) if local_date_and_time(created_at).0 != date.as_str() => return Err(other_day(date)),
            (_, None) => None,
        };
        let others = tx.sttlm_tm_req.as_deref().map(|request| [&request.cls_tm, &request.fr_tm, &request.rjct_tm]);
        if others.is_some_and(|others| others.iter().any(|time| time.is_some())) {
            return Err(ViewError::Code { field: "SttlmTmReq", code: "another time than TillTm".to_owned() });
        }
        Ok(Self {
            message_id: transfer.grp_hdr.msg_id.as_str().to_owned(),
            created_at,
            end_to_end_id: tx.pmt_id.end_to_end_id.as_str().to_owned(),
            uetr: tx.pmt_id.uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("UETR"))?,
            amount: amount("IntrBkSttlmAmt", settled.ccy.as_str(), &settled.value.to_string())?,
            priority: match tx.sttlm_prty {
                Some(Priority3Code::Urgt | Priority3Code::High) => PaymentPriority::High,
                Some(Priority3Code::Norm) | None => PaymentPriority::Normal,
            },
            until,
            debtor: agent_bic(&tx.dbtr).ok_or(ViewError::Missing("Dbtr/FinInstnId/BICFI"))?,
            creditor: agent_bic(&tx.cdtr).ok_or(ViewError::Missing("Cdtr/FinInstnId/BICFI"))?,
        })
    }

    /// The `pacs.009` that tells it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = GroupHeader93::new(
            Max35Text::new(&*self.message_id).named("MsgId")?,
            time(self.created_at),
            Max15NumericText::new("1").named("NbOfTxs")?,
            SettlementInstruction7::new(SettlementMethod1Code::Clrg),
        );
        let id = PaymentIdentification7 {
            uetr: Some(UUIDv4Identifier::new(uuid_text(&self.uetr)).named("UETR")?),
            ..PaymentIdentification7::new(Max35Text::new(&*self.end_to_end_id).named("EndToEndId")?)
        };
        let amount = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(self.amount.currency.code.as_str()).named("IntrBkSttlmAmt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.amount.to_string()).named("IntrBkSttlmAmt")?,
        };
        let (debtor, creditor) = (agent("Dbtr", &self.debtor)?, agent("Cdtr", &self.creditor)?);
        let mut tx = CreditTransferTransaction36::new(id, amount, debtor, creditor);
        let (today, _) = local_date_and_time(self.created_at);
        tx.intr_bk_sttlm_dt = Some(ISODate::new(&today).named("IntrBkSttlmDt")?);
        tx.sttlm_prty = Some(match self.priority {
            PaymentPriority::High => Priority3Code::Urgt,
            PaymentPriority::Normal => Priority3Code::Norm,
        });
        if let Some(until) = self.until {
            let (date, clock) = local_date_and_time(until);
            tx.intr_bk_sttlm_dt = Some(ISODate::new(&date).named("IntrBkSttlmDt")?);
            let till = ISOTime::new(&clock).named("SttlmTmReq/TillTm")?;
            tx.sttlm_tm_req = Some(Box::new(SettlementTimeRequest2 { till_tm: Some(till), ..Default::default() }));
        }
        let transfer = FinancialInstitutionCreditTransferV08 { grp_hdr: header, cdt_trf_tx_inf: vec![tx], splmtry_data: vec![] };
        Ok(Message::Pacs00900108(Box::new(Pacs00900108Document { fi_cdt_trf: transfer })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode, MinorUnits};

    #[test]
    fn transfers_read_back() {
        for (priority, until) in [(PaymentPriority::High, None), (PaymentPriority::Normal, Some(1_700_003_600_000_000_000))] {
            let view = InterbankTransferView {
                message_id: "F1".into(),
                created_at: 1_700_000_000_000_000_000,
                end_to_end_id: "LOAN7".into(),
                uetr: [0x8a, 0x56, 0x2c, 0x67, 0xca, 0x16, 0x48, 0xba, 0xb0, 0x74, 0x65, 0x58, 0x1b, 0xe6, 0xf0, 0x01],
                amount: Amount { minor: MinorUnits(5_000_000_000), currency: Currency { code: CurrencyCode::HKD, exponent: 2 } },
                priority,
                until,
                debtor: "HARBHKHHXXX".into(),
                creditor: "PENGCNBSXXX".into(),
            };
            let message = view.message().unwrap();
            assert_eq!(InterbankTransferView::of(&message), Ok(view));
            let Message::Pacs00900108(mut document) = message else { unreachable!() };
            let twice = document.fi_cdt_trf.cdt_trf_tx_inf[0].clone();
            document.fi_cdt_trf.cdt_trf_tx_inf.push(twice);
            assert_eq!(InterbankTransferView::of(&Message::Pacs00900108(document)), Err(ViewError::NotOne("CdtTrfTxInf")));
        }
    }
}
