//! Mandates and collections, by the how-to: what may be collected when, without the product's tables of transitions or its calendar.

use super::{Expected, Model};
use clearing::{
    AskMandate, Basis, Collect, CollectionState as C, CollectionStep, IsoReason, MandateAnswer, MandatePeriod, MandateState as S,
    MandateStep, MandateTerms, Pay,
};
use money::CurrencyCode;

const DAY_NS: u64 = 86_400 * 1_000_000_000;
/// Ten years of the longest kind.
const LIFE_MOST_NS: u64 = 10 * 366 * DAY_NS;

/// A mandate.
#[derive(Debug, Clone)]
pub(super) struct Mandate {
    opened: [u8; 32],
    content: [u8; 32],
    creditor: u32,
    debtor: u32,
    terms: MandateTerms,
    proposed: Option<MandateTerms>,
    state: S,
    refused_for: Option<IsoReason>,
    cancelled: bool,
    asked_ns: u64,
    /// Which period, how much, how often.
    used: (u64, u128, u32),
}

/// A collection.
#[derive(Debug, Clone)]
pub(super) struct Collection {
    content: [u8; 32],
    mandate: [u8; 16],
    creditor: u32,
    debtor: u32,
    amount: u128,
    currency: CurrencyCode,
    period: u64,
    expires_ns: u64,
    state: C,
    refused_for: Option<IsoReason>,
    paid_by: Option<[u8; 16]>,
}

impl Mandate {
    const fn standing(&self, repeated: bool) -> Expected {
        Expected::Mandate { state: self.state, repeated }
    }

    fn ends_ns(&self) -> Option<u64> {
        match self.state {
            S::Asked => Some(self.terms.last.0.min(self.asked_ns + 30 * DAY_NS)),
            S::Active | S::Amending | S::Suspended => Some(self.terms.last.0),
            S::Refused | S::Cancelled | S::Expired => None,
        }
    }

    const fn lets_collect(&self) -> bool {
        matches!(self.state, S::Active | S::Amending)
    }
}

/// A number that turns with the period, by the clock of Hong Kong: months are walked through from 1970 on.
fn period_at(period: MandatePeriod, time_ns: u64) -> u64 {
    let day = (time_ns / 1_000_000_000 + 8 * 3600) / 86_400;
    match period {
        MandatePeriod::Day => day,
        MandatePeriod::Week => (day + 3) / 7,
        MandatePeriod::Month | MandatePeriod::Year => {
            let (mut year, mut month, mut left) = (1970, 0usize, day);
            loop {
                let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
                if left < days {
                    return if period == MandatePeriod::Year { year } else { year * 12 + month as u64 };
                }
                left -= days;
                month = (month + 1) % 12;
                year += u64::from(month == 0);
            }
        }
        MandatePeriod::Whole => 0,
    }
}

impl Model {
    /// Whether the UETR is a mandate's or a collection's.
    pub(super) fn is_pulled(&self, uetr: [u8; 16]) -> bool {
        self.mandates.contains_key(&uetr) || self.collections.contains_key(&uetr)
    }

    pub(super) fn mandate(&mut self, step: &MandateStep) -> Result<Expected, &'static str> {
        if let MandateStep::Ask(ask) = step {
            return self.ask_mandate(ask);
        }
        let now_ns = self.time_ns;
        let (uetr, sender, by_debtor) = match step {
            MandateStep::Ask(ask) => (ask.mandate, ask.creditor_agent, false),
            MandateStep::Amend { mandate, creditor_agent, .. } => (*mandate, *creditor_agent, false),
            MandateStep::Suspend { mandate, debtor_agent, .. } => (*mandate, *debtor_agent, true),
            MandateStep::Answer { mandate, debtor_agent, .. } => (*mandate, *debtor_agent, true),
            MandateStep::Cancel { mandate, agent, .. } => {
                let known = self.mandates.get(&mandate.0);
                (*mandate, *agent, known.is_some_and(|known| known.debtor == agent.0))
            }
        };
        let mandate = self.mandates.get_mut(&uetr.0).ok_or("CLR-1120")?;
        if sender.0 != if by_debtor { mandate.debtor } else { mandate.creditor } {
            return Err("CLR-1121");
        }
        let over = mandate.ends_ns().is_some_and(|at| at <= now_ns);
        match step {
            MandateStep::Ask(_) => unreachable!("it was asked above"),
            MandateStep::Amend { content, terms, .. } => {
                if mandate.content == content.0 {
                    return Ok(mandate.standing(true));
                }
                if terms.currency != mandate.terms.currency || terms.period != mandate.terms.period {
                    return Err("CLR-1190");
                }
                sound(terms, now_ns)?;
                if mandate.state != S::Active || over {
                    return Err("CLR-1195");
                }
                (mandate.state, mandate.content) = (S::Amending, content.0);
                (mandate.proposed, mandate.refused_for) = (Some(*terms), None);
            }
            MandateStep::Suspend { suspended, .. } => {
                let (from, to) = if *suspended { (S::Active, S::Suspended) } else { (S::Suspended, S::Active) };
                if mandate.state == to {
                    return Ok(mandate.standing(true));
                }
                if mandate.state != from || over {
                    return Err("CLR-1195");
                }
                (mandate.state, mandate.refused_for) = (to, None);
            }
            MandateStep::Answer { says, .. } => return mandate.answered(*says, over, now_ns),
            MandateStep::Cancel { reason, .. } => {
                if mandate.state == S::Cancelled {
                    return Ok(mandate.standing(true));
                }
                if mandate.ends_ns().is_none() || over {
                    return Err("CLR-1195");
                }
                (mandate.state, mandate.proposed, mandate.cancelled) = (S::Cancelled, None, true);
                mandate.refused_for = Some(*reason);
            }
        }
        Ok(mandate.standing(false))
    }

    fn ask_mandate(&mut self, ask: &AskMandate) -> Result<Expected, &'static str> {
        if let Some(known) = self.mandates.get(&ask.mandate.0)
            && known.opened == ask.content.0
            && known.creditor == ask.creditor_agent.0
        {
            return Ok(known.standing(true));
        }
        self.unnamed(ask.mandate.0)?;
        self.may_pull(ask.creditor_agent.0, ask.debtor_agent.0)?;
        if !self.decimals.contains_key(&ask.terms.currency) {
            return Err("CLR-1008");
        }
        sound(&ask.terms, self.time_ns)?;
        let mandate = Mandate {
            opened: ask.content.0,
            content: ask.content.0,
            creditor: ask.creditor_agent.0,
            debtor: ask.debtor_agent.0,
            terms: ask.terms,
            proposed: None,
            state: S::Asked,
            refused_for: None,
            cancelled: false,
            asked_ns: self.time_ns,
            used: (period_at(ask.terms.period, self.time_ns), 0, 0),
        };
        let expected = mandate.standing(false);
        self.mandates.insert(ask.mandate.0, mandate);
        Ok(expected)
    }

    fn unnamed(&self, uetr: [u8; 16]) -> Result<(), &'static str> {
        let is_named = self.is_reserved(uetr)
            || self.is_pulled(uetr)
            || self.requests.contains_key(&uetr)
            || self.payments.contains_key(&uetr)
            || self.waits(uetr);
        if is_named { Err("CLR-1001") } else { Ok(()) }
    }

    pub(super) fn may_pull(&self, creditor: u32, debtor: u32) -> Result<(), &'static str> {
        if creditor as usize >= self.members.len() || debtor as usize >= self.members.len() {
            return Err("CLR-1003");
        }
        if creditor == debtor {
            return Err("CLR-1122");
        }
        let conduct = |id: u32| &self.members[id as usize].conduct;
        if conduct(creditor).receives() && conduct(debtor).sends() { Ok(()) } else { Err("CLR-1101") }
    }

    pub(super) fn collection(&mut self, step: &CollectionStep) -> Result<Expected, &'static str> {
        match step {
            CollectionStep::Collect(collect) => self.collect(collect),
            CollectionStep::Refuse { collection, debtor_agent, reason } => {
                let now_ns = self.time_ns;
                let known = self.collections.get_mut(&collection.0).ok_or("CLR-1120")?;
                if known.debtor != debtor_agent.0 {
                    return Err("CLR-1121");
                }
                match known.state {
                    C::Refused if known.refused_for == Some(*reason) => {
                        return Ok(Expected::Collection { state: known.state, repeated: true });
                    }
                    C::Paying => return Err("CLR-1199"),
                    C::Asked if known.expires_ns > now_ns => {}
                    C::Asked | C::Paid | C::Refused | C::Expired => return Err("CLR-1198"),
                }
                known.refused_for = Some(*reason);
                self.come_to_nothing(collection.0, C::Refused);
                Ok(Expected::Collection { state: C::Refused, repeated: false })
            }
        }
    }

    fn collect(&mut self, collect: &Collect) -> Result<Expected, &'static str> {
        if let Some(known) = self.collections.get(&collect.collection.0)
            && known.content == collect.content.0
            && known.creditor == collect.creditor_agent.0
        {
            return Ok(Expected::Collection { state: known.state, repeated: true });
        }
        self.unnamed(collect.collection.0)?;
        let now_ns = self.time_ns;
        let mandate = self.mandates.get(&collect.mandate.0).ok_or("CLR-1120")?;
        if (mandate.creditor, mandate.debtor) != (collect.creditor_agent.0, collect.debtor_agent.0) {
            return Err("CLR-1121");
        }
        if !mandate.lets_collect() {
            return Err("CLR-1191");
        }
        let (terms, amount) = (mandate.terms, u128::from(collect.amount.0));
        if terms.currency != collect.currency {
            return Err("CLR-1192");
        }
        if now_ns < terms.first.0 || now_ns >= terms.last.0 {
            return Err("CLR-1194");
        }
        let each = u128::from(terms.each.0);
        if amount == 0 {
            return Err("CLR-1011");
        }
        if amount > each || terms.is_fixed && amount != each {
            return Err("CLR-1192");
        }
        let period = period_at(terms.period, now_ns);
        let used = if mandate.used.0 == period { mandate.used } else { (period, 0, 0) };
        if used.1 + amount > u128::from(terms.period_max.0) || used.2 + 1 > u32::from(terms.count_max) {
            return Err("CLR-1193");
        }
        self.may_pull(collect.creditor_agent.0, collect.debtor_agent.0)?;
        if let Some(mandate) = self.mandates.get_mut(&collect.mandate.0) {
            mandate.used = (period, used.1 + amount, used.2 + 1);
        }
        let collection = Collection {
            content: collect.content.0,
            mandate: collect.mandate.0,
            creditor: collect.creditor_agent.0,
            debtor: collect.debtor_agent.0,
            amount,
            currency: collect.currency,
            period,
            expires_ns: now_ns + DAY_NS,
            state: C::Asked,
            refused_for: None,
            paid_by: None,
        };
        self.collections.insert(collect.collection.0, collection);
        Ok(Expected::Collection { state: C::Asked, repeated: false })
    }

    /// A collection that is not paid is given back to the period it was counted in.
    fn come_to_nothing(&mut self, uetr: [u8; 16], state: C) {
        let Some(collection) = self.collections.get_mut(&uetr) else { return };
        collection.state = state;
        let Some(mandate) = self.mandates.get_mut(&collection.mandate) else { return };
        if mandate.ends_ns().is_some() && mandate.used.0 == collection.period {
            mandate.used = (mandate.used.0, mandate.used.1 - collection.amount, mandate.used.2 - 1);
        }
    }

    /// Whether the collection that a payment is made on takes it.
    pub(super) fn may_settle_collection(&self, pay: &Pay, credit: (u128, CurrencyCode)) -> Result<(), &'static str> {
        let Basis::Collection(uetr) = pay.terms.basis else { return Ok(()) };
        let collection = self.collections.get(&uetr.0).ok_or("PAY-2100")?;
        if (collection.debtor, collection.creditor) != (pay.debtor_agent.0, pay.creditor_agent.0) {
            return Err("PAY-2103");
        }
        match collection.state {
            C::Asked if collection.expires_ns > self.time_ns => {}
            C::Paying | C::Paid => return Err("PAY-2101"),
            C::Asked | C::Refused | C::Expired => return Err("PAY-2100"),
        }
        let mandate = self.mandates.get(&collection.mandate).filter(|mandate| mandate.lets_collect()).ok_or("PAY-2102")?;
        let is_its_purpose = mandate.terms.purpose.is_none() || mandate.terms.purpose == pay.terms.purpose;
        if credit == (collection.amount, collection.currency) && is_its_purpose { Ok(()) } else { Err("PAY-2103") }
    }

    pub(super) fn collection_being_paid(&mut self, pay: &Pay) {
        let Basis::Collection(uetr) = pay.terms.basis else { return };
        if let Some(collection) = self.collections.get_mut(&uetr.0) {
            (collection.state, collection.paid_by) = (C::Paying, Some(pay.uetr.0));
        }
    }

    /// A payment has ended.
    pub(super) fn collection_after(&mut self, payment: [u8; 16], settled: bool) {
        let is_it = |(_, it): &(&[u8; 16], &mut Collection)| it.state == C::Paying && it.paid_by == Some(payment);
        let Some((uetr, collection)) = self.collections.iter_mut().find(is_it) else { return };
        collection.state = if settled { C::Paid } else { C::Asked };
        if !settled && collection.expires_ns <= self.time_ns {
            let uetr = *uetr;
            self.come_to_nothing(uetr, C::Expired);
        }
    }

    /// A story lasts minutes: no block has more to end than it may, and none is old enough to be forgotten.
    pub(super) fn expire_pulled(&mut self) {
        let now_ns = self.time_ns;
        let late: Vec<[u8; 16]> = self
            .collections
            .iter()
            .filter(|(_, it)| it.state == C::Asked && it.expires_ns <= now_ns)
            .map(|(uetr, _)| *uetr)
            .collect();
        late.into_iter().for_each(|uetr| self.come_to_nothing(uetr, C::Expired));
        for mandate in self.mandates.values_mut() {
            if mandate.ends_ns().is_some_and(|at| at <= now_ns) {
                (mandate.state, mandate.proposed, mandate.refused_for) = (S::Expired, None, None);
            }
        }
    }
}

impl Mandate {
    fn answered(&mut self, says: MandateAnswer, over: bool, now_ns: u64) -> Result<Expected, &'static str> {
        let is_asked = matches!(self.state, S::Asked | S::Amending);
        let said = match says {
            MandateAnswer::Accepted => self.lets_collect() && self.refused_for.is_none(),
            MandateAnswer::Refused(reason) => self.refused_for == Some(reason) && !self.cancelled,
        };
        if !is_asked {
            return if said { Ok(self.standing(true)) } else { Err("CLR-1195") };
        }
        if over {
            return Err("CLR-1195");
        }
        match says {
            MandateAnswer::Refused(reason) => {
                self.state = if self.state == S::Asked { S::Refused } else { S::Active };
                (self.proposed, self.refused_for) = (None, Some(reason));
            }
            MandateAnswer::Accepted => {
                let terms = self.proposed.unwrap_or(self.terms);
                let period = period_at(terms.period, now_ns);
                let is_current = self.used.0 == period_at(self.terms.period, now_ns);
                let used = if is_current { (period, self.used.1, self.used.2) } else { (period, 0, 0) };
                if used.1 > u128::from(terms.period_max.0) || used.2 > u32::from(terms.count_max) {
                    return Err("CLR-1196");
                }
                (self.state, self.terms, self.used) = (S::Active, terms, used);
                (self.proposed, self.refused_for) = (None, None);
            }
        }
        Ok(self.standing(false))
    }
}

/// Whether caps mean something.
fn sound(terms: &MandateTerms, now_ns: u64) -> Result<(), &'static str> {
    if terms.each.is_zero() {
        return Err("CLR-1011");
    }
    let (first, last) = (terms.first.0, terms.last.0);
    let in_order = first < last && last > now_ns && last - first <= LIFE_MOST_NS && first <= now_ns + LIFE_MOST_NS;
    if in_order && terms.period_max >= terms.each && terms.count_max > 0 { Ok(()) } else { Err("CLR-1190") }
}
