//! The archive: payments the centre has forgotten and letters, so that readers can be rebuilt without replaying every block.
//!
//! Files `archive-<number>.log` and `letters-<number>.log` of [`ROWS`] rows; row `n` lies in file `n / ROWS`, at `n % ROWS`. A
//! row is `payment or letter | place of its message 12 | first 8 bytes of SHA-256 over number and both`, and never changes.
//!
//! # Crash notes
//! Rows are written with the block that forgets or sends and synced only before a snapshot is written: whatever a crash leaves,
//! rows before a snapshot are whole, and recovery writes those behind it again while it replays. The blocks have
//! everything: when the archive cannot be written, no snapshots are, and the next start replays. What a full disk does not take
//! while blocks are replayed stays in memory until readers have it, so that a node starts on a full disk.

use crate::disk::{Disk, DiskFile};
use crate::vault::VaultPlace;
use chain::Hasher;
use clearing::{Letter, PaymentIndex, PaymentView};
use std::io;
use std::sync::Arc;

/// Rows of a file: 278 MB of payments, 78 MB of letters.
const ROWS: u64 = 1 << 20;
const PLACE_BYTES: usize = 12;
const CHECK_BYTES: usize = 8;
/// Rows written or read in one piece: about 2 MB.
const PIECE_ROWS: u64 = 1 << 13;
/// Rows kept in memory for a disk that does not take them; with more the node does not start.
const UNWRITTEN_MAX: usize = 1 << 20;

/// A payment the centre has forgotten, and where its signed message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// As it stood; it does not change any more.
    pub payment: PaymentView,
    /// Where its message lies.
    pub place: VaultPlace,
}

/// A letter, and where the signed message of its own command lies; of no bytes when it carries none or an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLetter {
    /// As it was sent.
    pub letter: Letter,
    /// Where its message lies.
    pub place: VaultPlace,
}

/// What the archive keeps.
pub(crate) trait Archived: Copy + 'static {
    /// What the names of its files begin with.
    const FILES: &'static str;
    /// Bytes of a row with everything.
    const ROW_BYTES: usize;

    /// Its number: where it lies.
    fn number(&self) -> u64;
    /// Appends it with its place.
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads what [`Self::encode`] wrote.
    fn decode(number: u64, row: &[u8]) -> Option<Self>;
}

impl Archived for Forgotten {
    const FILES: &'static str = "archive";
    const ROW_BYTES: usize = PaymentView::KEPT_BYTES + PLACE_BYTES + CHECK_BYTES;

    fn number(&self) -> u64 {
        self.payment.index.0
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.payment.encode_kept(out).expect("only what has an end is forgotten");
        self.place.encode(out);
    }

    fn decode(number: u64, row: &[u8]) -> Option<Self> {
        let (row, place) = row.split_at_checked(PaymentView::KEPT_BYTES)?;
        let payment = PaymentView::decode_kept(PaymentIndex(number), row).ok()?;
        Some(Self { payment, place: VaultPlace::decode(place) })
    }
}

impl Archived for KeptLetter {
    const FILES: &'static str = "letters";
    const ROW_BYTES: usize = Letter::ROW_BYTES + PLACE_BYTES + CHECK_BYTES;

    fn number(&self) -> u64 {
        self.letter.number
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.letter.encode_row(out);
        self.place.encode(out);
    }

    fn decode(number: u64, row: &[u8]) -> Option<Self> {
        let (row, place) = row.split_at_checked(Letter::ROW_BYTES)?;
        Some(Self { letter: Letter::decode_row(number, row).ok()?, place: VaultPlace::decode(place) })
    }
}

impl VaultPlace {
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        [self.file, self.offset, self.bytes].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
    }

    /// Reads twelve bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        Self { file: number(0), offset: number(4), bytes: number(8) }
    }
}

fn file_name<T: Archived>(number: u64) -> String {
    format!("{}-{number:010}.log", T::FILES)
}

fn check(number: u64, row: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(row);
    hasher.finish().0[..CHECK_BYTES].try_into().expect("a hash is longer")
}

fn encode<T: Archived>(kept: &T, out: &mut Vec<u8>) {
    let begin = out.len();
    kept.encode(out);
    out.extend_from_slice(&check(kept.number(), &out[begin..]));
}

fn decode<T: Archived>(number: u64, row: &[u8]) -> Option<T> {
    let (row, found) = row.split_at(T::ROW_BYTES - CHECK_BYTES);
    if check(number, row) == found { T::decode(number, row) } else { None }
}

/// What was kept of one kind, for readers that are rebuilt.
pub trait KeptRows<T> {
    /// How many there are.
    fn count(&self) -> u64;

    /// Those from a number on, in order, up to the first that cannot be read.
    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<T>> + '_>;
}

impl<T: Copy> KeptRows<T> for Vec<T> {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<T>> + '_> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Box::new(self.get(number..).unwrap_or_default().iter().map(|row| Ok(*row)))
    }
}

/// None.
pub(crate) struct NothingKept;

impl<T: 'static> KeptRows<T> for NothingKept {
    fn count(&self) -> u64 {
        0
    }

    fn from(&self, _: u64) -> Box<dyn Iterator<Item = io::Result<T>> + '_> {
        Box::new(core::iter::empty())
    }
}

/// Looks whether the first `count` rows are there, and those from `from` on whole; the inner error says which is damaged or
/// missing, and where.
pub(crate) fn examine<T: Archived>(disk: &dyn Disk, from: u64, count: u64) -> io::Result<Result<(), String>> {
    let names = disk.list()?;
    for file in 0..count.div_ceil(ROWS) {
        let name = file_name::<T>(file);
        let wanted = (count - file * ROWS).min(ROWS);
        if !names.contains(&name) {
            return Ok(Err(format!("{name} is missing")));
        }
        let length = disk.open(&name)?.length()?;
        if length < wanted * T::ROW_BYTES as u64 {
            return Ok(Err(format!("{name}, byte {length}: it ends too early")));
        }
    }
    for row in rows::<T>(disk, from, count) {
        match row {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(()))
}

/// Rows `from..count`, up to the first that cannot be read.
pub(crate) fn rows<T: Archived>(disk: &dyn Disk, from: u64, count: u64) -> impl Iterator<Item = io::Result<T>> + '_ {
    Reading { disk, open: None, next: from, count, piece: Vec::new(), failed: false }
}

/// Reads rows in order, a piece at a time.
struct Reading<'a, T> {
    disk: &'a dyn Disk,
    open: Option<(u64, Box<dyn DiskFile>)>,
    /// Number of the row behind the piece's last.
    next: u64,
    count: u64,
    /// What of the piece is still to be told, the next row last.
    piece: Vec<T>,
    failed: bool,
}

impl<T: Archived> Reading<'_, T> {
    fn read_piece(&mut self) -> io::Result<()> {
        let file = self.next / ROWS;
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.open = Some((file, self.disk.open(&file_name::<T>(file))?));
        }
        let (_, open) = self.open.as_ref().expect("it was just opened");
        let wanted = (self.count - self.next).min(PIECE_ROWS).min(ROWS - self.next % ROWS);
        let mut bytes = vec![0; wanted as usize * T::ROW_BYTES];
        open.read_at(self.next % ROWS * T::ROW_BYTES as u64, &mut bytes)?;
        for (number, row) in (self.next..).zip(bytes.chunks_exact(T::ROW_BYTES)) {
            let place = number % ROWS * T::ROW_BYTES as u64;
            let why = || format!("{}, byte {place}: a row is damaged", file_name::<T>(file));
            let damaged = || io::Error::new(io::ErrorKind::InvalidData, why());
            self.piece.push(decode(number, row).ok_or_else(damaged)?);
        }
        self.piece.reverse();
        self.next += wanted;
        Ok(())
    }
}

impl<T: Archived> Iterator for Reading<'_, T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.piece.is_empty()
            && self.next < self.count
            && !self.failed
            && let Err(error) = self.read_piece()
        {
            self.failed = true;
            self.piece.clear();
            return Some(Err(error));
        }
        self.piece.pop().map(Ok)
    }
}

/// Writes rows, each at its place.
pub(crate) struct ArchiveWriter<T> {
    disk: Arc<dyn Disk>,
    open: Option<(u64, Box<dyn DiskFile>)>,
    buffer: Vec<u8>,
    /// A write failed: nothing more is written, and there are no snapshots from here on.
    failed: bool,
    /// What the disk did not take, for readers that are rebuilt; `None` when they have been.
    unwritten: Option<Vec<T>>,
}

impl<T: Archived> ArchiveWriter<T> {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: None, buffer: Vec::new(), failed: false, unwritten: Some(Vec::new()) }
    }

    /// Rows from a number on, of the first `count`.
    pub(crate) fn rows(&self, from: u64, count: u64) -> impl Iterator<Item = io::Result<T>> + '_ {
        let unwritten = self.unwritten.as_deref().unwrap_or_default();
        let written = unwritten.first().map_or(count, |first| first.number().min(count));
        let kept = unwritten.iter().filter(move |row| (from..count).contains(&row.number())).map(|row| Ok(*row));
        let missing = unwritten.last().is_some_and(|last| last.number() + 1 < count);
        let full = missing.then(|| Err(io::Error::new(io::ErrorKind::StorageFull, "the archive cannot be written")));
        rows(&*self.disk, from, written).chain(kept).chain(full)
    }

    /// Readers have been rebuilt.
    pub(crate) fn was_read(&mut self) {
        self.unwritten = None;
    }

    /// Writes rows that follow each other.
    pub(crate) fn write(&mut self, rows: &[T]) {
        let mut rest = rows;
        while let Some(first) = rest.first().filter(|_| !self.failed) {
            let number = first.number();
            let room = (ROWS - number % ROWS).min(PIECE_ROWS) as usize;
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            self.buffer.clear();
            piece.iter().for_each(|row| encode(row, &mut self.buffer));
            if let Err(error) = self.write_piece(number) {
                tracing::error!(%error, "the archive cannot be written: there will be no snapshots, and the next start takes longer");
                self.failed = true;
                return self.keep(rest);
            }
            rest = behind;
        }
        self.keep(rest);
    }

    fn keep(&mut self, rows: &[T]) {
        if let Some(unwritten) = &mut self.unwritten {
            let room = UNWRITTEN_MAX - unwritten.len();
            unwritten.extend_from_slice(&rows[..rows.len().min(room)]);
        }
    }

    fn write_piece(&mut self, number: u64) -> io::Result<()> {
        let file = number / ROWS;
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.sync()?;
            let name = file_name::<T>(file);
            let opened = if self.disk.list()?.contains(&name) { self.disk.open(&name)? } else { self.disk.create(&name)? };
            self.open = Some((file, opened));
        }
        let (_, open) = self.open.as_mut().expect("it was just opened");
        open.write_at(number % ROWS * T::ROW_BYTES as u64, &self.buffer)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some((_, open)) = &mut self.open {
            open.sync_data()?;
            self.disk.sync_folder()?;
        }
        Ok(())
    }

    /// Makes everything written durable. `false`: it is not whole, and no snapshot may rely on it.
    pub(crate) fn make_durable(&mut self) -> io::Result<bool> {
        if self.failed {
            return Ok(false);
        }
        self.sync()?;
        Ok(true)
    }
}
