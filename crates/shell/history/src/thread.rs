//! The thread that brings what the read model was fed into the index.

use crate::model::ReadModel;
use crate::port::IndexError;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(100);
/// What waits is written after so long, however little it is.
const PATIENCE: Duration = Duration::from_secs(1);
/// After so long everything is made durable: what a crash leaves to catch up with.
const DURABLE_EVERY: Duration = Duration::from_secs(20);
/// Pause behind a failure.
const RETRY: Duration = Duration::from_secs(2);

/// Indexing that goes on until it is closed.
#[derive(Debug)]
pub struct Indexing {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Indexing {
    /// Starts.
    ///
    /// # Errors
    /// If there can be no more threads.
    pub fn start(model: Arc<ReadModel>) -> io::Result<Self> {
        let stop = Arc::<(Mutex<bool>, Condvar)>::default();
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("history".into()).spawn(move || run(&model, &stopping))?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Indexes what waits, makes it durable and stops. Further calls do nothing.
    pub fn close(&mut self) {
        let (stopped, changed) = &*self.stop;
        *stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("indexing stopped by itself: the next start catches up");
        }
    }
}

impl Drop for Indexing {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(model: &ReadModel, (stopped, changed): &(Mutex<bool>, Condvar)) {
    let (mut written, mut durable, mut pause) = (Instant::now(), Instant::now(), LOOK);
    loop {
        let guard = stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (guard, _) = changed.wait_timeout_while(guard, pause, |stop| !*stop).unwrap_or_else(PoisonError::into_inner);
        let stop = *guard;
        drop(guard);
        let make_durable = stop || durable.elapsed() >= DURABLE_EVERY;
        if !make_durable && !model.is_worth_indexing() && written.elapsed() < PATIENCE {
            continue;
        }
        pause = match index_all(model, make_durable) {
            Ok(()) => {
                written = Instant::now();
                durable = if make_durable { written } else { durable };
                LOOK
            }
            Err(error) => {
                tracing::error!(%error, "history is not indexed; it is tried again");
                RETRY
            }
        };
        if stop {
            return;
        }
    }
}

fn index_all(model: &ReadModel, durable: bool) -> Result<(), IndexError> {
    while model.is_worth_indexing() {
        model.index_pending(false)?;
    }
    model.index_pending(durable)
}
