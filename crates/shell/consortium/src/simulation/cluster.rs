//! How the simulator builds one node, and what its door does.

use super::common::MemDisk;
use super::liar;
use super::scheme::{Signed, base, message, payment};
use crate::app::{Distort, Refusals, time_of};
use crate::authorise::Known;
use crate::certificates::Certificates;
use crate::engine::{Network, Parts, Running, message_bytes_max, start};
use crate::evidence::Witness;
use crate::keeper::{Noting, SharedProgress};
use crate::oath::Oath;
use crate::pool::Pool;
use crate::rosters::{Assembly, Roster, Rosters};
use crate::seen::Seen;
use crate::settings::Settings;
use chain::{Contradiction, ContradictionKind, Hash, Validators};
use clearing::{Answer, AnswerVerdict, Command, ContentHash, EventKind, IndexSeed, Outcome};
use commonware_cryptography::Signer as _;
use commonware_cryptography::ed25519::{PrivateKey, PublicKey};
use commonware_glue::simulate::engine::{EngineDefinition, InitContext};
use commonware_glue::simulate::processed::ProcessedHeight;
use commonware_glue::simulate::reporter::MonitorReporter;
use commonware_glue::simulate::tracker::FinalizationUpdate;
use commonware_p2p::simulated::{Oracle, Receiver, SplitForwarder, SplitOrigin, SplitTarget};
use commonware_p2p::{Recipients, Sender};
use commonware_runtime::{Clock, Handle, IoBuf, Quota, Spawner as _, Storage, Supervisor as _, deterministic};
use commonware_utils::NZU32;
use commonware_utils::channel::mpsc;
use core::num::NonZeroU64;
use ordering::{Disk, DurableBlock, Follower, JournalConfig, Making, Sink, StopReason, Submission};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What all validators of a run told, for judging.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By height: the block, the same for everybody.
    pub(super) chain: BTreeMap<u64, Hash>,
    /// By door and ticket: outcomes told.
    pub(super) answered: BTreeMap<(usize, u64), u64>,
    /// Payments that ended.
    pub(super) settled: u64,
    /// By door: payments sent.
    pub(super) sent: BTreeMap<usize, u64>,
    pub(super) evidence: Vec<(ContradictionKind, Contradiction)>,
    /// By node: packets sent on the channel of votes.
    pub(super) votes: BTreeMap<usize, u64>,
    /// Who shut out whom.
    pub(super) blocked: BTreeSet<(PublicKey, PublicKey)>,
}

pub(super) const NAMESPACE: &str = "luohu-simulation";

/// Validators of the first epoch; who comes behind them follows.
pub(super) const VALIDATORS: usize = 4;

/// One run's validators, and what of them survives a crash.
#[derive(Clone)]
pub(super) struct Cluster {
    pub(super) keys: Vec<PrivateKey>,
    /// A peer that says what is not so.
    pub(super) liar: Option<PrivateKey>,
    /// What the last validator's second engine writes, if it has one: both have its key.
    pub(super) twin: Option<MemDisk>,
    pub(super) disks: Vec<MemDisk>,
    pub(super) told: Arc<Mutex<Told>>,
    pub(super) settings: Settings,
    /// The last validator cheats so.
    pub(super) distort: Option<Distort>,
    pub(super) refusals: Arc<Mutex<Vec<Refusals>>>,
    /// Payments each door sends in all.
    pub(super) payments: u64,
    /// Each payment is sent at two doors.
    pub(super) twice: bool,
    /// How many of the keys, from the first on, vote in the first epoch; the others follow.
    pub(super) voters: usize,
    /// What the first operator's officers order, and at which height.
    pub(super) orders: Arc<BTreeMap<u64, Command>>,
    /// Loses its voting journals when it comes back.
    pub(super) forgetful: Option<usize>,
    /// How often each operator was started.
    pub(super) starts: Arc<Mutex<BTreeMap<usize, u64>>>,
    /// The certificates each operator last had.
    pub(super) certificates: Arc<Mutex<BTreeMap<usize, Certificates>>>,
}

impl Cluster {
    pub(super) fn new(epoch_blocks: u64) -> Self {
        Self::of(4, epoch_blocks)
    }

    /// So many operators, of whom four vote at first.
    pub(super) fn of(operators: u64, epoch_blocks: u64) -> Self {
        let mut keys: Vec<_> = (0..operators).map(PrivateKey::from_seed).collect();
        keys.sort_by_key(|key| key.public_key());
        let settings = Settings {
            epoch_blocks: NonZeroU64::new(epoch_blocks).unwrap(),
            index_entries: 64,
            cache_pages: 64,
            // Turns come often.
            log_bytes: 64 << 10,
            ..Settings::new(NAMESPACE.as_bytes())
        };
        Self {
            keys,
            liar: None,
            twin: None,
            disks: (0..operators).map(|_| MemDisk::new()).collect(),
            told: Arc::default(),
            settings,
            distort: None,
            refusals: Arc::default(),
            payments: u64::MAX,
            twice: true,
            voters: VALIDATORS,
            orders: Arc::default(),
            forgetful: None,
            starts: Arc::default(),
            certificates: Arc::default(),
        }
    }

    /// With a last validator that runs twice.
    pub(super) fn twinned(mut self) -> Self {
        self.twin = Some(MemDisk::new());
        self
    }

    /// With a peer that says what is not so.
    pub(super) fn lied_to(mut self) -> Self {
        self.liar = Some(PrivateKey::from_seed(200));
        self
    }

    /// Lets everything through and counts what a node says on the channel of votes.
    fn count_votes(&self, index: usize, channel: usize) -> impl SplitForwarder<PublicKey> {
        let told = self.told.clone();
        move |_: SplitOrigin, to: &Recipients<PublicKey>, _: &IoBuf| {
            if channel == 0 {
                *told.lock().unwrap().votes.entry(index).or_default() += 1;
            }
            Some(to.clone())
        }
    }

    fn first(&self) -> Assembly {
        let (voters, followers) = self.keys.split_at(self.voters);
        let roster = Roster::from_iter_dedup(voters.iter().map(PrivateKey::public_key));
        Assembly { roster, observers: followers.iter().map(PrivateKey::public_key).collect(), addresses: BTreeMap::new() }
    }

    /// Who validates in which epoch, by what is ordered.
    pub(super) fn validators(&self) -> Validators {
        let mut validators = Validators::new(NAMESPACE, (0..self.voters).map(|at| self.key(at)));
        // An order given at a height is in a block of the same epoch: the stories here leave room for it.
        for (height, order) in self.orders.iter() {
            let Command::Order(order) = order else { continue };
            if let Command::SetNodes(set) = &*order.does {
                let voters = set.nodes.iter().filter(|node| node.votes).map(|node| node.key);
                validators.set_from((height - 1) / self.settings.epoch_blocks + 1, voters);
            }
        }
        validators
    }

    /// A public key as the chain has it.
    pub(super) fn key(&self, index: usize) -> [u8; 32] {
        let public = self.keys[index].public_key();
        let bytes: &[u8] = public.as_ref();
        bytes.try_into().unwrap()
    }
}

/// A sink that answers payments like a creditor agent and remembers what it was told.
pub(super) struct Door {
    index: usize,
    pool: Arc<Pool>,
    told: Arc<Mutex<Told>>,
    orders: Arc<BTreeMap<u64, Command>>,
}

impl Sink for Door {
    fn durable(&mut self, block: DurableBlock) {
        let mut told = self.told.lock().unwrap();
        let known = *told.chain.entry(block.header.height).or_insert(block.hash);
        assert_eq!(known, block.hash, "two validators have different blocks at one height");
        for &ticket in block.tickets.iter().filter(|&&ticket| ticket != 0) {
            *told.answered.entry((self.index, ticket)).or_default() += 1;
        }
        let mut answers = Vec::new();
        for event in &block.applied.events {
            match &event.kind {
                // One operator's door is the creditor agent's.
                EventKind::PaymentHeld(view) if view.index.0 as usize % 4 == self.index => {
                    let command = Command::Answer(Answer {
                        uetr: view.uetr,
                        creditor_agent: view.creditor_agent,
                        verdict: AnswerVerdict::WillCredit,
                        content: ContentHash([8; 32]),
                    });
                    let attachment = Some(message(&command));
                    answers.push(Submission { ticket: 0, command, attachment });
                }
                EventKind::PaymentSettled(_) => told.settled += 1,
                _ => {}
            }
        }
        drop(told);
        if let Some(order) = self.orders.get(&block.header.height).filter(|_| self.index == 0) {
            answers.push(Submission { ticket: 0, command: order.clone(), attachment: Some(message(order)) });
        }
        let _ = self.pool.submit(answers);
    }
    fn answered(&mut self, ticket: u64, outcome: &Outcome) {
        assert!(matches!(outcome, Outcome::Payment { .. }), "{outcome:?}");
        *self.told.lock().unwrap().answered.entry((self.index, ticket)).or_default() += 1;
    }
    fn stopped(&mut self, why: StopReason) {
        assert_eq!(why, StopReason::Closed);
    }
}

struct Court(Arc<Mutex<Told>>);

impl Witness for Court {
    fn note(&self, kind: ContradictionKind, proof: Contradiction) {
        self.0.lock().unwrap().evidence.push((kind, proof));
    }
}

/// What a check may look at.
#[derive(Clone)]
pub(super) enum Seat {
    Node {
        progress: SharedProgress,
        base: u64,
    },
    /// Nobody waits for who lies or contradicts itself: the others shut it out.
    Faulty,
}

impl ProcessedHeight for Seat {
    async fn processed_height(&self) -> u64 {
        match self {
            Self::Node { progress, base } => progress.get().height.saturating_sub(*base),
            Self::Faulty => u64::MAX,
        }
    }
}

const QUOTA: Quota = Quota::per_second(NZU32!(100_000));

impl Cluster {
    /// What this operator may vote in; the forgetful one loses its voting journals while it is down.
    async fn oath(&self, context: &(impl Clock + Storage), index: usize) -> Oath {
        let start = {
            let mut starts = self.starts.lock().unwrap();
            let start = starts.entry(index).or_default();
            *start += 1;
            *start
        };
        if self.forgetful != Some(index) || start == 1 {
            return Oath::Whole;
        }
        let _ = context.remove(&format!("validator-{index}-log"), None).await;
        for store in ["blk", "fin"] {
            for part in ["metadata", "table", "keys", "values", "heights"] {
                let _ = context.remove(&format!("validator-{index}-{store}-{part}"), None).await;
            }
        }
        for (epoch, store) in (0..100).flat_map(|epoch| ["verified", "notarized", "certified"].map(|store| (epoch, store))) {
            let _ = context.remove(&format!("validator-{index}-marshal-cache-cache-{epoch}-{store}-value"), None).await;
        }
        Oath::LostBefore(time_of(context))
    }
}

impl EngineDefinition for Cluster {
    type PublicKey = PublicKey;
    type Engine = Handle<()>;
    type State = Seat;

    fn participants(&self) -> Vec<PublicKey> {
        self.keys.iter().chain(&self.liar).map(PrivateKey::public_key).collect()
    }

    fn channels(&self) -> Vec<(u64, Quota)> {
        (0..7).map(|channel| (channel, QUOTA)).collect()
    }

    fn max_message_size(&self) -> u32 {
        message_bytes_max()
    }

    async fn init(&self, init: InitContext<'_, PublicKey>) -> (Handle<()>, Seat) {
        if init.index == self.keys.len() {
            return (liar::start(init, self.told.clone()), Seat::Faulty);
        }
        let InitContext { context, index, public_key, oracle, channels, monitor, .. } = init;
        let twin = self.twin.clone().filter(|_| index == VALIDATORS - 1);
        let (mut network, mut second) = (Vec::new(), Vec::new());
        for (number, (sender, mut receiver)) in channels.into_iter().enumerate() {
            let (ours, theirs) = sender.split_with(self.count_votes(index, number));
            if twin.is_some() {
                // Answers to requests find whoever asked first; the second engine does without.
                let to = if matches!(number, RESOLVER | BACKFILL) { SplitTarget::Primary } else { SplitTarget::Both };
                let (first, other) = receiver.split_with(context.child("twin"), move |_| to);
                receiver = first;
                second.push((theirs, other));
            }
            network.push((ours, receiver));
        }
        let oath = self.oath(&context, index).await;
        let place = Place { index, me: public_key.clone(), oracle: oracle.clone(), oath };
        let (seat, pool, running) =
            self.node(context.child("node"), &place, self.disks[index].clone(), network, "", monitor).await;
        self.certificates.lock().unwrap().insert(index, running.certificates.clone());
        let other = match twin {
            Some(disk) => {
                let (unheard, hears) = mpsc::unbounded_channel();
                let (_, _, other) = self.node(context.child("second"), &place, disk, second, "-twin", unheard).await;
                Some((other, hears))
            }
            None => None,
        };
        let seat = if other.is_some() { Seat::Faulty } else { seat };
        let (told, most, twice) = (self.told.clone(), self.payments, self.twice);
        let handle = context.spawn(move |context| async move {
            let _keep = (running, other);
            loop {
                context.sleep(Duration::from_millis(50)).await;
                let mut told = told.lock().unwrap();
                let sent = told.sent.entry(index).or_default();
                if *sent >= most {
                    continue;
                }
                *sent += 1;
                let n = *sent;
                drop(told);
                let submission = |ticket, command: Command| {
                    let attachment = Some(message(&command));
                    Submission { ticket, command, attachment }
                };
                let mut submissions = vec![submission(n, payment(index as u64, n))];
                if twice && n > 1 {
                    // A bank that tries again at another operator's door.
                    submissions.push(submission(1_000_000 + n, payment((index as u64 + 1) % VALIDATORS as u64, n - 1)));
                }
                let _ = pool.submit(submissions);
            }
        });
        (handle, seat)
    }

    fn start(engine: Handle<()>) -> Handle<()> {
        engine
    }
}

/// Channels whose answers go to one asker only.
const RESOLVER: usize = 2;
const BACKFILL: usize = 3;

/// Who a node is.
struct Place {
    index: usize,
    me: PublicKey,
    oracle: Oracle<PublicKey, deterministic::Context>,
    oath: Oath,
}

impl Cluster {
    /// Starts one engine with its files.
    async fn node<S: Sender<PublicKey = PublicKey>>(
        &self,
        context: deterministic::Context,
        place: &Place,
        disk: MemDisk,
        channels: Vec<(S, Receiver<PublicKey>)>,
        suffix: &str,
        monitor: mpsc::UnboundedSender<FinalizationUpdate<PublicKey>>,
    ) -> (Seat, Arc<Pool>, Running) {
        let Place { index, me, oracle, oath } = place;
        let (index, oath) = (*index, *oath);
        let pool = Arc::new(Pool::new(10_000));
        let known = Known::default();
        let disk: Arc<dyn Disk> = Arc::new(disk);
        let config = JournalConfig { segment_bytes: 256 << 10, vault_bytes: 256 << 10, ..JournalConfig::default() };
        let door = Door { index, pool: pool.clone(), told: self.told.clone(), orders: self.orders.clone() };
        let noting = Noting { sink: door, known: known.clone() };
        let mut follower = Follower::open(disk, config, IndexSeed(index as u64), Making::Stepped, |_| Ok(noting)).unwrap();
        let (first, base) = base();
        if follower.last().is_none() {
            follower.append(vec![first]).unwrap();
        }
        let rosters = Rosters::new(&self.settings.namespace, Some(self.keys[index].clone()), self.first());
        let mut channels = channels.into_iter();
        let mut channel = || channels.next().unwrap();
        let network = Network {
            votes: channel(),
            certificates: channel(),
            resolver: channel(),
            backfill: channel(),
            blocks: channel(),
            gossip: channel(),
            enquiries: channel(),
        };
        let parts = Parts {
            settings: Settings { partition: format!("validator-{index}{suffix}"), ..self.settings.clone() },
            me: me.clone(),
            rosters,
            peers: oracle.manager(),
            blocker: oracle.control(me.clone()),
            track: Box::new(|_, _| {}),
            authorise: Arc::new(Signed),
            known,
            pool: pool.clone(),
            witness: Arc::new(Court(self.told.clone())),
            follower,
            seen: Seen::default(),
            base,
            distort: self.distort.clone().filter(|_| index == VALIDATORS - 1),
            oath,
        };
        let wrap = |keeper| MonitorReporter::new(me.clone(), monitor, keeper);
        let running = start(context, parts, network, wrap).await.expect("the engine's files can be read");
        self.refusals.lock().unwrap().push(running.refusals.clone());
        let seat = Seat::Node { progress: running.progress.clone(), base: base.height };
        (seat, pool, running)
    }
}
