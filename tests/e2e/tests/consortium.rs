//! Four operators and an observer as processes: a payment with the quorum's certificate, one operator dead, all agree.
//!
//! The program is one built with `--features consortium`, named by `LUOHU_CONSORTIUM_BIN`.

use anyhow::{Context, Result, bail, ensure};
use std::hash::{BuildHasher, RandomState};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Validators.
const NODES: u16 = 4;
/// The observer, behind them.
const OBSERVER: u16 = NODES;
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
        Self::start_with(1, None)
    }

    /// With observers after the validators, and epochs of so many blocks.
    fn start_with(observers: u16, epoch_blocks: Option<u64>) -> Result<Self> {
        let mut this = Self::unmade()?;
        this.make(observers, &[])?;
        if let Some(blocks) = epoch_blocks {
            this.edit_chain(
                |line| if line.starts_with("epoch_blocks") { format!("epoch_blocks = {blocks}") } else { line.to_owned() },
            )?;
        }
        this.begin_all()?;
        Ok(this)
    }

    /// The program and a place; no folders yet.
    fn unmade() -> Result<Self> {
        let named = std::env::var_os("LUOHU_CONSORTIUM_BIN");
        let binary = PathBuf::from(named.context("LUOHU_CONSORTIUM_BIN names no luohu built with --features consortium")?);
        ensure!(binary.is_file(), "{} is not there", binary.display());
        let nodes = (0..=NODES).map(|_| None).collect();
        Ok(Self { binary, folder: tempfile::tempdir()?, first_port: free_row()?, nodes })
    }

    /// Makes the nodes' folders.
    fn make(&mut self, observers: u16, further: &[&str]) -> Result<()> {
        let (folder, port) = (self.root().display().to_string(), self.first_port.to_string());
        let observers = observers.to_string();
        let usual = ["consortium", "init", &folder, "--first-port", &port, "--observers", &observers];
        self.luohu(&[&usual, further].concat())?;
        self.nodes = (0..self.made()).map(|_| None).collect();
        Ok(())
    }

    /// Nodes with a folder.
    fn made(&self) -> u16 {
        (0..=NODES).take_while(|node| self.home(*node).is_dir()).count() as u16
    }

    fn begin_all(&mut self) -> Result<()> {
        (0..self.made()).try_for_each(|node| self.begin(node))?;
        (0..self.made()).try_for_each(|node| self.until_up(node))
    }

    fn edit_chain(&self, change: impl FnMut(&str) -> String) -> Result<()> {
        let path = self.root().join("chain.toml");
        let text = std::fs::read_to_string(&path)?;
        Ok(std::fs::write(path, text.lines().map(change).collect::<Vec<_>>().join("\n") + "\n")?)
    }

    /// Drafts an order, lets both officers sign it, and submits it at a node's board.
    fn order(&self, board: u16, wish: &[&str]) -> Result<String> {
        let file = self.folder.path().join("order.json").display().to_string();
        let board = self.at(board, 2).to_string();
        self.luohu(&[&["order", "draft", "--board", &board, "--out", &file], wish].concat())?;
        for officer in ["first", "second"] {
            let key = self.root().join(format!("officers/{officer}.key.pem")).display().to_string();
            self.luohu(&["order", "sign", &file, "--key", &key])?;
        }
        self.luohu(&["order", "submit", &file, "--board", &board])
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("consortium")
    }

    fn home(&self, node: u16) -> PathBuf {
        self.root().join(format!("node-{node}"))
    }

    fn log(&self, node: u16) -> PathBuf {
        self.folder.path().join(format!("node-{node}.log"))
    }

    fn at(&self, node: u16, door: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.first_port + node * PORTS + door))
    }

    fn begin(&mut self, node: u16) -> Result<()> {
        self.begin_with(node, &self.home(node).join("luohu.toml"))
    }

    fn begin_with(&mut self, node: u16, configuration: &Path) -> Result<()> {
        let log = std::fs::File::options().create(true).append(true).open(self.log(node))?;
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

    /// As an operator would: it may finish what it has begun.
    fn stop(&mut self, node: u16) -> Result<()> {
        let mut child = self.nodes[usize::from(node)].take().context("it does not run")?;
        let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        ensure!(told.success() && child.wait()?.success(), "node {node} did not stop in order");
        Ok(())
    }

    /// Starts all there is in one process, in node 0's place and at its ports, on this data folder.
    fn begin_alone(&mut self, data: &Path) -> Result<()> {
        let file = self.folder.path().join("alone.toml");
        let (gateway, board, bank) = (self.at(0, 1), self.at(0, 2), self.first_port + 3);
        let text = format!(
            "data = \"{}\"\n[gateway]\nlisten = \"{gateway}\"\n[board]\nlisten = \"{board}\"\n[sample_banks]\nfirst_port = {bank}\n",
            data.display()
        );
        std::fs::write(&file, text)?;
        self.begin_with(0, &file)?;
        self.until_up(0)
    }

    fn fsck(&self, data: &Path) -> Result<String> {
        self.luohu(&["--data", &data.display().to_string(), "fsck", "--deep"])
    }

    /// The last lines of a node's log.
    fn log_end(&self, node: u16) -> String {
        let log = std::fs::read_to_string(self.log(node)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn until_up(&self, node: u16) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(self.at(node, 2)).is_err() {
            if Instant::now() > until {
                let log = std::fs::read_to_string(self.log(node)).unwrap_or_default();
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

    /// Pays HKD across from the bank at node 0 to the bank at node 2, again until it is up and knows the payee's name; returns
    /// the receipt's file.
    fn pay(&self, name: &str) -> Result<PathBuf> {
        self.pay_and_tell(name).map(|(receipt, _)| receipt)
    }

    /// The same, with the payment's identifier.
    fn pay_and_tell(&self, name: &str) -> Result<(PathBuf, String)> {
        let receipt = self.folder.path().join(name);
        let (bank, file) = (self.at(0, 3).to_string(), receipt.display().to_string());
        let until = Instant::now() + PATIENCE;
        loop {
            match self.luohu(&["pay", "--bank", &bank, "--receipt", &file]) {
                Ok(said) => {
                    // Settled is final; that the creditor is credited may take longer on a busy machine.
                    ensure!(said.contains("credited") || said.contains("settled"), "{said}");
                    let uetr = said.lines().find_map(|line| line.strip_prefix("payment ")).context("no identifier")?;
                    return Ok((receipt, uetr.trim().to_owned()));
                }
                Err(error) if Instant::now() > until => {
                    return Err(error.context(format!("node 0: {}\nnode 2: {}", self.log_end(0), self.log_end(2))));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }

    /// What the payee's bank says of a name, asked at node 0's bank for the payment these arguments say.
    fn name_check(&self, arguments: &[&str]) -> Result<String> {
        let bank = self.at(0, 3).to_string();
        let said = self.luohu(&[&["pay", "--bank", &bank, "--dry-run"], arguments].concat())?;
        let line = said.lines().find_map(|line| line.strip_prefix("name check")).context("no name check")?;
        Ok(line.trim().to_owned())
    }

    /// With the centre's key alone.
    fn verify_alone(&self, receipt: &Path, data: &Path) -> Result<String> {
        self.luohu(&["--data", &data.display().to_string(), "verify", &receipt.display().to_string()])
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
            let seen: Result<Vec<_>> = (0..self.made()).map(|node| self.figures(node)).collect();
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

/// The first of enough free ports in a row, below those the system gives to whoever asks for any: a connection between two nodes
/// would else take the port another is about to listen on.
fn free_row() -> Result<u16> {
    let wanted = (NODES + 1) * PORTS;
    for _ in 0..200 {
        let first = 10_000 + u16::try_from(RandomState::new().hash_one(()) % 20_000)?;
        if (first..first + wanted).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ok(first);
        }
    }
    bail!("no row of free ports")
}

/// The observer has the payment on its board and gives a receipt that proves it, and says so about no other.
fn the_observer_serves(all: &Consortium, uetr: &str, validators: &Path) -> Result<()> {
    all.until_all_have(1)?;
    let board = http_get(all.at(OBSERVER, 2), "/")?;
    ensure!(board.contains(uetr), "the observer's board does not show the payment: {board}");
    let answer = http_get(all.at(OBSERVER, 2), &format!("/payments/{uetr}/receipt"))?;
    let (head, receipt) = answer.split_once("\r\n\r\n").context("no body")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{answer}");
    let file = all.folder.path().join("observer.receipt");
    std::fs::write(&file, receipt)?;
    let said = all.verify(&file, validators)?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let unknown = http_get(all.at(OBSERVER, 2), "/payments/00000000-0000-4000-8000-000000000000/receipt")?;
    ensure!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    Ok(())
}

#[test]
fn four_operators_agree_and_survive_the_loss_of_one() -> Result<()> {
    let mut all = Consortium::start()?;
    let validators = all.root().join("validators");
    let (first, uetr) = all.pay_and_tell("first.receipt")?;
    let said = all.verify(&first, &validators)?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    ensure!(String::from_utf8_lossy(&said.stdout).contains("VERIFIED"), "{}", String::from_utf8_lossy(&said.stdout));

    the_observer_serves(&all, &uetr, &validators)?;

    // The same certificate proves nothing to who knows other validators.
    let strangers = all.folder.path().join("strangers");
    let text = std::fs::read_to_string(&validators)?;
    let changed: Vec<String> = text.lines().map(change_key).collect();
    std::fs::write(&strangers, changed.join("\n") + "\n")?;
    ensure!(!all.verify(&first, &strangers)?.status.success(), "validators nobody knows were believed");

    // One of four is gone, and the observer: the others go on.
    all.kill(1)?;
    all.kill(OBSERVER)?;
    let second = all.pay("second.receipt")?;
    ensure!(all.verify(&second, &validators)?.status.success(), "the second receipt does not verify");
    for node in [1, OBSERVER] {
        all.begin(node)?;
        all.until_up(node)?;
    }
    all.pay("third.receipt")?;
    all.until_all_have(3)?;

    // Everybody's files tell the same, and break no law.
    (0..=OBSERVER).try_for_each(|node| all.kill(node))?;
    for node in 0..=OBSERVER {
        let data = all.home(node).join("data").display().to_string();
        let list = validators.display().to_string();
        let said =
            all.luohu(&["--data", &data, "fsck", "--deep", "--validators", &list]).with_context(|| format!("node {node}"))?;
        ensure!(said.contains("certificates "), "{said}");
    }
    Ok(())
}

/// Each bank listens at another operator's door; a name is checked through both, and nothing of it is kept.
#[test]
fn names_are_checked_from_door_to_door() -> Result<()> {
    let mut all = Consortium::start()?;
    all.pay("first.receipt")?;
    let checks = [
        (&["--name", "LI Na"][..], "match LI N*"),
        (&["--name", "HO Siu Ming"], "no_match LI N*"),
        (&["--to", "+86-13900010001"], "match LI N*"),
        (&["--to-bank", "WUTGCNBSXXX", "--to", "4403008800000001", "--name", "Wutong Riverside Clinic"], "match"),
    ];
    let until = Instant::now() + PATIENCE;
    for (arguments, expected) in checks {
        // A bank's process may be a moment behind the others.
        while !all.name_check(arguments).is_ok_and(|said| said.starts_with(expected)) {
            ensure!(Instant::now() < until, "{arguments:?}: {:?}", all.name_check(arguments));
        }
    }
    let unknown = all.name_check(&["--to", "6217002000019999"]);
    ensure!(unknown.is_err(), "an account nobody has was found: {unknown:?}");

    // The operator of the payee's bank is away: the others say that it is not with them, and nobody waits.
    all.kill(2)?;
    let until = Instant::now() + PATIENCE;
    let (said, took) = loop {
        let began = Instant::now();
        match all.name_check(&[]) {
            Ok(said) => break (said, began.elapsed()),
            // The quote beside it needs a block, and the leader may have been the one that is away.
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(500)),
        }
    };
    ensure!(said == "unavailable", "{said}");
    ensure!(took < Duration::from_secs(10), "{took:?}");
    all.begin(2)?;
    all.until_up(2)?;
    all.pay("second.receipt")?;
    // Journals and archives of all nodes: no name that was asked for. Message vaults hold payments, and these name the payee.
    (0..=OBSERVER).try_for_each(|node| all.stop(node))?;
    for node in 0..=OBSERVER {
        never_holds(&all.home(node).join("data"), b"HO Siu Ming")?;
    }
    Ok(())
}

/// Fails if any file below the folder holds these bytes, but for banks' own.
fn never_holds(folder: &Path, bytes: &[u8]) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_none_or(|name| name != "banks") {
            never_holds(&path, bytes)?;
        } else if path.is_file() {
            let mut held = std::fs::read(&path)?;
            // Files are made full of zeros ahead of need.
            let pages = held.chunks(4096).rposition(|page| *page != [0; 4096][..page.len()]);
            held.truncate(pages.map_or(0, |last| (last + 1) * 4096));
            ensure!(!held.windows(bytes.len()).any(|window| window == bytes), "{} holds a name", path.display());
        }
    }
    Ok(())
}

/// The observer gets a vote and a validator loses its own, while payments go on; then the new ones carry the loss of one.
#[test]
fn validators_change_by_order_between_two_epochs() -> Result<()> {
    let mut all = Consortium::start_with(1, Some(40))?;
    all.pay("before.receipt")?;
    let list = all.folder.path().join("nodes.toml");
    std::fs::write(&list, changed_peers(&std::fs::read_to_string(all.root().join("chain.toml"))?)?)?;
    let said = all.order(2, &["nodes", &list.display().to_string()])?;
    ensure!(said.contains("carried out"), "{said}");

    let until = Instant::now() + PATIENCE;
    let validators = all.folder.path().join("now.validators");
    loop {
        let text = body(&http_get(all.at(4, 2), "/validators")?)?;
        std::fs::write(&validators, &text)?;
        if text.lines().filter(|line| line.starts_with("epoch ")).count() > 1 {
            break;
        }
        ensure!(Instant::now() < until, "no epoch with other validators: {text}");
        std::thread::sleep(Duration::from_millis(200));
    }
    // Only with the new one's vote three of four are left.
    all.kill(3)?;
    let receipt = all.pay("after.receipt")?;
    let said = all.verify(&receipt, &validators)?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
    let first = all.root().join("validators");
    ensure!(!all.verify(&receipt, &first)?.status.success(), "validators out of office vouched for a block");

    // Officers stop a bank at another operator's board; its payments end as rejected.
    all.order(0, &["suspend", "PENGCNBSXXX"])?;
    let stopped = all.luohu(&["pay", "--bank", &all.at(0, 3).to_string(), "--pay-anyway"]);
    ensure!(stopped.is_err_and(|said| said.to_string().contains("AG11")), "a suspended bank was paid");
    all.order(4, &["resume", "PENGCNBSXXX"])?;
    all.pay("resumed.receipt")?;

    (0..=NODES).filter(|node| *node != 3).try_for_each(|node| all.kill(node))?;
    let data = all.home(4).join("data").display().to_string();
    let record = all.luohu(&["--data", &data, "order", "list"])?;
    ensure!(record.matches("carried out").count() == 3, "{record}");
    let audit = |list: &Path| all.run(&["--data", &data, "fsck", "--deep", "--validators", &list.display().to_string()]);
    ensure!(audit(&validators)?.status.success(), "the certificates of every epoch are good");
    ensure!(!audit(&first)?.status.success(), "certificates of validators out of office were believed");
    Ok(())
}

#[test]
fn a_single_nodes_chain_goes_on_among_several_and_back() -> Result<()> {
    let mut all = Consortium::unmade()?;
    let alone = all.folder.path().join("alone");
    all.begin_alone(&alone)?;
    let before = all.pay("before.receipt")?;
    all.stop(0)?;
    let base = all.luohu(&["--data", &alone.display().to_string(), "consortium", "base"])?;
    let blocks = all.fsck(&alone)?;

    let from = alone.display().to_string();
    all.make(1, &["--from", &from])?;
    all.begin_all()?;
    let chain = std::fs::read_to_string(all.root().join("chain.toml"))?;
    ensure!(base.lines().all(|line| chain.contains(line)), "the chain file does not begin where the node stopped: {base}");
    let among = all.pay("among.receipt")?;
    ensure!(all.verify(&among, &all.root().join("validators"))?.status.success(), "no quorum behind a payment");
    all.verify_alone(&before, &all.home(0).join("data"))?;
    all.until_all_have(2)?;
    (0..=OBSERVER).try_for_each(|node| all.stop(node))?;
    for node in 0..=OBSERVER {
        all.fsck(&all.home(node).join("data")).with_context(|| format!("node {node}"))?;
    }
    ensure!(all.fsck(&alone)?.lines().next() == blocks.lines().next(), "the single node's folder was changed");

    // Back: one node alone, with the banks that were at the others.
    let home = all.home(0).join("data");
    for node in 1..=OBSERVER {
        move_banks(&all.home(node).join("data"), &home)?;
    }
    all.begin_alone(&home)?;
    let after = all.pay("after.receipt")?;
    let (_, settled) = all.figures(0)?;
    ensure!(settled == 3, "{settled} payments are on record");
    for receipt in [&before, &among, &after] {
        all.verify_alone(receipt, &home)?;
    }
    all.stop(0)?;
    all.fsck(&home)?;
    Ok(())
}

/// Moves the folders of sample banks, with what they know.
fn move_banks(from: &Path, to: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(from.join("banks")) else { return Ok(()) };
    std::fs::create_dir_all(to.join("banks"))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join("banks").join(entry.file_name());
        // Whoever had no bank here has nothing worth keeping of it.
        let _ = std::fs::remove_dir_all(&target);
        std::fs::rename(entry.path(), target)?;
    }
    Ok(())
}

/// The chain file's nodes, with the second one's vote given to the last.
fn changed_peers(chain: &str) -> Result<String> {
    let mut chain: toml::Table = chain.parse()?;
    let peers = chain.get_mut("peers").and_then(toml::Value::as_array_mut).context("no peers")?;
    for (at, peer) in peers.iter_mut().enumerate() {
        let peer = peer.as_table_mut().context("a peer is a table")?;
        peer.insert("votes".to_owned(), toml::Value::Boolean(at != 1));
    }
    chain.retain(|key, _| key == "peers");
    Ok(chain.to_string())
}

fn body(answer: &str) -> Result<String> {
    Ok(answer.split_once("\r\n\r\n").context("an answer without a body")?.1.to_owned())
}

/// Turns the last digit of a key's line, and leaves other lines alone.
fn change_key(line: &str) -> String {
    let Some((key, rest)) = line.split_at_checked(64).filter(|(key, _)| key.bytes().all(|b| b.is_ascii_hexdigit())) else {
        return line.to_owned();
    };
    let last = if key.ends_with('0') { '1' } else { '0' };
    format!("{}{last}{rest}", &key[..63])
}
