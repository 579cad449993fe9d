//! What the door says of payments the centre has forgotten: what the centre would have said, from the past.
//!
//! The centre keeps payments for some time behind their end. It refuses what may be about a payment it has forgotten; here
//! it is looked up. A *new* message with an old UETR the centre cannot tell from one with a fresh UETR: that it is refused
//! is a check of this door, by the past it knows, and not of the centre. Between operators it holds at each door that has
//! seen the earlier payment's block.

use crate::past::Past;
use crate::refusal::Problem;
use crate::wire::{Report, Unposted, Verdict};
use clearing::{AnswerVerdict, ContentHash, ParticipantId, PaymentState, PaymentView, Posting, Refusal, Rejection, Uetr};

/// Whether a payment of this content and sender is the one on record, sent again.
pub(crate) fn is_repeated(known: &PaymentView, content: ContentHash, sender: ParticipantId) -> bool {
    known.content == content && known.debtor_agent == sender
}

/// A payment the centre refused: how it ended, if it is one that was forgotten, sent again (PAY-03).
pub(crate) fn payment(
    past: &dyn Past,
    uetr: Uetr,
    content: ContentHash,
    sender: ParticipantId,
    refusal: Refusal,
) -> Result<Result<PaymentView, Refusal>, Problem> {
    if refusal != Refusal::TooOldToKnow {
        return Ok(Err(refusal));
    }
    Ok(past.payment(uetr)?.filter(|known| is_repeated(known, content, sender)).ok_or(refusal))
}

/// A report the centre refused: how its payment stands, if it was forgotten and the report says nothing new.
pub(crate) fn report(
    past: &dyn Past,
    report: &Report,
    sender: ParticipantId,
    refusal: Refusal,
) -> Result<Result<PaymentView, Refusal>, Problem> {
    if refusal != Refusal::UnknownPayment {
        return Ok(Err(refusal));
    }
    let known = past.payment(report.uetr)?.filter(|known| known.finality.is_some());
    Ok(known.ok_or(refusal).and_then(|known| says_nothing_new(report, known, sender)))
}

fn says_nothing_new(report: &Report, known: PaymentView, sender: ParticipantId) -> Result<PaymentView, Refusal> {
    if known.creditor_agent != sender || !known.creditor_agent_knows() {
        return Err(Refusal::NotYourPayment);
    }
    match (report.verdict, known.state, known.rejection) {
        (Verdict::Answer(AnswerVerdict::WillCredit), PaymentState::Settled, _) => Ok(known),
        (Verdict::Answer(AnswerVerdict::Refuses(said)), _, Some(Rejection::ByCreditorAgent(reason))) if said == reason => {
            Ok(known)
        }
        (Verdict::Credited, PaymentState::Settled, _) if known.credited => Ok(known),
        (Verdict::Credited, PaymentState::Held | PaymentState::Rejected, _) => Err(Refusal::NotSettled),
        (Verdict::Posting(Unposted::Review), PaymentState::Settled, _)
            if matches!(known.posting, Posting::UnderReview | Posting::Overdue) =>
        {
            Ok(known)
        }
        (Verdict::Answer(_) | Verdict::Credited | Verdict::Posting(_), _, _) => Err(Refusal::AlreadyFinal),
    }
}
