//! `luohu run`: the whole system in one process, until Ctrl-C.

use crate::centre::Centre;
use crate::cli::SettingsArgs;
use crate::config::Config;
use crate::genesis::Member;
use crate::keys::{Keys, SystemKeys};
use crate::verify::KEY_FILE;
use anyhow::{Context, Result};
use chain::VerifierKey;
use clearing::Bic;
use gateway::{Gateway, GatewayConfig, GatewayDeps, GatewayHandle, Hub, Limits, RecordedPast};
use risk::{RiskEngine, RiskSettings, WatchList};
use signing::Signer;
use std::process::ExitCode;
use std::sync::Arc;

/// Everything that runs, in the order it stops.
pub struct System {
    pub gateway: GatewayHandle,
    pub centre: Centre,
}

/// Starts, prints the addresses, waits for Ctrl-C, stops.
pub fn run(args: &SettingsArgs) -> Result<ExitCode> {
    let config = Config::load(args)?;
    start_log(&config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("runtime")?;
    runtime.block_on(async {
        let (system, keys) = start(&config, &[]).await?;
        print_addresses(&config, &system, &keys);
        wait_for_signal().await?;
        println!("stopping");
        stop(system).await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Starts centre and gateway with these members beside those the chain knows.
pub async fn start(config: &Config, members: &[Member]) -> Result<(System, SystemKeys)> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("data folder {}", config.data.display()))?;
    let keys = Keys::at(&config.data).open(&config.gateway.names)?;
    let limits = limits(config);
    let hub = Arc::new(Hub::new(limits));
    let centre = Centre::open(config, members, hub.clone())?;
    let mut gateway_config = GatewayConfig::at(config.gateway.listen);
    gateway_config.centre_bic = Bic::parse(&config.gateway.centre_bic).context("gateway.centre_bic")?;
    gateway_config.log_origin.clone_from(&config.gateway.log_origin);
    gateway_config.limits = limits;
    write_verifier(config, &gateway_config.log_signer, &*keys.signer)?;
    let deps = GatewayDeps {
        tls: keys.server_tls.clone(),
        signer: keys.signer.clone(),
        log: centre.journal.clone(),
        hub,
        past: Arc::new(RecordedPast::new(centre.model.clone(), centre.journal.vault())),
        risk: Arc::new(risk_rules(config)?),
    };
    let listen = config.gateway.listen;
    let gateway = Gateway::start(gateway_config, deps).await.with_context(|| format!("gateway on {listen}"))?;
    Ok((System { gateway, centre }, keys))
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
fn write_verifier(config: &Config, name: &str, signer: &dyn Signer) -> Result<()> {
    let key = VerifierKey::new(name, signer.public_key()).context("verifier key")?;
    let path = config.data.join(KEY_FILE);
    std::fs::write(&path, format!("{key}\n")).with_context(|| path.display().to_string())
}

fn print_addresses(config: &Config, system: &System, _keys: &SystemKeys) {
    let tip = system.centre.model.tip();
    println!("Luohu is running.");
    println!("  gateway     https://{}", system.gateway.addr);
    println!("  data        {}", config.data.display());
    println!("  chain       block {}, {} final payments", tip.height, tip.size);
}

async fn wait_for_signal() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("signals"),
        _ = terminate.recv() => Ok(()),
    }
}

fn start_log(level: &str) {
    let level = level.parse().unwrap_or(tracing::Level::WARN);
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).try_init();
}
