//! The web bank: pages rendered here, one style sheet, one small script, everything in the binary.
//!
//! # Not here
//! What is done for a customer (`service`), what is booked (`books`).
//!
//! # Invariants
//! - Nothing but this crate's assets is loaded: the content security policy allows no inline script or style.
//! - Every change is a POST that carries the session's form token and comes from this site.
//! - What customers wrote is escaped by the templates; nothing is pre-escaped.
//!
//! # Units and limits
//! A request has at most [`BODY_BYTES_MAX`] bytes. At most [`WATCHERS_MAX`] pages watch progress at once.

mod admin;
mod api;
mod assets;
mod bulk;
mod format;
mod home;
mod layout;
mod mandates;
mod pay;
mod progress;
mod receipt;
mod sign_in;
mod standing;
mod standing_api;
mod standing_text;
mod text;
mod visitor;

use crate::inner::Shared;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

/// Longest request body, in bytes: a receipt with its longest proof is 5 KiB.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most pages that watch a payment's progress at once.
pub(crate) const WATCHERS_MAX: usize = 1_000;

/// All routes of one bank.
pub(crate) fn router(inner: Shared) -> Router {
    Router::new()
        .route("/", get(home::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::submit))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/language/{tag}", get(sign_in::language))
        .route("/pay", get(pay::form).post(pay::submit))
        .route("/pay/{uetr}", get(pay::review))
        .route("/pay/{uetr}/quote", post(pay::requote))
        .route("/pay/{uetr}/confirm", post(pay::confirm))
        .route("/payments/{uetr}", get(progress::page))
        .route("/payments/{uetr}/cancel", post(pay::cancel))
        .route("/payments/{uetr}/events", get(progress::events))
        .route("/payments/{uetr}/receipt", get(receipt::page))
        .route("/payments/{uetr}/receipt.txt", get(receipt::download))
        .route("/verify", get(receipt::verify_form).post(receipt::verify_pasted))
        .route("/bulk", get(bulk::page).post(bulk::upload_from_page).layer(DefaultBodyLimit::disable()))
        .route("/bulk/{number}", get(bulk::file_page))
        .route("/bulk/{number}/{name}", get(bulk::results_from_page))
        .route("/api/v1/bulk", get(bulk::list).post(bulk::upload).layer(DefaultBodyLimit::disable()))
        .route("/api/v1/bulk/{number}", get(bulk::file))
        .route("/api/v1/bulk/{number}/{name}", get(bulk::results))
        .route("/api/v1/sessions", post(api::open_session))
        .route("/api/v1/account", get(api::account))
        .route("/api/v1/payments", post(api::pay))
        .route("/api/v1/payments/{uetr}", get(api::payment))
        .route("/api/v1/payments/{uetr}/receipt", get(api::receipt))
        .route("/api/v1/requests", post(api::ask))
        .route("/api/v1/requests/{uetr}", get(api::asked))
        .route("/standing-orders", get(standing::page))
        .route("/standing-orders/{id}", get(standing::order_page))
        .route("/standing-orders/{id}/confirm", post(standing::confirm))
        .route("/standing-orders/{id}/{decision}", get(standing::ask).post(standing::decide))
        .route("/api/v1/standing-orders", get(standing_api::list).post(standing_api::order))
        .route("/api/v1/standing-orders/{id}", get(standing_api::standing_order))
        .route("/api/v1/standing-orders/{id}/{decision}", post(standing_api::decide))
        .route("/mandates", get(mandates::page).post(mandates::ask_from_page))
        .route("/mandates/{uetr}", get(mandates::mandate_page))
        .route("/mandates/{uetr}/collect", post(mandates::collect_from_page))
        .route("/mandates/{uetr}/{decision}", post(mandates::decide_from_page))
        .route("/api/v1/mandates", get(mandates::list).post(mandates::ask))
        .route("/api/v1/mandates/{uetr}", get(mandates::mandate))
        .route("/api/v1/mandates/{uetr}/collections", post(mandates::collect))
        .route("/api/v1/mandates/{uetr}/{decision}", post(mandates::decide))
        .route("/api/v1/collections/{uetr}", get(mandates::collection))
        .route("/admin/fault", get(admin::fault).post(admin::set_fault))
        .route("/admin/books", get(admin::books))
        .route("/admin/returns", post(admin::send_back))
        .route("/admin/recalls", post(admin::recall))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/assets/{name}", get(assets::asset))
        .fallback(layout::not_found)
        .layer(middleware::from_fn(secure))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(inner)
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers every answer has.
async fn secure(request: Request, next: Next) -> Response {
    let cacheable = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let set = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=()"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !cacheable {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
