//! What customers do about mandates: ask for one, agree or not, suspend, end, and collect.
//!
//! Crash note: what a customer decides is told to the centre first and booked when it was taken; a crash between the two leaves
//! the mandate as it was, and the decision can be made again with the same result.

use crate::books::mandates::{Collection, CollectionStanding, Mandate, MandateCaps, MandatePeriod, MandateSide, MandateStanding};
use crate::books::records::Customer;
use crate::inner::Inner;
use crate::messages::{Read, uuid_bytes};
use crate::order::{Field, FieldFault, OrderFault};
use crate::service::ServiceError;
use iso20022::codes::{MandateReason, StatusReason};
use iso20022::view::{
    AccountView, AddressView, CollectionView, MandateCapsView, MandateChange, MandateFrequency, MandateRequestView, PartyView,
};
use money::{Amount, Currency, MinorUnits};
use serde::Deserialize;

const DAY_MS: u64 = 86_400_000;
/// Longest life of a mandate that a customer of a sample bank asks for.
const DAYS_MAX: u64 = 3_650;

/// What a creditor types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TypedMandate {
    /// BIC of the debtor's bank.
    pub agent: String,
    /// The debtor's account.
    pub debtor: String,
    /// The debtor's name.
    pub name: String,
    /// The most of one collection, decimal text.
    pub amount: String,
    /// Its currency.
    pub currency: String,
    /// Whether each collection is exactly that.
    #[serde(default)]
    pub fixed: bool,
    /// `day`, `week`, `month`, `year` or `whole`.
    #[serde(default = "a_month")]
    pub period: String,
    /// The most of a period; `amount` times `times` if it is empty.
    #[serde(default)]
    pub period_max: String,
    /// How often in a period.
    #[serde(default = "once")]
    pub times: u16,
    /// For how many days, from today on.
    #[serde(default = "a_year")]
    pub days: u64,
    /// The creditor's own reference.
    #[serde(default)]
    pub reference: String,
}

fn a_month() -> String {
    "month".to_owned()
}
const fn once() -> u16 {
    1
}
const fn a_year() -> u64 {
    365
}

/// What a creditor claims.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TypedCollection {
    /// How much, decimal text.
    pub amount: String,
    /// Words to the debtor.
    #[serde(default)]
    pub note: String,
}

/// What a customer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateDecision {
    /// The debtor agrees to what is asked.
    Accept,
    /// The debtor does not.
    Refuse,
    /// The debtor lets nothing be collected for now.
    Suspend,
    /// The debtor lets it again.
    Resume,
    /// Either side ends it.
    End,
}

impl MandateDecision {
    /// All of them, as addresses name them.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Accept, "accept"),
        (Self::Refuse, "refuse"),
        (Self::Suspend, "suspend"),
        (Self::Resume, "resume"),
        (Self::End, "end"),
    ];

    /// The one of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, known)| *known == name).map(|(decision, _)| decision)
    }

    /// Whether it can be made of a mandate as it stands.
    pub fn is_open(self, mandate: &Mandate) -> bool {
        let is_debtor = mandate.side == MandateSide::Debtor;
        let is_over = matches!(mandate.standing, MandateStanding::Refused | MandateStanding::Ended);
        match self {
            Self::Accept | Self::Refuse => is_debtor && mandate.question.is_some(),
            Self::Suspend => is_debtor && mandate.standing == MandateStanding::Active && mandate.question.is_none(),
            Self::Resume => is_debtor && mandate.standing == MandateStanding::Suspended,
            Self::End => !is_over,
        }
    }
}

fn fault(field: Field, fault: FieldFault) -> ServiceError {
    ServiceError::from(OrderFault { field, fault })
}

impl Inner {
    /// Asks for a mandate.
    pub(crate) async fn ask_mandate(&self, sign_in: &str, typed: &TypedMandate) -> Result<Mandate, ServiceError> {
        let currency = self.config.currencies.iter().find(|known| known.code.as_str() == typed.currency).copied();
        let currency = currency.ok_or_else(|| fault(Field::CreditCurrency, FieldFault::NotAChoice))?;
        if typed.agent == self.config.bic {
            return Err(fault(Field::Agent, FieldFault::SameBank));
        }
        let caps = caps(typed, currency, self.now_ms())?;
        let customer = self.customer(sign_in).await?;
        let account = self.account_in(&customer, currency).await?;
        let account = account.ok_or_else(|| fault(Field::CreditCurrency, FieldFault::NotAChoice))?;
        let view = self.mandate_of(typed, &customer, &account, &caps);
        let xml = self.scheme.mandate(&view).map_err(|_| fault(Field::Note, FieldFault::Characters))?;
        let mandate = Mandate {
            uetr: view.uetr_text(),
            side: MandateSide::Creditor,
            sign_in: sign_in.to_owned(),
            account,
            other_agent: typed.agent.clone(),
            other_name: typed.name.clone(),
            other_account: typed.debtor.clone(),
            reference: view.reference.clone(),
            caps,
            proposed: None,
            standing: MandateStanding::Asked,
            question: None,
            reason: None,
            collections: Vec::new(),
            changed_ms: self.now_ms(),
        };
        // Before it is sent: the answer may be in the inbox before this task goes on.
        let kept = mandate.clone();
        self.books(move |books| books.enter_mandate(&kept)).await?;
        let answer = self.link.send_message(&xml, 0).await.map_err(ServiceError::Centre)?;
        if answer.taken() {
            return self.mandate(sign_in, &mandate.uetr).await;
        }
        let reason = match answer.message().map(crate::messages::read) {
            Some(Ok(Read::MandateAnswered(said))) => said.reason,
            Some(Ok(_) | Err(_)) | None => None,
        };
        self.change_mandate(&mandate.uetr, move |mandate| {
            mandate.standing = MandateStanding::Refused;
            mandate.reason = reason.or_else(|| Some(MandateReason::Narr.to_string()));
        })
        .await?;
        self.mandate(sign_in, &mandate.uetr).await
    }

    /// A customer's mandate.
    pub(crate) async fn mandate(&self, sign_in: &str, uetr: &str) -> Result<Mandate, ServiceError> {
        let key = uetr.to_owned();
        let mandate = self.books(move |books| books.mandate(&key)).await?;
        mandate.filter(|mandate| mandate.sign_in == sign_in).ok_or(ServiceError::NotFound)
    }

    /// What a customer decides, told to the centre and booked when it was taken.
    pub(crate) async fn decide_mandate(
        &self,
        sign_in: &str,
        uetr: &str,
        decision: MandateDecision,
    ) -> Result<Mandate, ServiceError> {
        let mandate = self.mandate(sign_in, uetr).await?;
        if !decision.is_open(&mandate) {
            return Ok(mandate);
        }
        let (id, now) = (uuid_bytes(uetr), self.now_ns());
        let is_debtor = mandate.side == MandateSide::Debtor;
        let xml = match decision {
            MandateDecision::Accept | MandateDecision::Refuse => {
                let refused = (decision == MandateDecision::Refuse).then_some(MandateReason::Ms02.as_str());
                let question = mandate.question.clone().unwrap_or_default();
                self.scheme.mandate_answer(id, &question, refused, now)
            }
            MandateDecision::Suspend => self.scheme.mandate_change(id, MandateChange::Suspend, now),
            MandateDecision::Resume => self.scheme.mandate_change(id, MandateChange::Resume, now),
            MandateDecision::End => {
                self.scheme.mandate_end(id, if is_debtor { MandateReason::Md16 } else { MandateReason::Md17 }.as_str(), now)
            }
        };
        let xml = xml.map_err(|error| ServiceError::Internal(error.to_string()))?;
        let answer = self.link.send_message(&xml, 0).await.map_err(ServiceError::Centre)?;
        if !answer.taken() {
            return Err(ServiceError::Internal(format!("the centre answered {}", answer.status)));
        }
        let changed = self.change_mandate(uetr, move |mandate| decided(mandate, decision)).await?;
        changed.ok_or(ServiceError::NotFound)
    }

    async fn change_mandate(
        &self,
        uetr: &str,
        change: impl FnOnce(&mut Mandate) + Send + 'static,
    ) -> Result<Option<Mandate>, ServiceError> {
        let (key, now_ms) = (uetr.to_owned(), self.now_ms());
        Ok(self.books(move |books| books.change_mandate(&key, now_ms, change)).await?)
    }

    /// Claims an amount under a mandate.
    pub(crate) async fn collect(&self, sign_in: &str, uetr: &str, typed: &TypedCollection) -> Result<Collection, ServiceError> {
        let mandate = self.mandate(sign_in, uetr).await?;
        if mandate.side != MandateSide::Creditor {
            return Err(ServiceError::NotFound);
        }
        let amount = amount_of(&typed.amount, mandate.caps.each.currency)?;
        let customer = self.customer(sign_in).await?;
        let view = self.collection_of(&mandate, &customer, amount, &typed.note);
        let xml = self.scheme.collection(&view).map_err(|_| fault(Field::Note, FieldFault::Characters))?;
        let collection = Collection {
            uetr: view.uetr_text(),
            mandate: mandate.uetr.clone(),
            amount,
            note: typed.note.clone(),
            standing: CollectionStanding::Asked,
            reason: None,
            asked_ms: self.now_ms(),
        };
        let kept = collection.clone();
        self.books(move |books| books.enter_collection(&kept)).await?;
        let answer = self.link.send_message(&xml, 0).await.map_err(ServiceError::Centre)?;
        if !answer.taken() {
            let reason = match answer.message().map(crate::messages::read) {
                Some(Ok(Read::Status(said))) => said.reason,
                Some(Ok(_) | Err(_)) | None => None,
            };
            let (key, reason) = (collection.uetr.clone(), reason.unwrap_or_else(|| StatusReason::Narr.to_string()));
            self.books(move |books| books.end_collection(&key, CollectionStanding::Refused, Some(&reason))).await?;
        }
        let key = collection.uetr.clone();
        Ok(self.books(move |books| books.collection(&key)).await?.unwrap_or(collection))
    }

    /// A collection of a customer's mandate.
    pub(crate) async fn collection(&self, sign_in: &str, uetr: &str) -> Result<Collection, ServiceError> {
        let key = uetr.to_owned();
        let collection = self.books(move |books| books.collection(&key)).await?.ok_or(ServiceError::NotFound)?;
        self.mandate(sign_in, &collection.mandate).await?;
        Ok(collection)
    }

    fn mandate_of(&self, typed: &TypedMandate, customer: &Customer, account: &str, caps: &MandateCaps) -> MandateRequestView {
        let id = self.scheme.fresh_id();
        let reference = if typed.reference.is_empty() { id[..12].to_owned() } else { typed.reference.clone() };
        MandateRequestView {
            message_id: id,
            created_at: self.now_ns(),
            mandate: self.world.uuid().into_bytes(),
            reference,
            caps: caps_view(caps),
            creditor: party(customer),
            creditor_account: Some(number(account)),
            creditor_agent: self.config.bic.clone(),
            debtor: PartyView { name: typed.name.clone(), ..PartyView::default() },
            debtor_account: Some(number(&typed.debtor)),
            debtor_agent: typed.agent.clone(),
        }
    }

    fn collection_of(&self, mandate: &Mandate, customer: &Customer, amount: Amount, note: &str) -> CollectionView {
        CollectionView {
            message_id: self.scheme.fresh_id(),
            created_at: self.now_ns(),
            uetr: self.world.uuid().into_bytes(),
            end_to_end_id: mandate.reference.clone(),
            mandate: uuid_bytes(&mandate.uetr),
            is_last: false,
            amount,
            creditor: party(customer),
            creditor_account: Some(number(&mandate.account)),
            creditor_agent: self.config.bic.clone(),
            debtor: PartyView { name: mandate.other_name.clone(), ..PartyView::default() },
            debtor_account: number(&mandate.other_account),
            debtor_agent: mandate.other_agent.clone(),
            purpose: mandate.caps.purpose.clone(),
            remittance: (!note.is_empty()).then(|| note.to_owned()),
            clearing_system: Some(self.config.clearing_system.clone()),
        }
    }
}

fn decided(mandate: &mut Mandate, decision: MandateDecision) {
    match decision {
        MandateDecision::Accept => {
            mandate.standing = MandateStanding::Active;
            if let Some(caps) = mandate.proposed.take() {
                mandate.caps = caps;
            }
            (mandate.question, mandate.reason) = (None, None);
        }
        MandateDecision::Refuse => {
            if mandate.proposed.take().is_none() {
                mandate.standing = MandateStanding::Refused;
            }
            mandate.question = None;
        }
        MandateDecision::Suspend => mandate.standing = MandateStanding::Suspended,
        MandateDecision::Resume => mandate.standing = MandateStanding::Active,
        MandateDecision::End => {
            mandate.standing = MandateStanding::Ended;
            (mandate.question, mandate.proposed) = (None, None);
        }
    }
}

fn caps(typed: &TypedMandate, currency: Currency, now_ms: u64) -> Result<MandateCaps, ServiceError> {
    let each = amount_of(&typed.amount, currency)?;
    let period = match typed.period.as_str() {
        "day" => MandatePeriod::Day,
        "week" => MandatePeriod::Week,
        "month" => MandatePeriod::Month,
        "year" => MandatePeriod::Year,
        "whole" => MandatePeriod::Whole,
        _ => return Err(fault(Field::When, FieldFault::NotAChoice)),
    };
    if typed.times == 0 || typed.days == 0 || typed.days > DAYS_MAX {
        return Err(fault(Field::When, FieldFault::NotAChoice));
    }
    let period_max = match typed.period_max.as_str() {
        "" => Amount { minor: MinorUnits(each.minor.0.saturating_mul(u64::from(typed.times))), currency },
        text => amount_of(text, currency)?,
    };
    if period_max.minor < each.minor {
        return Err(fault(Field::Amount, FieldFault::TooLarge));
    }
    // Days of Hong Kong and Shenzhen.
    let today = (now_ms + DAY_MS / 3) / DAY_MS * DAY_MS - DAY_MS / 3;
    Ok(MandateCaps {
        each,
        is_fixed: typed.fixed,
        period,
        period_max,
        count: typed.times,
        purpose: None,
        first_ms: today,
        last_ms: today + typed.days * DAY_MS,
    })
}

fn amount_of(text: &str, currency: Currency) -> Result<Amount, ServiceError> {
    let amount = Amount::parse(text, currency).map_err(|error| fault(Field::Amount, crate::asking::amount_fault(error)))?;
    if amount.minor.is_zero() { Err(fault(Field::Amount, FieldFault::Zero)) } else { Ok(amount) }
}

fn number(number: &str) -> AccountView {
    AccountView { number: number.to_owned(), ..AccountView::default() }
}

fn party(customer: &Customer) -> PartyView {
    let address =
        AddressView { town: Some(customer.town.clone()), country: Some(customer.country.clone()), ..AddressView::default() };
    PartyView { name: customer.name.clone(), address: Some(address), ..PartyView::default() }
}

fn caps_view(caps: &MandateCaps) -> MandateCapsView {
    MandateCapsView {
        each: caps.each,
        is_fixed: caps.is_fixed,
        frequency: match caps.period {
            MandatePeriod::Day => MandateFrequency::Day,
            MandatePeriod::Week => MandateFrequency::Week,
            MandatePeriod::Month => MandateFrequency::Month,
            MandatePeriod::Year => MandateFrequency::Year,
            MandatePeriod::Whole => MandateFrequency::Whole,
        },
        period_max: caps.period_max,
        count: caps.count,
        purpose: caps.purpose.clone(),
        first: caps.first_ms.saturating_mul(1_000_000),
        last: caps.last_ms.saturating_mul(1_000_000),
    }
}

/// Caps as a message says them.
pub(crate) fn caps_of(view: &MandateCapsView) -> MandateCaps {
    MandateCaps {
        each: view.each,
        is_fixed: view.is_fixed,
        period: match view.frequency {
            MandateFrequency::Day => MandatePeriod::Day,
            MandateFrequency::Week => MandatePeriod::Week,
            MandateFrequency::Month => MandatePeriod::Month,
            MandateFrequency::Year => MandatePeriod::Year,
            MandateFrequency::Whole => MandatePeriod::Whole,
        },
        period_max: view.period_max,
        count: view.count,
        purpose: view.purpose.clone(),
        first_ms: view.first / 1_000_000,
        last_ms: view.last / 1_000_000,
    }
}
