//! Who wanted it: each operator checks for itself that a command is what its sender signed.

use clearing::{Bic, Clearing, Command, EventKind, Officer, ParticipantId, ParticipantView, PublicKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// Checks commands against the signed messages behind them. The gateway has the real one: it knows messages.
pub trait Authorise: Send + Sync + 'static {
    /// Whether this command may only be voted for with the signed message in hand.
    fn needs_message(&self, command: &Command) -> bool;

    /// Whether `message` says what `command` asks, signed by who may ask it.
    ///
    /// # Errors
    /// Why not, in a few words for the log.
    fn authorise(&self, command: &Command, message: Option<&[u8]>, known: &Known) -> Result<(), Unauthorised>;

    /// Whether `message` is the one behind a command that is final already. By what it says, not by its signature: a quorum
    /// has checked that, and its sender may have another key by now.
    fn belongs(&self, command: &Command, message: &[u8]) -> bool;
}

/// A command that nobody proved to have asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unauthorised(pub &'static str);

/// Takes everything at its word. For measuring the engine alone, and for nothing else.
#[derive(Debug, Clone, Copy)]
pub struct TakeAtItsWord;

impl Authorise for TakeAtItsWord {
    fn needs_message(&self, _: &Command) -> bool {
        false
    }

    fn authorise(&self, _: &Command, _: Option<&[u8]>, _: &Known) -> Result<(), Unauthorised> {
        Ok(())
    }

    fn belongs(&self, _: &Command, _: &[u8]) -> bool {
        true
    }
}

/// Participants as the chain knows them: who may sign, and with which key.
#[derive(Debug, Clone, Default)]
pub struct Known(Arc<RwLock<Participants>>);

#[derive(Debug, Default)]
struct Participants {
    by_id: BTreeMap<ParticipantId, ParticipantView>,
    by_bic: BTreeMap<Bic, ParticipantId>,
    officers: BTreeSet<PublicKey>,
}

impl Known {
    /// Takes over everybody a state knows.
    pub fn load(&self, clearing: &Clearing) {
        clearing.participants().for_each(|view| self.put(view));
        self.appoint(clearing.officers());
    }

    fn appoint(&self, officers: &[Officer]) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.officers = officers.iter().map(|officer| officer.key).collect();
    }

    /// Whether this is an officer's key.
    pub fn is_officer(&self, key: &PublicKey) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).officers.contains(key)
    }

    fn put(&self, view: ParticipantView) {
        let mut inner = self.0.write().unwrap_or_else(PoisonError::into_inner);
        inner.by_bic.insert(view.bic, view.id);
        inner.by_id.insert(view.id, view);
    }

    /// A participant by its index.
    pub fn by_id(&self, id: ParticipantId) -> Option<ParticipantView> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).by_id.get(&id).cloned()
    }

    /// A participant by its BIC.
    pub fn by_bic(&self, bic: Bic) -> Option<ParticipantView> {
        let inner = self.0.read().unwrap_or_else(PoisonError::into_inner);
        inner.by_id.get(inner.by_bic.get(&bic)?).cloned()
    }

    /// Takes over what a block changed.
    pub(crate) fn note<'a>(&self, events: impl IntoIterator<Item = &'a EventKind>) {
        for event in events {
            match event {
                EventKind::ParticipantRegistered { .. } | EventKind::StatusChanged { .. } | EventKind::Arranged(_) => {
                    if let Some(view) = ParticipantView::after(event, |id| self.by_id(id)) {
                        self.put(view);
                    }
                }
                EventKind::OfficersAppointed(officers) => self.appoint(officers),
                EventKind::LedgerOpened(_)
                | EventKind::Funded { .. }
                | EventKind::Settlement(_)
                | EventKind::RatePublished { .. }
                | EventKind::QuoteIssued(_)
                | EventKind::PaymentHeld(_)
                | EventKind::PaymentSettled(_)
                | EventKind::PaymentRejected(_)
                | EventKind::PaymentCredited(_)
                | EventKind::OrderCarriedOut { .. }
                | EventKind::NodesSet(_)
                | EventKind::Letter(_)
                | EventKind::PaymentWaiting(_)
                | EventKind::PaymentReturned(_)
                | EventKind::Recall(_)
                | EventKind::RulebookSet(_)
                | EventKind::SchemeTermsSet(_)
                | EventKind::PaymentReviewed(_)
                | EventKind::Sponsorship(_)
                | EventKind::Day(_)
                | EventKind::Matter(_) => {}
            }
        }
    }
}
