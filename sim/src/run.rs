//! One run: the machines are set up, the plan is played, everything is healed, and what is left must agree.

use crate::banks::Banks;
use crate::centre::{self, CentreSetup};
use crate::machine::Machine;
use crate::net::Hall;
use crate::observer::Observer;
use crate::outsider::{self, OddOrder, Outsider};
use crate::panics;
use crate::participant::bank_signer;
use crate::plan::{Plan, What};
use crate::reached::Marks;
use crate::rot;
use crate::rulebook::BookTerms;
use crate::stage::{BEGINNING_NS, Broken, SharedStage, Stage};
use crate::story::Step;
use bank::CURRENCIES;
use clearing::{
    Absence, AccountPurpose, Arrangement, Breaker, Command, Fund, FundDirection, LiquidityTerms, NetDebitCap, Notice,
    ParticipantId, ParticipantStatus, Says, SetLiquidity, Time,
};
use history::ReadModel;
use money::MinorUnits;
use ordering::{OrderedLog, Submission, fsck};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, sleep_until};

/// How long everything may take to come to rest once nothing is wrong any more: a deadline, what a wrong clock of the centre
/// adds to it, and the longest pauses of banks one behind the other.
const REST_MS: u64 = 240_000;
/// How often the books are looked at while the plan is played.
const LOOK_EVERY: Duration = Duration::from_secs(7);

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
    /// Events, rejections and refusals that it reached.
    pub reached: Marks,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
}

impl Outcome {
    /// Of a run of which nothing is known.
    pub fn of(seed: u64) -> Self {
        Self { seed, broken: None, counts: BTreeMap::new(), simulated_ms: 0, hash: 0, reached: Marks::new(), lines: Vec::new() }
    }

    /// Of the run on this stage.
    pub fn on(stage: &Stage) -> Self {
        Self {
            seed: stage.seed,
            broken: stage.broken(),
            counts: stage.counts(),
            simulated_ms: stage.elapsed_ms(),
            hash: stage.hash(),
            reached: stage.reached(),
            lines: stage.take_lines(),
        }
    }
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
    Outcome::on(&stage)
}

/// Does each step when its time comes, and a second longer; looks at the books every so often meanwhile.
pub async fn play_steps<W, L: Future<Output = ()>>(
    stage: &Stage,
    steps: &[Step<W>],
    mut act: impl FnMut(&W),
    look_every: Duration,
    look: impl Fn() -> L,
) {
    let steps = async {
        for step in steps {
            sleep_until(stage.at_ms(step.at_ms)).await;
            act(&step.what);
        }
        sleep(Duration::from_secs(1)).await;
    };
    let looking = async {
        loop {
            sleep(look_every).await;
            look().await;
        }
    };
    tokio::select! {
        biased;
        () = steps => {}
        () = looking => {}
    }
}

/// A clock that was ahead may have put off an answer by as much: the most of all of them, in milliseconds.
pub fn ahead_ms<'a>(happens: impl Iterator<Item = &'a What>) -> u64 {
    let ahead = happens.map(|what| if let What::WrongClock { offset_ms, .. } = what { *offset_ms } else { 0 });
    ahead.max().unwrap_or(0).unsigned_abs()
}

/// Does something so much later.
pub fn later(ms: u64, act: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        sleep(Duration::from_millis(ms)).await;
        act();
    });
}

/// Everything a run consists of.
struct Theatre {
    stage: SharedStage,
    observer: Arc<Observer>,
    centre: Arc<CentreSetup>,
    banks: Banks,
    outsider: Option<Arc<Outsider>>,
}

impl Theatre {
    fn set_up(plan: &Plan, stage: &SharedStage) -> Self {
        let observer = Observer::new(Arc::clone(stage));
        let hall = Arc::new(Hall::default());
        let banks = Banks::new(stage, &observer, &plan.scene, |_| Arc::clone(&hall));
        let samples = banks.samples().iter().enumerate();
        let mut members: Vec<_> = samples.map(|(at, sample)| centre::member(sample, &bank_signer(at, sample.bic))).collect();
        let latency_ms = plan.scene.latency_ms;
        let outsider = plan.scene.outsider.then(|| Outsider::start(stage, &observer, &hall, latency_ms, banks.samples()));
        members.extend(outsider.iter().map(|_| outsider::member()));
        let centre = Arc::new(CentreSetup {
            machine: Machine::new("centre", Arc::clone(stage), plan.scene.disk_ms),
            hall,
            observer: Arc::clone(&observer),
            scene: plan.scene.clone(),
            members,
            currencies: CURRENCIES.to_vec(),
            stage: Arc::clone(stage),
            running: Mutex::default(),
            gateways: Mutex::default(),
        });
        Self { stage: Arc::clone(stage), observer, centre, banks, outsider }
    }

    async fn perform(&self, plan: &Plan) {
        let setup = Arc::clone(&self.centre);
        self.centre.machine.keep_running(move |life| centre::live(Arc::clone(&setup), life));
        self.banks.keep_running();
        play_steps(&self.stage, &plan.steps, |what| self.act(what), LOOK_EVERY, || self.look_at_books()).await;
        self.heal();
        self.come_to_rest(plan).await;
        self.judge_disk();
    }

    fn act(&self, what: &What) {
        if !matches!(what, What::Pay(_)) {
            self.stage.say("plan", format_args!("{what:?}"));
        }
        if self.banks.act(what) {
            return;
        }
        match what {
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
            What::Rulebook { terms, in_ms, is_stale } => self.enter_rulebook(terms, *in_ms, *is_stale),
            What::Odd(order) => self.pay_oddly(order),
            What::Nuisance(nuisance) => {
                let commands = self.observer.ask(|model| nuisance.commands(model, self.stage.elapsed_ns()));
                commands.into_iter().for_each(|command| self.command(command));
            }
            What::BitRot { draw } => rot::judge(&self.stage, &self.centre.machine, *draw),
            What::Crash { .. }
            | What::FailSyncs { .. }
            | What::FullDisk { .. }
            | What::SlowDisk { .. }
            | What::WrongClock { .. } => self.centre.machine.suffer(what),
            // The banks have done it.
            What::Pay(_)
            | What::Ask { .. }
            | What::Mandate { .. }
            | What::Resend { .. }
            | What::TakeBack { .. }
            | What::Misbehave { .. }
            | What::BookRot { .. }
            | What::Partition { .. }
            | What::Cut { .. }
            | What::Lossy { .. } => {}
        }
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
        // Behind the sample banks comes the participant with the simulator's own software.
        let currency = self.banks.samples().get(bank).map_or(outsider::CODES[0], |sample| sample.currencies[0]);
        let from = Time(BEGINNING_NS).after((self.stage.elapsed_ms() + in_ms) * 1_000_000);
        let set = SetLiquidity { participant: ParticipantId(bank as u32), currency, terms, from };
        self.command(Command::Arrange(Arrangement::SetLiquidity(set)));
    }

    fn enter_rulebook(&self, terms: &BookTerms, in_ms: u64, is_stale: bool) {
        let next = self.observer.ask(|model| model.next_rulebook());
        let from = Time(BEGINNING_NS).after((self.stage.elapsed_ms() + in_ms) * 1_000_000);
        self.command(Command::SetRulebook(terms.book(if is_stale { next + 1 } else { next }, from)));
    }

    fn pay_oddly(&self, order: &OddOrder) {
        if let Some(outsider) = &self.outsider {
            outsider.pay(order);
        }
    }

    fn fund(&self, bank: usize, currency: usize, out: bool, minor: u64, reference: u8) {
        let mut bytes = [0xAA; 16];
        bytes[0] = reference;
        self.command(Command::Fund(Fund {
            participant: ParticipantId(bank as u32),
            currency: self.banks.samples()[bank].currencies[currency],
            purpose: AccountPurpose::Settlement,
            direction: if out { FundDirection::Out } else { FundDirection::In },
            amount: MinorUnits(minor),
            reference: bytes,
        }));
    }

    fn heal(&self) {
        self.stage.say("plan", "everything is repaired");
        self.banks.heal();
        self.centre.machine.heal();
    }

    fn centre_model(&self) -> Option<Arc<ReadModel>> {
        self.centre.running().map(|running| running.model)
    }

    async fn look_at_books(&self) {
        self.banks.look(&|| self.centre_model()).await;
    }

    /// Waits until nothing is under way, within the bound; then everything must agree.
    async fn come_to_rest(&self, plan: &Plan) {
        let until = self.stage.elapsed_ms() + REST_MS + ahead_ms(plan.steps.iter().map(|step| &step.what));
        let mut resumed = false;
        loop {
            sleep(Duration::from_millis(500)).await;
            if !resumed && self.centre.running().is_some() {
                (0..self.banks.all().len()).for_each(|bank| self.set_status(bank, false));
                resumed = true;
            }
            let Err(unrest) = self.rest().await else { break };
            if self.stage.elapsed_ms() > until {
                let text = format!("no rest {} s after everything was repaired: {unrest}", REST_MS / 1000);
                return self.stage.broke("LIVE", text);
            }
        }
        self.stage.say("plan", "everything is at rest");
    }

    /// At rest, books and centre are compared. An error says why there is no rest yet.
    async fn rest(&self) -> Result<(), String> {
        let Some(running) = self.centre.running() else { return Err("the centre does not serve".to_owned()) };
        // Before the books are read: what is released while they are would be in none of them.
        let waiting = self.observer.ask(|model| model.waiting());
        if waiting > 0 {
            return Err(format!("{waiting} payments wait"));
        }
        let reports = self.banks.at_rest(&running.model, &|| self.centre_model()).await?;
        if let Some(unrest) = self.outsider.as_ref().and_then(|outsider| outsider.unrest(&running.model)) {
            return Err(unrest);
        }
        self.banks.settle_up(&reports, &running.model);
        if let Some(outsider) = &self.outsider {
            outsider.settle_up(&self.observer, &running.model);
        }
        Ok(())
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
