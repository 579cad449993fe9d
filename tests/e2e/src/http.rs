//! One HTTP/1.1 request and its answer over any stream, written out by hand: tests must be able to send what no client
//! library would.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Longest answer read, in bytes: a bank's books after a million payments.
const BODY_BYTES_MAX: usize = 512 << 20;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Such as `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Besides `Host` and `Content-Length`, which are added unless given.
    pub headers: Vec<(String, String)>,
    /// The body; may be empty.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without a body.
    pub fn get(path: &str) -> Self {
        Self { method: "GET".into(), path: path.into(), ..Self::default() }
    }

    /// A request with a body.
    pub fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type".into(), content_type.into())];
        Self { method: "POST".into(), path: path.into(), headers, body: body.into() }
    }

    /// The same with a header more.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with a header changed or, for an empty value, without it.
    pub fn replace(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(had, _)| !had.eq_ignore_ascii_case(name));
        if value.is_empty() { self } else { self.header(name, value) }
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(had, _)| had.eq_ignore_ascii_case(name))
    }

    /// The bytes up to the body.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.has("Host") {
            head.push_str("Host: localhost\r\n");
        }
        if !self.has("Content-Length") && (!self.body.is_empty() || self.method == "POST") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(had, _)| had.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// It is not.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }
}

/// Sends a request over a stream and reads the answer.
///
/// # Errors
/// The stream broke or did not speak HTTP.
pub fn exchange(stream: &mut (impl Read + Write), request: &Request) -> Result<Answer> {
    stream.write_all(&request.head())?;
    stream.write_all(&request.body)?;
    stream.flush()?;
    read_answer(&mut BufReader::new(stream), request.method == "HEAD")
}

/// Reads one answer.
///
/// # Errors
/// The stream broke or did not speak HTTP.
pub fn read_answer(reader: &mut impl BufRead, without_body: bool) -> Result<Answer> {
    let line = read_line(reader)?;
    let status = line.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("not HTTP: `{line}`"))?;
    let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').with_context(|| format!("not a header: `{line}`"))?;
        answer.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    if status == 100 {
        return read_answer(reader, without_body);
    }
    if !without_body && status != 204 {
        answer.body = read_body(reader, &answer)?;
    }
    Ok(answer)
}

fn read_body(reader: &mut impl BufRead, answer: &Answer) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        loop {
            let size = usize::from_str_radix(read_line(reader)?.split(';').next().unwrap_or_default().trim(), 16)?;
            let start = body.len();
            if start + size > BODY_BYTES_MAX {
                bail!("an answer of more than {BODY_BYTES_MAX} bytes");
            }
            body.resize(start + size, 0);
            reader.read_exact(&mut body[start..])?;
            read_line(reader)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match answer.header("content-length") {
        Some(length) => {
            let length: usize = length.parse()?;
            if length > BODY_BYTES_MAX {
                bail!("an answer of {length} bytes");
            }
            body.resize(length, 0);
            reader.read_exact(&mut body)?;
        }
        None => drop(reader.take(BODY_BYTES_MAX as u64).read_to_end(&mut body)?),
    }
    Ok(body)
}

fn read_line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = Vec::new();
    reader.take(64 << 10).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\n") {
        bail!("the stream ended inside the answer's head");
    }
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

/// One request to a plain HTTP address, on a connection of its own.
///
/// # Errors
/// Nobody answers there in time.
pub fn call(address: SocketAddr, request: Request) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).with_context(|| address.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    exchange(&mut stream, &request.header("Connection", "close"))
}
