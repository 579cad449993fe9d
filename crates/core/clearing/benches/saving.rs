//! What offsetting saves: a day of interbank transfers, settled by the centre and by plain queues, with less and less liquidity.
//!
//! `cargo bench -p clearing --bench saving`. Twenty banks of sizes 1, 1/2, 1/3 …, 20,000 transfers at random over ten hours, amounts
//! spread like those of large-value systems (each drawn as two to the power of a sum of three dice). As with loans and currencies that
//! are bought and sold, about as much goes back at another time of the day: 90 to 110 % of each. Every bank begins with
//!
//! ```text
//! lower + share × (upper − lower)     upper: what it needs to settle each transfer at once
//!                                     lower: what it pays in the day beyond what it is paid
//! ```
//! *Delay* is the share of all value times time between arrival and the day's end that was waited (Leinonen and Soramäki, 1999): 0
//! is at once, 1 is not at all. Plain queues settle in order of arrival, each bank for itself, and nothing else.

#![allow(missing_docs, clippy::disallowed_types, clippy::float_arithmetic)]

use clearing::{
    AccountPurpose, Bic, Clearing, Command, EventKind, Fund, FundDirection, IndexSeed, NoteKind, Outcome, ParticipantId,
    Priority, RegisterParticipant, SendTransfer, SettlementCommand, Time,
};
use money::{Currency, CurrencyCode, MinorUnits};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const BANKS: usize = 20;
const TRANSFERS: usize = 10_000;
const DAY_S: u64 = 36_000;
const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug, Clone, Copy)]
struct Transfer {
    from: usize,
    to: usize,
    amount: u64,
    at_s: u64,
}

/// Numbers that look random and are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// A bank, the first the largest.
    fn bank(&mut self) -> usize {
        let weights: Vec<u64> = (1..=BANKS as u64).map(|rank| 10_000 / rank).collect();
        let mut left = self.below(weights.iter().sum());
        weights.iter().position(|weight| left.checked_sub(*weight).map(|rest| left = rest).is_none()).unwrap_or(0)
    }
}

fn day(seed: u64) -> Vec<Transfer> {
    let mut chance = Chance(seed);
    let mut transfers: Vec<Transfer> = (0..TRANSFERS / 2)
        .flat_map(|_| {
            let from = chance.bank();
            let to = (0..).map(|_| chance.bank()).find(|to| *to != from).expect("there are others");
            let dice = chance.below(6) + chance.below(6) + chance.below(6);
            let amount = (1u64 << dice) * (1_000_000 + chance.below(1_000_000));
            let back = amount / 1000 * (900 + chance.below(200));
            let mut at_s = || 1 + chance.below(DAY_S - 1);
            [Transfer { from, to, amount, at_s: at_s() }, Transfer { from: to, to: from, amount: back, at_s: at_s() }]
        })
        .collect();
    transfers.sort_by_key(|transfer| transfer.at_s);
    transfers
}

/// What each bank needs at least by the end, and to settle all at once.
fn bounds(transfers: &[Transfer]) -> Vec<(u64, u64)> {
    let (mut balance, mut lowest) = ([0i128; BANKS], [0i128; BANKS]);
    for transfer in transfers {
        balance[transfer.from] -= i128::from(transfer.amount);
        balance[transfer.to] += i128::from(transfer.amount);
        lowest[transfer.from] = lowest[transfer.from].min(balance[transfer.from]);
    }
    let need = |owed: i128| u64::try_from(-owed.min(0)).expect("a day's sums fit");
    (0..BANKS).map(|bank| (need(balance[bank]), need(lowest[bank]))).collect()
}

/// How a day went.
struct Went {
    /// Seconds each transfer waited; until the end if it never settled.
    waited_s: Vec<u64>,
    unsettled: usize,
    spent: Duration,
}

/// Plain queues: in order of arrival, each bank for itself.
fn plain(transfers: &[Transfer], funds: &[u64]) -> Went {
    let begun = Instant::now();
    let mut balance = funds.to_vec();
    let mut queues: Vec<VecDeque<usize>> = vec![VecDeque::new(); BANKS];
    let mut waited_s: Vec<u64> = transfers.iter().map(|transfer| DAY_S - transfer.at_s).collect();
    let mut settled = 0;
    for (at, transfer) in transfers.iter().enumerate() {
        queues[transfer.from].push_back(at);
        let mut may = vec![transfer.from];
        while let Some(bank) = may.pop() {
            while let Some(&first) = queues[bank].front().filter(|first| transfers[**first].amount <= balance[bank]) {
                queues[bank].pop_front();
                balance[bank] -= transfers[first].amount;
                balance[transfers[first].to] += transfers[first].amount;
                waited_s[first] = transfer.at_s - transfers[first].at_s;
                settled += 1;
                may.push(transfers[first].to);
            }
        }
    }
    Went { waited_s, unsettled: transfers.len() - settled, spent: begun.elapsed() }
}

/// The centre.
fn centre(transfers: &[Transfer], funds: &[u64]) -> Went {
    let mut clearing = opened(funds);
    let begun = Instant::now();
    let mut waited_s: Vec<u64> = transfers.iter().map(|transfer| DAY_S - transfer.at_s).collect();
    let (mut settled, mut next) = (0, 0);
    for second in 1..=DAY_S {
        let from = next;
        while next < transfers.len() && transfers[next].at_s == second {
            next += 1;
        }
        let commands: Vec<Command> = (from..next).map(|at| send(at, &transfers[at])).collect();
        let applied = clearing.apply_block(Time(second * SECOND_NS), &commands);
        assert!(applied.outcomes.iter().all(|outcome| *outcome == Outcome::Done), "{:?}", applied.outcomes);
        for event in applied.events {
            if let EventKind::Settlement(note) = event.kind
                && note.kind == NoteKind::SentOut
            {
                let at = u64::from_le_bytes(note.reference[..8].try_into().expect("eight bytes")) as usize;
                waited_s[at] = second - transfers[at].at_s;
                settled += 1;
            }
        }
    }
    let spent = begun.elapsed();
    assert!(clearing::laws::check_all(&clearing).is_empty());
    Went { waited_s, unsettled: transfers.len() - settled, spent }
}

fn opened(funds: &[u64]) -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(7));
    let mut commands = vec![Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 })];
    for (bank, fund) in (0u8..).zip(funds) {
        commands.push(Command::RegisterParticipant(RegisterParticipant {
            bic: Bic::parse(&format!("BNK{}HKHH", char::from(b'A' + bank))).expect("letters"),
            name: String::new(),
            key: [bank; 32],
            provides_exchange: false,
            currencies: vec![CurrencyCode::HKD],
        }));
        if *fund > 0 {
            commands.push(Command::Fund(Fund {
                participant: ParticipantId(u32::from(bank)),
                currency: CurrencyCode::HKD,
                purpose: AccountPurpose::Settlement,
                direction: FundDirection::In,
                amount: MinorUnits(*fund),
                reference: [bank + 1; 16],
            }));
        }
    }
    let applied = clearing.apply_block(Time(SECOND_NS / 2), &commands);
    assert!(!applied.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Refused(_))));
    clearing
}

fn send(at: usize, transfer: &Transfer) -> Command {
    let mut reference = [0xF1; 16];
    reference[..8].copy_from_slice(&(at as u64).to_le_bytes());
    Command::Settle(SettlementCommand::Send(SendTransfer {
        reference,
        from: ParticipantId(transfer.from as u32),
        to: ParticipantId(transfer.to as u32),
        currency: CurrencyCode::HKD,
        amount: MinorUnits(transfer.amount),
        priority: Priority::Normal,
        until: Time((DAY_S + 1) * SECOND_NS),
    }))
}

/// The share of value times time that was waited.
fn delay(transfers: &[Transfer], went: &Went) -> f64 {
    let weigh = |(transfer, seconds): (&Transfer, u64)| transfer.amount as f64 * seconds as f64;
    let waited: f64 = transfers.iter().zip(went.waited_s.iter().copied()).map(weigh).sum();
    let most: f64 = transfers.iter().map(|transfer| weigh((transfer, DAY_S - transfer.at_s))).sum();
    waited / most
}

fn main() {
    println!("liquidity  share of turnover  plain: delay  unsettled  centre: delay  unsettled  centre µs/transfer");
    for share in [100, 75, 50, 25, 10, 5, 0] {
        let mut rows = [[0.0; 6]; 3];
        for (row, seed) in rows.iter_mut().zip([0x9e37_79b9, 0x85eb_ca6b, 0xc2b2_ae35]) {
            let transfers = day(seed);
            let funds: Vec<u64> = bounds(&transfers).iter().map(|(lower, upper)| lower + (upper - lower) / 100 * share).collect();
            let turnover: f64 = transfers.iter().map(|transfer| transfer.amount as f64).sum();
            let (plain, ours) = (plain(&transfers, &funds), centre(&transfers, &funds));
            *row = [
                funds.iter().sum::<u64>() as f64 / turnover,
                delay(&transfers, &plain),
                plain.unsettled as f64,
                delay(&transfers, &ours),
                ours.unsettled as f64,
                ours.spent.as_secs_f64() * 1e6 / TRANSFERS as f64,
            ];
        }
        let mean = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64;
        println!(
            "{share:>8} %  {:>15.2} %  {:>12.4}  {:>9.0}  {:>13.4}  {:>9.0}  {:>18.1}",
            mean(0) * 100.0,
            mean(1),
            mean(2),
            mean(3),
            mean(4),
            mean(5)
        );
    }
}
