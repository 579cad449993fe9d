//! `clearing::apply` on one core: commands a second, and how the cost grows with payments on record.
//!
//! `cargo bench -p clearing`. Each row applies blocks of 1,024 commands: 512 new payments and the answers to the 512 before
//! them, over accounts drawn at random. At first nothing is forgotten; the last rows forget payments 1,000,000 behind the
//! newest, and show that neither cost nor memory grows any more; then once more with a rulebook, quotas of 100,000 persons, caps
//! and reservations, and a tariff. `-- keep`, `-- forget` and `-- rules` run a part.

#![allow(missing_docs, clippy::disallowed_types)]

use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Arrangement, Bic, ChargeBearer, Clearing, Code, Command, ContentHash, Corridor, Fund,
    FundDirection, Hours, IndexSeed, Limit, LiquidityTerms, MessageIdHash, Most, NetDebitCap, Outcome, OutsideHours,
    ParticipantId, Pay, Period, PersonKey, Price, Priority, RegisterParticipant, RiskDecision, Rulebook, SchemeTerms, Scope,
    SetLiquidity, Settings, Tariff, TariffLine, Terms, Time, Uetr,
};
use money::{Currency, CurrencyCode, MinorUnits};
use std::time::Instant;

/// As in the product: it asks the kernel for huge pages, without which ten million payments cost twice as much to look up.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HKD: Currency = Currency { code: CurrencyCode::HKD, exponent: 2 };
const PER_BLOCK: u64 = 512;
/// Block time between two blocks, nanoseconds.
const BLOCK_NS: u64 = 1_000_000;

struct Load {
    clearing: Clearing,
    accounts: u64,
    next: u64,
    now: u64,
    /// Whether payments name their person.
    ruled: bool,
}

fn mix(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn bic(n: u64) -> Bic {
    let letter = |at: u32| char::from(b'A' + (n / 26u64.pow(at) % 26) as u8);
    let text: String = [letter(0), letter(1), letter(2), letter(3), 'H', 'K', letter(4), 'X'].into_iter().collect();
    Bic::parse(&text).expect("letters")
}

impl Load {
    fn new(accounts: u64) -> Self {
        let mut clearing = Clearing::new(IndexSeed(0x5eed));
        let mut commands = vec![Command::OpenLedger(HKD)];
        for n in 0..accounts {
            commands.push(Command::RegisterParticipant(RegisterParticipant {
                bic: bic(n),
                name: String::new(),
                key: [0; 32],
                provides_exchange: false,
                currencies: vec![CurrencyCode::HKD],
            }));
            let mut reference = [0; 16];
            reference[..8].copy_from_slice(&n.to_le_bytes());
            commands.push(Command::Fund(Fund {
                participant: ParticipantId(n as u32),
                currency: CurrencyCode::HKD,
                purpose: AccountPurpose::Settlement,
                direction: FundDirection::In,
                amount: MinorUnits(1 << 40),
                reference,
            }));
        }
        for block in commands.chunks(4096) {
            clearing.apply_block(Time(1), block);
        }
        Self { clearing, accounts, next: 0, now: 1, ruled: false }
    }

    /// From now on everything a corridor may ask is asked, and every payment is charged.
    fn with_rules(mut self) -> Self {
        let mut commands = vec![Command::SetRulebook(rulebook()), Command::SchemeTerms(SchemeTerms::Tariff(tariff()))];
        for n in 0..self.accounts {
            let cap = NetDebitCap::ShareOfFunding { ppm: 100_000 };
            let terms = LiquidityTerms { cap, floor: MinorUnits(1000), target: MinorUnits(2000), reserved: MinorUnits(500) };
            let (participant, currency) = (ParticipantId(n as u32), CurrencyCode::HKD);
            commands.push(Command::Arrange(Arrangement::SetLiquidity(SetLiquidity {
                participant,
                currency,
                terms,
                from: Time(0),
            })));
        }
        self.now += BLOCK_NS;
        for block in commands.chunks(4096) {
            self.clearing.apply_block(Time(self.now), block);
        }
        self.ruled = true;
        self
    }

    fn terms(&self, n: u64) -> Terms {
        let mut person = [0; 16];
        person[..8].copy_from_slice(&(mix(n ^ 0x55) % 100_000).to_le_bytes());
        Terms { person: self.ruled.then_some(PersonKey(person)), ..Terms::default() }
    }

    fn agents(&self, n: u64) -> (ParticipantId, ParticipantId) {
        let from = mix(n) % self.accounts;
        let to = (from + 1 + mix(n ^ 0xff) % (self.accounts - 1)) % self.accounts;
        (ParticipantId(from as u32), ParticipantId(to as u32))
    }

    fn id(n: u64) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&mix(n.wrapping_add(1)).to_le_bytes());
        id[8..].copy_from_slice(&mix(n ^ 0xabcd_ef01).to_le_bytes());
        id
    }

    fn block(&mut self) -> Vec<Command> {
        let mut commands = Vec::with_capacity(2 * PER_BLOCK as usize);
        for n in self.next..self.next + PER_BLOCK {
            let (debtor_agent, creditor_agent) = self.agents(n);
            commands.push(Command::Pay(Pay {
                uetr: Uetr(Self::id(n)),
                content: ContentHash([n as u8; 32]),
                message_id: MessageIdHash(Self::id(n ^ 1 << 63)),
                debtor_agent,
                creditor_agent,
                debit: MinorUnits(5 + n % 100),
                debit_currency: CurrencyCode::HKD,
                quote: None,
                priority: Priority::Normal,
                accepted_at: Time(self.now),
                risk: RiskDecision::PASS,
                terms: self.terms(n),
            }));
        }
        for n in self.next.saturating_sub(PER_BLOCK)..self.next {
            let (_, creditor_agent) = self.agents(n);
            let uetr = Uetr(Self::id(n));
            commands.push(Command::Answer(Answer {
                uetr,
                creditor_agent,
                verdict: AnswerVerdict::WillCredit,
                content: ContentHash([1; 32]),
            }));
        }
        self.next += PER_BLOCK;
        commands
    }

    /// Applies blocks until `payments` are on record; median nanoseconds a command over blocks.
    fn run(&mut self, payments: u64) -> f64 {
        let mut costs = Vec::new();
        while self.next < payments {
            let commands = self.block();
            self.now += BLOCK_NS;
            let begun = Instant::now();
            let applied = self.clearing.apply_block(Time(self.now), &commands);
            costs.push(begun.elapsed().as_nanos() as f64 / commands.len() as f64);
            assert!(applied.outcomes.iter().all(|outcome| matches!(outcome, Outcome::Payment { repeated: false, .. })));
        }
        costs.sort_by(f64::total_cmp);
        costs.get(costs.len() / 2).copied().unwrap_or_default()
    }
}

/// One corridor with a limit for each payment, a day at each bank and a year at all of them.
fn rulebook() -> Rulebook {
    let limit = |code, scope| Limit {
        code: Code::parse(code).expect("capitals"),
        scope,
        most: Most::Amount { currency: HKD, minor: MinorUnits(1 << 40) },
        exempt: vec![],
    };
    let limits = vec![
        limit("PAY", Scope::Payment),
        limit("DAY", Scope::PerBank(Period::Day)),
        limit("YEAR", Scope::AcrossBanks(Period::Year)),
    ];
    let corridor = Corridor {
        code: Code::parse("ALL").expect("capitals"),
        from: None,
        to: None,
        debtor: None,
        creditor: None,
        purposes: vec![],
        currencies: vec![(CurrencyCode::HKD, CurrencyCode::HKD)],
        hours: Hours::always(),
        outside_hours: OutsideHours::Reject,
        limits,
    };
    Rulebook { version: 1, effective_from: Time(0), corridors: vec![corridor], reference_rates: vec![] }
}

/// Each side bears something of each payment.
fn tariff() -> Tariff {
    let line = |code, corridor, bearer| TariffLine {
        code: Code::parse(code).expect("capitals"),
        corridor,
        debtor: None,
        creditor: None,
        purposes: vec![],
        bearer,
        prices: vec![Price { currency: HKD, flat: MinorUnits(1), ppm: 500, min: MinorUnits(2), max: MinorUnits(50) }],
    };
    let lines =
        vec![line("OTHER", Code::parse("NONE"), ChargeBearer::Debtor), line("ALL", Code::parse("ALL"), ChargeBearer::Shared)];
    Tariff { version: 1, effective_from: Time(0), lines }
}

/// Times at which about `payments` stay on record.
fn forgetting(payments: u64) -> Settings {
    let retention = payments / PER_BLOCK * BLOCK_NS;
    Settings {
        answer_high_ns: retention / 4,
        answer_normal_ns: retention / 4,
        quote_validity_ns: retention,
        acceptance_age_max_ns: retention / 2,
        payment_retention_ns: retention,
    }
}

/// Resident memory of this process, MiB.
fn resident_mib() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: Option<u64> = statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or_default() * 4096 / (1 << 20)
}

fn main() {
    println!("size of a payment on record and in an event: {:?}", clearing::sizes());
    let wanted = std::env::args().nth(1).unwrap_or_default();
    let runs = |part| wanted == part || !["keep", "forget", "rules"].contains(&wanted.as_str());
    if runs("keep") {
        keep();
    }
    if runs("forget") {
        [20, 1_000_000].into_iter().for_each(forget);
    }
    if runs("rules") {
        rules();
    }
}

fn keep() {
    for (accounts, records) in [(20, vec![10_000, 100_000, 1_000_000]), (1_000_000, vec![10_000, 100_000, 1_000_000, 10_000_000])]
    {
        let mut load = Load::new(accounts);
        for on_record in records {
            load.run(on_record);
            let cost = load.run(load.next + (on_record / 2).min(200_000));
            println!("clearing::apply/accounts={accounts} payments={on_record}: {cost:.0} ns a command, {:.2} M/s", 1e3 / cost);
        }
        println!("laws broken: {:?}", clearing::laws::check_all(&load.clearing));
    }
}

/// The same blocks without and with everything a corridor may ask, a million payments each.
fn rules() {
    for (what, mut load) in [("plain", Load::new(20)), ("rules", Load::new(20).with_rules())] {
        load.clearing.apply_block(Time(load.now), &[Command::Configure(forgetting(1_000_000))]);
        load.run(1_000_000);
        let cost = load.run(1_300_000);
        println!("clearing::apply/{what} accounts=20 passed=1300000: {cost:.0} ns a command, {:.2} M/s", 1e3 / cost);
        println!("laws broken: {:?}", clearing::laws::check_all(&load.clearing));
    }
}

fn forget(accounts: u64) {
    let mut load = Load::new(accounts);
    load.clearing.apply_block(Time(load.now), &[Command::Configure(forgetting(1_000_000))]);
    for passed in [1_000_000, 2_000_000, 5_000_000, 10_000_000] {
        load.run(passed - 200_000);
        let cost = load.run(passed);
        let on_record = load.clearing.payments().len();
        println!(
            "clearing::apply/accounts={accounts} passed={passed} on_record={on_record}: {cost:.0} ns a command, {:.2} M/s, {} MiB",
            1e3 / cost,
            resident_mib()
        );
    }
    println!("laws broken: {:?}", clearing::laws::check_all(&load.clearing));
}
