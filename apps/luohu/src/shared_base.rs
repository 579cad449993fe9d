//! `luohu consortium base`: where a single node's chain ends, so that several operators can go on from there.

use crate::cli::SettingsArgs;
use crate::config::Config;
use crate::shared::BaseSection;
use anyhow::{Context, Result, ensure};
use ordering::{RealDisk, fsck, read_blocks};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

/// What is printed: a part of a chain file.
#[derive(Serialize)]
struct Printed {
    base: BaseSection,
}

/// Prints the section for the configured data folder.
pub fn print(settings: &SettingsArgs) -> Result<ExitCode> {
    let base = of(&Config::load(settings)?.data)?;
    print!("{}", toml::to_string(&Printed { base })?);
    Ok(ExitCode::SUCCESS)
}

/// The last block of a node that does not run.
///
/// # Errors
/// If there is no chain, or it is not sound: nobody should go on from there.
pub fn of(data: &Path) -> Result<BaseSection> {
    let folder = data.join("centre");
    ensure!(folder.is_dir(), "no journal in {}", folder.display());
    let what = || format!("{}", folder.display());
    let disk = Arc::new(RealDisk::open(&folder).with_context(what)?);
    let report = fsck(disk.clone(), false).with_context(what)?;
    ensure!(report.broken.is_empty(), "the chain in {} is not sound: see `luohu fsck`", folder.display());
    let mut last = None;
    read_blocks(&*disk, report.blocks, |header, _| {
        last = Some(header);
        true
    })
    .with_context(what)?;
    let last = last.with_context(|| format!("no block in {}", folder.display()))?;
    Ok(BaseSection { height: last.height, hash: last.hash().to_string() })
}
