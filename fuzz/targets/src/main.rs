//! Fuzzing's command line knows how targets are run; it does not know what they assert.

use anyhow::{Context, Result};
use clap::Parser;
use fuzzing::{TARGETS, drive, target};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Replays the committed inputs of every target and mutates them from a seed.
#[derive(Parser)]
#[command(name = "fuzzing")]
struct Arguments {
    /// Time for all targets together, besides the corpus.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Where mutations begin: the same seed makes the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// This target alone.
    #[arg(long)]
    target: Option<String>,
    /// Run this one file, and nothing else.
    #[arg(long, requires = "target")]
    input: Option<PathBuf>,
    /// List the targets and stop.
    #[arg(long)]
    list: bool,
    /// Write the inputs that the product's writers make, and stop.
    #[arg(long)]
    write_seeds: bool,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    if arguments.list {
        TARGETS.iter().for_each(|target| println!("{:<18} {}", target.name, target.about));
        return Ok(());
    }
    if arguments.write_seeds {
        return drive::write_seeds();
    }
    if let Some(path) = &arguments.input {
        let target = arguments.target.as_deref().and_then(target).context("there is no such target")?;
        let accepted = drive::run_one(target, &std::fs::read(path)?)?;
        println!("holds; {}", if accepted { "accepted" } else { "refused" });
        return Ok(());
    }
    drive::run(&drive::Run { time: Duration::from_secs(arguments.seconds), seed: arguments.seed, only: arguments.target })
}
