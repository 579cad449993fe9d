//! Orders about one participant: its standing, and whether it is there.

use super::{keys, moment};
use crate::cli::{LiquidityArgs, SettlementAgentArgs};
use anyhow::{Context, Result, ensure};
use clearing::{
    Absence, AgentTerms, AnswerTransfer, Arrangement, Breaker, Command, Hours, IsoReason, LiquidityTerms, NetDebitCap, Notice,
    OutsideHours, ParticipantId, ParticipantStatus, RegisterParticipant, ReturnTerms, Says, SetAgent, SetLiquidity, SetTopUp,
    SettlementCommand, Time, TransferVerdict, Uetr,
};
use money::{Amount, Currency, MinorUnits};

const DAY_NS: u64 = 86_400 * 1_000_000_000;

pub(super) fn apply(register: RegisterParticipant) -> Command {
    Command::Arrange(Arrangement::Apply(register))
}

/// A standing by its name.
pub(super) fn standing(name: &str) -> Result<ParticipantStatus> {
    let known = ParticipantStatus::ALL.into_iter().find(|known| known.name() == name);
    known.with_context(|| format!("{name} is none of {}", ParticipantStatus::ALL.map(ParticipantStatus::name).join(", ")))
}

pub(super) fn offline(participant: ParticipantId, from: Option<&str>, until: Option<&str>) -> Result<Command> {
    let from = from.map_or(Ok(Time(0)), moment)?;
    let until = until.map_or(Ok(Time(u64::MAX)), moment)?;
    Ok(Command::Notice(Notice { participant, says: Says::Offline(Absence { from, until }) }))
}

pub(super) fn online(participant: ParticipantId) -> Command {
    Command::Notice(Notice { participant, says: Says::Online })
}

pub(super) fn breaker(timeouts: u32, rest_s: u32) -> Command {
    Command::Arrange(Arrangement::SetBreaker(Breaker { timeouts, rest_ns: u64::from(rest_s) * 1_000_000_000 }))
}

/// Times after settlement in days: to return, to recall, to recall for fraud, to answer a recall.
pub(super) fn return_terms(days: [u32; 4]) -> Command {
    let [return_within_ns, recall_within_ns, recall_fraud_within_ns, recall_answer_ns] =
        days.map(|days| u64::from(days) * DAY_NS);
    Command::SetReturnTerms(ReturnTerms { return_within_ns, recall_within_ns, recall_fraud_within_ns, recall_answer_ns })
}

/// Those times in words.
pub(super) fn return_terms_words(terms: &ReturnTerms) -> String {
    let [back, recall, fraud, answer] =
        [terms.return_within_ns, terms.recall_within_ns, terms.recall_fraud_within_ns, terms.recall_answer_ns]
            .map(|ns| ns / DAY_NS);
    format!(
        "take returns until {back} days behind settlement, recalls until {recall}, for fraud until {fraud}, and have recalls \
         answered within {answer} days"
    )
}

pub(super) fn liquidity(participant: ParticipantId, currency: Currency, args: &LiquidityArgs) -> Result<Command> {
    let amount = |text: &Option<String>| {
        let parsed =
            text.as_deref().map_or(Ok(MinorUnits::ZERO), |text| Amount::parse(text, currency).map(|amount| amount.minor));
        parsed.with_context(|| format!("an amount of {}", currency.code))
    };
    let floor = amount(&args.floor)?;
    let terms = LiquidityTerms {
        cap: match args.cap_ppm {
            Some(ppm) => NetDebitCap::ShareOfFunding { ppm },
            None => NetDebitCap::Fixed(amount(&args.cap)?),
        },
        floor,
        target: if args.target.is_some() { amount(&args.target)? } else { floor },
        reserved: amount(&args.reserve)?,
    };
    let from = args.from.as_deref().map_or(Ok(Time(0)), moment)?;
    Ok(Command::Arrange(Arrangement::SetLiquidity(SetLiquidity { participant, currency: currency.code, terms, from })))
}

pub(super) fn settlement_agent(agent: ParticipantId, currency: Currency, args: &SettlementAgentArgs) -> Result<Command> {
    let mut weekdays = 0u8;
    for day in args.weekdays.bytes() {
        ensure!((b'1'..=b'7').contains(&day), "weekdays are digits from 1 for Monday to 7 for Sunday");
        weekdays |= 1 << (day - b'1');
    }
    let hours =
        Hours { utc_offset_minutes: args.offset, opens: args.opens, closes: args.closes, weekdays, closed_days: Vec::new() };
    let outside = if args.refuse { OutsideHours::Reject } else { OutsideHours::Queue };
    let terms = AgentTerms { agent, hours, outside };
    Ok(Command::Settle(SettlementCommand::SetAgent(SetAgent { currency: currency.code, terms })))
}

pub(super) fn top_up(participant: ParticipantId, currency: Currency, is_on: bool) -> Command {
    Command::Settle(SettlementCommand::SetTopUp(SetTopUp { participant, currency: currency.code, is_on }))
}

pub(super) fn answer_transfer(uetr: &str, refused: Option<&str>) -> Result<Command> {
    let reference = Uetr::parse(uetr).with_context(|| format!("{uetr} is no UETR"))?.0;
    let verdict = match refused {
        None => TransferVerdict::Done,
        Some(code) => TransferVerdict::Refused(IsoReason::parse(code).with_context(|| format!("{code} is no ISO reason"))?),
    };
    Ok(Command::Settle(SettlementCommand::Answer(AnswerTransfer { reference, agent: None, verdict })))
}

/// A command of settlement in words.
pub(super) fn settlement_words(command: &SettlementCommand) -> String {
    match command {
        SettlementCommand::SetAgent(set) => {
            let Hours { utc_offset_minutes, opens, closes, weekdays, .. } = &set.terms.hours;
            let outside = match set.terms.outside {
                OutsideHours::Queue => "wait",
                OutsideHours::Reject => "are refused",
            };
            format!(
                "let participant {} settle {}, from minute {opens} to {closes} of days {weekdays:07b} (Sunday first) at {utc_offset_minutes} \
                 minutes from UTC; at other times transfers {outside}",
                set.terms.agent.0, set.currency
            )
        }
        SettlementCommand::SetTopUp(SetTopUp { participant, currency, is_on }) => {
            let whether = if *is_on { "ask" } else { "not ask" };
            format!("{whether} for a top-up whenever the {currency} account of participant {} is low", participant.0)
        }
        SettlementCommand::Answer(answer) => {
            let what = match answer.verdict {
                TransferVerdict::Done => "has moved".to_owned(),
                TransferVerdict::Refused(reason) => format!("has not moved and will not ({reason})"),
            };
            format!("take it that the money of transfer {} {what}", Uetr(answer.reference))
        }
        SettlementCommand::Ask(_) | SettlementCommand::Send(_) | SettlementCommand::TakeBack { .. } => {
            "nothing that can be ordered".to_owned()
        }
    }
}

/// An arrangement in words.
pub(super) fn arrangement_words(arrangement: &Arrangement) -> String {
    match arrangement {
        Arrangement::Apply(register) => {
            let currencies: Vec<_> = register.currencies.iter().map(|code| code.as_str()).collect();
            let key = chain::Hash(register.key);
            format!("take the application of {} ({}), key {key}, in {}", register.bic, register.name, currencies.join(" "))
        }
        Arrangement::SetLiquidity(set) => liquidity_words(set),
        Arrangement::SetKey(set) => keys::words(set),
        Arrangement::SetBreaker(Breaker { timeouts: 0, .. }) => "ask participants however long they do not answer".to_owned(),
        Arrangement::SetBreaker(breaker) => {
            let seconds = breaker.rest_ns / 1_000_000_000;
            format!("not ask a participant for {seconds} s after {} payments in a row without an answer", breaker.timeouts)
        }
    }
}

fn liquidity_words(set: &SetLiquidity) -> String {
    let LiquidityTerms { cap, floor, target, reserved } = set.terms;
    let cap = match cap {
        NetDebitCap::Fixed(cap) => format!("{} minor units", cap.0),
        NetDebitCap::ShareOfFunding { ppm } => format!("{ppm} millionths of its net prefunding"),
    };
    let from = if set.from.0 == 0 { "at once".to_owned() } else { format!("from {}", gateway::rfc3339(set.from)) };
    format!(
        "let the {} account of participant {} fall below zero by {cap}, warn below {} until {}, reserve {} for high priority, {from}",
        set.currency, set.participant.0, floor.0, target.0, reserved.0
    )
}

/// A notice in words.
pub(super) fn notice_words(notice: &Notice) -> String {
    let who = notice.participant.0;
    match notice.says {
        Says::Online => format!("participant {who} is there again"),
        Says::Offline(Absence { from, until }) => {
            let begin = if from.0 == 0 { "now".to_owned() } else { gateway::rfc3339(from) };
            let end = if until.0 == u64::MAX { "further notice".to_owned() } else { gateway::rfc3339(until) };
            format!("participant {who} is not there from {begin} until {end}")
        }
    }
}
