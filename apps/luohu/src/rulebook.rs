//! `luohu rulebook`: prints the rulebook a new chain begins with, or judges a file.

use crate::centre;
use crate::cli::{RulebookArgs, SettingsArgs};
use crate::config::Config;
use anyhow::{Context, Result};
use clearing::Time;
use std::process::ExitCode;

/// Prints or judges.
pub fn show(settings: &SettingsArgs, args: &RulebookArgs) -> Result<ExitCode> {
    let Some(file) = &args.file else {
        print!("{}", node::rulebook::CORRIDOR);
        return Ok(ExitCode::SUCCESS);
    };
    let config = Config::load(settings)?;
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
    let book = node::rulebook::read(&text, 1, Time(0), &centre::currencies(&config.scheme)).with_context(|| name.clone())?;
    println!("{name}: good");
    for corridor in &book.corridors {
        let limits: Vec<&str> = corridor.limits.iter().map(|limit| limit.code.as_str()).collect();
        println!("  {:<8} {} limits: {}", corridor.code.as_str(), limits.len(), limits.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
