//! What a customer sees first: accounts, entries, payments under way.

use crate::books::records::{Account, Entry, Outgoing, Pot};
use crate::books::state::OutgoingState;
use crate::inner::{Inner, Shared};
use crate::service::ServiceError;
use crate::web::layout::{Page, problem};
use crate::web::text::Language;
use crate::web::visitor::{Customer, Visitor};
use crate::web::{format, pay, standing};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use money::{Currency, CurrencyCode};

/// Entries shown of each currency of an account.
const ENTRIES_SHOWN: usize = 20;
/// Payments shown.
const PAYMENTS_SHOWN: usize = 10;

/// An account with the entries of its currencies.
pub(crate) struct Statement {
    pub(crate) account: Account,
    pub(crate) entries: Vec<(String, Entry)>,
}

/// The page.
pub(crate) async fn page(State(inner): State<Shared>, visitor: Visitor) -> Response {
    let Some(session) = visitor.session else { return Redirect::to("/sign-in").into_response() };
    let customer = Customer { language: visitor.language, session, here: visitor.here };
    match content(&inner, &customer).await {
        Ok(content) => {
            let title = customer.language.home();
            Page { language: customer.language, session: Some(&customer.session), title, here: "/", content }
                .render(&inner)
                .into_response()
        }
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// The page for what could not be done.
pub(crate) fn failure(inner: &Inner, customer: &Customer, error: &ServiceError) -> Response {
    let language = customer.language;
    let (status, words) = match error {
        ServiceError::NotFound => (StatusCode::NOT_FOUND, language.not_found()),
        ServiceError::Centre(_) => (StatusCode::SERVICE_UNAVAILABLE, language.centre_unavailable()),
        ServiceError::CoolOff(_) => (StatusCode::CONFLICT, language.warned_cool_off()),
        ServiceError::Busy => (StatusCode::SERVICE_UNAVAILABLE, language.bank_busy()),
        ServiceError::Field(fault) => (StatusCode::UNPROCESSABLE_ENTITY, language.field_fault(fault.fault)),
        ServiceError::QuoteExpired => (StatusCode::CONFLICT, language.quote_over()),
        ServiceError::NameNotAcknowledged => (StatusCode::UNPROCESSABLE_ENTITY, language.acknowledge_needed()),
        ServiceError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, language.internal_error()),
    };
    if let ServiceError::Internal(reason) = error {
        tracing::error!(bank = inner.config.bic, reason, "a page could not be made");
    }
    (status, problem(inner, language, Some(&customer.session), words)).into_response()
}

/// A customer's accounts with their entries.
pub(crate) async fn statements(inner: &Inner, sign_in: &str, entries_max: usize) -> Result<Vec<Statement>, ServiceError> {
    let customer = inner.customer(sign_in).await?;
    let numbers = customer.accounts;
    Ok(inner
        .books(move |books| {
            let mut statements = Vec::new();
            for number in numbers {
                let Some(account) = books.account(&number)? else { continue };
                let mut entries = Vec::new();
                for currency in account.pots.iter().filter_map(currency_of) {
                    let code = currency.code.to_string();
                    entries.extend(books.entries(&number, currency, entries_max)?.into_iter().map(|entry| (code.clone(), entry)));
                }
                entries.sort_by_key(|(_, entry)| core::cmp::Reverse(entry.transfer));
                statements.push(Statement { account, entries });
            }
            Ok(statements)
        })
        .await?)
}

/// The currency of a pot.
pub(crate) fn currency_of(pot: &Pot) -> Option<Currency> {
    let code: CurrencyCode = pot.currency.parse().ok()?;
    Currency::new(code, pot.exponent).ok()
}

async fn content(inner: &Inner, customer: &Customer) -> Result<Markup, ServiceError> {
    let language = customer.language;
    let sign_in = customer.session.sign_in.clone();
    let holder = inner.customer(&sign_in).await?;
    let statements = statements(inner, &sign_in, ENTRIES_SHOWN).await?;
    // Paused by the bank: nothing is paid until the customer looks at it.
    let needs_customer = inner.standing_orders(&sign_in).await?.iter().any(standing::needs_customer);
    let payments = inner.books(move |books| books.outgoing_of(&sign_in, PAYMENTS_SHOWN)).await?;
    let holder_zh = language.pick("", holder.name_zh_hant.as_deref().unwrap_or(""), holder.name_zh_hans.as_deref().unwrap_or(""));
    Ok(html! {
        div.heading {
            h1 { (language.welcome()) span.comma { @if language == Language::English { ", " } @else { "，" } }
                @if holder_zh.is_empty() { (holder.name) } @else { (holder_zh) } }
            a.button.primary href="/pay" { (language.pay_across()) }
            a.button href="/standing-orders" { (language.standing_orders()) }
            a.button href="/mandates" { (language.mandates()) }
            @if holder.company { a.button href="/bulk" { (language.bulk_title()) } }
        }
        @if needs_customer { p.alert role="status" { a href="/standing-orders" { (language.standing_alert()) } } }
        @for statement in &statements { (account_card(language, &statement.account)) }
        (paid_by(language, &holder))
        div.columns {
            section.card aria-labelledby="payments" {
                h2 #payments { (language.payments()) }
                (payment_list(language, &payments))
            }
            section.card aria-labelledby="recent" {
                h2 #recent { (language.recent()) }
                @let mut entries = statements.iter().flat_map(|statement| &statement.entries).peekable();
                @if entries.peek().is_none() { p.hint { (language.no_entries()) } }
                ul.entries { @for (code, entry) in entries.take(ENTRIES_SHOWN) { (entry_row(language, code, entry)) } }
            }
        }
    })
}

/// What others can pay this customer by, so that nobody has to spell out an account number.
fn paid_by(language: Language, holder: &crate::books::records::Customer) -> Markup {
    let aliases: Vec<&String> = [&holder.mobile, &holder.email, &holder.scheme_id].into_iter().flatten().collect();
    html! {
        @if !aliases.is_empty() {
            p.hint { (language.paid_by()) ": " @for (at, alias) in aliases.iter().enumerate() { @if at > 0 { " · " } span.mono { (alias) } } }
        }
    }
}

fn account_card(language: Language, account: &Account) -> Markup {
    html! {
        section.account aria-label=(language.account()) {
            p.number { (language.account()) " " span.mono { (format::account(&account.number)) }
                @if !account.open { " · " strong { (language.account_closed()) } } }
            div.pots {
                @for pot in &account.pots {
                    div.pot {
                        span.code { (pot.currency) }
                        span.balance { (format::minor(pot.available(), pot.exponent)) }
                        @if pot.held > 0 {
                            small { (language.reserved()) " " (format::minor(pot.held, pot.exponent)) }
                        } @else {
                            small { (language.available()) }
                        }
                    }
                }
            }
        }
    }
}

fn payment_list(language: Language, payments: &[Outgoing]) -> Markup {
    html! {
        @if payments.is_empty() { p.hint { (language.no_payments()) } }
        ul.entries {
            @for payment in payments {
                li {
                    a href={ "/payments/" (payment.uetr) } {
                        span.what { strong { (payment.payee.name) } small { (state_badge(language, payment)) " " (format::local_time(payment.times.confirmed_ms.unwrap_or(0))) } }
                        span.sum { (format::with_code(payment.debit)) small { "→ " (format::with_code(payment.credit)) } }
                    }
                }
            }
        }
    }
}

/// A payment's state as a small mark.
pub(crate) fn state_badge(language: Language, payment: &Outgoing) -> Markup {
    let (class, words) = match payment.state {
        OutgoingState::Draft | OutgoingState::Reserved | OutgoingState::Sent => ("badge wait", language.step_sent()),
        OutgoingState::Held => ("badge wait", language.step_held()),
        OutgoingState::Settled if payment.times.credited_ms.is_some() => ("badge good", language.step_credited()),
        OutgoingState::Settled => ("badge good", language.step_settled()),
        OutgoingState::Rejected => ("badge bad", language.step_rejected()),
    };
    html! { span class=(class) { (words) } }
}

fn entry_row(language: Language, code: &str, entry: &Entry) -> Markup {
    html! {
        li {
            div {
                span.what { strong { (language.entry_words(entry.kind, &entry.counterparty)) } small { (format::local_time(entry.at_ms)) } }
                span.sum class=(if entry.amount < 0 { "out" } else { "in" }) { (format::signed(entry.amount, entry.exponent)) small { (code) } }
            }
        }
    }
}

/// The choices of the pay form: accounts with money, by number and currency.
pub(crate) fn pots_of(statements: &[Statement]) -> Vec<pay::FromChoice> {
    let open = statements.iter().filter(|statement| statement.account.open);
    let choices = open.flat_map(|statement| {
        statement.account.pots.iter().map(|pot| pay::FromChoice {
            value: format!("{}/{}", statement.account.number, pot.currency),
            words: format!(
                "{} {} · {}",
                pot.currency,
                format::minor(pot.available(), pot.exponent),
                format::account(&statement.account.number)
            ),
        })
    });
    choices.collect()
}
