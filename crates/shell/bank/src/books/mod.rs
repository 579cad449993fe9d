//! The books of one bank: one redb file.
//!
//! Customers, accounts, entries, payments out and in, messages to be sent, and the inbox cursor live in one file and change
//! in one transaction, so that each thing the centre tells is booked once and only once: whatever is redelivered is at or
//! below the cursor that was committed with its bookings.
//!
//! # Not here
//! Talking to the centre (`engine`), what messages look like (`messages`).
//!
//! # Invariants
//! - BNK-01: entries of a transfer sum to zero in each currency, and so do all balances.
//! - BNK-02: a balance is the sum of its entries.
//! - BNK-03: what a customer's account shows as held is the sum of its payments under way; no customer is below what is held.
//! - BNK-04: a settled payment has exactly one transfer, any other has none, but for its returns.
//! - BNK-05: of no payment more comes back than it was; what its record says came back is what was booked.
//! - BNK-06: of every due date of a standing order before its next one there is exactly one run, and exactly one payment if the
//!   run made one, with the same end; exactly the orders in force are due.
//!
//! # Units and limits
//! Amounts are minor units; balances fit `i64`. Times are milliseconds since 1970 UTC. At most [`OPEN_PAYMENTS_MAX`] payments
//! out are under way at once.
//!
//! # Start reading at
//! `state`, then [`Books::book_inbox`], then [`Books::reserve`].

pub mod bulk;
mod customers;
mod inbox;
pub mod mandates;
mod outgoing;
mod posting;
pub mod records;
mod report;
mod returns;
pub mod rhythm;
mod shelf;
pub mod standing;
pub mod state;
mod tables;

pub use customers::Seed;
pub use inbox::{Answered, InboxEntry, RecallAnswer, Told};
pub use outgoing::OutgoingUpdate;
pub use report::{BookedPayment, BooksReport, CurrencyTotals, Direction};
pub use returns::{OutgoingReturn, ReturnState};
pub use shelf::{Folder, Shelf};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tables::{META, Reader, Writer};

/// Most payments out under way at once: at a retail bank's busiest second a few hundred are; this bounds memory and retries.
pub const OPEN_PAYMENTS_MAX: u64 = 10_000;
/// Memory for pages, in bytes.
const CACHE_BYTES: usize = 16 << 20;
/// The file.
const BOOK: &str = "books.redb";
/// The file until it is whole.
const UNFINISHED: &str = "books.redb.new";
/// Layout of the file.
const LAYOUT: u64 = 1;

/// The books.
#[derive(Debug)]
pub struct Books {
    database: Database,
}

/// The books cannot be read or written. Nothing of the failed change was kept.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// The file.
    #[error("the books' file {BOOK}: {0}")]
    Storage(#[from] Box<redb::Error>),
    /// The file does not hold what was written to it. Put the newest copy back that opens.
    #[error("the books' file {BOOK} is damaged: {0}")]
    Damaged(String),
    /// A record does not read.
    #[error("a record of the books cannot be read: {0}")]
    Record(#[from] serde_json::Error),
    /// The file was written by another version.
    #[error("the books have layout {0}, this program knows {LAYOUT}")]
    Layout(u64),
    /// Not allowed; nothing changed.
    #[error("{0}")]
    Refused(#[from] BooksRefusal),
    /// The bank is shutting down; nothing changed.
    #[error("the bank is shutting down")]
    Stopping,
}

/// Why a change to the books is not allowed. Codes are stable: append only, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BooksRefusal {
    /// No such account, or not this customer's.
    #[error("no such account")]
    NoSuchAccount,
    /// The account is closed.
    #[error("the account is closed")]
    AccountClosed,
    /// The account does not have the currency.
    #[error("the account has no such currency")]
    NoSuchCurrency,
    /// Not enough money.
    #[error("not enough money on the account")]
    NotEnough,
    /// The amount does not fit.
    #[error("the amount is too large")]
    TooLarge,
    /// No such payment.
    #[error("no such payment")]
    NoSuchPayment,
    /// Too many payments under way.
    #[error("too many payments are under way")]
    Full,
    /// No such standing order.
    #[error("no such standing order")]
    NoSuchStandingOrder,
    /// The customer has as many standing orders as one may have.
    #[error("a customer has at most {} standing orders in force or paused", standing::STANDING_ORDERS_MAX)]
    StandingOrdersFull,
    /// The first date of a standing order passed before it was confirmed.
    #[error("the first date is not ahead any more")]
    FirstDatePast,
}

impl BooksRefusal {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoSuchAccount => "BNK-1001",
            Self::AccountClosed => "BNK-1002",
            Self::NoSuchCurrency => "BNK-1003",
            Self::NotEnough => "BNK-1004",
            Self::TooLarge => "BNK-1005",
            Self::NoSuchPayment => "BNK-1006",
            Self::Full => "BNK-1007",
            Self::NoSuchStandingOrder => "BNK-1008",
            Self::StandingOrdersFull => "BNK-1009",
            Self::FirstDatePast => "BNK-1010",
        }
    }
}

/// Opens a book. redb answers some damage with a panic: a length or a page number that was changed is believed before its
/// page is held against its checksum. Nothing outlives such an attempt, so that it is an answer like any other.
fn without_panic(open: impl FnOnce() -> Result<Books, BooksError>) -> Result<Books, BooksError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(BooksError::Damaged(words.unwrap_or("it cannot be read").to_owned()))
    })
}

impl From<std::io::Error> for BooksError {
    fn from(error: std::io::Error) -> Self {
        Self::Storage(Box::new(redb::Error::Io(error)))
    }
}

macro_rules! storage_error {
    ($($kind:ident),*) => {
        $(impl From<redb::$kind> for BooksError {
            fn from(error: redb::$kind) -> Self {
                Self::Storage(Box::new(error.into()))
            }
        })*
    };
}
storage_error!(StorageError, TableError, TransactionError, CommitError, DatabaseError, SetDurabilityError);

/// Whether a change must survive a crash the moment it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Synced before the call returns.
    Durably,
    /// With the next durable change. For what is told again after a crash.
    Eventually,
}

impl Books {
    /// Opens the books, or starts new ones.
    ///
    /// Every page is read and held against its checksum: a book with a changed bit does not open. Takes time in proportion to
    /// the book.
    ///
    /// # Errors
    /// The disk, or the book is damaged or of another version.
    pub fn open(shelf: &impl Shelf) -> Result<Self, BooksError> {
        without_panic(|| Self::open_or_begin(shelf))
    }

    fn open_or_begin(shelf: &impl Shelf) -> Result<Self, BooksError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
        if !shelf.has(BOOK)? {
            if shelf.has(UNFINISHED)? {
                shelf.discard(UNFINISHED)?;
            }
            // A crash before the rename leaves an unfinished book, which the next start discards; none after it, a whole one.
            drop(Self::prepared(shelf.open(&mut builder, UNFINISHED)?)?);
            shelf.rename(UNFINISHED, BOOK)?;
        }
        Self::prepared(shelf.open(&mut builder, BOOK)?)
    }

    /// The same on another kind of storage, which has no names.
    ///
    /// # Errors
    /// As [`Books::open`].
    pub fn open_backend(backend: impl StorageBackend) -> Result<Self, BooksError> {
        without_panic(|| {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
            Self::prepared(builder.create_with_backend(backend)?)
        })
    }

    fn prepared(database: Database) -> Result<Self, BooksError> {
        let books = Self { database };
        let layout = books.change(Keep::Durably, |writer| {
            writer.create_tables()?;
            match writer.number(META, "layout")? {
                None => writer.set_number(META, "layout", LAYOUT).map(|()| LAYOUT),
                Some(layout) => Ok(layout),
            }
        })?;
        if layout == LAYOUT { Ok(books) } else { Err(BooksError::Layout(layout)) }
    }

    /// Position of the last inbox item booked.
    pub fn cursor(&self) -> Result<u64, BooksError> {
        Ok(self.read()?.number(META, "cursor")?.unwrap_or(0))
    }

    fn read(&self) -> Result<Reader<ReadTransaction>, BooksError> {
        Ok(Reader(self.database.begin_read()?))
    }

    /// One transaction: everything `change` did, or, if it fails, nothing.
    fn change<T>(&self, keep: Keep, change: impl FnOnce(&Writer) -> Result<T, BooksError>) -> Result<T, BooksError> {
        let mut transaction: WriteTransaction = self.database.begin_write()?;
        transaction.set_durability(match keep {
            Keep::Durably => Durability::Immediate,
            Keep::Eventually => Durability::None,
        })?;
        // A commit's pages are synced before it counts. With one sync for both, redb takes a book whose newest pages do not read
        // for one that a crash has torn, and goes back to the commit before: a changed bit would undo it without a word.
        transaction.set_two_phase_commit(true);
        let writer = Reader(transaction);
        let done = change(&writer)?;
        writer.0.commit()?;
        Ok(done)
    }
}
