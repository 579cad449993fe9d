//! Legs that settle together: what several accounts owe each other, by its differences.

use crate::account::DebitRoom;
use crate::{AccountId, LedgerError, Ledgers, Leg};
use std::collections::BTreeMap;

/// What legs together do to one account.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    debits: u128,
    credits: u128,
    last_debit: usize,
}

impl Ledgers {
    /// Moves money along all legs at once, any number of them: every leg or none. On the way an account may pass its floor, at the
    /// end it may not (LED-02).
    ///
    /// # Errors
    /// As for [`Ledgers::transfer`]. Where money is short, the leg named is the last that debits the account.
    pub fn transfer_together(&mut self, legs: &[Leg]) -> Result<(), LedgerError> {
        let mut sums: BTreeMap<AccountId, Sums> = BTreeMap::new();
        for (at, leg) in legs.iter().enumerate() {
            self.check_form(at, leg)?;
            // What is owed to oneself has no difference.
            if leg.debit == leg.credit {
                return Err(LedgerError::BadChain);
            }
            let debit = sums.entry(leg.debit).or_default();
            debit.debits += u128::from(leg.amount.0);
            debit.last_debit = at;
            sums.entry(leg.credit).or_default().credits += u128::from(leg.amount.0);
        }
        for (&account, sums) in &sums {
            match self.accounts[account.0 as usize].room_for(sums.debits, sums.credits) {
                DebitRoom::Enough => {}
                DebitRoom::Insufficient => return Err(LedgerError::Insufficient { account, leg: sums.last_debit }),
                DebitRoom::TooLarge => return Err(LedgerError::TooLarge { leg: sums.last_debit }),
            }
        }
        for leg in legs {
            self.settle(leg);
            self.touch(leg.debit);
            self.touch(leg.credit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Floor, LedgerId, laws};
    use money::MinorUnits;

    const RING: [(u32, u32, u64); 3] = [(1, 2, 100), (2, 3, 110), (3, 1, 95)];

    /// Account 0 is the mirror, the others have a floor of zero and this much.
    fn ledgers(funds: [u64; 3]) -> Ledgers {
        let mut ledgers = Ledgers::default();
        ledgers.open(LedgerId(0), Floor::None).unwrap();
        for (at, fund) in (1..).zip(funds) {
            ledgers.open(LedgerId(0), Floor::Zero).unwrap();
            if fund > 0 {
                ledgers.transfer(&[leg(0, at, fund)]).unwrap();
            }
        }
        ledgers
    }

    fn leg(debit: u32, credit: u32, amount: u64) -> Leg {
        Leg { debit: AccountId(debit), credit: AccountId(credit), amount: MinorUnits(amount) }
    }

    fn posted(ledgers: &Ledgers) -> [i128; 3] {
        [1, 2, 3].map(|at| ledgers.account(AccountId(at)).unwrap().posted())
    }

    #[test]
    fn a_ring_of_debts_settles_by_its_differences() {
        let legs = RING.map(|(debit, credit, amount)| leg(debit, credit, amount));
        // The first owes 5 more than it is owed, the second 10 more.
        let mut ledgers = ledgers([5, 10, 0]);
        ledgers.transfer_together(&legs).unwrap();
        assert_eq!(posted(&ledgers), [0, 0, 15]);
        assert!(laws::check_all(&ledgers).is_empty());
    }

    #[test]
    fn one_short_of_it_nothing_moves() {
        let legs = RING.map(|(debit, credit, amount)| leg(debit, credit, amount));
        let mut ledgers = ledgers([5, 9, 0]);
        let account = AccountId(2);
        assert_eq!(ledgers.transfer_together(&legs), Err(LedgerError::Insufficient { account, leg: 1 }));
        assert_eq!(posted(&ledgers), [5, 9, 0]);
    }

    #[test]
    fn what_is_held_is_spoken_for() {
        let mut ledgers = ledgers([5, 0, 0]);
        ledgers.place(&[leg(1, 2, 3)]).unwrap();
        let account = AccountId(1);
        assert_eq!(ledgers.transfer_together(&[leg(1, 3, 3)]), Err(LedgerError::Insufficient { account, leg: 0 }));
        ledgers.transfer_together(&[leg(1, 3, 2)]).unwrap();
        assert!(laws::check_all(&ledgers).is_empty());
    }

    #[test]
    fn totals_stay_within_64_bits_and_legs_within_one_ledger() {
        let mut ledgers = ledgers([u64::MAX, 0, 0]);
        // The mirror's debits are full, the first one's credits too.
        assert_eq!(ledgers.transfer_together(&[leg(2, 1, 1), leg(1, 2, 1)]), Err(LedgerError::TooLarge { leg: 1 }));
        assert_eq!(ledgers.transfer_together(&[leg(1, 1, 1)]), Err(LedgerError::BadChain));
        assert_eq!(ledgers.transfer_together(&[leg(1, 2, 0)]), Err(LedgerError::BadChain));
        assert_eq!(ledgers.transfer_together(&[leg(1, 9, 1)]), Err(LedgerError::UnknownAccount(AccountId(9))));
        ledgers.open(LedgerId(1), Floor::None).unwrap();
        assert_eq!(ledgers.transfer_together(&[leg(1, 4, 1)]), Err(LedgerError::CrossesLedgers { leg: 0 }));
        assert_eq!(ledgers.transfer_together(&[]), Ok(()));
    }
}
