//! A client that can also misbehave: bytes in, bytes out, over TLS.

use super::{Bank, now_s};
use signing::{Response, SignatureHeaders, sign_request, verify_response};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub struct Client {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The `code` of a problem.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Checks the centre's signature.
    pub fn verify(&self, request_digest: &str, centre: [u8; 32]) {
        let fields: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let fields = fields.as_slice();
        let response = Response { status: self.status, fields: &fields, request_digest };
        let keys = move |id: &str| (id == "LUOHU#1").then_some(centre);
        verify_response(&response, &self.body, now_s(), &keys).unwrap();
    }
}

/// A request that can be changed in any way before it is sent.
#[derive(Debug, Clone)]
pub struct Draft {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Draft {
    pub fn get(target: &str) -> Self {
        Self { method: "GET".into(), target: target.into(), headers: vec![("Host".into(), "localhost".into())], body: vec![] }
    }

    /// A signed POST.
    pub fn post(bank: &Bank, path: &str, media: &str, body: &[u8]) -> Self {
        Self::post_at(bank, path, media, body, now_s())
    }

    pub fn post_at(bank: &Bank, path: &str, media: &str, body: &[u8], created: u64) -> Self {
        let SignatureHeaders { content_digest, signature_input, signature } =
            sign_request("POST", path, body, created, &bank.signer);
        let headers = [
            ("Host", "localhost".to_owned()),
            ("Content-Type", media.to_owned()),
            ("Content-Length", body.len().to_string()),
            ("Content-Digest", content_digest),
            ("Signature-Input", signature_input),
            ("Signature", signature),
        ];
        Self {
            method: "POST".into(),
            target: path.into(),
            headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            body: body.to_vec(),
        }
    }

    pub fn xml(bank: &Bank, body: &[u8]) -> Self {
        Self::post(bank, "/v1/messages", "application/xml", body)
    }

    pub fn json(bank: &Bank, path: &str, body: &serde_json::Value) -> Self {
        Self::post(bank, path, "application/json", body.to_string().as_bytes())
    }

    pub fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(key, _)| key == name).unwrap().1
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(key, _)| key != name);
        self
    }

    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Client {
    pub async fn connect(addr: SocketAddr, config: Arc<rustls::ClientConfig>) -> io::Result<Self> {
        let socket = TcpStream::connect(addr).await?;
        socket.set_nodelay(true)?;
        let mut stream = TlsConnector::from(config).connect("localhost".try_into().unwrap(), socket).await?;
        // With TLS 1.3 a server refuses a client's certificate after the client is done; a byte read would show it.
        stream.flush().await?;
        Ok(Self { stream, buffer: Vec::new() })
    }

    pub async fn send(&mut self, draft: &Draft) -> Reply {
        let mut bytes = draft.head();
        bytes.extend_from_slice(&draft.body);
        self.write(&bytes).await.unwrap();
        self.reply().await.unwrap()
    }

    pub async fn get(&mut self, target: &str) -> Reply {
        self.send(&Draft::get(target)).await
    }

    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut chunk = [0; 16 << 10];
        let count = self.stream.read(&mut chunk).await?;
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }

    /// Reads status line and header fields.
    pub async fn reply_head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..end + 4).collect();
                let text = String::from_utf8(head).unwrap();
                let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
                let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
                let headers =
                    lines.map(|line| line.split_once(": ").unwrap()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                return Ok((status, headers));
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Reads a whole answer with a `Content-Length`.
    pub async fn reply(&mut self) -> io::Result<Reply> {
        let (status, headers) = self.reply_head().await?;
        let mut reply = Reply { status, headers, body: vec![] };
        let length: usize = reply.header("content-length").map_or(0, |text| text.parse().unwrap());
        while self.buffer.len() < length {
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        reply.body = self.buffer.drain(..length).collect();
        Ok(reply)
    }

    /// Reads the next server-sent event's lines out of a chunked body; comments are skipped.
    pub async fn event(&mut self) -> io::Result<Vec<(String, String)>> {
        loop {
            let mut event = Vec::new();
            loop {
                let line = self.stream_line().await?;
                match line.split_once(": ") {
                    _ if line.is_empty() => break,
                    Some(("", _)) => {}
                    Some((name, value)) => event.push((name.to_owned(), value.to_owned())),
                    None => panic!("not a line of an event: {line}"),
                }
            }
            if !event.is_empty() {
                return Ok(event);
            }
        }
    }

    /// A line of the body, with the chunk framing taken off. Chunks end at line ends here.
    async fn stream_line(&mut self) -> io::Result<String> {
        loop {
            let line = self.line().await?;
            let is_chunk_size = line.ends_with('\r');
            if !is_chunk_size {
                return Ok(line);
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(String::from_utf8(line[..end].to_vec()).unwrap());
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
