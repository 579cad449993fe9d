//! The journal's sink: read model first, then those who wait.

use clearing::Outcome;
use gateway::Hub;
use history::{Index, Indexing, ReadModel, Tuning};
use ordering::{DurableBlock, OpenError, Recovered, Sink, StopReason};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Feeds every durable block first to the read model, then to those who wait: who is told can look at once.
pub struct Feeder {
    model: Arc<ReadModel>,
    hub: Arc<Hub>,
    failed: Arc<AtomicBool>,
    indexing: Option<Indexing>,
}

impl Feeder {
    /// Opens the read model over an index and loads the hub from what a journal recovered. `failed` is set when the journal
    /// stops for another reason than being closed.
    ///
    /// # Errors
    /// If the index cannot be used.
    pub fn rebuild(
        recovered: &Recovered<'_>,
        (index, tuning): (Arc<dyn Index>, Tuning),
        hub: Arc<Hub>,
        failed: Arc<AtomicBool>,
    ) -> Result<Self, OpenError> {
        let model = ReadModel::open(index, recovered, tuning).map_err(|error| OpenError::Readers(error.to_string()))?;
        let model = Arc::new(model);
        let indexing = (!tuning.inline).then(|| Indexing::start(Arc::clone(&model))).transpose()?;
        hub.load(recovered.clearing);
        Ok(Self { model, hub, failed, indexing })
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
        if let Some(indexing) = &mut self.indexing {
            indexing.close();
        }
    }
}
