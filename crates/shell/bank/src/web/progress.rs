//! A payment's progress, live: the page, and the stream that keeps it up to date.

use crate::books::records::Outgoing;
use crate::books::state::OutgoingState;
use crate::directory::name_forms;
use crate::inner::Shared;
use crate::web::format;
use crate::web::home::failure;
use crate::web::layout::Page;
use crate::web::pay::amounts;
use crate::web::text::{Language, fill};
use crate::web::visitor::Customer;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use maud::{Markup, html};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, broadcast};

/// After settlement the stream stays this long for the payee's bank to report the credit.
const CREDIT_WAIT: Duration = Duration::from_secs(60);
/// The books are read again at least this often, whatever was announced.
const READ_AGAIN: Duration = Duration::from_secs(5);

/// The page.
pub(crate) async fn page(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    let payment = match inner.payment(&customer.session.sign_in, &uetr).await {
        Ok(payment) => payment,
        Err(error) => return failure(&inner, &customer, &error),
    };
    let language = customer.language;
    let live = !is_done(&payment);
    let content = html! {
        @if live { noscript { meta http-equiv="refresh" content="2"; } }
        h1 { (language.payment_out()) }
        section.card {
            (amounts(language, &payment))
            dl.terms {
                dt { (language.payee()) } dd { strong { (payment.payee.name) } }
                dt { (language.payee_bank()) } dd { (language.name(&name_forms(&payment.payee.agent, &payment.payee.agent_name))) }
                dt { (language.reference()) } dd.mono.small { (payment.uetr) }
            }
            h2 { (language.progress()) }
            div #progress aria-live="polite" data-events=[live.then(|| format!("/payments/{}/events", payment.uetr))] {
                (steps(language, &payment))
            }
            @if payment.waits.is_some() {
                form method="post" action={ "/payments/" (payment.uetr) "/cancel" } data-once="" {
                    input type="hidden" name="token" value=(customer.session.form_token);
                    button type="submit" { (language.cancel_payment()) }
                }
            }
        }
    };
    let here = format!("/payments/{}", payment.uetr);
    Page { language, session: Some(&customer.session), title: language.progress(), here: &here, content }
        .render(&inner)
        .into_response()
}

/// Whether nothing more will happen.
fn is_done(payment: &Outgoing) -> bool {
    match payment.state {
        OutgoingState::Rejected => true,
        OutgoingState::Settled => payment.times.credited_ms.is_some(),
        OutgoingState::Draft | OutgoingState::Reserved | OutgoingState::Sent | OutgoingState::Held => false,
    }
}

/// One step of the way.
struct Step {
    words: &'static str,
    hint: &'static str,
    at_ms: Option<u64>,
    now: bool,
}

/// The four steps, or where it ended.
fn steps(language: Language, payment: &Outgoing) -> Markup {
    let times = &payment.times;
    let settled_ms = times.final_ms.filter(|_| payment.state == OutgoingState::Settled);
    // A payment can settle before the hold was heard of; then the hold has no time of its own.
    let held_ms = times.held_ms.or(settled_ms);
    let open = payment.state.is_open();
    let steps = [
        Step { words: language.step_sent(), hint: language.step_sent_hint(), at_ms: times.confirmed_ms, now: false },
        Step { words: language.step_held(), hint: language.step_held_hint(), at_ms: held_ms, now: open && held_ms.is_none() },
        Step {
            words: language.step_settled(),
            hint: language.step_settled_hint(),
            at_ms: settled_ms,
            now: open && held_ms.is_some(),
        },
        Step {
            words: language.step_credited(),
            hint: language.step_credited_hint(),
            at_ms: times.credited_ms,
            now: settled_ms.is_some() && times.credited_ms.is_none(),
        },
    ];
    let rejected = payment.state == OutgoingState::Rejected;
    html! {
        ol.steps {
            @for step in steps.iter().filter(|step| !rejected || step.at_ms.is_some()) {
                li class=(if step.at_ms.is_some() { "done" } else if step.now { "now" } else { "todo" }) aria-current=[step.now.then_some("step")] {
                    strong { (step.words) } p { (step.hint) }
                    @if let Some(at_ms) = step.at_ms { time { (after(payment, at_ms)) } }
                }
            }
            @if rejected { (rejected_step(language, payment)) }
        }
        @if let Some(waits) = &payment.waits { p.alert.soft { (language.waits()) " " span.small { (waits) } } }
        @if payment.state == OutgoingState::Sent { p.alert.soft { (language.in_doubt()) } }
        @if let Some(at_ms) = settled_ms {
            p.outcome.good { (fill(language.settled_in(), &[&format::seconds(at_ms.saturating_sub(times.confirmed_ms.unwrap_or(at_ms)))])) }
            div.actions { a.button.primary href={ "/payments/" (payment.uetr) "/receipt" } { (language.see_receipt()) } a.button href="/" { (language.home()) } }
        }
        @if payment.returned_minor > 0 {
            p.outcome.good { (language.returned()) " " strong { (format::with_code(payment.returned())) }
                @if let Some(code) = &payment.return_reason { " " span.mono { (code) } } }
        }
        @if rejected { div.actions { a.button.primary href="/pay" { (language.pay_across()) } a.button href="/" { (language.home()) } } }
    }
}

fn rejected_step(language: Language, payment: &Outgoing) -> Markup {
    let code = payment.reason.as_deref().unwrap_or("");
    html! {
        li.failed {
            strong { (language.step_rejected()) }
            p { (language.reason_words(code)) @if !code.is_empty() { " " span.mono { (code) } } }
            p { (fill(language.nothing_debited(), &[&format::with_code(payment.debit)])) }
            @if let Some(at_ms) = payment.times.final_ms { time { (after(payment, at_ms)) } }
        }
    }
}

/// Time of day, and how long after the customer confirmed.
fn after(payment: &Outgoing, at_ms: u64) -> String {
    let confirmed = payment.times.confirmed_ms.unwrap_or(at_ms);
    let clock = format::local_time(at_ms);
    let clock = clock.get(11..).unwrap_or_default();
    if at_ms == confirmed {
        clock.to_owned()
    } else {
        format!("{clock} (+{} s)", format::seconds(at_ms.saturating_sub(confirmed)))
    }
}

/// What a stream of progress knows.
struct Watching {
    inner: Shared,
    customer: Customer,
    uetr: String,
    changes: broadcast::Receiver<String>,
    last: String,
    ended: bool,
    _turn: OwnedSemaphorePermit,
}

/// The stream: the steps as they change, then `end`.
pub(crate) async fn events(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    let Ok(turn) = Shared::clone(&inner).watchers.clone().try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    if inner.payment(&customer.session.sign_in, &uetr).await.is_err() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let changes = inner.changes.subscribe();
    let watching = Watching { inner, customer, uetr, changes, last: String::new(), ended: false, _turn: turn };
    Sse::new(watch(watching)).keep_alive(KeepAlive::new().interval(Duration::from_secs(10))).into_response()
}

fn watch(watching: Watching) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(watching, |mut watching| async move {
        if watching.ended {
            return None;
        }
        let event = next(&mut watching).await;
        Some((Ok(event), watching))
    })
}

/// The next change worth telling.
async fn next(watching: &mut Watching) -> Event {
    loop {
        let payment = watching.inner.payment(&watching.customer.session.sign_in, &watching.uetr).await;
        let Ok(payment) = payment else { return end(watching) };
        let rendered = steps(watching.customer.language, &payment).into_string();
        if rendered != watching.last {
            watching.last.clone_from(&rendered);
            return Event::default().event("progress").data(rendered);
        }
        let settled_long_ago =
            payment.times.final_ms.is_some_and(|at| at + CREDIT_WAIT.as_millis() as u64 <= watching.inner.now_ms());
        if is_done(&payment) || settled_long_ago {
            return end(watching);
        }
        wait_for_change(watching).await;
    }
}

fn end(watching: &mut Watching) -> Event {
    watching.ended = true;
    Event::default().event("end").data("end")
}

async fn wait_for_change(watching: &mut Watching) {
    let Watching { changes, uetr, .. } = watching;
    let changed = async {
        loop {
            match changes.recv().await {
                Ok(changed) if changed == *uetr => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    };
    let _ = tokio::time::timeout(READ_AGAIN, changed).await;
}
