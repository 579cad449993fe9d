//! The configuration file: read strictly, every fault with its line.

use crate::cli::SettingsArgs;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// The commented file that is its own manual.
pub const EXAMPLE: &str = include_str!("../../../luohu.example.toml");

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
    /// Alone, or one of several operators.
    pub node: NodeSection,
    /// The rulebook's figures.
    pub scheme: SchemeSection,
    /// Thresholds of the risk rules.
    pub risk: RiskSection,
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
    pub answer_high_s: u64,
    pub answer_normal_s: u64,
    pub quote_validity_s: u64,
    pub acceptance_age_max_s: u64,
}

/// `[risk]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskSection {
    pub review_at: u16,
    pub block_at: u16,
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
            node: NodeSection::default(),
            scheme: SchemeSection::default(),
            risk: RiskSection::default(),
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
        Self { currencies, answer_high_s: 7, answer_normal_s: 20, quote_validity_s: 600, acceptance_age_max_s: 300 }
    }
}

impl Default for RiskSection {
    fn default() -> Self {
        Self { review_at: 400, block_at: 800 }
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
                let text = std::fs::read_to_string(path).with_context(|| format!("configuration {}", path.display()))?;
                Self::parse(&text).with_context(|| format!("configuration {}", path.display()))?
            }
            None => Self::default(),
        };
        config.data = args.data.clone().unwrap_or(config.data);
        config.gateway.listen = args.listen.unwrap_or(config.gateway.listen);
        config.board.listen = args.board_listen.unwrap_or(config.board.listen);
        config.sample_banks.first_port = args.bank_port.unwrap_or(config.sample_banks.first_port);
        config.sample_banks.enabled &= !args.no_sample_banks;
        config.check()?;
        Ok(config)
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(toml::from_str(text)?)
    }

    /// What types cannot say.
    fn check(&self) -> Result<()> {
        ensure!(
            self.board.listen.ip().is_loopback(),
            "board.listen is {}: the board speaks plain HTTP and may only listen on a loopback address; put a TLS proxy in front of it",
            self.board.listen
        );
        ensure!((1..=1024).contains(&self.journal.segment_mib), "journal.segment_mib must be 1 to 1024");
        ensure!((1..=1024).contains(&self.journal.vault_mib), "journal.vault_mib must be 1 to 1024");
        ensure!(self.journal.queue >= 1, "journal.queue must be at least 1");
        ensure!(clearing::Bic::parse(&self.gateway.centre_bic).is_some(), "gateway.centre_bic is not a BIC");
        ensure!(
            !self.gateway.log_origin.is_empty() && !self.gateway.log_origin.contains('\n'),
            "gateway.log_origin must be one line"
        );
        ensure!(
            (1..=self.risk.block_at).contains(&self.risk.review_at) && self.risk.block_at <= 1000,
            "1 ≤ risk.review_at ≤ risk.block_at ≤ 1000"
        );
        for (code, decimals) in &self.scheme.currencies {
            let known = code.parse::<money::CurrencyCode>().is_ok();
            if !known || *decimals > money::Currency::EXPONENT_MAX {
                bail!("scheme.currencies: [\"{code}\", {decimals}] is not a currency code with 0 to 5 decimals");
            }
        }
        ensure!(
            self.node.kind == NodeKind::Single || cfg!(feature = "consortium"),
            "node.kind is not \"single\": build luohu with `--features consortium`"
        );
        let levels = ["error", "warn", "info", "debug", "trace"];
        ensure!(levels.contains(&self.log.level.as_str()), "log.level must be one of {}", levels.join(", "));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_the_default() {
        assert_eq!(Config::parse(EXAMPLE).unwrap(), Config::default());
        Config::default().check().unwrap();
    }

    #[test]
    fn faults_name_their_line_and_key() {
        for (text, expected) in [
            ("data = \"x\"\ncolour = 1\n", ["line 2", "colour"]),
            ("[gateway]\nlissten = \"127.0.0.1:1\"\n", ["line 2", "lissten"]),
            ("[gateway]\n\nlisten = \"nowhere\"\n", ["line 3", "socket address"]),
            ("[journal]\nqueue = -1\n", ["line 2", "queue"]),
            ("[scheme\n", ["line 1", "scheme"]),
        ] {
            let error = format!("{:#}", Config::parse(text).unwrap_err());
            for word in expected {
                assert!(error.contains(word), "{error:?} should say {word:?}");
            }
        }
    }

    #[test]
    fn plain_http_stays_on_the_machine() {
        let mut config = Config::default();
        config.board.listen = SocketAddr::from(([0, 0, 0, 0], 8080));
        assert!(config.check().unwrap_err().to_string().contains("loopback"));
    }
}
