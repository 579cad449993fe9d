//! The index as a port: everything that is read of the past and is not in memory any more.

use crate::books::{AccountKey, Entry};
use crate::inbox::InboxEntry;
use chain::Hash;
use clearing::{MessageIdHash, ParticipantId, PaymentIndex, PaymentView, Position, SettlementNote, Time, Uetr};
use core::ops::Range;
use ordering::{KeptLetter, VaultPlace};
use std::collections::BTreeMap;

/// Why the index did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// It cannot be read or written now.
    #[error("the index cannot be used: {0}")]
    Unavailable(String),
    /// What is in it cannot be. It is made again by `luohu history rebuild`, or by itself at a start that notices.
    #[error("the index is damaged: {0}")]
    Damaged(String),
}

/// How far an index is, and what it has counted until there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The last block that is in it as a whole.
    pub height: u64,
    /// The last event that is in it.
    pub position: u64,
    /// Payments that have arrived.
    pub payments: u64,
    /// Of them settled.
    pub settled: u64,
    /// Of them rejected.
    pub rejected: u64,
    /// Payments that the centre had forgotten and that are in it as they will always be.
    pub forgotten: u64,
    /// Final payments in the tree.
    pub leaves: u64,
    /// Letters.
    pub letters: u64,
}

impl Mark {
    /// Bytes of a mark.
    pub const BYTES: usize = 64;

    /// As eight numbers of eight bytes, little endian.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let Self { height, position, payments, settled, rejected, forgotten, leaves, letters } = *self;
        let mut bytes = [0; Self::BYTES];
        for (at, number) in [height, position, payments, settled, rejected, forgotten, leaves, letters].into_iter().enumerate() {
            bytes[at * 8..at * 8 + 8].copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let number = |at: usize| u64::from_le_bytes(bytes[at * 8..at * 8 + 8].try_into().expect("eight bytes"));
        let (height, position, payments, settled) = (number(0), number(1), number(2), number(3));
        let (rejected, forgotten, leaves, letters) = (number(4), number(5), number(6), number(7));
        Some(Self { height, position, payments, settled, rejected, forgotten, leaves, letters })
    }
}

/// A payment that has ended, and where its signed message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// As it stands.
    pub payment: PaymentView,
    /// Of no bytes when it came without a message.
    pub place: VaultPlace,
}

impl Row {
    /// Bytes of a row.
    pub const BYTES: usize = PaymentView::KEPT_BYTES + 12;

    /// Appends [`Self::BYTES`] bytes; `None`, and nothing appended, while the payment has no end.
    pub fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        self.payment.encode_kept(out)?;
        encode_place(self.place, out);
        Some(())
    }

    /// Whose payment it is: who sent it, and who was asked.
    pub(crate) fn parties(&self) -> impl Iterator<Item = ParticipantId> {
        let payment = &self.payment;
        let asked = payment.creditor_agent_knows() && payment.creditor_agent != payment.debtor_agent;
        [Some(payment.debtor_agent), asked.then_some(payment.creditor_agent)].into_iter().flatten()
    }

    /// Reads what [`Self::encode`] wrote for the payment of that number.
    ///
    /// # Errors
    /// If the bytes are anything else.
    pub fn decode(index: PaymentIndex, bytes: &[u8]) -> Result<Self, IndexError> {
        let damaged = || IndexError::Damaged(format!("the row of payment {}", index.0));
        let (payment, place) = bytes.split_at_checked(PaymentView::KEPT_BYTES).ok_or_else(damaged)?;
        let payment = PaymentView::decode_kept(index, payment).map_err(|_| damaged())?;
        Ok(Self { payment, place: decode_place(place).ok_or_else(damaged)? })
    }
}

/// Appends twelve bytes.
pub(crate) fn encode_place(place: VaultPlace, out: &mut Vec<u8>) {
    let VaultPlace { file, offset, bytes } = place;
    [file, offset, bytes].iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

/// Reads what [`encode_place`] wrote.
pub(crate) fn decode_place(bytes: &[u8]) -> Option<VaultPlace> {
    let bytes: &[u8; 12] = bytes.try_into().ok()?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    Some(VaultPlace { file: number(0), offset: number(4), bytes: number(8) })
}

/// What a payment is found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// Its UETR.
    Uetr(Uetr),
    /// The identification of its message, with its sender.
    Message(MessageIdHash),
}

/// A payment that came in: what it is found by from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Its number.
    pub payment: PaymentIndex,
    /// Its UETR.
    pub uetr: Uetr,
    /// The identification of its message.
    pub message_id: MessageIdHash,
    /// Sender.
    pub debtor_agent: ParticipantId,
    /// Receiver, if it was asked.
    pub creditor_agent: Option<ParticipantId>,
}

/// What is written in one transaction.
#[derive(Debug, Default)]
pub struct Batch {
    /// How far the index is behind it.
    pub mark: Mark,
    /// Payments that came in, in order, without gaps behind those before.
    pub arrivals: Vec<Arrival>,
    /// Payments that have ended or were credited since, as they stand.
    pub rows: BTreeMap<PaymentIndex, Row>,
    /// What the chain has for participants, in order of position.
    pub inbox: Vec<(ParticipantId, InboxEntry)>,
    /// The next letters, without gaps.
    pub letters: Vec<KeptLetter>,
    /// Entries of settlement accounts, in order of position.
    pub entries: Vec<(AccountKey, Entry)>,
    /// Settlement notes, in order.
    pub notes: Vec<SettlementNote>,
    /// The tree's leaf that `leaves` begins with.
    pub first_leaf: u64,
    /// The payments whose ends are the next leaves.
    pub leaves: Vec<PaymentIndex>,
    /// Tiles that changed, whole: 1 to 256 hashes, by level and number.
    pub tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

/// In which order payments are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The last that came in first.
    #[default]
    Newest,
    /// In order of arrival.
    Oldest,
}

/// Which payments of a participant are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Whose.
    pub who: ParticipantId,
    /// Of those numbers.
    pub numbers: Range<u64>,
    /// Only the rejected ones.
    pub rejected_only: bool,
    /// From which end.
    pub order: Order,
    /// At most so many.
    pub limit: usize,
}

/// Keeps what blocks did, in every order it is asked for.
///
/// One writes, many read; a reader sees whole batches only. What is asked for lies before the last mark.
pub trait Index: Send + Sync {
    /// How far it is.
    ///
    /// # Errors
    /// If it cannot be read.
    fn mark(&self) -> Result<Mark, IndexError>;

    /// Writes a batch, all or nothing. A `durable` one survives a loss of power with all before it; otherwise a crash may take
    /// the index back to the last durable one.
    ///
    /// # Errors
    /// If it was not written; it may be tried again.
    fn write(&self, batch: &Batch, durable: bool) -> Result<(), IndexError>;

    /// Empties it.
    ///
    /// # Errors
    /// If it cannot be written.
    fn clear(&self) -> Result<(), IndexError>;

    /// Payments that have ended, by number; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn rows(&self, payments: &[PaymentIndex]) -> Result<Vec<Option<Row>>, IndexError>;

    /// The newest payment with an identifier.
    ///
    /// # Errors
    /// If it cannot be read.
    fn find(&self, key: Key) -> Result<Option<PaymentIndex>, IndexError>;

    /// The payment whose end is a leaf of the tree: the number of its receipt.
    ///
    /// # Errors
    /// If it cannot be read.
    fn leaf(&self, leaf_index: u64) -> Result<Option<PaymentIndex>, IndexError>;

    /// Letters by number; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn letters(&self, numbers: &[u64]) -> Result<Vec<Option<KeptLetter>>, IndexError>;

    /// What the chain has for a participant behind a position, oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    fn inbox(&self, who: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxEntry>, IndexError>;

    /// Payments that a participant sent or was asked about.
    ///
    /// # Errors
    /// If it cannot be read.
    fn payments_of(&self, span: &Span) -> Result<Vec<PaymentIndex>, IndexError>;

    /// Entries of a settlement account behind a position, oldest first.
    ///
    /// # Errors
    /// If it cannot be read.
    fn entries(&self, account: AccountKey, after: Position, limit: usize) -> Result<Vec<Entry>, IndexError>;

    /// The last entry of a settlement account up to a position.
    ///
    /// # Errors
    /// If it cannot be read.
    fn last_entry(&self, account: AccountKey, at: Position) -> Result<Option<Entry>, IndexError>;

    /// The last entry of every settlement account that has one.
    ///
    /// # Errors
    /// If it cannot be read.
    fn books(&self) -> Result<Vec<(AccountKey, Entry)>, IndexError>;

    /// Settlement notes by number; `None` where there is none.
    ///
    /// # Errors
    /// If it cannot be read.
    fn notes(&self, numbers: &[u64]) -> Result<Vec<Option<SettlementNote>>, IndexError>;

    /// A tile of the tree.
    ///
    /// # Errors
    /// If it cannot be read.
    fn tile(&self, level: u8, number: u64) -> Result<Option<Vec<Hash>>, IndexError>;

    /// The first of payments `0..below`, all of which have ended, that was taken in at that time or later; `below` if none was.
    /// Payments are numbered in order of time.
    ///
    /// # Errors
    /// If it cannot be read.
    fn first_at(&self, time: Time, below: u64) -> Result<u64, IndexError> {
        let (mut low, mut high) = (0, below);
        while low < high {
            let middle = low.midpoint(high);
            let row = self.rows(&[PaymentIndex(middle)])?.pop().flatten();
            let row = row.ok_or_else(|| IndexError::Damaged(format!("payment {middle} is missing")))?;
            if row.payment.received_at < time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Looks at everything, and tells the first thing that cannot be.
    ///
    /// # Errors
    /// If it cannot be read.
    fn check(&self) -> Result<Option<String>, IndexError>;

    /// Bytes it takes on its disk.
    ///
    /// # Errors
    /// If it cannot be read.
    fn bytes(&self) -> Result<u64, IndexError>;
}
