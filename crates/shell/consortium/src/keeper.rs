//! The keeper: takes final blocks, in order, into the chain's files, and only then tells the engine that they are done.
//!
//! The engine delivers a block at least once, durable and in order. The keeper skips what the files have, appends what they
//! lack, several blocks in one sync when it is behind, tells the sink, and acknowledges. A crash anywhere leaves files that
//! are ahead of the acknowledgement or equal to it: the next delivery goes on from there.

use crate::authorise::{Authorise, Known};
use crate::block::Block;
use crate::certificates::{Certificates, certificate_of};
use crate::epochs::{Boundary, Standing};
use crate::gossip::{Asked, Say};
use crate::pool::{Echo, Pool};
use crate::replica::State;
use crate::rosters::{Calendar, Rosters};
use crate::seen::Seen;
use crate::status::SharedStatus;
use chain::Hash;
use clearing::{
    Clearing, Command, IsoReason, MatterStep, MatterView, Outcome, PreauthStep, Refusal, Rejection, SentState, SettlementCommand,
    Time, Uetr,
};
use commonware_actor::Feedback;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::Update;
use commonware_consensus::marshal::core::Mailbox as MarshalMailbox;
use commonware_consensus::marshal::standard::Standard;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::types::Height;
use commonware_cryptography::Digested;
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select;
use commonware_runtime::{Clock, ContextCell, Handle, Spawner, spawn_cell};

use commonware_utils::Acknowledgement as _;
use commonware_utils::acknowledgement::Exact;
use commonware_utils::channel::{mpsc, oneshot};
use ordering::{CertificateLog, DurableBlock, FollowError, FollowedBlock, Follower, Sink, StopReason};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Blocks appended in one sync.
const GROUP_BLOCKS_MAX: usize = 16;

/// How long a final block waits for the messages behind it.
const GATHER_MAX: Duration = Duration::from_secs(10);
/// How long one operator has to answer before the next is asked.
const ASK_NEXT: Duration = Duration::from_millis(100);

/// What the keeper is told.
#[derive(Debug)]
pub(crate) enum Note {
    /// A final block, and whom to tell when it is durable.
    Final(Digested<Block>, Exact),
    /// Somebody needs the last final state.
    State(oneshot::Sender<State>),
    /// Tickets wait to be answered from the state.
    Echoes,
    /// Another operator lacks messages of final commands, and the pool has them no longer.
    Recall { from: PublicKey, asked: Vec<Asked> },
    /// Close the files.
    Close(std::sync::mpsc::Sender<Result<(), StopReason>>),
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
            Update::Tip(_, height, _) => {
                tracing::debug!(engine_height = height.get(), "agreed");
                Feedback::Ok
            }
            Update::Block(block, ack) => match self.notes.send(Note::Final(block, ack)) {
                Ok(()) => Feedback::Ok,
                Err(_) => Feedback::Closed,
            },
        }
    }
}

/// The keeper's own task; on its own thread, because it syncs.
pub(crate) struct Keeper<E, S, A> {
    pub(crate) context: ContextCell<E>,
    pub(crate) follower: Follower<Noting<S>>,
    pub(crate) seen: Seen,
    pub(crate) pool: Arc<Pool>,
    pub(crate) progress: SharedProgress,
    pub(crate) notes: mpsc::UnboundedReceiver<Note>,
    /// Told of every final block before it is acknowledged: starts the next epoch at the right one.
    pub(crate) boundaries: mpsc::UnboundedSender<Boundary>,
    pub(crate) authorise: Arc<A>,
    pub(crate) says: mpsc::UnboundedSender<Say<PublicKey>>,
    pub(crate) rosters: Rosters,
    pub(crate) me: PublicKey,
    pub(crate) calendar: Calendar,
    pub(crate) marshal: MarshalMailbox<Scheme, Standard<Block>>,
    pub(crate) certificates: Certificates,
    /// The same on disk; `None` after it could not be written.
    pub(crate) kept: Option<CertificateLog>,
    pub(crate) status: SharedStatus,
}

impl<E: Spawner + Clock, S: Sink, A: Authorise> Keeper<E, S, A> {
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
                        tracing::debug!(height = block.inner().header().height, "final");
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
                    Note::Recall { from, asked } => self.recall(from, &asked),
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
        let fresh = |(block, _): &(Digested<Block>, Exact)| (block.inner().header().height > have).then(|| block.inner_shared());
        let fresh: Vec<_> = group.iter().filter_map(fresh).collect();
        self.gather_messages(&fresh).await;
        self.gather_certificates(&fresh).await;
        let mut blocks = Vec::with_capacity(fresh.len());
        for block in &fresh {
            blocks.push(self.followed(block));
        }
        let commands = blocks.iter().map(|block| block.commands.len() as u64).sum();
        self.follower.append(blocks)?;
        self.publish(commands);
        tracing::debug!(height = self.progress.get().height, blocks = group.len(), "durable");
        for (block, ack) in group.drain(..) {
            self.tell(block.inner()).await;
            ack.acknowledge();
        }
        Ok(())
    }

    /// The certificate under the last block covers the others; it is there before anybody is told of them.
    async fn gather_certificates(&mut self, blocks: &[Arc<Block>]) {
        let Some(last) = blocks.last() else { return };
        let height = Height::new(last.header().height - self.calendar.base_height);
        let certificate = self.marshal.get_finalization(height).await.as_ref().and_then(certificate_of);
        for block in blocks {
            self.certificates.put(*block.header(), certificate.clone());
        }
        if certificate.as_ref().is_some_and(|certificate| certificate.block == last.hash()) {
            self.status.certified(last.header().height);
        }
        if let (Some(kept), Some(certificate)) = (&mut self.kept, certificate)
            && let Err(error) = kept.append(last.header().height, &certificate)
        {
            tracing::error!(%error, "certificates cannot be kept any more; blocks can");
            self.kept = None;
        }
    }

    /// Asks the other operators, one after the other, for messages that were not here when their block became final: a
    /// validator that was slow or away never saw them. After [`GATHER_MAX`] the chain goes on without.
    async fn gather_messages(&mut self, blocks: &[Arc<Block>]) {
        let needing: Vec<_> = blocks
            .iter()
            .flat_map(|block| block.commands().iter().zip(block.ids()))
            .filter_map(|(command, id)| Some((command, Asked { id: *id, uetr: uetr_of(command)? })))
            .filter(|(command, _)| self.authorise.needs_message(command))
            .collect();
        let Some(height) = blocks.first().map(|block| block.header().height) else { return };
        let roster = self.rosters.at(self.calendar.epoch_of(height)).map(|assembly| assembly.roster.clone());
        let others: Vec<_> = roster.into_iter().flatten().filter(|key| *key != self.me).collect();
        if needing.is_empty() || others.is_empty() {
            return;
        }
        let until = self.context.as_present().current() + GATHER_MAX;
        for of in others.iter().cycle() {
            let asked = self.lacking(&needing);
            if asked.is_empty() {
                return;
            }
            if self.context.as_present().current() >= until {
                tracing::error!(height, missing = asked.len(), "signed messages of final commands are with nobody who answers");
                return;
            }
            let _ = self.says.send(Say::Recall { of: of.clone(), asked });
            let next = self.context.as_present().current() + ASK_NEXT;
            self.listen(&needing, next).await;
        }
    }

    /// Waits until nothing is lacking any more, or until the next operator is to be asked.
    async fn listen(&mut self, needing: &[(&Command, Asked)], next: SystemTime) {
        let pool = self.pool.clone();
        while self.context.as_present().current() < next {
            let arrived = pool.recalled.notified();
            let mut arrived = core::pin::pin!(arrived);
            arrived.as_mut().enable();
            if self.lacking(needing).is_empty() {
                return;
            }
            let patience = self.context.as_present().sleep_until(next);
            select! {
                _ = arrived => {},
                _ = patience => {},
            }
        }
    }

    /// Of these commands, those whose message is not here. What was sent and does not belong is dropped.
    fn lacking(&self, needing: &[(&Command, Asked)]) -> Vec<Asked> {
        let ids = needing.iter().map(|(_, asked)| asked.id);
        let missing: HashSet<_> = self.pool.without_message(ids).into_iter().collect();
        let lacks = |(command, asked): &&(&Command, Asked)| {
            missing.contains(&asked.id)
                || !self.pool.check_recalled(&asked.id, |message| self.authorise.belongs(command, message))
        };
        needing.iter().filter(lacks).map(|(_, asked)| *asked).collect()
    }

    fn recall(&mut self, from: PublicKey, asked: &[Asked]) {
        let find = |asked: &Asked| Some((asked.id, self.follower.message_of(asked.uetr)?));
        let messages: Vec<_> = asked.iter().filter_map(find).collect();
        if !messages.is_empty() {
            let _ = self.says.send(Say::Recalled { to: from, messages });
        }
    }

    /// The next epoch's engine stands before its first block can be asked for.
    async fn tell(&mut self, block: &Block) {
        let (done, entered) = oneshot::channel();
        let header = block.header();
        if self.calendar.is_last(header.height) {
            self.rosters.learn(self.follower.clearing(), header.height, self.calendar);
        }
        let height = header.height - self.calendar.base_height;
        let block = Standing { height, hash: block.hash(), time: Time(header.time_ns) };
        if self.boundaries.send(Boundary { block, done }).is_ok() {
            // An error means that the node stops.
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

/// The payment or matter whose message a command came with. Only these are asked for again: participants read them.
fn uetr_of(command: &Command) -> Option<Uetr> {
    match command {
        Command::Pay(pay) => Some(pay.uetr),
        Command::Return(back) => Some(back.id),
        Command::Matter(step) => step.carries(),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::RegisterParticipant(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::PublishRate(_)
        | Command::RequestQuote(_)
        | Command::Answer(_)
        | Command::ReportCredited { .. }
        | Command::Order(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::Cancel { .. }
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::SetReturnTerms(_)
        | Command::SetRulebook(_)
        | Command::Arrange(_)
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_)
        | Command::ReportPosting(_)
        | Command::OfferRate(_) => None,
    }
}

/// The answer a command gets that was applied before: what the state says of it now. One that was refused then is not told done.
fn from_state(clearing: &Clearing, command: &Command) -> Option<Outcome> {
    let payment = |uetr| {
        let waiting = clearing.waiting(uetr).map(|payment| Outcome::Waiting { payment, repeated: true });
        waiting.or_else(|| Some(Outcome::Payment { payment: clearing.payment(uetr)?, repeated: true }))
    };
    let unknown = Outcome::Refused(Refusal::UnknownPayment);
    match command {
        Command::Pay(pay) if clearing.may_have_forgotten(pay.accepted_at) => {
            payment(pay.uetr).or(Some(Outcome::Refused(Refusal::TooOldToKnow)))
        }
        Command::Pay(pay) => payment(pay.uetr),
        Command::Return(back) if clearing.may_have_forgotten(back.created_at) => {
            payment(back.id).or(Some(Outcome::Refused(Refusal::TooOldToKnow)))
        }
        Command::Return(back) => payment(back.id),
        Command::Answer(answer) => payment(answer.uetr).or(Some(unknown)),
        Command::ReportCredited { uetr, .. } => payment(*uetr).or(Some(unknown)),
        // Only what was cancelled may be told so.
        Command::Cancel { uetr, .. } => Some(match payment(*uetr) {
            Some(Outcome::Payment { payment, .. }) if payment.rejection != Some(Rejection::CancelledByDebtor) => {
                Outcome::Refused(Refusal::TooLateToCancel)
            }
            Some(Outcome::Payment { payment, .. }) => Outcome::Payment { payment, repeated: true },
            Some(_) | None => unknown,
        }),
        Command::ReportPosting(report) => {
            // A review is kept longer than its payment.
            let reviewed = || Some(Outcome::Payment { payment: clearing.review(report.uetr)?.payment, repeated: true });
            payment(report.uetr).or_else(reviewed).or(Some(unknown))
        }
        Command::Matter(MatterStep::Preauth(PreauthStep::Capture(capture))) => payment(capture.capture).or(Some(unknown)),
        Command::Matter(MatterStep::Preauth(PreauthStep::Reserve { pay, .. })) => {
            let reserved = || Some(Outcome::Matter { matter: clearing.reserved_with(pay.uetr)?, repeated: true });
            payment(pay.uetr).or_else(reserved).or(Some(Outcome::Refused(Refusal::UnknownMatter)))
        }
        Command::Matter(step) => Some(match clearing.matter(step.uetr()) {
            Some(matter) if step.is_of(&matter) => Outcome::Matter { matter, repeated: true },
            Some(MatterView::Mandate(_)) if matches!(step, MatterStep::Mandate(_)) => {
                Outcome::Refused(Refusal::MandateStepNotNext)
            }
            Some(_) | None => Outcome::Refused(Refusal::UnknownMatter),
        }),
        Command::Settle(SettlementCommand::Send(sent)) => Some(match clearing.sent_transfer(sent.reference) {
            Some((known, _)) if known == *sent => Outcome::Done,
            Some(_) => Outcome::Refused(Refusal::DuplicateReference),
            // It was refused the first time.
            None => Outcome::Refused(Refusal::UnknownTransfer),
        }),
        Command::Settle(SettlementCommand::TakeBack { reference, from }) => Some(match clearing.sent_transfer(*reference) {
            Some((sent, SentState::Ended(IsoReason(reason)))) if sent.from == *from && reason == *b"CUST" => Outcome::Done,
            Some((sent, SentState::Ended(_) | SentState::Settled)) if sent.from == *from => {
                Outcome::Refused(Refusal::TransferEnded)
            }
            Some(_) | None => Outcome::Refused(Refusal::UnknownTransfer),
        }),
        Command::RegisterParticipant(register) => clearing.participant_by_bic(register.bic).map(Outcome::Registered),
        Command::Configure(_)
        | Command::OpenLedger(_)
        | Command::Fund(_)
        | Command::SetStatus { .. }
        | Command::PublishRate(_)
        | Command::AppointOfficers(_)
        | Command::SetNodes(_)
        | Command::SetRulebook(_)
        | Command::Arrange(_)
        | Command::Recall(_)
        | Command::AnswerRecall(_)
        | Command::SetReturnTerms(_)
        | Command::Notice(_)
        | Command::Settle(_)
        | Command::Sponsorship(_)
        | Command::Day(_)
        | Command::Broadcast(_)
        | Command::SchemeTerms(_)
        | Command::OfferRate(_) => Some(Outcome::Done),
        Command::Order(order) => clearing.was_carried_out(order.id).then_some(Outcome::Done),
        // Every request names a fresh quote: the same one twice has no second answer.
        Command::RequestQuote(_) => None,
    }
}
