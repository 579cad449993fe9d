//! The archive: payments the centre has forgotten, so that readers can be rebuilt without replaying every block.
//!
//! Files `archive-<number>.log` of [`ROWS`] rows; payment `n` lies in file `n / ROWS`, in row `n % ROWS`. A row is
//! `payment | place of its message 12 | first 8 bytes of SHA-256 over number and both`, and never changes.
//!
//! # Crash notes
//! Rows are written with the block that forgets and synced only before a snapshot is written: whatever a crash leaves,
//! rows before a snapshot are whole, and recovery writes those behind it again while it replays. The blocks have
//! everything: when the archive cannot be written, no snapshots are, and the next start replays.

use crate::disk::{Disk, DiskFile};
use crate::vault::VaultPlace;
use chain::Hasher;
use clearing::{PaymentIndex, PaymentView};
use std::io;
use std::sync::Arc;

/// Rows of a file: 243 MB.
const ROWS: u64 = 1 << 20;
const PLACE_BYTES: usize = 12;
const CHECK_BYTES: usize = 8;
const ROW_BYTES: usize = PaymentView::ROW_BYTES + PLACE_BYTES + CHECK_BYTES;
/// Rows written or read in one piece: about 2 MB.
const PIECE_ROWS: u64 = 1 << 13;

/// A payment the centre has forgotten, and where its signed message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// As it stood; it does not change any more.
    pub payment: PaymentView,
    /// Where its message lies.
    pub place: VaultPlace,
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

fn file_name(number: u64) -> String {
    format!("archive-{number:010}.log")
}

fn check(number: u64, row: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(row);
    hasher.finish().0[..CHECK_BYTES].try_into().expect("a hash is longer")
}

fn encode(forgotten: &Forgotten, out: &mut Vec<u8>) {
    let begin = out.len();
    forgotten.payment.encode_row(out).expect("only what has an end is forgotten");
    forgotten.place.encode(out);
    out.extend_from_slice(&check(forgotten.payment.index.0, &out[begin..]));
}

fn decode(number: u64, row: &[u8]) -> Option<Forgotten> {
    let (row, found) = row.split_at(ROW_BYTES - CHECK_BYTES);
    if check(number, row) != found {
        return None;
    }
    let (payment, place) = row.split_at(PaymentView::ROW_BYTES);
    let payment = PaymentView::decode_row(PaymentIndex(number), payment).ok()?;
    Some(Forgotten { payment, place: VaultPlace::decode(place) })
}

/// Payments the centre has forgotten, for readers that are rebuilt.
pub trait ForgottenRows {
    /// How many there are.
    fn count(&self) -> u64;

    /// Those from a number on, in order of arrival, up to the first that cannot be read.
    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<Forgotten>> + '_>;
}

impl ForgottenRows for Vec<Forgotten> {
    fn count(&self) -> u64 {
        self.len() as u64
    }

    fn from(&self, number: u64) -> Box<dyn Iterator<Item = io::Result<Forgotten>> + '_> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Box::new(self.get(number..).unwrap_or_default().iter().map(|row| Ok(*row)))
    }
}

/// None.
pub(crate) struct NothingForgotten;

impl ForgottenRows for NothingForgotten {
    fn count(&self) -> u64 {
        0
    }

    fn from(&self, _: u64) -> Box<dyn Iterator<Item = io::Result<Forgotten>> + '_> {
        Box::new(core::iter::empty())
    }
}

/// Looks whether the first `count` rows are there, and those from `from` on whole; the inner error says which is damaged or
/// missing, and where.
pub(crate) fn examine(disk: &dyn Disk, from: u64, count: u64) -> io::Result<Result<(), String>> {
    let names = disk.list()?;
    for file in 0..count.div_ceil(ROWS) {
        let name = file_name(file);
        let wanted = (count - file * ROWS).min(ROWS);
        if !names.contains(&name) {
            return Ok(Err(format!("{name} is missing")));
        }
        let length = disk.open(&name)?.length()?;
        if length < wanted * ROW_BYTES as u64 {
            return Ok(Err(format!("{name}, byte {length}: it ends too early")));
        }
    }
    for row in rows(disk, from, count) {
        match row {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Ok(Err(error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(Ok(()))
}

/// Rows `from..count`, up to the first that cannot be read.
pub(crate) fn rows(disk: &dyn Disk, from: u64, count: u64) -> impl Iterator<Item = io::Result<Forgotten>> + '_ {
    Reading { disk, open: None, next: from, count, piece: Vec::new(), failed: false }
}

/// Reads rows in order, a piece at a time.
struct Reading<'a> {
    disk: &'a dyn Disk,
    open: Option<(u64, Box<dyn DiskFile>)>,
    /// Number of the row behind the piece's last.
    next: u64,
    count: u64,
    /// What of the piece is still to be told, the next row last.
    piece: Vec<Forgotten>,
    failed: bool,
}

impl Reading<'_> {
    fn read_piece(&mut self) -> io::Result<()> {
        let file = self.next / ROWS;
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.open = Some((file, self.disk.open(&file_name(file))?));
        }
        let (_, open) = self.open.as_ref().expect("it was just opened");
        let wanted = (self.count - self.next).min(PIECE_ROWS).min(ROWS - self.next % ROWS);
        let mut bytes = vec![0; wanted as usize * ROW_BYTES];
        open.read_at(self.next % ROWS * ROW_BYTES as u64, &mut bytes)?;
        for (number, row) in (self.next..).zip(bytes.chunks_exact(ROW_BYTES)) {
            let place = number % ROWS * ROW_BYTES as u64;
            let why = || format!("{}, byte {place}: a row is damaged", file_name(file));
            let damaged = || io::Error::new(io::ErrorKind::InvalidData, why());
            self.piece.push(decode(number, row).ok_or_else(damaged)?);
        }
        self.piece.reverse();
        self.next += wanted;
        Ok(())
    }
}

impl Iterator for Reading<'_> {
    type Item = io::Result<Forgotten>;

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
pub(crate) struct ArchiveWriter {
    disk: Arc<dyn Disk>,
    open: Option<(u64, Box<dyn DiskFile>)>,
    buffer: Vec<u8>,
    /// A write failed: nothing more is written, and there are no snapshots from here on.
    failed: bool,
}

impl ArchiveWriter {
    pub(crate) fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk, open: None, buffer: Vec::new(), failed: false }
    }

    /// Rows from a number on, of the first `count`.
    pub(crate) fn rows(&self, from: u64, count: u64) -> impl Iterator<Item = io::Result<Forgotten>> + '_ {
        rows(&*self.disk, from, count)
    }

    /// Writes rows that follow each other.
    pub(crate) fn write(&mut self, rows: &[Forgotten]) {
        let mut rest = rows;
        while let Some(first) = rest.first().filter(|_| !self.failed) {
            let number = first.payment.index.0;
            let room = (ROWS - number % ROWS).min(PIECE_ROWS) as usize;
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            self.buffer.clear();
            piece.iter().for_each(|row| encode(row, &mut self.buffer));
            if let Err(error) = self.write_piece(number) {
                tracing::error!(%error, "the archive cannot be written: there will be no snapshots, and the next start takes longer");
                self.failed = true;
            }
            rest = behind;
        }
    }

    fn write_piece(&mut self, number: u64) -> io::Result<()> {
        let file = number / ROWS;
        if self.open.as_ref().is_none_or(|(open, _)| *open != file) {
            self.sync()?;
            let name = file_name(file);
            let opened = if self.disk.list()?.contains(&name) { self.disk.open(&name)? } else { self.disk.create(&name)? };
            self.open = Some((file, opened));
        }
        let (_, open) = self.open.as_mut().expect("it was just opened");
        open.write_at(number % ROWS * ROW_BYTES as u64, &self.buffer)
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
