//! Rules about status reports, status requests and payee checks.

use super::{BusinessRule as R, Finding, codes, texts};
use crate::generated::*;
use crate::view::TransactionStatus;

pub(super) fn status_report(report: &FIToFIPaymentStatusReportV10, findings: &mut Vec<Finding>) {
    const ROOT: &str = "/Document/FIToFIPmtStsRpt";
    texts::identifier(&format!("{ROOT}/GrpHdr/MsgId"), report.grp_hdr.msg_id.as_str(), findings);
    let [tx] = report.tx_inf_and_sts.as_slice() else {
        let text = format!("there are {} statuses, not one", report.tx_inf_and_sts.len());
        findings.push(Finding::new(R::Status, format!("{ROOT}/TxInfAndSts"), text));
        return;
    };
    let path = format!("{ROOT}/TxInfAndSts[1]");
    if tx.orgnl_uetr.is_none() {
        findings.push(Finding::new(R::Uetr, format!("{path}/OrgnlUETR"), "the UETR is missing"));
    }
    let Some(status) = &tx.tx_sts else {
        findings.push(Finding::new(R::Status, format!("{path}/TxSts"), "the status is missing"));
        return;
    };
    match TransactionStatus::from_code(status.as_str()) {
        Some(TransactionStatus::Rejected) => rejection_reason(tx, &path, findings),
        Some(_) => {}
        None => {
            let text = format!("the status `{}` is not used here", status.as_str());
            findings.push(Finding::new(R::Status, format!("{path}/TxSts"), text));
        }
    }
}

fn rejection_reason(tx: &PaymentTransaction110, path: &str, findings: &mut Vec<Finding>) {
    let path = format!("{path}/StsRsnInf[1]/Rsn/Cd");
    match tx.sts_rsn_inf.iter().find_map(|it| it.rsn.as_deref()) {
        Some(StatusReason6Choice::Cd(code)) => {
            if let Err(unknown) = code.known() {
                findings.push(Finding::new(R::Status, path, format!("the reason {unknown}")));
            }
        }
        Some(StatusReason6Choice::Prtry(_)) | None => {
            findings.push(Finding::new(R::Status, path, "a rejection needs a reason code"));
        }
    }
}

pub(super) fn status_request(request: &FIToFIPaymentStatusRequestV03, findings: &mut Vec<Finding>) {
    const ROOT: &str = "/Document/FIToFIPmtStsReq";
    texts::identifier(&format!("{ROOT}/GrpHdr/MsgId"), request.grp_hdr.msg_id.as_str(), findings);
    match request.tx_inf.as_slice() {
        [tx] if tx.orgnl_uetr.is_some() => {}
        [_] => findings.push(Finding::new(R::Uetr, format!("{ROOT}/TxInf[1]/OrgnlUETR"), "the UETR is missing")),
        all => {
            let text = format!("there are {} payments asked for, not one", all.len());
            findings.push(Finding::new(R::Uetr, format!("{ROOT}/TxInf"), text));
        }
    }
}

pub(super) fn identification_request(request: &IdentificationVerificationRequestV02, findings: &mut Vec<Finding>) {
    const ROOT: &str = "/Document/IdVrfctnReq";
    assignment(ROOT, &request.assgnmt, findings);
    let [verification] = request.vrfctn.as_slice() else {
        let text = format!("there are {} verifications, not one", request.vrfctn.len());
        findings.push(Finding::new(R::Question, format!("{ROOT}/Vrfctn"), text));
        return;
    };
    let path = format!("{ROOT}/Vrfctn[1]");
    texts::identifier(&format!("{path}/Id"), verification.id.as_str(), findings);
    match verification.pty_and_acct_id.acct.as_deref() {
        None => findings.push(Finding::new(R::Question, format!("{path}/PtyAndAcctId/Acct"), "the account is missing")),
        Some(AccountIdentification4Choice::IBAN(iban)) if !codes::is_iban(iban.as_str()) => {
            let text = "the IBAN's check digits do not fit";
            findings.push(Finding::new(R::Iban, format!("{path}/PtyAndAcctId/Acct/IBAN"), text));
        }
        Some(_) => {}
    }
}

pub(super) fn identification_report(report: &IdentificationVerificationReportV02, findings: &mut Vec<Finding>) {
    assignment("/Document/IdVrfctnRpt", &report.assgnmt, findings);
}

fn assignment(root: &str, assignment: &IdentificationAssignment2, findings: &mut Vec<Finding>) {
    texts::identifier(&format!("{root}/Assgnmt/MsgId"), assignment.msg_id.as_str(), findings);
    for (name, end) in [("Assgnr", &assignment.assgnr), ("Assgne", &assignment.assgne)] {
        let bic = match end {
            Party12Choice::Agt(agent) => agent.fin_instn_id.bicfi.as_ref(),
            Party12Choice::Pty(_) => None,
        };
        match bic {
            None => findings.push(Finding::new(R::AgentBics, format!("{root}/Assgnmt/{name}"), "this end is not named by a BIC")),
            Some(bic) if !codes::bic_country_exists(bic.as_str()) => {
                let text = format!("`{}` names no existing country", bic.as_str());
                findings.push(Finding::new(R::BicCountry, format!("{root}/Assgnmt/{name}"), text));
            }
            Some(_) => {}
        }
    }
}
