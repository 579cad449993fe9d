//! A bank of our own: speaks the published contract with its own words, and breaks it when told to.

use crate::http::{Answer, Request, exchange};
use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use signing::{Keys, Response, SignatureHeaders, Signer, sign_request, verify_item, verify_response};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// A connection to the gateway.
pub type Connection = StreamOwned<ClientConnection, TcpStream>;

/// One participant's way to the gateway. Each clone has a connection of its own.
pub struct Participant {
    /// Its BIC.
    pub bic: String,
    signer: Arc<dyn Signer>,
    tls: Arc<ClientConfig>,
    gateway: SocketAddr,
    centre_key: Option<[u8; 32]>,
    connection: Option<Connection>,
    patience: Duration,
}

impl Clone for Participant {
    fn clone(&self) -> Self {
        Self {
            bic: self.bic.clone(),
            signer: Arc::clone(&self.signer),
            tls: Arc::clone(&self.tls),
            gateway: self.gateway,
            centre_key: self.centre_key,
            connection: None,
            patience: self.patience,
        }
    }
}

/// Something out of an inbox, its signature verified.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its place; 0 for items without one.
    pub cursor: u64,
    /// Message name.
    pub kind: String,
    /// The message.
    pub message: String,
}

impl Participant {
    /// A participant with these keys.
    pub fn new(bic: &str, signer: Arc<dyn Signer>, tls: ClientConfig, gateway: SocketAddr) -> Self {
        Self {
            bic: bic.to_owned(),
            signer,
            tls: Arc::new(tls),
            gateway,
            centre_key: None,
            connection: None,
            patience: Duration::from_secs(90),
        }
    }

    /// The same participant signing with another key.
    pub fn with_signer(&self, signer: Arc<dyn Signer>) -> Self {
        Self { signer, ..self.clone() }
    }

    /// The same participant, its gateway elsewhere.
    pub fn at(&self, gateway: SocketAddr) -> Self {
        Self { gateway, ..self.clone() }
    }

    /// The same participant, giving up an answer after so long.
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self { patience, ..self.clone() }
    }

    /// Opens a connection of its own.
    ///
    /// # Errors
    /// The gateway is not there or refuses the certificate.
    pub fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&self.gateway, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(self.patience))?;
        stream.set_write_timeout(Some(Duration::from_secs(30)))?;
        stream.set_nodelay(true)?;
        let client = ClientConnection::new(Arc::clone(&self.tls), ServerName::try_from("localhost")?)?;
        Ok(StreamOwned::new(client, stream))
    }

    /// Sends a request as it is, on the kept connection or a new one. A request is sent again only if the kept connection
    /// had been closed before.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send(&mut self, request: &Request) -> Result<Answer> {
        if let Some(mut kept) = self.connection.take()
            && let Ok(answer) = exchange(&mut kept, request)
        {
            return Ok(self.keep(kept, answer));
        }
        let mut fresh = self.connect()?;
        let answer = exchange(&mut fresh, request)?;
        Ok(self.keep(fresh, answer))
    }

    fn keep(&mut self, connection: Connection, answer: Answer) -> Answer {
        if answer.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            self.connection = Some(connection);
        }
        answer
    }

    /// A request with our signature, made now or at another time, in seconds since 1970.
    pub fn signed(&self, path: &str, content_type: &str, body: &[u8], created: u64) -> Request {
        let signed = sign_request("POST", path, body, created, &*self.signer);
        Request::post(path, content_type, body)
            .header("Content-Digest", &signed.content_digest)
            .header("Signature-Input", &signed.signature_input)
            .header("Signature", &signed.signature)
    }

    /// Posts an ISO message and checks the signature under the answer.
    ///
    /// # Errors
    /// The connection broke, or the answer is not the centre's.
    pub fn post(&mut self, xml: &str, wait_s: u32) -> Result<Answer> {
        let mut request = self.signed("/v1/messages", "application/xml", xml.as_bytes(), now_s());
        if wait_s > 0 {
            request = request.header("Prefer", &format!("wait={wait_s}"));
        }
        let answer = self.send(&request)?;
        self.check(&request, &answer)?;
        Ok(answer)
    }

    /// Asks for a quote.
    ///
    /// # Errors
    /// The connection broke, or the answer is not the centre's.
    pub fn quote(&mut self, debit_currency: &str, credit_currency: &str, fixed: &str, amount: &str) -> Result<Answer> {
        let body = serde_json::json!({
            "debit_currency": debit_currency, "credit_currency": credit_currency, "fixed": fixed, "amount": amount,
        });
        self.post_json("/v1/quotes", &body)
    }

    /// Publishes a standing rate.
    ///
    /// # Errors
    /// The connection broke.
    pub fn publish_rate(&mut self, rate: &serde_json::Value) -> Result<Answer> {
        let request = self.signed("/v1/rates", "application/json", rate.to_string().as_bytes(), now_s());
        self.send(&request)
    }

    fn post_json(&mut self, path: &str, body: &serde_json::Value) -> Result<Answer> {
        let request = self.signed(path, "application/json", body.to_string().as_bytes(), now_s());
        let answer = self.send(&request)?;
        self.check(&request, &answer)?;
        Ok(answer)
    }

    /// Answers in XML, and accepted quotes, must carry the centre's signature.
    fn check(&mut self, request: &Request, answer: &Answer) -> Result<()> {
        let is_problem = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
        if is_problem || answer.body.is_empty() {
            return Ok(());
        }
        let key = self.centre_key()?;
        let keys = move |_: &str| Some(key);
        let digest = request.headers.iter().find(|(name, _)| name == "Content-Digest").map_or("", |(_, value)| value.as_str());
        let pairs: Vec<(&str, &str)> = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = Response { status: answer.status, fields: &pairs.as_slice(), request_digest: digest };
        verify_response(&response, &answer.body, now_s(), &keys).map(drop).context("the centre's signature under an answer")
    }

    /// The centre's public key, from its own list.
    ///
    /// # Errors
    /// The list has no key.
    pub fn centre_key(&mut self) -> Result<[u8; 32]> {
        if let Some(key) = self.centre_key {
            return Ok(key);
        }
        let text = self.get("/v1/keys")?.text();
        let line = text.lines().find(|line| !line.trim().is_empty()).context("no keys")?;
        let key: chain::VerifierKey = line.trim().parse().ok().context("not a verifier key")?;
        self.centre_key = Some(key.key());
        Ok(key.key())
    }

    /// Asks for something.
    ///
    /// # Errors
    /// The connection broke.
    pub fn get(&mut self, path: &str) -> Result<Answer> {
        self.send(&Request::get(path))
    }

    /// Asks for something and expects 200.
    ///
    /// # Errors
    /// Another status came back.
    pub fn get_ok(&mut self, path: &str) -> Result<Answer> {
        let answer = self.get(path)?;
        if answer.status != 200 {
            bail!("GET {path}: {} {}", answer.status, answer.text());
        }
        Ok(answer)
    }

    /// What lies in the inbox after a cursor, waiting up to so many seconds for something; and the next cursor.
    ///
    /// # Errors
    /// The connection broke, or an item is not signed by the centre.
    pub fn poll(&mut self, after: u64, wait_s: u32) -> Result<(Vec<Item>, u64)> {
        let answer = self.get_ok(&format!("/v1/inbox?after={after}&wait={wait_s}&limit=1000"))?.json()?;
        let key = self.centre_key()?;
        let keys = move |_: &str| Some(key);
        let items = answer["items"].as_array().context("items is a list")?.iter().map(|item| self.read_item(item, &keys));
        Ok((items.collect::<Result<_>>()?, answer["next"].as_u64().context("next is a number")?))
    }

    fn read_item(&self, item: &serde_json::Value, keys: &dyn Keys) -> Result<Item> {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let found = Item { cursor: item["cursor"].as_u64().unwrap_or(0), kind: text("type"), message: text("message") };
        let headers = SignatureHeaders {
            content_digest: text("digest"),
            signature_input: text("signature_input"),
            signature: text("signature"),
        };
        let signed = signing::Item { bic: &self.bic, cursor: found.cursor, body: found.message.as_bytes() };
        verify_item(&signed, &headers, keys).with_context(|| format!("the centre's signature under item {}", found.cursor))?;
        Ok(found)
    }

    /// Everything in the inbox after a cursor, without waiting.
    ///
    /// # Errors
    /// As [`Participant::poll`].
    pub fn whole_inbox(&mut self, mut after: u64) -> Result<Vec<Item>> {
        let mut all = Vec::new();
        loop {
            let (items, next) = self.poll(after, 0)?;
            if items.is_empty() {
                return Ok(all);
            }
            all.extend(items);
            after = next;
        }
    }

    /// Polls until an item fits, for at most so long.
    ///
    /// # Errors
    /// None fits in time.
    pub fn wait_for(&mut self, after: u64, within: Duration, fits: impl Fn(&Item) -> bool) -> Result<Item> {
        let until = std::time::Instant::now() + within;
        let mut cursor = after;
        while std::time::Instant::now() < until {
            let (items, next) = self.poll(cursor, 1)?;
            if let Some(found) = items.into_iter().find(|item| fits(item)) {
                return Ok(found);
            }
            cursor = next;
        }
        bail!("nothing that fits came into the inbox of {} within {within:?}", self.bic)
    }

    /// Available on one of our accounts at the centre, in its currency's decimals.
    ///
    /// # Errors
    /// There is no such account.
    pub fn available(&mut self, purpose: &str, currency: &str) -> Result<String> {
        let accounts = self.get_ok("/v1/accounts")?.json()?;
        let found = accounts
            .as_array()
            .into_iter()
            .flatten()
            .find(|account| account["purpose"] == purpose && account["currency"] == currency);
        let found = found.with_context(|| format!("no {purpose} account in {currency}: {accounts}"))?;
        Ok(found["available"].as_str().context("an amount is text")?.to_owned())
    }
}

/// Now, in seconds since 1970.
pub fn now_s() -> u64 {
    jiff::Timestamp::now().as_second().unsigned_abs()
}
