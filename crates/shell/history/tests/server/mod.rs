//! A PostgreSQL server of one's own, in a folder that goes with it.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running server, which listens on a socket in its folder alone.
pub struct Server {
    folder: TempDir,
    child: Child,
    databases: AtomicU32,
}

impl Server {
    /// Makes a cluster and starts it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("luohu-pg-").tempdir().unwrap();
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        run(as_owner("initdb").args(["--no-sync", "--auth=trust", "--username=luohu", "--encoding=UTF8", "-D"]).arg(&data));
        let child = spawn(folder.path());
        let server = Self { folder, child, databases: AtomicU32::new(0) };
        server.wait();
        server
    }

    /// The address of a database nobody has used.
    pub fn new_database(&self) -> String {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql(&self.url("postgres"), &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgresql://luohu@/{database}?host={}", self.folder.path().display())
    }

    /// What a statement tells, fields apart by bars.
    pub fn sql(&self, url: &str, sql: &str) -> String {
        let out = Command::new(program("psql")).args(["-qtA", "-v", "ON_ERROR_STOP=1", "-c", sql, url]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Stops it as a loss of power would.
    pub fn kill(&mut self) {
        // It is the server itself; what it started ends with it.
        run(Command::new("kill").args(["-QUIT", &self.child.id().to_string()]));
        self.child.wait().unwrap();
    }

    /// Starts it again.
    pub fn go_on(&mut self) {
        self.child = spawn(self.folder.path());
        self.wait();
    }

    fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(60);
        let ready = || Command::new(program("psql")).args(["-qtA", "-c", "SELECT 1", &self.url("postgres")]).output().unwrap();
        while !ready().status.success() {
            assert!(Instant::now() < until, "the server does not come up");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
    }
}

fn spawn(folder: &Path) -> Child {
    let mut server = as_owner("postgres");
    server.arg("-D").arg(folder.join("data")).args(["-c", "listen_addresses=", "-c"]);
    server.arg(format!("unix_socket_directories={}", folder.display()));
    server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The server refuses to run as root.
fn as_owner(name: &str) -> Command {
    let program = program(name);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    let out = Command::new("id").arg("-u").output().unwrap();
    out.stdout.trim_ascii() == b"0"
}

/// Debian keeps the server's programs by version.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin").join(name)).filter(|file| file.is_file()).collect();
    found.sort();
    let found = found.pop().or_else(|| which(name));
    found.unwrap_or_else(|| panic!("{name} is not installed: install Debian's postgresql"))
}

fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn run(command: &mut Command) {
    let out = command.output().unwrap();
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}
