//! The directory of aliases beside the centre: its files, its settings, and the warning list as two officers sign it.

use crate::cli::{WarningsArgs, WarningsCommand};
use crate::config::{Config, DirectorySection, PortSilence};
use crate::order;
use anyhow::{Context, Result, bail};
use chain::key_of_hex;
use clearing::Bic;
use directory::{Alias, Directory, Rate, Settings, Silence, Tier, WarningDocument};
use gateway::GatewayWindow;
use serde_json::Value;
use signing::HashKey;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often the warning list's file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const HOUR_NS: u64 = 3_600_000_000_000;

/// Opens the directory; `None` where the configuration turns it off.
pub fn open(config: &Config) -> Result<Option<Arc<Directory>>> {
    if !config.directory.enabled {
        return Ok(None);
    }
    let directory = Directory::open(&config.data, settings(&config.directory), key(config)?).context("directory")?;
    Ok(Some(Arc::new(directory)))
}

pub fn key(config: &Config) -> Result<HashKey> {
    HashKey::open_or_create(&config.data.join("keys").join("directory.key")).context("key of the directory")
}

fn settings(section: &DirectorySection) -> Settings {
    let usual = Settings::default();
    Settings {
        aliases_max: section.aliases_max,
        cache_bytes: usize::try_from(section.cache_mib << 20).unwrap_or(usize::MAX),
        participant: Rate { per_hour: section.lookups_per_hour, ..usual.participant },
        payer: Rate { per_hour: section.payer_lookups_per_hour, ..usual.payer },
        miss_cost: section.miss_cost,
        port_wait_ns: u64::from(section.port_wait_hours) * HOUR_NS,
        port_silence: match section.port_silence {
            PortSilence::Lapses => Silence::Lapses,
            PortSilence::TakesEffect => Silence::TakesEffect,
        },
        cool_off_hours: section.cool_off_hours,
        ..usual
    }
}

fn list_path(data: &Path) -> PathBuf {
    data.join("warnings.json")
}

/// Takes the warning list from its file now, and whenever the file is another one. What does not hold is said and left.
pub fn watch_warnings(directory: Arc<Directory>, window: GatewayWindow, config: &Config) {
    let (path, chain) = (list_path(&config.data), config.gateway.log_origin.clone());
    tokio::spawn(async move {
        let mut seen: Option<SystemTime> = None;
        loop {
            let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified()).ok();
            if written.is_some() && written != seen {
                seen = written;
                match take_list(&directory, &window, &path, &chain) {
                    Ok(version) => tracing::info!(version, "the warning list holds"),
                    Err(error) => tracing::error!("{}: {error:#}", path.display()),
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    });
}

fn take_list(directory: &Directory, window: &GatewayWindow, path: &Path, chain: &str) -> Result<u64> {
    let governance: Value = serde_json::from_slice(&window.governance())?;
    let keys = governance["officers"].as_array().into_iter().flatten().filter_map(|officer| officer["key"].as_str());
    let officers: Vec<[u8; 32]> = keys.filter_map(key_of_hex).collect();
    let document = Directory::read_warnings(path)?;
    directory.take_warnings(&document, chain, &officers)?;
    Ok(directory.warnings_version())
}

/// `luohu warnings`: drafts a list from plain text, or signs one.
pub fn warnings(config: &Config, args: &WarningsArgs) -> Result<ExitCode> {
    match &args.command {
        WarningsCommand::Draft { list, version } => {
            let text = std::fs::read_to_string(list).with_context(|| list.display().to_string())?;
            let key = key(config)?;
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
            let read = lines.map(|(at, line)| payee(&key, line).with_context(|| format!("{}: line {}", list.display(), at + 1)));
            let payees = read.collect::<Result<Vec<_>>>()?;
            print!("{}", WarningDocument::draft(&config.gateway.log_origin, *version, payees).to_text());
        }
        WarningsCommand::Sign { document, key } => {
            let name = document.display().to_string();
            let mut signed = Directory::read_warnings(document).with_context(|| name.clone())?;
            signed.sign(&order::officer_key(key)?);
            std::fs::write(document, signed.to_text()).context(name)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line `TIER ALIAS` or `TIER BIC ACCOUNT`.
fn payee(key: &HashKey, line: &str) -> Result<(String, Tier)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let tier = match words.first() {
        Some(&"warn") => Tier::Warn,
        Some(&"cool_off") => Tier::CoolOff,
        Some(&"block") => Tier::Block,
        Some(_) | None => bail!("begins with warn, cool_off or block"),
    };
    let hash = match words[1..] {
        [alias] => Directory::hash_of_alias(key, &Alias::parse(alias)?),
        [bic, account] => Directory::hash_of_account(key, Bic::parse(bic).context("not a BIC")?, account),
        _ => bail!("then comes an alias, or a BIC and an account"),
    };
    Ok((hash, tier))
}
