//! Canonical bytes of mandates and collections: their steps in commands, and how they stand in deltas and snapshots.
//!
//! Tags: 65 a mandate is asked for; 66 amended, suspended, resumed; 67 what a debtor agent says to a mandate or a collection; 68
//! cancelled; 69 a collection. In deltas and snapshots 65 is a mandate and 66 a collection.

use super::caps::{MandateTerms, MandateUse, PeriodKey};
use super::collections::{Collect, CollectionState, CollectionStep, CollectionView};
use super::mandates::{AskMandate, MandateAnswer, MandateState, MandateStep, MandateView};
use super::{MatterStep, Settlement};
use crate::codec::{put_u32, put_u64, take, take_bool, take_code, take_participant, take_reason, take_u64};
use crate::{Bic, Clearing, ContentHash, DecodeError, IsoReason, ParticipantId, Position, Time, Uetr};
use money::{Amount, MinorUnits};

impl MandateStep {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask(ask) => {
                put_head(65, ask.mandate, out);
                out.extend_from_slice(&ask.content.0);
                put_u32(out, ask.creditor_agent.0);
                put_u32(out, ask.debtor_agent.0);
                ask.terms.encode(out);
            }
            Self::Amend { mandate, content, creditor_agent, terms } => {
                put_head(66, *mandate, out);
                put_u32(out, creditor_agent.0);
                out.push(0);
                out.extend_from_slice(&content.0);
                terms.encode(out);
            }
            Self::Suspend { mandate, debtor_agent, suspended } => {
                put_head(66, *mandate, out);
                put_u32(out, debtor_agent.0);
                out.push(if *suspended { 1 } else { 2 });
            }
            Self::Answer { mandate, debtor_agent, asked, says } => {
                put_head(67, *mandate, out);
                put_u32(out, debtor_agent.0);
                out.push(u8::from(*says != MandateAnswer::Accepted));
                put_u64(out, asked.0);
                match says {
                    MandateAnswer::Accepted => {}
                    MandateAnswer::Refused(reason) => out.extend_from_slice(&reason.0),
                }
            }
            Self::Cancel { mandate, agent, reason } => {
                put_head(68, *mandate, out);
                put_u32(out, agent.0);
                out.extend_from_slice(&reason.0);
            }
        }
    }

    /// Who asks for it, as authenticated.
    pub(super) const fn sender(&self) -> ParticipantId {
        match self {
            Self::Ask(ask) => ask.creditor_agent,
            Self::Amend { creditor_agent, .. } => *creditor_agent,
            Self::Suspend { debtor_agent, .. } | Self::Answer { debtor_agent, .. } => *debtor_agent,
            Self::Cancel { agent, .. } => *agent,
        }
    }

    /// Which mandate.
    pub(super) const fn uetr(&self) -> Uetr {
        match self {
            Self::Ask(ask) => ask.mandate,
            Self::Amend { mandate, .. }
            | Self::Suspend { mandate, .. }
            | Self::Answer { mandate, .. }
            | Self::Cancel { mandate, .. } => *mandate,
        }
    }

    /// Hash of the message, if inboxes carry it.
    pub(super) const fn content(&self) -> Option<ContentHash> {
        match self {
            Self::Ask(ask) => Some(ask.content),
            Self::Amend { content, .. } => Some(*content),
            Self::Suspend { .. } | Self::Answer { .. } | Self::Cancel { .. } => None,
        }
    }
}

impl CollectionStep {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Collect(collect) => {
                put_head(69, collect.collection, out);
                out.extend_from_slice(&collect.mandate.0);
                out.extend_from_slice(&collect.content.0);
                put_u32(out, collect.creditor_agent.0);
                put_u32(out, collect.debtor_agent.0);
                put_u64(out, collect.amount.0);
                out.extend_from_slice(&collect.currency.bytes());
            }
            Self::Refuse { collection, debtor_agent, reason } => {
                put_head(67, *collection, out);
                put_u32(out, debtor_agent.0);
                out.push(2);
                out.extend_from_slice(&reason.0);
            }
        }
    }

    /// Who asks for it, as authenticated.
    pub(super) const fn sender(&self) -> ParticipantId {
        match self {
            Self::Collect(collect) => collect.creditor_agent,
            Self::Refuse { debtor_agent, .. } => *debtor_agent,
        }
    }

    /// Which collection.
    pub(super) const fn uetr(&self) -> Uetr {
        match self {
            Self::Collect(collect) => collect.collection,
            Self::Refuse { collection, .. } => *collection,
        }
    }

    /// Hash of the message, if inboxes carry it.
    pub(super) const fn content(&self) -> Option<ContentHash> {
        match self {
            Self::Collect(collect) => Some(collect.content),
            Self::Refuse { .. } => None,
        }
    }
}

/// Reads what follows a tag of 65 to 69.
pub(super) fn decode_step(tag: u8, bytes: &mut &[u8]) -> Result<MatterStep, DecodeError> {
    let uetr = Uetr(take(bytes)?);
    Ok(match tag {
        65 => MatterStep::Mandate(MandateStep::Ask(AskMandate {
            mandate: uetr,
            content: ContentHash(take(bytes)?),
            creditor_agent: take_participant(bytes)?,
            debtor_agent: take_participant(bytes)?,
            terms: MandateTerms::decode(bytes)?,
        })),
        66 => MatterStep::Mandate(decode_change(uetr, take_participant(bytes)?, bytes)?),
        67 => decode_word(uetr, take_participant(bytes)?, bytes)?,
        68 => {
            let (agent, reason) = (take_participant(bytes)?, take_reason(bytes)?);
            MatterStep::Mandate(MandateStep::Cancel { mandate: uetr, agent, reason })
        }
        _ => MatterStep::Collection(CollectionStep::Collect(Collect {
            collection: uetr,
            mandate: Uetr(take(bytes)?),
            content: ContentHash(take(bytes)?),
            creditor_agent: take_participant(bytes)?,
            debtor_agent: take_participant(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
            currency: take_code(bytes)?,
        })),
    })
}

fn decode_change(mandate: Uetr, agent: ParticipantId, bytes: &mut &[u8]) -> Result<MandateStep, DecodeError> {
    Ok(match take(bytes)? {
        [0] => MandateStep::Amend {
            mandate,
            creditor_agent: agent,
            content: ContentHash(take(bytes)?),
            terms: MandateTerms::decode(bytes)?,
        },
        [word @ 1..=2] => MandateStep::Suspend { mandate, debtor_agent: agent, suspended: word == 1 },
        [3..=255] => return Err(DecodeError::Unknown("change of a mandate")),
    })
}

fn decode_word(uetr: Uetr, debtor_agent: ParticipantId, bytes: &mut &[u8]) -> Result<MatterStep, DecodeError> {
    let answer = |asked, says| MatterStep::Mandate(MandateStep::Answer { mandate: uetr, debtor_agent, asked, says });
    Ok(match take(bytes)? {
        [0] => answer(Position(take_u64(bytes)?), MandateAnswer::Accepted),
        [1] => {
            let asked = Position(take_u64(bytes)?);
            answer(asked, MandateAnswer::Refused(take_reason(bytes)?))
        }
        [2] => {
            let reason = take_reason(bytes)?;
            MatterStep::Collection(CollectionStep::Refuse { collection: uetr, debtor_agent, reason })
        }
        [3..=255] => return Err(DecodeError::Unknown("answer of a debtor agent")),
    })
}

pub(super) fn put_head(tag: u8, uetr: Uetr, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&uetr.0);
}

impl MandateView {
    /// All but the UETR.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.opened.0);
        out.extend_from_slice(&self.content.0);
        put_u32(out, self.creditor_agent.0);
        put_u32(out, self.debtor_agent.0);
        self.terms.encode(out);
        put_optional(out, self.proposed, |terms, out| terms.encode(out));
        self.used.encode(out);
        out.push(self.state as u8);
        put_optional(out, self.reason, |reason, out| out.extend_from_slice(&reason.0));
        put_optional(out, self.cancelled_by, |agent, out| put_u32(out, agent.0));
        put_u64(out, self.received_at.0);
        put_optional(out, self.ended_at, |at, out| put_u64(out, at.0));
        put_u64(out, self.asked.0);
        put_u64(out, self.changed.0);
    }
}

impl CollectionView {
    /// All but the UETR.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.mandate.0);
        out.extend_from_slice(&self.content.0);
        put_u32(out, self.creditor_agent.0);
        put_u32(out, self.debtor_agent.0);
        super::requests::put_amount(out, self.amount);
        self.counted.encode(out);
        out.push(self.state as u8);
        put_optional(out, self.reason, |reason, out| out.extend_from_slice(&reason.0));
        put_optional(out, self.settlement, |settlement, out| {
            out.extend_from_slice(&settlement.payment.0);
            super::requests::put_amount(out, settlement.credit);
        });
        put_u64(out, self.received_at.0);
        put_u64(out, self.expires_at.0);
        put_optional(out, self.ended_at, |at, out| put_u64(out, at.0));
        put_u64(out, self.asked.0);
        put_u64(out, self.changed.0);
    }
}

impl Clearing {
    pub(super) fn decode_mandate(&self, uetr: Uetr, bytes: &mut &[u8]) -> Result<MandateView, DecodeError> {
        let (opened, content) = (ContentHash(take(bytes)?), ContentHash(take(bytes)?));
        let (creditor_agent, debtor_agent) = (take_participant(bytes)?, take_participant(bytes)?);
        let terms = MandateTerms::decode(bytes)?;
        let ledger = self.ledger_of(terms.currency).ok_or(DecodeError::Unknown("currency"))?;
        let view = MandateView {
            uetr,
            opened,
            content,
            creditor_agent,
            creditor_bic: self.known_bic(creditor_agent)?,
            debtor_agent,
            debtor_bic: self.known_bic(debtor_agent)?,
            currency: self.currency(ledger),
            terms,
            proposed: take_optional(bytes, MandateTerms::decode)?,
            used: MandateUse::decode(bytes)?,
            state: take_one_of(bytes, &MandateState::ALL, "state of a mandate")?,
            reason: take_optional(bytes, take_iso_reason)?,
            cancelled_by: take_optional(bytes, take_participant)?,
            received_at: Time(take_u64(bytes)?),
            ended_at: take_optional(bytes, take_time)?,
            asked: Position(take_u64(bytes)?),
            changed: Position(take_u64(bytes)?),
        };
        let is_whole = view.state.is_final() == view.ended_at.is_some()
            && (view.state == MandateState::Amending) == view.proposed.is_some()
            && (view.state == MandateState::Cancelled) == view.cancelled_by.is_some();
        if is_whole { Ok(view) } else { Err(DecodeError::Unknown("standing of a mandate")) }
    }

    pub(super) fn decode_collection(&self, uetr: Uetr, bytes: &mut &[u8]) -> Result<CollectionView, DecodeError> {
        let (mandate, content) = (Uetr(take(bytes)?), ContentHash(take(bytes)?));
        let (creditor_agent, debtor_agent) = (take_participant(bytes)?, take_participant(bytes)?);
        let view = CollectionView {
            uetr,
            mandate,
            content,
            creditor_agent,
            creditor_bic: self.known_bic(creditor_agent)?,
            debtor_agent,
            debtor_bic: self.known_bic(debtor_agent)?,
            amount: self.take_amount(bytes)?,
            counted: PeriodKey::decode(bytes)?,
            state: take_one_of(bytes, &CollectionState::ALL, "state of a collection")?,
            reason: take_optional(bytes, take_iso_reason)?,
            settlement: take_optional(bytes, |bytes| self.take_settlement(bytes))?,
            received_at: Time(take_u64(bytes)?),
            expires_at: Time(take_u64(bytes)?),
            ended_at: take_optional(bytes, take_time)?,
            asked: Position(take_u64(bytes)?),
            changed: Position(take_u64(bytes)?),
        };
        let is_whole = view.state.is_final() == view.ended_at.is_some();
        if is_whole { Ok(view) } else { Err(DecodeError::Unknown("end of a collection")) }
    }

    fn take_settlement(&self, bytes: &mut &[u8]) -> Result<Settlement, DecodeError> {
        let (payment, credit): (Uetr, Amount) = (Uetr(take(bytes)?), self.take_amount(bytes)?);
        Ok(Settlement { payment, credit })
    }

    pub(super) fn known_bic(&self, id: ParticipantId) -> Result<Bic, DecodeError> {
        self.participants.get(id.0 as usize).map(|row| row.bic).ok_or(DecodeError::Unknown("agent"))
    }
}

pub(super) fn put_optional<T>(out: &mut Vec<u8>, value: Option<T>, put: impl Fn(T, &mut Vec<u8>)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        put(value, out);
    }
}

pub(super) fn take_optional<T>(
    bytes: &mut &[u8],
    take: impl Fn(&mut &[u8]) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    if take_bool(bytes)? { take(bytes).map(Some) } else { Ok(None) }
}

pub(super) fn take_one_of<T: Copy>(bytes: &mut &[u8], all: &[T], what: &'static str) -> Result<T, DecodeError> {
    let [number] = take(bytes)?;
    all.get(usize::from(number)).copied().ok_or(DecodeError::Unknown(what))
}

pub(super) fn take_iso_reason(bytes: &mut &[u8]) -> Result<IsoReason, DecodeError> {
    take_reason(bytes)
}

pub(super) fn take_time(bytes: &mut &[u8]) -> Result<Time, DecodeError> {
    take_u64(bytes).map(Time)
}
