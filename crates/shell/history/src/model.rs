//! The read model: one lock over small tables, written for microseconds a block, and the index behind them.

use crate::books::{AccountKey, Books};
use crate::catch_up::{Edge, catch_up};
use crate::embedded::EmbeddedIndex;
use crate::feed::{Feed, FeedEvent, Pulse};
use crate::inbox::{About, InboxItem, Tells};
use crate::laws::{Evidence, HeldSums, LAWS, LawStatus};
use crate::matters::Matters;
use crate::port::{Batch, Index, IndexError, Key, Mark, Row};
use crate::recent::Recent;
use crate::rules::Rules;
use crate::sponsored::Sponsored;
use crate::tables::Tables;
use crate::tiles::{Run, TileTree, fold};
use crate::waiting::Waiting;
use crate::writer::{Change, Writer};
use chain::{Hash, TreeNodes};
use clearing::{
    AccountView, Clearing, Code, DayView, MatterTold, MatterView, ParticipantId, ParticipantView, PaymentIndex, PaymentState,
    PaymentView, Position, Priced, Question, Rejection, Rulebook, SettlementNote, SponsorshipView, Tariff, Time, Uetr,
    WaitingView, WhatIf,
};
use ordering::{DurableBlock, KeptLetter, Recovered, VaultPlace, letters_of};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

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

/// How much is in memory, and how indexing goes on.
#[derive(Debug, Clone, Copy)]
pub struct Tuning {
    /// The last payments, in memory whatever becomes of them; 16,384 by default: some 10 MB.
    pub recent_payments: usize,
    /// Events that are worth a transaction; 16,384 by default, and less after a second.
    pub batch_events: usize,
    /// Index in [`ReadModel::durable`] itself, instead of on a thread: for simulated time.
    pub inline: bool,
    /// Told at a start how many payments are indexed, and of how many.
    pub progress: fn(u64, u64),
}

impl Default for Tuning {
    fn default() -> Self {
        Self { recent_payments: 16_384, batch_events: 16_384, inline: false, progress: |_, _| {} }
    }
}

/// Events the index may be behind before no more payments are to be taken in: half a minute of full speed, and 100 MB.
const BEHIND_EVENTS: usize = 300_000;
/// Events after which the journal waits for the index: only events of payments taken in elsewhere come this far.
const BEHIND_EVENTS_MAX: usize = 2 * BEHIND_EVENTS;
/// Rows copied or let go of at once: the journal waits for some ten microseconds.
const PIECE: usize = 128;

/// Everything readers ask for.
pub struct ReadModel {
    tables: RwLock<Tables>,
    index: Arc<dyn Index>,
    writing: Mutex<Writing>,
    room: (Mutex<()>, Condvar),
    tuning: Tuning,
}

struct Writing {
    writer: Writer,
    /// Not written yet, because it failed.
    ready: Option<Batch>,
}

impl ReadModel {
    /// Payments of a chain that can be indexed in memory when the index cannot be used: some 300 MB.
    pub const SPARE_PAYMENTS_MAX: u64 = 500_000;

    /// Opens an index, brings it to where the recovered chain is, and goes on from there. One that is damaged is made again; one
    /// that cannot be written, as on a full disk, is replaced by one in memory until the next start.
    ///
    /// # Errors
    /// If the index cannot be used, and the chain has more than [`SPARE_PAYMENTS_MAX`](Self::SPARE_PAYMENTS_MAX) payments.
    pub fn open(index: Arc<dyn Index>, recovered: &Recovered<'_>, tuning: Tuning) -> Result<Self, IndexError> {
        match catch_up(&*index, recovered, tuning.progress) {
            Err(IndexError::Unavailable(why)) if payments_of(recovered) <= Self::SPARE_PAYMENTS_MAX => {
                tracing::error!(%why, "history is indexed in memory until the next start");
                let spare: Arc<dyn Index> = Arc::new(EmbeddedIndex::in_memory()?);
                let caught_up = catch_up(&*spare, recovered, tuning.progress)?;
                Self::over(spare, caught_up, recovered, tuning)
            }
            caught_up => Self::over(index, caught_up?, recovered, tuning),
        }
    }

    fn over(
        index: Arc<dyn Index>,
        (mark, tree): (Mark, TileTree),
        recovered: &Recovered<'_>,
        tuning: Tuning,
    ) -> Result<Self, IndexError> {
        let clearing = recovered.clearing;
        let on_record = clearing.payments();
        let first = first_in_memory(clearing, tuning.recent_payments as u64);
        let places = recovered.places.iter().copied().chain(core::iter::repeat(VaultPlace::default()));
        let rows = on_record.zip(places).map(|(payment, place)| Row { payment, place });
        let rows = rows.skip_while(|row| row.payment.index.0 < first);
        let (size, root) = clearing.tree();
        let hash = recovered.last.map_or(Hash::default(), |header| header.hash());
        let writer = Writer::new(mark, TileTree::load(mark.leaves, |level, number| index.tile(level, number))?);
        let tables = Tables {
            recent: Recent::new(mark, first, rows),
            waiting: Waiting::restore(clearing, &recovered.waiting),
            matters: Matters::restore(clearing, &recovered.waiting),
            rules: Rules::restore(clearing),
            participants: clearing.participants().collect(),
            accounts: clearing.accounts().collect(),
            sponsorships: Sponsored::restore(clearing),
            days: clearing.business_days().collect(),
            books: Books::new(index.books()?),
            entries: BTreeMap::new(),
            notes: VecDeque::new(),
            disagrees: None,
            last_position: Position(clearing.next_position().0 - 1),
            tree,
            tip: Tip { size, root, height: clearing.height(), time: clearing.time(), hash },
            feed: Feed::default(),
            held: HeldSums::restore(clearing),
            settled: mark.settled,
            rejected: mark.rejected,
        };
        let writing = Mutex::new(Writing { writer, ready: None });
        Ok(Self { tables: RwLock::new(tables), index, writing, room: Default::default(), tuning })
    }

    /// A read model over a centre that has forgotten nothing, with an index in memory, which is fed at once: for whoever has no
    /// disk.
    ///
    /// # Panics
    /// If the centre has forgotten something.
    pub fn in_memory(clearing: &Clearing) -> Self {
        assert_eq!(clearing.forgotten(), 0, "somebody must know what was forgotten");
        let index = EmbeddedIndex::in_memory().expect("memory is there");
        let tuning = Tuning { inline: true, ..Tuning::default() };
        Self::open(Arc::new(index), &Recovered::of(clearing), tuning).expect("an index in memory can be written")
    }

    /// Takes in the next durable block.
    pub fn durable(&self, block: &DurableBlock) {
        let mut tables = self.write();
        tables.recent.begin_block(block.header.height, block.applied.forgotten.len());
        let mut letters = letters_of(&block.applied, &block.places).into_iter();
        for event in &block.applied.events {
            tables.note(event, &mut letters);
        }
        tables.note_places(block);
        block.applied.forgotten_matters.iter().for_each(|uetr| tables.matters.forget(*uetr));
        for view in &block.applied.balances {
            tables.note_balance(*view);
        }
        block.applied.sponsorships.iter().for_each(|view| tables.sponsorships.stands(view));
        if !block.applied.days.is_empty() {
            tables.days.clone_from(&block.applied.days);
        }
        if let Some(last) = block.applied.events.last() {
            tables.last_position = last.position;
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
        let behind = tables.recent.pending_events();
        drop(tables);
        if self.tuning.inline {
            self.index_inline(behind);
        } else if behind >= BEHIND_EVENTS_MAX {
            self.wait_for_index();
        }
    }

    fn index_inline(&self, behind: usize) {
        if behind >= self.tuning.batch_events
            && let Err(error) = self.index_pending(false)
        {
            tracing::error!(%error, "history is not indexed; it is tried again");
        }
    }

    fn wait_for_index(&self) {
        let (mutex, room) = &self.room;
        tracing::warn!("the journal waits for the index of history");
        let mut guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
        while self.read().recent.pending_events() >= BEHIND_EVENTS {
            guard = room.wait_timeout(guard, Duration::from_millis(100)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the index is so far behind that no more payments should be taken in.
    pub fn is_behind(&self) -> bool {
        self.read().recent.pending_events() >= BEHIND_EVENTS
    }

    /// Whether enough waits for the index to be worth a transaction.
    pub fn is_worth_indexing(&self) -> bool {
        self.read().recent.pending_events() >= self.tuning.batch_events
    }

    /// Brings whole blocks with about [`Tuning::batch_events`] events into the index, and lets memory go of what it may. With
    /// `durable` that and everything before survives a loss of power.
    ///
    /// # Errors
    /// If the index was not written: the same is tried again by the next call.
    pub fn index_pending(&self, durable: bool) -> Result<(), IndexError> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Writing { writer, ready } = &mut *writing;
        if ready.is_none() {
            *ready = self.gather(writer, durable)?;
        }
        let Some(batch) = ready else { return Ok(()) };
        self.index.write(batch, durable)?;
        let mark = batch.mark;
        *ready = None;
        let mut tables = self.write();
        tables.recent.indexed(mark);
        tables.forget_entries(mark.height);
        tables.tree.forget(mark.leaves);
        drop(tables);
        while self.write().recent.shrink(self.tuning.recent_payments, PIECE) {}
        self.write().recent.shrink_inboxes(self.tuning.recent_payments);
        self.room.1.notify_all();
        Ok(())
    }

    fn gather(&self, writer: &mut Writer, even_nothing: bool) -> Result<Option<Batch>, IndexError> {
        let Some((events, height, forgotten)) = self.read().recent.pending_blocks(self.tuning.batch_events) else {
            let mark = writer.mark();
            return Ok(even_nothing.then(|| writer.take(mark.height, mark.forgotten)));
        };
        // A failure below leaves a part of it gathered.
        for from in (writer.events()..events).step_by(PIECE) {
            let changes = self.read().recent.pending(from, PIECE.min(events - from));
            for mut change in changes {
                if let Change::Payment { row, .. } = &mut change
                    && row.place == Recent::PLACE_UNKNOWN
                {
                    let indexed = self.index.rows(&[row.payment.index])?.pop().flatten();
                    row.place = indexed.map_or(VaultPlace::default(), |row| row.place);
                }
                writer.add(&change, true)?;
            }
        }
        let accounts: Vec<AccountKey> = self.read().entries.keys().copied().collect();
        for account in accounts {
            let entries = self.read().entries_up_to(account, height);
            writer.add_entries(entries.into_iter().map(|entry| (account, entry)));
        }
        let notes: Vec<SettlementNote> = self.read().notes.iter().take_while(|note| note.height <= height).copied().collect();
        notes.into_iter().for_each(|note| writer.add_note(note));
        Ok(Some(writer.take(height, forgotten)))
    }

    /// A payment by its UETR.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn payment(&self, uetr: Uetr) -> Result<Option<PaymentView>, IndexError> {
        self.find(Key::Uetr(uetr))
    }

    /// The newest payment with an identifier.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn find(&self, key: Key) -> Result<Option<PaymentView>, IndexError> {
        let tables = self.read();
        if let Some(found) = tables.recent.find(key) {
            return Ok(tables.recent.payment(found));
        }
        drop(tables);
        self.index.find(key)?.map_or(Ok(None), |payment| self.payment_at(payment))
    }

    /// A payment by its index.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn payment_at(&self, index: PaymentIndex) -> Result<Option<PaymentView>, IndexError> {
        if index.0 >= self.counts().0 {
            return Ok(None);
        }
        Ok(self.views(&[index])?.pop())
    }

    /// The payment whose receipt has a number.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn payment_of_leaf(&self, leaf_index: u64) -> Result<Option<PaymentView>, IndexError> {
        let tables = self.read();
        let (first, count) = (tables.recent.first(), tables.recent.count());
        let is_it = |view: &&PaymentView| view.finality.is_some_and(|finality| finality.leaf_index == leaf_index);
        if let Some(view) = tables.recent.rows(first..count).rev().find(is_it) {
            return Ok(Some(*view));
        }
        drop(tables);
        self.index.leaf(leaf_index)?.map_or(Ok(None), |payment| self.payment_at(payment))
    }

    /// A payment that waits.
    pub fn waiting(&self, uetr: Uetr) -> Option<WaitingView> {
        self.read().waiting.view(uetr)
    }

    /// A matter between two agents, while the centre keeps it.
    pub fn matter(&self, uetr: Uetr) -> Option<MatterView> {
        self.read().matters.view(uetr)
    }

    /// Matters of a participant, by UETR from `from` on.
    pub fn matters_of(&self, participant: ParticipantId, from: Uetr, limit: usize) -> Vec<MatterView> {
        self.read().matters.of(participant, from, limit)
    }

    /// Where the message lies that opened a matter; `None` when it came without one.
    pub fn matter_place(&self, uetr: Uetr) -> Option<VaultPlace> {
        self.read().matters.place(uetr).filter(|place| place.bytes > 0)
    }

    /// Version of the last rulebook entered, whether it holds yet or not; 0 before the first.
    pub fn rulebook_version(&self) -> u32 {
        self.read().rules.version()
    }

    /// Version of the last tariff entered, whether it holds yet or not; 0 before the first.
    pub fn tariff_version(&self) -> u32 {
        self.read().rules.tariff_version()
    }

    /// The tariff for what is accepted at a time, if there is one.
    pub fn tariff(&self, accepted_at: Time) -> Option<Tariff> {
        self.read().rules.tariff(accepted_at).cloned()
    }

    /// What a payment accepted at the question's time would be charged in a corridor. `None`: nothing, by no line.
    pub fn price(&self, question: &Question, corridor: Option<Code>) -> Option<Priced> {
        self.read().rules.price(question, corridor)
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
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn place(&self, index: PaymentIndex) -> Result<Option<VaultPlace>, IndexError> {
        let here = self.read().recent.place(index);
        let place = match here {
            Some(place) => Some(place),
            None => self.index.rows(&[index])?.pop().flatten().map(|row| row.place),
        };
        Ok(place.filter(|place| place.bytes > 0))
    }

    /// Payments as they stand, which are all known to be there.
    pub(crate) fn views(&self, payments: &[PaymentIndex]) -> Result<Vec<PaymentView>, IndexError> {
        let tables = self.read();
        let mut found: HashMap<PaymentIndex, PaymentView> =
            payments.iter().filter_map(|payment| Some((*payment, tables.recent.payment(*payment)?))).collect();
        drop(tables);
        let missing: Vec<PaymentIndex> = payments.iter().filter(|payment| !found.contains_key(payment)).copied().collect();
        if !missing.is_empty() {
            let rows = self.index.rows(&missing)?;
            found.extend(rows.into_iter().flatten().map(|row| (row.payment.index, row.payment)));
        }
        let view = |payment: &PaymentIndex| {
            found.get(payment).copied().ok_or_else(|| IndexError::Damaged(format!("payment {} is missing", payment.0)))
        };
        payments.iter().map(view).collect()
    }

    /// What the chain has for a participant behind `after`, oldest first, with everything as it stands now.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxItem>, IndexError> {
        // All under one lock: whatever comes later lies behind everything that is read here.
        let tables = self.read();
        let matters = tables.matters.inbox(participant, after, limit);
        let (from, recent) = tables.recent.inbox(participant, after, limit);
        drop(tables);
        // Memory first: what leaves it meanwhile is in the index before it does.
        let mut entries = if after < from { self.index.inbox(participant, after, limit)? } else { Vec::new() };
        entries.truncate(entries.partition_point(|entry| entry.position <= from));
        entries.extend(recent);
        entries.truncate(limit);
        let payment = |about: About| if let About::Payment(_, payment) = about { Some(payment) } else { None };
        let payments: Vec<PaymentIndex> = entries.iter().filter_map(|entry| payment(entry.about)).collect();
        let mut views = self.views(&payments)?.into_iter();
        let item = |entry: crate::InboxEntry| {
            let tells = match entry.about {
                About::Payment(kind, _) => Tells::Payment(kind, views.next().expect("a view for each payment")),
                About::Letter(number) => Tells::Letter(self.letter(number)?),
                About::Note(number) => Tells::Note(self.settlement_note(number)?),
            };
            Ok(InboxItem { position: entry.position, tells })
        };
        let mut items = entries.into_iter().map(item).collect::<Result<Vec<_>, IndexError>>()?;
        let told = |(told, view): (MatterTold, _)| InboxItem { position: told.position, tells: Tells::Matter(told, view) };
        items.extend(matters.into_iter().map(told));
        items.sort_by_key(|item| item.position);
        items.truncate(limit);
        Ok(items)
    }

    /// A settlement note that is known to be there.
    fn settlement_note(&self, number: u64) -> Result<SettlementNote, IndexError> {
        let tables = self.read();
        let first = tables.notes.front().map_or(u64::MAX, |note| note.number);
        let here = number.checked_sub(first).and_then(|at| tables.notes.get(usize::try_from(at).ok()?)).copied();
        drop(tables);
        let found = match here {
            Some(note) => Some(note),
            None => self.index.notes(&[number])?.pop().flatten(),
        };
        found.ok_or_else(|| IndexError::Damaged(format!("settlement note {number} is missing")))
    }

    /// A letter that is known to be there.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn letter(&self, number: u64) -> Result<KeptLetter, IndexError> {
        if let Some(kept) = self.read().recent.letter(number) {
            return Ok(kept);
        }
        let kept = self.index.letters(&[number])?.pop().flatten();
        kept.ok_or_else(|| IndexError::Damaged(format!("letter {number} is missing")))
    }

    /// All participants, in order of registration.
    pub fn participants(&self) -> Vec<ParticipantView> {
        self.read().participants.clone()
    }

    /// All accounts, in order of opening.
    pub fn accounts(&self) -> Vec<AccountView> {
        self.read().accounts.clone()
    }

    /// The business days that are open, by currency in order of their ledgers.
    pub fn business_days(&self) -> Vec<DayView> {
        self.read().days.clone()
    }

    /// All sponsorships, by participant and currency.
    pub fn sponsorships(&self) -> Vec<SponsorshipView> {
        self.read().sponsorships.views().copied().collect()
    }

    /// The chain as the last durable block left it.
    pub fn tip(&self) -> Tip {
        self.read().tip
    }

    /// The audit path of a leaf in the tree of that size; `None` where there is none.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        let is_there = leaf_index < size && size <= self.read().tree.len();
        is_there.then(|| self.inclusion_path(leaf_index, size)).transpose()
    }

    /// The proof that the tree of `old` leaves is the beginning of that of `new`; `None` where there is none.
    ///
    /// # Errors
    /// If the index does not answer.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        let is_there = 0 < old && old <= new && new <= self.read().tree.len();
        is_there.then(|| self.consistency_path(old, new)).transpose()
    }

    /// Payments on record: all, settled, rejected.
    pub fn counts(&self) -> (u64, u64, u64) {
        self.read().counts()
    }

    /// Events that the index does not have yet.
    pub fn index_behind(&self) -> u64 {
        self.read().recent.pending_events() as u64
    }

    pub(crate) fn index(&self) -> &dyn Index {
        &*self.index
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
        let size = tables.tree.len();
        let root = Edge(&tables.tree).root_of(size).unwrap_or_default();
        let evidence = Evidence {
            accounts: &tables.accounts,
            held: &tables.held,
            counts: tables.counts(),
            told: (tables.tip.size, tables.tip.root),
            kept: (size, root),
            entries_agree: tables.disagrees.is_none(),
            positions_agree: tables.sponsorships.hold(),
        };
        evidence.judge()
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for ReadModel {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ReadModel")
    }
}

impl TreeNodes for ReadModel {
    type Error = IndexError;

    fn node(&self, height: u32, index: u64) -> Result<Hash, IndexError> {
        let run = Run::of(height, index);
        if let Some(hashes) = self.read().tree.run(run).map(<[Hash]>::to_vec) {
            return Ok(fold(&hashes));
        }
        let tile = self.index.tile(run.level, run.tile())?.unwrap_or_default();
        let missing = || IndexError::Damaged(format!("tile {} of level {}", run.tile(), run.level));
        run.in_tile(&tile).map(fold).ok_or_else(missing)
    }
}

fn payments_of(recovered: &Recovered<'_>) -> u64 {
    recovered.forgotten.count() + recovered.clearing.payments().len() as u64
}

/// Everything from the first open payment on, and the last `recent` payments, as far as they are on record.
fn first_in_memory(clearing: &Clearing, recent: u64) -> u64 {
    let count = clearing.forgotten() + clearing.payments().len() as u64;
    let open = clearing.payments().find(|view| view.state == PaymentState::Held).map_or(count, |view| view.index.0);
    open.min(count.saturating_sub(recent)).max(clearing.forgotten())
}
