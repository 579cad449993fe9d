//! `luohu bench --overload`: goodput at a multiple of what can be carried.
//!
//! The system and the creditor bank run in this process; the load has one of its own with lower priority, or, with `--pin`, a
//! processor of its own, because on one machine a load that offers five times the capacity would otherwise take the processor
//! from what it measures, and then the figure is the scheduler's. Afterwards what the debtor agent was answered and what its
//! inbox says, the creditor bank's books and the centre's are compared, to the payment and to the cent.

use super::bank::{Bank, Books};
use super::{CREDITOR_BANK, DEBTOR_BANK, LAST_ITEMS, agree, member, report, wait_for};
use crate::cli::BenchArgs;
use crate::config::Config;
use crate::run;
use anyhow::{Context, Result, ensure};
use gateway::AdmissionCounts;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Measures, prints, and says whether nothing was lost.
pub async fn run(config: &Config, args: &BenchArgs) -> Result<bool> {
    let asked = &args.overload;
    ensure!((2..=100).contains(&asked.times), "--times must be 2 to 100");
    ensure!((1..=240).contains(&asked.seconds) && (1..=60).contains(&asked.peak_seconds), "at most 4 min, the peak at most 1");
    ensure!((8..=1000).contains(&asked.connections), "--connections must be 8 to 1,000");
    ensure!((1..=64).contains(&asked.batch), "--batch must be 1 to 64");
    let (sync_p50_us, sync_p99_us) = report::fdatasync(&config.data)?;
    let keys = run::open_keys(config)?;
    let ((_, debtor), (creditor_keys, creditor)) = (member(config, &keys, DEBTOR_BANK)?, member(config, &keys, CREDITOR_BANK)?);
    let system = run::start(config, &keys, &[debtor, creditor]).await?;
    let creditor = Bank::start(CREDITOR_BANK, system.gateway.addr, creditor_keys, system.facts.key, true, true)?;

    let (command, books) = (load_command(config, args, system.gateway.addr)?, creditor.books.clone());
    let story = tokio::task::spawn_blocking(move || follow(command, &books)).await.context("the load's thread")??;
    let number = |key: &str| story.end[key].as_u64().unwrap_or(u64::MAX);
    let (accepted, settled, rejected) = (number("accepted"), number("settled"), number("rejected"));
    wait_for(LAST_ITEMS, || creditor.books.ended() >= settled).await;
    let lost = accepted.saturating_sub(settled + rejected);
    let agrees = number("in_doubt_left") == 0
        && lost == 0
        && system.centre.model.counts().0 == accepted
        && agree(&system, number("settled_minor"), creditor.books.settled_minor(), settled);
    let result = json!({
        "peak": story.peak, "flood": story.flood, "end": story.end, "accepted_and_lost": lost,
        "refusal_cpu_us": story.refusal_cpu_us(), "resident_mib": story.resident_mib(), "offered_times": asked.times,
        "door": door(&system.gateway.window.admission()), "answers_failed": creditor.books.answers_failed(),
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
    command.args(["-n", &asked.load_nice.to_string()]);
    if asked.pin {
        command.args(["taskset", "-c", "1"]);
    }
    command.arg(std::env::current_exe()?).arg("--data").arg(&config.data);
    command.arg("flood").args(["--gateway", &gateway.to_string()]);
    for (name, value) in [
        ("--in-flight", args.in_flight.to_string()),
        ("--connections", asked.connections.to_string()),
        ("--batch", asked.batch.to_string()),
        ("--times", asked.times.to_string()),
        ("--seconds", asked.seconds.to_string()),
        ("--peak-seconds", asked.peak_seconds.to_string()),
    ] {
        command.args([name, &value]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    Ok(command)
}

/// What the load said, with what this process did meanwhile.
#[derive(Default)]
struct Story {
    peak: Value,
    flood: Value,
    end: Value,
    /// MiB, every second of the flood.
    resident: Vec<f64>,
}

/// This process at one moment.
#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    cpu_seconds: f64,
    settled: u64,
}

impl Mark {
    fn now(books: &Books) -> Self {
        Self { at: Instant::now(), cpu_seconds: report::cpu_seconds(), settled: books.ended() }
    }

    /// Adds to what the load measured what happened here since.
    fn add_to(self, stretch: &mut Value, books: &Books) {
        let now = Self::now(books);
        let seconds = now.at.duration_since(self.at).as_secs_f64();
        stretch["settled_per_second"] = ((now.settled - self.settled) as f64 / seconds).into();
        stretch["cpu_seconds"] = (now.cpu_seconds - self.cpu_seconds).into();
    }
}

/// Runs the load to its end.
fn follow(mut command: Command, books: &Arc<Books>) -> Result<Story> {
    let mut child = command.spawn().context("starting the load")?;
    let stdout = child.stdout.take().context("piped")?;
    let (give, lines) = channel();
    let reader = std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(std::io::Result::ok).try_for_each(|line| give.send(line))
    });
    let (mut story, mut mark, mut flooding) = (Story::default(), Mark::now(books), false);
    loop {
        let line = match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                if flooding {
                    story.resident.push(rss_mib()?);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let mut said: Value = serde_json::from_str(&line).with_context(|| format!("the load said `{line}`"))?;
        match said["turn"].as_str() {
            Some("peak over") => {
                mark.add_to(&mut said["peak"], books);
                story.peak = said["peak"].take();
            }
            Some("flood over") => {
                mark.add_to(&mut said["flood"], books);
                story.flood = said["flood"].take();
                flooding = false;
            }
            Some("flood") => flooding = true,
            Some("end") => story.end = said,
            _ => {}
        }
        mark = Mark::now(books);
    }
    let _ = reader.join();
    ensure!(child.wait()?.success(), "the load failed");
    ensure!(!story.end.is_null(), "the load did not come to an end");
    Ok(story)
}

impl Story {
    /// What one refusal costs system and creditor bank, in microseconds of processor: what the flood took beyond what its
    /// accepted payments cost at the peak.
    fn refusal_cpu_us(&self) -> Value {
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let accepted_us = 1e6 * number(&self.peak["cpu_seconds"]) / number(&self.peak["accepted"]);
        let refused = number(&self.flood["payments_refused"]) + number(&self.flood["polls_refused"]);
        let refused_us = (1e6 * number(&self.flood["cpu_seconds"]) - accepted_us * number(&self.flood["accepted"])) / refused;
        json!({ "an_accepted_payment": accepted_us, "a_refusal": refused_us })
    }

    fn resident_mib(&self) -> Value {
        let at = |place: usize| self.resident.get(place).copied();
        let last = self.resident.len().saturating_sub(1);
        json!({ "begin": at(0), "middle": at(last / 2), "end": at(last) })
    }
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
    let (peak, flood) = (&result["peak"], &result["flood"]);
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
    println!("accepted                    {} of {} payments sent", flood["accepted"], flood["payments_sent"]);
    println!("until held, ms              peak  {}", quantiles(&peak["accepted_ms"]));
    println!("                            flood {}", quantiles(&flood["accepted_ms"]));
    println!("until the end, ms           peak  {}", quantiles(&peak["ended_ms"]));
    println!("                            flood {}", quantiles(&flood["ended_ms"]));
    println!("until refused, ms           {}", quantiles(&flood["refusal_ms"]));
    println!("load behind its clock, ms   {}", quantiles(&flood["late_ms"]));
    println!("refused                     {}", flood["refusals"]);
    println!("status polls refused        {} of {}", flood["polls_refused"], flood["polls_sent"]);
    println!("refused without Retry-After {}", flood["refused_without_retry_after"]);
    println!("no answer in time           {}, left in doubt at the end {}", flood["in_doubt"], result["end"]["in_doubt_left"]);
    println!("accepted and lost           {}; {} ended rejected", result["accepted_and_lost"], result["end"]["rejected"]);
    let cpu = &result["refusal_cpu_us"];
    println!(
        "processor, system and bank  {:.0} µs an accepted payment, {:.1} µs a refusal",
        number(&cpu["an_accepted_payment"]),
        number(&cpu["a_refusal"])
    );
    println!("at the door                 {}", result["door"]);
    println!("answers not taken           {}", result["answers_failed"]);
    let resident = &result["resident_mib"];
    println!(
        "resident memory, MiB        {:.0}, {:.0}, {:.0} (flood's begin, middle, end)",
        number(&resident["begin"]),
        number(&resident["middle"]),
        number(&resident["end"])
    );
    println!("fdatasync 4 KiB             p50 {} µs, p99 {} µs", result["fdatasync_p50_us"], result["fdatasync_p99_us"]);
    println!("banks and centre agree to the cent: {}", if result["agrees"] == true { "yes" } else { "NO" });
}

fn quantiles(ms: &Value) -> String {
    let names = [("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"), ("max", "max")];
    names.map(|(key, name)| format!("{name} {:.1}", ms[key].as_f64().unwrap_or(f64::NAN))).join(", ")
}
