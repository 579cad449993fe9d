//! One payment's page: what it is, how it went, why, and its receipt.

use crate::board::{state_chip, state_name};
use crate::format;
use crate::frame::Frame;
use crate::words::{Word, rejection_word, verdict_word};
use clearing::{ParticipantId, ParticipantView, PaymentState, PaymentView};
use maud::{Markup, html};
use risk::{Language, register};

/// What the page shows.
pub(crate) struct PaymentPage<'a> {
    pub(crate) language: Language,
    pub(crate) payment: &'a PaymentView,
    pub(crate) participants: &'a [ParticipantView],
    pub(crate) receipt: Option<String>,
}

impl PaymentPage<'_> {
    pub(crate) fn render(&self) -> Markup {
        let (language, payment) = (self.language, self.payment);
        let path = format!("/payments/{}", payment.uetr);
        let frame =
            Frame { language, path: &path, title: Word::Payment.text(language), position: None, status: Markup::default() };
        frame.page(&html! {
            p.back { a href="/" { "← " (self.word(Word::Back)) } }
            section.payment data-uetr=(payment.uetr) data-state=(state_name(payment)) {
                h1 { (self.word(Word::Payment)) " " (state_chip(language, payment)) }
                p.uetr { code { (payment.uetr) } }
                (self.parties())
            }
            div.halves {
                section { h2 { (self.word(Word::Timeline)) } (self.timeline()) }
                section { h2 { (self.word(Word::Risk)) } (self.risk()) }
            }
            section { h2 { (self.word(Word::Receipt)) } (self.receipt()) }
        })
    }

    fn word(&self, word: Word) -> &'static str {
        word.text(self.language)
    }

    fn parties(&self) -> Markup {
        let payment = self.payment;
        let sides = [
            (Word::DebtorAgent, payment.debtor_agent, payment.debtor_bic, Word::Debit, payment.debit),
            (Word::CreditorAgent, payment.creditor_agent, payment.creditor_bic, Word::Credit, payment.credit),
        ];
        html! {
            div.sides {
                @for (agent, id, bic, side, amount) in sides {
                    dl {
                        dt { (self.word(agent)) }
                        dd { (self.name(id)) " " code { (format::short_bic(bic.as_str())) } }
                        dt { (self.word(side)) }
                        dd.figure { (format::amount(amount)) " " span.code { (amount.currency.code) } }
                    }
                }
            }
            dl.small {
                @if let Some(quote) = payment.quote { dt { (self.word(Word::Quote)) } dd { code { (quote) } } }
                @if let Some(preauth) = payment.captured_from { dt { (self.word(Word::CapturedFrom)) } dd { code { (preauth) } } }
                dt { (self.word(Word::MessageHash)) }
                dd { code { (format!("{:?}", payment.content)) } }
            }
        }
    }

    fn name(&self, id: ParticipantId) -> &str {
        self.participants.get(id.0 as usize).map_or("", |view| view.name.as_str())
    }

    fn timeline(&self) -> Markup {
        let payment = self.payment;
        let first = match (payment.captured_from, payment.forwarded_position) {
            (Some(_), _) => Word::Captured,
            (None, Some(_)) => Word::Received,
            (None, None) => Word::ReceivedOnly,
        };
        html! {
            ol.timeline {
                li.done { h3 { (self.word(first)) } p { time { (format::date_clock(payment.received_at.0)) } } }
                @if let Some(position) = payment.forwarded_position {
                    li.done {
                        h3 { (self.word(Word::Asked)) }
                        p { (self.word(Word::Event)) " " (position.0) " · " (self.word(Word::AnswerBy)) " " (format::clock(payment.deadline.0)) }
                    }
                }
                (self.end())
                @if let Some(position) = payment.credited_position {
                    li.done { h3 { (self.word(Word::CreditedAt)) } p { (self.word(Word::Event)) " " (position.0) } }
                }
            }
        }
    }

    fn end(&self) -> Markup {
        let payment = self.payment;
        let Some(finality) = payment.finality else {
            return html! { li.waiting { h3 { (self.word(Word::Waiting)) } } };
        };
        let (class, word) = match payment.state {
            PaymentState::Held | PaymentState::Settled => ("done", Word::SettledAt),
            PaymentState::Rejected => ("failed", Word::RejectedAt),
        };
        let took_us = finality.at.0.saturating_sub(payment.received_at.0) / 1000;
        html! {
            li class=(class) {
                h3 { (self.word(word)) }
                @if let Some(rejection) = payment.rejection {
                    p.reason {
                        code { (rejection.iso_reason()) } " " (rejection_word(rejection).text(self.language)) " " code { (rejection.code()) }
                    }
                }
                p { time { (format::date_clock(finality.at.0)) } " · " (self.word(Word::After)) " " (format::duration(took_us)) }
                p {
                    (self.word(Word::Block)) " " (format::grouped(finality.height)) " · " (self.word(Word::Event)) " "
                    (finality.position.0) " · " (self.word(Word::Leaf)) " " (finality.leaf_index)
                }
            }
        }
    }

    fn risk(&self) -> Markup {
        let risk = self.payment.risk;
        html! {
            p { (verdict_word(risk.verdict).text(self.language)) " · " (self.word(Word::Score)) " " (risk.score) }
            @if risk.rules == 0 { p.note { (self.word(Word::NoFindings)) } }
            dl.findings {
                @for rule in register::fired(risk.rules) {
                    dt { code { (rule.code) } " " (rule.name(self.language)) }
                    dd { (rule.text(self.language)) }
                }
            }
        }
    }

    fn receipt(&self) -> Markup {
        match &self.receipt {
            Some(text) => html! { pre #receipt { (text) } p.note { (self.word(Word::ReceiptNote)) } },
            None => html! { p.note { (self.word(Word::NoReceipt)) } },
        }
    }
}
