//! One account: four running totals and a floor.

use money::MinorUnits;

/// A ledger: all accounts of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerId(pub u16);

/// An account's index, in order of opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// How far an account may fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Floor {
    /// Debits, posted and held, never exceed posted credits: prefunded money only.
    Zero,
    /// No floor: the mirror of money kept elsewhere, such as the settlement agent's books.
    None,
}

/// Running totals of one account. They only grow, but for `held` amounts, which fall as holds resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub(crate) debits_posted: u64,
    pub(crate) credits_posted: u64,
    pub(crate) debits_held: u64,
    pub(crate) credits_held: u64,
    pub(crate) ledger: LedgerId,
    pub(crate) floor: Floor,
    /// Number of the change set this account was last entered in.
    pub(crate) touched_in: u32,
}

impl Account {
    pub(crate) const fn new(ledger: LedgerId, floor: Floor) -> Self {
        Self { debits_posted: 0, credits_posted: 0, debits_held: 0, credits_held: 0, ledger, floor, touched_in: 0 }
    }

    /// Its ledger.
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }
    /// How far it may fall.
    pub const fn floor(&self) -> Floor {
        self.floor
    }
    /// All debits ever posted.
    pub const fn debits_posted(&self) -> MinorUnits {
        MinorUnits(self.debits_posted)
    }
    /// All credits ever posted.
    pub const fn credits_posted(&self) -> MinorUnits {
        MinorUnits(self.credits_posted)
    }
    /// Debits of open holds.
    pub const fn debits_held(&self) -> MinorUnits {
        MinorUnits(self.debits_held)
    }
    /// Credits of open holds.
    pub const fn credits_held(&self) -> MinorUnits {
        MinorUnits(self.credits_held)
    }
    /// Credits less debits, posted.
    pub const fn posted(&self) -> i128 {
        self.credits_posted as i128 - self.debits_posted as i128
    }
    /// What is posted and not spoken for by a hold.
    pub const fn available(&self) -> i128 {
        self.posted() - self.debits_held as i128
    }

    /// Whether `amount` more can be debited without passing the floor (LED-02) or 64 bits.
    pub(crate) fn debit_room(&self, amount: u64) -> DebitRoom {
        let owed = self.debits_posted.checked_add(self.debits_held).and_then(|sum| sum.checked_add(amount));
        match (owed, self.floor) {
            (None, Floor::Zero | Floor::None) => DebitRoom::TooLarge,
            (Some(owed), Floor::Zero) if owed > self.credits_posted => DebitRoom::Insufficient,
            (Some(_), Floor::Zero | Floor::None) => DebitRoom::Enough,
        }
    }

    /// Whether `amount` more can be credited within 64 bits.
    pub(crate) fn has_credit_room(&self, amount: u64) -> bool {
        self.credits_posted.checked_add(self.credits_held).and_then(|sum| sum.checked_add(amount)).is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DebitRoom {
    Enough,
    Insufficient,
    TooLarge,
}
