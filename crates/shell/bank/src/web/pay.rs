//! Paying across: the form, the page to check and confirm, and what they send.

use crate::books::records::{NameCheck, Outgoing, Payee};
use crate::books::state::OutgoingState;
use crate::directory::name_forms;
use crate::inner::{Inner, Shared};
use crate::order::{Field, OrderFault, PURPOSES, TEXT_CHARS_MAX, TypedOrder};
use crate::service::ServiceError;
use crate::standing::TypedRepeat;
use crate::web::format;
use crate::web::home::{failure, pots_of, statements};
use crate::web::layout::Page;
use crate::web::sign_in::TokenForm;
use crate::web::standing::repeat_fields;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, SameSite};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use banklink::{QuotaLeft, ToldMoney, WhatIf};
use maud::{Markup, html};
use serde::Deserialize;

/// An account and currency to pay from.
pub(crate) struct FromChoice {
    pub(crate) value: String,
    pub(crate) words: String,
}

/// The pay form as sent.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct PayForm {
    token: String,
    from: String,
    agent: String,
    payee: String,
    name: String,
    amount: String,
    fixed: String,
    credit_currency: String,
    purpose: String,
    note: String,
    when: String,
    on: String,
    repeat: String,
    every: String,
    first: String,
    ends: String,
    times: String,
    until: String,
}

impl PayForm {
    fn typed(self) -> (TypedOrder, TypedRepeat) {
        let Self { from, agent, payee, name, amount, fixed, credit_currency, purpose, note, when, on, .. } = self;
        let Self { repeat, every, first, ends, times, until, .. } = self;
        let typed = TypedOrder { from, agent, payee, name, amount, fixed, credit_currency, purpose, note, when, on };
        (typed, TypedRepeat { repeat, every, first, ends, times, until })
    }
}

/// The empty form.
pub(crate) async fn form(State(inner): State<Shared>, customer: Customer) -> Response {
    let typed = TypedOrder { fixed: "debit".to_owned(), ..TypedOrder::default() };
    match render_form(&inner, &customer, &typed, &TypedRepeat::default(), None).await {
        Ok(page) => page.into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// Takes the form: payee checked, quote made, then the page to confirm.
pub(crate) async fn submit(State(inner): State<Shared>, customer: Customer, _: SameSite, Form(form): Form<PayForm>) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let (typed, repeat) = form.typed();
    let sign_in = &customer.session.sign_in;
    let drafted = match repeat.is_asked() {
        true => inner.draft_standing(sign_in, &typed, &repeat).await.map(|draft| format!("/standing-orders/{}", draft.id)),
        false => inner.draft(sign_in, &typed).await.map(|draft| format!("/pay/{}", draft.uetr)),
    };
    match drafted {
        Ok(review) => Redirect::to(&review).into_response(),
        Err(ServiceError::Field(fault)) => match render_form(&inner, &customer, &typed, &repeat, Some(fault)).await {
            Ok(page) => (StatusCode::UNPROCESSABLE_ENTITY, page).into_response(),
            Err(error) => failure(&inner, &customer, &error),
        },
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// The page to check and confirm.
pub(crate) async fn review(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    match inner.payment(&customer.session.sign_in, &uetr).await {
        Ok(draft) if draft.state == OutgoingState::Draft => render_review(&inner, &customer, &draft, None).await.into_response(),
        Ok(payment) => Redirect::to(&format!("/payments/{}", payment.uetr)).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// A new quote for the same draft.
pub(crate) async fn requote(
    State(inner): State<Shared>,
    customer: Customer,
    Path(uetr): Path<String>,
    _: SameSite,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    match inner.requote(&customer.session.sign_in, &uetr).await {
        Ok(draft) => Redirect::to(&format!("/pay/{}", draft.uetr)).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// What the confirm button sends.
#[derive(Deserialize)]
pub(crate) struct ConfirmForm {
    #[serde(default)]
    pub(super) token: String,
    #[serde(default)]
    pub(super) acknowledged: Option<String>,
}

/// Confirms and sends.
pub(crate) async fn confirm(
    State(inner): State<Shared>,
    customer: Customer,
    Path(uetr): Path<String>,
    _: SameSite,
    Form(form): Form<ConfirmForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    let sign_in = &customer.session.sign_in;
    let error = match inner.confirm(sign_in, &uetr, form.acknowledged.is_some()).await {
        Ok(payment) => return Redirect::to(&format!("/payments/{}", payment.uetr)).into_response(),
        Err(error) => error,
    };
    let words = match &error {
        ServiceError::QuoteExpired => customer.language.quote_over(),
        ServiceError::NameNotAcknowledged => customer.language.acknowledge_needed(),
        ServiceError::CoolOff(_) => customer.language.warned_cool_off(),
        ServiceError::Field(fault) => customer.language.field_fault(fault.fault),
        ServiceError::NotFound | ServiceError::Busy | ServiceError::Centre(_) | ServiceError::Internal(_) => {
            return failure(&inner, &customer, &error);
        }
    };
    match inner.payment(sign_in, &uetr).await {
        Ok(draft) => (StatusCode::CONFLICT, render_review(&inner, &customer, &draft, Some(words)).await).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// Takes back a payment that waits.
pub(crate) async fn cancel(
    State(inner): State<Shared>,
    customer: Customer,
    Path(uetr): Path<String>,
    _: SameSite,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    match inner.cancel(&customer.session.sign_in, &uetr).await {
        Ok(()) => Redirect::to(&format!("/payments/{uetr}")).into_response(),
        Err(error) => failure(&inner, &customer, &error),
    }
}

/// One field: label, what is wrong, the input itself.
pub(super) fn field(language: Language, field: Field, fault: Option<OrderFault>, hint: Option<&str>, input: Markup) -> Markup {
    let wrong = fault.filter(|fault| fault.field == field);
    html! {
        div.field class=[wrong.map(|_| "wrong")] {
            label for=(field.key()) { (language.field(field)) }
            @if let Some(fault) = wrong { p.fault id={ (field.key()) "-fault" } { (language.field_fault(fault.fault)) } }
            (input)
            @if let Some(hint) = hint { p.hint id={ (field.key()) "-hint" } { (hint) } }
        }
    }
}

pub(super) fn described_by(field: Field, fault: Option<OrderFault>, hint: bool) -> Option<String> {
    let key = field.key();
    let wrong = fault.is_some_and(|fault| fault.field == field);
    match (wrong, hint) {
        (true, true) => Some(format!("{key}-fault {key}-hint")),
        (true, false) => Some(format!("{key}-fault")),
        (false, true) => Some(format!("{key}-hint")),
        (false, false) => None,
    }
}

async fn render_form(
    inner: &Inner,
    customer: &Customer,
    typed: &TypedOrder,
    repeat: &TypedRepeat,
    fault: Option<OrderFault>,
) -> Result<Markup, ServiceError> {
    let language = customer.language;
    let choices = pots_of(&statements(inner, &customer.session.sign_in, 0).await?);
    let mut banks = inner.participants().await.map_err(ServiceError::Centre)?;
    banks.retain(|bank| bank.bic != inner.config.bic);
    // The other side of the river first.
    let country = |bic: &str| bic.get(4..6).unwrap_or_default().to_owned();
    banks.sort_by_key(|bank| (country(&bank.bic) == country(&inner.config.bic), bank.bic.clone()));
    let invalid = |field: Field| fault.is_some_and(|fault| fault.field == field).then_some("true");
    let content = html! {
        h1 { (language.pay_across()) }
        @if fault.is_some() { p.alert role="alert" { (language.please_change()) } }
        form.card.pay method="post" action="/pay" novalidate data-once="" {
            input type="hidden" name="token" value=(customer.session.form_token);
            fieldset {
                legend { (language.payee()) }
                (field(language, Field::Agent, fault, None, html! {
                    select #agent name="agent" aria-invalid=[invalid(Field::Agent)] aria-describedby=[described_by(Field::Agent, fault, false)] {
                        option value="" { (language.by_alias()) }
                        @for bank in &banks {
                            option value=(bank.bic) selected[bank.bic == typed.agent] {
                                (language.name(&name_forms(&bank.bic, &bank.name))) " (" (bank.bic.get(..8).unwrap_or(&bank.bic)) ")"
                            }
                        }
                    }
                }))
                (field(language, Field::Payee, fault, Some(language.account_or_mobile_hint()), html! {
                    input #payee name="payee" value=(typed.payee) required maxlength="48" autocomplete="off" inputmode="tel"
                        aria-invalid=[invalid(Field::Payee)] aria-describedby=[described_by(Field::Payee, fault, true)];
                }))
                (field(language, Field::Name, fault, Some(language.payee_name_hint()), html! {
                    input #name name="name" value=(typed.name) maxlength=(TEXT_CHARS_MAX) autocomplete="off"
                        aria-invalid=[invalid(Field::Name)] aria-describedby=[described_by(Field::Name, fault, true)];
                }))
            }
            fieldset {
                legend { (language.amount()) }
                (field(language, Field::From, fault, None, html! {
                    select #from name="from" required aria-invalid=[invalid(Field::From)] aria-describedby=[described_by(Field::From, fault, false)] {
                        @for choice in &choices {
                            option value=(choice.value) selected[choice.value == typed.from] { (choice.words) }
                        }
                    }
                }))
                div.pair {
                    (field(language, Field::Amount, fault, None, html! {
                        input #amount name="amount" value=(typed.amount) required maxlength="24" autocomplete="off" inputmode="decimal" placeholder="0.00"
                            aria-invalid=[invalid(Field::Amount)] aria-describedby=[described_by(Field::Amount, fault, false)];
                    }))
                    (field(language, Field::CreditCurrency, fault, None, html! {
                        select #credit_currency name="credit_currency" required aria-invalid=[invalid(Field::CreditCurrency)] {
                            @for currency in &inner.config.currencies {
                                option value=(currency.code) selected[selected_currency(inner, typed) == currency.code.as_str()] { (currency.code) }
                            }
                        }
                    }))
                }
                div.field.sides role="radiogroup" aria-label=(language.amount_is()) {
                    span.label aria-hidden="true" { (language.amount_is()) }
                    @for (value, words) in [("debit", language.you_pay()), ("credit", language.they_receive())] {
                        label.side { input type="radio" name="fixed" value=(value) checked[typed.fixed == value]; span { (words) } }
                    }
                }
            }
            fieldset {
                legend { (language.details()) }
                (field(language, Field::Purpose, fault, None, html! {
                    select #purpose name="purpose" required aria-invalid=[invalid(Field::Purpose)] {
                        @for code in PURPOSES { option value=(code) selected[code == typed.purpose] { (language.purpose_words(code)) } }
                    }
                }))
                (field(language, Field::When, fault, None, html! {
                    select #when name="when" aria-invalid=[invalid(Field::When)] aria-describedby=[described_by(Field::When, fault, false)] {
                        @for (value, words) in whens(language) { option value=(value) selected[value == typed.when] { (words) } }
                    }
                    input #on name="on" type="date" value=(typed.on) aria-label=(language.on_date());
                }))
                (field(language, Field::Note, fault, None, html! {
                    input #note name="note" value=(typed.note) maxlength=(TEXT_CHARS_MAX) autocomplete="off"
                        aria-invalid=[invalid(Field::Note)] aria-describedby=[described_by(Field::Note, fault, false)];
                }))
            }
            (repeat_fields(language, repeat, fault))
            div.actions {
                button.primary type="submit" { (language.continue_()) }
                a.button href="/" { (language.cancel()) }
            }
        }
    };
    let page = Page { language, session: Some(&customer.session), title: language.pay_across(), here: "/pay", content };
    Ok(page.render(inner))
}

/// The times of execution offered.
fn whens(language: Language) -> [(&'static str, &'static str); 4] {
    [
        ("now", language.at_once()),
        ("two_hours", language.in_two_hours()),
        ("next_day", language.next_day()),
        ("date", language.on_date()),
    ]
}

/// What was chosen, or else the usual currency of the other side.
fn selected_currency<'a>(inner: &Inner, typed: &'a TypedOrder) -> &'a str {
    match typed.credit_currency.as_str() {
        "" if inner.config.bic.get(4..6) == Some("CN") => "HKD",
        "" => "CNY",
        chosen => chosen,
    }
}

async fn render_review(inner: &Inner, customer: &Customer, draft: &Outgoing, fault: Option<&str>) -> Markup {
    let language = customer.language;
    let told = inner.what_if(draft).await;
    let refused = told.as_ref().and_then(|told| told.reason.as_ref());
    let token = &customer.session.form_token;
    let left_ms = draft.quote.as_ref().map(|quote| quote.expires_at_ms.saturating_sub(inner.now_ms()));
    let content = html! {
        h1 { (language.review()) }
        @if let Some(words) = fault { p.alert role="alert" { (words) } }
        @if let Some(why) = refused { p.alert role="alert" { (language.reason_words(&why.iso)) " " span.mono { (why.iso) } } }
        section.card {
            (amounts(language, draft))
            (terms(language, draft, told.as_ref()))
            (name_check(language, &draft.payee))
            @if let Some(left_ms) = left_ms {
                (countdown(language, left_ms))
                form method="post" action={ "/pay/" (draft.uetr) "/quote" } {
                    input type="hidden" name="token" value=(token);
                    button #requote type="submit" hidden[left_ms > 0] { (language.new_quote()) }
                }
            }
            form method="post" action={ "/pay/" (draft.uetr) "/confirm" } data-once="" {
                input type="hidden" name="token" value=(token);
                @if draft.payee.needs_word() {
                    label.tick { input type="checkbox" name="acknowledged" value="yes" required; span { (language.acknowledge()) } }
                }
                p.hint { (language.final_notice()) }
                div.actions {
                    button #confirm .primary type="submit" disabled[left_ms == Some(0)] { (language.confirm_and_pay()) }
                    a.button href="/pay" { (language.back()) }
                }
            }
        }
    };
    let here = format!("/pay/{}", draft.uetr);
    Page { language, session: Some(&customer.session), title: language.review(), here: &here, content }.render(inner)
}

fn countdown(language: Language, left_ms: u64) -> Markup {
    let seconds = (left_ms / 1000).to_string();
    html! {
        p.countdown data-left-ms=(left_ms) data-words=(language.quote_left()) data-over=(language.quote_over()) {
            @if left_ms == 0 { (language.quote_over()) } @else { (fill(language.quote_left(), &[&seconds])) }
        }
        p.visually-hidden aria-live="assertive" id="quote-said" {}
    }
}

/// Both amounts, large.
pub(crate) fn amounts(language: Language, payment: &Outgoing) -> Markup {
    html! {
        div.amounts {
            div { span.label { (language.exactly_debited()) } span.big { span.code { (payment.debit.currency.code) } " " (format::grouped(payment.debit)) } }
            span.arrow aria-hidden="true" { "→" }
            div { span.label { (language.exactly_credited()) } span.big { span.code { (payment.credit.currency.code) } " " (format::grouped(payment.credit)) } }
        }
    }
}

/// What the scheme would charge for it.
fn fee_words(language: Language, told: Option<&WhatIf>) -> String {
    let Some(charges) = told.and_then(|told| told.charges.as_ref()) else { return language.no_fees().to_owned() };
    let money = |money: &ToldMoney| format!("{} {}", money.currency, money.amount);
    let mut words = Vec::new();
    if !charges.debtor.is_zero() {
        words.push(fill(language.fee_by_bank(), &[&money(&charges.debtor)]));
    }
    if !charges.creditor.is_zero() {
        words.push(fill(language.fee_by_payee(), &[&money(&charges.creditor), &money(&charges.credit_net)]));
    }
    if words.is_empty() { language.no_fees().to_owned() } else { words.join(" · ") }
}

fn quota_words(language: Language, quota: &QuotaLeft) -> String {
    let unit = quota.currency.as_deref().unwrap_or(language.payments());
    fill(language.quota_left_of(), &[unit, &quota.remaining, &quota.most, &quota.limit])
}

/// Who is paid, and where.
pub(super) fn payee_terms(language: Language, payee: &Payee) -> Markup {
    let bank = name_forms(&payee.agent, &payee.agent_name);
    html! {
        dt { (language.payee()) } dd { strong { (payee.name) } }
        dt { (language.payee_bank()) } dd { (language.name(&bank)) }
        dt { (language.account()) } dd.mono {
            @match (&payee.alias, &payee.mobile) {
                (Some(alias), _) => (alias.text),
                (None, Some(mobile)) => (mobile),
                (None, None) => (format::account(&payee.account)),
            }
        }
    }
}

fn terms(language: Language, draft: &Outgoing, told: Option<&WhatIf>) -> Markup {
    let payee = &draft.payee;
    html! {
        dl.terms {
            (payee_terms(language, payee))
            @if let Some(quote) = &draft.quote {
                @let (debit, credit) = (draft.debit.currency.code.to_string(), draft.credit.currency.code.to_string());
                dt { (language.rate()) } dd { (fill(language.rate_line(), &[&debit, &quote.rate, &credit])) }
                dt { (language.exchange_cost()) } dd { (format::with_code(quote.spread)) }
                dt { (language.exchange_provider()) } dd { (language.name(&name_forms(&quote.provider, ""))) }
            }
            dt { (language.fees()) } dd { (fee_words(language, told)) }
            @for quota in told.map_or(&[][..], |told| &told.quotas) { dt { (language.quota_left()) } dd { (quota_words(language, quota)) } }
            @if let Some(at_ms) = draft.execute_at_ms { dt { (language.when()) } dd { (format::local_time(at_ms)) } }
            dt { (language.purpose()) } dd { (language.purpose_words(&draft.purpose)) }
            @if !draft.note.is_empty() { dt { (language.note()) } dd { (draft.note) } }
            dt { (language.debit_account()) } dd.mono { (format::account(&draft.account)) }
        }
    }
}

/// What is known of the payee's name, and whether others warn of the payee.
pub(super) fn name_check(language: Language, payee: &Payee) -> Markup {
    let check = payee.check;
    let (class, sign) = match check {
        NameCheck::Match => ("check good", "✓"),
        NameCheck::Shown | NameCheck::NotAsked => ("check good", "i"),
        NameCheck::Close | NameCheck::Unavailable => ("check warn", "!"),
        NameCheck::NoMatch | NameCheck::UnknownAccount => ("check bad", "✕"),
    };
    html! {
        div class=(class) role="status" {
            span.sign aria-hidden="true" { (sign) }
            div {
                strong { (language.name_check()) ": " (language.name_check_words(check)) }
                @if let Some(masked) = &payee.masked_name { p { (fill(language.bank_shows(), &[masked])) } }
            }
        }
        @if let Some(tier) = payee.alias.as_ref().and_then(|alias| alias.warning.as_deref()) {
            p.alert role="alert" { (language.warning_words(tier)) }
        }
    }
}
