//! Accepted files, paid: a batch of lines at a time, so many payments under way at once.

use crate::books::bulk::{BulkFile, BulkLine, Turn};
use crate::books::records::{Customer, NameCheck, Outgoing, Payee};
use crate::books::{Books, BooksError};
use crate::bulk::receive::typed;
use crate::directory::name_forms;
use crate::engine;
use crate::inner::{Inner, Shared};
use crate::order::FieldFault;
use crate::service::ServiceError;
use futures_util::stream::{self, StreamExt};
use iso20022::codes::StatusReason;
use std::time::Duration;

/// Lines that are given their turn with one sync of the books.
const BATCH: usize = 128;
/// Payments of files sent at once: more wait for the centre, not for the customers at the counter.
const AT_ONCE: usize = 32;
/// Files wait while this many payments of the bank are under way: a payee's bank that books twenty a second answers as many within
/// the deadline of normal priority, and one that is faster is not held up.
const OPEN_MAX: u64 = 128;
/// How often is looked for a file, or for room, without being told.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Pays accepted files, one after the other, for ever.
pub(crate) async fn run(inner: Shared) {
    loop {
        match inner.books(Books::next_bulk_file).await {
            Ok(Some(file)) => pay_file(&inner, file).await,
            Ok(None) => {
                let _ = tokio::time::timeout(LOOK_EVERY * 4, inner.bulk_files.notified()).await;
            }
            Err(error) => {
                tracing::error!(bank = inner.config.bic, %error, "files of payments cannot be read");
                tokio::time::sleep(LOOK_EVERY * 4).await;
            }
        }
    }
}

async fn pay_file(inner: &Shared, file: BulkFile) {
    let Ok(customer) = inner.customer(&file.sign_in).await else { return tokio::time::sleep(LOOK_EVERY).await };
    let mut next = file.next_line;
    while next <= file.lines {
        match pay_some(inner, &file, next, &customer).await {
            Ok(0) => tokio::time::sleep(LOOK_EVERY).await,
            Ok(count) => next += count,
            Err(error) => {
                tracing::error!(bank = inner.config.bic, file = file.number, %error, "a file of payments does not go on");
                tokio::time::sleep(LOOK_EVERY * 4).await;
            }
        }
    }
}

/// Gives the next lines their turn; how many had it.
async fn pay_some(inner: &Shared, file: &BulkFile, next: u64, customer: &Customer) -> Result<u64, BooksError> {
    if inner.books(Books::open_payments).await? >= OPEN_MAX {
        return Ok(0);
    }
    let number = file.number;
    let lines = inner.books(move |books| books.bulk_lines(number, next, BATCH)).await?;
    let turns = stream::iter(lines).map(|(_, line, _)| turn(inner, line, customer)).buffered(AT_ONCE);
    let turns: Vec<Option<Turn>> = turns.collect().await;
    // From a line on that has to be tried again, nothing has its turn yet: the cursor does not leap.
    let turns: Vec<Turn> = turns.into_iter().map_while(|turn| turn).collect();
    let (now_ms, kept) = (inner.now_ms(), turns);
    let (sent, after) = inner
        .books(move |books| {
            let sent = books.turn_lines(number, &kept, now_ms)?;
            Ok((sent, books.bulk_file(number)?.map_or(next, |file| file.next_line)))
        })
        .await?;
    stream::iter(sent).for_each_concurrent(AT_ONCE, |uetr| engine::follow(inner, uetr)).await;
    Ok(after.saturating_sub(next))
}

/// What becomes of a line; `None` when that cannot be said now.
async fn turn(inner: &Inner, line: BulkLine, customer: &Customer) -> Option<Turn> {
    let Some(order) = line.order.as_ref().filter(|_| line.rejected.is_none()) else { return Some(Turn::Skip) };
    let reject =
        |reason: StatusReason, field: &str, words: String| Some(Turn::Reject(reason.to_string(), field.to_owned(), words));
    let read = typed(order).read(&inner.config.bic, &inner.config.currencies);
    let order = match read {
        Ok(order) => order,
        Err(fault) => return reject(StatusReason::Ff01, fault.field.key(), format!("{:?}", fault.fault)),
    };
    let agent_name = match inner.participants().await {
        Ok(all) => all.iter().find(|known| known.bic == order.agent).map(|known| name_forms(&order.agent, &known.name).en),
        Err(_) => return None,
    };
    let Some(agent_name) = agent_name else { return reject(StatusReason::Rc04, "agent", "does not take part".to_owned()) };
    let exchanged = inner.exchange(order.debit_currency, order.credit_currency, order.fixed, order.amount).await;
    let (debit, credit, quote) = match exchanged {
        Ok(exchanged) => exchanged,
        Err(ServiceError::Field(fault)) if fault.fault == FieldFault::NoQuote => {
            return reject(StatusReason::Am11, "currency", "nobody exchanges this amount now".to_owned());
        }
        Err(_) => return None,
    };
    let now_ms = inner.now_ms();
    let payment = Outgoing {
        quote,
        fixed_credit: true,
        purpose: order.purpose.clone(),
        note: order.note.clone(),
        ..Outgoing::draft(
            [inner.world.uuid().to_string(), customer.sign_in.clone(), order.account.clone()],
            [debit, credit],
            Payee {
                agent: order.agent.clone(),
                agent_name,
                account: order.payee.as_str().to_owned(),
                mobile: None,
                name: order.name.clone(),
                check: NameCheck::NotAsked,
                masked_name: None,
                alias: None,
            },
            now_ms,
        )
    };
    let message = inner.scheme.payment(&payment, customer, line.end_to_end_id.as_deref(), inner.now_ns());
    match message {
        Ok(message) => Some(Turn::Pay(Box::new(payment), message)),
        Err(error) => reject(StatusReason::Ff01, "message", error.to_string()),
    }
}
