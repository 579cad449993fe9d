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
    /// Debits, posted and held, exceed posted credits by this much at most; above zero and below 2^64-1.
    Below(MinorUnits),
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
    /// How far debits may exceed credits; [`NO_FLOOR`] without an end.
    pub(crate) overdraft: u64,
    pub(crate) ledger: LedgerId,
    /// Number of the change set this account was last entered in.
    pub(crate) touched_in: u32,
}

/// More than any total: an account with this overdraft has no floor.
const NO_FLOOR: u64 = u64::MAX;

impl Account {
    pub(crate) const fn new(ledger: LedgerId, floor: Floor) -> Self {
        let overdraft = overdraft(floor);
        Self { debits_posted: 0, credits_posted: 0, debits_held: 0, credits_held: 0, overdraft, ledger, touched_in: 0 }
    }

    pub(crate) const fn set_floor(&mut self, floor: Floor) {
        self.overdraft = overdraft(floor);
    }

    /// Its ledger.
    pub const fn ledger(&self) -> LedgerId {
        self.ledger
    }
    /// How far it may fall.
    pub const fn floor(&self) -> Floor {
        match self.overdraft {
            0 => Floor::Zero,
            NO_FLOOR => Floor::None,
            below => Floor::Below(MinorUnits(below)),
        }
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
        match owed {
            None => DebitRoom::TooLarge,
            Some(owed) if owed > self.credits_posted.saturating_add(self.overdraft) => DebitRoom::Insufficient,
            Some(_) => DebitRoom::Enough,
        }
    }

    /// Whether so much can be debited and credited together without ending below the floor (LED-02), or past 64 bits.
    pub(crate) fn room_for(&self, debits: u128, credits: u128) -> DebitRoom {
        let owed = u128::from(self.debits_posted) + u128::from(self.debits_held) + debits;
        let owned = u128::from(self.credits_posted) + credits;
        if owed > u128::from(u64::MAX) || owned + u128::from(self.credits_held) > u128::from(u64::MAX) {
            return DebitRoom::TooLarge;
        }
        if owed > owned + u128::from(self.overdraft) { DebitRoom::Insufficient } else { DebitRoom::Enough }
    }

    /// Whether `amount` more can be credited within 64 bits.
    pub(crate) fn has_credit_room(&self, amount: u64) -> bool {
        self.credits_posted.checked_add(self.credits_held).and_then(|sum| sum.checked_add(amount)).is_some()
    }
}

const fn overdraft(floor: Floor) -> u64 {
    match floor {
        Floor::Zero => 0,
        Floor::Below(below) => below.0,
        Floor::None => NO_FLOOR,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DebitRoom {
    Enough,
    Insufficient,
    TooLarge,
}
