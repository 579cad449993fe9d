//! `luohu iso check`: judges ISO 20022 files against schemas and business rules.

use crate::cli::IsoCheckArgs;
use iso20022::check::{check_bytes, exit_status, unreadable};
use std::process::ExitCode;

/// Prints a report a file; exit status 1 if any is invalid, 2 if any could not be judged.
pub fn check(args: &IsoCheckArgs) -> ExitCode {
    let mut reports = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let name = path.display().to_string();
        let report = match std::fs::read(path) {
            Ok(source) => check_bytes(&name, &source),
            Err(error) => unreadable(&name, &error.to_string()),
        };
        if args.json {
            println!("{}", report.to_json());
        } else {
            println!("{}", report.to_text().trim_end());
        }
        reports.push(report);
    }
    ExitCode::from(exit_status(&reports))
}
