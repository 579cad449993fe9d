//! A run's plan: who pays whom, what goes wrong between operators and when, what officers order. Made of a seed, kept as data.
//!
//! Payments, repeats and what happens to banks come from `sim`'s plan of the same seed, in a third of its time; what happens to
//! operators is drawn here. Each seed decides which kinds of trouble it has at all. At most one operator lies in a run, and at
//! most one has a wrong clock.

use crate::run::run;
use consortium::Lie;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sim::Outcome;
use sim::plan::{self, Moment, Scene};
use sim::rng::Rng;
use sim::story::{self, Story};

/// Operators that vote from the beginning on: one may be away or lie.
pub const VOTERS: usize = 4;
/// By how much `sim`'s plans are shortened: a block between operators costs more to run than one of a journal.
const FASTER: u64 = 3;

/// The plan of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Everything random in the run is made of it.
    pub seed: u64,
    /// What holds from the beginning to the end.
    pub scene: Scene,
    /// Usual time of a message from one operator to another, in milliseconds.
    pub latency_ms: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// All operators; those behind the first [`VOTERS`] follow until officers order otherwise.
    pub operators: usize,
    /// Who lies now and then, if anybody does.
    pub liar: Option<usize>,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// Something that happens.
pub type Step = story::Step<What>;

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// Something between customers, banks and the door a bank uses.
    Bank(plan::What),
    /// A bank turns to another operator's door, with the same cursor, and sends again what was not answered.
    Turn {
        /// Which bank, from zero.
        bank: usize,
        /// To whose door.
        operator: usize,
    },
    /// An operator's process crashes.
    Crash {
        /// Whose.
        operator: usize,
        /// Whether its machine loses power as well.
        power: bool,
        /// How long it is away, in milliseconds.
        down_ms: u64,
        /// When exactly.
        when: Moment,
    },
    /// Nothing arrives from some operators at others.
    Cut {
        /// From each of these, one bit each.
        from: u8,
        /// To each of these.
        to: u8,
        /// For how long.
        for_ms: u64,
    },
    /// Messages between all operators are lost.
    Lossy {
        /// So many of a thousand.
        permille: u16,
        /// For how long.
        for_ms: u64,
    },
    /// The liar begins to lie.
    Lie {
        /// How.
        #[serde(serialize_with = "write_lie", deserialize_with = "read_lie")]
        lie: Lie,
        /// For how long.
        for_ms: u64,
    },
    /// An operator's disk is slow.
    SlowDisk {
        /// Whose.
        operator: usize,
        /// Longest time it takes.
        ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// An operator's clock is wrong.
    WrongClock {
        /// Whose.
        operator: usize,
        /// By so many milliseconds.
        offset_ms: i64,
        /// For how long.
        for_ms: u64,
    },
    /// Two officers' order is brought to an operator's door.
    Order {
        /// Whose.
        operator: usize,
        /// What is ordered.
        does: Ordered,
    },
}

/// What officers order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ordered {
    /// These operators vote from the next epoch on, one bit each; all others follow.
    Voters(u8),
    /// A bank is suspended, or takes part again.
    Suspend {
        /// Which bank, from zero.
        bank: usize,
        /// Whether it is suspended.
        suspended: bool,
    },
}

/// A lie by its name in the code.
fn write_lie<S: Serializer>(lie: &Lie, to: S) -> Result<S::Ok, S::Error> {
    format!("{lie:?}").serialize(to)
}

fn read_lie<'de, D: Deserializer<'de>>(from: D) -> Result<Lie, D::Error> {
    let name = String::deserialize(from)?;
    let found = Lie::ALL.into_iter().find(|lie| format!("{lie:?}") == name);
    found.ok_or_else(|| serde::de::Error::custom(format!("no lie is called {name}")))
}

/// How much of each kind of trouble a run has.
struct Weights {
    crashes: u64,
    cuts: u64,
    losses: u64,
    disks: u64,
    turns: u64,
}

impl Story for Plan {
    type What = What;
    const COMMAND: &'static str = "cargo xtask sim --engine consortium";
    const SEEDS: u64 = 15;

    fn of(seed: u64) -> Self {
        let payments = plan::Plan::of(seed);
        let mut rng = Rng::new(seed, "operators");
        let weights = weights(&mut rng);
        let bank_steps = payments.steps.into_iter().filter(|step| concerns_banks(&step.what));
        let mut steps: Vec<Step> =
            bank_steps.map(|step| Step { at_ms: 2_000 + step.at_ms / FASTER, what: What::Bank(step.what) }).collect();
        let last_ms = steps.iter().map(|step| step.at_ms).max().unwrap_or(10_000);
        for _ in 0..rng.between(0, 12) {
            let at_ms = rng.between(1_000, last_ms);
            if let Some(what) = trouble(&mut rng, &weights) {
                steps.push(Step { at_ms, what });
            }
        }
        let liar = rng.permille(600).then(|| operator(&mut rng));
        for _ in 0..liar.map_or(0, |_| rng.between(1, 4)) {
            let lie = *rng.pick(&Lie::ALL);
            steps.push(Step { at_ms: rng.between(1_000, last_ms), what: What::Lie { lie, for_ms: rng.between(500, 4_000) } });
        }
        let latency_ms = *rng.pick(&[1, 3, 8, 20]);
        let epoch_blocks = *rng.pick(&[17, 60, 1 << 20]);
        steps.extend(clocks(seed, last_ms));
        let (operators, orders) = orders(seed, last_ms, liar);
        steps.extend(orders);
        steps.sort_by_key(|step| step.at_ms);
        Self { seed, scene: Scene { outsider: false, ..payments.scene }, latency_ms, epoch_blocks, operators, liar, steps }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn steps_mut(&mut self) -> &mut Vec<Step> {
        &mut self.steps
    }

    /// Which lies are planned, and by whom: a seed that is recorded says what it is good for.
    fn note(&self) -> String {
        let lies = self.steps.iter().filter_map(|step| if let What::Lie { lie, .. } = step.what { Some(lie) } else { None });
        let mut lies: Vec<String> = lies.map(|lie| format!("{lie:?}")).collect();
        lies.sort();
        lies.dedup();
        match self.liar {
            Some(liar) if !lies.is_empty() => format!("op-{liar} lies: {}", lies.join(", ")),
            Some(_) | None => "nobody lies".to_owned(),
        }
    }

    fn play(&self, traced: bool) -> Outcome {
        run(self, traced)
    }
}

/// What `sim` plans for the centre's machine is another matter here, and operators' commands are orders.
fn concerns_banks(what: &plan::What) -> bool {
    match what {
        plan::What::Pay(_)
        | plan::What::Ask { .. }
        | plan::What::Mandate { .. }
        | plan::What::Resend { .. }
        | plan::What::Misbehave { .. }
        | plan::What::BookRot { .. }
        | plan::What::Partition { .. }
        | plan::What::Cut { .. }
        | plan::What::Lossy { .. } => true,
        plan::What::Crash { machine, .. }
        | plan::What::FailSyncs { machine, .. }
        | plan::What::FullDisk { machine, .. }
        | plan::What::SlowDisk { machine, .. }
        | plan::What::WrongClock { machine, .. } => *machine != 0,
        plan::What::Suspend { .. }
        | plan::What::Standing { .. }
        | plan::What::Absence { .. }
        | plan::What::Breaker { .. }
        | plan::What::Liquidity { .. }
        | plan::What::Fund { .. }
        | plan::What::Rulebook { .. }
        | plan::What::Odd(_)
        | plan::What::Nuisance(_)
        | plan::What::TakeBack { .. }
        | plan::What::BitRot { .. } => false,
    }
}

/// In a quarter of the runs one operator's clock is wrong now and then: within the bound or far beyond it.
fn clocks(seed: u64, last_ms: u64) -> Vec<Step> {
    let mut rng = Rng::new(seed, "operators' clocks");
    if !rng.permille(250) {
        return Vec::new();
    }
    let operator = operator(&mut rng);
    let times = rng.between(1, 3);
    let wrong = |_| {
        let most = *rng.pick(&[1_500, 10_000, 100_000]);
        let offset_ms = rng.between(0, 2 * most) as i64 - most as i64;
        let at_ms = rng.between(1_000, last_ms);
        Step { at_ms, what: What::WrongClock { operator, offset_ms, for_ms: rng.between(1_000, 8_000) } }
    };
    (0..times).map(wrong).collect()
}

/// In a third of the runs a fifth operator follows and officers order who votes, and which bank is suspended. Whoever lies keeps
/// its vote: who is shut out for good and has no vote cannot be told from one that cannot catch up.
fn orders(seed: u64, last_ms: u64, liar: Option<usize>) -> (usize, Vec<Step>) {
    let mut rng = Rng::new(seed, "officers");
    if !rng.permille(333) {
        return (VOTERS, Vec::new());
    }
    let (operators, times) = (VOTERS + 1, rng.between(1, 4));
    let order = |_| {
        let does = if rng.permille(600) {
            let spared = rng.below(operators as u64) as usize;
            let all = (1 << operators) - 1;
            Ordered::Voters(if rng.permille(300) || Some(spared) == liar { all } else { all & !(1 << spared) })
        } else {
            Ordered::Suspend { bank: rng.below(4) as usize, suspended: rng.permille(600) }
        };
        Step { at_ms: rng.between(1_000, last_ms), what: What::Order { operator: operator(&mut rng), does } }
    };
    (operators, (0..times).map(order).collect())
}

/// Half of the kinds are left out of a run.
fn weights(rng: &mut Rng) -> Weights {
    let mut weight = |most: u64| if rng.permille(500) { rng.between(1, most) } else { 0 };
    Weights { crashes: weight(40), cuts: weight(30), losses: weight(15), disks: weight(10), turns: weight(30) }
}

fn trouble(rng: &mut Rng, weights: &Weights) -> Option<What> {
    type Draw = fn(&mut Rng) -> What;
    let kinds: [(u64, Draw); 5] =
        [(weights.crashes, crash), (weights.cuts, cut), (weights.losses, lossy), (weights.disks, slow), (weights.turns, turn)];
    if kinds.iter().all(|(weight, _)| *weight == 0) {
        return None;
    }
    Some(rng.weighted(&kinds)(rng))
}

fn operator(rng: &mut Rng) -> usize {
    rng.below(VOTERS as u64) as usize
}

fn crash(rng: &mut Rng) -> What {
    let when = match rng.below(3) {
        0 => Moment::Now,
        1 => Moment::AtAwait(rng.between(1, 60)),
        _ => Moment::AtDisk(rng.between(0, 25)),
    };
    let down_ms = rng.weighted(&[(4, 300), (2, 2_000), (1, 8_000)]);
    What::Crash { operator: operator(rng), power: rng.permille(500), down_ms, when }
}

fn cut(rng: &mut Rng) -> What {
    let from = rng.between(1, 14) as u8;
    // Half of the time those cut off hear the others and are not heard.
    let to = !from & 0b1111;
    let for_ms = rng.between(300, 6_000);
    if rng.permille(500) { What::Cut { from, to, for_ms } } else { What::Cut { from: 0b1111, to: from, for_ms } }
}

fn lossy(rng: &mut Rng) -> What {
    What::Lossy { permille: rng.between(20, 300) as u16, for_ms: rng.between(1_000, 8_000) }
}

fn slow(rng: &mut Rng) -> What {
    What::SlowDisk { operator: operator(rng), ms: rng.between(20, 500), for_ms: rng.between(1_000, 6_000) }
}

fn turn(rng: &mut Rng) -> What {
    What::Turn { bank: rng.below(4) as usize, operator: operator(rng) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_plan_comes_back_from_its_text() {
        let mut lies = BTreeSet::new();
        for seed in 0..60 {
            let plan = Plan::of(seed);
            let text = serde_json::to_string(&plan).expect("plans are JSON");
            assert_eq!(serde_json::from_str::<Plan>(&text).expect("written by us"), plan);
            lies.extend(
                plan.steps.iter().filter_map(|step| if let What::Lie { lie, .. } = step.what { Some(lie) } else { None }),
            );
        }
        assert_eq!(lies.len(), Lie::ALL.len(), "sixty seeds have every lie");
    }
}
