//! Durable two-step payments (hold, then posting) through the journal, in process. `cargo bench -p ordering [-- --json]`.
//!
//! Prints the disk's fdatasync of the moment next to every figure: it sets the scale of all latencies.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use clearing::{EventKind, IndexSeed};
use common::{answer, genesis, pay, submission};
use ordering::{DurableBlock, Journal, JournalConfig, OrderedLog, RealDisk, Sink, StopReason, SystemClock};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Hands payment numbers back to the driver.
struct Wire {
    done: Sender<Vec<u64>>,
    commands: Arc<AtomicU64>,
}

impl Sink for Wire {
    fn durable(&mut self, block: DurableBlock) {
        self.commands.fetch_add(block.commands.len() as u64, Ordering::Relaxed);
        let events = block
            .applied
            .events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::PaymentHeld(_) | EventKind::PaymentSettled(_)));
        assert_eq!(events.count(), block.tickets.iter().filter(|&&ticket| ticket != 0).count(), "every step did what it says");
        let _ = self.done.send(block.tickets);
    }
    fn stopped(&mut self, _: StopReason) {}
}

struct Run {
    journal: Journal,
    done: Receiver<Vec<u64>>,
    blocks_of: u64,
}

fn start(folder: &Path) -> Run {
    let (send, done) = channel();
    let commands = Arc::new(AtomicU64::new(0));
    let disk = Arc::new(RealDisk::open(folder).unwrap());
    let config = JournalConfig { queue_commands_max: 1 << 17, ..JournalConfig::default() };
    let journal = Journal::open(disk, config, SystemClock, IndexSeed(0xfeed), |_| Ok(Wire { done: send, commands })).unwrap();
    for command in genesis() {
        journal.submit(submission(0, command)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(500));
    while done.try_recv().is_ok() {}
    Run { journal, done, blocks_of: 0 }
}

/// Keeps `in_flight` payments going, each as two steps one after the other; returns payments a second and latencies in µs of a step.
fn closed_loop(run: &mut Run, first: u64, payments: u64, in_flight: u64, pace: Option<f64>) -> (f64, Vec<u64>) {
    let begun = Instant::now();
    let mut sent = vec![Instant::now(); (payments * 2) as usize];
    let (mut next, mut finished) = (0, 0);
    let mut latencies = Vec::with_capacity((payments * 2) as usize);
    let ticket = |n: u64, step: u64| (n + 1) << 1 | step;
    while finished < payments {
        let allowed = pace.map_or(payments, |rate| (begun.elapsed().as_secs_f64() * rate) as u64);
        let mut batch = Vec::new();
        while next < payments.min(allowed) && next - finished < in_flight {
            sent[(next * 2) as usize] = Instant::now();
            batch.push(submission(ticket(next, 0), pay(first + next, 100)));
            next += 1;
        }
        let mut backs = Vec::new();
        if batch.is_empty() {
            backs.extend(run.done.recv_timeout(Duration::from_micros(if pace.is_some() { 50 } else { 1_000_000 })));
        }
        backs.extend(run.done.try_iter());
        for tickets in backs {
            run.blocks_of += 1;
            for done in tickets.into_iter().filter(|&ticket| ticket != 0) {
                let (n, step) = ((done >> 1) - 1, done & 1);
                latencies.push(sent[(n * 2 + step) as usize].elapsed().as_micros() as u64);
                if step == 0 {
                    sent[(n * 2 + 1) as usize] = Instant::now();
                    batch.push(submission(ticket(n, 1), answer(first + n, true)));
                } else {
                    finished += 1;
                }
            }
        }
        if !batch.is_empty() {
            run.journal.submit_many(batch).unwrap();
        }
    }
    latencies.sort_unstable();
    (payments as f64 / begun.elapsed().as_secs_f64(), latencies)
}

fn at(sorted: &[u64], per_mille: usize) -> u64 {
    sorted[(sorted.len() - 1) * per_mille / 1000]
}

/// p50 and p99 of a 4 KiB write into a pre-written file with its sync, in µs.
fn fdatasync(folder: &Path) -> (u64, u64) {
    let path = folder.join("probe");
    let file = File::options().create(true).truncate(true).write(true).open(&path).unwrap();
    file.write_all_at(&vec![0; 8 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let mut times: Vec<u64> = (0..1500u64)
        .map(|n| {
            let begun = Instant::now();
            file.write_all_at(&[n as u8; 4096], n % 2048 * 4096).unwrap();
            file.sync_data().unwrap();
            begun.elapsed().as_micros() as u64
        })
        .collect();
    std::fs::remove_file(path).unwrap();
    times.sort_unstable();
    (at(&times, 500), at(&times, 990))
}

fn main() {
    let scale = std::env::var("LUOHU_BENCH_PAYMENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(1_000_000u64);
    let folder = tempfile::tempdir_in(std::env::var_os("LUOHU_BENCH_DIR").unwrap_or_else(|| ".".into())).unwrap();
    let mut rows: Vec<(String, f64, String)> = Vec::new();
    let (sync_p50, sync_p99) = fdatasync(folder.path());
    rows.push(("fdatasync 4 KiB p50".into(), sync_p50 as f64, format!("µs (p99 {sync_p99})")));

    let data = folder.path().join("data");
    let mut run = start(&data);
    let (rate, latencies) = closed_loop(&mut run, 0, scale, 8000, None);
    rows.push((
        "two-step payments, 8,000 in flight".into(),
        rate,
        format!("/s (step p50 {} p99 {} µs)", at(&latencies, 500), at(&latencies, 990)),
    ));
    let peak = rate;
    let (rate64, latencies) = closed_loop(&mut run, scale, scale / 4, 64, None);
    rows.push((
        "two-step payments, 64 callers of one".into(),
        rate64,
        format!("/s (step p50 {} p99 {} µs)", at(&latencies, 500), at(&latencies, 990)),
    ));
    for (name, pace) in [("half of 64 callers' rate", rate64 / 2.0), ("half of peak", peak / 2.0)] {
        let (_, latencies) =
            closed_loop(&mut run, scale * 2 + pace as u64 % 1000 * scale, (pace as u64 * 2).min(scale), 100_000, Some(pace));
        let (p50, p99) = (at(&latencies, 500), at(&latencies, 990));
        let (f50, f99) = (p50 as f64 / sync_p50 as f64, p99 as f64 / sync_p50 as f64);
        rows.push((format!("commit latency at {name}: p50"), f50, format!("× fdatasync p50 (p99 {f99:.1} ×; {p50} / {p99} µs)")));
    }
    drop(run);

    let single = folder.path().join("recover");
    let mut run = start(&single);
    closed_loop(&mut run, 0, scale, 8000, None);
    run.journal.close().unwrap();
    drop(run);
    let used: u64 = std::fs::read_dir(&single)
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            path.file_name()?
                .to_str()?
                .starts_with("journal-")
                .then(|| bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at as u64))
        })
        .sum();
    rows.push(("journal bytes per payment".into(), used as f64 / scale as f64, "B".into()));
    for snapshot in [true, false] {
        if !snapshot {
            for entry in std::fs::read_dir(&single).unwrap() {
                let path = entry.unwrap().path();
                if path.file_name().unwrap().to_str().unwrap().starts_with("snapshot-") {
                    std::fs::remove_file(path).unwrap();
                }
            }
        }
        let begun = Instant::now();
        let disk = Arc::new(RealDisk::open(&single).unwrap());
        let config = JournalConfig { snapshot_after_commands: u64::MAX, ..JournalConfig::default() };
        let (send, _keep) = channel();
        let mut took = 0.0;
        let journal = Journal::open(disk, config, SystemClock, IndexSeed(1), |recovered| {
            took = begun.elapsed().as_secs_f64();
            assert_eq!(recovered.clearing.payments().len() as u64, scale);
            Ok(Wire { done: send, commands: Arc::default() })
        })
        .unwrap();
        let way = if snapshot { "snapshot" } else { "journal" };
        rows.push((format!("recovery of {scale} payments from {way}"), took, "s".into()));
        drop(journal);
    }
    let begun = Instant::now();
    let report = ordering::fsck(Arc::new(RealDisk::open(&single).unwrap()), true).unwrap();
    assert_eq!((report.broken, report.payments), (Vec::new(), scale));
    rows.push(("full audit: replay, roots, laws".into(), scale as f64 / begun.elapsed().as_secs_f64(), "payments/s".into()));
    if std::env::args().any(|arg| arg == "--json") {
        let json: Vec<_> =
            rows.iter().map(|(name, value, unit)| serde_json::json!({ "name": name, "value": value, "unit": unit })).collect();
        println!("{}", serde_json::Value::Array(json));
    } else {
        rows.iter().for_each(|(name, value, unit)| println!("{name:<52} {value:>12.2} {unit}"));
    }
}
