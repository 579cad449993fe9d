//! The rulebook, quotas and waiting payments, a second time.
//!
//! No counter is kept: what somebody has used of a limit is added up anew from the payments that count, each time it is asked.

use super::payments::Expectation;
use super::{Expected, Model};
use clearing::{
    Clearing, Corridor, Country, Facts, Hours, Limit, Most, OutsideHours, Pay, PaymentState, Period, Return, Rulebook, Scope,
    Terms, Uetr, WaitReason,
};
use money::CurrencyCode;
use std::collections::BTreeMap;

const MINUTE_NS: u64 = 60_000_000_000;
const DAY_NS: u64 = 1440 * MINUTE_NS;
/// Furthest ahead a payment may wait.
const WAIT_MOST_NS: u64 = 366 * DAY_NS;

/// Whose counter, of which limit, at which bank (or all), in which day or year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CounterName {
    person: [u8; 16],
    limit: [u8; 8],
    bank: Option<u32>,
    period: (Period, u32),
}

/// What one payment counts of one limit.
#[derive(Debug, Clone, Copy)]
struct Used {
    name: CounterName,
    value: u128,
}

/// A payment that is to be executed later.
#[derive(Debug, Clone)]
struct Later {
    pay: Pay,
    until_ns: u64,
    reason: WaitReason,
}

/// Rulebooks, what counts against quotas, and what waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules {
    books: Vec<Rulebook>,
    version: u32,
    used: Vec<([u8; 16], Used)>,
    /// What each payment counted when it was held.
    counted: BTreeMap<[u8; 16], Vec<(CounterName, u128)>>,
    waiting: Vec<Later>,
}

/// What the rulebook lets happen.
pub(super) enum Let {
    /// The payment is held and counts this.
    Pass(Vec<CounterName>, Vec<u128>),
    /// It waits until then.
    Wait(u64, WaitReason),
}

/// Both sides of a payment, in minor units.
pub(super) type Sides = [(u128, CurrencyCode); 2];

impl Model {
    pub(super) fn set_rulebook(&mut self, book: &Rulebook) -> Result<Expected, &'static str> {
        if book.version != self.rules.version + 1 {
            return Err("CLR-1041");
        }
        if self.rules.books.len() >= 16 {
            return Err("CLR-1020");
        }
        let before_the_last = self.rules.books.last().is_some_and(|last| last.effective_from > book.effective_from);
        if before_the_last || !self.has_meaning(book) {
            return Err("CLR-1040");
        }
        self.rules.version = book.version;
        self.rules.books.push(book.clone());
        self.turn_page();
        Ok(Expected::Done)
    }

    fn has_meaning(&self, book: &Rulebook) -> bool {
        let known = |code: CurrencyCode| self.decimals.contains_key(&code);
        let hours =
            |hours: &Hours| hours.opens < hours.closes && hours.closes <= 1440 && hours.weekdays != 0 && hours.weekdays < 128;
        let counts = |corridor: &Corridor, limit: &Limit| match limit.most {
            Most::Payments(_) => true,
            Most::Amount { currency, .. } => {
                let code = currency.code;
                let rated = |from| book.reference_rates.iter().any(|rate| (rate.from, rate.to) == (from, code));
                let pairs = &corridor.currencies;
                known(code) && !pairs.is_empty() && pairs.iter().all(|(from, to)| *from == code || *to == code || rated(*from))
            }
        };
        book.corridors.iter().all(|corridor| {
            let pairs = corridor.currencies.iter().all(|(from, to)| known(*from) && known(*to));
            pairs && hours(&corridor.hours) && corridor.limits.iter().all(|limit| counts(corridor, limit))
        })
    }

    /// The rulebook that holds now: the last one that has begun.
    fn rulebook(&self) -> Option<&Rulebook> {
        self.rules.books.iter().rev().find(|book| book.effective_from.0 <= self.time_ns)
    }

    /// Rulebooks that were followed by another are gone: there is room for more.
    pub(super) fn turn_page(&mut self) {
        let begun = self.rules.books.iter().filter(|book| book.effective_from.0 <= self.time_ns).count();
        self.rules.books.drain(..begun.saturating_sub(1));
    }

    /// Whether a payment passes, waits, or why it does neither; `sides` are debit and credit.
    pub(super) fn asked_of_rulebook(&self, pay: &Pay, sides: Sides) -> Result<Let, &'static str> {
        let Some(book) = self.rulebook() else { return Ok(Let::Pass(Vec::new(), Vec::new())) };
        let corridor = self.corridor(book, pay)?;
        let pair = (sides[0].1, sides[1].1);
        if !corridor.currencies.is_empty() && !corridor.currencies.contains(&pair) {
            return Err("PAY-2025");
        }
        if let Some(opens_ns) = closed_until(&corridor.hours, self.time_ns) {
            return match (corridor.outside_hours, opens_ns) {
                (OutsideHours::Queue, Some(opens_ns)) => Ok(Let::Wait(opens_ns, WaitReason::CorridorClosed)),
                (OutsideHours::Queue, None) | (OutsideHours::Reject, _) => Err("PAY-2018"),
            };
        }
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for limit in &corridor.limits {
            if pay.terms.purpose.is_some_and(|purpose| limit.exempt.contains(&purpose)) {
                continue;
            }
            let value = self.worth(book, limit, sides)?;
            let Some((bank, period)) = over(limit.scope, pay.debtor_agent.0) else {
                if value > u128::from(ceiling(limit)) {
                    return Err("PAY-2019");
                }
                continue;
            };
            let person = pay.terms.person.ok_or("PAY-2017")?.0;
            let period = (period, number_of(period, &corridor.hours, self.time_ns));
            let name = CounterName { person, limit: limit.code.bytes(), bank, period };
            if self.used(&name) + value > u128::from(ceiling(limit)) {
                return Err(if matches!(limit.most, Most::Payments(_)) { "PAY-2021" } else { "PAY-2020" });
            }
            names.push(name);
            values.push(value);
        }
        Ok(Let::Pass(names, values))
    }

    /// The first corridor that fits in everything; `PAY-2016` if one would, but for the purpose.
    pub(super) fn corridor<'a>(&self, book: &'a Rulebook, pay: &Pay) -> Result<&'a Corridor, &'static str> {
        self.corridor_for(book, (pay.debtor_agent.0, pay.creditor_agent.0), &pay.terms)
    }

    fn corridor_for<'a>(
        &self,
        book: &'a Rulebook,
        (debtor, creditor): (u32, u32),
        terms: &Terms,
    ) -> Result<&'a Corridor, &'static str> {
        let country = |agent: u32| self.members.get(agent as usize).and_then(|member| member.bic).map(Country::of);
        let (from, to) = (country(debtor), country(creditor));
        let fits = |corridor: &&Corridor| {
            (corridor.from.is_none() || corridor.from == from)
                && (corridor.to.is_none() || corridor.to == to)
                && corridor.debtor.is_none_or(|kind| kind == terms.debtor)
                && corridor.creditor.is_none_or(|kind| kind == terms.creditor)
        };
        let meant = |corridor: &&Corridor| {
            corridor.purposes.is_empty() || terms.purpose.is_some_and(|purpose| corridor.purposes.contains(&purpose))
        };
        let near = book.corridors.iter().any(|corridor| fits(&corridor));
        let found = book.corridors.iter().filter(fits).find(meant);
        found.ok_or(if near { "PAY-2016" } else { "PAY-2015" })
    }

    /// What is asked of a payment that is to be executed later: that some corridor takes it.
    pub(super) fn some_corridor(&self, pay: &Pay) -> Result<(), &'static str> {
        self.rulebook().map_or(Ok(()), |book| self.corridor(book, pay).map(drop))
    }

    fn worth(&self, book: &Rulebook, limit: &Limit, sides: Sides) -> Result<u128, &'static str> {
        let Most::Amount { currency, .. } = limit.most else { return Ok(1) };
        if let Some((minor, _)) = sides.iter().find(|(_, code)| *code == currency.code) {
            return Ok(*minor);
        }
        let (minor, from) = sides[0];
        let rate = book.reference_rates.iter().find(|rate| (rate.from, rate.to) == (from, currency.code));
        let rate = rate.ok_or("PAY-2019")?.rate;
        let ten = |power: u8| 10u128.pow(u32::from(power));
        let decimals = self.decimals.get(&from).copied().unwrap_or_default();
        let above = minor * u128::from(rate.numerator()) * ten(currency.exponent);
        Ok(above.div_ceil(ten(rate.decimals()) * ten(decimals)))
    }

    fn used(&self, name: &CounterName) -> u128 {
        self.rules.used.iter().filter(|(_, used)| used.name == *name).map(|(_, used)| used.value).sum()
    }

    pub(super) fn count(&mut self, uetr: [u8; 16], names: Vec<CounterName>, values: Vec<u128>) {
        let counted: Vec<(CounterName, u128)> = names.into_iter().zip(values).collect();
        self.rules.used.extend(counted.iter().map(|&(name, value)| (uetr, Used { name, value })));
        self.rules.counted.insert(uetr, counted);
    }

    /// What a return gives back: of what the original counted its part, by what was returned before and is now. A forgotten
    /// one counts what the rulebook that holds now says of it.
    pub(super) fn give_back_part(&mut self, back: &Return, credit: u128, before: u128, after: u128) {
        let counted = match &back.facts {
            Some(facts) if !self.payments.contains_key(&back.original.0) => self.counts_now(facts),
            Some(_) | None => self.rules.counted.get(&back.original.0).cloned().unwrap_or_default(),
        };
        for (name, whole) in counted.into_iter().filter(|(name, _)| !is_long_over(*name, self.time_ns)) {
            let mut rest = whole * after / credit - whole * before / credit;
            let open = |uetr: &[u8; 16]| self.payments.get(uetr).is_some_and(|payment| payment.state == PaymentState::Held);
            let ended = self.rules.used.iter_mut().filter(|(uetr, used)| used.name == name && !open(uetr));
            for (_, used) in ended {
                let part = rest.min(used.value);
                used.value -= part;
                rest -= part;
            }
        }
    }

    fn counts_now(&self, facts: &Facts) -> Vec<(CounterName, u128)> {
        let view = &facts.payment;
        let (Some(book), Some(person)) = (self.rulebook(), facts.terms.person) else { return Vec::new() };
        let Ok(corridor) = self.corridor_for(book, (view.debtor_agent.0, view.creditor_agent.0), &facts.terms) else {
            return Vec::new();
        };
        let sides = [view.debit, view.credit].map(|side| (u128::from(side.minor.0), side.currency.code));
        let asked =
            corridor.limits.iter().filter(|limit| !facts.terms.purpose.is_some_and(|purpose| limit.exempt.contains(&purpose)));
        let count = |limit: &Limit| {
            let (bank, period) = over(limit.scope, view.debtor_agent.0)?;
            let period = (period, number_of(period, &corridor.hours, view.received_at.0));
            let name = CounterName { person: person.0, limit: limit.code.bytes(), bank, period };
            Some((name, self.worth(book, limit, sides).ok()?))
        };
        asked.filter_map(count).collect()
    }

    /// A rejected payment has used nothing.
    pub(super) fn give_back(&mut self, uetr: [u8; 16]) {
        self.rules.used.retain(|(payment, _)| *payment != uetr);
    }

    pub(super) fn let_wait(&mut self, pay: &Pay, until_ns: u64, reason: WaitReason) -> Result<Expected, &'static str> {
        if until_ns > self.time_ns.saturating_add(WAIT_MOST_NS) {
            return Err("PAY-2023");
        }
        if let Some(id) = pay.quote
            && self.quote_for(id.0, pay)?.expires_ns <= until_ns
        {
            return Err("PAY-2007");
        }
        self.rules.waiting.push(Later { pay: pay.clone(), until_ns, reason });
        Ok(Expected::Waiting { until_ns, reason, repeated: false })
    }

    /// Whether a payment with this UETR waits.
    pub(super) fn waits(&self, uetr: [u8; 16]) -> bool {
        self.rules.waiting.iter().any(|later| later.pay.uetr.0 == uetr)
    }

    /// The answer to a payment that waits already.
    pub(super) fn waits_already(&self, pay: &Pay) -> Option<Result<Expected, &'static str>> {
        let later = self.rules.waiting.iter().find(|later| later.pay.uetr == pay.uetr)?;
        let same = later.pay.content == pay.content && later.pay.debtor_agent == pay.debtor_agent;
        let expected = Expected::Waiting { until_ns: later.until_ns, reason: later.reason, repeated: true };
        Some(if same { Ok(expected) } else { Err("CLR-1001") })
    }

    /// Those whose time has come, in order of time, then of identifier.
    pub(super) fn take_up(&mut self) {
        loop {
            let due = self.rules.waiting.iter().enumerate().filter(|(_, later)| later.until_ns <= self.time_ns);
            let Some((at, _)) = due.min_by_key(|(_, later)| (later.until_ns, later.pay.uetr)) else { return };
            let later = self.rules.waiting.remove(at);
            self.admit(&later.pay, Expectation::Waited);
        }
    }

    pub(super) fn cancel(&mut self, uetr: Uetr, debtor: u32) -> Result<Expected, &'static str> {
        let Some(at) = self.rules.waiting.iter().position(|later| later.pay.uetr == uetr) else {
            let known = self.payments.get(&uetr.0).ok_or("CLR-1005")?;
            return match known.reason {
                _ if known.debtor != debtor => Err("CLR-1006"),
                Some("PAY-2024") => Ok(known.standing(true)),
                Some(_) | None => Err("CLR-1042"),
            };
        };
        if self.rules.waiting[at].pay.debtor_agent.0 != debtor {
            return Err("CLR-1006");
        }
        let later = self.rules.waiting.remove(at);
        Ok(self.end_at_once(&later.pay, "PAY-2024"))
    }

    /// QUO-01 by another way: each counter of the centre says what the payments add up to, and none is missing.
    pub(super) fn compare_rules(&self, clearing: &Clearing) -> Result<(), String> {
        let mut counted = std::collections::BTreeMap::new();
        for (key, used) in clearing.counters() {
            let period = key.period();
            let name =
                CounterName { person: key.person().0, limit: key.limit().bytes(), bank: key.bank().map(|id| id.0), period };
            counted.insert(name, u128::from(used));
        }
        for (name, found) in &counted {
            let expected = self.used(name);
            if expected != *found {
                return Err(format!("{name:?} counts {found}, its payments add up to {expected}"));
            }
        }
        // A day or year that was over everywhere is not kept.
        let missing = |(_, used): &&([u8; 16], Used)| !counted.contains_key(&used.name) && !is_long_over(used.name, self.time_ns);
        if let Some((_, used)) = self.rules.used.iter().find(missing) {
            return Err(format!("nothing counts {:?}", used.name));
        }
        let found: Vec<_> = clearing.all_waiting().map(|view| (view.uetr, view.until.0, view.reason)).collect();
        let mut expected: Vec<_> =
            self.rules.waiting.iter().map(|later| (later.pay.uetr, later.until_ns, later.reason)).collect();
        expected.sort_unstable();
        if found == expected { Ok(()) } else { Err(format!("waiting are {found:?}, should be {expected:?}")) }
    }

    /// The version the next rulebook has.
    pub fn next_rulebook(&self) -> u32 {
        self.rules.version + 1
    }

    /// Payments that wait.
    pub fn waiting(&self) -> usize {
        self.rules.waiting.len()
    }
}

fn ceiling(limit: &Limit) -> u64 {
    match limit.most {
        Most::Amount { minor, .. } => minor.0,
        Most::Payments(most) => u64::from(most),
    }
}

/// At which bank, and over what; `None` for a limit of one payment.
fn over(scope: Scope, bank: u32) -> Option<(Option<u32>, Period)> {
    match scope {
        Scope::Payment => None,
        Scope::PerBank(period) => Some((Some(bank), period)),
        Scope::AcrossBanks(period) => Some((None, period)),
    }
}

/// Minutes of the corridor's own clock since 1970.
fn local_minutes(hours: &Hours, time_ns: u64) -> i64 {
    (time_ns / MINUTE_NS) as i64 + i64::from(hours.utc_offset_minutes)
}

fn is_open_at(hours: &Hours, minutes: i64) -> bool {
    let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    // The first of January 1970 was a Thursday.
    let open_day =
        hours.weekdays & (1 << ((day + 3) % 7)) != 0 && !hours.closed_days.iter().any(|closed| i64::from(*closed) == day);
    open_day && minute >= i64::from(hours.opens) && minute < i64::from(hours.closes)
}

/// `None` while it is open; else when it opens, if it does within a year: looked for minute by minute.
fn closed_until(hours: &Hours, time_ns: u64) -> Option<Option<u64>> {
    let now = local_minutes(hours, time_ns);
    if is_open_at(hours, now) {
        return None;
    }
    let opens = (now + 1..now + 367 * 1440).find(|minutes| is_open_at(hours, *minutes));
    Some(opens.map(|minutes| (minutes - i64::from(hours.utc_offset_minutes)) as u64 * MINUTE_NS))
}

/// A day since 1970, or a year, by the corridor's own clock.
fn number_of(period: Period, hours: &Hours, time_ns: u64) -> u32 {
    let day = local_minutes(hours, time_ns).div_euclid(1440);
    match period {
        Period::Day => day as u32,
        Period::Year => year_of(day),
    }
}

/// Counted off year by year.
fn year_of(mut day: i64) -> u32 {
    for year in 1970.. {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = if leap { 366 } else { 365 };
        if day < days {
            return year;
        }
        day -= days;
    }
    unreachable!("years do not end")
}

/// Whether a counter may have been let go: its day or year is over on every clock of the world.
fn is_long_over(name: CounterName, now_ns: u64) -> bool {
    let yesterday = (now_ns / DAY_NS).saturating_sub(1);
    match name.period {
        (Period::Day, day) => u64::from(day) < yesterday,
        (Period::Year, year) => year < year_of(yesterday as i64),
    }
}
