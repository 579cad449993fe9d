//! What of a person's messages may go, and what stays and why.

use super::Gathered;
use crate::refusal::GatewayRefusal;
use clearing::{Clearing, PaymentState, Time, Uetr};
use ordering::VaultPlace;

/// How payments stand, as far as it decides whether their messages are needed.
pub trait Standings {
    /// Whether it has not ended: somebody may still ask for its message.
    fn is_open(&self, payment: Uetr) -> bool;
}

impl Standings for Clearing {
    fn is_open(&self, payment: Uetr) -> bool {
        let held = self.payment(payment).is_some_and(|payment| payment.state == PaymentState::Held);
        held || self.waiting(payment).is_some() || self.matter(payment).is_some()
    }
}

/// A payment whose messages stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub payment: Uetr,
    /// Why.
    pub why: GatewayRefusal,
    /// From when on it may go; `None`: when it has ended.
    pub until: Option<Time>,
    /// Messages of it that are still there.
    pub messages: usize,
}

/// What erasing a person would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Messages that go.
    pub go: Vec<VaultPlace>,
    /// Payments they belong to.
    pub payments: usize,
    /// What stays.
    pub stays: Vec<Held>,
    /// Messages that went before.
    pub gone: usize,
}

impl Gathered {
    /// A payment's messages go together, once the newest of them is as old as the law wants records kept and nothing of it is
    /// open.
    pub fn plan(&self, now: Time, retention_ns: u64, standings: &dyn Standings) -> Plan {
        let mut plan = Plan::default();
        for (payment, messages) in &self.payments {
            let there: Vec<VaultPlace> =
                messages.iter().filter(|message| message.text.is_some()).map(|message| message.place).collect();
            plan.gone += messages.len() - there.len();
            let newest = messages.iter().map(|message| message.at).max().unwrap_or_default();
            let until = newest.after(retention_ns);
            let held = |why, until| Held { payment: *payment, why, until, messages: there.len() };
            if there.is_empty() {
                continue;
            }
            if standings.is_open(*payment) {
                plan.stays.push(held(GatewayRefusal::StillOpen, None));
            } else if until > now {
                plan.stays.push(held(GatewayRefusal::WithinRetention, Some(until)));
            } else {
                plan.go.extend(there);
                plan.payments += 1;
            }
        }
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::super::KeptMessage;
    use super::*;

    struct Open(Uetr);

    impl Standings for Open {
        fn is_open(&self, payment: Uetr) -> bool {
            payment == self.0
        }
    }

    /// Times of a payment's messages, those erased in brackets; now is 100 and records are kept for 10.
    fn plan(messages: &str) -> Plan {
        let mut gathered = Gathered::default();
        for (at, payment) in messages.split(';').enumerate() {
            for message in payment.split_whitespace() {
                let text = (!message.starts_with('(')).then(Vec::new);
                let time = message.trim_matches(['(', ')']).parse().unwrap();
                let place = VaultPlace { file: at as u32, offset: time as u32, bytes: 1 };
                let kept = KeptMessage { place, height: 1, at: Time(time), what: "pays", text, fields: vec![] };
                gathered.payments.entry(Uetr([at as u8; 16])).or_default().push(kept);
            }
        }
        gathered.plan(Time(100), 10, &Open(Uetr([3; 16])))
    }

    #[test]
    fn what_is_old_and_over_goes_and_the_rest_says_why_it_stays() {
        // Payment 3 is open.
        let plan = plan("10 20; 90; 91; 10; 10 95; (10) (11); (10) 20");
        let went: Vec<(u32, u32)> = plan.go.iter().map(|place| (place.file, place.offset)).collect();
        assert_eq!(went, [(0, 10), (0, 20), (1, 90), (6, 20)]);
        assert_eq!((plan.payments, plan.gone), (3, 3));
        let stays: Vec<_> =
            plan.stays.iter().map(|held| (held.payment.0[0], held.why.code(), held.until, held.messages)).collect();
        assert_eq!(stays, [(2, "GW-1041", Some(Time(101)), 1), (3, "GW-1042", None, 1), (4, "GW-1041", Some(Time(105)), 2)]);
    }
}
