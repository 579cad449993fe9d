//! Answers and reports on their way to the centre: sent again, the same bytes, until the centre took or refused them.

use crate::books::Books;
use crate::books::records::OutboxMessage;
use crate::engine::Pause;
use crate::inner::Shared;
use banklink::Link;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Messages being sent at once; more wait in the books.
const SENDING_MAX: usize = 256;
/// Messages forgotten in one commit.
const DONE_BATCH: usize = 512;

/// Sends what the books left, then what comes.
pub(super) async fn run(inner: Shared, mut incoming: mpsc::UnboundedReceiver<(u64, OutboxMessage)>) {
    let (done_sender, done) = mpsc::unbounded_channel();
    inner.world.spawn(Box::pin(forget(Shared::clone(&inner), done)));
    let turns = Arc::new(Semaphore::new(SENDING_MAX));
    let mut pause = Pause::new();
    let left = loop {
        match inner.books(Books::outbox).await {
            Ok(left) => break left,
            Err(error) => tracing::error!(bank = inner.config.bic, %error, "the outbox cannot be read"),
        }
        pause.wait(None).await;
    };
    // What was booked since the channel opened may be in both.
    let newest = left.last().map_or(0, |(number, _)| *number);
    for (number, message) in left {
        dispatch(&inner, &turns, number, vec![message], &done_sender).await;
    }
    while let Some(first) = incoming.recv().await {
        for (numbers, messages) in by_payment(first, &mut incoming, newest) {
            dispatch_all(&inner, &turns, numbers, messages, &done_sender).await;
        }
    }
}

/// What is there already, messages about the same payment together so that they leave in order.
fn by_payment(
    first: (u64, OutboxMessage),
    incoming: &mut mpsc::UnboundedReceiver<(u64, OutboxMessage)>,
    newest_read: u64,
) -> Vec<(Vec<u64>, Vec<OutboxMessage>)> {
    let mut groups: BTreeMap<String, (Vec<u64>, Vec<OutboxMessage>)> = BTreeMap::new();
    let mut next = Some(first);
    while let Some((number, message)) = next {
        if number > newest_read {
            let group = groups.entry(message.uetr.clone()).or_default();
            group.0.push(number);
            group.1.push(message);
        }
        next = incoming.try_recv().ok();
    }
    groups.into_values().collect()
}

async fn dispatch(
    inner: &Shared,
    turns: &Arc<Semaphore>,
    number: u64,
    messages: Vec<OutboxMessage>,
    done: &mpsc::UnboundedSender<u64>,
) {
    dispatch_all(inner, turns, vec![number], messages, done).await;
}

async fn dispatch_all(
    inner: &Shared,
    turns: &Arc<Semaphore>,
    numbers: Vec<u64>,
    messages: Vec<OutboxMessage>,
    done: &mpsc::UnboundedSender<u64>,
) {
    let world = Arc::clone(&inner.world);
    let (inner, turns, done) = (Shared::clone(inner), Arc::clone(turns), done.clone());
    world.spawn(Box::pin(async move {
        for (number, message) in numbers.into_iter().zip(messages) {
            let wait_ms = message.not_before_ms.saturating_sub(inner.now_ms());
            if wait_ms > 0 {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            }
            let turn = turns.acquire().await.expect("the semaphore is never closed");
            send_one(&inner, &message).await;
            drop(turn);
            let _ = done.send(number);
        }
    }));
}

/// Returns when the centre took the message or will never take it.
async fn send_one(inner: &Shared, message: &OutboxMessage) {
    let mut pause = Pause::new();
    let wrong = message.wrong_signature.then(|| Link::new(inner.config.link.wrongly_signed()));
    let link = wrong.as_ref().unwrap_or(&inner.link);
    loop {
        match link.send_message(&message.xml, 0).await {
            Ok(answer) if answer.taken() => return,
            Ok(answer) if answer.status >= 500 => pause.wait(None).await,
            Ok(answer) if message.returns.is_some() => {
                tracing::warn!(bank = inner.config.bic, uetr = message.uetr, status = answer.status, "return refused");
                return book_back(inner, message).await;
            }
            Ok(answer) => {
                // Late, or against what was said before: the centre stays with what it has.
                tracing::info!(bank = inner.config.bic, uetr = message.uetr, status = answer.status, "answer not taken");
                return;
            }
            Err(error) if error.retry_later() => pause.wait(error.retry_after_ms()).await,
            Err(error) => {
                tracing::error!(bank = inner.config.bic, uetr = message.uetr, %error, "answer refused");
                return book_back(inner, message).await;
            }
        }
    }
}

/// A return the centre will never take is booked back.
async fn book_back(inner: &Shared, message: &OutboxMessage) {
    let Some(return_id) = message.returns.clone() else { return };
    let now_ms = inner.now_ms();
    if let Err(error) = inner.books(move |books| books.refuse_return(&return_id, now_ms)).await {
        tracing::error!(bank = inner.config.bic, uetr = message.uetr, %error, "a refused return stays booked until it is sent again");
    }
}

/// Forgets sent messages in batches.
async fn forget(inner: Shared, mut done: mpsc::UnboundedReceiver<u64>) {
    let mut numbers = Vec::with_capacity(DONE_BATCH);
    while done.recv_many(&mut numbers, DONE_BATCH).await > 0 {
        let batch = core::mem::take(&mut numbers);
        if let Err(error) = inner.books(move |books| books.outbox_done(&batch)).await {
            tracing::error!(bank = inner.config.bic, %error, "sent messages stay in the outbox until the next start");
        }
    }
}
