//! The follower: keeps the files of a chain whose blocks somebody else orders, in the same format as the journal's.
//!
//! A consortium agrees on a block; each operator appends it here. Recovery, `fsck`, vault, receipts and snapshots are the
//! journal's own, so a single node's folder becomes an operator's and back without a conversion. No thread of its own but
//! those that make files ahead of need: [`Follower::append`] applies, writes, syncs, tells the sink and returns.

use crate::disk::Disk;
use crate::journal::{JournalConfig, Recovered, open_store, recover_to_run};
use crate::maker::Making;
use crate::queue::{Queue, Submission, SubmitRefusal};
use crate::recovery::{BlockError, OpenError, Recovery, compare};
use crate::sequencer::{header_of, matters};
use crate::snapshot;
use crate::vault::{Attachment, VaultReader};
use crate::writer::{SealedBlock, Sink, StopReason, Store};
use chain::{BlockHeader, Hash};
use clearing::{Clearing, Command, IndexSeed, Time, Uetr};
use std::io;
use std::sync::Arc;

/// A block that is final and not yet on this disk.
#[derive(Debug, Clone)]
pub struct FollowedBlock {
    /// What it commits to.
    pub header: BlockHeader,
    /// The canonical bytes of its commands.
    pub body: Vec<u8>,
    /// Its commands.
    pub commands: Vec<Command>,
    /// The ticket of each command; zero: nobody waits here.
    pub tickets: Vec<u64>,
    /// Further tickets, by command number.
    pub further: Vec<(u32, u64)>,
    /// Signed messages, by command number.
    pub attachments: Vec<(u32, Attachment)>,
}

/// Why a block was not appended. The follower must not be used any more: what is on the disk is the last good block.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The block does not follow the last one.
    #[error("block {0} does not follow the last one")]
    NotNext(u64),
    /// Applying it does not lead where its header says (ORD-02).
    #[error("block {height} does not apply: {what} differs")]
    Diverged {
        /// Its height.
        height: u64,
        /// What differs.
        what: &'static str,
    },
    /// A write or sync failed.
    #[error("the disk failed: {0}")]
    Disk(#[from] io::Error),
}

/// Says whether the files have room, from any thread.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Queue>);

impl Admission {
    /// Whether a command could be taken now; the queue itself is not looked at.
    pub fn check(&self, submission: &Submission) -> Result<(), SubmitRefusal> {
        self.0.check(submission)
    }

    /// Takes nothing any more.
    pub fn stop(&self) {
        self.0.stop();
    }
}

/// A chain's files, open for appending.
pub struct Follower<S> {
    disk: Arc<dyn Disk>,
    clearing: Clearing,
    last: Option<BlockHeader>,
    store: Store,
    sink: S,
    vault: VaultReader,
    admission: Admission,
}

impl<S: Sink> Follower<S> {
    /// Recovers what the folder holds, shows it to `rebuild`, which answers with the sink.
    ///
    /// # Errors
    /// If the files cannot be read, or hold something else than a chain.
    pub fn open(
        disk: Arc<dyn Disk>,
        config: JournalConfig,
        seed: IndexSeed,
        making: Making,
        rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
    ) -> Result<Self, OpenError> {
        let recovery = recover_to_run(&disk, config, seed)?;
        let sink = rebuild(recovery.shown())?;
        let queue = Arc::new(Queue::new(config.queue_commands_max));
        let Recovery { clearing, past, segment, last, .. } = recovery;
        let files = |kind| making.files(&disk, &queue, kind, config.reserve(kind));
        let store = open_store(&*disk, config, segment, past, files)?;
        let vault = VaultReader::new(disk.clone());
        Ok(Self { disk, clearing, last, store, sink, vault, admission: Admission(queue) })
    }

    /// The folder.
    pub fn disk(&self) -> Arc<dyn Disk> {
        self.disk.clone()
    }

    /// The state behind the last block.
    pub fn clearing(&self) -> &Clearing {
        &self.clearing
    }

    /// The last block; `None`: there is none yet.
    pub fn last(&self) -> Option<BlockHeader> {
        self.last
    }

    /// Hash the next block points at.
    pub fn tip(&self) -> Hash {
        self.last.map_or(Hash::default(), |last| last.hash())
    }

    /// Reads signed messages back.
    pub fn vault(&self) -> VaultReader {
        self.vault.clone()
    }

    /// The signed message behind a payment, if it is on record here and not forgotten.
    pub fn message_of(&self, uetr: Uetr) -> Option<Attachment> {
        let places = &self.store.past.places;
        let place = match self.clearing.payment(uetr) {
            Some(payment) => places.get(payment.index)?,
            None => places.of_waiting(uetr)?,
        };
        self.vault.read(place).ok().map(Into::into)
    }

    /// Says whether there is room.
    pub fn admission(&self) -> Admission {
        self.admission.clone()
    }

    /// The sink, to be told what is no block.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Appends blocks that follow each other: one sync for all of them, then the sink is told of each.
    ///
    /// # Errors
    /// After any, the follower must be dropped: the state in memory may be ahead of the disk.
    pub fn append(&mut self, blocks: Vec<FollowedBlock>) -> Result<(), FollowError> {
        let mut group = Vec::with_capacity(blocks.len());
        let mut further = Vec::with_capacity(blocks.len());
        for mut block in blocks {
            further.push(core::mem::take(&mut block.further));
            group.push(self.apply(block)?);
        }
        let durable = self.store.commit(&mut group)?;
        for (block, further) in durable.into_iter().zip(further) {
            let outcomes: Vec<_> = further
                .into_iter()
                .filter_map(|(at, ticket)| Some((ticket, block.applied.outcomes.get(at as usize)?.clone())))
                .collect();
            self.sink.durable(block);
            outcomes.iter().for_each(|(ticket, outcome)| self.sink.answered(*ticket, outcome));
        }
        Ok(())
    }

    fn apply(&mut self, block: FollowedBlock) -> Result<SealedBlock, FollowError> {
        let FollowedBlock { header, body, commands, tickets, further: _, mut attachments } = block;
        let height = header.height;
        let early = self.last.is_some_and(|last| header.time_ns < last.time_ns);
        if height != self.clearing.height() + 1 || header.parent != self.tip() || early {
            return Err(FollowError::NotNext(height));
        }
        let applied = self.clearing.apply_block(Time(header.time_ns), &commands);
        let again = header_of(header.parent, height, Time(header.time_ns), &body, commands.len(), &applied);
        compare(&header, &again).map_err(|error| match error {
            BlockError::Chain(_) => FollowError::Diverged { height, what: "number of commands" },
            BlockError::Replay(what) => FollowError::Diverged { height, what },
        })?;
        attachments.retain(|(at, _)| applied.outcomes.get(*at as usize).is_some_and(matters));
        self.last = Some(header);
        Ok(SealedBlock { header, hash: header.hash(), body, commands, tickets, attachments, applied })
    }

    /// Writes a snapshot, tells the sink and closes the files.
    pub fn close(mut self) -> Result<(), StopReason> {
        let written = snapshot::write(
            &*self.disk,
            &self.clearing,
            self.last.map_or(Hash::default(), |last| last.hash()),
            &mut self.store.past,
        );
        let why = match written {
            Ok(()) => StopReason::Closed,
            Err(error) => StopReason::DiskFailed(error.to_string()),
        };
        self.sink.stopped(why.clone());
        if why == StopReason::Closed { Ok(()) } else { Err(why) }
    }
}
