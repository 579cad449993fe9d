//! `luohu bench`: the whole way, as two banks see it. Signed single-payment messages over mutual TLS, both banks answering.
//!
//! The system runs in this process on its own data folder, and so does the load: the figures are for gateway, centre,
//! journal, both banks' ends and TLS on the cores of one machine. Afterwards both banks and the centre are compared to the
//! cent.

mod bank;
mod flood;
mod overload;
mod report;

use crate::cli::{BenchArgs, SettingsArgs};
use crate::config::{Config, SchemeSection};
use crate::keys::{MemberKeys, SystemKeys};
use crate::run;
use anyhow::{Context, Result, ensure};
use bank::Bank;
use clearing::Bic;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use money::{Currency, CurrencyCode};
use node::genesis::Member;
use report::Report;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub use flood::flood;

const DEBTOR_BANK: &str = "BENAHKHHXXX";
const CREDITOR_BANK: &str = "BENBCNBSXXX";
const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
/// How long the last inbox items may take.
const LAST_ITEMS: Duration = Duration::from_secs(10);
/// However slow the machine: the run ends.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs the benchmark and prints its table or JSON.
pub fn bench(settings: &SettingsArgs, args: &BenchArgs) -> Result<ExitCode> {
    ensure!((1..=5_000_000).contains(&args.payments), "--payments must be 1 to 5,000,000");
    ensure!((1..=1024).contains(&args.in_flight), "--in-flight must be 1 to 1,024");
    let folder = match &settings.data {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("luohu-bench-{}", std::process::id())),
    };
    let mut config = Config::load(settings)?;
    config.data.clone_from(&folder);
    config.gateway.listen.set_port(0);
    config.sample_banks.enabled = false;
    config.scheme.rulebook = SchemeSection::NO_RULEBOOK.to_owned();
    if args.overload.pin {
        // Before there are threads: they inherit it.
        let pinned = std::process::Command::new("taskset").args(["-cp", "0", &std::process::id().to_string()]).output();
        ensure!(pinned.context("taskset")?.status.success(), "the first processor cannot be had alone");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(args.workers.max(1)).enable_all().build()?;
    let agrees = runtime.block_on(async {
        if args.overload.overload { overload::run(&config, args).await } else { run_all(&config, args).await }
    });
    if settings.data.is_none() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(if agrees? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Keys of a bank of the benchmark, made at first, and what the scheme is told of it.
fn member(config: &Config, keys: &SystemKeys, bic: &str) -> Result<(MemberKeys, Member)> {
    let own = keys.member(&config.data.join("bench").join(bic), bic)?;
    let registered = Member {
        bic: Bic::parse(bic).expect("the constant is a BIC"),
        name: format!("Bench {bic}"),
        key: own.signer.public_key(),
        provides_exchange: false,
        currencies: vec![HKD.code],
    };
    Ok((own, registered))
}

/// Measures, prints, and says whether banks and centre agree.
async fn run_all(config: &Config, args: &BenchArgs) -> Result<bool> {
    let (sync_p50_us, sync_p99_us) = report::fdatasync(&config.data)?;
    let keys = run::open_keys(config)?;
    let ((debtor_keys, debtor), (creditor_keys, creditor)) =
        (member(config, &keys, DEBTOR_BANK)?, member(config, &keys, CREDITOR_BANK)?);
    let system = run::start(config, &keys, &[debtor, creditor]).await?;
    let centre_key = system.facts.key;
    let debtor = Bank::start(DEBTOR_BANK, system.gateway.addr, debtor_keys, centre_key, args.debtor_inbox, false)?;
    let creditor = Bank::start(CREDITOR_BANK, system.gateway.addr, creditor_keys, centre_key, true, false)?;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let cpu = report::cpu_seconds();
    let begun = Instant::now();
    let latencies = load(&debtor, args, begun).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = report::cpu_seconds() - cpu;
    wait_for(LAST_ITEMS, || debtor.books.ended() >= args.payments && creditor.books.ended() >= args.payments).await;
    let agrees = agree(&system, debtor.books.settled_minor(), creditor.books.settled_minor(), args.payments);
    let blocks = system.centre.model.tip().height;
    debtor.stop();
    creditor.stop();
    run::stop(system).await?;
    let report = Report {
        payments: args.payments,
        in_flight: args.in_flight,
        rate: args.rate,
        seconds,
        cpu_seconds: cpu,
        blocks,
        latencies,
        sync_p50_us,
        sync_p99_us,
        agrees,
    };
    if args.json {
        report.print_json()
    } else {
        report.print_table()
    }
    Ok(agrees)
}

/// Keeps payments going until all are final at the debtor agent; how long each took, in microseconds.
async fn load(debtor: &Bank, args: &BenchArgs, begun: Instant) -> Result<Histogram<u64>> {
    let bar = if args.json { ProgressBar::hidden() } else { ProgressBar::new(args.payments) };
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} payments  {per_sec}  {eta} left").context("progress bar")?);
    let next = Arc::new(AtomicU64::new(0));
    let mut payers = tokio::task::JoinSet::new();
    for _ in 0..args.in_flight {
        let (next, bar, payer, args) = (next.clone(), bar.clone(), debtor.payer(CREDITOR_BANK), args.clone());
        payers.spawn(async move {
            let mut latencies = Histogram::<u64>::new(3).context("histogram")?;
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= args.payments {
                    return Ok::<_, anyhow::Error>(latencies);
                }
                if let Some(rate) = args.rate {
                    let due = begun + Duration::from_secs_f64(n as f64 / f64::from(rate));
                    tokio::time::sleep_until(due.into()).await;
                }
                ensure!(begun.elapsed() < LONGEST, "the run took longer than {} s", LONGEST.as_secs());
                let sent = Instant::now();
                payer.pay(n).await?;
                latencies.record(u64::try_from(sent.elapsed().as_micros())?)?;
                bar.inc(1);
            }
        });
    }
    let mut all = Histogram::new(3).context("histogram")?;
    while let Some(done) = payers.join_next().await {
        all.add(done.context("payer")??)?;
    }
    bar.finish_and_clear();
    Ok(all)
}

/// Waits until the last inbox items are there, at most so long.
async fn wait_for(patience: Duration, there: impl Fn() -> bool) {
    let until = Instant::now() + patience;
    while !there() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether both banks' books, in minor units, and the centre's agree.
fn agree(system: &run::System, paid: u64, received: u64, payments: u64) -> bool {
    let balance = |bic: &str| {
        let bic = Bic::parse(bic).expect("the constant is a BIC");
        let id = system.centre.model.participants().into_iter().find(|known| known.bic == bic).map(|known| known.id);
        let accounts = system.centre.model.accounts();
        accounts.into_iter().find(|account| account.participant == id).map_or(0, |account| account.posted)
    };
    let funded = i128::from(node::genesis::PREFUNDED_MINOR);
    let (_, settled, _) = system.centre.model.counts();
    paid == received
        && settled == payments
        && balance(DEBTOR_BANK) == funded - i128::from(paid)
        && balance(CREDITOR_BANK) == funded + i128::from(received)
}
