//! Lines of tables about mandates and what is collected under them.
//!
//! ```text
//! mandate M1 PENG HARB 100.00 HKD [fixed] month 250.00 times 3 from 0 until 9000 [purpose RENT] [other]  => asked | CLR-1190
//!                                          PENG may collect up to 100.00 each, 250.00 and three times a month, from HARB's customer
//! amend M1 PENG 120.00 HKD month 300.00 times 3 from 0 until 9000 [other]     => amending
//! agree M1 HARB yes | AC04 [late]          => active | refused AC04           (late: to the question before this one)
//! suspend M1 HARB                          => suspended; resume M1 HARB => active
//! end M1 HARB MD07                         => cancelled MD07
//! collect C1 PENG HARB 50.00 HKD under M1 [other]   => asked | CLR-1193
//! refuse C1 HARB AM04                      => refused AM04
//! pay P1 HARB PENG 50.00 HKD for C1        => held | rejected MD01
//! used M1                                  => 50.00 in 1
//! ```

use clearing::{
    AskMandate, Clearing, Collect, CollectionState, CollectionStep, CollectionView, Command, ContentHash, IsoReason,
    MandateAnswer, MandatePeriod, MandateState, MandateStep, MandateTerms, MandateView, MatterStep, MatterView, ParticipantId,
    Position, Purpose, Time, Uetr,
};
use money::{Amount, CurrencyCode, MinorUnits};

/// What the line's names and numbers stand for.
pub struct Reader<'a> {
    pub clearing: &'a Clearing,
    pub participant: &'a dyn Fn(&str) -> ParticipantId,
    pub amount: &'a dyn Fn(&str, &str) -> MinorUnits,
    pub uetr: &'a dyn Fn(&str) -> Uetr,
}

/// The command of a line.
pub fn command(words: &[&str], reader: &Reader<'_>) -> Result<Command, String> {
    let (participant, uetr) = (reader.participant, reader.uetr);
    let content = ContentHash([if words.contains(&"other") { 2 } else { 1 }; 32]);
    let step = match *words {
        ["mandate", id, creditor, debtor, ref rest @ ..] => MandateStep::Ask(AskMandate {
            mandate: uetr(id),
            content,
            creditor_agent: participant(creditor),
            debtor_agent: participant(debtor),
            terms: terms(rest, reader)?,
        }),
        ["amend", id, creditor, ref rest @ ..] => MandateStep::Amend {
            mandate: uetr(id),
            content: ContentHash([if words.contains(&"other") { 4 } else { 3 }; 32]),
            creditor_agent: participant(creditor),
            terms: terms(rest, reader)?,
        },
        ["agree", id, debtor, word, ref rest @ ..] => MandateStep::Answer {
            mandate: uetr(id),
            debtor_agent: participant(debtor),
            asked: asked(reader.clearing, uetr(id), rest),
            says: match word {
                "yes" => MandateAnswer::Accepted,
                reason => MandateAnswer::Refused(IsoReason::parse(reason).ok_or("reason")?),
            },
        },
        ["suspend" | "resume", id, debtor] => {
            MandateStep::Suspend { mandate: uetr(id), debtor_agent: participant(debtor), suspended: words[0] == "suspend" }
        }
        ["end", id, agent, reason] => MandateStep::Cancel {
            mandate: uetr(id),
            agent: participant(agent),
            reason: IsoReason::parse(reason).ok_or("reason")?,
        },
        _ => return collection(words, content, reader),
    };
    Ok(Command::Matter(MatterStep::Mandate(step)))
}

fn collection(words: &[&str], content: ContentHash, reader: &Reader<'_>) -> Result<Command, String> {
    let (participant, uetr) = (reader.participant, reader.uetr);
    let step = match *words {
        ["collect", id, creditor, debtor, amount, code, "under", mandate, ..] => CollectionStep::Collect(Collect {
            collection: uetr(id),
            mandate: uetr(mandate),
            content,
            creditor_agent: participant(creditor),
            debtor_agent: participant(debtor),
            amount: (reader.amount)(amount, code),
            currency: CurrencyCode::new(code.as_bytes().try_into().map_err(|_| "currency")?).map_err(|_| "currency")?,
        }),
        ["refuse", id, debtor, reason] => CollectionStep::Refuse {
            collection: uetr(id),
            debtor_agent: participant(debtor),
            reason: IsoReason::parse(reason).ok_or("reason")?,
        },
        _ => return Err("no such instruction".into()),
    };
    Ok(Command::Matter(MatterStep::Collection(step)))
}

fn terms(rest: &[&str], reader: &Reader<'_>) -> Result<MandateTerms, String> {
    let is_fixed = rest.contains(&"fixed");
    let rest: Vec<&str> = rest.iter().copied().filter(|word| *word != "fixed").collect();
    let [each, code, period, most, "times", times, "from", from, "until", until, ..] = *rest else {
        return Err("terms of a mandate".into());
    };
    let time = |text: &str| text.parse::<u64>().map(|seconds| Time(seconds * 1_000_000_000)).map_err(|_| "time".to_owned());
    Ok(MandateTerms {
        currency: CurrencyCode::new(code.as_bytes().try_into().map_err(|_| "currency")?).map_err(|_| "currency")?,
        each: (reader.amount)(each, code),
        is_fixed,
        period: match period {
            "day" => MandatePeriod::Day,
            "week" => MandatePeriod::Week,
            "month" => MandatePeriod::Month,
            "year" => MandatePeriod::Year,
            "whole" => MandatePeriod::Whole,
            _ => return Err("period".into()),
        },
        period_max: (reader.amount)(most, code),
        count_max: times.parse().map_err(|_| "times")?,
        purpose: rest.iter().position(|word| *word == "purpose").and_then(|at| Purpose::parse(rest[at + 1])),
        first: time(from)?,
        last: time(until)?,
    })
}

/// The question that is open, or the one before it.
fn asked(clearing: &Clearing, uetr: Uetr, rest: &[&str]) -> Position {
    match clearing.matter(uetr) {
        Some(MatterView::Mandate(mandate)) if rest.contains(&"late") => Position(mandate.asked.0 - 1),
        Some(MatterView::Mandate(mandate)) if rest.contains(&"early") => Position(mandate.asked.0 + 1),
        Some(MatterView::Mandate(mandate)) => mandate.asked,
        Some(MatterView::Request(_) | MatterView::Collection(_) | MatterView::Preauth(_)) | None => Position(1),
    }
}

/// What was collected in the newest period.
pub fn used(clearing: &Clearing, uetr: Uetr) -> String {
    match clearing.matter(uetr) {
        Some(MatterView::Mandate(mandate)) => {
            let total = Amount { minor: mandate.used.total, currency: mandate.currency };
            format!("{total} in {}", mandate.used.count)
        }
        Some(MatterView::Request(_) | MatterView::Collection(_) | MatterView::Preauth(_)) | None => "unknown".into(),
    }
}

/// How a mandate stands.
pub fn mandate_words(mandate: &MandateView) -> String {
    let reason = mandate.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
    let state = match mandate.state {
        MandateState::Asked => "asked",
        MandateState::Active => "active",
        MandateState::Amending => "amending",
        MandateState::Suspended => "suspended",
        MandateState::Refused => "refused",
        MandateState::Cancelled => "cancelled",
        MandateState::Expired => "expired",
    };
    format!("{state}{reason}")
}

/// How a collection stands.
pub fn collection_words(collection: &CollectionView) -> String {
    match collection.state {
        CollectionState::Asked => "asked".into(),
        CollectionState::Refused => format!("refused {}", collection.reason.expect("a refusal has a reason")),
        CollectionState::Expired => "expired".into(),
        state @ (CollectionState::Paying | CollectionState::Paid) => {
            let settlement = collection.settlement.expect("a payment is there");
            let name = settlement.payment.0.iter().take_while(|byte| **byte != 0).map(|byte| *byte as char);
            let verb = if state == CollectionState::Paid { "paid" } else { "being paid" };
            format!("{verb} by {} {:?}", name.collect::<String>(), settlement.credit)
        }
    }
}
