//! Collections: the creditor agent claims an amount under a mandate, and the debtor agent pays it or says why not.
//!
//! ```text
//!            pacs.003
//! creditor ──────────▶ Asked ◀────────┐ the payment was rejected
//! agent                │ │ │          │
//!                      │ │ └───────▶ Paying ──▶ Paid
//!                      │ └──▶ Refused (the debtor agent's reason)
//!                      └────▶ Expired by the clock
//! ```
//!
//! The transitions are [`CollectionState::step`], closed and total: COL-T1 opened, and counted against the mandate's caps; COL-T2
//! refused; COL-T3 expired; COL-T4 a payment made on it is held; COL-T5 that payment settled; COL-T6 that payment was rejected, and
//! another one may be made. What ends unpaid is given back to the caps of its period.
//!
//! The debtor agreed beforehand, so nobody asks the debtor; its agent pays, because it alone knows whether there is money and whose
//! quota the payment counts against (ADR 0033).
//!
//! # Limits
//! [`Clearing::COLLECTION_LIFE_NS`] from opening to expiry.

use super::caps::PeriodKey;
use super::mandates::MandateView;
use crate::{
    Bic, Clearing, ContentHash, IsoReason, MatterTold, MatterView, Outcome, ParticipantId, PaymentView, Position, Purpose,
    Refusal, Rejection, Settlement, Time, Uetr,
};
use money::{Amount, CurrencyCode, MinorUnits};

/// A collection (`pacs.003`), after authentication, schema and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collect {
    /// Its UETR. The payment that settles it has another one.
    pub collection: Uetr,
    /// The mandate (`MndtRltdInf/MndtId`).
    pub mandate: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Who collects, as authenticated.
    pub creditor_agent: ParticipantId,
    /// Whose customer pays.
    pub debtor_agent: ParticipantId,
    /// How much.
    pub amount: MinorUnits,
    /// Its currency.
    pub currency: CurrencyCode,
}

/// One step of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectionStep {
    /// Opens one (`pacs.003`).
    Collect(Collect),
    /// The debtor agent does not pay (`pacs.002`).
    Refuse {
        /// Which collection.
        collection: Uetr,
        /// Who says so, as authenticated.
        debtor_agent: ParticipantId,
        /// Why.
        reason: IsoReason,
    },
}

/// How a collection stands. `Paid`, `Refused` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectionState {
    /// The debtor agent is asked to pay.
    Asked,
    /// A payment made on it is held.
    Paying,
    /// That payment settled.
    Paid,
    /// Refused by the debtor agent.
    Refused,
    /// Not paid in time.
    Expired,
}

/// What can happen to a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CollectionEvent {
    /// COL-T2.
    Refused,
    /// COL-T3.
    Expired,
    /// COL-T4.
    PaymentHeld,
    /// COL-T5.
    PaymentSettled,
    /// COL-T6.
    PaymentRejected,
}

impl CollectionEvent {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Refused, Self::Expired, Self::PaymentHeld, Self::PaymentSettled, Self::PaymentRejected];
}

impl CollectionState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Paying, Self::Paid, Self::Refused, Self::Expired];

    /// What follows; `None` where the event cannot happen.
    pub const fn step(self, event: CollectionEvent) -> Option<Self> {
        use CollectionEvent as E;
        match (self, event) {
            (Self::Asked, E::Refused) => Some(Self::Refused),
            (Self::Asked, E::Expired) => Some(Self::Expired),
            (Self::Asked, E::PaymentHeld) => Some(Self::Paying),
            (Self::Paying, E::PaymentSettled) => Some(Self::Paid),
            (Self::Paying, E::PaymentRejected) => Some(Self::Asked),
            (Self::Asked, E::PaymentSettled | E::PaymentRejected)
            | (Self::Paying, E::Refused | E::Expired | E::PaymentHeld)
            | (Self::Paid | Self::Refused | Self::Expired, _) => None,
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Paying => false,
            Self::Paid | Self::Refused | Self::Expired => true,
        }
    }

    /// Whether it counts against the caps: it was paid, or may be.
    pub const fn counts(self) -> bool {
        match self {
            Self::Asked | Self::Paying | Self::Paid => true,
            Self::Refused | Self::Expired => false,
        }
    }
}

/// A collection as it stands after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectionView {
    /// Its UETR.
    pub uetr: Uetr,
    /// The mandate it is made under.
    pub mandate: Uetr,
    /// Hash of the creditor agent's signed message.
    pub content: ContentHash,
    /// Who collects.
    pub creditor_agent: ParticipantId,
    /// Its BIC.
    pub creditor_bic: Bic,
    /// Whose customer pays.
    pub debtor_agent: ParticipantId,
    /// Its BIC.
    pub debtor_bic: Bic,
    /// How much.
    pub amount: Amount,
    /// The period of the mandate that it counts in.
    pub counted: PeriodKey,
    /// How it stands.
    pub state: CollectionState,
    /// Why it was refused.
    pub reason: Option<IsoReason>,
    /// The payment under way, or the one that settled it.
    pub settlement: Option<Settlement>,
    /// When it was opened.
    pub received_at: Time,
    /// First instant at which it can no longer be paid.
    pub expires_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that opened it: the debtor agent is asked.
    pub asked: Position,
    /// The last event of it that somebody is told of.
    pub changed: Position,
}

impl CollectionView {
    pub(super) fn told_to(&self) -> Vec<MatterTold> {
        let told = |reader| MatterTold { reader, position: self.changed, asks: false };
        match self.state {
            CollectionState::Asked | CollectionState::Paying => {
                vec![MatterTold { reader: self.debtor_agent, position: self.asked, asks: true }]
            }
            CollectionState::Refused => vec![told(self.creditor_agent)],
            CollectionState::Paid | CollectionState::Expired => vec![told(self.creditor_agent), told(self.debtor_agent)],
        }
    }

    /// When the clock ends it; `None` while a payment decides.
    pub(super) const fn clock(&self) -> Option<Time> {
        match self.state {
            CollectionState::Asked => Some(self.expires_at),
            CollectionState::Paying | CollectionState::Paid | CollectionState::Refused | CollectionState::Expired => None,
        }
    }
}

impl Clearing {
    /// How long a debtor agent may take to pay a collection: a day, in which it may try again when there is money.
    pub const COLLECTION_LIFE_NS: u64 = 86_400 * 1_000_000_000;

    pub(super) fn step_collection(&mut self, step: &CollectionStep) -> Result<Outcome, Refusal> {
        match step {
            CollectionStep::Collect(collect) => self.collect(collect),
            CollectionStep::Refuse { collection, debtor_agent, reason } => {
                self.refuse_collection(*collection, *debtor_agent, *reason)
            }
        }
    }

    /// COL-T1, or the answer again that was given before.
    fn collect(&mut self, collect: &Collect) -> Result<Outcome, Refusal> {
        if let Some(matter @ MatterView::Collection(known)) = self.matter(collect.collection)
            && known.content == collect.content
            && known.creditor_agent == collect.creditor_agent
        {
            return Ok(Outcome::Matter { matter, repeated: true });
        }
        self.check_free(collect.collection)?;
        let mandate = self.mandate(collect.mandate)?;
        if mandate.creditor_agent != collect.creditor_agent || mandate.debtor_agent != collect.debtor_agent {
            return Err(Refusal::NotYourMatter);
        }
        if !mandate.state.allows() {
            return Err(Refusal::MandateNotActive);
        }
        if mandate.currency.code != collect.currency {
            return Err(Refusal::AboveMandateCap);
        }
        let used = mandate.terms.with(mandate.used, collect.amount, self.time)?;
        let [creditor_bic, debtor_bic] = self.check_pulling_agents(collect.creditor_agent, collect.debtor_agent)?;
        self.put_mandate(MandateView { used, ..mandate });
        let position = self.next_position();
        let view = CollectionView {
            uetr: collect.collection,
            mandate: collect.mandate,
            content: collect.content,
            creditor_agent: collect.creditor_agent,
            creditor_bic,
            debtor_agent: collect.debtor_agent,
            debtor_bic,
            amount: Amount { minor: collect.amount, currency: mandate.currency },
            counted: used.key,
            state: CollectionState::Asked,
            reason: None,
            settlement: None,
            received_at: self.time,
            expires_at: self.time.after(Self::COLLECTION_LIFE_NS),
            ended_at: None,
            asked: position,
            changed: position,
        };
        Ok(self.put_collection(view))
    }

    /// COL-T2.
    fn refuse_collection(&mut self, uetr: Uetr, agent: ParticipantId, reason: IsoReason) -> Result<Outcome, Refusal> {
        let collection = self.collection(uetr)?;
        if collection.debtor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if collection.state == CollectionState::Refused && collection.reason == Some(reason) {
            return Ok(Outcome::Matter { matter: MatterView::Collection(collection), repeated: true });
        }
        if collection.state == CollectionState::Paying {
            return Err(Refusal::CollectionPaying);
        }
        // The clock may be behind with ending what it ends.
        if collection.clock().is_some_and(|at| at <= self.time) {
            return Err(Refusal::CollectionEnded);
        }
        let state = collection.state.step(CollectionEvent::Refused).ok_or(Refusal::CollectionEnded)?;
        self.give_back_use(&collection);
        let changed = self.next_position();
        Ok(self.put_collection(CollectionView { state, reason: Some(reason), changed, ..collection }))
    }

    /// COL-T3.
    pub(super) fn expire_collection(&mut self, collection: CollectionView) {
        if let Some(state) = collection.state.step(CollectionEvent::Expired) {
            self.give_back_use(&collection);
            let changed = self.next_position();
            self.put_collection(CollectionView { state, changed, ..collection });
        }
    }

    /// What comes to nothing is not collected. A mandate that has ended has no use for it.
    fn give_back_use(&mut self, collection: &CollectionView) {
        if let Ok(mandate) = self.mandate(collection.mandate)
            && !mandate.state.is_final()
        {
            let used = mandate.used.without(collection.counted, collection.amount.minor);
            self.put_mandate(MandateView { used, ..mandate });
        }
    }

    fn collection(&self, uetr: Uetr) -> Result<CollectionView, Refusal> {
        match self.matter(uetr) {
            Some(MatterView::Collection(collection)) => Ok(collection),
            Some(MatterView::Request(_) | MatterView::Mandate(_) | MatterView::Preauth(_)) | None => Err(Refusal::UnknownMatter),
        }
    }

    fn put_collection(&mut self, view: CollectionView) -> Outcome {
        let ended_at = view.state.is_final().then_some(self.time);
        let matter = MatterView::Collection(CollectionView { ended_at, ..view });
        self.put_matter(matter);
        Outcome::Matter { matter, repeated: false }
    }

    /// Whether a payment may be made on a collection: `credit` is what the creditor agent will receive.
    pub(crate) fn check_collection(
        &self,
        uetr: Uetr,
        [debtor_agent, creditor_agent]: [ParticipantId; 2],
        (credit, currency): (MinorUnits, CurrencyCode),
        purpose: Option<Purpose>,
    ) -> Result<(), Rejection> {
        let collection = self.collection(uetr).map_err(|_| Rejection::CollectionNotOpen)?;
        if collection.debtor_agent != debtor_agent || collection.creditor_agent != creditor_agent {
            return Err(Rejection::CollectionDiffers);
        }
        match collection.state {
            CollectionState::Asked if collection.expires_at <= self.time => return Err(Rejection::CollectionNotOpen),
            CollectionState::Asked => {}
            CollectionState::Paying | CollectionState::Paid => return Err(Rejection::CollectionPaid),
            CollectionState::Refused | CollectionState::Expired => return Err(Rejection::CollectionNotOpen),
        }
        // Who cancels or suspends a mandate is debited no more.
        let mandate = self.mandate(collection.mandate).map_err(|_| Rejection::MandateNotActive)?;
        if !mandate.state.allows() {
            return Err(Rejection::MandateNotActive);
        }
        let claimed = collection.amount;
        let is_its_purpose = mandate.terms.purpose.is_none() || mandate.terms.purpose == purpose;
        let fits = claimed.currency.code == currency && claimed.minor == credit && is_its_purpose;
        if fits { Ok(()) } else { Err(Rejection::CollectionDiffers) }
    }

    /// COL-T4.
    pub(super) fn collection_payment_held(&mut self, uetr: Uetr, payment: &PaymentView) {
        let collection = self.collection(uetr).expect("it was checked before the hold");
        let state = collection.state.step(CollectionEvent::PaymentHeld).expect("it was checked before the hold");
        // What the creditor agent is charged was paid all the same.
        let minor = payment.credit.minor.checked_add(payment.charges.creditor).unwrap_or(payment.credit.minor);
        let settlement = Some(Settlement { payment: payment.uetr, credit: Amount { minor, ..payment.credit } });
        self.put_collection(CollectionView { state, settlement, ..collection });
    }

    /// COL-T5, COL-T6. One whose time passed meanwhile ends with the payment.
    pub(super) fn collection_payment_ended(&mut self, collection: CollectionView, settled: bool) {
        let event = if settled { CollectionEvent::PaymentSettled } else { CollectionEvent::PaymentRejected };
        let state = collection.state.step(event).expect("a payment made on a collection is its only one");
        if settled {
            let changed = self.next_position();
            self.put_collection(CollectionView { state, changed, ..collection });
            return;
        }
        let asked = CollectionView { state, settlement: None, ..collection };
        self.put_collection(asked);
        if collection.expires_at <= self.time {
            self.expire_collection(asked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: how it stands. Columns: what happens, in the order of [`CollectionEvent::ALL`]. `.`: cannot happen.
    const TABLE: &str = "
        state    refused expired held   settled rejected
        Asked    Refused Expired Paying .       .
        Paying   .       .       .      Paid    Asked
        Paid     .       .       .      .       .
        Refused  .       .       .      .       .
        Expired  .       .       .      .       .
    ";

    #[test]
    fn every_transition_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> = TABLE.trim().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), CollectionState::ALL.len());
        for (state, row) in CollectionState::ALL.into_iter().zip(rows) {
            assert_eq!(format!("{state:?}"), row[0]);
            for (event, expected) in CollectionEvent::ALL.into_iter().zip(&row[1..]) {
                let found = state.step(event).map_or(".".to_owned(), |next| format!("{next:?}"));
                assert_eq!(found, *expected, "{state:?} and {event:?}");
            }
            assert_eq!(state.is_final(), row[1..].iter().all(|next| *next == "."), "{state:?}");
        }
    }
}
