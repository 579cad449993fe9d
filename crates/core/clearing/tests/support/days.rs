//! Instructions of tables about business days.

use clearing::{
    AskStatements, BusinessDate, Clearing, Command, DayCalendar, DayCommand, DayEvent, DayLetter, Event, EventKind,
    ParticipantId, StatementDue,
};
use money::CurrencyCode;

/// The command an instruction says.
pub fn command(
    words: &[&str],
    participant: &dyn Fn(&str) -> ParticipantId,
    currency: &dyn Fn(&str) -> CurrencyCode,
) -> Result<Command, String> {
    let after = |word: &str| words.iter().position(|&known| known == word).and_then(|at| words.get(at + 1)).copied();
    let date = |text: &str| BusinessDate::parse(text).ok_or_else(|| format!("{text} is no date"));
    Ok(Command::Day(match *words {
        ["calendar", code, "from", from, "cut-off", cut_off, "closes", closes, "on", weekdays, ..] => {
            let free = after("free").map_or_else(Vec::new, |dates| dates.split(',').collect());
            DayCommand::SetCalendar(DayCalendar {
                currency: currency(code),
                effective_from: date(from)?,
                utc_offset_minutes: after("utc").map_or(Ok(0), str::parse).map_err(|_| "minutes")?,
                cut_off: minute(cut_off)?,
                closes: minute(closes)?,
                weekdays: weekdays.bytes().fold(0, |days, digit| days | 1 << (digit - b'1')),
                holidays: free.into_iter().map(date).collect::<Result<_, _>>()?,
            })
        }
        ["ask-statements", name, code, "from", from, ..] => DayCommand::AskStatements(AskStatements {
            participant: participant(name),
            currency: currency(code),
            from: date(from)?,
            until: after("until").map(date).transpose()?,
            is_ordered: words.contains(&"ordered"),
        }),
        _ => return Err("no such instruction of business days".to_owned()),
    }))
}

fn minute(text: &str) -> Result<u16, String> {
    let (hours, minutes) = text.split_once(':').ok_or("a time of day")?;
    let number = |text: &str| text.parse::<u16>().map_err(|_| "a time of day".to_owned());
    Ok(number(hours)? * 60 + number(minutes)?)
}

/// The day that is open.
pub fn open(clearing: &Clearing, code: CurrencyCode) -> String {
    clearing.business_day(code).map_or("none".to_owned(), |day| {
        let cut_off = if day.is_cut_off { " cut off" } else { "" };
        format!("{}{cut_off}", day.date)
    })
}

/// The steps that the chain told.
pub fn steps(events: &[Event]) -> String {
    list(events.iter().filter_map(|event| match &event.kind {
        EventKind::Day(DayEvent::Step(step)) => Some(format!("{} {} {}", step.currency.code, step.phase.name(), step.date)),
        _ => None,
    }))
}

/// What came into a participant's inbox about days.
pub fn letters(events: &[Event], to: ParticipantId) -> String {
    list(events.iter().filter_map(|event| {
        let EventKind::Letter(letter) = &event.kind else { return None };
        if letter.to != to {
            return None;
        }
        let step = DayLetter::of(letter).map(|day| format!("{} {} {}", day.currency, day.phase.name(), day.date));
        let statement =
            StatementDue::of(letter).map(|due| format!("{} statement {} of {}", due.currency, due.sequence, due.date));
        step.or(statement)
    }))
}

fn list(told: impl Iterator<Item = String>) -> String {
    let told: Vec<String> = told.collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}
