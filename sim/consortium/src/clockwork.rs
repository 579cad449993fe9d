//! Clockwork: two executors, one simulated time.
//!
//! The engine's runtime leads. Every millisecond of its time the other one, tokio with a paused clock, is brought to the same
//! instant and run until nothing in it can go on; then it is the engine's turn again. What one wakes in the other runs within
//! that millisecond. Both run on one thread, so that one seed decides everything.

use commonware_runtime::deterministic::{Config, Context, Runner};
use commonware_runtime::{Clock as _, Runner as _, Spawner as _, Supervisor as _};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// How often the two are brought together.
const TICK: Duration = Duration::from_millis(1);

/// Whether tokio's thread had nothing to do since it was asked, and whom to tell.
#[derive(Default)]
struct Idle(Mutex<(bool, Option<Waker>)>);

impl Idle {
    /// Nothing can go on: whoever asked is told before any time passes.
    fn reached(&self) {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = asked.1.take() {
            asked.0 = true;
            waker.wake();
        }
    }

    /// Waits until nothing else can go on.
    async fn wait(&self) {
        std::future::poll_fn(|context| {
            let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if core::mem::take(&mut asked.0) {
                return Poll::Ready(());
            }
            asked.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Runs `play` on tokio and `engine` on the engine's runtime until `play` is done. `begin_ns`: when simulated time begins.
///
/// # Panics
/// As anything in the run does, or if the runtime cannot be made.
pub fn play<T, G, E>(seed: u64, begin_ns: u64, play: impl FnOnce() -> G, engine: impl FnOnce(Context) -> E + Send + 'static) -> T
where
    T: Send + 'static,
    G: Future<Output = T> + Send + 'static,
    E: Future<Output = ()> + Send + 'static,
{
    let idle = Arc::new(Idle::default());
    let told = Arc::clone(&idle);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_park(move || told.reached())
        .build()
        .expect("a runtime without threads needs nothing from the system");
    let entered = runtime.enter();
    let begin = UNIX_EPOCH + Duration::from_nanos(begin_ns);
    let playing = runtime.spawn(play());
    let outcome = Runner::new(Config::new().with_seed(seed).with_start_time(begin)).start(|context| {
        context.child("engine").spawn(engine);
        lead(context, begin, &runtime, &idle, playing)
    });
    drop(entered);
    runtime.shutdown_background();
    outcome
}

/// Brings tokio along until what is played is over.
async fn lead<T>(context: Context, begin: SystemTime, runtime: &Runtime, idle: &Idle, playing: JoinHandle<T>) -> T {
    let mut playing = playing;
    let start = tokio::time::Instant::now();
    loop {
        let now = start + context.current().duration_since(begin).unwrap_or_default();
        runtime.block_on(async {
            tokio::time::advance(now.saturating_duration_since(tokio::time::Instant::now())).await;
            idle.wait().await;
        });
        if playing.is_finished() {
            return runtime.block_on(&mut playing).expect("a panic in a run ends it");
        }
        context.sleep(TICK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc;

    /// Both sides note the time in turn, each woken by the other.
    #[test]
    fn both_sides_have_one_time() {
        let (question, mut asked) = mpsc::unbounded_channel::<u64>();
        let (answer, mut answers) = mpsc::unbounded_channel();
        let seen = play(
            7,
            1_000_000_000,
            || async move {
                let start = tokio::time::Instant::now();
                let mut seen = Vec::new();
                for n in 0..20 {
                    tokio::time::sleep(Duration::from_millis(37)).await;
                    question.send(n).expect("the engine listens");
                    let theirs: Duration = answers.recv().await.expect("the engine answers");
                    seen.push((start.elapsed(), theirs));
                }
                seen
            },
            |context| async move {
                let start = context.current();
                while asked.recv().await.is_some() {
                    context.sleep(Duration::from_millis(500)).await;
                    let _ = answer.send(context.current().duration_since(start).unwrap_or_default());
                }
            },
        );
        assert_eq!(seen.len(), 20);
        for (n, (ours, theirs)) in (1u32..).zip(&seen) {
            assert!(ours.abs_diff(*theirs) <= Duration::from_millis(3), "{ours:?} {theirs:?}");
            assert!(*ours >= Duration::from_millis(537) * n && *ours <= Duration::from_millis(545) * n, "{ours:?}");
        }
    }
}
