//! One run: operators and banks are set up, the plan is played, everything is healed, and what is left must agree.

use crate::clockwork;
use crate::court::Court;
use crate::director::{self, Order, Orders};
use crate::operator::{self, EvidenceBook, Operator, beginning, chain_name};
use crate::plan::{OPERATORS, Plan, What};
use bank::{Fault, SampleBank, sample_banks};
use clearing::{Bic, IndexSeed, ParticipantId, PaymentView};
use consortium::{Mouth, Settings, Weather};
use core::num::NonZeroU64;
use ordering::{Disk, DurableBlock, Follower, Making, Sink, StopReason, audit_certificates, fsck};
use sim::agreement;
use sim::centre::{journal_config, member};
use sim::customer::{self, ConfirmedList};
use sim::machine::Machine;
use sim::net::{Hall, NetLink};
use sim::observer::Observer;
use sim::participant::{self, BankSetup, bank_signer};
use sim::plan::{Moment, What as BankWhat};
use sim::stage::{BEGINNING_NS, SharedStage, Stage};
use sim::{NAMES, Outcome, panics};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, sleep_until};

/// How long everything may take to come to rest once nothing is wrong any more: a payment's deadline, then the longest pauses
/// of banks one behind the other.
const REST_MS: u64 = 180_000;
/// How often the books are looked at while the plan is played.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Contradictions that may go unnoticed: both votes must reach somebody who is still in their view.
const LIES_UNNOTICED_MAX: u64 = 5;
/// Names of the operators' machines.
const OPERATOR_NAMES: [&str; OPERATORS] = ["op-0", "op-1", "op-2", "op-3"];

/// All operators, one bit each.
const ALL: u8 = 0b1111;

/// Plays a plan from the beginning to the end, or to the first law that breaks.
pub fn run(plan: &Plan, traced: bool) -> Outcome {
    panics::keep();
    panics::forget();
    let (plan, seed) = (plan.clone(), plan.seed);
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(plan, traced)));
    played.unwrap_or_else(|_| panicked(seed))
}

/// What is left of a run that ended in a panic of the engine's side: its words.
fn panicked(seed: u64) -> Outcome {
    let broken = sim::stage::Broken { law: "PANIC".to_owned(), detail: panics::last(), at_ms: 0 };
    Outcome { seed, broken: Some(broken), counts: Default::default(), simulated_ms: 0, hash: 0, lines: Vec::new() }
}

fn play(plan: Plan, traced: bool) -> Outcome {
    let (orders, received) = mpsc::unbounded_channel();
    let settings = Settings {
        epoch_blocks: NonZeroU64::new(plan.epoch_blocks).unwrap_or(NonZeroU64::MIN),
        index_entries: 64,
        cache_pages: 64,
        ..Settings::new(chain_name().as_bytes())
    };
    let seed = plan.seed;
    let performing = || perform(plan, Stage::new(seed, traced), orders);
    let directing = move |context| director::direct(context, settings, OPERATORS, received);
    clockwork::play(seed, BEGINNING_NS, performing, directing)
}

async fn perform(plan: Plan, stage: SharedStage, orders: Orders) -> Outcome {
    let theatre = Theatre::set_up(&plan, &stage, orders);
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
    court: Arc<Court>,
    operators: Vec<Arc<Operator>>,
    banks: Vec<Arc<BankSetup>>,
    samples: Arc<Vec<SampleBank>>,
    confirmed: ConfirmedList,
    orders: Orders,
    weather: Weather,
    /// Who lies, and through what.
    liar: Option<(usize, Mouth)>,
}

impl Theatre {
    fn set_up(plan: &Plan, stage: &SharedStage, orders: Orders) -> Self {
        let samples = Arc::new(sample_banks());
        let observer = Observer::new(Arc::clone(stage));
        let court = Court::new(Arc::clone(stage), Arc::clone(&observer));
        let members: Vec<_> =
            samples.iter().enumerate().map(|(at, sample)| member(sample, &bank_signer(at, sample.bic))).collect();
        let beginning = beginning(&plan.scene, &members);
        let liar = plan.liar.map(|liar| (liar, Mouth::default()));
        let operator = |(at, name): (usize, &&'static str)| {
            Arc::new(Operator {
                at,
                machine: Machine::new(name, Arc::clone(stage), plan.scene.disk_ms),
                hall: Arc::default(),
                court: Arc::clone(&court),
                evidence: Arc::new(EvidenceBook::default()),
                scene: plan.scene.clone(),
                beginning: beginning.clone(),
                mouth: liar.clone().filter(|(liar, _)| *liar == at).map(|(_, mouth)| mouth),
                orders: orders.clone(),
                stage: Arc::clone(stage),
                running: Mutex::default(),
                gateways: Mutex::default(),
            })
        };
        let operators: Vec<_> = OPERATOR_NAMES.iter().enumerate().map(operator).collect();
        let bank = |(at, sample): (usize, &SampleBank)| bank_of(at, sample, plan, stage, &observer, &operators[at].hall);
        let banks = samples.iter().enumerate().map(bank).collect();
        let ms = Duration::from_millis;
        let weather = Weather { latency: ms(plan.latency_ms), jitter: ms(plan.latency_ms / 2), loss_permille: 0 };
        let stage = Arc::clone(stage);
        Self { stage, observer, court, operators, banks, samples, confirmed: ConfirmedList::default(), orders, weather, liar }
    }

    async fn perform(&self, plan: &Plan) {
        self.link_all(self.weather);
        for operator in &self.operators {
            let setup = Arc::clone(operator);
            operator.machine.keep_running(move |life| operator::live(Arc::clone(&setup), life));
        }
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
        self.come_to_rest().await;
        self.judge_disks();
        self.judge_liar().await;
    }

    fn link_all(&self, weather: Weather) {
        set_links(&self.orders, ALL, ALL, Some(weather));
    }

    fn act(&self, what: &What) {
        if !matches!(what, What::Bank(BankWhat::Pay(_))) {
            self.stage.say("plan", format_args!("{what:?}"));
        }
        match what {
            What::Bank(what) => self.act_on_bank(what),
            What::Turn { bank, operator } => {
                self.stage.count("turns to another door");
                self.banks[*bank].link.lead_to(Arc::clone(&self.operators[*operator].hall));
            }
            What::Crash { operator, power, down_ms, when } => {
                self.operators[*operator].machine.crash(*power, *down_ms, *when);
            }
            What::Cut { from, to, for_ms } => {
                self.stage.count("cuts between operators");
                set_links(&self.orders, *from, *to, None);
                let (orders, weather, from, to) = (self.orders.clone(), self.weather, *from, *to);
                self.later(*for_ms, move || set_links(&orders, from, to, Some(weather)));
            }
            What::Lossy { permille, for_ms } => {
                self.stage.count("lossy times between operators");
                self.link_all(Weather { loss_permille: *permille, ..self.weather });
                let (orders, weather) = (self.orders.clone(), self.weather);
                self.later(*for_ms, move || set_links(&orders, ALL, ALL, Some(weather)));
            }
            What::Lie { lie, for_ms } => {
                let Some((_, mouth)) = self.liar.clone() else { return };
                mouth.speak(Some(*lie));
                self.later(*for_ms, move || mouth.speak(None));
            }
            What::SlowDisk { operator, ms, for_ms } => {
                let machine = Arc::clone(&self.operators[*operator].machine);
                machine.set_disk_ms(Some(*ms));
                self.later(*for_ms, move || machine.set_disk_ms(None));
            }
        }
    }
    fn act_on_bank(&self, what: &BankWhat) {
        match what {
            BankWhat::Pay(order) => {
                let Some(hands) = self.banks[order.bank].running() else { return };
                let life = Arc::clone(&hands.life);
                let (stage, samples, confirmed) =
                    (Arc::clone(&self.stage), Arc::clone(&self.samples), Arc::clone(&self.confirmed));
                life.spawn(Box::pin(customer::pay(stage, hands, order.clone(), samples, confirmed)));
            }
            BankWhat::Resend { nth, changed } => self.resend(*nth, *changed),
            BankWhat::Misbehave { bank, fault } => {
                self.stage.count("bank faults");
                self.banks[*bank].set_fault(fault.clone());
            }
            BankWhat::Crash { machine, power, down_ms, when } => {
                self.banks[(machine - 1) % self.banks.len()].machine.crash(*power, *down_ms, *when);
            }
            BankWhat::Partition { bank, up, down, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.banks[*bank].link);
                link.block(*up, *down);
                self.later(*for_ms, move || link.block(false, false));
            }
            BankWhat::Cut { bank } => {
                self.stage.count("network faults");
                self.banks[*bank].link.cut();
            }
            BankWhat::Lossy { bank, permille, for_ms } => {
                self.stage.count("network faults");
                let link = Arc::clone(&self.banks[*bank].link);
                link.set_loss(*permille);
                self.later(*for_ms, move || link.set_loss(0));
            }
            // No plan of this crate has them.
            BankWhat::Suspend { .. }
            | BankWhat::Fund { .. }
            | BankWhat::FailSyncs { .. }
            | BankWhat::FullDisk { .. }
            | BankWhat::SlowDisk { .. }
            | BankWhat::BitRot { .. }
            | BankWhat::WrongClock { .. } => {}
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

    fn heal(&self) {
        self.stage.say("plan", "everything is repaired");
        self.link_all(self.weather);
        for operator in &self.operators {
            operator.machine.heal();
        }
        if let Some((_, mouth)) = &self.liar {
            mouth.speak(None);
        }
        for bank in &self.banks {
            // Others may have shut the liar out for good: its banks go elsewhere.
            self.leave_liar(bank);
            bank.link.heal();
            bank.set_fault(Fault::None);
            bank.machine.heal();
            // The bank's operator starts it again, so that none is left with books that a failed disk has closed.
            bank.machine.crash(false, 100, Moment::Now);
        }
    }

    fn leave_liar(&self, bank: &BankSetup) {
        if let Some((liar, _)) = &self.liar {
            bank.link.lead_to(Arc::clone(&self.operators[(liar + 1) % OPERATORS].hall));
        }
    }

    fn is_liar(&self, operator: usize) -> bool {
        self.liar.as_ref().is_some_and(|(liar, _)| *liar == operator)
    }

    async fn look_at_books(&self) {
        for bank in &self.banks {
            if let Some(hands) = bank.running() {
                agreement::look(&self.stage, bank, &hands, || Some(self.court.model())).await;
            }
        }
    }

    /// Waits until nothing is under way, within the bound; then everything must agree.
    async fn come_to_rest(&self) {
        let until = self.stage.elapsed_ms() + REST_MS;
        loop {
            sleep(Duration::from_millis(500)).await;
            let Some(unrest) = self.unrest().await else { break };
            if self.stage.elapsed_ms() > until {
                let text = format!("no rest {} s after everything was repaired: {unrest}", REST_MS / 1000);
                return self.stage.broke("LIVE", text);
            }
        }
        self.stage.say("plan", "everything is at rest");
    }

    /// Why there is no rest yet; when there is, books and chain have been compared.
    async fn unrest(&self) -> Option<String> {
        let model = self.court.model();
        // Blocks come all the time: every operator must get as far as somebody is now.
        let height = self.court.height();
        let mut reports = Vec::new();
        for (at, bank) in self.banks.iter().enumerate() {
            let Some(hands) = bank.running() else { return Some(format!("{} does not work", bank.machine.name)) };
            let Some(report) = agreement::look(&self.stage, bank, &hands, || Some(self.court.model())).await else {
                return Some(format!("the books of {} cannot be read", bank.machine.name));
            };
            if let Some(unrest) = agreement::unrest(bank, &report, ParticipantId(at as u32), &model) {
                return Some(unrest);
            }
            reports.push(report);
        }
        let (all, settled, rejected) = model.counts();
        if all != settled + rejected {
            return Some(format!("{} payments have no end", all - settled - rejected));
        }
        sleep(Duration::from_millis(500)).await;
        for operator in &self.operators {
            let name = operator.machine.name;
            if operator.running().is_none() {
                return Some(format!("{name} does not serve"));
            }
            if self.court.told_by(operator.at) < height && !self.is_liar(operator.at) {
                return Some(format!("{name} is at block {} of {height}", self.court.told_by(operator.at)));
            }
        }
        for ((at, bank), report) in self.banks.iter().enumerate().zip(&reports) {
            agreement::settle_up(&self.stage, &self.observer, bank, report, ParticipantId(at as u32), &model);
        }
        None
    }

    /// Everything on every operator's disk, read again from the first block: the same chain, with every payment's message.
    fn judge_disks(&self) {
        for operator in &self.operators {
            let name = operator.machine.name;
            let copy = operator.machine.platters.copy();
            match fsck(Arc::new(copy.open_alone()), true) {
                Ok(report) => {
                    if let Some((law, detail)) = report.broken.first() {
                        self.stage.broke(law, format_args!("{name}: {detail}"));
                    }
                    if report.blocks < self.court.told_by(operator.at) {
                        self.stage.broke("ORD-01", format_args!("{name} has {} blocks on disk and told more", report.blocks));
                    }
                }
                Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
            }
            self.judge_vault(name, Arc::new(copy.open_alone()));
            self.judge_certificates(operator, &copy.open_alone());
        }
    }

    /// Each operator can show the signed message behind each payment, whoever took it in.
    fn judge_vault(&self, name: &str, disk: Arc<dyn Disk>) {
        let config = journal_config(&self.operators[0].scene);
        match Follower::open(disk, config, IndexSeed(0), Making::Stepped, |_| Deaf) {
            Ok(follower) => {
                let lacks = |payment: &PaymentView| follower.message_of(payment.uetr).is_none();
                if let Some(payment) = follower.clearing().payments().find(lacks) {
                    self.stage.broke("VAULT", format_args!("{name} has no message of payment {}", payment.uetr));
                }
            }
            Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
        }
    }

    /// Certificates on the disk are each signed by a quorum over the block they stand under.
    fn judge_certificates(&self, operator: &Operator, disk: &dyn Disk) {
        let name = operator.machine.name;
        let Some(running) = operator.running() else { return };
        match audit_certificates(disk, &running.node.rosters().validators()) {
            Ok(report) => {
                if let Some(detail) = report.broken.first() {
                    self.stage.broke("CERT", format_args!("{name}: {detail}"));
                }
            }
            Err(error) => self.stage.broke("ORD-02", format_args!("{name}: {error}")),
        }
    }

    /// Evidence is there exactly for the liar, and nobody else was shut out.
    async fn judge_liar(&self) {
        let (reply, report) = oneshot::channel();
        let _ = self.orders.send(Order::Report(reply));
        let Ok((shut_out, keys)) = report.await else { return self.stage.broke("LIVE", "the engine's side has ended") };
        for (by, whom) in shut_out.into_iter().filter(|(by, _)| !self.is_liar(*by)) {
            self.stage.say("plan", format_args!("operator {by} has shut out operator {whom}"));
            if !self.is_liar(whom) {
                self.stage.broke("EVIDENCE", format_args!("operator {by} has shut out operator {whom}, who is honest"));
            }
        }
        let honest = || self.operators.iter().filter(|operator| !self.is_liar(operator.at));
        let mut convicted = 0;
        for evidence in honest().flat_map(|operator| operator.evidence.all()) {
            self.stage.count("evidence");
            convicted += 1;
            let whom = keys.iter().position(|key| evidence.validator == *key);
            if !whom.is_some_and(|whom| self.is_liar(whom)) {
                let text = format!("there is evidence of {} against operator {whom:?}, who is honest", evidence.kind);
                self.stage.broke("EVIDENCE", text);
            }
        }
        let Some((_, mouth)) = &self.liar else { return };
        for (lie, times) in mouth.told() {
            self.stage.say("plan", format_args!("told {lie:?} {times} times"));
            (0..times).for_each(|_| self.stage.count("lies"));
            if lie.convicts() && times >= LIES_UNNOTICED_MAX && convicted == 0 {
                self.stage.broke("EVIDENCE", format_args!("{lie:?} was told {times} times, and nobody has evidence"));
            }
        }
    }
}

/// Hears nothing: files are opened to be looked at.
struct Deaf;

impl Sink for Deaf {
    fn durable(&mut self, _: DurableBlock) {}
    fn stopped(&mut self, _: StopReason) {}
}

/// Opens, changes or cuts links from each of these operators to each of those.
fn set_links(orders: &Orders, from: u8, to: u8, weather: Option<Weather>) {
    let pairs = (0..OPERATORS).flat_map(|from| (0..OPERATORS).map(move |to| (from, to)));
    for (from, to) in pairs.filter(|pair| pair.0 != pair.1 && from >> pair.0 & 1 == 1 && to >> pair.1 & 1 == 1) {
        // The engine's side listens as long as the run lasts.
        let _ = orders.send(Order::Link { from, to, weather });
    }
}

fn bank_of(
    at: usize,
    sample: &SampleBank,
    plan: &Plan,
    stage: &SharedStage,
    observer: &Arc<Observer>,
    hall: &Arc<Hall>,
) -> Arc<BankSetup> {
    let watching = Arc::clone(observer);
    let tap = Box::new(move |bytes: &[u8]| watching.bank_reads(bytes));
    let bic = Bic::parse(sample.bic).expect("sample banks have BICs");
    Arc::new(BankSetup {
        sample: sample.clone(),
        machine: Machine::new(NAMES[at], Arc::clone(stage), plan.scene.disk_ms),
        link: NetLink::new(bic, NAMES[at], plan.scene.latency_ms, Arc::clone(hall), Arc::clone(stage), tap),
        stage: Arc::clone(stage),
        fault: Mutex::new(Fault::None),
        running: Mutex::default(),
    })
}
