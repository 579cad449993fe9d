//! The steps of `cargo xtask ci`, in order, and what is said about them at the end.

use crate::process::{Run, is_installed};
use crate::tally::Tally;
use crate::{docs, fuzz, iso, packages, readme, simulate, tidy, workspace};
use anyhow::{Context, Result, bail};
use std::time::{Duration, Instant};

/// What a step found out.
type StepOutcome = (Tally, Result<()>);

/// One named check.
pub struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> StepOutcome,
}

/// Everything that is checked, cheapest first. A step that fails does not keep later ones from running, so that one run
/// tells all there is to tell.
pub fn steps() -> Vec<Step> {
    let step = |name, about, run| Step { name, about, run };
    vec![
        step("packages", "programs that later steps need are installed", || plain(packages::install_missing())),
        step("fmt", "the code is formatted", || plain(cargo("fmt --all --check"))),
        step("tidy", "the house rules hold", || plain(tidy::run())),
        step("clippy", "no lint fires, every public item is documented", || plain(clippy())),
        step("test", "unit, property, table and golden tests", || tests(&[])),
        step("doctest", "examples in the documentation", || counted(Run::cargo().args(words("test --quiet --workspace --doc")))),
        step("docs", "generated documents are the committed ones, links lead somewhere", || plain(docs::run(false))),
        step("release", "the release build", || plain(cargo("build --release --package luohu"))),
        step("sim", "every law holds in simulated time: recorded plans and seeds, then three hundred fresh ones", || {
            plain(simulate::recorded_then_fresh())
        }),
        step("planted", "mistakes planted in the product are found", || plain(simulate::planted())),
        step("fuzz", "what must hold for any bytes holds for a minute of them", || {
            plain(fuzz::bounded(fuzz::CI_SECONDS, 1, None))
        }),
        step("iso", "verdicts agree with the official schemas and with xmllint", iso::agreement),
        step("e2e", "payments and bad days over real processes", || end_to_end(PROCESSES)),
        step(
            "campaign",
            "kills, freezes, cut lines, full disks, rotten files, overload and a short soak, one after the other",
            campaign,
        ),
        step("consortium", "four operators agree, over real processes", consortium),
        step("operators", "every law holds between operators in simulated time, with one that crashes or lies", || {
            plain(simulate::between_operators())
        }),
        step("browser", "the pages in a real browser", || end_to_end(&["browser"])),
        step("readme", "the commands of the README do what it says", || plain(readme::run())),
    ]
}

/// End-to-end tests that need no browser.
const PROCESSES: &[&str] = &[
    "messages", "terminal", "payments", "hostile", "baddays", "storage", "crashes", "certify", "history", "aliases", "persons",
    "preauths",
];

/// End-to-end tests that want the machine to themselves.
const CAMPAIGN: &[&str] = &["campaign", "overload", "soak"];

/// End-to-end test of the engine between operators.
const CONSORTIUM: &str = "consortium";

/// How `cargo xtask ci` is to run.
#[derive(clap::Args)]
pub struct CiArguments {
    /// Run these steps alone, in the list's order; may be given more than once.
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// List the steps and stop.
    #[arg(long)]
    list: bool,
    /// Stop at the first step that fails.
    #[arg(long)]
    fail_fast: bool,
}

/// How long `cargo xtask campaign` is to go on.
#[derive(clap::Args)]
pub struct CampaignArguments {
    /// Kills of the node that other faults come with; the disk fills up once for each thirty.
    #[arg(long, default_value_t = 500)]
    kills: u64,
    /// It ends earlier after so many minutes, at the end of a round of ten kills.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Longest time between two kills, in milliseconds.
    #[arg(long, default_value_t = 4000, value_name = "MS")]
    life_ms: u64,
    /// Repeats a campaign's choices.
    #[arg(long)]
    seed: Option<u64>,
}

/// How long `cargo xtask soak` is to go on.
#[derive(clap::Args)]
pub struct SoakArguments {
    /// How long customers pay.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Payments a second. The sample banks on two cores end at some 250.
    #[arg(long, default_value_t = 120)]
    rate: u64,
    /// About so long between two kills, of the centre and of a bank in turn.
    #[arg(long, default_value_t = 60)]
    kill_seconds: u64,
}

/// Runs the steps and prints a summary; its last line counts the tests.
///
/// # Errors
/// A step failed, or a name in `--only` is no step.
pub fn run(arguments: &CiArguments) -> Result<()> {
    let steps = steps();
    if arguments.list {
        steps.iter().for_each(|step| println!("{:<10} {}", step.name, step.about));
        return Ok(());
    }
    if let Some(unknown) = arguments.only.iter().find(|name| steps.iter().all(|step| step.name != *name)) {
        bail!("there is no step `{unknown}`; `cargo xtask ci --list` names them");
    }
    let wanted = |step: &&Step| arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name);
    let mut reports = Vec::new();
    for step in steps.iter().filter(wanted) {
        let report = walk(step);
        let failed = report.outcome.is_err();
        reports.push(report);
        if failed && arguments.fail_fast {
            break;
        }
    }
    summarise(&reports)
}

struct Report {
    name: &'static str,
    took: Duration,
    tally: Tally,
    outcome: Result<()>,
}

fn walk(step: &Step) -> Report {
    println!("\n──── {}: {}", step.name, step.about);
    let started = Instant::now();
    let (tally, outcome) = (step.run)();
    let outcome = match outcome {
        Ok(()) if tally.failed > 0 => Err(anyhow::anyhow!("{} tests failed", tally.failed)),
        Ok(()) if tally.skipped > 0 => Err(anyhow::anyhow!("{} tests did not run; a skipped test is a failure", tally.skipped)),
        other => other,
    };
    let took = started.elapsed();
    match &outcome {
        Ok(()) => println!("──── {} passed in {:.1} s", step.name, took.as_secs_f64()),
        Err(error) => println!("──── {} FAILED in {:.1} s: {error:#}", step.name, took.as_secs_f64()),
    }
    Report { name: step.name, took, tally, outcome }
}

fn summarise(reports: &[Report]) -> Result<()> {
    let mut total = Tally::default();
    let mut took = Duration::ZERO;
    println!("\n{:<10} {:>9} {:>7}  outcome", "step", "seconds", "tests");
    for report in reports {
        let outcome = match &report.outcome {
            Ok(()) => "passed".to_owned(),
            Err(error) => format!("FAILED: {error:#}"),
        };
        println!(
            "{:<10} {:>9.1} {:>7}  {outcome}",
            report.name,
            report.took.as_secs_f64(),
            report.tally.passed + report.tally.failed
        );
        total.join(report.tally);
        took += report.took;
    }
    let failed: Vec<_> = reports.iter().filter(|report| report.outcome.is_err()).map(|report| report.name).collect();
    println!("{:<10} {:>9.1}\n", "total", took.as_secs_f64());
    println!("{} passed, {} failed", total.passed, total.failed);
    if failed.is_empty() { Ok(()) } else { bail!("failed: {}", failed.join(", ")) }
}

/// A step whose own verdict is its only test.
fn plain(outcome: Result<()>) -> StepOutcome {
    let tally = Tally { passed: u64::from(outcome.is_ok()), failed: u64::from(outcome.is_err()), skipped: 0 };
    (tally, outcome)
}

/// A step that is a test runner.
fn counted(run: Run) -> StepOutcome {
    match run.show_any() {
        Ok((tally, outcome)) => (tally, outcome),
        Err(error) => (Tally { passed: 0, failed: 1, skipped: 0 }, Err(error)),
    }
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn cargo(line: &str) -> Result<()> {
    Run::cargo().args(words(line)).show().map(drop)
}

fn clippy() -> Result<()> {
    cargo("clippy --workspace --all-targets --quiet -- -D warnings")
}

/// The runner that is there: nextest where it is installed, else cargo's own.
fn runner() -> Run {
    if is_installed("cargo-nextest") {
        Run::cargo().args(words("nextest run --no-fail-fast --hide-progress-bar --status-level fail --final-status-level slow"))
    } else {
        Run::cargo().args(words("test --no-fail-fast"))
    }
}

/// Tests of all crates but the end-to-end ones, which need a release build and have steps of their own.
fn tests(further: &[String]) -> StepOutcome {
    let mut run = with_shared(runner());
    if further.is_empty() {
        run = run.args(words("--workspace --exclude e2e"));
    }
    counted(run.args(further))
}

/// One at a time.
fn campaign() -> StepOutcome {
    end_to_end_at_once(CAMPAIGN, "1")
}

/// `cargo xtask campaign`: the same test, for longer, its story line by line.
pub fn long_campaign(arguments: &CampaignArguments) -> Result<()> {
    cargo("build --release --package luohu")?;
    let run = Run::cargo().args(words("test --package e2e --test campaign -- --nocapture --test-threads 1"));
    let run = run.env("LUOHU_BIN", workspace::release_binary()).env("LUOHU_KILLS", arguments.kills.to_string());
    let run = run.env("LUOHU_MINUTES", arguments.minutes.to_string()).env("LUOHU_LIFE_MS", arguments.life_ms.to_string());
    match arguments.seed {
        Some(seed) => run.env("LUOHU_SEED", seed.to_string()),
        None => run,
    }
    .show()
    .map(drop)
}

/// `cargo xtask soak`: the same test, for longer, its table line by line.
pub fn long_soak(arguments: &SoakArguments) -> Result<()> {
    cargo("build --release --package luohu")?;
    let run = Run::cargo().args(words("test --package e2e --test soak -- --nocapture"));
    let run = run.env("LUOHU_BIN", workspace::release_binary()).env("LUOHU_SOAK_RATE", arguments.rate.to_string());
    let run = run.env("LUOHU_SOAK_SECONDS", (arguments.minutes * 60).to_string());
    run.env("LUOHU_SOAK_KILL_SECONDS", arguments.kill_seconds.to_string()).show().map(drop)
}

/// Tests of the release build, from outside: each name is a file in `tests/e2e/tests`.
fn end_to_end(files: &[&str]) -> StepOutcome {
    // Two at once: they wait for deadlines more than they work.
    end_to_end_at_once(files, "2")
}

fn end_to_end_at_once(files: &[&str], threads: &str) -> StepOutcome {
    let mut run = with_shared(runner()).args(["--package", "e2e"]).env("LUOHU_BIN", workspace::release_binary());
    for file in files {
        run = run.args(["--test", file]);
    }
    let (nextest, plain) = (["--test-threads", threads], ["--", "--test-threads", threads]);
    counted(if is_installed("cargo-nextest") { run.args(nextest) } else { run.args(plain) })
}

/// A build of its own, unoptimised but for its libraries: the engine between operators is not in the usual one.
fn consortium() -> StepOutcome {
    if let Err(error) = cargo("build --package luohu --features consortium") {
        return plain(Err(error));
    }
    let run = runner().args(["--package", "e2e", "--test", CONSORTIUM]);
    // One after the other: each starts several nodes.
    let (nextest, plain) = (["--test-threads", "1"], ["--", "--test-threads", "1"]);
    let run = if is_installed("cargo-nextest") { run.args(nextest) } else { run.args(plain) };
    counted(run.env("LUOHU_CONSORTIUM_BIN", workspace::debug_binary()))
}

fn with_shared(run: Run) -> Run {
    match workspace::shared() {
        Some(shared) => run.env("LUOHU_SHARED", shared),
        None => run,
    }
}

/// `cargo xtask test`.
pub fn test(further: &[String]) -> Result<()> {
    let (tally, outcome) = tests(further);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    outcome
}

/// `cargo xtask bless`: golden tests write what they would compare.
pub fn bless(further: &[String]) -> Result<()> {
    let everything = ["--workspace".to_owned(), "--exclude".to_owned(), "e2e".to_owned()];
    let further = if further.is_empty() { &everything[..] } else { further };
    let run = with_shared(runner()).args(further).env("LUOHU_BLESS", "1");
    let (_, outcome) = run.show_any()?;
    outcome.context("recording anew")?;
    Run::new("git").args(["status", "--short"]).show()?;
    println!("look at every line that moved; the commit says why it did");
    Ok(())
}

/// `cargo xtask bench`.
pub fn bench(further: &[String]) -> Result<()> {
    cargo("build --release --package luohu")?;
    let binary = workspace::release_binary();
    Run::new(&binary.to_string_lossy()).args(["bench"]).args(further).show().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_names_are_unique() {
        let mut names: Vec<_> = steps().iter().map(|step| step.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_end_to_end_test_is_in_a_step() {
        let named: Vec<_> = PROCESSES
            .iter()
            .chain(CAMPAIGN)
            .chain(&["browser", CONSORTIUM])
            .map(|name| format!("tests/e2e/tests/{name}.rs"))
            .collect();
        for file in workspace::files("tests/e2e/tests", ".rs").unwrap() {
            assert!(named.contains(&file), "{file} is run by no step");
        }
    }

    #[test]
    fn skipped_and_failed_tests_fail_a_step() {
        let skipping = Step { name: "skips", about: "", run: || (Tally { passed: 3, failed: 0, skipped: 1 }, Ok(())) };
        let failing = Step { name: "fails", about: "", run: || (Tally { passed: 3, failed: 1, skipped: 0 }, Ok(())) };
        let passing = Step { name: "passes", about: "", run: || (Tally { passed: 3, failed: 0, skipped: 0 }, Ok(())) };
        assert!(walk(&skipping).outcome.is_err());
        assert!(walk(&failing).outcome.is_err());
        assert!(walk(&passing).outcome.is_ok());
        assert!(summarise(&[walk(&passing), walk(&failing)]).is_err());
    }
}
