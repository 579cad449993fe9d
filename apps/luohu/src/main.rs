//! Luohu knows how the parts are configured, wired and started; it does not know their rules.

mod banks;
mod bench;
mod bulk;
mod centre;
mod certify;
mod cli;
mod config;
mod directory;
mod evidence;
mod fsck;
mod history;
mod iso;
mod keys;
mod order;
mod pay;
mod person;
mod request;
mod rulebook;
mod run;
mod sections;
#[cfg(feature = "consortium")]
mod shared;
#[cfg(feature = "consortium")]
mod shared_base;
#[cfg(feature = "consortium")]
mod shared_init;
mod tariff;
mod verify;
mod web;

/// Messages are many small pieces made on one thread and dropped on another; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use clap::Parser;
#[cfg(feature = "consortium")]
use cli::ConsortiumCommand;
use cli::{BankCommand, Cli, Command, IsoCommand};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("luohu: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => run::run(&cli.settings),
        Command::Pay(options) => pay::pay(&options),
        Command::Request(options) => request::request(&options),
        Command::Bank(BankCommand::Serve(options)) => banks::serve(&cli.settings, &options),
        Command::Bank(BankCommand::Fault(options)) => pay::fault(&options),
        Command::Bank(BankCommand::Bulk(options)) => bulk::bulk(&options),
        Command::Certify(options) => certify::certify(&cli.settings, &options),
        Command::Verify(options) => verify::verify(&cli.settings, &options),
        Command::History(command) => history::history(&cli.settings, command),
        Command::Fsck(options) => fsck::fsck(&cli.settings, &options),
        Command::Order(options) => order::order(&cli.settings, &options),
        Command::Warnings(options) => directory::warnings(&config::Config::load(&cli.settings)?, &options),
        Command::Person(command) => person::person(&cli.settings, &command),
        Command::Rulebook(options) => rulebook::show(&cli.settings, &options),
        Command::Tariff(options) => tariff::show(&cli.settings, &options),
        Command::Evidence(command) => evidence::evidence(&cli.settings, &command),
        Command::Iso(IsoCommand::Check(options)) => Ok(iso::check(&options)),
        #[cfg(feature = "consortium")]
        Command::Consortium(ConsortiumCommand::Init(options)) => shared_init::init(&options),
        #[cfg(feature = "consortium")]
        Command::Consortium(ConsortiumCommand::Key) => shared_init::new_key(&cli.settings),
        #[cfg(feature = "consortium")]
        Command::Consortium(ConsortiumCommand::Swear) => shared_init::swear(&cli.settings),
        #[cfg(feature = "consortium")]
        Command::Consortium(ConsortiumCommand::Base) => shared_base::print(&cli.settings),
        Command::Bench(options) => bench::bench(&cli.settings, &options),
        Command::Flood(options) => bench::flood(&cli.settings, &options),
        Command::Config(options) => config::show(&cli.settings, &options),
    }
}
