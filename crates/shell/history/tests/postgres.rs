//! The same of an index in PostgreSQL, on a real server that is started for these tests.
//!
//! The server's programs must be there (Debian: `postgresql`); a test that does not find them fails.

#![allow(missing_docs, clippy::unwrap_used)] // a test that cannot go on has failed

mod server;
mod support;

use clearing::PaymentIndex;
use history::{Index, IndexError, PostgresIndex};
use proptest::test_runner::{Config, TestRunner};
use server::Server;
use std::sync::Arc;
use support::{open, story, thousand};

fn empty(server: &Server) -> Arc<dyn Index> {
    Arc::new(PostgresIndex::open(&server.new_database()).unwrap())
}

#[test]
fn fed_resumed_and_rebuilt_agree() {
    let server = Server::start();
    let mut runner = TestRunner::new(Config { cases: 8, ..Config::default() });
    let judge = |story| {
        support::fed_resumed_and_rebuilt_agree(|| empty(&server), story);
        Ok(())
    };
    runner.run(&story(), judge).unwrap();
}

#[test]
fn a_database_goes_on_where_it_was_and_one_process_writes() {
    let server = Server::start();
    let url = server.new_database();
    let (clearing, forgotten) = thousand();
    let index: Arc<dyn Index> = Arc::new(PostgresIndex::open(&url).unwrap());
    drop(open(index.clone(), &clearing, &forgotten));
    let whole = index.mark().unwrap();
    assert_eq!((whole.payments, whole.leaves, index.check().unwrap()), (1000, 1000, None));
    let second = PostgresIndex::open(&url).err();
    assert_eq!(second, Some(IndexError::Unavailable("another process writes into it".to_owned())));
    assert_eq!(PostgresIndex::open_as_it_is(&url).unwrap().mark(), Ok(whole));
    drop(index);
    let again: Arc<dyn Index> = Arc::new(PostgresIndex::open(&url).unwrap());
    let model = open(again.clone(), &clearing, &forgotten);
    assert_eq!((model.counts().0, again.mark().unwrap()), (1000, whole));
    assert_eq!(model.place(PaymentIndex(3)).unwrap().map(|place| place.file), Some(3));
}

#[test]
fn a_server_that_stops_is_told_and_found_again() {
    let mut server = Server::start();
    let (clearing, forgotten) = thousand();
    let index = empty(&server);
    let model = open(index.clone(), &clearing, &forgotten);
    server.kill();
    assert!(matches!(index.mark(), Err(IndexError::Unavailable(_))));
    assert!(matches!(model.place(PaymentIndex(3)), Err(IndexError::Unavailable(_))));
    assert!(matches!(index.write(&history::Batch::default(), true), Err(IndexError::Unavailable(_))));
    server.go_on();
    assert_eq!(index.check().unwrap(), None);
    assert_eq!(model.place(PaymentIndex(3)).unwrap().map(|place| place.file), Some(3));
}

#[test]
fn tables_of_a_newer_version_are_left_alone() {
    let server = Server::start();
    let url = server.new_database();
    drop(PostgresIndex::open(&url).unwrap());
    server.sql(&url, "UPDATE luohu.meta SET version = 99");
    let refused = PostgresIndex::open(&url).err();
    assert_eq!(refused, Some(IndexError::Unavailable("its tables are of version 99, which is newer".to_owned())));
}

#[test]
fn people_read_payments_in_columns() {
    let server = Server::start();
    let url = server.new_database();
    let (clearing, forgotten) = thousand();
    drop(open(Arc::new(PostgresIndex::open(&url).unwrap()), &clearing, &forgotten));
    let sql = "SELECT count(*), sum(debit_minor) FROM luohu.payments_read WHERE state = 'settled' AND received_at > '1970-01-01'";
    // All 500 of the first kind, and each seventh of the second, at one minor unit.
    assert_eq!(server.sql(&url, sql), "571|571");
}
