//! The board over an invented scheme with payments streaming in: `cargo run -p monitor --example demo [ADDRESS]`.

#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use clearing::{RiskDecision, RiskVerdict};
use monitor::{Monitor, MonitorConfig};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{HKD, World, review, uetr};

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

#[tokio::main]
async fn main() {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7080".into());
    let names = ["Harbour Bank", "Lion Rock Bank 獅子山銀行", "Pengcheng Bank 鵬城銀行", "Lotus Bank 莲花银行"];
    let mut world = World::new(now_ns() - 60_000_000_000, names);
    let (mut n, start) = (0, now_ns() - 60_000_000_000);
    while world.now_ns.load(Ordering::Relaxed) < now_ns() {
        world.now_ns.fetch_add(70_000_000 + n * 37 % 50 * 8_000_000, Ordering::Relaxed);
        step(&mut world, n);
        n += 1;
    }
    let handle = Monitor::start(MonitorConfig { listen: listen.parse().unwrap() }, world.deps()).await.unwrap();
    println!("board on http://{}/ since {start}; a payment: /payments/{}", handle.addr, uetr(4));
    loop {
        tokio::time::sleep(Duration::from_millis(60 + n * 37 % 50 * 8)).await;
        world.now_ns.fetch_max(now_ns(), Ordering::Relaxed);
        step(&mut world, n);
        n += 1;
    }
}

/// Starts one payment and ends an earlier one.
fn step(world: &mut World, n: u64) {
    let (from, to) = ((n % 2) as u32, 2 + (n / 2 % 2) as u32);
    let amount = 8_000 + n * 7919 % 900 * 1_100;
    let risk = match n % 13 {
        5 => review(0b0000_1001, 450),
        9 => review(0b0010_0100, 550),
        11 => RiskDecision { verdict: RiskVerdict::Block, score: 1000, rules: 0b0001_0100 },
        3 => RiskDecision { verdict: RiskVerdict::Pass, score: 100, rules: 0b100 },
        _ => RiskDecision::PASS,
    };
    match n % 3 {
        0 => world.pay(n, from, to, (amount, HKD), risk, None),
        _ => world.pay_across(n, from, to, amount, risk),
    }
    world.later(6 + n % 9);
    if n >= 2 {
        let earlier = n - 2;
        let creditor_agent = 2 + (earlier / 2 % 2) as u32;
        world.answer(earlier, creditor_agent, (earlier % 17 == 7).then_some("AC04"));
        if earlier.is_multiple_of(4) {
            world.credited(earlier, creditor_agent);
        }
    }
}
