//! Orders about business days: a currency's calendar, and statements at the end of each day.

use crate::cli::DayStatementsArgs;
use anyhow::{Context, Result};
use clearing::{AskStatements, BusinessDate, Command, DayCalendar, DayCommand, ParticipantId};
use money::Currency;

/// A statement for a participant at the end of each business day.
pub fn statements(participant: ParticipantId, currency: Currency, args: &DayStatementsArgs) -> Result<Command> {
    let date = |text: &str| BusinessDate::parse(text).with_context(|| format!("{text} is no date like 2027-01-04"));
    Ok(Command::Day(DayCommand::AskStatements(AskStatements {
        participant,
        currency: currency.code,
        from: date(&args.from)?,
        until: args.until.as_deref().map(date).transpose()?,
        is_ordered: true,
    })))
}

/// What it does, in words.
pub fn words(command: &DayCommand) -> String {
    match command {
        DayCommand::SetCalendar(calendar) => calendar_words(calendar),
        DayCommand::AskStatements(ask) => {
            let until = ask.until.map_or("until further notice".to_owned(), |until| format!("until {until}"));
            let (currency, who) = (ask.currency, ask.participant.0);
            format!("send participant {who} a statement in {currency} at the end of each business day from {} {until}", ask.from)
        }
    }
}

fn calendar_words(calendar: &DayCalendar) -> String {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let time = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days: Vec<_> =
        NAMES.iter().enumerate().filter(|(at, _)| calendar.weekdays >> at & 1 == 1).map(|(_, name)| *name).collect();
    let free: Vec<String> = calendar.holidays.iter().map(ToString::to_string).collect();
    format!(
        "business days of {} from {} on: {}, cut off at {}, closed at {} by a clock {} minutes ahead of UTC; holidays: {}",
        calendar.currency,
        calendar.effective_from,
        days.join(" "),
        time(calendar.cut_off),
        time(calendar.closes),
        calendar.utc_offset_minutes,
        if free.is_empty() { "none".to_owned() } else { free.join(" ") }
    )
}
