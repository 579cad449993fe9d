//! Inboxes: what the chain has for each participant, by position.

use crate::rows::Rows;
use clearing::{Event, EventKind, ParticipantId, PaymentIndex, PaymentView, Position};
use planted::{Bug, planted};

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
pub(crate) struct Inboxes(Vec<Rows<InboxEntry>>);

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
            | EventKind::QuoteIssued(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::PaymentWaiting(_)
            | EventKind::RulebookSet(_)
            | EventKind::Arranged(_) => {}
        }
    }

    fn end(&mut self, view: &PaymentView, at: Position) {
        self.push(view.debtor_agent, at, InboxKind::Ended, view);
        if planted(Bug::CreditorNotTold) {
            return;
        }
        if view.forwarded_position.is_some() && view.creditor_agent != view.debtor_agent {
            self.push(view.creditor_agent, at, InboxKind::Ended, view);
        }
    }

    fn push(&mut self, whose: ParticipantId, position: Position, kind: InboxKind, view: &PaymentView) {
        let at = whose.0 as usize;
        if self.0.len() <= at {
            self.0.resize_with(at + 1, Rows::default);
        }
        self.0[at].push(InboxEntry { position, kind, payment: view.index });
    }

    /// Enters what recovered payments must have caused. Events are numbered without gaps, so that a list by number puts the
    /// entries in order.
    pub(crate) fn restore(payments: &Rows<PaymentView>) -> Self {
        let mut marks: Vec<Option<(InboxKind, PaymentIndex)>> = Vec::with_capacity(payments.len() * 2);
        let mut mark = |position: Option<Position>, kind, view: &PaymentView| {
            let Some(Position(position)) = position else { return };
            let at = position as usize;
            if marks.len() <= at {
                marks.resize(at + 1, None);
            }
            marks[at] = Some((kind, view.index));
        };
        for view in payments.iter() {
            mark(view.forwarded_position, InboxKind::Asked, view);
            if planted(Bug::RestoreForgetsEnds) {
                continue;
            }
            mark(view.finality.map(|finality| finality.position), InboxKind::Ended, view);
            mark(view.credited_position, InboxKind::Credited, view);
        }
        let mut inboxes = Self::default();
        for (position, (kind, index)) in (0..).map(Position).zip(marks).filter_map(|(at, mark)| Some((at, mark?))) {
            let view = payments.get(index.0 as usize).expect("marked above");
            match kind {
                InboxKind::Asked => inboxes.push(view.creditor_agent, position, kind, view),
                InboxKind::Ended => inboxes.end(view, position),
                InboxKind::Credited => inboxes.push(view.debtor_agent, position, kind, view),
            }
        }
        inboxes
    }

    /// What lies behind `after`, oldest first.
    pub(crate) fn after(&self, whose: ParticipantId, after: Position, limit: usize) -> impl Iterator<Item = &InboxEntry> {
        let inbox = self.0.get(whose.0 as usize).into_iter();
        inbox.flat_map(move |inbox| inbox.from(inbox.partition_point(|entry| entry.position <= after))).take(limit)
    }
}
