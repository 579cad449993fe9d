//! The accounts of all ledgers and the verbs that move money between them.

use crate::account::DebitRoom;
use crate::{Account, AccountId, Floor, Hold, HoldId, LEGS_MAX, LedgerId, Leg};
use planted::{Bug, planted};

/// All accounts and open holds.
#[derive(Debug, Clone)]
pub struct Ledgers {
    pub(crate) accounts: Vec<Account>,
    pub(crate) holds: Vec<Hold>,
    /// Free slots of `holds`, used last-in first-out.
    pub(crate) free_slots: Vec<u32>,
    /// Accounts changed since the last [`Ledgers::take_touched`], in order of first change.
    touched: Vec<AccountId>,
    change_set: u32,
}

/// Why money did not move. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// LED-1001: no such account.
    #[error("no account {0:?}")]
    UnknownAccount(AccountId),
    /// LED-1002: the two accounts of a leg are of different ledgers (LED-01).
    #[error("a transfer cannot cross ledgers: leg {leg}")]
    CrossesLedgers {
        /// Which leg, from 0.
        leg: usize,
    },
    /// LED-1003: an account would pass its floor (LED-02).
    #[error("account {account:?} does not cover leg {leg}")]
    Insufficient {
        /// Which account.
        account: AccountId,
        /// Which leg, from 0.
        leg: usize,
    },
    /// LED-1004: a total would not fit 64 bits.
    #[error("a total of leg {leg} does not fit 64 bits")]
    TooLarge {
        /// Which leg, from 0.
        leg: usize,
    },
    /// LED-1005: a leg of zero, or a chain of none or too many. A leg may lead back to its own account: it counts on both sides.
    #[error("a chain has 1 to {LEGS_MAX} legs, each above zero")]
    BadChain,
    /// LED-1006: no such open hold: it was resolved already (LED-03) or never placed.
    #[error("the hold is not open")]
    NotOpen,
    /// LED-1007: no room for another account or hold.
    #[error("the table of accounts or holds is full")]
    Full,
}

impl Default for Ledgers {
    fn default() -> Self {
        Self { accounts: Vec::new(), holds: Vec::new(), free_slots: Vec::new(), touched: Vec::new(), change_set: 1 }
    }
}

impl Ledgers {
    /// Most accounts.
    pub const ACCOUNTS_MAX: usize = u32::MAX as usize;
    /// Most open holds: at 20 seconds to answer this is 800,000 payments a second.
    pub const HOLDS_OPEN_MAX: usize = 1 << 24;

    /// Opens an account.
    pub fn open(&mut self, ledger: LedgerId, floor: Floor) -> Result<AccountId, LedgerError> {
        if self.accounts.len() >= Self::ACCOUNTS_MAX {
            return Err(LedgerError::Full);
        }
        let id = AccountId(self.accounts.len() as u32);
        self.accounts.push(Account::new(ledger, floor));
        self.touch(id);
        Ok(id)
    }

    /// Sets how far an account may fall from now on.
    ///
    /// # Errors
    /// If there is no such account, or it has fallen further already (LED-02).
    pub fn set_floor(&mut self, id: AccountId, floor: Floor) -> Result<(), LedgerError> {
        let account = self.accounts.get_mut(id.0 as usize).ok_or(LedgerError::UnknownAccount(id))?;
        let before = account.floor();
        account.set_floor(floor);
        if account.debit_room(0) == DebitRoom::Enough {
            self.touch(id);
            return Ok(());
        }
        account.set_floor(before);
        Err(LedgerError::Insufficient { account: id, leg: 0 })
    }

    /// An account's totals.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(id.0 as usize)
    }

    /// All accounts in order of opening.
    pub fn accounts(&self) -> impl ExactSizeIterator<Item = (AccountId, &Account)> {
        self.accounts.iter().enumerate().map(|(at, account)| (AccountId(at as u32), account))
    }

    /// Holds that are open.
    pub fn holds_open(&self) -> usize {
        self.holds.len() - self.free_slots.len()
    }

    /// The legs of an open hold.
    pub fn hold(&self, id: HoldId) -> Result<&Hold, LedgerError> {
        self.holds
            .get(id.slot as usize)
            .filter(|hold| hold.is_open() && hold.generation == id.generation)
            .ok_or(LedgerError::NotOpen)
    }

    /// Places a hold: reserves every leg or none.
    pub fn place(&mut self, legs: &[Leg]) -> Result<HoldId, LedgerError> {
        if self.free_slots.is_empty() && self.holds.len() >= Self::HOLDS_OPEN_MAX {
            return Err(LedgerError::Full);
        }
        self.reserve(legs)?;
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.holds.push(Hold::free());
            self.holds.len() as u32 - 1
        });
        let hold = &mut self.holds[slot as usize];
        hold.legs[..legs.len()].copy_from_slice(legs);
        hold.leg_count = legs.len() as u8;
        Ok(HoldId { slot, generation: hold.generation })
    }

    /// Posts a hold: the reserved money moves.
    pub fn post(&mut self, id: HoldId) -> Result<(), LedgerError> {
        let hold = self.resolve(id)?;
        for leg in hold.legs() {
            self.release(leg);
            self.settle(leg);
            if planted(Bug::HoldPostedTwice) {
                self.settle(leg);
            }
        }
        Ok(())
    }

    /// Voids a hold: the reserved money is free again.
    pub fn void(&mut self, id: HoldId) -> Result<(), LedgerError> {
        let hold = self.resolve(id)?;
        let legs = if planted(Bug::HoldKeptOnVoid) { &hold.legs()[1..] } else { hold.legs() };
        for leg in legs {
            self.release(leg);
        }
        Ok(())
    }

    /// Moves money at once: every leg or none.
    pub fn transfer(&mut self, legs: &[Leg]) -> Result<(), LedgerError> {
        self.reserve(legs)?;
        for leg in legs {
            self.release(leg);
            self.settle(leg);
        }
        Ok(())
    }

    /// Accounts changed since the last call, each once, in order of first change.
    pub fn take_touched(&mut self, out: &mut Vec<AccountId>) {
        out.clear();
        core::mem::swap(&mut self.touched, out);
        self.change_set = self.change_set.wrapping_add(1).max(1);
    }

    /// Checks and reserves leg after leg; undoes the earlier ones when a later one fails.
    fn reserve(&mut self, legs: &[Leg]) -> Result<(), LedgerError> {
        if legs.is_empty() || legs.len() > LEGS_MAX {
            return Err(LedgerError::BadChain);
        }
        for (at, leg) in legs.iter().enumerate() {
            if let Err(error) = self.check(at, leg) {
                legs[..at].iter().for_each(|earlier| self.release(earlier));
                return Err(error);
            }
            self.accounts[leg.debit.0 as usize].debits_held += leg.amount.0;
            self.accounts[leg.credit.0 as usize].credits_held += leg.amount.0;
            self.touch(leg.debit);
            self.touch(leg.credit);
        }
        Ok(())
    }

    fn check(&self, at: usize, leg: &Leg) -> Result<(), LedgerError> {
        let (debit, credit) = self.check_form(at, leg)?;
        if !credit.has_credit_room(leg.amount.0) {
            return Err(LedgerError::TooLarge { leg: at });
        }
        match debit.debit_room(leg.amount.0) {
            DebitRoom::Enough => Ok(()),
            DebitRoom::Insufficient => Err(LedgerError::Insufficient { account: leg.debit, leg: at }),
            DebitRoom::TooLarge => Err(LedgerError::TooLarge { leg: at }),
        }
    }

    /// What is asked of any leg, whatever there is on the accounts.
    pub(crate) fn check_form(&self, at: usize, leg: &Leg) -> Result<(&Account, &Account), LedgerError> {
        let debit = self.account(leg.debit).ok_or(LedgerError::UnknownAccount(leg.debit))?;
        let credit = self.account(leg.credit).ok_or(LedgerError::UnknownAccount(leg.credit))?;
        if leg.amount.is_zero() {
            return Err(LedgerError::BadChain);
        }
        if debit.ledger != credit.ledger {
            return Err(LedgerError::CrossesLedgers { leg: at });
        }
        Ok((debit, credit))
    }

    /// Closes the hold and hands out its legs; the slot's next hold has another generation (LED-03).
    pub(crate) fn resolve(&mut self, id: HoldId) -> Result<Hold, LedgerError> {
        let hold = *self.hold(id)?;
        let slot = &mut self.holds[id.slot as usize];
        slot.leg_count = 0;
        slot.generation = slot.generation.wrapping_add(1);
        self.free_slots.push(id.slot);
        Ok(hold)
    }

    fn release(&mut self, leg: &Leg) {
        self.accounts[leg.debit.0 as usize].debits_held -= leg.amount.0;
        self.accounts[leg.credit.0 as usize].credits_held -= leg.amount.0;
        self.touch(leg.debit);
        self.touch(leg.credit);
    }

    pub(crate) fn settle(&mut self, leg: &Leg) {
        self.accounts[leg.debit.0 as usize].debits_posted += leg.amount.0;
        self.accounts[leg.credit.0 as usize].credits_posted += leg.amount.0;
    }

    pub(crate) fn touch(&mut self, id: AccountId) {
        let account = &mut self.accounts[id.0 as usize];
        if account.touched_in != self.change_set {
            account.touched_in = self.change_set;
            self.touched.push(id);
        }
    }
}
