//! The mark in the folder of voting journals: shows whether they are those of this key, and not an older copy.
//!
//! ```text
//! luohu voting journals 2
//! starts 12
//! key 6b1f… since 0
//! ```
//! `since` is zero for a key that never voted before the mark was made, else the time at which its journals were found
//! missing. The number of starts stands a second time outside the folder: a folder restored from an older copy has fewer.

use crate::oath::Oath;
use chain::{Hash, key_of_hex};
use clearing::Time;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FIRST_LINE: &str = "luohu voting journals 2";
/// As written by versions that knew votes in files of their own only: they must not find the folder good, once their votes
/// are in the log.
const FIRST_LINE_BEFORE_LOG: &str = "luohu voting journals";
const FILE: &str = "voting";

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mark {
    starts: u64,
    /// Nanoseconds since 1970, or zero, by public key.
    since: BTreeMap<[u8; 32], u64>,
}

impl Mark {
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if ![FIRST_LINE, FIRST_LINE_BEFORE_LOG].contains(&lines.next()?) {
            return None;
        }
        let starts = lines.next()?.strip_prefix("starts ")?.parse().ok()?;
        let key = |line: &str| {
            let (key, since) = line.strip_prefix("key ")?.split_once(" since ")?;
            Some((key_of_hex(key)?, since.parse().ok()?))
        };
        Some(Self { starts, since: lines.map(key).collect::<Option<_>>()? })
    }

    fn text(&self) -> String {
        let keys: String = self.since.iter().map(|(key, since)| format!("key {} since {since}\n", Hash(*key))).collect();
        format!("{FIRST_LINE}\nstarts {}\n{keys}", self.starts)
    }
}

/// Where the mark lies and where the number of starts lies a second time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkFiles {
    /// The folder of the engine's files.
    pub engine: PathBuf,
    /// A file outside of it.
    pub starts: PathBuf,
}

impl MarkFiles {
    /// Says that this key never voted, or that its votes of the running epoch cannot matter any more.
    ///
    /// # Errors
    /// If the mark cannot be read or written.
    pub fn swear(&self, key: [u8; 32]) -> io::Result<()> {
        let mut mark = self.mark()?.unwrap_or_default();
        mark.since.insert(key, 0);
        mark.starts = mark.starts.max(self.starts()?);
        write_whole(&self.engine.join(FILE), &mark.text())
    }

    /// At a start: what this key may vote in. `now` is our clock.
    ///
    /// Crash note: the mark is written before the number outside, so a crash between leaves a mark that is newer, which is
    /// no loss.
    ///
    /// # Errors
    /// If the mark cannot be read or written.
    pub fn open(&self, key: [u8; 32], now: Time) -> io::Result<Oath> {
        let outside = self.starts()?;
        let mut mark = self.mark()?.filter(|mark| mark.starts >= outside).unwrap_or_default();
        let since = *mark.since.entry(key).or_insert(now.0);
        mark.starts = mark.starts.max(outside) + 1;
        write_whole(&self.engine.join(FILE), &mark.text())?;
        write_whole(&self.starts, &format!("{}\n", mark.starts))?;
        Ok(if since == 0 { Oath::Whole } else { Oath::LostBefore(Time(since)) })
    }

    fn mark(&self) -> io::Result<Option<Mark>> {
        let path = self.engine.join(FILE);
        let Some(text) = read_if_there(&path)? else { return Ok(None) };
        Mark::read(&text).map(Some).ok_or_else(|| damaged(&path))
    }

    fn starts(&self) -> io::Result<u64> {
        let Some(text) = read_if_there(&self.starts)? else { return Ok(0) };
        text.trim().parse().map_err(|_| damaged(&self.starts))
    }
}

fn damaged(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{} is damaged", path.display()))
}

fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a file whole or not at all, durable when this returns.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn files(name: &str) -> MarkFiles {
        let folder = std::env::temp_dir().join(format!("luohu-mark-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        MarkFiles { engine: folder.join("engine"), starts: folder.join("starts") }
    }

    #[test]
    fn a_sworn_key_votes_through_restarts() {
        let files = files("sworn");
        files.swear(KEY).unwrap();
        for now in 1..4 {
            assert_eq!(files.open(KEY, Time(now)).unwrap(), Oath::Whole);
        }
    }

    #[test]
    fn a_lost_folder_is_noticed_and_stays_noticed() {
        let files = files("lost");
        files.swear(KEY).unwrap();
        files.open(KEY, Time(1)).unwrap();
        std::fs::remove_dir_all(&files.engine).unwrap();
        for now in [5, 6] {
            assert_eq!(files.open(KEY, Time(now)).unwrap(), Oath::LostBefore(Time(5)));
        }
    }

    #[test]
    fn an_older_copy_is_noticed() {
        let files = files("older");
        files.swear(KEY).unwrap();
        files.open(KEY, Time(1)).unwrap();
        let copy = std::fs::read_to_string(files.engine.join(FILE)).unwrap();
        files.open(KEY, Time(2)).unwrap();
        std::fs::write(files.engine.join(FILE), copy).unwrap();
        assert_eq!(files.open(KEY, Time(3)).unwrap(), Oath::LostBefore(Time(3)));
    }

    #[test]
    fn another_key_was_never_seen_here() {
        let files = files("other");
        files.swear(KEY).unwrap();
        assert_eq!(files.open([8; 32], Time(3)).unwrap(), Oath::LostBefore(Time(3)));
        assert_eq!(files.open(KEY, Time(4)).unwrap(), Oath::Whole);
    }

    #[test]
    fn a_folder_from_before_the_log_votes_on_and_shows_that_there_is_one() {
        let files = files("before");
        files.swear(KEY).unwrap();
        let path = files.engine.join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace(FIRST_LINE, FIRST_LINE_BEFORE_LOG)).unwrap();
        assert_eq!(files.open(KEY, Time(3)).unwrap(), Oath::Whole);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("luohu voting journals 2\n"));
    }

    #[test]
    fn a_damaged_mark_is_said_and_not_replaced() {
        let files = files("damaged");
        files.swear(KEY).unwrap();
        std::fs::write(files.engine.join(FILE), "luohu voting journals\nstarts many\n").unwrap();
        assert_eq!(files.open(KEY, Time(3)).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
