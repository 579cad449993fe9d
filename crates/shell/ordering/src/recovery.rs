//! Recovery: from files to a state that is known to be right, or a refusal that says which block is not.
//!
//! Every frame of every segment is read and every link of the chain checked, also below a snapshot; commands are applied
//! again only above it. After each block replayed, state root and tree must be the header's (ORD-02).

use crate::disk::{Disk, DiskFile};
use crate::frame::{Found, Frame, read_frame, synced_behind};
use crate::journal::Recovered;
use crate::messages::BlockPlaces;
use crate::segments::{OpenSegment, segment_heights, segment_name};
use crate::sequencer::header_of;
use crate::snapshot::{self, ArchiveKnown, Past, Snapshot};
use chain::{BlockHeader, Hash};
use clearing::{Clearing, Command, IndexSeed, Time};
use planted::{Bug, planted};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

/// Why a data folder was not opened. Nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be read or written, or another process has it open.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A block is damaged. Restore this file from a copy; nothing was dropped.
    #[error("block {height} in {file}, which begins at byte {offset}, is damaged: {why}")]
    Damaged {
        /// Its height.
        height: u64,
        /// The segment.
        file: String,
        /// Where in the segment the block begins.
        offset: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A segment is missing.
    #[error("blocks {from} to {to} are missing")]
    Missing {
        /// First missing height.
        from: u64,
        /// Last missing height.
        to: u64,
    },
    /// Replaying a block does not lead where its header says (ORD-02).
    #[error("block {height} does not replay: {what} differs")]
    Diverged {
        /// Its height.
        height: u64,
        /// What differs.
        what: &'static str,
    },
    /// The blocks are sound, but what readers are served from cannot be made from them.
    #[error("history: {0}")]
    Readers(String),
}

/// What was found, ready to go on.
pub(crate) struct Recovery {
    pub(crate) clearing: Clearing,
    /// What was forgotten while blocks were applied again is in the archive, if it may be written.
    pub(crate) past: Past,
    pub(crate) last: Option<BlockHeader>,
    pub(crate) segment: Option<OpenSegment>,
    /// Blocks applied again.
    pub(crate) replayed_commands: u64,
    pub(crate) from_snapshot: Option<u64>,
    /// Bytes of an unfinished write that were cleared.
    pub(crate) torn_bytes: u64,
}

impl Recovery {
    /// What of it readers rebuild from.
    pub(crate) fn shown(&self) -> Recovered<'_> {
        Recovered {
            clearing: &self.clearing,
            forgotten: &self.past,
            letters: &self.past,
            places: self.past.places.iter().collect(),
            waiting: self.past.places.waiting().collect(),
            last: self.last,
            from_snapshot: self.from_snapshot,
            replayed_commands: self.replayed_commands,
            torn_bytes: self.torn_bytes,
        }
    }

    /// Hash the next block points at.
    pub(crate) fn parent(&self) -> Hash {
        self.last.map_or(Hash::default(), |header| header.hash())
    }
}

/// How to read: a snapshot may be used, and an unfinished write may be cleared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) use_snapshots: bool,
    pub(crate) repair: bool,
    /// Rows of the archive before this one nobody needs: they are not read.
    pub(crate) known: ArchiveKnown,
}

pub(crate) fn recover(disk: &Arc<dyn Disk>, seed: IndexSeed, manner: Manner) -> Result<Recovery, OpenError> {
    recover_telling(disk, seed, manner, None)
}

/// The same, telling where the messages of each block lie whose commands are applied again. It waits while nobody listens
/// fast enough, and goes on when nobody listens any more.
pub(crate) fn recover_telling(
    disk: &Arc<dyn Disk>,
    seed: IndexSeed,
    manner: Manner,
    tell: Option<SyncSender<BlockPlaces>>,
) -> Result<Recovery, OpenError> {
    if manner.use_snapshots {
        for height in snapshot::heights(&**disk)? {
            let Some(found) = snapshot::read(&**disk, height, seed, manner.known)? else { continue };
            match Walk::new(disk, Some(found), seed, manner, tell.clone()).run() {
                Err(OpenError::Diverged { height, what }) => {
                    tracing::warn!(height, what, "snapshot does not fit the blocks and is ignored");
                }
                done => return done,
            }
        }
    }
    Walk::new(disk, None, seed, manner, tell).run()
}

/// One pass over all blocks.
struct Walk<'a> {
    disk: &'a dyn Disk,
    manner: Manner,
    /// Waits for its height to come.
    snapshot: Option<Snapshot>,
    recovery: Recovery,
    tell: Option<SyncSender<BlockPlaces>>,
}

impl<'a> Walk<'a> {
    fn new(
        disk: &'a Arc<dyn Disk>,
        snapshot: Option<Snapshot>,
        seed: IndexSeed,
        manner: Manner,
        tell: Option<SyncSender<BlockPlaces>>,
    ) -> Self {
        let recovery = Recovery {
            clearing: Clearing::new(seed),
            past: Past::new(disk.clone()),
            last: None,
            segment: None,
            replayed_commands: 0,
            from_snapshot: snapshot.as_ref().map(|snapshot| snapshot.height),
            torn_bytes: 0,
        };
        Self { disk: &**disk, manner, snapshot, recovery, tell }
    }

    fn run(mut self) -> Result<Recovery, OpenError> {
        let heights = segment_heights(self.disk)?;
        for (at, &first) in heights.iter().enumerate() {
            let expected = self.next_height();
            if first > expected {
                return Err(OpenError::Missing { from: expected, to: first - 1 });
            }
            self.segment(first, at + 1 == heights.len())?;
        }
        match self.snapshot {
            None => Ok(self.recovery),
            Some(snapshot) => {
                // The blocks a snapshot was taken behind are durable before it is: their absence is damage.
                let from = self.recovery.last.map_or(1, |last| last.height + 1);
                Err(OpenError::Missing { from, to: snapshot.height })
            }
        }
    }

    fn next_height(&self) -> u64 {
        self.recovery.last.map_or(1, |last| last.height + 1)
    }

    fn segment(&mut self, first: u64, is_last: bool) -> Result<(), OpenError> {
        let file = segment_name(first);
        let mut open = self.disk.open(&file)?;
        let bytes = open.read_all()?;
        let mut offset = 0;
        loop {
            let height = self.next_height();
            let damaged = |height: u64, why: &str| OpenError::Damaged {
                height,
                file: file.clone(),
                offset: offset as u64,
                why: why.to_owned(),
            };
            match read_frame(&bytes, offset) {
                Found::Frame(frame) => {
                    self.block(&frame).map_err(|error| match error {
                        BlockError::Chain(why) => damaged(height, why),
                        BlockError::Replay(what) => OpenError::Diverged { height, what },
                    })?;
                    offset += frame.bytes;
                }
                Found::End => break,
                Found::Torn if !is_last || synced_behind(&bytes, offset) => {
                    return Err(damaged(height, "part of it is zero, yet it had been synced"));
                }
                Found::Torn => {
                    self.clear_torn(open.as_mut(), offset, bytes.len())?;
                    break;
                }
                Found::Broken(why) => return Err(damaged(height, why)),
            }
        }
        if is_last {
            if self.manner.repair && !planted(Bug::FoundNotSynced) {
                self.make_durable(open.as_mut(), &bytes[..offset])?;
            }
            self.recovery.segment = Some(OpenSegment { file: open, offset: offset as u64, bytes: bytes.len() as u64 });
        }
        Ok(())
    }

    /// What was found goes on being told, so it must be durable and not merely readable: a crash may have come between write
    /// and sync, and after a failed sync the pages count as clean although they never reached the disk. Hence written again,
    /// then synced. Earlier segments were synced before the last one was begun; its name may not have been.
    fn make_durable(&self, file: &mut dyn DiskFile, blocks: &[u8]) -> io::Result<()> {
        file.write_at(0, blocks)?;
        file.sync_data()?;
        self.disk.sync_folder()
    }

    /// Clears an unfinished write, so that what comes next does not lie among its remains.
    fn clear_torn(&mut self, file: &mut dyn DiskFile, offset: usize, end: usize) -> io::Result<()> {
        self.recovery.torn_bytes = (end - offset) as u64;
        if self.manner.repair {
            tracing::info!(height = self.next_height(), "an unfinished write is cleared; nobody had been told of it");
            file.write_at(offset as u64, &vec![0; end - offset])?;
            file.sync_data()?;
        }
        Ok(())
    }

    fn block(&mut self, frame: &Frame<'_>) -> Result<(), BlockError> {
        let header = &frame.header;
        if header.height != self.next_height() || header.parent != self.recovery.parent() {
            return Err(BlockError::Chain("it does not follow the block before it"));
        }
        if self.recovery.last.is_some_and(|last| header.time_ns < last.time_ns) {
            return Err(BlockError::Chain("its time is before the last block's"));
        }
        match self.snapshot.take_if(|snapshot| snapshot.height == header.height) {
            Some(snapshot) => self.take_snapshot(header, snapshot)?,
            None if self.snapshot.is_some() => {}
            None => self.replay(frame)?,
        }
        self.recovery.last = Some(*header);
        Ok(())
    }

    fn take_snapshot(&mut self, header: &BlockHeader, snapshot: Snapshot) -> Result<(), BlockError> {
        let fits = snapshot.block == header.hash()
            && snapshot.clearing.state_root() == header.state_root
            && snapshot.clearing.tree() == (header.tree_size, header.tree_root);
        if !fits {
            return Err(BlockError::Replay("snapshot"));
        }
        self.recovery.clearing = snapshot.clearing;
        self.recovery.past.places = snapshot.places;
        Ok(())
    }

    fn replay(&mut self, frame: &Frame<'_>) -> Result<(), BlockError> {
        let header = &frame.header;
        let mut body = frame.body;
        // A command has at least a byte: what the header claims beyond that asks for memory alone.
        let mut commands = Vec::with_capacity((header.command_count as usize).min(body.len()));
        while !body.is_empty() {
            commands.push(Command::decode(&mut body).map_err(|_| BlockError::Chain("a command cannot be read"))?);
        }
        let applied = self.recovery.clearing.apply_block(Time(header.time_ns), &commands);
        let again = header_of(header.parent, header.height, Time(header.time_ns), frame.body, commands.len(), &applied);
        compare(header, &again)?;
        let past = &mut self.recovery.past;
        if self.manner.repair {
            past.note_block(&commands, &applied, &frame.places);
        } else {
            past.places.note_block(&commands, &applied, &frame.places);
        }
        self.recovery.replayed_commands += commands.len() as u64;
        if let Some(tell) = &self.tell {
            let _ = tell.send((header.height, frame.places.clone()));
        }
        Ok(())
    }
}

pub(crate) enum BlockError {
    Chain(&'static str),
    Replay(&'static str),
}

/// ORD-02.
pub(crate) fn compare(written: &BlockHeader, again: &BlockHeader) -> Result<(), BlockError> {
    if written.command_count != again.command_count {
        return Err(BlockError::Chain("its number of commands differs"));
    }
    if written.state_root != again.state_root {
        return Err(BlockError::Replay("state root"));
    }
    if (written.tree_size, written.tree_root) != (again.tree_size, again.tree_root) {
        return Err(BlockError::Replay("tree of final payments"));
    }
    if written != again {
        return Err(BlockError::Replay("header"));
    }
    Ok(())
}
