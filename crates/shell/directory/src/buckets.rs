//! Rates of look-ups: a bucket a participant and a payer, from which a miss takes more than a hit.
//!
//! A look-up is paid for as a hit before it is made and, when it finds nobody, the rest is charged afterwards: a bucket can so
//! fall into debt, and who counts through numbers waits for longer and longer.
//!
//! # Limits
//! [`PAYERS_MAX`] payers are remembered in each of two generations; one that was not seen for so long begins with a full bucket.

use crate::settings::Rate;
use std::collections::HashMap;

/// Payers of a generation: 40 bytes each.
const PAYERS_MAX: usize = 200_000;
const HOUR_NS: u64 = 3_600_000_000_000;

/// The time at which a bucket will be full again, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket(u64);

impl Bucket {
    /// Takes one, or says in how many nanoseconds one will be there.
    fn take(&mut self, rate: Rate, now_ns: u64) -> Result<(), u64> {
        let full_at = self.0.max(now_ns) + one_ns(rate);
        let wait = full_at.saturating_sub(now_ns + one_ns(rate).saturating_mul(u64::from(rate.burst.max(1))));
        if wait > 0 {
            return Err(wait);
        }
        self.0 = full_at;
        Ok(())
    }

    /// Takes more, whatever is left.
    fn charge(&mut self, rate: Rate, count: u32, now_ns: u64) {
        self.0 = self.0.max(now_ns).saturating_add(one_ns(rate).saturating_mul(u64::from(count)));
    }
}

const fn one_ns(rate: Rate) -> u64 {
    HOUR_NS / if rate.per_hour == 0 { 1 } else { rate.per_hour as u64 }
}

/// Which bucket is empty, and in how many nanoseconds it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Empty {
    Participant(u64),
    Payer(u64),
}

/// All buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    /// As many as there are participants.
    participants: HashMap<[u8; 11], Bucket>,
    payers: HashMap<[u8; 16], Bucket>,
    payers_before: HashMap<[u8; 16], Bucket>,
}

impl Buckets {
    /// Pays for one look-up. Neither bucket loses anything when the other is empty.
    pub(crate) fn take(
        &mut self,
        (participant, of_participant): ([u8; 11], Rate),
        (payer, of_payer): ([u8; 16], Rate),
        now_ns: u64,
    ) -> Result<(), Empty> {
        let mut whole = self.participants.get(&participant).copied().unwrap_or_default();
        whole.take(of_participant, now_ns).map_err(Empty::Participant)?;
        self.payer(payer).take(of_payer, now_ns).map_err(Empty::Payer)?;
        self.participants.insert(participant, whole);
        Ok(())
    }

    /// Charges a miss.
    pub(crate) fn charge(
        &mut self,
        (participant, of_participant): ([u8; 11], Rate),
        (payer, of_payer): ([u8; 16], Rate),
        count: u32,
        now_ns: u64,
    ) {
        self.participants.entry(participant).or_default().charge(of_participant, count, now_ns);
        self.payer(payer).charge(of_payer, count, now_ns);
    }

    fn payer(&mut self, payer: [u8; 16]) -> &mut Bucket {
        if self.payers.len() >= PAYERS_MAX && !self.payers.contains_key(&payer) {
            self.payers_before = core::mem::take(&mut self.payers);
        }
        let before = &self.payers_before;
        self.payers.entry(payer).or_insert_with(|| before.get(&payer).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANK: Rate = Rate { per_hour: 3600, burst: 100 };
    const PAYER: Rate = Rate { per_hour: 60, burst: 3 };
    const MINUTE: u64 = 60_000_000_000;

    fn take(buckets: &mut Buckets, payer: u8, now_ns: u64) -> Result<(), Empty> {
        buckets.take(([1; 11], BANK), ([payer; 16], PAYER), now_ns)
    }

    #[test]
    fn a_payer_has_a_burst_and_then_its_rate() {
        let mut buckets = Buckets::default();
        for _ in 0..3 {
            assert_eq!(take(&mut buckets, 1, MINUTE), Ok(()));
        }
        assert_eq!(take(&mut buckets, 1, MINUTE), Err(Empty::Payer(MINUTE)));
        assert_eq!(take(&mut buckets, 2, MINUTE), Ok(()));
        assert_eq!(take(&mut buckets, 1, 2 * MINUTE), Ok(()));
    }

    #[test]
    fn a_miss_leads_into_debt() {
        let mut buckets = Buckets::default();
        assert_eq!(take(&mut buckets, 1, MINUTE), Ok(()));
        buckets.charge(([1; 11], BANK), ([1; 16], PAYER), 9, MINUTE);
        assert_eq!(take(&mut buckets, 1, MINUTE), Err(Empty::Payer(8 * MINUTE)));
        assert_eq!(take(&mut buckets, 1, 9 * MINUTE), Ok(()));
    }

    #[test]
    fn a_bank_is_stopped_for_all_its_payers() {
        let mut buckets = Buckets::default();
        buckets.charge(([1; 11], BANK), ([1; 16], PAYER), 200, MINUTE);
        assert_eq!(take(&mut buckets, 2, MINUTE), Err(Empty::Participant(101_000_000_000)));
        assert_eq!(buckets.take(([2; 11], BANK), ([2; 16], PAYER), MINUTE), Ok(()));
    }

    #[test]
    fn payers_are_forgotten_in_two_steps() {
        let mut buckets = Buckets::default();
        for number in 0..=2 * PAYERS_MAX as u64 {
            let mut payer = [0; 16];
            payer[..8].copy_from_slice(&number.to_le_bytes());
            buckets.payer(payer).charge(PAYER, 1, MINUTE);
        }
        assert!(buckets.payers.len() <= PAYERS_MAX && buckets.payers_before.len() <= PAYERS_MAX);
    }
}
