//! Signing in and out, and choosing a language.

use crate::inner::{Inner, Shared};
use crate::sample::SAMPLE_PASSWORD;
use crate::service::SignInFault;
use crate::web::layout::Page;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, LANGUAGE_COOKIE, SameSite, Visitor, session_cookie};
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

/// Sample customers listed.
const LISTED_MAX: usize = 12;

/// The form that signs in.
#[derive(Deserialize)]
pub(crate) struct SignInForm {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
}

/// A form with nothing but the session's token.
#[derive(Deserialize)]
pub(crate) struct TokenForm {
    #[serde(default)]
    pub(crate) token: String,
}

/// The sign-in page.
pub(crate) async fn page(State(inner): State<Shared>, visitor: Visitor) -> Response {
    match visitor.session {
        Some(_) => Redirect::to("/").into_response(),
        None => render(&inner, visitor.language, None, "").await.into_response(),
    }
}

/// Signs in.
pub(crate) async fn submit(State(inner): State<Shared>, visitor: Visitor, _: SameSite, Form(form): Form<SignInForm>) -> Response {
    let name: String = form.name.trim().chars().take(64).collect();
    match inner.sign_in(&name, &form.password).await {
        Ok(token) => {
            let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict", session_cookie(&inner.config.bic));
            ([(SET_COOKIE, cookie)], Redirect::to("/")).into_response()
        }
        Err(fault) => {
            let (status, words) = match fault {
                SignInFault::Wrong => (StatusCode::UNAUTHORIZED, visitor.language.sign_in_wrong()),
                SignInFault::Wait => (StatusCode::TOO_MANY_REQUESTS, visitor.language.sign_in_wait()),
            };
            (status, render(&inner, visitor.language, Some(words), &name).await).into_response()
        }
    }
}

/// Signs out.
pub(crate) async fn sign_out(
    State(inner): State<Shared>,
    visitor: Visitor,
    customer: Customer,
    _: SameSite,
    Form(form): Form<TokenForm>,
) -> Response {
    if let Err(refused) = customer.check_form(&form.token, &inner) {
        return *refused;
    }
    if let Some(token) = &visitor.token {
        inner.sessions.close(token);
    }
    let cookie = format!("{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0", session_cookie(&inner.config.bic));
    ([(SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
}

/// Where the language switch comes back to.
#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    back: String,
}

/// Remembers a language and goes back.
pub(crate) async fn language(Path(tag): Path<String>, Query(back): Query<Back>) -> Response {
    let Some(language) = Language::from_tag(&tag) else { return StatusCode::NOT_FOUND.into_response() };
    // Only a path of this site: two slashes or a backslash would leave it.
    let inside = back.back.starts_with('/') && !back.back.starts_with("//") && !back.back.contains(['\\', '\r', '\n']);
    let target = if inside && back.back.is_ascii() { back.back.as_str() } else { "/" };
    let cookie = format!("{LANGUAGE_COOKIE}={}; Path=/; SameSite=Strict; Max-Age=31536000", language.tag());
    ([(SET_COOKIE, cookie)], Redirect::to(target)).into_response()
}

async fn render(inner: &Inner, language: Language, fault: Option<&str>, name: &str) -> Markup {
    let customers = inner.books(|books| books.customers(LISTED_MAX)).await.unwrap_or_default();
    let content = html! {
        div.columns {
            section.card aria-labelledby="sign-in" {
                h1 #sign-in { (language.sign_in()) }
                @if let Some(words) = fault { p.alert role="alert" { (words) } }
                form method="post" action="/sign-in" {
                    label for="name" { (language.sign_in_name()) }
                    input #name name="name" value=(name) required autocomplete="username" autocapitalize="none" maxlength="64";
                    label for="password" { (language.password()) }
                    input #password name="password" type="password" required autocomplete="current-password" maxlength="128";
                    button.primary type="submit" { (language.sign_in()) }
                }
            }
            section.card aria-labelledby="samples" {
                h2 #samples { (language.sample_customers()) }
                p.hint { (language.sample_customers_hint()) " " (fill(language.sample_password_hint(), &[SAMPLE_PASSWORD])) }
                ul.people {
                    @for customer in &customers {
                        @let zh = language.pick("", customer.name_zh_hant.as_deref().unwrap_or(""), customer.name_zh_hans.as_deref().unwrap_or(""));
                        li {
                            form method="post" action="/sign-in" {
                                input type="hidden" name="name" value=(customer.sign_in);
                                input type="hidden" name="password" value=(SAMPLE_PASSWORD);
                                button.person type="submit" {
                                    span.face aria-hidden="true" { (initial(if zh.is_empty() { &customer.name } else { zh })) }
                                    span {
                                        strong { @if zh.is_empty() { (customer.name) } @else { (zh) } }
                                        small { (customer.sign_in) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Page { language, session: None, title: language.sign_in(), here: "/sign-in", content }.render(inner)
}

fn initial(name: &str) -> String {
    name.chars().next().map(String::from).unwrap_or_default()
}
