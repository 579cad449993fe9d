//! The bundle: the engine's small files behind one log, so that everything it wants durable at a moment costs one sync.
//!
//! The engine keeps a file for every view it votes in, two for every cache and every mark, and syncs each for itself: some
//! twenty-six syncs a block. Here they live in memory, and every change of any of them goes, in order, into one log. A sync
//! of a file is a write of the log as far as that file's last change; whoever asks while one is under way shares the next.
//!
//! ```text
//! <prefix>-log/a, b     the log, in turns (see `frame`)
//! others                the files of blocks: they are large, and stay files of their own
//! ```
//!
//! # Invariants
//! - A sync of a file answers when its last change is durable, as the engine's storage promises; no vote leaves the voter
//!   and no final block the engine earlier. Where nothing leaves the engine after a sync but by way of another one, it is
//!   answered at once (see `Bundle::rides_along`): the log's order makes the second cover the first.
//! - What a crash leaves is what there was at one moment, and that moment is not before any sync that was answered. The
//!   engine's storage promises this file by file only.
//! - What had been durable and cannot be read is said ([`BundleError::Damaged`]); it is not cut off.
//!
//! # What rides along
//! Syncs of two kinds of files are answered before anything is written: the caches' keys, certificates and marks
//! (`marshal-cache-cache-*`), and how far the node has got (`marshal-application-metadata`). A loss of power between that answer
//! and the next write takes back what was written to them. It makes no validator forget what it voted or told:
//!
//! 1. *Three things leave a node that it must remember*: a vote, that a block is final, and an answer to a bank. A vote leaves after
//!    its own record in `simplex-*` is durable; a final block after `recent-*` or the archive behind it is; a bank is answered
//!    after the chain's own journal is. None of these rides along.
//! 2. *A vote to finalize promises the block as well.* Its bytes are in a file of their own whose sync is waited for, its key in the log.
//!    The engine appends "certified" and the vote to `simplex-*` only after both syncs have answered, so the vote's record lies
//!    behind the key's, and the log is durable from the front: whoever finds the vote finds the key. Proposals, votes to notarize and
//!    blocks handed to others promise nothing that is kept.
//! 3. *A mark says how much of a cache is known to be good*, and lies behind the keys it counts, for the same reason; the bytes
//!    it counts were synced before it was written.
//! 4. *How far the node has got* may go back: blocks are delivered again, and the keeper skips those it has. It never goes ahead:
//!    it is written after the keeper's acknowledgement. Caches are cut off below it by removing files, and a removal outside of
//!    `simplex-*` is synced, which makes the mark in front of it durable, before the bytes behind the key are removed.
//! 5. *What makes a file shorter never rides along* ([`Member::shortened`](blob::Member)). At a start the engine cuts off keys whose
//!    bytes did not come, and then writes other bytes in their place. Were the cut lost and the bytes kept, a key would come back
//!    and show another block: two losses of power in a row, and blocks of the same length, such as empty ones, are all it takes.
//!
//! Each number has its test: in `tests.rs` here, and whole nodes that lose power in `sim/consortium`.
//!
//! # Limits
//! In memory and in a round's first batch lies what the engine keeps of the last views: with its settings here a few
//! megabytes, and more only while blocks that are final cannot be appended.
//!
//! # Folders from before
//! A partition with files of its own is read into the log whole at its first use, and then removed: votes in it count as
//! before. `mark.rs` sees to it that a version without the log does not start on the folder afterwards.

mod blob;
mod context;
mod files;
mod frame;
mod log;
#[cfg(test)]
mod tests;

pub(crate) use context::Bundled;

use blob::{EitherBlob, Member};
use commonware_runtime::{Blob as _, BlobVersion, Error, Handle, ReadOptions, Spawner, Storage};
use context::Bundle;
use files::Content;
use frame::Record;
use log::Log;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tokio::sync::Mutex;

/// Why a bundle does not open.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something that had been durable cannot be read.
    #[error(
        "the log of votes is damaged; delete the engine's folder: this node then follows until the next epoch, and votes again"
    )]
    Damaged,
    /// The files cannot be read or written.
    #[error("{0}")]
    Storage(#[from] Error),
}

impl<E: Storage + Spawner> Bundled<E> {
    /// Reads the log and starts the task that writes it; its handle ends only when the disk fails. `prefix` is what the
    /// names of the engine's partitions begin with; `round_bytes` is how long a file of the log grows.
    ///
    /// # Errors
    /// If the log cannot be read or is damaged, or if the disk fails.
    pub(crate) async fn open(context: E, prefix: &str, round_bytes: u64) -> Result<(Self, Handle<()>), BundleError> {
        let (log, shared) = Log::open(&context, &format!("{prefix}-log"), round_bytes).await?;
        let task = context.child("log").spawn(|_| log.run());
        let bundle = Bundle { shared, prefix: format!("{prefix}-").into(), moved: Arc::new(Mutex::new(BTreeSet::new())) };
        Ok((Self { inner: context, bundle }, task))
    }
}

impl Bundle {
    /// Whether the files of a partition are bundled: all of the engine's but the archives and the cached blocks' bytes.
    fn takes(&self, partition: &str) -> bool {
        let Some(rest) = partition.strip_prefix(&*self.prefix) else { return false };
        let blocks = ["-verified-value", "-notarized-value", "-certified-value"];
        rest.starts_with("simplex-")
            || rest.starts_with("recent-")
            || (rest.starts_with("marshal-") && !blocks.iter().any(|end| rest.ends_with(end)))
    }

    /// Whether a sync of a file in this partition may be answered before it is durable: it becomes durable with the next
    /// sync of anybody. The module says why that is enough.
    fn rides_along(&self, partition: &str) -> bool {
        let Some(rest) = partition.strip_prefix(&*self.prefix) else { return false };
        rest.starts_with("marshal-cache-cache-") || rest == "marshal-application-metadata"
    }

    /// Whether what lies in a partition depends on nothing outside the log. There, the log's order is enough, and making
    /// and removing files need no sync of their own.
    fn is_alone(&self, partition: &str) -> bool {
        partition.strip_prefix(&*self.prefix).is_some_and(|rest| rest.starts_with("simplex-"))
    }
}

impl<E: Storage> Bundled<E> {
    /// Takes over what a partition has in files of its own.
    ///
    /// Crash note: the copy is durable before the first file is removed; a copy that was not finished is begun again.
    async fn move_in(&self, partition: &str) -> Result<(), Error> {
        let mut moved = self.bundle.moved.lock().await;
        if moved.contains(partition) {
            return Ok(());
        }
        let found = match self.inner.scan(partition).await {
            Ok(names) => Some(names),
            Err(Error::PartitionMissing(_)) => None,
            Err(error) => return Err(error),
        };
        if let Some(names) = found {
            if !self.bundle.shared.lock().files.adopted.contains(partition) {
                self.copy(partition, &names).await?;
            }
            self.inner.remove(partition, None).await?;
        }
        moved.insert(partition.to_owned());
        Ok(())
    }

    async fn copy(&self, partition: &str, names: &[Vec<u8>]) -> Result<(), Error> {
        self.bundle.shared.lock().change(Record::RemoveAll { partition });
        for name in names {
            let any = BlobVersion::new(0)..=BlobVersion::new(u16::MAX);
            let (file, size, version) = self.inner.open_versioned(partition, name, any).await?;
            let size = usize::try_from(size).map_err(|_| Error::OffsetOverflow)?;
            let bytes = file.read_at(0, size, ReadOptions::default()).await?.coalesce();
            let mut state = self.bundle.shared.lock();
            state.change(Record::Create { partition, name, version: version.get() });
            state.change(Record::Write { partition, name, offset: 0, bytes: bytes.as_ref() });
        }
        let last = self.bundle.shared.lock().change(Record::Adopted { partition });
        tracing::info!(partition, files = names.len(), "files of the engine move into its log");
        self.bundle.shared.sync(last).await
    }

    /// The file, its version, the last record that may have changed it, and whether that made it just now.
    fn open_member(
        &self,
        partition: &str,
        name: &[u8],
        versions: &RangeInclusive<BlobVersion>,
    ) -> Result<(Content, u16, u64, bool), Error> {
        let mut state = self.bundle.shared.lock();
        if let Some(file) = state.files.get(partition, name) {
            let found = BlobVersion::new(file.version);
            if !versions.contains(&found) {
                return Err(Error::BlobVersionMismatch { expected: versions.clone(), found });
            }
            if file.content.is_open() {
                return Err(Error::BlobAlreadyOpen(partition.to_owned(), format!("{name:02x?}")));
            }
            // Whoever had it open before may have left without a sync.
            return Ok((file.content.clone(), file.version, state.appended(), false));
        }
        let version = versions.end().get();
        let made = state.change(Record::Create { partition, name, version });
        let file = state.files.get(partition, name).expect("it was just made");
        Ok((file.content.clone(), version, made, true))
    }

    fn remove_member(&self, partition: &str, name: Option<&[u8]>) -> Result<u64, Error> {
        let mut state = self.bundle.shared.lock();
        let Some(files) = state.files.partitions.get(partition) else {
            return Err(Error::PartitionMissing(partition.to_owned()));
        };
        match name {
            Some(name) if !files.contains_key(name) => Err(Error::BlobMissing(partition.to_owned(), format!("{name:02x?}"))),
            Some(name) => Ok(state.change(Record::Remove { partition, name })),
            None => Ok(state.change(Record::RemoveAll { partition })),
        }
    }
}

impl<E: Storage> Storage for Bundled<E> {
    type Blob = EitherBlob<E::Blob>;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(Self::Blob, u64, BlobVersion), Error> {
        if !self.bundle.takes(partition) {
            let (own, size, version) = self.inner.open_versioned(partition, name, versions).await?;
            return Ok((EitherBlob::Own(own), size, version));
        }
        self.move_in(partition).await?;
        let (content, version, changed, made) = self.open_member(partition, name, &versions)?;
        if made && !self.bundle.is_alone(partition) {
            self.bundle.shared.sync(changed).await?;
        }
        let size = content.lock().len() as u64;
        let rides_along = self.bundle.rides_along(partition);
        let member = Member {
            shared: self.bundle.shared.clone(),
            partition: partition.to_owned(),
            name: name.to_vec(),
            content,
            changed: AtomicU64::new(changed),
            // Whoever had it open before may have made it shorter and left without a sync.
            shortened: AtomicU64::new(changed),
            rides_along,
        };
        Ok((EitherBlob::Member(member), size, BlobVersion::new(version)))
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        if !self.bundle.takes(partition) {
            return self.inner.remove(partition, name).await;
        }
        self.move_in(partition).await?;
        let removed = self.remove_member(partition, name)?;
        match self.bundle.is_alone(partition) {
            true => Ok(()),
            false => self.bundle.shared.sync(removed).await,
        }
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        if !self.bundle.takes(partition) {
            return self.inner.scan(partition).await;
        }
        self.move_in(partition).await?;
        match self.bundle.shared.lock().files.partitions.get(partition) {
            Some(files) => Ok(files.keys().cloned().collect()),
            None => Err(Error::PartitionMissing(partition.to_owned())),
        }
    }
}
