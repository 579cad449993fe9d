//! Statements at the end of the day: who gets one in which currency, for which dates, and where it begins and ends.
//!
//! A statement is what happened on a settlement account between two positions. Where a day closed the next one's statement
//! begins, so that each entry is in one of them. The chain says that a statement is due and what it spans; whoever keeps the past
//! writes it (`camt.053`), as it writes one that is asked for.
//!
//! The first day's statement goes back to the beginning of the account. Statements of an account are numbered from 1 on without
//! gaps; who stops them and asks again goes on behind its last number.

use super::{BusinessDate, DayEvent, Days};
use crate::letter::Draft;
use crate::{Carries, Clearing, Letter, LetterKind, Outcome, ParticipantId, ParticipantStatus, Position, Refusal};
use ledger::LedgerId;
use money::CurrencyCode;

/// A statement is wanted at the end of each day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskStatements {
    /// Of whose settlement account.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// First date.
    pub from: BusinessDate,
    /// Last one; `None`: until further notice. Before the day that is open: not any more.
    pub until: Option<BusinessDate>,
    /// Two officers order it; otherwise the participant says so itself, as authenticated.
    pub is_ordered: bool,
}

impl AskStatements {
    /// Whose message it must be; `None`: it is operators' own.
    pub const fn signer(&self) -> Option<ParticipantId> {
        if self.is_ordered { None } else { Some(self.participant) }
    }
}

/// What is wanted for an account, and how many it has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) from: BusinessDate,
    pub(super) until: Option<BusinessDate>,
    pub(super) sent: u32,
}

/// What is wanted for an account, as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementsAsked {
    /// First date.
    pub from: BusinessDate,
    /// Last one; `None`: until further notice.
    pub until: Option<BusinessDate>,
    /// Number of the last one; zero: there was none.
    pub sent: u32,
}

/// A statement that is due, as its letter says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementDue {
    /// Of the reader's account on this ledger.
    pub currency: CurrencyCode,
    /// The day it is of.
    pub date: BusinessDate,
    /// Its entries lie behind this position,
    pub after: Position,
    /// and up to that one.
    pub to: Position,
    /// Which one of this account's, from 1 on.
    pub sequence: u32,
}

impl StatementDue {
    /// Reads a letter; `None`: it is about something else.
    pub fn of(letter: &Letter) -> Option<Self> {
        let subject = &letter.subject;
        let Carries::Statement { date, sequence } = letter.carries else { return None };
        let currency = CurrencyCode::new(subject[..3].try_into().ok()?).ok()?;
        Some(Self { currency, date, after: position(&subject[4..10]), to: position(&subject[10..]), sequence })
    }

    /// Positions take six bytes: enough for a million events a second over eight years, and for ten thousand over eight hundred.
    fn subject(&self) -> [u8; 16] {
        let mut subject = [0; 16];
        subject[..3].copy_from_slice(&self.currency.bytes());
        subject[4..10].copy_from_slice(&self.after.0.to_le_bytes()[..6]);
        subject[10..].copy_from_slice(&self.to.0.to_le_bytes()[..6]);
        subject
    }
}

fn position(bytes: &[u8]) -> Position {
    Position(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

impl Days {
    fn asked_of(&self, ledger: LedgerId) -> impl Iterator<Item = (ParticipantId, &Asked)> {
        let all = (ledger, ParticipantId(0))..=(ledger, ParticipantId(u32::MAX));
        self.asked.range(all).map(|((_, participant), asked)| (*participant, asked))
    }
}

impl Clearing {
    /// What statements a participant gets in a currency; `None`: it never asked.
    pub fn statements_asked(&self, participant: ParticipantId, currency: CurrencyCode) -> Option<StatementsAsked> {
        let asked = self.days.asked.get(&(self.ledger_of(currency)?, participant))?;
        Some(StatementsAsked { from: asked.from, until: asked.until, sent: asked.sent })
    }

    pub(super) fn ask_statements(&mut self, ask: &AskStatements) -> Result<Outcome, Refusal> {
        let participant = self.participants.get(ask.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if participant.status == ParticipantStatus::Left {
            return Err(Refusal::StandingForbids);
        }
        let ledger = self.ledger_of(ask.currency).ok_or(Refusal::UnknownCurrency)?;
        participant.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        if !self.days.rows.contains_key(&ledger) {
            return Err(Refusal::NoBusinessDays);
        }
        if ask.from > BusinessDate::LAST || ask.until.is_some_and(|until| until < ask.from || until > BusinessDate::LAST) {
            return Err(Refusal::StatementDatesNotValid);
        }
        let known = self.days.asked.get(&(ledger, ask.participant));
        if known.is_some_and(|known| (known.from, known.until) == (ask.from, ask.until)) {
            return Ok(Outcome::Done);
        }
        let asked = Asked { from: ask.from, until: ask.until, sent: known.map_or(0, |known| known.sent) };
        self.days.asked.insert((ledger, ask.participant), asked);
        self.tell_day(DayEvent::Statements(*ask));
        Ok(Outcome::Done)
    }

    /// The day has closed at that position: whoever asked for it gets its statement.
    pub(super) fn send_statements(&mut self, ledger: LedgerId, date: BusinessDate, to: Position) {
        let after = self.days.rows.get(&ledger).map_or(Position(0), |row| row.closed_at);
        let is_due = |asked: &Asked| asked.from <= date && asked.until.is_none_or(|until| date <= until);
        let due = self.days.asked_of(ledger).filter(|(who, asked)| is_due(asked) && self.settles_in(*who, ledger));
        let due: Vec<(ParticipantId, u32)> = due.map(|(who, asked)| (who, asked.sent.saturating_add(1))).collect();
        let currency = self.currency(ledger).code;
        for (who, sequence) in due {
            if let Some(asked) = self.days.asked.get_mut(&(ledger, who)) {
                asked.sent = sequence;
            }
            let subject = StatementDue { currency, date, after, to, sequence }.subject();
            let carries = Carries::Statement { date, sequence };
            self.send_letter(Draft { from: None, to: who, kind: LetterKind::Statement, subject, reason: None, carries });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_six_bytes_read_back() {
        for number in [0, 1, 255, 65_536, (1 << 48) - 1] {
            let due = StatementDue {
                currency: CurrencyCode::HKD,
                date: BusinessDate(1),
                after: Position(number),
                to: Position(number ^ 7),
                sequence: 9,
            };
            let subject = due.subject();
            assert_eq!((position(&subject[4..10]), position(&subject[10..])), (due.after, due.to));
        }
    }
}
