//! The tables, and how an older database becomes this version's.

use crate::port::{IndexError, Mark};
use postgres::Client;

/// Held by the process that writes, as long as its connection lives.
pub(super) const LOCK: &str = "SELECT pg_try_advisory_lock(5501327846920349)";

/// Each brings the tables from the version of its place to the next. Append only.
const MIGRATIONS: [&str; 2] = [include_str!("migration_1.sql"), include_str!("migration_2.sql")];

/// Tables that are emptied to begin anew.
const TABLES: &str = "luohu.payments, luohu.keys, luohu.lists, luohu.rejected, luohu.inboxes, luohu.letters, luohu.entries, luohu.notes, luohu.tiles, luohu.leaves";

/// Makes or migrates the tables, each version in one transaction.
pub(super) fn migrate(client: &mut Client) -> Result<(), IndexError> {
    client.batch_execute(
        "CREATE SCHEMA IF NOT EXISTS luohu;
         CREATE TABLE IF NOT EXISTS luohu.meta (
             one boolean PRIMARY KEY DEFAULT true CHECK (one),
             version integer NOT NULL,
             mark bytea NOT NULL
         )",
    )?;
    let empty = Mark::default().encode();
    client.execute("INSERT INTO luohu.meta (version, mark) VALUES (0, $1) ON CONFLICT DO NOTHING", &[&empty.as_slice()])?;
    let version: i32 = client.query_one("SELECT version FROM luohu.meta", &[])?.get(0);
    let known = usize::try_from(version).ok().filter(|version| *version <= MIGRATIONS.len());
    let known = known.ok_or_else(|| IndexError::Unavailable(format!("its tables are of version {version}, which is newer")))?;
    for (at, migration) in MIGRATIONS.iter().enumerate().skip(known) {
        let mut transaction = client.transaction()?;
        transaction.batch_execute(migration)?;
        transaction.execute("UPDATE luohu.meta SET version = $1", &[&(at as i32 + 1)])?;
        transaction.commit()?;
    }
    Ok(())
}

/// Empties the tables.
pub(super) fn clear(client: &mut Client) -> Result<(), IndexError> {
    let mut transaction = client.transaction()?;
    transaction.batch_execute(&format!("TRUNCATE {TABLES}"))?;
    transaction.execute("UPDATE luohu.meta SET mark = $1", &[&Mark::default().encode().as_slice()])?;
    Ok(transaction.commit()?)
}
