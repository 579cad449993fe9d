//! The journal one step at a time, without threads: what a simulator drives.
//!
//! Sealing, storing, recovery and snapshots are those of [`Journal`](crate::Journal); only who says *when* differs. A step never
//! waits: [`Stepper::seal`] takes what is queued, [`Stepper::commit`] makes it durable and tells the sink.

use crate::clock::Clock;
use crate::disk::Disk;
use crate::journal::{JournalConfig, OrderedLog, Recovered, recover_to_run, take_up};
use crate::maker::{Files, SteppedMaker};
use crate::queue::{Queue, Submission, SubmitRefusal};
use crate::recovery::OpenError;
use crate::sequencer::{BLOCK_COMMANDS_MAX, Sealer};
use crate::snapshot;
use crate::vault::VaultReader;
use crate::writer::{SealedBlock, Sink, StopReason, Store};
use chain::BlockHeader;
use clearing::{Applied, Clearing, Command, IndexSeed, Time};
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Where commands are put for a [`Stepper`] to take. Cheap to clone.
#[derive(Clone)]
pub struct SteppedLog(Arc<Queue>);

impl OrderedLog for SteppedLog {
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal> {
        self.0.submit([submission])
    }

    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        self.0.submit(submissions)
    }

    fn waiting(&self) -> usize {
        self.0.len()
    }
}

/// A journal that does nothing by itself. Dropped, it stops as if it had crashed.
pub struct Stepper<C, S> {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    sealer: Sealer<C>,
    store: Store,
    sink: S,
    sealed: Vec<SealedBlock>,
}

impl<C: Clock, S: Sink> Stepper<C, S> {
    /// Recovers what the folder holds and shows it to `rebuild`, which answers with the sink.
    ///
    /// # Errors
    /// As [`Journal::open`](crate::Journal::open).
    pub fn open(
        disk: Arc<dyn Disk>,
        config: JournalConfig,
        clock: C,
        seed: IndexSeed,
        rebuild: impl FnOnce(Recovered<'_>) -> Result<S, OpenError>,
    ) -> Result<Self, OpenError> {
        let recovery = recover_to_run(&disk, config, seed)?;
        let sink = rebuild(recovery.shown())?;
        let queue = Arc::new(Queue::new(config.queue_commands_max));
        let files = |kind| SteppedMaker::new(disk.clone(), queue.clone(), kind, config.reserve(kind)).map(Files::Stepped);
        let (sealer, store) = take_up(&*disk, config, clock, recovery, files)?;
        Ok(Self { disk, queue, sealer, store, sink, sealed: Vec::new() })
    }

    /// Where commands go.
    pub fn log(&self) -> SteppedLog {
        SteppedLog(self.queue.clone())
    }

    /// Reads signed messages back.
    pub fn vault(&self) -> VaultReader {
        VaultReader::new(self.disk.clone())
    }

    /// The state behind the last block sealed, durable or not.
    pub fn clearing(&self) -> &Clearing {
        &self.sealer.clearing
    }

    /// When time alone asks for a block.
    pub fn next_deadline(&self) -> Option<Time> {
        self.sealer.clearing.next_deadline()
    }

    /// Seals one block of what waits or is due; `false` when there is neither, or no file to write to because the disk is full.
    ///
    /// # Errors
    /// The disk failed: the journal has stopped and the sink knows.
    pub fn seal(&mut self) -> Result<bool, StopReason> {
        let ready = self.room().map_err(|error| self.stop(&error))?;
        let mut taken = Vec::new();
        if ready {
            self.queue.take(&mut taken, BLOCK_COMMANDS_MAX, Duration::ZERO);
        }
        if !ready || taken.is_empty() && !self.sealer.is_due() {
            return Ok(false);
        }
        self.sealed.push(self.sealer.seal(&mut taken));
        Ok(true)
    }

    /// What was sealed and is not durable yet: header, commands and what they did.
    pub fn sealed(&self) -> impl Iterator<Item = (&BlockHeader, &[Command], &Applied)> {
        self.sealed.iter().map(|block| (&block.header, block.commands.as_slice(), &block.applied))
    }

    /// Makes what was sealed durable, then tells the sink. In that order, always (ORD-01).
    ///
    /// # Errors
    /// The disk failed: the journal has stopped and the sink knows.
    pub fn commit(&mut self) -> Result<(), StopReason> {
        let mut group = core::mem::take(&mut self.sealed);
        match self.store.commit(&mut group) {
            Ok(durable) => {
                durable.into_iter().for_each(|block| self.sink.durable(block));
                Ok(())
            }
            Err(error) => Err(self.stop(&error)),
        }
    }

    /// Seals and commits what waits, writes a snapshot and tells the sink that this was all.
    ///
    /// # Errors
    /// The disk failed.
    pub fn close(mut self) -> Result<(), StopReason> {
        self.queue.close();
        while self.seal()? {
            self.commit()?;
        }
        self.sink.stopped(StopReason::Closed);
        snapshot::write(&*self.disk, &self.sealer.clearing, self.sealer.parent, &mut self.store.past)
            .map_err(|error| StopReason::DiskFailed(error.to_string()))
    }

    /// Looks at the room on the disk, which says what the queue takes, and has files at hand.
    fn room(&mut self) -> io::Result<bool> {
        // Both are asked, always: each tells the queue about its own kind of files.
        let (journal, vault) = (self.store.files.ready()?, self.store.vault.ready()?);
        Ok(journal && vault)
    }

    fn stop(&mut self, error: &io::Error) -> StopReason {
        tracing::error!(%error, "journal write failed; stopping");
        self.queue.stop();
        let why = StopReason::DiskFailed(error.to_string());
        self.sink.stopped(why.clone());
        why
    }
}
