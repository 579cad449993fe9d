//! A soak: a centre and four banks in processes of their own, customers who pay by the clock, and now and then a kill.
//! Afterwards: no law broken, every acknowledged payment there, banks and centre agreeing to the cent, and what it cost.

use crate::http::Request;
use crate::load::{Chance, minor};
use crate::node::Node;
use crate::participant::Participant;
use crate::town::{BankProcess, Customer};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const BANKS: [&str; 4] = ["HARBHKHHXXX", "LIONHKHHXXX", "PENGCNBSXXX", "WUTGCNBSXXX"];
/// Customers at once.
const CUSTOMERS: usize = 16;
/// A payment that is later than this was not offered.
const LATE_MAX: Duration = Duration::from_secs(2);
/// How long everything may take to be at rest afterwards.
const REST_WITHIN: Duration = Duration::from_secs(120);
const STATES_OUT: [&str; 2] = ["Settled", "Rejected"];

/// Who pays whom: bank, customer, account, creditor agent, payee, name, currency that arrives.
const WAYS: [[&str; 7]; 6] = [
    ["0", "silk", "388900700001/HKD", "LIONHKHHXXX", "512004110001", "LEE Chi Ho", "HKD"],
    ["1", "teahouse", "512009000001/HKD", "HARBHKHHXXX", "388100200301", "CHAN Tai Man", "HKD"],
    ["2", "robotics", "4403009900000001/CNY", "WUTGCNBSXXX", "6228480010020001", "WANG Fang", "CNY"],
    ["3", "clinic", "4403008800000001/CNY", "PENGCNBSXXX", "6217002000010001", "LI Na", "CNY"],
    ["0", "silk", "388900700001/HKD", "PENGCNBSXXX", "6217002000010002", "ZHANG Wei", "HKD"],
    ["2", "robotics", "4403009900000001/HKD", "HARBHKHHXXX", "388100200302", "WONG Mei Ling", "HKD"],
];

/// How long, how fast, how often something is killed.
#[derive(Debug, Clone, Copy)]
pub struct SoakPlan {
    /// How long customers pay.
    pub time: Duration,
    /// Payments a second offered.
    pub rate: u64,
    /// About so long between two kills.
    pub kill_every: Duration,
    /// Rows of the table.
    pub rows: u32,
}

/// Runs a soak and prints its table as it goes on.
///
/// # Errors
/// Something was lost, differs or breaks a law.
pub fn soak(plan: SoakPlan) -> Result<()> {
    let mut node = Node::with_banks()?.centre_alone()?;
    let mut banks = Vec::new();
    for (number, bic) in (0..).zip(BANKS) {
        let mut bank = BankProcess::of(&node, bic, number);
        bank.start()?;
        banks.push(bank);
    }
    let mut members = node.participants()?;
    let before = balances(&mut members)?;
    let crowd = Crowd::start(&banks, plan);
    let ran = run(plan, &mut node, &mut banks, &crowd);
    let (paid, acknowledged) = crowd.finish()?;
    ran?;
    let books = at_rest(&banks)?;
    nothing_lost(&acknowledged, &books)?;
    banks_agree(&books)?;
    agree_with_centre(&before, &balances(&mut members)?, &books)?;
    let Paid { refused, missed, .. } = paid;
    println!("{} payments acknowledged, {refused} not taken, {missed} not offered in time", acknowledged.len());
    println!("from order to answer, ms: {}", paid.latency());
    banks.clear();
    node.stop()?;
    println!("banks and centre agree to the cent; fsck --deep:\n{}", node.fsck()?);
    Ok(())
}

/// Samples memory and kills until the time is over.
fn run(plan: SoakPlan, node: &mut Node, banks: &mut [BankProcess], crowd: &Crowd) -> Result<()> {
    let (begun, mut chance) = (Instant::now(), Chance::new(0x50a4));
    let row_every = plan.time / plan.rows;
    let next_kill = |chance: &mut Chance| plan.kill_every / 2 + plan.kill_every.mul_f64(chance.below(1000) as f64 / 1000.0);
    let (mut kill_at, mut row_at) = (next_kill(&mut chance), row_every);
    let (mut peaks, mut kills) = ([0; 5], 0);
    println!("most resident MiB since the row before");
    println!(" minutes  centre  HARB  LION  PENG  WUTG  kills  payments acknowledged");
    while begun.elapsed() < plan.time {
        std::thread::sleep(Duration::from_secs(1));
        let processes = core::iter::once(node.process()).chain(banks.iter().map(BankProcess::process));
        for (peak, process) in peaks.iter_mut().zip(processes) {
            *peak = resident_mib(process).max(*peak);
        }
        if begun.elapsed() >= kill_at {
            kills += 1;
            // Every other time the centre, else one of the banks.
            let victim = kills / 2 % banks.len();
            match kills % 2 {
                1 => node.kill().and_then(|()| node.start()).context("the centre")?,
                _ => banks[victim].kill().and_then(|()| banks[victim].start()).context(banks[victim].bic)?,
            }
            kill_at = begun.elapsed() + next_kill(&mut chance);
        }
        if begun.elapsed() >= row_at {
            print_row(begun.elapsed(), &peaks, kills, crowd.acknowledged.load(Ordering::Relaxed));
            (peaks, row_at) = ([0; 5], row_at + row_every);
        }
    }
    Ok(())
}

fn resident_mib(process: Option<u32>) -> u64 {
    let status = process.and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok()).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn print_row(at: Duration, peaks: &[u64; 5], kills: usize, payments: u64) {
    let [centre, harb, lion, peng, wutg] = peaks;
    let minutes = at.as_secs_f64() / 60.0;
    println!("{minutes:>8.1}  {centre:>6}  {harb:>4}  {lion:>4}  {peng:>4}  {wutg:>4}  {kills:>5}  {payments:>10}");
}

/// What customers were answered.
#[derive(Debug, Default)]
struct Paid {
    refused: u64,
    missed: u64,
    latencies_ms: Vec<u32>,
}

impl Paid {
    fn latency(&self) -> String {
        let mut sorted = self.latencies_ms.clone();
        sorted.sort_unstable();
        let at = |per_mille: usize| sorted.get(sorted.len().saturating_sub(1) * per_mille / 1000).copied().unwrap_or(0);
        format!("p50 {}, p99 {}, p99.9 {}, longest {}", at(500), at(990), at(999), at(1000))
    }
}

/// Customers who pay by the clock.
struct Crowd {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    threads: Vec<JoinHandle<(Paid, Vec<String>)>>,
}

impl Crowd {
    fn start(banks: &[BankProcess], plan: SoakPlan) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (orders, begun) = (Arc::new(Mutex::new(0)), Instant::now());
        let addresses: Vec<_> = banks.iter().map(|bank| bank.address).collect();
        let threads = (0..CUSTOMERS).map(|number| {
            let way = WAYS[number % WAYS.len()];
            let customer = Customer::new(addresses[way[0].parse::<usize>().unwrap_or(0)], way[1]);
            let (stop, acknowledged, orders) = (stop.clone(), acknowledged.clone(), orders.clone());
            std::thread::spawn(move || keep_paying(customer, way, plan.rate, begun, &orders, &stop, &acknowledged))
        });
        Self { threads: threads.collect(), stop, acknowledged }
    }

    fn finish(self) -> Result<(Paid, Vec<String>)> {
        self.stop.store(true, Ordering::Relaxed);
        let (mut all, mut uetrs) = (Paid::default(), Vec::new());
        for thread in self.threads {
            let (paid, own) = thread.join().map_err(|_| anyhow::anyhow!("a customer's thread died"))?;
            all.refused += paid.refused;
            all.missed += paid.missed;
            all.latencies_ms.extend(paid.latencies_ms);
            uetrs.extend(own);
        }
        Ok((all, uetrs))
    }
}

/// One customer: takes the next order that is due, and gives it to the bank once, whatever comes of it.
fn keep_paying(
    mut customer: Customer,
    way: [&str; 7],
    rate: u64,
    begun: Instant,
    orders: &Mutex<u64>,
    stop: &AtomicBool,
    acknowledged: &AtomicU64,
) -> (Paid, Vec<String>) {
    let (mut paid, mut uetrs) = (Paid::default(), Vec::new());
    let [_, _, from, agent, payee, name, currency] = way;
    let body = json!({
        "from": from, "agent": agent, "payee": payee, "name": name, "amount": "0.01", "credit_currency": currency,
        "acknowledge_name": true, "dry_run": false,
    })
    .to_string();
    while !stop.load(Ordering::Relaxed) {
        let Ok(mut next) = orders.lock() else { break };
        let due = begun + Duration::from_secs_f64(*next as f64 / rate.max(1) as f64);
        *next += 1;
        drop(next);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if due.elapsed() > LATE_MAX {
            paid.missed += 1;
            continue;
        }
        let answer = customer.ask(Request::post("/api/v1/payments", "application/json", body.clone()));
        let uetr = answer.ok().filter(|answer| answer.status == 202).and_then(|answer| answer.json().ok());
        match uetr.as_ref().and_then(|payment| payment["uetr"].as_str()) {
            Some(uetr) => {
                uetrs.push(uetr.to_owned());
                paid.latencies_ms.push(u32::try_from(due.elapsed().as_millis()).unwrap_or(u32::MAX));
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            None => paid.refused += 1,
        }
    }
    (paid, uetrs)
}

/// Waits until no bank has anything under way, and returns their books. They are read one after the other: what ended between
/// two of them is seen by one and not yet by the other, so the books that count are read once all are at rest.
fn at_rest(banks: &[BankProcess]) -> Result<Vec<Value>> {
    let until = Instant::now() + REST_WITHIN;
    let mut rested = false;
    loop {
        let books = banks.iter().map(BankProcess::books).collect::<Result<Vec<_>>>()?;
        let open = |books: &&Value| books["outbox"] != 0 || payments(books).any(|payment| !has_ended(payment));
        match books.iter().find(open) {
            None if rested => return Ok(books),
            None => rested = true,
            Some(busy) => {
                rested = false;
                let open = payments(busy).find(|payment| !has_ended(payment));
                ensure!(Instant::now() < until, "not at rest after {REST_WITHIN:?}: {} to send, {open:?}", busy["outbox"]);
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn payments(books: &Value) -> impl Iterator<Item = &Value> {
    books["payments"].as_array().into_iter().flatten()
}

fn has_ended(payment: &Value) -> bool {
    ["Settled", "Rejected", "Credited", "Ended"].iter().any(|state| payment["state"] == *state)
}

/// Every payment that a bank acknowledged is in its books, with an end; no bank's own laws are broken.
fn nothing_lost(acknowledged: &[String], books: &[Value]) -> Result<()> {
    let mut out = BTreeMap::new();
    for books in books {
        ensure!(books["breaks"].as_array().is_some_and(Vec::is_empty), "broken: {}", books["breaks"]);
        let own = payments(books).filter(|payment| payment["direction"] == "out");
        out.extend(own.filter_map(|payment| Some((payment["uetr"].as_str()?, payment["state"].as_str()?))));
    }
    for uetr in acknowledged {
        let state = out.get(uetr.as_str()).copied();
        ensure!(state.is_some_and(|state| STATES_OUT.contains(&state)), "{uetr} was acknowledged and is {state:?}");
    }
    Ok(())
}

/// What one bank paid another was paid.
fn banks_agree(books: &[Value]) -> Result<()> {
    let of = |direction: &'static str| {
        let all = books.iter().flat_map(payments).filter(move |payment| payment["direction"] == direction);
        all.filter_map(|payment| Some((payment["uetr"].as_str()?, payment["state"].as_str()?))).collect::<BTreeMap<_, _>>()
    };
    let (out, into) = (of("out"), of("in"));
    for (uetr, state) in &out {
        let told = into.get(uetr).copied();
        let fits = if *state == "Settled" { told == Some("Credited") } else { told.is_none_or(|told| told == "Ended") };
        ensure!(fits, "{uetr} is {state} for who paid and {told:?} for who is paid");
    }
    let unknown = into.keys().find(|uetr| !out.contains_key(*uetr));
    ensure!(unknown.is_none(), "{unknown:?} came in and never went out");
    Ok(())
}

/// Available on each bank's settlement accounts, by bank and currency, in minor units.
fn balances(members: &mut [Participant]) -> Result<BTreeMap<(String, String), i128>> {
    let mut found = BTreeMap::new();
    for member in members {
        let accounts = member.get_ok("/v1/accounts")?.json()?;
        for account in accounts.as_array().into_iter().flatten().filter(|account| account["purpose"] == "settlement") {
            let currency = account["currency"].as_str().unwrap_or_default().to_owned();
            let available = account["available"].as_str().context("an amount is text")?;
            found.insert((member.bic.clone(), currency), i128::from(minor(available)?));
        }
    }
    Ok(found)
}

/// The centre moved exactly what the banks' books say.
fn agree_with_centre(
    before: &BTreeMap<(String, String), i128>,
    after: &BTreeMap<(String, String), i128>,
    books: &[Value],
) -> Result<()> {
    for (bic, books) in BANKS.iter().zip(books) {
        for (currency, totals) in books["currencies"].as_object().context("currencies")? {
            let key = ((*bic).to_owned(), currency.clone());
            let (Some(was), Some(is)) = (before.get(&key), after.get(&key)) else { continue };
            let out = i128::from(totals["paid_out_net"].as_i64().context("a number")?);
            ensure!(was - is == out, "{bic}: the centre took {} {currency}, the books say {out}", was - is);
            ensure!(totals["held"] == 0 && totals["suspense"] == 0, "{bic}: {totals} at rest");
        }
    }
    Ok(())
}
