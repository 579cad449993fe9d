//! Canonical bytes of the ledgers, little endian, for snapshots.
//!
//! `u32 accounts × { 4 × u64 totals, u16 ledger, u8 floor, u64 below if 2 }`, `u32 slots × { u32 generation, u8 legs, legs × { u32, u32, u64 } }`,
//! `u32 free × u32`. Free slots are kept in order: the next hold takes the same slot after a restart as without one.

use crate::{Account, AccountId, Floor, Hold, LEGS_MAX, LedgerId, Ledgers, Leg};
use money::MinorUnits;

/// The bytes are not a snapshot of ledgers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger part of the snapshot is damaged")]
pub struct SnapshotError;

impl Ledgers {
    /// Appends the canonical bytes.
    pub fn encode_snapshot(&self, out: &mut Vec<u8>) {
        put_count(out, self.accounts.len());
        for account in &self.accounts {
            for total in [account.debits_posted, account.credits_posted, account.debits_held, account.credits_held] {
                out.extend_from_slice(&total.to_le_bytes());
            }
            out.extend_from_slice(&account.ledger.0.to_le_bytes());
            match account.floor() {
                Floor::Zero => out.push(0),
                Floor::None => out.push(1),
                Floor::Below(below) => {
                    out.push(2);
                    out.extend_from_slice(&below.0.to_le_bytes());
                }
            }
        }
        put_count(out, self.holds.len());
        for hold in &self.holds {
            out.extend_from_slice(&hold.generation.to_le_bytes());
            out.push(hold.leg_count);
            for leg in hold.legs() {
                out.extend_from_slice(&leg.debit.0.to_le_bytes());
                out.extend_from_slice(&leg.credit.0.to_le_bytes());
                out.extend_from_slice(&leg.amount.0.to_le_bytes());
            }
        }
        put_count(out, self.free_slots.len());
        for slot in &self.free_slots {
            out.extend_from_slice(&slot.to_le_bytes());
        }
    }

    /// Reads what [`Self::encode_snapshot`] wrote and moves `bytes` behind it. The laws are not checked here.
    pub fn decode_snapshot(bytes: &mut &[u8]) -> Result<Self, SnapshotError> {
        let mut ledgers = Self::default();
        for _ in 0..take_u32(bytes)? {
            let account = take_account(bytes)?;
            ledgers.accounts.push(account);
        }
        for _ in 0..take_u32(bytes)? {
            let hold = take_hold(bytes, ledgers.accounts.len())?;
            ledgers.holds.push(hold);
        }
        for _ in 0..take_u32(bytes)? {
            let slot = take_u32(bytes)?;
            if slot as usize >= ledgers.holds.len() {
                return Err(SnapshotError);
            }
            ledgers.free_slots.push(slot);
        }
        Ok(ledgers)
    }
}

fn take_account(bytes: &mut &[u8]) -> Result<Account, SnapshotError> {
    let [debits_posted, credits_posted, debits_held, credits_held] =
        [take_u64(bytes)?, take_u64(bytes)?, take_u64(bytes)?, take_u64(bytes)?];
    let ledger = LedgerId(u16::from_le_bytes(take(bytes)?));
    let floor = match take::<1>(bytes)? {
        [0] => Floor::Zero,
        [1] => Floor::None,
        // Nothing and no end are written otherwise: a floor has one encoding.
        [2] => match take_u64(bytes)? {
            0 | u64::MAX => return Err(SnapshotError),
            below => Floor::Below(MinorUnits(below)),
        },
        [3..=255] => return Err(SnapshotError),
    };
    Ok(Account { debits_posted, credits_posted, debits_held, credits_held, ..Account::new(ledger, floor) })
}

fn take_hold(bytes: &mut &[u8], accounts: usize) -> Result<Hold, SnapshotError> {
    let mut hold = Hold::free();
    hold.generation = take_u32(bytes)?;
    let [leg_count] = take(bytes)?;
    if usize::from(leg_count) > LEGS_MAX {
        return Err(SnapshotError);
    }
    hold.leg_count = leg_count;
    for leg in &mut hold.legs[..usize::from(leg_count)] {
        *leg =
            Leg { debit: AccountId(take_u32(bytes)?), credit: AccountId(take_u32(bytes)?), amount: MinorUnits(take_u64(bytes)?) };
        if leg.debit.0.max(leg.credit.0) as usize >= accounts {
            return Err(SnapshotError);
        }
    }
    Ok(hold)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("tables are bounded below 2^32");
    out.extend_from_slice(&count.to_le_bytes());
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], SnapshotError> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(SnapshotError)?;
    *bytes = tail;
    Ok(*head)
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32, SnapshotError> {
    take(bytes).map(u32::from_le_bytes)
}

fn take_u64(bytes: &mut &[u8]) -> Result<u64, SnapshotError> {
    take(bytes).map(u64::from_le_bytes)
}
