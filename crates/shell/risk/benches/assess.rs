//! One assessment with a watch-list of 10,000 names: p50, p99, p999.
//!
//! `cargo bench -p risk`. Names are drawn from syllables, so that many share parts with the list, as names do.

#![allow(missing_docs, clippy::unwrap_used)]

use money::{Amount, Currency, CurrencyCode};
use risk::{RiskEngine, RiskInput, RiskSettings, WatchList};
use std::fmt::Write;
use std::time::Instant;

const FAMILY: [&str; 16] =
    ["Chan", "Wong", "Lee", "Ng", "Cheung", "Lam", "Ho", "Leung", "Li", "Wang", "Zhang", "Liu", "Chen", "Yang", "Huang", "Zhao"];
const GIVEN: [&str; 24] = [
    "Tai", "Man", "Siu", "Ming", "Ka", "Wai", "Kit", "Mei", "Ling", "Fong", "Chi", "Hung", "Wing", "Sze", "Yan", "Lok", "Xiao",
    "Jian", "Guo", "Hua", "Li", "Qiang", "Fang", "Jun",
];
const SYLLABLES: [&str; 32] = [
    "ka", "ro", "mi", "ten", "sha", "bur", "lo", "vik", "an", "del", "gra", "us", "pet", "ov", "ma", "rin", "jo", "han", "sen",
    "ti", "quo", "bal", "es", "fer", "nan", "do", "wil", "hel", "mut", "zor", "ik", "ya",
];

/// Two of three names are of syllables that make thousands of words, one of a few words that very many share.
fn name(n: u64) -> String {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let at = |shift: u32, len: usize| (z >> shift) as usize % len;
    let mut name = String::new();
    if n.is_multiple_of(3) {
        let _ = write!(name, "{} {} {}", FAMILY[at(40, 16)], GIVEN[at(20, 24)], GIVEN[at(50, 24)]);
    } else {
        let part = |shift| SYLLABLES[at(shift, 32)];
        let _ = write!(name, "{}{}{} {}{}{}", part(3), part(11), part(19), part(27), part(35), part(43));
    }
    name
}

fn main() {
    let mut list = String::from("version: bench\n");
    (0..10_000).for_each(|n| writeln!(list, "B-{n} | {}", name(n)).unwrap());
    let list = WatchList::parse(&list).unwrap();
    // Every name for the first time, then the same customers again and again.
    for (label, distinct, warm, measured) in [("names=new", 40_000, 0, 20_000), ("names=seen", 2_000, 20_000, 200_000)] {
        let engine = RiskEngine::new(RiskSettings::default(), list.clone(), [1; 32]).unwrap();
        let names: Vec<String> = (0..distinct).map(|n| name(1_000_000 + n)).collect();
        run(&engine, &names, warm);
        let mut nanos = run(&engine, &names, measured);
        nanos.sort_unstable();
        let at = |per_mille: usize| nanos[(nanos.len() - 1) * per_mille / 1000];
        println!("risk::assess/list=10_000 {label}   p50 {} ns   p99 {} ns   p999 {} ns", at(500), at(990), at(999));
    }
}

/// Assesses payments between neighbours: two names each.
fn run(engine: &RiskEngine, names: &[String], payments: usize) -> Vec<u64> {
    let currency = Currency::new(CurrencyCode::HKD, 2).unwrap();
    let account = |n: usize| format!("HARBHKHHXXX:{:012}", n % 4096);
    let mut nanos = Vec::with_capacity(payments);
    for n in 0..payments {
        let (debtor, creditor) = (account(n), account(n * 7));
        let input = RiskInput {
            debtor_account: &debtor,
            creditor_account: &creditor,
            debtor_name: &names[2 * n % names.len()],
            creditor_name: &names[(2 * n + 1) % names.len()],
            amount: Amount::from_minor(10_000 + (n as u64 % 977) * 100, currency),
            now_ns: n as u64 * 1_000_000,
        };
        let start = Instant::now();
        std::hint::black_box(engine.assess(&input));
        nanos.push(start.elapsed().as_nanos() as u64);
    }
    nanos
}
