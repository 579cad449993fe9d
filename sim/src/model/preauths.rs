//! Pre-authorisations and captures, by the how-to: what is held, what may be captured when, and what is free again.

use super::rules::Let;
use super::{Expected, Leg, Model, Place};
use clearing::{
    AccountPurpose, AskPreauth, Capture, IsoReason, Pay, PreauthState as S, PreauthStep, PreauthTerms, RiskVerdict, Time,
};
use money::CurrencyCode;

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;

/// A pre-authorisation.
#[derive(Debug, Clone)]
pub(super) struct Preauth {
    content: [u8; 32],
    creditor: u32,
    debtor: u32,
    currency: CurrencyCode,
    amount: i128,
    captured: i128,
    captures: u16,
    captures_most: u16,
    /// Held beside what is left, for the debtor agent's charges.
    room: i128,
    state: S,
    refused_for: Option<IsoReason>,
    reserved: Option<Pay>,
    asked_ns: u64,
    expires_ns: u64,
}

impl Preauth {
    const fn standing(&self, repeated: bool) -> Expected {
        Expected::Preauth { state: self.state, repeated }
    }

    /// Until when something can happen to it.
    fn ends_ns(&self) -> Option<u64> {
        match self.state {
            S::Asked => Some(self.expires_ns.min(self.asked_ns + HOUR_NS)),
            S::Reserved => Some(self.expires_ns),
            S::Captured | S::Released | S::Refused | S::Withdrawn | S::Expired => None,
        }
    }

    fn is_open(&self, now_ns: u64) -> bool {
        self.ends_ns().is_some_and(|at| at > now_ns)
    }

    /// Where the money is, and where it would go.
    fn places(&self) -> [Place; 2] {
        [self.debtor, self.creditor].map(|who| (Some(who), AccountPurpose::Settlement, self.currency))
    }

    fn held(&self) -> i128 {
        if self.state == S::Reserved { self.amount - self.captured + self.room } else { 0 }
    }
}

impl Model {
    /// Whether a UETR is a pre-authorisation's, or that of a payment which reserved one.
    pub(super) fn is_reserved(&self, uetr: [u8; 16]) -> bool {
        let by = |it: &Preauth| it.reserved.as_ref().is_some_and(|pay| pay.uetr.0 == uetr);
        self.preauths.contains_key(&uetr) || self.preauths.values().any(by)
    }

    fn names_something(&self, uetr: [u8; 16]) -> bool {
        self.is_reserved(uetr)
            || self.is_pulled(uetr)
            || self.requests.contains_key(&uetr)
            || self.is_sent(&uetr)
            || self.waits(uetr)
    }

    pub(super) fn set_preauth_terms(&mut self, terms: &PreauthTerms) -> Result<Expected, &'static str> {
        let known =
            |row: &(money::Currency, money::MinorUnits)| self.decimals.get(&row.0.code) == Some(&row.0.exponent) && row.1.0 > 0;
        let codes: Vec<CurrencyCode> = terms.amounts.iter().map(|row| row.0.code).collect();
        let in_order = codes.iter().zip(codes.iter().skip(1)).all(|(one, next)| one < next);
        let days = terms.days_max >= 1 && terms.days_max <= 90;
        let captures = terms.captures_max >= 1 && terms.captures_max <= 256;
        if !days || !captures || !in_order || codes.len() > 32 || !terms.amounts.iter().all(known) {
            return Err("CLR-1205");
        }
        self.preauth_terms = Some(terms.clone());
        Ok(Expected::Done)
    }

    pub(super) fn preauth(&mut self, step: &PreauthStep) -> Result<Expected, &'static str> {
        let now_ns = self.time_ns;
        match step {
            PreauthStep::Ask(ask) => self.ask_preauth(ask),
            PreauthStep::Reserve { preauth, pay } => self.reserve(preauth.0, pay),
            PreauthStep::Capture(capture) => self.capture(capture),
            PreauthStep::Refuse { preauth, debtor_agent, reason } => {
                let known = self.preauths.get_mut(&preauth.0).ok_or("CLR-1120")?;
                if known.debtor != debtor_agent.0 {
                    return Err("CLR-1121");
                }
                if known.state == S::Refused && known.refused_for == Some(*reason) {
                    return Ok(known.standing(true));
                }
                if known.state == S::Reserved {
                    return Err("CLR-1203");
                }
                if !known.is_open(now_ns) {
                    return Err("CLR-1201");
                }
                (known.state, known.refused_for) = (S::Refused, Some(*reason));
                Ok(known.standing(false))
            }
            PreauthStep::Release { preauth, creditor_agent } => {
                let known = self.preauths.get(&preauth.0).ok_or("CLR-1120")?;
                if known.creditor != creditor_agent.0 {
                    return Err("CLR-1121");
                }
                if matches!(known.state, S::Released | S::Withdrawn) {
                    return Ok(known.standing(true));
                }
                if !known.is_open(now_ns) {
                    return Err("CLR-1201");
                }
                let state = if known.state == S::Asked { S::Withdrawn } else { S::Released };
                Ok(self.let_go(preauth.0, state))
            }
        }
    }

    /// It ends so: what is held for it is free.
    fn let_go(&mut self, uetr: [u8; 16], state: S) -> Expected {
        let Some(known) = self.preauths.get_mut(&uetr) else { return Expected::Done };
        let ([from, to], held) = (known.places(), known.held());
        (known.state, known.room) = (state, 0);
        let expected = known.standing(false);
        self.hold((from, to, -held));
        expected
    }

    fn ask_preauth(&mut self, ask: &AskPreauth) -> Result<Expected, &'static str> {
        if let Some(known) = self.preauths.get(&ask.preauth.0)
            && known.content == ask.content.0
            && known.creditor == ask.creditor_agent.0
        {
            return Ok(known.standing(true));
        }
        if self.names_something(ask.preauth.0) || self.payments.contains_key(&ask.preauth.0) {
            return Err("CLR-1001");
        }
        self.may_pull(ask.creditor_agent.0, ask.debtor_agent.0)?;
        if !self.decimals.contains_key(&ask.currency) {
            return Err("CLR-1008");
        }
        if ask.amount.is_zero() {
            return Err("CLR-1011");
        }
        let terms = self.preauth_terms.clone().unwrap_or(PreauthTerms { days_max: 30, captures_max: 16, amounts: vec![] });
        if ask.expires_at.0 <= self.time_ns || ask.expires_at.0 - self.time_ns > u64::from(terms.days_max) * DAY_NS {
            return Err("CLR-1123");
        }
        if terms.amounts.iter().any(|(currency, most)| currency.code == ask.currency && ask.amount > *most) {
            return Err("CLR-1204");
        }
        let preauth = Preauth {
            content: ask.content.0,
            creditor: ask.creditor_agent.0,
            debtor: ask.debtor_agent.0,
            currency: ask.currency,
            amount: i128::from(ask.amount.0),
            captured: 0,
            captures: 0,
            captures_most: terms.captures_max,
            room: 0,
            state: S::Asked,
            refused_for: None,
            reserved: None,
            asked_ns: self.time_ns,
            expires_ns: ask.expires_at.0,
        };
        let expected = preauth.standing(false);
        self.preauths.insert(ask.preauth.0, preauth);
        Ok(expected)
    }

    fn reserve(&mut self, uetr: [u8; 16], pay: &Pay) -> Result<Expected, &'static str> {
        if let Some(known) = self.payments.get(&pay.uetr.0) {
            return known.again(pay.content.0, pay.debtor_agent.0).ok_or("CLR-1001");
        }
        if let Some(known) = self.preauths.get(&uetr)
            && known.reserved.as_ref().is_some_and(|by| (by.uetr, by.content) == (pay.uetr, pay.content))
            && known.debtor == pay.debtor_agent.0
        {
            return Ok(known.standing(true));
        }
        if self.names_something(pay.uetr.0) {
            return Err("CLR-1001");
        }
        self.is_in_order(pay)?;
        match self.may_reserve(uetr, pay) {
            Err(reason) => Ok(self.end_at_once(pay, reason)),
            Ok(room) => {
                let Some(known) = self.preauths.get_mut(&uetr) else { return Err("CLR-1120") };
                (known.state, known.room, known.reserved) = (S::Reserved, room, Some(pay.clone()));
                let ([from, to], held, expected) = (known.places(), known.held(), known.standing(false));
                self.hold((from, to, held));
                Ok(expected)
            }
        }
    }

    /// What is to be held beside the amount, or why nothing is.
    fn may_reserve(&self, uetr: [u8; 16], pay: &Pay) -> Result<i128, &'static str> {
        if pay.risk.verdict == RiskVerdict::Block {
            return Err("PAY-2009");
        }
        if pay.accepted_at.0.saturating_add(self.settings().acceptance_age_max_ns) < self.time_ns {
            return Err("PAY-2013");
        }
        if pay.debit.is_zero() {
            return Err("PAY-2012");
        }
        if pay.debtor_agent == pay.creditor_agent {
            return Err("PAY-2010");
        }
        self.may_pay(pay)?;
        let known = self.preauths.get(&uetr).ok_or("PAY-2110")?;
        if (known.debtor, known.creditor) != (pay.debtor_agent.0, pay.creditor_agent.0) {
            return Err("PAY-2112");
        }
        if known.reserved.is_some() {
            return Err("PAY-2111");
        }
        if !known.is_open(self.time_ns) {
            return Err("PAY-2110");
        }
        if pay.quote.is_some() {
            return Err("PAY-2113");
        }
        let amount = i128::from(pay.debit.0);
        if (known.amount, known.currency) != (amount, pay.debit_currency) || pay.terms.basis != clearing::Basis::Plain {
            return Err("PAY-2112");
        }
        if pay.terms.execute_at.is_some_and(|at: Time| at.0 > self.time_ns) {
            return Err("PAY-2114");
        }
        let side = (u128::from(pay.debit.0), pay.debit_currency);
        match self.asked_of_rulebook(pay, [side, side])? {
            Let::Wait(..) => return Err("PAY-2114"),
            Let::Pass(names, _) if !names.is_empty() => return Err("nobody who reserves has a quota in these stories"),
            Let::Pass(..) => {}
        }
        let fees = self.fees(pay, (pay.debit_currency, amount), (pay.debit_currency, amount));
        self.net(amount, fees.creditor)?;
        for who in [known.debtor, known.creditor] {
            if !self.serves(who, known.currency) {
                return Err(if self.settles_over(who, known.currency).is_some() { "PAY-2115" } else { "PAY-2006" });
            }
        }
        let [own, _] = known.places();
        self.leaves_reserved(own, amount + fees.debtor, pay.priority)?;
        if self.room(own) < amount + fees.debtor { Err("PAY-2003") } else { Ok(fees.debtor) }
    }

    fn capture(&mut self, capture: &Capture) -> Result<Expected, &'static str> {
        let uetr = capture.capture.0;
        if let Some(payment) = self.payments.get(&uetr) {
            let said = self.captures.get(&uetr);
            let same = said.is_some_and(|said| {
                (said.content, said.creditor_agent, said.preauth) == (capture.content, capture.creditor_agent, capture.preauth)
            });
            return if same { Ok(payment.standing(true)) } else { Err("CLR-1001") };
        }
        if self.names_something(uetr) {
            return Err("CLR-1001");
        }
        self.is_of_this_time(capture.created_at.0)?;
        if self.messages.contains(&capture.message_id.0) {
            return Err("CLR-1002");
        }
        let known = self.preauths.get(&capture.preauth.0).ok_or("CLR-1120")?;
        if (known.creditor, known.debtor) != (capture.creditor_agent.0, capture.debtor_agent.0) {
            return Err("CLR-1121");
        }
        if known.state == S::Asked {
            return Err("CLR-1200");
        }
        if !known.is_open(self.time_ns) {
            return Err("CLR-1201");
        }
        if !self.members[known.creditor as usize].conduct.receives() {
            return Err("CLR-1101");
        }
        let (amount, left) = (i128::from(capture.amount.0), known.amount - known.captured);
        if amount == 0 {
            return Err("CLR-1011");
        }
        if amount > left || capture.currency != known.currency {
            return Err("CLR-1202");
        }
        let reserved = known.reserved.clone().ok_or("CLR-1200")?;
        let pay = Pay {
            uetr: capture.capture,
            content: capture.content,
            message_id: capture.message_id,
            debit: capture.amount,
            accepted_at: capture.created_at,
            ..reserved
        };
        let fees = self.fees(&pay, (capture.currency, amount), (capture.currency, amount));
        if fees.creditor > 0 && fees.creditor >= amount {
            return Err("CLR-1207");
        }
        let is_last = capture.is_last || amount == left || known.captures + 1 == known.captures_most;
        let room = (known.room - fees.debtor).max(0);
        let keep = if is_last { 0 } else { left - amount + room };
        let ([from, to], held) = (known.places(), known.held());
        if amount + fees.debtor + keep - held > self.room(from) {
            return Err("CLR-1206");
        }
        self.hold((from, to, keep - held));
        let fee = (None, AccountPurpose::Fees, capture.currency);
        let legs: Vec<Leg> = [(from, to, amount - fees.creditor), (from, fee, fees.debtor), (from, fee, fees.creditor)]
            .into_iter()
            .filter(|leg| leg.2 > 0)
            .collect();
        legs.iter().for_each(|leg| self.book(*leg));
        if let Some(known) = self.preauths.get_mut(&capture.preauth.0) {
            known.captured += amount;
            known.captures += 1;
            known.room = if is_last { 0 } else { room };
            known.state = if is_last { S::Captured } else { S::Reserved };
        }
        self.messages.insert(capture.message_id.0);
        self.captures.insert(uetr, capture.clone());
        Ok(self.enter_capture(&pay, amount - fees.creditor))
    }

    /// A story lasts minutes: no block has more to end than it may, and none is old enough to be forgotten.
    pub(super) fn expire_preauths(&mut self) {
        let now_ns = self.time_ns;
        let is_late = |it: &Preauth| it.ends_ns().is_some_and(|at| at <= now_ns);
        let late: Vec<[u8; 16]> = self.preauths.iter().filter(|(_, it)| is_late(it)).map(|(uetr, _)| *uetr).collect();
        for uetr in late {
            self.let_go(uetr, S::Expired);
        }
    }
}
