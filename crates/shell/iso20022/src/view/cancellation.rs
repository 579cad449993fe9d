//! Taking a payment back: the request (`camt.056`) and what came of it (`camt.029`).

use super::parts::{agent, agent_bic, nanos, optional, time, uuid_bytes, uuid_text};
use super::{Named, ViewError};
use crate::generated::*;
use crate::value::EpochNanos;

/// A request to cancel one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationRequestView {
    /// `Assgnmt/Id`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub created_at: EpochNanos,
    /// `Assgnmt/Assgnr/Agt`: who asks.
    pub assigner: String,
    /// `Assgnmt/Assgne/Agt`: whom.
    pub assignee: String,
    /// `Undrlyg/TxInf/OrgnlUETR`.
    pub uetr: [u8; 16],
    /// `Undrlyg/TxInf/CxlRsnInf/Rsn/Cd`: why, of `ExternalCancellationReason1Code`.
    pub reason: Option<String>,
}

impl CancellationRequestView {
    /// Reads the one payment of a `camt.056`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt05600108(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.056.001.08", found: message.message_type().id() });
        };
        let request = &document.fi_to_fi_pmt_cxl_req;
        let [underlying] = request.undrlyg.as_slice() else { return Err(ViewError::NotOne("Undrlyg")) };
        let [tx] = underlying.tx_inf.as_slice() else { return Err(ViewError::NotOne("TxInf")) };
        Ok(Self {
            message_id: request.assgnmt.id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &request.assgnmt.cre_dt_tm)?,
            assigner: party_bic(&request.assgnmt.assgnr).ok_or(ViewError::Missing("Assgnr/Agt/FinInstnId/BICFI"))?,
            assignee: party_bic(&request.assgnmt.assgne).ok_or(ViewError::Missing("Assgne/Agt/FinInstnId/BICFI"))?,
            uetr: uetr_of(tx.orgnl_uetr.as_ref())?,
            reason: cancellation_reason(&tx.cxl_rsn_inf),
        })
    }

    /// The `camt.056` that asks it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let tx = PaymentTransaction106 {
            orgnl_uetr: Some(UUIDv4Identifier::new(uuid_text(&self.uetr)).named("OrgnlUETR")?),
            cxl_rsn_inf: cancellation_information(&self.reason)?,
            ..Default::default()
        };
        let underlying = UnderlyingTransaction23 { tx_inf: vec![tx], ..Default::default() };
        let assignment = assignment(&self.message_id, self.created_at, &self.assigner, &self.assignee)?;
        let request = FIToFIPaymentCancellationRequestV08 {
            undrlyg: vec![underlying],
            ..FIToFIPaymentCancellationRequestV08::new(assignment)
        };
        Ok(Message::Camt05600108(Box::new(Camt05600108Document { fi_to_fi_pmt_cxl_req: request })))
    }
}

/// What came of a request to cancel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancellationAnswerView {
    /// `Assgnmt/Id`.
    pub message_id: String,
    /// `Assgnmt/CreDtTm`.
    pub created_at: EpochNanos,
    /// `Assgnmt/Assgnr/Agt`: who answers.
    pub assigner: String,
    /// `Assgnmt/Assgne/Agt`: whom.
    pub assignee: String,
    /// `CxlDtls/TxInfAndSts/OrgnlUETR`.
    pub uetr: [u8; 16],
    /// `Sts/Conf`.
    pub outcome: CancellationOutcome,
    /// `CxlDtls/TxInfAndSts/CxlStsRsnInf/Rsn/Cd`: why not, of `ExternalPaymentCancellationRejection1Code`.
    pub reason: Option<String>,
    /// `CxlStsRsnInf/AddtlInf`.
    pub information: Option<String>,
}

super::status::statuses! {
    /// What came of it: the codes of `ExternalInvestigationExecutionConfirmation1Code` that this scheme uses.
    InvestigationExecutionConfirmation as CancellationOutcome:
    /// `CNCL`: cancelled; of a settled payment: the money will be sent back.
    Cancelled = Cncl,
    /// `PDCR`: the creditor agent is asked.
    Pending = Pdcr,
    /// `RJCR`: not.
    Refused = Rjcr,
}

impl CancellationAnswerView {
    /// Reads the one payment of a `camt.029`.
    pub fn of(message: &Message) -> Result<Self, ViewError> {
        let Message::Camt02900109(document) = message else {
            return Err(ViewError::OtherMessage { expected: "camt.029.001.09", found: message.message_type().id() });
        };
        let resolution = &document.rsltn_of_invstgtn;
        let [details] = resolution.cxl_dtls.as_slice() else { return Err(ViewError::NotOne("CxlDtls")) };
        let [tx] = details.tx_inf_and_sts.as_slice() else { return Err(ViewError::NotOne("TxInfAndSts")) };
        let InvestigationStatus5Choice::Conf(status) = &resolution.sts else { return Err(ViewError::Missing("Sts/Conf")) };
        let outcome = CancellationOutcome::from_code(status.as_str());
        let outcome = outcome.ok_or_else(|| ViewError::Code { field: "Sts/Conf", code: status.as_str().to_owned() })?;
        let reason = tx.cxl_sts_rsn_inf.iter().find_map(|information| match information.rsn.as_deref()? {
            CancellationStatusReason3Choice::Cd(code) => Some(code.as_str().to_owned()),
            CancellationStatusReason3Choice::Prtry(own) => Some(own.as_str().to_owned()),
        });
        let lines: Vec<&str> = tx.cxl_sts_rsn_inf.iter().flat_map(|it| &it.addtl_inf).map(Max105Text::as_str).collect();
        Ok(Self {
            message_id: resolution.assgnmt.id.as_str().to_owned(),
            created_at: nanos("CreDtTm", &resolution.assgnmt.cre_dt_tm)?,
            assigner: party_bic(&resolution.assgnmt.assgnr).ok_or(ViewError::Missing("Assgnr/Agt/FinInstnId/BICFI"))?,
            assignee: party_bic(&resolution.assgnmt.assgne).ok_or(ViewError::Missing("Assgne/Agt/FinInstnId/BICFI"))?,
            uetr: uetr_of(tx.orgnl_uetr.as_ref())?,
            outcome,
            reason,
            information: (!lines.is_empty()).then(|| lines.join(" ")),
        })
    }

    /// The `camt.029` that tells it.
    pub fn message(&self) -> Result<Message, ViewError> {
        let reason = optional(&self.reason, ExternalPaymentCancellationRejection1Code::new, "CxlStsRsnInf/Rsn/Cd")?;
        let words = self.information.as_deref().map(|it| super::rejection::cut(it, 105));
        let words = words.map(|it| Max105Text::new(it).named("AddtlInf")).transpose()?;
        let says_why = reason.is_some() || words.is_some();
        let why = CancellationStatusReason4 {
            rsn: reason.map(|code| Box::new(CancellationStatusReason3Choice::Cd(code))),
            addtl_inf: words.into_iter().collect(),
            ..Default::default()
        };
        let tx = PaymentTransaction102 {
            orgnl_uetr: Some(UUIDv4Identifier::new(uuid_text(&self.uetr)).named("OrgnlUETR")?),
            cxl_sts_rsn_inf: says_why.then_some(why).into_iter().collect(),
            ..Default::default()
        };
        let status = InvestigationStatus5Choice::Conf(self.outcome.iso().into());
        let assignment = assignment(&self.message_id, self.created_at, &self.assigner, &self.assignee)?;
        let resolution = ResolutionOfInvestigationV09 {
            cxl_dtls: vec![UnderlyingTransaction22 { tx_inf_and_sts: vec![tx], ..Default::default() }],
            ..ResolutionOfInvestigationV09::new(assignment, status)
        };
        Ok(Message::Camt02900109(Box::new(Camt02900109Document { rsltn_of_invstgtn: resolution })))
    }
}

pub(super) fn uetr_of(uetr: Option<&UUIDv4Identifier>) -> Result<[u8; 16], ViewError> {
    uetr.and_then(|uetr| uuid_bytes(uetr.as_str())).ok_or(ViewError::Missing("OrgnlUETR"))
}

pub(super) fn assignment(id: &str, at: EpochNanos, from: &str, to: &str) -> Result<CaseAssignment5, ViewError> {
    let party = |field, bic| Ok::<_, ViewError>(Party40Choice::Agt(Box::new(agent(field, bic)?)));
    let (assgnr, assgne) = (party("Assgnr", from)?, party("Assgne", to)?);
    Ok(CaseAssignment5 { id: Max35Text::new(id).named("Assgnmt/Id")?, assgnr, assgne, cre_dt_tm: time(at) })
}

pub(super) fn party_bic(party: &Party40Choice) -> Option<String> {
    match party {
        Party40Choice::Agt(agent) => agent_bic(agent),
        Party40Choice::Pty(_) => None,
    }
}

/// The first reason a request for cancellation gives, `camt.055` and `camt.056` alike.
pub(super) fn cancellation_reason(information: &[PaymentCancellationReason5]) -> Option<String> {
    information.iter().find_map(|information| match information.rsn.as_deref()? {
        CancellationReason33Choice::Cd(code) => Some(code.as_str().to_owned()),
        CancellationReason33Choice::Prtry(own) => Some(own.as_str().to_owned()),
    })
}

/// A reason as both write it.
pub(super) fn cancellation_information(reason: &Option<String>) -> Result<Vec<PaymentCancellationReason5>, ViewError> {
    let code = optional(reason, ExternalCancellationReason1Code::new, "CxlRsnInf/Rsn/Cd")?;
    let information =
        |code| PaymentCancellationReason5 { rsn: Some(Box::new(CancellationReason33Choice::Cd(code))), ..Default::default() };
    Ok(code.map(information).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UETR: [u8; 16] = [0x8a, 0x56, 0x2c, 0x67, 0xca, 0x16, 0x48, 0xba, 0xb0, 0x74, 0x65, 0x58, 0x1b, 0xe6, 0xf0, 0x01];

    #[test]
    fn a_request_and_its_answers_read_back() {
        let request = CancellationRequestView {
            message_id: "C1".into(),
            created_at: 1_700_000_000_000_000_000,
            assigner: "HARBHKHHXXX".into(),
            assignee: "LUOHHKHHXXX".into(),
            uetr: UETR,
            reason: Some("CUST".into()),
        };
        assert_eq!(CancellationRequestView::of(&request.message().unwrap()), Ok(request.clone()));
        for (outcome, reason, information) in [
            (CancellationOutcome::Cancelled, None, None),
            (CancellationOutcome::Pending, None, None),
            (CancellationOutcome::Refused, Some("NOOR"), Some("CLR-1005 no payment")),
        ] {
            let answer = CancellationAnswerView {
                message_id: "A1".into(),
                created_at: request.created_at,
                assigner: request.assignee.clone(),
                assignee: request.assigner.clone(),
                uetr: UETR,
                outcome,
                reason: reason.map(str::to_owned),
                information: information.map(str::to_owned),
            };
            assert_eq!(CancellationAnswerView::of(&answer.message().unwrap()), Ok(answer));
        }
    }
}
