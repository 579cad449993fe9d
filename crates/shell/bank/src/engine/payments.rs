//! Payments out: sent until the centre has them, asked about (`pacs.028`) when in doubt, never guessed.
//!
//! Crash note: a payment is stored with its message before it leaves. After a start every payment under way counts as in
//! doubt: the centre is asked, and only if it does not know the payment the same bytes are sent again.

use crate::books::records::Outgoing;
use crate::books::state::{OutgoingEvent, OutgoingState};
use crate::books::{Books, OutgoingUpdate};
use crate::engine::Pause;
use crate::inner::{Inner, Shared};
use crate::messages::{Read, outgoing_event, read};
use banklink::{Answer, LinkError};
use planted::{Bug, planted};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often payments that are held are looked at.
const WATCH_EVERY: Duration = Duration::from_secs(3);
/// A payment held this long without an end is asked about; the centre's deadlines are shorter.
const ASK_AFTER_MS: u64 = 25_000;
/// Questions asked in one look.
const ASKED_MAX: usize = 32;
/// After a definite no to a message that may have arrived before, the centre is asked again this much later.
const SECOND_THOUGHT: Duration = Duration::from_secs(5);

/// What the centre said to a message or a question.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Said {
    /// How the payment stands.
    Status(OutgoingUpdate),
    /// It does not know the payment.
    Unknown,
    /// It will never take this message.
    Never { reason: Option<String>, text: Option<String> },
    /// Nothing that helps; later again.
    Later(Option<u64>),
    /// Nothing was heard of a message that may have arrived.
    InDoubt,
}

/// Sends a payment and follows it until the centre holds it or it is final. Runs in a task of its own.
pub(crate) fn send(inner: &Shared, uetr: String) {
    let world = Arc::clone(&inner.world);
    let inner = Shared::clone(inner);
    world.spawn(Box::pin(async move { follow(&inner, uetr).await }));
}

/// Takes up what was under way at the start, then watches over payments that are held.
pub(super) async fn resume_and_watch(inner: Shared) {
    let now = inner.now_ms();
    let _ = inner.books(move |books| books.forget_drafts(now)).await;
    for uetr in open_payments(&inner).await {
        note(&inner, &uetr, OutgoingUpdate::plain(OutgoingEvent::LeftInDoubt, inner.now_ms())).await;
        send(&inner, uetr);
    }
    let mut asked = BTreeMap::new();
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        watch(&inner, &mut asked).await;
    }
}

async fn open_payments(inner: &Inner) -> Vec<String> {
    inner.books(Books::outgoing_open).await.unwrap_or_else(|error| {
        tracing::error!(bank = inner.config.bic, %error, "payments under way cannot be read");
        Vec::new()
    })
}

/// Asks about payments held too long, each again after the same time.
async fn watch(inner: &Inner, asked: &mut BTreeMap<String, u64>) {
    let open = open_payments(inner).await;
    asked.retain(|uetr, _| open.contains(uetr));
    let mut questions = 0;
    for uetr in open {
        let Some(payment) = load(inner, &uetr).await else { continue };
        let Some(held_ms) = payment.times.held_ms.filter(|_| payment.state == OutgoingState::Held) else { continue };
        let since = asked.get(&uetr).copied().unwrap_or(held_ms);
        if since + ASK_AFTER_MS > inner.now_ms() || questions >= ASKED_MAX {
            continue;
        }
        questions += 1;
        asked.insert(uetr.clone(), inner.now_ms());
        if let Said::Status(update) = enquire(inner, &uetr).await {
            note(inner, &uetr, update).await;
        }
    }
}

/// Sends a payment and follows it until the centre holds it or it is final.
pub(crate) async fn follow(inner: &Inner, uetr: String) {
    let uetr = uetr.as_str();
    let mut pause = Pause::new();
    let mut second_thought = false;
    loop {
        let Some(payment) = load(inner, uetr).await else { return };
        let Some(message) = &payment.message else { return };
        let in_doubt = match payment.state {
            OutgoingState::Reserved => false,
            OutgoingState::Sent => true,
            OutgoingState::Draft | OutgoingState::Held | OutgoingState::Settled | OutgoingState::Rejected => return,
        };
        let mut said = if in_doubt { enquire(inner, uetr).await } else { Said::Unknown };
        if said == Said::Unknown {
            said = hear(inner, inner.link.send_message(message, 0).await);
        }
        tracing::debug!(bank = inner.config.bic, uetr, in_doubt, ?said, "the centre says");
        match said {
            Said::Status(update) => note(inner, uetr, update).await,
            Said::InDoubt => {
                note(inner, uetr, OutgoingUpdate::plain(OutgoingEvent::LeftInDoubt, inner.now_ms())).await;
                pause.wait(None).await;
            }
            Said::Later(at_least_ms) => pause.wait(at_least_ms).await,
            // A copy may still be on its way: ask once more before the money is released.
            Said::Never { .. } if in_doubt && !second_thought => {
                second_thought = true;
                tokio::time::sleep(SECOND_THOUGHT).await;
            }
            Said::Never { reason, text } => {
                let event = OutgoingEvent::RefusedAtDoor;
                note(
                    inner,
                    uetr,
                    OutgoingUpdate { event, reason, reason_text: text, waits: None, charge: None, at_ms: inner.now_ms() },
                )
                .await;
            }
            Said::Unknown => pause.wait(None).await,
        }
    }
}

async fn load(inner: &Inner, uetr: &str) -> Option<Outgoing> {
    let key = uetr.to_owned();
    match inner.books(move |books| books.outgoing(&key)).await {
        Ok(payment) => payment,
        Err(error) => {
            tracing::error!(bank = inner.config.bic, uetr, %error, "a payment cannot be read");
            None
        }
    }
}

/// Books what is known now. If the books fail, what was said is said again: by asking, or through the inbox.
async fn note(inner: &Inner, uetr: &str, update: OutgoingUpdate) {
    let key = uetr.to_owned();
    match inner.books(move |books| books.update_outgoing(&key, &update)).await {
        Ok(_) => inner.changed(uetr),
        Err(error) => {
            tracing::error!(bank = inner.config.bic, uetr, %error, "a payment could not be booked");
            tokio::time::sleep(super::PAUSE_MAX).await;
        }
    }
}

async fn enquire(inner: &Inner, uetr: &str) -> Said {
    let Ok(question) = inner.scheme.enquiry(uetr, inner.now_ns()) else { return Said::Later(None) };
    match inner.link.send_message(&question, 0).await {
        Ok(answer) if answer.status == 404 => Said::Unknown,
        Ok(answer) => match hear(inner, Ok(answer)) {
            // The question was refused, not the payment.
            Said::Never { .. } | Said::InDoubt => Said::Later(None),
            said @ (Said::Status(_) | Said::Unknown | Said::Later(_)) => said,
        },
        Err(LinkError::Refused(problem)) if problem.status == 404 => Said::Unknown,
        Err(error) => Said::Later(error.retry_after_ms()),
    }
}

/// What an answer to a payment or a question means.
fn hear(inner: &Inner, answer: Result<Answer, LinkError>) -> Said {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if planted(Bug::DoubtTakenForNo) && error.in_doubt() => return Said::Never { reason: None, text: None },
        Err(error) if error.in_doubt() => return Said::InDoubt,
        Err(error) if error.retry_later() => return Said::Later(error.retry_after_ms()),
        Err(error) => return Said::Never { reason: None, text: Some(error.to_string()) },
    };
    match (answer.message().map(read), answer.status) {
        (Some(Ok(Read::Status(status))), 200..300) => Said::Status(OutgoingUpdate {
            event: outgoing_event(status.status),
            reason: status.reason.clone(),
            reason_text: status.information.clone(),
            waits: status.information.clone().filter(|_| status.status == iso20022::view::TransactionStatus::Pending),
            charge: status.charges.first().map(|(amount, _)| *amount),
            at_ms: inner.now_ms(),
        }),
        (Some(Ok(Read::Status(status))), 400..500) => {
            Said::Never { reason: status.reason.clone(), text: status.information.clone() }
        }
        (Some(Ok(Read::Rejection(code, text))), 400..500) => Said::Never { reason: None, text: Some(format!("{code} {text}")) },
        (_, 200..300) => Said::InDoubt,
        (_, _) => Said::Later(None),
    }
}
