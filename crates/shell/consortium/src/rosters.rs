//! Rosters: which validators vote in which epoch, and with which keys.

use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::types::Epoch;
use commonware_cryptography::certificate::{Provider, Scoped};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_utils::ordered::Set;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Validators of one epoch, in the order of their keys: the order certificates count them in.
pub type Roster = Set<PublicKey>;

/// Validators, and what verifies or signs for them.
type Voters = (Roster, Arc<Scheme>);

/// The rosters known so far, and our own key if we vote.
#[derive(Clone, Debug)]
pub struct Rosters {
    namespace: Arc<[u8]>,
    key: Option<PrivateKey>,
    known: Arc<Mutex<BTreeMap<u64, Voters>>>,
}

impl Rosters {
    /// No roster yet. The namespace separates this chain's votes from every other's. Without a key we only verify.
    pub fn new(namespace: &[u8], key: Option<PrivateKey>) -> Self {
        Self { namespace: namespace.into(), key, known: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Voters>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The validators from `epoch` on, until a later entry says otherwise.
    pub fn set_from(&self, epoch: u64, roster: Roster) {
        let signer = self.key.clone().and_then(|key| Scheme::signer(&self.namespace, roster.clone(), key));
        let scheme = signer.unwrap_or_else(|| Scheme::verifier(&self.namespace, roster.clone()));
        self.lock().insert(epoch, (roster, Arc::new(scheme)));
    }

    /// The validators of an epoch.
    pub fn at(&self, epoch: u64) -> Option<Roster> {
        self.lock().range(..=epoch).next_back().map(|(_, (roster, _))| roster.clone())
    }

    /// What verifies, and for a validator signs, in an epoch.
    pub fn scheme_at(&self, epoch: u64) -> Option<Arc<Scheme>> {
        self.lock().range(..=epoch).next_back().map(|(_, (_, scheme))| scheme.clone())
    }
}

impl Provider for Rosters {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.scheme_at(epoch.get()).map(Scoped::scheme)
    }
}
