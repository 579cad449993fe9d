//! One run: the machines are set up, the plan is played, everything is healed, and what is left must agree.

use crate::agreement;
use crate::centre::{self, CentreSetup};
use crate::customer::{self, ConfirmedList};
use crate::machine::Machine;
use crate::net::{Hall, NetLink};
use crate::observer::Observer;
use crate::panics;
use crate::participant::{self, BankSetup, bank_signer};
use crate::plan::{Moment, Plan, What};
use crate::rng::Rng;
use crate::stage::{BEGINNING_NS, Broken, SharedStage, Stage};
use bank::{CURRENCIES, Fault, SampleBank, sample_banks};
use clearing::{
    Absence, AccountPurpose, Arrangement, Bic, Breaker, Command, Fund, FundDirection, LiquidityTerms, NetDebitCap, Notice,
    ParticipantId, ParticipantStatus, Says, SetLiquidity, Time,
};
use history::ReadModel;
use money::MinorUnits;
use ordering::{FsckReport, OrderedLog, Submission, fsck};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, sleep_until};

/// How long everything may take to come to rest once nothing is wrong any more: a deadline, what a wrong clock of the centre
/// adds to it, and the longest pauses of banks one behind the other.
const REST_MS: u64 = 240_000;
/// How often the books are looked at while the plan is played.
const LOOK_EVERY: Duration = Duration::from_secs(7);
/// Names of the banks' machines.
pub const NAMES: [&str; 4] = ["harb", "lion", "peng", "wutg"];

/// What became of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first law that broke, if one did.
    pub broken: Option<Broken>,
    /// What was counted.
    pub counts: BTreeMap<&'static str, u64>,
    /// How long it took, in milliseconds of simulated time.
    pub simulated_ms: u64,
    /// Hash over the trace.
    pub hash: u64,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
}

/// Plays a plan from the beginning to the end, or to the first law that breaks.
///
/// # Panics
/// If the runtime cannot be made.
pub fn run(plan: &Plan, traced: bool) -> Outcome {
    panics::keep();
    panics::forget();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without threads needs nothing from the system");
    let outcome = runtime.block_on(play(plan.clone(), traced));
    runtime.shutdown_background();
    outcome
}

async fn play(plan: Plan, traced: bool) -> Outcome {
    let stage = Stage::new(plan.seed, traced);
    let theatre = Theatre::set_up(&plan, &stage);
    tokio::select! {
        biased;
        () = stage.until_broken() => {}
        () = theatre.perform(&plan) => {}
    }
    if let (None, Some(panic)) = (stage.broken(), panics::peek()) {
        stage.broke("PANIC", panic);
    }
    Outcome {
        seed: plan.seed,
        broken: stage.broken(),
        counts: stage.counts(),
        simulated_ms: stage.elapsed_ms(),
        hash: stage.hash(),
        lines: stage.take_lines(),
    }
}

/// Everything a run consists of.
struct Theatre {
    stage: SharedStage,
    observer: Arc<Observer>,
    centre: Arc<CentreSetup>,
    banks: Vec<Arc<BankSetup>>,
    samples: Arc<Vec<SampleBank>>,
    confirmed: ConfirmedList,
}

impl Theatre {
    fn set_up(plan: &Plan, stage: &SharedStage) -> Self {
        let samples = Arc::new(sample_banks());
        let observer = Observer::new(Arc::clone(stage));
        let hall = Arc::new(Hall::default());
        let members =
            samples.iter().enumerate().map(|(at, sample)| centre::member(sample, &bank_signer(at, sample.bic))).collect();
        let centre = Arc::new(CentreSetup {
            machine: Machine::new("centre", Arc::clone(stage), plan.scene.disk_ms),
            hall: Arc::clone(&hall),
            observer: Arc::clone(&observer),
            scene: plan.scene.clone(),
            members,
            currencies: CURRENCIES.to_vec(),
            stage: Arc::clone(stage),
            running: Mutex::default(),
            gateways: Mutex::default(),
        });
        let bank = |(at, sample): (usize, &SampleBank)| {
            let watching = Arc::clone(&observer);
            let tap = Box::new(move |bytes: &[u8]| watching.bank_reads(bytes));
            let bic = Bic::parse(sample.bic).expect("sample banks have BICs");
            Arc::new(BankSetup {
                sample: sample.clone(),
                machine: Machine::new(NAMES[at], Arc::clone(stage), plan.scene.disk_ms),
                link: NetLink::new(bic, NAMES[at], plan.scene.latency_ms, Arc::clone(&hall), Arc::clone(stage), tap),
                stage: Arc::clone(stage),
                fault: Mutex::new(Fault::None),
                running: Mutex::default(),
            })
        };
        let banks: Vec<_> = samples.iter().enumerate().map(bank).collect();
        Self { stage: Arc::clone(stage), observer, centre, banks, samples, confirmed: ConfirmedList::default() }
    }

    async fn perform(&self, plan: &Plan) {
        let setup = Arc::clone(&self.centre);
        self.centre.machine.keep_running(move |life| centre::live(Arc::clone(&setup), life));
        for (at, bank) in self.banks.iter().enumerate() {
            let setup = Arc::clone(bank);
            bank.machine.keep_running(move |life| participant::live(at, Arc::clone(&setup), life));
        }
        let steps = async {
            for step in &plan.steps {
                sleep_until(self.stage.at_ms(step.at_ms)).await;
                self.act(&step.what);
            }
            sleep(Duration::from_secs(1)).await;
        };
        let looking = async {
            loop {
                sleep(LOOK_EVERY).await;
                self.look_at_books().await;
            }
        };
        tokio::select! {
            biased;
            () = steps => {}
            () = looking => {}
        }
        self.heal();
        self.come_to_rest(plan).await;
        self.judge_disk();
    }

    fn machine(&self, number: usize) -> &Arc<Machine> {
        match number {
            0 => &self.centre.machine,
            bank => &self.banks[(bank - 1) % self.banks.len()].machine,
        }
    }

    fn act(&self, what: &What) {
        if !matches!(what, What::Pay(_)) {
            self.stage.say("plan", format_args!("{what:?}"));
        }
        match what {
            What::Pay(order) => {
                let Some(hands) = self.banks[order.bank].running() else { return };
                let life = Arc::clone(&hands.life);
                let stage = Arc::clone(&self.stage);
                let (samples, confirmed) = (Arc::clone(&self.samples), Arc::clone(&self.confirmed));
                let paying = customer::pay(stage, hands, order.clone(), samples, confirmed);
                life.spawn(Box::pin(paying));
            }
            What::Resend { nth, changed } => self.resend(*nth, *changed),
            What::Misbehave { bank, fault } => {
                self.stage.count("bank faults");
                self.banks[*bank].set_fault(fault.clone());
            }
            What::Suspend { bank, suspended } => self.set_status(*bank, *suspended),
            What::Standing { bank, standing } => self.set_standing(*bank, standing),
            What::Absence { bank, in_ms, for_ms } => self.announce(*bank, *in_ms, *for_ms),
            What::Breaker { timeouts, rest_ms } => {
                let breaker = Breaker { timeouts: *timeouts, rest_ns: rest_ms * 1_000_000 };
                self.command(Command::Arrange(Arrangement::SetBreaker(breaker)));
            }
            What::Liquidity { bank, cap, ppm, floor, reserved, in_ms } => {
                let share = NetDebitCap::ShareOfFunding { ppm: *ppm };
                let cap = cap.map_or(share, |cap| NetDebitCap::Fixed(MinorUnits(cap)));
                let [floor, reserved] = [*floor, *reserved].map(MinorUnits);
                self.agree(*bank, LiquidityTerms { cap, floor, target: floor, reserved }, *in_ms);
            }
            What::Fund { bank, currency, out, minor, reference } => self.fund(*bank, *currency, *out, *minor, *reference),
            What::Crash { machine, power, down_ms, when } => self.machine(*machine).crash(*power, *down_ms, *when),
            What::FailSyncs { machine, syncs, for_ms } => {
                self.stage.count("disk faults");
                let machine = Arc::clone(self.machine(*machine));
                machine.platters.fail_syncs(*syncs);
                // The operator repairs the disk and starts a bank again, whose books refuse everything until then.
                let (for_ms, restart) = (*for_ms, machine.name != "centre");
                self.later(for_ms, move || {
                    machine.platters.fail_syncs(0);
                    if restart {
                        machine.crash(false, 200, Moment::Now);
                    }
                });
            }
            What::FullDisk { machine, for_ms } => {
                self.stage.count("disk faults");
                let machine = Arc::clone(self.machine(*machine));
                machine.platters.set_full(true);
                let restart = machine.name != "centre";
                self.later(*for_ms, move || {
                    machine.platters.set_full(false);
                    if restart {
                        machine.crash(false, 200, Moment::Now);
                    }
                });
            }
            What::SlowDisk { machine, ms, for_ms } => {
                self.stage.count("disk faults");
                let machine = Arc::clone(self.machine(*machine));
                machine.set_disk_ms(Some(*ms));
                self.later(*for_ms, move || machine.set_disk_ms(None));
            }
            What::BitRot { draw } => self.rot(*draw),
            What::Partition { bank, up, down, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.banks[*bank].link);
                link.block(*up, *down);
                self.later(*for_ms, move || link.block(false, false));
            }
            What::Cut { bank } => {
                self.stage.count("network faults");
                self.banks[*bank].link.cut();
            }
            What::Lossy { bank, permille, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.banks[*bank].link);
                link.set_loss(*permille);
                self.later(*for_ms, move || link.set_loss(0));
            }
            What::WrongClock { machine, offset_ms, drift_ppm } => {
                self.stage.count("clock faults");
                self.machine(*machine).clock.set(*offset_ms, *drift_ppm);
            }
        }
    }

    fn later(&self, ms: u64, act: impl FnOnce() + Send + 'static) {
        tokio::spawn(async move {
            sleep(Duration::from_millis(ms)).await;
            act();
        });
    }

    fn resend(&self, nth: u64, changed: bool) {
        let confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if confirmed.is_empty() {
            return;
        }
        let payment = confirmed[(nth % confirmed.len() as u64) as usize].clone();
        let Some(hands) = self.banks[payment.bank].running() else { return };
        let life = Arc::clone(&hands.life);
        life.spawn(Box::pin(customer::resend(Arc::clone(&self.stage), hands, payment, changed)));
    }

    /// The operator's commands go to the journal as they do from the operator's console.
    fn command(&self, command: Command) {
        let Some(running) = self.centre.running() else { return };
        self.stage.count("operator commands");
        let _ = running.log.submit(Submission { ticket: 0, command, attachment: None });
    }

    fn set_status(&self, bank: usize, suspended: bool) {
        let status = if suspended { ParticipantStatus::Suspended } else { ParticipantStatus::Live };
        self.command(Command::SetStatus { participant: ParticipantId(bank as u32), status });
    }

    fn set_standing(&self, bank: usize, standing: &str) {
        let Some(status) = ParticipantStatus::ALL.into_iter().find(|known| known.name() == standing) else { return };
        self.command(Command::SetStatus { participant: ParticipantId(bank as u32), status });
    }

    fn announce(&self, bank: usize, in_ms: Option<u64>, for_ms: u64) {
        let says = in_ms.map_or(Says::Online, |in_ms| {
            let from = Time(BEGINNING_NS).after((self.stage.elapsed_ms() + in_ms) * 1_000_000);
            Says::Offline(Absence { from, until: from.after(for_ms * 1_000_000) })
        });
        self.command(Command::Notice(Notice { participant: ParticipantId(bank as u32), says }));
    }

    fn agree(&self, bank: usize, terms: LiquidityTerms, in_ms: u64) {
        let currency = self.samples[bank].currencies[0];
        let from = Time(BEGINNING_NS).after((self.stage.elapsed_ms() + in_ms) * 1_000_000);
        let set = SetLiquidity { participant: ParticipantId(bank as u32), currency, terms, from };
        self.command(Command::Arrange(Arrangement::SetLiquidity(set)));
    }

    fn fund(&self, bank: usize, currency: usize, out: bool, minor: u64, reference: u8) {
        let mut bytes = [0xAA; 16];
        bytes[0] = reference;
        self.command(Command::Fund(Fund {
            participant: ParticipantId(bank as u32),
            currency: self.samples[bank].currencies[currency],
            purpose: AccountPurpose::Settlement,
            direction: if out { FundDirection::Out } else { FundDirection::In },
            amount: MinorUnits(minor),
            reference: bytes,
        }));
    }

    /// One bit of a copy of the centre's disk flips. Either that is found, or it was in nothing that matters: then the same is
    /// read as without it (CHN-01).
    fn rot(&self, draw: u64) {
        let mut rng = Rng::new(draw, "rot");
        let copy = self.centre.machine.platters.copy();
        let before = fsck(Arc::new(copy.open_alone()), false);
        let Some(place) = copy.flip_bit(&mut rng) else { return };
        let after = fsck(Arc::new(copy.open_alone()), true);
        self.stage.count("bits flipped");
        let read = |report: &FsckReport| (report.blocks, report.payments, report.finals);
        let unfound = match (&before, &after) {
            (Ok(before), Ok(after)) => after.broken.is_empty() && before.broken.is_empty() && read(before) != read(after),
            (Err(_), _) | (_, Err(_)) => false,
        };
        self.stage.say("plan", format_args!("{place} flips; blocks {:?}", after.as_ref().ok().map(|report| report.blocks)));
        if unfound {
            self.stage.broke("CHN-01", format_args!("{place} was flipped, and something is gone without a word"));
        }
    }

    fn heal(&self) {
        self.stage.say("plan", "everything is repaired");
        for bank in &self.banks {
            bank.link.heal();
            bank.set_fault(Fault::None);
            bank.machine.heal();
            // The operator starts every bank again, so that none is left with books that a failed disk has closed.
            bank.machine.crash(false, 100, Moment::Now);
        }
        self.centre.machine.heal();
    }

    fn centre_model(&self) -> Option<Arc<ReadModel>> {
        self.centre.running().map(|running| running.model)
    }

    async fn look_at_books(&self) {
        for bank in &self.banks {
            if let Some(hands) = bank.running() {
                agreement::look(&self.stage, bank, &hands, || self.centre_model()).await;
            }
        }
    }

    /// Waits until nothing is under way, within the bound; then everything must agree.
    async fn come_to_rest(&self, plan: &Plan) {
        // A bank whose clock was ahead may have put off an answer by as much.
        let ahead = plan.steps.iter().map(|step| if let What::WrongClock { offset_ms, .. } = step.what { offset_ms } else { 0 });
        let until = self.stage.elapsed_ms() + REST_MS + ahead.max().unwrap_or(0).unsigned_abs();
        let mut resumed = false;
        loop {
            sleep(Duration::from_millis(500)).await;
            if !resumed && self.centre.running().is_some() {
                (0..self.banks.len()).for_each(|bank| self.set_status(bank, false));
                resumed = true;
            }
            let Some(unrest) = self.unrest().await else { break };
            if self.stage.elapsed_ms() > until {
                return self
                    .stage
                    .broke("LIVE", format_args!("no rest {} s after everything was repaired: {unrest}", REST_MS / 1000));
            }
        }
        self.stage.say("plan", "everything is at rest");
    }

    /// Why there is no rest yet; when there is, books and centre have been compared.
    async fn unrest(&self) -> Option<String> {
        let away = || Some("the centre does not serve".to_owned());
        let Some(running) = self.centre.running() else { return away() };
        let mut reports = Vec::new();
        for (at, bank) in self.banks.iter().enumerate() {
            let Some(hands) = bank.running() else { return Some(format!("{} does not work", bank.machine.name)) };
            let Some(report) = agreement::look(&self.stage, bank, &hands, || self.centre_model()).await else {
                return Some(format!("the books of {} cannot be read", bank.machine.name));
            };
            if let Some(unrest) = agreement::unrest(bank, &report, ParticipantId(at as u32), &running.model) {
                return Some(unrest);
            }
            reports.push(report);
        }
        let (all, settled, rejected) = running.model.counts();
        if all != settled + rejected {
            return Some(format!("{} payments have no end", all - settled - rejected));
        }
        for ((at, bank), report) in self.banks.iter().enumerate().zip(&reports) {
            agreement::settle_up(&self.stage, &self.observer, bank, report, ParticipantId(at as u32), &running.model);
        }
        None
    }

    /// Everything on the centre's disk, read again from the first block (ORD-02, CHN-01).
    fn judge_disk(&self) {
        let copy = self.centre.machine.platters.copy();
        match fsck(Arc::new(copy.open_alone()), true) {
            Ok(report) => {
                if let Some((law, detail)) = report.broken.first() {
                    self.stage.broke(law, detail);
                }
                if report.blocks < self.observer.height() {
                    self.stage
                        .broke("ORD-01", format_args!("{} of {} blocks are on disk", report.blocks, self.observer.height()));
                }
            }
            Err(error) => self.stage.broke("ORD-02", error),
        }
    }
}
