//! A machine: disk and clock, and the process that lives on it again and again.

use crate::disk::Platters;
use crate::later;
use crate::life::{Life, MachineClock};
use crate::plan::{Moment, What};
use crate::rng::Rng;
use crate::stage::SharedStage;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::sleep;

/// How a life ends.
#[derive(Debug, Clone, Copy)]
struct End {
    power: bool,
    down_ms: u64,
}

/// A process that ended by itself, as after a failed disk, is started again so much later.
const BY_ITSELF: End = End { power: false, down_ms: 1_000 };

/// A machine.
pub struct Machine {
    /// Its name in the trace.
    pub name: &'static str,
    /// Its disk.
    pub platters: Platters,
    /// Its clock.
    pub clock: Arc<MachineClock>,
    stage: SharedStage,
    usual_disk_ms: u64,
    /// Whether its operator starts the whole machine again after a failed sync, not only the process.
    reboots_after_failed_sync: bool,
    disk_ms: Arc<AtomicI64>,
    life: Mutex<Option<Arc<Life>>>,
    next_end: Mutex<Option<End>>,
    rng: Mutex<Rng>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    /// A machine that is off.
    pub fn new(name: &'static str, stage: SharedStage, disk_ms: u64) -> Arc<Self> {
        let rng = Mutex::new(Rng::new(stage.seed, &format!("machine/{name}")));
        Arc::new(Self {
            name,
            platters: Platters::default(),
            clock: Arc::default(),
            stage,
            usual_disk_ms: disk_ms,
            reboots_after_failed_sync: name != "centre",
            disk_ms: Arc::new(AtomicI64::new(disk_ms as i64)),
            life: Mutex::default(),
            next_end: Mutex::default(),
            rng,
        })
    }

    /// Keeps a process alive on it for ever: `begin` is its main task.
    pub fn keep_running<F>(self: &Arc<Self>, begin: impl Fn(Arc<Life>) -> F + Send + Sync + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let machine = Arc::clone(self);
        tokio::spawn(async move {
            for number in 1.. {
                machine.live_once(number, &begin).await;
            }
        });
    }

    async fn live_once<F>(self: &Arc<Self>, number: u64, begin: &(impl Fn(Arc<Life>) -> F + Send + Sync))
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let life = Life::new(self.name, number, Arc::clone(&self.stage), Arc::clone(&self.clock), Arc::clone(&self.disk_ms));
        *lock(&self.life) = Some(Arc::clone(&life));
        let main = begin(Arc::clone(&life));
        let ending = Arc::clone(&life);
        life.spawn(Box::pin(async move {
            main.await;
            ending.die();
        }));
        life.end().await;
        *lock(&self.life) = None;
        let mut end = lock(&self.next_end).take().unwrap_or(BY_ITSELF);
        // After a failed sync redb reads from memory what is not on the disk; operators are told to start the whole machine
        // again. The centre's journal copes without.
        end.power |= self.reboots_after_failed_sync && self.platters.sync_failed();
        self.platters.take_away();
        if end.power {
            self.platters.lose_power(&mut lock(&self.rng));
        }
        self.stage.count(if end.power { "power losses" } else { "crashes" });
        self.stage.say(self.name, if end.power { "is off: the power is gone" } else { "is off" });
        sleep(Duration::from_millis(end.down_ms)).await;
        self.stage.say(self.name, "starts again");
    }

    /// The life that goes on now.
    pub fn life(&self) -> Option<Arc<Life>> {
        lock(&self.life).clone().filter(|life| life.is_alive())
    }

    /// Ends the life that goes on now.
    pub fn crash(&self, power: bool, down_ms: u64, when: Moment) {
        let Some(life) = self.life() else { return };
        *lock(&self.next_end) = Some(End { power, down_ms });
        match when {
            Moment::Now => life.die(),
            Moment::AtAwait(waits) => life.die_after_polls(waits),
            Moment::AtDisk(operations) => self.platters.crash_after(operations),
        }
    }

    /// Suffers what happens to machines; anything else is not for it.
    pub fn suffer(self: &Arc<Self>, what: &What) {
        match what {
            What::Crash { power, down_ms, when, .. } => self.crash(*power, *down_ms, *when),
            What::FailSyncs { syncs, for_ms, .. } => {
                self.stage.count("disk faults");
                self.platters.fail_syncs(*syncs);
                self.repair_later(*for_ms, |platters| platters.fail_syncs(0));
            }
            What::FullDisk { for_ms, .. } => {
                self.stage.count("disk faults");
                self.platters.set_full(true);
                self.repair_later(*for_ms, |platters| platters.set_full(false));
            }
            What::SlowDisk { ms, for_ms, .. } => {
                self.stage.count("disk faults");
                self.set_disk_ms(Some(*ms));
                let machine = Arc::clone(self);
                later(*for_ms, move || machine.set_disk_ms(None));
            }
            What::WrongClock { offset_ms, drift_ppm, .. } => {
                self.stage.count("clock faults");
                self.clock.set(*offset_ms, *drift_ppm);
            }
            What::Pay(_)
            | What::Ask { .. }
            | What::Mandate { .. }
            | What::Resend { .. }
            | What::Misbehave { .. }
            | What::BookRot { .. }
            | What::Suspend { .. }
            | What::Standing { .. }
            | What::Absence { .. }
            | What::Breaker { .. }
            | What::Liquidity { .. }
            | What::Fund { .. }
            | What::Rulebook { .. }
            | What::Odd(_)
            | What::Nuisance(_)
            | What::TakeBack { .. }
            | What::BitRot { .. }
            | What::Partition { .. }
            | What::Cut { .. }
            | What::Lossy { .. } => {}
        }
    }

    /// The operator repairs the disk and starts a bank again, whose books refuse everything until then.
    fn repair_later(self: &Arc<Self>, ms: u64, repair: impl FnOnce(&Platters) + Send + 'static) {
        let machine = Arc::clone(self);
        later(ms, move || {
            repair(&machine.platters);
            if machine.reboots_after_failed_sync {
                machine.crash(false, 200, Moment::Now);
            }
        });
    }

    /// Makes its disk slow, or as usual.
    pub fn set_disk_ms(&self, ms: Option<u64>) {
        self.disk_ms.store(ms.unwrap_or(self.usual_disk_ms) as i64, Ordering::Relaxed);
    }

    /// Nothing is wrong with it any more; a process whose disk had failed is started again.
    pub fn heal(&self) {
        self.platters.heal();
        self.set_disk_ms(None);
        self.clock.set(0, 0);
        *lock(&self.next_end) = None;
        if let Some(life) = self.life() {
            life.die_after_polls(u64::MAX);
        }
    }
}
