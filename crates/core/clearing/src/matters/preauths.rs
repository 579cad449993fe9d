//! Pre-authorisations: a creditor agent asks that money be reserved, and captures parts of it later.
//!
//! ```text
//!            pain.013             pacs.008 that reserves             pacs.003, a part          pacs.003, the last or the rest
//! creditor ──────────▶ Asked ───────────────────────────▶ Reserved ──────────────────▶ Reserved ────────────────────▶ Captured
//! agent                  │                                    │
//!                        ├─▶ Refused by the debtor agent      ├─▶ Released by the creditor agent: the rest is free
//!                        ├─▶ Withdrawn by the creditor agent  └─▶ Expired by the clock: the rest is free
//!                        └─▶ Expired by the clock
//! ```
//!
//! The transitions are [`PreauthState::step`], closed and total: PRE-T1 asked; PRE-T2 reserved; PRE-T3 refused; PRE-T4 captured in
//! part; PRE-T5 captured for the last time; PRE-T6 released or withdrawn; PRE-T7 expired.
//!
//! What is reserved is a hold of one leg in the ledger, of what is left to capture and of room for what the debtor agent will be
//! charged. A capture is a payment: it has a UETR of its own, settles at once out of the hold, and is final (see `captures.rs`).
//! How what is reserved is held, counted and let go is in `reserving.rs`.
//!
//! # Invariants
//! PRE-01: what is captured never exceeds what was reserved, and the hold is exactly what is left.
//!
//! # Limits
//! [`PreauthTerms`], data of the scheme: how long, how much, how often. A debtor agent that does not reserve within
//! [`Clearing::PREAUTH_ANSWER_NS`] is asked no more. [`Clearing::MANDATES_OF_ONE_MAX`] of one creditor agent, mandates and
//! collections with them.

use crate::{
    Bic, Clearing, ContentHash, IsoReason, MatterTold, MatterView, MessageIdHash, Outcome, ParticipantId, Pay, Position,
    PreauthTerms, Refusal, Time, Uetr,
};
use money::{Amount, CurrencyCode, MinorUnits};

/// A pre-authorisation that is asked for (`pain.013` with `GrntedPmtReqd`), after authentication, schema and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskPreauth {
    /// Its UETR. What reserves it, and each capture, has another one.
    pub preauth: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Whose customer will be paid, as authenticated.
    pub creditor_agent: ParticipantId,
    /// Whose customer's money is to be reserved.
    pub debtor_agent: ParticipantId,
    /// How much.
    pub amount: MinorUnits,
    /// Its currency.
    pub currency: CurrencyCode,
    /// First instant at which nothing can be captured any more (`XpryDt`).
    pub expires_at: Time,
}

/// A part that is captured (`pacs.003` that names the pre-authorisation), after authentication, schema and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Its UETR: the payment's.
    pub capture: Uetr,
    /// What it is captured from (`MndtRltdInf/MndtId`).
    pub preauth: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Its `MsgId`, hashed with the sender.
    pub message_id: MessageIdHash,
    /// Who captures, as authenticated.
    pub creditor_agent: ParticipantId,
    /// Whose customer pays.
    pub debtor_agent: ParticipantId,
    /// How much.
    pub amount: MinorUnits,
    /// Its currency.
    pub currency: CurrencyCode,
    /// Whether nothing more will be captured (`SeqTp` `FNAL` or `OOFF`): the rest is free.
    pub is_last: bool,
    /// When its message was made: a message sent again says the same.
    pub created_at: Time,
}

/// One step of a pre-authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreauthStep {
    /// Opens one (`pain.013`).
    Ask(AskPreauth),
    /// The debtor agent reserves the money (`pacs.008` that names the pre-authorisation).
    Reserve {
        /// Which pre-authorisation.
        preauth: Uetr,
        /// The debtor agent's payment, of which nothing moves yet.
        pay: Box<Pay>,
    },
    /// The debtor agent does not reserve (`pain.014`).
    Refuse {
        /// Which pre-authorisation.
        preauth: Uetr,
        /// Who says so, as authenticated.
        debtor_agent: ParticipantId,
        /// Why.
        reason: IsoReason,
    },
    /// The creditor agent needs it no more (`camt.055`).
    Release {
        /// Which pre-authorisation.
        preauth: Uetr,
        /// Who says so, as authenticated.
        creditor_agent: ParticipantId,
    },
    /// The creditor agent captures a part (`pacs.003`).
    Capture(Capture),
}

/// How a pre-authorisation stands. All but `Asked` and `Reserved` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PreauthState {
    /// The debtor agent is asked.
    Asked,
    /// The money is held.
    Reserved,
    /// Captured for the last time.
    Captured,
    /// Let go by the creditor agent.
    Released,
    /// Refused by the debtor agent.
    Refused,
    /// Taken back by the creditor agent before anything was reserved.
    Withdrawn,
    /// Its time was over.
    Expired,
}

/// What can happen to a pre-authorisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PreauthEvent {
    /// PRE-T2.
    Reserved,
    /// PRE-T3.
    Refused,
    /// PRE-T4.
    CapturedPart,
    /// PRE-T5.
    CapturedLast,
    /// PRE-T6.
    Released,
    /// PRE-T7.
    Expired,
}

impl PreauthEvent {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Reserved, Self::Refused, Self::CapturedPart, Self::CapturedLast, Self::Released, Self::Expired];
}

impl PreauthState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Asked, Self::Reserved, Self::Captured, Self::Released, Self::Refused, Self::Withdrawn, Self::Expired];

    /// What follows; `None` where the event cannot happen.
    pub const fn step(self, event: PreauthEvent) -> Option<Self> {
        use PreauthEvent as E;
        match (self, event) {
            (Self::Asked, E::Reserved) => Some(Self::Reserved),
            (Self::Asked, E::Refused) => Some(Self::Refused),
            (Self::Asked, E::Released) => Some(Self::Withdrawn),
            (Self::Reserved, E::CapturedPart) => Some(Self::Reserved),
            (Self::Reserved, E::CapturedLast) => Some(Self::Captured),
            (Self::Reserved, E::Released) => Some(Self::Released),
            (Self::Asked | Self::Reserved, E::Expired) => Some(Self::Expired),
            (Self::Asked, E::CapturedPart | E::CapturedLast)
            | (Self::Reserved, E::Reserved | E::Refused)
            | (Self::Captured | Self::Released | Self::Refused | Self::Withdrawn | Self::Expired, _) => None,
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Reserved => false,
            Self::Captured | Self::Released | Self::Refused | Self::Withdrawn | Self::Expired => true,
        }
    }
}

/// The debtor agent's payment that reserved the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReservedBy {
    /// Its UETR.
    pub payment: Uetr,
    /// SHA-256 of its signed body.
    pub content: ContentHash,
    /// Its `MsgId`, hashed with the sender.
    pub message_id: MessageIdHash,
}

/// A pre-authorisation as it stands after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreauthView {
    /// Its UETR.
    pub uetr: Uetr,
    /// Hash of the creditor agent's signed message.
    pub content: ContentHash,
    /// Whose customer is paid.
    pub creditor_agent: ParticipantId,
    /// Its BIC.
    pub creditor_bic: Bic,
    /// Whose customer's money it is.
    pub debtor_agent: ParticipantId,
    /// Its BIC.
    pub debtor_bic: Bic,
    /// How much is asked for, and was reserved.
    pub amount: Amount,
    /// How much of it was captured.
    pub captured: MinorUnits,
    /// In how many parts.
    pub captures: u16,
    /// In how many it may be.
    pub captures_max: u16,
    /// What is held beside what is left to capture, for what the debtor agent will be charged.
    pub charge_room: MinorUnits,
    /// How it stands.
    pub state: PreauthState,
    /// Why it was refused.
    pub reason: Option<IsoReason>,
    /// What reserved the money, once it did.
    pub reserved: Option<ReservedBy>,
    /// When it was opened.
    pub received_at: Time,
    /// First instant at which nothing can be captured any more.
    pub expires_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that opened it: the debtor agent is asked.
    pub asked: Position,
    /// The last event of it that somebody is told of.
    pub changed: Position,
}

impl PreauthView {
    /// What can still be captured; nothing once it has ended.
    pub const fn left(&self) -> MinorUnits {
        match self.state {
            PreauthState::Reserved => MinorUnits(self.amount.minor.0.saturating_sub(self.captured.0)),
            PreauthState::Asked
            | PreauthState::Captured
            | PreauthState::Released
            | PreauthState::Refused
            | PreauthState::Withdrawn
            | PreauthState::Expired => MinorUnits::ZERO,
        }
    }

    /// What the debtor agent's account shows as held for it.
    pub const fn held(&self) -> MinorUnits {
        match self.state {
            PreauthState::Reserved => MinorUnits(self.left().0.saturating_add(self.charge_room.0)),
            PreauthState::Asked
            | PreauthState::Captured
            | PreauthState::Released
            | PreauthState::Refused
            | PreauthState::Withdrawn
            | PreauthState::Expired => MinorUnits::ZERO,
        }
    }

    pub(super) fn told_to(&self) -> Vec<MatterTold> {
        let told = |reader| MatterTold { reader, position: self.changed, asks: false };
        match self.state {
            PreauthState::Asked => vec![MatterTold { reader: self.debtor_agent, position: self.asked, asks: true }],
            PreauthState::Reserved | PreauthState::Refused => vec![told(self.creditor_agent)],
            PreauthState::Withdrawn => vec![told(self.debtor_agent)],
            PreauthState::Captured | PreauthState::Released | PreauthState::Expired => {
                vec![told(self.creditor_agent), told(self.debtor_agent)]
            }
        }
    }

    /// When the clock ends it.
    pub(super) fn clock(&self) -> Option<Time> {
        match self.state {
            PreauthState::Asked => Some(self.expires_at.min(self.received_at.after(Clearing::PREAUTH_ANSWER_NS))),
            PreauthState::Reserved => Some(self.expires_at),
            PreauthState::Captured
            | PreauthState::Released
            | PreauthState::Refused
            | PreauthState::Withdrawn
            | PreauthState::Expired => None,
        }
    }
}

impl Clearing {
    /// How long a debtor agent may take to reserve what a creditor agent asks for: its customer stands at a desk.
    pub const PREAUTH_ANSWER_NS: u64 = 3_600 * 1_000_000_000;

    pub(super) fn step_preauth(&mut self, step: &PreauthStep) -> Result<Outcome, Refusal> {
        match step {
            PreauthStep::Ask(ask) => self.ask_preauth(ask),
            PreauthStep::Reserve { preauth, pay } => self.reserve_preauth(*preauth, pay),
            PreauthStep::Refuse { preauth, debtor_agent, reason } => self.refuse_preauth(*preauth, *debtor_agent, *reason),
            PreauthStep::Release { preauth, creditor_agent } => self.release_preauth(*preauth, *creditor_agent),
            PreauthStep::Capture(capture) => self.capture(capture),
        }
    }

    /// PRE-T1, or the answer again that was given before.
    fn ask_preauth(&mut self, ask: &AskPreauth) -> Result<Outcome, Refusal> {
        if let Some(matter @ MatterView::Preauth(known)) = self.matter(ask.preauth)
            && known.content == ask.content
            && known.creditor_agent == ask.creditor_agent
        {
            return Ok(Outcome::Matter { matter, repeated: true });
        }
        self.check_free(ask.preauth)?;
        let [creditor_bic, debtor_bic] = self.check_pulling_agents(ask.creditor_agent, ask.debtor_agent)?;
        let ledger = self.ledger_of(ask.currency).ok_or(Refusal::UnknownCurrency)?;
        if ask.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        let terms = &self.matters.preauth_terms;
        terms.check(ask, self.time)?;
        let captures_max = terms.captures_max;
        let position = self.next_position();
        let view = PreauthView {
            uetr: ask.preauth,
            content: ask.content,
            creditor_agent: ask.creditor_agent,
            creditor_bic,
            debtor_agent: ask.debtor_agent,
            debtor_bic,
            amount: Amount { minor: ask.amount, currency: self.currency(ledger) },
            captured: MinorUnits::ZERO,
            captures: 0,
            captures_max,
            charge_room: MinorUnits::ZERO,
            state: PreauthState::Asked,
            reason: None,
            reserved: None,
            received_at: self.time,
            expires_at: ask.expires_at,
            ended_at: None,
            asked: position,
            changed: position,
        };
        Ok(self.put_preauth(view))
    }

    /// PRE-T3.
    fn refuse_preauth(&mut self, uetr: Uetr, agent: ParticipantId, reason: IsoReason) -> Result<Outcome, Refusal> {
        let preauth = self.preauth(uetr)?;
        if preauth.debtor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if preauth.state == PreauthState::Refused && preauth.reason == Some(reason) {
            return Ok(Outcome::Matter { matter: MatterView::Preauth(preauth), repeated: true });
        }
        if preauth.state == PreauthState::Reserved {
            return Err(Refusal::PreauthReserved);
        }
        let state = self.next_of_preauth(&preauth, PreauthEvent::Refused)?;
        let changed = self.next_position();
        Ok(self.put_preauth(PreauthView { state, reason: Some(reason), changed, ..preauth }))
    }

    /// PRE-T6.
    fn release_preauth(&mut self, uetr: Uetr, agent: ParticipantId) -> Result<Outcome, Refusal> {
        let preauth = self.preauth(uetr)?;
        if preauth.creditor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if matches!(preauth.state, PreauthState::Released | PreauthState::Withdrawn) {
            return Ok(Outcome::Matter { matter: MatterView::Preauth(preauth), repeated: true });
        }
        let state = self.next_of_preauth(&preauth, PreauthEvent::Released)?;
        self.let_go(&preauth);
        let changed = self.next_position();
        Ok(self.put_preauth(PreauthView { state, changed, ..preauth }))
    }

    /// PRE-T7.
    pub(super) fn expire_preauth(&mut self, preauth: PreauthView) {
        if let Some(state) = preauth.state.step(PreauthEvent::Expired) {
            self.let_go(&preauth);
            let changed = self.next_position();
            self.put_preauth(PreauthView { state, changed, ..preauth });
        }
    }

    /// What follows for one that the clock has not ended.
    pub(super) fn next_of_preauth(&self, preauth: &PreauthView, event: PreauthEvent) -> Result<PreauthState, Refusal> {
        // The clock may be behind with ending what it ends.
        if preauth.clock().is_some_and(|at| at <= self.time) {
            return Err(Refusal::PreauthEnded);
        }
        preauth.state.step(event).ok_or(Refusal::PreauthEnded)
    }

    pub(super) fn preauth(&self, uetr: Uetr) -> Result<PreauthView, Refusal> {
        match self.matter(uetr) {
            Some(MatterView::Preauth(preauth)) => Ok(preauth),
            Some(MatterView::Request(_) | MatterView::Mandate(_) | MatterView::Collection(_)) | None => {
                Err(Refusal::UnknownMatter)
            }
        }
    }

    pub(super) fn put_preauth(&mut self, view: PreauthView) -> Outcome {
        let ended_at = view.state.is_final().then_some(self.time);
        let matter = MatterView::Preauth(PreauthView { ended_at, ..view });
        self.put_matter(matter);
        Outcome::Matter { matter, repeated: false }
    }

    /// What holds for pre-authorisations that are asked for from now on.
    pub fn preauth_terms(&self) -> &PreauthTerms {
        &self.matters.preauth_terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: how it stands. Columns: what happens, in the order of [`PreauthEvent::ALL`]. `.`: cannot happen.
    const TABLE: &str = "
        state     reserved refused part     last     released  expired
        Asked     Reserved Refused .        .        Withdrawn Expired
        Reserved  .        .       Reserved Captured Released  Expired
        Captured  .        .       .        .        .         .
        Released  .        .       .        .        .         .
        Refused   .        .       .        .        .         .
        Withdrawn .        .       .        .        .         .
        Expired   .        .       .        .        .         .
    ";

    #[test]
    fn every_transition_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> = TABLE.trim().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), PreauthState::ALL.len());
        for (state, row) in PreauthState::ALL.into_iter().zip(rows) {
            assert_eq!(format!("{state:?}"), row[0]);
            for (event, expected) in PreauthEvent::ALL.into_iter().zip(&row[1..]) {
                let found = state.step(event).map_or(".".to_owned(), |next| format!("{next:?}"));
                assert_eq!(found, *expected, "{state:?} and {event:?}");
            }
            assert_eq!(state.is_final(), row[1..].iter().all(|next| *next == "."), "{state:?}");
        }
    }
}
