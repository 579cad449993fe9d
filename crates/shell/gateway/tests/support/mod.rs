//! A gateway on loopback over a real centre in memory: every block is "durable" the moment it is submitted.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "each test file uses a part; a test that cannot go on has failed"
)]

pub mod client;
pub mod messages;

use chain::{Hash, MerkleTree};
use clearing::{
    AccountPurpose, AccountView, Bic, Clearing, Code, Command, DayView, Event, EventKind, Fund, FundDirection, IndexSeed,
    MatterStep, MatterView, NoteKind, ParticipantId, ParticipantStatus, PaymentView, Position, PreauthStep, Priced, PublishRate,
    Question, RecallState, RegisterParticipant, Rejection, RiskDecision, Rulebook, SponsorshipView, Tariff, Time, Uetr,
    WaitingView, WhatIf,
};
use client::Client;
use gateway::{
    Gateway, GatewayConfig, GatewayDeps, GatewayHandle, Hub, InboxItem, InboxKind, IndexError, Key, Limits, OtherDoors, Past,
    PaymentFacts, PaymentPage, PaymentQuery, Tells, Tip,
};
use history::{AccountKey, AccountTotals, EmbeddedIndex, Order, ReadModel, StatementPage, StatementQuery, Tuning};
use money::{Currency, CurrencyCode, MinorUnits, Rate};
use ordering::{DurableBlock, KeptLetter, MessageErased, OrderedLog, Recovered, Submission, SubmitRefusal, VaultPlace};
use signing::{DevCa, FileSigner, Signer, TlsIdentity, client_config, server_config};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

pub const HARBOUR: &str = "HARBHKHHXXX";
pub const PEARL: &str = "PEARCNBSXXX";
pub const OTHER: &str = "OTHRHKHHXXX";
pub const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
pub const CNY: Currency = Currency { code: CurrencyCode::CNY, exponent: 2 };

pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

pub fn now_s() -> u64 {
    now_ns() / 1_000_000_000
}

/// The centre, its past and its journal, in memory.
pub struct MemoryLog {
    /// Replaced when the gateway restarts.
    hub: RwLock<Arc<Hub>>,
    state: Mutex<State>,
    /// What `submit` answers instead of taking commands.
    pub refuses: Mutex<Option<SubmitRefusal>>,
    /// Takes commands and never makes a block of them.
    pub lose: AtomicBool,
}

struct State {
    clearing: Clearing,
    tree: MerkleTree,
    events: Vec<Event>,
    /// What the centre has forgotten and the past has not.
    forgotten: HashMap<Uetr, PaymentView>,
    messages: HashMap<[u8; 32], Arc<[u8]>>,
    /// All of them were erased.
    erased: bool,
    /// What letters from a number on carry.
    carried: BTreeMap<u64, Arc<[u8]>>,
    commands: usize,
}

impl State {
    fn payment(&self, uetr: Uetr) -> Option<PaymentView> {
        self.clearing.payment(uetr).or_else(|| self.forgotten.get(&uetr).copied())
    }
}

fn letter_of(event: &Event) -> Option<KeptLetter> {
    let EventKind::Letter(letter) = &event.kind else { return None };
    Some(KeptLetter { letter: *letter, place: VaultPlace::default() })
}

impl MemoryLog {
    fn new(hub: Arc<Hub>, clearing: Clearing) -> Self {
        let (tree, events) = (MerkleTree::new(), Vec::new());
        let state = State {
            clearing,
            tree,
            events,
            forgotten: HashMap::new(),
            messages: HashMap::new(),
            erased: false,
            carried: BTreeMap::new(),
            commands: 0,
        };
        Self { hub: RwLock::new(hub), state: Mutex::new(state), refuses: Mutex::new(None), lose: AtomicBool::new(false) }
    }

    /// Lets the clock move with nothing to do.
    pub fn tick(&self) {
        self.apply_at(now_ns(), vec![], vec![]);
    }

    /// Lets the clock jump.
    pub fn tick_at(&self, time_ns: u64) {
        self.apply_at(time_ns, vec![], vec![]);
    }

    pub fn run(&self, command: Command) {
        self.apply_at(now_ns(), vec![command], vec![0]);
    }

    fn apply_at(&self, time_ns: u64, commands: Vec<Command>, tickets: Vec<u64>) {
        let block = {
            let mut state = self.state.lock().unwrap();
            let time = Time(time_ns.max(state.clearing.time().0));
            let applied = state.clearing.apply_block(time, &commands);
            for event in &applied.events {
                if let EventKind::PaymentSettled(payment)
                | EventKind::PaymentRejected(payment)
                | EventKind::PaymentReturned(payment) = &event.kind
                {
                    state.tree.push_leaf_hash(payment.final_record().unwrap().leaf());
                }
            }
            state.events.extend(applied.events.iter().cloned());
            state.forgotten.extend(applied.forgotten.iter().map(|payment| (payment.uetr, *payment)));
            state.commands += commands.len();
            let header = chain::BlockHeader {
                height: state.clearing.height(),
                time_ns: time.0,
                parent: Hash([0; 32]),
                body: Hash([0; 32]),
                state_root: applied.state_root,
                tree_size: applied.tree_size,
                tree_root: applied.tree_root,
                first_position: applied.first_position,
                command_count: commands.len() as u32,
                body_bytes: 0,
            };
            DurableBlock { header, hash: Hash([0; 32]), commands, tickets, places: vec![], applied }
        };
        self.hub.read().unwrap().durable(&block);
    }

    /// Loses every signed message.
    pub fn forget_messages(&self) {
        self.state.lock().unwrap().messages.clear();
    }

    /// Turns every signed message into something that is none.
    pub fn spoil_messages(&self) {
        self.state.lock().unwrap().messages.values_mut().for_each(|message| *message = Arc::from(*b"no message"));
    }

    /// Erases every signed message there is.
    pub fn erase_messages(&self) {
        self.state.lock().unwrap().erased = true;
    }

    /// Commands that reached the centre.
    pub fn commands(&self) -> usize {
        self.state.lock().unwrap().commands
    }

    pub fn check_laws(&self) {
        assert_eq!(clearing::laws::check_all(&self.state.lock().unwrap().clearing), []);
    }

    pub fn participant(&self, bic: &str) -> ParticipantId {
        self.state.lock().unwrap().clearing.participant_by_bic(Bic::parse(bic).unwrap()).unwrap()
    }

    /// The read model over the state as it is, which has forgotten nothing.
    fn past(&self) -> ReadModel {
        let state = self.state.lock().unwrap();
        assert_eq!(state.clearing.forgotten(), 0, "somebody must know what was forgotten");
        let letters: Vec<KeptLetter> = state.events.iter().filter_map(letter_of).collect();
        let recovered = Recovered { letters: &letters, ..Recovered::of(&state.clearing) };
        let index = Arc::new(EmbeddedIndex::in_memory().unwrap());
        ReadModel::open(index, &recovered, Tuning { inline: true, ..Tuning::default() }).unwrap()
    }

    pub fn balance(&self, bic: &str, currency: Currency) -> i128 {
        let state = self.state.lock().unwrap();
        let id = state.clearing.participant_by_bic(Bic::parse(bic).unwrap());
        let mut own = state.clearing.accounts().filter(|account| {
            account.participant == id && account.purpose == AccountPurpose::Settlement && account.currency == currency
        });
        own.next().unwrap().posted
    }

    pub fn payments(&self) -> Vec<PaymentView> {
        self.state.lock().unwrap().clearing.payments().collect()
    }
}

impl OrderedLog for MemoryLog {
    fn submit(&self, submission: Submission) -> Result<(), SubmitRefusal> {
        if let Some(refusal) = *self.refuses.lock().unwrap() {
            return Err(refusal);
        }
        if self.lose.load(Ordering::Relaxed) {
            return Ok(());
        }
        let Submission { ticket, command, attachment } = submission;
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        assert_eq!(Command::decode(&mut bytes.as_slice()).as_ref(), Ok(&command), "others get it as bytes, and compare");
        let content = match &command {
            Command::Pay(pay) => Some(pay.content),
            Command::Return(back) => Some(back.content),
            Command::Matter(MatterStep::Preauth(PreauthStep::Capture(capture))) => Some(capture.content),
            Command::Matter(MatterStep::Preauth(PreauthStep::Reserve { pay, .. })) => Some(pay.content),
            Command::Matter(step) => step.content(),
            _ => None,
        };
        let mut state = self.state.lock().unwrap();
        if let (Some(content), Some(message)) = (content, &attachment) {
            state.messages.entry(content.0).or_insert(message.clone());
        }
        // Each command has a block of its own: the letters in it carry its message.
        let next = state.clearing.letters();
        if let Some(message) = attachment {
            state.carried.insert(next, message);
        }
        drop(state);
        self.apply_at(now_ns(), vec![command], vec![ticket]);
        Ok(())
    }

    fn submit_many(&self, submissions: Vec<Submission>) -> Result<(), SubmitRefusal> {
        submissions.into_iter().try_for_each(|submission| self.submit(submission))
    }

    fn waiting(&self) -> usize {
        0
    }
}

impl Past for MemoryLog {
    fn inbox(&self, participant: ParticipantId, after: Position, limit: usize) -> Result<Vec<InboxItem>, IndexError> {
        let state = self.state.lock().unwrap();
        let entry = |event: &Event| {
            let (kind, payment, mine) = match &event.kind {
                EventKind::PaymentHeld(payment) => (InboxKind::Asked, payment, payment.creditor_agent == participant),
                EventKind::PaymentSettled(payment) | EventKind::PaymentRejected(payment) => {
                    let asked = payment.creditor_agent_knows() && payment.creditor_agent == participant;
                    (InboxKind::Ended, payment, payment.debtor_agent == participant || asked)
                }
                EventKind::PaymentCredited(payment) => (InboxKind::Credited, payment, payment.debtor_agent == participant),
                EventKind::Letter(letter) => {
                    let kept = letter_of(event).unwrap();
                    let item = InboxItem { position: event.position, tells: Tells::Letter(kept) };
                    return (letter.to == participant).then_some(item);
                }
                EventKind::Settlement(note) | EventKind::Funded { note: Some(note), .. } => {
                    let whom = match note.kind {
                        NoteKind::TopUpAsked | NoteKind::WithdrawalAsked => note.agent,
                        NoteKind::WithdrawalQueued => None,
                        NoteKind::FundedIn
                        | NoteKind::FundedOut
                        | NoteKind::TransferRefused
                        | NoteKind::SentOut
                        | NoteKind::CameIn
                        | NoteKind::SentNotSettled => Some(note.participant),
                    };
                    let item = InboxItem { position: event.position, tells: Tells::Note(*note) };
                    return (whom == Some(participant)).then_some(item);
                }
                EventKind::PaymentReturned(payment) => {
                    let mine = payment.debtor_agent == participant || payment.creditor_agent == participant;
                    (InboxKind::Returned, payment, mine)
                }
                EventKind::Recall(recall) => {
                    let payment = &recall.payment;
                    match recall.state {
                        RecallState::Asked => {
                            (InboxKind::Recalled(recall.reason), payment, payment.creditor_agent == participant)
                        }
                        RecallState::Answered(verdict) => {
                            (InboxKind::RecallAnswered(verdict), payment, payment.debtor_agent == participant)
                        }
                        RecallState::Overdue => return None,
                    }
                }
                EventKind::PaymentReviewed(payment) => {
                    let mine = [payment.debtor_agent, payment.creditor_agent].contains(&participant);
                    (InboxKind::of_posting(payment.posting)?, payment, mine)
                }
                _ => return None,
            };
            let payment = state.payment(payment.uetr).unwrap();
            mine.then_some(InboxItem { position: event.position, tells: Tells::Payment(kind, payment) })
        };
        let mut entries: Vec<InboxItem> = state.events.iter().filter_map(entry).collect();
        for matter in state.clearing.matters() {
            let told = matter.told().into_iter().filter(|told| told.reader == participant);
            entries.extend(told.map(|told| InboxItem { position: told.position, tells: Tells::Matter(told, matter) }));
        }
        entries.retain(|entry| entry.position > after);
        entries.sort_by_key(|entry| entry.position);
        entries.truncate(limit);
        Ok(entries)
    }

    fn find(&self, key: Key) -> Result<Option<PaymentView>, IndexError> {
        let state = self.state.lock().unwrap();
        Ok(match key {
            Key::Uetr(uetr) => state.payment(uetr),
            Key::Message(message) => state.clearing.payments().find(|view| view.message_id == message),
        })
    }

    fn payment_of_leaf(&self, leaf_index: u64) -> Result<Option<PaymentView>, IndexError> {
        let is_it = |view: &PaymentView| view.finality.is_some_and(|finality| finality.leaf_index == leaf_index);
        Ok(self.state.lock().unwrap().clearing.payments().find(is_it))
    }

    fn statement(&self, query: &StatementQuery) -> Result<StatementPage, IndexError> {
        self.past().statement(query)
    }

    fn totals(&self, account: AccountKey, after: Position, to: Position) -> Result<AccountTotals, IndexError> {
        self.past().totals(account, after, to)
    }

    fn position_before(&self, account: AccountKey, time: Time) -> Result<Position, IndexError> {
        self.past().position_before(account, time)
    }

    fn payments_of(&self, query: &PaymentQuery) -> Result<PaymentPage, IndexError> {
        let state = self.state.lock().unwrap();
        let wanted = |view: &PaymentView| {
            let mine = view.debtor_agent == query.who || view.creditor_agent == query.who;
            let within =
                query.from.is_none_or(|from| view.received_at >= from) && query.to.is_none_or(|to| view.received_at < to);
            mine && within && query.state.is_none_or(|state| view.state == state)
        };
        let mut all: Vec<PaymentView> = state.clearing.payments().filter(wanted).collect();
        let behind = |view: &PaymentView| match (query.order, query.next) {
            (_, None) => true,
            (Order::Oldest, Some(next)) => view.index.0 >= next,
            (Order::Newest, Some(next)) => view.index.0 <= next,
        };
        if query.order == Order::Newest {
            all.reverse();
        }
        let mut payments: Vec<PaymentView> = all.into_iter().filter(behind).take(query.limit + 1).collect();
        let next = (payments.len() > query.limit).then(|| payments.pop().unwrap().index.0);
        Ok(PaymentPage { payments, next })
    }

    fn is_behind(&self) -> bool {
        false
    }

    fn rulebook_version(&self) -> u32 {
        self.state.lock().unwrap().clearing.rulebook_version()
    }

    fn tariff_version(&self) -> u32 {
        self.state.lock().unwrap().clearing.tariff_version()
    }

    fn tariff(&self, accepted_at: Time) -> Option<Tariff> {
        self.state.lock().unwrap().clearing.tariff_at(accepted_at).cloned()
    }

    fn price(&self, question: &Question, corridor: Option<Code>) -> Option<Priced> {
        self.tariff(question.time)?.price(corridor, &question.terms, question.debit, question.credit)
    }

    fn rulebook(&self, _: Time) -> Option<Rulebook> {
        self.state.lock().unwrap().clearing.rulebook().cloned()
    }

    fn what_if(&self, question: &Question) -> Option<Result<WhatIf, Rejection>> {
        let state = self.state.lock().unwrap();
        let counters: std::collections::BTreeMap<_, _> = state.clearing.counters().collect();
        let used = |key: &clearing::CounterKey| counters.get(key).copied().unwrap_or(0);
        state.clearing.rulebook().map(|book| book.what_if(question, &used))
    }

    fn matter(&self, uetr: Uetr) -> Option<MatterView> {
        self.state.lock().unwrap().clearing.matter(uetr)
    }

    fn matters_of(&self, participant: ParticipantId, from: Uetr, limit: usize) -> Vec<MatterView> {
        let state = self.state.lock().unwrap();
        let own = state.clearing.matters().filter(|view| view.uetr() >= from && view.agents().contains(&participant));
        own.take(limit).collect()
    }

    fn matter_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        let matter = state.clearing.matter(uetr);
        Ok(matter.and_then(|matter| state.messages.get(&matter.content().0)).map(|message| message.to_vec()))
    }

    fn waiting(&self, uetr: Uetr) -> Option<WaitingView> {
        self.state.lock().unwrap().clearing.waiting(uetr)
    }

    fn waiting_message(&self, uetr: Uetr) -> io::Result<Option<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        let waiting = state.clearing.waiting(uetr);
        Ok(waiting.and_then(|waiting| state.messages.get(&waiting.content.0)).map(|message| message.to_vec()))
    }

    fn message(&self, payment: &PaymentView) -> io::Result<Option<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        match state.erased {
            true => Err(MessageErased::error()),
            false => Ok(state.messages.get(&payment.content.0).map(|message| message.to_vec())),
        }
    }

    fn carried(&self, letter: &KeptLetter) -> io::Result<Option<Vec<u8>>> {
        let state = self.state.lock().unwrap();
        let carried = state.carried.range(..=letter.letter.number).next_back();
        Ok(carried.map(|(_, message)| message.to_vec()))
    }

    fn accounts(&self, participant: ParticipantId) -> Vec<AccountView> {
        self.state.lock().unwrap().clearing.accounts().filter(|account| account.participant == Some(participant)).collect()
    }

    fn sponsorships(&self, participant: ParticipantId) -> Vec<SponsorshipView> {
        let state = self.state.lock().unwrap();
        state.clearing.sponsorships().filter(|view| view.participant == participant || view.sponsor == participant).collect()
    }

    fn business_days(&self) -> Vec<DayView> {
        self.state.lock().unwrap().clearing.business_days().collect()
    }

    fn tip(&self) -> Tip {
        let state = self.state.lock().unwrap();
        let (size, root) = state.clearing.tree();
        Tip { size, root, height: state.clearing.height(), time: state.clearing.time() }
    }

    fn inclusion_proof(&self, leaf_index: u64, size: u64) -> Result<Option<Vec<Hash>>, IndexError> {
        Ok(self.state.lock().unwrap().tree.inclusion_proof(leaf_index, size))
    }
}

/// A participant with its key and certificate.
pub struct Bank {
    pub bic: &'static str,
    pub signer: FileSigner,
    pub identity: TlsIdentity,
}

/// Everything a test needs.
pub struct World {
    pub authority: DevCa,
    pub folder: tempfile::TempDir,
    pub log: Arc<MemoryLog>,
    pub hub: Arc<Hub>,
    pub centre_key: [u8; 32],
    pub banks: Vec<Bank>,
    pub gateway: GatewayHandle,
    limits: Limits,
}

impl World {
    pub async fn start() -> Self {
        Self::with(Limits::default(), |_| RiskDecision::PASS).await
    }

    pub async fn with(limits: Limits, risk: impl Fn(&PaymentFacts<'_>) -> RiskDecision + Send + Sync + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = DevCa::open_or_create(folder.path()).unwrap();
        let bank = |bic: &'static str| Bank {
            bic,
            signer: FileSigner::ephemeral(&format!("{bic}#1")),
            identity: authority.issue_client(bic).unwrap(),
        };
        let banks = vec![bank(HARBOUR), bank(PEARL), bank(OTHER)];
        let hub = Arc::new(Hub::new(limits));
        let log = Arc::new(MemoryLog::new(Arc::clone(&hub), Clearing::new(IndexSeed(1))));
        seed(&log, &banks);
        let (gateway, centre_key) = open(&folder, &authority, &log, &hub, limits, Arc::new(risk)).await;
        Self { authority, folder, log, hub, centre_key, banks, gateway, limits }
    }

    /// The gateway once more over the same centre, with nothing in memory.
    pub async fn restart(self) -> Self {
        let Self { authority, folder, log, banks, gateway, limits, .. } = self;
        gateway.shutdown().await;
        let hub = Arc::new(Hub::new(limits));
        hub.load(&log.state.lock().unwrap().clearing);
        *log.hub.write().unwrap() = Arc::clone(&hub);
        let risk = Arc::new(|_: &PaymentFacts<'_>| RiskDecision::PASS);
        let (gateway, centre_key) = open(&folder, &authority, &log, &hub, limits, risk).await;
        Self { authority, folder, log, hub, centre_key, banks, gateway, limits }
    }

    pub fn bank(&self, bic: &str) -> &Bank {
        self.banks.iter().find(|bank| bank.bic == bic).unwrap()
    }

    /// A connection as a bank.
    pub async fn connect(&self, bic: &str) -> Client {
        self.connect_with(&self.bank(bic).identity).await.unwrap()
    }

    pub async fn connect_with(&self, identity: &TlsIdentity) -> io::Result<Client> {
        self.connect_at(self.gateway.addr, identity).await
    }

    pub async fn connect_at(&self, addr: SocketAddr, identity: &TlsIdentity) -> io::Result<Client> {
        let config = client_config(self.authority.certificate(), identity).unwrap();
        Client::connect(addr, Arc::new(config)).await
    }

    /// Another operator's door to the same centre as it is now, among other doors.
    pub async fn another_door(&self, doors: Arc<dyn OtherDoors>) -> GatewayHandle {
        let hub = Arc::new(Hub::new(self.limits));
        hub.load(&self.log.state.lock().unwrap().clearing);
        hub.join(doors);
        self.open_door(hub).await
    }

    /// The same with a directory of its own.
    pub async fn another_door_with(&self, doors: Arc<dyn OtherDoors>, directory: Arc<directory::Directory>) -> GatewayHandle {
        let hub = Arc::new(Hub::new(self.limits));
        hub.load(&self.log.state.lock().unwrap().clearing);
        hub.join(doors);
        hub.look_up_in(directory);
        self.open_door(hub).await
    }

    async fn open_door(&self, hub: Arc<Hub>) -> GatewayHandle {
        let risk = Arc::new(|_: &PaymentFacts<'_>| RiskDecision::PASS);
        open(&self.folder, &self.authority, &self.log, &hub, self.limits, risk).await.0
    }
}

async fn open(
    folder: &tempfile::TempDir,
    authority: &DevCa,
    log: &Arc<MemoryLog>,
    hub: &Arc<Hub>,
    limits: Limits,
    risk: Arc<dyn gateway::Assessor>,
) -> (GatewayHandle, [u8; 32]) {
    let centre = FileSigner::open_or_create(&folder.path().join("centre.pem"), "LUOHU#1").unwrap();
    let centre_key = centre.public_key();
    let server = authority.issue_server(&["localhost", "127.0.0.1"]).unwrap();
    let tls = Arc::new(server_config(authority.certificate(), &server).unwrap());
    let deps = GatewayDeps {
        world: world::Machine::shared(),
        signer: Arc::new(centre),
        log: log.clone(),
        hub: Arc::clone(hub),
        past: log.clone(),
        risk,
        persons: Arc::new(signing::HashKey::new(&[7; 32])),
    };
    let config = GatewayConfig { limits, ..GatewayConfig::at("127.0.0.1:0".parse().unwrap()) };
    (Gateway::start(config, tls, deps).await.unwrap(), centre_key)
}

fn seed(log: &MemoryLog, banks: &[Bank]) {
    for currency in [HKD, CNY] {
        log.run(Command::OpenLedger(currency));
    }
    for bank in banks {
        log.run(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bank.bic).unwrap(),
            name: format!("{} Bank", bank.bic),
            key: bank.signer.public_key(),
            provides_exchange: bank.bic == OTHER,
            currencies: vec![HKD.code, CNY.code],
        }));
    }
    for (at, bank) in banks.iter().enumerate() {
        for (n, currency) in [HKD, CNY].into_iter().enumerate() {
            let provider = (bank.bic == OTHER).then_some(AccountPurpose::Exchange);
            for (m, purpose) in [Some(AccountPurpose::Settlement), provider].into_iter().flatten().enumerate() {
                log.run(Command::Fund(Fund {
                    participant: ParticipantId(at as u32),
                    currency: currency.code,
                    purpose,
                    direction: FundDirection::In,
                    amount: MinorUnits(100_000_000),
                    reference: [at as u8 * 4 + n as u8 * 2 + m as u8; 16],
                }));
            }
        }
    }
    log.run(Command::PublishRate(PublishRate {
        provider: ParticipantId(2),
        debit_currency: HKD.code,
        credit_currency: CNY.code,
        rate: Rate::parse("0.9216").unwrap(),
        spread_ppm: 1500,
        credit_max: MinorUnits(10_000_000),
        valid_until: Time(u64::MAX),
    }));
}

impl World {
    pub fn suspend(&self, bic: &str) {
        let at = self.banks.iter().position(|bank| bank.bic == bic).unwrap();
        self.log.run(Command::SetStatus { participant: ParticipantId(at as u32), status: ParticipantStatus::Suspended });
    }
}
