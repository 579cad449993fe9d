//! A network of our own between the test and a node: a namespace with its own address, reached over a line whose every
//! packet goes through this process, which delays, loses, doubles, reorders or swallows it.
//!
//! ```text
//! test ── TCP ── tun (10.x.y.1) ── socat ── datagrams ── the line, here ── datagrams ── socat ── tun (10.x.y.2) ── node
//! ```
//! The kernel's own network emulator is a module that many kernels lack; packets through a process of ours need only
//! `/dev/net/tun`, and the same seed gives the same choices. Needs root, `ip` and `socat`: what is missing is an error.

use crate::load::Chance;
use anyhow::{Context, Result, bail, ensure};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest packet.
const PACKET_BYTES_MAX: usize = 8192;
/// Packets on the line at once in one direction; more are lost, as in any queue.
const PACKETS_MAX: usize = 4096;
/// How much later a reordered packet comes.
const REORDERED_BY: Duration = Duration::from_millis(15);
/// How long a packet may wait for an end that does not take any: both ends and the line, each waiting for the next, would
/// wait for ever.
const SEND_WITHIN: Duration = Duration::from_millis(2);
/// How long the line may take to stand.
const UP_WITHIN: Duration = Duration::from_secs(5);

/// What happens to packets in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Milliseconds that every packet takes.
    pub delay_ms: u64,
    /// Up to so many milliseconds more.
    pub jitter_ms: u64,
    /// Of a thousand packets so many are lost.
    pub lost_of_1000: u64,
    /// Of a thousand packets so many arrive twice.
    pub doubled_of_1000: u64,
    /// Of a thousand packets so many are overtaken.
    pub reordered_of_1000: u64,
    /// Nothing arrives.
    pub cut: bool,
}

/// A namespace and the line to it. Both go when this is dropped.
pub struct Network {
    name: String,
    far: Ipv4Addr,
    lines: [Arc<Line>; 2],
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    ends: Vec<Child>,
    _folder: TempDir,
}

/// One direction.
#[derive(Debug, Default)]
struct Line {
    weather: Mutex<Weather>,
    carried: AtomicU64,
    lost: AtomicU64,
}

impl Network {
    /// Makes the namespace and the line to it, in calm weather.
    ///
    /// # Errors
    /// A program, a device or a right is missing.
    pub fn open(seed: u64) -> Result<Self> {
        let id = std::process::id();
        let (name, subnet) = (format!("luohu-{id}"), format!("10.{}.{}", 64 + (id >> 8) % 128, id % 256));
        let far: Ipv4Addr = format!("{subnet}.2").parse()?;
        let folder = tempfile::tempdir()?;
        run("ip", &["netns", "add", &name])?;
        let stop = Arc::new(AtomicBool::new(false));
        let lines = [Arc::<Line>::default(), Arc::<Line>::default()];
        // From here on dropping it takes away what was made.
        let mut network = Self { name, far, lines, stop, threads: Vec::new(), ends: Vec::new(), _folder: folder };
        network.build(&subnet, seed)?;
        Ok(network)
    }

    fn build(&mut self, subnet: &str, seed: u64) -> Result<()> {
        let at = |name: &str| self._folder.path().join(name);
        let sockets = [Arc::new(UnixDatagram::bind(at("near.line"))?), Arc::new(UnixDatagram::bind(at("far.line"))?)];
        sockets.iter().try_for_each(|socket| socket.set_write_timeout(Some(SEND_WITHIN)))?;
        run("ip", &["-n", &self.name, "link", "set", "lo", "up"])?;
        let end = |side: &str, host: u8| {
            let tun = format!("TUN:{subnet}.{host}/30,tun-type=tun,iff-no-pi,iff-up");
            let path = |kind: &str| at(&format!("{side}.{kind}")).display().to_string();
            [tun, format!("UNIX-SENDTO:{},bind={}", path("line"), path("end"))]
        };
        let near = Command::new("socat").args(end("near", 1)).stdin(Stdio::null()).spawn().context("socat")?;
        self.ends.push(near);
        let mut far = Command::new("ip");
        far.args(["netns", "exec", &self.name, "socat"]).args(end("far", 2)).stdin(Stdio::null());
        self.ends.push(far.spawn().context("ip netns exec socat")?);
        for (at_socket, (line, to)) in self.lines.iter().zip(["far.end", "near.end"]).enumerate() {
            let (from, out) = (Arc::clone(&sockets[at_socket]), Arc::clone(&sockets[1 - at_socket]));
            let (line, stop, to) = (Arc::clone(line), Arc::clone(&self.stop), at(to));
            let chance = Chance::new(seed + at_socket as u64);
            self.threads.push(std::thread::spawn(move || carry(&from, &out, &to, &line, chance, &stop)));
        }
        self.wait_until_up(&[at("near.end"), at("far.end")])
    }

    fn wait_until_up(&mut self, ends: &[std::path::PathBuf]) -> Result<()> {
        let until = Instant::now() + UP_WITHIN;
        while Instant::now() < until {
            for end in &mut self.ends {
                if let Some(status) = end.try_wait()? {
                    bail!("socat ended with {status}: /dev/net/tun and root are needed");
                }
            }
            if ends.iter().all(|end| end.exists()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the line did not stand within {UP_WITHIN:?}")
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        &self.name
    }

    /// The node's address.
    pub fn far(&self) -> IpAddr {
        IpAddr::V4(self.far)
    }

    /// Weather towards the node, and back.
    pub fn set(&self, there: Weather, back: Weather) {
        for (line, weather) in self.lines.iter().zip([there, back]) {
            *line.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
        }
    }

    /// Packets carried and lost, in both directions together.
    pub fn packets(&self) -> (u64, u64) {
        let sum = |count: fn(&Line) -> &AtomicU64| self.lines.iter().map(|line| count(line).load(Ordering::Relaxed)).sum();
        (sum(|line| &line.carried), sum(|line| &line.lost))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for end in &mut self.ends {
            let _ = end.kill();
            let _ = end.wait();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        let _ = Command::new("ip").args(["netns", "del", &self.name]).status();
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let output = Command::new(program).args(arguments).output().with_context(|| format!("{program} is needed"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {said}", arguments.join(" "));
    Ok(())
}

/// One direction, until stopped. A packet the other end cannot take is lost, as on a wire.
fn carry(from: &UnixDatagram, out: &UnixDatagram, to: &Path, line: &Line, mut chance: Chance, stop: &AtomicBool) {
    let mut flying: BinaryHeap<Reverse<(Instant, u64, Vec<u8>)>> = BinaryHeap::new();
    let (mut packet, mut number) = (vec![0; PACKET_BYTES_MAX], 0);
    while !stop.load(Ordering::Relaxed) {
        let now = Instant::now();
        while flying.peek().is_some_and(|Reverse((due, _, _))| *due <= now) {
            if let Some(Reverse((_, _, bytes))) = flying.pop() {
                let count = if out.send_to(&bytes, to).is_ok() { &line.carried } else { &line.lost };
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        let next = flying.peek().map_or(Duration::from_millis(50), |Reverse((due, _, _))| due.saturating_duration_since(now));
        let _ = from.set_read_timeout(Some(next.max(Duration::from_micros(100))));
        let Ok(length) = from.recv(&mut packet) else { continue };
        let weather = *line.weather.lock().unwrap_or_else(PoisonError::into_inner);
        let copies = copies(weather, &mut chance);
        if copies == 0 || flying.len() >= PACKETS_MAX {
            line.lost.fetch_add(1, Ordering::Relaxed);
            continue;
        }
        for _ in 0..copies {
            number += 1;
            let due = Instant::now() + delay(weather, &mut chance);
            flying.push(Reverse((due, number, packet[..length].to_vec())));
        }
    }
}

fn copies(weather: Weather, chance: &mut Chance) -> u32 {
    if weather.cut || chance.below(1000) < weather.lost_of_1000 {
        return 0;
    }
    1 + u32::from(chance.below(1000) < weather.doubled_of_1000)
}

fn delay(weather: Weather, chance: &mut Chance) -> Duration {
    let late = if chance.below(1000) < weather.reordered_of_1000 { REORDERED_BY } else { Duration::ZERO };
    Duration::from_millis(weather.delay_ms + chance.below(weather.jitter_ms + 1)) + late
}
