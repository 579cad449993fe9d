//! The frame of every page.

use crate::inner::{Inner, Shared};
use crate::session::Session;
use crate::web::assets;
use crate::web::text::Language;
use crate::web::visitor::Visitor;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

/// What a page is made of.
pub(crate) struct Page<'a> {
    pub(crate) language: Language,
    pub(crate) session: Option<&'a Session>,
    pub(crate) title: &'a str,
    /// Where the language switch comes back to.
    pub(crate) here: &'a str,
    pub(crate) content: Markup,
}

impl Page<'_> {
    pub(crate) fn render(self, inner: &Inner) -> Markup {
        let language = self.language;
        let bank = language.name(&inner.config.name);
        html! {
            (DOCTYPE)
            html lang=(language.tag()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="theme-color" content=(inner.config.accent.colour());
                    title { (self.title) " · " (bank) }
                    link rel="stylesheet" href=(assets::style_url());
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="apple-touch-icon" href="/assets/icon.png";
                    link rel="manifest" href="/assets/manifest.webmanifest";
                    script defer src=(assets::script_url()) {}
                }
                body class=(inner.config.accent.class()) {
                    a.skip href="#content" { (language.skip_to_content()) }
                    header.top {
                        div.bar {
                            a.brand href="/" { span.mark aria-hidden="true" {} (bank) }
                            nav.languages aria-label=(language.language()) { (languages(language, self.here)) }
                            @if let Some(session) = self.session {
                                form method="post" action="/sign-out" {
                                    input type="hidden" name="token" value=(session.form_token);
                                    button.quiet type="submit" { (language.sign_out()) }
                                }
                            }
                        }
                    }
                    main #content tabindex="-1" { (self.content) }
                    footer {
                        p { (language.sample_notice()) }
                        p { a href="/verify" { (language.verify_title()) } }
                    }
                }
            }
        }
    }
}

fn languages(now: Language, here: &str) -> Markup {
    let href = |language: Language| format!("/language/{}?back={}", language.tag(), percent_encoded(here));
    html! {
        @for language in Language::ALL {
            @let short = language.pick("EN", "繁", "简");
            @if language == now {
                span lang=(language.tag()) aria-current="true" title=(language.own_name()) { (short) }
            } @else {
                a lang=(language.tag()) hreflang=(language.tag()) href=(href(language)) title=(language.own_name())
                    aria-label=(language.own_name()) { (short) }
            }
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// A page that says what is wrong.
pub(crate) fn problem(inner: &Inner, language: Language, session: Option<&Session>, words: &str) -> Markup {
    let content = html! {
        section.card {
            p.alert role="alert" { (words) }
            p { a.button href="/" { (language.home()) } }
        }
    };
    Page { language, session, title: words, here: "/", content }.render(inner)
}

/// The answer to an unknown path.
pub(crate) async fn not_found(State(inner): State<Shared>, visitor: Visitor) -> Response {
    let page = problem(&inner, visitor.language, visitor.session.as_ref(), visitor.language.not_found());
    (StatusCode::NOT_FOUND, page).into_response()
}
