//! Where a bank's book lies, and how a new one comes to lie there: made under another name, and given its own once it is whole.
//!
//! A new redb file has no mark of one before its second sync. Had it its name by then, a loss of power would leave a book that
//! is neither there nor empty, and the bank could never start.

use redb::{Builder, Database, DatabaseError};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// A place for one bank's book.
pub trait Shelf {
    /// Whether a file of the name is there.
    ///
    /// # Errors
    /// The disk says so.
    fn has(&self, name: &str) -> io::Result<bool>;

    /// Opens the book of the name, or begins it.
    ///
    /// # Errors
    /// The disk, or redb, says so.
    fn open(&self, builder: &mut Builder, name: &str) -> Result<Database, DatabaseError>;

    /// Removes a file.
    ///
    /// # Errors
    /// The disk says so.
    fn discard(&self, name: &str) -> io::Result<()>;

    /// Gives a file another name, durably.
    ///
    /// # Errors
    /// The disk says so; the file then has one of the two names.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
}

/// A folder of the operating system.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Shelf for Folder {
    fn has(&self, name: &str) -> io::Result<bool> {
        self.0.join(name).try_exists()
    }

    fn open(&self, builder: &mut Builder, name: &str) -> Result<Database, DatabaseError> {
        builder.create(self.0.join(name))
    }

    fn discard(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.0.join(from), self.0.join(to))?;
        File::open(&self.0)?.sync_all()
    }
}
