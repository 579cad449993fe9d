//! Settlement agents: who settles a currency, when it is open, and which accounts it fills by itself.
//!
//! Outside its hours a transfer waits for the next opening, or is refused, as its terms say. Standing instructions are the
//! centre's requests on a participant's behalf: as soon as a settlement account falls below its floor, a top-up to its target
//! is asked for; one at a time.
//!
//! # Limits
//! One agent a ledger; a standing instruction for each settlement account at most.

use crate::codec::{put_u16, put_u32, take, take_bool, take_code, take_participant, take_u16, take_u32};
use crate::rules::{decode_hours, encode_hours};
use crate::{Clearing, DecodeError, Hours, Outcome, OutsideHours, ParticipantId, Refusal, Time};
use ledger::{AccountId, LedgerId};
use money::CurrencyCode;
use std::collections::{BTreeMap, BTreeSet};

/// Names a settlement agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAgent {
    /// Of which ledger.
    pub currency: CurrencyCode,
    /// Who, and when.
    pub terms: AgentTerms,
}

/// Who settles a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTerms {
    /// Who.
    pub agent: ParticipantId,
    /// When its books are open.
    pub hours: Hours,
    /// What becomes of transfers when they are not.
    pub outside: OutsideHours,
}

/// Whether the centre asks for top-ups by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetTopUp {
    /// Whose settlement account.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// It does.
    pub is_on: bool,
}

/// What the centre keeps of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Agents {
    by_ledger: BTreeMap<LedgerId, AgentTerms>,
    /// Settlement accounts that are topped up.
    topped_up: BTreeSet<AccountId>,
}

impl Agents {
    pub(super) fn of(&self, ledger: LedgerId) -> Option<&AgentTerms> {
        self.by_ledger.get(&ledger)
    }

    pub(crate) fn tops_up(&self, account: AccountId) -> bool {
        self.topped_up.contains(&account)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.by_ledger.len() as u32);
        for (ledger, terms) in &self.by_ledger {
            put_u16(out, ledger.0);
            terms.encode(out);
        }
        put_u32(out, self.topped_up.len() as u32);
        self.topped_up.iter().for_each(|account| put_u32(out, account.0));
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut agents = Self::default();
        for _ in 0..take_u32(bytes)? {
            let ledger = LedgerId(take_u16(bytes)?);
            let in_order = agents.by_ledger.last_key_value().is_none_or(|(last, _)| *last < ledger);
            agents.by_ledger.insert(ledger, AgentTerms::decode(bytes)?);
            if !in_order {
                return Err(DecodeError::Unknown("order of a table"));
            }
        }
        for _ in 0..take_u32(bytes)? {
            let account = AccountId(take_u32(bytes)?);
            if agents.topped_up.last().is_some_and(|last| *last >= account) {
                return Err(DecodeError::Unknown("order of a table"));
            }
            agents.topped_up.insert(account);
        }
        Ok(agents)
    }
}

impl AgentTerms {
    /// When a transfer that is asked for then can be put to the agent: at once, or at the next opening; `None` if it is not
    /// open within a year.
    pub(super) fn opens(&self, now: Time) -> Option<Time> {
        if self.hours.is_open(now) { Some(now) } else { self.hours.next_opening(now) }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.agent.0);
        encode_hours(out, &self.hours);
        out.push(self.outside as u8);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            agent: take_participant(bytes)?,
            hours: decode_hours(bytes)?,
            outside: match take(bytes)? {
                [0] => OutsideHours::Reject,
                [1] => OutsideHours::Queue,
                [2..=255] => return Err(DecodeError::Unknown("what happens outside hours")),
            },
        })
    }
}

impl SetAgent {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.currency.bytes());
        self.terms.encode(out);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { currency: take_code(bytes)?, terms: AgentTerms::decode(bytes)? })
    }
}

impl SetTopUp {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.participant.0);
        out.extend_from_slice(&self.currency.bytes());
        out.push(u8::from(self.is_on));
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self { participant: take_participant(bytes)?, currency: take_code(bytes)?, is_on: take_bool(bytes)? })
    }
}

impl Clearing {
    /// Who settles a currency, if somebody was named.
    pub fn settlement_agent(&self, currency: CurrencyCode) -> Option<&AgentTerms> {
        self.settlement.agents.of(self.ledger_of(currency)?)
    }

    /// Whether the centre asks for top-ups of a participant's account by itself.
    pub fn is_topped_up(&self, participant: ParticipantId, currency: CurrencyCode) -> bool {
        let account = self.ledger_of(currency).and_then(|ledger| {
            let participant = self.participants.get(participant.0 as usize)?;
            participant.settlement(ledger)
        });
        account.is_some_and(|account| self.settlement.agents.tops_up(account))
    }

    pub(super) fn set_agent(&mut self, set: &SetAgent) -> Result<Outcome, Refusal> {
        let ledger = self.ledger_of(set.currency).ok_or(Refusal::UnknownCurrency)?;
        if !self.knows_participant(set.terms.agent) {
            return Err(Refusal::UnknownParticipant);
        }
        if !set.terms.hours.is_valid() {
            return Err(Refusal::CalendarNotValid);
        }
        self.settlement.agents.by_ledger.insert(ledger, set.terms.clone());
        self.delta.push(82);
        set.encode(&mut self.delta);
        Ok(Outcome::Done)
    }

    pub(super) fn set_top_up(&mut self, set: &SetTopUp) -> Result<Outcome, Refusal> {
        let ledger = self.ledger_of(set.currency).ok_or(Refusal::UnknownCurrency)?;
        let participant = self.participants.get(set.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        let account = participant.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        if set.is_on && self.settlement.agents.of(ledger).is_none() {
            return Err(Refusal::NoSettlementAgent);
        }
        let topped_up = &mut self.settlement.agents.topped_up;
        let _ = if set.is_on { topped_up.insert(account) } else { topped_up.remove(&account) };
        self.delta.push(83);
        set.encode(&mut self.delta);
        Ok(Outcome::Done)
    }

    pub(super) fn check_agents(&self) -> Result<(), DecodeError> {
        let Agents { by_ledger, topped_up } = &self.settlement.agents;
        let ledger = |ledger: &LedgerId| usize::from(ledger.0) < self.currencies.len();
        let holds =
            by_ledger.iter().all(|(at, terms)| ledger(at) && self.knows_participant(terms.agent) && terms.hours.is_valid())
                && topped_up.iter().all(|account| self.settlement_owner(*account).is_some());
        if holds { Ok(()) } else { Err(DecodeError::Unknown("settlement agent")) }
    }
}
