//! Sim's command line knows how to ask for runs and how to tell what they found; it does not know what happens in them.

use anyhow::{Context, Result, bail};
use clap::Parser;
#[cfg(feature = "planted")]
use planted::{Bug, plant};
use sim::{Outcome, Plan, run, shrink};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Runs the whole product in simulated time: banks, gateway, centre, journal, disks, network and clocks.
#[derive(Parser)]
#[command(name = "sim")]
struct Arguments {
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Run a plan from a file, as a failing seed leaves one.
    #[arg(long, conflicts_with = "seed")]
    plan: Option<PathBuf>,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// How many fresh seeds.
    #[arg(long, default_value_t = 300)]
    seeds: u64,
    /// The first of them; chosen by the clock when absent.
    #[arg(long)]
    from: Option<u64>,
    /// Stop after so many minutes.
    #[arg(long, default_value_t = 8)]
    minutes: u64,
    /// A file of seeds that are run first, one a line; what follows `#` says why.
    #[arg(long)]
    fixed: Option<PathBuf>,
    /// A folder of plans that are run before everything else, each a file that ends in `.plan`.
    #[arg(long)]
    plans: Option<PathBuf>,
    /// Plant every known mistake, one after the other, and find each within `--seeds` seeds.
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted: bool,
    /// Where the shortest stories of failing seeds are put.
    #[arg(long, default_value = "target/sim")]
    stories: PathBuf,
}

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every law held.
fn start(arguments: &Arguments) -> Result<bool> {
    #[cfg(feature = "planted")]
    if arguments.planted {
        return Ok(find_planted(arguments));
    }
    match (&arguments.plan, arguments.seed) {
        (Some(path), _) => one(arguments, &read_plan(path)?, false),
        (None, Some(seed)) => one(arguments, &Plan::of(seed), true),
        (None, None) => Ok(recorded_plans(arguments)? & many(arguments)?),
    }
}

/// Whether each mistake was found; prints a table of which law found it and in how many seeds.
#[cfg(feature = "planted")]
fn find_planted(arguments: &Arguments) -> bool {
    println!("| Mistake | Found by | Seeds run |\n|---|---|---|");
    let mut all = true;
    for bug in Bug::ALL {
        plant(Some(bug));
        let from = arguments.from.unwrap_or(1);
        let mut outcomes = (from..from + arguments.seeds).map(|seed| run(&Plan::of(seed), false));
        let found = outcomes.find_map(|outcome| outcome.broken.map(|broken| (broken.law, outcome.seed + 1 - from)));
        match &found {
            Some((law, seeds)) => println!("| `{bug:?}` | {law} | {seeds} |"),
            None => println!("| `{bug:?}` | nothing | {} |", arguments.seeds),
        }
        all &= found.is_some();
    }
    plant(None);
    all
}

fn read_plan(path: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// Whether every law holds in every plan of the folder. Seeds tell another story once plans are drawn otherwise; plans do not.
fn recorded_plans(arguments: &Arguments) -> Result<bool> {
    let Some(folder) = &arguments.plans else { return Ok(true) };
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "plan"));
    paths.sort();
    if paths.is_empty() {
        bail!("no plan in {}", folder.display());
    }
    let mut hold = true;
    for path in &paths {
        println!("{}", path.display());
        hold &= one(arguments, &read_plan(path)?, false)?;
    }
    Ok(hold)
}

fn one(arguments: &Arguments, plan: &Plan, shorten: bool) -> Result<bool> {
    let outcome = run(plan, arguments.trace);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}", summary(plan, &outcome));
    if outcome.broken.is_some() && shorten {
        tell_story(&arguments.stories, plan, &outcome)?;
    }
    Ok(outcome.broken.is_none())
}

fn many(arguments: &Arguments) -> Result<bool> {
    let fixed = arguments.fixed.as_deref().map(read_seeds).transpose()?.unwrap_or_default();
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() * 1000;
    let from = arguments.from.unwrap_or_else(by_clock);
    let seeds: Vec<u64> = fixed.iter().copied().chain(from..from + arguments.seeds).collect();
    println!("{} fixed seeds, then {} from {from}", fixed.len(), arguments.seeds);
    let until = Instant::now() + Duration::from_secs(arguments.minutes * 60);
    let campaign = Campaign { seeds, next: AtomicU64::new(0), failed: Mutex::default(), stop: AtomicBool::new(false), until };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = Instant::now();
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(|| campaign.work()))));
    let done = campaign.next.load(Ordering::Relaxed).min(campaign.seeds.len() as u64);
    let failed = campaign.failed.into_inner().unwrap_or_default();
    println!("{done} of {} seeds in {:.1} s, {} broke a law", campaign.seeds.len(), begun.elapsed().as_secs_f64(), failed.len());
    for seed in &failed {
        let plan = Plan::of(*seed);
        tell_story(&arguments.stories, &plan, &run(&plan, false))?;
    }
    if done < fixed.len() as u64 {
        bail!("the time was not enough for the fixed seeds");
    }
    Ok(failed.is_empty())
}

/// Seeds shared by all threads; each run has one thread to itself.
struct Campaign {
    seeds: Vec<u64>,
    next: AtomicU64,
    failed: Mutex<Vec<u64>>,
    stop: AtomicBool,
    until: Instant,
}

/// After so many failing seeds the rest is not run.
const FAILURES_MAX: usize = 5;

impl Campaign {
    fn work(&self) {
        while Instant::now() < self.until && !self.stop.load(Ordering::Relaxed) {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&seed) = self.seeds.get(at as usize) else { return };
            let plan = Plan::of(seed);
            let outcome = run(&plan, false);
            println!("{}", summary(&plan, &outcome));
            if outcome.broken.is_some() {
                let mut failed = self.failed.lock().expect("no panic while held");
                failed.push(seed);
                self.stop.store(failed.len() >= FAILURES_MAX, Ordering::Relaxed);
            }
        }
    }
}

fn read_seeds(path: &Path) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let seeds = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
    seeds.map(|line| line.parse().with_context(|| format!("`{line}` in {} is no seed", path.display()))).collect()
}

fn summary(plan: &Plan, outcome: &Outcome) -> String {
    let counts: Vec<String> = outcome.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let verdict = outcome.broken.as_ref().map_or("all laws hold".to_owned(), |broken| format!("BROKEN {broken}"));
    format!(
        "seed {} trace {:016x}: {} steps, {:.1} s simulated, {}; {verdict}",
        outcome.seed,
        outcome.hash,
        plan.steps.len(),
        outcome.simulated_ms as f64 / 1000.0,
        counts.join(", ")
    )
}

/// Cuts a failing plan down, puts it into a file and says how to play it again.
fn tell_story(folder: &Path, plan: &Plan, outcome: &Outcome) -> Result<()> {
    let (shortest, outcome) = shrink(plan, outcome);
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{}.json", plan.seed));
    std::fs::write(&path, serde_json::to_string_pretty(&shortest)?)?;
    println!("\nseed {}: the shortest story has {} of {} steps", plan.seed, shortest.steps.len(), plan.steps.len());
    for step in &shortest.steps {
        println!("  {:>8} ms  {:?}", step.at_ms, step.what);
    }
    if let Some(broken) = &outcome.broken {
        println!("  then {broken}");
    }
    println!("again:      cargo xtask sim --plan {} --trace", path.display());
    println!("whole seed: cargo xtask sim --seed {} --trace", plan.seed);
    Ok(())
}
