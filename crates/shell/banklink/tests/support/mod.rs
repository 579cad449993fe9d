//! A tiny centre: TLS with client certificates, answers as scripted.

use banklink::{Link, LinkConfig, TlsConnector};
use futures_util::{StreamExt, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use signing::{
    DevCa, FileSigner, Request as SignedRequest, Signer, client_config, server_config, sign_batch, sign_response, verify_request,
};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub const BIC: &str = "HARBHKHHXXX";

/// What the tiny centre does with its n-th request.
#[derive(Clone)]
pub enum Script {
    /// Answers with a signed XML body.
    Signed(u16, &'static str),
    /// Answers with an XML body nobody signed.
    Unsigned(&'static str),
    /// Answers with a body signed by another key.
    SignedByAnother(&'static str),
    /// Answers with a problem.
    Problem(u16, &'static str),
    /// Answers well and closes the connection behind it.
    SignedThenClose(&'static str),
    /// Breaks the connection instead of answering.
    Break,
    /// Streams items `(cursor, message)` cut into small chunks, then ends or stays open.
    Stream(Vec<(u64, &'static str)>, bool),
    /// Streams one item signed by another key.
    ForgedStream(u64, &'static str),
}

pub struct Centre {
    pub address: SocketAddr,
    /// `METHOD path?query` of every request and whether its signature verified.
    pub seen: Mutex<Vec<(String, bool)>>,
    pub connections: AtomicUsize,
    script: Mutex<Vec<Script>>,
    signer: FileSigner,
    bank_key: [u8; 32],
}

pub struct Setup {
    pub centre: Arc<Centre>,
    pub link: Arc<Link>,
}

/// Starts a centre that follows `script`, request by request, and a link to it.
pub async fn setup(script: Vec<Script>) -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let authority = DevCa::open_or_create(folder.path()).unwrap();
    let server = server_config(authority.certificate(), &authority.issue_server(&["localhost"]).unwrap()).unwrap();
    let client = client_config(authority.certificate(), &authority.issue_client(BIC).unwrap()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let bank = FileSigner::ephemeral("HARBHKHHXXX#1");
    let centre = Arc::new(Centre {
        address: listener.local_addr().unwrap(),
        seen: Mutex::default(),
        connections: AtomicUsize::new(0),
        script: Mutex::new(script),
        signer: FileSigner::ephemeral("LUOHU#1"),
        bank_key: bank.public_key(),
    });
    let key = centre.signer.public_key();
    tokio::spawn(serve(Arc::clone(&centre), listener, TlsAcceptor::from(Arc::new(server))));
    let link = Link::new(LinkConfig {
        bic: BIC.to_owned(),
        connector: Arc::new(TlsConnector::new(centre.address, "localhost", Arc::new(client)).unwrap()),
        signer: Arc::new(bank),
        centre_keys: Arc::new(move |id: &str| (id == "LUOHU#1").then_some(key)),
        world: world::Machine::shared(),
    });
    Setup { centre, link: Arc::new(link) }
}

async fn serve(centre: Arc<Centre>, listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (centre, acceptor) = (Arc::clone(&centre), acceptor.clone());
        tokio::spawn(async move {
            let Ok(tls) = acceptor.accept(tcp).await else { return };
            centre.connections.fetch_add(1, Ordering::SeqCst);
            let service = service_fn(move |request| answer(Arc::clone(&centre), request));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service).await;
        });
    }
}

type Body = BoxBody<Bytes, Infallible>;

async fn answer(centre: Arc<Centre>, request: Request<Incoming>) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap();
    let signed = SignedRequest { method: parts.method.as_str(), path: parts.uri.path(), authority: "", fields: &parts.headers };
    let key = centre.bank_key;
    let verified = verify_request(&signed, &body, now, &|id: &str| (id == "HARBHKHHXXX#1").then_some(key)).is_ok();
    centre.seen.lock().unwrap().push((format!("{} {}", parts.method, parts.uri), verified));
    let digest = parts.headers.get("content-digest").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let step = {
        let mut script = centre.script.lock().unwrap();
        if script.is_empty() { Script::Stream(Vec::new(), true) } else { script.remove(0) }
    };
    let xml = |status: u16, text: &'static str, signer: &dyn Signer| {
        let headers = sign_response(status, text.as_bytes(), &digest, now, signer);
        Response::builder()
            .status(status)
            .header("content-type", "application/xml")
            .header("luohu-cursor", "17")
            .header("content-digest", headers.content_digest)
            .header("signature-input", headers.signature_input)
            .header("signature", headers.signature)
    };
    let full = |text: &'static str| Full::new(Bytes::from_static(text.as_bytes())).boxed();
    Ok(match step {
        Script::Signed(status, text) => xml(status, text, &centre.signer).body(full(text)).unwrap(),
        Script::SignedByAnother(text) => xml(200, text, &FileSigner::ephemeral("LUOHU#1")).body(full(text)).unwrap(),
        Script::SignedThenClose(text) => xml(200, text, &centre.signer).header("connection", "close").body(full(text)).unwrap(),
        Script::Unsigned(text) => Response::builder().header("content-type", "application/xml").body(full(text)).unwrap(),
        Script::Problem(status, text) => Response::builder()
            .status(status)
            .header("content-type", "application/problem+json")
            .header("retry-after", "3")
            .body(full(text))
            .unwrap(),
        Script::Break => return Err(std::io::Error::other("scripted break")),
        Script::Stream(items, stays) => event_stream(&items, stays, &centre.signer),
        Script::ForgedStream(cursor, text) => event_stream(&[(cursor, text)], false, &FileSigner::ephemeral("LUOHU#1")),
    })
}

fn event_stream(items: &[(u64, &'static str)], stays: bool, signer: &dyn Signer) -> Response<Body> {
    let mut text = String::from(": ping\n\n");
    // Two items under one signature, then what is left.
    for batch in items.chunks(2) {
        let parts = batch.iter().map(|(cursor, message)| (*cursor, message.as_bytes()));
        let headers = sign_batch(BIC, parts, 1, signer);
        let items: Vec<_> = batch
            .iter()
            .map(|(cursor, message)| serde_json::json!({"cursor": cursor, "type": "pacs.002.001.10", "message": message}))
            .collect();
        let json = serde_json::json!({"items": items, "digest": headers.content_digest,
            "signature_input": headers.signature_input, "signature": headers.signature});
        text.push_str(&format!("event: batch\ndata: {json}\n\n"));
    }
    let chunks: Vec<_> = text.as_bytes().chunks(97).map(|chunk| Ok(Frame::data(Bytes::copy_from_slice(chunk)))).collect();
    let chunks = stream::iter(chunks);
    let body = match stays {
        true => BodyExt::boxed(StreamBody::new(chunks.chain(stream::pending()))),
        false => BodyExt::boxed(StreamBody::new(chunks)),
    };
    Response::builder().header("content-type", "text/event-stream").body(body).unwrap()
}
