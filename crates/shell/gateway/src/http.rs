//! Bodies in and out: reading within limits, answers plain, signed, as a problem or as a stream.

use crate::limits::Limits;
use crate::refusal::{GatewayRefusal, Problem};
use bytes::{Bytes, BytesMut};
use core::pin::Pin;
use core::task::{Context, Poll};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use signing::{SignatureHeaders, Signer, sign_response};
use std::convert::Infallible;
use tokio::sync::mpsc;

/// What the gateway answers.
pub(crate) type Answer = Response<Body>;

/// `application/xml`.
pub(crate) const XML: &str = "application/xml";
/// `application/json`.
pub(crate) const JSON: &str = "application/json";
/// `text/plain`.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");
const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// A body on its way out.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it, once.
    Whole(Bytes),
    /// As it comes.
    Stream(mpsc::Receiver<Bytes>),
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(core::mem::take(bytes))))),
            Self::Stream(chunks) => chunks.poll_recv(context).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Reads a whole body: at most `body_bytes_max` bytes within `body_timeout`.
pub(crate) async fn read_body<B>(body: B, limits: &Limits) -> Result<Bytes, GatewayRefusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    match tokio::time::timeout(limits.body_timeout, collect(body, limits.body_bytes_max)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(GatewayRefusal::BodyTooSlow),
    }
}

async fn collect<B>(mut body: B, bytes_max: usize) -> Result<Bytes, GatewayRefusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > bytes_max as u64 {
        return discard(body, bytes_max).await;
    }
    let Some(mut first) = next_data(&mut body).await? else { return Ok(Bytes::new()) };
    let mut gathered: Option<BytesMut> = None;
    while !body.is_end_stream() {
        let Some(more) = next_data(&mut body).await? else { break };
        let whole = gathered.get_or_insert_with(|| BytesMut::from(core::mem::take(&mut first)));
        if whole.len() + more.len() > bytes_max {
            return discard(body, bytes_max).await;
        }
        whole.extend_from_slice(&more);
    }
    let whole = gathered.map_or(first, BytesMut::freeze);
    if whole.len() > bytes_max { Err(GatewayRefusal::BodyTooLarge) } else { Ok(whole) }
}

async fn next_data<B>(body: &mut B) -> Result<Option<Bytes>, GatewayRefusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(GatewayRefusal::BodyCut),
            // Trailers say nothing here.
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => continue,
            },
        }
    }
}

/// Reads on for a while without keeping anything, so that a client that is still sending can read why it was refused.
async fn discard<B>(mut body: B, bytes_max: usize) -> Result<Bytes, GatewayRefusal>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    let mut left = bytes_max * 16;
    while let Ok(Some(data)) = next_data(&mut body).await {
        left = left.saturating_sub(data.len());
        if left == 0 {
            break;
        }
    }
    Err(GatewayRefusal::BodyTooLarge)
}

/// An answer with a body.
pub(crate) fn reply(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Body::Whole(body.into()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("statuses are three digits");
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer without a body.
pub(crate) fn empty(status: u16) -> Answer {
    let mut answer = Response::new(Body::Whole(Bytes::new()));
    *answer.status_mut() = StatusCode::from_u16(status).expect("statuses are three digits");
    answer
}

/// An answer with a body that the centre signs, bound to the request with this `Content-Digest`.
pub(crate) fn signed(
    status: u16,
    content_type: &'static str,
    body: impl Into<Bytes>,
    request_digest: &str,
    created_s: u64,
    signer: &dyn Signer,
) -> Answer {
    let body = body.into();
    let SignatureHeaders { content_digest, signature_input, signature } =
        sign_response(status, &body, request_digest, created_s, signer);
    let mut answer = reply(status, content_type, body);
    for (name, value) in [(CONTENT_DIGEST, content_digest), (SIGNATURE_INPUT, signature_input), (SIGNATURE, signature)] {
        answer.headers_mut().insert(name, HeaderValue::try_from(value).expect("signature fields are ASCII"));
    }
    answer
}

/// A no.
pub(crate) fn problem(problem: impl Into<Problem>) -> Answer {
    let problem = problem.into();
    let mut answer = reply(problem.status, "application/problem+json", problem.to_json());
    if let Some(seconds) = problem.retry_after {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{Full, StreamBody};

    fn limits() -> Limits {
        Limits { body_bytes_max: 8, body_timeout: std::time::Duration::from_millis(50), ..Limits::default() }
    }

    fn chunks(chunks: &'static [&'static [u8]]) -> impl HttpBody<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(futures_util::stream::iter(chunks.iter().map(|chunk| Ok(Frame::data(Bytes::from_static(chunk))))))
    }

    #[tokio::test]
    async fn bodies_are_read_within_limits() {
        let limits = limits();
        assert_eq!(read_body(Full::new(Bytes::from_static(b"12345678")), &limits).await.unwrap(), "12345678");
        assert_eq!(read_body(Full::new(Bytes::new()), &limits).await.unwrap(), "");
        assert_eq!(read_body(chunks(&[b"1234", b"5678"]), &limits).await.unwrap(), "12345678");
        assert_eq!(read_body(Full::new(Bytes::from_static(b"123456789")), &limits).await, Err(GatewayRefusal::BodyTooLarge));
        assert_eq!(read_body(chunks(&[b"1234", b"56789"]), &limits).await, Err(GatewayRefusal::BodyTooLarge));
        assert_eq!(read_body(chunks(&[b"123456789"]), &limits).await, Err(GatewayRefusal::BodyTooLarge));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let (_sender, receiver) = mpsc::channel(1);
        assert_eq!(read_body(Body::Stream(receiver), &limits()).await, Err(GatewayRefusal::BodyTooSlow));
    }
}
