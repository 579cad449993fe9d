//! Admission: how much the door works on at once, found from how long what it took in waits until it is durable.
//!
//! Work that comes faster than it can be done waits somewhere, and the wait is what hurts. The controller looks at the mean
//! delay of an interval, from admission to durable: above its target it takes less at once, in proportion; below, and only
//! while there is demand, more. What does not fit is refused before its signature is verified and its message parsed, which
//! is the dear part.
//!
//! ```text
//! working, of the limit   0 %         50 %            75 %              100 %
//! refused from there on               status polls    quotes, checks    new payments     (never: answers, inboxes)
//! ```
//! Answers of creditor agents and inbox streams end what was begun; refusing them would make the overload longer.
//!
//! What was taken in and waits for a creditor agent is limited beside that, by how fast the agent answers (`backlog.rs`);
//! whose payments are turned away for that has its status polls given up first.
//!
//! # Fairness
//! Below its equal share of the limit a participant is admitted although others have filled it: who floods is refused, who
//! does not is not.
//!
//! # Units and limits
//! Nanoseconds of a clock that does not jump. The limit stays within [`controller::LIMIT_MIN`] and the configured most. Between
//! participants' shares at most twice the limit is worked on at one moment.

mod backlog;
mod controller;
mod peek;

use clearing::ParticipantId;
use controller::Controller;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use backlog::Backlog;
pub(crate) use controller::Class;
pub(crate) use peek::{class_of_message, creditor_agent_of};

/// What admission did since the start, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdmissionCounts {
    /// Requests that may be worked on at once now.
    pub limit: u32,
    /// Requests that are.
    pub working: u32,
    /// Class, admitted, refused; in the order in which they are given up.
    pub classes: [(&'static str, u64, u64); 4],
}

/// The door's admission, shared by all requests.
#[derive(Debug)]
pub(crate) struct Admission {
    controller: Mutex<Controller>,
    began: Instant,
    retry_after_s_max: u32,
    refusals: AtomicU64,
}

impl Admission {
    /// Aims at `delay_target` with at most `limit_max` at once.
    pub(crate) fn new(delay_target: Duration, limit_max: u32, retry_after_s_max: u32) -> Arc<Self> {
        Arc::new(Self {
            controller: Mutex::new(Controller::new(nanoseconds(delay_target), limit_max)),
            began: Instant::now(),
            retry_after_s_max: retry_after_s_max.max(1),
            refusals: AtomicU64::new(0),
        })
    }

    /// Takes a request in, or says in how many seconds to come back.
    pub(crate) fn admit(self: &Arc<Self>, who: ParticipantId, class: Class) -> Result<Permit, u32> {
        let now_ns = self.now_ns();
        if !self.lock().admit(now_ns, who, class) {
            return Err(self.retry_after_s());
        }
        Ok(Permit { admission: Arc::clone(self), who, class, admitted_ns: now_ns })
    }

    /// Notes that a payment of this participant is refused for the creditor agent's sake; says in how many seconds to come back.
    pub(crate) fn turn_away(&self, who: ParticipantId) -> u32 {
        let now_ns = self.now_ns();
        self.lock().turned_away(now_ns, who);
        self.retry_after_s()
    }

    pub(crate) fn counts(&self) -> AdmissionCounts {
        let controller = self.lock();
        let row = |class: Class| (class.word(), controller.admitted[class.at()], controller.refused[class.at()]);
        AdmissionCounts { limit: controller.limit, working: controller.working, classes: Class::ALL.map(row) }
    }

    /// Spread out, so that those who were refused together do not come back together.
    fn retry_after_s(&self) -> u32 {
        let refusal = self.refusals.fetch_add(1, Ordering::Relaxed);
        1 + u32::try_from(scattered(refusal) % u64::from(self.retry_after_s_max)).unwrap_or(0)
    }

    fn now_ns(&self) -> u64 {
        nanoseconds(self.began.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Controller> {
        self.controller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The n-th number of a sequence without a pattern (splitmix64).
fn scattered(n: u64) -> u64 {
    let mut x = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Leave to work. Dropped when the work is done; who then waits for somebody else drops it before.
#[derive(Debug)]
pub(crate) struct Permit {
    admission: Arc<Admission>,
    who: ParticipantId,
    class: Class,
    admitted_ns: u64,
}

impl Permit {
    /// What the request was for is durable: how long that took is what the limit is judged by.
    pub(crate) fn durable(self) {
        let now_ns = self.admission.now_ns();
        self.admission.lock().durable(now_ns, now_ns.saturating_sub(self.admitted_ns));
    }

    /// The request turned out to be of another class than its outside said. To be given up earlier is judged anew.
    pub(crate) fn turned_out(&self, class: Class) -> Result<(), u32> {
        if class >= self.class || self.admission.lock().would_admit(self.who, class) {
            return Ok(());
        }
        self.admission.lock().refused[class.at()] += 1;
        Err(self.admission.retry_after_s())
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.lock().leave(self.who);
    }
}
