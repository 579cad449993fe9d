//! Snapshots as bytes: damaged ones are refused, read ones are what they say, and checking them never fails to end.

use crate::Target;
use crate::scheme::{START, day, genesis, pay};
use clearing::{Clearing, IndexSeed, Time, laws};

pub(crate) const TARGET: Target = Target {
    name: "snapshot",
    about: "a state that is read is written as the same bytes; its laws can be judged; no table is longer than its bytes",
    run,
    seeds,
    words: &["HKD", "CNY", "HARBHKHHXXX", "\0\0\0\0", "\u{1}\0\0\0", "\u{2}\0\0\0", "\u{7f}\u{7f}\u{7f}\u{7f}"],
};

fn run(input: &[u8]) -> bool {
    let Ok(clearing) = Clearing::decode_snapshot(input, IndexSeed(1)) else { return false };
    let mut again = Vec::new();
    clearing.encode_snapshot(&mut again);
    assert_eq!(again, input, "one encoding of a state");
    // What is broken is said, not stumbled over.
    let _ = laws::check_all(&clearing);
    assert!(clearing.payments().len() <= input.len() && clearing.accounts().count() <= input.len());
    true
}

fn seeds() -> Vec<(String, Vec<u8>)> {
    let mut clearing = Clearing::new(IndexSeed(1));
    let mut snapshot = |name: &str, time, commands: &[_]| {
        clearing.apply_block(Time(time), commands);
        let mut bytes = Vec::new();
        clearing.encode_snapshot(&mut bytes);
        (name.to_owned(), bytes)
    };
    vec![
        snapshot("genesis", START, &genesis()),
        snapshot("day", START + 1, &day()),
        snapshot("exchanged", START + 2, &[pay(10, Some(1))]),
    ]
}
