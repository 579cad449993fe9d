//! Instructions of tables about settlement agents.

use clearing::{
    AgentTerms, AnswerTransfer, AskTransfer, Clearing, Command, FundDirection, Hours, IsoReason, NoteKind, OutsideHours,
    ParticipantId, SetAgent, SetTopUp, SettlementCommand, TransferVerdict,
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
    };
    let name = |id: ParticipantId| clearing.participants().nth(id.0 as usize).unwrap().name;
    let by = note.agent.map(|agent| format!(" by {}", name(agent))).unwrap_or_default();
    let reason = note.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    let amount = Amount { minor: note.amount, currency: note.currency };
    format!("{what} {} {amount} {}{by}{reason}", name(note.participant), note.currency.code)
}
