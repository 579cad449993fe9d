//! Money that participants pay each other for themselves, a second time: one list in order of arrival, gone through from the start
//! again whenever something has moved.

use super::{Expected, Leg, Model, Place};
use clearing::{AccountPurpose, ParticipantId, Priority, SendTransfer};
use money::CurrencyCode;
use std::collections::BTreeMap;

const DAY_NS: u64 = 86_400_000_000_000;

/// What waits and what has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Interbank {
    /// In order of arrival.
    waiting: Vec<SendTransfer>,
    /// When, and why not.
    ended: BTreeMap<[u8; 16], (SendTransfer, u64, Option<&'static str>)>,
}

impl Model {
    pub(super) fn send_transfer(&mut self, sent: &SendTransfer) -> Result<Expected, &'static str> {
        let waiting = self.interbank.waiting.iter().find(|known| known.reference == sent.reference);
        let ended = self.interbank.ended.get(&sent.reference).map(|(known, ..)| known);
        if let Some(known) = waiting.or(ended) {
            return if known == sent { Ok(Expected::Done) } else { Err("CLR-1021") };
        }
        let (from, to) = (sent.from.0, sent.to.0);
        let member = |who: u32| self.members.get(who as usize).ok_or("CLR-1003");
        if !member(from)?.conduct.sends() || !member(to)?.conduct.receives() {
            return Err("CLR-1101");
        }
        if !self.decimals.contains_key(&sent.currency) {
            return Err("CLR-1008");
        }
        if !self.serves(from, sent.currency) || !self.serves(to, sent.currency) {
            return Err("CLR-1010");
        }
        if sent.amount.is_zero() {
            return Err("CLR-1011");
        }
        if from == to {
            return Err("CLR-1146");
        }
        if sent.until.0 <= self.time_ns || sent.until.0 > self.time_ns + DAY_NS {
            return Err("CLR-1147");
        }
        let name = &sent.reference;
        if self.payments.contains_key(name) || self.waits(*name) || self.requests.contains_key(name) {
            return Err("CLR-1001");
        }
        self.interbank.waiting.push(*sent);
        // It, and what its money makes possible; everything else at the end of the block.
        let mut moved = vec![sent.from];
        while let Some(next) = self.settle_one(|first| moved.contains(&first.from) && first.currency == sent.currency) {
            moved.push(next);
        }
        Ok(Expected::Done)
    }

    pub(super) fn is_sent(&self, uetr: &[u8; 16]) -> bool {
        self.interbank.ended.contains_key(uetr) || self.interbank.waiting.iter().any(|sent| sent.reference == *uetr)
    }

    pub(super) fn take_back_transfer(&mut self, reference: [u8; 16], from: u32) -> Result<Expected, &'static str> {
        if let Some(at) = self.interbank.waiting.iter().position(|sent| sent.reference == reference && sent.from.0 == from) {
            self.end_transfer(at, Some("CUST"));
            return Ok(Expected::Done);
        }
        match self.interbank.ended.get(&reference).filter(|(sent, ..)| sent.from.0 == from) {
            Some((_, _, Some("CUST"))) => Ok(Expected::Done),
            Some(_) => Err("CLR-1143"),
            None => Err("CLR-1140"),
        }
    }

    /// What a participant's account has of its own doing, whatever its customers pay: funded, and moved between participants.
    pub fn own_money(&self, participant: u32, currency: CurrencyCode) -> i128 {
        let place = (Some(participant), AccountPurpose::Settlement, currency);
        let settled = self.interbank.ended.values().filter(|(_, _, reason)| reason.is_none()).map(|(sent, ..)| leg(sent));
        let moved = settled.map(|(from, to, amount)| {
            if from == place {
                -amount
            } else if to == place {
                amount
            } else {
                0
            }
        });
        self.funded(participant, currency) + moved.sum::<i128>()
    }

    /// What a block's time ends, and what it forgets.
    pub(super) fn expire_transfers(&mut self) {
        let now = self.time_ns;
        while let Some(at) = self.interbank.waiting.iter().position(|sent| sent.until.0 <= now) {
            self.end_transfer(at, Some("AM04"));
        }
        self.interbank.ended.retain(|_, (_, at, _)| *at + 8 * DAY_NS > now);
    }

    /// What a block's commands made possible. No story makes two participants wait for each other, so nothing settles by differences:
    /// which of several sets that could settle does settle is no rule to be written twice. What must hold of any is in the laws.
    pub(super) fn settle_waiting(&mut self) {
        loop {
            while self.settle_one(|_| true).is_some() {}
            let Some(small) = self.passes_by() else { return };
            let at = self.interbank.waiting.iter().position(|sent| *sent == small).expect("it waits");
            self.end_transfer(at, None);
            self.book(leg(&small));
        }
    }

    /// One of normal priority that fits though another of its sender's, not urgent, waits before it.
    fn passes_by(&self) -> Option<SendTransfer> {
        let is_urgent = |sent: &SendTransfer| sent.priority == Priority::High;
        let fits = |sent: &&SendTransfer| {
            let own = self.queue_of(sent);
            !own.iter().any(is_urgent) && self.spare(leg(sent).0, sent.priority) >= leg(sent).2
        };
        self.interbank.waiting.iter().find(fits).copied()
    }

    /// Settles or ends one that is its sender's first, and tells who has money by it or may go on.
    fn settle_one(&mut self, of: impl Fn(&SendTransfer) -> bool) -> Option<ParticipantId> {
        for (at, sent) in self.interbank.waiting.clone().into_iter().enumerate() {
            if !of(&sent) || self.queue_of(&sent).first() != Some(&sent) {
                continue;
            }
            if !self.both_may(&sent) {
                self.end_transfer(at, Some("AG10"));
                return Some(sent.from);
            }
            let leg = leg(&sent);
            if self.spare(leg.0, sent.priority) >= leg.2 {
                self.end_transfer(at, None);
                self.book(leg);
                return Some(sent.to);
            }
        }
        None
    }

    fn both_may(&self, sent: &SendTransfer) -> bool {
        self.members[sent.from.0 as usize].conduct.sends() && self.members[sent.to.0 as usize].conduct.receives()
    }

    /// What a place can give to a transfer of that priority.
    fn spare(&self, place: Place, priority: Priority) -> i128 {
        self.room(place) - if priority == Priority::Normal { self.reserved(place) } else { 0 }
    }

    /// All of one sender in one currency: urgent ones, then the others, each as they came.
    fn queue_of(&self, of: &SendTransfer) -> Vec<SendTransfer> {
        let same = |sent: &&SendTransfer| sent.from == of.from && sent.currency == of.currency;
        let mut own: Vec<_> = self.interbank.waiting.iter().filter(same).copied().collect();
        own.sort_by_key(|sent| sent.priority);
        own
    }

    fn end_transfer(&mut self, at: usize, reason: Option<&'static str>) {
        let sent = self.interbank.waiting.remove(at);
        self.interbank.ended.insert(sent.reference, (sent, self.time_ns, reason));
    }
}

fn leg(sent: &SendTransfer) -> Leg {
    let place = |who: u32| (Some(who), AccountPurpose::Settlement, sent.currency);
    (place(sent.from.0), place(sent.to.0), i128::from(sent.amount.0))
}
