//! The same bank in JSON: for `luohu pay`, trials and anybody's own page. Amounts are decimal text.

use crate::asking::{Asked, TypedRequest};
use crate::books::records::{NameCheck, Outgoing};
use crate::books::state::OutgoingState;
use crate::inner::Shared;
use crate::order::TypedOrder;
use crate::service::{ServiceError, SignInFault};
use crate::session::Session;
use crate::web::home::statements;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use iso20022::view::RequestStatus;
use serde::Deserialize;
use serde_json::{Value, json};

/// Somebody with a session's token in `Authorization: Bearer`.
pub(crate) struct Bearer(pub(crate) Session);

impl FromRequestParts<Shared> for Bearer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, inner: &Shared) -> Result<Self, Response> {
        let value = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let session = value.and_then(|value| inner.sessions.find(value.strip_prefix("Bearer ")?));
        session.map(Self).ok_or_else(|| problem(StatusCode::UNAUTHORIZED, "BNK-2003", "sign in first", None))
    }
}

pub(crate) fn problem(status: StatusCode, code: &str, title: &str, field: Option<&str>) -> Response {
    let body = json!({"status": status.as_u16(), "code": code, "title": title, "field": field});
    let mut response = (status, Json(body)).into_response();
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        response.headers_mut().insert(RETRY_AFTER, axum::http::HeaderValue::from_static("5"));
    }
    response
}

pub(crate) fn refusal(error: &ServiceError) -> Response {
    match error {
        ServiceError::Field(fault) => {
            let title = format!("{:?}", fault.fault);
            problem(StatusCode::UNPROCESSABLE_ENTITY, "BNK-2004", &title, Some(fault.field.key()))
        }
        ServiceError::NotFound => problem(StatusCode::NOT_FOUND, "BNK-2005", "not found", None),
        ServiceError::QuoteExpired => problem(StatusCode::CONFLICT, "BNK-2006", "the quote ran out", None),
        ServiceError::NameNotAcknowledged => {
            problem(StatusCode::CONFLICT, "BNK-2007", "the name does not match: set acknowledge_name to pay anyway", Some("name"))
        }
        ServiceError::CoolOff(until_ms) => {
            let title =
                format!("the payee is on the warning list: it may be paid from {} on", crate::web::format::local_time(*until_ms));
            problem(StatusCode::CONFLICT, "BNK-2012", &title, Some("payee"))
        }
        ServiceError::Busy => problem(StatusCode::SERVICE_UNAVAILABLE, "BNK-2008", "the bank is busy", None),
        ServiceError::Centre(error) => {
            problem(StatusCode::SERVICE_UNAVAILABLE, error.code(), "the centre is not available", None)
        }
        ServiceError::Internal(reason) => {
            tracing::error!(reason, "a request failed");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "BNK-2009", "something went wrong in this bank", None)
        }
    }
}

/// Name and password.
#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

/// Signs in: `{"token"}`.
pub(crate) async fn open_session(State(inner): State<Shared>, Json(credentials): Json<Credentials>) -> Response {
    match inner.sign_in(&credentials.name, &credentials.password).await {
        Ok(token) => Json(json!({"token": token})).into_response(),
        Err(SignInFault::Wrong) => problem(StatusCode::UNAUTHORIZED, "BNK-2010", "unknown name or wrong password", None),
        Err(SignInFault::Wait) => problem(StatusCode::TOO_MANY_REQUESTS, "BNK-2011", "too many wrong passwords", None),
    }
}

/// The customer's accounts.
pub(crate) async fn account(State(inner): State<Shared>, Bearer(session): Bearer) -> Response {
    match statements(&inner, &session.sign_in, 0).await {
        Ok(statements) => {
            let pot = |pot: &crate::books::records::Pot| json!({"currency": pot.currency, "available": plain(pot.available(), pot.exponent), "held": plain(pot.held, pot.exponent)});
            let accounts = statements.iter().map(|statement| {
                let pots: Vec<Value> = statement.account.pots.iter().map(pot).collect();
                json!({"number": statement.account.number, "open": statement.account.open, "balances": pots})
            });
            Json(json!({"sign_in": session.sign_in, "accounts": accounts.collect::<Vec<_>>()})).into_response()
        }
        Err(error) => refusal(&error),
    }
}

fn plain(minor: u64, exponent: u8) -> String {
    crate::web::format::minor(minor, exponent).replace(',', "")
}

/// A payment to make: the fields of the form.
#[derive(Deserialize)]
pub(crate) struct PayRequest {
    from: String,
    /// May be left out when the payee is an alias.
    #[serde(default)]
    agent: String,
    payee: String,
    /// May be left out when the payee is an alias.
    #[serde(default)]
    name: String,
    amount: String,
    #[serde(default = "debit")]
    fixed: String,
    credit_currency: String,
    #[serde(default = "goods")]
    purpose: String,
    #[serde(default)]
    note: String,
    /// `two_hours`, `next_day` or `date`; at once without it.
    #[serde(default)]
    when: String,
    /// The date.
    #[serde(default)]
    on: String,
    /// Pay although the name check is not a match.
    #[serde(default)]
    pub(crate) acknowledge_name: bool,
    /// Only show name check and quote; nothing is paid.
    #[serde(default)]
    pub(crate) dry_run: bool,
}

impl PayRequest {
    /// What was typed.
    pub(crate) fn typed(self) -> TypedOrder {
        let Self { from, agent, payee, name, amount, fixed, credit_currency, purpose, note, when, on, .. } = self;
        TypedOrder { from, agent, payee, name, amount, fixed, credit_currency, purpose, note, when, on }
    }
}

/// An amount with its currency.
pub(crate) fn amount(amount: money::Amount) -> Value {
    json!({"currency": amount.currency.code.as_str(), "amount": amount.to_string()})
}

fn debit() -> String {
    "debit".to_owned()
}

fn goods() -> String {
    "GDDS".to_owned()
}

/// Checks, quotes and, unless it is a dry run, pays. 202 with the payment as it stands.
pub(crate) async fn pay(State(inner): State<Shared>, Bearer(session): Bearer, Json(request): Json<PayRequest>) -> Response {
    let (acknowledge_name, dry_run) = (request.acknowledge_name, request.dry_run);
    let typed = request.typed();
    let paid = async {
        let draft = inner.draft(&session.sign_in, &typed).await?;
        if dry_run { Ok(draft) } else { inner.confirm(&session.sign_in, &draft.uetr, acknowledge_name).await }
    };
    match paid.await {
        Ok(payment) => (StatusCode::ACCEPTED, Json(view(&payment))).into_response(),
        Err(error) => refusal(&error),
    }
}

/// A payment as it stands.
pub(crate) async fn payment(State(inner): State<Shared>, Bearer(session): Bearer, Path(uetr): Path<String>) -> Response {
    match inner.payment(&session.sign_in, &uetr).await {
        Ok(payment) => Json(view(&payment)).into_response(),
        Err(error) => refusal(&error),
    }
}

/// The receipt of a payment that has ended, as text.
pub(crate) async fn receipt(State(inner): State<Shared>, Bearer(session): Bearer, Path(uetr): Path<String>) -> Response {
    let found = async {
        let payment = inner.payment(&session.sign_in, &uetr).await?;
        inner.receipt(&payment).await
    };
    match found.await {
        Ok(text) => text.into_response(),
        Err(error) => refusal(&error),
    }
}

/// Asks somebody at another bank to pay. 202 with the request as it stands.
pub(crate) async fn ask(State(inner): State<Shared>, Bearer(session): Bearer, Json(typed): Json<TypedRequest>) -> Response {
    match inner.ask_to_pay(&session.sign_in, &typed).await {
        Ok(asked) => (StatusCode::ACCEPTED, Json(asked_view(&asked))).into_response(),
        Err(error) => refusal(&error),
    }
}

/// A request as it stands.
pub(crate) async fn asked(State(inner): State<Shared>, Bearer(session): Bearer, Path(uetr): Path<String>) -> Response {
    match inner.asked(&session.sign_in, &uetr) {
        Ok(asked) => Json(asked_view(&asked)).into_response(),
        Err(error) => refusal(&error),
    }
}

fn asked_view(asked: &Asked) -> Value {
    let state = match asked.status {
        RequestStatus::Received => "asked",
        RequestStatus::Presented => "presented",
        RequestStatus::Accepted => "accepted",
        RequestStatus::Paid => "paid",
        RequestStatus::Rejected => "refused",
        RequestStatus::Withdrawn => "withdrawn",
    };
    json!({
        "uetr": asked.uetr,
        "state": state,
        "amount": {"currency": asked.amount.currency.code.as_str(), "amount": asked.amount.to_string()},
        "reason": asked.reason,
    })
}

fn view(payment: &Outgoing) -> Value {
    let state = match payment.state {
        OutgoingState::Draft => "draft",
        OutgoingState::Reserved => "sent",
        OutgoingState::Sent => "in_doubt",
        OutgoingState::Held => "held",
        OutgoingState::Settled if payment.times.credited_ms.is_some() => "credited",
        OutgoingState::Settled => "settled",
        OutgoingState::Rejected => "rejected",
    };
    let check = match payment.payee.check {
        NameCheck::Match => "match",
        NameCheck::Close => "close_match",
        NameCheck::NoMatch => "no_match",
        NameCheck::UnknownAccount => "unknown_account",
        NameCheck::Unavailable => "unavailable",
        NameCheck::Shown => "shown",
        NameCheck::NotAsked => "not_asked",
    };
    let times = &payment.times;
    json!({
        "uetr": payment.uetr,
        "state": state,
        "debit": {"currency": payment.debit.currency.code.as_str(), "amount": payment.debit.to_string()},
        "credit": {"currency": payment.credit.currency.code.as_str(), "amount": payment.credit.to_string()},
        "rate": payment.quote.as_ref().map(|quote| &quote.rate),
        "provider": payment.quote.as_ref().map(|quote| &quote.provider),
        "quote_expires_at_ms": payment.quote.as_ref().map(|quote| quote.expires_at_ms),
        "creditor_agent": payment.payee.agent,
        "name_check": check,
        "masked_name": payment.payee.masked_name,
        "alias": payment.payee.alias.as_ref().map(|alias| &alias.text),
        "alias_proof": payment.payee.alias.as_ref().map(|alias| &alias.proof),
        "warning": payment.payee.alias.as_ref().and_then(|alias| alias.warning.as_deref()),
        "reason": payment.reason,
        "reason_text": payment.reason_text,
        "standing_order": payment.standing,
        "confirmed_ms": times.confirmed_ms,
        "held_ms": times.held_ms,
        "final_ms": times.final_ms,
        "credited_ms": times.credited_ms,
        "returned": (payment.returned_minor > 0).then(|| payment.returned().to_string()),
        "return_reason": payment.return_reason,
    })
}
