//! The four sample banks: each a participant with its own keys, folder, customers and door, in the centre's process for
//! comfort only. [`serve`] runs them in one of their own.

use crate::cli::{BankServeArgs, SettingsArgs};
use crate::config::Config;
use crate::keys::{MemberKeys, SystemKeys};
use crate::run::{self, Signals};
use anyhow::{Context, Result, anyhow};
use bank::{Bank, BankConfig, BankHandle, Fault, SampleBank, Script};
use banklink::{LinkConfig, LinkState, TlsConnector};
use chain::VerifierKey;
use clearing::Bic;
use money::{Currency, CurrencyCode};
use node::genesis::Member;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use world::Machine;

/// How long the start waits for a bank's inbox to stand.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// A sample bank that is about to start.
pub struct Prepared {
    pub sample: SampleBank,
    pub member: Member,
    /// What it does with single payments.
    pub script: Script,
    keys: MemberKeys,
    folder: PathBuf,
}

/// Runs sample banks without the centre, until Ctrl-C: those named, or all that the configuration has.
pub fn serve(args: &SettingsArgs, options: &BankServeArgs) -> Result<ExitCode> {
    let mut config = Config::load(args)?;
    if !options.only.is_empty() {
        config.sample_banks.only.clone_from(&options.only);
    }
    run::start_log(&config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("runtime")?;
    runtime.block_on(serve_until_signal(&config, &script(options.script.as_deref())?))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve_until_signal(config: &Config, script: &Script) -> Result<()> {
    let signals = Signals::listen()?;
    let keys = run::open_keys(config)?;
    let prepared = prepare(config, &keys)?;
    anyhow::ensure!(!prepared.is_empty(), "no sample bank of that name, or the configuration turns them off");
    let key = keys.signer.public_key();
    let verifier = run::verifier(config, &keys)?;
    let facts = CentreFacts { gateway: config.gateway.listen, key, verifier };
    let mut running = Vec::new();
    for (at, mut bank) in (0..).zip(prepared) {
        bank.script.clone_from(script);
        running.push(start(config, bank, at, &facts).await?);
    }
    println!("The banks are running. Ctrl-C stops them.");
    running.iter().for_each(|(sample, bank)| println!("  {:<12} http://{}", sample.bic, bank.addr()));
    signals.wait().await;
    println!("stopping");
    for (_, bank) in running {
        bank.shutdown().await;
    }
    Ok(())
}

/// The script in a file; an empty one without.
pub fn script(file: Option<&Path>) -> Result<Script> {
    let Some(path) = file else { return Ok(Script::default()) };
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("script {name}"))?;
    let script: Script = toml::from_str(&text).with_context(|| format!("script {name}"))?;
    script.check().with_context(|| format!("script {name}"))?;
    Ok(script)
}

/// Keys and registration of every sample bank.
pub fn prepare(config: &Config, keys: &SystemKeys) -> Result<Vec<Prepared>> {
    if !config.sample_banks.enabled {
        return Ok(Vec::new());
    }
    let only = &config.sample_banks.only;
    let here = |sample: &SampleBank| only.is_empty() || only.iter().any(|bic| bic == sample.bic);
    bank::sample_banks().into_iter().filter(here).map(|sample| prepare_one(config, keys, sample)).collect()
}

/// Keys and registration of one sample bank.
pub fn prepare_one(config: &Config, keys: &SystemKeys, sample: SampleBank) -> Result<Prepared> {
    let folder = config.data.join("banks").join(sample.bic);
    let own = keys.member(&folder, sample.bic)?;
    let member = Member {
        bic: Bic::parse(sample.bic).with_context(|| format!("{} is not a BIC", sample.bic))?,
        name: sample.name.en.clone(),
        key: own.signer.public_key(),
        provides_exchange: !sample.rates.is_empty(),
        currencies: sample.currencies.clone(),
    };
    Ok(Prepared { sample, member, script: Script::default(), keys: own, folder })
}

/// What the banks must know of the centre.
pub struct CentreFacts {
    pub gateway: SocketAddr,
    pub key: [u8; 32],
    pub verifier: VerifierKey,
}

/// Starts one bank on its port.
pub async fn start(config: &Config, prepared: Prepared, at: u16, centre: &CentreFacts) -> Result<(SampleBank, BankHandle)> {
    let Prepared { sample, member: _, script, keys, folder } = prepared;
    let port = match config.sample_banks.first_port {
        0 => 0,
        first => first.checked_add(at).context("sample_banks.first_port leaves no room for four ports")?,
    };
    let centre_key = centre.key;
    let name = config.gateway.names.first().context("gateway.names is empty")?;
    let link = LinkConfig {
        bic: sample.bic.to_owned(),
        connector: Arc::new(TlsConnector::new(centre.gateway, name, keys.tls)?),
        signer: keys.signer,
        centre_keys: Arc::new(move |key_id: &str| (key_id == "LUOHU#1").then_some(centre_key)),
        world: Machine::shared(),
    };
    let handle = Bank::start(BankConfig {
        registers_aliases: true,
        bic: sample.bic.to_owned(),
        name: sample.name.clone(),
        accent: sample.accent,
        data_dir: folder,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        link,
        centre_bic: config.gateway.centre_bic.clone(),
        clearing_system: "LUOHU".to_owned(),
        checkpoint_keys: vec![centre.verifier.clone()],
        customers: sample.customers.clone(),
        rates: sample.rates.clone(),
        currencies: currencies(config),
        fault: Fault::None,
        script,
    })
    .await
    .map_err(|error| anyhow!("{} on port {port}: {error}", sample.name.en))?;
    Ok((sample, handle))
}

/// Waits until the bank's inbox stream stands, so that it can be paid when its address is shown; goes on without it after a
/// while, as a bank that is offline is no reason not to run.
pub async fn connected(bank: &BankHandle) {
    let mut state = bank.link_state();
    let standing = state.wait_for(|state| *state == LinkState::Connected);
    if tokio::time::timeout(CONNECT_PATIENCE, standing).await.is_err() {
        tracing::warn!(bic = bank.bic(), "the bank has not connected yet");
    }
}

fn currencies(config: &Config) -> Vec<Currency> {
    let settled = |code: CurrencyCode| code != CurrencyCode::CNH;
    let all = config.scheme.currencies.iter().filter_map(|(code, decimals)| Currency::new(code.parse().ok()?, *decimals).ok());
    all.filter(|currency| settled(currency.code)).collect()
}
