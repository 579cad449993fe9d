//! World knows what a process gets from its machine: time, randomness and tasks; it does not know what they are for.
//!
//! Gateway, bank link and bank ask a [`World`] instead of the operating system, so that a simulator can give each of them a
//! clock that is wrong, identifiers that come again with the same seed, and tasks that end together as in a crash.
//! [`Machine`] is the real one.
//!
//! # Not here
//! Pauses and time limits: those are `tokio::time`, which a simulator can move by itself. Files and connections have traits
//! of their own where they are used.
//!
//! # Units and limits
//! Times are nanoseconds, milliseconds or seconds since 1970 UTC and may jump either way: nothing about money hangs on them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;
use uuid::{Builder, Uuid};

/// A task to run on its own.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
/// Work that may wait for a disk.
pub type Work = Box<dyn FnOnce() + Send>;
/// A world shared by all parts of a process.
pub type SharedWorld = Arc<dyn World>;

/// What a process gets from its machine.
pub trait World: Send + Sync + 'static {
    /// Nanoseconds since 1970 UTC by this machine's clock.
    fn now_ns(&self) -> u64;
    /// Sixteen bytes nobody can guess.
    fn random(&self) -> [u8; 16];
    /// Runs a task of the process. It ends when it is done, or with the process.
    fn spawn(&self, task: Task);
    /// Runs work that may wait for a disk where it holds nobody up.
    fn run_blocking(&self, work: Work);
}

impl dyn World {
    /// Milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    /// Seconds since 1970 UTC.
    pub fn now_s(&self) -> u64 {
        self.now_ns() / 1_000_000_000
    }

    /// A random UUID (version 4).
    pub fn uuid(&self) -> Uuid {
        Builder::from_random_bytes(self.random()).into_uuid()
    }

    /// Runs work that may wait for a disk and gives its result; `None` when the process is ending.
    ///
    /// # Panics
    /// As the work does.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        self.run_blocking(Box::new(move || {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Who asked may have gone away; the work is done all the same.
            let _ = done.send(outcome);
        }));
        match result.await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => None,
        }
    }
}

/// The machine this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine;

impl Machine {
    /// The machine, to be shared.
    pub fn shared() -> SharedWorld {
        Arc::new(Self)
    }
}

impl World for Machine {
    fn now_ns(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn random(&self) -> [u8; 16] {
        // A version 4 UUID has six bits that are not random.
        let (first, second) = (Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes());
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&first[..6]);
        bytes[6..12].copy_from_slice(&second[..6]);
        bytes[12..].copy_from_slice(&first[12..]);
        bytes
    }

    fn spawn(&self, task: Task) {
        tokio::spawn(task);
    }

    fn run_blocking(&self, work: Work) {
        tokio::task::spawn_blocking(work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_version_four_and_differ() {
        let world = Machine::shared();
        let (a, b) = (world.uuid(), world.uuid());
        assert_eq!((a.get_version_num(), b.get_version_num()), (4, 4));
        assert_ne!(a, b);
        assert_ne!(world.random(), world.random());
    }

    #[test]
    fn units_agree() {
        let world = Machine::shared();
        let (s, ms, ns) = (world.now_s(), world.now_ms(), world.now_ns());
        assert!(s > 1_700_000_000 && ms / 1_000 - s <= 1 && ns / 1_000_000 - ms <= 1_000);
    }

    #[tokio::test]
    async fn blocking_work_gives_its_result() {
        assert_eq!(Machine::shared().blocking(|| 6 * 7).await, Some(42));
    }
}
