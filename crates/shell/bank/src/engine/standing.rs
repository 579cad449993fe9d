//! Standing orders executed: of each due date one ordinary payment, which goes the way of every other.
//!
//! When the bank did not work over due dates, the latest of an order is paid and the earlier ones are missed: nobody wants five
//! rents at once. What needs the centre (a quote, the account of an alias) and does not get it leaves the date due, and is tried
//! again until it does or the next date has come.
//!
//! Crash note: see `books::standing`. Whatever is prepared here before the books take it is forgotten in a crash, and prepared
//! again.

use crate::aliases;
use crate::books::records::{Customer, Outgoing, Payee};
use crate::books::rhythm::execution_ms;
use crate::books::standing::{Execution, RunFault, StandingOrder, run_uetr};
use crate::books::{Books, BooksError, BooksRefusal};
use crate::engine::{self, Pause};
use crate::inner::{Inner, Shared};
use crate::order::{FieldFault, TypedOrder};
use crate::service::ServiceError;
use banklink::FixedSide;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often the clock is looked at; a payment leaves at most so much later than its time.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Orders executed in one round. The next round goes on behind the last one, so that those that have to wait hold nobody up.
const ROUND_MAX: usize = 100;

impl Inner {
    /// Tells the engine that an order has another due date.
    pub(crate) fn standing_changed(&self, order: &StandingOrder) {
        if let Some(due) = order.next_date() {
            self.standing_next_ms.fetch_min(execution_ms(due), Ordering::SeqCst);
        }
    }
}

/// Executes what is due, round by round.
pub(super) async fn run(inner: Shared) {
    let mut pause = Pause::new();
    let mut after = (0, String::new());
    loop {
        // Until something is due nobody has to read the books.
        if inner.standing_next_ms.load(Ordering::SeqCst) > inner.now_ms() {
            tokio::time::sleep(LOOK_EVERY).await;
            continue;
        }
        match round(&inner, &mut after).await {
            Ok(0) => pause = Pause::new(),
            Ok(_) => pause.wait(None).await,
            Err(error) => {
                tracing::error!(bank = inner.config.bic, %error, "standing orders cannot be read");
                pause.wait(None).await;
            }
        }
    }
}

/// One round; how many orders of it stay due.
async fn round(inner: &Shared, after: &mut (u64, String)) -> Result<usize, BooksError> {
    let (from, now_ms) = (after.clone(), inner.now_ms());
    let due = inner.books(move |books| books.standing_due((from.0, &from.1), now_ms, ROUND_MAX)).await?;
    *after = match due.last() {
        Some((due_ms, order)) if due.len() == ROUND_MAX => (*due_ms, order.id.clone()),
        Some(_) | None => (0, String::new()),
    };
    let mut left = 0;
    for (_, order) in due {
        left += usize::from(!execute(inner, &order).await?);
    }
    // Whoever changes an order from here on lowers it again.
    inner.standing_next_ms.store(u64::MAX, Ordering::SeqCst);
    let next = match inner.books(Books::next_standing_due).await {
        Ok(next) => next.unwrap_or(u64::MAX),
        Err(error) => {
            inner.standing_next_ms.store(0, Ordering::SeqCst);
            return Err(error);
        }
    };
    inner.standing_next_ms.fetch_min(next, Ordering::SeqCst);
    Ok(left)
}

/// Executes an order's latest due date; `false` if it has to wait.
async fn execute(inner: &Shared, order: &StandingOrder) -> Result<bool, BooksError> {
    // A clock that was set back meanwhile.
    let Some(number) = order.plan.latest_due(order.next, inner.now_ms()) else { return Ok(false) };
    let Some(execution) = prepare(inner, order, number).await else { return Ok(false) };
    let (id, now_ms) = (order.id.clone(), inner.now_ms());
    let ran = match inner.books(move |books| books.run_standing(&id, number, &execution, now_ms)).await {
        Ok(ran) => ran,
        Err(BooksError::Refused(BooksRefusal::Full)) => return Ok(false),
        Err(error) => return Err(error),
    };
    if let Some(run) = ran {
        tracing::info!(bank = inner.config.bic, order = order.id, due = %run.due, outcome = ?run.outcome, "a standing order ran");
        if let Some(uetr) = run.uetr {
            engine::send(inner, uetr.clone());
            inner.changed(&uetr);
        }
    }
    Ok(true)
}

/// What becomes of a due date, but for the money, which the books know; `None` if it has to wait.
async fn prepare(inner: &Inner, order: &StandingOrder, number: u32) -> Option<Execution> {
    let customer = inner.customer(&order.sign_in).await.ok()?;
    match payment(inner, order, number).await {
        Ok(payment) => Some(written(inner, payment, &customer)),
        Err(Unready::Fault(fault)) => Some(Execution::Fail(fault)),
        Err(Unready::Later(error)) => {
            tracing::info!(bank = inner.config.bic, order = order.id, %error, "a standing order waits for the centre");
            None
        }
    }
}

fn written(inner: &Inner, payment: Outgoing, customer: &Customer) -> Execution {
    match inner.scheme.payment(&payment, customer, None, inner.now_ns()) {
        Ok(message) => Execution::Pay(Box::new(payment), message),
        Err(error) => {
            tracing::error!(bank = inner.config.bic, uetr = payment.uetr, %error, "a payment could not be written");
            Execution::Fail(RunFault::Message)
        }
    }
}

/// Why there is no payment of a due date.
enum Unready {
    /// There will be none.
    Fault(RunFault),
    /// Not yet.
    Later(ServiceError),
}

/// The payment of a due date.
async fn payment(inner: &Inner, order: &StandingOrder, number: u32) -> Result<Outgoing, Unready> {
    let Some(due) = order.plan.date(number) else { return Err(Unready::Fault(RunFault::Message)) };
    let payee = payee_now(inner, order).await?;
    let fixed = if order.fixed_credit { FixedSide::Credit } else { FixedSide::Debit };
    let (debit, credit, quote) = match inner.exchange(order.debit_currency, order.credit_currency, fixed, order.amount).await {
        Ok(exchanged) => exchanged,
        Err(ServiceError::Field(fault)) if fault.fault == FieldFault::NoQuote => {
            return Err(Unready::Fault(RunFault::NoQuote));
        }
        Err(error) => return Err(Unready::Later(error)),
    };
    Ok(Outgoing {
        quote,
        standing: Some(order.id.clone()),
        fixed_credit: order.fixed_credit,
        purpose: order.purpose.clone(),
        note: order.note.clone(),
        ..Outgoing::draft(
            [run_uetr(&order.id, due), order.sign_in.clone(), order.account.clone()],
            [debit, credit],
            payee,
            inner.now_ms(),
        )
    })
}

/// The payee as confirmed. An alias is looked up again: it must lead to the account the customer confirmed, and not have come
/// onto the warning list since, for nobody would read the warning.
async fn payee_now(inner: &Inner, order: &StandingOrder) -> Result<Payee, Unready> {
    let Some(alias) = &order.payee.alias else { return Ok(order.payee.clone()) };
    let typed = TypedOrder { payee: alias.text.clone(), name: order.payee.name.clone(), ..TypedOrder::default() };
    let found = match aliases::find(inner, &order.sign_in, &typed).await {
        Ok(Some(found)) => found,
        Ok(None) => return Err(Unready::Fault(RunFault::UnknownPayee)),
        Err(ServiceError::Field(fault)) if matches!(fault.fault, FieldFault::UnknownAlias | FieldFault::NotANumber) => {
            return Err(Unready::Fault(RunFault::UnknownPayee));
        }
        Err(ServiceError::Field(fault)) if fault.fault == FieldFault::Blocked => {
            return Err(Unready::Fault(RunFault::PayeeWarned));
        }
        Err(error) => return Err(Unready::Later(error)),
    };
    if (&found.typed.agent, &found.typed.payee) != (&order.payee.agent, &order.payee.account) {
        return Err(Unready::Fault(RunFault::PayeeChanged));
    }
    if found.alias.warning.is_some() && found.alias.warning != alias.warning {
        return Err(Unready::Fault(RunFault::PayeeWarned));
    }
    Ok(Payee { alias: Some(found.alias), ..order.payee.clone() })
}
