//! Numbers of signing keys, who may have them, and what is kept of them.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    Arrangement, Bic, Clearing, Command, Event, EventKind, IndexSeed, Outcome, ParticipantId, ParticipantKey, ParticipantStatus,
    RegisterParticipant, SetKey, Time, VerifyingKey, laws,
};

const SECOND: u64 = 1_000_000_000;
const BANK: ParticipantId = ParticipantId(0);
const OPEN: Time = ParticipantKey::OPEN;

fn register(byte: u8) -> Command {
    let bic = Bic::parse("HARBHKHHXXX").unwrap();
    Command::RegisterParticipant(RegisterParticipant {
        bic,
        name: "Harbour".into(),
        key: [byte; 32],
        provides_exchange: false,
        currencies: vec![],
    })
}

fn key(number: u16, byte: u8, until: Time) -> ParticipantKey {
    ParticipantKey { number, key: VerifyingKey::Ed25519([byte; 32]), from: Time(0), until }
}

fn set(key: ParticipantKey) -> Command {
    Command::Arrange(Arrangement::SetKey(SetKey { participant: BANK, key }))
}

/// The answer to one command in a block of its own: `ok`, or a refusal's code; and what it told.
fn run(clearing: &mut Clearing, second: u64, command: Command) -> (String, Vec<Event>) {
    let applied = clearing.apply_block(Time(second * SECOND), &[command]);
    assert_eq!(laws::check_all(clearing), []);
    let answer = match &applied.outcomes[0] {
        Outcome::Refused(refusal) => refusal.code().to_owned(),
        _ => "ok".to_owned(),
    };
    (answer, applied.events)
}

fn keys(clearing: &Clearing) -> Vec<(u16, u8, Time)> {
    let view = clearing.participants().next().unwrap();
    let byte = |key: &ParticipantKey| if let VerifyingKey::Ed25519(bytes) = key.key { bytes[0] } else { 0 };
    view.keys.iter().map(|key| (key.number, byte(key), key.until)).collect()
}

#[test]
fn numbers_go_on_and_keep_their_keys() {
    let mut clearing = Clearing::new(IndexSeed(1));
    assert_eq!(run(&mut clearing, 1, set(key(2, 5, OPEN))).0, "CLR-1003");
    run(&mut clearing, 2, register(1));
    for (second, wanted, answer) in [
        (3, key(2, 5, OPEN), "ok"),
        (4, key(2, 5, OPEN), "ok"),
        (5, key(2, 6, OPEN), "CLR-1225"),
        (6, key(3, 5, OPEN), "CLR-1225"),
        (7, key(4, 6, OPEN), "CLR-1226"),
        (8, key(3, 6, Time(0)), "CLR-1224"),
        (9, key(3, 6, OPEN), "ok"),
        (10, key(1, 1, Time(10)), "ok"),
        (11, key(1, 2, OPEN), "CLR-1225"),
    ] {
        assert_eq!(run(&mut clearing, second, set(wanted)).0, answer, "{wanted:?}");
    }
    assert_eq!(keys(&clearing), [(1, 1, Time(10)), (2, 5, OPEN), (3, 6, OPEN)]);
    for number in 4..=8 {
        run(&mut clearing, 20, set(key(number, number as u8 + 10, OPEN)));
    }
    // The first is over and makes room; then nothing is.
    assert_eq!(run(&mut clearing, 21, set(key(9, 99, OPEN))).0, "ok");
    assert_eq!(run(&mut clearing, 22, set(key(10, 98, OPEN))).0, "CLR-1020");
    assert_eq!(keys(&clearing).first(), Some(&(2, 5, OPEN)));
    // A list of participants from before brings no key back.
    run(&mut clearing, 23, register(1));
    assert_eq!(keys(&clearing).first(), Some(&(2, 5, OPEN)));
}

#[test]
fn a_change_is_told_once_and_survives_a_snapshot() {
    let mut clearing = Clearing::new(IndexSeed(1));
    run(&mut clearing, 1, register(1));
    let point = ParticipantKey { key: VerifyingKey::P256([2; 33]), ..key(2, 0, OPEN) };
    let told = |events: Vec<Event>| events.into_iter().filter(|event| matches!(event.kind, EventKind::Arranged(_))).count();
    assert_eq!(told(run(&mut clearing, 2, set(point)).1), 1);
    assert_eq!(told(run(&mut clearing, 3, set(point)).1), 0, "nothing has changed");
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    let mut again = Clearing::decode_snapshot(&bytes, IndexSeed(2)).unwrap();
    let view = again.participants().next().unwrap();
    assert_eq!((view.key_at(2, Time(0)), view.key_at(1, Time(9))), (Some(point.key), Some(VerifyingKey::Ed25519([1; 32]))));
    assert_eq!(view.key_at(3, Time(0)), None);
    for clearing in [&mut clearing, &mut again] {
        let over = ParticipantKey { until: Time(5), ..point };
        clearing.apply_block(Time(4 * SECOND), &[set(over)]);
        assert_eq!(clearing.participants().next().unwrap().key_at(2, Time(5)), None);
    }
    assert_eq!(clearing.state_root(), again.state_root());
}

#[test]
fn who_has_left_gets_no_key() {
    let mut clearing = Clearing::new(IndexSeed(1));
    run(&mut clearing, 1, register(1));
    run(&mut clearing, 2, Command::SetStatus { participant: BANK, status: ParticipantStatus::Suspended });
    assert_eq!(run(&mut clearing, 3, set(key(2, 5, OPEN))).0, "ok", "who was stopped because of a key may have another");
    run(&mut clearing, 4, Command::SetStatus { participant: BANK, status: ParticipantStatus::Left });
    assert_eq!(run(&mut clearing, 5, set(key(3, 6, OPEN))).0, "CLR-1101");
}
