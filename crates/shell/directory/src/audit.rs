//! Who looked whom up: one line of JSON a look-up, in files beside the directory's own.
//!
//! Aliases and payers stand there as keyed hashes. A thread of its own writes what has gathered and syncs it; a look-up waits
//! for a place in the queue's order and not for the disk. When the queue is full, or the disk failed, look-ups are refused: none
//! goes unwritten.
//!
//! # Crash notes
//! A crash loses the lines that were gathered since the last sync, which are of the last moments: at most
//! [`AUDIT_QUEUE_MAX`]. A torn last line is left as it is; readers skip it.

use crate::refusal::DirectoryError;
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Lines that wait to be written: of two hundred bytes, and a second of the busiest directory.
pub const AUDIT_QUEUE_MAX: usize = 16_384;
/// Lines written with one sync.
const BATCH_MAX: usize = 4_096;

/// The audit file.
#[derive(Debug)]
pub(crate) struct Audit {
    lines: Option<SyncSender<String>>,
    failed: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl Audit {
    /// Goes on with the newest file in a folder, or begins the first.
    pub(crate) fn open(folder: &Path, file_bytes: u64, files_max: u32) -> Result<Self, DirectoryError> {
        let fail = |source| DirectoryError::Audit { path: folder.to_owned(), source };
        let files = Files::open(folder, file_bytes, files_max).map_err(fail)?;
        let (sender, lines) = sync_channel(AUDIT_QUEUE_MAX);
        let failed = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&failed);
        let thread = std::thread::Builder::new().name("directory-audit".to_owned());
        let writer = thread.spawn(move || write_all(files, &lines, &told)).map_err(fail)?;
        Ok(Self { lines: Some(sender), failed, writer: Some(writer) })
    }

    /// Hands a line over; `false` when it cannot be written.
    pub(crate) fn write(&self, line: String) -> bool {
        !self.failed.load(Ordering::Relaxed) && self.lines.as_ref().is_some_and(|lines| lines.try_send(line).is_ok())
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        // Without a sender the writer ends once it has written what is left.
        self.lines = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(mut files: Files, lines: &Receiver<String>, failed: &AtomicBool) {
    while let Ok(first) = lines.recv() {
        let more = lines.try_iter().take(BATCH_MAX - 1);
        let batch: String = std::iter::once(first).chain(more).flat_map(|line| [line, "\n".to_owned()]).collect();
        if let Err(error) = files.append(batch.as_bytes()) {
            tracing::error!(%error, "look-ups cannot be written down: none is answered any more");
            failed.store(true, Ordering::Relaxed);
            return;
        }
    }
}

/// Files `audit-00000001.jsonl` …: the newest is written to, the oldest go.
#[derive(Debug)]
struct Files {
    folder: PathBuf,
    file: File,
    number: u64,
    bytes: u64,
    file_bytes: u64,
    files_max: u32,
}

impl Files {
    fn open(folder: &Path, file_bytes: u64, files_max: u32) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let number = numbers(folder)?.into_iter().max().unwrap_or(1);
        let file = OpenOptions::new().create(true).append(true).open(path(folder, number))?;
        let bytes = file.metadata()?.len();
        Ok(Self { folder: folder.to_owned(), file, number, bytes, file_bytes, files_max })
    }

    fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.bytes >= self.file_bytes {
            self.number += 1;
            self.file = OpenOptions::new().create(true).append(true).open(path(&self.folder, self.number))?;
            self.bytes = 0;
            let kept = self.number.saturating_sub(u64::from(self.files_max.max(1)));
            for old in numbers(&self.folder)?.into_iter().filter(|number| *number <= kept) {
                std::fs::remove_file(path(&self.folder, old))?;
            }
            File::open(&self.folder)?.sync_all()?;
        }
        self.file.write_all(batch)?;
        self.file.sync_data()?;
        self.bytes += batch.len() as u64;
        Ok(())
    }
}

/// Shows every line of the files in a folder, oldest first; a torn last line is shown as it is.
pub(crate) fn each_line(folder: &Path, mut each: impl FnMut(&str)) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    let mut kept = numbers(folder)?;
    kept.sort_unstable();
    for number in kept {
        for line in BufReader::new(File::open(path(folder, number))?).lines() {
            each(&line?);
        }
    }
    Ok(())
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("audit-{number:08}.jsonl"))
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> =
            name.to_str().and_then(|name| name.strip_prefix("audit-")?.strip_suffix(".jsonl")?.parse().ok());
        numbers.extend(number);
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_followed_and_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::open(folder.path(), 10, 2).unwrap();
        for line in ["first line\n", "second line\n", "third line\n"] {
            files.append(line.as_bytes()).unwrap();
        }
        let mut kept = numbers(folder.path()).unwrap();
        kept.sort_unstable();
        assert_eq!(kept, [2, 3]);
        assert_eq!(std::fs::read_to_string(path(folder.path(), 3)).unwrap(), "third line\n");
        let again = Files::open(folder.path(), 10, 2).unwrap();
        assert_eq!((again.number, again.bytes), (3, 11));
    }

    #[test]
    fn what_was_handed_over_is_written_by_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), 1 << 20, 2).unwrap();
        (0..1000).for_each(|n| assert!(audit.write(n.to_string())));
        drop(audit);
        assert_eq!(std::fs::read_to_string(path(folder.path(), 1)).unwrap().lines().count(), 1000);
    }

    #[test]
    fn nothing_is_taken_once_the_disk_failed() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path(), 1, 2).unwrap();
        audit.write("fills the first file".to_owned());
        // The next file cannot be made: a folder has its name.
        std::fs::create_dir(path(folder.path(), 2)).unwrap();
        let refused = (0..10_000).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(1));
            !audit.write("and the next".to_owned())
        });
        assert!(refused);
    }
}
