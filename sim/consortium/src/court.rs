//! The court: every block each operator tells, judged once by all laws and compared with what the others told.

use chain::{BlockHeader, Hash};
use clearing::{Applied, Clearing, IndexSeed, ParticipantStatus, Time, laws};
use consortium::TimeBounds;
use history::ReadModel;
use ordering::{DurableBlock, Recovered};
use sim::observer::Observer;
use sim::stage::{BEGINNING_NS, SharedStage};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A block as it was told first.
struct First {
    hash: Hash,
    applied: Applied,
}

struct Docket {
    /// The state behind the last block, made by applying every block once more.
    clearing: Clearing,
    blocks: BTreeMap<u64, First>,
    /// By operator: the last block it told.
    told: BTreeMap<usize, u64>,
    /// Size of the tree of final payments when history was judged last.
    tree_size: u64,
}

/// See the module.
pub struct Court {
    stage: SharedStage,
    observer: Arc<Observer>,
    model: Arc<ReadModel>,
    docket: Mutex<Docket>,
}

impl Court {
    /// A court that has seen nothing.
    pub fn new(stage: SharedStage, observer: Arc<Observer>) -> Arc<Self> {
        let clearing = Clearing::new(IndexSeed(0));
        let model = Arc::new(ReadModel::in_memory(&clearing));
        let docket = Docket { clearing, blocks: BTreeMap::new(), told: BTreeMap::new(), tree_size: 0 };
        Arc::new(Self { stage, observer, model, docket: Mutex::new(docket) })
    }

    fn docket(&self) -> MutexGuard<'_, Docket> {
        self.docket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What somebody who reads the chain sees.
    pub fn model(&self) -> Arc<ReadModel> {
        Arc::clone(&self.model)
    }

    /// How often the nodes were set.
    pub fn nodes_version(&self) -> u64 {
        self.docket().clearing.nodes_version()
    }

    /// Banks that are suspended, by number.
    pub fn suspended(&self) -> Vec<usize> {
        let docket = self.docket();
        let suspended = docket.clearing.participants().filter(|member| member.status == ParticipantStatus::Suspended);
        suspended.map(|member| member.id.0 as usize).collect()
    }

    /// The last block any operator told.
    pub fn height(&self) -> u64 {
        self.docket().blocks.last_key_value().map_or(0, |(height, _)| *height)
    }

    /// The last block this operator told.
    pub fn told_by(&self, operator: usize) -> u64 {
        self.docket().told.get(&operator).copied().unwrap_or(0)
    }

    /// An operator tells a block.
    pub fn told(&self, operator: usize, block: &DurableBlock) {
        let mut docket = self.docket();
        let height = block.header.height;
        let before = docket.told.insert(operator, height).unwrap_or(0);
        // After a crash an operator goes on behind what is on its disk, which may be more than it told.
        if height <= before {
            self.stage.broke("CHN-01", format_args!("operator {operator} tells block {height} after block {before}"));
        }
        match docket.blocks.get(&height) {
            Some(first) if first.hash == block.hash && first.applied.events == block.applied.events => {}
            Some(_) => self.stage.broke("CHN-01", format_args!("operator {operator} has another block {height}")),
            None => self.judge(&mut docket, block),
        }
    }

    /// Judges a block nobody told before.
    fn judge(&self, docket: &mut Docket, block: &DurableBlock) {
        self.judge_time(block.header.time_ns);
        let applied = docket.clearing.apply_block(Time(block.header.time_ns), &block.commands);
        if applied.events != block.applied.events || applied.outcomes != block.applied.outcomes {
            self.stage.broke("ORD-02", format_args!("block {} does something else when applied again", block.header.height));
        }
        self.observer.durable(block);
        self.observer.judge_state(&docket.clearing);
        self.model.durable(block);
        if block.header.tree_size != docket.tree_size {
            docket.tree_size = block.header.tree_size;
            self.observer.judge_history(&self.model);
        }
        docket.blocks.insert(block.header.height, First { hash: block.hash, applied });
    }

    /// At most one clock is wrong and at most one operator lies, so an honest one with a right clock has voted for the block: when
    /// it did, the block's time was at most so far ahead.
    fn judge_time(&self, time_ns: u64) {
        let latest = BEGINNING_NS + self.stage.elapsed_ns() + TimeBounds::default().ahead_ns;
        if time_ns > latest {
            self.stage.broke(
                "TIME",
                format_args!("a block is {} ms ahead of what its voters may bear", (time_ns - latest) / 1_000_000),
            );
        }
    }

    /// What an operator finds on its disk after a start: everything it told, and nothing but the chain.
    pub fn returned(&self, operator: usize, recovered: &Recovered<'_>) {
        let docket = self.docket();
        let found = recovered.last.map_or(0, |last| last.height);
        let told = docket.told.get(&operator).copied().unwrap_or(0);
        self.stage.say("disk", format_args!("operator {operator} finds block {found}; it told {told}"));
        if found < told {
            self.stage.broke("ORD-01", format_args!("operator {operator} told block {told} and finds {found}"));
        }
        if let Some(last) = recovered.last {
            self.compare(&docket, operator, &last, recovered.clearing);
        }
    }

    /// Blocks on a disk are those of the chain, and lead to the state their headers say.
    fn compare(&self, docket: &Docket, operator: usize, last: &BlockHeader, clearing: &Clearing) {
        // One that nobody told yet is compared when it is.
        if docket.blocks.get(&last.height).is_some_and(|first| first.hash != last.hash()) {
            self.stage.broke("CHN-01", format_args!("operator {operator} finds another block {}", last.height));
        }
        if clearing.state_root() != last.state_root {
            self.stage.broke("ORD-02", format_args!("operator {operator} finds another state behind block {}", last.height));
        }
        if let Some(broken) = laws::check_all(clearing).first() {
            self.stage.broke(broken.law, format_args!("operator {operator}: {}", broken.detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::stage::Stage;

    #[test]
    fn a_block_further_ahead_than_its_voters_may_bear_breaks_a_law() {
        for (ahead_ms, law) in [(0, None), (1_900, None), (60_000, Some("TIME"))] {
            let stage = Stage::new(1, false);
            let court = Court::new(Arc::clone(&stage), Observer::new(Arc::clone(&stage)));
            court.judge_time(BEGINNING_NS + ahead_ms * 1_000_000);
            assert_eq!(stage.broken().map(|broken| broken.law).as_deref(), law, "{ahead_ms} ms");
        }
    }
}
