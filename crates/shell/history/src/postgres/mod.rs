//! The index in a PostgreSQL database, for operators who outgrow one machine or ask the past with their own tools.
//!
//! The same port, the same batches: one transaction each, with the mark of how far it is, filled by COPY. What people ask for
//! stands in columns; the row beside them is the whole of it. One process writes: it holds an advisory lock.
//!
//! # Crash notes
//! A batch that is not durable is committed without waiting for the server's disk: a crash of the server may take it and all
//! behind the last durable one, never a part of one. The start catches up from the chain. A connection that breaks is made
//! again for the next call; whoever had it is told that the index does not answer, and asks again.

mod read;
mod schema;
mod tls;
mod write;

use crate::books::{AccountKey, Entry};
use crate::inbox::InboxEntry;
use crate::port::{Batch, Index, IndexError, Key, Mark, Row, Span};
use chain::Hash;
use clearing::{ParticipantId, PaymentIndex, Position, SettlementNote};
use ordering::KeptLetter;
use postgres::{Client, Config};
use std::str::FromStr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tls::Authority;

/// Connections that read at a time.
const READERS_MAX: usize = 8;
/// A reader waits so long for one of them.
const PATIENCE: Duration = Duration::from_secs(5);
/// The server may need so long to notice that the process that wrote before is gone.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);
/// A server that does not answer for so long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// See the module.
pub struct PostgresIndex {
    settings: Config,
    authority: Authority,
    /// The connection that holds the lock; `None` when it broke.
    writer: Mutex<Option<Client>>,
    readers: Mutex<Readers>,
    returned: Condvar,
}

#[derive(Default)]
struct Readers {
    idle: Vec<Client>,
    busy: usize,
}

impl PostgresIndex {
    /// Connects, takes the lock, and makes or migrates the tables.
    ///
    /// `url` is `postgresql://user@host/database` with parameters as libpq knows them. A server that is not on this machine is
    /// spoken to over TLS only; `sslrootcert=FILE` names the authority that must have signed its certificate.
    ///
    /// # Errors
    /// If the server is not there, another process writes, or the tables are of a newer version.
    pub fn open(url: &str) -> Result<Self, IndexError> {
        let index = Self::at(url)?;
        index.writing(|_| Ok(()))?;
        Ok(index)
    }

    /// The same to read from: the database stays as it is, and may be another process's to write.
    ///
    /// # Errors
    /// If there is no index, or it cannot be read.
    pub fn open_as_it_is(url: &str) -> Result<Self, IndexError> {
        let index = Self::at(url)?;
        index.mark()?;
        Ok(index)
    }

    fn at(url: &str) -> Result<Self, IndexError> {
        let (url, authority) = Authority::split_off(url)?;
        let mut settings = Config::from_str(&url).map_err(|error| IndexError::Unavailable(format!("its address: {error}")))?;
        settings.connect_timeout(CONNECT_TIMEOUT).application_name("luohu");
        authority.check(&settings)?;
        let (readers, returned) = (Mutex::default(), Condvar::new());
        Ok(Self { settings, authority, writer: Mutex::new(None), readers, returned })
    }

    /// Works with the connection that writes, and makes it anew if it broke.
    fn writing<T: Send>(&self, work: impl FnOnce(&mut Client) -> Result<T, IndexError> + Send) -> Result<T, IndexError> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: &mut Option<Client> = &mut writer;
        apart(|| {
            let mut client = match kept.take().filter(|client| !client.is_closed()) {
                Some(client) => client,
                None => self.begin_to_write()?,
            };
            let done = work(&mut client);
            *kept = Some(client);
            done
        })
    }

    fn begin_to_write(&self) -> Result<Client, IndexError> {
        let mut client = self.authority.connect(&self.settings)?;
        let until = Instant::now() + LOCK_PATIENCE;
        while !client.query_one(schema::LOCK, &[])?.get::<_, bool>(0) {
            if Instant::now() >= until {
                return Err(IndexError::Unavailable("another process writes into it".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        schema::migrate(&mut client)?;
        Ok(client)
    }

    fn reading<T: Send>(&self, work: impl FnOnce(&mut Client) -> Result<T, IndexError> + Send) -> Result<T, IndexError> {
        let idle = self.take_reader()?;
        let (done, client) = apart(|| {
            let connected = match idle.filter(|client| !client.is_closed()) {
                Some(client) => Ok(client),
                None => self.authority.connect(&self.settings),
            };
            match connected {
                Ok(mut client) => (work(&mut client), Some(client)),
                Err(error) => (Err(error), None),
            }
        });
        let mut readers = self.readers();
        readers.busy -= 1;
        readers.idle.extend(client);
        drop(readers);
        self.returned.notify_one();
        done
    }

    /// A place among the readers, with a connection if one is idle.
    fn take_reader(&self) -> Result<Option<Client>, IndexError> {
        let is_full = |readers: &mut Readers| readers.busy >= READERS_MAX;
        let waited = self.returned.wait_timeout_while(self.readers(), PATIENCE, is_full);
        let (mut readers, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(IndexError::Unavailable("all its connections are busy".to_owned()));
        }
        readers.busy += 1;
        Ok(readers.idle.pop())
    }

    fn readers(&self) -> MutexGuard<'_, Readers> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection says goodbye, and that is work for a thread of its own as well.
impl Drop for PostgresIndex {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let idle = core::mem::take(&mut self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).idle);
        apart(move || drop((writer, idle)));
    }
}

/// Works on a thread of its own: the client drives its connection by itself, which a thread of an asynchronous runtime must not.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

impl Index for PostgresIndex {
    fn mark(&self) -> Result<Mark, IndexError> {
        self.reading(read::mark)
    }

    fn write(&self, batch: &Batch, durable: bool) -> Result<(), IndexError> {
        self.writing(|client| write::batch(client, batch, durable))
    }

    fn clear(&self) -> Result<(), IndexError> {
        self.writing(schema::clear)
    }

    fn rows(&self, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError> {
        self.reading(|client| read::rows(client, payments))
    }

    fn find(&self, key: Key) -> Result<Option<PaymentIndex>, IndexError> {
        self.reading(|client| read::find(client, key))
    }

    fn leaf(&self, leaf_index: u64) -> Result<Option<PaymentIndex>, IndexError> {
        self.reading(|client| read::leaf(client, leaf_index))
    }

    fn letters(&self, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError> {
        self.reading(|client| read::letters(client, numbers))
    }

    fn inbox(&self, who: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxEntry>, IndexError> {
        self.reading(|client| read::inbox(client, who, after, limit))
    }

    fn payments_of(&self, span: &Span) -> Result<Vec<PaymentIndex>, IndexError> {
        self.reading(|client| read::payments_of(client, span))
    }

    fn entries(&self, account: AccountKey, after: Position, limit: usize) -> Result<Vec<Entry>, IndexError> {
        self.reading(|client| read::entries(client, account, after, limit))
    }

    fn last_entry(&self, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
        self.reading(|client| read::last_entry(client, account, at))
    }

    fn books(&self) -> Result<Vec<(AccountKey, Entry)>, IndexError> {
        self.reading(read::books)
    }

    fn notes(&self, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError> {
        self.reading(|client| read::notes(client, numbers))
    }

    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        self.reading(|client| read::tile(client, level, number))
    }

    fn check(&self) -> Result<Option<String>, IndexError> {
        self.reading(read::check)
    }

    fn bytes(&self) -> Result<u64, IndexError> {
        self.reading(read::bytes)
    }
}

impl From<postgres::Error> for IndexError {
    fn from(error: postgres::Error) -> Self {
        // The server's own words are behind the first ones.
        let detail = error.as_db_error().map(|detail| format!(": {}", detail.message())).unwrap_or_default();
        Self::Unavailable(format!("{error}{detail}"))
    }
}

/// Numbers of the index are below 2^63: the database has no larger ones.
fn number(number: u64) -> Result<i64, IndexError> {
    i64::try_from(number).map_err(|_| IndexError::Unavailable(format!("{number} is too large for the database")))
}

/// A position to look up to or from: nothing lies beyond what the database can count.
fn bound(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> Result<u64, IndexError> {
    u64::try_from(number).map_err(|_| IndexError::Damaged(format!("{number} stands where a count should")))
}
