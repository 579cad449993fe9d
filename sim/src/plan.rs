//! A run's plan: who pays whom and what goes wrong when. Made of a seed, kept as data, so that it can be cut down and played
//! again from a file.
//!
//! Each seed also decides which kinds of trouble it has at all, and how much: runs that have a little of everything find less
//! than runs with much of something.

use crate::mandates;
use crate::nuisance::Nuisance;
use crate::outsider::{self, OddOrder};
use crate::rng::Rng;
use crate::rulebook::BookTerms;
use crate::run::{Outcome, run};
use crate::story::{self, Story};
use bank::{Fault, SampleBank, sample_banks};
use money::CurrencyCode;
use serde::{Deserialize, Serialize};

/// The plan of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Everything random in the run is made of it.
    pub seed: u64,
    /// What holds from the beginning to the end.
    pub scene: Scene,
    /// What happens, in order of time.
    pub steps: Vec<Step>,
}

/// What holds from the beginning to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Half of the usual time from one end of a link to the other, in milliseconds.
    pub latency_ms: u64,
    /// Longest time a machine's disk usually takes, in milliseconds.
    pub disk_ms: u64,
    /// What each settlement account has at the beginning, in minor units.
    pub prefunded_minor: u64,
    /// Seconds a quote is firm.
    pub quote_validity_s: u64,
    /// Bytes of a segment and of a vault file.
    pub segment_bytes: u64,
    /// Commands replayed at a start above which a snapshot is written.
    pub snapshot_after: u64,
    /// Seconds a debtor agent's acceptance is taken for, and seconds a payment is kept behind its end.
    #[serde(default = "usual_memory")]
    pub memory_s: (u64, u64),
    /// Whether there is a participant with the simulator's own software, and persons show documents.
    #[serde(default)]
    pub outsider: bool,
    /// Whether payments are charged.
    #[serde(default)]
    pub fees: bool,
}

/// As in the product: more than a story lasts.
fn usual_memory() -> (u64, u64) {
    (300, 3600)
}

/// Something that happens.
pub type Step = story::Step<What>;

/// A machine: zero is the centre's, then the banks'.
pub type MachineNumber = usize;

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// A customer pays.
    Pay(PaymentOrder),
    /// A bank sends a payment's message again, the same or changed by a blank.
    Resend {
        /// Which of the payments confirmed so far.
        nth: u64,
        /// Whether the content is another.
        changed: bool,
    },
    /// A customer asks somebody at another bank to pay.
    Ask {
        /// The creditor's bank, from zero.
        bank: usize,
        /// Which of its customers.
        customer: usize,
        /// The debtor's bank.
        of_bank: usize,
        /// Which of its customers.
        of_customer: usize,
        /// How much, in minor units of the creditor's first currency.
        minor: u64,
        /// How long the debtor has, in seconds.
        life_s: u64,
    },
    /// A customer asks somebody at another bank for a mandate, and collects under it.
    Mandate {
        /// The creditor's bank, from zero.
        bank: usize,
        /// Which of its customers.
        customer: usize,
        /// The debtor's bank.
        of_bank: usize,
        /// Which of its customers.
        of_customer: usize,
        /// How much each time, in minor units of the creditor's first currency.
        minor: u64,
        /// How often in a month it may be; it is tried once more.
        times: u16,
        /// Whether the debtor agrees.
        agrees: bool,
    },
    /// A bank misbehaves from now on, or no more.
    Misbehave {
        /// Which bank, from zero.
        bank: usize,
        /// How.
        fault: Fault,
    },
    /// The operator suspends a bank or lets it take part again.
    Suspend {
        /// Which bank, from zero.
        bank: usize,
        /// Whether it is suspended.
        suspended: bool,
    },
    /// The operator sets what a bank may do.
    Standing {
        /// Which bank, from zero.
        bank: usize,
        /// [`clearing::ParticipantStatus::name`].
        standing: String,
    },
    /// A bank announces that it is not there, or is there again.
    Absence {
        /// Which bank, from zero.
        bank: usize,
        /// From when on, in milliseconds from then; `None`: it is there again.
        in_ms: Option<u64>,
        /// For how long.
        for_ms: u64,
    },
    /// The operator sets when the centre stops asking who does not answer.
    Breaker {
        /// Payments in a row; 0: never.
        timeouts: u32,
        /// How long it rests.
        rest_ms: u64,
    },
    /// The operator sets a bank's cap and reservation in its first currency.
    Liquidity {
        /// Which bank, from zero.
        bank: usize,
        /// Cap in minor units.
        cap: Option<u64>,
        /// Cap in millionths of prefunding, where there is no other.
        ppm: u32,
        /// Warning level, in minor units.
        floor: u64,
        /// Reserved for high priority, in minor units.
        reserved: u64,
        /// From when on, in milliseconds from then.
        in_ms: u64,
    },
    /// The settlement agent reports prefunding or a withdrawal.
    Fund {
        /// Which bank, from zero.
        bank: usize,
        /// Which of its currencies.
        currency: usize,
        /// Out or in.
        out: bool,
        /// How much, in minor units.
        minor: u64,
        /// The settlement agent's reference; the same number moves money once.
        reference: u8,
    },
    /// The operator enters the next rulebook.
    Rulebook {
        /// What it says.
        terms: BookTerms,
        /// From when on, in milliseconds from then.
        in_ms: u64,
        /// Whether it has another version than the next one.
        is_stale: bool,
    },
    /// The participant with the simulator's own software pays.
    Odd(OddOrder),
    /// A bank takes a payment back that a customer confirmed.
    TakeBack {
        /// Which of the payments confirmed so far.
        nth: u64,
    },
    /// Somebody asks what must be refused.
    Nuisance(Nuisance),
    /// A process crashes.
    Crash {
        /// Whose.
        machine: MachineNumber,
        /// Whether its machine loses power as well.
        power: bool,
        /// How long it is away, in milliseconds.
        down_ms: u64,
        /// When exactly.
        when: Moment,
    },
    /// A machine's next syncs fail.
    FailSyncs {
        /// Whose.
        machine: MachineNumber,
        /// How many.
        syncs: u64,
        /// When the operator has repaired it.
        for_ms: u64,
    },
    /// A machine's disk has no room.
    FullDisk {
        /// Whose.
        machine: MachineNumber,
        /// For how long.
        for_ms: u64,
    },
    /// A machine's disk is slow.
    SlowDisk {
        /// Whose.
        machine: MachineNumber,
        /// Longest time it takes.
        ms: u64,
        /// For how long.
        for_ms: u64,
    },
    /// One bit of a copy of the centre's disk flips; it must be found.
    BitRot {
        /// Chooses the bit.
        draw: u64,
    },
    /// One bit of a copy of a bank's book flips; the copy must be refused by name, or say the same.
    BookRot {
        /// Which bank, from zero.
        bank: usize,
        /// Chooses the bit.
        draw: u64,
    },
    /// A link is blocked.
    Partition {
        /// Which bank's, from zero.
        bank: usize,
        /// Towards the centre.
        up: bool,
        /// Towards the bank.
        down: bool,
        /// For how long.
        for_ms: u64,
    },
    /// Every connection of a link is reset.
    Cut {
        /// Which bank's, from zero.
        bank: usize,
    },
    /// A link loses segments.
    Lossy {
        /// Which bank's, from zero.
        bank: usize,
        /// So many of a thousand.
        permille: u64,
        /// For how long.
        for_ms: u64,
    },
    /// A machine's clock is wrong from now on.
    WrongClock {
        /// Whose.
        machine: MachineNumber,
        /// By so many milliseconds.
        offset_ms: i64,
        /// And runs too fast by so many millionths.
        drift_ppm: i64,
    },
}

/// When a process crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moment {
    /// At once.
    Now,
    /// At the so-many-th wait of its tasks.
    AtAwait(u64),
    /// At the so-many-th operation of its disk.
    AtDisk(u64),
}

/// A payment to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentOrder {
    /// The debtor's bank, from zero.
    pub bank: usize,
    /// Which of its customers.
    pub customer: usize,
    /// The creditor's bank, from zero.
    pub to_bank: usize,
    /// Which of its customers.
    pub to_customer: usize,
    /// In minor units of the fixed side.
    pub minor: u64,
    /// Currency debited.
    pub debit: String,
    /// Currency credited.
    pub credit: String,
    /// Whether the amount is what arrives.
    pub fixed_credit: bool,
    /// How the payee is named.
    pub payee: PayeeKind,
    /// How long the customer thinks, in milliseconds.
    pub thinks_ms: u64,
}

/// How a payee is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayeeKind {
    /// By account and name.
    Account,
    /// By mobile number.
    Mobile,
    /// By account and a wrong name.
    WrongName,
    /// By an account that is none.
    Unknown,
}

/// How much of each kind of trouble a run has, of a thousand steps.
struct Weights {
    crashes: u64,
    disks: u64,
    network: u64,
    clocks: u64,
    banks: u64,
    repeats: u64,
    operators: u64,
}

impl Story for Plan {
    type What = What;
    const COMMAND: &'static str = "cargo xtask sim";
    const SEEDS: u64 = 300;

    fn of(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "plan");
        let rules = rules(seed);
        let fees = Rng::new(seed, "fees").permille(400);
        let scene = Scene { memory_s: memory(seed), outsider: !rules.is_empty(), fees, ..scene(&mut rng) };
        let weights = weights(&mut rng);
        let banks = sample_banks();
        let (length_ms, payments) = (rng.between(20_000, 90_000), rng.between(8, 40));
        let mut steps: Vec<Step> = (0..payments)
            .map(|_| Step { at_ms: rng.between(500, length_ms), what: What::Pay(order(&mut rng, &banks)) })
            .collect();
        for _ in 0..rng.between(0, 24) {
            let at_ms = rng.between(0, length_ms);
            if let Some(what) = trouble(&mut rng, &weights, &banks) {
                steps.push(Step { at_ms, what });
            }
        }
        steps.extend(conduct(seed, length_ms, &banks));
        steps.extend(book_rot(seed, length_ms, banks.len()));
        steps.extend(rules);
        steps.extend(nuisances(seed, length_ms));
        steps.extend(requests(seed, length_ms, &banks));
        steps.extend(mandates::plan(seed, length_ms, &banks));
        steps.sort_by_key(|step| step.at_ms);
        Self { seed, scene, steps }
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

    fn note(&self) -> String {
        String::new()
    }

    fn play(&self, traced: bool) -> Outcome {
        run(self, traced)
    }
}

fn scene(rng: &mut Rng) -> Scene {
    Scene {
        latency_ms: *rng.pick(&[1, 2, 5, 20, 80]),
        disk_ms: *rng.pick(&[0, 1, 2, 10]),
        prefunded_minor: rng.weighted(&[(3, node::genesis::PREFUNDED_MINOR), (1, 3_000_000), (1, 300_000)]),
        quote_validity_s: rng.weighted(&[(3, 600), (1, 5)]),
        segment_bytes: *rng.pick(&[48 << 10, 96 << 10, 256 << 10]),
        snapshot_after: *rng.pick(&[0, 20, 100_000]),
        memory_s: usual_memory(),
        fees: false,
        outsider: false,
    }
}

/// In half of the runs payments are forgotten while the story goes on.
fn memory(seed: u64) -> (u64, u64) {
    let mut rng = Rng::new(seed, "memory");
    if rng.permille(500) { usual_memory() } else { *rng.pick(&[(15, 30), (20, 45), (30, 60)]) }
}

/// In a third of the runs banks come and go as participants do. Drawn apart: the other steps of a seed stay as they were.
fn conduct(seed: u64, length_ms: u64, banks: &[SampleBank]) -> Vec<Step> {
    let mut rng = Rng::new(seed, "conduct");
    if rng.permille(667) {
        return Vec::new();
    }
    let mut steps = Vec::new();
    for _ in 0..rng.between(1, 8) {
        let bank = rng.below(banks.len() as u64) as usize;
        let what = match rng.below(6) {
            0 => {
                let standing = *rng.pick(&["live", "receive-only", "send-only", "suspended", "certified"]);
                What::Standing { bank, standing: standing.to_owned() }
            }
            1 => What::Breaker { timeouts: rng.below(4) as u32, rest_ms: rng.between(1_000, 20_000) },
            2 => What::Absence { bank, in_ms: None, for_ms: 0 },
            3 | 4 => What::Liquidity {
                bank,
                cap: rng.permille(500).then(|| rng.between(0, 2_000_000)),
                ppm: rng.between(0, 1_000_000) as u32,
                floor: rng.between(0, 20_000_000),
                reserved: if rng.permille(300) { rng.between(0, 20_000_000) } else { 0 },
                in_ms: if rng.permille(500) { rng.between(0, 20_000) } else { 0 },
            },
            _ => What::Absence { bank, in_ms: Some(rng.between(0, 5_000)), for_ms: rng.between(1_000, 20_000) },
        };
        steps.push(Step { at_ms: rng.between(0, length_ms), what });
    }
    steps
}

/// In a third of the runs there is a rulebook, or a few, and somebody who tries what it says. They last as long as it takes a
/// day to end and hours to close.
fn rules(seed: u64) -> Vec<Step> {
    let mut rng = Rng::new(seed, "rules");
    if rng.permille(667) {
        return Vec::new();
    }
    let length_ms = rng.between(60_000, 150_000);
    let book = |rng: &mut Rng| {
        let is_stale = rng.permille(100);
        What::Rulebook { terms: book_terms(rng), in_ms: rng.weighted(&[(3, 0), (1, 5_000), (1, 30_000)]), is_stale }
    };
    let mut steps = vec![Step { at_ms: rng.between(1_500, 6_000), what: book(&mut rng) }];
    for _ in 0..rng.below(4) {
        steps.push(Step { at_ms: rng.between(5_000, length_ms), what: book(&mut rng) });
    }
    for _ in 0..rng.between(5, 30) {
        steps.push(Step { at_ms: rng.between(3_000, length_ms), what: What::Odd(odd_order(&mut rng)) });
    }
    for _ in 0..rng.below(5) {
        steps.push(Step { at_ms: rng.between(5_000, length_ms), what: What::TakeBack { nth: rng.next() >> 32 } });
    }
    steps
}

fn book_terms(rng: &mut Rng) -> BookTerms {
    BookTerms {
        midnight_min: rng.between(1, 2) as u16,
        closed_before_min: rng.below(2) as u16,
        closed_after_min: rng.below(2) as u16,
        queue: rng.permille(600),
        payment_minor: *rng.pick(&[10_000, 100_000, 10_000_000]),
        bank_day_minor: *rng.pick(&[20_000, 150_000, 100_000_000]),
        day_minor: *rng.pick(&[30_000, 200_000, 100_000_000]),
        year_payments: *rng.pick(&[2, 5, 1_000]),
        is_senseless: rng.permille(60),
    }
}

fn odd_order(rng: &mut Rng) -> OddOrder {
    let banks = sample_banks();
    // Mostly to Hong Kong: within Shenzhen there is no corridor.
    let to_bank = rng.weighted(&[(5, 0), (5, 1), (1, 2)]);
    OddOrder {
        to_bank,
        to_customer: rng.below(banks[to_bank].customers.len() as u64) as usize,
        minor: rng.weighted(&[(8, 3_000), (4, 20_000), (2, 200_000)]) + rng.below(5_000),
        // The last one it has no account in.
        currency: rng.weighted(&[(6, outsider::CODES[0]), (6, outsider::CODES[1]), (1, CurrencyCode::USD)]).as_str().to_owned(),
        person: if rng.permille(900) { Some(rng.below(3) as u8) } else { None },
        institution: rng.permille(100),
        purpose: rng.weighted(&[(8, Some("GDDS")), (2, Some("SUPP")), (1, Some("INVS")), (1, None)]).map(str::to_owned),
        later_ms: rng.permille(350).then(|| rng.weighted(&[(6, 4_000), (3, 20_000), (1, 32_000_000_000)]) + rng.below(20_000)),
        accepted_ago_ms: rng.weighted(&[(12, 0), (1, 100_000), (1, 400_000)]),
        taken_back_ms: rng.permille(300).then(|| rng.between(0, 12_000)),
        repeats_id: rng.permille(60),
    }
}

/// In a fifth of the runs somebody asks what must be refused: everything there is of it.
fn nuisances(seed: u64, length_ms: u64) -> Vec<Step> {
    let mut rng = Rng::new(seed, "nuisances");
    if rng.permille(800) {
        return Vec::new();
    }
    let mut at_ms: Vec<u64> = Nuisance::ALL.iter().map(|_| rng.between(3_000, length_ms)).collect();
    at_ms.sort_unstable();
    let alone = Nuisance::ALONE.map(|what| (rng.between(3_000, length_ms), what));
    at_ms.into_iter().zip(Nuisance::ALL).chain(alone).map(|(at_ms, what)| Step { at_ms, what: What::Nuisance(what) }).collect()
}

/// In a third of the runs customers ask others to pay.
fn requests(seed: u64, length_ms: u64, banks: &[SampleBank]) -> Vec<Step> {
    let mut rng = Rng::new(seed, "requests");
    let count = if rng.permille(333) { rng.between(1, 12) } else { 0 };
    let request = |_| {
        let bank = rng.below(banks.len() as u64) as usize;
        let of_bank = (bank + 1 + rng.below(banks.len() as u64 - 1) as usize) % banks.len();
        let what = What::Ask {
            bank,
            customer: rng.below(banks[bank].customers.len() as u64) as usize,
            of_bank,
            of_customer: rng.below(banks[of_bank].customers.len() as u64) as usize,
            minor: rng.weighted(&[(6, 5_000), (3, 400_000), (1, 9_000_000)]) + rng.below(4_000),
            life_s: rng.weighted(&[(4, 20), (2, 2), (2, 600)]),
        };
        Step { at_ms: rng.between(500, length_ms), what }
    };
    (0..count).map(request).collect()
}

/// In a third of the runs bits turn in copies of banks' books.
fn book_rot(seed: u64, length_ms: u64, banks: usize) -> Vec<Step> {
    let mut rng = Rng::new(seed, "book rot");
    let bits = if rng.permille(333) { rng.between(1, 8) } else { 0 };
    let bit = |_| {
        let what = What::BookRot { bank: rng.below(banks as u64) as usize, draw: rng.next() };
        Step { at_ms: rng.between(1_000, length_ms), what }
    };
    (0..bits).map(bit).collect()
}

/// Half of the kinds are left out of a run.
fn weights(rng: &mut Rng) -> Weights {
    let mut weight = |most: u64| if rng.permille(500) { rng.between(1, most) } else { 0 };
    Weights {
        crashes: weight(40),
        disks: weight(25),
        network: weight(30),
        clocks: weight(10),
        banks: weight(25),
        repeats: weight(25),
        operators: weight(15),
    }
}

fn order(rng: &mut Rng, banks: &[SampleBank]) -> PaymentOrder {
    let bank = rng.below(banks.len() as u64) as usize;
    let to_bank = (bank + 1 + rng.below(banks.len() as u64 - 1) as usize) % banks.len();
    let (from, to) = (&banks[bank], &banks[to_bank]);
    let customer = rng.below(from.customers.len() as u64) as usize;
    let to_customer = rng.below(to.customers.len() as u64) as usize;
    let debit = from.customers[customer].balances;
    let credit = to.customers[to_customer].balances;
    let debit = rng.pick(debit).0;
    let same = credit.iter().any(|(code, _)| *code == debit) && rng.permille(500);
    let credit = if same { debit } else { rng.pick(credit).0 };
    PaymentOrder {
        bank,
        customer,
        to_bank,
        to_customer,
        minor: rng.weighted(&[(6, 5_000), (6, 60_000), (3, 400_000), (1, 9_000_000), (1, 3)]) + rng.below(4_000),
        debit: debit.as_str().to_owned(),
        credit: credit.as_str().to_owned(),
        fixed_credit: rng.permille(400),
        payee: rng.weighted(&[
            (8, PayeeKind::Account),
            (3, PayeeKind::Mobile),
            (1, PayeeKind::WrongName),
            (1, PayeeKind::Unknown),
        ]),
        thinks_ms: rng.weighted(&[(6, 0), (3, 2_000), (1, 12_000)]),
    }
}

fn trouble(rng: &mut Rng, weights: &Weights, banks: &[SampleBank]) -> Option<What> {
    type Draw = fn(&mut Rng, &[SampleBank]) -> What;
    let kinds: [(u64, Draw); 7] = [
        (weights.crashes, crash),
        (weights.disks, disk),
        (weights.network, network),
        (weights.clocks, clock),
        (weights.banks, misbehave),
        (weights.repeats, repeat),
        (weights.operators, operate),
    ];
    if kinds.iter().all(|(weight, _)| *weight == 0) {
        return None;
    }
    Some(rng.weighted(&kinds)(rng, banks))
}

fn machine(rng: &mut Rng, banks: &[SampleBank]) -> MachineNumber {
    if rng.permille(600) { 0 } else { 1 + rng.below(banks.len() as u64) as usize }
}

fn crash(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let when = match rng.below(3) {
        0 => Moment::Now,
        1 => Moment::AtAwait(rng.between(1, 60)),
        _ => Moment::AtDisk(rng.between(0, 25)),
    };
    let down_ms = rng.weighted(&[(4, 300), (2, 3_000), (1, 15_000)]);
    What::Crash { machine: machine(rng, banks), power: rng.permille(600), down_ms, when }
}

fn disk(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let machine = machine(rng, banks);
    match rng.below(4) {
        0 => What::FailSyncs { machine, syncs: rng.between(1, 2), for_ms: rng.between(500, 4_000) },
        1 => What::FullDisk { machine, for_ms: rng.between(1_000, 15_000) },
        2 => What::SlowDisk { machine, ms: rng.between(20, 1_500), for_ms: rng.between(2_000, 20_000) },
        _ => What::BitRot { draw: rng.next() },
    }
}

fn network(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let bank = rng.below(banks.len() as u64) as usize;
    match rng.below(4) {
        0 => What::Partition { bank, up: true, down: true, for_ms: rng.between(500, 40_000) },
        1 => {
            let up = rng.permille(500);
            What::Partition { bank, up, down: !up, for_ms: rng.between(500, 40_000) }
        }
        2 => What::Lossy { bank, permille: rng.between(20, 400), for_ms: rng.between(1_000, 20_000) },
        _ => What::Cut { bank },
    }
}

fn clock(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let machine = machine(rng, banks);
    // The centre's deadlines hang on its clock: what it jumps ahead is waited for at the end.
    let most = if machine == 0 { 30_000 } else { 400_000 };
    let offset_ms = rng.between(0, 2 * most) as i64 - most as i64;
    What::WrongClock { machine, offset_ms, drift_ppm: rng.between(0, 2_000) as i64 - 1_000 }
}

fn misbehave(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let fault = match rng.below(8) {
        0 => Fault::Slow { ms: rng.between(1_000, 30_000) },
        1 => Fault::Silent,
        2 => Fault::Refusing { reason: "AC06".to_owned() },
        3 => Fault::Offline,
        4 => Fault::AnswerTwice,
        5 => Fault::AnswerLate,
        6 => Fault::Reviewing,
        _ => Fault::None,
    };
    What::Misbehave { bank: rng.below(banks.len() as u64) as usize, fault }
}

fn repeat(rng: &mut Rng, _: &[SampleBank]) -> What {
    What::Resend { nth: rng.next() >> 32, changed: rng.permille(400) }
}

fn operate(rng: &mut Rng, banks: &[SampleBank]) -> What {
    let bank = rng.below(banks.len() as u64) as usize;
    if rng.permille(500) {
        return What::Suspend { bank, suspended: rng.permille(500) };
    }
    let reference = rng.below(6) as u8;
    if rng.permille(600) {
        // The same funding told again moves no money again.
        let minor = 1_000_000 + u64::from(reference);
        return What::Fund { bank: usize::from(reference) % banks.len(), currency: 0, out: false, minor, reference };
    }
    What::Fund {
        bank,
        currency: rng.below(banks[bank].currencies.len() as u64) as usize,
        out: rng.permille(500),
        minor: rng.between(1, 5_000_000),
        reference,
    }
}
