//! A machine's disk: files in sectors, with what is written and what is durable told apart.
//!
//! A crash of the process keeps what was written. A loss of power keeps what was synced, of the other sectors any subset (so
//! writes are torn and reordered), of a file's lengths since then any one, and of the names a beginning of what was done to
//! them. It outlives processes: each opens it anew, and what an earlier one still holds is dead.
//!
//! A length that was set is there as a whole or not at all, as `ftruncate` is on file systems with a journal; redb relies on
//! it and does not open a file that ends elsewhere. A file that grew by being written may end at any sector between.
//!
//! # Units and limits
//! Sectors have [`SECTOR_BYTES`] bytes and are written whole or not at all.

use crate::life::Life;
use crate::rng::Rng;
use bank::books::Shelf;
use ordering::{Disk, DiskFile};
use redb::{Builder, Database, DatabaseError, StorageBackend, StorageError};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Written whole or not at all.
pub const SECTOR_BYTES: usize = 512;

#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// What was done to the length since the last sync.
    lengths: Vec<LengthChange>,
}

#[derive(Debug, Clone, Copy)]
enum LengthChange {
    Set(usize),
    Written(usize),
}

impl Content {
    fn write(&mut self, from: usize, bytes: &[u8]) {
        let to = from + bytes.len();
        if self.now.len() < to {
            self.lengths.push(LengthChange::Written(to));
            self.grow(to);
        }
        self.now[from..to].copy_from_slice(bytes);
        self.dirty.extend(from / SECTOR_BYTES..to.div_ceil(SECTOR_BYTES));
    }

    fn set_length(&mut self, length: usize) {
        self.lengths.push(LengthChange::Set(length));
        self.grow(length);
        self.now.truncate(length);
        let sectors = length.div_ceil(SECTOR_BYTES);
        self.dirty.retain(|sector| *sector < sectors);
    }

    /// Makes it at least so long, with zeros that are not durable yet.
    fn grow(&mut self, length: usize) {
        let before = self.now.len();
        if length > before {
            self.now.resize(length, 0);
            self.dirty.extend(before / SECTOR_BYTES..length.div_ceil(SECTOR_BYTES));
        }
    }

    fn sync(&mut self) {
        self.sync_length();
        for sector in core::mem::take(&mut self.dirty) {
            self.keep(sector);
        }
    }

    /// A failed sync leaves nobody knows what: some sectors reach the disk, and the others are not tried again.
    fn fail_to_sync(&mut self) {
        self.sync_length();
        for sector in core::mem::take(&mut self.dirty) {
            if sector % 2 == 0 {
                self.keep(sector);
            }
        }
    }

    fn sync_length(&mut self) {
        for change in core::mem::take(&mut self.lengths) {
            let (LengthChange::Set(length) | LengthChange::Written(length)) = change;
            self.durable.resize(length, 0);
        }
    }

    /// Makes a sector durable as far as the durable file goes.
    fn keep(&mut self, sector: usize) {
        let length = self.now.len().min(self.durable.len());
        let (from, to) = (sector * SECTOR_BYTES, length.min((sector + 1) * SECTOR_BYTES));
        if from < to {
            self.durable[from..to].copy_from_slice(&self.now[from..to]);
        }
    }

    /// What is there when the power comes back.
    fn lose_power(&mut self, rng: &mut Rng) {
        self.lose_lengths(rng);
        for sector in core::mem::take(&mut self.dirty) {
            if rng.permille(500) {
                self.keep(sector);
            }
        }
        self.now.clone_from(&self.durable);
    }

    fn lose_lengths(&mut self, rng: &mut Rng) {
        let mut lengths = core::mem::take(&mut self.lengths);
        let kept = rng.between(0, lengths.len() as u64) as usize;
        let next = lengths.get(kept).copied();
        lengths.truncate(kept);
        self.lengths = lengths;
        self.sync_length();
        if let Some(LengthChange::Written(to)) = next {
            let (from, to) = (self.durable.len() / SECTOR_BYTES, to / SECTOR_BYTES);
            let sectors = rng.between(from as u64, to as u64) as usize;
            self.durable.resize(self.durable.len().max(sectors * SECTOR_BYTES), 0);
        }
    }
}

#[derive(Debug, Clone)]
enum NameChange {
    Put(String, u64),
    Rename(String, String),
    Remove(String),
}

fn apply(names: &mut BTreeMap<String, u64>, change: &NameChange) {
    match change {
        NameChange::Put(name, file) => {
            names.insert(name.clone(), *file);
        }
        NameChange::Rename(from, to) => {
            if let Some(file) = names.remove(from) {
                names.insert(to.clone(), file);
            }
        }
        NameChange::Remove(name) => {
            names.remove(name);
        }
    }
}

#[derive(Debug, Default)]
struct Platter {
    files: BTreeMap<u64, Content>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    changes: Vec<NameChange>,
    next_file: u64,
    /// Files without a name that somebody may still have open.
    held: BTreeSet<u64>,
    /// Who may use it: handles of earlier lives may not.
    tenancy: u64,
    tenant: Weak<Life>,
    /// Operations until its process crashes.
    fuse: Option<u64>,
    failing_syncs: u64,
    /// A sync failed since the power was last on anew: what is read is not what is durable.
    sync_failed: bool,
    full: bool,
    operations: u64,
}

/// A machine's disk. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Platters(Arc<Mutex<Platter>>);

/// The disk as one life of a process has it open.
#[derive(Debug, Clone)]
pub struct OpenDisk {
    platters: Platters,
    tenancy: u64,
}

/// A file as one life of a process has it open.
#[derive(Debug)]
pub struct OpenFile {
    disk: OpenDisk,
    file: u64,
}

/// A bit that turned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flipped {
    /// The file it is in.
    pub file: String,
    /// Its byte.
    pub byte: usize,
    /// Which of the byte's.
    pub bit: u64,
}

impl fmt::Display for Flipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bit {} of byte {} of {}", self.bit, self.byte, self.file)
    }
}

fn gone() -> io::Error {
    io::Error::other("the process has ended")
}

impl Platters {
    fn lock(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens it for a life; nobody else has it any more.
    pub fn open(&self, life: &Arc<Life>) -> OpenDisk {
        let mut platter = self.lock();
        platter.tenancy += 1;
        platter.tenant = Arc::downgrade(life);
        OpenDisk { platters: self.clone(), tenancy: platter.tenancy }
    }

    /// Opens it as a tool would that belongs to no process.
    pub fn open_alone(&self) -> OpenDisk {
        let mut platter = self.lock();
        platter.tenancy += 1;
        platter.tenant = Weak::new();
        OpenDisk { platters: self.clone(), tenancy: platter.tenancy }
    }

    /// Whoever has it open has it no more; what was written stays.
    pub fn take_away(&self) {
        let mut platter = self.lock();
        platter.tenancy += 1;
        platter.tenant = Weak::new();
        platter.fuse = None;
        platter.held.clear();
    }

    /// The power goes and comes back.
    pub fn lose_power(&self, rng: &mut Rng) {
        self.take_away();
        let mut platter = self.lock();
        platter.sync_failed = false;
        let changes = core::mem::take(&mut platter.changes);
        let kept = rng.between(0, changes.len() as u64) as usize;
        let mut names = platter.durable_names.clone();
        changes[..kept].iter().for_each(|change| apply(&mut names, change));
        platter.names.clone_from(&names);
        platter.durable_names = names;
        platter.files.values_mut().for_each(|content| content.lose_power(rng));
        forget_nameless(&mut platter);
    }

    /// A copy with what was written.
    pub fn copy(&self) -> Self {
        let platter = self.lock();
        let copied = Platter {
            files: platter.files.clone(),
            names: platter.names.clone(),
            durable_names: platter.durable_names.clone(),
            changes: platter.changes.clone(),
            next_file: platter.next_file,
            ..Platter::default()
        };
        Self(Arc::new(Mutex::new(copied)))
    }

    /// The process crashes at the so-many-th operation from now.
    pub fn crash_after(&self, operations: u64) {
        self.lock().fuse = Some(operations);
    }

    /// The next syncs fail.
    pub fn fail_syncs(&self, syncs: u64) {
        self.lock().failing_syncs = syncs;
    }

    /// Whether a sync failed and the machine has not been started anew since.
    pub fn sync_failed(&self) -> bool {
        self.lock().sync_failed
    }

    /// Has no room any more, or has again.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// Nothing is wrong with it any more.
    pub fn heal(&self) {
        let mut platter = self.lock();
        (platter.fuse, platter.failing_syncs, platter.full) = (None, 0, false);
    }

    /// Flips one bit of one file that has content; which, or nothing if there is none.
    pub fn flip_bit(&self, rng: &mut Rng) -> Option<Flipped> {
        let mut platter = self.lock();
        let named: Vec<(String, u64)> = platter
            .names
            .iter()
            .filter(|(_, file)| platter.files.get(file).is_some_and(|content| content.now.iter().any(|byte| *byte != 0)))
            .map(|(name, file)| (name.clone(), *file))
            .collect();
        if named.is_empty() {
            return None;
        }
        let (name, file) = rng.pick(&named).clone();
        let content = platter.files.get_mut(&file)?;
        let used = content.now.iter().rposition(|byte| *byte != 0)? + 1;
        let (at, bit) = (rng.below(used as u64) as usize, rng.below(8));
        content.now[at] ^= 1 << bit;
        content.dirty.insert(at / SECTOR_BYTES);
        content.sync();
        Some(Flipped { file: name, byte: at, bit })
    }

    /// What a file holds now; nothing if there is none of the name.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let platter = self.lock();
        Some(platter.files.get(platter.names.get(name)?)?.now.clone())
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }
}

fn forget_nameless(platter: &mut Platter) {
    let named: BTreeSet<u64> = platter.names.values().chain(&platter.held).copied().collect();
    platter.files.retain(|file, _| named.contains(file));
}

impl Platter {
    /// Counts an operation that changes something; the process may crash at it.
    fn burn(&mut self) -> io::Result<()> {
        self.operations += 1;
        match &mut self.fuse {
            None => Ok(()),
            Some(0) => {
                self.fuse = None;
                self.tenancy += 1;
                Err(gone())
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn change(&mut self, change: NameChange) {
        apply(&mut self.names, &change);
        self.changes.push(change);
    }
}

impl OpenDisk {
    /// Does something with the platter, unless this life has lost it. A crash in the middle ends the life.
    fn with<T>(&self, act: impl FnOnce(&mut Platter) -> io::Result<T>) -> io::Result<T> {
        let mut platter = self.platters.lock();
        if platter.tenancy != self.tenancy {
            return Err(gone());
        }
        let done = act(&mut platter);
        let crashed = platter.tenancy != self.tenancy;
        let tenant = platter.tenant.upgrade().filter(|_| crashed);
        drop(platter);
        if let Some(life) = tenant {
            life.die();
        }
        done
    }

    fn write(&self, file: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|platter| {
            let crashed = platter.burn();
            // A crash in the middle of a write leaves its beginning.
            let bytes = if crashed.is_err() { &bytes[..bytes.len() / 2] } else { bytes };
            let from = offset as usize;
            let full = platter.full;
            let content = platter.files.get_mut(&file).ok_or_else(gone)?;
            if full && content.now.len() < from + bytes.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.write(from, bytes);
            crashed
        })
    }

    fn read(&self, file: u64, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.with(|platter| {
            let content = &platter.files.get(&file).ok_or_else(gone)?.now;
            let from = offset as usize;
            let found = content.get(from..from + bytes.len()).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
            bytes.copy_from_slice(found);
            Ok(())
        })
    }

    fn sync(&self, file: u64) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            let failing = platter.failing_syncs > 0;
            platter.failing_syncs = platter.failing_syncs.saturating_sub(1);
            platter.sync_failed |= failing;
            let content = platter.files.get_mut(&file).ok_or_else(gone)?;
            if failing {
                content.fail_to_sync();
                return Err(io::Error::other("input/output error"));
            }
            content.sync();
            Ok(())
        })
    }

    fn length(&self, file: u64) -> io::Result<u64> {
        self.with(|platter| Ok(platter.files.get(&file).ok_or_else(gone)?.now.len() as u64))
    }

    fn set_length(&self, file: u64, length: u64) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            let full = platter.full;
            let content = platter.files.get_mut(&file).ok_or_else(gone)?;
            if full && length as usize > content.now.len() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            content.set_length(length as usize);
            Ok(())
        })
    }

    /// The file of a name, made if it is not there, as redb uses it.
    fn backend(&self, name: &str) -> io::Result<FileBackend> {
        let file = match self.with(|platter| Ok(platter.names.get(name).copied()))? {
            Some(file) => file,
            None => self.make(name)?,
        };
        Ok(FileBackend(OpenFile { disk: self.clone(), file }))
    }

    fn make(&self, name: &str) -> io::Result<u64> {
        self.with(|platter| {
            platter.burn()?;
            if platter.full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let file = platter.next_file;
            platter.next_file += 1;
            platter.files.insert(file, Content::default());
            platter.change(NameChange::Put(name.to_owned(), file));
            Ok(file)
        })
    }
}

/// Folders in the disk's own: a file in one has a slash in its name, and is listed with its folder alone. Its name is durable
/// as soon as it has one, as engines that make their own files have it.
impl OpenDisk {
    /// The file of a name, made if it is not there.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn file(&self, name: &str) -> io::Result<OpenFile> {
        let file = self.with(|platter| {
            if let Some(file) = platter.names.get(name) {
                return Ok(*file);
            }
            platter.burn()?;
            let file = platter.next_file;
            platter.next_file += 1;
            platter.files.insert(file, Content::default());
            platter.names.insert(name.to_owned(), file);
            platter.durable_names.insert(name.to_owned(), file);
            Ok(file)
        })?;
        Ok(OpenFile { disk: self.clone(), file })
    }

    /// Names in a folder, without it.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn list_folder(&self, folder: &str) -> io::Result<Vec<String>> {
        let within = |name: &String| Some(name.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        self.with(|platter| Ok(platter.names.keys().filter_map(within).collect()))
    }

    /// Removes a file of a folder, durably.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            platter.durable_names.remove(name);
            // Who has it open goes on reading it.
            platter.held.extend(platter.names.remove(name));
            Ok(())
        })
    }
}

impl OpenFile {
    /// Its length.
    ///
    /// # Errors
    /// If the process has ended.
    pub fn length(&self) -> io::Result<u64> {
        self.disk.length(self.file)
    }

    /// Fills the bytes from an offset on.
    ///
    /// # Errors
    /// If they are not all there, or the process has ended.
    pub fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.read(self.file, offset, bytes)
    }

    /// Writes bytes, which are not durable yet.
    ///
    /// # Errors
    /// If the disk is full, or the process has ended.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(self.file, offset, bytes)
    }

    /// Makes it so long, which is not durable yet.
    ///
    /// # Errors
    /// If the disk is full, or the process has ended.
    pub fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.set_length(self.file, length)
    }

    /// Makes everything written durable.
    ///
    /// # Errors
    /// If the disk fails, or the process has ended.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.sync(self.file)
    }
}

impl Shelf for OpenDisk {
    fn has(&self, name: &str) -> io::Result<bool> {
        self.with(|platter| Ok(platter.names.contains_key(name)))
    }

    fn open(&self, builder: &mut Builder, name: &str) -> Result<Database, DatabaseError> {
        let backend = self.backend(name).map_err(StorageError::from)?;
        builder.create_with_backend(backend)
    }

    fn discard(&self, name: &str) -> io::Result<()> {
        Disk::remove(self, name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Disk::rename(self, from, to)?;
        self.sync_folder()
    }
}

impl Disk for OpenDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.with(|platter| Ok(platter.names.keys().filter(|name| !name.contains('/')).cloned().collect()))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, name.to_owned());
        let file = self.with(|platter| platter.names.get(name).copied().ok_or_else(missing))?;
        Ok(Box::new(OpenFile { disk: self.clone(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenFile { file: self.make(name)?, disk: self.clone() }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            if !platter.names.contains_key(from) {
                return Err(io::Error::new(io::ErrorKind::NotFound, from.to_owned()));
            }
            platter.change(NameChange::Rename(from.to_owned(), to.to_owned()));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            platter.change(NameChange::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.with(|platter| {
            platter.burn()?;
            platter.changes.clear();
            platter.durable_names = platter.names.clone();
            forget_nameless(platter);
            Ok(())
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.with(|platter| Ok(if platter.full { 0 } else { u64::MAX }))
    }
}

impl DiskFile for OpenFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.write(self.file, offset, bytes)
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.disk.read(self.file, offset, bytes)
    }
    fn sync_data(&mut self) -> io::Result<()> {
        self.disk.sync(self.file)
    }
    fn length(&self) -> io::Result<u64> {
        self.disk.length(self.file)
    }
}

/// A file as redb uses it.
#[derive(Debug)]
struct FileBackend(OpenFile);

impl StorageBackend for FileBackend {
    fn len(&self) -> Result<u64, io::Error> {
        self.0.disk.length(self.0.file)
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.0.disk.read(self.0.file, offset, out)
    }
    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        self.0.disk.set_length(self.0.file, length)
    }
    fn sync_data(&self) -> Result<(), io::Error> {
        self.0.disk.sync(self.0.file)
    }
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.0.disk.write(self.0.file, offset, data)
    }
}
