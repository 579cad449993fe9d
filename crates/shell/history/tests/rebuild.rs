//! Read models that were fed block by block, resumed somewhere or rebuilt from the state tell every reader the same.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod support;

use clearing::{Clearing, IndexSeed, ParticipantId, PaymentIndex, PaymentView, Position, SettlementNote, Time, Uetr};
use history::{
    AccountKey, Batch, EmbeddedIndex, Entry, InboxEntry, Index, IndexError, Indexing, Key, Mark, ReadModel, Row, Span, Tuning,
};
use ordering::{KeptLetter, Recovered};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::{TUNING, answer, durable, genesis, open, pay, story, thousand};

fn empty() -> Arc<EmbeddedIndex> {
    Arc::new(EmbeddedIndex::in_memory().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn fed_resumed_and_rebuilt_agree(story in story()) {
        support::fed_resumed_and_rebuilt_agree(|| empty(), story);
    }
}

#[test]
fn an_index_of_another_chain_is_made_again() {
    let (clearing, forgotten) = thousand();
    let index = empty();
    drop(open(index.clone(), &clearing, &forgotten));
    let whole = index.mark().unwrap();
    assert_eq!((whole.payments, whole.leaves, whole.height), (1000, 1000, 501));
    // The chain went back, as from a copy of its folder: the index knows too much.
    let early = Clearing::new(IndexSeed(1));
    let model = open(index.clone(), &early, &vec![]);
    assert_eq!((model.counts().0, index.mark().unwrap().payments), (0, 0));
    // As long as the other one, and of other payments.
    let mut other = Clearing::new(IndexSeed(1));
    let mut commands = genesis();
    commands.extend((0..7).map(|n| pay(Uetr([n; 16]), 0, 2, 1)));
    let block = durable(&mut other, Time(1_000_000_000_000), commands);
    let model = open(index.clone(), &other, &vec![]);
    assert_eq!((model.counts().0, index.mark().unwrap().payments), (7, 7));
    drop((model, block));
    let model = open(index.clone(), &clearing, &forgotten);
    assert_eq!((model.counts().0, index.mark().unwrap(), index.check().unwrap()), (1000, whole, None));
}

#[test]
fn a_file_that_cannot_be_read_is_made_again() {
    let (clearing, forgotten) = thousand();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.redb");
    let index = EmbeddedIndex::open(&file).unwrap();
    drop(open(Arc::new(index), &clearing, &forgotten));
    assert_eq!(EmbeddedIndex::peek(&file).unwrap().payments, 1000);
    let whole = std::fs::read(&file).unwrap();
    // What it begins with, and a stretch of pages.
    for damage in [0..64, 4096..whole.len() / 2] {
        let mut bytes = whole.clone();
        bytes[damage].fill(0xA5);
        std::fs::write(&file, bytes).unwrap();
        let model = open(Arc::new(EmbeddedIndex::open(&file).unwrap()), &clearing, &forgotten);
        let views: Vec<PaymentView> = (0..1000).map(|at| model.payment_at(PaymentIndex(at)).unwrap().unwrap()).collect();
        assert!(views.iter().all(|view| view.finality.is_some()));
    }
    std::fs::remove_file(&file).unwrap();
    let model = open(Arc::new(EmbeddedIndex::open(&file).unwrap()), &clearing, &forgotten);
    assert_eq!(model.counts(), (1000, 571, 429));
    assert_eq!(model.place(PaymentIndex(3)).unwrap().map(|place| place.file), Some(3));
}

/// Refuses to be written while it is told to.
struct Sulking(EmbeddedIndex, AtomicBool);

impl Index for Sulking {
    fn mark(&self) -> Result<Mark, IndexError> {
        self.0.mark()
    }
    fn write(&self, batch: &Batch, durable: bool) -> Result<(), IndexError> {
        match self.1.load(Ordering::Relaxed) {
            true => Err(IndexError::Unavailable("it sulks".to_owned())),
            false => self.0.write(batch, durable),
        }
    }
    fn clear(&self) -> Result<(), IndexError> {
        self.0.clear()
    }
    fn rows(&self, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
        self.0.rows(payments)
    }
    fn find(&self, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
        self.0.find(key)
    }
    fn letters(&self, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
        self.0.letters(numbers)
    }
    fn leaf(&self, leaf_index: u64) -> Result<Option<PaymentIndex>, IndexError> {
        self.0.leaf(leaf_index)
    }
    fn inbox(&self, who: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxEntry>, IndexError> {
        self.0.inbox(who, after, limit)
    }
    fn payments_of(&self, span: &Span) -> Result<Vec<PaymentIndex>, IndexError> {
        self.0.payments_of(span)
    }
    fn entries(&self, account: AccountKey, after: Position, limit: usize) -> Result<Vec<Entry>, IndexError> {
        self.0.entries(account, after, limit)
    }
    fn last_entry(&self, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
        self.0.last_entry(account, at)
    }
    fn books(&self) -> Result<Vec<(AccountKey, Entry)>, IndexError> {
        self.0.books()
    }
    fn notes(&self, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError> {
        self.0.notes(numbers)
    }
    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<chain::Hash>>, IndexError> {
        self.0.tile(level, number)
    }
    fn check(&self) -> Result<Option<String>, IndexError> {
        self.0.check()
    }
    fn bytes(&self) -> Result<u64, IndexError> {
        self.0.bytes()
    }
}

#[test]
fn an_index_that_cannot_be_written_loses_nothing() {
    let mut clearing = Clearing::new(IndexSeed(1));
    let index = Arc::new(Sulking(EmbeddedIndex::in_memory().unwrap(), AtomicBool::new(false)));
    let model = open(index.clone(), &clearing, &vec![]);
    model.durable(&durable(&mut clearing, Time(1), genesis()));
    for n in 0..100u8 {
        index.1.store((20..60).contains(&n), Ordering::Relaxed);
        model.durable(&durable(
            &mut clearing,
            Time(u64::from(n) + 2),
            vec![pay(Uetr([n; 16]), 0, 1, 1), answer(Uetr([n; 16]), 1, true)],
        ));
        assert!((0..=n).all(|n| model.payment(Uetr([n; 16])).unwrap().is_some()), "all are there behind payment {n}");
        assert_eq!(
            model.inbox(ParticipantId(1), Position(0), 1000).unwrap().len(),
            1 + 2 * (usize::from(n) + 1),
            "and its prefunding"
        );
    }
    model.index_pending(true).unwrap();
    assert_eq!((model.index_behind(), index.mark().unwrap().payments, index.check().unwrap()), (0, 100, None));
}

#[test]
fn a_thread_indexes_what_comes() {
    let mut clearing = Clearing::new(IndexSeed(1));
    let index = empty();
    let recovered = Recovered { forgotten: &vec![], places: vec![], ..Recovered::of(&clearing) };
    let tuning = Tuning { inline: false, batch_events: 50, ..TUNING };
    let model = Arc::new(ReadModel::open(index.clone(), &recovered, tuning).unwrap());
    let mut indexing = Indexing::start(model.clone()).unwrap();
    model.durable(&durable(&mut clearing, Time(1), genesis()));
    for n in 0..200u8 {
        model.durable(&durable(&mut clearing, Time(u64::from(n) + 2), vec![pay(Uetr([n; 16]), 0, 1, 1)]));
        assert!(model.payment(Uetr([n; 16])).unwrap().is_some(), "it is there at once");
    }
    indexing.close();
    assert_eq!((model.index_behind(), index.mark().unwrap().payments), (0, 200));
}

#[test]
fn durations_are_those_of_the_last_seconds() {
    let second = 1_000_000_000;
    let mut clearing = Clearing::new(IndexSeed(1));
    let model = ReadModel::in_memory(&clearing);
    model.durable(&durable(&mut clearing, Time(1), genesis()));
    for (n, (held_at, ended_at)) in [(10, 13), (60, 61), (61, 69)].into_iter().enumerate() {
        let uetr = Uetr([n as u8; 16]);
        model.durable(&durable(&mut clearing, Time(held_at * second), vec![pay(uetr, 0, 1, 5)]));
        model.durable(&durable(&mut clearing, Time(ended_at * second), vec![answer(uetr, 1, true)]));
    }
    for (now, seconds, expected) in [
        (69, 60, vec![1_000_000, 3_000_000, 8_000_000]),
        (72, 60, vec![1_000_000, 3_000_000, 8_000_000]),
        (73, 60, vec![1_000_000, 8_000_000]),
        (69, 1, vec![8_000_000]),
        (68, 60, vec![1_000_000, 3_000_000]),
        (500, 60, vec![]),
    ] {
        assert_eq!(model.durations_us(now, seconds), expected, "at {now} over {seconds}");
    }
}
