//! What a customer can have done: the payee checked, a quote, a payment confirmed. Pages and JSON alike use it.

use crate::aliases::{self, Found};
use crate::books::records::{Customer, NameCheck, Outgoing, Payee, StoredQuote};
use crate::books::state::OutgoingState;
use crate::books::{BooksError, BooksRefusal};
use crate::directory::name_forms;
use crate::engine::{self, PayeeAnswer};
use crate::inner::{Inner, Shared};
use crate::order::{Field, FieldFault, Order, OrderFault, PayeeNumber, TypedOrder};
use banklink::{FixedSide, LinkError, QuoteRequest, WhatIf, WhatIfQuestion};
use iso20022::codes::PersonIdentification;
use money::Amount;

/// Why something was not done for a customer.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A field has to be changed.
    #[error("{0}")]
    Field(#[from] OrderFault),
    /// Not this customer's, or not there.
    #[error("not found")]
    NotFound,
    /// The quote ran out before it was confirmed.
    #[error("the quote ran out")]
    QuoteExpired,
    /// The customer has to say that the payee is right although the name check does not.
    #[error("the name check has to be acknowledged")]
    NameNotAcknowledged,
    /// The payee is on the warning list: to be paid from this time on, in milliseconds since 1970 UTC.
    #[error("the payee is on the warning list: wait")]
    CoolOff(u64),
    /// Too many payments under way.
    #[error("the bank is busy")]
    Busy,
    /// The centre cannot be reached or does not answer now.
    #[error("the centre is not available: {0}")]
    Centre(LinkError),
    /// Something is wrong inside the bank.
    #[error("{0}")]
    Internal(String),
}

impl From<BooksError> for ServiceError {
    fn from(error: BooksError) -> Self {
        match error {
            BooksError::Refused(refusal) => match refusal {
                BooksRefusal::NoSuchAccount => OrderFault { field: Field::From, fault: FieldFault::NotAChoice }.into(),
                BooksRefusal::NoSuchCurrency => OrderFault { field: Field::From, fault: FieldFault::NotAChoice }.into(),
                BooksRefusal::AccountClosed => OrderFault { field: Field::From, fault: FieldFault::Closed }.into(),
                BooksRefusal::NotEnough => OrderFault { field: Field::Amount, fault: FieldFault::NotEnough }.into(),
                BooksRefusal::TooLarge => OrderFault { field: Field::Amount, fault: FieldFault::TooLarge }.into(),
                BooksRefusal::NoSuchPayment | BooksRefusal::NoSuchStandingOrder => Self::NotFound,
                BooksRefusal::StandingOrdersFull => OrderFault { field: Field::Repeat, fault: FieldFault::TooManyOrders }.into(),
                BooksRefusal::FirstDatePast => OrderFault { field: Field::First, fault: FieldFault::NotADayAhead }.into(),
                BooksRefusal::Full => Self::Busy,
            },
            BooksError::Storage(_)
            | BooksError::Damaged(_)
            | BooksError::Record(_)
            | BooksError::Layout(_)
            | BooksError::Stopping => Self::Internal(error.to_string()),
        }
    }
}

impl Inner {
    /// Reads an order, has the payee checked and a quote made, and keeps it as a draft for the customer to confirm.
    pub(crate) async fn draft(&self, sign_in: &str, typed: &TypedOrder) -> Result<Outgoing, ServiceError> {
        let found = aliases::find(self, sign_in, typed).await?;
        let order = found.as_ref().map_or(typed, |found| &found.typed).read(&self.config.bic, &self.config.currencies)?;
        let agent_name = self.payee_bank(&order.agent).await?;
        let (check, exchange) = tokio::join!(
            aliases::check(self, &order, found.as_ref()),
            self.exchange(order.debit_currency, order.credit_currency, order.fixed, order.amount)
        );
        let (debit, credit, quote) = exchange?;
        self.check_funds(sign_in, &order, debit).await?;
        let execute_at_ms = order.when.at_ms(self.now_ms())?;
        let payee = payee_of(&order, agent_name, check, found)?;
        let draft = Outgoing {
            quote,
            fixed_credit: order.fixed == FixedSide::Credit,
            purpose: order.purpose,
            note: order.note,
            execute_at_ms,
            ..Outgoing::draft(
                [self.world.uuid().to_string(), sign_in.to_owned(), order.account],
                [debit, credit],
                payee,
                self.now_ms(),
            )
        };
        let kept = draft.clone();
        self.books(move |books| books.save_draft(&kept)).await?;
        Ok(draft)
    }

    /// The payee bank's English name; a bank that does not take part is a fault of the field.
    pub(crate) async fn payee_bank(&self, agent: &str) -> Result<String, ServiceError> {
        let participants = self.participants().await.map_err(ServiceError::Centre)?;
        let found = participants.iter().find(|participant| participant.bic == agent);
        let fault = OrderFault { field: Field::Agent, fault: FieldFault::NotAChoice };
        found.map(|participant| name_forms(agent, &participant.name).en).ok_or_else(|| fault.into())
    }

    async fn check_funds(&self, sign_in: &str, order: &Order, debit: Amount) -> Result<(), ServiceError> {
        let (customer, number) = (self.customer(sign_in).await?, order.account.clone());
        if !customer.accounts.contains(&number) {
            return Err(BooksError::from(BooksRefusal::NoSuchAccount).into());
        }
        let account = self.books(move |books| books.account(&number)).await?;
        let account = account.ok_or(BooksError::from(BooksRefusal::NoSuchAccount))?;
        let pot = account.pot(debit.currency).ok_or(BooksError::from(BooksRefusal::NoSuchCurrency))?;
        if pot.available() < debit.minor.0 {
            return Err(BooksError::from(BooksRefusal::NotEnough).into());
        }
        Ok(())
    }

    /// Exact debit and credit, with a quote if the currencies differ.
    pub(crate) async fn exchange(
        &self,
        debit_currency: money::Currency,
        credit_currency: money::Currency,
        fixed: FixedSide,
        amount: Amount,
    ) -> Result<(Amount, Amount, Option<StoredQuote>), ServiceError> {
        if debit_currency == credit_currency {
            return Ok((amount, amount, None));
        }
        let request = QuoteRequest { debit_currency, credit_currency, fixed, amount };
        let asked_ms = self.now_ms();
        let quote = match self.link.quote(&request).await {
            Ok(quote) => quote,
            Err(LinkError::Refused(problem)) if matches!(problem.status, 400 | 404 | 422) => {
                return Err(OrderFault { field: Field::Amount, fault: FieldFault::NoQuote }.into());
            }
            Err(error) => return Err(ServiceError::Centre(error)),
        };
        let stored = StoredQuote {
            quote_id: quote.quote_id,
            provider: quote.provider,
            rate: quote.rate.to_string(),
            spread: quote.spread,
            // From when it was asked for: never longer than the centre honours it.
            expires_at_ms: asked_ms.saturating_add(quote.expires_in_ms),
        };
        Ok((quote.debit, quote.credit, Some(stored)))
    }

    /// A new quote for a draft.
    pub(crate) async fn requote(&self, sign_in: &str, uetr: &str) -> Result<Outgoing, ServiceError> {
        let mut draft = self.payment(sign_in, uetr).await?;
        if draft.state != OutgoingState::Draft {
            return Ok(draft);
        }
        let (fixed, amount) = match draft.fixed_credit {
            true => (FixedSide::Credit, draft.credit),
            false => (FixedSide::Debit, draft.debit),
        };
        let (debit, credit, quote) = self.exchange(draft.debit.currency, draft.credit.currency, fixed, amount).await?;
        (draft.debit, draft.credit, draft.quote) = (debit, credit, quote);
        let kept = draft.clone();
        self.books(move |books| books.save_draft(&kept)).await?;
        Ok(draft)
    }

    /// A customer's payment out.
    pub(crate) async fn payment(&self, sign_in: &str, uetr: &str) -> Result<Outgoing, ServiceError> {
        let key = uetr.to_owned();
        let payment = self.books(move |books| books.outgoing(&key)).await?;
        payment.filter(|payment| payment.sign_in == sign_in).ok_or(ServiceError::NotFound)
    }

    /// A customer.
    pub(crate) async fn customer(&self, sign_in: &str) -> Result<Customer, ServiceError> {
        let key = sign_in.to_owned();
        self.books(move |books| books.customer(&key)).await?.ok_or(ServiceError::NotFound)
    }

    /// Confirms a draft and sends it. Confirmed twice is sent once.
    pub(crate) async fn confirm(
        self: &Shared,
        sign_in: &str,
        uetr: &str,
        name_acknowledged: bool,
    ) -> Result<Outgoing, ServiceError> {
        let draft = self.payment(sign_in, uetr).await?;
        if draft.state != OutgoingState::Draft {
            return Ok(draft);
        }
        if let Some(until_ms) = aliases::cool_off_until(&draft).filter(|until_ms| *until_ms > self.now_ms()) {
            return Err(ServiceError::CoolOff(until_ms));
        }
        if draft.payee.needs_word() && !name_acknowledged {
            return Err(ServiceError::NameNotAcknowledged);
        }
        if draft.quote.as_ref().is_some_and(|quote| quote.expires_at_ms <= self.now_ms()) {
            return Err(ServiceError::QuoteExpired);
        }
        let customer = self.customer(sign_in).await?;
        let message = self.scheme.payment(&draft, &customer, None, self.now_ns());
        let message = message.map_err(|error| ServiceError::Internal(error.to_string()))?;
        let key = uetr.to_owned();
        let now_ms = self.now_ms();
        let (payment, confirmed) = self.books(move |books| books.reserve(&key, &message, now_ms)).await?;
        if confirmed {
            engine::send(self, uetr.to_owned());
            self.changed(uetr);
        }
        Ok(payment)
    }

    /// Takes back a payment that waits; how it ended comes as any end does.
    pub(crate) async fn cancel(&self, sign_in: &str, uetr: &str) -> Result<(), ServiceError> {
        let payment = self.payment(sign_in, uetr).await?;
        let message = self.scheme.cancellation(crate::messages::uuid_bytes(&payment.uetr), self.now_ns());
        let message = message.map_err(|error| ServiceError::Internal(error.to_string()))?;
        match self.link.send_message(&message, 0).await {
            Ok(_) => Ok(()),
            // Too late: the page shows how it goes on.
            Err(LinkError::Refused(problem)) if matches!(problem.status, 404 | 409) => Ok(()),
            Err(error) => Err(ServiceError::Centre(error)),
        }
    }

    /// What the centre says of a draft before it is confirmed; `None` if it does not answer now.
    pub(crate) async fn what_if(&self, draft: &Outgoing) -> Option<WhatIf> {
        let customer = self.customer(&draft.sign_in).await.ok()?;
        let question = WhatIfQuestion {
            creditor_agent: &draft.payee.agent,
            debit: draft.debit,
            credit: draft.credit,
            by_company: customer.company,
            purpose: &draft.purpose,
            document: customer
                .document
                .as_deref()
                .filter(|_| !customer.company)
                .map(|number| (PersonIdentification::Nidn.as_str(), customer.country.as_str(), number)),
        };
        self.link.what_if(&question).await.ok()
    }

    /// The receipt of a settled payment: from the books, or from the centre and kept.
    pub(crate) async fn receipt(&self, payment: &Outgoing) -> Result<String, ServiceError> {
        if let Some(receipt) = &payment.receipt {
            return Ok(receipt.clone());
        }
        let receipt = self.link.receipt(&payment.uetr).await.map_err(ServiceError::Centre)?;
        let (key, text) = (payment.uetr.clone(), receipt.clone());
        self.books(move |books| books.keep_receipt(&key, &text)).await?;
        Ok(receipt)
    }

    /// Checks a password, slowly, and opens a session.
    pub(crate) async fn sign_in(&self, name: &str, password: &str) -> Result<String, SignInFault> {
        if self.sessions.must_wait(name) {
            return Err(SignInFault::Wait);
        }
        let turn = self.sessions.checks.acquire().await.expect("the semaphore is never closed");
        let (name_typed, password) = (name.to_owned(), password.to_owned());
        let right = self
            .books(move |books| {
                let customer = books.customer(&name_typed)?;
                // An unknown name takes as long as a known one.
                let hash = customer.as_ref().map_or_else(crate::PasswordHash::of_nobody, |customer| customer.password.clone());
                Ok(hash.fits(&password) && customer.is_some())
            })
            .await
            .unwrap_or(false);
        drop(turn);
        self.sessions.note_attempt(name, right);
        if right { Ok(self.sessions.open(name)) } else { Err(SignInFault::Wrong) }
    }
}

/// The payee of an order, with the account it is paid on; that there is none is a fault of the field.
pub(crate) fn payee_of(order: &Order, agent_name: String, check: PayeeAnswer, found: Option<Found>) -> Result<Payee, OrderFault> {
    let (account, mobile) = match &order.payee {
        PayeeNumber::Account(number) => (check.account.unwrap_or_else(|| number.clone()), None),
        PayeeNumber::Mobile(number) => (check.account.unwrap_or_default(), Some(number.clone())),
    };
    if check.check == NameCheck::UnknownAccount || account.is_empty() {
        let fault = if check.check == NameCheck::Unavailable { FieldFault::NoAnswer } else { FieldFault::UnknownPayee };
        return Err(OrderFault { field: Field::Payee, fault });
    }
    Ok(Payee {
        agent: order.agent.clone(),
        agent_name,
        account,
        mobile,
        name: order.name.clone(),
        check: check.check,
        masked_name: check.masked_name,
        alias: found.map(|found| found.alias),
    })
}

/// Why nobody was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignInFault {
    /// Unknown name or wrong password.
    Wrong,
    /// Too many wrong passwords; wait.
    Wait,
}
