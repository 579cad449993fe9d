//! What is in memory of the past and of what is: written block by block, under the read model's lock.

use crate::books::{AccountKey, Books, Entry};
use crate::feed::Feed;
use crate::inbox::{self, InboxKind};
use crate::laws::HeldSums;
use crate::matters::Matters;
use crate::model::Tip;
use crate::recent::Recent;
use crate::rules::Rules;
use crate::sponsored::Sponsored;
use crate::tiles::TileTree;
use crate::waiting::Waiting;
use clearing::{
    AccountView, Command, DayView, Event, EventKind, Outcome, ParticipantId, ParticipantView, PaymentState, PaymentView,
    Position, SettlementNote,
};
use ordering::{DurableBlock, KeptLetter};
use std::collections::{BTreeMap, VecDeque};

pub(crate) struct Tables {
    pub(crate) recent: Recent,
    pub(crate) waiting: Waiting,
    pub(crate) matters: Matters,
    pub(crate) rules: Rules,
    pub(crate) participants: Vec<ParticipantView>,
    pub(crate) accounts: Vec<AccountView>,
    pub(crate) sponsorships: Sponsored,
    /// The business days that are open, by currency.
    pub(crate) days: Vec<DayView>,
    pub(crate) books: Books,
    /// Entries that the index does not have yet.
    pub(crate) entries: BTreeMap<AccountKey, VecDeque<Entry>>,
    /// Settlement notes that the index does not have yet.
    pub(crate) notes: VecDeque<SettlementNote>,
    /// Why no statement is given out: entries and balances of the chain do not agree (STM-01).
    pub(crate) disagrees: Option<String>,
    /// The last event.
    pub(crate) last_position: Position,
    pub(crate) tree: TileTree,
    pub(crate) tip: Tip,
    pub(crate) feed: Feed,
    pub(crate) held: HeldSums,
    pub(crate) settled: u64,
    pub(crate) rejected: u64,
}

impl Tables {
    pub(crate) fn counts(&self) -> (u64, u64, u64) {
        (self.recent.count(), self.settled, self.rejected)
    }

    /// Takes in an event; `letters` are those of its block from there on.
    pub(crate) fn note(&mut self, event: &Event, letters: &mut impl Iterator<Item = KeptLetter>) {
        if let Some(note) = inbox::noted(event) {
            self.recent.note_settlement(note);
            self.held.note(note);
            let booked = self.books.note(note);
            self.enter_entries(booked);
            self.notes.push_back(*note);
        }
        if let Some((kind, view)) = inbox::told(event) {
            self.recent.note(event.position, kind, view);
            if let Some(place) = self.waiting.leave(view.uetr) {
                self.recent.note_place(view.index, place);
            }
            self.note_payment(kind, view);
        }
        match &event.kind {
            EventKind::ParticipantRegistered { .. } | EventKind::StatusChanged { .. } | EventKind::Arranged(_) => {
                let known = |id: ParticipantId| self.participants.get(id.0 as usize).cloned();
                if let Some(view) = ParticipantView::after(&event.kind, known) {
                    put(&mut self.participants, view.id.0 as usize, view);
                }
            }
            EventKind::PaymentHeld(_)
            | EventKind::PaymentCredited(_)
            | EventKind::PaymentSettled(_)
            | EventKind::PaymentRejected(_)
            | EventKind::PaymentReturned(_)
            | EventKind::Recall(_)
            | EventKind::LedgerOpened(_)
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::Settlement(_)
            | EventKind::RulebookSet(_)
            | EventKind::SchemeTermsSet(_)
            | EventKind::PaymentReviewed(_)
            | EventKind::Day(_) => {}
            EventKind::PaymentWaiting(view) => self.waiting.enter(*view),
            EventKind::Letter(_) => self.recent.note_letter(letters.next().expect("a letter for each event of one")),
            EventKind::Matter(view) => {
                self.held.matter(self.matters.view(view.uetr()).as_ref(), view);
                self.matters.enter(*view);
            }
            EventKind::Sponsorship(view) => self.sponsorships.told(view),
        }
    }

    pub(crate) fn note_payment(&mut self, kind: InboxKind, view: &PaymentView) {
        match kind {
            InboxKind::Asked => self.held.placed(view),
            InboxKind::Credited
            | InboxKind::Recalled(_)
            | InboxKind::RecallAnswered(_)
            | InboxKind::Reviewed
            | InboxKind::Overdue
            | InboxKind::Blocked
            | InboxKind::Returning => {}
            InboxKind::Returned => {
                self.sponsorships.payment(view);
                let booked = self.books.payment(view);
                self.enter_entries(booked.into_iter().flatten());
                self.settled += 1;
                self.tree.push(view.final_record().expect("a return is final").leaf());
            }
            InboxKind::Ended => {
                self.sponsorships.payment(view);
                let booked = self.books.payment(view);
                self.enter_entries(booked.into_iter().flatten());
                self.held.ended(view);
                self.settled += u64::from(view.state == PaymentState::Settled);
                self.rejected += u64::from(view.state == PaymentState::Rejected);
                let record = view.final_record().expect("an end has a record");
                self.tree.push(record.leaf());
            }
        }
    }

    pub(crate) fn note_places(&mut self, block: &DurableBlock) {
        for (at, place) in &block.places {
            match (block.commands.get(*at as usize), block.applied.outcomes.get(*at as usize)) {
                (Some(Command::Pay(_) | Command::Return(_) | Command::Matter(_)), Some(Outcome::Payment { payment, .. })) => {
                    self.recent.note_place(payment.index, *place);
                }
                (Some(Command::Pay(_)), Some(Outcome::Waiting { payment, .. })) => self.waiting.note_place(payment.uetr, *place),
                (Some(Command::Matter(step)), Some(Outcome::Matter { .. })) if step.content().is_some() => {
                    self.matters.note_place(step.uetr(), *place);
                }
                (_, _) => {}
            }
        }
    }

    pub(crate) fn enter_entries(&mut self, entries: impl IntoIterator<Item = (AccountKey, Entry)>) {
        for (account, entry) in entries {
            self.entries.entry(account).or_default().push_back(entry);
        }
    }

    pub(crate) fn entries_up_to(&self, account: AccountKey, height: u64) -> Vec<Entry> {
        let entries = self.entries.get(&account).into_iter().flatten();
        entries.take_while(|entry| entry.height <= height).copied().collect()
    }

    /// The index has them.
    pub(crate) fn forget_entries(&mut self, height: u64) {
        self.entries.retain(|_, entries| {
            while entries.pop_front_if(|entry| entry.height <= height).is_some() {}
            !entries.is_empty()
        });
        while self.notes.pop_front_if(|note| note.height <= height).is_some() {}
    }

    pub(crate) fn note_balance(&mut self, view: AccountView) {
        if self.disagrees.is_none() && !self.books.agrees(&view) {
            let why = format!("the entries of account {} do not lead to its balance {}", view.account, view.posted);
            tracing::error!(%why, "STM-01");
            self.disagrees = Some(why);
        }
        put(&mut self.accounts, view.account as usize, view);
    }
}

/// Rows come in order of their index, or again.
fn put<T>(rows: &mut Vec<T>, at: usize, row: T) {
    match rows.get_mut(at) {
        Some(known) => *known = row,
        None => {
            assert_eq!(rows.len(), at, "rows arrive in order");
            rows.push(row);
        }
    }
}
