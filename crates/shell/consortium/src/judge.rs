//! The judge: owns the replica, on its own thread, and answers whoever proposes or votes.

use crate::block::Block;
use crate::keeper::{KeeperMailbox, Note};
use crate::pool::Pool;
use crate::replica::{Reach, Refusal, Replica};
use chain::Hash;
use clearing::Time;
use commonware_runtime::{ContextCell, Handle, Spawner, spawn_cell};
use commonware_utils::channel::{mpsc, oneshot};
use std::sync::Arc;

/// What the judge is asked.
#[derive(Debug)]
#[allow(clippy::large_enum_variant)] // a block is moved once on its way to the judge
pub(crate) enum Question {
    /// Make the next block on `parent`.
    Propose { parent: Hash, ancestors: Vec<Block>, now: Time, reply: oneshot::Sender<Answer<Block>> },
    /// Is this block right?
    Verify { block: Box<Block>, ancestors: Vec<Block>, now: Time, reply: oneshot::Sender<Answer<()>> },
    /// When does the next payment time out?
    Deadline(oneshot::Sender<Option<Time>>),
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// Yes.
    Yes(T),
    /// No, and never.
    No(Refusal),
    /// It needs one more ancestor to tell.
    More,
    /// The branch left the final chain: nothing can be built on it.
    Stale,
}

/// The asking side.
#[derive(Clone, Debug)]
pub(crate) struct JudgeMailbox(pub(crate) mpsc::UnboundedSender<Question>);

impl JudgeMailbox {
    pub(crate) async fn propose(&self, parent: Hash, ancestors: Vec<Block>, now: Time) -> Option<Answer<Block>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Question::Propose { parent, ancestors, now, reply }).ok()?;
        answer.await.ok()
    }

    pub(crate) async fn verify(&self, block: Block, ancestors: Vec<Block>, now: Time) -> Option<Answer<()>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Question::Verify { block: Box::new(block), ancestors, now, reply }).ok()?;
        answer.await.ok()
    }

    pub(crate) async fn deadline(&self) -> Option<Time> {
        let (reply, answer) = oneshot::channel();
        self.0.send(Question::Deadline(reply)).ok()?;
        answer.await.ok()?
    }
}

/// The judge's own task.
pub(crate) struct Judge<E> {
    pub(crate) context: ContextCell<E>,
    pub(crate) replica: Replica,
    pub(crate) keeper: KeeperMailbox,
    pub(crate) pool: Arc<Pool>,
    pub(crate) questions: mpsc::UnboundedReceiver<Question>,
}

impl<E: Spawner> Judge<E> {
    pub(crate) fn start(mut self) -> Handle<()> {
        spawn_cell!(self.context, self.run())
    }

    async fn run(mut self) {
        while let Some(question) = self.questions.recv().await {
            match question {
                // Whoever asked may have gone to the next view: then nothing is to be done.
                Question::Propose { reply, .. } if reply.is_closed() => {}
                Question::Verify { reply, .. } if reply.is_closed() => {}
                Question::Propose { parent, ancestors, now, reply } => {
                    let answer = self.propose(parent, &ancestors, now).await;
                    let _ = reply.send(answer);
                }
                Question::Verify { block, ancestors, now, reply } => {
                    let answer = self.verify(&block, &ancestors, now).await;
                    let _ = reply.send(answer);
                }
                Question::Deadline(reply) => drop(reply.send(self.replica.next_deadline())),
            }
        }
    }

    async fn propose(&mut self, parent: Hash, ancestors: &[Block], now: Time) -> Answer<Block> {
        match self.reach(parent, ancestors).await {
            Answer::Yes(()) => {}
            Answer::No(refusal) => return Answer::No(refusal),
            Answer::More => return Answer::More,
            Answer::Stale => return Answer::Stale,
        }
        let Some(state) = self.replica.state() else { return Answer::Stale };
        let candidates = self.pool.candidates(&state.seen);
        let Some(built) = self.replica.propose(now, candidates) else { return Answer::Stale };
        if !built.repeated.is_empty() {
            self.pool.repeated(&built.repeated);
            let _ = self.keeper.notes.send(Note::Echoes);
        }
        Answer::Yes(built.block)
    }

    async fn verify(&mut self, block: &Block, ancestors: &[Block], now: Time) -> Answer<()> {
        // The engine may ask again about the block it asked about last, or about one made here.
        if self.replica.tip() == Some(block.hash()) {
            return Answer::Yes(());
        }
        match self.reach(block.header().parent, ancestors).await {
            Answer::Yes(()) => {}
            other @ (Answer::No(_) | Answer::More | Answer::Stale) => return other,
        }
        match self.replica.verify(block, now) {
            Ok(()) => Answer::Yes(()),
            Err(refusal) => Answer::No(refusal),
        }
    }

    /// Brings the replica to `parent`: along its branch, or from the last final state.
    async fn reach(&mut self, parent: Hash, ancestors: &[Block]) -> Answer<()> {
        match self.replica.reach(parent, ancestors) {
            Ok(Reach::There) => return Answer::Yes(()),
            Ok(Reach::NotConnected) => {}
            Err(refusal) => return Answer::No(refusal),
        }
        // One ancestor after the other, and the copy only when they lead to the last final block.
        let final_tip = self.keeper.progress.get();
        if parent != final_tip.hash && !ancestors.iter().any(|block| block.header().parent == final_tip.hash) {
            let below = ancestors.last().is_some_and(|block| block.header().height <= final_tip.height);
            return if below { Answer::Stale } else { Answer::More };
        }
        let Some(state) = self.keeper.state().await else { return Answer::Stale };
        self.replica.rebase(state);
        match self.replica.reach(parent, ancestors) {
            Ok(Reach::There) => Answer::Yes(()),
            // The keeper went on meanwhile; the next question finds it further.
            Ok(Reach::NotConnected) => Answer::More,
            Err(refusal) => Answer::No(refusal),
        }
    }
}
