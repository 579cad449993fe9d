//! Business days: which one is open in each currency, and what opens, cuts off and closes it.
//!
//! Two officers order a currency's calendar (`calendar.rs`). From then on the time of blocks leads from step to step, and each step
//! is told in the chain and to everybody who settles in the currency (`admi.004`), once:
//!
//! ```text
//!  calendar ordered ──▶ opened ──▶ cut off ──▶ closed ─┐   the statements that were asked for (`statements.rs`)
//!                         ▲                            │
//!                         └──── next business day ─────┘
//! ```
//! A payment belongs to the day that is open when it settles. Steps come first in a block: what the block's time brings about and
//! its commands do is of the day behind them.
//!
//! # A halt
//! When no block was made for days, the next one takes every step that was due meanwhile, in order, each with the time it was due
//! at: no day is skipped and none is told twice. A block takes [`Clearing::DAY_STEPS_MAX`] at most; the next one goes on, and until
//! then the day that is open stays open.
//!
//! # Limits
//! [`DayCalendar::HOLIDAYS_MAX`] holidays; [`Clearing::CALENDARS_AHEAD_MAX`] calendars of a currency that do not hold yet.
//!
//! Tags 88 and 89 are this module's among commands; what a block changed here begins with 88.

mod calendar;
mod codec;
mod statements;

pub use calendar::{BusinessDate, DayCalendar};
pub use statements::{AskStatements, StatementDue, StatementsAsked};

use crate::laws::LawBroken;
use crate::letter::Draft;
use crate::{
    Carries, Clearing, Event, EventKind, IsoReason, Letter, LetterKind, Outcome, ParticipantId, ParticipantStatus, Position,
    Refusal, Time,
};
use ledger::LedgerId;
use money::{Currency, CurrencyCode};
use statements::Asked;
use std::collections::BTreeMap;

/// Something about business days. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayCommand {
    /// A currency's business days from some date on.
    SetCalendar(DayCalendar),
    /// A statement at the end of each day (`camt.060` with a period).
    AskStatements(AskStatements),
}

impl DayCommand {
    /// Whose message it must be; `None`: it is operators' own.
    pub const fn signer(&self) -> Option<ParticipantId> {
        match self {
            Self::SetCalendar(_) => None,
            Self::AskStatements(ask) => ask.signer(),
        }
    }
}

/// How far a business day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DayPhase {
    /// It has begun.
    Opened,
    /// What shall be settled within the day comes too late.
    CutOff,
    /// It is over.
    Closed,
}

impl DayPhase {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Opened, Self::CutOff, Self::Closed];

    /// As letters, rows and snapshots have it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Opened => 0,
            Self::CutOff => 1,
            Self::Closed => 2,
        }
    }

    /// Reads what [`Self::number`] told.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.number() == number)
    }

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::CutOff => "cut_off",
            Self::Closed => "closed",
        }
    }

    /// As `admi.004` says it (`EvtCd`).
    pub const fn event_code(self) -> IsoReason {
        IsoReason(*match self {
            Self::Opened => b"DOPN",
            Self::CutOff => b"CUTO",
            Self::Closed => b"DCLS",
        })
    }
}

/// A step of a business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayStep {
    /// Whose day.
    pub currency: Currency,
    /// Which day.
    pub date: BusinessDate,
    /// What has come.
    pub phase: DayPhase,
    /// When it was due: the time of its block, or before it when no block was made then.
    pub due: Time,
}

/// What was told of business days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayEvent {
    /// A calendar was entered.
    Calendar(DayCalendar),
    /// A day was opened, cut off or closed.
    Step(DayStep),
    /// Statements were asked for, or not any more.
    Statements(AskStatements),
}

/// The day that is open in a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayView {
    /// Whose day.
    pub currency: Currency,
    /// Which day.
    pub date: BusinessDate,
    /// Whether it has been cut off.
    pub is_cut_off: bool,
    /// When it is cut off.
    pub cut_off: Option<Time>,
    /// When it closes.
    pub closes: Option<Time>,
    /// Where the day before closed; zero: it is the first.
    pub opened_behind: Position,
    /// The calendar that holds, then those that will, by their first dates.
    pub calendars: Vec<DayCalendar>,
}

/// A currency's days.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    date: BusinessDate,
    is_cut_off: bool,
    /// The event that closed the day before; zero: there was none.
    closed_at: Position,
    /// The calendar that holds, then those that will, by their first dates.
    calendars: Vec<DayCalendar>,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Days {
    rows: BTreeMap<LedgerId, Row>,
    asked: BTreeMap<(LedgerId, ParticipantId), Asked>,
    /// Steps the last block took.
    steps_taken: usize,
    /// Something changed since the block began.
    has_changed: bool,
}

impl Row {
    /// The calendar that holds for a date: the last one that has begun by then.
    fn calendar(&self, date: BusinessDate) -> &DayCalendar {
        let begun = self.calendars.iter().rev().find(|calendar| calendar.effective_from <= date);
        begun.unwrap_or(&self.calendars[0])
    }

    /// When the next step is due, and what it is.
    fn due(&self) -> Option<(Time, DayPhase)> {
        let calendar = &self.calendars[0];
        match self.is_cut_off {
            false => calendar.cut_off(self.date).map(|time| (time, DayPhase::CutOff)),
            true => calendar.closes(self.date).map(|time| (time, DayPhase::Closed)),
        }
    }

    /// The business date behind the one that is open.
    fn next(&self) -> BusinessDate {
        let mut date = BusinessDate(self.date.0.saturating_add(1));
        for (at, calendar) in self.calendars.iter().enumerate() {
            let ends = self.calendars.get(at + 1).map(|next| next.effective_from);
            if ends.is_some_and(|ends| ends <= date) {
                continue;
            }
            let found = calendar.first_from(date);
            match ends {
                Some(ends) if ends <= found => date = ends,
                Some(_) | None => return found,
            }
        }
        date
    }
}

impl Clearing {
    /// Most steps of business days that a block takes, over all currencies: more than twenty days of one.
    pub const DAY_STEPS_MAX: usize = 64;
    /// Most calendars of a currency that do not hold yet.
    pub const CALENDARS_AHEAD_MAX: usize = 8;

    /// The days that are open, by currency in order of their ledgers.
    pub fn business_days(&self) -> impl Iterator<Item = DayView> + '_ {
        self.days.rows.iter().map(|(ledger, row)| self.day_view(*ledger, row))
    }

    /// The day that is open in a currency; `None`: it has no calendar.
    pub fn business_day(&self, currency: CurrencyCode) -> Option<DayView> {
        let ledger = self.ledger_of(currency)?;
        self.days.rows.get(&ledger).map(|row| self.day_view(ledger, row))
    }

    fn day_view(&self, ledger: LedgerId, row: &Row) -> DayView {
        let calendar = &row.calendars[0];
        DayView {
            currency: self.currency(ledger),
            date: row.date,
            is_cut_off: row.is_cut_off,
            cut_off: calendar.cut_off(row.date),
            closes: calendar.closes(row.date),
            opened_behind: row.closed_at,
            calendars: row.calendars.clone(),
        }
    }

    pub(crate) fn day_command(&mut self, command: &DayCommand) -> Result<Outcome, Refusal> {
        match command {
            DayCommand::SetCalendar(calendar) => self.set_day_calendar(calendar),
            DayCommand::AskStatements(ask) => self.ask_statements(ask),
        }
    }

    fn set_day_calendar(&mut self, calendar: &DayCalendar) -> Result<Outcome, Refusal> {
        let ledger = self.ledger_of(calendar.currency).ok_or(Refusal::UnknownCurrency)?;
        if !calendar.is_valid() {
            return Err(Refusal::DayCalendarNotValid);
        }
        let Some(row) = self.days.rows.get_mut(&ledger) else {
            self.tell_day(DayEvent::Calendar(calendar.clone()));
            let now = calendar.business_date(self.time);
            let date = if calendar.effective_from > now { calendar.first_from(calendar.effective_from) } else { now };
            let row = Row { date, is_cut_off: false, closed_at: Position(0), calendars: vec![calendar.clone()] };
            self.days.rows.insert(ledger, row);
            self.take_step(ledger, DayPhase::Opened, date, self.time);
            self.take_due_steps();
            return Ok(Outcome::Done);
        };
        if calendar.effective_from <= row.date {
            if !calendar.is_business_day(row.date) {
                return Err(Refusal::DayIsOpen);
            }
            row.calendars[0] = calendar.clone();
        } else {
            match row.calendars[1..].binary_search_by_key(&calendar.effective_from, |ahead| ahead.effective_from) {
                Ok(at) => row.calendars[1 + at] = calendar.clone(),
                Err(_) if row.calendars.len() > Self::CALENDARS_AHEAD_MAX => return Err(Refusal::Full),
                Err(at) => row.calendars.insert(1 + at, calendar.clone()),
            }
        }
        self.tell_day(DayEvent::Calendar(calendar.clone()));
        // A day that ends earlier than it would have may be over by now.
        self.take_due_steps();
        Ok(Outcome::Done)
    }

    /// What a block's time brings about: first of all in it.
    pub(crate) fn begin_days(&mut self) {
        self.days.steps_taken = 0;
        self.take_due_steps();
    }

    /// The days that are open, if this block changed one.
    pub(crate) fn take_days(&mut self) -> Vec<DayView> {
        if core::mem::take(&mut self.days.has_changed) { self.business_days().collect() } else { Vec::new() }
    }

    /// When the next step of a day is due.
    pub(crate) fn next_day_step(&self) -> Option<Time> {
        self.days.rows.values().filter_map(|row| row.due()).map(|(due, _)| due).min()
    }

    /// Takes what is due, the earliest first; of one time, in order of ledgers.
    fn take_due_steps(&mut self) {
        while self.days.steps_taken < Self::DAY_STEPS_MAX {
            let due = self.days.rows.iter().filter_map(|(ledger, row)| row.due().map(|(time, phase)| (time, *ledger, phase)));
            let Some((time, ledger, phase)) = due.filter(|(time, ..)| *time <= self.time).min() else { return };
            self.days.steps_taken += 1;
            let row = self.days.rows.get_mut(&ledger).expect("it was found among them");
            let date = row.date;
            match phase {
                DayPhase::CutOff | DayPhase::Opened => {
                    row.is_cut_off = true;
                    self.take_step(ledger, DayPhase::CutOff, date, time);
                }
                DayPhase::Closed => self.close_day(ledger, date, time),
            }
        }
    }

    fn close_day(&mut self, ledger: LedgerId, date: BusinessDate, due: Time) {
        let position = self.take_step(ledger, DayPhase::Closed, date, due);
        self.send_statements(ledger, date, position);
        let row = self.days.rows.get_mut(&ledger).expect("a day closes that was open");
        row.closed_at = position;
        row.date = row.next();
        row.is_cut_off = false;
        let next = row.date;
        let ahead = row.calendars[1..].iter().take_while(|calendar| calendar.effective_from <= next).count();
        row.calendars.drain(..ahead);
        self.take_step(ledger, DayPhase::Opened, next, due);
    }

    /// Tells a step to the chain and to everybody who settles in the currency.
    fn take_step(&mut self, ledger: LedgerId, phase: DayPhase, date: BusinessDate, due: Time) -> Position {
        let step = DayStep { currency: self.currency(ledger), date, phase, due };
        let position = self.tell_day(DayEvent::Step(step));
        for at in 0..self.participants.len() {
            let to = ParticipantId(at as u32);
            if self.settles_in(to, ledger) {
                let draft = Draft {
                    from: None,
                    to,
                    kind: LetterKind::BusinessDay,
                    subject: step.subject(),
                    reason: None,
                    carries: Carries::Nothing,
                };
                self.send_letter(draft);
            }
        }
        position
    }

    /// Over its own account or a sponsor's.
    fn settles_in(&self, id: ParticipantId, ledger: LedgerId) -> bool {
        let participant = &self.participants[id.0 as usize];
        participant.status != ParticipantStatus::Left
            && (participant.settlement(ledger).is_some() || self.is_sponsored_in(id, &[ledger]))
    }

    fn tell_day(&mut self, event: DayEvent) -> Position {
        self.days.has_changed = true;
        self.delta.push(88);
        event.encode(&mut self.delta);
        self.emit(EventKind::Day(event))
    }
}

impl DayStep {
    /// What a letter about it is about: currency, phase, date and when it was due.
    fn subject(&self) -> [u8; 16] {
        let mut subject = [0; 16];
        subject[..3].copy_from_slice(&self.currency.code.bytes());
        subject[3] = self.phase.number();
        subject[4..8].copy_from_slice(&self.date.0.to_le_bytes());
        subject[8..].copy_from_slice(&self.due.0.to_le_bytes());
        subject
    }
}

/// What a letter about a business day says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayLetter {
    /// Whose day.
    pub currency: CurrencyCode,
    /// Which day.
    pub date: BusinessDate,
    /// What has come.
    pub phase: DayPhase,
    /// When it was due.
    pub due: Time,
}

impl DayLetter {
    /// Reads a letter; `None`: it is about something else.
    pub fn of(letter: &Letter) -> Option<Self> {
        match letter.kind {
            LetterKind::BusinessDay => {}
            LetterKind::Broadcast | LetterKind::Sponsorship | LetterKind::Statement => return None,
        }
        let subject = &letter.subject;
        Some(Self {
            currency: CurrencyCode::new(subject[..3].try_into().ok()?).ok()?,
            phase: DayPhase::of_number(subject[3])?,
            date: BusinessDate(u32::from_le_bytes(subject[4..8].try_into().ok()?)),
            due: Time(u64::from_le_bytes(subject[8..].try_into().ok()?)),
        })
    }
}

/// DAY-01: a business day is open in each currency with a calendar, and nothing that was due by the last block is untaken, unless that
/// block took as many steps as one may.
pub(crate) fn day_01(clearing: &Clearing) -> Result<(), LawBroken> {
    let broken = |detail| Err(LawBroken { law: "DAY-01", detail });
    for (ledger, row) in &clearing.days.rows {
        let code = clearing.currency(*ledger).code;
        if !row.calendar(row.date).is_business_day(row.date) {
            return broken(format!("{} is open in {code} and no business day", row.date));
        }
        let is_late = row.due().is_some_and(|(due, _)| due <= clearing.time);
        if is_late && clearing.days.steps_taken < Clearing::DAY_STEPS_MAX {
            return broken(format!("a step of {} in {code} is due and not taken", row.date));
        }
    }
    Ok(())
}

/// DAY-01 over a run's events: in each currency every day is opened, cut off and closed, once, in order, and by the calendar none is
/// missing between two.
pub(crate) fn day_01_told<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<(), LawBroken> {
    let mut last: BTreeMap<CurrencyCode, DayStep> = BTreeMap::new();
    for event in events {
        let EventKind::Day(DayEvent::Step(step)) = &event.kind else { continue };
        let before = last.insert(step.currency.code, *step);
        let follows = match (before, step.phase) {
            (None, DayPhase::Opened) => true,
            (Some(before), DayPhase::Opened) => before.phase == DayPhase::Closed && before.date < step.date,
            (Some(before), DayPhase::CutOff) => before.phase == DayPhase::Opened && before.date == step.date,
            (Some(before), DayPhase::Closed) => before.phase == DayPhase::CutOff && before.date == step.date,
            (None, DayPhase::CutOff | DayPhase::Closed) => false,
        };
        if !follows {
            let detail = format!("{} of {} in {} follows {before:?}", step.phase.name(), step.date, step.currency.code);
            return Err(LawBroken { law: "DAY-01", detail });
        }
    }
    Ok(())
}
