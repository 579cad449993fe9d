//! The index of history: where it lies, and what can be done with it while nothing runs.

use crate::centre;
use crate::cli::{HistoryCommand, SettingsArgs};
use crate::config::{Config, HistorySection};
use anyhow::{Context, Result, ensure};
use clearing::IndexSeed;
use history::{EmbeddedIndex, Index, IndexError, Mark, PostgresIndex, ReadModel, Tuning, root_of};
use ordering::{ArchiveKnown, Disk, JournalConfig, OpenError, RealDisk, Sink, Stepper, StopReason, SystemClock, read_blocks};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// The index's file in the data folder.
const FILE: &str = "history.redb";

/// An index that is open.
pub struct Past {
    index: Arc<dyn Index>,
    mark: Mark,
}

impl Past {
    /// The journal's settings, which need not read again what the index has.
    pub fn journal_config(&self, config: &Config) -> JournalConfig {
        let known = ArchiveKnown { forgotten: self.mark.forgotten, letters: self.mark.letters };
        JournalConfig { archive_known: known, ..centre::journal_config(config) }
    }

    /// What the read model is opened over.
    pub fn into_parts(self) -> (Arc<dyn Index>, Tuning) {
        (self.index, Tuning { progress: tell, ..Tuning::default() })
    }
}

/// Where the configuration wants it.
enum Kept {
    /// In a file of the data folder.
    File(PathBuf),
    /// In a PostgreSQL database.
    Database(String),
}

impl Kept {
    fn of(config: &Config) -> Self {
        match config.history.index.as_str() {
            HistorySection::EMBEDDED => Self::File(config.data.join(FILE)),
            url => Self::Database(url.to_owned()),
        }
    }

    /// Opens it to write, or begins it.
    fn open(&self) -> Result<Arc<dyn Index>, IndexError> {
        Ok(match self {
            Self::File(file) => Arc::new(EmbeddedIndex::open(file)?),
            Self::Database(url) => Arc::new(PostgresIndex::open(url)?),
        })
    }

    /// Opens what there is, to read.
    fn open_as_it_is(&self) -> Result<Arc<dyn Index>, IndexError> {
        Ok(match self {
            Self::File(file) => Arc::new(EmbeddedIndex::open_as_it_is(file)?),
            Self::Database(url) => Arc::new(PostgresIndex::open_as_it_is(url)?),
        })
    }

    /// How far it is, which nobody may be writing.
    fn mark(&self) -> Result<Mark, IndexError> {
        match self {
            Self::File(file) => EmbeddedIndex::peek(file),
            Self::Database(url) => PostgresIndex::open_as_it_is(url)?.mark(),
        }
    }
}

/// Opens the index that the configuration names, or begins it.
pub fn open(config: &Config) -> Result<Past> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("data folder {}", config.data.display()))?;
    let index = Kept::of(config).open().context("history")?;
    // One that does not say how far it is will be made again.
    let mark = match index.mark() {
        Err(IndexError::Damaged(_)) => Mark::default(),
        mark => mark.context("history")?,
    };
    Ok(Past { index, mark })
}

/// A start that indexes says so.
fn tell(done: u64, of: u64) {
    eprintln!("history: {done} of {of} payments indexed");
}

/// How far the index of a system that is not running is, in words.
pub fn how_far(config: &Config) -> String {
    match height(config) {
        Some(height) => format!("up to block {height}; the next start goes on from there"),
        None => "none that can be read; the next start makes it again".to_owned(),
    }
}

/// The block the index of a system that is not running goes up to.
pub fn height(config: &Config) -> Option<u64> {
    Kept::of(config).mark().ok().map(|mark| mark.height)
}

/// `luohu history`.
pub fn history(settings: &SettingsArgs, command: HistoryCommand) -> Result<ExitCode> {
    let config = Config::load(settings)?;
    let folder = config.data.join("centre");
    ensure!(folder.is_dir(), "no journal in {}", folder.display());
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(&folder).with_context(|| folder.display().to_string())?);
    match command {
        HistoryCommand::Rebuild => rebuild(&config, disk),
        HistoryCommand::Check => check(&config, &*disk),
    }
}

fn rebuild(config: &Config, disk: Arc<dyn Disk>) -> Result<ExitCode> {
    let (index, tuning) = open(config)?.into_parts();
    index.clear().context("history")?;
    let mut spent = None;
    let opened = Stepper::open(disk, centre::journal_config(config), SystemClock, IndexSeed(0), |recovered| {
        let begun = Instant::now();
        let model = ReadModel::open(Arc::clone(&index), &recovered, Tuning { inline: true, ..tuning });
        let model = model.map_err(|error| OpenError::Readers(error.to_string()))?;
        spent = Some((model.counts().0, begun.elapsed().as_secs_f64()));
        Ok(Nobody)
    });
    drop(opened.context("journal")?);
    let (payments, seconds) = spent.context("the journal shows its state when it is opened")?;
    let rate = payments as f64 / seconds.max(1e-9);
    let mib = index.bytes().context("history")? >> 20;
    println!("{payments} payments indexed in {seconds:.2} s, {rate:.0} a second; {mib} MiB");
    Ok(ExitCode::SUCCESS)
}

struct Nobody;

impl Sink for Nobody {
    fn durable(&mut self, _: ordering::DurableBlock) {}
    fn stopped(&mut self, _: StopReason) {}
}

fn check(config: &Config, disk: &dyn Disk) -> Result<ExitCode> {
    let begun = Instant::now();
    let index = Kept::of(config).open_as_it_is().context("history")?;
    let mark = index.mark().context("history")?;
    let found = match index.check() {
        Err(IndexError::Damaged(why)) => Some(why),
        found => found.context("history")?,
    };
    let found = match found {
        None => compare(&*index, mark, disk)?,
        found => found,
    };
    println!("indexed      up to block {}: {} payments, {} final", mark.height, mark.payments, mark.leaves);
    println!("index        {}", found.as_deref().unwrap_or("fits the chain"));
    println!("checked in {:.2} s", begun.elapsed().as_secs_f64());
    Ok(if found.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the chain says of the tree at the index's block.
fn compare(index: &dyn Index, mark: Mark, disk: &dyn Disk) -> Result<Option<String>> {
    let mut told = None;
    read_blocks(disk, mark.height, |header, _| {
        told = Some(header);
        false
    })?;
    Ok(match told.filter(|header| header.height == mark.height) {
        None if mark.height == 0 => None,
        None => Some(format!("block {} is not in the journal", mark.height)),
        // Between two blocks of a rebuild that was broken off there is no root to compare with.
        Some(header) if header.tree_size != mark.leaves => Some("a rebuild was broken off; the next start goes on".to_owned()),
        Some(header) => {
            (root_of(index).ok() != Some(header.tree_root)).then(|| "the tree of final payments is another".to_owned())
        }
    })
}
