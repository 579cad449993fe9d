//! Orders about one participant: its standing, and whether it is there.

use super::moment;
use crate::cli::LiquidityArgs;
use anyhow::{Context, Result};
use clearing::{
    Absence, Arrangement, Breaker, Command, LiquidityTerms, NetDebitCap, Notice, ParticipantId, ParticipantStatus,
    RegisterParticipant, Says, SetLiquidity, Time,
};
use money::{Amount, Currency, MinorUnits};

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

/// An arrangement in words.
pub(super) fn arrangement_words(arrangement: &Arrangement) -> String {
    match arrangement {
        Arrangement::Apply(register) => {
            let currencies: Vec<_> = register.currencies.iter().map(|code| code.as_str()).collect();
            let key = chain::Hash(register.key);
            format!("take the application of {} ({}), key {key}, in {}", register.bic, register.name, currencies.join(" "))
        }
        Arrangement::SetLiquidity(set) => liquidity_words(set),
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
