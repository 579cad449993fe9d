//! Sample banks as processes of their own beside a centre: each can be killed alone.

use crate::http::{Answer, Request, call};
use crate::node::{Node, wait_for_line};
use crate::repository::binary;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// The password of every sample customer.
const PASSWORD: &str = "luohu-sample";

/// One sample bank. It is killed when this is dropped; its books stay.
pub struct BankProcess {
    /// Its BIC.
    pub bic: &'static str,
    /// Where its pages are.
    pub address: SocketAddr,
    arguments: Vec<String>,
    folder: PathBuf,
    child: Option<Child>,
}

impl BankProcess {
    /// A bank of this node's, with its pages on the bank port of this number. It does not run yet.
    pub fn of(node: &Node, bic: &'static str, number: u16) -> Self {
        let address = node.bank(number);
        let arguments = [
            "--config",
            "luohu.toml",
            "--data",
            &node.data.to_string_lossy(),
            "--listen",
            &node.gateway.to_string(),
            "--bank-port",
            &address.port().to_string(),
            "bank",
            "serve",
            bic,
        ];
        let arguments = arguments.map(str::to_owned).to_vec();
        Self { bic, address, arguments, folder: node.folder().to_owned(), child: None }
    }

    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(binary()?);
        command.args(&self.arguments).current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(std::fs::File::create(self.folder.join(format!("{}.log", self.bic)))?);
        let mut child = command.spawn().context("starting a bank")?;
        let stdout = child.stdout.take().context("piped")?;
        let running = wait_for_line(stdout, "The banks are running");
        self.child = Some(child);
        running.with_context(|| format!("{} did not start", self.bic))
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// It was not running.
    pub fn kill(&mut self) -> Result<()> {
        let mut child = self.child.take().context("not running")?;
        if let Some(status) = child.try_wait()? {
            bail!("{} had ended by itself with {status}", self.bic);
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Its process, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What `GET /admin/books` says.
    ///
    /// # Errors
    /// It does not answer.
    pub fn books(&self) -> Result<Value> {
        let answer = call(self.address, Request::get("/admin/books"))?;
        ensure!(answer.status == 200, "{}: {} {}", self.bic, answer.status, answer.text());
        answer.json()
    }
}

impl Drop for BankProcess {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A customer at a bank's door. A bank that was killed has forgotten who was signed in, so it signs in again when asked to.
#[derive(Debug, Clone)]
pub struct Customer {
    bank: SocketAddr,
    name: String,
    token: Option<String>,
}

impl Customer {
    /// Somebody who is not signed in yet.
    pub fn new(bank: SocketAddr, name: &str) -> Self {
        Self { bank, name: name.to_owned(), token: None }
    }

    /// Asks for something, signed in.
    ///
    /// # Errors
    /// The bank does not answer, or does not know the customer.
    pub fn ask(&mut self, request: Request) -> Result<Answer> {
        let token = match self.token.clone() {
            Some(token) => token,
            None => self.sign_in()?,
        };
        let answer = call(self.bank, request.header("Authorization", &format!("Bearer {token}")))?;
        self.token = Some(token).filter(|_| answer.status != 401);
        Ok(answer)
    }

    fn sign_in(&self) -> Result<String> {
        let body = json!({ "name": self.name, "password": PASSWORD }).to_string();
        let answer = call(self.bank, Request::post("/api/v1/sessions", "application/json", body))?;
        ensure!(answer.status == 200, "signing in: {} {}", answer.status, answer.text());
        Ok(answer.json()?["token"].as_str().context("no token")?.to_owned())
    }
}
