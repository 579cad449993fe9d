//! `directory::look_up/aliases=N`: how long a look-up takes with so many aliases on disk, on two threads at once.
//!
//! `cargo bench -p directory` fills a new file with ten million aliases (some minutes, three gigabytes); `LUOHU_ALIASES` sets
//! another number. The audit file is written as in production.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use clearing::Bic;
use directory::{Alias, Ask, Directory, DirectoryRefusal, Rate, Settings};
use hdrhistogram::Histogram;
use signing::HashKey;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const LOOKUPS: u64 = 100_000;
const THREADS: u64 = 2;

fn main() {
    // Cargo runs benchmarks as tests, too: then there is nothing to measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let aliases = std::env::var("LUOHU_ALIASES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000_000);
    let folder = tempfile::tempdir_in(std::env::var("LUOHU_BENCH_DIR").unwrap_or_else(|_| ".".into())).unwrap();
    let wide = Rate { per_hour: u32::MAX, burst: u32::MAX };
    let settings = Settings { participant: wide, payer: wide, ..Settings::default() };
    let directory = Directory::open(folder.path(), settings, HashKey::new(&[7; 32])).unwrap();
    let harbour = Bic::parse("HARBHKHHXXX").unwrap();
    let begun = Instant::now();
    let all = (0..aliases).map(|at| (mobile(at), format!("3881{at:010}"), "CHAN Tai Man".to_owned()));
    let count = directory.fill(harbour, all).unwrap();
    let bytes = std::fs::metadata(folder.path().join("directory.redb")).unwrap().len();
    println!("directory::fill/aliases={count} {:.0} s, {} MB on disk", begun.elapsed().as_secs_f64(), bytes >> 20);
    for (name, misses) in [("hits", false), ("misses", true)] {
        measure(&directory, aliases, name, misses);
    }
}

/// A mainland number nobody else has.
fn mobile(at: u64) -> Alias {
    Alias::parse(&format!("+861{at:010}")).unwrap()
}

fn measure(directory: &Directory, aliases: u64, name: &str, misses: bool) {
    let begun = Instant::now();
    let measured: Vec<Histogram<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || run(directory, aliases, misses, thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let seconds = begun.elapsed().as_secs_f64();
    let mut whole = Histogram::<u64>::new(3).unwrap();
    measured.iter().for_each(|part| whole.add(part).unwrap());
    let micros = |quantile: f64| whole.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "directory::look_up/aliases={aliases} {name}: {:.0}/s, p50 {:.0} µs, p99 {:.0} µs, p999 {:.0} µs, max {:.1} ms",
        (LOOKUPS * THREADS) as f64 / seconds,
        micros(0.5),
        micros(0.99),
        micros(0.999),
        whole.max() as f64 / 1_000_000.0,
    );
}

fn run(directory: &Directory, aliases: u64, misses: bool, thread: u64) -> Histogram<u64> {
    let by = Bic::parse("LIONHKHHXXX").unwrap();
    let (mut measured, mut random) = (Histogram::new(3).unwrap(), 0x9e37_79b9_7f4a_7c15_u64 ^ thread);
    for at in 0..LOOKUPS {
        // xorshift64*: any alias with the same chance.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let draw = random.wrapping_mul(0x2545_f491_4f6c_dd1d) % aliases;
        let alias = mobile(if misses { aliases + draw } else { draw });
        let payer = (at % 1_000).to_string();
        let ask = Ask { by, payer: &payer, alias: &alias, at: None };
        let begun = Instant::now();
        // The audit queue refuses when the disk is behind: then the thread stands back, as a bank would.
        while let Err(refused) = directory.look_up(&ask, 1) {
            if refused.refusal == DirectoryRefusal::UnknownAlias {
                assert!(misses);
                break;
            }
            assert_eq!(refused.refusal, DirectoryRefusal::Unavailable);
            std::thread::sleep(Duration::from_millis(1));
        }
        measured.record(begun.elapsed().as_nanos() as u64).unwrap();
    }
    measured
}
