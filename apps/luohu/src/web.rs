//! A bank's JSON door on this machine, as `luohu pay` and `luohu bank` use it: one request, one connection.

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Longest answer taken.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// One bank's door.
pub struct BankDoor {
    pub addr: SocketAddr,
    pub token: Option<String>,
}

impl BankDoor {
    /// Sends JSON, or nothing, and reads JSON back; a refusal is an error that says what the bank said.
    pub async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, text) = self.request(method, path, body).await?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if (200..300).contains(&status) {
            return Ok(value);
        }
        let said = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let title = said("title").unwrap_or(text);
        let code = said("code").unwrap_or_default();
        let field = said("field").map(|field| format!(" (field {field})")).unwrap_or_default();
        bail!("{code} {title}{field}, HTTP {status}")
    }

    /// The text of a page; an error unless it is there.
    pub async fn text(&self, path: &str) -> Result<String> {
        match self.request(Method::GET, path, None).await? {
            (200, text) => Ok(text),
            (status, _) => bail!("{path} answered HTTP {status}"),
        }
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let stream = TcpStream::connect(self.addr).await.with_context(|| format!("no bank at {}", self.addr))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", self.addr.to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let bytes = match body {
            Some(value) => {
                request = request.header("content-type", "application/json");
                Bytes::from(value.to_string())
            }
            None => Bytes::new(),
        };
        let response = sender.send_request(request.body(Full::new(bytes))?).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
        driver.abort();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
