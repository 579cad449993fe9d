//! Commands as bytes: one encoding of each, and a centre that keeps its laws whatever commands a block holds.

use crate::Target;
use crate::scheme::{START, answer, day, genesis, pay};
use clearing::{Clearing, Command, IndexSeed, Time, laws};

pub(crate) const TARGET: Target = Target {
    name: "block_bytes",
    about: "decoded commands encode as they were; applied to a scheme they keep every law and replay to the same root",
    run,
    seeds,
    words: &["HKD", "CNY", "JPY", "HARBHKHHXXX", "ZZZZZZZZXXX", "AC04", "\0\0\0\0", "\u{1}\0\0\0", "\u{7f}\u{7f}\u{7f}\u{7f}"],
};

/// Most commands of an input that are applied: more only take longer.
const COMMANDS_MAX: usize = 64;

fn run(input: &[u8]) -> bool {
    let mut rest = input;
    let mut commands = Vec::new();
    while !rest.is_empty() && commands.len() < COMMANDS_MAX {
        let before = rest;
        let Ok(command) = Command::decode(&mut rest) else { break };
        let mut encoded = Vec::new();
        command.encode(&mut encoded);
        assert_eq!(encoded, before[..before.len() - rest.len()], "one encoding of {command:?}");
        commands.push(command);
    }
    if commands.is_empty() {
        return false;
    }
    let (one, two) = (applied(&commands, 1), applied(&commands, 2));
    assert_eq!(one.state_root(), two.state_root(), "the seed of the index shows in the state");
    assert_eq!(one.tree(), two.tree());
    assert_eq!(laws::check_all(&one), [], "after {commands:?}");
    let (mut first, mut second) = (Vec::new(), Vec::new());
    one.encode_snapshot(&mut first);
    let again = Clearing::decode_snapshot(&first, IndexSeed(3)).expect("a snapshot is read back");
    again.encode_snapshot(&mut second);
    assert_eq!(first, second, "a snapshot is read back as it was written");
    true
}

/// A scheme with payments open, then the commands in two blocks, then time passing until every deadline is over.
fn applied(commands: &[Command], seed: u64) -> Clearing {
    let mut clearing = Clearing::new(IndexSeed(seed));
    clearing.apply_block(Time(START), &genesis());
    clearing.apply_block(Time(START + 1), &day());
    let (one, two) = commands.split_at(commands.len() / 2);
    clearing.apply_block(Time(START + 2), one);
    clearing.apply_block(Time(START + 3_000_000_000), two);
    while let Some(deadline) = clearing.next_deadline() {
        if deadline > Time(u64::MAX / 2) {
            break;
        }
        let finals = clearing.tree().0;
        clearing.apply_block(Time(deadline.0.max(clearing.time().0 + 1)), &[]);
        if clearing.tree().0 == finals && clearing.next_deadline() == Some(deadline) {
            panic!("a deadline that is over stays due");
        }
    }
    clearing
}

fn encoded(commands: &[Command]) -> Vec<u8> {
    let mut bytes = Vec::new();
    commands.iter().for_each(|command| command.encode(&mut bytes));
    bytes
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let payments = [pay(9, None), answer(9, true), pay(10, Some(1)), answer(10, true), answer(3, true)];
    [("genesis", encoded(&genesis())), ("day", encoded(&day())), ("payments", encoded(&payments))]
        .map(|(name, bytes)| (name.to_owned(), bytes))
        .into()
}
