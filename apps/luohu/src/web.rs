//! A bank's JSON door on this machine, as `luohu pay` and `luohu bank` use it: one request, one connection.

use anyhow::{Context, Result, bail, ensure};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::Poll;
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
        judged(status, &text)
    }

    /// The same of a request that a bank need not have; `None` if it has not: 405, 501, or a 404 that is no answer of its own.
    pub async fn json_if_there(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Option<Value>> {
        let (status, text) = self.request(method, path, body).await?;
        let has_code = || serde_json::from_str::<Value>(&text).is_ok_and(|value| value["code"].is_string());
        let is_absent = match status {
            404 => !has_code(),
            status => matches!(status, 405 | 501),
        };
        if is_absent { Ok(None) } else { judged(status, &text).map(Some) }
    }

    /// The text of a page; an error unless it is there.
    pub async fn text(&self, path: &str) -> Result<String> {
        match self.request(Method::GET, path, None).await? {
            (200, text) => Ok(text),
            (status, _) => bail!("{path} answered HTTP {status}"),
        }
    }

    /// Sends a file as it lies on disk, without ever having all of it in memory.
    pub async fn send_file(&self, path: &str, media: &str, file: &Path) -> Result<Value> {
        let body = FileBody(File::open(file).with_context(|| file.display().to_string())?);
        let request = self.head(Method::POST, path).header("content-type", media).body(body)?;
        let (status, text) = read_text(self.answer(request).await?).await?;
        judged(status, &text)
    }

    /// Keeps an answer in a file, as it comes.
    pub async fn save(&self, path: &str, file: &Path) -> Result<()> {
        let response = self.answer(self.head(Method::GET, path).body(Full::new(Bytes::new()))?).await?;
        ensure!(response.status().is_success(), "{path} answered HTTP {}", response.status().as_u16());
        let mut kept = File::create(file).with_context(|| file.display().to_string())?;
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame.context("reading the answer")?.into_data() {
                kept.write_all(&data).with_context(|| file.display().to_string())?;
            }
        }
        Ok(())
    }

    async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, String)> {
        let head = self.head(method, path);
        let request = match body {
            Some(value) => head.header("content-type", "application/json").body(Full::new(Bytes::from(value.to_string())))?,
            None => head.body(Full::new(Bytes::new()))?,
        };
        read_text(self.answer(request).await?).await
    }

    fn head(&self, method: Method, path: &str) -> hyper::http::request::Builder {
        let request = Request::builder().method(method).uri(path).header("host", self.addr.to_string());
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends a request over a connection of its own, which ends with the answer.
    async fn answer<B>(&self, request: Request<B>) -> Result<Response<Incoming>>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::error::Error + Send + Sync,
    {
        let stream = TcpStream::connect(self.addr).await.with_context(|| format!("no bank at {}", self.addr))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

/// JSON of a good answer; another is an error that says what the bank said.
fn judged(status: u16, text: &str) -> Result<Value> {
    let value: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        return Ok(value);
    }
    let said = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let title = said("title").unwrap_or_else(|| text.to_owned());
    let code = said("code").unwrap_or_default();
    let field = said("field").map(|field| format!(" (field {field})")).unwrap_or_default();
    bail!("{code} {title}{field}, HTTP {status}")
}

async fn read_text(response: Response<Incoming>) -> Result<(u16, String)> {
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("reading the answer: {error}"))?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// A file on its way out, read as it is sent. The command line has nothing else to do meanwhile.
struct FileBody(File);

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let mut chunk = vec![0; 64 << 10];
        Poll::Ready(match self.0.read(&mut chunk) {
            Ok(0) => None,
            Ok(count) => {
                chunk.truncate(count);
                Some(Ok(Frame::data(Bytes::from(chunk))))
            }
            Err(error) => Some(Err(error)),
        })
    }
}
