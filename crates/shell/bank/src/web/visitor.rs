//! Who asks: language, session, and whether a change comes from one of our own forms.

use crate::inner::Shared;
use crate::session::{Session, same_token};
use crate::web::layout;
use crate::web::text::Language;
use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, HOST, HeaderMap, ORIGIN};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use std::convert::Infallible;

/// Cookie with the language; banks on other ports of the same host share it.
pub(crate) const LANGUAGE_COOKIE: &str = "language";

/// Anybody.
pub(crate) struct Visitor {
    pub(crate) language: Language,
    pub(crate) session: Option<Session>,
    pub(crate) token: Option<String>,
    /// Path and query of this request, to come back to.
    pub(crate) here: String,
}

/// Somebody who is signed in.
pub(crate) struct Customer {
    pub(crate) language: Language,
    pub(crate) session: Session,
    pub(crate) here: String,
}

impl Visitor {
    fn of(parts: &Parts, inner: &Shared) -> Self {
        let cookie = |name: &str| cookie(&parts.headers, name);
        let asked = || parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| Language::from_header(value.to_str().ok()?));
        let language = cookie(LANGUAGE_COOKIE).as_deref().and_then(Language::from_tag).or_else(asked).unwrap_or_default();
        let token = cookie(&session_cookie(&inner.config.bic));
        let session = token.as_deref().and_then(|token| inner.sessions.find(token));
        let here = parts.uri.path_and_query().map_or("/", |here| here.as_str()).to_owned();
        Self { language, session, token, here }
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, inner: &Shared) -> Result<Self, Infallible> {
        Ok(Self::of(parts, inner))
    }
}

impl FromRequestParts<Shared> for Customer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, inner: &Shared) -> Result<Self, Response> {
        let Visitor { language, session, here, .. } = Visitor::of(parts, inner);
        session.map(|session| Self { language, session, here }).ok_or_else(|| Redirect::to("/sign-in").into_response())
    }
}

impl Customer {
    /// Whether a form came from this session's own page; the answer to send if not.
    pub(crate) fn check_form(&self, token: &str, inner: &Shared) -> Result<(), Box<Response>> {
        if same_token(token, &self.session.form_token) {
            return Ok(());
        }
        let page = layout::problem(inner, self.language, Some(&self.session), self.language.form_stale());
        Err(Box::new((axum::http::StatusCode::FORBIDDEN, page).into_response()))
    }
}

/// A change must come from this site, as far as the browser says.
pub(crate) struct SameSite;

impl FromRequestParts<Shared> for SameSite {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, inner: &Shared) -> Result<Self, Response> {
        let header = |name: axum::http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let same_origin = match (header(ORIGIN), header(HOST)) {
            (None, _) => true,
            (Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, authority)| authority == host),
            (Some(_), None) => false,
        };
        let fetched = parts.headers.get("sec-fetch-site").and_then(|value| value.to_str().ok()).unwrap_or("same-origin");
        if same_origin && matches!(fetched, "same-origin" | "none") {
            return Ok(Self);
        }
        let visitor = Visitor::of(parts, inner);
        let page = layout::problem(inner, visitor.language, visitor.session.as_ref(), visitor.language.form_stale());
        Err((axum::http::StatusCode::FORBIDDEN, page).into_response())
    }
}

/// The session cookie's name: each bank's own, because hosts share cookies between ports.
pub(crate) fn session_cookie(bic: &str) -> String {
    format!("session-{bic}")
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}
