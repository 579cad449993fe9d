//! The small files as they are in memory: what the log's records made of them.

use super::frame::Record;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The bytes of a file. Shared with whoever has it open: a file that is removed stays readable to them.
#[derive(Debug, Clone, Default)]
pub(super) struct Content(Arc<Mutex<Vec<u8>>>);

impl Content {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether somebody has it open.
    pub(super) fn is_open(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Writes at an offset, with zeros before it where there was nothing.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) {
        let mut content = self.lock();
        let end = offset + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(bytes);
    }
}

/// A file by its name.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) version: u16,
    pub(super) content: Content,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) partitions: BTreeMap<String, BTreeMap<Vec<u8>, File>>,
    /// Partitions taken over from a folder written before there was a log.
    pub(super) adopted: BTreeSet<String>,
}

impl Files {
    pub(super) fn get(&self, partition: &str, name: &[u8]) -> Option<&File> {
        self.partitions.get(partition)?.get(name)
    }

    /// Does what a record says. `None`: it speaks of a file that is not there, so it is not of this log.
    pub(super) fn apply(&mut self, record: Record<'_>) -> Option<()> {
        match record {
            Record::Create { partition, name, version } => {
                let files = self.partitions.entry(partition.to_owned()).or_default();
                files.insert(name.to_vec(), File { version, content: Content::default() });
            }
            Record::Write { partition, name, offset, bytes } => {
                self.get(partition, name)?.content.write(usize::try_from(offset).ok()?, bytes);
            }
            Record::Resize { partition, name, length } => {
                self.get(partition, name)?.content.lock().resize(usize::try_from(length).ok()?, 0);
            }
            Record::Remove { partition, name } => {
                self.partitions.get_mut(partition)?.remove(name)?;
            }
            Record::RemoveAll { partition } => {
                self.partitions.remove(partition);
            }
            Record::Adopted { partition } => {
                self.adopted.insert(partition.to_owned());
            }
        }
        Some(())
    }

    /// Does what all records of a batch say.
    pub(super) fn apply_all(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            self.apply(Record::decode(&mut records)?)?;
        }
        Some(())
    }

    /// Records that make all of this out of nothing.
    pub(super) fn records(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for partition in &self.adopted {
            Record::Adopted { partition }.encode(&mut out);
        }
        for (partition, files) in &self.partitions {
            for (name, file) in files {
                Record::Create { partition, name, version: file.version }.encode(&mut out);
                let bytes = file.content.lock();
                if !bytes.is_empty() {
                    Record::Write { partition, name, offset: 0, bytes: &bytes }.encode(&mut out);
                }
            }
        }
        out
    }
}
