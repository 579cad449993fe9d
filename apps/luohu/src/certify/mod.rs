//! `luohu certify`: plays the centre and another bank against a participant's software, and says what it did well.
//!
//! The bank under test connects to the kit as it would to a real centre: same addresses, same signatures. Its customers are
//! reached through its test door, which `docs/howto/certify.md` describes and the sample banks have.
//!
//! # Limits
//! One bank at a time, money invented, answers within [`ANSWER_S`] seconds so that silence does not take long.

mod counterparty;
mod door;
mod log;
mod messages;
mod officers;
mod plays;
mod report;
mod scenario;
mod stream;
mod wire;

use crate::banks::{self, CentreFacts};
use crate::cli::{CertifyArgs, SettingsArgs};
use crate::config::{Config, SchemeSection};
use crate::keys::{MemberKeys, SystemKeys};
use crate::run::{self, System};
use anyhow::{Context, Result, bail, ensure};
use bank::{BankHandle, SampleBank};
use banklink::{StandingRate, TlsConnector};
use clearing::{Bic, Command, ParticipantStatus, ParticipantView};
use counterparty::Counterparty;
use door::Door;
use money::{Amount, Currency, CurrencyCode, Rate};
use node::genesis::Member;
use officers::Officers;
use ordering::Submission;
use report::{Report, Row};
use scenario::Scenario;
use signing::Signer;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::Wire;

/// Deadline for an answer to a payment, in seconds.
const ANSWER_S: u64 = 3;
/// How long the kit's exchange rate stands, in seconds.
const RATE_S: u32 = 3600;
/// How long the bank under test may take to come back to its inbox before a scenario.
const COMING_BACK: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

/// What the scenarios play with.
pub struct Kit {
    door: Door,
    other: Counterparty,
    wire: Wire,
    system: System,
    /// Signs what the centre tells.
    centre: Arc<dyn Signer>,
    officers: Officers,
    /// BIC of the bank under test.
    bank: String,
    /// Name of its customer.
    customer: String,
    /// What the customer pays in.
    currency: Currency,
    /// What the customer pays into by exchange.
    other_currency: Currency,
}

/// Plays the scenarios and prints the report; the exit status is [`Report::exit_code`].
pub fn certify(settings: &SettingsArgs, args: &CertifyArgs) -> Result<ExitCode> {
    let scenarios = chosen(&args.only)?;
    let mut config = Config::load(settings)?;
    let scratch = std::env::temp_dir().join(format!("luohu-certify-{}", std::process::id()));
    let keeps = settings.data.is_some() || !args.sample;
    if !keeps {
        config.data.clone_from(&scratch);
        config.gateway.listen.set_port(0);
    }
    let (centre, own) = (config.data.join("centre"), config.data.join("certify"));
    let is_foreign = centre.exists() && !own.exists();
    ensure!(!is_foreign, "{} is a centre's folder; give the kit one of its own with --data", config.data.display());
    // The kit tries what a bank does with payments, at any hour: no corridor is closed to it.
    config.scheme.rulebook = SchemeSection::NO_RULEBOOK.to_owned();
    config.scheme.answer_high_s = ANSWER_S;
    config.scheme.answer_normal_s = ANSWER_S;
    run::start_log(&config.log.level);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("runtime")?;
    let report = runtime.block_on(play(&config, args, &scenarios));
    if !keeps {
        std::fs::remove_dir_all(&scratch).with_context(|| format!("removing {}", scratch.display()))?;
    }
    let report = report?;
    println!("{}", if args.json { report.to_json() } else { report.to_text() });
    Ok(report.exit_code())
}

fn chosen(only: &[String]) -> Result<Vec<Scenario>> {
    let find = |text: &String| Scenario::find(text);
    match only.iter().find(|id| find(id).is_none()) {
        Some(unknown) => {
            let all: Vec<&str> = Scenario::ALL.iter().map(|scenario| scenario.id()).collect();
            bail!("no scenario {unknown}; there are {}", all.join(", "))
        }
        None if only.is_empty() => Ok(Scenario::ALL.to_vec()),
        None => Ok(only.iter().filter_map(find).collect()),
    }
}

async fn play(config: &Config, args: &CertifyArgs, scenarios: &[Scenario]) -> Result<Report> {
    let keys = run::open_keys(config)?;
    let (kit_keys, kit_member) = kit_member(config, &keys)?;
    let (bank_keys, bank_member) = bank_member(config, &keys, &args.bic)?;
    let listen = config.gateway.listen;
    let officers = Officers::open(&config.data.join("certify"))?;
    let mut inside = config.clone();
    inside.scheme.officers = officers.rows();
    inside.gateway.listen = SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    let system = run::start(&inside, &keys, &[bank_member, kit_member]).await?;
    let name = config.gateway.names.first().context("gateway.names is empty")?;
    let gateway = system.gateway.addr;
    let wire = Wire::start(listen, keys.server_tls.clone(), TlsConnector::new(gateway, name, bank_keys.tls)?).await?;
    let other = Counterparty::start(gateway, name, kit_keys, system.facts.key)?;
    other.publish(&rate()?).await?;
    let sample = if args.sample { Some(start_sample(config, args, &keys, &system, &wire).await?) } else { None };
    let address = match &sample {
        Some((_, handle)) => handle.addr(),
        None => address(args.bank.as_deref())?,
    };
    wait_for_bank(config, args, &system, &wire).await?;
    let door = Door::open(address, &args.sign_in, &args.password, HKD).await?;
    let (bank, customer) = (args.bic.clone(), args.name.clone());
    let centre = keys.signer.clone();
    let kit = Kit { door, other, wire, system, centre, officers, bank, customer, currency: HKD, other_currency: CNY };
    let mut rows = Vec::with_capacity(scenarios.len());
    for scenario in scenarios {
        rows.push(Row::new(*scenario, scenario.play(&kit).await));
    }
    let report = Report::new(&kit.bank, rows);
    if let Some((_, handle)) = sample {
        handle.shutdown().await;
    }
    kit.stop().await?;
    Ok(report)
}

/// The kit's bank: it also gives Chinese money for Hong Kong money.
fn kit_member(config: &Config, keys: &SystemKeys) -> Result<(MemberKeys, Member)> {
    let own = keys.member(&config.data.join("certify").join(counterparty::BIC), counterparty::BIC)?;
    let member = member(config, counterparty::BIC, "Certification Kit Bank", &own, true)?;
    Ok((own, member))
}

/// The bank under test, with keys where the sample banks have theirs.
fn bank_member(config: &Config, keys: &SystemKeys, bic: &str) -> Result<(MemberKeys, Member)> {
    let own = keys.member(&config.data.join("banks").join(bic), bic)?;
    let sample = bank::sample_banks().into_iter().find(|sample| sample.bic == bic);
    let provides = sample.as_ref().is_some_and(|sample| !sample.rates.is_empty());
    let name = sample.map_or_else(|| bic.to_owned(), |sample| sample.name.en);
    let member = member(config, bic, &name, &own, provides)?;
    Ok((own, member))
}

fn member(config: &Config, bic: &str, name: &str, keys: &MemberKeys, provides_exchange: bool) -> Result<Member> {
    Ok(Member {
        bic: Bic::parse(bic).with_context(|| format!("{bic} is not a BIC"))?,
        name: name.to_owned(),
        key: keys.signer.public_key(),
        provides_exchange,
        currencies: crate::centre::currencies(&config.scheme).into_iter().map(|currency| currency.code).collect(),
    })
}

/// Chinese money for Hong Kong money at 0.92.
fn rate() -> Result<StandingRate> {
    Ok(StandingRate {
        debit_currency: HKD.code,
        credit_currency: CNY.code,
        rate: Rate::new(92, 2).context("the kit's rate")?,
        spread_ppm: 1_000,
        credit_max: Amount::from_minor(10_000_000, CNY),
        valid_for_s: RATE_S,
    })
}

/// `http://127.0.0.1:8081` or the same without the scheme.
fn address(bank: Option<&str>) -> Result<SocketAddr> {
    let text = bank.context("name the bank's test door, such as http://127.0.0.1:8081, or use --sample")?;
    let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
    bare.parse().with_context(|| format!("{text} is not an address such as http://127.0.0.1:8081"))
}

async fn start_sample(
    config: &Config,
    args: &CertifyArgs,
    keys: &SystemKeys,
    system: &System,
    wire: &Wire,
) -> Result<(SampleBank, BankHandle)> {
    let sample = bank::sample_banks().into_iter().find(|sample| sample.bic == args.bic);
    let sample = sample.with_context(|| format!("no sample bank {}", args.bic))?;
    let mut prepared = banks::prepare_one(config, keys, sample)?;
    prepared.script = banks::script(args.script.as_deref())?;
    let facts = CentreFacts { gateway: wire.addr, key: system.facts.key, verifier: system.facts.verifier.clone() };
    let mut quiet = config.clone();
    quiet.sample_banks.first_port = 0;
    banks::start(&quiet, prepared, 0, &facts).await
}

/// Until the bank under test reads its inbox.
async fn wait_for_bank(config: &Config, args: &CertifyArgs, system: &System, wire: &Wire) -> Result<()> {
    if !args.sample {
        let folder = config.data.join("banks").join(&args.bic);
        eprintln!("waiting for {} at https://{} (its keys: {})", args.bic, wire.addr, folder.display());
    }
    let bic = Bic::parse(&args.bic).context("--bic")?;
    let found = system.centre.model.participants().into_iter().find(|participant| participant.bic == bic);
    let id = found.context("the bank is not registered")?.id;
    let patience = Duration::from_secs(args.patience_s);
    let came = until(patience, || system.gateway.window.is_online(id)).await;
    came.with_context(|| format!("{} did not open its inbox within {} s", args.bic, args.patience_s))
}

async fn until(patience: Duration, holds: impl Fn() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !holds() {
        ensure!(begun.elapsed() < patience, "not within {} s", patience.as_secs());
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

impl Kit {
    async fn until(&self, patience: Duration, holds: impl Fn() -> bool) -> Result<()> {
        until(patience, holds).await
    }

    /// Until the bank under test reads its inbox, whatever the last scenario did to it.
    async fn is_back(&self) -> Result<()> {
        let id = self.participant(&self.bank)?.id;
        let back = until(COMING_BACK, || self.system.gateway.window.is_online(id)).await;
        back.context("the bank did not come back to its inbox")
    }

    fn participant(&self, bic: &str) -> Result<ParticipantView> {
        let bic = Bic::parse(bic).with_context(|| bic.to_owned())?;
        let found = self.system.centre.model.participants().into_iter().find(|participant| participant.bic == bic);
        found.with_context(|| format!("{bic} is not registered"))
    }

    /// Suspends a bank, or lets it work again.
    async fn set_status(&self, bic: &str, status: ParticipantStatus) -> Result<()> {
        let participant = self.participant(bic)?.id;
        let command = Command::SetStatus { participant, status };
        self.system.centre.journal.submit(Submission { ticket: 0, command, attachment: None }).context("setting a status")?;
        let is_set = || self.participant(bic).is_ok_and(|found| found.status == status);
        until(Duration::from_secs(5), is_set).await.context("setting a status")
    }

    /// Has the operators tell every participant something.
    async fn broadcast(&self) -> Result<()> {
        self.officers.broadcast(&self.system.gateway.window).await
    }

    async fn stop(self) -> Result<()> {
        self.other.stop();
        self.wire.stop();
        run::stop(self.system).await
    }
}
