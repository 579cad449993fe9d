//! `luohu tariff`: prints a tariff to begin with, or judges a file.

use crate::centre;
use crate::cli::{RulebookArgs, SettingsArgs};
use crate::config::Config;
use anyhow::{Context, Result};
use clearing::Time;
use std::process::ExitCode;

/// Prints or judges.
pub fn show(settings: &SettingsArgs, args: &RulebookArgs) -> Result<ExitCode> {
    let Some(file) = &args.file else {
        print!("{}", node::tariff::EXAMPLE);
        return Ok(ExitCode::SUCCESS);
    };
    let config = Config::load(settings)?;
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| name.clone())?;
    let tariff = node::tariff::read(&text, 1, Time(0), &centre::currencies(&config.scheme)).with_context(|| name.clone())?;
    println!("{name}: good");
    for line in &tariff.lines {
        let prices: Vec<&str> = line.prices.iter().map(|price| price.currency.code.as_str()).collect();
        let prices = if prices.is_empty() { "free".to_owned() } else { prices.join(", ") };
        println!("  {:<8} {} {prices}", line.code.as_str(), line.bearer.iso());
    }
    Ok(ExitCode::SUCCESS)
}
