//! The reference page of refusals, written from the registers of every crate behind the door.

use crate::refusal::{GatewayRefusal, retry_word};
use clearing::{Refusal, Rejection};
use ordering::SubmitRefusal;
use signing::SignatureRefusal;
use std::fmt::Write;

const HEAD: &str = "\
# Refusals

Written from the code; change it there and run `cargo xtask bless`. Codes are stable: a code is never given another
meaning and never used again.

What to do: *never* means that the same request will be refused again; *later* that the same request may pass after
`Retry-After`; *with_change* that another request (a new UETR, a new quote, a new signature) may pass.

A refusal leaves no trace at the centre. A rejection is the recorded, final end of a payment. In transport and
authentication a refusal is `application/problem+json`; of a message it is `admi.002`, of a payment `pacs.002` with status
`RJCT`, with the ISO reason and our code in `AddtlInf`. What breaks a schema or a business rule has codes of its own: see
`luohu iso check` and the rules `BR-…`.
";

/// `docs/reference/refusals.md`.
pub fn refusals_page() -> String {
    let mut page = HEAD.to_owned();
    section(&mut page, "At the door", "| Code | HTTP | What to do | Words |\n|---|---|---|---|\n");
    for refusal in GatewayRefusal::ALL {
        row(&mut page, &[refusal.code(), &refusal.http_status().to_string(), retry_word(refusal.retry()), refusal.words()]);
    }
    section(&mut page, "Signatures", "| Code | HTTP | What to do | Words |\n|---|---|---|---|\n");
    for refusal in SignatureRefusal::ALL {
        row(&mut page, &[refusal.code(), &refusal.http_status().to_string(), "with_change", refusal.words()]);
    }
    let columns = "| Code | HTTP | ISO reason | What to do | Words |\n|---|---|---|---|---|\n";
    section(&mut page, "The journal", columns);
    for refusal in [SubmitRefusal::QueueFull, SubmitRefusal::DiskFull, SubmitRefusal::Stopped, SubmitRefusal::TooLarge] {
        let what = if refusal.retry_after_s().is_some() { "later" } else { "with_change" };
        let status = refusal.http_status().to_string();
        row(&mut page, &[refusal.code(), &status, refusal.iso_reason(), what, &refusal.to_string()]);
    }
    section(&mut page, "The centre", columns);
    for refusal in Refusal::ALL {
        let (status, reason) = (refusal.http_status().to_string(), refusal.iso_reason().to_string());
        row(&mut page, &[refusal.code(), &status, &reason, retry_word(refusal.retry()), &refusal.to_string()]);
    }
    section(&mut page, "Rejected payments", "| Code | ISO reason | What to do | Words |\n|---|---|---|---|\n");
    for rejection in Rejection::ALL {
        let reason = match rejection {
            Rejection::ByCreditorAgent(_) => "the creditor agent's".to_owned(),
            other => other.iso_reason().to_string(),
        };
        row(&mut page, &[rejection.code(), &reason, retry_word(rejection.retry()), &rejection.to_string()]);
    }
    page
}

fn section(page: &mut String, title: &str, columns: &str) {
    write!(page, "\n## {title}\n\n{columns}").expect("writing to a string");
}

fn row(page: &mut String, cells: &[&str]) {
    writeln!(page, "| {} |", cells.join(" | ")).expect("writing to a string");
}
