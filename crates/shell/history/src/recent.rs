//! Payments in memory: those that are open, the last ones, and whatever the index does not have yet.
//!
//! They stand in a row by number, and leave it from the front: who looks for a payment before the front finds it in the
//! index, as it will be for ever but for the report of a credit, which makes it come back for as long as the index needs.

use crate::inbox::{self, About, InboxEntry, InboxKind};
use crate::port::{Key, Mark, Row};
use crate::writer::Change;
use clearing::{ParticipantId, PaymentIndex, PaymentView, Position, SettlementNote};
use ordering::{KeptLetter, VaultPlace};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A payment, and the last event that changed it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) row: Row,
    changed: Position,
}

/// A block's events that the index does not have yet.
#[derive(Debug)]
struct PendingBlock {
    height: u64,
    forgotten: u64,
    events: Vec<InboxEntry>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// Number of the first payment in the row.
    first: u64,
    row: VecDeque<Kept>,
    /// Payments from before the row that were credited since.
    late: HashMap<u64, Kept>,
    by_key: HashMap<Key, u64>,
    letters: BTreeMap<u64, KeptLetter>,
    inboxes: Vec<VecDeque<InboxEntry>>,
    /// Entries up to there are in the index and not here.
    inbox_from: Position,
    newest: Position,
    pending: VecDeque<PendingBlock>,
    pending_events: usize,
    /// How far the index is.
    indexed: Mark,
}

impl Recent {
    /// Where a message lies is not known here, but in the index.
    pub(crate) const PLACE_UNKNOWN: VaultPlace = VaultPlace { file: u32::MAX, offset: u32::MAX, bytes: 0 };

    /// Begins behind what an index has, with the payments that are to be in memory: all from some number on.
    pub(crate) fn new(indexed: Mark, first: u64, rows: impl Iterator<Item = Row>) -> Self {
        let position = Position(indexed.position);
        let mut recent = Self { first, indexed, inbox_from: position, newest: position, ..Self::default() };
        for row in rows {
            recent.enter(row, position);
        }
        recent
    }

    fn enter(&mut self, row: Row, changed: Position) {
        let number = row.payment.index.0;
        assert_eq!(number, self.first + self.row.len() as u64, "payments arrive in order");
        keys(&row.payment).into_iter().for_each(|key| {
            self.by_key.insert(key, number);
        });
        self.row.push_back(Kept { row, changed });
    }

    /// Payments that have arrived.
    pub(crate) fn count(&self) -> u64 {
        self.first + self.row.len() as u64
    }

    /// Number of the first payment from which on all are here.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Events that the index does not have yet.
    pub(crate) fn pending_events(&self) -> usize {
        self.pending_events
    }

    /// Begins the next block.
    pub(crate) fn begin_block(&mut self, height: u64, forgotten: usize) {
        let before = self.pending.back().map_or(self.indexed.forgotten, |block| block.forgotten);
        self.pending.push_back(PendingBlock { height, forgotten: before + forgotten as u64, events: Vec::new() });
    }

    /// Takes in an event of the block that was begun last.
    pub(crate) fn note(&mut self, position: Position, kind: InboxKind, view: &PaymentView) {
        let number = view.index.0;
        let is_known = self.kept(number).is_some();
        if is_known && inbox::leaves_as_it_is(kind) {
            // A recall says how the payment stood when it was asked, which may be older.
            if let Some(kept) = self.kept_mut(number) {
                kept.changed = position;
            }
        } else if number == self.count() {
            self.enter(Row { payment: *view, place: VaultPlace::default() }, position);
        } else if let Some(kept) = self.kept_mut(number) {
            kept.row.payment = *view;
            kept.changed = position;
        } else {
            // Its message lies where the index says; the row is completed before it is written.
            self.late.insert(number, Kept { row: Row { payment: *view, place: Self::PLACE_UNKNOWN }, changed: position });
        }
        for (who, entry) in inbox::entries(kind, view, position) {
            self.deliver(who, entry);
        }
        self.note_pending(InboxEntry { position, about: About::Payment(kind, view.index) });
    }

    /// Takes in a letter of the block that was begun last.
    pub(crate) fn note_letter(&mut self, kept: KeptLetter) {
        let KeptLetter { letter, .. } = kept;
        let entry = InboxEntry { position: letter.position, about: About::Letter(letter.number) };
        self.letters.insert(letter.number, kept);
        self.deliver(letter.to, entry);
        self.note_pending(entry);
    }

    /// Takes in a settlement note of the block that was begun last.
    pub(crate) fn note_settlement(&mut self, note: &SettlementNote) {
        if let Some((who, entry)) = inbox::note_entry(note) {
            self.deliver(who, entry);
        }
        self.newest = note.position;
    }

    fn deliver(&mut self, who: ParticipantId, entry: InboxEntry) {
        let at = who.0 as usize;
        if self.inboxes.len() <= at {
            self.inboxes.resize_with(at + 1, VecDeque::new);
        }
        self.inboxes[at].push_back(entry);
    }

    fn note_pending(&mut self, entry: InboxEntry) {
        self.newest = entry.position;
        let block = self.pending.back_mut().expect("a block was begun");
        block.events.push(entry);
        self.pending_events += 1;
    }

    /// A letter, if it is here.
    pub(crate) fn letter(&self, number: u64) -> Option<KeptLetter> {
        self.letters.get(&number).copied()
    }

    /// Notes where a payment's message lies.
    pub(crate) fn note_place(&mut self, payment: PaymentIndex, place: VaultPlace) {
        if let Some(kept) = self.kept_mut(payment.0) {
            kept.row.place = place;
        }
    }

    fn kept_mut(&mut self, number: u64) -> Option<&mut Kept> {
        match number.checked_sub(self.first) {
            Some(at) => self.row.get_mut(usize::try_from(at).ok()?),
            None => self.late.get_mut(&number),
        }
    }

    fn kept(&self, number: u64) -> Option<&Kept> {
        match number.checked_sub(self.first) {
            Some(at) => self.row.get(usize::try_from(at).ok()?),
            None => self.late.get(&number),
        }
    }

    /// A payment, if it is here. Where its message lies may be known to the index alone.
    pub(crate) fn payment(&self, payment: PaymentIndex) -> Option<PaymentView> {
        Some(self.kept(payment.0)?.row.payment)
    }

    /// Where a payment's message lies, if that is known here.
    pub(crate) fn place(&self, payment: PaymentIndex) -> Option<VaultPlace> {
        Some(self.kept(payment.0)?.row.place).filter(|place| *place != Self::PLACE_UNKNOWN)
    }

    /// The newest payment with an identifier, if it is here.
    pub(crate) fn find(&self, key: Key) -> Option<PaymentIndex> {
        self.by_key.get(&key).copied().map(PaymentIndex)
    }

    /// Where an inbox goes on in memory, and what is behind both that and `after`.
    pub(crate) fn inbox(&self, who: ParticipantId, after: Position, limit: usize) -> (Position, Vec<InboxEntry>) {
        let Some(inbox) = self.inboxes.get(who.0 as usize) else { return (self.inbox_from, Vec::new()) };
        let from = inbox.partition_point(|entry| entry.position <= after.max(self.inbox_from));
        (self.inbox_from, inbox.range(from..).take(limit).copied().collect())
    }

    /// Copies of changes that wait for the index from the `skip`-th on, up to `most`.
    pub(crate) fn pending(&self, skip: usize, most: usize) -> Vec<Change> {
        let (mut skip, mut found) = (skip, Vec::new());
        for block in &self.pending {
            if skip >= block.events.len() {
                skip -= block.events.len();
                continue;
            }
            for entry in &block.events[core::mem::take(&mut skip)..] {
                if found.len() == most {
                    return found;
                }
                found.push(self.change(entry));
            }
        }
        found
    }

    fn change(&self, entry: &InboxEntry) -> Change {
        let position = entry.position;
        match entry.about {
            About::Payment(kind, payment) => {
                let kept = self.kept(payment.0).expect("what the index does not have is here");
                Change::Payment { position, kind, row: kept.row }
            }
            About::Letter(number) => Change::Letter(self.letters[&number]),
            About::Note(_) => unreachable!("settlement notes wait for the index by themselves"),
        }
    }

    /// The first whole blocks with at least `most` events together, or all: their events, last height and payments forgotten.
    pub(crate) fn pending_blocks(&self, most: usize) -> Option<(usize, u64, u64)> {
        let mut events = 0;
        let mut last = None;
        for block in &self.pending {
            events += block.events.len();
            last = Some((events, block.height, block.forgotten));
            if events >= most {
                break;
            }
        }
        last
    }

    /// The index is so far.
    pub(crate) fn indexed(&mut self, mark: Mark) {
        self.indexed = mark;
        while let Some(block) = self.pending.pop_front_if(|block| block.height <= mark.height) {
            self.pending_events -= block.events.len();
        }
    }

    /// Lets go of at most `most` payments that the index has and that are not among the last `keep`; `true`: more may go.
    pub(crate) fn shrink(&mut self, keep: usize, most: usize) -> bool {
        let indexed = Position(self.indexed.position);
        let mut gone = 0;
        while gone < most && self.row.len() > keep {
            let is_indexed = |kept: &mut Kept| kept.row.payment.finality.is_some() && kept.changed <= indexed;
            let Some(kept) = self.row.pop_front_if(is_indexed) else { break };
            for key in keys(&kept.row.payment) {
                if self.by_key.get(&key) == Some(&self.first) {
                    self.by_key.remove(&key);
                }
            }
            self.first += 1;
            gone += 1;
        }
        gone == most
    }

    /// Lets go of entries of inboxes that the index has, but for about the last `keep` payments', and of payments that had come
    /// back.
    pub(crate) fn shrink_inboxes(&mut self, keep: usize) {
        let indexed = Position(self.indexed.position);
        self.late.retain(|_, kept| kept.changed > indexed);
        let events_kept = 3 * keep as u64;
        self.inbox_from = self.inbox_from.max(indexed.min(Position(self.newest.0.saturating_sub(events_kept))));
        while self.letters.first_key_value().is_some_and(|(_, kept)| kept.letter.position <= self.inbox_from) {
            self.letters.pop_first();
        }
        for inbox in &mut self.inboxes {
            let gone = inbox.partition_point(|entry| entry.position <= self.inbox_from);
            inbox.drain(..gone);
        }
    }

    /// Payments from the row, in order of number.
    pub(crate) fn rows(&self, numbers: core::ops::Range<u64>) -> impl DoubleEndedIterator<Item = &PaymentView> {
        let at = |number: u64| (number.saturating_sub(self.first) as usize).min(self.row.len());
        let (from, to) = (at(numbers.start), at(numbers.end));
        self.row.range(from..to.max(from)).map(|kept| &kept.row.payment)
    }
}

fn keys(view: &PaymentView) -> [Key; 2] {
    [Key::Uetr(view.uetr), Key::Message(view.message_id)]
}
