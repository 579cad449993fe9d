//! A simulator's command line: which stories, how many, for how long.

use crate::campaign::{Campaign, Finding, close, summary, tell_story};
use crate::reached::{self, Marks};
use crate::run::Outcome;
use crate::story::Story;
use anyhow::{Context, Result, bail};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a person may say.
#[derive(Parser)]
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
    /// Print what the parts of the product log, to standard error, as it happens.
    #[arg(long)]
    log: bool,
    /// How many fresh seeds.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them; chosen by the clock when absent.
    #[arg(long)]
    from: Option<u64>,
    /// Begin no seed after so many minutes. Seeds that were asked for and not run are a failure.
    #[arg(long, default_value_t = 8)]
    minutes: u64,
    /// As many seeds as there is time for will do.
    #[arg(long)]
    partial: bool,
    /// A file of seeds that are run first, one a line; what follows `#` says why.
    #[arg(long)]
    fixed: Option<PathBuf>,
    /// A folder of plans that are run before everything else, each a file that ends in `.plan`.
    #[arg(long)]
    plans: Option<PathBuf>,
    /// A file of what recorded plans and seeds do not reach, each with its reason: they must reach everything else.
    #[arg(long)]
    reach: Option<PathBuf>,
    /// Plant every known mistake, one after the other, and find each within `--seeds` seeds.
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted: bool,
    /// Plant these alone, by name; may be given more than once.
    #[cfg(feature = "planted")]
    #[arg(long)]
    bug: Vec<String>,
    /// Where the shortest stories of failing seeds are put.
    #[arg(long, default_value = "target/sim")]
    stories: PathBuf,
}

/// What `main` does.
pub fn main<S: Story>() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.log {
        tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .without_time()
            .with_writer(std::io::stderr)
            .init();
    }
    match start::<S>(&arguments) {
        Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
        Ok(findings) => {
            close(&findings);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What broke a law.
fn start<S: Story>(arguments: &Arguments) -> Result<Vec<Finding>> {
    #[cfg(feature = "planted")]
    if arguments.planted {
        return find_planted::<S>(arguments).map(|()| Vec::new());
    }
    let finding = match (&arguments.plan, arguments.seed) {
        (Some(path), _) => one(arguments, &path.display().to_string(), &read_plan::<S>(path)?, false)?,
        (None, Some(seed)) => one(arguments, &format!("seed {seed}"), &S::of(seed), true)?,
        (None, None) => {
            let mut reached = Marks::new();
            let mut findings = recorded_plans::<S>(arguments, &mut reached)?;
            let (broken, by_seeds) = many::<S>(arguments)?;
            findings.extend(broken);
            reached.extend(&by_seeds);
            if let Some(listed) = arguments.reach.as_deref().filter(|_| findings.is_empty()) {
                reached::judge(&reached, listed)?;
            }
            return Ok(findings);
        }
    };
    Ok(finding.into_iter().collect())
}

/// Finds each mistake; prints a table of which law found it and in how many seeds.
#[cfg(feature = "planted")]
fn find_planted<S: Story>(arguments: &Arguments) -> Result<()> {
    println!("| Mistake | Found by | Seeds run |\n|---|---|---|");
    let mut missed = Vec::new();
    let (from, seeds) = (arguments.from.unwrap_or(1), arguments.seeds.unwrap_or(S::SEEDS));
    let wanted = |bug: &planted::Bug| arguments.bug.is_empty() || arguments.bug.contains(&format!("{bug:?}"));
    for bug in planted::Bug::ALL.into_iter().filter(wanted) {
        planted::plant(Some(bug));
        let mut outcomes = (from..from + seeds).map(|seed| S::of(seed).play(false));
        let found = outcomes.find_map(|outcome| outcome.broken.map(|broken| (broken.law, outcome.seed + 1 - from)));
        match &found {
            Some((law, seeds)) => println!("| `{bug:?}` | {law} | {seeds} |"),
            None => println!("| `{bug:?}` | nothing | {seeds} |"),
        }
        if found.is_none() {
            missed.push(format!("{bug:?}"));
        }
    }
    planted::plant(None);
    if missed.is_empty() { Ok(()) } else { bail!("not found within {seeds} seeds: {}", missed.join(", ")) }
}

fn read_plan<S: Story>(path: &Path) -> Result<S> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// What broke a law in a plan of the folder. Seeds tell another story once plans are drawn otherwise; plans do not.
fn recorded_plans<S: Story>(arguments: &Arguments, reached: &mut Marks) -> Result<Vec<Finding>> {
    let Some(folder) = &arguments.plans else { return Ok(Vec::new()) };
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "plan"));
    paths.sort();
    if paths.is_empty() {
        bail!("no plan in {}", folder.display());
    }
    let mut findings = Vec::new();
    for path in &paths {
        println!("{}", path.display());
        let plan = read_plan::<S>(path)?;
        let outcome = plan.play(arguments.trace);
        reached.extend(&outcome.reached);
        findings.extend(tell(arguments, &path.display().to_string(), &plan, outcome, false)?);
    }
    Ok(findings)
}

fn one<S: Story>(arguments: &Arguments, name: &str, story: &S, shorten: bool) -> Result<Option<Finding>> {
    tell(arguments, name, story, story.play(arguments.trace), shorten)
}

fn tell<S: Story>(arguments: &Arguments, name: &str, story: &S, outcome: Outcome, shorten: bool) -> Result<Option<Finding>> {
    outcome.lines.iter().for_each(|line| println!("{line}"));
    println!("{}", summary(story, &outcome));
    if outcome.broken.is_some() && shorten {
        tell_story(&arguments.stories, story, &outcome)?;
    }
    Ok(outcome.broken.map(|broken| Finding { story: name.to_owned(), broken }))
}

fn many<S: Story>(arguments: &Arguments) -> Result<(Vec<Finding>, Marks)> {
    let by_clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() * 1000;
    let campaign = Campaign {
        fixed: arguments.fixed.as_deref().map(read_seeds).transpose()?.unwrap_or_default(),
        from: arguments.from.unwrap_or_else(by_clock),
        seeds: arguments.seeds.unwrap_or(S::SEEDS),
        time: Duration::from_secs(arguments.minutes * 60),
        partial: arguments.partial,
    };
    campaign.run::<S>(&arguments.stories)
}

fn read_seeds(path: &Path) -> Result<Vec<u64>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let seeds = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()).filter(|line| !line.is_empty());
    seeds.map(|line| line.parse().with_context(|| format!("`{line}` in {} is no seed", path.display()))).collect()
}
