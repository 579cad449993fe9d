//! `luohu fsck`: reads the data folder without changing it and says which laws hold.

use crate::cli::{FsckArgs, SettingsArgs};
use crate::config::Config;
use crate::verify::validators_in;
use anyhow::{Context, Result};
use ordering::{Disk, LAWS_JUDGED, RealDisk, audit_certificates, fsck as check, has_certificates};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// Prints what was found; exit status 1 when a law is broken.
pub fn fsck(settings: &SettingsArgs, args: &FsckArgs) -> Result<ExitCode> {
    let config = Config::load(settings)?;
    let folder = config.data.join("centre");
    anyhow::ensure!(folder.is_dir(), "no journal in {}", folder.display());
    let begun = Instant::now();
    let disk = RealDisk::open(&folder).with_context(|| format!("{}", folder.display()))?;
    let disk: Arc<dyn Disk> = Arc::new(disk);
    let mut report = check(disk.clone(), args.deep).with_context(|| format!("{}", folder.display()))?;
    let certificates = validators_in(args.validators.as_deref())?.map(|list| audit_certificates(&*disk, &list)).transpose()?;
    if let Some(certificates) = &certificates {
        report.broken.extend(certificates.broken.iter().map(|finding| ("CRT-01".to_owned(), finding.clone())));
    }
    if args.json {
        let broken: Vec<_> =
            report.broken.iter().map(|(law, detail)| serde_json::json!({ "law": law, "detail": detail })).collect();
        let value = serde_json::json!({
            "blocks": report.blocks, "payments": report.payments, "finals": report.finals, "replayed_commands": report.replayed_commands,
            "history_height": crate::history::height(&config), "torn_bytes": report.torn_bytes, "messages": report.messages, "messages_erased": report.erased, "messages_to_erase": report.to_erase, "certificates": certificates.as_ref().map(|found| found.good),
            "certified_to": certificates.as_ref().map(|found| found.covered), "passed_over": report.passed_over, "broken": broken, "seconds": begun.elapsed().as_secs_f64(),
        });
        println!("{value}");
    } else {
        println!("blocks            {}", report.blocks);
        println!("payments          {} ({} final)", report.payments, report.finals);
        println!("commands replayed {}", report.replayed_commands);
        println!("messages read     {}", report.messages);
        if report.erased > 0 {
            println!("messages erased   {} by request, each on record; `luohu person log`", report.erased);
        }
        if report.to_erase > 0 {
            println!(
                "messages to erase {}: an erasure was broken off, or an older vault put back; the next start finishes it",
                report.to_erase
            );
        }
        if let Some(found) = &certificates {
            println!("certificates      {}, up to block {}", found.good, found.covered);
        } else if has_certificates(&*disk)? {
            println!("certificates      not checked; --validators FILE says who had to sign");
        }
        println!("history index     {}", crate::history::how_far(&config));
        if report.torn_bytes > 0 {
            println!("unfinished write  at the end; the next start drops it, nobody had been told of it");
        }
        for snapshot in &report.passed_over {
            println!("snapshot          is damaged, and the next start passes it over: {snapshot}");
        }
        for law in LAWS_JUDGED {
            let broken = report.broken.iter().find(|(id, _)| id == law);
            println!("{law}            {}", broken.map_or("holds".to_owned(), |(_, detail)| format!("BROKEN: {detail}")));
        }
        for (law, detail) in report.broken.iter().filter(|(id, _)| !LAWS_JUDGED.contains(&id.as_str())) {
            println!("{law}            BROKEN: {detail}");
        }
        println!("checked in {:.2} s", begun.elapsed().as_secs_f64());
    }
    Ok(if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
