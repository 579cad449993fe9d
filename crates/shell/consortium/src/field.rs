//! A field: the nodes of several operators in one process, over a simulated network and in simulated time. For simulators.
//!
//! Each node is what [`Consortium::open`] runs, over the same files and with the same interface, but for its runtime, its
//! network, and the threads that make files ahead. Clock and disk of its engine are its [`Host`]'s.

use crate::authorise::{Authorise, Known};
use crate::ear::{Ear, Ears, Heard};
use crate::engine::{self, Network, Parts, message_bytes_max};
use crate::evidence::Witness;
use crate::host::{Host, Hosted};
use crate::liar::{Carries, Mouth, Speaker, Tongue};
use crate::node::{Beginning, Consortium, Opened, StartError, Started, noting};
use crate::oath::Oath;
use crate::pool::Pool;
use crate::rosters::{Assembly, Roster, Rosters, key_bytes};
use crate::settings::Settings;
use clearing::IndexSeed;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_p2p::simulated::{self, Link, Oracle};
use commonware_p2p::{Manager as _, simulated::Network as SimulatedNetwork};
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Handle, Quota, Spawner as _, Supervisor as _};
use commonware_utils::{NZU32, NZUsize, Probability};
use ordering::{Disk, Follower, JournalConfig, Making, OpenError, Recovered, Sink};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Messages a second of one peer on one channel: more than any run sends.
const QUOTA: Quota = Quota::per_second(NZU32!(100_000));

/// How one direction between two operators is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weather {
    /// Usual time of a message.
    pub latency: Duration,
    /// By how much it varies.
    pub jitter: Duration,
    /// Messages lost, of a thousand.
    pub loss_permille: u16,
}

/// What a node is opened with.
pub struct Seat<A> {
    /// Where the chain's files are.
    pub disk: Arc<dyn Disk>,
    /// How they are kept.
    pub journal: JournalConfig,
    /// For the state's tables.
    pub seed: IndexSeed,
    /// Checks commands.
    pub authorise: Arc<A>,
    /// Takes evidence.
    pub witness: Arc<dyn Witness>,
    /// What the chain begins with.
    pub beginning: Beginning,
    /// Most commands that wait for a block.
    pub pool_commands_max: usize,
    /// Through what a dishonest operator speaks.
    pub mouth: Option<Mouth>,
    /// The machine under its engine.
    pub host: Arc<dyn Host>,
    /// What it may vote in.
    pub oath: Oath,
}

fn secrets(operators: usize) -> Vec<PrivateKey> {
    let mut keys: Vec<_> = (0..operators as u64).map(PrivateKey::from_seed).collect();
    keys.sort_by_key(|key| key.public_key());
    keys
}

/// See the module.
pub struct Field {
    context: Context,
    oracle: Oracle<PublicKey, Context>,
    keys: Vec<PrivateKey>,
    voters: usize,
    settings: Settings,
    nodes: BTreeMap<usize, Handle<()>>,
    starts: u64,
    ears: Ears,
}

impl Field {
    /// A field of so many operators, with nobody on it yet and no links. The first `voters` are validators from the first epoch
    /// on, the others follow.
    pub fn new(context: &Context, settings: Settings, operators: usize, voters: usize, ears: Ears) -> Self {
        let keys = secrets(operators);
        let config = simulated::Config {
            max_size: message_bytes_max(),
            max_peers_per_set: NZUsize!(engine::PEERS_MAX as usize),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) = SimulatedNetwork::new(context.child("network"), config);
        network.start();
        let _ = oracle.manager().track(0, Roster::from_iter_dedup(keys.iter().map(PrivateKey::public_key)));
        Self { context: context.child("field"), oracle, keys, voters, settings, nodes: BTreeMap::new(), starts: 0, ears }
    }

    /// Public keys of so many operators, in the order of their numbers.
    pub fn keys(operators: usize) -> Vec<[u8; 32]> {
        secrets(operators).iter().map(|key| key_bytes(&key.public_key())).collect()
    }

    /// Opens, changes or, with `None`, cuts the direction between two operators.
    pub async fn set_link(&self, from: usize, to: usize, weather: Option<Weather>) {
        let (from, to) = (self.keys[from].public_key(), self.keys[to].public_key());
        // An error says that there was no link, or that one has blocked the other: then there is to be none.
        let _ = self.oracle.remove_link(from.clone(), to.clone()).await;
        if let Some(Weather { latency, jitter, loss_permille }) = weather {
            let kept = 1000u64.saturating_sub(loss_permille.into());
            let success_rate = Probability::new(kept, 1000).expect("at most a thousand of a thousand");
            let _ = self.oracle.add_link(from, to, Link { latency, jitter, success_rate }).await;
        }
    }

    /// Starts an operator's node on what its disks hold.
    ///
    /// # Errors
    /// If its files do not allow it.
    pub async fn join<S: Sink, A: Authorise>(
        &mut self,
        operator: usize,
        seat: Seat<A>,
        rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
    ) -> Result<Consortium, StartError> {
        self.crash(operator);
        self.starts += 1;
        let context = self.context.child("operator").with_attribute("index", operator).with_attribute("start", self.starts);
        let Seat { disk, journal, seed, authorise, witness, beginning, pool_commands_max, mouth, host, oath } = seat;
        let follow = |known: &Known| Follower::open(disk.clone(), journal, seed, Making::Stepped, noting(known, rebuild));
        let Opened { known, follower, base, seen } = Opened::open(&*disk, &beginning, follow)?;
        let pool = Arc::new(Pool::new(pool_commands_max));
        let (vault, admission) = (follower.vault(), follower.admission());
        let me = self.keys[operator].public_key();
        let rosters = Rosters::new(&self.settings.namespace, Some(self.keys[operator].clone()), self.first());
        let parts = Parts {
            settings: Settings { partition: format!("operator-{operator}"), ..self.settings.clone() },
            me: me.clone(),
            rosters: rosters.clone(),
            peers: self.oracle.manager(),
            blocker: self.oracle.control(me.clone()),
            track: Box::new(|_, _| {}),
            authorise,
            known,
            pool: pool.clone(),
            witness,
            follower,
            seen,
            base,
            distort: mouth.as_ref().map(Mouth::distort),
            oath,
        };
        let channels = self.channels(operator, mouth).await?;
        let hosted = Hosted::new(context.child("node"), host);
        let running = engine::start(hosted, parts, channels, |keeper| keeper).await?;
        let started = Started {
            keeper: running.keeper.clone(),
            progress: running.progress.clone(),
            refusals: running.refusals.clone(),
            status: running.status.clone(),
            certificates: running.certificates.clone(),
            rosters,
            enquiries: running.enquiries.clone(),
        };
        let whole = context.spawn(move |_| async move {
            let _all = running;
            std::future::pending::<()>().await;
        });
        self.nodes.insert(operator, whole);
        Ok(Consortium::of(pool, admission, vault, started, None))
    }

    /// Ends an operator's node where it stands. What becomes of its files is for its host to say.
    pub fn crash(&mut self, operator: usize) {
        if let Some(node) = self.nodes.remove(&operator) {
            node.abort();
        }
    }

    fn first(&self) -> Assembly {
        let (voters, followers) = self.keys.split_at(self.voters);
        let roster = Roster::from_iter_dedup(voters.iter().map(PrivateKey::public_key));
        Assembly { roster, observers: followers.iter().map(PrivateKey::public_key).collect(), addresses: BTreeMap::new() }
    }

    async fn channels(&self, operator: usize, mouth: Option<Mouth>) -> Result<SimulatedChannels, StartError> {
        let key = &self.keys[operator];
        let control = self.oracle.control(key.public_key());
        let sign = || Scheme::signer(&self.settings.namespace, self.first().roster, key.clone());
        let tongue = match mouth {
            Some(mouth) => Some(Tongue { mouth, scheme: sign().ok_or(StartError::Engine)? }),
            None => None,
        };
        let ear = Ear { ears: self.ears.clone(), operator, life: self.starts };
        let register = async |channel, carries| {
            let (sender, receiver) = control.register(channel, QUOTA).await.map_err(|_| StartError::Engine)?;
            let ear = (carries == Carries::Votes).then(|| ear.clone());
            Ok::<_, StartError>((Speaker { sender, carries, tongue: tongue.clone(), ear: ear.clone() }, Heard { receiver, ear }))
        };
        Ok(Network {
            votes: register(0, Carries::Votes).await?,
            certificates: register(1, Carries::Certificates).await?,
            resolver: register(2, Carries::Other).await?,
            backfill: register(3, Carries::Blocks).await?,
            blocks: register(4, Carries::Blocks).await?,
            gossip: register(5, Carries::Other).await?,
            enquiries: register(6, Carries::Other).await?,
        })
    }

    /// Who has shut out whom for what it sent, by number.
    pub async fn shut_out(&self) -> Vec<(usize, usize)> {
        let number = |key: &PublicKey| self.keys.iter().position(|known| known.public_key() == *key);
        let pairs = self.oracle.blocked().await.unwrap_or_default();
        pairs.iter().filter_map(|(by, whom)| Some((number(by)?, number(whom)?))).collect()
    }
}

type SimulatedChannels = Network<Speaker<simulated::Sender<PublicKey, Context>>, Heard<simulated::Receiver<PublicKey>>>;
