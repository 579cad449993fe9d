//! Orders of two officers: what they may do, and that they do it once.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use clearing::{
    Bic, Broadcast, Carries, ChainNode, Clearing, Command, EventKind, IndexSeed, IsoReason, Letter, LetterKind, Officer, Order,
    OrderId, Outcome, ParticipantId, ParticipantStatus, RegisterParticipant, Roles, SetNodes, Time,
};
use money::{Currency, CurrencyCode};

const DAY: u64 = 86_400 * 1_000_000_000;

fn officer(n: u8) -> Officer {
    Officer { key: [n; 32], name: format!("officer {n}"), roles: Roles::SIGNING }
}

fn node(n: u8, votes: bool) -> ChainNode {
    ChainNode { key: [n; 32], name: format!("operator {n}"), address: format!("10.0.0.{n}:7000"), votes }
}

fn nodes(version: u64, nodes: &[ChainNode]) -> Command {
    Command::SetNodes(SetNodes { version, nodes: nodes.to_vec() })
}

fn suspend(status: ParticipantStatus) -> Command {
    Command::SetStatus { participant: ParticipantId(0), status }
}

fn order(id: u8, officers: [u8; 2], does: Command) -> Command {
    let officers = officers.map(|n| [n; 32]);
    Command::Order(Order { id: OrderId([id; 16]), valid_until: Time(2 * DAY), officers, does: Box::new(does) })
}

/// One bank, officers 1, 2 and 3.
fn scheme() -> Clearing {
    let register = RegisterParticipant {
        bic: Bic::parse("HARBHKHHXXX").unwrap(),
        name: "Harbour".into(),
        key: [9; 32],
        provides_exchange: false,
        currencies: vec![CurrencyCode::HKD],
    };
    let mut clearing = Clearing::new(IndexSeed(1));
    let applied = clearing.apply_block(
        Time(DAY),
        &[
            Command::OpenLedger(Currency { code: CurrencyCode::HKD, exponent: 2 }),
            Command::RegisterParticipant(register),
            Command::AppointOfficers(vec![officer(1), officer(2), officer(3)]),
        ],
    );
    assert_eq!(applied.outcomes, [Outcome::Done, Outcome::Registered(ParticipantId(0)), Outcome::Done]);
    clearing
}

fn run(clearing: &mut Clearing, command: Command) -> Outcome {
    let time = clearing.time();
    clearing.apply_block(time, &[command]).outcomes.remove(0)
}

/// The code of its refusal.
fn refused(clearing: &mut Clearing, command: Command) -> &'static str {
    let before = (clearing.officers().to_vec(), clearing.nodes().to_vec(), clearing.participants().next());
    match run(clearing, command) {
        Outcome::Refused(refusal) => {
            assert_eq!(before, (clearing.officers().to_vec(), clearing.nodes().to_vec(), clearing.participants().next()));
            refusal.code()
        }
        other => panic!("{other:?}"),
    }
}

fn status(clearing: &Clearing) -> ParticipantStatus {
    clearing.participants().next().unwrap().status
}

#[test]
fn a_broadcast_is_a_letter_to_everybody_and_only_an_order_makes_one() {
    let mut clearing = scheme();
    let say = |text: &str| Command::Broadcast(Broadcast { event: IsoReason(*b"CUTO"), text: text.into() });
    let time = clearing.time();
    let first = clearing.next_position();
    let applied = clearing.apply_block(time, &[suspend(ParticipantStatus::Live), order(1, [1, 2], say("closing at 23:00"))]);
    let letter = Letter {
        number: 0,
        position: first,
        at: time,
        from: None,
        to: ParticipantId(0),
        kind: LetterKind::Broadcast,
        subject: [0; 16],
        reason: None,
        carries: Carries::Command(1),
    };
    assert_eq!(applied.events.first().map(|event| (event.position, &event.kind)), Some((first, &EventKind::Letter(letter))));
    assert_eq!(clearing.letters(), 1);
    // Brought again it is told done, and nobody hears it twice.
    assert_eq!(run(&mut clearing, order(1, [1, 2], say("closing at 23:00"))), Outcome::Done);
    assert_eq!(clearing.letters(), 1);
    assert_eq!(refused(&mut clearing, say("closing at 23:00")), "CLR-1034");
    for (text, code) in [("", "CLR-1043"), (" ", "CLR-1043"), ("a\nb", "CLR-1043"), (&"x".repeat(1001), "CLR-1019")] {
        assert_eq!(refused(&mut clearing, order(2, [1, 2], say(text))), code, "{text:?}");
    }
}

#[test]
fn an_order_takes_effect_once_and_is_on_record() {
    let mut clearing = scheme();
    let time = clearing.time();
    let stop = order(1, [1, 2], suspend(ParticipantStatus::Suspended));
    let applied = clearing.apply_block(time, std::slice::from_ref(&stop));
    assert_eq!(applied.outcomes, [Outcome::Done]);
    let record = EventKind::OrderCarriedOut { order: OrderId([1; 16]), officers: [[1; 32], [2; 32]], does: "set-status" };
    assert_eq!(applied.events.last().map(|event| &event.kind), Some(&record));
    assert_eq!(run(&mut clearing, order(2, [1, 3], suspend(ParticipantStatus::Live))), Outcome::Done);
    // The first order again: told done, and the bank stays live.
    let root_before = clearing.tree();
    assert_eq!(run(&mut clearing, stop), Outcome::Done);
    assert_eq!((status(&clearing), clearing.tree()), (ParticipantStatus::Live, root_before));
}

#[test]
fn every_refusal_of_an_order() {
    let mut clearing = scheme();
    let stop = || suspend(ParticipantStatus::Suspended);
    let at = |valid_until, does| {
        let officers = [[1; 32], [2; 32]];
        Command::Order(Order { id: OrderId([5; 16]), valid_until: Time(valid_until), officers, does: Box::new(does) })
    };
    assert_eq!(refused(&mut clearing, order(1, [1, 4], stop())), "CLR-1030");
    assert_eq!(refused(&mut clearing, order(1, [1, 1], stop())), "CLR-1030");
    assert_eq!(refused(&mut clearing, at(DAY - 1, stop())), "CLR-1031");
    assert_eq!(refused(&mut clearing, at(9 * DAY, stop())), "CLR-1032");
    assert_eq!(run(&mut clearing, order(2, [2, 3], suspend(ParticipantStatus::Live))), Outcome::Done);
    assert_eq!(refused(&mut clearing, order(2, [2, 3], stop())), "CLR-1033");
    let unknown = Command::SetStatus { participant: ParticipantId(7), status: ParticipantStatus::Live };
    assert_eq!(refused(&mut clearing, order(3, [1, 2], unknown)), "CLR-1003");
    // What was refused left no trace: the same name serves again.
    assert_eq!(run(&mut clearing, order(3, [1, 2], stop())), Outcome::Done);
    assert_eq!(refused(&mut clearing, Command::AppointOfficers(vec![officer(7), officer(8)])), "CLR-1034");
    assert_eq!(refused(&mut clearing, nodes(1, &[node(1, true)])), "CLR-1034");
    for officers in [vec![officer(1)], vec![officer(1), officer(1)], Vec::new()] {
        let appoint = Command::AppointOfficers(officers);
        assert_eq!(refused(&mut clearing, order(4, [1, 2], appoint)), "CLR-1035");
    }
    for bad in [vec![], vec![node(1, false)], vec![node(1, true), node(1, true)]] {
        assert_eq!(refused(&mut clearing, order(4, [1, 2], nodes(1, &bad))), "CLR-1037");
    }
}

#[test]
fn officers_are_replaced_by_order_and_lose_their_word_at_once() {
    let mut clearing = scheme();
    let appoint = Command::AppointOfficers(vec![officer(3), officer(4)]);
    assert_eq!(run(&mut clearing, order(1, [1, 2], appoint)), Outcome::Done);
    assert_eq!(refused(&mut clearing, order(2, [1, 2], suspend(ParticipantStatus::Suspended))), "CLR-1030");
    assert_eq!(run(&mut clearing, order(2, [3, 4], suspend(ParticipantStatus::Suspended))), Outcome::Done);
}

#[test]
fn of_two_changes_of_nodes_drafted_at_once_one_holds() {
    let mut clearing = scheme();
    let (one, two) = ([node(1, true), node(2, true)], [node(1, true), node(3, true)]);
    assert_eq!(run(&mut clearing, order(1, [1, 2], nodes(1, &one))), Outcome::Done);
    assert_eq!(refused(&mut clearing, order(2, [1, 2], nodes(1, &two))), "CLR-1036");
    assert_eq!((clearing.nodes(), clearing.nodes_version()), (&one[..], 1));
    assert_eq!(run(&mut clearing, order(2, [1, 2], nodes(2, &two))), Outcome::Done);
    assert_eq!(clearing.nodes(), &two);
}

#[test]
fn an_order_is_forgotten_only_when_it_is_no_longer_valid() {
    let mut clearing = scheme();
    let stop = order(1, [1, 2], suspend(ParticipantStatus::Suspended));
    assert_eq!(run(&mut clearing, stop.clone()), Outcome::Done);
    clearing.apply_block(Time(2 * DAY), &[]);
    assert!(clearing.was_carried_out(OrderId([1; 16])));
    clearing.apply_block(Time(2 * DAY + 1), &[]);
    assert!(!clearing.was_carried_out(OrderId([1; 16])));
    assert_eq!(refused(&mut clearing, stop), "CLR-1031");
}

#[test]
fn bytes_and_snapshots_read_back_and_nothing_nests() {
    let mut clearing = scheme();
    let set = nodes(1, &[node(1, true), node(2, false)]);
    let commands = [order(1, [1, 2], set), Command::AppointOfficers(vec![officer(1), officer(2)])];
    for command in &commands {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        let mut rest = &bytes[..];
        assert_eq!(Command::decode(&mut rest).as_ref(), Ok(command));
        assert!(rest.is_empty());
        for cut in 0..bytes.len() {
            assert!(Command::decode(&mut &bytes[..cut]).is_err());
        }
    }
    let mut nested = Vec::new();
    order(1, [1, 2], commands[0].clone()).encode(&mut nested);
    assert!(Command::decode(&mut &nested[..]).is_err());
    let mut unsorted = Vec::new();
    order(1, [2, 1], commands[1].clone()).encode(&mut unsorted);
    assert!(Command::decode(&mut &unsorted[..]).is_err());

    run(&mut clearing, commands[0].clone());
    let mut bytes = Vec::new();
    clearing.encode_snapshot(&mut bytes);
    let back = Clearing::decode_snapshot(&bytes, IndexSeed(2)).unwrap();
    assert_eq!((back.officers(), back.nodes(), back.nodes_version()), (clearing.officers(), clearing.nodes(), 1));
    assert!(back.was_carried_out(OrderId([1; 16])));
    let mut again = Vec::new();
    back.encode_snapshot(&mut again);
    assert_eq!(again, bytes);
}

/// Bytes of an order in blocks, kept for ever.
#[test]
fn golden_bytes_of_an_order() {
    let mut bytes = Vec::new();
    order(0xAB, [1, 2], suspend(ParticipantStatus::Suspended)).encode(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (one, two) = ("01".repeat(32), "02".repeat(32));
    assert_eq!(hex, format!("14{}00009e22299d0000{one}{two}040000000001", "ab".repeat(16)));
}
