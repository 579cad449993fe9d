//! What a participant may do and whether it is there, a second time.

use super::{Expected, Model, Place};
use clearing::{
    AccountPurpose, Arrangement, LiquidityTerms, NetDebitCap, Notice, ParticipantKey, ParticipantStatus, Pay, Priority, Says,
    SetKey, SetLiquidity, VerifyingKey,
};
use std::collections::BTreeMap;

/// How one participant stands.
#[derive(Debug, Clone)]
pub(crate) struct Conduct {
    status: ParticipantStatus,
    /// From and until, in nanoseconds.
    absences: Vec<(u64, u64)>,
    unanswered: u32,
    rest_until: Option<u64>,
    /// Keys behind the first, by number.
    further_keys: BTreeMap<u16, VerifyingKey>,
}

impl Default for Conduct {
    fn default() -> Self {
        let (absences, further_keys) = (Vec::new(), BTreeMap::new());
        Self { status: ParticipantStatus::Live, absences, unanswered: 0, rest_until: None, further_keys }
    }
}

impl Conduct {
    pub(super) fn status(&self) -> ParticipantStatus {
        self.status
    }

    pub(super) fn sends(&self) -> bool {
        matches!(self.status, ParticipantStatus::Live | ParticipantStatus::SendOnly)
    }

    pub(super) fn receives(&self) -> bool {
        matches!(self.status, ParticipantStatus::Live | ParticipantStatus::ReceiveOnly)
    }

    pub(super) fn brings_money(&self) -> bool {
        !matches!(self.status, ParticipantStatus::Applied | ParticipantStatus::Left)
    }

    /// Whether it may ask for quotes and give them, or with which code it may not.
    pub(super) fn acts(&self) -> Result<(), &'static str> {
        match self.status {
            ParticipantStatus::Live => Ok(()),
            ParticipantStatus::Suspended => Err("CLR-1004"),
            ParticipantStatus::Applied
            | ParticipantStatus::Certified
            | ParticipantStatus::ReceiveOnly
            | ParticipantStatus::SendOnly
            | ParticipantStatus::Left => Err("CLR-1101"),
        }
    }

    fn is_away(&self, now: u64) -> bool {
        self.absences.iter().any(|(from, until)| (*from..*until).contains(&now)) || self.rest_until.is_some_and(|end| now < end)
    }
}

/// What was agreed on settlement accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Agreed {
    terms: BTreeMap<Place, LiquidityTerms>,
    ahead: BTreeMap<(u64, Place), LiquidityTerms>,
    /// How far an account may fall below zero.
    limits: BTreeMap<Place, i128>,
}

/// Which standing may follow which, as pairs.
fn may_follow(before: ParticipantStatus, next: ParticipantStatus) -> bool {
    use ParticipantStatus::{Applied, Certified, Left, Live, ReceiveOnly, SendOnly, Suspended};
    let works = [Live, ReceiveOnly, SendOnly];
    match (before, next) {
        (Left, _) | (_, Applied) => false,
        (_, Left) => true,
        (Applied, next) => next == Certified,
        (before, Suspended) => works.contains(&before),
        (_, next) => works.contains(&next),
    }
}

impl Model {
    pub(super) fn set_status(&mut self, participant: u32, status: ParticipantStatus) -> Result<Expected, &'static str> {
        let before = self.members.get(participant as usize).ok_or("CLR-1003")?.conduct.status;
        if before == status {
            return Ok(Expected::Done);
        }
        if !may_follow(before, status) {
            return Err("CLR-1100");
        }
        if status == ParticipantStatus::Left && self.has_sponsorship(participant) {
            return Err("CLR-1185");
        }
        if status == ParticipantStatus::Left && !self.has_nothing(participant) {
            return Err("CLR-1102");
        }
        self.members[participant as usize].conduct.status = status;
        Ok(Expected::Done)
    }

    fn has_nothing(&self, participant: u32) -> bool {
        let own = |owner: Option<u32>| owner == Some(participant);
        let empty = self.balances.iter().all(|(place, balance)| !own(place.0) || balance.posted == 0);
        let open = self.payments.values().filter(|payment| payment.state == clearing::PaymentState::Held);
        empty && open.flat_map(|payment| &payment.legs).all(|(from, to, _)| !own(from.0) && !own(to.0))
    }

    pub(super) fn arrange(&mut self, arrangement: &Arrangement) -> Result<Expected, &'static str> {
        match arrangement {
            Arrangement::Apply(register) => {
                let known = self.members.iter().find(|member| member.bic == Some(register.bic));
                if known.is_some_and(|member| member.conduct.status != ParticipantStatus::Left) {
                    return Err("CLR-1100");
                }
                let expected = self.register(register)?;
                if let Expected::Registered(at) = expected {
                    self.members[at as usize].conduct.status = ParticipantStatus::Applied;
                }
                Ok(expected)
            }
            Arrangement::SetLiquidity(set) => self.agree(set),
            Arrangement::SetKey(set) => self.change_key(set),
            Arrangement::SetBreaker(breaker) => {
                if breaker.timeouts > 0 && breaker.rest_ns == 0 {
                    return Err("CLR-1103");
                }
                self.breaker = (breaker.timeouts, breaker.rest_ns);
                Ok(Expected::Done)
            }
        }
    }

    /// Stories never have as many keys of one participant as there may be.
    fn change_key(&mut self, set: &SetKey) -> Result<Expected, &'static str> {
        let member = self.members.get_mut(set.participant.0 as usize).ok_or("CLR-1003")?;
        if member.conduct.status == ParticipantStatus::Left {
            return Err("CLR-1101");
        }
        let ParticipantKey { number, key, from, until } = set.key;
        if until <= from {
            return Err("CLR-1224");
        }
        let keys = &mut member.conduct.further_keys;
        match keys.get(&number) {
            Some(known) if *known != key => return Err("CLR-1225"),
            Some(_) => {}
            // The first came with the registration; no story tells it again.
            None if number == 1 => return Err("CLR-1225"),
            None if usize::from(number) != keys.len() + 2 => return Err("CLR-1226"),
            None if keys.values().any(|known| *known == key) => return Err("CLR-1225"),
            None => {
                keys.insert(number, key);
            }
        }
        Ok(Expected::Done)
    }

    fn agree(&mut self, set: &SetLiquidity) -> Result<Expected, &'static str> {
        let who = set.participant.0;
        if !self.members.get(who as usize).ok_or("CLR-1003")?.conduct.brings_money() {
            return Err("CLR-1101");
        }
        if !self.decimals.contains_key(&set.currency) {
            return Err("CLR-1008");
        }
        if !self.serves(who, set.currency) {
            return Err("CLR-1010");
        }
        let whole = matches!(set.terms.cap, NetDebitCap::ShareOfFunding { ppm } if ppm > 1_000_000);
        if whole || set.terms.target < set.terms.floor {
            return Err("CLR-1104");
        }
        let place = (Some(who), AccountPurpose::Settlement, set.currency);
        if set.from.0 > self.time_ns {
            self.agreed.ahead.insert((set.from.0, place), set.terms);
        } else {
            self.agreed.terms.insert(place, set.terms);
            self.limit();
        }
        Ok(Expected::Done)
    }

    /// Terms whose time has come, and limits that follow their use.
    pub(super) fn begin_agreed(&mut self) {
        for ((from, place), terms) in self.agreed.ahead.clone() {
            if from <= self.time_ns {
                self.agreed.terms.insert(place, terms);
                self.agreed.ahead.remove(&(from, place));
            }
        }
        self.limit();
    }

    /// Every limit is its cap, or what was used beyond it.
    pub(super) fn limit(&mut self) {
        for (place, terms) in self.agreed.terms.clone() {
            let cap = match terms.cap {
                NetDebitCap::Fixed(cap) => i128::from(cap.0),
                NetDebitCap::ShareOfFunding { ppm } => {
                    self.funded(place.0.unwrap_or_default(), place.2).max(0) * i128::from(ppm) / 1_000_000
                }
            };
            self.agreed.limits.insert(place, cap.max(-self.available(place)));
        }
    }

    /// What a place can still give.
    pub(super) fn room(&self, place: Place) -> i128 {
        self.available(place) + self.agreed.limits.get(&place).copied().unwrap_or(0)
    }

    /// What of that is kept for what is urgent.
    pub(super) fn reserved(&self, place: Place) -> i128 {
        self.agreed.terms.get(&place).map_or(0, |terms| i128::from(terms.reserved.0))
    }

    /// Whether a payment of so much leaves what is reserved at the debtor agent's.
    pub(super) fn leaves_reserved(&self, place: Place, amount: i128, priority: Priority) -> Result<(), &'static str> {
        let kept = self.reserved(place);
        let room = self.room(place);
        let broken = priority == Priority::Normal && room >= amount && room - kept < amount;
        if broken { Err("PAY-2043") } else { Ok(()) }
    }

    pub(super) fn notice(&mut self, notice: &Notice) -> Result<Expected, &'static str> {
        let now = self.time_ns;
        let conduct = &mut self.members.get_mut(notice.participant.0 as usize).ok_or("CLR-1003")?.conduct;
        if !conduct.brings_money() {
            return Err("CLR-1101");
        }
        match notice.says {
            Says::Offline(absence) => {
                let span = (absence.from.0, absence.until.0);
                if span.1 <= span.0 || span.1 <= now {
                    return Err("CLR-1103");
                }
                let coming: Vec<_> = conduct.absences.iter().copied().filter(|(_, until)| *until > now).collect();
                if !coming.contains(&span) {
                    if coming.len() >= 16 {
                        return Err("CLR-1020");
                    }
                    conduct.absences = coming;
                    conduct.absences.push(span);
                }
            }
            Says::Online => {
                conduct.absences.retain(|(from, _)| *from > now);
                conduct.unanswered = 0;
                conduct.rest_until = None;
            }
        }
        Ok(Expected::Done)
    }

    /// Whether a payment may go from the one to the other now.
    pub(super) fn may_pay(&self, pay: &Pay) -> Result<(), &'static str> {
        let [from, to] = [pay.debtor_agent.0, pay.creditor_agent.0].map(|id| &self.members[id as usize].conduct);
        if !from.sends() {
            return Err(if from.status == ParticipantStatus::Suspended { "PAY-2014" } else { "PAY-2040" });
        }
        if !to.receives() {
            return Err(if to.status == ParticipantStatus::Suspended { "PAY-2005" } else { "PAY-2041" });
        }
        self.sponsors_stand(pay)?;
        if to.is_away(self.time_ns) { Err("PAY-2042") } else { Ok(()) }
    }

    /// A payment was put to it.
    pub(super) fn asked_of(&mut self, creditor: u32) {
        let rest = self.time_ns.saturating_add(self.breaker.1);
        let conduct = &mut self.members[creditor as usize].conduct;
        conduct.rest_until = conduct.rest_until.map(|_| rest);
    }

    /// It said something to a payment.
    pub(super) fn heard(&mut self, creditor: u32) {
        let conduct = &mut self.members[creditor as usize].conduct;
        if conduct.unanswered > 0 {
            conduct.unanswered = 0;
            conduct.rest_until = None;
        }
    }

    /// It let a payment's deadline pass.
    pub(super) fn not_heard(&mut self, creditor: u32) {
        let (most, rest) = self.breaker;
        if most == 0 {
            return;
        }
        let end = self.time_ns.saturating_add(rest);
        let conduct = &mut self.members[creditor as usize].conduct;
        conduct.unanswered += 1;
        if conduct.unanswered >= most {
            conduct.rest_until = Some(end);
        }
    }
}
