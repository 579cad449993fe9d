//! What the gateway asks of the past: a small trait, so that the door does not know its insides.

use crate::returns::facts_of;
use chain::Hash;
use clearing::{
    AccountView, Carries, Code, DayView, Facts, MatterView, ParticipantId, PaymentView, Position, Priced, Question, Rejection,
    Rulebook, SponsorshipView, Tariff, Time, Uetr, WaitingView, WhatIf,
};
use history::{
    AccountKey, AccountTotals, InboxItem, IndexError, Key, PaymentPage, PaymentQuery, ReadModel, StatementPage, StatementQuery,
};
use ordering::{KeptLetter, VaultPlace, VaultReader};
use signing::HashKey;
use std::io;
use std::sync::{Arc, OnceLock};

/// The read model behind the door. It knows a block before [`crate::Hub::durable`] is told of it.
pub trait Past: Send + Sync {
    /// What the chain has for a participant's inbox after a position, oldest first, at most `limit`.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxItem>, IndexError>;
    /// The newest payment with an identifier, as it stands.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn find(&self, key: Key) -> Result<Option<PaymentView>, IndexError>;
    /// The payment whose receipt has a number.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn payment_of_leaf(&self, leaf_index: u64) -> Result<Option<PaymentView>, IndexError>;
    /// A page of a participant's payments.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn payments_of(&self, query: &PaymentQuery) -> Result<PaymentPage, IndexError>;
    /// A page of a settlement account's statement.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now, or does not add up.
    fn statement(&self, query: &StatementQuery) -> Result<StatementPage, IndexError>;
    /// What came and went on a settlement account between two positions.
    ///
    /// # Errors
    /// As [`Self::statement`].
    fn totals(&self, account: AccountKey, after: Position, to: Position) -> Result<AccountTotals, IndexError>;
    /// The position behind which everything happened on an account at that time or later.
    ///
    /// # Errors
    /// As [`Self::statement`].
    fn position_before(&self, account: AccountKey, time: Time) -> Result<Position, IndexError>;
    /// Whether it cannot follow: no more payments should be taken in.
    fn is_behind(&self) -> bool;
    /// Version of the last rulebook entered, whether it holds yet or not; 0 before the first.
    fn rulebook_version(&self) -> u32;
    /// The rulebook that holds at a time, if there is one.
    fn rulebook(&self, now: Time) -> Option<Rulebook>;
    /// What would become of a payment, as far as the rulebook goes. `None` without a rulebook.
    fn what_if(&self, question: &Question) -> Option<Result<WhatIf, Rejection>>;
    /// Version of the last tariff entered, whether it holds yet or not; 0 before the first.
    fn tariff_version(&self) -> u32;
    /// The tariff for what is accepted at a time, if there is one.
    fn tariff(&self, accepted_at: Time) -> Option<Tariff>;
    /// What a payment accepted at the question's time would be charged in a corridor. `None`: nothing, by no line.
    fn price(&self, question: &Question, corridor: Option<Code>) -> Option<Priced>;
    /// A payment that waits for its time.
    fn waiting(&self, uetr: Uetr) -> Option<WaitingView>;
    /// A matter between two agents, while the centre keeps it.
    fn matter(&self, uetr: Uetr) -> Option<MatterView>;
    /// Matters of a participant, by UETR from `from` on.
    fn matters_of(&self, participant: ParticipantId, from: Uetr, limit: usize) -> Vec<MatterView>;
    /// The signed message that opened a matter.
    fn matter_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>>;
    /// The debtor agent's signed message of a payment that waits.
    fn waiting_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>>;
    /// The debtor agent's signed message, as given to the journal.
    fn message(&self, payment: &PaymentView) -> io::Result<Option<Vec<u8>>>;
    /// The signed message a letter carries, as given to the journal; `None` when it carries none.
    fn carried(&self, letter: &KeptLetter) -> io::Result<Option<Vec<u8>>>;
    /// A participant's own accounts.
    fn accounts(&self, participant: ParticipantId) -> Vec<AccountView>;
    /// Sponsorships that a participant has a part in, as the sponsor or as who is sponsored.
    fn sponsorships(&self, participant: ParticipantId) -> Vec<SponsorshipView>;
    /// The business days that are open, by currency.
    fn business_days(&self) -> Vec<DayView>;
    /// The tree of final payments as the last durable block left it.
    fn tip(&self) -> Tip;
    /// The audit path of a leaf in the tree of that size.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Result<Option<Vec<Hash>>, IndexError>;
    /// A payment as it stands.
    ///
    /// # Errors
    /// If what lies behind it cannot be read now.
    fn payment(&self, uetr: Uetr) -> Result<Option<PaymentView>, IndexError> {
        self.find(Key::Uetr(uetr))
    }
}

/// A past that is there later than who asks it: a validator's, which is rebuilt while its node starts.
#[derive(Default)]
pub struct LatePast(OnceLock<Arc<dyn Past>>);

impl LatePast {
    /// Gives it; a second one changes nothing.
    pub fn set(&self, past: Arc<dyn Past>) {
        let _ = self.0.set(past);
    }

    /// What a settled payment was, with what its message says of it; `None` while there is no past, or if it does not know.
    pub fn facts(&self, persons: &HashKey, uetr: Uetr) -> Option<Facts> {
        facts_of(&**self.0.get()?, persons, uetr).ok().flatten()
    }
}

/// The tree of final payments at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// Leaves.
    pub size: u64,
    /// RFC 6962 root.
    pub root: Hash,
    /// Block.
    pub height: u64,
    /// Time of the block.
    pub time: Time,
}

/// The past as this machine keeps it: the read model, and the vault for messages.
pub struct RecordedPast {
    model: Arc<ReadModel>,
    vault: VaultReader,
}

impl RecordedPast {
    /// The past behind a journal's read model and its vault.
    pub fn new(model: Arc<ReadModel>, vault: VaultReader) -> Self {
        Self { model, vault }
    }
}

impl Past for RecordedPast {
    fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxItem>, IndexError> {
        self.model.inbox(participant, after, limit)
    }

    fn find(&self, key: Key) -> Result<Option<PaymentView>, IndexError> {
        self.model.find(key)
    }

    fn payment_of_leaf(&self, leaf_index: u64) -> Result<Option<PaymentView>, IndexError> {
        self.model.payment_of_leaf(leaf_index)
    }

    fn payments_of(&self, query: &PaymentQuery) -> Result<PaymentPage, IndexError> {
        self.model.payments_of(query)
    }

    fn statement(&self, query: &StatementQuery) -> Result<StatementPage, IndexError> {
        self.model.statement(query)
    }

    fn totals(&self, account: AccountKey, after: Position, to: Position) -> Result<AccountTotals, IndexError> {
        self.model.totals(account, after, to)
    }

    fn position_before(&self, account: AccountKey, time: Time) -> Result<Position, IndexError> {
        self.model.position_before(account, time)
    }

    fn is_behind(&self) -> bool {
        self.model.is_behind()
    }

    fn rulebook_version(&self) -> u32 {
        self.model.rulebook_version()
    }

    fn rulebook(&self, now: Time) -> Option<Rulebook> {
        self.model.rulebook(now)
    }

    fn what_if(&self, question: &Question) -> Option<Result<WhatIf, Rejection>> {
        self.model.what_if(question)
    }

    fn tariff_version(&self) -> u32 {
        self.model.tariff_version()
    }

    fn tariff(&self, accepted_at: Time) -> Option<Tariff> {
        self.model.tariff(accepted_at)
    }

    fn price(&self, question: &Question, corridor: Option<Code>) -> Option<Priced> {
        self.model.price(question, corridor)
    }

    fn waiting(&self, uetr: Uetr) -> Option<WaitingView> {
        self.model.waiting(uetr)
    }

    fn matter(&self, uetr: Uetr) -> Option<MatterView> {
        self.model.matter(uetr)
    }

    fn matters_of(&self, participant: ParticipantId, from: Uetr, limit: usize) -> Vec<MatterView> {
        self.model.matters_of(participant, from, limit)
    }

    fn matter_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>> {
        self.model.matter_place(uetr).map(|place| self.vault.read(place)).transpose()
    }

    fn waiting_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>> {
        self.model.waiting_place(uetr).map(|place| self.vault.read(place)).transpose()
    }

    fn message(&self, payment: &PaymentView) -> io::Result<Option<Vec<u8>>> {
        let place = self.model.place(payment.index).map_err(io::Error::other)?;
        place.map(|place| self.vault.read(place)).transpose()
    }

    fn carried(&self, letter: &KeptLetter) -> io::Result<Option<Vec<u8>>> {
        let place = match letter.letter.carries {
            Carries::Nothing | Carries::Statement { .. } => None,
            Carries::Command(_) => Some(letter.place),
            // A letter carries the message of a command or of a payment in the end.
            Carries::Letter(number) => return self.carried(&self.model.letter(number).map_err(io::Error::other)?),
            Carries::Payment(payment) => self.model.place(payment).map_err(io::Error::other)?,
        };
        place.filter(|place: &VaultPlace| place.bytes > 0).map(|place| self.vault.read(place)).transpose()
    }

    fn accounts(&self, participant: ParticipantId) -> Vec<AccountView> {
        self.model.accounts().into_iter().filter(|account| account.participant == Some(participant)).collect()
    }

    fn sponsorships(&self, participant: ParticipantId) -> Vec<SponsorshipView> {
        let has_part = |view: &SponsorshipView| view.participant == participant || view.sponsor == participant;
        self.model.sponsorships().into_iter().filter(has_part).collect()
    }

    fn business_days(&self) -> Vec<DayView> {
        self.model.business_days()
    }

    fn tip(&self) -> Tip {
        let tip = self.model.tip();
        Tip { size: tip.size, root: tip.root, height: tip.height, time: tip.time }
    }

    fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        self.model.inclusion_proof(leaf_index, size)
    }
}
