//! What the directory keeps of one account, told and taken out while nothing runs.
//!
//! # Crash notes
//! What is left is written into a file of its own, `directory.redb.new`, which takes the old one's name when it is whole: a crash
//! before that changes nothing, and the next time begins again. A crash behind it may leave the old file's bytes on the disk
//! without a name.

use crate::audit;
use crate::directory::FILE;
use crate::record::Record;
use crate::refusal::DirectoryError;
use crate::store::{Key, Store};
use crate::warnings::hex;
use clearing::Bic;
use signing::HashKey;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const CACHE_BYTES: usize = 64 << 20;
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// An alias registered for the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasHeld {
    /// What it is known by here: a keyed hash, as hexadecimal digits.
    pub alias: String,
    /// The name as it is shown, in Latin letters.
    pub name: String,
    /// In Han characters; empty if there is none.
    pub name_han: String,
    /// Whether the alias leads to this account unless another bank is asked for.
    pub is_default: bool,
    /// Who looked it up when, a line of JSON each, as far as the audit files go back.
    pub look_ups: Vec<String>,
}

/// The files of a directory nobody has open.
pub struct Kept {
    folder: PathBuf,
    store: Store,
    key: HashKey,
}

impl Kept {
    /// Opens them; `None` where there is no directory.
    ///
    /// # Errors
    /// The disk, or a file of another version or key.
    pub fn open(folder: &Path, key: HashKey) -> Result<Option<Self>, DirectoryError> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Ok(None);
        }
        let store = Store::open(&path, CACHE_BYTES, &key)?;
        Ok(Some(Self { folder: folder.to_owned(), store, key }))
    }

    /// Every alias that a bank registered for an account, in no order that means anything.
    ///
    /// # Errors
    /// The disk.
    pub fn of_account(&self, agent: Bic, account: &str) -> Result<Vec<AliasHeld>, DirectoryError> {
        let mut found: Vec<AliasHeld> =
            self.registered(agent, account)?.iter().map(|(key, record)| held(key, record, agent)).collect();
        let folder = self.folder.join("directory-audit");
        let look = |line: &str| {
            for alias in &mut found {
                if line.contains(&alias.alias) {
                    alias.look_ups.push(line.to_owned());
                }
            }
        };
        audit::each_line(&folder, look).map_err(|source| DirectoryError::Audit { path: folder.clone(), source })?;
        Ok(found)
    }

    /// Takes an account out: its registrations go, and their bytes with them. Returns how many aliases it was.
    ///
    /// # Errors
    /// The disk.
    pub fn take_out(self, agent: Bic, account: &str) -> Result<usize, DirectoryError> {
        let theirs = self.registered(agent, account)?;
        let (path, fresh) = (self.folder.join(FILE), self.folder.join(format!("{FILE}.new")));
        let storage = |source| DirectoryError::Storage { path: path.clone(), source: Box::new(source) };
        let change = self.store.change(|writing| {
            for (key, record) in &theirs {
                if let Some(place) = record.place_of(agent.bytes()) {
                    writing.take_out(key, &mut record.clone(), place)?;
                }
            }
            Ok(())
        });
        change.map_err(storage)?;
        let disk = |source: io::Error| storage(redb::Error::Io(source));
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(disk(error)),
            Ok(()) | Err(_) => {}
        }
        self.store.copy_to(&fresh, &self.key)?;
        drop(self.store);
        replace(&self.folder, &fresh, &path).map_err(disk)?;
        Ok(theirs.len())
    }

    fn registered(&self, agent: Bic, account: &str) -> Result<Vec<(Key, Record)>, DirectoryError> {
        let path = self.folder.join(FILE);
        let mut found = Vec::new();
        let each = self.store.each(|key, record| {
            if record.registrations.iter().any(|it| it.bic == agent.bytes() && it.account.eq_ignore_ascii_case(account)) {
                found.push((*key, record));
            }
            Ok(())
        });
        each.map_err(|source| DirectoryError::Storage { path, source: Box::new(source) })?;
        Ok(found)
    }
}

fn held(key: &Key, record: &Record, agent: Bic) -> AliasHeld {
    let place = record.place_of(agent.bytes());
    let (name, name_han) =
        place.map(|at| &record.registrations[at]).map(|it| (it.latin.clone(), it.han.clone())).unwrap_or_default();
    AliasHeld { alias: hex(key), name, name_han, is_default: record.default == place, look_ups: Vec::new() }
}

/// The new file takes the old one's name, and the old one's bytes are written over.
fn replace(folder: &Path, fresh: &Path, path: &Path) -> io::Result<()> {
    File::open(fresh)?.sync_all()?;
    let mut old = OpenOptions::new().write(true).open(path)?;
    std::fs::rename(fresh, path)?;
    File::open(folder)?.sync_all()?;
    let mut left = old.metadata()?.len();
    while left > 0 {
        let piece = left.min(ZEROS.len() as u64);
        old.write_all(&ZEROS[..piece as usize])?;
        left -= piece;
    }
    old.sync_data()
}
