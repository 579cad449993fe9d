//! Mandates: a creditor may collect from a debtor, within the caps that the debtor agreed to.
//!
//! ```text
//!            pain.009          accepted            pain.010              accepted, with the new caps; or refused
//! creditor ──────────▶ Asked ─────────▶ Active ─────────────▶ Amending ──────────────────────────────────▶ Active
//! agent                  │               │  ▲
//!                        │  suspended by │  │ resumed by the
//!                        │  the debtor   ▼  │ debtor agent
//!                        │  agent     Suspended
//!                        ▼
//!                      Refused         any of them: Cancelled by either agent, Expired by the clock
//! ```
//!
//! The transitions are [`MandateState::step`], closed and total: MDT-T1 opened; MDT-T2 accepted; MDT-T3 refused; MDT-T4 an
//! amendment is asked; MDT-T5 suspended; MDT-T6 resumed; MDT-T7 cancelled; MDT-T8 expired. What was agreed to holds while an
//! amendment is asked.
//!
//! # Invariants
//! MDT-01: what is collected in a period never exceeds the caps of the mandate.
//!
//! # Limits
//! [`Clearing::MANDATES_OF_ONE_MAX`] mandates and collections of one creditor agent, ended ones that are still kept included.
//! A mandate that is not answered within [`Clearing::MANDATE_ANSWER_NS`] expires.

use super::caps::{MandateTerms, MandateUse};
use crate::{
    Bic, Clearing, ContentHash, IsoReason, MatterTold, MatterView, Outcome, ParticipantId, Position, Refusal, Time, Uetr,
};
use money::Currency;

/// A mandate that is asked for (`pain.009`), after authentication, schema and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskMandate {
    /// Its UETR (`MndtId`, in hexadecimal).
    pub mandate: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Whose customer will collect, as authenticated.
    pub creditor_agent: ParticipantId,
    /// Whose customer will pay.
    pub debtor_agent: ParticipantId,
    /// The caps.
    pub terms: MandateTerms,
}

/// One step of a mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MandateStep {
    /// Opens one (`pain.009`).
    Ask(AskMandate),
    /// The creditor agent asks for other caps (`pain.010`).
    Amend {
        /// Which mandate.
        mandate: Uetr,
        /// SHA-256 of the signed body as received.
        content: ContentHash,
        /// Who asks, as authenticated.
        creditor_agent: ParticipantId,
        /// The caps that shall hold.
        terms: MandateTerms,
    },
    /// The debtor agent lets nothing be collected for a while, or lets it again (`pain.010`).
    Suspend {
        /// Which mandate.
        mandate: Uetr,
        /// Who says so, as authenticated.
        debtor_agent: ParticipantId,
        /// Whether it is suspended from now on.
        suspended: bool,
    },
    /// The debtor agent's answer (`pain.012`).
    Answer {
        /// Which mandate.
        mandate: Uetr,
        /// Who answers, as authenticated.
        debtor_agent: ParticipantId,
        /// Which question: its place in the debtor agent's inbox. An answer that comes late does not answer the next one.
        asked: Position,
        /// What it says.
        says: MandateAnswer,
    },
    /// Either agent ends it (`pain.011`).
    Cancel {
        /// Which mandate.
        mandate: Uetr,
        /// Who says so, as authenticated.
        agent: ParticipantId,
        /// Why.
        reason: IsoReason,
    },
}

/// What a debtor agent says to a mandate or to other caps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MandateAnswer {
    /// The debtor agrees.
    Accepted,
    /// The debtor or its agent does not, for this ISO reason.
    Refused(IsoReason),
}

/// How a mandate stands. `Refused`, `Cancelled` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MandateState {
    /// The debtor agent is asked.
    Asked,
    /// Something may be collected.
    Active,
    /// The same, and the debtor agent is asked about other caps.
    Amending,
    /// Nothing may be collected for now.
    Suspended,
    /// The debtor or its agent did not agree.
    Refused,
    /// Ended by one of the agents.
    Cancelled,
    /// Ended by the clock.
    Expired,
}

/// What can happen to a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MandateEvent {
    /// MDT-T2.
    Accepted,
    /// MDT-T3.
    Refused,
    /// MDT-T4.
    AmendmentAsked,
    /// MDT-T5.
    Suspended,
    /// MDT-T6.
    Resumed,
    /// MDT-T7.
    Cancelled,
    /// MDT-T8.
    Expired,
}

impl MandateEvent {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Accepted, Self::Refused, Self::AmendmentAsked, Self::Suspended, Self::Resumed, Self::Cancelled, Self::Expired];
}

impl MandateState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Asked, Self::Active, Self::Amending, Self::Suspended, Self::Refused, Self::Cancelled, Self::Expired];

    /// What follows; `None` where the event cannot happen.
    pub const fn step(self, event: MandateEvent) -> Option<Self> {
        use MandateEvent as E;
        match (self, event) {
            (Self::Asked, E::Accepted) => Some(Self::Active),
            (Self::Asked, E::Refused) => Some(Self::Refused),
            (Self::Active, E::AmendmentAsked) => Some(Self::Amending),
            (Self::Amending, E::Accepted | E::Refused) => Some(Self::Active),
            (Self::Active, E::Suspended) => Some(Self::Suspended),
            (Self::Suspended, E::Resumed) => Some(Self::Active),
            (Self::Asked | Self::Active | Self::Amending | Self::Suspended, E::Cancelled) => Some(Self::Cancelled),
            (Self::Asked | Self::Active | Self::Amending | Self::Suspended, E::Expired) => Some(Self::Expired),
            (Self::Asked, E::AmendmentAsked | E::Suspended | E::Resumed)
            | (Self::Active, E::Accepted | E::Refused | E::Resumed)
            | (Self::Amending, E::AmendmentAsked | E::Suspended | E::Resumed)
            | (Self::Suspended, E::Accepted | E::Refused | E::AmendmentAsked | E::Suspended)
            | (Self::Refused | Self::Cancelled | Self::Expired, _) => None,
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Active | Self::Amending | Self::Suspended => false,
            Self::Refused | Self::Cancelled | Self::Expired => true,
        }
    }

    /// Whether something may be collected.
    pub const fn allows(self) -> bool {
        match self {
            Self::Active | Self::Amending => true,
            Self::Asked | Self::Suspended | Self::Refused | Self::Cancelled | Self::Expired => false,
        }
    }
}

/// A mandate as it stands after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MandateView {
    /// Its UETR.
    pub uetr: Uetr,
    /// Hash of the message that opened it.
    pub opened: ContentHash,
    /// Hash of the last message that asked for caps: that one, or an amendment's.
    pub content: ContentHash,
    /// Whose customer collects.
    pub creditor_agent: ParticipantId,
    /// Its BIC.
    pub creditor_bic: Bic,
    /// Whose customer pays.
    pub debtor_agent: ParticipantId,
    /// Its BIC.
    pub debtor_bic: Bic,
    /// Of all its amounts.
    pub currency: Currency,
    /// The caps that hold, or are asked for.
    pub terms: MandateTerms,
    /// The caps of an amendment that is not answered.
    pub proposed: Option<MandateTerms>,
    /// What was collected in the newest period.
    pub used: MandateUse,
    /// How it stands.
    pub state: MandateState,
    /// Why the last thing asked was refused, or why it was cancelled.
    pub reason: Option<IsoReason>,
    /// Which agent cancelled it.
    pub cancelled_by: Option<ParticipantId>,
    /// When it was opened.
    pub received_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that asks the debtor agent: that opened it, or asked for other caps.
    pub asked: Position,
    /// The last event of it that somebody is told of.
    pub changed: Position,
}

impl MandateView {
    pub(super) fn told_to(&self) -> Vec<MatterTold> {
        let told = |reader| MatterTold { reader, position: self.changed, asks: false };
        match self.state {
            MandateState::Asked | MandateState::Amending => {
                vec![MatterTold { reader: self.debtor_agent, position: self.asked, asks: true }]
            }
            MandateState::Active | MandateState::Suspended | MandateState::Refused => vec![told(self.creditor_agent)],
            MandateState::Cancelled if self.cancelled_by == Some(self.creditor_agent) => vec![told(self.debtor_agent)],
            MandateState::Cancelled => vec![told(self.creditor_agent)],
            MandateState::Expired => vec![told(self.creditor_agent), told(self.debtor_agent)],
        }
    }

    /// When the clock ends it.
    pub(super) fn clock(&self) -> Option<Time> {
        match self.state {
            MandateState::Asked => Some(self.terms.last.min(self.received_at.after(Clearing::MANDATE_ANSWER_NS))),
            MandateState::Active | MandateState::Amending | MandateState::Suspended => Some(self.terms.last),
            MandateState::Refused | MandateState::Cancelled | MandateState::Expired => None,
        }
    }
}

impl Clearing {
    /// Most mandates and collections of one creditor agent, ended ones that are still kept included: a quarter of all matters,
    /// so that no single one fills the table.
    pub const MANDATES_OF_ONE_MAX: u32 = 250_000;
    /// How long a debtor agent may take to answer before a mandate expires: thirty days, as customers are asked on paper too.
    pub const MANDATE_ANSWER_NS: u64 = 30 * 86_400 * 1_000_000_000;

    pub(super) fn step_mandate(&mut self, step: &MandateStep) -> Result<Outcome, Refusal> {
        match step {
            MandateStep::Ask(ask) => self.ask_mandate(ask),
            MandateStep::Amend { mandate, content, creditor_agent, terms } => {
                self.amend_mandate(*mandate, *content, *creditor_agent, *terms)
            }
            MandateStep::Suspend { mandate, debtor_agent, suspended } => {
                self.suspend_mandate(*mandate, *debtor_agent, *suspended)
            }
            MandateStep::Answer { mandate, debtor_agent, asked, says } => {
                self.answer_mandate(*mandate, *debtor_agent, *asked, *says)
            }
            MandateStep::Cancel { mandate, agent, reason } => self.cancel_mandate(*mandate, *agent, *reason),
        }
    }

    /// MDT-T1, or the answer again that was given before.
    fn ask_mandate(&mut self, ask: &AskMandate) -> Result<Outcome, Refusal> {
        if let Some(matter @ MatterView::Mandate(known)) = self.matter(ask.mandate)
            && known.opened == ask.content
            && known.creditor_agent == ask.creditor_agent
        {
            return Ok(Outcome::Matter { matter, repeated: true });
        }
        self.check_free(ask.mandate)?;
        let [creditor_bic, debtor_bic] = self.check_pulling_agents(ask.creditor_agent, ask.debtor_agent)?;
        let ledger = self.ledger_of(ask.terms.currency).ok_or(Refusal::UnknownCurrency)?;
        ask.terms.check(self.time)?;
        let position = self.next_position();
        let view = MandateView {
            uetr: ask.mandate,
            opened: ask.content,
            content: ask.content,
            creditor_agent: ask.creditor_agent,
            creditor_bic,
            debtor_agent: ask.debtor_agent,
            debtor_bic,
            currency: self.currency(ledger),
            terms: ask.terms,
            proposed: None,
            used: ask.terms.unused(self.time),
            state: MandateState::Asked,
            reason: None,
            cancelled_by: None,
            received_at: self.time,
            ended_at: None,
            asked: position,
            changed: position,
        };
        Ok(self.put_mandate(view))
    }

    /// The creditor agent may be paid, the debtor agent may pay, and there is room for one more of the creditor agent's.
    pub(super) fn check_pulling_agents(
        &self,
        creditor_agent: ParticipantId,
        debtor_agent: ParticipantId,
    ) -> Result<[Bic; 2], Refusal> {
        let find = |id: ParticipantId| self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant);
        let (creditor, debtor) = (find(creditor_agent)?, find(debtor_agent)?);
        if creditor_agent == debtor_agent {
            return Err(Refusal::SameAgents);
        }
        if !creditor.status.receives() || !debtor.status.sends() {
            return Err(Refusal::StandingForbids);
        }
        if self.matters.pulled_by(creditor_agent) >= Self::MANDATES_OF_ONE_MAX {
            return Err(Refusal::TooManyMandates);
        }
        Ok([creditor.bic, debtor.bic])
    }

    /// MDT-T4.
    fn amend_mandate(
        &mut self,
        uetr: Uetr,
        content: ContentHash,
        agent: ParticipantId,
        terms: MandateTerms,
    ) -> Result<Outcome, Refusal> {
        let mandate = self.mandate(uetr)?;
        if mandate.creditor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if mandate.content == content {
            return Ok(Outcome::Matter { matter: MatterView::Mandate(mandate), repeated: true });
        }
        // What was collected in a day says nothing of a month, and the other way round: another period is another mandate.
        if terms.currency != mandate.currency.code || terms.period != mandate.terms.period {
            return Err(Refusal::MandateTermsNotValid);
        }
        terms.check(self.time)?;
        let state = self.next_state(&mandate, MandateEvent::AmendmentAsked)?;
        let asked = self.next_position();
        Ok(self.put_mandate(MandateView { state, content, proposed: Some(terms), reason: None, asked, ..mandate }))
    }

    /// MDT-T2, MDT-T3.
    fn answer_mandate(
        &mut self,
        uetr: Uetr,
        agent: ParticipantId,
        asked: Position,
        says: MandateAnswer,
    ) -> Result<Outcome, Refusal> {
        let mandate = self.mandate(uetr)?;
        if mandate.debtor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if asked > mandate.asked {
            return Err(Refusal::UnknownMatter);
        }
        let is_open = matches!(mandate.state, MandateState::Asked | MandateState::Amending);
        let was_said = match says {
            MandateAnswer::Accepted => mandate.state.allows() && mandate.reason.is_none(),
            MandateAnswer::Refused(reason) => mandate.reason == Some(reason) && mandate.cancelled_by.is_none(),
        };
        // An earlier question has its answer: only one is asked at a time.
        if asked < mandate.asked || !is_open && was_said {
            return Ok(Outcome::Matter { matter: MatterView::Mandate(mandate), repeated: true });
        }
        match says {
            MandateAnswer::Accepted => self.accept_mandate(mandate),
            MandateAnswer::Refused(reason) => {
                let state = self.next_state(&mandate, MandateEvent::Refused)?;
                let changed = self.next_position();
                Ok(self.put_mandate(MandateView { state, proposed: None, reason: Some(reason), changed, ..mandate }))
            }
        }
    }

    /// The caps asked for hold from now on. What was collected in the period counts against them, however long it is now.
    fn accept_mandate(&mut self, mandate: MandateView) -> Result<Outcome, Refusal> {
        let state = self.next_state(&mandate, MandateEvent::Accepted)?;
        let terms = mandate.proposed.unwrap_or(mandate.terms);
        let is_current = mandate.used.key == mandate.terms.period.key(self.time);
        let unused = terms.unused(self.time);
        let used = if is_current { MandateUse { key: unused.key, ..mandate.used } } else { unused };
        if !terms.cover(&used) {
            return Err(Refusal::AmendmentBelowUse);
        }
        let changed = self.next_position();
        Ok(self.put_mandate(MandateView { state, terms, used, proposed: None, reason: None, changed, ..mandate }))
    }

    /// MDT-T5, MDT-T6.
    fn suspend_mandate(&mut self, uetr: Uetr, agent: ParticipantId, suspended: bool) -> Result<Outcome, Refusal> {
        let mandate = self.mandate(uetr)?;
        if mandate.debtor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        let (is_so, event) = match suspended {
            true => (mandate.state == MandateState::Suspended, MandateEvent::Suspended),
            false => (mandate.state == MandateState::Active, MandateEvent::Resumed),
        };
        if is_so {
            return Ok(Outcome::Matter { matter: MatterView::Mandate(mandate), repeated: true });
        }
        let state = self.next_state(&mandate, event)?;
        let changed = self.next_position();
        Ok(self.put_mandate(MandateView { state, reason: None, changed, ..mandate }))
    }

    /// MDT-T7. A payment under way for a collection decides by itself.
    fn cancel_mandate(&mut self, uetr: Uetr, agent: ParticipantId, reason: IsoReason) -> Result<Outcome, Refusal> {
        let mandate = self.mandate(uetr)?;
        if mandate.debtor_agent != agent && mandate.creditor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if mandate.state == MandateState::Cancelled {
            return Ok(Outcome::Matter { matter: MatterView::Mandate(mandate), repeated: true });
        }
        let state = self.next_state(&mandate, MandateEvent::Cancelled)?;
        let (changed, cancelled_by) = (self.next_position(), Some(agent));
        Ok(self.put_mandate(MandateView { state, proposed: None, reason: Some(reason), cancelled_by, changed, ..mandate }))
    }

    /// MDT-T8.
    pub(super) fn expire_mandate(&mut self, mandate: MandateView) {
        if let Some(state) = mandate.state.step(MandateEvent::Expired) {
            let changed = self.next_position();
            self.put_mandate(MandateView { state, proposed: None, reason: None, changed, ..mandate });
        }
    }

    pub(super) fn mandate(&self, uetr: Uetr) -> Result<MandateView, Refusal> {
        match self.matter(uetr) {
            Some(MatterView::Mandate(mandate)) => Ok(mandate),
            Some(MatterView::Request(_) | MatterView::Collection(_) | MatterView::Preauth(_)) | None => {
                Err(Refusal::UnknownMatter)
            }
        }
    }

    /// What follows for a mandate that the clock has not ended.
    fn next_state(&self, mandate: &MandateView, event: MandateEvent) -> Result<MandateState, Refusal> {
        // The clock may be behind with ending what it ends.
        if mandate.clock().is_some_and(|at| at <= self.time) {
            return Err(Refusal::MandateStepNotNext);
        }
        mandate.state.step(event).ok_or(Refusal::MandateStepNotNext)
    }

    pub(super) fn put_mandate(&mut self, view: MandateView) -> Outcome {
        let ended_at = view.ended_at.or(view.state.is_final().then_some(self.time));
        let matter = MatterView::Mandate(MandateView { ended_at, ..view });
        self.put_matter(matter);
        Outcome::Matter { matter, repeated: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: how it stands. Columns: what happens, in the order of [`MandateEvent::ALL`]. `.`: cannot happen.
    const TABLE: &str = "
        state      accepted refused amend    suspend   resume cancelled expired
        Asked      Active   Refused .        .         .      Cancelled Expired
        Active     .        .       Amending Suspended .      Cancelled Expired
        Amending   Active   Active  .        .         .      Cancelled Expired
        Suspended  .        .       .        .         Active Cancelled Expired
        Refused    .        .       .        .         .      .         .
        Cancelled  .        .       .        .         .      .         .
        Expired    .        .       .        .         .      .         .
    ";

    #[test]
    fn every_transition_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> = TABLE.trim().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), MandateState::ALL.len());
        for (state, row) in MandateState::ALL.into_iter().zip(rows) {
            assert_eq!(format!("{state:?}"), row[0]);
            for (event, expected) in MandateEvent::ALL.into_iter().zip(&row[1..]) {
                let found = state.step(event).map_or(".".to_owned(), |next| format!("{next:?}"));
                assert_eq!(found, *expected, "{state:?} and {event:?}");
            }
            assert_eq!(state.is_final(), row[1..].iter().all(|next| *next == "."), "{state:?}");
        }
    }
}
