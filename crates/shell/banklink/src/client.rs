//! One request and its answer over a pooled connection, within time and size.

use crate::LinkError;
use crate::pool::Pool;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Longest answer read, in bytes: a poll of a thousand items is asked for in smaller pieces.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What came back.
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is asked.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) path_and_query: &'a str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) time_limit: Duration,
}

impl Call<'_> {
    /// The request for a connection to `authority`.
    pub(crate) fn request(&self, authority: &str) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path_and_query.parse().expect("paths are written by this crate from checked parts");
        let headers = request.headers_mut();
        headers.insert("host", header(authority));
        for (name, value) in &self.headers {
            headers.insert(*name, header(value));
        }
        request
    }
}

fn header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("header values are written by this crate in ASCII")
}

/// Sends a call and reads its answer. A used connection that turns out to be closed is replaced once: the same bytes again
/// are safe, and nothing else is sent twice here.
pub(crate) async fn exchange(pool: &Pool, authority: &str, call: &Call<'_>) -> Result<RawAnswer, LinkError> {
    match exchange_once(pool, authority, call, false).await {
        Err(Failure { error: LinkError::Broken(_), on_used_connection: true }) => {
            exchange_once(pool, authority, call, true).await.map_err(|failure| failure.error)
        }
        other => other.map_err(|failure| failure.error),
    }
}

struct Failure {
    error: LinkError,
    on_used_connection: bool,
}

async fn exchange_once(pool: &Pool, authority: &str, call: &Call<'_>, fresh: bool) -> Result<RawAnswer, Failure> {
    let mut leased = pool.lease(fresh).await.map_err(|error| Failure { error, on_used_connection: false })?;
    let on_used_connection = leased.used;
    let fail = |error| Failure { error, on_used_connection };
    let exchange = async {
        let response = leased.sender.send_request(call.request(authority)).await;
        let response = response.map_err(|error| LinkError::Broken(Arc::new(error)))?;
        let (parts, body) = response.into_parts();
        let body = read_body(body).await?;
        Ok(RawAnswer { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    let answer = timeout(call.time_limit, exchange).await.map_err(|_| fail(LinkError::TimedOut))?.map_err(fail)?;
    leased.done(pool);
    Ok(answer)
}

async fn read_body(body: hyper::body::Incoming) -> Result<Bytes, LinkError> {
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(error) => LinkError::Broken(Arc::new(*error)),
            Err(_) => LinkError::Unreadable("longer than an answer may be"),
        }),
    }
}
