//! An operator's node as a process runs it: real network, real files, the journal's interface.

use crate::app::Refusals;
use crate::authorise::{Authorise, Known};
use crate::bundle::BundleError;
use crate::certificates::Certificates;
use crate::command_id::CommandId;
use crate::engine::{self, Network, PEERS_MAX, Parts, message_bytes_max};
use crate::enquiries::Enquiries;
use crate::evidence::Witness;
use crate::keeper::{KeeperMailbox, Note, Noting, Progress, SharedProgress};
use crate::mark::MarkFiles;
use crate::oath::Oath;
use crate::pool::Pool;
use crate::rosters::{Assembly, Roster, Rosters, key_bytes};
use crate::seen::{SEEN_BLOCKS, Seen};
use crate::settings::Settings;
use crate::status::{SharedStatus, Status};
use chain::{BlockHeader, Hash};
use clearing::{Clearing, Command, IndexSeed, Time};
use commonware_codec::{Copying, DecodeExt as _};
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager as _, AddressableTrackedPeers};
use commonware_runtime::{Quota, Runner as _, Spawner as _, Supervisor as _, tokio as runtime};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::channel::oneshot;
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize};
use ordering::{
    Admission, Disk, FollowError, FollowedBlock, Follower, JournalConfig, Making, OpenError, OrderedLog, Recovered, Sink,
    StopReason, Submission, SubmitRefusal, VaultReader, encode_body, header_of, read_blocks,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Another operator, or ourselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its public Ed25519 key.
    pub key: [u8; 32],
    /// Where its node listens.
    pub address: SocketAddr,
    /// Whether it votes; an observer does not.
    pub votes: bool,
}

/// What everybody's chain begins with.
#[derive(Debug, Clone)]
pub enum Beginning {
    /// A new chain: this first block, made by every operator for itself, to the same bytes.
    Genesis {
        /// Its time.
        time: Time,
        /// Its commands.
        commands: Vec<Command>,
    },
    /// The chain of a single node up to and with this block, which every operator's folder holds.
    Block {
        /// Its height.
        height: u64,
        /// Its hash.
        hash: Hash,
    },
}

/// One operator's node.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// What operators agree on and what each may choose.
    pub settings: Settings,
    /// Our secret Ed25519 key: it signs votes and opens connections.
    pub key: [u8; 32],
    /// Where to listen for the others.
    pub listen: SocketAddr,
    /// Everybody, ourselves among them.
    pub peers: Vec<Peer>,
    /// Folder of the engine's own files: voting journal, archives.
    pub engine: PathBuf,
    /// File outside of it that counts starts, so that an older copy of the folder is noticed.
    pub starts: PathBuf,
    /// Threads of the engine.
    pub workers: usize,
    /// What the chain begins with.
    pub beginning: Beginning,
    /// Most commands that wait for a block.
    pub pool_commands_max: usize,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The chain's files.
    #[error("{0}")]
    Files(#[from] OpenError),
    /// The first block could not be written.
    #[error("first block: {0}")]
    First(#[from] FollowError),
    /// The folder holds another chain than the configuration says.
    #[error("the folder's chain does not begin with the configured block")]
    OtherChain,
    /// The configuration contradicts itself.
    #[error("consortium: {0}")]
    Config(&'static str),
    /// The mark in the engine's folder cannot be read or written.
    #[error("voting journals: {0}")]
    Mark(#[from] std::io::Error),
    /// The others could not reach it.
    #[error("listening for the other operators at {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine's own files.
    #[error("the engine's files: {0}")]
    Bundle(#[from] BundleError),
    /// The engine did not come up.
    #[error("the engine did not start")]
    Engine,
}

/// A node that runs: the consortium's [`OrderedLog`].
pub struct Consortium {
    pool: Arc<Pool>,
    admission: Admission,
    vault: VaultReader,
    progress: SharedProgress,
    refusals: Refusals,
    status: SharedStatus,
    certificates: Certificates,
    rosters: Rosters,
    enquiries: Enquiries,
    keeper: KeeperMailbox,
    thread: Mutex<Option<Thread>>,
}

/// The thread of a node's engine, and what ends it.
type Thread = (oneshot::Sender<()>, JoinHandle<()>);

fn now() -> Time {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Whether somebody else listens there. The engine finds out only when it runs, and then goes on deaf.
fn check_free(address: SocketAddr) -> Result<(), StartError> {
    std::net::TcpListener::bind(address).map(drop).map_err(|source| StartError::Listen { address, source })
}

/// Public key of a secret one.
pub fn public_key(secret: [u8; 32]) -> [u8; 32] {
    key_bytes(&private(secret).public_key())
}

fn private(secret: [u8; 32]) -> PrivateKey {
    PrivateKey::decode(Copying(&secret)).expect("any 32 bytes are a secret Ed25519 key")
}

fn public(key: [u8; 32]) -> Option<PublicKey> {
    PublicKey::decode(Copying(&key)).ok()
}

impl Consortium {
    /// Recovers what the folder holds, shows it to `rebuild`, which answers with the sink, and joins the others.
    ///
    /// # Errors
    /// If the files, the configuration or the engine do not allow it.
    pub fn open<S: Sink, A: Authorise>(
        disk: Arc<dyn Disk>,
        journal: JournalConfig,
        config: NodeConfig,
        seed: IndexSeed,
        authorise: Arc<A>,
        witness: Arc<dyn Witness>,
        rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
    ) -> Result<Self, StartError> {
        let members = Members::of(&config)?;
        check_free(config.listen)?;
        let files = MarkFiles { engine: config.engine.clone(), starts: config.starts.clone() };
        let oath = files.open(public_key(config.key), now())?;
        let follow = |known: &Known| Follower::open(disk.clone(), journal, seed, Making::Ahead, noting(known, rebuild));
        let Opened { known, follower, base, seen } = Opened::open(&*disk, &config.beginning, follow)?;
        let pool = Arc::new(Pool::new(config.pool_commands_max));
        let (vault, admission) = (follower.vault(), follower.admission());
        let plan = Plan { config, members, authorise, witness, known, pool: pool.clone(), base, seen, oath };
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("consortium".into());
        let thread = thread.spawn(move || run(plan, follower, stopped, &ready)).map_err(|_| StartError::Engine)?;
        let started = started.recv().map_err(|_| StartError::Engine)??;
        Ok(Self::of(pool, admission, vault, started, Some((stop, thread))))
    }

    /// A node that runs; on a thread of its own, unless somebody else runs it.
    pub(crate) fn of(
        pool: Arc<Pool>,
        admission: Admission,
        vault: VaultReader,
        started: Started,
        thread: Option<Thread>,
    ) -> Self {
        let Started { keeper, progress, refusals, status, certificates, rosters, enquiries } = started;
        let thread = Mutex::new(thread);
        Self { pool, admission, vault, progress, refusals, status, certificates, rosters, enquiries, keeper, thread }
    }

    /// Reads signed messages back.
    pub fn vault(&self) -> VaultReader {
        self.vault.clone()
    }

    /// How far the chain's files are.
    pub fn progress(&self) -> Progress {
        self.progress.get()
    }

    /// Tells the quorum behind the last blocks.
    pub fn certificates(&self) -> Certificates {
        self.certificates.clone()
    }

    /// The validators so far.
    pub fn rosters(&self) -> Rosters {
        self.rosters.clone()
    }

    /// Carries questions between our door and the other operators'.
    pub fn enquiries(&self) -> Enquiries {
        self.enquiries.clone()
    }

    /// What this node knows of the consortium now.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// How often we refused to vote, by reason.
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        self.refusals.get()
    }

    /// Stops voting, writes a snapshot and closes the files. What waits in the pool and is not final is in doubt: the other
    /// operators may have it. Further calls do nothing.
    pub fn close(&self) -> Result<(), StopReason> {
        let Some((stop, thread)) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        self.pool.stop();
        // A plain channel: a node that did not come up is closed where it is dropped, which may be within an async runtime.
        let (reply, closed) = std::sync::mpsc::channel();
        let told = self.keeper.notes.send(Note::Close(reply)).is_ok();
        let gone = || StopReason::DiskFailed("the keeper had stopped".to_owned());
        let closed = if told { closed.recv().map_err(|_| gone())? } else { Err(gone()) };
        drop(stop);
        let _ = thread.join();
        closed
    }
}

impl OrderedLog for Consortium {
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal> {
        self.submit_many(vec![submission])
    }

    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        submissions.iter().try_for_each(|submission| self.admission.check(submission))?;
        self.pool.submit(submissions)
    }

    fn waiting(&self) -> usize {
        self.pool.len()
    }
}

impl Drop for Consortium {
    fn drop(&mut self) {
        if let Err(why) = self.close() {
            tracing::warn!(%why, "the node was not closed cleanly");
        }
    }
}

/// Our key, and everybody of the first epoch.
struct Members {
    me: PrivateKey,
    first: Assembly,
}

impl Members {
    fn of(config: &NodeConfig) -> Result<Self, StartError> {
        let mut addresses = BTreeMap::new();
        let (mut validators, mut observers) = (Vec::new(), Vec::new());
        for peer in &config.peers {
            let key = public(peer.key).ok_or(StartError::Config("a peer's key is no Ed25519 key"))?;
            if addresses.insert(key.clone(), peer.address).is_some() {
                return Err(StartError::Config("two peers have the same key"));
            }
            if peer.votes { validators.push(key) } else { observers.push(key) }
        }
        if validators.is_empty() || addresses.len() > PEERS_MAX as usize {
            return Err(StartError::Config("there must be 1 to 64 peers, and one that votes"));
        }
        let first = Assembly { roster: Roster::from_iter_dedup(validators), observers, addresses };
        Ok(Self { me: private(config.key), first })
    }
}

/// Those of an epoch whose address is known.
fn reachable(assembly: &Assembly, keys: impl IntoIterator<Item = PublicKey>) -> Map<PublicKey, Address> {
    let known = keys.into_iter().filter_map(|key| {
        let address = *assembly.addresses.get(&key)?;
        Some((key, Address::from(address)))
    });
    Map::from_iter_dedup(known)
}

/// A node's files, open.
pub(crate) struct Opened<S> {
    pub(crate) known: Known,
    pub(crate) follower: Follower<Noting<S>>,
    /// The last block before the consortium.
    pub(crate) base: BlockHeader,
    pub(crate) seen: Seen,
}

impl<S: Sink> Opened<S> {
    /// Opens them by `follow` and finds the base.
    pub(crate) fn open(
        disk: &dyn Disk,
        beginning: &Beginning,
        follow: impl FnOnce(&Known) -> Result<Follower<Noting<S>>, OpenError>,
    ) -> Result<Self, StartError> {
        let known = Known::default();
        let mut follower = follow(&known)?;
        let base = begin(&mut follower, disk, beginning)?;
        let seen = recent(&follower, disk);
        Ok(Self { known, follower, base, seen })
    }
}

/// What is shown to `rebuild` is known from then on.
pub(crate) fn noting<S: Sink>(
    known: &Known,
    rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
) -> impl FnOnce(Recovered<'_>) -> Result<Noting<S>, OpenError> {
    let known = known.clone();
    move |recovered| {
        known.load(recovered.clearing);
        Ok(Noting { sink: rebuild(recovered)?, known })
    }
}

/// Makes the first block if there is none, and finds the base.
fn begin<S: Sink>(follower: &mut Follower<S>, disk: &dyn Disk, beginning: &Beginning) -> Result<BlockHeader, StartError> {
    let (height, hash) = match beginning {
        Beginning::Block { height, hash } => (*height, *hash),
        Beginning::Genesis { time, commands } => {
            let first = genesis(*time, commands.clone());
            let hash = first.header.hash();
            if follower.last().is_none() {
                follower.append(vec![first])?;
            }
            (1, hash)
        }
    };
    let mut base = None;
    read_blocks(disk, height, |header, _| {
        base = Some(header);
        false
    })
    .map_err(OpenError::from)?;
    base.filter(|base| base.height == height && base.hash() == hash).ok_or(StartError::OtherChain)
}

/// The first block of a new chain, the same bytes for everybody.
fn genesis(time: Time, commands: Vec<Command>) -> FollowedBlock {
    let body = encode_body(&commands);
    let applied = Clearing::new(IndexSeed(0)).apply_block(time, &commands);
    let header = header_of(Hash::default(), 1, time, &body, commands.len(), &applied);
    let tickets = vec![0; commands.len()];
    FollowedBlock { header, body, commands, tickets, further: Vec::new(), attachments: Vec::new() }
}

/// The commands of the last blocks on disk.
fn recent<S: Sink>(follower: &Follower<S>, disk: &dyn Disk) -> Seen {
    let mut seen = Seen::default();
    let from = follower.clearing().height().saturating_sub(SEEN_BLOCKS as u64).max(1);
    let read = read_blocks(disk, from, |header, commands| {
        seen.note_commands(header.time_ns, &commands, &CommandId::of_body(&commands));
        true
    });
    if let Err(error) = read {
        tracing::warn!(%error, "the last blocks could not be read again");
    }
    seen
}

/// Everything the engine's thread needs.
struct Plan<A> {
    config: NodeConfig,
    members: Members,
    authorise: Arc<A>,
    witness: Arc<dyn Witness>,
    known: Known,
    pool: Arc<Pool>,
    base: BlockHeader,
    seen: Seen,
    oath: Oath,
}

/// What the engine hands back when it runs.
pub(crate) struct Started {
    pub(crate) keeper: KeeperMailbox,
    pub(crate) progress: SharedProgress,
    pub(crate) refusals: Refusals,
    pub(crate) status: SharedStatus,
    pub(crate) certificates: Certificates,
    pub(crate) rosters: Rosters,
    pub(crate) enquiries: Enquiries,
}

/// Peers the network has room for at least.
const PEERS_ROOM: usize = 12;
/// Messages a second of one peer on one channel. Above it they wait or are dropped, which looks like latency; but the network
/// makes room at its start for this many of every peer in every set it tracks.
const QUOTA: Quota = Quota::per_second(NZU32!(2048));

/// Runs the engine until `stopped`.
fn run<S: Sink, A: Authorise>(
    plan: Plan<A>,
    follower: Follower<Noting<S>>,
    stopped: oneshot::Receiver<()>,
    ready: &std::sync::mpsc::Sender<Result<Started, BundleError>>,
) {
    let runtime = runtime::Config::new()
        .with_storage_directory(plan.config.engine.clone())
        .with_worker_threads(plan.config.workers.max(1))
        .with_tcp_nodelay(Some(true))
        .with_catch_panics(false);
    runtime::Runner::new(runtime).start(|context| async move {
        let Plan { config, members, authorise, witness, known, pool, base, seen, oath } = plan;
        let me = members.me.public_key();
        let room = room(members.first.addresses.len(), follower.clearing().nodes().len());
        let (mut network, oracle) = lookup::Network::new(context.child("network"), network_config(&config, &members, room));
        let channels = Network {
            votes: network.register(0, QUOTA),
            certificates: network.register(1, QUOTA),
            resolver: network.register(2, QUOTA),
            backfill: network.register(3, QUOTA),
            blocks: network.register(4, QUOTA),
            gossip: network.register(5, QUOTA),
            enquiries: network.register(6, QUOTA),
        };
        let rosters = Rosters::new(&config.settings.namespace, Some(members.me), members.first);
        let mut tracker = oracle.clone();
        let track = move |epoch: u64, assembly: &Assembly| {
            let everybody = assembly.roster.len() + assembly.observers.len();
            if everybody > room {
                tracing::error!(everybody, room, "more nodes than there is room for; a restart makes room");
            }
            let primary = reachable(assembly, assembly.roster.iter().take(room).cloned());
            let left = room.saturating_sub(primary.len());
            let secondary = reachable(assembly, assembly.observers.iter().take(left).cloned());
            let _ = tracker.track(epoch, AddressableTrackedPeers::new(primary, secondary));
        };
        let parts = Parts {
            settings: config.settings,
            me,
            rosters: rosters.clone(),
            peers: oracle.clone(),
            blocker: oracle,
            track: Box::new(track),
            authorise,
            known,
            pool,
            witness,
            follower,
            seen,
            base,
            distort: None,
            oath,
        };
        let running = match engine::start(context.child("node"), parts, channels, |keeper| keeper).await {
            Ok(running) => running,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let networking = network.start();
        let started = Started {
            keeper: running.keeper.clone(),
            progress: running.progress.clone(),
            refusals: running.refusals.clone(),
            status: running.status.clone(),
            certificates: running.certificates.clone(),
            rosters,
            enquiries: running.enquiries.clone(),
        };
        let _ = ready.send(Ok(started));
        // Dropped or sent: both mean the end. So does the end of any task, which none has without a fault.
        let ended = futures_util::future::select_all(running.handles);
        match futures_util::future::select(stopped, ended).await {
            futures_util::future::Either::Left(_) => {}
            futures_util::future::Either::Right(((result, at, _), _)) => {
                tracing::error!(task = at, ?result, "a task of the engine ended; this node takes part no more");
            }
        }
        networking.abort();
        let _ = context.stop(0, Some(Duration::from_secs(2))).await;
    });
}

/// Peers the network has room for: twice as many as there are now, since they may change while it runs. More than it has room
/// for would end the process.
fn room(first: usize, ordered: usize) -> usize {
    (first.max(ordered) * 2).clamp(PEERS_ROOM, Clearing::NODES_MAX)
}

fn network_config(
    config: &NodeConfig,
    members: &Members,
    room: usize,
) -> lookup::Config<Cups<Sake<PrivateKey>, ChaCha20Poly1305>> {
    let handshake = Cups::new(
        Sake {
            signer: members.me.clone(),
            synchrony_bound: Duration::from_secs(5),
            max_handshake_age: Duration::from_secs(10),
            version: sake::Version::V1,
        },
        cups::Version::V1,
    );
    let peers = NonZeroUsize::new(room).unwrap_or(NonZeroUsize::MIN);
    let mut network =
        lookup::Config::local(handshake, &config.settings.namespace, config.listen, peers, message_bytes_max(), NZUsize!(1024));
    network.tracked_peer_sets = NZUsize!(2);
    network.peer_connection_cooldown = Duration::from_millis(250);
    network.dial_frequency = Duration::from_millis(200);
    network.dial_timeout = Duration::from_secs(3);
    network.allowed_handshake_rate_per_ip = Quota::per_second(NZU32!(64));
    network
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_said_before_anything_is_opened() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = taken.local_addr().unwrap();
        let refused = check_free(address).unwrap_err();
        assert!(matches!(&refused, StartError::Listen { .. }) && refused.to_string().contains(&address.to_string()), "{refused}");
        drop(taken);
        assert!(check_free(address).is_ok());
    }
}
