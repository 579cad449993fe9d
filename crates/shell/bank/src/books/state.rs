//! The lives of outgoing and incoming payments as pure steps: same state and event, same answer.
//!
//! Silence is no event: a payment in doubt stays [`OutgoingState::Sent`] until the centre says what became of it.

use serde::{Deserialize, Serialize};

/// How an outgoing payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutgoingState {
    /// Shown to the customer, not confirmed.
    Draft,
    /// The customer's money is reserved and the message stored; it may or may not have left.
    Reserved,
    /// It left and there was no answer: in doubt.
    Sent,
    /// The centre holds our money and asks the creditor agent.
    Held,
    /// Final: the money moved.
    Settled,
    /// Final: it did not.
    Rejected,
}

/// What happens to an outgoing payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutgoingEvent {
    /// The customer confirmed.
    Confirmed,
    /// A sending ended without an answer.
    LeftInDoubt,
    /// The centre says it placed a hold.
    CentreHolds,
    /// The centre says it settled (ACSC).
    CentreSettled,
    /// The centre says it is rejected (RJCT).
    CentreRejected,
    /// The centre never took it and never will.
    RefusedAtDoor,
}

/// What a step does to the customer's account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutgoingEffect {
    /// Nothing.
    Nothing,
    /// Reserves the debit amount.
    Reserve,
    /// Books the reserved amount away.
    Book,
    /// Releases the reserved amount.
    Release,
}

/// The event contradicts what was final, or cannot happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event that contradicts the payment's state")]
pub struct Contradiction;

impl OutgoingState {
    /// All of them, in the order of a payment's life.
    pub const ALL: [Self; 6] = [Self::Draft, Self::Reserved, Self::Sent, Self::Held, Self::Settled, Self::Rejected];

    /// Whether the centre still has to say how it ends.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Reserved | Self::Sent | Self::Held)
    }

    /// One step.
    pub const fn step(self, event: OutgoingEvent) -> Result<(Self, OutgoingEffect), Contradiction> {
        use {OutgoingEffect as X, OutgoingEvent as E, OutgoingState as S};
        Ok(match (self, event) {
            // OUT-T1
            (S::Draft, E::Confirmed) => (S::Reserved, X::Reserve),
            // OUT-T2: confirmed twice is confirmed once.
            (S::Reserved | S::Sent | S::Held | S::Settled | S::Rejected, E::Confirmed) => (self, X::Nothing),
            // OUT-T3
            (S::Reserved | S::Sent, E::LeftInDoubt) => (S::Sent, X::Nothing),
            // OUT-T4
            (S::Reserved | S::Sent | S::Held, E::CentreHolds) => (S::Held, X::Nothing),
            // OUT-T5
            (S::Reserved | S::Sent | S::Held, E::CentreSettled) => (S::Settled, X::Book),
            // OUT-T6
            (S::Reserved | S::Sent | S::Held, E::CentreRejected) | (S::Reserved | S::Sent, E::RefusedAtDoor) => {
                (S::Rejected, X::Release)
            }
            // OUT-T7: told again, or told late.
            (S::Settled, E::CentreSettled) | (S::Rejected, E::CentreRejected) => (self, X::Nothing),
            (S::Held | S::Settled | S::Rejected, E::LeftInDoubt | E::RefusedAtDoor)
            | (S::Settled | S::Rejected, E::CentreHolds) => (self, X::Nothing),
            (S::Settled, E::CentreRejected)
            | (S::Rejected, E::CentreSettled)
            | (S::Draft, E::LeftInDoubt | E::CentreHolds | E::CentreSettled | E::CentreRejected | E::RefusedAtDoor) => {
                return Err(Contradiction);
            }
        })
    }
}

/// How an incoming payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IncomingState {
    /// The centre asks; this bank has said nothing.
    Asked,
    /// This bank says it will credit.
    Accepted,
    /// This bank refuses.
    Declined,
    /// Final: settled, and the customer credited.
    Credited,
    /// Final: rejected; nothing was ever credited.
    Ended,
}

/// What the centre says of an incoming payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncomingEvent {
    /// It settled (ACSC).
    CentreSettled,
    /// It is rejected (RJCT).
    CentreRejected,
}

/// What a step does to accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncomingEffect {
    /// Nothing.
    Nothing,
    /// Credits the customer.
    Credit,
    /// The money came although this bank did not accept it: kept on the suspense account for people to look at.
    Suspend,
}

impl IncomingState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Accepted, Self::Declined, Self::Credited, Self::Ended];

    /// One step.
    pub const fn step(self, event: IncomingEvent) -> Result<(Self, IncomingEffect), Contradiction> {
        use {IncomingEffect as X, IncomingEvent as E, IncomingState as S};
        Ok(match (self, event) {
            // INC-T1: credited on ACSC and on nothing else.
            (S::Accepted, E::CentreSettled) => (S::Credited, X::Credit),
            // INC-T2
            (S::Asked | S::Declined, E::CentreSettled) => (S::Credited, X::Suspend),
            // INC-T3
            (S::Asked | S::Accepted | S::Declined, E::CentreRejected) => (S::Ended, X::Nothing),
            // INC-T4: told again.
            (S::Credited, E::CentreSettled) | (S::Ended, E::CentreRejected) => (self, X::Nothing),
            (S::Credited, E::CentreRejected) | (S::Ended, E::CentreSettled) => return Err(Contradiction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [OutgoingEvent; 6] = [
        OutgoingEvent::Confirmed,
        OutgoingEvent::LeftInDoubt,
        OutgoingEvent::CentreHolds,
        OutgoingEvent::CentreSettled,
        OutgoingEvent::CentreRejected,
        OutgoingEvent::RefusedAtDoor,
    ];

    /// Whatever happens in whatever order: reserved at most once, and booked or released at most once after it.
    #[test]
    fn an_outgoing_payment_ends_once() {
        fn walk(state: OutgoingState, reserved: bool, ended: bool, depth: usize) {
            if depth == 0 {
                return;
            }
            for event in EVENTS {
                let Ok((next, effect)) = state.step(event) else { continue };
                let (mut reserved, mut ended) = (reserved, ended);
                match effect {
                    OutgoingEffect::Nothing => {}
                    OutgoingEffect::Reserve => {
                        assert!(!reserved);
                        reserved = true;
                    }
                    OutgoingEffect::Book | OutgoingEffect::Release => {
                        assert!(reserved && !ended);
                        ended = true;
                    }
                }
                assert_eq!(next.is_open(), reserved && !ended, "{state:?} {event:?}");
                walk(next, reserved, ended, depth - 1);
            }
        }
        walk(OutgoingState::Draft, false, false, 6);
    }

    #[test]
    fn final_states_stay_and_contradictions_are_said() {
        use {IncomingEvent as I, OutgoingEvent as E};
        assert_eq!(OutgoingState::Settled.step(E::CentreRejected), Err(Contradiction));
        assert_eq!(OutgoingState::Rejected.step(E::CentreSettled), Err(Contradiction));
        assert_eq!(IncomingState::Ended.step(I::CentreSettled), Err(Contradiction));
        assert_eq!(IncomingState::Credited.step(I::CentreRejected), Err(Contradiction));
        assert_eq!(OutgoingState::Held.step(E::RefusedAtDoor), Ok((OutgoingState::Held, OutgoingEffect::Nothing)));
    }

    #[test]
    fn an_incoming_payment_is_credited_on_settlement_only() {
        for state in IncomingState::ALL {
            if let Ok((_, effect)) = state.step(IncomingEvent::CentreRejected) {
                assert_eq!(effect, IncomingEffect::Nothing);
            }
        }
        let (state, effect) = IncomingState::Accepted.step(IncomingEvent::CentreSettled).unwrap();
        assert_eq!((state, effect), (IncomingState::Credited, IncomingEffect::Credit));
        assert_eq!(state.step(IncomingEvent::CentreSettled), Ok((state, IncomingEffect::Nothing)));
    }
}
