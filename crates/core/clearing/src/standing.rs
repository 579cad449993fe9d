//! Standing: what a participant may do, and whether it is there.
//!
//! ```text
//!             certify            go live
//!  Applied ───────────▶ Certified ───────▶ Live ⇄ ReceiveOnly ⇄ SendOnly       any of the three ⇄ Suspended
//!     ▲                                                                        any at all ──▶ Left (accounts empty)
//!     └──────────────────────────── applies again ──────────────────────────────────────────────┘
//! ```
//! [`ParticipantStatus::followers`] is the table. Payments under way end whatever the standing of their agents.
//!
//! Being there is another matter. A participant is *away* during an [`Absence`] it announced, be it planned maintenance or an
//! outage, and while the [`Breaker`] rests after so many payments in a row to which it gave no answer. Payments to who is away
//! are rejected at once (AB08) rather than held until their deadline. Behind a rest one payment is let through: if it is
//! answered, the rest is over; if not, the next rest begins.
//!
//! # Limits
//! [`Clearing::ABSENCES_MAX`] announced absences a participant.

use crate::arrangement::Arranged;
use crate::codec::{put_u32, put_u64, take_participant, take_u32, take_u64};
use crate::{
    Clearing, DecodeError, EventKind, Notice, Outcome, ParticipantId, ParticipantStatus, ParticipantView, Pay, Refusal,
    RegisterParticipant, Rejection, Says, Time,
};
use planted::{Bug, planted};
use std::collections::BTreeMap;

/// A span of time in which a participant is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absence {
    /// First instant; one that is past means now.
    pub from: Time,
    /// First instant at which it is there again; the end of time if nobody knows.
    pub until: Time,
}

impl Absence {
    /// Whether it is under way.
    pub fn covers(&self, now: Time) -> bool {
        self.from <= now && now < self.until
    }
}

/// When the centre stops asking a participant that does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Payments in a row that must go unanswered; 0: it never stops asking.
    pub timeouts: u32,
    /// How long it rests before it lets one payment through, in nanoseconds.
    pub rest_ns: u64,
}

/// Whether a participant is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// Announced absences that are not over, in order of time.
    pub absences: Vec<Absence>,
    /// Until when it is not asked because it did not answer.
    pub resting_until: Option<Time>,
}

impl Presence {
    /// Whether payments to it are turned away at once.
    pub fn is_away(&self, now: Time) -> bool {
        self.absences.iter().any(|absence| absence.covers(now)) || self.resting_until.is_some_and(|until| now < until)
    }
}

/// What the centre keeps of who is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    breaker: Breaker,
    /// Only of whom there is something to say; `Participant::watched` tells which.
    presences: BTreeMap<ParticipantId, Watched>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Watched {
    presence: Presence,
    /// Payments in a row that went unanswered.
    unanswered: u32,
}

impl ParticipantStatus {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Live, Self::Suspended, Self::Applied, Self::Certified, Self::ReceiveOnly, Self::SendOnly, Self::Left];

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Suspended => "suspended",
            Self::Applied => "applied",
            Self::Certified => "certified",
            Self::ReceiveOnly => "receive-only",
            Self::SendOnly => "send-only",
            Self::Left => "left",
        }
    }

    /// Whether payments from it are taken.
    pub const fn sends(self) -> bool {
        match self {
            Self::Live | Self::SendOnly => true,
            Self::Suspended | Self::Applied | Self::Certified | Self::ReceiveOnly | Self::Left => false,
        }
    }

    /// Whether payments to it are taken.
    pub const fn receives(self) -> bool {
        match self {
            Self::Live | Self::ReceiveOnly => true,
            Self::Suspended | Self::Applied | Self::Certified | Self::SendOnly | Self::Left => false,
        }
    }

    /// What may come next. Who left applies again.
    pub const fn followers(self) -> &'static [Self] {
        match self {
            Self::Applied => &[Self::Certified, Self::Left],
            Self::Certified => &[Self::Live, Self::ReceiveOnly, Self::SendOnly, Self::Left],
            Self::Live => &[Self::ReceiveOnly, Self::SendOnly, Self::Suspended, Self::Left],
            Self::ReceiveOnly => &[Self::Live, Self::SendOnly, Self::Suspended, Self::Left],
            Self::SendOnly => &[Self::Live, Self::ReceiveOnly, Self::Suspended, Self::Left],
            Self::Suspended => &[Self::Live, Self::ReceiveOnly, Self::SendOnly, Self::Left],
            Self::Left => &[],
        }
    }

    /// Whether it has money to do with the scheme: certified, and not gone.
    pub(crate) const fn is_member(self) -> bool {
        match self {
            Self::Live | Self::Suspended | Self::Certified | Self::ReceiveOnly | Self::SendOnly => true,
            Self::Applied | Self::Left => false,
        }
    }
}

impl ParticipantView {
    /// A participant as it stands after an event; `None` if the event changes none. `known` finds it as it stood before.
    pub fn after(event: &EventKind, known: impl Fn(ParticipantId) -> Option<Self>) -> Option<Self> {
        match event {
            EventKind::ParticipantRegistered { participant, bic, name, keys, provides_exchange, currencies } => {
                let before = known(*participant);
                Some(Self {
                    id: *participant,
                    bic: *bic,
                    name: name.clone(),
                    keys: keys.clone(),
                    status: before.as_ref().map_or(ParticipantStatus::Live, |view| view.status),
                    provides_exchange: *provides_exchange,
                    currencies: currencies.clone(),
                    presence: before.map(|view| view.presence).unwrap_or_default(),
                })
            }
            EventKind::StatusChanged { participant, status } => Some(Self { status: *status, ..known(*participant)? }),
            EventKind::Arranged(arranged) => match arranged {
                Arranged::Applied(participant) => Some(Self { status: ParticipantStatus::Applied, ..known(*participant)? }),
                Arranged::Presence { participant, presence } => Some(Self { presence: presence.clone(), ..known(*participant)? }),
                Arranged::KeysSet { participant, keys } => Some(Self { keys: keys.clone(), ..known(*participant)? }),
                Arranged::BreakerSet(_)
                | Arranged::LiquiditySet(_)
                | Arranged::LiquidityLow { .. }
                | Arranged::LiquidityRestored { .. } => None,
            },
            EventKind::LedgerOpened(_)
            | EventKind::Settlement(_)
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_)
            | EventKind::PaymentHeld(_)
            | EventKind::PaymentSettled(_)
            | EventKind::PaymentRejected(_)
            | EventKind::PaymentCredited(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::PaymentWaiting(_)
            | EventKind::PaymentReturned(_)
            | EventKind::Recall(_)
            | EventKind::RulebookSet(_)
            | EventKind::Letter(_)
            | EventKind::SchemeTermsSet(_)
            | EventKind::PaymentReviewed(_)
            | EventKind::Sponsorship(_)
            | EventKind::Day(_)
            | EventKind::Matter(_) => None,
        }
    }
}

impl Clearing {
    /// Most announced absences of one participant.
    pub const ABSENCES_MAX: usize = 16;

    /// When the centre stops asking who does not answer.
    pub fn breaker(&self) -> Breaker {
        self.affairs.standing.breaker
    }

    /// Registers an applicant, or again one that left.
    pub(crate) fn take_application(&mut self, register: &RegisterParticipant) -> Result<Outcome, Refusal> {
        let known = self.by_bic.get(&register.bic).map(|id| self.participants[id.0 as usize].status);
        if known.is_some_and(|status| status != ParticipantStatus::Left) {
            return Err(Refusal::StandingNotNext);
        }
        let outcome = self.register(register)?;
        let Outcome::Registered(id) = outcome else { return Ok(outcome) };
        self.participants[id.0 as usize].status = ParticipantStatus::Applied;
        self.note_arranged(40, id, |_| {});
        self.tell(Arranged::Applied(id));
        Ok(outcome)
    }

    pub(crate) fn set_status(&mut self, id: ParticipantId, status: ParticipantStatus) -> Result<Outcome, Refusal> {
        let before = self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant)?.status;
        if before == status {
            return Ok(Outcome::Done);
        }
        if !before.followers().contains(&status) {
            return Err(Refusal::StandingNotNext);
        }
        if status == ParticipantStatus::Left && self.is_in_sponsorship(id) {
            return Err(Refusal::StillSponsored);
        }
        if status == ParticipantStatus::Left && !self.is_empty_handed(id) {
            return Err(Refusal::AccountsNotEmpty);
        }
        self.participants[id.0 as usize].status = status;
        self.delta.push(2);
        put_u32(&mut self.delta, id.0);
        self.delta.push(status as u8);
        self.emit(EventKind::StatusChanged { participant: id, status });
        Ok(Outcome::Done)
    }

    /// Whether none of its accounts has money or waits for some.
    fn is_empty_handed(&self, id: ParticipantId) -> bool {
        let own = self.ledgers.accounts().zip(&self.owners).filter(|(_, (owner, _))| *owner == Some(id));
        own.map(|((_, account), _)| account)
            .all(|account| account.posted() == 0 && account.debits_held().is_zero() && account.credits_held().is_zero())
    }

    pub(crate) fn set_breaker(&mut self, breaker: Breaker) -> Result<Outcome, Refusal> {
        if breaker.timeouts > 0 && breaker.rest_ns == 0 {
            return Err(Refusal::NotASpan);
        }
        self.affairs.standing.breaker = breaker;
        self.delta.push(41);
        breaker.encode(&mut self.delta);
        self.tell(Arranged::BreakerSet(breaker));
        Ok(Outcome::Done)
    }

    /// A participant's word of itself.
    pub(crate) fn take_notice(&mut self, notice: &Notice) -> Result<Outcome, Refusal> {
        let id = notice.participant;
        let participant = self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if !participant.status.is_member() {
            return Err(Refusal::StandingForbids);
        }
        let now = self.time;
        let mut watched = self.affairs.standing.presences.get(&id).cloned().unwrap_or_default();
        let absences = &mut watched.presence.absences;
        absences.retain(|absence| absence.until > now);
        match notice.says {
            Says::Offline(absence) if absence.until <= absence.from.max(now) => return Err(Refusal::NotASpan),
            Says::Offline(absence) if absences.contains(&absence) => return Ok(Outcome::Done),
            Says::Offline(_) if absences.len() >= Self::ABSENCES_MAX => return Err(Refusal::Full),
            Says::Offline(absence) => {
                absences.push(absence);
                absences.sort_unstable();
            }
            Says::Online => {
                absences.retain(|absence| absence.from > now);
                watched.unanswered = 0;
                watched.presence.resting_until = None;
            }
        }
        self.watch(id, watched);
        Ok(Outcome::Done)
    }

    /// Whether the agents of a payment may send and receive, and the receiving one is there.
    pub(crate) fn check_standing(&self, pay: &Pay) -> Result<(), Rejection> {
        let [debtor, creditor] = [pay.debtor_agent, pay.creditor_agent].map(|id| &self.participants[id.0 as usize]);
        let sends = debtor.status.sends() || debtor.status == ParticipantStatus::Suspended && planted(Bug::SuspendedMayPay);
        if !sends {
            return Err(match debtor.status {
                ParticipantStatus::Suspended => Rejection::DebtorAgentSuspended,
                ParticipantStatus::Live
                | ParticipantStatus::Applied
                | ParticipantStatus::Certified
                | ParticipantStatus::ReceiveOnly
                | ParticipantStatus::SendOnly
                | ParticipantStatus::Left => Rejection::DebtorAgentNotSending,
            });
        }
        match creditor.status {
            ParticipantStatus::Live | ParticipantStatus::ReceiveOnly => {}
            ParticipantStatus::Suspended => return Err(Rejection::CreditorAgentSuspended),
            ParticipantStatus::Applied | ParticipantStatus::Certified | ParticipantStatus::SendOnly | ParticipantStatus::Left => {
                return Err(Rejection::CreditorAgentNotReceiving);
            }
        }
        if debtor.is_sponsored || creditor.is_sponsored {
            self.check_sponsors_standing(pay)?;
        }
        if creditor.watched && self.is_away(pay.creditor_agent) { Err(Rejection::CreditorAgentOffline) } else { Ok(()) }
    }

    fn is_away(&self, id: ParticipantId) -> bool {
        self.affairs.standing.presences.get(&id).is_some_and(|watched| watched.presence.is_away(self.time))
    }

    /// A payment was put to the creditor agent. Behind a rest it is the one that finds out; the others wait for its end.
    pub(crate) fn note_asked(&mut self, id: ParticipantId) {
        if !self.participants[id.0 as usize].watched {
            return;
        }
        let Some(watched) = self.affairs.standing.presences.get(&id) else { return };
        if watched.presence.resting_until.is_some() {
            let resting_until = Some(self.time.after(self.affairs.standing.breaker.rest_ns));
            let presence = Presence { resting_until, ..watched.presence.clone() };
            self.watch(id, Watched { presence, unanswered: watched.unanswered });
        }
    }

    /// The creditor agent answered: it is there.
    pub(crate) fn note_answered(&mut self, id: ParticipantId) {
        if !self.participants[id.0 as usize].watched {
            return;
        }
        let Some(watched) = self.affairs.standing.presences.get(&id).filter(|watched| watched.unanswered > 0) else { return };
        let presence = Presence { resting_until: None, ..watched.presence.clone() };
        self.watch(id, Watched { presence, unanswered: 0 });
    }

    /// The creditor agent let a payment's deadline pass.
    pub(crate) fn note_unanswered(&mut self, id: ParticipantId) {
        let breaker = self.affairs.standing.breaker;
        if breaker.timeouts == 0 {
            return;
        }
        let mut watched = self.affairs.standing.presences.get(&id).cloned().unwrap_or_default();
        watched.unanswered = watched.unanswered.saturating_add(1);
        if watched.unanswered >= breaker.timeouts {
            watched.presence.resting_until = Some(self.time.after(breaker.rest_ns));
        }
        self.watch(id, watched);
    }

    /// Enters how a participant is there; tells it if readers can see the difference.
    fn watch(&mut self, id: ParticipantId, watched: Watched) {
        self.note_arranged(42, id, |out| watched.encode(out));
        self.participants[id.0 as usize].watched = watched != Watched::default();
        let presence = watched.presence.clone();
        let presences = &mut self.affairs.standing.presences;
        let before = match watched == Watched::default() {
            true => presences.remove(&id),
            false => presences.insert(id, watched),
        };
        if before.unwrap_or_default().presence != presence {
            self.tell(Arranged::Presence { participant: id, presence });
        }
    }

    pub(crate) fn presence(&self, id: ParticipantId) -> Presence {
        self.affairs.standing.presences.get(&id).map(|watched| watched.presence.clone()).unwrap_or_default()
    }

    pub(crate) fn decode_standing(&mut self, bytes: &mut &[u8]) -> Result<(), DecodeError> {
        self.affairs.standing = Standing::decode(bytes)?;
        for id in self.affairs.standing.presences.keys() {
            self.participants.get_mut(id.0 as usize).ok_or(DecodeError::Unknown("participant that is away"))?.watched = true;
        }
        Ok(())
    }
}

impl Standing {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.breaker.encode(out);
        put_u32(out, self.presences.len() as u32);
        for (id, watched) in &self.presences {
            put_u32(out, id.0);
            watched.encode(out);
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut standing = Self { breaker: Breaker::decode(bytes)?, presences: BTreeMap::new() };
        for _ in 0..take_u32(bytes)? {
            let (id, watched) = (take_participant(bytes)?, Watched::decode(bytes)?);
            let last = standing.presences.last_key_value().map(|(last, _)| *last);
            if last.is_some_and(|last| last >= id) || watched == Watched::default() {
                return Err(DecodeError::Unknown("presence"));
            }
            standing.presences.insert(id, watched);
        }
        Ok(standing)
    }
}

impl Watched {
    fn encode(&self, out: &mut Vec<u8>) {
        put_u32(out, self.unanswered);
        // A rest that ends at zero is none: time begins behind it.
        put_u64(out, self.presence.resting_until.map_or(0, |until| until.0));
        put_u32(out, self.presence.absences.len() as u32);
        self.presence.absences.iter().for_each(|absence| absence.encode(out));
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let unanswered = take_u32(bytes)?;
        let resting_until = Some(take_u64(bytes)?).filter(|&until| until != 0).map(Time);
        let count = take_u32(bytes)?;
        let absences = (0..count).map(|_| Absence::decode(bytes)).collect::<Result<_, _>>()?;
        Ok(Self { presence: Presence { absences, resting_until }, unanswered })
    }
}
