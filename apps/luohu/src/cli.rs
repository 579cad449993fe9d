//! The command line.

mod orders;
mod person;

use bank::SAMPLE_PASSWORD;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

pub use orders::*;
pub use person::*;

/// Real-time payments between Hong Kong and Shenzhen: clearing centre, gateway, board and sample banks.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What every command may be told.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// What to do; without one the whole system runs.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub struct SettingsArgs {
    /// Configuration file; see `luohu config` for every setting.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder for everything that must last.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address of the gateway.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address of the operator's live board; must be a loopback address.
    #[arg(long, value_name = "ADDR:PORT")]
    pub board_listen: Option<SocketAddr>,
    /// First of four ports for the sample banks' web banks.
    #[arg(long, value_name = "PORT")]
    pub bank_port: Option<u16>,
    /// Run the centre alone.
    #[arg(long)]
    pub no_sample_banks: bool,
}

/// What luohu can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole system until Ctrl-C (the default).
    Run,
    /// Pay from the terminal, as a customer of a sample bank. Without options: HKD 100.00 from Hong Kong to Shenzhen.
    Pay(Box<PayArgs>),
    /// Ask for money from the terminal, as a customer of a sample bank. Without options: a tea house asks HKD 68.00 of a customer
    /// of Harbour Bank.
    Request(Box<RequestArgs>),
    /// What a sample bank can be told.
    #[command(subcommand)]
    Bank(BankCommand),
    /// Play the centre and another bank against a participant's software, and report what it did well.
    Certify(Box<CertifyArgs>),
    /// Check a payment's receipt, offline.
    Verify(VerifyArgs),
    /// Check the data folder of a system that is not running: every block, link, balance and law.
    Fsck(FsckArgs),
    /// What participants and operators look payments up in, of a system that is not running.
    #[command(subcommand)]
    History(HistoryCommand),
    /// Proofs that a validator contradicted itself, kept in the data folder; offline.
    #[command(subcommand)]
    Evidence(EvidenceCommand),
    /// ISO 20022 messages.
    #[command(subcommand)]
    Iso(IsoCommand),
    /// What two officers of the scheme change while it runs.
    #[command(subcommand)]
    Order(OrderCommand),
    /// The directory's warning list of payees: drafted, signed by two officers, put into the data folder as warnings.json.
    Warnings(WarningsArgs),
    /// What is kept of one person, of a system that is not running: told, erased, and what was erased when.
    #[command(subcommand)]
    Person(PersonCommand),
    /// Print the rulebook a new chain begins with, as a file to change and order, or judge one.
    Rulebook(RulebookArgs),
    /// Print a tariff to begin with, as a file to change and order, or judge one.
    Tariff(RulebookArgs),
    /// Several operators with one chain.
    #[cfg(feature = "consortium")]
    #[command(subcommand)]
    Consortium(ConsortiumCommand),
    /// Measure the whole way: signed payments over TLS between two banks, on a data folder of its own.
    Bench(BenchArgs),
    /// The load of `bench --overload`, in a process of its own.
    #[command(hide = true)]
    Flood(FloodArgs),
    /// Print every setting with its default and what it means, as a configuration file.
    Config(ConfigArgs),
}

/// What can be done with a warning list.
#[derive(Debug, Args)]
pub struct WarningsArgs {
    #[command(subcommand)]
    pub command: WarningsCommand,
}

/// Draft or sign.
#[derive(Debug, Subcommand)]
pub enum WarningsCommand {
    /// Print a list to sign, made of lines `TIER ALIAS` or `TIER BIC ACCOUNT`; tiers are warn, cool_off and block.
    Draft {
        /// The lines.
        list: PathBuf,
        /// Higher than that of the list that holds.
        #[arg(long)]
        version: u64,
    },
    /// Sign a list as an officer.
    Sign {
        /// The list, changed in place.
        document: PathBuf,
        /// The officer's key file.
        #[arg(long)]
        key: PathBuf,
    },
}

/// Print or judge.
#[derive(Debug, Args)]
pub struct RulebookArgs {
    /// A file to judge.
    pub file: Option<PathBuf>,
}

/// Print or judge.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Print the configuration file with every default; so without any option, too.
    #[arg(long, conflicts_with = "check")]
    pub print_default: bool,
    /// Judge the file given with --config instead, and start nothing.
    #[arg(long)]
    pub check: bool,
}

/// What can be done for a consortium.
#[cfg(feature = "consortium")]
#[derive(Debug, Subcommand)]
pub enum ConsortiumCommand {
    /// Make folders, keys and configurations of a consortium on this machine, to try it.
    Init(ConsortiumInitArgs),
    /// Make the key that the configuration names, for a node that joins or changes its key, and print the public half.
    Key,
    /// State that the configured key never voted, or that its votes of the running epoch cannot matter any more: after all
    /// validators lost their voting journals, for instance. A wrong statement can convict the validator.
    Swear,
    /// Print the `[base]` of a chain file that goes on where the single node in the data folder stopped.
    Base,
}

/// What to make.
#[cfg(feature = "consortium")]
#[derive(Debug, Args)]
pub struct ConsortiumInitArgs {
    /// The folder; must not exist.
    pub folder: PathBuf,
    /// Validators; four survive the loss of one.
    #[arg(long, default_value_t = 4)]
    pub validators: u16,
    /// Observers, which follow and check the chain without a vote.
    #[arg(long, default_value_t = 1)]
    pub observers: u16,
    /// Go on with the chain, keys and sample banks of a single node that has stopped: its data folder, which stays as it is.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// First port; each node takes five after the one before it.
    #[arg(long, default_value_t = 18_400)]
    pub first_port: u16,
}

/// What can be done with the index of history.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum HistoryCommand {
    /// Make the index again from the chain, and say how long it took.
    Rebuild,
    /// Look at everything in the index and compare it with the chain; exit status 1 when it does not fit.
    Check,
}

/// What to verify, and with which keys.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The receipt's file, or with --statement a statement's; `-` reads standard input.
    pub receipt: PathBuf,
    /// The file is a camt.052, camt.053 or camt.054: compute its hash again and add its entries up.
    #[arg(long, conflicts_with_all = ["key", "validators"])]
    pub statement: bool,
    /// The centre's verifier key, as text or as a file with one key a line; the data folder's by default.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// File with the validators: checks also that a quorum of them made the payment's block final.
    #[arg(long, value_name = "FILE")]
    pub validators: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with evidence.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    /// Name every proof and check it again; exit status 1 when one proves nothing.
    List(EvidenceListArgs),
    /// Say what a proof or an exported list says, and check it.
    Show(EvidenceShowArgs),
    /// Write all proofs, checked again, into one file for whoever shall judge.
    Export(EvidenceExportArgs),
}

/// Whom to compare with.
#[derive(Debug, Args)]
pub struct EvidenceListArgs {
    /// File with the validators: checks also that the key is one's of that epoch.
    #[arg(long, value_name = "FILE")]
    pub validators: Option<PathBuf>,
}

/// What to show.
#[derive(Debug, Args)]
pub struct EvidenceShowArgs {
    /// A file of `data/evidence`, or an exported one.
    pub file: PathBuf,
    /// File with the validators: checks also that the key is one's of that epoch.
    #[arg(long, value_name = "FILE")]
    pub validators: Option<PathBuf>,
}

/// Where to.
#[derive(Debug, Args)]
pub struct EvidenceExportArgs {
    /// The file; one that is there is replaced.
    pub to: PathBuf,
}

/// How deep to check.
#[derive(Debug, Args)]
pub struct FsckArgs {
    /// Apply every command again from the first block, and read every signed message back.
    #[arg(long)]
    pub deep: bool,
    /// File with the validators, as a board's `/validators` tells them: checks also that a quorum signed the blocks.
    #[arg(long, value_name = "FILE")]
    pub validators: Option<PathBuf>,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// How much and how fast.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// Payments to make.
    #[arg(long, default_value_t = 20_000)]
    pub payments: u64,
    /// Payments under way at once, each with its own connection.
    #[arg(long, default_value_t = 64)]
    pub in_flight: usize,
    /// Payments a second; as fast as it goes when not given.
    #[arg(long)]
    pub rate: Option<u32>,
    /// The debtor bank also streams its inbox, which repeats every end it was answered.
    #[arg(long)]
    pub debtor_inbox: bool,
    /// Offer more than can be carried, and see what becomes of it.
    #[command(flatten)]
    pub overload: OverloadArgs,
    /// Threads that serve and pay.
    #[arg(long, default_value_t = 4)]
    pub workers: usize,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// How much more than can be carried.
#[derive(Debug, Clone, Args)]
pub struct OverloadArgs {
    /// Measure the peak with --in-flight payments under way, then offer a multiple of it whether or not it is carried.
    #[arg(long, conflicts_with_all = ["rate", "debtor_inbox"])]
    pub overload: bool,
    /// The multiple.
    #[arg(long, default_value_t = 5, requires = "overload", value_name = "N")]
    pub times: u32,
    /// How long it is offered, in seconds.
    #[arg(long, default_value_t = 120, requires = "overload")]
    pub seconds: u32,
    /// How long the peak is measured, in seconds.
    #[arg(long, default_value_t = 20, requires = "overload", value_name = "SECONDS")]
    pub peak_seconds: u32,
    /// Connections of the load.
    #[arg(long, default_value_t = 128, requires = "overload", value_name = "N")]
    pub connections: usize,
    /// Requests that one connection writes behind each other when so many are due.
    #[arg(long, default_value_t = 8, requires = "overload", value_name = "N")]
    pub batch: usize,
    /// System and banks on the first processor alone, the load on the second: neither takes the other's time.
    #[arg(long, requires = "overload")]
    pub pin: bool,
    /// Niceness of the load's process above ours: on a machine that both share, the load must not starve what it measures.
    #[arg(long, default_value_t = 5, requires = "overload", value_name = "N")]
    pub load_nice: u8,
}

/// What the load's process is told.
#[derive(Debug, Clone, Args)]
pub struct FloodArgs {
    /// Where the gateway listens.
    #[arg(long)]
    pub gateway: SocketAddr,
    /// As in `bench`.
    #[arg(long)]
    pub in_flight: usize,
    /// As in `bench`.
    #[arg(long)]
    pub connections: usize,
    /// As in `bench`.
    #[arg(long)]
    pub batch: usize,
    /// As in `bench`.
    #[arg(long)]
    pub times: u32,
    /// As in `bench`.
    #[arg(long)]
    pub seconds: u32,
    /// As in `bench`.
    #[arg(long)]
    pub peak_seconds: u32,
}

/// What can be done with ISO 20022 messages.
#[derive(Debug, Subcommand)]
pub enum IsoCommand {
    /// Validate files: a bare Document, or header and Document in an envelope. Exit status 1 if any is invalid, 2 if any
    /// could not be judged.
    Check(IsoCheckArgs),
}

/// Which files to check.
#[derive(Debug, Args)]
pub struct IsoCheckArgs {
    /// Print one line of JSON a file.
    #[arg(long)]
    pub json: bool,
    /// Files to judge.
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
}

/// Who pays whom, how much.
#[derive(Debug, Args)]
pub struct PayArgs {
    /// Address of the payer's web bank.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR:PORT")]
    pub bank: SocketAddr,
    /// The customer who pays.
    #[arg(long = "as", value_name = "NAME", default_value = "taiman")]
    pub sign_in: String,
    /// The customer's password.
    #[arg(long, default_value = SAMPLE_PASSWORD)]
    pub password: String,
    /// Account to pay from; the first in the currency when not given.
    #[arg(long, value_name = "ACCOUNT")]
    pub from: Option<String>,
    /// BIC of the payee's bank.
    #[arg(long, value_name = "BIC", default_value = "PENGCNBSXXX")]
    pub to_bank: String,
    /// The payee's account or mobile number.
    #[arg(long, value_name = "ACCOUNT", default_value = "6217002000010001")]
    pub to: String,
    /// The payee's mobile number, e-mail address or scheme identifier, instead of --to-bank and --to.
    #[arg(long, value_name = "ALIAS", conflicts_with_all = ["to_bank", "to"])]
    pub to_alias: Option<String>,
    /// The payee's name; with --to-alias the directory shows it.
    #[arg(long)]
    pub name: Option<String>,
    /// What is paid, exactly; 100.00 when --receive is not given either.
    #[arg(long, value_name = "AMOUNT")]
    pub amount: Option<String>,
    /// What arrives, exactly, instead of --amount.
    #[arg(long, value_name = "AMOUNT")]
    pub receive: Option<String>,
    /// Currency that is paid.
    #[arg(long, default_value = "HKD")]
    pub currency: String,
    /// Currency that arrives.
    #[arg(long, default_value = "CNY")]
    pub credit_currency: String,
    /// Purpose code.
    #[arg(long, default_value = "GDDS")]
    pub purpose: String,
    /// Words to the payee.
    #[arg(long, default_value = "")]
    pub note: String,
    /// Pay although the name check is no match.
    #[arg(long)]
    pub pay_anyway: bool,
    /// Only show quote and name check.
    #[arg(long)]
    pub dry_run: bool,
    /// Where to keep the receipt; `UETR.receipt` by default.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
}

/// Who asks whom, for how much.
#[derive(Debug, Args)]
pub struct RequestArgs {
    /// Address of the creditor's web bank.
    #[arg(long, default_value = "127.0.0.1:8082", value_name = "ADDR:PORT")]
    pub bank: SocketAddr,
    /// The customer who asks.
    #[arg(long = "as", value_name = "NAME", default_value = "teahouse")]
    pub sign_in: String,
    /// The customer's password.
    #[arg(long, default_value = SAMPLE_PASSWORD)]
    pub password: String,
    /// BIC of the debtor's bank.
    #[arg(long, value_name = "BIC", default_value = "HARBHKHHXXX")]
    pub of_bank: String,
    /// The debtor's account.
    #[arg(long, value_name = "ACCOUNT", default_value = "388100200301")]
    pub of: String,
    /// The debtor's name.
    #[arg(long, default_value = "CHAN Tai Man")]
    pub name: String,
    /// What is asked.
    #[arg(long, value_name = "AMOUNT", default_value = "68.00")]
    pub amount: String,
    /// Its currency.
    #[arg(long, default_value = "HKD")]
    pub currency: String,
    /// How long the debtor has, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub life_s: u64,
    /// Words to the debtor.
    #[arg(long, default_value = "tea for two")]
    pub note: String,
}

/// What a sample bank can be told.
#[derive(Debug, Subcommand)]
pub enum BankCommand {
    /// Run sample banks in a process of their own, beside a centre that was started with --no-sample-banks on the same data
    /// folder and knows them from an earlier start.
    Serve(BankServeArgs),
    /// Misbehave in some way, or behave again.
    Fault(BankFaultArgs),
    /// Pay everything in a file, pain.001.001.09 or CSV; see docs/howto/bulk.md.
    Bulk(BankBulkArgs),
}

/// A file of payments.
#[derive(Debug, Args)]
pub struct BankBulkArgs {
    /// The file; its name ends in .xml or .csv.
    pub file: PathBuf,
    /// Address of the payer's web bank.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR:PORT")]
    pub bank: SocketAddr,
    /// The customer who pays.
    #[arg(long = "as", value_name = "NAME", default_value = "silk")]
    pub sign_in: String,
    /// The customer's password.
    #[arg(long, default_value = SAMPLE_PASSWORD)]
    pub password: String,
    /// Where to keep what became of each line: CSV, or pain.002 when the name ends in .xml.
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,
}

/// Which bank is tested, and how its customer signs in.
#[derive(Debug, Args)]
pub struct CertifyArgs {
    /// The bank's test door, such as http://127.0.0.1:8081; see docs/howto/certify.md for what it must answer.
    #[arg(value_name = "BANK-URL", required_unless_present = "sample")]
    pub bank: Option<String>,
    /// Test a sample bank in this process instead, on invented ports and in a folder that goes away.
    #[arg(long, conflicts_with = "bank")]
    pub sample: bool,
    /// BIC of the bank.
    #[arg(long, default_value = "HARBHKHHXXX")]
    pub bic: String,
    /// The customer whose account is paid to and from; it needs an account with a few hundred HKD.
    #[arg(long = "as", value_name = "NAME", default_value = "meiling")]
    pub sign_in: String,
    /// The customer's password.
    #[arg(long, default_value = SAMPLE_PASSWORD)]
    pub password: String,
    /// The customer's name, as the bank would confirm it.
    #[arg(long, value_name = "NAME", default_value = "WONG Mei Ling")]
    pub name: String,
    /// What the sample bank does with single things it is asked, as for `luohu bank serve`: to see the kit find it.
    #[arg(long, value_name = "FILE", requires = "sample")]
    pub script: Option<PathBuf>,
    /// Play these scenarios only, by code or name.
    #[arg(long, value_name = "SCENARIO")]
    pub only: Vec<String>,
    /// How long to wait for the bank to connect, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub patience_s: u64,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which banks.
#[derive(Debug, Args)]
pub struct BankServeArgs {
    /// BICs of the banks to run; all of them without any. They listen on --bank-port and those after it.
    #[arg(value_name = "BIC")]
    pub only: Vec<String>,
    /// What they do with single things they are asked: answer late, not, twice, wrongly signed …; see docs/howto/script-a-bank.md.
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
}

/// Which bank, which way.
#[derive(Debug, Args)]
pub struct BankFaultArgs {
    /// How to misbehave.
    pub fault: FaultKind,
    /// Address of the web bank.
    #[arg(long, default_value = "127.0.0.1:8081", value_name = "ADDR:PORT")]
    pub bank: SocketAddr,
    /// Delay of a slow bank, or how long one is disconnected, in milliseconds.
    #[arg(long, default_value_t = 3000)]
    pub ms: u64,
    /// ISO reason of a refusing bank.
    #[arg(long, default_value = "AC06")]
    pub reason: String,
}

/// Ways to misbehave.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum FaultKind {
    /// Behave.
    None,
    /// Answer late, but in time.
    Slow,
    /// Never answer.
    Silent,
    /// Refuse every payment.
    Refusing,
    /// Be disconnected.
    Offline,
    /// Answer twice and contradict itself.
    AnswerTwice,
    /// Answer after the end.
    AnswerLate,
    /// Sign answers with a wrong key.
    WrongSignature,
    /// Be disconnected for --ms whenever it is asked.
    DropConnection,
    /// Accept without posting, and post when it is settled.
    Reviewing,
    /// Credit customers twice.
    CreditTwice,
    /// Read the inbox from its beginning the next time it is opened.
    ForgetCursor,
}
