//! Mandates: what a customer lets others collect, and may collect; as pages and as JSON alike.

use crate::books::mandates::{Collection, CollectionStanding, Mandate, MandateCaps, MandatePeriod, MandateSide, MandateStanding};
use crate::directory::name_forms;
use crate::inner::{Inner, Shared};
use crate::mandates::{MandateDecision, TypedCollection, TypedMandate};
use crate::service::ServiceError;
use crate::web::api::{Bearer, amount, refusal};
use crate::web::format;
use crate::web::home::failure;
use crate::web::layout::Page;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, SameSite};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Form, Json};
use banklink::ParticipantInfo;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Value, json};

/// Asks for a mandate. 202 with it as it stands.
pub(crate) async fn ask(State(inner): State<Shared>, Bearer(session): Bearer, Json(typed): Json<TypedMandate>) -> Response {
    match inner.ask_mandate(&session.sign_in, &typed).await {
        Ok(mandate) => (StatusCode::ACCEPTED, Json(view(&mandate))).into_response(),
        Err(error) => refusal(&error),
    }
}

/// The customer's mandates.
pub(crate) async fn list(State(inner): State<Shared>, Bearer(session): Bearer) -> Response {
    match inner.books(move |books| books.mandates_of(&session.sign_in)).await {
        Ok(mandates) => Json(json!({"mandates": mandates.iter().map(view).collect::<Vec<_>>()})).into_response(),
        Err(error) => refusal(&error.into()),
    }
}

/// A mandate as it stands.
pub(crate) async fn mandate(State(inner): State<Shared>, Bearer(session): Bearer, Path(uetr): Path<String>) -> Response {
    match inner.mandate(&session.sign_in, &uetr).await {
        Ok(mandate) => Json(view(&mandate)).into_response(),
        Err(error) => refusal(&error),
    }
}

/// What the customer decides of one.
pub(crate) async fn decide(
    State(inner): State<Shared>,
    Bearer(session): Bearer,
    Path((uetr, decision)): Path<(String, String)>,
) -> Response {
    let Some(decision) = MandateDecision::of(&decision) else { return refusal(&ServiceError::NotFound) };
    match inner.decide_mandate(&session.sign_in, &uetr, decision).await {
        Ok(mandate) => Json(view(&mandate)).into_response(),
        Err(error) => refusal(&error),
    }
}

/// Collects under one. 202 with the collection as it stands.
pub(crate) async fn collect(
    State(inner): State<Shared>,
    Bearer(session): Bearer,
    Path(uetr): Path<String>,
    Json(typed): Json<TypedCollection>,
) -> Response {
    match inner.collect(&session.sign_in, &uetr, &typed).await {
        Ok(collection) => (StatusCode::ACCEPTED, Json(collection_view(&collection))).into_response(),
        Err(error) => refusal(&error),
    }
}

/// A collection as it stands.
pub(crate) async fn collection(State(inner): State<Shared>, Bearer(session): Bearer, Path(uetr): Path<String>) -> Response {
    match inner.collection(&session.sign_in, &uetr).await {
        Ok(collection) => Json(collection_view(&collection)).into_response(),
        Err(error) => refusal(&error),
    }
}

fn view(mandate: &Mandate) -> Value {
    let state = match mandate.standing {
        MandateStanding::Asked => "asked",
        MandateStanding::Active => "active",
        MandateStanding::Suspended => "suspended",
        MandateStanding::Refused => "refused",
        MandateStanding::Ended => "ended",
    };
    let side = match mandate.side {
        MandateSide::Debtor => "debtor",
        MandateSide::Creditor => "creditor",
    };
    json!({
        "uetr": mandate.uetr,
        "side": side,
        "state": state,
        "agent": mandate.other_agent,
        "name": mandate.other_name,
        "reference": mandate.reference,
        "caps": caps_view(&mandate.caps),
        "proposed": mandate.proposed.as_ref().map(caps_view),
        "asks": mandate.question.is_some(),
        "reason": mandate.reason,
        "collections": mandate.collections,
    })
}

fn caps_view(caps: &MandateCaps) -> Value {
    json!({
        "each": amount(caps.each),
        "fixed": caps.is_fixed,
        "period": caps.period,
        "period_max": amount(caps.period_max),
        "times": caps.count,
        "purpose": caps.purpose,
        "first_ms": caps.first_ms,
        "last_ms": caps.last_ms,
    })
}

fn collection_view(collection: &Collection) -> Value {
    let state = match collection.standing {
        CollectionStanding::Asked => "asked",
        CollectionStanding::Paid => "paid",
        CollectionStanding::Refused => "refused",
    };
    json!({
        "uetr": collection.uetr,
        "mandate": collection.mandate,
        "state": state,
        "amount": amount(collection.amount),
        "reason": collection.reason,
    })
}

/// What the form of a mandate says.
#[derive(Deserialize)]
pub(crate) struct AskForm {
    token: String,
    agent: String,
    debtor: String,
    name: String,
    amount: String,
    currency: String,
    #[serde(default)]
    fixed: Option<String>,
    period: String,
    times: u16,
    days: u64,
    #[serde(default)]
    reference: String,
}

/// `POST /mandates`.
pub(crate) async fn ask_from_page(
    State(inner): State<Shared>,
    customer: Customer,
    _: SameSite,
    Form(form): Form<AskForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let typed = TypedMandate {
        agent: form.agent,
        debtor: form.debtor.trim().to_owned(),
        name: form.name.trim().to_owned(),
        amount: form.amount.trim().to_owned(),
        currency: form.currency,
        fixed: form.fixed.is_some(),
        period: form.period,
        period_max: String::new(),
        times: form.times,
        days: form.days,
        reference: form.reference.trim().to_owned(),
    };
    match inner.ask_mandate(&customer.session.sign_in, &typed).await {
        Ok(mandate) => Redirect::to(&format!("/mandates/{}", mandate.uetr)).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// A form that says nothing but where it comes from.
#[derive(Deserialize)]
pub(crate) struct TokenForm {
    token: String,
}

/// `POST /mandates/{uetr}/{decision}`.
pub(crate) async fn decide_from_page(
    State(inner): State<Shared>,
    customer: Customer,
    Path((uetr, decision)): Path<(String, String)>,
    _: SameSite,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let Some(decision) = MandateDecision::of(&decision) else {
        return failure(&inner, &customer, &ServiceError::NotFound);
    };
    match inner.decide_mandate(&customer.session.sign_in, &uetr, decision).await {
        Ok(mandate) => Redirect::to(&format!("/mandates/{}", mandate.uetr)).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// What the form of a collection says.
#[derive(Deserialize)]
pub(crate) struct CollectForm {
    token: String,
    amount: String,
    #[serde(default)]
    note: String,
}

/// `POST /mandates/{uetr}/collect`.
pub(crate) async fn collect_from_page(
    State(inner): State<Shared>,
    customer: Customer,
    Path(uetr): Path<String>,
    _: SameSite,
    Form(form): Form<CollectForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let typed = TypedCollection { amount: form.amount.trim().to_owned(), note: form.note.trim().to_owned() };
    match inner.collect(&customer.session.sign_in, &uetr, &typed).await {
        Ok(_) => Redirect::to(&format!("/mandates/{uetr}")).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// `GET /mandates`: all of the customer's, and the form to ask for one.
pub(crate) async fn page(State(inner): State<Shared>, customer: Customer) -> Response {
    let sign_in = customer.session.sign_in.clone();
    let mandates = match inner.books(move |books| books.mandates_of(&sign_in)).await {
        Ok(mandates) => mandates,
        Err(error) => return failure(&inner, &customer, &error.into()),
    };
    let language = customer.language;
    // Without a list nobody can be asked; what there is can still be seen.
    let mut banks = inner.participants().await.unwrap_or_default();
    banks.retain(|bank| bank.bic != inner.config.bic);
    let content = html! {
        h1 { (language.mandates()) }
        section.card {
            p.hint { (language.mandates_hint()) }
            @if mandates.is_empty() { p.hint { (language.no_mandates()) } }
            ul.entries { @for mandate in &mandates { li { a href={ "/mandates/" (mandate.uetr) } {
                span.what { strong { (who_collects(language, mandate)) } small { (standing_badge(language, mandate)) " " (format::local_time(mandate.changed_ms)) } }
                span.sum { (format::with_code(mandate.caps.each)) small { (mandate.reference) } }
            } } } }
        }
        (ask_form(&inner, &customer, &banks))
        p { a.button href="/" { (language.home()) } }
    };
    Page { language, session: Some(&customer.session), title: language.mandates(), here: "/mandates", content }
        .render(&inner)
        .into_response()
}

fn ask_form(inner: &Inner, customer: &Customer, banks: &[ParticipantInfo]) -> Markup {
    let language = customer.language;
    let field = |id: &str, label: &str, kind: &str, value: &str| {
        html! { div.field { label for=(id) { (label) } input id=(id) name=(id) type=(kind) value=(value) required; } }
    };
    html! {
        form.card #ask-mandate method="post" action="/mandates" {
            h2 { (language.mandate_new()) }
            input type="hidden" name="token" value=(customer.session.form_token);
            div.field { label for="agent" { (language.mandate_their_bank()) } select #agent name="agent" {
                @for bank in banks { option value=(bank.bic) { (language.name(&name_forms(&bank.bic, &bank.name))) } }
            } }
            (field("debtor", language.mandate_debtor(), "text", ""))
            (field("name", language.mandate_debtor_name(), "text", ""))
            (field("amount", language.amount(), "text", ""))
            div.field { label for="currency" { (language.mandate_currency()) } select #currency name="currency" {
                @for currency in &inner.config.currencies { option value=(currency.code) { (currency.code) } }
            } }
            div.field { label for="period" { (language.mandate_period()) } select #period name="period" {
                @for (period, key) in PERIODS { option value=(key) selected[period == MandatePeriod::Month] { (period_words(language, period)) } }
            } }
            (field("times", language.mandate_times(), "number", "1"))
            (field("days", language.mandate_days(), "number", "365"))
            div.field { label for="reference" { (language.mandate_reference()) } input #reference name="reference" type="text" maxlength="35"; }
            div.field { label { input type="checkbox" name="fixed" value="yes"; " " (language.mandate_fixed()) } }
            div.actions { button.primary type="submit" { (language.mandate_send()) } }
        }
    }
}

/// `GET /mandates/{uetr}`: one of them, with what can be decided, and what was collected.
pub(crate) async fn mandate_page(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    let found = async {
        let mandate = inner.mandate(&customer.session.sign_in, &uetr).await?;
        let key = mandate.clone();
        let collections = inner.books(move |books| books.collections_of(&key)).await?;
        Ok::<_, ServiceError>((mandate, collections))
    };
    let (mandate, collections) = match found.await {
        Ok(found) => found,
        Err(error) => return failure(&inner, &customer, &error),
    };
    let language = customer.language;
    let here = format!("/mandates/{uetr}");
    let content = html! {
        h1 { (who_collects(language, &mandate)) }
        section.card {
            p.outcome { (standing_badge(language, &mandate)) @if let Some(reason) = &mandate.reason { " " small.mono { (reason) } } }
            (caps_list(language, &mandate.caps))
            p.hint { (language.mandate_reference()) ": " span.mono { (mandate.reference) } " · " (mandate.other_agent) }
            @if mandate.question.is_some() {
                @let words = if mandate.proposed.is_some() { language.mandate_proposes() } else { language.mandate_asks() };
                p.alert role="status" { (fill(words, &[&mandate.other_name])) }
                @if let Some(proposed) = &mandate.proposed { (caps_list(language, proposed)) }
            }
            div.actions {
                @for (decision, key) in MandateDecision::ALL { @if decision.is_open(&mandate) {
                    form method="post" action={ (here) "/" (key) } {
                        input type="hidden" name="token" value=(customer.session.form_token);
                        button.primary[decision == MandateDecision::Accept] type="submit" { (decision_words(language, decision)) }
                    }
                } }
                a.button href="/mandates" { (language.back()) }
            }
        }
        @if mandate.side == MandateSide::Creditor && mandate.standing == MandateStanding::Active { (collect_form(&customer, &mandate, &here)) }
        section.card {
            h2 { (language.collections()) }
            @if collections.is_empty() { p.hint { (language.no_entries()) } }
            ul.entries { @for collection in &collections { (collection_row(language, collection)) } }
        }
    };
    Page { language, session: Some(&customer.session), title: language.mandates(), here: &here, content }
        .render(&inner)
        .into_response()
}

fn collect_form(customer: &Customer, mandate: &Mandate, here: &str) -> Markup {
    let language = customer.language;
    html! {
        form.card #collect method="post" action={ (here) "/collect" } {
            h2 { (language.collect()) }
            input type="hidden" name="token" value=(customer.session.form_token);
            div.field { label for="amount" { (language.amount()) " " (mandate.caps.each.currency.code) }
                input #amount name="amount" type="text" value=(mandate.caps.each) required; }
            div.field { label for="note" { (language.mandate_note()) } input #note name="note" type="text" maxlength="140"; }
            div.actions { button.primary type="submit" { (language.collect()) } }
        }
    }
}

fn collection_row(language: Language, collection: &Collection) -> Markup {
    let (class, words) = match collection.standing {
        CollectionStanding::Asked => ("badge wait", language.collection_asked()),
        CollectionStanding::Paid => ("badge good", language.collection_paid()),
        CollectionStanding::Refused => ("badge bad", language.collection_refused()),
    };
    html! {
        li { div {
            span.what { strong { @if collection.note.is_empty() { (collection.uetr[..8]) } @else { (collection.note) } }
                small { span class=(class) { (words) } " " @if let Some(reason) = &collection.reason { (reason) " " } (format::local_time(collection.asked_ms)) } }
            span.sum { (format::with_code(collection.amount)) }
        } }
    }
}

fn caps_list(language: Language, caps: &MandateCaps) -> Markup {
    let each = if caps.is_fixed { language.mandate_each_fixed() } else { language.mandate_each_max() };
    let (most, times) = (format::with_code(caps.period_max), caps.count.to_string());
    let day = |ms: u64| format::local_time(ms)[..10].to_owned();
    html! {
        ul {
            li { (fill(each, &[&format::with_code(caps.each)])) }
            li { (fill(language.mandate_per(), &[period_words(language, caps.period), &most, &times])) }
            li { (fill(language.mandate_span(), &[&day(caps.first_ms), &day(caps.last_ms.saturating_sub(1))])) }
        }
    }
}

fn who_collects(language: Language, mandate: &Mandate) -> String {
    let words = match mandate.side {
        MandateSide::Debtor => language.mandate_given(),
        MandateSide::Creditor => language.mandate_taken(),
    };
    fill(words, &[&mandate.other_name])
}

fn standing_badge(language: Language, mandate: &Mandate) -> Markup {
    let (class, words) = match mandate.standing {
        MandateStanding::Asked => ("badge wait", language.mandate_asked()),
        MandateStanding::Active => ("badge good", language.mandate_active()),
        MandateStanding::Suspended => ("badge wait", language.mandate_suspended()),
        MandateStanding::Refused => ("badge bad", language.mandate_refused()),
        MandateStanding::Ended => ("badge bad", language.mandate_ended()),
    };
    html! { span class=(class) { (words) } }
}

const PERIODS: [(MandatePeriod, &str); 5] = [
    (MandatePeriod::Day, "day"),
    (MandatePeriod::Week, "week"),
    (MandatePeriod::Month, "month"),
    (MandatePeriod::Year, "year"),
    (MandatePeriod::Whole, "whole"),
];

const fn period_words(language: Language, period: MandatePeriod) -> &'static str {
    match period {
        MandatePeriod::Day => language.mandate_day(),
        MandatePeriod::Week => language.mandate_week(),
        MandatePeriod::Month => language.mandate_month(),
        MandatePeriod::Year => language.mandate_year(),
        MandatePeriod::Whole => language.mandate_whole(),
    }
}

const fn decision_words(language: Language, decision: MandateDecision) -> &'static str {
    match decision {
        MandateDecision::Accept => language.mandate_agree(),
        MandateDecision::Refuse => language.mandate_disagree(),
        MandateDecision::Suspend => language.mandate_suspend(),
        MandateDecision::Resume => language.mandate_resume(),
        MandateDecision::End => language.mandate_end(),
    }
}
