//! Snapshot files: the state behind one block, tied to that block's hash.
//!
//! `"LHS1" | u64 height | block hash 32 | SHA-256 of the rest | u64 places × 12 | state`. Written to a temporary name, synced, renamed,
//! folder synced: a crash leaves the old snapshots or a whole new one. The two newest are kept.

use crate::disk::Disk;
use crate::vault::VaultPlace;
use chain::{Hash, sha256};
use clearing::{Clearing, Command, IndexSeed, Outcome, PaymentIndex};
use std::io;

const MAGIC: [u8; 4] = *b"LHS1";
const HEAD_BYTES: usize = 4 + 8 + 32 + 32;
const KEPT: usize = 2;
const TEMPORARY: &str = "snapshot.tmp";

/// Where the signed message of each payment lies, by payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places(pub(crate) Vec<VaultPlace>);

impl Places {
    pub(crate) fn note(&mut self, payment: PaymentIndex, place: VaultPlace) {
        let at = payment.0 as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, VaultPlace::default());
        }
        self.0[at] = place;
    }

    /// Enters the messages of a block's new payments.
    pub(crate) fn note_block(&mut self, commands: &[Command], outcomes: &[Outcome], places: &[(u32, VaultPlace)]) {
        for (at, place) in places {
            let at = *at as usize;
            if let (Some(Command::Pay(_)), Some(Outcome::Payment { payment, .. })) = (commands.get(at), outcomes.get(at)) {
                self.note(payment.index, *place);
            }
        }
    }
}

/// A state read back.
pub(crate) struct Snapshot {
    pub(crate) height: u64,
    pub(crate) block: Hash,
    pub(crate) places: Places,
    pub(crate) clearing: Clearing,
}

fn name(height: u64) -> String {
    format!("snapshot-{height:020}.bin")
}

fn height_of(name: &str) -> Option<u64> {
    name.strip_prefix("snapshot-")?.strip_suffix(".bin")?.parse().ok()
}

/// Heights of all snapshots, newest first.
pub(crate) fn heights(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut heights: Vec<u64> = disk.list()?.iter().filter_map(|name| height_of(name)).collect();
    heights.sort_unstable_by(|a, b| b.cmp(a));
    Ok(heights)
}

/// Writes the state behind block `block`; nothing when there is no block yet.
pub(crate) fn write(disk: &dyn Disk, clearing: &Clearing, block: Hash, places: &Places) -> io::Result<()> {
    let height = clearing.height();
    if height == 0 {
        return Ok(());
    }
    let mut bytes = vec![0; HEAD_BYTES];
    bytes.extend_from_slice(&(places.0.len() as u64).to_le_bytes());
    for place in &places.0 {
        for number in [place.file, place.offset, place.bytes] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    clearing.encode_snapshot(&mut bytes);
    let digest = sha256(&bytes[HEAD_BYTES..]);
    bytes[..4].copy_from_slice(&MAGIC);
    bytes[4..12].copy_from_slice(&height.to_le_bytes());
    bytes[12..44].copy_from_slice(&block.0);
    bytes[44..HEAD_BYTES].copy_from_slice(&digest.0);
    let mut file = disk.create(TEMPORARY)?;
    file.write_at(0, &bytes)?;
    file.sync_data()?;
    drop(file);
    disk.rename(TEMPORARY, &name(height))?;
    disk.sync_folder()?;
    for old in heights(disk)?.into_iter().skip(KEPT) {
        disk.remove(&name(old))?;
    }
    Ok(())
}

/// Reads one; `None` when it is damaged: it is only a shortcut, the blocks have everything.
pub(crate) fn read(disk: &dyn Disk, height: u64, seed: IndexSeed) -> io::Result<Option<Snapshot>> {
    let bytes = disk.open(&name(height))?.read_all()?;
    let snapshot = parse(&bytes, seed).filter(|snapshot| snapshot.height == height);
    if snapshot.is_none() {
        tracing::warn!(height, "snapshot is damaged and ignored");
    }
    Ok(snapshot)
}

fn parse(bytes: &[u8], seed: IndexSeed) -> Option<Snapshot> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    if head[..4] != MAGIC || head[44..] != sha256(rest).0 {
        return None;
    }
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    let (places, state) = rest.split_at_checked(count.checked_mul(12)?)?;
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
    let place = |bytes: &[u8]| VaultPlace { file: number(&bytes[..4]), offset: number(&bytes[4..8]), bytes: number(&bytes[8..]) };
    let clearing = Clearing::decode_snapshot(state, seed).ok()?;
    Some(Snapshot {
        height: u64::from_le_bytes(head[4..12].try_into().expect("eight bytes")),
        block: Hash(head[12..44].try_into().expect("thirty-two bytes")),
        places: Places(places.chunks_exact(12).map(place).collect()),
        clearing,
    })
}
