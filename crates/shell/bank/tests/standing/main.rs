//! Standing orders: what the books keep of them over crashes, what a bank at work does when they are due, and their pages.
#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

mod at_work;
mod in_books;
mod pages;
#[path = "../support/mod.rs"]
mod support;
mod town;
