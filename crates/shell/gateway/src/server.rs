//! Connections: accept, shake hands, serve HTTP/1.1 until the client or the gateway goes.
//!
//! Slow clients cost a connection and no more: handshake, request head and body have their time each, and an idle
//! connection is closed. One task a connection.

use crate::auth::Peer;
use crate::door::{Door, stopped};
use crate::doorway::Doorway;
use crate::gathered::{Gathered, poll_turn};
use crate::routes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Most bytes of a request head. Three signature fields are below 600.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Most header fields.
const HEAD_FIELDS_MAX: usize = 64;

/// Accepts until the gateway stops, then waits for requests under way.
pub(crate) async fn run(door: Arc<Door>, doorway: impl Doorway) {
    let doorway = Arc::new(doorway);
    let places = Arc::new(Semaphore::new(door.config.limits.connections_max));
    let mut stopping = door.stopping.clone();
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            biased;
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            place = Arc::clone(&places).acquire_owned() => place.expect("the semaphore is never closed"),
        };
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stopping) => break,
            accepted = doorway.accept() => accepted,
        };
        match accepted {
            Ok(raw) => {
                let (door, doorway) = (Arc::clone(&door), Arc::clone(&doorway));
                connections.spawn(async move {
                    serve_connection(door, doorway, raw).await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: a pause lets some connections end.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(doorway);
    let _ =
        tokio::time::timeout(door.config.limits.drain_timeout, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve_connection<D: Doorway>(door: Arc<Door>, doorway: Arc<D>, raw: D::Raw) {
    let limits = door.config.limits;
    let (stream, peer) = match tokio::time::timeout(limits.handshake_timeout, Peer::greet(&*doorway, raw)).await {
        Ok(Ok(known)) => known,
        Ok(Err(error)) => return tracing::debug!(%error, "handshake failed"),
        Err(_) => return tracing::debug!("handshake too slow"),
    };
    drop(doorway);
    let mut stopping = door.stopping.clone();
    let service = service_fn(move |request| {
        let answer = routes::serve(Arc::clone(&door), peer, request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let (read_and_written, written) = Gathered::new(stream);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_headers(HEAD_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(read_and_written), service);
    let mut connection = core::pin::pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = poll_fn(|cx| poll_turn(&written, connection.as_mut(), cx)) => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            poll_fn(|cx| poll_turn(&written, connection.as_mut(), cx)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, bic = %peer.bic(), "connection ended");
    }
}
