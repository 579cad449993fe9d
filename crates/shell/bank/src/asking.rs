//! Asking somebody at another bank to pay a customer of this one, and how that stands.
//!
//! Crash note: what was asked is kept in memory and is gone after a restart; the centre still has it, and money that comes is
//! booked as any payment is.

use crate::books::records::Customer;
use crate::inner::Inner;
use crate::order::{Field, FieldFault, OrderFault};
use crate::service::ServiceError;
use iso20022::view::{AccountView, AddressView, PartyView, PaymentRequestView, RequestReportView, RequestStatus};
use money::{Amount, AmountError};
use serde::Deserialize;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Requests remembered; the oldest makes room.
const ASKED_MAX: usize = 1_000;
/// Longest time to pay: a day.
const LIFE_S_MAX: u64 = 86_400;

/// What a customer types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TypedRequest {
    /// BIC of the debtor's bank.
    pub agent: String,
    /// The debtor's account.
    pub debtor: String,
    /// The debtor's name.
    pub name: String,
    /// What is asked, decimal text.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// Words to the debtor.
    #[serde(default)]
    pub note: String,
    /// How long the debtor has, in seconds; at most a day.
    #[serde(default = "an_hour")]
    pub life_s: u64,
}

const fn an_hour() -> u64 {
    3600
}

/// A request of a customer of this bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Its UETR.
    pub uetr: String,
    /// The customer.
    pub sign_in: String,
    /// What was asked.
    pub amount: Amount,
    /// How it stands.
    pub status: RequestStatus,
    /// ISO reason of a refusal.
    pub reason: Option<String>,
}

/// The last requests, by UETR.
#[derive(Debug, Default)]
pub(crate) struct RequestBook(Mutex<(BTreeMap<String, Asked>, VecDeque<String>)>);

impl RequestBook {
    fn put(&self, asked: Asked) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (by_uetr, in_order) = &mut *book;
        in_order.push_back(asked.uetr.clone());
        by_uetr.insert(asked.uetr.clone(), asked);
        if in_order.len() > ASKED_MAX
            && let Some(oldest) = in_order.pop_front()
        {
            by_uetr.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, uetr: &str) -> Option<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.get(uetr).cloned()
    }

    /// What the centre told.
    pub(crate) fn note(&self, report: &RequestReportView) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = book.0.get_mut(&report.uetr_text()) {
            asked.status = report.status;
            asked.reason.clone_from(&report.reason);
        }
    }
}

impl Inner {
    /// Asks, and tells how it stands at the centre.
    pub(crate) async fn ask_to_pay(&self, sign_in: &str, typed: &TypedRequest) -> Result<Asked, ServiceError> {
        let fault = |field, fault| ServiceError::from(OrderFault { field, fault });
        let currency = self.config.currencies.iter().find(|known| known.code.as_str() == typed.currency).copied();
        let currency = currency.ok_or_else(|| fault(Field::CreditCurrency, FieldFault::NotAChoice))?;
        let amount = Amount::parse(&typed.amount, currency).map_err(|error| fault(Field::Amount, amount_fault(error)))?;
        if amount.minor.is_zero() {
            return Err(fault(Field::Amount, FieldFault::Zero));
        }
        if typed.agent == self.config.bic {
            return Err(fault(Field::Agent, FieldFault::SameBank));
        }
        let customer = self.customer(sign_in).await?;
        let account = self.account_in(&customer, currency).await?;
        let account = account.ok_or_else(|| fault(Field::CreditCurrency, FieldFault::NotAChoice))?;
        let view = self.request_of(typed, &customer, account, amount);
        let xml = self.scheme.request(&view).map_err(|_| fault(Field::Note, FieldFault::Characters))?;
        let asked =
            Asked { uetr: view.uetr_text(), sign_in: sign_in.to_owned(), amount, status: RequestStatus::Received, reason: None };
        // Before it is sent: the answer may be in the inbox before this task goes on.
        self.requests.put(asked.clone());
        let answer = self.link.send_message(&xml, 0).await.map_err(ServiceError::Centre)?;
        if answer.taken() {
            return Ok(self.requests.get(&asked.uetr).unwrap_or(asked));
        }
        let report = answer.message().map(crate::messages::read);
        let reason = match report {
            Some(Ok(crate::messages::Read::RequestStatus(report))) => {
                self.requests.note(&report);
                return Ok(self.requests.get(&asked.uetr).unwrap_or(asked));
            }
            Some(Ok(other)) => format!("the centre said {other:?}"),
            Some(Err(error)) => error.to_string(),
            None => format!("the centre answered {}", answer.status),
        };
        Err(ServiceError::Internal(reason))
    }

    /// A customer's request.
    pub(crate) fn asked(&self, sign_in: &str, uetr: &str) -> Result<Asked, ServiceError> {
        self.requests.get(uetr).filter(|asked| asked.sign_in == sign_in).ok_or(ServiceError::NotFound)
    }

    pub(crate) async fn account_in(
        &self,
        customer: &Customer,
        currency: money::Currency,
    ) -> Result<Option<String>, ServiceError> {
        for number in &customer.accounts {
            let key = number.clone();
            let account = self.books(move |books| books.account(&key)).await?;
            if account.is_some_and(|account| account.open && account.pot(currency).is_some()) {
                return Ok(Some(number.clone()));
            }
        }
        Ok(None)
    }

    fn request_of(&self, typed: &TypedRequest, customer: &Customer, account: String, amount: Amount) -> PaymentRequestView {
        let now = self.now_ns();
        let number = |number: String| AccountView { number, ..AccountView::default() };
        let address =
            AddressView { town: Some(customer.town.clone()), country: Some(customer.country.clone()), ..AddressView::default() };
        PaymentRequestView {
            message_id: self.world.uuid().simple().to_string(),
            created_at: now,
            payment_information_id: None,
            uetr: self.world.uuid().into_bytes(),
            end_to_end_id: "NOTPROVIDED".to_owned(),
            amount,
            less_allowed: false,
            guaranteed: false,
            expires_at: now.saturating_add(typed.life_s.min(LIFE_S_MAX).saturating_mul(1_000_000_000)),
            debtor: PartyView { name: typed.name.clone(), ..PartyView::default() },
            debtor_account: Some(number(typed.debtor.clone())),
            debtor_agent: typed.agent.clone(),
            creditor_agent: self.config.bic.clone(),
            creditor: PartyView { name: customer.name.clone(), address: Some(address), ..PartyView::default() },
            creditor_account: Some(number(account)),
            purpose: Some("GDDS".to_owned()),
            remittance: (!typed.note.is_empty()).then(|| typed.note.clone()),
        }
    }
}

pub(crate) fn amount_fault(error: AmountError) -> FieldFault {
    match error {
        AmountError::NotDecimal => FieldFault::NotAnAmount,
        AmountError::TooManyDecimals { .. } => FieldFault::TooManyDecimals,
        AmountError::TooLarge => FieldFault::TooLarge,
    }
}
