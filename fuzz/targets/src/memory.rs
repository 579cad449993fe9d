//! A folder in memory for the journal: what a test puts in, the journal reads.

use ordering::{Disk, DiskFile};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The folder. Copies are the same folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryDisk(Arc<Mutex<Folder>>);

#[derive(Debug, Default)]
struct Folder {
    names: BTreeMap<String, usize>,
    contents: Vec<Vec<u8>>,
}

struct MemoryFile(MemoryDisk, usize);

impl MemoryDisk {
    /// A folder with these files.
    pub(crate) fn of(files: &Files) -> Self {
        let names = files.keys().cloned().zip(0..).collect();
        Self(Arc::new(Mutex::new(Folder { names, contents: files.values().cloned().collect() })))
    }

    /// What it holds now.
    pub(crate) fn files(&self) -> Files {
        let folder = self.folder();
        folder.names.iter().map(|(name, &at)| (name.clone(), folder.contents[at].clone())).collect()
    }

    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn absent(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

impl Disk for MemoryDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.folder().names.keys().cloned().collect())
    }
    fn open(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let at = *self.folder().names.get(name).ok_or_else(|| absent(name))?;
        Ok(Box::new(MemoryFile(self.clone(), at)))
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut folder = self.folder();
        let at = folder.contents.len();
        folder.contents.push(Vec::new());
        folder.names.insert(name.to_owned(), at);
        Ok(Box::new(MemoryFile(self.clone(), at)))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut folder = self.folder();
        let at = folder.names.remove(from).ok_or_else(|| absent(from))?;
        folder.names.insert(to.to_owned(), at);
        Ok(())
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder().names.remove(name).map(drop).ok_or_else(|| absent(name))
    }
    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }
    fn free_bytes(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

impl DiskFile for MemoryFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let content = &mut self.0.folder().contents[self.1];
        content.resize(content.len().max(from + bytes.len()), 0);
        content[from..from + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(io::Error::other)?;
        let folder = self.0.folder();
        let found = folder.contents[self.1].get(from..from + bytes.len());
        bytes.copy_from_slice(found.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }
    fn sync_data(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.folder().contents[self.1].len() as u64)
    }
}
