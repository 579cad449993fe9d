//! Money sent back after settlement: the return (`pacs.004`).

use super::credit_transfer::QUOTE_PREFIX;
use super::parts::{agent, agent_bic, amount, nanos, optional, text, time, uuid_bytes, uuid_text};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;
use money::Amount;

/// One return as its message tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReturnView {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `TxInf/RtrId`: the returner's own identification of the return.
    pub return_id: String,
    /// `OrgnlUETR`: the payment that is returned.
    pub uetr: [u8; 16],
    /// `OrgnlEndToEndId`.
    pub original_end_to_end_id: Option<String>,
    /// `OrgnlTxId`.
    pub original_transaction_id: Option<String>,
    /// `OrgnlIntrBkSttlmAmt`.
    pub original_amount: Option<Amount>,
    /// `RtrdIntrBkSttlmAmt`: what moves.
    pub returned_amount: Amount,
    /// `RtrdInstdAmt`: how much of the original that gives back, if it is another amount.
    pub returned_instructed_amount: Option<Amount>,
    /// The exchange quote it uses: the line `/QUOT/` and its id in `RtrRsnInf/AddtlInf`.
    pub quote: Option<[u8; 16]>,
    /// `RtrRsnInf/Rsn/Cd`, of `ExternalReturnReason1Code`.
    pub reason: String,
    /// The other lines of `RtrRsnInf/AddtlInf`, joined by blanks; at most 105 characters when written.
    pub information: Option<String>,
    /// `ClrSysRef`.
    pub clearing_system_reference: Option<String>,
    /// `InstgAgt`: who sends it back.
    pub instructing_agent: Option<String>,
    /// `InstdAgt`: to whom.
    pub instructed_agent: Option<String>,
}

impl PaymentReturnView {
    /// Reads the one return of a `pacs.004`.
    ///
    /// # Errors
    /// If it is another message, has not one return in it, or lacks what a return in this scheme needs.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Pacs00400109(document) = message else {
            return Err(ViewError::OtherMessage { expected: "pacs.004.001.09", found: message.message_type().id() });
        };
        let back = &document.pmt_rtr;
        let [tx] = back.tx_inf.as_slice() else { return Err(ViewError::NotOne("TxInf")) };
        let code = tx.rtr_rsn_inf.iter().find_map(|information| match information.rsn.as_deref()? {
            ReturnReason5Choice::Cd(code) => Some(code.as_str().to_owned()),
            ReturnReason5Choice::Prtry(_) => None,
        });
        let lines = || tx.rtr_rsn_inf.iter().flat_map(|it| &it.addtl_inf).map(Max105Text::as_str);
        let words: Vec<&str> = lines().filter(|line| !line.starts_with(QUOTE_PREFIX)).collect();
        let optional_amount = |field, amount: &Option<ActiveOrHistoricCurrencyAndAmount>| {
            amount.as_ref().map(|it| super::parts::amount(field, it.ccy.as_str(), &it.value.to_string())).transpose()
        };
        let returned = &tx.rtrd_intr_bk_sttlm_amt;
        let agent_of = |own: &Option<Box<BranchAndFinancialInstitutionIdentification6>>,
                        group: &Option<Box<BranchAndFinancialInstitutionIdentification6>>| {
            own.as_deref().or(group.as_deref()).and_then(agent_bic)
        };
        Ok(Self {
            message_id: back.grp_hdr.msg_id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &back.grp_hdr.cre_dt_tm)?,
            return_id: text(&tx.rtr_id).ok_or(ViewError::Missing("RtrId"))?,
            uetr: tx.orgnl_uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("OrgnlUETR"))?,
            original_end_to_end_id: text(&tx.orgnl_end_to_end_id),
            original_transaction_id: text(&tx.orgnl_tx_id),
            original_amount: optional_amount("OrgnlIntrBkSttlmAmt", &tx.orgnl_intr_bk_sttlm_amt)?,
            returned_amount: amount("RtrdIntrBkSttlmAmt", returned.ccy.as_str(), &returned.value.to_string())?,
            returned_instructed_amount: optional_amount("RtrdInstdAmt", &tx.rtrd_instd_amt)?,
            quote: lines().filter_map(|line| line.strip_prefix(QUOTE_PREFIX)).find_map(uuid_bytes),
            reason: code.ok_or(ViewError::Missing("RtrRsnInf/Rsn/Cd"))?,
            information: (!words.is_empty()).then(|| words.join(" ")),
            clearing_system_reference: text(&tx.clr_sys_ref),
            instructing_agent: agent_of(&tx.instg_agt, &back.grp_hdr.instg_agt),
            instructed_agent: agent_of(&tx.instd_agt, &back.grp_hdr.instd_agt),
        })
    }

    /// The payment's UETR as text.
    pub fn uetr_text(&self) -> String {
        uuid_text(&self.uetr)
    }

    /// The `pacs.004` that tells it.
    ///
    /// # Errors
    /// If a text does not fit its element.
    pub fn message(&self) -> Result<Message, ViewError> {
        let back = PaymentReturnV09 { tx_inf: vec![self.transaction()?], ..PaymentReturnV09::new(self.group()?) };
        Ok(Message::Pacs00400109(Box::new(Pacs00400109Document { pmt_rtr: back })))
    }

    fn group(&self) -> Result<GroupHeader90, ViewError> {
        let one = Max15NumericText::new("1").named("NbOfTxs")?;
        let settlement = SettlementInstruction7::new(SettlementMethod1Code::Clrg);
        Ok(GroupHeader90::new(Max35Text::new(&*self.message_id).named("MsgId")?, time(self.created_at), one, settlement))
    }

    fn transaction(&self) -> Result<PaymentTransaction112, ViewError> {
        let returned = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(self.returned_amount.currency.code.as_str()).named("RtrdIntrBkSttlmAmt/@Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.returned_amount.to_string()).named("RtrdIntrBkSttlmAmt")?,
        };
        Ok(PaymentTransaction112 {
            rtr_id: Some(Max35Text::new(&*self.return_id).named("RtrId")?),
            orgnl_end_to_end_id: optional(&self.original_end_to_end_id, Max35Text::new, "OrgnlEndToEndId")?,
            orgnl_tx_id: optional(&self.original_transaction_id, Max35Text::new, "OrgnlTxId")?,
            orgnl_uetr: Some(UUIDv4Identifier::new(self.uetr_text()).named("OrgnlUETR")?),
            orgnl_intr_bk_sttlm_amt: self.original_amount.map(|it| historic("OrgnlIntrBkSttlmAmt", it)).transpose()?,
            rtrd_instd_amt: self.returned_instructed_amount.map(|it| historic("RtrdInstdAmt", it)).transpose()?,
            clr_sys_ref: optional(&self.clearing_system_reference, Max35Text::new, "ClrSysRef")?,
            instg_agt: self.instructing_agent.as_deref().map(|bic| agent("InstgAgt", bic).map(Box::new)).transpose()?,
            instd_agt: self.instructed_agent.as_deref().map(|bic| agent("InstdAgt", bic).map(Box::new)).transpose()?,
            rtr_rsn_inf: vec![self.reason_information()?],
            ..PaymentTransaction112::new(returned)
        })
    }

    fn reason_information(&self) -> Result<PaymentReturnReason6, ViewError> {
        let code = ExternalReturnReason1Code::new(&*self.reason).named("RtrRsnInf/Rsn/Cd")?;
        let quote = self.quote.map(|quote| format!("{QUOTE_PREFIX}{}", uuid_text(&quote)));
        let words = self.information.as_deref().map(|it| super::rejection::cut(it, 105).to_owned());
        let lines = [quote, words].into_iter().flatten().map(|line| Max105Text::new(line).named("AddtlInf"));
        Ok(PaymentReturnReason6 {
            orgtr: None,
            rsn: Some(Box::new(ReturnReason5Choice::Cd(code))),
            addtl_inf: lines.collect::<Result<_, _>>()?,
        })
    }
}

fn historic(field: &'static str, amount: Amount) -> Result<ActiveOrHistoricCurrencyAndAmount, ViewError> {
    Ok(ActiveOrHistoricCurrencyAndAmount {
        ccy: ActiveOrHistoricCurrencyCode::new(amount.currency.code.as_str()).named(field)?,
        value: ActiveOrHistoricCurrencyAndAmountSimpleType::new(&amount.to_string()).named(field)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode};

    #[test]
    fn a_return_reads_back() {
        let cny = |minor| Amount::from_minor(minor, Currency { code: CurrencyCode::CNY, exponent: 2 });
        let plain = PaymentReturnView {
            message_id: "M1".into(),
            created_at: 1_700_000_000_000_000_000,
            return_id: "R1".into(),
            uetr: [0x8a, 0x56, 0x2c, 0x67, 0xca, 0x16, 0x48, 0xba, 0xb0, 0x74, 0x65, 0x58, 0x1b, 0xe6, 0xf0, 0x01],
            original_end_to_end_id: Some("E1".into()),
            original_transaction_id: None,
            original_amount: Some(cny(90_000)),
            returned_amount: cny(9_091),
            returned_instructed_amount: None,
            quote: None,
            reason: "AC04".into(),
            information: Some("account closed on Monday".into()),
            clearing_system_reference: None,
            instructing_agent: Some("PENGCNBSXXX".into()),
            instructed_agent: Some("LUOHHKHHXXX".into()),
        };
        let exchanged =
            PaymentReturnView { returned_instructed_amount: Some(cny(9_000)), quote: Some(plain.uetr), ..plain.clone() };
        for view in [plain, exchanged] {
            assert_eq!(PaymentReturnView::of(&view.message().unwrap()), Ok(view));
        }
    }
}
