//! Drawing on a hold: a part of what is reserved moves, the rest stays reserved or is free again.

use crate::{HoldId, LedgerError, Ledgers, Leg};
use money::MinorUnits;

impl Ledgers {
    /// Moves money out of a hold of one leg, along all legs given or along none: each leaves the account that the hold debits. `keep`
    /// of what is held stays held, for the same account as before; nothing kept resolves the hold (LED-03). Legs may come to more
    /// than the hold gives up, as far as the account covers it.
    ///
    /// # Errors
    /// As for [`Ledgers::transfer`]; [`LedgerError::NotOpen`] without such a hold; [`LedgerError::BadChain`] for a hold of several legs, a
    /// leg that leaves another account, or more kept than is held.
    pub fn draw(&mut self, id: HoldId, keep: MinorUnits, legs: &[Leg]) -> Result<(), LedgerError> {
        let hold = *self.hold(id)?;
        let [held] = hold.legs() else { return Err(LedgerError::BadChain) };
        if keep > held.amount || legs.iter().any(|leg| leg.debit != held.debit) {
            return Err(LedgerError::BadChain);
        }
        // What is kept is a part of what was held, so that there is room for it, and for the whole again if a leg fails.
        self.hold_less(held, MinorUnits(held.amount.0 - keep.0));
        if let Err(error) = self.transfer(legs) {
            self.hold_more(held, MinorUnits(held.amount.0 - keep.0));
            return Err(error);
        }
        if keep.is_zero() {
            self.resolve(id)?;
        } else {
            self.holds[id.slot as usize].legs[0].amount = keep;
        }
        Ok(())
    }

    fn hold_less(&mut self, leg: &Leg, amount: MinorUnits) {
        self.accounts[leg.debit.0 as usize].debits_held -= amount.0;
        self.accounts[leg.credit.0 as usize].credits_held -= amount.0;
        self.touch(leg.debit);
        self.touch(leg.credit);
    }

    fn hold_more(&mut self, leg: &Leg, amount: MinorUnits) {
        self.accounts[leg.debit.0 as usize].debits_held += amount.0;
        self.accounts[leg.credit.0 as usize].credits_held += amount.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccountId, Floor, LedgerId, laws};

    /// Account 0 is the mirror; 1 pays, 2 is paid, 3 takes fees.
    fn ledgers(fund: u64) -> Ledgers {
        let mut ledgers = Ledgers::default();
        ledgers.open(LedgerId(0), Floor::None).unwrap();
        for _ in 1..4 {
            ledgers.open(LedgerId(0), Floor::Zero).unwrap();
        }
        ledgers.transfer(&[leg(0, 1, fund)]).unwrap();
        ledgers
    }

    fn leg(debit: u32, credit: u32, amount: u64) -> Leg {
        Leg { debit: AccountId(debit), credit: AccountId(credit), amount: MinorUnits(amount) }
    }

    /// Posted and held of the payer, posted and expected of the payee.
    fn shows(ledgers: &Ledgers) -> [i128; 4] {
        let row = |at| ledgers.account(AccountId(at)).unwrap();
        let (payer, payee) = (row(1), row(2));
        [payer.posted(), payer.debits_held().0.into(), payee.posted(), payee.credits_held().0.into()]
    }

    #[test]
    fn an_accountant_can_follow_a_hold_that_is_drawn_on() {
        let mut ledgers = ledgers(100);
        let hold = ledgers.place(&[leg(1, 2, 80)]).unwrap();
        for (keep, legs, expected) in [
            (50, vec![leg(1, 2, 30)], [70, 50, 30, 50]),
            (20, vec![leg(1, 2, 19), leg(1, 3, 1)], [50, 20, 49, 20]),
            // 15 more than the hold gives up, out of the 30 that are free.
            (10, vec![leg(1, 2, 25)], [25, 10, 74, 10]),
        ] {
            ledgers.draw(hold, MinorUnits(keep), &legs).unwrap();
            assert_eq!(shows(&ledgers), expected, "{legs:?}");
            assert_eq!(laws::check_all(&ledgers), []);
            assert_eq!(ledgers.holds_open(), 1);
        }
        ledgers.draw(hold, MinorUnits(0), &[leg(1, 2, 4)]).unwrap();
        assert_eq!(shows(&ledgers), [21, 0, 78, 0]);
        assert_eq!(ledgers.holds_open(), 0);
        assert_eq!(ledgers.draw(hold, MinorUnits(0), &[leg(1, 2, 1)]), Err(LedgerError::NotOpen));
        assert_eq!(laws::check_all(&ledgers), []);
    }

    #[test]
    fn all_legs_or_none_and_the_hold_stays_as_it_was() {
        let mut ledgers = ledgers(100);
        let hold = ledgers.place(&[leg(1, 2, 80)]).unwrap();
        let account = AccountId(1);
        for (keep, legs, error) in [
            // 60 kept and 41 drawn: one more than there is.
            (60, vec![leg(1, 2, 40), leg(1, 3, 1)], LedgerError::Insufficient { account, leg: 1 }),
            (81, vec![leg(1, 2, 1)], LedgerError::BadChain),
            (80, vec![leg(3, 2, 1)], LedgerError::BadChain),
            (80, vec![leg(1, 2, 0)], LedgerError::BadChain),
            (80, vec![], LedgerError::BadChain),
            (0, vec![leg(1, 9, 1)], LedgerError::UnknownAccount(AccountId(9))),
        ] {
            assert_eq!(ledgers.draw(hold, MinorUnits(keep), &legs), Err(error), "{legs:?}");
            assert_eq!(shows(&ledgers), [100, 80, 0, 80]);
            assert_eq!(laws::check_all(&ledgers), []);
        }
        let two = ledgers.place(&[leg(1, 2, 1), leg(1, 3, 1)]).unwrap();
        assert_eq!(ledgers.draw(two, MinorUnits(0), &[leg(1, 2, 1)]), Err(LedgerError::BadChain));
        ledgers.void(hold).unwrap();
        assert_eq!(shows(&ledgers), [100, 2, 0, 1]);
    }

    proptest::proptest! {
        /// Against four plain numbers: what is drawn and kept is never more than there is, and nothing is lost.
        #[test]
        fn draws_agree_with_a_plain_account(fund in 1u64..1000, held in 1u64..1000, draws in proptest::collection::vec((0u64..400, 0u64..400), 0..8)) {
            let mut ledgers = ledgers(fund);
            let (mut posted, mut kept) = (fund, held);
            let Ok(hold) = ledgers.place(&[leg(1, 2, held)]) else {
                proptest::prop_assert!(held > fund);
                return Ok(());
            };
            for (drawn, keep) in draws {
                let fits = kept > 0 && keep <= kept && drawn > 0 && drawn + keep <= posted;
                let result = ledgers.draw(hold, MinorUnits(keep), &[leg(1, 2, drawn)]);
                proptest::prop_assert_eq!(result.is_ok(), fits, "{:?}", result);
                if fits {
                    (posted, kept) = (posted - drawn, keep);
                }
                proptest::prop_assert_eq!(shows(&ledgers), [posted.into(), kept.into(), (fund - posted).into(), kept.into()]);
                proptest::prop_assert!(laws::check_all(&ledgers).is_empty());
            }
        }
    }
}
