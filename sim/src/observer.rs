//! The observer: sees every block when it is sealed and when it is told durable, everything banks are told, and what is left
//! after a crash, and judges whether they fit.

use crate::model::Model;
use crate::reached::event_name;
use crate::stage::SharedStage;
use chain::{BlockHeader, Hash, verify_consistency};
use clearing::{AccountView, Clearing, Command, Event, EventKind, Outcome, laws};
use history::ReadModel;
use ordering::{DurableBlock, Recovered};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A block as the observer remembers it.
#[derive(Debug, Clone)]
struct Seen {
    header: BlockHeader,
    commands: Vec<Command>,
    outcomes: Vec<Outcome>,
    events: Vec<Event>,
    balances: Vec<AccountView>,
}

#[derive(Default)]
struct Memory {
    model: Model,
    /// The last block told durable, or recovered.
    last: Option<BlockHeader>,
    /// Position the next event will have.
    next_position: u64,
    /// Sealed and not told durable.
    sealed: Vec<Seen>,
    /// Sizes and roots of the tree of final payments, as told.
    trees: Vec<(u64, Hash)>,
    events: Vec<Event>,
    /// Highest position a bank was told of.
    told_bank: u64,
}

/// The observer.
pub struct Observer {
    stage: SharedStage,
    memory: Mutex<Memory>,
}

impl Observer {
    /// An observer who has seen nothing.
    pub fn new(stage: SharedStage) -> Arc<Self> {
        Arc::new(Self { stage, memory: Mutex::default() })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A block was sealed; nobody may learn of it yet.
    pub fn sealed(&self, header: &BlockHeader, commands: &[Command], applied: &clearing::Applied) {
        self.memory().sealed.push(Seen {
            header: *header,
            commands: commands.to_vec(),
            outcomes: applied.outcomes.clone(),
            events: applied.events.clone(),
            balances: applied.balances.clone(),
        });
    }

    /// A block is told durable.
    pub fn durable(&self, block: &DurableBlock) {
        let mut memory = self.memory();
        memory.sealed.retain(|seen| seen.header.height != block.header.height);
        let seen = Seen {
            header: block.header,
            commands: block.commands.clone(),
            outcomes: block.applied.outcomes.clone(),
            events: block.applied.events.clone(),
            balances: block.applied.balances.clone(),
        };
        self.follow(&mut memory, &seen);
        block.applied.forgotten.iter().for_each(|_| self.stage.count("payments forgotten"));
    }

    fn follow(&self, memory: &mut Memory, seen: &Seen) {
        let header = &seen.header;
        let parent = memory.last.map_or(Hash::default(), |last| last.hash());
        if header.parent != parent || header.height != memory.last.map_or(0, |last| last.height) + 1 {
            self.stage.broke("CHN-01", format_args!("block {} does not follow the last one told", header.height));
        }
        for (command, outcome) in seen.commands.iter().zip(&seen.outcomes) {
            self.stage.say("block", format_args!("{} {}", header.height, words(command, outcome)));
        }
        self.note_reached(seen);
        self.stage.say("block", format_args!("{} root {}", header.height, short(&header.state_root)));
        if let Err(detail) = memory.model.follow(header.time_ns, &seen.commands, &seen.outcomes, &seen.balances) {
            self.stage.broke("MODEL", format_args!("block {}: {detail}", header.height));
        }
        memory.last = Some(*header);
        memory.next_position = header.first_position + seen.events.len() as u64;
        memory.events.extend(seen.events.iter().cloned());
        if memory.trees.last().is_none_or(|(size, _)| *size != header.tree_size) {
            memory.trees.push((header.tree_size, header.tree_root));
        }
        self.stage.count("blocks");
    }

    fn note_reached(&self, seen: &Seen) {
        for event in &seen.events {
            self.stage.reach(event_name(&event.kind));
            if let EventKind::PaymentRejected(view) = &event.kind {
                view.rejection.iter().for_each(|rejection| self.stage.reach(rejection.code()));
            }
        }
        for outcome in &seen.outcomes {
            if let Outcome::Refused(refusal) = outcome {
                self.stage.reach(refusal.code());
            }
        }
    }

    /// What the centre finds after a start. Everything told must be there; what was sealed and not told may be.
    pub fn recovered(&self, recovered: &Recovered<'_>) {
        let mut memory = self.memory();
        let found = recovered.last.map_or(0, |last| last.height);
        let told = memory.last.map_or(0, |last| last.height);
        self.stage.say("centre", format_args!("finds block {found}; {told} was told"));
        if found < told {
            return self.stage.broke("ORD-01", format_args!("block {told} was told durable, and {found} is the last one found"));
        }
        let mut sealed = core::mem::take(&mut memory.sealed);
        sealed.retain(|seen| (told + 1..=found).contains(&seen.header.height));
        for seen in sealed {
            self.follow(&mut memory, &seen);
        }
        if memory.last.map(|last| last.hash()) != recovered.last.map(|last| last.hash()) {
            return self.stage.broke("ORD-01", format_args!("block {found} found is not the one that was sealed"));
        }
        if memory.told_bank >= recovered.clearing.next_position().0 {
            self.stage.broke("ORD-01", format_args!("a bank was told of position {}, which is lost", memory.told_bank));
        }
        self.judge(&memory, recovered.clearing);
    }

    /// Every law over the whole state, and the model's view of it.
    pub fn judge_state(&self, clearing: &Clearing) {
        self.judge(&self.memory(), clearing);
    }

    fn judge(&self, memory: &Memory, clearing: &Clearing) {
        if let Some(broken) = laws::check_all(clearing).first() {
            self.stage.broke(broken.law, &broken.detail);
        }
        if memory.last.is_some_and(|last| last.state_root != clearing.state_root()) {
            self.stage.broke("ORD-02", "the state root is not that of the last block");
        }
        if let Err(detail) = memory.model.compare_all(clearing) {
            self.stage.broke("MODEL", detail);
        }
        if let Err(broken) = laws::pay_02_both_told_the_same(clearing, &memory.events) {
            self.stage.broke(broken.law, broken.detail);
        }
        if let Err(broken) = laws::mdt_01_told(&memory.events) {
            self.stage.broke(broken.law, broken.detail);
        }
        if let Err(broken) = laws::pre_01_told(&memory.events) {
            self.stage.broke(broken.law, broken.detail);
        }
        if let Err(broken) = laws::day_01_told(&memory.events) {
            self.stage.broke(broken.law, broken.detail);
        }
    }

    /// Laws over what readers see.
    pub fn judge_history(&self, model: &ReadModel) {
        for status in model.laws() {
            if !status.holds {
                self.stage.broke(status.law, "as the read model has it");
            }
        }
        let memory = self.memory();
        let Some((new, new_root)) = memory.trees.last().copied() else { return };
        for (old, old_root) in memory.trees.iter().copied().filter(|(size, _)| *size > 0) {
            let proof = model.consistency_proof(old, new).ok().flatten().unwrap_or_default();
            if verify_consistency(old, new, &old_root, &new_root, &proof).is_err() {
                return self.stage.broke("CHN-02", format_args!("the tree of {old} is not the beginning of that of {new}"));
            }
        }
    }

    /// A bank reads bytes from the centre: every position in them must be durable.
    pub fn bank_reads(&self, bytes: &[u8]) {
        for mark in [b"luohu-cursor: ".as_slice(), b"{\"cursor\":"] {
            for at in 0..bytes.len().saturating_sub(mark.len()) {
                if &bytes[at..at + mark.len()] == mark {
                    self.bank_told(number(&bytes[at + mark.len()..]));
                }
            }
        }
    }

    fn bank_told(&self, position: u64) {
        let mut memory = self.memory();
        memory.told_bank = memory.told_bank.max(position);
        if position >= memory.next_position {
            self.stage.broke("ORD-01", format_args!("a bank is told of position {position}, which is not durable"));
        }
    }

    /// Asks the model something.
    pub fn ask<T>(&self, question: impl FnOnce(&Model) -> T) -> T {
        question(&self.memory().model)
    }

    /// Blocks told so far.
    pub fn height(&self) -> u64 {
        self.memory().last.map_or(0, |last| last.height)
    }
}

/// The number at the beginning of some text.
fn number(text: &[u8]) -> u64 {
    text.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |number, byte| number * 10 + u64::from(byte - b'0'))
}

fn short(hash: &Hash) -> String {
    hash.0[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn words(command: &Command, outcome: &Outcome) -> String {
    let answer = match outcome {
        Outcome::Done => "done".to_owned(),
        Outcome::Registered(id) => format!("registered as {}", id.0),
        Outcome::Quoted(terms) => {
            format!("{} {} for {} {}", terms.credit, terms.credit.currency.code, terms.debit, terms.debit.currency.code)
        }
        Outcome::Payment { payment, repeated } => {
            let reason = payment.rejection.map(|rejection| format!(" ({})", rejection.code())).unwrap_or_default();
            format!("{:?}{reason}{}", payment.state, if *repeated { ", again" } else { "" })
        }
        Outcome::Waiting { payment, .. } => format!("waits until {}", payment.until.0),
        Outcome::Matter { matter, .. } => format!("{matter:?}"),
        Outcome::Refused(refusal) => format!("refused ({})", refusal.code()),
    };
    let asked = match command {
        Command::Configure(_) => "configure".to_owned(),
        Command::OpenLedger(currency) => format!("open ledger {}", currency.code),
        Command::RegisterParticipant(register) => format!("register {}", register.bic),
        Command::Fund(fund) => format!("fund {} {:?} {} {}", fund.participant.0, fund.direction, fund.amount.0, fund.currency),
        Command::SetStatus { participant, status } => format!("set {} {status:?}", participant.0),
        Command::PublishRate(publish) => {
            format!("rate of {} {}/{}", publish.provider.0, publish.debit_currency, publish.credit_currency)
        }
        Command::RequestQuote(request) => format!("quote for {}", request.debtor_agent.0),
        Command::Pay(pay) => {
            format!("pay {} {} -> {} {} {}", pay.uetr, pay.debtor_agent.0, pay.creditor_agent.0, pay.debit.0, pay.debit_currency)
        }
        Command::Answer(answer) => format!("answer {} {:?}", answer.uetr, answer.verdict),
        Command::ReportCredited { uetr, .. } => format!("credited {uetr}"),
        Command::Order(order) => format!("order {}", order.id),
        Command::AppointOfficers(officers) => format!("appoint {} officers", officers.len()),
        Command::SetNodes(set) => format!("set {} nodes", set.nodes.len()),
        Command::Cancel { uetr, .. } => format!("cancel {uetr}"),
        Command::Return(back) => format!("return {} {} of {} {}", back.portion.0, back.currency, back.original, back.reason),
        Command::Recall(recall) => format!("recall {} {}", recall.original, recall.reason),
        Command::AnswerRecall(answer) => format!("answer to the recall of {} {:?}", answer.original, answer.verdict),
        Command::SetReturnTerms(terms) => format!("set {terms:?}"),
        Command::SetRulebook(book) => format!("set rulebook {}", book.version),
        Command::Arrange(arrangement) => format!("{arrangement:?}"),
        Command::Settle(command) => format!("{command:?}"),
        Command::SchemeTerms(terms) => terms.name().to_owned(),
        Command::ReportPosting(report) => format!("{} {:?}", report.uetr, report.says),
        Command::OfferRate(offer) => format!("offer of {}", offer.rate.provider.0),
        Command::Notice(notice) => format!("{} says {:?}", notice.participant.0, notice.says),
        Command::Broadcast(broadcast) => format!("tell all {}", broadcast.event.as_str()),
        Command::Matter(step) => format!("{step:?}"),
        Command::Sponsorship(command) => format!("{command:?}"),
        Command::Day(command) => format!("{command:?}"),
    };
    format!("{asked}: {answer}")
}
