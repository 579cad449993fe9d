//! Inboxes: what the chain has for each participant, by position.

use clearing::{Event, EventKind, ParticipantId, PaymentIndex, PaymentView, Position};

/// One thing the chain has for a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its place in the chain: the cursor.
    pub position: Position,
    /// What it says.
    pub kind: InboxKind,
    /// About which payment.
    pub payment: PaymentIndex,
}

/// What an inbox entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxKind {
    /// The creditor agent is asked (`pacs.008`).
    Asked,
    /// The payment ended (`pacs.002` ACSC or RJCT).
    Ended,
    /// The creditor was credited (`pacs.002` ACCC).
    Credited,
}

/// All inboxes, each in order of position.
#[derive(Debug, Default)]
pub(crate) struct Inboxes(Vec<Vec<InboxEntry>>);

impl Inboxes {
    /// Enters an event in the inboxes it concerns (PAY-02: an end goes to both agents, to the creditor agent only if it was asked).
    pub(crate) fn note(&mut self, event: &Event) {
        let at = event.position;
        match &event.kind {
            EventKind::PaymentHeld(view) => self.push(view.creditor_agent, at, InboxKind::Asked, view),
            EventKind::PaymentSettled(view) | EventKind::PaymentRejected(view) => self.end(view, at),
            EventKind::PaymentCredited(view) => self.push(view.debtor_agent, at, InboxKind::Credited, view),
            EventKind::LedgerOpened(_)
            | EventKind::ParticipantRegistered { .. }
            | EventKind::StatusChanged { .. }
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_) => {}
        }
    }

    fn end(&mut self, view: &PaymentView, at: Position) {
        self.push(view.debtor_agent, at, InboxKind::Ended, view);
        if view.forwarded_position.is_some() && view.creditor_agent != view.debtor_agent {
            self.push(view.creditor_agent, at, InboxKind::Ended, view);
        }
    }

    fn push(&mut self, whose: ParticipantId, position: Position, kind: InboxKind, view: &PaymentView) {
        let at = whose.0 as usize;
        if self.0.len() <= at {
            self.0.resize_with(at + 1, Vec::new);
        }
        self.0[at].push(InboxEntry { position, kind, payment: view.index });
    }

    /// Enters what a recovered payment must have caused; [`Self::sort`] puts it in order.
    pub(crate) fn restore(&mut self, view: &PaymentView) {
        if let Some(position) = view.forwarded_position {
            self.push(view.creditor_agent, position, InboxKind::Asked, view);
        }
        if let Some(finality) = view.finality {
            self.end(view, finality.position);
        }
        if let Some(position) = view.credited_position {
            self.push(view.debtor_agent, position, InboxKind::Credited, view);
        }
    }

    pub(crate) fn sort(&mut self) {
        self.0.iter_mut().for_each(|inbox| inbox.sort_unstable_by_key(|entry| entry.position));
    }

    /// What lies behind `after`, oldest first.
    pub(crate) fn after(&self, whose: ParticipantId, after: Position, limit: usize) -> &[InboxEntry] {
        let Some(inbox) = self.0.get(whose.0 as usize) else { return &[] };
        let from = inbox.partition_point(|entry| entry.position <= after);
        &inbox[from..inbox.len().min(from + limit)]
    }
}
