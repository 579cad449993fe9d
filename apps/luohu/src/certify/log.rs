//! What went over the line between the bank under test and the gateway, in order, and what can be read out of it.
//!
//! # Limits
//! The last [`KEPT_MAX`] entries: a scenario has a few dozen.

use super::stream::Label;
use hyper::body::Bytes;
use iso20022::view::{CreditTransferView, StatusReportView, StatusRequestView, TransactionStatus};
use iso20022::{Limits, read_business_message};
use std::collections::VecDeque;
use uuid::Uuid;

/// Entries remembered; the oldest makes room.
pub const KEPT_MAX: usize = 4096;

/// Something that went over the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The bank asked for its inbox behind this cursor.
    Inbox {
        /// As the bank wrote it.
        after: u64,
    },
    /// The bank sent a message.
    Sent {
        /// The message.
        body: Bytes,
        /// What the gateway said to it; nothing yet, or never.
        status: Option<u16>,
    },
    /// An item reached the bank.
    Item(Label),
    /// An item reached the bank that the centre did not sign like this.
    Forged,
}

/// The line's memory.
#[derive(Debug, Default)]
pub struct Log {
    /// Number of the oldest entry kept.
    first: u64,
    kept: VecDeque<Passed>,
}

impl Log {
    /// Number of the next entry.
    pub fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Adds an entry; gives its number.
    pub fn push(&mut self, passed: Passed) -> u64 {
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
            self.first += 1;
        }
        self.kept.push_back(passed);
        self.next() - 1
    }

    /// What the gateway said to what was sent.
    pub fn answered(&mut self, number: u64, said: u16) {
        let at = number.checked_sub(self.first).and_then(|at| usize::try_from(at).ok());
        if let Some(Passed::Sent { status, .. }) = at.and_then(|at| self.kept.get_mut(at)) {
            *status = Some(said);
        }
    }

    /// The entries from this number on.
    pub fn since(&self, number: u64) -> Vec<Passed> {
        let skipped = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.kept.iter().skip(skipped).cloned().collect()
    }
}

/// A creditor agent's word on whether it will credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// It will.
    Yes,
    /// It will not.
    No,
}

/// What the bank said to being asked to credit a payment, each time it said it.
pub fn words(passed: &[Passed], uetr: Uuid) -> Vec<Word> {
    passed.iter().filter_map(|passed| word(passed, uetr)).collect()
}

fn word(passed: &Passed, uetr: Uuid) -> Option<Word> {
    let Passed::Sent { body, .. } = passed else { return None };
    let message = read_business_message(body, Limits::default()).ok()?;
    let report = StatusReportView::of(&message.document).ok()?;
    if report.uetr != *uetr.as_bytes() {
        return None;
    }
    match report.status {
        TransactionStatus::InProcess
        | TransactionStatus::CustomerAccepted
        | TransactionStatus::TechnicallyAccepted
        | TransactionStatus::AcceptedWithoutPosting => Some(Word::Yes),
        TransactionStatus::Rejected => Some(Word::No),
        // What comes behind the end, or says nothing.
        TransactionStatus::Received
        | TransactionStatus::Settled
        | TransactionStatus::Credited
        | TransactionStatus::Pending
        | TransactionStatus::Blocked => None,
    }
}

/// How often the bank sent the payment or asked how it stands.
pub fn mentions(passed: &[Passed], uetr: Uuid) -> usize {
    let mentions = |passed: &&Passed| {
        let Passed::Sent { body, .. } = passed else { return false };
        let Ok(message) = read_business_message(body, Limits::default()) else { return false };
        let document = &message.document;
        let payment = CreditTransferView::of(document).map(|view| view.uetr);
        let named = payment.or_else(|_| StatusRequestView::of(document).map(|view| view.uetr));
        named.is_ok_and(|named| named == *uetr.as_bytes())
    };
    passed.iter().filter(mentions).count()
}

/// Whether the bank took a forged item at its word: it answered before it asked for its inbox again.
pub fn believed(passed: &[Passed], uetr: Uuid) -> bool {
    let behind = passed.iter().skip_while(|passed| **passed != Passed::Forged).skip(1);
    let mut until_asked = behind.take_while(|passed| !matches!(passed, Passed::Inbox { .. }));
    until_asked.any(|passed| word(passed, uetr).is_some())
}

/// What the gateway would not take for the bank's own: HTTP statuses.
pub fn unsigned(passed: &[Passed]) -> Vec<u16> {
    let refused = |passed: &Passed| match passed {
        Passed::Sent { status: Some(status @ (401 | 403)), .. } => Some(*status),
        Passed::Sent { .. } | Passed::Inbox { .. } | Passed::Item(_) | Passed::Forged => None,
    };
    passed.iter().filter_map(refused).collect()
}

/// Where the bank opened its inbox first.
pub fn opened_after(passed: &[Passed]) -> Option<u64> {
    passed.iter().find_map(|passed| match passed {
        Passed::Inbox { after } => Some(*after),
        Passed::Sent { .. } | Passed::Item(_) | Passed::Forged => None,
    })
}

/// The place of the last item that has one.
pub fn last_cursor(passed: &[Passed]) -> u64 {
    let cursor = |passed: &Passed| match passed {
        Passed::Item(label) => label.cursor,
        Passed::Inbox { .. } | Passed::Sent { .. } | Passed::Forged => 0,
    };
    passed.iter().map(cursor).max().unwrap_or(0)
}

/// Whether an item of this message reached the bank.
pub fn has_item(passed: &[Passed], name: &str) -> bool {
    passed.iter().any(|passed| matches!(passed, Passed::Item(label) if label.name.starts_with(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::messages::{self, Payee};
    use money::Amount;

    const UETR: Uuid = Uuid::from_u128(0x0b6b_a28f_5e5c_4d1c_9d2e_3f6a_3a1f_9c01);

    fn sent(refused: Option<&str>, status: Option<u16>) -> Passed {
        let payee = Payee { bank: "HARBHKHHXXX", account: "1", name: "N" };
        let xml = messages::payment("KITXHKHHXXX", &payee, UETR, Amount::from_minor(100, crate::certify::HKD), None).unwrap();
        let message = read_business_message(xml.as_bytes(), Limits::default()).unwrap();
        let asked = CreditTransferView::of(&message.document).unwrap();
        let answer = messages::answer("HARBHKHHXXX", &asked, refused).unwrap();
        Passed::Sent { body: Bytes::from(answer), status }
    }

    #[test]
    fn a_bank_that_contradicts_itself_is_heard() {
        let passed = [sent(None, Some(200)), Passed::Inbox { after: 3 }, sent(None, None), sent(Some("AC06"), Some(409))];
        assert_eq!(words(&passed, UETR), [Word::Yes, Word::Yes, Word::No]);
        assert_eq!(words(&passed, Uuid::nil()), []);
    }

    #[test]
    fn a_forged_item_is_believed_by_who_answers_it_without_asking_again() {
        let (forged, again) = (Passed::Forged, Passed::Inbox { after: 3 });
        assert!(believed(&[again.clone(), forged.clone(), sent(None, None)], UETR));
        assert!(!believed(&[forged.clone(), again, sent(None, None)], UETR));
        assert!(!believed(&[sent(None, None), forged], UETR));
    }

    #[test]
    fn what_the_gateway_did_not_take_for_the_banks_own_is_counted() {
        assert_eq!(unsigned(&[sent(None, Some(200)), sent(None, Some(401)), sent(None, None)]), [401]);
    }

    #[test]
    fn a_place_in_the_inbox_is_compared_with_the_last_item() {
        let item = |cursor| Passed::Item(Label { cursor, name: "pacs.002.001.10".to_owned() });
        let passed = [Passed::Inbox { after: 5 }, item(6), item(9), item(0), Passed::Inbox { after: 9 }];
        assert_eq!((last_cursor(&passed), opened_after(&passed), opened_after(&passed[1..])), (9, Some(5), Some(9)));
        assert!(has_item(&passed, "pacs.002") && !has_item(&passed, "admi.004"));
    }

    #[test]
    fn the_oldest_makes_room_and_numbers_stay() {
        let mut log = Log::default();
        let first = log.push(sent(None, None));
        for after in 0..KEPT_MAX as u64 {
            log.push(Passed::Inbox { after });
        }
        log.answered(first, 200);
        let last = log.next() - 1;
        assert_eq!(log.since(last), [Passed::Inbox { after: KEPT_MAX as u64 - 1 }]);
        assert_eq!(log.since(0).len(), KEPT_MAX);
    }
}
