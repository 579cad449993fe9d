//! What a bank wants to know of a `pain.001`: of the file, of a batch, and of each payment.

use crate::generated::*;
use crate::view::{AccountView, PartyView, bic_11};
use crate::{Limits, read_message};

/// Decimals of a control sum that are looked at.
const SUM_DECIMALS: usize = 5;

/// The head of a file (`GrpHdr`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// `MsgId`.
    pub message_id: String,
    /// `CreDtTm`, as written.
    pub created_at: String,
    /// `NbOfTxs`.
    pub payments: u64,
    /// `CtrlSum`, in units of 10⁻⁵.
    pub control_sum: Option<i128>,
}

/// The head of a batch (`PmtInf`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// The file it is in.
    pub file: FileView,
    /// `PmtInfId`.
    pub batch_id: String,
    /// Whether it orders transfers (`PmtMtd` `TRF`).
    pub is_transfer: bool,
    /// `NbOfTxs`.
    pub payments: Option<u64>,
    /// `CtrlSum`, in units of 10⁻⁵.
    pub control_sum: Option<i128>,
    /// `PmtTpInf/CtgyPurp/Cd`: `SALA` for a payroll.
    pub category_purpose: Option<String>,
    /// `Dbtr`.
    pub debtor: PartyView,
    /// `DbtrAcct`.
    pub debtor_account: AccountView,
    /// `DbtrAgt/FinInstnId/BICFI`.
    pub debtor_agent: Option<String>,
}

/// A payment (`CdtTrfTxInf`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstructionView {
    /// `PmtId/InstrId`.
    pub instruction_id: Option<String>,
    /// `PmtId/EndToEndId`.
    pub end_to_end_id: String,
    /// `Amt/InstdAmt` as text, with its currency.
    pub amount: String,
    /// `Amt/InstdAmt/@Ccy`.
    pub currency: String,
    /// `CdtrAgt/FinInstnId/BICFI`, of eleven characters.
    pub creditor_agent: Option<String>,
    /// `Cdtr/Nm`.
    pub creditor_name: Option<String>,
    /// `CdtrAcct`: the number, or the alias it goes by.
    pub creditor_account: Option<AccountView>,
    /// `Purp/Cd`, or the category purpose of payment or batch.
    pub purpose: Option<String>,
    /// `RmtInf/Ustrd`, joined by blanks.
    pub remittance: String,
}

fn initiation(document: &[u8]) -> Result<(GroupHeader85, PaymentInstruction30), (String, String)> {
    let message = read_message(document, Limits::default()).map_err(|violation| (violation.path, violation.text))?;
    let other = |text: &str| (String::new(), text.to_owned());
    let Message::Pain00100109(document) = message else { return Err(other("the file is no pain.001.001.09")) };
    let CustomerCreditTransferInitiationV09 { grp_hdr, mut pmt_inf, .. } = document.cstmr_cdt_trf_initn;
    pmt_inf.pop().map(|batch| (grp_hdr, batch)).ok_or_else(|| other("a batch is missing"))
}

impl BatchView {
    /// Reads the heads of file and batch from a piece of the slicer. The error is the element's path and what is wrong with it.
    ///
    /// # Errors
    /// They break their schema, or a total is none.
    pub fn read(document: &[u8]) -> Result<Self, (String, String)> {
        let (group, batch) = initiation(document)?;
        let total = |field: &str, text: &str| text.parse().map_err(|_| (field.to_owned(), "is too large".to_owned()));
        let sum = |field: &str, number: Option<String>| match number {
            None => Ok(None),
            Some(text) => control_sum(&text).map(Some).ok_or((field.to_owned(), "has more than five decimals".to_owned())),
        };
        let category = batch.pmt_tp_inf.as_deref().and_then(category_of);
        Ok(Self {
            file: FileView {
                message_id: group.msg_id.as_str().to_owned(),
                created_at: group.cre_dt_tm.as_str().to_owned(),
                payments: total("GrpHdr/NbOfTxs", group.nb_of_txs.as_str())?,
                control_sum: sum("GrpHdr/CtrlSum", group.ctrl_sum.map(|sum| sum.to_string()))?,
            },
            batch_id: batch.pmt_inf_id.as_str().to_owned(),
            is_transfer: batch.pmt_mtd.code() == "TRF",
            payments: batch.nb_of_txs.as_ref().map(|text| total("PmtInf/NbOfTxs", text.as_str())).transpose()?,
            control_sum: sum("PmtInf/CtrlSum", batch.ctrl_sum.map(|sum| sum.to_string()))?,
            category_purpose: category,
            debtor: PartyView::of(&batch.dbtr),
            debtor_account: AccountView::of(&batch.dbtr_acct),
            debtor_agent: bic_of(&batch.dbtr_agt),
        })
    }
}

impl InstructionView {
    /// Reads the payment of a piece of the slicer. The error is the element's path and what is wrong with it.
    ///
    /// # Errors
    /// It breaks its schema, or has no instructed amount.
    pub fn read(document: &[u8]) -> Result<Self, (String, String)> {
        let (_, mut batch) = initiation(document)?;
        let of_batch = batch.pmt_tp_inf.as_deref().and_then(category_of);
        let payment = batch.cdt_trf_tx_inf.pop().ok_or_else(|| ("CdtTrfTxInf".to_owned(), "is missing".to_owned()))?;
        let AmountType4Choice::InstdAmt(instructed) = &payment.amt else {
            return Err(("CdtTrfTxInf/Amt/EqvtAmt".to_owned(), "give InstdAmt: the amount that arrives".to_owned()));
        };
        let own = match payment.purp.as_deref() {
            Some(Purpose2Choice::Cd(code)) => Some(code.as_str().to_owned()),
            Some(Purpose2Choice::Prtry(_)) | None => None,
        };
        let of_payment = payment.pmt_tp_inf.as_deref().and_then(category_of);
        let lines = payment.rmt_inf.as_deref().map(|remittance| remittance.ustrd.iter().map(|line| line.as_str().to_owned()));
        Ok(Self {
            instruction_id: payment.pmt_id.instr_id.as_ref().map(|id| id.as_str().to_owned()),
            end_to_end_id: payment.pmt_id.end_to_end_id.as_str().to_owned(),
            amount: instructed.value.to_string(),
            currency: instructed.ccy.as_str().to_owned(),
            creditor_agent: payment.cdtr_agt.as_deref().and_then(bic_of),
            creditor_name: payment.cdtr.as_deref().map(|creditor| PartyView::of(creditor).name).filter(|name| !name.is_empty()),
            creditor_account: payment.cdtr_acct.as_deref().map(AccountView::of),
            purpose: own.or(of_payment).or(of_batch),
            remittance: lines.map(|lines| lines.collect::<Vec<_>>().join(" ")).unwrap_or_default(),
        })
    }

    /// What can be made out of a payment that does not read: its identification and amount, so that totals can be held against it.
    pub fn guess(own: &[u8]) -> (Option<String>, Option<String>) {
        let text = String::from_utf8_lossy(own);
        let inside = |name: &str| {
            let (_, behind) = text.split_once(name)?;
            let (_, value) = behind.split_once('>')?;
            value.split('<').next().map(|text| text.trim().to_owned())
        };
        (inside("EndToEndId"), inside("InstdAmt"))
    }
}

fn category_of(information: &PaymentTypeInformation26) -> Option<String> {
    match information.ctgy_purp.as_deref()? {
        CategoryPurpose1Choice::Cd(code) => Some(code.as_str().to_owned()),
        CategoryPurpose1Choice::Prtry(_) => None,
    }
}

fn bic_of(agent: &BranchAndFinancialInstitutionIdentification6) -> Option<String> {
    agent.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str()))
}

/// A decimal number in units of 10⁻⁵; `None` if it is none, or finer than that.
pub fn control_sum(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || whole.len() > 18 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    (fraction.len() <= SUM_DECIMALS).then(|| format!("{whole}{fraction:0<SUM_DECIMALS$}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact() {
        for (text, expected) in [
            ("1", Some(100_000)),
            ("1.5", Some(150_000)),
            ("0.00001", Some(1)),
            (".5", Some(50_000)),
            ("12.3400000", Some(1_234_000)),
            ("0.000001", None),
            ("", None),
            ("-1", None),
            ("1e3", None),
        ] {
            assert_eq!(control_sum(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_payment_that_does_not_read_still_tells_what_it_can() {
        let own = b"<CdtTrfTxInf><PmtId><EndToEndId>E-7</EndToEndId></PmtId><Amt><InstdAmt Ccy=\"hkd\">12.50</InstdAmt></Amt>";
        assert_eq!(InstructionView::guess(own), (Some("E-7".into()), Some("12.50".into())));
        assert_eq!(InstructionView::guess(b"<CdtTrfTxInf/>"), (None, None));
    }
}
