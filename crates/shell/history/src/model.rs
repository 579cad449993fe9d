//! The read model: one lock over plain tables, written for microseconds a block.

use crate::feed::{Feed, FeedEvent, Pulse};
use crate::inbox::{InboxEntry, Inboxes};
use crate::laws::{Evidence, HeldSums, LAWS, LawStatus};
use crate::rows::Rows;
use crate::rules::Rules;
use crate::uetrs::Uetrs;
use crate::waiting::Waiting;
use chain::{Hash, MerkleTree};
use clearing::{
    AccountView, Command, Event, EventKind, Outcome, ParticipantId, ParticipantView, PaymentIndex, PaymentView, Position,
    Question, Rejection, Rulebook, Time, Uetr, WaitingView, WhatIf,
};
use ordering::{DurableBlock, Recovered, VaultPlace};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The chain as the last durable block left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Final payments in the tree.
    pub size: u64,
    /// RFC 6962 root over them.
    pub root: Hash,
    /// Height of the last block; 0 before the first.
    pub height: u64,
    /// Its time.
    pub time: Time,
    /// Its hash.
    pub hash: Hash,
}

/// So many payments are rebuilt faster by two threads than by one.
const SECOND_THREAD_PAYMENTS: usize = 10_000;

/// Everything readers ask for.
#[derive(Debug)]
pub struct ReadModel(RwLock<Tables>);

#[derive(Debug)]
struct Tables {
    payments: Rows<PaymentView>,
    places: Rows<VaultPlace>,
    by_uetr: Uetrs,
    waiting: Waiting,
    rules: Rules,
    inboxes: Inboxes,
    participants: Vec<ParticipantView>,
    accounts: Vec<AccountView>,
    tree: MerkleTree,
    tip: Tip,
    feed: Feed,
    held: HeldSums,
    settled: u64,
    rejected: u64,
}

impl ReadModel {
    /// Rebuilds everything from what a journal knew when it was opened.
    pub fn rebuild(recovered: &Recovered<'_>) -> Self {
        let Recovered { clearing, forgotten, places, waiting, last, .. } = recovered;
        let count = forgotten.len() + clearing.payments().len();
        let views = || forgotten.iter().map(|forgotten| forgotten.payment).chain(clearing.payments());
        let leaves = clearing.tree().0;
        let (tree, (payments, by_uetr, inboxes)) = if count < SECOND_THREAD_PAYMENTS {
            (rebuild_tree(leaves, views()), rebuild_tables(count, views()))
        } else {
            // Hashing the tree takes as long as everything else together.
            std::thread::scope(|scope| {
                let tree = scope.spawn(|| rebuild_tree(leaves, views()));
                let tables = rebuild_tables(count, views());
                (tree.join().expect("the tree is made of what is on record"), tables)
            })
        };
        let count = |rejected: bool| {
            payments.iter().filter(|view| view.finality.is_some() && view.rejection.is_some() == rejected).count()
        };
        let (size, root) = clearing.tree();
        let hash = last.map_or(Hash::default(), |header| header.hash());
        Self(RwLock::new(Tables {
            places: forgotten.iter().map(|forgotten| forgotten.place).chain(places.iter().copied()).collect(),
            by_uetr,
            waiting: Waiting::restore(clearing, waiting),
            rules: Rules::restore(clearing),
            inboxes,
            participants: clearing.participants().collect(),
            accounts: clearing.accounts().collect(),
            tree,
            tip: Tip { size, root, height: clearing.height(), time: clearing.time(), hash },
            feed: Feed::default(),
            held: HeldSums::restore(payments.iter()),
            settled: count(false) as u64,
            rejected: count(true) as u64,
            payments,
        }))
    }

    /// Takes in the next durable block.
    pub fn durable(&self, block: &DurableBlock) {
        let mut tables = self.write();
        for event in &block.applied.events {
            tables.note(event);
        }
        tables.note_places(block);
        for view in &block.applied.balances {
            tables.note_balance(*view);
        }
        let header = &block.header;
        tables.rules.note(&block.applied, Time(header.time_ns));
        tables.tip = Tip {
            size: header.tree_size,
            root: header.tree_root,
            height: header.height,
            time: Time(header.time_ns),
            hash: block.hash,
        };
        tables.feed.note(header.time_ns, &block.applied);
    }

    /// A payment by its UETR.
    pub fn payment(&self, uetr: Uetr) -> Option<PaymentView> {
        let tables = self.read();
        tables.find(uetr).copied()
    }

    /// A payment by its index.
    pub fn payment_at(&self, index: PaymentIndex) -> Option<PaymentView> {
        self.read().payments.get(index.0 as usize).copied()
    }

    /// A payment that waits.
    pub fn waiting(&self, uetr: Uetr) -> Option<WaitingView> {
        self.read().waiting.view(uetr)
    }

    /// Version of the last rulebook entered, whether it holds yet or not; 0 before the first.
    pub fn rulebook_version(&self) -> u32 {
        self.read().rules.version()
    }

    /// The rulebook that holds at a time, if there is one.
    pub fn rulebook(&self, now: Time) -> Option<Rulebook> {
        self.read().rules.book(now).cloned()
    }

    /// What would become of a payment, as far as the rulebook goes. `None` without a rulebook.
    pub fn what_if(&self, question: &Question) -> Option<Result<WhatIf, Rejection>> {
        self.read().rules.what_if(question)
    }

    /// Where the signed message of a payment that waits lies; `None` when it came without one.
    pub fn waiting_place(&self, uetr: Uetr) -> Option<VaultPlace> {
        self.read().waiting.place(uetr).filter(|place| place.bytes > 0)
    }

    /// Where a payment's signed message lies; `None` when it came without one.
    pub fn place(&self, index: PaymentIndex) -> Option<VaultPlace> {
        self.read().places.get(index.0 as usize).copied().filter(|place| place.bytes > 0)
    }

    /// What the chain has for a participant behind `after`, oldest first, with the payments as they stand now.
    pub fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Vec<(InboxEntry, PaymentView)> {
        let tables = self.read();
        let entries = tables.inboxes.after(participant, after, limit);
        entries.map(|entry| (*entry, *tables.payments.get(entry.payment.0 as usize).expect("entries are of payments"))).collect()
    }

    /// All participants, in order of registration.
    pub fn participants(&self) -> Vec<ParticipantView> {
        self.read().participants.clone()
    }

    /// All accounts, in order of opening.
    pub fn accounts(&self) -> Vec<AccountView> {
        self.read().accounts.clone()
    }

    /// The chain as the last durable block left it.
    pub fn tip(&self) -> Tip {
        self.read().tip
    }

    /// The audit path of a leaf in the tree of that size.
    pub fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Option<Vec<Hash>> {
        self.read().tree.inclusion_proof(leaf_index, size)
    }

    /// The proof that the tree of `old` leaves is the beginning of that of `new`.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Option<Vec<Hash>> {
        self.read().tree.consistency_proof(old, new)
    }

    /// Payments on record: all, settled, rejected.
    pub fn counts(&self) -> (u64, u64, u64) {
        self.read().counts()
    }

    /// The newest events, newest first.
    pub fn newest_events(&self, limit: usize) -> Vec<FeedEvent> {
        self.read().feed.newest(limit)
    }

    /// Events behind a position that are still kept, oldest first.
    pub fn events_after(&self, position: u64) -> Vec<FeedEvent> {
        self.read().feed.after(position)
    }

    /// Counts of the last seconds up to `now_s`, oldest first.
    pub fn pulses(&self, now_s: u64, seconds: u64) -> Vec<Pulse> {
        self.read().feed.pulses(now_s, seconds)
    }

    /// Times from taking in to settlement of payments that settled in the last seconds up to `now_s`, in microseconds, the
    /// shortest first. At most the last [`Feed::DURATIONS_MAX`].
    pub fn durations_us(&self, now_s: u64, seconds: u64) -> Vec<u64> {
        let mut durations = self.read().feed.durations_us(now_s, seconds);
        durations.sort_unstable();
        durations
    }

    /// Whether the laws that are cheap to judge hold, as the last durable block left everything.
    pub fn laws(&self) -> [LawStatus; LAWS.len()] {
        let tables = self.read();
        let kept = tables.tree.len();
        let evidence = Evidence {
            accounts: &tables.accounts,
            held: &tables.held,
            counts: tables.counts(),
            told: (tables.tip.size, tables.tip.root),
            kept: (kept, tables.tree.root_at(kept).expect("its own size")),
        };
        evidence.judge()
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn rebuild_tables(count: usize, views: impl Iterator<Item = PaymentView>) -> (Rows<PaymentView>, Uetrs, Inboxes) {
    let (mut payments, mut by_uetr) = (Rows::default(), Uetrs::with_capacity(count));
    for view in views {
        enter(&mut by_uetr, &payments, &view);
        payments.push(view);
    }
    let inboxes = Inboxes::restore(&payments);
    (payments, by_uetr, inboxes)
}

/// Enters a new payment by its UETR. One that names an earlier payment, which the centre has forgotten, takes its place:
/// the older one stays in inboxes and in the chain.
fn enter(by_uetr: &mut Uetrs, payments: &Rows<PaymentView>, view: &PaymentView) {
    let is_it = |index: PaymentIndex| payments.get(index.0 as usize).is_some_and(|known| known.uetr == view.uetr);
    by_uetr.put(view.uetr, view.index, is_it);
}

fn rebuild_tree(leaves: u64, views: impl Iterator<Item = PaymentView>) -> MerkleTree {
    let mut leaves = vec![Hash::default(); leaves as usize];
    for view in views {
        if let (Some(finality), Some(record)) = (view.finality, view.final_record()) {
            leaves[finality.leaf_index as usize] = record.leaf();
        }
    }
    let mut tree = MerkleTree::new();
    leaves.into_iter().for_each(|leaf| tree.push_leaf_hash(leaf));
    tree
}

impl Tables {
    fn counts(&self) -> (u64, u64, u64) {
        (self.payments.len() as u64, self.settled, self.rejected)
    }

    fn note(&mut self, event: &Event) {
        self.inboxes.note(event);
        match &event.kind {
            EventKind::PaymentHeld(view) => {
                self.held.placed(view);
                self.note_payment(view);
            }
            EventKind::PaymentCredited(view) => self.note_payment(view),
            EventKind::PaymentSettled(view) => {
                self.settled += 1;
                self.note_end(view);
            }
            EventKind::PaymentRejected(view) => {
                self.rejected += 1;
                self.note_end(view);
            }
            EventKind::ParticipantRegistered { .. } | EventKind::StatusChanged { .. } | EventKind::Arranged(_) => {
                let known = |id: ParticipantId| self.participants.get(id.0 as usize).cloned();
                if let Some(view) = ParticipantView::after(&event.kind, known) {
                    put(&mut self.participants, view.id.0 as usize, view);
                }
            }
            EventKind::LedgerOpened(_)
            | EventKind::Funded { .. }
            | EventKind::RatePublished { .. }
            | EventKind::QuoteIssued(_)
            | EventKind::OrderCarriedOut { .. }
            | EventKind::OfficersAppointed(_)
            | EventKind::NodesSet(_)
            | EventKind::RulebookSet(_) => {}
            EventKind::PaymentWaiting(view) => self.waiting.enter(*view),
        }
    }

    fn note_end(&mut self, view: &PaymentView) {
        self.held.ended(view);
        self.note_payment(view);
        let record = view.final_record().expect("an end has a record");
        self.tree.push_leaf_hash(record.leaf());
    }

    fn note_payment(&mut self, view: &PaymentView) {
        let at = view.index.0 as usize;
        if at == self.payments.len() {
            enter(&mut self.by_uetr, &self.payments, view);
            if let Some(place) = self.waiting.leave(view.uetr) {
                self.note_place(view.index, place);
            }
        }
        self.payments.put(at, *view);
    }

    fn find(&self, uetr: Uetr) -> Option<&PaymentView> {
        let view = |index: PaymentIndex| self.payments.get(index.0 as usize);
        self.by_uetr.find(uetr, |index| view(index).is_some_and(|view| view.uetr == uetr)).and_then(view)
    }

    fn note_places(&mut self, block: &DurableBlock) {
        for (at, place) in &block.places {
            match (block.commands.get(*at as usize), block.applied.outcomes.get(*at as usize)) {
                (Some(Command::Pay(_)), Some(Outcome::Payment { payment, .. })) => self.note_place(payment.index, *place),
                (Some(Command::Pay(_)), Some(Outcome::Waiting { payment, .. })) => self.waiting.note_place(payment.uetr, *place),
                (_, _) => {}
            }
        }
    }

    fn note_place(&mut self, payment: PaymentIndex, place: VaultPlace) {
        let index = payment.0 as usize;
        while self.places.len() < index {
            self.places.push(VaultPlace::default());
        }
        self.places.put(index, place);
    }

    fn note_balance(&mut self, view: AccountView) {
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
