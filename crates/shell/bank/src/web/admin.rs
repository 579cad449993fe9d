//! The operator's corner: faults and books, for this machine alone.
//!
//! Only connections from loopback under a loopback name are let in, and changes only as JSON, which no page of another
//! site can send without asking first.

use crate::fault::Fault;
use crate::inner::Shared;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::net::SocketAddr;

/// A connection of this machine.
pub(crate) struct Local;

impl FromRequestParts<Shared> for Local {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Response> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        if peer.is_some_and(|peer| peer.is_loopback()) && matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
            return Ok(Self);
        }
        Err((StatusCode::FORBIDDEN, Json(json!({"code": "BNK-2001", "title": "for this machine alone"}))).into_response())
    }
}

/// The fault in force.
pub(crate) async fn fault(_: Local, State(inner): State<Shared>) -> Json<Fault> {
    Json(inner.fault())
}

/// Puts a fault in force.
pub(crate) async fn set_fault(_: Local, State(inner): State<Shared>, Json(fault): Json<Fault>) -> Response {
    if !fault.is_valid() {
        let problem = json!({"code": "BNK-2002", "title": "a delay is at most 600000 ms, a reason four capitals or digits"});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(problem)).into_response();
    }
    inner.set_fault(fault);
    Json(inner.fault()).into_response()
}

/// The books' report, every law checked.
pub(crate) async fn books(_: Local, State(inner): State<Shared>) -> Response {
    match inner.books(|books| books.report()).await {
        Ok(report) => Json(report).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
