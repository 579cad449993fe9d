//! `luohu verify`: a receipt checked with public keys alone.

use crate::cli::{SettingsArgs, VerifyArgs};
use crate::config::Config;
use anyhow::{Context, Result, ensure};
use chain::{FinalRecord, FinalState, Receipt, Statement, Validators, VerifiedReceipt, VerifierKey};
use clearing::Uetr;
use iso20022::view::AccountStatementView;
use money::{Amount, Currency, CurrencyCode};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// File in the data folder with the centre's verifier key.
pub const KEY_FILE: &str = "centre.verifier";

/// Prints what the receipt proves; exit status 1 when it proves nothing.
pub fn verify(settings: &SettingsArgs, args: &VerifyArgs) -> Result<ExitCode> {
    let text = read(&args.receipt)?;
    if args.statement {
        return Ok(statement(&text, args.json));
    }
    let keys = keys(settings, args)?;
    let validators = validators_in(args.validators.as_deref())?;
    let judged = Receipt::parse(&text).and_then(|receipt| match &validators {
        Some(validators) => receipt.verify_final(&keys, validators),
        None => receipt.verify(&keys),
    });
    match judged {
        Ok(proved) => {
            print(&proved, args.json);
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            if args.json {
                println!("{}", serde_json::json!({ "verified": false, "why": why.to_string() }));
            } else {
                println!("NOT VERIFIED: {why}");
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Computes a statement's hash again and adds its entries up.
fn statement(text: &str, json: bool) -> ExitCode {
    let judged = iso20022::read_business_message(text.as_bytes(), iso20022::Limits::DEFAULT)
        .map_err(|violation| format!("{}: {}", violation.path, violation.text))
        .and_then(|message| AccountStatementView::of(&message.document).map_err(|error| error.to_string()))
        .and_then(|view| view.statement.check().map(|()| view).map_err(|error| error.to_string()));
    match judged {
        Err(why) if json => println!("{}", serde_json::json!({ "verified": false, "why": why })),
        Err(why) => println!("NOT VERIFIED: {why}"),
        Ok(view) => {
            let Statement { bic, currency, exponent, after, to, height, opening, closing, lines } = &view.statement;
            let (owner, code) = (String::from_utf8_lossy(bic), String::from_utf8_lossy(currency));
            let proof = view.statement.proof().to_string();
            if json {
                let value = serde_json::json!({
                    "verified": true, "owner": owner, "currency": code, "decimals": exponent, "after": after, "to": to, "height": height,
                    "entries": lines.len(), "opening_minor": opening.to_string(), "closing_minor": closing.to_string(), "sha256": proof,
                });
                println!("{value}");
            } else {
                println!("VERIFIED");
                println!("  account         {owner} {code}");
                println!("  positions       behind {after} to {to}, block {height}");
                println!("  entries         {} of {opening} minor units to {closing}", lines.len());
                println!("  sha256          {proof}");
            }
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::FAILURE
}

fn read(path: &Path) -> Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("receipt {}", path.display()))
}

/// The list of validators in a file, if one is named.
pub fn validators_in(path: Option<&Path>) -> Result<Option<Validators>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("validators {}", path.display()))?;
    Ok(Some(text.parse().with_context(|| format!("validators {}", path.display()))?))
}

/// The key given, or the keys in the file given, or the data folder's own.
fn keys(settings: &SettingsArgs, args: &VerifyArgs) -> Result<Vec<VerifierKey>> {
    let given = match &args.key {
        Some(key) => key.clone(),
        None => Config::load(settings)?.data.join(KEY_FILE).display().to_string(),
    };
    if let Ok(key) = given.parse() {
        return Ok(vec![key]);
    }
    let text = std::fs::read_to_string(&given)
        .with_context(|| format!("verifier key: {given} is neither a key nor a file with keys; use --key"))?;
    let keys = text.lines().filter(|line| !line.trim().is_empty()).map(str::parse).collect::<Result<Vec<VerifierKey>, _>>();
    let keys = keys.with_context(|| format!("verifier keys in {given}"))?;
    ensure!(!keys.is_empty(), "no key in {given}");
    Ok(keys)
}

fn print(proved: &VerifiedReceipt, json: bool) {
    let VerifiedReceipt { record, index, checkpoint } = proved;
    let (debit, credit) = amounts(record);
    let agent = |bic: &[u8; 11]| String::from_utf8_lossy(bic).into_owned();
    let state = match record.state {
        FinalState::Settled if record.returns.is_some() => "returned",
        FinalState::Settled => "settled",
        FinalState::Rejected => "rejected",
    };
    let reason = String::from_utf8_lossy(&record.reason).trim().to_owned();
    if json {
        let value = serde_json::json!({
            "verified": true, "uetr": Uetr(record.uetr).to_string(), "state": state, "reason": reason,
            "debtor_agent": agent(&record.debtor_agent), "creditor_agent": agent(&record.creditor_agent),
            "debit": debit, "credit": credit, "height": record.height, "time_ns": record.time_ns,
            "returns": record.returns.map(|returned| Uetr(returned).to_string()),
            "leaf_index": index, "tree_size": checkpoint.size, "origin": checkpoint.origin,
        });
        println!("{value}");
        return;
    }
    println!("VERIFIED");
    println!("  payment         {}", Uetr(record.uetr));
    if let Some(returned) = record.returns {
        println!("  returns         {}", Uetr(returned));
    }
    println!("  state           {}", [state, &reason].join(" ").trim_end());
    println!("  debtor agent    {}  paid {debit}", agent(&record.debtor_agent));
    println!("  creditor agent  {}  received {credit}", agent(&record.creditor_agent));
    println!("  block           {}  leaf {index} of {}", record.height, checkpoint.size);
    println!("  log             {}", checkpoint.origin);
}

fn amounts(record: &FinalRecord) -> (String, String) {
    let text = |minor: u64, code: [u8; 3], exponent: u8| {
        let currency = CurrencyCode::new(code).ok().and_then(|code| Currency::new(code, exponent).ok());
        currency.map_or_else(|| format!("{minor} minor units"), |currency| format!("{:?}", Amount::from_minor(minor, currency)))
    };
    (
        text(record.debit_minor, record.debit_currency, record.debit_exponent),
        text(record.credit_minor, record.credit_currency, record.credit_exponent),
    )
}
