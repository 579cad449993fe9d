//! Status: what this node knows of the consortium now, for whoever watches it.
//!
//! Nothing here decides anything. A validator counts as *heard* while a vote of its, or a certificate that it signed, is of one
//! of the last [`HEARD_VIEWS`] views that this node has seen: some seconds of a chain that works. On a chain that stands still
//! no views pass, and everybody who was heard last stays heard.

use crate::rosters::key_bytes;
use commonware_cryptography::ed25519::PublicKey;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Views for which a validator counts as heard; twice round with 64 validators.
pub const HEARD_VIEWS: u64 = 128;

/// What a node does in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// It votes.
    Votes,
    /// It is a validator, and follows without a vote because it may have lost what it voted before.
    Silent,
    /// It is no validator in this epoch.
    #[default]
    Follows,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Votes, Self::Silent, Self::Follows];

    /// Stable name, for metrics and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Silent => "silent",
            Self::Follows => "follows",
        }
    }
}

/// What a node knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// The epoch under way; 0 before the first has begun here.
    pub epoch: u64,
    /// What this node does in it.
    pub role: Role,
    /// Its validators.
    pub validators: u64,
    /// Of them, those that were heard of in the last views, this node among them.
    pub heard: u64,
    /// Height of the last block whose certificate is kept here; 0: none since the start.
    pub certified_height: u64,
}

#[derive(Debug, Default)]
struct Inner {
    status: Status,
    /// The last view of the epoch in which each validator was heard of.
    voices: BTreeMap<[u8; 32], u64>,
    /// The newest view of all.
    view: u64,
}

/// Status, shared between those who know and whoever shows it.
#[derive(Debug, Clone, Default)]
pub struct SharedStatus(Arc<Mutex<Inner>>);

impl SharedStatus {
    /// As it stands.
    pub fn get(&self) -> Status {
        let inner = self.lock();
        let heard = inner.voices.values().filter(|&&view| view + HEARD_VIEWS > inner.view).count();
        Status { heard: heard as u64, ..inner.status }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An epoch begins: views are counted from one again.
    pub(crate) fn enter(&self, epoch: u64, validators: u64, role: Role) {
        let mut inner = self.lock();
        let certified_height = inner.status.certified_height;
        inner.status = Status { epoch, role, validators, heard: 0, certified_height };
        (inner.voices, inner.view) = (BTreeMap::new(), 0);
    }

    /// These validators have signed something in a view of an epoch. What is of another epoch is nobody's voice in this one.
    pub(crate) fn heard<'a>(&self, epoch: u64, view: u64, who: impl IntoIterator<Item = &'a PublicKey>) {
        let mut inner = self.lock();
        if inner.status.epoch != epoch {
            return;
        }
        inner.view = inner.view.max(view);
        for key in who {
            let last = inner.voices.entry(key_bytes(key)).or_default();
            *last = view.max(*last);
        }
    }

    /// The block of this height has a certificate.
    pub(crate) fn certified(&self, height: u64) {
        let mut inner = self.lock();
        inner.status.certified_height = inner.status.certified_height.max(height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::Signer as _;
    use commonware_cryptography::ed25519::PrivateKey;

    #[test]
    fn who_is_silent_for_long_is_not_heard_any_more() {
        let keys: Vec<_> = (0..4).map(|seed| PrivateKey::from_seed(seed).public_key()).collect();
        let status = SharedStatus::default();
        status.enter(7, 4, Role::Votes);
        status.heard(7, 1, &keys);
        status.heard(6, 900, &keys[..1]);
        assert_eq!(status.get(), Status { epoch: 7, role: Role::Votes, validators: 4, heard: 4, certified_height: 0 });
        status.certified(30);
        status.certified(20);
        for (view, heard) in [(2, 4), (HEARD_VIEWS, 4), (HEARD_VIEWS + 1, 3), (3, 3)] {
            status.heard(7, view, &keys[..3]);
            assert_eq!(status.get().heard, heard, "view {view}");
        }
        status.enter(8, 3, Role::Silent);
        assert_eq!(status.get(), Status { epoch: 8, role: Role::Silent, validators: 3, heard: 0, certified_height: 30 });
    }
}
