//! A real Chromium, driven through WebDriver (W3C) by its own driver.

use crate::http::{Request, call};
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How WebDriver names the key of an element reference.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a page has to show what is expected.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with a fresh profile; it ends when this is dropped.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts a browser with a window of this size and this preferred language.
    ///
    /// # Errors
    /// Chromium or its driver is absent or does not start.
    pub fn open(width: u32, height: u32, language: &str) -> Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver does not start; `cargo xtask ci --only packages` installs it")?;
        let stdout = driver.stdout.take().context("piped")?;
        let address = driver_address(stdout)?;
        let mut browser = Self { driver, address, session: String::new(), _profile: profile };
        browser.begin(width, height, language)?;
        Ok(browser)
    }

    fn begin(&mut self, width: u32, height: u32, language: &str) -> Result<()> {
        let mut flags: Vec<String> = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-domain-reliability",
            "--disable-features=OptimizationHints,MediaRouter,Translate,AutofillServerCommunication",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            "--force-color-profile=srgb",
            "--hide-scrollbars",
        ]
        .map(str::to_owned)
        .to_vec();
        flags.push(format!("--user-data-dir={}", self._profile.path().display()));
        flags.push(format!("--window-size={width},{height}"));
        flags.push(format!("--lang={language}"));
        let options = json!({ "args": flags, "prefs": { "intl.accept_languages": language } });
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let answer = self.raw("POST", "/session", &json!({ "capabilities": { "alwaysMatch": capabilities } }))?;
        self.session = answer["sessionId"].as_str().context("a session has an id")?.to_owned();
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.post("/goog/cdp/execute", &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics }))?;
        Ok(())
    }

    /// Opens a page and waits until it has loaded.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn go(&self, url: &str) -> Result<()> {
        self.post("/url", &json!({ "url": url })).map(drop)
    }

    /// Where the browser is.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn url(&self) -> Result<String> {
        let value = self.raw("GET", &format!("/session/{}/url", self.session), &Value::Null)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Runs a script; its `return` value comes back.
    ///
    /// # Errors
    /// It threw.
    pub fn script(&self, script: &str) -> Result<Value> {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The visible text of the page.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn text(&self) -> Result<String> {
        Ok(self.script("return document.body ? document.body.innerText : ''")?.as_str().unwrap_or_default().to_owned())
    }

    /// Whether something matches a CSS selector.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn has(&self, css: &str) -> Result<bool> {
        Ok(self.script(&format!("return document.querySelector({}) !== null", Value::from(css)))? == Value::Bool(true))
    }

    /// The visible text of the first element that matches, once there is one.
    ///
    /// # Errors
    /// There is none in time.
    pub fn text_of(&self, css: &str) -> Result<String> {
        let element = self.find(css)?;
        let value = self.raw("GET", &format!("/session/{}/element/{element}/text", self.session), &Value::Null)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the first element that matches, once there is one.
    ///
    /// # Errors
    /// There is none in time, or something covers it.
    pub fn click(&self, css: &str) -> Result<()> {
        let element = self.find(css)?;
        self.post(&format!("/element/{element}/click"), &json!({})).map(drop).with_context(|| format!("clicking `{css}`"))
    }

    /// Replaces what stands in a field.
    ///
    /// # Errors
    /// There is no such field, or it cannot be written to.
    pub fn fill(&self, css: &str, text: &str) -> Result<()> {
        let element = self.find(css)?;
        self.post(&format!("/element/{element}/clear"), &json!({})).with_context(|| format!("clearing `{css}`"))?;
        self.post(&format!("/element/{element}/value"), &json!({ "text": text }))
            .map(drop)
            .with_context(|| format!("filling `{css}`"))
    }

    /// Chooses an option of a `select` by its value.
    ///
    /// # Errors
    /// There is no such option.
    pub fn choose(&self, css: &str, value: &str) -> Result<()> {
        self.click(&format!("{css} option[value=\"{value}\"]"))
    }

    /// Waits until the page's text contains this.
    ///
    /// # Errors
    /// It does not in time; the error shows what it says instead.
    pub fn wait_for_text(&self, text: &str) -> Result<()> {
        self.wait(&format!("the text `{text}`"), || Ok(self.text()?.contains(text)))
    }

    /// Waits until something matches.
    ///
    /// # Errors
    /// Nothing does in time.
    pub fn wait_for(&self, css: &str) -> Result<()> {
        self.wait(&format!("`{css}`"), || self.has(css))
    }

    /// Waits until a condition holds.
    ///
    /// # Errors
    /// It does not in time; the error shows the page's text.
    pub fn wait(&self, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            // While a page is being replaced, its elements and scripts may fail.
            if holds().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("{what} did not appear at {}; the page says:\n{}", self.url()?, self.text()?)
    }

    /// Takes a picture of the window.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn screenshot(&self, path: &Path) -> Result<()> {
        let value = self.raw("GET", &format!("/session/{}/screenshot", self.session), &Value::Null)?;
        let bytes = STANDARD.decode(value.as_str().context("a picture is base64")?)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes).with_context(|| path.display().to_string())
    }

    /// How many pixels the page is wider than the window: more than none means scrolling sideways.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn overflow(&self) -> Result<i64> {
        let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        self.script(script)?.as_i64().context("a width is a number")
    }

    /// Errors that the page wrote to the console since the last call.
    ///
    /// # Errors
    /// The browser is gone.
    pub fn console_errors(&self) -> Result<Vec<String>> {
        let entries = self.post("/se/log", &json!({ "type": "browser" }))?;
        let severe = entries.as_array().into_iter().flatten().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect())
    }

    fn find(&self, css: &str) -> Result<String> {
        self.wait_for(css)?;
        let value = self.post("/element", &json!({ "using": "css selector", "value": css }))?;
        Ok(value[ELEMENT].as_str().context("an element has a reference")?.to_owned())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.raw("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn raw(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let mut request = match method {
            "POST" => Request::post(path, "application/json", body.to_string()),
            _ => Request::get(path),
        };
        method.clone_into(&mut request.method);
        let answer = call(self.address, request)?;
        let mut json = answer.json()?;
        if answer.status >= 300 {
            bail!("WebDriver {method} {path}: {} {}", json["value"]["error"], json["value"]["message"]);
        }
        Ok(json["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.raw("DELETE", &format!("/session/{}", self.session), &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The driver chooses a free port and says which.
fn driver_address(stdout: impl std::io::Read + Send + 'static) -> Result<SocketAddr> {
    let (send, lines) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
            drop(send.send(line));
        }
    });
    let until = Instant::now() + PATIENCE;
    while let Ok(line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
        let port = line.split("started successfully on port ").nth(1).map(|rest| rest.trim_end_matches('.'));
        if let Some(Ok(port)) = port.map(str::parse::<u16>) {
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        }
    }
    bail!("chromedriver did not say on which port it listens")
}
