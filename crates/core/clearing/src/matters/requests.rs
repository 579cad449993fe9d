//! Requests to pay: the creditor asks, the debtor accepts and pays, refuses, or lets it expire.
//!
//! ```text
//!            pain.013                         Withdraw
//! creditor ──────────▶ Asked ──▶ Presented ─────────────▶ Withdrawn
//! agent                  │ │        │ │
//!                        │ └────────┴─┼──▶ Refused (the debtor agent's reason; also once accepted)
//!                        ▼            ▼
//!                       Accepted ◀─────────┐ the payment was rejected
//!                        │   │             │
//!            clock: Expired  └──▶ Paying ──┴──▶ Paid
//! ```
//!
//! The transitions are [`RequestState::step`], closed and total: RTP-T1 opened; RTP-T2 presented; RTP-T3 accepted; RTP-T4 refused;
//! RTP-T5 withdrawn by the creditor agent, before it was accepted; RTP-T6 expired by the clock; RTP-T7 a payment made on it is
//! held; RTP-T8 that payment settled; RTP-T9 that payment was rejected, and another one may be made.
//!
//! # Invariants
//! RTP-01: a request is paid by one settled payment at most, of what was asked, or less where less is allowed.
//!
//! # Limits
//! [`Clearing::REQUEST_LIFE_MAX_NS`] from opening to expiry.

use crate::codec::{put_u64, take, take_bool, take_code, take_participant, take_reason, take_u64};
use crate::{
    Bic, Clearing, ContentHash, DecodeError, IsoReason, MatterTold, MatterView, Outcome, ParticipantId, PaymentView, Position,
    Refusal, Rejection, Time, Uetr,
};
use money::{Amount, CurrencyCode, MinorUnits};

/// A request to pay (`pain.013`), after authentication, schema and rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskToPay {
    /// Its UETR. The payment that settles it has another one.
    pub request: Uetr,
    /// SHA-256 of the signed body as received.
    pub content: ContentHash,
    /// Who asks, as authenticated.
    pub creditor_agent: ParticipantId,
    /// Whose customer is asked.
    pub debtor_agent: ParticipantId,
    /// What the creditor is to receive; not zero.
    pub amount: MinorUnits,
    /// Its currency.
    pub currency: CurrencyCode,
    /// Whether less may be paid (`AmtModAllwd`).
    pub less_allowed: bool,
    /// First instant at which it can no longer be accepted or paid (`XpryDt`).
    pub expires_at: Time,
}

/// One step of a request to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestStep {
    /// Opens one (`pain.013`).
    Ask(AskToPay),
    /// The debtor agent's answer (`pain.014`).
    Answer {
        /// Which request.
        request: Uetr,
        /// Who answers, as authenticated.
        debtor_agent: ParticipantId,
        /// What it says.
        says: RequestAnswer,
    },
    /// The creditor agent does not ask any more (`camt.055`).
    Withdraw {
        /// Which request.
        request: Uetr,
        /// Who says so, as authenticated.
        creditor_agent: ParticipantId,
    },
}

/// What a debtor agent says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestAnswer {
    /// The debtor has been shown it (`PRES`).
    Presented,
    /// The debtor will pay (`ACCP`).
    Accepted,
    /// The debtor or its agent will not, for this ISO reason (`RJCT`).
    Refused(IsoReason),
}

/// How a request stands. `Paid`, `Refused`, `Withdrawn` and `Expired` are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestState {
    /// The debtor agent is asked.
    Asked,
    /// The debtor has been shown it.
    Presented,
    /// The debtor will pay.
    Accepted,
    /// A payment made on it is held.
    Paying,
    /// That payment settled.
    Paid,
    /// Refused by the debtor or its agent.
    Refused,
    /// Taken back by the creditor agent.
    Withdrawn,
    /// Nobody paid in time.
    Expired,
}

/// What can happen to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequestEvent {
    /// RTP-T2.
    Presented,
    /// RTP-T3.
    Accepted,
    /// RTP-T4.
    Refused,
    /// RTP-T5.
    Withdrawn,
    /// RTP-T6.
    Expired,
    /// RTP-T7.
    PaymentHeld,
    /// RTP-T8.
    PaymentSettled,
    /// RTP-T9.
    PaymentRejected,
}

impl RequestEvent {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Presented,
        Self::Accepted,
        Self::Refused,
        Self::Withdrawn,
        Self::Expired,
        Self::PaymentHeld,
        Self::PaymentSettled,
        Self::PaymentRejected,
    ];
}

impl RequestState {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] =
        [Self::Asked, Self::Presented, Self::Accepted, Self::Paying, Self::Paid, Self::Refused, Self::Withdrawn, Self::Expired];

    /// What follows; `None` where the event cannot happen.
    pub const fn step(self, event: RequestEvent) -> Option<Self> {
        use RequestEvent as E;
        match (self, event) {
            (Self::Asked, E::Presented) => Some(Self::Presented),
            (Self::Asked | Self::Presented, E::Accepted) => Some(Self::Accepted),
            (Self::Asked | Self::Presented | Self::Accepted, E::Refused) => Some(Self::Refused),
            (Self::Asked | Self::Presented, E::Withdrawn) => Some(Self::Withdrawn),
            (Self::Asked | Self::Presented | Self::Accepted, E::Expired) => Some(Self::Expired),
            (Self::Accepted, E::PaymentHeld) => Some(Self::Paying),
            (Self::Paying, E::PaymentSettled) => Some(Self::Paid),
            (Self::Paying, E::PaymentRejected) => Some(Self::Accepted),
            (
                Self::Asked | Self::Presented | Self::Accepted,
                E::PaymentHeld | E::PaymentSettled | E::PaymentRejected | E::Presented | E::Accepted | E::Withdrawn,
            )
            | (Self::Paying, E::Presented | E::Accepted | E::Refused | E::Withdrawn | E::Expired | E::PaymentHeld)
            | (Self::Paid | Self::Refused | Self::Withdrawn | Self::Expired, _) => None,
        }
    }

    /// Whether nothing follows.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Asked | Self::Presented | Self::Accepted | Self::Paying => false,
            Self::Paid | Self::Refused | Self::Withdrawn | Self::Expired => true,
        }
    }

    /// Why a step that cannot happen in this state is refused.
    const fn refusal(self) -> Refusal {
        match self {
            // Nothing but what a payment decides is refused in these.
            Self::Asked | Self::Presented | Self::Accepted | Self::Paying => Refusal::RequestAccepted,
            Self::Paid => Refusal::RequestPaid,
            Self::Refused => Refusal::RequestRefused,
            Self::Withdrawn => Refusal::RequestWithdrawn,
            Self::Expired => Refusal::RequestExpired,
        }
    }
}

/// A request as it stands after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestView {
    /// Its UETR.
    pub uetr: Uetr,
    /// Hash of the creditor agent's signed message.
    pub content: ContentHash,
    /// Who asks.
    pub creditor_agent: ParticipantId,
    /// Its BIC.
    pub creditor_bic: Bic,
    /// Whose customer is asked.
    pub debtor_agent: ParticipantId,
    /// Its BIC.
    pub debtor_bic: Bic,
    /// What the creditor is to receive.
    pub amount: Amount,
    /// Whether less may be paid.
    pub less_allowed: bool,
    /// How it stands.
    pub state: RequestState,
    /// Why it was refused.
    pub reason: Option<IsoReason>,
    /// The payment under way, or the one that settled it.
    pub settlement: Option<Settlement>,
    /// When it was opened.
    pub received_at: Time,
    /// First instant at which it can no longer be accepted or paid.
    pub expires_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// The event that opened it: the debtor agent is asked.
    pub asked: Position,
    /// The last event of it that somebody is told of.
    pub changed: Position,
}

/// What a request was paid by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The payment.
    pub payment: Uetr,
    /// What the creditor agent received.
    pub credit: Amount,
}

impl RequestView {
    pub(super) fn told_to(&self) -> Vec<MatterTold> {
        let told = |reader| MatterTold { reader, position: self.changed, asks: false };
        let asked = MatterTold { reader: self.debtor_agent, position: self.asked, asks: true };
        match self.state {
            RequestState::Asked => vec![asked],
            RequestState::Presented | RequestState::Accepted | RequestState::Paying => vec![asked, told(self.creditor_agent)],
            RequestState::Refused => vec![told(self.creditor_agent)],
            RequestState::Paid | RequestState::Expired => vec![told(self.creditor_agent), told(self.debtor_agent)],
            // The creditor agent had this for an answer.
            RequestState::Withdrawn => vec![told(self.debtor_agent)],
        }
    }

    /// When the clock ends it; `None` while a payment decides.
    pub(super) const fn clock(&self) -> Option<Time> {
        match self.state {
            RequestState::Asked | RequestState::Presented | RequestState::Accepted => Some(self.expires_at),
            RequestState::Paying
            | RequestState::Paid
            | RequestState::Refused
            | RequestState::Withdrawn
            | RequestState::Expired => None,
        }
    }
}

impl Clearing {
    /// Longest life of a request: 366 days.
    pub const REQUEST_LIFE_MAX_NS: u64 = 366 * 86_400 * 1_000_000_000;

    pub(super) fn step_request(&mut self, step: &RequestStep) -> Result<Outcome, Refusal> {
        match step {
            RequestStep::Ask(ask) => self.ask_to_pay(ask),
            RequestStep::Answer { request, debtor_agent, says } => self.answer_request(*request, *debtor_agent, *says),
            RequestStep::Withdraw { request, creditor_agent } => self.withdraw_request(*request, *creditor_agent),
        }
    }

    /// RTP-T1, or the answer again that was given before.
    fn ask_to_pay(&mut self, ask: &AskToPay) -> Result<Outcome, Refusal> {
        if let Some(matter @ MatterView::Request(known)) = self.matter(ask.request)
            && known.content == ask.content
            && known.creditor_agent == ask.creditor_agent
        {
            return Ok(Outcome::Matter { matter, repeated: true });
        }
        self.check_free(ask.request)?;
        let [creditor_bic, debtor_bic] = self.check_request_agents(ask)?;
        let ledger = self.ledger_of(ask.currency).ok_or(Refusal::UnknownCurrency)?;
        if ask.amount.is_zero() {
            return Err(Refusal::ZeroAmount);
        }
        if ask.expires_at <= self.time || ask.expires_at > self.time.after(Self::REQUEST_LIFE_MAX_NS) {
            return Err(Refusal::ExpiryNotValid);
        }
        let position = self.next_position();
        let view = RequestView {
            uetr: ask.request,
            content: ask.content,
            creditor_agent: ask.creditor_agent,
            creditor_bic,
            debtor_agent: ask.debtor_agent,
            debtor_bic,
            amount: Amount { minor: ask.amount, currency: self.currency(ledger) },
            less_allowed: ask.less_allowed,
            state: RequestState::Asked,
            reason: None,
            settlement: None,
            received_at: self.time,
            expires_at: ask.expires_at,
            ended_at: None,
            asked: position,
            changed: position,
        };
        Ok(self.put_request(view))
    }

    /// The creditor agent can be paid, and the debtor agent pay.
    fn check_request_agents(&self, ask: &AskToPay) -> Result<[Bic; 2], Refusal> {
        let find = |id: ParticipantId| self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant);
        let (creditor, debtor) = (find(ask.creditor_agent)?, find(ask.debtor_agent)?);
        if ask.creditor_agent == ask.debtor_agent {
            return Err(Refusal::SameAgents);
        }
        if !creditor.status.receives() || !debtor.status.sends() {
            return Err(Refusal::StandingForbids);
        }
        Ok([creditor.bic, debtor.bic])
    }

    /// RTP-T2 to RTP-T4.
    fn answer_request(&mut self, uetr: Uetr, agent: ParticipantId, says: RequestAnswer) -> Result<Outcome, Refusal> {
        let request = self.request(uetr)?;
        if request.debtor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        let (event, reason) = match says {
            RequestAnswer::Presented => (RequestEvent::Presented, None),
            RequestAnswer::Accepted => (RequestEvent::Accepted, None),
            RequestAnswer::Refused(reason) => (RequestEvent::Refused, Some(reason)),
        };
        // Whoever shows a request says so before its debtor accepts, and the two may pass each other on the way.
        let was_said = match (says, request.state) {
            (RequestAnswer::Presented, RequestState::Presented) => true,
            (
                RequestAnswer::Presented | RequestAnswer::Accepted,
                RequestState::Accepted | RequestState::Paying | RequestState::Paid,
            ) => true,
            (RequestAnswer::Refused(reason), RequestState::Refused) => request.reason == Some(reason),
            (RequestAnswer::Presented | RequestAnswer::Accepted | RequestAnswer::Refused(_), _) => false,
        };
        if was_said {
            return Ok(Outcome::Matter { matter: MatterView::Request(request), repeated: true });
        }
        self.move_request(request, event, reason)
    }

    /// RTP-T5.
    fn withdraw_request(&mut self, uetr: Uetr, agent: ParticipantId) -> Result<Outcome, Refusal> {
        let request = self.request(uetr)?;
        if request.creditor_agent != agent {
            return Err(Refusal::NotYourMatter);
        }
        if request.state == RequestState::Withdrawn {
            return Ok(Outcome::Matter { matter: MatterView::Request(request), repeated: true });
        }
        self.move_request(request, RequestEvent::Withdrawn, None)
    }

    fn request(&self, uetr: Uetr) -> Result<RequestView, Refusal> {
        match self.matter(uetr) {
            Some(MatterView::Request(request)) => Ok(request),
            Some(MatterView::Mandate(_) | MatterView::Collection(_) | MatterView::Preauth(_)) | None => {
                Err(Refusal::UnknownMatter)
            }
        }
    }

    /// What an agent does to a request that has not expired.
    fn move_request(&mut self, request: RequestView, event: RequestEvent, reason: Option<IsoReason>) -> Result<Outcome, Refusal> {
        // The clock may be behind with ending what it ends.
        if request.clock().is_some_and(|at| at <= self.time) {
            return Err(Refusal::RequestExpired);
        }
        let state = request.state.step(event).ok_or(request.state.refusal())?;
        let changed = self.next_position();
        Ok(self.put_request(RequestView { state, reason, changed, ..request }))
    }

    fn put_request(&mut self, view: RequestView) -> Outcome {
        let ended_at = view.state.is_final().then_some(self.time);
        let matter = MatterView::Request(RequestView { ended_at, ..view });
        self.put_matter(matter);
        Outcome::Matter { matter, repeated: false }
    }

    /// RTP-T6.
    pub(super) fn expire_request(&mut self, request: RequestView) {
        if let Some(state) = request.state.step(RequestEvent::Expired) {
            let changed = self.next_position();
            self.put_request(RequestView { state, changed, ..request });
        }
    }

    /// Whether a payment may be made on a request: `credit` is what the creditor agent will receive.
    pub(crate) fn check_request(
        &self,
        uetr: Uetr,
        [debtor_agent, creditor_agent]: [ParticipantId; 2],
        (credit, currency): (MinorUnits, CurrencyCode),
    ) -> Result<(), Rejection> {
        let request = self.request(uetr).map_err(|_| Rejection::RequestNotOpen)?;
        if request.debtor_agent != debtor_agent || request.creditor_agent != creditor_agent {
            return Err(Rejection::RequestDiffers);
        }
        match request.state {
            RequestState::Accepted if request.expires_at <= self.time => return Err(Rejection::RequestExpired),
            RequestState::Accepted => {}
            RequestState::Paying | RequestState::Paid => return Err(Rejection::RequestPaid),
            RequestState::Expired => return Err(Rejection::RequestExpired),
            RequestState::Asked | RequestState::Presented | RequestState::Refused | RequestState::Withdrawn => {
                return Err(Rejection::RequestNotOpen);
            }
        }
        let asked = request.amount;
        let fits = if request.less_allowed { credit <= asked.minor } else { credit == asked.minor };
        if asked.currency.code == currency && fits { Ok(()) } else { Err(Rejection::RequestDiffers) }
    }

    /// RTP-T7.
    pub(super) fn request_payment_held(&mut self, uetr: Uetr, payment: &PaymentView) {
        let request = self.request(uetr).expect("it was checked before the hold");
        let state = request.state.step(RequestEvent::PaymentHeld).expect("it was checked before the hold");
        // What the creditor agent is charged was paid all the same.
        let minor = payment.credit.minor.checked_add(payment.charges.creditor).unwrap_or(payment.credit.minor);
        let settlement = Some(Settlement { payment: payment.uetr, credit: Amount { minor, ..payment.credit } });
        self.put_request(RequestView { state, settlement, ..request });
    }

    /// RTP-T8, RTP-T9. One that expired meanwhile ends with the payment.
    pub(super) fn request_payment_ended(&mut self, request: RequestView, settled: bool) {
        let event = if settled { RequestEvent::PaymentSettled } else { RequestEvent::PaymentRejected };
        let state = request.state.step(event).expect("a payment made on a request is its only one");
        if settled {
            let changed = self.next_position();
            self.put_request(RequestView { state, changed, ..request });
        } else if request.expires_at <= self.time {
            self.put_request(RequestView { state, settlement: None, ..request });
            self.expire_request(RequestView { state, settlement: None, ..request });
        } else {
            self.put_request(RequestView { state, settlement: None, ..request });
        }
    }

    pub(super) fn decode_request(&self, uetr: Uetr, bytes: &mut &[u8]) -> Result<RequestView, DecodeError> {
        let content = ContentHash(take(bytes)?);
        let (creditor_agent, debtor_agent) = (take_participant(bytes)?, take_participant(bytes)?);
        let bic =
            |id: ParticipantId| self.participants.get(id.0 as usize).map(|row| row.bic).ok_or(DecodeError::Unknown("agent"));
        let view = RequestView {
            uetr,
            content,
            creditor_agent,
            creditor_bic: bic(creditor_agent)?,
            debtor_agent,
            debtor_bic: bic(debtor_agent)?,
            amount: self.take_amount(bytes)?,
            less_allowed: take_bool(bytes)?,
            state: take_state(bytes)?,
            reason: match take_bool(bytes)? {
                true => Some(take_reason(bytes)?),
                false => None,
            },
            settlement: match take_bool(bytes)? {
                true => Some(Settlement { payment: Uetr(take(bytes)?), credit: self.take_amount(bytes)? }),
                false => None,
            },
            received_at: Time(take_u64(bytes)?),
            expires_at: Time(take_u64(bytes)?),
            ended_at: match take_bool(bytes)? {
                true => Some(Time(take_u64(bytes)?)),
                false => None,
            },
            asked: Position(take_u64(bytes)?),
            changed: Position(take_u64(bytes)?),
        };
        if view.state.is_final() == view.ended_at.is_some() { Ok(view) } else { Err(DecodeError::Unknown("end of a request")) }
    }

    pub(super) fn take_amount(&self, bytes: &mut &[u8]) -> Result<Amount, DecodeError> {
        let (minor, code) = (MinorUnits(take_u64(bytes)?), take_code(bytes)?);
        let ledger = self.ledger_of(code).ok_or(DecodeError::Unknown("currency"))?;
        Ok(Amount { minor, currency: self.currency(ledger) })
    }
}

fn take_state(bytes: &mut &[u8]) -> Result<RequestState, DecodeError> {
    let [number] = take(bytes)?;
    RequestState::ALL.get(usize::from(number)).copied().ok_or(DecodeError::Unknown("state of a request"))
}

pub(super) fn put_amount(out: &mut Vec<u8>, amount: Amount) {
    put_u64(out, amount.minor.0);
    out.extend_from_slice(&amount.currency.code.bytes());
}

impl RequestView {
    /// All but the UETR.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.content.0);
        crate::codec::put_u32(out, self.creditor_agent.0);
        crate::codec::put_u32(out, self.debtor_agent.0);
        put_amount(out, self.amount);
        out.extend_from_slice(&[u8::from(self.less_allowed), self.state as u8, u8::from(self.reason.is_some())]);
        if let Some(reason) = self.reason {
            out.extend_from_slice(&reason.0);
        }
        out.push(u8::from(self.settlement.is_some()));
        if let Some(settlement) = self.settlement {
            out.extend_from_slice(&settlement.payment.0);
            put_amount(out, settlement.credit);
        }
        put_u64(out, self.received_at.0);
        put_u64(out, self.expires_at.0);
        out.push(u8::from(self.ended_at.is_some()));
        if let Some(at) = self.ended_at {
            put_u64(out, at.0);
        }
        put_u64(out, self.asked.0);
        put_u64(out, self.changed.0);
    }
}

impl RequestStep {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ask(ask) => {
                out.push(71);
                out.extend_from_slice(&ask.request.0);
                out.extend_from_slice(&ask.content.0);
                crate::codec::put_u32(out, ask.creditor_agent.0);
                crate::codec::put_u32(out, ask.debtor_agent.0);
                put_u64(out, ask.amount.0);
                out.extend_from_slice(&ask.currency.bytes());
                out.push(u8::from(ask.less_allowed));
                put_u64(out, ask.expires_at.0);
            }
            Self::Answer { request, debtor_agent, says } => {
                out.push(72);
                out.extend_from_slice(&request.0);
                crate::codec::put_u32(out, debtor_agent.0);
                match says {
                    RequestAnswer::Presented => out.push(0),
                    RequestAnswer::Accepted => out.push(1),
                    RequestAnswer::Refused(reason) => {
                        out.push(2);
                        out.extend_from_slice(&reason.0);
                    }
                }
            }
            Self::Withdraw { request, creditor_agent } => {
                out.push(73);
                out.extend_from_slice(&request.0);
                crate::codec::put_u32(out, creditor_agent.0);
            }
        }
    }

    /// Reads what follows the tag, which is one of 71 to 73.
    pub(super) fn decode(tag: u8, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let request = Uetr(take(bytes)?);
        Ok(match tag {
            71 => Self::Ask(AskToPay {
                request,
                content: ContentHash(take(bytes)?),
                creditor_agent: take_participant(bytes)?,
                debtor_agent: take_participant(bytes)?,
                amount: MinorUnits(take_u64(bytes)?),
                currency: take_code(bytes)?,
                less_allowed: take_bool(bytes)?,
                expires_at: Time(take_u64(bytes)?),
            }),
            72 => Self::Answer {
                request,
                debtor_agent: take_participant(bytes)?,
                says: match take(bytes)? {
                    [0] => RequestAnswer::Presented,
                    [1] => RequestAnswer::Accepted,
                    [2] => RequestAnswer::Refused(take_reason(bytes)?),
                    [3..=255] => return Err(DecodeError::Unknown("answer to a request")),
                },
            },
            _ => Self::Withdraw { request, creditor_agent: take_participant(bytes)? },
        })
    }

    pub(super) const fn sender(&self) -> ParticipantId {
        match self {
            Self::Ask(ask) => ask.creditor_agent,
            Self::Answer { debtor_agent, .. } => *debtor_agent,
            Self::Withdraw { creditor_agent, .. } => *creditor_agent,
        }
    }

    pub(super) const fn uetr(&self) -> Uetr {
        match self {
            Self::Ask(ask) => ask.request,
            Self::Answer { request, .. } | Self::Withdraw { request, .. } => *request,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows: how it stands. Columns: what happens, in the order of [`RequestEvent::ALL`]. `.`: cannot happen.
    const TABLE: &str = "
        state      presented accepted refused withdrawn expired held   settled rejected
        Asked      Presented Accepted Refused Withdrawn Expired .      .       .
        Presented  .         Accepted Refused Withdrawn Expired .      .       .
        Accepted   .         .        Refused .         Expired Paying .       .
        Paying     .         .        .       .         .       .      Paid    Accepted
        Paid       .         .        .       .         .       .      .       .
        Refused    .         .        .       .         .       .      .       .
        Withdrawn  .         .        .       .         .       .      .       .
        Expired    .         .        .       .         .       .      .       .
    ";

    #[test]
    fn every_transition_is_as_the_table_says() {
        let rows: Vec<Vec<&str>> = TABLE.trim().lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows.len(), RequestState::ALL.len());
        for (state, row) in RequestState::ALL.into_iter().zip(rows) {
            assert_eq!(format!("{state:?}"), row[0]);
            for (event, expected) in RequestEvent::ALL.into_iter().zip(&row[1..]) {
                let found = state.step(event).map_or(".".to_owned(), |next| format!("{next:?}"));
                assert_eq!(found, *expected, "{state:?} and {event:?}");
            }
            assert_eq!(state.is_final(), row[1..].iter().all(|next| *next == "."), "{state:?}");
        }
    }
}
