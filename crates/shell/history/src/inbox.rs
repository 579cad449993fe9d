//! Inboxes: what the chain has for each participant, by position.

use clearing::{
    Event, EventKind, IsoReason, MatterTold, MatterView, NoteKind, ParticipantId, PaymentIndex, PaymentView, Position, Posting,
    RecallState, RecallVerdict, SettlementNote, recall_answers, recall_reasons,
};
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

/// Numbers that no kind of a payment's entry has.
const LETTER: u8 = 3;
const NOTE: u8 = 6;

impl About {
    /// As an index keeps it: what it is, and its number.
    pub fn numbers(self) -> (u8, u64) {
        match self {
            Self::Payment(kind, payment) => (kind.number(), payment.0),
            Self::Letter(number) => (LETTER, number),
            Self::Note(number) => (NOTE, number),
        }
    }

    /// Reads what [`Self::numbers`] told.
    pub fn of_numbers(kind: u8, number: u64) -> Option<Self> {
        match (kind, InboxKind::of_number(kind)) {
            (LETTER, _) => Some(Self::Letter(number)),
            (NOTE, _) => Some(Self::Note(number)),
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
    /// What it is told of a matter between two agents, as it stands now.
    Matter(MatterTold, MatterView),
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
    /// The payment is a return and settled: `pacs.002` ACSC to who sent it, `pacs.004` to who gets it.
    Returned,
    /// The payment is asked back for a reason (`camt.056`).
    Recalled(IsoReason),
    /// That was answered (`camt.029`).
    RecallAnswered(RecallVerdict),
    /// It is settled and the creditor agent reviews it (`pacs.002` ACWP).
    Reviewed,
    /// The review lasts too long (`pacs.002` ACWP).
    Overdue,
    /// It is frozen (`pacs.002` BLCK).
    Blocked,
    /// It will be returned (`pacs.002` ACWP with the reason).
    Returning,
}

/// Numbers of recalls and of rejected ones begin here, in the order of the scheme's reasons.
const RECALLED: u8 = 16;
const RECALL_REJECTED: u8 = 64;

impl InboxKind {
    /// As an index keeps it.
    pub fn number(self) -> u8 {
        match self {
            Self::Asked => 0,
            Self::Ended => 1,
            Self::Credited => 2,
            // [`LETTER`] and [`NOTE`] are not a payment's.
            Self::Returned => 4,
            Self::RecallAnswered(RecallVerdict::Accepts) => 5,
            Self::Recalled(reason) => RECALLED + place(recall_reasons(), reason),
            Self::RecallAnswered(RecallVerdict::Rejects(reason)) => RECALL_REJECTED + place(recall_answers(), reason),
            Self::Reviewed => 90,
            Self::Overdue => 91,
            Self::Blocked => 92,
            Self::Returning => 93,
        }
    }

    /// Reads what [`Self::number`] told.
    pub fn of_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Asked),
            1 => Some(Self::Ended),
            2 => Some(Self::Credited),
            90 => Some(Self::Reviewed),
            91 => Some(Self::Overdue),
            92 => Some(Self::Blocked),
            93 => Some(Self::Returning),
            4 => Some(Self::Returned),
            5 => Some(Self::RecallAnswered(RecallVerdict::Accepts)),
            RECALLED..RECALL_REJECTED => recall_reasons().nth(usize::from(number - RECALLED)).map(Self::Recalled),
            RECALL_REJECTED.. => {
                let reason = recall_answers().nth(usize::from(number - RECALL_REJECTED))?;
                Some(Self::RecallAnswered(RecallVerdict::Rejects(reason)))
            }
            LETTER | NOTE..RECALLED => None,
        }
    }

    /// What a report of a review says; a credit and silence are none.
    pub const fn of_posting(posting: Posting) -> Option<Self> {
        match posting {
            Posting::UnderReview => Some(Self::Reviewed),
            Posting::Overdue => Some(Self::Overdue),
            Posting::Blocked => Some(Self::Blocked),
            Posting::ToBeReturned => Some(Self::Returning),
            Posting::Unreported | Posting::Credited => None,
        }
    }
}

/// A reason's place among those of the scheme; the centre takes no others.
fn place(mut reasons: impl Iterator<Item = IsoReason>, reason: IsoReason) -> u8 {
    reasons.position(|known| known == reason).unwrap_or(0) as u8
}

/// What a payment's event puts into inboxes (PAY-02: an end goes to both agents, to the creditor agent only if it was asked, or
/// asked for it itself).
pub(crate) fn entries(
    kind: InboxKind,
    view: &PaymentView,
    position: Position,
) -> impl Iterator<Item = (ParticipantId, InboxEntry)> {
    let entry = InboxEntry { position, about: About::Payment(kind, view.index) };
    let asked = view.creditor_agent_knows() && view.creditor_agent != view.debtor_agent;
    let whom = match kind {
        InboxKind::Asked | InboxKind::Recalled(_) => [Some(view.creditor_agent), None],
        InboxKind::Returned => [Some(view.debtor_agent), Some(view.creditor_agent)],
        InboxKind::Credited | InboxKind::RecallAnswered(_) => [Some(view.debtor_agent), None],
        InboxKind::Ended if asked && !planted(Bug::CreditorNotTold) => [Some(view.debtor_agent), Some(view.creditor_agent)],
        InboxKind::Ended => [Some(view.debtor_agent), None],
        InboxKind::Reviewed | InboxKind::Overdue | InboxKind::Blocked | InboxKind::Returning => {
            [Some(view.debtor_agent), Some(view.creditor_agent)]
        }
    };
    whom.into_iter().flatten().map(move |who| (who, entry))
}

/// The payment an event tells of, and what the event says of it.
pub(crate) fn told(event: &Event) -> Option<(InboxKind, &PaymentView)> {
    match &event.kind {
        EventKind::PaymentHeld(view) => Some((InboxKind::Asked, view)),
        EventKind::PaymentSettled(view) | EventKind::PaymentRejected(view) => Some((InboxKind::Ended, view)),
        EventKind::PaymentCredited(view) => Some((InboxKind::Credited, view)),
        EventKind::PaymentReturned(view) => Some((InboxKind::Returned, view)),
        EventKind::Recall(recall) => recall_kind(recall.reason, recall.state).map(|kind| (kind, &recall.payment)),
        EventKind::PaymentReviewed(view) => Some((InboxKind::of_posting(view.posting)?, view)),
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
        | EventKind::Letter(_)
        | EventKind::SchemeTermsSet(_)
        | EventKind::Sponsorship(_)
        | EventKind::Day(_)
        | EventKind::Matter(_) => None,
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
        | EventKind::PaymentReturned(_)
        | EventKind::Recall(_)
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
        | EventKind::PaymentReviewed(_)
        | EventKind::SchemeTermsSet(_)
        | EventKind::Letter(_)
        | EventKind::Sponsorship(_)
        | EventKind::Day(_)
        | EventKind::Matter(_) => None,
    }
}

/// Whose inbox a settlement note goes to: what is asked goes to the settlement agent, what came of it to whose account it is.
pub(crate) fn note_entry(note: &SettlementNote) -> Option<(ParticipantId, InboxEntry)> {
    let entry = InboxEntry { position: note.position, about: About::Note(note.number) };
    let whom = match note.kind {
        NoteKind::FundedIn
        | NoteKind::FundedOut
        | NoteKind::TransferRefused
        | NoteKind::SentOut
        | NoteKind::CameIn
        | NoteKind::SentNotSettled => Some(note.participant),
        NoteKind::TopUpAsked | NoteKind::WithdrawalAsked => note.agent,
        NoteKind::WithdrawalQueued => None,
    };
    whom.map(|who| (who, entry))
}

/// What inboxes are told of a recall. That an answer is overdue is told to operators alone.
pub(crate) fn recall_kind(reason: IsoReason, state: RecallState) -> Option<InboxKind> {
    match state {
        RecallState::Asked => Some(InboxKind::Recalled(reason)),
        RecallState::Answered(verdict) => Some(InboxKind::RecallAnswered(verdict)),
        RecallState::Overdue => None,
    }
}

/// Whether a payment comes in with the event: it is held, rejected at once, a capture, or a return.
pub(crate) fn is_arrival(kind: InboxKind, view: &PaymentView) -> bool {
    match kind {
        InboxKind::Asked => true,
        InboxKind::Ended => view.forwarded_position.is_none(),
        InboxKind::Returned => true,
        InboxKind::Credited
        | InboxKind::Recalled(_)
        | InboxKind::RecallAnswered(_)
        | InboxKind::Reviewed
        | InboxKind::Overdue
        | InboxKind::Blocked
        | InboxKind::Returning => false,
    }
}

/// Whether the event changes nothing of the payment.
pub(crate) const fn leaves_as_it_is(kind: InboxKind) -> bool {
    match kind {
        InboxKind::Recalled(_) | InboxKind::RecallAnswered(_) => true,
        InboxKind::Asked
        | InboxKind::Ended
        | InboxKind::Credited
        | InboxKind::Returned
        | InboxKind::Reviewed
        | InboxKind::Overdue
        | InboxKind::Blocked
        | InboxKind::Returning => false,
    }
}

/// Whether the event is the payment's end: it fills a leaf of the tree.
pub(crate) const fn is_end(kind: InboxKind) -> bool {
    match kind {
        InboxKind::Ended | InboxKind::Returned => true,
        InboxKind::Asked
        | InboxKind::Credited
        | InboxKind::Recalled(_)
        | InboxKind::RecallAnswered(_)
        | InboxKind::Reviewed
        | InboxKind::Overdue
        | InboxKind::Blocked
        | InboxKind::Returning => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_entries_read_back_and_are_their_own() {
        let plain = [InboxKind::Asked, InboxKind::Ended, InboxKind::Credited, InboxKind::Returned];
        let reviewed = [InboxKind::Reviewed, InboxKind::Overdue, InboxKind::Blocked, InboxKind::Returning];
        let accepted = [InboxKind::RecallAnswered(RecallVerdict::Accepts)];
        let asked = recall_reasons().map(InboxKind::Recalled);
        let rejected = recall_answers().map(|reason| InboxKind::RecallAnswered(RecallVerdict::Rejects(reason)));
        let all: Vec<InboxKind> = plain.into_iter().chain(reviewed).chain(accepted).chain(asked).chain(rejected).collect();
        let numbers: std::collections::BTreeSet<u8> = all.iter().map(|kind| kind.number()).collect();
        assert_eq!(numbers.len(), all.len());
        assert!(all.iter().all(|kind| InboxKind::of_number(kind.number()) == Some(*kind)));
        assert_eq!((0..=u8::MAX).filter_map(InboxKind::of_number).count(), all.len());
        let payments = all.into_iter().map(|kind| About::Payment(kind, PaymentIndex(7)));
        for about in payments.chain([About::Letter(7), About::Note(7)]) {
            let (kind, number) = about.numbers();
            assert_eq!(About::of_numbers(kind, number), Some(about));
        }
    }
}
