//! Inboxes: what the chain has for each participant, by position.

use clearing::{Event, EventKind, NoteKind, ParticipantId, PaymentIndex, PaymentView, Position, SettlementNote};
use ordering::KeptLetter;
use planted::{Bug, planted};

/// One thing the chain has for a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxEntry {
    /// Its place in the chain: the cursor.
    pub position: Position,
    /// What it is about.
    pub about: About,
}

/// What an inbox entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What became of a payment.
    Payment(InboxKind, PaymentIndex),
    /// The letter of that number.
    Letter(u64),
    /// The settlement note of that number.
    Note(u64),
}

impl About {
    /// As an index keeps it: what it is, and its number.
    pub const fn numbers(self) -> (u8, u64) {
        match self {
            Self::Payment(kind, payment) => (kind.number(), payment.0),
            Self::Letter(number) => (3, number),
            Self::Note(number) => (4, number),
        }
    }

    /// Reads what [`Self::numbers`] told.
    pub const fn of_numbers(kind: u8, number: u64) -> Option<Self> {
        match (kind, InboxKind::of_number(kind)) {
            (3, _) => Some(Self::Letter(number)),
            (4, _) => Some(Self::Note(number)),
            (_, Some(kind)) => Some(Self::Payment(kind, PaymentIndex(number))),
            (_, None) => None,
        }
    }
}

/// One thing the chain has for a participant, as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InboxItem {
    /// Its place in the chain: the cursor.
    pub position: Position,
    /// What it tells.
    pub tells: Tells,
}

/// What an item of an inbox tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // nearly all are payments
pub enum Tells {
    /// What became of a payment, which stands like this now.
    Payment(InboxKind, PaymentView),
    /// A letter.
    Letter(KeptLetter),
    /// Something between the centre and a settlement agent.
    Note(SettlementNote),
}

/// What an inbox entry says of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InboxKind {
    /// The creditor agent is asked (`pacs.008`).
    Asked,
    /// The payment ended (`pacs.002` ACSC or RJCT).
    Ended,
    /// The creditor was credited (`pacs.002` ACCC).
    Credited,
}

impl InboxKind {
    /// As an index keeps it.
    pub const fn number(self) -> u8 {
        match self {
            Self::Asked => 0,
            Self::Ended => 1,
            Self::Credited => 2,
        }
    }

    /// Reads what [`Self::number`] told.
    pub const fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Asked),
            1 => Some(Self::Ended),
            2 => Some(Self::Credited),
            _ => None,
        }
    }
}

/// What a payment's event puts into inboxes (PAY-02: an end goes to both agents, to the creditor agent only if it was asked).
pub(crate) fn entries(
    kind: InboxKind,
    view: &PaymentView,
    position: Position,
) -> impl Iterator<Item = (ParticipantId, InboxEntry)> {
    let entry = InboxEntry { position, about: About::Payment(kind, view.index) };
    let asked = view.forwarded_position.is_some() && view.creditor_agent != view.debtor_agent;
    let whom = match kind {
        InboxKind::Asked => [Some(view.creditor_agent), None],
        InboxKind::Credited => [Some(view.debtor_agent), None],
        InboxKind::Ended if asked && !planted(Bug::CreditorNotTold) => [Some(view.debtor_agent), Some(view.creditor_agent)],
        InboxKind::Ended => [Some(view.debtor_agent), None],
    };
    whom.into_iter().flatten().map(move |who| (who, entry))
}

/// The payment an event tells of, and what the event says of it.
pub(crate) fn told(event: &Event) -> Option<(InboxKind, &PaymentView)> {
    match &event.kind {
        EventKind::PaymentHeld(view) => Some((InboxKind::Asked, view)),
        EventKind::PaymentSettled(view) | EventKind::PaymentRejected(view) => Some((InboxKind::Ended, view)),
        EventKind::PaymentCredited(view) => Some((InboxKind::Credited, view)),
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
        | EventKind::Arranged(_)
        | EventKind::Settlement(_)
        | EventKind::Letter(_) => None,
    }
}

/// The settlement note an event tells.
pub(crate) fn noted(event: &Event) -> Option<&SettlementNote> {
    match &event.kind {
        EventKind::Funded { note, .. } => note.as_ref(),
        EventKind::Settlement(note) => Some(note),
        EventKind::PaymentHeld(_)
        | EventKind::PaymentSettled(_)
        | EventKind::PaymentRejected(_)
        | EventKind::PaymentCredited(_)
        | EventKind::LedgerOpened(_)
        | EventKind::ParticipantRegistered { .. }
        | EventKind::StatusChanged { .. }
        | EventKind::RatePublished { .. }
        | EventKind::QuoteIssued(_)
        | EventKind::OrderCarriedOut { .. }
        | EventKind::OfficersAppointed(_)
        | EventKind::NodesSet(_)
        | EventKind::PaymentWaiting(_)
        | EventKind::RulebookSet(_)
        | EventKind::Arranged(_)
        | EventKind::Letter(_) => None,
    }
}

/// Whose inbox a settlement note goes to: what is asked goes to the settlement agent, what came of it to whose account it is.
pub(crate) fn note_entry(note: &SettlementNote) -> Option<(ParticipantId, InboxEntry)> {
    let entry = InboxEntry { position: note.position, about: About::Note(note.number) };
    let whom = match note.kind {
        NoteKind::FundedIn | NoteKind::FundedOut | NoteKind::TransferRefused => Some(note.participant),
        NoteKind::TopUpAsked | NoteKind::WithdrawalAsked => note.agent,
        NoteKind::WithdrawalQueued => None,
    };
    whom.map(|who| (who, entry))
}

/// Whether a payment comes in with the event: it is held, or rejected at once.
pub(crate) fn is_arrival(kind: InboxKind, view: &PaymentView) -> bool {
    match kind {
        InboxKind::Asked => true,
        InboxKind::Ended => view.forwarded_position.is_none(),
        InboxKind::Credited => false,
    }
}
