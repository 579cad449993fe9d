//! Xtask knows how this repository is checked, generated and measured; it does not know what the product does.
//!
//! One door: `cargo xtask ci` is what continuous integration runs, and a fresh clone needs nothing more.
//!
//! # Start reading at
//! [`ci::steps`], the list of everything that is checked.

mod ci;
mod docs;
mod fuzz;
mod gen_iso;
mod iso;
mod packages;
mod process;
mod readme;
mod simulate;
mod tally;
mod tidy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Checks, generators and measurements of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Everything that must hold before a change lands: the same steps here and in continuous integration.
    Ci(ci::CiArguments),
    /// Unit, property, table and golden tests of all crates; further words go to the test runner.
    Test {
        /// Passed on, such as `-p ledger` or a test's name.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        further: Vec<String>,
    },
    /// The house rules that no compiler knows: arrows between crates, purity of the core, sizes, headers, licences.
    Tidy,
    /// Checks links and indexes of the documents; with `--write`, writes the generated ones anew.
    Docs {
        /// Write generated documents anew instead of comparing them.
        #[arg(long)]
        write: bool,
    },
    /// Records all golden files and generated documents anew and shows what moved. The commit says why.
    Bless {
        /// Passed on, such as `-p chain`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        further: Vec<String>,
    },
    /// Turns the official ISO 20022 schemas and code sets into the Rust of `crates/shell/iso20022/src/generated`.
    GenIso {
        /// Folder of the schemas; the code sets stand beside it.
        #[arg(long)]
        xsd: std::path::PathBuf,
    },
    /// The whole product in simulated time: fresh seeds, or with `--seed S --trace` one of them; further words go to the simulator.
    /// With `--engine consortium` first: over four operators instead of one journal.
    Sim {
        /// Passed on, such as `--seeds 300 --minutes 8`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        further: Vec<String>,
    },
    /// Hands the product any bytes: the committed corpus and mutations of it, or a long run guided by coverage.
    Fuzz(fuzz::FuzzArguments),
    /// Kills, freezes, cut lines, full disks and rotten files for an hour: the step `campaign` of `cargo xtask ci`, longer.
    Campaign(ci::CampaignArguments),
    /// Centre and sample banks in processes of their own, customers who pay by the clock, memory watched, a kill now and then.
    Soak(ci::SoakArguments),
    /// Builds for release and measures; further words go to `luohu bench`.
    Bench {
        /// Passed on, such as `--json`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        further: Vec<String>,
    },
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Test { further } => ci::test(&further),
        Task::Tidy => tidy::run(),
        Task::Docs { write } => docs::run(write),
        Task::Bless { further } => ci::bless(&further),
        Task::GenIso { xsd } => gen_iso::run(&xsd, &workspace::root().join(gen_iso::OUT)),
        Task::Sim { further } => simulate::sim(&further),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Campaign(arguments) => ci::long_campaign(&arguments),
        Task::Soak(arguments) => ci::long_soak(&arguments),
        Task::Bench { further } => ci::bench(&further),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
