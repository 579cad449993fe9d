//! Payments on record: a window over all payments there ever were, by number.
//!
//! Numbers are never used again. New payments enter at the end, forgotten ones leave at the front, and memory goes with
//! them: rows lie in chunks of [`CHUNK`], a chunk without rows is used for the next new one or given back. Growing never
//! copies a row.

use crate::PaymentIndex;
use crate::payment::Payment;
use core::ops::{Index, IndexMut};
use std::collections::VecDeque;

/// Rows of a chunk: about 1.7 MB.
const CHUNK: usize = 1 << 13;

/// The window.
#[derive(Debug, Clone, Default)]
pub(crate) struct Payments {
    /// Number of the oldest payment on record, or of the next one if there is none.
    first: u64,
    /// Number of the first row of the first chunk, whether it is still on record or not.
    origin: u64,
    /// Full but for the last.
    chunks: VecDeque<Vec<Payment>>,
    /// An empty chunk for the next one.
    spare: Option<Vec<Payment>>,
    len: usize,
}

impl Payments {
    /// Most payments on record: their numbers must differ in the 31 bits that an index keeps of them.
    pub(crate) const MAX: usize = (1 << 31) - 1;

    /// An empty window behind `first` payments that have been forgotten.
    pub(crate) fn behind(first: u64) -> Self {
        Self { first, origin: first, ..Self::default() }
    }

    /// Payments on record.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many payments have been forgotten: the number of the oldest on record.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Number the next payment will have.
    pub(crate) fn next(&self) -> PaymentIndex {
        PaymentIndex(self.first + self.len as u64)
    }

    pub(crate) fn get(&self, index: PaymentIndex) -> Option<&Payment> {
        let (chunk, row) = self.place(index)?;
        self.chunks.get(chunk)?.get(row)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Payment> {
        self.chunks.iter().flatten().skip((self.first - self.origin) as usize)
    }

    /// Enters a payment at the end.
    pub(crate) fn push(&mut self, payment: Payment) -> PaymentIndex {
        let index = self.next();
        if self.chunks.back().is_none_or(|last| last.len() == CHUNK) {
            let chunk = self.spare.take().unwrap_or_else(|| Vec::with_capacity(CHUNK));
            self.chunks.push_back(chunk);
        }
        self.chunks.back_mut().expect("made above").push(payment);
        self.len += 1;
        index
    }

    /// Takes the oldest payment off the record.
    pub(crate) fn drop_front(&mut self) {
        assert!(self.len > 0, "only what is on record is forgotten");
        self.first += 1;
        self.len -= 1;
        if self.first - self.origin == CHUNK as u64 {
            self.origin = self.first;
            let mut chunk = self.chunks.pop_front().expect("its rows were counted");
            chunk.clear();
            self.spare = Some(chunk);
        }
    }

    /// Bits of a number that tell the payments on record apart.
    pub(crate) fn mark(index: PaymentIndex) -> u32 {
        (index.0 & Self::MAX as u64) as u32
    }

    /// The payment on record that has this mark.
    pub(crate) fn marked(&self, mark: u32) -> PaymentIndex {
        let ahead = mark.wrapping_sub(Self::mark(PaymentIndex(self.first))) & Self::MAX as u32;
        PaymentIndex(self.first + u64::from(ahead))
    }

    fn place(&self, index: PaymentIndex) -> Option<(usize, usize)> {
        if index.0 < self.first {
            return None;
        }
        let at = (index.0 - self.origin) as usize;
        Some((at / CHUNK, at % CHUNK))
    }
}

impl Index<PaymentIndex> for Payments {
    type Output = Payment;

    fn index(&self, index: PaymentIndex) -> &Payment {
        let at = (index.0 - self.origin) as usize;
        &self.chunks[at / CHUNK][at % CHUNK]
    }
}

impl IndexMut<PaymentIndex> for Payments {
    fn index_mut(&mut self, index: PaymentIndex) -> &mut Payment {
        let at = (index.0 - self.origin) as usize;
        &mut self.chunks[at / CHUNK][at % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::Status;
    use crate::{ContentHash, MessageIdHash, ParticipantId, Priority, RiskDecision, Time, Uetr};
    use ledger::{HoldId, LedgerId};
    use money::MinorUnits;

    fn payment(n: u64) -> Payment {
        Payment {
            uetr: Uetr(u128::from(n).to_le_bytes()),
            content: ContentHash([0; 32]),
            message_id: MessageIdHash([0; 16]),
            debtor_agent: ParticipantId(0),
            creditor_agent: ParticipantId(0),
            debit: MinorUnits(n),
            credit: MinorUnits(n),
            debit_ledger: LedgerId(0),
            credit_ledger: LedgerId(0),
            quote: None,
            priority: Priority::High,
            risk: RiskDecision::PASS,
            charged: crate::fees::Charged::default(),
            credited: None,
            posting: crate::Posting::Unreported,
            posting_position: None,
            posting_reason: None,
            is_sponsored: false,
            accepted_at: Time(0),
            received_at: Time(0),
            deadline: Time(0),
            forwarded: None,
            status: Status::Held(HoldId::from_parts(0, 0)),
        }
    }

    #[test]
    fn it_agrees_with_a_queue_that_has_numbers() {
        let begin = (1u64 << 31) - 5000; // the marks wrap on the way
        let mut window = Payments::behind(begin);
        let mut plain: VecDeque<u64> = VecDeque::new();
        let mut next = begin;
        for (enter, leave) in [(1, 1), (3, 2), (CHUNK, 0), (0, CHUNK), (2 * CHUNK + 7, CHUNK), (5, CHUNK + 13), (CHUNK, CHUNK)] {
            for _ in 0..enter {
                assert_eq!(window.push(payment(next)), PaymentIndex(next));
                plain.push_back(next);
                next += 1;
            }
            for _ in 0..leave {
                window.drop_front();
                plain.pop_front();
            }
            assert!(window.iter().map(|payment| payment.debit.0).eq(plain.iter().copied()));
            assert_eq!((window.len(), window.next()), (plain.len(), PaymentIndex(next)));
            assert_eq!(window.first(), plain.front().copied().unwrap_or(next));
            for at in [window.first(), window.first() + 1, next.saturating_sub(1), next, begin, window.first() - 1] {
                let there = plain.contains(&at);
                assert_eq!(window.get(PaymentIndex(at)).map(|payment| payment.debit.0), there.then_some(at));
                if there {
                    assert_eq!(window.marked(Payments::mark(PaymentIndex(at))), PaymentIndex(at));
                }
            }
        }
    }

    #[test]
    fn memory_is_used_again() {
        let mut window = Payments::default();
        for n in 0..20 * CHUNK as u64 {
            window.push(payment(n));
            if window.len() > CHUNK {
                window.drop_front();
            }
            assert!(window.chunks.len() <= 3 && window.chunks.capacity() <= 8);
        }
    }
}
