//! Standing orders as pages: the fields on the form to pay, the page to check and confirm, the list, and what became of each.

use crate::books::standing::{PauseReason, RunOutcome, StandingDecision, StandingOrder, StandingRun, StandingState};
use crate::inner::{Inner, Shared};
use crate::order::{Field, OrderFault};
use crate::service::ServiceError;
use crate::standing::TypedRepeat;
use crate::web::format;
use crate::web::home::failure;
use crate::web::layout::Page;
use crate::web::pay::{ConfirmForm, described_by, field, name_check, payee_terms};
use crate::web::sign_in::TokenForm;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, SameSite};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

/// Where the list is.
const LIST: &str = "/standing-orders";
/// Dates shown before an order is confirmed.
const DATES_SHOWN: usize = 3;

/// Whether an order pays nothing until its customer looks at it, and it was not the customer who said so.
pub(crate) fn needs_customer(order: &StandingOrder) -> bool {
    matches!(order.state, StandingState::Paused(PauseReason::Failures | PauseReason::PayeeChanged))
}

/// The part of the form to pay that asks for a repetition: closed until somebody wants one.
pub(crate) fn repeat_fields(language: Language, repeat: &TypedRepeat, fault: Option<OrderFault>) -> Markup {
    let text = |of: Field, kind: &str, value: &str| {
        let invalid = fault.is_some_and(|fault| fault.field == of).then_some("true");
        let key = of.key();
        field(
            language,
            of,
            fault,
            None,
            html! {
                input id=(key) name=(key) type=(kind) value=(value) maxlength="10" autocomplete="off"
                    aria-invalid=[invalid] aria-describedby=[described_by(of, fault, false)];
            },
        )
    };
    let choice = |of: Field, options: &[(&str, &str)], chosen: &str| {
        let invalid = fault.is_some_and(|fault| fault.field == of).then_some("true");
        let key = of.key();
        field(
            language,
            of,
            fault,
            None,
            html! {
                select id=(key) name=(key) aria-invalid=[invalid] aria-describedby=[described_by(of, fault, false)] {
                    @for (value, words) in options { option value=(value) selected[*value == chosen] { (words) } }
                }
            },
        )
    };
    let rhythms = [
        ("no", language.repeat_no()),
        ("once", language.repeat_once()),
        ("daily", language.repeat_daily()),
        ("weekly", language.repeat_weekly()),
        ("monthly", language.repeat_monthly()),
    ];
    let ends = [("open", language.ends_open()), ("times", language.ends_times()), ("until", language.ends_until())];
    let every = if repeat.every.is_empty() { "1" } else { &repeat.every };
    html! {
        fieldset {
            details open[repeat.is_asked()] {
                summary { (language.repeat()) }
                p.hint { (language.standing_hint()) }
                (choice(Field::Repeat, &rhythms, &repeat.repeat))
                (text(Field::First, "date", &repeat.first))
                (text(Field::Every, "number", every))
                (choice(Field::Ends, &ends, &repeat.ends))
                (text(Field::Times, "number", &repeat.times))
                (text(Field::Until, "date", &repeat.until))
            }
        }
    }
}

/// `GET /standing-orders`: all of the customer's.
pub(crate) async fn page(State(inner): State<Shared>, customer: Customer) -> Response {
    let found = async {
        let mut rows = Vec::new();
        for order in inner.standing_orders(&customer.session.sign_in).await? {
            let id = order.id.clone();
            let last = inner.books(move |books| books.standing_runs(&id, 1)).await?.pop();
            rows.push((order, last));
        }
        Ok::<_, ServiceError>(rows)
    };
    match found.await {
        Ok(rows) => {
            let language = customer.language;
            let content = list(language, &rows);
            Page { language, session: Some(&customer.session), title: language.standing_orders(), here: LIST, content }
                .render(&inner)
                .into_response()
        }
        Err(error) => failure(&inner, &customer, &error),
    }
}

fn list(language: Language, rows: &[(StandingOrder, Option<StandingRun>)]) -> Markup {
    html! {
        h1 { (language.standing_orders()) }
        section.card {
            p.hint { (language.standing_hint()) }
            @if rows.is_empty() { p.hint { (language.no_standing()) } }
            @if rows.iter().any(|(order, _)| needs_customer(order)) { p.alert role="status" { (language.standing_alert()) } }
            ul.entries { @for (order, last) in rows { li { a href={ (LIST) "/" (order.id) } {
                span.what {
                    strong { (order.payee.name) }
                    small { (state_badge(language, order)) " " (language.rhythm_words(&order.plan)) }
                    @if let Some(date) = order.next_date() { small { (fill(language.next_on(), &[&date.to_string()])) } }
                    @if let Some(run) = last { small { (run.due) " " (run_words(language, run)) } }
                }
                span.sum { (format::with_code(order.amount)) }
            } } } }
            div.actions {
                a.button.primary href="/pay" { (language.pay_across()) }
                a.button href="/" { (language.home()) }
            }
        }
    }
}

/// `GET /standing-orders/{id}`: a draft to check and confirm, or an order and what became of its dates.
pub(crate) async fn order_page(State(inner): State<Shared>, customer: Customer, Path(id): Path<String>) -> Response {
    let found = async {
        let order = inner.standing_order(&customer.session.sign_in, &id).await?;
        let runs = inner.standing_runs(&order).await?;
        Ok::<_, ServiceError>((order, runs))
    };
    match found.await {
        Ok((order, _)) if order.state == StandingState::Draft => render_review(&inner, &customer, &order, None).into_response(),
        Ok((order, runs)) => {
            let language = customer.language;
            let here = format!("{LIST}/{}", order.id);
            let content = detail(language, &order, &runs);
            Page { language, session: Some(&customer.session), title: language.standing_orders(), here: &here, content }
                .render(&inner)
                .into_response()
        }
        Err(error) => failure(&inner, &customer, &error),
    }
}

fn render_review(inner: &Inner, customer: &Customer, draft: &StandingOrder, fault: Option<&str>) -> Markup {
    let language = customer.language;
    let here = format!("{LIST}/{}", draft.id);
    let content = review(language, &customer.session.form_token, draft, fault);
    Page { language, session: Some(&customer.session), title: language.review(), here: &here, content }.render(inner)
}

fn review(language: Language, token: &str, draft: &StandingOrder, fault: Option<&str>) -> Markup {
    html! {
        h1 { (language.review()) }
        @if let Some(words) = fault { p.alert role="alert" { (words) } }
        section.card {
            (terms(language, draft))
            (name_check(language, &draft.payee))
            p.hint { (language.standing_hint()) " " (language.standing_terms()) }
            form method="post" action={ (LIST) "/" (draft.id) "/confirm" } data-once="" {
                input type="hidden" name="token" value=(token);
                @if draft.payee.needs_word() {
                    label.tick { input type="checkbox" name="acknowledged" value="yes" required; span { (language.acknowledge()) } }
                }
                div.actions {
                    button #confirm .primary type="submit" { (language.confirm_standing()) }
                    a.button href="/pay" { (language.back()) }
                }
            }
        }
    }
}

/// What an order says.
fn terms(language: Language, order: &StandingOrder) -> Markup {
    let side = if order.fixed_credit { language.exactly_credited() } else { language.exactly_debited() };
    let exchanged = order.debit_currency != order.credit_currency;
    let is_ahead = matches!(order.state, StandingState::Draft | StandingState::Active);
    html! {
        dl.terms {
            (payee_terms(language, &order.payee))
            dt { (side) } dd { strong { (format::with_code(order.amount)) } }
            @if exchanged {
                dt { (language.rate()) }
                dd { (order.debit_currency.code) " → " (order.credit_currency.code) " · " (language.rate_of_the_day()) }
            }
            dt { (language.first_date()) } dd { (language.date_words(order.plan.first())) }
            dt { (language.repeat()) } dd { (language.rhythm_words(&order.plan)) }
            dt { (language.repeat_ends()) } dd { (language.end_words(&order.plan)) }
            @if is_ahead {
                dt { (language.next_dates()) }
                dd { @for (_, date) in order.plan.dates(order.next).take(DATES_SHOWN) { (language.date_words(date)) br; } }
            }
            dt { (language.purpose()) } dd { (language.purpose_words(&order.purpose)) }
            @if !order.note.is_empty() { dt { (language.note()) } dd { (order.note) } }
            dt { (language.debit_account()) } dd.mono { (format::account(&order.account)) }
        }
    }
}

fn detail(language: Language, order: &StandingOrder, runs: &[StandingRun]) -> Markup {
    html! {
        h1 { (language.standing_orders()) }
        section.card {
            p.outcome { (state_badge(language, order)) }
            (terms(language, order))
            div.actions {
                @for (decision, key) in StandingDecision::ALL { @if decision.is_open(order.state) {
                    a.button href={ (LIST) "/" (order.id) "/" (key) } { (language.standing_decision(decision).0) }
                } }
                a.button href=(LIST) { (language.back()) }
            }
        }
        section.card {
            h2 { (language.standing_runs()) }
            @if runs.is_empty() { p.hint { (language.no_runs()) } }
            ul.entries { @for run in runs { li { (run_row(language, run)) } } }
        }
    }
}

fn run_row(language: Language, run: &StandingRun) -> Markup {
    let row = html! {
        span.what { strong { (language.date_words(run.due)) } small { (run_words(language, run)) } }
        span.sum { small { (format::local_time(run.at_ms)) } }
    };
    html! {
        @if let Some(uetr) = &run.uetr { a href={ "/payments/" (uetr) } { (row) } } @else { div { (row) } }
    }
}

/// What became of a date, and why.
fn run_words(language: Language, run: &StandingRun) -> Markup {
    let class = match run.outcome {
        RunOutcome::UnderWay => "badge wait",
        RunOutcome::Settled => "badge good",
        RunOutcome::Refused | RunOutcome::Failed(_) => "badge bad",
        RunOutcome::Missed | RunOutcome::Skipped => "badge",
    };
    html! {
        span class=(class) { (language.run_words(run.outcome)) }
        @if let RunOutcome::Failed(fault) = run.outcome { " " (language.run_fault(fault)) }
        @if let Some(reason) = &run.reason { " " (language.reason_words(reason)) " " span.mono { (reason) } }
    }
}

fn state_badge(language: Language, order: &StandingOrder) -> Markup {
    let class = match order.state {
        StandingState::Active => "badge good",
        StandingState::Draft | StandingState::Paused(PauseReason::Customer) => "badge wait",
        StandingState::Paused(PauseReason::Failures | PauseReason::PayeeChanged) => "badge bad",
        StandingState::Ended | StandingState::Cancelled(_) => "badge",
    };
    html! { span class=(class) { (language.standing_words(order.state)) } }
}

/// `POST /standing-orders/{id}/confirm`.
pub(crate) async fn confirm(
    State(inner): State<Shared>,
    customer: Customer,
    Path(id): Path<String>,
    _: SameSite,
    Form(form): Form<ConfirmForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let sign_in = &customer.session.sign_in;
    let error = match inner.confirm_standing(sign_in, &id, form.acknowledged.is_some()).await {
        Ok(order) => return Redirect::to(&format!("{LIST}/{}", order.id)).into_response(),
        Err(error) => error,
    };
    let words = match &error {
        ServiceError::NameNotAcknowledged => customer.language.acknowledge_needed(),
        ServiceError::CoolOff(_) => customer.language.warned_cool_off(),
        ServiceError::Field(fault) => customer.language.field_fault(fault.fault),
        ServiceError::NotFound
        | ServiceError::QuoteExpired
        | ServiceError::Busy
        | ServiceError::Centre(_)
        | ServiceError::Internal(_) => return failure(&inner, &customer, &error),
    };
    match inner.standing_order(sign_in, &id).await {
        Ok(draft) => (StatusCode::CONFLICT, render_review(&inner, &customer, &draft, Some(words))).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// `GET /standing-orders/{id}/{decision}`: what it means, before it is made.
pub(crate) async fn ask(
    State(inner): State<Shared>,
    customer: Customer,
    Path((id, decision)): Path<(String, String)>,
) -> Response {
    let Some(known) = StandingDecision::of(&decision) else { return failure(&inner, &customer, &ServiceError::NotFound) };
    let order = match inner.standing_order(&customer.session.sign_in, &id).await {
        Ok(order) => order,
        Err(error) => return failure(&inner, &customer, &error),
    };
    let here = format!("{LIST}/{}", order.id);
    if !known.is_open(order.state) {
        return Redirect::to(&here).into_response();
    }
    let language = customer.language;
    let content = question(language, &customer.session.form_token, &order, known, &decision);
    Page { language, session: Some(&customer.session), title: language.standing_orders(), here: &here, content }
        .render(&inner)
        .into_response()
}

fn question(language: Language, token: &str, order: &StandingOrder, decision: StandingDecision, key: &str) -> Markup {
    let (name, meaning) = language.standing_decision(decision);
    html! {
        h1 { (name) }
        section.card {
            p.alert.soft role="status" { (meaning) }
            (terms(language, order))
            form method="post" action={ (LIST) "/" (order.id) "/" (key) } data-once="" {
                input type="hidden" name="token" value=(token);
                div.actions {
                    button #confirm .primary type="submit" { (name) }
                    a.button href={ (LIST) "/" (order.id) } { (language.back()) }
                }
            }
        }
    }
}

/// `POST /standing-orders/{id}/{decision}`.
pub(crate) async fn decide(
    State(inner): State<Shared>,
    customer: Customer,
    Path((id, decision)): Path<(String, String)>,
    _: SameSite,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let Some(decision) = StandingDecision::of(&decision) else {
        return failure(&inner, &customer, &ServiceError::NotFound);
    };
    match inner.decide_standing(&customer.session.sign_in, &id, decision).await {
        Ok(order) => Redirect::to(&format!("{LIST}/{}", order.id)).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::FieldFault;

    #[test]
    fn the_form_keeps_what_was_typed_and_marks_the_field_that_is_wrong() {
        let typed =
            TypedRepeat { repeat: "weekly".into(), every: "53".into(), first: "2026-12-31".into(), ..TypedRepeat::default() };
        for language in Language::ALL {
            let fault = OrderFault { field: Field::Every, fault: FieldFault::OutOfRange };
            let form = repeat_fields(language, &typed, Some(fault)).into_string();
            assert!(form.contains("<details open>"), "{form}");
            assert!(form.contains(r#"<option value="weekly" selected>"#), "{form}");
            assert!(form.contains(r#"value="53""#) && form.contains(r#"value="2026-12-31""#), "{form}");
            assert_eq!(form.matches(r#"aria-invalid="true""#).count(), 1, "{form}");
            assert!(form.contains(language.field_fault(FieldFault::OutOfRange)), "{form}");
            let empty = repeat_fields(language, &TypedRepeat::default(), None).into_string();
            assert!(empty.contains("<details>") && !empty.contains("aria-invalid"), "{empty}");
        }
    }
}
