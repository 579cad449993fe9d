//! Statements: the entries of one account between two positions, and the hash that proves that none was changed.
//!
//! Whoever has the lines can compute the hash again; two who have the same hash have the same statement. The hash is
//! SHA-256 over these bytes, numbers little endian, balances in 16 bytes of two's complement:
//!
//! ```text
//! "luohu statement 1\n"
//! BIC 11 · currency 3 · decimals 1 · after 8 · to 8 · height 8 · opening 16 · number of lines 4
//! for each line: position 8 · height 8 · side 1 (0 credit, 1 debit) · kind 1 · amount 8 · reference 16
//! closing 16
//! ```
//!
//! # Units and limits
//! Amounts are minor units. A statement covers the positions behind `after` up to `to`; a long span comes as several
//! statements, each of which closes where the next one opens.

use crate::{Hash, Hasher};

/// One entry on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLine {
    /// Position of the event that booked it.
    pub position: u64,
    /// Its block.
    pub height: u64,
    /// More on the account, or less.
    pub is_credit: bool,
    /// What it comes from: 0 a payment, 1 a funding; more are appended.
    pub kind: u8,
    /// How much.
    pub amount_minor: u64,
    /// UETR of a payment or transfer, or the settlement agent's reference.
    pub reference: [u8; 16],
}

/// The entries of an account between two positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account's owner.
    pub bic: [u8; 11],
    /// The ledger's currency.
    pub currency: [u8; 3],
    /// Its decimals.
    pub exponent: u8,
    /// The entries lie behind this position,
    pub after: u64,
    /// and not behind that one,
    pub to: u64,
    /// which lies in this block, or is the last one of it.
    pub height: u64,
    /// Balance before the first line.
    pub opening: i128,
    /// Balance behind the last line.
    pub closing: i128,
    /// In order of position.
    pub lines: Vec<StatementLine>,
}

/// Why a statement cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// A line lies outside the span, or before the one above it.
    #[error("line {0} is not where it can be")]
    Line(usize),
    /// The sum is another one.
    #[error("the lines lead from {opening} to {found}, the statement closes with {closing}")]
    Sum {
        /// What it opens with.
        opening: i128,
        /// Where its lines lead.
        found: i128,
        /// What it says.
        closing: i128,
    },
}

impl Statement {
    /// Checks that opening balance and lines give the closing balance, and that each line is in its place.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), StatementError> {
        let (mut last, mut balance) = (self.after, self.opening);
        for (at, line) in self.lines.iter().enumerate() {
            if line.position <= last || line.position > self.to || line.height > self.height {
                return Err(StatementError::Line(at + 1));
            }
            last = line.position;
            let amount = i128::from(line.amount_minor);
            balance = balance.saturating_add(if line.is_credit { amount } else { -amount });
        }
        if balance == self.closing {
            return Ok(());
        }
        Err(StatementError::Sum { opening: self.opening, found: balance, closing: self.closing })
    }

    /// The hash over all of it.
    pub fn proof(&self) -> Hash {
        let mut hasher = Hasher::new();
        hasher.update(b"luohu statement 1\n");
        hasher.update(&self.bic);
        hasher.update(&self.currency);
        hasher.update(&[self.exponent]);
        [self.after, self.to, self.height].iter().for_each(|number| hasher.update(&number.to_le_bytes()));
        hasher.update(&self.opening.to_le_bytes());
        hasher.update(&(self.lines.len() as u32).to_le_bytes());
        for line in &self.lines {
            hasher.update(&line.position.to_le_bytes());
            hasher.update(&line.height.to_le_bytes());
            hasher.update(&[u8::from(!line.is_credit), line.kind]);
            hasher.update(&line.amount_minor.to_le_bytes());
            hasher.update(&line.reference);
        }
        hasher.update(&self.closing.to_le_bytes());
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        let line = |position, is_credit, amount_minor| StatementLine {
            position,
            height: position / 10,
            is_credit,
            kind: 0,
            amount_minor,
            reference: [position as u8; 16],
        };
        Statement {
            bic: *b"HARBHKHHXXX",
            currency: *b"HKD",
            exponent: 2,
            after: 10,
            to: 30,
            height: 3,
            opening: -50,
            closing: 20,
            lines: vec![line(11, true, 100), line(25, false, 30)],
        }
    }

    #[test]
    fn the_hash_is_for_ever_and_covers_everything() {
        let good = statement();
        assert_eq!(good.proof().to_string(), "34c514ab14f91463269a9434b48531f10233e7e0743d6fa596d4c4d049ceb579");
        assert_eq!(good.check(), Ok(()));
        let changes: [fn(&mut Statement); 11] = [
            |it| it.bic[0] = b'X',
            |it| it.currency[0] = b'X',
            |it| it.exponent = 3,
            |it| it.after = 9,
            |it| it.to = 31,
            |it| it.height = 4,
            |it| it.opening = -51,
            |it| it.closing = 21,
            |it| it.lines[0].reference[15] = 0,
            |it| it.lines[1].kind = 1,
            |it| it.lines.truncate(1),
        ];
        for (at, change) in changes.iter().enumerate() {
            let mut changed = statement();
            change(&mut changed);
            assert_ne!(changed.proof(), good.proof(), "change {at}");
        }
    }

    #[test]
    fn what_does_not_add_up_is_told() {
        let wrong = Statement { closing: 21, ..statement() };
        assert_eq!(wrong.check(), Err(StatementError::Sum { opening: -50, found: 20, closing: 21 }));
        let mut swapped = statement();
        swapped.lines.swap(0, 1);
        assert_eq!(swapped.check(), Err(StatementError::Line(2)));
        let early = Statement { to: 24, ..statement() };
        assert_eq!(early.check(), Err(StatementError::Line(2)));
    }
}
