//! What every page has: head, heading, the choice of language.

use crate::language::{ALL, FIELD, own_name, tag};
use crate::words::Word;
use maud::{DOCTYPE, Markup, html};
use risk::Language;

/// A page's frame.
pub(crate) struct Frame<'a> {
    pub(crate) language: Language,
    /// Where the language links lead.
    pub(crate) path: &'a str,
    pub(crate) title: &'a str,
    /// Up to where the board knows the chain, for the script; `None` for pages that stand still.
    pub(crate) position: Option<u64>,
    pub(crate) status: Markup,
}

impl Frame<'_> {
    /// The page around its content.
    pub(crate) fn page(&self, content: &Markup) -> Markup {
        let language = self.language;
        html! {
            (DOCTYPE)
            html lang=(tag(language)) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="dark";
                    meta name="theme-color" content="#0a0f14";
                    title { (self.title) " · " (Word::Brand.text(language)) }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/board.css";
                    @if self.position.is_some() { script src="/assets/board.js" defer {} }
                }
                body data-position=[self.position] data-rows-max=(crate::ROWS_MAX) {
                    (self.heading())
                    p.lost-note role="status" { (Word::LinkLost.text(language)) }
                    main { (content) }
                    footer {
                        span { (Word::TimeZone.text(language)) }
                        a href="/metrics" { (Word::Metrics.text(language)) }
                        a href="/checkpoint" { (Word::Checkpoint.text(language)) }
                    }
                }
            }
        }
    }

    fn heading(&self) -> Markup {
        let language = self.language;
        html! {
            header {
                a.brand href="/" {
                    img src="/assets/icon.svg" alt="" width="30" height="30";
                    span.brand-name { (Word::Brand.text(language)) }
                    span.brand-note { (Word::Title.text(language)) " · " (Word::Subtitle.text(language)) }
                }
                div #status { (self.status) }
                nav aria-label=(Word::Language.text(language)) {
                    @for other in ALL {
                        a data-lang=(tag(other)) lang=(tag(other)) href=(format!("{}?{FIELD}={}", self.path, tag(other)))
                            aria-current=[(other == language).then_some("true")] { (own_name(other)) }
                    }
                }
            }
        }
    }
}

/// A page that says one thing.
pub(crate) fn notice(language: Language, word: Word) -> Markup {
    let frame = Frame { language, path: "/", title: Word::Title.text(language), position: None, status: Markup::default() };
    frame.page(&html! {
        section.notice {
            p { (word.text(language)) }
            p { a href="/" { "← " (Word::Back.text(language)) } }
        }
    })
}
