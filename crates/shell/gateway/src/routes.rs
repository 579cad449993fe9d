//! The table of paths, and the way of a request from its first byte to its answer.

use crate::admission::{Class, class_of_message};
use crate::auth::{Peer, authenticate};
use crate::door::{Door, rate_limited};
use crate::http::{Answer, problem, read_body};
use crate::refusal::{GatewayRefusal, Problem};
use crate::registry::Participant;
use crate::{aliases, days, inbox, lists, messages, quotes, reads, rules, sponsorships, statements};
use ::http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use ::http::request::Parts;
use ::http::{Method, Request};
use clearing::Time;
use hyper::body::Incoming;
use std::sync::Arc;

/// Something the door does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v1/messages`
    Messages,
    /// `GET /v1/inbox`
    Inbox,
    /// `POST /v1/quotes`
    Quotes,
    /// `POST /v1/rates`
    Rates,
    /// `GET /v1/participants`
    Participants,
    /// `GET /v1/accounts`
    Accounts,
    /// `GET /v1/sponsorships`
    Sponsorships,
    /// `GET /v1/business-days`
    BusinessDays,
    /// `GET /v1/payments`
    Payments,
    /// `GET /v1/payments/{uetr}`
    Payment,
    /// `GET /v1/payments/{uetr}/receipt`
    Receipt,
    /// `GET /v1/payments/{uetr}/message`
    Message,
    /// `GET /v1/statement`
    Statement,
    /// `GET /v1/reconciliation`
    Reconciliation,
    /// `GET /v1/rulebook`
    Rulebook,
    /// `GET /v1/tariff`
    Tariff,
    /// `POST /v1/what-if`
    WhatIf,
    /// `POST /v1/aliases`
    Aliases,
    /// `POST /v1/aliases/lookup`
    AliasLookup,
    /// `GET /v1/aliases/ports`
    AliasPorts,
    /// `GET /v1/checkpoint`
    Checkpoint,
    /// `GET /v1/keys`
    Keys,
    /// `GET /openapi.json`
    OpenApi,
    /// `GET /healthz`
    Health,
}

impl Endpoint {
    /// All of them, for documents and coverage tests.
    pub(crate) const ALL: [Self; 24] = [
        Self::Messages,
        Self::Inbox,
        Self::Quotes,
        Self::Rates,
        Self::Participants,
        Self::Accounts,
        Self::Sponsorships,
        Self::BusinessDays,
        Self::Payments,
        Self::Payment,
        Self::Receipt,
        Self::Message,
        Self::Statement,
        Self::Reconciliation,
        Self::Rulebook,
        Self::Tariff,
        Self::WhatIf,
        Self::Aliases,
        Self::AliasLookup,
        Self::AliasPorts,
        Self::Checkpoint,
        Self::Keys,
        Self::OpenApi,
        Self::Health,
    ];

    /// Method and path, as OpenAPI writes them.
    pub(crate) const fn pattern(self) -> (Method, &'static str) {
        match self {
            Self::Messages => (Method::POST, "/v1/messages"),
            Self::Inbox => (Method::GET, "/v1/inbox"),
            Self::Quotes => (Method::POST, "/v1/quotes"),
            Self::Rates => (Method::POST, "/v1/rates"),
            Self::Participants => (Method::GET, "/v1/participants"),
            Self::Accounts => (Method::GET, "/v1/accounts"),
            Self::Sponsorships => (Method::GET, "/v1/sponsorships"),
            Self::BusinessDays => (Method::GET, "/v1/business-days"),
            Self::Payments => (Method::GET, "/v1/payments"),
            Self::Payment => (Method::GET, "/v1/payments/{uetr}"),
            Self::Receipt => (Method::GET, "/v1/payments/{uetr}/receipt"),
            Self::Message => (Method::GET, "/v1/payments/{uetr}/message"),
            Self::Statement => (Method::GET, "/v1/statement"),
            Self::Reconciliation => (Method::GET, "/v1/reconciliation"),
            Self::Rulebook => (Method::GET, "/v1/rulebook"),
            Self::Tariff => (Method::GET, "/v1/tariff"),
            Self::WhatIf => (Method::POST, "/v1/what-if"),
            Self::Aliases => (Method::POST, "/v1/aliases"),
            Self::AliasLookup => (Method::POST, aliases::LOOKUP_PATH),
            Self::AliasPorts => (Method::GET, "/v1/aliases/ports"),
            Self::Checkpoint => (Method::GET, "/v1/checkpoint"),
            Self::Keys => (Method::GET, "/v1/keys"),
            Self::OpenApi => (Method::GET, "/openapi.json"),
            Self::Health => (Method::GET, "/healthz"),
        }
    }

    /// What a signed endpoint takes.
    const fn media_type(self) -> &'static str {
        match self {
            Self::Messages => crate::http::XML,
            Self::Quotes
            | Self::Rates
            | Self::Inbox
            | Self::Participants
            | Self::Accounts
            | Self::Sponsorships
            | Self::BusinessDays
            | Self::Payments
            | Self::Payment
            | Self::Receipt
            | Self::Message
            | Self::Statement
            | Self::Reconciliation
            | Self::Rulebook
            | Self::Tariff
            | Self::WhatIf
            | Self::Aliases
            | Self::AliasLookup
            | Self::AliasPorts
            | Self::Checkpoint
            | Self::Keys
            | Self::OpenApi
            | Self::Health => crate::http::JSON,
        }
    }

    /// The endpoint at a path, with the path's variable part.
    fn at(path: &str) -> Option<(Self, &str)> {
        if let Some(rest) = path.strip_prefix("/v1/payments/") {
            return match rest.split_once('/') {
                None if !rest.is_empty() => Some((Self::Payment, rest)),
                Some((uetr, "receipt")) => Some((Self::Receipt, uetr)),
                Some((uetr, "message")) => Some((Self::Message, uetr)),
                None | Some(_) => None,
            };
        }
        Self::ALL.into_iter().find(|endpoint| endpoint.pattern().1 == path).map(|endpoint| (endpoint, ""))
    }
}

/// Answers one request.
pub(crate) async fn serve(door: Arc<Door>, peer: Peer, request: Request<Incoming>) -> Answer {
    match route(&door, peer, request).await {
        Ok(answer) => answer,
        Err(refusal) => problem(refusal),
    }
}

async fn route(door: &Arc<Door>, peer: Peer, request: Request<Incoming>) -> Result<Answer, Problem> {
    let (parts, body) = request.into_parts();
    let (endpoint, variable) = Endpoint::at(parts.uri.path()).ok_or(GatewayRefusal::NotFound)?;
    let (method, _) = endpoint.pattern();
    if parts.method != method {
        let mut answer = problem(GatewayRefusal::MethodNotAllowed);
        answer.headers_mut().insert(ALLOW, HeaderValue::from_str(method.as_str()).expect("methods are ASCII"));
        return Ok(answer);
    }
    match endpoint {
        Endpoint::OpenApi => return Ok(reads::openapi()),
        Endpoint::Health => return Ok(reads::health(door)),
        Endpoint::Keys => return Ok(reads::keys(door)),
        Endpoint::Checkpoint => return reads::checkpoint(door),
        Endpoint::Messages
        | Endpoint::Inbox
        | Endpoint::Quotes
        | Endpoint::Rates
        | Endpoint::Participants
        | Endpoint::Accounts
        | Endpoint::Sponsorships
        | Endpoint::BusinessDays
        | Endpoint::Payments
        | Endpoint::Payment
        | Endpoint::Receipt
        | Endpoint::Message
        | Endpoint::Statement
        | Endpoint::Reconciliation
        | Endpoint::Rulebook
        | Endpoint::WhatIf
        | Endpoint::Aliases
        | Endpoint::AliasLookup
        | Endpoint::AliasPorts
        | Endpoint::Tariff => {}
    }
    let caller = peer.participant(&door.hub.registry)?;
    caller.lane.rate.take(door.world.now_ns()).map_err(rate_limited)?;
    if endpoint == Endpoint::Inbox {
        return inbox::serve(door, caller, &parts).await;
    }
    let _under_way = caller.lane.in_flight.enter().ok_or(GatewayRefusal::TooManyInFlight)?;
    let _under_way_in_all = door.in_flight.enter().ok_or(GatewayRefusal::Overloaded)?;
    if method == Method::POST {
        return signed_endpoint(door, endpoint, caller, parts, body).await;
    }
    let _permit = door.admit(&caller, Class::Poll)?;
    match endpoint {
        Endpoint::Participants => Ok(reads::participants(door)),
        Endpoint::Accounts => Ok(reads::accounts(door, &caller)),
        Endpoint::Sponsorships => Ok(sponsorships::list(door, &caller)),
        Endpoint::BusinessDays => Ok(days::list(door)),
        Endpoint::Payments => lists::payments(door, &caller, parts.uri.query().unwrap_or_default()),
        Endpoint::Payment => reads::payment(door, &caller, variable),
        Endpoint::Receipt => reads::receipt(door, &caller, variable),
        Endpoint::Message => reads::message(door, &caller, variable),
        Endpoint::Statement => statements::statement(door, &caller, parts.uri.query().unwrap_or_default()),
        Endpoint::Reconciliation => statements::reconciliation(door, &caller, parts.uri.query().unwrap_or_default()),
        Endpoint::Rulebook => Ok(rules::rulebook(door)),
        Endpoint::AliasPorts => aliases::ports(door, &caller).await,
        Endpoint::Tariff => Ok(rules::tariff(door)),
        Endpoint::Messages
        | Endpoint::Inbox
        | Endpoint::Quotes
        | Endpoint::Rates
        | Endpoint::WhatIf
        | Endpoint::Aliases
        | Endpoint::AliasLookup
        | Endpoint::Checkpoint
        | Endpoint::Keys
        | Endpoint::OpenApi
        | Endpoint::Health => unreachable!("answered above"),
    }
}

/// A request with a signed body.
async fn signed_endpoint(
    door: &Arc<Door>,
    endpoint: Endpoint,
    caller: Arc<Participant>,
    parts: Parts,
    body: Incoming,
) -> Result<Answer, Problem> {
    // The signature covers the path and not the query: what is not signed is not read.
    if parts.uri.query().is_some() {
        return Err(Problem::from(GatewayRefusal::Parameter).with_detail("a signed request has no query"));
    }
    check_media_type(&parts, endpoint.media_type())?;
    let body = read_body(body, &door.config.limits).await?;
    let class = if endpoint == Endpoint::Messages { class_of_message(&body) } else { Class::Quote };
    if class == Class::Payment {
        door.spare_creditor_agent(&caller, &body)?;
    }
    let permit = door.admit(&caller, class)?;
    let request = authenticate(caller, &parts, body, Time(door.world.now_ns()), &door.hub.registry)?;
    match endpoint {
        Endpoint::Messages => messages::take(door, &parts, &request, permit).await,
        Endpoint::Quotes => quotes::request(door, &request).await,
        Endpoint::Rates => quotes::publish(door, &request).await,
        Endpoint::WhatIf => rules::what_if(door, &request),
        Endpoint::Aliases => aliases::change(door, &request).await,
        Endpoint::AliasLookup => aliases::look_up(door, &request).await,
        Endpoint::Inbox
        | Endpoint::Participants
        | Endpoint::Accounts
        | Endpoint::Sponsorships
        | Endpoint::BusinessDays
        | Endpoint::Payments
        | Endpoint::Payment
        | Endpoint::Receipt
        | Endpoint::Message
        | Endpoint::Statement
        | Endpoint::Reconciliation
        | Endpoint::Rulebook
        | Endpoint::AliasPorts
        | Endpoint::Tariff
        | Endpoint::Checkpoint
        | Endpoint::Keys
        | Endpoint::OpenApi
        | Endpoint::Health => unreachable!("only POST endpoints are signed"),
    }
}

fn check_media_type(parts: &Parts, wanted: &str) -> Result<(), Problem> {
    let given = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    match essence.eq_ignore_ascii_case(wanted) {
        true => Ok(()),
        false => Err(Problem::from(GatewayRefusal::MediaType).with_detail(format!("expected {wanted}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        for endpoint in Endpoint::ALL {
            let path = endpoint.pattern().1.replace("{uetr}", "8a562c67");
            assert_eq!(Endpoint::at(&path).map(|(found, _)| found), Some(endpoint), "{path}");
        }
        assert_eq!(Endpoint::at("/v1/payments/x/receipt"), Some((Endpoint::Receipt, "x")));
        for nowhere in ["", "/", "/v1", "/v1/payments/", "/v1/payments/x/y", "/v1/payments/{uetr}/receipt/z", "/v1/inbox/"] {
            assert_eq!(Endpoint::at(nowhere), None, "{nowhere}");
        }
    }
}
