//! Two banks at work whatever happens to the node: one pays and sends again until there is an end, one answers and credits.

use crate::messages::{Payment, answer, element, status_of};
use crate::participant::{Item, Participant};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Senders at once.
const SENDERS: usize = 8;
/// How long everything in doubt may take to be settled after the last fault: a connection that died unseen is given up after
/// half a minute, then a payment may wait for its deadline, and on a busy machine each takes longer.
const CLEARING_UP: Duration = Duration::from_secs(180);

/// How many kills `LUOHU_KILLS` asks for.
pub fn kills(usual: u64) -> u64 {
    number("LUOHU_KILLS").unwrap_or(usual)
}

/// After how many minutes `LUOHU_MINUTES` asks for an end; ten hours unless it is set.
pub fn minutes() -> u64 {
    number("LUOHU_MINUTES").unwrap_or(600)
}

/// The longest time between two kills that `LUOHU_LIFE_MS` asks for.
pub fn life_ms(usual: u64) -> u64 {
    number("LUOHU_LIFE_MS").unwrap_or(usual).max(100)
}

/// The seed of all choices that `LUOHU_SEED` asks for.
pub fn seed(usual: u64) -> u64 {
    number("LUOHU_SEED").unwrap_or(usual)
}

/// The number in an environment variable, if there is one.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// A payment and what its debtor agent was told of it.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Amount in minor units.
    pub minor: u64,
    /// Its end as told: `ACSC` or `RJCT`.
    pub end: Option<String>,
}

/// What the debtor agent keeps in its own books.
type Books = Arc<Mutex<BTreeMap<String, Sent>>>;

/// What the creditor agent keeps: its cursor and whom it has credited, changed together.
#[derive(Debug, Default)]
pub struct CreditorBooks {
    cursor: u64,
    pub(crate) credited: BTreeMap<String, u64>,
    asked: BTreeMap<String, u64>,
    pub(crate) wrong: Vec<String>,
}

/// Senders and the bank that answers them.
pub struct Load {
    stop: Arc<AtomicBool>,
    give_up: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
    sent: Books,
    creditor: Arc<Mutex<CreditorBooks>>,
    senders: Vec<JoinHandle<()>>,
    answerer: JoinHandle<()>,
}

impl Load {
    /// Starts them; the creditor agent reads its inbox from `cursor` on.
    pub fn start(debtor_agent: &Participant, creditor_agent: &Participant, cursor: u64) -> Self {
        let (stop, give_up) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (sent, creditor) = (Books::default(), Arc::new(Mutex::new(CreditorBooks { cursor, ..CreditorBooks::default() })));
        let senders = (0..SENDERS).map(|number| {
            let (bank, to) = (debtor_agent.clone(), creditor_agent.bic.clone());
            let (stop, give_up, sent, acknowledged) = (stop.clone(), give_up.clone(), sent.clone(), acknowledged.clone());
            std::thread::spawn(move || send_payments(bank, &to, number as u64, &stop, &give_up, &sent, &acknowledged))
        });
        let senders = senders.collect();
        let answerer = {
            let (bank, give_up, creditor) = (creditor_agent.clone(), give_up.clone(), creditor.clone());
            std::thread::spawn(move || answer_payments(bank, &give_up, &creditor))
        };
        Self { stop, give_up, acknowledged, sent, creditor, senders, answerer }
    }

    /// Payments with an end so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Sends nothing new, waits until nothing is in doubt, and returns both banks' books.
    ///
    /// # Errors
    /// Something stays in doubt.
    pub fn finish(self) -> Result<(BTreeMap<String, Sent>, CreditorBooks)> {
        self.stop.store(true, Ordering::Relaxed);
        let until = Instant::now() + CLEARING_UP;
        while !self.senders.iter().all(JoinHandle::is_finished) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        let in_time = self.senders.iter().all(JoinHandle::is_finished);
        let until = Instant::now() + CLEARING_UP;
        while !self.has_credited_all() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.give_up.store(true, Ordering::Relaxed);
        for thread in self.senders.into_iter().chain([self.answerer]) {
            thread.join().map_err(|_| anyhow::anyhow!("a bank's thread died"))?;
        }
        ensure!(in_time, "payments were still in doubt {CLEARING_UP:?} after the last kill");
        let sent = self.sent.lock().map_err(|_| anyhow::anyhow!("poisoned"))?.clone();
        let creditor = core::mem::take(&mut *self.creditor.lock().map_err(|_| anyhow::anyhow!("poisoned"))?);
        Ok((sent, creditor))
    }

    fn has_credited_all(&self) -> bool {
        let (Ok(sent), Ok(creditor)) = (self.sent.lock(), self.creditor.lock()) else { return true };
        let settled = sent.values().filter(|sent| sent.end.as_deref() == Some("ACSC")).count();
        creditor.credited.len() >= settled
    }
}

/// A debtor agent: writes down first, then sends; what is in doubt is sent again, the same bytes, until it has an end.
fn send_payments(
    mut bank: Participant,
    to: &str,
    number: u64,
    stop: &AtomicBool,
    give_up: &AtomicBool,
    books: &Books,
    acknowledged: &AtomicU64,
) {
    let mut chance = Chance::new(0xbead_0000 + number);
    while !stop.load(Ordering::Relaxed) {
        let minor = 1 + chance.below(500);
        let payment = Payment::new(&bank.bic, to, &format!("{}.{:02}", minor / 100, minor % 100), "HKD");
        let xml = payment.xml();
        let Ok(mut open) = books.lock() else { return };
        open.insert(payment.uetr.clone(), Sent { minor, end: None });
        drop(open);
        while !give_up.load(Ordering::Relaxed) {
            let told = bank.post(&xml, 20).ok().map(|answer| status_of(&answer.text()).0);
            if let Some(end) = told.filter(|status| status == "ACSC" || status == "RJCT") {
                let Ok(mut open) = books.lock() else { return };
                if let Some(sent) = open.get_mut(&payment.uetr) {
                    sent.end = Some(end);
                }
                acknowledged.fetch_add(1, Ordering::Relaxed);
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A creditor agent: will credit whatever it is asked, credits when told it is settled, keeps its cursor with that.
fn answer_payments(mut bank: Participant, give_up: &AtomicBool, books: &Mutex<CreditorBooks>) {
    while !give_up.load(Ordering::Relaxed) {
        let Ok(cursor) = books.lock().map(|books| books.cursor) else { return };
        let Ok((items, next)) = bank.poll(cursor, 1) else {
            std::thread::sleep(Duration::from_millis(20));
            continue;
        };
        let mut all_answered = true;
        for item in items {
            if item.kind == "pacs.008.001.08" {
                let uetr = element(&item.message, "UETR").unwrap_or_default();
                all_answered &= bank.post(&answer(&bank.bic.clone(), uetr, "ACSP", None), 0).is_ok();
            }
            if !all_answered {
                break;
            }
            let Ok(mut open) = books.lock() else { return };
            open.book(&item);
        }
        if all_answered && let Ok(mut open) = books.lock() {
            open.cursor = open.cursor.max(next);
        }
    }
}

impl CreditorBooks {
    fn book(&mut self, item: &Item) {
        if item.cursor <= self.cursor {
            self.wrong.push(format!("item {} came after {}", item.cursor, self.cursor));
        }
        self.cursor = item.cursor;
        if item.kind == "pacs.008.001.08" {
            let uetr = element(&item.message, "UETR").unwrap_or_default().to_owned();
            let amount = element(&item.message, "IntrBkSttlmAmt").and_then(|text| minor(text).ok()).unwrap_or(0);
            if self.asked.insert(uetr.clone(), amount).is_some() {
                self.wrong.push(format!("asked twice for {uetr}"));
            }
        } else if status_of(&item.message).0 == "ACSC" {
            let uetr = element(&item.message, "OrgnlUETR").unwrap_or_default().to_owned();
            let amount = self.asked.get(&uetr).copied().unwrap_or(0);
            if self.credited.insert(uetr.clone(), amount).is_some() {
                self.wrong.push(format!("told twice to credit {uetr}"));
            }
        }
    }
}

/// Two decimals as minor units.
///
/// # Errors
/// It is no such number.
pub fn minor(text: &str) -> Result<u64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "00"));
    ensure!(cents.len() == 2, "`{text}` has not two decimals");
    Ok(whole.parse::<u64>()? * 100 + cents.parse::<u64>()?)
}

/// Numbers that look random and are the same in every run (xorshift).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// The next number below a limit above 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
