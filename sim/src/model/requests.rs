//! Requests to pay, by the how-to: what a request says and who may do what with it, without the product's table of transitions.

use super::{Expected, Model};
use clearing::{AskToPay, Basis, IsoReason, Pay, RequestAnswer, RequestState as S, RequestStep};
use money::CurrencyCode;

/// A year and a day.
const LIFE_MOST_NS: u64 = 366 * 86_400 * 1_000_000_000;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    content: [u8; 32],
    creditor: u32,
    debtor: u32,
    amount: u128,
    currency: CurrencyCode,
    less_allowed: bool,
    expires_ns: u64,
    pub(super) state: S,
    refused_for: Option<IsoReason>,
    paid_by: Option<[u8; 16]>,
}

impl Request {
    const fn standing(&self, repeated: bool) -> Expected {
        Expected::Request { state: self.state, repeated }
    }

    /// Whether the debtor can still decide.
    const fn is_open(&self) -> bool {
        matches!(self.state, S::Asked | S::Presented | S::Accepted)
    }

    const fn refusal(&self) -> &'static str {
        match self.state {
            S::Asked | S::Presented | S::Accepted | S::Paying => "CLR-1124",
            S::Paid => "CLR-1125",
            S::Refused => "CLR-1126",
            S::Withdrawn => "CLR-1127",
            S::Expired => "CLR-1128",
        }
    }
}

impl Model {
    pub(super) fn request(&mut self, step: &RequestStep) -> Result<Expected, &'static str> {
        match step {
            RequestStep::Ask(ask) => self.ask(ask),
            RequestStep::Answer { request, debtor_agent, says } => self.reply(request.0, debtor_agent.0, *says),
            RequestStep::Withdraw { request, creditor_agent } => {
                let request = self.requests.get_mut(&request.0).ok_or("CLR-1120")?;
                if request.creditor != creditor_agent.0 {
                    return Err("CLR-1121");
                }
                match request.state {
                    S::Withdrawn => return Ok(request.standing(true)),
                    S::Asked | S::Presented => request.state = S::Withdrawn,
                    S::Accepted | S::Paying | S::Paid | S::Refused | S::Expired => return Err(request.refusal()),
                }
                Ok(request.standing(false))
            }
        }
    }

    fn ask(&mut self, ask: &AskToPay) -> Result<Expected, &'static str> {
        if let Some(known) = self.requests.get(&ask.request.0) {
            let same = known.content == ask.content.0 && known.creditor == ask.creditor_agent.0;
            return if same { Ok(known.standing(true)) } else { Err("CLR-1001") };
        }
        if self.payments.contains_key(&ask.request.0)
            || self.waits(ask.request.0)
            || self.is_pulled(ask.request.0)
            || self.is_reserved(ask.request.0)
            || self.is_sent(&ask.request.0)
        {
            return Err("CLR-1001");
        }
        let (creditor, debtor) = (ask.creditor_agent.0, ask.debtor_agent.0);
        if creditor as usize >= self.members.len() || debtor as usize >= self.members.len() {
            return Err("CLR-1003");
        }
        if creditor == debtor {
            return Err("CLR-1122");
        }
        let conduct = |id: u32| &self.members[id as usize].conduct;
        if !conduct(creditor).receives() || !conduct(debtor).sends() {
            return Err("CLR-1101");
        }
        if !self.decimals.contains_key(&ask.currency) {
            return Err("CLR-1008");
        }
        if ask.amount.is_zero() {
            return Err("CLR-1011");
        }
        if ask.expires_at.0 <= self.time_ns || ask.expires_at.0 - self.time_ns > LIFE_MOST_NS {
            return Err("CLR-1123");
        }
        let request = Request {
            content: ask.content.0,
            creditor,
            debtor,
            amount: u128::from(ask.amount.0),
            currency: ask.currency,
            less_allowed: ask.less_allowed,
            expires_ns: ask.expires_at.0,
            state: S::Asked,
            refused_for: None,
            paid_by: None,
        };
        let expected = request.standing(false);
        self.requests.insert(ask.request.0, request);
        Ok(expected)
    }

    fn reply(&mut self, uetr: [u8; 16], debtor: u32, says: RequestAnswer) -> Result<Expected, &'static str> {
        let request = self.requests.get_mut(&uetr).ok_or("CLR-1120")?;
        if request.debtor != debtor {
            return Err("CLR-1121");
        }
        let accepted = matches!(request.state, S::Accepted | S::Paying | S::Paid);
        match says {
            RequestAnswer::Presented if accepted || request.state == S::Presented => return Ok(request.standing(true)),
            RequestAnswer::Accepted if accepted => return Ok(request.standing(true)),
            RequestAnswer::Refused(reason) if request.refused_for == Some(reason) => return Ok(request.standing(true)),
            RequestAnswer::Presented | RequestAnswer::Accepted | RequestAnswer::Refused(_) if !request.is_open() => {
                return Err(request.refusal());
            }
            RequestAnswer::Presented => request.state = S::Presented,
            RequestAnswer::Accepted => request.state = S::Accepted,
            RequestAnswer::Refused(reason) => {
                request.state = S::Refused;
                request.refused_for = Some(reason);
            }
        }
        Ok(request.standing(false))
    }

    /// Whether what a payment is made on takes it; `credit` is what the creditor agent would receive.
    pub(super) fn may_settle_request(&self, pay: &Pay, credit: (u128, CurrencyCode)) -> Result<(), &'static str> {
        let Basis::Request(uetr) = pay.terms.basis else { return Ok(()) };
        let request = self.requests.get(&uetr.0).ok_or("PAY-2060")?;
        if (request.debtor, request.creditor) != (pay.debtor_agent.0, pay.creditor_agent.0) {
            return Err("PAY-2063");
        }
        match request.state {
            S::Accepted => {}
            S::Paying | S::Paid => return Err("PAY-2061"),
            S::Expired => return Err("PAY-2062"),
            S::Asked | S::Presented | S::Refused | S::Withdrawn => return Err("PAY-2060"),
        }
        let enough = if request.less_allowed { credit.0 <= request.amount } else { credit.0 == request.amount };
        if enough && credit.1 == request.currency { Ok(()) } else { Err("PAY-2063") }
    }

    pub(super) fn request_being_paid(&mut self, pay: &Pay) {
        let Basis::Request(uetr) = pay.terms.basis else { return };
        if let Some(request) = self.requests.get_mut(&uetr.0) {
            request.state = S::Paying;
            request.paid_by = Some(pay.uetr.0);
        }
    }

    /// A payment has ended.
    pub(super) fn request_after(&mut self, payment: [u8; 16], settled: bool) {
        let now_ns = self.time_ns;
        let on = self.requests.values_mut().find(|request| request.state == S::Paying && request.paid_by == Some(payment));
        if let Some(request) = on {
            request.state = match settled {
                true => S::Paid,
                false if request.expires_ns <= now_ns => S::Expired,
                false => S::Accepted,
            };
        }
    }

    /// A story lasts minutes: no block has more to end than it may, and none is old enough to be forgotten.
    pub(super) fn expire_requests(&mut self) {
        let now_ns = self.time_ns;
        let late = |request: &&mut Request| request.is_open() && request.expires_ns <= now_ns;
        self.requests.values_mut().filter(late).for_each(|request| request.state = S::Expired);
    }
}
