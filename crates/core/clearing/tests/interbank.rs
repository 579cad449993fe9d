//! Interbank transfers over many blocks: whatever is sent, each settles once or ends once, nothing is made or lost, and a state read
//! back goes on as the one that was written.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    AccountPurpose, Applied, Bic, Clearing, Command, EventKind, Fund, FundDirection, IndexSeed, NoteKind, Outcome, ParticipantId,
    ParticipantStatus, Priority, Refusal, RegisterParticipant, SendTransfer, SentState, SettlementCommand, Time, laws,
};
use money::{Currency, CurrencyCode, MinorUnits};
use std::collections::BTreeMap;

const BANKS: u32 = 5;
const SECOND: u64 = 1_000_000_000;

fn opened() -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(3));
    let mut commands = vec![Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 })];
    for bank in 0..BANKS {
        let bic = Bic::parse(&format!("BNK{}HKHH", char::from(b'A' + bank as u8))).unwrap();
        let currencies = vec![CurrencyCode::HKD];
        let (name, key) = (String::new(), [bank as u8; 32]);
        commands.push(Command::RegisterParticipant(RegisterParticipant { bic, name, key, provides_exchange: false, currencies }));
        commands.push(fund(bank, FundDirection::In, 500, bank as u8 + 1));
    }
    clearing.apply_block(Time(SECOND), &commands);
    clearing
}

fn fund(bank: u32, direction: FundDirection, minor: u64, reference: u8) -> Command {
    Command::Fund(Fund {
        participant: ParticipantId(bank),
        currency: CurrencyCode::HKD,
        purpose: AccountPurpose::Settlement,
        direction,
        amount: MinorUnits(minor),
        reference: [reference; 16],
    })
}

fn named(number: u64) -> [u8; 16] {
    let mut reference = [0xEE; 16];
    reference[..8].copy_from_slice(&number.to_le_bytes());
    reference
}

fn send(number: u64, from: u32, to: u32, minor: u64, priority: Priority, until: Time) -> Command {
    Command::Settle(SettlementCommand::Send(SendTransfer {
        reference: named(number),
        from: ParticipantId(from),
        to: ParticipantId(to),
        currency: CurrencyCode::HKD,
        amount: MinorUnits(minor),
        priority,
        until,
    }))
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
}

/// What a bank might ask for next.
fn anything(chance: &mut Chance, next: &mut u64, now: Time) -> Command {
    let from = chance.below(u64::from(BANKS)) as u32;
    match chance.below(10) {
        0 => fund(from, FundDirection::In, 1 + chance.below(300), 100 + chance.below(100) as u8),
        1 => fund(from, FundDirection::Out, 1 + chance.below(300), 200 + chance.below(50) as u8),
        2 => {
            let reference = named(chance.below(*next + 1));
            Command::Settle(SettlementCommand::TakeBack { reference, from: ParticipantId(from) })
        }
        _ => {
            let to = (from + 1 + chance.below(u64::from(BANKS) - 1) as u32) % BANKS;
            let priority = if chance.below(4) == 0 { Priority::High } else { Priority::Normal };
            *next += 1;
            send(*next, from, to, 1 + chance.below(1_500), priority, now.after((1 + chance.below(20)) * SECOND))
        }
    }
}

/// Ends told so far, by reference: how often settled on both sides, how often not.
type Told = BTreeMap<[u8; 16], [u32; 3]>;

fn note(told: &mut Told, applied: &Applied) {
    for event in &applied.events {
        let EventKind::Settlement(note) = event.kind else { continue };
        let side = match note.kind {
            NoteKind::SentOut => 0,
            NoteKind::CameIn => 1,
            NoteKind::SentNotSettled => 2,
            NoteKind::FundedIn
            | NoteKind::FundedOut
            | NoteKind::TopUpAsked
            | NoteKind::WithdrawalAsked
            | NoteKind::TransferRefused
            | NoteKind::WithdrawalQueued => continue,
        };
        told.entry(note.reference).or_default()[side] += 1;
    }
}

#[test]
fn each_settles_once_or_ends_once() {
    let (mut settled, mut ended) = (0, 0);
    for seed in 1..40u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut clearing, mut next, mut told) = (opened(), 0, Told::new());
        for block in 2..60u64 {
            let now = Time(block * SECOND / 2 + SECOND);
            let commands: Vec<_> = (0..chance.below(6)).map(|_| anything(&mut chance, &mut next, now)).collect();
            // What is read back does the same.
            let mut bytes = Vec::new();
            clearing.encode_snapshot(&mut bytes);
            let mut read = Clearing::decode_snapshot(&bytes, IndexSeed(9)).unwrap();
            let applied = clearing.apply_block(now, &commands);
            assert_eq!(read.apply_block(now, &commands).state_root, applied.state_root, "seed {seed}");
            note(&mut told, &applied);
            assert_eq!(laws::check_all(&clearing), [], "seed {seed}");
        }
        for number in 1..=next {
            let ends = told.get(&named(number)).copied().unwrap_or_default();
            match clearing.sent_transfer(named(number)).map(|(_, state)| state) {
                Some(SentState::Settled) => assert_eq!(ends, [1, 1, 0], "seed {seed}"),
                Some(SentState::Ended(_)) => assert_eq!(ends, [0, 0, 1], "seed {seed}"),
                Some(SentState::Waiting) => assert_eq!(ends, [0, 0, 0], "seed {seed}"),
                None => panic!("seed {seed}: transfer {number} is lost"),
            }
            settled += ends[0];
            ended += ends[2];
        }
    }
    assert!(settled > 1_000 && ended > 300, "{settled} settled, {ended} did not");
}

#[test]
fn when_as_many_wait_as_may_no_more_do() {
    let mut clearing = opened();
    let until = Time(100 * SECOND);
    let most = Clearing::SENT_WAITING_OF_ONE_MAX as u64;
    let commands: Vec<_> = (1..=most).map(|number| send(number, 0, 1, 501, Priority::Normal, until)).collect();
    let applied = clearing.apply_block(Time(2 * SECOND), &commands);
    assert!(applied.outcomes.iter().all(|outcome| *outcome == Outcome::Done));
    assert_eq!(clearing.waiting_transfers().count() as u64, most);
    let more = [send(most + 1, 0, 3, 1, Priority::High, until), send(1, 0, 1, 501, Priority::Normal, until)];
    let applied = clearing.apply_block(Time(3 * SECOND), &more);
    assert_eq!(applied.outcomes, [Outcome::Refused(Refusal::Full), Outcome::Done], "what waits is still known");
    let others = clearing.apply_block(Time(4 * SECOND), &[send(most + 2, 2, 3, 1, Priority::High, until)]);
    assert_eq!(others.outcomes, [Outcome::Done], "nobody stops the others");
    clearing.apply_block(until, &[]);
    assert_eq!(clearing.waiting_transfers().count(), 0);
    let applied = clearing.apply_block(until, &[send(most + 1, 0, 3, 1, Priority::High, until.after(1))]);
    assert_eq!(applied.outcomes, [Outcome::Done]);
}

#[test]
fn who_may_not_any_more_stops_nobody_else() {
    let mut clearing = opened();
    let until = Time(100 * SECOND);
    // Behind what A cannot pay, something for D; between B, C and E a ring.
    let sends = [
        send(1, 0, 1, 501, Priority::Normal, until),
        send(2, 0, 3, 600, Priority::Normal, until),
        send(3, 1, 2, 900, Priority::Normal, until),
        send(4, 2, 4, 900, Priority::Normal, until),
    ];
    clearing.apply_block(Time(2 * SECOND), &sends);
    let suspend = Command::SetStatus { participant: ParticipantId(3), status: ParticipantStatus::Suspended };
    clearing.apply_block(Time(3 * SECOND), &[suspend, send(5, 4, 1, 900, Priority::Normal, until)]);
    for number in 3..=5 {
        assert_eq!(clearing.sent_transfer(named(number)).unwrap().1, SentState::Settled, "{number}");
    }
    assert_eq!(clearing.sent_transfer(named(1)).unwrap().1, SentState::Waiting);
}
