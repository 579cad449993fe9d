//! Style sheet, script, icon and manifest, in the binary.

use crate::inner::Shared;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::OnceLock;

const STYLE: &str = include_str!("../../assets/bank.css");
const SCRIPT: &str = include_str!("../../assets/bank.js");
const ICON: &str = include_str!("../../assets/icon.svg");
const ICON_PNG: &[u8] = include_bytes!("../../assets/icon.png");
/// Assets are named by their content, so that a new one is a new address.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(crate) fn style_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| format!("/assets/bank.css?v={}", short_hash(STYLE)))
}

pub(crate) fn script_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| format!("/assets/bank.js?v={}", short_hash(SCRIPT)))
}

fn short_hash(text: &str) -> String {
    chain::sha256(text.as_bytes()).0[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One asset.
pub(crate) async fn asset(State(inner): State<Shared>, Path(name): Path<String>) -> Response {
    let (kind, body): (&str, Vec<u8>) = match name.as_str() {
        "bank.css" => ("text/css; charset=utf-8", STYLE.into()),
        "bank.js" => ("text/javascript; charset=utf-8", SCRIPT.into()),
        "icon.svg" => ("image/svg+xml", ICON.replace("#0b5c6b", inner.config.accent.colour()).into()),
        "icon.png" => ("image/png", ICON_PNG.to_vec()),
        "manifest.webmanifest" => ("application/manifest+json", manifest(&inner).into()),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)], body).into_response()
}

fn manifest(inner: &Shared) -> String {
    let colour = inner.config.accent.colour();
    serde_json::json!({
        "name": inner.config.name.en,
        "short_name": inner.config.name.en,
        "start_url": "/",
        "display": "standalone",
        "background_color": "#f7f6f3",
        "theme_color": colour,
        "icons": [
            {"src": "/assets/icon.svg", "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            {"src": "/assets/icon.png", "sizes": "512x512", "type": "image/png", "purpose": "any maskable"}
        ]
    })
    .to_string()
}
