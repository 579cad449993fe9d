//! Rules about the business application header and how it fits the document.

use super::{BusinessRule as R, Finding, RuleSettings, codes, texts};
use crate::envelope::BusinessMessage;
use crate::generated::*;
use crate::scheme::Carried;
use crate::view::bic_11;

pub(super) fn check(message: &BusinessMessage, settings: &RuleSettings, findings: &mut Vec<Finding>) {
    let Some(header) = &message.header else {
        if settings.header_required {
            findings.push(Finding::new(R::HeaderPresent, "/AppHdr", "the message has no business application header"));
        }
        return;
    };
    let definition = message.document.message_type().id();
    if header.msg_def_idr.as_str() != definition {
        let text = format!("the header announces `{}`, the document is `{definition}`", header.msg_def_idr.as_str());
        findings.push(Finding::new(R::Definition, "/AppHdr/MsgDefIdr", text));
    }
    if let Some(id) = document_id(&message.document)
        && id != header.biz_msg_idr.as_str()
    {
        let text = format!("the header's id is `{}`, the document's `{id}`", header.biz_msg_idr.as_str());
        findings.push(Finding::new(R::MessageId, "/AppHdr/BizMsgIdr", text));
    }
    texts::identifier("/AppHdr/BizMsgIdr", header.biz_msg_idr.as_str(), findings);
    sender(header, message, settings, findings);
    for (path, end) in [("/AppHdr/Fr", &header.fr), ("/AppHdr/To", &header.to)] {
        match crate::view::end_bic(end) {
            Some(bic) if !codes::bic_country_exists(&bic) => {
                findings.push(Finding::new(R::BicCountry, path, format!("`{bic}` names no existing country")));
            }
            Some(_) => {}
            None => findings.push(Finding::new(R::AgentBics, path, "this end is not named by a BIC")),
        }
    }
}

fn sender(
    header: &BusinessApplicationHeaderV02,
    message: &BusinessMessage,
    settings: &RuleSettings,
    findings: &mut Vec<Finding>,
) {
    let Some(from) = crate::view::end_bic(&header.fr) else { return };
    if let Some(agent) = sending_agent(&message.document)
        && agent != from
    {
        let text = format!("the header is from `{from}`, the document from `{agent}`");
        findings.push(Finding::new(R::Sender, "/AppHdr/Fr", text));
    }
    if let Some(signer) = &settings.signer
        && *signer != from
    {
        let text = format!("the header is from `{from}`, the signature is of `{signer}`");
        findings.push(Finding::new(R::Signer, "/AppHdr/Fr", text));
    }
}

/// The id the document gives itself.
fn document_id(document: &Message) -> Option<&str> {
    Some(match document.carried() {
        Carried::CreditTransfer(transfer) => transfer.grp_hdr.msg_id.as_str(),
        Carried::StatusReport(report) => report.grp_hdr.msg_id.as_str(),
        Carried::StatusRequest(request) => request.grp_hdr.msg_id.as_str(),
        Carried::NameQuestion(question) => question.assgnmt.msg_id.as_str(),
        Carried::NameAnswer(answer) => answer.assgnmt.msg_id.as_str(),
        Carried::LiquidityTransfer(transfer) => transfer.msg_hdr.msg_id.as_str(),
        Carried::InterbankTransfer(transfer) => transfer.grp_hdr.msg_id.as_str(),
        Carried::Receipt(receipt) => receipt.msg_hdr.msg_id.as_str(),
        Carried::StatementRequest(request) => request.grp_hdr.msg_id.as_str(),
        Carried::AccountQuery(query) => query.msg_hdr.msg_id.as_str(),
        Carried::PaymentQuery(query) => query.msg_hdr.msg_id.as_str(),
        Carried::PaymentRequest(request) => request.grp_hdr.msg_id.as_str(),
        Carried::RequestReport(report) => report.grp_hdr.msg_id.as_str(),
        Carried::RequestWithdrawal(withdrawal) => withdrawal.assgnmt.id.as_str(),
        Carried::MandateRequest(request) => request.grp_hdr.msg_id.as_str(),
        Carried::MandateAmendment(request) => request.grp_hdr.msg_id.as_str(),
        Carried::MandateCancellation(request) => request.grp_hdr.msg_id.as_str(),
        Carried::MandateAnswer(report) => report.grp_hdr.msg_id.as_str(),
        Carried::DirectDebit(debit) => debit.grp_hdr.msg_id.as_str(),
        // These have no id of their own, or none that concerns this scheme.
        Carried::Rejection(_)
        | Carried::QueryAnswer(_)
        | Carried::Presence(_)
        | Carried::CancellationRequest(_)
        | Carried::Return(_)
        | Carried::CancellationAnswer(_)
        | Carried::Statement(_)
        | Carried::Header(_)
        | Carried::Elsewhere(_) => return None,
    })
}

type Agent = Option<Box<BranchAndFinancialInstitutionIdentification6>>;

/// BIC of the agent the document says it is from.
fn sending_agent(document: &Message) -> Option<String> {
    let first = |agents: [Option<&Agent>; 2]| {
        let agent = agents.into_iter().flatten().find_map(|agent| agent.as_deref())?;
        agent.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str()))
    };
    match document.carried() {
        Carried::CreditTransfer(transfer) => {
            let tx = transfer.cdt_trf_tx_inf.first();
            let debtor_agent = || tx?.dbtr_agt.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str()));
            first([tx.map(|tx| &tx.instg_agt), Some(&transfer.grp_hdr.instg_agt)]).or_else(debtor_agent)
        }
        Carried::StatusReport(report) => {
            first([report.tx_inf_and_sts.first().map(|tx| &tx.instg_agt), Some(&report.grp_hdr.instg_agt)])
        }
        Carried::StatusRequest(request) => {
            first([request.tx_inf.first().map(|tx| &tx.instg_agt), Some(&request.grp_hdr.instg_agt)])
        }
        Carried::InterbankTransfer(transfer) => {
            let debtor = transfer.cdt_trf_tx_inf.first()?.dbtr.fin_instn_id.bicfi.as_ref()?;
            Some(bic_11(debtor.as_str()))
        }
        Carried::NameQuestion(question) => assigner(&question.assgnmt),
        Carried::NameAnswer(answer) => assigner(&answer.assgnmt),
        // Which of the two agents it must be depends on how it is used; the centre's door says.
        Carried::PaymentRequest(_)
        | Carried::RequestReport(_)
        | Carried::RequestWithdrawal(_)
        | Carried::MandateRequest(_)
        | Carried::MandateAmendment(_)
        | Carried::MandateCancellation(_)
        | Carried::MandateAnswer(_)
        | Carried::DirectDebit(_) => None,
        Carried::Rejection(_)
        | Carried::QueryAnswer(_)
        | Carried::Presence(_)
        | Carried::CancellationRequest(_)
        | Carried::Return(_)
        | Carried::CancellationAnswer(_)
        | Carried::LiquidityTransfer(_)
        | Carried::Receipt(_)
        | Carried::StatementRequest(_)
        | Carried::AccountQuery(_)
        | Carried::PaymentQuery(_)
        | Carried::Statement(_)
        | Carried::Header(_)
        | Carried::Elsewhere(_) => None,
    }
}

fn assigner(assignment: &IdentificationAssignment2) -> Option<String> {
    match &assignment.assgnr {
        Party12Choice::Agt(agent) => agent.fin_instn_id.bicfi.as_ref().map(|bic| bic_11(bic.as_str())),
        Party12Choice::Pty(_) => None,
    }
}
