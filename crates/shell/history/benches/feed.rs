//! What the read model costs the journal's thread, and what a start costs: 1,000,000 payments, each held and settled.
//!
//! `cargo bench -p history`. The longest block counts as much as the median: the journal waits for it.

#![allow(missing_docs, clippy::unwrap_used)]

use chain::BlockHeader;
use clearing::{
    AccountPurpose, Answer, AnswerVerdict, Applied, Bic, Clearing, Command, ContentHash, Fund, FundDirection, IndexSeed,
    MessageIdHash, ParticipantId, Pay, Position, Priority, RegisterParticipant, RiskDecision, Terms, Time, Uetr,
};
use history::{EmbeddedIndex, Indexing, ReadModel, Tuning};
use money::{Currency, CurrencyCode, MinorUnits};
use ordering::{DurableBlock, Recovered, VaultPlace};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const PAYMENTS: u64 = 1_000_000;
const BATCH: u64 = 256;

fn genesis() -> Vec<Command> {
    let mut commands = vec![Command::OpenLedger(Currency::new(CurrencyCode::HKD, 2).unwrap())];
    for (at, bic) in ["HARBHKHH", "PENGCNBS"].into_iter().enumerate() {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(bic).unwrap(),
            name: bic.into(),
            key: [at as u8; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        commands.push(Command::Fund(Fund {
            participant: ParticipantId(at as u32),
            currency: CurrencyCode::HKD,
            purpose: AccountPurpose::Settlement,
            direction: FundDirection::In,
            amount: MinorUnits(1 << 50),
            reference: [at as u8; 16],
        }));
    }
    commands
}

/// Spread over all bytes, as random UETRs are.
fn uetr(n: u64) -> Uetr {
    let mixed = u128::from(n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uetr(mixed.to_be_bytes())
}

fn pay(n: u64) -> Command {
    Command::Pay(Pay {
        uetr: uetr(n),
        content: ContentHash([1; 32]),
        message_id: MessageIdHash(uetr(n).0),
        debtor_agent: ParticipantId(0),
        creditor_agent: ParticipantId(1),
        debit: MinorUnits(100),
        debit_currency: CurrencyCode::HKD,
        quote: None,
        priority: Priority::Normal,
        accepted_at: Time(1),
        risk: RiskDecision::PASS,
        terms: Terms::default(),
    })
}

fn answer(n: u64) -> Command {
    Command::Answer(Answer {
        uetr: uetr(n),
        creditor_agent: ParticipantId(1),
        verdict: AnswerVerdict::WillCredit,
        content: ContentHash([2; 32]),
    })
}

fn durable(clearing: &mut Clearing, commands: Vec<Command>) -> DurableBlock {
    let time = Time(clearing.time().0 + 1_000_000);
    let applied: Applied = clearing.apply_block(time, &commands);
    let header = BlockHeader {
        height: clearing.height(),
        time_ns: time.0,
        parent: chain::Hash::default(),
        body: chain::Hash::default(),
        state_root: applied.state_root,
        tree_size: applied.tree_size,
        tree_root: applied.tree_root,
        first_position: applied.first_position,
        command_count: commands.len() as u32,
        body_bytes: 0,
    };
    let place = |at| (at, VaultPlace { file: 1, offset: header.height as u32, bytes: 9 });
    let places = (0..commands.len() as u32).map(place).collect();
    DurableBlock { header, hash: header.hash(), tickets: vec![0; commands.len()], commands, places, applied }
}

/// Kilobytes of memory in use, as the system sees it.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut clearing = Clearing::new(IndexSeed(1));
    let folder = tempfile::tempdir().unwrap();
    let model = open(&folder.path().join("fed.redb"), &clearing, &[]);
    let mut indexing = Indexing::start(model.clone()).unwrap();
    model.durable(&durable(&mut clearing, genesis()));
    let before = resident_kb();
    let mut nanos = Vec::new();
    for first in (0..PAYMENTS).step_by(BATCH as usize) {
        let numbers = first..(first + BATCH).min(PAYMENTS);
        for commands in [numbers.clone().map(pay).collect(), numbers.map(answer).collect()] {
            let block = durable(&mut clearing, commands);
            let start = Instant::now();
            model.durable(&block);
            nanos.push(start.elapsed().as_nanos() as u64);
        }
    }
    let total: u64 = nanos.iter().sum();
    nanos.sort_unstable();
    let at = |per_mille: usize| nanos[(nanos.len() - 1) * per_mille / 1000] / 1000;
    println!(
        "history::durable/payments={PAYMENTS} batch={BATCH}   p50 {} us   p99 {} us   p999 {} us   longest {} us   {} ns an event",
        at(500),
        at(990),
        at(999),
        at(1000),
        total / (2 * PAYMENTS)
    );
    assert_eq!(model.counts(), (PAYMENTS, PAYMENTS, 0));
    let clearing_kb = PAYMENTS * clearing::sizes().0 as u64 / 1024;
    println!(
        "history::durable   behind at the end {} events   memory grew by {} MiB with the centre's own {} MiB",
        model.index_behind(),
        (resident_kb() - before) >> 10,
        clearing_kb >> 10
    );
    let start = Instant::now();
    indexing.close();
    println!("history::close   {} ms", start.elapsed().as_millis());
    read(&model);
    drop(model);
    let places = vec![VaultPlace { file: 1, offset: 1, bytes: 9 }; PAYMENTS as usize];
    let file = folder.path().join("rebuilt.redb");
    let start = Instant::now();
    let model = open(&file, &clearing, &places);
    let spent = start.elapsed();
    let rate = PAYMENTS as u128 * 1000 / spent.as_millis();
    let mib = std::fs::metadata(&file).unwrap().len() >> 20;
    println!("history::rebuild/payments={PAYMENTS}   {} ms   {rate} payments/s   {mib} MiB on disk", spent.as_millis());
    assert_eq!(model.counts(), (PAYMENTS, PAYMENTS, 0));
    drop(model);
    let start = Instant::now();
    drop(open(&file, &clearing, &places));
    println!("history::open/payments={PAYMENTS}   {} ms", start.elapsed().as_millis());
}

fn open(file: &Path, clearing: &Clearing, places: &[VaultPlace]) -> Arc<ReadModel> {
    let recovered = Recovered { forgotten: &vec![], places: places.to_vec(), ..Recovered::of(clearing) };
    let index = Arc::new(EmbeddedIndex::open(file).unwrap());
    Arc::new(ReadModel::open(index, &recovered, Tuning::default()).unwrap())
}

fn read(model: &ReadModel) {
    let start = Instant::now();
    let found = (0..100_000).filter(|n| model.payment(uetr(n * 7 % PAYMENTS)).unwrap().is_some()).count();
    let one = start.elapsed().as_nanos() / 100_000;
    let start = Instant::now();
    let unknown = (0..100_000).filter(|n| model.payment(uetr(PAYMENTS + n)).unwrap().is_some()).count();
    let none = start.elapsed().as_nanos() / 100_000;
    assert_eq!(unknown, 0);
    let start = Instant::now();
    let (mut after, mut items) = (Position(0), 0);
    while let Some(last) = model.inbox(ParticipantId(1), after, 1000).unwrap().last().copied() {
        items += model.inbox(ParticipantId(1), after, 1000).unwrap().len();
        after = last.position;
    }
    let page = start.elapsed().as_micros() * 1000 / (2 * items as u128);
    assert_eq!((found, items as u64), (100_000, 2 * PAYMENTS));
    println!(
        "history::read/payments={PAYMENTS}   payment by UETR {one} ns, unknown UETR {none} ns   inbox page of 1,000 {page} us"
    );
}
