//! Rulebooks, tariffs and what persons have used of their quotas, so that a payment can be asked about before it is made.

use clearing::{
    Applied, Clearing, Code, CounterKey, EventKind, Priced, Question, Rejection, Rulebook, SchemeTerms, Tariff, Time, WhatIf,
};
use std::collections::BTreeMap;

/// As the last durable block left them.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    books: Vec<Rulebook>,
    tariffs: Vec<Tariff>,
    used: BTreeMap<CounterKey, u64>,
    /// The day, counted from 1970, whose passed counters are gone.
    swept: u64,
}

impl Rules {
    pub(crate) fn restore(clearing: &Clearing) -> Self {
        let (books, tariffs) = (clearing.rulebooks().to_vec(), clearing.tariffs().to_vec());
        Self { books, tariffs, used: clearing.counters().collect(), swept: 0 }
    }

    pub(crate) fn note(&mut self, applied: &Applied, now: Time) {
        for event in &applied.events {
            if let EventKind::RulebookSet(book) = &event.kind {
                self.books.push(book.clone());
            }
            if let EventKind::SchemeTermsSet(SchemeTerms::Tariff(tariff)) = &event.kind {
                self.tariffs.push(tariff.clone());
            }
        }
        self.used.extend(applied.counted.iter().copied());
        let today = now.0 / 86_400_000_000_000;
        if self.swept != today {
            self.swept = today;
            self.used.retain(|key, _| !key.is_over(now));
        }
    }

    /// Of the last one entered.
    pub(crate) fn version(&self) -> u32 {
        self.books.last().map_or(0, |book| book.version)
    }

    /// The rulebook that holds at a time.
    pub(crate) fn book(&self, now: Time) -> Option<&Rulebook> {
        self.books.iter().rev().find(|book| book.effective_from <= now)
    }

    /// Version of the last tariff entered.
    pub(crate) fn tariff_version(&self) -> u32 {
        self.tariffs.last().map_or(0, |tariff| tariff.version)
    }

    /// The tariff for what is accepted at a time.
    pub(crate) fn tariff(&self, accepted_at: Time) -> Option<&Tariff> {
        self.tariffs.iter().rev().find(|tariff| tariff.effective_from <= accepted_at)
    }

    /// What a payment accepted at the question's time would be charged, in the corridor it takes.
    pub(crate) fn price(&self, question: &Question, corridor: Option<Code>) -> Option<Priced> {
        self.tariff(question.time)?.price(corridor, &question.terms, question.debit, question.credit)
    }

    pub(crate) fn what_if(&self, question: &Question) -> Option<Result<WhatIf, Rejection>> {
        let used = |key: &CounterKey| self.used.get(key).copied().unwrap_or(0);
        self.book(question.time).map(|book| book.what_if(question, &used))
    }
}
