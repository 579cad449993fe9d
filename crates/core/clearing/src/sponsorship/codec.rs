//! Bytes of sponsorships: commands, what a block changed, and the snapshot.

use super::position::{Side, Sides};
use super::{
    Clearing, EndSponsorship, Key, Row, Sponsor, SponsorLimits, SponsorshipCommand, Sponsorships, Square, SquarePayer, spn_01,
};
use crate::codec::{put_u16, put_u32, put_u64, take, take_bool, take_code, take_participant, take_u16, take_u32, take_u64};
use crate::{DecodeError, PaymentIndex};
use ledger::LedgerId;
use money::MinorUnits;
use std::collections::VecDeque;

impl SponsorshipCommand {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Sponsor(sponsor) => {
                out.push(74);
                put_u32(out, sponsor.sponsor.0);
                put_u32(out, sponsor.participant.0);
                out.extend_from_slice(&sponsor.currency.bytes());
                sponsor.limits.encode(out);
            }
            Self::Square(square) => {
                out.push(75);
                square.encode(out);
            }
            Self::End(end) => {
                out.push(76);
                put_u32(out, end.participant.0);
                out.extend_from_slice(&end.currency.bytes());
            }
        }
    }

    /// Reads what follows the tag.
    pub(crate) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(match tag {
            74 => Self::Sponsor(Sponsor {
                sponsor: take_participant(bytes)?,
                participant: take_participant(bytes)?,
                currency: take_code(bytes)?,
                limits: SponsorLimits::decode(bytes)?,
            }),
            75 => Self::Square(Square::decode(bytes)?),
            76 => Self::End(EndSponsorship { participant: take_participant(bytes)?, currency: take_code(bytes)? }),
            0..=73 | 77..=255 => return Err(DecodeError::Unknown("sponsorship command")),
        })
    }
}

impl SponsorLimits {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.net_debit.0);
        put_u64(out, self.payment_max.0);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { net_debit: MinorUnits(take_u64(bytes)?), payment_max: MinorUnits(take_u64(bytes)?) })
    }
}

impl Square {
    /// First half of SHA-256 over it, to tell a repetition from another square with the same reference.
    pub(super) fn digest(&self) -> [u8; 16] {
        let mut bytes = Vec::with_capacity(48);
        self.encode(&mut bytes);
        let mut half = [0; 16];
        half.copy_from_slice(&chain::sha256(&bytes).0[..16]);
        half
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reference);
        put_u32(out, self.participant.0);
        out.extend_from_slice(&self.currency.bytes());
        out.push(u8::from(self.by.is_some()));
        self.by.inspect(|by| put_u32(out, by.0));
        out.push(match self.paid_by {
            SquarePayer::Participant => 0,
            SquarePayer::Sponsor => 1,
        });
        put_u64(out, self.amount.0);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            reference: take(bytes)?,
            participant: take_participant(bytes)?,
            currency: take_code(bytes)?,
            by: if take_bool(bytes)? { Some(take_participant(bytes)?) } else { None },
            paid_by: if take_bool(bytes)? { SquarePayer::Sponsor } else { SquarePayer::Participant },
            amount: MinorUnits(take_u64(bytes)?),
        })
    }
}

impl Row {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.number);
        put_u32(out, self.sponsor.0);
        self.limits.encode(out);
        out.push(u8::from(self.is_ending));
        put_u32(out, self.under_way);
        out.extend_from_slice(&self.held.to_le_bytes());
        for sum in [self.position, self.squared, self.forgotten] {
            out.extend_from_slice(&sum.to_le_bytes());
        }
        out.push(self.squares.len() as u8);
        for (reference, digest) in &self.squares {
            out.extend_from_slice(reference);
            out.extend_from_slice(digest);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (number, sponsor, limits) = (take_u32(bytes)?, take_participant(bytes)?, SponsorLimits::decode(bytes)?);
        let (is_ending, under_way, held) = (take_bool(bytes)?, take_u32(bytes)?, u128::from_le_bytes(take(bytes)?));
        let sum = |bytes: &mut &[u8]| Ok(i128::from_le_bytes(take(bytes)?));
        let (position, squared, forgotten) = (sum(bytes)?, sum(bytes)?, sum(bytes)?);
        let [count] = take(bytes)?;
        let squares = (0..count).map(|_| Ok((take(bytes)?, take(bytes)?))).collect::<Result<VecDeque<_>, _>>()?;
        Ok(Self { number, sponsor, limits, is_ending, position, held, under_way, squared, forgotten, squares })
    }

    /// No chain lives long enough for more: sums of those that were forged must not wrap.
    fn is_in_bounds(&self) -> bool {
        const MOST: u128 = 1 << 100;
        self.held <= MOST && [self.position, self.squared, self.forgotten].iter().all(|sum| sum.unsigned_abs() <= MOST)
    }
}

impl Sides {
    /// Which of the two there are, and each.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.debtor.is_some()) | u8::from(self.creditor.is_some()) << 1);
        for side in self.debtor.iter().chain(&self.creditor) {
            put_u32(out, side.number);
            put_u32(out, side.sponsor.0);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let [which @ 1..=3] = take(bytes)? else { return Err(DecodeError::Unknown("sides of a payment")) };
        let side = |there: bool, bytes: &mut &[u8]| match there {
            true => Ok(Some(Side { number: take_u32(bytes)?, sponsor: take_participant(bytes)? })),
            false => Ok(None),
        };
        Ok(Self { debtor: side(which & 1 != 0, bytes)?, creditor: side(which & 2 != 0, bytes)? })
    }
}

/// What a block changed.
impl Clearing {
    /// A sponsorship as it stands.
    pub(super) fn note_sponsorship(&mut self, key: Key) {
        let Some(row) = self.sponsorships.rows.get(&key) else { return };
        self.delta.push(74);
        put_key(&mut self.delta, key);
        row.encode(&mut self.delta);
        self.sponsorships.touched.insert(key);
    }

    /// The sponsorships a payment moves under.
    pub(super) fn note_used(&mut self, index: PaymentIndex, sides: &Sides) {
        self.delta.push(75);
        put_u64(&mut self.delta, index.0);
        sides.encode(&mut self.delta);
    }

    /// A sponsorship that is over.
    pub(super) fn note_sponsorship_over(&mut self, key: Key) {
        self.delta.push(76);
        put_key(&mut self.delta, key);
    }
}

/// Snapshots.
impl Clearing {
    pub(crate) fn encode_sponsorships(&self, out: &mut Vec<u8>) {
        let Sponsorships { rows, begun, used, touched: _, ended: _ } = &self.sponsorships;
        put_u32(out, *begun);
        put_u32(out, rows.len() as u32);
        for (key, row) in rows {
            put_key(out, *key);
            row.encode(out);
        }
        put_u32(out, used.len() as u32);
        for (index, sides) in used {
            put_u64(out, index.0);
            sides.encode(out);
        }
    }

    /// Reads what [`Self::encode_sponsorships`] wrote, into a state whose payments and what they were charged have been read.
    pub(crate) fn decode_sponsorships(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let wrong = || DecodeError::Unknown("sponsorship");
        self.sponsorships.begun = take_u32(bytes)?;
        // Counted on from here; one that was forged must not wrap.
        if self.sponsorships.begun > u32::MAX / 2 {
            return Err(DecodeError::Unknown("number of a sponsorship"));
        }
        for _ in 0..take_u32(bytes)? {
            let key = (take_participant(bytes)?, LedgerId(take_u16(bytes)?));
            let row = Row::decode(bytes)?;
            let is_next = self.sponsorships.rows.last_key_value().is_none_or(|(last, _)| *last < key);
            let known = self.knows_participant(key.0)
                && self.knows_participant(row.sponsor)
                && usize::from(key.1.0) < self.currencies.len()
                && (1..=self.sponsorships.begun).contains(&row.number)
                && row.squares.len() <= Self::SQUARES_KEPT
                && row.is_in_bounds();
            // One of which nothing is left would have been let go of.
            if !is_next || !known || row.is_ending && row.under_way == 0 && row.position == 0 {
                return Err(wrong());
            }
            self.participants[key.0.0 as usize].is_sponsored = true;
            self.sponsorships.rows.insert(key, row);
        }
        for _ in 0..take_u32(bytes)? {
            let (index, sides) = (PaymentIndex(take_u64(bytes)?), Sides::decode(bytes)?);
            let is_next = self.sponsorships.used.last_key_value().is_none_or(|(last, _)| *last < index);
            let mut both = sides.debtor.iter().chain(&sides.creditor);
            let known =
                both.all(|side| self.knows_participant(side.sponsor) && (1..=self.sponsorships.begun).contains(&side.number));
            if !is_next || !known || self.payments.get(index).is_none() {
                return Err(wrong());
            }
            self.payments[index].is_sponsored = true;
            self.sponsorships.used.insert(index, sides);
        }
        spn_01(self).map_err(|_| wrong())
    }
}

fn put_key(out: &mut Vec<u8>, (participant, ledger): Key) {
    put_u32(out, participant.0);
    put_u16(out, ledger.0);
}
