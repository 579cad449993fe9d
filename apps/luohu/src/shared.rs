//! The centre as one of several operators: the chain file, the node, and how commands are proved to each other.

use crate::centre::{self, Centre, Engine};
use crate::config::{Config, NodeKind, SchemeSection};
use crate::evidence::{self, ProofFile};
use crate::keys::SystemKeys;
use crate::sections::{MemberSection, PeerSection};
use anyhow::{Context, Result, ensure};
use chain::{Contradiction, ContradictionKind, Hash, key_of_hex};
use clearing::{Clearing, IndexSeed, Time};
use consortium::{Beginning, Consortium, MarkFiles, NodeConfig, Peer, Role, Settings, StartError, Status, Witness, public_key};
use gateway::{FinalityOf, Hub, LatePast, RecordedPast};
use money::Currency;
use monitor::{ConsortiumFacts, ConsortiumRole};
use node::genesis;
use node::{Feeder, NetworkedDoors, SignedMessages};
use ordering::{RealDisk, StopReason, VaultReader};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use world::Machine;

/// What all operators share: the same bytes at each of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainFile {
    /// Separates this chain's votes from every other's.
    pub namespace: String,
    /// Blocks of an epoch.
    pub epoch_blocks: core::num::NonZeroU64,
    /// Time of the first block of a new chain, nanoseconds since 1970.
    pub genesis_time_ns: u64,
    /// The last block of the single node whose chain goes on here; absent for a new chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BaseSection>,
    /// The rulebook's figures at the beginning.
    pub scheme: SchemeSection,
    /// Validators and observers.
    pub peers: Vec<PeerSection>,
    /// Participants of the first block.
    #[serde(default)]
    pub members: Vec<MemberSection>,
}

/// A block by height and hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseSection {
    pub height: u64,
    pub hash: String,
}

impl ChainFile {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("chain file {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("chain file {}", path.display()))
    }

    fn peers(&self) -> Result<Vec<Peer>> {
        let peer = |peer: &PeerSection| {
            let key = key_of_hex(&peer.key).with_context(|| format!("key of {}", peer.name))?;
            Ok(Peer { key, address: peer.address, votes: peer.votes })
        };
        self.peers.iter().map(peer).collect()
    }

    fn beginning(&self) -> Result<Beginning> {
        if let Some(base) = &self.base {
            let hash = Hash(key_of_hex(&base.hash).context("base.hash")?);
            return Ok(Beginning::Block { height: base.height, hash });
        }
        let members = self.members.iter().map(MemberSection::member).collect::<Result<Vec<_>>>()?;
        let empty = Clearing::new(IndexSeed(0));
        let mut commands = genesis::configuration(centre::times(&self.scheme), &centre::currencies(&self.scheme), &empty);
        commands.extend(genesis::officers(&centre::officers(&self.scheme), &empty));
        // A file could differ from node to node, and their chains would.
        let own = [SchemeSection::NO_RULEBOOK, SchemeSection::CORRIDOR];
        anyhow::ensure!(
            own.contains(&self.scheme.rulebook.as_str()),
            "scheme.rulebook: a chain begins with \"corridor\" or \"none\""
        );
        commands.extend(genesis::rulebook(centre::rules(&self.scheme)?, &empty));
        commands.extend(genesis::members(&members, &empty));
        Ok(Beginning::Genesis { time: Time(self.genesis_time_ns), commands })
    }
}

/// Opens the centre as one of several.
pub fn open(config: &Config, keys: &SystemKeys, hub: Arc<Hub>) -> Result<Centre> {
    let file = ChainFile::read(&config.node.chain)?;
    let node = node_config(config, &file)?;
    let folder = config.data.join("centre");
    let disk = RealDisk::open(&folder).with_context(|| format!("data folder {}", folder.display()))?;
    let failed = Arc::new(AtomicBool::new(false));
    let model = OnceLock::new();
    let seed = IndexSeed(uuid::Uuid::new_v4().as_u64_pair().0);
    let known = Arc::new(LatePast::default());
    let authorise = Arc::new(SignedMessages {
        currencies: currencies(&file),
        chain: file.namespace.clone(),
        world: Machine::shared(),
        persons: keys.persons.clone(),
        past: known.clone(),
    });
    let kept = Arc::new(Mutex::new(evidence::load(&config.data)?));
    let witness = Arc::new(EvidenceFiles { folder: config.data.join(evidence::FOLDER), kept: kept.clone() });
    let past = crate::history::open(config)?;
    let opened = Consortium::open(Arc::new(disk), past.journal_config(config), node, seed, authorise, witness, |recovered| {
        let feeder = Feeder::rebuild(&recovered, past.into_parts(), hub.clone(), failed.clone())?;
        let _ = model.set(feeder.model());
        Ok(feeder)
    });
    let node = opened.map_err(|error: StartError| anyhow::anyhow!("{error}")).context("consortium")?;
    let certificates = node.certificates();
    hub.prove_with(FinalityOf(Arc::new(move |height| certificates.finality(height))));
    hub.join(Arc::new(NetworkedDoors(node.enquiries())));
    let model = model.into_inner().context("the node shows its state before it starts")?;
    known.set(Arc::new(RecordedPast::new(Arc::clone(&model), node.vault())));
    let rosters = node.rosters();
    let validators = Arc::new(move || Some(rosters.validators().to_string()));
    let evidence = Arc::new(move || kept.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let node = Arc::new(node);
    let asked = node.clone();
    let consortium = Arc::new(move || Some(facts_of(&asked)));
    Ok(Centre { journal: node, model, validators, failed, evidence, consortium })
}

/// What the board tells of the other operators.
fn facts_of(node: &Consortium) -> ConsortiumFacts {
    let Status { epoch, role, validators, heard, certified_height } = node.status();
    let role = match role {
        Role::Votes => ConsortiumRole::Votes,
        Role::Silent => ConsortiumRole::Silent,
        Role::Follows => ConsortiumRole::Follows,
    };
    ConsortiumFacts { epoch, role, validators, heard, certified_height, refusals: node.refusals().into_iter().collect() }
}

fn node_config(config: &Config, file: &ChainFile) -> Result<NodeConfig> {
    let key = read_key(&config.node.key)?;
    ensure!(
        config.gateway.log_origin == file.namespace,
        "gateway.log_origin is not the chain's namespace, `{}`: orders and checkpoints name it",
        file.namespace
    );
    let peers = file.peers()?;
    let own = public_key(key);
    // Who joined later is not in the file: the chain says whether it votes.
    if let Some(me) = peers.iter().find(|peer| peer.key == own) {
        ensure!(me.votes == (config.node.kind == NodeKind::Validator), "node.kind is not what the chain file says of this key");
    }
    let files = mark_files(&config.data);
    let cores = std::thread::available_parallelism().map_or(1, core::num::NonZeroUsize::get);
    let mut settings = Settings::new(file.namespace.as_bytes());
    settings.epoch_blocks = file.epoch_blocks;
    Ok(NodeConfig {
        settings,
        key,
        listen: config.node.listen,
        peers,
        engine: files.engine,
        starts: files.starts,
        // Signatures and blocks have threads of their own; a second one costs more in hand-overs than it brings on two cores.
        workers: (cores / 2).clamp(1, 4),
        beginning: file.beginning()?,
        pool_commands_max: config.journal.queue,
    })
}

/// Where a node's voting journals lie, and what shows that they are its own.
pub fn mark_files(data: &Path) -> MarkFiles {
    MarkFiles { engine: data.join("engine"), starts: data.join("voting.starts") }
}

/// Reads a secret key that only its owner may read.
pub fn read_key(path: &Path) -> Result<[u8; 32]> {
    use std::os::unix::fs::PermissionsExt;
    let what = || format!("validator key {}", path.display());
    let mode = std::fs::metadata(path).with_context(what)?.permissions().mode();
    ensure!(mode & 0o077 == 0, "{} may be read by others: chmod 600", path.display());
    key_of_hex(std::fs::read_to_string(path).with_context(what)?.trim()).with_context(what)
}

fn currencies(file: &ChainFile) -> Vec<Currency> {
    file.scheme.currencies.iter().filter_map(|(code, decimals)| Currency::new(code.parse().ok()?, *decimals).ok()).collect()
}

impl Engine for Consortium {
    fn vault(&self) -> VaultReader {
        Consortium::vault(self)
    }
    fn close(&self) -> Result<(), StopReason> {
        Consortium::close(self)
    }
}

/// One JSON file for each proof that a validator contradicted itself.
struct EvidenceFiles {
    folder: PathBuf,
    kept: Arc<Mutex<Vec<Contradiction>>>,
}

impl Witness for EvidenceFiles {
    fn note(&self, kind: ContradictionKind, proof: Contradiction) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.contains(&proof) || kept.len() >= evidence::PROOFS_MAX {
            return;
        }
        let file = ProofFile::of(kind, &proof);
        let write = || -> Result<()> {
            std::fs::create_dir_all(&self.folder)?;
            Ok(std::fs::write(self.folder.join(file.name()), file.text()?)?)
        };
        if let Err(error) = write() {
            tracing::error!(%error, "evidence could not be kept");
        }
        kept.push(proof);
    }
}
