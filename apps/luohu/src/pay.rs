//! `luohu pay`: a payment from the terminal, through a sample bank's own door; `luohu bank fault`: how that bank misbehaves.

use crate::cli::{BankFaultArgs, FaultKind, PayArgs};
use crate::web::BankDoor;
use anyhow::{Context, Result, bail, ensure};
use bank::Fault;
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Longest wait for the end: the deadline of normal priority and some.
const PATIENCE: Duration = Duration::from_secs(40);
/// The holder of the account that is paid when nothing else is said.
const SAMPLE_PAYEE: &str = "LI Na";

/// Pays and shows how it goes; exit status 1 when it ends rejected.
pub fn pay(args: &PayArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(pay_and_watch(args))
}

async fn pay_and_watch(args: &PayArgs) -> Result<ExitCode> {
    let door = sign_in(args.bank, &args.sign_in, &args.password).await?;
    let mut order = order(args, &door).await?;
    let draft = door.json(Method::POST, "/api/v1/payments", Some(&order)).await.context("quote and name check")?;
    print_terms(&draft);
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    order["dry_run"] = json!(false);
    let sent = door.json(Method::POST, "/api/v1/payments", Some(&order)).await.context("paying")?;
    watch(&door, text(&sent, "uetr")?, args).await
}

/// A bank's door with a customer's session.
pub async fn sign_in(addr: std::net::SocketAddr, name: &str, password: &str) -> Result<BankDoor> {
    let mut door = BankDoor { addr, token: None };
    let credentials = json!({ "name": name, "password": password });
    let session = door.json(Method::POST, "/api/v1/sessions", Some(&credentials)).await.context("signing in")?;
    door.token = Some(text(&session, "token")?.to_owned());
    Ok(door)
}

/// The order as the bank's door takes it, from the account given or the first that has the currency.
async fn order(args: &PayArgs, door: &BankDoor) -> Result<Value> {
    let (amount, fixed) = match (args.amount.as_deref(), args.receive.as_deref()) {
        (None, None) => ("100.00", "debit"),
        (Some(amount), None) => (amount, "debit"),
        (None, Some(amount)) => (amount, "credit"),
        (Some(_), Some(_)) => bail!("give either --amount (what is paid) or --receive (what arrives)"),
    };
    let account = match &args.from {
        Some(account) => account.clone(),
        None => first_account(&door.json(Method::GET, "/api/v1/account", None).await?, &args.currency)?,
    };
    let (agent, payee, name) = match &args.to_alias {
        Some(alias) => ("", alias.as_str(), args.name.as_deref().unwrap_or_default()),
        None => (args.to_bank.as_str(), args.to.as_str(), args.name.as_deref().unwrap_or(SAMPLE_PAYEE)),
    };
    Ok(json!({
        "from": format!("{account}/{}", args.currency), "agent": agent, "payee": payee, "name": name,
        "amount": amount, "fixed": fixed, "credit_currency": args.credit_currency, "purpose": args.purpose, "note": args.note,
        "acknowledge_name": args.pay_anyway, "dry_run": true,
    }))
}

fn first_account(account: &Value, currency: &str) -> Result<String> {
    let accounts = account["accounts"].as_array().context("the bank shows no accounts")?;
    let has =
        |account: &&Value| account["balances"].as_array().is_some_and(|pots| pots.iter().any(|pot| pot["currency"] == currency));
    let found = accounts.iter().find(has).and_then(|account| account["number"].as_str());
    found.map(str::to_owned).with_context(|| format!("no account in {currency}; use --from"))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("the bank's answer has no {key}"))
}

fn amount(value: &Value) -> String {
    format!("{} {}", value["currency"].as_str().unwrap_or("?"), value["amount"].as_str().unwrap_or("?"))
}

fn print_terms(draft: &Value) {
    println!("you pay       {}", amount(&draft["debit"]));
    println!("payee gets    {}", amount(&draft["credit"]));
    if let (Some(rate), Some(provider)) = (draft["rate"].as_str(), draft["provider"].as_str()) {
        println!("rate          {rate} by {provider}");
    }
    if let Some(alias) = draft["alias"].as_str() {
        println!(
            "alias         {alias} is {} (signed by the centre, sha256 {})",
            draft["creditor_agent"].as_str().unwrap_or("?"),
            draft["alias_proof"]["sha256"].as_str().unwrap_or("?")
        );
    }
    if let Some(tier) = draft["warning"].as_str() {
        println!("warning       {tier}: others have reported this payee");
    }
    let masked = draft["masked_name"].as_str().unwrap_or("");
    println!("name check    {} {masked}", draft["name_check"].as_str().unwrap_or("?"));
}

/// Follows the payment to its end and keeps the receipt.
async fn watch(door: &BankDoor, uetr: &str, args: &PayArgs) -> Result<ExitCode> {
    println!("payment       {uetr}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}").context("progress bar")?);
    bar.enable_steady_tick(Duration::from_millis(80));
    let begun = Instant::now();
    loop {
        let payment = door.json(Method::GET, &format!("/api/v1/payments/{uetr}"), None).await?;
        let state = text(&payment, "state")?.to_owned();
        bar.set_message(state.clone());
        match state.as_str() {
            "credited" => return finish(door, uetr, args, &bar, begun, &payment).await,
            "settled" if begun.elapsed() > Duration::from_secs(5) => {
                return finish(door, uetr, args, &bar, begun, &payment).await;
            }
            "rejected" => {
                bar.finish_and_clear();
                println!(
                    "rejected      {} {}",
                    payment["reason"].as_str().unwrap_or(""),
                    payment["reason_text"].as_str().unwrap_or("")
                );
                return Ok(ExitCode::FAILURE);
            }
            _ => ensure!(begun.elapsed() < PATIENCE, "the payment is still {state}; look again with its UETR"),
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

async fn finish(
    door: &BankDoor,
    uetr: &str,
    args: &PayArgs,
    bar: &ProgressBar,
    begun: Instant,
    payment: &Value,
) -> Result<ExitCode> {
    bar.finish_and_clear();
    println!("{:<13} in {:.2} s", payment["state"].as_str().unwrap_or("settled"), begun.elapsed().as_secs_f64());
    let receipt = door.text(&format!("/api/v1/payments/{uetr}/receipt")).await.context("receipt")?;
    let path = args.receipt.clone().unwrap_or_else(|| format!("{uetr}.receipt").into());
    std::fs::write(&path, receipt).with_context(|| path.display().to_string())?;
    println!("receipt       {} (check it with `luohu verify`)", path.display());
    Ok(ExitCode::SUCCESS)
}

/// Makes a sample bank misbehave, or behave again.
pub fn fault(args: &BankFaultArgs) -> Result<ExitCode> {
    let fault = match args.fault {
        FaultKind::None => Fault::None,
        FaultKind::Silent => Fault::Silent,
        FaultKind::Offline => Fault::Offline,
        FaultKind::Slow => Fault::Slow { ms: args.ms },
        FaultKind::Refusing => Fault::Refusing { reason: args.reason.clone() },
        FaultKind::AnswerTwice => Fault::AnswerTwice,
        FaultKind::AnswerLate => Fault::AnswerLate,
        FaultKind::WrongSignature => Fault::WrongSignature,
        FaultKind::DropConnection => Fault::DropConnection { ms: args.ms },
        FaultKind::Reviewing => Fault::Reviewing,
        FaultKind::CreditTwice => Fault::CreditTwice,
        FaultKind::ForgetCursor => Fault::ForgetCursor,
    };
    let wanted = serde_json::to_value(&fault)?;
    let door = BankDoor { addr: args.bank, token: None };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let now = runtime.block_on(door.json(Method::POST, "/admin/fault", Some(&wanted)))?;
    println!("{now}");
    Ok(ExitCode::SUCCESS)
}
