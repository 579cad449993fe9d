//! Matters between two agents, with where the messages lie that opened them, and what inboxes have of them.

use clearing::{Clearing, MatterTold, MatterView, ParticipantId, Position, Uetr};
use ordering::VaultPlace;
use std::collections::BTreeMap;

/// All that the centre keeps.
#[derive(Debug, Default)]
pub(crate) struct Matters {
    by_uetr: BTreeMap<Uetr, (MatterView, VaultPlace)>,
    told: BTreeMap<(ParticipantId, Position), (Uetr, MatterTold)>,
}

impl Matters {
    pub(crate) fn restore(clearing: &Clearing, places: &[(Uetr, VaultPlace)]) -> Self {
        let mut matters = Self::default();
        clearing.matters().for_each(|view| matters.enter(view));
        places.iter().for_each(|(uetr, place)| matters.note_place(*uetr, *place));
        matters
    }

    /// Enters one, or as it stands now.
    pub(crate) fn enter(&mut self, view: MatterView) {
        let uetr = view.uetr();
        let place = self.by_uetr.get(&uetr).map(|(_, place)| *place).unwrap_or_default();
        if let Some((before, _)) = self.by_uetr.insert(uetr, (view, place)) {
            self.untell(&before);
        }
        self.told.extend(view.told().into_iter().map(|told| ((told.reader, told.position), (uetr, told))));
    }

    pub(crate) fn note_place(&mut self, uetr: Uetr, place: VaultPlace) {
        if let Some(known) = self.by_uetr.get_mut(&uetr) {
            known.1 = place;
        }
    }

    pub(crate) fn forget(&mut self, uetr: Uetr) {
        if let Some((view, _)) = self.by_uetr.remove(&uetr) {
            self.untell(&view);
        }
    }

    fn untell(&mut self, view: &MatterView) {
        for told in view.told() {
            self.told.remove(&(told.reader, told.position));
        }
    }

    pub(crate) fn view(&self, uetr: Uetr) -> Option<MatterView> {
        self.by_uetr.get(&uetr).map(|(view, _)| *view)
    }

    pub(crate) fn place(&self, uetr: Uetr) -> Option<VaultPlace> {
        self.by_uetr.get(&uetr).map(|(_, place)| *place)
    }

    /// Those of a participant, by UETR from `from` on.
    pub(crate) fn of(&self, participant: ParticipantId, from: Uetr, limit: usize) -> Vec<MatterView> {
        let own = self.by_uetr.range(from..).map(|(_, (view, _))| *view).filter(|view| view.agents().contains(&participant));
        own.take(limit).collect()
    }

    /// What a reader has to be told behind a position, oldest first.
    pub(crate) fn inbox(&self, reader: ParticipantId, after: Position, limit: usize) -> Vec<(MatterTold, MatterView)> {
        let behind = (reader, Position(after.0.saturating_add(1)))..=(reader, Position(u64::MAX));
        let told = self.told.range(behind).take(limit);
        told.map(|(_, (uetr, told))| (*told, self.by_uetr[uetr].0)).collect()
    }
}
