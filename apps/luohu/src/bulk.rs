//! `luohu bank bulk`: a file of payments handed to a sample bank's own door, watched to its end, its results kept.

use crate::cli::BankBulkArgs;
use crate::pay;
use anyhow::{Context, Result, bail};
use hyper::Method;
use indicatif::{ProgressBar, ProgressStyle};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Hands the file in and follows it; exit status 1 when lines were rejected.
pub fn bulk(args: &BankBulkArgs) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(hand_in(args))
}

async fn hand_in(args: &BankBulkArgs) -> Result<ExitCode> {
    let door = pay::sign_in(args.bank, &args.sign_in, &args.password).await?;
    let media = match args.file.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => "text/csv",
        Some("xml") => "application/xml",
        Some(_) | None => bail!("{}: expected a name ending in .xml (pain.001) or .csv", args.file.display()),
    };
    let begun = Instant::now();
    let taken = door.send_file("/api/v1/bulk", media, &args.file).await?;
    let number = taken["file"].as_u64().context("the bank's answer has no file")?;
    println!(
        "file          {number}: {} lines, {} rejected, {:.2} s",
        taken["lines"],
        taken["rejected"],
        begun.elapsed().as_secs_f64()
    );
    let bar = ProgressBar::new(taken["lines"].as_u64().unwrap_or(0));
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed}").context("progress bar")?);
    let path = format!("/api/v1/bulk/{number}");
    let ended = loop {
        let file = door.json(Method::GET, &path, None).await?;
        bar.set_position(file["lines_done"].as_u64().unwrap_or(0));
        if file["state"] == "done" {
            break file;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    bar.finish_and_clear();
    println!("done          {} rejected, {:.2} s", ended["rejected"], begun.elapsed().as_secs_f64());
    if let Some(results) = &args.results {
        let kind = if results.extension().is_some_and(|extension| extension == "xml") { "xml" } else { "csv" };
        door.save(&format!("{path}/results.{kind}"), results).await?;
        println!("results       {}", results.display());
    }
    Ok(if ended["rejected"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
