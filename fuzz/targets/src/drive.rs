//! Runs targets without an instrumented build: replays what is committed, then mutates it from a seed for a while.
//!
//! Input number `n` under a seed is a function of the two and of the corpus, so a finding can be made again anywhere. What is
//! found is made smaller and written to `fuzz/findings`; from there it moves to the corpus with its fix.

use crate::mutate::{Random, mutant};
use crate::{TARGETS, Target};
use anyhow::{Context, Result, bail};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// An input that takes longer is a finding. A thousand times what the slowest takes, so that a busy machine is none.
pub const SLOW: Duration = Duration::from_secs(10);
/// Most attempts at making a finding smaller.
const SHRINKS_MAX: usize = 4000;
/// Findings of one target after which it is left alone.
const FINDINGS_MAX: usize = 5;

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Run {
    /// Time for all targets together.
    pub time: Duration,
    /// Where mutations begin.
    pub seed: u64,
    /// One target alone.
    pub only: Option<String>,
}

/// What became of a target.
#[derive(Debug, Default)]
struct Report {
    corpus: usize,
    executions: u64,
    accepted: u64,
    slowest: Duration,
    findings: Vec<String>,
}

/// The folder with everything that is kept: `corpus` and `findings`.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The committed inputs of a target by name, in order.
///
/// # Errors
/// A file cannot be read.
pub fn corpus(target: &Target) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = folder().join("corpus").join(target.name);
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, std::fs::read(&path)?));
    }
    inputs.sort();
    Ok(inputs)
}

/// Writes the inputs that the product's writers make.
///
/// # Errors
/// A file cannot be written.
pub fn write_seeds() -> Result<()> {
    for target in TARGETS {
        let folder = folder().join("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (name, input) in (target.seeds)() {
            std::fs::write(folder.join(name), input)?;
        }
    }
    Ok(())
}

/// Runs the targets and prints a line for each.
///
/// # Errors
/// Something that must hold did not, or the corpus cannot be read.
pub fn run(run: &Run) -> Result<()> {
    let wanted: Vec<&Target> =
        TARGETS.iter().filter(|target| run.only.as_deref().is_none_or(|only| only == target.name)).collect();
    if wanted.is_empty() {
        bail!("there is no such target");
    }
    std::panic::set_hook(Box::new(|_| {}));
    println!(
        "seed {}; {:<18} {:>6} {:>12} {:>12} {:>11} {:>8}",
        run.seed, "target", "corpus", "executions", "accepted", "slowest ms", "findings"
    );
    let (mut failed, mut total) = (0, 0);
    for target in &wanted {
        let report = fuzz(target, run.seed, run.time / wanted.len() as u32)?;
        let Report { corpus, executions, accepted, slowest, findings } = &report;
        let slowest = slowest.as_secs_f64() * 1e3;
        println!("        {:<18} {corpus:>6} {executions:>12} {accepted:>12} {slowest:>11.1} {:>8}", target.name, findings.len());
        findings.iter().for_each(|finding| println!("  {finding}"));
        failed += findings.len();
        total += executions;
    }
    println!("{total} executions, {failed} findings");
    if failed == 0 { Ok(()) } else { bail!("{failed} findings; their inputs are in fuzz/findings") }
}

/// Runs one input and says what became of it; for looking at a finding.
///
/// # Errors
/// Something that must hold does not.
pub fn run_one(target: &Target, input: &[u8]) -> Result<bool> {
    attempt(target, input).map_err(anyhow::Error::msg)
}

fn fuzz(target: &Target, seed: u64, time: Duration) -> Result<Report> {
    let named = corpus(target)?;
    let inputs: Vec<Vec<u8>> = named.iter().map(|(_, input)| input.clone()).collect();
    let mut report = Report { corpus: inputs.len(), ..Report::default() };
    for (name, input) in &named {
        report.take(target, input, name)?;
    }
    let started = Instant::now();
    let mut number = 0;
    while started.elapsed() < time && report.findings.len() < FINDINGS_MAX {
        let input = mutant(&inputs, target.words, &mut Random::of(seed, number));
        report.take(target, &input, &format!("seed {seed} number {number}"))?;
        number += 1;
    }
    Ok(report)
}

impl Report {
    fn take(&mut self, target: &Target, input: &[u8], origin: &str) -> Result<()> {
        let started = Instant::now();
        let outcome = attempt(target, input);
        let took = started.elapsed();
        self.executions += 1;
        self.slowest = self.slowest.max(took);
        match outcome {
            Ok(accepted) if took < SLOW => self.accepted += u64::from(accepted),
            Ok(_) => self.keep(target, input, origin, &format!("took {took:?}"))?,
            Err(why) => {
                let (smaller, why) = shrink(target, input.to_vec(), why);
                self.keep(target, &smaller, origin, &why)?;
            }
        }
        Ok(())
    }

    fn keep(&mut self, target: &Target, input: &[u8], origin: &str, why: &str) -> Result<()> {
        let folder = folder().join("findings").join(target.name);
        std::fs::create_dir_all(&folder)?;
        let name = &chain::sha256(input).to_string()[..12];
        std::fs::write(folder.join(name), input)?;
        let why: String = why.chars().take(2000).collect();
        self.findings.push(format!("{}/{name} ({} bytes, {origin}): {why}", target.name, input.len()));
        Ok(())
    }
}

thread_local! {
    /// What the last panic said, and where.
    static LAST_PANIC: RefCell<String> = RefCell::default();
}

/// Whether the input was accepted, or what it broke.
fn attempt(target: &Target, input: &[u8]) -> Result<bool, String> {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(|panic| LAST_PANIC.with_borrow_mut(|last| *last = panic.to_string())));
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    std::panic::set_hook(before);
    outcome.map_err(|_| LAST_PANIC.take())
}

/// Leaves out whatever can be left out while the input still breaks something.
fn shrink(target: &Target, mut input: Vec<u8>, mut why: String) -> (Vec<u8>, String) {
    let mut attempts = 0;
    let mut size = input.len().next_power_of_two() / 2;
    while size > 0 {
        let mut at = 0;
        while at < input.len() && attempts < SHRINKS_MAX {
            let mut smaller = input.clone();
            smaller.drain(at..(at + size).min(input.len()));
            attempts += 1;
            match attempt(target, &smaller) {
                Err(still) => (input, why) = (smaller, still),
                Ok(_) => at += size,
            }
        }
        size /= 2;
    }
    (input, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what has no `!`, and does not take `?`.
    fn shouting(input: &[u8]) -> bool {
        assert!(!input.contains(&b'!'), "no shouting");
        !input.contains(&b'?')
    }

    const SHOUTING: Target = Target { name: "shouting", about: "", run: shouting, seeds: Vec::new, words: &[] };

    #[test]
    fn a_broken_assertion_is_found_and_made_small() {
        assert_eq!(attempt(&SHOUTING, b"quiet"), Ok(true));
        assert_eq!(attempt(&SHOUTING, b"quiet?"), Ok(false));
        let why = attempt(&SHOUTING, b"not quiet! at all").unwrap_err();
        assert!(why.contains("no shouting"), "{why}");
        assert_eq!(shrink(&SHOUTING, b"not quiet! at all".to_vec(), why).0, b"!");
    }
}
