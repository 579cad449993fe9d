//! Receipts: shown, downloaded, and verified here with public keys alone.

use crate::books::records::Outgoing;
use crate::books::state::OutgoingState;
use crate::inner::{Inner, Shared};
use crate::messages::uuid_bytes;
use crate::service::ServiceError;
use crate::web::format;
use crate::web::home::failure;
use crate::web::layout::Page;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, SameSite, Visitor};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chain::{FinalRecord, FinalState, Receipt, ReceiptError, VerifiedReceipt, VerifierKey, sha256};
use maud::{Markup, html};
use money::{Amount, Currency, CurrencyCode};
use serde::Deserialize;

/// Longest receipt looked at: sixty-four hashes, sixteen signatures.
const RECEIPT_BYTES_MAX: usize = 8 * 1024;

/// What one line of a verification found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Holds,
    Fails,
    /// Not looked at: something before it failed, or there is nothing to compare with.
    Open,
}

/// A receipt examined.
struct Examined {
    verified: Result<VerifiedReceipt, ReceiptError>,
    /// Whether it is the payment on this page; `None` for a pasted receipt.
    is_payment: Option<bool>,
    /// Whether it commits to the message this bank stored.
    is_message: Option<bool>,
}

fn examine(text: &str, keys: &[VerifierKey], payment: Option<&Outgoing>) -> Examined {
    let short = if text.len() > RECEIPT_BYTES_MAX { Err(ReceiptError::Format) } else { Receipt::parse(text) };
    let verified = short.and_then(|receipt| receipt.verify(keys));
    let record = verified.as_ref().ok().map(|verified| verified.record);
    let is_payment = payment.zip(record).map(|(payment, record)| {
        record.uetr == uuid_bytes(&payment.uetr)
            && record.debit_minor == payment.debit.minor.0
            && record.credit_minor == payment.credit.minor.0
            && record.debit_currency == payment.debit.currency.code.bytes()
            && record.credit_currency == payment.credit.currency.code.bytes()
    });
    let message = payment.and_then(|payment| payment.message.as_deref());
    let is_message = message.zip(record).map(|(message, record)| record.content == sha256(message.as_bytes()).0);
    Examined { verified, is_payment, is_message }
}

/// The receipt's page, verified as it is shown.
pub(crate) async fn page(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    let (payment, text) = match fetch(&inner, &customer, &uetr).await {
        Ok(found) => found,
        Err(error) => return pending_or(&inner, &customer, &uetr, &error),
    };
    let language = customer.language;
    let examined = examine(&text, &inner.config.checkpoint_keys, Some(&payment));
    let content = html! {
        h1 { (language.receipt()) }
        section.card.receipt {
            (verdict(language, &examined))
            dl.terms {
                dt { (language.payee()) } dd { strong { (payment.payee.name) } }
                dt { (language.purpose()) } dd { (language.purpose_words(&payment.purpose)) }
            }
            div.actions {
                a.button.primary href={ "/payments/" (payment.uetr) "/receipt.txt" } download { (language.download_receipt()) }
                a.button href={ "/payments/" (payment.uetr) } { (language.back()) }
            }
            details { summary { (language.receipt_text()) } pre tabindex="0" { (text) } }
        }
    };
    Page { language, session: Some(&customer.session), title: language.receipt(), here: &customer.here, content }
        .render(&inner)
        .into_response()
}

async fn fetch(inner: &Inner, customer: &Customer, uetr: &str) -> Result<(Outgoing, String), ServiceError> {
    let payment = inner.payment(&customer.session.sign_in, uetr).await?;
    match payment.state {
        OutgoingState::Settled | OutgoingState::Rejected => {}
        OutgoingState::Draft | OutgoingState::Reserved | OutgoingState::Sent | OutgoingState::Held => {
            return Err(ServiceError::NotFound);
        }
    }
    let text = inner.receipt(&payment).await?;
    Ok((payment, text))
}

/// A receipt that is not there yet is a page of its own, which looks again by itself.
fn pending_or(inner: &Inner, customer: &Customer, uetr: &str, error: &ServiceError) -> Response {
    let ServiceError::Centre(_) = error else { return failure(inner, customer, error) };
    let language = customer.language;
    let content = html! {
        meta http-equiv="refresh" content="2";
        section.card {
            p.alert.soft role="status" { (language.receipt_pending()) }
            a.button href={ "/payments/" (uetr) } { (language.back()) }
        }
    };
    let page = Page { language, session: Some(&customer.session), title: language.receipt(), here: &customer.here, content };
    (StatusCode::SERVICE_UNAVAILABLE, page.render(inner)).into_response()
}

/// The receipt as a file.
pub(crate) async fn download(State(inner): State<Shared>, customer: Customer, Path(uetr): Path<String>) -> Response {
    match fetch(&inner, &customer, &uetr).await {
        Ok((payment, text)) => {
            let disposition = format!("attachment; filename=\"luohu-{}.txt\"", payment.uetr);
            ([(CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()), (CONTENT_DISPOSITION, disposition)], text).into_response()
        }
        Err(error) => pending_or(&inner, &customer, &uetr, &error),
    }
}

/// A receipt to verify.
#[derive(Deserialize, Default)]
pub(crate) struct VerifyForm {
    #[serde(default)]
    receipt: String,
}

/// The page to paste a receipt.
pub(crate) async fn verify_form(State(inner): State<Shared>, visitor: Visitor) -> Markup {
    render_verify(&inner, &visitor, "", None)
}

/// Verifies what was pasted. Anybody may.
pub(crate) async fn verify_pasted(
    State(inner): State<Shared>,
    visitor: Visitor,
    _: SameSite,
    Form(form): Form<VerifyForm>,
) -> Response {
    // Browsers send line ends as CR LF, and people add blank lines.
    let text = form.receipt.replace("\r\n", "\n");
    let text = format!("{}\n", text.trim());
    let examined = examine(&text, &inner.config.checkpoint_keys, None);
    let status = if examined.verified.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, render_verify(&inner, &visitor, &text, Some(&examined))).into_response()
}

fn render_verify(inner: &Inner, visitor: &Visitor, text: &str, examined: Option<&Examined>) -> Markup {
    let language = visitor.language;
    let content = html! {
        h1 { (language.verify_title()) }
        @if let Some(examined) = examined { section.card.receipt { (verdict(language, examined)) } }
        form.card method="post" action="/verify" {
            p { (language.verify_intro()) }
            label for="receipt" { (language.receipt_text()) }
            textarea #receipt name="receipt" rows="12" required spellcheck="false" maxlength=(RECEIPT_BYTES_MAX) { (text.trim_end()) }
            div.actions { button.primary type="submit" { (language.verify()) } }
        }
    };
    let session = visitor.session.as_ref();
    Page { language, session, title: language.verify_title(), here: "/verify", content }.render(inner)
}

/// The verdict, line by line, and what the receipt says.
fn verdict(language: Language, examined: &Examined) -> Markup {
    let from = |holds: Option<bool>| match holds {
        Some(true) => Found::Holds,
        Some(false) => Found::Fails,
        None => Found::Open,
    };
    let (signature, inclusion) = match &examined.verified {
        Ok(_) => (Found::Holds, Found::Holds),
        Err(ReceiptError::Format) => (Found::Open, Found::Open),
        Err(ReceiptError::Checkpoint(_)) => (Found::Fails, Found::Open),
        Err(ReceiptError::Inclusion(_) | ReceiptError::FromTheFuture | ReceiptError::Finality(_)) => (Found::Holds, Found::Fails),
    };
    let mut lines = vec![(signature, language.check_signature()), (inclusion, language.check_inclusion())];
    if examined.is_payment.is_some() {
        lines.push((from(examined.is_payment), language.check_payment()));
        lines.push((from(examined.is_message), language.check_message()));
    }
    let good = lines.iter().all(|(found, _)| *found == Found::Holds);
    html! {
        p class=(if good { "outcome good" } else { "outcome bad" }) role="status" {
            @if good { "✓ " (language.verified()) } @else { "✕ " (language.not_verified()) }
        }
        @if let Err(error) = &examined.verified { p.alert { (error_words(language, error)) } }
        ul.checks {
            @for (found, words) in &lines {
                li class=(match found { Found::Holds => "holds", Found::Fails => "fails", Found::Open => "open" }) { (words) }
            }
        }
        @if let Ok(verified) = &examined.verified { (record(language, verified)) }
    }
}

fn error_words(language: Language, error: &ReceiptError) -> &'static str {
    match error {
        ReceiptError::Format => language.not_a_receipt(),
        ReceiptError::Checkpoint(_) => language.bad_signature(),
        ReceiptError::Inclusion(_) | ReceiptError::FromTheFuture | ReceiptError::Finality(_) => language.bad_inclusion(),
    }
}

fn record(language: Language, verified: &VerifiedReceipt) -> Markup {
    let FinalRecord { uetr, content, debtor_agent, creditor_agent, state, reason, time_ns, height, .. } = verified.record;
    let ascii = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let ended = match state {
        FinalState::Settled if verified.record.returns.is_some() => format!("{} {}", language.returned(), ascii(&reason)),
        FinalState::Settled => language.ended_settled().to_owned(),
        FinalState::Rejected => format!("{} {}", language.ended_rejected(), ascii(&reason)),
    };
    let [paid, received] = amounts(&verified.record);
    let leaf = fill(language.of_entries(), &[&(verified.index + 1).to_string(), &verified.checkpoint.size.to_string()]);
    html! {
        dl.terms {
            dt { (ended) } dd { (format::local_time(time_ns / 1_000_000)) }
            dt { (language.paid()) } dd { strong { (paid) } " · " span.mono { (ascii(&debtor_agent)) } }
            dt { (language.received()) } dd { strong { (received) } " · " span.mono { (ascii(&creditor_agent)) } }
            dt { (language.reference()) } dd.mono.small { (uuid::Uuid::from_bytes(uetr)) }
            dt { (language.block()) } dd.mono { (height) }
            dt { (language.leaf()) } dd { (leaf) }
            dt { (language.signed_by()) } dd.mono.small { (verified.checkpoint.origin) }
            dt { (language.root()) } dd.mono.small { (hex(&verified.checkpoint.root.0)) }
            dt { (language.message_hash()) } dd.mono.small { (hex(&content)) }
        }
    }
}

fn amounts(record: &FinalRecord) -> [String; 2] {
    let words = |minor: u64, code: [u8; 3], exponent: u8| {
        let currency = CurrencyCode::new(code).ok().and_then(|code| Currency::new(code, exponent).ok());
        currency.map_or_else(String::new, |currency| format::with_code(Amount::from_minor(minor, currency)))
    };
    [
        words(record.debit_minor, record.debit_currency, record.debit_exponent),
        words(record.credit_minor, record.credit_currency, record.credit_exponent),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
