//! A soak: validators work by the clock for as long as is asked, one of them is killed now and then and comes back, and memory
//! is written down. Afterwards every chain must be sound, the same as far as it goes, and hold all that was ever told.

use crate::node::VALIDATORS;
use crate::options::Options;
use crate::parent::{Node, now_ms, wait_for};
use ordering::{RealDisk, fsck};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A validator stays away for at most so long.
const AWAY_MAX_MS: u64 = 10_000;
/// How long one that came back may take to be where the others are.
const CATCH_UP: Duration = Duration::from_secs(120);
/// Lines of the table.
const ROWS: u32 = 12;

/// Numbers that look random and are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

pub fn run(options: &Options, arguments: &[String], nodes: &mut [Node]) {
    let (begun, time) = (Instant::now(), Duration::from_secs(options.seconds));
    let (mut chance, mut kills) = (Chance(0x50a4_c0de), 0);
    let between = |chance: &mut Chance| Duration::from_millis(options.kill_seconds * (500 + chance.below(1000)));
    let mut kill_at = between(&mut chance);
    let (mut rows, mut row_from) = (0, now_ms());
    let mut peaks = [0; VALIDATORS];
    println!(" minutes  kills  commands/s  most resident MiB of 0, 1, 2, 3");
    while begun.elapsed() < time {
        std::thread::sleep(Duration::from_secs(1));
        for (peak, node) in peaks.iter_mut().zip(&*nodes) {
            *peak = resident_mib(node.process()).max(*peak);
        }
        if begun.elapsed() >= kill_at && begun.elapsed() + Duration::from_secs(5) < time {
            let victim = chance.below(VALIDATORS as u64) as usize;
            kill_and_return(options, arguments, nodes, victim, chance.below(AWAY_MAX_MS));
            kills += 1;
            kill_at = begun.elapsed() + between(&mut chance);
        }
        if begun.elapsed() >= time * (rows + 1) / ROWS {
            rows += 1;
            let minutes = begun.elapsed().as_secs_f64() / 60.0;
            let rate = nodes.iter().map(|node| node.rate(row_from, now_ms())).fold(0.0, f64::max);
            println!("{minutes:>8.1}  {kills:>5}  {rate:>10.0}  {peaks:?}");
            (peaks, row_from) = ([0; VALIDATORS], now_ms());
        }
    }
    println!("soak: {kills} kills in {:.0} s", begun.elapsed().as_secs_f64());
}

/// The others go on; it comes back to them. Only then may the next be killed: two of four away is another story.
fn kill_and_return(options: &Options, arguments: &[String], nodes: &mut [Node], victim: usize, away_ms: u64) {
    nodes[victim].kill();
    std::thread::sleep(Duration::from_millis(away_ms));
    nodes[victim].start_again(options, arguments);
    let returned = Instant::now();
    wait_for("who was killed", CATCH_UP, || {
        let there = nodes.iter().filter_map(Node::last).map(|look| look.height).max().unwrap_or(0);
        nodes[victim].last().is_some_and(|look| look.height + 20 >= there && returned.elapsed() > Duration::from_millis(500))
    });
}

/// Reads every folder back: no law broken, one chain, and nothing shorter than what was told of it.
pub fn audit(options: &Options, nodes: &[Node]) {
    let mut last = None;
    for (index, node) in nodes.iter().enumerate() {
        let disk = RealDisk::open(&options.folder.join(format!("{index}/chain"))).unwrap();
        let begun = Instant::now();
        let report = fsck(Arc::new(disk), true).unwrap();
        assert_eq!(report.broken, [], "validator {index}");
        let told = node.last().map_or(0, |look| look.height);
        assert!(report.blocks >= told, "validator {index} told of block {told} and has {}", report.blocks);
        let spent = begun.elapsed().as_secs_f64();
        let rate = report.payments as f64 / spent;
        println!(
            "  validator {index}: {} blocks, {} payments, no law broken; audited in {spent:.1} s ({rate:.0} payments/s)",
            report.blocks, report.payments
        );
        last = last.max(Some(report.blocks));
    }
    println!("audit: all chains are sound up to block {}", last.unwrap_or(0));
}

fn resident_mib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}
