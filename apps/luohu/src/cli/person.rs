//! `luohu person`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done about one person's data.
#[derive(Debug, Subcommand)]
pub enum PersonCommand {
    /// Print everything this node keeps of a person, as JSON.
    Export(PersonExportArgs),
    /// Say what of a person's data would go and what stays and why; with --confirm erase it.
    Erase(PersonEraseArgs),
    /// Print what was erased when, by whom and why, without naming anybody.
    Log(PersonLogArgs),
}

/// Whose data.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct PersonArgs {
    /// Whoever has this account.
    #[arg(long, value_name = "BIC/NUMBER")]
    pub account: Option<String>,
    /// Whoever has this identity document, such as NIDN/HK/A123456(3); scheme and issuer as payments name them.
    #[arg(long, value_name = "SCHEME/ISSUER/NUMBER")]
    pub document: Option<String>,
}

/// What to export.
#[derive(Debug, Args)]
pub struct PersonExportArgs {
    #[command(flatten)]
    pub person: PersonArgs,
    /// Write it into this file, which only its owner can read, instead of to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What to erase, on whose word.
#[derive(Debug, Args)]
pub struct PersonEraseArgs {
    #[command(flatten)]
    pub person: PersonArgs,
    /// Who orders it. It is kept for ever: no name of a customer.
    #[arg(long)]
    pub by: String,
    /// The number of the request it answers. It is kept for ever: no name of a customer.
    #[arg(long)]
    pub why: String,
    /// Take the account's aliases out of the directory as well: the customer has left the bank.
    #[arg(long, requires = "account")]
    pub aliases: bool,
    /// Erase. It cannot be undone.
    #[arg(long)]
    pub confirm: bool,
}

/// How to print.
#[derive(Debug, Args)]
pub struct PersonLogArgs {
    /// Print one line of JSON an erasure.
    #[arg(long)]
    pub json: bool,
}
