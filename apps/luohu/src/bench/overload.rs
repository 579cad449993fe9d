//! `luohu bench --overload`: goodput at a multiple of what can be carried.
//!
//! The system and the creditor bank run in this process; the load has one of its own with lower priority, because on one
//! machine a load that offers five times the capacity would otherwise take the processor from what it measures, and then
//! the figure is the scheduler's. Afterwards the debtor agent's books (the load's), the creditor bank's and the centre's
//! are compared to the cent.

use super::bank::Bank;
use super::{CREDITOR_BANK, DEBTOR_BANK, agree, member, report, wait_for};
use crate::cli::BenchArgs;
use crate::config::Config;
use crate::run;
use anyhow::{Context, Result, ensure};
use gateway::AdmissionCounts;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

/// Measures, prints, and says whether nothing was lost.
pub async fn run(config: &Config, args: &BenchArgs) -> Result<bool> {
    let asked = &args.overload;
    ensure!((2..=100).contains(&asked.times), "--times must be 2 to 100");
    ensure!((1..=3600).contains(&asked.seconds) && (1..=600).contains(&asked.peak_seconds), "1 s to an hour, the peak to 10 min");
    ensure!((8..=1000).contains(&asked.connections), "--connections must be 8 to 1,000");
    let (sync_p50_us, sync_p99_us) = report::fdatasync(&config.data)?;
    let keys = run::open_keys(config)?;
    let ((_, debtor), (creditor_keys, creditor)) = (member(config, &keys, DEBTOR_BANK)?, member(config, &keys, CREDITOR_BANK)?);
    let system = run::start(config, &keys, &[debtor, creditor]).await?;
    let creditor = Bank::start(CREDITOR_BANK, system.gateway.addr, creditor_keys, system.facts.key, true, true)?;

    let command = load_command(config, args, system.gateway.addr)?;
    let flood = tokio::task::spawn_blocking(move || flood(command));
    let (load, [rss_before, rss_after]) = flood.await.context("the load's thread")??;
    let number = |key: &str| load[key].as_u64().unwrap_or(u64::MAX);
    let settled = number("settled");
    wait_for(|| creditor.books.ended() >= settled).await;
    let agrees = number("in_doubt_left") == 0 && agree(&system, number("settled_minor"), creditor.books.settled_minor(), settled);
    let result = json!({
        "load": load, "door": door(&system.gateway.window.admission()), "answers_failed": creditor.books.answers_failed(),
        "rss_mib_before_flood": rss_before, "rss_mib_after_flood": rss_after,
        "fdatasync_p50_us": sync_p50_us, "fdatasync_p99_us": sync_p99_us, "agrees": agrees,
    });
    creditor.stop();
    run::stop(system).await?;
    if args.json {
        println!("{result}");
    } else {
        print_table(&result);
    }
    Ok(agrees)
}

fn load_command(config: &Config, args: &BenchArgs, gateway: SocketAddr) -> Result<Command> {
    let asked = &args.overload;
    let mut command = Command::new("nice");
    command.args(["-n", &asked.load_nice.to_string()]).arg(std::env::current_exe()?);
    command.arg("--data").arg(&config.data).arg("flood").args(["--gateway", &gateway.to_string()]);
    for (name, value) in [
        ("--in-flight", args.in_flight.to_string()),
        ("--connections", asked.connections.to_string()),
        ("--times", asked.times.to_string()),
        ("--seconds", asked.seconds.to_string()),
        ("--peak-seconds", asked.peak_seconds.to_string()),
    ] {
        command.args([name, &value]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// Runs the load to its end: what it says, and this process's memory in MiB when the flood began and when it was over.
fn flood(mut command: Command) -> Result<(Value, [f64; 2])> {
    let mut child = command.spawn().context("starting the load")?;
    let mut lines = BufReader::new(child.stdout.take().context("piped")?).lines();
    let _peak = lines.next().context("the load measured no peak")??;
    let before = rss_mib()?;
    let said = lines.next().context("the load said nothing")??;
    let after = rss_mib()?;
    ensure!(child.wait()?.success(), "the load failed");
    Ok((serde_json::from_str(&said).context("the load's result")?, [before, after]))
}

fn door(counts: &AdmissionCounts) -> Value {
    let classes = counts
        .classes
        .iter()
        .map(|(class, admitted, refused)| ((*class).to_owned(), json!({ "admitted": admitted, "refused": refused })));
    json!({ "limit": counts.limit, "classes": classes.collect::<serde_json::Map<_, _>>() })
}

/// Resident memory of this process.
fn rss_mib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
    Ok(kib / 1024.0)
}

fn print_table(result: &Value) {
    let (peak, flood) = (&result["load"]["peak"], &result["load"]["flood"]);
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let (best, good) = (number(&peak["settled_per_second"]), number(&flood["settled_per_second"]));
    println!("peak, settled a second      {best:.0}");
    println!(
        "offered a second            {:.0} sent, {:.1} times the peak; {} arrivals not sent for want of a free connection",
        number(&flood["sent_per_second"]),
        number(&flood["sent_per_second"]) / best,
        flood["arrivals_missed"]
    );
    println!("goodput, settled a second   {good:.0} ({:.0} % of the peak)", 100.0 * good / best);
    println!("latency of accepted, ms     peak {}", quantiles(&peak["accepted_ms"]));
    println!("                            flood {}", quantiles(&flood["accepted_ms"]));
    println!("latency of refusals, ms     {}", quantiles(&flood["refusal_ms"]));
    println!("load behind its clock, ms   {}", quantiles(&flood["late_ms"]));
    println!("payments refused            {} of {}", flood["payments_refused"], flood["payments_sent"]);
    println!("status polls refused        {} of {}", flood["polls_refused"], flood["polls_sent"]);
    println!("refused without Retry-After {}", flood["refused_without_retry_after"]);
    println!("rejected, in doubt at first {}, {}", flood["rejected"], flood["in_doubt"]);
    println!("at the door                 {}", result["door"]);
    println!("answers not taken           {}", result["answers_failed"]);
    println!(
        "resident memory, MiB        {:.0} before the flood, {:.0} after",
        number(&result["rss_mib_before_flood"]),
        number(&result["rss_mib_after_flood"])
    );
    println!("fdatasync 4 KiB             p50 {} µs, p99 {} µs", result["fdatasync_p50_us"], result["fdatasync_p99_us"]);
    println!("banks and centre agree to the cent: {}", if result["agrees"] == true { "yes" } else { "NO" });
}

fn quantiles(ms: &Value) -> String {
    let names = [("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max")];
    names.map(|(key, name)| format!("{name} {:.1}", ms[key].as_f64().unwrap_or(f64::NAN))).join(", ")
}
