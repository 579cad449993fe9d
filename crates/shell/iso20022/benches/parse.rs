//! Parse and validate against a bare event scan of the same bytes and against libxml2, in one run.
//!
//! `cargo bench -p iso20022`. Medians of several rounds; the ratio is what counts, nanoseconds depend on the machine.
//! libxml2 is measured by `xmllint --timing --repeat` (parse) and the same with `--schema` (parse and validate), where
//! `xmllint` and the official schemas are there; without them that part says so.

use iso20022::view::{CreditTransferView, business_message_of};
use iso20022::{Limits, read_business_message, read_message};
use quick_xml::events::Event;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 31;
const PER_ROUND: u32 = 2_000;

fn main() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pacs.008.xml");
    let source = std::fs::read(&file).expect("the message is part of the crate");
    println!("iso20022::parse/message=pacs.008.001.08 bytes={} rounds={ROUNDS} per_round={PER_ROUND}", source.len());
    // Interleaved, so that a busy moment hits all of them.
    let mut scan = Vec::new();
    let mut judge = Vec::new();
    let mut view = Vec::new();
    let mut write = Vec::new();
    let message = read_business_message(&source, Limits::DEFAULT).expect("valid");
    for _ in 0..ROUNDS {
        scan.push(time(|| event_scan(&source)));
        judge.push(time(|| read_message(black_box(&source), Limits::DEFAULT).is_ok() as usize));
        view.push(time(|| CreditTransferView::of(black_box(&message.document)).is_ok() as usize));
        write.push(time(|| business_message_of(black_box(&message)).len()));
    }
    let (scan, judge) = (median(scan), median(judge));
    println!("  quick-xml event scan        {scan:>8.0} ns/message");
    println!("  parse + validate            {judge:>8.0} ns/message   {:.2} x the scan (bar: 3)", judge / scan);
    println!("  view of a parsed message    {:>8.0} ns/message", median(view));
    println!("  write                       {:>8.0} ns/message", median(write));
    libxml2(&file, judge);
}

fn event_scan(source: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(black_box(source));
    let mut events = 0;
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => return events,
            event => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

/// Nanoseconds of one call.
fn time(mut call: impl FnMut() -> usize) -> f64 {
    let start = Instant::now();
    for _ in 0..PER_ROUND {
        black_box(call());
    }
    start.elapsed().as_nanos() as f64 / f64::from(PER_ROUND)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn libxml2(file: &Path, ours: f64) {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared");
    let shared = std::env::var_os("LUOHU_SHARED").map_or(beside, PathBuf::from);
    let schema = shared.join("iso20022/xsd/pacs.008.001.08.xsd");
    if !schema.is_file() {
        println!("  libxml2: not measured, {} is absent", schema.display());
        return;
    }
    let runs = || xmllint(file, &[]).zip(xmllint(file, &["--schema", &schema.to_string_lossy()]));
    let all: Vec<(f64, f64)> = (0..5).filter_map(|_| runs()).collect();
    if all.is_empty() {
        println!("  libxml2: not measured, xmllint (libxml2-utils) is absent or prints no times");
        return;
    }
    let parse = median(all.iter().map(|(parse, _)| *parse).collect());
    let both = median(all.iter().map(|(_, both)| *both).collect());
    println!("  libxml2 parse               {parse:>8.0} ns/message");
    println!("  libxml2 parse + validate    {both:>8.0} ns/message   {:.2} x ours (bar: 1)", both / ours);
}

/// Nanoseconds per message as xmllint tells them: with `--repeat` it does everything 100 times and prints one line for
/// parsing and one for validating.
fn xmllint(file: &Path, more: &[&str]) -> Option<f64> {
    let output = Command::new("xmllint").args(["--noout", "--timing", "--repeat"]).args(more).arg(file).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let mut total_ms = 0.0;
    for line in said.lines().filter(|line| line.contains("iterations took") || line.contains("took")) {
        if line.contains("Compiling") {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "took")?;
        let milliseconds: f64 = words.get(at + 1)?.parse().ok()?;
        let repeats: f64 = words.iter().take(at).find_map(|word| word.parse().ok()).unwrap_or(1.0);
        total_ms += milliseconds / repeats;
    }
    (total_ms > 0.0).then_some(total_ms * 1e6)
}
