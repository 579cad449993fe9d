//! Sim's command line knows how to ask for runs; it does not know what happens in them.

use clap::Parser;
use sim::{Plan, run};

/// Runs the whole product in simulated time.
#[derive(Parser)]
struct Arguments {
    /// First seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Print the trace.
    #[arg(long)]
    trace: bool,
}

fn main() {
    let arguments = Arguments::parse();
    for seed in arguments.seed..arguments.seed + arguments.seeds {
        let outcome = run(&Plan::of(seed), arguments.trace);
        outcome.lines.iter().for_each(|line| println!("{line}"));
        println!("{seed} {:016x} {} ms {:?} {:?}", outcome.hash, outcome.simulated_ms, outcome.counts, outcome.broken);
    }
}
