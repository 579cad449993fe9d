//! At a start the index is brought to where the chain is: from where it was, or from nothing.
//!
//! What the archive and the centre's record have is payments in order of arrival, each with the positions of its events. The
//! index is fed with events in order, so the later events of a payment wait until those of other payments before them have
//! come: as many as there were payments under way at a time.

use crate::books::Books;
use crate::inbox::{InboxKind, recall_kind};
use crate::port::{Batch, Index, IndexError, Mark, Row};
use crate::tiles::{Run, TileTree, fold};
use crate::writer::{Change, Writer};
use chain::{Hash, TreeNodes};
use clearing::{Clearing, Position, SettlementNote};
use ordering::{KeptLetter, Recovered, VaultPlace};
use planted::{Bug, planted};
use std::collections::BTreeMap;
use std::io;
use std::iter::Peekable;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events of one transaction: the more, the less often a page of the index is written. Some 20 MB of memory.
const BATCH_EVENTS: usize = 150_000;
/// Transactions that wait while one is written.
const BATCHES_AHEAD: usize = 1;
/// One in so many transactions is durable: what a crash in a long rebuild costs. Pages that a transaction freed are used again
/// behind the next durable one.
const DURABLE_EVERY: u64 = 8;

/// Brings the index to where the chain is. One that is damaged or of another chain is emptied and made again.
///
/// # Errors
/// If it cannot be.
pub(crate) fn catch_up(
    index: &dyn Index,
    recovered: &Recovered<'_>,
    progress: fn(u64, u64),
) -> Result<(Mark, TileTree), IndexError> {
    match go_on(index, recovered, progress) {
        Err(IndexError::Damaged(why)) => {
            tracing::warn!(%why, "the index is made again from the chain");
            index.clear()?;
            go_on(index, recovered, progress)
        }
        done => done,
    }
}

fn go_on(index: &dyn Index, recovered: &Recovered<'_>, progress: fn(u64, u64)) -> Result<(Mark, TileTree), IndexError> {
    let clearing = recovered.clearing;
    let begun = index.mark()?;
    let behind = begun.forgotten > recovered.forgotten.count() || begun.letters > recovered.letters.count();
    if begun.height > clearing.height() || behind {
        return Err(IndexError::Damaged(format!("it knows block {} of a chain of {}", begun.height, clearing.height())));
    }
    let (books, notes) = (Books::new(index.books()?), clearing.settlement_notes(0));
    let writer = Writer::new(begun, TileTree::load(begun.leaves, |level, number| index.tile(level, number))?);
    std::thread::scope(|scope| {
        let (give, take) = sync_channel(BATCHES_AHEAD);
        let written = scope.spawn(move || write_all(index, take));
        let all = recovered.forgotten.count() + clearing.payments().len() as u64;
        let letters = recovered.letters.from(begun.letters).peekable();
        let mut late = late_reviews(index, clearing, begun)?;
        late.extend(recalls(clearing));
        let fed = Feeding { writer, books, notes, begun, give, waiting: late, letters, all, progress }.feed(recovered);
        let written = written.join().unwrap_or_else(|panic| resume_unwind(panic));
        // The one who writes knows better why nobody took batches any more.
        written.and(fed)
    })?;
    let mark = index.mark()?;
    let tree = TileTree::load(mark.leaves, |level, number| index.tile(level, number))?;
    let kept = (tree.len(), Edge(&tree).root_of(tree.len())?);
    let payments = recovered.forgotten.count() + clearing.payments().len() as u64;
    if kept != clearing.tree() || (mark.payments, mark.letters) != (payments, clearing.letters()) {
        return Err(IndexError::Damaged("its payments are not those of the chain".to_owned()));
    }
    let books = Books::new(index.books()?);
    if let Some(account) = clearing.accounts().find(|account| !books.agrees(account)) {
        return Err(IndexError::Damaged(format!("the entries of account {} do not lead to its balance", account.account)));
    }
    Ok((mark, tree))
}

/// What reviews have added, since the index was written, to payments that it has as forgotten.
fn late_reviews(index: &dyn Index, clearing: &Clearing, begun: Mark) -> Result<BTreeMap<u64, (InboxKind, Row)>, IndexError> {
    let mut late = BTreeMap::new();
    for review in clearing.all_reviews().filter(|review| review.payment.index.0 < begun.forgotten) {
        let payment = review.payment;
        let said = InboxKind::of_posting(payment.posting).map(|kind| (payment.posting_position, kind));
        let events = said.into_iter().chain([(payment.credited_position, InboxKind::Credited)]);
        for (position, kind) in events.filter_map(|(position, kind)| Some((position?.0, kind))) {
            if position > begun.position
                && let Some(row) = index.rows(&[payment.index])?.pop().flatten()
            {
                late.insert(position, (kind, Row { payment, ..row }));
            }
        }
    }
    Ok(late)
}

fn write_all(index: &dyn Index, take: Receiver<(Batch, bool)>) -> Result<(), IndexError> {
    take.into_iter().try_for_each(|(batch, last)| index.write(&batch, last))
}

/// What inboxes were told of recalls; the centre has it for as long as it matters.
fn recalls(clearing: &Clearing) -> BTreeMap<u64, (InboxKind, Row)> {
    let told = clearing.recalls_told().filter_map(|(position, recall)| {
        let kind = recall_kind(recall.reason, recall.state)?;
        Some((position.0, (kind, Row { payment: recall.payment, place: VaultPlace::default() })))
    });
    told.collect()
}

struct Feeding<'a> {
    writer: Writer,
    books: Books,
    /// Settlement notes to come.
    notes: &'a [SettlementNote],
    /// Where the index was.
    begun: Mark,
    give: SyncSender<(Batch, bool)>,
    /// Events to come, by position.
    waiting: BTreeMap<u64, (InboxKind, Row)>,
    /// Letters to come.
    letters: Peekable<Box<dyn Iterator<Item = io::Result<KeptLetter>> + 'a>>,
    all: u64,
    progress: fn(u64, u64),
}

impl Feeding<'_> {
    fn feed(mut self, recovered: &Recovered<'_>) -> Result<(), IndexError> {
        let known = self.notes.partition_point(|note| note.position.0 <= self.begun.position);
        self.notes = &self.notes[known..];
        for forgotten in recovered.forgotten.from(self.begun.forgotten) {
            let forgotten = forgotten.map_err(|error| IndexError::Unavailable(format!("the archive: {error}")))?;
            // Its review may have gone on behind its memory.
            let payment = recovered.clearing.review(forgotten.payment.uetr).map_or(forgotten.payment, |review| review.payment);
            self.payment(Row { payment, place: forgotten.place })?;
        }
        let places = recovered.places.iter().copied().chain(core::iter::repeat(VaultPlace::default()));
        for (payment, place) in recovered.clearing.payments().zip(places) {
            self.payment(Row { payment, place })?;
        }
        self.events_before(u64::MAX)?;
        self.letters_before(u64::MAX)?;
        self.notes_before(u64::MAX);
        let batch = self.writer.take(recovered.clearing.height(), recovered.forgotten.count());
        self.give(batch, true);
        Ok(())
    }

    fn payment(&mut self, row: Row) -> Result<(), IndexError> {
        let payment = &row.payment;
        let ended = payment.finality.map(|finality| finality.position);
        let is_return = payment.returns.is_some();
        let events = [
            (payment.forwarded_position.filter(|_| !is_return), InboxKind::Asked),
            (ended, if is_return { InboxKind::Returned } else { InboxKind::Ended }),
            (payment.credited_position, InboxKind::Credited),
        ];
        // Of a review, its last word: the ones before are not on record.
        let review = InboxKind::of_posting(payment.posting).map(|kind| (payment.posting_position, kind));
        let mut first = true;
        for (position, kind) in events.into_iter().chain(review).filter_map(|(position, kind)| Some((position?, kind))) {
            if core::mem::take(&mut first) {
                // Whatever happened before a payment came in happened to those before it.
                self.events_before(position.0)?;
                self.event(position.0, kind, row)?;
            } else {
                self.waiting.insert(position.0, (kind, row));
            }
        }
        Ok(())
    }

    fn events_before(&mut self, position: u64) -> Result<(), IndexError> {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() < position) {
            let (at, (kind, row)) = entry.remove_entry();
            self.event(at, kind, row)?;
        }
        Ok(())
    }

    fn event(&mut self, position: u64, kind: InboxKind, row: Row) -> Result<(), IndexError> {
        if position <= self.begun.position {
            return Ok(());
        }
        self.letters_before(position)?;
        let told = !(kind == InboxKind::Ended && planted(Bug::RestoreForgetsEnds));
        self.add(&Change::Payment { position: Position(position), kind, row }, told)
    }

    fn letters_before(&mut self, position: u64) -> Result<(), IndexError> {
        let is_before = |next: &io::Result<KeptLetter>| next.as_ref().map_or(true, |kept| kept.letter.position.0 < position);
        while let Some(kept) = self.letters.next_if(is_before) {
            let kept = kept.map_err(|error| IndexError::Unavailable(format!("the archive: {error}")))?;
            self.add(&Change::Letter(kept), true)?;
        }
        Ok(())
    }

    fn add(&mut self, change: &Change, told: bool) -> Result<(), IndexError> {
        self.notes_before(change.position().0);
        if let Change::Payment { kind: InboxKind::Ended | InboxKind::Returned, row, .. } = change {
            self.writer.add_entries(self.books.payment(&row.payment).into_iter().flatten());
        }
        self.writer.add(change, told)?;
        if self.writer.events() >= BATCH_EVENTS {
            let batches = self.writer.mark().position / BATCH_EVENTS as u64;
            let batch = self.writer.take(self.begun.height, self.begun.forgotten);
            (self.progress)(batch.mark.payments, self.all);
            self.give(batch, batches.is_multiple_of(DURABLE_EVERY));
        }
        Ok(())
    }

    fn notes_before(&mut self, position: u64) {
        while let Some((note, rest)) = self.notes.split_first().filter(|(note, _)| note.position.0 < position) {
            self.writer.add_entries(self.books.note(note));
            self.writer.add_note(*note);
            self.notes = rest;
        }
    }

    /// Nobody takes it any more: who writes has failed and says why.
    fn give(&self, batch: Batch, durable: bool) {
        let _ = self.give.send((batch, durable));
    }
}

/// The root of the tree of final payments that an index has.
///
/// # Errors
/// If it cannot be read.
pub fn root_of(index: &dyn Index) -> Result<Hash, IndexError> {
    let tree = TileTree::load(index.mark()?.leaves, |level, number| index.tile(level, number))?;
    Edge(&tree).root_of(tree.len())
}

/// The root of a tree from its right edge alone.
pub(crate) struct Edge<'a>(pub(crate) &'a TileTree);

impl TreeNodes for Edge<'_> {
    type Error = IndexError;

    fn node(&self, height: u32, index: u64) -> Result<Hash, IndexError> {
        let missing = || IndexError::Damaged("the edge of the tree is not whole".to_owned());
        self.0.run(Run::of(height, index)).map(fold).ok_or_else(missing)
    }
}
