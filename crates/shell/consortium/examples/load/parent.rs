//! Starts the four processes, makes what the scenario says happen, and adds up.

use crate::line;
use crate::node::VALIDATORS;
use crate::options::Options;
use crate::soak;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a validator said: wall clock in ms, height, commands since its start, state root.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    ms: u64,
    pub(crate) height: u64,
    commands: u64,
    root: String,
}

#[derive(Debug, Default)]
struct Heard {
    looks: Vec<Look>,
    end: Option<String>,
}

pub(crate) struct Node {
    index: usize,
    child: Child,
    heard: Arc<Mutex<Heard>>,
}

impl Node {
    fn start(index: usize, options: &Options, arguments: &[String], idle: bool) -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let child = Self::spawn(index, options, arguments, idle, &heard);
        Self { index, child, heard }
    }

    /// Starts it on the folder it has; what its earlier lives said is kept.
    pub(crate) fn start_again(&mut self, options: &Options, arguments: &[String]) {
        self.child = Self::spawn(self.index, options, arguments, false, &self.heard);
    }

    fn spawn(index: usize, options: &Options, arguments: &[String], idle: bool, heard: &Arc<Mutex<Heard>>) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(arguments).args(["--node", &index.to_string(), "--folder", options.folder.to_str().unwrap()]);
        if idle {
            command.arg("--idle");
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (lines, into) = (BufReader::new(child.stdout.take().unwrap()).lines(), heard.clone());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut heard = into.lock().unwrap();
                match line.split_once(' ') {
                    Some(("at", rest)) => {
                        let words: Vec<&str> = rest.split(' ').collect();
                        let number = |at: usize| words[at].parse().unwrap();
                        heard.looks.push(Look {
                            ms: number(0),
                            height: number(1),
                            commands: number(2),
                            root: words[3].to_owned(),
                        });
                    }
                    Some(("end", rest)) => heard.end = Some(rest.to_owned()),
                    _ => println!("{line}"),
                }
            }
        });
        child
    }

    pub(crate) fn last(&self) -> Option<Look> {
        self.heard.lock().unwrap().looks.last().cloned()
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Commands a second between two moments, by this validator's looks.
    pub(crate) fn rate(&self, from_ms: u64, to_ms: u64) -> f64 {
        let heard = self.heard.lock().unwrap();
        let within: Vec<&Look> = heard.looks.iter().filter(|look| (from_ms..=to_ms).contains(&look.ms)).collect();
        match (within.first(), within.last()) {
            (Some(first), Some(last)) if last.ms > first.ms => {
                // A process counts from its start.
                last.commands.saturating_sub(first.commands) as f64 * 1000.0 / (last.ms - first.ms) as f64
            }
            _ => 0.0,
        }
    }
}

pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub(crate) fn wait_for(what: &str, patience: Duration, mut ready: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < patience, "{what} did not come in {patience:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

pub fn run(options: &Options, arguments: &[String]) {
    if options.delay_ms > 0 {
        line::open(options.first_port, Duration::from_millis(options.delay_ms));
    }
    let mut nodes: Vec<Node> = (0..VALIDATORS).map(|index| Node::start(index, options, arguments, false)).collect();
    wait_for("the first blocks", Duration::from_secs(90), || {
        nodes.iter().all(|node| node.last().is_some_and(|look| look.height > 5))
    });
    match options.scenario.as_str() {
        "steady" => steady(options, &nodes),
        "one-dead" => one_dead(&mut nodes),
        "two-dead" => two_dead(options, arguments, &mut nodes),
        "rejoin" => rejoin(options, arguments, &mut nodes),
        "soak" => soak::run(options, arguments, &mut nodes),
        other => panic!("no scenario {other}"),
    }
    agree(&nodes);
    nodes.iter_mut().for_each(Node::kill);
    if options.audit || options.scenario == "soak" {
        soak::audit(options, &nodes);
    }
    if !options.keep {
        let _ = std::fs::remove_dir_all(&options.folder);
    }
}

fn steady(options: &Options, nodes: &[Node]) {
    let patience = Duration::from_secs(options.seconds + 30);
    wait_for("the end", patience, || nodes.iter().all(|node| node.heard.lock().unwrap().end.is_some()));
    let (mut total, mut worst) = (0, (0, 0, 0));
    for node in nodes {
        let end = node.heard.lock().unwrap().end.clone().unwrap();
        println!("  validator: payments, p50 µs, p99 µs, p999 µs, refusals: {end}");
        let numbers: Vec<u64> = end.split(' ').take(4).map(|word| word.parse().unwrap()).collect();
        total += numbers[0];
        worst = (worst.0.max(numbers[1]), worst.1.max(numbers[2]), worst.2.max(numbers[3]));
    }
    let last = nodes[0].last().unwrap();
    println!(
        "steady: {} two-step payments/s; finality p50 {:.1} ms, p99 {:.1} ms, p999 {:.1} ms (worst validator); height {}",
        total / options.seconds,
        worst.0 as f64 / 1000.0,
        worst.1 as f64 / 1000.0,
        worst.2 as f64 / 1000.0,
        last.height
    );
}

fn one_dead(nodes: &mut [Node]) {
    std::thread::sleep(Duration::from_secs(6));
    let killed = now_ms();
    nodes[3].kill();
    let before = nodes[0].rate(killed - 3000, killed);
    std::thread::sleep(Duration::from_secs(8));
    let after = nodes[0].rate(killed + 3000, killed + 8000);
    // The dead validator's own load died with it: three quarters of the commands are left to do.
    let recovered = (0..70).map(|at| killed + at * 100).find(|&at| nodes[0].rate(at, at + 500) >= 0.8 * before * 0.75);
    let recovered_full = (0..70).map(|at| killed + at * 100).find(|&at| nodes[0].rate(at, at + 500) >= 0.8 * before);
    println!(
        "one-dead: {before:.0} commands/s before, {after:.0} after; back to 80 % of what three bring after {} ms, of all four after {} ms",
        recovered.map_or(-1, |at| (at - killed) as i64),
        recovered_full.map_or(-1, |at| (at - killed) as i64),
    );
}

fn two_dead(options: &Options, arguments: &[String], nodes: &mut [Node]) {
    std::thread::sleep(Duration::from_secs(6));
    let killed = now_ms();
    let before = nodes[0].rate(killed - 3000, killed);
    nodes[2].kill();
    nodes[3].kill();
    std::thread::sleep(Duration::from_secs(4));
    let halted = nodes[0].rate(killed + 1500, killed + 4000);
    let returned = now_ms();
    for at in [2, 3] {
        nodes[at] = Node::start(at, options, arguments, false);
    }
    std::thread::sleep(Duration::from_secs(10));
    let first = (0..100).map(|at| returned + at * 100).find(|&at| nodes[0].rate(at, at + 300) > 0.0);
    let full = (0..90).map(|at| returned + at * 100).find(|&at| nodes[0].rate(at, at + 1000) >= 0.9 * before);
    println!(
        "two-dead: {before:.0} commands/s before, {halted:.0} while two are dead; first commands {} ms after their start, 90 % of the rate after {} ms",
        first.map_or(-1, |at| (at - returned) as i64),
        full.map_or(-1, |at| (at - returned) as i64),
    );
}

fn rejoin(options: &Options, arguments: &[String], nodes: &mut [Node]) {
    std::thread::sleep(Duration::from_secs(2));
    nodes[3].kill();
    std::fs::remove_dir_all(options.folder.join("3")).unwrap();
    std::thread::sleep(Duration::from_secs(options.seconds.saturating_sub(2)));
    let height = nodes[0].last().unwrap().height;
    nodes[3] = Node::start(3, options, arguments, true);
    let others = &nodes[..3];
    let joined = &nodes[3];
    let took = wait_for("the rejoin", Duration::from_secs(120), || {
        let there = others.iter().filter_map(Node::last).map(|look| look.height).max().unwrap();
        joined.last().is_some_and(|look| look.height + 5 >= there)
    });
    let there = joined.last().unwrap().height;
    println!(
        "rejoin: an empty validator took {:.2} s to height {there} ({height} at its start): {:.0} blocks/s",
        took.as_secs_f64(),
        there as f64 / took.as_secs_f64()
    );
}

/// Wherever two validators were seen at one height they had one state.
fn agree(nodes: &[Node]) {
    let mut seen = std::collections::BTreeMap::new();
    let mut compared = 0;
    for node in nodes {
        for look in &node.heard.lock().unwrap().looks {
            match seen.entry(look.height) {
                std::collections::btree_map::Entry::Vacant(slot) => drop(slot.insert(look.root.clone())),
                std::collections::btree_map::Entry::Occupied(known) => {
                    compared += 1;
                    assert_eq!(*known.get(), look.root, "two states at height {}", look.height);
                }
            }
        }
    }
    println!("  state roots agree at {compared} looks of {} heights", seen.len());
}
