//! Sponsorships as the last durable block left them, with positions summed here from payments: where the two differ, SPN-01 is
//! broken.

use clearing::{Clearing, ParticipantId, PaymentState, PaymentView, SponsorshipState, SponsorshipView};
use money::CurrencyCode;
use std::collections::BTreeMap;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Sponsored(BTreeMap<(ParticipantId, CurrencyCode), Kept>);

#[derive(Debug, Clone, Copy)]
struct Kept {
    /// As the centre told it.
    view: SponsorshipView,
    /// What payments brought since it was last told in an event.
    position: i128,
}

impl Sponsored {
    pub(crate) fn restore(clearing: &Clearing) -> Self {
        let mut all = Self::default();
        clearing.sponsorships().for_each(|view| all.told(&view));
        all
    }

    pub(crate) fn views(&self) -> impl Iterator<Item = &SponsorshipView> {
        self.0.values().map(|kept| &kept.view)
    }

    /// It began, was changed or squared, or is over: its position is said anew.
    pub(crate) fn told(&mut self, view: &SponsorshipView) {
        let key = (view.participant, view.currency.code);
        match view.state {
            SponsorshipState::Active | SponsorshipState::Ending => {
                self.0.insert(key, Kept { view: *view, position: view.position });
            }
            SponsorshipState::Ended => {
                self.0.remove(&key);
            }
        }
    }

    /// A payment or return ended.
    pub(crate) fn payment(&mut self, payment: &PaymentView) {
        if payment.state != PaymentState::Settled {
            return;
        }
        let paid = i128::from(payment.debit.minor.0) + i128::from(payment.charges.debtor.0);
        let sides = [
            (payment.sponsors.debtor, payment.debtor_agent, payment.debit.currency.code, -paid),
            (payment.sponsors.creditor, payment.creditor_agent, payment.credit.currency.code, i128::from(payment.credit.minor.0)),
        ];
        for (_, agent, code, change) in sides.into_iter().filter(|(sponsor, ..)| sponsor.is_some()) {
            if let Some(kept) = self.0.get_mut(&(agent, code)) {
                kept.position += change;
            }
        }
    }

    /// As it stands behind a block; one that is over was told so.
    pub(crate) fn stands(&mut self, view: &SponsorshipView) {
        match self.0.get_mut(&(view.participant, view.currency.code)) {
            Some(kept) if view.state != SponsorshipState::Ended => kept.view = *view,
            Some(_) | None => {}
        }
    }

    /// SPN-01: positions are what payments brought, and within their limits.
    pub(crate) fn hold(&self) -> bool {
        self.0.values().all(|kept| kept.position == kept.view.position && kept.view.room() >= 0)
    }
}
