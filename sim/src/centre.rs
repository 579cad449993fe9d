//! The centre's process: gateway, journal, history and risk rules, joined as in the product.

use crate::disk::OpenDisk;
use crate::life::Life;
use crate::machine::Machine;
use crate::net::Hall;
use crate::observer::Observer;
use crate::plan::Scene;
use crate::stage::SharedStage;
use clearing::{
    AccountPurpose, Bic, ChargeBearer, Code, Command, Fund, FundDirection, IndexSeed, ParticipantId, Price, SchemeTerms,
    Settings, Tariff, TariffLine, Time,
};
use gateway::{Gateway, GatewayConfig, GatewayDeps, GatewayHandle, Hub, Limits, RecordedPast};
use history::{EmbeddedIndex, Index, ReadModel, Tuning};
use money::{Currency, MinorUnits};
use node::Feeder;
use node::genesis::{self, Member};
use ordering::{
    Clock, DurableBlock, JournalConfig, OpenError, OrderedLog, Sink, SteppedLog, Stepper, StopReason, Submission, SubmitRefusal,
    fsck,
};
use risk::{RiskEngine, RiskSettings, WatchList};
use signing::{FileSigner, Signer};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long the driver waits when nothing happens: as often the room on the disk is looked at.
const IDLE: Duration = Duration::from_millis(250);
/// What the operator takes to notice that the journal has stopped.
const NOTICE: Duration = Duration::from_millis(1_500);
/// Every so many blocks a copy of the disk loses power and is read.
const POWER_TRIAL_BLOCKS: u64 = 24;

/// What everybody must know of the centre.
pub struct CentreSetup {
    /// Its machine.
    pub machine: Arc<Machine>,
    /// Where banks connect.
    pub hall: Arc<Hall>,
    /// Who watches.
    pub observer: Arc<Observer>,
    /// The plan's scene.
    pub scene: Scene,
    /// Who takes part.
    pub members: Vec<Member>,
    /// The scheme's currencies.
    pub currencies: Vec<Currency>,
    /// The stage.
    pub stage: SharedStage,
    /// Of the life that goes on now, if it serves.
    pub running: Mutex<Option<Running>>,
    /// Gateways of all lives. A crashed one must not be told to stop, and whom tokio's `watch` tells first is random.
    pub gateways: Mutex<Vec<GatewayHandle>>,
}

/// A centre that serves.
#[derive(Clone)]
pub struct Running {
    /// Where commands go.
    pub log: Arc<SimLog>,
    /// What readers see.
    pub model: Arc<ReadModel>,
}

/// The centre's key.
pub fn centre_signer() -> FileSigner {
    FileSigner::from_seed("LUOHU#1", &[7; 32])
}

/// The stepped journal's queue, which also wakes its driver.
pub struct SimLog {
    queue: SteppedLog,
    arrived: Arc<Notify>,
}

impl OrderedLog for SimLog {
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal> {
        let taken = self.queue.submit(submission);
        self.arrived.notify_one();
        taken
    }

    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        let taken = self.queue.submit_many(submissions);
        self.arrived.notify_one();
        taken
    }

    fn waiting(&self) -> usize {
        self.queue.waiting()
    }
}

struct LifeClock(Arc<Life>);

impl Clock for LifeClock {
    fn now(&self) -> Time {
        Time(self.0.now_ns())
    }
}

/// The product's sink with the observer before it.
struct Watched {
    feeder: Feeder,
    observer: Arc<Observer>,
}

impl Sink for Watched {
    fn durable(&mut self, block: DurableBlock) {
        self.observer.durable(&block);
        self.feeder.durable(block);
    }

    fn stopped(&mut self, why: StopReason) {
        self.feeder.stopped(why);
    }
}

type Journal = Stepper<LifeClock, Watched>;

impl CentreSetup {
    /// What runs now, if anything does.
    pub fn running(&self) -> Option<Running> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        running.filter(|_| self.machine.life().is_some())
    }

    fn set_running(&self, running: Option<Running>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }
}

/// The main task of a life of the centre.
pub async fn live(setup: Arc<CentreSetup>, life: Arc<Life>) {
    setup.set_running(None);
    sleep(life.disk_pause()).await;
    let disk = setup.machine.platters.open(&life);
    let hub = Arc::new(Hub::new(limits()));
    let (journal, model, pending) = match open(&setup, &life, disk, &hub) {
        Ok(opened) => opened,
        Err(OpenError::Io(error)) => return setup.stage.say("centre", format_args!("cannot start: {error}")),
        Err(
            damage @ (OpenError::Damaged { .. } | OpenError::Missing { .. } | OpenError::Diverged { .. } | OpenError::Readers(_)),
        ) => {
            return setup.stage.broke("CHN-01", format_args!("a crash left a journal that cannot be read: {damage}"));
        }
    };
    setup.observer.judge_history(&model);
    let arrived = Arc::new(Notify::new());
    let log = Arc::new(SimLog { queue: journal.log(), arrived: Arc::clone(&arrived) });
    let vault = journal.vault();
    if !pending.is_empty() {
        let submissions = pending.into_iter().map(|command| Submission { ticket: 0, command, attachment: None }).collect();
        if let Err(refusal) = log.submit_many(submissions) {
            return setup.stage.say("centre", format_args!("cannot begin: {refusal}"));
        }
    }
    let driver = Driver { setup: Arc::clone(&setup), life: Arc::clone(&life), journal, model: Arc::clone(&model), arrived };
    life.spawn(Box::pin(driver.run()));
    while log.waiting() > 0 || model.tip().height == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    serve(&setup, &life, hub, log, model, vault).await;
}

fn limits() -> Limits {
    Limits::default()
}

fn open(
    setup: &CentreSetup,
    life: &Arc<Life>,
    disk: OpenDisk,
    hub: &Arc<Hub>,
) -> Result<(Journal, Arc<ReadModel>, Vec<Command>), OpenError> {
    let seed = IndexSeed(u64::from_le_bytes(life.random()[..8].try_into().expect("eight of sixteen bytes")));
    let (mut model, mut pending) = (None, Vec::new());
    let journal = Stepper::open(Arc::new(disk), journal_config(&setup.scene), LifeClock(Arc::clone(life)), seed, |recovered| {
        setup.observer.recovered(&recovered);
        pending = genesis::configuration(times(&setup.scene), &setup.currencies, recovered.clearing);
        let members = genesis::members(&setup.members, recovered.clearing);
        let first = !members.is_empty();
        pending.extend(members);
        if first {
            pending.extend(withdrawals(&setup.scene, &setup.members));
            pending.extend(tariff(&setup.scene, &setup.currencies));
        }
        let feeder = Feeder::rebuild(&recovered, history_index(), Arc::clone(hub), Arc::new(AtomicBool::new(false)))?;
        model = Some(feeder.model());
        Ok(Watched { feeder, observer: Arc::clone(&setup.observer) })
    })?;
    Ok((journal, model.expect("the journal shows its state before it starts"), pending))
}

/// History's index of one life: in memory, and so small that most of what is asked for is not among what is recent.
pub fn history_index() -> (Arc<dyn Index>, Tuning) {
    let index = EmbeddedIndex::in_memory().expect("memory is there");
    (Arc::new(index), Tuning { recent_payments: 24, batch_events: 16, inline: true, ..Tuning::default() })
}

/// How files are kept in a scene.
pub fn journal_config(scene: &Scene) -> JournalConfig {
    JournalConfig {
        segment_bytes: scene.segment_bytes,
        vault_bytes: scene.segment_bytes,
        queue_commands_max: 512,
        free_bytes_min: 1 << 20,
        snapshot_after_commands: scene.snapshot_after,
        full_retry: IDLE,
        archive_known: ordering::ArchiveKnown::default(),
    }
}

/// The rulebook's times in a scene.
pub fn times(scene: &Scene) -> Settings {
    let (acceptance_age_s, retention_s) = scene.memory_s;
    Settings {
        quote_validity_ns: scene.quote_validity_s * 1_000_000_000,
        acceptance_age_max_ns: acceptance_age_s * 1_000_000_000,
        payment_retention_ns: retention_s * 1_000_000_000,
        ..Settings::default()
    }
}

/// What payments of a scene cost: half and half, so that both sides and both ledgers of an exchange bear something.
pub fn tariff(scene: &Scene, currencies: &[Currency]) -> Option<Command> {
    let price = |&currency| Price { currency, flat: MinorUnits(7), ppm: 900, min: MinorUnits(9), max: MinorUnits(2_001) };
    let line = TariffLine {
        code: Code::parse("ALL").expect("three capitals"),
        corridor: None,
        debtor: None,
        creditor: None,
        purposes: vec![],
        bearer: ChargeBearer::Shared,
        prices: currencies.iter().map(price).collect(),
    };
    let tariff = Tariff { version: 1, effective_from: Time(0), lines: vec![line] };
    scene.fees.then_some(Command::SchemeTerms(SchemeTerms::Tariff(tariff)))
}

/// Takes prefunding down to what the scene says.
pub fn withdrawals(scene: &Scene, members: &[Member]) -> Vec<Command> {
    let surplus = genesis::PREFUNDED_MINOR - scene.prefunded_minor;
    if surplus == 0 {
        return Vec::new();
    }
    let of_member = |(at, member): (u32, &Member)| {
        let fund = |&currency| {
            let mut reference = [0xEE; 16];
            reference[..4].copy_from_slice(&at.to_le_bytes());
            reference[4..7].copy_from_slice(&money::CurrencyCode::bytes(currency));
            Command::Fund(Fund {
                participant: ParticipantId(at),
                currency,
                purpose: AccountPurpose::Settlement,
                direction: FundDirection::Out,
                amount: MinorUnits(surplus),
                reference,
            })
        };
        member.currencies.iter().map(fund).collect::<Vec<_>>()
    };
    (0..).zip(members).flat_map(of_member).collect()
}

async fn serve(
    setup: &Arc<CentreSetup>,
    life: &Arc<Life>,
    hub: Arc<Hub>,
    log: Arc<SimLog>,
    model: Arc<ReadModel>,
    vault: ordering::VaultReader,
) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
    let mut config = GatewayConfig { limits: limits(), ..GatewayConfig::at(address) };
    config.rules.acceptance_age_s_max = setup.scene.memory_s.0;
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&life.random());
    secret[16..].copy_from_slice(&life.random());
    let risk = RiskEngine::new(RiskSettings::default(), WatchList::sample(), secret).expect("the defaults agree");
    let deps = GatewayDeps {
        signer: Arc::new(centre_signer()),
        log: Arc::clone(&log) as Arc<dyn OrderedLog>,
        hub,
        past: Arc::new(RecordedPast::new(Arc::clone(&model), vault)),
        risk: Arc::new(risk),
        world: life.world(),
        persons: Arc::new(signing::HashKey::new(&[7; 32])),
    };
    let gateway = Gateway::start_at(address, setup.hall.open(life), config, deps).expect("the log signer's name is one");
    setup.gateways.lock().unwrap_or_else(PoisonError::into_inner).push(gateway);
    setup.set_running(Some(Running { log, model }));
    setup.stage.say("centre", "serves");
    std::future::pending::<()>().await;
}

/// Drives the journal: what two threads do in the product.
struct Driver {
    setup: Arc<CentreSetup>,
    life: Arc<Life>,
    journal: Journal,
    model: Arc<ReadModel>,
    arrived: Arc<Notify>,
}

impl Driver {
    async fn run(mut self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => {
                    let _ = tokio::time::timeout(self.patience(), self.arrived.notified()).await;
                }
                Err(why) => {
                    self.setup.stage.say("centre", format_args!("stops: {why}"));
                    self.setup.stage.count("journal stops");
                    sleep(NOTICE).await;
                    return self.life.die();
                }
            }
        }
    }

    /// One group of blocks; `false` when there was nothing to do.
    async fn step(&mut self) -> Result<bool, StopReason> {
        if !self.journal.seal()? {
            return Ok(false);
        }
        // While the disk is busy commands gather, and a second block may be sealed.
        sleep(self.life.disk_pause()).await;
        self.journal.seal()?;
        for (header, commands, applied) in self.journal.sealed() {
            self.setup.observer.sealed(header, commands, applied);
        }
        sleep(self.life.disk_pause()).await;
        self.journal.commit()?;
        self.setup.observer.judge_state(self.journal.clearing());
        self.setup.observer.judge_history(&self.model);
        if self.setup.observer.height().is_multiple_of(POWER_TRIAL_BLOCKS) {
            self.try_power_loss();
        }
        Ok(true)
    }

    fn patience(&self) -> Duration {
        let now = self.life.now_ns();
        let until = self.journal.next_deadline().map_or(u64::MAX, |deadline| deadline.0.saturating_sub(now));
        IDLE.min(Duration::from_nanos(until) + Duration::from_millis(1))
    }

    /// What would be left if the power went now? At least everything that was told (ORD-01).
    fn try_power_loss(&self) {
        let copy = self.setup.machine.platters.copy();
        let height = self.setup.observer.height();
        copy.lose_power(&mut crate::rng::Rng::new(self.setup.stage.seed ^ height, "trial"));
        self.setup.stage.count("power trials");
        match fsck(Arc::new(copy.open_alone()), true) {
            Ok(report) if report.broken.is_empty() && report.blocks >= height => {}
            Ok(report) => self.setup.stage.broke(
                "ORD-01",
                format_args!("without power {} blocks are left of {height} told: {:?}", report.blocks, report.broken),
            ),
            Err(error) => self.setup.stage.broke("ORD-01", format_args!("without power nothing can be read: {error}")),
        }
    }
}

/// Members as the centre registers them.
pub fn member(sample: &bank::SampleBank, signer: &dyn Signer) -> Member {
    Member {
        bic: Bic::parse(sample.bic).expect("sample banks have BICs"),
        name: sample.name.en.clone(),
        key: signer.public_key(),
        provides_exchange: !sample.rates.is_empty(),
        currencies: sample.currencies.clone(),
    }
}
