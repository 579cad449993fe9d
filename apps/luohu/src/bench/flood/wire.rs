//! The load's own connection: TLS as any bank's, and on it HTTP/1.1 by hand, several requests written at once and their
//! answers read for status and few fields only. A client that did more would take the processor from what it measures.

use anyhow::{Context, Result, anyhow, bail};
use banklink::{Connector, TlsConnector};
use std::pin::Pin;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest head of an answer; a longer one is no answer of the gateway's.
const HEAD_BYTES_MAX: usize = 16 << 10;

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// A connection with answers not read yet.
pub struct Wire {
    stream: Pin<Box<dyn Stream>>,
    /// Read and not used: `unread[at..]`.
    unread: Vec<u8>,
    at: usize,
}

/// What is looked at of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    pub status: u16,
    pub has_retry_after: bool,
    pub state: State,
    /// When it was read.
    pub at: Instant,
}

/// How the gateway says a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Untold,
    Held,
    Settled,
    Rejected,
}

impl Wire {
    pub async fn open(connector: &TlsConnector) -> Result<Self> {
        let stream = connector.connect().await.map_err(|error| anyhow!("{error}"))?;
        Ok(Self { stream: Box::into_pin(Box::new(stream) as Box<dyn Stream>), unread: Vec::new(), at: 0 })
    }

    /// Writes requests, one behind the other.
    pub async fn send(&mut self, requests: &[u8]) -> Result<()> {
        self.stream.write_all(requests).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next answer, its body passed over.
    pub async fn reply(&mut self) -> Result<Reply> {
        loop {
            if let Some(end) = find(&self.unread[self.at..], b"\r\n\r\n") {
                let head = core::str::from_utf8(&self.unread[self.at..self.at + end]).context("a head is text")?;
                let (reply, body) = read_head(head)?;
                self.at += end + 4;
                self.skip(body).await?;
                return Ok(reply);
            }
            if self.unread.len() - self.at > HEAD_BYTES_MAX {
                bail!("an answer without end of head");
            }
            self.fill().await?;
        }
    }

    async fn skip(&mut self, mut bytes: usize) -> Result<()> {
        loop {
            let here = bytes.min(self.unread.len() - self.at);
            self.at += here;
            bytes -= here;
            if bytes == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> Result<()> {
        self.unread.drain(..self.at);
        self.at = 0;
        self.unread.reserve(16 << 10);
        if self.stream.read_buf(&mut self.unread).await? == 0 {
            bail!("the gateway closed the connection");
        }
        Ok(())
    }
}

fn read_head(head: &str) -> Result<(Reply, usize)> {
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("no status")?;
    let mut reply = Reply { status, has_retry_after: false, state: State::Untold, at: Instant::now() };
    let mut body = 0;
    for line in lines {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name {
            "content-length" => body = value.parse().context("content-length")?,
            "retry-after" => reply.has_retry_after = true,
            "luohu-payment-state" => {
                reply.state = match value {
                    "held" => State::Held,
                    "settled" => State::Settled,
                    "rejected" => State::Rejected,
                    other => bail!("a payment is {other}"),
                }
            }
            _ => {}
        }
    }
    Ok((reply, body))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut places = text.iter().enumerate().filter(|(_, byte)| wanted.first() == Some(*byte)).map(|(at, _)| at);
    places.find(|&at| text[at..].starts_with(wanted))
}

impl Reply {
    /// Refused for want of room.
    pub fn is_refusal(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}
