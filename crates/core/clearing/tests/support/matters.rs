//! Lines of tables about matters between two agents.
//!
//! ```text
//! ask R1 PENG HARB 100.00 HKD until 3600 [less] [other]   => asked | CLR-1128      PENG asks a customer of HARB
//! reply R1 HARB presented | accept | AC04                 => presented | accepted | refused AC04
//! withdraw R1 PENG                                        => withdrawn
//! pay P1 HARB PENG 100.00 HKD on R1                       => held | rejected AM09
//! request R1                                              => paid by P1 100.00 HKD
//! ```

use super::mandates::{collection_words, mandate_words};
use clearing::{
    AskToPay, Command, ContentHash, IsoReason, MatterStep, MatterView, ParticipantId, RequestAnswer, RequestState, RequestStep,
    Time, Uetr,
};
use money::{CurrencyCode, MinorUnits};

/// The creditor agent asks.
pub fn ask(
    request: Uetr,
    [creditor_agent, debtor_agent]: [ParticipantId; 2],
    (amount, currency): (MinorUnits, CurrencyCode),
    expires_at: Time,
    rest: &[&str],
) -> Command {
    Command::Matter(MatterStep::Request(RequestStep::Ask(AskToPay {
        request,
        content: ContentHash([if rest.contains(&"other") { 2 } else { 1 }; 32]),
        creditor_agent,
        debtor_agent,
        amount,
        currency,
        less_allowed: rest.contains(&"less"),
        expires_at,
    })))
}

/// The debtor agent answers.
pub fn reply(request: Uetr, debtor_agent: ParticipantId, word: &str) -> Result<Command, String> {
    let says = match word {
        "presented" => RequestAnswer::Presented,
        "accept" => RequestAnswer::Accepted,
        reason => RequestAnswer::Refused(IsoReason::parse(reason).ok_or("reason")?),
    };
    Ok(Command::Matter(MatterStep::Request(RequestStep::Answer { request, debtor_agent, says })))
}

/// The creditor agent takes it back.
pub fn withdraw(request: Uetr, creditor_agent: ParticipantId) -> Command {
    Command::Matter(MatterStep::Request(RequestStep::Withdraw { request, creditor_agent }))
}

/// How a matter stands.
pub fn words(matter: &MatterView) -> String {
    match matter {
        MatterView::Request(request) => match request.state {
            RequestState::Asked => "asked".into(),
            RequestState::Presented => "presented".into(),
            RequestState::Accepted => "accepted".into(),
            RequestState::Refused => format!("refused {:?}", request.reason.expect("a refusal has a reason")),
            RequestState::Withdrawn => "withdrawn".into(),
            RequestState::Expired => "expired".into(),
            state @ (RequestState::Paying | RequestState::Paid) => {
                let settlement = request.settlement.expect("a payment is there");
                let name = settlement.payment.0.iter().take_while(|byte| **byte != 0).map(|byte| *byte as char);
                let verb = if state == RequestState::Paid { "paid" } else { "being paid" };
                format!("{verb} by {} {:?}", name.collect::<String>(), settlement.credit)
            }
        },
        MatterView::Mandate(mandate) => mandate_words(mandate),
        MatterView::Collection(collection) => collection_words(collection),
        MatterView::Preauth(preauth) => super::preauths::words(preauth),
    }
}
