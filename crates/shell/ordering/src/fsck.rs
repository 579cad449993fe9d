//! `fsck`: reads a data folder without changing it and says which laws hold.

use crate::disk::Disk;
use crate::messages::{Checked, MessageCheck};
use crate::recovery::{Manner, OpenError, recover_telling};
use crate::snapshot::{self, ArchiveKnown};
use clearing::{IndexSeed, laws};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

/// What a check found.
#[derive(Debug)]
pub struct FsckReport {
    /// Blocks that are sound.
    pub blocks: u64,
    /// Payments taken in, on record or forgotten.
    pub payments: u64,
    /// Final payments in the tree.
    pub finals: u64,
    /// Commands applied again.
    pub replayed_commands: u64,
    /// Bytes of an unfinished write at the end, which the next start will drop.
    pub torn_bytes: u64,
    /// Signed messages read back and found whole.
    pub messages: u64,
    /// Signed messages that were erased, each with its record.
    pub erased: u64,
    /// Signed messages an erasure was broken off at: the next start erases them.
    pub to_erase: u64,
    /// Snapshots that a start will pass over, with file and place of what is wrong: no law is broken, the blocks have
    /// everything.
    pub passed_over: Vec<String>,
    /// Laws broken, with what was found; empty when all hold.
    pub broken: Vec<(String, String)>,
}

/// Laws a check judges.
pub const LAWS_JUDGED: [&str; 11] =
    ["CHN-01", "LED-01", "LED-02", "LED-03", "LED-04", "LIQ-01", "ORD-02", "PAY-01", "PAY-03", "PAY-04", "QUO-01"];

/// Blocks whose messages may wait to be read: some megabytes of places at most.
const BLOCKS_AHEAD: usize = 64;

/// Checks every block and link. `deep` also applies every command again from the first block, ignoring snapshots, and
/// reads every signed message that a block refers to back against its hash (VLT-01), or finds it erased on record (VLT-02), on
/// a thread of its own.
pub fn fsck(disk: Arc<dyn Disk>, deep: bool) -> Result<FsckReport, OpenError> {
    let manner = Manner { use_snapshots: !deep, repair: false, known: ArchiveKnown::default() };
    let (recovery, messages) = std::thread::scope(|scope| {
        let (tell, told) = sync_channel(BLOCKS_AHEAD);
        let reader = deep.then(|| scope.spawn(|| MessageCheck::new(&*disk).run(told)));
        let recovery = recover_telling(&disk, IndexSeed(0), manner, reader.is_some().then_some(tell));
        (recovery, reader.map(|reader| reader.join().unwrap_or_else(|panic| resume_unwind(panic))))
    });
    let recovery = match recovery {
        Ok(recovery) => recovery,
        Err(OpenError::Io(error)) => return Err(OpenError::Io(error)),
        Err(damage) => return Ok(damaged(damage)),
    };
    let passed_over = snapshot::damage(&*disk, IndexSeed(0))?;
    let Checked { whole, erased, to_erase, broken } = messages.unwrap_or_default();
    let laws = laws::check_all(&recovery.clearing).into_iter().map(|law| (law.law.to_owned(), law.detail));
    Ok(FsckReport {
        blocks: recovery.last.map_or(0, |last| last.height),
        payments: recovery.clearing.forgotten() + recovery.clearing.payments().len() as u64,
        finals: recovery.clearing.tree().0,
        replayed_commands: recovery.replayed_commands,
        torn_bytes: recovery.torn_bytes,
        messages: whole,
        erased,
        to_erase,
        passed_over,
        broken: laws.chain(broken.into_iter().map(|(law, line)| (law.to_owned(), line))).collect(),
    })
}

fn damaged(damage: OpenError) -> FsckReport {
    let law = match damage {
        OpenError::Diverged { .. } => "ORD-02",
        OpenError::Damaged { .. } | OpenError::Missing { .. } | OpenError::Io(_) | OpenError::Readers(_) => "CHN-01",
    };
    FsckReport {
        blocks: 0,
        payments: 0,
        finals: 0,
        replayed_commands: 0,
        torn_bytes: 0,
        messages: 0,
        erased: 0,
        to_erase: 0,
        passed_over: Vec::new(),
        broken: vec![(law.to_owned(), damage.to_string())],
    }
}
