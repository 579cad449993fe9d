//! Settlement notes: what happened between the centre and the settlement agents, one row each, in order of position.
//!
//! Notes are kept for ever: statements, inboxes and the index of history are made from them and from payments, so that they
//! can be made again without applying every block. There are few of them: for each funding and transfer one or two,
//! none for a payment.
//!
//! # Units and limits
//! Amounts are minor units. A note takes [`SettlementNote::ROW_BYTES`] bytes.

use crate::codec::{put_u32, put_u64, take, take_currency, take_u32, take_u64};
use crate::{DecodeError, IsoReason, ParticipantId, Position, Time};
use money::{Currency, MinorUnits};

/// What a note says. Numbers are kept for ever: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// Money came in from the settlement agent.
    FundedIn,
    /// Money went out to the settlement agent.
    FundedOut,
    /// The settlement agent is asked to move money in.
    TopUpAsked,
    /// The settlement agent is asked to move money out, which is held until it answers.
    WithdrawalAsked,
    /// The settlement agent, or two officers, refused that.
    TransferRefused,
    /// Money on its way out is held until the settlement agent opens and can be asked.
    WithdrawalQueued,
    /// Money went to another participant, the one named as agent (`pacs.009`).
    SentOut,
    /// Money came in from another participant, the one named as agent.
    CameIn,
    /// A transfer to another participant, the one named as agent, has ended and moved nothing.
    SentNotSettled,
}

/// Which way an account moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// More on it.
    Credit,
    /// Less on it.
    Debit,
}

impl NoteKind {
    /// All of them, by number.
    pub const ALL: [Self; 9] = [
        Self::FundedIn,
        Self::FundedOut,
        Self::TopUpAsked,
        Self::WithdrawalAsked,
        Self::TransferRefused,
        Self::WithdrawalQueued,
        Self::SentOut,
        Self::CameIn,
        Self::SentNotSettled,
    ];

    /// Stable number.
    pub const fn number(self) -> u8 {
        match self {
            Self::FundedIn => 0,
            Self::FundedOut => 1,
            Self::TopUpAsked => 2,
            Self::WithdrawalAsked => 3,
            Self::TransferRefused => 4,
            Self::WithdrawalQueued => 5,
            Self::SentOut => 6,
            Self::CameIn => 7,
            Self::SentNotSettled => 8,
        }
    }

    /// Reads what [`Self::number`] told.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The side of the settlement account that such a note moves; `None` if it moves no money.
    pub const fn entry(self) -> Option<Side> {
        match self {
            Self::FundedIn | Self::CameIn => Some(Side::Credit),
            Self::FundedOut | Self::SentOut => Some(Side::Debit),
            Self::TopUpAsked | Self::WithdrawalAsked | Self::TransferRefused | Self::WithdrawalQueued | Self::SentNotSettled => {
                None
            }
        }
    }
}

/// One thing that happened between the centre and a settlement agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementNote {
    /// Its number among notes: 0, 1, 2 …
    pub number: u64,
    /// The event that told it.
    pub position: Position,
    /// Its block.
    pub height: u64,
    /// Its block's time.
    pub at: Time,
    /// What.
    pub kind: NoteKind,
    /// Whose account it is about.
    pub participant: ParticipantId,
    /// The settlement agent that is asked or that answered, if one did; between participants the other one.
    pub agent: Option<ParticipantId>,
    /// On which ledger.
    pub currency: Currency,
    /// How much.
    pub amount: MinorUnits,
    /// What names the transfer at the settlement agent; a UETR where it was asked for by message.
    pub reference: [u8; 16],
    /// Why not.
    pub reason: Option<IsoReason>,
}

impl SettlementNote {
    /// Bytes of a row.
    pub const ROW_BYTES: usize = 65;
    const NOBODY: u32 = u32::MAX;
    const NO_REASON: [u8; 4] = *b"    ";

    /// Appends [`Self::ROW_BYTES`] bytes; the note's number is where the row lies.
    pub fn encode_row(&self, out: &mut Vec<u8>) {
        put_u64(out, self.position.0);
        put_u64(out, self.height);
        put_u64(out, self.at.0);
        out.push(self.kind.number());
        put_u32(out, self.participant.0);
        put_u32(out, self.agent.map_or(Self::NOBODY, |agent| agent.0));
        out.extend_from_slice(&self.currency.code.bytes());
        out.push(self.currency.exponent);
        put_u64(out, self.amount.0);
        out.extend_from_slice(&self.reference);
        out.extend_from_slice(&self.reason.map_or(Self::NO_REASON, |reason| reason.0));
    }

    /// Reads what [`Self::encode_row`] wrote for the note of that number.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode_row(number: u64, mut bytes: &[u8]) -> Result<Self, DecodeError> {
        let note = Self::take(number, &mut bytes)?;
        if bytes.is_empty() { Ok(note) } else { Err(DecodeError::Unknown("rest")) }
    }

    pub(super) fn take(number: u64, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (position, height, at) = (Position(take_u64(bytes)?), take_u64(bytes)?, Time(take_u64(bytes)?));
        let [kind] = take(bytes)?;
        Ok(Self {
            number,
            position,
            height,
            at,
            kind: NoteKind::of_number(kind).ok_or(DecodeError::Unknown("kind of note"))?,
            participant: ParticipantId(take_u32(bytes)?),
            agent: Some(take_u32(bytes)?).filter(|agent| *agent != Self::NOBODY).map(ParticipantId),
            currency: take_currency(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
            reference: take(bytes)?,
            reason: match take(bytes)? {
                Self::NO_REASON => None,
                reason => Some(read_reason(reason)?),
            },
        })
    }
}

fn read_reason(raw: [u8; 4]) -> Result<IsoReason, DecodeError> {
    core::str::from_utf8(&raw).ok().and_then(IsoReason::parse).ok_or(DecodeError::Unknown("reason"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use money::CurrencyCode;

    #[test]
    fn a_row_is_for_ever() {
        let note = SettlementNote {
            number: 7,
            position: Position(0x0102),
            height: 3,
            at: Time(4),
            kind: NoteKind::TransferRefused,
            participant: ParticipantId(5),
            agent: Some(ParticipantId(6)),
            currency: Currency { code: CurrencyCode::HKD, exponent: 2 },
            amount: MinorUnits(1000),
            reference: [9; 16],
            reason: IsoReason::parse("AM04"),
        };
        let mut row = Vec::new();
        note.encode_row(&mut row);
        let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "02010000000000000300000000000000040000000000000004050000000600000048\
             4b4402e80300000000000009090909090909090909090909090909414d3034"
        );
        assert_eq!(row.len(), SettlementNote::ROW_BYTES);
        assert_eq!(SettlementNote::decode_row(7, &row), Ok(note));
        let nobody = SettlementNote { agent: None, reason: None, ..note };
        row.clear();
        nobody.encode_row(&mut row);
        assert_eq!(SettlementNote::decode_row(7, &row), Ok(nobody));
        assert!(SettlementNote::decode_row(7, &row[1..]).is_err());
    }

    #[test]
    fn kinds_read_back() {
        for kind in NoteKind::ALL {
            assert_eq!(NoteKind::of_number(kind.number()), Some(kind));
        }
        assert_eq!(NoteKind::of_number(NoteKind::ALL.len() as u8), None);
    }
}
