//! Which corridor a payment takes, and whether the rulebook lets it.

use super::quota::{CounterKey, QuotaView, Uses};
use super::{Corridor, Country, Limit, Most, OutsideHours, Rulebook, Scope, Terms};
use crate::exchange::Quote;
use crate::{Clearing, ParticipantId, Pay, Rejection, Time};
use money::{Amount, Currency, Rounding};

/// A payment as the rulebook sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// Country of the debtor agent.
    pub from: Country,
    /// Country of the creditor agent.
    pub to: Country,
    /// The debtor agent.
    pub bank: ParticipantId,
    /// What is paid.
    pub debit: Amount,
    /// What arrives.
    pub credit: Amount,
    /// The rest.
    pub terms: Terms,
    /// When.
    pub time: Time,
}

/// What the rulebook says about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // it lives for one call
pub(crate) enum Ruled {
    /// It may be held now and counts this; the corridor it takes, if there is a rulebook.
    Now(Uses, Option<super::Code>),
    /// Its corridor opens then.
    ClosedUntil(Time),
}

/// What would become of a payment, as far as the rulebook goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// The corridor it would take.
    pub corridor: super::Code,
    /// When it would be executed, if not at once.
    pub waits_until: Option<Time>,
    /// Why it would be rejected.
    pub rejection: Option<Rejection>,
    /// Every quota it counts in, without it.
    pub quotas: Vec<QuotaView>,
}

impl Rulebook {
    /// What would become of a payment; `used` tells what a counter says.
    ///
    /// # Errors
    /// If no corridor takes it.
    pub fn what_if(&self, question: &Question, used: &dyn Fn(&CounterKey) -> u64) -> Result<WhatIf, Rejection> {
        let corridor = self.corridor(question)?;
        let ruled = self.rule(question, used, usize::MAX);
        Ok(WhatIf {
            corridor: corridor.code,
            waits_until: match ruled {
                Ok(Ruled::ClosedUntil(opens)) => Some(opens),
                Ok(Ruled::Now(..)) | Err(_) => None,
            },
            rejection: ruled.err(),
            quotas: corridor.quota_views(question, used),
        })
    }

    /// Whether a payment may be held now; `room` is for how many counters there is room.
    pub(crate) fn rule(&self, question: &Question, used: &dyn Fn(&CounterKey) -> u64, room: usize) -> Result<Ruled, Rejection> {
        let corridor = self.corridor(question)?;
        let pair = (question.debit.currency.code, question.credit.currency.code);
        if !corridor.currencies.is_empty() && !corridor.currencies.contains(&pair) {
            return Err(Rejection::CurrencyNotInCorridor);
        }
        if !corridor.hours.is_open(question.time) {
            let opens = corridor.hours.next_opening(question.time).ok_or(Rejection::OutsideHours)?;
            return match corridor.outside_hours {
                OutsideHours::Reject => Err(Rejection::OutsideHours),
                OutsideHours::Queue => Ok(Ruled::ClosedUntil(opens)),
            };
        }
        let uses = self.count(corridor, question, used)?;
        if uses.len() > room { Err(Rejection::TablesFull) } else { Ok(Ruled::Now(uses, Some(corridor.code))) }
    }

    /// What a payment will count, if all its limits allow it.
    fn count(&self, corridor: &Corridor, question: &Question, used: &dyn Fn(&CounterKey) -> u64) -> Result<Uses, Rejection> {
        let mut uses = Uses::default();
        for limit in corridor.counted(&question.terms) {
            let (value, ceiling) = (self.worth(limit, question)?, limit.most.ceiling());
            if limit.scope == Scope::Payment {
                if value > ceiling {
                    return Err(Rejection::AboveLimit);
                }
                continue;
            }
            let person = question.terms.person.ok_or(Rejection::DebtorNotIdentified)?;
            let Some(key) = CounterKey::of(limit, corridor, person, question) else { continue };
            if used(&key).checked_add(value).is_none_or(|total| total > ceiling) {
                return Err(limit.used_up());
            }
            uses.push(key, value, ceiling);
        }
        Ok(uses)
    }

    /// What a payment that settled counted, by these rules: no limit is asked.
    pub(crate) fn uses_of(&self, question: &Question) -> Vec<(CounterKey, u64)> {
        let (Ok(corridor), Some(person)) = (self.corridor(question), question.terms.person) else { return Vec::new() };
        let use_of =
            |limit: &Limit| Some((CounterKey::of(limit, corridor, person, question)?, self.worth(limit, question).ok()?));
        corridor.counted(&question.terms).filter_map(use_of).take(Corridor::QUOTAS_MAX).collect()
    }

    /// The first corridor that fits. Where only the purpose does not fit, it is the purpose that is wrong.
    pub(crate) fn corridor(&self, question: &Question) -> Result<&Corridor, Rejection> {
        let fits = |wanted: Option<Country>, found: Country| wanted.is_none_or(|wanted| wanted == found);
        let terms = &question.terms;
        let mut near = false;
        for corridor in &self.corridors {
            let kinds = corridor.debtor.is_none_or(|kind| kind == terms.debtor)
                && corridor.creditor.is_none_or(|kind| kind == terms.creditor);
            if !kinds || !fits(corridor.from, question.from) || !fits(corridor.to, question.to) {
                continue;
            }
            if corridor.purposes.is_empty() || terms.purpose.is_some_and(|purpose| corridor.purposes.contains(&purpose)) {
                return Ok(corridor);
            }
            near = true;
        }
        Err(if near { Rejection::PurposeNotAllowed } else { Rejection::NoCorridor })
    }

    /// What a payment is worth in a limit's measure: the side that has its currency, else the debit at the reference rate,
    /// rounded up. A rulebook is not taken if one of its corridors' pairs cannot be counted.
    fn worth(&self, limit: &Limit, question: &Question) -> Result<u64, Rejection> {
        let Most::Amount { currency: unit, .. } = limit.most else { return Ok(1) };
        let sides = [question.debit, question.credit];
        if let Some(side) = sides.into_iter().find(|side| side.currency.code == unit.code) {
            return Ok(side.minor.0);
        }
        self.at_reference_rate(question.debit, unit).ok_or(Rejection::AboveLimit)
    }

    fn at_reference_rate(&self, debit: Amount, unit: Currency) -> Option<u64> {
        let rate = self.reference_rate(debit.currency.code, unit.code)?;
        rate.convert(debit.minor, debit.currency, unit, Rounding::Up).ok().map(|minor| minor.0)
    }
}

impl Corridor {
    /// The limits that count a payment of this purpose.
    fn counted(&self, terms: &Terms) -> impl Iterator<Item = &Limit> {
        let purpose = terms.purpose;
        self.limits.iter().filter(move |limit| !purpose.is_some_and(|purpose| limit.exempt.contains(&purpose)))
    }

    fn quota_views(&self, question: &Question, used: &dyn Fn(&CounterKey) -> u64) -> Vec<QuotaView> {
        let Some(person) = question.terms.person else { return Vec::new() };
        let view = |limit: &Limit| {
            let key = CounterKey::of(limit, self, person, question)?;
            Some(QuotaView {
                limit: limit.code,
                scope: limit.scope,
                currency: limit.most.currency(),
                used: used(&key),
                most: limit.most.ceiling(),
            })
        };
        self.counted(&question.terms).filter_map(view).collect()
    }
}

impl Clearing {
    /// Asks the rulebook about a payment whose quote has been found.
    pub(crate) fn rule(&self, pay: &Pay, quote: Option<&Quote>) -> Result<Ruled, Rejection> {
        let Some(book) = self.rulebook() else { return Ok(Ruled::Now(Uses::default(), None)) };
        let question = self.question(pay, quote)?;
        let room = Self::COUNTERS_MAX.saturating_sub(self.quotas.counters());
        book.rule(&question, &|key| self.quotas.used(key), room)
    }

    /// The corridor that would take a payment that is to be executed later, if there is a rulebook.
    pub(crate) fn corridor_of(&self, pay: &Pay) -> Result<Option<super::Code>, Rejection> {
        let Some(book) = self.rulebook() else { return Ok(None) };
        book.corridor(&self.question(pay, None)?).map(|corridor| Some(corridor.code))
    }

    /// What the rulebook would say about a payment, and what is left of its quotas. `None` without a rulebook.
    pub fn what_if(&self, pay: &Pay) -> Option<Result<WhatIf, Rejection>> {
        let book = self.rulebook()?;
        let question = pay.quote.map(|id| self.usable_quote(id, pay)).transpose();
        let question = question.and_then(|quote| self.question(pay, quote.as_ref()));
        Some(question.and_then(|question| book.what_if(&question, &|key| self.quotas.used(key))))
    }

    fn question(&self, pay: &Pay, quote: Option<&Quote>) -> Result<Question, Rejection> {
        let ledger = self.ledger_of(pay.debit_currency).ok_or(Rejection::CurrencyNotServed)?;
        let debit = Amount { minor: pay.debit, currency: self.currency(ledger) };
        let country = |agent: ParticipantId| Country::of(self.participants[agent.0 as usize].bic);
        Ok(Question {
            from: country(pay.debtor_agent),
            to: country(pay.creditor_agent),
            bank: pay.debtor_agent,
            debit,
            credit: quote.map_or(debit, |quote| quote.terms.credit),
            terms: pay.terms,
            time: self.time,
        })
    }
}
