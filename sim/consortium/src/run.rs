//! One run: operators and banks are set up, the plan is played, everything is healed, and what is left must agree.

use crate::clockwork;
use crate::court::Court;
use crate::director::{self, Order, Orders};
use crate::judgement::Bench;
use crate::officers;
use crate::operator::{self, EvidenceBook, Operator, beginning, chain_name};
use crate::plan::{Ordered, Plan, What};
use clearing::Time;
use consortium::{Ears, Field, Mouth, Settings, Weather};
use core::num::NonZeroU64;
use sim::banks::Banks;
use sim::centre::member;
use sim::machine::Machine;
use sim::observer::Observer;
use sim::participant::{BankSetup, bank_signer};
use sim::plan::What as BankWhat;
use sim::rng::Rng;
use sim::stage::{BEGINNING_NS, Broken, SharedStage, Stage};
use sim::{Outcome, ahead_ms, later, panics, play_steps};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// How long everything may take to come to rest once nothing is wrong any more: a payment's deadline, then the longest pauses
/// of banks one behind the other.
const REST_MS: u64 = 180_000;
/// How often the books are looked at while the plan is played.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Names of the operators' machines.
const OPERATOR_NAMES: [&str; 5] = ["op-0", "op-1", "op-2", "op-3", "op-4"];

/// All operators, one bit each.
const ALL: u8 = 0b11111;

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
    let broken = Broken { law: "PANIC".to_owned(), detail: panics::last(), at_ms: 0 };
    Outcome { broken: Some(broken), ..Outcome::of(seed) }
}

fn play(plan: Plan, traced: bool) -> Outcome {
    let (orders, received) = mpsc::unbounded_channel();
    let settings = Settings {
        epoch_blocks: NonZeroU64::new(plan.epoch_blocks).unwrap_or(NonZeroU64::MIN),
        index_entries: 64,
        cache_pages: 64,
        ..Settings::new(chain_name().as_bytes())
    };
    let (seed, operators, ears) = (plan.seed, plan.operators, Ears::default());
    let heard = ears.clone();
    let performing = || perform(plan, Stage::new(seed, traced), orders, heard);
    let directing = move |context| director::direct(context, settings, operators, ears, received);
    clockwork::play(seed, BEGINNING_NS, performing, directing)
}

async fn perform(plan: Plan, stage: SharedStage, orders: Orders, ears: Ears) -> Outcome {
    let theatre = Theatre::set_up(&plan, &stage, orders, ears);
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

/// Everything a run consists of.
struct Theatre {
    stage: SharedStage,
    court: Arc<Court>,
    operators: Vec<Arc<Operator>>,
    keys: Vec<[u8; 32]>,
    banks: Banks,
    orders: Orders,
    weather: Weather,
    /// Who lies, and through what.
    liar: Option<(usize, Mouth)>,
    ears: Ears,
    /// Names of officers' orders.
    order_ids: Mutex<Rng>,
}

impl Theatre {
    fn set_up(plan: &Plan, stage: &SharedStage, orders: Orders, ears: Ears) -> Self {
        let observer = Observer::new(Arc::clone(stage));
        let court = Court::new(Arc::clone(stage), Arc::clone(&observer));
        let halls: Vec<_> = (0..plan.operators).map(|_| Arc::default()).collect();
        let banks = Banks::new(stage, &observer, &plan.scene, |at| Arc::clone(&halls[at]));
        let samples = banks.samples().iter().enumerate();
        let members: Vec<_> = samples.map(|(at, sample)| member(sample, &bank_signer(at, sample.bic))).collect();
        let beginning = beginning(&plan.scene, &members);
        let liar = plan.liar.map(|liar| (liar, Mouth::default()));
        let operator = |(at, hall)| {
            Arc::new(Operator {
                at,
                machine: Machine::new(OPERATOR_NAMES[at], Arc::clone(stage), plan.scene.disk_ms),
                hall,
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
        let ms = Duration::from_millis;
        Self {
            operators: halls.into_iter().enumerate().map(operator).collect(),
            keys: Field::keys(plan.operators),
            weather: Weather { latency: ms(plan.latency_ms), jitter: ms(plan.latency_ms / 2), loss_permille: 0 },
            order_ids: Mutex::new(Rng::new(plan.seed, "order ids")),
            stage: Arc::clone(stage),
            court,
            banks,
            orders,
            liar,
            ears,
        }
    }

    fn bench(&self) -> Bench<'_> {
        Bench {
            stage: &self.stage,
            court: &self.court,
            operators: &self.operators,
            keys: &self.keys,
            liar: self.liar.as_ref(),
            ears: &self.ears,
        }
    }

    async fn perform(&self, plan: &Plan) {
        self.link(ALL, ALL, Some(self.weather));
        for operator in &self.operators {
            let setup = Arc::clone(operator);
            operator.machine.keep_running(move |life| operator::live(Arc::clone(&setup), life));
        }
        self.banks.keep_running();
        play_steps(&self.stage, &plan.steps, |what| self.act(what), LOOK_EVERY, || self.look()).await;
        self.heal();
        self.come_to_rest(plan).await;
        self.bench().judge_disks();
        self.bench().judge_liar(&self.orders).await;
    }

    fn act(&self, what: &What) {
        if !matches!(what, What::Bank(BankWhat::Pay(_))) {
            self.stage.say("plan", format_args!("{what:?}"));
        }
        match what {
            What::Bank(what) => {
                self.banks.act(what);
            }
            What::Turn { bank, operator } => {
                self.stage.count("turns to another door");
                self.banks.all()[*bank].link.lead_to(Arc::clone(&self.operators[*operator].hall));
            }
            What::Crash { operator, power, down_ms, when } => {
                self.operators[*operator].machine.crash(*power, *down_ms, *when);
            }
            What::Cut { from, to, for_ms } => {
                self.stage.count("cuts between operators");
                self.link(*from, *to, None);
                self.link_later(*for_ms, *from, *to);
            }
            What::Lossy { permille, for_ms } => {
                self.stage.count("lossy times between operators");
                self.link(ALL, ALL, Some(Weather { loss_permille: *permille, ..self.weather }));
                self.link_later(*for_ms, ALL, ALL);
            }
            What::Lie { lie, for_ms } => {
                let Some((_, mouth)) = self.liar.clone() else { return };
                mouth.speak(Some(*lie));
                later(*for_ms, move || mouth.speak(None));
            }
            What::SlowDisk { operator, ms, for_ms } => {
                let machine = Arc::clone(&self.operators[*operator].machine);
                machine.set_disk_ms(Some(*ms));
                later(*for_ms, move || machine.set_disk_ms(None));
            }
            What::WrongClock { operator, offset_ms, for_ms } => {
                self.stage.count("wrong clocks of operators");
                let machine = Arc::clone(&self.operators[*operator].machine);
                machine.clock.set(*offset_ms, 0);
                later(*for_ms, move || machine.clock.set(0, 0));
            }
            What::Order { operator, does } => self.order(*operator, does),
        }
    }

    /// Opens, changes or cuts links from each of these operators to each of those.
    fn link(&self, from: u8, to: u8, weather: Option<Weather>) {
        set_links(&self.orders, self.operators.len(), (from, to), weather);
    }

    /// Makes the same links as usual again.
    fn link_later(&self, ms: u64, from: u8, to: u8) {
        let (orders, operators, weather) = (self.orders.clone(), self.operators.len(), self.weather);
        later(ms, move || set_links(&orders, operators, (from, to), Some(weather)));
    }

    fn order(&self, operator: usize, does: &Ordered) {
        let does = officers::command(does, self.court.nodes_version(), &self.keys);
        let id = self.order_ids.lock().unwrap_or_else(PoisonError::into_inner).bytes16();
        let now = Time(BEGINNING_NS + self.stage.elapsed_ns());
        let taken = officers::bring(&self.operators[operator], id, now, &does);
        self.stage.count(if taken { "orders of officers" } else { "orders not taken at the door" });
    }

    fn heal(&self) {
        self.stage.say("plan", "everything is repaired");
        self.link(ALL, ALL, Some(self.weather));
        for operator in &self.operators {
            operator.machine.heal();
        }
        if let Some((_, mouth)) = &self.liar {
            mouth.speak(None);
        }
        for bank in self.banks.all() {
            self.leave_liar(bank);
        }
        self.banks.heal();
    }

    /// Others may have shut the liar out for good: its banks go elsewhere.
    fn leave_liar(&self, bank: &BankSetup) {
        if let Some((liar, _)) = &self.liar {
            bank.link.lead_to(Arc::clone(&self.operators[(liar + 1) % self.operators.len()].hall));
        }
    }

    fn is_liar(&self, operator: usize) -> bool {
        self.liar.as_ref().is_some_and(|(liar, _)| *liar == operator)
    }

    async fn look(&self) {
        self.banks.look(&|| Some(self.court.model())).await;
        self.bench().judge_evidence();
    }

    /// Waits until nothing is under way, within the bound; then everything must agree.
    async fn come_to_rest(&self, plan: &Plan) {
        let of_banks = plan.steps.iter().filter_map(|step| if let What::Bank(what) = &step.what { Some(what) } else { None });
        let until = self.stage.elapsed_ms() + REST_MS + ahead_ms(of_banks);
        loop {
            sleep(Duration::from_millis(500)).await;
            self.resume_banks();
            let Err(unrest) = self.rest().await else { break };
            if self.stage.elapsed_ms() > until {
                let text = format!("no rest {} s after everything was repaired: {unrest}", REST_MS / 1000);
                return self.stage.broke("LIVE", text);
            }
        }
        self.stage.say("plan", "everything is at rest");
    }

    /// Officers order it until it is done: an order may be lost with the door it was brought to.
    fn resume_banks(&self) {
        let honest = self.operators.iter().find(|operator| operator.running().is_some() && !self.is_liar(operator.at));
        let Some(door) = honest.map(|operator| operator.at) else { return };
        for bank in self.court.suspended() {
            self.order(door, &Ordered::Suspend { bank, suspended: false });
        }
    }

    /// At rest, books and chain are compared. An error says why there is no rest yet.
    async fn rest(&self) -> Result<(), String> {
        let model = self.court.model();
        // Blocks come all the time: every operator must get as far as somebody is now.
        let height = self.court.height();
        let reports = self.banks.at_rest(&model, &|| Some(self.court.model())).await?;
        sleep(Duration::from_millis(500)).await;
        for operator in &self.operators {
            let name = operator.machine.name;
            if operator.running().is_none() {
                return Err(format!("{name} does not serve"));
            }
            if self.court.told_by(operator.at) < height && !self.is_liar(operator.at) {
                return Err(format!("{name} is at block {} of {height}", self.court.told_by(operator.at)));
            }
        }
        self.banks.settle_up(&reports, &model);
        Ok(())
    }
}

fn set_links(orders: &Orders, operators: usize, (from, to): (u8, u8), weather: Option<Weather>) {
    let pairs = (0..operators).flat_map(|from| (0..operators).map(move |to| (from, to)));
    for (from, to) in pairs.filter(|pair| pair.0 != pair.1 && from >> pair.0 & 1 == 1 && to >> pair.1 & 1 == 1) {
        // The engine's side listens as long as the run lasts.
        let _ = orders.send(Order::Link { from, to, weather });
    }
}
