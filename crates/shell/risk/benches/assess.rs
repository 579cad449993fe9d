//! One assessment with a watch-list of 10,000 names: p50, p99, p999.
//!
//! `cargo bench -p risk`. Names are drawn from syllables, so that many share parts with the list, as names do.

#![allow(missing_docs, clippy::unwrap_used)]

use money::{Amount, Currency, CurrencyCode};
use risk::{RiskEngine, RiskInput, RiskSettings, WatchList};
use std::fmt::Write;
use std::time::Instant;

const FAMILY: [&str; 24] = [
    "Chan", "Wong", "Lee", "Ng", "Cheung", "Lam", "Ho", "Leung", "Tsang", "Yip", "Li", "Wang", "Zhang", "Liu", "Chen", "Yang",
    "Huang", "Zhao", "Wu", "Zhou", "Petrov", "Smith", "Alawi", "Garcia",
];
const GIVEN: [&str; 32] = [
    "Tai", "Man", "Siu", "Ming", "Ka", "Wai", "Kit", "Mei", "Ling", "Fong", "Chi", "Hung", "Wing", "Sze", "Yan", "Lok", "Xiao",
    "Jian", "Guo", "Hua", "Li", "Qiang", "Fang", "Jun", "Ivan", "John", "Maria", "Omar", "Lei", "Na", "Ting", "Bo",
];

fn name(n: u64) -> String {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let at = |shift: u32, len: usize| (z >> shift) as usize % len;
    let mut name = format!("{} {} {}", FAMILY[at(40, 24)], GIVEN[at(20, 32)], GIVEN[at(50, 32)]);
    if n % 3 == 0 {
        let _ = write!(name, " {}", GIVEN[at(30, 32)]);
    }
    name
}

fn main() {
    let mut list = String::from("version: bench\n");
    (0..10_000).for_each(|n| writeln!(list, "B-{n} | {}", name(n)).unwrap());
    let engine = RiskEngine::new(RiskSettings::default(), WatchList::parse(&list).unwrap(), [1; 32]).unwrap();
    let currency = Currency::new(CurrencyCode::HKD, 2).unwrap();
    let names: Vec<String> = (0..4096).map(|n| name(1_000_000 + n)).collect();
    let accounts: Vec<String> = (0..4096).map(|n| format!("HARBHKHHXXX:{n:012}")).collect();
    let mut nanos: Vec<u64> = Vec::new();
    for n in 0..200_000usize {
        let input = RiskInput {
            debtor_account: &accounts[n % 4096],
            creditor_account: &accounts[n * 7 % 4096],
            debtor_name: &names[n % 4096],
            creditor_name: &names[n * 13 % 4096],
            amount: Amount::from_minor(10_000 + (n as u64 % 977) * 100, currency),
            now_ns: n as u64 * 1_000_000,
        };
        let start = Instant::now();
        std::hint::black_box(engine.assess(&input));
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    nanos.sort_unstable();
    let at = |per_mille: usize| nanos[(nanos.len() - 1) * per_mille / 1000];
    println!("risk::assess/list=10_000 names=2   p50 {} ns   p99 {} ns   p999 {} ns", at(500), at(990), at(999));
}
