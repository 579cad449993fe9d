//! Bytes of business days: commands, what a block changed, and the snapshot.

use super::{AskStatements, Asked, BusinessDate, DayCalendar, DayCommand, DayEvent, Days, Row};
use crate::codec::{put_u16, put_u32, put_u64, take, take_bool, take_code, take_participant, take_u16, take_u32, take_u64};
use crate::{Clearing, DecodeError, ParticipantId, Position};
use ledger::LedgerId;

impl DayCommand {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SetCalendar(calendar) => {
                out.push(88);
                calendar.encode(out);
            }
            Self::AskStatements(ask) => {
                out.push(89);
                ask.encode(out);
            }
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match tag {
            88 => Self::SetCalendar(DayCalendar::decode(bytes)?),
            89 => Self::AskStatements(AskStatements::decode(bytes)?),
            0..=87 | 90..=255 => return Err(DecodeError::Unknown("command of business days")),
        })
    }
}

impl DayEvent {
    /// What a block changed.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Calendar(calendar) => {
                out.push(0);
                calendar.encode(out);
            }
            Self::Step(step) => {
                out.push(1);
                out.extend_from_slice(&step.currency.code.bytes());
                put_u32(out, step.date.0);
                out.push(step.phase.number());
                put_u64(out, step.due.0);
            }
            Self::Statements(ask) => {
                out.push(2);
                ask.encode(out);
            }
        }
    }
}

impl AskStatements {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.participant.0);
        out.extend_from_slice(&self.currency.bytes());
        put_u32(out, self.from.0);
        put_until(out, self.until);
        out.push(u8::from(self.is_ordered));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            participant: take_participant(bytes)?,
            currency: take_code(bytes)?,
            from: BusinessDate(take_u32(bytes)?),
            until: take_until(bytes)?,
            is_ordered: take_bool(bytes)?,
        })
    }
}

fn put_until(out: &mut Vec<u8>, until: Option<BusinessDate>) {
    out.push(u8::from(until.is_some()));
    until.inspect(|until| put_u32(out, until.0));
}

fn take_until(bytes: &mut &[u8]) -> Result<Option<BusinessDate>, DecodeError> {
    Ok(if take_bool(bytes)? { Some(BusinessDate(take_u32(bytes)?)) } else { None })
}

impl Row {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.date.0);
        out.push(u8::from(self.is_cut_off));
        put_u64(out, self.closed_at.0);
        out.push(self.calendars.len() as u8);
        self.calendars.iter().for_each(|calendar| calendar.encode(out));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (date, is_cut_off, closed_at) = (BusinessDate(take_u32(bytes)?), take_bool(bytes)?, Position(take_u64(bytes)?));
        let [count] = take(bytes)?;
        let calendars = (0..count).map(|_| DayCalendar::decode(bytes)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { date, is_cut_off, closed_at, calendars })
    }

    /// Whether a run of blocks could have led here.
    fn is_sound(&self, clearing: &Clearing, ledger: LedgerId) -> bool {
        let code = clearing.currency(ledger).code;
        let [first, ahead @ ..] = self.calendars.as_slice() else { return false };
        self.calendars.iter().all(|calendar| calendar.is_valid() && calendar.currency == code)
            && first.effective_from <= self.date
            && first.is_business_day(self.date)
            && ahead.len() <= Clearing::CALENDARS_AHEAD_MAX
            && ahead.iter().all(|calendar| calendar.effective_from > self.date)
            && ahead.is_sorted_by(|a, b| a.effective_from < b.effective_from)
            && self.date.0 <= BusinessDate::LAST.0 + DayCalendar::GAP_MAX
            && self.closed_at.0 < clearing.next_position
    }
}

impl Clearing {
    /// Appends the tables to a snapshot.
    pub(crate) fn encode_days(&self, out: &mut Vec<u8>) {
        let Days { rows, asked, steps_taken, has_changed: _ } = &self.days;
        out.push(*steps_taken as u8);
        put_u32(out, rows.len() as u32);
        for (ledger, row) in rows {
            put_u16(out, ledger.0);
            row.encode(out);
        }
        put_u32(out, asked.len() as u32);
        for ((ledger, participant), asked) in asked {
            put_u16(out, ledger.0);
            put_u32(out, participant.0);
            put_u32(out, asked.from.0);
            put_until(out, asked.until);
            put_u32(out, asked.sent);
        }
    }

    /// Reads what [`Self::encode_days`] wrote, into a state whose other tables have been read.
    pub(crate) fn decode_days(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let mut days = Days::default();
        let [steps_taken] = take(bytes)?;
        days.steps_taken = usize::from(steps_taken);
        if days.steps_taken > Self::DAY_STEPS_MAX {
            return Err(DecodeError::Unknown("number of steps"));
        }
        for _ in 0..take_u32(bytes)? {
            let (ledger, row) = (LedgerId(take_u16(bytes)?), Row::decode(bytes)?);
            let in_order = days.rows.last_key_value().is_none_or(|(last, _)| *last < ledger);
            if !in_order || usize::from(ledger.0) >= self.currencies.len() || !row.is_sound(self, ledger) {
                return Err(DecodeError::Unknown("business day"));
            }
            days.rows.insert(ledger, row);
        }
        for _ in 0..take_u32(bytes)? {
            let key = (LedgerId(take_u16(bytes)?), ParticipantId(take_u32(bytes)?));
            let asked = Asked { from: BusinessDate(take_u32(bytes)?), until: take_until(bytes)?, sent: take_u32(bytes)? };
            let in_order = days.asked.last_key_value().is_none_or(|(last, _)| *last < key);
            let has_account = self.participants.get(key.1.0 as usize).is_some_and(|owner| owner.settlement(key.0).is_some());
            if !in_order || !has_account || !days.rows.contains_key(&key.0) {
                return Err(DecodeError::Unknown("statements that were asked for"));
            }
            days.asked.insert(key, asked);
        }
        self.days = days;
        Ok(())
    }
}
