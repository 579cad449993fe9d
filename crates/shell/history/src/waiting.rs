//! Payments that wait for their time, with where their messages lie until they have a number.

use clearing::{Clearing, Uetr, WaitingView};
use ordering::VaultPlace;
use std::collections::BTreeMap;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Waiting(BTreeMap<Uetr, (WaitingView, VaultPlace)>);

impl Waiting {
    pub(crate) fn restore(clearing: &Clearing, places: &[(Uetr, VaultPlace)]) -> Self {
        let mut waiting = Self::default();
        clearing.all_waiting().for_each(|view| waiting.enter(view));
        places.iter().for_each(|(uetr, place)| waiting.note_place(*uetr, *place));
        waiting
    }

    /// Enters a payment, or that it waits longer.
    pub(crate) fn enter(&mut self, view: WaitingView) {
        let place = self.place(view.uetr).unwrap_or_default();
        self.0.insert(view.uetr, (view, place));
    }

    pub(crate) fn note_place(&mut self, uetr: Uetr, place: VaultPlace) {
        if let Some(known) = self.0.get_mut(&uetr) {
            known.1 = place;
        }
    }

    /// A payment has been taken up: where its message lies, if it waited.
    pub(crate) fn leave(&mut self, uetr: Uetr) -> Option<VaultPlace> {
        if self.0.is_empty() {
            return None;
        }
        self.0.remove(&uetr).map(|(_, place)| place)
    }

    pub(crate) fn view(&self, uetr: Uetr) -> Option<WaitingView> {
        self.0.get(&uetr).map(|(view, _)| *view)
    }

    pub(crate) fn place(&self, uetr: Uetr) -> Option<VaultPlace> {
        self.0.get(&uetr).map(|(_, place)| *place)
    }
}
