//! The command line knows how to ask for runs and how to tell what they found; it does not know what happens in them.

use clap::Parser;
use sim::Outcome;
use sim_consortium::{Plan, run};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The engine takes and gives back large pieces of memory, which the usual allocator hands to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs the whole product over the engine between operators in simulated time.
#[derive(Parser)]
#[command(name = "sim-consortium")]
struct Arguments {
    /// Run this seed alone.
    #[arg(long)]
    seed: Option<u64>,
    /// Print everything that happens.
    #[arg(long)]
    trace: bool,
    /// How many fresh seeds.
    #[arg(long, default_value_t = 15)]
    seeds: u64,
    /// The first of them; chosen by the clock when absent.
    #[arg(long)]
    from: Option<u64>,
    /// Begin no seed after so many minutes.
    #[arg(long, default_value_t = 8)]
    minutes: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let good = match arguments.seed {
        Some(seed) => one(seed, arguments.trace),
        None => many(&arguments),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether every law held.
fn one(seed: u64, traced: bool) -> bool {
    let plan = Plan::of(seed);
    let outcome = run(&plan, traced);
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}", summary(&plan, &outcome));
    outcome.broken.is_none()
}

fn many(arguments: &Arguments) -> bool {
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() * 1000;
    let from = arguments.from.unwrap_or_else(by_clock);
    println!("{} seeds from {from}", arguments.seeds);
    let until = Instant::now() + Duration::from_secs(arguments.minutes * 60);
    let (next, failed) = (AtomicU64::new(from), Mutex::new(Vec::new()));
    let done = AtomicU64::new(0);
    let work = || {
        while Instant::now() < until {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= from + arguments.seeds {
                return;
            }
            let plan = Plan::of(seed);
            let outcome = run(&plan, false);
            println!("{}", summary(&plan, &outcome));
            done.fetch_add(1, Ordering::Relaxed);
            if outcome.broken.is_some() {
                failed.lock().expect("no panic while held").push(seed);
            }
        }
    };
    let begun = Instant::now();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let (done, failed) = (done.into_inner(), failed.into_inner().unwrap_or_default());
    println!("{done} of {} seeds in {:.1} s, {} broke a law", arguments.seeds, begun.elapsed().as_secs_f64(), failed.len());
    for seed in &failed {
        println!("again: cargo xtask sim --engine consortium --seed {seed} --trace");
    }
    failed.is_empty() && done > 0
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
