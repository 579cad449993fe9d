//! `luohu run`: the whole system in one process, until Ctrl-C.

use crate::banks::{self, CentreFacts};
use crate::centre::Centre;
use crate::cli::SettingsArgs;
use crate::config::Config;
use crate::directory;
use crate::keys::{Keys, SystemKeys};
use crate::verify::KEY_FILE;
use anyhow::{Context, Result};
use bank::{BankHandle, SAMPLE_PASSWORD, SampleBank};
use chain::VerifierKey;
use clearing::Bic;
use gateway::{AdmissionCounts, Gateway, GatewayConfig, GatewayDeps, GatewayHandle, Hub, Limits, RecordedPast};
use monitor::{ClassCounts, DoorCounts, Monitor, MonitorConfig, MonitorDeps, MonitorHandle};
use node::genesis::Member;
use risk::{RiskEngine, RiskSettings, WatchList};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::signal::unix::{Signal, SignalKind, signal};
use world::Machine;

/// Centre and door, in the order they stop.
pub struct System {
    pub gateway: GatewayHandle,
    pub centre: Centre,
    pub facts: CentreFacts,
}

/// Starts, prints the addresses, waits for Ctrl-C, stops.
pub fn run(args: &SettingsArgs) -> Result<ExitCode> {
    let config = Config::load(args)?;
    start_log(&config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("runtime")?;
    runtime.block_on(run_until_signal(&config))?;
    Ok(ExitCode::SUCCESS)
}

async fn run_until_signal(config: &Config) -> Result<()> {
    let signals = Signals::listen()?;
    let keys = open_keys(config)?;
    let prepared = banks::prepare(config, &keys)?;
    let members: Vec<Member> = prepared.iter().map(|bank| bank.member.clone()).collect();
    let system = start(config, &keys, &members).await?;
    let board = start_board(config.board.listen, &system).await?;
    let mut running = Vec::new();
    for (at, bank) in (0..).zip(prepared) {
        running.push(banks::start(config, bank, at, &system.facts).await?);
    }
    for (_, bank) in &running {
        banks::connected(bank).await;
    }
    print_addresses(config, &system, &board, &running);
    signals.wait().await;
    println!("stopping");
    for (_, bank) in running {
        bank.shutdown().await;
    }
    board.shutdown().await;
    stop(system).await
}

/// Opens or makes every key of the installation.
pub fn open_keys(config: &Config) -> Result<SystemKeys> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("data folder {}", config.data.display()))?;
    Keys::at(&config.data).open(&config.gateway.names)
}

/// What checkpoints of this installation are verified with.
pub fn verifier(config: &Config, keys: &SystemKeys) -> Result<VerifierKey> {
    let usual = GatewayConfig::at(config.gateway.listen);
    VerifierKey::new(&usual.log_signer, keys.signer.public_key()).context("verifier key")
}

/// Starts centre and gateway with these members beside those the chain knows.
pub async fn start(config: &Config, keys: &SystemKeys, members: &[Member]) -> Result<System> {
    let limits = limits(config);
    let hub = Arc::new(Hub::new(limits));
    let directory = directory::open(config)?;
    if let Some(directory) = &directory {
        hub.look_up_in(directory.clone());
    }
    let centre = Centre::open(config, keys, members, hub.clone())?;
    let mut gateway_config = GatewayConfig::at(config.gateway.listen);
    gateway_config.centre_bic = Bic::parse(&config.gateway.centre_bic).context("gateway.centre_bic")?;
    gateway_config.log_origin.clone_from(&config.gateway.log_origin);
    gateway_config.limits = limits;
    gateway_config.rules.acceptance_age_s_max = config.scheme.acceptance_age_max_s;
    let key = keys.signer.public_key();
    let verifier = verifier(config, keys)?;
    write_verifier(config, &verifier)?;
    let deps = GatewayDeps {
        signer: keys.signer.clone(),
        log: centre.journal.clone(),
        hub,
        past: Arc::new(RecordedPast::new(centre.model.clone(), centre.journal.vault())),
        risk: Arc::new(risk_rules(config)?),
        world: Machine::shared(),
        persons: keys.persons.clone(),
    };
    let listen = config.gateway.listen;
    let gateway =
        Gateway::start(gateway_config, keys.server_tls.clone(), deps).await.with_context(|| format!("gateway on {listen}"))?;
    if let Some(directory) = directory {
        directory::watch_warnings(directory, gateway.window.clone(), config);
    }
    let facts = CentreFacts { gateway: gateway.addr, key, verifier };
    Ok(System { gateway, centre, facts })
}

async fn start_board(listen: SocketAddr, system: &System) -> Result<MonitorHandle> {
    let (online, signed, receipts) =
        (system.gateway.window.clone(), system.gateway.window.clone(), system.gateway.window.clone());
    let (failed, door) = (system.centre.failed.clone(), system.gateway.window.clone());
    let (governing, orders) = (system.gateway.window.clone(), system.gateway.window.clone());
    let deps = MonitorDeps {
        model: system.centre.model.clone(),
        online: Arc::new(move |participant| online.is_online(participant)),
        checkpoint: Arc::new(move || Some(signed.checkpoint())),
        receipt: Arc::new(move |uetr| receipts.receipt(uetr)),
        now_ns: Arc::new(now_ns),
        door: Arc::new(move || door_counts(&door.admission())),
        governance: Arc::new(move || governing.governance()),
        validators: system.centre.validators.clone(),
        order: Arc::new(move |document| {
            let window = orders.clone();
            Box::pin(async move { window.order(&document).await })
        }),
        stopped: Arc::new(move || failed.load(Ordering::Relaxed)),
        evidence: system.centre.evidence.clone(),
        consortium: system.centre.consortium.clone(),
    };
    Monitor::start(MonitorConfig { listen }, deps).await.with_context(|| format!("board on {listen}"))
}

/// The door's counts as the board tells them.
fn door_counts(counts: &AdmissionCounts) -> DoorCounts {
    let class = |(class, admitted, refused)| ClassCounts { class, admitted, refused };
    DoorCounts { limit: counts.limit.into(), working: counts.working.into(), classes: counts.classes.map(class).to_vec() }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Stops from the outside in: no new requests, then the journal with its snapshot.
pub async fn stop(system: System) -> Result<()> {
    system.gateway.shutdown().await;
    let journal = system.centre.journal;
    tokio::task::spawn_blocking(move || journal.close()).await.context("journal")?.context("journal")
}

fn limits(config: &Config) -> Limits {
    Limits {
        requests_per_second: config.gateway.requests_per_second,
        burst: config.gateway.requests_per_second,
        in_flight_max: config.gateway.in_flight,
        in_flight_total_max: config.gateway.in_flight_total,
        delay_target: Duration::from_millis(config.gateway.delay_target_ms.into()),
        retry_after_s_max: config.gateway.retry_after_s,
        ..Limits::default()
    }
}

/// The risk rules with the configured thresholds and the sample watch-list. What they remember is keyed with a secret of
/// this run, so that it means nothing outside.
fn risk_rules(config: &Config) -> Result<RiskEngine> {
    let settings = RiskSettings { review_at: config.risk.review_at, block_at: config.risk.block_at, ..RiskSettings::default() };
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    secret[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    RiskEngine::new(settings, WatchList::sample(), secret).context("risk settings")
}

/// The public half of the centre's key, for `luohu verify`.
fn write_verifier(config: &Config, verifier: &VerifierKey) -> Result<()> {
    let path = config.data.join(KEY_FILE);
    std::fs::write(&path, format!("{verifier}\n")).with_context(|| path.display().to_string())
}

fn print_addresses(config: &Config, system: &System, board: &MonitorHandle, banks: &[(SampleBank, BankHandle)]) {
    let tip = system.centre.model.tip();
    println!("Luohu is running. Ctrl-C stops it.");
    println!();
    println!("  live board   http://{}", board.addr);
    println!("  gateway      https://{}  (participants, mutual TLS)", system.gateway.addr);
    println!("  data         {}", config.data.display());
    println!("  chain        block {}, {} final payments", tip.height, tip.size);
    for (sample, bank) in banks {
        let names: Vec<&str> = sample.customers.iter().map(|customer| customer.sign_in).collect();
        println!();
        println!("  {:<24} http://{}", sample.name.en, bank.addr());
        println!("  {:<24} sign in as {} (password {SAMPLE_PASSWORD})", sample.bic, names.join(", "));
    }
    println!();
}

/// Ctrl-C and SIGTERM, listened to from the first moment on: a signal that comes early still ends in an orderly stop.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they are heard.
    pub fn listen() -> Result<Self> {
        let listen = |kind| signal(kind).context("signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Until one of them comes.
    pub async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What goes wrong is written to standard error from here on.
pub fn start_log(level: &str) {
    let level = level.parse().unwrap_or(tracing::Level::WARN);
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
}
