//! One life of a process: its clock, its identifiers and its tasks, which all end together.
//!
//! A crash may come between any two polls of any task: [`Life::die_after_polls`] counts them. What the tasks held is dropped; by
//! then the disk and the network no longer listen to this life.

use crate::rng::Rng;
use crate::stage::{BEGINNING_NS, SharedStage};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::Notify;
use world::{SharedWorld, Task, Work, World};

/// The clock of a machine: it may be wrong, and may jump. It outlives processes.
#[derive(Debug, Default)]
pub struct MachineClock {
    offset_ns: AtomicI64,
    /// Parts in a million it runs too fast.
    drift_ppm: AtomicI64,
}

impl MachineClock {
    /// What it shows.
    pub fn now_ns(&self, stage: &SharedStage) -> u64 {
        (BEGINNING_NS + stage.elapsed_ns()).saturating_add_signed(self.ahead_ns(stage))
    }

    /// By how much it is ahead.
    pub fn ahead_ns(&self, stage: &SharedStage) -> i64 {
        let drift = i128::from(stage.elapsed_ns()) * i128::from(self.drift_ppm.load(Ordering::Relaxed)) / 1_000_000;
        i64::try_from(drift).unwrap_or(0) + self.offset_ns.load(Ordering::Relaxed)
    }

    /// Makes it wrong by so much, and running wrong by so much.
    pub fn set(&self, offset_ms: i64, drift_ppm: i64) {
        self.offset_ns.store(offset_ms.saturating_mul(1_000_000), Ordering::Relaxed);
        self.drift_ppm.store(drift_ppm, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Slot {
    task: Mutex<Option<Task>>,
    waker: Mutex<Option<Waker>>,
}

/// One life of a process.
pub struct Life {
    name: &'static str,
    stage: SharedStage,
    clock: Arc<MachineClock>,
    rng: Mutex<Rng>,
    alive: AtomicBool,
    slots: Mutex<Vec<Arc<Slot>>>,
    polls_left: Mutex<Option<u64>>,
    ended: Notify,
    /// How long work with the disk takes at most, in milliseconds.
    disk_ms_max: Arc<AtomicI64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Life {
    /// A life that begins now.
    pub fn new(
        name: &'static str,
        number: u64,
        stage: SharedStage,
        clock: Arc<MachineClock>,
        disk_ms_max: Arc<AtomicI64>,
    ) -> Arc<Self> {
        let rng = Mutex::new(Rng::new(stage.seed, &format!("{name}/{number}")));
        Arc::new(Self {
            name,
            stage,
            clock,
            rng,
            alive: AtomicBool::new(true),
            slots: Mutex::default(),
            polls_left: Mutex::default(),
            ended: Notify::new(),
            disk_ms_max,
        })
    }

    /// Whether it goes on.
    pub fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    /// Ends it: every task is dropped where it waits.
    pub fn die(&self) {
        if !self.alive.swap(false, Ordering::Relaxed) {
            return;
        }
        let slots = core::mem::take(&mut *lock(&self.slots));
        for slot in slots {
            // A task that is being polled right now drops itself when that poll returns.
            let task = slot.task.try_lock().ok().and_then(|mut task| task.take());
            drop(task);
            if let Some(waker) = lock(&slot.waker).take() {
                waker.wake();
            }
        }
        self.ended.notify_waiters();
    }

    /// Ends it after so many more polls of its tasks.
    pub fn die_after_polls(&self, polls: u64) {
        *lock(&self.polls_left) = Some(polls);
    }

    /// Waits for its end.
    pub async fn end(&self) {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            if !self.is_alive() {
                return;
            }
            ended.await;
        }
    }

    /// A time the disk takes now.
    pub fn disk_pause(&self) -> Duration {
        let most = u64::try_from(self.disk_ms_max.load(Ordering::Relaxed)).unwrap_or(0);
        Duration::from_millis(lock(&self.rng).between(0, most))
    }

    fn burn(&self) {
        let mut left = lock(&self.polls_left);
        if let Some(polls) = left.as_mut() {
            *polls = polls.saturating_sub(1);
            if *polls == 0 {
                *left = None;
                drop(left);
                self.stage.say(self.name, "crashes in the middle of its work");
                self.die();
            }
        }
    }
}

/// A life as the product sees it.
struct LifeWorld(Arc<Life>);

impl World for LifeWorld {
    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }

    fn random(&self) -> [u8; 16] {
        self.0.random()
    }

    fn spawn(&self, task: Task) {
        self.0.spawn(task);
    }

    /// In simulated time: the disk is a simulated one.
    fn run_blocking(&self, work: Work) {
        let pause = self.0.disk_pause();
        self.0.spawn(Box::pin(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            work();
        }));
    }
}

impl Life {
    /// The world of its process.
    pub fn world(self: &Arc<Self>) -> SharedWorld {
        Arc::new(LifeWorld(Arc::clone(self)))
    }

    /// Nanoseconds since 1970 by its machine's clock.
    pub fn now_ns(&self) -> u64 {
        self.clock.now_ns(&self.stage)
    }

    /// Sixteen bytes that come again with the same seed.
    pub fn random(&self) -> [u8; 16] {
        lock(&self.rng).bytes16()
    }

    /// Runs a task until it ends or the life does.
    pub fn spawn(self: &Arc<Self>, task: Task) {
        if !self.is_alive() {
            return;
        }
        let slot = Arc::new(Slot { task: Mutex::new(Some(task)), waker: Mutex::default() });
        let mut slots = lock(&self.slots);
        slots.retain(|slot| slot.task.try_lock().is_ok_and(|task| task.is_some()) || Arc::strong_count(slot) > 1);
        slots.push(Arc::clone(&slot));
        drop(slots);
        tokio::spawn(Guarded { slot, life: Arc::clone(self) });
    }
}

/// A task of a life.
struct Guarded {
    slot: Arc<Slot>,
    life: Arc<Life>,
}

/// A task holds its life and the life its tasks: when the runtime ends with the life still going on, the ring is cut here, and
/// what the run held is given back.
impl Drop for Guarded {
    fn drop(&mut self) {
        let task = lock(&self.slot.task).take();
        drop(task);
    }
}

impl Future for Guarded {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut task = lock(&self.slot.task);
        if !self.life.is_alive() {
            drop(task.take());
            return Poll::Ready(());
        }
        *lock(&self.slot.waker) = Some(context.waker().clone());
        let Some(running) = task.as_mut() else { return Poll::Ready(()) };
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context)));
        if !self.life.is_alive() {
            drop(task.take());
            return Poll::Ready(());
        }
        match polled {
            Err(_) => {
                drop(task.take());
                self.life.stage.broke("PANIC", format_args!("{}: {}", self.life.name, crate::panics::last()));
                Poll::Ready(())
            }
            Ok(Poll::Ready(())) => {
                drop(task.take());
                Poll::Ready(())
            }
            Ok(Poll::Pending) => {
                drop(task);
                self.life.burn();
                Poll::Pending
            }
        }
    }
}
