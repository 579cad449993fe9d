//! Standing orders in JSON: the fields of a payment and of its repetition, dates as `2026-12-31`.

use crate::books::rhythm::{End, Rhythm};
use crate::books::standing::{
    CancelReason, PauseReason, RunFault, RunOutcome, StandingDecision, StandingOrder, StandingRun, StandingState,
};
use crate::inner::{Inner, Shared};
use crate::service::ServiceError;
use crate::standing::TypedRepeat;
use crate::web::api::{Bearer, PayRequest, amount, refusal};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

/// Dates shown of what is ahead.
const DATES_SHOWN: usize = 3;

/// A standing order to give: the fields of a payment, and those of its repetition.
#[derive(Deserialize)]
pub(crate) struct StandingRequest {
    #[serde(flatten)]
    payment: PayRequest,
    #[serde(flatten)]
    repeat: TypedRepeat,
}

/// Checks and, unless it is a dry run, confirms. 202 with the order as it stands.
pub(crate) async fn order(
    State(inner): State<Shared>,
    Bearer(session): Bearer,
    Json(request): Json<StandingRequest>,
) -> Response {
    let StandingRequest { payment, repeat } = request;
    let (acknowledge_name, dry_run) = (payment.acknowledge_name, payment.dry_run);
    let ordered = async {
        let draft = inner.draft_standing(&session.sign_in, &payment.typed(), &repeat).await?;
        let order = match dry_run {
            true => draft,
            false => inner.confirm_standing(&session.sign_in, &draft.id, acknowledge_name).await?,
        };
        view(&inner, &order).await
    };
    match ordered.await {
        Ok(view) => (StatusCode::ACCEPTED, Json(view)).into_response(),
        Err(error) => refusal(&error),
    }
}

/// The customer's standing orders.
pub(crate) async fn list(State(inner): State<Shared>, Bearer(session): Bearer) -> Response {
    let found = async {
        let mut orders = Vec::new();
        for order in inner.standing_orders(&session.sign_in).await? {
            orders.push(view(&inner, &order).await?);
        }
        Ok::<_, ServiceError>(orders)
    };
    match found.await {
        Ok(orders) => Json(json!({"standing_orders": orders})).into_response(),
        Err(error) => refusal(&error),
    }
}

/// One as it stands.
pub(crate) async fn standing_order(State(inner): State<Shared>, Bearer(session): Bearer, Path(id): Path<String>) -> Response {
    let found = async {
        let order = inner.standing_order(&session.sign_in, &id).await?;
        view(&inner, &order).await
    };
    match found.await {
        Ok(view) => Json(view).into_response(),
        Err(error) => refusal(&error),
    }
}

/// What the customer decides of one.
pub(crate) async fn decide(
    State(inner): State<Shared>,
    Bearer(session): Bearer,
    Path((id, decision)): Path<(String, String)>,
) -> Response {
    let Some(decision) = StandingDecision::of(&decision) else { return refusal(&ServiceError::NotFound) };
    let decided = async {
        let order = inner.decide_standing(&session.sign_in, &id, decision).await?;
        view(&inner, &order).await
    };
    match decided.await {
        Ok(view) => Json(view).into_response(),
        Err(error) => refusal(&error),
    }
}

async fn view(inner: &Inner, order: &StandingOrder) -> Result<Value, ServiceError> {
    let runs = inner.standing_runs(order).await?;
    let (state, why) = state_words(order.state);
    let plan = &order.plan;
    let is_ahead = matches!(order.state, StandingState::Draft | StandingState::Active);
    let next = plan.dates(order.next).take(if is_ahead { DATES_SHOWN } else { 0 });
    let (repeat, every) = match plan.rhythm() {
        Rhythm::Once => ("once", None),
        Rhythm::Daily => ("daily", None),
        Rhythm::Weekly(weeks) => ("weekly", Some(weeks)),
        Rhythm::Monthly(months) => ("monthly", Some(months)),
    };
    let (ends, times, until) = match plan.end() {
        End::Times(times) => ("times", Some(times), None),
        End::Until(last) => ("until", None, Some(last.to_string())),
        End::Open => ("open", None, None),
    };
    Ok(json!({
        "id": order.id,
        "state": state,
        "why": why,
        "account": order.account,
        "amount": amount(order.amount),
        "fixed": if order.fixed_credit { "credit" } else { "debit" },
        "debit_currency": order.debit_currency.code.as_str(),
        "credit_currency": order.credit_currency.code.as_str(),
        "creditor_agent": order.payee.agent,
        "payee": order.payee.alias.as_ref().map_or(&order.payee.account, |alias| &alias.text),
        "name": order.payee.name,
        "masked_name": order.payee.masked_name,
        "purpose": order.purpose,
        "note": order.note,
        "repeat": repeat,
        "every": every,
        "first": plan.first().to_string(),
        "ends": ends,
        "times": times,
        "until": until,
        "last": plan.last().map(|last| last.to_string()),
        "next": next.map(|(_, date)| date.to_string()).collect::<Vec<_>>(),
        "failures": order.failures,
        "runs": runs.iter().map(run_view).collect::<Vec<_>>(),
    }))
}

fn state_words(state: StandingState) -> (&'static str, Option<&'static str>) {
    match state {
        StandingState::Draft => ("draft", None),
        StandingState::Active => ("active", None),
        StandingState::Paused(PauseReason::Customer) => ("paused", Some("customer")),
        StandingState::Paused(PauseReason::Failures) => ("paused", Some("failures")),
        StandingState::Paused(PauseReason::PayeeChanged) => ("paused", Some("payee_changed")),
        StandingState::Ended => ("ended", None),
        StandingState::Cancelled(CancelReason::Customer) => ("cancelled", Some("customer")),
        StandingState::Cancelled(CancelReason::AccountClosed) => ("cancelled", Some("account_closed")),
    }
}

fn run_view(run: &StandingRun) -> Value {
    let (outcome, why) = match run.outcome {
        RunOutcome::UnderWay => ("under_way", None),
        RunOutcome::Settled => ("settled", None),
        RunOutcome::Refused => ("refused", None),
        RunOutcome::Failed(fault) => ("failed", Some(fault_words(fault))),
        RunOutcome::Missed => ("missed", None),
        RunOutcome::Skipped => ("skipped", None),
    };
    json!({
        "due": run.due.to_string(),
        "outcome": outcome,
        "why": why,
        "uetr": run.uetr,
        "reason": run.reason,
        "at_ms": run.at_ms,
    })
}

const fn fault_words(fault: RunFault) -> &'static str {
    match fault {
        RunFault::NotEnough => "not_enough",
        RunFault::AccountClosed => "account_closed",
        RunFault::Amount => "amount",
        RunFault::NoQuote => "no_quote",
        RunFault::UnknownPayee => "unknown_payee",
        RunFault::PayeeChanged => "payee_changed",
        RunFault::PayeeWarned => "payee_warned",
        RunFault::Message => "message",
    }
}
