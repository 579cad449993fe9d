//! A run's plan: who pays whom, what goes wrong between operators and when. Made of a seed.
//!
//! Payments, repeats and what happens to banks come from `sim`'s plan of the same seed, in a third of its time; what happens to
//! operators is drawn here. Each seed decides which kinds of trouble it has at all.

use consortium::Lie;
use sim::plan::{self, Moment, Scene};
use sim::rng::Rng;

/// Operators of a run, all of them validators: one may be away or lie.
pub const OPERATORS: usize = 4;
/// By how much `sim`'s plans are shortened: a block between operators costs more to run than one of a journal.
const FASTER: u64 = 3;

/// The plan of one run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything random in the run is made of it.
    pub seed: u64,
    /// What holds from the beginning to the end.
    pub scene: Scene,
    /// Usual time of a message from one operator to another, in milliseconds.
    pub latency_ms: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Who lies now and then, if anybody does.
    pub liar: Option<usize>,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// Something that happens.
#[derive(Debug, Clone)]
pub struct Step {
    /// When, in milliseconds of simulated time.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone)]
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
}

/// How much of each kind of trouble a run has.
struct Weights {
    crashes: u64,
    cuts: u64,
    losses: u64,
    disks: u64,
    turns: u64,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
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
        steps.sort_by_key(|step| step.at_ms);
        let latency_ms = *rng.pick(&[1, 3, 8, 20]);
        let epoch_blocks = *rng.pick(&[17, 60, 1 << 20]);
        Self { seed, scene: payments.scene, latency_ms, epoch_blocks, liar, steps }
    }
}

/// What `sim` plans for the centre's machine is another matter here, and operators' commands are orders.
fn concerns_banks(what: &plan::What) -> bool {
    match what {
        plan::What::Pay(_)
        | plan::What::Resend { .. }
        | plan::What::Misbehave { .. }
        | plan::What::Partition { .. }
        | plan::What::Cut { .. }
        | plan::What::Lossy { .. } => true,
        plan::What::Crash { machine, .. } => *machine != 0,
        plan::What::Suspend { .. }
        | plan::What::Standing { .. }
        | plan::What::Absence { .. }
        | plan::What::Breaker { .. }
        | plan::What::Liquidity { .. }
        | plan::What::Fund { .. }
        | plan::What::FailSyncs { .. }
        | plan::What::FullDisk { .. }
        | plan::What::SlowDisk { .. }
        | plan::What::BitRot { .. }
        | plan::What::WrongClock { .. } => false,
    }
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
    rng.below(OPERATORS as u64) as usize
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
