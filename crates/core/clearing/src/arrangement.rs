//! What operators arrange with one participant, what a participant tells of itself, and how both are written.
//!
//! An [`Arrangement`] is an operators' command: at the door it is taken as an order of two officers only. A [`Notice`] is a
//! participant's own, or ordered in its place. The rules are in `standing.rs`, `keys.rs` and `liquidity.rs`.
//!
//! Tags 40 to 49 are this module's, among commands and in the block's changes alike.

use crate::codec::{decode_register, encode_register_fields, put_u32, put_u64, take, take_participant, take_u32, take_u64};
use crate::liquidity::Liquidity;
use crate::standing::Standing;
use crate::{
    Absence, Breaker, Clearing, DecodeError, EventKind, Outcome, ParticipantId, ParticipantKey, Presence, Refusal,
    RegisterParticipant, SetKey, SetLiquidity, Time,
};

use money::{Amount, CurrencyCode};

/// Something operators arrange. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrangement {
    /// Registers a participant that has only applied: it neither sends nor receives before it is certified and live.
    Apply(RegisterParticipant),
    /// When the centre stops asking a participant that does not answer.
    SetBreaker(Breaker),
    /// Cap, warning levels and reservation of a settlement account.
    SetLiquidity(SetLiquidity),
    /// A signing key of a participant begins, or ends at another time.
    SetKey(SetKey),
}

/// What a participant tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Who, as authenticated.
    pub participant: ParticipantId,
    /// What.
    pub says: Says,
}

/// Whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// It will not be there, or is not: payments to it are rejected at once (AB08).
    Offline(Absence),
    /// It is there again: what absence has begun is over.
    Online,
}

/// What an arrangement or a notice changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arranged {
    /// A participant has applied; its particulars are in the event before this one.
    Applied(ParticipantId),
    /// Whether it is there, now and as announced.
    Presence {
        /// Whose.
        participant: ParticipantId,
        /// How it stands.
        presence: Presence,
    },
    /// A participant's signing keys, as they are now.
    KeysSet {
        /// Whose.
        participant: ParticipantId,
        /// By number.
        keys: Vec<ParticipantKey>,
    },
    /// When the centre stops asking who does not answer.
    BreakerSet(Breaker),
    /// Terms of a settlement account hold from then on.
    LiquiditySet(SetLiquidity),
    /// A settlement account fell below its floor.
    LiquidityLow {
        /// Whose.
        participant: ParticipantId,
        /// What it lacks to its target.
        missing: Amount,
    },
    /// A settlement account is back at its target.
    LiquidityRestored {
        /// Whose.
        participant: ParticipantId,
        /// On which ledger.
        currency: CurrencyCode,
    },
}

/// State behind the arrangements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Affairs {
    pub(crate) standing: Standing,
    pub(crate) liquidity: Liquidity,
}

impl Arrangement {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Apply(register) => {
                out.push(40);
                encode_register_fields(register, out);
            }
            Self::SetBreaker(breaker) => {
                out.push(41);
                breaker.encode(out);
            }
            Self::SetLiquidity(set) => {
                out.push(42);
                set.encode(out);
            }
            Self::SetKey(set) => {
                out.push(43);
                set.encode(out);
            }
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match tag {
            40 => Self::Apply(decode_register(bytes)?),
            41 => Self::SetBreaker(Breaker::decode(bytes)?),
            42 => Self::SetLiquidity(SetLiquidity::decode(bytes)?),
            43 => Self::SetKey(SetKey::decode(bytes)?),
            0..=39 | 44..=255 => return Err(DecodeError::Unknown("arrangement")),
        })
    }
}

impl Notice {
    pub(crate) const TAG: u8 = 47;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(Self::TAG);
        put_u32(out, self.participant.0);
        match self.says {
            Says::Offline(absence) => {
                out.push(0);
                absence.encode(out);
            }
            Says::Online => out.push(1),
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            participant: take_participant(bytes)?,
            says: match take(bytes)? {
                [0] => Says::Offline(Absence::decode(bytes)?),
                [1] => Says::Online,
                [2..=255] => return Err(DecodeError::Unknown("notice")),
            },
        })
    }
}

impl Absence {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.from.0);
        put_u64(out, self.until.0);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { from: Time(take_u64(bytes)?), until: Time(take_u64(bytes)?) })
    }
}

impl Breaker {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.timeouts);
        put_u64(out, self.rest_ns);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { timeouts: take_u32(bytes)?, rest_ns: take_u64(bytes)? })
    }
}

impl Clearing {
    pub(crate) fn arrange(&mut self, arrangement: &Arrangement) -> Result<Outcome, Refusal> {
        match arrangement {
            Arrangement::Apply(register) => self.take_application(register),
            Arrangement::SetBreaker(breaker) => self.set_breaker(*breaker),
            Arrangement::SetLiquidity(set) => self.set_liquidity(set),
            Arrangement::SetKey(set) => self.set_key(set),
        }
    }

    /// Enters a change of this module in the block's changes: its tag, whose, and how it stands now.
    pub(crate) fn note_arranged(&mut self, tag: u8, participant: ParticipantId, row: impl FnOnce(&mut Vec<u8>)) {
        self.delta.push(tag);
        put_u32(&mut self.delta, participant.0);
        row(&mut self.delta);
    }

    pub(crate) fn tell(&mut self, arranged: Arranged) {
        self.emit(EventKind::Arranged(arranged));
    }

    /// Appends the tables behind the arrangements to a snapshot.
    pub(crate) fn encode_affairs(&self, out: &mut Vec<u8>) {
        self.affairs.standing.encode(out);
        self.encode_liquidity(out);
    }

    /// Reads what [`Self::encode_affairs`] wrote, into a state whose other tables have been read.
    pub(crate) fn decode_affairs(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.decode_standing(bytes)?;
        self.decode_liquidity(bytes)
    }
}
