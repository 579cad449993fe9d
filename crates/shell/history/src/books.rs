//! Entries: one side of each transfer on a participant's settlement account, with the balance and the sums behind it.
//!
//! They are made from events in order, live and in a rebuild alike: a settled payment has two, a funding one. Each carries
//! what there was on the account behind it and how much had come and gone until then, so that the totals between any two
//! positions cost two look-ups, however many entries lie between them.
//!
//! A payment of a sponsored participant is on its sponsor's account, with whom it is for. Where one account pays and is paid, its two
//! entries have one position, the debit first.
//!
//! STM-01: behind every block the balance of the entries is the account's own.

use crate::port::IndexError;
use clearing::{AccountPurpose, AccountView, ParticipantId, PaymentState, PaymentView, Position, SettlementNote, Side, Time};
use money::{Amount, CurrencyCode, MinorUnits};
use std::collections::BTreeMap;

/// A settlement account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// Whose.
    pub participant: ParticipantId,
    /// On which ledger.
    pub currency: CurrencyCode,
}

/// What an entry comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A payment.
    Payment,
    /// Prefunding, told by the settlement agent.
    Funding,
}

impl EntryKind {
    /// As an index and the proof of a statement write it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Payment => 0,
            Self::Funding => 1,
        }
    }

    /// Reads what [`Self::number`] told.
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Payment),
            1 => Some(Self::Funding),
            _ => None,
        }
    }
}

/// How much came and went on an account, from its first entry on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Entries on the credit side.
    pub credits: u64,
    /// Their sum, minor units.
    pub credited: u128,
    /// Entries on the debit side.
    pub debits: u64,
    /// Their sum, minor units.
    pub debited: u128,
}

impl Totals {
    /// What came and went between an earlier moment and this one.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            credits: self.credits.saturating_sub(before.credits),
            credited: self.credited.saturating_sub(before.credited),
            debits: self.debits.saturating_sub(before.debits),
            debited: self.debited.saturating_sub(before.debited),
        }
    }

    /// What is left of it, minor units.
    pub fn balance(&self) -> i128 {
        let side = |sum: u128| i128::try_from(sum).unwrap_or(i128::MAX);
        side(self.credited) - side(self.debited)
    }

    fn add(&mut self, side: Side, amount: MinorUnits) {
        match side {
            Side::Credit => {
                self.credits += 1;
                self.credited += u128::from(amount.0);
            }
            Side::Debit => {
                self.debits += 1;
                self.debited += u128::from(amount.0);
            }
        }
    }
}

/// One side of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The event that booked it.
    pub position: Position,
    /// Its block.
    pub height: u64,
    /// Its block's time.
    pub at: Time,
    /// Which way.
    pub side: Side,
    /// Where from.
    pub kind: EntryKind,
    /// How much.
    pub amount: MinorUnits,
    /// UETR of a payment or transfer, or the settlement agent's reference.
    pub reference: [u8; 16],
    /// For whom, where the account's owner is its sponsor.
    pub on_behalf: Option<ParticipantId>,
    /// What came and went up to it, itself counted.
    pub totals: Totals,
}

impl Entry {
    /// Bytes of an entry in an index.
    pub const BYTES: usize = 102;

    /// Which of two entries of one position comes first: the debit.
    pub(crate) const fn side_number(&self) -> u8 {
        match self.side {
            Side::Debit => 0,
            Side::Credit => 1,
        }
    }

    /// Posted on the account behind it.
    pub fn balance(&self) -> i128 {
        self.totals.balance()
    }

    /// As an index keeps it.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = Vec::with_capacity(Self::BYTES);
        [self.position.0, self.height, self.at.0].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.push(match self.side {
            Side::Credit => 0,
            Side::Debit => 1,
        });
        out.push(self.kind.number());
        out.extend_from_slice(&self.amount.0.to_le_bytes());
        out.extend_from_slice(&self.reference);
        for (count, sum) in [(self.totals.credits, self.totals.credited), (self.totals.debits, self.totals.debited)] {
            out.extend_from_slice(&count.to_le_bytes());
            out.extend_from_slice(&sum.to_le_bytes());
        }
        out.extend_from_slice(&self.on_behalf.map_or(u32::MAX, |who| who.0).to_le_bytes());
        out.try_into().expect("an entry has one length")
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(bytes: &[u8]) -> Result<Self, IndexError> {
        let damaged = || IndexError::Damaged("an entry of an account".to_owned());
        let bytes: &[u8; Self::BYTES] = bytes.try_into().map_err(|_| damaged())?;
        let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let sum = |at: usize| u128::from_le_bytes(bytes[at..at + 16].try_into().expect("sixteen bytes"));
        Ok(Self {
            position: Position(number(0)),
            height: number(8),
            at: Time(number(16)),
            side: match bytes[24] {
                0 => Side::Credit,
                1 => Side::Debit,
                _ => return Err(damaged()),
            },
            kind: EntryKind::of_number(bytes[25]).ok_or_else(damaged)?,
            amount: MinorUnits(number(26)),
            reference: bytes[34..50].try_into().expect("sixteen bytes"),
            totals: Totals { credits: number(50), credited: sum(58), debits: number(74), debited: sum(82) },
            on_behalf: Some(ParticipantId(u32::from_le_bytes(bytes[98..102].try_into().expect("four bytes"))))
                .filter(|who| who.0 != u32::MAX),
        })
    }
}

/// The last entry of every account.
#[derive(Debug, Default)]
pub(crate) struct Books(BTreeMap<AccountKey, Totals>);

impl Books {
    /// Goes on behind the entries of an index.
    pub(crate) fn new(last: Vec<(AccountKey, Entry)>) -> Self {
        Self(last.into_iter().map(|(key, entry)| (key, entry.totals)).collect())
    }

    /// The entries of a payment that has settled.
    pub(crate) fn payment(&mut self, view: &PaymentView) -> Option<[(AccountKey, Entry); 2]> {
        let finality = view.finality.filter(|_| view.state == PaymentState::Settled)?;
        // What the debtor agent is charged leaves its account with the payment; the creditor agent's charge never came.
        let paid = view.debit.minor.checked_add(view.charges.debtor).unwrap_or(view.debit.minor);
        let paid = Amount { minor: paid, ..view.debit };
        let sides = [
            (view.debtor_agent, view.sponsors.debtor, paid, Side::Debit),
            (view.creditor_agent, view.sponsors.creditor, view.credit, Side::Credit),
        ];
        Some(sides.map(|(agent, sponsor, amount, side)| {
            let key = AccountKey { participant: sponsor.unwrap_or(agent), currency: amount.currency.code };
            let entry = Entry {
                position: finality.position,
                height: finality.height,
                at: finality.at,
                side,
                kind: EntryKind::Payment,
                amount: amount.minor,
                reference: view.uetr.0,
                on_behalf: sponsor.map(|_| agent),
                totals: Totals::default(),
            };
            (key, self.book(key, entry))
        }))
    }

    /// The entry of a note that moves money.
    pub(crate) fn note(&mut self, note: &SettlementNote) -> Option<(AccountKey, Entry)> {
        let side = note.kind.entry()?;
        let key = AccountKey { participant: note.participant, currency: note.currency.code };
        let entry = Entry {
            position: note.position,
            height: note.height,
            at: note.at,
            side,
            kind: EntryKind::Funding,
            amount: note.amount,
            reference: note.reference,
            on_behalf: None,
            totals: Totals::default(),
        };
        Some((key, self.book(key, entry)))
    }

    fn book(&mut self, key: AccountKey, entry: Entry) -> Entry {
        let totals = self.0.entry(key).or_default();
        totals.add(entry.side, entry.amount);
        Entry { totals: *totals, ..entry }
    }

    /// STM-01 for one account; others than settlement accounts of participants have no entries.
    pub(crate) fn agrees(&self, view: &AccountView) -> bool {
        let (Some(participant), AccountPurpose::Settlement) = (view.participant, view.purpose) else { return true };
        let key = AccountKey { participant, currency: view.currency.code };
        self.0.get(&key).copied().unwrap_or_default().balance() == view.posted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_reads_back() {
        let entry = Entry {
            position: Position(1),
            height: 2,
            at: Time(3),
            side: Side::Debit,
            kind: EntryKind::Funding,
            amount: MinorUnits(4),
            reference: [5; 16],
            on_behalf: Some(ParticipantId(9)),
            totals: Totals { credits: 6, credited: u128::MAX / 4, debits: 7, debited: 8 },
        };
        let bytes = entry.encode();
        assert_eq!(Entry::decode(&bytes), Ok(entry));
        let own = Entry { on_behalf: None, ..entry };
        assert_eq!(Entry::decode(&own.encode()), Ok(own));
        for at in [24, 25] {
            let mut wrong = bytes;
            wrong[at] = 9;
            assert!(Entry::decode(&wrong).is_err());
        }
        assert!(Entry::decode(&bytes[1..]).is_err());
    }
}
