//! Participants: joining, prefunding, being stopped.

use crate::codec::{put_u32, put_u64};
use crate::keys::registered;
use crate::settlement::Noted;
use crate::{
    AccountPurpose, Bic, Clearing, EventKind, Fund, FundDirection, NoteKind, Outcome, ParticipantId, ParticipantKey,
    ParticipantStatus, Presence, Refusal, RegisterParticipant,
};
use ledger::{AccountId, Floor, LedgerError, LedgerId, Leg};
use money::{Amount, CurrencyCode, MinorUnits};
use planted::{Bug, planted};

/// A participant at the centre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Participant {
    pub(crate) bic: Bic,
    pub(crate) name: String,
    /// At least one, by number.
    pub(crate) keys: Vec<ParticipantKey>,
    pub(crate) status: ParticipantStatus,
    pub(crate) provides_exchange: bool,
    /// Whether there is something to say of its presence; kept in `standing`.
    pub(crate) watched: bool,
    /// Whether it is sponsored in some currency; how is in `sponsorship`.
    pub(crate) is_sponsored: bool,
    /// Indexed by ledger; `None` where it does not settle.
    pub(crate) accounts: Vec<Option<AccountSet>>,
}

/// A participant's accounts on one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountSet {
    pub(crate) settlement: AccountId,
    /// What payments of normal priority must leave; of the terms in `liquidity`.
    pub(crate) reserved: MinorUnits,
    pub(crate) exchange: Option<ExchangeAccounts>,
}

/// An exchange provider's further accounts on one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExchangeAccounts {
    pub(crate) pool: AccountId,
    pub(crate) spread: AccountId,
}

/// A participant as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantView {
    /// Its index.
    pub id: ParticipantId,
    /// Its BIC.
    pub bic: Bic,
    /// Its display name.
    pub name: String,
    /// Its signing keys, by number; [`ParticipantView::key_at`] tells which hold.
    pub keys: Vec<ParticipantKey>,
    /// What it may do.
    pub status: ParticipantStatus,
    /// Whether it may publish rates.
    pub provides_exchange: bool,
    /// Currencies it settles in.
    pub currencies: Vec<CurrencyCode>,
    /// Whether it is there.
    pub presence: Presence,
}

impl Participant {
    pub(crate) fn account_set(&self, ledger: LedgerId) -> Option<&AccountSet> {
        self.accounts.get(usize::from(ledger.0)).and_then(Option::as_ref)
    }

    pub(crate) fn settlement(&self, ledger: LedgerId) -> Option<AccountId> {
        self.account_set(ledger).map(|set| set.settlement)
    }

    pub(crate) fn exchange(&self, ledger: LedgerId) -> Option<ExchangeAccounts> {
        self.account_set(ledger).and_then(|set| set.exchange)
    }

    fn account(&self, ledger: LedgerId, purpose: AccountPurpose) -> Option<AccountId> {
        match purpose {
            AccountPurpose::Settlement => self.settlement(ledger),
            AccountPurpose::Exchange => self.exchange(ledger).map(|accounts| accounts.pool),
            AccountPurpose::Spread => self.exchange(ledger).map(|accounts| accounts.spread),
            AccountPurpose::Fees => None,
        }
    }
}

impl Clearing {
    /// Most participants.
    pub const PARTICIPANTS_MAX: usize = 1_000_000;

    pub(crate) fn register(&mut self, register: &RegisterParticipant) -> Result<Outcome, Refusal> {
        let too_long = register.name.len() > RegisterParticipant::NAME_BYTES_MAX
            || register.currencies.len() > RegisterParticipant::CURRENCIES_MAX;
        if too_long {
            return Err(Refusal::TooLong);
        }
        let ledgers = register
            .currencies
            .iter()
            .map(|&code| self.ledger_of(code))
            .collect::<Option<Vec<_>>>()
            .ok_or(Refusal::UnknownCurrency)?;
        let id = match self.by_bic.get(&register.bic) {
            Some(&known) if self.is_sponsored_in(known, &ledgers) => return Err(Refusal::StillSponsored),
            Some(&known) => known,
            None => self.enter_participant(register)?,
        };
        let participant = &mut self.participants[id.0 as usize];
        participant.name.clone_from(&register.name);
        participant.keys = registered(&participant.keys, register.key);
        participant.provides_exchange |= register.provides_exchange;
        for ledger in ledgers {
            self.open_accounts(id, ledger)?;
        }
        self.note_registered(id, register.key);
        Ok(Outcome::Registered(id))
    }

    fn enter_participant(&mut self, register: &RegisterParticipant) -> Result<ParticipantId, Refusal> {
        if self.participants.len() >= Self::PARTICIPANTS_MAX {
            return Err(Refusal::Full);
        }
        let id = ParticipantId(self.participants.len() as u32);
        self.by_bic.insert(register.bic, id);
        self.participants.push(Participant {
            bic: register.bic,
            name: String::new(),
            keys: Vec::new(),
            status: ParticipantStatus::Live,
            provides_exchange: register.provides_exchange,
            watched: false,
            is_sponsored: false,
            accounts: Vec::new(),
        });
        Ok(id)
    }

    /// Opens what the participant lacks on this ledger.
    fn open_accounts(&mut self, id: ParticipantId, ledger: LedgerId) -> Result<(), Refusal> {
        let at = usize::from(ledger.0);
        let participant = &mut self.participants[id.0 as usize];
        if participant.accounts.len() <= at {
            participant.accounts.resize(at + 1, None);
        }
        let known = participant.accounts[at];
        let provides_exchange = participant.provides_exchange;
        let mut open = |purpose| self.open_account(ledger, Floor::Zero, Some(id), purpose);
        let settlement = match known {
            Some(set) => set.settlement,
            None => open(AccountPurpose::Settlement)?,
        };
        let exchange = match known.and_then(|set| set.exchange) {
            None if provides_exchange => {
                Some(ExchangeAccounts { pool: open(AccountPurpose::Exchange)?, spread: open(AccountPurpose::Spread)? })
            }
            open => open,
        };
        let reserved = known.map_or(MinorUnits::ZERO, |set| set.reserved);
        self.participants[id.0 as usize].accounts[at] = Some(AccountSet { settlement, reserved, exchange });
        Ok(())
    }

    fn note_registered(&mut self, id: ParticipantId, key: [u8; 32]) {
        let view = self.participant_view(id);
        self.delta.push(1);
        put_u32(&mut self.delta, id.0);
        self.delta.extend_from_slice(&view.bic.bytes());
        self.delta.extend_from_slice(view.name.as_bytes());
        self.delta.extend_from_slice(&key);
        self.delta.push(u8::from(view.provides_exchange));
        view.currencies.iter().for_each(|code| self.delta.extend_from_slice(&code.bytes()));
        if view.keys != [ParticipantKey::first(key)] {
            self.note_keys(id);
        }
        let ParticipantView { id: participant, bic, name, keys, provides_exchange, currencies, status: _, presence: _ } = view;
        self.emit(EventKind::ParticipantRegistered { participant, bic, name, keys, provides_exchange, currencies });
    }

    pub(crate) fn participant_view(&self, id: ParticipantId) -> ParticipantView {
        let participant = &self.participants[id.0 as usize];
        let settles = |at: usize| participant.accounts[at].map(|_| self.currencies[at].code);
        ParticipantView {
            id,
            bic: participant.bic,
            name: participant.name.clone(),
            keys: participant.keys.clone(),
            status: participant.status,
            provides_exchange: participant.provides_exchange,
            currencies: (0..participant.accounts.len()).filter_map(settles).collect(),
            presence: self.presence(id),
        }
    }

    /// A participant that may act now.
    pub(crate) fn live(&self, id: ParticipantId) -> Result<&Participant, Refusal> {
        let participant = self.participants.get(id.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        match participant.status {
            ParticipantStatus::Live => Ok(participant),
            ParticipantStatus::Suspended => Err(Refusal::ParticipantSuspended),
            ParticipantStatus::Applied
            | ParticipantStatus::Certified
            | ParticipantStatus::ReceiveOnly
            | ParticipantStatus::SendOnly
            | ParticipantStatus::Left => Err(Refusal::StandingForbids),
        }
    }

    /// Moves prefunding between a participant's account and the mirror of the settlement agent's books.
    pub(crate) fn fund(&mut self, fund: &Fund) -> Result<Outcome, Refusal> {
        self.fund_by(fund, None)
    }

    /// The same, as the answer of a settlement agent to a transfer.
    pub(crate) fn fund_by(&mut self, fund: &Fund, agent: Option<ParticipantId>) -> Result<Outcome, Refusal> {
        let digest = fund_digest(fund);
        match self.fundings.get(&fund.reference) {
            Some(known) if *known == digest && !planted(Bug::FundedTwice) => return Ok(Outcome::Done),
            Some(known) if *known == digest => {}
            Some(_) => return Err(Refusal::DuplicateReference),
            None => {}
        }
        let ledger = self.ledger_of(fund.currency).ok_or(Refusal::UnknownCurrency)?;
        let participant = self.participants.get(fund.participant.0 as usize).ok_or(Refusal::UnknownParticipant)?;
        if fund.direction == FundDirection::In && !participant.status.is_member() {
            return Err(Refusal::StandingForbids);
        }
        let account = participant.account(ledger, fund.purpose).ok_or(Refusal::NoSuchAccount)?;
        self.check_withdrawal(fund, account)?;
        let mirror = self.system_accounts[usize::from(ledger.0)].mirror;
        let (debit, credit) = match fund.direction {
            FundDirection::In => (mirror, account),
            FundDirection::Out => (account, mirror),
        };
        self.ledgers.transfer(&[Leg { debit, credit, amount: fund.amount }]).map_err(fund_refusal)?;
        self.note_funded(fund, account, ledger, agent);
        Ok(Outcome::Done)
    }

    /// What follows from prefunding that moved.
    pub(crate) fn note_funded(&mut self, fund: &Fund, account: AccountId, ledger: LedgerId, agent: Option<ParticipantId>) {
        let digest = fund_digest(fund);
        self.fundings.insert(fund.reference, digest);
        self.note_exchange_funding(fund, ledger);
        self.note_prefunding(fund, account);
        self.delta.push(3);
        self.delta.extend_from_slice(&fund.reference);
        self.delta.extend_from_slice(&digest);
        let amount = Amount { minor: fund.amount, currency: self.currency(ledger) };
        let (participant, purpose, direction) = (fund.participant, fund.purpose, fund.direction);
        let kind = match direction {
            FundDirection::In => NoteKind::FundedIn,
            FundDirection::Out => NoteKind::FundedOut,
        };
        let noted = Noted { kind, participant, agent, ledger, amount: fund.amount, reference: fund.reference, reason: None };
        let note = (purpose == AccountPurpose::Settlement).then(|| self.enter_note(&noted));
        self.emit(EventKind::Funded { participant, purpose, direction, amount, note });
    }

    fn note_exchange_funding(&mut self, fund: &Fund, ledger: LedgerId) {
        let funded = &mut self.exchange_funded[usize::from(ledger.0)];
        match (fund.purpose, fund.direction) {
            (AccountPurpose::Settlement | AccountPurpose::Fees, FundDirection::In | FundDirection::Out) => {}
            (AccountPurpose::Exchange | AccountPurpose::Spread, FundDirection::In) => *funded += i128::from(fund.amount.0),
            (AccountPurpose::Exchange | AccountPurpose::Spread, FundDirection::Out) => *funded -= i128::from(fund.amount.0),
        }
    }
}

fn fund_refusal(error: LedgerError) -> Refusal {
    match error {
        LedgerError::Insufficient { .. } => Refusal::InsufficientLiquidity,
        LedgerError::TooLarge { .. } => Refusal::AmountTooLarge,
        LedgerError::BadChain => Refusal::ZeroAmount,
        LedgerError::Full => Refusal::Full,
        LedgerError::UnknownAccount(_) | LedgerError::CrossesLedgers { .. } | LedgerError::NotOpen => Refusal::NoSuchAccount,
    }
}

/// First half of SHA-256 over the funding, to tell a repetition from another funding with the same reference.
pub(crate) fn fund_digest(fund: &Fund) -> [u8; 16] {
    let mut bytes = Vec::with_capacity(48);
    put_u32(&mut bytes, fund.participant.0);
    bytes.extend_from_slice(&fund.currency.bytes());
    bytes.extend_from_slice(&[fund.purpose as u8, fund.direction as u8]);
    put_u64(&mut bytes, fund.amount.0);
    let mut half = [0; 16];
    half.copy_from_slice(&chain::sha256(&bytes).0[..16]);
    half
}
