//! A host: the engine's runtime as one simulated machine sees it, with a clock that may be wrong and a disk that may lose power.
//! For simulators.
//!
//! The deterministic runtime has one clock for all, and its files keep what was synced and lose the rest at every crash: neither
//! what a killed process leaves nor what a machine without power does. A host puts its machine's own between the two.

use bytes::Bytes;
use commonware_runtime::deterministic::Context;
use commonware_runtime::signal::Signal;
use commonware_runtime::telemetry::metrics::{Metric, Registered};
use commonware_runtime::{
    Blob, BlobVersion, Buf as _, Clock, Error, Handle, IoBufs, IoBufsMut, Metrics, Name, ReadOptions, Spawner, Storage,
    Supervisor, WriteOptions,
};
use commonware_utils::channel::oneshot;
use governor::clock::{Clock as GovernorClock, ReasonablyRealtime};
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The machine under an engine.
pub trait Host: Send + Sync + 'static {
    /// By how many nanoseconds its clock is ahead.
    fn ahead_ns(&self) -> i64;
    /// How long its disk takes for a sync now.
    fn disk_pause(&self) -> Duration;
    /// Opens a file of the engine's, made if there is none. `None`: the process has ended, and nothing is answered any more.
    fn open(&self, name: &str) -> Option<Arc<dyn HostFile>>;
    /// Names of all files of the engine's; `None` as above.
    fn list(&self) -> Option<Vec<String>>;
    /// Removes a file, durably; `None` as above.
    fn remove(&self, name: &str) -> Option<()>;
}

/// A file of the engine's. Every method answers `None` once the process has ended.
pub trait HostFile: Send + Sync + 'static {
    /// Its length.
    fn length(&self) -> Option<u64>;
    /// Fills the bytes from an offset on; an error if they are not all there.
    fn read(&self, offset: u64, bytes: &mut [u8]) -> Option<io::Result<()>>;
    /// Writes bytes; a crash may lose any part of them.
    fn write(&self, offset: u64, bytes: &[u8]) -> Option<()>;
    /// Makes the file so long.
    fn set_length(&self, length: u64) -> Option<()>;
    /// Makes everything written before durable.
    fn sync(&self) -> Option<()>;
}

/// What a process that has ended gets.
async fn answer<T>(answer: Option<T>) -> T {
    match answer {
        Some(answer) => answer,
        None => std::future::pending().await,
    }
}

/// The runtime's context on a host.
pub(crate) struct Hosted {
    inner: Context,
    host: Arc<dyn Host>,
}

impl Hosted {
    pub(crate) fn new(inner: Context, host: Arc<dyn Host>) -> Self {
        Self { inner, host }
    }

    fn shifted(&self, time: SystemTime) -> SystemTime {
        let by = self.host.ahead_ns();
        let distance = Duration::from_nanos(by.unsigned_abs());
        if by < 0 { time.checked_sub(distance).unwrap_or(time) } else { time + distance }
    }
}

impl Supervisor for Hosted {
    fn name(&self) -> Name {
        self.inner.name()
    }

    fn child(&self, label: &'static str) -> Self {
        Self { inner: self.inner.child(label), host: self.host.clone() }
    }

    fn with_attribute(self, key: &'static str, value: impl std::fmt::Display) -> Self {
        Self { inner: self.inner.with_attribute(key, value), host: self.host }
    }
}

impl Spawner for Hosted {
    fn shared(self, blocking: bool) -> Self {
        Self { inner: self.inner.shared(blocking), host: self.host }
    }

    fn dedicated(self) -> Self {
        Self { inner: self.inner.dedicated(), host: self.host }
    }

    fn spawn<F, Fut, T>(self, f: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let host = self.host;
        self.inner.spawn(move |inner| f(Self { inner, host }))
    }

    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.inner.stop(value, timeout).await
    }

    fn stopped(&self) -> Signal {
        self.inner.stopped()
    }
}

impl Clock for Hosted {
    fn current(&self) -> SystemTime {
        self.shifted(self.inner.current())
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep(duration)
    }

    /// As on a real machine: how long to wait is reckoned by the clock as it is now.
    fn sleep_until(&self, deadline: SystemTime) -> impl Future<Output = ()> + Send + 'static + use<> {
        self.inner.sleep(deadline.duration_since(self.current()).unwrap_or_default())
    }
}

impl GovernorClock for Hosted {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl ReasonablyRealtime for Hosted {}

impl Metrics for Hosted {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(&self, name: N, help: H, metric: M) -> Registered<M> {
        self.inner.register(name, help, metric)
    }

    fn encode(&self) -> String {
        self.inner.encode()
    }
}

impl TryRng for Hosted {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.inner.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.inner.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.inner.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for Hosted {}

/// The version of a blob stands in its file's name: `partition/hex of the name/version`.
fn folder_of(partition: &str, name: &[u8]) -> String {
    let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{partition}/{hex}/")
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

impl Storage for Hosted {
    type Blob = HostedBlob;

    async fn open_versioned(
        &self,
        partition: &str,
        name: &[u8],
        versions: RangeInclusive<BlobVersion>,
    ) -> Result<(HostedBlob, u64, BlobVersion), Error> {
        let folder = folder_of(partition, name);
        let files = answer(self.host.list()).await;
        let there = files.iter().find_map(|file| file.strip_prefix(&folder)?.parse::<u16>().ok()).map(BlobVersion::new);
        let version = there.unwrap_or(*versions.end());
        if !versions.contains(&version) {
            return Err(Error::BlobVersionMismatch { expected: versions, found: version });
        }
        let file = answer(self.host.open(&format!("{folder}{}", version.get()))).await;
        let length = answer(file.length()).await;
        let clock = self.inner.child("disk");
        Ok((HostedBlob { file, clock, host: self.host.clone() }, length, version))
    }

    async fn remove(&self, partition: &str, name: Option<&[u8]>) -> Result<(), Error> {
        let prefix = name.map_or_else(|| format!("{partition}/"), |name| folder_of(partition, name));
        let mut files = answer(self.host.list()).await;
        files.retain(|file| file.starts_with(&prefix));
        if files.is_empty() {
            return Err(Error::PartitionMissing(partition.to_owned()));
        }
        for file in files {
            answer(self.host.remove(&file)).await;
        }
        Ok(())
    }

    async fn scan(&self, partition: &str) -> Result<Vec<Vec<u8>>, Error> {
        let prefix = format!("{partition}/");
        let files = answer(self.host.list()).await;
        let name = |file: &String| bytes_of(file.strip_prefix(&prefix)?.split('/').next()?);
        let names: Vec<_> = files.iter().filter_map(name).collect();
        if names.is_empty() { Err(Error::PartitionMissing(partition.to_owned())) } else { Ok(names) }
    }
}

/// A file of the engine's on its host.
pub(crate) struct HostedBlob {
    file: Arc<dyn HostFile>,
    clock: Context,
    host: Arc<dyn Host>,
}

impl HostedBlob {
    /// Goes on whether or not anybody waits for it.
    fn begin_sync(&self) -> Handle<()> {
        let (file, pause) = (self.file.clone(), self.host.disk_pause());
        let (done, receiver) = oneshot::channel();
        self.clock.child("sync").spawn(move |clock| async move {
            if !pause.is_zero() {
                clock.sleep(pause).await;
            }
            answer(file.sync()).await;
            // Nobody may wait for it.
            let _ = done.send(Ok(()));
        });
        Handle::from_receiver(receiver)
    }
}

impl Blob for HostedBlob {
    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        let mut bufs = bufs.into();
        let read = self.read_at(offset, len, options).await?;
        if bufs.len() != len {
            return Ok(read);
        }
        bufs.copy_from_slice(read.coalesce().as_ref());
        Ok(bufs)
    }

    async fn read_at(&self, offset: u64, len: usize, _: ReadOptions) -> Result<IoBufsMut, Error> {
        let mut bytes = vec![0; len];
        match answer(self.file.read(offset, &mut bytes)).await {
            Ok(()) => Ok(IoBufsMut::from(bytes)),
            Err(_) => Err(Error::BlobInsufficientLength),
        }
    }

    async fn write_at(&self, offset: u64, bufs: impl Into<IoBufs> + Send, options: WriteOptions) -> Result<(), Error> {
        let mut bufs = bufs.into();
        let bytes: Bytes = bufs.copy_to_bytes(bufs.remaining());
        answer(self.file.write(offset, &bytes)).await;
        if options.contains(WriteOptions::SYNC) { self.sync().await } else { Ok(()) }
    }

    async fn resize(&self, len: u64) -> Result<(), Error> {
        answer(self.file.set_length(len)).await;
        Ok(())
    }

    async fn sync(&self) -> Result<(), Error> {
        self.begin_sync().await
    }

    async fn start_sync(&self) -> Handle<()> {
        self.begin_sync()
    }
}
