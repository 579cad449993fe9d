//! The answer to a file (`pain.002`), a line at a time: a head, an element for each payment, an end.

use crate::generated::*;
use crate::value::{Broken, EpochNanos, date_time_from_nanos};
use crate::view::ViewError;

/// What a file's answer says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultFile {
    /// `GrpHdr/MsgId`.
    pub message_id: String,
    /// `GrpHdr/CreDtTm`.
    pub created_at: EpochNanos,
    /// `OrgnlGrpInfAndSts/OrgnlMsgId`.
    pub original_message_id: String,
    /// `GrpSts`: `ACSC` when all are settled, `PART`, `PDNG`, `RJCT`.
    pub status: String,
    /// Why a whole file is rejected: code and words.
    pub reason: Option<(String, String)>,
    /// `OrgnlNbOfTxs`.
    pub payments: u64,
}

/// What it says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStatus {
    /// `OrgnlInstrId`.
    pub instruction_id: Option<String>,
    /// `OrgnlEndToEndId`.
    pub end_to_end_id: Option<String>,
    /// `OrgnlUETR`.
    pub uetr: Option<String>,
    /// `TxSts`.
    pub status: String,
    /// `StsRsnInf/Rsn/Cd`.
    pub reason: Option<String>,
    /// `StsRsnInf/AddtlInf`: at most 105 characters are kept.
    pub information: Option<String>,
}

fn named<T>(value: Result<T, Broken>, field: &'static str) -> Result<T, ViewError> {
    value.map_err(|broken| ViewError::Value { field, broken })
}

fn reason_of(reason: Option<&String>, words: Option<&String>) -> Result<Vec<StatusReasonInformation12>, ViewError> {
    let Some(code) = reason else { return Ok(Vec::new()) };
    let code = named(ExternalStatusReason1Code::new(code.clone()), "StsRsnInf/Rsn/Cd")?;
    let words = words.map(|words| words.chars().take(105).collect::<String>()).filter(|words| !words.is_empty());
    let words = words.map(|words| named(Max105Text::new(words), "AddtlInf")).transpose()?;
    Ok(vec![StatusReasonInformation12 {
        orgtr: None,
        rsn: Some(Box::new(StatusReason6Choice::Cd(code))),
        addtl_inf: words.into_iter().collect(),
    }])
}

impl ResultFile {
    fn message(&self, lines: Vec<PaymentTransaction105>) -> Result<String, ViewError> {
        let id = |text: &str, field| named(Max35Text::new(text), field);
        let mut batch = OriginalPaymentInstruction32::new(id(&self.original_message_id, "OrgnlPmtInfId")?);
        batch.tx_inf_and_sts = lines;
        let name = id("pain.001.001.09", "OrgnlMsgNmId")?;
        let mut original = OriginalGroupHeader17::new(id(&self.original_message_id, "OrgnlMsgId")?, name);
        original.orgnl_nb_of_txs = Some(named(Max15NumericText::new(self.payments.to_string()), "OrgnlNbOfTxs")?);
        original.grp_sts = Some(named(ExternalPaymentGroupStatus1Code::new(self.status.clone()), "GrpSts")?);
        let (code, words) = self.reason.clone().unzip();
        original.sts_rsn_inf = reason_of(code.as_ref(), words.as_ref())?;
        let time = named(ISODateTime::new(&date_time_from_nanos(self.created_at)), "CreDtTm")?;
        let report = CustomerPaymentStatusReportV10 {
            grp_hdr: GroupHeader86::new(id(&self.message_id, "MsgId")?, time),
            orgnl_grp_inf_and_sts: original,
            orgnl_pmt_inf_and_sts: vec![batch],
            splmtry_data: Vec::new(),
        };
        Ok(Message::Pain00200110(Box::new(Pain00200110Document { cstmr_pmt_sts_rpt: report })).to_xml())
    }

    /// Everything before the first payment, and everything behind the last.
    ///
    /// # Errors
    /// A text does not fit its type.
    pub fn around(&self) -> Result<(String, String), ViewError> {
        const END: &str = "</OrgnlPmtInfAndSts>";
        let empty = self.message(Vec::new())?;
        let at = empty.rfind(END).unwrap_or(empty.len());
        Ok((empty[..at].to_owned(), empty[at..].to_owned()))
    }

    /// A payment's element.
    ///
    /// # Errors
    /// A text does not fit its type.
    pub fn line(&self, line: &LineStatus) -> Result<String, ViewError> {
        let id = |text: &Option<String>, field| text.clone().map(|text| named(Max35Text::new(text), field)).transpose();
        let status = named(ExternalPaymentTransactionStatus1Code::new(line.status.clone()), "TxSts")?;
        let payment = PaymentTransaction105 {
            orgnl_instr_id: id(&line.instruction_id, "OrgnlInstrId")?,
            orgnl_end_to_end_id: id(&line.end_to_end_id, "OrgnlEndToEndId")?,
            orgnl_uetr: line.uetr.clone().map(|uetr| named(UUIDv4Identifier::new(uetr), "OrgnlUETR")).transpose()?,
            tx_sts: Some(status),
            sts_rsn_inf: reason_of(line.reason.as_ref(), line.information.as_ref())?,
            ..Default::default()
        };
        let whole = self.message(vec![payment])?;
        let (head, _) = self.around()?;
        let end = whole.len() - (self.around()?.1.len());
        Ok(whole.get(head.len()..end).unwrap_or_default().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, read_message};

    #[test]
    fn the_pieces_make_a_message() {
        let file = ResultFile {
            message_id: "R-1".into(),
            created_at: 1_795_537_800_000_000_000,
            original_message_id: "FILE-1".into(),
            status: "PART".into(),
            reason: None,
            payments: 2,
        };
        let settled = LineStatus {
            instruction_id: None,
            end_to_end_id: Some("E-1".into()),
            uetr: Some("8a562c67-ca16-48ba-b074-65581be6f001".into()),
            status: "ACSC".into(),
            reason: None,
            information: None,
        };
        let rejected = LineStatus {
            status: "RJCT".into(),
            reason: Some("AC01".into()),
            information: Some("x".repeat(200)),
            ..settled.clone()
        };
        let (head, tail) = file.around().unwrap();
        let whole = [head, file.line(&settled).unwrap(), file.line(&rejected).unwrap(), tail].concat();
        let Message::Pain00200110(read) = read_message(whole.as_bytes(), Limits::default()).unwrap() else { panic!("{whole}") };
        let lines = &read.cstmr_pmt_sts_rpt.orgnl_pmt_inf_and_sts[0].tx_inf_and_sts;
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].sts_rsn_inf[0].addtl_inf[0].as_str().len(), 105);
    }
}
