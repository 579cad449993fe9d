//! The application under the engine: when to propose, what to propose, what to vote for.
//!
//! # Pace
//! The chain would make blocks as fast as the network allows, most of them empty. A proposer waits: until the block before
//! is [`Pace::interval`] old, then until commands are there, a payment's deadline has come or [`Pace::heartbeat`] has
//! passed. All of it stays well below the time the others give a leader, or the view would be void.

use crate::authorise::Authorise;
use crate::block::Block;
use crate::command_id::CommandId;
use crate::gossip::Say;
use crate::judge::{Answer, JudgeMailbox};
use crate::pool::Pool;
use crate::replica::Refusal;
use clearing::Time;
use commonware_consensus::Application;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::types::Context;
use commonware_cryptography::Digested;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_macros::select;
use commonware_runtime::Clock;
use commonware_utils::channel::mpsc;
use futures_util::StreamExt as _;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// When blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Least time between two blocks; 10 ms by default.
    pub interval: Duration,
    /// Most time between two blocks when nothing happens; 150 ms by default.
    pub heartbeat: Duration,
    /// How long to wait for a signed message that a proposal needs; 150 ms by default.
    pub proof: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { interval: Duration::from_millis(10), heartbeat: Duration::from_millis(150), proof: Duration::from_millis(150) }
    }
}

/// How often a vote was refused, by reason. Shared with who shows it.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Refusals {
    /// Counts by stable name.
    pub fn get(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, refusal: Refusal) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(refusal.name()).or_default() += 1;
    }
}

/// See the module.
pub(crate) struct App<A> {
    pub(crate) judge: JudgeMailbox,
    pub(crate) pool: Arc<Pool>,
    pub(crate) authorise: Arc<A>,
    pub(crate) says: mpsc::UnboundedSender<Say<PublicKey>>,
    pub(crate) pace: Pace,
    pub(crate) refusals: Refusals,
    /// Makes this operator dishonest, in tests.
    pub(crate) distort: Option<Distort>,
}

/// Changes a block before it is proposed.
pub(crate) type Distort = Arc<dyn Fn(Block) -> Block + Send + Sync>;

impl<A> Clone for App<A> {
    fn clone(&self) -> Self {
        Self {
            judge: self.judge.clone(),
            pool: self.pool.clone(),
            authorise: self.authorise.clone(),
            says: self.says.clone(),
            pace: self.pace,
            refusals: self.refusals.clone(),
            distort: self.distort.clone(),
        }
    }
}

pub(crate) fn time_of(clock: &impl Clock) -> Time {
    Time(nanos(clock.current()))
}

fn nanos(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

impl<A: Authorise> App<A> {
    /// Waits as the module says.
    async fn pace<E: Clock>(&self, runtime: &E, parent: &Block) {
        let started = runtime.current();
        // The parent's time is another operator's clock: it shortens the wait, it never prolongs it.
        let since = Duration::from_nanos(nanos(started).saturating_sub(parent.header().time_ns));
        let wait = self.pace.interval.saturating_sub(since);
        if !wait.is_zero() {
            runtime.sleep(wait).await;
        }
        let deadline = self.judge.deadline().await.map(|deadline| UNIX_EPOCH + Duration::from_nanos(deadline.0));
        let latest = started + self.pace.heartbeat;
        let until = deadline.map_or(latest, |deadline| deadline.min(latest));
        loop {
            let arrived = self.pool.arrived.notified();
            let mut arrived = core::pin::pin!(arrived);
            // Registered before the look, so that nothing slips in between.
            arrived.as_mut().enable();
            if !self.pool.is_empty() || runtime.current() >= until {
                return;
            }
            select! {
                _ = runtime.sleep_until(until) => return,
                _ = arrived => {},
            }
        }
    }

    /// Whether every command of the block that needs a signed message has one here.
    async fn proved<E: Clock>(&self, runtime: &E, block: &Block, leader: &PublicKey) -> bool {
        let needing: Vec<CommandId> = block
            .commands()
            .iter()
            .zip(block.ids())
            .filter(|(command, _)| self.authorise.needs_message(command))
            .map(|(_, id)| *id)
            .collect();
        if needing.is_empty() {
            return true;
        }
        let until = runtime.current() + self.pace.proof;
        // Messages travel beside the block: most of what is not here yet comes by itself within moments.
        let mut ask_at = Some(runtime.current() + self.pace.proof / 16);
        loop {
            let arrived = self.pool.arrived.notified();
            let mut arrived = core::pin::pin!(arrived);
            arrived.as_mut().enable();
            let missing = match self.pool.missing(&needing) {
                Ok(missing) if missing.is_empty() => return true,
                Ok(missing) => missing,
                Err(_) => return false,
            };
            let now = runtime.current();
            if now >= until {
                return false;
            }
            if ask_at.is_some_and(|at| now >= at) {
                ask_at = None;
                let _ = self.says.send(Say::Want { of: leader.clone(), ids: missing });
            }
            select! {
                _ = runtime.sleep_until(ask_at.unwrap_or(until).min(until)) => {},
                _ = arrived => {},
            }
        }
    }

    fn refuse(&self, block: &Block, leader: &PublicKey, refusal: Refusal) -> bool {
        tracing::warn!(height = block.header().height, ?leader, %refusal, "no vote for a block");
        self.refusals.count(refusal);
        false
    }
}

impl<E, A> Application<E> for App<A>
where
    E: Clock,
    A: Authorise,
{
    type SigningScheme = Scheme;
    type Context = Context<Digest, PublicKey>;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (runtime, _): (E, Self::Context),
        mut ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = ancestry.next().await?.inner().clone();
        let height = parent.header().height + 1;
        tracing::debug!(height, "asked to propose");
        self.pace(&runtime, &parent).await;
        tracing::debug!(height, "waited");
        let mut ancestors = Vec::new();
        loop {
            match self.judge.propose(parent.hash(), ancestors.clone(), time_of(&runtime)).await? {
                Answer::Yes(block) => {
                    let block = match &self.distort {
                        Some(distort) => distort(block),
                        None => block,
                    };
                    tracing::debug!(height, commands = block.commands().len(), "proposed");
                    return Some(block.digested());
                }
                Answer::More if ancestors.is_empty() => ancestors.push(parent.clone()),
                Answer::More => ancestors.push(ancestry.next().await?.inner().clone()),
                Answer::No(_) | Answer::Stale => return None,
            }
        }
    }

    async fn verify(&mut self, (runtime, context): (E, Self::Context), mut ancestry: impl Ancestry<Block>) -> bool {
        let Some(block) = ancestry.next().await else { return false };
        let block = block.inner().clone();
        let height = block.header().height;
        tracing::debug!(height, "asked to verify");
        if !self.proved(&runtime, &block, &context.leader).await {
            return self.refuse(&block, &context.leader, Refusal::Unauthorised);
        }
        let mut ancestors = Vec::new();
        loop {
            let Some(answer) = self.judge.verify(block.clone(), ancestors.clone(), time_of(&runtime)).await else {
                return false;
            };
            match answer {
                Answer::Yes(()) => {
                    tracing::debug!(height, "verified");
                    return true;
                }
                Answer::No(refusal) => return self.refuse(&block, &context.leader, refusal),
                Answer::Stale => return false,
                Answer::More => match ancestry.next().await {
                    Some(ancestor) => ancestors.push(ancestor.inner().clone()),
                    None => return false,
                },
            }
        }
    }
}
