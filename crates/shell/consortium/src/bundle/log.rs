//! The log: changes go into it in order, and one write makes all that wait for it durable.

use super::BundleError;
use super::files::Files;
use super::frame::{Place, Record, newest_round, seal};
use commonware_runtime::{Blob, Error, ReadOptions, Storage, WriteOptions};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, oneshot};

/// Bytes of zeros written ahead of the log's end, so that most writes change nothing but data.
const AHEAD_BYTES: u64 = 1 << 20;

/// What is in memory.
#[derive(Default)]
pub(super) struct State {
    pub(super) files: Files,
    /// Records not handed to the disk yet.
    pending: Vec<u8>,
    /// Records ever made.
    appended: u64,
    /// Records that are on the disk.
    durable: u64,
    /// Who waits for which record, in the order they came: one seed of a simulated run wakes them in one order.
    waiting: Vec<(u64, oneshot::Sender<Result<(), Error>>)>,
    /// Nothing is tried again after a failure.
    failed: Option<Error>,
}

impl State {
    /// Records made so far.
    pub(super) fn appended(&self) -> u64 {
        self.appended
    }

    /// Makes a change and its record, whose number it tells.
    pub(super) fn change(&mut self, record: Record<'_>) -> u64 {
        let known = self.files.apply(record);
        assert!(known.is_some(), "a change is made to a file that is there");
        record.encode(&mut self.pending);
        self.appended += 1;
        self.appended
    }
}

/// The files and the way to the disk, for everybody.
pub(super) struct Shared {
    state: Mutex<State>,
    wake: Notify,
}

impl Shared {
    fn new(files: Files) -> Self {
        let state = Mutex::new(State { files, ..State::default() });
        Self { state, wake: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for everything up to a record to become durable; answers when it is. The asking is done at once.
    pub(super) fn sync(&self, upto: u64) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let (done, answer) = oneshot::channel();
        let mut state = self.lock();
        match &state.failed {
            // Nobody goes on, not even who wanted nothing of the disk.
            Some(error) => drop(done.send(Err(error.clone()))),
            None if state.durable >= upto => drop(done.send(Ok(()))),
            None => {
                state.waiting.push((upto, done));
                self.wake.notify_one();
            }
        }
        async move { answer.await.unwrap_or(Err(Error::Closed)) }
    }

    /// Records up to this one are on the disk: tells who waits for them.
    fn publish(&self, upto: u64) {
        let mut state = self.lock();
        state.durable = upto;
        for (_, done) in state.waiting.extract_if(.., |(wanted, _)| *wanted <= upto) {
            let _ = done.send(Ok(()));
        }
    }

    fn fail(&self, error: &Error) {
        let mut state = self.lock();
        state.failed = Some(error.clone());
        for (_, done) in state.waiting.drain(..) {
            let _ = done.send(Err(error.clone()));
        }
    }
}

/// Writes the log. One of them, in a task of its own.
pub(super) struct Log<B> {
    shared: Arc<Shared>,
    files: [B; 2],
    /// Bytes each file has on the disk.
    sizes: [u64; 2],
    active: usize,
    place: Place,
    /// Where the next batch begins in the active file.
    position: u64,
    /// A round ends when it has grown so long.
    round_bytes: u64,
}

impl<B: Blob> Log<B> {
    /// Reads both files, and begins a new round: what a crash left unfinished is behind us then.
    pub(super) async fn open<E: Storage<Blob = B>>(
        storage: &E,
        partition: &str,
        round_bytes: u64,
    ) -> Result<(Self, Arc<Shared>), BundleError> {
        let (a, a_size) = storage.open(partition, b"a").await?;
        let (b, b_size) = storage.open(partition, b"b").await?;
        let contents = [read(&a, a_size).await?, read(&b, b_size).await?];
        let newest = newest_round([&contents[0], &contents[1]]).map_err(|_| BundleError::Damaged)?;
        let mut files = Files::default();
        for records in newest.iter().flat_map(|round| &round.batches) {
            files.apply_all(records).ok_or(BundleError::Damaged)?;
        }
        let (active, round) = newest.map_or((1, 0), |round| (round.file, round.round));
        let shared = Arc::new(Shared::new(files));
        let place = Place { round, number: 0 };
        let sizes = [a_size, b_size];
        let mut log = Self { shared: shared.clone(), files: [a, b], sizes, active, place, position: 0, round_bytes };
        log.turn().await?;
        Ok((log, shared))
    }

    /// Runs until the disk fails.
    pub(super) async fn run(mut self) {
        loop {
            self.shared.wake.notified().await;
            if let Err(error) = self.commit().await {
                tracing::error!(%error, "the log of the engine's files cannot be written; stopping");
                self.shared.fail(&error);
                return;
            }
        }
    }

    /// Writes what is wanted, and what else came meanwhile with it.
    async fn commit(&mut self) -> Result<(), Error> {
        loop {
            if self.position >= self.round_bytes {
                self.turn().await?;
            }
            let (records, upto) = {
                let mut state = self.shared.lock();
                if state.waiting.is_empty() {
                    return Ok(());
                }
                (core::mem::take(&mut state.pending), state.appended)
            };
            tracing::trace!(bytes = records.len(), "the log is written");
            self.write(&records).await?;
            tracing::trace!(bytes = records.len(), "the log is durable");
            self.shared.publish(upto);
        }
    }

    /// Begins a round in the other file, with all there is.
    ///
    /// Crash note: until its first batch is whole the other file's round is the newest, and has everything promised so far.
    async fn turn(&mut self) -> Result<(), Error> {
        let (records, upto) = {
            let mut state = self.shared.lock();
            state.pending.clear();
            (state.files.records(), state.appended)
        };
        self.active = 1 - self.active;
        self.place = Place { round: self.place.round + 1, number: 0 };
        self.position = 0;
        self.write(&records).await?;
        // A round that begins long must not be followed by the next at once.
        self.round_bytes = self.round_bytes.max(self.position * 4);
        self.shared.publish(upto);
        Ok(())
    }

    async fn write(&mut self, records: &[u8]) -> Result<(), Error> {
        let mut batch = seal(self.place, records);
        let end = self.position + batch.len() as u64;
        let size = &mut self.sizes[self.active];
        if end > *size {
            *size = end + AHEAD_BYTES;
            batch.resize(batch.len() + AHEAD_BYTES as usize, 0);
        }
        self.files[self.active].write_at(self.position, batch, WriteOptions::SYNC).await?;
        self.position = end;
        self.place.number += 1;
        Ok(())
    }
}

async fn read<B: Blob>(file: &B, size: u64) -> Result<Vec<u8>, Error> {
    let size = usize::try_from(size).map_err(|_| Error::OffsetOverflow)?;
    if size == 0 {
        return Ok(Vec::new());
    }
    let bytes = file.read_at(0, size, ReadOptions::default()).await?;
    Ok(bytes.coalesce().as_ref().to_vec())
}
