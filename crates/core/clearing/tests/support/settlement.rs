//! Instructions of tables about settlement agents.

use clearing::{
    AgentTerms, AnswerTransfer, AskTransfer, Clearing, Command, FundDirection, Hours, IsoReason, NoteKind, OutsideHours,
    ParticipantId, Priority, SendTransfer, SentState, SetAgent, SetTopUp, SettlementCommand, Time, TransferVerdict,
};
use money::{Amount, CurrencyCode, MinorUnits};

type Participant<'a> = &'a dyn Fn(&str) -> ParticipantId;
type Minor<'a> = &'a dyn Fn(&str, &str) -> MinorUnits;

/// The command an instruction says.
pub fn command(
    words: &[&str],
    participant: Participant<'_>,
    amount: Minor<'_>,
    id: &dyn Fn(&str) -> [u8; 16],
    currency: &dyn Fn(&str) -> CurrencyCode,
) -> Result<Command, String> {
    let minute = |text: &str| text.parse::<u16>().map_err(|_| "minute".to_owned());
    Ok(Command::Settle(match *words {
        ["agent", name, code, opens, "to", closes, outside] => SettlementCommand::SetAgent(SetAgent {
            currency: currency(code),
            terms: AgentTerms {
                agent: participant(name),
                hours: Hours { opens: minute(opens)?, closes: minute(closes)?, ..Hours::always() },
                outside: if outside == "queue" { OutsideHours::Queue } else { OutsideHours::Reject },
            },
        }),
        [verb @ ("top-up" | "withdrawal"), name, who, minor, code] => SettlementCommand::Ask(AskTransfer {
            reference: id(name),
            participant: participant(who),
            currency: currency(code),
            direction: if verb == "top-up" { FundDirection::In } else { FundDirection::Out },
            amount: amount(minor, code),
        }),
        ["agent-says", name, who, word] => SettlementCommand::Answer(answer(id(name), Some(participant(who)), word)?),
        ["officers-say", name, word] => SettlementCommand::Answer(answer(id(name), None, word)?),
        ["standing-top-up", who, code, word] => {
            SettlementCommand::SetTopUp(SetTopUp { participant: participant(who), currency: currency(code), is_on: word == "on" })
        }
        ["send", name, from, to, minor, code, "until", second, ref urgent @ ..] => SettlementCommand::Send(SendTransfer {
            reference: id(name),
            from: participant(from),
            to: participant(to),
            currency: currency(code),
            amount: amount(minor, code),
            priority: if urgent == ["urgent"] { Priority::High } else { Priority::Normal },
            until: Time(second.parse::<u64>().map_err(|_| "second")? * 1_000_000_000),
        }),
        ["take-back", name, who] => SettlementCommand::TakeBack { reference: id(name), from: participant(who) },
        _ => return Err("no such instruction of settlement".into()),
    }))
}

fn answer(reference: [u8; 16], agent: Option<ParticipantId>, word: &str) -> Result<AnswerTransfer, String> {
    let verdict = match word {
        "done" => TransferVerdict::Done,
        reason => TransferVerdict::Refused(IsoReason::parse(reason).ok_or("reason")?),
    };
    Ok(AnswerTransfer { reference, agent, verdict })
}

/// How a transfer stands.
pub fn transfer(clearing: &Clearing, reference: [u8; 16]) -> String {
    let found = clearing.transfers().find(|transfer| transfer.reference == reference);
    found.map_or("none".into(), |transfer| {
        let way = if transfer.direction == FundDirection::In { "in" } else { "out" };
        match transfer.told_at > clearing.time() {
            true => format!("queued until {}", transfer.told_at.0 / 1_000_000_000),
            false => format!("asked {way} {} {}", transfer.amount, transfer.amount.currency.code),
        }
    })
}

/// How an interbank transfer stands.
pub fn sent(clearing: &Clearing, reference: [u8; 16]) -> String {
    match clearing.sent_transfer(reference) {
        None => "none".into(),
        Some((_, SentState::Waiting)) => "waiting".into(),
        Some((_, SentState::Settled)) => "settled".into(),
        Some((_, SentState::Ended(reason))) => format!("ended {reason}"),
    }
}

/// The last settlement note.
pub fn noted(clearing: &Clearing) -> String {
    let Some(note) = clearing.settlement_notes(0).last() else { return "nothing".into() };
    let what = match note.kind {
        NoteKind::FundedIn => "funded in",
        NoteKind::FundedOut => "funded out",
        NoteKind::TopUpAsked => "top-up asked",
        NoteKind::WithdrawalAsked => "withdrawal asked",
        NoteKind::TransferRefused => "refused",
        NoteKind::WithdrawalQueued => "withdrawal queued",
        NoteKind::SentOut => "sent out",
        NoteKind::CameIn => "came in",
        NoteKind::SentNotSettled => "not settled",
    };
    let name = |id: ParticipantId| clearing.participants().nth(id.0 as usize).unwrap().name;
    let by = note.agent.map(|agent| format!(" by {}", name(agent))).unwrap_or_default();
    let reason = note.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    let amount = Amount { minor: note.amount, currency: note.currency };
    format!("{what} {} {amount} {}{by}{reason}", name(note.participant), note.currency.code)
}
