//! MDT-01: what is collected in a period never exceeds the caps of the mandate, judged apart from the code that keeps it.

use crate::laws::LawBroken;
use crate::{
    Clearing, CollectionState, CollectionView, EventKind, MandateState, MandateTerms, MandateView, MatterView, PaymentState,
    PeriodKey, Uetr,
};
use std::collections::BTreeMap;

/// Amount and number of collections.
type Sum = (u128, u64);

fn broken<T>(detail: String) -> Result<T, LawBroken> {
    Err(LawBroken { law: "MDT-01", detail })
}

impl Clearing {
    pub(crate) fn check_mandates(&self) -> Result<(), LawBroken> {
        let mut sums: BTreeMap<(Uetr, PeriodKey), Sum> = BTreeMap::new();
        for matter in self.matters() {
            let MatterView::Collection(collection) = matter else { continue };
            self.check_collection_paid(&collection)?;
            if collection.state.counts() {
                let sum = sums.entry((collection.mandate, collection.counted)).or_default();
                *sum = (sum.0 + u128::from(collection.amount.minor.0), sum.1 + 1);
            }
        }
        for matter in self.matters() {
            let MatterView::Mandate(mandate) = matter else { continue };
            check_mandate(&mandate, sums.get(&(mandate.uetr, mandate.used.key)).copied().unwrap_or_default())?;
        }
        Ok(())
    }

    /// One that is being paid has one open payment, and no other has any; one that was paid was paid in full.
    fn check_collection_paid(&self, collection: &CollectionView) -> Result<(), LawBroken> {
        let uetr = collection.uetr;
        let (is_paying, is_paid) = (collection.state == CollectionState::Paying, collection.state == CollectionState::Paid);
        let open = self.payments_on(uetr).count();
        if open != usize::from(is_paying) {
            return broken(format!("collection {uetr} is {:?} with {open} payments under way", collection.state));
        }
        if collection.settlement.is_some() != (is_paying || is_paid) {
            return broken(format!("collection {uetr} names a payment and is not paid, or the other way round"));
        }
        let Some(settlement) = collection.settlement else { return Ok(()) };
        if settlement.credit != collection.amount {
            return broken(format!("collection {uetr} was paid {:?} for {:?}", settlement.credit, collection.amount));
        }
        let expected = if is_paid { PaymentState::Settled } else { PaymentState::Held };
        match self.payment(settlement.payment) {
            Some(payment) if payment.state != expected => {
                broken(format!("collection {uetr} was paid by a payment that says otherwise"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// A mandate that has ended counts nothing any more: what came to nothing behind its end stays in its use.
fn check_mandate(mandate: &MandateView, kept: Sum) -> Result<(), LawBroken> {
    let (uetr, used) = (mandate.uetr, mandate.used);
    if !mandate.terms.cover(&used) {
        return broken(format!("mandate {uetr} has a use of {used:?}, its caps are {:?}", mandate.terms));
    }
    if kept.0 > u128::from(used.total.0) || kept.1 > u64::from(used.count) {
        return broken(format!("mandate {uetr} has a use of {used:?}, collections on record come to {kept:?}"));
    }
    if mandate.state == MandateState::Asked && used.count != 0 {
        return broken(format!("something was collected under mandate {uetr} before anybody agreed"));
    }
    Ok(())
}

/// The same over events, from nothing but what was told.
pub(crate) fn mdt_01_told<'a>(events: impl Iterator<Item = &'a EventKind>) -> Result<(), LawBroken> {
    let mut caps: BTreeMap<Uetr, MandateTerms> = BTreeMap::new();
    let mut counted: BTreeMap<Uetr, bool> = BTreeMap::new();
    let mut sums: BTreeMap<(Uetr, PeriodKey), Sum> = BTreeMap::new();
    for event in events {
        let EventKind::Matter(matter) = event else { continue };
        let collection = match matter {
            MatterView::Request(_) | MatterView::Preauth(_) => continue,
            MatterView::Mandate(mandate) => {
                caps.insert(mandate.uetr, mandate.terms);
                continue;
            }
            MatterView::Collection(collection) => collection,
        };
        let counts = collection.state.counts();
        let before = counted.insert(collection.uetr, counts);
        let sum = sums.entry((collection.mandate, collection.counted)).or_default();
        let amount = u128::from(collection.amount.minor.0);
        match (before.unwrap_or(false), counts) {
            (false, true) => *sum = (sum.0 + amount, sum.1 + 1),
            (true, false) => *sum = (sum.0 - amount, sum.1 - 1),
            (true, true) | (false, false) => {}
        }
        let Some(caps) = caps.get(&collection.mandate).filter(|_| before.is_none()) else { continue };
        if sum.0 > u128::from(caps.period_max.0) || sum.1 > u64::from(caps.count_max) {
            return broken(format!("collection {} takes mandate {} to {sum:?}", collection.uetr, collection.mandate));
        }
    }
    Ok(())
}
