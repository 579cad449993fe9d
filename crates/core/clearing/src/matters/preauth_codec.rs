//! Canonical bytes of pre-authorisations: their steps in commands, and how they stand in deltas and snapshots.
//!
//! Tags: 77 one is asked for; 78 a debtor agent reserves; 79 refused, released, captured. In deltas and snapshots 77 is a
//! pre-authorisation.

use super::MatterView;
use super::codec::{put_head, put_optional, take_iso_reason, take_one_of, take_optional, take_time};
use super::preauths::{AskPreauth, Capture, PreauthState, PreauthStep, PreauthView, ReservedBy};
use super::requests::put_amount;
use super::reserving::Reservation;
use crate::codec::{
    put_u16, put_u32, put_u64, take, take_bool, take_code, take_participant, take_reason, take_u16, take_u32, take_u64,
};
use crate::rules::{put_name, take_optional_name};
use crate::{
    Clearing, Command, ContentHash, DecodeError, MessageIdHash, ParticipantId, PaymentIndex, PaymentState, Position,
    PreauthTerms, Time, Uetr,
};
use ledger::HoldId;
use money::MinorUnits;

impl PreauthStep {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask(ask) => {
                put_head(77, ask.preauth, out);
                out.extend_from_slice(&ask.content.0);
                put_u32(out, ask.creditor_agent.0);
                put_u32(out, ask.debtor_agent.0);
                put_u64(out, ask.amount.0);
                out.extend_from_slice(&ask.currency.bytes());
                put_u64(out, ask.expires_at.0);
            }
            Self::Reserve { preauth, pay } => {
                put_head(78, *preauth, out);
                Command::Pay((**pay).clone()).encode(out);
            }
            Self::Refuse { preauth, debtor_agent, reason } => {
                put_head(79, *preauth, out);
                out.push(0);
                put_u32(out, debtor_agent.0);
                out.extend_from_slice(&reason.0);
            }
            Self::Release { preauth, creditor_agent } => {
                put_head(79, *preauth, out);
                out.push(1);
                put_u32(out, creditor_agent.0);
            }
            Self::Capture(capture) => {
                put_head(79, capture.preauth, out);
                out.push(2);
                out.extend_from_slice(&capture.capture.0);
                out.extend_from_slice(&capture.content.0);
                out.extend_from_slice(&capture.message_id.0);
                put_u32(out, capture.creditor_agent.0);
                put_u32(out, capture.debtor_agent.0);
                put_u64(out, capture.amount.0);
                out.extend_from_slice(&capture.currency.bytes());
                out.push(u8::from(capture.is_last));
                put_u64(out, capture.created_at.0);
            }
        }
    }

    /// Reads what follows a tag of 77 to 79.
    pub(super) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let preauth = Uetr(take(bytes)?);
        Ok(match tag {
            77 => Self::Ask(AskPreauth {
                preauth,
                content: ContentHash(take(bytes)?),
                creditor_agent: take_participant(bytes)?,
                debtor_agent: take_participant(bytes)?,
                amount: MinorUnits(take_u64(bytes)?),
                currency: take_code(bytes)?,
                expires_at: Time(take_u64(bytes)?),
            }),
            78 => {
                let Command::Pay(pay) = Command::decode(bytes)? else { return Err(DecodeError::Unknown("reserving payment")) };
                Self::Reserve { preauth, pay: Box::new(pay) }
            }
            _ => decode_later(preauth, bytes)?,
        })
    }

    /// Who asks for it, as authenticated.
    pub(super) const fn sender(&self) -> ParticipantId {
        match self {
            Self::Ask(ask) => ask.creditor_agent,
            Self::Reserve { pay, .. } => pay.debtor_agent,
            Self::Refuse { debtor_agent, .. } => *debtor_agent,
            Self::Release { creditor_agent, .. } => *creditor_agent,
            Self::Capture(capture) => capture.creditor_agent,
        }
    }

    /// Which pre-authorisation.
    pub(super) const fn uetr(&self) -> Uetr {
        match self {
            Self::Ask(ask) => ask.preauth,
            Self::Capture(capture) => capture.preauth,
            Self::Reserve { preauth, .. } | Self::Refuse { preauth, .. } | Self::Release { preauth, .. } => *preauth,
        }
    }

    /// Hash of the message, if inboxes carry it.
    pub(super) const fn content(&self) -> Option<ContentHash> {
        match self {
            Self::Ask(ask) => Some(ask.content),
            Self::Reserve { .. } | Self::Refuse { .. } | Self::Release { .. } | Self::Capture(_) => None,
        }
    }

    /// What the step's signed message belongs to, if it is read again: the matter it opens, or the payment it makes.
    pub(super) const fn carries(&self) -> Option<Uetr> {
        match self {
            Self::Ask(ask) => Some(ask.preauth),
            Self::Reserve { pay, .. } => Some(pay.uetr),
            Self::Capture(capture) => Some(capture.capture),
            Self::Refuse { .. } | Self::Release { .. } => None,
        }
    }
}

fn decode_later(preauth: Uetr, bytes: &mut &[u8]) -> Result<PreauthStep, DecodeError> {
    Ok(match take(bytes)? {
        [0] => PreauthStep::Refuse { preauth, debtor_agent: take_participant(bytes)?, reason: take_reason(bytes)? },
        [1] => PreauthStep::Release { preauth, creditor_agent: take_participant(bytes)? },
        [2] => PreauthStep::Capture(Capture {
            preauth,
            capture: Uetr(take(bytes)?),
            content: ContentHash(take(bytes)?),
            message_id: MessageIdHash(take(bytes)?),
            creditor_agent: take_participant(bytes)?,
            debtor_agent: take_participant(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
            currency: take_code(bytes)?,
            is_last: take_bool(bytes)?,
            created_at: Time(take_u64(bytes)?),
        }),
        [3..=255] => return Err(DecodeError::Unknown("step of a pre-authorisation")),
    })
}

impl PreauthView {
    /// All but the UETR.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content.0);
        put_u32(out, self.creditor_agent.0);
        put_u32(out, self.debtor_agent.0);
        put_amount(out, self.amount);
        put_u64(out, self.captured.0);
        put_u16(out, self.captures);
        put_u16(out, self.captures_max);
        put_u64(out, self.charge_room.0);
        out.push(self.state as u8);
        put_optional(out, self.reason, |reason, out| out.extend_from_slice(&reason.0));
        put_optional(out, self.reserved, |by, out| {
            out.extend_from_slice(&by.payment.0);
            out.extend_from_slice(&by.content.0);
            out.extend_from_slice(&by.message_id.0);
        });
        put_u64(out, self.received_at.0);
        put_u64(out, self.expires_at.0);
        put_optional(out, self.ended_at, |at, out| put_u64(out, at.0));
        put_u64(out, self.asked.0);
        put_u64(out, self.changed.0);
    }

    /// Whether state and amounts fit each other.
    fn is_whole(&self) -> bool {
        let is_reserved = match self.state {
            PreauthState::Asked | PreauthState::Refused | PreauthState::Withdrawn => Some(false),
            PreauthState::Reserved | PreauthState::Captured | PreauthState::Released => Some(true),
            PreauthState::Expired => None,
        };
        self.state.is_final() == self.ended_at.is_some()
            && is_reserved.is_none_or(|is_reserved| is_reserved == self.reserved.is_some())
            && (self.captured.is_zero() || self.reserved.is_some())
            && self.captured <= self.amount.minor
            && self.captures <= self.captures_max
            && self.amount.minor.checked_add(self.charge_room).is_some()
    }
}

impl Clearing {
    pub(super) fn decode_preauth(&self, uetr: Uetr, bytes: &mut &[u8]) -> Result<PreauthView, DecodeError> {
        let content = ContentHash(take(bytes)?);
        let (creditor_agent, debtor_agent) = (take_participant(bytes)?, take_participant(bytes)?);
        let view = PreauthView {
            uetr,
            content,
            creditor_agent,
            creditor_bic: self.known_bic(creditor_agent)?,
            debtor_agent,
            debtor_bic: self.known_bic(debtor_agent)?,
            amount: self.take_amount(bytes)?,
            captured: MinorUnits(take_u64(bytes)?),
            captures: take_u16(bytes)?,
            captures_max: take_u16(bytes)?,
            charge_room: MinorUnits(take_u64(bytes)?),
            state: take_one_of(bytes, &PreauthState::ALL, "state of a pre-authorisation")?,
            reason: take_optional(bytes, take_iso_reason)?,
            reserved: take_optional(bytes, |bytes| {
                let (payment, content) = (Uetr(take(bytes)?), ContentHash(take(bytes)?));
                Ok(ReservedBy { payment, content, message_id: MessageIdHash(take(bytes)?) })
            })?,
            received_at: Time(take_u64(bytes)?),
            expires_at: Time(take_u64(bytes)?),
            ended_at: take_optional(bytes, take_time)?,
            asked: Position(take_u64(bytes)?),
            changed: Position(take_u64(bytes)?),
        };
        if view.is_whole() { Ok(view) } else { Err(DecodeError::Unknown("standing of a pre-authorisation")) }
    }

    /// Appends terms, holds and captures on record to a snapshot.
    pub(super) fn encode_reservations(&self, out: &mut Vec<u8>) {
        self.matters.preauth_terms.encode(out);
        put_u32(out, self.matters.reservations.len() as u32);
        for (uetr, reservation) in &self.matters.reservations {
            out.extend_from_slice(&uetr.0);
            Command::Pay((*reservation.pay).clone()).encode(out);
            let (slot, generation) = reservation.hold.to_parts();
            put_u32(out, slot);
            put_u32(out, generation);
            put_name(out, reservation.corridor);
        }
        put_u32(out, self.matters.captures.len() as u32);
        for (index, uetr) in &self.matters.captures {
            put_u64(out, index.0);
            out.extend_from_slice(&uetr.0);
        }
    }

    /// Reads what [`Self::encode_reservations`] wrote, into a state whose pre-authorisations and payments have been read.
    pub(super) fn decode_reservations(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.matters.preauth_terms = PreauthTerms::decode(bytes)?;
        if !self.matters.preauth_terms.is_valid(&self.currencies) {
            return Err(DecodeError::Unknown("terms of pre-authorisations"));
        }
        for _ in 0..take_u32(bytes)? {
            let uetr = Uetr(take(bytes)?);
            let Command::Pay(pay) = Command::decode(bytes)? else { return Err(DecodeError::Unknown("reserving payment")) };
            let hold = HoldId::from_parts(take_u32(bytes)?, take_u32(bytes)?);
            let reservation = Reservation { pay: Box::new(pay), hold, corridor: take_optional_name(bytes)? };
            let in_order = self.matters.reservations.last_key_value().is_none_or(|(last, _)| *last < uetr);
            if !in_order || !self.fits(uetr, &reservation) {
                return Err(DecodeError::Unknown("reservation"));
            }
            self.matters.reservations.insert(uetr, reservation);
        }
        let reserved = |view: &MatterView| matches!(view, MatterView::Preauth(view) if view.state == PreauthState::Reserved);
        if self.matters.by_uetr.values().filter(|view| reserved(view)).count() != self.matters.reservations.len() {
            return Err(DecodeError::Unknown("number of reservations"));
        }
        for _ in 0..take_u32(bytes)? {
            let (index, uetr) = (PaymentIndex(take_u64(bytes)?), Uetr(take(bytes)?));
            let in_order = self.matters.captures.last_key_value().is_none_or(|(last, _)| *last < index);
            let is_settled = self.payments.get(index).is_some() && self.view(index).state == PaymentState::Settled;
            if !in_order || !is_settled {
                return Err(DecodeError::Unknown("capture"));
            }
            self.matters.captures.insert(index, uetr);
        }
        Ok(())
    }

    /// Whether a reservation is that of a pre-authorisation, with a hold of exactly what that says.
    fn fits(&self, uetr: Uetr, reservation: &Reservation) -> bool {
        let Some(MatterView::Preauth(view)) = self.matters.by_uetr.get(&uetr) else { return false };
        let pay = &reservation.pay;
        let agrees = view.reserved.is_some_and(|by| by.payment == pay.uetr && by.content == pay.content)
            && (view.debtor_agent, view.creditor_agent) == (pay.debtor_agent, pay.creditor_agent)
            && (view.amount.minor, view.amount.currency.code) == (pay.debit, pay.debit_currency);
        let held = self.ledgers.hold(reservation.hold).ok().filter(|hold| hold.legs().len() == 1);
        agrees && view.state == PreauthState::Reserved && held.is_some_and(|hold| hold.legs()[0].amount == view.held())
    }
}
