//! `luohu order list`: every order in the chain, with what became of it, from the blocks alone.

use super::words;
use crate::cli::SettingsArgs;
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use chain::Hash;
use clearing::{Clearing, Command, IndexSeed, Outcome, Time};
use ordering::{RealDisk, read_blocks};

/// Prints the record. Applies every block again: what became of an order is not written down anywhere else.
pub fn list(settings: &SettingsArgs) -> Result<()> {
    let folder = Config::load(settings)?.data.join("centre");
    ensure!(folder.is_dir(), "no chain in {}", folder.display());
    let disk = RealDisk::open(&folder).with_context(|| folder.display().to_string())?;
    let mut clearing = Clearing::new(IndexSeed(0));
    let mut wrong = None;
    read_blocks(&disk, 1, |header, commands| {
        let applied = clearing.apply_block(Time(header.time_ns), &commands);
        commands
            .iter()
            .zip(&applied.outcomes)
            .for_each(|(command, outcome)| print(header.height, header.time_ns, command, outcome));
        if applied.state_root != header.state_root {
            wrong = Some(header.height);
        }
        wrong.is_none()
    })?;
    ensure!(wrong.is_none(), "block {} does not lead to its state root: luohu fsck --deep says more", wrong.unwrap_or_default());
    Ok(())
}

fn print(height: u64, time_ns: u64, command: &Command, outcome: &Outcome) {
    let Command::Order(order) = command else { return };
    let became = match outcome {
        Outcome::Refused(refusal) => format!("refused: {} {refusal}", refusal.code()),
        Outcome::Done
        | Outcome::Registered(_)
        | Outcome::Quoted(_)
        | Outcome::Payment { .. }
        | Outcome::Waiting { .. }
        | Outcome::Matter { .. } => "carried out".to_owned(),
    };
    println!("{}  block {height}  order {}  {became}", gateway::rfc3339(Time(time_ns)), order.id);
    println!("  {}", words::of(&order.does));
    order.officers.iter().for_each(|key| println!("  signed by {}", Hash(*key)));
}
