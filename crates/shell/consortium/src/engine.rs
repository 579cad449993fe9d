//! One operator's node, on whatever runtime and network it is given: the same function serves processes and the simulator.

use crate::app::{App, Distort, Refusals};
use crate::authorise::{Authorise, Known};
use crate::block::{BODY_BYTES_MAX, Block, BlockCodec};
use crate::bundle::{BundleError, Bundled};
use crate::certificates::Certificates;
use crate::enquiries::{Carrier, Enquiries, enquiries};
use crate::epochs::{Epochs, Standing, Track};
use crate::evidence::Witness;
use crate::gossip::{Gossip, PACKET_BYTES_MAX};
use crate::judge::{Judge, JudgeMailbox};
use crate::keeper::{Keeper, KeeperMailbox, Noting, SharedProgress};
use crate::oath::Oath;
use crate::pool::Pool;
use crate::recent::Recent;
use crate::replica::{Replica, State};
use crate::rosters::{Calendar, Rosters};
use crate::seen::Seen;
use crate::settings::Settings;
use crate::status::SharedStatus;
use chain::BlockHeader;
use commonware_broadcast::buffered;
use commonware_codec::CodecShared;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::core::Actor as MarshalActor;
use commonware_consensus::marshal::resolver::p2p as marshal_resolver;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::marshal::{self, Start, Update};
use commonware_consensus::simplex;
use commonware_consensus::simplex::scheme::ed25519::Scheme;
use commonware_consensus::types::{FixedEpocher, ViewDelta};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux;
use commonware_p2p::{Blocker, Provider, Receiver, Sender, max_message_size};
use commonware_parallel::Sequential;
use commonware_runtime::buffer::paged::{self, CacheRef};
use commonware_runtime::{Clock, ContextCell, Handle, Metrics, Spawner, Storage, Supervisor as _};
use commonware_storage::archive::immutable;
use commonware_utils::channel::mpsc;
use commonware_utils::{NZU64, NZUsize, NonZeroDuration};
use ordering::{CertificateLog, Follower, Sink};
use rand_core::CryptoRng;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Most validators and observers of a chain.
pub const PEERS_MAX: u32 = 64;
/// Blocks delivered to the keeper before the first is acknowledged.
const PENDING_BLOCKS: usize = 16;
/// Size of pages in the engine's files. Never to be changed for a chain with data: files written with another size are
/// silently cut short.
const PAGE_BYTES: usize = 4096;

/// Bytes of the largest message on the network; the same for all operators.
pub fn message_bytes_max() -> u32 {
    let codec = BlockCodec { base_height: 0 };
    max_message_size(&[
        mux::prefixed(simplex::max_payload_size::<Scheme, Digest>(PEERS_MAX)),
        marshal::max_payload_size::<Standard<Block>, Scheme>(PEERS_MAX, &codec),
        PACKET_BYTES_MAX + BODY_BYTES_MAX / 16,
    ])
}

/// What a node works with.
pub(crate) struct Parts<A, S, B, M> {
    pub(crate) settings: Settings,
    pub(crate) me: PublicKey,
    pub(crate) rosters: Rosters,
    pub(crate) peers: M,
    pub(crate) blocker: B,
    pub(crate) track: Track,
    pub(crate) authorise: Arc<A>,
    pub(crate) known: Known,
    pub(crate) pool: Arc<Pool>,
    pub(crate) witness: Arc<dyn Witness>,
    pub(crate) follower: Follower<Noting<S>>,
    pub(crate) seen: Seen,
    /// The last block before the consortium.
    pub(crate) base: BlockHeader,
    pub(crate) distort: Option<Distort>,
    pub(crate) oath: Oath,
}

/// The seven channels, in this order of numbers.
pub(crate) struct Network<S, R> {
    pub(crate) votes: (S, R),
    pub(crate) certificates: (S, R),
    pub(crate) resolver: (S, R),
    pub(crate) backfill: (S, R),
    pub(crate) blocks: (S, R),
    pub(crate) gossip: (S, R),
    pub(crate) enquiries: (S, R),
}

/// A node that runs.
pub(crate) struct Running {
    /// Dropping them does not end the tasks; they are watched so that an end is noticed.
    pub(crate) handles: Vec<Handle<()>>,
    pub(crate) keeper: KeeperMailbox,
    pub(crate) progress: SharedProgress,
    pub(crate) refusals: Refusals,
    pub(crate) status: SharedStatus,
    pub(crate) certificates: Certificates,
    pub(crate) enquiries: Enquiries,
}

/// Starts a node. `wrap` puts a listener between the engine and the keeper.
///
/// # Errors
/// If the engine's files cannot be read.
pub(crate) async fn start<E, A, S, B, M, NS, NR, W>(
    context: E,
    parts: Parts<A, S, B, M>,
    network: Network<NS, NR>,
    wrap: impl FnOnce(KeeperMailbox) -> W,
) -> Result<Running, BundleError>
where
    E: CryptoRng + Spawner + Metrics + Clock + Storage,
    A: Authorise,
    S: Sink,
    B: Blocker<PublicKey = PublicKey>,
    M: Provider<PublicKey = PublicKey>,
    NS: Sender<PublicKey = PublicKey>,
    NR: Receiver<PublicKey = PublicKey>,
    W: Reporter<Activity = Update<Block>>,
{
    let Parts {
        settings,
        me,
        rosters,
        peers,
        blocker,
        track,
        authorise,
        known,
        pool,
        witness,
        follower,
        seen,
        base,
        distort,
        oath,
    } = parts;
    let (context, log) = Bundled::open(context, &settings.partition, settings.log_bytes).await?;
    let page_cache =
        CacheRef::new(paged::page_size(PAGE_BYTES as u32), NonZeroUsize::new(settings.cache_pages).unwrap_or(NonZeroUsize::MIN));
    let codec = BlockCodec { base_height: base.height };
    let epocher = FixedEpocher::new(settings.epoch_blocks);
    let fetch = NonZeroDuration::new_panic(settings.timeouts.fetch);

    let resolver = marshal_resolver::init(
        context.child("backfill"),
        marshal_resolver::Config {
            public_key: me.clone(),
            peer_provider: peers.clone(),
            blocker: blocker.clone(),
            mailbox_size: NZUsize!(1024),
            fetch_timeout: fetch,
            fetch_retry_delay: Duration::from_millis(50),
            priority_requests: false,
            priority_responses: false,
        },
        network.backfill,
    );
    let (blocks, buffer) = buffered::Engine::new(
        context.child("blocks"),
        buffered::Config {
            public_key: me.clone(),
            mailbox_size: NZUsize!(1024),
            deque_size: 16,
            priority: true,
            codec_config: codec,
            peer_provider: peers,
            strategy: Sequential,
        },
    );
    let mut handles = vec![log, blocks.start(network.blocks)];

    let certificate_codec = Scheme::certificate_codec_config_unbounded();
    let finalizations = store(&context, &settings, "fin", &page_cache, certificate_codec).await;
    let chain = store::<E, Arc<Block>>(&context, &settings, "blk", &page_cache, codec).await;
    let (actor, marshal, _) = MarshalActor::<Bundled<E>, Standard<Block>, Rosters, _, _, FixedEpocher, Sequential>::init(
        context.child("marshal"),
        finalizations,
        chain,
        marshal::Config {
            provider: rosters.clone(),
            epocher: epocher.clone(),
            start: Start::Genesis(Block::base(base).digested()),
            partition_prefix: format!("{}-marshal", settings.partition),
            mailbox_size: NZUsize!(1024),
            view_retention: ViewDelta::new(64),
            prunable_items_per_section: NZU64!(1024),
            page_cache: page_cache.clone(),
            replay_buffer: NZUsize!(1 << 20),
            key_write_buffer: NZUsize!(1 << 18),
            value_write_buffer: NZUsize!(1 << 20),
            block_codec_config: codec,
            max_repair: NZUsize!(64),
            max_pending_acks: NZUsize!(PENDING_BLOCKS),
            strategy: Sequential,
        },
    )
    .await;

    let calendar = Calendar { base_height: base.height, epoch_blocks: settings.epoch_blocks };
    rosters.learn(follower.clearing(), follower.clearing().height(), calendar);
    let progress = SharedProgress::default();
    let (notes, note_receiver) = mpsc::unbounded_channel();
    let keeper = KeeperMailbox { notes, progress: progress.clone() };
    let (questions, question_receiver) = mpsc::unbounded_channel();
    let (says, say_receiver) = mpsc::unbounded_channel();
    let (boundaries, boundary_receiver) = mpsc::unbounded_channel();
    let refusals = Refusals::default();
    let status = SharedStatus::default();
    let certificates = Certificates::default();

    let state = State { clearing: follower.clearing().clone(), tip: follower.tip(), seen: seen.clone() };
    let judge = Judge {
        context: ContextCell::new(context.child("judge").dedicated()),
        replica: Replica::new(state, base.height, settings.bounds),
        keeper: keeper.clone(),
        pool: pool.clone(),
        questions: question_receiver,
    };
    let app = App {
        judge: JudgeMailbox(questions),
        pool: pool.clone(),
        authorise: authorise.clone(),
        says: says.clone(),
        pace: settings.pace,
        refusals: refusals.clone(),
        distort,
    };
    let gossip = Gossip {
        context: ContextCell::new(context.child("gossip")),
        pool: pool.clone(),
        authorise: authorise.clone(),
        known,
        says: say_receiver,
        keeper: keeper.clone(),
    };
    let start =
        Standing { height: follower.clearing().height() - base.height, hash: follower.tip(), time: follower.clearing().time() };
    let voter = Inline::new(context.child("voter"), app, marshal.clone(), epocher);
    let kept =
        CertificateLog::open(follower.disk()).inspect_err(|error| tracing::error!(%error, "certificates cannot be kept")).ok();
    let task = Keeper {
        context: ContextCell::new(context.child("keeper").dedicated()),
        follower,
        seen,
        pool,
        progress: progress.clone(),
        notes: note_receiver,
        boundaries,
        authorise,
        says,
        rosters: rosters.clone(),
        me: me.clone(),
        calendar,
        marshal: marshal.clone(),
        certificates: certificates.clone(),
        kept,
        status: status.clone(),
    };
    let epochs = Epochs {
        context: ContextCell::new(context.child("epochs")),
        settings,
        rosters,
        marshal: marshal.clone(),
        voter,
        blocker,
        witness,
        page_cache,
        track,
        boundaries: boundary_receiver,
        start,
        base,
        oath,
        status: status.clone(),
    };
    let (enquiries, inbox) = enquiries();
    let carrier = Carrier::new(context.child("enquiries"), inbox);
    handles.push(task.start());
    handles.push(judge.start());
    handles.push(gossip.start(network.gossip));
    handles.push(carrier.start(network.enquiries));
    handles.push(actor.start(wrap(keeper.clone()), buffer, resolver));
    handles.push(epochs.start(network.votes, network.certificates, network.resolver));
    Ok(Running { handles, keeper, progress, refusals, status, certificates, enquiries })
}

/// Values by height and hash: the last ones in one file, an archive behind it.
async fn store<E, V>(
    context: &Bundled<E>,
    settings: &Settings,
    name: &'static str,
    page_cache: &CacheRef,
    codec: V::Cfg,
) -> Recent<Bundled<E>, immutable::Archive<Bundled<E>, Digest, V>>
where
    E: Spawner + Metrics + Clock + Storage,
    V: CodecShared + Clone,
    V::Cfg: Clone,
{
    let archive = immutable::Archive::init(context.child(name), archive(settings, name, page_cache, codec.clone()))
        .await
        .expect("the engine's archive opens");
    let partition = format!("{}-recent-{name}", settings.partition);
    Recent::open(context, &partition, archive, &codec).await.expect("what the engine stored can be read")
}

/// An archive's files: `<prefix>-<name>-…`.
fn archive<C>(settings: &Settings, name: &str, page_cache: &CacheRef, codec_config: C) -> immutable::Config<C> {
    let partition = |part: &str| format!("{}-{name}-{part}", settings.partition);
    immutable::Config {
        metadata_partition: partition("metadata"),
        freezer_table_partition: partition("table"),
        freezer_table_initial_size: settings.index_entries,
        freezer_table_resize_frequency: 4,
        freezer_table_resize_chunk_size: 1 << 12,
        freezer_key_partition: partition("keys"),
        freezer_key_page_cache: page_cache.clone(),
        freezer_value_partition: partition("values"),
        freezer_value_target_size: 1 << 28,
        freezer_value_compression: None,
        ordinal_partition: partition("heights"),
        items_per_section: NZU64!(1 << 16),
        freezer_key_write_buffer: NZUsize!(1 << 18),
        freezer_value_write_buffer: NZUsize!(1 << 20),
        ordinal_write_buffer: NZUsize!(1 << 16),
        replay_buffer: NZUsize!(1 << 20),
        codec_config,
    }
}
