//! Four operators as processes: a payment with the quorum's certificate, one operator dead, all agree.
//!
//! The program is one built with `--features consortium`, named by `LUOHU_CONSORTIUM_BIN`.

use anyhow::{Context, Result, bail, ensure};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Validators.
const NODES: u16 = 4;
/// Ports a node takes, as `luohu consortium init` gives them: peers, gateway, board, web bank.
const PORTS: u16 = 5;
/// How long a start, a payment or catching up may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Consortium {
    binary: PathBuf,
    folder: tempfile::TempDir,
    first_port: u16,
    nodes: Vec<Option<Child>>,
}

impl Drop for Consortium {
    fn drop(&mut self) {
        self.nodes.iter_mut().flatten().for_each(|child| {
            let _ = child.kill();
            let _ = child.wait();
        });
    }
}

impl Consortium {
    fn start() -> Result<Self> {
        let named = std::env::var_os("LUOHU_CONSORTIUM_BIN");
        let binary = PathBuf::from(named.context("LUOHU_CONSORTIUM_BIN names no luohu built with --features consortium")?);
        ensure!(binary.is_file(), "{} is not there", binary.display());
        let mut this = Self { binary, folder: tempfile::tempdir()?, first_port: free_row()?, nodes: Vec::new() };
        let (folder, port) = (this.root().display().to_string(), this.first_port.to_string());
        this.luohu(&["consortium", "init", &folder, "--first-port", &port, "--observers", "0"])?;
        this.nodes.resize_with(usize::from(NODES), || None);
        (0..NODES).try_for_each(|node| this.begin(node))?;
        (0..NODES).try_for_each(|node| this.until_up(node))?;
        Ok(this)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("consortium")
    }

    fn home(&self, node: u16) -> PathBuf {
        self.root().join(format!("node-{node}"))
    }

    fn at(&self, node: u16, door: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.first_port + node * PORTS + door))
    }

    fn begin(&mut self, node: u16) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.home(node).join("log"))?;
        let configuration = self.home(node).join("luohu.toml");
        let child = Command::new(&self.binary)
            .arg("--config")
            .arg(configuration)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        self.nodes[usize::from(node)] = Some(child);
        Ok(())
    }

    /// As a power switch would: no word is said.
    fn kill(&mut self, node: u16) -> Result<()> {
        let mut child = self.nodes[usize::from(node)].take().context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    fn until_up(&self, node: u16) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.at(node, 2)).is_err() {
            if Instant::now() > until {
                let log = std::fs::read_to_string(self.home(node).join("log")).unwrap_or_default();
                bail!("node {node} does not come up: {log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        Command::new(&self.binary).args(arguments).stdin(Stdio::null()).output().context("luohu")
    }

    fn luohu(&self, arguments: &[&str]) -> Result<String> {
        let output = self.run(arguments)?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "luohu {}: {said}", arguments.join(" "));
        Ok(said)
    }

    /// Pays HKD across from the bank at node 0 to the bank at node 2, again until it is up; returns the receipt's file. Name
    /// checks do not cross from one operator's door to another's, so the payment is made without one.
    fn pay(&self, name: &str) -> Result<PathBuf> {
        let receipt = self.folder.path().join(name);
        let (bank, file) = (self.at(0, 3).to_string(), receipt.display().to_string());
        let until = Instant::now() + PATIENCE;
        loop {
            match self.luohu(&["pay", "--bank", &bank, "--receipt", &file, "--pay-anyway"]) {
                Ok(said) => {
                    ensure!(said.contains("credited"), "{said}");
                    return Ok(receipt);
                }
                Err(error) if Instant::now() > until => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }

    fn verify(&self, receipt: &Path, validators: &Path) -> Result<Output> {
        let data = self.home(0).join("data").display().to_string();
        let (receipt, validators) = (receipt.display().to_string(), validators.display().to_string());
        self.run(&["--data", &data, "verify", &receipt, "--validators", &validators])
    }

    /// Height and payments on record by a node's own metrics.
    fn figures(&self, node: u16) -> Result<(u64, u64)> {
        let text = http_get(self.at(node, 2), "/metrics")?;
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name) && !line.starts_with('#'));
            line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).with_context(|| format!("no {name}"))
        };
        let height = value("luohu_chain_height_blocks")?;
        let settled = value("luohu_payments_settled_total")?;
        Ok((height as u64, settled as u64))
    }

    fn until_all_have(&self, payments: u64) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        loop {
            let seen: Result<Vec<_>> = (0..NODES).map(|node| self.figures(node)).collect();
            if seen.as_ref().is_ok_and(|seen| seen.iter().all(|(_, settled)| *settled >= payments)) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "not all nodes have {payments} payments: {seen:?}");
            std::thread::sleep(Duration::from_millis(250));
        }
    }
}

fn http_get(at: SocketAddr, path: &str) -> Result<String> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The first of enough free ports in a row.
fn free_row() -> Result<u16> {
    for _ in 0..200 {
        let first = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let wanted = NODES * PORTS;
        if first < u16::MAX - wanted && (first..first + wanted).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(first);
        }
    }
    bail!("no row of free ports")
}

#[test]
fn four_operators_agree_and_survive_the_loss_of_one() -> Result<()> {
    let mut all = Consortium::start()?;
    let validators = all.root().join("validators");
    let first = all.pay("first.receipt")?;
    let said = all.verify(&first, &validators)?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    ensure!(String::from_utf8_lossy(&said.stdout).contains("VERIFIED"), "{}", String::from_utf8_lossy(&said.stdout));

    // The same certificate proves nothing to who knows other validators.
    let strangers = all.folder.path().join("strangers");
    let text = std::fs::read_to_string(&validators)?;
    let changed: Vec<String> = text.lines().map(change_key).collect();
    std::fs::write(&strangers, changed.join("\n") + "\n")?;
    ensure!(!all.verify(&first, &strangers)?.status.success(), "validators nobody knows were believed");

    // One of four is gone: the others go on.
    all.kill(1)?;
    let second = all.pay("second.receipt")?;
    ensure!(all.verify(&second, &validators)?.status.success(), "the second receipt does not verify");
    all.begin(1)?;
    all.until_up(1)?;
    all.pay("third.receipt")?;
    all.until_all_have(3)?;

    // Everybody's files tell the same, and break no law.
    (0..NODES).try_for_each(|node| all.kill(node))?;
    for node in 0..NODES {
        let data = all.home(node).join("data").display().to_string();
        all.luohu(&["--data", &data, "fsck", "--deep"]).with_context(|| format!("node {node}"))?;
    }
    Ok(())
}

/// Turns the last digit of a key's line, and leaves other lines alone.
fn change_key(line: &str) -> String {
    let Some((key, rest)) = line.split_at_checked(64).filter(|(key, _)| key.bytes().all(|b| b.is_ascii_hexdigit())) else {
        return line.to_owned();
    };
    let last = if key.ends_with('0') { '1' } else { '0' };
    format!("{}{last}{rest}", &key[..63])
}
