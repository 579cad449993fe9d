//! The live board: tiles, payments, participants, balances. Each panel is rendered alike for the page and for the stream.

use crate::facts::{Bank, ConsortiumFacts, ConsortiumRole, Facts, Presence};
use crate::format;
use crate::frame::Frame;
use crate::sparkline::sparkline;
use crate::words::{Word, law_word, purpose_word, rejection_word, state_word, verdict_word};
use chain::{Contradiction, ContradictionKind};
use clearing::{
    AccountView, DayView, ParticipantId, PaymentState, PaymentView, RiskDecision, RiskVerdict, SponsorshipState, SponsorshipView,
};
use maud::{Markup, html};
use risk::{Language, register};

/// The whole page.
pub(crate) fn page(language: Language, facts: &Facts, payments: &[PaymentView], position: u64) -> Markup {
    let word = |word: Word| word.text(language);
    let frame = Frame {
        language,
        path: "/",
        title: word(Word::Title),
        position: Some(position),
        status: status(language, facts.stopped),
    };
    frame.page(&html! {
        section.tiles {
            @for (id, title) in [("rate", Word::Rate), ("latency", Word::Latency), ("totals", Word::Totals), ("chain", Word::Chain)] {
                article.tile { h2 { (word(title)) } div id=(id) { (panel(language, facts, id)) } }
            }
        }
        div.columns {
            section.payments {
                h2 { (word(Word::Payments)) }
                (payments_table(language, payments))
            }
            div.side {
                section { h2 { (word(Word::Banks)) } ul #banks { (panel(language, facts, "banks")) } }
                section { h2 { (word(Word::Laws)) } ul #laws { (panel(language, facts, "laws")) } }
                div #days { (panel(language, facts, "days")) }
                div #consortium { (panel(language, facts, "consortium")) }
                div #evidence { (panel(language, facts, "evidence")) }
                section { h2 { (word(Word::Balances)) } div #balances { (panel(language, facts, "balances")) } }
            }
        }
    })
}

/// Panels that are kept up to date, by element id.
pub(crate) const PANELS: [&str; 11] =
    ["status", "rate", "latency", "totals", "chain", "banks", "balances", "laws", "days", "consortium", "evidence"];

/// A panel's inside.
pub(crate) fn panel(language: Language, facts: &Facts, id: &str) -> Markup {
    match id {
        "status" => status(language, facts.stopped),
        "rate" => rate(language, facts),
        "latency" => latency(language, facts),
        "totals" => totals(language, facts),
        "chain" => chain(language, facts),
        "banks" => banks(language, &facts.banks),
        "balances" => balances(language, facts),
        "laws" => laws(language, facts),
        "days" => days(language, &facts.days),
        "consortium" => consortium(language, facts.consortium.as_ref()),
        "evidence" => evidence(language, &facts.evidence),
        other => unreachable!("no panel {other}"),
    }
}

/// The business day of each currency and what comes next in it; nothing where there are no calendars.
fn days(language: Language, open: &[DayView]) -> Markup {
    html! {
        @if !open.is_empty() {
            section {
                h2 { (Word::BusinessDays.text(language)) }
                ul {
                    @for day in open {
                        @let (class, state, next, at) = match day.is_cut_off {
                            false => ("dot good", "open", Word::CutOffAt, day.cut_off),
                            true => ("dot idle", "cut_off", Word::ClosesAt, day.closes),
                        };
                        li data-day=(day.currency.code) data-state=(state) {
                            span class=(class) {}
                            div {
                                span.bank-name { span.code { (day.currency.code) } " " (day.date) }
                                @if let Some(at) = at { span.note { (next.text(language)) " " (format::date_clock(at.0)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Nothing for a single node.
fn consortium(language: Language, known: Option<&ConsortiumFacts>) -> Markup {
    html! {
        @if let Some(known) = known {
            @let (class, role) = match known.role {
                ConsortiumRole::Votes => ("dot good", Word::RoleVotes),
                ConsortiumRole::Silent => ("dot bad", Word::RoleSilent),
                ConsortiumRole::Follows => ("dot idle", Word::RoleFollows),
            };
            @let heard = if known.heard < known.validators { "dot bad" } else { "dot good" };
            section {
                h2 { (Word::Operators.text(language)) }
                ul {
                    li { span class=(class) {} span { (role.text(language)) } }
                    li data-heard=(known.heard) {
                        span class=(heard) {}
                        span { (Word::ValidatorsHeard.text(language)) " " (known.heard) " / " (known.validators) }
                    }
                    li { span class="dot idle" {} span { (Word::Epoch.text(language)) " " (format::grouped(known.epoch)) } }
                    li {
                        span class="dot idle" {}
                        span { (Word::CertifiedHeight.text(language)) " " (format::grouped(known.certified_height)) }
                    }
                    @for (reason, count) in &known.refusals {
                        li data-refused=(reason) {
                            span class="dot bad" {}
                            span { (Word::VotesRefused.text(language)) " " code { (reason) } " " (format::grouped(*count)) }
                        }
                    }
                }
            }
        }
    }
}

/// Proofs shown on the board; all are in the data folder.
const PROOFS_SHOWN: usize = 10;

/// Nothing where nobody is accused.
fn evidence(language: Language, proofs: &[Contradiction]) -> Markup {
    html! {
        @if !proofs.is_empty() {
            section {
                h2 { (Word::Evidence.text(language)) " " (proofs.len()) }
                p.note { (Word::EvidenceNote.text(language)) }
                ul {
                    @for proof in proofs.iter().rev().take(PROOFS_SHOWN) {
                        li {
                            span class="dot bad" {}
                            code { (&chain::Hash(proof.validator).to_string()[..16]) }
                            " " (proof.kind().map_or("", ContradictionKind::name)) " " (proof.epoch) "/" (proof.view)
                        }
                    }
                }
            }
        }
    }
}

fn status(language: Language, stopped: bool) -> Markup {
    let (class, word) = if stopped { ("dot bad", Word::Stopped) } else { ("dot good", Word::Running) };
    html! { span class=(class) {} span { (word.text(language)) } }
}

fn rate(language: Language, facts: &Facts) -> Markup {
    html! {
        p.figure { (format::grouped(facts.rate_tenths / 10)) "." (facts.rate_tenths % 10) }
        (sparkline(facts.whole_pulses(), Word::RateNote.text(language)))
        p.note { (Word::RateNote.text(language)) }
    }
}

fn latency(language: Language, facts: &Facts) -> Markup {
    let shown = |us: Option<u64>| us.map_or("–".to_owned(), format::duration);
    html! {
        p.figure { (shown(facts.p50_us)) }
        p.note { (Word::Median.text(language)) " · p50 · " (Word::RateNote.text(language)) }
        p.figure.second { (shown(facts.p99_us)) }
        p.note { (Word::Tail.text(language)) " · p99" }
    }
}

fn totals(language: Language, facts: &Facts) -> Markup {
    let (all, settled, rejected) = facts.counts;
    let held = all.saturating_sub(settled + rejected);
    html! {
        p.figure { (format::grouped(all)) }
        dl.legend {
            @for (class, word, count) in [("good", Word::Settled, settled), ("warn", Word::Held, held), ("bad", Word::Rejected, rejected)] {
                div { dt { span class={ "dot " (class) } {} (word.text(language)) } dd { (format::grouped(count)) } }
            }
        }
    }
}

fn chain(language: Language, facts: &Facts) -> Markup {
    let tip = &facts.tip;
    let hash = tip.hash.to_string();
    let root = tip.root.to_string();
    html! {
        p.figure #height { (format::grouped(tip.height)) }
        p.note { (Word::Block.text(language)) " " code title=(hash) { (&hash[..12]) } }
        p.note { @if tip.height > 0 { time { (format::date_clock(tip.time.0)) } } }
        p #checkpoint {
            a href="/checkpoint" { (Word::Checkpoint.text(language)) }
            " " (format::grouped(tip.size)) " " (Word::FinalPayments.text(language)) " "
            code title=(root) { (&root[..12]) }
        }
    }
}

fn payments_table(language: Language, payments: &[PaymentView]) -> Markup {
    let columns = [
        (Word::Time, ""),
        (Word::DebtorAgent, ""),
        (Word::CreditorAgent, ""),
        (Word::Debit, "number"),
        (Word::Credit, "number"),
        (Word::State, ""),
        (Word::Risk, ""),
    ];
    html! {
        table #payments {
            thead { tr { @for (word, class) in columns { th scope="col" class=[(!class.is_empty()).then_some(class)] { (word.text(language)) } } } }
            tbody {
                @for payment in payments { (row(language, payment)) }
                @if payments.is_empty() { tr.empty { td colspan="7" { (Word::NoPayments.text(language)) } } }
            }
        }
    }
}

/// One payment.
pub(crate) fn row(language: Language, payment: &PaymentView) -> Markup {
    html! {
        tr data-uetr=(payment.uetr) data-state=(state_name(payment)) {
            td.time { a href=(format!("/payments/{}", payment.uetr)) { (format::clock(payment.received_at.0)) } }
            td.from { (format::short_bic(payment.debtor_bic.as_str())) }
            td.to { (format::short_bic(payment.creditor_bic.as_str())) }
            td.number.debit { (format::amount(payment.debit)) " " span.code { (payment.debit.currency.code) } }
            td.number.credit { (format::amount(payment.credit)) " " span.code { (payment.credit.currency.code) } }
            td.state {
                (state_chip(language, payment))
                @if let Some(rejection) = payment.rejection {
                    span.reason title=(rejection.code()) {
                        code { (rejection.iso_reason()) } " " (rejection_word(rejection).text(language))
                    }
                }
            }
            td.risk { (risk_flag(language, payment.risk)) }
        }
    }
}

/// The state as the style sheet knows it.
pub(crate) fn state_name(payment: &PaymentView) -> &'static str {
    match payment.state {
        PaymentState::Held => "held",
        PaymentState::Settled if payment.credited => "credited",
        PaymentState::Settled => "settled",
        PaymentState::Rejected => "rejected",
    }
}

pub(crate) fn state_chip(language: Language, payment: &PaymentView) -> Markup {
    html! {
        span class={ "chip " (state_name(payment)) } { (state_word(payment.state, payment.credited).text(language)) }
    }
}

/// Verdict and names of the rules; nothing where nothing fired.
fn risk_flag(language: Language, risk: RiskDecision) -> Markup {
    let class = match risk.verdict {
        RiskVerdict::Pass => "flag",
        RiskVerdict::Review => "flag warn",
        RiskVerdict::Block => "flag bad",
    };
    let names: Vec<_> = register::fired(risk.rules).map(|rule| rule.name(language)).collect();
    html! {
        @if risk.verdict != RiskVerdict::Pass {
            span class=(class) { (verdict_word(risk.verdict).text(language)) " " (risk.score) }
        }
        @if !names.is_empty() { span.rules { (names.join(" · ")) } }
    }
}

fn banks(language: Language, banks: &[Bank]) -> Markup {
    html! {
        @for bank in banks {
            @let (class, word) = match bank.presence {
                Presence::Online => ("dot good", Word::Online),
                Presence::Offline => ("dot idle", Word::Offline),
                Presence::Away => ("dot idle", Word::Away),
                Presence::ReceiveOnly => ("dot good", Word::ReceiveOnly),
                Presence::SendOnly => ("dot good", Word::SendOnly),
                Presence::Suspended => ("dot bad", Word::Suspended),
                Presence::Joining => ("dot idle", Word::Joining),
                Presence::Left => ("dot idle", Word::Left),
            };
            li data-bic=(bank.view.bic) {
                span class=(class) title=(word.text(language)) {}
                div {
                    span.bank-name { (bank.view.name) }
                    span.note {
                        (format::short_bic(bank.view.bic.as_str()))
                        @if bank.view.provides_exchange { " · " (Word::ProvidesExchange.text(language)) }
                    }
                }
                span.presence { (word.text(language)) }
            }
        }
        @if banks.is_empty() { li.empty { (Word::NoBanks.text(language)) } }
    }
}

fn laws(language: Language, facts: &Facts) -> Markup {
    html! {
        @for status in facts.laws {
            @let (class, word) = if status.holds { ("dot good", Word::Holds) } else { ("dot bad", Word::Broken) };
            li data-law=(status.law) data-holds=(status.holds) {
                span class=(class) {}
                code { (status.law) }
                span { (law_word(status.law).text(language)) }
                span.presence.broken[!status.holds] { (word.text(language)) }
            }
        }
    }
}

fn balances(language: Language, facts: &Facts) -> Markup {
    let owners = facts.banks.iter().map(|bank| Some(bank.view.id)).chain([None]);
    let groups = owners.map(|owner| (owner, accounts_of(facts, owner), sponsored(facts, owner)));
    let groups = groups.filter(|(_, accounts, sponsored)| !accounts.is_empty() || !sponsored.is_empty());
    html! {
        table {
            thead { tr {
                @for (word, class) in [(Word::Account, ""), (Word::Posted, "number"), (Word::HeldAmount, "number"), (Word::Available, "number")] {
                    th scope="col" class=[(!class.is_empty()).then_some(class)] { (word.text(language)) }
                }
            } }
            @for (owner, accounts, sponsored) in groups {
                tbody {
                    tr.owner { th colspan="4" scope="rowgroup" { (owner_name(language, facts, owner)) } }
                    @for account in accounts { (balance_row(language, account)) }
                    @for view in sponsored { (position_row(language, facts, view)) }
                }
            }
        }
    }
}

fn accounts_of(facts: &Facts, owner: Option<ParticipantId>) -> Vec<&AccountView> {
    let mut accounts: Vec<_> = facts.accounts.iter().filter(|account| account.participant == owner).collect();
    accounts.sort_by_key(|account| (account.currency.code, account.purpose));
    accounts
}

/// What a participant has over sponsors' accounts.
fn sponsored(facts: &Facts, owner: Option<ParticipantId>) -> Vec<&SponsorshipView> {
    facts.sponsorships.iter().filter(|view| Some(view.participant) == owner).collect()
}

fn owner_name(language: Language, facts: &Facts, owner: Option<ParticipantId>) -> String {
    let bank = owner.and_then(|id| facts.banks.get(id.0 as usize));
    bank.map_or_else(|| Word::Scheme.text(language).to_owned(), |bank| bank.view.name.clone())
}

/// A position over a sponsor's account, as an account's row.
fn position_row(language: Language, facts: &Facts, view: &SponsorshipView) -> Markup {
    let shown = |minor: i128| format::balance(minor, view.currency);
    let held = i128::try_from(view.held).unwrap_or(i128::MAX);
    html! {
        tr data-sponsorship=(view.number) {
            td {
                span.code { (view.currency.code) } " " (Word::SettlesOver.text(language)) " " (owner_name(language, facts, Some(view.sponsor)))
                @if view.state == SponsorshipState::Ending { " " span.flag.warn { (Word::SponsorshipEnds.text(language)) } }
            }
            td.number { (shown(view.position)) }
            td.number.held[held > 0] { @if held > 0 { (shown(held)) } @else { "–" } }
            td.number { (shown(view.room())) }
        }
    }
}

fn balance_row(language: Language, account: &AccountView) -> Markup {
    let shown = |minor: i128| format::balance(minor, account.currency);
    html! {
        tr data-account=(account.account) {
            td { span.code { (account.currency.code) } " " (purpose_word(account.purpose, account.participant.is_none()).text(language)) }
            td.number { (shown(account.posted)) }
            td.number.held[account.held_debit > 0] { @if account.held_debit > 0 { (shown(i128::from(account.held_debit))) } @else { "–" } }
            td.number {
                @if account.is_low { span.flag.warn { (Word::Low.text(language)) } " " }
                @if account.participant.is_some() { (shown(account.available)) } @else { "–" }
            }
        }
    }
}
