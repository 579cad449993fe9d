//! The banks of a run: their machines and links, their customers, what happens to either, and whether their books agree.

use crate::agreement;
use crate::customer::{self, Confirmed, ConfirmedList};
use crate::later;
use crate::machine::Machine;
use crate::mandates;
use crate::net::{Hall, NetLink};
use crate::observer::Observer;
use crate::participant::{self, BankSetup, Hands};
use crate::plan::{Moment, Scene, What};
use crate::stage::SharedStage;
use bank::books::BooksReport;
use bank::{Fault, SampleBank, sample_banks};
use clearing::{Bic, ParticipantId};
use history::ReadModel;
use std::sync::{Arc, Mutex, PoisonError};

/// Names of the banks' machines.
pub const NAMES: [&str; 4] = ["harb", "lion", "peng", "wutg"];

/// Where the centre's state can be read, while somebody serves.
pub type Reading<'a> = &'a (dyn Fn() -> Option<Arc<ReadModel>> + Sync);

/// See the module.
pub struct Banks {
    stage: SharedStage,
    observer: Arc<Observer>,
    all: Vec<Arc<BankSetup>>,
    samples: Arc<Vec<SampleBank>>,
    confirmed: ConfirmedList,
}

impl Banks {
    /// Banks that do not work yet. `door`: where each connects.
    pub fn new(stage: &SharedStage, observer: &Arc<Observer>, scene: &Scene, door: impl Fn(usize) -> Arc<Hall>) -> Self {
        let samples = Arc::new(sample_banks());
        let bank = |(at, sample): (usize, &SampleBank)| {
            let watching = Arc::clone(observer);
            let tap = Box::new(move |bytes: &[u8]| watching.bank_reads(bytes));
            let bic = Bic::parse(sample.bic).expect("sample banks have BICs");
            Arc::new(BankSetup {
                sample: sample.clone(),
                machine: Machine::new(NAMES[at], Arc::clone(stage), scene.disk_ms),
                link: NetLink::new(bic, NAMES[at], scene.latency_ms, door(at), Arc::clone(stage), tap),
                stage: Arc::clone(stage),
                fault: Mutex::new(Fault::None),
                running: Mutex::default(),
                documents: scene.outsider,
            })
        };
        let all = samples.iter().enumerate().map(bank).collect();
        Self { stage: Arc::clone(stage), observer: Arc::clone(observer), all, samples, confirmed: ConfirmedList::default() }
    }

    /// All of them.
    pub fn all(&self) -> &[Arc<BankSetup>] {
        &self.all
    }

    /// Who they are.
    pub fn samples(&self) -> &[SampleBank] {
        &self.samples
    }

    /// From now on they work.
    pub fn keep_running(&self) {
        for (at, bank) in self.all.iter().enumerate() {
            let setup = Arc::clone(bank);
            bank.machine.keep_running(move |life| participant::live(at, Arc::clone(&setup), life));
        }
    }

    /// Does what concerns banks, their machines, links and customers; whether it did.
    pub fn act(&self, what: &What) -> bool {
        match what {
            What::Pay(order) => {
                if let Some(hands) = self.all[order.bank].running() {
                    let life = Arc::clone(&hands.life);
                    let (stage, samples) = (Arc::clone(&self.stage), Arc::clone(&self.samples));
                    let paying = customer::pay(stage, hands, order.clone(), samples, Arc::clone(&self.confirmed));
                    life.spawn(Box::pin(paying));
                }
            }
            What::Ask { bank, .. } => {
                if let Some(hands) = self.all[*bank].running() {
                    let life = Arc::clone(&hands.life);
                    let (stage, samples) = (Arc::clone(&self.stage), Arc::clone(&self.samples));
                    life.spawn(Box::pin(customer::ask(stage, hands, what.clone(), samples)));
                }
            }
            What::Mandate { bank, of_bank, .. } => {
                if let (Some(hands), Some(others)) = (self.all[*bank].running(), self.all[*of_bank].running()) {
                    let life = Arc::clone(&hands.life);
                    let (stage, samples) = (Arc::clone(&self.stage), Arc::clone(&self.samples));
                    life.spawn(Box::pin(mandates::live(stage, [hands, others], what.clone(), samples)));
                }
            }
            What::Resend { nth, changed } => self.resend(*nth, *changed),
            What::TakeBack { nth } => self.take_back(*nth),
            What::Misbehave { bank, fault } => {
                self.stage.count("bank faults");
                self.all[*bank].set_fault(fault.clone());
            }
            What::BookRot { bank, draw } => participant::rot(&self.all[*bank], *draw),
            What::Partition { bank, up, down, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.all[*bank].link);
                link.block(*up, *down);
                later(*for_ms, move || link.block(false, false));
            }
            What::Cut { bank } => {
                self.stage.count("network faults");
                self.all[*bank].link.cut();
            }
            What::Lossy { bank, permille, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.all[*bank].link);
                link.set_loss(*permille);
                later(*for_ms, move || link.set_loss(0));
            }
            What::Crash { machine, .. }
            | What::FailSyncs { machine, .. }
            | What::FullDisk { machine, .. }
            | What::SlowDisk { machine, .. }
            | What::WrongClock { machine, .. } => {
                let Some(bank) = machine.checked_sub(1) else { return false };
                self.all[bank % self.all.len()].machine.suffer(what);
            }
            What::Suspend { .. }
            | What::Standing { .. }
            | What::Absence { .. }
            | What::Breaker { .. }
            | What::Liquidity { .. }
            | What::Fund { .. }
            | What::Rulebook { .. }
            | What::Odd(_)
            | What::Nuisance(_)
            | What::BitRot { .. } => return false,
        }
        true
    }

    fn confirmed(&self, nth: u64) -> Option<(Confirmed, Hands)> {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let at = nth.checked_rem(confirmed.len() as u64)?;
        let payment = confirmed.get(at as usize)?.clone();
        self.all[payment.bank].running().map(|hands| (payment, hands))
    }

    fn take_back(&self, nth: u64) {
        let Some((payment, hands)) = self.confirmed(nth) else { return };
        let life = Arc::clone(&hands.life);
        let own = self.samples[payment.bank].bic;
        life.spawn(Box::pin(customer::take_back(Arc::clone(&self.stage), hands, payment, own)));
    }

    fn resend(&self, nth: u64, changed: bool) {
        let Some((payment, hands)) = self.confirmed(nth) else { return };
        let life = Arc::clone(&hands.life);
        life.spawn(Box::pin(customer::resend(Arc::clone(&self.stage), hands, payment, changed)));
    }

    /// Nothing is wrong with any of them any more.
    pub fn heal(&self) {
        for bank in &self.all {
            bank.link.heal();
            bank.set_fault(Fault::None);
            bank.machine.heal();
            // The operator starts every bank again, so that none is left with books that a failed disk has closed.
            bank.machine.crash(false, 100, Moment::Now);
        }
    }

    /// Looks at the books of those that work.
    pub async fn look(&self, centre: Reading<'_>) {
        for bank in &self.all {
            if let Some(hands) = bank.running() {
                agreement::look(&self.stage, bank, &hands, centre).await;
            }
        }
    }

    /// What everybody's books say once nothing is under way, as far as `model` knows.
    ///
    /// # Errors
    /// Why there is no rest yet.
    pub async fn at_rest(&self, model: &ReadModel, centre: Reading<'_>) -> Result<Vec<BooksReport>, String> {
        let mut reports = Vec::new();
        for (at, bank) in self.all.iter().enumerate() {
            let Some(hands) = bank.running() else { return Err(format!("{} does not work", bank.machine.name)) };
            let Some(report) = agreement::look(&self.stage, bank, &hands, centre).await else {
                return Err(format!("the books of {} cannot be read", bank.machine.name));
            };
            if let Some(unrest) = agreement::unrest(bank, &report, ParticipantId(at as u32), model) {
                return Err(unrest);
            }
            reports.push(report);
        }
        let (all, settled, rejected) = model.counts();
        if all != settled + rejected {
            return Err(format!("{} payments have no end", all - settled - rejected));
        }
        Ok(reports)
    }

    /// At rest: every payment and every cent.
    pub fn settle_up(&self, reports: &[BooksReport], model: &ReadModel) {
        for ((at, bank), report) in self.all.iter().enumerate().zip(reports) {
            agreement::settle_up(&self.stage, &self.observer, bank, report, ParticipantId(at as u32), model);
        }
    }
}
