//! Signing keys of participants: several at a time, so that one follows another without a pause.
//!
//! ```text
//!  #1  ──────────────────────────▶│ until
//!  #2          from │◀────────────────────────────────────▶ until
//!                   └─ overlap ──┘  messages under either are taken
//! ```
//! A key is known by its participant's BIC and a number, as in `HARBHKHHXXX#2`. The first comes with the registration, which can replace
//! it until there is a second. Two officers order each further one, the time from which it holds and the time until which; its
//! number is never given to another key. A key that has leaked ends at once.
//!
//! The centre keeps keys and times and verifies nothing: doors and validators do.
//!
//! # Limits
//! [`Clearing::KEYS_MAX`] of each; one that is over makes room for the next.

use crate::codec::{put_u16, put_u32, put_u64, take, take_participant, take_u16, take_u64};
use crate::{Arranged, Clearing, DecodeError, Outcome, ParticipantId, ParticipantStatus, ParticipantView, Refusal, Time};

/// The public half of a signing key. Append only: the encoding is kept for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VerifyingKey {
    /// Ed25519 (RFC 8032).
    Ed25519([u8; 32]),
    /// ECDSA over P-256 with SHA-256: the compressed point (SEC 1, 2.3.3).
    P256([u8; 33]),
}

/// A key of a participant, and when it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParticipantKey {
    /// Which one of the participant's, from 1 on.
    pub number: u16,
    /// The key.
    pub key: VerifyingKey,
    /// From when messages under it are taken.
    pub from: Time,
    /// Until when, exclusive; [`ParticipantKey::OPEN`]: until further notice.
    pub until: Time,
}

/// A key begins, or ends at another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetKey {
    /// Whose.
    pub participant: ParticipantId,
    /// The key as it is to be.
    pub key: ParticipantKey,
}

impl ParticipantKey {
    /// The end of a key that has none.
    pub const OPEN: Time = Time(u64::MAX);

    /// The key a registration brings.
    pub const fn first(key: [u8; 32]) -> Self {
        Self { number: 1, key: VerifyingKey::Ed25519(key), from: Time(0), until: Self::OPEN }
    }

    /// Whether messages under it are taken at this time.
    pub fn holds_at(&self, at: Time) -> bool {
        self.from <= at && at < self.until
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u16(out, self.number);
        match &self.key {
            VerifyingKey::Ed25519(bytes) => {
                out.push(0);
                out.extend_from_slice(bytes);
            }
            VerifyingKey::P256(bytes) => {
                out.push(1);
                out.extend_from_slice(bytes);
            }
        }
        put_u64(out, self.from.0);
        put_u64(out, self.until.0);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            number: take_u16(bytes)?,
            key: match take(bytes)? {
                [0] => VerifyingKey::Ed25519(take(bytes)?),
                [1] => VerifyingKey::P256(take(bytes)?),
                [2..=255] => return Err(DecodeError::Unknown("kind of key")),
            },
            from: Time(take_u64(bytes)?),
            until: Time(take_u64(bytes)?),
        })
    }
}

impl SetKey {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.participant.0);
        self.key.encode(out);
    }

    pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { participant: take_participant(bytes)?, key: ParticipantKey::decode(bytes)? })
    }
}

impl ParticipantView {
    /// The key known by this number, if messages under it are taken at this time.
    pub fn key_at(&self, number: u16, at: Time) -> Option<VerifyingKey> {
        self.keys.iter().find(|key| key.number == number && key.holds_at(at)).map(|key| key.key)
    }
}

/// What a registration makes of the keys there were. Once a second key has been ordered, keys change by such orders alone: a list
/// of participants from before must not bring back a key that has leaked.
pub(crate) fn registered(keys: &[ParticipantKey], key: [u8; 32]) -> Vec<ParticipantKey> {
    match keys {
        [] => vec![ParticipantKey::first(key)],
        [first] if first.number == 1 && first.key != VerifyingKey::Ed25519(key) => vec![ParticipantKey::first(key)],
        [_, ..] => keys.to_vec(),
    }
}

impl Clearing {
    /// Most keys of a participant at a time.
    pub const KEYS_MAX: usize = 8;

    pub(crate) fn set_key(&mut self, set: &SetKey) -> Result<Outcome, Refusal> {
        let time = self.time;
        let participant = self.participants.get_mut(set.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if participant.status == ParticipantStatus::Left {
            return Err(Refusal::StandingForbids);
        }
        if set.key.from >= set.key.until {
            return Err(Refusal::KeyNotValid);
        }
        let keys = &mut participant.keys;
        match keys.iter_mut().find(|known| known.number == set.key.number) {
            Some(known) if *known == set.key => return Ok(Outcome::Done),
            Some(known) if known.key != set.key.key => return Err(Refusal::KeyNumberTaken),
            Some(known) => *known = set.key,
            None => enter(keys, set.key, time)?,
        }
        self.note_keys(set.participant);
        let keys = self.participants[set.participant.0 as usize].keys.clone();
        self.tell(Arranged::KeysSet { participant: set.participant, keys });
        Ok(Outcome::Done)
    }

    /// Enters a participant's keys, as they are now, in the block's changes.
    pub(crate) fn note_keys(&mut self, id: ParticipantId) {
        let keys = self.participants[id.0 as usize].keys.clone();
        self.note_arranged(43, id, |out| keys.iter().for_each(|key| key.encode(out)));
    }
}

/// Enters a further key; one that is over makes room for it.
fn enter(keys: &mut Vec<ParticipantKey>, key: ParticipantKey, now: Time) -> Result<(), Refusal> {
    let last = keys.last().map_or(0, |last| last.number);
    if last.checked_add(1) != Some(key.number) {
        return Err(Refusal::KeyNumberNotNext);
    }
    if keys.iter().any(|known| known.key == key.key) {
        return Err(Refusal::KeyNumberTaken);
    }
    if keys.len() >= Clearing::KEYS_MAX {
        // The last one stays, because it tells which number is next.
        let over = keys[..keys.len() - 1].iter().position(|known| known.until <= now).ok_or(Refusal::Full)?;
        keys.remove(over);
    }
    keys.push(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u16, until: Time) -> ParticipantKey {
        ParticipantKey { number, key: VerifyingKey::Ed25519([number as u8; 32]), from: Time(1), until }
    }

    #[test]
    fn bytes_are_golden_and_read_back() {
        let point = VerifyingKey::P256([3; 33]);
        let set = SetKey { participant: ParticipantId(5), key: ParticipantKey { key: point, ..key(2, Time(9)) } };
        let mut bytes = Vec::new();
        set.encode(&mut bytes);
        let golden = [&[5, 0, 0, 0, 2, 0, 1][..], &[3; 33], &1u64.to_le_bytes(), &9u64.to_le_bytes()].concat();
        assert_eq!(bytes, golden);
        assert_eq!(SetKey::decode(&mut &bytes[..]), Ok(set));
        bytes[6] = 2;
        assert_eq!(SetKey::decode(&mut &bytes[..]), Err(DecodeError::Unknown("kind of key")));
    }

    #[test]
    fn a_key_holds_from_its_begin_to_before_its_end() {
        let key = key(1, Time(9));
        assert_eq!([0, 1, 8, 9].map(|at| key.holds_at(Time(at))), [false, true, true, false]);
    }

    #[test]
    fn one_that_is_over_makes_room_and_numbers_go_on() {
        let mut keys: Vec<_> = (1..=8).map(|number| key(number, ParticipantKey::OPEN)).collect();
        assert_eq!(enter(&mut keys, key(9, ParticipantKey::OPEN), Time(50)), Err(Refusal::Full));
        keys[2].until = Time(40);
        keys[7].until = Time(40);
        assert_eq!(enter(&mut keys, key(10, ParticipantKey::OPEN), Time(50)), Err(Refusal::KeyNumberNotNext));
        assert_eq!(enter(&mut keys, key(9, ParticipantKey::OPEN), Time(50)), Ok(()));
        assert_eq!(keys.iter().map(|key| key.number).collect::<Vec<_>>(), [1, 2, 4, 5, 6, 7, 8, 9]);
        assert_eq!(enter(&mut keys, key(10, ParticipantKey::OPEN), Time(50)), Ok(()), "the last one is over, and no longer last");
        assert_eq!(enter(&mut keys, key(11, ParticipantKey::OPEN), Time(50)), Err(Refusal::Full));
    }

    #[test]
    fn a_registration_brings_the_first_key_and_no_other() {
        let (first, over) = (ParticipantKey::first, key(1, Time(9)));
        assert_eq!(registered(&[], [7; 32]), [first([7; 32])]);
        assert_eq!(registered(&[first([1; 32])], [7; 32]), [first([7; 32])]);
        assert_eq!(registered(&[over], [1; 32]), [over], "what is over stays over");
        for keys in [vec![over, key(2, ParticipantKey::OPEN)], vec![key(2, ParticipantKey::OPEN)]] {
            assert_eq!(registered(&keys, [7; 32]), keys);
        }
    }
}
