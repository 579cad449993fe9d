//! The writer: takes sealed blocks, makes them durable, then tells the world. In that order, always (ORD-01).

use crate::frame::{frame_bytes, write_frame};
use crate::maker::Files;
use crate::queue::Queue;
use crate::segments::{OpenSegment, segment_name};
use crate::snapshot::Past;
use crate::vault::{Attachment, VaultPlace, VaultWriter};
use chain::{BlockHeader, Hash};
use clearing::{Applied, Command, Outcome};
use planted::{Bug, planted};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A block that survives the machine.
#[derive(Debug)]
pub struct DurableBlock {
    /// What it commits to.
    pub header: BlockHeader,
    /// Its hash.
    pub hash: Hash,
    /// Its commands.
    pub commands: Vec<Command>,
    /// The ticket of each command; zero: nobody waits.
    pub tickets: Vec<u64>,
    /// Where the signed message of a command lies, by command number.
    pub places: Vec<(u32, VaultPlace)>,
    /// What it did.
    pub applied: Applied,
}

/// Told of every block, in order, after it is durable, on the journal's own thread: it should be quick.
pub trait Sink: Send + 'static {
    /// A block is durable.
    fn durable(&mut self, block: DurableBlock);
    /// A further ticket has its outcome: it was for a command that another one had brought, now or before. Only between
    /// operators, where commands come in at several doors.
    fn answered(&mut self, ticket: u64, outcome: &Outcome) {
        let _ = (ticket, outcome);
    }
    /// The journal stopped for good; nothing more will come. What was submitted and not told durable is in doubt.
    fn stopped(&mut self, why: StopReason);
}

/// Why the journal stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StopReason {
    /// It was closed; everything submitted is durable.
    #[error("closed")]
    Closed,
    /// A write or sync failed. The same data is never tried again: after a failed sync nobody knows what is on the disk.
    #[error("the disk failed: {0}")]
    DiskFailed(String),
    /// Something that must never be otherwise was otherwise: our mistake, told by a panic's message in the log. Nothing is
    /// written on top of it.
    #[error("an invariant was broken; the log says which")]
    InvariantBroken,
}

/// A block applied and encoded, not yet durable.
#[derive(Debug)]
pub(crate) struct SealedBlock {
    pub(crate) header: BlockHeader,
    pub(crate) hash: Hash,
    pub(crate) body: Vec<u8>,
    pub(crate) commands: Vec<Command>,
    pub(crate) tickets: Vec<u64>,
    pub(crate) attachments: Vec<(u32, Attachment)>,
    pub(crate) applied: Applied,
}

#[derive(Debug, Default)]
struct Hand {
    sealed: Vec<SealedBlock>,
    /// The writer waits for work.
    idle: bool,
    closing: bool,
    /// The writer failed.
    failed: bool,
    /// The sequencer failed.
    broken: bool,
}

/// Between sequencer and writer.
#[derive(Debug, Default)]
pub(crate) struct Handover {
    hand: Mutex<Hand>,
    changed: Condvar,
}

/// Blocks the sequencer may be ahead of the writer.
const SEALED_MAX: usize = 4;

impl Handover {
    fn lock(&self) -> MutexGuard<'_, Hand> {
        self.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a block over; waits while the writer is too far behind. `false`: the writer has failed.
    pub(crate) fn give(&self, block: SealedBlock) -> bool {
        let mut hand = self.lock();
        while hand.sealed.len() >= SEALED_MAX && !hand.failed {
            hand = self.changed.wait(hand).unwrap_or_else(PoisonError::into_inner);
        }
        if hand.failed {
            return false;
        }
        hand.sealed.push(block);
        drop(hand);
        self.changed.notify_all();
        true
    }

    /// Waits until the writer could start on a new block at once, or `ready` says that enough has gathered meanwhile.
    /// `false`: the writer has failed.
    pub(crate) fn wait_for_writer(&self, ready: impl Fn() -> bool) -> bool {
        let mut hand = self.lock();
        while !(hand.failed || hand.idle && hand.sealed.is_empty() || ready()) {
            let patience = std::time::Duration::from_micros(100);
            hand = self.changed.wait_timeout(hand, patience).unwrap_or_else(PoisonError::into_inner).0;
        }
        !hand.failed
    }

    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// The sequencer has failed: what it sealed is written, and nothing more comes.
    pub(crate) fn break_off(&self) {
        let mut hand = self.lock();
        hand.broken = true;
        hand.closing = true;
        drop(hand);
        self.changed.notify_all();
    }

    fn take(&self, out: &mut Vec<SealedBlock>) -> bool {
        let mut hand = self.lock();
        while hand.sealed.is_empty() && !hand.closing {
            hand.idle = true;
            self.changed.notify_all();
            hand = self.changed.wait(hand).unwrap_or_else(PoisonError::into_inner);
        }
        hand.idle = false;
        out.append(&mut hand.sealed);
        drop(hand);
        self.changed.notify_all();
        !out.is_empty()
    }

    fn fail(&self) {
        let mut hand = self.lock();
        hand.failed = true;
        hand.sealed.clear();
        drop(hand);
        self.changed.notify_all();
    }
}

pub(crate) struct Writer<S> {
    pub(crate) handover: Arc<Handover>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) store: Store,
    pub(crate) sink: S,
}

/// Where blocks and messages are written. Whoever drives it says when.
pub(crate) struct Store {
    pub(crate) segment: Option<OpenSegment>,
    pub(crate) files: Files,
    pub(crate) vault: VaultWriter,
    pub(crate) segment_bytes: u64,
    pub(crate) past: Past,
    /// Frames on their way.
    pub(crate) buffer: Vec<u8>,
}

impl<S: Sink> Writer<S> {
    /// Runs until closed or failed. Returns why, and what is kept beside the blocks.
    pub(crate) fn run(mut self) -> (StopReason, Past) {
        // A broken invariant ends the journal as a failed disk does: nobody is left waiting for what will not come.
        let why = catch_unwind(AssertUnwindSafe(|| self.write_all())).unwrap_or(StopReason::InvariantBroken);
        if why != StopReason::Closed {
            tracing::error!(%why, "the journal stops");
            self.queue.stop();
            self.handover.fail();
        }
        self.sink.stopped(why.clone());
        (why, self.store.past)
    }

    fn write_all(&mut self) -> StopReason {
        let mut group = Vec::new();
        while self.handover.take(&mut group) {
            match self.store.commit(&mut group) {
                Ok(durable) => durable.into_iter().for_each(|block| self.sink.durable(block)),
                Err(error) => return StopReason::DiskFailed(error.to_string()),
            }
        }
        if self.handover.lock().broken { StopReason::InvariantBroken } else { StopReason::Closed }
    }
}

impl Store {
    /// Vault first, then the journal: a durable block's messages are durable too.
    pub(crate) fn commit(&mut self, group: &mut Vec<SealedBlock>) -> io::Result<Vec<DurableBlock>> {
        let mut durable = Vec::with_capacity(group.len());
        self.store_messages(group, &mut durable)?;
        self.buffer.clear();
        for (block, body) in &durable {
            self.frame(block, body)?;
        }
        self.flush()?;
        for (block, _) in &durable {
            self.past.note_block(&block.commands, &block.applied, &block.places);
        }
        Ok(durable.into_iter().map(|(block, _)| block).collect())
    }

    fn store_messages(&mut self, group: &mut Vec<SealedBlock>, out: &mut Vec<(DurableBlock, Vec<u8>)>) -> io::Result<()> {
        let messages = || group.iter().flat_map(|block| &block.attachments);
        let (count, bytes) = (messages().count(), messages().map(|(_, message)| message.len()).sum());
        if count > 0 {
            self.vault.begin_group(count, bytes)?;
        }
        for sealed in group.drain(..) {
            let places = sealed.attachments.iter().map(|(command, message)| (*command, self.vault.add(message))).collect();
            let SealedBlock { header, hash, body, commands, tickets, attachments: _, applied } = sealed;
            out.push((DurableBlock { header, hash, commands, tickets, places, applied }, body));
        }
        self.vault.commit()
    }

    /// Appends the block to the buffer; starts a new segment when it does not fit the open one.
    fn frame(&mut self, block: &DurableBlock, body: &[u8]) -> io::Result<()> {
        let bytes = frame_bytes(body.len(), block.places.len()) as u64;
        let fits = self.segment.as_ref().is_some_and(|segment| segment.room() >= self.buffer.len() as u64 + bytes);
        if !fits {
            self.flush()?;
            let file = self.files.next(&segment_name(block.header.height))?;
            self.segment = Some(OpenSegment { file, offset: 0, bytes: self.segment_bytes });
        }
        let segment = self.segment.as_ref().expect("a segment was just opened");
        write_frame(&mut self.buffer, segment.offset as u32, &block.header, body, &block.places);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let segment = self.segment.as_mut().expect("frames were made for an open segment");
        // A crash before the sync returns leaves a torn tail, which recovery drops: nobody was told of these blocks.
        segment.file.write_at(segment.offset, &self.buffer)?;
        if !planted(Bug::ForgottenFsync) {
            segment.file.sync_data()?;
        }
        segment.offset += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
