//! `luohu request`: a request to pay from the terminal, through a sample bank's own door.

use crate::cli::RequestArgs;
use crate::web::BankDoor;
use anyhow::{Context, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How much longer than the debtor has it is waited for the end.
const GRACE: Duration = Duration::from_secs(10);

/// Asks and shows how it goes; exit status 1 when it is not paid.
pub fn request(args: &RequestArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask_and_watch(args))
}

async fn ask_and_watch(args: &RequestArgs) -> Result<ExitCode> {
    let mut door = BankDoor { addr: args.bank, token: None };
    let credentials = json!({ "name": args.sign_in, "password": args.password });
    let session = door.json(Method::POST, "/api/v1/sessions", Some(&credentials)).await.context("signing in")?;
    door.token = Some(text(&session, "token")?.to_owned());
    let typed = json!({
        "agent": args.of_bank, "debtor": args.of, "name": args.name, "amount": args.amount, "currency": args.currency,
        "note": args.note, "life_s": args.life_s,
    });
    let asked = door.json(Method::POST, "/api/v1/requests", Some(&typed)).await.context("asking")?;
    let uetr = text(&asked, "uetr")?.to_owned();
    println!("{} asks {} of {} for {} {}", args.sign_in, args.name, args.of_bank, args.currency, args.amount);
    println!("request       {uetr}");
    watch(&door, &uetr, args, asked).await
}

/// Prints each state once, up to the last.
async fn watch(door: &BankDoor, uetr: &str, args: &RequestArgs, mut asked: Value) -> Result<ExitCode> {
    let (begun, mut shown) = (Instant::now(), String::new());
    let patience = Duration::from_secs(args.life_s).saturating_add(GRACE);
    loop {
        let state = text(&asked, "state")?.to_owned();
        if state != shown {
            let reason = asked["reason"].as_str().unwrap_or("");
            println!("{state:<13} {reason}{}{:.2} s", if reason.is_empty() { "" } else { " " }, begun.elapsed().as_secs_f64());
            shown.clone_from(&state);
        }
        match state.as_str() {
            "paid" => return Ok(ExitCode::SUCCESS),
            "refused" | "withdrawn" => return Ok(ExitCode::FAILURE),
            _ => ensure!(begun.elapsed() < patience, "the request is still {state}"),
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
        asked = door.json(Method::GET, &format!("/api/v1/requests/{uetr}"), None).await?;
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("the bank's answer has no {key}"))
}
