//! What happens now: the last events and counts by second, for boards and metrics.

use clearing::{Applied, Event, EventKind, Outcome, PaymentView};
use std::collections::VecDeque;

/// An event with the sequence a reader follows by.
#[derive(Debug, Clone)]
pub struct FeedEvent {
    /// The event.
    pub event: Event,
    /// Block time, nanoseconds.
    pub time_ns: u64,
}

/// Counts of one second of block time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pulse {
    /// Which second, since 1970.
    pub second: u64,
    /// Payments taken in.
    pub received: u64,
    /// Payments settled.
    pub settled: u64,
    /// Payments rejected.
    pub rejected: u64,
    /// Commands refused.
    pub refused: u64,
    /// Blocks.
    pub blocks: u64,
}

/// The last events and two minutes of counts.
#[derive(Debug, Default)]
pub struct Feed {
    events: VecDeque<FeedEvent>,
    pulses: VecDeque<Pulse>,
    /// Second of settlement, and time since taking in, of the last settled payments, in microseconds of block time.
    durations: VecDeque<(u64, u64)>,
}

impl Feed {
    /// Events kept.
    pub const EVENTS_MAX: usize = 500;
    /// Seconds of counts kept.
    pub const SECONDS_MAX: usize = 120;
    /// Payments whose duration is kept.
    pub const DURATIONS_MAX: usize = 2000;

    pub(crate) fn note(&mut self, time_ns: u64, applied: &Applied) {
        let pulse = self.pulse(time_ns / 1_000_000_000);
        pulse.blocks += 1;
        pulse.refused += applied.outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Refused(_))).count() as u64;
        for event in &applied.events {
            self.count(time_ns, event);
        }
        let shown = applied.events.len().saturating_sub(Self::EVENTS_MAX);
        self.events.extend(applied.events[shown..].iter().map(|event| FeedEvent { event: event.clone(), time_ns }));
        trim(&mut self.events, Self::EVENTS_MAX);
    }

    fn count(&mut self, time_ns: u64, event: &Event) {
        let pulse = self.pulse(time_ns / 1_000_000_000);
        match &event.kind {
            EventKind::PaymentHeld(_) => pulse.received += 1,
            EventKind::PaymentSettled(view) => {
                pulse.settled += 1;
                pulse.received += u64::from(view.captured_from.is_some());
                self.note_duration(view);
            }
            EventKind::PaymentRejected(view) => {
                pulse.rejected += 1;
                pulse.received += u64::from(view.forwarded_position.is_none());
            }
            EventKind::PaymentCredited(_)
            | EventKind::PaymentReturned(_)
            | EventKind::Recall(_)
            | EventKind::PaymentReviewed(_)
            | EventKind::SchemeTermsSet(_)
            | EventKind::LedgerOpened(_)
            | EventKind::ParticipantRegistered { .. }
            | EventKind::StatusChanged { .. }
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::PaymentWaiting(_)
            | EventKind::RulebookSet(_)
            | EventKind::Arranged(_)
            | EventKind::Settlement(_)
            | EventKind::Letter(_)
            | EventKind::Sponsorship(_)
            | EventKind::Day(_)
            | EventKind::Matter(_) => {}
        }
    }

    fn note_duration(&mut self, view: &PaymentView) {
        if let Some(finality) = view.finality {
            let spent_us = finality.at.0.saturating_sub(view.received_at.0) / 1000;
            self.durations.push_back((finality.at.0 / 1_000_000_000, spent_us));
            trim(&mut self.durations, Self::DURATIONS_MAX);
        }
    }

    fn pulse(&mut self, second: u64) -> &mut Pulse {
        if self.pulses.back().is_none_or(|last| last.second != second) {
            self.pulses.push_back(Pulse { second, ..Pulse::default() });
            trim(&mut self.pulses, Self::SECONDS_MAX);
        }
        self.pulses.back_mut().expect("just entered")
    }

    /// The newest events, newest first.
    pub fn newest(&self, limit: usize) -> Vec<FeedEvent> {
        self.events.iter().rev().take(limit).cloned().collect()
    }

    /// Events behind a position, oldest first.
    pub fn after(&self, position: u64) -> Vec<FeedEvent> {
        self.events.iter().filter(|feed| feed.event.position.0 > position).cloned().collect()
    }

    /// Counts of seconds `now - seconds + 1 ..= now`, oldest first, with zeros where nothing happened.
    pub fn pulses(&self, now_s: u64, seconds: u64) -> Vec<Pulse> {
        let found = |second| self.pulses.iter().rev().find(|pulse| pulse.second == second).copied();
        (now_s.saturating_sub(seconds.saturating_sub(1))..=now_s)
            .map(|second| found(second).unwrap_or(Pulse { second, ..Pulse::default() }))
            .collect()
    }

    /// Times from taking in to settlement of payments that settled in seconds `now - seconds + 1 ..= now`, in microseconds.
    pub fn durations_us(&self, now_s: u64, seconds: u64) -> Vec<u64> {
        let first = (now_s + 1).saturating_sub(seconds);
        self.durations.iter().filter(|(second, _)| (first..=now_s).contains(second)).map(|(_, us)| *us).collect()
    }
}

fn trim<T>(queue: &mut VecDeque<T>, most: usize) {
    while queue.len() > most {
        queue.pop_front();
    }
}
