//! Fuzzing: a bounded, seeded run anywhere, and a long, coverage-guided one where cargo-fuzz is installed.

use crate::process::{Run, is_installed};
use crate::workspace;
use anyhow::{Result, bail};

/// How long the step of continuous integration mutates, for all targets together.
pub const CI_SECONDS: u64 = 40;

/// How `cargo xtask fuzz` is to run.
#[derive(clap::Args)]
pub struct FuzzArguments {
    /// Time for all targets together.
    #[arg(long, default_value_t = CI_SECONDS)]
    seconds: u64,
    /// Where mutations begin: the same seed makes the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// This target alone.
    #[arg(long, value_name = "TARGET", conflicts_with = "long")]
    only: Option<String>,
    /// Run this target guided by coverage, with libFuzzer; needs cargo-fuzz.
    #[arg(long, value_name = "TARGET")]
    long: Option<String>,
    /// How long that is.
    #[arg(long, default_value_t = 60, requires = "long")]
    minutes: u64,
}

/// `cargo xtask fuzz`.
///
/// # Errors
/// Something that must hold did not, or what is needed is not installed.
pub fn run(arguments: &FuzzArguments) -> Result<()> {
    match &arguments.long {
        Some(target) => long(target, arguments.minutes),
        None => bounded(arguments.seconds, arguments.seed, arguments.only.as_deref()),
    }
}

/// Replays the corpus and mutates it from a seed.
///
/// # Errors
/// Something that must hold did not.
pub fn bounded(seconds: u64, seed: u64, only: Option<&str>) -> Result<()> {
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    let run = Run::cargo().args(["run", "--release", "--quiet", "--package", "fuzzing", "--"]);
    let run = run.args(["--seconds", &seconds, "--seed", &seed]);
    match only {
        Some(target) => run.args(["--target", target]),
        None => run,
    }
    .show()
    .map(drop)
}

/// libFuzzer adds what it learns to a folder under `target`; the committed corpus is only read.
fn long(target: &str, minutes: u64) -> Result<()> {
    if !is_installed("cargo-fuzz") {
        bail!("cargo-fuzz is absent: `cargo install cargo-fuzz --locked`");
    }
    let folder = |path: String| -> Result<String> {
        let folder = workspace::root().join(path);
        std::fs::create_dir_all(&folder)?;
        Ok(folder.to_string_lossy().into_owned())
    };
    let learned = folder(format!("target/fuzz/{target}"))?;
    let committed = folder(format!("fuzz/corpus/{target}"))?;
    let findings = folder(format!("fuzz/findings/{target}"))?;
    let time = format!("-max_total_time={}", minutes * 60);
    let artifacts = format!("-artifact_prefix={findings}/");
    // All our crates are safe Rust: what a sanitizer of memory would find cannot be there, and without it the stable compiler will do.
    Run::cargo()
        .args(["fuzz", "run", "--fuzz-dir", "fuzz/libfuzzer", "--sanitizer", "none", target, &learned, &committed, "--"])
        .args([&time, &artifacts, "-max_len=65536", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
        .show()
        .map(drop)
}
