//! The operator's corner: faults and books, for this machine alone.
//!
//! Only connections from loopback under a loopback name are let in, and changes only as JSON, which no page of another
//! site can send without asking first.

use crate::engine;
use crate::fault::Fault;
use crate::inner::Shared;
use crate::service::ServiceError;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
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

/// A return or a recall, as somebody at the bank asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    uetr: String,
    /// Of the payment's currency; what is left of it when not given. Not for recalls.
    amount: Option<String>,
    /// ISO reason: of a return, or of a recall.
    reason: String,
}

/// Sends back a payment this bank had credited.
pub(crate) async fn send_back(_: Local, State(inner): State<Shared>, Json(back): Json<Back>) -> Response {
    match engine::send_back(&inner, &back.uetr, back.amount.as_deref(), &back.reason).await {
        Ok(sent) => (StatusCode::ACCEPTED, Json(sent)).into_response(),
        Err(error) => not_sent(&error),
    }
}

/// Recalls a payment a customer of this bank made.
pub(crate) async fn recall(_: Local, State(inner): State<Shared>, Json(back): Json<Back>) -> Response {
    match engine::recall(&inner, &back.uetr, &back.reason).await {
        Ok(answer) => {
            let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
            (status, answer.message().unwrap_or_default().to_owned()).into_response()
        }
        Err(error) => not_sent(&error),
    }
}

fn not_sent(error: &ServiceError) -> Response {
    let status = match error {
        ServiceError::Centre(_) | ServiceError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::NotFound => StatusCode::NOT_FOUND,
        ServiceError::Field(_) | ServiceError::QuoteExpired | ServiceError::NameNotAcknowledged | ServiceError::CoolOff(_) => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        ServiceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(json!({"code": "BNK-2003", "title": error.to_string()}))).into_response()
}
