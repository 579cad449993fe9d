//! The embedded engine: one machine's journal, which is the chain.

use crate::archive::{Forgotten, KeptLetter, KeptRows, NothingKept};
use crate::clock::Clock;
use crate::disk::Disk;
use crate::erase::{self, EraseError};
use crate::maker::{FileMaker, Files, Reserve};
use crate::queue::{FileKind, Queue, Submission, SubmitRefusal};
use crate::recovery::{Manner, OpenError, Recovery, recover};
use crate::segments::OpenSegment;
use crate::sequencer::{Sealer, Sequencer};
use crate::snapshot::{self, ArchiveKnown, Past};
use crate::vault::{VaultPlace, VaultReader, VaultWriter};
use crate::writer::{Handover, Sink, StopReason, Store, Writer};
use chain::{BlockHeader, Hash};
use clearing::{Clearing, IndexSeed};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Puts commands into blocks; a block is durable before anyone sees its effects.
pub trait OrderedLog: Send + Sync {
    /// Queues one command. `Ok` promises nothing yet: the block will come to the sink, or the sink will be told of a stop.
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal>;
    /// Queues several, all or none, in order.
    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal>;
    /// Commands that wait for a block.
    fn waiting(&self) -> usize;
}

/// Sizes and limits.
#[derive(Debug, Clone, Copy)]
pub struct JournalConfig {
    /// Bytes of a segment file, pre-written; 64 MiB by default.
    pub segment_bytes: u64,
    /// Bytes of a vault file, pre-written; 64 MiB by default.
    pub vault_bytes: u64,
    /// Most commands that wait for a block; more are refused. 65,536 by default: a fifth of a second of full speed.
    pub queue_commands_max: usize,
    /// Free space below which new payments are refused; 256 MiB by default.
    pub free_bytes_min: u64,
    /// Replaying more commands than this at start writes a snapshot; 200,000 by default, a fraction of a second.
    pub snapshot_after_commands: u64,
    /// How often to look at the room on the disk.
    pub full_retry: Duration,
    /// What readers know of the archive: those rows are not read at start. None by default.
    pub archive_known: ArchiveKnown,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            vault_bytes: 64 << 20,
            queue_commands_max: 1 << 16,
            free_bytes_min: 256 << 20,
            snapshot_after_commands: 200_000,
            full_retry: Duration::from_millis(250),
            archive_known: ArchiveKnown { forgotten: 0, letters: 0 },
        }
    }
}

impl JournalConfig {
    /// What must stay free, and how large a file of this kind is.
    pub(crate) fn reserve(&self, kind: FileKind) -> Reserve {
        let file_bytes = match kind {
            FileKind::Journal => self.segment_bytes,
            FileKind::Vault => self.vault_bytes,
        };
        Reserve { free_bytes: self.free_bytes_min, file_bytes, retry: self.full_retry }
    }
}

/// What a journal knew when it was opened: enough to rebuild everything that is read.
pub struct Recovered<'a> {
    /// The state.
    pub clearing: &'a Clearing,
    /// Every payment the centre has forgotten.
    pub forgotten: &'a dyn KeptRows<Forgotten>,
    /// Every letter.
    pub letters: &'a dyn KeptRows<KeptLetter>,
    /// Where the signed messages of payments on record lie, in order of arrival; shorter when the last ones have none.
    pub places: Vec<VaultPlace>,
    /// Where those of payments that wait lie.
    pub waiting: Vec<(clearing::Uetr, VaultPlace)>,
    /// The last block; `None` for an empty journal.
    pub last: Option<BlockHeader>,
    /// Height of the snapshot used.
    pub from_snapshot: Option<u64>,
    /// Commands applied again.
    pub replayed_commands: u64,
    /// Bytes of an unfinished write that were dropped.
    pub torn_bytes: u64,
}

impl<'a> Recovered<'a> {
    /// A state by itself: nothing forgotten, no messages, no block.
    pub fn of(clearing: &'a Clearing) -> Self {
        Self {
            clearing,
            forgotten: &NothingKept,
            letters: &NothingKept,
            places: Vec::new(),
            waiting: Vec::new(),
            last: None,
            from_snapshot: None,
            replayed_commands: 0,
            torn_bytes: 0,
        }
    }
}

/// Recovers what the folder holds, and keeps it as a snapshot when that took long.
pub(crate) fn recover_to_run(disk: &Arc<dyn Disk>, config: JournalConfig, seed: IndexSeed) -> Result<Recovery, OpenError> {
    // What is to be gone is gone before anybody can ask for it. A damaged log is fsck's to tell (VLT-02): payments go on.
    match erase::finish(&**disk) {
        Err(EraseError::Io(error)) => return Err(error.into()),
        Err(error) => tracing::error!(%error, "erasures cannot be looked through"),
        Ok(()) => {}
    }
    let manner = Manner { use_snapshots: true, repair: true, known: config.archive_known };
    let mut recovery = recover(disk, seed, manner)?;
    if recovery.replayed_commands > config.snapshot_after_commands {
        let parent = recovery.parent();
        snapshot::write(&**disk, &recovery.clearing, parent, &mut recovery.past)?;
    }
    Ok(recovery)
}

/// Goes on from what was recovered: what seals, and what stores.
pub(crate) fn take_up<C: Clock>(
    disk: &dyn Disk,
    config: JournalConfig,
    clock: C,
    recovery: Recovery,
    files: impl Fn(FileKind) -> io::Result<Files>,
) -> io::Result<(Sealer<C>, Store)> {
    let parent = recovery.parent();
    let Recovery { clearing, past, segment, .. } = recovery;
    let store = open_store(disk, config, segment, past, files)?;
    Ok((Sealer { clearing, parent, clock }, store))
}

/// The files that blocks and messages go to from here on.
pub(crate) fn open_store(
    disk: &dyn Disk,
    config: JournalConfig,
    segment: Option<OpenSegment>,
    mut past: Past,
    files: impl Fn(FileKind) -> io::Result<Files>,
) -> io::Result<Store> {
    past.was_read();
    let own = files(FileKind::Journal)?;
    let vault = VaultWriter::open(disk, files(FileKind::Vault)?, config.vault_bytes)?;
    Ok(Store { segment, files: own, vault, segment_bytes: config.segment_bytes, past, buffer: Vec::new() })
}

type SequencerEnd = (Clearing, Hash);
type WriterEnd = (StopReason, Past);

/// A journal that is open and running.
pub struct Journal {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    handover: Arc<Handover>,
    vault: VaultReader,
    threads: Mutex<Option<(JoinHandle<SequencerEnd>, JoinHandle<WriterEnd>)>>,
}

impl Journal {
    /// Recovers what the folder holds, shows it to `rebuild`, which answers with the sink, and starts.
    ///
    /// # Errors
    /// If the blocks are damaged, the folder cannot be used, or `rebuild` says so.
    pub fn open<S: Sink>(
        disk: Arc<dyn Disk>,
        config: JournalConfig,
        clock: impl Clock,
        seed: IndexSeed,
        rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
    ) -> Result<Self, OpenError> {
        let recovery = recover_to_run(&disk, config, seed)?;
        let sink = rebuild(recovery.shown())?;
        Ok(Self::start(disk, config, clock, recovery, sink)?)
    }

    fn start<S: Sink>(
        disk: Arc<dyn Disk>,
        config: JournalConfig,
        clock: impl Clock,
        recovered: Recovery,
        sink: S,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(config.queue_commands_max));
        let handover = Arc::new(Handover::default());
        let files = |kind| FileMaker::start(disk.clone(), queue.clone(), kind, config.reserve(kind)).map(Files::Ahead);
        let (sealer, store) = take_up(&*disk, config, clock, recovered, files)?;
        let writer = Writer { handover: handover.clone(), queue: queue.clone(), store, sink };
        let sequencer = Sequencer { sealer, queue: queue.clone(), handover: handover.clone(), last_commands: 0 };
        let writer = std::thread::Builder::new().name("journal".into()).spawn(move || writer.run())?;
        let sequencer = std::thread::Builder::new().name("sequencer".into()).spawn(move || sequencer.run())?;
        let vault = VaultReader::new(disk.clone());
        Ok(Self { disk, queue, handover, vault, threads: Mutex::new(Some((sequencer, writer))) })
    }

    /// Reads signed messages back.
    pub fn vault(&self) -> VaultReader {
        self.vault.clone()
    }

    /// Seals what waits, syncs it, writes a snapshot and stops. Further calls do nothing.
    pub fn close(&self) -> Result<(), StopReason> {
        let Some((sequencer, writer)) = self.threads.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        self.queue.close();
        let sequenced = sequencer.join();
        self.handover.close();
        let written = writer.join();
        let (clearing, parent) = sequenced.map_err(|_| StopReason::InvariantBroken)?;
        match written.map_err(|_| StopReason::InvariantBroken)? {
            (StopReason::Closed, mut past) => snapshot::write(&*self.disk, &clearing, parent, &mut past)
                .map_err(|error| StopReason::DiskFailed(error.to_string())),
            (why @ (StopReason::DiskFailed(_) | StopReason::InvariantBroken), _) => Err(why),
        }
    }
}

impl OrderedLog for Journal {
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal> {
        self.queue.submit([submission])
    }

    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        self.queue.submit(submissions)
    }

    fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(why) = self.close() {
            tracing::warn!(%why, "the journal was not closed cleanly");
        }
    }
}
