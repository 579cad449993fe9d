//! What a value may be, where its type cannot say.

use super::{Config, HistorySection, NodeKind};
use crate::centre::times;
use crate::sections::OfficerRow;
use money::{Currency, CurrencyCode};

/// A value that is not allowed.
#[derive(Debug, PartialEq)]
pub struct BadValue {
    /// The setting, with its section.
    pub key: &'static str,
    pub expected: String,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
const NAMES_MAX: usize = 16;
/// Web banks beside the first.
const FURTHER_PORTS: u16 = 3;

/// The first value that is not allowed.
pub fn check(config: &Config) -> Result<(), BadValue> {
    for (key, value, least, most) in ranges(config) {
        require((least..=most).contains(&value), key, || format!("expected {least} to {most}"))?;
    }
    gateway(config)?;
    let board = config.board.listen;
    require(board.ip().is_loopback(), "board.listen", || {
        format!("{board} is not a loopback address, and the board speaks plain HTTP; put a TLS proxy in front of it")
    })?;
    let alone = config.node.kind == NodeKind::Single || cfg!(feature = "consortium");
    require(alone, "node.kind", || "expected \"single\"; the others need a build with `--features consortium`".into())?;
    currencies(&config.scheme.currencies)?;
    officers(&config.scheme.officers)?;
    require(times(&config.scheme).retention_is_enough(), "scheme.payment_retention_s", || {
        "expected at least twice scheme.acceptance_age_max_s, and more than both answer times".into()
    })?;
    let review_at = config.risk.review_at;
    require((1..=config.risk.block_at).contains(&review_at), "risk.review_at", || "expected 1 to risk.block_at".into())?;
    let first = config.sample_banks.first_port;
    require(first <= u16::MAX - FURTHER_PORTS, "sample_banks.first_port", || "expected room for four ports: 0 to 65532".into())?;
    let index = config.history.index.as_str();
    let is_known =
        index == HistorySection::EMBEDDED || ["postgresql://", "postgres://"].iter().any(|scheme| index.starts_with(scheme));
    let expected = || "expected \"embedded\" or an address like postgresql://luohu@localhost/luohu".into();
    require(is_known, "history.index", expected)?;
    require(LEVELS.contains(&config.log.level.as_str()), "log.level", || format!("expected one of {}", LEVELS.join(", ")))
}

fn require(good: bool, key: &'static str, expected: impl FnOnce() -> String) -> Result<(), BadValue> {
    if good { Ok(()) } else { Err(BadValue { key, expected: expected() }) }
}

/// Settings that are numbers: key, value, least, most.
pub fn ranges(config: &Config) -> [(&'static str, u64, u64, u64); 23] {
    let Config { gateway, journal, scheme, risk, directory, privacy, .. } = config;
    [
        ("gateway.requests_per_second", gateway.requests_per_second.into(), 1, 1_000_000),
        ("gateway.in_flight", gateway.in_flight.into(), 1, 1 << 16),
        ("gateway.in_flight_total", gateway.in_flight_total.into(), 1, 1 << 20),
        ("gateway.delay_target_ms", gateway.delay_target_ms.into(), 1, 10_000),
        ("gateway.retry_after_s", gateway.retry_after_s.into(), 1, 3600),
        ("journal.segment_mib", journal.segment_mib, 1, 1024),
        ("journal.vault_mib", journal.vault_mib, 1, 1024),
        ("journal.queue", journal.queue as u64, 64, 1 << 20),
        ("journal.free_mib_min", journal.free_mib_min, 1, 1 << 20),
        ("scheme.answer_high_s", scheme.answer_high_s, 1, 3600),
        ("scheme.answer_normal_s", scheme.answer_normal_s, 1, 3600),
        ("scheme.quote_validity_s", scheme.quote_validity_s, 1, 86_400),
        ("scheme.acceptance_age_max_s", scheme.acceptance_age_max_s, 1, 86_400),
        ("scheme.payment_retention_s", scheme.payment_retention_s, 2, 30 * 86_400),
        ("directory.aliases_max", directory.aliases_max, 1, 1 << 32),
        ("directory.cache_mib", directory.cache_mib, 1, 1 << 16),
        ("directory.lookups_per_hour", directory.lookups_per_hour.into(), 1, 1 << 30),
        ("directory.payer_lookups_per_hour", directory.payer_lookups_per_hour.into(), 1, 1 << 30),
        ("directory.miss_cost", directory.miss_cost.into(), 1, 1000),
        ("directory.port_wait_hours", directory.port_wait_hours.into(), 1, 8760),
        ("directory.cool_off_hours", directory.cool_off_hours.into(), 1, 8760),
        ("privacy.retention_days", privacy.retention_days, 0, 36_525),
        ("risk.block_at", risk.block_at.into(), 1, 1000),
    ]
}

fn gateway(config: &Config) -> Result<(), BadValue> {
    let gateway = &config.gateway;
    let names = (1..=NAMES_MAX).contains(&gateway.names.len()) && gateway.names.iter().all(|name| !name.is_empty());
    require(names, "gateway.names", || format!("expected 1 to {NAMES_MAX} names or addresses"))?;
    require(clearing::Bic::parse(&gateway.centre_bic).is_some() && gateway.centre_bic.len() == 11, "gateway.centre_bic", || {
        "expected a BIC of 11 characters".into()
    })?;
    let origin = &gateway.log_origin;
    require(!origin.is_empty() && !origin.chars().any(char::is_control), "gateway.log_origin", || {
        "expected one line of text".into()
    })
}

fn officers(all: &[OfficerRow]) -> Result<(), BadValue> {
    const KEY: &str = "scheme.officers";
    require(all.len() != 1, KEY, || "expected nobody, or at least two: one alone can order nothing".into())?;
    for (at, OfficerRow { name, key, roles }) in all.iter().enumerate() {
        require(chain::key_of_hex(key).is_some(), KEY, || format!("the key of {name} is not 64 hexadecimal digits"))?;
        require(all[..at].iter().all(|other| other.key != *key), KEY, || format!("the key of {name} is there twice"))?;
        require(roles.is_valid(), KEY, || format!("{name} has no role, or is an auditor with another one"))?;
    }
    let all: Vec<_> = all.iter().filter_map(|row| row.officer().ok()).collect();
    let unmanned = if all.is_empty() { None } else { clearing::unmanned(&all).next() };
    unmanned.map_or(Ok(()), |role| {
        Err(BadValue { key: KEY, expected: format!("expected two officers at least with the role {role}") })
    })
}

fn currencies(all: &[(String, u8)]) -> Result<(), BadValue> {
    const KEY: &str = "scheme.currencies";
    require(!all.is_empty(), KEY, || "expected at least one currency".into())?;
    for (at, (code, decimals)) in all.iter().enumerate() {
        let known = code.parse::<CurrencyCode>().is_ok() && *decimals <= Currency::EXPONENT_MAX;
        require(known, KEY, || {
            format!("[\"{code}\", {decimals}] is not a currency code with 0 to {} decimals", Currency::EXPONENT_MAX)
        })?;
        require(all[..at].iter().all(|(other, _)| other != code), KEY, || format!("{code} is there twice"))?;
    }
    Ok(())
}
