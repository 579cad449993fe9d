//! Events in order become batches for the index, live and in a rebuild: one way for both.

use crate::books::{AccountKey, Entry};
use crate::inbox::{self, About, InboxEntry, InboxKind};
use crate::port::{Arrival, Batch, IndexError, Mark, Row};
use crate::tiles::TileTree;
use clearing::{PaymentState, Position, SettlementNote};
use ordering::KeptLetter;

/// An event that the index has a part in.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::large_enum_variant)] // nearly all are payments
pub(crate) enum Change {
    /// A payment's, with the payment as it stands at that event or later.
    Payment { position: Position, kind: InboxKind, row: Row },
    /// A letter was sent.
    Letter(KeptLetter),
}

/// Gathers changes.
#[derive(Debug)]
pub(crate) struct Writer {
    batch: Batch,
    tree: TileTree,
    events: usize,
}

impl Change {
    /// Its place in the chain.
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Payment { position, .. } => *position,
            Self::Letter(kept) => kept.letter.position,
        }
    }
}

impl Writer {
    /// Goes on behind what an index has.
    pub(crate) fn new(mark: Mark, tree: TileTree) -> Self {
        Self { batch: Batch { mark, first_leaf: mark.leaves, ..Batch::default() }, tree, events: 0 }
    }

    /// How far the index will be.
    pub(crate) fn mark(&self) -> Mark {
        self.batch.mark
    }

    /// Changes gathered.
    pub(crate) fn events(&self) -> usize {
        self.events
    }

    /// Takes in the next change; `told` says whether inboxes are told of it.
    ///
    /// # Errors
    /// If payments, ends or letters do not come in order: the index is not of this chain.
    pub(crate) fn add(&mut self, change: &Change, told: bool) -> Result<(), IndexError> {
        match *change {
            Change::Payment { position, kind, row } => self.add_payment(position, kind, row, told),
            Change::Letter(kept) => self.add_letter(kept),
        }
    }

    fn add_letter(&mut self, kept: KeptLetter) -> Result<(), IndexError> {
        let (letter, mark) = (&kept.letter, &mut self.batch.mark);
        in_order("letter", mark.letters, letter.number)?;
        mark.letters += 1;
        mark.position = mark.position.max(letter.position.0);
        self.batch.inbox.push((letter.to, InboxEntry { position: letter.position, about: About::Letter(letter.number) }));
        self.batch.letters.push(kept);
        self.events += 1;
        Ok(())
    }

    fn add_payment(&mut self, position: Position, kind: InboxKind, row: Row, told: bool) -> Result<(), IndexError> {
        let (view, mark) = (&row.payment, &mut self.batch.mark);
        if inbox::is_arrival(kind, view) {
            in_order("payment", mark.payments, view.index.0)?;
            mark.payments += 1;
            self.batch.arrivals.push(Arrival {
                payment: view.index,
                uetr: view.uetr,
                message_id: view.message_id,
                debtor_agent: view.debtor_agent,
                creditor_agent: view
                    .creditor_agent_knows()
                    .then_some(view.creditor_agent)
                    .filter(|agent| *agent != view.debtor_agent),
            });
        }
        if let (true, Some(finality), Some(record)) = (inbox::is_end(kind), view.finality, view.final_record()) {
            in_order("leaf", mark.leaves, finality.leaf_index)?;
            mark.leaves += 1;
            match view.state {
                PaymentState::Settled => mark.settled += 1,
                PaymentState::Rejected => mark.rejected += 1,
                PaymentState::Held => {}
            }
            self.tree.push(record.leaf());
            self.batch.leaves.push(view.index);
        }
        mark.position = mark.position.max(position.0);
        if view.finality.is_some() && !inbox::leaves_as_it_is(kind) {
            self.batch.rows.insert(view.index, row);
        }
        if told {
            self.batch.inbox.extend(inbox::entries(kind, view, position));
        }
        self.events += 1;
        Ok(())
    }

    /// Takes in the next settlement note.
    pub(crate) fn add_note(&mut self, note: SettlementNote) {
        self.batch.mark.position = self.batch.mark.position.max(note.position.0);
        self.batch.inbox.extend(inbox::note_entry(&note));
        self.batch.notes.push(note);
    }

    /// Takes in the next entries of accounts.
    pub(crate) fn add_entries(&mut self, entries: impl IntoIterator<Item = (AccountKey, Entry)>) {
        self.batch.entries.extend(entries);
    }

    /// What was gathered, up to a whole block or, with the mark's own height, somewhere in the middle of a rebuild.
    pub(crate) fn take(&mut self, height: u64, forgotten: u64) -> Batch {
        let mut batch = core::mem::take(&mut self.batch);
        (batch.mark.height, batch.mark.forgotten) = (height, forgotten);
        batch.tiles = self.tree.changed_since(batch.first_leaf).collect();
        self.tree.forget(batch.mark.leaves);
        self.batch.mark = batch.mark;
        self.batch.first_leaf = batch.mark.leaves;
        self.events = 0;
        batch
    }
}

fn in_order(what: &str, expected: u64, found: u64) -> Result<(), IndexError> {
    if expected == found {
        return Ok(());
    }
    Err(IndexError::Damaged(format!("{what} {found} comes where {what} {expected} is next: it is not of this chain")))
}
