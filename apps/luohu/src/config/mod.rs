//! The configuration: one file that is its own manual, read strictly, then overridden by the command line.

mod check;
mod fault;
#[cfg(test)]
mod reference;

use crate::cli::{ConfigArgs, SettingsArgs};
use crate::sections::OfficerRow;
use anyhow::{Context, Result};
use fault::Fault;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The commented file that is its own manual.
pub const EXAMPLE: &str = include_str!("../../../../luohu.example.toml");

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder for everything that must last.
    pub data: PathBuf,
    /// The participants' door.
    pub gateway: GatewaySection,
    /// The operator's live board.
    pub board: BoardSection,
    /// The journal.
    pub journal: JournalSection,
    /// What is known of the past.
    pub history: HistorySection,
    /// Alone, or one of several operators.
    pub node: NodeSection,
    /// The rulebook's figures.
    pub scheme: SchemeSection,
    /// Thresholds of the risk rules.
    pub risk: RiskSection,
    /// The directory of aliases.
    pub directory: DirectorySection,
    /// Data about persons.
    pub privacy: PrivacySection,
    /// The sample banks.
    pub sample_banks: SampleBanksSection,
    /// Logging.
    pub log: LogSection,
}

/// `[gateway]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewaySection {
    pub listen: SocketAddr,
    pub names: Vec<String>,
    pub centre_bic: String,
    pub log_origin: String,
    pub requests_per_second: u32,
    pub in_flight: u32,
    pub in_flight_total: u32,
    pub delay_target_ms: u32,
    pub retry_after_s: u32,
}

/// `[board]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoardSection {
    pub listen: SocketAddr,
}

/// `[journal]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournalSection {
    pub segment_mib: u64,
    pub vault_mib: u64,
    pub queue: usize,
    pub free_mib_min: u64,
}

/// `[history]`.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HistorySection {
    /// `"embedded"`, or the address of a PostgreSQL database.
    pub index: String,
}

impl HistorySection {
    /// In a file of the data folder.
    pub const EMBEDDED: &str = "embedded";
}

/// An address may have a password in it.
impl std::fmt::Debug for HistorySection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.index == Self::EMBEDDED { Self::EMBEDDED } else { "a database" })
    }
}

impl Default for HistorySection {
    fn default() -> Self {
        Self { index: Self::EMBEDDED.to_owned() }
    }
}

/// `[node]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NodeSection {
    pub kind: NodeKind,
    pub chain: PathBuf,
    pub key: PathBuf,
    pub listen: SocketAddr,
}

/// What this process is in its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// The only operator.
    Single,
    /// One of several operators, with a vote.
    Validator,
    /// Follows and checks, without a vote.
    Observer,
}

/// `[scheme]`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SchemeSection {
    pub currencies: Vec<(String, u8)>,
    pub officers: Vec<OfficerRow>,
    pub answer_high_s: u64,
    pub answer_normal_s: u64,
    pub quote_validity_s: u64,
    pub acceptance_age_max_s: u64,
    pub payment_retention_s: u64,
    /// `"corridor"`, `"none"`, or a file.
    pub rulebook: String,
}

impl SchemeSection {
    /// The chain begins without rules.
    pub const NO_RULEBOOK: &str = "none";
    /// The chain begins with the figures of the live corridor.
    pub const CORRIDOR: &str = "corridor";
}

/// `[risk]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskSection {
    pub review_at: u16,
    pub block_at: u16,
}

/// `[directory]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DirectorySection {
    pub enabled: bool,
    pub aliases_max: u64,
    pub cache_mib: u64,
    pub lookups_per_hour: u32,
    pub payer_lookups_per_hour: u32,
    pub miss_cost: u32,
    pub port_wait_hours: u32,
    pub port_silence: PortSilence,
    pub cool_off_hours: u32,
}

/// What it means that a bank does not answer a port in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PortSilence {
    /// Nothing changes.
    Lapses,
    /// The default moves.
    TakesEffect,
}

/// `[privacy]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PrivacySection {
    pub retention_days: u64,
}

/// `[sample_banks]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SampleBanksSection {
    pub enabled: bool,
    pub only: Vec<String>,
    pub first_port: u16,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    pub level: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: "luohu-data".into(),
            gateway: GatewaySection::default(),
            board: BoardSection::default(),
            journal: JournalSection::default(),
            history: HistorySection::default(),
            node: NodeSection::default(),
            scheme: SchemeSection::default(),
            risk: RiskSection::default(),
            directory: DirectorySection::default(),
            privacy: PrivacySection::default(),
            sample_banks: SampleBanksSection::default(),
            log: LogSection::default(),
        }
    }
}

impl Default for GatewaySection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
            names: vec!["localhost".into(), "127.0.0.1".into()],
            centre_bic: "LUOHHKHHXXX".into(),
            log_origin: "luohu.example/settlement".into(),
            requests_per_second: 20_000,
            in_flight: 4096,
            in_flight_total: 16_384,
            delay_target_ms: 50,
            retry_after_s: 4,
        }
    }
}

impl Default for BoardSection {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

impl Default for JournalSection {
    fn default() -> Self {
        Self { segment_mib: 64, vault_mib: 64, queue: 65_536, free_mib_min: 256 }
    }
}

impl Default for NodeSection {
    fn default() -> Self {
        Self {
            kind: NodeKind::Single,
            chain: "chain.toml".into(),
            key: "validator.key".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 9443)),
        }
    }
}

impl Default for SchemeSection {
    fn default() -> Self {
        let currencies = ["HKD", "CNY", "CNH", "USD", "EUR"].map(|code| (code.to_owned(), 2)).to_vec();
        Self {
            currencies,
            officers: Vec::new(),
            answer_high_s: 7,
            answer_normal_s: 20,
            quote_validity_s: 600,
            acceptance_age_max_s: 300,
            payment_retention_s: 3600,
            rulebook: Self::CORRIDOR.to_owned(),
        }
    }
}

impl Default for RiskSection {
    fn default() -> Self {
        Self { review_at: 400, block_at: 800 }
    }
}

impl Default for DirectorySection {
    fn default() -> Self {
        Self {
            enabled: true,
            aliases_max: 50_000_000,
            cache_mib: 64,
            lookups_per_hour: 180_000,
            payer_lookups_per_hour: 60,
            miss_cost: 5,
            port_wait_hours: 336,
            port_silence: PortSilence::Lapses,
            cool_off_hours: 24,
        }
    }
}

impl Default for PrivacySection {
    fn default() -> Self {
        Self { retention_days: 3653 }
    }
}

impl Default for SampleBanksSection {
    fn default() -> Self {
        Self { enabled: true, only: Vec::new(), first_port: 8081 }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "warn".into() }
    }
}

impl Config {
    /// Reads the file named, or takes the defaults, and lets the command line override.
    pub fn load(args: &SettingsArgs) -> Result<Self> {
        let mut config = match &args.config {
            Some(path) => {
                let name = path.display();
                let text = std::fs::read_to_string(path).with_context(|| format!("configuration {name}"))?;
                Self::parse(&text).map_err(|fault| anyhow::anyhow!("configuration {name}{fault}"))?
            }
            None => Self::default(),
        };
        config.data = args.data.clone().unwrap_or(config.data);
        config.gateway.listen = args.listen.unwrap_or(config.gateway.listen);
        config.board.listen = args.board_listen.unwrap_or(config.board.listen);
        config.sample_banks.first_port = args.bank_port.unwrap_or(config.sample_banks.first_port);
        config.sample_banks.enabled &= !args.no_sample_banks;
        check::check(&config).map_err(|bad| anyhow::anyhow!("command line: {}: {}", bad.key, bad.expected))?;
        Ok(config)
    }

    /// A file's text, every value judged.
    fn parse(text: &str) -> Result<Self, Fault> {
        let config = toml::from_str(text).map_err(|error| Fault::of_error(text, &error))?;
        check::check(&config).map_err(|bad| Fault::of_value(text, bad.key, bad.expected))?;
        Ok(config)
    }
}

/// `luohu config`: prints the manual, or judges a file.
pub fn show(settings: &SettingsArgs, args: &ConfigArgs) -> Result<ExitCode> {
    if args.check {
        let config = Config::load(settings)?;
        let name = settings.config.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
        println!("{name}: good; data in {}", config.data.display());
    } else {
        print!("{EXAMPLE}");
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(Config::parse(EXAMPLE).map_err(|fault| fault.to_string()), Ok(Config::default()));
    }

    /// Text, then what the refusal must say.
    #[test]
    fn faults_name_line_column_key_and_what_was_expected() {
        for (text, expected) in [
            ("data = \"x\"\ncolour = 1\n", &["line 2, column 1", "colour is no setting", "gateway"][..]),
            ("[gateway]\nlissten = \"127.0.0.1:1\"\n", &["line 2, column 1", "gateway.lissten is no setting", "listen, names"]),
            (
                "[gateway]\n\nlisten = \"nowhere\"\n",
                &["line 3, column 10", "gateway.listen", "address and port", "127.0.0.1:8443"],
            ),
            ("[journal]\n  queue = -1\n", &["line 2, column 11", "journal.queue", "a whole number", "queue = 65536"]),
            ("[journal]\nqueue = \"many\"\n", &["line 2, column 9", "journal.queue", "a whole number", "many"]),
            ("[sample_banks]\nenabled = 1\n", &["line 2, column 11", "sample_banks.enabled", "true or false"]),
            ("risk = { block_at = 2000 }\n", &["line 1, column 21", "risk.block_at", "1 to 1000"]),
            ("[risk]\nreview_at = 900\n", &["line 2, column 13", "risk.review_at", "1 to risk.block_at"]),
            ("[board]\nlisten = \"0.0.0.0:80\"\n", &["line 2, column 10", "board.listen", "loopback", "TLS proxy"]),
            ("[scheme]\ncurrencies = [[\"HKD\", 9]]\n", &["line 2, column 14", "scheme.currencies", "0 to 5"]),
            ("[scheme\n", &["line 1", "scheme"]),
            ("[history]\nindex = \"mysql://x\"\n", &["line 2, column 9", "history.index", "postgresql://"]),
            ("[log]\nlevel = \"loud\"\n", &["line 2, column 9", "log.level", "error, warn, info, debug, trace"]),
            ("[gateway]\nin_flight = 1\nin_flight = 2\n", &["line 3, column 1", "duplicate"]),
        ] {
            let said = refused(text);
            for word in expected {
                assert!(said.contains(word), "{text:?} is refused with {said:?}, which does not say {word:?}");
            }
        }
    }

    #[test]
    fn the_command_line_is_judged_too() {
        let args = SettingsArgs { board_listen: Some(SocketAddr::from(([0, 0, 0, 0], 8080))), ..SettingsArgs::default() };
        let said = format!("{:#}", Config::load(&args).unwrap_err());
        assert!(said.contains("command line") && said.contains("loopback"), "{said}");
    }
}
