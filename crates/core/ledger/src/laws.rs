//! The ledger's laws as checkers. They read everything; run them in tests, the simulator and `fsck`.

use crate::{Floor, LedgerId, Ledgers};
use std::collections::BTreeMap;

/// A law that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{law} broken: {detail}")]
pub struct LawBroken {
    /// Its id, such as `LED-01`.
    pub law: &'static str,
    /// What was found.
    pub detail: String,
}

/// LED-01: on every ledger debits equal credits, posted and held.
pub fn led_01_ledgers_sum_to_zero(ledgers: &Ledgers) -> Result<(), LawBroken> {
    let mut sums: BTreeMap<LedgerId, (i128, i128)> = BTreeMap::new();
    for (_, account) in ledgers.accounts() {
        let (posted, held) = sums.entry(account.ledger).or_default();
        *posted += account.posted();
        *held += i128::from(account.credits_held) - i128::from(account.debits_held);
    }
    match sums.into_iter().find(|(_, sums)| *sums != (0, 0)) {
        None => Ok(()),
        Some((ledger, (posted, held))) => {
            Err(LawBroken { law: "LED-01", detail: format!("{ledger:?} sums to {posted} posted, {held} held") })
        }
    }
}

/// LED-02: no account is below its floor.
pub fn led_02_no_account_below_its_floor(ledgers: &Ledgers) -> Result<(), LawBroken> {
    let below = ledgers.accounts().find(|(_, account)| match account.floor() {
        Floor::Zero => account.available() < 0,
        Floor::Below(below) => account.available() < -i128::from(below.0),
        Floor::None => false,
    });
    match below {
        None => Ok(()),
        Some((id, account)) => Err(LawBroken { law: "LED-02", detail: format!("{id:?} has {} available", account.available()) }),
    }
}

/// LED-03: every slot is open or free, and free exactly once.
pub fn led_03_holds_resolve_once(ledgers: &Ledgers) -> Result<(), LawBroken> {
    let mut free = vec![false; ledgers.holds.len()];
    for &slot in &ledgers.free_slots {
        let twice = core::mem::replace(&mut free[slot as usize], true);
        if twice || ledgers.holds[slot as usize].is_open() {
            return Err(LawBroken { law: "LED-03", detail: format!("slot {slot} is free and in use") });
        }
    }
    match (0..free.len()).find(|&slot| !free[slot] && !ledgers.holds[slot].is_open()) {
        None => Ok(()),
        Some(slot) => Err(LawBroken { law: "LED-03", detail: format!("slot {slot} is neither open nor free") }),
    }
}

/// LED-04: open holds add up to what accounts show as held.
pub fn led_04_holds_add_up(ledgers: &Ledgers) -> Result<(), LawBroken> {
    let mut held = vec![(0u128, 0u128); ledgers.accounts.len()];
    for leg in ledgers.holds.iter().flat_map(|hold| hold.legs()) {
        held[leg.debit.0 as usize].0 += u128::from(leg.amount.0);
        held[leg.credit.0 as usize].1 += u128::from(leg.amount.0);
    }
    for ((id, account), (debits, credits)) in ledgers.accounts().zip(held) {
        if (u128::from(account.debits_held), u128::from(account.credits_held)) != (debits, credits) {
            let shown = (account.debits_held, account.credits_held);
            return Err(LawBroken {
                law: "LED-04",
                detail: format!("{id:?} shows {shown:?}, holds are {:?}", (debits, credits)),
            });
        }
    }
    Ok(())
}

/// All four.
pub fn check_all(ledgers: &Ledgers) -> Vec<LawBroken> {
    [
        led_01_ledgers_sum_to_zero(ledgers),
        led_02_no_account_below_its_floor(ledgers),
        led_03_holds_resolve_once(ledgers),
        led_04_holds_add_up(ledgers),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect()
}
