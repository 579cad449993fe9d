//! Transfers: money that a participant wants moved in from or out to its settlement agent's books.
//!
//! ```text
//!  Ask ──▶ checks ──▶ agent open: asked ────────▶ Answer Done    ──▶ booked: funded in or out
//!            │        │                      └──▶ Answer Refuses ──▶ refused, a hold is voided
//!            │        └ closed: queued until it opens, or refused (CLR-1141)
//!            └ refused
//! ```
//! A withdrawal is held when it is asked for, so that nobody pays with what is on its way out; nobody withdraws what a net
//! debit cap would lend it. A top-up is money only when the agent has said so. The order of two officers does what the agent's
//! answer does: who confirms is never one person of the operator's.
//!
//! A transfer is named by a UETR. The same one asked again gets the same answer; it moves money once, since it is also the
//! reference of the funding.
//!
//! # Units and limits
//! Amounts are minor units. [`Clearing::TRANSFERS_MAX`] transfers wait for an answer.

use super::{NoteKind, Noted, SettlementNote};
use crate::OutsideHours;
use crate::codec::{put_u32, put_u64, take, take_bool, take_code, take_participant, take_reason, take_u32, take_u64};
use crate::{AccountPurpose, Clearing, DecodeError, Fund, FundDirection, IsoReason, Outcome, ParticipantId, Refusal, Time};
use ledger::{Account, AccountId, HoldId, LedgerError, LedgerId, Leg};
use money::{Amount, CurrencyCode, MinorUnits};
use std::collections::{BTreeMap, BTreeSet};

/// A participant's wish to move money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskTransfer {
    /// Its name, a UETR that the participant drew.
    pub reference: [u8; 16],
    /// Who, as authenticated: to or from its own settlement account.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// In: a top-up. Out: a withdrawal.
    pub direction: FundDirection,
    /// How much; not zero.
    pub amount: MinorUnits,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTransfer {
    /// Which transfer.
    pub reference: [u8; 16],
    /// The settlement agent, as authenticated; `None`: two officers in its place.
    pub agent: Option<ParticipantId>,
    /// Moved or not.
    pub verdict: TransferVerdict,
}

/// Whether money moved on the settlement agent's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferVerdict {
    /// It did.
    Done,
    /// It did not, for this ISO reason.
    Refused(IsoReason),
}

/// A transfer that waits for its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferView {
    /// Its name.
    pub reference: [u8; 16],
    /// Whose.
    pub participant: ParticipantId,
    /// In or out.
    pub direction: FundDirection,
    /// How much.
    pub amount: Amount,
    /// When it was taken in.
    pub asked_at: Time,
    /// When it is put to the agent; not later than now: it has been.
    pub told_at: Time,
    /// The centre asked for it by a standing instruction.
    pub is_standing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Transfer {
    participant: ParticipantId,
    account: AccountId,
    direction: FundDirection,
    amount: MinorUnits,
    asked_at: Time,
    told_at: Time,
    is_standing: bool,
    /// What a withdrawal sets aside.
    hold: Option<HoldId>,
}

/// All that wait for an answer, and the names of those that were refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Transfers {
    open: BTreeMap<[u8; 16], Transfer>,
    /// Those that wait for their agent to open.
    queued: BTreeSet<(Time, [u8; 16])>,
    /// Accounts with a standing top-up under way.
    topping_up: BTreeSet<AccountId>,
    refused: BTreeSet<[u8; 16]>,
}

impl Transfers {
    fn enter(&mut self, reference: [u8; 16], transfer: Transfer, now: Time) {
        if transfer.told_at > now {
            self.queued.insert((transfer.told_at, reference));
        }
        if transfer.is_standing {
            self.topping_up.insert(transfer.account);
        }
        self.open.insert(reference, transfer);
    }

    fn leave(&mut self, reference: [u8; 16]) -> Option<Transfer> {
        let transfer = self.open.remove(&reference)?;
        self.queued.remove(&(transfer.told_at, reference));
        if transfer.is_standing {
            self.topping_up.remove(&transfer.account);
        }
        Some(transfer)
    }

    /// Learns from a note read back that a transfer was refused.
    pub(super) fn note_end(&mut self, note: &SettlementNote) {
        match note.kind {
            NoteKind::TransferRefused => {
                self.refused.insert(note.reference);
            }
            NoteKind::FundedIn
            | NoteKind::FundedOut
            | NoteKind::TopUpAsked
            | NoteKind::WithdrawalAsked
            | NoteKind::WithdrawalQueued
            | NoteKind::SentOut
            | NoteKind::CameIn
            | NoteKind::SentNotSettled => {}
        }
    }

    /// Holds of withdrawals under way.
    pub(crate) fn holds(&self) -> impl Iterator<Item = HoldId> + '_ {
        self.open.values().filter_map(|transfer| transfer.hold)
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.open.len() as u32);
        for (reference, transfer) in &self.open {
            out.extend_from_slice(reference);
            transfer.encode(out);
        }
        put_u32(out, self.queued.len() as u32);
        self.queued.iter().for_each(|(_, reference)| out.extend_from_slice(reference));
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut transfers = Self::default();
        for _ in 0..take_u32(bytes)? {
            let reference = take(bytes)?;
            if transfers.open.last_key_value().is_some_and(|(last, _)| *last >= reference) {
                return Err(DecodeError::Unknown("order of a table"));
            }
            transfers.enter(reference, Transfer::decode(bytes)?, Time(u64::MAX));
        }
        for _ in 0..take_u32(bytes)? {
            let reference: [u8; 16] = take(bytes)?;
            let transfer = transfers.open.get(&reference).ok_or(DecodeError::Unknown("queued transfer"))?;
            let queued = (transfer.told_at, reference);
            if transfers.queued.last().is_some_and(|last| *last >= queued) {
                return Err(DecodeError::Unknown("order of a table"));
            }
            transfers.queued.insert(queued);
        }
        Ok(transfers)
    }
}

impl Clearing {
    /// Most transfers that wait for an answer.
    pub const TRANSFERS_MAX: usize = 65_536;

    /// Transfers that wait for an answer, by reference.
    pub fn transfers(&self) -> impl Iterator<Item = TransferView> + '_ {
        self.settlement.transfers.open.iter().map(|(reference, transfer)| self.transfer_view(*reference, transfer))
    }

    fn transfer_view(&self, reference: [u8; 16], transfer: &Transfer) -> TransferView {
        TransferView {
            reference,
            participant: transfer.participant,
            direction: transfer.direction,
            amount: Amount { minor: transfer.amount, currency: self.currency(self.ledger_of_account(transfer.account)) },
            asked_at: transfer.asked_at,
            told_at: transfer.told_at,
            is_standing: transfer.is_standing,
        }
    }

    pub(super) fn ask_transfer(&mut self, ask: &AskTransfer) -> Result<Outcome, Refusal> {
        let participant = self.participants.get(ask.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if !participant.status.is_member() {
            return Err(Refusal::StandingForbids);
        }
        let ledger = self.ledger_of(ask.currency).ok_or(Refusal::UnknownCurrency)?;
        let account = participant.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        if let Some(answer) = self.asked_already(ask, account) {
            return answer;
        }
        if ask.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        self.take_transfer(ask, account, false)
    }

    /// The same name again: the same answer, if it is the same transfer.
    fn asked_already(&self, ask: &AskTransfer, account: AccountId) -> Option<Result<Outcome, Refusal>> {
        if let Some(known) = self.settlement.transfers.open.get(&ask.reference) {
            let same = (known.account, known.direction, known.amount) == (account, ask.direction, ask.amount);
            return Some(if same { Ok(Outcome::Done) } else { Err(Refusal::DuplicateReference) });
        }
        if self.settlement.transfers.refused.contains(&ask.reference) {
            return Some(Err(Refusal::TransferEnded));
        }
        let known = self.fundings.get(&ask.reference)?;
        let same = *known == crate::participant::fund_digest(&ask.fund());
        Some(if same { Ok(Outcome::Done) } else { Err(Refusal::DuplicateReference) })
    }

    fn take_transfer(&mut self, ask: &AskTransfer, account: AccountId, is_standing: bool) -> Result<Outcome, Refusal> {
        let ledger = self.ledger_of_account(account);
        let terms = self.settlement.agents.of(ledger).ok_or(Refusal::NoSettlementAgent)?;
        let (opens, outside) = (terms.opens(self.time), terms.outside);
        let told_at = match (opens, outside) {
            (Some(at), OutsideHours::Queue) => at,
            (Some(at), OutsideHours::Reject) if at <= self.time => at,
            (Some(_) | None, OutsideHours::Reject | OutsideHours::Queue) => return Err(Refusal::AgentClosed),
        };
        if self.settlement.transfers.open.len() >= Self::TRANSFERS_MAX {
            return Err(Refusal::Full);
        }
        let hold = match ask.direction {
            FundDirection::In => None,
            FundDirection::Out => Some(self.hold_withdrawal(account, ask.amount)?),
        };
        let transfer = Transfer {
            participant: ask.participant,
            account,
            direction: ask.direction,
            amount: ask.amount,
            asked_at: self.time,
            told_at,
            is_standing,
            hold,
        };
        self.settlement.transfers.enter(ask.reference, transfer, self.time);
        self.delta.push(81);
        self.delta.extend_from_slice(&ask.reference);
        transfer.encode(&mut self.delta);
        match ask.direction {
            _ if told_at <= self.time => self.put_to_agent(ask.reference, &transfer),
            FundDirection::Out => self.note_transfer(NoteKind::WithdrawalQueued, ask.reference, &transfer, None),
            FundDirection::In => {}
        }
        Ok(Outcome::Done)
    }

    /// Sets a withdrawal aside. A net debit cap does not cover it.
    fn hold_withdrawal(&mut self, account: AccountId, amount: MinorUnits) -> Result<HoldId, Refusal> {
        let available = self.ledgers.account(account).map_or(0, Account::available);
        if available < i128::from(amount.0) {
            return Err(Refusal::InsufficientLiquidity);
        }
        let mirror = self.system_accounts[usize::from(self.ledger_of_account(account).0)].mirror;
        self.ledgers.place(&[Leg { debit: account, credit: mirror, amount }]).map_err(|error| match error {
            LedgerError::Insufficient { .. } => Refusal::InsufficientLiquidity,
            LedgerError::TooLarge { .. } => Refusal::AmountTooLarge,
            LedgerError::BadChain => Refusal::ZeroAmount,
            LedgerError::Full => Refusal::Full,
            LedgerError::UnknownAccount(_) | LedgerError::CrossesLedgers { .. } | LedgerError::NotOpen => Refusal::NoSuchAccount,
        })
    }

    /// Transfers whose agent has opened.
    pub(super) fn tell_queued_transfers(&mut self) {
        while let Some(&(told_at, reference)) = self.settlement.transfers.queued.first() {
            if told_at > self.time {
                return;
            }
            self.settlement.transfers.queued.pop_first();
            if let Some(transfer) = self.settlement.transfers.open.get(&reference).copied() {
                self.put_to_agent(reference, &transfer);
            }
        }
    }

    /// When the next queued transfer is put to its agent.
    pub(crate) fn next_transfer(&self) -> Option<Time> {
        self.settlement.transfers.queued.first().map(|&(at, _)| at)
    }

    fn put_to_agent(&mut self, reference: [u8; 16], transfer: &Transfer) {
        let kind = match transfer.direction {
            FundDirection::In => NoteKind::TopUpAsked,
            FundDirection::Out => NoteKind::WithdrawalAsked,
        };
        self.note_transfer(kind, reference, transfer, None);
    }

    fn note_transfer(&mut self, kind: NoteKind, reference: [u8; 16], transfer: &Transfer, reason: Option<IsoReason>) {
        let ledger = self.ledger_of_account(transfer.account);
        let agent = self.settlement.agents.of(ledger).map(|terms| terms.agent);
        let (participant, amount) = (transfer.participant, transfer.amount);
        self.note_settlement(&Noted { kind, participant, agent, ledger, amount, reference, reason });
    }

    pub(super) fn answer_transfer(&mut self, answer: &AnswerTransfer) -> Result<Outcome, Refusal> {
        let Some(transfer) = self.settlement.transfers.open.get(&answer.reference).copied() else {
            return self.answered_already(answer);
        };
        self.check_agent(answer.agent, self.ledger_of_account(transfer.account))?;
        match answer.verdict {
            TransferVerdict::Refused(reason) => {
                self.settlement.transfers.leave(answer.reference);
                self.settlement.transfers.refused.insert(answer.reference);
                if let Some(hold) = transfer.hold {
                    self.ledgers.void(hold).expect("a withdrawal under way has its hold (LED-03)");
                }
                self.note_transfer(NoteKind::TransferRefused, answer.reference, &transfer, Some(reason));
                Ok(Outcome::Done)
            }
            TransferVerdict::Done => self.book_transfer(answer.reference, &transfer),
        }
    }

    /// Moves the money: a top-up as any funding, a withdrawal by posting its hold.
    fn book_transfer(&mut self, reference: [u8; 16], transfer: &Transfer) -> Result<Outcome, Refusal> {
        let ledger = self.ledger_of_account(transfer.account);
        let fund = Fund {
            participant: transfer.participant,
            currency: self.currency(ledger).code,
            purpose: AccountPurpose::Settlement,
            direction: transfer.direction,
            amount: transfer.amount,
            reference,
        };
        let agent = self.settlement.agents.of(ledger).map(|terms| terms.agent);
        let outcome = match transfer.hold {
            None => self.fund_by(&fund, agent)?,
            Some(_) if self.fundings.contains_key(&reference) => return Err(Refusal::DuplicateReference),
            Some(hold) => {
                self.ledgers.post(hold).expect("a withdrawal under way has its hold (LED-03)");
                self.note_funded(&fund, transfer.account, ledger, agent);
                Outcome::Done
            }
        };
        self.settlement.transfers.leave(reference);
        Ok(outcome)
    }

    /// An answer that was given before, or none is waited for.
    fn answered_already(&self, answer: &AnswerTransfer) -> Result<Outcome, Refusal> {
        let done = self.fundings.contains_key(&answer.reference);
        let refused = self.settlement.transfers.refused.contains(&answer.reference);
        match answer.verdict {
            TransferVerdict::Done if done => Ok(Outcome::Done),
            TransferVerdict::Refused(_) if refused => Ok(Outcome::Done),
            TransferVerdict::Done | TransferVerdict::Refused(_) if done || refused => Err(Refusal::TransferEnded),
            TransferVerdict::Done | TransferVerdict::Refused(_) => Err(Refusal::UnknownTransfer),
        }
    }

    /// Only the ledger's settlement agent speaks for it; officers do in its place.
    fn check_agent(&self, agent: Option<ParticipantId>, ledger: LedgerId) -> Result<(), Refusal> {
        let is_agent = |agent| self.settlement.agents.of(ledger).is_some_and(|terms| terms.agent == agent);
        if agent.is_none_or(is_agent) { Ok(()) } else { Err(Refusal::NotSettlementAgent) }
    }

    /// An account became low: if it is topped up by a standing instruction, what it lacks is asked for, once.
    pub(crate) fn top_up(&mut self, account: AccountId, missing: MinorUnits) {
        let standing = self.settlement.agents.tops_up(account) && !self.settlement.transfers.topping_up.contains(&account);
        let Some(participant) = self.settlement_owner(account).filter(|_| standing && !missing.is_zero()) else { return };
        let currency = self.currency(self.ledger_of_account(account)).code;
        // Named by where it is asked for: nobody else draws that name, and every replay draws the same.
        let mut name = Vec::with_capacity(40);
        name.extend_from_slice(b"luohu standing top-up ");
        put_u32(&mut name, account.0);
        put_u64(&mut name, self.next_position);
        let mut reference = [0; 16];
        reference.copy_from_slice(&chain::sha256(&name).0[..16]);
        // In the form of a UUID of version 4 it can stand where a UETR does.
        reference[6] = reference[6] & 0x0f | 0x40;
        reference[8] = reference[8] & 0x3f | 0x80;
        let ask = AskTransfer { reference, participant, currency, direction: FundDirection::In, amount: missing };
        // A closed agent that lets nothing wait, or a full table: the account stays low, and falls below its floor again.
        let _ = self.take_transfer(&ask, account, true);
    }

    fn ledger_of_account(&self, account: AccountId) -> LedgerId {
        self.ledgers.account(account).expect("accounts are never closed").ledger()
    }

    /// Whose settlement account it is; `None` if it is none.
    pub(super) fn settlement_owner(&self, account: AccountId) -> Option<ParticipantId> {
        match self.owners.get(account.0 as usize) {
            Some((owner, AccountPurpose::Settlement)) => *owner,
            Some((_, AccountPurpose::Exchange | AccountPurpose::Spread | AccountPurpose::Fees)) | None => None,
        }
    }

    pub(super) fn check_transfers(&self) -> Result<(), DecodeError> {
        let is_sound = |transfer: &Transfer| {
            let hold = transfer.hold.and_then(|hold| self.ledgers.hold(hold).ok());
            let held = match (transfer.direction, transfer.hold, hold) {
                (FundDirection::In, None, _) => true,
                (FundDirection::Out, Some(_), Some(hold)) => {
                    hold.legs().first().is_some_and(|leg| leg.debit == transfer.account && leg.amount == transfer.amount)
                }
                (FundDirection::In | FundDirection::Out, _, _) => false,
            };
            held && self.settlement_owner(transfer.account) == Some(transfer.participant)
        };
        let sound = self.settlement.transfers.open.values().all(is_sound);
        if sound { Ok(()) } else { Err(DecodeError::Unknown("transfer")) }
    }
}

impl AskTransfer {
    /// The funding it becomes.
    fn fund(&self) -> Fund {
        let Self { reference, participant, currency, direction, amount } = *self;
        Fund { participant, currency, purpose: AccountPurpose::Settlement, direction, amount, reference }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reference);
        put_u32(out, self.participant.0);
        out.extend_from_slice(&self.currency.bytes());
        out.push(self.direction as u8);
        put_u64(out, self.amount.0);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            reference: take(bytes)?,
            participant: take_participant(bytes)?,
            currency: take_code(bytes)?,
            direction: take_direction(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
        })
    }
}

impl AnswerTransfer {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reference);
        out.push(u8::from(self.agent.is_some()));
        if let Some(agent) = self.agent {
            put_u32(out, agent.0);
        }
        match self.verdict {
            TransferVerdict::Done => out.push(0),
            TransferVerdict::Refused(reason) => {
                out.push(1);
                out.extend_from_slice(&reason.0);
            }
        }
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            reference: take(bytes)?,
            agent: if take_bool(bytes)? { Some(take_participant(bytes)?) } else { None },
            verdict: match take_bool(bytes)? {
                false => TransferVerdict::Done,
                true => TransferVerdict::Refused(take_reason(bytes)?),
            },
        })
    }
}

impl Transfer {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.participant.0);
        put_u32(out, self.account.0);
        out.push(self.direction as u8);
        put_u64(out, self.amount.0);
        put_u64(out, self.asked_at.0);
        put_u64(out, self.told_at.0);
        out.push(u8::from(self.is_standing));
        out.push(u8::from(self.hold.is_some()));
        if let Some(hold) = self.hold {
            let (slot, generation) = hold.to_parts();
            put_u32(out, slot);
            put_u32(out, generation);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            participant: take_participant(bytes)?,
            account: AccountId(take_u32(bytes)?),
            direction: take_direction(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
            asked_at: Time(take_u64(bytes)?),
            told_at: Time(take_u64(bytes)?),
            is_standing: take_bool(bytes)?,
            hold: if take_bool(bytes)? { Some(HoldId::from_parts(take_u32(bytes)?, take_u32(bytes)?)) } else { None },
        })
    }
}

fn take_direction(bytes: &mut &[u8]) -> Result<FundDirection, DecodeError> {
    Ok(if take_bool(bytes)? { FundDirection::Out } else { FundDirection::In })
}
