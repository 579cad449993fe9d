//! Rosters: who votes and who follows in which epoch, with which keys, and where they are.
//!
//! The first ones stand in the chain file. Later ones are ordered by officers and are part of the state: a change made in
//! one epoch holds from the next on. Whoever has the last block of an epoch knows who votes in the next, and nobody needs to
//! know earlier: the certificates of an epoch whose roster is unknown are not believed.

use chain::Validators;
use clearing::{ChainNode, Clearing};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::types::Epoch;
use commonware_cryptography::certificate::{Provider, Scoped};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_utils::ordered::Set;
use core::num::NonZeroU64;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Validators of one epoch, in the order of their keys: the order certificates count them in.
pub type Roster = Set<PublicKey>;

/// Everybody of one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assembly {
    /// Who votes.
    pub roster: Roster,
    /// Who follows without a vote.
    pub observers: Vec<PublicKey>,
    /// Where they are.
    pub addresses: BTreeMap<PublicKey, SocketAddr>,
}

impl Assembly {
    /// Nodes as the chain has them. One whose key is no key is left out; one whose address cannot be read is not called.
    pub fn of(nodes: &[ChainNode]) -> Self {
        let (mut validators, mut observers, mut addresses) = (Vec::new(), Vec::new(), BTreeMap::new());
        for node in nodes {
            let Ok(key) = PublicKey::decode(Copying(&node.key)) else { continue };
            if let Ok(address) = node.address.parse() {
                addresses.insert(key.clone(), address);
            }
            if node.votes { validators.push(key) } else { observers.push(key) }
        }
        Self { roster: Roster::from_iter_dedup(validators), observers, addresses }
    }
}

/// How blocks are counted in epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// Height of the last block before the consortium.
    pub base_height: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: NonZeroU64,
}

impl Calendar {
    /// The epoch of a block above the base.
    pub fn epoch_of(&self, height: u64) -> u64 {
        height.saturating_sub(self.base_height) / self.epoch_blocks
    }

    /// Whether a block is its epoch's last.
    pub fn is_last(&self, height: u64) -> bool {
        self.epoch_of(height + 1) != self.epoch_of(height)
    }
}

/// The 32 bytes of a key.
pub(crate) fn key_bytes(key: &PublicKey) -> [u8; 32] {
    let bytes: &[u8] = key.as_ref();
    bytes.try_into().expect("an Ed25519 key has 32 bytes")
}

/// An epoch's nodes, and what verifies or signs for the validators among them.
type Office = (Arc<Assembly>, Arc<Scheme>);

/// The rosters known so far, and our own key.
#[derive(Clone, Debug)]
pub struct Rosters {
    namespace: Arc<[u8]>,
    key: Option<PrivateKey>,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// By the epoch from which they hold.
    from: BTreeMap<u64, Office>,
    /// The last epoch whose roster is certain.
    through: u64,
}

impl Known {
    fn at(&self, epoch: u64) -> Option<&Office> {
        if epoch > self.through { None } else { self.from.range(..=epoch).next_back().map(|(_, office)| office) }
    }
}

impl Rosters {
    /// With the validators of the first epoch. The namespace separates this chain's votes from every other's. Without a key,
    /// or in an epoch whose roster does not have it, we only verify.
    pub fn new(namespace: &[u8], key: Option<PrivateKey>, first: Assembly) -> Self {
        let rosters = Self { namespace: namespace.into(), key, known: Arc::default() };
        let office = rosters.office(first);
        rosters.lock().from.insert(0, office);
        rosters
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of the chain as text; what is no text in it is replaced, and then no signature verifies.
    pub fn namespace(&self) -> String {
        String::from_utf8_lossy(&self.namespace).into_owned()
    }

    fn office(&self, assembly: Assembly) -> Office {
        let roster = assembly.roster.clone();
        let signer = self.key.clone().and_then(|key| Scheme::signer(&self.namespace, roster.clone(), key));
        let scheme = signer.unwrap_or_else(|| Scheme::verifier(&self.namespace, roster));
        (Arc::new(assembly), Arc::new(scheme))
    }

    /// Takes over every change in the state; the block of this height and all before it are final.
    pub fn learn(&self, clearing: &Clearing, height: u64, calendar: Calendar) {
        for (changed, set) in clearing.node_changes().filter(|(changed, _)| *changed > calendar.base_height) {
            let assembly = Assembly::of(&set.nodes);
            if assembly.roster.is_empty() {
                tracing::error!(version = set.version, "no key of the ordered validators can be read; the old ones stay");
                continue;
            }
            let office = self.office(assembly);
            self.lock().from.insert(calendar.epoch_of(changed) + 1, office);
        }
        let mut known = self.lock();
        known.through = known.through.max(calendar.epoch_of(height + 1));
    }

    /// The nodes of an epoch, if they are certain.
    pub fn at(&self, epoch: u64) -> Option<Arc<Assembly>> {
        self.lock().at(epoch).map(|(assembly, _)| assembly.clone())
    }

    /// What verifies, and for a validator signs, in an epoch whose validators are certain.
    pub fn scheme_at(&self, epoch: u64) -> Option<Arc<Scheme>> {
        self.lock().at(epoch).map(|(_, scheme)| scheme.clone())
    }

    /// What only verifies in an epoch.
    pub fn verifier_at(&self, epoch: u64) -> Option<Scheme> {
        Some(Scheme::verifier(&self.namespace, self.at(epoch)?.roster.clone()))
    }

    /// The validators of every epoch so far, for who checks certificates without us.
    pub fn validators(&self) -> Validators {
        let known = self.lock();
        let mut validators = Validators::new(&String::from_utf8_lossy(&self.namespace), []);
        for (epoch, (assembly, _)) in known.from.range(..=known.through) {
            validators.set_from(*epoch, assembly.roster.iter().map(key_bytes));
        }
        validators
    }
}

impl Provider for Rosters {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.scheme_at(epoch.get()).map(Scoped::scheme)
    }
}
