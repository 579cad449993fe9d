//! The product as a process: started on free ports with a folder of its own, killed or stopped, looked at.

use crate::network::Network;
use crate::participant::Participant;
use crate::repository::binary;
use anyhow::{Context, Result, bail, ensure};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use signing::{DevCa, FileSigner, TlsIdentity, client_config, peer_common_name};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a start may take.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long an orderly stop may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// Small segments, so that a short run crosses several; little reserve, so that a small disk can be filled; no rulebook, so
/// that no corridor is closed at the hour of the test.
const CONFIGURATION: &str =
    "[journal]\nsegment_mib = 1\nvault_mib = 1\nfree_mib_min = 8\n[log]\nlevel = \"info\"\n[scheme]\nrulebook = \"none\"\n";

/// What kind of node.
#[derive(Debug, Clone, Default)]
pub struct NodeOptions {
    /// Run the sample banks in the same process.
    pub sample_banks: bool,
    /// Instead of a folder of its own.
    pub data: Option<PathBuf>,
}

/// A running product. It is killed and its folder is removed when this is dropped.
pub struct Node {
    /// The participants' door.
    pub gateway: SocketAddr,
    /// The operator's live board.
    pub board: SocketAddr,
    /// First of four ports of the web banks.
    pub bank_port: u16,
    /// Where it keeps everything.
    pub data: PathBuf,
    sample_banks: bool,
    /// The network namespace it runs in, unless the test's own.
    namespace: Option<String>,
    child: Option<Child>,
    folder: TempDir,
}

impl Node {
    /// Everything in one process, as `luohu` without arguments.
    ///
    /// # Errors
    /// It does not start.
    pub fn with_banks() -> Result<Self> {
        Self::open(&NodeOptions { sample_banks: true, ..NodeOptions::default() })
    }

    /// Centre and gateway alone. The sample banks have been there once, so that their participants exist; now their keys
    /// are the test's.
    ///
    /// # Errors
    /// It does not start.
    pub fn without_banks() -> Result<Self> {
        Self::without_banks_in(None)
    }

    /// The same, in a folder of the caller's.
    ///
    /// # Errors
    /// It does not start.
    pub fn without_banks_in(data: Option<PathBuf>) -> Result<Self> {
        if std::env::var_os("E2E_BENCH_SEED").is_some() {
            let folder = tempfile::tempdir()?;
            std::fs::write(folder.path().join("luohu.toml"), CONFIGURATION)?;
            let data = data.unwrap_or_else(|| folder.path().join("data"));
            let (gateway, board, bank_port) = free_ports()?;
            let mut node = Self { gateway, board, bank_port, data, sample_banks: false, namespace: None, child: None, folder };
            let data = node.data.to_string_lossy().into_owned();
            let said =
                node.command(&["--config", "luohu.toml", "bench", "--payments", "1", "--in-flight", "1", "--data", &data])?;
            ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            node.start()?;
            return Ok(node);
        }
        Self::open(&NodeOptions { sample_banks: true, data })?.centre_alone()
    }

    /// The same node, started again without the sample banks.
    ///
    /// # Errors
    /// It does not stop or start.
    pub fn centre_alone(mut self) -> Result<Self> {
        if self.child.is_some() {
            self.stop()?;
        }
        self.sample_banks = false;
        self.start()?;
        Ok(self)
    }

    /// Starts a node.
    ///
    /// # Errors
    /// It does not start.
    pub fn open(options: &NodeOptions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("luohu.toml"), CONFIGURATION)?;
        let data = options.data.clone().unwrap_or_else(|| folder.path().join("data"));
        let (gateway, board, bank_port) = free_ports()?;
        let sample_banks = options.sample_banks;
        let mut node = Self { gateway, board, bank_port, data, sample_banks, namespace: None, child: None, folder };
        node.start()?;
        Ok(node)
    }

    /// Starts it again, on the same ports and the same folder, and waits until it serves.
    ///
    /// # Errors
    /// It does not start; the error says what it wrote.
    pub fn start(&mut self) -> Result<()> {
        let log = File::create(self.log_path())?;
        let mut command = match &self.namespace {
            // `ip` becomes the program, so the child's identifier is the node's.
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(binary()?);
                command
            }
            None => Command::new(binary()?),
        };
        command.args(["--config"]).arg(self.folder.path().join("luohu.toml"));
        command.arg("--data").arg(&self.data);
        command.args(["--listen", &self.gateway.to_string(), "--board-listen", &self.board.to_string()]);
        command.args(["--bank-port", &self.bank_port.to_string()]);
        if !self.sample_banks {
            command.arg("--no-sample-banks");
        }
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().context("starting luohu")?;
        let stdout = child.stdout.take().context("piped")?;
        let running = wait_for_line(stdout, "Luohu is running");
        self.child = Some(child);
        running.with_context(|| format!("luohu did not start:\n{}", self.log()))
    }

    /// Starts it, expects it to refuse, and returns what it said.
    ///
    /// # Errors
    /// It started all the same, or stayed without serving.
    pub fn refuses_to_start(&mut self) -> Result<String> {
        let said = match self.start() {
            Ok(()) => bail!("it started"),
            Err(error) => format!("{error:#}"),
        };
        // It has said why; on a busy machine it may take a moment to be gone.
        let until = Instant::now() + STOP_TIMEOUT;
        while self.is_running() {
            ensure!(Instant::now() < until, "it goes on running");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.child = None;
        Ok(said)
    }

    /// What it wrote to standard error since its last start.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("luohu.log")
    }

    /// Kills it (SIGKILL): no handler runs, nothing is flushed.
    ///
    /// # Errors
    /// It was not running.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("not running")?;
        if let Some(status) = child.try_wait()? {
            bail!("luohu had ended by itself with {status}:\n{}", self.log());
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Stops it at the far end of a network and starts it there.
    ///
    /// # Errors
    /// It does not stop or start.
    pub fn move_behind(&mut self, network: &Network) -> Result<()> {
        self.stop()?;
        self.namespace = Some(network.namespace().to_owned());
        self.gateway.set_ip(network.far());
        self.start()
    }

    /// Sends it a signal, such as `STOP` or `CONT`.
    ///
    /// # Errors
    /// It is not running.
    pub fn signal(&self, name: &str) -> Result<()> {
        let child = self.child.as_ref().context("not running")?;
        let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status()?;
        ensure!(sent.success(), "SIG{name} was not delivered");
        Ok(())
    }

    /// Stops it as Ctrl-C does, and expects an orderly end.
    ///
    /// # Errors
    /// It does not end in time, or with an error.
    pub fn stop(&mut self) -> Result<()> {
        let mut child = self.child.take().context("not running")?;
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
        let until = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < until {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "luohu stopped with {status}:\n{}", self.log());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill()?;
        child.wait()?;
        bail!("luohu did not stop within {STOP_TIMEOUT:?}:\n{}", self.log())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where its configuration lies.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Adds to the configuration and starts again.
    ///
    /// # Errors
    /// It does not stop or start.
    pub fn configure(&mut self, further: &str) -> Result<()> {
        self.stop()?;
        let path = self.folder.path().join("luohu.toml");
        let text = std::fs::read_to_string(&path)? + further;
        std::fs::write(&path, text)?;
        self.start()
    }

    /// Runs another command of the product, such as `verify`, in its folder.
    ///
    /// # Errors
    /// It could not be started.
    pub fn command(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new(binary()?);
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.output().context("starting luohu")
    }

    /// Runs `luohu fsck` on its folder and expects nothing wrong.
    ///
    /// # Errors
    /// It found something.
    pub fn fsck(&self) -> Result<String> {
        let output = self.command(&["fsck", "--deep", "--data", &self.data.to_string_lossy()])?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "fsck: {said}");
        Ok(said)
    }

    /// The address of a web bank's page; banks count from 0.
    pub fn bank(&self, number: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.bank_port + number))
    }

    /// Two participants, of Hong Kong and of the mainland, with the sample banks' keys.
    ///
    /// # Errors
    /// There are no such keys.
    pub fn two_banks(&self) -> Result<(Participant, Participant)> {
        let all = self.participants()?;
        let of = |country: &str| all.iter().find(|bank| &bank.bic[4..6] == country).cloned();
        let pair = of("HK").zip(of("CN"));
        pair.with_context(|| format!("keys of {:?}", all.iter().map(|bank| &bank.bic).collect::<Vec<_>>()))
    }

    /// All participants whose keys lie in the data folder.
    ///
    /// # Errors
    /// A key cannot be read.
    pub fn participants(&self) -> Result<Vec<Participant>> {
        let mut found = Vec::new();
        for folder in folders_with(&self.data, "sign.key.pem")? {
            found.push(self.participant_in(&folder)?);
        }
        found.sort_by(|one, other| one.bic.cmp(&other.bic));
        Ok(found)
    }

    fn participant_in(&self, folder: &Path) -> Result<Participant> {
        let identity = TlsIdentity::open_or_issue(folder, "tls", || {
            let path = folder.to_owned();
            Err(signing::TlsError::Malformed { path })
        })?;
        let bic = peer_common_name(&identity.certificate).context("a certificate names its participant")?.to_owned();
        let signer = FileSigner::open_or_create(&folder.join("sign.key.pem"), &format!("{bic}#1"))?;
        Ok(Participant::new(&bic, Arc::new(signer), client_config(&self.authority()?, &identity)?, self.gateway))
    }

    fn authority(&self) -> Result<CertificateDer<'static>> {
        let path = self.data.join("keys/ca.crt.pem");
        CertificateDer::from_pem_file(&path).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
    }

    /// Somebody with a certificate for a participant's name, from another authority.
    ///
    /// # Errors
    /// No keys could be made.
    pub fn stranger(&self) -> Result<Participant> {
        let elsewhere = tempfile::tempdir()?;
        let (bank, _) = self.two_banks()?;
        let identity = DevCa::open_or_create(elsewhere.path())?.issue_client(&bank.bic)?;
        let tls = client_config(&self.authority()?, &identity)?;
        Ok(Participant::new(&bank.bic, Arc::new(FileSigner::ephemeral(&format!("{}#1", bank.bic))), tls, self.gateway))
    }

    /// Somebody without a certificate.
    ///
    /// # Errors
    /// The authority cannot be read.
    pub fn anonymous(&self) -> Result<Participant> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority()?)?;
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Participant::new("NOBOHKHHXXX", Arc::new(FileSigner::ephemeral("NOBOHKHHXXX#1")), tls, self.gateway))
    }

    /// The centre's files whose name begins so, such as `journal-`, oldest first.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn files(&self, beginning: &str) -> Result<Vec<PathBuf>> {
        files_like(&self.data, beginning)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("luohu wrote:\n{}", self.log());
        }
    }
}

/// Reads lines until one contains this, then goes on reading in the background so that the pipe never fills.
pub(crate) fn wait_for_line(stdout: impl std::io::Read + Send + 'static, text: &'static str) -> Result<()> {
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            drop(send.send(line));
        }
    });
    let until = Instant::now() + START_TIMEOUT;
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(text) => return Ok(()),
            Ok(_) => {}
            Err(_) => bail!("`{text}` was not written"),
        }
    }
}

/// A port for the gateway, one for the board, four in a row for the banks, free a moment ago.
fn free_ports() -> Result<(SocketAddr, SocketAddr, u16)> {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port));
    for _ in 0..100 {
        let first = free(0)?.local_addr()?.port();
        if first > 65_000 {
            continue;
        }
        let row: Vec<_> = (first..first + 6).map(free).collect();
        if row.iter().all(std::result::Result::is_ok) {
            let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
            return Ok((address(first), address(first + 1), first + 2));
        }
    }
    bail!("no six free ports in a row")
}

fn folders_with(root: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        if folder.join(name).is_file() {
            found.push(folder.clone());
        }
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(found)
}

fn files_like(root: &Path, beginning: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for folder in [root.to_owned(), root.join("centre")] {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning)) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
