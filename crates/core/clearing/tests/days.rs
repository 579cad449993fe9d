//! Business days against a plain reading of the calendar: minute after minute is looked at, and nothing is computed ahead.
//!
//! Random calendars, and blocks that come after seconds or after weeks. Every step that a minute brings must be told once and in
//! order, also behind a halt; statements must join without a gap; the centre read back from its snapshot must go on as the one that
//! was written. Bytes of commands are golden.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AskStatements, Bic, BusinessDate, Clearing, Command, DayCalendar, DayCommand, DayEvent, DayPhase, DecodeError, Event,
    EventKind, IndexSeed, Letter, OfficerRole, Outcome, ParticipantId, Position, Refusal, RegisterParticipant, StatementDue,
    Time, laws,
};
use money::{Currency, CurrencyCode};
use proptest::prelude::*;
use std::collections::BTreeSet;

const MINUTE: u64 = 60 * 1_000_000_000;
const DAY: u64 = 1440;
const HKD: CurrencyCode = CurrencyCode::HKD;
/// The bank that wants statements.
const BANK: ParticipantId = ParticipantId(0);

fn calendars() -> impl Strategy<Value = DayCalendar> {
    let holidays = prop::collection::btree_set(0..60u32, 0..12);
    (-700..700i16, 0..1439u16, 1..=1440u16, 1..=0x7fu8, holidays, 0..40u32).prop_map(
        |(utc_offset_minutes, cut_off, after, weekdays, holidays, from)| DayCalendar {
            currency: HKD,
            effective_from: BusinessDate(from),
            utc_offset_minutes,
            cut_off,
            closes: (cut_off + after).min(1440),
            weekdays,
            holidays: holidays.into_iter().map(BusinessDate).collect(),
        },
    )
}

/// What one may do: wait so many minutes, order a calendar, want statements or want them no more.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Order(DayCalendar),
    Ask(u32, Option<u32>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..900u64).prop_map(Step::Wait),
        1 => (2_000..9_000u64).prop_map(Step::Wait),
        2 => calendars().prop_map(Step::Order),
        2 => (0..40u32, prop::option::of(0..40u32)).prop_map(|(from, until)| Step::Ask(from, until)),
    ];
    prop::collection::vec(step, 1..40)
}

/// The plain reading: the day that is open, and what has been told.
#[derive(Debug, Default)]
struct Model {
    minute: u64,
    open: Option<(u32, bool)>,
    current: Option<DayCalendar>,
    ahead: Vec<DayCalendar>,
    told: Vec<(DayPhase, u32)>,
    wanted: Option<(u32, Option<u32>)>,
    statements: Vec<u32>,
}

impl Model {
    fn is_business(calendar: &DayCalendar, date: u32) -> bool {
        // 1970-01-01 was a Thursday.
        let name = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][(date % 7) as usize];
        let bit = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().position(|known| *known == name).unwrap();
        calendar.weekdays & 1 << bit != 0 && !calendar.holidays.contains(&BusinessDate(date))
    }

    /// Whether a minute of a date has come.
    fn has_come(&self, calendar: &DayCalendar, date: u32, minute: u16) -> bool {
        let own_clock = self.minute as i64 + i64::from(calendar.utc_offset_minutes);
        own_clock >= i64::from(date) * DAY as i64 + i64::from(minute)
    }

    fn tell(&mut self, phase: DayPhase, date: u32) {
        self.told.push((phase, date));
        let wants = self.wanted.is_some_and(|(from, until)| from <= date && until.is_none_or(|until| date <= until));
        if phase == DayPhase::Closed && wants {
            self.statements.push(date);
        }
    }

    /// What is due now.
    fn catch_up(&mut self) {
        while let (Some((date, is_cut_off)), Some(calendar)) = (self.open, self.current.clone()) {
            if !is_cut_off && self.has_come(&calendar, date, calendar.cut_off) {
                self.tell(DayPhase::CutOff, date);
                self.open = Some((date, true));
            } else if is_cut_off && self.has_come(&calendar, date, calendar.closes) {
                self.tell(DayPhase::Closed, date);
                let mut next = date + 1;
                loop {
                    let begun = self.ahead.iter().filter(|ahead| ahead.effective_from.0 <= next);
                    let holds = begun.max_by_key(|ahead| ahead.effective_from).unwrap_or(&calendar);
                    if Self::is_business(holds, next) {
                        self.current = Some(holds.clone());
                        break;
                    }
                    next += 1;
                }
                self.ahead.retain(|ahead| ahead.effective_from.0 > next);
                self.tell(DayPhase::Opened, next);
                self.open = Some((next, false));
            } else {
                return;
            }
        }
    }

    fn order(&mut self, calendar: &DayCalendar) -> &'static str {
        match self.open {
            None => {
                let mut date = calendar.effective_from.0;
                while !Self::is_business(calendar, date) || self.has_come(calendar, date, calendar.closes) {
                    date += 1;
                }
                self.open = Some((date, false));
                self.current = Some(calendar.clone());
                self.tell(DayPhase::Opened, date);
            }
            Some((date, _)) if calendar.effective_from.0 <= date => {
                if !Self::is_business(calendar, date) {
                    return "CLR-1221";
                }
                self.current = Some(calendar.clone());
            }
            Some(_) => {
                let known = self.ahead.iter().position(|ahead| ahead.effective_from == calendar.effective_from);
                match known {
                    Some(at) => self.ahead[at] = calendar.clone(),
                    None if self.ahead.len() >= Clearing::CALENDARS_AHEAD_MAX => return "CLR-1020",
                    None => self.ahead.push(calendar.clone()),
                }
            }
        }
        self.catch_up();
        "done"
    }

    fn ask(&mut self, from: u32, until: Option<u32>) -> &'static str {
        if self.open.is_none() {
            return "CLR-1222";
        }
        if until.is_some_and(|until| until < from) {
            return "CLR-1223";
        }
        self.wanted = Some((from, until));
        "done"
    }
}

fn register(bic: &str, currencies: Vec<CurrencyCode>) -> Command {
    let (bic, name) = (Bic::parse(bic).unwrap(), String::new());
    Command::RegisterParticipant(RegisterParticipant { bic, name, key: [1; 32], provides_exchange: false, currencies })
}

fn opened() -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(1));
    let currency = |code| Command::OpenLedger(Currency::new(code, 2).unwrap());
    let banks = [register("HARBHKHH", vec![HKD]), register("PEARCNBS", vec![CurrencyCode::CNY])];
    clearing.apply_block(Time(0), &[&[currency(HKD), currency(CurrencyCode::CNY)], &banks[..]].concat());
    clearing
}

fn ask(from: u32, until: Option<u32>) -> Command {
    let (from, until) = (BusinessDate(from), until.map(BusinessDate));
    Command::Day(DayCommand::AskStatements(AskStatements { participant: BANK, currency: HKD, from, until, is_ordered: false }))
}

fn said(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Refused(refusal) => refusal.code(),
        other => panic!("{other:?}"),
    }
}

/// Steps by their events.
fn steps_of(events: &[Event]) -> Vec<(DayPhase, u32)> {
    let step = |event: &Event| match &event.kind {
        EventKind::Day(DayEvent::Step(step)) => Some((step.phase, step.date.0)),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

fn letters_of(events: &[Event]) -> impl Iterator<Item = &Letter> {
    events.iter().filter_map(|event| if let EventKind::Letter(letter) = &event.kind { Some(letter) } else { None })
}

/// Statements join: each begins where the day before it closed, ends where its own day closed, and has the next number.
fn check_statements(events: &[Event], expected: &[u32]) {
    let closed: Vec<(u32, Position)> = events
        .iter()
        .filter_map(|event| match &event.kind {
            EventKind::Day(DayEvent::Step(step)) if step.phase == DayPhase::Closed => Some((step.date.0, event.position)),
            _ => None,
        })
        .collect();
    let due: Vec<StatementDue> = letters_of(events).filter_map(StatementDue::of).collect();
    assert_eq!(due.iter().map(|due| due.date.0).collect::<Vec<_>>(), expected);
    for (at, due) in due.iter().enumerate() {
        let day = closed.iter().position(|(date, _)| *date == due.date.0).unwrap();
        let before = day.checked_sub(1).map_or(Position(0), |before| closed[before].1);
        assert_eq!((due.after, due.to, due.sequence), (before, closed[day].1, at as u32 + 1));
    }
}

fn live(steps: &[Step]) {
    let (mut clearing, mut model, mut told) = (opened(), Model::default(), Vec::new());
    for step in steps {
        let mut command = None;
        match step {
            Step::Wait(minutes) => model.minute += minutes,
            Step::Order(calendar) => command = Some(Command::Day(DayCommand::SetCalendar(calendar.clone()))),
            Step::Ask(from, until) => command = Some(ask(*from, *until)),
        }
        let mut bytes = Vec::new();
        clearing.encode_snapshot(&mut bytes);
        let mut again = Clearing::decode_snapshot(&bytes, IndexSeed(2)).unwrap();
        let now = Time(model.minute * MINUTE);
        model.catch_up();
        let expected = match step {
            Step::Wait(_) => None,
            Step::Order(calendar) => Some(model.order(calendar)),
            Step::Ask(from, until) => Some(model.ask(*from, *until)),
        };
        let commands: Vec<Command> = command.into_iter().collect();
        let applied = clearing.apply_block(now, &commands);
        assert_eq!(applied.outcomes.first().map(said), expected);
        assert_eq!(again.apply_block(now, &commands).state_root, applied.state_root);
        told.extend(applied.events);
        assert_eq!(laws::check_all(&clearing), []);
        let open = clearing.business_day(HKD).map(|day| (day.date.0, day.is_cut_off));
        assert_eq!(open, model.open);
        assert!(clearing.next_deadline().is_none_or(|due| due > now), "what is due has been done");
    }
    assert_eq!(laws::day_01_told(&told), Ok(()));
    assert_eq!(steps_of(&told), model.told);
    check_statements(&told, &model.statements);
    let to: BTreeSet<u32> = letters_of(&told).map(|letter| letter.to.0).collect();
    assert!(to.iter().all(|to| *to == BANK.0), "who does not settle in a currency hears nothing of its days");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_step_is_told_once_and_in_order(steps in steps()) {
        live(&steps);
    }
}

/// Every day, closed at 18:00 UTC.
fn daily() -> DayCalendar {
    DayCalendar {
        currency: HKD,
        effective_from: BusinessDate(0),
        utc_offset_minutes: 0,
        cut_off: 1050,
        closes: 1080,
        weekdays: 0x7f,
        holidays: Vec::new(),
    }
}

/// A year without a block: each step is taken, as many in a block as one may, and no command between them is lost.
#[test]
fn a_year_of_halt_is_caught_up_block_by_block() {
    let mut clearing = opened();
    let mut told = clearing.apply_block(Time(0), &[Command::Day(DayCommand::SetCalendar(daily()))]).events;
    let later = Time(365 * DAY * MINUTE);
    let mut blocks = 0;
    while clearing.next_deadline().is_some_and(|due| due <= later) {
        let applied = clearing.apply_block(later, &[ask(0, Some(blocks))]);
        assert_eq!(applied.outcomes, [Outcome::Done]);
        assert!(steps_of(&applied.events).len() <= Clearing::DAY_STEPS_MAX + Clearing::DAY_STEPS_MAX / 2);
        assert_eq!(laws::check_all(&clearing), []);
        let mut bytes = Vec::new();
        clearing.encode_snapshot(&mut bytes);
        clearing = Clearing::decode_snapshot(&bytes, IndexSeed(3)).unwrap();
        assert_eq!(laws::check_all(&clearing), [], "read back it is as far behind");
        told.extend(applied.events);
        blocks += 1;
    }
    assert_eq!(blocks, 12, "730 steps, 64 a block");
    assert_eq!(laws::day_01_told(&told), Ok(()));
    assert_eq!(clearing.business_day(HKD).unwrap().date, BusinessDate(365));
    assert_eq!(steps_of(&told).len(), 1 + 365 * 3);
}

#[test]
fn calendars_ahead_are_bounded() {
    let mut clearing = opened();
    clearing.apply_block(Time(0), &[Command::Day(DayCommand::SetCalendar(daily()))]);
    let ahead =
        |from| Command::Day(DayCommand::SetCalendar(DayCalendar { effective_from: BusinessDate(from), closes: 1100, ..daily() }));
    let most = Clearing::CALENDARS_AHEAD_MAX as u32;
    let applied = clearing.apply_block(Time(0), &(1..=most + 1).map(ahead).collect::<Vec<_>>());
    assert_eq!(applied.outcomes.last(), Some(&Outcome::Refused(Refusal::Full)));
    assert_eq!(clearing.business_day(HKD).unwrap().calendars.len(), 1 + most as usize);
    // One of a date that is known takes its place.
    assert_eq!(clearing.apply_block(Time(0), &[ahead(3)]).outcomes, [Outcome::Done]);
}

#[test]
fn bytes_of_commands_are_golden() {
    let calendar = DayCalendar {
        effective_from: BusinessDate(20_514),
        utc_offset_minutes: 480,
        weekdays: 0x1f,
        holidays: vec![BusinessDate(20_501), BusinessDate(20_502)],
        ..daily()
    };
    let ordered = AskStatements {
        participant: ParticipantId(3),
        currency: HKD,
        from: BusinessDate(1),
        until: Some(BusinessDate(2)),
        is_ordered: true,
    };
    for (command, golden) in [
        (DayCommand::SetCalendar(calendar), "58484b4422500000e0011a0438041f02001550000016500000"),
        (DayCommand::AskStatements(ordered), "5903000000484b4401000000010200000001"),
        (DayCommand::AskStatements(AskStatements { until: None, is_ordered: false, ..ordered }), "5903000000484b44010000000000"),
    ] {
        let command = Command::Day(command);
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), golden);
        assert_eq!(Command::decode(&mut bytes.as_slice()), Ok(command));
        bytes.pop();
        assert_eq!(Command::decode(&mut bytes.as_slice()), Err(DecodeError::Short));
    }
}

#[test]
fn a_participants_own_word_is_no_order() {
    let role = |command: DayCommand| Command::Day(command).if_ordered().map(|ordered| (ordered.name, ordered.role));
    let asked = AskStatements { participant: BANK, currency: HKD, from: BusinessDate(0), until: None, is_ordered: true };
    assert_eq!(role(DayCommand::SetCalendar(daily())), Some(("set-calendar", OfficerRole::Rules)));
    assert_eq!(role(DayCommand::AskStatements(asked)), Some(("ask-statements", OfficerRole::Money)));
    assert_eq!(role(DayCommand::AskStatements(AskStatements { is_ordered: false, ..asked })), None);
}
