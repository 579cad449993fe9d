//! The journal's sink: read model first, then those who wait.

use clearing::Outcome;
use gateway::Hub;
use history::ReadModel;
use ordering::{DurableBlock, Recovered, Sink, StopReason};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Feeds every durable block first to the read model, then to those who wait: who is told can look at once.
pub struct Feeder {
    model: Arc<ReadModel>,
    hub: Arc<Hub>,
    failed: Arc<AtomicBool>,
}

impl Feeder {
    /// Rebuilds the read model and loads the hub from what a journal recovered. `failed` is set when the journal stops
    /// for another reason than being closed.
    pub fn rebuild(recovered: &Recovered<'_>, hub: Arc<Hub>, failed: Arc<AtomicBool>) -> Self {
        let model = Arc::new(ReadModel::rebuild(recovered));
        hub.load(recovered.clearing);
        Self { model, hub, failed }
    }

    /// The read model it feeds.
    pub fn model(&self) -> Arc<ReadModel> {
        Arc::clone(&self.model)
    }
}

impl Sink for Feeder {
    fn durable(&mut self, block: DurableBlock) {
        self.model.durable(&block);
        self.hub.durable(&block);
    }

    fn answered(&mut self, ticket: u64, outcome: &Outcome) {
        self.hub.answered(ticket, outcome);
    }

    fn stopped(&mut self, why: StopReason) {
        if why != StopReason::Closed {
            self.failed.store(true, Ordering::Relaxed);
        }
        self.hub.stopped();
    }
}
