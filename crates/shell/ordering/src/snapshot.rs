//! Snapshot files: the state behind one block, tied to that block's hash.
//!
//! `"LHS2" | u64 height | block hash 32 | SHA-256 of the rest | u64 places × 12 | u64 waiting × 28 | state`; places are those of
//! payments on record, of payments that wait and of matters, and what was forgotten or sent as a letter is in the archive, which
//! is synced before a snapshot that relies on it. Written to a temporary name, synced, renamed, folder synced: a crash leaves the
//! old snapshots or a whole new one. The two newest are kept.

use crate::archive::{self, ArchiveWriter, Forgotten, KeptLetter, KeptRows};
use crate::disk::Disk;
use crate::vault::VaultPlace;
use chain::{Hash, sha256};
use clearing::{Applied, Carries, Clearing, Command, Event, EventKind, IndexSeed, Letter, Outcome, PaymentIndex, Uetr};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

const MAGIC: [u8; 4] = *b"LHS2";
const HEAD_BYTES: usize = 4 + 8 + 32 + 32;
const KEPT: usize = 2;
const TEMPORARY: &str = "snapshot.tmp";

/// Where the signed message of each payment on record lies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Number of the oldest payment on record.
    first: u64,
    /// Shorter than the record when the last payments have no message.
    rows: VecDeque<VaultPlace>,
    /// Of payments that wait and of matters between two agents: they have no number. No two of them have one UETR.
    waiting: BTreeMap<Uetr, VaultPlace>,
    /// Letters sent so far.
    letters: u64,
}

impl Places {
    pub(crate) fn note(&mut self, payment: PaymentIndex, place: VaultPlace) {
        let at = (payment.0 - self.first) as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, VaultPlace::default());
        }
        self.rows[at] = place;
    }

    /// Where a payment's message lies; `None` when it has none, or is not on record.
    pub(crate) fn get(&self, payment: PaymentIndex) -> Option<VaultPlace> {
        let at = payment.0.checked_sub(self.first)?;
        self.rows.get(usize::try_from(at).ok()?).copied().filter(|place| place.bytes > 0)
    }

    /// All of them, from the oldest payment on record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = VaultPlace> {
        self.rows.iter().copied()
    }

    /// Those of payments that wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = (Uetr, VaultPlace)> {
        self.waiting.iter().map(|(uetr, place)| (*uetr, *place))
    }

    /// Where the message of a payment that waits lies, or the one that opened a matter.
    pub(crate) fn of_waiting(&self, uetr: Uetr) -> Option<VaultPlace> {
        self.waiting.get(&uetr).copied().filter(|place| place.bytes > 0)
    }

    /// A payment that waited has been taken up.
    fn take_up(&mut self, uetr: Uetr, payment: PaymentIndex) {
        if let Some(place) = self.waiting.remove(&uetr) {
            self.note(payment, place);
        }
    }

    /// Enters the messages of a block's new payments, and hands over what the block forgot and the letters it sent.
    pub(crate) fn note_block(
        &mut self,
        commands: &[Command],
        applied: &Applied,
        places: &[(u32, VaultPlace)],
    ) -> (Vec<Forgotten>, Vec<KeptLetter>) {
        let forgotten = applied.forgotten.iter().map(|payment| {
            assert_eq!(payment.index.0, self.first, "payments are forgotten in order of arrival");
            self.first += 1;
            Forgotten { payment: *payment, place: self.rows.pop_front().unwrap_or_default() }
        });
        let forgotten = forgotten.collect();
        let letters = letters_of(applied, places);
        self.letters += letters.len() as u64;
        for (at, place) in places {
            let at = *at as usize;
            match (commands.get(at), applied.outcomes.get(at)) {
                (Some(Command::Pay(_) | Command::Return(_) | Command::Matter(_)), Some(Outcome::Payment { payment, .. })) => {
                    self.note(payment.index, *place);
                }
                (Some(Command::Pay(_)), Some(Outcome::Waiting { payment, .. })) => {
                    self.waiting.insert(payment.uetr, *place);
                }
                (Some(Command::Matter(step)), Some(Outcome::Matter { .. })) if step.content().is_some() => {
                    self.waiting.insert(step.uetr(), *place);
                }
                (_, _) => {}
            }
        }
        for uetr in &applied.forgotten_matters {
            self.waiting.remove(uetr);
        }
        if !self.waiting.is_empty() {
            for event in &applied.events {
                if let EventKind::PaymentHeld(payment) | EventKind::PaymentRejected(payment) = &event.kind {
                    self.take_up(payment.uetr, payment.index);
                }
            }
        }
        (forgotten, letters)
    }
}

/// The letters of a block, each with the place of the message it came with.
pub fn letters_of(applied: &Applied, places: &[(u32, VaultPlace)]) -> Vec<KeptLetter> {
    let of = |event: &Event| if let EventKind::Letter(letter) = &event.kind { Some(*letter) } else { None };
    let letters: Vec<Letter> = applied.events.iter().filter_map(of).collect();
    if letters.is_empty() {
        return Vec::new();
    }
    let places: BTreeMap<u32, VaultPlace> = places.iter().copied().collect();
    let place_of = |carries| match carries {
        Carries::Command(at) => places.get(&at).copied().unwrap_or_default(),
        Carries::Nothing | Carries::Letter(_) | Carries::Payment(_) | Carries::Statement { .. } => VaultPlace::default(),
    };
    letters.into_iter().map(|letter| KeptLetter { letter, place: place_of(letter.carries) }).collect()
}

/// What is kept beside the blocks: where messages lie, payments that were forgotten, and letters.
pub(crate) struct Past {
    pub(crate) places: Places,
    archive: ArchiveWriter<Forgotten>,
    letters: ArchiveWriter<KeptLetter>,
}

impl Past {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        let (archive, letters) = (ArchiveWriter::new(Arc::clone(&disk)), ArchiveWriter::new(disk));
        Self { places: Places::default(), archive, letters }
    }

    pub(crate) fn note_block(&mut self, commands: &[Command], applied: &Applied, places: &[(u32, VaultPlace)]) {
        let (forgotten, letters) = self.places.note_block(commands, applied, places);
        self.archive.write(&forgotten);
        self.letters.write(&letters);
    }

    /// Readers have been rebuilt from it.
    pub(crate) fn was_read(&mut self) {
        self.archive.was_read();
        self.letters.was_read();
    }

    /// Makes the archive durable. `false`: it is not whole, and no snapshot may rely on it.
    fn make_durable(&mut self) -> io::Result<bool> {
        Ok(self.archive.make_durable()? && self.letters.make_durable()?)
    }
}

impl KeptRows<Forgotten> for Past {
    fn count(&self) -> u64 {
        self.places.first
    }

    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<Forgotten>> + '_> {
        Box::new(self.archive.rows(number, self.places.first))
    }
}

impl KeptRows<KeptLetter> for Past {
    fn count(&self) -> u64 {
        self.places.letters
    }

    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<KeptLetter>> + '_> {
        Box::new(self.letters.rows(number, self.places.letters))
    }
}

/// Rows of the archive that readers know already: they are not looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArchiveKnown {
    /// Payments.
    pub forgotten: u64,
    /// Letters.
    pub letters: u64,
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

/// Writes the state behind block `block`; nothing when there is no block yet, or when the archive is not whole.
pub(crate) fn write(disk: &dyn Disk, clearing: &Clearing, block: Hash, past: &mut Past) -> io::Result<()> {
    let height = clearing.height();
    if height == 0 || !past.make_durable()? {
        return Ok(());
    }
    let places = &past.places;
    let mut bytes = vec![0; HEAD_BYTES];
    bytes.extend_from_slice(&(places.rows.len() as u64).to_le_bytes());
    places.iter().for_each(|place| place.encode(&mut bytes));
    bytes.extend_from_slice(&(places.waiting.len() as u64).to_le_bytes());
    for (uetr, place) in places.waiting() {
        bytes.extend_from_slice(&uetr.0);
        place.encode(&mut bytes);
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

/// Reads one; `None` when it is damaged, or the archive is behind the rows `known`: it is only a shortcut, the blocks have
/// everything.
pub(crate) fn read(disk: &dyn Disk, height: u64, seed: IndexSeed, known: ArchiveKnown) -> io::Result<Option<Snapshot>> {
    let read = examine(disk, height, seed, known)?;
    Ok(read.inspect_err(|why| tracing::warn!(height, "snapshot is damaged or of an earlier version, and ignored: {why}")).ok())
}

/// What is wrong with each snapshot, as far as anything is: file and place.
pub(crate) fn damage(disk: &dyn Disk, seed: IndexSeed) -> io::Result<Vec<String>> {
    let read = heights(disk)?.into_iter().map(|height| examine(disk, height, seed, ArchiveKnown::default()));
    read.filter_map(|read| read.map(Result::err).transpose()).collect()
}

/// Reads one, or says what is wrong with which file.
fn examine(disk: &dyn Disk, height: u64, seed: IndexSeed, known: ArchiveKnown) -> io::Result<Result<Snapshot, String>> {
    let file = name(height);
    let bytes = disk.open(&file)?.read_all()?;
    let read = parse(&bytes, seed).and_then(|snapshot| {
        if snapshot.height == height { Ok(snapshot) } else { Err("byte 4: it says another height than its name") }
    });
    let snapshot = match read {
        Ok(snapshot) => snapshot,
        Err(why) => return Ok(Err(format!("{file}, {why}"))),
    };
    let payments = archive::examine::<Forgotten>(disk, known.forgotten, snapshot.clearing.forgotten())?;
    let letters = archive::examine::<KeptLetter>(disk, known.letters, snapshot.clearing.letters())?;
    Ok(payments.and(letters).map(|()| snapshot))
}

/// An error says from which byte on what is wrong.
fn parse(bytes: &[u8], seed: IndexSeed) -> Result<Snapshot, &'static str> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or("byte 0: it is too short")?;
    if head[..4] != MAGIC {
        return Err("byte 0: it is no snapshot of this version");
    }
    if head[44..] != sha256(rest).0 {
        return Err("byte 44: what follows differs from its hash");
    }
    let state = || -> Option<Snapshot> {
        let (places, rest) = table(rest, 12)?;
        let (waiting, state) = table(rest, 28)?;
        let waiting_row = |row: &[u8]| row.split_first_chunk().map(|(uetr, place)| (Uetr(*uetr), VaultPlace::decode(place)));
        let clearing = Clearing::decode_snapshot(state, seed).ok()?;
        Some(Snapshot {
            height: u64::from_le_bytes(head[4..12].try_into().expect("eight bytes")),
            block: Hash(head[12..44].try_into().expect("thirty-two bytes")),
            places: Places {
                first: clearing.forgotten(),
                rows: places.chunks_exact(12).map(VaultPlace::decode).collect(),
                waiting: waiting.chunks_exact(28).filter_map(waiting_row).collect(),
                letters: clearing.letters(),
            },
            clearing,
        })
    };
    state().ok_or("byte 76: the state in it cannot be read")
}

/// A count and so many rows of that length, and what follows.
fn table(bytes: &[u8], row: usize) -> Option<(&[u8], &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok()?;
    rest.split_at_checked(count.checked_mul(row)?)
}
