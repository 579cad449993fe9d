//! The centre's whole state, and how one block changes it.

use crate::arrangement::Affairs;
use crate::codec::{put_u32, put_u64};
use crate::cooling::Cooling;
use crate::days::Days;
use crate::exchange::{Quote, StandingRate};
use crate::fees::Books;
use crate::governance::Governance;
use crate::index::Index;
use crate::liquidity::{limit_of, room};
use crate::matters::Matters;
use crate::participant::Participant;
use crate::returns::Aftermath;
use crate::review::Reviews;
use crate::rules::Quotas;
use crate::settlement::Settlement;
use crate::sponsorship::Sponsorships;
use crate::table::Payments;
use crate::waiting::WaitingRoom;
use crate::{
    AccountPurpose, Applied, Bic, Command, CounterKey, Event, EventKind, Improvements, IndexSeed, Outcome, ParticipantId,
    ParticipantView, PaymentIndex, PaymentView, Position, QuoteId, Refusal, Rulebook, Settings, Time, Uetr,
};
use chain::{Frontier, Hash};
use ledger::{Account, AccountId, Floor, LedgerId, Ledgers};
use money::{Currency, CurrencyCode};
use std::collections::{BTreeMap, VecDeque};

/// The scheme's own accounts on one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SystemAccounts {
    /// Mirror of the settlement agent's books: what participants brought in, as a debt.
    pub(crate) mirror: AccountId,
    /// Where remainders of rounding go.
    pub(crate) rounding: AccountId,
}

/// An account as operators and its owner see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountView {
    /// Its number, in order of opening.
    pub account: u32,
    /// Whose; `None` for the scheme's own.
    pub participant: Option<ParticipantId>,
    /// What for; the scheme's own are the mirror (`Settlement`), the rounding account (`Spread`) and the fee account (`Fees`).
    pub purpose: AccountPurpose,
    /// Its ledger's currency.
    pub currency: Currency,
    /// Credits less debits.
    pub posted: i128,
    /// Debits of open holds.
    pub held_debit: u64,
    /// What can be used now, the net debit cap with it.
    pub available: i128,
    /// How far it may fall below zero.
    pub overdraft: u64,
    /// Whether it fell below its floor and is not back at its target.
    pub is_low: bool,
}

/// The clearing centre.
#[derive(Debug, Clone)]
pub struct Clearing {
    pub(crate) settings: Settings,
    pub(crate) ledgers: Ledgers,
    /// Indexed by ledger.
    pub(crate) currencies: Vec<Currency>,
    /// Indexed by ledger.
    pub(crate) system_accounts: Vec<SystemAccounts>,
    /// Indexed by account: whose, and what for.
    pub(crate) owners: Vec<(Option<ParticipantId>, AccountPurpose)>,
    pub(crate) participants: Vec<Participant>,
    pub(crate) by_bic: BTreeMap<Bic, ParticipantId>,
    /// Reference to digest of what was funded.
    pub(crate) fundings: BTreeMap<[u8; 16], [u8; 16]>,
    /// Indexed by ledger: what was funded into exchange and spread accounts, less what was taken out.
    pub(crate) exchange_funded: Vec<i128>,
    /// Indexed by ledger: what forgotten payments gave exchange and spread accounts, less what they took.
    pub(crate) exchange_forgotten: Vec<i128>,
    /// Offers by pair, sorted by provider.
    pub(crate) rates: BTreeMap<(LedgerId, LedgerId), Vec<StandingRate>>,
    /// By pair and provider, where there are some.
    pub(crate) improvements: BTreeMap<(LedgerId, LedgerId, ParticipantId), Improvements>,
    pub(crate) quotes: BTreeMap<QuoteId, Quote>,
    pub(crate) quote_expiries: VecDeque<(Time, QuoteId)>,
    pub(crate) payments: Payments,
    pub(crate) by_uetr: Index,
    pub(crate) by_message: Index,
    /// Answer deadlines of high and of normal priority; each queue is in order of time but for a change of settings.
    pub(crate) deadlines: [VecDeque<(Time, PaymentIndex)>; 2],
    pub(crate) finals: Frontier,
    pub(crate) governance: Governance,
    /// The rulebook that holds, then those that will.
    pub(crate) rulebooks: Vec<Rulebook>,
    /// The last one's.
    pub(crate) rulebook_version: u32,
    pub(crate) quotas: Quotas,
    pub(crate) waiting: WaitingRoom,
    pub(crate) affairs: Affairs,
    pub(crate) settlement: Settlement,
    /// Letters sent so far.
    pub(crate) letters: u64,
    pub(crate) aftermath: Aftermath,
    pub(crate) fees: Books,
    pub(crate) reviews: Reviews,
    pub(crate) cooling: Cooling,
    pub(crate) matters: Matters,
    pub(crate) sponsorships: Sponsorships,
    pub(crate) days: Days,
    pub(crate) height: u64,
    pub(crate) time: Time,
    /// What was accepted before it may have been forgotten.
    pub(crate) horizon: Time,
    pub(crate) next_position: u64,
    pub(crate) state_root: Hash,
    /// Changes made by the block being applied, in canonical bytes.
    pub(crate) delta: Vec<u8>,
    /// Events of the block being applied.
    pub(crate) events: Vec<Event>,
    /// Counters of quotas changed by it.
    pub(crate) counted: Vec<(CounterKey, u64)>,
    /// Number of the command being applied in its block.
    pub(crate) command: u32,
    touched: Vec<AccountId>,
}

impl Clearing {
    /// An empty centre. The seed keys the indices; any number, and another one gives the same states.
    pub fn new(seed: IndexSeed) -> Self {
        Self {
            settings: Settings::unconfigured(),
            ledgers: Ledgers::default(),
            currencies: Vec::new(),
            system_accounts: Vec::new(),
            owners: Vec::new(),
            participants: Vec::new(),
            by_bic: BTreeMap::new(),
            fundings: BTreeMap::new(),
            exchange_funded: Vec::new(),
            exchange_forgotten: Vec::new(),
            rates: BTreeMap::new(),
            improvements: BTreeMap::new(),
            quotes: BTreeMap::new(),
            quote_expiries: VecDeque::new(),
            payments: Payments::default(),
            by_uetr: Index::new(seed),
            by_message: Index::new(seed),
            deadlines: [VecDeque::new(), VecDeque::new()],
            finals: Frontier::new(),
            governance: Governance::default(),
            rulebooks: Vec::new(),
            rulebook_version: 0,
            quotas: Quotas::new(seed),
            waiting: WaitingRoom::default(),
            affairs: Affairs::default(),
            settlement: Settlement::default(),
            letters: 0,
            aftermath: Aftermath::default(),
            fees: Books::default(),
            reviews: Reviews::default(),
            cooling: Cooling::default(),
            matters: Matters::default(),
            sponsorships: Sponsorships::default(),
            days: Days::default(),
            height: 0,
            time: Time(0),
            horizon: Time(0),
            next_position: 1,
            state_root: Hash([0; 32]),
            delta: Vec::new(),
            events: Vec::new(),
            counted: Vec::new(),
            command: 0,
            touched: Vec::new(),
        }
    }

    /// Applies one block: first what its time brings about, then its commands in order.
    ///
    /// # Panics
    /// If `time` is before the last block's: the clearing clock only goes forward.
    pub fn apply_block(&mut self, time: Time, commands: &[Command]) -> Applied {
        assert!(time >= self.time, "block time goes backwards");
        self.height += 1;
        self.time = time;
        let first_position = self.next_position;
        self.begin_days();
        self.expire_payments();
        self.expire_matters();
        self.expire_quotes();
        self.expire_orders();
        self.turn_page();
        self.drop_tariffs();
        self.expire_reviews();
        self.release_waiting();
        self.sweep_quotas(commands.len());
        self.begin_liquidity();
        self.begin_settlement();
        self.begin_aftermath();
        let forgotten = self.forget_payments(commands.len());
        let forgotten_matters = self.forget_matters();
        let mut outcomes = Vec::with_capacity(commands.len());
        for chunk in commands.chunks(Self::WARM_COMMANDS) {
            self.warm(chunk);
            for command in chunk {
                self.command = outcomes.len() as u32;
                outcomes.push(self.apply(command));
            }
        }
        self.settle_waiting();
        let balances = self.seal();
        let sponsorships = self.take_sponsorships();
        let days = self.take_days();
        Applied {
            outcomes,
            balances,
            sponsorships,
            days,
            events: core::mem::take(&mut self.events),
            counted: core::mem::take(&mut self.counted),
            state_root: self.state_root,
            tree_size: self.finals.len(),
            tree_root: self.finals.root(),
            first_position,
            forgotten,
            forgotten_matters,
        }
    }

    /// Commands looked up together: their cache misses overlap.
    const WARM_COMMANDS: usize = 64;

    /// Reads what the commands will look up, so that ten million payments on record cost little more than ten thousand:
    /// in separate passes, because misses overlap only when none waits for another.
    fn warm(&self, commands: &[Command]) {
        let mut seen = 0u64;
        for command in commands {
            match command {
                Command::Pay(pay) => seen ^= self.by_uetr.warm(&pay.uetr.0) ^ self.by_message.warm(&pay.message_id.0),
                Command::Answer(answer) => seen ^= self.by_uetr.warm(&answer.uetr.0),
                Command::Return(back) => seen ^= self.by_uetr.warm(&back.id.0) ^ self.by_uetr.warm(&back.original.0),
                Command::Configure(_)
                | Command::OpenLedger(_)
                | Command::RegisterParticipant(_)
                | Command::Fund(_)
                | Command::SetStatus { .. }
                | Command::PublishRate(_)
                | Command::RequestQuote(_)
                | Command::ReportCredited { .. }
                | Command::Order(_)
                | Command::AppointOfficers(_)
                | Command::SetNodes(_)
                | Command::Cancel { .. }
                | Command::SetRulebook(_)
                | Command::Arrange(_)
                | Command::Recall(_)
                | Command::AnswerRecall(_)
                | Command::SetReturnTerms(_)
                | Command::Notice(_)
                | Command::Settle(_)
                | Command::Broadcast(_)
                | Command::SchemeTerms(_)
                | Command::ReportPosting(_)
                | Command::OfferRate(_)
                | Command::Sponsorship(_)
                | Command::Day(_)
                | Command::Matter(_) => {}
            }
        }
        let payers = || commands.iter().filter_map(|command| if let Command::Pay(pay) = command { Some(pay) } else { None });
        let participant = |id: ParticipantId| self.participants.get(id.0 as usize);
        for pay in payers() {
            seen ^= participant(pay.debtor_agent).map_or(0, |found| found.accounts.len() as u64);
            seen ^= participant(pay.creditor_agent).map_or(0, |found| found.accounts.len() as u64);
        }
        for pay in payers() {
            let Some(ledger) = self.ledger_of(pay.debit_currency) else { continue };
            for agent in [pay.debtor_agent, pay.creditor_agent] {
                let account =
                    participant(agent).and_then(|found| found.settlement(ledger)).and_then(|id| self.ledgers.account(id));
                seen ^= account.map_or(0, |account| account.debits_held().0);
            }
        }
        core::hint::black_box(seen);
    }

    fn apply(&mut self, command: &Command) -> Outcome {
        self.apply_alone(command).unwrap_or_else(Outcome::Refused)
    }

    /// Applies a command that stands for itself, or is what an order says.
    pub(crate) fn apply_alone(&mut self, command: &Command) -> Result<Outcome, Refusal> {
        match command {
            Command::Configure(settings) => self.configure(*settings),
            Command::OpenLedger(currency) => self.open_ledger(*currency),
            Command::RegisterParticipant(register) => self.register(register),
            Command::Fund(fund) => self.fund(fund),
            Command::SetStatus { participant, status } => self.set_status(*participant, *status),
            Command::PublishRate(publish) => self.publish_rate(publish),
            Command::RequestQuote(request) => self.request_quote(request),
            Command::Pay(pay) => self.pay(pay),
            Command::Answer(answer) => self.answer(answer),
            Command::ReportCredited { uetr, creditor_agent } => self.report_credited(*uetr, *creditor_agent),
            Command::Order(order) => self.carry_out(order),
            Command::AppointOfficers(officers) => self.appoint_first(officers),
            Command::SetNodes(_) => Err(Refusal::NeedsOrder),
            Command::Cancel { uetr, debtor_agent } => self.cancel(*uetr, *debtor_agent),
            Command::SetRulebook(book) => self.set_rulebook(book),
            Command::Arrange(arrangement) => self.arrange(arrangement),
            Command::Notice(notice) => self.take_notice(notice),
            Command::Settle(command) => self.settlement_command(command),
            Command::Broadcast(_) => Err(Refusal::NeedsOrder),
            Command::Return(back) => self.give_back(back),
            Command::Recall(recall) => self.take_recall(recall),
            Command::AnswerRecall(answer) => self.answer_recall(answer),
            Command::SetReturnTerms(terms) => self.set_return_terms(*terms),
            Command::SchemeTerms(terms) => self.set_scheme_terms(terms),
            Command::ReportPosting(report) => self.report_posting(report),
            Command::OfferRate(offer) => self.offer_rate(offer),
            Command::Matter(step) => self.step_matter(step),
            Command::Sponsorship(command) => self.sponsorship_command(command),
            Command::Day(command) => self.day_command(command),
        }
    }

    fn open_ledger(&mut self, currency: Currency) -> Result<Outcome, Refusal> {
        if let Some(ledger) = self.ledger_of(currency.code) {
            return if self.currency(ledger) == currency { Ok(Outcome::Done) } else { Err(Refusal::LedgerDiffers) };
        }
        let id = u16::try_from(self.currencies.len()).map(LedgerId).map_err(|_| Refusal::Full)?;
        let mirror = self.open_account(id, Floor::None, None, AccountPurpose::Settlement)?;
        let rounding = self.open_account(id, Floor::Zero, None, AccountPurpose::Spread)?;
        self.currencies.push(currency);
        self.exchange_funded.push(0);
        self.exchange_forgotten.push(0);
        self.system_accounts.push(SystemAccounts { mirror, rounding });
        self.open_fee_accounts()?;
        self.delta.push(7);
        self.delta.extend_from_slice(&currency.code.bytes());
        self.delta.push(currency.exponent);
        self.emit(EventKind::LedgerOpened(currency));
        Ok(Outcome::Done)
    }

    /// Opens an account and remembers whose it is.
    pub(crate) fn open_account(
        &mut self,
        ledger: LedgerId,
        floor: Floor,
        owner: Option<ParticipantId>,
        purpose: AccountPurpose,
    ) -> Result<AccountId, Refusal> {
        let id = self.ledgers.open(ledger, floor).map_err(|_| Refusal::Full)?;
        self.owners.push((owner, purpose));
        Ok(id)
    }

    /// Closes the block: folds its changes and the totals of every account touched into the state root.
    fn seal(&mut self) -> Vec<AccountView> {
        self.drop_met_deadlines();
        let mut touched = core::mem::take(&mut self.touched);
        self.ledgers.take_touched(&mut touched);
        self.watch_levels(&touched);
        let mut balances = Vec::with_capacity(touched.len());
        for &id in &touched {
            balances.push(self.account_view(id));
            let account = self.ledgers.account(id).expect("touched accounts exist");
            put_u32(&mut self.delta, id.0);
            for total in [account.debits_posted(), account.credits_posted(), account.debits_held(), account.credits_held()] {
                put_u64(&mut self.delta, total.0);
            }
        }
        self.touched = touched;
        let mut hasher = chain::Hasher::new();
        hasher.update(&self.state_root.0);
        hasher.update(&self.height.to_le_bytes());
        hasher.update(&self.time.0.to_le_bytes());
        hasher.update(&self.delta);
        self.state_root = hasher.finish();
        self.delta.clear();
        balances
    }

    pub(crate) fn emit(&mut self, kind: EventKind) -> Position {
        let position = Position(self.next_position);
        self.next_position += 1;
        self.events.push(Event { position, kind });
        position
    }

    pub(crate) fn ledger_of(&self, code: CurrencyCode) -> Option<LedgerId> {
        self.currencies.iter().position(|currency| currency.code == code).map(|at| LedgerId(at as u16))
    }

    pub(crate) fn currency(&self, ledger: LedgerId) -> Currency {
        self.currencies[usize::from(ledger.0)]
    }

    pub(crate) fn pair(&self, debit: CurrencyCode, credit: CurrencyCode) -> Result<(LedgerId, LedgerId), Refusal> {
        if debit == credit {
            return Err(Refusal::SameCurrency);
        }
        let find = |code| self.ledger_of(code).ok_or(Refusal::UnknownCurrency);
        Ok((find(debit)?, find(credit)?))
    }
}

/// Reading.
impl Clearing {
    /// Blocks applied.
    pub fn height(&self) -> u64 {
        self.height
    }
    /// Time of the last block.
    pub fn time(&self) -> Time {
        self.time
    }
    /// Commitment to every change of state so far: SHA-256 over the root before, height, time and the block's changes.
    pub fn state_root(&self) -> Hash {
        self.state_root
    }
    /// Size and RFC 6962 root of the tree of final payments.
    pub fn tree(&self) -> (u64, Hash) {
        (self.finals.len(), self.finals.root())
    }
    /// Position the next event will have.
    pub fn next_position(&self) -> Position {
        Position(self.next_position)
    }
    /// The scheme's times.
    pub fn settings(&self) -> Settings {
        self.settings
    }
    /// The ledgers, for checkers.
    pub fn ledgers(&self) -> &Ledgers {
        &self.ledgers
    }
    /// Currencies in order of their ledgers.
    pub fn currencies(&self) -> &[Currency] {
        &self.currencies
    }

    /// Participants in order of registration.
    pub fn participants(&self) -> impl Iterator<Item = ParticipantView> + '_ {
        (0..self.participants.len()).map(|at| self.participant_view(ParticipantId(at as u32)))
    }

    /// The participant with this BIC.
    pub fn participant_by_bic(&self, bic: Bic) -> Option<ParticipantId> {
        self.by_bic.get(&bic).copied()
    }

    /// A payment by its UETR.
    pub fn payment(&self, uetr: Uetr) -> Option<PaymentView> {
        self.find_payment(uetr).map(|index| self.view(index))
    }

    /// Payments on record in order of arrival, without those that were forgotten.
    pub fn payments(&self) -> impl ExactSizeIterator<Item = PaymentView> + '_ {
        (0..self.payments.len()).map(|at| self.view(PaymentIndex(self.payments.first() + at as u64)))
    }

    /// How many payments were forgotten: the number of the oldest on record.
    pub fn forgotten(&self) -> u64 {
        self.payments.first()
    }

    /// All accounts in order of opening.
    pub fn accounts(&self) -> impl Iterator<Item = AccountView> + '_ {
        (0..self.owners.len()).map(|at| self.account_view(AccountId(at as u32)))
    }

    fn account_view(&self, id: AccountId) -> AccountView {
        let account: &Account = self.ledgers.account(id).expect("every owner's account exists");
        let (participant, purpose) = self.owners[id.0 as usize];
        AccountView {
            account: id.0,
            participant,
            purpose,
            currency: self.currency(account.ledger()),
            posted: account.posted(),
            held_debit: account.debits_held().0,
            available: room(account),
            overdraft: limit_of(account),
            is_low: self.is_low(id),
        }
    }
}
