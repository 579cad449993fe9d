//! Epochs: one voting engine for each, so that validators change between two blocks and nowhere else.
//!
//! The last block of an epoch decides who votes in the next. When it is durable here, the next epoch's engine starts on top
//! of it, the old one ends, and only then the block is acknowledged. Each epoch has its own voting journal, its own
//! sub-channels, and never shares them: a validator that lost its journal must not vote again in that epoch.

use crate::app::App;
use crate::authorise::Authorise;
use crate::block::{Block, digest_of};
use crate::evidence::{EvidenceReporter, Witness};
use crate::oath::Oath;
use crate::rosters::{Assembly, Rosters};
use crate::settings::Settings;
use crate::status::{Role, SharedStatus};
use chain::{BlockHeader, Hash};
use clearing::Time;
use commonware_consensus::Reporters;
use commonware_consensus::marshal::core::Mailbox as MarshalMailbox;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::simplex::config::{Floor, ForwardPolicy, SkipPolicy};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::simplex::{self, SkipBudget};
use commonware_consensus::types::{Epoch, Epocher as _, FixedEpocher, Height, ViewDelta};
use commonware_cryptography::Sha256;
use commonware_cryptography::certificate::Scheme as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_macros::select_loop;
use commonware_p2p::utils::mux::{Builder as _, MuxHandle, Muxer};
use commonware_p2p::{Blocker, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, ContextCell, Handle, Metrics, Spawner, Storage, spawn_cell};
use commonware_utils::channel::{mpsc, oneshot};
use commonware_utils::vec::NonEmptyVec;
use commonware_utils::{NZUsize, NonZeroDuration};
use rand_core::CryptoRng;
use std::sync::Arc;
use std::time::Duration;

/// A final block, as far as epochs care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    /// Engine height.
    pub(crate) height: u64,
    pub(crate) hash: Hash,
    pub(crate) time: Time,
}

/// A final block passed; `done` is answered when the right epoch's engine stands.
#[derive(Debug)]
pub(crate) struct Boundary {
    pub(crate) block: Standing,
    pub(crate) done: oneshot::Sender<()>,
}

/// Tells the network who the peers of an epoch are.
pub(crate) type Track = Box<dyn FnMut(u64, &Assembly) + Send>;

type Marshal = MarshalMailbox<Scheme, Standard<Block>>;
type Voter<E, A> = Inline<E, Scheme, App<A>, Block, FixedEpocher>;

/// Runs the engine of the epoch under way.
pub(crate) struct Epochs<E, A, B>
where
    E: Spawner + Metrics + Clock + Storage + CryptoRng,
    A: Authorise,
{
    pub(crate) context: ContextCell<E>,
    pub(crate) settings: Settings,
    pub(crate) rosters: Rosters,
    pub(crate) marshal: Marshal,
    pub(crate) voter: Voter<E, A>,
    pub(crate) blocker: B,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) page_cache: CacheRef,
    pub(crate) track: Track,
    pub(crate) boundaries: mpsc::UnboundedReceiver<Boundary>,
    /// The last block on disk.
    pub(crate) start: Standing,
    pub(crate) base: BlockHeader,
    pub(crate) oath: Oath,
    pub(crate) status: SharedStatus,
}

/// How often to look for the block an epoch stands on.
const LOOK: Duration = Duration::from_millis(50);

/// The three channels of the voting engine, split by epoch.
struct Channels<S: Sender> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    resolver: MuxHandle<S>,
}

impl<E, A, B> Epochs<E, A, B>
where
    E: Spawner + Metrics + Clock + Storage + CryptoRng,
    A: Authorise,
    B: Blocker<PublicKey = PublicKey>,
{
    pub(crate) fn start<S, R>(mut self, votes: (S, R), certificates: (S, R), resolver: (S, R)) -> Handle<()>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        spawn_cell!(self.context, self.run(votes, certificates, resolver))
    }

    async fn run<S, R>(mut self, votes: (S, R), certificates: (S, R), resolver: (S, R))
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let context = self.context.as_present();
        let (mux, votes, mut later_votes) = Muxer::builder(context.child("votes"), votes.0, votes.1).with_backup().build();
        mux.start();
        let (mux, certificates, mut later_certificates) =
            Muxer::builder(context.child("certificates"), certificates.0, certificates.1).with_backup().build();
        mux.start();
        let (mux, resolver) = Muxer::new(context.child("resolver"), resolver.0, resolver.1);
        mux.start();
        let mut channels = Channels { votes, certificates, resolver };

        let epocher = FixedEpocher::new(self.settings.epoch_blocks);
        let height = self.start.height;
        let info = epocher.containing(Height::new(height)).expect("a fixed length covers every height");
        let mut epoch = if height > 0 && info.last().get() == height { info.epoch().next() } else { info.epoch() };
        let floor = self.floor_of(&epocher, epoch);
        let mut engine = self.enter_at(epoch, floor, &mut channels).await;
        select_loop! {
            self.context,
            on_start => {
                let retry = match engine {
                    Some(_) => Duration::from_secs(60),
                    None => LOOK,
                };
            },
            on_stopped => {},
            Some(boundary) = self.boundaries.recv() else return => {
                let floor = Some(boundary.block);
                if epocher.last(epoch) == Some(Height::new(boundary.block.height)) {
                    if let Some(engine) = engine.take() {
                        engine.abort();
                    }
                    epoch = epoch.next();
                    engine = self.enter_at(epoch, floor, &mut channels).await;
                }
                let _ = boundary.done.send(());
            },
            Some((their, (from, _))) = later_votes.recv() else return => {
                self.catch_up(&epocher, epoch, Epoch::new(their), from);
            },
            Some((their, (from, _))) = later_certificates.recv() else return => {
                self.catch_up(&epocher, epoch, Epoch::new(their), from);
            },
            _ = self.context.as_present().sleep(retry) => {
                if engine.is_none() {
                    // The block before this epoch is in the engine's archive, which opens a moment later than we do.
                    let floor = self.boundary_in_archive(&epocher, epoch).await;
                    engine = self.enter_at(epoch, floor, &mut channels).await;
                }
            },
        }
    }

    /// The block an epoch stands on, if it can be told without the archive.
    fn floor_of(&self, epocher: &FixedEpocher, epoch: Epoch) -> Option<Standing> {
        match epoch.previous().and_then(|before| epocher.last(before)) {
            None => Some(Standing { height: 0, hash: self.base.hash(), time: Time(self.base.time_ns) }),
            Some(last) => (last.get() == self.start.height).then_some(self.start),
        }
    }

    async fn boundary_in_archive(&mut self, epocher: &FixedEpocher, epoch: Epoch) -> Option<Standing> {
        let last = epoch.previous().and_then(|before| epocher.last(before))?;
        let block = self.marshal.get_block(last).await?;
        let header = block.inner().header();
        Some(Standing { height: last.get(), hash: header.hash(), time: Time(header.time_ns) })
    }

    async fn enter_at<S>(&mut self, epoch: Epoch, floor: Option<Standing>, channels: &mut Channels<S>) -> Option<Handle<()>>
    where
        S: Sender<PublicKey = PublicKey>,
    {
        self.enter(epoch, floor?, channels).await
    }

    /// Somebody votes in a later epoch: ask it for the end of ours.
    fn catch_up(&self, epocher: &FixedEpocher, ours: Epoch, theirs: Epoch, from: PublicKey) {
        if theirs > ours
            && let Some(last) = epocher.last(ours)
        {
            self.marshal.hint_finalized(last, NonEmptyVec::new(from));
        }
    }

    /// Starts the engine of an epoch. `None`: the network is gone.
    async fn enter<S>(&mut self, epoch: Epoch, boundary: Standing, channels: &mut Channels<S>) -> Option<Handle<()>>
    where
        S: Sender<PublicKey = PublicKey>,
    {
        let assembly = self.rosters.at(epoch.get())?;
        (self.track)(epoch.get(), &assembly);
        let signer = self.rosters.scheme_at(epoch.get())?;
        let scheme = match self.oath.allows(boundary.time) {
            true => (*signer).clone(),
            false => self.rosters.verifier_at(epoch.get())?,
        };
        if signer.me().is_some() && scheme.me().is_none() {
            tracing::warn!(%epoch, "the voting journal was lost: this validator follows without a vote until the next epoch");
        }
        let role = match (signer.me(), scheme.me()) {
            (_, Some(_)) => Role::Votes,
            (Some(_), None) => Role::Silent,
            (None, None) => Role::Follows,
        };
        self.status.enter(epoch.get(), assembly.roster.len() as u64, role);
        let context = self.context.as_present().child("engine").with_attribute("epoch", epoch);
        let (rosters, witness, status) = (self.rosters.clone(), self.witness.clone(), self.status.clone());
        let evidence = EvidenceReporter { rosters, witness, status };
        let times = self.settings.timeouts;
        let engine = simplex::Engine::new(
            context,
            simplex::Config {
                scheme,
                elector: RoundRobin::<Sha256>::default(),
                blocker: self.blocker.clone(),
                automaton: self.voter.clone(),
                relay: self.voter.clone(),
                reporter: Reporters::from((self.voter.clone(), evidence)),
                // Otherwise the second of two votes that exclude each other convicts nobody if a certificate came between.
                // At most some 200 bytes for each of three votes of 64 validators in 64 views: 2.5 MB.
                track_historical_votes: true,
                strategy: Sequential,
                partition: format!("{}-simplex-{epoch}", self.settings.partition),
                mailbox_size: NZUsize!(1024),
                epoch,
                floor: Floor::Genesis(digest_of(boundary.hash)),
                replay_buffer: NZUsize!(1 << 20),
                write_buffer: NZUsize!(1 << 20),
                page_cache: self.page_cache.clone(),
                leader_timeout: times.leader,
                certification_timeout: times.certification,
                timeout_retry: times.retry,
                view_retention: ViewDelta::new(64),
                skip: SkipPolicy::Enabled { timeout: times.skip, budget: SkipBudget::Participants },
                fetch_timeout: NonZeroDuration::new_panic(times.fetch),
                fetch_retry_delay: times.fetch,
                forward: ForwardPolicy::SilentVoters,
            },
        );
        let votes = channels.votes.register(epoch.get()).await.ok()?;
        let certificates = channels.certificates.register(epoch.get()).await.ok()?;
        let resolver = channels.resolver.register(epoch.get()).await.ok()?;
        tracing::info!(%epoch, validators = assembly.roster.len(), "an epoch begins");
        Some(engine.start(votes, certificates, resolver))
    }
}
