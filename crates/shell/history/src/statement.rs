//! Statements: what happened on a settlement account between two positions, and how much in all.
//!
//! Positions are the chain's own, so that a statement has one content for ever, and every entry leads to its block. A long
//! statement comes page by page: each page is a statement of its own, which closes where the next one opens.

use crate::books::{AccountKey, Entry, Totals};
use crate::model::ReadModel;
use crate::port::IndexError;
use crate::tables::Tables;
use clearing::{Position, Time};

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementQuery {
    /// Of which account.
    pub account: AccountKey,
    /// Behind this position,
    pub after: Position,
    /// and up to that one; what has not happened yet is not waited for.
    pub to: Position,
    /// At most so many.
    pub limit: usize,
}

/// A statement, or the first page of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementPage {
    /// Its entries lie behind this position,
    pub after: Position,
    /// and up to that one.
    pub to: Position,
    /// The block of the last entry up to there, in this statement or before it; zero: there was none. It is the same whenever the
    /// statement is asked for.
    pub height: u64,
    /// When it is made: the time of the last entry where more follow, that of the newest block otherwise.
    pub at: Time,
    /// Posted before the first entry.
    pub opening: i128,
    /// Posted behind the last one.
    pub closing: i128,
    /// What came and went between.
    pub totals: Totals,
    /// In order.
    pub entries: Vec<Entry>,
    /// There are more behind [`Self::to`].
    pub is_cut: bool,
}

/// What came and went on an account between two positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountTotals {
    /// Behind this position,
    pub after: Position,
    /// and up to that one,
    pub to: Position,
    /// which is not behind the last event of this block.
    pub height: u64,
    /// Posted before.
    pub opening: i128,
    /// Posted behind.
    pub closing: i128,
    /// What came and went.
    pub totals: Totals,
}

/// What is in memory of an account, and how far the chain is.
struct Here {
    entries: Vec<Entry>,
    last: Position,
    height: u64,
    at: Time,
}

impl ReadModel {
    /// A statement, opened and closed with balances of the chain; one that does not add up is not given out (STM-01).
    ///
    /// # Errors
    /// If the index does not answer, or entries and balances of the chain do not agree.
    pub fn statement(&self, query: &StatementQuery) -> Result<StatementPage, IndexError> {
        let here = self.entries_here(query.account)?;
        let to = query.to.min(here.last).max(query.after);
        let last_before = self.entry_at(&here, query.account, query.after)?;
        let before = last_before.map_or(Totals::default(), |entry| entry.totals);
        let wanted = |entry: &Entry| entry.position > query.after && entry.position <= to;
        let first_here = here.entries.first().map_or(Position(u64::MAX), |entry| entry.position);
        let mut entries = Vec::new();
        if query.after < first_here {
            entries = self.index().entries(query.account, query.after, query.limit + 2)?;
            entries.retain(|entry| entry.position < first_here && wanted(entry));
        }
        entries.extend(here.entries.iter().filter(|entry| wanted(entry)).copied());
        let most = whole_positions(&entries, query.limit);
        let is_cut = entries.len() > most;
        entries.truncate(most);
        let end = entries.last().map_or(before, |entry| entry.totals);
        let to = entries.last().filter(|_| is_cut).map_or(to, |last| last.position);
        let at = entries.last().filter(|_| is_cut).map_or(here.at, |last| last.at);
        let height = entries.last().or(last_before.as_ref()).map_or(0, |last| last.height);
        let page = StatementPage {
            after: query.after,
            to,
            height,
            at,
            opening: before.balance(),
            closing: end.balance(),
            totals: end.since(&before),
            entries,
            is_cut,
        };
        check(&page, before)?;
        Ok(page)
    }

    /// What came and went between two positions, however many entries that are.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub fn totals(&self, account: AccountKey, after: Position, to: Position) -> Result<AccountTotals, IndexError> {
        let here = self.entries_here(account)?;
        let to = to.min(here.last).max(after);
        let (before, behind) = (self.totals_at(&here, account, after)?, self.totals_at(&here, account, to)?);
        Ok(AccountTotals {
            after,
            to,
            height: here.height,
            opening: before.balance(),
            closing: behind.balance(),
            totals: behind.since(&before),
        })
    }

    /// The position behind which everything happened on an account at that time or later.
    ///
    /// # Errors
    /// As [`Self::statement`].
    pub fn position_before(&self, account: AccountKey, time: Time) -> Result<Position, IndexError> {
        let here = self.entries_here(account)?;
        let first_here = here.entries.first().map_or(Position(here.last.0 + 1), |entry| entry.position);
        if let Some(entry) = here.entries.iter().rev().find(|entry| entry.at < time) {
            return Ok(entry.position);
        }
        // Entries of an account are in order of time.
        let (mut low, mut high) = (0, first_here.0);
        while low < high {
            let middle = low.midpoint(high);
            match self.index().entries(account, Position(middle), 1)?.first() {
                Some(entry) if entry.at < time => low = entry.position.0,
                Some(_) | None => high = middle,
            }
        }
        Ok(Position(low))
    }

    fn totals_at(&self, here: &Here, account: AccountKey, at: Position) -> Result<Totals, IndexError> {
        Ok(self.entry_at(here, account, at)?.map_or(Totals::default(), |entry| entry.totals))
    }

    /// The last entry up to a position.
    fn entry_at(&self, here: &Here, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError> {
        match here.entries.iter().rev().find(|entry| entry.position <= at) {
            Some(entry) => Ok(Some(*entry)),
            None => self.index().last_entry(account, at),
        }
    }

    /// Memory first: what leaves it meanwhile is in the index before it does.
    fn entries_here(&self, account: AccountKey) -> Result<Here, IndexError> {
        let tables = self.read();
        if let Some(why) = &tables.disagrees {
            return Err(IndexError::Damaged(why.clone()));
        }
        let Tables { entries, tip, last_position, .. } = &*tables;
        Ok(Here {
            entries: entries.get(&account).map(|entries| entries.iter().copied().collect()).unwrap_or_default(),
            last: *last_position,
            height: tip.height,
            at: tip.time,
        })
    }
}

/// How many of these make a page: two of one position are not parted, as the next page begins behind a position.
fn whole_positions(entries: &[Entry], limit: usize) -> usize {
    let (Some(last), Some(next)) = (limit.checked_sub(1).and_then(|at| entries.get(at)), entries.get(limit)) else {
        return limit;
    };
    match last.position == next.position {
        false => limit,
        // A page has an entry at least.
        true if limit == 1 => 2,
        true => limit - 1,
    }
}

/// Opening balance and entries give the closing balance, entry by entry.
fn check(page: &StatementPage, before: Totals) -> Result<(), IndexError> {
    let mut balance = before.balance();
    for entry in &page.entries {
        let amount = i128::from(entry.amount.0);
        balance += match entry.side {
            clearing::Side::Credit => amount,
            clearing::Side::Debit => -amount,
        };
        if balance != entry.balance() {
            let at = entry.position.0;
            return Err(IndexError::Damaged(format!("the entries up to position {at} do not lead to their balance")));
        }
    }
    if balance == page.closing { Ok(()) } else { Err(IndexError::Damaged("a statement does not add up".to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::EntryKind;
    use clearing::Side;
    use money::MinorUnits;

    #[test]
    fn no_page_parts_two_entries_of_one_position() {
        let entry = |position| Entry {
            position: Position(position),
            height: 1,
            at: Time(1),
            side: Side::Debit,
            kind: EntryKind::Payment,
            amount: MinorUnits(1),
            reference: [0; 16],
            on_behalf: None,
            totals: Totals::default(),
        };
        let entries = [1, 2, 2, 3].map(entry);
        // limit => entries of the page
        for (limit, most) in [(1, 1), (2, 1), (3, 3), (4, 4), (5, 5)] {
            assert_eq!(whole_positions(&entries, limit), most, "{limit}");
        }
        assert_eq!(whole_positions(&entries[1..], 1), 2, "a page has an entry at least");
        assert_eq!(whole_positions(&[], 1), 1);
    }
}
