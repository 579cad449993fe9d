//! PRE-01: what is captured never exceeds what was reserved, and the hold is exactly what is left; judged apart from the code that
//! keeps it.

use crate::laws::LawBroken;
use crate::{Clearing, EventKind, MatterView, PaymentState, PreauthState, PreauthView, Uetr};
use std::collections::BTreeMap;

fn broken<T>(detail: String) -> Result<T, LawBroken> {
    Err(LawBroken { law: "PRE-01", detail })
}

impl Clearing {
    pub(crate) fn check_preauths(&self) -> Result<(), LawBroken> {
        let on_record = self.captured_on_record()?;
        let mut reserved = 0;
        for matter in self.matters() {
            let MatterView::Preauth(preauth) = matter else { continue };
            reserved += usize::from(preauth.state == PreauthState::Reserved);
            self.check_hold(&preauth)?;
            let (sum, count) = on_record.get(&preauth.uetr).copied().unwrap_or_default();
            if sum > u128::from(preauth.captured.0) || count > u64::from(preauth.captures) {
                return broken(format!("of {} {sum} were captured in {count}, which it does not say", preauth.uetr));
            }
            if preauth.captured > preauth.amount.minor || preauth.captures > preauth.captures_max {
                return broken(format!("of {} {:?} were captured in {}", preauth.uetr, preauth.captured, preauth.captures));
            }
        }
        if reserved != self.reservations() {
            return broken(format!("{} holds are of {reserved} pre-authorisations", self.reservations()));
        }
        Ok(())
    }

    /// What payments on record were captured of each.
    fn captured_on_record(&self) -> Result<BTreeMap<Uetr, (u128, u64)>, LawBroken> {
        let mut sums: BTreeMap<Uetr, (u128, u64)> = BTreeMap::new();
        for (index, uetr) in &self.matters.captures {
            let Some(row) = self.payments.get(*index) else {
                return broken(format!("capture {} of {uetr} is not on record", index.0));
            };
            let (payment, debit) = (self.view(*index), u128::from(row.debit.0));
            let agents = self.matter(*uetr).map(|matter| matter.agents());
            let is_theirs = agents.is_none_or(|agents| agents == [payment.creditor_agent, payment.debtor_agent]);
            if payment.state != PaymentState::Settled || !is_theirs {
                return broken(format!("payment {} is no capture of {uetr}", payment.uetr));
            }
            let sum = sums.entry(*uetr).or_default();
            *sum = (sum.0 + debit, sum.1 + 1);
        }
        Ok(sums)
    }

    /// One that is reserved has a hold of what is left and the room for charges, from the debtor agent's account to the creditor
    /// agent's; no other has any.
    fn check_hold(&self, preauth: &PreauthView) -> Result<(), LawBroken> {
        let held = self.hold_of(preauth.uetr);
        if preauth.state != PreauthState::Reserved {
            return match held {
                None => Ok(()),
                Some(held) => broken(format!("{} is {:?} and holds {held:?}", preauth.uetr, preauth.state)),
            };
        }
        let account = |agent: crate::ParticipantId| {
            let ledger = self.ledger_of(preauth.amount.currency.code)?;
            self.participants[agent.0 as usize].settlement(ledger)
        };
        let expected = account(preauth.debtor_agent).zip(account(preauth.creditor_agent));
        let expected = expected.map(|(debit, credit)| (debit, credit, preauth.held()));
        if held.is_some() && held == expected {
            return Ok(());
        }
        broken(format!("{} holds {held:?}, should hold {expected:?}", preauth.uetr))
    }
}

/// The same over events, from nothing but what was told.
pub(crate) fn pre_01_told<'a>(events: impl Iterator<Item = &'a EventKind>) -> Result<(), LawBroken> {
    let mut captured: BTreeMap<Uetr, u128> = BTreeMap::new();
    let mut last: BTreeMap<Uetr, PreauthView> = BTreeMap::new();
    for event in events {
        match event {
            EventKind::PaymentSettled(payment) => {
                let Some(uetr) = payment.captured_from else { continue };
                let sum = captured.entry(uetr).or_default();
                *sum += u128::from(payment.debit.minor.0);
                let Some(preauth) = last.get(&uetr) else { continue };
                if preauth.state != PreauthState::Reserved {
                    return broken(format!("{} was captured from {uetr}, which was {:?}", payment.uetr, preauth.state));
                }
                if *sum > u128::from(preauth.amount.minor.0) {
                    return broken(format!("{} takes what is captured of {uetr} to {sum}", payment.uetr));
                }
            }
            EventKind::Matter(MatterView::Preauth(preauth)) => {
                let sum = captured.get(&preauth.uetr).copied().unwrap_or(0);
                if sum > u128::from(preauth.captured.0) {
                    return broken(format!("{} says {:?} captured, {sum} were", preauth.uetr, preauth.captured));
                }
                last.insert(preauth.uetr, *preauth);
            }
            EventKind::Matter(MatterView::Request(_) | MatterView::Mandate(_) | MatterView::Collection(_)) => {}
            EventKind::Day(_)
            | EventKind::LedgerOpened(_)
            | EventKind::ParticipantRegistered { .. }
            | EventKind::StatusChanged { .. }
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_)
            | EventKind::PaymentHeld(_)
            | EventKind::PaymentRejected(_)
            | EventKind::PaymentCredited(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::PaymentWaiting(_)
            | EventKind::RulebookSet(_)
            | EventKind::Arranged(_)
            | EventKind::Settlement(_)
            | EventKind::Letter(_)
            | EventKind::PaymentReturned(_)
            | EventKind::Recall(_)
            | EventKind::SchemeTermsSet(_)
            | EventKind::PaymentReviewed(_)
            | EventKind::Sponsorship(_) => {}
        }
    }
    Ok(())
}
