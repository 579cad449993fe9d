//! The bundle against a model, with the power cut at any moment, and its log with any byte lost.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use super::frame::{Damaged, Place, Record, SECTOR_BYTES, newest_round, seal};
use super::*;
use chain::sha256;
use commonware_cryptography::sha256::Digest;
use commonware_runtime::buffer::paged::{CacheRef, page_size};
use commonware_runtime::deterministic::{self, Checkpoint, FaultConfig, PartialWriteMode, WriteConfig};
use commonware_runtime::{Supervisor as _, WriteOptions};
use commonware_storage::archive::{Archive as _, Identifier, MultiArchive as _, prunable};
use commonware_storage::translator::TwoCap;
use commonware_utils::{NZU64, NZUsize, probability};
use proptest::prelude::*;
use std::collections::BTreeMap;

const ROUND_BYTES: u64 = 2048;
/// Alone in the log, beside files of their own, and a file of its own.
const PARTITIONS: [&str; 3] = ["p-simplex-0", "p-marshal-cache-cache-0-verified-key", "p-blk-values"];

async fn open(context: &deterministic::Context) -> Bundled<deterministic::Context> {
    Bundled::open(context.child("test"), "p", ROUND_BYTES).await.unwrap().0
}

/// A runtime whose crashes leave any beginning of what was not synced.
fn first_run() -> deterministic::Runner {
    let write =
        WriteConfig { failure_rate: probability!(0.0), retention_rate: probability!(0.5), mode: PartialWriteMode::Prefix };
    deterministic::Runner::new(deterministic::Config::new().with_storage_fault_config(FaultConfig::default().write(write)))
}

fn run<T>(after: Option<Checkpoint>, story: impl AsyncFnOnce(deterministic::Context) -> T) -> (T, Checkpoint) {
    let runner = match after {
        Some(checkpoint) => deterministic::Runner::from(checkpoint),
        None => first_run(),
    };
    runner.start_and_recover(|context| story(context))
}

async fn whole<B: commonware_runtime::Blob>(file: &B, size: u64) -> Vec<u8> {
    file.read_at(0, size as usize, ReadOptions::default()).await.unwrap().coalesce().as_ref().to_vec()
}

#[derive(Debug, Clone)]
enum Step {
    Write { file: u8, offset: u16, byte: u8, length: u16 },
    Resize { file: u8, length: u16 },
    Sync { file: u8 },
    Remove { file: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4u8, 0..900u16, 1..255u8, 1..600u16)
            .prop_map(|(file, offset, byte, length)| Step::Write { file, offset, byte, length }),
        1 => (0..4u8, 0..700u16).prop_map(|(file, length)| Step::Resize { file, length }),
        4 => (0..4u8).prop_map(|file| Step::Sync { file }),
        1 => (0..4u8).prop_map(|file| Step::Remove { file }),
    ]
}

type Model = BTreeMap<u8, Vec<u8>>;

/// What the log must bring back: any moment from the last answered sync on.
#[derive(Default)]
struct History {
    moments: Vec<Model>,
}

/// Does the steps on one partition's files; a step on a file that is not there makes it.
async fn perform(context: &deterministic::Context, steps: &[Step], before: Model) -> History {
    let bundle = open(context).await;
    let mut now = before;
    let mut history = History { moments: vec![now.clone()] };
    for step in steps {
        let name = match step {
            Step::Write { file, .. } | Step::Resize { file, .. } | Step::Sync { file } | Step::Remove { file } => *file,
        };
        if let Step::Remove { .. } = step {
            let there = bundle.remove(PARTITIONS[0], Some(&[name])).await.is_ok();
            assert_eq!(there, now.remove(&name).is_some());
            history.moments.push(now.clone());
            continue;
        }
        let (file, size) = bundle.open(PARTITIONS[0], &[name]).await.unwrap();
        let known = now.entry(name).or_default();
        assert_eq!(size as usize, known.len());
        assert_eq!(&whole(&file, size).await, known);
        match step {
            Step::Write { offset, byte, length, .. } => {
                let (from, end) = (usize::from(*offset), usize::from(*offset) + usize::from(*length));
                // The file's making is a moment of its own.
                history.moments.push(now.clone());
                let known = now.get_mut(&name).unwrap();
                known.resize(known.len().max(end), 0);
                known[from..end].fill(*byte);
                file.write_at(from as u64, vec![*byte; usize::from(*length)], WriteOptions::default()).await.unwrap();
            }
            Step::Resize { length, .. } => {
                history.moments.push(now.clone());
                now.get_mut(&name).unwrap().resize(usize::from(*length), 0);
                file.resize(u64::from(*length)).await.unwrap();
            }
            Step::Sync { .. } => {
                history.moments.push(now.clone());
                file.sync().await.unwrap();
            }
            Step::Remove { .. } => {}
        }
        history.moments.push(now.clone());
    }
    history
}

async fn found(context: &deterministic::Context) -> Model {
    let bundle = open(context).await;
    let mut model = Model::new();
    for name in bundle.scan(PARTITIONS[0]).await.unwrap_or_default() {
        let (file, size) = bundle.open(PARTITIONS[0], &name).await.unwrap();
        model.insert(name[0], whole(&file, size).await);
    }
    model
}

/// The last moment that a sync of these steps promised for each file: the file has changed no more until its sync.
fn promised(steps: &[Step], history: &History, begun: usize) -> usize {
    let (mut at, mut last) = (0, begun);
    for step in steps {
        at += if matches!(step, Step::Remove { .. }) { 1 } else { 2 };
        if let Step::Sync { file } = step {
            // Its content at the sync has stood since some moment: the log is durable at least up to there.
            let stood = history.moments[..=at].iter().rposition(|moment| moment.get(file) != history.moments[at].get(file));
            last = last.max(stood.map_or(0, |changed| changed + 1));
        }
    }
    last
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_power_cut_leaves_one_moment_and_not_before_the_last_sync(lives in prop::collection::vec(prop::collection::vec(step(), 0..24), 1..5)) {
        let (mut before, mut checkpoint) = (Model::new(), None);
        for steps in &lives {
            let (history, after) = run(checkpoint, async |context| perform(&context, steps, before).await);
            let (there, after) = run(Some(after), async |context| found(&context).await);
            let from = promised(steps, &history, 0);
            prop_assert!(history.moments[from..].contains(&there), "{there:?} is no moment from {from} on: {:?}", history.moments);
            (before, checkpoint) = (there, Some(after));
        }
    }

    #[test]
    fn a_log_cut_anywhere_or_changed_anywhere_keeps_its_promises(
        sizes in prop::collection::vec(0..1500usize, 2..6),
        at in 0..10_000usize,
        cut in any::<bool>(),
    ) {
        let records: Vec<Vec<u8>> = sizes.iter().enumerate().map(|(n, size)| vec![n as u8 + 1; *size]).collect();
        let mut file = Vec::new();
        let mut begins = Vec::new();
        for (number, records) in records.iter().enumerate() {
            begins.push(file.len());
            file.extend_from_slice(&seal(Place { round: 9, number: number as u64 }, records));
        }
        let older = seal(Place { round: 8, number: 0 }, b"older");
        let at = at % file.len();
        if cut { file[at..].fill(0) } else { file[at] ^= 0x40 }
        let hit = begins.iter().rposition(|begin| *begin <= at).unwrap();
        match newest_round([&older, &file]) {
            // Padding was hit, or the last batch: which may be the only one.
            Ok(Some(round)) if round.file == 1 => {
                prop_assert!(round.batches.len() >= hit);
                prop_assert_eq!(&round.batches[..], &records.iter().map(Vec::as_slice).collect::<Vec<_>>()[..round.batches.len()]);
                prop_assert!(cut || hit + 1 >= records.len() || round.batches.len() == records.len());
            }
            Ok(Some(round)) => prop_assert!(hit == 0 && cut && round.batches == [b"older"]),
            Ok(None) => prop_assert!(false, "everything is lost"),
            Err(Damaged) => prop_assert!(!cut && hit + 1 < records.len()),
        }
    }
}

#[test]
fn records_come_back_as_they_were() {
    let (partition, name) = ("p-simplex-0", [0u8, 7].as_slice());
    let records = [
        Record::Create { partition, name, version: 3 },
        Record::Write { partition, name, offset: u64::MAX, bytes: b"" },
        Record::Write { partition, name: b"", offset: 5, bytes: b"bytes" },
        Record::Resize { partition, name, length: 17 },
        Record::Remove { partition, name },
        Record::RemoveAll { partition },
        Record::Adopted { partition: "" },
    ];
    for record in records {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(Record::decode(&mut &bytes[..cut]), None, "{record:?} cut at {cut}");
        }
        assert_eq!(Record::decode(&mut bytes.as_slice()), Some(record));
    }
    assert_eq!(Record::decode(&mut [9, 0, 0, 0, 0].as_slice()), None, "an unknown kind");
}

#[test]
fn a_log_whose_beginning_is_lost_is_damaged_and_an_empty_one_is_new() {
    let zeros = vec![0; 4 * SECTOR_BYTES];
    assert_eq!(newest_round([&[], &zeros]), Ok(None));
    let first = seal(Place { round: 1, number: 0 }, b"all");
    let second = seal(Place { round: 1, number: 1 }, b"more");
    let mut file = [first, second].concat();
    assert_eq!(newest_round([&file, &zeros]).unwrap().unwrap().batches, [b"all".as_slice(), b"more"]);
    file[25] ^= 1;
    assert_eq!(newest_round([&file, &zeros]), Err(Damaged));
    let older = seal(Place { round: 0, number: 0 }, b"old");
    assert_eq!(newest_round([&file, &older]), Err(Damaged), "a batch behind it proves that it had been durable");
}

#[test]
fn what_a_folder_holds_from_before_moves_in() {
    let old = |context: deterministic::Context| async move {
        for (partition, name) in [(PARTITIONS[0], b"1"), (PARTITIONS[0], b"2"), (PARTITIONS[1], b"1")] {
            let (file, _) = context.open(partition, name).await.unwrap();
            file.write_at(0, [partition.as_bytes(), name].concat(), WriteOptions::SYNC).await.unwrap();
        }
    };
    let ((), mut checkpoint) = run(None, async |context| old(context).await);
    for life in 0..3 {
        let ((), after) = run(Some(checkpoint), async |context| {
            let bundle = open(&context).await;
            assert_eq!(bundle.scan(PARTITIONS[0]).await.unwrap(), [b"1", b"2"]);
            for (partition, name) in [(PARTITIONS[0], b"2"), (PARTITIONS[1], b"1")] {
                let (file, size) = bundle.open(partition, name).await.unwrap();
                assert_eq!(whole(&file, size).await, [partition.as_bytes(), name].concat(), "life {life}");
                assert!(context.scan(partition).await.is_err(), "its own files are gone");
            }
        });
        checkpoint = after;
    }
}

#[test]
fn files_of_blocks_stay_files_of_their_own() {
    run(None, async |context| {
        let bundle = open(&context).await;
        let partitions = ["p-blk-values", "p-fin-table", "p-marshal-cache-cache-3-verified-value", "q-simplex-0", "p-log-2"];
        for partition in partitions {
            bundle.open(partition, b"x").await.unwrap();
            assert_eq!(context.scan(partition).await.unwrap(), [b"x"], "{partition}");
        }
        let bundled = ["p-simplex-0", "p-marshal-application-metadata", "p-marshal-cache-cache-3-verified-key", "p-recent-blk"];
        for partition in bundled {
            bundle.open(partition, b"x").await.unwrap();
            assert!(context.scan(partition).await.is_err(), "{partition}");
        }
    });
}

#[test]
fn a_file_is_open_once_and_stays_readable_when_it_is_removed() {
    run(None, async |context| {
        let bundle = open(&context).await;
        let (file, _) = bundle.open(PARTITIONS[0], b"x").await.unwrap();
        file.write_at(2, b"abc", WriteOptions::SYNC).await.unwrap();
        assert!(matches!(bundle.open(PARTITIONS[0], b"x").await, Err(Error::BlobAlreadyOpen(..))));
        bundle.remove(PARTITIONS[0], Some(b"x")).await.unwrap();
        let (again, size) = bundle.open(PARTITIONS[0], b"x").await.unwrap();
        file.write_at(0, b"zz", WriteOptions::SYNC).await.unwrap();
        assert_eq!(whole(&file, 5).await, b"\0\0abc");
        assert_eq!((size, whole(&again, 0).await), (0, Vec::new()), "what is written to the old one is not in the new one");
        assert!(matches!(file.read_at(1, 5, ReadOptions::default()).await, Err(Error::BlobInsufficientLength)));
        assert!(matches!(bundle.remove(PARTITIONS[0], Some(b"y")).await, Err(Error::BlobMissing(..))));
        assert!(matches!(bundle.remove("p-simplex-9", None).await, Err(Error::PartitionMissing(_))));
        let other = BlobVersion::new(7)..=BlobVersion::new(9);
        drop(again);
        let refused = bundle.open_versioned(PARTITIONS[0], b"x", other).await;
        assert!(matches!(refused, Err(Error::BlobVersionMismatch { .. })));
    });
}

/// A sync that is left to others is covered by the next of anybody, and by nothing before it.
#[test]
fn what_rides_along_is_durable_with_the_next_sync() {
    for next_sync in [true, false] {
        let ((), after) = run(None, async |context| {
            let bundle = open(&context).await;
            let (cached, _) = bundle.open(PARTITIONS[1], b"x").await.unwrap();
            let (vote, _) = bundle.open(PARTITIONS[0], b"1").await.unwrap();
            cached.write_at(0, b"cached", WriteOptions::SYNC).await.unwrap();
            cached.sync().await.unwrap();
            cached.start_sync().await.await.unwrap();
            if next_sync {
                vote.write_at(0, b"vote", WriteOptions::SYNC).await.unwrap();
            }
        });
        run(Some(after), async |context| {
            let (_, size) = open(&context).await.open(PARTITIONS[1], b"x").await.unwrap();
            assert_eq!(size, if next_sync { 6 } else { 0 });
        });
    }
}

/// Blocks of one size, so that one fits where another lay.
type CachedBlock = [u8; 96];
type Cache = prunable::Archive<TwoCap, Bundled<deterministic::Context>, Digest, CachedBlock>;

fn block(number: u64) -> (Digest, CachedBlock) {
    let bytes = [number as u8; 96];
    (Digest(sha256(&bytes).0), bytes)
}

/// The engine's cache of verified blocks, as it opens it: keys in the bundle, blocks in files of their own. `buffer` is how much
/// of either is kept back until it is synced.
async fn cache(bundle: &Bundled<deterministic::Context>, buffer: usize) -> Cache {
    let part = |part: &str| format!("p-marshal-cache-cache-0-verified-{part}");
    let buffer = core::num::NonZeroUsize::new(buffer).unwrap();
    let config = prunable::Config {
        translator: TwoCap,
        metadata_partition: part("metadata"),
        key_partition: part("key"),
        key_page_cache: CacheRef::new(page_size(4096), NZUsize!(64)),
        value_partition: part("value"),
        compression: None,
        codec_config: (),
        items_per_section: NZU64!(1024),
        key_write_buffer: buffer,
        value_write_buffer: buffer,
        replay_buffer: NZUsize!(4096),
    };
    prunable::Archive::init(bundle.child("cache"), config).await.unwrap()
}

/// The engine's journal of votes, as far as it matters here: a vote is told to others when its sync has answered.
async fn vote(bundle: &Bundled<deterministic::Context>, view: u64) {
    let (journal, _) = bundle.open(PARTITIONS[0], &view.to_be_bytes()).await.unwrap();
    journal.write_at(0, b"finalize", WriteOptions::SYNC).await.unwrap();
}

/// Power goes where nothing unsynced survives.
fn run_without_mercy<T>(after: Option<Checkpoint>, story: impl AsyncFnOnce(deterministic::Context) -> T) -> (T, Checkpoint) {
    let faults = FaultConfig::default().write(first_write());
    let fresh = || deterministic::Runner::new(deterministic::Config::new().with_storage_fault_config(faults));
    after.map_or_else(fresh, deterministic::Runner::from).start_and_recover(|context| story(context))
}

/// The whole of what a validator promises with a vote to finalize: whenever the power goes, the block of each vote that was told
/// is there, as it was, although its key's own sync was answered before anything was written.
#[test]
fn a_vote_that_was_told_keeps_its_block() {
    for cut_after in 0..=4 {
        let ((), after) = run_without_mercy(None, async |context| {
            let bundle = open(&context).await;
            let mut cache = cache(&bundle, 1 << 20).await;
            for view in 1..=4 {
                let (digest, bytes) = block(view);
                let handle;
                (cache, handle) = cache.put_multi_start_sync(view, digest, &bytes).await.unwrap();
                if view <= cut_after {
                    handle.await.unwrap();
                    vote(&bundle, view).await;
                }
            }
        });
        run_without_mercy(Some(after), async |context| {
            let bundle = open(&context).await;
            let cache = cache(&bundle, 1 << 20).await;
            for view in 1..=cut_after {
                let (digest, bytes) = block(view);
                assert_eq!(cache.get(Identifier::Key(&digest)).await.unwrap(), Some(bytes), "view {view} of {cut_after}");
            }
            let told = bundle.scan(PARTITIONS[0]).await.unwrap_or_default();
            assert_eq!(told.len() as u64, cut_after, "no vote is forgotten and none was made up");
        });
    }
}

/// A key that became durable before its block is cut off at the next start. Were that left to the next sync of anybody, a
/// second loss of power could bring the key back over another block's bytes.
#[test]
fn a_key_cut_off_at_a_start_does_not_come_back_over_another_block() {
    let ((), after) = run_without_mercy(None, async |context| {
        let bundle = open(&context).await;
        // Nothing is kept back: the key is in the log, the block's bytes are on their way.
        let cache = cache(&bundle, 1).await.put(1, block(1).0, &block(1).1).await.unwrap();
        vote(&bundle, 1).await;
        drop(cache);
    });
    let ((), after) = run_without_mercy(Some(after), async |context| {
        let bundle = open(&context).await;
        let cache = cache(&bundle, 1).await;
        assert_eq!(cache.get(Identifier::Key(&block(1).0)).await.unwrap(), None, "its bytes never came");
        let cache = cache.put(2, block(2).0, &block(2).1).await.unwrap().sync().await.unwrap();
        drop(cache);
    });
    run_without_mercy(Some(after), async |context| {
        let cache = cache(&open(&context).await, 1).await;
        assert_eq!(cache.get(Identifier::Key(&block(1).0)).await.unwrap(), None, "another block under its hash");
        assert_eq!(cache.get(Identifier::Index(1)).await.unwrap(), None, "another block in its view");
    });
}

#[test]
fn a_sync_is_not_answered_when_the_disk_fails() {
    run(None, async |context| {
        let bundle = open(&context).await;
        let (file, _) = bundle.open(PARTITIONS[0], b"x").await.unwrap();
        file.write_at(0, b"good", WriteOptions::SYNC).await.unwrap();
        let write = WriteConfig { failure_rate: probability!(1.0), ..first_write() };
        *context.storage_fault_config().write() = FaultConfig::default().write(write);
        file.write_at(0, b"lost", WriteOptions::default()).await.unwrap();
        let started = file.start_sync().await;
        assert!(file.sync().await.is_err());
        assert!(started.await.is_err());
        *context.storage_fault_config().write() = FaultConfig::default();
        assert!(file.sync().await.is_err(), "the same data is never tried again");
    });
}

fn first_write() -> WriteConfig {
    WriteConfig { failure_rate: probability!(0.0), retention_rate: probability!(0.0), mode: PartialWriteMode::Prefix }
}
