//! Every committed input of every target: made by our writers, or left behind by a bug that was fixed.

#![allow(clippy::unwrap_used)] // a test that cannot go on has failed

use fuzzing::{TARGETS, Target, drive, target};

/// Runs one target over its corpus: what was found broken once holds.
fn replay(name: &str) {
    let target = target(name).unwrap();
    let corpus = drive::corpus(target).unwrap();
    for (file, input) in &corpus {
        drive::run_one(target, input).unwrap_or_else(|why| panic!("{name}/{file}: {why}"));
    }
    let written = (target.seeds)();
    assert!(!written.is_empty());
    for (seed, input) in written {
        let committed = corpus.iter().find(|(file, _)| *file == seed).map(|(_, committed)| committed);
        assert_eq!(committed, Some(&input), "{name}/{seed} is not what our writers write; `fuzzing --write-seeds`");
    }
}

macro_rules! replayed {
    ($($name:ident,)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        const REPLAYED: &[&str] = &[$(stringify!($name)),*];
    };
}

replayed! {
    iso_message,
    signature_headers,
    block_bytes,
    snapshot,
    receipt,
    journal,
    bank_input,
    gateway_json,
    inbox_stream,
    erasures,
}

#[test]
fn every_target_is_replayed_and_has_a_wrapper() {
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names, REPLAYED);
    for name in names {
        let wrapper = drive::folder().join(format!("libfuzzer/fuzz_targets/{name}.rs"));
        assert!(std::fs::read_to_string(wrapper).unwrap().contains(&format!("execute(\"{name}\"")), "{name}");
    }
}

/// The corpus is small: it is there to begin from, not to remember everything.
#[test]
fn the_corpus_is_small() {
    for target in TARGETS {
        let bytes: usize = drive::corpus(target).unwrap().iter().map(|(_, input)| input.len()).sum();
        assert!(bytes <= 24 << 10, "{}: {bytes} bytes", target.name);
    }
}

/// Seeds but for damaged journals are what the product accepts: a target whose seeds are refused looks at nothing.
#[test]
fn seeds_are_accepted() {
    const REFUSED: [&str; 5] = ["request-stale", "request-early", "record", "return", "lines"];
    let accepted = |target: &Target| target.name != "journal";
    for target in TARGETS.iter().filter(|target| accepted(target)) {
        for (name, input) in (target.seeds)() {
            let expected = !REFUSED.contains(&name.as_str()) && name != "bare-rate";
            assert_eq!((target.run)(&input), expected, "{}/{name}", target.name);
        }
    }
}
