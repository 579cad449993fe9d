//! A campaign: many stories, shared by all processors, and what is said of them at the end.
//!
//! Whoever asks for so many seeds learns nothing from fewer: a campaign that time cuts short has failed, and names what it left
//! out, unless it was told that as many as there is time for will do.

use crate::reached::Marks;
use crate::run::Outcome;
use crate::shrink::{RUNS_MAX, shrink};
use crate::stage::Broken;
use crate::story::Story;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// After so many failing seeds the rest is not run.
const FAILURES_MAX: usize = 5;

/// What is to be run.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// Run first.
    pub fixed: Vec<u64>,
    /// The first fresh seed.
    pub from: u64,
    /// How many of them.
    pub seeds: u64,
    /// No seed is begun after so long.
    pub time: Duration,
    /// Whether running out of time is no failure.
    pub partial: bool,
}

/// A law that a story broke.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Which story: a seed, or a plan's file.
    pub story: String,
    /// What broke.
    pub broken: Broken,
}

/// Seeds shared by all threads; each run has one thread to itself.
struct Work {
    seeds: Vec<u64>,
    next: AtomicUsize,
    failed: Mutex<Vec<(u64, Broken)>>,
    /// So many of them are fixed, and reached this.
    fixed: usize,
    reached: Mutex<Marks>,
    stop: AtomicBool,
    until: Instant,
}

impl Campaign {
    /// Runs it and returns what broke a law, and what the fixed seeds reached; the shortest stories are put into `stories`.
    ///
    /// # Errors
    /// If the time was not enough, or a story cannot be written.
    pub fn run<S: Story>(&self, stories: &Path) -> Result<(Vec<Finding>, Marks)> {
        let fresh = self.from..self.from + self.seeds;
        let seeds: Vec<u64> = self.fixed.iter().copied().chain(fresh).collect();
        println!("{} fixed seeds, then {} from {}", self.fixed.len(), self.seeds, self.from);
        let begun = Instant::now();
        let work = Work {
            seeds,
            next: AtomicUsize::new(0),
            failed: Mutex::default(),
            fixed: self.fixed.len(),
            reached: Mutex::default(),
            stop: AtomicBool::new(false),
            until: begun + self.time,
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(|| work.take_seeds::<S>()))));
        let Work { seeds, next, failed, reached, .. } = work;
        let done = next.into_inner().min(seeds.len());
        let failed = failed.into_inner().unwrap_or_default();
        println!("{done} of {} seeds in {:.1} s, {} broke a law", seeds.len(), begun.elapsed().as_secs_f64(), failed.len());
        for (seed, _) in &failed {
            let story = S::of(*seed);
            tell_story(stories, &story, &story.play(false))?;
        }
        // What is left undone behind a seed that broke a law was left out on purpose.
        if failed.is_empty() && !self.partial {
            complete(&seeds, done, self.time)?;
        }
        let findings = failed.into_iter().map(|(seed, broken)| Finding { story: format!("seed {seed}"), broken }).collect();
        Ok((findings, reached.into_inner().unwrap_or_default()))
    }
}

/// The last lines of a run: what broke which law. They are short and come last, so that a log that was cut off still has them,
/// and `cargo xtask` takes them into its own last line.
pub fn close(findings: &[Finding]) {
    for finding in findings {
        println!("BROKEN {}: {}", finding.story, finding.broken);
    }
}

/// An error if some seeds were not run: which.
fn complete(seeds: &[u64], done: usize, time: Duration) -> Result<()> {
    let (Some(first), Some(last)) = (seeds.get(done), seeds.last()) else { return Ok(()) };
    bail!(
        "{done} of {} seeds were run: not begun within {} minutes were seeds {first} to {last}; give them more time with --minutes",
        seeds.len(),
        time.as_secs() / 60
    )
}

impl Work {
    fn take_seeds<S: Story>(&self) {
        while !self.stop.load(Ordering::Relaxed) && Instant::now() < self.until {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(&seed) = self.seeds.get(at) else { return };
            let story = S::of(seed);
            let outcome = story.play(false);
            println!("{}", summary(&story, &outcome));
            if at < self.fixed {
                self.reached.lock().expect("no panic while held").extend(&outcome.reached);
            }
            if let Some(broken) = outcome.broken {
                let mut failed = self.failed.lock().expect("no panic while held");
                failed.push((seed, broken));
                self.stop.store(failed.len() >= FAILURES_MAX, Ordering::Relaxed);
            }
        }
    }
}

/// One line about a run.
pub fn summary<S: Story>(story: &S, outcome: &Outcome) -> String {
    let counts: Vec<String> = outcome.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
    let verdict = outcome.broken.as_ref().map_or("all laws hold".to_owned(), |broken| format!("BROKEN {broken}"));
    let note = story.note();
    let note = if note.is_empty() { note } else { format!(" ({note})") };
    format!(
        "seed {}{note} trace {:016x}: {} steps, {:.1} s simulated, {}; {verdict}",
        outcome.seed,
        outcome.hash,
        story.steps().len(),
        outcome.simulated_ms as f64 / 1000.0,
        counts.join(", ")
    )
}

/// Cuts a failing story down, puts it into a file and says how to play it again.
///
/// # Errors
/// If the file cannot be written.
pub fn tell_story<S: Story>(folder: &Path, story: &S, outcome: &Outcome) -> Result<()> {
    let (shortest, outcome) = shrink(story, outcome, RUNS_MAX);
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join(format!("{}.plan", story.seed()));
    std::fs::write(&path, serde_json::to_string_pretty(&shortest)?).with_context(|| path.display().to_string())?;
    println!("\nseed {}: the shortest story has {} of {} steps", story.seed(), shortest.steps().len(), story.steps().len());
    for step in shortest.steps() {
        println!("  {:>8} ms  {:?}", step.at_ms, step.what);
    }
    if let Some(broken) = &outcome.broken {
        println!("  then {broken}");
    }
    println!("again:      {} --plan {} --trace", S::COMMAND, path.display());
    println!("whole seed: {} --seed {} --trace", S::COMMAND, story.seed());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_cut_short_says_what_it_left_out() {
        let seeds = [1, 2, 7, 100, 101, 102];
        let minute = Duration::from_secs(60);
        let left = complete(&seeds, 4, minute).unwrap_err().to_string();
        assert!(left.contains("4 of 6") && left.contains("101 to 102") && left.contains("1 minutes"), "{left}");
        let fixed = complete(&seeds, 1, minute).unwrap_err().to_string();
        assert!(fixed.contains("2 to 102"), "{fixed}");
        assert!(complete(&seeds, 6, minute).is_ok());
    }
}
