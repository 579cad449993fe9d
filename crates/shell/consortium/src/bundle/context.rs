//! A runtime's context with a bundle under its storage: everything else is the runtime's own.

use super::log::Shared;
use commonware_runtime::signal::Signal;
use commonware_runtime::telemetry::metrics::{Metric, Registered};
use commonware_runtime::{Clock, Error, Handle, Metrics, Name, Spawner, Supervisor};
use governor::clock::{Clock as GovernorClock, ReasonablyRealtime};
use rand_core::{TryCryptoRng, TryRng};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// See the module.
pub(crate) struct Bundled<E> {
    pub(super) inner: E,
    pub(super) bundle: Bundle,
}

/// What all contexts of a node share.
#[derive(Clone)]
pub(super) struct Bundle {
    pub(super) shared: Arc<Shared>,
    /// The engine's partitions begin so.
    pub(super) prefix: Arc<str>,
    /// Partitions known to have no files of their own any more.
    pub(super) moved: Arc<Mutex<BTreeSet<String>>>,
}

impl<E> Bundled<E> {
    fn map(self, with: impl FnOnce(E) -> E) -> Self {
        Self { inner: with(self.inner), bundle: self.bundle }
    }
}

impl<E: Supervisor> Supervisor for Bundled<E> {
    fn name(&self) -> Name {
        self.inner.name()
    }
    fn child(&self, label: &'static str) -> Self {
        Self { inner: self.inner.child(label), bundle: self.bundle.clone() }
    }
    fn with_attribute(self, key: &'static str, value: impl core::fmt::Display) -> Self {
        self.map(|inner| inner.with_attribute(key, value))
    }
}

impl<E: Spawner> Spawner for Bundled<E> {
    fn shared(self, blocking: bool) -> Self {
        self.map(|inner| inner.shared(blocking))
    }
    fn dedicated(self) -> Self {
        self.map(Spawner::dedicated)
    }
    fn spawn<F, Fut, T>(self, task: F) -> Handle<T>
    where
        F: FnOnce(Self) -> Fut + Send + 'static,
        Fut: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let bundle = self.bundle;
        self.inner.spawn(move |inner| task(Self { inner, bundle }))
    }
    async fn stop(self, value: i32, timeout: Option<Duration>) -> Result<(), Error> {
        self.inner.stop(value, timeout).await
    }
    fn stopped(&self) -> Signal {
        self.inner.stopped()
    }
}

impl<E: Metrics> Metrics for Bundled<E> {
    fn register<N: Into<String>, H: Into<String>, M: Metric>(&self, name: N, help: H, metric: M) -> Registered<M> {
        self.inner.register(name, help, metric)
    }
    fn encode(&self) -> String {
        self.inner.encode()
    }
}

impl<E: Clock> Clock for Bundled<E> {
    fn current(&self) -> SystemTime {
        self.inner.current()
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + 'static + use<E> {
        self.inner.sleep(duration)
    }
    fn sleep_until(&self, deadline: SystemTime) -> impl Future<Output = ()> + Send + 'static + use<E> {
        self.inner.sleep_until(deadline)
    }
}

impl<E: Clock> GovernorClock for Bundled<E> {
    type Instant = SystemTime;

    fn now(&self) -> SystemTime {
        self.current()
    }
}

impl<E: Clock> ReasonablyRealtime for Bundled<E> {}

impl<E: TryRng> TryRng for Bundled<E> {
    type Error = E::Error;

    fn try_next_u32(&mut self) -> Result<u32, E::Error> {
        self.inner.try_next_u32()
    }
    fn try_next_u64(&mut self) -> Result<u64, E::Error> {
        self.inner.try_next_u64()
    }
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), E::Error> {
        self.inner.try_fill_bytes(bytes)
    }
}

impl<E: TryCryptoRng> TryCryptoRng for Bundled<E> {}
