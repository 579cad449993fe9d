//! Holds: money reserved by a linked chain of legs until it is posted or voided.

use crate::AccountId;
use money::MinorUnits;

/// Most legs in one chain: principal, spread, rounding and fee in one currency, principal and fee in the other.
pub const LEGS_MAX: usize = 6;

/// One debit and one credit of the same amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leg {
    /// Account that gives.
    pub debit: AccountId,
    /// Account that receives; may be the same.
    pub credit: AccountId,
    /// How much; not zero.
    pub amount: MinorUnits,
}

impl Leg {
    pub(crate) const NONE: Self = Self { debit: AccountId(0), credit: AccountId(0), amount: MinorUnits::ZERO };
}

/// A hold's slot and the generation that makes it unique for all time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

impl HoldId {
    /// Both numbers, for encoding.
    pub const fn to_parts(self) -> (u32, u32) {
        (self.slot, self.generation)
    }
    /// From [`Self::to_parts`].
    pub const fn from_parts(slot: u32, generation: u32) -> Self {
        Self { slot, generation }
    }
}

/// An open hold, or a free slot when it has no legs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    pub(crate) legs: [Leg; LEGS_MAX],
    pub(crate) leg_count: u8,
    pub(crate) generation: u32,
}

impl Hold {
    pub(crate) const fn free() -> Self {
        Self { legs: [Leg::NONE; LEGS_MAX], leg_count: 0, generation: 0 }
    }

    /// Its legs; none when the slot is free.
    pub fn legs(&self) -> &[Leg] {
        &self.legs[..usize::from(self.leg_count)]
    }

    pub(crate) const fn is_open(&self) -> bool {
        self.leg_count > 0
    }
}
