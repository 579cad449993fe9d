//! Final blocks and their certificates as the engine stores them: the last ones in one file, the others in its archives.
//!
//! An archive of the engine finds a block by height and by hash in a chain of any length, and syncs five files to make one
//! durable. So what is final goes into a file of the [bundle](crate::bundle) first, which is durable with whatever else is;
//! the archive gets it while that sync is under way, and is synced once for [`RECENT_MAX`] values.
//!
//! ```text
//! <prefix>-recent-<name>/recent:   (u32 bytes, u64 height, hash 32, value, u32 CRC-32C over all before)*
//! ```
//! Little endian, in the order they came, which is not the order of heights while gaps are filled.
//!
//! # Invariants
//! - A value is in the file or in the archive, durable, from the moment a sync says so. The file is emptied after the
//!   archive has been synced; a crash between leaves values in both, which is no loss.
//! - A height has one value: the first.

use commonware_codec::{Codec, Copying, Decode as _, Encode as _};
use commonware_consensus::Heightable as _;
use commonware_consensus::marshal::store::{Blocks, Certificates};
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::Finalization;
use commonware_consensus::types::Height;
use commonware_cryptography::Crc32;
use commonware_cryptography::sha256::Digest;
use commonware_runtime::{Blob, Error as RuntimeError, Handle, ReadOptions, Storage, WriteOptions};
use commonware_storage::archive::{self, Archive, Identifier};
use commonware_storage::rmap::RMap;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::block::Block;

/// Values in the file when the archive is synced and the file emptied.
const RECENT_MAX: usize = 256;
/// Bytes of the file when they do so earlier: large blocks.
const RECENT_BYTES_MAX: u64 = 8 << 20;
const HEAD_BYTES: usize = 4 + 8 + 32;
const CHECK_BYTES: usize = 4;

/// Why a store cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RecentError {
    /// The archive.
    #[error("{0}")]
    Archive(#[from] archive::Error),
    /// The file.
    #[error("{0}")]
    File(#[from] RuntimeError),
    /// What lies in the file was never written by this version.
    #[error("a final block or certificate cannot be read: {0}")]
    Value(#[from] commonware_codec::Error),
}

/// See the module.
pub(crate) struct Recent<E: Storage, A: Archive<Key = Digest>> {
    archive: A,
    file: E::Blob,
    /// Where the next value goes in the file.
    end: u64,
    /// What is in the file.
    values: BTreeMap<u64, (Digest, A::Value)>,
    /// Heights of those that the archive has not got yet.
    fresh: Vec<u64>,
    heights: BTreeMap<Digest, u64>,
    /// All heights, in the file or in the archive.
    have: RMap,
}

impl<E, A> Recent<E, A>
where
    E: Storage,
    A: Archive<Key = Digest> + Sync,
    A::Value: Codec + Clone + Sync,
{
    /// Opens a file in front of an archive.
    ///
    /// # Errors
    /// If either cannot be read.
    pub(crate) async fn open(
        storage: &E,
        partition: &str,
        archive: A,
        codec: &<A::Value as commonware_codec::Read>::Cfg,
    ) -> Result<Self, RecentError> {
        let (file, size) = storage.open(partition, b"recent").await?;
        let size = usize::try_from(size).map_err(|_| RuntimeError::OffsetOverflow)?;
        let bytes = file.read_at(0, size, ReadOptions::default()).await?.coalesce();
        let mut have = RMap::new();
        for (first, last) in archive.ranges_from(0) {
            (first..=last).for_each(|height| have.insert(height));
        }
        let mut store =
            Self { archive, file, end: 0, values: BTreeMap::new(), fresh: Vec::new(), heights: BTreeMap::new(), have };
        let mut rest = bytes.as_ref();
        while let Some((height, digest, value, length)) = frame(rest) {
            store.note(height, digest, A::Value::decode_cfg(Copying(value), codec)?);
            store.end += length as u64;
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            // Never promised to anybody: a write that a crash cut off.
            store.file.resize(store.end).await?;
        }
        Ok(store)
    }

    fn note(&mut self, height: u64, digest: Digest, value: A::Value) {
        if self.have.get(height).is_none() {
            self.have.insert(height);
            self.heights.insert(digest, height);
            self.values.insert(height, (digest, value));
            self.fresh.push(height);
        }
    }

    async fn add(mut self, height: u64, digest: Digest, value: &A::Value) -> Result<Self, RecentError> {
        if self.have.get(height).is_some() {
            return Ok(self);
        }
        let value_bytes = value.encode();
        let mut frame = Vec::with_capacity(HEAD_BYTES + value_bytes.len() + CHECK_BYTES);
        frame.extend_from_slice(&(value_bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(&height.to_le_bytes());
        frame.extend_from_slice(digest.as_ref());
        frame.extend_from_slice(&value_bytes);
        frame.extend_from_slice(&Crc32::checksum(&frame).to_le_bytes());
        let length = frame.len() as u64;
        self.file.write_at(self.end, frame, WriteOptions::default()).await?;
        self.end += length;
        self.note(height, digest, value.clone());
        Ok(self)
    }

    fn is_full(&self) -> bool {
        self.values.len() >= RECENT_MAX || self.end >= RECENT_BYTES_MAX
    }

    /// Gives the archive what it has not got yet, which is not durable there for now.
    async fn hand_on(mut self) -> Result<Self, RecentError> {
        for height in core::mem::take(&mut self.fresh) {
            if let Some((digest, value)) = self.values.get(&height) {
                self.archive = self.archive.put(height, *digest, value).await?;
            }
        }
        Ok(self)
    }

    /// Makes the archive durable and empties the file.
    ///
    /// Crash note: the file is emptied after the archive is durable, and its emptying needs no sync of its own.
    async fn settle(mut self) -> Result<Self, RecentError> {
        self.archive = self.archive.sync().await?;
        self.file.resize(0).await?;
        self.end = 0;
        self.values.clear();
        self.heights.clear();
        Ok(self)
    }

    async fn make_durable(self) -> Result<Self, RecentError> {
        let (store, handle) = self.begin_durable().await?;
        handle.await?;
        Ok(store)
    }

    /// The handle answers when everything put before is durable.
    async fn begin_durable(self) -> Result<(Self, Handle<()>), RecentError> {
        let handle = self.file.start_sync().await;
        let store = self.hand_on().await?;
        match store.is_full() {
            true => Ok((store.settle().await?, Handle::ready(Ok(())))),
            false => Ok((store, handle)),
        }
    }

    async fn find(&self, id: Identifier<'_, Digest>) -> Result<Option<A::Value>, RecentError> {
        let height = match &id {
            Identifier::Index(height) => Some(height),
            Identifier::Key(digest) => self.heights.get(*digest),
        };
        if let Some((_, value)) = height.and_then(|height| self.values.get(height)) {
            return Ok(Some(value.clone()));
        }
        Ok(self.archive.get(id).await?)
    }

    fn last(&self) -> Option<Height> {
        self.have.last_index().map(Height::new)
    }
}

/// The whole frame at the front: height, digest, value, length of all.
fn frame(bytes: &[u8]) -> Option<(u64, Digest, &[u8], usize)> {
    let length = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let content = bytes.get(..HEAD_BYTES.checked_add(length)?)?;
    let check = u32::from_le_bytes(*bytes.get(content.len()..)?.first_chunk()?);
    if Crc32::checksum(content) != check {
        return None;
    }
    let (head, value) = content.split_at(HEAD_BYTES);
    let height = u64::from_le_bytes(*head.get(4..)?.first_chunk()?);
    let digest = Digest(*head.get(12..)?.first_chunk()?);
    Some((height, digest, value, content.len() + CHECK_BYTES))
}

impl<E, A> Blocks for Recent<E, A>
where
    E: Storage,
    A: Archive<Key = Digest, Value = Arc<Block>> + Sync + 'static,
{
    type Block = Arc<Block>;
    type Error = RecentError;

    async fn put(self, digest: Digest, block: &Arc<Block>) -> Result<Self, RecentError> {
        self.add(block.height().get(), digest, block).await
    }
    async fn sync(self) -> Result<Self, RecentError> {
        self.make_durable().await
    }
    async fn start_sync(self) -> Result<(Self, Handle<()>), RecentError> {
        self.begin_durable().await
    }
    async fn get(&self, id: Identifier<'_, Digest>) -> Result<Option<Arc<Block>>, RecentError> {
        self.find(id).await
    }
    /// Blocks are kept for whoever has to catch up.
    async fn prune(self, _: Height) -> Result<Self, RecentError> {
        Ok(self)
    }
    fn missing_items(&self, start: Height, max: usize) -> Vec<Height> {
        self.have.missing_items(start.get(), max).into_iter().map(Height::new).collect()
    }
    fn next_gap(&self, value: Height) -> (Option<Height>, Option<Height>) {
        let (end, next) = self.have.next_gap(value.get());
        (end.map(Height::new), next.map(Height::new))
    }
    fn last_index(&self) -> Option<Height> {
        self.last()
    }
}

impl<E, A> Certificates for Recent<E, A>
where
    E: Storage,
    A: Archive<Key = Digest, Value = Finalization<Scheme, Digest>> + Sync + 'static,
{
    type BlockDigest = Digest;
    type Commitment = Digest;
    type Scheme = Scheme;
    type Error = RecentError;

    async fn put(self, height: Height, digest: Digest, finalization: &A::Value) -> Result<Self, RecentError> {
        self.add(height.get(), digest, finalization).await
    }
    async fn sync(self) -> Result<Self, RecentError> {
        self.make_durable().await
    }
    async fn start_sync(self) -> Result<(Self, Handle<()>), RecentError> {
        self.begin_durable().await
    }
    async fn get(&self, id: Identifier<'_, Digest>) -> Result<Option<A::Value>, RecentError> {
        self.find(id).await
    }
    async fn has(&self, height: Height) -> Result<bool, RecentError> {
        Ok(self.have.get(height.get()).is_some())
    }
    /// Certificates are kept with their blocks.
    async fn prune(self, _: Height) -> Result<Self, RecentError> {
        Ok(self)
    }
    fn last_index(&self) -> Option<Height> {
        self.last()
    }
    fn ranges_from(&self, from: Height) -> impl Iterator<Item = (Height, Height)> {
        self.have.iter_from(from.get()).map(|(first, last)| (Height::new(*first), Height::new(*last)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on has failed

    use super::*;
    use chain::sha256;
    use commonware_runtime::Supervisor as _;
    use commonware_runtime::buffer::paged::{CacheRef, page_size};
    use commonware_runtime::deterministic::{self, Checkpoint, FaultConfig, PartialWriteMode, WriteConfig};
    use commonware_storage::archive::immutable;
    use commonware_utils::{NZU64, NZUsize, probability};
    use proptest::prelude::*;

    type Context = deterministic::Context;
    type Archived = immutable::Archive<Context, Digest, u64>;

    fn digest(height: u64) -> Digest {
        Digest(sha256(&height.to_le_bytes()).0)
    }

    async fn open(context: &Context) -> Recent<Context, Archived> {
        let cache = CacheRef::new(page_size(4096), NZUsize!(64));
        let part = |part: &str| format!("p-{part}");
        let config = immutable::Config {
            metadata_partition: part("metadata"),
            freezer_table_partition: part("table"),
            freezer_table_initial_size: 64,
            freezer_table_resize_frequency: 4,
            freezer_table_resize_chunk_size: 64,
            freezer_key_partition: part("keys"),
            freezer_key_page_cache: cache,
            freezer_value_partition: part("values"),
            freezer_value_target_size: 1 << 20,
            freezer_value_compression: None,
            ordinal_partition: part("heights"),
            items_per_section: NZU64!(1024),
            freezer_key_write_buffer: NZUsize!(1024),
            freezer_value_write_buffer: NZUsize!(1024),
            ordinal_write_buffer: NZUsize!(1024),
            replay_buffer: NZUsize!(1024),
            codec_config: (),
        };
        let archive = immutable::Archive::init(context.child("archive"), config).await.unwrap();
        Recent::open(context, "p-recent", archive, &()).await.unwrap()
    }

    /// A power cut leaves any beginning of a write that was not synced.
    fn run<T>(after: Option<Checkpoint>, story: impl AsyncFnOnce(Context) -> T) -> (T, Checkpoint) {
        let write =
            WriteConfig { failure_rate: probability!(0.0), retention_rate: probability!(0.9), mode: PartialWriteMode::Prefix };
        let faults = FaultConfig::default().write(write);
        let fresh = || deterministic::Runner::new(deterministic::Config::new().with_storage_fault_config(faults));
        after.map_or_else(fresh, deterministic::Runner::from).start_and_recover(|context| story(context))
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// So many values from a height on.
        Put {
            from: u64,
            count: u64,
        },
        Sync,
        StartSync,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..600u64, 1..120u64).prop_map(|(from, count)| Step::Put { from, count }),
            2 => Just(Step::Sync),
            1 => Just(Step::StartSync),
        ]
    }

    /// Heights put, and those of them that a sync has answered for.
    type Heights = (std::collections::BTreeSet<u64>, std::collections::BTreeSet<u64>);

    async fn perform(context: Context, steps: &[Step], life: u64, (mut put, mut durable): Heights) -> Heights {
        let mut store = open(&context).await;
        for step in steps {
            match step {
                Step::Put { from, count } => {
                    for height in *from..from + count {
                        // What is there already stays.
                        let value = if put.contains(&height) { u64::MAX } else { height * 10 + life };
                        store = store.add(height, digest(height), &value).await.unwrap();
                        put.insert(height);
                    }
                }
                Step::Sync => {
                    store = store.make_durable().await.unwrap();
                    durable = put.clone();
                }
                Step::StartSync => {
                    let handle;
                    (store, handle) = store.begin_durable().await.unwrap();
                    handle.await.unwrap();
                    durable = put.clone();
                }
            }
            agree(&store, &put).await;
        }
        (put, durable)
    }

    /// The store has these heights and no others, by height and by hash, and tells the gaps between them.
    async fn agree(store: &Recent<Context, Archived>, heights: &std::collections::BTreeSet<u64>) {
        assert_eq!(store.have.last_index(), heights.last().copied());
        for height in (0..720).step_by(7) {
            let value = store.find(Identifier::Index(height)).await.unwrap();
            assert_eq!(value.is_some(), heights.contains(&height), "{height}");
            assert_eq!(store.find(Identifier::Key(&digest(height))).await.unwrap(), value);
            assert_eq!(store.have.get(height).is_some(), heights.contains(&height), "{height}");
            let (_, next) = store.have.next_gap(height);
            let gap = (height..).find(|at| !heights.contains(at)).unwrap();
            assert_eq!(next, heights.range(gap..).next().copied(), "{height}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn what_a_sync_answered_for_is_there_after_a_power_cut(lives in prop::collection::vec(prop::collection::vec(step(), 0..12), 1..4)) {
            let (mut there, mut checkpoint) = (std::collections::BTreeSet::new(), None);
            for (life, steps) in lives.iter().enumerate() {
                let known: Heights = (there.clone(), there.clone());
                let ((put, durable), after) =
                    run(checkpoint, async |context| perform(context, steps, life as u64, known).await);
                let (found, after) = run(Some(after), async |context| {
                    let store = open(&context).await;
                    let heights = store.have.iter().flat_map(|(first, last)| *first..=*last).collect();
                    agree(&store, &heights).await;
                    heights
                });
                prop_assert!(durable.is_subset(&found) && found.is_subset(&put));
                (there, checkpoint) = (found, Some(after));
            }
        }
    }

    #[test]
    fn a_torn_value_is_cut_off_and_the_file_goes_on() {
        let ((), after) = run(None, async |context| {
            let mut store = open(&context).await;
            for height in 1..=3 {
                store = store.add(height, digest(height), &height).await.unwrap();
            }
            store = store.make_durable().await.unwrap();
            store.file.write_at(store.end - 3, b"xyz", WriteOptions::SYNC).await.unwrap();
        });
        let ((), after) = run(Some(after), async |context| {
            let mut store = open(&context).await;
            agree(&store, &[1, 2].into()).await;
            store = store.add(9, digest(9), &9).await.unwrap();
            store.make_durable().await.unwrap();
        });
        run(Some(after), async |context| agree(&open(&context).await, &[1, 2, 9].into()).await);
    }

    #[test]
    fn many_values_move_into_the_archive_and_stay_what_they_were() {
        let ((), after) = run(None, async |context| {
            let mut store = open(&context).await;
            for height in 0..700 {
                store = store.add(height, digest(height), &(height * 3)).await.unwrap();
                store = store.make_durable().await.unwrap();
                assert!(store.values.len() < RECENT_MAX);
            }
            assert!(store.archive.last_index().unwrap() >= 500);
        });
        run(Some(after), async |context| {
            let store = open(&context).await;
            for height in 0..700 {
                assert_eq!(store.find(Identifier::Index(height)).await.unwrap(), Some(height * 3));
                assert_eq!(store.find(Identifier::Key(&digest(height))).await.unwrap(), Some(height * 3));
            }
            assert_eq!(store.find(Identifier::Index(700)).await.unwrap(), None);
        });
    }
}
