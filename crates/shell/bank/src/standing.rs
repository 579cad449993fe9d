//! What customers do about standing orders: order, confirm, pause, resume, cancel. Pages and JSON alike use it.

use crate::aliases;
use crate::books::rhythm::{End, FIRST_DAYS_AHEAD_MAX, Plan, PlanFault, Rhythm, execution_ms, local_date, read_date};
use crate::books::standing::{StandingDecision, StandingOrder, StandingRun, StandingState};
use crate::books::{BooksError, BooksRefusal};
use crate::inner::Inner;
use crate::order::{Field, FieldFault, Order, OrderFault, TypedOrder};
use crate::service::{ServiceError, payee_of};
use banklink::FixedSide;
use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

/// Runs shown of an order.
const RUNS_SHOWN: usize = 50;

/// What was typed of a repetition, beside the payment's own fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct TypedRepeat {
    /// `once`, `daily`, `weekly` or `monthly`; nothing or `no`: the payment is not repeated.
    pub repeat: String,
    /// So many weeks or months from one date to the next; 1 if it is empty.
    #[serde(deserialize_with = "text_or_number")]
    pub every: String,
    /// The first date, as `2027-02-17`.
    pub first: String,
    /// `times`, `until` or `open`, which is also meant by nothing.
    pub ends: String,
    /// After how many due dates it ends.
    #[serde(deserialize_with = "text_or_number")]
    pub times: String,
    /// The last date.
    pub until: String,
}

/// Forms send numbers as text, programs as numbers.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Typed {
        Text(String),
        Number(u64),
    }
    Ok(match Typed::deserialize(deserializer)? {
        Typed::Text(text) => text,
        Typed::Number(number) => number.to_string(),
    })
}

const fn fault<T>(field: Field, fault: FieldFault) -> Result<T, OrderFault> {
    Err(OrderFault { field, fault })
}

impl TypedRepeat {
    /// Whether a repetition was asked for.
    pub fn is_asked(&self) -> bool {
        !matches!(self.repeat.as_str(), "" | "no")
    }

    /// Reads what was typed; stops at the first fault, in the order of the form.
    ///
    /// # Errors
    /// The field and what is wrong with it; the first date has to be ahead, by [`FIRST_DAYS_AHEAD_MAX`] days at most.
    pub fn read(&self, now_ms: u64) -> Result<Plan, OrderFault> {
        let rhythm = match self.repeat.as_str() {
            "once" => Rhythm::Once,
            "daily" => Rhythm::Daily,
            "weekly" => Rhythm::Weekly(number(&self.every, "1", Field::Every)?),
            "monthly" => Rhythm::Monthly(number(&self.every, "1", Field::Every)?),
            _ => return fault(Field::Repeat, FieldFault::NotAChoice),
        };
        let first = self.read_first(now_ms)?;
        let end = match self.ends.as_str() {
            "" | "open" => End::Open,
            _ if rhythm == Rhythm::Once => return fault(Field::Ends, FieldFault::OnceHasNoEnd),
            "times" => End::Times(number(&self.times, "", Field::Times)?),
            "until" if self.until.is_empty() => return fault(Field::Until, FieldFault::Missing),
            "until" => match read_date(&self.until) {
                Some(last) => End::Until(last),
                None => return fault(Field::Until, FieldFault::NotADate),
            },
            _ => return fault(Field::Ends, FieldFault::NotAChoice),
        };
        Plan::new(first, rhythm, end).or_else(|wrong| match wrong {
            PlanFault::Every => fault(Field::Every, FieldFault::OutOfRange),
            PlanFault::Times => fault(Field::Times, FieldFault::OutOfRange),
            PlanFault::UntilBeforeFirst => fault(Field::Until, FieldFault::BeforeFirst),
            PlanFault::UntilTooFar => fault(Field::Until, FieldFault::OutOfRange),
        })
    }

    fn read_first(&self, now_ms: u64) -> Result<Date, OrderFault> {
        if self.first.is_empty() {
            return fault(Field::First, FieldFault::Missing);
        }
        let Some(first) = read_date(&self.first) else { return fault(Field::First, FieldFault::NotADate) };
        let last = Span::new().try_days(FIRST_DAYS_AHEAD_MAX).ok().and_then(|ahead| local_date(now_ms).checked_add(ahead).ok());
        let is_ahead = execution_ms(first) > now_ms && Some(first) <= last;
        if is_ahead { Ok(first) } else { fault(Field::First, FieldFault::NotADayAhead) }
    }
}

/// A whole number of a field; `usual` if nothing was typed.
fn number<T: std::str::FromStr>(typed: &str, usual: &str, field: Field) -> Result<T, OrderFault> {
    let typed = if typed.trim().is_empty() { usual } else { typed.trim() };
    match typed {
        "" => fault(field, FieldFault::Missing),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().or_else(|_| fault(field, FieldFault::OutOfRange))
        }
        _ => fault(field, FieldFault::NotAWholeNumber),
    }
}

impl Inner {
    /// Reads a standing order, has the payee checked, and keeps it as a draft for the customer to confirm. Money is not asked for:
    /// it has to be there on each due date.
    pub(crate) async fn draft_standing(
        &self,
        sign_in: &str,
        typed: &TypedOrder,
        repeat: &TypedRepeat,
    ) -> Result<StandingOrder, ServiceError> {
        let plan = repeat.read(self.now_ms())?;
        if !matches!(typed.when.as_str(), "" | "now") {
            return Err(OrderFault { field: Field::When, fault: FieldFault::WhenOrRepeat }.into());
        }
        let found = aliases::find(self, sign_in, typed).await?;
        let order = found.as_ref().map_or(typed, |found| &found.typed).read(&self.config.bic, &self.config.currencies)?;
        let agent_name = self.payee_bank(&order.agent).await?;
        self.check_account(sign_in, &order).await?;
        let check = aliases::check(self, &order, found.as_ref()).await;
        let payee = payee_of(&order, agent_name, check, found)?;
        let now_ms = self.now_ms();
        let draft = StandingOrder {
            id: self.world.uuid().to_string(),
            sign_in: sign_in.to_owned(),
            account: order.account,
            payee,
            amount: order.amount,
            fixed_credit: order.fixed == FixedSide::Credit,
            debit_currency: order.debit_currency,
            credit_currency: order.credit_currency,
            purpose: order.purpose,
            note: order.note,
            plan,
            next: 0,
            state: StandingState::Draft,
            failures: 0,
            drafted_ms: now_ms,
            confirmed_ms: None,
            changed_ms: now_ms,
        };
        let kept = draft.clone();
        self.books(move |books| books.draft_standing(&kept)).await?;
        Ok(draft)
    }

    /// The account to debit is the customer's, open, and has the currency.
    async fn check_account(&self, sign_in: &str, order: &Order) -> Result<(), ServiceError> {
        let (customer, number) = (self.customer(sign_in).await?, order.account.clone());
        let account = self.books(move |books| books.account(&number)).await?;
        let owned = account.filter(|account| customer.accounts.contains(&account.number));
        let account = owned.ok_or(BooksError::from(BooksRefusal::NoSuchAccount))?;
        if !account.open {
            return Err(BooksError::from(BooksRefusal::AccountClosed).into());
        }
        let pot = account.pot(order.debit_currency).ok_or(BooksError::from(BooksRefusal::NoSuchCurrency));
        pot.map(|_| ()).map_err(ServiceError::from)
    }

    /// A customer's standing order.
    pub(crate) async fn standing_order(&self, sign_in: &str, id: &str) -> Result<StandingOrder, ServiceError> {
        let key = id.to_owned();
        let order = self.books(move |books| books.standing_order(&key)).await?;
        order.filter(|order| order.sign_in == sign_in).ok_or(ServiceError::NotFound)
    }

    /// A customer's standing orders that were confirmed, the one changed last first.
    pub(crate) async fn standing_orders(&self, sign_in: &str) -> Result<Vec<StandingOrder>, ServiceError> {
        let sign_in = sign_in.to_owned();
        let mut orders = self.books(move |books| books.standing_orders_of(&sign_in)).await?;
        orders.retain(|order| order.state != StandingState::Draft);
        Ok(orders)
    }

    /// What became of an order's last due dates, the latest first.
    pub(crate) async fn standing_runs(&self, order: &StandingOrder) -> Result<Vec<StandingRun>, ServiceError> {
        let id = order.id.clone();
        Ok(self.books(move |books| books.standing_runs(&id, RUNS_SHOWN)).await?)
    }

    /// Confirms a draft. Confirmed twice is one order.
    pub(crate) async fn confirm_standing(
        &self,
        sign_in: &str,
        id: &str,
        name_acknowledged: bool,
    ) -> Result<StandingOrder, ServiceError> {
        let draft = self.standing_order(sign_in, id).await?;
        if draft.state != StandingState::Draft {
            return Ok(draft);
        }
        let cool_off = aliases::cool_off_of(&draft.payee, draft.drafted_ms);
        if let Some(until_ms) = cool_off.filter(|until_ms| *until_ms > self.now_ms()) {
            return Err(ServiceError::CoolOff(until_ms));
        }
        if draft.payee.needs_word() && !name_acknowledged {
            return Err(ServiceError::NameNotAcknowledged);
        }
        let (key, now_ms) = (id.to_owned(), self.now_ms());
        let (order, confirmed) = self.books(move |books| books.confirm_standing(&key, now_ms)).await?;
        if confirmed {
            tracing::info!(bank = self.config.bic, order = order.id, "a standing order is in force");
            self.standing_changed(&order);
        }
        Ok(order)
    }

    /// What a customer decides. What is not open any more changes nothing.
    pub(crate) async fn decide_standing(
        &self,
        sign_in: &str,
        id: &str,
        decision: StandingDecision,
    ) -> Result<StandingOrder, ServiceError> {
        let order = self.standing_order(sign_in, id).await?;
        if !decision.is_open(order.state) {
            return Ok(order);
        }
        let (key, now_ms) = (id.to_owned(), self.now_ms());
        let order = self.books(move |books| books.decide_standing(&key, decision, now_ms)).await?;
        self.standing_changed(&order);
        Ok(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-12-01 in Hong Kong, ten in the morning.
    const NOW_MS: u64 = 1_796_083_200_000 + 2 * 3_600_000;

    fn typed() -> TypedRepeat {
        TypedRepeat { repeat: "monthly".into(), first: "2026-12-31".into(), ends: "open".into(), ..TypedRepeat::default() }
    }

    fn read(change: impl FnOnce(&mut TypedRepeat)) -> Result<Plan, (Field, FieldFault)> {
        let mut repeat = typed();
        change(&mut repeat);
        repeat.read(NOW_MS).map_err(|fault| (fault.field, fault.fault))
    }

    #[test]
    fn what_is_typed_is_read() {
        let plan = read(|_| {}).unwrap();
        assert_eq!((plan.rhythm(), plan.end(), plan.first().to_string()), (Rhythm::Monthly(1), End::Open, "2026-12-31".into()));
        assert_eq!(read(|r| r.every = " 3 ".into()).unwrap().rhythm(), Rhythm::Monthly(3));
        assert_eq!(read(|r| (r.repeat, r.every) = ("weekly".into(), "2".into())).unwrap().rhythm(), Rhythm::Weekly(2));
        // What does not matter for a day's rhythm is not looked at.
        assert_eq!(read(|r| (r.repeat, r.every) = ("daily".into(), "x".into())).unwrap().rhythm(), Rhythm::Daily);
        assert_eq!(read(|r| (r.ends, r.times) = ("times".into(), "12".into())).unwrap().end(), End::Times(12));
        let last = read(|r| (r.ends, r.until) = ("until".into(), "2027-12-31".into())).unwrap().last().unwrap();
        assert_eq!(last.to_string(), "2027-12-31");
        let once = read(|r| (r.repeat, r.first) = ("once".into(), "2027-12-01".into())).unwrap();
        assert_eq!((once.rhythm(), once.end()), (Rhythm::Once, End::Times(1)), "365 days ahead");
        assert!(!TypedRepeat::default().is_asked() && typed().is_asked());
        assert!(!TypedRepeat { repeat: "no".into(), ..TypedRepeat::default() }.is_asked());
    }

    #[test]
    fn every_fault_names_its_field() {
        use {Field as F, FieldFault as X};
        type Case = (fn(&mut TypedRepeat), F, X);
        let cases: [Case; 20] = [
            (|r| r.repeat = "hourly".into(), F::Repeat, X::NotAChoice),
            (|r| r.every = "0".into(), F::Every, X::OutOfRange),
            (|r| r.every = "25".into(), F::Every, X::OutOfRange),
            (|r| r.every = "256".into(), F::Every, X::OutOfRange),
            (|r| r.every = "-1".into(), F::Every, X::NotAWholeNumber),
            (|r| r.every = "1.5".into(), F::Every, X::NotAWholeNumber),
            (|r| r.first = String::new(), F::First, X::Missing),
            (|r| r.first = "31.12.2026".into(), F::First, X::NotADate),
            (|r| r.first = "2027-02-29".into(), F::First, X::NotADate),
            // Today's time has passed.
            (|r| r.first = "2026-12-01".into(), F::First, X::NotADayAhead),
            (|r| r.first = "2027-12-02".into(), F::First, X::NotADayAhead),
            (|r| r.ends = "never".into(), F::Ends, X::NotAChoice),
            (|r| (r.repeat, r.ends) = ("once".into(), "times".into()), F::Ends, X::OnceHasNoEnd),
            (|r| r.ends = "times".into(), F::Times, X::Missing),
            (|r| (r.ends, r.times) = ("times".into(), "twelve".into()), F::Times, X::NotAWholeNumber),
            (|r| (r.ends, r.times) = ("times".into(), "1001".into()), F::Times, X::OutOfRange),
            (|r| r.ends = "until".into(), F::Until, X::Missing),
            (|r| (r.ends, r.until) = ("until".into(), "soon".into()), F::Until, X::NotADate),
            (|r| (r.ends, r.until) = ("until".into(), "2026-12-30".into()), F::Until, X::BeforeFirst),
            (|r| (r.ends, r.until) = ("until".into(), "2037-01-01".into()), F::Until, X::OutOfRange),
        ];
        for (change, field, fault) in cases {
            assert_eq!(read(change), Err((field, fault)));
        }
    }
}
