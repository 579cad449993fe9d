//! Nuisances about business days: calendars that mean nothing, days that end while the story lasts, and statements at their ends.

use clearing::{AskStatements, BusinessDate, Command, DayCalendar, DayCommand, ParticipantId, Time};
use money::CurrencyCode;

const MINUTE_NS: u64 = 60_000_000_000;
/// Noon, by the calendar's own clock: that is when they are ordered.
const NOON: u16 = 720;

/// CLR-1220 to CLR-1223. The Hong Kong dollar's day closes at once and the next one is longer than any story; the renminbi's is cut off
/// within a minute and closes in two.
pub fn commands(now: Time) -> Vec<Command> {
    let today = noon(now, CurrencyCode::HKD).business_date(now);
    let [hkd, cny] = [CurrencyCode::HKD, CurrencyCode::CNY].map(|code| noon(now, code));
    let (yesterday, tomorrow) = (BusinessDate(today.0 - 1), BusinessDate(today.0 + 1));
    [
        ask(0, CurrencyCode::HKD, today, None),
        DayCommand::SetCalendar(DayCalendar { cut_off: hkd.closes, ..hkd.clone() }),
        DayCommand::SetCalendar(hkd.clone()),
        ask(0, CurrencyCode::HKD, today, None),
        ask(0, CurrencyCode::HKD, today, None),
        ask(1, CurrencyCode::HKD, today, Some(today)),
        ask(1, CurrencyCode::HKD, tomorrow, Some(today)),
        DayCommand::SetCalendar(DayCalendar { holidays: vec![today], ..hkd.clone() }),
        DayCommand::SetCalendar(DayCalendar { effective_from: tomorrow, holidays: vec![tomorrow], ..hkd.clone() }),
        DayCommand::SetCalendar(DayCalendar { cut_off: 1, closes: 2, ..hkd }),
        ask(1, CurrencyCode::HKD, yesterday, Some(yesterday)),
        DayCommand::SetCalendar(cny),
        ask(2, CurrencyCode::CNY, today, None),
    ]
    .map(Command::Day)
    .to_vec()
}

/// Every date is a business day, by a clock at which it is noon now: cut off in a minute, closed in two.
fn noon(now: Time, currency: CurrencyCode) -> DayCalendar {
    let minute = (now.0 / MINUTE_NS % 1440) as i16;
    DayCalendar {
        currency,
        effective_from: BusinessDate(0),
        utc_offset_minutes: NOON as i16 - minute,
        cut_off: NOON + 1,
        closes: NOON + 2,
        weekdays: 0x7f,
        holidays: Vec::new(),
    }
}

fn ask(participant: u32, currency: CurrencyCode, from: BusinessDate, until: Option<BusinessDate>) -> DayCommand {
    let participant = ParticipantId(participant);
    DayCommand::AskStatements(AskStatements { participant, currency, from, until, is_ordered: participant.0 == 1 })
}
