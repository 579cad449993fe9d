//! Interbank transfers: money that participants pay each other for themselves (`pacs.009`), at once or when there is enough of it.
//!
//! ```text
//!  Send ──▶ checks ──▶ enough, and nothing of the sender's before it ──▶ settled at once
//!             │        └ queued ──▶ enough comes in                  ──▶ settled
//!             │                 ├─▶ others owe the sender as well    ──▶ settled together, by the differences (`offset.rs`)
//!             │                 ├─▶ taken back (`camt.056`)          ──▶ ended, CUST
//!             │                 ├─▶ its time is over                 ──▶ ended, AM04
//!             │                 └─▶ a side may not any more          ──▶ ended, AG10
//!             └ refused
//! ```
//! No creditor agent is asked: its account is the end of the way. A sender's urgent transfers settle first and in order; the others
//! as they came, but one that fits may pass by one that does not. One that waits holds nothing, so its money may go elsewhere
//! meanwhile; what is set aside for urgent payments is spared by transfers of normal priority.
//!
//! Each block looks whether the first of each sender can settle, and then whether pairs can. The whole queue is looked at together when
//! something has joined or left it, and every [`Clearing::OFFSET_EVERY_NS`] beside that.
//!
//! # Units and limits
//! Amounts are minor units. [`Clearing::SENT_WAITING_MAX`] transfers wait, each for [`Clearing::SENT_WAIT_MAX_NS`] at most.
//! [`Clearing::OFFSET_MAX`] of a currency are looked at together, the first ones. A name is remembered
//! [`Clearing::SENT_KEPT_NS`] behind its end, [`Clearing::SENT_KEPT_MAX`] at most: beyond that nothing is sent until some are forgotten.

use super::offset::{Room, Wish, together};
use super::{NoteKind, Noted};
use crate::codec::{
    put_u16, put_u32, put_u64, take, take_bool, take_code, take_participant, take_reason, take_u16, take_u32, take_u64,
};
use crate::liquidity::room;
use crate::{Clearing, DecodeError, IsoReason, Outcome, ParticipantId, Priority, Refusal, Time, Uetr};
use ledger::{AccountId, LedgerId, Leg};
use money::{Amount, CurrencyCode, MinorUnits};
use std::collections::{BTreeMap, BTreeSet};

/// A participant's wish to pay another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendTransfer {
    /// Its UETR.
    pub reference: [u8; 16],
    /// Who pays, as authenticated.
    pub from: ParticipantId,
    /// Who is paid.
    pub to: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
    /// How much; not zero.
    pub amount: MinorUnits,
    /// Urgent ones go first, and may use what is reserved.
    pub priority: Priority,
    /// When it stops waiting; ahead, and not further than [`Clearing::SENT_WAIT_MAX_NS`].
    pub until: Time,
}

/// A transfer that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingTransfer {
    /// As it was asked for.
    pub sent: SendTransfer,
    /// How much, with its currency.
    pub amount: Amount,
    /// When it came.
    pub since: Time,
}

/// How an interbank transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SentState {
    /// It waits.
    Waiting,
    /// The money has moved.
    Settled,
    /// It has not, and will not, for this ISO reason.
    Ended(IsoReason),
}

/// Place in the queue: ledgers apart, what is urgent first, then as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    ledger: LedgerId,
    rank: u8,
    number: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Queued {
    sent: SendTransfer,
    debit: AccountId,
    credit: AccountId,
    since: Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ended {
    sent: SendTransfer,
    at: Time,
    /// `None`: settled.
    reason: Option<IsoReason>,
}

/// All that wait, and the names of those that ended not long ago.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interbank {
    queue: BTreeMap<Place, Queued>,
    /// Of each sender, in its order.
    by_sender: BTreeMap<AccountId, BTreeSet<Place>>,
    by_reference: BTreeMap<[u8; 16], Place>,
    expiries: BTreeSet<(Time, Place)>,
    ended: BTreeMap<[u8; 16], Ended>,
    ends: BTreeSet<(Time, [u8; 16])>,
    /// How many of them are of whom.
    ended_of: BTreeMap<ParticipantId, usize>,
    /// Number of the next that waits.
    next: u64,
    /// When all were last looked at together.
    looked_at: Time,
    /// Something has joined or gone since.
    has_changed: bool,
}

impl Interbank {
    fn enter(&mut self, place: Place, queued: Queued) {
        self.by_sender.entry(queued.debit).or_default().insert(place);
        self.by_reference.insert(queued.sent.reference, place);
        self.expiries.insert((queued.sent.until, place));
        self.queue.insert(place, queued);
    }

    fn leave(&mut self, place: Place) -> Queued {
        let queued = self.queue.remove(&place).expect("who leaves waits");
        self.by_reference.remove(&queued.sent.reference);
        self.expiries.remove(&(queued.sent.until, place));
        if let Some(own) = self.by_sender.get_mut(&queued.debit) {
            own.remove(&place);
            if own.is_empty() {
                self.by_sender.remove(&queued.debit);
            }
        }
        queued
    }

    fn end(&mut self, ended: Ended) {
        *self.ended_of.entry(ended.sent.from).or_default() += 1;
        self.ended.insert(ended.sent.reference, ended);
        self.ends.insert((ended.at, ended.sent.reference));
    }

    fn forget(&mut self, at: Time, reference: [u8; 16]) {
        self.ends.remove(&(at, reference));
        let Some(ended) = self.ended.remove(&reference) else { return };
        if let Some(left) = self.ended_of.get_mut(&ended.sent.from) {
            *left -= 1;
            if *left == 0 {
                self.ended_of.remove(&ended.sent.from);
            }
        }
    }

    fn first_of(&self, account: AccountId) -> Option<Place> {
        self.by_sender.get(&account)?.first().copied()
    }
}

impl Clearing {
    /// Most transfers that wait.
    pub const SENT_WAITING_MAX: usize = 16_384;
    /// Longest a transfer may wait: a day.
    pub const SENT_WAIT_MAX_NS: u64 = 86_400 * 1_000_000_000;
    /// How long the name of one that ended is remembered: longer than any may wait, so that none moves money twice.
    pub const SENT_KEPT_NS: u64 = 8 * Self::SENT_WAIT_MAX_NS;
    /// Most names that are remembered: some 100 bytes each.
    pub const SENT_KEPT_MAX: usize = 1_000_000;
    /// Most transfers of one participant in one currency that wait, so that nobody fills the queue alone.
    pub const SENT_WAITING_OF_ONE_MAX: usize = 1024;
    /// Most names of one participant that are remembered.
    pub const SENT_KEPT_OF_ONE_MAX: usize = 100_000;
    /// Most names that one block forgets; the next one goes on.
    pub const SENT_FORGOTTEN_MAX: usize = 4096;
    /// Most transfers of a currency that are looked at together.
    pub const OFFSET_MAX: usize = 4096;
    /// How often that happens while nothing joins.
    pub const OFFSET_EVERY_NS: u64 = 1_000_000_000;

    /// Interbank transfers that wait, by currency, those first that are to settle first.
    pub fn waiting_transfers(&self) -> impl Iterator<Item = WaitingTransfer> + '_ {
        self.settlement.interbank.queue.iter().map(|(place, queued)| WaitingTransfer {
            sent: queued.sent,
            amount: Amount { minor: queued.sent.amount, currency: self.currency(place.ledger) },
            since: queued.since,
        })
    }

    /// How a transfer of that name stands, and whose it is; `None`: it never was, or ended long ago.
    pub fn sent_transfer(&self, reference: [u8; 16]) -> Option<(SendTransfer, SentState)> {
        let interbank = &self.settlement.interbank;
        if let Some(place) = interbank.by_reference.get(&reference) {
            return Some((interbank.queue[place].sent, SentState::Waiting));
        }
        let ended = interbank.ended.get(&reference)?;
        Some((ended.sent, ended.reason.map_or(SentState::Settled, SentState::Ended)))
    }

    /// Whether a UETR is an interbank transfer's, so that nothing else can have it.
    pub(crate) fn is_sent(&self, uetr: Uetr) -> bool {
        let Interbank { by_reference, ended, .. } = &self.settlement.interbank;
        // Most centres have none at all, and payments ask each time.
        !ended.is_empty() && ended.contains_key(&uetr.0) || !by_reference.is_empty() && by_reference.contains_key(&uetr.0)
    }

    pub(super) fn send_transfer(&mut self, sent: &SendTransfer) -> Result<Outcome, Refusal> {
        if let Some((known, _)) = self.sent_transfer(sent.reference) {
            return if known == *sent { Ok(Outcome::Done) } else { Err(Refusal::DuplicateReference) };
        }
        let queued = self.check_sent(sent)?;
        let uetr = Uetr(sent.reference);
        if self.find_payment(uetr).is_some() || self.waiting(uetr).is_some() || self.is_matter(uetr) {
            return Err(Refusal::DuplicateUetr);
        }
        let interbank = &self.settlement.interbank;
        let own = interbank.by_sender.get(&queued.debit).map_or(0, BTreeSet::len);
        let own_ended = interbank.ended_of.get(&sent.from).copied().unwrap_or(0);
        if interbank.queue.len() >= Self::SENT_WAITING_MAX
            || own >= Self::SENT_WAITING_OF_ONE_MAX
            || interbank.ended.len() >= Self::SENT_KEPT_MAX
            || own_ended >= Self::SENT_KEPT_OF_ONE_MAX
        {
            return Err(Refusal::Full);
        }
        let ledger = self.ledger_of(sent.currency).ok_or(Refusal::UnknownCurrency)?;
        let place = Place { ledger, rank: sent.priority as u8, number: self.settlement.interbank.next };
        self.settlement.interbank.next += 1;
        self.delta.push(84);
        sent.encode(&mut self.delta);
        self.settlement.interbank.enter(place, queued);
        self.settle_heads(BTreeSet::from([queued.debit]));
        self.settlement.interbank.has_changed |= self.settlement.interbank.queue.contains_key(&place);
        Ok(Outcome::Done)
    }

    fn check_sent(&self, sent: &SendTransfer) -> Result<Queued, Refusal> {
        let party = |id: ParticipantId| self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant);
        let (from, to) = (party(sent.from)?, party(sent.to)?);
        if !from.status.sends() || !to.status.receives() {
            return Err(Refusal::StandingForbids);
        }
        let ledger = self.ledger_of(sent.currency).ok_or(Refusal::UnknownCurrency)?;
        let debit = from.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        let credit = to.settlement(ledger).ok_or(Refusal::NoSuchAccount)?;
        if sent.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        if debit == credit {
            return Err(Refusal::SentToItself);
        }
        if sent.until <= self.time || sent.until > self.time.after(Self::SENT_WAIT_MAX_NS) {
            return Err(Refusal::SentTooLong);
        }
        Ok(Queued { sent: *sent, debit, credit, since: self.time })
    }

    pub(super) fn take_back_transfer(&mut self, reference: [u8; 16], from: ParticipantId) -> Result<Outcome, Refusal> {
        match self.sent_transfer(reference) {
            Some((sent, _)) if sent.from != from => Err(Refusal::UnknownTransfer),
            Some((_, SentState::Waiting)) => {
                let place = self.settlement.interbank.by_reference[&reference];
                self.end_waiting(place, IsoReason(*b"CUST"));
                Ok(Outcome::Done)
            }
            Some((_, SentState::Ended(reason))) if reason == IsoReason(*b"CUST") => Ok(Outcome::Done),
            Some((_, SentState::Ended(_) | SentState::Settled)) => Err(Refusal::TransferEnded),
            None => Err(Refusal::UnknownTransfer),
        }
    }

    /// Transfers whose time is over, and names that are forgotten.
    pub(super) fn begin_interbank(&mut self) {
        while let Some(&(until, place)) = self.settlement.interbank.expiries.first() {
            if until > self.time {
                break;
            }
            self.end_waiting(place, IsoReason(*b"AM04"));
        }
        let interbank = &mut self.settlement.interbank;
        for _ in 0..Self::SENT_FORGOTTEN_MAX {
            let Some(&(at, reference)) = interbank.ends.first().filter(|(at, _)| at.after(Self::SENT_KEPT_NS) <= self.time)
            else {
                break;
            };
            interbank.forget(at, reference);
        }
    }

    /// When the next waiting transfer's time is over.
    pub(crate) fn next_sent_end(&self) -> Option<Time> {
        self.settlement.interbank.expiries.first().map(|&(until, _)| until)
    }

    /// What a block's commands made possible: the first of each sender, then pairs, then as many as can go together.
    pub(crate) fn settle_waiting(&mut self) {
        if self.settlement.interbank.queue.is_empty() {
            return;
        }
        loop {
            self.settle_heads(self.settlement.interbank.by_sender.keys().copied().collect());
            if !self.settle_pairs() && !self.settle_together() {
                return;
            }
        }
    }

    /// Settles what of these senders needs no offsetting, in their order, and what that makes possible.
    fn settle_heads(&mut self, mut senders: BTreeSet<AccountId>) {
        while let Some(sender) = senders.pop_first() {
            while let Some(place) = self.settlement.interbank.first_of(sender) {
                let queued = self.settlement.interbank.queue[&place];
                if !self.may_still(&queued.sent) {
                    self.end_waiting(place, IsoReason(*b"AG10"));
                    continue;
                }
                let leg = queued.leg();
                if !self.covers(&queued) || self.ledgers.transfer(&[leg]).is_err() {
                    break;
                }
                self.note_settled(place);
                if self.settlement.interbank.by_sender.contains_key(&queued.credit) {
                    senders.insert(queued.credit);
                }
            }
        }
    }

    fn may_still(&self, sent: &SendTransfer) -> bool {
        let status = |id: ParticipantId| self.participants[id.0 as usize].status;
        status(sent.from).sends() && status(sent.to).receives()
    }

    /// Whether the sender's account has enough by itself.
    fn covers(&self, queued: &Queued) -> bool {
        let room = self.room_of(queued.debit);
        let spared = if queued.spares_reserve() { room.reserved } else { 0 };
        room.all - i128::from(queued.sent.amount.0) >= spared
    }

    fn room_of(&self, account: AccountId) -> Room {
        let row = self.ledgers.account(account).expect("accounts are never closed");
        let owner = self.settlement_owner(account).and_then(|owner| self.participants.get(owner.0 as usize));
        let reserved = owner.and_then(|owner| owner.account_set(row.ledger())).map_or(0, |set| i128::from(set.reserved.0));
        Room { all: room(row), reserved }
    }

    /// Settles pairs of senders whose first transfers are to each other; whether there were any.
    fn settle_pairs(&mut self) -> bool {
        let interbank = &self.settlement.interbank;
        let pair = interbank.by_sender.iter().find_map(|(&sender, own)| {
            let mine = *own.first()?;
            let other = interbank.queue[&mine].credit;
            let theirs = interbank.first_of(other).filter(|theirs| sender < other && interbank.queue[theirs].credit == sender)?;
            let places = [mine, theirs];
            let wishes = places.map(|place| interbank.queue[&place].wish());
            (together(&wishes, |account| self.room_of(AccountId(account))).len() == 2).then_some(places)
        });
        pair.is_some_and(|places| self.settle_by_differences(&places))
    }

    /// Settles of each currency what can go together, if it is time to look; whether there was anything.
    fn settle_together(&mut self) -> bool {
        let interbank = &mut self.settlement.interbank;
        if !interbank.has_changed && interbank.looked_at.after(Self::OFFSET_EVERY_NS) > self.time {
            return false;
        }
        (interbank.has_changed, interbank.looked_at) = (false, self.time);
        let mut any = false;
        for ledger in 0..self.currencies.len() {
            let ledger = LedgerId(ledger as u16);
            let places = self.places_of(ledger);
            let wishes: Vec<Wish> = places.iter().map(|place| self.settlement.interbank.queue[place].wish()).collect();
            let chosen = together(&wishes, |account| self.room_of(AccountId(account)));
            let chosen: Vec<Place> = chosen.into_iter().map(|at| places[at]).collect();
            any |= !chosen.is_empty() && self.settle_by_differences(&chosen);
        }
        any
    }

    fn places_of(&self, ledger: LedgerId) -> Vec<Place> {
        let from = Place { ledger, rank: 0, number: 0 };
        let to = Place { ledger, rank: u8::MAX, number: u64::MAX };
        // Those of a side that may not any more would stop all others with them; their own turn ends them.
        let may = self.settlement.interbank.queue.range(from..=to).filter(|(_, queued)| self.may_still(&queued.sent));
        may.map(|(place, _)| *place).take(Self::OFFSET_MAX).collect()
    }

    /// Moves the money of all these at once, or of none.
    fn settle_by_differences(&mut self, places: &[Place]) -> bool {
        let queue = &self.settlement.interbank.queue;
        if !places.iter().all(|place| self.may_still(&queue[place].sent)) {
            return false;
        }
        let legs: Vec<Leg> = places.iter().map(|place| queue[place].leg()).collect();
        if self.ledgers.transfer_together(&legs).is_err() {
            return false;
        }
        places.iter().for_each(|place| self.note_settled(*place));
        true
    }

    /// The money of one that waited has moved: it leaves, and both sides are told.
    fn note_settled(&mut self, place: Place) {
        let Queued { sent, .. } = self.settlement.interbank.leave(place);
        self.settlement.interbank.end(Ended { sent, at: self.time, reason: None });
        for (kind, whose, other) in [(NoteKind::SentOut, sent.from, sent.to), (NoteKind::CameIn, sent.to, sent.from)] {
            self.note_settlement(&sent.noted(kind, whose, Some(other), place.ledger, None));
        }
    }

    fn end_waiting(&mut self, place: Place, reason: IsoReason) {
        let Queued { sent, .. } = self.settlement.interbank.leave(place);
        self.settlement.interbank.end(Ended { sent, at: self.time, reason: Some(reason) });
        self.settlement.interbank.has_changed = true;
        self.note_settlement(&sent.noted(NoteKind::SentNotSettled, sent.from, Some(sent.to), place.ledger, Some(reason)));
    }

    /// IBK-01: nothing waits that could settle by itself, each place in the queue is its sender's own, and what ended does not wait.
    pub(crate) fn check_interbank(&self) -> Result<(), String> {
        let interbank = &self.settlement.interbank;
        let of_senders: usize = interbank.by_sender.values().map(BTreeSet::len).sum();
        if of_senders != interbank.queue.len() || interbank.by_reference.len() != of_senders {
            return Err(format!("{} wait, {of_senders} of senders", interbank.queue.len()));
        }
        for (account, own) in &interbank.by_sender {
            let first = own.first().and_then(|place| interbank.queue.get(place)).filter(|queued| queued.debit == *account);
            let Some(first) = first else { return Err(format!("{account:?} waits with another's transfer")) };
            if self.covers(first) {
                return Err(format!("{:?} of {} waits though there is enough", first.sent.amount, first.sent.from.0));
            }
        }
        match interbank.ended.keys().find(|reference| interbank.by_reference.contains_key(*reference)) {
            Some(reference) => Err(format!("{reference:02x?} has ended and waits")),
            None => Ok(()),
        }
    }

    pub(super) fn encode_interbank(&self, out: &mut Vec<u8>) {
        let Interbank {
            queue,
            by_sender: _,
            by_reference: _,
            expiries: _,
            ended,
            ends: _,
            ended_of: _,
            next,
            looked_at,
            has_changed,
        } = &self.settlement.interbank;
        put_u64(out, *next);
        put_u64(out, looked_at.0);
        out.push(u8::from(*has_changed));
        put_u32(out, queue.len() as u32);
        for (place, queued) in queue {
            put_u16(out, place.ledger.0);
            put_u64(out, place.number);
            queued.sent.encode(out);
            put_u64(out, queued.since.0);
        }
        put_u32(out, ended.len() as u32);
        for ended in ended.values() {
            ended.sent.encode(out);
            put_u64(out, ended.at.0);
            out.push(u8::from(ended.reason.is_some()));
            if let Some(reason) = ended.reason {
                out.extend_from_slice(&reason.0);
            }
        }
    }

    /// Reads what [`Self::encode_interbank`] wrote, into a state whose participants and accounts have been read.
    pub(super) fn decode_interbank(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        let broken = |what| Err(DecodeError::Unknown(what));
        let mut interbank = Interbank {
            next: take_u64(bytes)?,
            looked_at: Time(take_u64(bytes)?),
            has_changed: take_bool(bytes)?,
            ..Interbank::default()
        };
        // Numbers go on for longer than any chain; one that was forged must not wrap.
        if interbank.next > u64::MAX / 2 {
            return broken("number of an interbank transfer");
        }
        for _ in 0..take_u32(bytes)? {
            let (ledger, number) = (LedgerId(take_u16(bytes)?), take_u64(bytes)?);
            let (sent, since) = (SendTransfer::decode(bytes)?, Time(take_u64(bytes)?));
            let place = Place { ledger, rank: sent.priority as u8, number };
            let account = |id: ParticipantId| self.participants.get(id.0 as usize).and_then(|owner| owner.settlement(ledger));
            let in_order = interbank.queue.last_key_value().is_none_or(|(last, _)| *last < place);
            let named = self.ledger_of(sent.currency) == Some(ledger) && !interbank.by_reference.contains_key(&sent.reference);
            match (account(sent.from), account(sent.to)) {
                (Some(debit), Some(credit))
                    if debit != credit && in_order && named && number < interbank.next && !sent.amount.is_zero() =>
                {
                    interbank.enter(place, Queued { sent, debit, credit, since });
                }
                (_, _) => return broken("interbank transfer"),
            }
        }
        for _ in 0..take_u32(bytes)? {
            let (sent, at) = (SendTransfer::decode(bytes)?, Time(take_u64(bytes)?));
            let reason = if take_bool(bytes)? { Some(take_reason(bytes)?) } else { None };
            let in_order = interbank.ended.last_key_value().is_none_or(|(last, _)| *last < sent.reference);
            if !in_order || interbank.by_reference.contains_key(&sent.reference) {
                return broken("ended interbank transfer");
            }
            interbank.end(Ended { sent, at, reason });
        }
        self.settlement.interbank = interbank;
        Ok(())
    }
}

impl Queued {
    const fn leg(&self) -> Leg {
        Leg { debit: self.debit, credit: self.credit, amount: self.sent.amount }
    }

    const fn spares_reserve(&self) -> bool {
        match self.sent.priority {
            Priority::High => false,
            Priority::Normal => true,
        }
    }

    const fn wish(&self) -> Wish {
        Wish { from: self.debit.0, to: self.credit.0, amount: self.sent.amount.0, spares_reserve: self.spares_reserve() }
    }
}

impl SendTransfer {
    fn noted(
        &self,
        kind: NoteKind,
        participant: ParticipantId,
        agent: Option<ParticipantId>,
        ledger: LedgerId,
        reason: Option<IsoReason>,
    ) -> Noted {
        Noted { kind, participant, agent, ledger, amount: self.amount, reference: self.reference, reason }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.reference);
        put_u32(out, self.from.0);
        put_u32(out, self.to.0);
        out.extend_from_slice(&self.currency.bytes());
        put_u64(out, self.amount.0);
        out.push(self.priority as u8);
        put_u64(out, self.until.0);
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            reference: take(bytes)?,
            from: take_participant(bytes)?,
            to: take_participant(bytes)?,
            currency: take_code(bytes)?,
            amount: MinorUnits(take_u64(bytes)?),
            priority: if take_bool(bytes)? { Priority::Normal } else { Priority::High },
            until: Time(take_u64(bytes)?),
        })
    }
}
