//! The centre on this machine: journal, read model and hub joined by the sink.

use crate::config::{Config, NodeKind, SchemeSection};
use crate::keys::SystemKeys;
use anyhow::{Context, Result};
use chain::Contradiction;
use clearing::{Command, IndexSeed, Officer, Rulebook, Settings, Time};
use gateway::Hub;
use history::ReadModel;
use money::Currency;
use monitor::ConsortiumFacts;
use node::Feeder;
use node::genesis::{self, Member};
use node::rulebook;
use ordering::{Journal, JournalConfig, OrderedLog, RealDisk, StopReason, Submission, SystemClock, VaultReader};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// A running centre.
pub struct Centre {
    pub journal: Arc<dyn Engine>,
    pub model: Arc<ReadModel>,
    /// The validators by epoch, as text, where there are any.
    pub validators: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// The journal stopped because its disk failed.
    pub failed: Arc<AtomicBool>,
    /// Proofs that a validator contradicted itself; none where nobody votes.
    pub evidence: Arc<dyn Fn() -> Vec<Contradiction> + Send + Sync>,
    /// What this node knows of the other operators; nothing where there are none.
    pub consortium: Arc<dyn Fn() -> Option<ConsortiumFacts> + Send + Sync>,
}

/// What orders payments: this machine's journal, or the operators together.
pub trait Engine: OrderedLog {
    /// Reads signed messages back.
    fn vault(&self) -> VaultReader;
    /// Stops in order.
    fn close(&self) -> Result<(), StopReason>;
}

impl Engine for Journal {
    fn vault(&self) -> VaultReader {
        Journal::vault(self)
    }
    fn close(&self) -> Result<(), StopReason> {
        Journal::close(self)
    }
}

impl Centre {
    /// Recovers what the folder holds, brings it to what the configuration says, and runs.
    pub fn open(config: &Config, keys: &SystemKeys, members: &[Member], hub: Arc<Hub>) -> Result<Self> {
        match config.node.kind {
            NodeKind::Single => Self::open_single(config, members, hub),
            NodeKind::Validator | NodeKind::Observer => Self::open_shared(config, keys, hub),
        }
    }

    #[cfg(feature = "consortium")]
    fn open_shared(config: &Config, keys: &SystemKeys, hub: Arc<Hub>) -> Result<Self> {
        crate::shared::open(config, keys, hub)
    }

    #[cfg(not(feature = "consortium"))]
    fn open_shared(_: &Config, _: &SystemKeys, _: Arc<Hub>) -> Result<Self> {
        anyhow::bail!("this luohu was built without `--features consortium`")
    }

    fn open_single(config: &Config, members: &[Member], hub: Arc<Hub>) -> Result<Self> {
        let folder = config.data.join("centre");
        let disk = RealDisk::open(&folder).with_context(|| format!("data folder {}", folder.display()))?;
        let failed = Arc::new(AtomicBool::new(false));
        let model = OnceLock::new();
        let first_rules = rules(&config.scheme).context("scheme.rulebook")?;
        let mut pending: Vec<Command> = Vec::new();
        let seed = IndexSeed(uuid::Uuid::new_v4().as_u64_pair().0);
        let past = crate::history::open(config)?;
        let journal = Journal::open(Arc::new(disk), past.journal_config(config), SystemClock, seed, |recovered| {
            pending = genesis::configuration(times(&config.scheme), &currencies(&config.scheme), recovered.clearing);
            pending.extend(genesis::officers(&officers(&config.scheme), recovered.clearing));
            pending.extend(genesis::rulebook(first_rules, recovered.clearing));
            pending.extend(genesis::members(members, recovered.clearing));
            let feeder = Feeder::rebuild(&recovered, past.into_parts(), hub, failed.clone())?;
            let _ = model.set(feeder.model());
            Ok(feeder)
        })
        .with_context(|| format!("journal in {}", folder.display()))?;
        let model = model.into_inner().expect("the journal shows its state before it starts");
        let journal = Arc::new(journal);
        let (validators, consortium) = (Arc::new(|| None), Arc::new(|| None));
        let centre = Self { journal, model, validators, failed, evidence: Arc::new(Vec::new), consortium };
        centre.apply_and_wait(pending)?;
        Ok(centre)
    }

    /// Submits start-up commands and waits until they are durable.
    fn apply_and_wait(&self, commands: Vec<Command>) -> Result<()> {
        if commands.is_empty() {
            return Ok(());
        }
        let before = self.model.tip().height;
        let submissions = commands.into_iter().map(|command| Submission { ticket: 0, command, attachment: None }).collect();
        self.journal.submit_many(submissions).context("start-up commands")?;
        while self.model.tip().height == before {
            anyhow::ensure!(!self.failed.load(Ordering::Relaxed), "the journal's disk failed");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }
}

pub(crate) fn times(scheme: &SchemeSection) -> Settings {
    const SECOND_NS: u64 = 1_000_000_000;
    Settings {
        answer_high_ns: scheme.answer_high_s * SECOND_NS,
        answer_normal_ns: scheme.answer_normal_s * SECOND_NS,
        quote_validity_ns: scheme.quote_validity_s * SECOND_NS,
        acceptance_age_max_ns: scheme.acceptance_age_max_s * SECOND_NS,
        payment_retention_ns: scheme.payment_retention_s * SECOND_NS,
    }
}

pub(crate) fn officers(scheme: &SchemeSection) -> Vec<Officer> {
    scheme.officers.iter().map(|row| row.officer().expect("checked when read")).collect()
}

/// The rulebook a chain of this scheme begins with.
pub(crate) fn rules(scheme: &SchemeSection) -> Result<Option<Rulebook>> {
    let text = match scheme.rulebook.as_str() {
        SchemeSection::NO_RULEBOOK => return Ok(None),
        SchemeSection::CORRIDOR => rulebook::CORRIDOR.to_owned(),
        path => std::fs::read_to_string(path).with_context(|| path.to_owned())?,
    };
    rulebook::read(&text, 1, Time(0), &currencies(scheme)).map(Some).with_context(|| scheme.rulebook.clone())
}

pub(crate) fn currencies(scheme: &SchemeSection) -> Vec<Currency> {
    let read = |(code, decimals): &(String, u8)| code.parse().ok().and_then(|code| Currency::new(code, *decimals).ok());
    scheme.currencies.iter().map(|row| read(row).expect("checked when read")).collect()
}

pub(crate) fn journal_config(config: &Config) -> JournalConfig {
    JournalConfig {
        segment_bytes: config.journal.segment_mib << 20,
        vault_bytes: config.journal.vault_mib << 20,
        queue_commands_max: config.journal.queue,
        free_bytes_min: config.journal.free_mib_min << 20,
        ..JournalConfig::default()
    }
}
