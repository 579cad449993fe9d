//! Business days, a second time: dates are looked at one after the other, and each step is taken when its minute has come.

use super::{Expected, Model};
use clearing::{AskStatements, BusinessDate, Clearing, DayCalendar, DayCommand, ParticipantStatus};
use money::CurrencyCode;
use std::collections::BTreeMap;

const MINUTE_NS: i128 = 60_000_000_000;
/// Steps of a block, at most.
const STEPS_MOST: usize = 64;

/// A currency's days.
#[derive(Debug, Clone)]
struct Day {
    date: u32,
    is_cut_off: bool,
    /// By their first dates; the last one that has begun holds.
    calendars: Vec<DayCalendar>,
}

/// What is known of business days.
#[derive(Debug, Clone, Default)]
pub(super) struct Days {
    days: BTreeMap<CurrencyCode, Day>,
    /// First day, last day, statements sent.
    asked: BTreeMap<(CurrencyCode, u32), (u32, Option<u32>, u32)>,
    steps: usize,
}

impl Model {
    pub(super) fn day(&mut self, command: &DayCommand) -> Result<Expected, &'static str> {
        match command {
            DayCommand::SetCalendar(calendar) => self.set_calendar(calendar),
            DayCommand::AskStatements(ask) => self.ask_statements(ask),
        }
    }

    fn set_calendar(&mut self, calendar: &DayCalendar) -> Result<Expected, &'static str> {
        if !self.decimals.contains_key(&calendar.currency) {
            return Err("CLR-1008");
        }
        if calendar.cut_off >= calendar.closes || calendar.closes > 24 * 60 || calendar.weekdays & 0x7f == 0 {
            return Err("CLR-1220");
        }
        let first = calendar.effective_from.0;
        match self.days.days.get_mut(&calendar.currency) {
            None => {
                let mut date = first;
                while !is_business(calendar, date) || i128::from(self.time_ns) >= at(calendar, date, calendar.closes) {
                    date += 1;
                }
                let day = Day { date, is_cut_off: false, calendars: vec![calendar.clone()] };
                self.days.days.insert(calendar.currency, day);
            }
            Some(day) if first <= day.date => {
                if !is_business(calendar, day.date) {
                    return Err("CLR-1221");
                }
                let today = day.date;
                day.calendars.retain(|known| known.effective_from.0 > today);
                day.calendars.insert(0, calendar.clone());
            }
            Some(day) => {
                day.calendars.retain(|known| known.effective_from.0 != first);
                day.calendars.push(calendar.clone());
                day.calendars.sort_by_key(|known| known.effective_from);
            }
        }
        self.turn_days();
        Ok(Expected::Done)
    }

    fn ask_statements(&mut self, ask: &AskStatements) -> Result<Expected, &'static str> {
        let who = ask.participant.0;
        let member = self.members.get(who as usize).ok_or("CLR-1003")?;
        if member.conduct.status() == ParticipantStatus::Left {
            return Err("CLR-1101");
        }
        if !self.decimals.contains_key(&ask.currency) {
            return Err("CLR-1008");
        }
        if !member.currencies.contains(&ask.currency) {
            return Err("CLR-1010");
        }
        if !self.days.days.contains_key(&ask.currency) {
            return Err("CLR-1222");
        }
        if ask.until.is_some_and(|until| until < ask.from) {
            return Err("CLR-1223");
        }
        let sent = self.days.asked.get(&(ask.currency, who)).map_or(0, |(_, _, sent)| *sent);
        self.days.asked.insert((ask.currency, who), (ask.from.0, ask.until.map(|until| until.0), sent));
        Ok(Expected::Done)
    }

    /// A block begins.
    pub(super) fn begin_days(&mut self) {
        self.days.steps = 0;
        self.turn_days();
    }

    fn turn_days(&mut self) {
        let codes: Vec<CurrencyCode> = self.days.days.keys().copied().collect();
        for code in codes {
            while self.days.steps < STEPS_MOST && self.step(code) {
                self.days.steps += 1;
            }
        }
    }

    /// Takes a step of a currency if its time has come.
    fn step(&mut self, code: CurrencyCode) -> bool {
        let now = i128::from(self.time_ns);
        let Some(day) = self.days.days.get_mut(&code) else { return false };
        let (calendar, date) = (holds(&day.calendars, day.date).clone(), day.date);
        if !day.is_cut_off {
            day.is_cut_off = now >= at(&calendar, date, calendar.cut_off);
            return day.is_cut_off;
        }
        if now < at(&calendar, date, calendar.closes) {
            return false;
        }
        let next = (date + 1..).find(|next| is_business(holds(&day.calendars, *next), *next));
        (day.date, day.is_cut_off) = (next.unwrap_or(date), false);
        let is_there = |who: u32| self.members[who as usize].conduct.status() != ParticipantStatus::Left;
        for ((of, who), (from, until, sent)) in &mut self.days.asked {
            if *of == code && *from <= date && until.is_none_or(|until| date <= until) && is_there(*who) {
                *sent += 1;
            }
        }
        true
    }

    /// The days that are open, and how many statements each had.
    pub(super) fn compare_days(&self, clearing: &Clearing) -> Result<(), String> {
        let found: Vec<_> = clearing.business_days().map(|day| (day.currency.code, day.date.0, day.is_cut_off)).collect();
        for (code, date, is_cut_off) in &found {
            let known = self.days.days.get(code).map(|day| (day.date, day.is_cut_off));
            if known != Some((*date, *is_cut_off)) {
                return Err(format!("business day {date} of {code}, cut off {is_cut_off}, should be {known:?}"));
            }
        }
        if found.len() != self.days.days.len() {
            return Err(format!("{} currencies have business days, should be {}", found.len(), self.days.days.len()));
        }
        for ((code, who), (_, _, sent)) in &self.days.asked {
            let told = clearing.statements_asked(clearing::ParticipantId(*who), *code).map(|asked| asked.sent);
            if told != Some(*sent) {
                return Err(format!("participant {who} had {told:?} statements in {code}, should be {sent}"));
            }
        }
        Ok(())
    }
}

fn holds(calendars: &[DayCalendar], date: u32) -> &DayCalendar {
    calendars.iter().rfind(|calendar| calendar.effective_from.0 <= date).unwrap_or(&calendars[0])
}

fn is_business(calendar: &DayCalendar, date: u32) -> bool {
    // The fourth of January 1970 was a Sunday.
    let from_monday = (date + 3) % 7;
    calendar.weekdays & 1 << from_monday != 0 && !calendar.holidays.contains(&BusinessDate(date))
}

/// A minute of a date, in nanoseconds since 1970.
fn at(calendar: &DayCalendar, date: u32, minute: u16) -> i128 {
    (i128::from(date) * 1440 + i128::from(minute) - i128::from(calendar.utc_offset_minutes)) * MINUTE_NS
}
