//! The keeper: takes final blocks, in order, into the chain's files, and only then tells the engine that they are done.
//!
//! The engine delivers a block at least once, durable and in order. The keeper skips what the files have, appends what they
//! lack, several blocks in one sync when it is behind, tells the sink, and acknowledges. A crash anywhere leaves files that
//! are ahead of the acknowledgement or equal to it: the next delivery goes on from there.

use crate::authorise::Known;
use crate::block::Block;
use crate::epochs::Boundary;
use crate::pool::{Echo, Pool};
use crate::replica::State;
use crate::seen::Seen;
use chain::Hash;
use clearing::{Clearing, Command, Outcome};
use commonware_actor::Feedback;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::Update;
use commonware_cryptography::Digested;
use commonware_runtime::{ContextCell, Handle, Spawner, spawn_cell};
use commonware_utils::Acknowledgement as _;
use commonware_utils::acknowledgement::Exact;
use commonware_utils::channel::{mpsc, oneshot};
use ordering::{DurableBlock, FollowError, FollowedBlock, Follower, Sink, StopReason};
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks appended in one sync.
const GROUP_BLOCKS_MAX: usize = 16;

/// What the keeper is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A final block, and whom to tell when it is durable.
    Final(Digested<Block>, Exact),
    /// Somebody needs the last final state.
    State(oneshot::Sender<State>),
    /// Tickets wait to be answered from the state.
    Echoes,
    /// Close the files.
    Close(oneshot::Sender<Result<(), StopReason>>),
}

/// How far the files are, for everybody to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Height of the last durable block.
    pub height: u64,
    /// Its hash.
    pub hash: Hash,
    /// State root behind it.
    pub state_root: Hash,
    /// Commands of all blocks appended since the start.
    pub commands: u64,
}

/// Progress, shared.
#[derive(Debug, Clone, Default)]
pub struct SharedProgress(Arc<Mutex<Progress>>);

impl SharedProgress {
    /// As it stands.
    pub fn get(&self) -> Progress {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, progress: Progress) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

/// A sink that also keeps what is known of participants up to date.
pub(crate) struct Noting<S> {
    pub(crate) sink: S,
    pub(crate) known: Known,
}

impl<S: Sink> Sink for Noting<S> {
    fn durable(&mut self, block: DurableBlock) {
        self.known.note(block.applied.events.iter().map(|event| &event.kind));
        self.sink.durable(block);
    }
    fn answered(&mut self, ticket: u64, outcome: &Outcome) {
        self.sink.answered(ticket, outcome);
    }
    fn stopped(&mut self, why: StopReason) {
        self.sink.stopped(why);
    }
}

/// The engine's side of the keeper.
#[derive(Clone, Debug)]
pub(crate) struct KeeperMailbox {
    pub(crate) notes: mpsc::UnboundedSender<Note>,
    pub(crate) progress: SharedProgress,
}

impl KeeperMailbox {
    /// A copy of the last final state; `None` when the keeper is gone.
    pub(crate) async fn state(&self) -> Option<State> {
        let (reply, state) = oneshot::channel();
        self.notes.send(Note::State(reply)).ok()?;
        state.await.ok()
    }
}

impl Reporter for KeeperMailbox {
    type Activity = Update<Block>;

    /// `Tip` comes before a block is durable: money never moves on it.
    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(..) => Feedback::Ok,
            Update::Block(block, ack) => match self.notes.send(Note::Final(block, ack)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// The keeper's own task; on its own thread, because it syncs.
pub(crate) struct Keeper<E, S> {
    pub(crate) context: ContextCell<E>,
    pub(crate) follower: Follower<Noting<S>>,
    pub(crate) seen: Seen,
    pub(crate) pool: Arc<Pool>,
    pub(crate) progress: SharedProgress,
    pub(crate) notes: mpsc::UnboundedReceiver<Note>,
    /// Told of every final block before it is acknowledged: starts the next epoch at the right one.
    pub(crate) boundaries: mpsc::UnboundedSender<Boundary>,
    pub(crate) base_height: u64,
}

impl<E: Spawner, S: Sink> Keeper<E, S> {
    pub(crate) fn start(mut self) -> Handle<()> {
        spawn_cell!(self.context, self.run())
    }

    async fn run(mut self) {
        self.publish(0);
        let mut group: Vec<(Digested<Block>, Exact)> = Vec::new();
        while let Some(note) = self.notes.recv().await {
            let mut next = Some(note);
            while let Some(note) = next.take() {
                match note {
                    Note::Final(block, ack) => {
                        group.push((block, ack));
                        while group.len() < GROUP_BLOCKS_MAX {
                            match self.notes.try_recv() {
                                Ok(Note::Final(block, ack)) => group.push((block, ack)),
                                Ok(other) => {
                                    next = Some(other);
                                    break;
                                }
                                Err(_) => break,
                            }
                        }
                        if let Err(error) = self.append(&mut group).await {
                            return self.fail(&error);
                        }
                    }
                    Note::State(reply) => drop(reply.send(self.state())),
                    Note::Echoes => {}
                    Note::Close(reply) => {
                        let _ = reply.send(self.follower.close());
                        return;
                    }
                }
                self.echo();
            }
        }
    }

    /// The same data is never tried again; without an acknowledgement the engine stops too.
    fn fail(mut self, error: &FollowError) {
        tracing::error!(%error, "the chain's files cannot go on; stopping");
        self.pool.stop();
        self.follower.admission().stop();
        self.follower.sink().stopped(StopReason::DiskFailed(error.to_string()));
    }

    async fn append(&mut self, group: &mut Vec<(Digested<Block>, Exact)>) -> Result<(), FollowError> {
        let have = self.follower.clearing().height();
        let mut blocks = Vec::with_capacity(group.len());
        for (block, _) in group.iter().filter(|(block, _)| block.inner().header().height > have) {
            blocks.push(self.followed(block.inner()));
        }
        let commands = blocks.iter().map(|block| block.commands.len() as u64).sum();
        self.follower.append(blocks)?;
        self.publish(commands);
        for (block, ack) in group.drain(..) {
            self.tell(block.inner()).await;
            ack.acknowledge();
        }
        Ok(())
    }

    /// The next epoch's engine stands before its first block can be asked for.
    async fn tell(&mut self, block: &Block) {
        let (done, entered) = oneshot::channel();
        let height = block.header().height - self.base_height;
        if self.boundaries.send(Boundary { height, hash: block.hash(), done }).is_ok() {
            // An error means that nobody minds epochs here: a follower without a vote.
            let _ = entered.await;
        }
    }

    fn followed(&mut self, block: &Block) -> FollowedBlock {
        let finished = self.pool.finish(block);
        self.seen.note(block);
        FollowedBlock {
            header: *block.header(),
            body: block.body().to_vec(),
            commands: block.commands().to_vec(),
            tickets: finished.tickets,
            further: finished.further,
            attachments: finished.messages,
        }
    }

    fn state(&self) -> State {
        State { clearing: self.follower.clearing().clone(), tip: self.follower.tip(), seen: self.seen.clone() }
    }

    fn publish(&self, commands: u64) {
        let clearing = self.follower.clearing();
        let commands = self.progress.get().commands + commands;
        let (height, state_root) = (clearing.height(), clearing.state_root());
        self.progress.set(Progress { height, hash: self.follower.tip(), state_root, commands });
    }

    /// Answers whoever waits for a command the state has already.
    fn echo(&mut self) {
        for Echo { ticket, command } in self.pool.take_echoes() {
            match from_state(self.follower.clearing(), &command) {
                Some(outcome) => self.follower.sink().answered(ticket, &outcome),
                None => tracing::debug!(ticket, "a repeated command has no answer in the state"),
            }
        }
    }
}

/// The answer a command gets that was applied before.
fn from_state(clearing: &Clearing, command: &Command) -> Option<Outcome> {
    let payment = |uetr| Some(Outcome::Payment { payment: clearing.payment(uetr)?, repeated: true });
    match command {
        Command::Pay(pay) => payment(pay.uetr),
        Command::Answer(answer) => payment(answer.uetr),
        Command::ReportCredited { uetr, .. } => payment(*uetr),
        Command::RegisterParticipant(register) => clearing.participant_by_bic(register.bic).map(Outcome::Registered),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::PublishRate(_) => Some(Outcome::Done),
        // Every request names a fresh quote: the same one twice has no second answer.
        Command::RequestQuote(_) => None,
    }
}
