//! Standing orders: payments that come again, or once on a chosen date; and what became of each due date.
//!
//! Crash note: what becomes of a due date is one transaction: the payment with its message and its reservation, the run, and
//! the next due date are all there or none is. A crash before it leaves the date due, one behind it leaves a payment under way,
//! which is taken up like any other. The payment's UETR follows from order and date ([`run_uetr`]), so that even a date that were
//! looked at twice could not be paid twice.
//!
//! # Invariants
//! BNK-06 in [`crate::books`], checked by `standing_check`.
//!
//! # Units and limits
//! Times are milliseconds since 1970 UTC, dates those of Hong Kong and Shenzhen. A customer has at most [`STANDING_ORDERS_MAX`]
//! orders in force or paused, [`DRAFTS_MAX`] drafts and [`OVER_KEPT`] orders that are over; older ones make room.

use crate::books::outgoing::reserved;
use crate::books::records::{Customer, Outgoing, Payee, stored_amount};
use crate::books::rhythm::{Plan, execution_ms, stored_date};
use crate::books::state::OutgoingState;
use crate::books::tables::{CUSTOMERS, OUTGOING, Readable, STANDING, STANDING_DUE, STANDING_OF, STANDING_RUNS, Writer};
use crate::books::{Books, BooksError, BooksRefusal, Keep};
use jiff::civil::Date;
use money::{Amount, Currency};
use serde::{Deserialize, Serialize};

/// Most standing orders of a customer in force or paused.
pub const STANDING_ORDERS_MAX: usize = 50;
/// Most drafts of a customer; the oldest makes room.
pub const DRAFTS_MAX: usize = 10;
/// Most orders of a customer kept that are over; the oldest makes room. Their payments stay in the books.
pub const OVER_KEPT: usize = 100;
/// Failures in a row after which an order pauses.
pub const FAILURES_MAX: u8 = 3;
/// The centre's reason for a payment that its own debtor took back while it waited: no failure.
const TAKEN_BACK: &str = "CUST";
/// Behind every identifier.
const END: &str = "\u{10ffff}";

/// A currency on disk: `["HKD",2]`.
mod stored_currency {
    use money::{Currency, CurrencyCode};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(currency: &Currency, serializer: S) -> Result<S::Ok, S::Error> {
        (currency.code.as_str(), currency.exponent).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Currency, D::Error> {
        let (code, exponent) = <(String, u8)>::deserialize(deserializer)?;
        let code: CurrencyCode = code.parse().map_err(D::Error::custom)?;
        Currency::new(code, exponent).map_err(D::Error::custom)
    }
}

/// Why an order pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseReason {
    /// The customer said so.
    Customer,
    /// [`FAILURES_MAX`] failures in a row.
    Failures,
    /// The alias leads to another account than the one the customer confirmed. It cannot be resumed: nobody checked that account.
    PayeeChanged,
}

/// Why an order was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelReason {
    /// The customer said so.
    Customer,
    /// The account to debit is closed or gone.
    AccountClosed,
}

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StandingState {
    /// Shown to the customer, not confirmed.
    Draft,
    /// In force: it has a next due date.
    Active,
    /// Nothing is paid for now.
    Paused(PauseReason),
    /// Over: there is no due date left.
    Ended,
    /// Over before its end.
    Cancelled(CancelReason),
}

impl StandingState {
    /// Whether it counts among the orders a customer may have.
    pub const fn is_kept(self) -> bool {
        matches!(self, Self::Active | Self::Paused(_))
    }

    /// Whether nothing will be paid any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Cancelled(_))
    }
}

/// What a customer decides of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandingDecision {
    /// Nothing is paid for now.
    Pause,
    /// It goes on with the next date ahead.
    Resume,
    /// It is over.
    Cancel,
}

impl StandingDecision {
    /// All of them, as addresses name them.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Pause, "pause"), (Self::Resume, "resume"), (Self::Cancel, "cancel")];

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(decision, _)| decision)
    }

    /// Whether it can be made of an order that stands so.
    pub const fn is_open(self, state: StandingState) -> bool {
        match self {
            Self::Pause => matches!(state, StandingState::Active),
            Self::Resume => matches!(state, StandingState::Paused(PauseReason::Customer | PauseReason::Failures)),
            Self::Cancel => state.is_kept(),
        }
    }
}

/// A standing order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingOrder {
    /// Identifier: a UUID.
    pub id: String,
    /// The customer.
    pub sign_in: String,
    /// The account to debit.
    pub account: String,
    /// For whom, as the customer confirmed it.
    pub payee: Payee,
    /// The exact amount of each payment, on the side that is fixed.
    #[serde(with = "stored_amount")]
    pub amount: Amount,
    /// Whether that is what arrives rather than what is paid.
    pub fixed_credit: bool,
    /// Currency debited.
    #[serde(with = "stored_currency")]
    pub debit_currency: Currency,
    /// Currency that arrives.
    #[serde(with = "stored_currency")]
    pub credit_currency: Currency,
    /// ISO purpose code.
    pub purpose: String,
    /// The customer's words to the payee.
    pub note: String,
    /// When it is due.
    pub plan: Plan,
    /// Number of the next due date; of every one before it there is a run.
    pub next: u32,
    /// How it stands.
    pub state: StandingState,
    /// Failures in a row.
    pub failures: u8,
    /// When it was drafted.
    pub drafted_ms: u64,
    /// When the customer confirmed it.
    pub confirmed_ms: Option<u64>,
    /// When it last changed.
    pub changed_ms: u64,
}

impl StandingOrder {
    /// The next due date of an order in force.
    pub fn next_date(&self) -> Option<Date> {
        self.plan.date(self.next).filter(|_| self.state == StandingState::Active)
    }
}

/// Why no payment was made of a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunFault {
    /// Not enough money.
    NotEnough,
    /// The account to debit is closed, or gone.
    AccountClosed,
    /// The account has no such currency any more, or the amount does not fit.
    Amount,
    /// Nobody quoted this pair and amount.
    NoQuote,
    /// Nobody is paid by the alias any more.
    UnknownPayee,
    /// The alias leads to another account than the one confirmed.
    PayeeChanged,
    /// The payee is on the scheme's warning list since the order was confirmed, or worse than then.
    PayeeWarned,
    /// A message could not be written of it.
    Message,
}

/// What became of a due date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunOutcome {
    /// A payment was made, and is under way.
    UnderWay,
    /// Paid.
    Settled,
    /// The payment was rejected; the run has the reason.
    Refused,
    /// No payment was made.
    Failed(RunFault),
    /// The bank did not work, and a later date was due when it did again.
    Missed,
    /// The order was paused.
    Skipped,
}

/// One due date, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandingRun {
    /// Number of the due date.
    pub number: u32,
    /// The date.
    #[serde(with = "stored_date")]
    pub due: Date,
    /// What became of it.
    pub outcome: RunOutcome,
    /// The payment, if one was made.
    pub uetr: Option<String>,
    /// ISO reason of a payment that was rejected.
    pub reason: Option<String>,
    /// When that was known.
    pub at_ms: u64,
}

/// What is to become of a due date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    /// A payment with its message. Its UETR is [`run_uetr`] of order and date, and it names the order.
    Pay(Box<Outgoing>, String),
    /// No payment.
    Fail(RunFault),
}

/// The UETR of the payment of a due date: the same whenever it is asked for.
pub fn run_uetr(order: &str, due: Date) -> String {
    let hash = chain::sha256(format!("standing order {order} of {due}").as_bytes()).0;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

impl Books {
    /// Keeps a draft for its customer to confirm.
    pub fn draft_standing(&self, draft: &StandingOrder) -> Result<(), BooksError> {
        self.change(Keep::Durably, |writer| {
            let customer: Option<Customer> = writer.record(CUSTOMERS, draft.sign_in.as_str())?;
            if !customer.is_some_and(|customer| customer.accounts.contains(&draft.account)) {
                return Err(BooksRefusal::NoSuchAccount.into());
            }
            make_room(writer, &draft.sign_in, |state| state == StandingState::Draft, DRAFTS_MAX)?;
            writer.put(STANDING_OF, (&draft.sign_in, &draft.id), &())?;
            writer.put(STANDING, draft.id.as_str(), draft)
        })
    }

    /// Confirms a draft. An order that was confirmed before is left as it is. The answer says how it stands and whether this call
    /// confirmed it.
    ///
    /// # Errors
    /// If the customer has [`STANDING_ORDERS_MAX`], or the first date is not ahead any more.
    pub fn confirm_standing(&self, id: &str, at_ms: u64) -> Result<(StandingOrder, bool), BooksError> {
        self.change(Keep::Durably, |writer| {
            let mut order = load(writer, id)?;
            if order.state != StandingState::Draft {
                return Ok((order, false));
            }
            let kept = orders_of(writer, &order.sign_in)?.iter().filter(|order| order.state.is_kept()).count();
            if kept >= STANDING_ORDERS_MAX {
                return Err(BooksRefusal::StandingOrdersFull.into());
            }
            if order.plan.first_ahead(0, at_ms) != Some(0) {
                return Err(BooksRefusal::FirstDatePast.into());
            }
            make_room(writer, &order.sign_in, StandingState::is_over, OVER_KEPT)?;
            order.state = StandingState::Active;
            order.confirmed_ms = Some(at_ms);
            store(writer, StandingState::Draft, &mut order, at_ms)?;
            Ok((order, true))
        })
    }

    /// A standing order.
    pub fn standing_order(&self, id: &str) -> Result<Option<StandingOrder>, BooksError> {
        self.read()?.record(STANDING, id)
    }

    /// A customer's standing orders, drafts among them, the one changed last first.
    pub fn standing_orders_of(&self, sign_in: &str) -> Result<Vec<StandingOrder>, BooksError> {
        orders_of(&self.read()?, sign_in)
    }

    /// What became of an order's due dates, the latest first, at most `limit`.
    pub fn standing_runs(&self, id: &str, limit: usize) -> Result<Vec<StandingRun>, BooksError> {
        let mut runs = Vec::new();
        self.read()?.each(STANDING_RUNS, (id, 0)..=(id, u64::MAX), true, |_, bytes| {
            runs.push(serde_json::from_slice(bytes)?);
            Ok(runs.len() < limit)
        })?;
        Ok(runs)
    }

    /// What a customer decides. What is not open changes nothing.
    ///
    /// An order that is resumed goes on with the next date ahead; dates that passed meanwhile are skipped, and one without a date
    /// ahead ends.
    pub fn decide_standing(&self, id: &str, decision: StandingDecision, at_ms: u64) -> Result<StandingOrder, BooksError> {
        self.change(Keep::Durably, |writer| {
            let mut order = load(writer, id)?;
            let before = order.state;
            if !decision.is_open(before) {
                return Ok(order);
            }
            match decision {
                StandingDecision::Pause => order.state = StandingState::Paused(PauseReason::Customer),
                StandingDecision::Cancel => order.state = StandingState::Cancelled(CancelReason::Customer),
                StandingDecision::Resume => {
                    let ahead = order.plan.first_ahead(order.next, at_ms);
                    pass_over(writer, &mut order, ahead, RunOutcome::Skipped, at_ms)?;
                    order.failures = 0;
                    order.state = if ahead.is_some() { StandingState::Active } else { StandingState::Ended };
                }
            }
            store(writer, before, &mut order, at_ms)?;
            Ok(order)
        })
    }

    /// When the next payment of any order is due; it may be long past.
    pub fn next_standing_due(&self) -> Result<Option<u64>, BooksError> {
        let mut next = None;
        self.read()?.each(STANDING_DUE, (0, "").., false, |(due_ms, _), _| {
            next = Some(due_ms);
            Ok(false)
        })?;
        Ok(next)
    }

    /// Orders that are due, at most `limit`, those due first before others: behind `after`, a time due and an identifier.
    pub fn standing_due(&self, after: (u64, &str), now_ms: u64, limit: usize) -> Result<Vec<(u64, StandingOrder)>, BooksError> {
        // A clock that was set back leaves nothing behind a date that is ahead again.
        if after.0 > now_ms {
            return Ok(Vec::new());
        }
        let reader = self.read()?;
        let mut keys = Vec::new();
        reader.each(STANDING_DUE, after..=(now_ms, END), false, |(due_ms, id), _| {
            if (due_ms, id) > after {
                keys.push((due_ms, id.to_owned()));
            }
            Ok(keys.len() < limit)
        })?;
        let found = keys.into_iter().map(|(due_ms, id)| Ok(reader.record(STANDING, id.as_str())?.map(|order| (due_ms, order))));
        found.filter_map(Result::transpose).collect()
    }

    /// What becomes of the due date of a number, in one transaction with the payment: dates before it are missed. `None`, and
    /// nothing changed, if the order does not wait for it (any more).
    ///
    /// # Errors
    /// [`BooksRefusal::Full`] if too many payments are under way: the date stays due.
    pub fn run_standing(
        &self,
        id: &str,
        number: u32,
        execution: &Execution,
        at_ms: u64,
    ) -> Result<Option<StandingRun>, BooksError> {
        self.change(Keep::Durably, |writer| {
            let Some(mut order) = writer.record::<_, StandingOrder>(STANDING, id)? else { return Ok(None) };
            let Some(due) = order.plan.date(number).filter(|due| execution_ms(*due) <= at_ms) else { return Ok(None) };
            if order.state != StandingState::Active || order.next > number {
                return Ok(None);
            }
            pass_over(writer, &mut order, Some(number), RunOutcome::Missed, at_ms)?;
            let (outcome, uetr) = match execution {
                Execution::Fail(fault) => (RunOutcome::Failed(*fault), None),
                Execution::Pay(payment, message) => pay(writer, &order, due, payment, message, at_ms)?,
            };
            let run = StandingRun { number, due, outcome, uetr, reason: None, at_ms };
            writer.put(STANDING_RUNS, (id, u64::from(number)), &run)?;
            order.next = number + 1;
            after_run(&mut order, outcome);
            store(writer, StandingState::Active, &mut order, at_ms)?;
            Ok(Some(run))
        })
    }
}

fn load(writer: &Writer, id: &str) -> Result<StandingOrder, BooksError> {
    writer.record(STANDING, id)?.ok_or_else(|| BooksRefusal::NoSuchStandingOrder.into())
}

fn orders_of<T>(reader: &T, sign_in: &str) -> Result<Vec<StandingOrder>, BooksError>
where
    T: Readable,
{
    let mut ids = Vec::new();
    reader.each(STANDING_OF, (sign_in, "")..=(sign_in, END), false, |(_, id), _| {
        ids.push(id.to_owned());
        Ok(true)
    })?;
    let mut orders: Vec<StandingOrder> = Vec::new();
    for id in ids {
        orders.extend(reader.get(STANDING, id.as_str(), |bytes| Ok(serde_json::from_slice(bytes)?))?);
    }
    orders.sort_by(|a, b| (b.changed_ms, &b.id).cmp(&(a.changed_ms, &a.id)));
    Ok(orders)
}

/// Keeps an order, and its due date while it is in force.
fn store(writer: &Writer, before: StandingState, order: &mut StandingOrder, at_ms: u64) -> Result<(), BooksError> {
    if before == StandingState::Active {
        let known: Option<StandingOrder> = writer.record(STANDING, order.id.as_str())?;
        if let Some(due) = known.and_then(|known| known.next_date()) {
            writer.remove(STANDING_DUE, (execution_ms(due), order.id.as_str()))?;
        }
    }
    if let Some(due) = order.next_date() {
        writer.put(STANDING_DUE, (execution_ms(due), &order.id), &())?;
    }
    order.changed_ms = at_ms;
    writer.put(STANDING, order.id.as_str(), order)
}

/// Forgets the oldest orders of a kind until one more has room.
fn make_room(writer: &Writer, sign_in: &str, is_kind: impl Fn(StandingState) -> bool, most: usize) -> Result<(), BooksError> {
    let orders = orders_of(writer, sign_in)?;
    for order in orders.iter().filter(|order| is_kind(order.state)).skip(most.saturating_sub(1)) {
        for number in 0..order.next {
            writer.remove(STANDING_RUNS, (&order.id, u64::from(number)))?;
        }
        writer.remove(STANDING_OF, (sign_in, order.id.as_str()))?;
        writer.remove(STANDING, order.id.as_str())?;
    }
    Ok(())
}

/// Writes down that due dates before a number, or all that are left, were not paid.
fn pass_over(
    writer: &Writer,
    order: &mut StandingOrder,
    until: Option<u32>,
    outcome: RunOutcome,
    at_ms: u64,
) -> Result<(), BooksError> {
    let passed: Vec<_> =
        order.plan.dates(order.next).take_while(|(number, _)| until.is_none_or(|until| *number < until)).collect();
    for (number, due) in passed {
        let run = StandingRun { number, due, outcome, uetr: None, reason: None, at_ms };
        writer.put(STANDING_RUNS, (&order.id, u64::from(number)), &run)?;
        order.next = number + 1;
    }
    Ok(())
}

/// Makes the payment of a due date, if there is the money. One that is there already is not made again.
fn pay(
    writer: &Writer,
    order: &StandingOrder,
    due: Date,
    payment: &Outgoing,
    message: &str,
    at_ms: u64,
) -> Result<(RunOutcome, Option<String>), BooksError> {
    let uetr = run_uetr(&order.id, due);
    assert_eq!((&payment.uetr, payment.standing.as_ref()), (&uetr, Some(&order.id)), "a payment is of its order and date");
    let known: Option<Outgoing> = writer.record(OUTGOING, uetr.as_str())?;
    match known.map(|known| known.state) {
        None | Some(OutgoingState::Draft) => {}
        Some(OutgoingState::Reserved | OutgoingState::Sent | OutgoingState::Held) => {
            return Ok((RunOutcome::UnderWay, Some(uetr)));
        }
        Some(OutgoingState::Settled) => return Ok((RunOutcome::Settled, Some(uetr))),
        Some(OutgoingState::Rejected) => return Ok((RunOutcome::Refused, Some(uetr))),
    }
    let fault = match reserved(writer, payment.clone(), message, at_ms) {
        Ok(_) => return Ok((RunOutcome::UnderWay, Some(uetr))),
        Err(BooksError::Refused(refusal)) => match refusal {
            BooksRefusal::NotEnough => RunFault::NotEnough,
            BooksRefusal::AccountClosed | BooksRefusal::NoSuchAccount => RunFault::AccountClosed,
            BooksRefusal::NoSuchCurrency | BooksRefusal::TooLarge => RunFault::Amount,
            BooksRefusal::Full
            | BooksRefusal::NoSuchPayment
            | BooksRefusal::NoSuchStandingOrder
            | BooksRefusal::StandingOrdersFull
            | BooksRefusal::FirstDatePast => return Err(refusal.into()),
        },
        Err(error) => return Err(error),
    };
    Ok((RunOutcome::Failed(fault), None))
}

/// How an order goes on behind a due date.
fn after_run(order: &mut StandingOrder, outcome: RunOutcome) {
    match outcome {
        RunOutcome::UnderWay | RunOutcome::Missed | RunOutcome::Skipped => {}
        RunOutcome::Settled => order.failures = 0,
        RunOutcome::Refused | RunOutcome::Failed(_) => order.failures = order.failures.saturating_add(1),
    }
    if order.state != StandingState::Active {
        return;
    }
    if outcome == RunOutcome::Failed(RunFault::AccountClosed) {
        order.state = StandingState::Cancelled(CancelReason::AccountClosed);
    } else if order.plan.date(order.next).is_none() {
        order.state = StandingState::Ended;
    } else if outcome == RunOutcome::Failed(RunFault::PayeeChanged) {
        order.state = StandingState::Paused(PauseReason::PayeeChanged);
    } else if order.failures >= FAILURES_MAX {
        order.state = StandingState::Paused(PauseReason::Failures);
    }
}

/// Books how the payment of a due date ended, in the transaction in which it ends.
pub(crate) fn end_run(writer: &Writer, payment: &Outgoing, at_ms: u64) -> Result<(), BooksError> {
    let Some(id) = payment.standing.as_deref() else { return Ok(()) };
    // An order that is long over may be forgotten before its last payment ends.
    let Some(mut order) = writer.record::<_, StandingOrder>(STANDING, id)? else { return Ok(()) };
    let before = order.state;
    let Some(mut run) = run_of(writer, id, &payment.uetr)? else { return Ok(()) };
    run.outcome = if payment.state == OutgoingState::Settled { RunOutcome::Settled } else { RunOutcome::Refused };
    run.reason.clone_from(&payment.reason);
    run.at_ms = at_ms;
    writer.put(STANDING_RUNS, (id, u64::from(run.number)), &run)?;
    if run.outcome == RunOutcome::Refused && run.reason.as_deref() == Some(TAKEN_BACK) {
        return Ok(());
    }
    after_run(&mut order, run.outcome);
    store(writer, before, &mut order, at_ms)
}

/// The run a payment was made of. Payments end in the order of their dates but for a few: it is among the last.
fn run_of(writer: &Writer, id: &str, uetr: &str) -> Result<Option<StandingRun>, BooksError> {
    let mut found = None;
    writer.each(STANDING_RUNS, (id, 0)..=(id, u64::MAX), true, |_, bytes| {
        let run: StandingRun = serde_json::from_slice(bytes)?;
        found = (run.uetr.as_deref() == Some(uetr)).then_some(run);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// BNK-06 over all standing orders: what contradicts it, in words.
pub(crate) fn standing_check(reader: &impl Readable) -> Result<Vec<String>, BooksError> {
    let mut orders: Vec<StandingOrder> = Vec::new();
    reader.each(STANDING, ..=END, false, |_, bytes| {
        orders.push(serde_json::from_slice(bytes)?);
        Ok(true)
    })?;
    let mut due = Vec::new();
    reader.each(STANDING_DUE, (0, "").., false, |(due_ms, id), _| {
        due.push((due_ms, id.to_owned()));
        Ok(true)
    })?;
    let mut breaks = Vec::new();
    let mut expected: Vec<_> =
        orders.iter().filter_map(|order| Some((execution_ms(order.next_date()?), order.id.clone()))).collect();
    expected.sort();
    if due != expected {
        breaks.push(format!("BNK-06: due are {due:?}, by the standing orders {expected:?}"));
    }
    for order in &orders {
        let mut number = 0;
        reader.each(STANDING_RUNS, (order.id.as_str(), 0)..=(order.id.as_str(), u64::MAX), false, |(_, key), bytes| {
            let run: StandingRun = serde_json::from_slice(bytes)?;
            if key != u64::from(number) || run.number != number || order.plan.date(number) != Some(run.due) {
                breaks.push(format!("BNK-06: run {key} of standing order {} is of {}", order.id, run.due));
            }
            number += 1;
            breaks.extend(run_break(reader, order, &run)?);
            Ok(true)
        })?;
        let has_end = order.state != StandingState::Active || order.plan.date(order.next).is_some();
        if number != order.next || !has_end {
            breaks.push(format!("BNK-06: standing order {} has {number} runs, {:?} and {}", order.id, order.state, order.next));
        }
    }
    Ok(breaks)
}

/// A run and its payment say the same.
fn run_break(reader: &impl Readable, order: &StandingOrder, run: &StandingRun) -> Result<Option<String>, BooksError> {
    let uetr = run_uetr(&order.id, run.due);
    let payment: Option<Outgoing> = reader.get(OUTGOING, uetr.as_str(), |bytes| Ok(serde_json::from_slice(bytes)?))?;
    let agrees = match (run.outcome, &payment) {
        (RunOutcome::UnderWay, Some(payment)) => payment.state.is_open(),
        (RunOutcome::Settled, Some(payment)) => payment.state == OutgoingState::Settled,
        (RunOutcome::Refused, Some(payment)) => payment.state == OutgoingState::Rejected,
        (RunOutcome::UnderWay | RunOutcome::Settled | RunOutcome::Refused, None) => false,
        (RunOutcome::Failed(_) | RunOutcome::Missed | RunOutcome::Skipped, payment) => payment.is_none(),
    };
    let names = payment.as_ref().is_none_or(|payment| payment.standing.as_ref() == Some(&order.id));
    let wrong = !agrees || !names || run.uetr.is_some() != payment.is_some() || run.uetr.as_ref().is_some_and(|own| *own != uetr);
    Ok(wrong.then(|| {
        let payment = payment.map(|payment| payment.state);
        format!("BNK-06: {} of standing order {} is {:?}, its payment {payment:?}", run.due, order.id, run.outcome)
    }))
}
