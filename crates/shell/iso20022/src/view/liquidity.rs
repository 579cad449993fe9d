//! Money in from and out to the settlement agent: the wish (`camt.050`) and what became of it (`camt.025`).
//!
//! A transfer is named by its UETR (`LqdtyTrfId/UETR`). A top-up names the settlement account as `CdtrAcct`, a withdrawal as
//! `DbtrAcct`, by its owner's BIC and currency: `HARBHKHHXXX-HKD`. A receipt names the transfer by the same UETR, without
//! hyphens, in `OrgnlMsgId`; its first `ReqHdlg` is `ACSC` (moved), `PDNG` (asked) or `RJCT`, which a second one gives the reason of.

use super::parts::{account_id, agent, agent_bic, amount, time, uuid_bytes, uuid_text};
use super::{Named, ViewError};
use crate::codes::PaymentTransactionStatus;
use crate::generated::*;
use crate::value::EpochNanos;
use money::Amount;

/// A wish to move money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiquidityTransferView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `LqdtyTrfId/UETR`.
    pub uetr: [u8; 16],
    /// Onto the settlement account, not off it.
    pub is_top_up: bool,
    /// Whose settlement account: `Cdtr` of a top-up, `Dbtr` of a withdrawal.
    pub participant: String,
    /// `TrfdAmt/AmtWthCcy`.
    pub amount: Amount,
}

impl LiquidityTransferView {
    /// Reads a `camt.050`.
    ///
    /// # Errors
    /// If it is another message, or names not one settlement account.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt05000105(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.050.001.05", found: message.message_type().id() });
        };
        let (header, body) = (&document.lqdty_cdt_trf.msg_hdr, &document.lqdty_cdt_trf.lqdty_cdt_trf);
        let id = body.lqdty_trf_id.as_deref().ok_or(ViewError::Missing("LqdtyTrfId"))?;
        let uetr = id.uetr.as_ref().and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("LqdtyTrfId/UETR"))?;
        let is_top_up = match (&body.cdtr_acct, &body.dbtr_acct) {
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (Some(_), Some(_)) => return Err(ViewError::NotOne("CdtrAcct or DbtrAcct")),
            (None, None) => return Err(ViewError::Missing("CdtrAcct")),
        };
        let (owner, field) = if is_top_up { (&body.cdtr, "Cdtr") } else { (&body.dbtr, "Dbtr") };
        let Amount2Choice::AmtWthCcy(moved) = &body.trfd_amt else { return Err(ViewError::Missing("TrfdAmt/AmtWthCcy")) };
        let created = header.cre_dt_tm.as_ref().ok_or(ViewError::Missing("MsgHdr/CreDtTm"))?;
        Ok(Self {
            message_id: header.msg_id.as_str().to_owned(),
            created_at: super::parts::nanos("MsgHdr/CreDtTm", created)?,
            uetr,
            is_top_up,
            participant: owner.as_deref().and_then(agent_bic).ok_or(ViewError::Missing(field))?,
            amount: amount("TrfdAmt", moved.ccy.as_str(), &moved.value.to_string())?,
        })
    }

    /// The `camt.050` that says it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = MessageHeader1 {
            cre_dt_tm: Some(time(self.created_at)),
            ..MessageHeader1::new(Max35Text::new(&*self.message_id).named("MsgId")?)
        };
        let uetr = uuid_text(&self.uetr);
        let id = PaymentIdentification8 {
            uetr: Some(UUIDv4Identifier::new(uetr.clone()).named("UETR")?),
            ..PaymentIdentification8::new(Max35Text::new(uetr.replace('-', "")).named("EndToEndId")?)
        };
        let code = self.amount.currency.code.as_str();
        let account = CashAccount38 {
            ccy: Some(ActiveOrHistoricCurrencyCode::new(code).named("Ccy")?),
            ..CashAccount38::new(account_id(&format!("{}-{code}", super::bic_11(&self.participant)), false)?)
        };
        let amount = ActiveCurrencyAndAmount {
            ccy: ActiveCurrencyCode::new(code).named("Ccy")?,
            value: ActiveCurrencyAndAmountSimpleType::new(&self.amount.to_string()).named("TrfdAmt")?,
        };
        let owner = Some(Box::new(agent("Cdtr", &self.participant)?));
        let account = Some(Box::new(account));
        let plain = LiquidityCreditTransfer2 {
            lqdty_trf_id: Some(Box::new(id)),
            ..LiquidityCreditTransfer2::new(Amount2Choice::AmtWthCcy(amount))
        };
        let body = match self.is_top_up {
            true => LiquidityCreditTransfer2 { cdtr: owner, cdtr_acct: account, ..plain },
            false => LiquidityCreditTransfer2 { dbtr: owner, dbtr_acct: account, ..plain },
        };
        let document = Camt05000105Document { lqdty_cdt_trf: LiquidityCreditTransferV05::new(header, body) };
        Ok(Message::Camt05000105(Box::new(document)))
    }
}

/// What became of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// Money has moved.
    Done,
    /// It is asked for, or will be.
    Pending,
    /// It has not moved and will not, for this ISO reason.
    Refused(String),
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptView {
    /// `MsgHdr/MsgId`.
    pub message_id: String,
    /// `MsgHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `RctDtls/OrgnlMsgId/MsgId`: the transfer's UETR.
    pub uetr: [u8; 16],
    /// `RctDtls/ReqHdlg`.
    pub status: ReceiptStatus,
    /// `RctDtls/ReqHdlg/Desc`.
    pub words: Option<String>,
}

impl ReceiptView {
    /// Reads a `camt.025` about one transfer.
    ///
    /// # Errors
    /// If it is another message, or says something else.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt02500105(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.025.001.05", found: message.message_type().id() });
        };
        let body = &document.rct;
        let [details] = body.rct_dtls.as_slice() else { return Err(ViewError::NotOne("RctDtls")) };
        let named = details.orgnl_msg_id.msg_id.as_str();
        let code = |code: &str| ViewError::Code { field: "RctDtls/ReqHdlg/StsCd", code: code.to_owned() };
        let codes: Vec<&str> = details.req_hdlg.iter().map(|handling| handling.sts_cd.as_str()).collect();
        let Some((first, reasons)) = codes.split_first() else { return Err(ViewError::Missing("RctDtls/ReqHdlg/StsCd")) };
        let status = match (PaymentTransactionStatus::parse(first), reasons) {
            (Some(PaymentTransactionStatus::Acsc), []) => ReceiptStatus::Done,
            (Some(PaymentTransactionStatus::Pdng), []) => ReceiptStatus::Pending,
            (Some(PaymentTransactionStatus::Rjct), [reason]) => ReceiptStatus::Refused((*reason).to_owned()),
            (Some(PaymentTransactionStatus::Rjct), []) => return Err(ViewError::Missing("RctDtls/ReqHdlg/StsCd")),
            (Some(_) | None, _) => return Err(code(first)),
        };
        let created = body.msg_hdr.cre_dt_tm.as_ref().ok_or(ViewError::Missing("MsgHdr/CreDtTm"))?;
        Ok(Self {
            message_id: body.msg_hdr.msg_id.as_str().to_owned(),
            created_at: super::parts::nanos("MsgHdr/CreDtTm", created)?,
            uetr: unhyphened(named).ok_or(ViewError::Missing("RctDtls/OrgnlMsgId/MsgId"))?,
            status,
            words: details.req_hdlg.last().and_then(|handling| handling.desc.as_ref()).map(|text| text.as_str().to_owned()),
        })
    }

    /// The `camt.025` that says it.
    ///
    /// # Errors
    /// If a text does not fit.
    pub fn message(&self) -> Result<Message, ViewError> {
        let header = MessageHeader9 {
            cre_dt_tm: Some(time(self.created_at)),
            ..MessageHeader9::new(Max35Text::new(&*self.message_id).named("MsgId")?)
        };
        let codes = match &self.status {
            ReceiptStatus::Done => vec![PaymentTransactionStatus::Acsc.as_str()],
            ReceiptStatus::Pending => vec![PaymentTransactionStatus::Pdng.as_str()],
            ReceiptStatus::Refused(reason) => vec![PaymentTransactionStatus::Rjct.as_str(), reason],
        };
        let last = codes.len() - 1;
        let handling = |(at, code): (usize, &str)| {
            let words = self.words.as_deref().filter(|_| at == last).map(|words| super::rejection::cut(words, 140));
            Ok(RequestHandling1 {
                desc: words.map(|words| Max140Text::new(words).named("Desc")).transpose()?,
                ..RequestHandling1::new(Max4AlphaNumericText::new(code).named("StsCd")?)
            })
        };
        let uetr = Max35Text::new(uuid_text(&self.uetr).replace('-', "")).named("OrgnlMsgId")?;
        let details = Receipt3 {
            req_hdlg: codes.into_iter().enumerate().map(handling).collect::<Result<_, ViewError>>()?,
            ..Receipt3::new(OriginalMessageAndIssuer1 {
                msg_nm_id: Some(Max35Text::new(MessageType::Camt05000105.id()).named("MsgNmId")?),
                ..OriginalMessageAndIssuer1::new(uetr)
            })
        };
        let document = Camt02500105Document { rct: ReceiptV05 { rct_dtls: vec![details], ..ReceiptV05::new(header) } };
        Ok(Message::Camt02500105(Box::new(document)))
    }
}

fn unhyphened(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0u8; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::{Currency, CurrencyCode, MinorUnits};

    const UETR: [u8; 16] = [0x8a, 0x56, 0x2c, 0x67, 0xca, 0x16, 0x48, 0xba, 0xb0, 0x74, 0x65, 0x58, 0x1b, 0xe6, 0xf0, 0x01];

    #[test]
    fn transfers_read_back() {
        for is_top_up in [true, false] {
            let view = LiquidityTransferView {
                message_id: "T1".into(),
                created_at: 1_700_000_000_000_000_000,
                uetr: UETR,
                is_top_up,
                participant: "HARBHKHHXXX".into(),
                amount: Amount { minor: MinorUnits(5000), currency: Currency { code: CurrencyCode::HKD, exponent: 2 } },
            };
            assert_eq!(LiquidityTransferView::of(&view.message().unwrap()), Ok(view));
        }
    }

    #[test]
    fn receipts_read_back() {
        for (status, words) in [
            (ReceiptStatus::Done, None),
            (ReceiptStatus::Pending, Some("asked")),
            (ReceiptStatus::Refused("AM04".into()), Some("not enough")),
        ] {
            let view = ReceiptView {
                message_id: "R1".into(),
                created_at: 1_700_000_000_000_000_000,
                uetr: UETR,
                status,
                words: words.map(str::to_owned),
            };
            assert_eq!(ReceiptView::of(&view.message().unwrap()), Ok(view));
        }
    }
}
