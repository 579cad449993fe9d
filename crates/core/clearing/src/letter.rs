//! Letters: what the chain has for a participant beside the ends of its payments.
//!
//! A rule sends one with [`Clearing::send_letter`]. A letter says to whom, of what kind and about what, and which signed
//! message it carries; the message itself lies beside the chain, as those of payments do. Letters are numbered without gaps
//! and never change, so whoever keeps the past keeps them as rows of fixed length.

use crate::codec::{put_u32, put_u64, take, take_participant, take_reason, take_u64};
use crate::{
    Broadcast, BusinessDate, Clearing, DecodeError, EventKind, IsoReason, Outcome, ParticipantId, ParticipantStatus,
    PaymentIndex, Position, Refusal, Time,
};

/// Something the chain has for one participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Letter {
    /// Counted from 0, without gaps.
    pub number: u64,
    /// Its place in the chain: the cursor of an inbox.
    pub position: Position,
    /// Time of its block.
    pub at: Time,
    /// Whose word it carries; `None`: the centre's own.
    pub from: Option<ParticipantId>,
    /// Whose inbox it is for.
    pub to: ParticipantId,
    /// What it is.
    pub kind: LetterKind,
    /// The UETR or other identifier it is about; zeros when there is none.
    pub subject: [u8; 16],
    /// Why, if it says so.
    pub reason: Option<IsoReason>,
    /// The message that goes with it.
    pub carries: Carries,
}

/// What a letter is. Append only: the numbers are kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LetterKind {
    /// Operators' word to all participants (`admi.004`); it carries their order.
    Broadcast,
    /// A sponsorship has begun, has changed or has ended (`admi.004`).
    Sponsorship,
    /// A business day was opened, cut off or closed (`admi.004`).
    BusinessDay,
    /// A statement at the end of a business day (`camt.053`).
    Statement,
}

impl LetterKind {
    /// All of them, for documents and coverage tests.
    pub const ALL: [Self; 4] = [Self::Broadcast, Self::Sponsorship, Self::BusinessDay, Self::Statement];

    /// As it is kept.
    pub const fn number(self) -> u8 {
        match self {
            Self::Broadcast => 1,
            Self::Sponsorship => 74,
            Self::BusinessDay => 88,
            Self::Statement => 89,
        }
    }

    /// Reads what [`Self::number`] told.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// The signed message that goes with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// None: the centre says it all itself.
    Nothing,
    /// That of the command with this number in the letter's block.
    Command(u32),
    /// The one an earlier letter carries.
    Letter(u64),
    /// A payment's own.
    Payment(PaymentIndex),
    /// None: the statement of a day, which whoever keeps the past writes.
    Statement {
        /// The day.
        date: BusinessDate,
        /// Which one of the account's, from 1 on.
        sequence: u32,
    },
}

impl Letter {
    /// Bytes of a row.
    pub const ROW_BYTES: usize = 54;

    /// Appends [`Self::ROW_BYTES`] bytes; the letter's number is where the row lies.
    pub fn encode_row(&self, out: &mut Vec<u8>) {
        put_u64(out, self.position.0);
        put_u64(out, self.at.0);
        put_u32(out, self.from.map_or(u32::MAX, |from| from.0));
        put_u32(out, self.to.0);
        out.push(self.kind.number());
        out.extend_from_slice(&self.subject);
        out.extend_from_slice(&self.reason.map_or(*b"    ", |reason| reason.0));
        let (tag, number) = match self.carries {
            Carries::Nothing => (0, 0),
            Carries::Command(at) => (1, u64::from(at)),
            Carries::Letter(number) => (2, number),
            Carries::Payment(payment) => (3, payment.0),
            Carries::Statement { date, sequence } => (4, u64::from(date.0) << 32 | u64::from(sequence)),
        };
        out.push(tag);
        put_u64(out, number);
    }

    /// Reads what [`Self::encode_row`] wrote for the letter of that number.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode_row(number: u64, mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let bytes = &mut bytes;
        let (position, at) = (Position(take_u64(bytes)?), Time(take_u64(bytes)?));
        let from = Some(take_participant(bytes)?).filter(|from| from.0 != u32::MAX);
        let to = take_participant(bytes)?;
        let [kind] = take(bytes)?;
        let kind = LetterKind::of_number(kind).ok_or(DecodeError::Unknown("kind of letter"))?;
        let subject = take(bytes)?;
        let reason = match bytes.strip_prefix(b"    ") {
            Some(rest) => {
                *bytes = rest;
                None
            }
            None => Some(take_reason(bytes)?),
        };
        let ([tag], carried) = (take(bytes)?, take_u64(bytes)?);
        let carries = match (tag, u32::try_from(carried)) {
            (0, Ok(0)) => Carries::Nothing,
            (1, Ok(at)) => Carries::Command(at),
            (2, _) => Carries::Letter(carried),
            (3, _) => Carries::Payment(PaymentIndex(carried)),
            (4, _) => Carries::Statement { date: BusinessDate((carried >> 32) as u32), sequence: carried as u32 },
            _ => return Err(DecodeError::Unknown("message of a letter")),
        };
        let letter = Self { number, position, at, from, to, kind, subject, reason, carries };
        if bytes.is_empty() { Ok(letter) } else { Err(DecodeError::Unknown("rest")) }
    }
}

/// A letter before it has its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) from: Option<ParticipantId>,
    pub(crate) to: ParticipantId,
    pub(crate) kind: LetterKind,
    pub(crate) subject: [u8; 16],
    pub(crate) reason: Option<IsoReason>,
    pub(crate) carries: Carries,
}

impl Clearing {
    /// How many letters there have been: the number of the next.
    pub fn letters(&self) -> u64 {
        self.letters
    }

    /// The message of the command being applied, for a letter to carry.
    pub(crate) fn this_message(&self) -> Carries {
        Carries::Command(self.command)
    }

    /// Sends a letter, and tells its number.
    pub(crate) fn send_letter(&mut self, draft: Draft) -> u64 {
        let Draft { from, to, kind, subject, reason, carries } = draft;
        let number = self.letters;
        let (position, at) = (Position(self.next_position), self.time);
        let letter = Letter { number, position, at, from, to, kind, subject, reason, carries };
        self.letters += 1;
        self.delta.push(12);
        letter.encode_row(&mut self.delta);
        self.emit(EventKind::Letter(letter));
        number
    }

    /// Tells all participants that are not gone.
    pub(crate) fn broadcast(&mut self, broadcast: &Broadcast) -> Result<Outcome, Refusal> {
        if broadcast.text.len() > Broadcast::TEXT_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        if broadcast.text.trim().is_empty() || broadcast.text.chars().any(char::is_control) {
            return Err(Refusal::TextNotValid);
        }
        let carries = self.this_message();
        for at in 0..self.participants.len() {
            let to = ParticipantId(at as u32);
            if self.participants[at].status != ParticipantStatus::Left {
                let kind = LetterKind::Broadcast;
                self.send_letter(Draft { from: None, to, kind, subject: [0; 16], reason: None, carries });
            }
        }
        Ok(Outcome::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_back_and_nothing_else_is() {
        let letter = Letter {
            number: 7,
            position: Position(9),
            at: Time(11),
            from: Some(ParticipantId(1)),
            to: ParticipantId(2),
            kind: LetterKind::Broadcast,
            subject: [3; 16],
            reason: Some(IsoReason(*b"CUST")),
            carries: Carries::Letter(5),
        };
        let silent = Letter { from: None, reason: None, carries: Carries::Nothing, ..letter };
        let statement = Carries::Statement { date: BusinessDate(20_514), sequence: 3 };
        for carries in [Carries::Command(4), statement] {
            let mut row = Vec::new();
            Letter { carries, ..silent }.encode_row(&mut row);
            assert_eq!(Letter::decode_row(7, &row), Ok(Letter { carries, ..silent }));
        }
        for letter in [letter, silent] {
            let mut row = Vec::new();
            letter.encode_row(&mut row);
            assert_eq!(row.len(), Letter::ROW_BYTES);
            assert_eq!(Letter::decode_row(7, &row), Ok(letter));
            row.push(0);
            assert_eq!(Letter::decode_row(7, &row), Err(DecodeError::Unknown("rest")));
            row[24] = 0;
            assert_eq!(Letter::decode_row(7, &row), Err(DecodeError::Unknown("kind of letter")));
        }
        assert!(LetterKind::ALL.iter().all(|kind| LetterKind::of_number(kind.number()) == Some(*kind)));
    }
}
